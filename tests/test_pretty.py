"""Formulas for people: shorter than what sympy reads, with the same meaning, and never lost."""
from __future__ import annotations

import pytest

from orch.compiler.pretty import pretty


@pytest.mark.parametrize(("text", "shown"), [
    ("n*ceiling(log(n, 2)) - 2**ceiling(log(n, 2)) + 1", "n·⌈log₂ n⌉ - 2^⌈log₂ n⌉ + 1"),
    ("-n**2/2 + 3*n/(2*m)", "3·n/(2·m) - n²/2"), ("-a - b", "-a - b"), ("-a*b/5 + c", "c - a·b/5"),
    ("T(n) = 2*T(floor(n/2)) + n", "T(n) = 2·T(⌊n/2⌋) + n"),
    ("T(n) = 0 for n <= 1; T(n) = 1 for n > 1", "T(n) = 0 for n ≤ 1; T(n) = 1 for n > 1"),
    ("(n >= 1) & (m > 0)", "n ≥ 1 and m > 0"),
    ("a - (b - c)", "a - (b - c)"), ("a*(b + c)", "a·(b + c)"), ("(-1)**n*n", "(-1)^n·n"), ("a/(b*c)", "a/(b·c)"),
    ("a/b/c", "a/b/c"), ("(a + b)**2", "(a + b)²"), ("2**(n + 1)", "2^(n + 1)"), ("2**-n", "2^(-n)"),
    ("1/2**-ceiling(n/2)", "2^⌈n/2⌉"), ("n - 1/2**-m", "n - 2^m"),
    ("log(n)*m", "ln(n)·m"), ("m*log(n)", "m·ln n"), ("log(n + 1)", "ln(n + 1)"), ("log(n)**2", "(ln n)²"),
    ("Max(0, n - 1)", "max(0, n - 1)"), ("sqrt(n)", "√n"), ("sqrt(n + 1)", "√(n + 1)"), ("factorial(n)", "n!"),
    ("Sum(k**2, (k, 1, n))", "Σ[k=1..n] k²"), ("Piecewise((0, n <= 1), (n, True))", "{0 if n ≤ 1; n otherwise}"),
    ("oo", "∞"), ("Eq(n, 3)", "n = 3"),
])
def test_shown(text: str, shown: str) -> None:
    assert pretty(text) == shown


def test_the_base_of_a_logarithm_does_not_matter_in_an_order() -> None:
    assert pretty("n*log(n)", order=True) == "n·log n"


@pytest.mark.parametrize("text", ["n +", "what is this?", "x[1]", "lambda: 0", "+".join(["n"] * 30_000), ""])
def test_what_is_no_formula_comes_back(text: str) -> None:
    assert pretty(text) == text
