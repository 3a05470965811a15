"""Budgets: refused, warned or kept to, and never exceeded, whatever is in flight and whatever is tried again."""
from __future__ import annotations

import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from test_scheduler import Fake

import orch
from orch.cli import main
from orch.runtime.backends.base import BackendError, Request
from orch.runtime.budget import NOTHING, Budget, Cost, Ledger
from orch.runtime.execute import Outcome, Sim, execute

MODELS = """
model m = "fake/m" { price_in: 3, price_out: 7, ttft: 1, prefill: 1000, decode: 9 }
model n = "fake/n" { price_in: 1, price_out: 2, ttft: 0.2, prefill: 1000, decode: 70, reasoning: 30 }
"""
MIXED = MODELS + """
primitive ask(t: Text[k]) -> Text[20] { model: m, prompt: "Say {t}", malformed: 0.2 }
primitive pick(t: Text[k]) -> Int[0..9] { model: n, prompt: "{t}", malformed: 0.4, attempts: 4 }
tool look(i: Int) -> Text[6] { python: "x:look", dollars: 0.00002, latency: 0.1 }
fn one(t: Text[k], i: Int) -> Text[20] {
  let v = vote lead 2 up to 4 { call pick(t) } else 7
  let page = look(i)
  call ask("{t} {page} {v}") else "nothing"
}
fn main(ts: List[Text[k], n]) -> List[Text] { par for (i, t) in enumerate(ts) { one(t, i) } }
"""
PROGRAM = orch.compile(MIXED, tokenizer="words").core
WORDS = [f"a text of {i} words or more" for i in range(8)]
FEW = WORDS[:5]
FAN = MODELS + """
primitive ask(t: Text[k]) -> Text[10..10] { prompt: "{t}" }
fn main(ts: List[Text[k], n]) -> List[Text] { par for t in ts { call ask(t) } }"""


def mixed(budget: Budget, seed: int, concurrency: int | None, **options: Any) -> Outcome:
    return execute(PROGRAM, "main", {"ts": FEW}, Sim(), seed=seed, concurrency=concurrency, budget=budget,
                   tokenizer="words", **options)


def spent(outcome: Outcome) -> dict[str, float]:
    """By the run's own account."""
    assert outcome.usage is not None
    usage = outcome.usage.to_json()
    return {"calls": usage["calls"] + usage["retries"],
            "tokens": usage["input_tokens"] + usage["output_tokens"] + usage["retry_tokens"],
            "dollars": usage["dollars"] + usage["retry_dollars"], "paid": usage["paid_dollars"]}


# ---------------------------------------------------------------- never more

def test_a_thousand_random_runs_never_spend_more() -> None:
    reached = 0
    for seed in range(1000):
        rng = random.Random(seed)
        limits = {"calls": rng.randint(0, 75), "tokens": rng.randint(0, 2500),
                  "dollars": Fraction(rng.randint(0, 7_500), 10 ** 6)}
        kept = rng.sample(sorted(limits), rng.randint(1, 3))
        budget = Budget(**{name: limits[name] for name in kept})  # type: ignore[arg-type]
        outcome = mixed(budget, seed, rng.choice([None, 1, 2, 3, 7, 20]))
        for name in kept:
            assert spent(outcome)[name] <= limits[name], (seed, name)
        if "dollars" in kept:
            assert spent(outcome)["paid"] <= limits["dollars"]
        if outcome.error is not None:
            assert outcome.error.kind == "budget", outcome.error
            reached += 1
    assert 300 < reached < 1000


def test_a_budget_of_what_a_run_takes_suffices() -> None:
    """No call is refused for the sake of what others have set aside and will give back."""
    for seed in range(40):
        free = spent(mixed(Budget(), seed, None))
        for concurrency in (None, 1, 3):
            exact = Budget(calls=int(free["calls"]))
            assert mixed(exact, seed, concurrency).error is None
            short = mixed(Budget(calls=int(free["calls"]) - 1), seed, concurrency)
            assert short.error is not None and short.error.kind == "budget"


