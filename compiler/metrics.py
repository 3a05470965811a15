"""The table of metrics: how each combines in sequence and in parallel, and what one call costs.

A row is all that is known of a metric: nothing elsewhere switches on a metric's name. The compiler reads a row's
formula symbolically, the meter evaluates the same formula at actual sizes. To add a metric, add a row.

The formulas are over these symbols: `L` prompt tokens, `T` answer tokens, and of the model `size`, `price_in`,
`price_out` (dollars per million tokens), `ttft` (s), `prefill`, `decode` (tokens/s), `error` (probability that the
answer is wrong); for a tool `tool_latency` (s) and `tool_dollars`. Every formula is nondecreasing in L and T.
`forward` and `attention` are the costs of Meyerson and Qiu (ICML 2025): every token one forward pass over all before
it, without and with a key-value cache.
"""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from .expr import ONE, ZERO, Expr, log, num, sym

__all__ = ["METRICS", "Combine", "Metric"]

Combine = Literal["+", "max"]


@dataclass(frozen=True, slots=True)
class Metric:
    """`seq`, `par`: how costs combine in sequence and in parallel. `counted`: a run can leave the bounds only by a bug.

    `call` and `tool` are what one call costs, formulas over the symbols that this module lists. `whole`: values are
    integers. `peak_only`: a run promises no lower bound (its figure depends on how many calls may be in flight).
    `reliability`: a vote changes it by the laws of voting, not by the number of samples.
    """
    name: str
    unit: str
    meaning: str
    seq: Combine
    par: Combine
    call: Expr
    tool: Expr
    whole: bool
    counted: bool
    peak_only: bool = False
    reliability: bool = False


def _table() -> dict[str, Metric]:
    L, T = sym("L"), sym("T")
    size, error = sym("size", "real"), sym("error", "real")
    price_in, price_out = sym("price_in", "real"), sym("price_out", "real")
    ttft, prefill, decode = sym("ttft", "real"), sym("prefill", "real"), sym("decode", "real")
    half, million = num(Fraction(1, 2)), num(Fraction(1, 10 ** 6))
    rows = [
        Metric("calls", "calls", "calls of models", "+", "+", ONE, ZERO, True, True),
        Metric("input_tokens", "tokens", "prompt tokens", "+", "+", L, ZERO, True, True),
        Metric("output_tokens", "tokens", "completion tokens", "+", "+", T, ZERO, True, True),
        Metric("dollars", "$", "price of all tokens", "+", "+", (price_in * L + price_out * T) * million,
               sym("tool_dollars", "real"), False, False),
        Metric("forward", "token passes", "one forward pass a token over all before it", "+", "+",
               size * (L * T + (T * T - T) * half), ZERO, False, False),
        Metric("attention", "token pairs", "the same with a key-value cache", "+", "+",
               size * (L * L + L * T + T * T * half), ZERO, False, False),
        Metric("rounds", "rounds", "calls that must wait for one another", "+", "max", ONE, ZERO, True, True),
        Metric("latency", "s", "seconds until the answer", "+", "max", ttft + L / prefill + T / decode,
               sym("tool_latency", "real"), False, False),
        Metric("context", "tokens", "largest prompt plus answer", "max", "max", L + T, ZERO, True, True),
        Metric("width", "calls", "calls in flight at once", "max", "+", ONE, ZERO, True, True, peak_only=True),
        Metric("tool_calls", "calls", "calls of tools", "+", "+", ZERO, ONE, True, True),
        Metric("unreliability", "nats", "-ln of the probability that no answer is wrong", "+", "+",
               -log(1 - error), ZERO, False, False, reliability=True),
    ]
    return {row.name: row for row in rows}


METRICS: dict[str, Metric] = _table()
