"""The syntax tree: frozen dataclasses in closed unions.

In: built by `parser`. Out: read by `names`, `check`, `format` and the compiler's `lower`.
Spans take no part in equality, so that two trees are equal when their programs are.
Nothing is written back onto nodes: results of passes live in side tables keyed by
`id(node)`, for every node of a module lives as long as the module.
"""
from __future__ import annotations

from dataclasses import field
from typing import Literal

from .record import record
from .source import Span

__all__ = [
    "Apply",
    "Arg",
    "Arm",
    "Attr",
    "Binary",
    "Block",
    "BoolLit",
    "BoolType",
    "CallExpr",
    "Choose",
    "Comment",
    "Decl",
    "ElseExpr",
    "EnumDecl",
    "Expr",
    "ExprStmt",
    "Field",
    "FieldDecl",
    "FloatLit",
    "FloatType",
    "FnDecl",
    "FnType",
    "Fold",
    "For",
    "If",
    "Import",
    "Index",
    "IntLit",
    "IntType",
    "Lambda",
    "Let",
    "ListLit",
    "ListPat",
    "ListType",
    "LitPat",
    "Match",
    "ModelDecl",
    "Module",
    "Name",
    "NamePat",
    "NamedType",
    "Par",
    "Param",
    "ParamDecl",
    "Partition",
    "Pattern",
    "PrimitiveDecl",
    "Repeat",
    "SizeRange",
    "Slice",
    "Stmt",
    "StringLit",
    "TextType",
    "ToolDecl",
    "TupleIndex",
    "TupleLit",
    "TuplePat",
    "TupleType",
    "TypeDecl",
    "TypeExpr",
    "Unary",
    "Vote",
    "WildPat",
    "WithinClause",
]


def _span() -> Span:
    return field(compare=False, repr=False, kw_only=True)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- types and sizes

@record
class SizeRange:
    """`[s]` (low is None) or `[a..b]`; both ends are size expressions."""
    low: Expr | None
    high: Expr
    span: Span = _span()


@record
class TextType:
    size: SizeRange | None
    span: Span = _span()


@record
class IntType:
    """`Int` or `Int[a..b]`: here the range bounds the number itself."""
    bounds: SizeRange | None
    span: Span = _span()


@record
class FloatType:
    span: Span = _span()


@record
class BoolType:
    span: Span = _span()


@record
class ListType:
    element: TypeExpr
    size: SizeRange | None
    span: Span = _span()


@record
class TupleType:
    items: tuple[TypeExpr, ...]
    span: Span = _span()


@record
class NamedType:
    """A record, an enum or a type parameter; `module` for `shared.Finding`."""
    name: str
    module: str | None = None
    span: Span = _span()


@record
class FnType:
    params: tuple[TypeExpr, ...]
    result: TypeExpr
    span: Span = _span()


TypeExpr = TextType | IntType | FloatType | BoolType | ListType | TupleType | NamedType | FnType


# ---------------------------------------------------------------- patterns

@record
class WildPat:
    span: Span = _span()


@record
class NamePat:
    """Binds a name, or tests for an enum constant of that name (decided by `names`)."""
    name: str
    span: Span = _span()


@record
class LitPat:
    """A literal: IntLit (possibly negative: Unary("-", IntLit)), FloatLit, BoolLit or a StringLit without holes."""
    value: Expr
    span: Span = _span()


@record
class TuplePat:
    items: tuple[Pattern, ...]
    span: Span = _span()


@record
class ListPat:
    """`[a, b]` (rest is None) or `[a, b, ..rest]` (rest is a NamePat or WildPat; `..` alone is a WildPat)."""
    items: tuple[Pattern, ...]
    rest: NamePat | WildPat | None
    span: Span = _span()


Pattern = WildPat | NamePat | LitPat | TuplePat | ListPat


# ---------------------------------------------------------------- expressions

@record
class IntLit:
    value: int
    span: Span = _span()


@record
class FloatLit:
    """`text` is the literal as written, so that a price is the exact decimal it says."""
    text: str
    span: Span = _span()


@record
class BoolLit:
    value: bool
    span: Span = _span()


@record
class StringLit:
    """Literal pieces (escapes resolved, block strings dedented) and interpolated expressions.

    Pieces are never empty and never adjacent. `block` tells \"\"\"...\"\"\" for the formatter.
    """
    parts: tuple[str | Expr, ...]
    block: bool = field(default=False, compare=False)
    span: Span = _span()


@record
class Name:
    id: str
    span: Span = _span()


@record
class Field:
    """`v.title`; also `shared.thing` where `shared` is an imported module (decided by `names`)."""
    object: Expr
    name: str
    span: Span = _span()


@record
class TupleIndex:
    """`pair.0`"""
    object: Expr
    index: int
    span: Span = _span()


@record
class Index:
    object: Expr
    index: Expr
    span: Span = _span()


@record
class Slice:
    """`xs[i..j]`, either end may be missing"""
    object: Expr
    low: Expr | None
    high: Expr | None
    span: Span = _span()


@record
class Unary:
    op: Literal["-", "not"]
    operand: Expr
    span: Span = _span()


@record
class Binary:
    """op: or and == != < <= > >= ++ + - * / // % **"""
    op: str
    left: Expr
    right: Expr
    span: Span = _span()


@record
class ListLit:
    items: tuple[Expr, ...]
    span: Span = _span()


@record
class TupleLit:
    """Two items or more."""
    items: tuple[Expr, ...]
    span: Span = _span()


@record
class Arg:
    """One argument; `name` for `f(x: a)`."""
    name: str | None
    value: Expr
    span: Span = _span()


