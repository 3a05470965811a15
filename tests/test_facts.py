"""The prover: what it has to prove, and that it never proves what has a counterexample."""
from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orch.compiler.codegen import compile_cond
from orch.compiler.expr import (
    FALSE,
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    call,
    ceil,
    disj,
    eq,
    floor,
    ge,
    gt,
    le,
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
    sum_,
    sym,
)
from orch.compiler.facts import Facts
from orch.compiler.linear import minimum
from orch.compiler.numeric import EvaluationError

n, m, k, b, low, high, c = (sym(x) for x in ("n", "m", "k", "b", "low", "high", "c"))
i = sym("i", "int")
p = sym("p", "real")

PROVED: list[tuple[list[Cond], Cond]] = [
    ([ge(n, ONE)], ge(n * (n - 1) / 2, ZERO)),
    ([ge(high, low + 1)], ge(floor((low + high) / 2), low)),
    ([ge(high, low + 1)], lt(floor((low + high) / 2), high)),
    ([ge(n, num(2))], lt(ceil(n / 2), n)),
    ([ge(n, num(2))], ge(floor(n / 2), ONE)),
    ([le(b, k), le(k, n)], ge(n, b)),
    ([ge(c, ONE), ge(n, c)], ge(floor(n / c), ONE)),
    ([ge(c, ONE)], le(c * floor(n / c), n)),
    ([ge(c, ONE)], lt(mod(n, c), c)),
    ([ge(c, ONE)], ge(ceil(n / c) * c, n)),
    ([ge(n, num(2)), ge(b, num(2))], lt(ceil(n / b), n)),
    ([ge(n, m)], eq(max_(n, m), n)),
    ([], eq(max_(n, m) + min_(n, m), n + m)),
    ([ge(n, num(4))], ge(log2(n), num(2))),
    ([ge(n, ONE)], ge(ceil(log2(n)), ZERO)),
    ([ge(n, ONE), ge(m, ONE)], ge(n * m, n + m - 1)),
    ([ge(n, ONE)], le(power(num(2), floor(log2(n))), n)),
    ([], le(n + 1, power(num(2), n))),
    ([eq(n, 2 * m)], eq(mod(n, num(2)), ZERO)),
    ([ne(n, ZERO)], ge(n, ONE)),
    ([disj(ge(n, num(3)), ge(m, num(3)))], ge(n + m, num(3))),
    ([ge(n, num(1001))], lt(100 * ceil(n / 1000), n)),
    ([ge(n, num(141))], lt(floor(7 * n / 10) + 6, n)),
    ([gt(p, ZERO), le(p, ONE)], ge(1 / p, ONE)),
    ([ge(n, num(3)), le(n, num(2))], FALSE),
    ([], le(floor(n / 2) + floor(m / 2), floor((n + m) / 2))),
    ([le(n, m)], le(floor(n / 2), floor(m / 2))),
    ([ge(n, ONE)], ge(piecewise((n, ge(n, num(5))), (n * n, TRUE)), n)),
    ([], ge(sum_(floor(sym("j") / (sym("j") + 1)), "j", ZERO, n), ZERO)),
    ([ge(i, num(-3))], ge(i * i + 10, i)),
]


@pytest.mark.parametrize(("facts", "cond"), PROVED, ids=lambda x: str(x))
def test_proofs(facts: list[Cond], cond: Cond) -> None:
    assert Facts(facts).implies(cond)
    assert Facts(facts).refutes(negate(cond))


def test_bound_symbols_are_not_those_outside() -> None:
    index = sym("k", "int")
    total = sum_(max_(index, num(3)) - 5, "k", ZERO, n)
    assert not Facts([ge(index, num(7)), ge(n, ONE)]).nonneg(total)


def test_bounds() -> None:
    assert Facts([ge(n, num(3)), le(n, num(9))]).minimum(floor(n / 2)) == 1
    assert Facts([ge(n, num(3)), le(n, num(9))]).maximum(floor(n / 2) + n) == 13
    assert Facts([ge(n, num(3))]).maximum(n) is None


