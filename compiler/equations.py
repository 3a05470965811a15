"""Systems of recurrences: what the analysis derives and what the solver reads.

A system holds functions of sizes, each by cases that are tried in order, a goal, and a domain. Both bounds come from
one system: an adversary's `Choice` and `Choose` are read as the largest for the upper bound and as the smallest for
the lower one. The text form is in `equation_text`.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .expr import Cond, Expr

__all__ = ["Case", "Function", "Side", "System"]

Side = Literal["upper", "lower"]


@dataclass(frozen=True, slots=True)
class Case:
    """`value` where `guard` holds and no earlier case's guard does."""

    guard: Cond
    value: Expr


@dataclass(frozen=True, slots=True)
class Function:
    """T(n, m) by cases; parameters are names of symbols. Values are numbers >= 0 unless the equations say otherwise."""

    name: str
    params: tuple[str, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class System:
    """Functions by name, a goal (an expression over calls of them and symbols), and a domain of its free symbols."""

    functions: dict[str, Function]
    goal: Expr
    domain: Cond
