"""The journal: nothing that was paid is paid again, whatever ends a run; what does not fit is refused."""
from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killing import kill_and_resume
from loopback import Loopback
from random_programs import random_program
from test_scheduler import Fake

import orch
from orch.cli import main
from orch.lang.types import BoolT, EnumT, FloatT, IntT, ListT, TextT, TupleT
from orch.runtime.backends.base import BackendError
from orch.runtime.budget import Budget, Cost
from orch.runtime.codec import Codec
from orch.runtime.execute import Outcome, aexecute, execute
from orch.runtime.journal import FileLock, Journal, JournalFault, Record
from orch.runtime.values import Text, make_list

MODEL = 'model m = "fake/m" { price_in: 1, price_out: 2 }\n'
ASK = 'primitive ask(t: Text[n]) -> Text[9] { prompt: "Say {t}" }\n'
FAN = MODEL + ASK + "fn main(ts: List[Text[k], n]) -> List[Text[9]] { par for t in ts { call ask(t) } }"
WORDS = [f"word {i}" for i in range(40)]


def run(text: str, args: dict[str, Any], backend: Any, path: Path, **options: Any) -> Outcome:
    return execute(orch.compile(text).core, "main", args, backend, journal=path, **options)


def counted(outcome: Outcome, *but: str) -> dict[str, Any]:
    assert outcome.usage is not None and outcome.error is None, outcome.error
    usage = outcome.usage.to_json()
    return {name: usage[name] for name in usage if name not in ("seconds", "paid_dollars", "cached", *but)}


# ---------------------------------------------------------------- kills

def test_a_run_that_is_killed_goes_on_and_pays_no_call_twice(tmp_path: Path) -> None:
    found = kill_and_resume(tmp_path, calls=200, kills=3, in_flight=16, delay=0.03, seed=4)
    assert found.kills >= 1 and found.equal and found.finished_resent == 0 and found.beyond <= 0
    assert found.usage["calls"] == 200 and found.usage["dollars"] == pytest.approx(200 * (4 + 2 * 4) / 1e6)
    assert found.usage["cached"] > 0 and found.usage["paid_dollars"] < found.usage["dollars"]


@pytest.mark.slow
@pytest.mark.skipif("ORCH_SLOW" not in os.environ, reason="takes minutes; set ORCH_SLOW")
def test_a_hundred_kills(tmp_path: Path) -> None:
    found = kill_and_resume(tmp_path, calls=10_000, kills=100, in_flight=64, delay=0.05, seed=1)
    assert found.kills >= 50 and found.equal and found.finished_resent == 0 and found.beyond <= 0


# ---------------------------------------------------------------- resuming

def test_a_resumed_run_counts_as_the_one_before(tmp_path: Path) -> None:
    first = Fake(lambda r: r.prompt.upper() + " and much more than nine words of it, cut to its size")
    before = run(FAN, {"ts": WORDS}, first, tmp_path / "j", concurrency=8)
    second = Fake(lambda r: 1 / 0)
    after = run(FAN, {"ts": WORDS}, second, tmp_path / "j", resume=True)
    assert second.asked == 0 and after.result == before.result and first.asked == 40
    assert counted(after) == counted(before) and counted(before)["cut"] == 40 and counted(before)["width"] == 8
    assert after.usage is not None and before.usage is not None
    assert (before.usage.cached, after.usage.cached) == (0, 40)
    assert before.usage.paid_dollars == before.usage.metrics["dollars"] and after.usage.paid_dollars == 0


def test_what_failed_is_asked_again_and_the_rest_is_not(tmp_path: Path) -> None:
    bad = Fake(lambda r: BackendError("no", kind="refused") if r.prompt.endswith(" 7") else "yes")
    before = run(FAN, {"ts": WORDS}, bad, tmp_path / "j", concurrency=1)
    assert before.error is not None and before.error.kind == "call"
    good = Fake(lambda r: "yes")
    after = run(FAN, {"ts": WORDS}, good, tmp_path / "j", resume=True, concurrency=1)
    assert after.result == ["yes"] * 40 and bad.asked == 8 and good.asked == 33
    assert [r.prompt for r in good.requests] == [f"Say {w}" for w in WORDS[7:]]


