"""Values across the boundary: from and to JSON, into prompts, and their counts there.

In: a type. Out: a function for values of this type, made once, so that a run of a million calls does not walk types.
Sizes are not checked here: that is done where a function is entered and where an answer comes in. How values count in
a prompt is section 3 of LANGUAGE.md: a text its own count; a scalar 1 to 8; a list one element a line, two more for
each; a tuple or record compact JSON, three more for each field and two for the braces.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final, assert_never

from ..lang.types import BoolT, EnumT, FloatT, FnT, IntT, ListT, RecordT, TextT, TupleT, Type, VarT, show_type
from .tokens import Tokenizer
from .values import Text, items, make_list

__all__ = [
    "LARGEST_SCALAR",
    "Unfit",
    "counter",
    "from_json",
    "renderer",
    "scalar_count",
    "scalar_text",
    "to_json",
    "to_plain",
]

#: A number, Bool or enum counts at most this many tokens, however long its text.
LARGEST_SCALAR: Final = 8

#: Digits of an Int that are written out: more are a mistake, and take Python quadratic time.
_DIGITS: Final = 4000


class Unfit(Exception):
    """A value from outside that is not of its type. `path` names the place in it ("[2].title"; "" is the whole)."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason: Final = reason
        self.path: Final = path


def scalar_text(value: Any) -> str:
    """The text form of an Int, Float, Bool or enum.

    Raises ValueError for an Int of more than 4,000 digits, OverflowError for a Float beyond Python's.
    """
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(float(value) if type(value) is Fraction else value)


def scalar_count(value: Any, tokenizer: Tokenizer) -> int:
    """Tokens of an Int, Float, Bool or enum in a prompt, a text or an answer: 1 to 8."""
    if type(value) is int and value.bit_length() > 3 * _DIGITS:
        return LARGEST_SCALAR
    return max(1, min(LARGEST_SCALAR, tokenizer.count(scalar_text(value))))


# ---------------------------------------------------------------- counts


def counter(type_: Type, tokenizer: Tokenizer, scalar: int | None = None) -> Callable[[Any], int]:
    """Tokens of values of this type, in a prompt or as an answer. `scalar`: what every scalar counts, if given."""
    match type_:
        case TextT():
            return _text_tokens
        case IntT() | FloatT() | BoolT() | EnumT():
            if scalar is not None:
                return lambda value: scalar
            return _scalar_counter(tokenizer)
        case ListT(element=element):
            assert element is not None
            one = counter(element, tokenizer, scalar)
            return lambda value: sum([one(x) for x in items(value)]) + 2 * len(value)
        case TupleT(items=types):
            return _sum_of([counter(t, tokenizer, scalar) for t in types])
        case RecordT(fields=fields):
            return _sum_of([counter(t, tokenizer, scalar) for _, t in fields])
        case FnT() | VarT():
            raise TypeError(f"{show_type(type_)} has no values in the core")
        case _:
            assert_never(type_)


def _text_tokens(value: Text) -> int:
    return value.tokens


def _scalar_counter(tokenizer: Tokenizer) -> Callable[[Any], int]:
    return lambda value: scalar_count(value, tokenizer)


def _sum_of(counters: list[Callable[[Any], int]]) -> Callable[[Any], int]:
    base = 2 + 3 * len(counters)
    return lambda value: base + sum([count(x) for count, x in zip(counters, value, strict=True)])


# ---------------------------------------------------------------- prompts


def renderer(type_: Type) -> Callable[[Any], str]:
    """How values of this type stand in a prompt."""
    match type_:
        case TextT():
            return lambda value: str(value.string)
        case ListT(element=element):
            assert element is not None
            one = renderer(element)
            return lambda value: "\n".join(["- " + one(x) for x in items(value)])
        case TupleT() | RecordT():
            return lambda value: json.dumps(to_json(type_, value), ensure_ascii=False, separators=(",", ":"))
        case _:
            return scalar_text


# ---------------------------------------------------------------- to and from the outside


def to_json(type_: Type, value: Any) -> Any:
    """The JSON form: a string, number, array or object. Raises OverflowError for a number that JSON cannot hold."""
    return _outward(type_, value, list, _json_number)


