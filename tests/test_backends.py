"""Every backend keeps one contract, and a server that behaves badly in any way costs an error, never a traceback."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import BEHAVIOURS, Loopback

from orch.runtime.answers import (
    BoolShape,
    EnumShape,
    IntShape,
    ListShape,
    Malformed,
    RecordShape,
    Shape,
    TextShape,
    TupleShape,
    cap,
    parse,
    schema,
)
from orch.runtime.backends import BACKENDS, Backend, BackendError, Request, Response, backoff, make_backend
from orch.runtime.backends.anthropic import AnthropicBackend
from orch.runtime.backends.base import provider_of, short_name
from orch.runtime.backends.grammar import gbnf
from orch.runtime.backends.openai import OpenAIBackend
from orch.runtime.backends.responses import ResponsesBackend

Http = OpenAIBackend | AnthropicBackend
KINDS: dict[str, type[OpenAIBackend] | type[AnthropicBackend]] = {
    "openai": OpenAIBackend,
    "openai-responses": ResponsesBackend,
    "anthropic": AnthropicBackend,
}
KEY = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyz"
T = TypeVar("T")


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


def request(model: str = "openai/good", **changes: Any) -> Request:
    return replace(Request(model=model, system="", prompt="ping", max_tokens=10), **changes)


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each test that takes it holds for every backend that speaks to a server."""
    return str(request.param)


def using(server: Loopback, use: Callable[[Http], Awaitable[T]], timeout: float = 10.0, kind: str = "openai") -> T:
    async def run() -> T:
        backend = KINDS[kind](KEY, server.url, timeout=timeout)
        await backend.open()
        try:
            return await use(backend)
        finally:
            await backend.close()

    return asyncio.run(run())


def ask(server: Loopback, asked: Request, timeout: float = 10.0, kind: str = "openai") -> Response:
    return using(server, lambda backend: backend.complete(asked), timeout, kind)


def fault(server: Loopback, model: str, timeout: float = 10.0, kind: str = "openai") -> BackendError:
    with pytest.raises(BackendError) as caught:
        ask(server, request(f"{kind}/{model}"), timeout, kind)
    return caught.value


# ---------------------------------------------------------------- good servers


def test_a_call_arrives_as_it_was_asked(server: Loopback) -> None:
    shape = schema(IntShape(1, 5))
    response = ask(
        server,
        request(system="Be brief.", schema=shape, temperature=0.0, seed=7, complaint="Too loud.", max_tokens=33),
    )
    assert response == Response("pong", 5, 1, None, "good-2026-01-01", "stop")
    assert server.asked[-1] == {
        "model": "good",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "ping\n\nToo loud."},
        ],
        "max_tokens": 33,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": shape},
        },
        "temperature": 0.0,
        "seed": 7,
    }
    assert server.headers[-1]["Authorization"] == f"Bearer {KEY}"


def test_what_is_not_given_is_not_sent(server: Loopback) -> None:
    ask(server, request())
    assert sorted(server.asked[-1]) == ["max_tokens", "messages", "model"]
    assert [message["role"] for message in server.asked[-1]["messages"]] == ["user"]


@given(st.text(max_size=50))
def test_any_prompt_is_sent_as_json(prompt: str) -> None:
    backend = OpenAIBackend(KEY)
    body = json.loads(backend._body(request(prompt=prompt + "\ud800"), backend._default))
    assert body["messages"][0]["content"] == prompt + "\ufffd"
    assert body["max_completion_tokens"] == 10


def test_a_tuple_is_asked_for_in_what_strict_servers_know(server: Loopback) -> None:
    shape = ListShape(TupleShape((TextShape(1, 5), BoolShape(), BoolShape())), 0, 4)
    ask(server, request(schema=schema(shape)))
    sent = server.asked[-1]["response_format"]["json_schema"]["schema"]["properties"]["value"]["items"]
    assert "prefixItems" not in sent
    assert [kind["type"] for kind in sent["items"]["anyOf"]] == ["string", "boolean"]
    assert (sent["minItems"], sent["maxItems"]) == (3, 3)


