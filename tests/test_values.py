"""Texts add and divide their counts; lists stay cheap to take apart; values cross the boundary unharmed."""
from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.lang.types import BOOL, FLOAT, INT, TEXT, EnumT, ListT, RecordT, TupleT
from orch.runtime.builtins import Builtins
from orch.runtime.convert import Unfit, counter, from_json, renderer, scalar_count, to_json, to_plain
from orch.runtime.tokens import tokenizer
from orch.runtime.values import SHORT, Seq, Text, canonical, chain, concat, concat_all, items, make_list, section

WORDS = tokenizer("words")


@given(st.lists(st.tuples(st.text(max_size=8), st.integers(0, 5))))
def test_joining_adds_counts_and_keeps_characters(parts: list[tuple[str, int]]) -> None:
    texts = [Text(s, n) for s, n in parts]
    folded = Text("", 0)
    for text in texts:
        folded = concat(folded, text)
    for joined in (folded, concat_all(texts)):
        assert joined.tokens == sum(n for _, n in parts)
        assert joined.string == "".join(s for s, _ in parts)


def test_a_text_a_million_joins_deep_is_laid_out_without_recursion() -> None:
    long = Text("x" * 300, 1)
    text = long
    for _ in range(200_000):
        text = concat(text, Text("y" * 300, 1))
    assert text.tokens == 200_001
    assert len(text.string) == 200_001 * 300


def test_characters_are_made_when_somebody_looks() -> None:
    asked: list[int] = []

    def make(tokens: int) -> str:
        asked.append(tokens)
        return "made"

    text = Text(None, 7, make)
    both = concat(text, Text("!", 1))
    assert both.tokens == 8 and not asked
    assert both.string == "made!" and asked == [7]


@given(st.lists(st.integers()), st.lists(st.integers()), st.data())
def test_lists_behave_as_tuples(xs: list[int], ys: list[int], data: st.DataObject) -> None:
    xs, ys = xs * 7, ys * 7
    a, b = make_list(xs), make_list(ys)
    both = chain(a, b)
    assert len(both) == len(xs) + len(ys)
    start = data.draw(st.integers(0, len(both)))
    stop = data.draw(st.integers(start, len(both)))
    part = section(both, start, stop)
    assert items(part) == tuple((xs + ys)[start:stop])
    assert part == tuple((xs + ys)[start:stop]) and hash(part) == hash(tuple((xs + ys)[start:stop]))


def test_taking_a_long_list_apart_and_putting_it_together_is_linear() -> None:
    def seconds(n: int) -> float:
        began = time.process_time()
        xs = make_list(list(range(n)))
        out = make_list([])
        while len(xs):
            out = chain((Builtins.first(xs),), out)
            xs = Builtins.rest(xs)
        assert Builtins.first(out) == n - 1
        return time.process_time() - began

    seconds(1000)
    small, large = seconds(20_000), seconds(160_000)
    assert large < 40 * max(small, 0.001), (small, large)


def test_short_lists_are_plain_tuples() -> None:
    assert type(make_list(range(SHORT))) is tuple
    assert type(make_list(range(SHORT + 1))) is Seq
    assert type(section(make_list(range(100)), 3, 10)) is tuple


def test_votes_compare_values_after_normalising_white_space() -> None:
    assert canonical(Text(" a\n b ", 2)) == canonical(Text("a b", 9))
    assert canonical((Text("a  b", 2), 1)) == canonical((Text("a b", 2), 1))
    assert canonical(Text("ab", 2)) != canonical(Text("a b", 2))


COLOUR = EnumT("Colour", ("red", "green"))
FINDING = RecordT("Finding", (("title", TEXT), ("severity", INT), ("colour", COLOUR)))
PLAIN = [
    (TEXT, "a b c"),
    (INT, -7),
    (BOOL, True),
    (FLOAT, 0.25),
    (COLOUR, "green"),
    (ListT(TEXT), ["a", "", "b c"]),
    (ListT(INT), list(range(100))),
    (TupleT((INT, TEXT)), [1, "x"]),
    (FINDING, {"title": "t", "severity": 3, "colour": "red"}),
    (ListT(ListT(FLOAT)), [[0.5], []]),
]


@pytest.mark.parametrize(("type_", "plain"), PLAIN)
def test_json_goes_in_and_comes_out(type_: object, plain: object) -> None:
    assert to_json(type_, from_json(type_, plain, WORDS)) == plain  # type: ignore[arg-type]


def test_an_oracle_sees_tuples_as_tuples() -> None:
    type_ = ListT(TupleT((INT, TEXT)))
    assert to_plain(type_, from_json(type_, [[1, "x"]], WORDS)) == [(1, "x")]


@pytest.mark.parametrize(
    ("type_", "plain", "said"),
    [
        (TEXT, 3, "expected a text, found 3"),
        (INT, True, "expected a whole number, found true"),
        (INT, 0.5, "expected a whole number, found 0.5"),
        (BOOL, 1, "expected true or false, found 1"),
        (COLOUR, "blue", "'blue' is none of red, green"),
        (ListT(INT), [1, "x"], '[1]: expected a whole number, found "x"'),
        (TupleT((INT, INT)), [1], "expected 2 values, found 1"),
        (FINDING, {"title": "t", "colour": "red"}, "the field 'severity' of Finding is missing"),
        (ListT(FINDING), [{"title": "t", "severity": 1, "colour": "red", "x": 0}], "[0]: Finding has no field 'x'"),
        (FLOAT, 10**400, "too large"),
        (TEXT, None, "found null"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(type_: object, plain: object, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        from_json(type_, plain, WORDS)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_counts_in_prompts_follow_section_3() -> None:
    def count(type_: object, plain: object) -> int:
        return counter(type_, WORDS)(from_json(type_, plain, WORDS))  # type: ignore[arg-type]

    assert count(TEXT, "a b c") == 3
    assert count(INT, 12345678901234567890) == 1
    assert count(ListT(TEXT), ["a b", "c"]) == 3 + 2 * 2
    assert count(TupleT((TEXT, INT)), ["a b", 7]) == 2 + 3 * 2 + 2 + 1
    assert count(FINDING, {"title": "a b", "severity": 1, "colour": "red"}) == 2 + 3 * 3 + 2 + 1 + 1
    assert count(ListT(TupleT((INT,))), [[1], [2]]) == 2 * (2 + 3 + 1 + 2)


def test_a_scalar_counts_1_to_8_however_long() -> None:
    byte_tokens = tokenizer("bytes")
    assert scalar_count(5, byte_tokens) == 1
    assert scalar_count(10**30, byte_tokens) == 8
    assert scalar_count(10**9000, byte_tokens) == 8
    assert scalar_count(True, byte_tokens) == 4


def test_values_in_prompts() -> None:
    def shown(type_: object, plain: object) -> str:
        return renderer(type_)(from_json(type_, plain, WORDS))  # type: ignore[arg-type]

    assert shown(ListT(TEXT), ["a", "b"]) == "- a\n- b"
    assert shown(BOOL, False) == "false"
    finding = {"title": "ä\"", "severity": 1, "colour": "red"}
    assert shown(FINDING, finding) == '{"title":"ä\\"","severity":1,"colour":"red"}'
