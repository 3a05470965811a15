"""The analysis from source to figures: claims, contracts, choices, termination, sizes of results."""

from __future__ import annotations

from fractions import Fraction

import pytest

import orch

HEAD = """\
model fast = "local/fast"

primitive say(x: Text[m]) -> Text[20] {
  prompt: "Say {x}"
}

"""

RING = """fn alpha(n: Int) -> Int { if %s { 0 } else { let _ = call say("x")
  %s } }
fn beta(n: Int) -> Int { %s }
fn gamma(n: Int) -> Int { alpha(n) }
fn main(n: Int) -> Int { beta(n) }
"""
MEASURED = """fn f(n: Int, k: Int) -> Text where n >= 0, k >= 0 decreases %s {
  if n <= k or n == 0 { "" } else { call say("x") ++ f(%s) }
}
fn main() -> Text { f(10, 5) }
"""
COUNTED = """primitive count(t: Text[n]) -> Int { prompt: "Count {t}" }
fn main(t: Text[n]) -> List[Text] { let k = call count(t)
  %s }
"""
TWO_SIZES = "fn main(m: Int, n: Int) -> Int where m >= 0, n >= 0 { if m == 0 { n + 1 } else if n == 0 { %s } }"


def codes(source: str) -> list[str]:
    try:
        program = orch.compile(HEAD + source)
        program.check()
        return [d.code for d in program.warnings]
    except orch.OrchError as e:
        return [d.code for d in e.diagnostics]


@pytest.mark.parametrize(
    "source, code",
    [
        ("fn main(x: Text[n]) -> Text[20] within calls <= 1 { call say(call say(x)) }", "E0502"),
        ("fn main(x: Text[n]) -> Text[20] within calls <= 2 { call say(call say(x)) }", None),
        ("fn main(x: Text[n]) -> Text[20] within input_tokens <= n { call say(x) }", "E0502"),
        ("fn main(x: Text[n]) -> Text[2 * n] { x ++ x }", None),
        ("fn main(x: Text[n]) -> Text[n] { x ++ x }", "E0401"),
        ("fn main(n: Int) -> Int { if n <= 0 { 0 } else { main(n // 2) } }", None),
        ("fn main(n: Int) -> Int { if n == 0 { 0 } else { main(n - 2) } }", "E0403"),
        ("fn top(xs: List[Int, n]) -> Int where n >= 1 { first(xs) }\nfn main() -> Int { top([]) }", "E0404"),
        ("fn h(k: Int[0..50]) -> Int { k }\nfn main() -> Int { h(-2) }", "E0404"),
        ("fn h(p: (Text[2..3], Int)) -> Int { 1 }\nfn main(k: Int) -> Int { h((\"a b c d e f\", k)) }", "E0404"),
        ("fn h(k: Int[0..50]) -> Int { k }\nfn main(k: Int) -> Int { h(k) + h(50) }", None),
        ("fn main(xs: List[Float, n]) -> List[Float, n] { xs }", None),
        # one function of a ring looks whether to stop, another makes smaller what is passed
        (RING % ("n <= 0", "beta(n)", "gamma(n - 1)"), None),
        (RING % ("n == 0", "beta(n)", "gamma(n - 1)"), "E0403"),
        (RING % ("n <= 0", "beta(n)", "gamma(n)"), "E0403"),
        (RING % ("n <= 0", "beta(n + 1)", "gamma(n - 1)"), "E0403"),
        # what `decreases` names has to shrink, though another size would do
        (MEASURED % ("n - k", "n, k + 1"), None),
        (MEASURED % ("k", "n - 1, k"), "E0407"),
        (MEASURED % ("n + k", "n - 1, k"), None),
        (MEASURED % ("n + k", "n - 1, k + 1"), "E0407"),
        (MEASURED % ("k", "n, k"), "E0407"),
        # by two sizes, as words in a dictionary
        (TWO_SIZES % "main(m - 1, 10) } else { main(m, n - 1)", None),
        (TWO_SIZES % "main(m - 1, 1) } else { main(m - 1, main(m, n - 1))", "E0405"),
        (TWO_SIZES % "main(m - 1, 1) } else { main(m, main(m, n - 1))", "E0403"),
        (TWO_SIZES % "main(m - 1, 1) } else { main(m - 1, main(m + 1, n - 1))", "E0403"),
        (TWO_SIZES % "main(m - 1, 1) } else { main(m - 1, 1 + (if m > 3 { main(m, n - 1) } else { 4 }))", "E0405"),
        # every run fails there; the analysis does not
        *(
            (f"fn main(t: Text[n], k: Int) -> Int {{ {e} }}", "E0408")
            for e in (
                "len(windows(t, 0, 1))", "len(windows(t, 5, 0))", "len(chunks(t, k - k))", "len(pack([t], 0))",
                "len(split(t, 0))", "k // 0", "k % (1 - 1)", "[k, 1][-1]", "[k, 1][2]", "first(take([k], 0))",
                "max(replace_at([k], 1, k))", "floor(log2(0.0 - 1))",
                "fold a = 0 for x in [k] { chunks([x], 0)[a][0] }",
            )
        ),
        ("fn main(t: Text[n], k: Int) -> Int { len(chunks(t, k)) + [k, 1][k] + 0 ** (0 - 1) }", None),
        ("fn main(xs: List[Int, n]) -> Int { fold i = 0 for x in xs { if i > 0 { xs[i - 1] } else { 1 } } }", None),
        ("fn main(xs: List[Int, n]) -> Int { fold i = 0 for x in xs { if i > 0 and xs[i - 1] > 1 { 1 } else { 2 } } }",
         None),
        # what a number without bounds decides has no worst case: said once, at the loop, or else at the prompt
        (COUNTED % "par for i in range(k) { call say(\"{i}\") }", "W0203"),
        (COUNTED % "[fold a = t for _ in range(k) { call say(a) }]", "W0203"),
        (COUNTED % "[repeat a = t up to k while tokens(a) > 3 { call say(a) }]", "W0203"),
        (COUNTED % "[vote of k { call say(t) }]", "W0203"),
        (COUNTED % "for part in split(t, k) { call say(part) }", "W0203"),
        (COUNTED % "[call say(\"{len(range(k))}\" ++ join(for i in range(k) { \"{i}\" }, \"\"))]", "W0205"),
        (COUNTED.replace("-> Int {", "-> Int[0..9] {") % "par for i in range(k) { call say(\"{i}\") }", None),
        (COUNTED % "par for i in range(min(k, 9)) { call say(\"{i}\") }", None),
        (COUNTED % "[take(t, k)]", None),
    ],
)
def test_what_is_refused(source: str, code: str | None) -> None:
    found = codes(source)
    serious = [c for c in found if c.startswith("E") or c in ("W0203", "W0205")]
    assert (serious.count(code) == 1) if code else not serious, found