def test_an_old_server_is_asked_in_its_own_words_and_remembered(server: Loopback) -> None:
    asked = request("openai/legacy", schema=schema(BoolShape()), temperature=0.5, seed=1)

    async def twice(backend: Http) -> tuple[int, int]:
        before = len(server.asked)
        await asyncio.gather(*(backend.complete(asked) for _ in range(5)))
        after = len(server.asked)
        await backend.complete(asked)
        return after - before, len(server.asked) - after

    first, second = using(server, twice)
    assert 5 < first <= 5 * 6
    assert second == 1
    assert sorted(server.asked[-1]) == ["max_completion_tokens", "messages", "model"]
    assert "JSON schema" in server.asked[-1]["messages"][0]["content"]


def test_a_server_without_schemas_is_asked_for_an_object(server: Loopback) -> None:
    ask(server, request("openai/objects", schema=schema(BoolShape())))
    assert server.asked[-1]["response_format"] == {"type": "json_object"}
    assert '"boolean"' in server.asked[-1]["messages"][0]["content"]


def test_responses_are_asked_in_their_own_protocol(server: Loopback) -> None:
    shape = schema(IntShape(1, 5))
    asked = request("openai-responses/good", system="Be brief.", schema=shape, temperature=0.5, seed=7,
                    complaint="Too loud.", max_tokens=33)
    response = ask(server, asked, kind="openai-responses")
    assert response == Response("pong", 5, 1, 0, "good-2026-01-01", "stop")
    assert server.asked[-1] == {
        "model": "good",
        "store": False,
        "instructions": "Be brief.",
        "input": "ping\n\nToo loud.",
        "max_output_tokens": 33,
        "temperature": 0.5,
        "text": {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": shape}},
    }
    assert server.headers[-1]["Authorization"] == f"Bearer {KEY}"
    ask(server, request("openai-responses/good", max_tokens=1), kind="openai-responses")
    assert server.asked[-1] == {"model": "good", "store": False, "input": "ping", "max_output_tokens": 16}


def test_responses_of_servers_that_know_less(server: Loopback) -> None:
    asked = request("openai-responses/legacy", schema=schema(BoolShape()), temperature=0.5)
    assert ask(server, asked, kind="openai-responses").text == "pong"
    assert sorted(server.asked[-1]) == ["input", "instructions", "max_output_tokens", "model", "store"]
    ask(server, request("openai-responses/objects", schema=schema(BoolShape())), kind="openai-responses")
    assert server.asked[-1]["text"] == {"format": {"type": "json_object"}}
    assert '"boolean"' in server.asked[-1]["instructions"]


def test_what_an_answer_may_take_on_the_wire_is_what_is_asked_for(server: Loopback, kind: str) -> None:
    """A budget sets aside what a provider may bill."""
    for structured in (False, True):
        for tokens in (1, 500):
            asked = request(f"{kind}/good", max_tokens=tokens, schema=schema(BoolShape()) if structured else None)
            ask(server, asked, kind=kind)
            sent = server.asked[-1]
            names = ("max_tokens", "max_output_tokens")
            assert using(server, _room(tokens, structured), kind=kind) == next(sent[n] for n in names if n in sent)


def _room(tokens: int, structured: bool) -> Callable[[Http], Awaitable[int]]:
    async def ask_it(backend: Http) -> int:
        return backend.room(tokens, structured)

    return ask_it


def test_anthropic_is_asked_in_its_own_protocol(server: Loopback) -> None:
    shape = schema(IntShape(1, 5))
    asked = request("anthropic/good", system="Be brief.", schema=shape, temperature=0.5, seed=7, complaint="Too loud.")
    response = ask(server, asked, kind="anthropic")
    assert response == Response("pong", 3, 1, 0, "good-2026-01-01", "stop")
    assert server.asked[-1] == {
        "model": "good",
        "tools": [{"name": "answer", "description": "Gives the answer.", "input_schema": shape}],
        "tool_choice": {"type": "tool", "name": "answer"},
        "system": "Be brief.",
        "temperature": 0.5,
        "max_tokens": 70,
        "messages": [{"role": "user", "content": "ping\n\nToo loud."}],
    }
    assert server.headers[-1]["X-Api-Key"] == KEY
    assert "Authorization" not in server.headers[-1]


def test_anthropic_answers_through_a_tool(server: Loopback) -> None:
    shape = ListShape(IntShape(1, 5), 0, 3)
    server.answers = '{"value": [1, 5]}'
    response = ask(server, request("anthropic/good", schema=schema(shape)), kind="anthropic")
    server.answers = "pong"
    assert parse(shape, response.text) == [1, 5]


def test_an_anthropic_model_without_forced_tools_or_temperature(server: Loopback) -> None:
    before = len(server.asked)
    asked = request("anthropic/legacy", schema=schema(BoolShape()), temperature=0.5)
    assert ask(server, asked, kind="anthropic").text == "pong"
    assert len(server.asked) - before == 3
    assert sorted(server.asked[-1]) == ["max_tokens", "messages", "model", "system"]
    assert "JSON schema" in server.asked[-1]["system"]


@pytest.mark.parametrize(
    ("model", "text", "finish"),
    [
        ("empty", "", "stop"),
        ("no-content", "", "length"),
        ("parts", "pong", ""),
        ("truncated", '{"value": [1, 2, ', "length"),
        ("wrong-schema", '{"colour": "blue"}', "stop"),
        ("unicode", "naïve 漢字 😀 \u202e \x00 \U0001f469\u200d\U0001f467", "stop"),
        ("surrogate", "half \ufffd pair", ""),
        ("long", "word " * 5000, "stop"),
        ("huge", "word " * 2_000_000, "stop"),
    ],
)
def test_odd_answers_are_answers(server: Loopback, kind: str, model: str, text: str, finish: str) -> None:
    response = ask(server, request(f"{kind}/{model}"), kind=kind)
    assert response.text == text
    assert response.finish == finish
    response.text.encode()


@pytest.mark.parametrize(
    ("model", "counts"),
    [
        ("wrong-usage", (None, None, None)),
        ("no-usage", (None, None, None)),
        ("cached", (9, 1, 8)),
        ("long", (3, 5000, None)),
    ],
)
def test_figures_that_cannot_be_are_unknown(
    server: Loopback, kind: str, model: str, counts: tuple[int | None, ...]
) -> None:
    response = ask(server, request(f"{kind}/{model}"), kind=kind)
    prompt, completion, cached = counts
    assert (response.prompt_tokens, response.completion_tokens) == (prompt, completion)
    assert (response.cached_tokens or None) == cached


# ---------------------------------------------------------------- bad servers


@pytest.mark.parametrize(
    ("model", "fails", "retryable", "retry_after", "says"),
    [
        ("status-500", "status 500", True, None, "failed (status 500): The server had an error"),
        ("status-503", "status 503", True, 2.0, "overloaded"),
        ("status-429", "status 429", True, 7.0, "slow down"),
        ("status-429-ms", "status 429", True, 0.25, "slow down"),
        ("status-429-nonsense", "status 429", True, None, "slow down"),
        ("status-401", "key", False, None, "_API_KEY"),
        ("status-404", "status 404", False, None, "does not exist"),
        ("redirect", "status 307", False, None, "points elsewhere"),
        ("context", "context", False, None, "window"),
        ("context-llama", "context", False, None, "window"),
        ("cut", "connection", True, None, "cut"),
        ("cut-within", "connection", True, None, "cut"),
        ("garbage", "garbage", True, None, "something that is no"),
        ("half-json", "garbage", True, None, "something that is no"),
        ("deep", "garbage", True, None, "something that is no"),
        ("wrong-page", "garbage", True, None, "something that is no"),
        ("wrong-kinds", "garbage", True, None, "something that is no"),
        ("null-page", "garbage", True, None, "something that is no"),
        ("error-page", "garbage", True, None, "upstream is down"),
        ("nothing", "empty", True, None, "empty"),
        ("refusal", "refused", False, None, "refuses to answer"),
        ("endless", "too large", False, None, "more than 32 MB"),
    ],
)
def test_a_bad_server(
    server: Loopback, kind: str, model: str, fails: str, retryable: bool, retry_after: float | None, says: str
) -> None:
    error = fault(server, model, kind=kind)
    assert (error.kind, error.retryable, error.retry_after) == (fails, retryable, retry_after)
    assert says in str(error)
    assert str(error) == error.message
    assert len(str(error)) < 500


def test_an_account_without_credit_is_not_asked_again(server: Loopback) -> None:
    error = fault(server, "no-credit")
    assert (error.kind, error.retryable) == ("status 429", False)
    assert "no credit" in str(error)


def test_a_date_says_when_to_come_back(server: Loopback) -> None:
    error = fault(server, "status-429-date")
    assert error.retry_after is not None
    assert 15 < error.retry_after <= 20


def test_a_slow_server_times_out(server: Loopback, kind: str) -> None:
    started = time.monotonic()
    error = fault(server, "slow", timeout=0.2, kind=kind)
    assert (error.kind, error.retryable) == ("timeout", True)
    assert "0.2 s" in str(error)
    assert time.monotonic() - started < 5


def test_no_server_at_all(kind: str) -> None:
    with Loopback() as gone:
        pass
    error = fault(gone, "good", kind=kind)
    assert (error.kind, error.retryable) == ("connection", True)
    assert "127.0.0.1" in str(error)


def test_every_behaviour_ends_in_an_answer_or_an_error(server: Loopback, kind: str) -> None:
    async def all_of_them(backend: Http) -> list[Response | BaseException]:
        asked = [request(f"{kind}/{model}", schema=schema(BoolShape())) for model in sorted(BEHAVIOURS)]
        return await asyncio.gather(*(backend.complete(one) for one in asked), return_exceptions=True)

    for outcome in using(server, all_of_them, 2.0, kind):
        assert isinstance(outcome, Response | BackendError), outcome


# ---------------------------------------------------------------- secrets


@pytest.mark.parametrize("model", ["status-401", "status-500", "cut", "slow", "garbage"])
def test_no_key_in_an_error(server: Loopback, kind: str, model: str) -> None:
    error = fault(server, model, 0.3, kind)
    whole = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert KEY not in whole
    assert KEY[:12] not in whole
    assert error.__context__ is None, "an error below would bring the request's headers along"


def test_a_missing_key_names_the_variable() -> None:
    with pytest.raises(BackendError, match="OPENAI_API_KEY") as caught:
        make_backend("openai", {})
    assert caught.value.kind == "key"
    with pytest.raises(BackendError, match="OPENAI_API_KEY"):
        make_backend("openai", {"OPENAI_API_KEY": "  ", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})
    with pytest.raises(BackendError, match="OPENAI_API_KEY") as caught:
        make_backend("openai", {"OPENAI_API_KEY": "sk-bad\nkey"})
    assert "sk-bad" not in str(caught.value)
    with pytest.raises(BackendError, match="ANTHROPIC_API_KEY"):
        make_backend("anthropic", {"OPENAI_API_KEY": KEY})
    assert make_backend("anthropic", {"ANTHROPIC_API_KEY": KEY}).name == "anthropic"


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host/v1", "http://", "http://host:notaport/"])
def test_a_wrong_address_names_the_variable(url: str) -> None:
    with pytest.raises(BackendError, match="OPENAI_BASE_URL"):
        make_backend("openai", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url})


