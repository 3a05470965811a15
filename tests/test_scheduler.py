"""Concurrency, virtual time, cancellation; real calls through a backend that is a Python function."""
from __future__ import annotations

import asyncio
import gc
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import program, run, value

from orch.compiler import core
from orch.runtime.backends.base import BackendError, Request, Response
from orch.runtime.events import Event
from orch.runtime.execute import Outcome, Sim, aexecute, execute
from orch.runtime.machine import Ask, Strand

MODEL = 'model m = "fake/m" { ttft: 1, prefill: 1000000000, decode: 10 }\n'
ASK = 'primitive ask(i: Int) -> Text[10..10] { prompt: "{i}", attempts: 1 }\n'
FAN = MODEL + ASK + "fn main(n: Int) -> List[Text] { par for i in range(n) { call ask(i) } }"


# ---------------------------------------------------------------- virtual time

@pytest.mark.parametrize(("n", "concurrency", "seconds"), [
    (10, None, 2), (10, 1, 20), (10, 4, 6), (0, 3, 0), (1000, 10, 200),
])
def test_time_is_virtual(n: int, concurrency: int | None, seconds: float) -> None:
    outcome = run(FAN, {"n": n}, concurrency=concurrency)
    assert outcome.usage is not None
    assert outcome.usage.seconds == pytest.approx(seconds, abs=0.01)
    assert outcome.usage.metrics["latency"] == pytest.approx(2 if n else 0, abs=0.01)
    assert outcome.usage.metrics["width"] == min(n, concurrency or n)
    assert outcome.usage.metrics["rounds"] == (1 if n else 0)


def test_unknown_speeds_and_prices_stay_unknown() -> None:
    text = ASK + "fn main(n: Int) -> List[Text] { for i in range(n) { call ask(i) } }"
    outcome = run(text, {"n": 7})
    assert outcome.usage is not None
    assert outcome.usage.seconds == 7
    assert outcome.usage.metrics["latency"] is None and outcome.usage.metrics["dollars"] is None


def test_the_meter_evaluates_the_table_of_metrics() -> None:
    text = """
model m = "fake/m" { size: 3, price_in: 2, price_out: 10, ttft: 0.5, prefill: 100, decode: 10 }
primitive ask(t: Text[n]) -> Text[5..5] { prompt: "{t}", error: 0.25 }
fn main(t: Text[n]) -> (Text, Text) { (call ask(t), call ask(t)) }"""
    outcome = run(text, {"t": "a b c d"}, tokenizer="words")
    assert outcome.usage is not None
    usage = outcome.usage.to_json()
    assert usage["input_tokens"] == 8 and usage["output_tokens"] == 10 and usage["context"] == 9
    assert usage["dollars"] == pytest.approx(2 * (4 * 2 + 5 * 10) / 1e6)
    assert usage["latency"] == pytest.approx(2 * (0.5 + 4 / 100 + 5 / 10))
    assert usage["forward"] == 2 * 3 * (4 * 5 + 10) and usage["attention"] == 2 * 3 * (16 + 20 + 12.5)
    assert usage["unreliability"] == pytest.approx(0.57536414, rel=1e-6)
    assert usage["by_primitive"]["ask"]["calls"] == 2


def test_rounds_are_the_critical_path() -> None:
    text = ASK + """
fn chain(k: Int) -> Int { len(for i in range(k) { call ask(i) }) }
fn main(n: Int) -> Int {
  let (a, b) = par (chain(3), sum(par for i in range(n) { chain(i) }))
  a + b + chain(2)
}"""
    outcome = run(text, {"n": 8})
    assert outcome.usage is not None
    assert outcome.usage.metrics["rounds"] == 7 + 2 and outcome.usage.metrics["calls"] == 3 + 28 + 2


