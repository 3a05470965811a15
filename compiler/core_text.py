"""The core as text: for tests, and for people who look into the compiler.

In: a program, function or node of the core. Out: text that names every form plainly. It is not parsed back.
"""
from __future__ import annotations

from typing import assert_never

from . import core as c

__all__ = ["show_function", "show_node", "show_program", "show_shape"]


def show_program(p: c.Program) -> str:
    """Declarations, then functions in the order of the program."""
    parts = [f"{kind} {q.name}({_params(q.params)}) -> {show_shape(q.result)}"
             for kind, group in (("primitive", p.primitives), ("tool", p.tools)) for q in group.values()]
    return "\n".join([*parts, *(show_function(f) for f in p.functions.values())])


def show_function(f: c.Function) -> str:
    """The header with all extents, and the body."""
    clauses = [f"where {cond}" for cond, _ in f.where]
    if f.decreases is not None:
        clauses.append(f"decreases {f.decreases}")
    clauses += [f"within {w.metric} <= {w.bound}" for w in f.within]
    head = " ".join([f"fn {f.name}({_params(f.params)}) -> {show_shape(f.result)}", *clauses])
    return f"{head}\n    {show_node(f.body, 2)}"


def _params(params: tuple[c.Param, ...]) -> str:
    return ", ".join(f"{p.name}: {show_shape(p.shape)}" for p in params)


def _extent(e: c.Extent) -> str:
    limits = "" if e.low is None and e.high is None else \
        f"{e.low if e.low is not None else ''}..{e.high if e.high is not None else ''}"
    return f"[{' '.join(x for x in (e.var or '', limits) if x)}]" if e.var or limits else ""


def show_shape(s: c.Shape) -> str:
    """A size as `[n]`, `[1..120]` or `[n_url 0..40]`: its variable, then its limits."""
    match s:
        case c.TextShape(tokens=tokens):
            return f"Text{_extent(tokens)}"
        case c.IntShape(value=value):
            return f"Int{_extent(value)}"
        case c.FloatShape():
            return "Float"
        case c.BoolShape():
            return "Bool"
        case c.EnumShape(name=name):
            return name
        case c.ListShape(element=element, length=length):
            return f"List{_extent(length)}({show_shape(element)})"
        case c.TupleShape(items=items):
            return f"({', '.join(show_shape(i) for i in items)})"
        case c.RecordShape(name=name, fields=fields):
            return f"{name}({', '.join(f'{k}: {show_shape(v)}' for k, v in fields)})"
        case _:
            assert_never(s)


def show_node(x: c.Node, depth: int = 0) -> str:
    """Lets and branches on lines of their own. Size variables as `#n`, params as `$chunk`, calls with their site."""
    pad = "  " * depth

    def inner(y: c.Node) -> str:
        return show_node(y, depth + 1)

    def several(items: tuple[c.Node, ...]) -> str:
        return ", ".join(inner(i) for i in items)

    def after(word: str, y: c.Node | None) -> str:
        return f" {word} {inner(y)}" if y is not None else ""

    match x:
        case c.Const(value=value):
            return repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value,
                                                                                               bool) else str(value)
        case c.Local(name=name):
            return name
        case c.SizeVar(name=name):
            return f"#{name}"
        case c.ParamVar(name=name):
            return f"${name}"
        case c.Let():
            lines = []
            at: c.Node = x
            while isinstance(at, c.Let):
                lines.append(f"let {at.name} = {inner(at.value)}")
                at = at.body
            return f"\n{pad}".join([*lines, show_node(at, depth)])
        case c.If(condition=condition, then=then, otherwise=otherwise, chance=chance):
            likely = f" chance {chance}" if chance is not None else ""
            return f"if {inner(condition)}{likely}\n{pad}  then {inner(then)}\n{pad}  else {inner(otherwise)}"
        case c.And(left=left, right=right):
            return f"({inner(left)} and {inner(right)})"
        case c.Or(left=left, right=right):
            return f"({inner(left)} or {inner(right)})"
        case c.Not(operand=operand):
            return f"not {inner(operand)}"
        case c.Op(op="item", args=args, index=index):
            return f"{inner(args[0])}.{index}"
        case c.Op(op=op, args=args):
            return f"{op}({several(args)})"
        case c.CallPrimitive(primitive=name, args=args, site=site, fallback=fallback):
            return f"call {name}@{site}({several(args)}){after('else', fallback)}"
        case c.CallTool(tool=name, args=args, site=site, fallback=fallback):
            return f"tool {name}@{site}({several(args)}){after('else', fallback)}"
        case c.CallFunction(function=name, args=args, site=site):
            return f"{name}@{site}({several(args)})"
        case c.For(var=var, items=items, where=where, chance=chance, body=body, concurrent=concurrent):
            likely = f" chance {chance}" if chance is not None else ""
            return (f"{'par ' if concurrent else ''}for {var} in {inner(items)}{after('where', where)}{likely} "
                    f"{{ {inner(body)} }}")
        case c.Partition(var=var, items=items, where=where, chance=chance, concurrent=concurrent):
            likely = f" chance {chance}" if chance is not None else ""
            return f"{'par ' if concurrent else ''}partition {var} in {inner(items)}{after('where', where)}{likely}"
        case c.Fold(accumulator=acc, initial=initial, var=var, items=items, body=body):
            return f"fold {acc} = {inner(initial)} for {var} in {inner(items)} {{ {inner(body)} }}"
        case c.Repeat(accumulator=acc, initial=initial, up_to=up_to, condition=condition, chance=chance, body=body):
            likely = f" chance {chance}" if chance is not None else ""
            return (f"repeat {acc} = {inner(initial)}{after('up to', up_to)}{after('while', condition)}{likely} "
                    f"{{ {inner(body)} }}")
        case c.Par(items=items_):
            return f"par ({several(items_)})"
        case c.Vote(lead=lead, most=most, body=body, fallback=fallback):
            head = f"vote lead {inner(lead)} up to" if lead is not None else "vote of"
            return f"{head} {inner(most)} {{ {inner(body)} }}{after('else', fallback)}"
        case c.Choose(metric=metric, alternatives=alternatives):
            return f"choose least {metric} {{ {'; '.join(f'{k}: {inner(v)}' for k, v in alternatives)} }}"
        case _:
            assert_never(x)
