"""The parser: every form gives its tree, every broken program its named error at its place."""
from __future__ import annotations

import json
import random
import time
from pathlib import Path
from textwrap import dedent

import pytest

from orch.lang import nodes as n
from orch.lang.diagnostics import Diagnostic
from orch.lang.format import format_expression
from orch.lang.lexer import MAX_DEPTH
from orch.lang.parser import compile_grammar, parse, parse_table, read_source
from orch.lang.source import Source, Span

HERE = Span(Source("", ""), 0, 0)


def parsed(text: str) -> n.Module:
    module, diagnostics = parse(Source("test.orch", text))
    assert module is not None, [(d.code, d.message, d.span.place) for d in diagnostics]
    assert not diagnostics
    return module


def faults(text: str) -> list[Diagnostic]:
    module, diagnostics = parse(Source("test.orch", text))
    assert module is None and diagnostics
    return diagnostics


def body(text: str) -> n.Block:
    decl = parsed(f"fn f() -> Int {{\n{text}\n}}\n").decls[0]
    assert isinstance(decl, n.FnDecl)
    return decl.body


def expr(text: str) -> n.Expr:
    return body(text).result


def name(text: str) -> n.Name:
    return n.Name(text, span=HERE)


def num(value: int) -> n.IntLit:
    return n.IntLit(value, span=HERE)


def binary(op: str, left: n.Expr, right: n.Expr) -> n.Binary:
    return n.Binary(op, left, right, span=HERE)


def negative(operand: n.Expr) -> n.Unary:
    return n.Unary("-", operand, span=HERE)


def text_of(*parts: str | n.Expr) -> n.StringLit:
    return n.StringLit(parts, span=HERE)


def block(result: n.Expr, *statements: n.Stmt) -> n.Block:
    return n.Block(statements, result, span=HERE)


def apply(function: str, *args: n.Expr) -> n.Apply:
    return n.Apply(name(function), tuple(n.Arg(None, arg, span=HERE) for arg in args), span=HERE)


def called(function: str, *args: n.Expr) -> n.CallExpr:
    return n.CallExpr(apply(function, *args), span=HERE)


def let(pattern: str, value: n.Expr) -> n.Let:
    return n.Let(n.NamePat(pattern, span=HERE), value, span=HERE)


def pat(text: str) -> n.NamePat:
    return n.NamePat(text, span=HERE)


A, B, C, D = name("a"), name("b"), name("c"), name("d")
WILD = n.WildPat(span=HERE)


# ---------------------------------------------------------------- expressions

