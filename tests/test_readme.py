"""What the README shows is true: its report is what the command prints, its program and its Python work.

`python tests/test_readme.py` writes the report anew after the analysis has learnt something.
"""
from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import orch
from orch.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
REPORT = re.compile(r"```\n\$ orch (.*)\n([\s\S]*?)```")


def printed(command: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        assert main([str(ROOT / a) if a.endswith(".orch") else a for a in shlex.split(command)]) == 0
    return out.getvalue()


def test_the_report_is_what_the_command_prints() -> None:
    found = REPORT.search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert printed(found[1]) == found[2], "python tests/test_readme.py writes it anew"


def test_two_commands_set_up_and_do_the_job() -> None:
    text = README.read_text(encoding="utf-8").partition("## With pip alone")[0]
    commands = re.findall(r"```sh\n([\s\S]*?)```", text)
    assert [c.count("\n") for c in commands] == [1, 1]
    assert all(c.startswith("pip install uv && uv run ") for c in commands)
    assert "orch run examples/find_fact.orch" in commands[0] and "pytest" in commands[1]
    for path in re.findall(r"(?:examples|docs)/[\w./-]*", text):
        assert (ROOT / path.rstrip(".")).exists(), path


def test_the_program_is_one() -> None:
    source = re.findall(r"```\n(model [\s\S]*?)```", README.read_text(encoding="utf-8"))[0]
    assert orch.compile(source).warnings == ()


def test_the_python_works(monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.findall(r"```python\n([\s\S]*?)```", README.read_text(encoding="utf-8"))[0]
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(code.replace('merge_sort.orch")', 'merge_sort.orch", backend="sim")'), names)
    assert isinstance(names["report"], orch.CostReport)


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(REPORT.sub(lambda m: f"```\n$ orch {m[1]}\n{printed(m[1])}```", text), encoding="utf-8")
