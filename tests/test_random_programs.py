"""Laws of every program: lower <= measured <= upper, and equality where sizes alone decide."""

from __future__ import annotations

import math

import pytest
from random_programs import random_program

from orch.compiler.analysis import Analysis
from orch.compiler.lower import lower
from orch.lang.frontend import load_program, with_room
from orch.lang.source import Source
from orch.runtime.execute import Sim, execute
from orch.runtime.tokens import tokenizer

COUNTED = ("calls", "input_tokens", "output_tokens", "rounds", "context")
EXACT = ("calls", "rounds", "input_tokens", "output_tokens")
PROGRAMS = 320
BATCH = 20


def held(seed: int) -> list[str]:
    """What the runs of one random program break."""
    p = random_program(seed)
    checked, found = load_program(Source(f"random{seed}.orch", p.source))
    assert checked is not None, [d.message for d in found]
    program, errors = lower(checked)
    assert program is not None and not errors
    analysis = Analysis(program, tokenizer().count)
    entry = program.entries["main"]
    broken = []
    for mode in ("largest", "smallest", "random"):
        outcome = execute(program, entry, p.arguments, Sim(mode), seed=seed)
        assert outcome.error is None, (seed, mode, outcome.error)
        assert outcome.usage is not None
        bounds = analysis.predict(entry, outcome.sizes, None, (*COUNTED, "width"))
        for metric in (*COUNTED, "width"):
            measured, low, high = outcome.usage.metrics[metric], bounds[metric].lower, bounds[metric].upper
            if measured > high or (metric != "width" and measured < low):
                broken.append(f"seed {seed} {mode}: {metric} {measured} outside {low}..{high}")
            if p.deterministic and metric in EXACT:
                wanted = {"largest": high, "smallest": low}.get(mode)
                if wanted is not None and measured != wanted:
                    broken.append(f"seed {seed} {mode}: {metric} {measured}, the bound is {wanted}")
    return broken


@pytest.mark.parametrize("first", range(0, PROGRAMS, BATCH))
def test_measured_lies_within_the_bounds(first: int) -> None:
    broken = with_room(lambda: [fault for seed in range(first, first + BATCH) for fault in held(seed)])
    assert not broken, "\n".join(broken)


def test_the_law_can_fail() -> None:
    """A bound that is off by one is noticed: the programs do make calls, and different numbers of them."""
    seen = set()
    for seed in range(20):
        program, _ = lower(load_program(Source("x.orch", random_program(seed).source))[0])
        assert program is not None
        analysis = Analysis(program, tokenizer().count)
        sizes = {"n": (7, 7), "m": (3, 3), "k": (2, 2), "depth": (1, 1)}
        upper = analysis.predict(program.entries["main"], sizes, None, ("calls",))["calls"].upper
        seen.add(upper)
    assert len(seen) > 5 and all(isinstance(x, int) or x == math.inf for x in seen)
