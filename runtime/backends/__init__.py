"""The table of ways to models: provider name -> factory.

In: a provider's name (what stands before the slash in `provider/name`, or `--backend`). Out: a `Backend`, not yet
open. Provider libraries are imported by the factories, so that a run on one backend does not pay for the others. The
simulated backend is not a row here: it answers with values in virtual time and never sees a prompt, so the machine
asks it directly.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from .base import Backend, BackendError, Request, Response, backoff, provider_of, short_name

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendError",
    "Factory",
    "Request",
    "Response",
    "backoff",
    "make_backend",
    "provider_of",
    "short_name",
]

#: Makes a backend from the environment (keys, base URLs). Raises BackendError of kind "key" or "missing".
Factory = Callable[[Mapping[str, str]], Backend]


def _anthropic(environ: Mapping[str, str]) -> Backend:
    from .anthropic import AnthropicBackend

    return AnthropicBackend.from_environment(environ)


def _openai(environ: Mapping[str, str]) -> Backend:
    from .openai import OpenAIBackend

    return OpenAIBackend.from_environment(environ)


def _openai_responses(environ: Mapping[str, str]) -> Backend:
    from .responses import ResponsesBackend

    return ResponsesBackend.from_environment(environ)


def _local(environ: Mapping[str, str]) -> Backend:
    from .local import LocalBackend

    return LocalBackend()


BACKENDS: Final[dict[str, Factory]] = {
    "anthropic": _anthropic,
    "local": _local,
    "openai": _openai,
    "openai-responses": _openai_responses,
}


def make_backend(provider: str, environ: Mapping[str, str] | None = None) -> Backend:
    """The backend of a provider, not yet open; nothing is sent. `environ` defaults to the process's environment.

    Errors: BackendError of kind "name" for an unknown provider (the message lists those known), "key" for a missing key
    (the message names the variable).
    """
    factory = BACKENDS.get(provider)
    if factory is None:
        known = ", ".join(sorted([*BACKENDS, "sim"]))
        raise BackendError(
            f"No backend is called '{provider}'. Known are {known}; a server that speaks OpenAI's protocol is reached"
            " as openai/NAME with OPENAI_BASE_URL set.",
            kind="name",
        )
    return factory(os.environ if environ is None else environ)
