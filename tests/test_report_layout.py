"""The report for people: what it says, in each of its four looks, and as JSON."""
from __future__ import annotations

import io
import json
import math
import re
from fractions import Fraction

import sympy
from reports import sort_report
from rich.console import Console

from orch.compiler.expr import num, sym
from orch.compiler.figures import figure_text, range_text
from orch.compiler.report import Range
from orch.compiler.report_fragment import report_fragment
from orch.compiler.report_json import figure_json, report_json
from orch.compiler.report_layout import comparison, layout
from orch.compiler.report_md import report_md
from orch.compiler.report_text import report_text, rich_blocks

SAID = ["merge_sort", "Θ(n·log n)", "n·⌈log₂ n⌉", "T(n) = T(⌈n/2⌉) + T(⌊n/2⌋) + n - 1", "64 points", "8,977", "$0.25",
        "compare", "400,000", "up to 3 times", "`reasoning` is taken as 0", "W0201", "no rule applies",
        "`repeat` at 3:5 has no bound", "elements of items"]


def test_every_look_says_the_same() -> None:
    report = sort_report()
    plain = report_text(report)
    out = io.StringIO()
    Console(file=out, width=140, force_terminal=True).print(*rich_blocks(layout(report)))
    markdown = report_md(report).replace("\\", "")
    html = re.sub(r"<[^>]*>", "", report_fragment(report))
    for said in SAID:
        assert said in plain, said
        assert said in re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()), said
        assert said in markdown, said
        assert said in html, said
    assert "\x1b" in out.getvalue() and "\x1b" not in plain


def test_plain_text_is_tidy() -> None:
    plain = report_text(sort_report())
    assert not re.search(r"[ \t]+\n|\n\n\n", plain) and plain.endswith("\n") and not plain.endswith("\n\n")


def test_markdown_tables_survive_their_cells() -> None:
    rows = [line for line in report_md(sort_report()).splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") in (3, 5) for line in rows)


def test_json_has_the_shape_of_the_contract() -> None:
    found = json.loads(json.dumps(report_json(sort_report()), allow_nan=False))
    assert set(found) >= {"program", "entry", "symbols", "assumptions", "primitives", "literals", "metrics",
                          "by_primitive", "at", "warnings", "errors"}
    calls = found["metrics"]["calls"]
    assert set(calls) == {"upper", "lower", "expected", "theta", "recurrences", "checked"}
    assert calls["expected"] is None and calls["theta"] == "n*log(n)"
    n = sympy.Symbol("n")
    closed = sympy.sympify(calls["upper"]["closed"], locals={"n": n})
    assert [closed.subs(n, k) for k in (1, 2, 3, 1000)] == [0, 1, 3, 8977]
    assert sympy.sympify(calls["upper"]["valid"], locals={"n": n}) == (n >= 1)
    assert found["at"] == [{"sizes": {"n": 1000}, "calls": {"lower": 4932, "upper": 8977, "expected": None},
                            "dollars": {"lower": 0.25, "upper": "1000*price_in_fast", "expected": None},
                            "latency": {"lower": 1.5, "upper": "oo", "expected": 2.5}}]
    assert found["metrics"]["latency"]["lower"]["closed"] is None
    assert found["warnings"][0]["line"] == 1


def test_figures_keep_what_they_are() -> None:
    figures = (3, Fraction(4, 2), Fraction(1, 4), 0.5, math.inf, None, sym("p"), num(7), 10 ** 40)
    assert [figure_json(x) for x in figures] == [3, 2, 0.25, 0.5, "oo", None, "p", 7, 10 ** 40]
    assert figure_json(Fraction(10 ** 400, 3)) == f"{10 ** 400}/3"


def test_figures_for_people() -> None:
    assert [figure_text(x) for x in (12345, 10 ** 18, math.inf, None, Fraction(1, 3), 2 ** 20_000)] == [
        "12,345", "1e18", "∞", "?", "0.3333", "about 10^6,020"]
    assert [figure_text(x, "dollars") for x in (0, 0.00012, Fraction(5, 2), 12_000)] == [
        "$0", "$0.00012", "$2.50", "$12,000"]
    assert [figure_text(x, "latency") for x in (0.5, 75, 7_300, 400_000)] == [
        "0.5 s", "1 min 15 s", "2 h 1 min", "4 days"]
    assert [range_text(r) for r in (Range(1, 1, None), Range(1, 2, None), Range(1, 2, 1.5))] == [
        "1", "1 .. 2", "1 .. 2  ~ 1.5"]


def test_a_run_that_leaves_its_bounds_is_marked() -> None:
    predicted = {"calls": Range(1, 3, None), "width": Range(5, 9, None), "dollars": Range(0, sym("p"), None)}
    marks = {row[0].text: row[3].text for row in comparison({"calls": 4, "width": 1, "dollars": 2.0}, predicted).rows}
    assert marks == {"calls": "OUTSIDE", "width": "within", "dollars": ""}
    assert comparison({"calls": 3}, predicted).rows[0][3].text == "within"
