"""Tuning: the best values by search, held against brute force; formulas of the optimum; least votes for a target."""
from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy

import orch
from orch.cli import main
from orch.compiler.expr import Expr, ceil, sym
from orch.compiler.optimum import candidates
from orch.compiler.votes import uncut_lead, voted_lead
from orch.errors import OrchError

CHUNKS = '''model fast = "local/fast" { ttft: 0.5, prefill: 1000, decode: 50, context: 4000 }

param p: Int = 500 in 1..RANGE

primitive look(rules: Text[s], piece: Text[m]) -> Text[0] {
  prompt: "{rules}{piece}"
}

fn main(rules: Text[s], doc: Text[n]) -> List[Text[0]] {
  par for piece in chunks(doc, p) { call look(rules, piece) }
}

fn overlapping(rules: Text[s], doc: Text[n]) -> List[Text[0]] where n >= 1 {
  par for piece in windows(doc, p, max(p // 2, 1)) { call look(rules, piece) }
}
'''

STEPS = '''model mini = "local/mini"

param k: Int = 3 in 1..40

primitive step(state: Text[20]) -> Text[20..20] {
  prompt: "Next: {state}"
  error:  ERROR
}

fn main(s: Int) -> Text[20] where s >= 0 {
  fold state = "start" for _ in range(s) {
    vote lead k up to 1000 { call step(state) }
  }
}
'''

DIGEST = '''model reader = "local/reader" { price_in: 1, price_out: 4 }

param chunk: Int = 20 in 5..100
param brief: Int = 20 in 10..20

primitive condense(passage: Text[m]) -> Text[brief] {
  prompt: "Summarise: {passage}"
}

fn main(doc: Text[n]) -> Text[brief] {
  if n <= chunk {
    call condense(doc)
  } else {
    let (front, back) = halve(doc)
    let (first_half, second_half) = par (main(front), main(back))
    call condense("{first_half}\\n{second_half}")
  }
}
'''


def chunks(most: int = 3000) -> orch.Program:
    return orch.compile(CHUNKS.replace("RANGE", str(most)))


def result(view: Any) -> dict[str, Any]:
    found, = view.to_json()["results"]
    assert isinstance(found, dict)
    return found


# ---------------------------------------------------------------- votes

STEPS_OF_A_MILLION = 1_048_575


@pytest.mark.parametrize(("error", "least"), [("0.0022", 3), ("0.3571", 29), ("0.1839", 12), ("0.0358", 6)])
def test_the_least_lead_for_a_million_steps(error: str, least: int) -> None:
    program = orch.compile(STEPS.replace("ERROR", error))
    found = result(program.tune(at={"s": STEPS_OF_A_MILLION}, subject=["reliability >= 0.95"]))
    assert found["best"] == {"k": least} and found["proven"] and found["verified"]
    p = 1 - Fraction(error)
    for lead, enough in ((least, True), (least - 1, False)):
        ratio = float((1 - p) / p) ** lead
        assert (math.exp(-STEPS_OF_A_MILLION * math.log1p(ratio)) >= 0.95) is enough
    held, = found["constraints"]
    assert held["holds"] and math.isclose(held["value"], found["reliability"]["lower"])
    assert found["reliability"]["lower"] <= found["reliability"]["upper"]


def test_a_vote_that_is_cut_early_needs_more_than_the_uncut_law_says() -> None:
    cut = STEPS.replace("ERROR", "0.3571").replace("up to 1000", "up to 150").replace("1..40", "1..150")
    found = result(orch.compile(cut).tune(at={"s": STEPS_OF_A_MILLION}, subject=["reliability >= 0.95"]))
    assert not found["feasible"] and found["best"] is None
    assert found["reliability"]["upper"] > found["reliability"]["lower"]