@pytest.mark.parametrize(("text", "tree"), [
    ("a + b * c", binary("+", A, binary("*", B, C))),
    ("a - b - c", binary("-", binary("-", A, B), C)),
    ("a ** b ** c", binary("**", A, binary("**", B, C))),
    ("-a ** b", negative(binary("**", A, B))),
    ("a ** -b * c", binary("*", binary("**", A, negative(B)), C)),
    ("- a * b", binary("*", negative(A), B)),
    ("a ++ b + c", binary("++", A, binary("+", B, C))),
    ("a < b ++ c", binary("<", A, binary("++", B, C))),
    ("not a == b", n.Unary("not", binary("==", A, B), span=HERE)),
    ("not a and b or c", binary("or", binary("and", n.Unary("not", A, span=HERE), B), C)),
    ("a or b and c", binary("or", A, binary("and", B, C))),
    ("a // b % c / d", binary("/", binary("%", binary("//", A, B), C), D)),
    ("(a < b) == c", binary("==", binary("<", A, B), C)),
    ("a <= b and c >= d", binary("and", binary("<=", A, B), binary(">=", C, D))),
    ("10_000", num(10000)),
    ("0.5", n.FloatLit("0.5", span=HERE)),
    ("1_0.2_5", n.FloatLit("10.25", span=HERE)),
    ("1e-6", n.FloatLit("1e-6", span=HERE)),
    ("true", n.BoolLit(True, span=HERE)),
    ("[a, b,]", n.ListLit((A, B), span=HERE)),
    ("[]", n.ListLit((), span=HERE)),
    ("(a, b,)", n.TupleLit((A, B), span=HERE)),
    ("((a))", A),
    ("a.b.0.1", n.TupleIndex(n.TupleIndex(n.Field(A, "b", span=HERE), 0, span=HERE), 1, span=HERE)),
    ("a[b]", n.Index(A, B, span=HERE)),
    ("a[b..c]", n.Slice(A, B, C, span=HERE)),
    ("a[b..]", n.Slice(A, B, None, span=HERE)),
    ("a[..c]", n.Slice(A, None, C, span=HERE)),
    ("a[..]", n.Slice(A, None, None, span=HERE)),
    ("a[0..2]", n.Slice(A, num(0), num(2), span=HERE)),
    ("f(a, x: b)", n.Apply(name("f"), (n.Arg(None, A, span=HERE), n.Arg("x", B, span=HERE)), span=HERE)),
    ("m.f(a)", n.Apply(n.Field(name("m"), "f", span=HERE), (n.Arg(None, A, span=HERE),), span=HERE)),
    ("Finding(x: a)", n.Apply(name("Finding"), (n.Arg("x", A, span=HERE),), span=HERE)),
    ("m.Finding()", n.Apply(n.Field(name("m"), "Finding", span=HERE), (), span=HERE)),
    ("call p(a)", called("p", A)),
    ("call m.p()", n.CallExpr(n.Apply(n.Field(name("m"), "p", span=HERE), (), span=HERE), span=HERE)),
    ("call p(a).title", n.Field(called("p", A), "title", span=HERE)),
    ("call p(a) ++ b", binary("++", called("p", A), B)),
    ("call p(a) else b ++ c", n.ElseExpr(called("p", A), binary("++", B, C), span=HERE)),
    ("a ++ (f(b) else c)", binary("++", A, n.ElseExpr(apply("f", B), C, span=HERE))),
    ("vote of 3 { a } else b", n.ElseExpr(n.Vote(None, num(3), block(A), span=HERE), B, span=HERE)),
    ("vote lead 2 up to a + 1 { b }", n.Vote(num(2), binary("+", A, num(1)), block(B), span=HERE)),
    ("f(|a, _| b + c, d)", apply("f", n.Lambda(("a", "_"), binary("+", B, C), span=HERE), D)),
    ("f(|a| { b })", apply("f", n.Lambda(("a",), block(B), span=HERE))),
    ("f(| | a)", apply("f", n.Lambda((), A, span=HERE))),
    ("if a { b } else { c }", n.If(A, None, block(B), block(C), span=HERE)),
    ("if a chance 0.3 { b } else { c }", n.If(A, n.FloatLit("0.3", span=HERE), block(B), block(C), span=HERE)),
    ("if a { b } else if c { d } else { a }",
     n.If(A, None, block(B), block(n.If(C, None, block(D), block(A), span=HERE)), span=HERE)),
    ("for a in b { c }", n.For(False, pat("a"), B, None, None, block(C), span=HERE)),
    ("par for (a, _) in b where c chance d { a }",
     n.For(True, n.TuplePat((pat("a"), WILD), span=HERE), B, C, D, block(A), span=HERE)),
    ("par (a, b, c)", n.Par((A, B, C), span=HERE)),
    ("partition a in b where c chance d", n.Partition(False, pat("a"), B, C, D, span=HERE)),
    ("par partition a in b where c chance uniform", n.Partition(True, pat("a"), B, C, "uniform", span=HERE)),
    ("fold (a, b) = c for d in a { b }",
     n.Fold(n.TuplePat((pat("a"), pat("b")), span=HERE), C, pat("d"), A, block(B), span=HERE)),
    ("repeat a = b up to c while d chance a { b }", n.Repeat(pat("a"), B, C, D, A, block(B), span=HERE)),
    ("repeat a = b while call p(a) { c }", n.Repeat(pat("a"), B, None, called("p", A), None, block(C), span=HERE)),
    ("choose least calls { a: b  c: d }", n.Choose("calls", (("a", B), ("c", D)), span=HERE)),
    ("choose least calls {\n  a: b,\n  c: d\n  d: a, }", n.Choose("calls", (("a", B), ("c", D), ("d", A)), span=HERE)),
    ("{ a }", block(A)),
    ("{ let a = b\n a }", block(A, let("a", B))),
], ids=lambda value: value if isinstance(value, str) else "")
def test_expressions(text: str, tree: n.Expr) -> None:
    assert expr(text) == tree