def test_a_long_loop_holds_no_more_strands_than_calls_in_flight() -> None:
    most = 0

    def watch(event: Event) -> None:
        nonlocal most
        if event.kind == "answered" and event.place % 97 == 0:
            most = max(most, sum(isinstance(o, Strand) for o in gc.get_objects()))

    gc.collect()
    outcome = run(FAN, {"n": 3000}, concurrency=16, on_event=watch)
    assert outcome.error is None and 0 < most <= 16 + 3


def test_events_tell_what_happens() -> None:
    seen: list[Event] = []
    run(FAN, {"n": 3}, concurrency=2, on_event=seen.append)
    assert [e.kind for e in seen].count("answered") == 3 and [e.kind for e in seen].count("sent") == 3
    assert all(e.name == "ask" and e.prompt == 1 for e in seen)
    assert len({e.place for e in seen}) == 3


# ---------------------------------------------------------------- cancellation

def test_the_first_failure_cancels_the_siblings() -> None:
    text = MODEL + """
primitive slow(i: Int) -> Text[1000..1000] { prompt: "{i}" }
primitive quick(i: Int) -> Int[0..9] { prompt: "{i}", attempts: 1 }
fn one(i: Int) -> Int { if i == 50 { call quick(i) } else { len([call slow(i)] ++ [call slow(i)]) } }
fn main(n: Int) -> Int { sum(par for i in range(n) { first(par for j in range(3) { one(i) }) }) }"""
    outcome = run(text, {"n": 100}, oracle={"quick": lambda i: 77})
    assert outcome.error is not None and outcome.error.kind == "call"
    assert outcome.usage is not None
    assert outcome.usage.seconds < 3, "the slow calls were waited for"
    assert outcome.usage.metrics["calls"] == 300
    del outcome
    gc.collect()
    assert not any(isinstance(o, Strand | Ask) for o in gc.get_objects())


def test_an_absorbed_failure_cancels_no_more_than_its_sample() -> None:
    text = MODEL + """
primitive quick(i: Int) -> Int[0..9] { prompt: "{i}", attempts: 1 }
fn main(n: Int) -> List[Int] {
  par for i in range(n) { vote of 3 { sum(par for j in range(3) { call quick(i * 3 + j) }) } else 0 - 1 }
}"""
    oracle = {"quick": lambda i: 10 if i == 4 else 1}
    for concurrency in (None, 1, 3):
        assert value(text, {"n": 3}, oracle=oracle, concurrency=concurrency) == [3, -1, 3]


# ---------------------------------------------------------------- real calls

class Fake:
    """A backend that is a function of the request; counts what is under way."""

    name = "fake"
    max_in_flight: int | None = None

    def __init__(self, answer: Callable[[Request], Any], delay: float = 0.0) -> None:
        self._answer, self._delay = answer, delay
        self.running = self.most = self.asked = 0
        self.state = "new"
        self.requests: list[Request] = []

    def room(self, tokens: int, structured: bool) -> int:
        return tokens

    async def open(self) -> None:
        self.state = "open"

    async def close(self) -> None:
        self.state = "closed"

    async def complete(self, request: Request) -> Response:
        assert self.state == "open"
        self.requests.append(request)
        self.asked += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self._delay)
            answer = self._answer(request)
        finally:
            self.running -= 1
        if isinstance(answer, Exception):
            raise answer
        return Response(answer, 11, 5, None, "fake", "stop")


def live(text: str, arguments: dict[str, Any], backend: Fake, **options: Any) -> Outcome:
    outcome = execute(program(text), "main", arguments, backend, **options)
    assert backend.running == 0 and backend.state in ("closed", "new")
    return outcome


