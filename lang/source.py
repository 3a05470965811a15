"""Source text and places in it.

In: the bytes or the text of one `.orch` file. Out: `Source` and `Span`, which turn
offsets into lines and columns. Does not parse.
"""
from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

__all__ = ["Source", "Span"]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file of program text. `name` is what diagnostics show, usually a path."""

    name: str
    text: str
    _starts: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        object.__setattr__(self, "_starts", starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character offset."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (counted from 1) without its end."""
        if not 1 <= number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` (included) to `end` (excluded) of a source."""

    source: Source
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of another one of the same source."""
        return Span(self.source, self.start, max(self.end, other.end))

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Line, column, end line, end column; all counted from 1."""
        return (*self.source.position(self.start), *self.source.position(self.end))
