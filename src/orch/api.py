"""The Python API: programs as objects, reports with sympy expressions, runs.

In: paths or source text, sizes, arguments. Out: `Program`, `CostReport`, `Run`; errors that a user can cause are one
exception, `OrchError`, which carries diagnostics and shows them as the command does. The stages of the compiler are
called here and nowhere else, and each under its name, so that a fault in Orch says where it is. Prints nothing.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import NOWHERE, OrchError, fault, stage
from .lang.diagnostics import Diagnostic
from .lang.source import Source
from .views import CostReport, Run

if TYPE_CHECKING:
    from .compiler import core
    from .compiler.analysis import Analysis
    from .compiler.expr import Expr
    from .compiler.report import Report
    from .lang.types import Type
    from .runtime.arguments import BadArguments
    from .runtime.tokens import Tokenizer

__all__ = ["CostReport", "OrchError", "Program", "Run", "RunOptions", "compile", "load"]

T = TypeVar("T")
Number = int | float | Fraction | str


# ---------------------------------------------------------------- making programs

def load(path: str | Path, **options: Any) -> Program:
    """A program from a file. Options are those of `Program.using`. Raises OrchError with all that is wrong."""
    return _compile(path, None, options)


def compile(source: str, *, name: str = "<program>", folder: str | Path | None = None, **options: Any) -> Program:
    """A program from its text. Files are imported relative to `folder`. Raises OrchError with all that is wrong."""
    return _compile(Source(name, source), None if folder is None else Path(folder), options)


def _compile(program: str | Path | Source, folder: Path | None, options: Mapping[str, Any]) -> Program:
    from .lang.frontend import load_program, with_room
    with stage("front end"):
        checked, found = load_program(program, folder)
    if checked is None:
        raise OrchError(found)
    from .compiler.lower import lower
    with stage("lower"):
        core_program, more = with_room(lambda: lower(checked))
    found = [*found, *more]
    if core_program is None or any(d.severity == "error" for d in found):
        raise OrchError(sorted(found, key=lambda d: d.sort_key))
    return Program(core_program, tuple(found), RunOptions()).using(**options)


# ---------------------------------------------------------------- programs

@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a program runs, and what it is bound to.

    `backend` is "sim", "local" or a provider; None goes by each model's name. `sim` is "random", "largest" or
    "smallest". `tools` and `oracle` map names of tools and primitives to Python functions; given tools are allowed.
    `models` binds model aliases anew, `params` sets params. Budgets are in dollars, calls and tokens.
    """
    backend: str | None = None
    sim: str = "random"
    seed: int | None = None
    tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    oracle: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    allow_tools: bool = False
    models: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, int] = field(default_factory=dict)
    tokenizer: str | None = None
    concurrency: int | None = None
    budget_dollars: float | None = None
    budget_calls: int | None = None
    budget_tokens: int | None = None


class Program:
    """A checked program. Its entries can be called by name: `program.digest(doc=text)` runs `digest`."""

    def __init__(self, core_program: core.Program, warnings: tuple[Diagnostic, ...], options: RunOptions) -> None:
        self._given = core_program
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
        changed = replace(self._options, **options)
        given = self._given
        _known("model", changed.models, given.models)
        _known("param", changed.params, given.tunables)
        _known("tool", changed.tools, given.tools)
        _known("primitive", changed.oracle, given.primitives)
        for name, value in changed.params.items():
            _check_param(given.tunables[name], value)
        return Program(given, self._warnings, changed)

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
    def core(self) -> core.Program:
        """The lowered program, with models bound as the options say."""
        given = self._given
        if not self._options.models:
            return given
        models = {name: replace(m, target=self._options.models.get(name, m.target)) for name, m in given.models.items()}
        return replace(given, models=models)

    @cached_property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Those that need no cost. Raises OrchError if the program does not end, or a claim does not hold."""
        found = [*self._warnings, *self._analysis.diagnostics]
        if any(d.severity == "error" for d in found):
            raise OrchError(sorted(found, key=lambda d: d.sort_key))
        return tuple(sorted(found, key=lambda d: d.sort_key))

    @cached_property
    def _analysis(self) -> Analysis:
        from .compiler.analysis import Analysis
        from .runtime.prices import lookup
        with stage("analysis"):
            return Analysis(self.core, self._tokenizer.count, lookup)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from .runtime.tokens import DEFAULT_TOKENIZER, UnknownTokenizer, tokenizer
        try:
            return tokenizer(self._options.tokenizer or DEFAULT_TOKENIZER)
        except UnknownTokenizer as e:
            raise fault("E0800", str(e)) from None

    def entry(self, name: str | None = None) -> str:
        """The name of an entry: the one given, or `main`. Raises OrchError if there is none."""
        entries = self._given.entries
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
        points = [at] if isinstance(at, Mapping) else list(at)
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
        if parallel is not None and parallel < 1:
            raise fault("E0800", f"At least one request at a time is needed, not {parallel}.")
        points = [{k: number(k, v) for k, v in point.items()} for point in at]
        formulas = {k: _formula(k, v) for k, v in let.items()}
        with stage("analysis"):
            report = self._analysis.report(self.core.entries[entry], _metrics(metrics), points, self._options.params,
                                           formulas, parallel, ranges)
        symbols = [s.name for s in report.symbols]
        for point in points:
            _known("size", point, dict.fromkeys([*symbols, *self._given.tunables]))
        return report

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
        from .runtime.arguments import BadArguments, check_arguments
        try:
            return check_arguments(self.parameters(entry), args)
        except BadArguments as e:
            raise bad_arguments(e) from None

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


def _metrics(asked: Sequence[str] | None) -> list[str] | None:
    from .compiler.metrics import METRICS
    if asked is None:
        return list(DEFAULT_METRICS)
    if "all" in asked:
        return None
    _known("metric", asked, METRICS)
    return [name for name in METRICS if name in asked]


def _known(what: str, names: Sequence[str] | Mapping[str, Any], have: Mapping[str, Any]) -> None:
    for name in names:
        if name not in have:
            from .lang.suggest import did_you_mean
            listed = ", ".join(have) or "none"
            raise fault("E0800", f"There is no {what} `{name}`.", did_you_mean(name, have, f"there are: {listed}"))


def _check_param(param: core.Tunable, value: int) -> None:
    if (param.low is not None and value < param.low) or (param.high is not None and value > param.high):
        low = "" if param.low is None else param.low
        high = "" if param.high is None else param.high
        raise fault("E0800", f"`{param.name}={value}` is outside its range {low}..{high}.", "choose a value within it")


def bad_arguments(e: BadArguments) -> OrchError:
    """Faults of arguments as an error; the command line is wrong."""
    return OrchError([Diagnostic(code, message, NOWHERE, hint) for code, message, hint in e.faults], 2)


def _formula(name: str, text: str) -> Expr:
    """The formula of a `--let`, in the syntax of `orch solve`."""
    import re

    from .compiler.equation_text import parse_system
    from .compiler.equations import System
    free = sorted(set(re.findall(r"[A-Za-z_]\w*(?!\w|\s*\()", text)))
    system = parse_system(f"L({', '.join(free) or 'x'}) = {text}")
    if not isinstance(system, System):
        raise fault("E0800", f"`{name}={text}` is no formula: {system[0].message}", f"write {name}=2*x, for example")
    return system.functions["L"].cases[0].value
