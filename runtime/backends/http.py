"""One HTTP session to one provider: a body goes in, a reply or a `BackendError` comes out.

In: an address, headers, JSON as bytes. Out: `Reply`, with any status; what never became a reply (no connection, a cut
one, a time-out, too large a body) is a `BackendError`. It knows no provider's protocol. The only file that imports
aiohttp, the cheapest client measured: 117 us of CPU a call, where httpx, whose pool is quadratic, takes 5,400.

Nothing here logs, follows redirects (a key would travel along) or keeps a cookie.
"""

from __future__ import annotations

import json
import math
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from ..redaction import scrub
from ..tokens import encodable
from .base import LARGEST_ANSWER, BackendError

__all__ = [
    "HttpSession",
    "Reply",
    "checked_key",
    "checked_url",
    "counted",
    "decoded",
    "error_of",
    "quoted",
    "status_error",
    "token_figures",
    "too_long",
]

_CONNECTIONS: Final = 1000
_LONGEST_WAIT: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, headers (names in any case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpSession:
    """Keeps connections to one address open. `who` names the provider in messages; `secrets` are kept out of them."""

    __slots__ = ("_headers", "_secrets", "_session", "_timeout", "_url", "address", "connections", "who")

    def __init__(
        self,
        who: str,
        url: str,
        headers: Mapping[str, str],
        secrets: Iterable[str],
        *,
        timeout: float,
        connections: int | None = None,
    ) -> None:
        """`timeout` in seconds bounds a whole call; `connections` open at once (default: what the system allows)."""
        self.who: Final = who
        self.address: Final = urlsplit(url).netloc.rpartition("@")[2]
        self.connections: Final = _allowed() if connections is None else connections
        self._url: Final = URL(url)
        self._headers: Final = {"Content-Type": "application/json", "User-Agent": "orch", **headers}
        self._secrets: Final = tuple(secrets)
        self._timeout: Final = timeout
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.connections, ttl_dns_cache=300, keepalive_timeout=15.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=min(30.0, self._timeout)),
        )

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def post(self, body: bytes) -> Reply:
        """Sends `body` and waits for the whole reply. Errors: BackendError "connection", "timeout", "too large"."""
        if self._session is None:
            raise BackendError(f"{self.who} was asked while it was not open.", kind="connection")
        try:
            async with self._session.post(self._url, data=body, allow_redirects=False) as response:
                return Reply(response.status, response.headers, await self._read(response))
        except TimeoutError:
            error = BackendError(
                f"{self.who} at {self.address} gave no answer within {self._timeout:g} s.",
                kind="timeout",
                retryable=True,
            )
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            error = self._connection_error(fault)
        # raised out here, so that it carries no context: aiohttp's errors hold the request's headers, and so the key
        raise error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        length = response.content_length
        if length is not None and length <= LARGEST_ANSWER and "Content-Encoding" not in response.headers:
            return await response.read()
        whole = bytearray()
        async for piece in response.content.iter_any():
            whole += piece
            if len(whole) > LARGEST_ANSWER:
                response.close()
                raise BackendError(
                    f"{self.who} at {self.address} answered with more than {LARGEST_ANSWER >> 20} MB.", kind="too large"
                )
        return bytes(whole)

    def _connection_error(self, fault: Exception) -> BackendError:
        match fault:
            case aiohttp.ClientConnectorCertificateError() | ssl.SSLError():
                text, retryable = "its certificate does not hold", False
            case aiohttp.ClientConnectorDNSError():
                text, retryable = "there is no such address", True
            case aiohttp.ClientConnectorError():
                text, retryable = f"no connection ({fault.os_error.strerror or 'refused'})", True
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | ConnectionError():
                text, retryable = "the connection was cut before the answer was complete", True
            case aiohttp.InvalidURL():
                text, retryable = "this is no address", False
            case aiohttp.ClientError():
                text, retryable = "what came back is no HTTP", True
            case _:
                text, retryable = f"the call failed ({type(fault).__name__})", True
        message = scrub(f"{self.who} at {self.address}: {text}.", self._secrets)
        return BackendError(message, kind="connection", retryable=retryable)


def _allowed() -> int:
    """Connections at once: 1,000, or what the limit on open files leaves."""
    try:
        import resource
    except ImportError:  # Windows
        return 400
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _CONNECTIONS if soft == resource.RLIM_INFINITY else max(8, min(_CONNECTIONS, soft - 100))


# ---------------------------------------------------------------- what comes from the environment


