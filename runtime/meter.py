"""Measured cost: the formulas of `compiler.metrics` at the actual sizes of every call.

In: one call after another, with its prompt and answer tokens. Out: `Usage`. What adds up along a strand (rounds,
latency) is carried by the strands of the machine; the meter knows what one call costs. Sums are kept in whole numbers
of 10**-12, so that they do not depend on the order in which calls end. What cannot be known is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from ..compiler import core
from ..compiler.evaluate import compile_expr
from ..compiler.expr import Expr, num
from ..compiler.metrics import METRICS
from .prices import lookup

__all__ = ["SCALE", "Meter", "Rates", "Usage"]

#: Dollars are added up in whole numbers of 10**-12.
SCALE: Final = 10**12
_MEMO: Final = 50_000

_SUMS: Final = tuple(m for m in METRICS.values() if m.seq == "+" and m.par == "+")
_WHOLE: Final = tuple(m.whole for m in _SUMS)

Costs = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run used. Metrics are named as in `compiler.metrics`; None is unknown.

    `retries` counts attempts after the first, with their tokens and dollars; `cut` and `padded` count texts whose size
    was enforced. `cached` counts the calls whose answers were known, from a journal or the cache: they are in every
    figure as when they were paid, and `paid_dollars` is what was paid now, retries included. `billed_input_tokens` and
    `billed_output_tokens` are the providers' own counts, None where a provider gave none; `counted_tokens` is what the
    run itself counted for the calls that were billed. `seconds` is the time that passed: virtual in a simulation, where
    a call of a model of unknown speed takes one second. `by_primitive` holds the metrics that add up, and `retries`, of
    each primitive and tool.
    """

    metrics: Mapping[str, int | float | None]
    by_primitive: Mapping[str, Mapping[str, int | float | None]]
    retries: int
    retry_tokens: int
    retry_dollars: float | None
    cut: int
    padded: int
    cached: int
    paid_dollars: float | None
    billed_input_tokens: int | None
    billed_output_tokens: int | None
    counted_tokens: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As `orch run --format json` prints it."""
        return {
            **self.metrics,
            "retries": self.retries,
            "retry_tokens": self.retry_tokens,
            "retry_dollars": self.retry_dollars,
            "cut": self.cut,
            "padded": self.padded,
            "cached": self.cached,
            "paid_dollars": self.paid_dollars,
            "billed_input_tokens": self.billed_input_tokens,
            "billed_output_tokens": self.billed_output_tokens,
            "seconds": round(self.seconds, 6),
            "by_primitive": {name: dict(figures) for name, figures in self.by_primitive.items()},
        }


class Rates:
    """What calls of one primitive (or tool) cost, as functions of prompt tokens, answer tokens and error."""

    def __init__(self, model: core.Model | None, settings: Mapping[str, int | float | Fraction]) -> None:
        self._memo: dict[tuple[int, int, float], tuple[Costs, float | None]] = {}
        self._tiers: list[tuple[int, dict[str, Expr | int | Fraction]]] = [(0, {})]
        if model is None:
            self._formulas = [[_formula(m.call, {}) for m in (*_SUMS, _LATENCY)]]
            return
        known: dict[str, Expr | int | Fraction] = {}
        size = model.size.subs({k: num(Fraction(v)) for k, v in settings.items()}).number
        for name, value in (
            ("size", size),
            ("price_in", model.price_in),
            ("price_out", model.price_out),
            ("ttft", model.ttft),
            ("prefill", model.prefill),
            ("decode", model.decode),
        ):
            if value is not None:
                known[name] = value
        if model.price_in is None or model.price_out is None:
            facts = lookup(model.target)
            if facts is not None and facts.tiers:
                self._tiers = []
                for tier in facts.tiers:
                    prices = {"price_in": tier.price_in, "price_out": tier.price_out}
                    self._tiers.append((tier.above, {k: v for k, v in prices.items() if v is not None}))
        self._formulas = [
            [_formula(m.call, {**prices, **known}) for m in (*_SUMS, _LATENCY)] for _, prices in self._tiers
        ]

    def costs(self, prompt: int, answer: int, error: float) -> tuple[Costs, float | None]:
        """Of the metrics that add up, in whole numbers (of 10**-12 where they are fractions); and the latency in s."""
        key = (prompt, answer, error)
        found = self._memo.get(key)
        if found is None:
            found = self._compute(prompt, answer, error)
            if len(self._memo) < _MEMO:
                self._memo[key] = found
        return found

    def dollars(self, prompt: int, answer: int) -> int | None:
        """Of one call, in 10**-12 dollars."""
        return self.costs(prompt, answer, 0.0)[0][_DOLLARS]

    def _compute(self, prompt: int, answer: int, error: float) -> tuple[Costs, float | None]:
        formulas = self._formulas[0]
        for (above, _), candidate in zip(self._tiers, self._formulas, strict=True):
            if above == 0 or prompt > above:
                formulas = candidate
        values = [None if f is None else f(prompt, answer, error) for f in formulas]
        costs = [
            None if v is None else int(v) if whole else round(v * SCALE)
            for v, whole in zip(values[:-1], _WHOLE, strict=True)
        ]
        latency = values[-1]
        return tuple(costs), None if latency is None else float(latency)


_LATENCY: Final = METRICS["latency"]
_DOLLARS: Final = next(i for i, m in enumerate(_SUMS) if m.name == "dollars")


def _formula(e: Expr, known: Mapping[str, Expr | int | Fraction]) -> Callable[[int, int, float], Any] | None:
    """None where a symbol other than L, T and the error has no value."""
    e = e.subs(known)
    if not e.free <= {"L", "T", "error"}:
        return None
    exact = compile_expr(e, ["L", "T", "error"])
    if "error" not in e.free:
        return lambda prompt, answer, error: exact(prompt, answer, 0)
    # an answer that is wrong for certain has no finite logarithm
    return lambda prompt, answer, error: None if error >= 1 else exact(prompt, answer, Fraction(error))


@dataclass(slots=True)
class Meter:
    """Adds up. `peaks` are the largest figures of one call, `in_flight` and `width` count calls of models under way."""

    settings: Mapping[str, int | float | Fraction]
    sums: dict[str, list[int | None]] = field(default_factory=dict)
    retried: dict[str, int] = field(default_factory=dict)
    context: int = 0
    in_flight: int = 0
    width: int = 0
    calls: int = 0
    retry_tokens: int = 0
    retry_dollars: int | None = 0
    cut: int = 0
    padded: int = 0
    cached: int = 0
    billed_input: int | None = 0
    billed_output: int | None = 0
    billed_calls: int = 0
    counted: int = 0
    latency_known: bool = True

    def sent(self) -> None:
        """A call of a model is under way."""
        self.in_flight += 1
        if self.in_flight > self.width:
            self.width = self.in_flight

    def seen(self, width: int) -> None:
        """So many calls of models were under way at once, when answers that are known now were paid."""
        if width > self.width:
            self.width = width

    def call(self, name: str, rates: Rates, prompt: int, answer: int, error: float) -> float:
        """One finished call of a model. Returns its latency in s; unknown counts as 0 and is remembered."""
        costs, latency = rates.costs(prompt, answer, error)
        self._add(name, costs)
        self.calls += 1
        if prompt + answer > self.context:
            self.context = prompt + answer
        if latency is None:
            self.latency_known = False
            return 0.0
        return latency

    def tool(self, name: str, dollars: float) -> None:
        """One finished call of a tool."""
        costs = [0] * len(_SUMS)
        for i, metric in enumerate(_SUMS):
            if metric.name == "tool_calls":
                costs[i] = 1
        costs[_DOLLARS] = round(dollars * SCALE)
        self._add(name, tuple(costs))

    def _add(self, name: str, costs: Costs) -> None:
        sums = self.sums.get(name)
        if sums is None:
            self.sums[name] = list(costs)
            return
        for i, cost in enumerate(costs):
            have = sums[i]
            sums[i] = None if cost is None or have is None else have + cost

    def retry(self, name: str, attempts: int, tokens: int, dollars: int | None) -> None:
        """More attempts than the first: what the attempts before them had used, 0 tokens if they brought no answer.

        `dollars` in 10**-12.
        """
        self.retried[name] = self.retried.get(name, 0) + attempts
        if tokens:
            self.retry_tokens += tokens
            self.retry_dollars = None if dollars is None or self.retry_dollars is None else self.retry_dollars + dollars

    def billed(self, prompt: int | None, answer: int | None, counted: int) -> None:
        """What a provider says that it counted, beside what was counted here."""
        self.billed_calls += 1
        self.billed_input = None if prompt is None or self.billed_input is None else self.billed_input + prompt
        self.billed_output = None if answer is None or self.billed_output is None else self.billed_output + answer
        self.counted += counted

    def usage(self, rounds: int, latency: float, seconds: float, measured: bool, paid: int | None) -> Usage:
        """The account. `measured`: the latency was measured, not computed; `paid`: dollars paid now, in 10**-12."""
        by_primitive: dict[str, dict[str, int | float | None]] = {}
        totals: list[int | None] = [0] * len(_SUMS)
        for name in sorted(self.sums):
            sums = self.sums[name]
            by_primitive[name] = {
                m.name: _unscaled(value, m.whole) for m, value in zip(_SUMS, sums, strict=True)
            } | {"retries": self.retried.get(name, 0)}
            totals = [None if a is None or b is None else a + b for a, b in zip(totals, sums, strict=True)]
        summed = {m.name: _unscaled(value, m.whole) for m, value in zip(_SUMS, totals, strict=True)}
        spans = {"rounds": rounds, "latency": latency if self.latency_known or measured else None}
        peaks = {"context": self.context, "width": self.width}
        known: dict[str, int | float | None] = {**summed, **spans, **peaks}
        return Usage(
            metrics={name: known[name] for name in METRICS if name in known},
            by_primitive=by_primitive,
            retries=sum(self.retried.values()),
            retry_tokens=self.retry_tokens,
            retry_dollars=None if self.retry_dollars is None else self.retry_dollars / SCALE,
            cut=self.cut,
            padded=self.padded,
            cached=self.cached,
            paid_dollars=None if paid is None else paid / SCALE,
            billed_input_tokens=self.billed_input if self.billed_calls else None,
            billed_output_tokens=self.billed_output if self.billed_calls else None,
            counted_tokens=self.counted,
            seconds=seconds,
        )


def _unscaled(value: int | None, whole: bool) -> int | float | None:
    if value is None or whole:
        return value
    exact = Fraction(value, SCALE)
    return float(exact)
