"""The simulated backend: answers that fit the declared types, drawn by place, without a model.

In: one call (its primitive's or tool's contract, its arguments, the bounds of its answer). Out: an answer, what it
counts, or a miss. An answer depends on the seed, the place in the call tree and the attempt alone, not on the order of
scheduling or on other calls. The generator is splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), for it starts in no time from any place.

`largest` and `smallest` take the extreme sizes and bounded numbers, and count every scalar 8 or 1. Texts of `smallest`
are all alike, so that votes agree; otherwise texts differ by place. With an oracle the right answer is computed by a
Python function and, with the primitive's `error`, replaced by the one wrong rival of the laws of voting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ...compiler import core
from ..builtins import Builtins
from ..contract import Bounds, Contract
from ..convert import LARGEST_SCALAR, Unfit, counter, json_reader, plain_writer
from ..fit import Fitter, Fitting, Misfit, fitter, least_tokens
from ..gateway import Answer, Miss
from ..machine import Ask, Fault
from ..tokens import Tokenizer
from ..values import EMPTY, Text, make_list

__all__ = ["Mode", "Simulation"]

Mode = Literal["random", "largest", "smallest"]
Pair = tuple[int | None, int | None]

_MASK: Final = 2**64 - 1
_UNIT: Final = 2.0**-53

#: How far a number without bounds is drawn.
_SPREAD: Final = 100


class _Draws:
    """Random numbers from one seed."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def bits(self) -> int:
        self._state = z = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def chance(self) -> float:
        """From 0 to 1, 1 excluded."""
        return (self.bits() >> 11) * _UNIT

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        span = high - low + 1
        if span >= 1 << 32:
            return low + ((self.bits() << 64 | self.bits()) * span >> 128)
        return low + (self.bits() * span >> 64)


class Simulation:
    """`oracle` maps primitives and tools to functions of plain values, `reasoning` models to hidden tokens."""

    def __init__(
        self,
        mode: Mode,
        seed: int,
        tokenizer: Tokenizer,
        oracle: Mapping[str, Callable[..., Any]],
        reasoning: Mapping[str, int],
    ) -> None:
        self.mode: Final = mode
        self._seed = _Draws(seed).bits()
        self._tokenizer, self._oracle, self._reasoning = tokenizer, oracle, reasoning
        self._builtins = Builtins(tokenizer)
        self._counters: dict[str, Callable[[Any], int]] = {}
        self._spoken: dict[str, _Spoken] = {}
        self._scalar = {"largest": LARGEST_SCALAR, "smallest": 1}.get(mode)

    def answer(self, ask: Ask) -> Answer | Miss:
        """What the model would answer. Raises Fault if an oracle fails."""
        contract = ask.site.contract
        draws = _Draws(self._seed ^ (ask.place * 0xD1B54A32D192ED03 + ask.attempt * 0x8CB92BA72F3D8DD7))
        if self.mode == "random" and not contract.is_tool:
            malformed = contract.malformed(ask.args)
            if malformed and draws.chance() < malformed:
                tokens = least_tokens(contract.shape, ask.bounds)
                return Miss("the answer does not fit its type (simulated)", tokens)
        oracle = self._oracle.get(contract.name)
        cut = padded = 0
        if oracle is None:
            chance = contract.chance(ask.args)
            value = self._draw(contract.shape, iter(ask.bounds), draws, 0.5 if chance is None else chance)
        else:
            error = contract.error(ask.args)
            fitting = Fitting(self._builtins)
            spoken = self._spoken.get(contract.name)
            if spoken is None:
                spoken = self._spoken[contract.name] = _Spoken(
                    [plain_writer(p.type) for p in contract.params], json_reader(contract.type, self._tokenizer),
                    fitter(contract.shape),
                )  # fmt: skip
            try:
                value = spoken.fit(fitting, _consult(contract, spoken, oracle, ask), ask.bounds)
            except Misfit as misfit:
                return Miss(f"the oracle's answer does not fit: {misfit}", 0)
            if error and draws.chance() < error:
                value = rival(contract.shape, value, iter(ask.bounds))
            cut, padded = fitting.cut, fitting.padded
        return Answer(value, 0 if contract.is_tool else self._tokens(contract, ask, value, draws), cut, padded)

    # ------------------------------------------------------------ counts

    def _tokens(self, contract: Contract, ask: Ask, value: Any, draws: _Draws) -> int:
        count = self._counters.get(contract.name)
        if count is None:
            count = self._counters[contract.name] = counter(contract.type, self._tokenizer, self._scalar)
        tokens = count(value)
        most = contract.most_output(ask.args)
        if most is not None:
            tokens = most if self.mode == "largest" else min(tokens, most)
        hidden = self._reasoning.get(contract.model)
        if hidden:
            tokens += {"largest": hidden, "smallest": 0}.get(self.mode, draws.between(0, hidden))
        return tokens

    # ------------------------------------------------------------ drawing

    def _draw(self, shape: core.Shape, bounds: Iterator[Pair], draws: _Draws, chance: float) -> Any:
        match shape:
            case core.TextShape():
                size = self._size(next(bounds), draws)
                if not size:
                    return EMPTY
                return Text(None, size, _Filler(0 if self.mode == "smallest" else draws.bits()))
            case core.BoolShape():
                return draws.chance() < chance
            case core.IntShape():
                return self._number(next(bounds), draws)
            case core.FloatShape():
                return draws.between(0, 1000) / 1000
            case core.EnumShape(constants=constants):
                return constants[draws.between(0, len(constants) - 1)]
            case core.ListShape(element=element):
                n = self._size(next(bounds), draws)
                inner = list(bounds)
                return make_list([self._draw(element, iter(inner), draws, chance) for _ in range(n)])
            case core.TupleShape(items=shapes):
                return tuple([self._draw_part(s, bounds, draws, chance) for s in shapes])
            case core.RecordShape(fields=fields):
                return tuple([self._draw_part(s, bounds, draws, chance) for _, s in fields])

    def _draw_part(self, shape: core.Shape, bounds: Iterator[Pair], draws: _Draws, chance: float) -> Any:
        """A list takes only its own bounds from those that follow."""
        return self._draw(shape, iter([next(bounds) for _ in range(_width(shape))]), draws, chance)

    def _size(self, pair: Pair, draws: _Draws) -> int:
        low, high = pair
        least = low or 0
        if high is None or high <= least:
            return least
        if self.mode == "random":
            return draws.between(least, high)
        return high if self.mode == "largest" else least

    def _number(self, pair: Pair, draws: _Draws) -> int:
        low, high = pair
        if low is None or high is None:
            start = low if low is not None else 0 if high is None else high - _SPREAD
            return draws.between(start, start + _SPREAD)
        if self.mode == "random":
            return draws.between(low, max(low, high))
        return max(low, high) if self.mode == "largest" else low


