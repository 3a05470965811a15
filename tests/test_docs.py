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


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file finds it, and a link within a page finds its heading."""
    text = page.read_text(encoding="utf-8")
    headings = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert (DOCS / target.partition("#")[0]).exists(), target
