"""Limits: requests and tokens a minute, calls in flight, refusals; in virtual time as in real time."""
from __future__ import annotations

import asyncio
import gc
import random
import time
from typing import Any

import pytest
from running import program, run
from test_scheduler import Fake

from orch.runtime.backends.base import BackendError, Request
from orch.runtime.events import Event
from orch.runtime.execute import Outcome, Sim, aexecute, execute
from orch.runtime.lanes import AHEAD, LONGEST_PAUSE, Lane, Pace, Window
from orch.runtime.machine import Ask, Strand

ASK = 'primitive ask(i: Int) -> Text[10..10] { prompt: "{i}" }\n'


def fan(limits: str) -> str:
    return f'model m = "fake/m" {{ ttft: 1, prefill: 1000000000, decode: 10, {limits} }}\n{ASK}' \
        "fn main(n: Int) -> List[Text] { par for i in range(n) { call ask(i) } }"


def timed(text: str, n: int, **options: Any) -> tuple[float, list[Event]]:
    seen: list[Event] = []
    outcome = run(text, {"n": n}, tokenizer="words", on_event=seen.append, **options)
    assert outcome.error is None and outcome.usage is not None
    return outcome.usage.seconds, seen


# ---------------------------------------------------------------- expected time, in virtual time

@pytest.mark.parametrize(("limits", "n", "options", "seconds"), [
    ("rpm: 60", 600, {}, 599 + 2),                          # one a second, and the last takes two
    ("rpm: 600000", 600, {"concurrency": 10}, 60 * 2),      # calls in flight are what limits
    ("rpm: 60", 600, {"concurrency": 1}, 600 * 2),
    ("tpm: 660", 100, {}, 99 + 2),                          # 1 token read, 10 written
    ("rpm: 120, tpm: 660", 100, {}, 99 + 2),
    ("rpm: 30, tpm: 660", 100, {}, 99 * 2 + 2),
    ("rpm: 1", 3, {}, 2 * 60 + 2),
])
def test_a_simulation_takes_the_expected_time(limits: str, n: int, options: dict[str, Any], seconds: float) -> None:
    assert timed(fan(limits), n, **options)[0] == pytest.approx(seconds, rel=1e-4)


def test_no_minute_has_more_than_its_limit() -> None:
    text = fan("rpm: 90").replace("ttft: 1", "ttft: 0.3")
    text = text.replace("call ask(i) }", "len([call ask(i)] ++ [call ask(i)]) }")
    text = text.replace("List[Text] {", "List[Int] {")
    _, seen = timed(text, 200)
    sent = [e.time for e in seen if e.kind == "sent"]
    assert len(sent) == 400 and sent == sorted(sent)
    assert all(b - a >= 60 - 1e-6 for a, b in zip(sent, sent[90:], strict=False))


@pytest.mark.parametrize("latency", [0.3, 70])
def test_no_minute_has_more_tokens_than_its_limit(latency: float) -> None:
    """Whatever single calls take: the last one of a minute fits in, too."""
    text = fan("tpm: 600").replace("Text[10..10]", "Text[1..90]").replace("ttft: 1", f"ttft: {latency}")
    _, seen = timed(text, 300, seed=5)
    sent = {e.place: e.time for e in seen if e.kind == "sent"}
    used = sorted((sent[e.place], e.prompt + e.answer) for e in seen if e.kind == "answered")
    assert len(used) == 300
    most = max(sum(tokens for other, tokens in used if at <= other < at + 60 - 1e-6) for at, _ in used)
    assert most <= 600
    least = 60 * sum(tokens for _, tokens in used) / 600
    assert latency > 60 or used[-1][0] - used[0][0] < 1.5 * least, "and little time is lost"


def test_the_window_of_a_minute() -> None:
    window = Window(100)
    first = window.take(0.0, 60)
    assert window.ready(0.0, 40) == 0.0 and window.ready(0.0, 41) == 60.0
    window.take(10.0, 40)
    assert window.ready(20.0, 60) == 60.0 and window.ready(20.0, 61) == 70.0 and window.ready(20.0, 1000) == 70.0
    window.used(first, 20)
    assert window.ready(20.0, 40) == 20.0 and window.ready(20.0, 41) == 60.0
    assert window.ready(60.0, 60) == 60.0
    window.used(first, 500)     # a minute ago: it is forgotten
    assert window.ready(61.0, 60) == 61.0 and window.ready(200.0, 1000) == 200.0


def test_tokens_that_were_not_used_are_given_back() -> None:
    """A call sets its largest answer aside; what it did not use lets the next one go earlier."""
    text = fan("tpm: 600").replace("Text[10..10]", "Text[1..100]")
    short, _ = timed(text, 50, sim="smallest", concurrency=1)
    long, _ = timed(text, 50, sim="largest", concurrency=1)
    assert short == pytest.approx(50 * 1.1, rel=0.01)
    assert long == pytest.approx(9 * 60 + 5 * 11, rel=0.01), "five of 101 tokens fit into a minute, of 11 s each"


