"""Calls of real models: requests out of prompts, answers out of responses, in an asyncio loop.

In: calls from the gateway. Out: answers that fit, or misses with the reason and, where asking again may help, what to
tell the model. One task a call in flight, none for a call that waits. Who may be asked when is the gateway's business.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from ..compiler import core
from . import answers
from .backends.base import Backend, BackendError, Request, Response, backoff
from .builtins import Builtins
from .contract import Bounds, Contract
from .convert import Unfit, counter, from_json
from .fit import Fitting, Misfit, numeric_shape
from .gateway import UNBOUNDED, Answer, Gateway, Miss
from .machine import Ask, Fault, Machine
from .redaction import Secrets
from .scheduler import ToolCaller
from .tokens import Tokenizer

__all__ = ["LivePort", "run_live"]

#: Kinds of errors by which a provider asks to slow down (529 is Anthropic's), and those that leave it open whether the
#: call will be billed.
_SLOW_DOWN: Final = frozenset({"status 429", "status 529"})
_LOST: Final = frozenset({"timeout", "connection"})

#: Shapes of answers that are kept, with their schemas.
_SHAPES: Final = 1000

#: Strands that are run before the loop gets its turn.
_BURST: Final = 500


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An answer's shape in numbers, and what is sent to ask for it."""

    shape: answers.Shape
    schema: dict[str, Any] | None
    cap: int | None


