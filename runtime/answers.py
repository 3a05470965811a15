"""From the text of a model's answer to a value of the declared type, and the JSON schema that asks for one.

In: a `Shape`, which is a result type with its sizes in numbers, and the text of an answer. Out: plain Python data
(`str` for texts and enum constants, `int`, `float`, `bool`, `list`, `tuple`, `dict` for records in the order of their
fields), or `Malformed` with the place and the reason. It does not cut texts that are too long, nor pad those that are
too short: sizes in tokens are the machine's matter (LANGUAGE.md, section 8). It neither retries nor asks.

The reader is tolerant of form and strict in content. JSON may stand in a code fence or in prose, with trailing commas,
single quotes, Python's True and False, comments, and wrapped in one more object; but a number outside its bounds, an
unknown constant, a missing field, a list of the wrong length and an answer that could mean two things are malformed.
Postel's principle of robustness, RFC 1122, section 1.2.2. Time is linear in the text, whatever the text.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, assert_never

from .tokens import Tokenizer, encodable

__all__ = [
    "BoolShape",
    "EnumShape",
    "FloatShape",
    "IntShape",
    "ListShape",
    "Malformed",
    "RecordShape",
    "Shape",
    "TextShape",
    "TupleShape",
    "cap",
    "complaint",
    "expected",
    "parse",
    "schema",
]


@dataclass(frozen=True, slots=True)
class TextShape:
    """A text of `low` to `high` tokens (`high` None: no bound)."""

    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class IntShape:
    """A whole number from `low` to `high`, both included; None: no bound."""

    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class FloatShape:
    """A finite number."""


@dataclass(frozen=True, slots=True)
class BoolShape:
    """true or false."""


@dataclass(frozen=True, slots=True)
class EnumShape:
    """One of the constants, by name."""

    constants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListShape:
    """`low` to `high` elements (`high` None: no bound)."""

    element: Shape
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class TupleShape:
    """As many values as items, in order."""

    items: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class RecordShape:
    """A record: its type's name, and its fields in order."""

    name: str
    fields: tuple[tuple[str, Shape], ...]


Shape = TextShape | IntShape | FloatShape | BoolShape | EnumShape | ListShape | TupleShape | RecordShape


@dataclass(frozen=True, slots=True)
class Malformed:
    """An answer that does not fit. `path` names the place in it ("[2].severity"; "" is the whole answer)."""

    reason: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


# ---------------------------------------------------------------- the schema


def schema(shape: Shape) -> dict[str, Any] | None:
    """The JSON schema of an answer, or None for a text, which is asked for as it is.

    Providers want an object at the top: anything but a record is wrapped as `{"value": ...}`, and `parse` unwraps it.
    """
    match shape:
        case TextShape():
            return None
        case RecordShape():
            return _schema(shape)
        case _:
            return _object({"value": _schema(shape)})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(shape: Shape) -> dict[str, Any]:
    match shape:
        case TextShape(_, high):
            return {"type": "string"} if high is None else {"type": "string", "description": f"at most {high} tokens"}
        case IntShape(low, high):
            bounds = {"minimum": low, "maximum": high}
            return {"type": "integer", **{key: value for key, value in bounds.items() if value is not None}}
        case FloatShape():
            return {"type": "number"}
        case BoolShape():
            return {"type": "boolean"}
        case EnumShape(constants):
            return {"type": "string", "enum": list(constants)}
        case ListShape(element, low, high):
            lengths = {"minItems": low or None, "maxItems": high}
            return {
                "type": "array",
                "items": _schema(element),
                **{key: value for key, value in lengths.items() if value is not None},
            }
        case TupleShape(items):
            return {
                "type": "array",
                "prefixItems": [_schema(item) for item in items],
                "minItems": len(items),
                "maxItems": len(items),
            }
        case RecordShape(_, fields):
            return _object({name: _schema(field) for name, field in fields})
        case _:
            assert_never(shape)


def cap(shape: Shape) -> int | None:
    """Tokens to allow an answer of this shape on the wire: its largest size and what JSON adds. None: unbounded.

    A text is asked for as it is, so its cap is its size. JSON adds quotes, names, escapes and often line breaks, which
    are not counted as the answer's size but must not cut it short.
    """
    match shape:
        case TextShape(_, high):
            return high
        case RecordShape():
            return _cap(shape)
        case _:
            inner = _cap(shape)
            return None if inner is None else inner + 8


