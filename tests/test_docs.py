"""What the pages of docs/ show is accepted: every program compiles without errors and with no warnings, links lead
somewhere, and the costs that library.md tells are those of the library's own comments, which are tested themselves."""
from __future__ import annotations

import re
from pathlib import Path

import library
import pytest
from library import Pattern

import orch

DOCS = Path(__file__).resolve().parent.parent / "docs"


def programs(page: str) -> list[str]:
    blocks = re.findall(r"^```orch\n([\s\S]*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    return [block for block in blocks if "fn main" in block]


PROGRAMS = programs("language.md") + programs("library.md")


def test_there_are_programs() -> None:
    assert len(programs("language.md")) >= 5 and len(programs("library.md")) > len(library.modules())


@pytest.mark.parametrize("source", PROGRAMS)
def test_every_program_checks(source: str) -> None:
    program = orch.compile(source)
    assert program.warnings == () and program.check() == ()


@pytest.mark.parametrize("module", library.modules())
def test_the_library_is_told_as_it_is(module: str) -> None:
    """Every pattern of a module has one row in its section, whose costs its comment claims; and no other has."""
    text = (DOCS / "library.md").read_text(encoding="utf-8")
    told = next(part for part in re.split(r"^## ", text, flags=re.MULTILINE) if part.startswith(f"{module}\n"))
    rows = dict(re.findall(r"^\| `([\w.]+)` \|.*\| (.*) \|$", told, re.MULTILINE))
    patterns = {str(pattern): pattern for pattern in library.patterns(module)}
    assert set(rows) == set(patterns)
    for name, cost in rows.items():
        costs = Pattern(module, name, f"Cost, {cost}" if ": " in cost else f"Cost: {cost}").claims()
        claimed = {(c.metric, c.relation, c.formula) for c in patterns[name].claims()}
        assert {(c.metric, c.relation, c.formula) for c in costs} <= claimed, name


def test_what_is_recommended_is_there() -> None:
    text = (DOCS / "library.md").read_text(encoding="utf-8")
    there = {str(pattern) for module in library.modules() for pattern in library.patterns(module)}
    named = set(re.findall(rf"`((?:{'|'.join(library.modules())})\.\w+)`", text))
    assert named == there


@pytest.mark.parametrize("name", ["language.md", "library.md", "extending.md", "research.md"])
def test_links_lead_somewhere(name: str) -> None:
    """A link to a file finds it, and a link to a heading finds that; code holds none."""
    page = DOCS / name
    text = re.sub(r"```[\s\S]*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = DOCS / path if path else page
        assert file.exists() and (not heading or heading in anchors(file)), target


def anchors(page: Path) -> list[str]:
    """The names that a page's headings have as targets of links."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