def test_a_recursive_result_is_as_large_as_its_recurrence_says() -> None:
    program = orch.compile(HEAD + """
fn echo(n: Int) -> Text { if n <= 0 { "" } else { call say("a") ++ echo(n - 1) } }
fn main(n: Int) -> Text[20] where n >= 0 { call say(echo(n)) }
""")
    report = program.cost(metrics=["context"], at=[{"n": 5}])
    prompt = report.to_json()["primitives"]["say"]["fixed_tokens"]
    context = report.to_json()["at"][0]["context"]
    assert (context["lower"], context["upper"]) == (prompt + 5 + 1, prompt + 100 + 20)


def test_a_size_passed_along_by_a_recursion_is_bounded_where_the_recursion_ends_at_once_too() -> None:
    source = """
fn seek(xs: List[Text[m], n], missing: Text[k]) -> Text {
  match xs { [] -> missing, [x, ..others] -> if contains(x, "a") { call say(x) } else { seek(others, missing) } }
}
fn main(xs: List[Text[m], n], other: Text[30]) -> Text[%d] { if n > 3 { seek(xs, "") } else { seek(xs, other) } }
"""
    assert codes(source % 30) == [] and codes(source % 29) == ["E0401"]


def test_a_loop_whose_first_state_has_another_size_has_an_expected_cost() -> None:
    calls = orch.compile(HEAD + """
primitive good(x: Text[m]) -> Bool { prompt: "Good? {x}", chance: 0.25 }
fn main(x: Text[n], k: Int) -> Text where k >= 0 { repeat y = x up to k while not call good(y) { call say(y) } }
""").cost(metrics=["calls"], at=[{"n": 7, "k": k} for k in range(5)])
    q = Fraction(3, 4)
    for k, at in enumerate(calls.data.at):
        found = at.metrics["calls"]
        assert (found.lower, found.upper) == (min(k, 1), 2 * k)
        assert found.expected == sum(q**i * (1 + q) for i in range(k))
    assert str(calls["calls"].upper.closed) == "2*k" and calls["calls"].expected.closed is not None


@pytest.mark.parametrize(("alpha", "beta", "upper"), [
    ("beta(n)", "alpha(n - 1)", [0, 0, 1, 5]),
    ("alpha(n - 1)", "alpha(n - 2)", [0, 0, 0, 3]),
])
def test_a_recursion_over_a_number_has_a_closed_form_that_is_never_negative(
    alpha: str, beta: str, upper: list[int],
) -> None:
    main = "alpha(n)" if alpha == "beta(n)" else "beta(n)"
    calls = orch.compile(HEAD + f"""
fn alpha(n: Int) -> Int {{ if n <= 0 {{ 0 }} else {{ let _ = call say("x")
  {alpha} }} }}
fn beta(n: Int) -> Int {{ {beta} }}
fn main(n: Int) -> Int {{ {main} }}
""").cost(metrics=["calls"], at=[{"n": n} for n in (-3, 0, 1, 5)])
    assert calls["calls"].upper.closed is not None and calls["calls"].upper.exact
    assert [at.metrics["calls"].upper for at in calls.data.at] == upper


