"""Arguments from the command line: read as the parameter's type asks, with a clear fault for what cannot be read."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from orch.lang.types import BOOL, FLOAT, INT, TEXT, EnumT, ListT, RecordT, TupleT, Type
from orch.runtime.arguments import BadArguments, check_arguments, read_arguments

FINDING = RecordT("Finding", (("title", TEXT), ("severity", INT), ("open", BOOL)))
VERDICT = EnumT("Verdict", ("accept", "revise"))


def one(type_: Type, text: str) -> object:
    return read_arguments({"x": type_}, [f"x={text}"])["x"]


@pytest.mark.parametrize(("type_", "text", "value"), [
    (TEXT, "a = b", "a = b"), (TEXT, "", ""), (TEXT, "@@home", "@home"), (TEXT, "3", "3"),
    (INT, "-12", -12), (INT, "10_000", 10_000), (FLOAT, "2", 2.0), (FLOAT, "1e-3", 0.001),
    (BOOL, "true", True), (BOOL, "False", False), (VERDICT, "revise", "revise"), (VERDICT, '"revise"', "revise"),
    (ListT(TEXT), '["a", "b"]', ["a", "b"]), (FINDING, '{"title": "t"}', {"title": "t"}),
])
def test_values_on_the_command_line(type_: Type, text: str, value: object) -> None:
    assert one(type_, text) == value


@pytest.mark.parametrize(("name", "content", "type_", "value"), [
    ("a.txt", "one\n\ntwo\r\n", TEXT, "one\n\ntwo\n"),
    ("b.txt", "\ufeffwith a mark", TEXT, "with a mark"),
    ("c.txt", "one\n\ntwo\n", ListT(TEXT), ["one", "two"]),
    ("d.txt", "1\n2\n", ListT(INT), [1, 2]),
    ("e.json", '["a", "b"]', ListT(TEXT), ["a", "b"]),
    ("f.json", '{"title": "t", "severity": 3, "open": true}', FINDING, {"title": "t", "severity": 3, "open": True}),
    ("g.jsonl", '{"title": "t"}\n\n{"title": "u"}\n', ListT(FINDING), [{"title": "t"}, {"title": "u"}]),
    ("h.csv", 'severity,title,open\n3,"a, b",true\n', ListT(FINDING),
     [{"title": "a, b", "severity": 3, "open": True}]),
    ("i.csv", "word\nalpha\nbeta\n", ListT(TEXT), ["alpha", "beta"]),
    ("j.csv", "a,b\nx,1\n", ListT(TupleT((TEXT, INT))), [["x", 1]]),
    ("k.csv", "title,severity,open\nt,1,false\n", FINDING, {"title": "t", "severity": 1, "open": False}),
    ("l.csv", f"word\n{'x' * 200_000}\n", ListT(TEXT), ["x" * 200_000]),
    ("m", "7\n", INT, 7),
])
def test_files_are_read_by_the_type(tmp_path: Path, name: str, content: str, type_: Type, value: object) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode())
    assert one(type_, f"@{path}") == value


def test_a_folder_is_a_list_in_the_order_of_names(tmp_path: Path) -> None:
    for name, text in (("2.md", "second"), ("1.md", "first"), (".hidden", "no")):
        (tmp_path / name).write_text(text)
    assert one(ListT(TEXT), f"@{tmp_path}") == ["first", "second"]


@pytest.mark.parametrize(("type_", "text", "code", "said"), [
    (INT, "many", "E0804", "no Int"), (BOOL, "1", "E0804", "no Bool"), (VERDICT, "reject", "E0804", "no Verdict"),
    (ListT(TEXT), "a, b", "E0804", "no JSON"), (TEXT, "@no/such/file.txt", "E0803", "no file"),
    (INT, "@no/such/file.txt", "E0803", "no file"), (FINDING, "[" * 100_000, "E0804", "nested too deeply"),
])
def test_faults_have_a_code_and_a_hint(type_: Type, text: str, code: str, said: str) -> None:
    with pytest.raises(BadArguments) as e:
        one(type_, text)
    (found, message, hint), = e.value.faults
    assert (found, said in message, bool(hint)) == (code, True, True)


def test_faults_in_files_name_the_place(tmp_path: Path) -> None:
    def fault(name: str, content: bytes, type_: Type) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(BadArguments) as e:
            one(type_, f"@{path}")
        return e.value.faults[0][1]

    assert "row 3" in fault("a.csv", b"title,severity,open\nt,1,true\nu,x,true\n", ListT(FINDING))
    assert "no column `severity`" in fault("b.csv", b"title,sev\nt,1\n", ListT(FINDING))
    assert "line 2" in fault("c.jsonl", b'{}\n{"title"\n', ListT(FINDING))
    assert "not UTF-8" in fault("d.txt", b"\xff\xfe\x00", TEXT)
    assert "no array" in fault("e.json", b"{}", ListT(TEXT))
    assert "2 rows" in fault("f.csv", b"title,severity,open\nt,1,true\nu,1,true\n", FINDING)
    assert "empty" in fault("g.csv", b"", ListT(TEXT))
    assert "is a folder" in fault_of_folder(tmp_path)


def fault_of_folder(path: Path) -> str:
    with pytest.raises(BadArguments) as e:
        one(TEXT, f"@{path}")
    return e.value.faults[0][1]


def test_all_faults_at_once() -> None:
    with pytest.raises(BadArguments) as e:
        read_arguments({"doc": TEXT, "k": INT, "items": ListT(TEXT)}, ["k=x", "itms=[]", "doc", "k=2"])
    assert [code for code, _, _ in e.value.faults] == ["E0804", "E0801", "E0801", "E0801", "E0802"]
    assert "did you mean `items`?" in {hint for _, _, hint in e.value.faults}


def test_the_args_file_and_what_goes_before_it(tmp_path: Path) -> None:
    path = tmp_path / "args.json"
    path.write_text(json.dumps({"k": 1, "doc": "a"}))
    types = {"doc": TEXT, "k": INT}
    assert read_arguments(types, ["k=2"], str(path)) == {"doc": "a", "k": 2}
    path.write_text("[1]")
    with pytest.raises(BadArguments) as e:
        read_arguments(types, [], str(path))
    assert len(e.value.faults) == 1         # what is missing may stand in the file
    path.write_text('{"k": 1, "dok": "a"}')
    with pytest.raises(BadArguments) as e:
        read_arguments(types, [], str(path))
    assert [code for code, _, _ in e.value.faults] == ["E0801", "E0802"]


def test_calls_from_python_are_checked_by_name() -> None:
    assert list(check_arguments({"a": INT, "b": INT}, {"b": 1, "a": 2})) == ["a", "b"]
    with pytest.raises(BadArguments, match=r"no parameter `c`.*`b: Int` is missing"):
        check_arguments({"a": INT, "b": INT}, {"a": 1, "c": 2})
