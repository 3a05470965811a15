"""The one way from a strand to a model or tool and back: every call of a run passes here, step by step.

    ask -> recall | admit -> (queue) -> send -> answered | missed -> keep -> settle -> deliver

In: `Ask`s from the machine. Out: answers to the machine, figures to the meter, events to whoever watches. A port does
the sending (`scheduler`, `live`): into virtual time or over the network. What must happen before a call is sent is
asked of others: whether its answer is known (`memory`), whether its model may be asked now (`lanes`), whether what it
can cost is within the budget (`budget`). An answer is used once `memory` has written it down.

Each model has a queue of its own, so that one that is slow or refuses holds up none but its own calls. Where several
have calls waiting, the one with the fewest in flight goes first. An answer that does not fit is asked for again, up to
the primitive's `attempts`; a call that has failed for good is delivered as FAILED where it has an `else`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any, Final, Protocol

from ..compiler import core
from .budget import NOTHING, Cost, Ledger
from .contract import Bounds
from .events import Event, Watcher
from .fit import least_tokens, most_tokens
from .journal import JournalFault, Record
from .lanes import AHEAD, LONGEST_PAUSE, Lane
from .machine import FAILED, SUSPENDED, Ask, Fault, Join, Machine, Strand, Voted
from .memory import Memory
from .meter import SCALE, Meter, Rates
from .values import plain, same_values

__all__ = ["UNBOUNDED", "Answer", "Gateway", "Limits", "Miss", "Port"]

#: Tokens allowed for an answer whose shape has no bound.
UNBOUNDED: Final = 4096

#: A pause of a model that is worth a word, in seconds.
_NOTICED: Final = 5.0


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
    """An attempt without an answer that fits. `tokens` were spent on what came instead, None if nothing came.

    `refused`: the provider asks to slow down, so that this was no attempt; `wait` is then what it asked for, None if
    it named no time. `lost`: nobody knows whether it will be billed.
    """

    reason: str
    tokens: int | None = None
    retryable: bool = True
    wait: float | None = 0.0
    complaint: str = ""
    complaint_tokens: int = 0
    refused: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """`in_flight`: calls of models at once, None for no limit; `of_model`: the same of each model, by alias.

    `slack`: see `lanes.Pace`; `seed`: of the jitter of pauses.
    """

    in_flight: int | None = None
    of_model: Mapping[str, int] | None = None
    slack: float = 0.0
    seed: int | None = None


class Port(Protocol):
    """Where calls go. Ends every `send` with `Gateway.answered` or `missed`, unless it was cancelled."""

    def now(self) -> float: ...

    def send(self, ask: Ask, seconds: Callable[[int, int], float | None]) -> None:
        """`seconds` tells how long a call of so many tokens takes, None if that is unknown."""
        ...

    def cancel(self, ask: Ask) -> None: ...

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Calls `act` after a wait."""
        ...

    def cap(self, ask: Ask) -> int:
        """Tokens that are allowed for the answer on the wire; 0 if it is never more than its size."""
        ...


_NO_ERROR: Final = 0.0
_NO_LIMIT: Final = 1 << 60


