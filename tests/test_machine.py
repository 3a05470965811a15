"""Programs run as the reference says: loops, forks, votes, preconditions, failures with their path; at any depth."""
from __future__ import annotations

import time
from typing import Any

import pytest
from running import program, run, value

from orch.runtime.execute import Decision, Outcome, Sim, execute

STEP = 'primitive step(a: Text) -> Text[9] { prompt: "{a}" }\n'
CHECK = 'primitive check(i: Int) -> Bool { prompt: "{i}" }\n'
NUMBER = 'primitive number(i: Int) -> Int { prompt: "{i}" }\n'


def doubled(i: int) -> int:
    return 2 * i


def even(i: int) -> bool:
    return i % 2 == 0


def failure(outcome: Outcome) -> tuple[str, str]:
    assert outcome.error is not None
    return outcome.error.kind, outcome.error.message


# ---------------------------------------------------------------- forms

def test_loops_in_sequence_and_concurrently_give_the_same_lists() -> None:
    text = NUMBER + CHECK + """
fn main(n: Int) -> (List[Int], List[Int], List[Int], List[Int]) {
  let a = for i in range(n) { call number(i) }
  let b = par for i in range(n) { call number(i) }
  let c = for i in range(n) where call check(i) chance 0.5 { call number(i) }
  let d = par for i in range(n) where call check(i) chance 0.5 { call number(i) }
  (a, b, c, d)
}"""
    oracle = {"number": doubled, "check": even}
    for n in (0, 1, 7, 100):
        a, b, c, d = value(text, {"n": n}, oracle=oracle)
        assert a == b == [2 * i for i in range(n)]
        assert c == d == [2 * i for i in range(n) if i % 2 == 0]


def test_partition_keeps_order_and_everything() -> None:
    text = CHECK + """
fn main(n: Int) -> (List[Int], List[Int], List[Int], List[Int]) {
  let (a, b) = partition i in range(n) where call check(i)
  let (c, d) = par partition i in range(n) where call check(i)
  (a, b, c, d)
}"""
    for n in (0, 1, 50):
        a, b, c, d = value(text, {"n": n}, oracle={"check": even})
        assert a == c == list(range(0, n, 2)) and b == d == list(range(1, n, 2))


def test_fold_and_repeat() -> None:
    text = NUMBER + CHECK + """
fn main(n: Int, k: Int) -> (Int, Int, Int) {
  let (a, b) = fold (x, y) = (0, 1) for i in range(n) { (y, x + y) }
  let c = repeat x = 1 up to k while call check(x) { x * 2 }
  (a, b, c)
}"""
    small = {"check": lambda x: x < 100}
    assert value(text, {"n": 10, "k": 3}, oracle=small) == [55, 89, 8]
    outcome = run(text, {"n": 0, "k": 30}, oracle=small)
    assert outcome.result == [0, 1, 128]
    assert outcome.usage is not None and outcome.usage.metrics["calls"] == 8
    # the condition is not asked again after the last round
    assert run(text, {"n": 0, "k": 3}, oracle=small).usage.metrics["calls"] == 3  # type: ignore[union-attr]


def test_and_and_or_skip_the_right_side() -> None:
    text = CHECK + """
fn main(i: Int) -> (Bool, Bool) {
  (call check(i) and call check(i + 1), call check(i) or call check(i + 1))
}"""
    for i, calls in ((0, 3), (1, 3)):
        outcome = run(text, {"i": i}, oracle={"check": even})
        assert outcome.result == [False, True]
        assert outcome.usage is not None and outcome.usage.metrics["calls"] == calls


def test_match_and_records() -> None:
    text = """
type Pair { left: Int, right: Text }
enum Side { left_one, right_one, none }
fn pick(p: Pair, s: Side) -> Text {
  match s { left_one -> text(p.left), right_one -> p.right, none -> "-" }
}
fn total(xs: List[Int]) -> Int { match xs { [] -> 0, [x] -> x, [x, y, ..rest] -> x * y + total(rest) } }
fn main(p: Pair) -> (Text, Text, Text, Int) {
  (pick(p, left_one), pick(p, right_one), pick(p, none), total([2, 3, 4, 5, 6]))
}"""
    assert value(text, {"p": {"left": 7, "right": "r"}}) == ["7", "r", "-", 32]


