"""A broken place -> a named error with a concrete edit.

In: where the automaton had no way on (`Stuck`), with the tokens around and what could have
followed. Out: one `Diagnostic`. Consulted only for declarations that do not parse.

A rule looks at one `Scene` and answers or passes; the first that answers wins, so what is
particular stands before what is general. Each rule shows a snippet that it is for.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .diagnostics import Diagnostic, Label
from .lexer import KEYWORDS, Token
from .source import Source, Span

if TYPE_CHECKING:
    from .parser import Stuck, Table

__all__ = ["explain"]

_KEYWORDS = {word.upper() for word in KEYWORDS}
_TYPE_WORDS = {"TEXT_TYPE", "INT_TYPE", "FLOAT_TYPE", "BOOL_TYPE", "LIST_TYPE"}
_DECLARATIONS = {"IMPORT", "MODEL", "PARAM", "TYPE", "ENUM", "PRIMITIVE", "TOOL", "FN"}
_OWNERS = ("IF", "ELSE", "FOR", "FOLD", "REPEAT", "VOTE", "MATCH", "CHOOSE", "FN", "TYPE", "ENUM")
_BEGINS_VALUE = {"NAME", "TYPE_NAME", "INT", "FLOAT", "TRUE", "FALSE", "STRING", "TEMPLATE_OPEN", "LPAR", "LSQB",
                 "LBRACE", "CALL", "NOT", "IF", "FOR", "PAR", "PARTITION", "MATCH", "FOLD", "REPEAT", "VOTE", "CHOOSE",
                 "LET", "MINUS", "VBAR"}
_AFTER_VALUE = {"OPERATOR", "MINUS", "LE", "LPAR", "LSQB", "DOT", "ELSE"}
# symbols of the grammar at whose end a value is complete
_VALUES = {"operand", "form", "vote", "chain", "expr", "items{expr}", "argument", "items{argument}", "statement",
           "lines"}
# words that are names elsewhere: met where a value is expected, they were meant as one
_SOFT = {"LEAD", "UP", "TO", "OF", "LEAST", "TOOL", "MODEL", "TYPE", "PARAM", "ENUM", "AS", "IMPORT", "PRIMITIVE",
         "CHANCE", "WITHIN", "DECREASES", "FN"}

_FOREIGN: dict[str, tuple[str, str]] = {
    "def": ("Functions are declared with `fn`.", "Write `fn name(x: Text) -> Text { ... }`."),
    "function": ("Functions are declared with `fn`.", "Write `fn name(x: Text) -> Text { ... }`."),
    "func": ("Functions are declared with `fn`.", "Write `fn name(x: Text) -> Text { ... }`."),
    "class": ("Records are declared with `type`.", "Write `type Finding { title: Text[20], severity: Int }`."),
    "struct": ("Records are declared with `type`.", "Write `type Finding { title: Text[20], severity: Int }`."),
    "return": ("There is no `return`: the last line of a block is its value.", "Remove the word `return`."),
    "yield": ("There is no `yield`: a `for` gives the list of its results.", "Write `for x in xs { value }`."),
    "elif": ("`else if` is two words.", "Write `else if`."),
    "elseif": ("`else if` is two words.", "Write `else if`."),
    "elsif": ("`else if` is two words.", "Write `else if`."),
    "var": ("Values are named with `let`, and never change.", "Write `let name = value`."),
    "val": ("Values are named with `let`.", "Write `let name = value`."),
    "const": ("Values are named with `let`.", "Write `let name = value`."),
    "mut": ("Values never change.", "Write `let name = value`, or carry a value through a `fold`."),
    "lambda": ("A function without a name is written `|x| value`.", "Write `|x| value` instead of `lambda x: value`."),
    "switch": ("Cases are told apart with `match`.", "Write `match e { pattern -> value }`."),
    "case": ("Cases are told apart with `match`.", "Write `match e { pattern -> value }`."),
    "try": ("What may fail is given another value with `else`.", "Write `call p(x) else fallback`."),
    "except": ("What may fail is given another value with `else`.", "Write `call p(x) else fallback`."),
    "catch": ("What may fail is given another value with `else`.", "Write `call p(x) else fallback`."),
    "async": ("Only `par` makes things run at the same time.", "Write `par for` or `par (a, b)`; remove `async`."),
    "await": ("Only `par` makes things run at the same time.", "Remove `await`."),
    "from": ("Modules are imported as a whole.", "Write `import std.reduce`, and then `reduce.tree(...)`."),
    "then": ("The branches of an `if` stand in braces.", "Write `if c { a } else { b }`."),
    "do": ("Bodies stand in braces.", "Write `{ ... }`."),
    "end": ("Bodies stand in braces.", "Write `{ ... }`."),
    "is": ("Equality is written `==`.", "Write `==`."),
    "True": ("`true` is written with a small letter.", "Write `true`."),
    "False": ("`false` is written with a small letter.", "Write `false`."),
    "None": ("There is no empty value.", "Use an empty list or text, or a tuple with a Bool that says which."),
    "null": ("There is no empty value.", "Use an empty list or text, or a tuple with a Bool that says which."),
    "nil": ("There is no empty value.", "Use an empty list or text, or a tuple with a Bool that says which."),
}
_TYPE_NAMES = {"int": "Int", "integer": "Int", "number": "Int", "float": "Float", "double": "Float", "str": "Text",
               "string": "Text", "text": "Text", "bool": "Bool", "boolean": "Bool", "list": "List", "array": "List"}


@dataclass(frozen=True, slots=True)
class Scene:
    """What a rule sees. `symbols` are those the automaton has passed, `accepts` the terminals that could follow."""

    source: Source
    tokens: list[Token]
    index: int
    symbols: list[str]
    starts: list[int]
    accepts: frozenset[str]

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def before(self) -> Token | None:
        return self.tokens[self.index - 1] if self.index else None

    @property
    def after(self) -> Token | None:
        return self.tokens[self.index + 1] if self.index + 1 < len(self.tokens) else None

    @property
    def value_expected(self) -> bool:
        return "STRING" in self.accepts and "CALL" in self.accepts

    @property
    def value_complete(self) -> bool:
        return "OPERATOR" in self.accepts or (self.symbols[-1] in _VALUES)

    def ends_with(self, *symbols: str) -> bool:
        return tuple(self.symbols[-len(symbols):]) == symbols

    def at(self, token: Token) -> Span:
        """The place of a token; that of an end is what stands before it."""
        if token.kind in ("NEWLINE", "$END") and self.index:
            last = self.tokens[self.index - 1]
            return Span(self.source, last.end, last.end)
        return Span(self.source, token.start, token.end)

    def error(self, code: str, message: str, hint: str, token: Token | None = None,
              labels: tuple[Label, ...] = ()) -> Diagnostic:
        return Diagnostic(code, message, self.at(token or self.token), hint, labels)

    def start_of(self, symbol: str) -> Token | None:
        """The token at which the innermost unfinished `symbol` begins."""
        for i in range(len(self.symbols) - 1, -1, -1):
            if self.symbols[i] == symbol:
                return next((t for t in self.tokens if t.start >= self.starts[i]), None)
        return None


_Rule = Callable[[Scene], Diagnostic | None]


def explain(source: Source, table: Table, symbols_of: list[str], tokens: list[Token], stuck: Stuck) -> Diagnostic:
    """Name what is wrong at a place where parsing could not go on; `symbols_of` a state is the one that leads to it."""
    symbols = [symbols_of[state] for state in stuck.states]
    scene = Scene(source, tokens, stuck.index, symbols, stuck.starts, _accepts(table, stuck.states))
    for rule in _RULES:
        found = rule(scene)
        if found is not None:
            return found
    return _misfit(scene)


def _accepts(table: Table, states: list[int]) -> frozenset[str]:
    """The terminals that can be shifted next, perhaps after reductions."""
    found = set()
    for terminal in table.rows[states[-1]]:
        if terminal.islower() or "{" in terminal:
            continue
        kept, pushed = len(states), list[int]()
        while True:
            target = table.rows[pushed[-1] if pushed else states[kept - 1]].get(terminal)
            if target is None or target >= 0:
                break
            made, size, _ = table.productions[-1 - target]
            drop = min(size, len(pushed))
            del pushed[len(pushed) - drop:]
            kept -= size - drop
            state = table.rows[pushed[-1] if pushed else states[kept - 1]][made]
            if state == table.end:
                target = state if terminal == "$END" else None
                break
            pushed.append(state)
        if target is not None:
            found.add(terminal)
    return frozenset(found)


# ---------------------------------------------------------------- rules

def _hole(s: Scene) -> Diagnostic | None:
    r"""`"{}"`, `"{ "a": 1 }"`"""
    if "HOLE_OPEN" not in s.symbols:
        return None
    hint = r"Write a name or an expression between the braces, and `\{` and `\}` for braces that are meant as such."
    hole = s.start_of("HOLE_OPEN")
    if s.token.kind == "HOLE_CLOSE" and s.before is hole and hole is not None:
        return Diagnostic("E0009", "This placeholder is empty.", s.at(hole).to(s.at(s.token)), hint)
    return s.error("E0009", f"This placeholder cannot be read: {_show(s.token)} does not fit here.", hint)


def _foreign_word(s: Scene) -> Diagnostic | None:
    """`return n`, `} elif c {`, `def f(x):`, `let t = None`"""
    for token in (s.token, s.before):
        if token is None or token.kind not in ("NAME", "TYPE_NAME") or token.value not in _FOREIGN:
            continue
        if token is s.token and token.kind == "NAME" and token.value in ("end", "do", "is", "val") and s.after and (
                s.after.kind in ("EQUAL", "COLON")):
            continue                            # a name like any other
        return s.error("E0018", _FOREIGN[token.value][0], _FOREIGN[token.value][1], token)
    if s.token.kind in ("STRING", "TEMPLATE_OPEN") and s.before is not None and s.before.value in ("f", "r", "b") and (
            s.before.end == s.token.start):
        return s.error("E0018", f"Strings need no `{s.before.value}` before them.",
                       'Write `"{name}"`: every string may hold placeholders.', s.before)
    return None


def _increment(s: Scene) -> Diagnostic | None:
    """`i++`"""
    if s.before is not None and s.before.value == "++" and s.token.kind not in _BEGINS_VALUE:
        return s.error("E0018", "Values never change, so there is no `++` after a name.",
                       "Write `let next = i + 1`; between two lists or texts `++` joins them.", s.before)
    return None


def _top_level(s: Scene) -> Diagnostic | None:
    """`let x = 3` outside of a function, `fn f() ... } fn g() ...` on one line"""
    if s.index == 0 and s.token.kind not in _DECLARATIONS:
        return s.error("E0017", f"A declaration is expected here, not {_show(s.token)}.",
                       "A file holds import, model, param, type, enum, primitive, tool and fn; put statements into "
                       "a function: `fn main(...) -> ... { ... }`.")
    if not s.accepts <= {"$END", "NEWLINE"}:
        return None
    first = s.tokens[0]
    if first.kind in ("PRIMITIVE", "TOOL", "MODEL") and s.after is not None and s.after.kind == "COLON":
        return s.error("E0019", "Attributes stand in braces.",
                       f"Write `{{ {s.token.value}: ... }}` on the line that declares the {first.value}.")
    if s.ends_with("NEWLINE"):
        return s.error("E0017", f"A declaration is expected here, not {_show(s.token)}.",
                       f"The {first.value} above ends before this; put statements inside the braces of a function.")
    return s.error("E0021", "Each declaration begins on a line of its own.", "Begin a new line before this.")


def _nested_declaration(s: Scene) -> Diagnostic | None:
    """`fn main() -> Int { fn helper() -> Int { 1 } ... }`"""
    if s.token.kind in _DECLARATIONS and "LBRACE" in s.symbols and s.after is not None and (
            s.after.kind in ("NAME", "TYPE_NAME")) and (s.value_expected or s.value_complete):
        what = "functions" if s.token.kind == "FN" else "declarations"
        return s.error("E0017", f"There are no {what} within functions.",
                       f"Move this `{s.token.value}` out of the braces; for a small function write `|x| value`.")
    return None


def _missing_result(s: Scene) -> Diagnostic | None:
    """`fn f(n: Int) {`, `fn f(n: Int): Int {`"""
    if s.accepts != {"ARROW"} or not s.ends_with("RPAR") or s.tokens[0].kind not in ("FN", "PRIMITIVE", "TOOL"):
        return None
    if "LBRACE" in s.symbols:
        return None
    what = {"FN": "function", "PRIMITIVE": "primitive", "TOOL": "tool"}[s.tokens[0].kind]
    hint = "Write `->` instead of `:`." if s.token.kind == "COLON" else (
        "Write `-> Text` before the brace, or whatever it gives." if what == "function" else
        "Write `-> Text[100]`, or whatever it gives.")
    return s.error("E0016", f"This {what} does not say what it gives.", hint)


def _missing_arrow(s: Scene) -> Diagnostic | None:
    """`match xs { [] : 0 }`, `match n { 1 | 2 -> 0 }`, `match n { k if k > 1 -> 0 }`"""
    if "ARROW" not in s.accepts or "MATCH" not in s.symbols:
        return None
    if s.token.kind == "VBAR":
        return s.error("E0010", "A pattern has no alternatives.", "Write an arm for each of them.")
    if s.token.kind == "IF":
        return s.error("E0010", "An arm has no condition.",
                       "Write the `if` after the arrow: `pattern -> if c { a } else { b }`.")
    return s.error("E0010", f"After a pattern `->` is expected, not {_show(s.token)}.", "Write `pattern -> value`.")


def _missing_else(s: Scene) -> Diagnostic | None:
    """`let m = if n > 10 { 10 }`"""
    if s.accepts != {"ELSE"} or not s.ends_with("IF", "expr", "chance", "block"):
        return None
    word = s.start_of("IF")
    return s.error("E0012", "This `if` has no `else`, so it has no value when the condition does not hold.",
                   "Write `else { ... }` after the closing brace.", word,
                   (Label(s.at(s.token), "an `else` is expected here"),))


def _equals(s: Scene) -> Diagnostic | None:
    """`if n = 0 {`, `total = a + b`, `f(x = 1)`, `{ temperature = 0 }`"""
    if s.token.kind != "EQUAL":
        return None
    if "COLON" in s.accepts:
        what = "An argument is named" if s.value_complete else "An attribute is given"
        name = s.before.value if s.before else "name"
        return s.error("E0010", f"{what} with `:`, not with `=`.", f"Write `{name}: value`.")
    if not s.value_complete:
        return None
    if s.symbols[-2:] in (["LBRACE", "operand"], ["NEWLINE", "operand"], ["LBRACE", "NAME"], ["NEWLINE", "NAME"]):
        name = s.source.text[s.starts[-1]:s.before.end if s.before else s.token.start]
        return s.error("E0025", "A value is named with `let`.",
                       f"Write `let {name} = ...`; a value never changes, so choose a new name for a new value.")
    return s.error("E0013", "This `=` gives a name, it does not compare.", "Write `==` to ask whether two are equal.")


def _let(s: Scene) -> Diagnostic | None:
    """`let x`, `let x: Int = 3`, `let f(x) = 3`"""
    if "EQUAL" not in s.accepts or not (s.ends_with("LET", "pattern") or s.ends_with("LET", "NAME")):
        return None
    if s.token.kind == "COLON":
        return s.error("E0018", "A `let` states no type.", "Write `let name = value`; the type is found by itself.")
    if s.token.kind in ("NEWLINE", "RBRACE", "$END"):
        return s.error("E0020", "This `let` gives no value.", "Write `let name = value`.")
    return s.error("E0020", f"After `let name` a `=` is expected, not {_show(s.token)}.", "Write `let name = value`.")


def _colon(s: Scene) -> Diagnostic | None:
    """`if n > 0:`, `else:`, `xs[1:2]`, `{ "a": 1 }`"""
    if s.token.kind != "COLON":
        return None
    if "LBRACE" in s.accepts and not (s.value_expected and not s.ends_with("ELSE")):
        return s.error("E0018", "Bodies stand in braces, not after a colon.", "Write `{ ... }` instead of `:`.")
    if "DOTS" in s.accepts and "RSQB" in s.accepts:
        return s.error("E0018", "A part of a list is written with `..`.", "Write `xs[i..j]`.")
    if s.before is not None and s.before.kind == "STRING":
        return s.error("E0018", "There are no dictionaries.",
                       "Declare a record: `type Finding { title: Text[20] }`, and build it with `Finding(title: t)`.")
    return None


def _python_forms(s: Scene) -> Diagnostic | None:
    """`[f(x) for x in xs]`, `a if c else b`, `x in xs`, `while c {`, `for i in 0..9 {`"""
    kind = s.token.kind
    if kind == "WHILE" and (s.value_expected or s.value_complete) and "WHILE" not in s.accepts:
        return s.error("E0018", "There is no `while` by itself.",
                       "Write `repeat acc = start up to k while c { ... }`: acc is what a round changes.")
    if not s.value_complete:
        return None
    if kind == "FOR":
        return s.error("E0018", "The loop stands before its body.", "Write `for x in xs { f(x) }`: it gives a list.")
    if kind == "IF" and s.before is not None and not _new_line(s):
        return s.error("E0018", "The condition stands before its branches.", "Write `if c { a } else { b }`.")
    if kind == "IN" and "FOR" not in s.accepts:
        return s.error("E0018", "There is no operator `in`.",
                       "For texts write `contains(t, u)`; for lists count with `for x in xs where ... { x }`.")
    if kind == "DOTS":
        return s.error("E0018", "A range of numbers is a call of `range`.",
                       "Write `range(a, b)`: a is included, b is not.")
    return None


def _reserved(s: Scene) -> Diagnostic | None:
    """`let lead = 3`, `fn match(...)`, `model + 1`"""
    token = s.token
    if token.kind not in _KEYWORDS:
        return None
    naming = "NAME" in s.accepts and not s.value_expected
    if not naming and not (s.value_expected and token.kind in _SOFT):
        return None
    return s.error("E0011", f"`{token.value}` is a word of the language and cannot be a name.",
                   f"Choose another name, for example `{token.value}_`.")


def _kind_of_name(s: Scene) -> Diagnostic | None:
    """`fn f(n: int)`, `let Total = 3`, `type finding {`"""
    token, before = s.token, s.before
    if "DOT" in s.accepts and len(s.accepts) == 1 and s.ends_with("NAME") and before is not None and (
            s.symbols[-2] != "CALL"):
        known = _TYPE_NAMES.get(before.value)
        capital = before.value[:1].upper() + before.value[1:].replace("_", "")
        return s.error("E0023", f"`{before.value}` is not a type: types begin with a capital letter.",
                       f"Write `{known or capital}`.", before)
    if token.kind in _TYPE_WORDS | {"TYPE_NAME"} and "NAME" in s.accepts and not s.value_expected:
        small = token.value[:1].lower() + token.value[1:]
        return s.error("E0023", f"`{token.value}` cannot be a name here: it begins with a capital letter, as types do.",
                       f"Write `{small}`.")
    if token.kind == "NAME" and "TYPE_NAME" in s.accepts and "NAME" not in s.accepts:
        capital = "".join(part[:1].upper() + part[1:] for part in token.value.split("_"))
        return s.error("E0023", f"`{token.value}` cannot name a type: types begin with a capital letter.",
                       f"Write `{capital}`.")
    if token.kind in _TYPE_WORDS and s.value_expected:
        convert = {"TEXT_TYPE": "text(v)", "INT_TYPE": "int(t)", "FLOAT_TYPE": "float(t)"}.get(token.kind)
        return s.error("E0023", f"`{token.value}` is a type, and a value is expected here.",
                       f"To convert, write `{convert}`." if convert else "Write a value.")
    return None


def _call(s: Scene) -> Diagnostic | None:
    """`call n`, `call (f)(x)`"""
    if s.ends_with("CALL"):
        return s.error("E0024", f"After `call` stands the name of a primitive, not {_show(s.token)}.",
                       "Write `call primitive(arguments)`.")
    if (s.ends_with("CALL", "NAME") or s.ends_with("CALL", "NAME", "DOT", "NAME")) and s.before is not None:
        return s.error("E0024", "A `call` needs the arguments of its primitive.",
                       f"Write `call {s.before.value}(...)`, with what the primitive takes between the parentheses.",
                       s.before)
    return None


def _record(s: Scene) -> Diagnostic | None:
    """`Finding { title: t }`, `let x = Finding`"""
    if s.accepts == {"LPAR"} and s.ends_with("TYPE_NAME") and s.before is not None:
        return s.error("E0010", f"`{s.before.value}` is a type, and a value is expected here.",
                       f"Build a record with `{s.before.value}(field: value)`.", s.before)
    return None


def _parameter_type(s: Scene) -> Diagnostic | None:
    """`fn f(n) -> Int`"""
    if s.accepts == {"COLON"} and s.ends_with("NAME") and s.before is not None and "LBRACE" not in s.symbols and (
            s.tokens[0].kind in ("FN", "PRIMITIVE", "TOOL", "PARAM")):
        return s.error("E0026", f"`{s.before.value}` has no type.",
                       f"Write `{s.before.value}: Text`, `: Int` or whatever it is.", s.before)
    return None


def _type_parameters(s: Scene) -> Diagnostic | None:
    """`fn f<T>(x: T) -> T`"""
    if s.token.value == "<" and s.ends_with("FN", "NAME"):
        return s.error("E0018", "Type parameters stand in square brackets.", "Write `fn name[T](x: T) -> T`.")
    if s.accepts == {"LSQB"} and s.ends_with("LIST_TYPE") and s.token.value != "<":
        return s.error("E0010", "A list says what its elements are.", "Write `List[Text]`, or whatever they are.",
                       s.before)
    if s.token.value == "<" and "LSQB" in s.accepts and not s.value_complete:
        return s.error("E0018", "What a type is made of stands in square brackets.", "Write `List[Text]`.")
    return None


def _missing_brace(s: Scene) -> Diagnostic | None:
    """`if n > 0 n else { 0 }`, `else n`, `fn f(n: Int) -> Int n`"""
    if "LBRACE" not in s.accepts or s.value_expected:
        return None
    owner = next((symbol for symbol in reversed(s.symbols) if symbol in _OWNERS), None)
    if owner is None or (owner == "FN" and s.token.kind in _TYPE_WORDS):
        return None
    word = owner.lower()
    hint = {"MATCH": "Write `match e { pattern -> value }`.", "CHOOSE": "Write `choose least calls { a: e1  b: e2 }`.",
            "TYPE": "Write `type Finding { title: Text[20] }`.", "ENUM": "Write `enum Mood { glad, sad }`.",
            }.get(owner, "Write `{` here, and `}` after the body.")
    return s.error("E0019", f"The `{word}` needs its `{{` here, not {_show(s.token)}.", hint)


def _stray_else(s: Scene) -> Diagnostic | None:
    """`let a = 1 else 2` gets further than this; `else { 0 }` after a finished `if` does not"""
    if s.token.kind != "ELSE":
        return None
    return s.error("E0010", "This `else` belongs to no `if`.",
                   "Write `if c { a } else { b }`; each `if` has one `else`.")


def _wildcard(s: Scene) -> Diagnostic | None:
    """`f(_)`"""
    if s.token.kind == "UNDERSCORE" and s.value_expected:
        return s.error("E0010", "`_` ignores a value, so it has none itself.", "Give the value a name, and write that.")
    return None


def _two_statements(s: Scene) -> Diagnostic | None:
    """`let a = 1 let b = 2`, `f(a b)`"""
    if not s.value_complete or s.token.kind not in _BEGINS_VALUE:
        return None
    if "NEWLINE" in s.accepts:
        return s.error("E0021", f"The statement before {_show(s.token)} is complete.",
                       "Begin a new line here; if this is one expression, an operator is missing.")
    if "COMMA" in s.accepts:
        return s.error("E0010", f"A comma or an operator is missing before {_show(s.token)}.", "Write `,` before it.")
    return None


_RULES: tuple[_Rule, ...] = (
    _hole, _foreign_word, _increment, _top_level, _nested_declaration, _missing_result, _missing_arrow, _missing_else,
    _equals, _let, _colon, _python_forms, _reserved, _kind_of_name, _call, _record, _parameter_type, _type_parameters,
    _missing_brace, _stray_else, _wildcard, _two_statements,
)


# ---------------------------------------------------------------- the general case

_SIGNS = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}", "COMMA": ",", "COLON": ":",
          "DOT": ".", "DOTS": "..", "ARROW": "->", "EQUAL": "=", "VBAR": "|", "MINUS": "-", "LE": "<=",
          "HOLE_CLOSE": "}", "UNDERSCORE": "_"}
_THINGS = {"NAME": "a name", "TYPE_NAME": "the name of a type", "INT": "a number", "STRING": "a text",
           "NEWLINE": "a new line", "$END": "the end of the declaration"}


def _show(token: Token) -> str:
    """A token in a sentence."""
    match token.kind:
        case "$END":
            return "the end of the declaration"
        case "NEWLINE":
            return "the end of the line"
        case "STRING" | "TEMPLATE_OPEN" | "PIECE":
            return "this text"
        case "HOLE_OPEN" | "HOLE_CLOSE":
            return f"`{token.value}`"
        case _:
            return f"`{token.value[:40]}`"


def _new_line(s: Scene) -> bool:
    """Whether the token stands on another line than the one before it."""
    return s.before is not None and "\n" in s.source.text[s.before.end:s.token.start]


def _misfit(s: Scene) -> Diagnostic:
    """Say what could stand here, in a few words."""
    accepts = s.accepts
    if s.value_expected:
        wanted = ["a value"]
    elif {"TEXT_TYPE", "FN"} <= accepts:
        wanted = ["a type"]
    elif {"UNDERSCORE", "LSQB"} <= accepts:
        wanted = ["a pattern"]
    elif {"NAME", "MODEL", "CHANCE"} <= accepts:
        wanted = ["the name of an attribute"]
    else:
        rest = accepts - _AFTER_VALUE if s.value_complete else accepts
        rest = rest - {"NEWLINE"} if len(rest) > 2 else rest
        named = [(_THINGS.get(kind) or f"`{_SIGNS.get(kind, kind.lower())}`", kind in _SIGNS) for kind in rest]
        wanted = [shown for shown, _ in sorted(named, key=lambda pair: (pair[1], pair[0]))]     # words before signs
    shown = _join(wanted[:4]) if wanted else "something else"
    wanted = [word for word in wanted if word != _THINGS["$END"]]
    ending = s.token.kind in ("NEWLINE", "$END")
    if ending:
        what = "line" if s.token.kind == "NEWLINE" else "declaration"
        message = f"The {what} ends too early: {shown} is expected."
    else:
        message = f"Here {shown} is expected, not {_show(s.token)}."
    if "COMMA" in accepts and s.token.kind in (_BEGINS_VALUE - {"LBRACE"}) | _TYPE_WORDS | {"UNDERSCORE", "DOTS"}:
        hint = "Write `,` before it."
    elif s.value_complete:
        hint = f"Write {wanted[0]} or an operator before this." if wanted else "Write an operator before this."
    elif s.value_expected and s.before is not None and s.before.kind in ("OPERATOR", "MINUS", "LE"):
        hint = f"Write what follows the `{s.before.value}`, or remove it."
    else:
        hint = f"Write {wanted[0]} here." if wanted else "Remove this."
    return s.error("E0010", message, hint)


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