def test_attempts_that_bring_nothing_count() -> None:
    text = MODELS + 'primitive ask(i: Int) -> Int[0..3] { prompt: "{i}", attempts: 5 }\n' \
        "fn main(n: Int) -> List[Int] { par for i in range(n) { call ask(i) else 0 } }"
    program = orch.compile(text).core
    for answer in ("no number", BackendError("down", kind="status 500", retryable=True, retry_after=0.001),
                   BackendError("cut", kind="connection", retryable=True, retry_after=0.001)):
        backend = Fake(lambda request, answer=answer: answer, 0.001)
        outcome = execute(program, "main", {"n": 6}, backend, budget=Budget(calls=17), concurrency=4)
        assert outcome.error is not None and outcome.error.kind == "budget" and backend.asked == 17


def test_what_may_have_been_billed_counts_in_full() -> None:
    """A cut connection may have been billed; a refusal to slow down was not."""
    text = MODELS + 'primitive ask(i: Int) -> Text[100] { prompt: "{i}", attempts: 2 }\n' \
        "fn main(n: Int) -> Text[100] { call ask(n) }"
    program = orch.compile(text).core
    for kind, tokens in (("connection", 101 + 2), ("status 429", 2), ("status 500", 2)):
        answers: list[Any] = [BackendError("x", kind=kind, retryable=True, retry_after=0.001), "yes"]
        enough = execute(program, "main", {"n": 3}, Fake(lambda r, a=answers: a.pop(0)), budget=Budget(tokens=202))
        assert enough.error is None
        answers = [BackendError("x", kind=kind, retryable=True, retry_after=0.001), "yes"]
        tight = execute(program, "main", {"n": 3}, Fake(lambda r, a=answers: a.pop(0)), budget=Budget(tokens=150))
        assert (tight.error is not None) == (tokens > 50), kind


def test_calls_in_flight_are_not_lost_when_a_budget_is_reached(tmp_path: Path) -> None:
    program = orch.compile(FAN).core
    first = Fake(lambda r: "yes", 0.01)
    stopped = execute(program, "main", {"ts": WORDS * 5}, first, budget=Budget(calls=25), concurrency=8,
                      journal=tmp_path / "j")
    assert stopped.error is not None and stopped.error.kind == "budget" and first.asked == 25
    same = execute(program, "main", {"ts": WORDS * 5}, Fake(lambda r: 1 / 0), budget=Budget(calls=25),
                   journal=tmp_path / "j", resume=True)
    assert same.error is not None and same.error.kind == "budget", "what was paid before counts"
    assert same.usage is not None and same.usage.cached == 25 and same.usage.paid_dollars == 0
    second = Fake(lambda r: "yes")
    done = execute(program, "main", {"ts": WORDS * 5}, second, budget=Budget(calls=40), journal=tmp_path / "j",
                   resume=True)
    assert done.error is None and second.asked == 15 and done.result == ["yes"] * 40


def test_what_is_cached_costs_nothing(tmp_path: Path) -> None:
    program = orch.compile(FAN).core
    options: dict[str, Any] = {"cache": tmp_path / "c", "concurrency": 2}
    execute(program, "main", {"ts": WORDS[:6]}, Fake(lambda r: "yes"), **options)
    again = execute(program, "main", {"ts": WORDS}, Fake(lambda r: "yes"), budget=Budget(calls=2), **options)
    assert again.error is None and again.usage is not None and again.usage.cached == 6


# ---------------------------------------------------------------- the ledger

