"""Several parameters that all change: a combination of known functions that fits everywhere.

Values at small sizes determine the coefficients of a combination of a few shapes (sums, products, minima, maxima,
binomials, powers); it is an answer only if it agrees at all sizes tried, and the check compares at others. A
recurrence that determines its values is satisfied by one function only, so an agreement of the equation itself is a
proof; `why` in the documentation says which shapes are proved so.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from ..equations import Function
from ..evaluate import EvaluationError, compile_expr
from ..expr import ONE, TRUE, Cond, Expr, Number, binomial, ceil, conj, floor, ge, min_, num, piecewise, power, sym
from ..facts import assuming
from . import polynomial as poly
from .model import Closed
from .structure import changing, kinds_of

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["template"]


def template(work: Work, f: Function) -> Iterator[Closed]:
    """Fits the shapes, the simplest first."""
    if not 1 <= len(f.params) <= 4 or any(k == "real" for k in kinds_of(f).values()):
        return
    moving = [f.params[i] for i in changing(f.name, f.params, [c.value for c in f.cases])]
    if len(moving) < 2 or len(moving) > 3:
        return
    domain = work.domain_of(f.params)
    x, y = (sym(p, "int") for p in moving[:2])
    for low in (0, 1):
        valid = conj(*(ge(sym(p, "int"), num(low)) for p in moving))
        whole = _fitted(work, f, moving, low, TRUE)
        if whole is not None:
            yield Closed(whole, True, valid, ("fitted and checked",))
            return
        # one form for each half of the sizes: that of one half alone says nothing of the order
        halves = [h for h in (ge(x, y), ge(y, x)) if assuming(domain).implies(h)] or [ge(x, y), ge(y, x)]
        forms = [_fitted(work, f, moving, low, h) for h in halves]
        known = [e for e in forms if e is not None]
        if len(known) == len(halves):
            form = known[0] if len(known) == 1 else piecewise((known[0], halves[0]), (known[1], TRUE))
            yield Closed(form, True, conj(valid, *(halves if len(halves) == 1 else ())), ("fitted and checked",))
            return


def _fitted(work: Work, f: Function, moving: list[str], low: int, extra: Cond) -> Expr | None:
    """The first combination of shapes that agrees at all points of a grid where `extra` holds."""
    points = list(_grid(f, moving, low, extra))
    values = _values(work, f, points)
    if values is None:
        return None
    for shapes in _shapes(moving, [p for p in f.params if p not in moving], extra):
        work.deadline.check()
        form = _fit(f, shapes, points, values)
        if form is not None:
            return form
    return None


def _grid(f: Function, moving: list[str], low: int, extra: Cond) -> Iterator[tuple[int, ...]]:
    ranges = [range(low, low + (6 if len(moving) == 2 else 4)) if p in moving else (1, 2, 3) for p in f.params]
    for point in product(*ranges):
        if extra == TRUE or extra.subs(dict(zip(f.params, point, strict=True))) == TRUE:
            yield point


def _values(work: Work, f: Function, points: list[tuple[int, ...]]) -> list[Number] | None:
    out: list[Number] = []
    for p in points:
        try:
            v = work.evaluator.call(f.name, *p)
        except EvaluationError:
            return None
        if not isinstance(v, int | Fraction):
            return None
        out.append(v)
    return out


def _shapes(moving: list[str], fixed: list[str], extra: Cond) -> Iterator[list[Expr]]:
    xs = [sym(p) for p in moving]
    a, b = xs[0], xs[1]
    # parameters that do not change come in as factors
    scales = [ONE, *(sym(p) for p in fixed)]

    def scaled(shapes: list[Expr]) -> list[Expr]:
        return [s * e for s in scales for e in shapes]

    linear = [ONE, *xs]
    yield scaled(linear)
    if len(xs) == 2:
        yield scaled([*linear, min_(a, b)])
        choose = binomial(a + b, a)
        yield scaled([ONE, choose])
        if extra != TRUE:
            big, small = (a, b) if extra == ge(sym(moving[0], "int"), sym(moving[1], "int")) else (b, a)
            yield scaled([ONE, binomial(big, small)])
            yield scaled([*linear, binomial(big, small), binomial(big + 1, small)])
        yield scaled([ONE, choose, choose * a, choose * b])
    quadratic = [*linear, *(x * y for i, x in enumerate(xs) for y in xs[i:])]
    yield scaled(quadratic)
    if len(xs) == 2:
        yield scaled([*quadratic, min_(a, b), min_(a, b) * min_(a, b)])
        for x, y in ((a, b), (b, a)):
            yield scaled([ONE, x, y, power(num(2), x), y * power(num(2), x)])
            yield scaled([ONE, x, y, floor(x / 2), floor(y / 2), floor((x + y) / 2), ceil((x + 2 * y) / 2)])
    cubic = [*quadratic, *(x * y * z for i, x in enumerate(xs) for j, y in enumerate(xs[i:], i) for z in xs[j:])]
    yield scaled(cubic)


def _fit(f: Function, shapes: list[Expr], points: list[tuple[int, ...]], values: list[Number]) -> Expr | None:
    if len(points) < len(shapes) + 6:
        return None
    columns = []
    for e in shapes:
        value = compile_expr(e, f.params)
        columns.append([value(*p) for p in points])
    independent: list[int] = []
    rows: list[list[Fraction]] = []
    for i, column in enumerate(columns):  # shapes that coincide on the grid are left out
        vector = [Fraction(x) for x in column]
        for row in rows:
            pivot = next(k for k, x in enumerate(row) if x)
            if vector[pivot]:
                factor = vector[pivot] / row[pivot]
                vector = [x - factor * y for x, y in zip(vector, row, strict=True)]
        if any(vector):
            rows.append(vector)
            independent.append(i)
    solution = poly.solve_linear([[columns[i][k] for i in independent] for k in range(len(points))], values)
    if solution is None:
        return None
    return sum((shapes[i] * c for i, c in zip(independent, solution, strict=True)), num(0))
