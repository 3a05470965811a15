"""Blocks of a report as Markdown (GitHub's flavour), for pull requests and notes.

In: a `Report`, or blocks of `report_layout`. Out: Markdown. Formulas stand in code spans, so that nothing in them is
taken for markup.
"""
from __future__ import annotations

from collections.abc import Sequence

from .report import Report
from .report_layout import Block, Bullets, Cell, Entries, Heading, Note, Table, layout

__all__ = ["markdown_blocks", "report_md"]


def report_md(report: Report) -> str:
    return markdown_blocks(layout(report))


def markdown_blocks(blocks: Sequence[Block]) -> str:
    out: list[str] = []
    for block in blocks:
        out += _block(block)
    return "\n".join(out).strip("\n") + "\n"


def _block(block: Block) -> list[str]:
    match block:
        case Heading(text=text, level=level):
            return ["", f"{'#' * level} {_escape(text)}", ""]
        case Note(cell=cell):
            return ["", _cell(cell), ""]
        case Bullets(items=items):
            return [f"- {_escape(item.text)}" for item in items]
        case Entries(title=title, remark=remark, lines=lines):
            return ["", f"**{_escape(title.text)}** {_cell(remark)}", "",
                    *(f"- {name}: {_cell(cell)}" for name, cell in lines)]
        case Table(header=header, rows=rows, right=right):
            marks = ["---:" if flush else "---" for flush in right]
            return ["", _row([_escape(h) for h in header or ("",) * len(right)]), _row(marks),
                    *(_row([_cell(c).replace("|", "\\|") for c in row]) for row in rows), ""]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    match cell.role:
        case "formula" | "growth" | "name" | "quiet" if cell.text and "`" not in cell.text:
            return f"`{cell.text}`"
        case _:
            return _escape(cell.text)


def _escape(text: str) -> str:
    for sign in "\\*_`<>[]":
        text = text.replace(sign, "\\" + sign)
    return text