def test_a_failure_that_was_absorbed_is_an_answer_like_others(tmp_path: Path) -> None:
    text = MODEL + """
primitive pick(t: Text[n]) -> Int[0..9] { prompt: "{t}", attempts: 2 }
fn main(t: Text[n]) -> (Int, Int) { (call pick(t) else 5, vote of 3 { call pick(t) }) }"""
    answers = iter(["no", "no", "no", "no", "3", "3"])
    before = run(text, {"t": "x"}, Fake(lambda r: next(answers)), tmp_path / "j", concurrency=1)
    assert before.result == [5, 3]
    never = Fake(lambda r: "7")
    after = run(text, {"t": "x"}, never, tmp_path / "j", resume=True)
    assert after.result == [5, 3] and never.asked == 0 and counted(after) == counted(before)
    assert counted(before)["retries"] == 2 and counted(before)["calls"] == 4


def test_results_of_tools_are_kept(tmp_path: Path) -> None:
    text = 'tool look(i: Int) -> Text[5] { python: "x:look", dollars: 0.5 }\n' \
        "fn main(n: Int) -> List[Text[5]] { for i in range(n) { look(i) } }"
    seen: list[int] = []

    def look(i: int) -> str:
        seen.append(i)
        if len(seen) == 4:
            raise OSError("it breaks")
        return f"page {i} of very many pages in all"

    options: dict[str, Any] = {"tools": {"look": look}}
    before = run(text, {"n": 6}, None, tmp_path / "j", **options)
    assert before.error is not None and before.error.kind == "tool" and seen == [0, 1, 2, 3]
    after = run(text, {"n": 6}, None, tmp_path / "j", resume=True, **options)
    assert after.error is None and seen == [0, 1, 2, 3, 3, 4, 5] and after.usage is not None
    assert after.usage.cached == 3 and after.usage.paid_dollars == 1.5 and after.usage.metrics["dollars"] == 3


def test_a_cut_text_goes_on_as_it_did(tmp_path: Path) -> None:
    """A text that was cut is taken apart the same way whether it comes from a model or from the journal."""
    text = MODEL + ASK + "fn main(t: Text[n]) -> List[Text] { for p in split(call ask(t), 3) { call ask(p) } }"
    before = run(text, {"t": "x"}, Fake(lambda r: "naïve 漢字 antidisestablishmentarianism " * 9), tmp_path / "j")
    assert counted(before)["cut"]
    never = Fake(lambda r: 1 / 0)
    after = run(text, {"t": "x"}, never, tmp_path / "j", resume=True)
    assert after.error is None and after.result == before.result and never.asked == 0


@pytest.mark.parametrize("seed", range(8))
def test_replay_equals_the_run(tmp_path: Path, seed: int) -> None:
    generated = random_program(seed)
    program = orch.compile(generated.source, backend="sim", journal=tmp_path / "j")
    before = program.run("main", generated.arguments, seed=seed)
    after = program.run("main", generated.arguments, seed=seed, resume=True, trace=tmp_path / "b")
    assert after.result == before.result
    events = [json.loads(line) for line in (tmp_path / "b").read_text().splitlines()]
    assert not [e for e in events if e["event"] == "sent"]
    ignored = ("seconds", "cached", "paid_dollars")
    assert {k: v for k, v in after.usage.items() if k not in ignored} == \
        {k: v for k, v in before.usage.items() if k not in ignored}
    assert after.usage["cached"] == before.usage["calls"] + before.usage["tool_calls"]


def test_nothing_is_used_before_it_is_written(tmp_path: Path) -> None:
    """Whatever a prompt quotes is in the journal when that prompt leaves."""
    text = MODEL + ASK + """
fn main(ts: List[Text[k], n]) -> List[Text[9]] { par for t in ts { call ask(call ask(t)) } }"""
    path, missing = tmp_path / "j", []

    def answer(request: Any) -> str:
        said = request.prompt.removeprefix("Say ")
        if said.startswith("answer"):
            db = sqlite3.connect(path)
            held = {json.loads(a)[0] for a, in db.execute("SELECT answer FROM calls")}
            db.close()
            if said not in held:
                missing.append(said)
        return "answer " + said.removeprefix("answer ")

    backend = Fake(answer, 0.002)
    outcome = run(text, {"ts": WORDS}, backend, path, concurrency=16)
    assert outcome.error is None and backend.asked == 80 and missing == [] and backend.most <= 16


