"""Runs generated functions: strands of stacked generators, forks and joins, votes, cancellation. No models here.

In: the generator of an entry (see `compile`), and a `Caller` that takes every call. Out: the entry's value or a `Fault`
with its path. A strand is a thread of control with its frames on the heap (a trampoline: Ganz, Friedman and Wand,
"Trampolined style", ICFP 1999), so that a recursion may be as deep as memory allows. A fork makes child strands under a
join; the first failure cancels the siblings, and everything below them, before the parent fails (structured
concurrency: Sústrik, 2016; Smith, 2018). Children are made when there is room for their calls, innermost forks first,
so that a loop over a million elements with 64 calls in flight holds 64 strands.

A strand carries what adds up along it: rounds and latency. A join adds the largest of its children to the parent's,
which makes them the critical path's (Brent, 1974).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import GeneratorType, TracebackType
from typing import Any, Final, Protocol

from ..lang.source import Span
from .budget import NOTHING, Cost
from .builtins import Misuse
from .contract import Contract
from .places import inner
from .values import canonical

__all__ = [
    "FAILED",
    "SKIPPED",
    "SUSPENDED",
    "Ask",
    "Caller",
    "Fault",
    "Fork",
    "ForkEach",
    "Frame",
    "Join",
    "Machine",
    "Site",
    "Strand",
    "Vote",
    "Voted",
]


class _Sign:
    """A value that no program can make."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


#: Sent to a strand instead of an answer: the call failed, and it has an `else`.
FAILED: Final = _Sign("FAILED")
#: Returned by the body of a concurrent loop for an element that does not pass.
SKIPPED: Final = _Sign("SKIPPED")
#: Returned by a `Caller`: the answer comes later.
SUSPENDED: Final = _Sign("SUSPENDED")

#: Frames of a path that are kept at each end.
_PATH: Final = 30


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of the path to a failure: a function, the place in it, and in which branch or iteration, if any."""

    function: str
    span: Span | None
    index: int | None = None


class Fault(Exception):
    """A run that cannot go on. `kind` is for programs, the message for people.

    Kinds: "where", "size" (a precondition), "value" (an operation without a result), "call" and "tool" (failed after
    all attempts), "vote", "choose", "oracle", "setting", "internal". `path` leads from the entry to the place.
    """

    def __init__(self, kind: str, message: str, span: Span | None, path: tuple[Frame, ...] = ()) -> None:
        super().__init__(message)
        self.kind, self.message, self.span, self.path = kind, message, span, path
        self._inner: deque[Frame] = deque(maxlen=_PATH)
        self._outer: list[Frame] = []

    def came_through(self, frame: Frame) -> None:
        """Frames are added from the inside outward; of a long path the middle is forgotten."""
        if len(self._outer) < _PATH:
            self._outer.append(frame)
        else:
            self._inner.append(frame)
        self.path = (*reversed(self._inner), *reversed(self._outer))


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A call in the program's text. `number` is unique in the program."""

    contract: Contract
    number: int
    span: Span
    has_fallback: bool


class Ask:
    """One call under way. What stands below `strand` belongs to the gateway."""

    __slots__ = (
        "args", "aside", "attempt", "bounds", "cancelled", "complaint", "complaint_tokens", "digest", "handle",
        "in_flight", "kept", "lane", "noted", "parent", "place", "prompt", "retries", "retry_dollars", "retry_tokens",
        "sample", "sent", "site", "started", "strand", "width",
    )  # fmt: skip

    def __init__(self, site: Site, place: int, args: tuple[Any, ...]) -> None:
        self.site = site
        self.place = place
        self.args = args
        self.strand: Strand | None = None
        self.prompt = 0
        self.attempt = 0
        self.bounds: Any = None
        self.handle: Any = None
        self.complaint = ""
        self.complaint_tokens = 0
        self.started = 0.0
        self.cancelled = False
        self.in_flight = False
        # its queue, and what that notes of it; when it was sent, beside how many others; what was set aside for it
        self.lane: Any = None
        self.noted: Any = None
        self.sent = 0.0
        self.width = 1
        self.aside: Cost = NOTHING
        self.retries = 0
        self.retry_tokens = 0
        self.retry_dollars: int | None = 0
        # what was asked, the number of the sample, the innermost frame; whether an attempt's end is being written down
        self.digest = b""
        self.sample: int | None = None
        self.parent = 0
        self.kept = False


