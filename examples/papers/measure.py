"""Quality and cost of optimistic and optimised decompositions on the embedded model (SmolLM2, 135 million parameters).

In: names of jobs on the command line (default: all of `documents`, `parcel`, `retrieval`). Out: a table. Each row is
one entry of a program with one setting. The model is at temperature 0 in `documents` and `retrieval`; `parcel` samples
at 0.8, with a fixed seed for each run.

The job `sorting` needs no model: it counts the calls of the sorting programs on lists in random order, which an oracle
compares.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import orch

HERE = Path(__file__).parent


class Row(NamedTuple):
    what: str
    right: int
    of: int
    calls: int
    tokens: int
    seconds: float


def row(what: str, runs: list[tuple[int, int, orch.Run]], started: float) -> Row:
    """One row: what was right, out of how many, over some runs."""
    assert all(run.within for _, _, run in runs)
    calls, tokens = (sum(run.usage[m] for *_, run in runs) for m in ("calls", "input_tokens"))
    return Row(what, sum(x for x, _, _ in runs), sum(x for _, x, _ in runs), calls, tokens,
               time.perf_counter() - started)


def documents() -> Iterator[Row]:
    """Pairs of letters that stand in the right order after sorting by year."""
    letters = (HERE / "meyerson_qiu_2025/exercises/letters.txt").read_text(encoding="utf-8").splitlines()
    program = orch.load(HERE / "meyerson_qiu_2025/exercises/documents.orch", seed=1)
    for entry in ("optimistic", "by_comparison", "main"):
        started = time.perf_counter()
        run = program.run(entry, {"documents": letters})
        found = [re.findall(r"\d{4}", letter)[0] for letter in run.result]
        # a letter that is told twice or not at all is in no right place
        places = {y: found.index(y) for y in found if found.count(y) == 1}
        pairs = list(combinations(sorted(re.findall(r"\d{4}", " ".join(letters))), 2))
        right = sum(a in places and b in places and places[a] < places[b] for a, b in pairs)
        yield row(f"`documents.orch:{entry}`, pairs in order", [(right, len(pairs), run)], started)


def parcel() -> Iterator[Row]:
    """Steps after which the right person has the parcel; and stories all of whose steps are right."""
    stories = json.loads((HERE / "maker_2025/parcels.json").read_text(encoding="utf-8"))
    for entry, lead in (("optimistic", 1), ("main", 1), ("main", 2), ("main", 3)):
        started = time.perf_counter()
        program = orch.load(HERE / "maker_2025/parcel.orch", seed=1, params={"k": lead})
        runs = []
        whole = 0
        for story in stories:
            run = program.run(entry, {"lines": story["lines"], "holder": story["holder"]})
            right = sum(a.strip(" .") == b for a, b in zip(run.result, story["right"], strict=True))
            whole += right == len(story["right"])
            runs.append((right, len(story["right"]), run))
        yield row(f"`parcel.orch:{entry}`, k = {lead}, steps ({whole} of {len(stories)} stories whole)", runs, started)


def retrieval() -> Iterator[Row]:
    """Passcodes that are found, by the size of the windows."""
    text = (HERE / "chen_2024/doors.txt").read_text(encoding="utf-8")
    codes = dict(re.findall(r"The passcode of the (\w+ door) is (\d{4})", text))
    for entry, size in (("main", 32), ("main", 64), ("optimistic", 64)):
        started = time.perf_counter()
        program = orch.load(HERE / "chen_2024/retrieval.orch", seed=1, params={"m": size})
        runs = [(int(code in run.result), 1, run) for door, code in codes.items()
                for run in (program.run(entry, {"doc": text, "key": door}),)]
        window = "" if entry == "optimistic" else f", m = {size}"
        yield row(f"`retrieval.orch:{entry}`{window}, passcodes", runs, started)


JOBS: dict[str, Callable[[], Iterator[Row]]] = {"documents": documents, "parcel": parcel, "retrieval": retrieval}


def mean_calls(entry: str, n: int, k: int, batch: int, runs: int) -> float:
    """The mean number of calls of a sorting program over lists in random order."""
    oracle = {"before": lambda a, b: a < b, "before_pivot": lambda passages, pivot: [p < pivot for p in passages]}
    program = orch.load(HERE / "sorting_2025/sorts.orch", backend="sim", oracle=oracle, params={"batch": batch})
    calls = []
    for seed in range(runs):
        items = [f"{i:04}" for i in range(n)]
        random.Random(seed).shuffle(items)
        run = program.run(entry, {"items": items, **({"k": k} if entry.endswith("_top") else {})})
        assert run.within and run.result == sorted(items)[:len(run.result)]
        calls.append(run.usage["calls"])
    return fmean(calls)


def sorting() -> None:
    """Calls for all of 100 items, and for the first 10 of them."""
    print("| calls for | all of 100 | the first 10 of 100 |")
    print("|---|---|---|")
    print(f"| bubble sort | {mean_calls('bubble', 100, 0, 1, 1):.1f} | |")
    print(f"| heap sort | {mean_calls('heap', 100, 0, 1, 5):.1f} | {mean_calls('heap_top', 100, 10, 1, 10):.1f} |")
    for batch in (1, 2, 4):
        whole, top = mean_calls("main", 100, 0, batch, 10), mean_calls("quick_top", 100, 10, batch, 20)
        print(f"| quick sort, batches of {batch} | {whole:.1f} | {top:.1f} |", flush=True)


def main(names: list[str]) -> None:
    if names == ["sorting"]:
        sorting()
        return
    print("| what | right | calls | tokens read | seconds |")
    print("|---|---|---|---|---|")
    for name in names or list(JOBS):
        for x in JOBS[name]():
            print(f"| {x.what} | {x.right} of {x.of} | {x.calls:,} | {x.tokens:,} | {x.seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
