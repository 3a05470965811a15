"""The Python API: an embedded language, in scripts and in notebooks."""
from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sympy

import orch

DIGEST = '''
model fast = "local/smollm2"
param chunk: Int = 20 in 1..1000
primitive summarize(passage: Text[p]) -> Text[120] { prompt: "Summarise: {passage}" }
primitive shorter(a: Text[p], b: Text[q]) -> Bool { prompt: "Is {a} shorter than {b}?" }
tool fetch(url: Text[40]) -> Text[400] { python: "nowhere:fetch", latency: 0.4 }

fn main(doc: Text[n]) -> Text[120] {
  if n <= chunk { call summarize(doc) } else {
    let parts = par for piece in split(doc, 2) { main(piece) }
    call summarize(join(parts, ""))
  }
}
fn twice(n: Int) -> Int where n >= 1 { 2 * n }
fn first(a: Text[n], b: Text[m]) -> Text { if call shorter(a, b) { a } else { b } }
fn page(url: Text[40]) -> Text[400] { fetch(url) }
fn run(n: Int) -> Int { n }
'''
N = sympy.Symbol("n")


@pytest.fixture(scope="module")
def program() -> orch.Program:
    return orch.compile(DIGEST, name="digest.orch", backend="sim", seed=1)


def test_what_a_program_has(program: orch.Program) -> None:
    assert set(program.entries) == {"main", "twice", "first", "page", "run"}
    assert "twice" in dir(program) and "digest.orch" in repr(program)
    assert "Text" in program._repr_html_()
    with pytest.raises(AttributeError, match="no entry 'nothing'"):
        _ = program.nothing


def test_a_report_has_sympy_expressions(program: orch.Program) -> None:
    report = program.cost("first", at=[{"n": 10, "m": 20}])
    calls = report.metrics["calls"]
    assert calls.upper.closed == 1 and calls.lower.closed == 1 and calls.theta == 1
    tokens = report["input_tokens"].upper
    m = sympy.Symbol("m")
    fixed = report.to_json()["primitives"]["shorter"]["fixed_tokens"]
    assert sympy.simplify(tokens.closed - (N + m + fixed)) == 0
    assert tokens.closed.subs({"n": 3, "m": 4}) == fixed + 7
    assert tokens.exact
    assert report.at[0]["input_tokens"]["upper"] == fixed + 30
    assert {"n", "m"} <= set(report.symbols)


def test_a_report_shows_itself(program: orch.Program) -> None:
    report = program.cost(at={"n": 1000})
    assert "Θ" in str(report) and repr(report) == str(report)
    assert report._repr_html_().count("<table") >= 2
    assert report.to_markdown().startswith("# ")
    assert report.to_json()["at"][0]["sizes"]["n"] == 1000


def test_costs_at_the_sizes_of_arguments(program: orch.Program) -> None:
    figures = program.cost(args={"doc": "one two three four"}, metrics=["calls"]).at[0]
    assert figures["sizes"]["n"] == 4 and figures["calls"]["upper"] == 1


def test_params_and_numbers_as_text(program: orch.Program) -> None:
    small = program.using(params={"chunk": 5}).cost(at={"n": "10**2"}, metrics=["calls"]).at[0]["calls"]["upper"]
    large = program.cost(at={"n": "1e2"}, metrics=["calls"]).at[0]["calls"]["upper"]
    assert small > large > 1


def test_functions_are_called_like_pythons(program: orch.Program) -> None:
    assert program.twice(n=21) == 42 and program.twice(21) == 42
    assert program["run"](3) == 3
    assert isinstance(program.main(doc="a b c"), str)


def test_a_run_is_held_against_its_prediction(program: orch.Program) -> None:
    run = program.run("main", {"doc": "word " * 200}, sim="largest")
    assert run.within and run.usage["calls"] == run.predicted["calls"].upper
    assert run.to_json()["within"] is True
    assert "within" in str(run) and "<table" in run._repr_html_()


def test_events_are_seen(program: orch.Program) -> None:
    seen: list[str] = []
    program.run("main", {"doc": "a b c"}, on_event=lambda event: seen.append(event.kind))
    assert "answered" in seen


def test_running_within_an_event_loop(program: orch.Program) -> None:
    async def notebook() -> None:
        assert program.run("twice", {"n": 2}).result == 4
        assert (await program.arun("twice", {"n": 3})).result == 6
        assert await program["twice"].call(4) == 8
        both = await asyncio.gather(program.arun("main", {"doc": "a"}), program.arun("main", {"doc": "b"}))
        assert all(run.within for run in both)

    asyncio.run(notebook())


