"""Kills a run at random moments and resumes it, against a server that counts what it is asked.

In: how many calls, how many kills, how many calls in flight. Out: `Killed`, what the server saw. The run is a process
of its own and is ended with SIGKILL, which it cannot notice. It may also be run by hand:

    python tests/killing.py --calls 10000 --kills 100
"""
from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopback import Loopback

from orch.runtime.journal import Journal

PROGRAM = """
model fast = "openai/good" { price_in: 1, price_out: 2 }
primitive shout(text: Text[n]) -> Text[20] { model: fast, prompt: "{text}" }
fn main(texts: List[Text[m], n]) -> List[Text[20]] { par for t in texts { call shout(t) } }
"""


@dataclass(frozen=True)
class Killed:
    """`resent`: calls that the server saw again; `finished_resent`: those of them that were in the journal before.

    `beyond`: by how many calls one kill had more sent again than may be in flight, at worst (0 or less is right).
    """
    kills: int
    resent: int
    finished_resent: int
    beyond: int
    equal: bool
    usage: dict[str, Any]
    runs: int


def kill_and_resume(folder: Path, calls: int, kills: int, in_flight: int, delay: float, seed: int) -> Killed:
    """See the module. `delay`: seconds that the server takes for an answer."""
    rng = random.Random(seed)
    texts = [f"text number {i}" for i in range(calls)]
    program, journal = folder / "p.orch", folder / "j.db"
    program.write_text(PROGRAM)
    (folder / "args.json").write_text(json.dumps({"texts": texts}))
    with Loopback(lambda asked: asked["messages"][-1]["content"].upper(), delay=delay) as server:
        environment = {**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-secret"}
        command = [sys.executable, "-m", "orch", "run", str(program), "--args", str(folder / "args.json"),
                   "--journal", str(journal), "--resume", "--concurrency", str(in_flight), "--format", "json"]
        killed, finished_resent, beyond = 0, 0, -in_flight
        finished: set[str] = set()
        while True:
            before = Counter(_asked(server, 0))
            start = len(server.asked)
            with open(folder / "out.json", "w") as out, open(folder / "err.txt", "w") as err:
                process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
                if killed < kills:
                    # somewhere in what is left of the run, once it has begun to send
                    share = max(1, (calls - len(finished)) // (kills - killed + 1))
                    _wait(process, server, start + rng.randint(0, 2 * share))
                    time.sleep(rng.random() * delay)
                    process.send_signal(signal.SIGKILL)
                code = process.wait(600)
            now = _asked(server, start)
            finished_resent += len(finished.intersection(now))
            beyond = max(beyond, sum(1 for text in now if before[text]) - in_flight)
            finished = _finished(journal)
            if code != -signal.SIGKILL:
                break
            killed += 1
            time.sleep(2 * delay)   # what was in flight reaches the server
        document = json.loads((folder / "out.json").read_text())
        assert code == 0, document["errors"]
        return Killed(killed, len(server.asked) - calls, finished_resent, beyond,
                      document["result"] == [t.upper() for t in texts], document["usage"], killed + 1)


def _wait(process: subprocess.Popen[bytes], server: Loopback, asked: int) -> None:
    while process.poll() is None and len(server.asked) < asked:
        time.sleep(0.001)


def _asked(server: Loopback, start: int) -> list[str]:
    return [asked["messages"][-1]["content"] for asked in server.asked[start:]]


def _finished(path: Path) -> set[str]:
    if not path.exists() or not path.stat().st_size:
        return set()
    journal = Journal.read(path)
    try:
        return {json.loads(r.answer)[0].lower() for r in journal.calls(1) if r.answer is not None}
    finally:
        journal.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds before every answer")
    parser.add_argument("--seed", type=int, default=1)
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(kill_and_resume(Path(folder), o.calls, o.kills, o.in_flight, o.delay, o.seed))


if __name__ == "__main__":
    main()
