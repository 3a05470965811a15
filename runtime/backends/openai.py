"""OpenAI's chat completions, and every server that speaks them (llama.cpp, vLLM, Ollama, ...).

In: `Request`. Out: `Response`, or `BackendError` with what the server said. Key and address come from OPENAI_API_KEY
and OPENAI_BASE_URL. It neither retries nor parses the answer.

Servers differ in what they understand. What one refuses with status 400 and by name (`max_completion_tokens`, a JSON
schema, `temperature`, `seed`) is left out or said otherwise from then on, for that model; such a refusal costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from ..tokens import encodable
from .base import BackendError, Request, Response, short_name
from .http import (
    HttpSession,
    Reply,
    checked_key,
    checked_url,
    decoded,
    error_of,
    quoted,
    status_error,
    token_figures,
    too_long,
)

__all__ = ["Dialect", "OpenAIBackend", "encode"]

_DEFAULT_URL: Final = "https://api.openai.com/v1"
#: JSON as it goes out.
encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server understands, as far as it is known."""

    cap: str  # the name of the cap on tokens
    other_cap: str  # the name to try if the first is refused; "" once tried
    structure: str = "json_schema"  # then "json_object", then "prompt": how a structured answer is asked for
    temperature: bool = True
    seed: bool = True


class OpenAIBackend:
    """One server that speaks OpenAI's protocol."""

    __slots__ = ("_default", "_dialects", "_http", "_schemas", "_secrets", "max_in_flight", "name")

    _name: ClassVar[str] = "openai"
    _path: ClassVar[str] = "/chat/completions"
    _dialect: ClassVar[Dialect | None] = None  # None: by the address

    def __init__(self, key: str, url: str = _DEFAULT_URL, *, timeout: float = 600.0) -> None:
        """`url` without the final slash; `timeout` in seconds, for one whole call."""
        self.name: Final = self._name
        official = (urlsplit(url).hostname or "").endswith(".openai.com")
        caps = ("max_completion_tokens", "max_tokens") if official else ("max_tokens", "max_completion_tokens")
        self._default: Final = self._dialect or Dialect(*caps)
        self._dialects: Final[dict[str, Dialect]] = {}
        self._schemas: Final[dict[int, tuple[dict[str, Any], str]]] = {}
        self._secrets: Final = (key,)
        self._http: Final = HttpSession(
            "OpenAI" if official else "The server",
            f"{url}{self._path}",
            {"Authorization": f"Bearer {key}"},
            self._secrets,
            timeout=timeout,
        )
        self.max_in_flight: Final = self._http.connections

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Errors: BackendError "key" or "name", before anything is sent."""
        url = checked_url(environ, "OPENAI_BASE_URL", _DEFAULT_URL)
        hint = "" if url == _DEFAULT_URL else " A server that needs none takes any word."
        return cls(checked_key(environ, "OPENAI_API_KEY", hint), url)

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    async def complete(self, request: Request) -> Response:
        model = request.model
        while True:
            dialect = self._dialects.get(model, self._default)
            reply = await self._http.post(self._body(request, dialect))
            if reply.status == 200:
                return self._response(reply)
            error, understood = self._refusal(reply, request, dialect)
            if understood == dialect:
                raise error
            # derived from what this call sent: calls that are refused at the same time come to the same end
            self._dialects[model] = understood

    def room(self, tokens: int, structured: bool) -> int:
        return tokens

    # ------------------------------------------------------------ asking

    def _body(self, request: Request, dialect: Dialect) -> bytes:
        system, prompt, ending = request.system, request.prompt, ""
        if request.complaint:
            prompt = f"{prompt}\n\n{request.complaint}"
        if request.schema is not None:
            structure = self._structure(request.schema)
            if dialect.structure == "json_schema":
                ending = f',"response_format":{{"type":"json_schema","json_schema":{structure}}}'
            else:
                asked = f"Answer with JSON alone, by this JSON schema: {encode(request.schema)}"
                system = f"{system}\n\n{asked}" if system else asked
                if dialect.structure == "json_object":
                    ending = ',"response_format":{"type":"json_object"}'
        if request.temperature is not None and dialect.temperature:
            ending += f',"temperature":{request.temperature!r}'
        if request.seed is not None and dialect.seed:
            ending += f',"seed":{request.seed}'
        opening = f'{{"role":"system","content":{encode(system)}}},' if system else ""
        body = (
            f'{{"model":{encode(short_name(request.model))},"messages":[{opening}'
            f'{{"role":"user","content":{encode(prompt)}}}],"{dialect.cap}":{request.max_tokens}{ending}}}'
        )
        try:
            return body.encode()
        except UnicodeEncodeError:
            return encodable(body).encode()

    def _structure(self, schema: dict[str, Any]) -> str:
        """The schema as JSON, written once for each primitive. The dictionary is kept, so that its id stays its own."""
        known = self._schemas.get(id(schema))
        if known is None:
            if len(self._schemas) >= 1000:
                self._schemas.clear()
            written = encode(self._format(_portable(schema)))
            known = self._schemas[id(schema)] = (schema, written)
        return known[1]

    def _format(self, schema: dict[str, Any]) -> dict[str, Any]:
        """How a schema is sent."""
        return {"name": "answer", "strict": True, "schema": schema}

    # ------------------------------------------------------------ reading

    def _response(self, reply: Reply) -> Response:
        if not reply.body.strip():
            raise BackendError(f"{self._http.who} answered with an empty page.", kind="empty", retryable=True)
        match decoded(reply.body):
            case {"choices": [{"message": {"refusal": str(refusal)}}, *_]} if refusal:
                said = quoted(refusal, self._secrets)
                raise BackendError(f"The model refuses to answer: {said}", kind="refused")
            case {"choices": [{"message": {"content": content}} as choice, *_], **rest} if _is_text(content):
                usage = rest.get("usage")
                figures = token_figures(usage, "prompt_tokens", "completion_tokens")
                prompt_tokens, completion_tokens, cached_tokens = figures
                model, finish = rest.get("model"), choice.get("finish_reason")
                return Response(
                    text=encodable(_text(content)),
                    prompt_tokens=prompt_tokens,
                    completion_tokens=completion_tokens,
                    cached_tokens=cached_tokens,
                    model=encodable(model) if isinstance(model, str) else None,
                    finish=encodable(finish) if isinstance(finish, str) else "",
                )
            case {"error": {"message": str(said)}}:  # a proxy's way to report that the server behind it failed
                raise BackendError(
                    f"{self._http.who} answered with an error: {quoted(said, self._secrets)}",
                    kind="garbage",
                    retryable=True,
                )
            case _:
                raise BackendError(
                    f"{self._http.who} answered with something that is no chat completion.",
                    kind="garbage",
                    retryable=True,
                )

    def _refusal(self, reply: Reply, request: Request, dialect: Dialect) -> tuple[BackendError, Dialect]:
        """The error of a reply, and the dialect to try next (the same if there is nothing to try)."""
        message, code, param = error_of(decoded(reply.body))
        said = quoted(message, self._secrets)
        text = f"{param} {code} {message[:2000]}".lower()
        if too_long(reply.status, text):
            return BackendError(
                f"The prompt does not fit the model's window (status {reply.status}): {said}", kind="context"
            ), dialect
        if reply.status == 429 and code == "insufficient_quota":
            return BackendError(f"The account has no credit left (status 429): {said}", kind="status 429"), dialect
        error = status_error(self._http.who, reply.status, said, reply.headers, "OPENAI_API_KEY")
        if reply.status in (400, 422):
            dialect = _understood(text, request, dialect)
        return error, dialect


def _understood(text: str, request: Request, dialect: Dialect) -> Dialect:
    """The dialect without what a refusal names."""
    if request.schema is not None and any(
        sign in text
        for sign in ("response_format", "json_schema", "schema", "grammar", "structured", "json_object", "text.format")
    ):
        next_structure = {"json_schema": "json_object", "json_object": "prompt"}.get(dialect.structure)
        if next_structure is not None:
            return replace(dialect, structure=next_structure)
    if dialect.other_cap and dialect.cap in text:
        return replace(dialect, cap=dialect.other_cap, other_cap="")
    if dialect.temperature and request.temperature is not None and "temperature" in text:
        return replace(dialect, temperature=False)
    if dialect.seed and request.seed is not None and "seed" in text:
        return replace(dialect, seed=False)
    return dialect


def _is_text(content: object) -> bool:
    return content is None or isinstance(content, str | list)


def _text(content: object) -> str:
    """The text of a message: a string, or parts of which some hold text; "" for none."""
    match content:
        case str():
            return content
        case list():
            return "".join(
                part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
            )
        case _:
            return ""


def _portable(schema: Any) -> Any:
    """The schema in the part of JSON schema that strict servers take: a tuple is a list of any of its items' kinds."""
    match schema:
        case {"prefixItems": list(items), **rest}:
            kinds: list[Any] = []
            for item in items:
                if (kind := _portable(item)) not in kinds:
                    kinds.append(kind)
            return {**rest, "items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}
        case dict():
            return {key: _portable(value) for key, value in schema.items()}
        case list():
            return [_portable(item) for item in schema]
        case _:
            return schema