def test_aliases_of_one_model_share_its_limit() -> None:
    text = """
model a = "fake/m" { rpm: 60, ttft: 0, prefill: 1e9, decode: 1e9 }
model b = "fake/m" { rpm: 90, ttft: 0, prefill: 1e9, decode: 1e9 }
primitive one(i: Int) -> Bool { model: a, prompt: "{i}" }
primitive two(i: Int) -> Bool { model: b, prompt: "{i}" }
fn main(n: Int) -> List[(Bool, Bool)] { par for i in range(n) { par (call one(i), call two(i)) } }"""
    text = text.replace("1e9", "1000000000")
    assert timed(text, 30)[0] == pytest.approx(59, abs=0.01)


# ---------------------------------------------------------------- one model does not hold up another

TWO = """
model slow = "fake/slow" { ttft: 100, prefill: 1000000000, decode: 1000000000, LIMIT }
model fast = "fake/fast" { ttft: 1, prefill: 1000000000, decode: 1000000000 }
primitive drag(i: Int) -> Bool { model: slow, prompt: "{i}" }
primitive dash(i: Int) -> Bool { model: fast, prompt: "{i}" }
fn main(n: Int) -> (List[Bool], List[Bool]) {
  par (par for i in range(n) { call drag(i) }, par for i in range(n) { call dash(i) })
}"""


@pytest.mark.parametrize(("limit", "concurrency", "most"), [
    ("rpm: 6", None, 1.001), ("rpm: 6", 10, 41), ("size: 1", 10, 41), ("size: 1", 2, 201), ("tpm: 60", 10, 41),
])
def test_a_slow_model_holds_up_none_but_its_own_calls(limit: str, concurrency: int | None, most: float) -> None:
    for order in (TWO, TWO.replace("call drag(i) }, par for i in range(n) { call dash(i)",
                                   "call dash(i) }, par for i in range(n) { call drag(i)")):
        _, seen = timed(order.replace("LIMIT", limit), 200, concurrency=concurrency)
        last = max(e.time for e in seen if e.kind == "answered" and e.name == "dash")
        assert last <= most


def test_what_is_left_goes_to_whoever_needs_it() -> None:
    """Shares of the calls in flight are no limit: a model alone has them all."""
    seconds, seen = timed(TWO.replace("LIMIT", "size: 1"), 200, concurrency=10)
    assert seconds <= 100 * 200 / 10 + 200 / 10 + 100 + 1, "work over width, and the longest call"
    drags = [e.time for e in seen if e.kind == "sent" and e.name == "drag"]
    assert sum(1 for t in drags if 100 <= t < 200) == 10


def test_calls_that_would_wait_are_not_made() -> None:
    most = 0

    def watch(event: Event) -> None:
        nonlocal most
        if event.kind == "answered" and event.place % 211 == 0:
            most = max(most, sum(isinstance(o, Strand | Ask) for o in gc.get_objects()))

    nested = fan("rpm: 6000").replace("call ask(i) }", "last(par for j in range(n) { call ask(j) }) }")
    in_flight = 6000 // 60 * 2     # calls of two seconds
    for text, n in ((fan("rpm: 6000"), 5000), (nested, 60)):
        gc.collect()
        outcome = run(text, {"n": n}, on_event=watch)
        assert outcome.error is None and 0 < most <= 3 * (in_flight + AHEAD)


# ---------------------------------------------------------------- refusals

class Limited(Fake):
    """Takes so many calls a window of time and refuses the others, as providers do."""

    def __init__(self, calls: int, window: float, retry_after: float | None) -> None:
        super().__init__(self._judge, 0.002)
        self._calls, self._window, self._retry_after = calls, window, retry_after
        self._taken: list[float] = []
        self.refused = 0

    def _judge(self, request: Request) -> Any:
        now = time.monotonic()
        self._taken = [t for t in self._taken if now - t < self._window]
        if len(self._taken) >= self._calls:
            self.refused += 1
            return BackendError("too fast", kind="status 429", retryable=True, retry_after=self._retry_after)
        self._taken.append(now)
        return "yes"


@pytest.mark.parametrize("retry_after", [0.05, 0.02])
def test_refusals_make_a_run_slower_and_fail_no_call(retry_after: float) -> None:
    backend = Limited(20, 0.1, retry_after)
    seen: list[Event] = []
    outcome = execute(program(fan("rpm: 1000000")), "main", {"n": 150}, backend, concurrency=64, on_event=seen.append)
    assert outcome.error is None and outcome.usage is not None and outcome.usage.metrics["calls"] == 150
    assert 0 < backend.refused < 300 and outcome.usage.retries == backend.refused
    assert outcome.usage.retry_tokens == 0 and outcome.usage.seconds < 20
    assert [e.kind for e in seen].count("waiting") == backend.refused


