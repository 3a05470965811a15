"""Every closed form against its recurrence: by evaluation with true rounding, at many points.

In: a function of a system, a closed form, the condition under which it is claimed. Out: at how many points it was
compared, or the first point that breaks it. A rule may be wrong; this may not, so it shares no code with the rules:
the recurrence is unrolled by `evaluate`, the form is computed as any formula. Points: all small sizes, sizes around
powers, a few large ones, several values of each parameter. Rational values must agree exactly, irrational ones to 25
digits.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, product, zip_longest
from typing import Any

from ..evaluate import EvaluationError, Evaluator, NoCase, NonTerminating, compile_cond, compile_expr
from ..expr import ZERO, Cond, Expr
from .model import Deadline

__all__ = ["Outcome", "compare", "points"]

_SMALL = (*range(0, 34), 40, 47, 48, 49, 57, 63, 64, 65)
_LARGE = (80, 81, 82, 99, 100, 127, 128, 129, 200, 243, 244, 255, 256, 257, 300)
_HUGE = (511, 512, 513, 728, 729, 730, 1000, 1023, 1024, 1025, 4095, 4096, 5000, 10007, 65535, 65536, 65537, 10**6 + 3)
_FEW = (1, 2, 3, 5, 8, 4, 0, 7, 12, 21)
_REAL: tuple[Fraction | int, ...] = (
    Fraction(1, 2),
    Fraction(1, 3),
    Fraction(9, 10),
    1,
    2,
    Fraction(3, 4),
    5,
    0,
    Fraction(1, 7),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`points` compared; `broken` is None or says where the form fails."""

    points: int
    broken: str | None


