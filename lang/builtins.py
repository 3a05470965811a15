"""The built-in functions: a table of their types.

In: nothing. Out: `BUILTINS`, from a name to its signatures, tried in order; the first whose outermost shape fits the
first argument is taken. Small letters in the table are type variables; `o` stands for what has an order, `x` for what
has a text form. Sizes are the compiler's business, values the runtime's.
"""
from __future__ import annotations

from dataclasses import dataclass

from .types import BOOL, FLOAT, INT, TEXT, FnT, ListT, TupleT, Type, VarT

__all__ = ["BUILTINS", "BUILTIN_NAMES", "SIZE_FUNCTIONS", "Signature"]


@dataclass(frozen=True, slots=True)
class Signature:
    """`variadic`: the last parameter may be given any number of times."""
    params: tuple[Type, ...]
    result: Type
    variadic: bool = False


A, B, ORDERED, TEXTUAL = VarT("a"), VarT("b"), VarT("o"), VarT("x")


def _list(t: Type) -> Type:
    return ListT(t)


def _s(*params: Type, to: Type, variadic: bool = False) -> Signature:
    return Signature(params, to, variadic)


_TEXTS = _list(TEXT)
_AS = _list(A)

BUILTINS: dict[str, tuple[Signature, ...]] = {
    "len": (_s(_AS, to=INT),),
    "tokens": (_s(TEXT, to=INT),),
    "range": (_s(INT, to=_list(INT)), _s(INT, INT, to=_list(INT))),
    "split": (_s(TEXT, INT, to=_TEXTS), _s(_AS, INT, to=_list(_AS))),
    "halve": (_s(TEXT, to=TupleT((TEXT, TEXT))), _s(_AS, to=TupleT((_AS, _AS)))),
    "chunks": (_s(TEXT, INT, to=_TEXTS), _s(_AS, INT, to=_list(_AS))),
    "windows": (_s(TEXT, INT, INT, to=_TEXTS), _s(_AS, INT, INT, to=_list(_AS))),
    "take": (_s(TEXT, INT, to=TEXT), _s(_AS, INT, to=_AS)),
    "drop": (_s(TEXT, INT, to=TEXT), _s(_AS, INT, to=_AS)),
    "first": (_s(_AS, to=A),),
    "last": (_s(_AS, to=A),),
    "rest": (_s(_AS, to=_AS),),
    "reverse": (_s(_AS, to=_AS),),
    "zip": (_s(_AS, _list(B), to=_list(TupleT((A, B)))),),
    "enumerate": (_s(_AS, to=_list(TupleT((INT, A)))),),
    "flatten": (_s(_list(_AS), to=_AS),),
    "join": (_s(_TEXTS, TEXT, to=TEXT),),
    "lines": (_s(TEXT, to=_TEXTS),),
    "words": (_s(TEXT, to=_TEXTS),),
    "sentences": (_s(TEXT, to=_TEXTS),),
    "paragraphs": (_s(TEXT, to=_TEXTS),),
    "pack": (_s(_TEXTS, INT, to=_TEXTS),),
    "contains": (_s(TEXT, TEXT, to=BOOL),),
    "trim": (_s(TEXT, to=TEXT),),
    "sum": (_s(_list(INT), to=INT), _s(_list(FLOAT), to=FLOAT)),
    "min": (_s(_list(ORDERED), to=ORDERED), _s(INT, INT, to=INT, variadic=True)),
    "max": (_s(_list(ORDERED), to=ORDERED), _s(INT, INT, to=INT, variadic=True)),
    "abs": (_s(INT, to=INT), _s(FLOAT, to=FLOAT)),
    "sorted": (_s(_list(ORDERED), to=_list(ORDERED)), _s(_AS, FnT((A,), ORDERED), to=_AS)),
    "unique": (_s(_AS, to=_AS),),
    "text": (_s(TEXTUAL, to=TEXT),),
    "int": (_s(TEXT, to=INT),),
    "float": (_s(TEXT, to=FLOAT),),
    "ceil": (_s(FLOAT, to=INT),),
    "floor": (_s(FLOAT, to=INT),),
    "log2": (_s(FLOAT, to=FLOAT),),
    "replace_at": (_s(_AS, INT, A, to=_AS),),
}

BUILTIN_NAMES = tuple(sorted(BUILTINS))

SIZE_FUNCTIONS = {"min": 2, "max": 2, "ceil": 1, "floor": 1, "log2": 1}
"""What size expressions may apply, with the least number of arguments; `min` and `max` take more."""