def test_the_ledger() -> None:
    ledger = Ledger(Budget(calls=3, dollars=Fraction(1, 10 ** 12)), Cost(1, 5, 0))
    assert ledger.reserve(Cost(1, 9, 0)) and ledger.reserve(Cost(1, 9, 1))
    assert not ledger.reserve(Cost(1, 0, 0)) and ledger.exceeded(Cost(1, 0, 0)) == "calls"
    assert ledger.exceeded(Cost(0, 0, 1)) == "dollars" and ledger.exceeded(Cost(0, 10 ** 9, 0)) is None
    ledger.settle(Cost(1, 9, 1), Cost(0, 0, 0))
    assert ledger.reserve(Cost(1, 0, 1)) and ledger.spent == Cost(1, 5, 0) and ledger.paid == NOTHING
    ledger.settle(Cost(1, 9, 0), Cost(1, 4, 0))
    assert ledger.spent == Cost(2, 9, 0) and ledger.paid == Cost(1, 4, 0) and ledger.aside == Cost(1, 0, 1)


# ---------------------------------------------------------------- before the first call

@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    path = tmp_path / "p.orch"
    path.write_text(FAN)

    def run(*options: str) -> tuple[int, Any, str]:
        code = main(["run", str(path), "--backend", "sim", "--arg", "ts=" + json.dumps(WORDS), "--format", "json",
                     *options])
        out, err = capsys.readouterr()
        return code, json.loads(out), err
    return run


def test_a_run_that_cannot_end_within_its_budget_is_refused(command: Any) -> None:
    for option, said in (("--budget-calls=7", "at least 8 calls"), ("--budget-tokens=99", "at least"),
                         ("--budget-dollars=0.0005", "at least $0.00")):
        code, page, _ = command(option)
        error, = page["errors"]
        assert code == 4 and error["code"] == "E0811" and said in error["message"] and "usage" not in page, option


def test_a_run_that_may_exceed_its_budget_is_warned(command: Any) -> None:
    code, page, err = command("--budget-calls", "8")
    assert code == 0 and [w["code"] for w in page["warnings"]] == ["W0811"] and err.count("W0811") == 1
    assert "up to 24 calls" in page["warnings"][0]["message"]
    assert command("--budget-calls", "24")[1]["warnings"] == []


def test_a_budget_that_is_reached_is_4_with_what_was_measured(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "p.orch"
    path.write_text(FAN.replace('"{t}"', '"{t}", malformed: 0.9, attempts: 9'))
    code, page, _ = command("--budget-calls", "20", "--journal", str(tmp_path / "j"), "--concurrency", "3")
    error, = page["errors"]
    assert code == 4 and error["code"] == "E0811" and "20 calls" in error["message"] and "--resume" in error["hint"]
    assert page["result"] is None and page["usage"]["calls"] + page["usage"]["retries"] <= 20
    code, page, _ = command("--budget-calls", "200", "--journal", str(tmp_path / "j"), "--resume")
    assert code in (0, 3) and page["usage"]["retries"] > 12


def test_dollars_need_prices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.orch"
    path.write_text(FAN.replace("price_in: 3, price_out: 7, ", "") + "\nfn other() -> Int { 3 }")
    run = ["run", str(path), "--backend", "sim", "--budget-dollars", "5"]
    assert main([*run, "--arg", 'ts=["a"]']) == 2
    err = capsys.readouterr().err
    assert "E0813" in err and "'m' = fake/m" in err
    assert main([*run, "--entry", "other"]) == 0, "a model that the entry cannot reach needs no price"
    assert main([*run, "--arg", 'ts=["a"]', "--model", "m=openai/gpt-5-mini"]) == 0


@pytest.mark.parametrize("option", ["--budget-calls=-1", "--budget-calls=1.5", "--budget-dollars=nan",
                                    "--budget-tokens=many"])
def test_what_is_no_budget(command: Any, option: str) -> None:
    code, page, _ = command(option)
    assert code == 2 and page["errors"][0]["code"] == "E0800"


def test_requests_are_not_changed_by_a_budget() -> None:
    seen: list[list[Request]] = []
    for budget in (Budget(), Budget(calls=100, tokens=10 ** 6, dollars=Fraction(5))):
        backend = Fake(lambda r: "yes")
        execute(orch.compile(FAN).core, "main", {"ts": WORDS}, backend, budget=budget)
        seen.append(sorted(backend.requests, key=lambda r: r.prompt))
    assert seen[0] == seen[1]
