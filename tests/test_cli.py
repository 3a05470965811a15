"""The `orch` command as scripts see it: exit codes, one JSON document, no tracebacks, time."""
from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orch.cli import main

DIGEST = '''model fast = "local/fast"

param chunk: Int = 20 in 1..1000

primitive summarize(passage: Text[p]) -> Text[120] {
  prompt: "Summarise: {passage}"
}

fn main(doc: Text[n]) -> Text[120] {
  if n <= chunk {
    call summarize(doc)
  } else {
    let parts = par for piece in split(doc, 2) { main(piece) }
    call summarize(join(parts, ""))
  }
}
'''


class Done:
    """What a command printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def orch(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Done:
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Done(code, out, err)
    return call


@pytest.fixture
def digest(tmp_path: Path) -> Path:
    path = tmp_path / "digest.orch"
    path.write_text(DIGEST)
    return path


def fresh(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "orch", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, **options)


# ---------------------------------------------------------------- the shell

def test_help_names_the_commands(orch: Any) -> None:
    done = orch("--help")
    assert done.code == 0
    assert all(name in done.out for name in ("check", "cost", "run", "solve", "fmt", "explain"))
    assert orch("cost", "--help").code == 0


@pytest.mark.parametrize("arguments", [
    (), ("nothing",), ("cost",), ("cost", "a.orch", "--at"), ("cost", "a.orch", "--nonsense"), ("check",), ("solve",),
    ("cost", "a.orch", "--parallel", "two"), ("run", "a.orch", "--sim", "huge"), ("compare", "a.orch", "b.orch"),
    ("compare", "a.orch"),
    ("lsp",), ("show",), ("show", "1", "--journal", "no_such.db"), ("runs", "--journal", "no_such.db"),
    ("tune", "a.orch", "--at", "n=1"), ("validate", "a.orch", "--runs", "0"), ("explain", "E7"),
    ("cost", "a.orch", "--format", "html"), ("fmt",), ("cost", "no_such_file.orch"), ("check", "no_such_file.orch"),
    ("run", "no_such_file.orch"), ("solve", "-e", "T(n) = n", "--time-limit", "nan"),
    ("solve", "-e", "T(n) = n", "--time-limit", "-1"), ("solve", "-e", "T(n) = n", "--time-limit", "0"),
    ("solve", "-e", "T(n) = n", "--time-limit", "soon"),
])
def test_a_wrong_command_line_is_2_and_one_document(orch: Any, arguments: tuple[str, ...]) -> None:
    done = orch(*arguments)
    assert (done.code, done.out) == (2, "") and done.err
    if "--format" not in arguments:
        done = orch(*arguments, "--format", "json")
        error, = done.json["errors"]
        assert done.code == 2 and error["code"] and error["message"] and error["hint"]


def test_what_comes_later_says_so(orch: Any) -> None:
    assert "later version" in orch("lsp").err


def test_a_fault_in_orch_names_the_stage(orch: Any, digest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orch.lang import frontend

    def broken(*arguments: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(frontend, "load_program", broken)
    done = orch("check", digest)
    assert done.code == 1 and "internal error in stage front end: KeyError" in done.err
    error, = orch("check", digest, "--format", "json").json["errors"]
    assert error["code"] == "E0898" and "front end" in error["message"]


def test_interrupted_is_130(orch: Any, digest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orch.lang import frontend

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(frontend, "load_program", interrupted)
    assert orch("check", digest).code == 130
    assert orch("check", digest, "--format=json").json["errors"][0]["message"] == "interrupted"


def test_a_reader_that_leaves_is_no_error(digest: Path) -> None:
    done = subprocess.run(f"{sys.executable} -m orch explain E0012 | true", shell=True, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
@pytest.mark.parametrize(("command", "buffering"), [
    ("check {}", {}), ("check {}", {"PYTHONUNBUFFERED": "1"}), ("cost {} --format json", {"PYTHONUNBUFFERED": "1"}),
    ("cost {}", {}), ("nothing --format json", {}), ("--help", {}),
    ("run {} --backend sim --arg doc=x --format json", {}),
])
def test_output_that_cannot_be_written_is_one_line(digest: Path, command: str, buffering: dict[str, str],
                                                   where: str) -> None:
    done = subprocess.run(f"{sys.executable} -m orch {command.format(digest)} {where}", shell=True, text=True,
                          capture_output=True, timeout=60, check=False,
                          env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"} | buffering)
    if where == ">&-" and "{}" not in command:
        assert "Traceback" not in done.stderr       # nothing to say, or nothing to say it with
        return
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and last.startswith("orch: standard output cannot be written"), done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert command.startswith("run") or done.stderr.count("\n") == 1, done.stderr


def test_a_terminal_without_unicode_is_no_error(digest: Path) -> None:
    done = fresh("cost", digest, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "") and "calls" in done.stdout


def cpu(folder: Path, *arguments: object) -> float:
    """CPU seconds of Python with these arguments, the best of five, with bytecode kept as any installation keeps it."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, check=True, env=env)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(5))


