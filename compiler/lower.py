"""Checked program -> core.

In: `Checked`. Out: `core.Program`, or what cannot be specialised. Generic functions and function parameters are
specialised for each use (equal ones are shared), lambdas become functions, whatever they capture becomes further
parameters; patterns, `match`, named arguments and modules are compiled away; declared sizes become `Extent`s. The
rules are those of the table in `core`. Nothing is evaluated or estimated here.

A chain of an associative operator is lowered to a balanced tree once it is long, so that ten thousand terms are
nested fourteen deep; blocks of any length are lowered without recursion.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal, assert_never

from ..lang import nodes as n
from ..lang.check import Checked
from ..lang.declared import constant
from ..lang.diagnostics import Diagnostic, Label
from ..lang.frontend import with_room
from ..lang.modules import Unit
from ..lang.names import Builtin, Constant, Declared, Local, Size, model_size, size_taken
from ..lang.source import Span
from ..lang.types import (
    BOOL,
    FLOAT,
    INT,
    TEXT,
    BoolT,
    EnumT,
    FloatT,
    FnT,
    IntT,
    ListT,
    RecordT,
    TextT,
    TupleT,
    Type,
    VarT,
    show_type,
)
from ..lang.unify import substitute
from . import core as c
from .expr import (
    FALSE,
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    ceil,
    compare,
    conj,
    disj,
    expr,
    floor,
    log2,
    max_,
    min_,
    mod,
    negate,
    num,
    quotient,
    sym,
)

__all__ = ["lower"]

_LETTERS = "nmkljhg"
_LONG = 40
_MOST_NESTED = 24
_MOST_TYPE = 3000


def lower(checked: Checked) -> tuple[c.Program | None, list[Diagnostic]]:
    """The whole program. None if a specialisation would never end or a size bears a name that is taken."""
    return with_room(_Lowering(checked).program)


@dataclass(frozen=True, slots=True)
class _Direct:
    """`|a, b| call p(a, b)`: a call that stands where the function is used, so that a bare call stays one.

    An argument is a constant, or its place among what is captured and what is given.
    """
    primitive: str
    args: tuple[int | c.Const, ...]
    span: Span
    type: Type


@dataclass(frozen=True, slots=True)
class _Closure:
    """What is given for a function parameter: a function of the core and its first arguments, or a direct call."""
    target: str
    captured: tuple[c.Node, ...]
    direct: _Direct | None = None

    @property
    def key(self) -> tuple[str, tuple[Type, ...]]:
        return self.target, tuple(x.type for x in self.captured)


@dataclass(slots=True, eq=False)
class _Pending:
    """A specialisation whose body waits to be lowered. `chain` counts, for each source function, those it came from."""
    name: str
    unit: Unit
    decl: n.FnDecl
    types: dict[str, Type]
    closures: tuple[_Closure | None, ...]
    chain: dict[int, int]


@dataclass(slots=True)
class _Extents:
    """How declared sizes of one declaration become extents."""
    unit: Unit
    names: _Sizes
    role: Literal["parameter", "primitive", "tool", "fn"]
    taken: set[str] = field(default_factory=set)
    generated: list[str] = field(default_factory=list)

    def fresh(self, depth: int, base: str) -> str:
        stem = f"{_LETTERS[min(depth, len(_LETTERS) - 1)]}_{base}"
        name, k = stem, 2
        while name in self.taken:
            name, k = f"{stem}_{k}", k + 1
        self.taken.add(name)
        self.generated.append(name)
        return name


@dataclass(slots=True)
class _Sizes:
    """The symbols that sizes stand for in one function or declaration: by size name, and by Int parameter."""
    sizes: dict[str, Expr] = field(default_factory=dict)
    numbers: dict[Local, Expr] = field(default_factory=dict)


class _Lowering:
    """The program as a whole."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.names = checked.names
        self.diagnostics: list[Diagnostic] = []
        self.models: dict[str, c.Model] = {}
        self.tunables: dict[str, c.Tunable] = {}
        self.primitives: dict[str, c.Primitive] = {}
        self.tools: dict[str, c.Tool] = {}
        self.functions: dict[str, c.Function] = {}
        self.reserved: dict[str, str] = {}              # names of symbols -> what they are, for E0414
        self.symbols: dict[int, str] = {}               # id(ParamDecl) -> its symbol
        self.specialised: dict[tuple[object, ...], str] = {}
        self.lifted: dict[tuple[object, ...], str] = {}
        self.taken: set[str] = set()
        self.next: dict[str, int] = {}
        self.pending: list[_Pending] = []
        self.sites = 0
        self.broken = False

    def site(self) -> int:
        self.sites += 1
        return self.sites

    def program(self) -> tuple[c.Program | None, list[Diagnostic]]:
        main = self.checked.main
        for unit in (main, *self.checked.units[:-1]):
            for decl in unit.module.decls:
                if isinstance(decl, n.ParamDecl):
                    self.tunable(unit, decl)
                elif isinstance(decl, n.ModelDecl):
                    self.model(unit, decl)
                elif isinstance(decl, n.FnDecl) and _first_order(decl):
                    self.taken.add(unit.qualified(decl.name))
        entries: dict[str, str] = {}
        for decl in main.module.decls:
            if isinstance(decl, n.PrimitiveDecl):
                self.primitive(main, decl)
            elif isinstance(decl, n.ToolDecl):
                self.tool(main, decl)
            elif isinstance(decl, n.FnDecl) and _first_order(decl):
                entries[decl.name] = self.specialise(main, decl, (), (None,) * len(decl.params), {}, decl.span)
        at = 0
        while at < len(self.pending) and not self.broken:
            _Body(self, self.pending[at]).lower()
            at += 1
        self.reserved_names()
        if self.diagnostics:
            return None, sorted(self.diagnostics, key=lambda d: d.sort_key)
        order = {p.name: i for i, p in enumerate(self.pending)}
        functions = dict(sorted(self.functions.items(), key=lambda kv: order.get(kv[0], len(order))))
        return c.Program(Path(main.source.name).name, self.models, self.tunables, self.primitives, self.tools,
                         functions,
                         entries), []

    def reserved_names(self) -> None:
        """A size variable may not bear the name of a generated symbol, or of one of an imported file."""
        for decl in self.checked.main.module.decls:
            if not isinstance(decl, n.PrimitiveDecl | n.ToolDecl | n.FnDecl):
                continue
            declared = dict(self.names.sizes.get(id(decl), {}))
            declared.update({p.name: p.span for p in decl.params if isinstance(p.type, n.IntType)})
            for name, span in declared.items():
                if name in self.reserved:
                    self.diagnostics.append(size_taken(name, span, self.reserved[name]))

    # ---------------------------------------------------------------- models and params

    def tunable(self, unit: Unit, decl: n.ParamDecl) -> None:
        name = decl.name
        if name in self.tunables or (unit.key and any(
                name in self.names.sizes.get(id(d), {}) for d in self.checked.main.module.decls)):
            name = f"{unit.key.replace('.', '_')}_{name}"
        self.symbols[id(decl)] = name
        ends = decl.range
        if ends is None and isinstance(decl.type, n.IntType):
            ends = decl.type.bounds
        low = _whole(ends.low) if ends is not None else None
        high = _whole(ends.high) if ends is not None else None
        self.tunables[name] = c.Tunable(name, _whole(decl.default) or 0, low, high, decl.span)
        self.reserved[name] = f"the param `{decl.name}`"

    def tunable_symbol(self, decl: n.ParamDecl) -> Expr:
        name = self.symbols[id(decl)]
        low = self.tunables[name].low
        return sym(name, "size" if low is not None and low >= 0 else "int")

    def model(self, unit: Unit, decl: n.ModelDecl) -> None:
        attrs = {a.name: a.value for a in decl.attrs}
        symbol = model_size(decl)
        default = f"m_{decl.name}"
        if any(m.size == sym(default, "real") for m in self.models.values()):
            default = f"m_{unit.qualified(decl.name).replace('.', '_')}"
        if symbol is None:
            size = num(constant(attrs["size"]) or 0)
        else:
            size = sym(symbol if "size" in attrs else default, "real")
        for name in size.free:
            self.reserved[name] = f"the size of the model `{decl.name}`"

        def real(name: str) -> Fraction | None:
            return constant(attrs[name]) if name in attrs else None

        def whole(name: str) -> int | None:
            return _whole(attrs[name]) if name in attrs else None

        key = unit.qualified(decl.name)
        self.models[key] = c.Model(
            key, decl.target, size, real("temperature"), whole("context"), real("price_in"), real("price_out"),
            real("price_cached"), real("ttft"), real("prefill"), real("decode"), whole("rpm"), whole("tpm"),
            whole("reasoning"), decl.span)

    def default_model(self, unit: Unit) -> str:
        """The first of the file, of the program, of its imports; else one that is called `default`."""
        for key in (unit, self.checked.main, *self.checked.units):
            for decl in key.module.decls:
                if isinstance(decl, n.ModelDecl):
                    return key.qualified(decl.name)
        if "default" not in self.models:
            self.models["default"] = c.Model("default", "default", sym("default", "real"), None, None, None, None,
                                             None, None,
                                             None, None, None, None, None, None)
            self.reserved["default"] = "the size of the model `default`"
        return "default"

    # ---------------------------------------------------------------- sizes

    def size(self, e: n.Expr, names: _Sizes) -> Expr:
        """A size expression; a free symbol is real."""
        match e:
            case n.IntLit(value=value):
                return num(value)
            case n.FloatLit(text=text):
                return num(Fraction(text.replace("_", "")))
            case n.Name(id=name):
                match self.names.uses.get(id(e)):
                    case Size(name=size):
                        return names.sizes.get(size, sym(size))
                    case Local() as local:
                        return names.numbers.get(local, sym(local.name, "int"))
                    case Declared(decl=n.ParamDecl() as decl):
                        return self.tunable_symbol(decl)
                    case _:
                        return sym(name, "real")
            case n.Unary(operand=operand):
                return -self.size(operand, names)
            case n.Binary():
                spine: list[n.Binary] = []
                at: n.Expr = e
                while isinstance(at, n.Binary):
                    spine.append(at)
                    at = at.left
                total = self.size(at, names)
                for node in reversed(spine):
                    total = _arithmetic(node.op, total, self.size(node.right, names))
                return total
            case n.Apply(function=n.Name(id=name), args=args):
                values = [self.size(a.value, names) for a in args]
                match name:
                    case "min":
                        return min_(*values)
                    case "max":
                        return max_(*values)
                    case "ceil":
                        return ceil(values[0])
                    case "floor":
                        return floor(values[0])
                    case _:
                        return log2(values[0])
            case _:
                raise AssertionError(f"not a size: {e}")

    def condition(self, e: n.Expr, names: _Sizes) -> Cond:
        match e:
            case n.BoolLit(value=value):
                return TRUE if value else FALSE
            case n.Unary(operand=operand):
                return negate(self.condition(operand, names))
            case n.Binary(op="and" | "or" as op):
                parts: list[Cond] = []
                at: n.Expr = e
                while isinstance(at, n.Binary) and at.op == op:
                    parts.append(self.condition(at.right, names))
                    at = at.left
                parts.append(self.condition(at, names))
                return conj(*reversed(parts)) if op == "and" else disj(*reversed(parts))
            case n.Binary(op=op, left=left, right=right):
                return compare(op, self.size(left, names), self.size(right, names))
            case _:
                raise AssertionError(f"not a condition: {e}")

    def names_of(self, decl: n.PrimitiveDecl | n.ToolDecl | n.FnDecl) -> _Sizes:
        out = _Sizes({name: sym(name) for name in self.names.sizes.get(id(decl), {})})
        for p in decl.params:
            if isinstance(p.type, n.IntType):
                out.numbers[self.names.binds[id(p)]] = sym(p.name, "int")
        return out

    # ---------------------------------------------------------------- shapes

    def extent(self, size: n.SizeRange | None, x: _Extents, base: str, depth: int, kind: str) -> c.Extent:
        if x.role == "parameter":
            if size is None:
                return c.Extent(x.fresh(depth, base), None, None)
            if size.low is None and isinstance(size.high, n.Name):
                found = self.names.uses.get(id(size.high))
                if isinstance(found, Size) and found.name in x.names.sizes:
                    return c.Extent(found.name, None, None)
            low = self.size(size.low, x.names) if size.low is not None else ZERO
            return c.Extent(x.fresh(depth, base), low, self.size(size.high, x.names))
        if size is None or not self.known(size, x.names):
            return c.Extent(None, None, None)
        high = self.size(size.high, x.names)
        if size.low is not None:
            low = self.size(size.low, x.names)
            return c.Extent(None, low, high) if x.role == "fn" else c.Extent(None, max_(ZERO, low), max_(ZERO, high))
        if x.role == "fn":
            return c.Extent(None, None, high)
        high = max_(ZERO, high)
        return c.Extent(None, min_(ONE, high) if kind == "text" and x.role == "primitive" else ZERO, high)

    def known(self, size: n.SizeRange, names: _Sizes) -> bool:
        """Whether the sizes a record's field mentions are those of the declaration at hand."""
        found = True
        todo: list[n.Expr] = [e for e in (size.low, size.high) if e is not None]
        while todo:
            match todo.pop():
                case n.Name() as e:
                    use = self.names.uses.get(id(e))
                    if isinstance(use, Size) and use.name not in names.sizes:
                        by_number = {local.name: v for local, v in names.numbers.items()}
                        if use.name in by_number:
                            names.sizes[use.name] = by_number[use.name]
                        else:
                            found = False
                case n.Binary(left=left, right=right):
                    todo += [left, right]
                case n.Unary(operand=operand):
                    todo.append(operand)
                case n.Apply(args=args):
                    todo += [a.value for a in args]
                case _:
                    pass
        return found

    def shape(self, t: n.TypeExpr, x: _Extents, types: dict[str, Type], base: str, depth: int = 0,
              number: str | None = None) -> c.Shape:
        """`number` names the Int parameter that the type is of."""
        match t:
            case n.TextType(size=size):
                return c.TextShape(self.extent(size, x, base, depth, "text"))
            case n.IntType(bounds=bounds):
                low = self.size(bounds.low, x.names) if bounds is not None and bounds.low is not None else None
                high = self.size(bounds.high, x.names) if bounds is not None else None
                var = number or x.fresh(depth, base) if x.role == "parameter" else None
                return c.IntShape(c.Extent(var, low, high))
            case n.FloatType():
                return c.FloatShape()
            case n.BoolType():
                return c.BoolShape()
            case n.ListType(element=element, size=size):
                length = self.extent(size, x, base, depth, "list")
                return c.ListShape(self.shape(element, x, types, base, depth + 1), length)
            case n.TupleType(items=items):
                return c.TupleShape(tuple(self.shape(item, x, types, f"{base}_{i}", depth) for i,
                                          item in enumerate(items)))
            case n.NamedType():
                match self.names.uses[id(t)]:
                    case Declared(unit=unit, decl=n.TypeDecl() as decl):
                        return c.RecordShape(unit.qualified(decl.name), tuple(
                            (f.name, self.shape(f.type, x, types, f"{base}_{f.name}", depth)) for f in decl.fields))
                    case Declared(unit=unit, decl=n.EnumDecl() as enum):
                        return c.EnumShape(unit.qualified(enum.name), enum.constants)
                    case _:
                        return self.shape_of(types[t.name], x, base, depth)
            case n.FnType():
                raise AssertionError("a function has no shape")
            case _:
                assert_never(t)

    def shape_of(self, t: Type, x: _Extents, base: str, depth: int = 0, number: str | None = None) -> c.Shape:
        """Of a type without declared sizes."""
        parameter = x.role == "parameter"

        def fresh() -> c.Extent:
            return c.Extent(x.fresh(depth, base) if parameter else None, None, None)

        match t:
            case TextT():
                return c.TextShape(fresh())
            case IntT():
                return c.IntShape(c.Extent(number, None, None) if number is not None and parameter else fresh())
            case FloatT():
                return c.FloatShape()
            case BoolT():
                return c.BoolShape()
            case ListT(element=element):
                length = fresh()
                return c.ListShape(self.shape_of(element or BOOL, x, base, depth + 1), length)
            case TupleT(items=items):
                return c.TupleShape(tuple(self.shape_of(i, x, f"{base}_{k}", depth) for k, i in enumerate(items)))
            case RecordT(name=name, fields=fields):
                return c.RecordShape(name, tuple((f, self.shape_of(ft, x, f"{base}_{f}", depth)) for f, ft in fields))
            case EnumT(name=name, constants=constants):
                return c.EnumShape(name, constants)
            case FnT() | VarT():
                raise AssertionError(f"{show_type(t)} has no shape")
            case _:
                assert_never(t)

    # ---------------------------------------------------------------- primitives and tools

    def params(self, unit: Unit, decl: n.PrimitiveDecl | n.ToolDecl, names: _Sizes) -> tuple[c.Param, ...]:
        taken = {p.name for p in decl.params} | set(names.sizes)
        x = _Extents(unit, names, "parameter", taken)
        types = self.checked.declarations.signatures[id(decl)].params
        out = tuple(c.Param(p.name, self.shape(p.type, x, {}, p.name, number=p.name), t)
                    for p, t in zip(decl.params, types, strict=True))
        self.generated(x, decl.name)
        return out

    def generated(self, x: _Extents, owner: str) -> None:
        for name in x.generated:
            self.reserved.setdefault(name, f"a size that is generated for `{owner}`")

    def primitive(self, unit: Unit, decl: n.PrimitiveDecl) -> str:
        key = unit.qualified(decl.name)
        if key in self.primitives:
            return key
        names = self.names_of(decl)
        attrs = {a.name: a.value for a in decl.attrs}
        params = self.params(unit, decl, names)
        result_type = self.checked.declarations.signatures[id(decl)].result
        found = self.names.uses.get(id(attrs["model"])) if "model" in attrs else None
        model = found.qualified if isinstance(found, Declared) else self.default_model(unit)

        def sized(name: str) -> Expr | None:
            return self.size(attrs[name], names) if name in attrs else None

        self.primitives[key] = c.Primitive(
            key, params, self.shape(decl.result, _Extents(unit, names, "primitive"), {}, ""), result_type, model,
            self.prompt(attrs.get("prompt"), params), self.prompt(attrs.get("system"), params), sized("error") or ZERO,
            sized("malformed") or ZERO, (_whole(attrs["attempts"]) or 1) if "attempts" in attrs else 3, sized("chance"),
            constant(attrs["temperature"]) if "temperature" in attrs else None, sized("max_output"), sized("typical"),
            decl.span)
        return key

    def prompt(self, e: n.Expr | None, params: tuple[c.Param, ...]) -> tuple[str | c.Hole, ...]:
        if not isinstance(e, n.StringLit):
            return ()
        return tuple(part if isinstance(part, str) else self.hole(part, params)[0] for part in e.parts)

    def hole(self, e: n.Expr, params: tuple[c.Param, ...]) -> tuple[c.Hole, Type]:
        match e:
            case n.Name(id=name):
                return c.Hole(name, ()), next(p.type for p in params if p.name == name)
            case n.Field(object=inner, name=name):
                hole, t = self.hole(inner, params)
                assert isinstance(t, RecordT)
                at = next(i for i, (f, _) in enumerate(t.fields) if f == name)
                return c.Hole(hole.param, (*hole.path, at)), t.fields[at][1]
            case n.TupleIndex(object=inner, index=index):
                hole, t = self.hole(inner, params)
                assert isinstance(t, TupleT)
                return c.Hole(hole.param, (*hole.path, index)), t.items[index]
            case _:
                raise AssertionError(f"not a placeholder: {e}")

    def tool(self, unit: Unit, decl: n.ToolDecl) -> str:
        key = unit.qualified(decl.name)
        if key in self.tools:
            return key
        names = self.names_of(decl)
        attrs = {a.name: a.value for a in decl.attrs}
        params = self.params(unit, decl, names)
        python = attrs.get("python")
        self.tools[key] = c.Tool(
            key, params, self.shape(decl.result, _Extents(unit, names, "tool"), {}, ""),
            self.checked.declarations.signatures[id(decl)].result,
            "".join(p for p in python.parts if isinstance(p, str)) if isinstance(python, n.StringLit) else "",
            self.size(attrs["latency"], names) if "latency" in attrs else ZERO,
            self.size(attrs["dollars"], names) if "dollars" in attrs else ZERO,
            self.size(attrs["chance"], names) if "chance" in attrs else None, decl.span)
        return key

    # ---------------------------------------------------------------- specialisation

    def unique(self, stem: str) -> str:
        name, k = stem, self.next.get(stem, 2)
        while name in self.taken:
            name, k = f"{stem}_{k}", k + 1
        self.next[stem] = k
        self.taken.add(name)
        return name

    def specialise(self, unit: Unit, decl: n.FnDecl, types: tuple[Type, ...], closures: tuple[_Closure | None, ...],
                   chain: dict[int, int], span: Span) -> str:
        """The name of the function for these type arguments and functions; `chain` is that of the caller."""
        key = (id(decl), types, tuple(x.key if x is not None else None for x in closures))
        known = self.specialised.get(key)
        if known is not None:
            return known
        special = bool(decl.type_params) or any(x is not None for x in closures)
        depth = chain.get(id(decl), 0) + 1
        if special and (depth > _MOST_NESTED or any(_weight(t, _MOST_TYPE) > _MOST_TYPE for t in types)):
            if not self.broken:
                what = "types" if decl.type_params else "functions"
                self.diagnostics.append(Diagnostic(
                    "E0418",
                    f"`{decl.name}` would be specialised without end: every call of itself gives it other {what}.",
                    span,
                    "let the recursive call give on the same types and functions that it was given",
                    (Label(decl.name_span, f"`{decl.name}` is declared here"),)))
            self.broken = True
            return decl.name
        stem = unit.qualified(decl.name)
        name = self.unique(stem) if special else stem
        self.specialised[key] = name
        self.pending.append(_Pending(name, unit, decl, dict(zip(decl.type_params, types, strict=True)), closures,
                                     {**chain, id(decl): depth} if special else chain))
        return name


