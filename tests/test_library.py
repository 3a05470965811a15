"""The standard library: every pattern compiles, is solved, costs what its documentation says, and keeps to it."""
from __future__ import annotations

from pathlib import Path

import library
import pytest
from library import Pattern

import orch

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


def test_the_library_is_imported_from_anywhere(tmp_path: Path) -> None:
    names = library.modules()
    path = tmp_path / "mine.orch"
    imports = [f"import std.{name} as {name}_module" for name in names]
    path.write_text("\n".join([*imports, "fn main(n: Int) -> Int { n }", ""]))
    program = orch.load(path, backend="sim")
    assert program.run(args={"n": 3}).result == 3


def test_a_module_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(orch.OrchError) as e:
        orch.compile("import std.xylophone\nfn main(n: Int) -> Int { n }\n")
    [fault] = [d for d in e.value.diagnostics if d.severity == "error"]
    assert fault.code == "E0703" and all(f"`{name}`" in fault.hint for name in library.modules())
