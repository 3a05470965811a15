"""Core -> Python. Every function of the core becomes a Python generator that yields what the machine must do for it.

In: a core program, the entry's name, values of the tunables. Out: `Compiled`: the entry's generator function, and a
table from lines of the generated source to places in the program, which is all that is kept for error messages.

What is generated yields three things: a generator (run this function and send me its value), an `Ask` (call a
primitive or tool) and a `Fork` (run these concurrently). Everything else is plain Python in the same frame. A function
that can neither call a model nor recurse is a plain Python function. Whatever may fail stands on a line of its own.

A call's identity is `place`: a hash of the path in the call tree, p -> (p * K + site) mod 2**61 - 1, so that it depends
neither on scheduling nor on the machine. A loop adds its number and the iteration to the path.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from ..compiler import core
from ..compiler.evaluate import compile_cond, compile_expr
from ..compiler.expr import Cond, Expr, num
from ..lang.source import Span
from ..lang.types import EnumT, FloatT, IntT, TextT, Type
from .builtins import Builtins
from .contract import (
    Contract,
    Unknown,
    bound_names,
    elements_within,
    leaves,
    make_measure,
    primitive_contract,
    size_source,
    tool_contract,
)
from .machine import FAILED, SKIPPED, Ask, Fault, Fork, ForkEach, Site, Vote
from .places import K as _K
from .places import P as _P
from .tokens import Tokenizer
from .values import Text, chain, concat, concat_all, items, make_list

__all__ = ["Choice", "Compiled", "compile_program"]

#: Indentation beyond which a branch becomes a function: Python allows 100 levels, and 20 loops in one another.
_DEEP: Final = 16

#: Characters of an expression beyond which it gets a name: Python allows 200 parentheses in one another.
_LONG: Final = 240

_RETURN: Final = ""

Settings = Mapping[str, int | float | Fraction]


@dataclass(frozen=True, slots=True)
class Choice:
    """A `choose least` at its place in a function; `measure` gives the sizes of the function's arguments."""

    function: core.Function
    node: core.Choose
    measure: Callable[[tuple[Any, ...]], dict[str, tuple[int, int]]]


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """`entry(place, *arguments)` makes the generator; if it never `suspends`, `entry(*arguments)` is the value.

    `spans[line]` is the place of a line of `source` (from 1); `models` are the aliases of the models it can reach.
    """

    entry: Callable[..., Any]
    filename: str
    source: str
    spans: tuple[Span | None, ...]
    names: Mapping[str, str]
    measure: Callable[[tuple[Any, ...]], dict[str, tuple[int, int]]]
    suspends: bool
    models: tuple[str, ...]


