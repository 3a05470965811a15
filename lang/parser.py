"""Source -> Module. The only file that imports lark.

In: a `Source`, or a path for `read_source`. Out: the module, or None and what is wrong.
Decides nothing about names, types or sizes.

lark turns `grammar.lark` into an LALR(1) table (DeRemer and Pennello, "Efficient
Computation of LALR(1) Look-Ahead Sets", 1982). Doing so, and importing lark, takes a
quarter of a second, so the table is kept in `grammar_table.json`, which
`python -m orch.lang.parser` writes anew after the grammar was changed; a table that does not
belong to the grammar is not used. Parsing is linear and never recurses, whatever the
nesting; each declaration is parsed for itself, so that each can have its own error.
"""
from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from .diagnostics import MAX_ERRORS, Diagnostic
from .lexer import MAX_CHAIN, MAX_DEPTH, Chunk, Token, lex
from .nodes import Binary, Block, Decl, If, Module
from .source import Source, Span
from .tree import TreeBuilder

__all__ = ["Table", "parse", "parse_table", "read_source"]

_GRAMMAR = Path(__file__).with_name("grammar.lark")
_TABLE = Path(__file__).with_name("grammar_table.json")


@dataclass(frozen=True, slots=True)
class Table:
    """An LALR(1) automaton. A row maps a symbol to a state to go to, or to `-1 - p` to reduce by production p.

    A production is what it makes, how many symbols it takes, and the name of its action.
    """

    rows: list[dict[str, int]]
    productions: list[tuple[str, int, str]]
    start: int
    end: int


# ---------------------------------------------------------------- text