def slowness(folder: Path) -> float:
    """How much slower this machine is at the moment than one at rest, which imports these in 40 ms; at least 1."""
    return max(1.0, cpu(folder, "-c", "import argparse, json, dataclasses, typing, pathlib, fractions") / 0.04)


def test_starting_is_fast(tmp_path: Path) -> None:
    assert cpu(tmp_path, "-m", "orch", "--help") < 0.15 * slowness(tmp_path)


def test_checking_is_fast(digest: Path, tmp_path: Path) -> None:
    assert cpu(tmp_path, "-m", "orch", "check", digest) < 0.3 * slowness(tmp_path)


# ---------------------------------------------------------------- check, fmt, explain

def test_check_of_a_right_program(orch: Any, digest: Path) -> None:
    assert orch("check", digest).code == 0
    assert orch("check", digest, "--format", "json").json == {"errors": [], "warnings": []}


def test_check_reports_every_error_of_every_file(orch: Any, tmp_path: Path) -> None:
    one, two = tmp_path / "one.orch", tmp_path / "two.orch"
    one.write_text("fn main(n: Int) -> Int { m + k }\n")
    two.write_text("fn main(n: Int) -> Int { n + * 2 }\n")
    done = orch("check", one, two, "--format", "json")
    assert done.code == 1
    assert {Path(e["file"]).name for e in done.json["errors"]} == {"one.orch", "two.orch"}
    assert len(done.json["errors"]) >= 3
    first = done.json["errors"][0]
    assert set(first) == {"code", "message", "hint", "file", "line", "column", "end_line", "end_column"}
    shown = orch("check", one, two)
    assert shown.code == 1 and "^" in shown.err and "one.orch:1" in shown.err


@pytest.mark.parametrize("data", [
    b"", b"\x00\xff\xfe\x80" * 1000, b"(" * 10_000, b"fn main(n: Int) -> Int { " + b"n + " * 250_000 + b"n }\n",
    b"x" * 1_000_000, b"\xef\xbb\xbf# only a comment\n"])
