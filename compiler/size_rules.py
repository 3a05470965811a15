"""How large the value of each built-in operation is: one rule an operation.

In: abstract values of the arguments. Out: the abstract value of the result, from LANGUAGE section 4. Rules hold for
every input that does not fail at run time (an index beyond the end, a division by zero).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .expr import (
    FALSE,
    INF,
    NEG_INF,
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    ceil,
    compare,
    conj,
    floor,
    ge,
    is_nonneg,
    log2,
    max_,
    min_,
    mod,
    negate,
    num,
    power,
    quotient,
    sum_,
)
from .values import (
    ANY,
    Group,
    Items,
    Num,
    Part,
    Size,
    Str,
    Truth,
    Value,
    between,
    exact,
    hull,
    list_of,
    list_of_parts,
    primary,
    scale,
    spread_total,
    subs_value,
    token_count,
)

__all__ = ["Context", "apply_rule", "certain_failure", "first_and_rest"]


@dataclass(frozen=True, slots=True)
class Context:
    """What rules may ask: `tight` simplifies an expression by what is known here; `fresh` makes a new symbol's name."""

    tight: Callable[[Expr], Expr]
    fresh: Callable[[str], str]


Rule = Callable[[list[Value], Context], Value]
_RULES: dict[str, Rule] = {}


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(f: Rule) -> Rule:
        for n in names:
            _RULES[n] = f
        return f

    return register


def apply_rule(op: str, args: list[Value], index: int, context: Context) -> Value:
    """The abstract result of `op`.

    Raises KeyError for an operation without a rule: a bug in Orch.
    """
    if op == "item":
        group = args[0]
        assert isinstance(group, Group)
        return group.fields[index]
    return _RULES[op](args, context)


# ---------------------------------------------------------------- what fails for certain


def certain_failure(op: str, args: list[Value]) -> tuple[str, str] | None:
    """Why a run fails at an operation, whatever it is given, and what to write instead; None if it need not."""
    for at, least, message, hint in _LEAST.get(op, ()):
        most = _num(args[at]).hi.number
        if most is not None and most < least:
            return message.format(_shown(_num(args[at]))), hint
    if op in ("/", "//", "%") and (s := _num(args[1])).exact and s.lo == ZERO:
        return "this divides by zero", "divide by something else, or look first: `if k == 0 { ... } else { ... }`"
    if op == "log2" and (most := _num(args[0]).hi.number) is not None and most <= 0:
        return f"`log2` of {_shown(_num(args[0]))} does not exist", "give it a number above 0"
    if op in ("first", "last", "min", "max", "index", "replace_at") and isinstance(args[0], Items):
        length = args[0].length.hi.number
        place = _num(args[1]).lo.number if op in ("index", "replace_at") else 0
        if length is not None and place is not None and place >= length:
            if op not in ("index", "replace_at"):
                return f"`{op}` of an empty list does not exist", "look first whether there is one: `if len(xs) > 0`"
            return (
                f"the index {_shown(_num(args[1]))} is beyond the end of a list of {length}",
                f"the last index is {length - 1}; `take` and `xs[i..j]` are cut at the end",
            )
    return None


_INDEX = (1, 0, "the index {} is negative", "indices count from 0; the last element is `last(xs)`")
_LEAST: Mapping[str, tuple[tuple[int, int, str, str], ...]] = {
    "split": ((1, 1, "a split into {} parts does not exist", "write how many parts there are to be, at least 1"),),
    "chunks": ((1, 1, "chunks of size {} do not exist", "write how large they are to be, at least 1"),),
    "pack": ((1, 1, "parts of size {} hold nothing", "write how large they may be, at least 1"),),
    "windows": (
        (1, 1, "windows of size {} do not exist", "write how large they are to be, at least 1"),
        (2, 1, "windows cannot go on by a step of {}", "write a step of at least 1"),
    ),
    "index": (_INDEX,),
    "replace_at": (_INDEX,),
}
"""Arguments that must not be below a number: which, the number, what is wrong where one is, what to write instead."""


