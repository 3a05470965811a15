"""Values to bytes and back, for what must outlive a process: the journal and the cache.

In: a type, a value. Out: compact JSON as bytes, in which every text carries its count, for a text that was cut or
padded does not count what its characters would count anew. Reading gives an equal value that counts the same. Functions
are made once a type, so that a run of a million calls does not walk types.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, assert_never

from ..lang.types import BoolT, EnumT, FloatT, FnT, IntT, ListT, RecordT, TextT, TupleT, Type, VarT, show_type
from .values import Text, items, make_list

__all__ = ["Codec"]

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

#: Bits from which on an Int is written in hexadecimal: Python writes decimals in quadratic time, and refuses long ones.
_LONG: Final = 4096


class Codec:
    """Of one type."""

    __slots__ = ("_read", "_write")

    def __init__(self, type_: Type) -> None:
        self._write = _writer(type_)
        self._read = _reader(type_)

    def encode(self, value: Any) -> bytes:
        return _encode(self._write(value)).encode("utf-8", "surrogatepass")

    def decode(self, data: bytes) -> Any:
        """Raises ValueError, TypeError, LookupError or AttributeError for what `encode` did not write."""
        return self._read(json.loads(data.decode("utf-8", "surrogatepass")))


def _writer(type_: Type) -> Callable[[Any], Any]:
    match type_:
        case TextT():
            return lambda v: [v.string, v.tokens]
        case IntT():
            return lambda v: v if v.bit_length() < _LONG else hex(v)
        case FloatT():
            return float
        case BoolT() | EnumT():
            return _same
        case ListT(element=element):
            assert element is not None
            one = _writer(element)
            return items if one is _same else lambda v: [one(x) for x in items(v)]
        case TupleT(items=types):
            return _all([_writer(t) for t in types])
        case RecordT(fields=fields):
            return _all([_writer(t) for _, t in fields])
        case FnT() | VarT():
            raise TypeError(f"{show_type(type_)} has no values in the core")
        case _:
            assert_never(type_)


def _reader(type_: Type) -> Callable[[Any], Any]:
    match type_:
        case TextT():
            return lambda v: Text(v[0], v[1])
        case IntT():
            return lambda v: int(v, 16) if isinstance(v, str) else v
        case FloatT() | BoolT() | EnumT():
            return _same
        case ListT(element=element):
            assert element is not None
            one = _reader(element)
            return make_list if one is _same else lambda v: make_list([one(x) for x in v])
        case TupleT(items=types):
            return _tuple([_reader(t) for t in types])
        case RecordT(fields=fields):
            return _tuple([_reader(t) for _, t in fields])
        case FnT() | VarT():
            raise TypeError(f"{show_type(type_)} has no values in the core")
        case _:
            assert_never(type_)


def _same(value: Any) -> Any:
    return value


def _all(parts: list[Callable[[Any], Any]]) -> Callable[[Any], list[Any]]:
    return lambda v: [part(x) for part, x in zip(parts, v, strict=True)]


def _tuple(parts: list[Callable[[Any], Any]]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda v: tuple([part(x) for part, x in zip(parts, v, strict=True)])
