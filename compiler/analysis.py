"""A program's cost: the driver from core to report.

In: a core program, a tokenizer's `count`, what a price table knows. Out: diagnostics (sizes, claims, termination,
windows, warnings), a `Report`, and the figures that a run is held against. Pure: no I/O, no clock beyond the solver's
time limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..lang.diagnostics import Diagnostic
from ..lang.frontend import roomy
from ..lang.source import Span
from . import core
from .advice import with_formulas
from .codegen import compile_cond, compile_expr
from .contracts import check_contract
from .costs import Ballot, Cost, Least
from .curves import Curve, free_symbols
from .equations import System
from .evaluate import Evaluator
from .expr import FALSE, ONE, TRUE, And, Cond, Expr, Fn, Rel, as_sizes, call, conj, ge, le, num, sym
from .facts import assuming
from .goals import GoalSolver, factored
from .growth import order, order_of_bound, theta
from .metrics import METRICS, Metric
from .numeric import EvaluationError
from .readings import Only, Prices, Reading, Readings, split_cases
from .report import (
    Bound,
    Figure,
    Figures,
    MetricReport,
    PrimitiveFacts,
    Range,
    Recurrence,
    Report,
    Retries,
    SymbolFacts,
    Window,
)
from .simplify import tight
from .sizes import Sizes, TooLarge
from .termination import check_termination
from .text import show, show_cond
from .values import Value, between
from .variants import Variant
from .votes import CUT_LAWS

__all__ = ["Analysis", "with_lets"]

_FUEL = 1_500_000
_SECONDS = 3.0
# what a run's prediction may take before closed forms are sought
_QUICK_FUEL = 200_000
_QUICK_SECONDS = 0.5
_KEPT = 16


@dataclass(slots=True)
class _Solved:
    """One reading of the entry: its goal, the equations it needs, the closed form, an evaluator once it is needed.

    `quick` are equations that are solved so far as they can be, for the sizes in `usual`.
    """

    goal: Expr | None
    system: System | None
    bound: Bound
    checked: int
    quick: System | None = None
    usual: Cond = TRUE
    evaluator: Evaluator | None = None


class Analysis:
    """The analysis of one program. Work is done on demand and kept.

    `count_tokens` counts a literal; `lookup` tells what is known of a model's target, None where nothing is.
    `time_limit`: seconds for the solver, each system of equations.
    """

    def __init__(
        self,
        program: core.Program,
        count_tokens: Callable[[str], int],
        lookup: Callable[[str], Prices | None] = lambda target: None,
        time_limit: float = 2.0,
    ) -> None:
        self.program, self.time_limit = program, time_limit
        self.sizes = Sizes(program, count_tokens, time_limit)
        self.readings = Readings(self.sizes, lookup, self._close)
        self.goals = GoalSolver(time_limit)
        self._solved: dict[tuple[str, str, Reading, Only], _Solved] = {}
        self._checked: list[Diagnostic] | None = None
        self._plain: dict[object, Figure] = {}

    # ---------------------------------------------------------------- checking

    @property
    @roomy
    def diagnostics(self) -> list[Diagnostic]:
        """What `orch check` adds to the front end's: sizes, claims, termination, and the warnings that need no cost."""
        if self._checked is None:
            try:
                for f in self.program.functions.values():
                    self.sizes.entry(f.name)
            except TooLarge as e:
                self._checked = [*self.sizes.diagnostics, e.diagnostic]
            else:
                self._checked = [*self.sizes.diagnostics, *check_termination(self.sizes.by_name.values())]
            if any(d.code == "W0203" for d in self._checked):
                # prompts may well be unbounded because of that loop
                self._checked = [d for d in self._checked if d.code != "W0205"]
            if not any(d.severity == "error" for d in self._checked):
                self._checked += self._contracts()
        return sorted(self._checked, key=lambda d: (d.span.source.name, d.span.start, d.code))

    def _contracts(self) -> list[Diagnostic]:
        """The `within` clauses that do not hold, or that cannot be decided."""
        out = []
        for f in self.program.functions.values():
            for contract in f.within:
                variant = self.sizes.entry(f.name)
                metric = METRICS[contract.metric]
                solved = self._solve(variant, metric, "upper", None)
                found = check_contract(
                    contract,
                    solved.bound,
                    variant.facts,
                    variant.params,
                    lambda values, solved=solved: self._figure(solved, "upper", values),  # type: ignore[misc]
                )
                if found is not None:
                    out.append(found)
        return out

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity == "error"]

    # ---------------------------------------------------------------- solving

    def _close(self, system: System, side: Literal["upper", "lower"]) -> Expr | None:
        """An exact closed form that holds in the whole domain, or None."""
        answer = self.goals.solve(system, side, split_cases).solution
        if answer.closed is None or not answer.exact or answer.valid != TRUE:
            return None
        return answer.closed

    def _solve(self, variant: Variant, metric: Metric, reading: Reading, only: Only) -> _Solved:
        key = (variant.name, metric.name, reading, only)
        if key in self._solved:
            return self._solved[key]
        try:
            solved = self._solve_goal(self._goal(variant, metric, reading, only), metric, reading, only, variant)
        except OverflowError:
            solved = _Solved(None, None, Bound(None, False, None, TRUE, reason=_TOO_LARGE), 0)
        self._solved[key] = solved
        return solved

    def _goal(self, variant: Variant, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        """A reading of an entry as an expression over calls of recursive functions."""
        right = self.readings.of_variant(variant, metric, reading, only)
        if right is None or not variant.recursive or not self.readings.touched(variant, metric, only):
            return right
        return call(variant.name, *(sym(n, k) for n, k in zip(variant.params, variant.kinds, strict=True)))

    def _solve_goal(self, goal: Expr | None, metric: Metric, reading: Reading, only: Only, variant: Variant) -> _Solved:
        if goal is None:
            return _Solved(None, None, Bound(None, False, None, TRUE, reason="not determined by the program"), 0)
        # in orders symbols grow: that a param or a text is at most so large is a fact about sizes, not about growth
        domain, positive = conj(*(c for c in variant.facts if not _ceiling(c))), _nonnegative(variant)
        usual = conj(domain, positive)
        side: Literal["upper", "lower"] = "lower" if reading == "lower" else "upper"
        settled = None if reading == "expected" else side
        # where they are not negative, numbers are sizes like any other
        whole = as_sizes(goal, positive.free)
        closed = tight(whole, assuming(usual), settled)
        if _cut_vote(closed):
            return _Solved(goal, None, Bound(None, False, None, TRUE, reason=_CUT_VOTE), 0)
        if not _needs_solver(closed):
            growth = order(closed, usual) if reading == "expected" else order_of_bound(closed, usual, side)
            same = closed in (goal, tight(goal, assuming(domain), settled))
            holds = TRUE if same else conj(*(c for c in _parts(positive) if c.free & goal.free))
            return _Solved(goal, None, Bound(closed, True, growth, holds), 0)
        system = self.readings.system(goal, metric, reading, only, domain)
        # an Int may be negative, but a report need not speak of that: the closed form may stop at zero
        narrowed = System(
            system.functions, tight(as_sizes(system.goal, positive.free), assuming(usual), settled), usual
        )
        solved = self.goals.solve(narrowed, side, split_cases)
        answer = solved.solution
        form, exact = answer.closed, answer.exact
        if reading == "expected" and not exact:
            form = None  # a bound of a mean is no mean
        if form is not None and (answer.valid == FALSE or any(
            isinstance(a, Fn) and a.op in ("choose", "choice", "call") for a in form.atoms()
        )):
            form, exact = None, False  # an adversary's choice is no closed form, nor is one that holds nowhere
        reason = answer.refused or answer.reason
        if form is not None and _cut_vote(form):
            form, exact, reason = None, False, _CUT_VOTE
        if form is not None:
            form = tight(form, assuming(usual))
        valid = answer.valid
        if form is not None:
            given = assuming(domain)
            valid = conj(
                valid,
                *(c for c in _parts(positive) if c.free & (form.free | system.goal.free) and not given.implies(c)),
            )
        growth = answer.order
        if form is not None and not answer.theta:
            # what the whole domain says of the whole form, where that gives an order from both sides
            growth = order(form, usual) or growth
        if growth is None and reading != "expected" and not _calls(narrowed.goal):
            growth = order_of_bound(narrowed.goal, usual, side)
        bound = Bound(form, exact and form is not None, growth, valid, answer.rules, reason)
        quick = System(solved.quick.functions, system.goal, system.domain)
        return _Solved(system.goal, system, bound, answer.checked, quick, usual)

    def _loop_bound(self, variant: Variant, cost: Cost, metric: str) -> Bound | None:
        """The upper bound of one loop of a function, if it has a closed form."""
        try:
            goal = self.readings.read(cost, METRICS[metric], "upper")
        except OverflowError:
            return None
        if goal is None or goal.infinite or not goal.free <= {*variant.params, *self.program.tunables}:
            return None
        bound = self._solve_goal(goal, METRICS[metric], "upper", None, variant).bound
        return None if bound.closed is None or bound.closed.infinite else bound

    # ---------------------------------------------------------------- figures

    def _figure(self, solved: _Solved, reading: Reading, values: Mapping[str, int | Fraction]) -> Figure:
        """A reading at given sizes: from an exact closed form or the recurrence, else from the bound."""
        if solved.goal is None:
            return None
        bound = solved.bound
        closed = bound.closed
        if closed is not None and closed.infinite:
            return math.inf
        missing = sorted((closed if closed is not None else solved.goal).free - values.keys())
        if closed is not None and missing:
            try:
                return closed.subs({n: num(v) for n, v in values.items()})
            except (ZeroDivisionError, OverflowError):
                return None
        try:
            if closed is not None and bound.exact and _holds(bound.valid, values) and not _long(closed, values):
                return _value(closed, values)
        except EvaluationError:
            closed = None       # sizes that `where` excludes may divide by zero: a run will refuse them
        usual = solved.quick is not None and _holds(solved.usual, values)
        system = (solved.quick if usual else solved.system) or System({}, solved.goal, TRUE)
        side: Literal["upper", "lower"] = "lower" if reading == "lower" else "upper"
        if missing:
            try:
                return _evaluated(system, side, solved.goal, free_symbols(system), values, _QUICK_FUEL, _QUICK_SECONDS)
            except EvaluationError:
                pass
        else:
            try:
                if solved.evaluator is None or solved.evaluator.system is not system:
                    solved.evaluator = Evaluator(system, side, fuel=_FUEL, seconds=_SECONDS)
                result = solved.evaluator.value(solved.goal, dict(values))
                return result if not isinstance(result, complex) else None
            except EvaluationError:
                pass
        if closed is not None and _holds(bound.valid, values):
            return _value(closed, values)
        if reading == "upper":
            return math.inf
        return 0 if reading == "lower" else None

    @roomy
    def predict(
        self,
        entry: str,
        sizes: Mapping[str, tuple[int, int]],
        settings: Mapping[str, int] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> dict[str, Range]:
        """Every metric's bounds for a run whose sizes lie between the given smallest and largest ones."""
        variant = self.sizes.entry(entry, {n: lo != hi for n, (lo, hi) in sizes.items()})
        values: dict[str, int | Fraction] = self._settings(settings)
        for n, (lo, hi) in sizes.items():
            if lo == hi:
                values[n] = lo
            values[f"{n}_min"], values[f"{n}_max"] = lo, hi
        if not all(_holds(c, values) for c in variant.facts if c.free <= values.keys()):
            # a run refuses these sizes before its first call, and formulas say nothing of them
            return {name: Range(0, 0, 0) for name in metrics or METRICS}
        return self._figures(variant, values, metrics, self._at_once)

    def _settings(self, settings: Mapping[str, int] | None) -> dict[str, int | Fraction]:
        values: dict[str, int | Fraction] = {t.name: t.default for t in self.program.tunables.values()}
        values.update(settings or {})
        return values

    def _figures(
        self,
        variant: Variant,
        values: Mapping[str, int | Fraction],
        metrics: Sequence[str] | None,
        figure: Callable[[Variant, Metric, Reading, Mapping[str, int | Fraction]], Figure],
    ) -> dict[str, Range]:
        out = {}
        for name in metrics or METRICS:
            row = METRICS[name]
            lower, upper, expected = (figure(variant, row, r, values) for r in ("lower", "upper", "expected"))
            if row.counted:
                # what is counted is whole: a bound that is not exact may lie between two numbers
                lower, upper = _rounded(lower, math.ceil, -1e-9), _rounded(upper, math.floor, 1e-9)
            out[name] = Range(lower, upper, expected)
        return out

    def _solved_figure(
        self, variant: Variant, metric: Metric, reading: Reading, values: Mapping[str, int | Fraction]
    ) -> Figure:
        return self._figure(self._solve(variant, metric, reading, None), reading, values)

    def _at_once(
        self, variant: Variant, metric: Metric, reading: Reading, values: Mapping[str, int | Fraction]
    ) -> Figure:
        """A figure from the recurrence alone where that is quick: a run does not wait for closed forms."""
        try:
            goal = self._goal(variant, metric, reading, None)
            if goal is None or goal.infinite or (variant.name, metric.name, reading, None) in self._solved:
                return self._solved_figure(variant, metric, reading, values)
            system = self.readings.system(goal, metric, reading, None, conj(*variant.facts))
        except OverflowError:
            return None
        side: Literal["upper", "lower"] = "lower" if reading == "lower" else "upper"
        try:
            return self._quickly(system, side, values)
        except EvaluationError:
            return self._solved_figure(variant, metric, reading, values)

    def _quickly(
        self, system: System, side: Literal["upper", "lower"], values: Mapping[str, int | Fraction]
    ) -> Figure:
        """The recurrence at these sizes. Metrics whose equations differ in a factor alone are evaluated once.

        Raises EvaluationError where that takes too long.
        """

        def evaluated(s: System) -> Figure:
            return _evaluated(s, side, s.goal, free_symbols(s), values, _QUICK_FUEL, _QUICK_SECONDS)

        factor, functions = factored(system.functions)
        single = system.goal.atom
        if factor == ONE or not (isinstance(single, Fn) and single.op == "call"):
            return evaluated(system)
        key = (side, system.goal, tuple(functions.values()), tuple(sorted(values.items())))
        if key not in self._plain:
            if len(self._plain) > _KEPT:
                self._plain.clear()     # they are of use within one prediction
            self._plain[key] = evaluated(System(functions, system.goal, system.domain))
        one = self._plain[key]
        if not isinstance(one, int | Fraction):
            return evaluated(system)
        whole = (factor * one).subs({n: num(v) for n, v in values.items() if n in factor.free})
        return whole if whole.number is None else whole.number

    @roomy
    def choose(
        self,
        function: str,
        node: core.Choose,
        names: Mapping[str, Value],
        declared: Mapping[str, tuple[int, int]],
        settings: Mapping[str, int] | None = None,
    ) -> tuple[int, dict[str, Figure], dict[str, str]]:
        """Which alternative of a `choose` costs least at actual sizes.

        With it the bound of every alternative that fits, and for the others why they do not. `names`: what is known of
        the locals in force; `declared`: the smallest and largest of the function's sizes.
        Raises LookupError with a sentence if no alternative fits the windows of its models.
        """
        values = self._settings(settings)
        sizes = {n: between(lo, hi) for n, (lo, hi) in declared.items()}
        host = Variant("", self.program.functions[function], (), (), (), self.sizes.tunable_facts, sizes)
        bounds: dict[str, Figure] = {}
        skipped: dict[str, str] = {}
        best: int | None = None
        for i, (label, alternative) in enumerate(node.alternatives):
            cost = self.sizes.cost_of(alternative, host, names)
            if reason := self._misfit(cost, values):
                skipped[label] = reason
                continue
            figure = self._bound_at(cost, METRICS[node.metric], None, values)
            if not isinstance(figure, int | Fraction | float):
                raise LookupError(f"the {node.metric} of the alternative `{label}` cannot be known: {figure}")
            bounds[label] = figure
            if best is None or figure < bounds[node.alternatives[best][0]]:  # type: ignore[operator]
                best = i
        if best is None:
            told = "; ".join(f"`{label}`: {reason}" for label, reason in skipped.items())
            raise LookupError(f"no alternative fits the window of its model ({told})")
        return best, bounds, skipped

    def _misfit(self, cost: Cost, values: Mapping[str, int | Fraction]) -> str:
        """Which call would not fit its model's window, "" if all do."""
        for name, window in self.readings.windows(cost):
            model = self.program.primitives[name].model
            need = self._bound_at(cost, METRICS["context"], ("primitive", name), values)
            if isinstance(need, int | Fraction | float) and need > window:
                much = "no bounded number of" if need == math.inf else f"{int(need):,}"
                return f"a call of `{name}` can take {much} tokens, and the window of `{model}` is {window:,}"
        return ""

    def _bound_at(self, cost: Cost, metric: Metric, only: Only, values: Mapping[str, int | Fraction]) -> Figure:
        goal = self.readings.read(cost, metric, "upper", only)
        assert goal is not None
        if goal.infinite:
            return math.inf
        system = self.readings.system(goal, metric, "upper", only, TRUE)
        missing = sorted(system.goal.free - values.keys())
        if missing:
            return goal
        try:
            quick = self.goals.solve(system, "upper", split_cases).quick
            return Evaluator(quick, "upper", fuel=_FUEL, seconds=_SECONDS).value(quick.goal, dict(values))  # type: ignore[no-any-return]
        except EvaluationError:
            return math.inf

    # ---------------------------------------------------------------- curves and symbols

    def curve(self, entry: str, metric: str | Metric, reading: Reading, only: Only = None) -> Curve:
        """One reading of an entry as a function of sizes, params and free symbols; of a metric that is no row, too."""
        row = METRICS[metric] if isinstance(metric, str) else metric
        solved = self._solve(self.sizes.entry(entry), row, reading, only)
        side: Literal["upper", "lower"] = "lower" if reading == "lower" else "upper"
        return Curve(solved.goal, solved.system, solved.quick, solved.bound, side)

    def known_figures(self, entry: str, values: Mapping[str, int | Fraction]) -> dict[str, Range]:
        """The metrics whose symbols all have a value, at these values, from the recurrences where that is quick."""
        variant = self.sizes.entry(entry)
        known = []
        for name, row in METRICS.items():
            bounds: tuple[Reading, Reading] = ("upper", "lower")
            try:
                goals = [(self._goal(variant, row, r, None), r) for r in bounds]
                systems = [self.readings.system(g, row, r, None, TRUE) for g, r in goals if g is not None]
            except OverflowError:
                continue
            if {n for s in systems for n in free_symbols(s)} <= values.keys():
                known.append(name)
        return self._figures(variant, values, known, self._at_once) if known else {}

    def domain(self, entry: str) -> Cond:
        """What is assumed of an entry's sizes and of params, but for upper ends that are numbers."""
        return conj(*(c for c in self.sizes.entry(entry).facts if not _ceiling(c)))

    def limits(self, entry: str) -> tuple[tuple[str, int], ...]:
        """The primitives that an entry calls whose model's window is known, with the window in tokens."""
        used = self._used_primitives(self.sizes.entry(entry))
        windows = ((p, self.readings.window(self.program.models[self.program.primitives[p].model])) for p in used)
        return tuple((p, w) for p, w in windows if w is not None)

    def votes(self, entry: str) -> Cond:
        """That every vote whose lead and limit are symbols of the entry or params can be held: 1 <= k <= m."""
        variant = self.sizes.entry(entry)
        known = {*self.program.tunables, *variant.params}
        found = [t for t in self.readings.reached(variant.cost) if isinstance(t, Ballot)]
        conds = [c for b in found for c in ((ge(b.most.lo, ONE),) if b.lead is None
                                            else (ge(b.lead.lo, ONE), ge(b.most.hi, b.lead.lo)))]
        return conj(*(c for c in conds if c.free <= known))

    def known_symbols(self, entry: str) -> dict[str, SymbolFacts]:
        """Every symbol that formulas of the program may hold, whether or not one of them does."""
        variant = self.sizes.entry(entry)
        found = {s.name: s for s in self._symbols(variant, {})}
        for model in self.program.models.values():
            for n in sorted(model.size.free):
                found.setdefault(n, SymbolFacts(n, f"size of the model {model.name}", "model"))
            for stem, words in _MODEL_SYMBOLS.items():
                found.setdefault(f"{stem}_{model.name}", SymbolFacts(f"{stem}_{model.name}",
                                                                     f"{words} of {model.name}", "price"))
        odds = [e for p in self.program.primitives.values() for e in (p.error, p.malformed, p.chance) if e is not None]
        odds += [e for t in self.program.tools.values() for e in (t.latency, t.dollars, t.chance) if e is not None]
        params = [q for p in self.program.primitives.values() for q in p.params]
        params += [q for t in self.program.tools.values() for q in t.params]
        local = {n for q in params for n in _declared(q.shape)}
        for n in sorted({n for e in odds for n in e.free} - local):
            found.setdefault(n, SymbolFacts(n, "a free symbol of the program", "probability"))
        return found

    # ---------------------------------------------------------------- the report

    @roomy
    def report(
        self,
        entry: str,
        metrics: Sequence[str] | None = None,
        at: Sequence[Mapping[str, int | Fraction]] = (),
        settings: Mapping[str, int] | None = None,
        lets: Mapping[str, Expr] | None = None,
        parallel: int | None = None,
        at_ranges: Sequence[Mapping[str, tuple[int, int]]] = (),
        shares: bool = True,
    ) -> Report:
        """The cost report of one entry (a key of `program.functions`).

        `at`: sizes (and params) to give figures at; `at_ranges`: the same for mixed sizes, as (smallest, largest).
        `lets` replaces symbols by formulas, which need not have values in `at`. `shares`: also by primitive.
        """
        names = tuple(metrics or METRICS)
        variant = self.sizes.entry(entry)
        diagnostics = self.diagnostics
        errors = [d for d in diagnostics if d.severity == "error"]
        warnings = [d for d in diagnostics if d.severity == "warning"]
        if not errors:
            warnings = [with_formulas(d, self.sizes.loops, self._loop_bound) for d in warnings]
        if errors:
            return Report(
                self.program.name,
                variant.function.origin,
                (),
                (),
                {},
                {},
                {},
                {},
                (),
                (),
                None,
                parallel,
                tuple(warnings),
                tuple(errors),
            )
        table = {n: self._metric(variant, METRICS[n], None, lets) for n in names}
        used = self._used_primitives(variant)
        by_primitive = {
            p: {n: self._metric(variant, METRICS[n], ("primitive", p), lets) for n in names}
            for p in used if shares
        }
        figures = []
        for point in at:
            values = with_lets(self._settings(settings) | dict(point), lets or {})
            figures.append(
                Figures(
                    {
                        n: v
                        for n, v in values.items()
                        if n in point or n in (lets or {}) or n not in self.program.tunables or n in (settings or {})
                    },
                    {
                        n: Range(*(_let_figure(f, lets, values) for f in (r.lower, r.upper, r.expected)))
                        for n, r in self._figures(variant, values, names, self._solved_figure).items()
                    },
                )
            )
        for ranges in at_ranges:
            figures.append(
                Figures({n: hi for n, (_, hi) in ranges.items()}, self.predict(entry, ranges, settings, names))
            )
        points = [with_lets(self._settings(settings) | dict(p), lets or {}) for p in at]
        windows, window_errors = self._windows(variant, points)
        primitives = {
            p.name: PrimitiveFacts(self.sizes.fixed_tokens(p), p.model) for p in self.program.primitives.values()
        }
        attempts = max((self.program.primitives[p].attempts for p in used if p in self.program.primitives), default=1)
        retries = None
        if attempts > 1 and "calls" in table:
            b = table["calls"].upper
            closed = None if b.closed is None else b.closed * attempts
            retries = Retries(attempts, Bound(closed, b.exact, b.order, b.valid))
        return Report(
            self.program.name,
            variant.function.origin,
            self._symbols(variant, table),
            self._assumptions(variant, used),
            primitives,
            dict(sorted(self.sizes.literals.items())),
            table,
            by_primitive,
            tuple(figures),
            tuple(windows),
            retries,
            parallel,
            tuple(warnings),
            (*window_errors, *self._unmeasured(variant)),
        )

    def _metric(self, variant: Variant, metric: Metric, only: Only, lets: Mapping[str, Expr] | None) -> MetricReport:
        upper, lower, expected = (self._solve(variant, metric, r, only) for r in ("upper", "lower", "expected"))
        domain = conj(*(c for c in variant.facts if not _ceiling(c)))
        bounds = [_let(b.bound, lets, domain) for b in (upper, lower, expected)]
        both = theta(bounds[1].order, bounds[0].order, domain.subs(lets) if lets else domain)
        certain = expected.goal is not None
        return MetricReport(
            metric.name,
            bounds[0],
            bounds[1],
            bounds[2] if certain else None,
            both,
            self._recurrences(upper) if only is None else (),
            upper.checked + lower.checked,
        )

    def _recurrences(self, solved: _Solved) -> tuple[Recurrence, ...]:
        if solved.system is None:
            return ()
        out = []
        for f in solved.system.functions.values():
            recursive = [c for c in f.cases if any(isinstance(a, Fn) and a.op == "call" for a in c.value.atoms())]
            base = [c for c in f.cases if c not in recursive]
            head = f"{f.name}({', '.join(f.params)})"
            equation = "; ".join(
                f"{head} = {show(c.value)}"
                + (f" for {show_cond(c.guard)}" if c.guard != TRUE and len(recursive) > 1 else "")
                for c in recursive
            )
            ground = "; ".join(
                f"{head} = {show(c.value)}" + (f" for {show_cond(c.guard)}" if c.guard != TRUE else " otherwise")
                for c in base
            )
            out.append(
                Recurrence(self.sizes.by_name[f.name].function.origin, equation or ground, ground if equation else "")
            )
        return tuple(out)

    def _used_primitives(self, variant: Variant) -> list[str]:
        found = {leaf.name for leaf in self.readings.leaves(variant.cost) if leaf.kind == "primitive"}
        return [p for p in self.program.primitives if p in found]

    def _windows(
        self, variant: Variant, points: Sequence[Mapping[str, int | Fraction]]
    ) -> tuple[list[Window], list[Diagnostic]]:
        """The largest prompt plus answer of every primitive against its model's window; errors where it cannot fit."""
        windows: list[Window] = []
        errors: list[Diagnostic] = []
        spans: dict[str, dict[int, Span]] = {}
        passed_over = self._passed_over(variant)
        for leaf in self.readings.leaves(variant.cost):
            if leaf.kind == "primitive":
                spans.setdefault(leaf.name, {})[leaf.site] = leaf.span
        for name, sites in spans.items():
            p = self.program.primitives[name]
            model = self.program.models[p.model]
            window = self.readings.window(model)
            if window is None:
                continue
            whole = self._solve(variant, METRICS["context"], "upper", ("primitive", name))
            need = whole.bound.closed
            fits = le(need, num(window)) if need is not None and not need.infinite and whole.bound.exact else None
            windows.append(Window(name, p.model, window, need, fits))
            for site, span in sites.items():
                if site in passed_over:
                    continue
                one = self._solve(variant, METRICS["context"], "upper", ("site", site))
                worst: Figure = None
                for values in points or [{}]:
                    figure = self._figure(one, "upper", values)
                    if isinstance(figure, int | Fraction | float) and window < figure < math.inf:
                        worst = figure if worst is None or figure > worst else worst  # type: ignore[operator]
                if worst is not None:
                    limit = "" if fits is None or not fits.free else f"; it fits while {show_cond(fits)}"
                    errors.append(
                        Diagnostic(
                            "E0501",
                            f"this call can need {worst} tokens, but the window of `{p.model}` is {window}{limit}",
                            span,
                            "cut what goes into the prompt (chunks, take), or choose a model with a larger window",
                        )
                    )
        return windows, errors

    def _choices(self, variant: Variant) -> list[Least]:
        return [t for t in self.readings.reached(variant.cost) if isinstance(t, Least)]

    def _unmeasured(self, variant: Variant) -> list[Diagnostic]:
        """The choices by a metric that a price or a speed which nobody gave stands in."""
        out = []
        for t in self._choices(variant):
            bounds = (self.readings.read(a, METRICS[t.metric], "upper") for _, a in t.alternatives)
            free = {n for b in bounds if b is not None for n in b.free}
            unknown = sorted(m for m in self.program.models if any(f"{s}_{m}" in free for s in _MODEL_SYMBOLS))
            if unknown:
                names = ", ".join(f"`{m}`" for m in unknown)
                out.append(Diagnostic(
                    "E0503",
                    f"the {t.metric} of an alternative cannot be known, for what {names} costs or takes is not",
                    t.span,
                    "give the model its prices and speeds, or choose by calls or tokens",
                ))
        return out

    def _passed_over(self, variant: Variant) -> set[int]:
        """The places of calls in alternatives that a run passes over where they do not fit: sizes do not tell when."""
        open_ = [a for t in self._choices(variant) if self.readings.preference(t) is None for _, a in t.alternatives]
        return {leaf.site for a in open_ for leaf in self.readings.leaves(a)}

    def _assumptions(self, variant: Variant, used: Sequence[str]) -> tuple[str, ...]:
        out = []
        for c, _ in variant.function.where:
            out.append(f"where {show_cond(c)}")
        for t in self.program.tunables.values():
            if t.low is not None or t.high is not None:
                low = "" if t.low is None else f"{t.low} <= "
                high = "" if t.high is None else f" <= {t.high}"
                out.append(f"{low}{t.name}{high}")
        for name in sorted({self.program.primitives[p].model for p in used}):
            model = self.program.models[name]
            facts = self.readings.lookup(model.target)
            if facts is not None and facts.reasons and model.reasoning is None:
                out.append(f"{name} generates 0 hidden reasoning tokens (set `reasoning` to its cap)")
        if self._varies(variant):
            out.append("answers have any size that their types allow; the runtime enforces it")
        return tuple(out)

    def _varies(self, variant: Variant) -> bool:
        return any(not leaf.answer.exact for leaf in self.readings.leaves(variant.cost) if leaf.kind == "primitive")

    def _symbols(self, variant: Variant, table: Mapping[str, MetricReport]) -> tuple[SymbolFacts, ...]:
        out: dict[str, SymbolFacts] = {}
        for p in variant.function.params:
            _describe(p.shape, p.name, out)
        used: set[str] = set()
        for m in table.values():
            for b in (m.upper, m.lower, m.expected):
                if b is not None:
                    for e in (b.closed, b.order):
                        used |= e.free if e is not None else frozenset()
        for t in self.program.tunables.values():
            out[t.name] = SymbolFacts(t.name, f"param, {t.default} unless set", "param")
        for model in self.program.models.values():
            for n in sorted(model.size.free & used):
                out.setdefault(n, SymbolFacts(n, f"size of the model {model.name}", "model"))
            for stem, words in _MODEL_SYMBOLS.items():
                n = f"{stem}_{model.name}"
                if n in used:
                    out.setdefault(n, SymbolFacts(n, f"{words} of {model.name}", "price"))
        for n in sorted(used - out.keys()):
            out[n] = SymbolFacts(n, "a free symbol of the program", "probability")
        return tuple(out.values())


_MODEL_SYMBOLS = {
    "price_in": "dollars per million prompt tokens",
    "price_out": "dollars per million completion tokens",
    "ttft": "seconds to the first token",
    "prefill": "prompt tokens read per second",
    "decode": "tokens generated per second",
}


def _describe(shape: core.Shape, what: str, out: dict[str, SymbolFacts]) -> None:
    def note(e: core.Extent, meaning: str) -> None:
        if e.var is not None:
            known = out.get(e.var)
            out[e.var] = SymbolFacts(e.var, meaning if known is None else f"{known.meaning}, {meaning}", "size")

    match shape:
        case core.TextShape(tokens=e):
            note(e, f"tokens of {what}")
        case core.IntShape(value=e):
            note(e, f"the number {what}")
        case core.ListShape(element=element, length=e):
            note(e, f"elements of {what}")
            _describe(element, f"each of {what}", out)
        case core.TupleShape(items=items):
            for i, s in enumerate(items):
                _describe(s, f"{what}.{i}", out)
        case core.RecordShape(fields=fields):
            for n, s in fields:
                _describe(s, f"{what}.{n}", out)
        case _:
            pass


def _declared(shape: core.Shape) -> set[str]:
    """The size variables that a shape binds."""
    found: dict[str, SymbolFacts] = {}
    _describe(shape, "", found)
    return set(found)


def _let(bound: Bound, lets: Mapping[str, Expr] | None, domain: Cond) -> Bound:
    """The bound with symbols replaced, as `--let` asks."""
    if not lets:
        return bound
    closed = None if bound.closed is None else bound.closed.subs(lets)
    whole = bound.order if closed is None else closed
    growth = None if whole is None else order(whole.subs(lets), domain.subs(lets))
    return Bound(closed, bound.exact, growth, bound.valid.subs(lets), bound.rules, bound.reason)


def _let_figure(figure: Figure, lets: Mapping[str, Expr] | None, values: Mapping[str, int | Fraction]) -> Figure:
    if not lets or not isinstance(figure, Expr):
        return figure
    return figure.subs(lets).subs({n: num(v) for n, v in values.items() if n not in lets})


def with_lets(values: Mapping[str, int | Fraction], lets: Mapping[str, Expr]) -> dict[str, int | Fraction]:
    """Values with those of the replaced symbols, where all that their formulas need is given."""
    found = dict(values)
    for name, formula in lets.items():
        value = _value(formula, values) if formula.free <= values.keys() else None
        if isinstance(value, int | Fraction):
            found[name] = value
        elif isinstance(value, float) and math.isfinite(value):
            found[name] = Fraction(value)
    return found


def _nonnegative(variant: Variant) -> Cond:
    """That the Int parameters of an entry are not negative."""
    return conj(*(ge(sym(n, k), num(0)) for n, k in zip(variant.params, variant.kinds, strict=True) if k == "int"))


def _ceiling(c: Cond) -> bool:
    """Whether a condition only says that a symbol is at most a number."""
    return (
        isinstance(c, Rel)
        and c.op == ">="
        and len(c.e.free) == 1
        and len(c.e.terms) <= 2
        and all(not m or v < 0 for m, v in c.e.terms.items())
    )


def _parts(c: Cond) -> tuple[Cond, ...]:
    return c.parts if isinstance(c, And) else (c,)


def _needs_solver(e: Expr) -> bool:
    return any(isinstance(a, Fn) and a.op in ("call", "choose", "choice", "sum") for a in e.atoms())


_TOO_LARGE = "a number in it is too large to write out"

_CUT_VOTE = (
    "the law of a vote that is cut at m samples has no closed form in symbols (figures follow it exactly); uncut it is "
    "right with probability 1/(1 + ((1-p)/p)**k) and takes k*(2*P-1)/(2*p-1) samples on average"
)


def _cut_vote(e: Expr) -> bool:
    return any(isinstance(a, Fn) and a.op in CUT_LAWS for a in e.atoms())


def _calls(e: Expr) -> bool:
    return any(isinstance(a, Fn) and a.op == "call" for a in e.atoms())


def _evaluated(
    system: System,
    side: Literal["upper", "lower"],
    goal: Expr,
    symbols: frozenset[str],
    values: Mapping[str, int | Fraction],
    fuel: int,
    seconds: float,
) -> Figure:
    """The recurrence at these sizes; with symbols that have no value (a price) a formula in them.

    Raises EvaluationError where that takes too long, or a decision depends on such a symbol.
    """
    missing = sorted(symbols - values.keys())
    given = {**values, **{n: sym(n, "real") for n in missing}}
    found = Evaluator(system, side, fuel=fuel, seconds=seconds, symbolic=bool(missing)).value(goal, given)
    if isinstance(found, Expr):
        return math.inf if found.infinite > 0 else found if found.number is None else found.number
    return found  # type: ignore[no-any-return]


def _rounded(figure: Figure, to_whole: Callable[[float | Fraction], int], slack: float) -> Figure:
    if isinstance(figure, Fraction):
        return to_whole(figure)
    return to_whole(figure + slack) if isinstance(figure, float) and math.isfinite(figure) else figure


def _holds(cond: Cond, values: Mapping[str, int | Fraction]) -> bool:
    if cond == TRUE:
        return True
    names = sorted(cond.free)
    if any(n not in values for n in names):
        return False
    return bool(compile_cond(cond, names)(*(values[n] for n in names)))


def _value(e: Expr, values: Mapping[str, int | Fraction]) -> Figure:
    names = sorted(e.free)
    try:
        result = compile_expr(e, names)(*(values[n] for n in names))
    except (EvaluationError, ArithmeticError, ValueError):
        return None
    if isinstance(result, Fraction) and result.denominator == 1:
        return int(result)
    return result  # type: ignore[no-any-return]


def _long(e: Expr, values: Mapping[str, int | Fraction]) -> bool:
    """Whether the expression holds a sum or a choice, which is evaluated term by term."""
    return any(isinstance(a, Fn) and a.op in ("sum", "choose") for a in e.atoms())
