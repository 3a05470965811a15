"""Values of systems: exactness, depth, loops, and the ways not to end."""
from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.compiler.equations import Case, Function, System
from orch.compiler.evaluate import (
    EvaluationError,
    Evaluator,
    NoCase,
    NonTerminating,
    OutOfFuel,
    TooLarge,
    Undefined,
    compile_cond,
    compile_expr,
)
from orch.compiler.expr import (
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    call,
    ceil,
    choice,
    choose,
    conj,
    eq,
    floor,
    ge,
    le,
    log,
    log2,
    lt,
    max_,
    num,
    piecewise,
    power,
    sum_,
    sym,
)

n, k, m = sym("n", "int"), sym("k", "int"), sym("m", "int")
p = sym("p", "real")


def T(*args: Expr) -> Expr:
    return call("T", *args)


def system(*cases: tuple[Cond, Expr], params: tuple[str, ...] = ("n",)) -> System:
    function = Function("T", params, tuple(Case(g, v) for g, v in cases))
    return System({"T": function}, T(*[sym(x, "int") for x in params]), TRUE)


LINEAR = system((le(n, ZERO), ZERO), (TRUE, T(n - 1) + n))
MERGE_SORT = system((le(n, ONE), ZERO), (TRUE, T(ceil(n / 2)) + T(floor(n / 2)) + n - 1))


def test_depth_is_a_matter_of_memory() -> None:
    assert Evaluator(LINEAR).value(None, {"n": 300_000}) == 300_000 * 300_001 // 2


@given(st.integers(1, 10 ** 30))
def test_merge_sort_has_its_closed_form(size: int) -> None:
    k = (size - 1).bit_length()
    assert Evaluator(MERGE_SORT).value(None, {"n": size}) == size * k - 2 ** k + 1


def test_expected_quicksort_is_exact_and_linear_in_the_number_of_terms() -> None:
    quicksort = system((le(n, ZERO), ZERO), (TRUE, n - 1 + sum_(T(k) + T(n - 1 - k), "k", ZERO, n - 1) / n))
    harmonic = sum(Fraction(1, i) for i in range(1, 301))
    assert Evaluator(quicksort).value(None, {"n": 300}) == 2 * 301 * harmonic - 4 * 300
    assert Evaluator(quicksort, digits=15).value(None, {"n": 3000}) == pytest.approx(
        6002 * sum(1 / i for i in range(1, 3001)) - 12000)


def test_history_sum() -> None:
    assert Evaluator(system((TRUE, n + sum_(T(k), "k", ZERO, n - 1)))).value(None, {"n": 500}) == 2 ** 500 - 1


def test_adversary_takes_the_largest_or_the_smallest() -> None:
    split = system((le(n, ONE), ONE), (TRUE, choose(T(k) + T(n - k) + k, "k", ONE, n - 1)))
    assert Evaluator(split).value(None, {"n": 40}) == 820
    assert Evaluator(split, "lower").value(None, {"n": 40}) == 79
    either = system((le(n, ZERO), ZERO), (TRUE, choice(T(n - 1), T(n - 2)) + 1))
    assert Evaluator(either).value(None, {"n": 9}) == 9
    assert Evaluator(either, "lower").value(None, {"n": 9}) == 5


def test_a_call_of_itself_is_a_linear_equation() -> None:
    retry = Function("R", ("p",), (Case(TRUE, 1 + (1 - p) * call("R", p)),))
    loop = Function("T", ("n", "p"), (Case(le(n, ZERO), ZERO), Case(TRUE, T(n - 1, p) + call("R", p))))
    both = System({"T": loop, "R": retry}, T(n, p), TRUE)
    assert Evaluator(both).value(None, {"n": 10, "p": Fraction(2, 7)}) == 35
    with pytest.raises(NonTerminating):
        Evaluator(both).value(None, {"n": 10, "p": 0})


def test_a_random_walk_between_walls_is_a_linear_system() -> None:
    walk = system((le(n, ZERO), ZERO), (ge(n, num(12)), ZERO), (TRUE, 1 + T(n - 1) / 2 + T(n + 1) / 2))
    assert [Evaluator(walk).value(None, {"n": i}) for i in range(13)] == [i * (12 - i) for i in range(13)]


def test_a_loop_through_two_functions() -> None:
    a = Function("A", ("p",), (Case(TRUE, 1 + call("B", p)),))
    b = Function("B", ("p",), (Case(TRUE, (1 - p) * call("A", p)),))
    both = System({"A": a, "B": b}, call("A", p) + call("B", p), TRUE)
    assert Evaluator(both).value(None, {"p": Fraction(1, 4)}) == 7


