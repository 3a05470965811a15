"""A run held against its report: measured beside predicted, and whether it kept its word.

In: the figures of a run and the report's ranges at its sizes. Out: whether every counted figure lies within, and
blocks that show it. This is `conform` of the design: for a run of a right compiler it finds nothing.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..compiler.figures import figure_text
from ..compiler.metrics import METRICS
from ..compiler.report import Range
from ..compiler.report_layout import Block, Cell, Heading, Note, Table, comparison, inside

__all__ = ["outside", "verdict_blocks"]


def outside(usage: Mapping[str, Any], predicted: Mapping[str, Range], complete: bool = True) -> tuple[str, ...]:
    """The counted metrics that lie outside their bounds.

    `width`, and everything in a run that was cut short, is held against the upper bound alone.
    """
    counted = [(METRICS[name], r) for name, r in predicted.items() if METRICS[name].counted]
    return tuple(metric.name for metric, r in counted if usage.get(metric.name) is not None
                 and not inside(usage[metric.name], r, metric.peak_only or not complete))


def verdict_blocks(usage: Mapping[str, Any], predicted: Mapping[str, Range], within: bool) -> tuple[Block, ...]:
    """Measured beside predicted, then what came on top (retries, answers taken from the journal), then the verdict."""
    extra = [f"{figure_text(usage[name])} {what}" for name, what in _EXTRAS.items() if usage.get(name)]
    verdict = Cell("Every counted figure lies within its bounds.", "good") if within else Cell(
        f"Outside its bounds: {', '.join(outside(usage, predicted))}. This is a bug in Orch.", "bad")
    table: Table = comparison({k: v for k, v in usage.items() if k in METRICS}, predicted)
    return (Heading("Measured beside predicted"), table,
            *((Note(Cell("besides: " + ", ".join(extra), "quiet")),) if extra else ()), Note(verdict))


_EXTRAS = {"retries": "retries", "retry_tokens": "tokens of retries", "cached": "calls taken from the journal or cache",
           "cut": "answers cut to their size", "padded": "answers shorter than their size"}
