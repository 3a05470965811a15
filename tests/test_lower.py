"""Lowering: extents, specialisation, patterns, order of evaluation."""
from __future__ import annotations

from orch.compiler import core as c
from orch.compiler.core_text import show_function, show_node, show_shape
from orch.compiler.lower import lower
from orch.lang.frontend import load_program
from orch.lang.source import Source

PRELUDE = """
model fast = "local/fast"
primitive ask(q: Text[n], k: Int) -> Text[5] { prompt: "{q} {k}" }
primitive sure(q: Text[n]) -> Bool { prompt: "{q}" }
"""


def core(text: str, prelude: str = PRELUDE) -> c.Program:
    checked, found = load_program(Source("p.orch", prelude + text))
    assert checked is not None, found
    program, more = lower(checked)
    assert program is not None, more
    return program


def body(text: str, name: str = "main") -> list[str]:
    return [line.strip() for line in show_node(core(text).functions[name].body).split("\n")]


def shapes(text: str, name: str = "main") -> list[str]:
    f = core(text).functions[name]
    return [*(show_shape(p.shape) for p in f.params), show_shape(f.result)]


# ---------------------------------------------------------------- sizes

def test_declared_sizes_bind_and_others_are_named_after_their_parameter() -> None:
    assert shapes("fn main(doc: Text[n], k: Int, items: List[Text[m], n]) -> Text[n + k] { doc }") == [
        "Text[n]", "Int[k]", "List[n](Text[m])", "Text[..k + n]"]
    assert shapes("fn main(doc: Text, items: List[Text], ids: List[Int], deep: List[List[Text]]) -> Text { doc }") == [
        "Text[n_doc]", "List[n_items](Text[m_items])", "List[n_ids](Int[m_ids])",
        "List[n_deep](List[m_deep](Text[k_deep]))", "Text"]
    assert shapes("fn main(a: Text[40], b: Int[1..5], c: List[Text[2..9], n], d: Text[n])"
                  " -> List[Text[9], 1..n] { c }") == [
        "Text[n_a 0..40]", "Int[b 1..5]", "List[n](Text[m_c 2..9])", "Text[n]", "List[1..n](Text[..9])"]
    assert shapes("type Finding { title: Text[20], tags: List[Text[m]], at: Int[0..9] }\n"
                  "fn main(finding: Finding, pair: (Text, Int)) -> Finding { finding }") == [
        "Finding(title: Text[n_finding_title 0..20], tags: List[n_finding_tags](Text[m]), at: Int[n_finding_at 0..9])",
        "(Text[n_pair_0], Int[n_pair_1])",
        "Finding(title: Text[..20], tags: List(Text[..m]), at: Int[0..9])"]


def test_a_param_in_a_size_is_a_precondition() -> None:
    assert shapes("param chunk: Int = 5 in 1..9\n"
                  "fn main(doc: Text[chunk], k: Int, xs: List[Text, k]) -> Text { doc }") == [
        "Text[n_doc 0..chunk]", "Int[k]", "List[n_xs 0..k](Text[m_xs])", "Text"]


def test_sizes_of_answers() -> None:
    p = core("""
tool t(q: Text[n]) -> List[Text[n], 5] { python: "m:f" }
primitive a(q: Text[n]) -> Text[n] { prompt: "{q}" }
primitive b(q: Text[n]) -> Text[n - 3..n] { prompt: "{q}" }
primitive d(q: Text[n]) -> (List[Text[0], 2], Int[0..n]) { prompt: "{q}" }
fn main(n: Int) -> Int { n }
""")
    assert show_shape(p.tools["t"].result) == "List[0..5](Text[0..n])"
    assert show_shape(p.primitives["a"].result) == "Text[Min(1, n)..n]"
    assert show_shape(p.primitives["b"].result) == "Text[Max(0, n - 3)..n]"
    assert show_shape(p.primitives["d"].result) == "(List[0..2](Text[0..0]), Int[0..n])"