def test_nothing_is_sent_while_the_provider_asks_to_wait() -> None:
    answers = [BackendError("slow down", kind="status 429", retryable=True, retry_after=0.3)]
    times: list[float] = []

    def answer(request: Request) -> Any:
        times.append(time.monotonic())
        return answers.pop() if answers else "yes"

    outcome = execute(program(fan("rpm: 1000000")), "main", {"n": 5}, Fake(answer), concurrency=1)
    assert outcome.error is None and times[1] - times[0] >= 0.3 and times[-1] - times[1] < 0.3


def test_a_wait_of_hours_fails_at_once_and_says_so() -> None:
    backend = Fake(lambda r: BackendError("busy.", kind="status 429", retryable=True, retry_after=3600))
    began = time.monotonic()
    outcome = execute(program(fan("rpm: 60000")), "main", {"n": 5}, backend, concurrency=1)
    assert outcome.error is not None and time.monotonic() - began < 5
    assert "asks to wait 3,600 s, and a run waits 600 s at most" in outcome.error.message


def test_a_long_wait_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Event] = []
    backend = Fake(lambda r: BackendError("busy", kind="status 429", retryable=True, retry_after=60))

    async def a_while() -> None:
        task = asyncio.create_task(
            aexecute(program(fan("rpm: 60000")), "main", {"n": 3}, backend, on_event=seen.append))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(a_while())
    said = [e.message for e in seen if e.kind == "waiting"]
    assert backend.asked == 3 and said and "fake/m asks to slow down; it is asked again in 6" in said[0]


def test_a_model_that_refuses_does_not_hold_up_another() -> None:
    def answer(request: Request) -> Any:
        if request.model == "fake/slow" and time.monotonic() - began < 0.4:
            return BackendError("busy", kind="status 429", retryable=True, retry_after=0.5)
        return "true"

    backend, began = Fake(answer, 0.001), time.monotonic()
    seen: list[Event] = []
    outcome = execute(program(TWO.replace("LIMIT", "size: 1")), "main", {"n": 40}, backend, on_event=seen.append,
                      concurrency=8)
    assert outcome.error is None
    assert max(e.time for e in seen if e.kind == "answered" and e.name == "dash") < 0.5
    assert min(e.time for e in seen if e.kind == "answered" and e.name == "drag") >= 0.5


# ---------------------------------------------------------------- the parts

def lane(most: float = 64) -> Lane:
    return Lane("m", most, None, None, 0.0, random.Random(1))


def test_a_round_of_refusals_halves_what_may_be_in_flight_and_answers_bring_it_back() -> None:
    one = lane(64)
    for _ in range(64):
        one.sent(0.0, 0)
    for _ in range(64):
        one.refused(0.0, 0.5, 1.0)
    assert one.cap == 32 and one.ready(0.5, 0) >= 1.5
    for _ in range(3000):
        one.answered()
    assert one.cap == 64


def test_refusals_count_as_attempts_once_nothing_is_answered_any_more() -> None:
    one = lane()
    assert [one.refused(float(t), float(t), None)[1] for t in (0, 10, 20, 21, 30)] == [False, False, False, True, True]
    one.answered()
    assert one.refused(40.0, 40.0, None)[1] is False
    assert one.refused(40.0, 40.0, LONGEST_PAUSE + 1)[0] > LONGEST_PAUSE and one.ready(40.0, 0) < 200


def test_the_pace_loses_nothing_to_a_late_clock() -> None:
    pace, rng, now, sent = Pace(6000, slack=0.05), random.Random(1), 0.0, 0
    while now < 60:
        while pace.ready() <= now:
            pace.take(now, 1)
            sent += 1
        now = max(now, pace.ready()) + rng.random() * 0.02
    assert 5950 <= sent <= 6000


def test_ten_thousand_cancellations_leave_nothing_behind() -> None:
    """Nor a slot, nor a reservation: the run goes on with all that it may have in flight."""
    text = fan("rpm: 100000000").replace('Text[10..10] {', 'Int[0..9] { attempts: 1,').replace(
        "List[Text] { par for i in range(n) { call ask(i) } }",
        "List[Int] { for i in range(10) { vote of 2 { sum(par for j in range(n) { call ask(j) }) } else 3 } }")
    backend = Fake(lambda r: BackendError("no", kind="refused"), 0.0)

    async def both() -> Outcome:
        before = len(asyncio.all_tasks())
        outcome = await aexecute(program(text), "main", {"n": 500}, backend, concurrency=500)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before
        return outcome

    outcome = asyncio.run(both())
    assert outcome.error is None and outcome.result == [3] * 10 and backend.running == 0
    assert outcome.usage is not None and outcome.usage.metrics["width"] == 500
    gc.collect()
    assert not any(isinstance(o, Strand | Ask) for o in gc.get_objects())


def test_a_million_calls_a_day_are_simulated_in_seconds() -> None:
    began = time.process_time()
    seconds, _ = timed(fan("rpm: 694"), 20_000)
    assert seconds == pytest.approx(20_000 / 694 * 60, rel=0.01)
    assert time.process_time() - began < 20
    assert isinstance(Sim(), Sim)
