"""What every name of a program stands for.

In: the units of a program. Out: `Names`, side tables from nodes to bindings, and what is wrong with names. Scopes are
lexical; a name may be bound again in the same or an inner block, and hides what it hides. In an expression a name is
looked up as a local value, a size variable, a declaration of the file, a built-in function, and at last as a constant
of an imported enum. Knows nothing of types; a pattern that is a name always binds it here, and `check` decides
whether it tests for a constant.
"""
from __future__ import annotations

import keyword
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from . import nodes as n
from .builtins import BUILTIN_NAMES
from .diagnostics import MAX_ERRORS, Diagnostic, Label
from .modules import Unit, import_name
from .record import record
from .source import Span
from .suggest import did_you_mean, listing, nearest

__all__ = ["Binding", "Broken", "Builtin", "Constant", "Declared", "Imported", "Local", "Names", "Size",
           "TypeParameter", "model_size", "resolve", "size_taken"]

Kind = Literal["parameter", "let", "pattern", "item", "accumulator", "lambda"]
GlobalDecl: TypeAlias = (n.FnDecl | n.PrimitiveDecl | n.ToolDecl | n.ModelDecl | n.ParamDecl | n.TypeDecl | n.EnumDecl)


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """A name bound within a declaration. `type` is what a parameter declares."""
    name: str
    span: Span
    kind: Kind
    type: n.TypeExpr | None = None


@record
class Size:
    """A size variable of the declaration at hand."""
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """A declaration at the top of a file."""
    unit: Unit
    decl: GlobalDecl

    @property
    def qualified(self) -> str:
        return self.unit.qualified(self.decl.name)


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    enum: Declared
    name: str


@record
class Builtin:
    name: str


@record
class Imported:
    """The name of a file, good for `name.thing` only; `key` is None if the file could not be loaded."""
    key: str | None


@record
class TypeParameter:
    name: str


@record
class Broken:
    """Something that an error has been reported for."""


_ELSEWHERE = {"String": "Text", "Str": "Text", "Integer": "Int", "Number": "Float", "Boolean": "Bool", "Array": "List",
              "Double": "Float", "Real": "Float"}
"""What types are called in other languages."""

_FUNCTIONS_ELSEWHERE = {
    "str": "write `text(v)`, or put the value into a string: `\"{v}\"`",
    "string": "write `text(v)`, or put the value into a string: `\"{v}\"`",
    "print": "a program gives its result as the value of `main`; nothing is printed on the way",
    "length": "write `len(xs)` for a list, `tokens(t)` for a text",
    "size": "write `len(xs)` for a list, `tokens(t)` for a text",
    "count": "write `len(xs)`; for those that pass a test `len(for x in xs where ... { x })`",
    "append": "write `xs ++ [x]`",
    "concat": "write `a ++ b`",
    "map": "write `for x in xs { ... }`",
    "filter": "write `for x in xs where ... { x }`",
    "reduce": "write `fold acc = start for x in xs { ... }`, or `import std.reduce`",
    "list": "write `[a, b]`",
    "strip": "write `trim(t)`",
    "sort": "write `sorted(xs)`",
    "reversed": "write `reverse(xs)`",
    "substring": "write `t[i..j]`",
    "round": "write `floor(x + 0.5)`",
    "sqrt": "write `x ** 0.5`",
    "any": "write `len(for x in xs where ... { x }) > 0`",
    "all": "write `len(for x in xs where not ... { x }) == 0`",
    "set": "write `unique(xs)`",
}
"""What functions are called in other languages, and how the same is said here."""

Binding: TypeAlias = Local | Size | Declared | Constant | Builtin | Imported | TypeParameter | Broken
BROKEN = Broken()


