"""A table cut in both directions: b parts of n times b parts of k, which end where one of them is small.

    T(n, k) = sum of T(x_i(n), x_j(k)) for i, j <= b, plus g0 + g1 n + g2 k, where n > c and k > c,
              f0 + f1 n + f2 k elsewhere,

with parts that differ by at most one. At depth d the parts are floor(n/b^d) or 1 more, there are at most b^(2d), and
their n add up to at most b^d n, for each part of n is there for all parts of k. With m = min(n, k), all nodes of depth
at most L = floor(log(m/(c + 1), b)) are inner, for floor(m/b^d) > c, and none of depth D = ceil(log(m/c, b)), for
ceil(m/b^d) <= c. Of j levels of inner nodes there are (b^(2j) - 1)/(b^2 - 1) in all, their n add up to
n (b^j - 1)/(b - 1), below them are b^(2j) nodes, and the n of these add up to n b^j. All of these are less for fewer
inner nodes, so that j = L + 1 bounds the costs from below and j = D from above. The largest of the T(x_i, x_j), plus
the same at each level, counts the levels along the largest parts, of which there are D.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .. import growth
from ..equations import Function, Side
from ..expr import ONE, ZERO, Cond, Expr, Fn, ceil, conj, floor, ge, is_nonneg, min_, num, power, sym
from .iterate import log_over
from .model import Closed
from .structure import calls_in, changing, conjuncts, effective_guards, equal_parts, has_call, linear_parts, lower_limit

__all__ = ["grid"]


def grid(f: Function, side: Side) -> Iterator[Closed]:
    """Bounds on both sides, apart by a constant factor, and the order; the depth exactly."""
    cases = effective_guards(f.cases)
    recursive = [i for i, (_, e) in enumerate(cases) if has_call(e, f.name)]
    if len(recursive) != 1:
        return
    guard, value = cases[recursive[0]]
    moving = changing(f.name, f.params, [value])
    names = [f.params[i] for i in moving]
    if len(names) != 2:
        return
    c = _threshold(guard, names)
    leaf = _linear([e for i, (_, e) in enumerate(cases) if i != recursive[0]], names)
    if c is None or leaf is None:
        return
    n, k = (sym(name) for name in names)
    m = min_(n, k)
    valid = conj(ge(n, c + 1), ge(k, c + 1), *((ge(c, ONE),) if c.number is None else ()))
    yield from _depth(f, value, moving, c, leaf, valid)
    parts = linear_parts(value, f.name)
    if parts is None or not all(isinstance(q.number, int) and 0 < q.number < 20 for q, _ in parts[0]):
        return
    pairs = [tuple(args[i] for i in moving) for q, args in parts[0] for _ in range(int(q.number or 0))]
    b = round(len(pairs) ** 0.5)
    rows = [
        [x for x in dict.fromkeys(p[i] for p in pairs) for _ in range(sum(p[i] == x for p in pairs) // max(b, 1))]
        for i in (0, 1)
    ]
    inner = _linear([parts[1]], names)
    if b < 2 or inner is None or Counter(pairs) != Counter((x, y) for x in rows[0] for y in rows[1]):
        return
    if b * b != len(pairs) or any(equal_parts(r, name) != 0 for r, name in zip(rows, names, strict=True)):
        return
    levels = ceil(log_over(m, c, num(b))) if side == "upper" else floor(log_over(m, c + 1, num(b))) + 1
    wide = power(num(b), levels)
    many = wide * wide
    (f0, f1, f2), (g0, g1, g2) = leaf, inner
    nodes, sizes = (many - 1) / (b * b - 1), (wide - 1) / (b - 1)
    form = f0 * many + (f1 * n + f2 * k) * wide + g0 * nodes + (g1 * n + g2 * k) * sizes
    much = m / c
    order = growth.order((f0 + g0) * much * much + ((f1 + g1) * n + (f2 + g2) * k) * much, valid)
    yield Closed(form, False, valid, ("parts in two directions",), order)


def _threshold(guard: Cond, names: list[str]) -> Expr | None:
    """c, where the guard is n > c and k > c."""
    limits = [lower_limit(conj(*(p for p in conjuncts(guard) if name in p.free)), name) for name in names]
    if any(limit is None or limit[1] for limit in limits) or any(not p.free & set(names) for p in conjuncts(guard)):
        return None
    starts = {limit[0] - 1 for limit in limits if limit is not None}
    c = starts.pop()
    return None if starts or c.free & set(names) or (c.number is not None and c.number < 1) else c


def _depth(
    f: Function, value: Expr, moving: list[int], c: Expr, leaf: tuple[Expr, Expr, Expr], valid: Cond
) -> Iterator[Closed]:
    """max(T(x_i(n), x_j(k))) and the same at each level: along the largest parts, which end at the level D."""
    calls = calls_in(value, f.name)
    atom = next((a for m in value.terms for a, _ in m if isinstance(a, Fn) and a.op == "max"), None)
    if atom is None or {x.atom for x in atom.args} != set(calls) or any(x.terms for x in leaf[1:]):
        return
    step = value - Expr({((atom, 1),): 1})
    n, k = (sym(f.params[i]) for i in moving)
    pairs = {tuple(a.args[i] for i in moving) for a in calls}
    b = next((b for b in range(2, 10) if (ceil(n / b), ceil(k / b)) in pairs), 0)
    near = {tuple(floor((v + i) / b) for i in range(b)) for v in (n, k)} if b else set()
    if not b or has_call(step, f.name) or step.free & (n.free | k.free) or not is_nonneg(step):
        return
    if any(x not in {y for row in near for y in row} for p in pairs for x in p):
        return
    levels = ceil(log_over(min_(n, k), c, num(b)))
    yield Closed(leaf[0] + step * levels, True, valid, ("parts in two directions",))


def _linear(values: list[Expr], names: list[str]) -> tuple[Expr, Expr, Expr] | None:
    """(e0, e1, e2), the same for all values, if e0 + e1 n + e2 k has no negative part."""
    if len(set(values)) != 1:
        return None
    rest = values[0]
    out = []
    for name in names:
        line = rest.coefficients(name)
        if line is None or set(line) - {0, 1} or line.get(1, ZERO).free & set(names):
            return None
        out.append(line.get(1, ZERO))
        rest = line.get(0, ZERO)
    return (rest, out[0], out[1]) if all(is_nonneg(x) for x in (rest, *out)) else None