@pytest.mark.parametrize(("cases", "error"), [
    ([(TRUE, T(n))], NonTerminating),
    ([(TRUE, choice(ZERO, T(n)) + 1)], NonTerminating),
    ([(lt(n, ZERO), ZERO), (TRUE, T(floor(n / 2)) + 1)], NonTerminating),
    ([(le(n, ZERO), ZERO), (TRUE, T(2 * n) + 1)], NonTerminating),
    ([(le(n, ZERO), ZERO), (TRUE, T(n + 1) + 1)], OutOfFuel),
    ([(le(n, ZERO), ZERO)], NoCase),
    ([(le(n, ZERO), ONE), (TRUE, power(num(2), T(n - 1)))], TooLarge),
    ([(TRUE, 1 / (n - 7))], Undefined),
    ([(TRUE, log(n - 7))], Undefined),
    ([(TRUE, m)], EvaluationError),
    ([(TRUE, call("U", n))], EvaluationError),
])
def test_errors_are_typed(cases: list[tuple[Cond, Expr]], error: type[Exception]) -> None:
    with pytest.raises(error):
        Evaluator(system(*cases), fuel=20_000).value(None, {"n": 7})


def test_an_evaluator_survives_an_error() -> None:
    shaky = Evaluator(system((eq(n, ZERO), ZERO), (TRUE, T(n - 2) + 1)), fuel=2_000)
    with pytest.raises(OutOfFuel):
        shaky.value(None, {"n": 7})
    assert shaky.value(None, {"n": 8}) == 4


def test_best_case_of_a_loop_is_to_leave_it() -> None:
    assert Evaluator(system((TRUE, choice(ZERO, T(n)) + 1)), "lower").value(None, {"n": 7}) == 1


def test_symbols_that_are_not_parameters() -> None:
    e = Evaluator(system((le(n, ZERO), ZERO), (TRUE, T(n - 1) + m)))
    assert [e.value(None, {"n": 5, "m": x}) for x in (1, 2, 1)] == [5, 10, 5]


def test_sizes_may_stay_symbols() -> None:
    price = sym("price", "real")
    e = Evaluator(system((le(n, ZERO), ZERO), (TRUE, T(n - 1) + max_(m, 2 * m) + n)), symbolic=True)
    assert e.value(None, {"n": 5, "m": price}) == 10 * price + 15


def test_nested_calls() -> None:
    golomb = system((le(n, ONE), ONE), (TRUE, 1 + T(n - T(T(n - 1)))))
    assert [Evaluator(golomb).value(None, {"n": i}) for i in range(1, 13)] == [1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 6]


@given(st.integers(1, 10 ** 40), st.integers(2, 20))
def test_logarithms_are_rounded_exactly(x: int, b: int) -> None:
    down = compile_expr(floor(log(n) / log(k)), ["n", "k"])(x, b)
    up = compile_expr(ceil(log(n) / log(k)), ["n", "k"])(x, b)
    assert b ** down <= x < b ** (down + 1)
    assert up == down + (b ** down != x)
    assert compile_expr(floor(log2(n) / 3), ["n"])(x) == (x.bit_length() - 1) // 3


@given(st.integers(0, 10 ** 50), st.integers(1, 9), st.integers(1, 9))
def test_roots_are_rounded_exactly(x: int, a: int, b: int) -> None:
    down = compile_expr(floor(power(n, Fraction(1, 2)) * Fraction(a, b)), ["n"])(x)
    assert (b * down) ** 2 <= a * a * x < (b * (down + 1)) ** 2


@given(st.integers(-50, 50), st.integers(-50, 50).filter(bool))
def test_quotients_are_exact(a: int, b: int) -> None:
    f = compile_expr(n / k + floor(n / k) + floor((n * n + k) / (2 * k)), ["n", "k"])
    assert f(a, b) == Fraction(a, b) + a // b + (a * a + b) // (2 * b)


def test_piecewise_is_lazy() -> None:
    e = piecewise((ZERO, eq(n, ZERO)), (1 / n, TRUE))
    assert compile_expr(e, ["n"])(0) == 0
    assert compile_expr(e, ["n"])(4) == Fraction(1, 4)
    lazy = system((TRUE, piecewise((ZERO, le(n, ZERO)), (T(n - 1) + 1, TRUE))))
    assert Evaluator(lazy).value(None, {"n": 100}) == 100


def test_many_digits() -> None:
    v = compile_expr(log(n) * power(n, Fraction(1, 2)), ["n"], digits=50)(2)
    assert str(v)[:40] == "0.98025814346854719171390172363523338129"[:40]


def test_integers_never_become_floats() -> None:
    f = compile_expr(power(num(4), n / 2) * log2(power(num(2), n)), ["n"])
    assert f(301) == 2 ** 301 * 301
    assert compile_expr(log(n, 2), ["n"])(2 ** 3000) == 3000
    assert math.isinf(compile_expr(max_(n, n) * 0 + sym("x", "real"), ["n", "x"])(1, math.inf))


def test_conditions() -> None:
    f = compile_cond(conj(ge(n, ONE), le(2 * k, n)), ["n", "k"])
    assert [f(4, 2), f(4, 3), f(0, 0)] == [True, False, False]
