"""`orch runs` and `orch show`: what journals hold.

In: the options that `cli` read. Out: text or one JSON document on standard output; an exit code. Journals are only
read, also while a run writes them.
"""
from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import OrchError, fault

if TYPE_CHECKING:
    from .runtime.journal import JournalFault, RunRow

__all__ = ["runs", "show"]


def runs(options: argparse.Namespace) -> int:
    """Which runs there were."""
    found = _all(options.journal)
    if options.format == "json":
        print(json.dumps({"runs": [_plain(path, row) for path, row in found], "errors": [], "warnings": []},
                         ensure_ascii=False))
        return 0
    if not found:
        print("No run is kept in a journal here. `orch run ... --journal PATH` keeps one.")
        return 0
    rows = [("RUN", "STATE", "BEGAN", "CALLS", "TOOLS", "CACHED", "PAID", "PROGRAM", "JOURNAL")]
    rows += [(str(row.id), row.state, _when(row.began), f"{row.calls:,}", f"{row.tool_calls:,}", f"{row.cached:,}",
              _paid(row), f"{row.program} · {row.entry}", str(path)) for path, row in found]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(w) if i in (0, 3, 4, 5, 6) else cell.ljust(w)
                 for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        print("  ".join(cells).rstrip())
    return 0


def show(options: argparse.Namespace) -> int:
    """One run's tree of calls with their costs."""
    from .runtime.calltree import call_tree, tree_json, tree_lines
    from .runtime.journal import Journal, JournalFault
    path, row = _chosen(_all(options.journal), options.run)
    try:
        journal = Journal.read(path)
        try:
            root = call_tree(journal.frames(row.id), journal.calls(row.id))
        finally:
            journal.close()
    except JournalFault as e:
        raise _error(e) from None
    if options.format == "json":
        depth = 150 if options.depth is None else options.depth
        page = {"run": _plain(path, row), "tree": tree_json(root, min(depth, 150)), "errors": [], "warnings": []}
        print(json.dumps(page, ensure_ascii=False))
        return 0
    print(f"run {row.id} of {path}: {row.program} · {row.entry}, {row.state}, began {_when(row.began)}"
          + (f", taken up {row.sessions} times" if row.sessions > 1 else ""))
    width = 100
    print(f"{'':<{width - 52}}{'calls':>9}  {'tokens read':>11}  {'written':>10}  {'dollars':>10}")
    for line in tree_lines(root, 8 if options.depth is None else options.depth, width):
        print(line.rstrip())
    return 0


def _all(given: Sequence[str]) -> list[tuple[Path, RunRow]]:
    """The runs of the journals that are named, or else of those in this folder."""
    from .runtime.journal import Journal, JournalFault, is_journal
    paths = [Path(p) for p in given or [p for p in (os.environ.get("ORCH_JOURNAL"),) if p]]
    if not paths:
        paths = sorted(p for p in Path().iterdir() if p.is_file() and is_journal(p))
    found = []
    for path in paths:
        try:
            journal = Journal.read(path)
            try:
                found += [(path, row) for row in journal.runs()]
            finally:
                journal.close()
        except JournalFault as e:
            raise _error(e) from None
    return found


def _chosen(found: Sequence[tuple[Path, RunRow]], asked: str) -> tuple[Path, RunRow]:
    listed = ", ".join(str(row.id) for _, row in found) or "none"
    if asked == "last" and found:
        return max(found, key=lambda pair: pair[1].began)
    same = [pair for pair in found if str(pair[1].id) == asked]
    if not same:
        raise fault("E0800", f"There is no run `{asked}`.", f"there are: {listed}; `orch runs` lists them")
    if len(same) > 1:
        raise fault("E0800", f"Several journals have a run {asked}: {', '.join(str(p) for p, _ in same)}.",
                    "name one with --journal")
    return same[0]


def _plain(path: Path, row: RunRow) -> dict[str, Any]:
    from .runtime.meter import SCALE
    return {"id": row.id, "journal": str(path), "program": row.program, "entry": row.entry, "state": row.state,
            "began": row.began, "ended": row.ended, "sessions": row.sessions, "calls": row.calls,
            "tool_calls": row.tool_calls, "cached": row.cached,
            "paid_dollars": None if row.dollars is None else row.dollars / SCALE, "usage": row.usage}


def _paid(row: RunRow) -> str:
    from .compiler.figures import figure_text
    from .runtime.meter import SCALE
    return figure_text(None if row.dollars is None else row.dollars / SCALE, "dollars")


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _error(e: JournalFault) -> OrchError:
    return fault("E0830", e.message, e.hint)
