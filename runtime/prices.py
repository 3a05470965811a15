"""A model's name -> what a maintained table knows of it: context window, prices by prompt length, whether it reasons.

In: "provider/name" as programs write it. Out: `ModelFacts`, or None where the table knows nothing; a figure it does not
have is None, never 0. Attributes of the program's `model` declaration come first and are not known here.

The table is `genai-prices` (inside the package, no network). It is imported on the first lookup, for that costs 0.2 s
of CPU, 0.6 s where no bytecode is kept. Prices that change with the hour of day count as the dearest of the day, since
a report does not know when a run will be; prices that start on a date count from that date (UTC).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

__all__ = ["ModelFacts", "PriceTier", "lookup"]


@dataclass(frozen=True, slots=True)
class PriceTier:
    """What a call costs whose prompt has more than `above` tokens (and no more than the next tier's `above`).

    The prices hold for all tokens of such a call, not only for those above; dollars per million tokens, exact, None
    where unknown. `price_cached` is that of prompt tokens read from the provider's cache, None where there is no such
    price.
    """

    above: int
    price_in: Fraction | None
    price_out: Fraction | None
    price_cached: Fraction | None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the table knows of a model.

    `listed_as` is the table's own "provider/id" (several names may be one model). `context` is the window in tokens,
    prompt and answer together, or None. `tiers` rise in `above`, the first at 0; empty where the price is unknown or
    is not by the token alone. `reasons` says that the model by default generates hidden tokens before its answer, as
    far as the table or its name tells.
    """

    model: str
    listed_as: str
    context: int | None
    tiers: tuple[PriceTier, ...]
    reasons: bool

    def tier_at(self, prompt_tokens: int) -> PriceTier | None:
        """The tier that a prompt of so many tokens is billed at; None where prices are unknown."""
        found = None
        for tier in self.tiers:
            if tier.above == 0 or prompt_tokens > tier.above:
                found = tier
        return found


# Families that think before they answer unless told otherwise. The table has no column for it, only prose that names
# some of them.
_REASONS: Final = re.compile(
    r"(^|/)(o[134](-|$)|gpt-5(?!.*(chat|instant))|gpt-oss|gemini-(2\.5-pro|2\.5-flash(?!-lite)|[3-9])"
    r"|deepseek-(r\d|reasoner)|grok-([4-9]|3-mini)(?!.*non-reasoning)|qwq|magistral)"
    r"|(^|[-/])(reasoning|reasoner|thinking)$"
)


@cache
def lookup(model: str) -> ModelFacts | None:
    """Facts of "provider/name", or None if the table does not list it (`local/...` never is). No network, no errors."""
    provider, slash, name = model.partition("/")
    if not slash or not name or provider in ("local", "sim"):
        return None
    from genai_prices.data_snapshot import get_snapshot

    try:
        listed_by, info = get_snapshot().find_provider_model(name, None, provider, None)
    except LookupError:
        return None
    return ModelFacts(
        model=model,
        listed_as=f"{listed_by.id}/{info.id}",
        context=info.context_window,
        tiers=_tiers(_current(info, datetime.now(UTC))),
        reasons=_REASONS.search(name.lower()) is not None,
    )


def _current(info: ModelInfo, now: datetime) -> list[ModelPrice]:
    """The prices that may hold today: the last that has no hours, and those of certain hours that come after it."""
    from genai_prices.types import ModelPrice, StartDateConstraint, TimeOfDateConstraint

    if isinstance(info.prices, ModelPrice):
        return [info.prices]
    today: list[ModelPrice] = []
    for row in info.prices:
        match row.constraint:
            case TimeOfDateConstraint():
                today.append(row.prices)
            case StartDateConstraint() if not row.constraint.active(now):
                pass
            case _:
                today = [row.prices]
    return today or [row.prices for row in info.prices[:1]]


def _tiers(prices: list[ModelPrice]) -> tuple[PriceTier, ...]:
    if not prices or any(_column(row, "requests_kcount") is not None for row in prices):
        return ()
    columns = [(row, key) for row in prices for key in ("input_mtok", "output_mtok", "cache_read_mtok")]
    starts = sorted({0, *(start for row, key in columns for start in _starts(row, key))})
    tiers = tuple(
        PriceTier(
            above=start,
            price_in=_dearest(_price(row, "input_mtok", start) for row in prices),
            price_out=_dearest(_price(row, "output_mtok", start) for row in prices),
            price_cached=_dearest(_price(row, "cache_read_mtok", start) for row in prices),
        )
        for start in starts
    )
    return tiers if any(tier.price_in is not None or tier.price_out is not None for tier in tiers) else ()


def _column(row: ModelPrice, key: str) -> object:
    return row.__dict__.get(key)


def _starts(row: ModelPrice, key: str) -> list[int]:
    from genai_prices.types import TieredPrices

    value = _column(row, key)
    return [tier.start for tier in value.tiers] if isinstance(value, TieredPrices) else []


def _price(row: ModelPrice, key: str, above: int) -> Fraction | None:
    """The price for a prompt of just over `above` tokens (of few tokens, at 0)."""
    from genai_prices.types import TieredPrices

    value = _column(row, key)
    if isinstance(value, TieredPrices):
        price = value.base
        for tier in value.tiers:
            if above and tier.start <= above:
                price = tier.price
        return Fraction(price)
    return Fraction(value) if isinstance(value, Decimal) else None


def _dearest(prices: Iterable[Fraction | None]) -> Fraction | None:
    """The dearest of the day; None if any is unknown."""
    found = list(prices)
    known = [price for price in found if price is not None]
    return max(known) if known and len(known) == len(found) else None
