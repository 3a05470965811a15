"""The direction of imports, and where foreign libraries may be imported: what holds the house together."""
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("lang", "compiler", "runtime")
FACE = ("errors", "views", "api", "commands", "cli")

#: Library -> the files that may import it. rich stands for the terminal and is asked for where something is shown.
PLACES = {
    "lark": {"lang/parser.py"},
    "networkx": {"compiler/callgraph.py"},
    "sympy": {"compiler/sympy_bridge.py"},
    "genai_prices": {"runtime/prices.py"},
    "splintr": {"runtime/tokens.py"},
    "xllamacpp": {"runtime/backends/local.py"},
    "aiohttp": {"runtime/backends/http.py"},
    "opentelemetry": {"runtime/telemetry.py"},
}
SOLVER = "compiler/solve/"


def modules() -> list[Path]:
    found = [p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*.py"))]
    return found + sorted((ROOT / "src" / "orch").glob("*.py"))


def imported(path: Path) -> list[tuple[int, str]]:
    """Level and full name of everything a file imports, also within functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found += [(0, a.name) for a in names]
            case ast.ImportFrom(module=module, level=level, names=names):
                found += [(level, f"{module or ''}.{a.name}".strip(".")) for a in names]
    return found


def folders_used(path: Path) -> set[str]:
    """The folders of Orch that a file imports from."""
    package = ("orch", *path.relative_to(ROOT).parts[:-1]) if "src" not in path.parts else ("orch",)
    used = set()
    for level, name in imported(path):
        full = (*package[:len(package) - level + 1], *name.split(".")) if level else tuple(name.split("."))
        if full[0] == "orch" and len(full) > 1:
            used.add(full[1])
    return used


@pytest.mark.parametrize(("folder", "allowed"), [
    ("lang", {"lang"}), ("compiler", {"lang", "compiler"}), ("runtime", {"lang", "compiler", "runtime"})])
def test_lang_compiler_runtime_in_this_order(folder: str, allowed: set[str]) -> None:
    wrong = {str(p.relative_to(ROOT)): sorted(folders_used(p) - allowed)
             for p in sorted((ROOT / folder).rglob("*.py")) if folders_used(p) - allowed}
    assert not wrong


def test_the_runtime_needs_of_the_compiler_only_what_describes() -> None:
    """The core, its sizes, the metrics and the report; `choosing` alone asks the analysis, for `choose least` does."""
    analysis = {"lower", "analysis", "solve", "sizes", "termination", "callgraph", "sympy_bridge"}
    wrong = {}
    for p in sorted((ROOT / "runtime").rglob("*.py")):
        used = {part for _, name in imported(p) for part in name.split(".")[:2] if name.startswith("compiler.")}
        if used & analysis and p.name != "choosing.py":
            wrong[p.name] = sorted(used & analysis)
    assert not wrong


def test_the_face_in_its_order() -> None:
    for i, name in enumerate(FACE):
        path = ROOT / "src" / "orch" / f"{name}.py"
        used = {n.split(".")[0] for level, n in imported(path) if level == 1}
        assert not used & set(FACE[i + 1:]), f"{name} imports {used & set(FACE[i + 1:])}"


@pytest.mark.parametrize("library", sorted(PLACES))
def test_each_library_in_its_place(library: str) -> None:
    found = {str(p.relative_to(ROOT)) for p in modules() for level, name in imported(p)
             if level == 0 and name.split(".")[0] == library}
    if library == "sympy":
        found = {f for f in found if not f.startswith(SOLVER)}
    assert found <= PLACES[library]


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules that a command loads."""
    code = ("import sys\nfrom orch.cli import main\nmain(sys.argv[1:])\n"
            "sys.stderr.write('LOADED ' + ' '.join(sorted({m.split('.')[0] for m in sys.modules})))")
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    return set(done.stderr.rpartition("LOADED ")[2].split())


PROGRAM = """
model fast = "local/fast"
param chunk: Int = 20 in 1..1000
primitive summarize(passage: Text[p]) -> Text[120] { prompt: "Summarise: {passage}" }
fn main(doc: Text[n]) -> Text[120] {
  if n <= chunk { call summarize(doc) } else {
    let parts = par for piece in split(doc, 2) { main(piece) }
    call summarize(join(parts, ""))
  }
}
"""
SLOW = {"sympy", "opentelemetry", "aiohttp", "rich", "genai_prices", "xllamacpp", "mpmath"}


@pytest.mark.parametrize("command", ["check", "fmt"])
def test_commands_without_cost_load_nothing_slow(command: str, tmp_path: Path) -> None:
    path = tmp_path / "digest.orch"
    path.write_text(PROGRAM)
    loaded = loaded_by(command, str(path))
    assert "orch" in loaded and not loaded & SLOW


def test_help_loads_next_to_nothing() -> None:
    assert not loaded_by("explain", "--help") & (SLOW | {"lark", "networkx", "asyncio", "splintr"})