def _cap(shape: Shape) -> int | None:
    match shape:
        case TextShape(_, high):
            return None if high is None else high + high // 4 + 4
        case IntShape() | FloatShape():
            return 24
        case BoolShape():
            return 4
        case EnumShape(constants):
            return max((len(constant) for constant in constants), default=0) + 4
        case ListShape(element, _, high):
            inner = _cap(element)
            return None if inner is None or high is None else 4 + high * (inner + 3)
        case TupleShape(items):
            return _sum([4, *(_cap(item) for item in items)])
        case RecordShape(_, fields):
            return _sum([4, *(_cap(field) for _, field in fields), *(len(name) + 6 for name, _ in fields)])
        case _:
            assert_never(shape)


def _sum(caps: list[int | None]) -> int | None:
    known = [one for one in caps if one is not None]
    return sum(known) if len(known) == len(caps) else None


# ---------------------------------------------------------------- words for people and for the model


def expected(shape: Shape) -> str:
    """What an answer should be, in a few words: "a whole number from 1 to 5"."""
    match shape:
        case TextShape():
            return "a text"
        case IntShape(None, None):
            return "a whole number"
        case IntShape(low, None):
            return f"a whole number of at least {low}"
        case IntShape(None, high):
            return f"a whole number of at most {high}"
        case IntShape(low, high):
            return f"a whole number from {low} to {high}"
        case FloatShape():
            return "a number"
        case BoolShape():
            return "true or false"
        case EnumShape(constants):
            return f"one of {_listed(constants)}"
        case ListShape(_, low, high):
            return f"a JSON list of {_count(low, high)}"
        case TupleShape(items):
            return f"a JSON list of exactly {len(items)} values"
        case RecordShape(_, fields):
            return f"a JSON object with the fields {_listed([name for name, _ in fields])}"
        case _:
            assert_never(shape)


