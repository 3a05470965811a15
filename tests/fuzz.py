"""Broken programs of every kind, for the law that no text crashes, hangs or bloats Orch.

`python tests/fuzz.py --count 100000 --seed 1` makes so many inputs (mutations of valid programs, splices of two,
nesting, huge numbers, foreign characters, random bytes) and takes each through the pipeline: parse, check, lower,
sizes and termination; what parses is also formatted, and what is valid is, every few inputs, costed and run by the
simulator. Systems of equations go to the solver. A fault is an exception that is not `OrchError`, more than 2 s of
CPU (10 for a report), or more than 500 MB; formatted text that parses to another tree, or is formatted otherwise the
second time, is one as well. Every input depends on the seed, its number and the repo's programs: `--first I --count 1
--show` prints it.

Inputs are examined in a child process, a batch in each, so that one that takes it down is reported and the rest go on.
"""
from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import random
import re
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from random_programs import random_program

import orch
from orch.compiler.analysis import Analysis
from orch.compiler.equation_text import parse_system
from orch.compiler.solve import solve_text
from orch.errors import InternalError
from orch.lang.codes import CODES
from orch.lang.format import format_module
from orch.lang.frontend import load_program, with_room
from orch.lang.lexer import KEYWORDS
from orch.lang.parser import parse, read_source
from orch.lang.source import Source
from orch.lang.types import BoolT, EnumT, FloatT, IntT, ListT, RecordT, TextT, TupleT, Type
from orch.runtime.execute import Sim, execute
from orch.runtime.tokens import tokenizer

__all__ = ["Fault", "examine", "fuzz", "make_input"]

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 2.0
COST_SECONDS = 10.0             # a report solves dozens of systems
MEGABYTES = 500
SOLVER_SECONDS = 0.15           # the solver's own limit for a system of a fuzzed program
BATCH = 2000
STUCK = 30.0                    # wall seconds after which a child that says nothing is taken for hung

_TOKEN = re.compile(r'"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*|\w+|\s+|\+\+|->|\.\.|==|!=|<=|>=|//|\*\*|.', re.S)
_WORD = re.compile(r"[A-Za-z_]\w*\Z")
_NUMBER = re.compile(r"[0-9]\w*\Z")

