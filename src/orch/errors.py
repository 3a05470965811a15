"""What goes wrong, as exceptions of the Python API.

In: diagnostics. Out: `OrchError`, which shows them as the command does, and `InternalError`, which is a bug in Orch and
says in which stage. A diagnostic without a place in a program (a wrong option, a missing file) has the span `NOWHERE`.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .lang.diagnostics import Diagnostic
from .lang.source import Source, Span

__all__ = ["NOWHERE", "InternalError", "OrchError", "diagnostic_json", "expect", "fault", "show_diagnostics", "stage"]

NOWHERE = Span(Source("", ""), 0, 0)


class OrchError(Exception):
    """What is wrong, as diagnostics; `str` shows them with their lines, as the command does.

    `exit_code` is the command's: 1 the program, 2 how it was called, 3 a run failed, 4 a budget was reached.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic], exit_code: int = 1) -> None:
        super().__init__(diagnostics[0].message if diagnostics else "unknown error")
        self.diagnostics = tuple(diagnostics)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return "\n" + show_diagnostics(self.diagnostics).rstrip()

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the diagnostics, for the frames within Orch help nobody."""
        return show_diagnostics(self.diagnostics).splitlines()


class InternalError(Exception):
    """A bug in Orch, with the stage in which it showed."""

    def __init__(self, stage: str, cause: BaseException) -> None:
        super().__init__(f"internal error in stage {stage}: {type(cause).__name__}: {cause}")
        self.stage = stage


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Says in which stage an unexpected exception was raised."""
    try:
        yield
    except (OrchError, InternalError):
        raise
    except Exception as e:
        raise InternalError(name, e) from e


def fault(code: str, message: str, hint: str = "", exit_code: int = 2) -> OrchError:
    """An error that has no place in a program."""
    return OrchError([Diagnostic(code, message, NOWHERE, hint)], exit_code)


def expect(what: str, value: object, kinds: type | tuple[type, ...], shown: str, hint: str = "") -> None:
    """Raises OrchError if a caller gave a value of another type than that which `shown` names."""
    if not isinstance(value, kinds):
        raise fault("E0800", f"{what} is {shown}, not {value!r:.60} (of type {type(value).__name__}).", hint)


def show_diagnostics(found: Sequence[Diagnostic], *, colour: bool = False, width: int = 100) -> str:
    """For people; a diagnostic without a place is its sentence and its hint."""
    from .lang.render import render
    placed = [d for d in found if d.span is not NOWHERE]
    parts = [f"{d.severity}[{d.code}]: {d.message}\n" + (f"  = hint: {d.hint}\n" if d.hint else "")
             for d in found if d.span is NOWHERE]
    if placed:
        parts.append(render(placed, colour=colour, width=width))
    return "\n".join(parts)


def diagnostic_json(d: Diagnostic) -> dict[str, Any]:
    """The shape that scripts read; without a place, the place is null."""
    found: dict[str, Any] = d.to_json()
    if d.span is NOWHERE:
        found.update(file=None, line=None, column=None, end_line=None, end_column=None)
    return found
