"""Blocks of a report as a fragment of HTML, which is what a notebook shows.

In: blocks of `report_layout`. Out: one `<div>` with its own small style sheet; no scripts, nothing loaded from
elsewhere. Colours come from the page, so that it reads in a dark notebook too.
"""
from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .report import Report
from .report_layout import Block, Bullets, Cell, Entries, Heading, Note, Table, layout

__all__ = ["html_blocks", "report_fragment"]

_STYLE = """<style>
.orch-report { font-size: 14px; line-height: 1.45 }
.orch-report h2 { font-size: 1.25em; margin: .4em 0 } .orch-report h3 { font-size: 1.05em; margin: 1em 0 .3em }
.orch-report table { border-collapse: collapse; margin: .3em 0 .3em 1em }
.orch-report th, .orch-report td { padding: .1em .8em .1em 0; text-align: left; vertical-align: top; border: none }
.orch-report th { font-weight: normal; opacity: .65; border-bottom: 1px solid currentColor }
.orch-report .right { text-align: right } .orch-report .name { font-weight: 600 }
.orch-report .formula, .orch-report .growth { font-family: ui-monospace, monospace }
.orch-report .growth { font-weight: 600 } .orch-report .quiet { opacity: .65 }
.orch-report .good { color: #2e9e4f } .orch-report .bad { color: #d0453c }
</style>"""


def report_fragment(report: Report) -> str:
    return html_blocks(layout(report))


def html_blocks(blocks: Sequence[Block]) -> str:
    return f'{_STYLE}<div class="orch-report">{"".join(_block(b) for b in blocks)}</div>'


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"<h{level + 1}>{escape(text)}</h{level + 1}>"
        case Note(cell=cell):
            return f"<p>{_cell(cell)}</p>"
        case Bullets(items=items):
            return f"<ul>{''.join(f'<li>{_cell(item)}</li>' for item in items)}</ul>"
        case Entries(title=title, remark=remark, lines=lines):
            rows = "".join(f'<tr><td class="quiet">{escape(name)}</td><td>{_cell(cell)}</td></tr>'
                           for name, cell in lines)
            return f"<p>{_cell(title)} &ensp; {_cell(remark)}</p><table>{rows}</table>"
        case Table(header=header, rows=rows, right=right):
            marks = [' class="right"' if flush else "" for flush in right]
            titles = [f"<th{m}>{escape(h)}</th>" for h, m in zip(header, marks, strict=True)] if any(header) else []
            head = f"<thead><tr>{''.join(titles)}</tr></thead>" if titles else ""
            cells = ["".join(f"<td{m}>{_cell(c)}</td>" for c, m in zip(row, marks, strict=True)) for row in rows]
            body = "".join(f"<tr>{line}</tr>" for line in cells)
            return f"<table>{head}<tbody>{body}</tbody></table>"


def _cell(cell: Cell) -> str:
    return f'<span class="{cell.role}">{escape(cell.text)}</span>'