def _listed(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"


def _count(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} or more elements"
    return f"exactly {low} elements" if low == high else f"{low} to {high} elements"


def _found(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "an object"
        case list():
            return f"a list of {len(value)}"
        case str():
            line = " ".join(value[:200].split())
            return "nothing" if not line else f'"{line}"' if len(line) <= 32 else f'"{line[:30]}..."'
        case int() if abs(value) >= _LARGEST:
            return "a number of more than 100 digits"
        case _:
            return str(value)


#: A fault told to the model takes at most this many tokens (LANGUAGE.md, section 8).
COMPLAINT_TOKENS: Final = 200


def complaint(malformed: Malformed, tokens: Tokenizer) -> str:
    """What to tell the model about its malformed answer; at most 200 tokens, counted with `tokens`."""
    text = f"Your answer before did not fit. {malformed}. Answer again, with the answer alone."
    if tokens.count(text) > COMPLAINT_TOKENS:
        text = text[: tokens.cut_points(text)[COMPLAINT_TOKENS - 1]]
        while tokens.count(text) > COMPLAINT_TOKENS:  # a cut may split its last characters anew
            text = text[:-1]
    return text


# ---------------------------------------------------------------- from text to value


def parse(shape: Shape, text: str) -> Any:
    """The value that an answer's text stands for, or `Malformed`. Never raises, whatever the text.

    A text is the answer itself, without the white space around it.
    """
    text = _without_thoughts(text.strip().lstrip("\ufeff"))
    if isinstance(shape, TextShape):
        return encodable(text)
    whole = _json(text)
    if not isinstance(whole, _NoJson):
        candidates = list(_unwrapped(shape, whole))
    elif len(text) <= _LONGEST:
        candidates = _inside(shape, text)
    else:
        return Malformed(f"expected JSON, found {len(text)} characters that are none")
    fault: Malformed | None = None
    for found in candidates:
        value = Malformed(found.reason) if isinstance(found, _NoJson) else _fit(shape, found, "")
        if not isinstance(value, Malformed):
            return value
        fault = fault or value
    # a sentence may hold a scalar; JSON of the wrong kind is just wrong
    value = fault if isinstance(whole, list | dict) and fault is not None else _bare(shape, text)
    return fault if isinstance(value, Malformed) and fault is not None else value


def _without_thoughts(text: str) -> str:
    """`text` without the block of reasoning that some servers leave before the answer."""
    if text.startswith("<think>"):
        _, end, answer = text.partition("</think>")
        return answer.strip() if end else text
    return text


def _inside(shape: Shape, text: str) -> list[object]:
    """The JSON values within a text that is none, the likeliest first: what stands in fences, then in prose."""
    found: list[object] = []
    for piece in _fenced(text):
        inner = _json(piece)
        found += _unwrapped(shape, _Reader(piece).whole() if isinstance(inner, _NoJson) else inner)
    if text[:1] == "(" and isinstance(shape, ListShape | TupleShape):
        found.append(_Reader(text).whole())
    if isinstance(shape, ListShape | TupleShape | RecordShape) or text[:1] in ("{", "["):
        for inner in _embedded(text):
            found += _unwrapped(shape, inner)
    return found


def _unwrapped(shape: Shape, found: object) -> Iterator[object]:
    """`found`, and what it wraps: `{"value": x}`, `{"Finding": {...}}`, or JSON within a JSON string."""
    if isinstance(found, dict) and len(found) == 1:
        (inner,) = found.values()
        if not isinstance(shape, RecordShape) or (isinstance(inner, dict) and not _has_field(shape, found)):
            yield inner
    if isinstance(found, str) and found[:1] in ("{", "["):
        inner = _json(found)
        if not isinstance(inner, _NoJson):
            yield inner
    yield found


def _has_field(shape: RecordShape, found: dict[str, object]) -> bool:
    names = {name for name, _ in shape.fields}
    return any(key in names for key in found)


# ---------------------------------------------------------------- JSON, strict and tolerant

_DEEPEST: Final = 100  # far deeper than a type that anybody writes, far from Python's own limit
_STARTS: Final = 16  # places in prose where JSON is looked for: bounds the time on hostile texts
_LONGEST: Final = 250_000  # characters: a longer answer is read as strict JSON, at C's speed, or not at all
_LARGEST: Final = 10**100  # of whole numbers, which are written out


@dataclass(frozen=True, slots=True)
class _NoJson:
    """A text, or a part of one, that could not be read."""

    reason: str


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no number")


_DECODER: Final = json.JSONDecoder(strict=False, parse_constant=_refuse)


def _json(text: str) -> object:
    """Strict JSON, or _NoJson."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        return _NoJson("it is nested too deeply")
    except ValueError:
        return _NoJson("it is no JSON")


def _fenced(text: str) -> list[str]:
    """What stands between code fences, the last first; a fence that never closes reaches to the end."""
    if "```" not in text:
        return []
    blocks = text.split("```")[1::2]
    inner = [block.partition("\n")[2] if _LANGUAGE.match(block) else block for block in blocks[-_STARTS:]]
    return [block.strip() for block in reversed(inner)]


_LANGUAGE: Final = re.compile(r"[A-Za-z0-9_+-]*[ \t]*\n")


def _embedded(text: str) -> list[object]:
    """The objects and lists that stand in prose, the last first; then, if any broke off, why the first did."""
    found: list[object] = []
    fault: _NoJson | None = None
    position = 0
    effort = 2 * len(text)
    for _ in range(_STARTS):
        start = _BRACKET.search(text, position)
        if start is None or effort < 0:
            break
        reader = _Reader(text, start.start())
        value = reader.whole()
        effort -= reader.position - start.start()
        if isinstance(value, _NoJson):
            fault = fault or value
            position = start.end()
        else:
            found.append(value)
            position = reader.position
    found.reverse()
    return found if fault is None else [*found, fault]


_BRACKET: Final = re.compile(r"[\[{]")


class _Broken(Exception):
    """The tolerant reader met what it cannot read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason: Final = reason


_BLANK: Final = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
_STRING: Final = {
    '"': re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL),
    "'": re.compile(r"'([^'\\]*+(?:\\.[^'\\]*+)*+)'", re.DOTALL),
    "“": re.compile(r"“([^”\\]*+(?:\\.[^”\\]*+)*+)”", re.DOTALL),
}
_NUMBER: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_WORD: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS: Final[dict[str, object]] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
}
_CUT_OFF: Final = "the answer ends before its JSON does"


