"""Shapes of decompositions, each with its closed form: the formula, the figures of the report and runs agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import sympy

import orch

HEAD = """\
model fast = "local/fast"
primitive less(a: Text[x], b: Text[y]) -> Bool { prompt: "Is {a} before {b}?" }
primitive unite(a: Text[x], b: Text[y]) -> Text[80] { prompt: "Unite {a} and {b}" }
primitive propose(state: Text[s]) -> Text[20] { prompt: "Next step after: {state}" }
primitive speak(history: Text[h]) -> Text[200] { prompt: "So far: {history}" }
primitive grow(x: Int) -> List[Int, 3..3] { prompt: "Grow {x}" }
"""


@dataclass(frozen=True)
class Shape:
    source: str
    calls: str | None
    theta: str | None
    context: str | None
    at: tuple[dict[str, int], ...]
    arguments: str


SHAPES = {
    "passes that get shorter": Shape(
        """
fn sweep(items: List[Text[m], n], k: Int) -> List[Text[m], n] {
  fold xs = items for j in range(k) {
    if call less(xs[j + 1], xs[j]) { replace_at(replace_at(xs, j, xs[j + 1]), j + 1, xs[j]) } else { xs }
  }
}
fn main(items: List[Text[m], n]) -> List[Text[m], n] { fold xs = items for i in range(n) { sweep(xs, n - 1 - i) } }
""",
        "n*(n - 1)/2", "n**2", "2*m + 13", ({"n": 7, "m": 3}, {"n": 2, "m": 1}), "items"),
    "a tree whose leaves are larger than its results": Shape(
        """
fn main(items: List[Text[m], n]) -> Text where n >= 1 {
  if n == 1 { first(items) } else {
    let (left, right) = halve(items)
    let (a, b) = par (main(left), main(right))
    call unite(a, b)
  }
}
""",
        "n - 1", "n", None, ({"n": 7, "m": 300}, {"n": 8, "m": 3}, {"n": 3, "m": 100}, {"n": 1, "m": 9}), "items"),
    "histories within histories": Shape(
        """
fn main(topic: Text[n], rounds: Int, debaters: Int) -> Text where rounds >= 0, debaters >= 1 {
  fold history = topic for r in range(rounds) { fold h = history for d in range(debaters) { h ++ call speak(h) } }
}
""",
        "debaters*rounds", "debaters*rounds", None, ({"n": 7, "rounds": 3, "debaters": 2},), "topic"),
    "four parts down to a param": Shape(
        """
param leaf: Int = 10 in 1..1000
fn main(doc: Text[n]) -> Text[200] {
  if n <= 2 * leaf { call speak(doc) } else { call speak(join(par for part in split(doc, 4) { main(part) }, "")) }
}
""",
        None, "1 + n/leaf", None, tuple({"n": n, "leaf": 10} for n in (7, 21, 99, 1000)), "doc"),
    "neighbours within reach": Shape(
        """
fn main(items: List[Text[m], n], reach: Int) -> List[List[Bool]] where reach >= 1 {
  par for i in range(n) { par for other in items[i..i + reach] { call less(items[i], other) } }
}
""",
        None, "n*Min(n, reach)", None,
        ({"n": 7, "m": 2, "reach": 3}, {"n": 3, "m": 1, "reach": 9}, {"n": 5, "m": 1, "reach": 1}), "items"),
    "every word of so many letters, with a claim": Shape(
        """
fn words(c: Int, k: Int) -> List[Int, c ** k] where c >= 1, k >= 0 {
  if k == 0 { [0] } else { flatten(for b in words(c, k - 1) { for i in range(c) { b + i } }) }
}
fn main(c: Int, k: Int) -> List[List[Int]] where c >= 1, k >= 0 { par for x in words(c, k) { call grow(x) } }
""",
        "c**k", "c**k", None, ({"c": 3, "k": 4}, {"c": 1, "k": 5}, {"c": 2, "k": 0}), ""),
    "inner pairs": Shape(
        """
fn main(items: List[Text[m], n]) -> List[List[Bool]] {
  par for i in range(n) { par for other in items[i + 1..n - 2] { call less(items[i], other) } }
}
""",
        "Piecewise((0, n <= 2), ((n - 2)*(n - 3)/2, True))", "n**2", None,
        ({"n": 7, "m": 2}, {"n": 3, "m": 1}, {"n": 1, "m": 1}), "items"),
    "a front that fills": Shape(
        """
fn main(width: Int, depth: Int) -> Int where width >= 1, depth >= 0 {
  len(fold kept = [1] for _ in range(depth) { take(flatten(for x in kept { call grow(x) }), width) })
}
""",
        None, None, None,
        ({"width": 100, "depth": 6}, {"width": 1, "depth": 5}, {"width": 9, "depth": 4}, {"width": 7, "depth": 0}), ""),
}


def argument(shape: Shape, sizes: dict[str, int]) -> dict[str, Any]:
    given: dict[str, Any] = {n: v for n, v in sizes.items() if f"{n}: Int" in shape.source.split("fn main")[1]}
    if shape.arguments == "items":
        given["items"] = [" a" * sizes["m"]] * sizes["n"]
    elif shape.arguments:
        given[shape.arguments] = " a" * sizes["n"]
    return given


@pytest.mark.parametrize("name", SHAPES)
def test_formula_figures_and_runs_agree(name: str) -> None:
    shape = SHAPES[name]
    program = orch.compile(HEAD + shape.source)
    metrics = ["calls", "input_tokens", "output_tokens", "context"]
    report = program.cost(metrics=metrics, at=list(shape.at)).to_json()
    symbols = {s["name"]: sympy.Symbol(s["name"]) for s in report["symbols"]}
    for metric in metrics:
        for side in ("lower", "upper"):
            bound = report["metrics"][metric][side]
            assert bound["closed"] is not None, (metric, side)
            closed, valid = (sympy.sympify(bound[k], locals=symbols) for k in ("closed", "valid"))
            for sizes, figures in zip(shape.at, report["at"], strict=True):
                if bound["exact"] and sympy.sympify(valid).subs(sizes) == sympy.true:
                    assert int(closed.subs(sizes)) == figures[metric][side], (metric, side, sizes)
    if shape.calls is not None:
        upper = sympy.sympify(report["metrics"]["calls"]["upper"]["closed"], locals=symbols)
        assert sympy.simplify(upper - sympy.sympify(shape.calls, locals=symbols)) == 0
    assert report["metrics"]["calls"]["theta"] == shape.theta
    if shape.context is not None:
        figures = [sympy.sympify(shape.context, locals=symbols).subs(s) for s in shape.at]
        assert [row["context"]["upper"] for row in report["at"]] == figures
    for sizes, figures in zip(shape.at, report["at"], strict=True):
        for how, side in (("largest", "upper"), ("smallest", "lower")):
            run = program.run("main", argument(shape, sizes), backend="sim", sim=how, seed=1)
            assert run.within
            assert run.usage["calls"] == figures["calls"][side], (how, sizes)