class LivePort:
    """`backends` maps aliases of models to their backends, open already. `seed` is passed on to those that take one."""

    def __init__(
        self,
        models: Mapping[str, core.Model],
        backends: Mapping[str, Backend],
        tools: ToolCaller,
        gateway: Gateway,
        tokenizer: Tokenizer,
        seed: int | None,
        secrets: Secrets,
    ) -> None:
        self._models, self._backends, self._tools, self._secrets = models, backends, tools, secrets
        self._gateway, self._tokenizer, self._seed = gateway, tokenizer, seed
        self._builtins = Builtins(tokenizer)
        self._counters: dict[str, Callable[[Any], int]] = {}
        self._shapes: dict[tuple[str, Bounds], _Wanted] = {}
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._jitter = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self.news = asyncio.Event()

    def now(self) -> float:
        return self._loop.time() - self._began

    def send(self, ask: Ask, seconds: Callable[[int, int], float | None]) -> None:
        ask.started = self._loop.time()
        ask.handle = task = self._loop.create_task(self._run(ask))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self, ask: Ask) -> None:
        if ask.handle is not None:
            ask.handle.cancel()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            act()
            self.news.set()

        timer = self._loop.call_later(seconds, fire)
        self._timers.add(timer)

    def cap(self, ask: Ask) -> int:
        return self._room(ask, self._wanted(ask))

    def _room(self, ask: Ask, wanted: _Wanted) -> int:
        """Tokens that an answer may have on the wire, hidden ones included."""
        alias = ask.site.contract.model
        most = max(1, self._most(ask, wanted) + (self._models[alias].reasoning or 0))
        return self._backends[alias].room(most, wanted.schema is not None)

    async def close(self) -> None:
        """Ends what is still under way."""
        for timer in list(self._timers):
            timer.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tools.close()

    # ------------------------------------------------------------ one attempt

    async def _run(self, ask: Ask) -> None:
        gateway, contract = self._gateway, ask.site.contract
        try:
            outcome = await (self._tool(ask) if contract.is_tool else self._model(ask))
        except asyncio.CancelledError:
            raise
        except Exception as e:  # a bug in a backend must end the run, not hang it
            gateway.broke(ask, Fault("internal", f"{type(e).__name__}: {e}", ask.site.span))
        else:
            if isinstance(outcome, Answer):
                gateway.answered(ask, outcome)
            elif isinstance(outcome, Miss):
                gateway.missed(ask, outcome)
            else:
                gateway.broke(ask, outcome)
        self.news.set()

    async def _tool(self, ask: Ask) -> Answer | Miss | Fault:
        if not self._tools.runs(ask):
            name = ask.site.contract.name
            return Fault("tool", f"the tool '{name}' may not run: allow tools with --allow-tools", ask.site.span)
        outcome = await self._tools.call_async(ask)
        if isinstance(outcome, Answer):
            outcome.latency = self._loop.time() - ask.started
        return outcome

    async def _model(self, ask: Ask) -> Answer | Miss:
        contract = ask.site.contract
        wanted = self._wanted(ask)
        try:
            response = await self._backends[contract.model].complete(self._request(ask, wanted))
        except BackendError as error:
            reason = self._secrets.scrub(error.message)
            if error.retryable and error.kind in _SLOW_DOWN:
                return Miss(reason, wait=error.retry_after, refused=True)
            wait = backoff(ask.attempt, error.retry_after, self._jitter) if error.retryable else 0.0
            return Miss(reason, None, error.retryable, wait, lost=error.kind in _LOST)
        return self._read(ask, wanted, response)

    def _wanted(self, ask: Ask) -> _Wanted:
        contract = ask.site.contract
        key = (contract.name, ask.bounds)
        found = self._shapes.get(key)
        if found is None:
            shape = numeric_shape(contract.shape, ask.bounds)
            found = _Wanted(shape, answers.schema(shape), answers.cap(shape))
            if len(self._shapes) < _SHAPES:
                self._shapes[key] = found
        return found

    def _most(self, ask: Ask, wanted: _Wanted) -> int:
        """Tokens that an answer may have on the wire, hidden ones apart."""
        most = ask.site.contract.most_output(ask.args)
        if most is None:
            most = wanted.cap
        return UNBOUNDED if most is None else most

    def _request(self, ask: Ask, wanted: _Wanted) -> Request:
        contract = ask.site.contract
        model = self._models[contract.model]
        system, prompt = contract.render(ask.args)
        temperature = contract.temperature if contract.temperature is not None else model.temperature
        seed = None
        if self._seed is not None:
            seed = (ask.place ^ (self._seed * 0x9E3779B1 + ask.attempt * 0x85EBCA77)) & 0x7FFFFFFF
        return Request(
            model=model.target,
            system=system,
            prompt=prompt,
            max_tokens=max(1, self._most(ask, wanted) + (model.reasoning or 0)),
            temperature=None if temperature is None else float(Fraction(temperature)),
            schema=wanted.schema,
            seed=seed,
            site=contract.name,
            attempt=ask.attempt,
            complaint=ask.complaint,
        )

    def _read(self, ask: Ask, wanted: _Wanted, response: Response) -> Answer | Miss:
        contract, shape = ask.site.contract, wanted.shape
        text = self._secrets.scrub(response.text)
        parsed = answers.parse(shape, text)
        if "\\" in text:  # a key may have been written with JSON's escapes
            if isinstance(parsed, answers.Malformed):
                parsed = answers.Malformed(self._secrets.scrub(parsed.reason), self._secrets.scrub(parsed.path))
            else:
                parsed = self._secrets.scrub_plain(parsed)
        fault = parsed if isinstance(parsed, answers.Malformed) else None
        fitting = Fitting(self._builtins)
        if fault is None:
            try:
                value = fitting.fit(contract.shape, from_json(contract.type, parsed, self._tokenizer), ask.bounds)
            except (Unfit, Misfit) as e:
                fault = answers.Malformed(str(e))
        if fault is not None:
            spent = self._tokenizer.count(response.text)
            if response.completion_tokens is not None:  # a figure beyond what was sent and allowed is a wrong one
                spent = min(response.completion_tokens, max(spent, self._room(ask, wanted)))
            complaint = answers.complaint(fault, self._tokenizer)
            return Miss(
                f"its answer does not fit: {fault}",
                spent,
                complaint=complaint,
                complaint_tokens=self._tokenizer.count(complaint),
            )
        tokens = self._count(contract, value)
        hidden = self._models[contract.model].reasoning
        if hidden and response.completion_tokens is not None:
            tokens += max(0, min(hidden, response.completion_tokens - tokens))
        return Answer(
            value,
            tokens,
            fitting.cut,
            fitting.padded,
            self._loop.time() - ask.started,
            response.prompt_tokens,
            response.completion_tokens,
            True,
        )

    def _count(self, contract: Contract, value: Any) -> int:
        count = self._counters.get(contract.name)
        if count is None:
            count = self._counters[contract.name] = counter(contract.type, self._tokenizer)
        return count(value)


async def run_live(machine: Machine, port: LivePort) -> None:
    """Until the machine is done. On leaving nothing is under way, also when this is cancelled."""
    news = port.news
    try:
        while True:
            news.clear()
            machine.pump(_BURST)
            if machine.done:
                return
            if machine.idle:
                await news.wait()
            else:
                await asyncio.sleep(0)
    finally:
        await port.close()