def points(
    params: Sequence[str],
    kinds: dict[str, str],
    main: frozenset[str],
    huge: bool,
    lows: dict[str, int] | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Sizes to compare at; `main` are the parameters that drive the recursion, `huge` says that large ones are cheap.

    `lows`: the least value of a parameter in the domain. A parameter that does not change may be a threshold, so
    the driving one also takes values around its multiples.
    """
    lows = lows or {}
    drivers = [i for i, p in enumerate(params) if p in main and kinds.get(p) != "real"]
    fixed = [p for i, p in enumerate(params) if i not in drivers]
    if len(drivers) > 1:
        yield from _several(params, kinds, drivers, huge, lows)
        return
    rows: list[list[tuple[Any, ...]]] = []
    whole = [p for p in fixed if kinds.get(p) != "real"][:4] if drivers else []
    for p in whole:
        # one constant at its least while the others are large, and the other way round: a factor of 1 changes nothing,
        # a limit far away is not reached
        for own, rest in ((lows.get(p, 0), 100), (lows.get(p, 0) + 1, 100), (1000, 2)):
            uneven = {
                q: own if q == p else Fraction(1, 2) if kinds.get(q) == "real" else rest + lows.get(q, 0) + j
                for j, q in enumerate(fixed)
            }
            rows.append([tuple(uneven.get(q, n) for q in params) for n in (1, 2, 3, 4, 5, 7, 12, 16, 30)])
    for turn in range(9 if fixed else 1):
        given: dict[str, Any] = {}
        for j, p in enumerate(fixed):
            if kinds.get(p) == "real":
                given[p] = _REAL[(turn + j) % len(_REAL)]
            else:
                # a constant may hide a threshold as long as that is small
                far = (0, 0, 0, 0, 0, 0, 37, 300, 1000)[(turn + j) % 9]
                low = lows.get(p, 0) if turn % 3 or lows.get(p, 0) < 6 else 0
                given[p] = _FEW[(turn * (j + 1) + j) % len(_FEW)] + far + low
        if not drivers:
            rows.append([tuple(given[p] for p in params)])
            continue
        thresholds = [v for v in given.values() if isinstance(v, int) and v > 1]
        sizes = _driving(params[drivers[0]], thresholds, huge, lows, bool(fixed))
        rows.append([tuple(given.get(p, n) for p in params) for n in sizes])
    for column in zip_longest(*rows):
        yield from (p for p in column if p is not None)


def _driving(name: str, thresholds: list[int], huge: bool, lows: dict[str, int], short: bool) -> list[int]:
    low = lows.get(name, 0)
    sizes = list(_SMALL[:14] if short else _SMALL)
    if low > 3:
        sizes += [low + n for n in _SMALL[:12]]
    for v in thresholds:
        sizes += [n for k in (1, 2, 3, 4, 5, 8, 9) for n in (k * v, k * v + 1, k * v - 1) if n <= 4000]
    sizes += [16, 17, 24, 31, 33, 64] if short else _LARGE
    if huge:
        sizes += [100, 129, 1000, 4097, 65537] if short else _HUGE
        sizes += [16 * v + 1 for v in thresholds]
    return list(dict.fromkeys(sizes))


def _several(
    params: Sequence[str], kinds: dict[str, str], drivers: list[int], huge: bool, lows: dict[str, int]
) -> Iterator[tuple[Any, ...]]:
    rng = random.Random(len(params) * 7 + len(drivers))
    choices: list[tuple[Any, ...]] = []
    for i, p in enumerate(params):
        if kinds.get(p) == "real":
            choices.append(_REAL)
        elif i in drivers:
            choices.append((*range(12), 15, 16, 17, 24, 31, 33) + ((64, 65, 100, 129, 1000, 4097) if huge else ()))
        else:
            choices.append((*_FEW, *(lows.get(p, 0) + n for n in _FEW)))
    if len(drivers) == 2:
        for pair in product(range(7), repeat=2):
            point = [rng.choice(c) for c in choices]
            point[drivers[0]], point[drivers[1]] = pair
            yield tuple(point)
    for _ in range(240):
        yield tuple(rng.choice(c) for c in choices)


def _with_outer(sizes: Iterator[tuple[Any, ...]], count: int) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]:
    """Symbols that are no parameters (a price, a model's size) get three sets of values, each for a third of the
    sizes.
    """
    if not count:
        yield from ((p, ()) for p in sizes)
        return
    all_sizes = list(sizes)
    for turn, values in enumerate(([3, 7, 2, 11, 5], [1, 1, 1, 1, 1], [10, 4, 6, 3, 8])):
        given = tuple(values[i % 5] + i // 5 for i in range(count))
        yield from ((p, given) for p in all_sizes[turn::3])


def _close(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= 1e-25 * max(1, abs(a), abs(b)))


def compare(
    evaluator: Evaluator,
    name: str,
    params: Sequence[str],
    form: Expr,
    exact: bool,
    valid: Cond,
    sizes: Iterator[tuple[Any, ...]],
    deadline: Deadline,
    *,
    least: int = 8,
    most: int = 160,
) -> Outcome:
    """Compares a form with the recurrence at up to `most` of the sizes that lie in `valid`."""
    side = evaluator.side
    outer = evaluator.outer
    names = (*params, *outer)
    try:
        inside = compile_cond(valid, names)
        value = compile_expr(form, names, side=side)
    except EvaluationError as e:
        return Outcome(0, str(e))
    precise: Callable[..., Any] | None = None
    done = failures = 0
    for args, given in _with_outer(islice(sizes, 400), len(outer)):
        deadline.check()
        point = (*args, *given)
        try:
            if not inside(*point):
                continue
        except EvaluationError:
            continue
        try:
            if outer:
                evaluator.value(ZERO, dict(zip(outer, given, strict=True)))
            truth = evaluator.call(name, *args)
        except (NonTerminating, NoCase) as e:
            return Outcome(done, f"{e} at {point}")
        except EvaluationError:
            failures += 1
            if failures > 12 and not done:
                return Outcome(0, "the recurrence has no value at the points tried")
            continue
        try:
            claimed = value(*point)
            if isinstance(claimed, float) or not isinstance(truth, int | Fraction):
                if precise is None:
                    precise = compile_expr(form, names, digits=50, side=side)
                claimed = precise(*point)
                if isinstance(truth, float):
                    return Outcome(done, "an irrational value")
        except EvaluationError as e:
            return Outcome(done, f"{e} at {point}")
        if (type(claimed) is not int and not isinstance(claimed, Fraction)) or not isinstance(truth, int | Fraction):
            if isinstance(truth, Fraction):
                truth = type(claimed)(truth.numerator) / truth.denominator
            good = _close(claimed, truth)
        else:
            good = claimed == truth
        if not good and not exact:
            good = bool(claimed > truth if side == "upper" else claimed < truth)
        if not good:
            return Outcome(done, f"{claimed} instead of {truth} at {point}")
        done += 1
        if done >= most:
            break
    return Outcome(done, None if done >= least else "too few points")
