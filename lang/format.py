"""Module -> the one canonical text of it.

In: a module, and the source it was parsed from for its comments, its blank lines and the way
its numbers are written. Out: text that parses to an equal module, and that formatting
leaves as it is. Comments are all kept: beside or above the item of a list, statement or
declaration they belong to; one in the midst of an expression moves above its statement.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from . import nodes as n
from .layout import HARD, LINE, SOFT, Doc, Either, Group, Nest, Suffix, cat, flat, join, lay_out
from .recursion import room_to_recurse
from .source import Source, Span
from .tree import PRECEDENCE, RIGHT, UNARY

__all__ = ["format_expression", "format_module", "format_type"]

_WIDTH = 100
_IF_WIDTH = 60          # an `if` no wider than this may stand on one line,
_LOOP_WIDTH = 80        # and other forms with a block no wider than that
_ATOM = 10              # binds as tightly as a name
_OPEN = 0               # needs parentheses wherever something could follow or precede it
_ONE_LINERS = (n.Import, n.ModelDecl, n.ParamDecl)
_HUGGED = (n.Block, n.If, n.Match, n.For, n.Fold, n.Repeat, n.Vote, n.Choose, n.ListLit, n.TupleLit)
_WITH_BLOCKS = (n.Block, n.If, n.Match, n.For, n.Fold, n.Repeat, n.Vote, n.Choose)
_NUMBER = re.compile(r"[0-9][0-9_.eE+-]*")
_PLACEHOLDER = "\0"


def format_module(module: n.Module, source: Source) -> str:
    """Canonical text: lines of 100 columns where that can be, two blanks of indentation, one line break at the end."""
    with room_to_recurse():
        return _Printer(source, module.comments).module(module)


def format_expression(node: n.Expr) -> str:
    """An expression on one line, for messages and reports; a block of several statements keeps its lines."""
    with room_to_recurse():
        return lay_out(Group(_Printer(node.span.source, ()).expr(node)), 10 ** 6)


def format_type(node: n.TypeExpr) -> str:
    """A type as it is written."""
    return lay_out(Group(_Printer(node.span.source, ()).type(node)), 10 ** 6)


_Item = tuple[Span, Callable[[], Doc]]
"""Where an item of a list stands, and how to print it when its turn comes: comments are handed out in order."""


@dataclass(slots=True)
class _Thing:
    """An item of a list or a comment of its own; `start` and `end` are where it stood, `end` -1 for one that moved."""

    doc: Doc
    start: int
    end: int
    comment: bool


class _Printer:
    def __init__(self, source: Source, comments: Sequence[n.Comment]) -> None:
        self.source = source
        self.text = source.text
        self.comments = comments
        self.next = 0                           # the first comment that has no place yet
        self.moved: list[n.Comment] = []        # comments in the midst of the current item

    # ------------------------------------------------------------ comments

    def before(self, offset: int) -> list[n.Comment]:
        """The comments up to an offset that have no place yet."""
        first = self.next
        while self.next < len(self.comments) and self.comments[self.next].span.start < offset:
            self.next += 1
        return list(self.comments[first:self.next])

    def beside(self, end: int, limit: int) -> Doc:
        """The comment on the line where an item ends."""
        if self.next < len(self.comments):
            comment = self.comments[self.next]
            at = comment.span.start
            if not comment.own_line and end <= at < limit and "\n" not in self.text[end:at]:
                self.next += 1
                return Suffix("  " + comment.text)
        return ""

    def move(self, span: Span) -> None:
        """Comments before this place belong nowhere in particular: they go above the current item."""
        self.moved.extend(self.before(span.start))

    def things(self, items: Sequence[_Item], limit: int) -> list[_Thing]:
        """Items and the comments among them, in order; `limit` is where the list ends."""
        out: list[_Thing] = []
        outer = self.moved
        for i, (span, make) in enumerate(items):
            out.extend(self.comment(c) for c in self.before(span.start))
            self.moved = []
            doc = make()
            moved = self.moved + self.before(span.end)
            out.extend(_Thing(c.text, span.start, -1, True) for c in moved)
            following = items[i + 1][0].start if i + 1 < len(items) else limit
            out.append(_Thing(cat(doc, self.beside(span.end, following)), span.start, span.end, False))
        self.moved = outer
        out.extend(self.comment(c) for c in self.before(limit))
        return out

    def comment(self, comment: n.Comment) -> _Thing:
        return _Thing(comment.text, comment.span.start, comment.span.end, True)

    def gap(self, before: _Thing, after: _Thing) -> bool:
        """Whether there was a blank line between two things."""
        end = before.end if before.end >= 0 else before.start
        between = self.text[end:after.start]
        return before.end >= 0 and re.search(r"\n[ \t\r]*\n", between) is not None

    def rows(self, things: list[_Thing], separator: Doc, line: Doc = LINE) -> Doc:
        """One thing a line, at most one blank line between two; the separator stands between items."""
        parts: list[Doc] = []
        items = sum(not thing.comment for thing in things)
        for i, thing in enumerate(things):
            if i:
                parts.append(HARD if things[i - 1].comment or thing.comment else line)
                if self.gap(things[i - 1], thing):
                    parts.append(HARD)
            parts.append(thing.doc)
            if not thing.comment:
                items -= 1
                if items:
                    parts.append(separator)
        return cat(*parts)

    def listed(self, opener: str, items: Sequence[_Item], closer: str, limit: int) -> Doc:
        """`(a, b)`: on one line, or one item a line with a comma after each."""
        things = self.things(items, limit)
        if not things:
            return opener + closer
        parts: list[Doc] = []
        count = len(items)
        for i, thing in enumerate(things):
            if i:
                parts.append(HARD if things[i - 1].comment or thing.comment else LINE)
            parts.append(thing.doc)
            if not thing.comment:
                count -= 1
                parts.append("," if count else Either("", ","))
        force: Doc = HARD if any(thing.comment for thing in things) else SOFT
        return Group(cat(opener, Nest(cat(force, *parts)), force, closer))

    # ------------------------------------------------------------ declarations

    def module(self, module: n.Module) -> str:
        out: list[str] = []
        previous: n.Decl | None = None
        end = -1                                # where the last thing printed stood
        for i, decl in enumerate(module.decls):
            start = self.doc_start(decl)
            above = self.before(decl.span.start)
            self.moved = []
            doc = self.declaration(decl)
            above += self.moved + self.before(decl.span.end)
            following = module.decls[i + 1].span.start if i + 1 < len(module.decls) else len(self.text) + 1
            text = lay_out(cat(doc, self.beside(decl.span.end, following)), _WIDTH)
            first = above[0].span.start if above else start
            together = (previous is not None and type(previous) is type(decl) and isinstance(decl, _ONE_LINERS)
                        and "\n" not in text and "\n" not in out[-1].rstrip("\n"))
            if previous is not None and (not together or self.blank(end, first)):
                out.append("\n")
            for comment in above:
                if end >= 0 and comment is not above[0] and self.blank(end, comment.span.start):
                    out.append("\n")
                out.append(comment.text + "\n")
                end = comment.span.end
            if above and self.blank(end, start):
                out.append("\n")
            doc_text = getattr(decl, "doc", None)
            if doc_text is not None:
                out.extend((f"## {line}" if line else "##") + "\n" for line in doc_text.split("\n"))
            out.append(text + "\n")
            previous, end = decl, decl.span.end
        rest = self.before(len(self.text) + 1)
        for i, comment in enumerate(rest):
            if (out and i == 0) or (i and self.blank(end, comment.span.start)):
                out.append("\n")
            out.append(comment.text + "\n")
            end = comment.span.end
        return "".join(out)

    def blank(self, end: int, start: int) -> bool:
        return 0 <= end < start and re.search(r"\n[ \t\r]*\n", self.text[end:start]) is not None

    def doc_start(self, decl: n.Decl) -> int:
        """Where the documentation of a declaration begins, or the declaration itself."""
        at = decl.span.start
        doc = getattr(decl, "doc", None)
        if doc is None or not self.text:
            return at
        lines = doc.count("\n") + 1
        line = self.source.position(at)[0] - 1
        while lines and line > 0:
            if self.source.line(line).lstrip().startswith("##"):
                lines -= 1
                at = self.text.rfind("\n", 0, self.text.rfind("\n", 0, at)) + 1
            else:
                at = max(self.text.rfind("\n", 0, self.text.rfind("\n", 0, at)) + 1, 0)
            line -= 1
        return at

    def declaration(self, decl: n.Decl) -> Doc:
        match decl:
            case n.Import(path, standard, alias):
                return f"import {path if standard else _quoted(path)}" + (f" as {alias}" if alias else "")
            case n.ModelDecl(name, target, attrs):
                return cat(f"model {name} = {_quoted(target)}", self.attributes(decl, attrs))
            case n.ParamDecl(name, type_, default, range_):
                bounds: Doc = cat(" in ", self.range(range_)) if range_ else ""
                return Group(cat(f"param {name}: ", self.type(type_), " = ", self.header(default), bounds))
            case n.TypeDecl(name, fields):
                if not fields:
                    return f"type {name} {{}}"
                places = [(field.span, partial(self.typed, field)) for field in fields]
                rows = self.rows(self.things(places, decl.span.end - 1), Either(",", ""))
                return Group(cat(f"type {name} {{", Nest(cat(LINE, rows)), LINE, "}"))
            case n.EnumDecl(name, constants):
                if not constants:
                    return f"enum {name} {{}}"
                words = [(span, partial(cat, word)) for span, word in zip(self.constants(decl), constants, strict=True)]
                rows = self.rows(self.things(words, decl.span.end - 1), Either(",", ""))
                return Group(cat(f"enum {name} {{", Nest(cat(LINE, rows)), LINE, "}"))
            case n.PrimitiveDecl(name, params, result, attrs):
                return cat(f"primitive {name}", self.parameters(params, result), self.attributes(decl, attrs))
            case n.ToolDecl(name, params, result, attrs):
                return cat(f"tool {name}", self.parameters(params, result), self.attributes(decl, attrs))
            case n.FnDecl():
                return self.function(decl)

    def constants(self, decl: n.EnumDecl) -> list[Span]:
        """Where the constants of an enum stand: comments beside them want to know."""
        at = self.text.find("{", decl.span.start)
        if at < 0:
            return [decl.span] * len(decl.constants)
        out = []
        words = re.compile(r"#[^\n]*|\w+").finditer(self.text, at)
        for name in decl.constants:
            found = next(word for word in words if word.group() == name)
            out.append(Span(self.source, found.start(), found.end()))
        return out

    def attributes(self, decl: n.ModelDecl | n.PrimitiveDecl | n.ToolDecl, attrs: tuple[n.Attr, ...]) -> Doc:
        if not attrs:
            return ""
        longest = max(len(attr.name) for attr in attrs)

        def row(attr: n.Attr) -> Doc:
            return cat(f"{attr.name}: ", Either("", " " * (longest - len(attr.name))), self.expr(attr.value))

        places = [(attr.span, partial(row, attr)) for attr in attrs]
        rows = self.rows(self.things(places, decl.span.end - 1), Either(",", ""))
        line: Doc = HARD if isinstance(decl, n.PrimitiveDecl) else LINE
        return Group(cat(" {", Nest(cat(line, rows)), line, "}"))

    def parameters(self, params: tuple[n.Param, ...], result: n.TypeExpr) -> Doc:
        limit = result.span.start
        items = [(param.span, partial(self.typed, param)) for param in params]
        doc = cat(self.listed("(", items, ")", limit if params else 0), " -> ", self.type(result))
        self.moved.extend(self.before(result.span.end))
        return doc

    def typed(self, node: n.Param | n.FieldDecl) -> Doc:
        return cat(f"{node.name}: ", self.type(node.type))

    def function(self, decl: n.FnDecl) -> Doc:
        generic = f"[{', '.join(decl.type_params)}]" if decl.type_params else ""
        head = cat(f"fn {decl.name}{generic}", self.parameters(decl.params, decl.result))
        clauses: list[Doc] = []
        if decl.where:
            clauses.append(self.clause("where", [self.header(condition) for condition in decl.where]))
        if decl.decreases is not None:
            clauses.append(cat("decreases ", self.header(decl.decreases)))
        if decl.within:
            bounds = [cat(f"{bound.metric} <= ", self.header(bound.bound)) for bound in decl.within]
            clauses.append(self.clause("within", bounds))
        self.move(decl.body.span)
        rest: Doc = Nest(cat(*(part for clause in clauses for part in (LINE, clause)))) if clauses else ""
        return cat(head, Group(rest), " ", self.block(decl.body, HARD))

    def clause(self, word: str, items: list[Doc]) -> Doc:
        return Group(cat(word, " ", Nest(join(cat(",", LINE), items))))

    # ------------------------------------------------------------ types and patterns

    def type(self, node: n.TypeExpr) -> Doc:
        match node:
            case n.TextType(size):
                return cat("Text[", self.range(size), "]") if size else "Text"
            case n.IntType(size):
                return cat("Int[", self.range(size), "]") if size else "Int"
            case n.FloatType():
                return "Float"
            case n.BoolType():
                return "Bool"
            case n.ListType(element, size):
                return cat("List[", self.type(element), *((", ", self.range(size)) if size else ()), "]")
            case n.TupleType(items):
                return cat("(", join(", ", map(self.type, items)), ")")
            case n.NamedType(name, module):
                return f"{module}.{name}" if module else name
            case n.FnType(params, result):
                return cat("fn(", join(", ", map(self.type, params)), ") -> ", self.type(result))

    def range(self, size: n.SizeRange) -> Doc:
        if size.low is None:
            return self.expr(size.high)
        return cat(self.header(size.low), "..", self.header(size.high))

    def pattern(self, node: n.Pattern) -> str:
        match node:
            case n.WildPat():
                return "_"
            case n.NamePat(name):
                return name
            case n.LitPat(value):
                return flat(self.expr(value, plain=True))
            case n.TuplePat(items):
                return f"({', '.join(self.pattern(item) for item in items)})"
            case n.ListPat(items, rest):
                parts = [self.pattern(item) for item in items]
                if rest is not None:
                    parts.append(".." + (rest.name if isinstance(rest, n.NamePat) else ""))
                return f"[{', '.join(parts)}]"

    # ------------------------------------------------------------ statements

    def block(self, node: n.Block, line: Doc = LINE) -> Doc:
        """Its braces and lines; whether they break is up to the group around, unless there are blocks within."""
        line = HARD if isinstance(node.result, _WITH_BLOCKS) else line
        return cat("{", Nest(cat(line, self.statements(node))), line, "}")

    def statements(self, node: n.Block) -> Doc:
        items: list[_Item] = [(s.span, partial(self.statement, s, i)) for i, s in enumerate(node.statements)]
        items.append((node.result.span, partial(self.begins, node.result, len(items))))
        self.move(node.span)
        return self.rows(self.things(items, node.span.end - 1), "", HARD)

    def statement(self, node: n.Stmt, position: int) -> Doc:
        match node:
            case n.Let(pattern, value):
                return cat(f"let {self.pattern(pattern)} = ", self.expr(value))
            case n.ExprStmt(value):
                return self.begins(value, position)

    def begins(self, node: n.Expr, position: int) -> Doc:
        """An expression that is a statement; a line must not begin with what would continue the line above."""
        edge = node
        while isinstance(edge, n.Binary):
            need = PRECEDENCE[edge.op] + (edge.op in RIGHT or PRECEDENCE[edge.op] == PRECEDENCE["=="])
            if _level(edge.left) < need:
                break
            edge = edge.left
        continues = isinstance(edge, n.Lambda) or (isinstance(edge, n.Unary) and edge.op == "-")
        return cat("(", self.expr(node), ")") if position and continues else self.expr(node)

    # ------------------------------------------------------------ expressions

    def operand(self, node: n.Expr, need: int) -> Doc:
        """In parentheses if it binds less tightly than needed."""
        doc = self.expr(node)
        return doc if _level(node) >= need else cat("(", doc, ")")

    def header(self, node: n.Expr) -> Doc:
        """A part of a form that is followed by more of it."""
        return self.operand(node, 1)

    def expr(self, node: n.Expr, *, plain: bool = False) -> Doc:
        """`plain` for a text that must stand on one line."""
        match node:
            case n.IntLit(value):
                return self.written(node.span, str(value))
            case n.FloatLit(text):
                return self.written(node.span, text)
            case n.BoolLit(value):
                return "true" if value else "false"
            case n.StringLit():
                return self.string(node, plain)
            case n.Name(name):
                return name
            case n.Field(value, name):
                return cat(self.operand(value, _ATOM), f".{name}")
            case n.TupleIndex(value, index):
                number = isinstance(value, n.IntLit | n.FloatLit)
                return cat("(" if number else "", self.operand(value, _ATOM), ")" if number else "", f".{index}")
            case n.Index(value, index):
                return cat(self.operand(value, _ATOM), "[", self.expr(index), "]")
            case n.Slice(value, low, high):
                return cat(self.operand(value, _ATOM), "[", self.header(low) if low else "", "..",
                           self.header(high) if high else "", "]")
            case n.Unary(op, operand):
                return cat("not " if op == "not" else op, self.operand(operand, UNARY[op] + (op == "-")))
            case n.Binary():
                return self.binary(node)
            case n.ListLit(items):
                return self.listed("[", self.items(items), "]", node.span.end - 1)
            case n.TupleLit(items):
                return self.listed("(", self.items(items), ")", node.span.end - 1)
            case n.Apply(function, args):
                return cat(self.expr(function), self.arguments(node, args))
            case n.CallExpr(target):
                return cat("call ", self.expr(target))
            case _:
                return self.form(node)

    def form(self, node: n.Expr) -> Doc:
        """What begins with a word and has blocks or clauses."""
        match node:
            case n.ElseExpr(attempt, fallback):
                return cat(self.expr(attempt), " else ", self.expr(fallback))
            case n.Lambda(params, body):
                return cat(f"|{', '.join(params)}| " if params else "| | ", self.expr(body))
            case n.Block():
                return Group(self.block(node))
            case n.If():
                return Group(self.conditional(node), _IF_WIDTH)
            case n.Match(subject, arms):
                head = cat("match ", self.header(subject))
                rows = self.rows(self.things([(arm.span, partial(self.arm, arm)) for arm in arms], node.span.end - 1),
                                 ",", HARD)
                return cat(head, " {", Nest(cat(HARD, rows)), HARD, "}")
            case n.For(concurrent, pattern, items, where, chance, body):
                return Group(cat("par " if concurrent else "", f"for {self.pattern(pattern)} in ", self.header(items),
                                 self.passing(where, chance), " ", self.block(body)), _LOOP_WIDTH)
            case n.Par(items):
                return cat("par ", self.listed("(", self.items(items), ")", node.span.end - 1))
            case n.Partition(concurrent, pattern, items, where, chance):
                odds = n.Name("uniform", span=node.span) if chance == "uniform" else chance
                return cat("par " if concurrent else "", f"partition {self.pattern(pattern)} in ", self.header(items),
                           self.passing(where, odds))
            case n.Fold(accumulator, initial, pattern, items, body):
                return Group(cat(f"fold {self.pattern(accumulator)} = ", self.header(initial),
                                 f" for {self.pattern(pattern)} in ", self.header(items), " ",
                                 self.block(body)), _LOOP_WIDTH)
            case n.Repeat(accumulator, initial, up_to, condition, chance, body):
                most: Doc = cat(" up to ", self.header(up_to)) if up_to else ""
                return Group(cat(f"repeat {self.pattern(accumulator)} = ", self.header(initial), most, " while ",
                                 self.header(condition), self.odds(chance), " ", self.block(body)), _LOOP_WIDTH)
            case n.Vote(lead, samples, body):
                head = cat("vote of ") if lead is None else cat("vote lead ", self.header(lead), " up to ")
                return Group(cat(head, self.header(samples), " ", self.block(body)), _LOOP_WIDTH)
            case n.Choose(metric, alternatives):
                places = [(value.span, partial(self.named, name, value)) for name, value in alternatives]
                rows = self.rows(self.things(places, node.span.end - 1), Either(",", ""), HARD)
                return Group(cat(f"choose least {metric} {{", Nest(cat(HARD, rows)), HARD, "}"))
            case _:
                raise AssertionError(f"no form: {type(node).__name__}")

    def conditional(self, node: n.If) -> Doc:
        parts: list[Doc] = []
        while True:
            parts += ["if ", self.header(node.condition), self.odds(node.chance), " ", self.block(node.then), " else "]
            match node.otherwise:
                case n.Block((), n.If() as following):
                    node = following
                case otherwise:
                    parts.append(self.block(otherwise))
                    return cat(*parts)

    def passing(self, where: n.Expr | None, chance: n.Expr | None) -> Doc:
        return cat(" where ", self.header(where), self.odds(chance)) if where is not None else ""

    def odds(self, chance: n.Expr | None) -> Doc:
        return cat(" chance ", self.header(chance)) if chance is not None else ""

    def arm(self, node: n.Arm) -> Doc:
        return cat(f"{self.pattern(node.pattern)} -> ", self.expr(node.body))

    def named(self, name: str | None, value: n.Expr) -> Doc:
        return cat(f"{name}: ", self.expr(value)) if name else self.expr(value)

    def items(self, items: tuple[n.Expr, ...]) -> list[_Item]:
        return [(item.span, partial(self.expr, item)) for item in items]

    def arguments(self, node: n.Apply, args: tuple[n.Arg, ...]) -> Doc:
        limit = node.span.end - 1
        quiet = self.next >= len(self.comments) or self.comments[self.next].span.start >= limit
        if len(args) == 1 and isinstance(args[0].value, _HUGGED) and quiet:
            return cat("(", self.named(args[0].name, args[0].value), ")")
        return self.listed("(", [(a.span, partial(self.named, a.name, a.value)) for a in args], ")", limit)

    def binary(self, node: n.Binary) -> Doc:
        """A chain of one level stands on one line, or has one operand a line, each after its operator."""
        level = PRECEDENCE[node.op]
        tight = level + 1
        parts: list[tuple[str, n.Expr, int]] = []
        first: n.Expr = node
        need = level
        while isinstance(first, n.Binary) and PRECEDENCE[first.op] == level:
            right = level if first.op in RIGHT else tight
            parts.append((first.op, first.right, right))
            need = tight if first.op in RIGHT or level == PRECEDENCE["=="] else level
            first = first.left
            if need == tight:
                break
        head = self.operand(first, need)
        rest: list[Doc] = []
        for op, operand, right in reversed(parts):
            rest += [LINE, cat(f"{op} ", self.operand(operand, right))]
        return Group(cat(head, Nest(cat(*rest))))

    def written(self, span: Span, canonical: str) -> Doc:
        """A number as the author wrote it, with its underscores."""
        if span.source is self.source:
            text = self.text[span.start:span.end].strip("() \t\r\n")
            if _NUMBER.fullmatch(text) and text.replace("_", "") == canonical:
                return text
        return canonical

    # ------------------------------------------------------------ strings

    def string(self, node: n.StringLit, plain: bool) -> Doc:
        holes = [f"{{{flat(self.hole(part))}}}" for part in node.parts if not isinstance(part, str)]
        if node.block and not plain:
            lines = _block_lines("".join(part if isinstance(part, str) else _PLACEHOLDER for part in node.parts))
            if lines is not None:
                filled = iter(holes)
                rows: list[Doc] = []
                for line in lines:
                    pieces = line.split(_PLACEHOLDER)
                    rows.append(pieces[0] + "".join(next(filled) + piece for piece in pieces[1:]))
                return cat('"""', Nest(cat(HARD, join(HARD, rows), HARD, '"""')))
        filled = iter(holes)
        return '"' + "".join(_escaped(part) if isinstance(part, str) else next(filled) for part in node.parts) + '"'

    def hole(self, node: n.Expr) -> Doc:
        return _Flat(self.source).expr(node)


class _Flat(_Printer):
    """Prints what stands in a placeholder, which has no lines and so no comments and no block strings."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, ())

    def string(self, node: n.StringLit, plain: bool) -> Doc:
        return super().string(node, True)


