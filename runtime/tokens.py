"""Texts -> token counts, and the places where tokens end.

In: a tokenizer's name and texts. Out: counts (whole tokens, the same for analysis and run) and cut points (offsets in
characters). It does not count prompts or structured answers: LANGUAGE.md, section 3, composes those from counts of
texts.

Vocabularies come inside `splintr` (byte-level BPE: Sennrich, Haddow and Birch, ACL 2016) and need no network. The
default is o200k_base, that of current OpenAI models: 40 ms of CPU to load, on the first text that is counted and not
before. llama3 loads in 16 ms and cl100k_base in 22, with counts within half a percent of it on a page of English; that
is not worth a count which is exact for no model. `words` and `bytes` need no vocabulary at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from splintr import AnyTokenizer

__all__ = ["DEFAULT_TOKENIZER", "TOKENIZERS", "Tokenizer", "UnknownTokenizer", "encodable", "tokenizer"]

DEFAULT_TOKENIZER: Final = "o200k_base"

_SMALL: Final = 200  # characters: literals, enum names, separators
_MEMO: Final = 20_000  # entries: a few MB at most
_COMMON: Final = {"": 0, "\n\n": 1}  # the same in every vocabulary, and so frequent that it need not be loaded for them


class Tokenizer(Protocol):
    """Counts tokens. The same text has the same count for ever; `count("")` is 0."""

    @property
    def name(self) -> str: ...

    def count(self, text: str) -> int:
        """Tokens in `text`. Total: any string has a count, also one with lone surrogates."""
        ...

    def cut_points(self, text: str) -> Sequence[int]:
        """For each token of `text` the character offset where it ends: `count(text)` offsets, never falling.

        The last is `len(text)`. A token that ends within a character ends, here, before that character; so
        `text[:cut_points(text)[k - 1]]` is the longest whole-character prefix within the first k tokens.
        """
        ...


class UnknownTokenizer(ValueError):
    """`--tokenizer` names none of `TOKENIZERS`. The message lists them."""


class _Vocabulary:
    """A byte-level BPE vocabulary out of `splintr`, loaded when the first text is counted."""

    __slots__ = ("_loaded", "_memo", "name")

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self._loaded: AnyTokenizer | None = None
        self._memo: dict[str, int] = dict(_COMMON)

    def _encode(self, text: str) -> list[int]:
        loaded = self._loaded
        if loaded is None:
            from splintr import Tokenizer as Loader

            loaded = self._loaded = Loader.from_pretrained(self.name)
        # "ordinary": a special token spelled out in a text ("<|endoftext|>") is text, not a command
        return loaded.encode_ordinary(text)

    def count(self, text: str) -> int:
        if len(text) == 1 and text.isascii():
            return 1                            # a byte is a token
        known = self._memo.get(text)
        if known is not None:
            return known
        try:
            counted = len(self._encode(text))
        except UnicodeEncodeError:
            return self.count(encodable(text))
        if len(text) <= _SMALL:
            if len(self._memo) >= _MEMO:
                self._memo = dict(_COMMON)
            self._memo[text] = counted
        return counted

    def cut_points(self, text: str) -> Sequence[int]:
        try:
            data = text.encode()
        except UnicodeEncodeError:
            return self.cut_points(encodable(text))
        ids = self._encode(text)
        if not ids:
            return ()
        assert self._loaded is not None
        width = {token: len(self._loaded.decode_token_bytes(token)) for token in sorted(set(ids))}
        ends = list(accumulate(width[token] for token in ids))
        if ends[-1] != len(data):
            # a vocabulary that normalises: its tokens do not spell the text, so their shares of it are kept instead
            ends = [end * len(data) // ends[-1] for end in ends]
        if len(data) == len(text):
            return ends
        return _characters(data, ends)


class _Words:
    """One token a word with the blanks before it; blanks at the end belong to the last word."""

    __slots__ = ()
    name: Final = "words"

    def count(self, text: str) -> int:
        return len(text.split()) or (1 if text else 0)

    def cut_points(self, text: str) -> Sequence[int]:
        ends = [match.end() for match in _WORD.finditer(text)]
        if text:
            ends[-1:] = [len(text)]
        return ends


_WORD: Final = re.compile(r"\S+")


class _Bytes:
    """One token a byte of UTF-8: an upper bound for every byte-level vocabulary."""

    __slots__ = ()
    name: Final = "bytes"

    def count(self, text: str) -> int:
        return len(text) if text.isascii() else len(encodable(text).encode())

    def cut_points(self, text: str) -> Sequence[int]:
        data = encodable(text).encode()
        ends = range(1, len(data) + 1)
        return ends if len(data) == len(text) else _characters(data, ends)


_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate: the same length, and it has a UTF-8 form.

    JSON may spell half of a surrogate pair, which no file, journal or request can hold.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _characters(data: bytes, ends: Sequence[int]) -> list[int]:
    """Byte offsets (not falling) -> offsets in characters; an offset within a character goes to before it."""
    points: list[int] = []
    started = position = 0
    for end in ends:
        piece = data[position:end]
        position = end
        started += len(piece) if piece.isascii() else sum(byte & 0xC0 != 0x80 for byte in piece)
        within = end < len(data) and data[end] & 0xC0 == 0x80
        points.append(started - 1 if within else started)
    return points


def _vocabulary(name: str) -> Callable[[], Tokenizer]:
    return lambda: _Vocabulary(name)


#: Name -> how to make it. The vocabularies whose tokens spell the text byte for byte, one per family of models.
TOKENIZERS: Final[dict[str, Callable[[], Tokenizer]]] = {
    "bytes": _Bytes,
    "words": _Words,
    **{
        name: _vocabulary(name)
        for name in (
            "cl100k_base",
            "deepseek_v3",
            "glm4",
            "kimi_k2",
            "llama3",
            "mistral_v3",
            "o200k_base",
            "olmo2",
            "phi4",
            "qwen3",
        )
    },
}


@cache
def tokenizer(name: str = DEFAULT_TOKENIZER) -> Tokenizer:
    """The tokenizer of that name, one for the whole process. Errors: UnknownTokenizer, which lists the names."""
    make = TOKENIZERS.get(name)
    if make is None:
        raise UnknownTokenizer(f"No tokenizer is called '{name}'. Known are {', '.join(sorted(TOKENIZERS))}.")
    return make()
