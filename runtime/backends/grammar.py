"""From a JSON schema to a grammar in llama.cpp's notation (GBNF) that allows its shortest JSON and nothing else.

In: a schema as `answers.schema` makes it. Out: the grammar's text. It covers what those schemas hold and no more of
JSON schema. llama.cpp has a converter of its own, but that allows white space anywhere, and a small model at
temperature 0 falls into it: SmolLM2 answered a question for a truth value with 20 tokens, where this grammar needs one.

A wrapped scalar, `{"value": x}`, is asked for bare: `x`; `answers.parse` reads both.
"""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["gbnf"]

_ENUMERABLE: Final = 1000  # integers of a smaller range are spelled out: the bounds hold exactly
_REPEATABLE: Final = 500  # llama.cpp refuses repetitions that grow too large; longer lists are left to validation

_RULES: Final = r"""
text ::= "\"" char* "\""
char ::= [^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
number ::= "-"? ("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,12})?
whole ::= "-"? natural
natural ::= "0" | [1-9] [0-9]{0,17}
"""


def gbnf(schema: dict[str, Any]) -> str:
    """The grammar of the answers that fit `schema`. Errors: ValueError for what `answers.schema` never makes."""
    match schema:
        case {"type": "object", "properties": {"value": {"type": "string", "enum": list(names)}, **others}} if (
            not others
        ):
            root = _either([_literal(str(name)) for name in names])
        case {"type": "object", "properties": {"value": dict(inner), **others}} if not others:
            root = _rule(inner)
        case _:
            root = _rule(schema)
    return f'root ::= " "? {root}{_RULES}'


def _rule(schema: dict[str, Any]) -> str:
    match schema:
        case {"type": "string", "enum": list(names)}:
            return _either([_literal(json.dumps(name)) for name in names])
        case {"type": "string"}:
            return "text"
        case {"type": "boolean"}:
            return '("true" | "false")'
        case {"type": "number"}:
            return "number"
        case {"type": "integer"}:
            return _integer(schema.get("minimum"), schema.get("maximum"))
        case {"type": "array", "prefixItems": list(items)}:
            return _sequence('"["', [_rule(item) for item in items], '"]"')
        case {"type": "array", "items": dict(item)}:
            return _list(_rule(item), schema.get("minItems", 0), schema.get("maxItems"))
        case {"type": "object", "properties": dict(members)}:
            parts = [f"{_literal(json.dumps(name) + ': ')} {_rule(member)}" for name, member in members.items()]
            return _sequence('"{"', parts, '"}"')
        case _:
            raise ValueError(f"no grammar for {schema!r}")


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _either(parts: list[str]) -> str:
    return f"({' | '.join(parts)})"


def _sequence(opening: str, parts: list[str], closing: str) -> str:
    return " ".join([opening, ' ", " '.join(parts), closing])


def _list(element: str, low: int, high: int | None) -> str:
    if high == 0:
        return '"[" "]"'
    least = max(0, low - 1)
    if least > _REPEATABLE:
        more = "*"
    elif high is None or high - 1 > _REPEATABLE:
        more = f"{{{least},}}"
    else:
        more = f"{{{least},{high - 1}}}"
    some = f'{element} (", " {element}){more}'
    return f'"[" {some} "]"' if low else f'"[" ({some})? "]"'


def _integer(low: int | None, high: int | None) -> str:
    if low is not None and high is not None and high - low < _ENUMERABLE:
        return _either([_literal(str(number)) for number in range(low, high + 1)])
    return "natural" if low is not None and low >= 0 else "whole"
