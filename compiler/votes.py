"""The laws of voting, for one wrong rival and independent samples (LANGUAGE section 4).

Uncut, `vote lead k` is a gambler's ruin: right with probability 1/(1 + ((1-p)/p)^k) (Feller, volume 1, XIV.2). Cut at m
samples, the exact distribution of the lead is followed step by step, in integers of 320 bits, which truncate: what is
said to be right is never more than it is. Where k, m or p is a symbol, the law stays an application
(`vote_right`, `vote_samples`) that has a value at given sizes but no closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from .expr import ONE, Expr, Fn, Number, num, power

__all__ = ["CUT_LAWS", "LeadLaw", "cut_law", "majority", "uncut_lead", "voted_lead"]

CUT_LAWS = ("vote_right", "vote_samples")
LARGEST_VOTE = 3_000_000        # steps times states up to which the cut law is followed
_MOST = 2000                    # samples up to which a majority is summed
_BITS = 320
_DIGITS = 20                    # significant digits of what is given, rounded to the safe side


@dataclass(frozen=True, slots=True)
class LeadLaw:
    """Probability that the vote is right, that it ends in a tie, and the mean number of samples (None: unknown)."""

    right: Fraction
    ties: Fraction
    samples: Fraction | None


@lru_cache(maxsize=2000)
def voted_lead(p: Number | None, lead: Number | None, most: Number | None) -> LeadLaw | None:
    """The law of `vote lead k up to m` for a sample that is right with probability p; None for symbols.

    None, too, where no such vote can be held. A law too long to follow to its end gives the votes decided until then.
    """
    if p is None or not isinstance(lead, int) or not isinstance(most, int) or not 0 <= p <= 1:
        return None
    if lead < 1 or most < lead or lead > LARGEST_VOTE:
        return None
    one = 1 << _BITS
    up = Fraction(p).numerator * one // Fraction(p).denominator
    down = one - up
    width = 2 * lead - 1
    odds = [0] * width          # of every lead from -(k-1) to k-1
    odds[lead - 1] = one
    right, open_, samples = 0, one, 0
    steps = min(most, LARGEST_VOTE // lead)
    for _ in range(steps):
        if not any(odds):       # decided, but for what 320 bits do not hold
            steps = most
            break
        samples += open_
        gained, lost = odds[-1] * up >> _BITS, odds[0] * down >> _BITS
        right += gained
        open_ -= gained + lost
        odds = [((odds[i - 1] * up if i else 0) + (odds[i + 1] * down if i < width - 1 else 0)) >> _BITS
                for i in range(width)]
    ended = steps == most
    right += sum(odds[lead:]) if ended else 0
    wrong = _significant(Fraction(one - right, one))
    mean = _significant(Fraction(samples, one)) if ended else None
    return LeadLaw(1 - wrong, _significant(Fraction(odds[lead - 1], one)), mean)


def _significant(x: Fraction) -> Fraction:
    """Rounded up to `_DIGITS` significant digits: an exact fraction grows long without telling anything."""
    if not x:
        return x
    size = len(str(x.numerator)) - len(str(x.denominator))
    scale = 10 ** max(_DIGITS - size, 0)
    return x if x.denominator <= scale else Fraction(math.ceil(x * scale), scale)


def cut_law(name: str, p: Expr, lead: Expr, most: Expr) -> Expr:
    """`vote_right(p, k, m)` or `vote_samples(p, k, m)`: a number where p, k and m are, else as it stands."""
    law = voted_lead(p.number, lead.number, most.number)
    value = None if law is None else law.right if name == "vote_right" else law.samples
    return Expr({((Fn(name, (p, lead, most)), 1),): 1}) if value is None else num(value)


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