def test_clauses_and_chances_become_expressions() -> None:
    p = core("fn main(doc: Text[n], k: Int) -> Int where k >= 1 and not n < k decreases n - k within calls <= 2 * n {\n"
             "  if call sure(doc) chance 1 / (n + 1) { n } else { k }\n}")
    assert show_function(p.functions["main"]).split("\n")[0] == (
        "fn main(doc: Text[n], k: Int[k]) -> Int where (k >= 1) & (n >= k) decreases -k + n within calls <= 2*n")
    node = p.functions["main"].body
    assert isinstance(node, c.If) and isinstance(node.condition, c.CallPrimitive) and str(node.chance) == "1/(n + 1)"


def test_models_and_attributes() -> None:
    p = core("""
model big = "openai/big" { size: m_j, temperature: 0.5, price_in: 1.25, context: 4000, reasoning: 100 }
primitive a(q: Text[n], k: Int) -> Bool {
  model: big
  prompt: "{q} and {k}"
  system: "You are {q}"
  error: p_wrong
  malformed: 1 / 100
  chance: 0.25
  attempts: 5
  max_output: 2 * n
  typical: 3
}
fn main(n: Int) -> Int { n }
""")
    big, a, ask = p.models["big"], p.primitives["a"], p.primitives["ask"]
    assert (str(big.size), str(big.temperature), str(big.price_in), big.context, big.reasoning, big.rpm) == (
        "m_j", "1/2", "5/4", 4000, 100, None)
    assert str(p.models["fast"].size) == "m_fast" and ask.model == "fast" and ask.attempts == 3
    assert a.prompt == (c.Hole("q", ()), " and ", c.Hole("k", ())) and a.system == ("You are ", c.Hole("q", ()))
    assert (str(a.error), str(a.malformed), str(a.chance), a.attempts, str(a.max_output), str(a.typical)) == (
        "p_wrong", "1/100", "1/4", 5, "2*n", "3")


def test_without_a_model_there_is_a_default() -> None:
    p = core('primitive ask(q: Text[n]) -> Text[5] { prompt: "{q}" }\nfn main(n: Int) -> Int { n }', "")
    assert p.primitives["ask"].model == "default" and str(p.models["default"].size) == "default"


def test_placeholders_reach_into_records_and_tuples() -> None:
    p = core("""
type Inner { a: Int, b: Text[5] }
type Outer { x: Int, inner: Inner }
primitive p(o: Outer, t: (Int, Outer)) -> Int { prompt: "{o.inner.b} {t.1.x}" }
fn main(n: Int) -> Int { n }
""")
    assert p.primitives["p"].prompt == (c.Hole("o", (1, 1)), " ", c.Hole("t", (1, 0)))


# ---------------------------------------------------------------- specialisation

MAP = "fn map[T, U](xs: List[T, n], f: fn(T) -> U) -> List[U, n] { for x in xs { f(x) } }\n"


def test_equal_specialisations_are_shared() -> None:
    p = core(MAP + """
fn double(x: Int) -> Int { 2 * x }
fn main(n: Int) -> Int {
  let a = map([1], double) ++ map([2], double)
  let b = map(["a"], |t| tokens(t)) ++ map(["b"], |t| tokens(t))
  let c = map([1], |x| x + 1)
  sum(a ++ b ++ c)
}
""")
    assert sorted(p.functions) == ["double", "main", "main.lambda", "main.lambda_2", "map", "map_2", "map_3"]
    assert [f.origin for f in p.functions.values()].count("map") == 3
    assert dict(p.entries) == {"double": "double", "main": "main"}


def test_captured_values_become_parameters() -> None:
    p = core(MAP + """
fn main(doc: Text[n], k: Int) -> Int {
  let word = "a"
  sum(map([1, 2], |x| if x > n chance 1 / (n + k) { x + k } else { tokens(word) }))
}
""")
    inside = p.functions["main.lambda"]
    assert [q.name for q in inside.params] == ["n", "k", "word", "x"] or [q.name for q in inside.params] == [
        "k", "n", "word", "x"]
    assert isinstance(inside.body, c.If) and str(inside.body.chance) in ("1/(k + n)", "1/(n + k)")
    specialised = p.functions["map"]
    assert specialised.params[0].name == "xs" and len(specialised.params) == 4