@dataclass(slots=True)
class Fork:
    """`par (...)`: each branch is a function and its arguments."""

    place: int
    loop: int
    branches: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...]


@dataclass(slots=True)
class ForkEach:
    """`par for`: one function for every element; `free` are further arguments."""

    body: Callable[..., Any]
    place: int
    loop: int
    elements: tuple[Any, ...]
    free: tuple[Any, ...]


@dataclass(slots=True)
class Vote:
    """`vote lead k up to m` or, without a lead, `vote of m`."""

    body: Callable[..., Any]
    place: int
    loop: int
    lead: int | None
    most: int
    free: tuple[Any, ...]
    has_fallback: bool


@dataclass(frozen=True, slots=True)
class Voted:
    """How a vote ended. `votes` counts each different answer, in the order of their first samples; `discarded` failed.

    `winner` is None where every sample failed.
    """

    function: str
    place: int
    lead: int | None
    most: int
    samples: int
    discarded: int
    votes: tuple[tuple[Any, int], ...]
    winner: Any


class Strand:
    """A thread of control: a stack of generators, each waiting for the one above it."""

    __slots__ = ("dead", "index", "join", "latency", "noted", "rounds", "stack", "waiting")

    def __init__(self, generator: Any, join: Join | None, index: int) -> None:
        self.stack: list[Any] = [generator]
        self.join = join
        self.index = index
        self.rounds = 0
        self.latency = 0.0
        self.waiting: Ask | Join | None = None
        self.noted: list[tuple[Any, int]] | None = None
        self.dead = False


class Caller(Protocol):
    """What takes the calls. `ask` returns the answer, FAILED, or SUSPENDED; then `Machine.wake` or `refuse` follow."""

    def ask(self, strand: Strand, ask: Ask) -> Any: ...

    def cancel(self, ask: Ask) -> None: ...

    def has_room(self) -> bool:
        """Whether another call could be sent now."""
        ...

    def refill(self) -> None:
        """Sends calls that were waiting: others have been cancelled."""
        ...

    def voted(self, how: Callable[[], Voted]) -> None:
        """A vote has ended. `how` tells, if anybody wants to know."""
        ...

    #: Set by `ask` if further calls of the same model should wait until others have had their turn.
    crowded: Any

    def park(self, lane: Any, fork: Join) -> None:
        """Takes a fork whose next child would call a crowded model."""
        ...

    def can_unpark(self) -> bool: ...

    def unpark(self) -> bool:
        """Gives a fork that was parked back, by `Machine.reopen`; False if there is none for which it is time."""
        ...


class Join:
    """Children of one fork. `remaining` counts those that have not ended, made or not.

    `loop` tells it from others of the same function; `depth` counts the forks around it; `parked` is the queue for the
    sake of which it makes no children for now.
    """

    __slots__ = (
        "dead", "depth", "latency", "live", "loop", "next", "parent", "parked", "remaining", "results", "rounds",
        "total",
    )  # fmt: skip

    #: Whether children are samples of a vote; whether there may be many of them.
    is_vote = False
    is_loop = False

    def __init__(self, parent: Strand, total: int, loop: int) -> None:
        self.parent = parent
        self.total = total
        self.remaining = total
        self.next = 0
        self.results: list[Any] = [None] * total
        self.live: dict[Strand, None] = {}
        self.rounds = 0
        self.latency = 0.0
        self.dead = False
        self.parked: Any = None
        self.loop = loop
        self.depth: int = 0 if parent.join is None else parent.join.depth + 1

    def make(self, i: int) -> Any:
        """The generator of child i, or at once its value."""
        raise NotImplementedError

    def ended(self, machine: Machine, index: int, value: Any) -> None:
        self.results[index] = value
        self.remaining -= 1
        if not self.remaining:
            machine.join(self, tuple(self.results))

    def absorbs(self, machine: Machine, index: int, fault: Fault) -> bool:
        """Whether a child may fail without failing its siblings."""
        return False


class _Each(Join):
    __slots__ = ("fork",)
    is_loop = True

    def __init__(self, parent: Strand, fork: ForkEach) -> None:
        super().__init__(parent, len(fork.elements), fork.loop)
        self.fork = fork

    def make(self, i: int) -> Any:
        fork = self.fork
        return fork.body(inner(fork.place, fork.loop + i), fork.elements[i], *fork.free)


