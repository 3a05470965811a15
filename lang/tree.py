"""Productions -> nodes: what the parser does when it has recognised an alternative of the grammar.

In: the values of an alternative's symbols (tokens, nodes, lists) and the offsets where they
begin and end. Out: nodes, and faults that a grammar cannot say: chains of comparisons,
blocks without a result, tuples of one item, calls of what is no name. Groups operators by
precedence (Dijkstra's shunting yard, so that no chain is too long for the stack).

Each method bears the name that `grammar.lark` gives its alternative.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import nodes as n
from .diagnostics import Diagnostic
from .lexer import Token
from .source import Source, Span

__all__ = ["PRECEDENCE", "RIGHT", "UNARY", "TreeBuilder"]

PRECEDENCE: dict[str, int] = {
    "or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "++": 5, "+": 6, "-": 6,
    "*": 7, "/": 7, "//": 7, "%": 7, "**": 9,
}
"""How tightly a binary operator binds."""

UNARY: dict[str, int] = {"not": 3, "-": 8}
RIGHT = frozenset({"**"})
_COMPARISON = 4

_Values = list[Any]


class TreeBuilder:
    """Makes the nodes of one source. `faults` gathers what is wrong although the grammar takes it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.faults: list[Diagnostic] = []
        self.doc: str | None = None

    def action(self, name: str) -> Callable[[_Values, int, int], Any]:
        return getattr(self, name)  # type: ignore[no-any-return]

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def fault(self, code: str, message: str, start: int, end: int, hint: str) -> None:
        self.faults.append(Diagnostic(code, message, self.span(start, end), hint))

    # ------------------------------------------------------------ glue

    def none(self, s: _Values, start: int, end: int) -> None:
        return None

    def empty(self, s: _Values, start: int, end: int) -> _Values:
        return []

    def first(self, s: _Values, start: int, end: int) -> Any:
        return s[0]

    def second(self, s: _Values, start: int, end: int) -> Any:
        return s[1]

    def third(self, s: _Values, start: int, end: int) -> Any:
        return s[2]

    def one(self, s: _Values, start: int, end: int) -> _Values:
        return [s[0]]

    def more(self, s: _Values, start: int, end: int) -> _Values:
        s[0].append(s[2])
        return s[0]  # type: ignore[no-any-return]

    def append(self, s: _Values, start: int, end: int) -> _Values:
        s[0].append(s[1])
        return s[0]  # type: ignore[no-any-return]

    def separator(self, s: _Values, start: int, end: int) -> None:
        return None

    def name_text(self, s: _Values, start: int, end: int) -> str:
        return s[0].value  # type: ignore[no-any-return]

    def second_text(self, s: _Values, start: int, end: int) -> str:
        return s[1].value  # type: ignore[no-any-return]

    def dotted_more(self, s: _Values, start: int, end: int) -> str:
        return f"{s[0]}.{s[2].value}"

    # ------------------------------------------------------------ declarations

    def import_standard(self, s: _Values, start: int, end: int) -> n.Import:
        return n.Import(s[1], True, s[2], span=self.span(start, end))

    def import_file(self, s: _Values, start: int, end: int) -> n.Import:
        if s[2] is None:
            self.fault("E0010", "An imported file needs a name here.", s[1].start, s[1].end,
                       f'Write `import "{s[1].value}" as name`.')
        return n.Import(s[1].value, False, s[2], span=self.span(start, end))

    def model(self, s: _Values, start: int, end: int) -> n.ModelDecl:
        return n.ModelDecl(s[1].value, s[3].value, tuple(s[4]), self.doc,
                           span=self.span(start, end), name_span=self.span(s[1].start, s[1].end))

    def param(self, s: _Values, start: int, end: int) -> n.ParamDecl:
        return n.ParamDecl(s[1].value, s[3], s[5], s[6], self.doc,
                           span=self.span(start, end), name_span=self.span(s[1].start, s[1].end))

    def param_range(self, s: _Values, start: int, end: int) -> n.SizeRange:
        return n.SizeRange(s[1], s[3], span=self.span(s[1].span.start, end))

    def record(self, s: _Values, start: int, end: int) -> n.TypeDecl:
        return n.TypeDecl(s[1].value, tuple(s[3]), self.doc,
                          span=self.span(start, end), name_span=self.span(s[1].start, s[1].end))

    def enum(self, s: _Values, start: int, end: int) -> n.EnumDecl:
        return n.EnumDecl(s[1].value, tuple(s[3]), self.doc,
                          span=self.span(start, end), name_span=self.span(s[1].start, s[1].end))

    def primitive(self, s: _Values, start: int, end: int) -> n.PrimitiveDecl:
        return n.PrimitiveDecl(s[1].value, tuple(s[3]), s[6], tuple(s[7]), self.doc,
                               span=self.span(start, end), name_span=self.span(s[1].start, s[1].end))

    def tool(self, s: _Values, start: int, end: int) -> n.ToolDecl:
        return n.ToolDecl(s[1].value, tuple(s[3]), s[6], tuple(s[7]), self.doc,
                          span=self.span(start, end), name_span=self.span(s[1].start, s[1].end))

    def function(self, s: _Values, start: int, end: int) -> n.FnDecl:
        where: tuple[n.Expr, ...] = ()
        decreases: n.Expr | None = None
        within: tuple[n.WithinClause, ...] = ()
        for token, value in s[8]:
            if token.kind == "WHERE":
                where += tuple(value)
            elif token.kind == "WITHIN":
                within += tuple(value)
            elif decreases is None:
                decreases = value
            else:
                self.fault("E0010", "A function has one `decreases` at most.", token.start, token.end,
                           "Keep the size that shrinks on every recursive call; it may be a sum.")
        header = len(self.source.text[start:s[9].span.start].rstrip())
        return n.FnDecl(s[1].value, tuple(s[2]), tuple(s[4]), s[7], where, decreases, within, s[9], self.doc,
                        span=self.span(start, end), name_span=self.span(s[1].start, s[1].end),
                        header_span=self.span(start, start + header))

    def field(self, s: _Values, start: int, end: int) -> n.FieldDecl:
        return n.FieldDecl(s[0].value, s[2], span=self.span(start, end))

    def parameter(self, s: _Values, start: int, end: int) -> n.Param:
        return n.Param(s[0].value, s[2], span=self.span(start, end))

    def attribute(self, s: _Values, start: int, end: int) -> n.Attr:
        return n.Attr(s[0].value, s[2], span=self.span(start, end))

    def where_clause(self, s: _Values, start: int, end: int) -> tuple[Token, Any]:
        return s[0], s[1]

    decreases_clause = within_clause = where_clause

    def bound(self, s: _Values, start: int, end: int) -> n.WithinClause:
        return n.WithinClause(s[0].value, s[2], span=self.span(start, end))

    # ------------------------------------------------------------ types

    def text_type(self, s: _Values, start: int, end: int) -> n.TextType:
        return n.TextType(s[2] if len(s) > 1 else None, span=self.span(start, end))

    def int_type(self, s: _Values, start: int, end: int) -> n.IntType:
        return n.IntType(s[2] if len(s) > 1 else None, span=self.span(start, end))

    def float_type(self, s: _Values, start: int, end: int) -> n.FloatType:
        return n.FloatType(span=self.span(start, end))

    def bool_type(self, s: _Values, start: int, end: int) -> n.BoolType:
        return n.BoolType(span=self.span(start, end))

    def list_type(self, s: _Values, start: int, end: int) -> n.ListType:
        return n.ListType(s[2], None, span=self.span(start, end))

    def list_type_sized(self, s: _Values, start: int, end: int) -> n.ListType:
        return n.ListType(s[2], s[4], span=self.span(start, end))

    def tuple_type(self, s: _Values, start: int, end: int) -> n.TypeExpr:
        if len(s[1]) == 1:
            return s[1][0]  # type: ignore[no-any-return]
        return n.TupleType(tuple(s[1]), span=self.span(start, end))

    def tuple_type_comma(self, s: _Values, start: int, end: int) -> n.TypeExpr:
        if len(s[1]) == 1:
            self.short(start, end)
        return n.TupleType(tuple(s[1]), span=self.span(start, end))

    def short(self, start: int, end: int) -> None:
        self.fault("E0022", "A tuple has two items or more.", start, end,
                   "Leave out the comma, or write a list: `[x]`.")

    def named_type(self, s: _Values, start: int, end: int) -> n.NamedType:
        return n.NamedType(s[0].value, span=self.span(start, end))

    def qualified_type(self, s: _Values, start: int, end: int) -> n.NamedType:
        return n.NamedType(s[2].value, s[0].value, span=self.span(start, end))

    def function_type(self, s: _Values, start: int, end: int) -> n.FnType:
        return n.FnType(tuple(s[2]), s[5], span=self.span(start, end))

    def size(self, s: _Values, start: int, end: int) -> n.SizeRange:
        return n.SizeRange(None, s[0], span=self.span(start, end))

    def size_range(self, s: _Values, start: int, end: int) -> n.SizeRange:
        return n.SizeRange(s[0], s[2], span=self.span(start, end))

    # ------------------------------------------------------------ statements and patterns

    def block(self, s: _Values, start: int, end: int) -> n.Block:
        statements = s[1]
        last = statements[-1] if statements else None
        match last:
            case n.ExprStmt():
                result: n.Expr = last.value
            case n.Let():
                hint = "Write the value of the block as its last line, for example a name given above it."
                if re.search(r"\n[ \t]*-", self.source.text[last.span.start:last.span.end]):
                    hint = "A line that begins with `-` goes on from the one above: write `(-x)` for a line of its own."
                self.fault("E0014", "This block ends with a `let` and so has no value.",
                           last.span.start, last.span.end, hint)
                result = last.value
            case _:
                self.fault("E0014", "This block is empty and so has no value.", start, end,
                           "Write the value of the block between its braces.")
                result = n.BoolLit(False, span=self.span(start, end))
        return n.Block(tuple(statements[:-1]), result, span=self.span(start, end))

    def let(self, s: _Values, start: int, end: int) -> n.Let:
        return n.Let(s[1], s[3], span=self.span(start, end))

    def statement(self, s: _Values, start: int, end: int) -> n.ExprStmt:
        return n.ExprStmt(s[0], span=self.span(start, end))

    def wild_pattern(self, s: _Values, start: int, end: int) -> n.WildPat:
        return n.WildPat(span=self.span(start, end))

    def name_pattern(self, s: _Values, start: int, end: int) -> n.NamePat:
        return n.NamePat(s[0].value, span=self.span(start, end))

    def int_pattern(self, s: _Values, start: int, end: int) -> n.LitPat:
        return n.LitPat(self.integer(s, start, end), span=self.span(start, end))

    def float_pattern(self, s: _Values, start: int, end: int) -> n.LitPat:
        return n.LitPat(self.decimal(s, start, end), span=self.span(start, end))

    def negative_int_pattern(self, s: _Values, start: int, end: int) -> n.LitPat:
        value = n.Unary("-", self.integer(s[1:], s[1].start, end), span=self.span(start, end))
        return n.LitPat(value, span=value.span)

    def negative_float_pattern(self, s: _Values, start: int, end: int) -> n.LitPat:
        value = n.Unary("-", self.decimal(s[1:], s[1].start, end), span=self.span(start, end))
        return n.LitPat(value, span=value.span)

    def true_pattern(self, s: _Values, start: int, end: int) -> n.LitPat:
        return n.LitPat(n.BoolLit(True, span=self.span(start, end)), span=self.span(start, end))

    def false_pattern(self, s: _Values, start: int, end: int) -> n.LitPat:
        return n.LitPat(n.BoolLit(False, span=self.span(start, end)), span=self.span(start, end))

    def string_pattern(self, s: _Values, start: int, end: int) -> n.LitPat:
        return n.LitPat(self.string(s, start, end), span=self.span(start, end))

    def tuple_pattern(self, s: _Values, start: int, end: int) -> n.Pattern:
        if len(s[1]) == 1:
            return s[1][0]  # type: ignore[no-any-return]
        return n.TuplePat(tuple(s[1]), span=self.span(start, end))

    def tuple_pattern_comma(self, s: _Values, start: int, end: int) -> n.Pattern:
        if len(s[1]) == 1:
            self.short(start, end)
        return n.TuplePat(tuple(s[1]), span=self.span(start, end))

    def list_pattern(self, s: _Values, start: int, end: int) -> n.ListPat:
        return n.ListPat(tuple(s[1]), None, span=self.span(start, end))

    def list_pattern_rest_only(self, s: _Values, start: int, end: int) -> n.ListPat:
        return n.ListPat((), s[1], span=self.span(start, end))

    def list_pattern_rest(self, s: _Values, start: int, end: int) -> n.ListPat:
        return n.ListPat(tuple(s[1]), s[3], span=self.span(start, end))

    def anonymous_rest(self, s: _Values, start: int, end: int) -> n.WildPat:
        return n.WildPat(span=self.span(start, end))

    def named_rest(self, s: _Values, start: int, end: int) -> n.NamePat:
        return n.NamePat(s[1].value, span=self.span(s[1].start, end))

    # ------------------------------------------------------------ operators

    def chain_end(self, s: _Values, start: int, end: int) -> _Values:
        return s

    def chain_more(self, s: _Values, start: int, end: int) -> _Values:
        chain: _Values = s[2]
        chain.append(s[1])
        chain.append(s[0])
        return chain

    def chain_prefix(self, s: _Values, start: int, end: int) -> _Values:
        s[1].append(s[0])
        return s[1]  # type: ignore[no-any-return]

    def expr(self, s: _Values, start: int, end: int) -> n.Expr:
        """Group a chain, which is in reverse order, by precedence."""
        chain: _Values = s[0]
        if len(chain) == 1:
            return chain[0]  # type: ignore[no-any-return]
        operands: list[n.Expr] = []
        waiting: list[tuple[int, bool, Token]] = []
        operand_next = True
        for item in reversed(chain):
            if not isinstance(item, Token):
                operands.append(item)
                operand_next = False
                continue
            if operand_next:                                    # a prefix
                waiting.append((UNARY[item.value], True, item))
                continue
            level = PRECEDENCE[item.value]
            limit = level + 1 if item.value in RIGHT else level
            while waiting and waiting[-1][0] >= limit:
                self.combine(operands, waiting)
            if level == _COMPARISON and isinstance(operands[-1], n.Binary) and not self.parenthesised_at(operands[-1]):
                self.chained(operands[-1], item)
            waiting.append((level, False, item))
            operand_next = True
        while waiting:
            self.combine(operands, waiting)
        return operands[0]

    def combine(self, operands: list[n.Expr], waiting: list[tuple[int, bool, Token]]) -> None:
        _, prefix, token = waiting.pop()
        right = operands.pop()
        if prefix:
            sign: Any = token.value
            operands.append(n.Unary(sign, right, span=self.span(token.start, right.span.end)))
        else:
            left = operands.pop()
            operands.append(n.Binary(token.value, left, right, span=self.span(left.span.start, right.span.end)))

    def chained(self, left: n.Binary, token: Token) -> None:
        if PRECEDENCE[left.op] != _COMPARISON:
            return
        text = self.source.text
        middle = text[left.right.span.start:left.right.span.end]
        first = text[left.span.start:left.span.end]
        hint = "Write each comparison for itself and join them with `and`."
        if len(first) < 60 and "\n" not in first:
            hint = f"Write `{first} and {middle} {token.value} ...`."
        self.fault("E0015", "Comparisons cannot be chained.", left.span.start, token.end, hint)

    def parenthesised_at(self, node: n.Binary) -> bool:
        """Whether the whole node stands in parentheses; the span of such a node includes them."""
        return self.source.text[node.span.start] == "(" and node.left.span.start > node.span.start

    # ------------------------------------------------------------ expressions that reach far to the right

    def else_expr(self, s: _Values, start: int, end: int) -> n.ElseExpr:
        if not isinstance(s[0], n.CallExpr | n.Apply | n.Vote):
            self.fault("E0024", "An `else` without `if` follows a call, a tool or a vote that may fail.",
                       s[0].span.start, s[0].span.end,
                       "Write `call p(x) else e`; a choice is `if c { a } else { b }`.")
        return n.ElseExpr(s[0], s[2], span=self.span(start, end))

    def condition(self, node: n.Expr) -> n.Expr:
        """A fallback needs parentheses in a condition, or its `else` would look like that of the `if`."""
        edge = node
        while True:
            match edge:
                case n.Binary() if not self.parenthesised_at(edge):
                    edge = edge.right
                case n.Unary() if self.source.text[edge.span.start] != "(":
                    edge = edge.operand
                case n.ElseExpr() if self.source.text[edge.span.start] != "(":
                    self.fault("E0024", "In a condition, a call with `else` needs parentheses.",
                               edge.span.start, edge.span.end, "Write `(call p(x) else e)`.")
                    return node
                case _:
                    return node

    def lambda_(self, s: _Values, start: int, end: int) -> n.Lambda:
        return n.Lambda(tuple(s[1]), s[3], span=self.span(start, end))

    def partition(self, s: _Values, start: int, end: int) -> n.Partition:
        return self.partition_of(False, s[1], s[3], s[5], s[6], start, end)

    def par_partition(self, s: _Values, start: int, end: int) -> n.Partition:
        return self.partition_of(True, s[2], s[4], s[6], s[7], start, end)

    def partition_of(self, concurrent: bool, pattern: n.Pattern, items: n.Expr, where: n.Expr, chance: n.Expr | None,
                     start: int, end: int) -> n.Partition:
        uniform = isinstance(chance, n.Name) and chance.id == "uniform"
        return n.Partition(concurrent, pattern, items, self.condition(where), "uniform" if uniform else chance,
                           span=self.span(start, end))

    # ------------------------------------------------------------ operands

    def name(self, s: _Values, start: int, end: int) -> n.Name:
        return n.Name(s[0].value, span=self.span(start, end))

    def integer(self, s: _Values, start: int, end: int) -> n.IntLit:
        return n.IntLit(int(s[0].value), span=self.span(start, end))

    def decimal(self, s: _Values, start: int, end: int) -> n.FloatLit:
        return n.FloatLit(s[0].value, span=self.span(start, end))

    def true(self, s: _Values, start: int, end: int) -> n.BoolLit:
        return n.BoolLit(True, span=self.span(start, end))

    def false(self, s: _Values, start: int, end: int) -> n.BoolLit:
        return n.BoolLit(False, span=self.span(start, end))

    def string(self, s: _Values, start: int, end: int) -> n.StringLit:
        text = s[0].value
        return n.StringLit((text,) if text else (), self.source.text.startswith('"""', start),
                           span=self.span(start, end))

    def template(self, s: _Values, start: int, end: int) -> n.StringLit:
        return n.StringLit(tuple(s[1]), s[0].value == '"""', span=self.span(start, end))

    def piece(self, s: _Values, start: int, end: int) -> _Values:
        if s[1].value:
            s[0].append(s[1].value)
        return s[0]  # type: ignore[no-any-return]

    def hole(self, s: _Values, start: int, end: int) -> _Values:
        s[0].append(s[2])
        return s[0]  # type: ignore[no-any-return]

    def parenthesised(self, s: _Values, start: int, end: int) -> n.Expr:
        # the node was made a moment ago and nobody else has seen it: its place includes the parentheses
        object.__setattr__(s[1], "span", self.span(start, end))
        return s[1]  # type: ignore[no-any-return]

    def empty_tuple(self, s: _Values, start: int, end: int) -> n.Expr:
        self.short(start, end)
        return n.BoolLit(False, span=self.span(start, end))

    def short_tuple(self, s: _Values, start: int, end: int) -> n.Expr:
        self.short(start, end)
        return s[1]  # type: ignore[no-any-return]

    def tuple_literal(self, s: _Values, start: int, end: int) -> n.TupleLit:
        return n.TupleLit((s[1], *s[3]), span=self.span(start, end))

    def list_literal(self, s: _Values, start: int, end: int) -> n.ListLit:
        return n.ListLit(tuple(s[1]), span=self.span(start, end))

    def construct(self, s: _Values, start: int, end: int) -> n.Apply:
        function = n.Name(s[0].value, span=self.span(s[0].start, s[0].end))
        return n.Apply(function, tuple(s[2]), span=self.span(start, end))

    def construct_qualified(self, s: _Values, start: int, end: int) -> n.Apply:
        function = n.Field(s[0], s[2].value, span=self.span(start, s[2].end))
        return n.Apply(self.callable(function), tuple(s[4]), span=self.span(start, end))

    def callable(self, function: n.Expr) -> n.Expr:
        match function:
            case n.Name() | n.Field(n.Name(), _) if self.source.text[function.span.start] != "(":
                return function
        self.fault("E0024", "Only a name can be called.", function.span.start, function.span.end,
                   "Give the function a name, or pass it to a function whose parameter has a function type.")
        return function

    def apply(self, s: _Values, start: int, end: int) -> n.Apply:
        return n.Apply(self.callable(s[0]), tuple(s[2]), span=self.span(start, end))

    def call(self, s: _Values, start: int, end: int) -> n.CallExpr:
        function = n.Name(s[1].value, span=self.span(s[1].start, s[1].end))
        return n.CallExpr(n.Apply(function, tuple(s[3]), span=self.span(s[1].start, end)), span=self.span(start, end))

    def call_qualified(self, s: _Values, start: int, end: int) -> n.CallExpr:
        module = n.Name(s[1].value, span=self.span(s[1].start, s[1].end))
        function = n.Field(module, s[3].value, span=self.span(s[1].start, s[3].end))
        return n.CallExpr(n.Apply(function, tuple(s[5]), span=self.span(s[1].start, end)), span=self.span(start, end))

    def select(self, s: _Values, start: int, end: int) -> n.Field:
        return n.Field(s[0], s[2].value, span=self.span(start, end))

    def tuple_index(self, s: _Values, start: int, end: int) -> n.TupleIndex:
        return n.TupleIndex(s[0], int(s[2].value), span=self.span(start, end))

    def index(self, s: _Values, start: int, end: int) -> n.Index:
        return n.Index(s[0], s[2], span=self.span(start, end))

    def slice_both(self, s: _Values, start: int, end: int) -> n.Slice:
        return n.Slice(s[0], s[2], s[4], span=self.span(start, end))

    def slice_from(self, s: _Values, start: int, end: int) -> n.Slice:
        return n.Slice(s[0], s[2], None, span=self.span(start, end))

    def slice_to(self, s: _Values, start: int, end: int) -> n.Slice:
        return n.Slice(s[0], None, s[3], span=self.span(start, end))

    def slice_all(self, s: _Values, start: int, end: int) -> n.Slice:
        return n.Slice(s[0], None, None, span=self.span(start, end))

    def argument(self, s: _Values, start: int, end: int) -> n.Arg:
        return n.Arg(None, s[0], span=self.span(start, end))

    def named_argument(self, s: _Values, start: int, end: int) -> n.Arg:
        return n.Arg(s[0].value, s[2], span=self.span(start, end))

    # ------------------------------------------------------------ forms

    def par_for(self, s: _Values, start: int, end: int) -> n.For:
        loop: n.For = s[1]
        return n.For(True, loop.pattern, loop.items, loop.where, loop.chance, loop.body, span=self.span(start, end))

    def par(self, s: _Values, start: int, end: int) -> n.Par:
        if len(s[2]) < 2:
            self.fault("E0022", "A `par` of expressions has two or more of them.", start, end,
                       "Write `par (a, b)`; for the elements of a list write `par for x in xs { ... }`.")
        return n.Par(tuple(s[2]), span=self.span(start, end))

    def match(self, s: _Values, start: int, end: int) -> n.Match:
        if not s[3]:
            self.fault("E0014", "This `match` has no arms and so has no value.", start, end,
                       "Write `pattern -> value` between its braces.")
        return n.Match(s[1], tuple(s[3]), span=self.span(start, end))

    def fold(self, s: _Values, start: int, end: int) -> n.Fold:
        return n.Fold(s[1], s[3], s[5], s[7], s[8], span=self.span(start, end))

    def repeat(self, s: _Values, start: int, end: int) -> n.Repeat:
        return n.Repeat(s[1], s[3], s[4], self.condition(s[6]), s[7], s[8], span=self.span(start, end))

    def choose(self, s: _Values, start: int, end: int) -> n.Choose:
        return n.Choose(s[2].value, tuple(s[4]), span=self.span(start, end))

    def if_(self, s: _Values, start: int, end: int) -> n.If:
        return n.If(self.condition(s[1]), s[2], s[3], s[5], span=self.span(start, end))

    def else_if(self, s: _Values, start: int, end: int) -> n.If:
        return n.If(self.condition(s[1]), s[2], s[3], n.Block((), s[5], span=s[5].span), span=self.span(start, end))

    def for_(self, s: _Values, start: int, end: int) -> n.For:
        return n.For(False, s[1], s[3], None, None, s[4], span=self.span(start, end))

    def for_where(self, s: _Values, start: int, end: int) -> n.For:
        return n.For(False, s[1], s[3], self.condition(s[5]), s[6], s[7], span=self.span(start, end))

    def vote_lead(self, s: _Values, start: int, end: int) -> n.Vote:
        return n.Vote(s[2], s[5], s[6], span=self.span(start, end))

    def vote_of(self, s: _Values, start: int, end: int) -> n.Vote:
        return n.Vote(None, s[2], s[3], span=self.span(start, end))

    def arm(self, s: _Values, start: int, end: int) -> n.Arm:
        return n.Arm(s[0], s[2], span=self.span(start, end))

    def alternative(self, s: _Values, start: int, end: int) -> tuple[str, n.Expr]:
        return s[0].value, s[2]
