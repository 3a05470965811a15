"""Calls per second and CPU per call against a loopback server of constant answers: bare aiohttp, the backend, runs.

In: nothing. Out: a table on standard output; each row's throughput as a share of the bare client's in the same run. The
server (tests/loopback.py) runs in a process of its own, with and without a delay of 50 ms before every answer. With a
journal every answer is on the disk before it is used. The openai SDK and DSPy stand beside where they are installed.
Clients take turns, `--rounds` times, and each counts by its best: the machine may have other work. `--waiting` measures
something else: how time and memory grow with the calls that wait, up to the number given, while as many are in flight
as a system takes connections.

    python benchmarks/http_throughput.py [--calls 4000] [--in-flight 64 256] [--delay 0 0.05] [--rounds 3]
                                         [--waiting 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp

from orch.compiler.lower import lower
from orch.lang.frontend import load_program
from orch.lang.source import Source
from orch.runtime.backends.base import Request
from orch.runtime.backends.openai import OpenAIBackend
from orch.runtime.execute import aexecute

SERVER = Path(__file__).parent.parent / "tests" / "loopback.py"
PROMPT = "Summarise the passage in at most 80 words. " * 10
PROGRAM = """
model fast = "openai/good"

primitive summarize(passage: Text[n]) -> Text[100] {
  model:  fast
  prompt: "{passage}"
}

fn main(passages: List[Text[m], n]) -> List[Text[100], n] { par for x in passages { call summarize(x) } }
"""


@contextmanager
def serving(delay: float) -> Iterator[str]:
    server = subprocess.Popen([sys.executable, str(SERVER), "--delay", str(delay)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


async def spread(call: Callable[[], Awaitable[object]], calls: int, in_flight: int) -> None:
    """Makes `calls` calls, `in_flight` at a time."""
    left = calls

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await call()

    await asyncio.gather(*(worker() for _ in range(in_flight)))


async def bare(url: str, calls: int, in_flight: int) -> None:
    """What a careful hand would write: one session, JSON out, JSON in."""
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": "Bearer none"}) as session:

        async def call() -> object:
            body = {"model": "good", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 100}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                page = json.loads(await response.read())
            return page["choices"][0]["message"]["content"]

        await spread(call, calls, in_flight)


async def backend(url: str, calls: int, in_flight: int) -> None:
    way = OpenAIBackend("none", url)
    await way.open()
    request = Request(model="openai/good", system="", prompt=PROMPT, max_tokens=100)
    await spread(lambda: way.complete(request), calls, in_flight)
    await way.close()


async def run(url: str, calls: int, in_flight: int, **options: Any) -> None:
    """A program: its machine, scheduler and meter, every answer parsed and counted."""
    checked, found = load_program(Source("throughput.orch", PROGRAM))
    assert checked is not None, found
    program, found = lower(checked)
    assert program is not None, found
    way = OpenAIBackend("none", url)
    outcome = await aexecute(program, "main", {"passages": [PROMPT] * calls}, way, concurrency=in_flight, **options)
    assert outcome.error is None, outcome.error
    assert outcome.result == ["pong"] * calls


async def journalled(url: str, calls: int, in_flight: int) -> None:
    """The same with a journal."""
    with tempfile.TemporaryDirectory() as folder:
        await run(url, calls, in_flight, journal=Path(folder) / "journal.db")


async def openai_sdk(url: str, calls: int, in_flight: int) -> None:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:

        async def call() -> object:
            page = await client.chat.completions.create(
                model="good", messages=[{"role": "user", "content": PROMPT}], max_tokens=100
            )
            return page.choices[0].message.content

        await spread(call, calls, in_flight)


async def dspy_lm(url: str, calls: int, in_flight: int) -> None:
    import dspy

    lm = dspy.LM("openai/good", api_base=url, api_key="none", cache=False, num_retries=0, max_tokens=100)
    await spread(lambda: lm.acall(PROMPT), calls, in_flight)


def waiting(url: str, most: int) -> None:
    """Runs of more and more calls that all wait at once, each in a process of its own, for memory is a high-water mark.

    A list is in the program as an argument and as a result whatever the scheduler does: `base` counts these.
    """
    print(f"{'waiting':>8} {'CPU us/call':>11} {'bytes/call':>11}")
    for calls in (most // 100, most // 10, most):
        command = [sys.executable, __file__, "--only-waiting", str(calls), "--url", url]
        print(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout, end="", flush=True)


def only_waiting(url: str, calls: int) -> None:
    """One line for `waiting`. Every branch is made and waits: the program asks for all that it can in flight."""
    asyncio.run(run(url, 200, 64))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu = time.process_time()
    asyncio.run(run(url, calls, 1_000_000))
    cpu = time.process_time() - cpu
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{calls:>8} {cpu / calls * 1e6:>11.0f} {grown * 1024 / calls:>11.0f}")


CLIENTS: dict[str, Callable[[str, int, int], Awaitable[None]]] = {
    "aiohttp, bare": bare,
    "orch, backend": backend,
    "orch, run": run,
    "orch, journal": journalled,
    **({"openai SDK": openai_sdk} if find_spec("openai") else {}),
    **({"DSPy": dspy_lm} if find_spec("dspy") else {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--delay", type=float, nargs="+", default=[0.0, 0.05])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--waiting", type=int, metavar="N")
    parser.add_argument("--only-waiting", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_waiting:
        only_waiting(options.url, options.only_waiting)
        return
    if options.waiting:
        with serving(0.05) as url:
            waiting(url, options.waiting)
        return
    print(f"{'server':>8} {'in flight':>9}  {'client':<16} {'calls/s':>8} {'CPU us/call':>11} {'of bare':>8}")
    for delay in options.delay:
        with serving(delay) as url:
            for client in CLIENTS.values():  # what is imported and loaded once is no cost of a call
                asyncio.run(client(url, 100, 16))  # type: ignore[arg-type]
            for in_flight in options.in_flight:
                found = dict.fromkeys(CLIENTS, (float("inf"), float("inf")))
                for _ in range(options.rounds):
                    for name, client in CLIENTS.items():
                        wall, cpu = time.perf_counter(), time.process_time()
                        asyncio.run(client(url, options.calls, in_flight))  # type: ignore[arg-type]
                        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                        found[name] = (min(found[name][0], wall), min(found[name][1], cpu))
                least = next(iter(found.values()))[0]
                for name, (wall, cpu) in found.items():
                    print(
                        f"{delay * 1000:>5.0f} ms {in_flight:>9}  {name:<16} {options.calls / wall:>8.0f}"
                        f" {cpu / options.calls * 1e6:>11.0f} {least / wall:>8.2f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
