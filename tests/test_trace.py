"""The trace of a run: every event a line of JSON, choices with their reasons, votes with their counts."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import orch
from orch.cli import main

MODEL = 'model m = "fake/m" { context: 100, price_in: 2, price_out: 10, ttft: 1, prefill: 1000000, decode: 10 }\n'
ASK = 'primitive ask(t: Text[n]) -> Text[5..5] { prompt: "{t}" }\n'


def traced(text: str, args: dict[str, Any], path: Path, **options: Any) -> list[dict[str, Any]]:
    program = orch.compile(text, backend="sim", tokenizer="words", trace=path, **options)
    program.run("main", args)
    return lines(path)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_call_has_its_start_and_its_end(tmp_path: Path) -> None:
    text = MODEL + ASK + "fn main(ts: List[Text[m], n]) -> List[Text] { par for t in ts { call ask(t) } }"
    found = traced(text, {"ts": ["a b", "c d e"]}, tmp_path / "t.jsonl")
    assert [e["event"] for e in found] == ["sent", "sent", "answered", "answered"]
    sent, answered = found[0], found[2]
    assert sent["place"] == answered["place"] != found[1]["place"] and len(sent["place"]) == 16
    assert sent == {"event": "sent", "time": 0, "name": "ask", "place": sent["place"], "model": "m", "attempt": 0,
                    "input_tokens": 2}
    assert answered["time"] == answered["seconds"] == pytest.approx(1.500002)
    assert (answered["input_tokens"], answered["output_tokens"], answered["cached"]) == (2, 5, False)
    assert answered["dollars"] == pytest.approx((2 * 2 + 5 * 10) / 1e6)


def test_attempts_failures_and_tools(tmp_path: Path) -> None:
    text = MODEL + """
primitive bad(i: Int) -> Int[0..9] { prompt: "{i}", attempts: 2, malformed: 1 }
tool look(i: Int) -> Int { python: "x:look", latency: 2, dollars: 0.5 }
fn main(i: Int) -> Int { (call bad(i) else 7) + look(i) }"""
    found = traced(text, {"i": 3}, tmp_path / "t.jsonl", tools={"look": lambda i: i + 1})
    assert [(e["event"], e["name"], e["attempt"]) for e in found] == [
        ("sent", "bad", 0), ("retried", "bad", 0), ("sent", "bad", 1), ("failed", "bad", 1),
        ("sent", "look", 0), ("tool", "look", 0)]
    assert "does not fit" in found[3]["message"] and found[5]["dollars"] == 0.5 and found[5]["seconds"] == 2


def test_a_choice_tells_what_each_alternative_costs_and_which_do_not_fit(tmp_path: Path) -> None:
    text = MODEL + ASK + """
fn main(t: Text[n], small: Text[k]) -> Text {
  choose least calls {
    whole: call ask(t)
    twice: { let a = call ask(small)
             call ask(a) }
  }
}"""
    found = traced(text, {"t": "a b c", "small": "a"}, tmp_path / "t.jsonl")
    chosen = found[0]
    assert (chosen["event"], chosen["name"], chosen["least"], chosen["function"]) == (
        "chosen", "whole", "calls", "main")
    assert chosen["bounds"] == {"whole": 1, "twice": 2} and chosen["skipped"] == {}
    found = traced(text, {"t": "a " * 96, "small": "a"}, tmp_path / "t.jsonl")
    assert found[0]["name"] == "twice" and found[0]["bounds"] == {"twice": 2}
    assert found[0]["skipped"] == {"whole": "a call of `ask` can take 101 tokens, and the window of `m` is 100"}
    assert len(found) == 5, "a trace begins anew with every run"


def test_a_vote_tells_its_samples_and_its_winner(tmp_path: Path) -> None:
    text = MODEL + """
primitive ask(i: Int) -> Text[1..9] { prompt: "{i}", attempts: 1 }
fn main(i: Int) -> Text { vote lead 2 up to 6 { call ask(i) } }"""
    said = iter(["one two", 7, "one\n two ", "three", "three", "one  two"])
    program = orch.compile(text, backend="sim", tokenizer="words", trace=tmp_path / "t.jsonl",
                           oracle={"ask": lambda i: next(said)})
    with pytest.raises(orch.OrchError, match="oracle"):
        program.run("main", {"i": 1})
    said = iter(["one two", "long " * 10, "one\n two ", "three", "three", "one  two"])
    found = traced(text, {"i": 1}, tmp_path / "t.jsonl", oracle={"ask": lambda i: next(said)})
    vote = found[-1]
    assert vote["event"] == "voted" and vote["function"] == "main" and (vote["lead"], vote["most"]) == (2, 6)
    assert vote["samples"] == 6 and vote["discarded"] == 0 and vote["winner"] == "one two"
    assert [v["votes"] for v in vote["votes"]] == [3, 1, 2]
    starts = [e["time"] for e in found if e["event"] == "sent"]
    assert starts[0] == starts[1] == 0 and starts == sorted(starts) and len(set(starts[1:])) == 5, "two, then one each"


def test_malformed_samples_have_no_vote(tmp_path: Path) -> None:
    text = MODEL + """
primitive ask(i: Int) -> Int[0..9] { prompt: "{i}", attempts: 1, malformed: 0.5 }
fn main(i: Int) -> Int { vote of 20 { call ask(i) } }"""
    found = traced(text, {"i": 1}, tmp_path / "t.jsonl", seed=3, oracle={"ask": lambda i: 4})
    vote, = [e for e in found if e["event"] == "voted"]
    failed = [e for e in found if e["event"] == "failed"]
    assert vote["samples"] == 20 and vote["discarded"] == len(failed) > 0 and vote["lead"] is None
    assert vote["votes"] == [{"answer": 4, "votes": 20 - len(failed)}] and vote["winner"] == 4


def test_a_trace_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.orch"
    path.write_text(MODEL + ASK + "fn main(t: Text[n]) -> Text { call ask(t) }")
    run = ["run", str(path), "--backend", "sim", "--arg", "t=a"]
    assert main([*run, "--trace", str(tmp_path / "no" / "t.jsonl")]) == 2
    assert "E0803" in capsys.readouterr().err
    with pytest.raises(orch.OrchError, match="cannot be written"):
        orch.load(path, backend="sim").run("main", {"t": "a"}, trace=tmp_path)
    if Path("/dev/full").exists():
        assert main([*run, "--trace", "/dev/full", "--format", "json"]) == 0
        out, _ = capsys.readouterr()
        assert json.loads(out)["warnings"][0]["code"] == "W0802"
