"""Random systems of the solver's classes: every answer agrees with the recurrence at sizes that the solver did not use.

The number of systems is 120 by default and ORCH_RANDOM_SYSTEMS otherwise; unknowns are counted by class and printed,
wrong answers fail.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from fractions import Fraction

import mpmath  # type: ignore[import-untyped]
import pytest

from orch.compiler.equation_text import parse_system
from orch.compiler.equations import System
from orch.compiler.evaluate import EvaluationError, Evaluator, compile_cond, compile_expr
from orch.compiler.expr import Expr
from orch.compiler.solve import Solution, solve

COUNT = int(os.environ.get("ORCH_RANDOM_SYSTEMS", "120"))
SEED = int(os.environ.get("ORCH_RANDOM_SEED", "1"))


def _forcing(r: random.Random, v: str = "n") -> str:
    return r.choice(
        [
            "1",
            "2",
            f"{v}",
            f"3*{v} + 1",
            f"{v}**2",
            f"{v} - 1",
            "7",
            f"floor({v}/2)",
            f"{v}**2 + {v}",
            f"2**{v}" if v == "n" else "1",
            f"Mod({v}, 2)",
            f"Max({v}, 5)",
            "0",
        ]
    )


def _small_forcing(r: random.Random) -> str:
    return r.choice(
        [
            "1",
            "2",
            "n",
            "3*n + 1",
            "n - 1",
            "n**2",
            "7",
            "floor(n/2)",
            "Mod(n, 2) + 1",
            "n*(n-1)",
            "sqrt(n)",
            "n*log(n, 2)",
        ]
    )


def linear(r: random.Random) -> str:
    k = r.randint(1, 3)
    calls = [f"{r.randint(1, 3)}*T(n-{s})" for s in sorted(r.sample(range(1, 4), k))]
    return f"T(n) = {r.choice(['0', '1', 'n', '3'])} if n <= {r.randint(0, 3)}\nT(n) = {' + '.join(calls)} + {_forcing(r)}\nwhere n >= 1"


def shift(r: random.Random) -> str:
    base = r.choice(["0", "s", "n", "1"])
    return (
        f"T(n, s) = {base} if n <= {r.randint(0, 4)}\n"
        f"T(n, s) = {r.choice(['', '2*', '3*'])}T(n-{r.randint(1, 3)}, s) + {r.choice(['s', 'n*s', 's + n', '1', 's**2'])}\nwhere n >= 1, s >= 1"
    )


def divide(r: random.Random) -> str:
    b = r.choice([2, 2, 3, 4])
    ends = [f"floor(n/{b})", f"ceiling(n/{b})"]
    calls = [f"{r.choice(['', '2*', '3*'])}T({r.choice(ends)})" for _ in range(r.randint(1, 2))]
    base = r.randint(1, 4)
    return f"T(n) = {r.choice(['0', '1', 'n'])} if n <= {base}\nT(n) = {' + '.join(calls)} + {_small_forcing(r)}\nwhere n >= 2"


def balanced(r: random.Random) -> str:
    k = r.choice([2, 2, 3, 4, 5])
    parts = [f"T(floor((n + {i})/{k}), c)" for i in range(k)]
    base = f"T(n, c) = {r.choice(['1', 'n', '5 + 2*n', '0', 'c'])} if n <= c\n"
    if r.random() < 0.3:
        return (
            f"{base}T(n, c) = Max({', '.join(parts)}{r.choice(['', ', 42'])}) + {r.choice(['0', '1', '7'])}\n"
            "where n >= 1, c >= 1"
        )
    return f"{base}T(n, c) = {' + '.join(parts)} + {r.choice(['1', 'n', 'n + 3', '2*n + c', '11'])}\nwhere n >= 1, c >= 1"


def unequal(r: random.Random) -> str:
    pairs = [
        ("floor(n/3)", "floor(2*n/3)"),
        ("floor(n/4)", "n - floor(n/4)"),
        ("floor(n/5)", "ceiling(n/2)"),
        ("floor(n/3)", "n - floor(n/3)"),
    ]
    x, y = r.choice(pairs)
    return (
        f"T(n) = {r.choice(['1', 'n', '2'])} if n <= {r.choice([3, 4, 5, 20])}\n"
        f"T(n) = T({x}) + {r.choice(['', '2*'])}T({y}) + {r.choice(['1', 'n', 'n**2', '3', 'n + 5'])}\nwhere n >= 1"
    )


def extremum(r: random.Random) -> str:
    pick = r.choice(["Max", "Min", "Choice", "Choice"])
    calls = ["T(floor(n/2))", "T(ceiling(n/2))", "T(n-1)", "T(n-2)", "2*T(floor(n/2))", "0", "5"]
    chosen = r.sample(calls, 2)
    if not any("T(" in c for c in chosen):
        chosen[0] = "T(n-1)"
    return f"T(n) = {r.choice(['0', '1'])} if n <= {r.randint(1, 2)}\nT(n) = {pick}({', '.join(chosen)}) + {r.choice(['1', 'n', '3'])}\nwhere n >= 1"


def mutual(r: random.Random) -> str:
    return (
        f"A(n) = {r.randint(0, 2)} if n <= 0\nA(n) = {r.choice(['', '2*'])}B(n-1) + {r.choice(['1', 'n', '4'])}\n"
        f"B(n) = {r.randint(0, 2)} if n <= 0\nB(n) = A(n-{r.randint(1, 2)}) + {r.choice(['', 'B(n-1) + '])}{r.choice(['1', '2'])}\nwhere n >= 1"
    )


def several(r: random.Random) -> str:
    return (
        f"T(n, m) = {r.choice(['0', 'm', '1'])} if n <= 0\n"
        f"T(n, m) = {r.choice(['', '2*'])}T(n-1, {r.choice(['m', 'm+1', '2*m', 'm+n'])}) + {r.choice(['m', '1', 'n', 'm + n'])}\nwhere n >= 1, m >= 1"
    )


def history(r: random.Random) -> str:
    return (
        f"T(n) = {r.randint(0, 2)} if n <= 0\nT(n) = {r.choice(['n', '1', 'n - 1'])} + {r.choice(['', '2*'])}Sum(T(k), (k, 0, n-1))"
        f"{r.choice(['', '/n'])}\nwhere n >= 1"
    )


def carried(r: random.Random) -> str:
    return (
        f"T(n, h) = {r.choice(['h', '0', 'h + 3'])} if n <= 1\n"
        f"T(n, h) = T(floor(n/2), h+{r.randint(0, 9)}) + T(ceiling(n/2), h+{r.randint(0, 9)}) + {r.choice(['h', '1', 'h + 7'])}\nwhere n >= 1, h >= 1"
    )


def clamped(r: random.Random) -> str:
    """Steps by a symbol or a number, down to 0 and no further, with pieces that are clipped at the end."""
    w = r.choice(["w", "w", "3", "7"])
    piece = f"Min(n, {w})"
    if r.random() < 0.3:
        return (
            f"T(n, s, w) = {r.choice(['0', 's', '5'])} if n <= 0\n"
            f"T(n, s, w) = Max({r.choice(['', '2*'])}s + {piece} + {r.randint(0, 9)}, T(Max(0, n - {w}), s + {r.randint(0, 5)}, w))\n"
            "where n >= 0, w >= 1, s >= 0"
        )
    cost = r.choice(["1", piece, f"3*{piece} + 2", f"s*{piece}", f"{piece}**2", f"n + {piece}", f"Max(0, n - {w}) + 1", "s"])
    carried = r.choice(["s", "s + 5", f"s + {piece}"])
    return (
        f"T(n, s, w) = {r.choice(['0', '1', 's'])} if n == 0\n"
        f"T(n, s, w) = {r.choice(['', '', '2*'])}T(Max(0, n - {w}), {carried}, w) + {cost}\nwhere n >= 0, w >= 1, s >= 0"
    )


def threshold(r: random.Random) -> str:
    """Parts that add up to the whole, or one of them, with a threshold that is a symbol."""
    x, y = r.choice(
        [
            ("floor(n/3)", "ceiling(2*n/3)"),
            ("ceiling(n/3)", "floor(2*n/3)"),
            ("floor(n/5)", "n - floor(n/5)"),
            ("ceiling(n/4)", "n - ceiling(n/4)"),
        ]
    )
    parts = f"T({x}, c) + T({y}, c)" if r.random() < 0.6 else f"Max(T({x}, c), T({y}, c))"
    cost = r.choice(["1", "7", "n", "2*n + 3"]) if "Max" not in parts else r.choice(["1", "4"])
    base = r.choice(["1", "n", "5 + 2*n"]) if "Max" not in parts else r.choice(["0", "3"])
    return f"T(n, c) = {base} if n <= c\nT(n, c) = {parts} + {cost}\nwhere n >= 1, c >= {r.choice([4, 5, 8])}"


def fan_in(r: random.Random) -> str:
    """A reduction in groups, down to the first level that is small enough."""
    k = r.choice(["c", "c", "3", "5"])
    end = r.choice(["c", "c", "1"])
    cost = r.choice(["ceiling(n/{k})", "n", "n + 2*ceiling(n/{k}) + 1", "3*ceiling(n/{k}) + 5", "4"]).format(k=k)
    return (
        f"T(n, c) = {r.choice(['1', 'n + 2', '0'])} if n <= {end}\n"
        f"T(n, c) = T(ceiling(n/{k}), c) + {cost}\nwhere n >= 1, c >= 2"
    )


def ring(r: random.Random) -> str:
    """Functions in a ring, of which only one decides where it ends."""
    step = r.choice(["n-1", "n-2", "floor(n/2)", "ceiling(n/3)"])
    call = r.choice(["B(n)", "B(n)", "2*B(n)"])
    return (
        f"A(n) = {r.randint(0, 2)} if n <= {r.randint(1, 3)}\nA(n) = {call} + {r.choice(['1', 'n'])}\n"
        f"B(n) = C(n) + {r.choice(['1', 'n', 'Min(1, n)'])}\nC(n) = A({step}) + {r.choice(['0', '3'])}\nwhere n >= 1"
    )


def table(r: random.Random) -> str:
    """Parts in two directions, until one of them is small."""
    b, c = r.choice([2, 2, 3]), r.choice([1, 2, 8])
    rows = ["floor(n/2)", "ceiling(n/2)"] if b == 2 else ["floor(n/3)", "floor((n+1)/3)", "ceiling(n/3)"]
    calls = " + ".join(f"T({x}, {y.replace('(n', '(m')})" for x in rows for y in rows)
    leaf = r.choice(["1", "n + m", "3*n + 2"])
    cost = r.choice(["1", "n + 2*m", "7"])
    return f"T(n, m) = {leaf} if n <= {c}\nT(n, m) = {leaf} if m <= {c}\nT(n, m) = {calls} + {cost}\nwhere n >= 1, m >= 1"


def products(r: random.Random) -> str:
    """Every one of n goes on with the others, and what has been chosen so far costs at the end."""
    base = r.choice(["m", "3*m + 1", "m**2", "7"])
    return f"T(n, m) = {base} if n <= 0\nT(n, m) = n*T(n - 1, m + {r.randint(1, 3)})\nwhere n >= 0, m >= 0"


CLASSES = (linear, shift, divide, balanced, unequal, extremum, mutual, several, history, carried, clamped, threshold, fan_in, ring, table, products)
UNUSED = (36, 37, 38, 41, 53, 71, 77, 90, 91, 111, 150, 181)
FAR = (333, 777, 1111, 3001, 2**14 + 5, 10**5 + 7)


def _points(names: tuple[str, ...], far: bool) -> list[tuple[int, ...]]:
    values = UNUSED + (FAR if far else ())
    if len(names) == 1:
        return [(n,) for n in values]
    return (
        [tuple(n if i == 0 else k for i in range(len(names))) for n in values for k in (1, 6, 19)]
        if len(names) > 1
        else []
    )


def faults(system: System, side: str, s: Solution, names: tuple[str, ...], far: bool) -> list[str]:
    """Where the solution contradicts the recurrence."""
    if s.closed is None:
        return []
    out = []
    evaluator = Evaluator(system, side, seconds=5.0, digits=50)  # type: ignore[arg-type]
    value, inside = compile_expr(s.closed, names, digits=50), compile_cond(s.valid, names)
    for point in _points(names, far):
        if not inside(*point):
            continue
        try:
            truth = evaluator.value(None, dict(zip(names, point, strict=True)))
        except EvaluationError:
            continue
        claimed = value(*point)
        gap = claimed - truth
        if gap == 0 or abs(gap) <= 1e-20 * max(1, abs(truth)):
            continue
        if s.exact or (gap < 0 if side == "upper" else gap > 0):
            out.append(f"{side} {s.closed} is {claimed} instead of {truth} at {point}, rules {s.rules}")
    return out


def drift(system: System, side: str, order: Expr, name: str) -> float:
    """By how much value/order changes from one far size to a much farther one."""
    evaluator = Evaluator(system, side, seconds=5.0, digits=30)  # type: ignore[arg-type]
    value = compile_expr(order, (name,), digits=30)
    logs = []
    for n in (2**7, 2**9):
        truth, claimed = evaluator.value(None, {name: n}), value(n)
        logs.append(float(mpmath.log(truth) - mpmath.log(claimed)) if truth > 0 else 0.0)
    return abs(logs[1] - logs[0])


@pytest.mark.parametrize("make", CLASSES, ids=lambda f: f.__name__)
def test_random_systems(make: object) -> None:
    r = random.Random(f"{make.__name__} {SEED}")  # type: ignore[attr-defined]
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for _ in range(max(1, COUNT // len(CLASSES))):
        text = make(r)  # type: ignore[operator]
        system = parse_system(text)
        assert isinstance(system, System), f"{text}\n{system}"
        names = tuple(sorted(system.goal.free, key=lambda n: (n != "n", n)))
        for side in ("upper", "lower"):
            s = solve(system, side, time_limit=10.0)
            seen[
                "refused"
                if s.refused
                else "exact"
                if s.exact and s.closed is not None
                else "bound"
                if s.closed is not None
                else "order"
                if s.order is not None
                else "unknown"
            ] += 1
            far = make in (divide, balanced, unequal, carried)
            wrong += [f"{text}\n  {fault}" for fault in faults(system, side, s, names, far)]
            if s.order is not None and len(names) == 1 and s.theta:
                change = drift(system, side, s.order, names[0])
                if change > 0.9:
                    wrong.append(f"{text}\n  {side} order {s.order} drifts by {change:.2f}, rules {s.rules}")
    print(f"{make.__name__}: {dict(sorted(seen.items()))}")  # type: ignore[attr-defined]
    assert not wrong, "\n".join(wrong[:5])


def test_faults_are_found() -> None:
    """The control: an answer that is off by one fails."""
    system = parse_system("T(n) = 0 if n <= 0\nT(n) = T(n-1) + n\nwhere n >= 1")
    assert isinstance(system, System)
    good = solve(system, "upper")
    assert good.closed is not None and not faults(system, "upper", good, ("n",), False)
    bad = Solution(good.closed + 1, True, good.valid, good.order, good.rules)
    assert faults(system, "upper", bad, ("n",), False)
    low = Solution(good.closed - Fraction(1, 2), False, good.valid, good.order, good.rules)
    assert faults(system, "upper", low, ("n",), False) and not faults(system, "lower", low, ("n",), False)