def test_prompts_go_out_and_answers_come_in() -> None:
    text = """
model m = "fake/big" { temperature: 0.5 }
type Finding { title: Text[3], severity: Int[1..5] }
primitive find(t: Text[n], many: List[Text]) -> List[Finding, 2] {
  system: "You find."
  prompt: "In {t}:\\n{many}"
}
fn main(t: Text) -> List[Finding] { call find(t, ["a", "b"]) }"""
    backend = Fake(lambda r: 'Sure! ```json\n{"value": [{"title": "much too long a title", "severity": 2}]}\n```')
    outcome = live(text, {"t": "here"}, backend, tokenizer="words", seed=5)
    assert outcome.result == [{"title": "much too long", "severity": 2}]
    request, = backend.requests
    assert (request.model, request.system, request.prompt) == ("fake/big", "You find.", "In here:\n- a\n- b")
    assert request.temperature == 0.5 and request.schema is not None and request.seed is not None
    assert outcome.usage is not None
    usage = outcome.usage.to_json()
    assert usage["cut"] == 1 and usage["output_tokens"] == 2 + (2 + 3 * 2 + 3 + 1)
    assert usage["billed_input_tokens"] == 11 and usage["billed_output_tokens"] == 5


def test_a_malformed_answer_is_asked_for_again_with_the_fault() -> None:
    text = 'primitive n(i: Int) -> Int[1..5] { prompt: "{i}" }\nfn main(i: Int) -> Int { call n(i) else 0 - 1 }'
    answers = iter(["nine", "9", "4"])
    backend = Fake(lambda r: next(answers))
    outcome = live(text, {"i": 1}, backend)
    assert outcome.result == 4 and outcome.usage is not None and outcome.usage.retries == 2
    assert [bool(r.complaint) for r in backend.requests] == [False, True, True]
    assert [r.attempt for r in backend.requests] == [0, 1, 2]
    assert outcome.usage.metrics["calls"] == 1 and outcome.usage.retry_tokens > 10
    assert live(text, {"i": 1}, Fake(lambda r: "no")).result == -1


def test_errors_are_tried_again_where_that_may_help() -> None:
    text = ASK.replace("attempts: 1", "attempts: 3") + "fn main(i: Int) -> Text { call ask(i) }"
    answers: list[Any] = [BackendError("busy", kind="status 429", retryable=True, retry_after=0.01), "w"]
    backend = Fake(lambda r: answers[min(backend.asked, 2) - 1])
    outcome = live(text, {"i": 1}, backend)
    assert outcome.error is None and outcome.usage is not None
    assert outcome.usage.retries == 1 and outcome.usage.retry_tokens == 0 and outcome.usage.padded == 1
    refused = Fake(lambda r: BackendError("no such model", kind="refused"))
    outcome = live(text, {"i": 1}, refused)
    assert refused.asked == 1
    assert outcome.error is not None and outcome.error.message == "the call of 'ask' failed: no such model"


@pytest.mark.parametrize("concurrency", [1, 7, 64])
def test_calls_in_flight_are_limited(concurrency: int) -> None:
    backend = Fake(lambda r: r.prompt, 0.001)
    outcome = live(FAN, {"n": 100}, backend, concurrency=concurrency)
    assert outcome.result == [str(i) for i in range(100)]
    assert backend.most == concurrency and outcome.usage is not None
    assert outcome.usage.metrics["width"] == concurrency


def test_interleaving_does_not_change_the_result() -> None:
    text = MODEL + """
primitive split_up(t: Text[n]) -> Int[1..3] { prompt: "{t}" }
fn main(t: Text[n], depth: Int) -> Text {
  if depth <= 0 { t } else {
    let k = call split_up(t)
    join(par for (i, part) in enumerate(split(t, k)) { main(part ++ "{i}", depth - 1) }, "|")
  }
}"""
    arguments = {"t": "one two three four five six seven eight", "depth": 4}
    found = {
        live(text, arguments, Fake(lambda r: str(len(r.prompt) % 3 + 1), delay), concurrency=c).result
        for c, delay in ((1, 0.0), (3, 0.0001), (64, 0.0005))
    }
    assert len(found) == 1


