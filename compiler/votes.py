"""The laws of voting, for one wrong rival and independent samples (LANGUAGE section 4).

Uncut, `vote lead k` is a gambler's ruin: right with probability 1/(1 + ((1-p)/p)^k) (Feller, volume 1, XIV.2). Cut at m
samples, the exact distribution is summed step by step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from .expr import ONE, Expr, Number, power

__all__ = ["LeadLaw", "majority", "uncut_lead", "voted_lead"]

_MOST = 2000  # samples up to which the cut law is summed


@dataclass(frozen=True, slots=True)
class LeadLaw:
    """Probability that the vote is right, that it ends in a tie, and the mean number of samples."""

    right: Fraction
    ties: Fraction
    samples: Fraction


@lru_cache(maxsize=500)
def voted_lead(p: Number | None, lead: Number | None, most: Number | None) -> LeadLaw | None:
    """The law of `vote lead k up to m` for a sample that is right with probability p; None for symbols."""
    if p is None or not isinstance(lead, int) or not isinstance(most, int) or not 0 <= p <= 1:
        return None
    if lead < 1 or most < lead or most > _MOST:
        return None
    p = Fraction(p).limit_denominator(10**15)
    # exact fractions grow long without telling anything: 24 decimals are kept
    digits = 10**24
    odds: dict[int, Fraction] = {0: Fraction(1)}
    right, samples = Fraction(0), Fraction(0)
    for _ in range(most):
        samples += sum(odds.values())
        moved: dict[int, Fraction] = {}
        for d, o in odds.items():
            for to, chance in ((d + 1, p), (d - 1, 1 - p)):
                if to == lead:
                    right += o * chance
                elif to != -lead:
                    moved[to] = moved.get(to, Fraction(0)) + o * chance
        odds = {d: _rounded(o, digits) for d, o in moved.items() if o}
    right += sum((o for d, o in odds.items() if d > 0), Fraction(0))
    return LeadLaw(_rounded(right, digits), _rounded(odds.get(0, Fraction(0)), digits), _rounded(samples, digits))


def _rounded(x: Fraction, digits: int) -> Fraction:
    return x if x.denominator <= digits else Fraction(round(x * digits), digits)


@lru_cache(maxsize=500)
def majority(p: Number | None, most: Number | None, *, ties: bool) -> Fraction | None:
    """Probability that most of m samples are right; `ties` counts an even split as right."""
    if p is None or not isinstance(most, int) or most < 1 or most > _MOST or not 0 <= p <= 1:
        return None
    p = Fraction(p)
    total = Fraction(0)
    for k in range(most + 1):
        if 2 * k > most or (ties and 2 * k == most):
            total += math.comb(most, k) * p**k * (1 - p) ** (most - k)
    return total


def uncut_lead(p: Expr, lead: Expr) -> Expr:
    """1 / (1 + ((1-p)/p)**k)"""
    return ONE / (1 + power((1 - p) / p, lead))
