"""Warnings about loops: where they stand, and the formulas that a report adds."""

from __future__ import annotations

import pytest

import orch

HEAD = """\
model fast = "local/fast"
primitive topic(text: Text[n]) -> Text[10] { prompt: "Topic of {text}?" }
primitive fits(comment: Text[m], about: Text[k]) -> Bool { prompt: "Is {comment} about {about}?" }
primitive reply(history: Text[h]) -> Text[50] { prompt: "Answer. {history}" }
"""


def warned(source: str) -> list[str]:
    return [d.code for d in orch.compile(HEAD + source).check() if d.code.startswith("W02")]


@pytest.mark.parametrize("body", [
    "par for c in cs { call fits(c, call topic(t)) }",
    "par for c in cs { let about = call topic(t)\n call fits(c, about) }",
    "par for (i, c) in enumerate(cs) { call fits(\"{i}{c}\", call topic(t)) }",
])
def test_a_call_that_does_not_depend_on_its_loop_is_told(body: str) -> None:
    assert warned(f"fn main(t: Text[n], cs: List[Text[m], k]) -> List[Bool] {{ {body} }}") == ["W0204"]


@pytest.mark.parametrize("body", [
    "let about = call topic(t)\n par for c in cs { call fits(c, about) }",
    "par for c in cs { call fits(c, call topic(c)) }",
    "par for _ in range(5) { call fits(t, t) }",                                # samples
    "par for c in cs { if tokens(c) > 3 { call fits(c, call topic(t)) } else { false } }",      # may be skipped
    "par for c in cs { call fits(c, vote of 3 { call topic(t) }) }",
    "par for c in cs { let x = call topic(c)\n call fits(x, x) }",
])
def test_other_calls_are_not(body: str) -> None:
    assert warned(f"fn main(t: Text[n], cs: List[Text[m], k]) -> List[Bool] {{ {body} }}") == []


def test_a_report_says_what_the_advice_is_worth() -> None:
    program = orch.compile(HEAD + """
fn main(cs: List[Text[m], k]) -> List[Text] { for c in cs { call topic(c) } }
fn talk(n: Int) -> Text where n >= 0 { fold history = "" for _ in range(n) { history ++ call reply(history) } }
""")
    hints = {d["code"]: d["hint"] for d in program.cost(metrics=["calls"]).to_json()["warnings"]}
    assert "at most k, of order k; then: at most {1 if k ≥ 1; 0 otherwise}, of order 1" in hints["W0201"]
    assert "of order n²; then: at most" in hints["W0202"] and hints["W0202"].endswith("of order n")
    assert "of order" not in {d.code: d.hint for d in program.check()}["W0201"]     # a check solves nothing
