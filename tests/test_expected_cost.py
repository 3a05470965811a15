"""Expected costs against the mean of many simulated runs, within five standard errors; seeds are fixed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import pytest
from running import run

import orch

RUNS = 400
HEAD = """\
model fast = "local/fast"
primitive good(text: Text[n]) -> Bool { prompt: "Is this good? {text}", chance: 0.3 }
primitive mend(text: Text[n]) -> Text[20..20] { prompt: "Mend {text}" }
primitive less(a: Text[x], b: Text[y]) -> Bool { prompt: "Is {a} before {b}?" }
primitive pick(text: Text[n]) -> Bool { prompt: "Yes or no: {text}", error: 0.2 }
"""


@dataclass(frozen=True)
class Case:
    source: str
    arguments: dict[str, Any]
    sizes: dict[str, int]
    oracle: dict[str, Any] | None = None


CASES = {
    "a branch": Case(
        "fn main(t: Text[n]) -> Text { if call good(t) { call mend(t) } else { t } }", {"t": " a" * 9}, {"n": 9}),
    "filtered elements": Case(
        "fn main(ts: List[Text[m], n]) -> List[Text] { for t in ts where call good(t) { call mend(t) } }",
        {"ts": [" a b"] * 8}, {"n": 8, "m": 2}),
    "rounds up to a limit": Case(
        "fn main(t: Text[n]) -> Text { repeat x = t up to 6 while call good(x) { call mend(x) } }",
        {"t": " a" * 20}, {"n": 20}),
    "rounds without a limit": Case(
        "fn main(t: Text[n]) -> Text { repeat x = t while call good(x) { call mend(x) } }",
        {"t": " a" * 20}, {"n": 20}),
    "a vote that leads": Case(
        "fn main(t: Text[n]) -> Bool { vote lead 3 up to 9 { call pick(t) } }", {"t": " a" * 5}, {"n": 5},
        {"pick": lambda text: True}),
    "quicksort": Case(
        """
fn main(items: List[Text[m], n]) -> List[Text] {
  match items {
    [] -> []
    [pivot, ..others] -> {
      let (low, high) = partition x in others where call less(x, pivot) chance uniform
      main(low) ++ [pivot] ++ main(high)
    }
  }
}
""",
        {"items": [" a"] * 9}, {"n": 9, "m": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_mean_of_runs_is_what_is_expected(name: str) -> None:
    case = CASES[name]
    metrics = ["calls", "input_tokens"]
    [row] = orch.compile(HEAD + case.source).cost(metrics=metrics, at=[case.sizes]).to_json()["at"]
    outcomes = []
    for seed in range(RUNS):
        arguments, oracle = case.arguments, case.oracle
        if name == "quicksort":     # every order of nine different elements is equally likely
            letters = list("abcdefghi")
            random.Random(seed).shuffle(letters)
            arguments = {"items": [f" {x}" for x in letters]}
            oracle = {"less": lambda a, b: a < b}
        outcomes.append(run(HEAD + case.source, arguments, seed=seed, oracle=oracle).usage)
    for metric in metrics:
        measured = [float(u.metrics[metric] or 0) for u in outcomes]
        expected = row[metric]["expected"]
        if expected is None:
            assert metric != "calls"
            continue
        error = max(stdev(measured) / math.sqrt(RUNS), 1e-9)
        assert abs(fmean(measured) - float(expected)) <= 5 * error, (metric, fmean(measured), expected, error)