def test_par_with_pure_and_calling_branches() -> None:
    text = NUMBER + "fn main(i: Int) -> (Int, Int, Int) { par (call number(i), i + 1, call number(i + 1)) }"
    outcome = run(text, {"i": 4}, oracle={"number": doubled})
    assert outcome.result == [8, 5, 10]
    assert outcome.usage is not None
    assert outcome.usage.metrics["rounds"] == 1 and outcome.usage.metrics["width"] == 2


def test_params_are_settings() -> None:
    text = "param k: Int = 3 in 1..10\nfn main(n: Int) -> Int { n * k }"
    assert value(text, {"n": 5}) == 15
    assert value(text, {"n": 5}, settings={"k": 7}) == 35


def test_a_size_variable_is_the_largest_of_its_sizes() -> None:
    text = "fn main(ts: List[Text[m], n], t: Text[m]) -> (Int, Int) { (m, n) }"
    outcome = run(text, {"ts": ["a b", "a b c", "a"], "t": "x y"}, tokenizer="words")
    assert outcome.result == [3, 3] and outcome.sizes == {"m": (1, 3), "n": (3, 3)}
    assert run(text, {"ts": [], "t": ""}, tokenizer="words").result == [0, 0]


# ---------------------------------------------------------------- depth and breadth

def test_recursion_a_hundred_thousand_deep() -> None:
    text = STEP + """
fn main(n: Int) -> List[Text[9]] { if n <= 0 { [] } else { [call step("x")] ++ main(n - 1) } }
fn sums(xs: List[Int]) -> Int { match xs { [] -> 0, [x, ..rest] -> x + sums(rest) } }
fn pure(n: Int) -> Int { sums(range(n)) }"""
    assert len(value(text, {"n": 100_000})) == 100_000
    assert value(text, {"n": 100_000}, entry="pure") == 100_000 * 99_999 // 2


def test_recursion_through_forks_a_thousand_deep_and_more() -> None:
    text = NUMBER + """
fn main(n: Int) -> Int {
  if n <= 0 { 0 } else {
    let (a, b) = par (call number(n), main(n - 1))
    a + b
  }
}"""
    outcome = run(text, {"n": 20_000}, oracle={"number": lambda i: 1})
    assert outcome.result == 20_000
    assert outcome.usage is not None and outcome.usage.metrics["rounds"] == 1


def test_ten_thousand_branches() -> None:
    text = NUMBER + "fn main(n: Int) -> Int { sum(par for i in range(n) { call number(i) }) }"
    outcome = run(text, {"n": 10_000}, oracle={"number": doubled})
    assert outcome.result == 10_000 * 9_999
    assert outcome.usage is not None
    assert outcome.usage.metrics["rounds"] == 1 and outcome.usage.metrics["width"] == 10_000


def test_a_program_nested_deeper_than_python_allows() -> None:
    deep = "call number(i)"
    for k in range(30):
        deep = f"if i == {k} {{ {k} }} else {{ let a{k} = for j{k} in [0] {{ {deep} }}\n first(a{k}) }}"
    text = NUMBER + f"fn main(i: Int) -> Int {{\n{deep}\n}}"
    assert value(text, {"i": 29}) == 29
    assert value(text, {"i": 99}, oracle={"number": doubled}) == 198
    long = " + ".join(["i"] * 190)
    assert value(f"fn main(i: Int) -> Int {{ {long} }}", {"i": 2}) == 380


# ---------------------------------------------------------------- votes

ANSWER = 'primitive answer(i: Int) -> Text[5] { prompt: "{i}" }\n'


def ballot(samples: list[str], lead: str) -> tuple[Any, Any]:
    """The result of a vote whose samples come in this order (by a loop's number), and its usage."""
    text = ANSWER + f"fn main(i: Int) -> Text {{ {lead} {{ call answer(i) }} }}"
    left = iter(samples)
    outcome = run(text, {"i": 0}, oracle={"answer": lambda i: next(left)})
    assert outcome.error is None, outcome.error
    assert outcome.usage is not None
    return outcome.result, outcome.usage.metrics