class _Reader:
    """Reads JSON as models write it: trailing and missing-at-the-end commas, single quotes, bare keys, comments."""

    __slots__ = ("position", "text")

    def __init__(self, text: str, position: int = 0) -> None:
        self.text: Final = text
        self.position = position

    def whole(self) -> object:
        """The value at the position, or _NoJson."""
        try:
            return self.value(0)
        except _Broken as broken:
            return _NoJson(broken.reason)

    def _blank(self) -> str:
        blank = _BLANK.match(self.text, self.position)
        if blank is not None:
            self.position = blank.end()
        return self.text[self.position : self.position + 1]

    def value(self, depth: int) -> object:
        """The value at the position. Raises _Broken."""
        if depth > _DEEPEST:
            raise _Broken("it is nested too deeply")
        match self._blank():
            case "":
                raise _Broken(_CUT_OFF)
            case "{":
                return self._members(depth)
            case "[":
                return self._elements("]", depth)
            case "(":
                return self._elements(")", depth)
            case '"' | "'" | "“" as quote:
                return self._string(quote)
            case _:
                return self._scalar()

    def _scalar(self) -> object:
        number = _NUMBER.match(self.text, self.position)
        if number is not None:
            self.position = number.end()
            return _number(number.group())
        word = _WORD.match(self.text, self.position)
        if word is None or word.group() not in _WORDS:
            around = self.text[self.position : self.position + 20]
            raise _Broken(f"expected a JSON value at {_found(around)}")
        self.position = word.end()
        return _WORDS[word.group()]

    def _string(self, quote: str) -> str:
        match = _STRING[quote].match(self.text, self.position)
        if match is None:
            raise _Broken(_CUT_OFF)
        self.position = match.end()
        inner = match.group(1)
        return _ESCAPE.sub(_unescaped, inner) if "\\" in inner else inner

    def _elements(self, close: str, depth: int) -> list[object]:
        self.position += 1
        elements: list[object] = []
        while self._blank() != close:
            elements.append(self.value(depth + 1))
            self._comma(close)
        self.position += 1
        return elements

    def _members(self, depth: int) -> dict[str, object]:
        self.position += 1
        members: dict[str, object] = {}
        while (first := self._blank()) != "}":
            if first in _STRING:
                key = self._string(first)
            elif (word := _WORD.match(self.text, self.position)) is not None:
                self.position = word.end()
                key = word.group()
            else:
                raise _Broken(_CUT_OFF if not first else f"expected the name of a field, found {_found(first)}")
            after = self._blank()
            if after != ":":
                raise _Broken(_CUT_OFF if not after else f'expected ":" after {_found(key)}')
            self.position += 1
            members[key] = self.value(depth + 1)
            self._comma("}")
        self.position += 1
        return members

    def _comma(self, close: str) -> None:
        match self._blank():
            case ",":
                self.position += 1
            case "":
                raise _Broken(_CUT_OFF)
            case other if other != close:
                raise _Broken(f'expected "," or "{close}", found {_found(other)}')


def _unescaped(match: re.Match[str]) -> str:
    code, letter = match.groups()
    return chr(int(code, 16)) if code else _ESCAPES.get(letter, letter)


def _number(digits: str) -> object:
    if re.fullmatch(r"[-+]?\d+", digits):
        return int(digits) if len(digits) <= 101 else _LARGEST
    return float(digits)


# ---------------------------------------------------------------- does it fit?


def _fit(shape: Shape, found: object, path: str) -> Any:
    """`found`, which JSON or the tolerant reader gave, as a value of the shape, or Malformed."""
    match shape:
        case TextShape():
            match found:
                case str():
                    return encodable(found)
                case bool() | int() | float() if abs(found) < _LARGEST:
                    return json.dumps(found)
        case IntShape():
            number = _as_number(found)
            if isinstance(number, int) and abs(number) < _LARGEST and _within(shape, number):
                return number
        case FloatShape():
            number = _as_number(found)
            if number is not None and abs(number) <= sys.float_info.max:
                return float(number)
        case BoolShape():
            if isinstance(found, bool):
                return found
            if isinstance(found, str) and _bare_word(found) in _TRUTH:
                return _TRUTH[_bare_word(found)]
        case EnumShape(constants):
            if isinstance(found, str) and (constant := _constant(constants, found)) is not None:
                return constant
        case ListShape(element, low, high):
            if isinstance(found, list):
                if len(found) < low or (high is not None and len(found) > high):
                    return Malformed(f"expected a list of {_count(low, high)}, found {len(found)}", path)
                return _all([(f"{path}[{i}]", element, item) for i, item in enumerate(found)])
        case TupleShape(items):
            if isinstance(found, list) and len(found) == len(items):
                placed = zip(items, found, strict=True)
                values = _all([(f"{path}[{i}]", item, value) for i, (item, value) in enumerate(placed)])
                return values if isinstance(values, Malformed) else tuple(values)
        case RecordShape():
            if isinstance(found, dict):
                return _record(shape, found, path)
        case _:
            assert_never(shape)
    return Malformed(f"expected {expected(shape)}, found {_found(found)}", path)


def _all(parts: list[tuple[str, Shape, object]]) -> Any:
    values: list[object] = []
    for path, shape, found in parts:
        value = _fit(shape, found, path)
        if isinstance(value, Malformed):
            return value
        values.append(value)
    return values


def _record(shape: RecordShape, found: dict[str, object], path: str) -> Any:
    spelled: dict[str, object] | None = None
    values: dict[str, object] = {}
    for name, field in shape.fields:
        at = f"{path}.{name}" if path else name
        if name in found:
            inner = found[name]
        else:
            if spelled is None:
                spelled = {_spelling(key): value for key, value in found.items()}
            if _spelling(name) not in spelled:
                return Malformed(f"the field is missing; expected {expected(field)}", at)
            inner = spelled[_spelling(name)]
        value = _fit(field, inner, at)
        if isinstance(value, Malformed):
            return value
        values[name] = value
    return values