def read_source(path: str | Path) -> tuple[Source | None, list[Diagnostic]]:
    """Read a program; a file that is missing or is no text gives an error at its first bad byte."""
    name = str(path)
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not valid"
        place = Span(Source(name, ""), 0, 0)
        return None, [Diagnostic("E0001", f"The file {name} cannot be read: {reason}.", place, "Check the path.")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[:error.start].decode("utf-8")
        place = Span(Source(name, before.removeprefix("\ufeff")), len(before), len(before))
        return None, [Diagnostic(
            "E0001", f"This is not a text in UTF-8: byte {error.start} is 0x{data[error.start]:02X}.", place,
            "Save the file as UTF-8; if it is not a program at all, check the path.")]
    return Source(name, text.removeprefix("\ufeff")), []


# ---------------------------------------------------------------- the table

@cache
def parse_table() -> Table:
    """The automaton of `grammar.lark`, from the file beside it when that belongs to it."""
    grammar = _GRAMMAR.read_text("utf-8")
    if _TABLE.is_file():
        stored = json.loads(_TABLE.read_text("utf-8"))
        if stored["grammar"] == _fingerprint(grammar):
            return Table(stored["rows"], [tuple(p) for p in stored["productions"]], stored["start"], stored["end"])
    return compile_grammar(grammar)


@cache
def _symbols() -> list[str]:
    """For each state of the table, the symbol that leads to it."""
    table = parse_table()
    symbols = [""] * len(table.rows)
    for row in table.rows:
        for symbol, target in row.items():
            if target >= 0:
                symbols[target] = symbol
    return symbols


def _fingerprint(grammar: str) -> int:
    return crc32(grammar.encode())


def compile_grammar(grammar: str) -> Table:
    """The automaton of a grammar, made by lark."""
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class NoLexer(Lexer):
        """Tokens come from `lexer.lex`."""

        def __init__(self, conf: object) -> None:
            pass

        def lex(self, lexer_state: Any, parser_state: Any) -> Any:
            return iter(())

    lark = Lark(grammar, parser="lalr", lexer=NoLexer, keep_all_tokens=True, maybe_placeholders=False)
    states = lark.parser.parser.parser.parse_table
    # lark numbers states as its sets happen to be ordered; here in the order in which they are reached
    order = [states.start_states["start"]]
    state_numbers = {order[0]: 0}
    numbers: dict[Any, int] = {}
    productions: list[tuple[str, int, str]] = []
    rows: list[dict[str, int]] = []
    for state in order:
        row: dict[str, int] = {}
        for symbol, (action, target) in sorted(states.states[state].items()):
            if action is Shift:
                if target not in state_numbers:
                    state_numbers[target] = len(order)
                    order.append(target)
                row[symbol] = state_numbers[target]
                continue
            if target not in numbers:
                numbers[target] = len(productions)
                made = str(target.origin.name)
                productions.append((made, len(target.expansion), str(target.alias or made)))
            row[symbol] = -1 - numbers[target]
        rows.append(row)
    return Table(rows, productions, 0, state_numbers[states.end_states["start"]])


def write_table() -> None:
    """Store the automaton of the grammar as it is now."""
    grammar = _GRAMMAR.read_text("utf-8")
    table = compile_grammar(grammar)
    fields = (f'"grammar": {_fingerprint(grammar)}', f'"start": {table.start}', f'"end": {table.end}',
              '"productions": [\n' + ",\n".join(json.dumps(p) for p in table.productions) + "\n]",
              '"rows": [\n' + ",\n".join(json.dumps(row) for row in table.rows) + "\n]")
    _TABLE.write_text("{" + ",\n".join(fields) + "}\n", "utf-8")


# ---------------------------------------------------------------- parsing

@dataclass(frozen=True, slots=True)
class Stuck:
    """Where the automaton had no way on: the states it has passed, where their symbols begin, the token in its way."""

    states: list[int]
    starts: list[int]
    index: int


_Action = Callable[[list[Any], int, int], Any]


def _advance(table: Table, actions: list[_Action], tokens: list[Token]) -> Decl | Stuck:
    """Shift and reduce until the tokens are a declaration or the next one does not fit.

    The last token is the end. Beside each value stand the offsets where its symbols begin and end.
    """
    rows, productions, end_state = table.rows, table.productions, table.end
    states, values, starts, ends = [table.start], [None], [0], [0]
    row = rows[table.start]
    for index, token in enumerate(tokens):
        kind = token.kind
        while True:
            target = row.get(kind)
            if target is None:
                return Stuck(states, starts, index)
            if target >= 0:
                break
            number = -1 - target
            made, size, _ = productions[number]
            if size:
                parts = values[-size:]
                start, end = starts[-size], ends[-1]
                value = actions[number](parts, start, end)
                del states[-size:], values[-size:], starts[-size:], ends[-size:]
            else:
                start = end = token.start
                value = actions[number]([], start, end)
            state = rows[states[-1]][made]
            if state == end_state and kind == "$END":
                return value  # type: ignore[no-any-return]
            states.append(state)
            values.append(value)
            starts.append(start)
            ends.append(end)
            row = rows[state]
        states.append(target)
        values.append(token)  # type: ignore[arg-type]
        starts.append(token.start)
        ends.append(token.end)
        row = rows[target]
    raise AssertionError("the end of the tokens was shifted")


def parse(source: Source) -> tuple[Module | None, list[Diagnostic]]:
    """The module, or None and errors: at least one, at most one of grammar for each declaration."""
    nul = source.text.find("\0")
    if nul >= 0:
        return None, [Diagnostic("E0001", "This is not a text: it holds the byte 0.", Span(source, nul, nul + 1),
                                 "Check the path; if the file is a program, save it as UTF-8.")]
    collecting = gc.isenabled()
    gc.disable()                                # all that is made here lives on; looking for garbage doubles the time
    try:
        return _parse(source)
    finally:
        if collecting:
            gc.enable()


def _parse(source: Source) -> tuple[Module | None, list[Diagnostic]]:
    lexed = lex(source)
    table = parse_table()
    builder = TreeBuilder(source)
    actions = [builder.action(name) for _, _, name in table.productions]
    decls: list[Decl] = []
    diagnostics = lexed.diagnostics
    for chunk in lexed.chunks:
        if len(diagnostics) > MAX_ERRORS:
            break                               # nobody reads on
        fault, noticed = None, 0
        if chunk.tokens:
            known = len(builder.faults)
            decl, fault, noticed = _declaration(source, table, actions, builder, chunk)
            if decl is not None:
                decls.append(decl)
            if chunk.trouble is not None or chunk.bracket is not None or decl is None:
                del builder.faults[known:]      # what is half read has faults that may not be real
        if chunk.bracket is not None and (fault is None or noticed >= chunk.bracket.span.start):
            fault = chunk.bracket
            noticed = fault.span.start
        if fault is not None and (chunk.trouble is None or "\n" in source.text[noticed:chunk.trouble]):
            diagnostics.append(fault)
    diagnostics += builder.faults
    if diagnostics:
        return None, sorted(diagnostics, key=lambda diagnostic: diagnostic.sort_key)
    return Module(tuple(decls), tuple(lexed.comments), span=Span(source, 0, len(source.text))), []


def _declaration(source: Source, table: Table, actions: list[_Action], builder: TreeBuilder,
                 chunk: Chunk) -> tuple[Decl | None, Diagnostic | None, int]:
    """The declaration, or what is wrong with it and the offset where that was noticed."""
    tokens = chunk.tokens
    end = tokens[-1].end
    tokens.append(Token("$END", "", end, end))
    builder.doc = chunk.doc
    outcome = _advance(table, actions, tokens)
    if isinstance(outcome, Stuck):
        from .syntax_errors import explain
        return None, explain(source, table, _symbols(), tokens, outcome), tokens[outcome.index].start
    deep = _too_deep(outcome) if len(tokens) > MAX_DEPTH else None
    if deep is not None:
        place, limit = deep
        what = "a chain of more than {} links" if limit == MAX_CHAIN else "nested more than {} levels deep"
        return None, Diagnostic(
            "E0008", f"This is {what.format(limit)}.", place,
            "Give the inner parts a name with `let`, or move them into a function of their own."), place.start
    return outcome, None, 0


def _too_deep(root: Decl) -> tuple[Span, int] | None:
    """The place of a node too far below the root, and the limit, MAX_DEPTH levels or MAX_CHAIN links; else None.

    The terms of `a + b + c` and the arms of `if ... else if ... else` read flat, whatever the tree: they are links.
    """
    waiting: list[tuple[Any, int, int]] = [(root, 0, 0)]
    while waiting:
        node, depth, links = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend((item, depth, links) for item in node)
        elif isinstance(node, Span):
            continue
        elif hasattr(node, "__dataclass_fields__"):
            if depth > MAX_DEPTH:
                return node.span, MAX_DEPTH
            if links > MAX_CHAIN:
                return node.span, MAX_CHAIN
            link = _link(node)
            if link is not None:
                waiting.append((link, depth, links if isinstance(link, Block) else links + 1))
            waiting.extend((part, depth + 1, links) for name in node.__slots__
                           if (part := getattr(node, name)) is not None and part is not link)
    return None


def _link(node: Any) -> Any:
    """The rest of the chain that this node begins: what stands left of its operator, or its `else if`."""
    match node:
        case Binary(left=Binary() as rest) | If(otherwise=Block(statements=()) as rest) | Block((), If() as rest):
            return rest
        case _:
            return None


if __name__ == "__main__":
    write_table()
