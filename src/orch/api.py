"""The Python API: programs as objects, reports with sympy expressions, runs.

In: paths or source text, sizes, arguments. Out: `Program`, `CostReport`, `Run`; errors that a user can cause are one
exception, `OrchError`, which carries diagnostics and shows them as the command does. The stages of the compiler are
called here and nowhere else, and each under its name, so that a fault in Orch says where it is. Prints nothing.
"""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from fractions import Fraction
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, Literal

from .errors import NOWHERE, OrchError, expect, fault, stage
from .lang.diagnostics import Diagnostic
from .lang.source import Source
from .views import CostReport, Run, RunFailed

if TYPE_CHECKING:
    from .comparing import ComparisonView
    from .compiler.analysis import Analysis
    from .compiler.compare import Contender
    from .compiler.core import Extent, Function, Model, Shape, Tunable
    from .compiler.core import Program as Core
    from .compiler.expr import Expr
    from .compiler.report import Figures, Range, Report
    from .lang.types import Type
    from .runtime.arguments import BadArguments
    from .runtime.backends import Backend
    from .runtime.events import Event, Watcher
    from .runtime.execute import Outcome, Replay, RunError, Sim
    from .runtime.prices import ModelFacts
    from .runtime.telemetry import Spans
    from .runtime.tokens import Tokenizer
    from .runtime.trace import Trace
    from .tuning import TuningView
    from .validating import ValidationView

__all__ = ["CostReport", "OrchError", "Prediction", "Program", "Run", "RunFailed",
           "RunOptions", "compare", "compile", "load"]

Number = int | float | Fraction | str


# ---------------------------------------------------------------- making programs

def load(path: str | Path, **options: Any) -> Program:
    """A program from a file. Options are those of `Program.using`. Raises OrchError with all that is wrong."""
    expect("The path of a program", path, (str, PathLike), "a text or a Path", "its text goes to orch.compile")
    return _compile(path, None, options)


def compile(source: str, *, name: str = "<program>", folder: str | Path | None = None, **options: Any) -> Program:
    """A program from its text. Files are imported relative to `folder`. Raises OrchError with all that is wrong."""
    expect("The source of a program", source, str, "a text", "a file is read by orch.load")
    expect("The name of a program", name, str, "a text")
    expect("The folder of a program", folder, (str, PathLike, NoneType), "a text or a Path")
    return _compile(Source(name, source), None if folder is None else Path(folder), options)


def compare(*entries: Program | Entry | str | Path, **options: Any) -> ComparisonView:
    """Two or more decompositions of one job side by side: programs, entries, or paths such as "sort.orch:merge".

    Options are `metrics`, `at`, `let`, `params`, `models`, `tokenizer`; see `comparing.compare`. Raises OrchError.
    """
    from .comparing import compare as work
    return work(*entries, **options)


def _compile(program: str | Path | Source, folder: Path | None, options: Mapping[str, Any]) -> Program:
    from .lang.frontend import load_program, with_room
    with stage("front end"):
        checked, found = load_program(program, folder)
    if checked is None:
        missing = not isinstance(program, Source) and not Path(program).is_file()
        raise OrchError(found, 2 if missing else 1)
    from .compiler.lower import lower
    with stage("lower"):
        core_program, more = with_room(lambda: lower(checked))
    found = [*found, *more]
    if core_program is None or any(d.severity == "error" for d in found):
        raise OrchError(sorted(found, key=lambda d: d.sort_key))
    where = folder if isinstance(program, Source) else Path(program).resolve().parent
    return Program(core_program, tuple(found), RunOptions(), where).using(**options)


# ---------------------------------------------------------------- programs