@dataclass(slots=True)
class Names:
    """Side tables, by `id` of a node (of all files: nodes live as long as the program).

    `uses`: Name, Field on a module's name, NamedType. `binds`: NamePat, Param. `lambdas`: the parameters of a Lambda.
    `captures`: what a Lambda takes from outside, in order of use. `sizes`: the size variables of a primitive, tool or
    fn, with the places that bind them. `used_sizes`: those that its body (or a primitive's attributes) mentions.
    `tables`: the top level of each unit. `used_imports`: key of a unit and name of an import that it uses.
    """
    uses: dict[int, Binding] = field(default_factory=dict)
    binds: dict[int, Local] = field(default_factory=dict)
    lambdas: dict[int, tuple[Local, ...]] = field(default_factory=dict)
    captures: dict[int, dict[Local | Size, None]] = field(default_factory=dict)
    sizes: dict[int, dict[str, Span]] = field(default_factory=dict)
    locals: list[Local] = field(default_factory=list)
    used: set[Local] = field(default_factory=set)
    used_sizes: dict[int, set[str]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    used_imports: set[tuple[str, str]] = field(default_factory=set)


@dataclass(slots=True)
class Table:
    """The top level of a file: values and types by name."""
    values: dict[str, Binding] = field(default_factory=dict)
    types: dict[str, Declared] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    foreign: dict[str, Constant] = field(default_factory=dict)


def resolve(units: Sequence[Unit]) -> tuple[Names, list[Diagnostic]]:
    """Units in the order of `load_units`: a file stands after those that it imports."""
    names = Names()
    diagnostics: list[Diagnostic] = []
    for unit in units:
        table = _declare(unit, names, diagnostics)
        names.tables[unit.key] = table
        resolver = _Resolver(unit, table, names, diagnostics)
        for decl in unit.module.decls:
            resolver.declaration(decl)
    return names, diagnostics


def _declare(unit: Unit, names: Names, diagnostics: list[Diagnostic]) -> Table:
    table = Table()

    def add(name: str, span: Span, binding: Binding) -> None:
        if name in table.spans:
            diagnostics.append(Diagnostic(
                "E0102", f"`{name}` is declared twice.", span, "choose another name for one of the two",
                (Label(table.spans[name], "first declared here"),)))
            return
        table.spans[name] = span
        if isinstance(binding, Declared) and isinstance(binding.decl, n.TypeDecl | n.EnumDecl):
            table.types[name] = binding
        else:
            table.values[name] = binding

    for decl in unit.module.decls:
        match decl:
            case n.Import():
                name = import_name(decl)
                key = unit.imports.get(name)
                add(name, decl.span, Imported(key))
                if key is not None:
                    for constant in names.tables[key].values.values():
                        if isinstance(constant, Constant):
                            table.foreign[constant.name] = constant
            case n.EnumDecl():
                enum = Declared(unit, decl)
                add(decl.name, decl.name_span, enum)
                for c in decl.constants:
                    add(c, decl.span, Constant(enum, c))
            case _:
                add(decl.name, decl.name_span, Declared(unit, decl))
    return table


def model_size(decl: n.ModelDecl) -> str | None:
    """The symbol of a model's size; None where it is a number."""
    given = next((a.value for a in decl.attrs if a.name == "size"), None)
    return f"m_{decl.name}" if given is None else given.id if isinstance(given, n.Name) else None


def size_taken(name: str, span: Span, whose: str) -> Diagnostic:
    """A size with the name of another symbol of the reports."""
    return Diagnostic("E0414", f"The size `{name}` bears the name of {whose}.", span,
                      f"give the size another name, such as `{name[0] if name[0] != name else name + '1'}`")


class _Resolver:
    """One file. `scopes` are the blocks around the place at hand; each knows how many lambdas lie around it."""

    def __init__(self, unit: Unit, table: Table, names: Names, diagnostics: list[Diagnostic]) -> None:
        self.unit, self.table, self.names, self.diagnostics = unit, table, names, diagnostics
        self.symbols: dict[str, str] = {}               # of the reports, besides sizes: what they are
        for decl in unit.module.decls:
            if isinstance(decl, n.ParamDecl):
                self.symbols[decl.name] = f"the param `{decl.name}`"
            elif isinstance(decl, n.ModelDecl) and (size := model_size(decl)) is not None:
                self.symbols[size] = f"the size of the model `{decl.name}`"
        self.scopes: list[tuple[dict[str, Local], int]] = []
        self.open_lambdas: list[n.Lambda] = []
        self.sizes: dict[str, Span] = {}
        self.type_parameters: tuple[str, ...] = ()
        self.used_sizes: set[str] = set()
        self.in_chance = False

    def fault(self, code: str, message: str, span: Span, hint: str, labels: tuple[Label, ...] = ()) -> None:
        self.diagnostics.append(Diagnostic(code, message, span, hint, labels))

    # ---------------------------------------------------------------- declarations

    def declaration(self, decl: n.Decl) -> None:
        self.sizes, self.type_parameters, self.used_sizes = {}, (), set()
        match decl:
            case n.Import() | n.EnumDecl():
                pass
            case n.ModelDecl():
                pass                                    # attributes are numbers or free symbols
            case n.ParamDecl():
                self.type(decl.type)
            case n.TypeDecl():
                self.unique([(f.name, f.span) for f in decl.fields], "field")
                for f in decl.fields:
                    self.bind_sizes(f.type, set())
                for f in decl.fields:
                    self.type(f.type)
                self.names.sizes[id(decl)] = self.sizes
            case n.PrimitiveDecl() | n.ToolDecl():
                self.header(decl.params, decl.result)
                self.names.sizes[id(decl)] = self.sizes
                for attr in decl.attrs:
                    self.attribute(decl, attr)
                self.names.used_sizes[id(decl)] = self.used_sizes
                self.scopes.pop()
            case n.FnDecl():
                self.unique([(t, decl.name_span) for t in decl.type_params], "type parameter")
                self.type_parameters = decl.type_params
                self.header(decl.params, decl.result)
                self.names.sizes[id(decl)] = self.sizes
                for condition in decl.where:
                    self.size(condition)
                if decl.decreases is not None:
                    self.size(decl.decreases)
                for clause in decl.within:
                    self.size(clause.bound)
                self.used_sizes = set()                 # only the body counts
                self.expr(decl.body)
                self.names.used_sizes[id(decl)] = self.used_sizes
                self.scopes.pop()

    def header(self, params: tuple[n.Param, ...], result: n.TypeExpr) -> None:
        """Leaves a scope of the parameters open."""
        self.unique([(p.name, p.span) for p in params], "parameter")
        self.scopes.append(({}, len(self.open_lambdas)))
        for p in params:
            local = self.bind(p.name, p.span, "parameter", p.type)
            self.names.binds[id(p)] = local
        numbers = {p.name for p in params if isinstance(p.type, n.IntType)}
        for p in params:
            self.bind_sizes(p.type, numbers)
        for p in params:
            if p.name in self.sizes:
                self.fault("E0414", f"`{p.name}` names both a parameter and a size.", self.sizes[p.name],
                           "give the size another name", (Label(p.span, "the parameter"),))
        for name, span in self.sizes.items():
            if keyword.iskeyword(name):
                self.fault("E0414", f"`{name}` cannot name a size, for it is a reserved word of Python, which reads "
                           "the formulas.", span, f"call it `{name}_` or `{name[0]}`")
        for p in params:
            if p.name in numbers and keyword.iskeyword(p.name):
                self.fault("E0414", f"`{p.name}` cannot name an Int parameter, which is a size too: it is a reserved "
                           "word of Python, which reads the formulas.", p.span, f"call it `{p.name}_`")
        for name, span in (self.sizes | {p.name: p.span for p in params if p.name in numbers}).items():
            if name in self.symbols:
                self.diagnostics.append(size_taken(name, span, self.symbols[name]))
        for p in params:
            self.type(p.type)
        self.used_sizes = set()                         # where a parameter binds a size it does not use it
        self.type(result)

    def unique(self, names: list[tuple[str, Span]], what: str) -> None:
        seen: dict[str, Span] = {}
        for name, span in names:
            if name in seen and name != "_":
                self.fault("E0102", f"There are two {what}s called `{name}`.", span, f"rename one {what}",
                           (Label(seen[name], "the first"),))
            seen.setdefault(name, span)

    def attribute(self, decl: n.PrimitiveDecl | n.ToolDecl, attr: n.Attr) -> None:
        if attr.name == "model" and isinstance(attr.value, n.Name):
            found = self.table.values.get(attr.value.id)
            if isinstance(found, Declared) and isinstance(found.decl, n.ModelDecl):
                self.names.uses[id(attr.value)] = found
                return
            models = [k for k,
                      v in self.table.values.items() if isinstance(v, Declared) and isinstance(v.decl, n.ModelDecl)]
            otherwise = (f"declared are {listing(models)}" if models
                         else f'declare it: `model {attr.value.id} = "provider/name"`')
            self.fault("E0101", f"There is no model `{attr.value.id}`.", attr.value.span,
                       did_you_mean(attr.value.id, models, otherwise))
            self.names.uses[id(attr.value)] = BROKEN
        elif attr.name == "model":
            self.expr(attr.value)
        elif attr.name in ("prompt", "system") and isinstance(attr.value, n.StringLit):
            for part in attr.value.parts:
                if not isinstance(part, str):
                    self.hole(decl, part)
        elif attr.name in ("error", "malformed", "latency", "dollars") and isinstance(attr.value, n.Name) \
                and self.lookup_size(attr.value.id) is None:
            pass                                        # a free symbol
        elif not isinstance(attr.value, n.StringLit):
            self.size(attr.value)

    def hole(self, decl: n.PrimitiveDecl | n.ToolDecl, part: n.Expr) -> None:
        root = part
        while isinstance(root, n.Field | n.TupleIndex):
            root = root.object
        if not isinstance(root, n.Name):
            return                                      # `check` says what is wrong with it
        for p in decl.params:
            if p.name == root.id:
                self.names.uses[id(root)] = self.names.binds[id(p)]
                self.names.used.add(self.names.binds[id(p)])
                return
        self.names.uses[id(root)] = BROKEN
        params = [p.name for p in decl.params]
        otherwise = (f"a placeholder names a parameter: {listing(params)}; for a brace that is meant as such write \\{{"
                     if params else f"add a parameter: `{decl.name}({root.id}: Text[n])`")
        self.fault("E0304", f"The prompt of `{decl.name}` names `{root.id}`, which is none of its parameters.",
                   part.span,
                   did_you_mean(root.id, params, otherwise), (Label(decl.name_span, "the primitive"),))

    # ---------------------------------------------------------------- types and sizes

    def bind_sizes(self, t: n.TypeExpr, numbers: set[str]) -> None:
        """A bare name that is neither an Int parameter nor a `param` binds a size variable."""
        match t:
            case n.TextType(size=size):
                self.bind_size(size, numbers)
            case n.ListType(element=element, size=size):
                self.bind_size(size, numbers)
                self.bind_sizes(element, numbers)
            case n.TupleType(items=items):
                for item in items:
                    self.bind_sizes(item, numbers)
            case n.NamedType(name=name, module=module):
                found = self.type_named(name, module)
                if found is not None and isinstance(found.decl, n.TypeDecl):
                    for size_name in self.names.sizes.get(id(found.decl), {}):
                        if size_name not in numbers:
                            self.sizes.setdefault(size_name, t.span)
            case n.IntType() | n.FloatType() | n.BoolType() | n.FnType():
                pass

    def bind_size(self, size: n.SizeRange | None, numbers: set[str]) -> None:
        if size is not None and size.low is None and isinstance(size.high, n.Name):
            name = size.high.id
            if name not in numbers and not self.is_tunable(name):
                self.sizes.setdefault(name, size.high.span)

    def is_tunable(self, name: str) -> bool:
        found = self.table.values.get(name)
        return isinstance(found, Declared) and isinstance(found.decl, n.ParamDecl)

    def type_named(self, name: str, module: str | None) -> Declared | None:
        if module is None:
            return self.table.types.get(name)
        found = self.table.values.get(module)
        return self.names.tables[found.key].types.get(name) if isinstance(found,
                                                                          Imported) and found.key is not None else None

    def type(self, t: n.TypeExpr) -> None:
        match t:
            case n.TextType(size=size) | n.IntType(bounds=size):
                self.size_range(size)
            case n.ListType(element=element, size=size):
                self.type(element)
                self.size_range(size)
            case n.TupleType(items=items):
                for item in items:
                    self.type(item)
            case n.FnType(params=params, result=result):
                for item in (*params, result):
                    self.type_without_sizes(item)
            case n.NamedType():
                self.named_type(t)
            case n.FloatType() | n.BoolType():
                pass

    def type_without_sizes(self, t: n.TypeExpr) -> None:
        """Sizes within a function type bind nothing and claim nothing: what is given for it is inlined and inferred."""
        match t:
            case n.ListType(element=element):
                self.type_without_sizes(element)
            case n.TupleType(items=items):
                for item in items:
                    self.type_without_sizes(item)
            case n.FnType(params=params, result=result):
                for item in (*params, result):
                    self.type_without_sizes(item)
            case n.NamedType():
                self.named_type(t)
            case _:
                pass

    def named_type(self, t: n.NamedType) -> None:
        if t.module is None and t.name in self.type_parameters:
            self.names.uses[id(t)] = TypeParameter(t.name)
            return
        found = self.type_named(t.name, t.module)
        if t.module is not None:
            self.names.used_imports.add((self.unit.key, t.module))
        if found is not None:
            self.names.uses[id(t)] = found
            return
        self.names.uses[id(t)] = BROKEN
        if t.module is not None:
            module = self.table.values.get(t.module)
            if isinstance(module, Imported):
                if module.key is not None:
                    known = self.names.tables[module.key].types
                    self.fault("E0705", f"`{t.module}` declares no type `{t.name}`.", t.span, did_you_mean(
                        t.name, known, f"it declares {listing(known)}" if known else "it declares no types"))
            else:
                self.fault("E0101", f"There is no import called `{t.module}`.", t.span, did_you_mean(
                    t.module, [k for k, v in self.table.values.items() if isinstance(v, Imported)],
                    f'import the file: `import "./{t.module}.orch" as {t.module}`'))
            return
        best = nearest(t.name,
                       ["Text", "Int", "Float", "Bool", "List", *_ELSEWHERE, *self.table.types, *self.type_parameters])
        if t.name in _ELSEWHERE:
            best = t.name
        hint = f"did you mean `{_ELSEWHERE.get(best, best)}`?" if best is not None else (
            f"declare it: `type {t.name} {{ ... }}` or `enum {t.name} {{ ... }}`; a type parameter stands after the "
            f"function's name: `fn name[{t.name}](...)`")
        self.fault("E0104", f"There is no type `{t.name}`.", t.span, hint)

    def size_range(self, size: n.SizeRange | None) -> None:
        if size is not None:
            if size.low is not None:
                self.size(size.low)
            self.size(size.high)

    def lookup_size(self, name: str) -> Binding | None:
        if name in self.sizes:
            return Size(name)
        for scope, _ in reversed(self.scopes):
            local = scope.get(name)
            if local is not None and isinstance(local.type, n.IntType):
                return local
        return self.table.values[name] if self.is_tunable(name) else None

    def size(self, e: n.Expr) -> None:
        """A size expression or condition outside of a body."""
        match e:
            case n.Name(id=name):
                found = self.lookup_size(name)
                if found is None:
                    self.unknown_size(e)
                    found = BROKEN
                elif isinstance(found, Local):
                    self.names.used.add(found)
                elif isinstance(found, Size):
                    self.used_sizes.add(found.name)
                self.names.uses[id(e)] = found
            case n.Binary():
                while isinstance(e, n.Binary):
                    self.size(e.right)
                    e = e.left
                self.size(e)
            case n.Unary(operand=operand):
                self.size(operand)
            case n.Apply(args=args):
                for arg in args:
                    self.size(arg.value)
            case _:
                pass                                    # `check` says that this is no size

    def unknown_size(self, e: n.Name) -> None:
        known = [*self.sizes, *(name for scope, _ in self.scopes for name, local in scope.items()
                                if isinstance(local.type, n.IntType)),
                 *(k for k in self.table.values if self.is_tunable(k))]
        values = {name: local for scope, _ in self.scopes for name, local in scope.items()}
        labels: tuple[Label, ...] = ()
        other = values.get(e.id)
        if other is not None:
            labels = (Label(other.span, "this is a value, not a size"),)
            hint = f"name its size, as in `{e.id}: Text[n]`, and write `n`"
        else:
            by_default = next((p for p in values if e.id in (f"n_{p}", f"m_{p}")), None)
            if by_default is not None:
                hint = f"name the size where `{by_default}` is declared, as in `{by_default}: Text[n]`, and write `n`"
            else:
                hint = did_you_mean(e.id, known, f"sizes in scope: {listing(known)}" if known else
                                    f"name a size where a parameter is declared, as in `doc: Text[{e.id}]`")
        self.fault("E0412", f"There is no size called `{e.id}` here.", e.span, hint, labels)

    # ---------------------------------------------------------------- scopes

    def bind(self, name: str, span: Span, kind: Kind, type_: n.TypeExpr | None = None) -> Local:
        local = Local(name, span, kind, type_)
        self.names.locals.append(local)
        self.scopes[-1][0][name] = local
        return local

    def pattern(self, p: n.Pattern, kind: Kind) -> None:
        self.unique([(q.name, q.span) for q in _names_in(p)], "part")
        for q in _names_in(p):
            self.names.binds[id(q)] = self.bind(q.name, q.span, kind)

    def lookup(self, name: str) -> Binding | None:
        for scope, depth in reversed(self.scopes):
            local = scope.get(name)
            if local is not None:
                self.names.used.add(local)
                for f in self.open_lambdas[depth:]:
                    self.names.captures[id(f)].setdefault(local)
                return local
        if name in self.sizes:
            self.used_sizes.add(name)
            for f in self.open_lambdas:
                self.names.captures[id(f)].setdefault(Size(name))
            return Size(name)
        found = self.table.values.get(name)
        if found is not None:
            if isinstance(found, Imported):
                self.names.used_imports.add((self.unit.key, name))
            return found
        if name in BUILTIN_NAMES:
            return Builtin(name)
        constant = self.table.foreign.get(name)
        if constant is not None:
            for alias, key in self.unit.imports.items():
                if key == constant.enum.unit.key:
                    self.names.used_imports.add((self.unit.key, alias))
        return constant

    def unknown(self, name: str, span: Span, applied: bool) -> None:
        if len(self.diagnostics) > MAX_ERRORS:
            return                                      # to look for similar names takes time
        values: list[str] = [name for scope, _ in self.scopes for name in scope]
        functions = [k for k, v in self.table.values.items()
                     if isinstance(v, Declared) and isinstance(v.decl, n.FnDecl | n.PrimitiveDecl | n.ToolDecl)]
        others = [k for k in self.table.values if k not in functions]
        near = [*functions, *BUILTIN_NAMES, *values] if applied else [*values, *self.sizes, *others]
        best = nearest(name, near) or nearest(name, [*values, *self.sizes, *self.table.values, *BUILTIN_NAMES], 0.75)
        if applied and name in _FUNCTIONS_ELSEWHERE and name not in (best or ""):
            hint = _FUNCTIONS_ELSEWHERE[name]
        elif best is not None:
            hint = f"did you mean `{best}`?"
        elif self.in_chance:
            hint = "a chance is a number such as 0.3, or an expression in the sizes"
        elif applied:
            hint = f"declare it with `fn {name}(...)`" + (f"; declared are {listing(functions)}" if functions else "")
        else:
            scope = [*values, *self.sizes]
            hint = f"bind it first: `let {name} = ...`" + (f"; names in scope: {listing(scope)}" if scope else "")
        what = "function" if applied else "value"
        self.fault("E0101", f"There is no {what} called `{name}`.", span, hint)

    # ---------------------------------------------------------------- expressions

    def name(self, e: n.Name, applied: bool = False) -> None:
        found = self.lookup(e.id)
        if found is None:
            self.unknown(e.id, e.span, applied)
            found = BROKEN
        self.names.uses[id(e)] = found

    def function(self, e: n.Expr) -> None:
        match e:
            case n.Name(id=name) if name[:1].isupper():
                found = self.table.types.get(name)
                if found is None:
                    self.fault("E0104", f"There is no record `{name}`.", e.span, did_you_mean(
                        name, [k for k, v in self.table.types.items() if isinstance(v.decl, n.TypeDecl)],
                        f"declare it: `type {name} {{ ... }}`"))
                self.names.uses[id(e)] = found if found is not None else BROKEN
            case n.Name():
                self.name(e, applied=True)
            case _:
                self.expr(e)

    def member(self, e: n.Field) -> bool:
        """`shared.thing`, if `shared` is an import."""
        if not isinstance(e.object, n.Name):
            return False
        found = self.lookup(e.object.id)
        if not isinstance(found, Imported):
            return False
        self.names.uses[id(e.object)] = found
        if found.key is None:
            self.names.uses[id(e)] = BROKEN
            return True
        other = self.names.tables[found.key]
        target: Binding | None = other.types.get(e.name) if e.name[:1].isupper() else other.values.get(e.name)
        if target is None or isinstance(target, Imported):
            known: Iterable[str] = other.types if e.name[:1].isupper() else [
                k for k, v in other.values.items() if not isinstance(v, Imported)]
            self.fault("E0705", f"`{e.object.id}` declares no `{e.name}`.", e.span,
                       did_you_mean(e.name, known, f"it declares {listing(known)}"))
            target = BROKEN
        self.names.uses[id(e)] = target
        return True

    def exprs(self, items: Iterable[n.Expr]) -> None:
        for item in items:
            self.expr(item)

    def chance(self, e: n.Expr | None) -> None:
        if e is not None:
            self.in_chance = True
            self.expr(e)
            self.in_chance = False

    def scoped(self, patterns: Sequence[tuple[n.Pattern, Kind]], chance: n.Expr | None, *parts: n.Expr | None) -> None:
        self.chance(chance)                             # made of sizes, which no pattern binds
        self.scopes.append(({}, len(self.open_lambdas)))
        for p, kind in patterns:
            self.pattern(p, kind)
        for part in parts:
            if part is not None:
                self.expr(part)
        self.scopes.pop()

    def expr(self, e: n.Expr) -> None:
        match e:
            case n.IntLit() | n.FloatLit() | n.BoolLit():
                pass
            case n.Name():
                self.name(e)
            case n.StringLit(parts=parts):
                self.exprs(p for p in parts if not isinstance(p, str))
            case n.Field():
                if not self.member(e):
                    self.expr(e.object)
            case n.TupleIndex(object=inner) | n.Unary(operand=inner):
                self.expr(inner)
            case n.Index(object=inner, index=index):
                self.expr(inner)
                self.expr(index)
            case n.Slice(object=inner, low=low, high=high):
                self.exprs(x for x in (inner, low, high) if x is not None)
            case n.Binary():
                spine: list[n.Expr] = []
                at: n.Expr = e
                while isinstance(at, n.Binary):
                    spine.append(at.right)
                    at = at.left
                self.expr(at)
                self.exprs(reversed(spine))
            case n.ListLit(items=items) | n.TupleLit(items=items) | n.Par(items=items):
                self.exprs(items)
            case n.Apply(function=function, args=args):
                self.function(function)
                self.exprs(a.value for a in args)
            case n.CallExpr(target=target):
                self.expr(target)
            case n.ElseExpr(attempt=attempt, fallback=fallback):
                self.expr(attempt)
                self.expr(fallback)
            case n.Lambda():
                self.lambda_(e)
            case n.Block(statements=statements, result=result):
                self.scopes.append(({}, len(self.open_lambdas)))
                for s in statements:
                    self.expr(s.value)
                    if isinstance(s, n.Let):
                        self.pattern(s.pattern, "let")
                self.expr(result)
                self.scopes.pop()
            case n.If(condition=condition, chance=chance, then=then, otherwise=otherwise):
                self.expr(condition)
                self.chance(chance)
                self.expr(then)
                self.expr(otherwise)
            case n.Match(subject=subject, arms=arms):
                self.expr(subject)
                for arm in arms:
                    self.scoped([(arm.pattern, "pattern")], None, arm.body)
            case n.For(pattern=p, items=items_, where=where, chance=chance, body=body):
                self.expr(items_)
                self.scoped([(p, "item")], chance, where, body)
            case n.Partition(pattern=p, items=items_, where=where, chance=chance):
                self.expr(items_)
                self.scoped([(p, "item")], chance if not isinstance(chance, str) else None, where)
            case n.Fold(accumulator=acc, initial=initial, pattern=p, items=items_, body=body):
                self.expr(initial)
                self.expr(items_)
                self.scoped([(acc, "accumulator"), (p, "item")], None, body)
            case n.Repeat(accumulator=acc, initial=initial, up_to=up_to, condition=condition, chance=chance, body=body):
                self.exprs(x for x in (initial, up_to) if x is not None)
                self.scoped([(acc, "accumulator")], chance, condition, body)
            case n.Vote(lead=lead, most=most, body=body):
                self.exprs(x for x in (lead, most, body) if x is not None)
            case n.Choose(alternatives=alternatives):
                self.unique([(name, value.span) for name, value in alternatives], "alternative")
                self.exprs(value for _, value in alternatives)

    def lambda_(self, e: n.Lambda) -> None:
        self.names.captures[id(e)] = {}
        self.unique([(name, e.span) for name in e.params], "parameter")
        self.open_lambdas.append(e)
        self.scopes.append(({}, len(self.open_lambdas)))
        self.names.lambdas[id(e)] = tuple(self.bind(name, e.span, "lambda") for name in e.params)
        self.expr(e.body)
        self.scopes.pop()
        self.open_lambdas.pop()


def _names_in(p: n.Pattern) -> Iterable[n.NamePat]:
    match p:
        case n.NamePat():
            yield p
        case n.TuplePat(items=items):
            for item in items:
                yield from _names_in(item)
        case n.ListPat(items=items, rest=rest):
            for item in items:
                yield from _names_in(item)
            if isinstance(rest, n.NamePat):
                yield rest
        case n.WildPat() | n.LitPat():
            pass

