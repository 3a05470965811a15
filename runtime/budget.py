"""Budgets: what a run may pay, and that it never pays more, however many calls are in flight.

In: limits; what a call could cost at most, before it is sent; what it did cost. Out: whether it may be sent. The most
that a call can cost is set aside before it leaves, and what it did not use comes back with its answer, so that what is
spent and what is set aside together never exceed a limit. What was paid counts: attempts that brought nothing
included, answers from a journal or a cache not.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from .meter import SCALE

__all__ = ["NOTHING", "Budget", "Cost", "Ledger"]


class Cost(NamedTuple):
    """Calls of models, tokens (read and written), and dollars in whole numbers of 10**-12; None where unknown."""

    calls: int
    tokens: int
    dollars: int | None

    def plus(self, other: Cost) -> Cost:
        dollars = None if self.dollars is None or other.dollars is None else self.dollars + other.dollars
        return Cost(self.calls + other.calls, self.tokens + other.tokens, dollars)


NOTHING: Final = Cost(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a run may pay in all; None is no limit."""

    calls: int | None = None
    tokens: int | None = None
    dollars: Fraction | None = None

    @property
    def given(self) -> bool:
        return self.calls is not None or self.tokens is not None or self.dollars is not None

    def limits(self) -> tuple[tuple[str, int], ...]:
        """The limits that there are, by name, in the units of `Cost`."""
        dollars = None if self.dollars is None else int(self.dollars * SCALE)
        named = (("calls", self.calls), ("tokens", self.tokens), ("dollars", dollars))
        return tuple([(name, value) for name, value in named if value is not None])


class Ledger:
    """What is spent, `before` this process took the run up and since, and what is set aside for calls in flight."""

    def __init__(self, budget: Budget, before: Cost = NOTHING) -> None:
        self._limits: Final = budget.limits()
        self._before: Final = before
        self.paid = NOTHING
        self.aside = NOTHING

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self._limits)

    @property
    def spent(self) -> Cost:
        return self._before.plus(self.paid)

    def reserve(self, cost: Cost) -> bool:
        """Sets aside the most that a call can cost. False, and nothing is set aside, if that could exceed a limit."""
        if self._limits and self.exceeded(cost) is not None:
            return False
        self.aside = self.aside.plus(cost)
        return True

    def exceeded(self, cost: Cost) -> str | None:
        """The limit that a call of this cost could exceed."""
        so_far = self.spent
        for name, limit in self._limits:
            more, spent, aside = getattr(cost, name), getattr(so_far, name), getattr(self.aside, name)
            if more and (spent is None or aside is None or spent + aside + more > limit):
                return name
        return None

    def settle(self, aside: Cost, used: Cost) -> None:
        """A call has ended: what was set aside for it, and what it did use."""
        have, back = self.aside, aside
        dollars = None if have.dollars is None or back.dollars is None else have.dollars - back.dollars
        self.aside = Cost(have.calls - back.calls, have.tokens - back.tokens, dollars)
        self.paid = self.paid.plus(used)

    def describe(self, name: str, cost: Cost) -> str:
        """Why a call could not be sent, as a sentence."""
        limit = dict(self._limits)[name]
        spent, more = getattr(self.spent, name), getattr(cost, name)
        if name == "dollars":
            said = [_dollars(limit), _dollars(spent), _dollars(more)]
        else:
            said = [f"{limit:,}", f"{spent:,}", f"{more:,}"]
        word = "" if name == "dollars" else f" {name}"
        return f"the budget of {said[0]}{word} is reached: {said[1]} are spent, and the next call could take {said[2]}"


def _dollars(scaled: int | None) -> str:
    if scaled is None:
        return "an unknown sum"
    exact = scaled / SCALE
    return f"${exact:,.2f}" if exact >= 1 and round(exact, 2) == exact else f"${exact:.6g}"