# ---------------------------------------------------------------- oracles


@dataclass(frozen=True, slots=True)
class _Spoken:
    """How to speak with an oracle: arguments as plain data, what it gives as a value, within its bounds."""

    plain: list[Callable[[Any], Any]]
    read: Callable[[Any], Any]
    fit: Fitter


def _consult(contract: Contract, spoken: _Spoken, oracle: Callable[..., Any], ask: Ask) -> Any:
    plain = [write(value) for write, value in zip(spoken.plain, ask.args, strict=True)]
    try:
        found = oracle(*plain)
    except (Exception, SystemExit) as e:  # a user's function may raise anything, or leave
        raise Fault("oracle", f"the oracle of '{contract.name}' raised {_shown(e)}", ask.site.span) from None
    try:
        return spoken.read(found)
    except Unfit as unfit:
        message = f"the oracle of '{contract.name}' gave what is not of the result's type: {unfit}"
        raise Fault("oracle", message, ask.site.span) from None


def _shown(e: BaseException) -> str:
    text = str(e)
    return f"{type(e).__name__}: {text[:200]}" if text else type(e).__name__


def _width(shape: core.Shape) -> int:
    """How many bounds a shape has."""
    match shape:
        case core.TextShape() | core.IntShape():
            return 1
        case core.ListShape(element=element):
            return 1 + _width(element)
        case core.TupleShape(items=shapes):
            return sum(_width(s) for s in shapes)
        case core.RecordShape(fields=fields):
            return sum(_width(s) for _, s in fields)
        case _:
            return 0


def rival(shape: core.Shape, value: Any, bounds: Iterator[Pair]) -> Any:
    """The wrong answer: always the same one for the same right answer, of the same size, within the bounds.

    The right one itself where there is no other (an enum of one constant, an empty list).
    """
    match shape:
        case core.TextShape():
            next(bounds)
            string = value.string
            if not string:
                return value
            last = string[-1]
            return Text(string[:-1] + ("x" if last != "x" else "y"), value.tokens)
        case core.BoolShape():
            return not value
        case core.IntShape():
            low, high = next(bounds)
            if high is None or value < high:
                return value + 1
            return value - 1 if low is None or value > low else value
        case core.FloatShape():
            return float(value) + 1.0
        case core.EnumShape(constants=constants):
            return constants[(constants.index(value) + 1) % len(constants)]
        case core.ListShape(element=element):
            next(bounds)
            inner = list(bounds)
            if not len(value):
                return value
            return make_list([rival(element, x, iter(inner)) if not i else x for i, x in enumerate(value)])
        case core.TupleShape(items=shapes):
            return _rival_part(shapes, value, bounds)
        case core.RecordShape(fields=fields):
            return _rival_part(tuple([s for _, s in fields]), value, bounds)


def _rival_part(shapes: tuple[core.Shape, ...], value: tuple[Any, ...], bounds: Iterator[Pair]) -> tuple[Any, ...]:
    """With the first part changed that can be."""
    pairs: Bounds = tuple(bounds)
    at = 0
    for i, shape in enumerate(shapes):
        other = rival(shape, value[i], iter(pairs[at:]))
        if other != value[i]:
            return (*value[:i], other, *value[i + 1 :])
        at += _width(shape)
    return value


_WORDS: Final = tuple(
    re.findall(
        r"\w+",
        """
        time year people way day man thing woman life child world school state family student group country problem
        hand part place case week company system program question work number night point home water room mother area
        money story fact month lot right study book eye job word business issue side kind head house service friend
        father power hour game line end member law car city
        """,
    )
)


class _Filler:
    """The characters of a simulated text: as many words as it has tokens. Made when somebody looks."""

    __slots__ = ("_seed",)

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, tokens: int) -> str:
        state, words, n = self._seed, _WORDS, len(_WORDS)
        out = []
        for _ in range(tokens):
            state = (state * 6364136223846793005 + 1442695040888963407) & _MASK
            out.append(words[(state >> 33) % n])
        return " ".join(out)