def test_an_unknown_backend_lists_the_known_ones() -> None:
    with pytest.raises(BackendError, match=r"'nope'.*anthropic, local, openai, openai-responses, sim") as caught:
        make_backend("nope", {})
    assert caught.value.kind == "name"


# ---------------------------------------------------------------- concurrency


def _open_sockets() -> int | None:
    """Of this process; None where the system does not tell."""
    folder = Path("/proc/self/fd")
    return sum(1 for f in folder.iterdir() if _points_at(f).startswith("socket:")) if folder.is_dir() else None


def _points_at(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


@pytest.mark.parametrize(("rounds", "at_once"), [(4, 50), pytest.param(20, 500, marks=[
    pytest.mark.slow, pytest.mark.skipif("ORCH_SLOW" not in os.environ, reason="takes a minute; set ORCH_SLOW")])],
    ids=["few", "ten-thousand"])
def test_cancelled_calls_leave_nothing_behind(server: Loopback, kind: str, rounds: int, at_once: int) -> None:
    if rounds * at_once >= 10_000 and kind != "openai":
        pytest.skip("all speak through the same session")
    server.patience = 60.0
    before, sockets = server.cancelled, _open_sockets()

    async def start_and_cancel(backend: Http) -> None:
        for _ in range(rounds):
            calls = [asyncio.ensure_future(backend.complete(request(f"{kind}/slow"))) for _ in range(at_once)]
            deadline = time.monotonic() + 30
            while server.in_flight < at_once and time.monotonic() < deadline:
                await asyncio.sleep(0.005)
            for call in calls:
                call.cancel()
            done = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in done)
            while server.in_flight and time.monotonic() < deadline:
                await asyncio.sleep(0.005)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (await backend.complete(request())).text == "pong"

    using(server, start_and_cancel, timeout=90.0, kind=kind)
    gc.collect()
    deadline = time.monotonic() + 10
    while (server.in_flight or _open_sockets() != sockets) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.in_flight == 0 and _open_sockets() == sockets
    assert server.cancelled - before == rounds * at_once