@pytest.mark.parametrize("separators", [",", "\n", ",\n", "\n,", " ,"])
def test_arms_are_separated_by_commas_or_lines(separators: str) -> None:
    arms = ["[] -> a", "[x] -> { b }", "[x, ..rest] -> c", "[..] -> d", "accept -> a", "-1 -> b", "-0.5 -> b",
            '"s" -> c', "true -> d", "(x, _) -> a"]
    tree = expr("match a {" + separators.join(arms) + "}")
    assert isinstance(tree, n.Match) and tree.subject == A and len(tree.arms) == 10
    assert [arm.pattern for arm in tree.arms] == [
        n.ListPat((), None, span=HERE), n.ListPat((pat("x"),), None, span=HERE),
        n.ListPat((pat("x"),), pat("rest"), span=HERE), n.ListPat((), WILD, span=HERE), pat("accept"),
        n.LitPat(negative(num(1)), span=HERE), n.LitPat(negative(n.FloatLit("0.5", span=HERE)), span=HERE),
        n.LitPat(text_of("s"), span=HERE), n.LitPat(n.BoolLit(True, span=HERE), span=HERE),
        n.TuplePat((pat("x"), WILD), span=HERE)]
    assert [arm.body for arm in tree.arms] == [A, block(B), C, D, A, B, B, C, D, A]


# ---------------------------------------------------------------- lines

@pytest.mark.parametrize("text", [
    "f(a,\n  b\n)", "f(\n\na\n,\nb)", "f(a, b,\n)", "f  (a ,b)",
])
def test_lines_do_not_count_in_parentheses(text: str) -> None:
    assert expr(text) == apply("f", A, B)


@pytest.mark.parametrize("text", ["a +\n  b", "a\n  + b", "a # why\n\n  # so\n  + b", "a +\n\n\n b", "(a\n + b)"])
def test_a_line_with_an_operator_at_its_end_or_start_goes_on(text: str) -> None:
    assert expr(text) == binary("+", A, B)


@pytest.mark.parametrize("text", [
    "call p(a)\n  else b", "call p(a) else\n  b", "call p(a)\n\n  # remark\n  else\n b"])
def test_else_continues(text: str) -> None:
    assert expr(text) == n.ElseExpr(called("p", A), B, span=HERE)


def test_lines_count_again_in_a_block_within_parentheses() -> None:
    assert expr("f({\n  let c = a\n  c\n}, b)") == apply("f", block(C, let("c", A)), B)
    assert expr("f([\n{ a\nb }\n])") == apply("f", n.ListLit((block(B, n.ExprStmt(A, span=HERE)),), span=HERE))


def test_a_new_line_begins_a_new_statement() -> None:
    assert body("let a = b\n[c]") == block(n.ListLit((C,), span=HERE), let("a", B))
    assert body("a\n(b)") == block(B, n.ExprStmt(A, span=HERE))
    assert body("let a = b\nnot c") == block(n.Unary("not", C, span=HERE), let("a", B))
    continued = faults("fn f() -> Int {\nlet a = b\n-c\n}\n")[0]
    assert continued.code == "E0014" and "(-" in continued.hint


def test_a_pipe_continues() -> None:
    assert expr("f(a,\n|b|\nc)") == apply("f", A, n.Lambda(("b",), C, span=HERE))
    assert body("let d =\n|b| c\nd") == block(D, let("d", n.Lambda(("b",), C, span=HERE)))


def test_other_ends_of_lines_and_a_byte_order_mark() -> None:
    text = "fn f() -> Int {\n  let a = 1\n  a\n}\n"
    assert parsed(text) == parsed(text.replace("\n", "\r\n")) == parsed("\ufeff" + text)


# ---------------------------------------------------------------- strings