def _spelling(name: str) -> str:
    """A name without what models change in names: case, blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", name).lower()


def _as_number(found: object) -> int | float | None:
    if isinstance(found, str):
        text = found.strip().replace("−", "-")
        if len(text) > 120 or _NUMBER.fullmatch(text) is None or not text.isascii():
            return None
        found = _number(text)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    if isinstance(found, float):
        if not math.isfinite(found):
            return None
        return int(found) if found.is_integer() and abs(found) < 2**53 else found
    return found


def _within(shape: IntShape, number: int) -> bool:
    return (shape.low is None or number >= shape.low) and (shape.high is None or number <= shape.high)


_TRUTH: Final = {"true": True, "yes": True, "false": False, "no": False}


def _bare_word(text: str) -> str:
    return text.strip(" \t\r\n.,;:!\"'`*_()[]").lower() if len(text) <= 200 else ""


def _constant(constants: tuple[str, ...], text: str) -> str | None:
    if text in constants:
        return text
    word = _bare_word(text)
    matching = [constant for constant in constants if _spelling(constant) == _spelling(word)] if word else []
    return matching[0] if len(matching) == 1 else None


# ---------------------------------------------------------------- answers that are no JSON

_NEGATED: Final = re.compile(r"\b(?:not|never|neither|nor|cannot)\b|n['’]t\b", re.IGNORECASE)
_PROSE_NUMBER: Final = re.compile(r"(?<![\w.,+−-])[-+−]?\d[\d,.eE+−-]*")
_MARKED: Final = re.compile(r"[ \t]*(?:[-*•]|\d{1,6}[.)])[ \t]+(.*\S)")
_PROSE: Final = 20_000  # characters: a scalar is not looked for in a longer answer


def _bare(shape: Shape, text: str) -> Any:
    """A scalar written as a word or in a sentence, or a list with one element a line."""
    if text and len(text) <= _PROSE:
        match shape:
            case BoolShape():
                return _bare_bool(text)
            case EnumShape(constants):
                return _bare_constant(shape, constants, text)
            case IntShape() | FloatShape():
                return _bare_number(shape, text)
            case ListShape(element=TextShape() | IntShape() | FloatShape() | BoolShape() | EnumShape()):
                return _bare_list(shape, text)
    return Malformed(f"expected {expected(shape)}, found {_found(text)}")


def _bare_bool(text: str) -> Any:
    words = re.findall(r"[a-z]+", text.lower())
    first, second = [*words, "", ""][:2]
    if first in _TRUTH and second != "or" and second not in _TRUTH:
        return _TRUTH[first]
    said = {_TRUTH[word] for word in words if word in _TRUTH}
    if len(said) == 1 and not _NEGATED.search(text):
        return said.pop()
    return Malformed(f"expected true or false, found {_found(text)}")


def _bare_constant(shape: EnumShape, constants: tuple[str, ...], text: str) -> Any:
    constant = _constant(constants, text)
    if constant is not None:
        return constant
    said = [
        constant
        for constant in constants
        if re.search(rf"(?<![A-Za-z0-9_]){_spaced(constant)}(?![A-Za-z0-9_])", text, re.IGNORECASE)
    ]
    if len(said) == 1 and not _NEGATED.search(text):
        return said[0]
    return Malformed(f"expected {expected(shape)}, found {_found(text)}")


def _spaced(constant: str) -> str:
    return r"[\s_-]".join(re.escape(part) for part in constant.split("_"))


def _bare_number(shape: IntShape | FloatShape, text: str) -> Any:
    """The number in a sentence, if the sentence has just one. `1,000` is refused: it is 1 in half of the world."""
    said = {match.group().rstrip(".,eE+−-") for match in _PROSE_NUMBER.finditer(text)}
    if len(said) == 1:
        return _fit(shape, said.pop(), "")
    return Malformed(f"expected {expected(shape)}, found {_found(text)}")


def _bare_list(shape: ListShape, text: str) -> Any:
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [match.group(1) for line in lines if (match := _MARKED.match(line)) is not None]
    if marked:
        return _fit(shape, marked, "")
    # without marks, lines of prose would pass as texts; numbers, truths and constants do not
    value = Malformed("") if isinstance(shape.element, TextShape) else _fit(shape, lines, "")
    return Malformed(f"expected {expected(shape)}, found {_found(text)}") if isinstance(value, Malformed) else value
