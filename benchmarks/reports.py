"""CPU seconds of the cost report of every example and every pattern of the library, beside that of `orch --help`.

    python benchmarks/reports.py [--most SECONDS]

Each report is made in a process of its own, as a user waits for it: interpreter, imports, analysis and solving
included. Exit 1 if one takes more than `--most` seconds (2 unless told).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import orch

HERE = Path(__file__).resolve().parent.parent


def seconds(*command: str) -> float:
    """User and system time of one `orch` process."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "orch", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=float, default=2.0)
    most = parser.parse_args().most
    seconds("--help")
    anchor = seconds("--help")
    print(f"{anchor:6.2f} s  1.0  orch --help")
    slow = 0
    for file in sorted((HERE / "examples").rglob("*.orch")):
        for entry in orch.load(file).entries:
            spent = seconds("cost", str(file), "--entry", entry)
            slow += spent > most
            print(f"{spent:6.2f} s  {spent / anchor:4.1f}  {file.relative_to(HERE)} {entry}"
                  f"{'   over ' + str(most) + ' s' if spent > most else ''}", flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
