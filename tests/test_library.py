"""The standard library: every pattern compiles, is solved, costs what its documentation says, and keeps to it."""
from __future__ import annotations

import library
import pytest
from library import Pattern

PATTERNS = [p for module in library.modules() for p in library.patterns(module)]


@pytest.mark.parametrize("module", library.modules())
def test_every_example_compiles_with_the_warnings_it_deserves(module: str) -> None:
    program = library.example(module)
    assert {d.code for d in program.check()} == library.WARNED.get(module, set())
    entries = {p.entry for p in library.patterns(module)}
    assert entries and entries | {"main"} <= set(program.entries)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_every_pattern_is_solved(pattern: Pattern) -> None:
    library.check_report(library.example(pattern.module), pattern.module, pattern.entry)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_every_pattern_costs_what_its_documentation_says(pattern: Pattern) -> None:
    library.check_claims(library.example(pattern.module), pattern)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_every_pattern_keeps_to_its_bounds(pattern: Pattern) -> None:
    library.check_runs(library.example(pattern.module), pattern.entry)