def test_the_cut_law_is_the_sum_over_all_courses() -> None:
    p, lead, most = Fraction(3, 4), 2, 6
    right = ties = mean = Fraction(0)
    courses = [(Fraction(1), 0, 0)]
    while courses:
        odds, ahead, taken = courses.pop()
        if abs(ahead) == lead or taken == most:
            right += odds if ahead > 0 else 0
            ties += odds if ahead == 0 else 0
            mean += odds * taken
        else:
            courses += [(odds * p, ahead + 1, taken + 1), (odds * (1 - p), ahead - 1, taken + 1)]
    law = voted_lead(p, lead, most)
    assert law is not None and law.samples is not None
    assert (float(law.right), float(law.ties), float(law.samples)) == pytest.approx(
        (float(right), float(ties), float(mean)), rel=1e-15)
    assert law.right <= right
    long = voted_lead(p, 3, 10 ** 9)
    uncut = uncut_lead(sym("p", "real"), sym("k")).subs({"p": p, "k": 3}).number
    assert long is not None and uncut is not None and math.isclose(1 - float(long.right), 1 - float(uncut))
    assert voted_lead(p, 3, 2) is None and voted_lead(p, 0, 5) is None and voted_lead(None, 2, 5) is None


def test_a_report_follows_the_cut_law_where_the_lead_is_a_param() -> None:
    source = STEPS.replace("ERROR", "0.3").replace("up to 1000", "up to 7")
    by_param = orch.compile(source, params={"k": 2}).cost(at={"s": 10}, metrics=["unreliability", "calls"])
    by_number = orch.compile(source.replace("lead k", "lead 2")).cost(at={"s": 10}, metrics=["unreliability", "calls"])
    for metric in ("unreliability", "calls"):
        mine, other = by_param.at[0][metric], by_number.at[0][metric]
        assert all(math.isclose(mine[b], other[b], rel_tol=1e-9) for b in ("lower", "upper", "expected"))
    assert by_param["unreliability"].upper.closed is None
    assert "uncut" in (by_param["unreliability"].upper.reason or "")


# ---------------------------------------------------------------- chunk sizes

def test_under_quadratic_cost_a_chunk_is_as_long_as_the_rules() -> None:
    view = chunks().tune(at={"n": 60_000, "s": 300}, minimise="attention")
    found = result(view)
    assert found["proven"] and found["verified"] and found["assumed"] == {"m_fast": 1}
    formula = next(f for f in found["formulas"] if f["kind"] == "derivative")
    assert formula["closed"] == "s" and formula["cost"] <= 1.01 * found["cost"]
    assert view.formulas["p"][0] == sympy.Symbol("s")
    costs = {p: math.ceil(60_000 / p) for p in range(1, 3001)}
    exact = {p: (n - 1) * (300 + p) ** 2 + (300 + 60_000 - (n - 1) * p) ** 2 for p, n in costs.items()}
    assert found["best"]["p"] == min(exact, key=lambda p: (exact[p], p)) and found["cost"] == min(exact.values())


def test_under_linear_cost_a_chunk_is_as_long_as_the_window_allows() -> None:
    found = result(chunks(20_000).tune(at={"n": 100_000, "s": 300}, minimise="input_tokens"))
    stop = next(f for f in found["formulas"] if f["kind"] == "constraint")
    assert sympy.sympify(stop["closed"]) == sympy.sympify("4000 - s")
    assert math.ceil(100_000 / found["best"]["p"]) == math.ceil(100_000 / 3700)
    assert found["cost"] == 100_000 + 300 * 28


def test_with_p_at_a_time_a_document_is_cut_in_p() -> None:
    found = result(chunks(20_000).tune(at={"n": 20_000, "s": 300}, minimise="latency", parallel=8))
    assert found["best"] == {"p": 2500} and found["latency_by"] == "waves of 8 calls"
    assert "n/8" in [f["closed"] for f in found["formulas"]]
    found = result(chunks(20_000).tune("overlapping", at={"n": 9000, "s": 300}, minimise="latency", parallel=8))
    assert found["best"] == {"p": 2000} and "2*n/9" in [f["closed"] for f in found["formulas"]]


