"""Facts come from the table exactly; what it does not know is None, and nothing is imported before it is asked."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from orch.runtime.price_file import provider_rows
from orch.runtime.prices import lookup


def test_a_plain_price() -> None:
    facts = lookup("openai/gpt-4o")
    assert facts is not None
    assert facts.context == 128_000
    (tier,) = facts.tiers
    assert (tier.above, tier.price_in, tier.price_out) == (0, Fraction(5, 2), Fraction(10))
    assert tier.price_cached == Fraction(5, 4)
    assert not facts.reasons


def test_prices_in_tiers_by_the_length_of_the_prompt() -> None:
    facts = lookup("google/gemini-2.5-pro")
    assert facts is not None
    assert [tier.above for tier in facts.tiers] == [0, 200_000]
    cheap, dear = facts.tiers
    assert cheap.price_in is not None and dear.price_in is not None
    assert dear.price_in == 2 * cheap.price_in
    assert facts.tier_at(0) == facts.tier_at(200_000) == cheap
    assert facts.tier_at(200_001) == dear
    assert facts.context is None, "unknown stays unknown"


def test_hours_of_the_day_count_as_the_dearest() -> None:
    facts = lookup("deepseek/deepseek-chat")
    assert facts is not None
    from genai_prices.data_snapshot import get_snapshot
    from genai_prices.types import ModelPrice

    _, info = get_snapshot().find_provider_model("deepseek-chat", None, "deepseek", None)
    assert not isinstance(info.prices, ModelPrice)
    dearest = max(row.prices.output_mtok for row in info.prices if row.prices.output_mtok is not None)
    assert facts.tiers[0].price_out == Fraction(dearest)


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("openai/gpt-5-mini", True),
        ("openai/o3", True),
        ("openai/gpt-4.1-mini", False),
        ("anthropic/claude-sonnet-4-5", False),
    ],
)
def test_who_reasons(model: str, reasons: bool) -> None:
    facts = lookup(model)
    assert facts is not None
    assert facts.reasons is reasons


@pytest.mark.parametrize("model", ["openai/no-such-model-9", "nobody/x", "local/smollm2", "plain", "", "/", "openai/"])
def test_unknown_is_none(model: str) -> None:
    assert lookup(model) is None


def test_the_file_and_the_library_agree_on_every_model(monkeypatch: pytest.MonkeyPatch) -> None:
    from genai_prices.data import providers

    names = [f"{provider.id}/{info.id}" for provider in providers for info in provider.models]
    names += ["openai/gpt-4o-2024-08-06", "openai/no-such", "anthropic/claude-sonnet-4-5-20250929", "OpenAI/GPT-4o"]
    names += ["openrouter/openai/gpt-4o-20240806", "azure/gpt-4o", "gemini/gemini-2.5-pro", "no-such/gpt-4o"]
    lookup.cache_clear()
    by_file = [lookup(name) for name in names]
    lookup.cache_clear()
    monkeypatch.setattr("orch.runtime.prices._rows", lambda provider: None)
    assert by_file == [lookup(name) for name in names]
    lookup.cache_clear()
    assert sum(facts is not None for facts in by_file) > 2000


def test_common_models_need_no_library() -> None:
    code = (
        "import sys; from orch.runtime.prices import lookup; assert lookup('openai/gpt-5-mini').tiers; "
        "assert lookup('anthropic/claude-sonnet-4-5').context; assert lookup('openai/my-own') is None; "
        "assert not {'genai_prices', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_of_another_layout_is_left_to_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr("orch.runtime.price_file.find_spec", lambda name: spec)
    assert provider_rows("openai") is None
    for text in (
        "",
        "\n    Provider(\n        id='openai',\n",
        "\n    Provider(\n        id='openai',\n  x=open('y'))\n]",
    ):
        (tmp_path / "data.py").write_text(text)
        assert provider_rows("openai") is None


def test_every_model_of_the_table_can_be_looked_up() -> None:
    from genai_prices.data import providers

    seen = 0
    for provider in providers:
        for info in provider.models:
            facts = lookup(f"{provider.id}/{info.id}")
            if facts is None:
                continue  # a row that is matched by other names than its own id
            seen += 1
            assert facts.tiers == () or facts.tiers[0].above == 0
            assert [t.above for t in facts.tiers] == sorted({t.above for t in facts.tiers})
            for tier in facts.tiers:
                for price in (tier.price_in, tier.price_out, tier.price_cached):
                    assert price is None or price >= 0
    assert seen > 1000


def test_the_table_is_imported_on_the_first_lookup() -> None:
    code = (
        "import sys; from orch.runtime.prices import lookup; assert lookup('local/x') is None; "
        "assert 'genai_prices' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
