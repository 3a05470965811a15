"""The right answer to each call of `hanoi_million.orch`, for `orch run --backend sim --oracle`."""

from __future__ import annotations

_NEXT = {"a": "b", "b": "c", "c": "a"}


def step(previous: dict[str, int | str], pegs: list[str]) -> list[object]:
    """The next move of the strategy, from the state alone, and the pegs after it."""
    first = pegs[0]
    if previous["disk"] != 1:
        disk, source, target = 1, first, _NEXT[first]
    else:
        # of the two pegs without disk 1, the smaller top goes onto the other
        for disk, source in enumerate(pegs, 1):  # noqa: B007 - read after the loop
            if source != first:
                break
        target = "abc".replace(first, "").replace(source, "")
    after = [*pegs]
    after[disk - 1] = target
    return [{"disk": disk, "source": source, "target": target}, after]
