"""A server on loopback that speaks OpenAI's and Anthropic's protocols, well or badly, as the model's name asks.

In: requests for `/v1/chat/completions`, `/v1/responses` and `/v1/messages`. Out: what `BEHAVIOURS` says for the model's
name (`good` for any other), and a record of every request, so that tests can count what was really sent. It knows
nothing of Orch.

    with Loopback() as server:
        os.environ["OPENAI_BASE_URL"] = server.url   # openai/good, openai/status-500, openai/garbage, ...
        os.environ["ANTHROPIC_BASE_URL"] = server.url

It runs in a thread of its own, so that it serves commands run in subprocesses too; `python tests/loopback.py` runs it
in the foreground (for benchmarks) and prints its address. `answers` says what good answers hold: a text, or a function
of the request's JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aiohttp import web

__all__ = ["BEHAVIOURS", "Loopback"]

Asked = dict[str, Any]
Behaviour = Callable[["Loopback", web.Request, Asked], Awaitable[web.StreamResponse]]


class Loopback:
    """The server; `url` is its base address. `asked` holds the JSON of every request, in order of arrival."""

    def __init__(self, answers: str | Callable[[Asked], str] = "pong", *, delay: float = 0.0, port: int = 0) -> None:
        """`delay` in seconds before every answer; `slow` answers come after `patience` (30 s)."""
        self.answers = answers
        self.delay = delay
        self.patience = 30.0
        self.asked: list[Asked] = []
        self.headers: list[dict[str, str]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.cancelled = 0
        self._port = port
        self._seen: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Loopback:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the loopback server does not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self.serve(self._ready))
        self._loop.close()

    async def serve(self, ready: threading.Event) -> None:
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._handle)
        app.router.add_post("/v1/responses", self._handle)
        app.router.add_post("/v1/messages", self._handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port, backlog=4096)
        await site.start()
        self._port = runner.addresses[0][1]
        ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked: Asked = json.loads(await request.read())
        self.asked.append(asked)
        self.headers.append(dict(request.headers))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            return await BEHAVIOURS.get(asked["model"], _good)(self, request, asked)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1

    def times(self, behaviour: str) -> int:
        """How often `behaviour` has been asked for, this time included."""
        self._seen[behaviour] = self._seen.get(behaviour, 0) + 1
        return self._seen[behaviour]

    def page(
        self, request: web.Request, asked: Asked, text: str | None = None, finish: str = "stop", **usage: object
    ) -> dict[str, Any]:
        """A good page in the protocol of the request. `usage` replaces figures by OpenAI's names for them."""
        if text is None:
            text = self.answers if isinstance(self.answers, str) else self.answers(asked)
        counts: dict[str, object] = {
            "prompt_tokens": sum(len(text.split()) for text in _prompts(asked)),
            "completion_tokens": len(text.split()),
            **usage,
        }
        if request.path.endswith("/messages"):
            return _message(asked, text, finish, counts)
        if request.path.endswith("/responses"):
            return _reply(asked, text, finish, counts)
        message = {"role": "assistant", "content": text}
        return {
            "id": f"chatcmpl-{len(self.asked)}",
            "object": "chat.completion",
            "created": 1,
            "model": f"{asked['model']}-2026-01-01",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": counts,
        }


def _prompts(asked: Asked) -> list[str]:
    if "messages" in asked:
        return [message["content"] for message in asked["messages"]]
    return [asked["input"], asked.get("instructions", "")]


