"""Comparisons: quotients and their orders, who overtakes whom and where, held against the figures of each program."""
from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
import sympy

import orch
from orch.cli import main
from orch.compiler.crossover import Crossing, Stretch, scan
from orch.compiler.expr import ONE, TRUE, Expr, ge, log2, min_, sym
from orch.compiler.quotient import growing_last, order_by_region, order_of_quotient

ROUTING = '''model general    = "local/general" { size: m_g }
model delegator  = "local/delegator" { size: m_d }
model specialist = "local/specialist" { size: m_s }

param c: Int = 200 in 1..10_000

primitive answer(task: Text[n]) -> Text[30..30] {
  model: general
  prompt: "{task}"
}

primitive pick(head: Text[h]) -> Text[1..1] {
  model: delegator
  prompt: "{head}"
}

primitive special(task: Text[n]) -> Text[30..30] {
  model: specialist
  prompt: "{task}"
}

fn generalist(task: Text[n]) -> Text[30] {
  call answer(task)
}

fn routed(task: Text[n]) -> (Text[1], Text[30]) {
  let who = call pick(take(task, c))
  (who, call special(task))
}
'''

DEBUGGING = '''model qa  = "local/qa" { size: m_q }
model dev = "local/dev" { size: m_d, price_in: 1, price_out: 8 }

primitive find_bug(history: Text[h]) -> Text[30..30] {
  model:  qa
  prompt: "Name one remaining bug. {history}"
}

primitive repair(history: Text[h], code: Text[n]) -> Text[n..n] {
  model:  dev
  prompt: "Repair the bug reported last. {history} {code}"
}

primitive broken(code: Text[l]) -> Bool {
  model: qa
  prompt: "Is there a bug? {code}"
}

primitive mend(code: Text[l]) -> Text[l..l] {
  model: dev
  prompt: "Repair this. {code}"
}

fn whole(functions: List[Text[l], k], b: Int) -> Text[k * l] where b >= 0, b <= k {
  let code = join(functions, "")
  let (repaired, _) = fold (program, history) = (code, code) for _ in range(b) {
    let bug = call find_bug(history)
    let better = call repair(history ++ bug, program)
    (better, history ++ bug ++ better)
  }
  repaired
}

fn each(functions: List[Text[l], k], b: Int) -> List[Text[l]] where b >= 0, b <= k {
  let _ = par for f in functions { call broken(f) }
  let mended = par for f in take(functions, b) { call mend(f) }
  mended ++ drop(functions, b)
}
'''

SORTING = '''model fast = "local/fast"

primitive less(a: Text[m], b: Text[m]) -> Bool {
  prompt: "{a} {b}"
}

primitive grade(a: Text[m]) -> Int[0..100] {
  prompt: "{a}"
}

fn pairs(items: List[Text[m], n]) -> List[List[Bool]] {
  for (i, a) in enumerate(items) {
    for b in drop(items, i + 1) { call less(a, b) }
  }
}

fn panel(items: List[Text[m], n]) -> List[Int] {
  for a in items {
    let (x, y, z) = par (call grade(a), call grade(a), call grade(a))
    x + y + z
  }
}

fn tournament(items: List[Text[m], n]) -> Text[m] where n >= 1 {
  if n == 1 {
    items[0]
  } else {
    let (left, right) = halve(items)
    let (a, b) = (tournament(left), tournament(right))
    if call less(a, b) { b } else { a }
  }
}
'''


def of(source: str, *entries: str, **options: Any) -> dict[str, Any]:
    program = orch.compile(source, name="p.orch")
    return orch.compare(*(program[e] for e in entries), **options).to_json()


def same(a: str, b: str) -> bool:
    return bool(sympy.simplify(sympy.sympify(a) - sympy.sympify(b)) == 0)


# ---------------------------------------------------------------- orders of quotients

k, n, c, b, ell = (sym(name) for name in ("k", "n", "c", "b", "l"))


@pytest.mark.parametrize(("above", "below", "domain", "theta"), [
    (k * n, k * c + n, TRUE, "Min(n/c, k)"),
    (b ** 2 * k ** 2 * ell ** 2, b * ell ** 2 + k * ell, ge(k, b), "Min(b*k**2, b**2*k*l)"),
    (n ** 2, n, TRUE, "n"),
    (n, n * log2(n), TRUE, "1/log(n)"),
    (n * log2(n), n + k, TRUE, "Min(log(n), n*log(n)/k)"),
    (n + k, n, TRUE, "1 + k/n"),
    (n + k, n, ge(n, k), "1"),
])
def test_a_sum_below_makes_a_minimum(above: Expr, below: Expr, domain: Any, theta: str) -> None:
    found = order_of_quotient(above, below, domain)
    assert found is not None and same(str(found), theta)