class _Body:
    """One function of the core in the making: a specialisation, or a lambda within one."""

    def __init__(self, program: _Lowering, pending: _Pending) -> None:
        self.p = program
        self.checked = program.checked
        self.uses = program.names.uses
        self.pending = pending
        self.name = pending.name
        self.unit = pending.unit
        self.types = pending.types
        self.env: dict[Local, c.Node] = {}
        self.functions: dict[Local, _Closure] = {}
        self.size_nodes: dict[str, c.Node] = {}         # size names that are parameters here (in a lambda)
        self.sizes = _Sizes()
        self.taken: set[str] = set()
        self.next: dict[str, int] = {}                  # where to go on looking for a free name

    # ---------------------------------------------------------------- functions

    def lower(self) -> None:
        decl, p = self.pending.decl, self.p
        self.sizes = p.names_of(decl)
        self.taken = {q.name for q in decl.params} | set(self.sizes.sizes)
        x = _Extents(self.unit, self.sizes, "parameter", self.taken)
        signature = self.checked.declarations.signatures[id(decl)]
        params: list[c.Param] = []
        for q, t, closure in zip(decl.params, signature.params, self.pending.closures, strict=True):
            local = p.names.binds[id(q)]
            if closure is not None:
                inside = [self.extra(f"{q.name}_{_name_of(node)}", node.type, x) for node in closure.captured]
                params += [param for param, _ in inside]
                self.functions[local] = _Closure(closure.target, tuple(node for _, node in inside), closure.direct)
                continue
            concrete = substitute(t, self.types)
            params.append(c.Param(q.name, p.shape(q.type, x, self.types, q.name, number=q.name), concrete))
            self.env[local] = c.Local(q.name, span=q.span, type=concrete)
        if not decl.type_params:
            p.generated(x, decl.name)
        result = p.shape(decl.result, _Extents(self.unit, self.sizes, "fn"), self.types, "")
        body = self.expr(decl.body)
        p.functions[self.name] = c.Function(
            self.name, self.unit.qualified(decl.name), tuple(params), result, substitute(signature.result, self.types),
            tuple((p.condition(w, self.sizes), w.span) for w in decl.where),
            p.size(decl.decreases, self.sizes) if decl.decreases is not None else None,
            tuple(c.Within(w.metric, p.size(w.bound, self.sizes), w.span) for w in decl.within), body, decl.header_span)

    def extra(self, stem: str, t: Type, x: _Extents) -> tuple[c.Param, c.Node]:
        """A parameter that the source does not have."""
        name = self.fresh(stem)
        return c.Param(name, self.p.shape_of(t, x, name, number=name), t), c.Local(name, span=self.pending.decl.span,
                                                                                   type=t)

    def fresh(self, stem: str) -> str:
        name, k = stem, self.next.get(stem, 2)
        while name in self.taken:
            name, k = f"{stem}_{k}", k + 1
        self.next[stem] = k
        self.taken.add(name)
        return name

    def lift(self, e: n.Lambda, t: FnT) -> _Closure:
        """A lambda becomes a function; what it captures, its first parameters."""
        captures = list(self.p.names.captures[id(e)])
        given: list[c.Node] = []
        inner = _Body(self.p, self.pending)
        x = _Extents(self.unit, inner.sizes, "parameter", inner.taken)
        inner.taken.update(captured.name for captured in captures)
        inner.taken.update(e.params)
        params: list[c.Param] = []

        def take(stem: str, node: c.Node) -> c.Node:
            inner.taken.discard(stem)
            param, local = inner.extra(stem, node.type, x)
            given.append(node)
            params.append(param)
            return local

        for captured in captures:
            if isinstance(captured, Size):
                inside = take(captured.name, self.size_variable(captured.name, e.span))
                inner.size_nodes[captured.name] = inside
                inner.sizes.sizes[captured.name] = sym(_name_of(inside))
            elif captured in self.functions:
                closure = self.functions[captured]
                inner.functions[captured] = _Closure(closure.target, tuple(
                    take(f"{captured.name}_{_name_of(node)}", node) for node in closure.captured), closure.direct)
            else:
                inside = take(captured.name, self.env[captured])
                inner.env[captured] = inside
                if captured in self.sizes.numbers:
                    inner.sizes.numbers[captured] = sym(_name_of(inside), "int")
        key = (self.unit.key, e, t) if not given and not any(isinstance(x, Local) for x in captures) else None
        if key is not None and key in self.p.lifted:
            return _Closure(self.p.lifted[key], ())
        for local, u in zip(self.p.names.lambdas[id(e)], t.params, strict=True):
            stem = local.name if local.name != "_" else "unused"
            inner.taken.discard(stem) if stem not in {q.name for q in params} else None
            param, node = inner.extra(stem, u, x)
            params.append(param)
            inner.env[local] = node
        name = self.p.unique(f"{self.name}.lambda")
        if key is not None:
            self.p.lifted[key] = name
        inner.name = name
        body = inner.expr(e.body)
        self.p.functions[name] = c.Function(
            name, self.unit.qualified(self.pending.decl.name), tuple(params),
            self.p.shape_of(t.result, _Extents(self.unit, inner.sizes, "fn"), ""), t.result, (), None, (), body, e.span)
        return _Closure(name, tuple(given))

    def closure(self, e: n.Expr) -> _Closure:
        """What is given for a function parameter."""
        t = substitute(self.checked.types[id(e)], self.types)
        assert isinstance(t, FnT)
        if isinstance(e, n.Lambda):
            return self.passed_on(e) or self.direct(e) or self.lift(e, t)
        match self.uses[id(e)]:
            case Local() as local:
                return self.functions[local]
            case Declared(unit=unit, decl=n.FnDecl() as decl):
                return _Closure(self.specialised(unit, decl, e, (None,) * len(decl.params), e.span), ())
            case Declared(unit=unit, decl=n.ToolDecl() as tool):
                return _Closure(self.wrapped(unit, tool, t), ())
            case other:
                raise AssertionError(f"not a function: {other}")

    def passed_on(self, e: n.Lambda) -> _Closure | None:
        """`|x| f(x)` is f."""
        body = e.body
        if not isinstance(body, n.Apply) or any(a.name is not None for a in body.args):
            return None
        locals_ = self.p.names.lambdas[id(e)]
        if [self.uses.get(id(a.value)) for a in body.args] != list(locals_):
            return None
        match self.uses.get(id(body.function)):
            case Local() as local if local not in locals_:
                return self.functions[local]
            case Declared(unit=unit, decl=n.FnDecl() as decl) if not any(
                    isinstance(p.type, n.FnType) for p in decl.params) and not any(
                    id(a.value) in self.checked.widened for a in body.args) and id(body) not in self.checked.widened:
                return _Closure(self.specialised(unit, decl, body.function, (None,) * len(decl.params), body.span), ())
            case _:
                return None

    def direct(self, e: n.Lambda) -> _Closure | None:
        """A lambda that is nothing but a call of a primitive with names and constants."""
        body = e.body
        if not isinstance(body, n.CallExpr) or id(body) in self.checked.widened:
            return None
        found = self.uses[id(body.target.function)]
        assert isinstance(found, Declared) and isinstance(found.decl, n.PrimitiveDecl)
        captures = list(self.p.names.captures[id(e)])
        places: dict[object, int] = {x: i for i, x in enumerate([*captures, *self.p.names.lambdas[id(e)]])}
        args: dict[int, int | c.Const] = {}
        for arg, at in zip(body.target.args, self.checked.arguments[id(body.target)], strict=True):
            use = self.uses.get(id(arg.value))
            if id(arg.value) in self.checked.widened:
                return None
            if isinstance(arg.value, n.Name) and isinstance(use, Local | Size):
                args[at] = places[use]
            elif isinstance(arg.value, n.IntLit | n.BoolLit | n.FloatLit | n.StringLit):
                node = self.expr(arg.value)
                if not isinstance(node, c.Const):
                    return None
                args[at] = node
            else:
                return None
        key = self.p.primitive(found.unit, found.decl)
        ordered = tuple(args[k] for k in sorted(args))
        shown = ", ".join(str(x) if isinstance(x, int) else repr((x.value, show_type(x.type))) for x in ordered)
        return _Closure(f"call {key}({shown})", tuple(self.captured(x, e.span) for x in captures),
                        _Direct(key, ordered, body.span, self.type(body)))

    def captured(self, x: Local | Size, span: Span) -> c.Node:
        return self.size_variable(x.name, span) if isinstance(x, Size) else self.env[x]

    def wrapped(self, unit: Unit, tool: n.ToolDecl, t: FnT) -> str:
        """A function that uses the tool."""
        key = ("tool", id(tool))
        known = self.p.lifted.get(key)
        if known is not None:
            return known
        name = self.p.unique(f"{unit.qualified(tool.name)}.function")
        self.p.lifted[key] = name
        x = _Extents(unit, _Sizes(), "parameter", {q.name for q in tool.params})
        params = tuple(c.Param(q.name, self.p.shape_of(u, x, q.name, number=q.name), u)
                       for q, u in zip(tool.params, t.params, strict=True))
        args = tuple(c.Local(q.name, span=tool.span, type=q.type) for q in params)
        body = c.CallTool(self.p.tool(unit, tool), args, self.p.site(), None, span=tool.span, type=t.result)
        self.p.functions[name] = c.Function(
            name, unit.qualified(tool.name), params, self.p.shape_of(t.result, _Extents(unit, _Sizes(), "fn"), ""),
            t.result,
            (), None, (), body, tool.span)
        return name

    def specialised(self, unit: Unit, decl: n.FnDecl, mention: n.Expr, closures: tuple[_Closure | None, ...],
                    span: Span) -> str:
        types = tuple(substitute(t, self.types) for t in self.checked.instances.get(id(mention), ()))
        return self.p.specialise(unit, decl, types, closures, self.pending.chain, span)

    # ---------------------------------------------------------------- expressions

    def type(self, e: n.Expr) -> Type:
        return substitute(self.checked.types[id(e)], self.types) if self.types else self.checked.types[id(e)]

    def expr(self, e: n.Expr) -> c.Node:
        node = self.plain(e)
        if id(e) in self.checked.widened:
            if isinstance(node, c.Const) and isinstance(node.value, int):
                return c.Const(Fraction(node.value), span=e.span, type=FLOAT)
            return c.Op("/", (node, _int(1, e.span)), span=e.span, type=FLOAT)
        return node

    def exprs(self, items: Sequence[n.Expr]) -> tuple[c.Node, ...]:
        return tuple([self.expr(i) for i in items])

    def op(self, name: str, args: Sequence[c.Node], e: n.Expr, index: int = 0) -> c.Op:
        return c.Op(name, tuple(args), index, span=e.span, type=self.type(e))

    def plain(self, e: n.Expr) -> c.Node:
        match e:
            case n.IntLit(value=value):
                return _int(value, e.span)
            case n.FloatLit(text=text):
                return c.Const(Fraction(text.replace("_", "")), span=e.span, type=FLOAT)
            case n.BoolLit(value=flag):
                return c.Const(flag, span=e.span, type=BOOL)
            case n.StringLit(parts=parts):
                if all(isinstance(p, str) for p in parts):
                    return c.Const("".join(p for p in parts if isinstance(p, str)), span=e.span, type=self.type(e))
                return self.op("interpolate", [self.expr(p) if not isinstance(p, str) else c.Const(
                    p, span=e.span, type=self.type(e)) for p in parts], e)
            case n.Name():
                return self.mention(e)
            case n.Field(object=inner, name=name):
                if id(e) in self.uses:
                    return self.mention(e)
                t = self.type(inner)
                assert isinstance(t, RecordT)
                return self.op("item", (self.expr(inner),), e,
                               next(i for i, (f, _) in enumerate(t.fields) if f == name))
            case n.TupleIndex(object=inner, index=index):
                return self.op("item", (self.expr(inner),), e, index)
            case n.Index(object=inner, index=at):
                return self.op("index", (self.expr(inner), self.expr(at)), e)
            case n.Slice(object=inner, low=low, high=high):
                xs = self.expr(inner)
                first = self.expr(low) if low is not None else _int(0, e.span)
                if high is None:
                    return xs if low is None else self.op("slice_from", (xs, first), e)
                return self.op("slice", (xs, first, self.expr(high)), e)
            case n.Unary(op="not", operand=operand):
                return c.Not(self.expr(operand), span=e.span, type=BOOL)
            case n.Unary(operand=operand):
                inside = self.expr(operand)
                if isinstance(inside, c.Const) and isinstance(inside.value, int | Fraction):
                    return c.Const(-inside.value, span=e.span, type=inside.type)
                return self.op("neg", (inside,), e)
            case n.Binary():
                return self.binary(e)
            case n.ListLit(items=items):
                return self.op("list", self.exprs(items), e)
            case n.TupleLit(items=items):
                return self.op("tuple", self.exprs(items), e)
            case n.Par(items=items):
                return c.Par(self.exprs(items), span=e.span, type=self.type(e))
            case n.Apply():
                return self.apply(e, None)
            case n.CallExpr(target=target):
                return self.call(target, None, e.span)
            case n.ElseExpr(attempt=attempt, fallback=fallback):
                other = self.expr(fallback)
                match attempt:
                    case n.CallExpr(target=target):
                        return self.call(target, other, e.span)
                    case n.Apply():
                        return self.apply(attempt, other)
                    case n.Vote():
                        return self.vote(attempt, other)
                    case _:
                        assert_never(attempt)
            case n.Lambda():
                raise AssertionError("a lambda outside of an application")
            case n.Block():
                return self.block(e)
            case n.If(condition=condition, chance=chance, then=then, otherwise=otherwise):
                return c.If(self.expr(condition), self.expr(then), self.expr(otherwise), self.chance(chance),
                            span=e.span,
                            type=self.type(e))
            case n.Match():
                return self.match(e)
            case n.For(concurrent=concurrent, pattern=p, items=items_, where=where, chance=chance, body=body):
                xs, var = self.loop(p, items_, "item")
                test = self.guarded(p, var, where) if where is not None else None
                inside = _lets(self.bind(p, var), self.expr(body))
                return c.For(var.name, xs, test, self.chance(chance), inside, concurrent, span=e.span,
                             type=self.type(e))
            case n.Partition(concurrent=concurrent, pattern=p, items=items_, where=where, chance=likely):
                xs, var = self.loop(p, items_, "item")
                return c.Partition(var.name, xs, self.guarded(p, var, where),
                                   "uniform" if likely == "uniform" else self.chance(likely), concurrent, span=e.span,
                                   type=self.type(e))
            case n.Fold(accumulator=acc, initial=initial, pattern=p, items=items_, body=body):
                start = self.expr(initial)
                xs, var = self.loop(p, items_, "item")
                state = self.variable(acc, self.type(e), "state", e.span)
                inside = _lets([*self.bind(acc, state), *self.bind(p, var)], self.expr(body))
                return c.Fold(state.name, start, var.name, xs, inside, span=e.span, type=self.type(e))
            case n.Repeat(accumulator=acc, initial=initial, up_to=up_to, condition=condition, chance=chance, body=body):
                start = self.expr(initial)
                most = self.expr(up_to) if up_to is not None else None
                state = self.variable(acc, self.type(e), "state", e.span)
                test = self.guarded(acc, state, condition)
                inside = _lets(self.bind(acc, state), self.expr(body))
                return c.Repeat(state.name, start, most, test, self.chance(chance), inside, span=e.span,
                                type=self.type(e))
            case n.Vote():
                return self.vote(e, None)
            case n.Choose(metric=metric, alternatives=alternatives):
                return c.Choose(metric, tuple((name, self.expr(a)) for name, a in alternatives), span=e.span,
                                type=self.type(e))
            case _:
                assert_never(e)

    def chance(self, e: n.Expr | str | None) -> Expr | None:
        return None if e is None or isinstance(e, str) else self.p.size(e, self.sizes)

    def size_variable(self, name: str, span: Span) -> c.Node:
        return self.size_nodes.get(name) or c.SizeVar(name, span=span, type=INT)

    def mention(self, e: n.Name | n.Field) -> c.Node:
        match self.uses[id(e)]:
            case Local() as local:
                node = self.env[local]
                return c.Local(node.name, span=e.span, type=node.type) if isinstance(node, c.Local) else node
            case Size(name=name):
                return self.size_variable(name, e.span)
            case Declared(decl=n.ParamDecl() as decl):
                return c.ParamVar(self.p.symbols[id(decl)], span=e.span, type=INT)
            case Constant(name=name):
                return c.Const(name, span=e.span, type=self.type(e))
            case other:
                raise AssertionError(f"not a value: {other}")

    def binary(self, e: n.Binary) -> c.Node:
        spine: list[n.Binary] = []
        at: n.Expr = e
        while isinstance(at, n.Binary):
            spine.append(at)
            at = at.left
        spine.reverse()
        node = self.expr(at)
        i = 0
        while i < len(spine):
            run = i
            while run < len(spine) and spine[run].op == spine[i].op:
                run += 1
            if run - i > _LONG and spine[i].op in ("++", "+", "*", "and", "or"):
                items = [node, *(self.expr(s.right) for s in spine[i:run])]
                node = self.balanced(items, spine[i:run], 0, len(items))
            else:
                for s in spine[i:run]:
                    node = self.combined(s, node, self.expr(s.right))
            i = run
        return node

    def balanced(self, items: list[c.Node], at: list[n.Binary], low: int, high: int) -> c.Node:
        if high - low == 1:
            return items[low]
        middle = (low + high) // 2
        return self.combined(at[middle - 1], self.balanced(items, at, low, middle),
                             self.balanced(items, at, middle, high))

    def combined(self, e: n.Binary, left: c.Node, right: c.Node) -> c.Node:
        if e.op == "and":
            return c.And(left, right, span=e.span, type=BOOL)
        if e.op == "or":
            return c.Or(left, right, span=e.span, type=BOOL)
        return c.Op(e.op, (left, right), span=e.span, type=self.type(e))

    # ---------------------------------------------------------------- application

    def arguments(self, e: n.Apply, values: Sequence[c.Node], positions: Sequence[int]) -> tuple[
            list[tuple[str, c.Node]], list[c.Node]]:
        """Evaluated as they are written, given as they are declared."""
        if list(positions) == sorted(positions):
            return [], list(values)
        bindings: list[tuple[str, c.Node]] = []
        placed: dict[int, c.Node] = {}
        for value, at in zip(values, positions, strict=True):
            if not isinstance(value, c.Local | c.Const | c.SizeVar | c.ParamVar):
                name = self.fresh("argument")
                bindings.append((name, value))
                value = c.Local(name, span=value.span, type=value.type)
            placed[at] = value
        return bindings, [placed[k] for k in sorted(placed)]

    def call(self, e: n.Apply, fallback: c.Node | None, span: Span) -> c.Node:
        found = self.uses[id(e.function)]
        assert isinstance(found, Declared) and isinstance(found.decl, n.PrimitiveDecl)
        values = [self.expr(a.value) for a in e.args]
        bindings, args = self.arguments(e, values, self.checked.arguments[id(e)])
        key = self.p.primitive(found.unit, found.decl)
        return _lets(bindings, c.CallPrimitive(key, tuple(args), self.p.site(), fallback, span=span, type=self.type(e)))

    def apply(self, e: n.Apply, fallback: c.Node | None) -> c.Node:
        found = self.uses[id(e.function)]
        positions = self.checked.arguments[id(e)]
        t = self.type(e)
        match found:
            case Builtin(name=name):
                return self.builtin(e, name)
            case Local() as local:
                return self.use(self.functions[local], self.exprs([a.value for a in e.args]), e.span, t)
            case Declared(unit=unit, decl=n.ToolDecl() as tool):
                bindings, placed = self.arguments(e, self.exprs([a.value for a in e.args]), positions)
                key = self.p.tool(unit, tool)
                return _lets(bindings, c.CallTool(key, tuple(placed), self.p.site(), fallback, span=e.span, type=t))
            case Declared(decl=n.TypeDecl()):
                bindings, placed = self.arguments(e, self.exprs([a.value for a in e.args]), positions)
                return _lets(bindings, c.Op("record", tuple(placed), span=e.span, type=t))
            case Declared(unit=unit, decl=n.FnDecl() as decl):
                return self.call_function(e, unit, decl, positions)
            case other:
                raise AssertionError(f"not a function: {other}")

    def use(self, closure: _Closure, given: tuple[c.Node, ...], span: Span, t: Type) -> c.Node:
        """A function parameter applied."""
        direct = closure.direct
        if direct is None:
            return c.CallFunction(closure.target, (*closure.captured, *given), self.p.site(), span=span, type=t)
        bindings: list[tuple[str, c.Node]] = []
        operands = list(closure.captured)
        first = len(operands)
        once = [x for x in direct.args if isinstance(x, int) and x >= first] == list(range(first, first + len(given)))
        for node in given:
            before, simple = ([], node) if once else self.named(node, "argument")
            bindings += before
            operands.append(simple)
        args = tuple(x if isinstance(x, c.Const) else operands[x] for x in direct.args)
        node = c.CallPrimitive(direct.primitive, args, self.p.site(), None, span=direct.span, type=direct.type)
        return _lets(bindings, node)

    def call_function(self, e: n.Apply, unit: Unit, decl: n.FnDecl, positions: tuple[int, ...]) -> c.Node:
        closures: list[_Closure | None] = [None] * len(decl.params)
        values: list[c.Node] = []
        places: list[int] = []
        for arg, at in zip(e.args, positions, strict=True):
            if isinstance(decl.params[at].type, n.FnType):
                closures[at] = self.closure(arg.value)
            else:
                values.append(self.expr(arg.value))
                places.append(at)
        bindings, placed = self.arguments(e, values, places)
        rest = iter(placed)
        args: list[c.Node] = []
        for closure in closures:
            if closure is not None:
                args += closure.captured
            else:
                args.append(next(rest))
        name = self.specialised(unit, decl, e.function, tuple(closures), e.span)
        return _lets(bindings, c.CallFunction(name, tuple(args), self.p.site(), span=e.span, type=self.type(e)))

    def builtin(self, e: n.Apply, name: str) -> c.Node:
        if name == "sorted" and len(e.args) == 2:
            return self.sorted_by(e)
        if (name == "text" and self.type(e.args[0].value) == TEXT) or (
                name in ("ceil", "floor") and self.type(e.args[0].value) == INT):
            return self.expr(e.args[0].value)
        return self.op(name, self.exprs([a.value for a in e.args]), e)

    def sorted_by(self, e: n.Apply) -> c.Node:
        bindings, xs = self.named(self.expr(e.args[0].value), "items")
        key = e.args[1].value
        t = substitute(self.checked.types[id(key)], self.types)
        assert isinstance(t, FnT) and isinstance(xs.type, ListT)
        var = c.Local(self.fresh("item"), span=key.span, type=t.params[0])
        if isinstance(key, n.Lambda):
            self.env[self.p.names.lambdas[id(key)][0]] = var
            body = self.expr(key.body)
        else:
            body = self.use(self.closure(key), (var,), key.span, t.result)
        keys = c.For(var.name, xs, None, None, body, False, span=key.span, type=ListT(t.result))
        return _lets(bindings, c.Op("sorted_by", (xs, keys), span=e.span, type=self.type(e)))

    def vote(self, e: n.Vote, fallback: c.Node | None) -> c.Node:
        lead = self.expr(e.lead) if e.lead is not None else None
        return c.Vote(lead, self.expr(e.most), self.expr(e.body), fallback, span=e.span, type=self.type(e))

    # ---------------------------------------------------------------- patterns

    def block(self, e: n.Block) -> c.Node:
        bindings: list[tuple[str, c.Node]] = []
        for s in e.statements:
            value = self.expr(s.value)
            if isinstance(s, n.Let):
                bindings += self.let(s.pattern, value)
            else:
                bindings.append(("_", value))
        return _lets(bindings, self.expr(e.result))

    def let(self, p: n.Pattern, value: c.Node) -> list[tuple[str, c.Node]]:
        match p:
            case n.WildPat():
                return [("_", value)]
            case n.NamePat(name=name):
                fresh = self.fresh(name)
                self.env[self.p.names.binds[id(p)]] = c.Local(fresh, span=p.span, type=value.type)
                return [(fresh, value)]
            case _:
                bindings, node = self.named(value, "parts")
                return [*bindings, *self.bind(p, node)]

    def named(self, value: c.Node, stem: str) -> tuple[list[tuple[str, c.Node]], c.Node]:
        """A value that may be mentioned more than once."""
        if isinstance(value, c.Local | c.Const | c.SizeVar | c.ParamVar):
            return [], value
        name = self.fresh(stem)
        return [(name, value)], c.Local(name, span=value.span, type=value.type)

    def bind(self, p: n.Pattern, node: c.Node, inline: bool = False) -> list[tuple[str, c.Node]]:
        """Lets for the names of a pattern that fits; `inline` puts the projections where the names are used."""
        match p:
            case n.WildPat() | n.LitPat():
                return []
            case n.NamePat(name=name):
                local = self.p.names.binds[id(p)]
                if id(p) in self.checked.constants:
                    self.env[local] = c.Const(name, span=p.span, type=node.type)
                    return []
                if inline or isinstance(node, c.Local | c.Const | c.SizeVar | c.ParamVar):
                    self.env[local] = node
                    return []
                fresh = self.fresh(name)
                self.env[local] = c.Local(fresh, span=p.span, type=node.type)
                return [(fresh, node)]
            case n.TuplePat(items=items):
                return [b for i, item in enumerate(items) for b in self.bind(item, _item(node, i, item.span), inline)]
            case n.ListPat(items=items, rest=rest):
                bindings = [b for i,
                            item in enumerate(items) for b in self.bind(item, _element(node, i, item.span), inline)]
                if rest is not None and isinstance(rest, n.NamePat):
                    tail = c.Op("drop", (node, _int(len(items), rest.span)), span=rest.span,
                                type=node.type) if items else node
                    bindings += self.bind(rest, tail, inline)
                return bindings
            case _:
                assert_never(p)

    def tests(self, p: n.Pattern, node: c.Node) -> list[c.Node]:
        """What has to hold for a pattern to fit, in order."""
        match p:
            case n.WildPat():
                return []
            case n.NamePat(name=name):
                if id(p) not in self.checked.constants:
                    return []
                return [c.Op("==", (node, c.Const(name, span=p.span, type=node.type)), span=p.span, type=BOOL)]
            case n.LitPat(value=value):
                literal = self.expr(value)
                if isinstance(literal, c.Const) and isinstance(literal.value, bool):
                    return [node if literal.value else c.Not(node, span=p.span, type=BOOL)]
                return [c.Op("==", (node, literal), span=p.span, type=BOOL)]
            case n.TuplePat(items=items):
                return [t for i, item in enumerate(items) for t in self.tests(item, _item(node, i, item.span))]
            case n.ListPat(items=items, rest=rest):
                out: list[c.Node] = []
                if rest is None or items:
                    length = c.Op("len", (node,), span=p.span, type=INT)
                    out.append(c.Op("==" if rest is None else ">=", (length, _int(len(items), p.span)), span=p.span,
                                    type=BOOL))
                return out + [t for i, item in enumerate(items) for t in self.tests(item, _element(node, i, item.span))]
            case _:
                assert_never(p)

    def match(self, e: n.Match) -> c.Node:
        before, subject = self.named(self.expr(e.subject), "subject")
        t = self.type(e)
        arms: list[tuple[c.Node | None, c.Node, Span]] = []
        for i, arm in enumerate(e.arms):
            tests = self.tests(arm.pattern, subject) if i < len(e.arms) - 1 else []
            condition: c.Node | None = None
            for test in reversed(tests):
                condition = test if condition is None else c.And(test, condition, span=arm.pattern.span, type=BOOL)
            bindings = self.bind(arm.pattern, subject)
            arms.append((condition, _lets(bindings, self.expr(arm.body)), arm.span))
            if condition is None:
                break
        node = arms[-1][1]
        for test_, body, span in reversed(arms[:-1]):
            assert test_ is not None
            node = c.If(test_, body, node, None, span=span, type=t)
        return _lets(before, node)

    # ---------------------------------------------------------------- loops

    def variable(self, p: n.Pattern, t: Type, stem: str, span: Span) -> c.Local:
        return c.Local(self.fresh(p.name if isinstance(p, n.NamePat) else stem), span=span, type=t)

    def loop(self, p: n.Pattern, items: n.Expr, stem: str) -> tuple[c.Node, c.Local]:
        xs = self.expr(items)
        assert isinstance(xs.type, ListT) and xs.type.element is not None
        return xs, self.variable(p, xs.type.element, stem, p.span)

    def guarded(self, p: n.Pattern, var: c.Local, condition: n.Expr) -> c.Node:
        """A condition on what a pattern takes apart; projections stand inline, so that a bare call stays one."""
        self.bind(p, var, inline=True)
        return self.expr(condition)