@record
class Apply:
    """`f(a, x: b)`: a function, tool, built-in, function parameter or record constructor.

    `function` is a Name or a Field on a module's name; record constructors are Names that begin with a capital.
    """
    function: Expr
    args: tuple[Arg, ...]
    span: Span = _span()


@record
class CallExpr:
    """`call p(a)`"""
    target: Apply
    span: Span = _span()


@record
class ElseExpr:
    """`attempt else fallback`; attempt is a CallExpr, an Apply (of a tool) or a Vote."""
    attempt: CallExpr | Apply | Vote
    fallback: Expr
    span: Span = _span()


@record
class Lambda:
    params: tuple[str, ...]
    body: Expr
    span: Span = _span()


@record
class Let:
    pattern: Pattern
    value: Expr
    span: Span = _span()


@record
class ExprStmt:
    """An expression whose value is dropped."""
    value: Expr
    span: Span = _span()


Stmt = Let | ExprStmt


@record
class Block:
    statements: tuple[Stmt, ...]
    result: Expr
    span: Span = _span()


@record
class If:
    """`else if` is a Block whose only content is another If."""
    condition: Expr
    chance: Expr | None
    then: Block
    otherwise: Block
    span: Span = _span()


@record
class Arm:
    pattern: Pattern
    body: Expr
    span: Span = _span()


@record
class Match:
    subject: Expr
    arms: tuple[Arm, ...]
    span: Span = _span()


@record
class For:
    concurrent: bool
    pattern: Pattern
    items: Expr
    where: Expr | None
    chance: Expr | None
    body: Block
    span: Span = _span()


@record
class Par:
    """`par (a, b, c)`"""
    items: tuple[Expr, ...]
    span: Span = _span()


@record
class Partition:
    """`chance` is "uniform" for `chance uniform`."""
    concurrent: bool
    pattern: Pattern
    items: Expr
    where: Expr
    chance: Expr | Literal["uniform"] | None
    span: Span = _span()


@record
class Fold:
    accumulator: Pattern
    initial: Expr
    pattern: Pattern
    items: Expr
    body: Block
    span: Span = _span()


@record
class Repeat:
    accumulator: Pattern
    initial: Expr
    up_to: Expr | None
    condition: Expr
    chance: Expr | None
    body: Block
    span: Span = _span()


@record
class Vote:
    """`vote lead k up to m { e }` (lead is set) or `vote of m { e }` (lead is None)."""
    lead: Expr | None
    most: Expr
    body: Block
    span: Span = _span()


@record
class Choose:
    """`choose least METRIC { a: e1  b: e2 }`"""
    metric: str
    alternatives: tuple[tuple[str, Expr], ...]
    span: Span = _span()


Expr = (IntLit | FloatLit | BoolLit | StringLit | Name | Field | TupleIndex | Index | Slice | Unary | Binary | ListLit
        | TupleLit | Apply | CallExpr | ElseExpr | Lambda | Block | If | Match | For | Par | Partition | Fold | Repeat
        | Vote | Choose)


# ---------------------------------------------------------------- declarations

@record
class Attr:
    """`name: value` within braces. A `model` attribute's value is a Name; a tool's `python` a StringLit."""
    name: str
    value: Expr
    span: Span = _span()


@record
class Param:
    name: str
    type: TypeExpr
    span: Span = _span()


@record
class Import:
    """`import std.reduce` (path "std.reduce", standard) or `import "./a.orch" as a`. 

    `name` is what it is called here.
    """
    path: str
    standard: bool
    alias: str | None
    span: Span = _span()


@record
class ModelDecl:
    name: str
    target: str
    attrs: tuple[Attr, ...]
    doc: str | None = None
    span: Span = _span()
    name_span: Span = _span()


@record
class ParamDecl:
    """`param chunk: Int = 2000 in 256..32000`; the range may be missing."""
    name: str
    type: TypeExpr
    default: Expr
    range: SizeRange | None
    doc: str | None = None
    span: Span = _span()
    name_span: Span = _span()


@record
class FieldDecl:
    name: str
    type: TypeExpr
    span: Span = _span()


@record
class TypeDecl:
    name: str
    fields: tuple[FieldDecl, ...]
    doc: str | None = None
    span: Span = _span()
    name_span: Span = _span()


@record
class EnumDecl:
    name: str
    constants: tuple[str, ...]
    doc: str | None = None
    span: Span = _span()
    name_span: Span = _span()


@record
class PrimitiveDecl:
    name: str
    params: tuple[Param, ...]
    result: TypeExpr
    attrs: tuple[Attr, ...]
    doc: str | None = None
    span: Span = _span()
    name_span: Span = _span()


@record
class ToolDecl:
    name: str
    params: tuple[Param, ...]
    result: TypeExpr
    attrs: tuple[Attr, ...]
    doc: str | None = None
    span: Span = _span()
    name_span: Span = _span()


@record
class WithinClause:
    """`calls <= 2 * n`"""
    metric: str
    bound: Expr
    span: Span = _span()


@record
class FnDecl:
    name: str
    type_params: tuple[str, ...]
    params: tuple[Param, ...]
    result: TypeExpr
    where: tuple[Expr, ...]
    decreases: Expr | None
    within: tuple[WithinClause, ...]
    body: Block
    doc: str | None = None
    span: Span = _span()
    name_span: Span = _span()
    header_span: Span = _span()


Decl = Import | ModelDecl | ParamDecl | TypeDecl | EnumDecl | PrimitiveDecl | ToolDecl | FnDecl


@record
class Comment:
    """A comment that is not documentation; `text` includes the `#`. Kept for the formatter."""
    text: str
    own_line: bool
    span: Span = _span()


@record
class Module:
    decls: tuple[Decl, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    span: Span = _span()
