"""CPU per simulated call, for several shapes of program, beside an anchor that is measured in the same run.

    python benchmarks/simulated_call.py [CALLS]

The anchor is what asyncio takes to create a task, suspend it once and collect its result: less than any runtime that
gives every call a task of its own can do. Ratios below 1 say that a whole simulated call (prompt counted, bounds
computed, answer drawn, metered) costs less than that task.
"""
from __future__ import annotations

import asyncio
import resource
import sys
import time

from orch.compiler.lower import lower
from orch.lang.frontend import load_program
from orch.lang.source import Source
from orch.runtime.execute import Sim, execute

STEP = 'primitive step(a: Text[m], i: Int) -> Text[20] { prompt: "Step {i} of many: {a}" }\n'
MOVE = """
type Move { disk: Int, source: Int, target: Int }
primitive move(disk: Int, source: Int, target: Int) -> Move {
  prompt: "Disk {disk} goes from {source} to {target}."
  error: 0.0022
}
fn main(n: Int, a: Int, b: Int, c: Int) -> List[Move] {
  if n == 0 { [] } else {
    let before = main(n - 1, a, c, b)
    let now = vote lead 3 up to 15 { call move(n, a, b) }
    before ++ [now] ++ main(n - 1, c, b, a)
  }
}
"""
PROGRAMS = {
    "fold, one after another": STEP + 'fn main(n: Int) -> Text { fold a = "x" for i in range(n) { call step(a, i) } }',
    "par for, 64 in flight": STEP + 'fn main(n: Int) -> Int { len(par for i in range(n) { call step("x", i) }) }',
    "par for, all in flight": STEP + 'fn main(n: Int) -> Int { len(par for i in range(n) { call step("x", i) }) }',
    "recursion n deep": STEP
    + 'fn main(n: Int) -> List[Text] { if n <= 0 { [] } else { [call step("x", n)] ++ main(n - 1) } }',
    "hanoi, voting, oracle": MOVE,
}


def anchor(n: int) -> float:
    """Seconds of CPU for n tasks that wait once."""

    async def call() -> int:
        await asyncio.sleep(0)
        return 1

    async def main() -> None:
        for _ in range(n // 100):
            await asyncio.gather(*(asyncio.create_task(call()) for _ in range(100)))

    began = time.process_time()
    asyncio.run(main())
    return time.process_time() - began


def measure(name: str, text: str, n: int) -> tuple[int, float]:
    """Calls made, and seconds of CPU."""
    checked, _ = load_program(Source("benchmark.orch", text))
    assert checked is not None
    program, _ = lower(checked)
    assert program is not None
    arguments = {"n": n}
    sim = Sim()
    if "hanoi" in name:
        arguments = {"n": max(3, (n // 3).bit_length() - 1), "a": 1, "b": 3, "c": 2}
        sim = Sim("random", {"move": lambda disk, source, target: {"disk": disk, "source": source, "target": target}})
    began = time.process_time()
    outcome = execute(program, "main", arguments, sim, seed=1, concurrency=64 if "64" in name else None)
    spent = time.process_time() - began
    assert outcome.error is None and outcome.usage is not None
    return int(outcome.usage.metrics["calls"] or 0), spent


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    base = anchor(n) / n * 1e6
    print(f"{'anchor: one asyncio task':28} {n:9,} calls {base:7.1f} us of CPU")
    for name, text in PROGRAMS.items():
        calls, spent = measure(name, text, n)
        each = spent / calls * 1e6
        print(f"{name:28} {calls:9,} calls {each:7.1f} us of CPU, {each / base:5.2f} of the anchor")
    print(f"memory at its peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
