"""Types of bodies, declarations and attributes."""
from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from golden_chunks import agree, chunks, diagnostics

from orch.lang import check
from orch.lang.codes import CODES
from orch.lang.exhaustive import Items, Listed, TooComplex, Value, missing, show_shape, unreachable
from orch.lang.frontend import load_program
from orch.lang.source import Source
from orch.lang.types import BOOL, INT, EnumT, ListT, TupleT


@pytest.mark.parametrize(("title", "text"), chunks("check.orch") + chunks("primitives.orch"), ids=lambda x: x[:40])
def test_golden(title: str, text: str) -> None:
    agree(text)


def test_one_fault_gives_one_error() -> None:
    found = diagnostics("""
model fast = "local/fast"
fn helper(x: Int) -> Text { "{x}" }
fn main(doc: Text[n]) -> Text {
  let a = nowhere(doc)
  let b = for x in a { x + 1 }
  let (c, d) = a
  let e = if a > 3 { a } else { [a] }
  match a { [] -> helper(a), [x, ..rest] -> helper(x) ++ rest.title ++ d[0] ++ c ++ join(b, e) }
}
""")
    assert [(d.code, d.span.place[0]) for d in found] == [("E0101", 5)]


def test_labels_show_the_other_half() -> None:
    found = diagnostics("fn f(doc: Text[n]) -> Int { n }\nfn main(k: Int) -> Int {\n  f(k)\n}\n")
    assert [(label.span.place[0], label.text) for label in found[0].labels] == [(1, "declared as Text here")]
    found = diagnostics("fn main(k: Int) -> Int {\n  let a = if k > 0 { 1 }\n  else { \"one\" }\n  a\n}\n")
    assert found[0].span.place[:2] == (3, 10) and found[0].labels[0].span.place[0] == 2


def test_a_long_program_is_checked_in_linear_time() -> None:
    def program(k: int) -> Source:
        return Source("long.orch", 'primitive ask(q: Text[n]) -> Text[50] { prompt: "{q}" }\n' + "".join(f"""
fn f{i}(doc: Text[n], xs: List[Text[m], k]) -> Text {{
  if n <= 10 {{ call ask(doc) }} else {{
    let parts = par for piece in split(doc, 2) {{ f{max(0, i - 1)}(piece, xs) }}
    match for x in xs {{ x ++ "{{n}}" }} {{ [] -> doc, [x, ..rest] -> x ++ join(rest ++ parts, ",") }}
  }}
}}
""" for i in range(k)))

    def seconds(k: int) -> float:
        start = time.process_time()
        checked, found = load_program(program(k))
        assert checked is not None and found == []
        return time.process_time() - start

    small, large = seconds(100), seconds(800)
    assert large < 16 * max(small, 0.05)


@pytest.mark.parametrize("body", [
    "n" + " + n" * 150,
    "{\n  let x = n\n" + "  let x = x + 1\n" * 5000 + "  x\n}",
    "match n {\n" + "".join(f"{i} -> {i},\n" for i in range(2000)) + "_ -> 0\n}",
    "sum([" + "1, " * 5000 + "n])",
    "if n > 0 { " * 60 + "n" + " } else { 0 }" * 60,
])
def test_long_and_deep_programs(body: str) -> None:
    assert diagnostics(f"fn main(n: Int) -> Int {{\n{body}\n}}\n") == []


def test_missing_patterns() -> None:
    colour = EnumT("Colour", ("red", "green", "blue"))
    assert missing([Value("red")], colour) == [Value("green"), Value("blue")]
    assert missing([Value("red"), None], colour) == []
    assert missing([Listed((), False), Listed((None, None), True)], ListT(INT)) == [Listed((None,), False)]
    pair = TupleT((BOOL, BOOL))
    rows = [Items((Value(True), None)), Items((None, Value(True)))]
    assert [show_shape(s, pair) for s in missing(rows, pair)] == ["(false, false)"]
    nested = ListT(BOOL)
    assert [show_shape(s, nested) for s in missing([Listed((), False), Listed((Value(True),), True)], nested)] == [
        "[false]", "[false, _, ..]"]
    assert unreachable([Listed((), True), Listed((), False), None], nested) == [1, 2]
    assert unreachable([Value(True), Value(False), None, Value(True)], BOOL) == [2, 3]


def test_too_complex_a_match_is_refused_and_not_waited_for() -> None:
    def row(seed: int) -> Items:                        # a random clause of three: satisfiability
        fixed = {(seed * p + seed // 7) % 40: bool(seed * q % 3 % 2) for p, q in ((7, 5), (11, 13), (17, 19))}
        return Items(tuple(Value(fixed[i]) if i in fixed else None for i in range(40)))

    with pytest.raises(TooComplex):
        missing([row(seed) for seed in range(1, 400)], TupleT((BOOL,) * 40))
    columns = ", ".join(["true"] * 40)

    def literal(i: int, j: int) -> str:
        return "true" if (i * j) % 11 == 3 else "false" if (i * j) % 13 == 5 else "_"

    arms = "".join(f"({', '.join(literal(i, j) for i in range(40))}) -> 1,\n" for j in range(1, 60))
    start = time.process_time()
    found = diagnostics(f"fn main(n: Int) -> Int {{ match ({columns}) {{ {arms} }} }}\n")
    assert [d.code for d in found if d.severity == "error"] == ["E0206"] and time.process_time() - start < 2


FRONT_END = [code for code in CODES
             if code[:3] in ("E01", "E02", "E03", "E06", "E07", "W01", "W03")
             or code[:4] == "E041" or code in ("E0901", "E0902")]


@pytest.mark.parametrize("code", FRONT_END)
def test_the_example_of_a_code_gives_it(code: str) -> None:
    example = CODES[code].example
    assert example or code.startswith("E07")            # some faults take two files to show
    if example:
        assert code in {d.code for d in diagnostics(example)}


def test_every_code_has_a_row() -> None:
    folder = Path(check.__file__).parent
    files = [*(folder / f"{name}.py" for name in ("modules", "names", "declared", "check")),
             folder.parent / "compiler" / "lower.py"]
    used = {code for path in files for code in re.findall(r'"([EW]\d{4})"', path.read_text("utf-8"))}
    assert used and used <= set(CODES), sorted(used - set(CODES))
