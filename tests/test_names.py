"""Names: scopes, suggestions, sizes, imports."""
from __future__ import annotations

from pathlib import Path

import pytest
from golden_chunks import agree, chunks

from orch.compiler.lower import lower
from orch.lang.frontend import load_program
from orch.lang.suggest import nearest


@pytest.mark.parametrize(("title", "text"), chunks("names.orch"), ids=lambda x: x[:40])
def test_golden(title: str, text: str) -> None:
    agree(text)


def test_nearest_prefers_small_mistakes_and_knows_abbreviations() -> None:
    assert nearest("sumarize", ["summarize", "size"]) == "summarize"
    assert nearest("document", ["doc", "parts"]) == "doc"
    assert nearest("n", ["m", "k"]) is None


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.orch").write_text(text)
    return folder / "main.orch"


def test_imports_are_relative_to_the_file_and_merged_under_unique_names(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", shared="""
import "../tools.orch" as tools
model fast = "local/other"
param chunk: Int = 50 in 1..1000
enum Verdict { good, bad }
type Note { title: Text[20], verdict: Verdict }
primitive judge(doc: Text[n]) -> Note { prompt: "{doc}" }
fn make(doc: Text[n]) -> Note { call judge(take(doc, tools.twice(chunk))) }
""")
    write(tmp_path, tools="fn twice(n: Int) -> Int { n * 2 }\n")
    main = write(tmp_path, main="""
import "./sub/shared.orch" as shared
import "./tools.orch" as t
model fast = "local/fast"
param chunk: Int = 100 in 1..1000
fn main(doc: Text[n]) -> shared.Note {
  let note = shared.make(doc)
  match note.verdict {
    good -> note,
    bad -> shared.Note(title: "{t.twice(chunk)}", verdict: good)
  }
}
""")
    checked, found = load_program(main)
    assert checked is not None and found == []
    program, more = lower(checked)
    assert program is not None and more == []
    assert program.name == "main.orch" and dict(program.entries) == {"main": "main"}
    assert list(program.functions) == ["main", "shared.make", "tools.twice"]
    assert list(program.primitives) == ["shared.judge"] and program.primitives["shared.judge"].model == "shared.fast"
    assert {k: str(m.size) for k, m in program.models.items()} == {"fast": "m_fast", "shared.fast": "m_shared_fast"}
    assert list(program.tunables) == ["chunk", "shared_chunk"]


def test_cycle_is_refused_at_the_import_that_leads_into_it(tmp_path: Path) -> None:
    main = write(tmp_path, main='# first\nimport "./b.orch" as b\nfn main(n: Int) -> Int { b.f(n) }\n',
                 b='import "./c.orch" as c\nfn f(n: Int) -> Int { c.f(n) }\n',
                 c='fn f(n: Int) -> Int { n }\nimport "./main.orch" as m\n')
    checked, found = load_program(main)
    assert checked is None and [d.code for d in found] == ["E0702"]
    assert found[0].span.source.name == str(main) and found[0].span.place[0] == 2
    assert "main.orch -> b.orch -> c.orch -> main.orch" in found[0].message
    assert found[0].labels[0].span.place[0] == 2


@pytest.mark.parametrize(("line", "code", "hint"), [
    ('import "./shard.orch" as s', "E0701", "shared.orch"),
    ('import "./shared" as s', "E0701", "shared.orch"),
    ("import lib.reduce", "E0703", "std"),
])
def test_what_cannot_be_imported(tmp_path: Path, line: str, code: str, hint: str) -> None:
    main = write(tmp_path, main=f"{line}\nfn main(n: Int) -> Int {{ n }}\n", shared="fn f(n: Int) -> Int { n }\n")
    _, found = load_program(main)
    assert [(d.code, d.span.place[0]) for d in found] == [(code, 1)] and hint in found[0].hint


def test_names_that_an_imported_file_does_not_have(tmp_path: Path) -> None:
    main = write(tmp_path, shared="fn summarise(n: Int) -> Int { n }\n", main="""
import "./shared.orch" as shared
fn f(x: shared.Note) -> Int { 1 }
fn main(n: Int) -> Int { shared.summarize(n) + shared + other.f(n) }
""")
    _, found = load_program(main)
    assert [(d.code, d.span.place[0]) for d in found] == [("E0705", 3), ("E0705", 4), ("E0105", 4), ("E0101", 4)]
    assert "summarise" in found[1].hint


def test_errors_of_an_imported_file_are_shown_and_its_warnings_are_not(tmp_path: Path) -> None:
    unused = "fn f(n: Int) -> Int {\n  let lost = 1\n  n\n}\n"
    main = write(tmp_path, shared=unused, main='import "./shared.orch" as s\nfn main(n: Int) -> Int { s.f(n) }\n')
    checked, found = load_program(main)
    assert checked is not None and found == []
    (tmp_path / "shared.orch").write_text("fn f(n: Int) -> Int { m }\n")
    checked, found = load_program(main)
    assert checked is None and [d.span.source.name.endswith("shared.orch") for d in found] == [True]


@pytest.mark.parametrize(("body", "codes"), [
    ("n", ["W0101"]), ("s.f(n)", []), ("match if n > 0 { pro } else { contra } { pro -> 1, contra -> 2 }", []),
    ("s.Note(at: n).at", []),
])
def test_an_import_that_nothing_uses(tmp_path: Path, body: str, codes: list[str]) -> None:
    shared = "enum Side { pro, contra }\ntype Note { at: Int }\nfn f(n: Int) -> Int { n }\n"
    main = write(tmp_path, shared=shared, main=f'import "./shared.orch" as s\nfn main(n: Int) -> Int {{ {body} }}\n')
    assert [d.code for d in load_program(main)[1]] == codes
