"""The type of everything in the bodies of functions.

In: units, names, declarations. Out: `Checked`, side tables by `id` of a node, and what is wrong. Types flow both ways:
what is wanted goes down (so that `[]` and the parameters of a lambda have a type), what is found comes up; generic
functions are instantiated with holes that `unify` fills. After an error a type fits everything, so that no error is
the consequence of another. Sizes play no part here.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from . import nodes as n
from .builtins import BUILTINS
from .builtins import Signature as Native
from .declared import METRICS, Declarations, Signature, constant, declare, has_function, size_fault
from .diagnostics import Diagnostic, Label
from .exhaustive import Items, Listed, Shape, TooComplex, Value, missing, show_shape, unreachable
from .modules import Unit, import_name
from .names import Broken, Builtin, Constant, Declared, Imported, Local, Names, Size, resolve
from .source import Span
from .suggest import did_you_mean, listing, nearest
from .types import (
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
from .unify import ERROR, Unifier, is_hole, substitute

__all__ = ["Checked", "check_units"]


@dataclass(slots=True)
class Checked:
    """A program whose names and types are right.

    By `id` of a node: `types` of expressions; `instances`: the type arguments of a generic function, at the Name or
    Field that mentions it; `arguments`: for every written argument of an Apply the position of its parameter;
    `widened`: Ints that are used as Floats; `constants`: names in patterns that test for a constant of an enum.
    """
    units: tuple[Unit, ...]
    names: Names
    declarations: Declarations
    types: dict[int, Type] = field(default_factory=dict)
    locals: dict[Local, Type] = field(default_factory=dict)
    instances: dict[int, tuple[Type, ...]] = field(default_factory=dict)
    arguments: dict[int, tuple[int, ...]] = field(default_factory=dict)
    widened: set[int] = field(default_factory=set)
    constants: set[int] = field(default_factory=set)

    @property
    def main(self) -> Unit:
        """The file that was asked for; it stands after all that it imports."""
        return self.units[-1]


def check_units(units: Sequence[Unit]) -> tuple[Checked, list[Diagnostic]]:
    """All of a program: names, declarations and bodies. Warnings are about the main file alone."""
    names, diagnostics = resolve(units)
    declarations, more = declare(units, names)
    diagnostics += more
    checked = Checked(tuple(units), names, declarations)
    for unit in units:
        for decl in unit.module.decls:
            if isinstance(decl, n.FnDecl):
                _Body(checked, unit, decl, diagnostics).check_function()
    if not any(d.severity == "error" for d in diagnostics):
        diagnostics += _unused(checked)                 # beside an error it may only seem unused
    main = checked.main.source
    kept = [d for d in diagnostics if d.severity == "error" or d.span.source is main]
    return checked, sorted(kept, key=lambda d: d.sort_key)


def _unused(checked: Checked) -> Iterable[Diagnostic]:
    """Names that are bound and never used. A parameter is used if its size is."""
    names = checked.names
    constants = {names.binds[i] for i in checked.constants}
    excused: set[Local] = set()
    for decl in checked.main.module.decls:
        if isinstance(decl, n.Import) and (checked.main.key, import_name(decl)) not in names.used_imports:
            yield Diagnostic("W0101", f"The import `{import_name(decl)}` is never used.", decl.span,
                             f"remove it, or use what the file declares: `{import_name(decl)}.thing`")
        if not isinstance(decl, n.FnDecl | n.PrimitiveDecl | n.ToolDecl):
            continue
        used = names.used_sizes.get(id(decl), set())
        silent = isinstance(decl, n.ToolDecl) or (
            isinstance(decl, n.PrimitiveDecl) and not any(names.binds[id(p)] in names.used for p in decl.params))
        for p in decl.params:
            if silent or _sizes_in(p.type) & used:
                excused.add(names.binds[id(p)])
    kinds = {"parameter": "The parameter", "lambda": "The parameter", "let": "The name"}
    for local in names.locals:
        if local in names.used or local in constants or local in excused or local.name.startswith("_"):
            continue
        what = kinds.get(local.kind, "The name")
        if local.kind == "let":
            hint = "remove it, or write `_` for a value that is ignored on purpose"
        else:
            hint = "write `_` instead"
            if local.kind == "parameter":
                hint = f"remove it, or call it `_{local.name}` if it is there on purpose"
        yield Diagnostic("W0101", f"{what} `{local.name}` is never used.", local.span, hint)


def _sizes_in(t: n.TypeExpr) -> set[str]:
    match t:
        case n.TextType(size=size):
            return {size.high.id} if size is not None and isinstance(size.high, n.Name) else set()
        case n.ListType(element=element, size=size):
            own = {size.high.id} if size is not None and isinstance(size.high, n.Name) else set()
            return own | _sizes_in(element)
        case n.TupleType(items=items):
            return set().union(*(_sizes_in(i) for i in items))
        case _:
            return set()


@dataclass(frozen=True, slots=True)
class _Want:
    """The type that a place asks for; `what` names the place, as the subject of "... is Text"."""
    type: Type
    what: str
    label: Label | None = None


_NUMBERS = (INT, FLOAT)


class _Body:
    """The body of one function."""

    def __init__(self, checked: Checked, unit: Unit, decl: n.FnDecl, diagnostics: list[Diagnostic]) -> None:
        self.checked, self.unit, self.decl, self.diagnostics = checked, unit, decl, diagnostics
        self.names = checked.names
        self.types = checked.types
        self.unifier = Unifier()
        self.touched: list[int] = []
        self.bound: list[Local] = []
        self.instantiated: list[int] = []
        self.delayed: list[Callable[[], None]] = []

    def fault(self, code: str, message: str, span: Span, hint: str, *labels: Label | None) -> Type:
        self.diagnostics.append(Diagnostic(code, message, span, hint, tuple(x for x in labels if x is not None)))
        return ERROR

    def check_function(self) -> None:
        signature = self.checked.declarations.signatures[id(self.decl)]
        for p, t in zip(self.decl.params, signature.params, strict=True):
            self.bind(self.names.binds[id(p)], t)
        label = Label(self.decl.result.span, f"`{self.decl.name}` promises {show_type(signature.result)} here")
        self.check(self.decl.body, _Want(signature.result, f"the result of `{self.decl.name}`", label))
        for later in self.delayed:
            later()
        full = self.unifier.full
        for key in self.touched:
            self.types[key] = full(self.types[key], TEXT)
        for local in self.bound:
            self.checked.locals[local] = full(self.checked.locals[local], TEXT)
        for key in self.instantiated:
            self.checked.instances[key] = tuple(full(t, TEXT) for t in self.checked.instances[key])

    # ---------------------------------------------------------------- wanted and found

    def bind(self, local: Local, t: Type) -> None:
        self.checked.locals[local] = t
        self.bound.append(local)

    def top(self, t: Type) -> Type:
        return self.unifier.top(t)

    def show(self, t: Type) -> str:
        return show_type(_shown(self.unifier.full(t)))

    def expr(self, e: n.Expr, hint: Type | None = None) -> Type:
        """The type that is found; `hint` is what would be welcome."""
        t = self.infer(e, hint)
        self.types[id(e)] = t
        self.touched.append(id(e))
        return t

    def check(self, e: n.Expr, want: _Want) -> None:
        """Reports a disagreement at the innermost place that decides: the last line of a block, each branch."""
        match e:
            case n.Block():
                self.statements(e)
                self.check(e.result, want)
            case n.If():
                self.condition(e.condition, e.chance, "if")
                self.check(e.then, want)
                self.check(e.otherwise, want)
            case n.Match():
                for arm in self.arms(e):
                    self.check(arm.body, want)
            case _:
                self.fit(e, self.expr(e, want.type), want)
                return
        self.types[id(e)] = want.type
        self.touched.append(id(e))

    def fit(self, e: n.Expr, got: Type, want: _Want) -> None:
        if self.top(want.type) == FLOAT and self.top(got) == INT:
            self.checked.widened.add(id(e))
            return
        if not self.unifier.same(want.type, got):
            self.mismatch(e, got, want)

    def mismatch(self, e: n.Expr, got: Type, want: _Want) -> None:
        wanted, found = self.show(want.type), self.show(got)
        subject = want.what[:1].upper() + want.what[1:]
        hint = self.conversion(e, self.unifier.full(got), self.unifier.full(want.type))
        self.fault("E0201", f"{subject} is {wanted}, but this is {found}.", e.span, hint, want.label)

    def conversion(self, e: n.Expr, got: Type, want: Type) -> str:
        """How to make one of the other."""
        text = self.source(e)
        if want == BOOL and isinstance(e, n.CallExpr):
            return f"let `{self.source(e.target.function)}` answer with a Bool, or compare what it answers"
        match want, got:
            case TextT(), IntT() | FloatT() | BoolT() | EnumT():
                return f"write `text({text})`"
            case TextT(), ListT(element=TextT()):
                return f'join the texts: `join({text}, "\\n")`'
            case IntT(), FloatT():
                return f"round it: `floor({text})` or `ceil({text})`"
            case IntT(), TextT():
                return f"read the number: `int({text})`, or count: `tokens({text})`"
            case IntT(), ListT():
                return f"for its length write `len({text})`"
            case FloatT(), TextT():
                return f"read the number: `float({text})`"
            case ListT(element=TextT()), ListT(element=IntT() | FloatT() | BoolT() | EnumT()):
                return f"make texts of them: `for x in {text} {{ text(x) }}`"
            case ListT(element=TextT()), TextT():
                return f"cut the text: `lines({text})`, `chunks({text}, 1000)`; or make a list of one: `[{text}]`"
            case ListT(element=element), _ if element == got:
                return f"make a list of it: `[{text}]`"
            case _, ListT(element=element) if element == want:
                return f"take one of them: `first({text})`, or go over all with `for`"
            case BoolT(), IntT() | FloatT():
                return f"compare it: `{text} > 0`"
            case RecordT(), RecordT() if isinstance(want, RecordT):
                return f"build it: `{want.name}({', '.join(f'{k}: ...' for k, _ in want.fields[:3])})`"
            case _, RecordT(fields=fields) if any(t == want for _, t in fields):
                name = next(k for k, t in fields if t == want)
                return f"take the field: `{text}.{name}`"
            case _, TupleT(items=items) if want in items:
                return f"take the part: `{text}.{items.index(want)}`"
            case _:
                return f"give something of type {self.show(want)}, or change the type that is asked for"

    def source(self, e: n.Expr) -> str:
        text = e.span.source.text[e.span.start:e.span.end]
        return text if len(text) <= 30 and "\n" not in text else "..."

    def join(self, items: Sequence[n.Expr], hint: Type | None, what: str) -> Type:
        """The one type of several expressions; an Int beside a Float becomes a Float."""
        found: Type | None = None
        first: n.Expr | None = None
        seen: list[tuple[n.Expr, Type]] = []
        for e in items:
            t = self.expr(e, found if found is not None and not is_hole(self.top(found)) else hint)
            seen.append((e, t))
            if found is None or first is None:
                found, first = t, e
                continue
            if {self.top(found), self.top(t)} == {INT, FLOAT}:
                found = FLOAT
            elif not self.unifier.same(found, t):
                label = Label(_last(first).span, f"this is {self.show(found)}")
                self.mismatch(_last(e), t, _Want(found, what, label))
        if found is not None and self.top(found) == FLOAT:
            self.checked.widened.update(id(e) for e, t in seen if self.top(t) == INT)
        return found if found is not None else self.unifier.hole()

    # ---------------------------------------------------------------- statements and patterns

    def statements(self, block: n.Block) -> None:
        for s in block.statements:
            t = self.expr(s.value)
            if isinstance(s, n.Let):
                self.irrefutable(s.pattern, t, s.value)
            else:
                self.dropped(s.value)

    def dropped(self, e: n.Expr) -> None:
        call = _answer(e)
        if call is not None:
            self.fault("W0102", "The answer of this call is paid for and ignored.", call.span,
                       "use it in what follows, or remove the call; `let _ = ...` says that it is meant so")
        elif not (isinstance(e, n.Apply) and self.is_tool(e)) and not isinstance(e, n.ElseExpr):
            self.fault("W0104", "The value of this line is not used.", e.span,
                       "give it a name with `let`, make it part of the last line, or remove it")

    def is_tool(self, e: n.Apply) -> bool:
        found = self.names.uses.get(id(e.function))
        return isinstance(found, Declared) and isinstance(found.decl, n.ToolDecl)

    def irrefutable(self, p: n.Pattern, t: Type, source: n.Expr | None) -> None:
        """A pattern that has to fit: a name, `_`, or a tuple of such."""
        match p:
            case n.WildPat():
                pass
            case n.NamePat():
                if isinstance(self.top(t), FnT):
                    t = ERROR
                self.bind(self.names.binds[id(p)], t)
            case n.TuplePat(items=items):
                got = self.top(t)
                if is_hole(got):
                    got = TupleT(tuple(self.unifier.hole() for _ in items))
                    self.unifier.same(t, got)
                if not isinstance(got, TupleT) or len(got.items) != len(items):
                    if got != ERROR:
                        label = Label(_last(source).span, f"this is {self.show(got)}") if source is not None else None
                        count = len(got.items) if isinstance(got, TupleT) else 0
                        names = ", ".join(chr(97 + i) for i in range(count))
                        hint = f"write `({names})`" if names else (
                            "a list is taken apart with `match`" if isinstance(got, ListT) else "bind it to one name")
                        self.fault("E0207",
                                   f"This takes a tuple of {len(items)} apart, but the value is {self.show(got)}.",
                                   p.span, hint, label)
                    got = TupleT((ERROR,) * len(items))
                for item, u in zip(items, got.items, strict=True):
                    self.irrefutable(item, u, None)
            case n.ListPat() | n.LitPat():
                self.shape(p, t)
                self.fault("E0207", "This pattern may not fit, and there is no other arm.", p.span,
                           "use `match` with an arm for every case, or bind a name")
            case _:
                assert_never(p)

    def shape(self, p: n.Pattern, t: Type) -> Shape:
        """Binds the names of a pattern of `match`."""
        got = self.top(t)
        match p:
            case n.WildPat():
                return None
            case n.NamePat(name=name):
                local = self.names.binds[id(p)]
                self.bind(local, t)
                if isinstance(got, EnumT):
                    if name in got.constants:
                        self.checked.constants.add(id(p))
                        return Value(name)
                    near = nearest(name, got.constants, 0.75)
                    if near is not None:
                        self.fault("E0103", f"`{name}` is no constant of `{got.name}`.", p.span,
                                   f"did you mean `{near}`? For all the rest write `_`")
                return None
            case n.LitPat(value=value):
                literal = self.expr(value)
                if not self.unifier.same(got, literal) and {got, literal} != {INT, FLOAT}:
                    self.fault("E0207", f"This arm tests for {self.show(literal)}, but the value is {self.show(got)}.",
                               p.span,
                               f"write a pattern for {self.show(got)}" if not isinstance(got, EnumT)
                               else f"its constants are {listing(got.constants)}, without quotes")
                    return None
                return _literal(value)
            case n.TuplePat(items=items):
                if is_hole(got):
                    got = TupleT(tuple(self.unifier.hole() for _ in items))
                    self.unifier.same(t, got)
                if not isinstance(got, TupleT) or len(got.items) != len(items):
                    return self.misfit(p, got, items, f"a tuple of {len(items)}")
                return Items(tuple(self.shape(i, u) for i, u in zip(items, got.items, strict=True)))
            case n.ListPat(items=items, rest=rest):
                if is_hole(got):
                    got = ListT(self.unifier.hole())
                    self.unifier.same(t, got)
                if not isinstance(got, ListT) or got.element is None:
                    if rest is not None:
                        self.shape(rest, ERROR)
                    return self.misfit(p, got, items, "a list")
                shapes = tuple([self.shape(i, got.element) for i in items])
                if isinstance(rest, n.NamePat):
                    self.bind(self.names.binds[id(rest)], got)
                return Listed(shapes, rest is not None)
            case _:
                assert_never(p)

    def misfit(self, p: n.Pattern, got: Type, items: tuple[n.Pattern, ...], what: str) -> Shape:
        for item in items:
            self.shape(item, ERROR)
        if got != ERROR:
            hint = f"write a pattern for {self.show(got)}"
            if isinstance(got, EnumT):
                hint = f"the constants are {listing(got.constants)}"
            if isinstance(got, TextT) and what == "a list":
                hint = "cut the text first: `match lines(t) { ... }`"
            self.fault("E0207", f"This pattern takes {what} apart, but the value is {self.show(got)}.", p.span, hint)
        return None

    def arms(self, e: n.Match) -> tuple[n.Arm, ...]:
        """Checks what is matched and the patterns; binds their names."""
        t = self.expr(e.subject)
        before = len(self.diagnostics)
        shapes = [self.shape(arm.pattern, t) for arm in e.arms]
        if len(self.diagnostics) > before or self.top(t) == ERROR:
            return e.arms

        def later() -> None:
            full = self.unifier.full(t, TEXT)
            head = Span(e.span.source, e.span.start, e.subject.span.end)
            label = Label(e.subject.span, f"this is {show_type(full)}")
            try:
                left = missing(shapes, full)
                useless = unreachable(shapes, full)
            except TooComplex:
                self.fault("E0206", "This match has too many combinations to see whether every value is covered.", head,
                           "add a last arm `_ -> ...`, or match one thing after the other", label)
                return
            if left:
                shown = [show_shape(s, full) for s in left]
                self.fault("E0206", f"This match does not cover {', '.join(f'`{s}`' for s in shown)}"
                           f"{' and more' if len(left) == 4 else ''}.", head,
                           f"add an arm: `{shown[0]} -> ...`"
                           f"{', or `_ -> ...` for all the rest' if shown[0] != '_' else ''}", label)
            for i in useless:
                self.fault("W0103", "This arm is never reached: the arms above it take everything.",
                           e.arms[i].pattern.span,
                           "remove it, or move it up")

        self.delayed.append(later)
        return e.arms

    # ---------------------------------------------------------------- expressions

    def condition(self, e: n.Expr, chance: n.Expr | str | None, what: str) -> None:
        self.check(e, _Want(BOOL, f"the condition of `{what}`"))
        if chance is not None and not isinstance(chance, str):
            self.chance(chance)

    def chance(self, e: n.Expr) -> None:
        fault = size_fault(e, self.names)
        if fault is not None:
            self.diagnostics.append(fault)
            return
        value = constant(e)
        if value is not None and not 0 <= value <= 1:
            self.fault("E0603", "A chance is a probability between 0 and 1.", e.span,
                       "write a number such as `chance 0.3`")

    def infer(self, e: n.Expr, hint: Type | None) -> Type:
        match e:
            case n.IntLit():
                return INT
            case n.FloatLit():
                return FLOAT
            case n.BoolLit():
                return BOOL
            case n.StringLit(parts=parts):
                for part in parts:
                    if not isinstance(part, str):
                        self.piece(part)
                return TEXT
            case n.Name():
                return self.name(e)
            case n.Field():
                return self.field(e)
            case n.TupleIndex(object=inner, index=index):
                t = self.top(self.expr(inner))
                if isinstance(t, TupleT) and index < len(t.items):
                    return t.items[index]
                if t == ERROR:
                    return ERROR
                if isinstance(t, TupleT):
                    return self.fault("E0204", f"This tuple has no part {index}.", e.span,
                                      f"its parts are .0 to .{len(t.items) - 1}: {self.show(t)}")
                return self.fault("E0204", f"This is {self.show(t)}, which has no part {index}.", e.span,
                                  f"for an element of a list write `{self.source(inner)}[{index}]`")
            case n.Index(object=inner, index=at):
                element = self.listed(inner, "element", self.expr(inner))
                self.check(at, _Want(INT, "an index"))
                return element
            case n.Slice(object=inner, low=low, high=high):
                whole = self.expr(inner)
                for end in (low, high):
                    if end is not None:
                        self.check(end, _Want(INT, "an end of a slice"))
                return TEXT if self.top(whole) == TEXT else ListT(self.listed(inner, "slice", whole))
            case n.Unary(op="not", operand=operand):
                self.check(operand, _Want(BOOL, "the operand of `not`"))
                return BOOL
            case n.Unary(operand=operand):
                t = self.expr(operand)
                self.number(operand, t, "-")
                return FLOAT if self.top(t) == FLOAT else INT
            case n.Binary():
                return self.binary(e, hint)
            case n.ListLit(items=items):
                wanted = self.top(hint) if hint is not None else None
                element_hint = wanted.element if isinstance(wanted, ListT) else None
                if element_hint is not None and self.top(element_hint) == FLOAT:
                    for i, item in enumerate(items, 1):
                        self.check(item, _Want(FLOAT, f"element {i} of this list"))
                    return ListT(FLOAT)
                return ListT(self.join(items, element_hint, "the first element of this list"))
            case n.TupleLit(items=items) | n.Par(items=items):
                wanted = self.top(hint) if hint is not None else None
                hints: Sequence[Type | None] = (None,) * len(items)
                if isinstance(wanted, TupleT) and len(wanted.items) == len(items):
                    hints = wanted.items
                out: list[Type] = []
                for item, h in zip(items, hints, strict=True):
                    t = self.expr(item, h)
                    if h is not None and self.top(h) == FLOAT and self.top(t) == INT:
                        self.checked.widened.add(id(item))
                        t = FLOAT
                    out.append(t)
                return TupleT(tuple(out))
            case n.Apply():
                return self.apply(e)
            case n.CallExpr():
                return self.call(e)
            case n.ElseExpr():
                return self.else_expr(e, hint)
            case n.Lambda():
                for local in self.names.lambdas[id(e)]:
                    self.bind(local, ERROR)
                self.expr(e.body)
                return self.fault("E0209", "A function cannot be a value here.", e.span,
                                  "functions are given to parameters of a function type only; to name one, "
                                  "declare an `fn`")
            case n.Block():
                self.statements(e)
                return self.expr(e.result, hint)
            case n.If():
                self.condition(e.condition, e.chance, "if")
                return self.join((e.then, e.otherwise), hint, "the first branch")
            case n.Match():
                return self.join([arm.body for arm in self.arms(e)], hint, "the first arm")
            case n.For(pattern=p, items=items_, where=where, chance=chance, body=body):
                element = self.each(items_)
                self.irrefutable(p, element, items_)
                if where is not None:
                    self.condition(where, chance, "where")
                wanted = self.top(hint) if hint is not None else None
                t = self.expr(body, wanted.element if isinstance(wanted, ListT) else None)
                if isinstance(wanted, ListT) and wanted.element is not None and self.top(wanted.element) == FLOAT \
                        and self.top(t) == INT:
                    self.checked.widened.add(id(body))
                    t = FLOAT
                return ListT(t)
            case n.Partition(pattern=p, items=items_, where=where, chance=chance):
                element = self.each(items_)
                self.irrefutable(p, element, items_)
                self.condition(where, chance, "where")
                return TupleT((ListT(element), ListT(element)))
            case n.Fold(accumulator=acc, initial=initial, pattern=p, items=items_, body=body):
                start = self.expr(initial, hint)
                element = self.each(items_)
                self.irrefutable(p, element, items_)
                return self.rounds(acc, initial, start, body, None)
            case n.Repeat():
                start = self.expr(e.initial, hint)
                if e.up_to is not None:
                    self.check(e.up_to, _Want(INT, "the number of rounds"))
                return self.rounds(e.accumulator, e.initial, start, e.body, e)
            case n.Vote():
                return self.vote(e, hint)
            case n.Choose(metric=metric, alternatives=alternatives):
                if metric not in METRICS:
                    self.fault("E0308", f"There is no metric `{metric}`.", e.span,
                               did_you_mean(metric, METRICS, f"the metrics are {', '.join(METRICS)}"))
                return self.join([a for _, a in alternatives], hint, "the first alternative")
            case _:
                assert_never(e)

    def piece(self, e: n.Expr) -> None:
        t = self.expr(e)

        def later() -> None:
            full = self.unifier.full(t, TEXT)
            if full == ERROR or isinstance(full, TextT | IntT | FloatT | BoolT | EnumT):
                return
            if isinstance(full, ListT):
                hint = f'join its parts: `join({self.source(e)}, "\\n")`'
            elif isinstance(full, RecordT):
                hint = f"take a field: `{{{self.source(e)}.{full.fields[0][0]}}}`" if full.fields else "take a field"
            else:
                hint = "put texts and numbers into a text; a type parameter has no text form"
            self.fault("E0211", f"{show_type(_shown(full))} has no text form within a string.", e.span, hint)

        self.delayed.append(later)

    def name(self, e: n.Name) -> Type:
        return self.mention(e, self.names.uses.get(id(e)), e.id)

    def mention(self, e: n.Name | n.Field, found: object, name: str) -> Type:
        """A name as a value."""
        match found:
            case Local():
                t = self.checked.locals.get(found, ERROR)
                if isinstance(self.top(t), FnT):
                    return self.fault("E0209", f"`{name}` is a function; it can be called or passed on, not stored.",
                                      e.span,
                                      f"call it: `{name}(...)`")
                return t
            case Size():
                return INT
            case Constant(enum=enum):
                return self.checked.declarations.types.get(id(enum.decl), ERROR)
            case Declared(decl=n.ParamDecl()):
                return INT
            case Declared(decl=n.PrimitiveDecl()):
                return self.fault("E0301", f"`{name}` is a primitive and no value.", e.span,
                                  f"reach the model: `call {name}(...)`")
            case Declared(decl=n.FnDecl() | n.ToolDecl()):
                return self.fault("E0209", f"`{name}` is a function and no value.", e.span, f"call it: `{name}(...)`")
            case Declared(decl=n.ModelDecl()):
                return self.fault("E0105", f"`{name}` is a model; it is reached through a primitive.", e.span,
                                  f"write `model: {name}` in a primitive, and `call` that")
            case Declared(decl=n.EnumDecl() as enum_decl):
                return self.fault("E0105", f"`{name}` is a type, not a value.", e.span,
                                  f"write one of its constants: {listing(enum_decl.constants)}")
            case Declared():
                return self.fault("E0105", f"`{name}` is a type, not a value.", e.span, f"build one: `{name}(...)`")
            case Builtin():
                return self.fault("E0209", f"`{name}` is a built-in function and no value.", e.span,
                                  f"call it: `{name}(...)`")
            case Imported():
                return self.fault("E0105", f"`{name}` is an imported file, not a value.", e.span,
                                  f"write what you need of it: `{name}.thing`")
            case _:
                return ERROR

    def field(self, e: n.Field) -> Type:
        found = self.names.uses.get(id(e))
        if found is not None:
            return self.mention(e, found, self.source(e))
        t = self.top(self.expr(e.object))
        if isinstance(t, RecordT):
            for name, ft in t.fields:
                if name == e.name:
                    return ft
            known = [name for name, _ in t.fields]
            return self.fault("E0204", f"`{t.name}` has no field `{e.name}`.", e.span,
                              did_you_mean(e.name, known, f"its fields are {listing(known, 20)}"))
        if t == ERROR:
            return ERROR
        wrong = {"length": "len", "size": "len", "count": "len", "upper": "", "strip": "trim"}.get(e.name, e.name)
        applied = self.source(e.object)
        hint = "only records have fields"
        if wrong in BUILTINS:
            hint = f"functions stand before their argument: `{wrong}({applied})`"
        elif e.name in self.names.sizes.get(id(self.decl), {}):
            hint = f"a size is a name of its own: write `{e.name}`"
        return self.fault("E0204", f"This is {self.show(t)}, which has no field `{e.name}`.", e.span, hint)

    def listed(self, e: n.Expr, what: str, found: Type) -> Type:
        """The element type of what is indexed or sliced."""
        t = self.top(found)
        if isinstance(t, ListT) and t.element is not None:
            return t.element
        if is_hole(t):
            element = self.unifier.hole()
            self.unifier.same(t, ListT(element))
            return element
        if t != ERROR:
            name = self.source(e)
            hint = {TextT: f"for a part of a text write `{name}[i..j]` or `take({name}, k)`",
                    TupleT: f"for a part of a tuple write `{name}.0`"}.get(type(t), "only lists have elements")
            article = "an" if what == "element" else "a"
            self.fault("E0205", f"This is {self.show(t)}, and a list is needed to take {article} {what}.",
                       e.span, hint)
        return ERROR

    def each(self, e: n.Expr) -> Type:
        """The element type of what a loop goes over."""
        t = self.top(self.expr(e))
        if isinstance(t, ListT) and t.element is not None:
            return t.element
        if is_hole(t):
            element = self.unifier.hole()
            self.unifier.same(t, ListT(element))
            return element
        if t != ERROR:
            name = self.source(e)
            hint = {IntT: f"count from 0: `range({name})`",
                    TextT: f"cut the text: `lines({name})`, `paragraphs({name})` or `chunks({name}, 1000)`"}.get(
                        type(t), "a loop goes over a list")
            self.fault("E0208", f"A loop goes over a list, but this is {self.show(t)}.", e.span, hint)
        return ERROR

    def rounds(self, acc: n.Pattern, initial: n.Expr, start: Type, body: n.Block, repeat: n.Repeat | None) -> Type:
        """The accumulator's type: that of its first value, or Float if the body makes it one."""
        before = len(self.diagnostics), len(self.delayed)
        label = Label(initial.span, f"it begins as {self.show(start)}")
        what = f"`{acc.name}`" if isinstance(acc, n.NamePat) else "the value that is carried along"

        def once(t: Type) -> None:
            self.irrefutable(acc, t, initial)
            if repeat is not None:
                self.condition(repeat.condition, repeat.chance, "while")
            self.check(body, _Want(t, what, label))

        once(start)
        if self.top(start) == INT and len(self.diagnostics) > before[0]:
            found = self.diagnostics[before[0]:]
            late = self.delayed[before[1]:]
            del self.diagnostics[before[0]:], self.delayed[before[1]:]
            once(FLOAT)
            if len(self.diagnostics) == before[0]:
                self.checked.widened.add(id(initial))
                return FLOAT
            del self.diagnostics[before[0]:], self.delayed[before[1]:]
            self.diagnostics += found
            self.delayed += late
        return start

    # ---------------------------------------------------------------- operators

    def binary(self, e: n.Binary, hint: Type | None) -> Type:
        spine: list[n.Binary] = []
        at: n.Expr = e
        while isinstance(at, n.Binary):
            spine.append(at)
            at = at.left
        t = self.expr(at, hint if spine[-1].op == "++" else None)
        for node in reversed(spine):
            t = self.operator(node, t)
            if node is not e:
                self.types[id(node)] = t
                self.touched.append(id(node))
        return t

    def operator(self, e: n.Binary, left: Type) -> Type:
        """The left operand is checked."""
        op = e.op
        if op in ("and", "or"):
            self.fit(e.left, left, _Want(BOOL, f"the left side of `{op}`"))
            self.check(e.right, _Want(BOOL, f"the right side of `{op}`"))
            return BOOL
        right = self.expr(e.right, left if op in ("++", "==", "!=") else None)
        a, b = self.top(left), self.top(right)
        if op == "++":
            if is_hole(a) and is_hole(b):
                self.unifier.same(a, b)
                return a
            if isinstance(a, ListT | TextT) or is_hole(a) or a == ERROR:
                if isinstance(b, ListT | TextT) or is_hole(b) or b == ERROR:
                    if self.unifier.same(a, b):
                        return b if a == ERROR else a
                    return self.disagree(e, a, b)
                return self.not_joined(e.right, b, a)
            return self.not_joined(e.left, a, b)
        if op in ("==", "!="):
            if {a, b} != {INT, FLOAT} and not self.unifier.same(a, b):
                self.disagree(e, a, b)
            return BOOL
        if op in ("<", "<=", ">", ">="):
            if {a, b} != {INT, FLOAT} and not self.unifier.same(a, b):
                self.disagree(e, a, b)
            elif not isinstance(self.top(a), IntT | FloatT | TextT) and self.top(a) != ERROR:
                if is_hole(self.top(a)):
                    self.unifier.same(a, INT)
                else:
                    self.fault("E0210", f"`{op}` compares numbers or texts, not {self.show(a)}.", e.span,
                               "compare a number in it, or use == and !=")
            return BOOL
        ok = self.number(e.left, left, op, e) and self.number(e.right, right, op, e)
        if not ok:
            return ERROR
        if op == "/" or FLOAT in (self.top(left), self.top(right)):
            return FLOAT
        return INT

    def number(self, e: n.Expr, t: Type, op: str, whole: n.Binary | None = None) -> bool:
        got = self.top(t)
        if got in _NUMBERS or got == ERROR:
            return got != ERROR
        if is_hole(got):
            self.unifier.same(got, INT)
            return True
        hint = f"`{op}` is for numbers"
        if isinstance(got, TextT | ListT) and op == "+" and whole is not None:
            hint = f"join with `++`: `{self.source(whole.left)} ++ {self.source(whole.right)}`"
        elif isinstance(got, TextT):
            hint = f"read the number: `int({self.source(e)})`"
        self.fault("E0202", f"`{op}` needs numbers, but this is {self.show(got)}.", e.span, hint)
        return False

    def disagree(self, e: n.Binary, a: Type, b: Type) -> Type:
        what = {"++": "joins two texts or two lists of one type"}.get(e.op, "compares two values of one type")
        hint = self.conversion(e.right, self.unifier.full(b), self.unifier.full(a))
        return self.fault("E0202", f"`{e.op}` {what}, but these are {self.show(a)} and {self.show(b)}.", e.span, hint,
                          Label(e.left.span, f"this is {self.show(a)}"), Label(e.right.span, f"this is {self.show(b)}"))

    def not_joined(self, e: n.Expr, t: Type, other: Type) -> Type:
        if isinstance(other, ListT) and other.element is not None and self.top(other.element) == t:
            hint = f"make a list of it: `[{self.source(e)}]`"
        elif isinstance(t, IntT | FloatT | BoolT | EnumT):
            hint = f"write `text({self.source(e)})` for its text"
            if isinstance(t, IntT | FloatT):
                hint += ", or `+` to add"
        else:
            hint = f"make a list of it: `[{self.source(e)}]`"
        return self.fault("E0202", f"`++` joins texts or lists, but this is {self.show(t)}.", e.span, hint)

    # ---------------------------------------------------------------- application

    def apply(self, e: n.Apply) -> Type:
        function = e.function
        found = self.names.uses.get(id(function))
        name = self.source(function)
        match found:
            case Builtin(name=builtin):
                return self.builtin(e, builtin)
            case Declared(decl=n.FnDecl() | n.ToolDecl() | n.TypeDecl() as decl):
                return self.applied(e, self.checked.declarations.signatures.get(id(decl)))
            case Declared(decl=n.PrimitiveDecl() as primitive):
                self.fault("E0301", f"`{name}` is a primitive: a model is reached only with `call`.", e.span,
                           f"write `call {name}({', '.join(self.source(a.value) for a in e.args)})`",
                           Label(primitive.name_span, "declared here as a primitive"))
                return self.applied(e, self.checked.declarations.signatures.get(id(primitive)))
            case Declared(decl=n.EnumDecl() as enum):
                self.loose(e)
                return self.fault("E0203", f"`{name}` is an enum and cannot be called.", e.span,
                                  f"write one of its constants: {listing(enum.constants)}")
            case Local():
                t = self.top(self.checked.locals.get(found, ERROR))
                if isinstance(t, FnT):
                    return self.function_parameter(e, found, t)
                self.loose(e)
                if t == ERROR:
                    return ERROR
                hint = f"for an element write `{name}[...]`" if isinstance(t, ListT) else f"use it as it is: `{name}`"
                return self.fault("E0203", f"`{name}` is {self.show(t)} and cannot be called.", function.span, hint,
                                  Label(found.span, "bound here"))
            case Broken():
                self.loose(e)
                return ERROR
            case None if isinstance(function, n.Field):
                self.loose(e)
                t = self.expr(function.object)
                if self.top(t) == ERROR:
                    return ERROR
                first = self.source(function.object)
                others = "".join(", " + self.source(a.value) for a in e.args)
                return self.fault("E0203", "Values have no functions of their own.", function.span,
                                  f"write `{function.name}({first}{others})`")
            case None:
                self.loose(e)
                self.expr(function)
                return self.fault("E0203", "This is no function and cannot be called.", function.span,
                                  "the name of a function stands before the parentheses")
            case _:
                self.loose(e)
                if isinstance(found, Size | Constant) or (
                        isinstance(found, Declared) and isinstance(found.decl, n.ParamDecl)):
                    what = "a constant" if isinstance(found, Constant) else "a number"
                    return self.fault("E0203", f"`{name}` is {what} and cannot be called.", function.span,
                                      f"use it as it is: `{name}`")
                assert isinstance(function, n.Name | n.Field)
                return self.mention(function, found, name)

    def loose(self, e: n.Apply) -> None:
        """Arguments of what cannot be applied: their own faults are still reported."""
        for arg in e.args:
            if isinstance(arg.value, n.Lambda):
                for local in self.names.lambdas[id(arg.value)]:
                    self.bind(local, ERROR)
                self.expr(arg.value.body)
            elif not isinstance(arg.value, n.Name | n.Field):
                self.expr(arg.value)

    def applied(self, e: n.Apply, signature: Signature | None) -> Type:
        if signature is None:
            self.loose(e)
            return ERROR
        name = self.source(e.function)
        positions = self.positions(e, name, signature.names, signature.params, signature.decl)
        if positions is None:
            self.loose(e)
            return signature.result if not signature.type_params else ERROR
        holes = {p: self.unifier.hole() for p in signature.type_params}
        if holes:
            self.checked.instances[id(e.function)] = tuple(holes.values())
            self.instantiated.append(id(e.function))
        self.checked.arguments[id(e)] = positions
        field_of = "field" if isinstance(signature.decl, n.TypeDecl) else "parameter"
        given = sorted(zip(e.args, positions, strict=True), key=lambda x: isinstance(signature.params[x[1]], FnT))
        for arg, at in given:
            wanted = substitute(signature.params[at], holes)
            want = _Want(wanted, f"the {field_of} `{signature.names[at]}` of `{name}`",
                         Label(signature.spans[at], f"declared as {show_type(signature.params[at])} here"))
            self.argument(arg.value, want)
        return substitute(signature.result, holes)

    def argument(self, e: n.Expr, want: _Want) -> None:
        wanted = self.top(want.type)
        if isinstance(wanted, FnT):
            self.function_argument(e, wanted, want)
        else:
            self.check(e, want)

    def positions(self, e: n.Apply, name: str, names: Sequence[str], types: Sequence[Type],
                  decl: n.Decl) -> tuple[int, ...] | None:
        """For every argument the position of its parameter; None after an error."""
        out: list[int] = []
        taken: dict[int, n.Arg] = {}
        before = len(self.diagnostics)
        label = Label(_name_span(decl), "declared here")
        for i, arg in enumerate(e.args):
            if arg.name is None:
                at = i
                if taken and any(a.name is not None for a in taken.values()):
                    self.fault("E0303", "An argument without a name follows one with a name.", arg.span,
                               "put the arguments without names first, or name all")
                    return None
                if at >= len(names):
                    break
            elif arg.name in names:
                at = list(names).index(arg.name)
            else:
                self.fault("E0303", f"`{name}` has no parameter `{arg.name}`.", arg.span,
                           did_you_mean(arg.name, names, f"its parameters are {listing(names, 20)}" if names
                                        else "it takes none"), label)
                continue
            if at in taken:
                self.fault("E0303", f"`{names[at]}` is given twice.", arg.span, "remove one of the two",
                           Label(taken[at].span, "the first"))
                continue
            taken[at] = arg
            out.append(at)
        if len(self.diagnostics) > before:
            return None
        if len(e.args) != len(names) or len(taken) != len(names):
            what = "fields" if isinstance(decl, n.TypeDecl) else "arguments"
            listed = ", ".join(f"{k}: {show_type(t)}" for k, t in zip(names, types, strict=True))
            lacking = [k for i, k in enumerate(names) if i not in taken]
            hint = f"write `{name}({', '.join(names)})`"
            if lacking:
                verb = "is" if len(lacking) == 1 else "are"
                hint = f"`{', '.join(lacking)}` {verb} missing: `{name}({listed})`"
            count = f"{len(names)} {what if len(names) != 1 else what[:-1]}" if names else f"no {what}"
            self.fault("E0303", f"`{name}` takes {count}, but {len(e.args)} "
                       f"{'is' if len(e.args) == 1 else 'are'} given.", e.span, hint, label)
            return None
        return tuple(out)

    def function_parameter(self, e: n.Apply, local: Local, t: FnT) -> Type:
        if any(a.name is not None for a in e.args):
            self.loose(e)
            return self.fault("E0303", f"The parameters of `{local.name}` have no names.", e.span,
                              "give its arguments by position", Label(local.span, "declared here"))
        if len(e.args) != len(t.params):
            self.loose(e)
            self.fault("E0303", f"`{local.name}` takes {_count(len(t.params), 'argument')}, but {len(e.args)} "
                       f"{'is' if len(e.args) == 1 else 'are'} given.", e.span,
                       f"it is {self.show(t)}", Label(local.span, "declared here"))
            return t.result
        self.checked.arguments[id(e)] = tuple(range(len(e.args)))
        for i, (arg, p) in enumerate(zip(e.args, t.params, strict=True), 1):
            self.check(arg.value, _Want(p, f"argument {i} of `{local.name}`",
                                        Label(local.span, f"declared as {self.show(t)} here")))
        return t.result

    def function_argument(self, e: n.Expr, wanted: FnT, want: _Want) -> None:
        """A lambda or the name of a function, where a function is wanted."""
        self.touched.append(id(e))
        self.types[id(e)] = wanted
        match e:
            case n.Lambda(params=params, body=body):
                locals_ = self.names.lambdas[id(e)]
                if len(params) != len(wanted.params):
                    for local in locals_:
                        self.bind(local, ERROR)
                    self.expr(body)
                    names = ", ".join(chr(97 + i) for i in range(len(wanted.params)))
                    count = _count(len(params), "argument")
                    self.fault("E0303", f"{_upper(want.what)} is {self.show(wanted)}, but this takes {count}.",
                               e.span, f"write `|{names}| ...`", want.label)
                    return
                for local, t in zip(locals_, wanted.params, strict=True):
                    self.bind(local, t)
                if is_hole(self.top(wanted.result)):
                    t = self.expr(body)
                    if not self.unifier.same(wanted.result, t):
                        self.mismatch(body, t, _Want(wanted.result, f"the result of {want.what}", want.label))
                else:
                    self.check(body, _Want(wanted.result, f"the result of {want.what}", want.label))
                return
            case n.Name() | n.Field():
                found = self.names.uses.get(id(e))
                name = self.source(e)
                params = tuple(chr(97 + i) for i in range(len(wanted.params)))
                wrapped = f"|{', '.join(params)}| "
                match found:
                    case Declared(decl=n.FnDecl() | n.ToolDecl() as decl):
                        signature = self.checked.declarations.signatures[id(decl)]
                        holes = {p: self.unifier.hole() for p in signature.type_params}
                        if holes:
                            self.checked.instances[id(e)] = tuple(holes.values())
                            self.instantiated.append(id(e))
                        got = FnT(tuple(substitute(p, holes) for p in signature.params),
                                  substitute(signature.result, holes))
                        label = Label(decl.name_span,
                                      f"`{name}` is {show_type(FnT(signature.params, signature.result))}")
                    case Declared(decl=n.PrimitiveDecl()):
                        self.fault("E0305", f"`{name}` is a primitive: what costs something is called in the open.",
                                   e.span,
                                   f"write `{wrapped}call {name}({', '.join(params)})`", want.label)
                        return
                    case Builtin():
                        self.fault("E0305", f"`{name}` is built in and has no single type.", e.span,
                                   f"write `{wrapped}{name}({', '.join(params)})`", want.label)
                        return
                    case Local() if isinstance(self.top(self.checked.locals.get(found, ERROR)), FnT):
                        got_local = self.top(self.checked.locals[found])
                        assert isinstance(got_local, FnT)
                        got, label = got_local, Label(found.span, f"`{name}` is {self.show(got_local)}")
                    case Broken():
                        return
                    case _:
                        if found is None:
                            self.field(e) if isinstance(e, n.Field) else None
                        t = self.expr(e)
                        if t != ERROR:
                            self.fault("E0201",
                                       f"{_upper(want.what)} is {self.show(wanted)}, but this is {self.show(t)}.",
                                       e.span,
                                       f"give a function: `{wrapped}...`", want.label)
                        return
                if any(has_function(p) for p in got.params):
                    self.fault("E0209", f"`{name}` takes a function itself, and cannot be given as one.", e.span,
                               f"write `{wrapped}{name}(...)`", label)
                elif not self.unifier.same(wanted, got):
                    self.fault("E0201",
                               f"{_upper(want.what)} is {self.show(wanted)}, but `{name}` is {self.show(got)}.", e.span,
                               f"write `{wrapped}...` to fit the two together", want.label, label)
            case _:
                t = self.expr(e)
                if t != ERROR:
                    self.fault("E0201", f"{_upper(want.what)} is {self.show(wanted)}, but this is {self.show(t)}.",
                               e.span,
                               "give the name of a function or a lambda: `|x| ...`", want.label)

    def call(self, e: n.CallExpr) -> Type:
        target = e.target
        found = self.names.uses.get(id(target.function))
        if isinstance(found, Declared) and isinstance(found.decl, n.PrimitiveDecl):
            t = self.applied(target, self.checked.declarations.signatures.get(id(found.decl)))
        elif isinstance(found, Broken) or found is None:
            self.loose(target)
            return ERROR
        else:
            name = self.source(target.function)
            what = "built in" if isinstance(found, Builtin) else {
                n.FnDecl: "a function", n.ToolDecl: "a tool", n.ModelDecl: "a model"}.get(
                    type(found.decl), "no primitive") if isinstance(found, Declared) else "no primitive"
            hint = f"write `{name}({', '.join(self.source(a.value) for a in target.args)})`, without `call`"
            if isinstance(found, Declared) and isinstance(found.decl, n.ModelDecl):
                self.loose(target)
                return self.fault("E0302", f"`{name}` is a model; only a primitive can be called.", e.span,
                                  f"declare `primitive ask(...) -> Text[100] {{ model: {name}, prompt: \"...\" }}` "
                                  "and `call ask(...)`")
            label = Label(found.decl.name_span, f"declared here as {what}") if isinstance(found, Declared) else None
            self.fault("E0302", f"`{name}` is {what}; `call` is for primitives.", e.span, hint, label)
            return self.expr(target)
        self.types[id(target)] = t
        self.touched.append(id(target))
        return t

    def else_expr(self, e: n.ElseExpr, hint: Type | None) -> Type:
        attempt = e.attempt
        t = self.expr(attempt, hint)
        if isinstance(attempt, n.Apply) and not self.is_tool(attempt) and not isinstance(
                self.names.uses.get(id(attempt.function)), Broken) and self.top(t) != ERROR:
            self.fault("E0306", "This cannot fail, so `else` has nothing to do.", attempt.span,
                       "`else` follows a `call`, a tool or a vote; put it where the call is made")
        label = Label(attempt.span, f"this is {self.show(t)}")
        self.check(e.fallback, _Want(t, "what is used on failure", label))
        return t

    def vote(self, e: n.Vote, hint: Type | None) -> Type:
        for number, what in ((e.lead, "the lead"), (e.most, "the number of samples")):
            if number is not None:
                self.check(number, _Want(INT, what))
        lead, most = (constant(x) if x is not None else None for x in (e.lead, e.most))
        if lead is not None and lead < 1 and e.lead is not None:
            self.fault("E0307", "A lead is at least 1.", e.lead.span, "write `vote lead 3 up to 15 { ... }`")
        elif lead is not None and most is not None and most < lead:
            self.fault("E0307", f"No answer can lead by {lead} within {most} samples.", e.most.span,
                       f"allow more samples: `up to {5 * lead}`",
                       Label(e.lead.span, "the lead") if e.lead is not None else None)
        elif most is not None and most < 1:
            self.fault("E0307", "A vote needs at least 1 sample.", e.most.span, "write `vote of 5 { ... }`")
        return self.expr(e.body, hint)

    # ---------------------------------------------------------------- built-in functions

    def builtin(self, e: n.Apply, name: str) -> Type:
        signatures = BUILTINS[name]
        if any(a.name is not None for a in e.args):
            named = next(a for a in e.args if a.name is not None)
            self.loose(e)
            return self.fault("E0303", f"The built-in `{name}` has no named parameters.", named.span,
                              "give its arguments by position")
        self.checked.arguments[id(e)] = tuple(range(len(e.args)))
        count = len(e.args)
        fitting = [s for s in signatures if len(s.params) == count or (s.variadic and count > len(s.params))]
        if not fitting:
            self.loose(e)
            forms = " or ".join(
                f"`{name}({', '.join(show_type(_shown(p)) for p in s.params)}{', ...' if s.variadic else ''})`"
                for s in signatures)
            return self.fault("E0303", f"`{name}` does not take {_count(count, 'argument')}.", e.span, f"write {forms}")
        if count == 0:
            return fitting[0].result
        first = self.expr(e.args[0].value)
        native = self.overload(fitting, first)
        if native is None:
            for arg in e.args[1:]:
                self.argument_loosely(arg.value)
            if self.top(first) == ERROR:
                results = {s.result for s in fitting}
                return results.pop() if len(results) == 1 and not _has_variable(fitting[0].result) else ERROR
            return self.wrong_builtin(e, name, fitting, first)
        holes: dict[str, Type] = {k: self.unifier.hole() for k in ("a", "b", "o", "x")}
        params = [*native.params, *([native.params[-1]] * (count - len(native.params)))]
        if name in ("min", "max") and native.variadic:
            return self.numbers(e, name, first)
        wanted = substitute(params[0], holes)
        if self.top(wanted) == FLOAT and self.top(first) == INT:
            pass                                        # rounding and logarithms take whole numbers as they are
        elif not self.unifier.same(wanted, first):
            for arg in e.args[1:]:
                self.argument_loosely(arg.value)
            return self.wrong_builtin(e, name, [native], first)
        for i, (arg, p) in enumerate(zip(e.args[1:], params[1:], strict=True), 2):
            self.argument(arg.value, _Want(substitute(p, holes), f"argument {i} of `{name}`"))
        self.delayed.append(lambda: self.constrain(e, name, holes))
        return substitute(native.result, holes)

    def argument_loosely(self, e: n.Expr) -> None:
        if isinstance(e, n.Lambda):
            for local in self.names.lambdas[id(e)]:
                self.bind(local, ERROR)
            self.expr(e.body)
        elif not isinstance(e, n.Name | n.Field):
            self.expr(e)

    def overload(self, signatures: list[Native], first: Type) -> Native | None:
        """The signature whose outermost shape fits the first argument; an Int fits a Float."""
        got = self.top(first)
        if got == ERROR:
            return None
        if is_hole(got):
            return signatures[-1] if len(signatures) == 1 else next(
                (s for s in signatures if isinstance(s.params[0], ListT)), signatures[0])
        nested = self.top(got.element) if isinstance(got, ListT) and got.element is not None else None
        for s in signatures:
            p = s.params[0]
            if isinstance(p, VarT) or (type(p) is type(got) and not isinstance(p, ListT)):
                return s
            if isinstance(p, ListT) and isinstance(got, ListT):
                inner = p.element
                if inner is None or nested is None or isinstance(inner, VarT) or is_hole(nested) or nested == ERROR \
                        or type(inner) is type(nested) or len(signatures) == 1:
                    return s
        if isinstance(got, IntT | FloatT) and any(s.variadic for s in signatures):
            return next(s for s in signatures if s.variadic)
        return next((s for s in signatures if s.params[0] == FLOAT and got == INT), None)

    def numbers(self, e: n.Apply, name: str, first: Type) -> Type:
        """min and max of several numbers."""
        found = [first, *(self.expr(a.value) for a in e.args[1:])]
        for arg, t in zip(e.args, found, strict=True):
            if not self.number(arg.value, t, name):
                return ERROR
        return FLOAT if any(self.top(t) == FLOAT for t in found) else INT

    def constrain(self, e: n.Apply, name: str, holes: dict[str, Type]) -> None:
        """What has to have an order or a text form has it."""
        for key in ("o", "x"):
            hole = holes[key]
            if is_hole(self.top(hole)):
                continue
            t = self.unifier.full(hole, TEXT)
            if t == ERROR:
                continue
            if key == "o":
                allowed = isinstance(t, IntT | FloatT) or (name == "sorted" and _ordered(t))
                if not allowed:
                    hint = f"say by what: `sorted({self.source(e.args[0].value)}, |x| ...)`" if name == "sorted" else \
                        f"`{name}` takes numbers"
                    self.fault("E0210", f"{show_type(_shown(t))} has no order that `{name}` could use.", e.span, hint)
            elif not isinstance(t, TextT | IntT | FloatT | BoolT | EnumT):
                hint = f'join its parts: `join({self.source(e.args[0].value)}, "\\n")`' if isinstance(t, ListT) else \
                    "take a part of it that is a text or a number"
                self.fault("E0211", f"{show_type(_shown(t))} has no text form.", e.args[0].span, hint)

    def wrong_builtin(self, e: n.Apply, name: str, signatures: list[Native], got: Type) -> Type:
        value = e.args[0].value
        wanted = " or ".join(dict.fromkeys(show_type(_shown(s.params[0])) for s in signatures))
        full = self.unifier.full(got)
        special = {("len", TextT): f"count its tokens: `tokens({self.source(value)})`",
                   ("tokens", ListT): f"for its length write `len({self.source(value)})`",
                   ("first", TextT): f"the first tokens: `take({self.source(value)}, k)`; the first line: "
                                     f"`first(lines({self.source(value)}))`",
                   ("rest", TextT): f"without the first tokens: `drop({self.source(value)}, k)`",
                   ("last", TextT): f"the last line: `last(lines({self.source(value)}))`",
                   ("int", FloatT): f"round it: `floor({self.source(value)})`",
                   ("float", IntT): "an Int is used as a Float without more ado"}
        hint = special.get((name, type(full))) or self.conversion(value, full, _shown(signatures[0].params[0]))
        return self.fault("E0201", f"`{name}` takes {wanted}, but this is {self.show(got)}.", value.span, hint)


