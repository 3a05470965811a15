"""Expressions made smaller: equal at every point, and what is infinite stays so."""
from __future__ import annotations

import itertools

import pytest

from orch.compiler.codegen import compile_expr
from orch.compiler.corners import corners
from orch.compiler.expr import (
    INF,
    NEG_INF,
    ONE,
    TRUE,
    ZERO,
    Expr,
    ceil,
    conj,
    factorial,
    floor,
    ge,
    max_,
    min_,
    num,
    sym,
)
from orch.compiler.facts import assuming
from orch.compiler.simplify import tight

n, k, w = sym("n"), sym("k"), sym("w")
DOWN, UP = floor(n / k), ceil(n / k)


@pytest.mark.parametrize(
    ("e", "expected"),
    [
        (max_(ZERO, n - w) + min_(n, w), "n"),
        (2 * n - max_(ZERO, 1 - 2 * n) - min_(ONE, 2 * n), "2*n - 1"),
        (k * max_(n, w) + k * min_(n, w), "k*n + k*w"),
        ((n - k * DOWN) * UP + (k - n + k * DOWN) * DOWN, "n"),
        (w * (n - k * DOWN) * UP + w * (k - n + k * DOWN) * DOWN + 7, "n*w + 7"),
        (ceil(max_(ZERO, n - w) / w) + 1, "ceiling(n/w)"),
        (n * factorial(n - 1) * w, "w*factorial(n)"),
    ],
    ids=str,
)
def test_what_is_equal_becomes_one(e: Expr, expected: str) -> None:
    domain = conj(ge(k, ONE), ge(w, ONE), ge(n, ONE))
    short = tight(e, assuming(domain))
    assert str(short) == expected
    names = ("n", "k", "w")
    a, b = compile_expr(e, names), compile_expr(short, names)
    for point in itertools.product(range(1, 9), range(1, 6), range(1, 6)):
        assert a(*point) == b(*point), point


def test_what_is_infinite_stays_infinite() -> None:
    assert tight(INF, assuming(TRUE)) == INF and tight(NEG_INF, assuming(TRUE)) == NEG_INF


@pytest.mark.parametrize(
    "e",
    [
        n * UP - k * UP * (UP - 1) / 2,
        ceil(DOWN / w) * (k - n + k * DOWN) + ceil(UP / w) * (n - k * DOWN),
        (n - k * DOWN) * UP * UP + (k - n + k * DOWN) * DOWN * DOWN,
        UP * DOWN - UP + 3 * DOWN,
    ],
    ids=str,
)
def test_corners_bound(e: Expr) -> None:
    nonneg = assuming(conj(ge(n, ZERO), ge(k, ONE), ge(w, ONE))).nonneg
    names = ("n", "k", "w")
    value = compile_expr(e, names)
    for side, best in (("upper", max), ("lower", min)):
        found = [compile_expr(x, names) for x in corners(e, side, nonneg)]  # type: ignore[arg-type]
        assert found
        for point in itertools.product(range(13), range(1, 7), range(1, 4)):
            bound = best(f(*point) for f in found)
            assert bound >= value(*point) if side == "upper" else bound <= value(*point), point


def test_corners_leave_other_forms_alone() -> None:
    assert corners(n / DOWN, "upper", lambda e: True) == [] and corners(n + num(3), "lower", lambda e: True) == []
