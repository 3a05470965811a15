"""The standard library with primitives that answer right: votes, debates, refinement, retrieval and agents come out
as their documentation says. Each oracle keeps what it was asked, which is what the pattern shows to the model."""
from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import library
import pytest

example = functools.cache(library.example)


def run(module: str, entry: str, args: dict[str, Any], oracle: dict[str, Callable[..., Any]], seed: int = 0) -> Any:
    """A run that kept to its bounds."""
    done = example(module).using(oracle=oracle).run(entry, args, seed=seed)
    assert done.within, str(done)
    return done


# ---------------------------------------------------------------- vote

@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("entry", "args"), [
    ("majority_example", {"m": 25}), ("ahead_example", {"lead_by": 6, "most": 60}), ("main", {})])
def test_votes_find_the_right_answer_among_wrong_ones(entry: str, args: dict[str, int], seed: int) -> None:
    done = run("vote", entry, {"parcels": "three of four", **args}, {"weigh": lambda parcels: 12}, seed)
    assert done.result == 12


def test_the_panel_decides_by_weight_and_the_first_of_equals() -> None:
    draw = random.Random(5)
    for _ in range(20):
        experts = [{"persona": f"expert {i}", "trust": float(draw.randint(1, 3))} for i in range(draw.randint(1, 6))]
        says = {e["persona"]: draw.randint(1, 3) for e in experts}
        total = {choice: sum(e["trust"] for e in experts if says[e["persona"]] == choice) for choice in says.values()}
        done = run("vote", "weighted_example", {"parcels": "a sack", "experts": experts},
                   {"guess": lambda persona, parcels, says=says: says[persona]})
        assert done.result == max(total, key=lambda choice: total[choice])      # max, too, takes the first of equals


# ---------------------------------------------------------------- debate

def debate(entry: str, oracle: dict[str, Callable[..., Any]]) -> tuple[str, list[tuple[str, str]]]:
    """Two speakers in three rounds: the result, and what each read when it spoke."""
    read: list[tuple[str, str]] = []

    def argue(persona: str, motion: str, history: str) -> str:
        read.append((persona, history))
        return f"{persona}{len([p for p, _ in read if p == persona])}"

    args = {"motion": "Tea", "personas": ["A", "B"], "rounds": 3}
    return run("debate", entry, args, {"argue": argue, **oracle}).result, read


def test_in_a_full_debate_all_read_the_rounds_before() -> None:
    result, read = debate("full_example", {})
    history = ["", "A1\nB1\n", "A1\nB1\nA2\nB2\n"]
    assert read == [(who, told) for told in history for who in "AB"]
    assert result == "A1\nB1\nA2\nB2\nA3\nB3\n"


def test_in_a_summarised_debate_all_read_the_last_summary() -> None:
    summed: list[str] = []

    def sum_up(motion: str, debate: str) -> str:
        summed.append(debate)
        return f"S{len(summed)}"

    result, read = debate("summarised_example", {"sum_up": sum_up})
    assert read == [(who, told) for told in ("", "S1", "S2") for who in "AB"]
    assert summed == ["\nA1\nB1", "S1\nA2\nB2", "S2\nA3\nB3"] and result == "S3"


def test_in_turns_each_reads_the_one_before() -> None:
    result, read = debate("turns_example", {})
    said = ["A1\n", "B1\n", "A2\n", "B2\n", "A3\n", "B3\n"]
    assert read == [("AB"[i % 2], "".join(said[:i])) for i in range(6)]
    assert result == "".join(said)


# ---------------------------------------------------------------- refine

def version(letter: str) -> int:
    return int(letter.removeprefix("version "))


def revise(letter: str, remarks: str) -> str:
    """The next version, if the remarks are about the one at hand."""
    assert remarks == f"about {letter}"
    return f"version {version(letter) + 1}"


REFINE: dict[str, Callable[..., Any]] = {
    "write": lambda purpose: "version 0", "criticise": lambda letter: f"about {letter}", "revise": revise,
    "accept": lambda letter: version(letter) >= 3}


@pytest.mark.parametrize("times", range(4))
def test_rounds_are_as_many_as_asked_for(times: int) -> None:
    assert run("refine", "rounds_example", {"letter": "version 0", "times": times},
               REFINE).result == f"version {times}"


@pytest.mark.parametrize(("most", "reached", "calls"), [(0, 0, 0), (2, 2, 6), (3, 3, 9), (8, 3, 10)])
def test_revision_ends_with_the_first_accepted_draft(most: int, reached: int, calls: int) -> None:
    done = run("refine", "until_example", {"letter": "version 0", "most": most}, REFINE)
    assert done.result == f"version {reached}" and done.usage["calls"] == calls


def test_the_letter_of_main_is_written_and_accepted() -> None:
    assert run("refine", "main", {"purpose": "a refund"}, REFINE).result == "version 3"


# ---------------------------------------------------------------- retrieve

WORDS = ("anvil", "bellows", "chisel", "drill", "edge", "file", "gauge", "hammer", "iron", "jig", "knife", "lathe",
         "mallet", "nail", "oil", "pliers")
PAGES = [f"page {i} on {word}" for i, word in enumerate(WORDS)]


def reads(passage: str, question: str) -> str:
    return passage.split()[-1] if question in passage else "nothing"


