"""Drives a machine: in virtual time for a simulation, in an asyncio loop for models that take their time.

In: a machine that has been started, and a gateway. Out: the machine, done. In virtual time nothing waits: calls that
are under way stand in a heap by the time when they will end, and the clock jumps from one to the next (discrete event
simulation). Calls that end at the same time end in the order in which they were sent.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final, Protocol

from .convert import Unfit, from_json, to_plain
from .fit import Fitting, Misfit
from .gateway import Answer, Gateway, Miss
from .machine import Ask, Fault, Machine
from .redaction import Secrets
from .tokens import Tokenizer
from .tools import Threads, ToolError, Tools

__all__ = ["ToolCaller", "VirtualPort", "run_virtual", "run_virtual_async"]

#: Seconds that a call takes in virtual time if the speed of its model is unknown.
UNKNOWN_SPEED: Final = 1.0

Outcome = Answer | Miss | Fault


class Answerer(Protocol):
    """What answers in virtual time: a simulation, or nobody in a replay."""

    def answer(self, ask: Ask) -> Answer | Miss:
        """Raises Fault."""
        ...


class VirtualPort:
    """Simulated calls. What they bring is known at once and delivered when its time comes."""

    def __init__(self, simulation: Answerer, tools: ToolCaller, gateway: Gateway) -> None:
        self._simulation, self._tools, self._gateway = simulation, tools, gateway
        self._time = 0.0
        self._heap: list[tuple[float, int, Ask | None, Outcome | Callable[[], None]]] = []
        self._count = 0
        self._flush: Callable[[], None] | None = None

    def write_with(self, flush: Callable[[], None]) -> None:
        """`flush` is called after all that ends at one instant, before anything goes on."""
        self._flush = flush

    def now(self) -> float:
        return self._time

    def send(self, ask: Ask, seconds: Callable[[int, int], float | None]) -> None:
        outcome: Outcome
        try:
            if ask.site.contract.is_tool and self._tools.runs(ask):
                outcome = self._tools.call(ask)
            else:
                outcome = self._simulation.answer(ask)
        except Fault as fault:
            outcome = fault
        tokens = 0 if isinstance(outcome, Fault) else outcome.tokens or 0
        takes = seconds(ask.prompt, tokens)
        self._push(UNKNOWN_SPEED if takes is None else takes, ask, outcome)

    def cancel(self, ask: Ask) -> None:
        """Nothing to do: a cancelled call is passed over when its time comes."""

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self._push(seconds, None, act)

    def cap(self, ask: Ask) -> int:
        return 0

    def _push(self, seconds: float, ask: Ask | None, outcome: Outcome | Callable[[], None]) -> None:
        self._count += 1
        heappush(self._heap, (self._time + seconds, self._count, ask, outcome))

    def step(self) -> bool:
        """The next call that ends, ends; with all that end at the same time, if they are written down. False if none.

        What a strand does next takes time, so that nothing can come between calls that end at the same time.
        """
        heap = self._heap
        if not heap:
            return False
        self._end()
        if self._flush is not None:
            while heap and heap[0][0] <= self._time:
                self._end()
            self._flush()
        return True

    def _end(self) -> None:
        ends, _, ask, outcome = heappop(self._heap)
        if ask is None:
            self._time = ends
            assert callable(outcome)
            outcome()
            return
        if ask.cancelled:
            return
        self._time = ends
        gateway = self._gateway
        if isinstance(outcome, Answer):
            gateway.answered(ask, outcome)
        elif isinstance(outcome, Miss):
            gateway.missed(ask, outcome)
        elif isinstance(outcome, Fault):
            gateway.broke(ask, outcome)


def run_virtual(machine: Machine, port: VirtualPort) -> None:
    """Until the machine is done."""
    pump, step = machine.pump, port.step
    while True:
        pump()
        if machine.done:
            return
        if not step():
            raise AssertionError("the machine waits for a call that nobody has sent")


#: Seconds that a simulation may keep an event loop waiting.
_SLICE: Final = 0.05


async def run_virtual_async(machine: Machine, port: VirtualPort) -> None:
    """The same within an event loop, which gets its turn several times a second."""
    until = time.monotonic() + _SLICE
    while not machine.done:
        machine.pump(1000)
        if machine.done:
            return
        if machine.idle and not port.step():
            raise AssertionError("the machine waits for a call that nobody has sent")
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + _SLICE


class ToolCaller:
    """Calls tools in Python and reads what they give. `secrets` are kept out of their results and exceptions."""

    def __init__(
        self, tools: Tools, tokenizer: Tokenizer, fitting: Callable[[], Fitting], secrets: Secrets
    ) -> None:
        self._tools, self._tokenizer, self._fitting, self._secrets = tools, tokenizer, fitting, secrets
        self._threads = Threads()

    def runs(self, ask: Ask) -> bool:
        """Whether this tool is called, not simulated."""
        return self._tools.runs(ask.site.contract.name)

    def call(self, ask: Ask) -> Answer | Miss:
        """Calls a tool and waits for it, also for an async one."""
        try:
            function = self._tools.find(ask.site.contract.name, ask.site.contract.python)
            found = function(*self.arguments(ask))
            if inspect.isawaitable(found):
                found = _wait_for(found)
        except (Exception, SystemExit) as e:  # a user's function may raise anything, or leave
            return self.failure(e)
        return self.read(ask, found)

    async def call_async(self, ask: Ask) -> Answer | Miss:
        """Calls a tool in a thread, or in this loop if it is async."""
        try:
            function = self._tools.find(ask.site.contract.name, ask.site.contract.python)
            arguments = self.arguments(ask)
            if inspect.iscoroutinefunction(function):
                found = await function(*arguments)
            else:
                found = await self._threads.run(function, *arguments)
                if inspect.isawaitable(found):
                    found = await found
        except (Exception, SystemExit) as e:  # a user's function may raise anything, or leave
            return self.failure(e)
        return self.read(ask, found)

    def close(self) -> None:
        """Ends the threads that are free; what others still do is dropped."""
        self._threads.close()

    def arguments(self, ask: Ask) -> list[Any]:
        contract = ask.site.contract
        return [to_plain(p.type, value) for p, value in zip(contract.params, ask.args, strict=True)]

    def failure(self, e: BaseException) -> Miss:
        text = self._secrets.scrub(str(e))[:300]
        if isinstance(e, ToolError):
            return Miss(text, retryable=False)
        return Miss(f"{type(e).__name__}: {text}" if text else type(e).__name__, retryable=False)

    def read(self, ask: Ask, found: Any) -> Answer | Miss:
        """What a tool gave, as a value within its bounds."""
        contract = ask.site.contract
        fitting = self._fitting()
        try:
            plain = self._secrets.scrub_plain(found)
            value = fitting.fit(contract.shape, from_json(contract.type, plain, self._tokenizer), ask.bounds)
        except (Unfit, Misfit) as e:
            return Miss(f"its result does not fit: {e}", retryable=False)
        except RecursionError:
            return Miss("its result does not fit: it is nested too deeply", retryable=False)
        return Answer(value, 0, fitting.cut, fitting.padded)


def _wait_for(awaitable: Any) -> Any:
    """The result of an awaitable, from code that is not async and perhaps within a running loop."""
    outcome: list[Any] = []
    failure: list[BaseException] = []

    async def wait() -> Any:
        return await awaitable

    def work() -> None:
        try:
            outcome.append(asyncio.run(wait()))
        except BaseException as e:
            failure.append(e)

    thread = threading.Thread(target=work, name="orch tool", daemon=True)  # Ctrl-C does not wait for it
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
