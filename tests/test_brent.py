"""Latency with P requests at a time, held against simulated runs."""
from __future__ import annotations

import pytest

import orch

PROGRAM = """
model fast = "local/fast" { ttft: 0.5, prefill: 1000, decode: 50, price_in: 1, price_out: 2 }
primitive note(passage: Text[p]) -> Text[20..20] { prompt: "Note: {passage}" }
primitive merge(notes: Text[q]) -> Text[40..40] { prompt: "Merge: {notes}" }
fn main(passages: List[Text[m], n]) -> Text[40] {
  let notes = par for p in passages { call note(p) }
  call merge(join(notes, ""))
}
"""


@pytest.mark.parametrize("parallel", [1, 2, 5, 100])
def test_a_run_lies_within(parallel: int) -> None:
    program = orch.compile(PROGRAM, backend="sim", concurrency=parallel)
    args = {"passages": ["some words about it"] * 12}
    figures = program.cost(args=args, parallel=parallel).at[0]["latency_parallel"]
    seconds = program.run("main", args).usage["seconds"]
    assert figures["lower"] - 1e-6 <= seconds <= figures["upper"] + 1e-6
    if parallel == 1:
        assert figures["lower"] == pytest.approx(seconds, rel=1e-6)     # one after another: all of the work


def test_unknown_speeds_give_no_bound() -> None:
    program = orch.compile(PROGRAM.replace("ttft: 0.5, ", ""), backend="sim")
    report = program.cost(at={"n": 3, "m": 2}, parallel=4)
    assert "latency_parallel" not in report.at[0] and "is not known" in str(report)
