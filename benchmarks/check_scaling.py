"""How long a large program takes to check, and whether that grows in proportion to it.

Programs of 100 to 1,000 functions, a fifth as many specialisations of generic functions (each for other types or with
another lambda), with records, lists, patterns, recursion and calls of models. Prints the CPU seconds of `orch check`,
start included, and what ten times the functions take beside ten times the time.

    python benchmarks/check_scaling.py
"""
from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 2.0                     # seconds of CPU for 1,000 functions

HEAD = '''\
model fast = "local/fast"

param limit: Int = 200 in 1..10_000

type Note { title: Text[20], weight: Int[0..9] }

primitive summarize(passage: Text[n]) -> Text[120] { prompt: "Summarise: {passage}" }

primitive is_good(passage: Text[n]) -> Bool { prompt: "Is this good? {passage}", chance: 0.5 }

primitive note(passage: Text[n]) -> Note { prompt: "Take a note of: {passage}" }

fn mapped[T, U](xs: List[T], f: fn(T) -> U) -> List[U] { par for x in xs { f(x) } }

fn folded[T](xs: List[T], start: T, f: fn(T, T) -> T) -> T { fold acc = start for x in xs { f(acc, x) } }
'''

SMALL = '''
fn f{i}(doc: Text[n], k: Int[0..9]) -> Text {{
  let short = call summarize(take(doc, limit + {i}))
  if k > {i} % 7 {{ f{below}(short, k) }} else {{ "{i}: {{short}}" }}
}}
'''

PLAIN = '''
fn f{i}(doc: Text[n], k: Int[0..9]) -> Text {{
  if n <= limit {{
    call summarize(doc)
  }} else {{
    let parts = par for piece in split(doc, 2) {{ f{below}(piece, k) }}
    let marked = for (i, part) in enumerate(parts) where call is_good(part) {{ "{{i}}: {{part}}" }}
    match marked {{
      [] -> call summarize(join(parts, "\\n")),
      [one] -> one,
      [one, ..others] -> one ++ call summarize(join(others, "\\n"))
    }}
  }}
}}
'''

RECURSIVE = '''
fn f{i}(doc: Text[n], k: Int[0..9]) -> Text {{
  if n <= {i} + 1 {{
    call summarize(doc)
  }} else {{
    let (a, b) = halve(doc)
    call summarize(f{i}(a, k) ++ f{i}(b, k))
  }}
}}
'''

GENERIC = '''
fn f{i}(doc: Text[n], k: Int[0..9]) -> Text {{
  let notes = mapped(chunks(doc, limit), |piece| call note(piece))
  let words = mapped(notes, |a| "{{a.title}} {{a.weight + {i}}}")
  f{below}(folded(words, "", |a, b| call summarize(a ++ b ++ "{i}")), k)
}}
'''


def program(functions: int) -> str:
    """So many functions, every fifteenth a user of generic ones; the last, `main`, uses twenty of them."""
    forms = [RECURSIVE, *[SMALL] * 4, RECURSIVE, *[SMALL] * 2, PLAIN, SMALL, RECURSIVE, *[SMALL] * 3, GENERIC]
    out = [HEAD]
    for i in range(functions - 1):
        out.append(forms[i % len(forms)].format(i=i, below=i - i % 5))
    calls = "\n".join(f"  let t{i} = f{i}(doc, 3)" for i in range(0, functions - 1, max(1, functions // 20)))
    names = ", ".join(f"t{i}" for i in range(0, functions - 1, max(1, functions // 20)))
    out.append(f"\nfn main(doc: Text[n]) -> Text {{\n{calls}\n  join([{names}], \"\\n\")\n}}\n")
    return "".join(out)


def specialisations(source: str) -> int:
    """How many functions the program has after lowering that are not in its text."""
    from orch.compiler.lower import lower
    from orch.lang.frontend import load_program
    from orch.lang.source import Source
    checked, found = load_program(Source("large.orch", source))
    assert checked is not None, found[0]
    lowered, _ = lower(checked)
    assert lowered is not None
    return sum(f.name != f.origin for f in lowered.functions.values())


def cpu(path: Path) -> float:
    """Seconds of CPU that `orch check` takes for this file, the least of three."""
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "orch", "check", str(path)], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def main() -> int:
    print("functions  specialisations   lines   CPU s")
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.orch"
        path.write_text('fn main(n: Int) -> Int { n }\n')
        start = cpu(path)
        for functions in (100, 200, 500, 1000):
            source = program(functions)
            path.write_text(source)
            times[functions] = cpu(path)
            lines = source.count("\n")
            print(f"{functions:9}  {specialisations(source):15}  {lines:6}  {times[functions]:6.2f}")
    ratio = (times[1000] - start) / (times[100] - start)
    print(f"start alone {start:.2f} s; without it, 10 times the functions take {ratio:.1f} times as long")
    return 0 if times[1000] < LIMIT and ratio < 15 else 1


if __name__ == "__main__":
    sys.exit(main())
