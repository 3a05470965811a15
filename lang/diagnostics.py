"""What is wrong with a program, as data.

In: found by `parser`, `names`, `check` and the compiler's passes. Out: read by `render`
(for people) and by `to_json` (for scripts). Holds no layout and no colour. The wording
of a message stands beside the check that finds the fault; `codes` holds the long form.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .source import Span

__all__ = ["MAX_ERRORS", "Diagnostic", "Label", "Severity"]

MAX_ERRORS = 200
"""Nobody reads more of them."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """Another place that matters, and what is to be seen there: the other half of a disagreement."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning.

    `message` is one sentence that makes sense alone; `hint` says what to write instead.
    A code that begins with W is a warning whatever `severity` says, so that it need not be repeated.
    """

    code: str
    message: str
    span: Span
    hint: str = ""
    labels: tuple[Label, ...] = ()
    severity: Severity = "error"

    def __post_init__(self) -> None:
        if self.code.startswith("W"):
            object.__setattr__(self, "severity", "warning")

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """The order in which diagnostics are shown: by file, then by place."""
        return self.span.source.name, self.span.start, self.span.end, self.code, self.message

    def to_json(self) -> dict[str, str | int]:
        """The shape that scripts read; lines and columns count from 1, the end is excluded."""
        line, column, end_line, end_column = self.span.place
        return {
            "code": self.code, "message": self.message, "hint": self.hint, "file": self.span.source.name,
            "line": line, "column": column, "end_line": end_line, "end_column": end_column,
        }