def _shown(s: Size) -> str:
    return f"{s.lo}" if s.exact or s.lo.infinite else f"{s.lo} to {s.hi}"


# ---------------------------------------------------------------- access to arguments


def _num(v: Value) -> Size:
    assert isinstance(v, Num)
    return v.size


def _from_one(v: Value) -> Size:
    """A number of parts, or a step; below 1 a run fails, so what is said there is free."""
    s = _num(v)
    number = s.lo.number if s.exact else None
    return exact(ONE) if number is not None and number < 1 else s


def _items(v: Value) -> Items:
    assert isinstance(v, Items)
    return v


def _size(v: Value) -> Size:
    s = primary(v)
    assert s is not None
    return s


def _resized(v: Value, size: Size, offset: Expr | None, total: Size | None = None) -> Value:
    """A consecutive part of a text or list; `offset` tells where it begins, None where that is not known."""
    if isinstance(v, Str):
        return Str(size)
    v = _items(v)
    if v.element is None:
        return v
    if size.exact and v.parts is not None and len(v.parts) == 1:
        p = v.parts[0]
        if p.index not in _free(p.value):
            return Items(size, (Part(size.lo, p.index, p.value),), v.element, total)
        if offset is not None:
            from .expr import sym

            shifted = subs_value(p.value, {p.index: sym(p.index) + offset})
            return list_of_parts([Part(size.lo, p.index, shifted)], total)
    return list_of(size, v.element, total)


def _free(v: Value) -> frozenset[str]:
    match v:
        case Num(size=s) | Str(tokens=s):
            return s.lo.free | s.hi.free
        case Truth(yes=y, no=n):
            return y.free | n.free
        case Group(fields=fields):
            return frozenset().union(*(_free(f) for f in fields))
        case Items():
            inner = frozenset() if v.element is None else _free(v.element)
            for p in v.parts or ():
                inner |= p.count.free | _free(p.value)
            return inner | v.length.lo.free | v.length.hi.free
        case _:
            return frozenset()


def _up(f: Callable[..., Expr], *sizes: Size) -> Size:
    """A function that is nondecreasing in every argument."""
    if all(s.exact for s in sizes):
        return exact(f(*(s.lo for s in sizes)))
    return between(f(*(s.lo for s in sizes)), f(*(s.hi for s in sizes)))


# ---------------------------------------------------------------- numbers


@_rule("+")
def _add(a: list[Value], c: Context) -> Value:
    return Num(_num(a[0]) + _num(a[1]))


@_rule("-")
def _subtract(a: list[Value], c: Context) -> Value:
    return Num(_num(a[0]) - _num(a[1]))


@_rule("*")
def _multiply(a: list[Value], c: Context) -> Value:
    x, y = _num(a[0]), _num(a[1])
    if x.exact and y.exact:
        return Num(exact(x.lo * y.lo))
    if is_nonneg(x.lo) and is_nonneg(y.lo):
        return Num(scale(x, y))
    for p, q in ((x, y), (y, x)):
        if p.exact and is_nonneg(p.lo) and not p.lo.infinite:
            return Num(Size(p.lo * q.lo, p.lo * q.hi, None if q.mean is None else p.lo * q.mean))
        if p.exact and is_nonneg(-p.lo):
            return Num(Size(p.lo * q.hi, p.lo * q.lo, None if q.mean is None else p.lo * q.mean))
    return Num(ANY)


@_rule("neg")
def _negative(a: list[Value], c: Context) -> Value:
    x = _num(a[0])
    return Num(Size(-x.hi, -x.lo, None if x.mean is None else -x.mean))


@_rule("/")
def _divide(a: list[Value], c: Context) -> Value:
    x, y = _num(a[0]), _num(a[1])
    if x.exact and y.exact and y.lo != ZERO:
        return Num(exact(x.lo / y.lo))
    if is_nonneg(x.lo) and is_nonneg(y.lo - 1):
        return Num(between(ZERO if y.hi.infinite else x.lo / y.hi, x.hi / y.lo))
    return Num(ANY)


