"""Numbers with thousands of digits: told as what they are, refused with a place, or unknown; never a crash."""
from __future__ import annotations

import json
import time
from fractions import Fraction

import pytest

import orch
from orch.compiler.expr import num, sym
from orch.compiler.figures import figure_text
from orch.compiler.pretty import pretty
from orch.compiler.report_json import figure_json
from orch.compiler.text import show

HUGE = 2 ** 100_000 - 1

TOWER = """
primitive say(x: Int) -> Bool {{
  prompt: "Say {{x}}."
}}

fn tower(height: Int) -> List[Bool, 2 ** height - 1] where height >= 0 {{
  if height == 0 {{ [] }} else {{ tower(height - {step}) ++ [call say(height)] ++ tower(height - 1) }}
}}

fn main(n: Int) -> List[Bool] where n >= 0 {{
  tower(n)
}}
"""

LONG_LOOP = """
primitive good(doc: Text[n]) -> Bool {{
  prompt: "Is this good? {{doc}}"
  chance: 0.5
}}

primitive better(doc: Text[n]) -> Text[3..3] {{
  prompt: "Make it better: {{doc}}"
}}

fn main(doc: Text[n]) -> Text {{
  repeat a = "and so on" up to {rounds} while call good(a) chance 0.4 {{ call better(a) }}
}}
"""


def test_a_figure_of_thousands_of_digits_is_a_formula_in_base_16() -> None:
    assert figure_json(10 ** 3000) == 10 ** 3000
    for figure in (HUGE, Fraction(HUGE), num(HUGE)):
        text = figure_json(figure)
        assert isinstance(text, str) and int(text, 16) == HUGE
    assert json.dumps(figure_json(HUGE))
    assert figure_text(HUGE) == "about 10^30,102"


def test_formulas_with_such_numbers_are_read_again() -> None:
    text = show(num(HUGE) * sym("n") + 1)
    assert text == f"{hex(HUGE)}*n + 1"
    assert pretty(text) == "about 10^30,102·n + 1"
    assert pretty(show(num(Fraction(2 * HUGE + 1, HUGE)))) == "about 2"


def test_a_report_at_sizes_with_such_figures() -> None:
    report = orch.compile(TOWER.format(step=1)).cost(at={"n": 100_000}, metrics=["calls"])
    assert report.to_json()["at"][0]["calls"]["upper"] == hex(HUGE)
    assert "about 10^30,102" in str(report)


@pytest.mark.parametrize("step", [99_999_999_999, 10 ** 400], ids=["large", "huge"])
def test_a_size_that_cannot_be_written_out_is_refused_at_its_place(step: int) -> None:
    with pytest.raises(orch.OrchError) as refused:
        orch.compile(TOWER.format(step=step)).check()
    found, = (d for d in refused.value.diagnostics if d.severity == "error")
    assert found.code == "E0406" and found.span.place[0] == 7


def test_an_expected_cost_over_ten_thousand_rounds_is_told() -> None:
    report = orch.compile(LONG_LOOP.format(rounds=10_000)).cost(metrics=["calls"])
    assert "about 2.33333" in str(report)
    json.dumps(report.to_json())


def test_an_expected_cost_that_cannot_be_written_out_is_unknown_and_says_why() -> None:
    report = orch.compile(LONG_LOOP.format(rounds=10 ** 20)).cost(metrics=["calls"]).to_json()["metrics"]["calls"]
    assert report["upper"]["closed"] == str(2 * 10 ** 20)
    assert report["expected"] is None


def test_parts_without_number_do_not_hold_up_a_report() -> None:
    begun = time.process_time()
    report = orch.compile(f"""
primitive shorten(doc: Text[n]) -> Text[2] {{
  prompt: "Shorten: {{doc}}"
}}

fn short(doc: Text[n]) -> Text {{
  if n <= 7 {{
    call shorten(doc)
  }} else {{
    call shorten(join(for part in split(doc, {10 ** 400}) {{ short(part) }}, ""))
  }}
}}

fn main(doc: Text[n]) -> Text {{
  short(doc)
}}
""").cost(metrics=["calls"])
    assert report.to_json()["metrics"]["calls"]["upper"] is not None
    assert time.process_time() - begun < 60     # it was minutes
