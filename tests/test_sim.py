"""Simulated answers fit their types, depend on seed and place alone, and are wrong as often as `error` says."""
from __future__ import annotations

import math
from typing import Any

import pytest
from running import run, value

SHAPES = """
enum Colour { red, green, blue }
type Finding { title: Text[4..7], severity: Int[1..5], colour: Colour, parts: List[Text[3], 2..4], sure: Bool }
primitive findings(t: Text[n]) -> List[Finding, n] { prompt: "{t}" }
fn main(t: Text[n]) -> List[Finding] { call findings(t) }
"""


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sim", ["random", "largest", "smallest"])
def test_answers_fit_their_type(sim: Any, seed: int) -> None:
    found = value(SHAPES, {"t": "a b c d e f"}, sim=sim, seed=seed, tokenizer="words")
    assert len(found) == {"largest": 6, "smallest": 0}.get(sim, len(found)) and len(found) <= 6
    for finding in found:
        words = len(finding["title"].split())
        assert 4 <= words <= 7 and 1 <= finding["severity"] <= 5 and finding["colour"] in ("red", "green", "blue")
        assert 2 <= len(finding["parts"]) <= 4 and all(len(p.split()) <= 3 for p in finding["parts"])
        if sim == "largest":
            assert words == 7 and len(finding["parts"]) == 4 and finding["severity"] == 5


def test_extreme_sizes_are_counted_as_the_report_counts_them() -> None:
    text = """
primitive ask(t: Text[n]) -> (Text[2..5], Bool, List[Int, 1..3]) { prompt: "{t}" }
fn main(t: Text[n]) -> (Text, Bool, List[Int]) { call ask(t) }"""
    tokens = {}
    for sim in ("largest", "smallest"):
        outcome = run(text, {"t": "x"}, sim=sim)
        assert outcome.usage is not None
        tokens[sim] = outcome.usage.metrics["output_tokens"]
    assert tokens == {"largest": 2 + 3 * 3 + 5 + 8 + 3 * (8 + 2), "smallest": 2 + 3 * 3 + 2 + 1 + 1 * (1 + 2)}


def test_a_cap_and_hidden_tokens_count_in_the_largest_answer() -> None:
    text = """
model m = "local/m" { reasoning: 30 }
primitive ask(t: Text[n]) -> Bool { prompt: "{t}", max_output: 50 }
fn main(t: Text[n]) -> Bool { call ask(t) }"""
    for sim, low, high in (("largest", 80, 80), ("smallest", 1, 1), ("random", 1, 80)):
        outcome = run(text, {"t": "x"}, sim=sim)  # type: ignore[arg-type]
        assert outcome.usage is not None
        assert low <= (outcome.usage.metrics["output_tokens"] or 0) <= high


LOOP = """
primitive ask(i: Int) -> Text[1..9] { prompt: "{i}" }
primitive stop(i: Int) -> Bool { prompt: "{i}", chance: 0.3 }
fn main(n: Int) -> List[(Text, Bool, Int)] {
  par for i in range(n) {
    let (a, b) = par (call ask(i), call stop(i))
    let k = repeat k = 0 up to 5 while call stop(k) { k + 1 }
    (a, b, k)
  }
}
"""


def test_answers_depend_on_seed_and_place_alone() -> None:
    first = value(LOOP, {"n": 40}, seed=3)
    for concurrency in (1, 2, 64, None):
        assert value(LOOP, {"n": 40}, seed=3, concurrency=concurrency) == first
    assert value(LOOP, {"n": 40}, seed=4) != first
    assert value(LOOP, {"n": 10}, seed=3) == first[:10]


def test_answers_of_one_place_do_not_depend_on_what_else_is_called() -> None:
    text = LOOP.replace("par for", "let more = call stop(99)\n  par for")
    assert value(text, {"n": 20}, seed=3, oracle={"stop": lambda i: True}) is not None
    sequential = LOOP.replace("par for i", "for i")
    assert {tuple(x) for x in value(sequential, {"n": 40}, seed=3)} != set()


def test_chance_is_the_frequency_of_true() -> None:
    text = """
primitive yes(i: Int) -> Bool { prompt: "{i}", chance: 0.3 }
fn main(n: Int) -> Int { len(for i in range(n) where call yes(i) { i }) }"""
    n = 20_000
    assert abs(value(text, {"n": n}) - 0.3 * n) < 5 * math.sqrt(0.21 * n)