@_rule("//")
def _floor_divide(a: list[Value], c: Context) -> Value:
    x, y = _num(a[0]), _num(a[1])
    if x.exact and y.exact and y.lo != ZERO and not x.lo.infinite:
        return Num(exact(quotient(x.lo, y.lo)))
    if is_nonneg(x.lo) and is_nonneg(y.lo) and y.hi != ZERO:
        low = max_(y.lo, ONE)
        return Num(between(ZERO if y.hi.infinite else quotient(x.lo, y.hi), floor(x.hi / low)))
    if y.exact and is_nonneg(y.lo - 1):
        return Num(between(floor(x.lo / y.lo), floor(x.hi / y.lo)))
    return Num(ANY)


@_rule("%")
def _modulo(a: list[Value], c: Context) -> Value:
    x, y = _num(a[0]), _num(a[1])
    if x.exact and y.exact and y.lo != ZERO and not x.lo.infinite:
        return Num(exact(mod(x.lo, y.lo)))
    if is_nonneg(y.lo) and y.hi != ZERO:
        high = y.hi - 1
        return Num(between(ZERO, min_(x.hi, high) if is_nonneg(x.lo) else high))
    return Num(ANY)


@_rule("**")
def _power(a: list[Value], c: Context) -> Value:
    x, y = _num(a[0]), _num(a[1])
    if x.exact and y.exact:
        try:
            return Num(exact(power(x.lo, y.lo)))
        except (OverflowError, ZeroDivisionError, ValueError):
            return Num(ANY)
    if is_nonneg(x.lo - 1) and is_nonneg(y.lo):
        try:
            low = ONE if x.lo.infinite else power(x.lo, y.lo)
            return Num(between(low, INF if x.hi.infinite or y.hi.infinite else power(x.hi, y.hi)))
        except OverflowError:
            return Num(between(ONE, INF))
    return Num(ANY)


@_rule("abs")
def _absolute(a: list[Value], c: Context) -> Value:
    x = _num(a[0])
    if is_nonneg(x.lo):
        return a[0]
    if x.exact:
        return Num(exact(max_(x.lo, -x.lo)))
    return Num(between(max_(ZERO, x.lo, -x.hi), max_(x.hi, -x.lo)))


@_rule("floor")
def _floor(a: list[Value], c: Context) -> Value:
    return Num(_up(floor, _num(a[0])))


@_rule("ceil")
def _ceil(a: list[Value], c: Context) -> Value:
    return Num(_up(ceil, _num(a[0])))


@_rule("log2")
def _log2(a: list[Value], c: Context) -> Value:
    x = _num(a[0])
    if x.exact:
        return Num(exact(log2(x.lo)))
    if is_nonneg(x.lo - 1):
        return Num(between(log2(x.lo), INF if x.hi.infinite else log2(x.hi)))
    return Num(ANY)


@_rule("int", "float")
def _unknown_number(a: list[Value], c: Context) -> Value:
    return a[0] if isinstance(a[0], Num) else Num(ANY)


@_rule("min")
def _minimum(a: list[Value], c: Context) -> Value:
    if len(a) == 1:
        return _items(a[0]).element or Num(ANY)
    return Num(_up(lambda *x: c.tight(min_(*x)), *(_num(v) for v in a)))


@_rule("max")
def _maximum(a: list[Value], c: Context) -> Value:
    if len(a) == 1:
        return _items(a[0]).element or Num(ANY)
    return Num(_up(lambda *x: c.tight(max_(*x)), *(_num(v) for v in a)))