@pytest.mark.parametrize(("text", "parts"), [
    (r'"a\n\t\"\\\{\}b"', ('a\n\t"\\{}b',)),
    ('""', ()),
    ('"{a}"', (A,)),
    ('"x {a}{b} y"', ("x ", A, B, " y")),
    ('"{a + 1}: {f("{b}", "\\}")}"', (binary("+", A, num(1)), ": ", apply("f", text_of(B), text_of("}")))),
    ('"{if a { "{b}" } else { "" }}"', (n.If(A, None, block(text_of(B)), block(text_of()), span=HERE),)),
    ('"# no comment"', ("# no comment",)),
    ('"""one line"""', ("one line",)),
    ('"""\n    a\n      b\n\n    c\n    """', ("a\n  b\n\nc",)),
    ('"""\n    a\n  """', ("a",)),
    ('"""a\n    b\n  c"""', ("a\n  b\nc",)),
    ('"""\n\n    a\n\n    """', ("\na\n",)),
    ('"""\n    {a}\n      x {b}\n    """', (A, "\n  x ", B)),
    ('"""\n  say "it" \\""" \\{x\\}\n  """', ('say "it" """ {x}',)),
    ('"""\r\n  a\r\n  b\r\n  """', ("a\nb",)),
    ('"""\n  a\\n  b\n"""', ("a\n  b",)),
    ('""""""', ()),
    ('"""   """', ("   ",)),
])
def test_strings(text: str, parts: tuple[str | n.Expr, ...]) -> None:
    assert expr(text) == n.StringLit(parts, span=HERE)


# ---------------------------------------------------------------- declarations

def test_every_declaration() -> None:
    module = parsed(Path(__file__).with_name("golden").joinpath("syntax.orch").read_text("utf-8"))
    kinds = [type(decl).__name__ for decl in module.decls]
    assert kinds == (["Import"] * 3 + ["ModelDecl"] * 3 + ["ParamDecl"] * 2 + ["TypeDecl"] * 2
                     + ["EnumDecl", "PrimitiveDecl", "ToolDecl", "ToolDecl", "FnDecl"])
    standard, renamed, local = module.decls[:3]
    assert standard == n.Import("std.reduce", True, None, span=HERE)
    assert renamed == n.Import("std.search", True, "find", span=HERE)
    assert local == n.Import("./shared.orch", False, "shared", span=HERE)
    primitive = module.decls[11]
    assert isinstance(primitive, n.PrimitiveDecl)
    assert primitive.doc == "Summarises one passage.\n\nIn few words."
    assert [attr.name for attr in primitive.attrs] == ["model", "prompt", "system", "chance", "error"]
    assert primitive.params[1].type == n.NamedType("Finding", "shared", span=HERE)
    assert primitive.result == n.TextType(n.SizeRange(num(1), num(120), span=HERE), span=HERE)
    function = module.decls[-1]
    assert isinstance(function, n.FnDecl)
    assert function.type_params == ("T", "U")
    assert len(function.where) == 2 and function.decreases is not None
    assert [clause.metric for clause in function.within] == ["calls", "rounds"]
    assert function.params[2].type == n.FnType(
        (n.NamedType("T", span=HERE), n.NamedType("T", span=HERE)), n.NamedType("U", span=HERE), span=HERE)
    source = function.span.source
    assert source.text[function.name_span.start:function.name_span.end] == "digest"
    assert source.text[function.header_span.start:function.header_span.end].endswith("ceil(log2(n)) + 1,")


def test_the_parts_of_an_attribute_may_be_words_of_the_language() -> None:
    decl = parsed('primitive p() -> Bool { model: fast, chance: 0.5\nprompt:\n"x" }').decls[0]
    assert isinstance(decl, n.PrimitiveDecl)
    assert decl.attrs == (
        n.Attr("model", name("fast"), span=HERE), n.Attr("chance", n.FloatLit("0.5", span=HERE), span=HERE),
        n.Attr("prompt", text_of("x"), span=HERE))


def test_documentation_is_what_stands_above() -> None:
    text = dedent("""\
        ## a remark for nobody

        ## What f does.
        # why
        fn f() -> Int {
          ## no documentation
          1  ## neither
        }
        ## of an import
        import std.reduce
        ## at the end
        """)
    module = parsed(text)
    assert [getattr(decl, "doc", "-") for decl in module.decls] == ["What f does.", "-"]
    assert [(c.text, c.own_line) for c in module.comments] == [
        ("## a remark for nobody", True), ("# why", True), ("## no documentation", True), ("## neither", False),
        ("## of an import", True), ("## at the end", True)]


def test_vote_is_a_module_where_a_point_follows() -> None:
    told = "vote.majority(vote of 3 { call vote.ask(n) }, vote.most)"
    imported, main = parsed(f"import std.vote\n\nfn main(n: Int) -> Int {{ {told} }}\n").decls
    assert isinstance(imported, n.Import) and imported.path == "std.vote"
    assert isinstance(main, n.FnDecl) and told in " ".join(format_expression(main.body).split())


