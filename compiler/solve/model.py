"""The data of the solver: what a rule is given and what it answers.

A rule never prints, never changes its input and may be wrong: `check` decides. A rule that sees that no answer can
exist raises `Refused`; one that merely does not apply yields nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..expr import TRUE, Cond, Expr

__all__ = ["Closed", "Deadline", "OutOfTime", "Recurrence", "Refused", "Solution"]


class Refused(Exception):
    """The system has no answer: it does not end, has no base case, or grows beyond closed forms."""


class OutOfTime(Exception):
    """The time limit of the system is over."""


class Deadline:
    """A moment after which the solver gives up: in CPU seconds of this thread, whatever else the machine does."""

    __slots__ = ("at",)

    def __init__(self, seconds: float) -> None:
        self.at = time.thread_time() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, perhaps negative."""
        return self.at - time.thread_time()

    def check(self) -> None:
        """Raises OutOfTime when the time is over."""
        if self.left < 0:
            raise OutOfTime


@dataclass(frozen=True, slots=True)
class Solution:
    """What is known of one side of a goal.

    `exact`: `closed` equals the recurrence at every integer point of `valid`; otherwise it lies on the safe side there.
    `order` is free of constants and of dominated terms. `refused` says why no answer exists, `reason` why none was
    found. `theta`: the order was proved by a rule, from both sides. `points`: values of the recurrence at some sizes,
    where there is no closed form.
    """

    closed: Expr | None
    exact: bool
    valid: Cond
    order: Expr | None
    rules: tuple[str, ...]
    refused: str | None = None
    reason: str | None = None
    checked: int = 0
    theta: bool = False
    points: tuple[tuple[dict[str, int], str], ...] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """A rule's answer for one function, over its parameters.

    `form` is None where only the order is proved. `order` is None where it is that of `form`. Both sides of `valid`:
    inside it the form holds (exactly or on the safe side); outside nothing is said.
    """

    form: Expr | None
    exact: bool
    valid: Cond
    rules: tuple[str, ...]
    order: Expr | None = None
    checked: int = 0


@dataclass(frozen=True, slots=True)
class Recurrence:
    """f(v, ...) = sum of coef * f(args) + forcing for v > threshold, and cases below it.

    One variable `var` changes in the calls and decides where the recursion ends; the other parameters are constants
    (`calls` gives the argument at the place of `var` only). `base` are the cases that apply for v <= threshold, in
    order.
    """

    name: str
    params: tuple[str, ...]
    var: str
    threshold: Expr
    base: tuple[tuple[Cond, Expr], ...]
    calls: tuple[tuple[Expr, Expr], ...]
    forcing: Expr
    guard: Cond = TRUE