EQUATIONS = (
    "T(n) = 0 if n <= 1; T(n) = T(ceiling(n/2)) + T(floor(n/2)) + n - 1; where n >= 1",
    "T(n) = 1 if n <= 0; T(n) = 2*T(n-1) + n**2",
    "F(n) = n if n <= 1; F(n) = F(n-1) + F(n-2)",
    "T(n, k) = 0 if n <= k; T(n, k) = 3*T(floor(n/3), k) + n*log(n, 2); where n >= 1, k >= 1",
    "Q(n) = 0 if n <= 1; Q(n) = n - 1 + Choose(k, 0, n-1, Q(k) + Q(n-1-k))",
    "S(n) = Sum(k**2*Min(k, 7), (k, 1, n))",
    "R(p) = 1 + (1-p)*R(p)",
    "A(n) = B(n-1) + 1 if n > 0; A(n) = 1; B(n) = Max(A(n-1), 3*n) if n > 0; B(n) = 0",
    "T(n) = Choice(T(n-1), 2*T(floor(n/2))) + Mod(n, 3) if n >= 1; T(n) = 1",
    "H(n) = H(H(n-1)) + 1 if n > 0; H(n) = 0",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What an input broke: its number, in which stage, how, and where in the code."""

    number: int
    stage: str
    what: str
    where: str = ""


class Hang(BaseException):
    """The time of an input is over."""


# ---------------------------------------------------------------- inputs

@cache
def corpus() -> tuple[str, ...]:
    """Valid programs and broken ones: the repo's own, the examples of diagnostics, and random ones."""
    found = []
    for path in sorted([*ROOT.glob("examples/*.orch"), *ROOT.glob("stdlib/*.orch"), *ROOT.glob("tests/golden/*.orch")]):
        found += re.split(r"^---\n", path.read_text("utf-8"), flags=re.M)
    found += [row.example for _, row in sorted(CODES.items()) if row.example]
    found += [random_program(seed).source for seed in range(40)]
    return tuple(found)


@cache
def sound() -> tuple[str, ...]:
    """Those without errors."""
    return tuple(text for text in corpus() if load_program(Source("corpus.orch", text))[0] is not None)


@cache
def pool() -> tuple[str, ...]:
    return tuple(t for text in corpus() for t in _TOKEN.findall(text) if t.strip() and not t.startswith("#"))


def make_input(seed: int, number: int) -> str | bytes:
    """The input of this number: text, or bytes that need not be text."""
    r = random.Random(f"{seed}.{number}")
    kind = r.random()
    if kind < 0.74:
        return edited(r, r.choice(sound() if r.random() < 0.8 else corpus()), r.choice((1, 1, 1, 1, 2, 3, 6)))
    if kind < 0.80:
        return spliced(r)
    if kind < 0.86:
        return scribbled(r)
    if kind < 0.91:
        return shaped(r)
    if kind < 0.93:
        return r.choice(("", " ", "\n")).join(r.choice(pool()) for _ in range(r.randrange(1, 120)))
    if kind < 0.97:
        return flipped(r)
    return r.randbytes(r.randrange(0, 400))


def edited(r: random.Random, text: str, edits: int) -> str:
    """Tokens deleted, doubled, swapped, or replaced, mostly by words and numbers of the same program."""
    tokens = _TOKEN.findall(text)
    if not tokens:
        return text
    own = [t for t in tokens if _WORD.match(t) and (t not in KEYWORDS or r.random() < 0.1)] or ["x"]
    for _ in range(edits):
        if not tokens:
            break
        at, way = r.randrange(len(tokens)), r.random()
        words = [j for j, t in enumerate(tokens) if _WORD.match(t) and (t not in KEYWORDS or r.random() < 0.1)]
        numbers = [j for j, t in enumerate(tokens) if _NUMBER.match(t)]
        if way < 0.5 and words:
            tokens[r.choice(words)] = r.choice(own) if r.random() < 0.85 else r.choice(pool())
        elif way < 0.65 and numbers:
            tokens[r.choice(numbers)] = r.choice(("0", "1", "2", "-1", "7", "0.5", "1e9", "10_000", "9" * r.choice(
                (3, 20, 400)), r.choice(own)))
        elif way < 0.7:
            del tokens[at]
        elif way < 0.76:
            tokens.insert(at, r.choice(pool()))
        elif way < 0.84:
            tokens[at] = r.choice(pool())
        elif way < 0.9:
            other = r.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif way < 0.96:
            end = min(len(tokens), at + r.randrange(1, 12))
            tokens[at:at] = tokens[at:end]
        else:
            del tokens[at:at + r.randrange(1, 12)]
    return "".join(tokens)


def spliced(r: random.Random) -> str:
    """Declarations of two programs together, or the head of one and the tail of another."""
    a, b = r.choice(corpus()), r.choice(corpus())
    if r.random() < 0.5:
        parts = re.split(r"\n(?=\w)", a) + re.split(r"\n(?=\w)", b)
        r.shuffle(parts)
        return "\n".join(parts[:r.randrange(1, len(parts) + 1)])
    return a[:r.randrange(len(a) + 1)] + b[r.randrange(len(b) + 1):]


_FOREIGN = "\u2028\u00a0\u200b\ufeff\U0001f600éßİı٣Ⅷ“”’−×\x0b\x0c\x1f\x7f\x85\t\r\0\ud800\udfff{}[]()\"\\#;?$@!`'"


def scribbled(r: random.Random) -> str:
    """Characters changed, foreign ones among them."""
    chars = list(r.choice(corpus()))
    for _ in range(r.choice((1, 1, 2, 5, 20))):
        at = r.randrange(len(chars) + 1)
        new = r.choice(_FOREIGN) if r.random() < 0.6 else chr(r.randrange(0x110000))
        chars[at:at + r.randrange(2)] = [new] * r.choice((1, 1, 1, 3))
    return "".join(chars)


def flipped(r: random.Random) -> bytes:
    data = bytearray(r.choice(corpus()).encode())
    for _ in range(r.choice((1, 2, 8, 40))):
        data[r.randrange(len(data))] = r.randrange(256)
    return bytes(data)


def shaped(r: random.Random) -> str:
    """Much of one thing: nesting, long chains, huge numbers, long lists, many names."""
    k = r.choice((3, 30, 150, 250, 2000))
    n = r.choice((r.randrange(20), 10 ** r.randrange(30), 2 ** 64, int("9" * r.randrange(1, 900))))
    body = r.choice((
        "(" * k + "n" + ")" * k, "[" * k + "n" + "]" * k, "f(" * k + "n" + ")" * k, "-" * k + "n", "not " * k + "true",
        "if n > 0 { " * k + "n" + " } else { 0 }" * k, "n" + " + n" * k, "n" + " ** n" * k, "n" + " - 1" * k,
        '"a"' + ' ++ "b"' * k, "if n == 0 { 0 }" + " else if n == 1 { 1 }" * k + " else { 2 }",
        "for x in xs { " * k + "1" + " }" * k, "len(" * k + "xs" + ")" * k, "{" * k + "n" + "}" * k,
        "let x = n\n" * k + "x", "let x = n + 1\n" + "let x = x + x\n" * k + "x", "|x| " * k + "x",
        '"' + "{" * k + "n" + "}" * k + '"', '"' + '{"' * k + "n" + '"}' * k + '"', "xs" + "[0]" * k, "xs" + ".a" * k,
        "match n { " * k + "_ -> n" + " }" * k, "match n { " + "".join(f"{i} -> {i}, " for i in range(k)) + "_ -> 0 }",
        f"{n}", f"n + {n}", f"n * {n} - n // {n}", f"n ** {n}", f"{n} ** n ** 2", f"range({n})", f"split(xs, {n})",
        f"sum(range({n}))", f"take(xs, {n})", f"floor({n} / 7.5e{r.randrange(400)})", f"log2({n})",
        "[" + "1, " * k + "n]", "par (" + "f(n), " * k + "n)", "n" + " and n" * k, "n > 1" + " or n > 2" * k,
        "repeat a = n while a > 0 { " * k + "a" + " }" * k, "vote of 3 { " * k + "n" + " }" * k,
        "call p(" * k + '""' + ")" * k, "call p(xs)" + " else call p(xs)" * k,
        f"vote lead {n % 10 ** 12} up to {n} {{ call p(n) }}", f"fold a = n for x in range({n}) {{ a + x }}",
    ))
    head = r.choice((
        "fn main(n: Int, xs: List[Int, k]) -> Int", "fn main(n: Int, xs: Text[k]) -> Text", "fn main[T](n: T) -> T",
        "fn main(n: Int[0..9], xs: List[List[Text[m], j], k]) -> Text[m]", "fn main(n: Text[k], xs: Int) -> Bool",
        f"fn main(n: Text[{n}], xs: Text[k]) -> Text[k + {n}] where k <= {n}",
        "fn main(n: Int, xs: Text[k]) -> Text[" + "k + " * k + "1]", "fn main(n: " + "List[" * k + "Int" + "]" * k
        + ", xs: Int) -> Int", f"fn main(n: Int, xs: Text[k]) -> Int decreases n within calls <= {n} * k ** {n % 50}"))
    extra = r.choice(("", "fn f(n: Int) -> Int { n }\n", "fn f(n: Int) -> Int { if n <= 0 { 0 } else { f(n - 1) } }\n",
                      f'primitive p(x: Text[q]) -> Text[{n}] {{ prompt: "{{x}}" }}\n',
                      'primitive p(x: Text[q]) -> Text[q + 5] { prompt: "{x}", chance: 0.5 }\n',
                      f"param f: Int = {n} in 1..{n}\n", "type f { " + "a: Int, " * k + "}\n",
                      "enum F { " + ", ".join(f"c{i}" for i in range(k)) + " }\n",
                      "".join(f"fn g{i}(n: Int) -> Int {{ {f'g{i - 1}(n)' if i else 'n'} }}\n"
                              for i in range(min(k, 250)))))
    return f"{extra}{head} {{\n{body}\n}}\n"


def make_equations(seed: int, number: int) -> str:
    r = random.Random(f"equations.{seed}.{number}")
    text = edited(r, r.choice(EQUATIONS), r.choice((1, 1, 2, 3)))
    return re.sub(r"(?<=\*\*)\s*\d{3,}", "99", text)     # towers of powers are for users who wait


# ---------------------------------------------------------------- the pipeline

def examine(data: str | bytes, number: int, deep: bool) -> tuple[str, Fault | None]:
    """Takes an input through the pipeline: how far it came, and what it broke. `deep`: cost and run as well."""
    stage, program = "front end", None
    try:
        if isinstance(data, bytes):
            with tempfile.NamedTemporaryFile(suffix=".orch") as file:
                file.write(data)
                file.flush()
                source, _ = read_source(file.name)
        else:
            source = Source("fuzz.orch", data)
        stage = "format"
        module = None if source is None else parse(source)[0]
        if module is None or source is None:
            return "no program", None
        text = with_room(lambda: format_module(module, source))
        again = parse(Source("fuzz.orch", text))[0]
        if again is None or not with_room(lambda: again == module):
            return "parsed", Fault(number, stage, "the formatted program is another one")
        if with_room(lambda: format_module(again, again.span.source)) != text:
            return "parsed", Fault(number, stage, "formatted twice, the program changes")
        stage = "front end"
        program = orch.compile(source.text, name="fuzz.orch")
        stage = "check"
        program.check()
        if not deep or not program.entries:
            return "checked", None
        stage = "cost"
        signal.setitimer(signal.ITIMER_PROF, COST_SECONDS)
        analysis = Analysis(program.core, tokenizer().count, time_limit=SOLVER_SECONDS)
        entry = "main" if "main" in program.entries else program.entries[0]
        report = analysis.report(program.core.entries[entry], ["calls", "input_tokens"], [{}])
        orch.CostReport(report).to_json()
        stage = "run"
        run(program, entry, number)
        return "run", None
    except orch.OrchError as e:
        str(e)                                          # it can be shown, wherever it points
        return "refused", None
    except Hang:
        if stage == "run":                              # a program may run as long as it says
            return "cut", None
        return stage, Fault(number, stage, f"more than {COST_SECONDS if stage == 'cost' else SECONDS:g} s")
    except MemoryError as e:
        if stage == "run":
            return "cut", None
        return stage, Fault(number, stage, "MemoryError", place(e))
    except Exception as e:
        cause = e.__cause__ if isinstance(e, InternalError) and e.__cause__ is not None else e
        return stage, Fault(number, stage, f"{type(cause).__name__}: {str(cause)[:100]}", place(cause))


def run(program: orch.Program, entry: str, number: int) -> None:
    """The entry with small random arguments, simulated; a failed run is well, a traceback is not."""
    r = random.Random(number)
    arguments = {name: value_of(r, t) for name, t in program.parameters(entry).items()}
    outcome = execute(program.core, program.core.entries[entry], arguments, Sim("random"), seed=number)
    if outcome.error is not None and outcome.error.kind == "internal":
        raise AssertionError(outcome.error.message)


def value_of(r: random.Random, t: Type) -> Any:
    """A small value of a type, in the form of JSON."""
    match t:
        case TextT():
            return " ".join(["word"] * r.randrange(6))
        case IntT():
            return r.randrange(-1, 7)
        case FloatT():
            return r.choice((0.0, -1.5, 0.25, 3.0))
        case BoolT():
            return r.random() < 0.5
        case ListT(element=element):
            return [value_of(r, element) for _ in range(r.randrange(4))] if element is not None else []
        case TupleT(items=items):
            return [value_of(r, i) for i in items]
        case EnumT():
            return r.choice(t.constants)
        case RecordT():
            return {name: value_of(r, i) for name, i in t.fields}
        case _:
            return None


def examine_equations(text: str, number: int) -> tuple[str, Fault | None]:
    """A system of equations: read, and solved within its time."""
    try:
        if isinstance(parse_system(text), list):
            return "no equations", None
        solve_text(text, None, SOLVER_SECONDS)
        return "solved", None
    except Hang:
        return "solve", Fault(number, "solve", f"more than {SECONDS:g} s")
    except Exception as e:
        return "solve", Fault(number, "solve", f"{type(e).__name__}: {str(e)[:100]}", place(e))


def place(e: BaseException) -> str:
    """Where an exception was raised: the innermost frames that are Orch's own."""
    own = [f for f in traceback.extract_tb(e.__traceback__) if f.filename.startswith(str(ROOT))]
    own = [f for f in own if Path(f.filename).name != "expr.py"] or own         # arithmetic says little
    return " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in own[-1:-9:-1])


# ---------------------------------------------------------------- many inputs

def limited(number: int, work: Callable[[], tuple[str, Fault | None]]) -> tuple[str, Fault | None]:
    """The work, with an end to its time."""
    busy = True

    def over(_: int, frame: FrameType | None) -> None:
        if busy:                                        # it may come late
            raise Hang

    signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return work()
    except Hang:
        return "hang", Fault(number, "hang", f"more than {SECONDS:g} s")
    finally:
        busy = False
        signal.setitimer(signal.ITIMER_PROF, 0)


def _batch(seed: int, first: int, last: int, out: Connection) -> None:
    """A child: what became of each input, said as it goes; ends where an input has used up time or memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    limit = pages * resource.getpagesize() + (4 * MEGABYTES << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.stderr = sys.stdout = open(os.devnull, "w")     # noqa: SIM115 - to the end of this process
    code = 1
    try:
        for number in range(first, last):
            out.send(number)
            if number % 10 == 9:
                found = limited(number, lambda number=number: examine_equations(  # type: ignore[misc]
                    make_equations(seed, number), number))
            else:
                found = limited(number, lambda number=number: examine(  # type: ignore[misc]
                    make_input(seed, number), number, number % 4 == 0))
            large = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MEGABYTES << 10
            if large and found[1] is None and found[0] not in ("cut", "run"):
                found = found[0], Fault(number, found[0], f"more than {MEGABYTES} MB")
            out.send(found)
            if large or found[0] == "cut" or (found[1] is not None and found[1].what.startswith("more than")):
                break
        code = 0
    finally:
        out.close()
        os._exit(code)                                  # a thread may still be at it


def fuzz(seed: int, first: int, count: int) -> Iterator[tuple[str, Fault | None]]:
    """What became of each input, in order. One that took too long is tried once more, for the machine may be busy."""
    for number, (outcome, fault) in enumerate(_outcomes(seed, first, count), first):
        if fault is not None and fault.what.endswith(" s"):
            (outcome, fault), = _outcomes(seed, number, 1)
        yield outcome, fault


def _outcomes(seed: int, first: int, count: int) -> Iterator[tuple[str, Fault | None]]:
    context = mp.get_context("fork")
    at, last = first, first + count
    while at < last:
        here, there = context.Pipe(duplex=False)
        child = context.Process(target=_batch, args=(seed, at, min(last, at + BATCH), there))
        child.start()
        there.close()
        begun = None
        try:
            while here.poll(STUCK):
                said = here.recv()
                if isinstance(said, int):
                    begun = said
                else:
                    yield said
                    at, begun = at + 1, None
            yield "hang", Fault(at, "hang", f"nothing for {STUCK:g} s")
            at += 1
        except EOFError:
            if begun is not None:
                child.join()
                yield "death", Fault(at, "death", f"the process ended with {child.exitcode}")
                at += 1
        finally:
            if child.is_alive():
                child.kill()
            child.join()
            here.close()


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--first", type=int, default=0, help="the number of the first input")
    options.add_argument("--show", action="store_true", help="print the inputs instead of examining them")
    given = options.parse_args()
    if given.show:
        for number in range(given.first, given.first + given.count):
            data = make_equations(given.seed, number) if number % 10 == 9 else make_input(given.seed, number)
            shown = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
            sys.stdout.buffer.write(shown + b"\n")
        return 0
    outcomes: Counter[str] = Counter()
    faults: dict[tuple[str, str, str], list[Fault]] = {}
    for outcome, fault in fuzz(given.seed, given.first, given.count):
        outcomes[outcome] += 1
        if fault is not None:
            alike = faults.setdefault((fault.stage, fault.where, "" if fault.where else fault.what), [])
            alike.append(fault)
            if len(alike) == 1:
                print(f"input {fault.number}: {fault.stage}: {fault.what}\n    {fault.where}", flush=True)
    print(f"{sum(outcomes.values())} inputs: " + ", ".join(f"{n} {name}" for name, n in outcomes.most_common()))
    for alike in sorted(faults.values(), key=len, reverse=True):
        print(f"{len(alike):6} x {alike[0].stage}: {alike[0].what}  {alike[0].where}  "
              f"inputs {', '.join(str(f.number) for f in alike[:5])}")
    print(f"{sum(len(a) for a in faults.values())} faults of {len(faults)} kinds")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
