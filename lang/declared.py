"""What the declarations of a program say: types, signatures, attributes; and whether that makes sense.

In: units and names. Out: `Declarations` (types of records and enums, signatures of what can be applied) and what is
wrong with types, sizes and attributes. Bodies are checked by `check`. Attributes stay nodes; the compiler reads them.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from . import nodes as n
from .builtins import SIZE_FUNCTIONS
from .diagnostics import Diagnostic, Label
from .modules import Unit
from .names import Broken, Declared, Local, Names, Size, TypeParameter
from .source import Span
from .suggest import did_you_mean, listing
from .types import BOOL, FLOAT, INT, TEXT, EnumT, FnT, ListT, RecordT, TupleT, Type, VarT, show_type
from .unify import ERROR

__all__ = ["METRICS", "Declarations", "Signature", "constant", "declare", "has_function", "size_fault"]

METRICS = ("calls", "input_tokens", "output_tokens", "dollars", "forward", "attention", "rounds", "latency", "context",
           "width", "tool_calls", "unreliability")


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """What can be applied: a primitive, tool, fn or record."""
    unit: Unit
    decl: n.PrimitiveDecl | n.ToolDecl | n.FnDecl | n.TypeDecl
    type_params: tuple[str, ...]
    names: tuple[str, ...]
    params: tuple[Type, ...]
    spans: tuple[Span, ...]
    result: Type


@dataclass(slots=True)
class Declarations:
    """By `id` of a declaration."""
    types: dict[int, Type] = field(default_factory=dict)
    signatures: dict[int, Signature] = field(default_factory=dict)


def declare(units: Sequence[Unit], names: Names) -> tuple[Declarations, list[Diagnostic]]:
    """Declarations of all files, those that are imported first."""
    reader = _Reader(names)
    for unit in units:
        for decl in unit.module.decls:
            reader.declaration(unit, decl)
    return reader.out, reader.diagnostics


def has_function(t: Type) -> bool:
    """Whether a function type stands anywhere in it."""
    match t:
        case FnT():
            return True
        case ListT(element=element):
            return element is not None and has_function(element)
        case TupleT(items=items):
            return any(has_function(i) for i in items)
        case _:
            return False


def constant(e: n.Expr) -> Fraction | None:
    """The value of a number as written, with a sign and simple arithmetic; None for anything else."""
    match e:
        case n.IntLit(value=value):
            return Fraction(value)
        case n.FloatLit(text=text):
            return Fraction(text.replace("_", "")) if len(text) < 200 else None
        case n.Unary(op="-", operand=operand):
            inner = constant(operand)
            return None if inner is None else -inner
        case n.Binary(op=op, left=left, right=right) if op in ("+", "-", "*", "/", "**"):
            if isinstance(left, n.Binary) and isinstance(left.left, n.Binary):
                return None                             # long sums are no constants anyone writes
            a, b = constant(left), constant(right)
            if a is None or b is None or (op == "/" and b == 0):
                return None
            if op == "**":
                small = b.denominator == 1 and 0 <= b <= 1000 and abs(a) <= 10**6
                return a ** int(b) if small else None
            return {"+": a + b, "-": a - b, "*": a * b}[op] if op != "/" else a / b
        case _:
            return None


# ---------------------------------------------------------------- sizes

_SIZE_HINT = ("a size is made of numbers, size variables, Int parameters, params, + - * / // % **, "
              "min, max, ceil, floor and log2")


def size_fault(e: n.Expr, names: Names, *, condition: bool = False) -> Diagnostic | None:
    """What keeps an expression from being a size (or a condition on sizes). Names are known to exist."""
    at = e
    while True:
        match at:
            case n.Binary(op=op, left=left, right=right):
                if op in ("and", "or"):
                    if not condition:
                        return _no_size(at)
                    fault = size_fault(right, names, condition=True)
                elif op in ("==", "!=", "<", "<=", ">", ">="):
                    if not condition:
                        return _no_size(at)
                    fault = size_fault(right, names) or size_fault(left, names)
                    return fault
                elif op == "++" or condition:
                    return _no_condition(at) if condition else _no_size(at)
                else:
                    fault = size_fault(right, names)
                if fault is not None:
                    return fault
                at = left
            case n.Unary(op="not", operand=operand):
                if not condition:
                    return _no_size(at)
                at = operand
            case n.BoolLit():
                return None if condition else _no_size(at)
            case _ if condition:
                return _no_condition(at)
            case n.IntLit() | n.FloatLit():
                return None
            case n.Unary(operand=operand):
                at = operand
            case n.Name():
                return _size_name(at, names)
            case n.Apply(function=n.Name(id=name), args=args) if name in SIZE_FUNCTIONS:
                least = SIZE_FUNCTIONS[name]
                if len(args) < least or (least == 1 and len(args) > 1):
                    return Diagnostic("E0303",
                                      f"`{name}` takes {'one number' if least == 1 else 'two sizes or more'} here, "
                                      f"but {len(args)} are given.", at.span,
                                      f"write `{name}({'n' if least == 1 else 'n, m'})`")
                for arg in args:
                    fault = size_fault(arg.value, names)
                    if fault is not None or arg.name is not None:
                        return fault or _no_size(at)
                return None
            case _:
                return _no_size(at)


def _size_name(e: n.Name, names: Names) -> Diagnostic | None:
    found = names.uses.get(id(e))
    match found:
        case Size() | Broken() | None:
            return None
        case Local(kind="parameter", type=n.IntType()):
            return None
        case Declared(decl=n.ParamDecl()):
            return None
        case Local(span=span):
            return Diagnostic("E0413", f"`{e.id}` is a value, not a size.", e.span,
                              "use a size variable, an Int parameter or a param here", (Label(span, "bound here"),))
        case _:
            return _no_size(e)


def _no_size(e: n.Expr) -> Diagnostic:
    return Diagnostic("E0413", "This is not a size.", e.span, _SIZE_HINT)


def _no_condition(e: n.Expr) -> Diagnostic:
    return Diagnostic("E0413", "This is not a condition on sizes.", e.span,
                      "compare sizes with < <= > >= == !=, as in `n >= 1`, and join them with `and`, `or`, `not`")


# ---------------------------------------------------------------- declarations

_MODEL_NUMBERS = {"context", "rpm", "tpm", "reasoning"}
_MODEL = ("size", "temperature", "context", "price_in", "price_out", "price_cached", "ttft", "prefill", "decode", "rpm",
          "tpm", "reasoning")
_PRIMITIVE = ("model", "prompt", "system", "error", "malformed", "attempts", "chance", "temperature", "max_output",
              "typical")
_TOOL = ("python", "latency", "dollars", "chance")


class _Reader:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.out = Declarations()
        self.diagnostics: list[Diagnostic] = []
        self.open: set[int] = set()

    def fault(self, code: str, message: str, span: Span, hint: str, labels: tuple[Label, ...] = ()) -> None:
        self.diagnostics.append(Diagnostic(code, message, span, hint, labels))

    # ---------------------------------------------------------------- types

    def type(self, t: n.TypeExpr, top: bool = False) -> Type:
        """`top`: a function type may stand here."""
        match t:
            case n.TextType(size=size):
                self.size_range(size)
                return TEXT
            case n.IntType(bounds=bounds):
                if bounds is not None and bounds.low is None:
                    self.fault("E0415", "The range of an Int has two ends.", t.span,
                               f"write `Int[0..{_text(bounds.high)}]`")
                else:
                    self.size_range(bounds, number=True)
                return INT
            case n.FloatType():
                return FLOAT
            case n.BoolType():
                return BOOL
            case n.ListType(element=element, size=size):
                self.size_range(size)
                return ListT(self.type(element))
            case n.TupleType(items=items):
                return TupleT(tuple(self.type(i) for i in items))
            case n.NamedType():
                return self.named(t)
            case n.FnType(params=params, result=result):
                if not top:
                    self.fault("E0209", "A function cannot be stored or returned.", t.span,
                               "a function type stands alone as the type of a parameter of an `fn`: "
                               "`f: fn(Text) -> Text`")
                    return ERROR
                return FnT(tuple(self.type(p) for p in params), self.type(result))

    def named(self, t: n.NamedType) -> Type:
        match self.names.uses.get(id(t)):
            case TypeParameter(name=name):
                return VarT(name)
            case Declared(unit=unit, decl=n.TypeDecl() | n.EnumDecl() as decl):
                return self.declared_type(unit, decl, t.span)
            case _:
                return ERROR

    def declared_type(self, unit: Unit, decl: n.TypeDecl | n.EnumDecl, span: Span) -> Type:
        known = self.out.types.get(id(decl))
        if known is not None:
            return known
        if isinstance(decl, n.EnumDecl):
            self.out.types[id(decl)] = EnumT(unit.qualified(decl.name), decl.constants)
            return self.out.types[id(decl)]
        if id(decl) in self.open:
            self.fault("E0901", f"The record `{decl.name}` contains itself, which is not supported yet.", span,
                       "keep the parts in a list beside it, and refer to them by number",
                       (Label(decl.name_span, "the record"),))
            return ERROR
        self.open.add(id(decl))
        fields = tuple((f.name, self.type(f.type)) for f in decl.fields)
        self.open.discard(id(decl))
        result = RecordT(unit.qualified(decl.name), fields)
        self.out.types[id(decl)] = result
        self.out.signatures[id(decl)] = Signature(
            unit, decl, (), tuple(f.name for f in decl.fields), tuple(t for _, t in fields),
            tuple(f.span for f in decl.fields), result)
        return result

    def size_range(self, size: n.SizeRange | None, number: bool = False) -> None:
        if size is None:
            return
        ends = [e for e in (size.low, size.high) if e is not None]
        for e in ends:
            self.size(e)
        values = [constant(e) for e in ends]
        what = "range" if number else "size"
        for e, v in zip(ends, values, strict=True):
            if v is not None and not number and (v < 0 or v.denominator != 1):
                self.fault("E0415", f"The {what} {_text(e)} is not a whole number of at least 0.", e.span,
                           "a size counts tokens or elements")
                return
        if len(values) == 2 and values[0] is not None and values[1] is not None and values[0] > values[1]:
            self.fault("E0415", f"The {what} is empty: {_text(ends[0])} is more than {_text(ends[1])}.", size.span,
                       f"write `{_text(ends[1])}..{_text(ends[0])}`")

    def size(self, e: n.Expr, condition: bool = False) -> bool:
        fault = size_fault(e, self.names, condition=condition)
        if fault is not None:
            self.diagnostics.append(fault)
        return fault is None

    # ---------------------------------------------------------------- declarations

    def declaration(self, unit: Unit, decl: n.Decl) -> None:
        match decl:
            case n.Import():
                pass
            case n.TypeDecl():
                if not decl.fields:
                    self.fault("E0603", f"The record `{decl.name}` has no fields.", decl.name_span,
                               f"write `type {decl.name} {{ title: Text[20] }}`")
                self.declared_type(unit, decl, decl.name_span)
            case n.EnumDecl():
                if not decl.constants:
                    self.fault("E0603", f"The enum `{decl.name}` has no constants.", decl.name_span,
                               f"write `enum {decl.name} {{ yes, no }}`")
                self.declared_type(unit, decl, decl.name_span)
            case n.ModelDecl():
                self.model(decl)
            case n.ParamDecl():
                self.param(decl)
            case n.PrimitiveDecl() | n.ToolDecl():
                self.signature(unit, decl, ())
                self.sized(decl, decl.result, [], ())
                self.attributes(decl)
            case n.FnDecl():
                self.signature(unit, decl, decl.type_params)
                self.clauses(decl)

    def signature(self, unit: Unit, decl: n.PrimitiveDecl | n.ToolDecl | n.FnDecl,
                  type_params: tuple[str, ...]) -> None:
        higher = isinstance(decl, n.FnDecl)
        params = tuple(self.type(p.type, top=higher) for p in decl.params)
        self.out.signatures[id(decl)] = Signature(
            unit, decl, type_params, tuple(p.name for p in decl.params), params, tuple(p.span for p in decl.params),
            self.type(decl.result))

    def sized(self, decl: n.PrimitiveDecl | n.ToolDecl, t: n.TypeExpr, labels: list[Label],
              within: tuple[n.TypeDecl, ...]) -> None:
        """Every text and list of an answer has a bounded size."""
        match t:
            case n.TextType(size=None) | n.ListType(size=None):
                text = _source(t.span)
                if isinstance(t, n.TextType):
                    what, hint = "a Text without a size", "write `Text[100]` for at most 100 tokens"
                else:
                    what = "a List without a length"
                    hint = f"write `{text[:-1].rstrip().rstrip(',')}, 10]` for at most 10 elements"
                where = labels[0].span if labels else t.span
                more = (Label(t.span, "this has no size"), *labels[1:]) if labels else ()
                self.fault("E0411", f"The result of `{decl.name}` has {what}.", where, hint, more)
            case _:
                pass
        match t:
            case n.ListType(element=element):
                self.sized(decl, element, labels, within)
            case n.TupleType(items=items):
                for item in items:
                    self.sized(decl, item, labels, within)
            case n.NamedType():
                found = self.names.uses.get(id(t))
                if isinstance(found, Declared) and isinstance(found.decl, n.TypeDecl) \
                        and not any(d is found.decl for d in within):
                    bound = self.names.sizes.get(id(decl), {})
                    for name, span in self.names.sizes.get(id(found.decl), {}).items():
                        if name not in bound and not labels and name not in {p.name for p in decl.params}:
                            self.fault("E0412", f"The size `{name}` of `{found.decl.name}` is not known here.", t.span,
                                       "a record that is answered has sizes of numbers, params or of the parameters",
                                       (Label(span, "named here"),))
                    for f in found.decl.fields:
                        self.sized(decl, f.type, labels or [Label(t.span, "")], (*within, found.decl))
            case _:
                pass

    def clauses(self, decl: n.FnDecl) -> None:
        for condition in decl.where:
            self.size(condition, condition=True)
        if decl.decreases is not None:
            self.size(decl.decreases)
        for clause in decl.within:
            self.size(clause.bound)
            if clause.metric not in METRICS:
                self.fault("E0416", f"There is no metric `{clause.metric}`.", clause.span,
                           did_you_mean(clause.metric, METRICS, f"the metrics are {', '.join(METRICS)}"))

    # ---------------------------------------------------------------- attributes

    def known(self, attrs: tuple[n.Attr, ...], allowed: tuple[str, ...], what: str) -> dict[str, n.Attr]:
        seen: dict[str, n.Attr] = {}
        for attr in attrs:
            if attr.name not in allowed:
                self.fault("E0601", f"A {what} has no attribute `{attr.name}`.", attr.span,
                           did_you_mean(attr.name, allowed, f"it may have {listing(allowed, 20)}"))
            elif attr.name in seen:
                self.fault("E0604", f"The attribute `{attr.name}` is given twice.", attr.span, "remove one of the two",
                           (Label(seen[attr.name].span, "the first"),))
            else:
                seen[attr.name] = attr
        return seen

    def number(self, attr: n.Attr, low: int, high: int | None, *, whole: bool = False) -> None:
        value = constant(attr.value)
        kind = "a whole number" if whole else "a number"
        limits = (f" from {low} to {high}" if high is not None else f" of at least {low}")
        if value is None or (whole and value.denominator != 1):
            self.fault("E0603", f"`{attr.name}` is {kind}{limits}.", attr.value.span,
                       f"write `{attr.name}: {max(low, 1)}`, or leave it out")
        elif value < low or (high is not None and value > high):
            self.fault("E0603", f"`{attr.name}` is {kind}{limits}, not {_text(attr.value)}.", attr.value.span,
                       "a probability lies between 0 and 1" if high == 1 else f"write a number{limits}")

    def model(self, decl: n.ModelDecl) -> None:
        provider, _, model = decl.target.partition("/")
        if not provider or not model:
            self.fault("E0605", f"\"{decl.target}\" does not say which provider the model is from.", decl.span,
                       f'write `model {decl.name} = "provider/{decl.target.strip("/") or "name"}"`, as in '
                       '"openai/gpt-5-mini" or "local/smollm2"')
        for name, attr in self.known(decl.attrs, _MODEL, "model").items():
            if name == "size":
                if not isinstance(attr.value, n.Name):
                    self.number(attr, 0, None)
            elif name in _MODEL_NUMBERS:
                self.number(attr, 0 if name == "reasoning" else 1, None, whole=True)
            else:
                self.number(attr, 0, None)
                if name in ("prefill", "decode") and constant(attr.value) == 0:
                    self.fault("E0603", f"`{name}` is a number of tokens a second, more than 0.", attr.value.span,
                               "leave it out if it is not known")

    def param(self, decl: n.ParamDecl) -> None:
        t = self.type(decl.type)
        if t != INT and t != ERROR:
            self.fault("E0902", f"A param of type {show_type(t)} is not supported yet; it must be an Int.",
                       decl.type.span,
                       f"write `param {decl.name}: Int = ...`")
            return
        limits = [decl.range.low, decl.range.high] if decl.range is not None else []
        if isinstance(decl.type, n.IntType) and decl.type.bounds is not None:
            limits += [decl.type.bounds.low, decl.type.bounds.high]
        values = []
        for e in (decl.default, *limits):
            value = constant(e) if e is not None else None
            if e is not None and (value is None or value.denominator != 1):
                self.fault("E0606",
                           f"The {'default' if e is decl.default else 'range'} of a param is made of whole numbers.",
                           e.span, f"write `param {decl.name}: Int = 1000 in 1..10_000`")
                return
            values.append(value)
        default, *rest = values
        for low, high, e in zip(rest[::2], rest[1::2], limits[1::2], strict=True):
            if default is None or low is None or high is None or e is None:
                continue
            if not low <= default <= high:
                self.fault("E0606", f"The default {default} of `{decl.name}` lies outside of its range {low}..{high}.",
                           decl.default.span, "widen the range or change the default", (Label(e.span, "the range"),))

    def attributes(self, decl: n.PrimitiveDecl | n.ToolDecl) -> None:
        primitive = isinstance(decl, n.PrimitiveDecl)
        seen = self.known(decl.attrs, _PRIMITIVE if primitive else _TOOL, "primitive" if primitive else "tool")
        for name, attr in seen.items():
            match name:
                case "model":
                    self.model_of(attr)
                case "prompt" | "system" | "python":
                    if not isinstance(attr.value, n.StringLit):
                        self.fault("E0603", f"`{name}` is a text in quotes.", attr.value.span, f'write `{name}: "..."`')
                    elif name == "python":
                        self.python(attr)
                    else:
                        self.prompt(decl, attr.value)
                case "attempts":
                    self.number(attr, 1, None, whole=True)
                case "temperature":
                    self.number(attr, 0, None)
                case "error" | "malformed" | "chance":
                    if name == "chance" and not isinstance(decl.result, n.BoolType):
                        self.fault("E0607",
                                   f"`chance` is the probability of `true`, but `{decl.name}` does not answer with a "
                                   "Bool.", attr.span, "remove it, or answer with a Bool",
                                   (Label(decl.result.span, "the answer"),))
                    elif self.size(attr.value):
                        value = constant(attr.value)
                        if value is not None and not 0 <= value <= 1:
                            self.number(attr, 0, 1)
                case _:
                    if self.size(attr.value):
                        value = constant(attr.value)
                        if value is not None and value < 0:
                            self.number(attr, 0, None)
        if isinstance(decl, n.PrimitiveDecl):
            if "prompt" not in seen:
                holes = " ".join(f"{{{p.name}}}" for p in decl.params)
                self.fault("E0602", f"The primitive `{decl.name}` has no prompt.", decl.name_span,
                           f'add `prompt: "... {holes}"` between its braces')
            elif isinstance(seen["prompt"].value, n.StringLit) and decl.params:
                strings = [a.value for k,
                           a in seen.items() if k in ("prompt", "system") and isinstance(a.value, n.StringLit)]
                if all(isinstance(p, str) for s in strings for p in s.parts):
                    self.fault("W0301",
                               f"The prompt of `{decl.name}` has no placeholder: every call sends the same text.",
                               seen["prompt"].value.span,
                               f"write `{{{decl.params[0].name}}}` where the argument belongs")

    def model_of(self, attr: n.Attr) -> None:
        found = self.names.uses.get(id(attr.value))
        if isinstance(found, Broken) or (isinstance(found, Declared) and isinstance(found.decl, n.ModelDecl)):
            return
        self.fault("E0603", "`model` is the name of a declared model.", attr.value.span,
                   'declare `model fast = "provider/name"` and write `model: fast`')

    def python(self, attr: n.Attr) -> None:
        assert isinstance(attr.value, n.StringLit)
        parts = attr.value.parts
        module, _, function = parts[0].partition(":") if len(parts) == 1 and isinstance(parts[0], str) else ("", "", "")
        if not (function.isidentifier() and all(p.isidentifier() for p in module.split("."))):
            self.fault("E0603", "`python` names a function in a module.", attr.value.span,
                       'write `python: "module:function"`, as in "mytools:fetch"')

    def prompt(self, decl: n.PrimitiveDecl | n.ToolDecl, s: n.StringLit) -> None:
        for part in s.parts:
            if not isinstance(part, str):
                self.hole(decl, part)

    def hole(self, decl: n.PrimitiveDecl | n.ToolDecl, part: n.Expr) -> Type:
        """The type of what a placeholder names."""
        match part:
            case n.Name():
                found = self.names.uses.get(id(part))
                for p in decl.params:
                    if isinstance(found, Local) and found is self.names.binds.get(id(p)):
                        return self.out.signatures[id(decl)].params[decl.params.index(p)]
                return ERROR
            case n.Field(object=inner, name=name):
                t = self.hole(decl, inner)
                if isinstance(t, RecordT):
                    for f, ft in t.fields:
                        if f == name:
                            return ft
                    self.fault("E0304", f"`{t.name}` has no field `{name}`.", part.span,
                               did_you_mean(name, [f for f, _ in t.fields],
                                            f"it has {listing(f for f, _ in t.fields)}"))
                elif t != ERROR:
                    self.fault("E0304", f"`{_text(inner)}` is {show_type(t)}, which has no fields.", part.span,
                               f"write `{{{_text(inner)}}}`")
                return ERROR
            case n.TupleIndex(object=inner, index=index):
                t = self.hole(decl, inner)
                if isinstance(t, TupleT) and index < len(t.items):
                    return t.items[index]
                if t != ERROR:
                    self.fault("E0304", f"`{_text(inner)}` has no part {index}.", part.span, f"it is {show_type(t)}")
                return ERROR
            case _:
                self.fault("E0304", "A placeholder in a prompt names a parameter or a field of one.", part.span,
                           f"compute it before the call, and give it to `{decl.name}` as a parameter")
                return ERROR


def _text(e: n.Expr) -> str:
    return _source(e.span)


def _source(span: Span) -> str:
    return span.source.text[span.start:span.end]