def test_the_order_of_a_quotient_keeps_within_a_constant_factor() -> None:
    above, below = k * n * log2(n) + k ** 2, c * n + k * c
    found = sympy.sympify(str(order_of_quotient(above, below)))
    whole = sympy.sympify(str(above)) / sympy.sympify(str(below))
    for x in (3, 50, 10 ** 4, 10 ** 9):
        for y in (2, 10 ** 3, 10 ** 7):
            for z in (2, 10 ** 5):
                at = {"n": x, "k": y, "c": z}
                assert 0.2 < float(found.subs(at) / whole.subs(at)) < 5


def test_which_symbol_grows_last_decides() -> None:
    above, below = k * n, k * min_(c, n) + n
    assert str(growing_last(above, below, "n", TRUE)) == "k"
    assert str(growing_last(above, below, "c", TRUE)) == "1"
    assert [(str(r.theta), str(r.valid)) for r in order_by_region(above, below, TRUE)] == [
        ("Min(n/c, k)", "n >= c"), ("1", "c >= n + 1")]
    assert order_by_region(k * n, k * c + n, TRUE) == ()
    assert str(growing_last(n ** 2 + k ** 5, n + ONE, "k", TRUE)) == "k**5/n"


# ---------------------------------------------------------------- crossings

def test_every_change_is_found_where_it_is() -> None:
    found = scan(lambda x: (x * (x - 1) // 2, 3 * x), 0, None, [Fraction(0), Fraction(7, 2), Fraction(-1, 2)])
    assert found is not None and found.complete
    assert found.crossings == (Crossing(8, 1),)
    assert found.stretches == (Stretch(0, 0, None), Stretch(1, 6, 0), Stretch(7, 7, None), Stretch(8, None, 1))


def test_far_and_several_changes() -> None:
    far = 123_456_789
    found = scan(lambda x: (x * 3, x * 2 + far), 1, None)
    assert found is not None and found.crossings == (Crossing(far + 1, 1),) and not found.complete
    found = scan(lambda x: ((x - 100) * (x - 50_000) * (x - 7_000_000), 0), 0, 10 ** 9)
    assert found is not None and [x.size for x in found.crossings] == [101, 50_001, 7_000_001]
    found = scan(lambda x: (x % 2, 0.5), 0, 40)
    assert found is not None and found.cut and found.complete
    assert scan(lambda x: None, 0, None) is None
    found = scan(lambda x: (1, 2) if x < 300 else None, 0, None)
    assert found is not None and found.searched_to < 300 and found.stretches[-1].high == found.searched_to


def test_costs_that_nobody_pays_are_not_looked_at() -> None:
    found = scan(lambda x: (2 ** x, 1000 * x), 0, None)
    assert found is not None and [x.size for x in found.crossings] == [1, 14]
    assert found.searched_to < 10_000 and found.stretches[-1].high == found.searched_to


# ---------------------------------------------------------------- published claims

def test_routing_gains_k_only_while_the_task_is_long() -> None:
    forward = of(ROUTING, "generalist", "routed", metrics=["forward"], let={"m_g": "k*m_s"})["metrics"]["forward"]
    ratio, = forward["ratios"]
    assert {"symbol": "n", "theta": "k"} in ratio["last"]
    forward = of(ROUTING, "generalist", "routed", metrics=["forward"],
                 let={"m_g": "k*m_s", "m_d": "m_g"})["metrics"]["forward"]
    ratio, = forward["ratios"]
    assert same(ratio["theta"], "Min(k, n/Min(c, n))") and ratio["certain"]
    assert [(x["theta"], x["valid"]) for x in ratio["regions"]] == [("Min(n/c, k)", "n >= c"), ("1", "c >= n + 1")]
    assert {"symbol": "n", "theta": "k"} in ratio["last"]
    assert same(ratio["closed"], "(30*k*n + 435*k)/(k*Min(c, n) + 30*n + 435)")


@pytest.mark.parametrize(("metric", "let", "theta"), [
    ("forward", {"m_q": "m", "m_d": "m"}, "Min(b*k**2, b**2*k*l)"),
    ("forward", {"m_q": "0"}, "b*k**2"),
    ("dollars", {"price_in_qa": "1", "price_out_qa": "8"}, "b**2"),
    ("dollars", {"price_in_qa": "0", "price_out_qa": "0"}, "b*k"),
])
def test_debugging_a_function_at_a_time(metric: str, let: dict[str, str], theta: str) -> None:
    found = of(DEBUGGING, "whole", "each", metrics=[metric], let=let)["metrics"][metric]
    assert same(found["ratios"][0]["theta"], theta)


# ---------------------------------------------------------------- who wins where

def test_a_crossover_is_where_the_figures_cross() -> None:
    found = of(SORTING, "pairs", "panel", metrics=["calls", "input_tokens"], at={"n": 20, "m": 5})
    calls = found["metrics"]["calls"]
    change, = calls["crossovers"]
    assert (change["symbol"], change["size"], change["from"], change["to"]) == ("n", 8, "pairs", "panel")
    assert change["verified"] and change["before"] == {"pairs": 21, "panel": 21}
    assert change["at"] == {"pairs": 28, "panel": 24}
    assert calls["winners"][0]["complete"]
    assert calls["never_dearer"] == [{"of": "upper", "winner": "panel", "than": "pairs", "when": "n >= 7"}]
    program = orch.compile(SORTING)
    for change in found["metrics"]["input_tokens"]["crossovers"]:
        for size, key in ((change["size"] - 1, "before"), (change["size"], "at")):
            at = {**change["others"], change["symbol"]: size}
            for entry in ("pairs", "panel"):
                figure = program.cost(entry, at=at, metrics=["input_tokens"]).at[0]["input_tokens"]["upper"]
                assert figure == change[key][entry]
    assert found["at"][0]["entries"][1]["calls"]["upper"] == 60


def test_three_entries_are_compared_in_pairs_and_recurrences_count() -> None:
    found = of(SORTING, "tournament", "pairs", "panel", metrics=["calls"])
    assert [(r["first"], r["second"]) for r in found["metrics"]["calls"]["ratios"]] == [
        ("tournament", "pairs"), ("tournament", "panel"), ("pairs", "panel")]
    ratio = found["metrics"]["calls"]["ratios"][0]
    assert same(ratio["theta"], "1/n")
    assert {"of": "upper", "winner": "tournament", "than": "pairs", "when": "True"} in [
        x for x in found["metrics"]["calls"]["never_dearer"] if x["than"] == "pairs"]


def test_where_clauses_bound_the_search() -> None:
    found = of(DEBUGGING, "whole", "each", metrics=["calls"], at={"k": 40})
    standing = next(x for x in found["metrics"]["calls"]["winners"] if x["symbol"] == "b")
    assert standing["others"] == {"k": 40} and standing["searched_to"] == 40
    assert standing["regions"] == [{"from": 0, "to": 39, "winner": "whole"}, {"from": 40, "to": 40, "winner": None}]


# ---------------------------------------------------------------- the command

@pytest.fixture
def files(tmp_path: Any) -> tuple[str, str]:
    one, two = tmp_path / "route.orch", tmp_path / "sort.orch"
    one.write_text(ROUTING)
    two.write_text(SORTING)
    return str(one), str(two)


def test_the_command_in_all_formats(files: tuple[str, str], capsys: Any, tmp_path: Any) -> None:
    asked = ["compare", f"{files[1]}:pairs", f"{files[1]}:panel", "--at", "n=20,m=5", "--metric", "calls"]
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert "panel overtakes pairs at n = 8" in text and "Θ(n)" in text
    assert main([*asked, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["errors"] == [] and found["metrics"]["calls"]["crossovers"][0]["size"] == 8
    assert main([*asked, "--format", "md", "-o", str(tmp_path / "c.md")]) == 0
    assert "**pairs / panel**" in (tmp_path / "c.md").read_text()
    assert main(["compare", f"{files[0]}:generalist", f"{files[1]}:panel", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [e["label"] for e in found["entries"]] == ["route.orch:generalist", "sort.orch:panel"]
    assert any("n stands" in a or "same name" in a for a in found["assumptions"])
    assert {"forward", "unreliability", "width"} <= found["metrics"].keys()


@pytest.mark.parametrize(("more", "code"), [
    ([], "E0800"), (["nothing.orch"], "E0001"), (["{0}:nobody"], "E0805"), (["{0}"], "E0805"),
    (["{0}:routed", "--let", "zz=3"], "E0800"), (["{0}:routed", "--let", "m_g=m_d", "--let", "m_d=m_g"], "E0800"),
    (["{0}:routed", "--set", "chunk=3"], "E0800"), (["{0}:routed", "--set", "c=0"], "E0800"),
    (["{0}:routed", "--metric", "cost"], "E0800"), (["{0}:routed", "--at", "n=-1"], "E0800"),
    (["{0}:routed", "--at", "q=1"], "E0800"), (["{0}:routed", "--let", "m_g=(("], "E0800"),
    (["{0}:routed", "--let", "m_g=k*m_s", "--at", "m_g=2"], "E0800"), (["{0}:routed", "--model", "x=a/b"], "E0800"),
])
def test_a_wrong_command_line_says_what_is_wrong(files: tuple[str, str], capsys: Any, more: list[str],
                                                 code: str) -> None:
    asked = ["compare", f"{files[0]}:generalist", *(x.format(files[0]) for x in more), "--format", "json"]
    assert main(asked) in (1, 2)
    error = json.loads(capsys.readouterr().out)["errors"][0]
    assert error["code"] == code and error["hint"]


def test_unknown_names_in_let_are_errors_for_a_report_too(files: tuple[str, str], capsys: Any) -> None:
    assert main(["cost", files[0], "--entry", "routed", "--let", "zz=3"]) == 2
    assert "no symbol `zz`" in capsys.readouterr().err
    assert main(["cost", files[0], "--entry", "generalist", "--metric", "forward", "--let", "m_g=k*m_s", "--at",
                 "n=10,k=2.5,m_s=2", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["at"][0]["forward"]["upper"] == 2.5 * 2 * (30 * 10 + 435)
