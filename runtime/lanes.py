"""One queue a model, and how fast it may be asked: requests and tokens per minute, calls in flight, pauses.

In: times (virtual or real), what a model's declaration allows, how the provider reacts. Out: whether a call may be sent
now, and if not, when to look again. A lane sends nothing and knows no clock: the gateway does both, so that simulated
and real runs are held to the same limits by the same code.

Requests and tokens are spaced evenly by the generic cell rate algorithm (ITU-T I.371, 1996): what was allowed in a
minute that has passed is not saved up, so that in no minute more is sent than is allowed. Of tokens, of which calls
take different amounts, that alone would let the last call of a minute exceed it: what was sent in the last minute is
remembered, and a call waits until it fits in beside. Calls in flight are adapted
to refusals by additive increase and multiplicative decrease (Chiu and Jain, 1989): a round of refusals halves them,
a round of answers adds one.
"""

from __future__ import annotations

import math
import random
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from .backends.base import backoff

if TYPE_CHECKING:
    from .machine import Ask

__all__ = ["AHEAD", "LONGEST_PAUSE", "Lane", "Pace", "Window"]

#: Calls that may wait in a lane before no more are made for it.
AHEAD: Final = 64

#: Seconds that a provider may ask to wait; a call that would have to wait longer fails.
LONGEST_PAUSE: Final = 600.0

#: Seconds for which a provider may refuse everything before a refusal counts as an attempt of its call.
_PATIENCE: Final = 20.0


class Pace:
    """So much a minute, evenly. `slack`: seconds by which a real clock may wake up late without losing what was due."""

    __slots__ = ("_due", "_slack", "_step")

    def __init__(self, per_minute: int, slack: float = 0.0) -> None:
        self._step = (60.0 + slack) / per_minute
        self._slack = slack
        self._due = -math.inf

    def ready(self) -> float:
        """The time from which on something may be sent."""
        return self._due

    def take(self, now: float, amount: float) -> None:
        """Something is sent."""
        self._due = max(self._due, now - self._slack) + amount * self._step

    def give_back(self, amount: float) -> None:
        """Less was used than was taken."""
        self._due -= amount * self._step


class Window:
    """So much in any minute, whatever single calls take; one that takes more than is allowed goes alone.

    Costs constant time a call, and memory for the calls of a minute.
    """

    __slots__ = ("_limit", "_sent", "_sum", "_width")

    def __init__(self, per_minute: int, slack: float = 0.0) -> None:
        """`slack`: seconds by which calls may reach the provider closer together than they left."""
        self._limit, self._width = per_minute, 60.0 + slack
        self._sent: deque[list[float]] = deque()  # when, how much
        self._sum = 0.0

    def ready(self, now: float, amount: float) -> float:
        """The time from which on this much more may be sent."""
        sent = self._sent
        while sent and sent[0][0] + self._width <= now:
            self._sum -= sent.popleft()[1]
        over = self._sum + amount - self._limit
        at = now
        for when, taken in sent:
            if over <= 0:
                break
            over -= taken
            at = when + self._width
        return at

    def take(self, now: float, amount: float) -> list[float]:
        """This much is sent; to be handed to `used`."""
        entry = [now, amount]
        self._sent.append(entry)
        self._sum += amount
        return entry

    def used(self, entry: list[float], amount: float) -> None:
        """What was sent took this much in the end."""
        if self._sent and entry[0] >= self._sent[0][0]:
            self._sum += amount - entry[1]
        entry[1] = amount


class Lane:
    """The calls of one model. `most`: in flight at once; `rpm`, `tpm`: None where nothing limits them."""

    __slots__ = (
        "_jitter", "_lowered", "_refused", "_since", "_until", "cap", "in_flight", "most", "name", "parked", "queue",
        "requests", "timer", "tokens", "window",
    )  # fmt: skip

    def __init__(
        self, name: str, most: float, rpm: int | None, tpm: int | None, slack: float, jitter: random.Random
    ) -> None:
        self.name: Final = name
        self.queue: deque[Ask] = deque()
        #: Forks whose children would only wait here, innermost first: (-depth, order, fork).
        self.parked: list[tuple[int, int, Any]] = []
        self.in_flight = 0
        self.most = most
        self.cap = most
        self.requests = None if rpm is None else Pace(rpm, slack)
        self.tokens = None if tpm is None else Pace(tpm, slack)
        self.window = None if tpm is None else Window(tpm, slack)
        self.timer = math.inf
        self._until = -math.inf
        self._lowered = -math.inf
        self._refused = 0
        self._since = math.inf
        self._jitter = jitter

    def ready(self, now: float, tokens: int) -> float:
        """The time from which on the pace and the provider allow another call of at most so many tokens."""
        at = self._until
        if self.requests is not None:
            at = max(at, self.requests.ready())
        if self.tokens is not None:
            at = max(at, self.tokens.ready())
        if self.window is not None:
            at = max(at, self.window.ready(now, tokens))
        return at

    def has_room(self) -> bool:
        """Whether another call may be in flight."""
        return self.in_flight < self.cap

    def sent(self, now: float, tokens: int) -> Any:
        """A call leaves that may use up to so many tokens. What `used` needs to know of it."""
        self.in_flight += 1
        if self.requests is not None:
            self.requests.take(now, 1)
        if self.tokens is not None:
            self.tokens.take(now, tokens)
        return None if self.window is None else self.window.take(now, tokens)

    def used(self, sent: Any, taken: int, tokens: int) -> None:
        """A call that was to use up to `taken` tokens has used so many."""
        if self.tokens is not None and tokens < taken:
            self.tokens.give_back(taken - tokens)
        if self.window is not None:
            self.window.used(sent, tokens)

    def answered(self) -> None:
        """The provider has answered: it takes calls."""
        self._refused = 0
        self._since = math.inf
        if self.cap < self.most:
            self.cap = min(self.most, self.cap + 1 / max(1.0, self.cap))

    def refused(self, sent: float, now: float, asked: float | None) -> tuple[float, bool]:
        """The provider asks to slow down. Seconds to wait, and whether this was an attempt of the call.

        `sent`: when the call was sent; `asked`: seconds that the provider named. As long as it answers other calls,
        or has only just begun to refuse, a refusal is none: the calls take their turns.
        """
        if sent >= self._lowered:
            self.cap = max(1.0, min(self.cap, self.in_flight + 1.0) / 2)
            self._lowered = now
        self._since = min(self._since, now)
        wait = backoff(min(self._refused, 8), asked, self._jitter)
        self._refused += 1
        if asked is None or asked <= LONGEST_PAUSE:
            self._until = max(self._until, now + wait)
        return wait, now - self._since > _PATIENCE