@_rule("sum")
def _sum(a: list[Value], c: Context) -> Value:
    v = _items(a[0])
    if v.element is None:
        return Num(exact(0))
    if v.parts is not None:
        total = exact(0)
        for p in v.parts:
            s = _num(p.value)
            lo = NEG_INF if s.lo.infinite else sum_(s.lo, p.index, ZERO, p.count - 1)
            hi = INF if s.hi.infinite else sum_(s.hi, p.index, ZERO, p.count - 1)
            total = total + (exact(lo) if lo == hi else between(lo, hi))
        return Num(total)
    s = _num(v.element)
    if is_nonneg(s.lo):
        return Num(scale(v.length, s))
    return Num(between(NEG_INF if s.lo.infinite else min_(ZERO, v.length.hi * s.lo), max_(ZERO, v.length.hi * s.hi)))


# ---------------------------------------------------------------- comparison


def _comparison(op: str) -> Rule:
    def rule(a: list[Value], c: Context) -> Value:
        x, y = a
        if isinstance(x, Items) and isinstance(y, Items) and op in ("==", "!="):
            for p, q in ((x, y), (y, x)):
                if q.length.hi == ZERO:
                    t = _compare("==", p.length, exact(0))
                    return t if op == "==" else Truth(t.no, t.yes)
        if not isinstance(x, Num) or not isinstance(y, Num):
            return Truth(FALSE, FALSE)
        return _compare(op, x.size, y.size)

    return rule


def _compare(op: str, x: Size, y: Size) -> Truth:
    if x.exact and y.exact:
        if x.lo.infinite or y.lo.infinite:
            return Truth(FALSE, FALSE)
        yes = compare(op, x.lo, y.lo)
        return Truth(yes, negate(yes))
    match op:
        case "<" | "<=":
            return Truth(_sure(op, x.hi, y.lo), _sure("<=" if op == "<" else "<", y.hi, x.lo))
        case ">" | ">=":
            return _compare("<" if op == ">" else "<=", y, x)
        case "==" | "!=":
            from .expr import disj

            apart = disj(_sure("<", x.hi, y.lo), _sure("<", y.hi, x.lo))
            same = conj(_sure("<=", x.hi, y.lo), _sure("<=", y.hi, x.lo))
            return Truth(same, apart) if op == "==" else Truth(apart, same)
    raise KeyError(op)


def _sure(op: str, a: Expr, b: Expr) -> Cond:
    """a op b for an upper bound a and a lower bound b."""
    if a.infinite or b.infinite:
        return (
            TRUE if (a.infinite < 0 < 1 + abs(b.infinite) and b.infinite >= 0) and a.infinite != b.infinite else FALSE
        )
    return compare(op, a, b)


for _op in ("==", "!=", "<", "<=", ">", ">="):
    _RULES[_op] = _comparison(_op)


@_rule("contains")
def _undecided(a: list[Value], c: Context) -> Value:
    return Truth(FALSE, FALSE)


# ---------------------------------------------------------------- construction


@_rule("tuple", "record")
def _group(a: list[Value], c: Context) -> Value:
    return Group(tuple(a))


@_rule("list")
def _list(a: list[Value], c: Context) -> Value:
    index = c.fresh("j")
    return list_of_parts(_merged([Part(ONE, index, v) for v in a]))


def _merged(parts: list[Part]) -> list[Part]:
    """Neighbours with equal elements become one part."""
    out: list[Part] = []
    for p in parts:
        if p.count == ZERO:
            continue
        if (
            out
            and p.index not in _free(p.value)
            and out[-1].index not in _free(out[-1].value)
            and out[-1].value == p.value
        ):
            out[-1] = Part(out[-1].count + p.count, p.index, p.value)
        else:
            out.append(p)
    return out


