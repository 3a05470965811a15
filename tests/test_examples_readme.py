"""What the README of the examples shows is what the commands print.

`python tests/test_examples_readme.py` writes the outputs anew after the analysis has learnt something; with `--model`
also those of the runs on the embedded model, which no test repeats.
"""
from __future__ import annotations

import io
import os
import re
import shlex
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from orch.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "examples" / "README.md"
BLOCK = re.compile(r"```console\n\$ uv run orch (.*)\n([\s\S]*?)```")
PROGRESS = re.compile(r"\s*[\d,]+ of (at most )?[\d,]+.*")
VERDICT = "Measured beside predicted"


def printed(command: str) -> str:
    """What a command prints: what it tells before a run, without its progress, then the result, then the verdict."""
    out, told = io.StringIO(), io.StringIO()
    arguments = [re.sub(r"(^|@)examples/", rf"\g<1>{ROOT}/examples/", a) for a in shlex.split(command)]
    with redirect_stdout(out), redirect_stderr(told):
        assert main(arguments) == 0, told.getvalue()
    before, title, verdict = told.getvalue().partition(VERDICT)
    before = "".join(line for line in before.splitlines(keepends=True) if not PROGRESS.fullmatch(line.rstrip("\n")))
    result = out.getvalue()
    if result and not result.endswith("\n"):
        result += "\n"
    return "\n".join(line.rstrip() for line in f"{before}{result}{title}{verdict}".split("\n"))


def needs_model(command: str) -> bool:
    return command.startswith("run ") and "--backend sim" not in command


SHOWN = [(m[1], m[2]) for m in BLOCK.finditer(README.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("command", "text"), [s for s in SHOWN if not needs_model(s[0])], ids=lambda s: s[:60])
def test_it_prints_this(command: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert printed(command) == text, "python tests/test_examples_readme.py writes it anew"


def test_every_program_is_shown() -> None:
    for path in README.parent.glob("*.orch"):
        shown = {command.split()[0] for command, _ in SHOWN if f"examples/{path.name}" in command}
        assert shown == {"cost", "run"}, path.name


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for command, old in SHOWN:
            if "--model" in sys.argv or not needs_model(command):
                text = text.replace(f"orch {command}\n{old}```", f"orch {command}\n{printed(command)}```")
    README.write_text(text, encoding="utf-8")
