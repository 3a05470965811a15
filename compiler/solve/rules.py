"""The rules, in the order in which they are tried: the exact ones first, then the safe bounds, then bare orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..equations import Function
from .accumulate import accumulate
from .akra_bazzi import akra_bazzi, akra_bazzi_order
from .balanced import balanced
from .cases import several_cases
from .cfinite import c_finite
from .charge import charge
from .clamped import chain_peak, unclamped
from .decides import decides_only
from .dominant import dominant
from .extrema import balanced_extremum, extrema, peak, peak_of_leaves
from .first_order import first_order
from .first_values import first_cases, first_values
from .grid import grid
from .groups import groups
from .guess import linear_guess
from .history import history
from .iterate import iterate
from .mixed import mixed
from .model import Closed
from .nested import nested
from .partition import partition
from .plain import plain, plain_order
from .poincare import poincare
from .relax import relaxed_forcing
from .roots import square_root
from .solver import Work
from .template import template
from .transform import difference, drop_unused, scale, self_reference, specialise
from .uneven import deepest_part, uneven_parts

__all__ = ["RULES"]

RULES: tuple[Callable[[Work, Function], Iterator[Closed]], ...] = (
    self_reference,
    lambda work, f: plain(f),
    drop_unused,
    unclamped,
    lambda work, f: iterate(f),
    lambda work, f: chain_peak(f),
    lambda work, f: balanced(f, work.side),
    lambda work, f: c_finite([f], f.name),
    dominant,
    first_order,
    history,
    specialise,
    charge,
    difference,
    accumulate,
    decides_only,
    partition,
    peak_of_leaves,
    balanced_extremum,
    peak,
    first_values,
    first_cases,
    linear_guess,
    scale,
    extrema,
    template,
    lambda work, f: plain(f, work.side),
    plain_order,
    lambda work, f: groups(f, work.side),
    lambda work, f: grid(f, work.side),
    uneven_parts,
    deepest_part,
    relaxed_forcing,
    akra_bazzi,
    lambda work, f: iterate(f, work.side),
    lambda work, f: akra_bazzi_order(f),
    lambda work, f: square_root(f),
    mixed,
    poincare,
    several_cases,
    nested,
)