def test_many_calls_share_connections(server: Loopback) -> None:
    async def many(backend: Http) -> int:
        answers = await asyncio.gather(*(backend.complete(request()) for _ in range(500)))
        return sum(answer.text == "pong" for answer in answers)

    assert using(server, many) == 500


# ---------------------------------------------------------------- the embedded model


def locally(use: Callable[[Backend], Awaitable[T]]) -> T:
    async def run() -> T:
        backend = make_backend("local")
        await backend.open()
        try:
            return await use(backend)
        finally:
            await backend.close()

    return asyncio.run(run())


EVERY_KIND: list[Shape] = [
    BoolShape(),
    IntShape(1, 5),
    IntShape(0, None),
    EnumShape(("accept", "revise")),
    ListShape(TextShape(1, 5), 0, 2),
    TupleShape((IntShape(0, 9), BoolShape())),
    RecordShape(
        "Finding", (("severity", IntShape(1, 5)), ("verdict", EnumShape(("good", "bad"))), ("sure", BoolShape()))
    ),
]


def test_the_embedded_model_answers_within_the_type() -> None:
    pytest.importorskip("xllamacpp")

    async def every_kind(backend: Backend) -> None:
        for shape in EVERY_KIND:
            room = cap(shape)
            assert room is not None
            asked = request("local/smollm2", prompt="Review: the login page has a bug.", schema=schema(shape))
            response = await backend.complete(replace(asked, max_tokens=room))
            assert not isinstance(parse(shape, response.text), Malformed), (shape, response)
            assert response.finish == "stop"
            assert response.prompt_tokens and response.completion_tokens

    locally(every_kind)