def test_places() -> None:
    source = Source("x", "fn f() -> Int {\n  a + (b * c)\n}\n")
    module, _ = parse(source)
    assert module is not None and isinstance(module.decls[0], n.FnDecl)
    tree = module.decls[0].body.result
    assert isinstance(tree, n.Binary)
    assert tree.span.place == (2, 3, 2, 14) and tree.right.span.place == (2, 7, 2, 14)
    assert isinstance(tree.right, n.Binary) and tree.right.left.span.place == (2, 8, 2, 9)


def test_nothing_is_a_program_without_declarations() -> None:
    for text in ("", "\n\n", "# only this\n", "## only that", "\ufeff"):
        assert parsed(text).decls == ()


# ---------------------------------------------------------------- broken programs

def in_main(text: str) -> str:
    return "fn main(n: Int, xs: List[Int, k]) -> Int {\n  " + text + "\n}\n"


BROKEN = [
    # text, code, line and column, what the hint mentions
    (in_main("let a = 1"), "E0014", (2, 3), "last line"),
    (in_main(""), "E0014", (1, 42), "value"),
    (in_main("total = n\n  n"), "E0025", (2, 9), "let total"),
    (in_main("if n = 0 { 1 } else { 2 }"), "E0013", (2, 8), "=="),
    (in_main("if n > 0:\n    1\n  else:\n    2"), "E0018", (2, 11), "{"),
    (in_main("if n > 0 { 1 } elif n < 0 { 2 } else { 3 }"), "E0018", (2, 18), "else if"),
    (in_main("return n + 1"), "E0018", (2, 3), "Remove"),
    ("def main(n):\n  return n\n", "E0018", (1, 1), "fn name"),
    (in_main("i++"), "E0018", (2, 4), "let next"),
    (in_main("n += 1\n  n"), "E0018", (2, 5), "let"),
    (in_main("n && n"), "E0018", (2, 5), "and"),
    (in_main("n || n"), "E0018", (2, 5), "or"),
    (in_main("!n"), "E0018", (2, 3), "not"),
    (in_main("'abc'"), "E0018", (2, 3), '"'),
    (in_main('f"abc {n}"'), "E0018", (2, 3), "{name}"),
    (in_main("a < n < b"), "E0015", (2, 3), "and"),
    (in_main("a == n == b"), "E0015", (2, 3), "and"),
    (in_main("let x\n  n"), "E0020", (2, 8), "let name = value"),
    (in_main("let x: Int = 3\n  x"), "E0018", (2, 8), "let name"),
    (in_main("for x in xs: x"), "E0018", (2, 14), "{"),
    (in_main("for i in 0..9 { i }"), "E0018", (2, 13), "range"),
    (in_main("[x for x in xs]"), "E0018", (2, 6), "for x in xs {"),
    (in_main("1 if n else 2"), "E0018", (2, 5), "if c"),
    (in_main("x in xs"), "E0018", (2, 5), "contains"),
    (in_main("while n > 0 { n }"), "E0018", (2, 3), "repeat"),
    (in_main("if n > 0 n else 2"), "E0019", (2, 12), "{"),
    (in_main("if n > 0 { 1 } else 2"), "E0019", (2, 23), "{"),
    (in_main("match n x -> 1"), "E0019", (2, 11), "match"),
    (in_main("let m = if n > 0 { 1 }\n  m"), "E0012", (2, 11), "else"),
    (in_main("if n > 0 { 1 }"), "E0012", (2, 3), "else"),
    ("fn main(n: Int) {\n  n\n}\n", "E0016", (1, 17), "->"),
    ("fn main(n: Int): Int {\n  n\n}\n", "E0016", (1, 16), "->"),
    ("primitive p(x: Text) { prompt: \"{x}\" }\n", "E0016", (1, 22), "->"),
    ("fn main(n) -> Int { n }\n", "E0026", (1, 9), "n:"),
    ("fn main(n: int) -> Int { n }\n", "E0023", (1, 12), "Int"),
    ("fn main[T](n: T) -> str { n }\n", "E0023", (1, 21), "Text"),
    ("fn main<T>(n: T) -> T { n }\n", "E0018", (1, 8), "[T]"),
    ("fn main(n: List<Int>) -> Int { 1 }\n", "E0018", (1, 16), "List["),
    ("fn main(n: List) -> Int { 1 }\n", "E0010", (1, 12), "List["),
    ("fn main(n: Int) -> Int\n  n\n}\n", "E0019", (1, 23), "{"),
    ("fn Main(n: Int) -> Int { n }\n", "E0023", (1, 4), "main"),
    ("fn match(n: Int) -> Int { n }\n", "E0011", (1, 4), "match_"),
    ("type finding { x: Int }\n", "E0023", (1, 6), "Finding"),
    ("type Big_Finding { x: Int }\n", "E0023", (1, 6), "BigFinding"),
    ("type Finding { type: Int }\n", "E0011", (1, 16), "type_"),
    ("type Finding { Title: Int }\n", "E0023", (1, 16), "title"),
    ("enum Mood { glad sad }\n", "E0010", (1, 18), ","),
    ('primitive p(x: Text) -> Text[3]\n  prompt: "{x}"\n', "E0019", (2, 3), "{ prompt"),
    ('primitive p() -> Int { prompt = "a" }\n', "E0010", (1, 31), "prompt:"),
    (in_main("f(n m)"), "E0010", (2, 7), ","),
    (in_main("f(n,, m)"), "E0010", (2, 7), "value"),
    (in_main("f(x = 1)"), "E0010", (2, 7), "x:"),
    (in_main("xs[1:2]"), "E0018", (2, 7), "xs[i..j]"),
    (in_main('{ "a": 1 }'), "E0018", (2, 8), "type"),
    (in_main("Finding { title: n }"), "E0010", (2, 3), "Finding("),
    (in_main("let f = Finding\n  f"), "E0010", (2, 11), "Finding("),
    (in_main("f(_)"), "E0010", (2, 5), "name"),
    (in_main("call n"), "E0024", (2, 8), "call n("),
    (in_main("call (f)(n)"), "E0024", (2, 8), "call"),
    (in_main("f(n)(n)"), "E0024", (2, 3), "name"),
    (in_main("n else 3"), "E0024", (2, 3), "call"),
    (in_main("if call p(n) else true { 1 } else { 2 }"), "E0024", (2, 6), "("),
    (in_main("for x in xs where not call p(n) else true { 1 }"), "E0024", (2, 25), "("),
    (in_main("else { 1 }"), "E0010", (2, 3), "if c"),
    (in_main("None"), "E0018", (2, 3), "empty list"),
    (in_main("let t = True\n  t"), "E0018", (2, 11), "true"),
    (in_main("match xs { [] : 0, _ -> 1 }"), "E0010", (2, 17), "->"),
    (in_main("match n { 1 | 2 -> 0, _ -> 1 }"), "E0010", (2, 15), "arm"),
    (in_main("match n { x if x > 1 -> 0, _ -> 1 }"), "E0010", (2, 15), "if"),
    (in_main("match n { 1 => 0 }"), "E0018", (2, 15), "->"),
    (in_main("match n { }"), "E0014", (2, 3), "->"),
    (in_main("fn g(x: Int) -> Int { x }\n  g(n)"), "E0017", (2, 3), "fn"),
    (in_main("let lead = 3\n  lead"), "E0011", (2, 7), "lead_"),
    (in_main("n + to"), "E0011", (2, 7), "to_"),
    (in_main("let vote = 3\n  vote"), "E0011", (2, 7), "vote_"),
    (in_main("n.vote"), "E0011", (2, 5), "vote_"),
    (in_main('"{}"'), "E0009", (2, 4), r"\{"),
    (in_main('"{n"'), "E0009", (2, 4), "}"),
    (in_main('"a } b"'), "E0009", (2, 6), r"\}"),
    (in_main('"{n n}"'), "E0009", (2, 7), r"\{"),
    (in_main('"""\n  { "a": 1 }\n  """'), "E0009", (3, 8), r"\{"),
    (in_main('"abc'), "E0003", (2, 3), '"'),
    (in_main('"""abc'), "E0003", (2, 3), '"""'),
    (in_main(r'"C:\data"'), "E0004", (2, 6), "\\\\"),
    (in_main("(n + 1"), "E0006", (2, 3), ")"),
    (in_main("f([n)"), "E0006", (2, 5), "]"),
    (in_main("n + 1)"), "E0007", (2, 8), "("),
    ("fn f(n: Int) -> Int {\n  if n > 1 {\n    1\n  } else {\n    2\n\n}\nfn g(n: Int) -> Int { n }\n",
     "E0006", (4, 10), "}"),
    ("}\n", "E0007", (1, 1), "Remove"),
    ("let x = 3\n", "E0017", (1, 1), "fn main"),
    ("fn f() -> Int { 1 }\nf()\n", "E0017", (2, 1), "braces"),
    ("fn f() -> Int { 1 } fn g() -> Int { 2 }\n", "E0021", (1, 21), "new line"),
    (in_main("let a = 1 let b = 2\n  a"), "E0021", (2, 13), "new line"),
    ("param x: Int\n", "E0010", (1, 13), "="),
    ("model m\n", "E0010", (1, 8), "="),
    ('import "./a.orch"\n', "E0010", (1, 8), "as name"),
    ("from std import reduce\n", "E0018", (1, 1), "import std"),
    (in_main("()"), "E0022", (2, 3), "[x]"),
    (in_main("(n,)"), "E0022", (2, 3), "comma"),
    (in_main("par (n)"), "E0022", (2, 3), "par for"),
    (in_main("repeat x = 1 up 3 while n { x }"), "E0010", (2, 19), "to"),
    (in_main("fold x = 1 in xs { x }"), "E0010", (2, 14), "for"),
    (in_main("vote 3 { n }"), "E0010", (2, 8), "lead"),
    (in_main("choose calls { a: 1 }"), "E0010", (2, 10), "least"),
    (in_main("n +"), "E0010", (3, 1), "+"),
    (in_main("“n”"), "E0002", (2, 3), '"'),
    (in_main("ñ"), "E0002", (2, 3), "letters"),
    (in_main("1_"), "E0005", (2, 3), "10_000"),
    (in_main("2x"), "E0005", (2, 3), "42"),
    (in_main("1" * 2000), "E0005", (2, 3), "power"),
    ("fn f() -> Int { 1\0 }", "E0001", (1, 18), "path"),
    ("fn f() -> Int decreases 1 decreases 2 { 1 }", "E0010", (1, 27), "sum"),
]


