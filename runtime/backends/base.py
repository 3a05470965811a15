"""What every way to a model has in common: a request goes in, a response or a `BackendError` comes out.

In: `Request`, one finished prompt with its caps. Out: `Response`, the answer's text with what the provider counted.
A backend neither retries, nor waits for a rate limit, nor parses an answer into a value: the scheduler decides when to
ask again (`backoff` gives it the time), `answers.py` reads the text. Keys are read from the environment by the
factories in `backends/__init__.py` and are taken out of every message by `redaction.scrub`.

Backoff is exponential with jitter: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final, Protocol

__all__ = [
    "Backend",
    "BackendError",
    "Request",
    "Response",
    "backoff",
    "provider_of",
    "short_name",
]

#: An answer larger than this many bytes is refused: no token cap that a program states comes near it.
LARGEST_ANSWER: Final = 32 * 1024 * 1024

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a model, ready to send.

    `model` is the name as the program gives it, "provider/name". `max_tokens` caps the answer, in tokens.
    `temperature` and `seed` are left to the provider when None. `schema` is the JSON schema of a structured answer, or
    None for free text. `site` is the name of the primitive, for messages. `attempt` counts from 0. `complaint` says
    what was wrong with the answer before ("" at first; at most 200 tokens); it is told to the model after the prompt.
    """

    model: str
    system: str
    prompt: str
    max_tokens: int
    temperature: float | None = None
    schema: dict[str, Any] | None = None
    seed: int | None = None
    site: str = ""
    attempt: int = 0
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What a model answered: the text, and the provider's own counts in tokens (None where it gives none).

    `cached_tokens` are contained in `prompt_tokens`. `model` is the name that the provider reports. `finish` is "stop",
    "length" (the token cap cut the answer), or what the provider calls it.
    """

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    model: str | None
    finish: str


class BackendError(Exception):
    """A call that brought no answer. `str(error)` is a sentence for people and holds no key.

    `retryable` says whether asking again may help; `retry_after` is the wait in seconds that the provider asked for.
    `kind` is for programs: "status 500", "timeout", "connection", "garbage", "empty", "too large", "key", "context",
    "refused", "missing" (a package or a file) or "name" (an unknown provider or model).
    """

    def __init__(self, message: str, *, kind: str, retryable: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message: Final = message
        self.kind: Final = kind
        self.retryable: Final = retryable
        self.retry_after: Final = retry_after


class Backend(Protocol):
    """A way to models. `open` before the first `complete`, `close` after the last; both may be called once only.

    `complete` may run many times at once on one event loop, raises nothing but `BackendError` and cancellation, and
    leaves nothing behind when it is cancelled. `max_in_flight` is how many calls at once make sense, or None.
    """

    @property
    def name(self) -> str: ...

    @property
    def max_in_flight(self) -> int | None: ...

    def room(self, tokens: int, structured: bool) -> int:
        """Tokens that an answer may take on the wire where a request allows so many, which is what can be billed."""
        ...

    async def open(self) -> None: ...

    async def complete(self, request: Request) -> Response: ...

    async def close(self) -> None: ...


def provider_of(model: str) -> str:
    """The part of "provider/name" before the first slash ("" if there is none)."""
    provider, slash, _ = model.partition("/")
    return provider if slash else ""


def short_name(model: str) -> str:
    """The part of "provider/name" after the first slash (all of it if there is none)."""
    provider, slash, name = model.partition("/")
    return name if slash else provider


def backoff(attempt: int, retry_after: float | None, rng: random.Random) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 0), at most about a minute.

    Without `retry_after`: uniform between half of and the full exponential step, so that callers that failed together
    do not come back together. With it: never less than what the provider asked for, plus up to a tenth.
    """
    if retry_after is not None:
        wait = max(0.0, retry_after)
        return wait + rng.random() * min(1.0, 0.1 * wait + 0.05)
    step = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempt, 16))
    return step * (0.5 + 0.5 * rng.random())
