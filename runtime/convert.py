"""Values across the boundary: from and to JSON, into prompts, and their counts there.

In: a type. Out: a function for values of this type, made once, so that a run of a million calls does not walk types.
Sizes are not checked here: that is done where a function is entered and where an answer comes in. How values count in
a prompt is section 3 of LANGUAGE.md: a text its own count; a scalar 1 to 8; a list one element a line, two more for
each; a tuple or record compact JSON, three more for each field and two for the braces.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
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
    "json_reader",
    "plain_writer",
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
            if isinstance(type_, FloatT):  # equal numbers may have different texts: 1 and 1.0
                return lambda value: scalar_count(value, tokenizer)
            return _ScalarCounts(tokenizer).__getitem__
        case ListT(element=element):
            assert element is not None
            one = counter(element, tokenizer, scalar)
            return lambda value: sum(map(one, items(value))) + 2 * len(value)
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


#: Scalars of one type whose counts are kept.
_KEPT: Final = 10_000


class _ScalarCounts(dict[Any, int]):
    """The counts of scalars of one type, each taken once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, value: Any) -> int:
        count = scalar_count(value, self._tokenizer)
        if len(self) < _KEPT and (type(value) is not int or value.bit_length() < 64):
            self[value] = count
        return count


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
            write = _outward(type_, list, _json_number)
            return lambda value: json.dumps(write(value), ensure_ascii=False, separators=(",", ":"))
        case _:
            return scalar_text


# ---------------------------------------------------------------- to and from the outside


def to_json(type_: Type, value: Any) -> Any:
    """The JSON form: a string, number, array or object. Raises OverflowError for a number that JSON cannot hold."""
    return _outward(type_, list, _json_number)(value)


def to_plain(type_: Type, value: Any) -> Any:
    """Plain Python data for oracles and tools: as JSON, but a tuple stays a tuple."""
    return plain_writer(type_)(value)


def plain_writer(type_: Type) -> Callable[[Any], Any]:
    """The function that gives the plain Python data of values of this type."""
    return _outward(type_, tuple, _same)


def _same(value: Any) -> Any:
    return value


def _outward(type_: Type, sequence: Callable[[Any], Any], number: Callable[[Any], Any]) -> Callable[[Any], Any]:
    match type_:
        case TextT():
            return lambda value: value.string
        case ListT(element=element):
            one = _same if element is None else _outward(element, sequence, number)
            return (lambda value: list(items(value))) if one is _same else lambda v: [one(x) for x in items(v)]
        case TupleT(items=types):
            parts = [_outward(t, sequence, number) for t in types]
            return lambda value: sequence([part(x) for part, x in zip(parts, value, strict=True)])
        case RecordT(fields=fields):
            named = [(name, _outward(t, sequence, number)) for name, t in fields]
            return lambda value: {name: part(x) for (name, part), x in zip(named, value, strict=True)}
        case FloatT():
            return lambda value: number(float(value))
        case IntT():
            return number
        case _:
            return _same


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
    return json_reader(type_, tokenizer)(value)


def json_reader(type_: Type, tokenizer: Tokenizer) -> Callable[[Any], Any]:
    """The function that reads values of this type; see `from_json`."""
    match type_:
        case TextT():
            def read(value: Any) -> Any:
                if not isinstance(value, str):
                    raise _unfit(type_, value)
                return Text(value, tokenizer.count(value))
        case IntT():
            def read(value: Any) -> Any:
                if type(value) is int:
                    return value
                if isinstance(value, float) and value.is_integer():
                    return int(value)
                if isinstance(value, bool) or not isinstance(value, int):
                    raise _unfit(type_, value)
                return value
        case FloatT():
            return _read_float
        case BoolT():
            def read(value: Any) -> Any:
                if not isinstance(value, bool):
                    raise _unfit(type_, value)
                return value
        case EnumT(constants=constants):
            def read(value: Any) -> Any:
                if not isinstance(value, str):
                    raise _unfit(type_, value)
                if value not in constants:
                    raise Unfit(f"'{value[:40]}' is none of {', '.join(constants)}")
                return value
        case ListT(element=element):
            assert element is not None
            one = json_reader(element, tokenizer)

            def read(value: Any) -> Any:
                if not isinstance(value, list | tuple):
                    raise _unfit(type_, value)
                try:
                    return make_list([one(x) for x in value])
                except Unfit:
                    raise _at_index([one] * len(value), value) from None
        case TupleT(items=types):
            parts = [json_reader(t, tokenizer) for t in types]

            def read(value: Any) -> Any:
                if not isinstance(value, list | tuple):
                    raise _unfit(type_, value)
                if len(value) != len(parts):
                    raise Unfit(f"expected {len(parts)} values, found {len(value)}")
                try:
                    return tuple([part(x) for part, x in zip(parts, value, strict=True)])
                except Unfit:
                    raise _at_index(parts, value) from None
        case RecordT(name=name, fields=fields):
            named = {field: json_reader(t, tokenizer) for field, t in fields}

            def read(value: Any) -> Any:
                if not isinstance(value, Mapping):
                    raise _unfit(type_, value)
                for field in named:
                    if field not in value:
                        raise Unfit(f"the field '{field}' of {name} is missing")
                for field in value:
                    if field not in named:
                        raise Unfit(f"{name} has no field '{field}', only {', '.join(named)}")
                try:
                    return tuple([part(value[field]) for field, part in named.items()])
                except Unfit:
                    raise _at_field(named, value) from None
        case _:
            def read(value: Any) -> Any:
                raise _unfit(type_, value)
    return read


def _read_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unfit(FloatT(), value)
    try:
        number = float(value)
    except OverflowError:
        raise Unfit("the number is too large for a Float") from None
    if not math.isfinite(number):
        raise Unfit(f"{value} is no finite number")
    return number


def _unfit(type_: Type, value: Any) -> Unfit:
    return Unfit(f"expected {_WORDS.get(type(type_), show_type(type_))}, found {_found(value)}")


def _at_index(parts: Sequence[Callable[[Any], Any]], value: Sequence[Any]) -> Unfit:
    """What does not fit in a list, with its place: looked for only where something does not."""
    for i, (part, x) in enumerate(zip(parts, value, strict=True)):
        try:
            part(x)
        except Unfit as e:
            return Unfit(e.reason, f"[{i}]{e.path}")
    raise AssertionError("unreachable")


def _at_field(named: Mapping[str, Callable[[Any], Any]], value: Mapping[str, Any]) -> Unfit:
    for field, part in named.items():
        try:
            part(value[field])
        except Unfit as e:
            return Unfit(e.reason, f".{field}{e.path}")
    raise AssertionError("unreachable")


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
