"""Calls in a loop that do not depend on it.

In: a loop of the core. Out: the calls of models that every round makes with the same arguments, whatever the element
and the accumulator. A loop over `range` is taken for one that samples, and so is one that never looks at its element; a
`vote` asks for samples; what stands under a condition may be there to be skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import core

__all__ = ["invariant_calls"]


def invariant_calls(node: core.For | core.Fold) -> list[core.CallPrimitive]:
    """The calls that could be made once, before the loop."""
    if isinstance(node.items, core.Op) and node.items.op == "range":
        return []
    if not any(isinstance(n, core.Local) and n.name == node.var for n in _all(node.body)):
        return []
    changing = {node.var, node.accumulator} if isinstance(node, core.Fold) else {node.var}
    return list(_fixed(node.body, frozenset(changing)))


def _fixed(node: core.Node, changing: frozenset[str]) -> Iterator[core.CallPrimitive]:
    match node:
        case core.Let(name=name, value=value, body=body):
            yield from _fixed(value, changing)
            again = any(
                isinstance(n, core.CallPrimitive | core.CallTool | core.CallFunction)
                or (isinstance(n, core.Local) and n.name in changing)
                for n in _all(value)
            )
            yield from _fixed(body, changing | {name} if again else changing)
        case core.CallPrimitive(args=args):
            inner = [n for a in args for n in _all(a)]
            if not any(
                isinstance(n, core.CallPrimitive | core.CallTool | core.CallFunction | core.Vote)
                or (isinstance(n, core.Local) and n.name in changing)
                for n in inner
            ):
                yield node
            for a in args:
                yield from _fixed(a, changing)
        case core.If(condition=condition):
            yield from _fixed(condition, changing)
        case core.Op(args=args) | core.CallTool(args=args) | core.CallFunction(args=args):
            for a in args:
                yield from _fixed(a, changing)
        case core.Par(items=items):
            for a in items:
                yield from _fixed(a, changing)
        case _:
            return


def _all(node: core.Node) -> Iterator[core.Node]:
    """The node and all below it."""
    yield node
    for child in core.children(node):
        yield from _all(child)