def test_a_call_is_taken_at_its_worst_where_nothing_is_known_of_it() -> None:
    cost = call("cost", n)
    assert Facts([ge(n, ONE)]).implies(ge(cost + n, ONE))
    assert not Facts([ge(n, ONE)]).implies(ge(cost, ONE)) and not Facts([ge(n, ONE)]).implies(ge(n, cost))
    assert Facts([ge(n, cost)]).implies(ge(n + 1, cost)) and Facts([]).implies(ge(max_(cost, n), cost))


def test_samples_satisfy_the_assumptions_and_repeat() -> None:
    facts = Facts([eq(n, 2 * m), ge(n, num(3)), le(b, m), gt(p, ZERO), lt(p, ONE)])
    points = list(facts.sample(["k"], 50))
    assert len(points) == 50
    assert points == list(facts.sample(["k"], 50))
    assert all(q["n"] == 2 * q["m"] >= 3 and q["b"] <= q["m"] and 0 < q["p"] < 1 and q["k"] >= 0 for q in points)
    assert list(Facts([FALSE]).sample()) == []
    assert list(Facts([ge(n, num(4)), le(n, num(5))]).sample()) == [{"n": 4}, {"n": 5}]


def test_the_minimum_of_a_linear_form() -> None:
    found = minimum({"x": 1, "y": 1}, [{"x": 1, (): -1}, {"y": 1, "x": -1, (): -2}])
    assert found is not None and found.value == 4
    assert minimum({"x": 1}, [{"y": 1}]) is None


def expressions() -> st.SearchStrategy[Expr]:
    leaves = st.sampled_from([n, m, i, ONE, num(2), num(-1), num(-3)])
    return st.recursive(leaves, lambda x: st.one_of(
        st.tuples(x, x).map(lambda t: t[0] + t[1]), st.tuples(x, x).map(lambda t: t[0] - t[1]),
        st.tuples(x, x).map(lambda t: t[0] * t[1]), st.tuples(x, st.integers(2, 4)).map(lambda t: floor(t[0] / t[1])),
        st.tuples(x, x).map(lambda t: max_(*t)), st.tuples(x, x).map(lambda t: min_(*t)),
        st.tuples(x, x).map(lambda t: floor(t[0] / (t[1] * t[1] + 1))),
        x.map(lambda e: log2(e * e + 1)), x.map(lambda e: e / (m + 1)),
        st.tuples(x, x).map(lambda t: piecewise((t[0], ge(n, m)), (t[1], TRUE)))), max_leaves=6)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(expressions(), st.sampled_from([ge, gt, eq, ne])), max_size=3), expressions(),
       st.sampled_from([ge, gt, eq, ne]))
def test_no_proof_has_a_counterexample(assumed: list[tuple[Expr, object]], e: Expr, op: object) -> None:
    facts = Facts([f(x, ZERO) for x, f in assumed])  # type: ignore[operator]
    claim: Cond = op(e, ZERO)  # type: ignore[operator]
    if not facts.implies(claim):
        return
    test = compile_cond(claim, ["i", "m", "n"])
    holds = compile_cond(facts.assumptions, ["i", "m", "n"])
    for x in (-5, -2, -1, 0, 1, 2, 3, 7):
        for y in (0, 1, 2, 3, 6):
            for z in (0, 1, 2, 3, 4, 9):
                try:
                    if holds(x, y, z):
                        assert test(x, y, z), (x, y, z)
                except EvaluationError:
                    pass


@given(st.fractions(0, 20, max_denominator=9), st.integers(0, 40))
def test_real_symbols_are_not_rounded(value: Fraction, size: int) -> None:
    for claim in (ge(p, ONE), le(p * n, n), gt(n + p, ZERO)):
        if Facts([gt(p, ZERO)]).implies(claim) and value > 0:
            assert compile_cond(claim, ["p", "n"])(value, size)