@pytest.mark.parametrize(("samples", "lead", "result", "calls", "rounds"), [
    (["a", "a", "a"], "vote lead 3 up to 9", "a", 3, 1),
    (["a", "b", "a", "b", "a", "a"], "vote lead 2 up to 9", "a", 6, 5),
    (["a", "b", "b", "a"], "vote lead 2 up to 4", "a", 4, 3),
    (["a", " a\n", "b", "a "], "vote lead 3 up to 4", "a", 4, 2),
    (["b", "a", "c", "a"], "vote of 4", "a", 4, 1),
    (["x"], "vote lead 1 up to 1", "x", 1, 1),
])
def test_votes(samples: list[str], lead: str, result: str, calls: int, rounds: int) -> None:
    found, metrics = ballot(samples, lead)
    assert (found, metrics["calls"], metrics["rounds"]) == (result, calls, rounds)


def test_a_vote_whose_samples_fail() -> None:
    numbers = 'primitive n(i: Int) -> Int[0..9] { prompt: "{i}", attempts: 1 }\n'
    text = numbers + "fn main(i: Int) -> Int { vote lead 2 up to 5 { call n(i) } }"
    left = iter([99, 4, 99, 4])
    outcome = run(text, {"i": 0}, oracle={"n": lambda i: next(left)})
    assert outcome.result == 4 and outcome.usage is not None and outcome.usage.metrics["calls"] == 4
    kind, message = failure(run(text, {"i": 0}, oracle={"n": lambda i: 99}))
    assert kind == "vote" and "all 5 samples" in message
    rescued = numbers + "fn main(i: Int) -> Int { vote of 3 { call n(i) } else 7 }"
    assert value(rescued, {"i": 0}, oracle={"n": lambda i: 99}) == 7


def test_a_vote_that_cannot_be() -> None:
    text = ANSWER + "fn main(k: Int, m: Int) -> Text { vote lead k up to m { call answer(1) } }"
    assert "lead of at least 1" in failure(run(text, {"k": 0, "m": 3}))[1]
    assert "at least 4" in failure(run(text, {"k": 4, "m": 3}))[1]


# ---------------------------------------------------------------- what is checked

def test_where_is_checked_at_every_entry() -> None:
    text = """
fn inner(a: Int, b: Int) -> Int where a < b { b - a }
fn main(n: Int) -> Int where n >= 1 { inner(n, 5) }"""
    assert value(text, {"n": 4}) == 1
    outcome = run(text, {"n": 0})
    assert failure(outcome)[0] == "where" and outcome.error is not None and outcome.error.span is not None
    assert outcome.error.span.place[0] == 3
    outcome = run(text, {"n": 5})
    assert outcome.error is not None and [f.function for f in outcome.error.path] == ["main", "inner"]
    assert "'inner'" in outcome.error.message and "a < b" in outcome.error.message


@pytest.mark.parametrize(("parameter", "good", "bad"), [
    ("t: Text[3]", "a b c", "a b c d"),
    ("t: Text[2..3]", "a b", "a"),
    ("t: List[Int, 2]", [1, 2], [1, 2, 3]),
    ("t: Int[1..5]", 5, 6),
    ("t: List[Text[2], n]", ["a b"] * 50, [*["a b"] * 50, "a b c"]),
    ("t: List[Int[0..9], n]", [0, 9], [0, 10]),
])
def test_sizes_of_arguments_are_checked(parameter: str, good: object, bad: object) -> None:
    text = f"fn main({parameter}) -> Int {{ 1 }}"
    assert value(text, {"t": good}, tokenizer="words") == 1
    assert failure(run(text, {"t": bad}, tokenizer="words"))[0] == "size"


def test_elements_are_not_looked_at_again_at_every_step_of_a_recursion() -> None:
    text = """
fn count(xs: List[Int[0..9], n]) -> Int { match xs { [] -> 0, [x, ..rest] -> x + count(rest) } }
fn main(xs: List[Int[0..9], n]) -> Int { count(xs) }"""
    program(text)

    def seconds(n: int) -> float:
        began = time.process_time()
        assert value(text, {"xs": [1] * n}) == n
        return time.process_time() - began

    seconds(100)
    assert seconds(40_000) < 30 * max(seconds(4_000), 0.005)


