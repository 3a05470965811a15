"""Orch: what LLM agents cost, before they run.

    import orch

    program = orch.load("digest.orch")
    program.cost(at={"n": 100_000})                     # a report; `.metrics["calls"].upper.closed` is sympy's
    orch.compare("sort.orch:merge", "sort.orch:quick")  # two decompositions side by side
    program.digest(doc=text)                            # runs it, like a Python function
    run = program.run("digest", {"doc": text}, backend="sim")

The parts are imported when they are first asked for, so that importing the package costs nothing.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import CostReport, OrchError, Program, Run, RunFailed, compare, compile, load

__all__ = ["CostReport", "OrchError", "Program", "Run", "RunFailed", "compare", "compile", "load"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import api
        return getattr(api, name)
    raise AttributeError(f"module 'orch' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