def to_plain(type_: Type, value: Any) -> Any:
    """Plain Python data for oracles and tools: as JSON, but a tuple stays a tuple."""
    return _outward(type_, value, tuple, lambda number: number)


def _outward(type_: Type, value: Any, sequence: Callable[[Any], Any], number: Callable[[Any], Any]) -> Any:
    match type_:
        case TextT():
            return value.string
        case ListT(element=element):
            if isinstance(element, BoolT | EnumT) or element is None:
                return list(items(value))
            return [_outward(element, x, sequence, number) for x in items(value)]
        case TupleT(items=types):
            return sequence([_outward(t, x, sequence, number) for t, x in zip(types, value, strict=True)])
        case RecordT(fields=fields):
            return {name: _outward(t, x, sequence, number) for (name, t), x in zip(fields, value, strict=True)}
        case FloatT():
            return number(float(value))
        case IntT():
            return number(value)
        case _:
            return value


def _json_number(value: int | float) -> int | float:
    """JSON has no infinity and no NaN, and Python writes no Int of more than about 4,000 digits."""
    if value.bit_length() > 3 * _DIGITS if isinstance(value, int) else not math.isfinite(value):
        raise OverflowError("no number that JSON can hold")
    return value


_WORDS: Final = {
    TextT: "a text",
    IntT: "a whole number",
    FloatT: "a number",
    BoolT: "true or false",
    ListT: "a list",
    TupleT: "a list",
    RecordT: "an object",
    EnumT: "the name of a constant",
}


def from_json(type_: Type, value: Any, tokenizer: Tokenizer) -> Any:
    """A value from JSON or plain Python data (a list may be a tuple); every text is counted once.

    Raises Unfit, which names the place.
    """
    return _inward(type_, value, tokenizer, "")


def _inward(type_: Type, value: Any, tokenizer: Tokenizer, path: str) -> Any:
    match type_:
        case TextT() if isinstance(value, str):
            return Text(value, tokenizer.count(value))
        case IntT() if isinstance(value, int) and not isinstance(value, bool):
            return value
        case IntT() if isinstance(value, float) and value.is_integer():
            return int(value)
        case FloatT() if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                raise Unfit("the number is too large for a Float", path) from None
            if not math.isfinite(number):
                raise Unfit(f"{value} is no finite number", path)
            return number
        case BoolT() if isinstance(value, bool):
            return value
        case EnumT(constants=constants) if isinstance(value, str):
            if value not in constants:
                raise Unfit(f"'{value[:40]}' is none of {', '.join(constants)}", path)
            return value
        case ListT(element=element) if isinstance(value, list | tuple):
            assert element is not None
            return make_list([_inward(element, x, tokenizer, f"{path}[{i}]") for i, x in enumerate(value)])
        case TupleT(items=types) if isinstance(value, list | tuple):
            if len(value) != len(types):
                raise Unfit(f"expected {len(types)} values, found {len(value)}", path)
            return tuple(
                [_inward(t, x, tokenizer, f"{path}[{i}]") for i, (t, x) in enumerate(zip(types, value, strict=True))]
            )
        case RecordT(name=name, fields=fields) if isinstance(value, Mapping):
            for field, _ in fields:
                if field not in value:
                    raise Unfit(f"the field '{field}' of {name} is missing", path)
            known = [field for field, _ in fields]
            for field in value:
                if field not in known:
                    raise Unfit(f"{name} has no field '{field}', only {', '.join(known)}", path)
            return tuple([_inward(t, value[field], tokenizer, f"{path}.{field}") for field, t in fields])
        case _:
            raise Unfit(f"expected {_WORDS.get(type(type_), show_type(type_))}, found {_found(value)}", path)


def _found(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value[:30]}..."' if len(value) > 30 else f'"{value}"'
        case list() | tuple():
            return f"a list of {len(value)}"
        case Mapping():
            return "an object"
        case int() | float():
            return str(value)[:40] if isinstance(value, float) or abs(value) < 10**40 else "a number of many digits"
        case _:
            return f"a Python {type(value).__name__}"
