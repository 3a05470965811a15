"""Laws of the formatter: it parses back to the same tree, leaves its own output alone, and loses no comment."""
from __future__ import annotations

import random
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orch.lang import nodes as n
from orch.lang.format import format_expression, format_module, format_type
from orch.lang.lexer import KEYWORDS, lex
from orch.lang.parser import parse
from orch.lang.source import Source, Span
from orch.lang.tree import PRECEDENCE

HERE = Span(Source("tree", ""), 0, 0)


def parsed(text: str) -> n.Module:
    module, diagnostics = parse(Source("test.orch", text))
    assert module is not None, (text, [(d.code, d.message, d.span.place) for d in diagnostics])
    return module


def formatted(text: str) -> str:
    module = parsed(text)
    return format_module(module, module.span.source)


def check_laws(text: str) -> str:
    """Format a program and hold the result against the laws; the comments may move, but stay the same ones."""
    module = parsed(text)
    source = module.span.source
    once = format_module(module, source)
    again = parsed(once)
    assert again == module
    assert sorted(c.text for c in again.comments) == sorted(c.text for c in module.comments)
    assert format_module(again, again.span.source) == once
    return once


# ---------------------------------------------------------------- random trees

names = st.from_regex(r"[a-z_][A-Za-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in KEYWORDS and name not in ("_", "uniform"))
type_names = st.from_regex(r"[A-Z][A-Za-z0-9]{0,5}", fullmatch=True).filter(
    lambda name: name not in ("Text", "Int", "Float", "Bool", "List"))
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from('"\\{}\n \t\r'), max_size=30)