class _Branches(Join):
    __slots__ = ("fork",)

    def __init__(self, parent: Strand, fork: Fork) -> None:
        super().__init__(parent, len(fork.branches), fork.loop)
        self.fork = fork

    def make(self, i: int) -> Any:
        body, args = self.fork.branches[i]
        return body(inner(self.fork.place, self.fork.loop + i), *args)


class _Ballot(Join):
    """A vote. `results` holds samples in order; `most` is how many there may be, `total` how many are wanted so far."""

    __slots__ = ("batch_latency", "batch_rounds", "counted", "fault", "first", "most", "vote", "votes")
    is_vote = True

    def __init__(self, parent: Strand, vote: Vote) -> None:
        super().__init__(parent, vote.most if vote.lead is None else vote.lead, vote.loop)
        self.vote = vote
        self.most = vote.most
        self.batch_rounds = 0
        self.batch_latency = 0.0
        self.fault: Fault | None = None
        # of the samples counted so far, by what a vote compares: how many agree, and the first of them
        self.votes: dict[Any, int] = {}
        self.first: dict[Any, Any] = {}
        self.counted = 0

    def make(self, i: int) -> Any:
        vote = self.vote
        return vote.body(inner(vote.place, vote.loop + i), *vote.free)

    def absorbs(self, machine: Machine, index: int, fault: Fault) -> bool:
        if fault.kind not in ("call", "tool", "vote"):
            return False
        self.fault = fault
        self.ended(machine, index, FAILED)
        return True

    def ended(self, machine: Machine, index: int, value: Any) -> None:
        self.results[index] = value
        self.remaining -= 1
        if self.remaining:
            return
        # a batch has ended: the first samples together, each further one after the one before
        self.batch_rounds += self.rounds
        self.batch_latency += self.latency
        self.rounds, self.latency = 0, 0.0
        lead = self._count()
        if self.vote.lead is not None and lead < self.vote.lead and self.total < self.most:
            self.results.append(None)
            self.total += 1
            self.remaining = 1
            machine.reopen(self)
            return
        self.rounds, self.latency = self.batch_rounds, self.batch_latency
        # of equals the one that was first
        winner = self.first[max(self.votes, key=self.votes.__getitem__)] if self.votes else None
        machine.voted(self, winner)
        if self.votes:
            machine.join(self, winner)
        elif self.vote.has_fallback:
            machine.join(self, FAILED)
        else:
            reason = f": {self.fault.message}" if self.fault is not None else ""
            machine.fail(self.parent, Fault("vote", f"all {self.total} samples of a vote failed{reason}", None))

    def _count(self) -> int:
        """Counts the samples that are new, in order. By how many the most frequent answer leads."""
        votes = self.votes
        for sample in self.results[self.counted :]:
            if sample is not FAILED:
                key = canonical(sample)
                votes[key] = votes.get(key, 0) + 1
                self.first.setdefault(key, sample)
        self.counted = len(self.results)
        ranked = sorted(votes.values(), reverse=True)
        return ranked[0] - (ranked[1] if len(ranked) > 1 else 0) if ranked else 0


