"""Progress of a run on a terminal: calls answered of calls predicted, calls in flight, dollars spent and to come.

In: the events of a run. Out: a bar on a terminal, a line now and then where the stream is none. The totals are those
that were predicted, upper bounds where they are not exact: the bar says so. Costs a few additions an event; drawing is
limited to ten times a second.
"""
from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

from ..compiler.figures import figure_text
from .events import Event

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["Progress"]

_DRAW: Final = 0.1      # seconds between two drawings
_LINE: Final = 5.0      # seconds between two lines where there is no terminal


class Progress:
    """A context manager; call it with every event.

    `total` and `dollars` are what was predicted at most, None where no bound is known; `exact`: the total is no bound
    but the number. `budget`: dollars that may be paid, None where nothing limits them.
    """

    def __init__(
        self, stream: TextIO, total: int | None, exact: bool, dollars: float | None = None, budget: float | None = None,
    ) -> None:
        self._stream, self._total, self._exact, self._dollars, self._budget = stream, total, exact, dollars, budget
        self._answered = self._failed = self._retried = self._in_flight = 0
        self._spent: float | None = 0.0
        self._known = 0.0       # dollars of the calls that are done, those that were not paid now included
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
            case "sent":
                self._in_flight += event.model != ""
                return
            case "answered":
                self._answered += 1
            case "failed":
                self._failed += event.model != ""
            case "retried":
                self._retried += 1
            case "tool" | "cancelled":
                pass
            case "notice" | "waiting":
                self._in_flight -= event.kind == "waiting"      # the call is back in its queue
                if event.message:
                    self._say(event.message)
                return
            case _:
                return
        if not event.cached:
            self._in_flight -= event.model != ""
            if self._spent is not None:
                self._spent = None if event.dollars is None else self._spent + event.dollars
        if event.dollars is not None and event.kind != "retried":
            self._known += event.dollars
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
        parts = [f"{done:,}{of}" + (f" ({', '.join(extra)})" if extra else ""), f"{self._in_flight:,} in flight"]
        if self._spent is not None and (self._spent or self._dollars):
            parts.append(f"{figure_text(self._spent, 'dollars')} spent")
            if self._dollars is not None:
                parts.append(f"at most {figure_text(max(0.0, self._dollars - self._known), 'dollars')} to come")
        if self._spent is not None and self._budget is not None:
            parts.append(f"{figure_text(max(0.0, self._budget - self._spent), 'dollars')} of the budget left")
        return ", ".join(parts)
