"""Where one cost overtakes another as one size grows.

In: two figures as functions of one whole number, and the range to look at. Out: the sizes at which the winner (the one
that costs less) changes, and who wins between them. Every size up to `DENSE` is looked at, further ones on a geometric
grid; between two of these a change is found by bisection, so a pair of changes that lie between two neighbours of the
grid is not seen. Where the difference is a polynomial, the number of its changes of sign is known (Descartes' rule, a
bound on the number of positive roots) and the answer says that it is complete. Pure.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from .curves import Value

__all__ = ["DENSE", "FARTHEST", "Crossing", "Scan", "Stretch", "scan", "sizes_to_try"]

DENSE = 256
FARTHEST = 10 ** 12
LARGEST = 4096          # bits of a cost beyond which nobody will pay it
STRETCHES = 12          # that are told; costs that leap with every rounding change places more often
Figure = Callable[[int], tuple[Value, Value] | None]


@dataclass(frozen=True, slots=True)
class Crossing:
    """At `size`, and up to the next crossing, `winner` (0 or 1) costs less; before it the other one did."""
    size: int
    winner: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sizes `low` to `high` (None: to `FARTHEST`, and on) with one winner; None where both cost the same."""
    low: int
    high: int | None
    winner: int | None


@dataclass(frozen=True, slots=True)
class Scan:
    """`searched_to`: the largest size looked at; `complete`: no other changes, proven; `cut`: there are more."""
    crossings: tuple[Crossing, ...]
    stretches: tuple[Stretch, ...]
    searched_to: int
    complete: bool
    cut: bool


def sizes_to_try(low: int, high: int | None) -> Iterator[int]:
    """Every size up to `DENSE` beyond `low`, then a geometric grid with a factor of 1.1, later of 2."""
    end = FARTHEST if high is None else min(high, FARTHEST)
    x = low
    while x <= end:
        yield x
        x += 1 if x - low < DENSE else max(1, x // 10) if x < 10 ** 6 else x
    if high is not None and low < high <= FARTHEST:
        yield high


def scan(figures: Figure, low: int, high: int | None, polynomial: list[Fraction] | None = None) -> Scan | None:
    """Who wins where, from `low` on. `figures` gives both at a size, None where one is not known.

    `polynomial`: the coefficients of the difference, the constant first, where it is one. None if no size is known.
    """
    signs: list[tuple[int, int]] = []       # size, sign of the second less the first: 1 where the first wins
    for x in sorted(set(sizes_to_try(low, high))):
        s = _sign(figures, x)
        if s is None:
            if signs:
                break
            continue
        signs.append((x, s))
    if not signs:
        return None
    points = list(signs)
    for (a, s), (b, t) in pairwise(signs):
        if s != t and b > a + 1:
            points += _between(figures, a, s, b, t)
    points.sort()
    stretches: list[Stretch] = []
    for x, sign in points:
        winner = None if sign == 0 else 0 if sign > 0 else 1
        if stretches and stretches[-1].winner == winner:
            stretches[-1] = Stretch(stretches[-1].low, x, winner)
        else:
            stretches.append(Stretch(x, x, winner))
    crossings: list[Crossing] = []
    last: int | None = None
    for part in stretches:
        if part.winner is not None:
            if last is not None and part.winner != last:
                crossings.append(Crossing(part.low, part.winner))
            last = part.winner
    farthest = points[-1][0]
    if high is None and farthest * 2 > FARTHEST:
        stretches[-1] = Stretch(stretches[-1].low, None, stretches[-1].winner)
    complete = high is not None and farthest == high and farthest - low <= DENSE
    if polynomial is not None and not complete:
        moved = _shifted(polynomial, signs[0][0])
        complete = _beyond_roots(moved, farthest - signs[0][0]) and _changes(moved) <= len(crossings)
    cut = len(stretches) > STRETCHES
    return Scan(tuple(crossings[:STRETCHES]), tuple(stretches[:STRETCHES]), farthest, complete, cut)


def _sign(figures: Figure, size: int) -> int | None:
    found = figures(size)
    if found is None:
        return None
    a, b = found
    if any(isinstance(x, int | Fraction) and x.numerator.bit_length() > LARGEST for x in found):
        return None
    if isinstance(a, float) and isinstance(b, float) and math.isinf(a) and math.isinf(b):
        return 0
    if isinstance(a, float) or isinstance(b, float):
        x, y = float(a), float(b)
        if abs(x - y) <= 1e-12 * max(abs(x), abs(y)):
            return 0
    return (b > a) - (b < a)


def _between(figures: Figure, a: int, s: int, b: int, t: int) -> list[tuple[int, int]]:
    """Sizes around the change of sign between a and b, ties included."""
    found: list[tuple[int, int]] = []
    todo = [(a, s, b, t)]
    while todo:
        a, s, b, t = todo.pop()
        while b - a > 1:
            middle = (a + b) // 2
            m = _sign(figures, middle)
            if m is None:
                break
            found.append((middle, m))
            if m not in (s, t):
                todo.append((middle, m, b, t))
                b, t = middle, m
            elif m == s:
                a = middle
            else:
                b = middle
    return found


# ---------------------------------------------------------------- polynomials

def _shifted(coefficients: list[Fraction], by: int) -> list[Fraction]:
    """The coefficients of p(x + by)."""
    found: list[Fraction] = []
    for c in reversed(coefficients):        # Horner's scheme with x + by for x
        longer = [Fraction(0), *found]
        found = [a + by * b for a, b in zip(longer, [*found, Fraction(0)], strict=True)]
        found[0] += c
    return found


def _changes(coefficients: list[Fraction]) -> int:
    """Changes of sign in the sequence of coefficients: at most so many positive roots (Descartes)."""
    signs = [c > 0 for c in coefficients if c]
    return sum(1 for a, b in pairwise(signs) if a != b)


def _beyond_roots(coefficients: list[Fraction], x: int) -> bool:
    """Whether x lies beyond all roots (Cauchy's bound)."""
    while coefficients and not coefficients[-1]:
        coefficients = coefficients[:-1]
    if len(coefficients) < 2:
        return True
    *rest, lead = coefficients
    return x > 1 + max(abs(c / lead) for c in rest)
