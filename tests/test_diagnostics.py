"""Diagnostics as data, their long forms, and how they are shown."""
from __future__ import annotations

import re

import pytest

from orch.lang.codes import CODES
from orch.lang.diagnostics import Diagnostic, Label
from orch.lang.parser import parse
from orch.lang.render import render, render_one
from orch.lang.source import Source, Span


def at(source: Source, text: str, nth: int = 0) -> Span:
    start = -1
    for _ in range(nth + 1):
        start = source.text.index(text, start + 1)
    return Span(source, start, start + len(text))


LETTERS = Source("letters.orch", "fn main(sentence: Text[n]) -> Text {\n  let x = 1\n\n\n  translate(sentence)\n}\n")


# ---------------------------------------------------------------- data

def test_the_json_shape() -> None:
    diagnostic = Diagnostic("E0302", "It is so.", at(LETTERS, "translate"), "Write that.")
    assert diagnostic.to_json() == {
        "code": "E0302", "message": "It is so.", "hint": "Write that.", "file": "letters.orch",
        "line": 5, "column": 3, "end_line": 5, "end_column": 12}


def test_the_code_says_whether_it_is_a_warning() -> None:
    span = at(LETTERS, "x")
    assert Diagnostic("W0101", "m", span).severity == "warning"
    assert Diagnostic("E0101", "m", span).severity == "error"


def test_diagnostics_sort_by_place() -> None:
    later, earlier = (Diagnostic("E0101", "m", at(LETTERS, text)) for text in ("translate", "let"))
    assert sorted([later, earlier], key=lambda d: d.sort_key) == [earlier, later]


# ---------------------------------------------------------------- codes

SYNTAX = [code for code in CODES if code.startswith("E00")]


@pytest.mark.parametrize("code", SYNTAX)
def test_an_example_of_a_syntax_error_triggers_it_and_nothing_else(code: str) -> None:
    example = CODES[code].example
    if code == "E0001":
        assert not example
        return
    _, diagnostics = parse(Source("example.orch", example))
    assert [d.code for d in diagnostics] == [code]


def test_examples_of_later_stages_parse() -> None:
    for code, row in CODES.items():
        if code not in SYNTAX and row.example:
            _, diagnostics = parse(Source("example.orch", row.example))
            assert not diagnostics, (code, [(d.message, d.span.place) for d in diagnostics])


def test_rows_are_written_for_people() -> None:
    for code, row in CODES.items():
        assert re.fullmatch(r"[EW]0\d{3}", code) and row.code == code
        assert row.title[0].islower() or not row.title[0].isalpha(), row.title
        assert not row.title.endswith(".") and row.explanation.endswith((".", ")", ":")), (code, row)


# ---------------------------------------------------------------- layout

def test_a_diagnostic_with_a_label_and_a_hint() -> None:
    diagnostic = Diagnostic("E0302", "`translate` is a primitive and needs `call`.", at(LETTERS, "translate"),
                            "Write `call translate(...)`.", (Label(at(LETTERS, "sentence"), "what it would read"),))
    assert render_one(diagnostic) == """\
error[E0302]: `translate` is a primitive and needs `call`.
 --> letters.orch:5:3
  |
1 | fn main(sentence: Text[n]) -> Text {
  |         -------- what it would read
...
5 |   translate(sentence)
  |   ^^^^^^^^^
  = hint: Write `call translate(...)`.
"""


def test_colour_changes_nothing_else() -> None:
    diagnostic = Diagnostic("W0101", "`x` is never used.", at(LETTERS, "x"), "Write `_`.",
                            (Label(at(LETTERS, "sentence"), "here"),))
    coloured = render_one(diagnostic, colour=True)
    assert "\x1b[1;33m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_one(diagnostic)


def test_labels_on_one_line_and_in_another_file() -> None:
    other = Source("other.orch", "import \"./letters.orch\" as l\n")
    diagnostic = Diagnostic("E0701", "m.", at(LETTERS, "translate"), "",
                            (Label(at(LETTERS, "sentence", 1), "this"), Label(at(other, "import"), "that")))
    assert render_one(diagnostic) == """\
error[E0701]: m.
 --> letters.orch:5:3
  |
5 |   translate(sentence)
  |   ^^^^^^^^^
  |             -------- this
 --> other.orch:1:1
  |
1 | import "./letters.orch" as l
  | ------ that
"""


def test_several_lines_and_a_count() -> None:
    source = Source("a.orch", "fn f() -> Int {\n  let n =\n      4\n}\n")
    text = render([Diagnostic("E0014", "m.", Span(source, 18, 33)), Diagnostic("W0101", "w.", Span(source, 22, 23))])
    assert text == """\
error[E0014]: m.
 --> a.orch:2:3
  |
2 |   let n =
  |   ^^^^^^^
3 |       4
  |       ^

warning[W0101]: w.
 --> a.orch:2:7
  |
2 |   let n =
  |       ^

1 error and 1 warning
"""


@pytest.mark.parametrize(("line", "word", "shown", "carets"), [
    ("\tab", "ab", "    ab", "    ^^"),
    ("变量 = x", "x", "变量 = x", "       ^"),
    ("变量", "量", "变量", "  ^^"),
    ("e\u0301 x", "x", "e\u0301 x", "  ^"),
    ("a\x1b[31m x", "x", "a\ufffd[31m x", "       ^"),
    ("a \U0001f600 x", "x", "a \U0001f600 x", "     ^"),
])
def test_carets_stand_below_what_is_meant(line: str, word: str, shown: str, carets: str) -> None:
    source = Source("a.orch", line)
    rows = render_one(Diagnostic("E0002", "m.", at(source, word))).split("\n")
    assert rows[3] == "1 | " + shown and rows[4] == "  | " + carets


@pytest.mark.parametrize("place", [0, 1, 50, 99, 5_000, 999_950, 999_998, 999_999])
def test_long_lines_are_cut_around_the_caret(place: int) -> None:
    text = "a" * place + "X" + "b" * (1_000_000 - place - 1)
    rows = render_one(Diagnostic("E0002", "m.", Span(Source("a.orch", text), place, place + 1)), width=80).split("\n")
    line, carets = rows[3], rows[4]
    assert max(len(line), len(carets)) <= 82
    assert line[carets.index("^")] == "X"


@pytest.mark.parametrize("place", [0, 40, 99, 5_000, 9_990, 9_999])
def test_long_lines_of_wide_signs_are_cut_as_well(place: int) -> None:
    text = "变" * place + "X" + "量" * (10_000 - place - 1)
    rows = render_one(Diagnostic("E0002", "m.", Span(Source("a.orch", text), place, place + 1)), width=80).split("\n")
    line, carets = rows[3], rows[4]
    widths = [0]
    for sign in line:
        widths.append(widths[-1] + (2 if sign in "变量" else 1))
    assert widths[-1] <= 83 and widths[line.index("X")] == carets.index("^")


def test_places_at_the_end_and_in_an_empty_text() -> None:
    for text in ("", "fn", "fn\n"):
        source = Source("a.orch", text)
        for offset in range(len(text) + 2):
            assert "a.orch:" in render_one(Diagnostic("E0010", "m.", Span(source, offset, offset)))


def test_a_very_long_span_takes_one_line_of_carets() -> None:
    source = Source("a.orch", "x" * 500)
    rows = render_one(Diagnostic("E0010", "m.", Span(source, 0, 500)), width=60).split("\n")
    assert all(len(row) <= 62 for row in rows)
