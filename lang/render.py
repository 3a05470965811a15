"""Diagnostics -> text for people. The only file that knows carets and colour.

In: diagnostics, the width of the screen, whether it shows colour. Out: one text. A
diagnostic is shown as its sentence, its place, the lines concerned with carets under what is
meant, and the hint:

    error[E0301]: `translate` is a primitive and needs `call`.
     --> letters.orch:8:3
      |
    8 |   translate(sentence)
      |   ^^^^^^^^^
      = hint: Write `call translate(...)`.

Lines that are too long are cut around the carets; tabs and wide or invisible characters take
the columns they take on a screen, so that carets stand where they should.
"""
from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import wrap

from .diagnostics import Diagnostic, Label
from .source import Source, Span

__all__ = ["render", "render_one"]

_TAB = 4
_MORE = "..."
_RED, _YELLOW, _BLUE, _GREEN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1;32m"
_BOLD, _RESET = "\x1b[1m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class _Paint:
    """Puts colour around text, or does not."""

    on: bool

    def __call__(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self.on and text else text


@dataclass(frozen=True, slots=True)
class _Mark:
    """What stands under one line: columns of it (counted from 0, end excluded), the sign, the text beside it."""

    line: int
    start: int
    end: int
    sign: str
    text: str


def render(diagnostics: Iterable[Diagnostic], *, colour: bool = False, width: int = 100) -> str:
    """All diagnostics, one blank line between two, and a count at the end if there are several."""
    shown = list(diagnostics)
    texts = [render_one(diagnostic, colour=colour, width=width) for diagnostic in shown]
    errors = sum(diagnostic.severity == "error" for diagnostic in shown)
    warnings = len(shown) - errors
    if len(shown) > 1:
        counts = [f"{count} {what}{'s' if count > 1 else ''}"
                  for count, what in ((errors, "error"), (warnings, "warning")) if count]
        texts.append(_Paint(colour)(" and ".join(counts), _BOLD) + "\n")
    return "\n".join(texts)


def render_one(diagnostic: Diagnostic, *, colour: bool = False, width: int = 100) -> str:
    """One diagnostic, with a line break at the end; `width` is in columns."""
    paint = _Paint(colour)
    tone = _RED if diagnostic.severity == "error" else _YELLOW
    out = [paint(f"{diagnostic.severity}[{diagnostic.code}]", tone) + paint(f": {_plain(diagnostic.message)}", _BOLD)]
    here = diagnostic.span.source
    marks: dict[Source, list[_Mark]] = {here: _marks(diagnostic.span, "^", "")}
    for label in diagnostic.labels:
        marks.setdefault(label.span.source, []).extend(_marks(label.span, "-", label.text))
    gutter = max(len(str(mark.line)) for group in marks.values() for mark in group)
    for source, group in marks.items():
        first = diagnostic.span if source is here else _first(diagnostic.labels, source)
        line, column = source.position(first.start)
        out.append(f"{' ' * gutter}{paint('-->', _BLUE)} {_plain(source.name)}:{line}:{column}")
        if source.text:
            out.extend(_snippet(source, group, gutter, max(width - gutter - 3, 20), paint, tone))
    if diagnostic.hint:
        head = f"{' ' * gutter} = hint: "
        rows = wrap(_plain(diagnostic.hint), max(width - len(head), 20), break_long_words=False) or [""]
        out.append(f"{' ' * gutter} {paint('=', _BLUE)} {paint('hint', _GREEN)}: {rows[0]}")
        out.extend(" " * len(head) + row for row in rows[1:])
    return "\n".join(out) + "\n"


def _first(labels: tuple[Label, ...], source: Source) -> Span:
    return next(label.span for label in labels if label.span.source is source)


def _marks(span: Span, sign: str, text: str) -> list[_Mark]:
    """One mark for a span within a line; for a longer one, its first line to the end and its last from its margin."""
    line, column, end_line, end_column = span.place
    if end_line == line:
        return [_Mark(line, column - 1, max(end_column - 1, column), sign, text)]
    first = span.source.line(line)
    marks = [_Mark(line, column - 1, max(len(first), column), sign, "" if end_column > 1 else text)]
    if end_column > 1:
        last = span.source.line(end_line)
        margin = len(last) - len(last.lstrip())
        marks.append(_Mark(end_line, min(margin, end_column - 2), end_column - 1, sign, text))
    return marks


def _snippet(source: Source, marks: list[_Mark], gutter: int, width: int, paint: _Paint, tone: str) -> list[str]:
    bar = paint("|", _BLUE)
    out = [f"{' ' * gutter} {bar}"]
    previous = 0
    for number in sorted({mark.line for mark in marks}):
        if previous and number == previous + 2:
            text, _ = _view(source.line(number - 1), 0, 0, width)
            out.append(f"{paint(str(number - 1).rjust(gutter), _BLUE)} {bar} {text}".rstrip())
        elif previous and number > previous + 2:
            out.append(paint("..." if gutter < 3 else "...".rjust(gutter), _BLUE))
        previous = number
        here = sorted((mark for mark in marks if mark.line == number), key=lambda mark: (mark.sign != "^", mark.start))
        text, origin = _view(source.line(number), here[0].start, here[0].end, width)
        out.append(f"{paint(str(number).rjust(gutter), _BLUE)} {bar} {text}".rstrip())
        for mark in here:
            blank, length = _columns(source.line(number), mark, origin, width)
            under = paint(mark.sign * length, tone if mark.sign == "^" else _BLUE)
            note = " " + paint(_plain(mark.text), tone if mark.sign == "^" else _BLUE) if mark.text else ""
            out.append(f"{' ' * gutter} {bar} {' ' * blank}{under}{note}")
    return out


# ---------------------------------------------------------------- columns on a screen

def _shown(character: str, column: int) -> str:
    """A character as it is shown at a column."""
    if character == "\t":
        return " " * (_TAB - column % _TAB)
    return character if character.isprintable() or unicodedata.combining(character) else "\ufffd"


def _columns_of(character: str, column: int) -> int:
    if character == "\t":
        return _TAB - column % _TAB
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _view(line: str, start: int, end: int, width: int) -> tuple[str, int]:
    """The part of a line to show, and the first character of it: all of it if it fits, else what is around the mark."""
    origin = _origin(line, start, end, width)
    out, column = [_MORE] if origin else [], len(_MORE) if origin else 0
    at = origin
    while at < len(line):
        size = _columns_of(line[at], column)
        if column + size > width - (len(_MORE) if at < len(line) - 1 else 0):
            out.append(_MORE)
            break
        out.append(_shown(line[at], column))
        column += size
        at += 1
    return "".join(out), origin


def _origin(line: str, start: int, end: int, width: int) -> int:
    """The first character to show: no more of a line of a megabyte is looked at than fits on the screen twice."""
    if len(line) <= width and sum(_columns_of(character, 0) for character in line) <= width:
        return 0
    room = width - 2 * len(_MORE)
    after = 0
    for character in line[start:start + width]:
        after += _columns_of(character, 0)
    room -= min(after, room // 2 + min(end - start, room // 4))
    origin = min(start, len(line))
    while origin > 0 and room >= _columns_of(line[origin - 1], 0):
        origin -= 1
        room -= _columns_of(line[origin], 0)
    return origin


def _columns(line: str, mark: _Mark, origin: int, width: int) -> tuple[int, int]:
    """Where a mark begins on the screen, and how long it is; at least one column, none beyond the width."""
    column = len(_MORE) if origin else 0
    begin = column
    for at in range(origin, min(mark.end, len(line), origin + width)):
        if at == mark.start:
            begin = column
        column += _columns_of(line[at], column)
    if mark.start >= len(line):
        begin = column
    begin = min(begin, width)
    return begin, max(1, min(column, width) - begin)


def _plain(text: str) -> str:
    """Without signs that would move the cursor or change its colour."""
    return "".join(c if c.isprintable() or c == "\n" or unicodedata.combining(c) else "\ufffd" for c in text)
