"""`choose least`: the report and the run take the same alternative, and where sizes do not tell, bounds hold both."""
from __future__ import annotations

import pytest

import orch

WINDOWS = """
model tiny = "local/tiny" { context: 120 }
model mid = "local/mid" { context: 300 }
primitive small(t: Text[n]) -> Text[10..10] { model: tiny, prompt: "Try: {t}" }
primitive big(t: Text[n]) -> Text[20..20] { model: mid, prompt: "Do it: {t}" }
primitive short(t: Text[n]) -> Text[200] { model: mid, prompt: "Shorten: {t}" }

fn main(t: Text[n]) -> Text {
  choose least output_tokens {
    a: call big(t)
    b: call small(t)
  }
}

fn unsure(t: Text[n]) -> Text {
  let s = call short(take(t, 50))
  choose least input_tokens {
    a: call small(s)
    b: call big(take(t, 60))
  }
}
"""

RECURSIVE = """
primitive p(t: Text[n]) -> Text[6] { prompt: "P {t}" }

fn main(xs: List[Text[m], n]) -> Text {
  if n <= 1 { call p(join(xs, "")) } else {
    choose least calls {
      a: join(for x in xs { call p(x) }, "")
      b: main(take(xs, n // 2)) ++ call p(join(xs, ""))
    }
  }
}
"""


def words(n: int) -> str:
    return " ".join(["word"] * n)


@pytest.mark.parametrize(("n", "tokens"), [(3, 10), (107, 10), (108, 20), (250, 20), (276, 20)])
def test_an_alternative_that_does_not_fit_is_passed_over(n: int, tokens: int) -> None:
    program = orch.compile(WINDOWS, backend="sim")
    report = program.cost(at={"n": n}, metrics=["output_tokens"]).to_json()
    assert report["at"][0]["output_tokens"] == {"lower": tokens, "upper": tokens, "expected": tokens}
    assert not report["errors"]
    run = program.run("main", {"t": words(n)}).to_json()
    assert run["within"] and run["usage"]["output_tokens"] == tokens
    assert run["predicted"]["output_tokens"]["upper"] == tokens


def test_where_none_fits_a_report_at_such_sizes_says_so() -> None:
    report = orch.compile(WINDOWS, backend="sim").cost(at={"n": 277}, metrics=["output_tokens"]).to_json()
    assert [e["code"] for e in report["errors"]] == ["E0501"]


def test_where_an_answer_decides_both_are_within_the_bounds() -> None:
    program = orch.compile(WINDOWS, backend="sim")
    assert not program.cost("unsure", metrics=["input_tokens"]).to_json()["errors"]
    spent = set()
    for seed in range(12):
        run = program.run("unsure", {"t": words(90)}, seed=seed).to_json()
        assert run["within"], run
        spent.add(run["usage"]["input_tokens"])
    assert len(spent) > 1


def test_a_choice_within_its_own_recursion_has_the_bounds_of_both() -> None:
    program = orch.compile(RECURSIVE, backend="sim")
    calls = program.cost(metrics=["calls"], at={"n": 9, "m": 2}).to_json()
    assert calls["metrics"]["calls"]["upper"]["order"] == "n"
    assert calls["at"][0]["calls"] == {"lower": 4, "upper": 9, "expected": None}
    run = program.run("main", {"xs": ["a b"] * 9}).to_json()
    assert run["within"] and 4 <= run["usage"]["calls"] <= 9


@pytest.mark.parametrize(("attributes", "codes"), [("", ["E0503"]), ("{ price_in: 1, price_out: 2 }", [])])
def test_a_choice_by_prices_that_nobody_knows_is_an_error(attributes: str, codes: list[str]) -> None:
    report = orch.compile(f"""
model known = "openai/gpt-4.1-mini"
model other = "acme/other" {attributes}
primitive p(t: Text[n]) -> Text[4] {{ model: known, prompt: "A: {{t}}" }}
primitive q(t: Text[n]) -> Text[4] {{ model: other, prompt: "B: {{t}}" }}
fn main(t: Text[n]) -> Text[4] {{
  choose least dollars {{
    one: call p(t)
    two: call q(t)
  }}
}}
""").cost(metrics=["calls"]).to_json()
    assert [e["code"] for e in report["errors"]] == codes