def test_tools_and_oracles_are_python_functions() -> None:
    program = orch.compile(DIGEST, backend="sim", tools={"fetch": lambda url: f"page of {url}"},
                           oracle={"shorter": lambda a, b: len(a) < len(b)})
    assert program.page(url="example") == "page of example"
    assert program.first(a="long long text", b="short") == "short"


def test_errors_are_one_exception_that_shows_itself(tmp_path: Path) -> None:
    path = tmp_path / "bad.orch"
    path.write_text("fn main(n: Int) -> Int { m }\n")
    with pytest.raises(orch.OrchError) as e:
        orch.load(path)
    assert e.value.exit_code == 1 and e.value.diagnostics[0].span.place[0] == 1
    assert "^" in str(e.value) and "bad.orch:1:26" in str(e.value)
    assert e.value._render_traceback_()
    with pytest.raises(orch.OrchError) as e:
        orch.load(tmp_path / "missing.orch")
    assert e.value.exit_code == 2


@pytest.mark.parametrize(("call", "code", "said"), [
    (lambda p: p.cost("mian"), 2, "did you mean `main`"),
    (lambda p: p.cost(metrics=["call"]), 2, "did you mean `calls`"),
    (lambda p: p.cost(at={"nn": 3}), 2, "no size `nn`"),
    (lambda p: p.cost(at={"n": "many"}), 2, "no number"),
    (lambda p: p.using(params={"chunks": 3}), 2, "did you mean `chunk`"),
    (lambda p: p.using(params={"chunk": 0}), 2, "outside its range"),
    (lambda p: p.using(models={"slow": "local/smollm2"}), 2, "no model `slow`"),
    (lambda p: p.using(tools={"fetsh": print}), 2, "did you mean `fetch`"),
    (lambda p: p.using(oracle={"summarise": print}), 2, "did you mean `summarize`"),
    (lambda p: p.using(sede=1), 2, "did you mean `seed`"),
    (lambda p: p.using(backend="nowhere").twice(1), 2, "no backend `nowhere`"),
    (lambda p: p.using(tokenizer="nothing").twice(1), 2, "nothing"),
    (lambda p: p.twice(), 2, "`n: Int` is missing"),
    (lambda p: p.twice(1, 2), 2, "takes 1 arguments"),
    (lambda p: p.twice(1, n=2), 2, "given twice"),
    (lambda p: p.twice(n="one"), 2, "does not fit"),
    (lambda p: p.twice(m=1), 2, "no parameter `m`"),
    (lambda p: p.twice(0), 3, "n >= 1"),
    (lambda p: orch.compile(None), 2, "source of a program"), (lambda p: orch.compile(b"x"), 2, "orch.load"),
    (lambda p: orch.load(5), 2, "path of a program"), (lambda p: orch.load(None), 2, "path of a program"),
    (lambda p: orch.compile("", name=5), 2, "name of a program"), (lambda p: orch.compile("", folder=5), 2, "folder"),
    (lambda p: p.run("main", 5), 2, "`args`"), (lambda p: p.run(5), 2, "entry"), (lambda p: p.cost(at=5), 2, "`at`"),
    (lambda p: p.cost(at=[5]), 2, "`at`"), (lambda p: p.cost(metrics=5), 2, "`metrics`"),
    (lambda p: p.cost(let=5), 2, "`let`"), (lambda p: p.using(models=5), 2, "`models`"),
    (lambda p: p.using(seed="x"), 2, "`seed`"), (lambda p: p.using(tokenizer=5), 2, "`tokenizer`"),
    (lambda p: p.using(params=[1]), 2, "`params`"),
])
def test_what_callers_get_wrong(program: orch.Program, call: object, code: int, said: str) -> None:
    with pytest.raises(orch.OrchError) as e:
        call(program)  # type: ignore[operator]
    assert (e.value.exit_code, said in str(e.value)) == (code, True), str(e.value)


def test_a_failed_run_keeps_what_it_measured(program: orch.Program) -> None:
    with pytest.raises(orch.RunFailed) as e:
        program.run("twice", {"n": 0})
    assert e.value.run.errors == e.value.diagnostics and e.value.run.usage["calls"] == 0


def test_importing_costs_nothing() -> None:
    import subprocess
    import sys
    code = "import sys, orch; print(sorted(m for m in sys.modules if m.startswith(('orch.', 'sympy', 'lark', 'rich'))))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
