"""Progress: what is done, under way, spent and to come."""
from __future__ import annotations

import io
import re
from typing import Any

import pytest
from test_scheduler import Fake

import orch
from orch.runtime import progress as module
from orch.runtime.backends.base import BackendError
from orch.runtime.execute import execute
from orch.runtime.progress import Progress

TEXT = """
model m = "fake/m" { price_in: 1000, price_out: 1000 }
primitive ask(i: Int) -> Int[0..9] { prompt: "{i}", attempts: 3 }
tool look(i: Int) -> Text[5] { python: "x:look", dollars: 0.5 }
fn main(n: Int) -> List[Int] { par for i in range(n) { call ask(i) else 0 } }
fn paged(n: Int) -> List[Int] { for i in range(n) { tokens(look(i)) + call ask(i) } }
"""


@pytest.fixture
def every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LINE", 0.0)


def lines(entry: str, n: int, answer: Any, total: int | None, exact: bool, dollars: float | None = None,
          budget: float | None = None) -> list[str]:
    stream = io.StringIO()
    with Progress(stream, total, exact, dollars, budget) as watch:
        outcome = execute(orch.compile(TEXT).core, entry, {"n": n}, Fake(answer), on_event=watch, concurrency=4,
                          tools={"look": lambda i: "x"})
    assert outcome.error is None
    return [line.strip() for line in stream.getvalue().splitlines()]


def test_calls_in_flight_and_dollars(every_line: None) -> None:
    said = lines("main", 6, lambda r: "7", 6, True, 0.012, 0.02)
    # a call reads one token and writes one, each for a tenth of a cent
    in_flight = [int(re.search(r"(\d+) in flight", line)[1]) for line in said]      # type: ignore[index]
    assert in_flight[0] == 3 and in_flight[-1] == 0 and max(in_flight) <= 4
    assert [re.sub(r"\d+ in flight", "some in flight", line) for line in said] == [
        "1 of 6, some in flight, $0.002 spent, at most $0.01 to come, $0.018 of the budget left",
        "2 of 6, some in flight, $0.004 spent, at most $0.008 to come, $0.016 of the budget left",
        "3 of 6, some in flight, $0.006 spent, at most $0.006 to come, $0.014 of the budget left",
        "4 of 6, some in flight, $0.008 spent, at most $0.004 to come, $0.012 of the budget left",
        "5 of 6, some in flight, $0.01 spent, at most $0.002 to come, $0.01 of the budget left",
        "6 of 6, some in flight, $0.012 spent, at most $0 to come, $0.008 of the budget left",
    ]


def test_whatever_happens_nothing_is_left_in_flight(every_line: None) -> None:
    answers = iter(["no", BackendError("slow down", kind="status 429", retryable=True, retry_after=0.001), "7",
                    BackendError("no", kind="refused"), "7", "7", "7", "7", "7"])
    said = lines("main", 5, lambda r: next(answers), 15, False)
    assert said[-1].startswith("5 of at most 15 (1 tried again, 1 failed), 0 in flight")


def test_tools_cost_and_are_no_calls(every_line: None) -> None:
    said = lines("paged", 2, lambda r: "7", 2, True, 2.0)
    assert said[0] == "0 of 2, 0 in flight, $0.5 spent, at most $1.50 to come"
    assert said[-1].startswith("2 of 2, 0 in flight, $1.00 spent")
