"""A core program with arguments and a backend -> its result, and what it used.

In: a program, the name of an entry, arguments as JSON has them, a simulation or a way to backends. Out: an `Outcome`:
the result as JSON, the usage, the sizes of the arguments, or the error with its path. What users can cause is data
here, never an exception. Nothing is predicted, printed or written to disk.
"""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from ..compiler import core
from ..lang.source import Span
from .backends.base import Backend, BackendError
from .backends.sim import Mode, Simulation
from .budget import NOTHING, Budget, Ledger
from .builtins import Builtins
from .compile import Choice, Compiled, compile_program
from .convert import Unfit, from_json, to_json
from .events import Event, Watcher
from .fit import Fitting
from .gateway import Answer, Gateway, Limits, Miss
from .identity import differences, identity
from .journal import Journal, JournalFault
from .machine import Ask, Fault, Frame, Machine
from .memory import Cache, Memory
from .meter import Rates, Usage
from .places import ROOT
from .redaction import Secrets
from .scheduler import ToolCaller, VirtualPort, run_virtual, run_virtual_async
from .tokens import Tokenizer, tokenizer
from .tools import Tools

__all__ = ["Chooser", "Decision", "Outcome", "Replay", "RunError", "Sim", "aexecute", "execute"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Which alternative of a `choose`, the upper bound of every one that fits, and why the others were skipped."""

    index: int
    bounds: Mapping[str, int | float | Fraction] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


#: Which alternative of a `choose least` to take: the program, the function and the node, the smallest and largest of
#: the sizes that the function's parameters bind, and the values of the locals that the alternatives use (see `values`).
#: Raises LookupError with a sentence if none can be taken.
Chooser = Callable[
    [core.Program, core.Function, core.Choose, Mapping[str, tuple[int, int]], Mapping[str, Any]], Decision
]

#: Calls in flight at once with a backend that does not say what it can take.
DEFAULT_CONCURRENCY: Final = 64

#: Seconds that a run in a thread has to close its connections and its journal when it is interrupted.
_FAREWELL: Final = 10.0

#: Seconds by which an event loop may be late without losing what a limit allows.
_SLACK: Final = 0.05


@dataclass(frozen=True, slots=True)
class Sim:
    """The simulated backend. `oracle` maps names of primitives to functions that compute the right answer."""

    mode: Mode = "random"
    oracle: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replay:
    """Every answer comes from the journal of an earlier run: nothing is sent, written or paid, and no tool runs."""


class _Nobody:
    """Stands where a model would be asked in a replay."""

    def __init__(self, journal: str) -> None:
        self._journal = journal

    def answer(self, ask: Ask) -> Answer | Miss:
        """Raises Fault."""
        contract = ask.site.contract
        what = f"the tool '{contract.name}'" if contract.is_tool else f"'{contract.name}'"
        message = f"the journal {self._journal} holds no finished call of {what} at this place"
        raise Fault("replay", message, ask.site.span)


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run failed. `kind` as in `machine.Fault`, or "argument", "backend"; `path` from the entry to the place."""

    kind: str
    message: str
    span: Span | None
    path: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """`result` holds where `error` is None. `sizes`: of the entry's size variables, the smallest and the largest."""

    result: Any
    usage: Usage | None
    sizes: Mapping[str, tuple[int, int]]
    error: RunError | None


def execute(
    program: core.Program,
    entry: str,
    arguments: Mapping[str, Any],
    backend: Sim | Replay | Backend | Callable[[core.Model], Backend] | None = None,
    **options: Any,
) -> Outcome:
    """Runs an entry to its end; see `aexecute` for the options. May be called within a running event loop."""
    if backend is None or isinstance(backend, Sim | Replay):
        return _Run(program, entry, arguments, backend or Sim(), **options).simulate()
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(aexecute(program, entry, arguments, backend, **options))
    return _in_thread(lambda: aexecute(program, entry, arguments, backend, **options))


async def aexecute(
    program: core.Program,
    entry: str,
    arguments: Mapping[str, Any],
    backend: Sim | Replay | Backend | Callable[[core.Model], Backend] | None = None,
    **options: Any,
) -> Outcome:
    """Runs an entry to its end within a running event loop.

    `backend`: `Sim`, `Replay` (of `journal`), a backend for all models (not yet open), or a function that gives the
    backend of a model (equal models of equal providers may share one). Options, all by name:

    | option | means |
    |---|---|
    | concurrency | calls in flight at once; None: no limit in a simulation, else what the backends can take |
    | seed | of the simulation, or passed on to the models |
    | settings | values of tunables, and of free symbols in probabilities and sizes |
    | tokenizer | a `Tokenizer`, or its name |
    | on_event | called with every `events.Event` |
    | allow_tools, tools, folder | whether tools run; functions by name; where their modules lie |
    | choose | see `Chooser` |
    | budget | the most that the run may pay, what it paid before included |
    | journal, resume | a file for finished calls; whether an earlier run in it goes on |
    | cache | a file for answers that runs share |
    | where | the name of the backend, for the journal: answers of another one are not of this run |
    """
    run = _Run(program, entry, arguments, backend or Sim(), **options)
    if isinstance(backend, Sim | Replay) or backend is None:
        return await run.simulate_async()
    return await run.live()


class _Run:
    """One run, from its options to its outcome."""

    def __init__(
        self,
        program: core.Program,
        entry: str,
        arguments: Mapping[str, Any],
        backend: Any,
        *,
        concurrency: int | None = None,
        seed: int | None = None,
        settings: Mapping[str, int | float | Fraction] | None = None,
        tokenizer: Tokenizer | str | None = None,
        on_event: Watcher | None = None,
        allow_tools: bool = False,
        tools: Mapping[str, Callable[..., Any]] | None = None,
        folder: Path | None = None,
        choose: Chooser | None = None,
        budget: Budget | None = None,
        journal: Path | None = None,
        resume: bool = False,
        cache: Path | None = None,
        where: str = "",
    ) -> None:
        self._program, self._entry, self._arguments, self._backend = program, entry, arguments, backend
        self._concurrency, self._seed, self._on_event, self._chooser = concurrency, seed, on_event, choose
        self._settings: dict[str, int | float | Fraction] = {t.name: t.default for t in program.tunables.values()}
        self._settings.update(settings or {})
        self._tokenizer = _tokenizer(tokenizer)
        self._replays = isinstance(backend, Replay)
        self._tools = Tools({}, None, False) if self._replays else Tools(tools or {}, folder, allow_tools)
        self._measured = False
        self._secrets = Secrets()
        self._budget = budget or Budget()
        self._journal_path, self._resume, self._cache_path, self._where = journal, resume, cache, where
        self._journal: Journal | None = None
        self._finished = False
        self._cache: Cache | None = None
        self._memory: Memory | None = None
        self._ledger = Ledger(self._budget, NOTHING)
        self._sizes: Mapping[str, tuple[int, int]] = {}
        self._gateway: Gateway | None = None
        self._machine: Machine | None = None
        self._compiled: Compiled | None = None

    # ------------------------------------------------------------ three ways to run

    def simulate(self) -> Outcome:
        try:
            machine, port = self._start_simulation()
            with _rare_collections():
                run_virtual(machine, port)
            return self._ended(self._outcome(machine, port.now(), self._measured))
        except Fault as fault:
            return self._failed(fault)
        finally:
            self._close()

    async def simulate_async(self) -> Outcome:
        try:
            machine, port = self._start_simulation()
            await run_virtual_async(machine, port)
            return self._ended(self._outcome(machine, port.now(), self._measured))
        except Fault as fault:
            return self._failed(fault)
        finally:
            self._close()

    async def live(self) -> Outcome:
        from .live import LivePort, run_live

        opened: list[Backend] = []
        try:
            values = self._prepare()
            backends = self._backends()
            for backend in dict.fromkeys(backends.values()):
                await backend.open()
                opened.append(backend)
            limits = Limits(self._concurrency, self._caps(backends), _SLACK, self._seed)
            machine, gateway = self._machinery(limits, True)
            models = self._program.models
            port = LivePort(models, backends, self._tool_caller(), gateway, self._tokenizer, self._seed, self._secrets)
            gateway.port = port
            if self._memory is not None:
                self._memory.start_thread(asyncio.get_running_loop(), port.news.set, self._concurrency)
            self._begin(machine, values)
            await run_live(machine, port)
            if self._memory is not None:
                await self._memory.close()
            return self._ended(self._outcome(machine, port.now(), True))
        except Fault as fault:
            return self._failed(fault)
        except BackendError as error:
            return self._failed(Fault("backend", error.message, None))
        finally:
            for backend in opened:
                await backend.close()
            if self._memory is not None:
                await self._memory.close()
            self._close()

    # ------------------------------------------------------------ steps

    def _start_simulation(self) -> tuple[Machine, VirtualPort]:
        values = self._prepare()
        machine, gateway = self._machinery(Limits(self._concurrency, seed=self._seed), False)
        simulation: Simulation | _Nobody
        if self._replays:
            simulation = _Nobody("" if self._journal_path is None else self._journal_path.name)
        else:
            reasoning = {alias: m.reasoning for alias, m in self._program.models.items() if m.reasoning}
            sim = self._backend
            simulation = Simulation(sim.mode, self._seed or 0, self._tokenizer, sim.oracle, reasoning)
        port = VirtualPort(simulation, self._tool_caller(), gateway)
        gateway.port = port
        if self._memory is not None:
            port.write_with(self._memory.flush)
        self._begin(machine, values)
        return machine, port

    def _prepare(self) -> tuple[Any, ...]:
        """Compiles the program and reads the arguments. Raises Fault."""
        key = self._program.entries.get(self._entry)
        if key is None:
            listed = ", ".join(self._program.entries) or "none"
            raise Fault("argument", f"there is no entry '{self._entry}'; there are: {listed}", None)
        function = self._program.functions[key]
        if self._concurrency is not None and self._concurrency < 1:
            raise Fault("argument", f"at least one call must be in flight, not {self._concurrency}", None)
        known = [p.name for p in function.params]
        for name in self._arguments:
            if name not in known:
                listed = ", ".join(known) or "none"
                raise Fault("argument", f"'{self._entry}' has no parameter '{name}'; it has: {listed}", function.span)
        values = []
        for p in function.params:
            if p.name not in self._arguments:
                raise Fault("argument", f"the argument '{p.name}' of '{self._entry}' is missing", function.span)
            try:
                values.append(from_json(p.type, self._arguments[p.name], self._tokenizer))
            except Unfit as unfit:
                raise Fault("argument", f"the argument '{p.name}' does not fit: {unfit}", function.span) from None
        self._compiled = compile_program(self._program, key, self._settings, self._tokenizer, self._choose)
        self._sizes = self._compiled.measure(tuple(values))
        return tuple(values)

    def _machinery(self, limits: Limits, live: bool) -> tuple[Machine, Gateway]:
        """Raises Fault."""
        compiled = self._compiled
        assert compiled is not None
        self._check_prices()
        try:
            self._remember(live)
        except JournalFault as fault:
            raise Fault(fault.kind, f"{fault.message}\n{fault.hint}", None) from None
        gateway = Gateway(
            self._program, compiled.models, self._settings, limits, self._on_event, self._ledger, self._memory
        )
        machine = Machine(gateway, compiled.filename, compiled.spans, dict(compiled.names))
        gateway.machine = machine
        self._gateway, self._machine = gateway, machine
        return machine, gateway

    def _caps(self, backends: Mapping[str, Backend]) -> dict[str, int]:
        """Calls in flight of each model: what its backend can take, shared by the models that go there."""
        caps: dict[str, int] = {}
        for alias, backend in backends.items():
            most = DEFAULT_CONCURRENCY if backend.max_in_flight is None else backend.max_in_flight
            if self._concurrency is None:
                shared = {self._program.models[a].target for a, b in backends.items() if b is backend}
                most = max(1, most // len(shared))
            elif backend.max_in_flight is None:
                most = self._concurrency
            caps[alias] = most
        return caps

    def _check_prices(self) -> None:
        """A budget in dollars needs every price. Raises Fault."""
        assert self._compiled is not None
        if self._budget.dollars is None:
            return
        for alias in self._compiled.models:
            model = self._program.models.get(alias)
            if Rates(model, self._settings).dollars(1, 1) is None:
                named = f"'{alias}'" + (f" = {model.target}" if model is not None and model.target else "")
                message = f"a budget in dollars needs prices, and that of the model {named} is not known"
                raise Fault("price", message, model.span if model is not None else None)

    def _remember(self, live: bool) -> None:
        """Opens the journal and the cache, and takes an earlier run up. Raises JournalFault."""
        compiled = self._compiled
        assert compiled is not None
        if self._replays:
            self._memory = self._replayed()
            self._memory.start(compiled.names)
            return
        if self._cache_path is not None:
            self._cache = Cache(self._cache_path)
        resumed = False
        if self._journal_path is not None:
            # a simulated answer costs nothing and comes again: it need not survive a failure of power
            self._journal = Journal.open(self._journal_path, durable=live)
            resumed = self._take_up(self._journal)
        if self._journal is not None or self._cache is not None:
            self._memory = Memory(self._journal, self._cache, resumed, live, self._program.models, self._where)
            self._memory.start(compiled.names)

    def _identity(self, where: str) -> dict[str, Any]:
        return identity(
            self._program, self._entry, self._arguments, self._settings, where, self._tokenizer.name, self._secrets
        )

    def _replayed(self) -> Memory:
        """The last run of the journal that is this one, wherever its answers came from. Raises JournalFault."""
        assert self._journal_path is not None
        self._journal = journal = Journal.read(self._journal_path)
        self._finished = True  # it is only read
        runs = journal.runs()
        if not runs:
            raise JournalFault(f"The journal {journal.path.name} holds no run.", "name the journal of a run")
        same = [run for run in runs if not differences(run.identity, self._identity(run.identity["backend"][""]))]
        if not same:
            raise _of_another(journal, differences(runs[-1].identity, self._identity(runs[-1].identity["backend"][""])))
        run = max(same, key=lambda run: (run.state == "done", run.id))
        journal.replay(run.id)
        where = run.identity["backend"][""]
        self._measured = not where.startswith("sim ")
        self._notice(f"run {run.id} of {journal.path.name} is replayed: {run.calls + run.tool_calls:,} finished calls")
        return Memory(journal, None, True, False, self._program.models, where, replayed=True)

    def _take_up(self, journal: Journal) -> bool:
        """Begins a run in the journal, or goes on with the last one of the same identity. Raises JournalFault."""
        mine = self._identity(self._where)
        runs = journal.runs() if self._resume else []
        same = [run for run in runs if not differences(run.identity, mine)]
        if same:
            count, lost, spent = journal.resume(same[-1].id)
            self._ledger = Ledger(self._budget, spent)
            doubt = f"; {lost:,} that were in flight may have been paid, and count as if" if lost else ""
            self._notice(f"run {same[-1].id} of {journal.path.name} goes on: {count:,} finished calls{doubt}")
            return True
        if runs:
            raise _of_another(journal, differences(runs[-1].identity, mine))
        journal.begin(self._program.name, self._entry, mine)
        if self._resume:
            self._notice(f"{journal.path.name} holds no run yet: this one begins anew")
        return False

    def _notice(self, message: str) -> None:
        if self._on_event is not None:
            self._on_event(Event("notice", message=message))

    def _ended(self, outcome: Outcome) -> Outcome:
        """Notes in the journal how the run has ended."""
        if self._journal is None or self._replays:
            return outcome
        kind = None if outcome.error is None else outcome.error.kind
        state = "done" if kind is None else "budget" if kind == "budget" else "failed"
        try:
            if self._memory is not None:
                self._memory.flush()
            self._journal.finish(state, None if outcome.usage is None else outcome.usage.to_json())
            self._finished = True
        except JournalFault as fault:
            if kind is None:  # the result is there, and so is every call but perhaps the last frames
                self._notice(fault.message)
        return outcome

    def _close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            if not self._finished:
                with suppress(JournalFault):  # the journal holds what it holds; a run that is resumed reads that
                    noted = self._memory is not None and self._memory.notes_flight
                    journal.interrupt(self._ledger.aside if noted else NOTHING)
            journal.close()
        cache, self._cache = self._cache, None
        if cache is not None:
            cache.close()

    def _begin(self, machine: Machine, values: tuple[Any, ...]) -> None:
        compiled = self._compiled
        assert compiled is not None
        machine.start(lambda: compiled.entry(ROOT, *values) if compiled.suspends else compiled.entry(*values))

    def _tool_caller(self) -> ToolCaller:
        builtins = Builtins(self._tokenizer)
        return ToolCaller(self._tools, self._tokenizer, lambda: Fitting(builtins), self._secrets)

    def _backends(self) -> dict[str, Backend]:
        """The backend of every model that the program can reach. Raises BackendError."""
        assert self._compiled is not None
        given = self._backend
        found: dict[str, Backend] = {}
        for alias in self._compiled.models:
            found[alias] = given(self._program.models[alias]) if callable(given) else given
        return found

    def _choose(self, choice: Choice, place: int, args: tuple[Any, ...], values: Mapping[str, Any]) -> int:
        node = choice.node
        if self._chooser is None:
            message = f"'choose least {node.metric}' needs a report of the program's cost, and this run was given none"
            raise Fault("choose", message, node.span)
        try:
            decision = self._chooser(self._program, choice.function, node, choice.measure(args), values)
        except LookupError as e:
            raise Fault("choose", str(e.args[0]) if e.args else "no alternative can be taken", node.span) from None
        if self._on_event is not None:
            assert self._gateway is not None
            details = {
                "function": choice.function.origin,
                "least": node.metric,
                "bounds": {name: _plain(bound) for name, bound in decision.bounds.items()},
                "skipped": dict(decision.skipped),
            }
            name, now = node.alternatives[decision.index][0], self._gateway.port.now()
            self._on_event(Event("chosen", name, place, now, details=details))
        return decision.index

    # ------------------------------------------------------------ outcomes

    def _outcome(self, machine: Machine, seconds: float, measured: bool) -> Outcome:
        assert self._gateway is not None
        root = machine.root
        rounds, latency = (root.rounds, root.latency) if root is not None else (0, 0.0)
        usage = self._gateway.meter.usage(rounds, latency, seconds, measured, self._ledger.paid.dollars)
        if machine.fault is not None:
            return Outcome(None, usage, self._sizes, self._told(machine.fault))
        result_type = self._program.functions[self._program.entries[self._entry]].result_type
        try:
            return Outcome(to_json(result_type, machine.value), usage, self._sizes, None)
        except OverflowError:
            return Outcome(None, usage, self._sizes, RunError("value", "the result holds a number too large", None))

    def _failed(self, fault: Fault) -> Outcome:
        return Outcome(None, None, self._sizes, self._told(fault))

    def _told(self, fault: Fault) -> RunError:
        """A fault as people read it: an oracle's exception, or a bug's, may quote anything."""
        return RunError(fault.kind, self._secrets.scrub(fault.message), fault.span, fault.path)


def _of_another(journal: Journal, found: list[str]) -> JournalFault:
    more = f", and {len(found) - 6} more" if len(found) > 6 else ""
    return JournalFault(
        f"The journal {journal.path.name} is of another run. What differs: {', '.join(found[:6])}{more}.",
        "go on with what it was begun with, or leave --resume out to begin a new run in it",
        "differs",
    )


def _plain(figure: int | float | Fraction) -> int | float | str:
    """As JSON has it; unbounded is "oo"."""
    if isinstance(figure, float) and math.isinf(figure):
        return "oo"
    return float(figure) if isinstance(figure, Fraction) else figure


def _tokenizer(given: Tokenizer | str | None) -> Tokenizer:
    if given is None:
        return tokenizer()
    return tokenizer(given) if isinstance(given, str) else given


def _in_thread(work: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    """For a loop that is running already (a notebook's): the run gets a thread and a loop of its own.

    An interrupt reaches the caller's thread alone, so it is handed on: nothing more is sent and paid.
    """
    outcome: list[Outcome] = []
    failure: list[BaseException] = []
    cancel: list[Callable[[], object]] = []
    ended = threading.Event()  # a `join` that was interrupted takes its thread for ended

    async def whole() -> Outcome:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        cancel.append(lambda: loop.call_soon_threadsafe(task.cancel))
        return await work()

    def run() -> None:
        try:
            outcome.append(asyncio.run(whole()))
        except BaseException as e:
            failure.append(e)
        ended.set()

    threading.Thread(target=run, name="orch run", daemon=True).start()
    try:
        ended.wait()
    except BaseException:
        with suppress(RuntimeError):  # it has just ended
            for act in cancel:
                act()
        ended.wait(_FAREWELL)
        raise
    if failure:
        raise failure[0]
    return outcome[0]


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Python's cycle collector walks all strands again and again, and a run makes no cycles to speak of."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
