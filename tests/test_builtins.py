"""The size of every result is what LANGUAGE.md says, and the characters are where they belong."""
from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from running import run, value

from orch.runtime.builtins import Builtins
from orch.runtime.tokens import tokenizer
from orch.runtime.values import Text, items, make_list

VOCABULARY = tokenizer("o200k_base")
B = Builtins(VOCABULARY)
PROSE = "The harbour was rebuilt in 1923, after the great storm had broken the northern pier. " * 5

prose = st.lists(st.sampled_from(["harbour", "the", "storm,", "1923", "Zwölf", "漢字かな", "x", "incomprehensibilities",
                                  "\n\n", "", "a-b"]), max_size=60).map(" ".join)


def text(string: str, tokens: int | None = None) -> Text:
    return Text(string, VOCABULARY.count(string) if tokens is None else tokens)


@given(prose, st.integers(1, 9), st.integers(0, 400))
def test_split_divides_by_its_rule_and_joins_back(string: str, k: int, tokens: int) -> None:
    for t in (text(string), text(string, tokens)):
        parts = items(B.text_split(t, k))
        n = t.tokens
        assert [p.tokens for p in parts] == [math.ceil(n / k)] * (n % k) + [n // k] * (k - n % k)
        assert "".join(p.string for p in parts) == string
        a, b = B.text_halve(t)
        assert (a.tokens, b.tokens) == (n - n // 2, n // 2) and a.string + b.string == string


@given(prose, st.integers(1, 50))
def test_chunks_divide_by_their_rule_and_join_back(string: str, s: int) -> None:
    t = text(string)
    parts = items(B.text_chunks(t, s))
    assert len(parts) == math.ceil(t.tokens / s)
    assert all(p.tokens == s for p in parts[:-1]) and sum(p.tokens for p in parts) == t.tokens
    if t.tokens:
        assert "".join(p.string for p in parts) == string


@given(prose, st.integers(-3, 100))
def test_take_and_drop_meet(string: str, k: int) -> None:
    t = text(string)
    head, tail = B.text_take(t, k), B.text_drop(t, k)
    assert head.tokens == max(0, min(k, t.tokens)) and head.tokens + tail.tokens == t.tokens
    assert head.string + tail.string == string


@given(prose, st.lists(st.integers(0, 1), max_size=12))
def test_cutting_again_and_again_loses_nothing(string: str, path: list[int]) -> None:
    t = text(string)
    for way in path:
        a, b = B.text_halve(t)
        assert a.string + b.string == t.string and a.tokens + b.tokens == t.tokens
        t = (a, b)[way]


def test_texts_are_cut_at_the_end_of_a_word() -> None:
    for part in items(B.text_chunks(text(PROSE), 20)):
        assert part.string.strip().split()[-1].strip(".,") in PROSE.replace(".", " ").replace(",", " ").split()
        assert abs(VOCABULARY.count(part.string) - part.tokens) <= 8


@given(prose, st.integers(1, 40), st.integers(1, 20))
def test_windows_are_as_many_as_the_rule_says(string: str, s: int, step: int) -> None:
    t = text(string)
    parts = items(B.text_windows(t, s, step))
    assert len(parts) == max(1, math.ceil((t.tokens - s) / step) + 1)
    assert all(p.tokens <= s for p in parts)
    assert [len(w) for w in items(B.windows(make_list(range(t.tokens)), s, step))] == [p.tokens for p in parts]


@given(prose, st.integers(0, 200))
def test_parts_of_a_text_are_at_most_n_with_n_tokens_in_all(string: str, tokens: int) -> None:
    for t in (text(string), text(string, tokens)):
        for cut in (B.lines, B.words, B.sentences, B.paragraphs):
            parts = items(cut(t))
            assert len(parts) <= t.tokens and sum(p.tokens for p in parts) <= t.tokens
            assert all(p.tokens >= 1 and p.string.strip() for p in parts)


def test_parts_of_a_text() -> None:
    def strings(parts: object) -> list[str]:
        return [p.string for p in items(parts)]  # type: ignore[arg-type]

    assert strings(B.lines(text("a\n\n  b \r\nc"))) == ["a", "  b", "c"]
    assert strings(B.words(text(" a  b\nc "))) == ["a", "b", "c"]
    assert strings(B.paragraphs(text("a\nb\n \n\nc\n"))) == ["a\nb", "c"]
    assert strings(B.sentences(text('He came. "Why?" she asked! Dr. No sat. v1.5 is out'))) == [
        "He came.", '"Why?"', "she asked!", "Dr. No sat.", "v1.5 is out"]
    assert strings(B.words(text("one two three", 2))) == ["one", "two three"]
    assert strings(B.words(text("one two", 0))) == []


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(1, 30))
def test_pack_makes_between_n_by_s_and_2n_by_s_plus_1_parts(sizes: list[int], s: int) -> None:
    texts = [text(PROSE[: 4 * n], n) for n in sizes]
    parts = items(B.pack(make_list(texts), s))
    total = sum(sizes)
    assert math.ceil(total / s) <= len(parts) <= 2 * total // s + 1
    assert sum(p.tokens for p in parts) == total and all(p.tokens <= s for p in parts)


def test_pack_does_not_glue_words_together() -> None:
    assert [p.string for p in items(B.pack((text("one"), text("two"), text(" three")), 50))] == ["one\ntwo three"]


def test_an_answer_that_is_too_long_is_cut() -> None:
    cut = B.cut_to(text(PROSE), 10)
    assert cut.tokens == 10 and PROSE.startswith(cut.string) and VOCABULARY.count(cut.string) == 10


def test_floats_are_exact_as_long_as_that_is_cheap() -> None:
    assert B.ceil(B.real(Fraction(1, 10) * 30)) == 3
    assert B.divide(1, 3) + B.divide(2, 3) == 1
    assert B.log2(8) == 3 and B.log2(2**100) == 100 and B.log2(10) == math.log2(10)
    assert isinstance(B.real(Fraction(1, 3**400)), float)
    assert B.float_power(Fraction(1, 2), 2) == Fraction(1, 4)


def wrong(call: str, parameters: str = "", **arguments: object) -> str:
    outcome = run(f"fn main({parameters}) -> Int {{\n  {call}\n}}", arguments)
    assert outcome.error is not None and outcome.error.kind == "value", outcome
    assert outcome.error.span is not None and outcome.error.span.place[0] == 2
    return outcome.error.message


def test_what_cannot_be_done_fails_with_its_place() -> None:
    xs = "xs: List[Int, n]"
    assert wrong("xs[0 - 1]", xs, xs=[1]) == "the index -1 is negative"
    assert wrong("xs[3]", xs, xs=[1, 2, 3]) == "the index 3 is beyond the end of a list of 3"
    assert wrong("1 // n", "n: Int", n=0) == "division by zero"
    assert wrong("1 % n", "n: Int", n=0) == "division by zero"
    assert wrong("floor(1 / n)", "n: Int", n=0) == "division by zero"
    assert wrong("first(xs)", xs, xs=[]) == "first of an empty list"
    assert wrong("max(xs)", xs, xs=[]) == "max of an empty list"
    assert wrong("len(windows(xs, 2, n))", xs, xs=[]) == "windows with a step of 0: the step is below 1"
    assert wrong("len(chunks(xs, n))", xs, xs=[]) == "chunks of size 0: the size is below 1"
    assert wrong("len(split(xs, n))", xs, xs=[]) == "split into 0 parts"
    assert wrong("len(replace_at(xs, 2, 5))", xs, xs=[1]) == "the index 2 is beyond the end of a list of 1"
    assert wrong("int(t)", "t: Text", t="four") == '"four" is no whole number'


def test_operations_in_programs() -> None:
    assert value("fn main(xs: List[Int, n]) -> Int { sum(xs) + n }", {"xs": [1, 2, 3]}) == 9
    assert value("fn main(xs: List[Int]) -> List[Int] { xs[1..3] ++ xs[5..9] }", {"xs": [0, 1, 2, 3]}) == [1, 2]
    assert value("fn main(n: Int) -> Text { \"{n}: {n > 3}\" }", {"n": 4}) == "4: true"
    assert value("fn main(n: Int) -> Float { n / 4 }", {"n": 3}) == 0.75
    assert value("fn main(n: Int) -> Int { ceil(n * 0.1) }", {"n": 30}) == 3
    assert value("fn main(xs: List[Int]) -> List[Int] { sorted(xs, |x| 0 - x) }", {"xs": [1, 3, 2]}) == [3, 2, 1]
    assert value("fn main(ts: List[Text]) -> List[Text] { unique(sorted(ts)) }", {"ts": list("bab")}) == ["a", "b"]
    assert value("fn main(ts: List[Text]) -> List[(Int, Text)] { enumerate(ts) }", {"ts": ["a"]}) == [[0, "a"]]
    assert value("fn main(t: Text) -> Int { tokens(t) }", {"t": "a b c"}, tokenizer="words") == 3
