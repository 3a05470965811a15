"""The one way from a strand to a model or tool and back: every call of a run passes here, step by step.

    ask -> admit -> (queue) -> send -> answered | missed -> settle -> deliver

In: `Ask`s from the machine. Out: answers to the machine, figures to the meter, events to whoever watches. A port does
the sending (`scheduler`, `live`): into virtual time or over the network. Steps are methods so that what must happen
before a call is sent (a budget, an answer that is already known) goes into `_admit`, and what must happen before an
answer is used (writing it down) into `_settle`, and nothing else moves.

A queue holds calls when as many are in flight as may be. An answer that does not fit is asked for again, up to the
primitive's `attempts`; a call that has failed for good is delivered as FAILED where it has an `else`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol

from ..compiler import core
from .events import Event, Watcher
from .fit import least_tokens
from .machine import FAILED, SUSPENDED, Ask, Fault, Machine, Strand, Voted
from .meter import SCALE, Meter, Rates
from .values import plain

__all__ = ["Answer", "Gateway", "Miss", "Port"]


@dataclass(slots=True)
class Answer:
    """An answer that fits. `tokens`: what it counts; `latency`: measured seconds, or None to take the formula's."""

    value: Any
    tokens: int
    cut: int = 0
    padded: int = 0
    latency: float | None = None
    billed_prompt: int | None = None
    billed_answer: int | None = None
    billed: bool = False


@dataclass(slots=True)
class Miss:
    """An attempt without an answer that fits. `tokens` were spent on what came instead, None if nothing came."""

    reason: str
    tokens: int | None = None
    retryable: bool = True
    wait: float = 0.0
    complaint: str = ""
    complaint_tokens: int = 0


class Port(Protocol):
    """Where calls go. Ends every `send` with `Gateway.answered` or `missed`, unless it was cancelled."""

    def now(self) -> float: ...

    def send(self, ask: Ask, seconds: Callable[[int, int], float | None]) -> None:
        """`seconds` tells how long a call of so many tokens takes, None if that is unknown."""
        ...

    def cancel(self, ask: Ask) -> None: ...

    def later(self, seconds: float, ask: Ask) -> None:
        """Calls `Gateway.again` after a wait."""
        ...


_NO_ERROR: Final = 0.0


