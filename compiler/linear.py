"""The least value of a linear form over linear inequalities, exactly.

In: a form and inequalities `f >= 0`, as dictionaries from unknowns to rational coefficients (the unknown `()` is the
constant). Out: the largest c such that form - c is a nonnegative combination of the inequalities, with the combination:
by the lemma of Farkas that is the minimum over the reals. Simplex on integers without fractions (Edmonds, 1967),
Bland's rule.
"""
from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

__all__ = ["Minimum", "minimum"]

CONSTANT: Hashable = ()
Form: TypeAlias = Mapping[Any, int | Fraction]
_Line: TypeAlias = dict[int, int | Fraction]
PIVOTS = 400
WORK = 2_000_000        # cells of the table times bits of its longest number


@dataclass(frozen=True, slots=True)
class Minimum:
    """`value`: the minimum (math.inf: the inequalities contradict each other); `used`: weights of the inequalities."""

    value: Fraction | float
    used: dict[int, Fraction]


def minimum(form: Form, facts: Sequence[Form]) -> Minimum | None:
    """The minimum of the form where all facts are >= 0; None if there is none (or it takes too long)."""
    constant = Fraction(form.get(CONSTANT, 0))
    # unknowns may be long to hash: from here on they are numbers
    numbers: dict[Hashable, int] = {}

    def numbered(f: Form) -> _Line:
        return {numbers.setdefault(m, len(numbers)): c for m, c in f.items() if c and m != CONSTANT}

    target, lines = numbered(form), [numbered(f) for f in facts]
    active = _relevant(target, lines)
    if target and not active:
        return None
    rows = list(dict.fromkeys((*target, *(m for i in active for m in lines[i]))))
    scale_e = math.lcm(*(c.denominator for c in target.values()))
    scales = [math.lcm(*(c.denominator for c in facts[i].values())) for i in active]
    table: list[list[int]] = []
    for m in rows:
        row = [int(lines[i].get(m, 0) * s) for i, s in zip(active, scales, strict=True)]
        row.append(int(target.get(m, 0) * scale_e))
        table.append([-x for x in row] if row[-1] < 0 else row)
    cost = [int(facts[i].get(CONSTANT, 0) * s) for i, s in zip(active, scales, strict=True)] + [0]
    if len(table) * len(cost) * max((x.bit_length() for row in (*table, cost) for x in row), default=0) > WORK:
        return None
    solved = _simplex(table, cost)
    if solved is None:
        return None
    value, weights = solved
    used = {i: w * s / scale_e for i, s, w in zip(active, scales, weights, strict=True) if w}
    if value is None:
        return Minimum(math.inf, {})
    return Minimum(constant - value / scale_e, used)


def _relevant(target: _Line, facts: Sequence[_Line]) -> list[int]:
    """Facts that can have a weight: their unknowns have to be cancelled by others, or to occur in the target."""
    active = [(i, [(m, c > 0) for m, c in f.items()]) for i, f in enumerate(facts)]
    while True:
        signs = {(m, c < 0) for m, c in target.items()}
        for _, f in active:
            signs.update(f)
        kept = [(i, f) for i, f in active if all((m, not positive) in signs for m, positive in f)]
        if len(kept) == len(active):
            return [i for i, _ in active]
        active = kept


def _simplex(table: list[list[int]], cost: list[int]) -> tuple[Fraction | None, list[Fraction]] | None:
    """Minimises cost * x where table[:, :-1] * x = table[:, -1], x >= 0.

    (None, _): unbounded below; None: infeasible.
    """
    n = len(cost) - 1
    basis = [-1] * len(table)
    phase1 = [-sum(row[j] for row in table) for j in range(n + 1)]
    objectives = [phase1, list(cost)]
    scale = 1
    steps = 0

    def pivot(r: int, c: int) -> None:
        nonlocal scale
        if table[r][c] < 0:
            table[r] = [-x for x in table[r]]
        row = table[r]
        p = row[c]
        for other in (*table, *objectives):
            if other is not row:
                q = other[c]
                if q:
                    other[:] = [(x * p - q * y) // scale for x, y in zip(other, row, strict=True)]
                elif p != scale:
                    other[:] = [x * p // scale for x in other]
        scale = p
        basis[r] = c

    def run(objective: list[int], limit: int) -> bool | None:
        nonlocal steps
        while True:
            steps += 1
            if steps > limit:
                return None
            entering = next((j for j in range(n) if objective[j] < 0), None)
            if entering is None:
                return True
            best = -1
            for i, row in enumerate(table):
                if row[entering] > 0:
                    # the least of row[-1] / row[entering], of equals the one with the least basis
                    ahead = row[-1] * table[best][entering] - table[best][-1] * row[entering]
                    if best < 0 or ahead < 0 or (ahead == 0 and basis[i] < basis[best]):
                        best = i
            if best < 0:
                return False
            pivot(best, entering)

    if run(phase1, PIVOTS) is None or phase1[-1] != 0:
        return None
    for i in range(len(table) - 1, -1, -1):
        if basis[i] == -1:
            column = next((j for j in range(n) if table[i][j]), None)
            if column is None:
                del table[i], basis[i]
            else:
                pivot(i, column)
    ended = run(objectives[1], PIVOTS)
    if ended is None:
        return None
    weights = [Fraction(0)] * n
    for i, j in enumerate(basis):
        weights[j] = Fraction(table[i][-1], scale)
    if not ended:
        return None, weights
    return sum((w * c for w, c in zip(weights, cost, strict=False)), Fraction(0)), weights