def _ordered(t: Type) -> bool:
    return isinstance(t, IntT | FloatT | TextT) or (isinstance(t, TupleT) and all(_ordered(i) for i in t.items))


def _has_variable(t: Type) -> bool:
    match t:
        case VarT():
            return True
        case ListT(element=element):
            return element is None or _has_variable(element)
        case TupleT(items=items):
            return any(_has_variable(i) for i in items)
        case _:
            return False


def _shown(t: Type) -> Type:
    """Holes and variables of the table as `?`, which `show_type` writes for what is not known."""
    match t:
        case VarT(name=name) if name.startswith(("?", "!")) or name.islower():
            return VarT("?")
        case ListT(element=element) if element is not None:
            return ListT(_shown(element))
        case TupleT(items=items):
            return TupleT(tuple(_shown(i) for i in items))
        case FnT(params=params, result=result):
            return FnT(tuple(_shown(p) for p in params), _shown(result))
        case _:
            return t


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _count(k: int, what: str) -> str:
    return f"{k or 'no'} {what}{'' if k == 1 else 's'}"


def _name_span(decl: n.Decl) -> Span:
    return decl.span if isinstance(decl, n.Import) else decl.name_span


def _last(e: n.Expr) -> n.Expr:
    """The line that decides the value of a block."""
    while isinstance(e, n.Block):
        e = e.result
    return e


def _answer(e: n.Expr) -> n.CallExpr | None:
    """A call whose answer is (part of) the value."""
    match e:
        case n.CallExpr():
            return e
        case n.ElseExpr(attempt=attempt):
            return _answer(attempt)
        case n.Block(result=result):
            return _answer(result)
        case n.If(then=then, otherwise=otherwise):
            return _answer(then) or _answer(otherwise)
        case n.For(body=body) | n.Vote(body=body):
            return _answer(body)
        case n.Par(items=items) | n.TupleLit(items=items) | n.ListLit(items=items):
            return next((a for i in items if (a := _answer(i)) is not None), None)
        case _:
            return None


def _literal(e: n.Expr) -> Shape:
    if isinstance(e, n.StringLit):
        return Value("".join(p for p in e.parts if isinstance(p, str)))
    if isinstance(e, n.BoolLit):
        return Value(e.value)
    value = constant(e)
    if value is None:
        return None
    return Value(int(value) if value.denominator == 1 else value)
