"""OpenAI's responses: the protocol beside chat completions, at the same addresses and with the same key.

In: `Request`. Out: `Response`, or `BackendError` with what the server said. What a server does not understand is left
out or said otherwise, as in `openai`; the protocol has no seed. Nothing is stored with the provider (`store` is false),
for every call of a program stands for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..tokens import encodable
from .base import BackendError, Request, Response, short_name
from .http import Reply, decoded, quoted, token_figures
from .openai import Dialect, OpenAIBackend, encode

__all__ = ["ResponsesBackend"]

#: The protocol takes no smaller cap on tokens.
_LEAST_CAP: Final = 16


class ResponsesBackend(OpenAIBackend):
    """One server that speaks OpenAI's protocol of responses."""

    __slots__ = ()

    _name = "openai-responses"
    _path = "/responses"
    _dialect = Dialect("max_output_tokens", "", seed=False)

    def room(self, tokens: int, structured: bool) -> int:
        return max(_LEAST_CAP, tokens)

    def _body(self, request: Request, dialect: Dialect) -> bytes:
        asked: dict[str, Any] = {"model": short_name(request.model), "store": False}
        system, prompt = request.system, request.prompt
        if request.complaint:
            prompt = f"{prompt}\n\n{request.complaint}"
        ending = ""
        if request.schema is not None:
            if dialect.structure == "json_schema":
                ending = f',"text":{{"format":{self._structure(request.schema)}}}'
            else:
                told = f"Answer with JSON alone, by this JSON schema: {encode(request.schema)}"
                system = f"{system}\n\n{told}" if system else told
                if dialect.structure == "json_object":
                    asked["text"] = {"format": {"type": "json_object"}}
        if system:
            asked["instructions"] = system
        asked["input"] = prompt
        asked["max_output_tokens"] = self.room(request.max_tokens, request.schema is not None)
        if request.temperature is not None and dialect.temperature:
            asked["temperature"] = request.temperature
        return encodable(f"{encode(asked)[:-1]}{ending}}}").encode()

    def _format(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {"type": "json_schema", "name": "answer", "strict": True, "schema": schema}

    def _response(self, reply: Reply) -> Response:
        if not reply.body.strip():
            raise BackendError(f"{self._http.who} answered with an empty page.", kind="empty", retryable=True)
        page = decoded(reply.body)
        match page:
            case {"error": {"message": str(said)}}:  # a response that failed, or a proxy's own error
                raise BackendError(
                    f"{self._http.who} answered with an error: {quoted(said, self._secrets)}",
                    kind="garbage",
                    retryable=True,
                )
            case {"output": list(output), **rest} if (text := self._said(output)) is not None:
                usage, model = rest.get("usage"), rest.get("model")
                prompt, completion, cached = token_figures(usage, "input_tokens", "output_tokens")
                return Response(
                    text=encodable(text),
                    prompt_tokens=prompt,
                    completion_tokens=completion,
                    cached_tokens=cached,
                    model=encodable(model) if isinstance(model, str) else None,
                    finish=_finish(rest),
                )
            case _:
                raise BackendError(
                    f"{self._http.who} answered with something that is no response.", kind="garbage", retryable=True
                )

    def _said(self, output: list[object]) -> str | None:
        """The texts of all messages; None if one is none. Raises BackendError for a refusal."""
        texts: list[str] = []
        for item in output:
            match item:
                case {"type": "message", "content": list(parts)}:
                    for part in parts:
                        match part:
                            case {"type": "output_text", "text": str(text)}:
                                texts.append(text)
                            case {"type": "refusal", "refusal": str(refusal)}:
                                said = quoted(refusal, self._secrets)
                                raise BackendError(f"The model refuses to answer: {said}", kind="refused")
                case {"type": "message"}:
                    return None
        return "".join(texts)


def _finish(page: Mapping[Any, object]) -> str:
    match page:
        case {"status": "completed"}:
            return "stop"
        case {"incomplete_details": {"reason": "max_output_tokens"}}:
            return "length"
        case {"incomplete_details": {"reason": str(reason)}}:
            return encodable(reason)
        case _:
            return ""