@pytest.mark.parametrize(("text", "code", "place", "hint"), BROKEN, ids=[row[0][-40:].strip() for row in BROKEN])
def test_broken_programs(text: str, code: str, place: tuple[int, int], hint: str) -> None:
    found = faults(text)
    assert (found[0].code, found[0].span.place[:2]) == (code, place), found[0]
    assert hint in found[0].hint
    assert found[0].message.endswith(".") and found[0].hint.endswith(".")


def test_each_declaration_tells_its_own_error() -> None:
    text = dedent("""\
        fn a() -> Int { let x }
        fn b() -> Int { 1 }
        fn c() -> Int {
          (1
        }
        fn d( -> Int { 1 }
        param e: Int = §
        model f = "local/x" {
        fn g() -> Int {
          n && m
          if 1 { 2 }
        }
        """)
    assert [(d.code, d.span.place[0]) for d in faults(text)] == [
        ("E0020", 1), ("E0006", 4), ("E0006", 6), ("E0002", 7), ("E0006", 8), ("E0018", 10)]


# ---------------------------------------------------------------- what must not break it

DEEP = 10_000
START = "fn main(n: Int) -> Int {\n  "


@pytest.mark.parametrize("text", [
    START + "(" * DEEP + "n" + ")" * DEEP + "\n}\n",
    START + "(" * DEEP + "n\n}\n",
    START + "[" * DEEP, START + "{" * DEEP, START + '"{' * DEEP, START + "f(" * DEEP,
    START + "not " * DEEP + "n\n}\n", START + "- " * DEEP + "n\n}\n", START + "n + (" * DEEP + "n" + ")" * DEEP,
    START + "n ** " * DEEP + "n\n}\n", START + "n" + ".a" * DEEP + "\n}\n", START + "|x| " * DEEP + "n\n}\n",
    START + "if n > 1 { n } else " * DEEP + "{ n }\n}\n", START + "f(n) else " * DEEP + "n\n}\n",
    "fn main(n: " + "fn() -> " * DEEP + "Int) -> Int { 1 }\n",
], ids=range(15))
def test_deep_nesting_is_refused(text: str) -> None:
    found = faults(text)
    assert [d.code for d in found] == ["E0008"]
    assert found[0].span.place[0] <= 2