class Machine:
    """Strands that are ready, and forks that have children yet to make.

    `pump` runs until nothing can go on without an answer. `spans` and `names` tell the place of a line of the generated
    file, and the function's name in the program.
    """

    def __init__(self, caller: Caller, filename: str, spans: Sequence[Span | None], names: dict[str, str]) -> None:
        self._caller = caller
        self._filename, self._spans, self._names = filename, spans, names
        self._ready: deque[tuple[Strand, Any]] = deque()
        self._forks: list[Join] = []
        self.done = False
        self.value: Any = None
        self.fault: Fault | None = None
        self.root: Strand | None = None
        self.strands = 0

    # ------------------------------------------------------------ from outside

    def start(self, make: Callable[[], Any]) -> None:
        """Begins with the entry: `make` gives its generator, or its value where it calls nothing."""
        self.root = root = Strand(None, None, 0)
        self.strands = 1
        try:
            made = make()
        except Exception as e:
            self._blame(root, e if isinstance(e, Fault) else _as_fault(e))
            return
        if type(made) is not GeneratorType:
            self.done, self.value = True, made
            return
        root.stack[0] = made
        self._ready.append((root, None))

    def wake(self, strand: Strand, value: Any) -> None:
        """An answer has come."""
        if not strand.dead:
            strand.waiting = None
            self._ready.append((strand, value))

    def refuse(self, strand: Strand, fault: Fault) -> None:
        """A call has failed for good and has no `else`."""
        if not strand.dead:
            strand.waiting = None
            self.fail(strand, fault)

    @property
    def idle(self) -> bool:
        """Whether nothing can go on without an answer."""
        caller = self._caller
        return not self._ready and not ((self._forks or caller.can_unpark()) and caller.has_room())

    def pump(self, most: int = 1 << 60) -> None:
        """Runs strands until all wait, or `most` times."""
        ready, forks, has_room = self._ready, self._forks, self._caller.has_room
        while most > 0:
            most -= 1
            if ready:
                strand, value = ready.popleft()
                if not strand.dead:
                    self._resume(strand, value)
            elif not has_room():
                return
            elif forks:
                self._branch(forks[-1])
            elif not self._caller.unpark():
                return

    # ------------------------------------------------------------ strands

    def _resume(self, strand: Strand, value: Any) -> None:
        stack = strand.stack
        send = stack[-1].send
        ask = self._caller.ask
        try:
            while True:
                try:
                    request = send(value)
                except StopIteration as stop:
                    value = stop.value
                    stack.pop()
                    if not stack:
                        break
                    send = stack[-1].send
                    continue
                kind = type(request)
                if kind is GeneratorType:
                    stack.append(request)
                    send = request.send
                    value = None
                elif kind is Ask:
                    strand.waiting = request
                    value = ask(strand, request)
                    if value is SUSPENDED:
                        return
                    strand.waiting = None
                elif kind is ForkEach or kind is Fork or kind is Vote:
                    value = self._fork(strand, request)
                    if value is SUSPENDED:
                        return
                else:
                    value = request
        except Fault as fault:
            self._blame(strand, fault)
        except Exception as e:
            self._blame(strand, _as_fault(e))
        else:
            self._end(strand, value)

    def _end(self, strand: Strand, value: Any) -> None:
        strand.dead = True
        self.strands -= 1
        join = strand.join
        if join is None:
            self.done, self.value = True, value
            return
        del join.live[strand]
        if strand.rounds > join.rounds:
            join.rounds = strand.rounds
        if strand.latency > join.latency:
            join.latency = strand.latency
        join.ended(self, strand.index, value)

    # ------------------------------------------------------------ forks

    def _fork(self, strand: Strand, request: Fork | ForkEach | Vote) -> Any:
        join: Join
        if isinstance(request, ForkEach):
            if not request.elements:
                return ()
            join = _Each(strand, request)
        elif isinstance(request, Fork):
            join = _Branches(strand, request)
        else:
            least = 1 if request.lead is None else request.lead
            if least < 1:
                raise Fault("vote", f"a vote needs a lead of at least 1, not {least}", None)
            if request.most < least:
                raise Fault("vote", f"a vote of at most {request.most} samples needs at least {least}", None)
            join = _Ballot(strand, request)
        strand.waiting = join
        self._forks.append(join)
        return SUSPENDED

    def _branch(self, join: Join) -> None:
        """Makes the next child of the innermost fork and runs it as far as it goes."""
        if join.dead or join.next >= join.total:
            self._forks.pop()
            return
        if join.parked is not None:
            self._forks.pop()
            self._caller.park(join.parked, join)
            return
        i = join.next
        join.next = i + 1
        if join.next == join.total:
            self._forks.pop()
        try:
            made = join.make(i)
        except Exception as e:
            self._blame(Strand(None, join, i), e if isinstance(e, Fault) else _as_fault(e))
            return
        if type(made) is not GeneratorType:
            join.ended(self, i, made)
            return
        child = Strand(made, join, i)
        self.strands += 1
        join.live[child] = None
        caller = self._caller
        caller.crowded = None
        self._resume(child, None)
        if caller.crowded is not None:
            self._park(join, caller.crowded)

    def _park(self, join: Join, lane: Any) -> None:
        """The next child of a fork would only wait. So would that of a loop around it, most likely."""
        one: Join | None = join
        while one is not None and one.parked is None:
            if (one is join or one.is_loop) and one.next < one.total:
                one.parked = lane
            one = one.parent.join

    def reopen(self, join: Join) -> None:
        """A fork wants one more child."""
        join.parked = None
        self._forks.append(join)

    def shielded(self, strand: Strand) -> bool:
        """Whether a vote absorbs the failure of a call of this strand."""
        join = strand.join
        while join is not None:
            if join.is_vote:
                return True
            join = join.parent.join
        return False

    def join(self, join: Join, value: Any) -> None:
        """All children have ended: the parent goes on, with the longest of their paths."""
        parent = join.parent
        parent.rounds += join.rounds
        parent.latency += join.latency
        parent.waiting = None
        join.dead = True
        self._ready.append((parent, value))

    def voted(self, ballot: _Ballot, winner: Any) -> None:
        """Tells how a vote ended."""
        vote, stack = ballot.vote, ballot.parent.stack
        name = stack[-1].__name__ if stack else ""

        def how() -> Voted:
            votes = tuple([(ballot.first[key], n) for key, n in ballot.votes.items()])
            discarded = ballot.total - sum(n for _, n in votes)
            function = self._names.get(name, name)
            return Voted(function, vote.place, vote.lead, vote.most, ballot.total, discarded, votes, winner)

        self._caller.voted(how)

    # ------------------------------------------------------------ failure

    def _blame(self, strand: Strand, fault: Fault) -> None:
        """A strand's own code has failed: its innermost frames are in the traceback, and are gone from the stack."""
        trace: TracebackType | None = fault.__traceback__
        inner_frames: list[Frame] = []
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename == self._filename:
                inner_frames.append(Frame(self._names.get(code.co_name, code.co_name), self._spans[trace.tb_lineno]))
            trace = trace.tb_next
        fault.__traceback__ = None
        if strand.stack and strand.stack[-1] is not None and inner_frames:
            strand.stack.pop()
        for frame in reversed(inner_frames):
            if fault.span is None:
                fault.span = frame.span
            fault.came_through(frame)
        self.fail(strand, fault)

    def fail(self, strand: Strand, fault: Fault) -> None:
        """Ends a strand; its siblings are cancelled and the failure goes on upward, until a vote absorbs it."""
        cancelled = False
        while True:
            stack = strand.stack
            kept = stack if len(stack) <= 4 * _PATH else [*stack[: 2 * _PATH], *stack[-2 * _PATH :]]
            for generator in reversed(kept):
                frame = getattr(generator, "gi_frame", None)
                if frame is not None:
                    span = self._spans[frame.f_lineno]
                    if fault.span is None:
                        fault.span = span
                    fault.came_through(Frame(self._names.get(generator.__name__, generator.__name__), span))
            join = strand.join
            if not strand.dead:
                strand.dead = True
                if stack and stack[0] is not None:
                    self.strands -= 1
            strand.stack = []
            if join is None:
                self.done, self.fault = True, fault
                return
            join.live.pop(strand, None)
            fault.came_through(Frame("", None, strand.index))
            if strand.rounds > join.rounds:
                join.rounds = strand.rounds
            if strand.latency > join.latency:
                join.latency = strand.latency
            if join.absorbs(self, strand.index, fault):
                if cancelled:
                    self._caller.refill()
                return
            join.dead = True
            if join.live:
                for sibling in list(join.live):
                    self._cancel(sibling)
                join.live.clear()
                cancelled = True
            strand = join.parent

    def _cancel(self, strand: Strand) -> None:
        """Ends a strand and everything below it; calls in flight are given up."""
        waiting = [strand]
        while waiting:
            one = waiting.pop()
            if one.dead:
                continue
            one.dead = True
            self.strands -= 1
            held, one.waiting = one.waiting, None
            if isinstance(held, Ask):
                self._caller.cancel(held)
            elif held is not None:
                held.dead = True
                waiting.extend(held.live)
                held.live.clear()
            one.stack = []


def _as_fault(e: Exception) -> Fault:
    """A failure of an operation; whatever else a generated function raises is a bug in Orch, and says so."""
    if isinstance(e, Misuse):
        fault = Fault("value", str(e), None)
    elif isinstance(e, ArithmeticError | MemoryError):
        fault = Fault("value", str(e) or "out of memory", None)
    else:
        fault = Fault("internal", f"{type(e).__name__}: {e}", None)
    return fault.with_traceback(e.__traceback__)
