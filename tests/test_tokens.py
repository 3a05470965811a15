"""Counts are total and repeatable; cut points cut between characters and add up to the count."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orch.runtime.tokens import DEFAULT_TOKENIZER, TOKENIZERS, UnknownTokenizer, tokenizer

NAMES = sorted(TOKENIZERS)
TRICKY = [
    "",
    " ",
    "\n\n",
    "plain words, and more.",
    "a 😀👩‍👩‍👧 é 漢字漢字",
    "e\u0301\u0301",
    "<|endoftext|><|im_start|>",
    "lone \ud800 surrogate",
    "\x00\x1c\x85\u2028 x",
    "  blanks around  ",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_tokenizer_keeps_the_contract_on_tricky_texts(name: str) -> None:
    tokens = tokenizer(name)
    assert tokens.name == name
    assert tokens.count("") == 0
    for text in TRICKY:
        points = list(tokens.cut_points(text))
        assert len(points) == tokens.count(text), text
        assert points == sorted(points), text
        assert not text or points[-1] == len(text), text
        assert (tokens.count(text) > 0) == (text != ""), text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["o200k_base", "words", "bytes"]))
def test_cut_points_on_any_text(text: str, name: str) -> None:
    tokens = tokenizer(name)
    points = list(tokens.cut_points(text))
    assert len(points) == tokens.count(text)
    assert points == sorted(points)
    pieces = [text[a:b] for a, b in zip([0, *points], points, strict=False)]
    assert "".join(pieces) == text


def test_known_counts_of_the_default() -> None:
    tokens = tokenizer()
    assert tokens.name == DEFAULT_TOKENIZER == "o200k_base"
    assert tokens.count("hello world") == 2
    assert tokens.count("\n") == 1
    assert tokens.count("<|endoftext|>") > 1  # spelled out, not the special token
    assert list(tokens.cut_points("hello world")) == [5, 11]


def test_words_and_bytes() -> None:
    assert tokenizer("words").count(" two words ") == 2
    assert list(tokenizer("words").cut_points(" two words ")) == [4, 11]
    assert tokenizer("bytes").count("né") == 3
    assert list(tokenizer("bytes").cut_points("né")) == [1, 1, 2]


def test_a_megabyte_without_blanks_is_counted_at_once() -> None:
    assert 0 < tokenizer().count("ab1" * 350_000) <= 1_050_000
    assert tokenizer().count(" " * 1_000_000) > 0


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownTokenizer, match=r"'nope'.*bytes.*o200k_base.*words"):
        tokenizer("nope")


def test_nothing_is_loaded_before_the_first_count() -> None:
    code = (
        "import sys; from orch.runtime.tokens import tokenizer; t = tokenizer(); "
        "assert t.count('') == 0 and t.count('x') == 1; assert 'splintr' not in sys.modules; "
        "t.count('two words'); assert 'splintr' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_what_is_counted_without_a_vocabulary_is_counted_right(name: str) -> None:
    fresh = tokenizer(name)
    if hasattr(fresh, "_encode"):
        for text in (*map(chr, range(128)), "\n\n", ""):
            assert fresh.count(text) == len(fresh._encode(text)), repr(text)
