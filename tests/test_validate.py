"""Runs at several sizes: arguments of exactly these sizes, and measured beside predicted."""

from __future__ import annotations

import json

import pytest

import orch
from orch.cli import main

SOURCE = """\
model fast = "local/fast"
type Note { title: Text[t], weight: Int[1..5], ready: Bool }
param width: Int = 2 in 1..9
primitive rate(note: Text[m]) -> Bool { prompt: "Rate {note}", chance: 0.5 }
primitive bad(note: Text[m]) -> Int[1..2] { prompt: "Rate {note}", malformed: 0.9, attempts: 1 }
fn main(notes: List[Text[m], n], about: Note, k: Int) -> List[Text] where k >= 0 {
  take(for note in notes where call rate(note) chance 0.5 { note }, width * k)
}
fn fails(notes: List[Text[m], n]) -> List[Int] { for note in notes { call bad(note) } }
"""


def test_rows_hold_what_runs_measured() -> None:
    sizes = [{"n": n, "m": 4, "t": 3, "k": 2} for n in (0, 5, 20)]
    found = orch.compile(SOURCE).using(backend="sim").validate(at=sizes, runs=4)
    assert found.within and [len(row.runs) for row in found.rows] == [4, 4, 4]
    for row, asked in zip(found.to_json()["rows"], sizes, strict=True):
        assert {name: row["sizes"][name] for name in asked} == (asked if asked["n"] else {**asked, "m": 0})
        assert row["measured"]["calls"] == [asked["n"]] * 4
        assert row["predicted"]["calls"] == {"lower": asked["n"], "upper": asked["n"], "expected": asked["n"]}
    lengths = {len(run.result) for run in found.rows[2].runs}
    assert lengths <= {0, 1, 2, 3, 4}


def test_params_and_arguments_may_be_given() -> None:
    program = orch.compile(SOURCE).using(backend="sim", sim="largest")
    point = {"n": 9, "m": 4, "t": 3, "k": 1, "width": 7}
    [row] = program.validate(at=point, runs=1).rows
    assert len(row.runs[0].result) <= 7
    own = {"notes": ["a", "b c"], "about": {"title": "x", "weight": 1, "ready": False}, "k": 1}
    assert len(program.validate(at=point, args=own, runs=1).rows) == 2


def test_a_run_that_fails_is_told_and_the_others_go_on() -> None:
    found = orch.compile(SOURCE).using(backend="sim", seed=1).validate("fails", at={"n": 3, "m": 1}, runs=20)
    assert not found.within and {d.code for d in found.errors} == {"E0810"}
    assert any(not run.errors for run in orch.compile(SOURCE).using(backend="sim", seed=1).validate(
        "fails", at={"n": 0, "m": 1}, runs=2).rows[0].runs)
    assert "a run failed" in str(found)


@pytest.mark.parametrize("options, said", [
    ((), "There are no sizes"), (("--at", "n=3"), "is missing"), (("--at", "n=3,m=1,t=1,k=-1"), "condition"),
    (("--at", "n=3,m=1,t=1,k=1", "--runs", "0"), "At least one run"), (("--at", "n=-1,m=1,t=1,k=1"), "is no size"),
])
def test_what_cannot_be_run_is_refused(
    options: tuple[str, ...], said: str, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"{tmp_path}/a.orch"
    with open(file, "w", encoding="utf-8") as out:
        out.write(SOURCE)
    code = main(["validate", file, "--backend", "sim", "--format", "json", *options])
    document = json.loads(capsys.readouterr().out)
    assert code == 2 and said in document["errors"][0]["message"]


@pytest.mark.parametrize("body, sizes", [
    ("par for w in windows(doc, s, t) { call rate(w) }",
     [{"n": n, "s": s, "t": t} for n, s, t in ((4, 3, 9), (31, 4, 7), (30, 4, 3), (0, 3, 3), (5, 9, 1))]),
    ("for w in [f(doc, s)] { call rate(w) }", [{"n": n, "s": 1, "t": 1} for n in (0, 1, 5, 6, 15)]),
])
@pytest.mark.parametrize("sim", ["largest", "smallest", "random"])
def test_parts_and_inferred_sizes_keep_to_their_bounds(body: str, sizes: list[dict[str, int]], sim: str) -> None:
    program = orch.compile("""
model fast = "local/fast"
primitive rate(note: Text[m]) -> Bool { prompt: "Rate {note}" }
primitive read(a: Text[x]) -> Text[3..6] { prompt: "Read {a}" }
fn f(t: Text[n], k: Int) -> Text { if n <= 5 { call read(t) } else { f(take(t, n // 2), k) ++ f(drop(t, n // 2), k) } }
fn main(doc: Text[n], s: Int, t: Int) -> List[Bool] where s >= 1, t >= 1 { BODY }
""".replace("BODY", body)).using(backend="sim", sim=sim)
    found = program.validate(at=sizes, runs=1)
    assert found.within, str(found)
    for row in found.rows:
        assert all(isinstance(r.upper, int) for n, r in row.prediction.ranges.items() if n in ("calls", "input_tokens"))
