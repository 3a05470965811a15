"""Runs programs given as source text; shared by the tests of the runtime."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from orch.compiler import core
from orch.compiler.lower import lower
from orch.lang.frontend import load_program
from orch.lang.source import Source
from orch.runtime.backends.sim import Mode
from orch.runtime.execute import Outcome, Sim, execute


@cache
def program(text: str) -> core.Program:
    checked, found = load_program(Source("test.orch", text))
    assert checked is not None, [d.message for d in found]
    lowered, more = lower(checked)
    assert lowered is not None, [d.message for d in more]
    return lowered


def run(
    text: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    entry: str = "main",
    sim: Mode = "random",
    oracle: Mapping[str, Callable[..., Any]] | None = None,
    seed: int = 1,
    **options: Any,
) -> Outcome:
    return execute(program(text), entry, arguments or {}, Sim(sim, oracle or {}), seed=seed, **options)


def value(text: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """The result of a run that must not fail."""
    outcome = run(text, arguments, **options)
    assert outcome.error is None, outcome.error
    return outcome.result