def _level(node: n.Expr) -> int:
    match node:
        case n.Binary(op):
            return PRECEDENCE[op]
        case n.Unary(op):
            return UNARY[op]
        case (n.IntLit() | n.FloatLit() | n.BoolLit() | n.StringLit() | n.Name() | n.Field() | n.TupleIndex()
              | n.Index() | n.Slice() | n.ListLit() | n.TupleLit() | n.Apply() | n.CallExpr()):
            return _ATOM
        case _:
            return _OPEN


def _escaped(text: str) -> str:
    for sign, written in (("\\", "\\\\"), ('"', '\\"'), ("{", "\\{"), ("}", "\\}"), ("\n", "\\n"), ("\t", "\\t")):
        text = text.replace(sign, written)
    return text


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _block_lines(text: str) -> list[str] | None:
    """The lines of a block string, or None where the blanks in it would not survive dedenting."""
    lines = text.split("\n")
    inked = [line for line in lines if line.strip(" \t")]
    if not inked or "\r" in text or all(line[0] in " \t" for line in inked):
        return None
    if any(line and not line.strip(" \t") for line in lines):
        return None
    out = []
    for line in lines:
        for sign, written in (("\\", "\\\\"), ('"""', '\\"\\"\\"'), ("{", "\\{"), ("}", "\\}"), ("\t", "\\t")):
            line = line.replace(sign, written)
        out.append(line)
    return out
