"""Progress of a run on a terminal: calls answered of calls predicted.

In: the events of a run. Out: a bar on a terminal, a line now and then where the stream is none. The total is the
predicted number of calls, an upper bound where it is not exact: the bar says so. Costs a counter an event; drawing is
limited to ten times a second.
"""
from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

from .events import Event

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["Progress"]

_DRAW: Final = 0.1      # seconds between two drawings
_LINE: Final = 5.0      # seconds between two lines where there is no terminal


class Progress:
    """A context manager; call it with every event. `total` is None where no bound is known."""

    def __init__(self, stream: TextIO, total: int | None, exact: bool) -> None:
        self._stream, self._total, self._exact = stream, total, exact
        self._answered = self._failed = self._retried = 0
        self._said = ""
        self._drawn = time.monotonic()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar
            self._bar = Bar(TextColumn("calls"), BarColumn(), TextColumn("{task.fields[shown]}"), TimeElapsedColumn(),
                            console=Console(file=self._stream), auto_refresh=False, transient=True)
            self._task = self._bar.add_task("", total=self._total, shown=self._shown())
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._draw()
            self._bar.stop()

    def __call__(self, event: Event) -> None:
        match event.kind:
            case "answered":
                self._answered += 1
            case "failed":
                self._failed += 1
            case "retried":
                self._retried += 1
            case "notice" | "waiting" if event.message:
                self._say(event.message)
                return
            case _:
                return
        now = time.monotonic()
        if now - self._drawn >= (_LINE if self._bar is None else _DRAW):
            self._drawn = now
            self._draw()

    def _say(self, message: str) -> None:
        """A line of its own, once for the same message in a row."""
        if message == self._said:
            return
        self._said = message
        if self._bar is None:
            print(f"  {message}", file=self._stream, flush=True)
        else:
            self._bar.console.print(f"  {message}", markup=False, highlight=False)

    def _draw(self) -> None:
        if self._bar is None or self._task is None:
            print(f"  {self._shown()}", file=self._stream, flush=True)
        else:
            self._bar.update(self._task, completed=self._answered + self._failed, shown=self._shown(), refresh=True)

    def _shown(self) -> str:
        done = self._answered + self._failed
        of = "" if self._total is None else f" of {'' if self._exact else 'at most '}{self._total:,}"
        counts = ((self._retried, "tried again"), (self._failed, "failed"))
        extra = [f"{count} {what}" for count, what in counts if count]
        return f"{done:,}{of}" + (f" ({', '.join(extra)})" if extra else "")