def test_cancellation_leaves_nothing_running() -> None:
    def answer(request: Request) -> Any:
        return BackendError("broken", kind="refused") if request.prompt == "5" else "w"

    class Uneven(Fake):
        async def complete(self, request: Request) -> Response:
            self._delay = 0.01 if request.prompt == "5" else 30
            return await super().complete(request)

    backend = Uneven(answer)

    async def main() -> tuple[Outcome, int]:
        outcome = await aexecute(program(FAN), "main", {"n": 2000}, backend, concurrency=500)
        return outcome, len(asyncio.all_tasks())

    outcome, tasks = asyncio.run(main())
    assert outcome.error is not None and outcome.error.message.endswith("broken")
    assert [f.index for f in outcome.error.path if f.index is not None] == [5]
    assert tasks == 1 and backend.running == 0 and backend.state == "closed"


def test_cancelling_the_whole_run_leaves_nothing_running() -> None:
    backend = Fake(lambda r: "w", 30)

    async def main() -> int:
        task = asyncio.create_task(aexecute(program(FAN), "main", {"n": 1000}, backend, concurrency=100))
        await asyncio.sleep(0.05)
        assert backend.running == 100
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1
    assert backend.running == 0 and backend.state == "closed"


def test_a_bug_in_a_backend_ends_the_run() -> None:
    outcome = live(FAN, {"n": 3}, Fake(lambda r: ValueError("oops")))
    assert outcome.error is not None and outcome.error.kind == "internal" and "oops" in outcome.error.message


def test_each_model_has_its_backend() -> None:
    text = """
model a = "one/a"
model b = "two/b"
model c = "three/c"
primitive pa(i: Int) -> Text[9] { model: a, prompt: "{i}" }
primitive pb(i: Int) -> Text[9] { model: b, prompt: "{i}" }
fn main(i: Int) -> (Text, Text) { (call pa(i), call pb(i)) }"""
    made: dict[str, Fake] = {}

    def backend(model: core.Model) -> Fake:
        return made.setdefault(model.target, Fake(lambda r: r.model))

    assert execute(program(text), "main", {"i": 1}, backend).result == ["one/a", "two/b"]
    assert sorted(made) == ["one/a", "two/b"], "c is not reachable"

    def missing(model: core.Model) -> Fake:
        raise BackendError("the key KEY_OF_ONE is not set", kind="key")

    outcome = execute(program(text), "main", {"i": 1}, missing)
    assert outcome.error is not None and outcome.error.kind == "backend" and "KEY_OF_ONE" in outcome.error.message


def test_a_run_within_a_running_loop() -> None:
    async def main() -> tuple[Outcome, Outcome, Outcome]:
        there = execute(program(FAN), "main", {"n": 3}, Fake(lambda r: r.prompt))
        simulated = await aexecute(program(FAN), "main", {"n": 3}, Sim("largest"))
        return there, simulated, execute(program(FAN), "main", {"n": 3}, Sim("largest"))

    there, simulated, plain = asyncio.run(main())
    assert there.result == ["0", "1", "2"] and simulated.result == plain.result


TOOL = """
tool twice(t: Text) -> Text[9] { python: "hosttools:twice", latency: 0.1 }
fn main(n: Int) -> List[Text] { par for i in range(n) { twice("{i}") } }
"""


def test_tools_run_beside_real_models_only_if_allowed(tmp_path: Path) -> None:
    (tmp_path / "hosttools.py").write_text("def twice(t):\n    return t + t\n")
    outcome = live(TOOL, {"n": 2}, Fake(lambda r: "w"))
    assert outcome.error is not None and "--allow-tools" in outcome.error.message
    outcome = live(TOOL, {"n": 3}, Fake(lambda r: "w"), allow_tools=True, folder=tmp_path)
    assert outcome.result == ["00", "11", "22"] and outcome.usage is not None
    assert outcome.usage.metrics["tool_calls"] == 3


# ---------------------------------------------------------------- tools that take their time

SLOW_TOOL = 'tool wait(i: Int) -> Text[5] { python: "x:wait" }\n'