def node(kind: type, *parts: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(*parts).map(lambda values: kind(*values, span=HERE))


def several(strategy: st.SearchStrategy, least: int = 0, most: int = 3) -> st.SearchStrategy:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


numbers = node(n.IntLit, st.integers(0, 10 ** 9))
floats = node(n.FloatLit, st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}|[0-9]e-?[0-9]", fullmatch=True))
booleans = node(n.BoolLit, st.booleans())
plain_strings = node(n.StringLit, texts.map(lambda text: (text,) if text else ()), st.booleans())
atoms = node(n.Name, names) | numbers | floats | booleans | plain_strings

literals = numbers | floats | booleans | plain_strings
patterns = st.recursive(
    node(n.WildPat) | node(n.NamePat, names) | node(n.LitPat, literals)
    | node(n.LitPat, node(n.Unary, st.just("-"), numbers | floats)),
    lambda inner: node(n.TuplePat, several(inner, 2)) | node(
        n.ListPat, several(inner), st.none() | node(n.NamePat, names) | node(n.WildPat)), max_leaves=4)


def joined(parts: list[str | n.Expr]) -> tuple[str | n.Expr, ...]:
    """No empty pieces, and no two beside each other."""
    out: list[str | n.Expr] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        elif part != "":
            out.append(part)
    return tuple(out)


def expressions_over(inner: st.SearchStrategy, statements: bool) -> st.SearchStrategy:
    """Forms one level above `inner`; without statements for what must stand on one line."""
    argument = node(n.Arg, st.none() | names, inner)
    function = node(n.Name, names | type_names) | node(n.Field, node(n.Name, names), names | type_names)
    apply = node(n.Apply, function, several(argument))
    primitive = node(n.Name, names) | node(n.Field, node(n.Name, names), names)
    call = node(n.CallExpr, node(n.Apply, primitive, several(argument)))
    statement = node(n.Let, patterns, inner) | node(n.ExprStmt, inner)
    block = node(n.Block, several(statement, most=2) if statements else st.just(()), inner)
    maybe = st.none() | inner
    conditional = node(n.If, inner, maybe, block, block)
    vote = node(n.Vote, maybe, inner, block)
    plain_for = node(n.For, st.booleans(), patterns, inner, st.none(), st.none(), block)
    where_for = node(n.For, st.booleans(), patterns, inner, inner, maybe, block)
    string = st.lists(texts | inner, max_size=4).map(joined)
    strings = node(n.StringLit, string, st.booleans()) if not statements else st.nothing()
    operators = st.sampled_from(sorted(PRECEDENCE))
    return st.one_of(
        apply, call, block, conditional, vote, plain_for, where_for, strings,
        node(n.Field, inner, names), node(n.TupleIndex, inner, st.integers(0, 12)), node(n.Index, inner, inner),
        node(n.Slice, inner, maybe, maybe), node(n.Unary, st.sampled_from(["-", "not"]), inner),
        node(n.Binary, operators, inner, inner), node(n.Binary, operators, inner, inner),
        node(n.ListLit, several(inner)), node(n.TupleLit, several(inner, 2)),
        node(n.ElseExpr, call | apply | vote, inner), node(n.Lambda, several(names | st.just("_")), inner),
        node(n.If, inner, maybe, block, node(n.Block, st.just(()), conditional)),
        node(n.Match, inner, several(node(n.Arm, patterns, inner), 1)), node(n.Par, several(inner, 2)),
        node(n.Partition, st.booleans(), patterns, inner, inner, maybe | st.just("uniform")),
        node(n.Fold, patterns, inner, patterns, inner, block),
        node(n.Repeat, patterns, inner, maybe, inner, maybe, block),
        node(n.Choose, names, several(st.tuples(names, inner), 1)))


one_line = st.recursive(atoms, lambda inner: expressions_over(inner, False), max_leaves=5)
templates = node(n.StringLit, st.lists(texts | one_line, max_size=4).map(joined), st.booleans())
expressions = st.recursive(atoms | templates, lambda inner: expressions_over(inner, True), max_leaves=14)
sizes = node(n.SizeRange, st.none() | one_line, one_line)
types = st.recursive(
    node(n.TextType, st.none() | sizes) | node(n.IntType, st.none() | sizes) | node(n.FloatType) | node(n.BoolType)
    | node(n.NamedType, type_names, st.none() | names),
    lambda inner: node(n.ListType, inner, st.none() | sizes) | node(n.TupleType, several(inner, 2))
    | node(n.FnType, several(inner), inner), max_leaves=4)
docs = st.none() | st.lists(st.from_regex(r"( ?[a-z#]+)*", fullmatch=True), min_size=1, max_size=3).map("\n".join)
attributes = several(node(n.Attr, names | st.sampled_from(["model", "chance"]), expressions))
parameters = several(node(n.Param, names, types))
bodies = node(n.Block, several(node(n.Let, patterns, expressions) | node(n.ExprStmt, expressions)), expressions)


def declared(kind: type, *parts: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(*parts, docs).map(lambda values: kind(*values, span=HERE, name_span=HERE))


functions = st.tuples(names, several(type_names), parameters, types, several(expressions), st.none() | expressions,
                      several(node(n.WithinClause, names, expressions)), bodies, docs).map(
    lambda values: n.FnDecl(*values, span=HERE, name_span=HERE, header_span=HERE))
declarations = st.one_of(
    node(n.Import, st.lists(names, min_size=1, max_size=3).map(".".join), st.just(True), st.none() | names),
    node(n.Import, texts, st.just(False), names),
    declared(n.ModelDecl, names, texts, attributes),
    declared(n.ParamDecl, names, types, expressions, st.none() | node(n.SizeRange, expressions, expressions)),
    declared(n.TypeDecl, type_names, several(node(n.FieldDecl, names, types))),
    declared(n.EnumDecl, type_names, several(names)),
    declared(n.PrimitiveDecl, names, parameters, types, attributes),
    declared(n.ToolDecl, names, parameters, types, attributes), functions, functions)
modules = several(declarations).map(lambda decls: n.Module(decls, span=HERE))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(modules)
def test_a_printed_tree_parses_to_the_same_tree(module: n.Module) -> None:
    text = format_module(module, HERE.source)
    again, diagnostics = parse(Source("printed", text))
    assert again is not None, (text, [(d.message, d.span.place) for d in diagnostics])
    assert again == module, text
    assert format_module(again, again.span.source) == text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions)
def test_a_printed_expression_keeps_its_meaning(node: n.Expr) -> None:
    body = parsed(f"fn f() -> Int {{\n  let x = {format_expression(node)}\n  x\n}}\n").decls[0]
    assert isinstance(body, n.FnDecl) and isinstance(body.body.statements[0], n.Let)
    assert body.body.statements[0].value == node


# ---------------------------------------------------------------- comments

PROGRAM = '''
# what this is for

# the models
model fast = "openai/x"   # cheap
model slow = "openai/y" { size: 3, # big
  temperature: 0 }
param chunk: Int = 2_000 in 256..32000 # tokens

## Says it.
## In two lines.
primitive say(passage: Text[n], # the text
    style: Text) -> Text[120] {
  model: fast # the cheap one

  # why so
  prompt: """
    Say {passage}.
      Deeper.

    In {style}.
    """
}
# a record
type Finding {
  title: Text[20] # short
  severity: Int
}
enum Verdict { accept, # fine
  revise
  reject # never
  # that is all
}
fn digest(doc: Text[n], # the document
  k: Int) -> Text[120] where n >= 1, k <= 3
  decreases n # halves
{
  # first
  if n <= chunk { call say(doc, "x") } # short
  else {
    let parts = par for piece in split(doc, 2) { digest(piece, k) } # halves

    # then
    match parts { # look
      [] -> "", # nothing
      # one or more
      [one, ..rest] -> one ++ # joined
        join(rest, # the others
          "\\n") # by lines
    } # done
  } # end
  # after all
}
# the end
'''


def test_comments_are_kept_in_their_places() -> None:
    once = check_laws(PROGRAM)
    assert once == dedent('''\
        # what this is for

        # the models
        model fast = "openai/x"  # cheap

        model slow = "openai/y" {
          size:        3  # big
          temperature: 0
        }

        param chunk: Int = 2_000 in 256..32000  # tokens

        ## Says it.
        ## In two lines.
        primitive say(
          passage: Text[n],  # the text
          style: Text,
        ) -> Text[120] {
          model:  fast  # the cheap one

          # why so
          prompt: """
            Say {passage}.
              Deeper.

            In {style}.
            """
        }

        # a record
        type Finding {
          title: Text[20]  # short
          severity: Int
        }

        enum Verdict {
          accept  # fine
          revise
          reject  # never
          # that is all
        }

        # halves
        fn digest(
          doc: Text[n],  # the document
          k: Int,
        ) -> Text[120] where n >= 1, k <= 3 decreases n {
          # first
          # short
          if n <= chunk {
            call say(doc, "x")
          } else {
            let parts = par for piece in split(doc, 2) { digest(piece, k) }  # halves

            # then
            match parts {
              # look
              [] -> "",  # nothing
              # one or more
              [one, ..rest] -> one
                ++ join(
                  # joined
                  rest,  # the others
                  "\\n",
                )  # by lines
            }  # done
          }  # end
          # after all
        }

        # the end
        ''')


def with_comments(text: str, seed: int) -> str:
    """The program with remarks at the ends of some of its lines, and on lines of their own."""
    draw = random.Random(seed)
    source = Source("", text)
    strings = [(token.start, token.end) for chunk in lex(source).chunks for token in chunk.tokens
               if token.kind in ("STRING", "TEMPLATE_OPEN", "PIECE", "HOLE_OPEN", "HOLE_CLOSE", "TEMPLATE_CLOSE")]
    comments = [(comment.span.start, comment.span.end) for comment in lex(source).comments]
    out, at = [], 0
    for i, line in enumerate(text.split("\n")):
        end = at + len(line)
        out.append(line)
        if not any(start <= end < stop for start, stop in strings) and not any(s <= end <= e for s, e in comments):
            kind = draw.random()
            if kind < 0.2 and not line.lstrip().startswith("##"):
                out[-1] += f" # side {i}"
            elif kind < 0.4:
                out.append(" " * draw.randrange(6) + f"# own {i}" + "\n" * draw.randrange(3))
            elif kind < 0.45:
                out.append("\n" * draw.randrange(4))
        at = end + 1
    return "\n".join(out)


@pytest.mark.parametrize("seed", range(60))
def test_no_comment_is_lost_wherever_it_stands(seed: int) -> None:
    check_laws(with_comments(EVERYTHING if seed % 2 else PROGRAM, seed))


EVERYTHING = Path(__file__).with_name("golden").joinpath("syntax.orch").read_text("utf-8")


def test_every_form_survives_formatting() -> None:
    check_laws(EVERYTHING)


# ---------------------------------------------------------------- layout

def test_the_layout_is_one_whatever_the_spacing() -> None:
    wide = 'fn f(n:Int,m:Int)->Int{let x=n+m*2\nif x>1{x}else{-x}}'
    narrow = ("fn f(\n  n : Int ,\n  m : Int,\n) ->\n Int {\n\n\n let x = n +\n m * 2\n"
              " if x > 1 {\n x\n } else {\n -x\n }\n\n}\n")
    assert formatted(wide) == formatted(narrow) == dedent('''\
        fn f(n: Int, m: Int) -> Int {
          let x = n + m * 2
          if x > 1 { x } else { -x }
        }
        ''')


def test_lines_are_broken_at_100_columns() -> None:
    text = ("fn f(" + ", ".join(f"parameter_{i}: Text[size_{i}]" for i in range(8)) + ") -> Text where "
            + ", ".join(f"size_{i} <= size_{i + 1}" for i in range(6)) + " within calls <= 1 {\n  g("
            + " ++ ".join(f"parameter_{i}" for i in range(8)) + ", [" + ", ".join(f"parameter_{i}" for i in range(8))
            + "])\n}\n")
    once = check_laws(text)
    assert all(len(line) <= 100 for line in once.splitlines())


def test_blank_lines_are_kept_once_between_statements_and_not_at_the_edges() -> None:
    assert formatted("fn f() -> Int {\n\n\n  let a = 1\n\n\n\n  let b = 2\n  a + b\n\n}\n\n\n\n") == (
        "fn f() -> Int {\n  let a = 1\n\n  let b = 2\n  a + b\n}\n")


def test_a_statement_does_not_begin_with_what_continues_the_line_above() -> None:
    text = "fn f(a: Int) -> Int {\n  let b = a\n  (-b + a)\n}\n"
    assert formatted(text) == text


def test_numbers_stay_as_they_are_written() -> None:
    text = "param a: Int = 10_000 in 1_0..20000\n"
    assert formatted(text) == text


def test_a_block_string_that_would_lose_its_blanks_becomes_a_plain_one() -> None:
    span = HERE
    for value in ("  all indented\n  lines", "a\n   \nb", "", "\n", "a\rb"):
        literal = n.StringLit((value,) if value else (), True, span=span)
        assert parsed(f"model m = \"x\" {{ a: {format_expression(literal)} }}\n").decls[0].attrs[0].value == literal  # type: ignore[union-attr]


def test_types_are_printed_as_they_are_written() -> None:
    for text in ("Text", "Text[n + 1]", "Text[1..n]", "Int[-5..5]", "List[Text[m], n]", "(Int, Bool)", "shared.Finding",
                 "fn(T, Int) -> T"):
        decl = parsed(f"fn f(x: {text}) -> Int {{ 1 }}").decls[0]
        assert isinstance(decl, n.FnDecl) and format_type(decl.params[0].type) == text