# ---------------------------------------------------------------- small nodes

def _int(value: int, span: Span) -> c.Const:
    return c.Const(value, span=span, type=INT)


def _lets(bindings: Sequence[tuple[str, c.Node]], body: c.Node) -> c.Node:
    for name, value in reversed(bindings):
        body = c.Let(name, value, body, span=value.span, type=body.type)
    return body


def _item(node: c.Node, i: int, span: Span) -> c.Node:
    assert isinstance(node.type, TupleT)
    return c.Op("item", (node,), i, span=span, type=node.type.items[i])


def _element(node: c.Node, i: int, span: Span) -> c.Node:
    assert isinstance(node.type, ListT) and node.type.element is not None
    return c.Op("index", (node, _int(i, span)), span=span, type=node.type.element)


def _first_order(decl: n.FnDecl) -> bool:
    return not decl.type_params and not any(isinstance(p.type, n.FnType) for p in decl.params)


def _name_of(node: c.Node) -> str:
    """A stem for the parameter that a captured value becomes."""
    return node.name if isinstance(node, c.Local | c.SizeVar | c.ParamVar) else "value"


def _whole(e: n.Expr | None) -> int | None:
    value = constant(e) if e is not None else None
    return int(value) if value is not None else None


def _arithmetic(op: str, a: Expr, b: Expr) -> Expr:
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
        case "//":
            return quotient(a, b)
        case "%":
            return mod(a, b)
        case _:
            return expr(a) ** b


def _weight(t: Type, most: int) -> int:
    """The number of parts of a type, or more than `most`."""
    count, todo = 0, [t]
    while todo and count <= most:
        count += 1
        match todo.pop():
            case ListT(element=element) if element is not None:
                todo.append(element)
            case TupleT(items=items):
                todo += items
            case RecordT(fields=fields):
                todo += [ft for _, ft in fields]
            case FnT(params=params, result=result):
                todo += [*params, result]
            case _:
                pass
    return count
