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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from ..compiler import core
from ..lang.source import Span
from .backends.base import Backend, BackendError
from .backends.sim import Mode, Simulation
from .builtins import Builtins
from .compile import Choice, Compiled, compile_program
from .convert import Unfit, from_json, to_json
from .events import Event, Watcher
from .fit import Fitting
from .gateway import Gateway
from .machine import Fault, Frame, Machine
from .meter import Usage
from .places import ROOT
from .scheduler import ToolCaller, VirtualPort, run_virtual, run_virtual_async
from .tokens import Tokenizer, tokenizer
from .tools import Tools

__all__ = ["Chooser", "Decision", "Outcome", "RunError", "Sim", "aexecute", "execute"]


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


@dataclass(frozen=True, slots=True)
class Sim:
    """The simulated backend. `oracle` maps names of primitives to functions that compute the right answer."""

    mode: Mode = "random"
    oracle: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


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
    backend: Sim | Backend | Callable[[core.Model], Backend] | None = None,
    **options: Any,
) -> Outcome:
    """Runs an entry to its end; see `aexecute` for the options. May be called within a running event loop."""
    if backend is None or isinstance(backend, Sim):
        return _Run(program, entry, arguments, backend or Sim(), **options).simulate()
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(aexecute(program, entry, arguments, backend, **options))
    return _in_thread(lambda: asyncio.run(aexecute(program, entry, arguments, backend, **options)))


async def aexecute(
    program: core.Program,
    entry: str,
    arguments: Mapping[str, Any],
    backend: Sim | Backend | Callable[[core.Model], Backend] | None = None,
    **options: Any,
) -> Outcome:
    """Runs an entry to its end within a running event loop.

    `backend`: `Sim`, a backend for all models (not yet open), or a function that gives the backend of a model (equal
    models of equal providers may share one). Options, all by name:

    | option | means |
    |---|---|
    | concurrency | calls in flight at once; None: no limit in a simulation, else what the backends can take |
    | seed | of the simulation, or passed on to the models |
    | settings | values of tunables, and of free symbols in probabilities and sizes |
    | tokenizer | a `Tokenizer`, or its name |
    | on_event | called with every `events.Event` |
    | allow_tools, tools, folder | whether tools run; functions by name; where their modules lie |
    | choose | see `Chooser` |
    """
    run = _Run(program, entry, arguments, backend or Sim(), **options)
    if isinstance(backend, Sim) or backend is None:
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
    ) -> None:
        self._program, self._entry, self._arguments, self._backend = program, entry, arguments, backend
        self._concurrency, self._seed, self._on_event, self._chooser = concurrency, seed, on_event, choose
        self._settings: dict[str, int | float | Fraction] = {t.name: t.default for t in program.tunables.values()}
        self._settings.update(settings or {})
        self._tokenizer = _tokenizer(tokenizer)
        self._tools = Tools(tools or {}, folder, allow_tools)
        self._sizes: Mapping[str, tuple[int, int]] = {}
        self._gateway: Gateway | None = None
        self._machine: Machine | None = None
        self._compiled: Compiled | None = None

    # ------------------------------------------------------------ three ways to run

    def simulate(self) -> Outcome:
        try:
            machine, port = self._start_simulation()
        except Fault as fault:
            return self._failed(fault)
        with _rare_collections():
            run_virtual(machine, port)
        return self._outcome(machine, port.now(), False)

    async def simulate_async(self) -> Outcome:
        try:
            machine, port = self._start_simulation()
        except Fault as fault:
            return self._failed(fault)
        await run_virtual_async(machine, port)
        return self._outcome(machine, port.now(), False)

    async def live(self) -> Outcome:
        from .live import LivePort, run_live

        opened: list[Backend] = []
        try:
            values = self._prepare()
            backends = self._backends()
            for backend in dict.fromkeys(backends.values()):
                await backend.open()
                opened.append(backend)
            limits = [b.max_in_flight for b in opened if b.max_in_flight is not None]
            limit = self._concurrency if self._concurrency is not None else min(limits, default=DEFAULT_CONCURRENCY)
            machine, gateway = self._machinery(limit)
            models = self._program.models
            port = LivePort(models, backends, self._tool_caller(), gateway, self._tokenizer, self._seed)
            gateway.port = port
            self._begin(machine, values)
            await run_live(machine, port)
            return self._outcome(machine, port.now(), True)
        except Fault as fault:
            return self._failed(fault)
        except BackendError as error:
            return self._failed(Fault("backend", error.message, None))
        finally:
            for backend in opened:
                await backend.close()

    # ------------------------------------------------------------ steps

    def _start_simulation(self) -> tuple[Machine, VirtualPort]:
        values = self._prepare()
        machine, gateway = self._machinery(self._concurrency)
        reasoning = {alias: m.reasoning for alias, m in self._program.models.items() if m.reasoning}
        sim = self._backend
        simulation = Simulation(sim.mode, self._seed or 0, self._tokenizer, sim.oracle, reasoning)
        port = VirtualPort(simulation, self._tool_caller(), gateway)
        gateway.port = port
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

    def _machinery(self, limit: int | None) -> tuple[Machine, Gateway]:
        compiled = self._compiled
        assert compiled is not None
        gateway = Gateway(self._program, self._settings, limit, self._on_event)
        machine = Machine(gateway, compiled.filename, compiled.spans, dict(compiled.names))
        gateway.machine = machine
        self._gateway, self._machine = gateway, machine
        return machine, gateway

    def _begin(self, machine: Machine, values: tuple[Any, ...]) -> None:
        compiled = self._compiled
        assert compiled is not None
        machine.start(lambda: compiled.entry(ROOT, *values) if compiled.suspends else compiled.entry(*values))

    def _tool_caller(self) -> ToolCaller:
        builtins = Builtins(self._tokenizer)
        return ToolCaller(self._tools, self._tokenizer, lambda: Fitting(builtins))

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
        usage = self._gateway.meter.usage(rounds, latency, seconds, measured)
        if machine.fault is not None:
            fault = machine.fault
            return Outcome(None, usage, self._sizes, RunError(fault.kind, fault.message, fault.span, fault.path))
        result_type = self._program.functions[self._program.entries[self._entry]].result_type
        try:
            return Outcome(to_json(result_type, machine.value), usage, self._sizes, None)
        except OverflowError:
            return Outcome(None, usage, self._sizes, RunError("value", "the result holds a number too large", None))

    def _failed(self, fault: Fault) -> Outcome:
        return Outcome(None, None, self._sizes, RunError(fault.kind, fault.message, fault.span, fault.path))


def _plain(figure: int | float | Fraction) -> int | float | str:
    """As JSON has it; unbounded is "oo"."""
    if isinstance(figure, float) and math.isinf(figure):
        return "oo"
    return float(figure) if isinstance(figure, Fraction) else figure


def _tokenizer(given: Tokenizer | str | None) -> Tokenizer:
    if given is None:
        return tokenizer()
    return tokenizer(given) if isinstance(given, str) else given


def _in_thread(work: Callable[[], Outcome]) -> Outcome:
    """For a loop that is running already (a notebook's): the run gets a thread and a loop of its own."""
    outcome: list[Outcome] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as e:
            failure.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
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
