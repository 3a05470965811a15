"""Anthropic's messages.

In: `Request`. Out: `Response`, or `BackendError` with what the server said. Key and address come from ANTHROPIC_API_KEY
and ANTHROPIC_BASE_URL. It neither retries nor parses the answer.

A structured answer is asked for as the input of a tool that the model must use: every model that is served knows that.
The protocol has no seed. Prompt tokens that come from the provider's cache are counted among the prompt's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..tokens import encodable
from .base import BackendError, Request, Response, short_name
from .http import (
    HttpSession,
    Reply,
    checked_key,
    checked_url,
    counted,
    decoded,
    error_of,
    quoted,
    status_error,
    too_long,
)

__all__ = ["AnthropicBackend"]

_DEFAULT_URL: Final = "https://api.anthropic.com"
_VERSION: Final = "2023-06-01"
_TOOL_TOKENS: Final = 60  # what the use of a tool adds around its input, in an answer
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What a model takes, as far as it is known."""

    tool: bool = True
    temperature: bool = True


class AnthropicBackend:
    """Anthropic, or a server that speaks its protocol."""

    __slots__ = ("_dialects", "_http", "_secrets", "max_in_flight", "name")

    def __init__(self, key: str, url: str = _DEFAULT_URL, *, timeout: float = 600.0) -> None:
        """`url` without the final slash, with or without /v1; `timeout` in seconds, for one whole call."""
        self.name: Final = "anthropic"
        self._dialects: Final[dict[str, _Dialect]] = {}
        self._secrets: Final = (key,)
        self._http: Final = HttpSession(
            "Anthropic" if url == _DEFAULT_URL else "The server",
            f"{url.removesuffix('/v1')}/v1/messages",
            {"X-Api-Key": key, "Anthropic-Version": _VERSION},
            self._secrets,
            timeout=timeout,
        )
        self.max_in_flight: Final = self._http.connections

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> AnthropicBackend:
        """Errors: BackendError "key" or "name", before anything is sent."""
        url = checked_url(environ, "ANTHROPIC_BASE_URL", _DEFAULT_URL)
        return cls(checked_key(environ, "ANTHROPIC_API_KEY"), url)

    def room(self, tokens: int, structured: bool) -> int:
        return tokens + _TOOL_TOKENS * structured

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    async def complete(self, request: Request) -> Response:
        model = request.model
        while True:
            dialect = self._dialects.get(model, _Dialect())
            reply = await self._http.post(_body(request, dialect))
            if reply.status == 200:
                return self._response(reply)
            error, taken = self._refusal(reply, request, dialect)
            if taken == dialect:
                raise error
            self._dialects[model] = taken

    def _response(self, reply: Reply) -> Response:
        if not reply.body.strip():
            raise BackendError(f"{self._http.who} answered with an empty page.", kind="empty", retryable=True)
        page = decoded(reply.body)
        match page:
            case {"type": "error", "error": {"message": str(said)}} | {"error": {"message": str(said)}}:
                raise BackendError(
                    f"{self._http.who} answered with an error: {quoted(said, self._secrets)}",
                    kind="garbage",
                    retryable=True,
                )
            case {"stop_reason": "refusal"}:
                raise BackendError("The model refuses to answer.", kind="refused")
            case {"content": list(blocks), **rest}:
                usage = rest.get("usage")
                prompt, completion, cached = _usage(usage if isinstance(usage, dict) else {})
                model, reason = rest.get("model"), rest.get("stop_reason")
                return Response(
                    text=encodable(_text(blocks)),
                    prompt_tokens=prompt,
                    completion_tokens=completion,
                    cached_tokens=cached,
                    model=encodable(model) if isinstance(model, str) else None,
                    finish=_FINISH.get(reason, encodable(reason)) if isinstance(reason, str) else "",
                )
            case _:
                raise BackendError(
                    f"{self._http.who} answered with something that is no message.", kind="garbage", retryable=True
                )

    def _refusal(self, reply: Reply, request: Request, dialect: _Dialect) -> tuple[BackendError, _Dialect]:
        """The error of a reply, and the dialect to try next (the same if there is nothing to try)."""
        message, code, _ = error_of(decoded(reply.body))
        said = quoted(message, self._secrets)
        text = f"{code} {message[:2000]}".lower()
        if too_long(reply.status, text):
            return BackendError(
                f"The prompt does not fit the model's window (status {reply.status}): {said}", kind="context"
            ), dialect
        if reply.status == 400 and dialect.tool and request.schema is not None and "tool" in text:
            dialect = replace(dialect, tool=False)
        elif reply.status == 400 and dialect.temperature and request.temperature is not None and "temperature" in text:
            dialect = replace(dialect, temperature=False)
        return status_error(self._http.who, reply.status, said, reply.headers, "ANTHROPIC_API_KEY"), dialect


_FINISH: Final = {"end_turn": "stop", "tool_use": "stop", "stop_sequence": "stop", "max_tokens": "length"}


def _body(request: Request, dialect: _Dialect) -> bytes:
    prompt = f"{request.prompt}\n\n{request.complaint}" if request.complaint else request.prompt
    system, most = request.system, request.max_tokens
    asked: dict[str, Any] = {"model": short_name(request.model)}
    if request.schema is not None and dialect.tool:
        most += _TOOL_TOKENS
        asked["tools"] = [{"name": "answer", "description": "Gives the answer.", "input_schema": request.schema}]
        asked["tool_choice"] = {"type": "tool", "name": "answer"}
    elif request.schema is not None:
        schema = f"Answer with JSON alone, by this JSON schema: {_encode(request.schema)}"
        system = f"{system}\n\n{schema}" if system else schema
    if system:
        asked["system"] = system
    if request.temperature is not None and dialect.temperature:
        asked["temperature"] = request.temperature
    asked["max_tokens"] = most
    asked["messages"] = [{"role": "user", "content": prompt}]
    return encodable(_encode(asked)).encode()


def _text(blocks: list[object]) -> str:
    """The input of the tool that was used, as JSON, or the texts of the answer."""
    texts: list[str] = []
    for block in blocks:
        match block:
            case {"type": "tool_use", "input": dict(value)}:
                return _encode(value)
            case {"type": "text", "text": str(text)}:
                texts.append(text)
    return "".join(texts)


def _usage(usage: dict[str, object]) -> tuple[int | None, int | None, int | None]:
    """Prompt, completion and cached tokens; None for a figure that is missing or cannot be."""
    fresh, completion = counted(usage.get("input_tokens")), counted(usage.get("output_tokens"))
    read = counted(usage.get("cache_read_input_tokens"))
    written = counted(usage.get("cache_creation_input_tokens"))
    prompt = None if fresh is None else fresh + (read or 0) + (written or 0)
    return prompt, completion, read if prompt is not None else None