def test_wrong_arguments_are_data() -> None:
    text = "fn main(n: Int) -> Int { n }"
    assert failure(run(text, {}))[1] == "the argument 'n' of 'main' is missing"
    assert failure(run(text, {"n": 1, "m": 2}))[1].startswith("'main' has no parameter 'm'")
    assert failure(run(text, {"n": "x"}))[0] == "argument"
    assert failure(run(text, {"n": 1}, entry="other"))[1] == "there is no entry 'other'; there are: main"
    assert failure(run(text, {"n": 1}, concurrency=0))[0] == "argument"


# ---------------------------------------------------------------- failures

def test_a_failure_is_told_once_with_its_path() -> None:
    text = CHECK + """
fn look(xs: List[Int], i: Int) -> Int { if call check(i) { xs[i] } else { 0 } }
fn main(n: Int) -> List[Int] {
  par for i in range(n) {
    look([10, 20], i * 2)
  }
}"""
    outcome = run(text, {"n": 40}, oracle={"check": even})
    assert outcome.error is not None
    assert outcome.error.message == "the index 2 is beyond the end of a list of 2"
    path = [(f.function, f.index) for f in outcome.error.path]
    assert path == [("main", None), ("", 1), ("main", None), ("look", None)]
    assert outcome.error.span is not None and outcome.error.span.source.text[outcome.error.span.start:][:5] == "xs[i]"


def test_the_path_of_a_deep_failure_is_short() -> None:
    text = CHECK + "fn main(n: Int) -> Int { if n == 0 { 1 // n } else { 1 + main(n - 1) } }"
    outcome = run(text, {"n": 50_000})
    assert outcome.error is not None and outcome.error.message == "division by zero"
    assert 10 < len(outcome.error.path) < 100


def test_else_of_a_call_that_fails() -> None:
    text = """
primitive n(i: Int) -> Int[0..9] { prompt: "{i}" }
fn main(i: Int) -> (Int, Int) { (call n(i) else 0 - 1, call n(i + 1) else 0 - 1) }"""
    outcome = run(text, {"i": 9}, oracle={"n": lambda i: i})
    assert outcome.result == [9, -1]
    assert outcome.usage is not None
    assert outcome.usage.metrics["calls"] == 2 and outcome.usage.retries == 2
    kind, message = failure(run(text.replace(" else 0 - 1", ""), {"i": 9}, oracle={"n": lambda i: i}))
    assert kind == "call" and message.startswith("the call of 'n' failed after 3 attempts")


def test_choose_takes_what_it_is_told_and_refuses_without() -> None:
    text = """
fn main(xs: List[Int, n]) -> Int {
  choose least calls {
    short: len(xs)
    long: 0 - len(xs)
  }
}"""
    seen = []

    def choose(*asked: Any) -> Decision:
        seen.append(asked)
        return Decision(1)

    assert value(text, {"xs": [1, 2]}, choose=choose) == -2
    (_, function, node, sizes, values), = seen
    assert function.name == "main" and node.metric == "calls" and sizes["n"] == (2, 2)
    assert list(values) == ["xs"]
    assert failure(run(text, {"xs": []}))[0] == "choose"

    def none(*asked: Any) -> Decision:
        raise LookupError("no alternative fits its window")

    assert failure(run(text, {"xs": []}, choose=none)) == ("choose", "no alternative fits its window")


def test_a_bug_in_an_oracle_is_named() -> None:
    text = NUMBER + "fn main(i: Int) -> Int { call number(i) }"
    assert failure(run(text, {"i": 1}, oracle={"number": lambda i: {}[i]})) == (
        "oracle", "the oracle of 'number' raised KeyError: 1")
    assert failure(run(text, {"i": 1}, oracle={"number": lambda i: "x"}))[0] == "oracle"


def test_a_run_of_nothing() -> None:
    outcome = execute(program("fn main() -> Int { 3 }"), "main", {}, Sim())
    assert outcome.result == 3 and outcome.usage is not None
    assert outcome.usage.metrics["calls"] == 0 and outcome.usage.metrics["dollars"] == 0
