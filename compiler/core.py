"""The core: what is analysed and what is run. First-order, monomorphic, every name unique within its function.

In: made by `lower` from a checked program. Out: read by `analyse` (sizes and costs) and by the runtime's machine.
Patterns, `match`, lambdas, generics, named arguments and modules are gone; what is left is small enough to give each
form one cost rule and one execution rule. Sizes and conditions on sizes are `expr.Expr` and `expr.Cond`.

| surface | core |
|---|---|
| `match xs { [] -> a, [x, ..r] -> b }` | `If(len(xs) == 0, a, Let(x, index(xs, 0), Let(r, drop(xs, 1), b)))` |
| a pattern | a fresh local and projections `Op("item", (t,), 0)` |
| `sorted(xs, |x| key)` | `Op("sorted_by", (xs, For(x, xs, key)))` |
| `|x| e` given for a function parameter | a lifted function; captured locals become further parameters |
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from fractions import Fraction
from typing import Literal

from ..lang.record import record
from ..lang.source import Span
from ..lang.types import Type
from .expr import Cond, Expr

__all__ = [
    "And", "BoolShape", "CallFunction", "CallPrimitive", "CallTool", "Choose", "Const", "EnumShape", "Extent",
    "FloatShape", "Fold", "For", "Function", "Hole", "If", "IntShape", "Let", "ListShape", "Local", "Model", "Node",
    "Not", "Op", "Or", "Par", "Param", "ParamVar", "Partition", "Primitive", "Program", "RecordShape", "Repeat",
    "Shape", "SizeVar", "TextShape", "Tool", "Tunable", "TupleShape", "Vote", "Within",
]


# ---------------------------------------------------------------- declared sizes

@record
class Extent:
    """What a declaration says of one size.

    In a parameter `var` names the size (declared, or generated: `n_doc`) and `low`/`high` are a precondition, or None.
    In a result `var` is None and `low`/`high` bound the size; both None where nothing is declared.
    """
    var: str | None
    low: Expr | None
    high: Expr | None


@record
class TextShape:
    tokens: Extent


@record
class IntShape:
    """The extent is that of the number itself: its own size variable in a parameter, its bounds `Int[a..b]`."""
    value: Extent


@record
class FloatShape:
    pass


@record
class BoolShape:
    pass


@record
class EnumShape:
    name: str
    constants: tuple[str, ...]


@record
class ListShape:
    element: Shape
    length: Extent


@record
class TupleShape:
    items: tuple[Shape, ...]


@record
class RecordShape:
    name: str
    fields: tuple[tuple[str, Shape], ...]


Shape = TextShape | IntShape | FloatShape | BoolShape | EnumShape | ListShape | TupleShape | RecordShape


# ---------------------------------------------------------------- expressions

@record
class _At:
    """Place and type that every node has."""
    span: Span = field(compare=False, repr=False, kw_only=True)
    type: Type = field(compare=False, repr=False, kw_only=True)


@record
class Const(_At):
    """A literal: int, Fraction (a Float), bool, or str (a Text; the constant's name for an enum, told by `type`)."""
    value: int | Fraction | bool | str


@record
class Local(_At):
    """A parameter, or a name bound by Let, For, Partition, Fold or Repeat."""
    name: str


@record
class SizeVar(_At):
    """A size variable used as an Int (not the variable of an Int parameter: that is the Local)."""
    name: str


@record
class ParamVar(_At):
    """A tunable `param`."""
    name: str


@record
class Let(_At):
    """`name` is "_" for a value that is dropped."""
    name: str
    value: Node
    body: Node


@record
class If(_At):
    condition: Node
    then: Node
    otherwise: Node
    chance: Expr | None


@record
class And(_At):
    """The right side is evaluated only if the left one is true."""
    left: Node
    right: Node


@record
class Or(_At):
    """The right side is evaluated only if the left one is false."""
    left: Node
    right: Node


@record
class Not(_At):
    operand: Node


@record
class Op(_At):
    """Arithmetic, comparison, construction, access and the built-in functions; no calls of models in themselves.

    | op | args |
    |---|---|
    | + - * / // % ** neg | numbers |
    | == != < <= > >= | two values of one type |
    | ++ | two lists or two texts |
    | interpolate | pieces, each a Text, Int, Float, Bool or enum; the text form of the sequence |
    | list, tuple | the items |
    | record | the fields in declared order |
    | item | a tuple or record; `index` is the field's position |
    | index | xs, i |
    | slice | xs, i, j (a missing end is Const 0, or the op is slice_from with two args) |
    | len, tokens, range (1 or 2 args), split, halve, chunks, windows, take, drop, first, last, rest, reverse, zip,
      enumerate, flatten, join, lines, words, sentences, paragraphs, pack, contains, trim, sum, min, max, abs, sorted,
      sorted_by (xs, keys), unique, text, int, float, ceil, floor, log2, replace_at | as in the reference, section 4 |

    `min` and `max` have one list argument or several numbers.
    """
    op: str
    args: tuple[Node, ...]
    index: int = 0


@record
class CallPrimitive(_At):
    """`site` is unique in the program. `fallback` is the `else` expression."""
    primitive: str
    args: tuple[Node, ...]
    site: int
    fallback: Node | None


@record
class CallTool(_At):
    tool: str
    args: tuple[Node, ...]
    site: int
    fallback: Node | None


@record
class CallFunction(_At):
    function: str
    args: tuple[Node, ...]
    site: int


@record
class For(_At):
    var: str
    items: Node
    where: Node | None
    chance: Expr | None
    body: Node
    concurrent: bool


@record
class Partition(_At):
    var: str
    items: Node
    where: Node
    chance: Expr | Literal["uniform"] | None
    concurrent: bool


@record
class Fold(_At):
    accumulator: str
    initial: Node
    var: str
    items: Node
    body: Node


@record
class Repeat(_At):
    accumulator: str
    initial: Node
    up_to: Node | None
    condition: Node
    chance: Expr | None
    body: Node


@record
class Par(_At):
    """A tuple of concurrently evaluated items."""
    items: tuple[Node, ...]


@record
class Vote(_At):
    """`lead` is None for `vote of most`."""
    lead: Node | None
    most: Node
    body: Node
    fallback: Node | None


@record
class Choose(_At):
    metric: str
    alternatives: tuple[tuple[str, Node], ...]


Node = (Const | Local | SizeVar | ParamVar | Let | If | And | Or | Not | Op | CallPrimitive | CallTool | CallFunction
        | For | Partition | Fold | Repeat | Par | Vote | Choose)


def children(node: Node) -> Iterator[Node]:
    """The nodes right below, in the order in which they are evaluated."""
    match node:
        case Const() | Local() | SizeVar() | ParamVar():
            return
        case Let(value=value, body=body):
            yield value
            yield body
        case If(condition=condition, then=then, otherwise=otherwise):
            yield condition
            yield then
            yield otherwise
        case And(left=left, right=right) | Or(left=left, right=right):
            yield left
            yield right
        case Not(operand=operand):
            yield operand
        case Op(args=args) | CallFunction(args=args):
            yield from args
        case CallPrimitive(args=args, fallback=fallback) | CallTool(args=args, fallback=fallback):
            yield from args
            if fallback is not None:
                yield fallback
        case For(items=xs, where=where, body=body):
            yield xs
            if where is not None:
                yield where
            yield body
        case Partition(items=xs, where=where):
            yield xs
            yield where
        case Fold(initial=initial, items=xs, body=body):
            yield initial
            yield xs
            yield body
        case Repeat(initial=initial, up_to=up_to, condition=condition, body=body):
            yield initial
            if up_to is not None:
                yield up_to
            yield condition
            yield body
        case Par(items=parts):
            yield from parts
        case Vote(lead=lead, most=most, body=body, fallback=fallback):
            if lead is not None:
                yield lead
            yield most
            yield body
            if fallback is not None:
                yield fallback
        case Choose(alternatives=alternatives):
            for _, alternative in alternatives:
                yield alternative


# ---------------------------------------------------------------- declarations

@record
class Param:
    """A parameter of a primitive, tool or function. Every leaf of a parameter's shape has a size variable."""
    name: str
    shape: Shape
    type: Type


@record
class Hole:
    """`{param.field}` in a prompt: the positions of the fields, from the parameter inward."""
    param: str
    path: tuple[int, ...]


@record
class Model:
    """What the program says of a model; None is looked up or stays unknown. Prices: dollars per million tokens."""
    name: str
    target: str
    size: Expr
    temperature: Fraction | None
    context: int | None
    price_in: Fraction | None
    price_out: Fraction | None
    price_cached: Fraction | None
    ttft: Fraction | None
    prefill: Fraction | None
    decode: Fraction | None
    rpm: int | None
    tpm: int | None
    reasoning: int | None
    span: Span | None


@record
class Tunable:
    """A `param`: its default, and its range (a None end is open)."""
    name: str
    default: int
    low: int | None
    high: int | None
    span: Span


@record
class Primitive:
    """`error`, `malformed`, `chance`, `max_output`, `typical` are expressions in the parameters' size variables."""
    name: str
    params: tuple[Param, ...]
    result: Shape
    result_type: Type
    model: str
    prompt: tuple[str | Hole, ...]
    system: tuple[str | Hole, ...]
    error: Expr
    malformed: Expr
    attempts: int
    chance: Expr | None
    temperature: Fraction | None
    max_output: Expr | None
    typical: Expr | None
    span: Span


@record
class Tool:
    """`python` is "module:function"; latency in seconds, dollars a call."""
    name: str
    params: tuple[Param, ...]
    result: Shape
    result_type: Type
    python: str
    latency: Expr
    dollars: Expr
    chance: Expr | None
    span: Span


@record
class Within:
    metric: str
    bound: Expr
    span: Span


@record
class Function:
    """`origin` is the name in the source; `name` is unique among specialisations. `span` is the header."""
    name: str
    origin: str
    params: tuple[Param, ...]
    result: Shape
    result_type: Type
    where: tuple[tuple[Cond, Span], ...]
    decreases: Expr | None
    within: tuple[Within, ...]
    body: Node
    span: Span


@record
class Program:
    """A whole program with everything that it imports. Functions that no entry reaches are kept, if first-order."""
    name: str
    models: Mapping[str, Model]
    tunables: Mapping[str, Tunable]
    primitives: Mapping[str, Primitive]
    tools: Mapping[str, Tool]
    functions: Mapping[str, Function]
    entries: Mapping[str, str]     # name in the main file -> key in `functions`; generic functions are no entries