def test_waves_hold_against_a_schedule() -> None:
    program = chunks(2000).using(backend="sim", sim="largest", concurrency=3)
    text = " ".join(["word"] * 200)
    for p in (40, 60, 70):
        run = program.using(params={"p": p}).run("main", {"rules": "one two", "doc": text}, backend="sim")
        n, s = run.sizes["n"], run.sizes["s"]
        assert isinstance(n, int) and isinstance(s, int)
        fixed = orch.compile(CHUNKS.replace("500 in 1..RANGE", f"{p} in {p}..{p}"))
        tuned = fixed.tune(at={"n": n, "s": s}, minimise="latency", parallel=3)
        assert run.usage["latency"] <= float(tuned.cost) + 1e-9
        tasks = math.ceil(n / p)
        assert math.isclose(float(tuned.cost), math.ceil(tasks / 3) * (0.5 + (min(p, n) + s) / 1000))


# ---------------------------------------------------------------- several params, constraints, search

def test_a_search_finds_what_looking_at_all_points_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    program = orch.compile(DIGEST)
    asked: dict[str, Any] = {"at": {"n": 900}, "subject": ["context <= 120"]}
    whole = result(program.tune(**asked))
    assert whole["proven"] and whole["verified"] and whole["searched"] == 96 * 11
    from orch.compiler import tune
    monkeypatch.setattr(tune, "WHOLE_RANGE", 0)
    searched = result(program.tune(**asked))
    assert not searched["proven"] and searched["verified"] and searched["searched"] < 96 * 11
    assert searched["best"] == whole["best"] and searched["cost"] == whole["cost"]
    assert whole["constraints"][0]["holds"] and whole["ranges"]["chunk"] == {"from": 5, "to": 100, "declared": True}
    brief, costs = whole["best"]["brief"], []
    for chunk in (5, 8, 15, 29, 57, 58, 100):
        at = program.cost(at={"n": 900, "chunk": chunk, "brief": brief}, metrics=["dollars", "context"]).at[0]
        costs += [at["dollars"]["upper"]] if at["context"]["upper"] <= 120 else []
    assert costs and whole["cost"] <= Fraction(min(costs)) + Fraction(1, 10 ** 12)


def test_what_is_set_or_given_stays() -> None:
    program = orch.compile(DIGEST, params={"brief": 20})
    found = result(program.tune(at={"n": 900}, minimise="calls"))
    assert set(found["best"]) == {"chunk"} and found["proven"]

    def calls(chunk: int) -> Any:
        return program.cost(at={"n": 900, "chunk": chunk}, metrics=["calls"]).at[0]["calls"]["upper"]

    assert found["cost"] == calls(found["best"]["chunk"]) == min(calls(c) for c in (5, 29, 50, 57, 100))


def test_nothing_that_satisfies_tells_what_comes_closest() -> None:
    view = chunks().tune(at={"n": 1000, "s": 100}, minimise="calls", subject=["context <= 90"])
    found = result(view)
    assert view.best is None and found["closest"] == {"p": 1} and not found["feasible"]
    error, = view.errors
    assert error.code == "E0809" and "p = 1" in error.message and "101" in error.message
    assert found["constraints"] == [{"subject": "context <= 90", "value": 101, "bound": 90, "holds": False}]


def test_bounds_that_are_asked_for_and_formulas_as_bounds() -> None:
    program = orch.compile(STEPS.replace("ERROR", "0.2"))
    upper = result(program.tune(at={"s": 100}, minimise="calls"))
    assert upper["best"] == {"k": 1} and upper["cost"] == 100_000 and upper["expected"] == 100
    mean = result(program.tune(at={"s": 100}, minimise="unreliability", subject=["expected(calls) <= 5*s"]))
    assert mean["best"] == {"k": 3}
    assert mean["constraints"][0]["bound"] == 500 and mean["constraints"][0]["value"] == pytest.approx(484.6, abs=0.1)


def test_the_time_limit_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from orch import tuning
    monkeypatch.setattr(tuning, "SECONDS", -1.0)
    found = result(orch.compile(DIGEST).tune(at={"n": 900}, minimise="calls"))
    assert found["stopped"] and not found["proven"] and found["best"] is not None


