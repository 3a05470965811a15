"""What happens in a run, as one kind of value: for progress, for traces, for whoever watches.

In: nothing. Out: `Event`, which the gateway makes for calls, and the run for choices, votes and notices. A watcher is
a function that takes one; it must not raise and must not take long, for the run waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["Event", "Watcher"]


class Event(NamedTuple):
    """One thing that happened. What a kind does not have is left at its default.

    | kind | what happened |
    |---|---|
    | sent | an attempt of a call of a model leaves, or a tool is called |
    | answered, tool | a call of a model, or of a tool, has ended well |
    | retried | an attempt brought nothing that fits; another follows |
    | failed | a call has failed for good; `message` says why |
    | cancelled | a call in flight was given up, for its branch has failed elsewhere |
    | waiting | nothing is sent to `model` for `seconds`; `message` says why |
    | chosen | a `choose` has decided; `name` is the alternative |
    | voted | a `vote` has ended |
    | notice | something that people should read: `message` |

    `billed`: of an answer that was paid now, the provider's own counts of prompt and answer, None where it gave none.
    `place` is the call's in the call tree, `time` seconds since the run began (virtual in a simulation), `prompt` and
    `answer` tokens, `attempt` counts from 0. `dollars` is None where unknown; `seconds` is how long it took. `cached`:
    the answer was not paid for now. `details` holds what a kind has besides, as JSON has it.
    """

    kind: str
    name: str = ""
    place: int = 0
    time: float = 0.0
    model: str = ""
    prompt: int = 0
    answer: int = 0
    attempt: int = 0
    dollars: float | None = None
    seconds: float | None = None
    cached: bool = False
    message: str = ""
    details: Mapping[str, Any] | None = None
    billed: tuple[int | None, int | None] | None = None


Watcher = Callable[[Event], None]
