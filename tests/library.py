"""The standard library as the tests see it: its patterns, what their documentation claims, and examples that use them.

A module of the library is a file of `stdlib`; its example is the file of the same name in `examples/library`. A
pattern is a function with a documentation comment, and its example the function `PATTERN_example`, which gives one
call for each function parameter that the comment names, and calls the sizes of its own parameters as the pattern does.
Other functions of a module are parts of its patterns.

The comment ends with a paragraph that says what the pattern costs, in one form:

    ## Cost, each `draft` and `improve` one call: calls = n; rounds = n; output_tokens = Theta(n)

Claims are separated by semicolons. `METRIC = FORMULA` says that lower and upper bound equal the formula, `<=` that the
upper one does and `>=` that the lower one does; a claim that begins with `expected` is about the expected value.
`METRIC = Theta(F)` gives the order of both bounds, `O(F)` of the upper and `Omega(F)` of the lower one. Formulas are
those of `orch solve`; ` if CONDITION` at the end restricts a claim to some sizes. What is claimed is held against the
report: figures at many sizes, orders by comparison of growth.
"""
from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import orch
from orch.compiler.equation_text import parse_system
from orch.compiler.equations import System
from orch.compiler.evaluate import Evaluator, NoCase
from orch.compiler.expr import Expr
from orch.compiler.growth import compare
from orch.compiler.metrics import METRICS
from orch.compiler.report import Bound, MetricReport, Range
from orch.lang.nodes import FnDecl
from orch.lang.parser import parse, read_source
from orch.lang.types import BoolT, EnumT, FloatT, IntT, ListT, RecordT, TextT, TupleT, Type
from orch.runtime.backends.sim import Mode
from orch.runtime.execute import Sim, execute
from orch.runtime.verdict import outside

__all__ = ["LIBRARY", "WARNED", "Claim", "Pattern", "arguments", "check_claims", "check_report", "check_runs",
           "example", "modules", "patterns"]

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "stdlib"
EXAMPLES = ROOT / "examples" / "library"
SOLVED = ("calls", "rounds", "input_tokens", "output_tokens", "context")
LONGEST = 300      # calls of a run
#: What the compiler rightly warns of in an example: `std.debate` has patterns whose history grows, and one without.
WARNED = {"debate": {"W0202"}}


@dataclass(frozen=True, slots=True)
class Claim:
    """`relation` is "=", "<=", ">=", "expected", "Theta", "O" or "Omega"."""
    metric: str
    relation: str
    formula: str
    condition: str


@dataclass(frozen=True, slots=True)
class Pattern:
    module: str
    name: str
    doc: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def entry(self) -> str:
        return f"{self.name}_example"

    def claims(self) -> tuple[Claim, ...]:
        """What the last paragraph says. Fails where it has another form, or says nothing of calls and rounds."""
        paragraph = " ".join(re.split(r"\n\s*\n", self.doc.strip())[-1].split())
        head = re.fullmatch(r"Cost(?:, [^:]*)?: (.*)", paragraph)
        assert head is not None, f"the comment of {self} does not end with `Cost: ...`"
        found = tuple(_claim(text.strip()) for text in head[1].split(";"))
        assert {"calls", "rounds"} <= {c.metric for c in found}, f"{self} says nothing of its calls or rounds"
        return found


def _claim(text: str) -> Claim:
    parts = re.fullmatch(r"(expected )?(\w+) (=|<=|>=) (.*?)(?: if (.*))?", text)
    assert parts is not None and parts[2] in METRICS, f"`{text}` is no claim"
    expected, metric, relation, formula, condition = parts.groups()
    if order := re.fullmatch(r"(Theta|O|Omega)\((.*)\)", formula):
        assert relation == "=" and not expected and not condition, f"`{text}` is no claim"
        return Claim(metric, order[1], order[2], "")
    assert not expected or relation == "=", f"`{text}` is no claim"
    return Claim(metric, "expected" if expected else relation, formula, condition or "")


def modules() -> list[str]:
    return sorted(p.stem for p in LIBRARY.glob("*.orch"))


def patterns(module: str) -> list[Pattern]:
    """Those of a module; none where the file has syntax errors, which its example shows."""
    source, _ = read_source(LIBRARY / f"{module}.orch")
    tree, _ = parse(source) if source is not None else (None, [])
    if tree is None:
        return []
    return [Pattern(module, d.name, d.doc) for d in tree.decls if isinstance(d, FnDecl) and d.doc is not None]


def example(module: str, **options: Any) -> orch.Program:
    """The example of a module, with the simulator as its backend."""
    return orch.load(EXAMPLES / f"{module}.orch", **{"backend": "sim", **options})


# ---------------------------------------------------------------- the report

def check_report(program: orch.Program, module: str, entry: str) -> None:
    """Closed forms of both bounds of what is counted, without an error."""
    report = program.cost(entry, metrics=list(SOLVED)).data
    said = [d for d in (*report.errors, *report.warnings) if d.code not in WARNED.get(module, ())]
    assert not said, [d.message for d in said]
    for metric in report.metrics.values():
        for side, bound in (("upper", metric.upper), ("lower", metric.lower)):
            assert bound.closed is not None and not bound.closed.infinite, f"{side} {metric.name}: {bound.reason}"
            # where one size may outgrow another, what is left of a lower bound may be no order at all
            assert bound.order is not None or side == "lower", f"{side} {metric.name}: no order of {bound.closed}"


# ---------------------------------------------------------------- what the documentation claims