# ---------------------------------------------------------------- formulas

n, s, m = sym("n"), sym("s"), sym("m")


@pytest.mark.parametrize(("cost", "best", "closed", "kind"), [
    (ceil(n / m) * (s + m) ** 2, 100, "s", "derivative"),
    (ceil(n / m) * ((s + m) ** 2 + s), 100, "s", "leading"),
    (n / m + m * m, 17, "2**(2/3)*n**(1/3)/2", "derivative"),
    (ceil(ceil(n / m) / 5) * (s + m), 2000, "n/5", "meeting"),
])
def test_formulas_of_an_optimum(cost: Expr, best: int, closed: str, kind: str) -> None:
    found = candidates(cost, "m", {"n": 10_000, "s": 100, "m": best})
    assert any(c.kind == kind and abs(complex(sympy.N((sympy.sympify(str(c.closed)) - sympy.sympify(closed)).subs(
        {"n": 7.0, "s": 3.0})))) < 1e-9 for c in found), [str(c.closed) for c in found]


def test_no_formula_is_made_up() -> None:
    assert candidates(n * m + 3, "m", {"n": 10, "m": 1}) == []
    assert candidates(2 ** m + n / m, "m", {"n": 10, "m": 2}) == []


# ---------------------------------------------------------------- the command

@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "chunks.orch"
    path.write_text(CHUNKS.replace("RANGE", "1000"))
    return str(path)


def test_the_command_in_all_formats(file: str, capsys: Any, tmp_path: Path) -> None:
    asked = ["tune", file, "--at", "n=60000,s=300", "--minimise", "attention"]
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert "p = 300" in text and "formula" in text and "verified against the recurrences" in text
    assert main([*asked, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["errors"] == [] and found["results"][0]["best"] == {"p": 300}
    assert main([*asked, "--format", "md", "-o", str(tmp_path / "t.md")]) == 0
    assert "**p = 300**" in (tmp_path / "t.md").read_text()
    assert main([*asked, "--subject", "context <= 5", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["errors"][0]["code"] == "E0809" and found["results"][0]["best"] is None
    assert main([*asked, "--at", "n=1000,s=10", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == 2


@pytest.mark.parametrize(("more", "code"), [
    ([], "E0806"), (["--at", "n=10", "--minimise", "attention"], "E0806"),
    (["--at", "n=10,s=1", "--minimise", "dollars"], "E0806"), (["--minimise", "price"], "E0807"),
    (["--minimise", "best(calls)"], "E0807"), (["--minimise", "reliability"], "E0807"),
    (["--minimise", "expected(reliability)"], "E0807"), (["--subject", "context"], "E0807"),
    (["--subject", "context == 3"], "E0807"), (["--subject", "contxt <= 3"], "E0807"),
    (["--subject", "context <= 3*"], "E0807"), (["--at", "n=10,s=1", "--subject", "context <= z"], "E0800"),
    (["--at", "n=10,s=1", "--set", "p=3"], "E0808"), (["--at", "n=10,s=1,p=3"], "E0808"),
    (["--at", "n=10,s=1", "--minimise", "tool_calls"], "E0808"), (["--parallel", "0"], "E0800"),
    (["--at", "n=-1"], "E0800"), (["--at", "x=1"], "E0800"), (["--set", "p=0"], "E0800"), (["--entry", "f"], "E0805"),
])
def test_a_wrong_command_line_says_what_is_wrong(file: str, capsys: Any, more: list[str], code: str) -> None:
    assert main(["tune", file, *more, "--format", "json"]) == 2
    error, = json.loads(capsys.readouterr().out)["errors"]
    assert error["code"] == code and error["hint"]


def test_a_program_without_params_has_nothing_to_tune() -> None:
    with pytest.raises(OrchError) as raised:
        orch.compile("fn main(n: Int) -> Int { n }").tune(at={"n": 3})
    assert raised.value.diagnostics[0].code == "E0808"