# ---------------------------------------------------------------- replays

def test_a_replay_equals_the_run_and_needs_nothing(tmp_path: Path) -> None:
    """Of every kind of call: answered, tried again, failed and absorbed, a vote, a tool."""
    text = MODEL + ASK + """
primitive pick(t: Text[n]) -> Int[0..9] { prompt: "{t}", attempts: 2 }
tool look(t: Text[n]) -> Text[5] { python: "x:look", dollars: 0.5 }
fn one(t: Text[k]) -> Text { "{call ask(t)} {call pick(t) else 3} {vote of 3 { call pick(t) } else 8} {look(t)}" }
fn main(ts: List[Text[k], n]) -> List[Text] { par for t in ts { one(t) } }"""
    rng = random.Random(2)
    live = Fake(lambda r: rng.choice(["4", "5", "no number"]), 0.001)
    path = tmp_path / "j"
    before = run(text, {"ts": WORDS[:12]}, live, path, concurrency=4, tools={"look": lambda t: "page"})
    assert before.error is None and counted(before)["retries"] > 3
    program = orch.compile(text, backend="replay", journal=path)
    path.chmod(0o400)
    size = path.stat().st_size
    after = program.run("main", {"ts": WORDS[:12]})
    assert after.result == before.result
    usage = {k: v for k, v in after.usage.items() if k not in ("seconds", "paid_dollars", "cached")}
    assert usage == counted(before) and after.usage["paid_dollars"] == 0
    assert after.usage["cached"] == after.usage["calls"] + after.usage["tool_calls"] and after.usage["seconds"] == 0
    assert path.stat().st_size == size and not (tmp_path / "j-lock").exists(), "it is only read"
    reader = Journal.read(path)
    assert [(r.state, r.sessions) for r in reader.runs()] == [("done", 1)]
    reader.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_replay_of_a_random_program(tmp_path: Path, seed: int) -> None:
    generated = random_program(seed + 100)
    program = orch.compile(generated.source, backend="sim", journal=tmp_path / "j")
    before = program.run("main", generated.arguments, seed=seed)
    after = program.run("main", generated.arguments, backend="replay")
    ignored = ("seconds", "cached", "paid_dollars")
    assert after.result == before.result and \
        {k: v for k, v in after.usage.items() if k not in ignored} == \
        {k: v for k, v in before.usage.items() if k not in ignored}