@_rule("++")
def _concatenate(a: list[Value], c: Context) -> Value:
    x, y = a
    if isinstance(x, Str) and isinstance(y, Str):
        return Str(x.tokens + y.tokens)
    x, y = _items(x), _items(y)
    if x.element is None:
        return y
    if y.element is None:
        return x
    total = None
    tx, ty = spread_total(x), spread_total(y)
    if tx is not None and ty is not None:
        total = tx + ty
    if x.parts is not None and y.parts is not None and len(x.parts) + len(y.parts) <= 16:
        joined = list_of_parts(_merged([*x.parts, *y.parts]))
        return joined if len(joined.parts or ()) == 1 else Items(joined.length, joined.parts, joined.element, total)
    return Items(
        x.length + y.length,
        list_of(x.length + y.length, hull(x.element, y.element)).parts,
        hull(x.element, y.element),
        total,
    )


@_rule("interpolate")
def _interpolate(a: list[Value], c: Context) -> Value:
    total = exact(0)
    for v in a:
        total = total + token_count(v)
    return Str(total)


@_rule("text")
def _text(a: list[Value], c: Context) -> Value:
    return Str(token_count(a[0]))


@_rule("trim")
def _trim(a: list[Value], c: Context) -> Value:
    return Str(between(ZERO, _size(a[0]).hi))


# ---------------------------------------------------------------- lists and texts


@_rule("len", "tokens")
def _length(a: list[Value], c: Context) -> Value:
    return Num(_size(a[0]))


@_rule("range")
def _range(a: list[Value], c: Context) -> Value:
    start, stop = (exact(0), _num(a[0])) if len(a) == 1 else (_num(a[0]), _num(a[1]))
    if start.exact and stop.exact and not start.lo.infinite and not stop.lo.infinite:
        from .expr import sym

        j = c.fresh("j")
        count = c.tight(max_(ZERO, stop.lo - start.lo))
        return list_of_parts([Part(count, j, Num(exact(start.lo + sym(j))))])
    length = between(c.tight(max_(ZERO, stop.lo - start.hi)), c.tight(max_(ZERO, stop.hi - start.lo)))
    return Items(length, None, Num(between(start.lo, stop.hi - 1)), None)


@_rule("index")
def _index(a: list[Value], c: Context) -> Value:
    v, i = _items(a[0]), _num(a[1])
    if v.element is None:
        return Num(ANY)
    if v.parts is not None and i.exact:
        if len(v.parts) == 1:
            return subs_value(v.parts[0].value, {v.parts[0].index: i.lo})
        position = i.lo.number
        if position is not None:
            for p in v.parts:
                size = p.count.number
                if size is None:
                    break
                if position < size:
                    return subs_value(p.value, {p.index: num(position)})
                position -= size
    return v.element


@_rule("first")
def _first(a: list[Value], c: Context) -> Value:
    return _index([a[0], Num(exact(0))], c)


@_rule("last")
def _last(a: list[Value], c: Context) -> Value:
    v = _items(a[0])
    if v.parts is not None and len(v.parts) == 1:
        p = v.parts[0]
        return subs_value(p.value, {p.index: p.count - 1})
    return v.element if v.element is not None else Num(ANY)


@_rule("take")
def _take(a: list[Value], c: Context) -> Value:
    several = _several(a[0], _num(a[1]))
    if several is not None:
        out, left = [], _num(a[1]).lo
        for p in several:
            out.append(Part(c.tight(min_(p.count, max_(ZERO, left))), p.index, p.value))
            left = left - p.count
        return list_of_parts(out)
    return _resized(a[0], _up(lambda n, k: c.tight(min_(n, k)), _size(a[0]), _num(a[1])), ZERO)


@_rule("drop")
def _drop(a: list[Value], c: Context) -> Value:
    n, k = _size(a[0]), _num(a[1])
    return _dropped(a[0], n, k, c)


def _several(v: Value, k: Size) -> tuple[Part, ...] | None:
    """The parts of a list that has more than one, where k elements of it are taken or dropped exactly."""
    if isinstance(v, Items) and v.parts is not None and len(v.parts) > 1 and k.exact and is_nonneg(k.lo):
        return v.parts
    return None


