"""Systems that have no answer, told apart by their shape before any rule is tried.

- A nested call with a constant or growing result in a descent over two parameters (T(m-1, T(m, n-1))) is Ackermann's:
  not primitive recursive.
- A call in an exponent makes a tower: not elementary.
- A call whose argument grows on one branch while it shrinks on another (3n + 1 against n/2) has no measure that
  decreases. What merely fails to end at the sizes tried is found by evaluation (`solver.Work.probe`).
"""

from __future__ import annotations

from ..equations import Function
from ..expr import Expr, Fn, sym
from .model import Refused
from .structure import calls_in, has_call, slope

__all__ = ["refuse"]


def refuse(f: Function) -> None:
    """Raises Refused where the function has one of these shapes."""
    for case in f.cases:
        for a in case.value.atoms():
            if isinstance(a, Fn) and a.op in ("pow", "factorial") and any(has_call(x, f.name) for x in a.args[-1:]):
                raise Refused(f"{f.name} calls itself in an exponent: a tower of exponentials is not elementary")
        calls = calls_in(case.value, f.name)
        for a in calls:
            if len(f.params) >= 2 and any(_is_value(x, f.name) for x in a.args):
                inner = [b for x in a.args for b in calls_in(x, f.name)]
                if any(_descends(a, f, i) and any(_keeps(b, f, i) for b in inner) for i in range(len(f.params))):
                    raise Refused(f"{f.name} descends like Ackermann's function: it is not primitive recursive")
    _measure(f)


def _is_value(x: Expr, name: str) -> bool:
    return isinstance(x.atom, Fn) and x.atom.op == "call" and x.atom.name == name


def _descends(a: Fn, f: Function, i: int) -> bool:
    gap = (sym(f.params[i]) - a.args[i]).number
    return gap is not None and gap > 0


def _keeps(a: Fn, f: Function, i: int) -> bool:
    return a.args[i] == sym(f.params[i])


def _measure(f: Function) -> None:
    """One parameter that shrinks by a factor in one case and grows by a factor in another."""
    if len(f.params) != 1:
        return
    (p,) = f.params
    grows = shrinks = False
    for case in f.cases:
        for a in calls_in(case.value, f.name):
            found = slope(a.args[0], p)
            if found is None:
                continue
            grows = grows or found[0] > 1
            shrinks = shrinks or found[0] < 1
    if grows and shrinks:
        raise Refused(f"no measure is known that decreases: {p} grows in one call of {f.name} and shrinks in another")