def test_a_replay_of_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, journal = tmp_path / "p.orch", tmp_path / "j"
    path.write_text(FAN)
    command = ["run", str(path), "--backend", "replay", "--arg", 'ts=["a", "b", "c"]', "--format", "json"]
    said: list[tuple[int, str, str]] = []

    def replay(*more: str) -> None:
        code = main([*command, *more])
        error, = json.loads(capsys.readouterr().out)["errors"]
        said.append((code, error["code"], error["message"]))

    replay()
    replay("--journal", str(journal))
    program = orch.load(path)
    answers = iter(["yes", BackendError("no", kind="refused")])
    options: dict[str, Any] = {"concurrency": 1, "journal": journal}
    execute(program.core, "main", {"ts": ["a", "b", "c"]}, Fake(lambda r: next(answers)), **options)
    replay("--journal", str(journal))       # what failed fails again, as it did
    answers = iter(["yes"])
    asked: list[asyncio.Task[Outcome]] = []

    async def interrupted() -> None:
        asked.append(asyncio.create_task(aexecute(
            program.core, "main", {"ts": ["a", "b", "c"]}, Fake(lambda r: next(answers), 0.05), **options)))
        await asyncio.sleep(0.08)
        asked[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked[0]

    asyncio.run(interrupted())
    replay("--journal", str(journal))
    command[5] = 'ts=["z"]'
    replay("--journal", str(journal))
    replay("--journal", str(journal), "--resume")
    assert [(code, name) for code, name, _ in said] == [
        (2, "E0800"), (2, "E0830"), (3, "E0810"), (3, "E0832"), (2, "E0831"), (2, "E0800")]
    assert "j holds no finished call of 'ask' at this place" in said[3][2] and "argument `ts`" in said[4][2]


def test_what_failed_and_was_answered_later_is_not_asked_a_third_time(tmp_path: Path) -> None:
    text = MODEL + ASK + 'fn main(t: Text[n]) -> (Text, Text) { (call ask(t), call ask("more")) }'
    for answers in ([BackendError("no", kind="refused")], ["first", BackendError("no", kind="refused")], ["second"]):
        backend = Fake(lambda r, answers=answers: answers.pop(0))
        outcome = run(text, {"t": "x"}, backend, tmp_path / "j", resume=True)
        assert answers == []
    assert outcome.result == ["first", "second"]
    assert orch.compile(text, backend="replay", journal=tmp_path / "j").run("main", {"t": "x"}).result == outcome.result


# ---------------------------------------------------------------- what does not fit

CHANGES: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    ("program", lambda o: o.update(text=FAN.replace("Say", "Tell")), "the primitive `ask`"),
    ("function", lambda o: o.update(text=FAN.replace("par for", "for")), "the function `main`"),
    ("argument", lambda o: o.update(args={"ts": ["other"]}), 'the argument `ts` (was `["word 1"]`, is `["other"]`)'),
    ("model", lambda o: o.update(models={"m": "fake/n"}), "the model `m` (was `fake/m`, is `fake/n`)"),
    ("seed", lambda o: o.update(seed=9), "the backend"),
    ("tokenizer", lambda o: o.update(tokenizer="words"), "the tokenizer"),
]


@pytest.mark.parametrize("name", [name for name, _, _ in CHANGES])
def test_a_journal_of_another_run_is_refused_with_what_differs(tmp_path: Path, name: str) -> None:
    _, change, said = next(row for row in CHANGES if row[0] == name)
    path = tmp_path / "j"
    orch.compile(FAN, backend="sim").run("main", {"ts": ["word 1"]}, journal=path)
    options: dict[str, Any] = {"text": FAN, "args": {"ts": ["word 1"]}}
    change(options)
    text, args = options.pop("text"), options.pop("args")
    with pytest.raises(orch.OrchError) as caught:
        orch.compile(text, backend="sim").run("main", args, journal=path, resume=True, **options)
    d, = caught.value.diagnostics
    assert d.code == "E0831" and said in d.message and caught.value.exit_code == 2
    assert orch.compile(text, backend="sim").run("main", args, journal=path, **options).usage["cached"] == 0
    # two runs in one file: each goes on by itself
    assert orch.compile(text, backend="sim").run("main", args, journal=path, resume=True, **options).usage["cached"]
    again = orch.compile("# a remark\n" + FAN, backend="sim")
    assert again.run("main", {"ts": ["word 1"]}, journal=path, resume=True).usage["cached"] == 1


def test_an_empty_journal_begins_a_run(tmp_path: Path) -> None:
    said: list[str] = []
    program = orch.compile(FAN, backend="sim", journal=tmp_path / "j", resume=True)
    done = program.run("main", {"ts": ["a"]}, on_event=lambda e: said.append(e.message))
    assert done.usage["cached"] == 0 and any("begins anew" in message for message in said)


# ---------------------------------------------------------------- files that cannot be used

def refusal(path: Path, **options: Any) -> str:
    program = orch.compile(FAN, backend="sim", journal=path, **options)
    with pytest.raises(orch.OrchError) as caught:
        program.run("main", {"ts": WORDS})
    d, = caught.value.diagnostics
    assert d.code == "E0830" and d.hint and caught.value.exit_code == 2
    return d.message


