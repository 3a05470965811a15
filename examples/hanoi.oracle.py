"""The right answer to each call of `hanoi.orch`, for `orch run --backend sim --oracle`."""

from __future__ import annotations


def state_move(disk: int, source: str, target: str) -> dict[str, int | str]:
    """The move that was asked for."""
    return {"disk": disk, "source": source, "target": target}
