"""Accuracy and cost of each way of `find_fact.orch`, on 72 questions about 24 people.

In: names of entries on the command line (default: at_once and main). Out: a table. It needs the embedded model.

A question counts as answered if the right word of `right.json` stands in the answer. The prompt was found on the
questions of `args.json`; those of `second.json` and `third.json` were not looked at before, and are counted apart.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import orch

HERE = Path(__file__).parent
FILES = ("args.json", "second.json", "third.json")


def measure(entry: str) -> str:
    """One row of the table: an entry on all files."""
    program = orch.load(HERE.parent / "find_fact.orch", seed=1)
    right = json.loads((HERE / "right.json").read_text(encoding="utf-8"))
    hits: list[int] = []
    asked = 0
    usage = dict.fromkeys(("calls", "input_tokens", "output_tokens"), 0)
    started = time.perf_counter()
    for name in FILES:
        arguments = json.loads((HERE / name).read_text(encoding="utf-8"))
        run = program.run(entry, arguments)
        answers = [line.partition("? ")[2].lower() for line in run.result]
        hits.append(sum(word.lower() in answer for word, answer in zip(right[name], answers, strict=True)))
        asked += len(answers)
        for metric in usage:
            usage[metric] += run.usage[metric]
        assert run.within
    seconds = time.perf_counter() - started
    figures = " | ".join(f"{usage[metric]:,}" for metric in usage)
    return f"| `{entry}` | {sum(hits)} of {asked} | {' + '.join(map(str, hits))} | {figures} | {seconds:.0f} |"


if __name__ == "__main__":
    print("| entry | right | by file | calls | tokens read | tokens written | seconds |")
    print("|---|---|---|---|---|---|---|")
    for entry in sys.argv[1:] or ("at_once", "main"):
        print(measure(entry), flush=True)