def compile_program(
    program: core.Program,
    entry: str,
    settings: Settings,
    tokenizer: Tokenizer,
    choose: Callable[[Choice, int, tuple[Any, ...], Mapping[str, Any]], int],
) -> Compiled:
    """The functions that `entry` (a key of `program.functions`) can reach.

    `settings` has a value for every tunable, and may have some for free symbols. Raises Fault (kind "setting") if a
    size depends on a symbol without a value, or if the program is nested too deeply for Python.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 30_000))
    try:
        return _Module(program, settings, tokenizer, choose).compile(entry)
    except Unknown as unknown:
        raise Fault("setting", f"a size depends on '{unknown}', which has no value", None) from None
    except RecursionError:
        raise Fault("setting", "the program is nested too deeply to run", None) from None
    finally:
        sys.setrecursionlimit(limit)


# ---------------------------------------------------------------- what is known before code is written


def _v(name: str) -> str:
    """The Python name of a local."""
    return "v_" + (name if name.isidentifier() or name.isalnum() else _plain(name))


def _s(name: str) -> str:
    """The Python name of a size variable."""
    return "s_" + (name if name.isidentifier() else _plain(name))


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", lambda sign: f"_{ord(sign[0]):x}_", name)


def _walk(node: core.Node) -> Iterator[core.Node]:
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(core.children(node))


def _cyclic(calls: Mapping[str, set[str]]) -> set[str]:
    """The functions that can reach themselves (Tarjan's strongly connected components, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    cyclic: set[str] = set()
    for root in sorted(calls):
        if root in index:
            continue
        work: list[tuple[str, Iterator[str]]] = []

        def enter(name: str, work: list[tuple[str, Iterator[str]]] = work) -> None:
            index[name] = low[name] = len(index)
            stack.append(name)
            on_stack.add(name)
            work.append((name, iter(sorted(calls[name]))))

        enter(root)
        while work:
            name, successors = work[-1]
            for successor in successors:
                if successor not in index:
                    enter(successor)
                    break
                if successor in on_stack:
                    low[name] = min(low[name], index[successor])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member == name:
                            break
                    if len(component) > 1 or name in calls[name]:
                        cyclic.update(component)
    return cyclic


# ---------------------------------------------------------------- the module


class _Module:
    """Writes the Python source of all functions, line by line, with the place of each line."""

    def __init__(
        self,
        program: core.Program,
        settings: Settings,
        tokenizer: Tokenizer,
        choose: Callable[[Choice, int, tuple[Any, ...], Mapping[str, Any]], int],
    ) -> None:
        self.program, self.settings, self.tokenizer = program, settings, tokenizer
        self.builtins = Builtins(tokenizer)
        self.substitution: dict[str, Expr | int | Fraction] = {k: num(Fraction(v)) for k, v in settings.items()}
        self.lines: list[str] = []
        self.spans: list[Span | None] = []
        self.names: dict[str, str] = {}
        self.contracts: dict[tuple[str, str], Contract] = {}
        self.texts: dict[str, str] = {}
        self.loops = 0
        self.count = 0
        self.space: dict[str, Any] = {
            "Ask": Ask, "Fork": Fork, "ForkEach": ForkEach, "Vote": Vote, "Fault": Fault, "FAILED": FAILED,
            "SKIPPED": SKIPPED, "Text": Text, "chain": chain, "concat": concat, "concat_all": concat_all,
            "items": items, "make_list": make_list, "elements_within": elements_within, "choose": choose,
            "B": self.builtins,
        }  # fmt: skip
        self.suspending: set[str] = set()
        self.codes: dict[str, str] = {}

    def compile(self, entry: str) -> Compiled:
        self._reach(entry)
        for name in self.codes:
            self._function(self.program.functions[name])
        source = "\n".join(self.lines) + "\n"
        filename = f"<orch {self.program.name} {id(self):x}>"
        exec(compile(source, filename, "exec"), self.space)
        params = self.program.functions[entry].params
        return Compiled(
            entry=self.space[self.codes[entry]],
            filename=filename,
            source=source,
            spans=(None, *self.spans),
            names=self.names,
            measure=make_measure(params, bound_names(params)),
            suspends=entry in self.suspending,
            models=tuple(sorted({c.model for c in self.contracts.values() if not c.is_tool})),
        )

    def _reach(self, entry: str) -> None:
        """Which functions are needed, and which of them may suspend: they call a model, or recurse."""
        calls: dict[str, set[str]] = {}
        outward: set[str] = set()
        waiting = [entry]
        while waiting:
            name = waiting.pop()
            if name in calls:
                continue
            found = calls[name] = set()
            for node in _walk(self.program.functions[name].body):
                if isinstance(node, core.CallFunction):
                    found.add(node.function)
                elif isinstance(node, core.CallPrimitive | core.CallTool | core.Vote):
                    outward.add(name)
            waiting.extend(found)
        for i, name in enumerate(sorted(calls)):
            readable = re.sub(r"\W", "_", self.program.functions[name].origin)
            self.codes[name] = f"f{i}_{readable}"
        self.suspending = outward | _cyclic(calls)
        changed = True
        while changed:
            more = {name for name, found in calls.items() if found & self.suspending} - self.suspending
            self.suspending |= more
            changed = bool(more)

    # ------------------------------------------------------------ names and constants

    def fresh(self, prefix: str = "t") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def constant(self, value: Any, prefix: str = "k") -> str:
        name = self.fresh(prefix)
        self.space[name] = value
        return name

    def text(self, string: str) -> str:
        """The constant that holds a literal, counted once."""
        name = self.texts.get(string)
        if name is None:
            name = self.texts[string] = self.constant(Text(string, self.tokenizer.count(string)), "text")
        return name

    def loop(self) -> int:
        """A number for a loop, apart from the numbers of sites and of other loops; iterations are added to it."""
        self.loops += 1
        return self.loops << 44

    def contract(self, node: core.CallPrimitive | core.CallTool) -> Contract:
        if isinstance(node, core.CallPrimitive):
            key = ("primitive", node.primitive)
            if key not in self.contracts:
                primitive = self.program.primitives[node.primitive]
                self.contracts[key] = primitive_contract(primitive, self.settings, self.tokenizer)
        else:
            key = ("tool", node.tool)
            if key not in self.contracts:
                self.contracts[key] = tool_contract(self.program.tools[node.tool], self.settings)
        return self.contracts[key]

    def expression(self, e: Expr, function: core.Function) -> tuple[str, list[str]]:
        """Source of an expression in a function's sizes, and the sizes it needs."""
        e = e.subs({k: v for k, v in self.substitution.items() if k not in bound_names(function.params)})
        names = sorted(e.free)
        if isinstance(e.number, int):
            return str(e.number), []
        if e.infinite:
            return f"float('{'-' if e.infinite < 0 else ''}inf')", []
        self._known(names, function)
        return f"{self.constant(compile_expr(e, names))}({', '.join(map(_s, names))})", names

    def condition(self, c: Cond, function: core.Function) -> tuple[str, list[str]]:
        c = c.subs({k: v for k, v in self.substitution.items() if k not in bound_names(function.params)})
        names = sorted(c.free)
        self._known(names, function)
        return f"{self.constant(compile_cond(c, names))}({', '.join(map(_s, names))})", names

    def _known(self, names: Sequence[str], function: core.Function) -> None:
        for name in names:
            if name not in bound_names(function.params):
                raise Unknown(name)

    # ------------------------------------------------------------ functions

    def _function(self, function: core.Function) -> None:
        writer = _Writer(self, function, function.name in self.suspending)
        code = self.codes[function.name]
        self.names[code] = function.origin
        params = [(_v(p.name), p.shape) for p in function.params]
        checks: list[tuple[str, Span, str]] = []  # a Python condition, its place, what it is about
        needed: set[str] = set()
        for condition, span in function.where:
            source, names = self.condition(condition, function)
            needed.update(names)
            checks.append((source, span, "where"))
        for p in function.params:
            for extent, clauses, size in leaves(p.shape, _v(p.name)):
                if extent.low is None and extent.high is None:
                    continue
                low, high = "None", "None"
                for i, bound in enumerate((extent.low, extent.high)):
                    if bound is not None and not bound.infinite:
                        source, names = self.expression(bound, function)
                        needed.update(names)
                        low, high = (source, high) if i == 0 else (low, source)
                if low == high == "None":
                    continue
                if clauses:
                    sizes = f"lambda {_v(p.name)}: [{size}{clauses}]"
                    key = f"{size}{clauses}".replace(_v(p.name), "v")
                    test = f"elements_within({_v(p.name)}, {key!r}, {sizes}, {low}, {high})"
                    checks.append((test, function.span, f"a size within '{p.name}'"))
                else:
                    tests = [f"{low} <= {size}"] * (low != "None") + [f"{size} <= {high}"] * (high != "None")
                    kind = "number" if isinstance(p.shape, core.IntShape) else "size of"
                    checks.append((" and ".join(tests), function.span, f"the {kind} '{p.name}'"))
        for node in _walk(function.body):
            if isinstance(node, core.SizeVar):
                needed.add(node.name)
        for name in sorted(needed):
            writer.emit(f"{_s(name)} = {size_source(params, name)[1]}", function.span)
        for source, span, what in checks:
            writer.emit(f"if not ({source}):", span)
            self.count += 1
            message = self.constant(_broken(function, span, what), "m")
            with writer.block():
                writer.emit(f"raise Fault({'where' if what == 'where' else 'size'!r}, {message}, None)", span)
        writer.into(function.body, _RETURN)
        self.define(code, [v for v, _ in params], writer, function.span)

    def define(self, code: str, params: Sequence[str], writer: _Writer, span: Span) -> None:
        """Puts a finished function into the module."""
        head = ", ".join(["p", *params] if writer.suspends else params)
        self.lines.append(f"def {code}({head}):")
        self.spans.append(span)
        self.lines += writer.lines
        self.spans += writer.spans


def _broken(function: core.Function, span: Span, what: str) -> str:
    if what == "where":
        stated = span.source.text[span.start : span.end].strip()
        return f"'{function.origin}' was called where its condition '{stated}' does not hold"
    return f"{what} is outside the bounds that '{function.origin}' declares"


# ---------------------------------------------------------------- one function


class _Writer:
    """Writes the body of one Python function: a function of the core, or a part of one that runs concurrently."""

    def __init__(self, module: _Module, function: core.Function, suspends: bool) -> None:
        self.module, self.function, self.suspends = module, function, suspends
        self.lines: list[str] = []
        self.spans: list[Span | None] = []
        self.indent = 1
        self.place = "p"
        self.span: Span = function.span

    # ------------------------------------------------------------ lines

    def emit(self, line: str, span: Span | None = None) -> None:
        self.lines.append("    " * self.indent + line)
        self.spans.append(span if span is not None else self.span)

    @contextmanager
    def block(self, place: str | None = None) -> Iterator[None]:
        outer = self.place
        self.indent += 1
        self.place = place or outer
        yield
        self.indent -= 1
        self.place = outer

    def assign(self, source: str, span: Span) -> str:
        """A fresh name for a value that is computed on its own line."""
        name = self.module.fresh()
        self.emit(f"{name} = {source}", span)
        return name

    def into(self, node: core.Node, target: str) -> None:
        """Computes a node into a variable, or returns it."""
        while True:
            if isinstance(node, core.Let):
                if node.name == "_":
                    self.drop(node.value)
                else:
                    self.into(node.value, _v(node.name))
                node = node.body
                continue
            if isinstance(node, core.If) and self.indent <= _DEEP:
                self.branch(node, target)
                return
            break
        value = self.outlined(node) if isinstance(node, core.If) else self.value(node)
        if target == _RETURN:
            self.emit(f"return {value}", node.span)
        elif value != target:
            self.emit(f"{target} = {value}", node.span)

    def drop(self, node: core.Node) -> None:
        self.into(node, self.module.fresh())

    def branch(self, node: core.If, target: str) -> None:
        """`if` statements; a chain of them in the `otherwise` stays flat."""
        word = "if"
        while True:
            condition = self.value(node.condition)
            self.emit(f"{word} {condition}:", node.condition.span)
            with self.block():
                self.into(node.then, target)
            otherwise = node.otherwise
            if target == _RETURN:
                if isinstance(otherwise, core.If):
                    node = otherwise
                    continue
                self.into(otherwise, target)
                return
            if isinstance(otherwise, core.If) and self._quiet(otherwise.condition):
                node, word = otherwise, "elif"
                continue
            self.emit("else:", otherwise.span)
            with self.block():
                self.into(otherwise, target)
            return

    def _quiet(self, node: core.Node) -> bool:
        """Whether a condition is an expression that needs no line of its own."""
        if sum(1 for _ in _walk(node)) > 8:
            return False
        probe = _Writer(self.module, self.function, self.suspends)
        probe.value(node)
        return not probe.lines

    # ------------------------------------------------------------ values

    def value(self, node: core.Node) -> str:
        """A Python expression for a node, after the lines that it needs."""
        source = self._value(node)
        return self.assign(source, node.span) if len(source) > _LONG else source

    def _value(self, node: core.Node) -> str:
        if self.indent > _DEEP and isinstance(node, core.For | core.Fold | core.Repeat | core.Partition):
            return self.outlined(node)
        match node:
            case core.Const(value=value, type=type_):
                return self.literal(value, type_)
            case core.Local(name=name):
                return _v(name)
            case core.SizeVar(name=name):
                return _s(name)
            case core.ParamVar(name=name):
                return f"({self.module.settings[name]})"
            case core.Let() | core.If():
                target = self.module.fresh()
                self.into(node, target)
                return target
            case core.And(left=left, right=right):
                return self.short_circuit(left, right, "and")
            case core.Or(left=left, right=right):
                return self.short_circuit(left, right, "or")
            case core.Not(operand=operand):
                return f"(not {self.value(operand)})"
            case core.Op():
                return self.operation(node)
            case core.CallPrimitive() | core.CallTool():
                return self.ask(node)
            case core.CallFunction():
                return self.call(node)
            case core.For():
                return self.loop(node)
            case core.Partition():
                return self.partition(node)
            case core.Fold():
                return self.fold(node)
            case core.Repeat():
                return self.repeat(node)
            case core.Par(items=parts):
                return self.par(node, parts)
            case core.Vote():
                return self.vote(node)
            case core.Choose():
                return self.choose(node)

    def literal(self, value: int | Fraction | bool | str, type_: Type) -> str:
        if isinstance(value, str):
            return repr(value) if isinstance(type_, EnumT) else self.module.text(value)
        if isinstance(value, bool):
            return repr(value)
        if isinstance(value, Fraction):
            return self.module.constant(value)
        return f"({value})" if value < 0 else str(value)

    def short_circuit(self, left: core.Node, right: core.Node, word: str) -> str:
        first = self.value(left)
        if self._quiet(right):
            return f"({first} {word} {self.value(right)})"
        result = self.assign(first, left.span)
        self.emit(f"if {result}:" if word == "and" else f"if not {result}:", right.span)
        with self.block():
            self.into(right, result)
        return result

    # ------------------------------------------------------------ operations

    def operation(self, node: core.Op) -> str:
        args = [self.value(a) for a in node.args]
        types = [a.type for a in node.args]
        op = node.op
        simple = self._simple(op, args, types, node)
        if simple is not None:
            return simple
        suffix = "text_" if types and isinstance(types[0], TextT) and op in _ON_BOTH else ""
        method = _METHODS.get(op, op)
        if op == "**":
            method = "int_power" if isinstance(node.type, IntT) else "float_power"
        return self.assign(f"B.{suffix}{method}({', '.join(args)})", node.span)

    def _simple(self, op: str, args: list[str], types: list[Type], node: core.Op) -> str | None:
        """What cannot fail and is short in Python."""
        match op:
            case "+" | "-" | "*":
                source = f"({args[0]} {op} {args[1]})"
                return f"B.real{source}" if isinstance(node.type, FloatT) else source
            case "neg":
                return f"(-{args[0]})"
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                return f"({args[0]} {op} {args[1]})"
            case "++":
                return f"{'concat' if isinstance(types[0], TextT) else 'chain'}({args[0]}, {args[1]})"
            case "interpolate":
                pieces = [a if isinstance(t, TextT) else f"B.say({a})" for a, t in zip(args, types, strict=True)]
                return self.assign(f"concat_all(({''.join(p + ', ' for p in pieces)}))", node.span)
            case "text":
                return args[0] if isinstance(types[0], TextT) else self.assign(f"B.say({args[0]})", node.span)
            case "list" | "tuple" | "record":
                return f"({''.join(a + ', ' for a in args)})"
            case "item":
                return f"{args[0]}[{node.index}]"
            case "len":
                return f"len({args[0]})"
            case "tokens":
                return f"{args[0]}.tokens"
            case "abs":
                return f"abs({args[0]})"
            case "min" | "max" if len(args) > 1:
                return f"{op}({', '.join(args)})"
            case "contains" if isinstance(types[0], TextT):
                return f"B.text_contains({args[0]}, {args[1]})"
            case _:
                return None

    # ------------------------------------------------------------ calls

    def site(self, number: int) -> str:
        return f"({self.place} * {_K} + {number}) % {_P}"

    def ask(self, node: core.CallPrimitive | core.CallTool) -> str:
        args = [self.value(a) for a in node.args]
        site = Site(self.module.contract(node), node.site, node.span, node.fallback is not None)
        name = self.module.constant(site, "S")
        result = self.assign(
            f"yield Ask({name}, {self.site(node.site)}, ({''.join(a + ', ' for a in args)}))", node.span
        )
        self.otherwise(result, node.fallback)
        return result

    def otherwise(self, result: str, fallback: core.Node | None) -> None:
        if fallback is not None:
            self.emit(f"if {result} is FAILED:", fallback.span)
            with self.block():
                self.into(fallback, result)

    def call(self, node: core.CallFunction) -> str:
        args = [self.value(a) for a in node.args]
        code = self.module.codes[node.function]
        if node.function not in self.module.suspending:
            return self.assign(f"{code}({', '.join(args)})", node.span)
        return self.assign(f"yield {code}({', '.join([self.site(node.site), *args])})", node.span)

    # ------------------------------------------------------------ loops

    def _waits(self, node: core.Node) -> bool:
        """Whether a node can call a model or recurse."""
        return any(
            isinstance(n, core.CallPrimitive | core.CallTool | core.Vote)
            or (isinstance(n, core.CallFunction) and n.function in self.module.suspending)
            for n in _walk(node)
        )

    @contextmanager
    def each(self, var: str, source: str, span: Span, *bodies: core.Node | None) -> Iterator[None]:
        """A `for` statement; what its bodies call gets the iteration into its place."""
        if any(b is not None and self._waits(b) for b in bodies):
            i, place, outer = self.module.fresh("i"), self.module.fresh("p"), self.place
            self.emit(f"for {i}, {_v(var)} in enumerate(items({source})):", span)
            with self.block(place):
                self.emit(f"{place} = ({outer} * {_K} + {self.module.loop()} + {i}) % {_P}", span)
                yield
        else:
            self.emit(f"for {_v(var)} in items({source}):", span)
            with self.block():
                yield

    def loop(self, node: core.For) -> str:
        if node.concurrent and (self._waits(node.body) or (node.where is not None and self._waits(node.where))):
            return self.concurrent_loop(node)
        xs = self.value(node.items)
        out = self.assign("[]", node.span)
        with self.each(node.var, xs, node.span, node.where, node.body):
            if node.where is not None:
                self.emit(f"if not {self.value(node.where)}:", node.where.span)
                with self.block():
                    self.emit("continue")
            item = self.module.fresh()
            self.into(node.body, item)
            self.emit(f"{out}.append({item})", node.body.span)
        return self.assign(f"make_list({out})", node.span)

    def concurrent_loop(self, node: core.For) -> str:
        xs = self.value(node.items)

        def body(inner: _Writer) -> None:
            if node.where is not None:
                inner.emit(f"if not {inner.value(node.where)}:", node.where.span)
                with inner.block():
                    inner.emit("return SKIPPED", node.where.span)
            inner.into(node.body, _RETURN)

        code, free = self.outline([*([node.where] if node.where is not None else []), node.body], body, [node.var])
        results = self.assign(
            f"yield ForkEach({code}, {self.place}, {self.module.loop()}, items({xs}), {free})", node.span
        )
        if node.where is not None:
            results = f"[x for x in {results} if x is not SKIPPED]"
        return self.assign(f"make_list({results})", node.span)

    def partition(self, node: core.Partition) -> str:
        xs = self.value(node.items)
        passed, others = self.assign("[]", node.span), self.assign("[]", node.span)
        if node.concurrent and self._waits(node.where):
            source = self.assign(f"items({xs})", node.span)
            code, free = self.outline([node.where], lambda inner: inner.into(node.where, _RETURN), [node.var])
            verdicts = self.assign(
                f"yield ForkEach({code}, {self.place}, {self.module.loop()}, {source}, {free})", node.span
            )
            self.emit(f"for x, verdict in zip({source}, {verdicts}):", node.span)
            with self.block():
                self.emit(f"({passed} if verdict else {others}).append(x)", node.span)
        else:
            with self.each(node.var, xs, node.span, node.where):
                verdict = self.value(node.where)
                self.emit(f"({passed} if {verdict} else {others}).append({_v(node.var)})", node.span)
        return f"(make_list({passed}), make_list({others}))"

    def fold(self, node: core.Fold) -> str:
        accumulator = _v(node.accumulator)
        self.into(node.initial, accumulator)
        xs = self.value(node.items)
        with self.each(node.var, xs, node.span, node.body):
            result = self.module.fresh()
            self.into(node.body, result)
            self.emit(f"{accumulator} = {result}", node.body.span)
        return self.assign(accumulator, node.span)

    def repeat(self, node: core.Repeat) -> str:
        accumulator = _v(node.accumulator)
        self.into(node.initial, accumulator)
        most = None if node.up_to is None else self.assign(self.value(node.up_to), node.span)
        i, place, outer = self.module.fresh("i"), self.module.fresh("p"), self.place
        self.emit(f"{i} = 0", node.span)
        self.emit(f"while {'True' if most is None else f'{i} < {most}'}:", node.span)
        with self.block(place):
            if self.suspends:
                self.emit(f"{place} = ({outer} * {_K} + {self.module.loop()} + {i}) % {_P}", node.span)
            condition = self.value(node.condition)
            self.emit(f"if not {condition}:", node.condition.span)
            with self.block():
                self.emit("break")
            result = self.module.fresh()
            self.into(node.body, result)
            self.emit(f"{accumulator} = {result}", node.body.span)
            self.emit(f"{i} += 1", node.body.span)
        return self.assign(accumulator, node.span)

    # ------------------------------------------------------------ concurrency

    def par(self, node: core.Par, parts: Sequence[core.Node]) -> str:
        if not any(self._waits(part) for part in parts):
            return f"({''.join(self.value(part) + ', ' for part in parts)})"
        branches = []
        for part in parts:
            code, free = self.outline([part], lambda inner, part=part: inner.into(part, _RETURN), [])  # type: ignore[misc]
            branches.append(f"({code}, {free}), ")
        return self.assign(f"yield Fork({self.place}, {self.module.loop()}, ({''.join(branches)}))", node.span)

    def vote(self, node: core.Vote) -> str:
        lead = "None" if node.lead is None else self.value(node.lead)
        most = self.value(node.most)
        code, free = self.outline([node.body], lambda inner: inner.into(node.body, _RETURN), [])
        shielded = node.fallback is not None
        result = self.assign(
            f"yield Vote({code}, {self.place}, {self.module.loop()}, {lead}, {most}, {free}, {shielded})", node.span
        )
        self.otherwise(result, node.fallback)
        return result

    def choose(self, node: core.Choose) -> str:
        params = self.function.params
        measure = make_measure(params, bound_names(params))
        choice = self.module.constant(Choice(self.function, node, measure), "choice")
        arguments = "".join(f"{_v(p.name)}, " for p in params)
        bound = {n.name for _, a in node.alternatives for n in _walk(a) if isinstance(n, core.Local)}
        free = _free([a for _, a in node.alternatives], ())
        values = ", ".join(f"{n!r}: {_v(n)}" for n in sorted(bound) if _v(n) in free)
        place = self.place if self.suspends else 0
        index = self.assign(f"choose({choice}, {place}, ({arguments}), {{{values}}})", node.span)
        result = self.module.fresh()
        for i, (_, alternative) in enumerate(node.alternatives):
            self.emit(f"{'el' if i else ''}if {index} == {i}:", alternative.span)
            with self.block():
                self.into(alternative, result)
        return result

    def outline(
        self, nodes: Sequence[core.Node], write: Callable[[_Writer], None], params: Sequence[str]
    ) -> tuple[str, str]:
        """A function of its own for a part of this one: its name, and the tuple of what it needs from here."""
        bound = [_v(name) for name in params]
        free = sorted(_free(nodes, bound, self.function))
        inner = _Writer(self.module, self.function, any(self._waits(node) for node in nodes))
        write(inner)
        code = self.module.fresh(self.module.codes[self.function.name] + "_")
        self.module.names[code] = self.function.origin
        inner.suspends = True  # it gets its place even where it does not need it
        self.module.define(code, [*bound, *free], inner, nodes[-1].span)
        return code, f"({''.join(name + ', ' for name in free)})"

    def outlined(self, node: core.Node) -> str:
        """A node that stands too deep for Python, as a function of its own."""
        code, free = self.outline([node], lambda inner: inner.into(node, _RETURN), [])
        call = f"{code}({self.place if self.suspends else 0}, *{free})"
        return self.assign(f"yield {call}" if self._waits(node) else call, node.span)


def _free(nodes: Sequence[core.Node], bound: Sequence[str], function: core.Function | None = None) -> set[str]:
    """The Python names of locals and sizes that nodes use and do not bind. Names are unique within a function.

    A `choose` looks at the arguments of its function.
    """
    used: set[str] = set()
    own = set(bound)
    for node in (n for root in nodes for n in _walk(root)):
        match node:
            case core.Local(name=name):
                used.add(_v(name))
            case core.SizeVar(name=name):
                used.add(_s(name))
            case core.Let(name=name):
                own.add(_v(name))
            case core.For(var=var) | core.Partition(var=var):
                own.add(_v(var))
            case core.Fold(accumulator=accumulator, var=var):
                own.update((_v(accumulator), _v(var)))
            case core.Repeat(accumulator=accumulator):
                own.add(_v(accumulator))
            case core.Choose() if function is not None:
                used.update(_v(p.name) for p in function.params)
    return used - own


# ---------------------------------------------------------------- tables


#: Built-in functions that take a text or a list; those on texts begin with `text_`.
_ON_BOTH: Final = frozenset({"split", "halve", "chunks", "windows", "take", "drop", "slice", "slice_from"})

#: Where the method has another name than the operation.
_METHODS: Final = {
    "/": "divide",
    "//": "floor_divide",
    "%": "modulo",
    "index": "at",
    "int": "to_int",
    "float": "to_float",
    "min": "smallest",
    "max": "largest",
}
