"""The rules, in the order in which they are tried: the exact ones first, then the safe bounds, then bare orders."""
from __future__ import annotations

from collections.abc import Callable, Iterator

from ..equations import Function
from .cfinite import c_finite
from .iterate import iterate
from .model import Closed
from .plain import plain
from .solver import Work

__all__ = ["RULES"]

RULES: tuple[Callable[[Work, Function], Iterator[Closed]], ...] = (
    lambda work, f: plain(f),
    lambda work, f: iterate(f),
    lambda work, f: c_finite([f], f.name),
)
