"""Golden `.orch` files: programs split by lines of `---`; a comment `#! E0201` names what its line is to give."""
from __future__ import annotations

import re
from pathlib import Path

from orch.compiler.lower import lower
from orch.lang.diagnostics import Diagnostic
from orch.lang.frontend import load_program
from orch.lang.source import Source

GOLDEN = Path(__file__).parent / "golden"


def chunks(name: str) -> list[tuple[str, str]]:
    """Title (the first comment) and text of every program of a file."""
    parts = re.split(r"^---\n", (GOLDEN / name).read_text("utf-8"), flags=re.M)
    return [(part.lstrip().split("\n", 1)[0].strip("# "), part) for part in parts]


def expected(text: str) -> list[tuple[int, str]]:
    return sorted((number, code) for number, line in enumerate(text.split("\n"), 1)
                  for _, codes in re.findall(r"(#!) (.*)$", line) for code in codes.split())


def diagnostics(text: str) -> list[Diagnostic]:
    """What the front end and the lowering say of a program."""
    checked, found = load_program(Source("chunk.orch", text))
    if checked is None:
        return found
    return found + lower(checked)[1]


def agree(text: str) -> None:
    """The codes stand on the lines that expect them, no others, and each comes with a hint."""
    found = diagnostics(text)
    assert sorted((d.span.place[0], d.code) for d in found) == expected(text), "\n".join(
        f"{d.span.place[0]}: {d.code} {d.message} ({d.hint})" for d in found)
    for d in found:
        assert (d.hint and d.message.endswith(".") and d.message[0] != d.message[0].lower()) or d.message[0] in '`"', d