def test_functions_are_passed_on_through_recursion() -> None:
    p = core("""
fn tree[T](items: List[T, n], combine: fn(T, T) -> T) -> T where n >= 1 {
  if n == 1 { first(items) } else {
    let (l, r) = halve(items)
    combine(tree(l, combine), tree(r, combine))
  }
}
fn larger(a: Int, b: Int) -> Int { max(a, b) }
fn main(n: Int) -> Int { tree([n, 2], larger) }
""")
    assert sorted(p.functions) == ["larger", "main", "tree"]
    assert show_node(p.functions["tree"].body).endswith("larger@6(tree@4(l), tree@5(r))") or \
        "larger@" in show_node(p.functions["tree"].body)


def test_endless_specialisation_is_refused_at_the_call() -> None:
    for text in ("fn grow[T](x: T, d: Int) -> Int {\n  if d <= 0 { 0 } else { grow((x, x), d - 1) }\n}\n"
                 "fn main(n: Int) -> Int { grow(1, n) }",
                 "fn grow(f: fn(Int) -> Int, d: Int) -> Int {\n"
                 "  if d <= 0 { f(0) } else { grow(|x| f(x) + 1, d - 1) }\n}\n"
                 "fn main(n: Int) -> Int { grow(|x| x, n) }"):
        checked, found = load_program(Source("p.orch", text))
        assert checked is not None, found
        program, more = lower(checked)
        assert program is None and [(d.code, d.span.place[0]) for d in more] == [("E0418", 2)]


def test_a_lambda_that_only_calls_is_a_call_where_it_is_used() -> None:
    p = core('''
fn keep(xs: List[Text[m], n], f: fn(Text) -> Bool) -> List[Text] { for x in xs where f(x) { x } }
fn each(xs: List[Text[m], n], f: fn(Text, Int) -> Text) -> List[Text] { for x in xs { f(x ++ x, n) } }
fn main(xs: List[Text[m], n], k: Int) -> Text {
  let a = keep(xs, |x| call sure(x)) ++ keep(xs, |x| call sure(x))
  let b = each(a, |x, i| call ask(x, i)) ++ each(a, |x, _| call ask(x, k)) ++ each(a, |x, i| call ask(k: 7, q: x))
  join(b, "")
}
''')
    assert {name: show_node(f.body) for name, f in p.functions.items() if name != "main"} == {
        "keep": "for x in xs where call sure@6(x) { x }",
        "each": "for x in xs { call ask@7(++(x, x), #n) }",
        "each_2": "for x in xs { let argument = ++(x, x)\n  call ask@8(argument, f_k) }",
        "each_3": "for x in xs { let argument = ++(x, x)\n  call ask@9(argument, 7) }"}


def test_a_lambda_that_only_passes_on_is_what_it_passes_to() -> None:
    p = core('''
fn inner(x: Int, f: fn(Int) -> Int) -> Int { f(x) }
fn outer(x: Int, f: fn(Int) -> Int) -> Int { inner(x, |y| f(y)) }
fn double(x: Int) -> Int { 2 * x }
fn main(n: Int) -> Int { outer(n, |z| double(z)) + inner(n, double) }
''')
    assert sorted(p.functions) == ["double", "inner", "main", "outer"]


# ---------------------------------------------------------------- bodies

def test_match_becomes_branches() -> None:
    assert body("fn main(xs: List[Int, n]) -> Int {\n"
                "  match xs { [] -> 0, [x] -> x, [x, ..rest] -> x + len(rest) }\n}") == [
        "if ==(len(xs), 0)", "then 0", "else if ==(len(xs), 1)", "then let x = index(xs, 0)", "x",
        "else let x_2 = index(xs, 0)", "let rest = drop(xs, 1)", "+(x_2, len(rest))"]
    assert body("enum E { a, b }\nfn main(e: E, k: Int) -> Int { match (e, k) { (a, 0) -> 1, (_, j) -> j } }") == [
        "let subject = tuple(e, k)", "if (==(subject.0, 'a') and ==(subject.1, 0))", "then 1",
        "else let j = subject.1", "j"]
    assert body("fn main(f: Bool) -> Int { match f { true -> 1, false -> 0 } }") == ["if f", "then 1", "else 0"]


