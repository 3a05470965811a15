"""Pieces of text with places where lines may break -> lines no wider than they must be.

In: a document built of strings and the pieces below. Out: text. Knows nothing of Orch.
After Wadler, "A prettier printer" (2003), with pieces for comments at the end of a line.
Neither building nor printing recurses, and both are linear in the text.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["HARD", "LINE", "SOFT", "Doc", "Either", "Group", "Line", "Nest", "Suffix", "cat", "flat", "join", "lay_out"]

_ENDLESS = 10 ** 9
_INDENT = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line break, or `flat` where the group around it fits on one line. A hard one always breaks."""

    flat: str
    hard: bool = False

    @property
    def width(self) -> int:
        return _ENDLESS if self.hard else len(self.flat)


@dataclass(frozen=True, slots=True)
class Either:
    """One text where the group around it fits on one line, another where it does not."""

    flat: str
    broken: str

    @property
    def width(self) -> int:
        return len(self.flat)


@dataclass(frozen=True, slots=True)
class Suffix:
    """A comment that ends the current line, after whatever else still comes on it."""

    text: str

    @property
    def width(self) -> int:
        return _ENDLESS


@dataclass(frozen=True, slots=True)
class Cat:
    parts: tuple[Doc, ...]
    width: int


@dataclass(frozen=True, slots=True)
class Nest:
    """Indents the lines that begin within it."""

    doc: Doc

    @property
    def width(self) -> int:
        return _width(self.doc)


@dataclass(frozen=True, slots=True)
class Group:
    """Goes on one line if it fits there and is no wider than `limit`; else all its own lines break."""

    doc: Doc
    limit: int = _ENDLESS - 1

    @property
    def width(self) -> int:
        return _width(self.doc)


Doc = str | Line | Either | Suffix | Cat | Nest | Group

LINE = Line(" ")
SOFT = Line("")
HARD = Line(" ", hard=True)


def _width(doc: Doc) -> int:
    """Columns on one line; endless if it must break."""
    return len(doc) if isinstance(doc, str) else doc.width


def cat(*parts: Doc) -> Doc:
    return Cat(parts, min(sum(map(_width, parts)), _ENDLESS))


def join(separator: Doc, docs: Iterable[Doc]) -> Doc:
    parts: list[Doc] = []
    for doc in docs:
        if parts:
            parts.append(separator)
        parts.append(doc)
    return cat(*parts)


def flat(doc: Doc) -> str:
    """All of it on one line, also what would rather break."""
    out: list[str] = []
    waiting: list[Doc] = [doc]
    while waiting:
        match waiting.pop():
            case str() as text:
                out.append(text)
            case Line(text) | Either(text):
                out.append(text)
            case Cat(parts):
                waiting.extend(reversed(parts))
            case Nest(inner) | Group(inner):
                waiting.append(inner)
            case Suffix(text):
                out.append(text)
    return "".join(out)


def lay_out(doc: Doc, width: int) -> str:
    """The text of a document; no line ends in the blanks of an indentation."""
    out: list[str] = []
    suffixes: list[str] = []
    column, margin = 0, 0                       # margin: blanks owed before the next text of this line
    waiting: list[tuple[int, bool, Doc]] = [(0, False, doc)]
    while waiting:
        indent, on_one_line, item = waiting.pop()
        match item:
            case str() | Either():
                text = item if isinstance(item, str) else item.flat if on_one_line else item.broken
                if text:
                    if margin:
                        out.append(" " * margin)
                        margin = 0
                    out.append(text)
                    column += len(text)
            case Cat(parts):
                waiting.extend((indent, on_one_line, part) for part in reversed(parts))
            case Nest(inner):
                waiting.append((indent + _INDENT, on_one_line, inner))
            case Group(inner, limit):
                fits = on_one_line or (item.width <= limit and _fits(width - column, item, waiting))
                waiting.append((indent, fits, inner))
            case Suffix(text):
                suffixes.append(text)
            case Line(text, hard):
                if on_one_line and not hard:
                    out.append(text)
                    column += len(text)
                else:
                    out.extend(suffixes)
                    suffixes.clear()
                    out.append("\n")
                    column = margin = indent
    out.extend(suffixes)
    return "".join(out)


def _fits(room: int, group: Group, waiting: list[tuple[int, bool, Doc]]) -> bool:
    """Whether a group, and what follows it up to the next place where a line may break, fits into the room left."""
    room -= group.width
    if room < 0:
        return False
    after: list[tuple[bool, Doc]] = []
    at = len(waiting)
    while room >= 0:
        if not after:
            if at == 0:
                return True
            at -= 1
            after.append(waiting[at][1:])
        on_one_line, item = after.pop()
        match item:
            case str():
                room -= len(item)
            case Either(first, second):
                room -= len(first if on_one_line else second)
            case Suffix():
                pass
            case Cat(parts):
                after.extend((on_one_line, part) for part in reversed(parts))
            case Nest(inner) | Group(inner):
                after.append((on_one_line, inner))
            case Line(text, hard):
                if hard or not on_one_line:
                    return True
                room -= len(text)
    return False
