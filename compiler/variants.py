"""A function as it is called: one pattern of arguments, with what the analysis found for it.

Made and filled by `sizes`, read by `readings` and `termination`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..lang.diagnostics import Diagnostic
from ..lang.source import Span
from . import core
from .costs import FREE, Cost
from .expr import Cond
from .values import Label, Size, Value

__all__ = ["Variant"]


@dataclass(slots=True)
class Variant:
    """A function for one pattern of arguments: parameters, cost and result over their symbols."""

    name: str
    function: core.Function
    pattern: tuple[object, ...]
    params: tuple[str, ...]
    kinds: tuple[str, ...]
    facts: tuple[Cond, ...]
    declared: Mapping[str, Size]
    cost: Cost = FREE
    result: Value = field(default_factory=Label)
    body_value: Value = field(default_factory=Label)
    recursive: bool = False
    component: int = 0
    unknown: list[tuple[str, Span]] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)
    """What the walk over its body found, reported once the sizes that it assumed are settled."""