def test_the_embedded_model_is_repeatable_and_capped() -> None:
    pytest.importorskip("xllamacpp")
    prompts = ["Name a colour.", "Name a fruit.", "Name a town with a \ud800 and a \x00."]

    async def all_of_them(backend: Backend) -> list[Response]:
        asked = [request("local/smollm2", prompt=prompt, max_tokens=7) for prompt in prompts]
        hot = request("local/smollm2", prompt="Name an animal.", temperature=0.9, seed=2**40 + 3, max_tokens=7)
        return await asyncio.gather(*(backend.complete(one) for one in [*asked, hot]))

    first, second = locally(all_of_them), locally(all_of_them)
    assert [response.text for response in first] == [response.text for response in second]
    assert all(response.completion_tokens is not None and response.completion_tokens <= 7 for response in first)


def test_a_prompt_that_ends_with_a_colon_is_continued() -> None:
    pytest.importorskip("xllamacpp")
    shots = [
        ("Ben has a red hat.", "Ben", "hat"),
        ("Eva has a blue car.", "Eva", "car"),
        ("Jo has a new dog.", "Jo", "dog"),
    ]
    texts = "".join(f"Text: {text}\nQ: What has {who}?\nA: {what}\n\n" for text, who, what in shots)
    prompt = f"{texts}Text: Ann has an old clock.\nQ: What has Ann?\nA:"

    async def both(backend: Backend) -> tuple[Response, Response]:
        free = await backend.complete(request("local/smollm2", prompt=prompt))
        one_of = schema(EnumShape(("lamp", "clock")))
        return free, await backend.complete(request("local/smollm2", prompt=prompt, schema=one_of))

    free, bounded = locally(both)
    assert free.text.strip() == bounded.text.strip() == "clock"
    assert free.finish == "stop"


