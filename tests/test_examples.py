"""The examples: each is right, its report comes, its run keeps to it, and what is told of it is true."""
from __future__ import annotations

import json
import random
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sympy

import orch
from orch.runtime.journal import Journal, JournalFault

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PROGRAMS = sorted(EXAMPLES.glob("*.orch"))
PEOPLE = ("args.json", "second.json", "third.json")
N = sympy.Symbol("n")


def oracle(name: str) -> dict[str, Callable[..., Any]]:
    found = runpy.run_path(str(EXAMPLES / f"{name}.oracle.py"))
    return {key: value for key, value in found.items() if callable(value) and value.__module__ == "<run_path>"}


def people(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / "find_fact" / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_every_entry_has_a_report_without_a_warning(path: Path) -> None:
    program = orch.load(path)
    assert program.warnings == ()
    for entry in program.entries:
        calls = program.cost(entry, metrics=["calls"])["calls"]
        assert calls.upper.closed is not None and calls.upper.order is not None, (entry, calls.upper.reason)


# ---------------------------------------------------------------- find_fact

@pytest.mark.parametrize("name", PEOPLE)
def test_each_person_has_one_paragraph_and_each_question_one_answer(name: str) -> None:
    data, right = people(name), people("right.json")[name]
    assert len(data["questions"]) == len(right) == 24
    for question, word in zip(data["questions"], right, strict=True):
        about = [p for p in data["paragraphs"] if question["name"] in p]
        assert len(about) == 1 and word in about[0] and question["name"] in question["asks"]


@pytest.mark.parametrize("sim", ["largest", "smallest", "random"])
@pytest.mark.parametrize(("entry", "calls"), [("at_once", 24), ("each_paragraph", 192), ("main", 24)])
def test_find_fact_keeps_to_its_report(entry: str, calls: int, sim: str) -> None:
    run = orch.load(EXAMPLES / "find_fact.orch").run(entry, people("args.json"), backend="sim", sim=sim, seed=3)
    assert run.within and run.usage["calls"] == calls


def test_the_right_paragraph_is_read() -> None:
    data, right = people("args.json"), people("right.json")["args.json"]
    words = dict(zip((q["asks"] for q in data["questions"]), right, strict=True))

    def read(passage: str, asks: str) -> str:
        return words[asks] if words[asks] in passage else "wrong"

    program = orch.load(EXAMPLES / "find_fact.orch", backend="sim", oracle={"read": read})
    expected = [f"{asks} {word}" for asks, word in words.items()]
    assert program.main(**data) == program.each_paragraph(**data) == expected
    assert program.main(data["paragraphs"], [{"name": "Nemo", "asks": "Who?"}]) == ["Who? (no paragraph says)"]


# ---------------------------------------------------------------- digest

@pytest.mark.parametrize("chunk", [200, 1000, 2100, 32000])
def test_digest_of_a_book_keeps_to_its_report(chunk: int) -> None:
    doc = (EXAMPLES / "digest" / "moby_dick_1_15.txt").read_text(encoding="utf-8")
    assert len(doc.split()) >= 20_000
    run = orch.load(EXAMPLES / "digest.orch").run(
        args={"doc": doc}, backend="sim", sim="largest", params={"chunk": chunk})
    assert run.within
    for metric in ("calls", "rounds", "input_tokens", "output_tokens", "width"):
        assert run.usage[metric] == run.predicted[metric].upper, metric


# ---------------------------------------------------------------- merge_sort

def test_merge_sort_of_every_length() -> None:
    asked = 0

    def is_older(a: str, b: str) -> bool:
        nonlocal asked
        asked += 1
        return a < b

    program = orch.load(EXAMPLES / "merge_sort.orch", backend="sim", oracle={"is_older": is_older})
    rng = random.Random(20)
    for n in range(201):
        books = [f"{rng.randrange(3 * n):03}" for _ in range(n)]
        asked = 0
        run = program.run(args={"books": books})
        calls = run.predicted["calls"]
        assert run.result == sorted(books)
        assert run.usage["calls"] == asked and run.within
        assert calls.lower <= asked <= calls.upper
        assert calls.upper == sum((i - 1).bit_length() for i in range(1, n + 1))


def test_merge_sort_reports_the_bound_of_the_textbook() -> None:
    calls = orch.load(EXAMPLES / "merge_sort.orch").cost(metrics=["calls"])["calls"]
    assert calls.upper.exact
    assert calls.theta is not None and sympy.simplify(calls.theta / (N * sympy.log(N))).is_number


def test_books_are_put_in_order_of_their_years() -> None:
    books = (EXAMPLES / "merge_sort" / "books.txt").read_text(encoding="utf-8").splitlines()
    years = runpy.run_path(str(EXAMPLES / "merge_sort.oracle.py"))["YEARS"]
    assert set(books) == set(years) and len(books) == 40
    run = orch.load(EXAMPLES / "merge_sort.orch").run(
        args={"books": books}, backend="sim", oracle=oracle("merge_sort"))
    assert run.result == sorted(books, key=years.__getitem__)


# ---------------------------------------------------------------- hanoi

def test_hanoi_makes_every_move_and_no_other() -> None:
    program = orch.load(EXAMPLES / "hanoi.orch", backend="sim", oracle=oracle("hanoi"))
    run = program.run(args={"n": 16})
    assert run.usage["calls"] == 65_535 and run.within
    pegs: dict[str, list[int]] = {"left": list(range(16, 0, -1)), "middle": [], "right": []}
    for move in run.result:
        disk = pegs[move["source"]].pop()
        assert disk == move["disk"]
        assert not pegs[move["target"]] or pegs[move["target"]][-1] > disk
        pegs[move["target"]].append(disk)
    assert pegs["right"] == list(range(16, 0, -1))


def test_hanoi_says_so_before() -> None:
    calls = orch.load(EXAMPLES / "hanoi.orch").cost(metrics=["calls"])["calls"]
    for bound in (calls.upper, calls.lower):
        assert bound.exact and sympy.simplify(bound.closed - (2**N - 1)) == 0
    assert calls.theta == 2**N


# ---------------------------------------------------------------- hanoi_million

def played(moves: list[dict[str, Any]], n: int) -> list[list[int]]:
    """The three pegs after these moves, each of which must be legal: the largest disk of a peg first."""
    pegs: dict[str, list[int]] = {"a": list(range(n, 0, -1)), "b": [], "c": []}
    for move in moves:
        disk = pegs[move["source"]].pop()
        assert disk == move["disk"] and move["source"] != move["target"]
        assert not pegs[move["target"]] or pegs[move["target"]][-1] > disk
        pegs[move["target"]].append(disk)
    return list(pegs.values())


@pytest.mark.parametrize("n", [1, 7, 10])
def test_every_step_of_hanoi_is_right(n: int) -> None:
    program = orch.load(EXAMPLES / "hanoi_million.orch", backend="sim", oracle=oracle("hanoi_million"), seed=1)
    run = program.run(args={"n": n})
    moves, state, wrong = run.result
    goal = "bc"[n % 2 == 0]
    assert wrong == 0 and len(moves) == 2**n - 1 and state == [goal] * n
    assert played(moves, n)["abc".index(goal)] == list(range(n, 0, -1))
    assert run.within and run.usage["calls"] >= 3 * len(moves) and run.usage["rounds"] >= len(moves)


def test_without_votes_steps_of_hanoi_are_wrong() -> None:
    """The oracle answers wrongly as often as it is told: it is the votes that make every step right."""
    text = (EXAMPLES / "hanoi_million.orch").read_text(encoding="utf-8")
    alone = text.replace("vote lead 3 up to 30 { call step(previous, pegs) }", "call step(previous, pegs)")
    assert alone != text
    run = orch.compile(alone, backend="sim", oracle=oracle("hanoi_million"), seed=1).run(args={"n": 11})
    assert run.result[2] > 0


def test_hanoi_is_killed_and_goes_on(tmp_path: Path) -> None:
    """At random moments, with SIGKILL: the result and the figures are those of a run that nobody disturbed."""
    program, journal = EXAMPLES / "hanoi_million.orch", tmp_path / "j"
    command = [sys.executable, "-m", "orch", "run", str(program), "--arg", "n=9", "--backend", "sim", "--oracle",
               str(EXAMPLES / "hanoi_million.oracle.py"), "--seed", "1", "--journal", str(journal), "--format", "json"]
    rng, killed = random.Random(4), 0
    for _ in range(3):
        before = kept(journal)
        process = subprocess.Popen([*command, "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        goal = before + rng.randint(1, 500)
        while process.poll() is None and kept(journal) < goal:
            time.sleep(0.01)
        if process.poll() is None:
            process.kill()
            killed += 1
        process.wait(60)
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=True, timeout=120)
    page, undisturbed = json.loads(done.stdout), orch.load(
        program, backend="sim", oracle=oracle("hanoi_million"), seed=1).run(args={"n": 9})
    assert killed and page["usage"]["cached"] > 0 and page["within"]
    assert page["result"] == list(undisturbed.result) and page["result"][2] == 0
    for name in ("calls", "input_tokens", "output_tokens", "rounds", "dollars", "width"):
        assert page["usage"][name] == undisturbed.usage[name]


def kept(journal: Path) -> int:
    """Finished calls that a journal holds."""
    if not journal.exists() or not journal.stat().st_size:
        return 0
    try:
        reader = Journal.read(journal)
    except JournalFault:        # it is being made
        return 0
    try:
        return sum(row.calls for row in reader.runs())
    finally:
        reader.close()
