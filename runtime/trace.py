"""The trace of a run: one JSON object a line for everything that happens, in the order in which it happens.

In: events. Out: lines in a file, each written whole as soon as it is known, so that a run that is killed leaves every
line but perhaps its last. A trace holds no prompts and no answers but the answers that a vote counts; keys are in no
event. A disk that takes no more ends the trace, not the run: `fault` says so afterwards.

Fields are those of `Event` under their names (`input_tokens` for prompt and `output_tokens` for answer), without those
that a kind does not have. A place is 16 hexadecimal digits, for JSON's numbers end at 2**53.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

from .events import Event

__all__ = ["Trace"]

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

#: Kinds that are about one call of a model or tool.
_CALLS: Final = frozenset({"sent", "answered", "tool", "retried", "failed", "cancelled"})


class Trace:
    """A context manager, and a watcher. Raises OSError on entering if the file cannot be made."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file: TextIO | None = None
        self.fault: str | None = None

    def __enter__(self) -> Trace:
        self._file = open(self._path, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def __call__(self, event: Event) -> None:
        if self._file is None:
            return
        try:
            self._file.write(_encode(_line(event)) + "\n")
        except OSError as e:
            self.fault = (e.strerror or str(e)).lower()
            self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as e:
                self.fault = self.fault or (e.strerror or str(e)).lower()


def _line(event: Event) -> dict[str, Any]:
    line: dict[str, Any] = {"event": event.kind, "time": round(event.time, 6)}
    if event.name:
        line["name"] = event.name
    if event.place:
        line["place"] = f"{event.place:016x}"
    if event.model:
        line["model"] = event.model
    if event.kind in _CALLS:
        line["attempt"] = event.attempt
        line["input_tokens"] = event.prompt
        if event.kind != "sent":
            line["output_tokens"] = event.answer
            line["dollars"] = event.dollars
            line["cached"] = event.cached
        if event.billed is not None:
            line["billed_input_tokens"], line["billed_output_tokens"] = event.billed
    if event.seconds is not None:
        line["seconds"] = round(event.seconds, 6)
    if event.message:
        line["message"] = event.message
    if event.details:
        line.update(event.details)
    return line