def test_files_that_are_no_journal_are_left_alone(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("These are my notes, and no journal at all. " * 9)
    db = sqlite3.connect(other)
    db.execute("CREATE TABLE mine(x)")
    db.close()
    before = text.read_bytes(), other.read_bytes()
    assert "no journal" in refusal(text) and "another program" in refusal(other)
    assert (text.read_bytes(), other.read_bytes()) == before
    assert "a folder" in refusal(tmp_path) and "no folder" in refusal(tmp_path / "no" / "j")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt", "other.db"], "and nothing is left behind"


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j"
    orch.compile(FAN, backend="sim").run("main", {"ts": ["a"]}, journal=path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=7")
    db.close()
    assert "another version" in refusal(path)


def test_a_journal_in_use_is_refused(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "j-lock")
    try:
        message = refusal(tmp_path / "j")
        assert "another run" in message and str(os.getpid()) in message
    finally:
        lock.release()
    assert orch.compile(FAN, backend="sim").run("main", {"ts": ["a"]}, journal=tmp_path / "j").result


@pytest.mark.parametrize("damage", ["tokens = tokens + 1", "answer = CAST(answer AS TEXT)"])
def test_damage_is_found(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "j"
    orch.compile(FAN, backend="sim").run("main", {"ts": WORDS}, journal=path)
    db = sqlite3.connect(path)
    db.execute(f"UPDATE calls SET {damage} WHERE id = 5")
    db.commit()
    db.close()
    program = orch.compile(FAN, backend="sim", journal=path, resume=True)
    with pytest.raises(orch.RunFailed) as caught:
        program.run("main", {"ts": WORDS})
    assert caught.value.diagnostics[0].code == "E0830" and "damaged" in caught.value.diagnostics[0].message
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    assert "damaged" in refusal(path, resume=True)


def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the run ends with what is wrong, and goes on elsewhere."""
    program, journal = tmp_path / "p.orch", tmp_path / "j.db"
    program.write_text(FAN.replace("fake/m", "openai/good"))
    words = [f"word {i} " * 40 for i in range(300)]
    (tmp_path / "a.json").write_text(json.dumps({"ts": words}))
    with Loopback(lambda asked: "yes " * 9, delay=0.002) as server:
        environment = {**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-secret"}
        command = [sys.executable, "-m", "orch", "run", str(program), "--args", str(tmp_path / "a.json"), "--journal",
                   str(journal), "--concurrency", "8", "--format", "json"]
        full = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000)))
        assert full.returncode == 3, full.stdout + full.stderr
        error, = json.loads(full.stdout)["errors"]
        assert error["code"] == "E0830" and "disk" in error["message"] and "Traceback" not in full.stderr
        sent = len(server.asked)
        rest = subprocess.run([*command, "--resume"], env=environment, capture_output=True, text=True, timeout=60,
                              check=False)
        assert rest.returncode == 0, rest.stdout + rest.stderr
        cached = json.loads(rest.stdout)["usage"]["cached"]
        assert 0 < sent < 300 and sent - cached <= 8, "no more is lost than was in flight"
        assert len(server.asked) == 300 + sent - cached


def test_a_journal_that_may_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "j"
    orch.compile(FAN, backend="sim").run("main", {"ts": ["a"]}, journal=path)
    journal = Journal.read(path)
    with pytest.raises(JournalFault, match="read-only"):
        journal.begin("p", "main", {})
    journal.close()


# ---------------------------------------------------------------- the cache

def test_the_cache_spares_equal_calls_of_other_runs(tmp_path: Path) -> None:
    def cached_run(text: str, words: list[str], backend: Fake) -> Outcome:
        return execute(orch.compile(text).core, "main", {"ts": words}, backend, cache=tmp_path / "c", concurrency=4)

    first = Fake(lambda r: r.prompt.upper())
    before = cached_run(FAN, WORDS[:20], first)
    second = Fake(lambda r: r.prompt.upper())
    other = FAN.replace("fn main", "# another program\nfn main").replace("ask", "say")
    after = cached_run(other, WORDS, second)
    assert second.asked == 20 and after.result[:20] == before.result
    assert after.usage is not None and after.usage.cached == 20 and after.usage.metrics["calls"] == 40
    assert after.usage.paid_dollars == pytest.approx(after.usage.metrics["dollars"] / 2)  # type: ignore[operator]
    third = Fake(lambda r: r.prompt.upper())
    cached_run(FAN.replace("Text[9]", "Text[8]"), WORDS[:5], third)
    cached_run(FAN.replace("fake/m", "fake/other"), WORDS[:5], third)
    assert third.asked == 10, "another model, or another size of answers, is another question"


def test_samples_are_kept_apart(tmp_path: Path) -> None:
    """The second run gets five answers for the same question, not one five times."""
    text = MODEL + ASK + "fn main(n: Int) -> List[Text[9]] { for i in range(n) { call ask(\"a thing\") } }"

    def five(backend: Fake, n: int) -> Any:
        return execute(orch.compile(text).core, "main", {"n": n}, backend, cache=tmp_path / "c").result

    numbers = iter(range(100))
    first = five(Fake(lambda r: f"thing {next(numbers)}"), 5)
    assert len(set(first)) == 5
    later = Fake(lambda r: "late")
    assert five(later, 7) == [*first, "late", "late"] and later.asked == 2


def test_the_cache_of_the_command_lies_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "p.orch"
    path.write_text(FAN)
    monkeypatch.setenv("ORCH_CACHE", str(tmp_path / "deep" / "cache"))
    counts = []
    for _ in range(2):
        assert main(["run", str(path), "--arg", 'ts=["a", "b"]', "--backend", "sim", "--cache", "--journal",
                     str(tmp_path / "j"), "--format", "json"]) == 0
        counts.append(json.loads(capsys.readouterr().out)["usage"]["cached"])
    assert counts == [0, 2] and (tmp_path / "deep" / "cache").is_file()
    monkeypatch.setenv("ORCH_CACHE", str(tmp_path))
    assert main(["run", str(path), "--arg", "ts=[]", "--backend", "sim", "--cache"]) == 2
    assert "E0830" in capsys.readouterr().err


# ---------------------------------------------------------------- looking at it

def test_runs_and_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.orch"
    path.write_text(MODEL + ASK + """
fn one(t: Text[n]) -> Text[9] { call ask(vote of 2 { call ask(t) }) }
fn main(ts: List[Text[k], n]) -> List[Text[9]] {
  let start = call ask("start")
  [start] ++ par for t in ts { one(t) }
}""")
    monkeypatch.chdir(tmp_path)

    def said(*arguments: str) -> str:
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    assert "No run" in said("runs")
    run = ["run", str(path), "--backend", "sim", "--sim", "largest", "--arg", 'ts=["a", "b"]']
    said(*run, "--journal", "j.db")
    said(*run, "--journal", "j.db", "--resume")
    said(*run, "--journal", "j.db", "--seed", "3")
    listed = json.loads(said("runs", "--format", "json"))["runs"]
    assert [(r["id"], r["state"], r["sessions"], r["calls"]) for r in listed] == [(1, "done", 2, 7), (2, "done", 1, 7)]
    assert listed[0]["paid_dollars"] == pytest.approx(listed[0]["usage"]["dollars"]) and "p.orch" in said("runs")
    page = json.loads(said("show", "1", "--format", "json"))
    tree = page["tree"]
    assert (tree["kind"], tree["name"], tree["calls"]) == ("function", "main", 7)
    assert [c["kind"] for c in tree["children"]] == ["call", "branch", "branch"]
    inner, = tree["children"][2]["children"]
    assert inner["name"] == "one" and inner["calls"] == 3
    assert [(c["kind"], c.get("number")) for c in inner["children"]] == [("sample", 0), ("sample", 1), ("call", None)]
    assert tree["output_tokens"] == 63 and tree["dollars"] == pytest.approx(listed[0]["usage"]["dollars"])
    text = said("show", "last")
    assert "[1] one" in text and "sample 0 call ask" in text and text.count("call ask") == 7
    assert json.loads(said("show", "1", "--depth", "0", "--format", "json"))["tree"]["hidden"] == 3
    assert main(["show", "9"]) == 2 and "there are: 1, 2" in capsys.readouterr().err


def test_a_run_that_was_killed_is_listed_as_stopped(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j", durable=False)
    journal.begin("p.orch", "main", {})
    reader = Journal.read(tmp_path / "j")
    assert [r.state for r in reader.runs()] == ["running"], "a reader does not disturb"
    journal.close()
    assert [r.state for r in reader.runs()] == ["stopped"]
    reader.close()


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "p.orch").write_text(FAN.replace("fake/m", "openai/good"))
    with Loopback(lambda asked: "yes", delay=0.05) as server:
        environment = {**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-secret"}
        command = [sys.executable, "-m", "orch", "run", str(tmp_path / "p.orch"), "--arg", "ts=" + json.dumps(WORDS),
                   "--journal", str(tmp_path / "j"), "--concurrency", "4", "--format", "json"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while len(server.asked) < 20:
            assert process.poll() is None, "it ended by itself"
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 130 and json.loads(out)["errors"][0]["code"] == "E0899"
        reader = Journal.read(tmp_path / "j")
        assert [r.state for r in reader.runs()] == ["interrupted"]
        reader.close()
        sent = len(server.asked)
        again = subprocess.run([*command, "--resume", "--budget-calls", "44"], env=environment, capture_output=True,
                               text=True, timeout=30, check=False)
        assert again.returncode == 0, again.stderr
        cached = json.loads(again.stdout)["usage"]["cached"]
        assert 16 <= cached < 40 and sent - cached <= 4 and len(server.asked) - sent == 40 - cached


def test_no_attempt_is_forgotten_at_a_kill(tmp_path: Path) -> None:
    """At every moment the journal on the disk tells of at least as much as was sent: attempts between two, too."""
    text = MODEL + """
primitive pick(t: Text[n]) -> Int[0..9] { prompt: "{t}", attempts: 6 }
fn main(ts: List[Text[k], n]) -> List[Int] { par for t in ts { call pick(t) else 0 } }"""
    path, behind, tokens = tmp_path / "j", [], 0
    rng = random.Random(3)

    def answer(request: Any) -> Any:
        nonlocal tokens
        tokens += 2     # of what is sent, at least the prompt is read
        copy = tmp_path / "copy"
        copy.unlink(missing_ok=True)
        with sqlite3.connect(path) as db, sqlite3.connect(copy) as other:
            db.backup(other)
        db.close()
        other.close()
        journal = Journal.open(copy, durable=False)
        spent = journal.resume(1)[2]
        journal.close()
        if spent.calls < backend.asked or spent.tokens < tokens:
            behind.append((spent, backend.asked))
        return rng.choice([
            "no number", "7", BackendError("down", kind="status 500", retryable=True, retry_after=0.001),
            BackendError("cut", kind="connection", retryable=True, retry_after=0.001)])

    backend = Fake(answer, 0.001)
    outcome = run(text, {"ts": WORDS[:25]}, backend, path, concurrency=4)
    assert outcome.error is None and backend.asked > 50 and behind == []


def test_budgets_are_totals_over_all_sessions(tmp_path: Path) -> None:
    """Sessions are interrupted at any moment, most often between two attempts of a call."""
    text = MODEL + """
primitive pick(t: Text[n]) -> Int[0..9] { prompt: "{t}", attempts: 9 }
fn main(ts: List[Text[k], n]) -> List[Int] { par for t in ts { call pick(t) else 0 } }"""
    program, rng, reached = orch.compile(text).core, random.Random(5), False
    backends = []

    async def session(backend: Fake) -> Outcome | None:
        task = asyncio.create_task(aexecute(
            program, "main", {"ts": WORDS}, backend, concurrency=4, budget=Budget(calls=90), journal=tmp_path / "j",
            resume=True))
        done, _ = await asyncio.wait([task], timeout=rng.random() * 0.05)
        if done:
            return task.result()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return None

    for _ in range(60):
        backend = Fake(lambda r: rng.choice([
            "no", "no", "4", BackendError("down", kind="status 500", retryable=True, retry_after=0.02)]), 0.001)
        backends.append(backend)
        outcome = asyncio.run(session(backend))
        if outcome is not None:
            assert outcome.error is not None and outcome.error.kind == "budget", outcome.error
            reached = True
            break
    sent = sum(b.asked for b in backends)
    assert reached and len(backends) > 1 and 60 < sent <= 90    # how many sessions is up to the machine


def test_runs_tells_calls_from_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = MODEL + ASK + 'tool look(t: Text[n]) -> Text[5] { python: "x:look" }\n' \
        "fn main(ts: List[Text[k], n]) -> List[Text[9]] { for t in ts { call ask(look(t)) } }"
    orch.compile(text, backend="sim", journal=tmp_path / "j").run("main", {"ts": WORDS[:3]})
    assert main(["runs", "--journal", str(tmp_path / "j"), "--format", "json"]) == 0
    listed, = json.loads(capsys.readouterr().out)["runs"]
    assert (listed["calls"], listed["tool_calls"]) == (3, 3)
    assert main(["runs", "--journal", str(tmp_path / "j")]) == 0
    assert "TOOLS" in capsys.readouterr().out


def test_what_is_in_flight_at_a_kill_counts_as_spent(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j", durable=False)
    journal.begin("p.orch", "main", {})
    journal.set_aside(Cost(3, 50, 7))
    journal.write([RECORD], [])
    journal.close()
    journal = Journal.open(tmp_path / "j", durable=False)
    assert journal.resume(1) == (1, 3, Cost(3 + 2, 50 + 30, 7 + 9))
    journal.finish("done", None)
    journal.close()
    journal = Journal.open(tmp_path / "j", durable=False)
    assert journal.resume(1)[2] == Cost(5, 80, 16), "once, not again"
    assert journal.at(5, b"d" * 16) == (RECORD, False) and journal.at(5, b"e" * 16) == (None, True)
    assert journal.at(6, b"d" * 16) == (None, False)
    journal.close()


RECORD = Record(5, 1, b"d" * 16, "answered", "ask", b"[]", 10, 5, 3, 0, 0, 0.25, True, 9, None, 1, 15, 4, 2, 2, 30, 9,
                False, 1.5, "")


# ---------------------------------------------------------------- values, secrets

@pytest.mark.parametrize(("type_", "value"), [
    (TextT(), Text("naïve\ud83d \x00", 9)), (IntT(), -3), (IntT(), 10 ** 5000), (FloatT(), 0.1), (BoolT(), True),
    (EnumT("E", ("a", "b")), "b"), (ListT(IntT()), ()), (TupleT((IntT(), ListT(BoolT()))), (4, (True, False))),
    (ListT(TextT()), make_list([Text(str(i), 2) for i in range(99)])),
], ids=lambda x: type(x).__name__)
def test_values_come_back_as_they_were(type_: Any, value: Any) -> None:
    codec = Codec(type_)
    back = codec.decode(codec.encode(value))
    assert back == value and type(back) is type(value)
    if isinstance(value, Text):
        assert back.tokens == value.tokens
    with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
        Codec(TextT()).decode(b"[")


def test_no_file_of_a_run_holds_a_key(tmp_path: Path) -> None:
    """A server that quotes the key in its refusal, and an answer: nothing that a run writes or prints holds it."""
    key = "sk-live-0123456789abcdefghij"
    (tmp_path / "p.orch").write_text(FAN.replace("fake/m", "openai/good") + """
model bad = "openai/status-401"
primitive fail(t: Text[n]) -> Text[9] { model: bad, prompt: "{t}" }
fn refused(t: Text[n]) -> Text[9] { call fail(t) else call ask(t) }
fn denied(t: Text[n]) -> Text[9] { call fail(t) }""")
    with Loopback("fine") as server:
        environment = {**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": key,
                       "ORCH_CACHE": str(tmp_path / "cache")}
        printed = ""
        for entry in ("refused", "denied"):
            done = subprocess.run(
                [sys.executable, "-m", "orch", "run", str(tmp_path / "p.orch"), "--entry", entry, "--arg", "t=hello",
                 "--journal", str(tmp_path / f"{entry}.db"), "--cache", "--trace", str(tmp_path / f"{entry}.jsonl"),
                 "-o", str(tmp_path / f"{entry}.out")],
                env=environment, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == (0 if entry == "refused" else 3), done.stderr
            printed += done.stdout + done.stderr
        assert any(key in value for headers in server.headers for value in headers.values()), "the key was used"
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) >= 5 and b"status 401" in (tmp_path / "refused.jsonl").read_bytes()
    for secret in (key, key[:12], key[8:]):
        assert secret not in printed
        for file in files:
            assert secret.encode() not in file.read_bytes(), file
