"""A model's name -> what a maintained table knows of it: context window, prices by prompt length, whether it reasons.

In: "provider/name" as programs write it. Out: `ModelFacts`, or None where the table knows nothing; a figure it does not
have is None, never 0. Attributes of the program's `model` declaration come first and are not known here.

The table is that of `genai-prices` (inside the package, no network); `price_file` reads it where it can, since
importing the library costs half a second. Prices that change with the hour of day count as the dearest of the day,
since a report does not know when a run will be; prices that start on a date count from that date (UTC).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, Final

from .price_file import provider_rows

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
    provider = provider.removesuffix("-responses")  # another protocol of the same provider
    found = _found(provider.lower(), name.lower())
    if found is None:
        return None
    listed_by, info = found
    return ModelFacts(
        model=model,
        listed_as=f"{listed_by.id}/{info.id}",
        context=_field(info, "context_window"),
        tiers=_tiers(_current(info, datetime.now(UTC))),
        reasons=_REASONS.search(name.lower()) is not None,
    )


# ---------------------------------------------------------------- the row: from the file, or else from the library

# Rows come as the library's classes or as plain objects with the same names; both are told apart by those names alone.


@cache
def _rows(provider: str) -> Any | None:
    return provider_rows(provider)


def _found(provider: str, name: str) -> tuple[Any, Any] | None:
    """The provider that lists a model, and the model."""
    rows = _rows(provider)
    if rows is not None:
        try:
            for info in rows.models:
                if _matches(info.match, name):
                    return rows, info
        except _Unreadable:
            return _asked(provider, name)
        if not _field(rows, "fallback_model_providers") and not _DATED.search(name):
            return None
    return _asked(provider, name)


def _asked(provider: str, name: str) -> tuple[Any, Any] | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(name, None, provider, None)
    except LookupError:
        return None


# the library tries other spellings of a date such as 20251211
_DATED: Final = re.compile(r"-20\d{6}")


class _Unreadable(Exception):
    """A rule in the table that is not known here."""


def _matches(rule: Any, name: str) -> bool:
    """Whether a rule of the table takes a model's name (both in lower case)."""
    match type(rule).__name__:
        case "ClauseEquals":
            return name == str(rule.equals).lower()
        case "ClauseStartsWith":
            return name.startswith(str(rule.starts_with).lower())
        case "ClauseEndsWith":
            return name.endswith(str(rule.ends_with).lower())
        case "ClauseContains":
            return str(rule.contains).lower() in name
        case "ClauseRegex":
            return re.search(rule.regex, name) is not None
        case "ClauseOr":
            return any(_matches(inner, name) for inner in rule.or_)
        case "ClauseAnd":
            return all(_matches(inner, name) for inner in rule.and_)
        case _:
            raise _Unreadable


def _field(row: Any, name: str) -> Any:
    """A field that the file leaves out where it is None."""
    return row.__dict__.get(name)


# ---------------------------------------------------------------- its prices


def _current(info: Any, now: datetime) -> list[Any]:
    """The prices that may hold today: the last that has no hours, and those of certain hours that come after it."""
    prices = _field(info, "prices") or []
    if not isinstance(prices, list):
        return [prices]
    today: list[Any] = []
    for row in prices:
        constraint = _field(row, "constraint")
        match type(constraint).__name__:
            case "TimeOfDateConstraint":
                today.append(row.prices)
            case "StartDateConstraint" if now.date() < constraint.start_date:
                pass
            case _:
                today = [row.prices]
    return today or [row.prices for row in prices[:1]]


def _tiers(prices: list[Any]) -> tuple[PriceTier, ...]:
    if not prices or any(_field(row, "requests_kcount") is not None for row in prices):
        return ()
    columns = [_field(row, key) for row in prices for key in ("input_mtok", "output_mtok", "cache_read_mtok")]
    starts = sorted({0, *(tier.start for column in columns for tier in _steps(column))})
    tiers = tuple(
        PriceTier(
            above=start,
            price_in=_dearest(_price(_field(row, "input_mtok"), start) for row in prices),
            price_out=_dearest(_price(_field(row, "output_mtok"), start) for row in prices),
            price_cached=_dearest(_price(_field(row, "cache_read_mtok"), start) for row in prices),
        )
        for start in starts
    )
    return tiers if any(tier.price_in is not None or tier.price_out is not None for tier in tiers) else ()


def _steps(column: Any) -> list[Any]:
    """The tiers of a price, rising; none if it is the same for all prompts."""
    if type(column).__name__ != "TieredPrices":
        return []
    return sorted(column.tiers, key=lambda tier: int(tier.start))


def _price(column: Any, above: int) -> Fraction | None:
    """The price for a prompt of just over `above` tokens (of few tokens, at 0)."""
    if type(column).__name__ == "TieredPrices":
        price = column.base
        for tier in _steps(column):
            if above and tier.start <= above:
                price = tier.price
        return Fraction(price)
    return Fraction(column) if isinstance(column, Decimal) else None


def _dearest(prices: Iterable[Fraction | None]) -> Fraction | None:
    """The dearest of the day; None if any is unknown."""
    found = list(prices)
    known = [price for price in found if price is not None]
    return max(known) if known and len(known) == len(found) else None