class Gateway:
    """See the module. `models`: aliases of those that the program can reach."""

    def __init__(
        self,
        program: core.Program,
        models: tuple[str, ...],
        settings: Mapping[str, int | float | Fraction],
        limits: Limits,
        on_event: Watcher | None,
        ledger: Ledger,
        memory: Memory | None,
    ) -> None:
        self.meter = Meter(settings)
        self.ledger = ledger
        self._program, self._settings = program, settings
        self._limit = limits.in_flight if limits.in_flight is not None else _NO_LIMIT
        self._on_event, self._memory = on_event, memory
        self._lanes: dict[str, Lane] = {}
        self._distinct: list[Lane] = [Lane("", _NO_LIMIT, None, None, 0.0, random.Random(0))]
        self._lanes[""] = self._distinct[0]  # tools
        self._make_lanes(models, limits)
        # with several models, one that has its share of all calls in flight leaves the next to the others
        self._share = max(1, self._limit // max(1, len(self._distinct) - 1)) if len(self._distinct) > 2 else _NO_LIMIT
        self._out = 0  # calls of models and tools that are sent and not settled
        self._order = 0
        self._rates: dict[str, Rates] = {}
        self._seconds: dict[str, Callable[[int, int], float | None]] = {}
        # of each primitive and tool the last arguments, their prompt and bounds: the samples of a vote ask the same
        self._last: dict[str, tuple[tuple[Any, ...], int, Bounds]] = {}
        self._notes = memory if memory is not None and memory.notes_flight else None
        # whether it matters before a call what it can cost at most
        self._careful = (
            ledger.limited or self._notes is not None or any(lane.tokens is not None for lane in self._distinct)
        )
        self.crowded: Lane | None = None
        self.port: Port
        self.machine: Machine

    def _make_lanes(self, models: tuple[str, ...], limits: Limits) -> None:
        """One a model: aliases that are bound to the same one share it, and the strictest of their limits."""
        jitter = random.Random(limits.seed)
        named: dict[str, list[str]] = {}
        for alias in models:
            model = self._program.models.get(alias)
            named.setdefault((model.target if model is not None else "") or alias, []).append(alias)
        for target, aliases in named.items():
            declared = [self._program.models[a] for a in aliases if a in self._program.models]
            rpm = min((m.rpm for m in declared if m.rpm is not None), default=None)
            tpm = min((m.tpm for m in declared if m.tpm is not None), default=None)
            most = min((limits.of_model[a] for a in aliases if a in limits.of_model), default=_NO_LIMIT) \
                if limits.of_model is not None else _NO_LIMIT  # fmt: skip
            lane = Lane(target, most, rpm, tpm, limits.slack, jitter)
            self._distinct.append(lane)
            for alias in aliases:
                self._lanes[alias] = lane

    # ------------------------------------------------------------ from the machine

    def ask(self, strand: Strand, ask: Ask) -> Any:
        """Takes a call. The answer comes by `Machine.wake`."""
        ask.strand = strand
        contract = ask.site.contract
        last = self._last.get(contract.name)
        if last is not None and same_values(last[0], ask.args):
            _, ask.prompt, ask.bounds = last
        else:
            ask.prompt = contract.prompt_tokens(ask.args)
            ask.bounds = contract.bounds(ask.args)
            self._last[contract.name] = ask.args, ask.prompt, ask.bounds
        memory = self._memory
        if memory is not None:
            try:
                record = memory.recall(ask, self._absorbed)
                if record is not None:
                    self._replay(ask, record, memory)
                    return SUSPENDED
            except JournalFault as fault:
                self.machine.refuse(strand, _journal_fault(fault))
                return SUSPENDED
        self._admit(ask)
        return SUSPENDED

    def has_room(self) -> bool:
        return self.meter.in_flight < self._limit

    def cancel(self, ask: Ask) -> None:
        """Gives a call up, wherever it is. One that was in flight is counted as a failed one: it may be billed."""
        ask.cancelled = True
        if ask.in_flight:
            used = ask.aside if self._careful else self._used(ask, self._least(ask))
            self._leave(ask, used)
            seconds = self._count_failure(ask)
            if self._on_event is not None:
                self._tell("cancelled", ask, self._least(ask), seconds)
            self.port.cancel(ask)
            if self._memory is not None and not ask.kept:
                self._memory.keep(self._record("lost", ask, None, "", used=used), None, lambda fault: None)

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

    # ------------------------------------------------------------ forks that would only make calls wait

    def park(self, lane: Lane, fork: Join) -> None:
        """Takes a fork whose next child would only wait in this lane."""
        self._order += 1
        heappush(lane.parked, (-fork.depth, self._order, fork))

    def can_unpark(self) -> bool:
        return any(lane.parked and len(lane.queue) < AHEAD for lane in self._distinct)

    def unpark(self) -> bool:
        """Gives a fork back to the machine: of the model with the fewest calls in flight, the innermost."""
        found = [lane for lane in self._distinct if lane.parked and len(lane.queue) < AHEAD]
        if not found:
            return False
        self.machine.reopen(heappop(min(found, key=lambda lane: lane.in_flight).parked)[2])
        return True

    # ------------------------------------------------------------ on the way out

    def _admit(self, ask: Ask) -> None:
        lane = ask.lane = self._lanes[ask.site.contract.model]
        if not lane.queue and self._offer(lane, ask):
            if lane.in_flight >= self._share:
                self.crowded = lane
            return
        lane.queue.append(ask)
        if len(lane.queue) >= AHEAD:
            self.crowded = lane

    def _offer(self, lane: Lane, ask: Ask) -> bool:
        """Sends a call if everything allows it."""
        if (self.meter.in_flight >= self._limit and not ask.site.contract.is_tool) or not lane.has_room():
            return False
        now = self.port.now()
        aside = self._most(ask) if self._careful else NOTHING
        ready = lane.ready(now, aside.tokens)
        if ready > now + _INSTANT:
            if ready < lane.timer:
                lane.timer = ready
                self.port.later(ready - now, lambda: self._look_again(lane))
            return False
        if self._careful:
            if not self.ledger.reserve(aside):
                if not self._out:
                    self._stop(ask, aside)
                return False
            ask.aside = aside
            if self._notes is not None:
                try:
                    self._notes.set_aside(self.ledger.aside)
                except JournalFault as fault:
                    self.machine.refuse(_strand(ask), _journal_fault(fault))
                    return False
        self._send(lane, ask, now)
        return True

    def _look_again(self, lane: Lane) -> None:
        lane.timer = _FAR
        self.refill()

    def _send(self, lane: Lane, ask: Ask, now: float) -> None:
        contract = ask.site.contract
        ask.in_flight = True
        ask.sent = now
        self._out += 1
        ask.noted = lane.sent(now, ask.aside.tokens)
        if contract.is_tool:
            args = ask.args
            if self._on_event is not None:
                self._tell("sent", ask, 0)
            self.port.send(ask, lambda prompt, answer: contract.latency(args))
            return
        self.meter.sent()
        ask.width = self.meter.in_flight
        name = contract.name
        seconds = self._seconds.get(name)
        if seconds is None:
            rates = self.rates(name, contract.model)
            seconds = self._seconds[name] = lambda prompt, answer: rates.costs(prompt, answer, _NO_ERROR)[1]
        if self._on_event is not None:
            self._tell("sent", ask, 0)
        self.port.send(ask, seconds)

    def _again(self, ask: Ask) -> None:
        """Another attempt, ahead of the calls that wait."""
        if not ask.cancelled:
            lane = ask.lane
            if not self._offer(lane, ask):
                lane.queue.appendleft(ask)

    def refill(self) -> None:
        """Sends calls from the queues as long as everything allows it."""
        waiting = [lane for lane in self._distinct if lane.queue]
        while waiting and not self.machine.done:
            lane = waiting[0] if len(waiting) == 1 else min(waiting, key=lambda lane: lane.in_flight)
            ask = lane.queue[0]
            if ask.cancelled or self._offer(lane, ask):
                lane.queue.popleft()
            else:
                waiting.remove(lane)
                continue
            if not lane.queue:
                waiting.remove(lane)
        for lane in self._distinct:
            if lane.parked and len(lane.queue) < AHEAD // 2 and lane.in_flight < self._share:
                self.machine.reopen(heappop(lane.parked)[2])

    def _leave(self, ask: Ask, used: Cost) -> None:
        """A call is no longer under way, and has cost so much."""
        ask.in_flight = False
        self._out -= 1
        lane = ask.lane
        lane.in_flight -= 1
        if lane.tokens is not None:
            lane.used(ask.noted, ask.aside.tokens, used.tokens)
        if not ask.site.contract.is_tool:
            self.meter.in_flight -= 1
        self.ledger.settle(ask.aside, used)

    def _stop(self, ask: Ask, aside: Cost) -> None:
        """A call that the budget does not allow, and nothing in flight could free what it needs."""
        name = self.ledger.exceeded(aside)
        assert name is not None
        contract = ask.site.contract
        message = f"{self.ledger.describe(name, aside)} (of {'the tool ' if contract.is_tool else ''}'{contract.name}')"
        self.machine.refuse(_strand(ask), Fault("budget", message, ask.site.span))

    def rates(self, name: str, model: str) -> Rates:
        """What calls of this primitive cost."""
        found = self._rates.get(name)
        if found is None:
            found = self._rates[name] = Rates(self._program.models.get(model), self._settings)
        return found

    # ------------------------------------------------------------ what attempts cost

    def _most(self, ask: Ask) -> Cost:
        """The most that the next attempt can cost."""
        contract = ask.site.contract
        if contract.is_tool:
            return Cost(0, 0, round(contract.dollars(ask.args) * SCALE))
        most = contract.most_output(ask.args)
        if most is None:
            most = most_tokens(contract.shape, ask.bounds)
            most = UNBOUNDED if most is None else most
        model = self._program.models.get(contract.model)
        hidden = (model.reasoning or 0) if model is not None else 0
        return self._used(ask, max(most + hidden, self.port.cap(ask)))

    def _used(self, ask: Ask, answer: int) -> Cost:
        """What an attempt has cost that brought so many tokens."""
        contract = ask.site.contract
        if contract.is_tool:
            return Cost(0, 0, round(contract.dollars(ask.args) * SCALE))
        prompt = ask.prompt + ask.complaint_tokens
        return Cost(1, prompt + answer, self.rates(contract.name, contract.model).dollars(prompt, answer))

    # ------------------------------------------------------------ on the way back

    def answered(self, ask: Ask, answer: Answer) -> None:
        """An answer that fits has come."""
        if ask.cancelled:
            return
        ask.lane.answered()
        memory = self._memory
        if memory is None:
            self._land(ask, answer)
            return
        data = memory.encode(ask, answer.value)
        if answer.cut:
            # a cut text knows where its tokens end; one that is read back does not, and both must go on alike
            answer.value = memory.decode(ask, data)
        tool = ask.site.contract.is_tool
        record = self._record("tool" if tool else "answered", ask, answer, "", data)

        def release(fault: JournalFault | None) -> None:
            if fault is not None:
                self.broke(ask, _journal_fault(fault))
            elif not ask.cancelled:
                self._land(ask, answer)

        ask.kept = True
        memory.keep(record, None if tool else ask.sample, release)

    def _land(self, ask: Ask, answer: Answer) -> None:
        self._leave(ask, self._used(ask, answer.tokens))
        self._settle(ask, answer, False)
        self.refill()

    def _settle(self, ask: Ask, answer: Answer, cached: bool) -> None:
        """Counts an answer and hands it over."""
        contract, strand, meter = ask.site.contract, _strand(ask), self.meter
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
            billed = (answer.billed_prompt, answer.billed_answer) if answer.billed and not cached else None
            self._tell("tool" if contract.is_tool else "answered", ask, answer.tokens, seconds, "", cached, billed)
        self.machine.wake(strand, answer.value)

    def missed(self, ask: Ask, miss: Miss) -> None:
        """An attempt has brought nothing that fits."""
        if ask.cancelled:
            return
        contract = ask.site.contract
        if miss.refused:
            if self._slowed(ask, miss):
                return
        else:
            ask.attempt += 1
        again = miss.retryable and not miss.refused and ask.attempt < contract.attempts
        used = self._tried(ask, miss) if again else self._wasted(ask, miss)
        go_on = self._retry if again else self._give_up
        if self._memory is None:
            go_on(ask, miss, used)
            return
        kind = "attempt" if again else "tool failed" if contract.is_tool else "failed"

        def release(fault: JournalFault | None) -> None:
            ask.kept = False
            if fault is not None:
                self.broke(ask, _journal_fault(fault))
            elif not ask.cancelled:
                go_on(ask, miss, used)

        # what was set aside for the attempt stays so until its cost is on file: a run that is killed forgets nothing
        ask.kept = True
        self._memory.keep(self._record(kind, ask, None, miss.reason, used=used), None, release)

    def _retry(self, ask: Ask, miss: Miss, used: Cost) -> None:
        """Another attempt follows, after what the miss asks to wait."""
        self._leave(ask, used)
        name = ask.site.contract.name
        spent = (0, 0) if miss.tokens is None else (ask.prompt + miss.complaint_tokens, miss.tokens)
        dollars = self.rates(name, ask.site.contract.model).dollars(*spent)
        self.meter.retry(name, 1, sum(spent), dollars)
        ask.retries += 1
        ask.retry_tokens += sum(spent)
        ask.retry_dollars = None if dollars is None or ask.retry_dollars is None else ask.retry_dollars + dollars
        ask.complaint, ask.complaint_tokens = miss.complaint, miss.complaint_tokens
        if self._on_event is not None:
            self._tell("retried", ask, miss.tokens or 0, message=miss.reason)
        if miss.wait:
            self.port.later(miss.wait, lambda: self._again(ask))
        else:
            self._again(ask)
        self.refill()

    def _slowed(self, ask: Ask, miss: Miss) -> bool:
        """The provider asks to slow down: the call goes back to the head of its queue. False if it has failed for good.

        Such a refusal costs nothing, and is an attempt only if the provider answers nothing else either.
        """
        lane, now, contract = ask.lane, self.port.now(), ask.site.contract
        wait, counts = lane.refused(ask.sent, now, miss.wait)
        ask.attempt += counts
        if miss.wait is not None and miss.wait > LONGEST_PAUSE:
            ask.attempt += not counts
            miss.reason = (
                f"{miss.reason.rstrip('.')}: it asks to wait {miss.wait:,.0f} s, and a run waits"
                f" {LONGEST_PAUSE:,.0f} s at most"
            )
            return False
        if ask.attempt >= contract.attempts:
            return False
        self._leave(ask, NOTHING)
        self.meter.retry(contract.name, 1, 0, 0)
        ask.retries += 1
        if self._on_event is not None:
            message = f"{lane.name} asks to slow down; it is asked again in {wait:,.0f} s" if wait >= _NOTICED else ""
            self._on_event(
                Event("waiting", contract.name, ask.place, now, lane.name, attempt=ask.attempt, seconds=wait,
                      message=message)
            )  # fmt: skip
        lane.queue.appendleft(ask)
        self.refill()
        return True

    def broke(self, ask: Ask, fault: Fault) -> None:
        """Something else than the model is at fault (an oracle, a tool that may not run): the run cannot go on."""
        if not ask.cancelled:
            self._leave(ask, ask.aside)
            self.machine.refuse(_strand(ask), fault)

    def _tried(self, ask: Ask, miss: Miss) -> Cost:
        """What an attempt cost after which another follows."""
        if miss.tokens is not None:
            return self._used(ask, miss.tokens)
        return ask.aside if miss.lost and self._careful else Cost(1, 0, 0)

    def _wasted(self, ask: Ask, miss: Miss) -> Cost:
        """What the last attempt of a failed call cost: at least what it is counted as."""
        if miss.lost and self._careful:
            return ask.aside
        return self._used(ask, max(miss.tokens or 0, self._least(ask)))

    def _give_up(self, ask: Ask, miss: Miss, used: Cost) -> None:
        self._leave(ask, used)
        self._deliver_failure(ask, miss.reason, False)
        self.refill()

    def _deliver_failure(self, ask: Ask, reason: str, cached: bool) -> None:
        contract, strand = ask.site.contract, _strand(ask)
        seconds = self._count_failure(ask)
        if not contract.is_tool:
            strand.rounds += 1
        if self._on_event is not None:
            self._tell("failed", ask, self._least(ask), seconds, reason, cached)
        if ask.site.has_fallback:
            self.machine.wake(strand, FAILED)
            return
        tries = "" if ask.attempt < 2 else f" after {ask.attempt} attempts"
        kind, what = ("tool", "the tool") if contract.is_tool else ("call", "the call of")
        message = f"{what} '{contract.name}' failed{tries}: {reason}"
        self.machine.refuse(strand, Fault(kind, message, ask.site.span))

    def _least(self, ask: Ask) -> int:
        """Tokens of the smallest answer."""
        contract = ask.site.contract
        return 0 if contract.is_tool else least_tokens(contract.shape, ask.bounds)

    def _count_failure(self, ask: Ask) -> float:
        """A failed call counts once, with its prompt and the smallest answer (LANGUAGE.md, section 8). Its seconds."""
        contract, strand = ask.site.contract, _strand(ask)
        if contract.is_tool:
            self.meter.tool(contract.name, contract.dollars(ask.args))
            seconds = contract.latency(ask.args)
        else:
            rates = self.rates(contract.name, contract.model)
            error = contract.error(ask.args)
            seconds = self.meter.call(contract.name, rates, ask.prompt, self._least(ask), error)
        strand.latency += seconds
        return seconds

    # ------------------------------------------------------------ what was known

    def _absorbed(self, ask: Ask) -> bool:
        """Whether the program goes on if this call fails."""
        return ask.site.has_fallback or self.machine.shielded(_strand(ask))

    def _replay(self, ask: Ask, record: Record, memory: Memory) -> None:
        """An answer that was paid before counts as it did then. Raises JournalFault."""
        meter, contract = self.meter, ask.site.contract
        if record.retries:
            meter.retry(contract.name, record.retries, record.retry_tokens, record.retry_dollars)
        if not contract.is_tool:
            meter.seen(record.width)
        meter.cached += 1
        ask.attempt = record.retries
        if record.answer is None:
            ask.attempt += 1
            self._deliver_failure(ask, record.message, True)
            return
        value = memory.decode(ask, record.answer)
        answer = Answer(
            value, record.tokens, record.cut, record.padded, record.latency, record.billed_prompt,
            record.billed_answer, record.billed,
        )  # fmt: skip
        self._settle(ask, answer, True)
        memory.replayed(ask, record, self._dollars(ask, record.tokens), self.port.now())

    def _dollars(self, ask: Ask, answer: int) -> int | None:
        contract = ask.site.contract
        if contract.is_tool:
            return round(contract.dollars(ask.args) * SCALE)
        return self.rates(contract.name, contract.model).dollars(ask.prompt, answer)

    def _record(
        self,
        kind: str,
        ask: Ask,
        answer: Answer | None,
        message: str,
        data: bytes | None = None,
        used: Cost = NOTHING,
    ) -> Record:
        """What is written of an attempt that has ended. `used`: what it cost, where it brought no answer."""
        tokens = self._least(ask) if answer is None else answer.tokens
        paid = used if answer is None else self._used(ask, tokens)
        given = answer if answer is not None else Answer(None, tokens)
        return Record(
            ask.place, ask.parent, ask.digest, kind, ask.site.contract.name, data, ask.prompt, tokens,
            self._dollars(ask, tokens), given.cut, given.padded, given.latency, given.billed, given.billed_prompt,
            given.billed_answer, ask.retries, ask.retry_tokens, ask.retry_dollars, ask.width, *paid, False,
            self.port.now(), message,
        )  # fmt: skip

    def _tell(
        self,
        kind: str,
        ask: Ask,
        answer: int,
        seconds: float | None = None,
        message: str = "",
        cached: bool = False,
        billed: tuple[int | None, int | None] | None = None,
    ) -> None:
        """`answer`: tokens that came back in this attempt."""
        assert self._on_event is not None
        contract, attempt, dollars = ask.site.contract, ask.attempt, None
        if contract.is_tool or kind != "sent":
            spent = self._dollars(ask, answer)
            dollars = None if spent is None else spent / SCALE
        if kind in ("retried", "failed"):
            attempt -= 1  # the one that has ended
        self._on_event(
            Event(
                kind, contract.name, ask.place, self.port.now(), contract.model, ask.prompt, answer, attempt, dollars,
                seconds, cached, message, None, billed,
            )
        )  # fmt: skip


_FAR: Final = float("inf")

#: Seconds that are no time to wait: sums of times are not exact.
_INSTANT: Final = 1e-6


def _strand(ask: Ask) -> Strand:
    assert ask.strand is not None
    return ask.strand


def _journal_fault(fault: JournalFault) -> Fault:
    return Fault(fault.kind, f"{fault.message}\n{fault.hint}", None)