def test_a_failure_does_not_wait_for_a_tool() -> None:
    release, done = threading.Event(), threading.Event()

    def wait(i: int) -> str:
        release.wait(60)
        done.set()
        return "late"

    text = MODEL + ASK + SLOW_TOOL + "fn main() -> (Text, Text) { par (wait(1), call ask(2)) }"
    began = time.monotonic()
    outcome = execute(program(text), "main", {}, Fake(lambda r: BackendError("no", kind="refused"), 0.05),
                      tools={"wait": wait})
    took = time.monotonic() - began
    assert outcome.error is not None and outcome.error.kind == "call" and took < 10 and not done.is_set()
    release.set()
    assert done.wait(10), "the thread ends by itself, and what it gives is dropped"


def test_more_tools_than_threads() -> None:
    """Each in a thread, no more at once than there may be threads, and the threads are gone afterwards."""
    lock, seen = threading.Lock(), {"now": 0, "most": 0}

    def wait(i: int) -> str:
        with lock:
            seen["now"] += 1
            seen["most"] = max(seen["most"], seen["now"])
        time.sleep(0.01)
        with lock:
            seen["now"] -= 1
        return f"page {i}"

    text = MODEL + ASK + SLOW_TOOL + "fn main(n: Int) -> List[Text] { par for i in range(n) { wait(i) } }"
    outcome = execute(program(text), "main", {"n": 300}, Fake(lambda r: "x"), tools={"wait": wait})
    assert outcome.error is None and outcome.result == [f"page {i}" for i in range(300)] and 8 < seen["most"] <= 64
    deadline = time.monotonic() + 10
    while any(t.name == "orch tool" for t in threading.enumerate()):
        assert time.monotonic() < deadline, "threads are left behind"
        time.sleep(0.01)


def test_what_a_tool_raises_in_its_thread() -> None:
    for raised in (StopIteration("over"), SystemExit(3), KeyError("k")):
        def wait(i: int, raised: BaseException = raised) -> str:
            raise raised

        text = MODEL + ASK + SLOW_TOOL + 'fn main() -> (Text, Text) { (call ask(1), wait(1)) }'
        outcome = execute(program(text), "main", {}, Fake(lambda r: "x"), tools={"wait": wait})
        assert outcome.error is not None and outcome.error.kind == "tool"
        assert type(raised).__name__ in outcome.error.message


@pytest.mark.parametrize("kind", ["plain", "async", "sim", "asyncsim"])
def test_an_interrupt_does_not_wait_for_a_tool(kind: str, tmp_path: Path) -> None:
    text = SLOW_TOOL.replace("x:wait", "slow:wait") + "fn main() -> (Text, Text) { par (wait(1), wait(2)) }"
    (tmp_path / "p.orch").write_text(text)
    word = "async " if "async" in kind else ""
    nap = "await asyncio.sleep(120)" if word else "time.sleep(120)"
    (tmp_path / "slow.py").write_text(
        f"import asyncio, sys, time\n{word}def wait(i):\n    print('waiting', flush=True)\n    {nap}\n    return 'x'\n")
    command = [sys.executable, "-m", "orch", "run", str(tmp_path / "p.orch"), "--allow-tools", "--format", "json",
               *(["--backend", "sim"] if "sim" in kind else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:     # what tools print is a message; two may print at once
        if "waiting" in line:
            break
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 10 and process.returncode == 130, err
    assert json.loads(out)["errors"][0]["code"] == "E0899" and "Traceback" not in err


def test_an_interrupt_in_a_notebook_ends_the_run() -> None:
    """There the run has a thread of its own; it must not go on and pay."""
    def answer(request: Request) -> str:
        if backend.asked == 20:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return "x"

    backend = Fake(answer, 0.01)

    async def cell() -> None:
        with pytest.raises(KeyboardInterrupt):
            execute(program(FAN), "main", {"n": 100_000}, backend, concurrency=2)
        asked = backend.asked
        assert 0 < asked < 1000 and backend.state == "closed" and backend.running == 0
        await asyncio.sleep(0.1)
        assert backend.asked == asked

    loop = asyncio.new_event_loop()     # asyncio.run would take the signal itself, as notebooks do not
    loop.run_until_complete(cell())
    loop.close()