def checked_key(environ: Mapping[str, str], variable: str, hint: str = "") -> str:
    """The key in `variable`. Errors: BackendError "key", which names the variable and never shows its value."""
    key = environ.get(variable, "").strip()
    if not key:
        raise BackendError(f"No key: set the environment variable {variable}.{hint}", kind="key")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise BackendError(f"The environment variable {variable} holds characters that no key has.", kind="key")
    return key


def checked_url(environ: Mapping[str, str], variable: str, default: str) -> str:
    """The address in `variable`, without a slash at its end. Errors: BackendError "name"."""
    url = environ.get(variable, "").strip().rstrip("/") or default
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        usable = False
    if not usable:
        raise BackendError(
            f"The environment variable {variable} is no address: it should look like http://localhost:8080/v1.",
            kind="name",
        )
    return url


# ---------------------------------------------------------------- reading replies


def decoded(body: bytes) -> Any:
    """The JSON of a body, or None if it is none: never an exception, however deep or wrong."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def counted(figure: object) -> int | None:
    """A provider's figure if it can be a number of tokens, else None."""
    if isinstance(figure, bool) or not isinstance(figure, int) or not 0 <= figure < 10**12:
        return None
    return figure


def token_figures(usage: object, prompt: str, completion: str) -> tuple[int | None, int | None, int | None]:
    """OpenAI's prompt, completion and cached tokens by these names; None for a figure that is missing or cannot be."""
    if not isinstance(usage, dict):
        return None, None, None
    read, written = counted(usage.get(prompt)), counted(usage.get(completion))
    details = usage.get(f"{prompt}_details")
    cached = counted(details.get("cached_tokens")) if isinstance(details, dict) else None
    if cached is not None and (read is None or cached > read):
        cached = None
    return read, written, cached


def error_of(page: object) -> tuple[str, str, str]:
    """Message, code and parameter of a page that reports an error; "" where it has none."""
    match page:
        case {"error": {"message": str(message)} as error}:
            code, param = error.get("code"), error.get("param")
            words = " ".join(word for word in (code, error.get("type")) if isinstance(word, str))
            return message, code if isinstance(code, str) else words, param if isinstance(param, str) else ""
        case {"error": str(message)} | {"message": str(message)} | {"detail": str(message)}:
            return message, "", ""
        case {"detail": list(faults)}:  # FastAPI's
            return json.dumps(faults[:10])[:2000], "", ""
        case _:
            return "", "", ""


_TOO_LONG: Final = (
    "context_length_exceeded",
    "context length",
    "context window",
    "context size",
    "context limit",
    "exceed_context_size",
    "prompt is too long",
)


def too_long(status: int, text: str) -> bool:
    """Whether a refusal (its words in lower case) means that the prompt exceeds the model's window."""
    return status in (400, 413, 422) and any(sign in text for sign in _TOO_LONG)


def quoted(text: object, secrets: Iterable[str]) -> str:
    """What a provider says, on one line, at most 300 characters, without secrets."""
    if not isinstance(text, str):
        return ""
    line = " ".join(encodable(scrub(text[:4000], secrets)).split())
    return line if len(line) <= 300 else line[:297] + "..."


def status_error(who: str, status: int, said: str, headers: Mapping[str, str], variable: str) -> BackendError:
    """The error for a reply that is no answer. `said` is the provider's own message (already `quoted`), or ""."""
    tail = f": {said}" if said else "."
    if status in (401, 403):
        return BackendError(f"{who} refuses the key in {variable} (status {status}){tail}", kind="key")
    retryable = status in (408, 409, 425, 429) or (status >= 500 and status not in (501, 505))
    word = {404: "does not know this model or path", 413: "finds the prompt too large", 429: "asks to slow down"}.get(
        status, "failed" if status >= 500 else "refuses the call" if status >= 400 else "points elsewhere"
    )
    return BackendError(
        f"{who} {word} (status {status}){tail}",
        kind=f"status {status}",
        retryable=retryable,
        retry_after=_retry_after(headers) if retryable else None,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from Retry-After-Ms or Retry-After (seconds or a date); at most an hour; None if unreadable."""
    for header, unit in (("Retry-After-Ms", 1000.0), ("Retry-After", 1.0)):
        text = headers.get(header, "").strip()
        if not text:
            continue
        try:
            wait = float(text) / unit
        except ValueError:
            wait = _until(text)
        if math.isfinite(wait):
            return min(max(0.0, wait), _LONGEST_WAIT)
    return None


def _until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, IndexError, TypeError):
        return math.nan
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