@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a program runs, and what it is bound to.

    `backend` is "sim", "local", a provider, or "replay" (of the run in `journal`); None goes by each model's name.
    `sim` is "random", "largest" or "smallest". `tools` and `oracle` map names of tools and primitives to Python
    functions; given tools are allowed.
    `models` binds model aliases anew, `params` sets params. `concurrency` is the most calls in flight. `trace` is a
    file for what happens, a line of JSON each. `journal` is a file for finished calls, `resume` goes on with the run
    that was begun there, `cache` takes answers of earlier runs for equal calls (True: the user's cache, or a file).
    `otel` sends OpenTelemetry spans: to the process's tracer provider (True), or to the one given.
    `budget_dollars`, `budget_calls` and `budget_tokens` are the most that a run may pay, retries included.
    """
    backend: str | None = None
    sim: Literal["random", "largest", "smallest"] = "random"
    seed: int | None = None
    tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    oracle: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    allow_tools: bool = False
    models: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, int] = field(default_factory=dict)
    tokenizer: str | None = None
    concurrency: int | None = None
    trace: str | Path | None = None
    otel: Any = False
    journal: str | Path | None = None
    resume: bool = False
    cache: bool | str | Path = False
    budget_dollars: float | None = None
    budget_calls: int | None = None
    budget_tokens: int | None = None


_OPTION_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    **dict.fromkeys(("tools", "oracle", "models", "params"), (Mapping, "a mapping of names to values")),
    **dict.fromkeys(("seed", "concurrency"), ((int, NoneType), "a whole number")),
    **dict.fromkeys(("backend", "tokenizer"), ((str, NoneType), "a name")),
    **dict.fromkeys(("trace", "journal"), ((str, PathLike, NoneType), "a text or a Path")),
    # the command line gives them as they were written
    **dict.fromkeys(("budget_dollars", "budget_calls", "budget_tokens"), ((int, float, str, NoneType), "a number")),
}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a run will cost. `sizes`: the smallest and largest of each size; `ranges`: bounds by metric.

    `attempts` is the most tries of a call; `with_retries` upper bounds if all were spent, None where unknown.
    """
    entry: str
    sizes: Mapping[str, tuple[int, int]]
    ranges: Mapping[str, Range]
    attempts: int
    with_retries: Mapping[str, float | None]


class Program:
    """A checked program. Its entries can be called by name: `program.digest(doc=text)` runs `digest`."""

    def __init__(self, core_program: Core, warnings: tuple[Diagnostic, ...], options: RunOptions,
                 folder: Path | None, analysed: Program | None = None) -> None:
        self._given = core_program
        self._analysed = analysed       # the same program with the same models and tokenizer: analysed once for both
        self._folder = folder
        self._warnings = warnings
        self._options = options

    def using(self, **options: Any) -> Program:
        """The same program with other defaults for runs; the options are the fields of `RunOptions`.

        Raises OrchError for a param, model, tool, oracle or option that does not exist.
        """
        known = RunOptions.__dataclass_fields__
        for name in options:
            if name not in known:
                from .lang.suggest import did_you_mean
                otherwise = f"the options are {', '.join(known)}"
                raise fault("E0800", f"There is no option `{name}`.", did_you_mean(name, known, otherwise))
            expect(f"The option `{name}`", options[name], *_OPTION_TYPES.get(name, (object, "anything")))
        changed = replace(self._options, **options)
        given = self._given
        check_names("model", changed.models, given.models)
        check_names("param", changed.params, given.tunables)
        check_names("tool", changed.tools, given.tools)
        check_names("primitive", changed.oracle, given.primitives)
        for name, value in changed.params.items():
            _check_param(given.tunables[name], value)
        check_at_least_one("call in flight", changed.concurrency, "--concurrency 8")
        before = self._options
        same = changed.models == before.models and changed.tokenizer == before.tokenizer
        return Program(given, self._warnings, changed, self._folder, (self._analysed or self) if same else None)

    # ------------------------------------------------------------ what there is

    @property
    def name(self) -> str:
        return self._given.name

    @property
    def entries(self) -> tuple[str, ...]:
        """The functions that a report or a run can start at."""
        return tuple(self._given.entries)

    @property
    def options(self) -> RunOptions:
        return self._options

    @cached_property
    def core(self) -> Core:
        """The lowered program, with models bound as the options say."""
        if self._analysed is not None:
            return self._analysed.core
        given = self._given
        if not self._options.models:
            return given
        models = {name: replace(m, target=self._options.models.get(name, m.target)) for name, m in given.models.items()}
        return replace(given, models=models)

    @cached_property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Those that need no cost. Raises OrchError if the program does not end, or a claim does not hold."""
        return self._sorted(self._analysis.diagnostics)

    def check(self) -> tuple[Diagnostic, ...]:
        """The same as `warnings`, without reading a vocabulary to count prompts, which takes longer than all the rest.

        How long a prompt is decides nothing that is checked without costs.
        """
        prompts = {text for p in self.core.primitives.values() for text in (*p.prompt, *p.system)}
        prompts -= _literals(self.core)
        from .compiler.analysis import Analysis
        with stage("analysis"):
            found = Analysis(self.core, lambda text: 0 if text in prompts else self._tokenizer.count(text)).diagnostics
        return self._sorted(found)

    def _sorted(self, more: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        """The front end's warnings and others. Raises OrchError if there is an error among them."""
        found = tuple(sorted([*self._warnings, *more], key=lambda d: d.sort_key))
        if any(d.severity == "error" for d in found):
            raise OrchError(found)
        return found

    @cached_property
    def _analysis(self) -> Analysis:
        if self._analysed is not None:
            return self._analysed._analysis
        from .compiler.analysis import Analysis
        with stage("analysis"):
            return Analysis(self.core, self._tokenizer.count, _prices)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        if self._analysed is not None:
            return self._analysed._tokenizer
        from .runtime.tokens import DEFAULT_TOKENIZER, UnknownTokenizer, tokenizer
        try:
            return tokenizer(self._options.tokenizer or DEFAULT_TOKENIZER)
        except UnknownTokenizer as e:
            raise fault("E0800", str(e)) from None

    def entry(self, name: str | None = None) -> str:
        """The name of an entry: the one given, or `main`. Raises OrchError if there is none."""
        entries = self._given.entries
        expect("An entry", name, (str, NoneType), "the name of a function")
        if name is None:
            if "main" in entries:
                return "main"
            listed = ", ".join(f"`{e}`" for e in entries)
            raise fault("E0805", f"{self.name} has no function `main` to start at.",
                        f"name one with --entry: {listed}" if entries else "write fn main(...) -> ... { ... }", 1)
        if name not in entries:
            from .lang.suggest import did_you_mean
            listed = ", ".join(entries) or "none"
            raise fault("E0805", f"{self.name} has no function `{name}` that could be an entry.",
                        did_you_mean(name, entries, f"it has: {listed}"))
        return name

    def parameters(self, entry: str | None = None) -> dict[str, Type]:
        """Names and types of an entry's parameters."""
        function = self.core.functions[self.core.entries[self.entry(entry)]]
        return {p.name: p.type for p in function.params}

    # ------------------------------------------------------------ costs

    def cost(
        self,
        entry: str | None = None,
        *,
        at: Mapping[str, Number] | Sequence[Mapping[str, Number]] = (),
        metrics: Sequence[str] | None = None,
        let: Mapping[str, str] | None = None,
        args: Mapping[str, Any] | None = None,
        parallel: int | None = None,
    ) -> CostReport:
        """The report of an entry: bounds of each metric as formulas, and figures at the sizes asked for.

        `metrics`: None for those most people ask for, or names; "all" is all. `let` replaces symbols by formulas.
        `args`: figures at the sizes of these arguments. `parallel`: bounds on latency with so many requests at a time.
        Raises OrchError for a program with errors and for names that do not exist.
        """
        name = self.entry(entry)
        points = _points(at)
        expect("`let`", let, (Mapping, NoneType), "a mapping of symbols to formulas", 'write let={"m": "2*k"}')
        _ = self.warnings
        ranges = [self._sizes(name, args)] if args is not None else []
        report = self._report(name, metrics, points, ranges, let or {}, parallel)
        known = {(d.code, d.span, d.message) for d in report.warnings}
        more = [d for d in self.warnings if (d.code, d.span, d.message) not in known]
        merged = tuple(sorted([*report.warnings, *more], key=lambda d: d.sort_key))
        return CostReport(replace(report, warnings=merged))

    def _report(self, entry: str, metrics: Sequence[str] | None, at: Sequence[Mapping[str, Number]],
                ranges: Sequence[Mapping[str, tuple[int, int]]], let: Mapping[str, str],
                parallel: int | None) -> Report:
        check_at_least_one("request at a time", parallel, "--parallel 8")
        points = self.points(entry, at)
        names = metric_names(metrics)
        if parallel is not None and names is not None:
            from .compiler.brent import NEEDED
            names = [*names, *(name for name in NEEDED if name not in names)]
        formulas = self._formulas(entry, let)
        with stage("analysis"):
            report = self._analysis.report(self.core.entries[entry], names, points, self._options.params, formulas,
                                           parallel, ranges)
        if parallel is not None:
            used = list(report.by_primitive)
            report = replace(report, at=tuple(self._in_parallel(f, used, parallel) for f in report.at))
        check_points(points, dict.fromkeys([*(s.name for s in report.symbols), *self._symbols(entry)]), formulas)
        return report

    def points(self, entry: str, at: Sequence[Mapping[str, Number]]) -> list[dict[str, int | Fraction]]:
        """Sizes as numbers. Raises OrchError for what is no size, outside its range, or refused by the entry."""
        points = [{k: number(k, v) for k, v in point.items()} for point in at]
        function = self.core.functions[self.core.entries[entry]]
        extents = declared_extents([p.shape for p in function.params])
        for name, value in ((name, value) for point in points for name, value in point.items()):
            if name in self._given.tunables:
                _check_param(self._given.tunables[name], value)
            elif name in extents and not isinstance(value, int):
                raise fault("E0800", f"`{name}={value}` is no whole number.",
                            "a size or an Int is a whole number" + (", and never negative" if extents[name][1] else ""))
            elif name in extents and extents[name][1] and value < 0:
                raise fault("E0800", f"`{name}={value}` is no size.", "a size is a whole number, and never negative")
        for point in points:
            self._check_point(function, point)
        return points

    def _symbols(self, entry: str) -> dict[str, str]:
        """Every symbol that formulas of an entry may hold, and its kind as `expr.Sym` knows it."""
        extents = declared_extents([p.shape for p in self.core.functions[self.core.entries[entry]].params])
        with stage("analysis"):
            known = self._analysis.known_symbols(self.core.entries[entry])
        kinds = {"size": "size", "param": "size"}
        return {name: "int" if name in extents and not extents[name][1] else kinds.get(s.kind, "real")
                for name, s in known.items()}

    def tune(
        self,
        entry: str | None = None,
        *,
        at: Mapping[str, Number] | Sequence[Mapping[str, Number]] = (),
        minimise: str | None = None,
        subject: Sequence[str] = (),
        parallel: int | None = None,
    ) -> TuningView:
        """The best values of the params that are not set, at these sizes.

        `minimise`: a metric, its upper bound unless "expected(calls)" or "lower(calls)" is asked; None for dollars
        where all prices are known, else calls. `subject`: constraints such as "context <= 8000" and "reliability >=
        0.95". `parallel`: latency is that with so many calls in flight. Raises OrchError.
        """
        from .tuning import tune as work
        return work(self, entry, at, minimise, [subject] if isinstance(subject, str) else subject, parallel)

    def validate(
        self,
        entry: str | None = None,
        *,
        at: Mapping[str, Number] | Sequence[Mapping[str, Number]] = (),
        args: Mapping[str, Any] | None = None,
        runs: int = 3,
    ) -> ValidationView:
        """Runs at several sizes, `runs` times each with different seeds, and sets measured beside predicted.

        `at`: sizes; arguments are made up that have exactly these. `args`: arguments to run with as well. Backend and
        models are those of `using`, so with real models every run costs what a run costs. Raises OrchError.
        """
        from .validating import validate as work
        return work(self, entry, at, args, runs)

    def _contender(self, entry: str, label: str) -> Contender:
        """An entry for a comparison. Raises OrchError for a program with errors."""
        from .compiler.compare import Contender
        _ = self.warnings
        settings = {t.name: t.default for t in self._given.tunables.values()} | dict(self._options.params)
        return Contender(label, self._analysis, self.core.entries[entry], settings)

    def _formulas(self, entry: str, let: Mapping[str, str]) -> dict[str, Expr]:
        """The formulas that replace symbols. Raises OrchError for a symbol that there is not."""
        if not let:
            return {}
        return replacements(let, self._symbols(entry))

    def _check_point(self, function: Function, point: Mapping[str, int | Fraction]) -> None:
        """Refuses sizes at which the entry may not be called, so far as those that are given decide it."""
        from .compiler.expr import FALSE, expr, ge, le
        settings = {t.name: t.default for t in self._given.tunables.values()}
        values = {name: expr(value) for name, value in {**settings, **self._options.params, **point}.items()}
        given = ", ".join(f"{name}={value}" for name, value in point.items())
        for condition, span in function.where:
            if condition.subs(values) == FALSE:
                stated = " ".join(span.source.text[span.start:span.end].split())
                raise fault("E0800", f"`--at {given}` breaks the condition of `{function.origin}`: where {stated}.",
                            "choose sizes for which it holds")
        for name, (extent, _) in declared_extents([p.shape for p in function.params]).items():
            low, high = (None if bound is None else bound.subs(values) for bound in (extent.low, extent.high))
            if name in point and ((low is not None and ge(values[name], low) == FALSE)
                                  or (high is not None and le(values[name], high) == FALSE)):
                ends = ["" if bound is None or bound.infinite else f"{bound}" for bound in (low, high)]
                raise fault("E0800", f"`{name}={point[name]}` is outside {'..'.join(ends)}, which `{function.origin}` "
                            "declares.", "choose a value within it")

    def _in_parallel(self, figures: Figures, primitives: Sequence[str], parallel: int) -> Figures:
        """The figures with Brent's bounds on latency, where the speeds of all models are known."""
        from .compiler.brent import brent
        used = sorted({self.core.primitives[p].model for p in primitives if p in self.core.primitives})
        bounds = brent(figures.metrics, [self.core.models[m] for m in used], list(self.core.tools.values()), parallel)
        if bounds is None:
            return figures
        return replace(figures, metrics={**figures.metrics, "latency_parallel": bounds})

    def _sizes(self, entry: str, args: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
        """The smallest and the largest of the sizes that each name stands for."""
        from .runtime.contract import bound_names, make_measure
        from .runtime.convert import Unfit, from_json
        function = self.core.functions[self.core.entries[entry]]
        given = self._arguments(entry, args)
        values = []
        for p in function.params:
            try:
                values.append(from_json(p.type, given[p.name], self._tokenizer))
            except Unfit as e:
                raise fault("E0804", f"The argument `{p.name}` does not fit: {e}.") from None
        return make_measure(function.params, bound_names(function.params))(tuple(values))

    def _arguments(self, entry: str, args: Mapping[str, Any]) -> dict[str, Any]:
        expect("`args`", args, Mapping, "a mapping of names to values", 'write args={"n": 5}')
        from .runtime.arguments import BadArguments, check_arguments
        try:
            return check_arguments(self.parameters(entry), args)
        except BadArguments as e:
            raise bad_arguments(e) from None

    # ------------------------------------------------------------ runs

    def predict(self, entry: str | None = None, args: Mapping[str, Any] | None = None) -> Prediction:
        """What a run with these arguments will cost: all metrics at its sizes. Sends nothing."""
        name = self.entry(entry)
        _ = self.warnings
        sizes = self._sizes(name, args or {})
        with stage("prediction"):
            found = self._analysis.predict(self.core.entries[name], sizes, self._options.params)
        return Prediction(name, sizes, found, *self._with_retries(found))

    def _with_retries(self, found: Mapping[str, Range]) -> tuple[int, dict[str, float | None]]:
        """The most attempts of a call, and upper bounds if every attempt were spent.

        Every further attempt sends the prompt once more, and at most 200 tokens that tell what was wrong.
        """
        attempts = max((p.attempts for p in self.core.primitives.values()), default=1)
        upper = {name: r.upper if isinstance(r.upper, int | float | Fraction) else None for name, r in found.items()}
        told = None if (calls := upper["calls"]) is None else _product(200 * (attempts - 1), calls)
        price = self._dearest_prompt()

        def spent(name: str, extra: float | None) -> float | None:
            figure = upper[name]
            return None if figure is None or extra is None else _product(attempts, figure) + extra

        dearest = None if told is None or price is None else _product(float(price) / 1e6, told)
        return attempts, {"calls": spent("calls", 0), "input_tokens": spent("input_tokens", told),
                          "output_tokens": spent("output_tokens", 0), "dollars": spent("dollars", dearest)}

    def _dearest_prompt(self) -> Fraction | None:
        """Dollars per million prompt tokens of the dearest model of the program; None if one is unknown."""
        from .runtime.prices import lookup
        prices: list[Fraction] = []
        for model in self.core.models.values():
            facts = None if model.price_in is not None else lookup(model.target)
            tiers = [t.price_in for t in facts.tiers] if facts is not None else []
            known = [model.price_in] if model.price_in is not None else tiers
            if not known or any(p is None for p in known):
                return None
            prices += [p for p in known if p is not None]
        return max(prices, default=None)

    def run(self, entry: str | None = None, args: Mapping[str, Any] | None = None, *,
            on_event: Watcher | None = None, **options: Any) -> Run:
        """Runs an entry to its end. Options are those of `using`, for this run alone.

        May be called where an event loop is running, as in a notebook. Raises RunFailed, an OrchError, if the run
        fails; its `run` holds what was measured until then.
        """
        from .runtime.execute import execute
        program, prediction, foreseen, given = self._prepare(entry, args, options)
        with program._watched(prediction.entry, on_event) as (watch, warnings, told), stage("run"):
            outcome = execute(program.core, prediction.entry, args or {}, on_event=watch, **given)
            told(outcome)
        return program._finish(prediction, outcome, [*foreseen, *warnings])

    async def arun(self, entry: str | None = None, args: Mapping[str, Any] | None = None, *,
                   on_event: Watcher | None = None, **options: Any) -> Run:
        """The same within a running event loop."""
        from .runtime.execute import aexecute
        program, prediction, foreseen, given = self._prepare(entry, args, options)
        with program._watched(prediction.entry, on_event) as (watch, warnings, told), stage("run"):
            outcome = await aexecute(program.core, prediction.entry, args or {}, on_event=watch, **given)
            told(outcome)
        return program._finish(prediction, outcome, [*foreseen, *warnings])

    def foresee(self, prediction: Prediction) -> tuple[Diagnostic, ...]:
        """What the budgets of the options mean for a run. Raises OrchError if it cannot end within them."""
        from .guards import foresee
        return foresee(self._options, prediction)

    def _prepare(
        self, entry: str | None, args: Mapping[str, Any] | None, options: Mapping[str, Any],
    ) -> tuple[Program, Prediction, tuple[Diagnostic, ...], dict[str, Any]]:
        from .guards import budget_of, where_of
        from .runtime.choosing import make_chooser
        from .runtime.memory import cache_path
        program = self.using(**options) if options else self
        o = program._options
        if o.resume and o.journal is None:
            raise fault("E0800", "To resume a run its journal is needed.", "name the file with --journal")
        if o.backend == "replay":
            if o.journal is None:
                raise fault("E0800", "To replay a run its journal is needed.", "name the file with --journal")
            if o.resume or o.cache:
                raise fault("E0800", "A replay takes every answer from the journal, and goes on with nothing.",
                            "leave --resume and --cache out")
        prediction = program.predict(entry, args)
        foreseen = program.foresee(prediction)
        cache = None if not o.cache else cache_path() if o.cache is True else Path(o.cache)
        given = {"backend": program._backend(), "concurrency": o.concurrency, "seed": o.seed, "settings": o.params,
                 "tokenizer": program._tokenizer, "allow_tools": o.allow_tools, "tools": o.tools,
                 "folder": program._folder, "choose": make_chooser(program._analysis, o.params),
                 "budget": budget_of(o), "journal": None if o.journal is None else Path(o.journal),
                 "resume": o.resume, "cache": cache, "where": where_of(o)}
        return program, prediction, foreseen, given

    @contextmanager
    def _watched(self, entry: str, on_event: Watcher | None) -> Iterator[
            tuple[Watcher | None, list[Diagnostic], Callable[[Outcome], None]]]:
        """What is told of every event, trace and spans included; afterwards, what went wrong with that; and what is to
        be told how the run has ended."""
        warnings: list[Diagnostic] = []
        with ExitStack() as stack:
            trace = self._trace(stack)
            spans = self._spans(stack, entry)

            def told(outcome: Outcome) -> None:
                if spans is not None and outcome.error is not None:
                    spans.failed(outcome.error.kind, outcome.error.message)

            watchers = [w for w in (trace, spans, on_event) if w is not None]
            yield None if not watchers else _all(watchers), warnings, told
        if trace is not None and trace.fault is not None:
            warnings.append(Diagnostic("W0802", f"The trace {self._options.trace} is not complete: {trace.fault}.",
                                       NOWHERE, "the run itself is"))

    def _trace(self, stack: ExitStack) -> Trace | None:
        path = self._options.trace
        if path is None:
            return None
        from .runtime.trace import Trace
        try:
            return stack.enter_context(Trace(path))
        except OSError as e:
            raise fault("E0803", f"{path} cannot be written: {(e.strerror or str(e)).lower()}.",
                        "check the path") from None

    def _spans(self, stack: ExitStack, entry: str) -> Spans | None:
        if not self._options.otel:
            return None
        from .runtime.telemetry import NoTelemetry, Spans
        provider = None if self._options.otel is True else self._options.otel
        models = {name: m.target or name for name, m in self.core.models.items()}
        try:
            return stack.enter_context(Spans(self.name, entry, models, provider))
        except NoTelemetry as e:
            raise fault("E0833", e.message, e.hint) from None

    def _backend(self) -> Sim | Replay | Callable[[Model], Backend]:
        """Where calls go: the backend of the options, or of each model's provider. Raises OrchError."""
        from .runtime.backends import BACKENDS, BackendError, make_backend, provider_of
        from .runtime.execute import Replay, Sim
        o = self._options
        if o.sim not in ("random", "largest", "smallest"):
            raise fault("E0800", f"There is no simulation `{o.sim}`.", "it is random, largest or smallest")
        if o.backend == "sim":
            return Sim(o.sim, o.oracle)
        if o.backend == "replay":
            return Replay()
        if o.oracle:
            raise fault("E0800", "An oracle answers for the simulated backend alone.", "add --backend sim")
        if o.backend is not None and o.backend not in BACKENDS:
            known = ", ".join(["replay", "sim", *sorted(BACKENDS)])
            raise fault("E0800", f"There is no backend `{o.backend}`.", f"there are: {known}")
        made: dict[str, Backend] = {}

        def backend_of(model: Model) -> Backend:
            provider = o.backend or provider_of(model.target)
            if provider not in BACKENDS:
                raise BackendError(f"The model {model.name} = {model.target or 'nothing'} names no provider that can "
                                   "be reached; bind it with --model, or use --backend sim.", kind="name")
            if provider not in made:
                made[provider] = make_backend(provider)
            return made[provider]
        return backend_of

    def _finish(self, prediction: Prediction, outcome: Outcome, warnings: Sequence[Diagnostic]) -> Run:
        from .runtime.verdict import outside
        usage = outcome.usage.to_json() if outcome.usage is not None else {}
        sizes = {name: high for name, (_, high) in outcome.sizes.items()}
        failure = () if outcome.error is None else (_failure(outcome.error),)
        within = not outside(usage, prediction.ranges, complete=not failure)
        run = Run(outcome.result, sizes, usage, prediction.ranges, within, failure, tuple(warnings))
        if outcome.error is not None:
            unsent = 3 if outcome.usage is not None else 2
            exits = {"argument": 2, "internal": 1, "budget": 4, "price": 2, "journal": unsent, "differs": unsent}
            raise RunFailed(run, exits.get(outcome.error.kind, 3))
        return run

    # ------------------------------------------------------------ notebooks and calls

    def __getattr__(self, name: str) -> Entry:
        if name.startswith("_") or name not in self._given.entries:
            listed = ", ".join(self._given.entries) or "none"
            raise AttributeError(f"{self.name} has no entry '{name}'; it has {listed}")
        return Entry(self, name)

    def __getitem__(self, name: str) -> Entry:
        """An entry by name, also one that bears the name of a method, such as `run`."""
        return Entry(self, self.entry(name))

    def __dir__(self) -> list[str]:
        return sorted([*super().__dir__(), *self._given.entries])

    def __repr__(self) -> str:
        return f"<Orch program {self.name}: {', '.join(self.entries) or 'no entries'}>"

    def _repr_html_(self) -> str:
        from .compiler.report_fragment import html_blocks
        from .compiler.report_layout import Cell, Heading, Table
        from .lang.types import show_type
        rows = []
        for name in self.entries:
            f = self.core.functions[self.core.entries[name]]
            shown = ", ".join(f"{p.name}: {show_type(p.type)}" for p in f.params)
            rows.append((Cell(name, "name"), Cell(f"({shown}) -> {show_type(f.result_type)}", "formula")))
        return html_blocks([Heading(self.name, 2), Table((), tuple(rows), (False, False))])


class Entry:
    """A function of a program, to be called like a Python function: `program.digest(doc=text)`."""

    def __init__(self, program: Program, name: str) -> None:
        self._program = program
        self.__name__ = name

    @property
    def program(self) -> Program:
        return self._program

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The result. Raises OrchError if the run fails."""
        return self._program.run(self.__name__, self._bind(args, named)).result

    async def call(self, *args: Any, **named: Any) -> Any:
        """The same within a running event loop, without a thread."""
        return (await self._program.arun(self.__name__, self._bind(args, named))).result

    def cost(self, **options: Any) -> CostReport:
        """The report of this entry; the options are those of `Program.cost`."""
        return self._program.cost(self.__name__, **options)

    def _bind(self, args: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        names = list(self._program.parameters(self.__name__))
        if len(args) > len(names):
            raise fault("E0801", f"`{self.__name__}` takes {len(names)} arguments, {len(args)} are given.")
        bound = dict(zip(names, args, strict=False))
        for name, value in named.items():
            if name in bound:
                raise fault("E0801", f"The argument `{name}` is given twice.")
            bound[name] = value
        return bound

    def __repr__(self) -> str:
        return f"<{self.__name__} of {self._program.name}>"


# ---------------------------------------------------------------- what callers give

DEFAULT_METRICS = ("calls", "input_tokens", "output_tokens", "dollars", "rounds", "latency", "context")


def number(name: str, value: Number) -> int | Fraction:
    """A size or probability: a number, or text such as 10_000, 1e6, 10**6, 0.25, 1/3. Raises OrchError."""
    try:
        found = _parsed(value) if isinstance(value, str) else Fraction(value)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        hint = f"write {name}=1000, {name}=10**6 or {name}=0.25"
        raise fault("E0800", f"`{name}={value}` is no number.", hint) from None
    return found.numerator if found.denominator == 1 else found


def _parsed(text: str) -> Fraction:
    """Raises ValueError for what is no number, or one whose digits would fill pages."""
    text = text.strip().replace("_", "").lower()
    base, power, exponent = text.partition("**")
    if not power:
        _, power, exponent = text.partition("e")
        if power and abs(int(exponent)) > 4000:
            raise ValueError(text)
        return Fraction(text)
    if abs(int(exponent)) > 4000:
        raise ValueError(text)
    return Fraction(int(base)) ** int(exponent)


def _points(at: Mapping[str, Number] | Sequence[Mapping[str, Number]]) -> list[Mapping[str, Number]]:
    """The sizes asked for, one mapping or several."""
    expect("`at`", at, (Mapping, Sequence), "a mapping of sizes, or a list of them", 'write at={"n": 1000}')
    points = [at] if isinstance(at, Mapping) else list(at)
    for point in points:
        expect("What `at` holds", point, Mapping, "a mapping of sizes", 'write at=[{"n": 10}, {"n": 1000}]')
    return points


def metric_names(asked: Sequence[str] | None) -> list[str] | None:
    from .compiler.metrics import METRICS
    if asked is None:
        return list(DEFAULT_METRICS)
    asked = asked.split(",") if isinstance(asked, str) else asked
    expect("`metrics`", asked, Sequence, "a list of names", 'write metrics=["calls"]')
    if "all" in asked:
        return None
    check_names("metric", asked, METRICS)
    return [name for name in METRICS if name in asked]


def _all(watchers: Sequence[Watcher]) -> Watcher:
    if len(watchers) == 1:
        return watchers[0]

    def watch(event: Event) -> None:
        for watcher in watchers:
            watcher(event)
    return watch


def check_names(what: str, names: Sequence[str] | Mapping[str, Any], have: Mapping[str, Any]) -> None:
    for name in names:
        if name not in have:
            from .lang.suggest import did_you_mean
            listed = ", ".join(n for n in have if not n.startswith(_UNKNOWN_OF_MODELS)) or "none"
            raise fault("E0800", f"There is no {what} `{name}`.", did_you_mean(name, have, f"there are: {listed}"))


_UNKNOWN_OF_MODELS = ("price_in_", "price_out_", "ttft_", "prefill_", "decode_")
"""Generated names that a list of names leaves out, for there are five of each model."""


def declared_extents(shapes: Sequence[Shape]) -> dict[str, tuple[Extent, bool]]:
    """What is declared of each size and Int of these shapes, and whether it is a length, which is never negative."""
    from .compiler.core import IntShape, ListShape, RecordShape, TextShape, TupleShape
    found: dict[str, tuple[Extent, bool]] = {}
    todo = list(reversed(shapes))
    while todo:
        match todo.pop():
            case TextShape(tokens=extent) if extent.var is not None:
                found[extent.var] = extent, True
            case IntShape(value=extent) if extent.var is not None:
                found.setdefault(extent.var, (extent, False))
            case ListShape(element=element, length=extent):
                if extent.var is not None:
                    found[extent.var] = extent, True
                todo.append(element)
            case TupleShape(items=items):
                todo += items
            case RecordShape(fields=parts):
                todo += [shape for _, shape in parts]
    return found


def _check_param(param: Tunable, value: int | Fraction) -> None:
    if (param.low is not None and value < param.low) or (param.high is not None and value > param.high):
        low = "" if param.low is None else param.low
        high = "" if param.high is None else param.high
        raise fault("E0800", f"`{param.name}={value}` is outside its range {low}..{high}.", "choose a value within it")


def _prices(target: str) -> ModelFacts | None:
    from .runtime.prices import lookup
    return lookup(target)


def _literals(program: Core) -> set[object]:
    """The text literals in the bodies of functions."""
    from .compiler.core import Const
    found: set[object] = set()
    todo: list[Any] = [f.body for f in program.functions.values()]
    while todo:
        node = todo.pop()
        if isinstance(node, Const):
            found.add(node.value)
        elif isinstance(node, tuple):
            todo += node
        elif is_dataclass(node) and type(node).__module__ == Const.__module__:
            todo += [getattr(node, f.name) for f in fields(node)]
    return found


def _product(factor: float, figure: float | Fraction) -> float:
    """0 times infinity is 0: what is never sent costs nothing, however often."""
    if not factor or not figure:
        return 0
    return factor * figure if isinstance(figure, int) else factor * float(figure)


def _failure(error: RunError) -> Diagnostic:
    """A failed run at its place, with the path of calls that led there."""
    path = [f.function + ("" if f.index is None else f"[{f.index}]") for f in error.path]
    if len(path) > 8:
        path = [*path[:4], "...", *path[-3:]]
    text, _, hint = error.message.partition("\n") if error.kind in ("journal", "differs") else (error.message, "", "")
    hint = hint or _HINTS.get(error.kind, "")
    if path and error.kind not in ("budget", "replay"):
        hint += f"{'; ' if hint else ''}it was reached by {' > '.join(path)}"
    message = text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
    # a file that cannot be used is no fault of a place in the program
    span = NOWHERE if error.kind in ("journal", "differs") else error.span or NOWHERE
    return Diagnostic(_CODES.get(error.kind, "E0810"), message, span, hint)


_CODES = {"backend": "E0812", "argument": "E0804", "internal": "E0898", "budget": "E0811", "price": "E0813",
          "journal": "E0830", "differs": "E0831", "replay": "E0832"}


_HINTS = {
    "where": "give the entry other arguments, or call only where the condition holds: `if ... { ... } else { ... }`",
    "size": "give what lies within the bounds, or declare wider ones",
    "value": "look first whether there is a result: `if ... { ... } else { ... }`",
    "call": "write `else` behind the call for what to take when it fails, or allow more `attempts`",
    "tool": "write `else` behind the call for what to take when it fails",
    "vote": "write `else` behind the vote for what to take when it fails",
    "choose": "name models with larger windows, or with the prices and sizes that the metric needs",
    "budget": "raise it; with --journal and --resume nothing is paid twice",
    "replay": "finish the run first, with its own backend and --resume",
    "price": "give the model `price_in` and `price_out`, bind its name to a model of the price table with --model, or "
             "use --budget-calls or --budget-tokens",
}
"""What to write instead where a run fails, by the kind of its failure."""


def check_at_least_one(what: str, given: int | None, option: str) -> None:
    """Refuses a number of concurrent calls below 1."""
    if given is not None and given < 1:
        raise fault("E0800", f"At least one {what} is needed, not {given}.", f"write {option}")


def bad_arguments(e: BadArguments) -> OrchError:
    """Faults of arguments as an error; the command line is wrong."""
    return OrchError([Diagnostic(code, message, NOWHERE, hint) for code, message, hint in e.faults], 2)


def check_points(points: Sequence[Mapping[str, Any]], known: Collection[str], lets: Mapping[str, Expr]) -> None:
    """Refuses values for symbols that there are not, and for those that a formula replaces."""
    more = dict.fromkeys([*known, *sorted(n for e in lets.values() for n in e.free)])
    for point in points:
        check_names("size", point, more)
        for name in point:
            if name in lets:
                raise fault("E0800", f"`{name}` is replaced by a formula, so it takes no value.",
                            f"give values to {', '.join(sorted(lets[name].free)) or 'other symbols'}")


def replacements(let: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, Expr]:
    """The formulas of `--let` by symbol, those in other formulas put in. Raises OrchError for a symbol there is not."""
    found = {name: formula(name, text, kinds) for name, text in let.items()}
    check_names("symbol", let, kinds)
    for _ in found:
        found = {name: e.subs(found) if e.free & found.keys() - {name} else e for name, e in found.items()}
    for name, e in found.items():
        if e.free & found.keys():
            raise fault("E0800", f"`--let {name}={let[name]}` replaces `{name}` by a formula in itself.",
                        "a symbol that is replaced may not come back in its own formula")
    return found


def formula(name: str, text: str, kinds: Mapping[str, str] = MappingProxyType({})) -> Expr:
    """The formula of a `--let`, in the syntax of `orch solve`. A symbol that `kinds` does not know is a real >= 0."""
    import re

    from .compiler.equation_text import parse_system
    from .compiler.equations import System
    from .compiler.expr import sym
    free = sorted(set(re.findall(r"[A-Za-z_]\w*(?!\w|\s*\()", text)))
    system = parse_system(f"L({', '.join(free) or 'x'}) = {text}")
    if not isinstance(system, System):
        raise fault("E0800", f"`{name}={text}` is no formula: {system[0].message}", f"write {name}=2*x, for example")
    value = system.functions["L"].cases[0].value
    return value.subs({n: sym(n, kinds.get(n, "real")) for n in sorted(value.free)})
