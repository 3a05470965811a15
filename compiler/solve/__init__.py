"""The solver of recurrences: closed forms and orders of growth, each checked against its recurrence.

solve(system, side)     one goal, one side
solve_text(text)        a system as text: the object that `orch solve --format json` prints
"""

from __future__ import annotations

from .answer import solve
from .model import Solution
from .report import solve_text

__all__ = ["Solution", "solve", "solve_text"]
