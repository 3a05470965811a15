"""What the patterns of the library for reducing, sorting and searching bring, with answers that are right."""
from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import library
import pytest

import orch
from orch.runtime.execute import Sim, execute
from orch.runtime.verdict import outside

SORTS = ("merge", "quick", "insertion", "binary_insertion")


@cache
def example(module: str) -> orch.Program:
    return library.example(module)


def result(module: str, pattern: str, oracle: dict[str, Callable[..., Any]], **args: Any) -> Any:
    """What the example of a pattern brings."""
    outcome = execute(example(module).core, f"{pattern}_example", args, Sim("random", oracle), seed=1)
    assert outcome.error is None and outcome.usage is not None, outcome.error
    if module == "search":          # numbers decide the cost of a search, in more ways than a few random ones show
        predicted = example(module).predict(f"{pattern}_example", args).ranges
        assert not outside(outcome.usage.to_json(), predicted), (args, predicted)
    return outcome.result


# ---------------------------------------------------------------- reduce

JOINING: dict[str, Callable[..., Any]] = {
    "summarize": lambda passage: passage,
    "unite": lambda left, right: f"{left} {right}",
    "sum_up": lambda summaries: " ".join(summaries),
    "extend": lambda summary, passage: f"{summary} {passage}",
}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 16, 20])
def test_reductions_read_everything_once_and_in_order(n: int) -> None:
    passages = [f"p{i}" for i in range(n)]
    whole = " ".join(passages)
    assert result("reduce", "tree", JOINING, summaries=passages) == whole
    for arity in (2, 3, 4, 7, 30):
        assert result("reduce", "tree_of", JOINING, summaries=passages, arity=arity) == whole
    assert result("reduce", "map_reduce", JOINING, passages=passages) == whole
    assert result("reduce", "refine", JOINING, passages=passages) == whole


# ---------------------------------------------------------------- sort

def first_letter(a: str, b: str) -> bool:
    return a[0] < b[0]


@pytest.mark.parametrize("pattern", SORTS)
def test_every_order_of_four_is_sorted(pattern: str) -> None:
    for letters in itertools.permutations("abcd"):
        assert result("sort", pattern, {"more_urgent": first_letter}, letters=list(letters)) == list("abcd")


@pytest.mark.parametrize("pattern", SORTS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 17, 40])
def test_sorting_keeps_the_order_of_equals(pattern: str, n: int) -> None:
    draw = random.Random(n)
    letters = [f"{draw.choice('abcdefgh')}{i}" for i in range(n)]
    found = result("sort", pattern, {"more_urgent": first_letter}, letters=letters)
    assert found == sorted(letters, key=lambda letter: letter[0])


def test_a_list_that_is_in_order_costs_insertion_one_comparison_an_element() -> None:
    asked = []

    def more_urgent(a: str, b: str) -> bool:
        asked.append((a, b))
        return a < b

    letters = [f"{i:02}" for i in range(30)]
    assert result("sort", "insertion", {"more_urgent": more_urgent}, letters=letters) == letters
    assert len(asked) == 29


@pytest.mark.parametrize("n", [0, 1, 2, 5, 12])
def test_the_first_k(n: int) -> None:
    letters = random.Random(n).sample([f"{i:02}" for i in range(n)], n)
    for k in range(1, n + 3):
        found = result("sort", "top_k", {"more_urgent": lambda a, b: a < b}, letters=letters, k=k)
        assert found == sorted(letters)[:k]


@pytest.mark.parametrize("n", [1, 2, 3, 6, 13])
def test_the_best_wins_the_tournament(n: int) -> None:
    for winner in range(n):
        letters = [f"b{i}" if i != winner else "a" for i in range(n)]
        assert result("sort", "tournament", {"more_urgent": first_letter}, letters=letters) == "a"


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 9])
def test_ranking_by_a_judge_that_is_consistent_sorts(n: int, batch: int) -> None:
    letters = random.Random(n).sample([f"{i:02}" for i in range(n)], n)
    batches = []

    def first_more_urgent(pairs: list[tuple[str, str]]) -> list[bool]:
        batches.append(len(pairs))
        return [a < b for a, b in pairs]

    found = result("sort", "rank", {"first_more_urgent": first_more_urgent}, letters=letters, batch=batch)
    assert found == sorted(letters)
    assert sum(batches) == n * (n - 1) // 2 and all(size <= batch for size in batches)


def test_ranking_goes_by_wins_where_the_judge_contradicts_itself() -> None:
    beats = {"rock": {"scissors"}, "paper": {"rock"}, "scissors": {"paper"}, "well": {"rock", "paper", "scissors"}}

    def first_more_urgent(pairs: list[tuple[str, str]]) -> list[bool]:
        return [b in beats[a] for a, b in pairs]

    found = result("sort", "rank", {"first_more_urgent": first_more_urgent}, letters=list(beats), batch=2)
    assert found == ["well", "rock", "paper", "scissors"]


# ---------------------------------------------------------------- search

def worth(plan: str) -> int:
    """A grade from 0 to 100 that says nothing of the grades of what continues the plan."""
    return sum(ord(c) * (i + 7) for i, c in enumerate(plan)) * 37 % 101


def steps(plan: str, b: int) -> list[str]:
    return [f"{plan} {i}" for i in range(b)]


PLANNING: dict[str, Callable[..., Any]] = {"steps": steps, "promise": worth}


@pytest.mark.parametrize("n", [1, 2, 9])
def test_the_best_candidate_is_taken(n: int) -> None:
    made: list[str] = []

    def slogan(product: str) -> str:
        made.append(f"{product} {len(made)}")
        return made[-1]

    found = result("search", "best_of", {"slogan": slogan, "appeal": worth}, product="tea", n=n)
    assert len(made) == n and worth(found) == max(map(worth, made))


@pytest.mark.parametrize(("breadth", "depth"), [(1, 0), (1, 3), (2, 3), (3, 2), (4, 1), (2, 0)])
def test_the_best_leaf_of_all_is_taken(breadth: int, depth: int) -> None:
    leaves = ["goal"]
    for _ in range(depth):
        leaves = [step for plan in leaves for step in steps(plan, breadth)]
    found = result("search", "tree_of_thoughts", PLANNING, goal="goal", breadth=breadth, depth=depth)
    assert found == max(leaves, key=worth)


@pytest.mark.parametrize(("width", "depth", "b"), [
    (1, 0, 1), (1, 3, 2), (2, 3, 2), (3, 4, 3), (9, 2, 2), (20, 6, 2), (3, 6, 1), (7, 4, 3)])
def test_the_beam_keeps_the_best(width: int, depth: int, b: int) -> None:
    states = ["goal"]
    for _ in range(depth):
        states = sorted((step for plan in states for step in steps(plan, b)), key=lambda plan: -worth(plan))[:width]
    assert result("search", "beam", PLANNING, goal="goal", width=width, depth=depth, b=b) == states


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 20])
def test_binary_search_finds_the_first_page(n: int) -> None:
    pages = [str(2 * i) for i in range(n)]
    for event in range(-1, 2 * n + 1):
        later = {"mentions_later": lambda page, event: int(page) > int(event)}
        found = result("search", "binary", later, pages=pages, event=str(event))
        assert found == bisect.bisect_right([int(page) for page in pages], event)