def _dropped(v: Value, n: Size, k: Size, c: Context) -> Value:
    several = _several(v, k)
    if several is not None:
        from .expr import sym

        out, left = [], k.lo
        for p in several:
            gone = c.tight(min_(p.count, max_(ZERO, left)))
            out.append(Part(p.count - gone, p.index, subs_value(p.value, {p.index: sym(p.index) + gone})))
            left = left - p.count
        return list_of_parts(out)
    if n.exact and k.exact:
        left = c.tight(max_(ZERO, n.lo - k.lo))
        total = None
        return _resized(v, exact(left), k.lo, total)
    lo = ZERO if k.hi.infinite else c.tight(max_(ZERO, n.lo - k.hi))
    return _resized(v, between(lo, c.tight(max_(ZERO, n.hi - k.lo))), None)


@_rule("rest")
def _rest(a: list[Value], c: Context) -> Value:
    return _dropped(a[0], _size(a[0]), exact(1), c)


@_rule("slice")
def _slice(a: list[Value], c: Context) -> Value:
    n, i, j = _size(a[0]), _num(a[1]), _num(a[2])
    end = _up(lambda x, y: c.tight(min_(x, y)), n, j)
    if end.exact and i.exact:
        return _resized(a[0], exact(c.tight(max_(ZERO, end.lo - i.lo))), i.lo)
    lo = ZERO if i.hi.infinite else c.tight(max_(ZERO, end.lo - i.hi))
    return _resized(a[0], between(lo, c.tight(max_(ZERO, end.hi - i.lo))), None)


@_rule("slice_from")
def _slice_from(a: list[Value], c: Context) -> Value:
    return _dropped(a[0], _size(a[0]), _num(a[1]), c)


@_rule("halve")
def _halve(a: list[Value], c: Context) -> Value:
    parts = _items(_split([a[0], Num(exact(2))], c))
    if parts.parts is not None and len(parts.parts) == 2:
        return Group(tuple(p.value for p in parts.parts))
    if parts.parts is not None and len(parts.parts) == 1:
        return Group((parts.parts[0].value, parts.parts[0].value))
    n = _size(a[0])
    return Group(
        (_resized(a[0], _up(lambda x: ceil(x / 2), n), ZERO), _resized(a[0], _up(lambda x: floor(x / 2), n), None))
    )


_FEW = 16


@_rule("split")
def _split(a: list[Value], c: Context) -> Value:
    n, k = _size(a[0]), _from_one(a[1])
    index = c.fresh("j")
    if n.exact and k.exact and not n.lo.infinite:
        pieces = k.lo.number
        if isinstance(pieces, int) and 0 < pieces <= _FEW:
            parts, offset = [], ZERO
            for i in range(pieces):
                size = c.tight(ceil((n.lo - i) / pieces))
                parts.append(Part(ONE, index, _resized(a[0], exact(size), offset)))
                offset = offset + size
            joined = list_of_parts(_merged(parts), n)
            element = _resized(a[0], between(floor(n.lo / pieces), ceil(n.lo / pieces)), None)
            return Items(joined.length, joined.parts, element, n)
        large, many = ceil(n.lo / k.lo), mod(n.lo, k.lo)
        small = floor(n.lo / k.lo)
        parts_of_two = (
            Part(many, index, _resized(a[0], exact(large), None)),
            Part(k.lo - many, index, _resized(a[0], exact(small), None)),
        )
        return Items(exact(k.lo), parts_of_two, _resized(a[0], between(small, large), None), n)
    high = n.hi if not is_nonneg(k.lo - 1) else ceil(n.hi / k.lo)
    low = ZERO if k.hi.infinite else floor(n.lo / max_(k.hi, ONE))
    return list_of(
        between(max_(k.lo, ONE), k.hi) if not k.exact else k, _resized(a[0], between(low, high), None), n, index
    )


