"""Programs that are long and flat: thousands of terms, arms, statements or items go through every stage."""
from __future__ import annotations

import time

import pytest

import orch
from orch.compiler.solve import solve_text
from orch.lang.diagnostics import MAX_ERRORS
from orch.lang.format import format_module
from orch.lang.frontend import with_room
from orch.lang.lexer import MAX_CHAIN
from orch.lang.parser import parse
from orch.lang.source import Source

K = 1500
HEAD = '''model fast = "local/fast"
primitive say(x: Text[q]) -> Text[5] { prompt: "{x}" }
primitive good(x: Text[q]) -> Bool { prompt: "{x}" }
'''


def arms(test: str, body: str, count: int = K) -> str:
    return " ".join(f"if {test.format(i=i)} {{ {body.format(i=i)} }} else" for i in range(count))


#: What is long; its program, the calls it makes at least and at most, a run's argument and result
CHAINS: dict[str, tuple[str, int, int, object, object]] = {
    "terms": ("fn main(n: Int) -> Int { n" + " + n - 1" * K + " }", 0, 0, 3, 3 + 2 * K),
    "factors": ("fn main(n: Int) -> Float { n" + " / 2 * 2" * K + " }", 0, 0, 3, 3.0),
    "texts": (HEAD + "fn main(t: Text[n]) -> Text { t" + " ++ t" * K + " }", 0, 0, "a", "a" * (K + 1)),
    "calls": (HEAD + "fn main(t: Text[n]) -> Int { tokens(call say(t)" + " ++ call say(t)" * K + ") }",
              K + 1, K + 1, "a", K + 1),
    "conditions": ("fn main(n: Int) -> Bool { n == 1" + "".join(f" or n == {i}" for i in range(2, K)) + " }",
                   0, 0, K - 1, True),
    "asked": (HEAD + "fn main(t: Text[n]) -> Bool { call good(t)" + " and call good(t)" * K + " }",
              1, K + 1, "a", None),
    "numbers": ("fn main(n: Int) -> Int { " + arms("n == {i}", "{i}") + " { 0 } }", 0, 0, K - 1, K - 1),
    "guards": (HEAD + "fn main(t: Text[n]) -> Text { " + arms("n > {i}", "call say(t)") + " { t } }", 0, 1, "", ""),
    "patterns": ("fn main(n: Int) -> Int { match n { " + "".join(f"{i} -> {i}, " for i in range(K)) + "_ -> 0 } }",
                 0, 0, K - 1, K - 1),
    "statements": ("fn main(n: Int) -> Int {\n" + "let n = n + 1\n" * K + "n }", 0, 0, 0, K),
    "items": ("fn main(n: Int) -> Int { sum([" + "n, " * K + "]) }", 0, 0, 2, 2 * K),
    "branches": (HEAD + "fn main(t: Text[n]) -> Int { let x = par (" + "call say(t), " * K + ")\n tokens(x.0) }",
                 K, K, "a", 1),
    "preconditions": ("fn main(n: Int) -> Int where n > 0" + " and n > 0" * K + " { n }", 0, 0, 1, 1),
}


@pytest.mark.parametrize("name", CHAINS)
def test_long_and_flat_goes_through_every_stage(name: str) -> None:
    text, low, high, argument, result = CHAINS[name]
    program = orch.compile(text)
    program.check()
    report = program.cost(metrics=["calls"], at={"n": 5})
    figure = report.to_json()["at"][0]["calls"]
    assert low <= figure["lower"] <= figure["upper"] <= high
    done = program.run(args={next(iter(program.parameters())): argument}, backend="sim", sim="smallest", seed=1)
    assert done.within
    assert result is None or done.result == result


@pytest.mark.parametrize("name", ["terms", "conditions", "numbers", "patterns"])
def test_long_and_flat_is_formatted(name: str) -> None:
    module, _ = parse(Source("long.orch", CHAINS[name][0]))
    assert module is not None
    text = with_room(lambda: format_module(module, module.span.source))
    again, _ = parse(Source("long.orch", text))
    assert with_room(lambda: again == module)


def test_up_to_the_limit() -> None:
    for links, found in ((MAX_CHAIN, []), (MAX_CHAIN + 2, ["E0008"])):
        text = "fn main(n: Int) -> Int { n" + " - n" * links + " }\n"
        assert [d.code for d in parse(Source("long.orch", text))[1]] == found


def test_a_choice_between_few_cases_stays_exact() -> None:
    text = HEAD + "fn main(t: Text[n]) -> Text { " + arms("n == {i}", "call say(call say(t))", 40) \
        + " { call say(t) } }"
    program = orch.compile(text)
    report = program.cost(metrics=["calls"], at=[{"n": 7}, {"n": 99}]).to_json()
    assert [f["calls"]["upper"] for f in report["at"]] == [2, 1] == [f["calls"]["lower"] for f in report["at"]]


# ---------------------------------------------------------------- what takes too long is refused

def test_accumulators_deep_within_each_other_are_refused() -> None:
    for depth, refused in ((4, False), (8, True)):
        text = HEAD + "fn main(t: Text[n], xs: List[Text[m], k]) -> Text {\n" + "".join(
            f"fold a{i} = {f'a{i - 1}' if i else 't'} for x in xs {{ " for i in range(depth)
        ) + f"call say(a{depth - 1} ++ x)" + " }" * depth + "\n}"
        found = []
        try:
            orch.compile(text).check()
        except orch.OrchError as e:
            found = [d.code for d in e.diagnostics if d.severity == "error"]
        assert (found == ["E0008"]) is refused, depth


def test_no_more_errors_are_told_than_anybody_reads() -> None:
    with pytest.raises(orch.OrchError) as caught:
        orch.compile("fn main(n: Int) -> Int { sum([" + ", ".join(f"f{i}(n)" for i in range(2000)) + "]) }")
    assert len(caught.value.diagnostics) == MAX_ERRORS


@pytest.mark.parametrize("text", [
    "T(n) = 1 if n <= 1e9; T(n) = 0.5*T(n-1) + n**2", "F(n) = n if n <= 1; F(n) = F(n-1) + F(n-10_000)",
    "S(n) = Sum(k**1e9*Min(k, 7), (k, 1, n))", "S(n) = Sum(k**99*Min(k, 7), (k, 1, n))",
    "T(n) = 1 if n <= 0; T(n) = 2*T(n-1)**2",
    "Q(n) = 0 if n <= 1" + "0" * 300 + "; Q(n) = k + Choose(k, 0, n-1, Q(k) + Q(n-1-k))",
    "T(n) = 0 if n <= 1" + "0" * 300 + "; T(n) = T(ceiling(n/2)) + T(floor(n/2)) + n - 1; where n >= 1",
])
def test_the_solver_keeps_its_time_with_huge_numbers(text: str) -> None:
    started = time.process_time()
    solve_text(text, None, 0.2)
    assert time.process_time() - started < 5