def _reply(asked: Asked, text: str, finish: str, counts: dict[str, object]) -> dict[str, Any]:
    """OpenAI's responses: reasoning models put an item before their message."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "id": "resp_1",
        "object": "response",
        "model": f"{asked['model']}-2026-01-01",
        "status": {"stop": "completed", "length": "incomplete"}[finish],
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if finish == "length" else None,
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": content},
        ],
        "usage": {
            "input_tokens": counts["prompt_tokens"],
            "output_tokens": counts["completion_tokens"],
            "input_tokens_details": counts.get("prompt_tokens_details", {"cached_tokens": 0}),
        },
    }


def _message(asked: Asked, text: str, finish: str, counts: dict[str, object]) -> dict[str, Any]:
    details = counts.get("prompt_tokens_details")
    cached = details["cached_tokens"] if isinstance(details, dict) else 0
    prompt = counts["prompt_tokens"]
    usage = {
        "input_tokens": prompt - cached if isinstance(prompt, int) and isinstance(cached, int) else prompt,
        "cache_read_input_tokens": cached,
        "output_tokens": counts["completion_tokens"],
    }
    block: dict[str, object] = {"type": "text", "text": text}
    if "tool_choice" in asked:
        with suppress(ValueError):  # a model may answer in words all the same
            block = {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": json.loads(text)}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": f"{asked['model']}-2026-01-01",
        "content": [block],
        "stop_reason": {"stop": "end_turn", "length": "max_tokens"}[finish],
        "usage": usage,
    }


def _json(page: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(page, status=status, headers=headers)


def _fault(status: int, message: str, headers: dict[str, str] | None = None, **more: str) -> web.Response:
    return _json({"error": {"message": message, "type": "invalid_request_error", **more}}, status, headers)


async def _good(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    return _json(server.page(request, asked))


def _says(text: str, finish: str = "stop", **usage: object) -> Behaviour:
    async def behave(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
        return _json(server.page(request, asked, text, finish, **usage))

    return behave


def _refuses(status: int, message: str, headers: dict[str, str] | None = None, **more: str) -> Behaviour:
    async def behave(server: Loopback, _: web.Request, asked: Asked) -> web.StreamResponse:
        return _fault(status, message, headers, **more)

    return behave


def _sends(body: bytes, status: int = 200, kind: str = "application/json") -> Behaviour:
    async def behave(server: Loopback, _: web.Request, asked: Asked) -> web.StreamResponse:
        return web.Response(body=body, status=status, content_type=kind)

    return behave


def _first(times: int, bad: Behaviour) -> Behaviour:
    """Behaves badly so many times, then well."""

    async def behave(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
        if server.times(asked["model"]) <= times:
            return await bad(server, request, asked)
        return await _good(server, request, asked)

    return behave


async def _slow(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    await asyncio.sleep(server.patience)
    return await _good(server, request, asked)


async def _cut(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _cut_within(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"choices": [{"message": ')
    assert request.transport is not None
    request.transport.abort()
    return response


async def _date(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    return _fault(429, "slow down", {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=20), True)})


async def _huge(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    return _json(server.page(request, asked, "word " * 2_000_000))


async def _endless(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(80):
        await response.write(b" " * (1 << 20))
    return response


async def _echo_key(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    key = request.headers.get("X-Api-Key") or request.headers["Authorization"].removeprefix("Bearer ")
    return _fault(401, f"Incorrect API key provided: {key}. See {key[:12]}...", code="invalid_api_key")


def _leaks(text: str, status: int = 200) -> Behaviour:
    """Quotes the key it was given, in an answer or (with a status) in an error."""

    async def behave(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
        key = request.headers.get("X-Api-Key") or request.headers["Authorization"].removeprefix("Bearer ")
        said = text.replace("ESCAPED", "".join(f"\\u{ord(sign):04x}" for sign in key)).replace("KEY", key)
        return _json(server.page(request, asked, said)) if status == 200 else _fault(status, said)

    return behave


async def _legacy(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    """Knows neither `max_tokens` (in chats), nor schemas, nor forced tools, nor seeds, nor temperatures."""
    chat = request.path.endswith("/completions")
    for name in (*(["max_tokens"] if chat else []), "temperature", "seed", "tool_choice"):
        if name in asked:
            return _fault(400, f"Unsupported parameter: '{name}' is not supported with this model.", param=name)
    if "response_format" in asked:
        return _fault(400, "'response_format' is not supported by this model", param="response_format")
    if "text" in asked:
        return _fault(400, "Unsupported parameter: 'text.format'", param="text.format")
    return await _good(server, request, asked)


async def _objects(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    if (asked.get("response_format") or asked.get("text", {}).get("format", {})).get("type") == "json_schema":
        return _json({"detail": [{"loc": ["body", "response_format"], "msg": "unexpected json_schema"}]}, 422)
    return await _good(server, request, asked)


async def _redirect(server: Loopback, request: web.Request, asked: Asked) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/steal"})


#: Model's name -> how the server behaves. Others are good.
BEHAVIOURS: dict[str, Behaviour] = {
    "good": _good,
    "slow": _slow,
    "status-500": _refuses(500, "The server had an error"),
    "status-503": _refuses(503, "overloaded", {"Retry-After": "2"}),
    "status-429": _refuses(429, "Rate limit reached", {"Retry-After": "7"}),
    "status-429-ms": _refuses(429, "Rate limit reached", {"Retry-After-Ms": "250", "Retry-After": "7"}),
    "status-429-date": _date,
    "status-429-nonsense": _refuses(429, "Rate limit reached", {"Retry-After": "soon, nan"}),
    "no-credit": _refuses(429, "You exceeded your current quota", code="insufficient_quota"),
    "status-401": _echo_key,
    "status-404": _refuses(404, "The model does not exist", code="model_not_found"),
    "redirect": _redirect,
    "context": _refuses(400, "This model's maximum context length is 10 tokens", code="context_length_exceeded"),
    "context-llama": _refuses(400, "the request exceeds the available context size", type="exceed_context_size_error"),
    "flaky-1": _first(1, _refuses(500, "The server had an error")),
    "flaky-2": _first(2, _refuses(500, "The server had an error")),
    "flaky-429": _first(1, _refuses(429, "Rate limit reached", {"Retry-After": "0.05"})),
    "flaky-malformed": _first(1, _says("no idea")),
    "cut": _cut,
    "cut-within": _cut_within,
    "truncated": _says('{"value": [1, 2, ', "length"),
    "garbage": _sends(b"\x00\xff<html>not json", kind="text/html"),
    "half-json": _sends(b'{"choices": [{"message": {"content": "half'),
    "deep": _sends(b"[" * 200_000),
    "wrong-schema": _says('{"colour": "blue"}'),
    "wrong-page": _sends(b'{"choices": []}'),
    "wrong-kinds": _sends(
        b'{"choices": [{"message": {"content": 7}}], "usage": [], "output": [{"type": "message", "content": 7}]}'
    ),
    "null-page": _sends(b"null"),
    "error-page": _sends(b'{"error": {"message": "upstream is down", "code": 502}}'),
    "nothing": _sends(b""),
    "empty": _says(""),
    "no-content": _sends(
        b'{"choices": [{"message": {"role": "assistant", "content": null}, "finish_reason": "length"}],'
        b' "content": [], "stop_reason": "max_tokens",'
        b' "output": [{"type": "reasoning"}], "incomplete_details": {"reason": "max_output_tokens"}}'
    ),
    "parts": _sends(
        b'{"choices": [{"message": {"content": [{"type": "text", "text": "po"}, {"text": "ng"}, 3]}}],'
        b' "content": [{"type": "text", "text": "po"}, 3, {"type": "text", "text": "ng"}],'
        b' "output": [3, {"type": "message", "content": [{"type": "output_text", "text": "po"}, 3]},'
        b' {"type": "message", "content": [{"type": "output_text", "text": "ng"}]}]}'
    ),
    "refusal": _sends(
        b'{"choices": [{"message": {"content": null, "refusal": "I will not."}}],'
        b' "content": [], "stop_reason": "refusal",'
        b' "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}]}'
    ),
    "long": _says("word " * 5000, prompt_tokens=3, completion_tokens=5000),
    "wrong-usage": _says(
        "pong", prompt_tokens=-3, completion_tokens="12", prompt_tokens_details={"cached_tokens": 1e99}
    ),
    "no-usage": _sends(
        b'{"choices": [{"message": {"content": "pong"}}], "usage": null, "content": [{"type": "text", "text": "pong"}],'
        b' "output": [{"type": "message", "content": [{"type": "output_text", "text": "pong"}]}]}'
    ),
    "cached": _says("pong", prompt_tokens=9, completion_tokens=1, prompt_tokens_details={"cached_tokens": 8}),
    "unicode": _says("naïve 漢字 😀 \u202e \x00 \U0001f469\u200d\U0001f467"),
    "surrogate": _sends(
        b'{"choices": [{"message": {"content": "half \\ud83d pair"}}],'
        b' "content": [{"type": "text", "text": "half \\ud83d pair"}],'
        b' "output": [{"type": "message", "content": [{"type": "output_text", "text": "half \\ud83d pair"}]}]}'
    ),
    "leaks": _leaks("the key is KEY"),
    "leaks-number": _leaks("the number KEY is none"),
    "leaks-escaped": _leaks('{"value": ["the key is ESCAPED"]}'),
    "leaks-500": _leaks("upstream says KEY", 500),
    "huge": _huge,
    "endless": _endless,
    "legacy": _legacy,
    "objects": _objects,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--answer", default="pong")
    options = parser.parse_args()
    with Loopback(options.answer, delay=options.delay, port=options.port) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
