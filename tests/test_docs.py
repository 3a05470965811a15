"""What docs/language.md shows is accepted: every program in it compiles without errors, and with no warnings."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

import orch

DOCS = Path(__file__).resolve().parent.parent / "docs"
BLOCKS = re.findall(r"^```orch\n([\s\S]*?)^```", (DOCS / "language.md").read_text(encoding="utf-8"), re.MULTILINE)
PROGRAMS = [block for block in BLOCKS if "fn main" in block]


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 5


@pytest.mark.parametrize("source", PROGRAMS)
def test_every_program_checks(source: str) -> None:
    program = orch.compile(source)
    assert program.warnings == () and program.check() == ()


@pytest.mark.parametrize("name", ["language.md", "extending.md"])
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
