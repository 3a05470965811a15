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
PIVOTS = 400


@dataclass(frozen=True, slots=True)
class Minimum:
    """`value`: the minimum (math.inf: the inequalities contradict each other); `used`: weights of the inequalities."""

    value: Fraction | float
    used: dict[int, Fraction]


def minimum(form: Form, facts: Sequence[Form]) -> Minimum | None:
    """The minimum of the form where all facts are >= 0; None if there is none (or it took too many steps)."""
    constant = Fraction(form.get(CONSTANT, 0))
    target = {m: c for m, c in form.items() if c and m != CONSTANT}
    active = _relevant(target, facts)
    if target and not active:
        return None
    rows = list(dict.fromkeys((*target, *(m for i in active for m, c in facts[i].items() if c and m != CONSTANT))))
    scale_e = math.lcm(*(Fraction(c).denominator for c in target.values()))
    scales = [math.lcm(*(Fraction(c).denominator for c in facts[i].values())) for i in active]
    table: list[list[int]] = []
    for m in rows:
        row = [int(facts[i].get(m, 0) * s) for i, s in zip(active, scales, strict=True)]
        row.append(int(target.get(m, 0) * scale_e))
        table.append([-x for x in row] if row[-1] < 0 else row)
    cost = [int(facts[i].get(CONSTANT, 0) * s) for i, s in zip(active, scales, strict=True)] + [0]
    solved = _simplex(table, cost)
    if solved is None:
        return None
    value, weights = solved
    used = {i: w * s / scale_e for i, s, w in zip(active, scales, weights, strict=True) if w}
    if value is None:
        return Minimum(math.inf, {})
    return Minimum(constant - value / scale_e, used)


def _relevant(target: Form, facts: Sequence[Form]) -> list[int]:
    """Facts that can have a weight: their unknowns have to be cancelled by others, or to occur in the target."""
    active = set(range(len(facts)))
    while True:
        signs: dict[Hashable, set[bool]] = {m: {c < 0} for m, c in target.items()}
        for i in active:
            for m, c in facts[i].items():
                if c and m != CONSTANT:
                    signs.setdefault(m, set()).add(c > 0)
        useless = {i for i in active
                   if any(c and m != CONSTANT and (c <= 0) not in signs[m] for m, c in facts[i].items())}
        if not useless:
            return sorted(active)
        active -= useless


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
            best: tuple[Fraction, int, int] | None = None
            for i, row in enumerate(table):
                if row[entering] > 0:
                    ratio = (Fraction(row[-1], row[entering]), basis[i], i)
                    if best is None or ratio < best:
                        best = ratio
            if best is None:
                return False
            pivot(best[2], entering)

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
