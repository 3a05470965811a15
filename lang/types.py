"""Types without sizes: what the checker computes and the core carries.

Sizes are declared beside types (`nodes.TypeExpr`, `core.Shape`) and inferred by the compiler.
`FnT` and `VarT` do not survive into the core, which is first-order and monomorphic.
"""
from __future__ import annotations

from .record import record

__all__ = ["BOOL", "FLOAT", "INT", "TEXT", "BoolT", "EnumT", "FloatT", "FnT", "IntT", "ListT", "RecordT", "TextT",
           "TupleT", "Type", "VarT", "show_type"]


@record
class TextT:
    pass


@record
class IntT:
    pass


@record
class FloatT:
    pass


@record
class BoolT:
    pass


@record
class ListT:
    """`element` is None for the type of `[]` before anything else is known of it."""
    element: Type | None


@record
class TupleT:
    items: tuple[Type, ...]


@record
class RecordT:
    """Nominal: two records are one type when their names (with the module's) are."""
    name: str
    fields: tuple[tuple[str, Type], ...]


@record
class EnumT:
    name: str
    constants: tuple[str, ...]


@record
class FnT:
    params: tuple[Type, ...]
    result: Type


@record
class VarT:
    """A type parameter of the function being checked."""
    name: str


Type = TextT | IntT | FloatT | BoolT | ListT | TupleT | RecordT | EnumT | FnT | VarT

TEXT, INT, FLOAT, BOOL = TextT(), IntT(), FloatT(), BoolT()


def show_type(t: Type | None) -> str:
    """As a user writes it, without sizes."""
    match t:
        case None:
            return "?"
        case TextT():
            return "Text"
        case IntT():
            return "Int"
        case FloatT():
            return "Float"
        case BoolT():
            return "Bool"
        case ListT(element=e):
            return f"List[{show_type(e)}]" if e is not None else "List"
        case TupleT(items=items):
            return f"({', '.join(show_type(i) for i in items)})"
        case RecordT(name=name) | EnumT(name=name) | VarT(name=name):
            return name
        case FnT(params=params, result=result):
            return f"fn({', '.join(show_type(p) for p in params)}) -> {show_type(result)}"