def test_bad_input_is_an_error_and_no_crash(orch: Any, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.orch"
    path.write_bytes(data)
    done = orch("cost", path, "--format", "json")
    assert done.code in (0, 1) and (done.code == 0) == (not done.json["errors"])
    assert all(e["code"] != "E0898" for e in done.json["errors"])


def test_fmt_writes_only_what_differs(orch: Any, digest: Path) -> None:
    assert orch("fmt", "--check", digest).code == 0
    digest.write_text(DIGEST.replace("if n <= chunk", "if   n<=chunk"))
    done = orch("fmt", "--check", digest)
    assert done.code == 1 and "if   n" in digest.read_text()
    assert orch("fmt", digest).code == 0 and digest.read_text() == DIGEST
    digest.write_text("fn main(")
    assert orch("fmt", digest, "--format", "json").code == 1 and digest.read_text() == "fn main("


def test_explain(orch: Any) -> None:
    assert "else" in orch("explain", "e0012").out
    assert orch("explain", "E0012", "--format", "json").json["code"] == "E0012"


# ---------------------------------------------------------------- solve

def test_solve_of_text_and_files(orch: Any, tmp_path: Path) -> None:
    path = tmp_path / "sum.eq"
    path.write_text("T(n) = 0 if n <= 0\nT(n) = T(n - 1) + n\n")
    one, two = orch("solve", path, "-e", "T(n) = 1 if n <= 1; T(n) = 2*T(n - 1)", "--format", "json").json
    assert (one["file"], one["theta"], two["file"], two["theta"]) == (str(path), "n**2", "-e", "2**n")
    assert set(one) >= {"goal", "refused", "rules", "seconds", "lower", "upper"}
    assert "Θ(n²)" in orch("solve", path).out


def test_solve_of_what_cannot_be_read(orch: Any, tmp_path: Path) -> None:
    missing, = orch("solve", tmp_path / "no.eq", "--format", "json").json
    assert "cannot be read" in missing["refused"] and missing["theta"] is None
    done = orch("solve", "-e", "T(n) = 1 if n <= 1; nonsense(", "--format", "json")
    error, = done.json[0]["errors"]
    assert (done.code, error["line"], error["column"]) == (1, 1, 21)


# ---------------------------------------------------------------- cost

def test_cost_as_json_has_all_metrics(orch: Any, digest: Path) -> None:
    from orch.compiler.metrics import METRICS
    report = orch("cost", digest, "--at", "n=100", "--set", "chunk=10", "--at", "n=0", "--format", "json").json
    assert set(report["metrics"]) == set(METRICS) and report["errors"] == []
    assert [f["sizes"] for f in report["at"]] == [{"n": 100, "chunk": 10}, {"n": 0, "chunk": 10}]
    assert report["at"][0]["calls"] == {"lower": 31, "upper": 31, "expected": 31}
    assert report["entry"] == "main" and report["primitives"]["summarize"]["model"] == "fast"


def test_cost_of_chosen_metrics(orch: Any, digest: Path) -> None:
    report = orch("cost", digest, "--metric", "rounds,calls", "--format", "json").json
    assert list(report["metrics"]) == ["calls", "rounds"]


def test_cost_at_the_sizes_of_a_file(orch: Any, digest: Path, tmp_path: Path) -> None:
    doc = tmp_path / "doc.txt"
    doc.write_text("word " * 50)
    report = orch("cost", digest, "--arg", f"doc=@{doc}", "--format", "json").json
    assert report["at"][0]["sizes"]["n"] > 40 and report["at"][0]["calls"]["upper"] >= 3


def test_cost_for_people(orch: Any, digest: Path, tmp_path: Path) -> None:
    shown = orch("cost", digest, "--at", "n=1000").out
    assert "Θ(" in shown and "n = 1,000" in shown and "\x1b" not in shown
    assert orch("cost", digest, "--format", "md").out.startswith("# ")
    path = tmp_path / "report.md"
    assert orch("cost", digest, "--format", "md", "-o", path).out == ""
    assert path.read_text().startswith("# ")


def test_a_symbol_is_replaced_by_a_formula(orch: Any, digest: Path) -> None:
    report = orch("cost", digest, "--metric", "forward", "--let", "m_fast=2*k", "--format", "json").json
    assert "k" in report["metrics"]["forward"]["upper"]["closed"]
    assert "m_fast" not in report["metrics"]["forward"]["upper"]["closed"]


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (("--entry", "mian"), 2, "did you mean `main`"), (("--at", "n"), 2, "not of the form"),
    (("--at", "n=-5"), 2, "never negative"), (("--at", "n=1/2"), 2, "whole number"), (("--at", "chunk=0"), 2, "range"),
    (("--at", "n=many"), 2, "no number"), (("--at", "nn=3"), 2, "no size `nn`"), (("--metric", "call"), 2, "`calls`"),
    (("--set", "chunks=3"), 2, "`chunk`"), (("--set", "chunk=0"), 2, "range"), (("--set", "chunk=1/2"), 2, "whole"),
    (("--model", "slow=local/x"), 2, "no model"), (("--arg", "dok=x"), 2, "`doc`"),
    (("--let", "x=2*"), 2, "no formula"),
    (("--arg", "doc=@nowhere.txt"), 2, "no file"), (("--parallel", "0"), 2, "one request"),
    (("--tokenizer", "none"), 2, "none"), (("-o", "/no/such/folder/x"), 2, "cannot be written"),
])
def test_cost_called_wrongly(orch: Any, digest: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = orch("cost", digest, *arguments)
    assert done.code == code and said in done.err, done.err
    assert orch("cost", digest, *arguments, "--format", "json").json["errors"]


@pytest.mark.parametrize(("at", "said"), [
    ("n=-1", "where n >= 0"), ("n=1.5", "whole number"), ("n=3,k=4", "where k <= n"), ("k=-7", "-5..9"),
    ("d=-1", "never negative"), ("d=0.5", "whole number"),
])
def test_sizes_at_which_the_entry_may_not_be_called(orch: Any, tmp_path: Path, at: str, said: str) -> None:
    path = tmp_path / "held.orch"
    path.write_text("fn main(n: Int, k: Int[-5..9], doc: Text[d]) -> Int where n >= 0, k <= n { n + k }\n")
    done = orch("cost", path, "--at", at)
    assert done.code == 2 and said in done.err and "hint" in done.err, done.err
    assert orch("cost", path, "--at", at, "--format", "json").json["errors"][0]["hint"]
    assert orch("cost", path, "--at", "n=3,k=-5,d=0").code == 0


def test_no_main_is_an_error_of_the_program(orch: Any, tmp_path: Path) -> None:
    path = tmp_path / "other.orch"
    path.write_text("fn other(n: Int) -> Int { n }\n")
    done = orch("cost", path, "--format", "json")
    assert done.code == 1 and "other" in done.json["errors"][0]["hint"]
    assert orch("cost", path, "--entry", "other").code == 0


# ---------------------------------------------------------------- run

def test_run_tells_before_and_after(orch: Any, digest: Path) -> None:
    done = orch("run", digest, "--arg", "doc=" + "word " * 100, "--backend", "sim", "--seed", "3")
    assert done.code == 0 and done.out.strip()
    before, after = done.err.split("Measured beside predicted")
    assert "calls" in before and "with retries at most" in before and "within" in after


def test_run_as_json(orch: Any, digest: Path, tmp_path: Path) -> None:
    args = tmp_path / "args.json"
    args.write_text(json.dumps({"doc": "word " * 100}))
    same = ("run", digest, "--args", args, "--backend", "sim", "--sim", "largest", "--set", "chunk=10",
            "--format", "json")
    done = orch(*same)
    found = done.json
    assert done.code == 0 and found["within"] is True and found["errors"] == []
    assert found["usage"]["calls"] == found["predicted"]["calls"]["upper"] == found["predicted"]["calls"]["lower"]
    assert found["usage"]["by_primitive"]["summarize"]["calls"] == found["usage"]["calls"]
    assert orch(*same).out == done.out


def test_an_oracle_answers(orch: Any, digest: Path, tmp_path: Path) -> None:
    oracle = tmp_path / "oracle.py"
    oracle.write_text("def summarize(passage):\n    return 'short'\n\nother = 3\n")
    assert orch("run", digest, "--arg", "doc=a b", "--backend", "sim", "--oracle", oracle).out == "short\n"
    oracle.write_text("1/0\n")
    assert "ZeroDivisionError" in orch("run", digest, "--arg", "doc=a", "--backend", "sim", "--oracle", oracle).err
    oracle.write_text("x = 1\n")
    assert orch("run", digest, "--arg", "doc=a", "--backend", "sim", "--oracle", oracle).code == 2


def test_the_result_goes_to_a_file(orch: Any, digest: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    done = orch("run", digest, "--arg", "doc=a b", "--backend", "sim", "-o", path)
    assert (done.code, done.out) == (0, "") and path.read_text().strip()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_floats_are_finite(orch: Any, tmp_path: Path, value: str) -> None:
    path = tmp_path / "float.orch"
    path.write_text("fn main(x: Float) -> Float { x * x }\nfn all(xs: List[Float]) -> Int { 1 }\n")
    for given in (("--arg", f"x={value}"),
                  ("--entry", "all", "--arg", "xs=[" + value.replace("nan", "NaN").replace("inf", "Infinity") + "]")):
        done = orch("run", path, "--backend", "sim", *given)
        assert done.code == 2 and "E0804" in done.err and "finite" in done.err, done.err
        assert orch("run", path, "--backend", "sim", *given, "--format", "json").json["errors"][0]["code"] == "E0804"


@pytest.mark.parametrize(("program", "x"), [
    ("fn main(x: Float) -> Float { x * x }", "1e200"), ("fn main(x: Int) -> Int { x ** 9000 }", "10"),
    ("fn main(x: Int) -> List[Int] { [x ** 9000] }", "10"),
])
def test_a_result_beyond_json_is_a_failed_run(orch: Any, tmp_path: Path, program: str, x: str) -> None:
    path = tmp_path / "large.orch"
    path.write_text(program + "\n")
    for more in ((), ("--format", "json")):
        done = orch("run", path, "--backend", "sim", "--arg", f"x={x}", *more)
        assert done.code == 3 and "too large" in done.out + done.err, done.err


def test_a_path_that_cannot_be_written_is_told_before_the_run(orch: Any, digest: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "x"):
        done = orch("run", digest, "--arg", "doc=a b", "--backend", "sim", "-o", path)
        assert done.code == 2 and "cannot be written" in done.err and "calls" not in done.err
        assert orch("cost", digest, "-o", path, "--format", "json").json["errors"]
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    orch("run", digest, "--arg", "doc=a b", "--backend", "sim", "--arg", "no=1", "-o", kept)
    orch("run", digest, "--arg", "doc=a b", "--backend", "sim", "--arg", "no=1", "-o", tmp_path / "new")
    assert kept.read_text() == "as it was" and not (tmp_path / "new").exists(), "looking changes nothing"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no folder that nobody may write")
def test_a_folder_that_may_not_be_written_is_told_before_the_run(orch: Any, digest: Path) -> None:
    """Permissions do not tell, for the administrator has them all: it is tried."""
    done = orch("run", digest, "--arg", "doc=a b", "--backend", "sim", "-o", "/proc/self/result")
    assert done.code == 2 and "cannot be written" in done.err and "calls" not in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_result_that_no_disk_takes_is_printed(orch: Any, digest: Path) -> None:
    run = ("run", digest, "--arg", "doc=a b", "--backend", "sim", "-o", "/dev/full")
    done = orch(*run, "--format", "json")
    error, = done.json["errors"]
    assert done.code == 3 and done.json["result"] and done.json["usage"]["calls"]
    assert error["code"] == "E0803" and "/dev/full cannot be written" in error["message"] and error["hint"]
    text = orch(*run)
    assert text.code == 3 and text.out.strip() == done.json["result"] and "E0803" in text.err


def test_a_folder_that_goes_while_a_run_is_under_way(orch: Any, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    program, oracle = tmp_path / "p.orch", tmp_path / "o.py"
    program.write_text('primitive ask(i: Int) -> Text[9] { prompt: "{i}" }\nfn main() -> Text[9] { call ask(1) }')
    oracle.write_text(f"import os\ndef ask(i):\n    os.rmdir({str(folder)!r})\n    return 'paid for'\n")
    done = orch("run", program, "--backend", "sim", "--oracle", oracle, "-o", folder / "x", "--format", "json")
    error, = done.json["errors"]
    assert done.code == 3 and done.json["result"] == "paid for" and error["code"] == "E0803"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_validation_that_no_disk_takes_is_printed(orch: Any, digest: Path) -> None:
    done = orch("validate", digest, "--backend", "sim", "--at", "n=5", "--runs", "1", "-o", "/dev/full",
                "--format", "json")
    assert done.code == 3 and done.json["rows"] and done.json["errors"][0]["code"] == "E0803"


@pytest.mark.parametrize(("arguments", "code", "said"), [
    ((), 2, "`doc: Text` is missing"), (("--arg", "doc=x", "--backend", "nowhere"), 2, "no backend"),
    (("--arg", "doc=x", "--concurrency", "0", "--backend", "sim"), 2, "one call"),
    (("--arg", "doc=x", "--resume"), 2, "--journal"),
    (("--arg", "doc=x", "--oracle", "no.py"), 2, "no file"),
    (("--arg", "doc=x", "--model", "fast=nowhere/x"), 3, "no provider"),
    (("--arg", "doc=x", "--backend", "openai"), 3, "OPENAI_API_KEY"),
])
def test_runs_that_cannot_begin(orch: Any, digest: Path, monkeypatch: pytest.MonkeyPatch,
                                arguments: tuple[str, ...], code: int, said: str) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = orch("run", digest, *arguments)
    assert (done.code, done.out) == (code, "") and said in done.err, done.err
    assert orch("run", digest, *arguments, "--format", "json").json["errors"]


def test_a_size_given_twice_in_one_point_is_an_error(orch: Any, digest: Path) -> None:
    done = orch("cost", digest, "--at", "n=1,n=2")
    assert done.code == 2 and "--at n=1 --at n=2" in done.err
    found = orch("cost", digest, "--at", "n=1", "--at", "n=2", "--metric", "calls", "--format", "json").json
    assert [f["sizes"]["n"] for f in found["at"]] == [1, 2]


def test_an_answer_that_no_encoding_takes_is_written_escaped(orch: Any, tmp_path: Path) -> None:
    program, oracle, out = tmp_path / "say.orch", tmp_path / "say.py", tmp_path / "out"
    program.write_text('primitive say(x: Text[m]) -> Text[9] { prompt: "{x}" }\n'
                       'fn main(t: Text) -> Text { call say(t) }\n')
    oracle.write_text("def say(x):\n    return '\\ud800 b'\n")
    given = ("run", program, "--arg", "t=a", "--backend", "sim", "--oracle", oracle, "-o", out)
    assert orch(*given).code == 0 and out.read_text() == "\\ud800 b\n"
    assert orch(*given, "--format", "json").code == 0 and json.loads(out.read_text())["result"] == "\ud800 b"


def test_a_run_that_fails_is_3_with_its_place(orch: Any, tmp_path: Path) -> None:
    path = tmp_path / "half.orch"
    path.write_text("fn main(n: Int) -> Int where n >= 1 { 12 // (n - 1) }\n")
    for n in (0, 1):
        done = orch("run", path, "--arg", f"n={n}", "--backend", "sim", "--format", "json")
        found = done.json
        assert done.code == 3 and found["result"] is None and found["errors"][0]["line"] == 1
        assert orch("run", path, "--arg", f"n={n}", "--backend", "sim").code == 3


@pytest.mark.parametrize(("arguments", "code", "hint"), [
    (("cost", "--parallel", 0), "E0800", "write --parallel 8"),
    (("tune", "--at", "n=9", "--parallel", 0), "E0800", "write --parallel 8"),
    (("run", "--arg", "doc=a", "--concurrency", 0), "E0800", "write --concurrency 8"),
    (("run", "--arg", "doc=a", "--backend", "sim", "--budget-dollars", 1), "E0813", "give the model `price_in`"),
])
def test_what_cannot_be_done_says_what_to_write_instead(
    orch: Any, digest: Path, arguments: tuple[object, ...], code: str, hint: str,
) -> None:
    done = orch(arguments[0], digest, *arguments[1:])
    assert done.code != 0 and code in done.err and hint in " ".join(done.err.split())


def test_a_run_that_failed_says_what_to_write_instead(orch: Any, tmp_path: Path) -> None:
    path = tmp_path / "p.orch"
    path.write_text("fn main(k: Int[0..50]) -> Int { 100 // (50 - k) }\n")
    for k, hint in ((50, "look first whether there is a result"), (-1, "give what lies within the bounds")):
        done = orch("run", path, "--arg", f"k={k}")
        told = " ".join(done.err.split())
        assert done.code == 3 and "E0810" in told and hint in told and "it was reached by main" in told