def check_claims(program: orch.Program, pattern: Pattern) -> None:
    claims = pattern.claims()
    report = program.cost(pattern.entry, metrics=sorted({c.metric for c in claims})).data
    names = [s.name for s in report.symbols if s.kind in ("size", "param")]
    for claim in claims:
        metric = report.metrics[claim.metric]
        if claim.relation in ("Theta", "O", "Omega"):
            _check_order(claim, metric, names)
        else:
            _check_figures(claim, program, pattern.entry, names)


def _formula(claim: Claim, names: list[str]) -> System:
    condition = f" if {claim.condition}" if claim.condition else ""
    text = f"claimed({', '.join(names) or 'unused'}) = {claim.formula}{condition}"
    system = parse_system(text)
    assert isinstance(system, System), (text, system)
    unknown = Evaluator(system).outer
    assert not unknown, f"{claim}: {', '.join(unknown)} is no size of the example, which has {', '.join(names)}"
    return system


def _check_order(claim: Claim, metric: MetricReport, names: list[str]) -> None:
    said: Expr = _formula(claim, names).functions["claimed"].cases[0].value
    sides: dict[str, list[Bound]] = {
        "Theta": [metric.lower, metric.upper], "O": [metric.upper], "Omega": [metric.lower]}
    for bound in sides[claim.relation]:
        assert bound.order is not None and compare(said, bound.order, bound.valid) == "=", (claim, bound.order)


def _check_figures(claim: Claim, program: orch.Program, entry: str, names: list[str]) -> None:
    system = _formula(claim, names)
    evaluator, compared, reached = Evaluator(system), 0, 0
    for point in _points(names):
        try:
            found = program.cost(entry, at=point, metrics=[claim.metric]).data.at[0].metrics[claim.metric]
        except orch.OrchError:
            continue                    # sizes at which the pattern may not be called
        try:
            said = evaluator.value(system.goal, point)
        except NoCase:
            continue
        assert _holds(claim.relation, found, said), (claim, point, said, found)
        compared += 1
        reached += said == (found.lower if claim.relation == ">=" else found.upper)
    assert compared >= 20, f"{claim}: only {compared} sizes at which it could be compared"
    assert reached or claim.relation == "expected", f"{claim}: the bound is nowhere reached"


def _holds(relation: str, found: Range, said: int | Fraction) -> bool:
    match relation:
        case "=":
            return found.lower == said == found.upper
        case "<=":
            return isinstance(found.upper, int | Fraction) and found.upper <= said
        case ">=":
            return isinstance(found.lower, int | Fraction) and found.lower >= said
        case _:
            return found.expected == said


def _points(names: list[str]) -> Iterator[dict[str, int]]:
    draw = random.Random(7)
    for i in range(20):
        yield dict.fromkeys(names, i)
    for most in (3, 10, 40, 1000):
        for _ in range(20):
            yield {name: draw.randint(0, most) for name in names}


# ---------------------------------------------------------------- runs

def check_runs(program: orch.Program, entry: str, seeds: int = 50) -> None:
    """Runs of every kind at several sizes stay within their bounds."""
    largest = program.using(sim="largest")
    given = arguments(largest, entry)
    for i, args in enumerate(given):
        run = largest.run(entry, args)
        assert run.within, (args, str(run))
        # the other runs at these sizes are held against the same bounds, which take longer to find than a run
        answers: list[tuple[Mode, int]] = [("smallest", 0), *(("random", seed) for seed in range(i, seeds, len(given)))]
        for sim, seed in answers:
            outcome = execute(program.core, entry, args, Sim(sim), seed=seed)
            assert outcome.error is None and outcome.usage is not None, (sim, seed, args, outcome.error)
            wrong = outside(outcome.usage.to_json(), run.predicted)
            assert not wrong, (sim, seed, args, wrong, str(run))


def arguments(program: orch.Program, entry: str) -> list[dict[str, Any]]:
    """Arguments at which the entry may be called: lists of several lengths, texts and numbers at random."""
    draw = random.Random(3)
    types = program.parameters(entry)
    found: list[dict[str, Any]] = []
    for length in (5, 2, 9, 1, 0):
        tries = ({name: _value(kind, length, draw) for name, kind in types.items()} for _ in range(40))
        wanted = 3 if any(isinstance(kind, IntT) for kind in types.values()) else 1
        found += itertools.islice((t for t in tries if t not in found and _accepted(program, entry, t)), wanted)
    assert len(found) >= 3, f"no arguments for {entry} were found"
    return found


def _accepted(program: orch.Program, entry: str, args: Mapping[str, Any]) -> bool:
    """Whether the conditions of the entry hold for these arguments, and a run with them is short."""
    outcome = execute(program.core, entry, args, Sim("smallest"))
    error, usage = outcome.error, outcome.usage
    assert error is None or f"'{entry}' was called where its condition" in error.message, (args, error)
    return error is None and usage is not None and usage.to_json()["calls"] <= LONGEST


def _value(kind: Type, length: int, draw: random.Random) -> Any:
    match kind:
        case TextT():
            return " ".join(draw.choice(("red", "green", "blue")) for _ in range(draw.randint(0, 4)))
        case IntT():
            return draw.choice((0, 1, 1, 2, 2, 3, 3, 4, 5))
        case FloatT():
            return draw.random()
        case BoolT():
            return draw.random() < 0.5
        case ListT(element=element):
            assert element is not None
            return [_value(element, length, draw) for _ in range(length)]
        case TupleT(items=items):
            return [_value(item, length, draw) for item in items]
        case RecordT(fields=fields):
            return {name: _value(item, length, draw) for name, item in fields}
        case EnumT(constants=constants):
            return draw.choice(constants)
        case _:
            raise AssertionError(f"no argument of type {kind}")