def test_the_embedded_model_leaves_the_loop_free_and_can_be_cancelled() -> None:
    pytest.importorskip("xllamacpp")

    async def ticks_during_a_call(backend: Backend) -> int:
        long = request("local/smollm2", prompt="Tell a story.", max_tokens=60)
        calls = [asyncio.ensure_future(backend.complete(long)) for _ in range(20)]
        ticks = 0
        while not calls[0].done():
            await asyncio.sleep(0.005)
            ticks += 1
        for call in calls[1:]:
            call.cancel()
        rest = await asyncio.gather(*calls[1:], return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in rest)
        return ticks

    started = time.monotonic()
    assert locally(ticks_during_a_call) > 10
    assert time.monotonic() - started < 30, "calls that were cancelled must not be answered"


@pytest.mark.parametrize(
    ("model", "kind", "says"),
    [
        ("local/nothing", "name", "local/smollm2"),
        ("local//no/such/file.gguf", "missing", "/no/such/file.gguf"),
        ("local/./none.gguf", "missing", "./none.gguf"),
    ],
)
def test_a_local_model_that_is_not_there(model: str, kind: str, says: str) -> None:
    pytest.importorskip("xllamacpp")
    with pytest.raises(BackendError) as caught:
        locally(lambda backend: backend.complete(request(model)))
    assert (caught.value.kind, caught.value.retryable) == (kind, False)
    assert says in str(caught.value)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"GGUF\x03\0\0\0" + b"\0" * 100)
    with pytest.raises(BackendError, match="no GGUF file"):
        locally(lambda backend: backend.complete(request(f"local/{wrong}")))


def test_a_prompt_beyond_the_window_is_an_error_with_figures() -> None:
    pytest.importorskip("xllamacpp")
    with pytest.raises(BackendError, match="8192 tokens") as caught:
        locally(lambda backend: backend.complete(request("local/smollm2", prompt="word " * 9000)))
    assert caught.value.kind == "context"


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orch.runtime.backends.local.find_spec", lambda name: None)
    with pytest.raises(BackendError, match="pip install xllamacpp"):
        locally(lambda backend: backend.complete(request("local/smollm2")))


@pytest.mark.parametrize(
    ("shape", "allowed"),
    [
        (ListShape(IntShape(0, 9), 0, 0), '"[" "]"'),
        (ListShape(BoolShape(), 1, 3), '(", " ("true" | "false")){0,2}'),
        (ListShape(BoolShape(), 0, 5000), "{0,}"),
        (IntShape(-1, 1), '("-1" | "0" | "1")'),
        (IntShape(0, None), 'root ::= " "? natural'),
        (EnumShape(("a", "b")), 'root ::= " "? ("a" | "b")'),
        (RecordShape("R", (("x", TextShape(0, 3)),)), r'"{" "\"x\": " text "}"'),
    ],
)
def test_grammars_allow_the_shortest_json_alone(shape: Shape, allowed: str) -> None:
    asked = schema(shape)
    assert asked is not None
    assert allowed in gbnf(asked)


# ---------------------------------------------------------------- the rest of the interface


def test_backoff_grows_with_jitter_and_obeys_the_server() -> None:
    rng = random.Random(1)
    for attempt in range(20):
        step = min(60.0, 0.5 * 2**attempt)
        waits = [backoff(attempt, None, rng) for _ in range(50)]
        assert all(step / 2 <= wait <= step for wait in waits)
        assert len(set(waits)) > 40
    assert all(7 <= backoff(0, 7.0, rng) <= 8 for _ in range(50))
    assert backoff(0, 0.0, rng) < 0.1
    assert backoff(10_000, None, rng) <= 60


def test_names_of_models_are_split_once() -> None:
    assert (provider_of("openai/meta/llama-3"), short_name("openai/meta/llama-3")) == ("openai", "meta/llama-3")
    assert (provider_of("local//abs/x.gguf"), short_name("local//abs/x.gguf")) == ("local", "/abs/x.gguf")
    assert (provider_of("default"), short_name("default")) == ("", "default")


def test_the_table_imports_no_provider_before_it_is_asked() -> None:
    code = (
        "import sys; import orch.runtime.backends; "
        "assert not {'aiohttp', 'xllamacpp', 'yarl'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {"openai", "local"} <= set(BACKENDS)
