"""The exact kernel: canonical forms mean what was built, at every point."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orch.compiler.codegen import compile_cond, compile_expr
from orch.compiler.expr import (
    FALSE,
    INF,
    NEG_INF,
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    binomial,
    call,
    ceil,
    choose,
    compare,
    conj,
    disj,
    expr,
    factorial,
    floor,
    ge,
    is_integer,
    is_nonneg,
    le,
    log,
    log2,
    lt,
    max_,
    min_,
    mod,
    ne,
    negate,
    num,
    piecewise,
    power,
    quotient,
    sum_,
    sym,
)
from orch.compiler.facts import assuming

n, m, k = sym("n"), sym("m"), sym("k")
i = sym("i", "int")
r = sym("r", "real")
NAMES = ["n", "m", "i", "r"]
POINTS = [(0, 0, 0, Fraction(0)), (1, 2, -1, Fraction(1, 3)), (2, 1, -5, Fraction(7, 2)), (5, 3, 4, Fraction(1)),
          (7, 12, -2, Fraction(22, 7)), (30, 4, 9, Fraction(1, 100))]

Value = Any
Pair = tuple[Expr, Callable[..., Value]]       # what the kernel builds, and what it means


def combine(build: Callable[..., Expr], mean: Callable[..., Value]) -> Callable[..., Pair]:
    return lambda *parts: (build(*(p[0] for p in parts)), lambda *at: mean(*(p[1](*at) for p in parts)))


def pairs(max_leaves: int = 8) -> st.SearchStrategy[Pair]:
    leaves: list[Pair] = [(sym(x, kind), lambda *at, j=j: at[j]) for j, (x, kind) in enumerate(
        (("n", "size"), ("m", "size"), ("i", "int"), ("r", "real")))]
    leaves += [(num(c), lambda *at, c=c: c) for c in (0, 1, 2, -1, -3, Fraction(1, 2), Fraction(-2, 3))]
    add = combine(lambda a, b: a + b, lambda a, b: a + b)
    sub = combine(lambda a, b: a - b, lambda a, b: a - b)
    mul = combine(lambda a, b: a * b, lambda a, b: a * b)
    div = combine(lambda a, b: a / (b * b + 1), lambda a, b: Fraction(a) / (Fraction(b) * b + 1))
    down = combine(floor, math.floor)
    up = combine(ceil, math.ceil)
    third = combine(lambda a: floor(a / 3), lambda a: math.floor(Fraction(a) / 3))
    half = combine(lambda a: ceil(a / 2), lambda a: math.ceil(Fraction(a) / 2))
    rest = combine(lambda a, b: mod(a, b * b + 1), lambda a, b: a % (b * b + 1))
    most, least = combine(max_, max), combine(min_, min)
    square = combine(lambda a: power(a, 2), lambda a: a ** 2)
    root = combine(lambda a: power(power(a * a + 1, 2), Fraction(1, 2)), lambda a: Fraction(a) * a + 1)
    case = combine(lambda a, b, c: piecewise((a, ge(c, ZERO)), (b, TRUE)), lambda a, b, c: a if c >= 0 else b)
    return st.recursive(st.sampled_from(leaves), lambda x: st.one_of(
        *[st.tuples(x, x).map(lambda t, f=f: f(*t)) for f in (add, sub, mul, div, rest, most, least)],
        *[x.map(f) for f in (down, up, third, half, square, root)],
        st.tuples(x, x, x).map(lambda t: case(*t))), max_leaves=max_leaves)


def at_points() -> Iterator[tuple[Any, ...]]:
    yield from POINTS


@settings(max_examples=400, deadline=None)
@given(pairs())
def test_a_canonical_form_means_what_was_built(pair: Pair) -> None:
    e, mean = pair
    run = compile_expr(e, NAMES)
    for point in at_points():
        expected = mean(*point)
        assert run(*point) == pytest.approx(expected, rel=1e-12) if isinstance(run(*point), float) \
            else run(*point) == expected
    if is_integer(e):
        assert all(Fraction(mean(*point)).denominator == 1 for point in at_points())
    if is_nonneg(e):
        assert all(mean(*point) >= 0 for point in at_points())


@settings(max_examples=200, deadline=None)
@given(pairs(5), pairs(5), pairs(5))
def test_arithmetic_is_that_of_a_ring(a: Pair, b: Pair, c: Pair) -> None:
    x, y, z = a[0], b[0], c[0]
    assert x + y == y + x and x * y == y * x and x - x == ZERO and x + 0 == x and x * 1 == x
    assert (x + y) + z == x + (y + z) and (x * y) * z == x * (y * z) and x * (y + z) == x * y + x * z
    assert hash(x + y) == hash(y + x) and (x + y).key == (y + x).key and str(x * y) == str(y * x)


@settings(max_examples=200, deadline=None)
@given(pairs(5), pairs(4), pairs(4))
def test_substitution_is_simultaneous(a: Pair, b: Pair, c: Pair) -> None:
    inner = {"n": floor(b[0] * b[0]), "i": floor(c[0])}
    try:
        replaced = a[0].subs(inner)
    except OverflowError:
        assume(False)
    run = compile_expr(replaced, NAMES)
    for point in at_points():
        moved = (math.floor(b[1](*point) ** 2), point[1], math.floor(c[1](*point)), point[3])
        value = run(*point)
        assert value == pytest.approx(a[1](*moved), rel=1e-12) if isinstance(value, float) else value == a[1](*moved)


@settings(max_examples=200, deadline=None)
@given(pairs(4), st.integers(-3, 6), st.integers(0, 8))
def test_sums(pair: Pair, low: int, length: int) -> None:
    body, mean = pair
    total = sum_(body, "i", num(low), num(low + length - 1))
    run = compile_expr(total, NAMES)
    for point in at_points():
        expected = sum((mean(point[0], point[1], j, point[3]) for j in range(low, low + length)), 0)
        assert run(*point) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=300, deadline=None)
@given(pairs(5), pairs(5), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_relations(a: Pair, b: Pair, op: str) -> None:
    cond = compare(op, a[0], b[0])
    holds, fails = compile_cond(cond, NAMES), compile_cond(negate(cond), NAMES)
    for point in at_points():
        x, y = a[1](*point), b[1](*point)
        expected = {"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y, "==": x == y, "!=": x != y}[op]
        assert holds(*point) == expected, point
        assert fails(*point) != expected


def test_floors_have_one_form() -> None:
    assert ceil(n / 2) + floor(n / 2) == n
    assert floor(n + Fraction(1, 2)) == n and ceil(n + Fraction(1, 2)) == n + 1
    assert floor(floor(n / 2) / 3) == floor(n / 6) and floor((n + 3) / 2) == floor((n + 1) / 2) + 1
    assert floor(ceil(n / 3) / 3) == floor((n + 2) / 9)
    assert ceil(ceil(n / 2) / 2) == ceil(n / 4)
    assert floor((n + 2) / 3) == ceil(n / 3) and floor((n - 1) / 2) + 1 == ceil(n / 2)
    assert floor(r) != r and floor(floor(r)) == floor(r)
    assert mod(n, num(2)) == n - 2 * floor(n / 2) and quotient(n, num(1)) == n


def test_powers_and_logarithms() -> None:
    assert power(num(2), n + 1) == 2 * power(num(2), n) and power(num(4), n) == power(power(num(2), n), 2)
    assert power(num(2), log2(n)) == n and log2(power(num(2), n)) == n and log(num(81), 3) == 4 and log(ONE) == ZERO
    assert power(num(8), Fraction(1, 3)) == 2 and power(n * n, Fraction(1, 2)) == n
    assert power(num(12), Fraction(1, 2)) * power(num(12), Fraction(1, 2)) == 12
    assert 1 / (n + 1) * (n + 1) == ONE or str(1 / (n + 1) * (n + 1)) != "0"
    assert (n + 1) / n == 1 + 1 / n
    with pytest.raises(ZeroDivisionError):
        power(ZERO, -1)
    with pytest.raises(ValueError, match="not real"):
        power(num(-1), Fraction(1, 2))


def test_what_is_too_large_is_refused_soon() -> None:
    for build in (lambda: power(num(10), 10 ** 10), lambda: power(n + m + k, 3000),
                  lambda: power(power(num(9), 99999), 9999),
                  lambda: power(1 + n + m + k + i + r, 60)):
        with pytest.raises(OverflowError):
            build()


def test_infinity() -> None:
    assert INF + n == INF and INF * 2 == INF and INF * -1 == NEG_INF and INF * 0 == ZERO and max_(n, INF) == INF
    assert min_(n, INF) == n and -INF == NEG_INF and INF - 3 == INF and ge(INF, n) == TRUE


def test_extrema_drop_what_is_provably_less() -> None:
    assert max_(n, n + 1) == n + 1 and min_(n, n + m) == n and max_(max_(n, m), n) == max_(m, n)
    assert max_(i, ZERO) != i and max_(n, ZERO) == n


def test_bound_symbols_are_not_captured() -> None:
    total = sum_(power(n, k), "k", ZERO, m)
    replaced = total.subs({"n": k})
    assert replaced.free == {"k", "m"}
    assert compile_expr(replaced, ["k", "m"])(3, 4) == 121
    assert total.subs({"k": num(5)}) == total
    assert choose(call("T", k), "k", ZERO, n).subs({"n": k}).free == {"k"}


def test_conditions() -> None:
    assert conj() == TRUE and disj() == FALSE and conj(TRUE, FALSE) == FALSE
    assert conj(lt(n, m), ge(n, m)) == FALSE and disj(lt(n, m), ge(n, m)) == TRUE
    assert ge(n, ZERO) == TRUE and lt(n, ZERO) == FALSE and le(n, ZERO) != TRUE and ge(i, ZERO) != TRUE
    assert negate(conj(ge(n, ONE), ne(m, n))) == disj(lt(n, ONE), negate(ne(m, n)))
    assert lt(2 * n, num(5)) == le(n, num(2))


def test_kinds_of_one_name_do_not_leak_between_programs() -> None:
    size, number = max_(sym("x"), sym("y")), max_(sym("x", "int"), sym("y", "int"))
    assert is_nonneg(size) and not is_nonneg(number) and is_nonneg(max_(sym("x"), sym("y")))
    assert max_(sym("x"), ZERO) == sym("x") != max_(sym("x", "int"), ZERO)
    assert ge(sym("x"), ZERO) == TRUE != ge(sym("x", "int"), ZERO)
    assert floor(sym("x")) == sym("x") != floor(sym("x", "real"))
    product = ge(sym("x") * (9 - sym("x")), ZERO), ge(sym("x", "int") * (9 - sym("x", "int")), ZERO)
    few = le(sym("x"), num(9)), le(sym("x", "int"), num(9))
    assert product[0] == product[1] and few[0] == few[1]
    for kind in (0, 1, 0):
        assert assuming(few[kind]).implies(product[kind]) is (kind == 0)
        assert assuming().with_(few[kind]).implies(product[kind]) is (kind == 0)
    assert not is_integer(sym("x", "real")) and is_integer(sym("x"))


def test_polynomials_in_one_symbol() -> None:
    assert (n ** 2 * m + 3 * n + 7).coefficients("n") == {0: num(7), 1: num(3), 2: m}
    assert floor(n / 2).coefficients("n") is None and (1 / n).coefficients("n") is None
    assert m.coefficients("n") == {0: m}


def test_closed_sums() -> None:
    assert sum_(k, "k", ONE, n) == n * (n + 1) / 2
    assert sum_(k ** 3, "k", ONE, n) == (n * (n + 1) / 2) ** 2
    assert sum_(m, "k", ONE, n) == n * m
    assert sum_(call("T", k) + 1, "k", ONE, n) == sum_(call("T", k), "k", ONE, n) + n


def test_named_functions() -> None:
    assert factorial(num(5)) == 120 and binomial(num(6), num(2)) == 15 and binomial(num(3), num(-1)) == 0
    assert expr(3) == num(3) == 3 and num(Fraction(4, 2)) == 2


def sizes() -> st.SearchStrategy[Cond]:
    return st.tuples(st.sampled_from([n, m, i]), st.integers(-2, 3)).map(lambda t: ge(t[0], num(t[1])))


@given(st.lists(sizes(), max_size=4), st.lists(sizes(), max_size=4))
def test_junctions(some: list[Cond], others: list[Cond]) -> None:
    both = conj(*(disj(c, d) for c in some for d in others))
    run = compile_cond(both, NAMES)
    parts = [[compile_cond(c, NAMES) for c in cs] for cs in (some, others)]
    for point in at_points():
        assert run(*point) == all(c(*point) or d(*point) for c in parts[0] for d in parts[1])
