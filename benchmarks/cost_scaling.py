"""How long the cost report of a large program takes, and whether that grows in proportion to it.

Programs of 100 to 1,000 functions in groups of ten, all of them reached from `main`: helpers that call one another and
a model, a loop, a choice, and a recursion by halves on top of them, to one of five sizes. Prints the CPU seconds of
`orch cost --metric calls,input_tokens,output_tokens`, start included, and checks one figure against what it must be.

    python benchmarks/cost_scaling.py
"""
from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 30.0                    # seconds of CPU for 1,000 functions

HEAD = '''\
model fast = "local/fast"

param limit: Int = 200 in 1..10_000

primitive summarize(passage: Text[n]) -> Text[100..100] { prompt: "Summarise: {passage}" }
'''

GROUP = '''
fn a{g}(doc: Text[n]) -> Text {{ call summarize(doc) }}
fn b{g}(doc: Text[n]) -> Text {{ a{g}(call summarize(doc)) }}
fn c{g}(doc: Text[n]) -> Text {{ if n > 50 {{ b{g}(doc) }} else {{ a{g}(doc) }} }}
fn d{g}(docs: List[Text[m], k]) -> List[Text, k] {{ par for doc in docs {{ a{g}(doc) }} }}
fn e{g}(doc: Text[n]) -> Text {{ join(d{g}([doc, "{g}"]), "") }}
fn f{g}(doc: Text[n]) -> Text {{ b{g}(e{g}(doc)) }}
fn g{g}(doc: Text[n]) -> Text {{ c{g}(f{g}(doc)) }}
fn h{g}(doc: Text[n]) -> Text {{
  let (one, two) = par (g{g}(doc), a{g}(doc))
  one ++ two
}}
fn i{g}(doc: Text[n]) -> Text {{
  if n <= {times} * limit {{
    h{g}(doc)
  }} else {{
    let (front, back) = halve(doc)
    a{g}(i{g}(front) ++ i{g}(back))
  }}
}}
fn j{g}(doc: Text[n]) -> Text {{ i{g}(doc) }}
'''
CALLS = 2 + 2 + 2 + 1           # of h: two items of e, both of b, both of c for 100 tokens, one of its own


def program(groups: int) -> str:
    """So many groups of ten functions, all called by `main`."""
    body = "\n".join(f"  let t{g} = j{g}(doc)" for g in range(groups))
    total = " + ".join(f"tokens(t{g})" for g in range(groups))
    return HEAD + "".join(GROUP.format(g=g, times=1 + g % 5) for g in range(groups)) + (
        f"\nfn main(doc: Text[n]) -> Int {{\n{body}\n  {total}\n}}\n")


def measured(path: Path) -> tuple[float, int]:
    """Seconds of CPU that the report of this file takes, and the calls at 200 tokens."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "orch", "cost", str(path), "--metric",
                           "calls,input_tokens,output_tokens", "--at", "n=200", "--format", "json"],
                          check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, json.loads(done.stdout)["at"][0]["calls"]["upper"]


def main() -> int:
    print("functions    CPU s")
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.orch"
        for groups in (10, 20, 50, 100):
            path.write_text(program(groups))
            times[groups], calls = measured(path)
            print(f"{10 * groups:9}  {times[groups]:7.2f}", flush=True)
            assert calls == groups * CALLS, calls
    ratio = times[100] / times[10]
    print(f"10 times the functions take {ratio:.1f} times as long")
    return 0 if times[100] < LIMIT and ratio < 15 else 1


if __name__ == "__main__":
    sys.exit(main())