RETRIEVE: dict[str, Callable[..., Any]] = {"holds": lambda passage, question: question in passage, "read": reads}


@pytest.mark.parametrize("at", range(0, 16, 3))
def test_the_needle_is_found_and_no_passage_behind_it_is_looked_at(at: int) -> None:
    word = WORDS[at]
    done = run("retrieve", "needle_example", {"pages": PAGES, "question": word}, RETRIEVE)
    assert done.result == word and done.usage["calls"] == at + 2


def test_a_needle_that_is_nowhere_costs_one_look_at_each_passage() -> None:
    done = run("retrieve", "needle_example", {"pages": PAGES, "question": "zinc"}, RETRIEVE)
    assert done.result == "" and done.usage["calls"] == len(PAGES)


def test_the_manual_of_main_is_searched_in_windows_that_overlap() -> None:
    manual = " ".join(["word"] * 745 + ["a", "needle", "in", "a", "haystack"] + ["word"] * 700)
    found: dict[str, Callable[..., Any]] = {
        "holds": RETRIEVE["holds"], "read": lambda passage, question: f"{question} at {passage.index(question)}"}
    read = run("retrieve", "main", {"manual": manual, "question": "needle in a hay"}, found).result
    assert read and all(answer.startswith("needle in a hay at ") for answer in read)
    assert run("retrieve", "main", {"manual": manual, "question": "pin"}, found).result == []


def test_a_sift_reads_what_holds_the_answer_in_order() -> None:
    asked = {"pages": PAGES, "question": "page 1"}
    done = run("retrieve", "sift_example", asked, {**RETRIEVE, "read": lambda passage, question: passage})
    expected = [page for page in PAGES if "page 1" in page]
    assert done.result == expected and len(expected) == 7
    assert done.usage["calls"] == 16 + 7 and done.usage["rounds"] == 2


def test_a_scan_cuts_nothing_apart_that_is_no_longer_than_its_step() -> None:
    seen: list[str] = []

    def read(passage: str, question: str) -> str:
        seen.append(passage)
        return str(len(seen))

    doc = " ".join(f"w{i}" for i in range(40))
    done = run("retrieve", "scan_example", {"doc": doc, "step": 15, "question": "?"}, {"read": read})
    assert done.result == [str(i + 1) for i in range(len(seen))] and done.usage["calls"] == len(seen) > 2
    assert all(any(doc[i:i + 15] in passage for passage in seen) for i in range(len(doc)))


@pytest.mark.parametrize("arity", [2, 3, 5, 16])
def test_the_route_leads_to_the_page_in_alphabetical_order(arity: int) -> None:
    def pick(question: str, heads: list[str]) -> int:
        return max(i for i, head in enumerate(heads) if i == 0 or head.split()[-1] <= question)

    for page, word in zip(PAGES, WORDS, strict=True):
        asked = {"pages": PAGES, "arity": arity, "question": word}
        left = run("retrieve", "route_example", asked, {"pick": pick}).result
        assert page in left and len(left) <= arity


# ---------------------------------------------------------------- agents

def test_the_specialist_who_is_picked_does_the_task() -> None:
    people = ["the cook", "the gardener", "the driver"]
    oracle: dict[str, Callable[..., Any]] = {
        "pick": lambda task, people: next(i for i, person in enumerate(people) if task.split()[-1] in person),
        "serve": lambda person, task: f"{person} did: {task}"}
    for i, word in enumerate(("cook", "gardener", "driver")):
        done = run("agents", "specialist_example", {"task": f"a task for a {word}", "people": people}, oracle)
        assert done.result == f"{people[i]} did: a task for a {word}"


def test_a_plan_divides_does_and_combines() -> None:
    done_tasks: list[str] = []

    def divide(task: str) -> list[str]:
        numbers = task.split()
        third = -(-len(numbers) // 3)
        parts = [" ".join(numbers[i:i + third]) for i in range(0, len(numbers), third)]
        return parts if len(numbers) > 1 else []

    def do(task: str) -> str:
        done_tasks.append(task)
        return str(sum(map(int, task.split())))

    def unite(task: str, reports: list[str]) -> str:
        return str(sum(map(int, reports)))

    task = " ".join(map(str, range(1, 10)))
    oracle: dict[str, Callable[..., Any]] = {"divide": divide, "do": do, "unite": unite}
    for depth, calls, parts in ((0, 1, 1), (1, 5, 3), (2, 17, 9), (4, 26, 9)):
        done_tasks.clear()
        done = run("agents", "plan_example", {"task": task, "depth": depth}, oracle)
        assert done.result == "45" and done.usage["calls"] == calls and len(done_tasks) == parts


def test_the_supervisor_stops_when_the_house_is_in_order() -> None:
    oracle: dict[str, Callable[..., Any]] = {
        "assign": lambda report: [f"sweep room {room}" for room in report.split()],
        "do": lambda task: task.split()[-1],
        # a round puts all rooms but the last in order
        "inspect": lambda report, results: {"report": results[-1] if len(results) > 1 else "clean",
                                            "in_order": len(results) == 1}}
    done = run("agents", "supervise_example", {"report": "1 2 3", "most": 9}, oracle)
    assert done.result == "clean" and done.usage["calls"] == (1 + 3 + 1) + (1 + 1 + 1)
    assert run("agents", "supervise_example", {"report": "1 2 3", "most": 1}, oracle).result == "3"
