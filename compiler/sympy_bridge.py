"""Expressions and conditions as sympy's, for people who go on computing with a report.

In: an `Expr` or a `Cond`. Out: sympy objects over plain symbols without assumptions, equal to `sympy.Symbol(name)`, so
that `.subs("n", 1000)` works. The way is through the text form, which is made for sympy to read. With the solver's own
rules this is the only place that imports sympy, and importing this module costs what sympy costs (0.3 s).
"""
from __future__ import annotations

from typing import Any

import sympy

from .expr import Cond, Expr
from .text import show, show_cond

__all__ = ["cond_to_sympy", "to_sympy"]


def to_sympy(e: Expr) -> Any:
    """The expression. Infinite bounds are `sympy.oo`."""
    return _read(show(e), e.free)


def cond_to_sympy(c: Cond) -> Any:
    """The condition: a relation, an `And`, or `sympy.true`."""
    return _read(show_cond(c), c.free)


def _read(text: str, names: frozenset[str]) -> Any:
    return sympy.sympify(text, locals={name: sympy.Symbol(name) for name in sorted(names)})
