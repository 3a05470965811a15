"""Calls of calls: T(n - T(T(n-1))) and their like.

No theorem covers them. If T(n) ~ C n^alpha, comparing exponents leaves few candidates: alpha = 1 (Hofstadter's G,
Conway's sequence), or alpha = 1/golden ratio (Golomb: 1 + G(n - G(G(n-1))) gives alpha - 1 + alpha^2 = 0). The
candidate is taken if exact values up to n = 8192 follow it without drift: the rule is called "fitted growth", for it
is evidence and no proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..equations import Function
from ..evaluate import EvaluationError
from ..expr import ONE, TRUE, Fn, power, sym
from .model import Closed
from .structure import calls_in, has_call
from .sums import atom_expr

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["nested"]

_GOLDEN = (math.sqrt(5) - 1) / 2


def nested(work: Work, f: Function) -> Iterator[Closed]:
    """The order, from values."""
    if len(f.params) != 1 or not any(
        has_call(x, f.name) for c in f.cases for a in calls_in(c.value, f.name) for x in a.args
    ):
        return
    try:
        values = [
            float(work.floats.call(f.name, 2**k + shift)) for k in range(7, 14) for shift in (0, 2 ** (k - 1) - 1)
        ]
    except EvaluationError:
        return
    if min(values) <= 0:
        return
    slopes = [math.log(b / a, 2) for a, b in zip(values, values[2:], strict=False)]
    n = sym(f.params[0])
    golden = atom_expr(Fn("GoldenRatio", ())) - 1
    for alpha, order in ((0.0, ONE), (1.0, n), (_GOLDEN, power(n, golden))):
        if max(abs(s - alpha) for s in slopes[-4:]) < 0.02 and abs(sum(slopes[-4:]) / 4 - alpha) < 0.01:
            yield Closed(None, False, TRUE, ("fitted growth",), order)
            return
