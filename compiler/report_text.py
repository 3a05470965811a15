"""Blocks of a report as text for a terminal: with rich where it is one, plain otherwise.

In: blocks of `report_layout`. Out: plain text of a given width, or rich renderables. Colour is a matter of roles, so
the two say the same. rich is imported only by those who ask for it.
"""
from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .report import Report
from .report_layout import Block, Bullets, Cell, Entries, Heading, Note, Role, Table, layout

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["plain_blocks", "report_text", "rich_blocks"]

_STYLES: dict[Role, str] = {"plain": "", "name": "bold", "formula": "cyan", "growth": "bold magenta", "number": "",
                            "good": "green", "bad": "red", "quiet": "dim"}
_GAP = 2
_TIGHT = re.compile(r"(?:log[₀-₉]*|ln) \w| [≥≤≠<>] \w+")      # no line ends within these


def report_text(report: Report, width: int = 100) -> str:
    """The report as plain text. Long formulas may exceed `width`; prose does not."""
    return plain_blocks(layout(report), width)


# ---------------------------------------------------------------- plain

def plain_blocks(blocks: Sequence[Block], width: int = 100) -> str:
    out: list[str] = []
    for block in blocks:
        out += _plain(block, width)
    kept: list[str] = []
    for line in out:
        if line or (kept and kept[-1]):
            kept.append(line.rstrip())
    return "\n".join(kept).rstrip("\n") + "\n"


def _plain(block: Block, width: int) -> list[str]:
    match block:
        case Heading(text=text, level=1):
            return ["", text, "=" * len(text), ""]
        case Heading(text=text):
            return ["", text, "-" * len(text)]
        case Note(cell=cell):
            return ["", *_wrap(cell.text, width, "  ", "  "), ""]
        case Bullets(items=items):
            return [line for item in items for line in _wrap(item.text, width, "  - ", "    ")]
        case Entries(title=title, remark=remark, lines=lines):
            label = max((len(name) for name, _ in lines), default=0) + _GAP
            body = [line for name, cell in lines
                    for line in _wrap(cell.text, width, f"    {name:<{label}}", " " * (label + 4))]
            return [f"  {title.text:<14}  {remark.text}", *body, ""]
        case Table():
            return _grid(block)


def _grid(table: Table) -> list[str]:
    texts = [[c.text for c in row] for row in table.rows]
    if any(table.header):
        texts.insert(0, list(table.header))
    if not texts:
        return []
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    gap = " " * _GAP
    lines = ["  " + gap.join(f"{cell:>{w}}" if right else f"{cell:<{w}}"
                             for cell, w, right in zip(row, widths, table.right, strict=True)) for row in texts]
    if any(table.header):
        lines.insert(1, "  " + gap.join("-" * w for w in widths))
    return lines


def _wrap(text: str, width: int, first: str, rest: str) -> list[str]:
    kept = _TIGHT.sub(lambda m: m[0].replace(" ", "\xa0"), text)
    lines = textwrap.wrap(kept, max(width, 40), initial_indent=first, subsequent_indent=rest, break_long_words=False,
                          break_on_hyphens=False) or [first]
    return [line.replace("\xa0", " ") for line in lines]


# ---------------------------------------------------------------- rich

def rich_blocks(blocks: Sequence[Block]) -> list[RenderableType]:
    """The same for rich's console."""
    return [part for block in blocks for part in _rich(block)]


def _text(cell: Cell) -> Text:
    from rich.text import Text
    return Text(cell.text, style=_STYLES[cell.role])


def _rich(block: Block) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.panel import Panel
    from rich.table import Table as Grid
    from rich.text import Text

    match block:
        case Heading(text=text, level=1):
            return [Panel.fit(Text(text, style="bold"), border_style="cyan")]
        case Heading(text=text):
            return [Text(""), Text(text, style="bold underline")]
        case Note(cell=cell):
            return [Padding(_text(cell), (0, 2))]
        case Bullets(items=items):
            grid = Grid.grid(padding=(0, 1))
            for item in items:
                grid.add_row(" •", _text(item))
            return [grid]
        case Entries(title=title, remark=remark, lines=lines):
            head = Text.assemble("  ", (f"{title.text:<14}  ", "bold"), (remark.text, _STYLES[remark.role]))
            grid = Grid.grid(padding=(0, _GAP))
            for name, cell in lines:
                grid.add_row(Text(name, style="dim"), _text(cell))
            return [head, Padding(grid, (0, 0, 1, 4))]
        case Table(header=header, rows=rows, right=right):
            shown = Grid(box=None if not any(header) else _rule(), show_header=any(header), header_style="dim",
                         pad_edge=False, padding=(0, _GAP, 0, 0))
            for title_text, flush in zip(header or ("",) * len(right), right, strict=True):
                shown.add_column(title_text, justify="right" if flush else "left", overflow="fold")
            for row in rows:
                shown.add_row(*(_text(c) for c in row))
            return [Padding(shown, (0, 0, 0, 2))]


def _rule() -> Box:
    from rich import box
    return box.SIMPLE_HEAD