def test_error_is_how_often_an_oracle_is_not_heeded() -> None:
    text = """
primitive right(i: Int) -> Int { prompt: "{i}", error: 0.2 }
fn main(n: Int) -> List[Int] { for i in range(n) { call right(i) } }"""
    n = 20_000
    answers = value(text, {"n": n}, oracle={"right": lambda i: i})
    wrong = [(i, a) for i, a in enumerate(answers) if i != a]
    assert abs(len(wrong) - 0.2 * n) < 5 * math.sqrt(0.16 * n)
    assert {a - i for i, a in wrong} == {1}


def test_votes_follow_their_law() -> None:
    """`vote lead k` takes k(2P - 1)/(2p - 1) samples on average; one wrong rival, independent samples."""
    text = """
primitive right(i: Int) -> Text[6] { prompt: "{i}", error: 0.2 }
fn main(n: Int) -> List[Text] { par for i in range(n) { vote lead 3 up to 999 { call right(i) } } }"""
    n, p, k = 4_000, 0.8, 3
    outcome = run(text, {"n": n}, oracle={"right": lambda i: f"is {i}"})
    assert outcome.error is None and outcome.usage is not None
    good = 1 / (1 + ((1 - p) / p) ** k)
    share = sum(a == f"is {i}" for i, a in enumerate(outcome.result)) / n
    assert abs(share - good) < 5 * math.sqrt(good * (1 - good) / n)
    mean = (outcome.usage.metrics["calls"] or 0) / n
    assert abs(mean - k * (2 * good - 1) / (2 * p - 1)) < 0.2


def test_malformed_answers_are_asked_for_again_and_accounted_apart() -> None:
    text = """
primitive ask(i: Int) -> Text[9..9] { prompt: "{i}", malformed: 0.5, attempts: 4 }
fn main(n: Int) -> List[Text] { for i in range(n) { call ask(i) else "failed" } }"""
    n = 4_000
    outcome = run(text, {"n": n})
    assert outcome.error is None and outcome.usage is not None
    failed = sum(t == "failed" for t in outcome.result)
    assert abs(failed / n - 0.5**4) < 0.02
    assert outcome.usage.metrics["calls"] == n
    assert outcome.usage.metrics["output_tokens"] == 9 * n
    expected = 0.5 + 0.25 + 0.125
    assert abs(outcome.usage.retries / n - expected) < 0.06 and outcome.usage.retry_tokens > 0


def test_oracles_see_plain_values_and_their_texts_are_cut() -> None:
    text = """
type Move { disk: Int, peg: Text }
primitive move(m: Move, ts: List[Text], pair: (Int, Bool)) -> Text[3] { prompt: "{m} {ts} {pair}" }
fn main(m: Move, ts: List[Text]) -> Text { call move(m, ts, (1, true)) }"""
    seen: list[Any] = []

    def move(*args: Any) -> str:
        seen.append(args)
        return "one two three four"

    outcome = run(text, {"m": {"disk": 1, "peg": "b"}, "ts": ["x"]}, oracle={"move": move}, tokenizer="words")
    assert seen == [({"disk": 1, "peg": "b"}, ["x"], (1, True))]
    assert outcome.result == "one two three" and outcome.usage is not None and outcome.usage.cut == 1


def test_tools_are_simulated_unless_they_are_allowed() -> None:
    text = """
tool shout(t: Text) -> Text[4] { python: "nowhere:shout", latency: 0.5, dollars: 0.25 }
fn main(t: Text) -> Text { shout(t) }"""
    outcome = run(text, {"t": "a"}, sim="largest", tokenizer="words")
    assert outcome.usage is not None and len(outcome.result.split()) == 4
    usage = outcome.usage.to_json()
    assert (usage["calls"], usage["tool_calls"], usage["dollars"], usage["latency"]) == (0, 1, 0.25, 0.5)
    assert usage["rounds"] == 0 and usage["width"] == 0
    assert value(text, {"t": "a"}, tools={"shout": str.upper}) == "A"
    outcome = run(text, {"t": "a"}, allow_tools=True)
    assert outcome.error is not None and outcome.error.kind == "tool" and "nowhere" in outcome.error.message
    rescued = text.replace("shout(t) }", 'shout(t) else "none" }')
    assert value(rescued, {"t": "a"}, allow_tools=True) == "none"
    assert value(text, {"t": "a b"}, tools={"shout": lambda t: "a b c d e f"}, tokenizer="words") == "a b c d"
    assert value(rescued, {"t": "a"}, tools={"shout": lambda t: 7}) == "none"


async def _later(t: str) -> str:
    return t + "!"


def test_an_async_tool_is_waited_for() -> None:
    text = """
tool shout(t: Text) -> Text[4] { python: "nowhere:shout", latency: 0.5 }
fn main(t: Text) -> Text { shout(t) }"""
    assert value(text, {"t": "a"}, tools={"shout": _later}) == "a!"
