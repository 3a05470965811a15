"""No text crashes, hangs or bloats Orch, as far as a few thousand broken ones tell; `python tests/fuzz.py` tries more.

Also laws of the formatter on programs that were not made for it: the same tree, and the same text the second time.
"""
from __future__ import annotations

import os
from pathlib import Path

import fuzz
import pytest
from random_programs import random_program

import orch
from orch.lang.format import format_module
from orch.lang.parser import parse
from orch.lang.source import Source

ROOT = Path(__file__).resolve().parent.parent


def told(faults: list[fuzz.Fault]) -> str:
    return "\n".join(f"input {f.number}: {f.stage}: {f.what} {f.where}" for f in faults)


@pytest.mark.parametrize("first", [0, 1000, 2000])
def test_no_input_crashes_hangs_or_bloats(first: int) -> None:
    """Seed and numbers are fixed, so that a fault is found again: `python tests/fuzz.py --first I --count 1 --show`."""
    found = list(fuzz.fuzz(1, first, 1000))
    assert len(found) == 1000
    assert not (faults := [f for _, f in found if f is not None]), told(faults)
    outcomes = {name for name, _ in found}
    assert {"no program", "refused", "checked", "run", "solved"} <= outcomes


@pytest.mark.slow
def test_no_input_of_many() -> None:
    """`ORCH_FUZZ=100000` tries more; a change of the corpus changes every input, so seeds stand for nothing else."""
    faults = [f for _, f in fuzz.fuzz(2, 0, int(os.environ.get("ORCH_FUZZ", "4000"))) if f is not None]
    assert not faults, told(faults)


def test_what_would_be_a_fault_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch sees a traceback, a hang, memory and the death of the process, and goes on with the next input."""
    done = fuzz.examine

    def trouble(data: str | bytes, number: int, deep: bool) -> tuple[str, fuzz.Fault | None]:
        match number:
            case 1:
                monkeypatch.setattr(orch, "compile", lambda *_, **__: [][number])
                return done("fn main() -> Int { 1 }", number, deep)
            case 2:
                while True:
                    pass
            case 3:
                return ("checked" if b"x" * (600 << 20) else ""), None
            case 4:
                fuzz.os._exit(7)
            case _:
                return done("fn main() -> Int { 1 }", number, False)

    monkeypatch.setattr(fuzz, "examine", trouble)
    monkeypatch.setattr(fuzz, "SECONDS", 2.0)
    monkeypatch.setattr(fuzz, "BATCH", 2)               # what one child has is not the next one's
    found = list(fuzz.fuzz(1, 0, 6))
    assert [f is not None for _, f in found] == [False, True, True, True, True, False]
    said = told([f for _, f in found if f is not None])
    for what in ("IndexError", "more than 2 s", "more than 500 MB", "ended with 7"):
        assert what in said


def formatted(text: str) -> str:
    module, found = parse(Source("program.orch", text))
    assert module is not None, found
    once = format_module(module, module.span.source)
    again, _ = parse(Source("program.orch", once))
    assert again == module
    assert format_module(again, again.span.source) == once
    return once


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_are_formatted_once_and_stay_the_same(seed: int) -> None:
    formatted(random_program(seed).source)


def test_every_program_of_the_repo_is_formatted() -> None:
    """Golden files hold several programs, broken ones among them, laid out to be read beside their errors."""
    paths = [p for p in ROOT.rglob("*.orch") if ".venv" not in p.parts and "golden" not in p.parts]
    assert len(paths) > 10
    for path in sorted(paths):
        text = path.read_text("utf-8")
        assert formatted(text) == text, f"orch fmt {path.relative_to(ROOT)}"
