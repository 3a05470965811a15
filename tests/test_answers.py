"""Answers become values of their type or are malformed with a reason: whatever the text, and never an exception."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orch.runtime.answers import (
    BoolShape,
    EnumShape,
    FloatShape,
    IntShape,
    ListShape,
    Malformed,
    RecordShape,
    Shape,
    TextShape,
    TupleShape,
    cap,
    complaint,
    expected,
    parse,
    schema,
)
from orch.runtime.tokens import tokenizer

TEXT = TextShape(1, 20)
SEVERITY = IntShape(1, 5)
VERDICT = EnumShape(("accept", "revise", "needs_work"))
FINDING = RecordShape("Finding", (("title", TEXT), ("severity", SEVERITY)))
FINDINGS = ListShape(FINDING, 0, 3)
PAIR = TupleShape((TEXT, BoolShape()))


@pytest.mark.parametrize(
    ("shape", "text", "value"),
    [
        # texts are what they are
        (TEXT, "  a text \n", "a text"),
        (TEXT, "", ""),
        (TEXT, '"quoted"', '"quoted"'),
        (TEXT, "<think>hm</think>\nThe answer", "The answer"),
        (TEXT, "half a pair \ud83d", "half a pair \ufffd"),
        # numbers
        (SEVERITY, "3", 3),
        (SEVERITY, '{"value": 3}', 3),
        (SEVERITY, '{"value": "3"}', 3),
        (SEVERITY, "3.0", 3),
        (SEVERITY, "The severity is 3.", 3),
        (SEVERITY, "**Severity: 3**", 3),
        (SEVERITY, "```json\n{\"value\": 3}\n```", 3),
        (IntShape(), "-12", -12),
        (IntShape(), "It is −12 degrees", -12),
        (FloatShape(), "0.25", 0.25),
        (FloatShape(), "2", 2.0),
        (FloatShape(), "about 1e-3", 0.001),
        (FloatShape(), "1e100", 1e100),
        (FloatShape(), '{"value": -1.7976931348623157e308}', -1.7976931348623157e308),
        (FloatShape(), "1" + "0" * 110, 1e110),
        # booleans
        (BoolShape(), "true", True),
        (BoolShape(), "True.", True),
        (BoolShape(), '{"value": false}', False),
        (BoolShape(), "Yes", True),
        (BoolShape(), "No, since it is not true.", False),
        (BoolShape(), "The answer is: yes.", True),
        (BoolShape(), '"no"', False),
        # enums
        (VERDICT, "accept", "accept"),
        (VERDICT, "Accept.", "accept"),
        (VERDICT, '"REVISE"', "revise"),
        (VERDICT, "Needs work", "needs_work"),
        (VERDICT, '{"verdict": "needs-work"}', "needs_work"),
        (VERDICT, "My verdict: **revise**, for the proof has a gap.", "revise"),
        # lists, tuples, records
        (ListShape(IntShape(), 0, 5), "[1, 2, 3]", [1, 2, 3]),
        (ListShape(IntShape(), 0, 5), '{"value": []}', []),
        (ListShape(IntShape(), 0, 5), "1\n2\n3", [1, 2, 3]),
        (ListShape(TEXT, 0, 5), "Sure, here they are:\n- one\n- two\n", ["one", "two"]),
        (ListShape(TEXT, 0, 5), "1. one\n2) two", ["one", "two"]),
        (ListShape(TEXT, 0, 5), "['it\\'s', \"two\",]", ["it's", "two"]),
        (ListShape(ListShape(IntShape(), 0, 2), 0, 2), "[[1],[2,3]]", [[1], [2, 3]]),
        (PAIR, '["a", true]', ("a", True)),
        (PAIR, "('a', True)", ("a", True)),
        (PAIR, '{"value": ["a", "yes"]}', ("a", True)),
        (FINDING, '{"title": "x", "severity": 2}', {"title": "x", "severity": 2}),
        (FINDING, '{"severity": 2, "title": "x", "more": null}', {"title": "x", "severity": 2}),
        (FINDING, '{"Finding": {"title": "x", "severity": 2}}', {"title": "x", "severity": 2}),
        (FINDING, '{"Title": "x", "SEVERITY": "2"}', {"title": "x", "severity": 2}),
        (FINDING, "Here:\n```json\n{'title': 'x', 'severity': 2,}\n```\nDone.", {"title": "x", "severity": 2}),
        (FINDING, "The result {title: 'x', severity: 2} as asked", {"title": "x", "severity": 2}),
        (FINDING, '{"title": "x", // why\n "severity": 2}', {"title": "x", "severity": 2}),
        (FINDING, '{"title": "two\nlines", "severity": 2}', {"title": "two\nlines", "severity": 2}),
        (FINDING, json.dumps('{"title": "x", "severity": 2}'), {"title": "x", "severity": 2}),
        (FINDING, '{"title": 7, "severity": 2}', {"title": "7", "severity": 2}),
        (FINDING, 'For example {"title": "e", "severity": 1}. Now: {"title": "x", "severity": 2}',
         {"title": "x", "severity": 2}),
        (FINDINGS, '[{"title": "x", "severity": 2}]', [{"title": "x", "severity": 2}]),
        (FINDINGS, '{"findings": [{"title": "x", "severity": 2}]}', [{"title": "x", "severity": 2}]),
    ],
)  # fmt: skip
def test_reads(shape: Shape, text: str, value: object) -> None:
    found = parse(shape, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("shape", "text", "path", "reason"),
    [
        (SEVERITY, "9", "", "from 1 to 5, found 9"),
        (SEVERITY, "", "", "found nothing"),
        (SEVERITY, "3.5", "", "found 3.5"),
        (SEVERITY, "true", "", "found true"),
        (SEVERITY, "between 3 and 4", "", "found"),
        (SEVERITY, "3-4", "", "found"),
        (SEVERITY, '{"a": 1, "b": 2}', "", "found an object"),
        (IntShape(), "1,000", "", "found"),
        (IntShape(), "9" * 101, "", "found"),
        (IntShape(), "9" * 5000, "", "found"),
        (IntShape(), "seven", "", "whole number"),
        (FloatShape(), "NaN", "", "a number"),
        (FloatShape(), "1e999", "", "a number"),
        (FloatShape(), "9" * 310, "", "a number"),
        (FloatShape(), '{"value": Infinity}', "", ""),
        (BoolShape(), "maybe", "", "true or false"),
        (BoolShape(), "It is not true", "", "true or false"),
        (BoolShape(), "yes or no", "", "true or false"),
        (BoolShape(), "Yes/no", "", "true or false"),
        (VERDICT, "reject", "", "one of accept, revise, needs_work"),
        (VERDICT, "accept or revise", "", "one of"),
        (VERDICT, "I would not accept it", "", "one of"),
        (ListShape(IntShape(), 2, 2), "[1, 2, 3]", "", "exactly 2 elements, found 3"),
        (ListShape(IntShape(), 0, 5), "none", "", "list"),
        (ListShape(SEVERITY, 0, 5), "[1, 9]", "[1]", "found 9"),
        (PAIR, '["a"]', "", "exactly 2 values"),
        (FINDING, '{"title": "x"}', "severity", "missing"),
        (FINDING, '{"title": "x", "severity": 9}', "severity", "found 9"),
        (FINDING, '{"title": null, "severity": 1}', "title", "found null"),
        (FINDING, '{"title": "x", "seve', "", "ends before"),
        (FINDING, "I am sorry, I cannot do that.", "", "fields title, severity"),
        (FINDINGS, '[{"title": "x", "severity": 1}, {"title": "y", "severity": 0}]', "[1].severity", "found 0"),
        (FINDINGS, "[" * 100_000, "", ""),
        (FINDINGS, '{"a":' * 100_000, "", ""),
    ],
)
def test_refuses_and_says_where_and_why(shape: Shape, text: str, path: str, reason: str) -> None:
    found = parse(shape, text)
    assert isinstance(found, Malformed), found
    assert found.path == path
    assert reason in found.reason
    assert len(str(found)) < 400


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000_000,
        "[" + "1," * 5_000_000,
        '{"title": "' + "{" * 10_000_000,
        "[[[[[[" + "1, " * 80_000,
        "{'a': " * 40_000,
        '"' * 240_000,
        "`" * 240_000,
        "-1" * 120_000,
        "/*" * 120_000,
        "[/*" + "*" * 240_000,
        "- \n" * 80_000,
    ],
    ids=range(11),
)
@pytest.mark.parametrize("shape", [SEVERITY, BoolShape(), VERDICT, FINDINGS, FINDING, ListShape(TEXT, 0, 3)])
def test_hostile_texts_cost_little_time(shape: Shape, text: str) -> None:
    started = time.process_time()
    assert isinstance(parse(shape, text), Malformed)
    assert time.process_time() - started < 2.0


def test_ten_megabytes_of_valid_json_are_read() -> None:
    text = json.dumps(["x" * 1000] * 10_000)
    assert parse(ListShape(TextShape(0, None), 0, None), text) == ["x" * 1000] * 10_000


# ---------------------------------------------------------------- laws

SHAPES: st.SearchStrategy[Shape] = st.recursive(
    st.one_of(
        st.just(TextShape(0, 20)),
        st.just(IntShape(-100, 100)),
        st.just(FloatShape()),
        st.just(BoolShape()),
        st.just(VERDICT),
    ),
    lambda inner: st.one_of(
        st.builds(lambda element: ListShape(element, 0, 4), inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: TupleShape(tuple(items))),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda items: RecordShape("R", tuple((f"f{i}", item) for i, item in enumerate(items)))
        ),
    ),
    max_leaves=6,
)


def values(shape: Shape) -> st.SearchStrategy[Any]:
    match shape:
        case TextShape():
            return st.text(max_size=20)
        case IntShape():
            return st.integers(-100, 100)
        case FloatShape():
            return st.floats(allow_nan=False, allow_infinity=False)
        case BoolShape():
            return st.booleans()
        case EnumShape(constants):
            return st.sampled_from(constants)
        case ListShape(element, _, _):
            return st.lists(values(element), max_size=4)
        case TupleShape(items):
            return st.tuples(*[values(item) for item in items])
        case RecordShape(_, fields):
            return st.fixed_dictionaries({name: values(field) for name, field in fields})


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_fits_the_schema_is_read_back(data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    value = data.draw(values(shape))
    if isinstance(shape, TextShape):
        assert parse(shape, value) == value.strip().lstrip("\ufeff") or value.lstrip().startswith("<think>")
        return
    answer = value if isinstance(shape, RecordShape) else {"value": value}
    for text in (
        json.dumps(answer),
        json.dumps(answer, indent=2, ensure_ascii=False),
        f"```json\n{json.dumps(answer)}\n```",
    ):
        assert parse(shape, text) == value, text


@settings(max_examples=300, deadline=None)
@given(SHAPES, st.text(alphabet=st.sampled_from("{}[]\"',:0179.eE+-truefalsn \n`/*\\u\ud800x"), max_size=60))
def test_any_text_is_a_value_or_malformed(shape: Shape, text: str) -> None:
    found = parse(shape, text)
    if isinstance(found, Malformed):
        assert found.reason
        assert tokenizer().count(complaint(found, tokenizer())) <= 200


def test_a_complaint_is_short_whatever_it_quotes() -> None:
    long = Malformed("𒀀" * 3000, "x" * 300)
    assert 100 < tokenizer().count(complaint(long, tokenizer())) <= 200
    assert "severity: expected" in complaint(Malformed("expected 1", "severity"), tokenizer())


# ---------------------------------------------------------------- schemas


def test_schema_of_a_record_is_an_object_and_the_rest_is_wrapped() -> None:
    assert schema(TEXT) is None
    found = schema(FINDING)
    assert found is not None
    assert found["required"] == ["title", "severity"]
    assert found["additionalProperties"] is False
    assert found["properties"]["severity"] == {"type": "integer", "minimum": 1, "maximum": 5}
    wrapped = schema(FINDINGS)
    assert wrapped is not None
    assert wrapped["properties"]["value"]["maxItems"] == 3
    assert schema(IntShape(0, 0)) == {
        "type": "object",
        "properties": {"value": {"type": "integer", "minimum": 0, "maximum": 0}},
        "required": ["value"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("shape", [SEVERITY, BoolShape(), VERDICT, FINDINGS, FINDING, PAIR])
def test_the_cap_leaves_room_for_the_largest_answer(shape: Shape) -> None:
    largest: dict[Shape, object] = {
        SEVERITY: {"value": 5},
        BoolShape(): {"value": False},
        VERDICT: {"value": "needs_work"},
        FINDINGS: {"value": [{"title": "word " * 20, "severity": 5}] * 3},
        FINDING: {"title": "word " * 20, "severity": 5},
        PAIR: {"value": ["word " * 20, False]},
    }
    room = cap(shape)
    assert room is not None
    assert tokenizer().count(json.dumps(largest[shape])) <= room
    assert cap(ListShape(TEXT, 0, None)) is None
    assert cap(TEXT) == 20


def test_what_is_expected_is_said_in_words() -> None:
    assert expected(SEVERITY) == "a whole number from 1 to 5"
    assert expected(IntShape(0, None)) == "a whole number of at least 0"
    assert expected(FINDINGS) == "a JSON list of 0 to 3 elements"
    assert expected(EnumShape(tuple(f"c{i}" for i in range(14)))).endswith("c11 and 2 more")
