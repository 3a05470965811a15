"""A system as text to the object of `orch solve --format json`: both sides, theta, rules, seconds."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from .. import growth
from ..equation_text import parse_system
from ..equations import System
from ..expr import Expr, conj
from .answer import solve
from .model import Solution

__all__ = ["solve_text", "system_report"]


def solve_text(text: str, goal: str | None = None, time_limit: float = 10.0) -> dict[str, Any]:
    """The object for one system, without `file`; text that does not parse gives `errors`."""
    started = time.monotonic()
    system = parse_system(text, goal)
    if isinstance(system, list):
        return {
            "goal": goal,
            "refused": None,
            "theta": None,
            "rules": [],
            "seconds": 0.0,
            "lower": None,
            "upper": None,
            "errors": [str(e) for e in system],
        }
    report = system_report(system, time_limit)
    report["seconds"] = round(time.monotonic() - started, 3)
    return report


def system_report(system: System, time_limit: float = 10.0) -> dict[str, Any]:
    """The object for a system, without `file` and `seconds`."""
    started = time.monotonic()
    upper = solve(system, "upper", time_limit=time_limit, numbers=True)
    if not _has_choice(system):
        lower = (
            _same_below(upper, system)
            if upper.exact or upper.closed is None
            else solve(system, "lower", time_limit=max(0.1, time_limit - (time.monotonic() - started)), numbers=True)
        )
    else:
        lower = solve(system, "lower", time_limit=max(0.1, time_limit - (time.monotonic() - started)), numbers=True)
    refused = upper.refused or lower.refused
    theta = growth.theta(lower.order, upper.order, system.domain)
    out: dict[str, Any] = {
        "goal": str(system.goal),
        "refused": refused,
        "theta": None if theta is None or refused else str(theta),
        "rules": list(dict.fromkeys((*upper.rules, *lower.rules))),
        "lower": _side(lower),
        "upper": _side(upper),
    }
    if refused is None and theta is None:
        reason = upper.reason or lower.reason
        if reason:
            out["reason"] = reason
        for side, solution in (("upper", upper), ("lower", lower)):
            if solution.points:
                out[side]["numeric"] = [{"sizes": sizes, "value": value} for sizes, value in solution.points]
    return out


def _same_below(upper: Solution, system: System) -> Solution:
    """The lower side of an exact form; its order may need another argument."""
    if upper.closed is None or upper.theta:
        return upper
    return replace(upper, order=growth.order(upper.closed, conj(system.domain, upper.valid), "lower"))


def _has_choice(system: System) -> bool:
    parts: list[Expr] = [system.goal, *(c.value for f in system.functions.values() for c in f.cases)]
    return any(getattr(a, "op", "") in ("choice", "choose") for e in parts for a in e.atoms())


def _side(s: Solution) -> dict[str, Any]:
    return {
        "closed": None if s.closed is None else str(s.closed),
        "exact": s.exact and s.closed is not None,
        "order": None if s.order is None else str(s.order),
        "valid": str(s.valid),
    }
