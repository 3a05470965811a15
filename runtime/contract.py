"""What a declaration promises, made ready to be asked a million times: sizes of arguments, bounds of an answer.

In: parameters, shapes and expressions of the core. Out: Python functions over argument values. A name that stands for
several sizes is the largest of them; a lower bound takes the smallest (LANGUAGE.md, section 3). Nothing is sent here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..compiler import core
from ..compiler.evaluate import compile_expr
from ..compiler.expr import Expr, num
from ..lang.source import Span
from ..lang.types import ListT, TextT, Type
from .convert import counter, renderer
from .tokens import Tokenizer
from .values import Seq, items

__all__ = [
    "Args",
    "Bounds",
    "Contract",
    "Unknown",
    "bound_names",
    "elements_within",
    "extents",
    "leaves",
    "make_measure",
    "primitive_contract",
    "size_source",
    "tool_contract",
]

#: Of every Text, Int and List in a result's shape, in order from the outside inward: smallest and largest size.
Bounds = tuple[tuple[int | None, int | None], ...]

Args = tuple[Any, ...]


class Unknown(Exception):
    """A size or probability depends on a symbol that has no value in this run."""


# ---------------------------------------------------------------- sizes of values


def leaves(shape: core.Shape, source: str, depth: int = 0) -> Iterator[tuple[core.Extent, str, str]]:
    """Every size in a shape as Python source: (extent, the `for` clauses of a comprehension or "", the size)."""
    match shape:
        case core.TextShape(tokens=extent):
            yield extent, "", f"{source}.tokens"
        case core.IntShape(value=extent):
            yield extent, "", source
        case core.ListShape(element=element, length=extent):
            yield extent, "", f"len({source})"
            inner = f"e{depth}"
            for e, clauses, size in leaves(element, inner, depth + 1):
                yield e, f" for {inner} in items({source}){clauses}", size
        case core.TupleShape(items=shapes):
            for i, item in enumerate(shapes):
                yield from leaves(item, f"{source}[{i}]", depth)
        case core.RecordShape(fields=fields):
            for i, (_, field) in enumerate(fields):
                yield from leaves(field, f"{source}[{i}]", depth)
        case _:
            return


def extents(shape: core.Shape) -> Iterator[core.Extent]:
    """Every extent in a shape, in the order of `Bounds`."""
    for extent, _, _ in leaves(shape, "x"):
        yield extent


def size_source(params: Sequence[tuple[str, core.Shape]], name: str) -> tuple[str, str]:
    """Python source of the smallest and the largest of the sizes that a name stands for."""
    single: list[str] = []
    spread: list[str] = []
    for source, shape in params:
        for extent, clauses, size in leaves(shape, source):
            if extent.var == name:
                (spread if clauses else single).append(f"[{size}{clauses}]" if clauses else size)
    if len(single) == 1 and not spread:
        return single[0], single[0]
    if not single and len(spread) == 1:
        return f"min({spread[0]}, default=0)", f"max({spread[0]}, default=0)"
    joined = ", ".join([*single, *(f"*{each}" for each in spread)])
    return f"min(({joined},), default=0)", f"max(({joined},), default=0)"


def bound_names(params: Sequence[core.Param]) -> list[str]:
    """The size variables that parameters bind, in order."""
    names = [e.var for p in params for e in extents(p.shape) if e.var is not None]
    return list(dict.fromkeys(names))


def make_measure(params: Sequence[core.Param], names: Sequence[str]) -> Callable[[Args], dict[str, tuple[int, int]]]:
    """A function from arguments to the smallest and largest size of each name."""
    named = [(f"a[{i}]", p.shape) for i, p in enumerate(params)]
    entries = ", ".join("{!r}: ({}, {})".format(name, *size_source(named, name)) for name in names)
    space: dict[str, Any] = {"items": items}
    exec(f"def measure(a): return {{{entries}}}", space)
    measure: Callable[[Args], dict[str, tuple[int, int]]] = space["measure"]
    return measure


# ---------------------------------------------------------------- contracts


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """A primitive or tool. `prompt_tokens` counts prompt and system text; of a tool it is 0.

    `bounds` are those of the answer; `most_output` the token cap where it differs from the answer's size. `error`,
    `malformed` and `chance` are probabilities, 0 or None where nothing is declared. `latency` and `dollars` are a
    tool's.
    """

    name: str
    is_tool: bool
    params: tuple[core.Param, ...]
    shape: core.Shape
    type: Type
    model: str
    attempts: int
    fixed_tokens: int
    prompt_tokens: Callable[[Args], int]
    bounds: Callable[[Args], Bounds]
    most_output: Callable[[Args], int | None]
    error: Callable[[Args], float]
    malformed: Callable[[Args], float]
    chance: Callable[[Args], float | None]
    latency: Callable[[Args], float]
    dollars: Callable[[Args], float]
    render: Callable[[Args], tuple[str, str]]
    temperature: Fraction | None
    python: str
    span: Span


class _Reader:
    """Compiles the expressions of one declaration into functions of its arguments."""

    def __init__(self, params: tuple[core.Param, ...], settings: Mapping[str, int | float | Fraction]) -> None:
        self._names = bound_names(params)
        self._params = [(f"a[{i}]", p.shape) for i, p in enumerate(params)]
        self._settings: dict[str, Expr | int | Fraction] = {
            k: num(Fraction(v)) for k, v in settings.items() if k not in self._names
        }
        self._space: dict[str, Any] = {"items": items, "within": _within}
        self._count = 0

    def source(self, e: Expr, side: int) -> str:
        """Python source of a value at the smallest (side 0) or largest (side 1) sizes of `a`.

        Raises Unknown for a symbol without a value.
        """
        e = e.subs(self._settings)
        if e.infinite:
            return "None"
        if e.number is not None:
            number = e.number
            return f"{number}" if isinstance(number, int) else self._constant(number)
        names = sorted(e.free)
        for name in names:
            if name not in self._names:
                raise Unknown(name)
        function = self._constant(compile_expr(e, names))
        return f"{function}({', '.join(size_source(self._params, name)[side] for name in names)})"

    def _constant(self, value: Any) -> str:
        self._count += 1
        self._space[f"k{self._count}"] = value
        return f"k{self._count}"

    def function(self, source: str) -> Callable[[Args], Any]:
        exec(f"def f(a): return {source}", self._space)
        made: Callable[[Args], Any] = self._space["f"]
        return made

    def probability(self, e: Expr | None) -> Callable[[Args], Any]:
        """A number between 0 and 1; None for None; 0 where it depends on a symbol that has no value."""
        if e is None:
            return _none
        try:
            source = self.source(e, 1)
        except Unknown:
            return _zero
        return self.function(f"min(1.0, max(0.0, float({source})))")

    def amount(self, e: Expr) -> Callable[[Args], float]:
        try:
            return self.function(f"float({self.source(e, 1)})")
        except Unknown:
            return _zero


def primitive_contract(
    primitive: core.Primitive, settings: Mapping[str, int | float | Fraction], tokenizer: Tokenizer
) -> Contract:
    """The contract of a primitive. Raises Unknown if its sizes depend on a symbol without a value."""
    reader = _Reader(primitive.params, settings)
    pieces = (*primitive.system, *primitive.prompt)
    fixed = sum(tokenizer.count(piece) for piece in pieces if isinstance(piece, str))
    cap = _none if primitive.max_output is None else reader.function(f"int({reader.source(primitive.max_output, 1)})")
    return Contract(
        name=primitive.name,
        is_tool=False,
        params=primitive.params,
        shape=primitive.result,
        type=primitive.result_type,
        model=primitive.model,
        attempts=max(1, primitive.attempts),
        fixed_tokens=fixed,
        prompt_tokens=_prompt_counter(primitive, fixed, tokenizer),
        bounds=_bounds(reader, primitive.result, 1),
        most_output=cap,
        error=reader.probability(primitive.error),
        malformed=reader.probability(primitive.malformed),
        chance=reader.probability(primitive.chance),
        latency=_zero,
        dollars=_zero,
        render=_prompt_renderer(primitive),
        temperature=primitive.temperature,
        python="",
        span=primitive.span,
    )


def tool_contract(tool: core.Tool, settings: Mapping[str, int | float | Fraction]) -> Contract:
    """The contract of a tool. Raises Unknown if its sizes depend on a symbol without a value."""
    reader = _Reader(tool.params, settings)
    return Contract(
        name=tool.name,
        is_tool=True,
        params=tool.params,
        shape=tool.result,
        type=tool.result_type,
        model="",
        attempts=1,
        fixed_tokens=0,
        prompt_tokens=lambda a: 0,
        bounds=_bounds(reader, tool.result, 0),
        most_output=_none,
        error=_zero,
        malformed=_zero,
        chance=reader.probability(tool.chance),
        latency=reader.amount(tool.latency),
        dollars=reader.amount(tool.dollars),
        render=lambda a: ("", ""),
        temperature=None,
        python=tool.python,
        span=tool.span,
    )


def _none(a: Args) -> None:
    return None


def _zero(a: Args) -> float:
    return 0.0


def _bounds(reader: _Reader, shape: core.Shape, least_text: int) -> Callable[[Args], Bounds]:
    """`least_text`: tokens of the shortest Text where no lower size is declared (and the upper is not below)."""
    pairs: list[str] = []
    for kind, extent in _kinds(shape):
        low = "None" if extent.low is None else reader.source(extent.low, 0)
        high = "None" if extent.high is None else reader.source(extent.high, 1)
        pairs.append(f"within({kind!r}, {least_text}, {low}, {high})")
    function = reader.function(f"({''.join(pair + ', ' for pair in pairs)})")
    if all("a[" not in pair for pair in pairs):
        constant: Bounds = function(())
        return lambda a: constant
    return function


def _kinds(shape: core.Shape) -> Iterator[tuple[str, core.Extent]]:
    match shape:
        case core.TextShape(tokens=extent):
            yield "text", extent
        case core.IntShape(value=extent):
            yield "int", extent
        case core.ListShape(element=element, length=extent):
            yield "list", extent
            yield from _kinds(element)
        case core.TupleShape(items=shapes):
            for item in shapes:
                yield from _kinds(item)
        case core.RecordShape(fields=fields):
            for _, field in fields:
                yield from _kinds(field)
        case _:
            return


def _within(kind: str, least_text: int, low: Any, high: Any) -> tuple[int | None, int | None]:
    """Whole bounds that make sense: a size is never negative, and its lower bound never above the upper one."""
    if kind == "int":
        return (None if low is None else math.ceil(low)), (None if high is None else math.floor(high))
    most = None if high is None else max(0, math.floor(high))
    if low is None:
        low = least_text if kind == "text" else 0
    least = max(0, math.ceil(low))
    return (least if most is None else min(least, most)), most


# ---------------------------------------------------------------- prompts


def _hole_type(primitive: core.Primitive, hole: core.Hole) -> tuple[int, Type, core.Shape]:
    for i, p in enumerate(primitive.params):
        if p.name == hole.param:
            type_, shape = p.type, p.shape
            for position in hole.path:
                if isinstance(shape, core.RecordShape):
                    type_ = type_.fields[position][1]  # type: ignore[union-attr]
                    shape = shape.fields[position][1]
                else:
                    type_ = type_.items[position]  # type: ignore[union-attr]
                    shape = shape.items[position]  # type: ignore[union-attr]
            return i, type_, shape
    raise KeyError(hole.param)


def _prompt_counter(primitive: core.Primitive, fixed: int, tokenizer: Tokenizer) -> Callable[[Args], int]:
    space: dict[str, Any] = {"items": items}
    terms = [str(fixed)]
    for piece in (*primitive.system, *primitive.prompt):
        if isinstance(piece, core.Hole):
            i, type_, _ = _hole_type(primitive, piece)
            source = f"a[{i}]" + "".join(f"[{position}]" for position in piece.path)
            if isinstance(type_, TextT):
                terms.append(f"{source}.tokens")
            elif isinstance(type_, ListT) and isinstance(type_.element, TextT):
                terms.append(f"sum([e.tokens for e in items({source})]) + 2 * len({source})")
            else:
                space[f"c{len(space)}"] = counter(type_, tokenizer)
                terms.append(f"c{len(space) - 1}({source})")
    exec(f"def prompt_tokens(a): return {' + '.join(terms)}", space)
    count: Callable[[Args], int] = space["prompt_tokens"]
    return count


def _prompt_renderer(primitive: core.Primitive) -> Callable[[Args], tuple[str, str]]:
    def writer(pieces: Sequence[str | core.Hole]) -> Callable[[Args], str]:
        steps: list[tuple[str, int, tuple[int, ...], Callable[[Any], str] | None]] = []
        for piece in pieces:
            if isinstance(piece, str):
                steps.append((piece, 0, (), None))
            else:
                i, type_, _ = _hole_type(primitive, piece)
                steps.append(("", i, piece.path, renderer(type_)))

        def write(a: Args) -> str:
            out: list[str] = []
            for literal, i, path, show in steps:
                if show is None:
                    out.append(literal)
                    continue
                value = a[i]
                for position in path:
                    value = value[position]
                out.append(show(value))
            return "".join(out)

        return write

    system, prompt = writer(primitive.system), writer(primitive.prompt)
    return lambda a: (system(a), prompt(a))


# ---------------------------------------------------------------- preconditions on elements

def elements_within(xs: Any, key: str, sizes: Callable[[Any], list[int]], low: int | None, high: int | None) -> bool:
    """Whether all sizes within the elements of a list keep the bounds.

    What is known of a long list's tuple holds for each of its views, so that a recursion over `[x, ..rest]` does not
    look at every element again at every step.
    """
    if isinstance(xs, Seq):
        known = xs.notes.get(key)
        if known is None:
            found = sizes(xs.base)
            known = xs.notes[key] = (min(found, default=0), max(found, default=0))
        if (low is None or known[0] >= low) and (high is None or known[1] <= high):
            return True
    found = sizes(xs)
    return (low is None or min(found, default=low) >= low) and (high is None or max(found, default=high) <= high)
