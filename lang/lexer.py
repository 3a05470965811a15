"""Text -> tokens, one list for each declaration.

In: a `Source`. Out: `Lexed`: the tokens of every declaration with the documentation above
it, all comments, and what is wrong with characters and brackets. The rules of section 1 of
the language live here: which ends of lines count, block strings and their dedenting,
escapes, placeholders. Knows no grammar beyond the words that begin a declaration; those let
a file with an unclosed bracket be read on from the next declaration.

Runs in time linear in the text, keeps its own stack of brackets, and never recurses.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field

from .diagnostics import Diagnostic, Label
from .nodes import Comment
from .source import Source, Span

__all__ = ["BUILT_IN_TYPES", "KEYWORDS", "MAX_CHAIN", "MAX_DEPTH", "Chunk", "Lexed", "Token", "lex"]

MAX_DEPTH = 200
"""Levels of brackets, and of the syntax tree: later passes recurse over it."""
MAX_CHAIN = 5000
"""Links of chains on one path of the tree, `a + b + c` or `if ... else if ...`, which read flat: they are no levels."""

_MAX_DIGITS = 1000
_MAX_LEXICAL_ERRORS = 20

_DECLARATIONS = frozenset({"import", "model", "param", "type", "enum", "primitive", "tool", "fn"})
KEYWORDS = _DECLARATIONS | {
    "as", "where", "decreases", "within", "let", "if", "else", "match", "for", "in", "par", "partition", "fold",
    "repeat", "up", "to", "while", "chance", "vote", "lead", "of", "choose", "least", "call", "and", "or", "not",
    "true", "false",
}
BUILT_IN_TYPES = frozenset({"Text", "Int", "Float", "Bool", "List"})

_KINDS: dict[str, str] = {word: word.upper() for word in KEYWORDS} | {
    "and": "OPERATOR", "or": "OPERATOR", "_": "UNDERSCORE",
    "Text": "TEXT_TYPE", "Int": "INT_TYPE", "Float": "FLOAT_TYPE", "Bool": "BOOL_TYPE", "List": "LIST_TYPE",
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE",
    ",": "COMMA", ":": "COLON", ".": "DOT", "..": "DOTS", "->": "ARROW", "=": "EQUAL", "|": "VBAR",
    "-": "MINUS", "<=": "LE",
} | dict.fromkeys(("++", "+", "**", "*", "//", "/", "%", "==", "!=", "<", ">=", ">"), "OPERATOR")

# A line that ends in one of these goes on; so does one before a line that starts with one of those.
_GOES_ON = frozenset({"OPERATOR", "MINUS", "LE", "COMMA", "ARROW", "EQUAL", "COLON", "DOT", "DOTS", "VBAR",
                      "LPAR", "LSQB", "LBRACE"} | {word.upper() for word in KEYWORDS - {"true", "false", "let"}})
_CONTINUES = frozenset({"OPERATOR", "MINUS", "LE", "COMMA", "ARROW", "EQUAL", "COLON", "DOT", "DOTS", "VBAR",
                        "RPAR", "RSQB", "RBRACE", "ELSE", "AS", "IN", "WHERE", "DECREASES", "WITHIN", "CHANCE",
                        "UP", "TO", "WHILE", "OF", "LEAD", "LEAST"})
_CLAUSES = frozenset({"WHERE", "DECREASES", "WITHIN"})

_TOKEN = re.compile(
    r"""[ \t\r\f]*(?:
        ([A-Za-z_][A-Za-z0-9_]*)                                # 1 word
      | (\n)                                                    # 2
      | ([0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?[A-Za-z0-9_]*)  # 3 number
      | (&&|\|\||\+=|-=|\*=|/=|=>|<-|:=|::|\.\.\.|<>|===|!==|<<|>>)         # 4 signs of other languages
      | (\+\+|\*\*|//|==|!=|<=|>=|->|\.\.|[-+*/%<>=.,:|])       # 5 sign
      | ([(\[{])                                                # 6
      | ([)\]}])                                                # 7
      | (\#[^\n]*)                                              # 8 comment
      | (\"\"\")                                                # 9
      | "([^"\\{}\n]*)"                                         # 10 simple string
      | (")                                                     # 11
      | ([^ \t\r\f\nA-Za-z0-9_()\[\]{}\#"+*/%=!<>.,:|-]+|!)     # 12 what means nothing
      | \Z
    )""", re.VERBOSE)
_INTEGER = re.compile(r"[0-9]+(?:_[0-9]+)*")
_DECIMAL = re.compile(r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?")
_DIGITS = re.compile(r"[0-9]+")
_LINE_PIECE = re.compile(r'(?:[^"\\{}\n]++|\\[^\n])*+')
_BLOCK_PIECE = re.compile(r'(?:[^"\\{}]++|\\[\s\S]|"(?!""))*+')
_ESCAPE = re.compile(r"\\([\s\S])")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "{": "{", "}": "}"}
_ATTRIBUTE = re.compile(r"[ \t]*:")
_MEMBER = re.compile(r"\.[a-z_]")
_NO_DECLARATION = re.compile(r"[ \t]*[:(]")
_NEGATIVE_ARM = re.compile(r"[ \t]*[0-9][0-9_.eE]*[ \t]*->")
_NEXT_DECLARATION = re.compile(r"^(?:" + "|".join(sorted(_DECLARATIONS)) + r")\b(?![ \t]*[:(])", re.MULTILINE)
_PARTNER = {")": "(", "]": "[", "}": "{"}
_CLOSER = {"(": ")", "[": "]", "{": "}"}

_FOREIGN = {
    "&&": ("Conditions are joined with `and`, not with `&&`.", "Write `and`."),
    "||": ("Conditions are joined with `or`, not with `||`.", "Write `or`; a lambda without parameters is `| | e`."),
    "+=": ("Values never change, so there is no `+=`.", "Give the new value a name: `let total = old + more`."),
    "-=": ("Values never change, so there is no `-=`.", "Give the new value a name: `let rest = old - part`."),
    "*=": ("Values never change, so there is no `*=`.", "Give the new value a name: `let product = old * factor`."),
    "/=": ("Values never change, so there is no `/=`.", "For \"not equal\" write `!=`."),
    "=>": ("Arrows are written `->`, not `=>`.", "Write `->`; for \"at least\" write `>=`."),
    "<-": ("There is no `<-`.", "Write `let name = value`; in `a < -b` leave a blank before the minus."),
    ":=": ("Values are named with `let` and `=`, not with `:=`.", "Write `let name = value`."),
    "::": ("Names of a module are written with a point, not with `::`.", "Write `module.name`."),
    "...": ("The rest of a list is written with two points, not three.", "Write `..rest`."),
    "<>": ("\"Not equal\" is written `!=`, not `<>`.", "Write `!=`."),
    "===": ("Equality is written `==`, not `===`.", "Write `==`."),
    "!==": ("\"Not equal\" is written `!=`, not `!==`.", "Write `!=`."),
    "<<": ("There are no shifts of bits.", "Multiply by a power: `n * 2 ** k`."),
    ">>": ("There are no shifts of bits.", "Divide by a power: `n // 2 ** k`."),
    "!": ("\"Not\" is written `not`, not `!`.", "Write `not`."),
    "?": ("There is no `?`.", "A choice is `if c { a } else { b }`; a call that may fail is `call p(x) else e`."),
    "&": ("There is no `&`.", "Write `and`."),
    ";": ("Statements are not separated by `;`.", "Begin a new line instead."),
    "\\": ("A backslash means something only within a string.",
           "Remove it; a line goes on by itself after an operator or a comma."),
}
_LOOKALIKES = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": '"', "’": '"', "–": "-", "—": "-", "−": "-",
    "×": "*", "·": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "→": "->", "…": "..",
    "\u00a0": " ", "\u200b": "", "\ufeff": "", "，": ",", "：": ":", "（": "(", "）": ")",
}


@dataclass(slots=True, eq=False)
class Token:
    """`kind` is a terminal of the grammar. `value` is the word, the sign, or a string's text with escapes resolved."""

    kind: str
    value: str
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Chunk:
    """The tokens of one declaration, or of what stands where one should.

    `trouble` is the offset of the first fault found here; the parser's word after it is not worth reading.
    """

    tokens: list[Token]
    doc: str | None
    column: int
    trouble: int | None = None
    bracket: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class Lexed:
    chunks: list[Chunk]
    comments: list[Comment]
    diagnostics: list[Diagnostic]


def lex(source: Source) -> Lexed:
    """Never raises; a text of any kind gives tokens, faults or both."""
    lexer = _Lexer(source)
    lexer.run()
    return Lexed(lexer.chunks, lexer.comments, lexer.diagnostics)


@dataclass(slots=True)
class _Template:
    """A string that is being read: its pieces so far are tokens of the chunk, raw until it closes."""

    start: int
    block: bool
    pieces: list[Token] = field(default_factory=list)
    holes: bool = False


@dataclass(slots=True)
class _Open:
    """An open bracket; `template` is set for the placeholder of a string."""

    sign: str
    start: int
    indent: int
    template: _Template | None = None


class _Lexer:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.chunks: list[Chunk] = []
        self.comments: list[Comment] = []
        self.diagnostics: list[Diagnostic] = []
        self.tokens: list[Token] = []           # those of the last chunk
        self.stack: list[_Open] = []
        self.holes = 0                          # placeholders among the open brackets
        self.suspect: _Open | None = None       # a brace closed by one that is indented less: its own is missing
        self.line_start = 0
        self.fresh = True                       # nothing but blanks so far in this line
        self.pending = False                    # a line has ended since the last token
        self.docs: list[Comment] = []
        self.last_doc_line = -1
        self.line = 1

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        text, match, size = self.text, _TOKEN.match, len(self.text)
        at = 1 if text.startswith("\ufeff") else 0
        self.line_start = at
        while at < size:
            found = match(text, at)
            if found is None:                   # a character that no group takes: shown as one that means nothing
                self.nonsense(at, at + 1)
                at += 1
                continue
            group = found.lastindex
            if group is None:
                break
            start, at = found.start(group), found.end()
            if group == 1:
                word = found.group(1)
                if word in _DECLARATIONS and self.fresh and _NO_DECLARATION.match(text, at) is None:
                    self.begin(start)
                kind = _KINDS.get(word)
                if kind == "VOTE" and self.names_module(at):
                    kind = "NAME"
                if kind is None:
                    kind = "NAME" if word[0] == "_" or word[0].islower() else "TYPE_NAME"
                    if kind == "TYPE_NAME" and "_" in word:
                        self.misnamed(word, start, at)
                self.put(kind, word, start, at)
            elif group == 5 or group == 6 or group == 7:
                sign = found.group(group)
                if group == 5:
                    self.put(_KINDS[sign], sign, start, at)
                elif group == 6:
                    self.put(_KINDS[sign], sign, start, at)
                    self.stack.append(_Open(sign, start, self.indent()))
                    if len(self.stack) > MAX_DEPTH:
                        at = self.too_deep(start)
                else:
                    at = self.close(sign, start, at)
            elif group == 2:
                self.pending = self.fresh = True
                self.line_start = at
                self.line += 1
                if self.holes:
                    at = self.broken_hole(start)
            elif group == 3:
                at = self.number(found.group(3), start, at)
            elif group == 10:
                self.put("STRING", found.group(10), start - 1, at)
            elif group == 8:
                self.comment(start, at)
            elif group == 9:
                self.open_template(start, at, block=True)
                at = self.template(_Template(start, block=True), at)
            elif group == 11:
                self.open_template(start, at, block=False)
                at = self.template(_Template(start, block=False), at)
            else:
                at = self.foreign(found.group(group), start, at)
        if self.stack:
            self.unclosed(size)
        self.comments.extend(self.docs)
        self.comments.sort(key=lambda comment: comment.span.start)
        self.diagnostics.sort(key=lambda diagnostic: diagnostic.sort_key)

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def indent(self) -> int:
        """Blanks at the beginning of the current line."""
        text, at = self.text, self.line_start
        while text[at:at + 1] in (" ", "\t"):
            at += 1
        return at - self.line_start

    def put(self, kind: str, value: str, start: int, end: int) -> None:
        tokens = self.tokens
        if tokens and self.docs:                # within a declaration, a remark for readers of the source
            self.comments.extend(self.docs)
            self.docs = []
        if not tokens and not self.chunks:
            self.chunk(start)                   # something stands before the first declaration
            tokens = self.tokens
        if self.pending:
            self.pending = False
            stack = self.stack
            if tokens and (not stack or stack[-1].sign == "{") and self.counts(tokens[-1].kind, kind, start, end):
                tokens.append(Token("NEWLINE", "\n", start, start))
        if tokens and not self.stack and tokens[-1].kind == "COMMA" and (kind == "LBRACE" or kind in _CLAUSES):
            tokens.pop()                        # the trailing comma of a list of conditions or bounds
        self.fresh = False
        tokens.append(Token(kind, value, start, end))

    def names_module(self, end: int) -> bool:
        """Whether the word `vote` that ends here is the module; after that of a vote comes `lead` or `of`, no point."""
        tokens = self.tokens
        imported = bool(tokens) and tokens[0].kind == "IMPORT" and tokens[-1].kind == "DOT"
        return imported or _MEMBER.match(self.text, end) is not None

    def counts(self, before: str, kind: str, start: int, end: int) -> bool:
        """Whether the end of line before this token ends a statement or an item."""
        if before in _GOES_ON:
            return False
        if kind in _CONTINUES:
            if kind == "MINUS":                 # a negative number as the pattern of the next arm of a match
                return bool(self.stack) and _NEGATIVE_ARM.match(self.text, end) is not None
            return self.text[start].isalpha() and _ATTRIBUTE.match(self.text, end) is not None
        return not (kind == "LBRACE" and not self.stack)

    # ------------------------------------------------------------ declarations and comments

    def begin(self, start: int) -> None:
        """A word that begins a declaration stands first in its line."""
        column = start - self.line_start
        if self.stack:
            if column > self.chunks[-1].column:
                return
            self.unclosed(start)
        self.chunk(start)

    def chunk(self, start: int) -> None:
        self.tokens = []
        # `import` takes no documentation
        documented = self.docs and not self.text.startswith("import", start)
        doc = "\n".join(comment.text[2:].removeprefix(" ") for comment in self.docs) if documented else None
        if not documented:
            self.comments.extend(self.docs)
        self.docs = []
        self.pending = False
        self.suspect = None
        self.chunks.append(Chunk(self.tokens, doc, start - self.line_start))

    def comment(self, start: int, end: int) -> None:
        comment = Comment(self.text[start:end].rstrip(), self.fresh, span=self.span(start, end))
        if comment.text.startswith("##") and self.fresh and not self.stack:
            if self.last_doc_line != self.line - 1:
                self.comments.extend(self.docs)
                self.docs = []
            self.docs.append(comment)
            self.last_doc_line = self.line
        else:
            self.comments.append(comment)

    # ------------------------------------------------------------ brackets

    def close(self, sign: str, start: int, end: int) -> int:
        stack, opener = self.stack, _PARTNER[sign]
        if stack and stack[-1].sign == opener:
            bracket = stack.pop()
            if sign == "}" and self.suspect is None and self.fresh and self.indent() < bracket.indent:
                self.suspect = bracket
            if bracket.template is not None:
                self.holes -= 1
                self.put("HOLE_CLOSE", sign, start, end)
                return self.template(bracket.template, end)
            self.put(_KINDS[sign], sign, start, end)
            return end
        place = self.span(start, end)
        depth = next((i for i in range(len(stack) - 1, -1, -1) if stack[i].sign == opener), None)
        if depth is None or (self.holes and any(bracket.template for bracket in stack[depth + 1:])):
            self.bracket(Diagnostic(
                "E0007", f"This `{sign}` closes nothing.", place,
                f"Remove it, or write the missing `{opener}` before it."))
            return end
        open_ = stack[depth + 1]
        self.bracket(Diagnostic(
            "E0006", f"This `{open_.sign}` is not closed before the `{sign}` that ends what is around it.",
            self.span(open_.start, open_.start + 1), f"Write the missing `{_CLOSER[open_.sign]}`.",
            (Label(place, f"its `{_CLOSER[open_.sign]}` should stand before this"),)))
        del stack[depth + 1:]
        return self.close(sign, start, end)

    def unclosed(self, end: int) -> None:
        """Brackets are open where a new declaration, or the end of the file, shows that they should not be."""
        open_ = self.suspect or self.stack[-1]
        closer = _CLOSER[open_.sign]
        labels: tuple[Label, ...] = ()
        if end < len(self.text):
            labels = (Label(self.span(end, self.word_end(end)), "a new declaration begins here"),)
        self.bracket(Diagnostic(
            "E0006", f"This `{open_.sign}` is never closed.", self.span(open_.start, open_.start + 1),
            f"Write the missing `{closer}`.", labels))
        self.stack.clear()
        self.holes = 0

    def word_end(self, at: int) -> int:
        found = re.compile(r"\w*").match(self.text, at)
        return found.end() if found else at

    def bracket(self, diagnostic: Diagnostic) -> None:
        """One fault of brackets for a declaration; the parser may have an earlier one to tell."""
        if not self.chunks:
            self.chunk(diagnostic.span.start)
        chunk = self.chunks[-1]
        if chunk.trouble is None and chunk.bracket is None:
            chunk.bracket = diagnostic

    def too_deep(self, start: int) -> int:
        """Give up this declaration and read on at the next one that begins a line."""
        self.fault(Diagnostic(
            "E0008", f"This is nested more than {MAX_DEPTH} levels deep.", self.span(start, start + 1),
            "Give the inner parts a name with `let`, or move them into a function of their own."))
        self.stack.clear()
        self.holes = 0
        following = _NEXT_DECLARATION.search(self.text, start)
        at = following.start() if following else len(self.text)
        self.line_start = self.text.rfind("\n", 0, at) + 1
        self.line = self.source.position(at)[0]
        self.fresh = self.pending = True
        return at

    # ------------------------------------------------------------ faults

    def fault(self, diagnostic: Diagnostic) -> None:
        if not self.chunks:
            self.chunk(diagnostic.span.start)
        chunk = self.chunks[-1]
        if chunk.trouble is None:
            chunk.trouble = diagnostic.span.start
        self.diagnostics.append(diagnostic)

    def forget(self, start: int) -> None:
        """Drop faults found behind this place: they come from reading a text as if it were program."""
        while self.diagnostics and self.diagnostics[-1].span.start >= start:
            self.diagnostics.pop()

    def foreign(self, sign: str, start: int, end: int) -> int:
        known = _FOREIGN.get(sign) or _FOREIGN.get(sign[0])
        self.fresh = False
        if known is not None:
            end = start + len(sign) if sign in _FOREIGN else start + 1
            self.fault(Diagnostic("E0018", known[0], self.span(start, end), known[1]))
            return end
        if sign[0] in "'`":
            close = self.text.find(sign[0], start + 1)
            line_end = self.text.find("\n", start)
            stop = close + 1 if close >= 0 and (line_end < 0 or close < line_end) else start + 1
            self.fault(Diagnostic("E0018", f"Strings are written in double quotes, not in {sign[0]}.",
                                  self.span(start, stop), 'Write "..." instead.'))
            return stop
        self.nonsense(start, end)
        return end

    def nonsense(self, start: int, end: int) -> None:
        if len(self.diagnostics) >= _MAX_LEXICAL_ERRORS and self.diagnostics[-1].code == "E0002":
            return                              # one more would tell nobody anything
        sign = self.text[start]
        replacement = _LOOKALIKES.get(sign)
        if replacement is not None and replacement.strip():
            hint = f"It looks like `{replacement}`: write that instead."
        elif replacement is not None:
            hint = "It is an invisible character that came along when text was copied: remove it."
        elif sign.isalpha():
            hint = "Names consist of the letters a to z and A to Z, digits and underscores."
        else:
            hint = "Remove it, or put it into a string."
        shown = sign if sign.isprintable() and not sign.isspace() else f"U+{ord(sign):04X}"
        self.fault(Diagnostic("E0002", f"The character `{shown}` means nothing here.", self.span(start, end), hint))

    def misnamed(self, word: str, start: int, end: int) -> None:
        small, capital = word.lower(), "".join(part[:1].upper() + part[1:] for part in word.split("_"))
        self.fault(Diagnostic("E0023", f"`{word}` is neither the name of a type nor that of a value.",
                              self.span(start, end), f"Write `{capital}` for a type, `{small}` for a value."))

    def number(self, digits: str, start: int, end: int) -> int:
        if self.tokens and self.tokens[-1].kind == "DOT" and (short := _DIGITS.match(digits)):
            digits = short.group()              # pair.0.1 is the second item of the first item
            end = start + len(digits)
        if len(digits) > _MAX_DIGITS:
            self.fault(Diagnostic("E0005", f"This number has more than {_MAX_DIGITS} digits.", self.span(start, end),
                                  "Write it as a power, or make it smaller."))
            self.put("INT", "0", start, end)
        elif _INTEGER.fullmatch(digits):
            self.put("INT", digits, start, end)
        elif _DECIMAL.fullmatch(digits):
            self.put("FLOAT", digits.replace("_", ""), start, end)
        else:
            self.fault(Diagnostic("E0005", f"`{digits[:40]}` is not a number.", self.span(start, end),
                                  "Numbers are written 42, 10_000, 0.5 or 1e-6; a name begins with a letter."))
            self.put("INT", "0", start, end)
        return end

    # ------------------------------------------------------------ strings

    def open_template(self, start: int, end: int, *, block: bool) -> None:
        self.put("TEMPLATE_OPEN", '"""' if block else '"', start, end)

    def template(self, template: _Template, at: int) -> int:
        """Read a string on from `at`, to its end or to its next placeholder."""
        text, block = self.text, template.block
        pattern, quote = (_BLOCK_PIECE, '"""') if block else (_LINE_PIECE, '"')
        start = at
        while True:
            found = pattern.match(text, at)
            at = found.end() if found else at
            sign = text[at:at + 1]
            if sign == "}":
                self.fault(Diagnostic("E0009", "A brace that is meant as such is written `\\}` in a string.",
                                      self.span(at, at + 1), "Write `\\}`, and `\\{` for its partner."))
                at += 1
                continue
            break
        piece = Token("PIECE", text[start:at], start, at)
        template.pieces.append(piece)
        if at > start:
            self.tokens.append(piece)
        if block:
            breaks = piece.value.count("\n")
            if breaks:
                self.line += breaks
                self.line_start = text.rfind("\n", 0, at) + 1
        if sign == "{":
            template.holes = True
            self.holes += 1
            self.tokens.append(Token("HOLE_OPEN", "{", at, at + 1))
            self.stack.append(_Open("{", at, self.indent(), template))
            if len(self.stack) > MAX_DEPTH:
                return self.too_deep(at)
            return at + 1
        if text.startswith(quote, at):
            at += len(quote)
        elif block or not self.holes:           # an open placeholder around it is told of when its line ends
            stop = at
            if block:                           # the rest of the file was swallowed: show the line that opened it
                line_end = text.find("\n", template.start)
                stop = line_end if line_end >= 0 else at
                self.forget(template.start)
            self.fault(Diagnostic(
                "E0003", "This string is not closed.", self.span(template.start, stop),
                'Write `"""` where it ends.' if block else
                'Write `"` where it ends; a text of several lines stands between `"""` and `"""`.'))
        self.finish(template, at)
        return at

    def finish(self, template: _Template, end: int) -> None:
        """Give the pieces of a string that is complete their values."""
        pieces = template.pieces
        for piece in pieces:
            self.check_escapes(piece)
        raw = [piece.value.replace("\r\n", "\n") for piece in pieces]
        for piece, value in zip(pieces, _dedent(raw) if template.block else raw, strict=True):
            piece.value = _ESCAPE.sub(lambda found: _ESCAPES.get(found.group(1), found.group(0)), value)
        if template.holes:
            self.tokens.append(Token("TEMPLATE_CLOSE", "", end, end))
        else:
            while self.tokens.pop().kind != "TEMPLATE_OPEN":
                pass
            self.tokens.append(Token("STRING", pieces[0].value, template.start, end))

    def check_escapes(self, piece: Token) -> None:
        if "\\" not in piece.value:
            return
        for found in _ESCAPE.finditer(piece.value):
            if found.group(1) not in _ESCAPES:
                at = piece.start + found.start()
                shown = "\\" + found.group(1) if found.group(1).isprintable() else "\\ at the end of a line"
                self.fault(Diagnostic("E0004", f"There is no escape `{shown}`.", self.span(at, at + 2),
                                      r"Write `\\` for a backslash; the escapes are \n \t \" \\ \{ \}."))

    def broken_hole(self, at: int) -> int:
        """A line ends within a placeholder."""
        depth = next(i for i, bracket in enumerate(self.stack) if bracket.template is not None)
        hole = self.stack[depth]
        self.forget(hole.start)
        self.fault(Diagnostic(
            "E0009", "This placeholder is not closed on its line.", self.span(hole.start, hole.start + 1),
            "Write `}` where it ends; write `\\{` for a brace that is meant as such."))
        del self.stack[depth:]
        self.holes = 0
        template = hole.template
        assert template is not None
        if template.block:
            self.pending = self.fresh = False
            self.line -= 1                      # the piece that follows begins with this line's end
            return self.template(template, at)
        self.finish(template, at)
        return at + 1


def _dedent(pieces: list[str]) -> list[str]:
    """The pieces of a block string without the indentation they share.

    A placeholder stands between two pieces. The first line is not looked at when there is text in it, and is dropped
    when there is none; so is the last. Lines of blanks become empty.
    """
    lines = "\0".join(pieces).split("\n")       # \0 stands for a placeholder; read_source lets none through
    margins = [len(line) - len(line.lstrip(" \t")) for line in lines[1:] if line.strip(" \t")]
    margin = min(margins, default=0)
    cut = [lines[0], *(line[margin:] if line.strip(" \t") else "" for line in lines[1:])]
    if len(lines) > 1:
        if not lines[-1].strip(" \t"):
            cut.pop()
        if not lines[0].strip(" \t"):
            del cut[0]
    return "\n".join(cut).split("\0")