def test_nesting_up_to_the_limit_is_taken() -> None:
    for opener, closer in (("(", ")"), ("[", "]")):
        parsed(START + opener * (MAX_DEPTH - 2) + "n" + closer * (MAX_DEPTH - 2) + "\n}\n")
        faults(START + opener * (MAX_DEPTH + 1) + "n" + closer * (MAX_DEPTH + 1) + "\n}\n")


@pytest.mark.parametrize("text", [
    START + '"' + "a" * 1_000_000 + '"\n}\n', "#" * 1_000_000, "\n" * 500_000, START + "n" * 1_000_000 + "\n}\n",
], ids=["string", "comment", "lines", "name"])
def test_a_megabyte_is_read(text: str) -> None:
    parsed(text)


@pytest.mark.parametrize("text", [
    "§" * 1_000_000, "(" * 1_000_000, '"' * 300_000, '"{' * 300_000, "]" * 300_000, "fn\n" * 100_000,
    START + "foo bar " * 60_000 + "\n}\n", START + "," * 300_000, '"""' + "{\n" * 100_000, START + '"' + "\\q" * 10_000,
], ids=range(10))
def test_a_megabyte_of_nonsense_is_refused_in_time(text: str) -> None:
    started = time.process_time()
    faults(text)
    assert time.process_time() - started < 10


