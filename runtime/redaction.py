"""Keys, and how they are kept out of whatever a run writes or prints: the one place that scrubs.

In: the environment; text from models, servers, tools and exceptions. Out: the same text with `***` for every key in it.
What comes in is scrubbed before anything reads it (answers, results of tools), so that what is journalled is what the
program saw; what is told is scrubbed when it is told (errors, internal ones, too).

A key is the value of an environment variable that is named like one (`OPENAI_API_KEY`, `GITHUB_TOKEN`, `DB_PASSWORD`)
and looks like one: paths, short words and placeholders ("none", "lm-studio") are left alone, for taking them out would
make answers unreadable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["Secrets", "scrub"]

_NAMED: Final = re.compile(r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(_|$)", re.IGNORECASE)
_MARK: Final = "***"


def scrub(text: str, secrets: Iterable[str]) -> str:
    """`text` without the given secrets, which providers like to quote in their error messages.

    A secret is also found by its first twelve characters, since a provider may cut it. Shorter secrets than four
    characters are placeholders ("x", "-") and are left alone: taking them out would make every message unreadable.
    """
    for secret in secrets:
        if len(secret) < 4:
            continue
        text = text.replace(secret, _MARK)
        if len(secret) >= 24:
            text = text.replace(secret[:12], _MARK)
    return text


class Secrets:
    """The keys of an environment, longest first, so that none leaves a part of another behind."""

    __slots__ = ("_values",)

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """`environ` defaults to the process's environment as it is now."""
        given = os.environ if environ is None else environ
        found = {value.strip() for name, value in given.items() if _NAMED.search(name)}
        self._values: Final = tuple(sorted(filter(_is_key, found), key=lambda value: (-len(value), value)))

    def scrub(self, text: str) -> str:
        """`text` without keys."""
        return scrub(text, self._values)

    def scrub_plain(self, value: Any) -> Any:
        """The same for every text in a value as JSON has it; other values are given back as they are."""
        if not self._values:
            return value
        match value:
            case str():
                return self.scrub(value)
            case list():
                return [self.scrub_plain(x) for x in value]
            case tuple() if type(value) is tuple:
                return tuple([self.scrub_plain(x) for x in value])
            case dict():
                return {self.scrub_plain(k): self.scrub_plain(v) for k, v in value.items()}
            case _:
                return value


def _is_key(value: str) -> bool:
    if value.startswith(("/", "~", ".")) or any(sign.isspace() for sign in value):
        return False
    return len(value) >= 20 or (len(value) >= 8 and any(sign.isdigit() for sign in value))