@_rule("chunks")
def _chunks(a: list[Value], c: Context) -> Value:
    n, s = _size(a[0]), _from_one(a[1])
    index = c.fresh("j")
    if n.exact and s.exact and not n.lo.infinite:
        full, many = floor(n.lo / s.lo), ceil(n.lo / s.lo)
        left = mod(n.lo, s.lo)
        parts = (
            Part(full, index, _resized(a[0], exact(s.lo), None)),
            Part(many - full, index, _resized(a[0], exact(left), None)),
        )
        # every chunk has an element, and none more than the list
        element = _resized(a[0], between(ONE, c.tight(min_(s.lo, n.lo))), None)
        return Items(exact(many), tuple(p for p in parts if p.count != ZERO), element, n)
    size_low = max_(s.lo, ONE)
    count = between(ZERO if s.hi.infinite else ceil(n.lo / max_(s.hi, ONE)), ceil(n.hi / size_low))
    low = ZERO if n.lo == ZERO else min_(ONE, n.lo)
    return list_of(count, _resized(a[0], between(low, min_(s.hi, n.hi)), None), n, index)


@_rule("windows")
def _windows(a: list[Value], c: Context) -> Value:
    n, s, step = _size(a[0]), _from_one(a[1]), _from_one(a[2])
    index = c.fresh("j")
    if n.exact and s.exact and step.exact:
        many = c.tight(max_(ONE, ceil((n.lo - s.lo) / step.lo) + 1))
        # with steps wider than the parts the last one may begin beyond the end
        last = c.tight(max_(ZERO, n.lo - (many - 1) * step.lo))
        whole = Part(many - 1, index, _resized(a[0], exact(s.lo), None))
        end = Part(ONE, index, _resized(a[0], exact(last), None))
        element = _resized(a[0], between(min_(last, s.lo), c.tight(min_(s.lo, n.lo))), None)
        return Items(exact(many), tuple(p for p in (whole, end) if p.count != ZERO), element, None)
    least = max_(step.lo, ONE)
    count = between(
        ONE if step.hi.infinite else max_(ONE, ceil((n.lo - s.hi) / max_(step.hi, ONE)) + 1),
        max_(ONE, ceil((n.hi - s.lo) / least) + 1),
    )
    return list_of(count, _resized(a[0], between(ZERO, min_(s.hi, n.hi)), None), None, index)


@_rule("reverse")
def _reverse(a: list[Value], c: Context) -> Value:
    v = _items(a[0])
    if v.parts is None:
        return v
    from .expr import sym

    turned = [
        Part(p.count, p.index, subs_value(p.value, {p.index: p.count - 1 - sym(p.index)})) for p in reversed(v.parts)
    ]
    return Items(v.length, tuple(turned), v.element, v.total)


@_rule("zip")
def _zip(a: list[Value], c: Context) -> Value:
    x, y = _items(a[0]), _items(a[1])
    length = _up(lambda p, q: c.tight(min_(p, q)), x.length, y.length)
    if x.element is None or y.element is None:
        return Items(exact(0), (), None, None)
    if length.exact and x.parts is not None and y.parts is not None and len(x.parts) == len(y.parts) == 1:
        from .expr import sym

        p, q = x.parts[0], y.parts[0]
        other = subs_value(q.value, {q.index: sym(p.index)}) if p.index != q.index else q.value
        return list_of_parts([Part(length.lo, p.index, Group((p.value, other)))])
    return list_of(length, Group((x.element, y.element)), None, c.fresh("j"))


@_rule("enumerate")
def _enumerate(a: list[Value], c: Context) -> Value:
    v = _items(a[0])
    if v.element is None:
        return v
    if v.parts is None:
        return Items(v.length, None, Group((Num(between(ZERO, v.length.hi - 1)), v.element)), None)
    from .expr import sym

    offset, parts = ZERO, []
    for p in v.parts:
        parts.append(Part(p.count, p.index, Group((Num(exact(offset + sym(p.index))), p.value))))
        offset = offset + p.count
    return list_of_parts(parts)