@pytest.mark.parametrize(("declared", "body"), [
    ("k: Int[0..50]", "repeat y = x up to k while call good(y) { call say(y) }"),
    ("k: Int[5..50]", "repeat y = x up to k while call good(y) { call say(y) }"),
    ("k: Int", "some(x, k)"),
    ("k: Int", "some(x, call number(k))"),
])
def test_a_number_outside_its_range_is_refused_at_entry_and_gives_no_negative_bound(declared: str, body: str) -> None:
    program = orch.compile(HEAD + f"""
primitive good(x: Text[m]) -> Bool {{ prompt: "Good? {{x}}", chance: 0.25 }}
primitive number(k: Int) -> Int[-9..99] {{ prompt: "Number {{k}}" }}
fn some(x: Text[n], k: Int[0..50]) -> Text {{ repeat y = x up to k while call good(y) {{ call say(y) }} }}
fn main(x: Text[n], {declared}) -> Text {{ {body} }}
""")
    for k in (-1, 51):
        predicted = program.predict(args={"x": "a", "k": k}).ranges["calls"]
        assert 0 <= predicted.lower <= predicted.upper <= 101
        assert predicted.expected is None or predicted.lower <= predicted.expected <= predicted.upper
        if "number" not in body:
            with pytest.raises(orch.RunFailed, match="outside the bounds that"):
                program.run(args={"x": "a", "k": k}, backend="sim")
    inside = program.predict(args={"x": "a", "k": 50}).ranges["calls"]
    assert inside.upper == 100 + ("number" in body)


def test_loops_over_a_negative_number_of_rounds_cost_nothing() -> None:
    program = orch.compile(HEAD + """
primitive good(x: Text[m]) -> Bool { prompt: "Good? {x}" }
fn main(x: Text[n], k: Int) -> (Text, List[Text]) {
  (repeat y = x up to k while call good(y) { call say(y) }, par for _ in range(k) { call say(x) })
}
""")
    run = program.run(args={"x": "a", "k": -3}, backend="sim")
    assert (run.predicted["calls"].lower, run.predicted["calls"].upper, run.usage["calls"]) == (0, 0, 0)


@pytest.mark.parametrize("parts", ["2", "5", "40", "k"])
def test_a_part_picked_by_an_answer_has_one_of_two_sizes(parts: str) -> None:
    program = orch.compile(f"""
primitive pick(n: Int, k: Int) -> Int[0..{parts} - 1] {{ prompt: "{{n}} {{k}}" }}
fn main(xs: List[Int, n], k: Int) -> List[Int, {parts}] where k >= 2, n >= 1 {{
  if n <= {parts} {{ xs }} else {{
    let picked = call pick(n, k)
    main(split(xs, {parts})[picked], k)
  }}
}}
""")
    sizes = [{"n": n, "k": k} for n, k in [(1, 2), (5, 2), (6, 3), (41, 7), (1000, 3), (1023, 10), (1025, 2)]]
    for at in program.cost(metrics=["calls"], at=sizes).data.at:
        n = dict(at.sizes)["n"]
        size, most, least = dict(at.sizes)["k"] if parts == "k" else int(parts), 0, 0
        low = high = n
        while high > size:
            high, most = -(-high // size), most + 1
        while low > size:
            low, least = low // size, least + 1
        assert (at.metrics["calls"].lower, at.metrics["calls"].upper) == (least, most), at.sizes


def test_the_cheaper_way_is_taken_at_run_time() -> None:
    program = orch.compile(HEAD + """
fn main(xs: List[Text[m], n]) -> Int {
  choose least calls {
    pairs: len(flatten(for x in xs { for y in xs { call say(x ++ y) } }))
    panel: len(for x in xs { (call say(x), call say(x), call say(x)) })
  }
}
""")
    calls = [program.run(args={"xs": ["a"] * n}, backend="sim").usage["calls"] for n in (1, 2, 3, 4, 6)]
    assert calls == [1, 4, 9, 12, 18]


def test_the_library_is_on_the_path_and_specialised() -> None:
    source = "import std.reduce\n" + HEAD + """
fn main(notes: List[Text[m], n]) -> Text where n >= 1 {
  reduce.tree(notes, |a, b| call say(a ++ b))
}
"""
    report = orch.compile(source).cost(metrics=["calls", "rounds"], at=[{"n": 9, "m": 3}]).to_json()
    assert report["metrics"]["calls"]["theta"] == "n" and report["metrics"]["rounds"]["theta"] == "log(n)"
    assert report["at"][0]["calls"]["upper"] == 8 and report["at"][0]["rounds"]["upper"] == 4