def test_accumulators_and_loop_variables_are_taken_apart() -> None:
    assert body("fn main(n: Int) -> Int {\n"
                "  let (a, _) = fold (x, y) = (0, 1) for (i, j) in enumerate([n]) { (y, x + i + j) }\n  a\n}") == [
        "let parts = fold state = tuple(0, 1) for item in enumerate(list(n)) { let x = state.0", "let y = state.1",
        "let i = item.0", "let j = item.1", "tuple(y, +(+(x, i), j)) }", "let a = parts.0", "a"]
    assert body("fn main(q: Text[n]) -> Int {\n"
                "  (repeat (t, k) = (q, 0) up to 3 while call sure(t) { (t ++ q, k + 1) }).1\n}") == [
        "repeat state = tuple(q, 0) up to 3 while call sure@1(state.0) { let t = state.0", "let k = state.1",
        "tuple(++(t, q), +(k, 1)) }.1"]


def test_arguments_are_evaluated_as_written_and_given_as_declared() -> None:
    assert body("fn main(q: Text[n], k: Int) -> Text { call ask(k: k + 1, q: q ++ q) }") == [
        "let argument = +(k, 1)", "let argument_2 = ++(q, q)", "call ask@1(argument_2, argument)"]
    assert body("fn main(q: Text[n], k: Int) -> Text { call ask(k: k, q: q) }") == ["call ask@1(q, k)"]


def test_names_are_unique_within_a_function() -> None:
    assert body("fn main(n: Int) -> Int {\n  let x = n\n  let x = x + 1\n  sum(for x in [x] { x })\n}") == [
        "let x = n", "let x_2 = +(x, 1)", "sum(for x_3 in list(x_2) { x_3 })"]


def test_sorted_by_a_key() -> None:
    assert body("fn main(xs: List[Text[m], n]) -> List[Text] { sorted(reverse(xs), |x| tokens(x)) }") == [
        "let items = reverse(xs)", "sorted_by(items, for item in items { tokens(item) })"]


def test_ints_are_widened_where_floats_are_wanted() -> None:
    assert body("fn main(k: Int) -> List[Float] { [1, 2.5, k] }") == ["list(1, 5/2, /(k, 1))"]
    node = core("fn main(k: Int) -> List[Float] { [1, 2.5, k] }").functions["main"].body
    assert isinstance(node, c.Op) and {str(a.type) for a in node.args} == {"FloatT()"}


def test_size_variables_params_and_parameters_are_told_apart() -> None:
    assert body("param chunk: Int = 5 in 1..9\nfn main(doc: Text[n], k: Int) -> Int { n + chunk + k }") == [
        "+(+(#n, $chunk), k)"]


def test_long_chains_are_balanced() -> None:
    node = core(f"fn main(t: Text[n]) -> Text {{ t{' ++ t' * 150} }}").functions["main"].body
    depth = 0
    while isinstance(node, c.Op):
        node, depth = node.args[0], depth + 1
    assert depth <= 8


def test_fallbacks_votes_tools_and_alternatives() -> None:
    assert body('tool get(u: Text[40]) -> Text[9] { python: "m:f" }\n'
                "fn main(q: Text[n]) -> Text {\n"
                '  let a = call ask(q, 1) else "x"\n'
                '  let b = get("u") else a\n'
                '  let c = vote lead 2 up to 5 { call ask(b, 2) } else "y"\n'
                "  choose least calls { one: c ++ q[1..]  two: vote of 3 { q[..2] } }\n}") == [
        "let a = call ask@1(q, 1) else 'x'", "let b = tool get@2('u') else a",
        "let c = vote lead 2 up to 5 { call ask@3(b, 2) } else 'y'",
        "choose least calls { one: ++(c, slice_from(q, 1)); two: vote of 3 { slice(q, 0, 2) } }"]


def test_a_size_may_not_bear_a_name_that_is_taken() -> None:
    checked, found = load_program(Source("p.orch", "fn f(doc: Text) -> Text { doc }\n"
                                                   "fn main(x: Text[n_doc]) -> Text { f(x) }"))
    assert checked is not None, found
    assert [d.code for d in lower(checked)[1]] == ["E0414"]