@_rule("flatten")
def _flatten(a: list[Value], c: Context) -> Value:
    v = _items(a[0])
    inner = v.element
    if inner is None:
        return v
    assert isinstance(inner, Items)
    total = spread_total(v)
    assert total is not None
    if inner.element is None:
        return Items(exact(0), (), None, None)
    return list_of(total, inner.element, None, c.fresh("j"))


@_rule("join")
def _join(a: list[Value], c: Context) -> Value:
    v, sep = _items(a[0]), _size(a[1])
    total = spread_total(v)
    if total is None or v.element is None:
        return Str(exact(0))
    if sep.hi == ZERO:
        return Str(total)
    gaps = _up(lambda n: c.tight(max_(ZERO, n - 1)), v.length)
    return Str(total + scale(gaps, sep))


@_rule("lines", "words", "sentences", "paragraphs")
def _pieces(a: list[Value], c: Context) -> Value:
    n = _size(a[0])
    return Items(between(ZERO, n.hi), None, Str(between(ZERO, n.hi)), between(ZERO, n.hi))


@_rule("pack")
def _pack(a: list[Value], c: Context) -> Value:
    v, s = _items(a[0]), _num(a[1])
    total = spread_total(v) or exact(0)
    high, low = max_(s.hi, ONE), max_(s.lo, ONE)
    count = between(ZERO if s.hi.infinite else ceil(total.lo / high), quotient(total.hi * 2, low) + 1)
    return Items(count, None, Str(between(ZERO, min_(s.hi, total.hi))), total)


@_rule("sorted", "sorted_by")
def _sorted(a: list[Value], c: Context) -> Value:
    v = _items(a[0])
    return Items(v.length, list_of(v.length, v.element, None, c.fresh("j")).parts, v.element, spread_total(v))


@_rule("unique")
def _unique(a: list[Value], c: Context) -> Value:
    v = _items(a[0])
    total = spread_total(v)
    length = between(c.tight(min_(ONE, v.length.lo)), v.length.hi)
    return Items(
        length,
        list_of(length, v.element).parts if length.exact else None,
        v.element,
        None if total is None else between(ZERO, total.hi),
    )


@_rule("replace_at")
def _replace_at(a: list[Value], c: Context) -> Value:
    v = _items(a[0])
    if v.element is None:
        return v
    if v.element == a[2]:
        return Items(v.length, list_of(v.length, v.element, None, c.fresh("j")).parts, v.element, v.total)
    return list_of(v.length, hull(v.element, a[2]), None, c.fresh("j"))


# ---------------------------------------------------------------- taking a list apart


def first_and_rest(v: Items, c: Context) -> tuple[Value | None, Items]:
    """The first element of a list that has one, and the list of the others."""
    if v.parts is None or not v.parts or len(v.parts) > 2:
        rest_length = _up(lambda n: c.tight(max_(ZERO, n - 1)), v.length)
        return v.element, list_of(rest_length, v.element)
    if len(v.parts) == 1:
        p = v.parts[0]
        rest = _resized(v, exact(c.tight(max_(ZERO, p.count - 1))), ONE)
        assert isinstance(rest, Items)
        return subs_value(p.value, {p.index: ZERO}), rest
    p, q = v.parts
    if p.index in _free(p.value) or q.index in _free(q.value):
        rest_length = _up(lambda n: c.tight(max_(ZERO, n - 1)), v.length)
        return v.element, list_of(rest_length, v.element)
    from .values import select

    one = c.tight(min_(ONE, p.count))
    head = p.value if one == ONE else select([(ge(p.count, ONE), p.value), (TRUE, q.value)])
    left = c.tight(max_(ZERO, p.count - 1))
    rest = list_of_parts([Part(left, p.index, p.value), Part(q.count - 1 + one, q.index, q.value)])
    head_size, total = primary(head), spread_total(v)
    if head_size is not None and total is not None and head_size.exact:
        rest = Items(rest.length, rest.parts, rest.element, total - head_size)
    return head, rest