def test_parsing_takes_time_in_proportion_to_the_text() -> None:
    unit = ("fn f{i}(doc: Text[n]) -> Text[120] {{\n"
            "  if n <= 3 {{ call s(doc) }} else {{ call s(join(split(doc, 2), \"\")) }}\n}}\n")

    def seconds(count: int) -> float:
        text = "".join(unit.format(i=i) for i in range(count))
        started = time.process_time()
        parsed(text)
        return time.process_time() - started
    seconds(10)
    assert seconds(2000) < 20 * seconds(200) + 0.5


WORDS = [
    "fn", "let", "if", "else", "{", "}", "(", ")", "[", "]", "match", "->", ",", "\n", '"', '"""', "{", "|", "call",
    "for", "in", "..", "par", "=", "==", "-", "++", "n", "Text", "1", ".", ":", "vote", "choose", "least", "#", "\\",
    "chance", "where", "§", "\t", "partition", "repeat", "while", "fold", "up", "to", "primitive", "not", "\r", "",
]


@pytest.mark.parametrize("seed", range(40))
def test_mutated_programs_give_a_tree_or_errors_within_the_text(seed: int) -> None:
    draw = random.Random(seed)
    whole = Path(__file__).with_name("golden").joinpath("syntax.orch").read_text("utf-8")
    for _ in range(10):
        text = whole
        for _ in range(draw.randrange(1, 6)):
            at, size = draw.randrange(len(text)), draw.choice((0, 1, 1, 3, 20))
            text = text[:at] + draw.choice(WORDS) + text[at + size:]
        module, diagnostics = parse(Source("mutant", text))
        assert (module is None) == bool(diagnostics)
        for diagnostic in diagnostics:
            assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
            assert diagnostic.hint and diagnostic.message
            json.dumps(diagnostic.to_json())


# ---------------------------------------------------------------- files

def test_files_that_are_no_programs(tmp_path: Path) -> None:
    missing = read_source(tmp_path / "missing.orch")
    assert missing[0] is None and missing[1][0].code == "E0001"
    assert read_source(tmp_path)[1][0].code == "E0001"
    assert read_source("a\0b")[1][0].code == "E0001"
    bad = tmp_path / "bad.orch"
    bad.write_bytes(b"\xef\xbb\xbffn f() -> Int {\n  \xff\xfe 1\n}\n")
    source, diagnostics = read_source(bad)
    assert source is None
    assert diagnostics[0].code == "E0001" and diagnostics[0].span.place[:2] == (2, 3)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.orch"
    path.write_bytes(b"\xef\xbb\xbffn f() -> Int { 1 }\r\n")
    source, diagnostics = read_source(path)
    assert source is not None and not diagnostics
    assert parse(source)[0] is not None


# ---------------------------------------------------------------- the table

def test_the_stored_table_is_that_of_the_grammar() -> None:
    grammar = Path(parse.__code__.co_filename).with_name("grammar.lark")
    assert parse_table() == compile_grammar(grammar.read_text("utf-8"))