class Gateway:
    """See the module. `limit`: calls of models in flight at once, None for no limit."""

    def __init__(
        self,
        program: core.Program,
        settings: Mapping[str, int | float | Fraction],
        limit: int | None,
        on_event: Watcher | None,
    ) -> None:
        self.meter = Meter(settings)
        self._program, self._settings = program, settings
        self._limit = limit if limit is not None else 1 << 60
        self._on_event = on_event
        self._queue: deque[Ask] = deque()
        self._rates: dict[str, Rates] = {}
        self._seconds: dict[str, Callable[[int, int], float | None]] = {}
        self.port: Port
        self.machine: Machine

    # ------------------------------------------------------------ from the machine

    def ask(self, strand: Strand, ask: Ask) -> Any:
        """Takes a call. The answer comes by `Machine.wake`."""
        ask.strand = strand
        self._admit(ask)
        return SUSPENDED

    def has_room(self) -> bool:
        return self.meter.in_flight < self._limit

    def cancel(self, ask: Ask) -> None:
        """Gives a call up, wherever it is. One that was in flight is counted as a failed one: it may be billed."""
        ask.cancelled = True
        if ask.in_flight:
            self._leave(ask)
            seconds = self._count_failure(ask)
            if self._on_event is not None:
                self._tell("cancelled", ask, self._least(ask), seconds)
            self.port.cancel(ask)

    def voted(self, how: Callable[[], Voted]) -> None:
        """Tells how a vote ended."""
        if self._on_event is not None:
            vote = how()
            details = {
                "function": vote.function,
                "lead": vote.lead,
                "most": vote.most,
                "samples": vote.samples,
                "votes": [{"answer": plain(answer), "votes": n} for answer, n in vote.votes],
                "discarded": vote.discarded,
                "winner": plain(vote.winner),
            }
            self._on_event(Event("voted", place=vote.place, time=self.port.now(), details=details))

    # ------------------------------------------------------------ on the way out

    def _admit(self, ask: Ask) -> None:
        contract = ask.site.contract
        ask.prompt = contract.prompt_tokens(ask.args)
        ask.bounds = contract.bounds(ask.args)
        if contract.is_tool or (self.meter.in_flight < self._limit and not self._queue):
            self._send(ask)
        else:
            self._queue.append(ask)

    def _send(self, ask: Ask) -> None:
        contract = ask.site.contract
        ask.in_flight = True
        if contract.is_tool:
            args = ask.args
            if self._on_event is not None:
                self._tell("sent", ask, 0)
            self.port.send(ask, lambda prompt, answer: contract.latency(args))
            return
        self.meter.sent()
        name = contract.name
        seconds = self._seconds.get(name)
        if seconds is None:
            rates = self.rates(name, contract.model)
            seconds = self._seconds[name] = lambda prompt, answer: rates.costs(prompt, answer, _NO_ERROR)[1]
        if self._on_event is not None:
            self._tell("sent", ask, 0)
        self.port.send(ask, seconds)

    def again(self, ask: Ask) -> None:
        """The wait before another attempt is over."""
        if not ask.cancelled:
            if self.meter.in_flight < self._limit or ask.site.contract.is_tool:
                self._send(ask)
            else:
                self._queue.appendleft(ask)

    def refill(self) -> None:
        """Sends calls from the queue as long as there is room."""
        queue = self._queue
        while queue and self.meter.in_flight < self._limit:
            ask = queue.popleft()
            if not ask.cancelled:
                self._send(ask)

    def _leave(self, ask: Ask) -> None:
        ask.in_flight = False
        if not ask.site.contract.is_tool:
            self.meter.in_flight -= 1

    def rates(self, name: str, model: str) -> Rates:
        """What calls of this primitive cost."""
        found = self._rates.get(name)
        if found is None:
            found = self._rates[name] = Rates(self._program.models.get(model), self._settings)
        return found

    # ------------------------------------------------------------ on the way back

    def answered(self, ask: Ask, answer: Answer) -> None:
        """An answer that fits has come."""
        if ask.cancelled:
            return
        self._leave(ask)
        self._settle(ask, answer)
        if self._queue:
            self.refill()

    def _settle(self, ask: Ask, answer: Answer) -> None:
        contract, strand, meter = ask.site.contract, ask.strand, self.meter
        assert strand is not None
        if contract.is_tool:
            seconds = contract.latency(ask.args)
            meter.tool(contract.name, contract.dollars(ask.args))
        else:
            error = contract.error(ask.args)
            rates = self.rates(contract.name, contract.model)
            seconds = meter.call(contract.name, rates, ask.prompt, answer.tokens, error)
            strand.rounds += 1
        if answer.cut:
            meter.cut += answer.cut
        if answer.padded:
            meter.padded += answer.padded
        if answer.billed:
            meter.billed(answer.billed_prompt, answer.billed_answer, ask.prompt + answer.tokens)
        if answer.latency is not None:
            seconds = answer.latency
        strand.latency += seconds
        if self._on_event is not None:
            self._tell("tool" if contract.is_tool else "answered", ask, answer.tokens, seconds)
        self.machine.wake(strand, answer.value)

    def missed(self, ask: Ask, miss: Miss) -> None:
        """An attempt has brought nothing that fits."""
        if ask.cancelled:
            return
        self._leave(ask)
        contract = ask.site.contract
        ask.attempt += 1
        if miss.retryable and ask.attempt < contract.attempts:
            spent = (0, 0) if miss.tokens is None else (ask.prompt + miss.complaint_tokens, miss.tokens)
            self.meter.retry(contract.name, self.rates(contract.name, contract.model), *spent)
            ask.complaint = miss.complaint
            if self._on_event is not None:
                self._tell("retried", ask, miss.tokens or 0, message=miss.reason)
            if miss.wait > 0:
                self.port.later(miss.wait, ask)
                self.refill()
            else:
                self.again(ask)
            return
        self._give_up(ask, miss)
        if self._queue:
            self.refill()

    def broke(self, ask: Ask, fault: Fault) -> None:
        """Something else than the model is at fault (an oracle, a tool that may not run): the run cannot go on."""
        if not ask.cancelled:
            assert ask.strand is not None
            self._leave(ask)
            self.machine.refuse(ask.strand, fault)

    def _give_up(self, ask: Ask, miss: Miss) -> None:
        contract, strand = ask.site.contract, ask.strand
        assert strand is not None
        seconds = self._count_failure(ask)
        if not contract.is_tool:
            strand.rounds += 1
        if self._on_event is not None:
            self._tell("failed", ask, self._least(ask), seconds, miss.reason)
        if ask.site.has_fallback:
            self.machine.wake(strand, FAILED)
            return
        tries = "" if ask.attempt < 2 else f" after {ask.attempt} attempts"
        kind, what = ("tool", "the tool") if contract.is_tool else ("call", "the call of")
        message = f"{what} '{contract.name}' failed{tries}: {miss.reason}"
        self.machine.refuse(strand, Fault(kind, message, ask.site.span))

    def _least(self, ask: Ask) -> int:
        """Tokens of the smallest answer."""
        contract = ask.site.contract
        return 0 if contract.is_tool else least_tokens(contract.shape, ask.bounds)

    def _count_failure(self, ask: Ask) -> float:
        """A failed call counts once, with its prompt and the smallest answer (LANGUAGE.md, section 8). Its seconds."""
        contract, strand = ask.site.contract, ask.strand
        assert strand is not None
        if contract.is_tool:
            self.meter.tool(contract.name, contract.dollars(ask.args))
            seconds = contract.latency(ask.args)
        else:
            rates = self.rates(contract.name, contract.model)
            error = contract.error(ask.args)
            seconds = self.meter.call(contract.name, rates, ask.prompt, self._least(ask), error)
        strand.latency += seconds
        return seconds

    def _tell(self, kind: str, ask: Ask, answer: int, seconds: float | None = None, message: str = "") -> None:
        """`answer`: tokens that came back in this attempt."""
        assert self._on_event is not None
        contract, dollars, attempt = ask.site.contract, None, ask.attempt
        if contract.is_tool:
            dollars = contract.dollars(ask.args)
        elif kind != "sent":
            spent = self.rates(contract.name, contract.model).dollars(ask.prompt, answer)
            dollars = None if spent is None else spent / SCALE
            if kind in ("retried", "failed"):
                attempt -= 1  # the one that has ended
        self._on_event(
            Event(
                kind, contract.name, ask.place, self.port.now(), contract.model, ask.prompt, answer, attempt, dollars,
                seconds, False, message,
            )
        )  # fmt: skip
