"""One row for every code a diagnostic may bear: what `orch explain CODE` prints.

In: nothing. Out: `CODES`, from a code to its `Code`. Data alone; the check that finds a
fault words its own message. Imported only when a code is explained.

To add a code, append a `_row` to the section of its range:

    _row("E0999", "what is wrong, in a few words", '''
        What it means and why it is so, in the user's words. How to mend it.
        ''', '''
        fn main(n: Int) -> Int { n }        # a whole program that triggers the code
        ''')

An example is a complete program that yields the code; tests compile all of them. It is empty only where no
text can show the fault (bytes that are no text).
"""
from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

__all__ = ["CODES", "Code"]


@dataclass(frozen=True, slots=True)
class Code:
    """The long form of one diagnostic. `example` is a program that triggers it, or empty."""

    code: str
    title: str
    explanation: str
    example: str


CODES: dict[str, Code] = {}


def _row(code: str, title: str, explanation: str, example: str = "") -> None:
    if code in CODES:
        raise ValueError(f"the code {code} is given twice")
    CODES[code] = Code(code, title, dedent(explanation).strip(), dedent(example).lstrip("\n"))


# ---------------------------------------------------------------- E00xx: characters, words and grammar

_row("E0001", "a file that cannot be read as text", """
    A program is a file of UTF-8 text. This one is missing, is not readable, or holds bytes that are not UTF-8.
    Check the path; if the file was saved in another encoding, save it again as UTF-8.
    """)

_row("E0002", "a character that means nothing here", """
    Outside of strings and comments a program consists of names, numbers and the signs of the language.
    Often the character came along when text was copied: curly quotes, a long dash, a blank that is none.
    Remove it, or put it into a string.
    """, """
    fn main(n: Int) -> Int {
      n § 2
    }
    """)

_row("E0003", "a string that is not closed", '''
    A string "..." ends on the line where it begins. Write the missing quote, write \\n for a line break within
    a string, or use a block string, which begins and ends with three quotes and may span many lines.
    ''', """
    fn main(n: Int) -> Text {
      "all is well
    }
    """)

_row("E0004", "an escape that does not exist", r"""
    In a string the backslash begins one of \n (new line), \t (tab), \" \\ \{ \}. Write \\ for a backslash.
    """, r"""
    fn main(n: Int) -> Text {
      "C:\data"
    }
    """)

_row("E0005", "a number that cannot be read", """
    Numbers are written 42, 10_000, 0.5 or 1e-6. There are digits on both sides of the point, an underscore stands
    between two digits, and a name does not begin with a digit.
    """, """
    fn main(n: Int) -> Int {
      n + 2nd
    }
    """)

_row("E0006", "a bracket that is never closed", """
    Every ( [ { needs its ) ] }. The place shown is the opening bracket that has no partner, or where its partner
    should have stood; the line above or below is a good place to look for the missing one.
    """, """
    fn main(n: Int) -> Int {
      (n + 1
    }
    """)

_row("E0007", "a closing bracket with no partner", """
    This ) ] or } closes nothing. Remove it, or write the bracket that should open before it.
    """, """
    fn main(n: Int) -> Int {
      n + 1)
    }
    """)

_row("E0008", "nested too deeply", """
    Brackets and operators may be nested 200 levels deep. Give the inner parts a name with `let`, or move them
    into a function of their own.
    """, "fn main(n: Int) -> Int {\n  " + "(" * 250 + "n" + ")" * 250 + "\n}\n")

_row("E0009", "a placeholder in a string that cannot be read", r"""
    Braces in a string hold an expression: "{name}". For a brace that is meant as such write \{ and \}; this is
    often needed in prompts that show JSON.
    """, r"""
    fn main(n: Int) -> Text {
      "there are {} of them"
    }
    """)

_row("E0010", "something that does not fit here", """
    The words before this place are understood, but what stands here cannot follow them. The message says what
    could. Often a comma, an operator or a closing bracket is missing just before.
    """, """
    fn main(n: Int) -> Int {
      n + * 2
    }
    """)

_row("E0011", "a reserved word used as a name", """
    The words of the language (`lead`, `up`, `to`, `of`, `in`, `tool`, `model` ...) cannot name values, functions or
    fields. Choose another name, or add an underscore: `model_`.
    """, """
    fn main(n: Int) -> Int {
      let lead = n + 1
      lead
    }
    """)

_row("E0012", "an `if` without `else`", """
    Every `if` has a value, so it must say what that is when the condition does not hold. Write an `else`; to change
    nothing, give back what came in.
    """, """
    fn main(n: Int) -> Int {
      let m = if n > 10 { 10 }
      m
    }
    """)

_row("E0013", "`=` where `==` is meant", """
    One `=` gives a name to a value, after `let`. Two, `==`, ask whether two values are equal.
    """, """
    fn main(n: Int) -> Int {
      if n = 0 { 1 } else { n }
    }
    """)

_row("E0014", "a block without a result", """
    The value of a block is that of its last line, which must therefore be an expression and not a `let`. Write the
    value that the block should have as its last line. There is no `return`.
    """, """
    fn main(n: Int) -> Int {
      let twice = n * 2
    }
    """)

_row("E0015", "a chain of comparisons", """
    A comparison gives a Bool, which cannot be compared with a number. Write each comparison for itself and join
    them with `and`.
    """, """
    fn main(n: Int) -> Bool {
      0 < n < 10
    }
    """)

_row("E0016", "no result type", """
    A function, primitive or tool says after `->` what it gives. For a text of any size that is `-> Text` in a
    function; in a primitive the size is needed: `-> Text[120]`.
    """, """
    fn main(n: Int) {
      n + 1
    }
    """)

_row("E0017", "something other than a declaration at the top of a file", """
    A file consists of declarations: import, model, param, type, enum, primitive, tool, fn. Statements stand within
    the braces of a function; a program starts at `fn main`.
    """, """
    let n = 3
    """)

_row("E0018", "a word or sign of another language", """
    Other languages write this differently: functions are `fn`, not `def`; the last line of a block is its
    value, so there is no `return`; conditions are joined with `and`, `or`, `not`; `else if` is two words; values never
    change, so there is no `i++` and no `+=`. The hint says what to write.
    """, """
    fn main(n: Int) -> Bool {
      n > 1 && n < 10
    }
    """)

_row("E0019", "a block without its opening brace", """
    The bodies of functions, `if`, `else`, `for`, `fold`, `repeat` and `vote` stand in braces, even when they are short.
    """, """
    fn main(n: Int) -> Int {
      if n > 0 n else { 0 }
    }
    """)

_row("E0020", "a `let` without a value", """
    A `let` names a value: `let total = a + b`. A name cannot be declared first and given its value later, because
    values never change.
    """, """
    fn main(n: Int) -> Int {
      let total
      n
    }
    """)

_row("E0021", "two statements on one line", """
    A statement ends at the end of its line, so the next one begins on a new line. If this was meant to be one
    expression, an operator or a comma is missing between its parts.
    """, """
    fn main(n: Int) -> Int {
      let a = 1 let b = 2
      a + b
    }
    """)

_row("E0022", "a tuple with fewer than two items", """
    A tuple has two items or more. For a list of one item write `[x]`; for an expression in parentheses leave out
    the comma.
    """, """
    fn main(n: Int) -> Int {
      let pair = (n,)
      n
    }
    """)

_row("E0023", "a name of the wrong kind", """
    Types and records begin with a capital letter and have no underscore: `Finding`. Values, functions, fields and
    size variables begin with a small one: `finding`. So a reader always sees which is which.
    """, """
    fn main(n: number) -> Int {
      n
    }
    """)

_row("E0024", "something that cannot be called or taken apart here", """
    Only names are called: `f(x)`, `reduce.tree(xs)`, `Finding(title: t)`. After `call` stands a primitive
    with its arguments; an `else` for failures follows a call, a tool or a vote alone.
    """, """
    fn main(n: Int) -> Int {
      call n
    }
    """)

_row("E0025", "a value named without `let`", """
    A value gets its name with `let`: `let total = a + b`. It keeps that value; for a new one choose a new name, or let
    a `fold` or `repeat` carry it from round to round.
    """, """
    fn main(n: Int) -> Int {
      total = n + 1
      total
    }
    """)

_row("E0026", "a parameter without a type", """
    Every parameter says what it is: `doc: Text`, `items: List[Text[m], n]`, `depth: Int`. The sizes are optional, and
    get names of their own when they are left out.
    """, """
    fn main(n) -> Int {
      n
    }
    """)

# ---------------------------------------------------------------- E01xx: names

# ---------------------------------------------------------------- E02xx: types

# ---------------------------------------------------------------- E03xx: primitives, prompts, calls

# ---------------------------------------------------------------- E04xx: sizes, claims, termination

_row("E0401", "a result that is larger than its type claims", """
    A size in the result type of a function is a claim: the result is never larger. The compiler works out how large the
    result can be, by induction where the function calls itself, and found sizes at which it is larger than claimed.
    Write the size that the message names, or write none: then it is inferred.
    """, """
    fn twice(doc: Text[n]) -> Text[n] {
      doc ++ doc
    }

    fn main(doc: Text[n]) -> Text {
      twice(doc)
    }
    """)

_row("E0402", "a result whose size cannot be bounded", """
    The result type claims a size, but nothing bounds the value: it comes from a loop without `up to`, or from a
    recursion whose growth has no closed form. Bound the loop, or cut the value (`take`) before it is returned.
    """, r"""
    model fast = "local/fast"

    primitive extend(doc: Text[n]) -> Text[n + 5] {
      prompt: "Add a sentence.\n\n{doc}"
      chance: 0.5
    }

    primitive short(doc: Text[n]) -> Bool {
      prompt: "Is this too short?\n\n{doc}"
    }

    fn main(doc: Text[n]) -> Text[2 * n] {
      repeat text = doc while call short(text) {
        call extend(text)
      }
    }
    """)

_row("E0403", "recursion that may never end", """
    Along every cycle of calls some size has to shrink: a list gets shorter, a number comes closer to a bound. For
    this call none was found. Either the recursion can go on for ever (halving with `n <= 0` as the end never leaves
    1), or what shrinks is hidden: then name it with `decreases high - low` behind the result type, and the compiler
    checks it.
    """, """
    fn main(n: Int) -> Int {
      if n == 0 { 0 } else { main(n + 1) }
    }
    """)

_row("E0404", "a call that breaks a precondition", """
    The `where` of a function says for which sizes it may be called. At this call the sizes can only be others.
    """, """
    fn top(items: List[Int, n]) -> Int where n >= 1 {
      first(items)
    }

    fn main() -> Int {
      top([])
    }
    """)

# ---------------------------------------------------------------- E05xx: cost contracts, windows

_row("E0501", "a call that does not fit its model's window", """
    Prompt and answer together have to fit the context window of the model. At the sizes in question this call can
    need more. Split what goes into the prompt (`chunks`, `split`), cut it (`take`), or use a model with a larger
    window. Only `orch cost` reports this, for it depends on the sizes asked for.
    """)

# ---------------------------------------------------------------- E06xx: models, params, attributes

# ---------------------------------------------------------------- E07xx: imports

# ---------------------------------------------------------------- E08xx: the command line, arguments, runs

_row("E0800", "a command line that cannot be understood", """
    The command, an option or its value is not known. `orch --help` tells the commands, `orch COMMAND --help` the
    options of one. Nothing was read or sent.
    """)

_row("E0801", "an argument that the entry does not take", """
    Arguments are given by name: `--arg doc=@report.txt`. The name must be that of a parameter of the entry (`main`, or
    what `--entry` names), and each may be given once.
    """)

_row("E0802", "an argument that is missing", """
    Every parameter of the entry needs a value: `--arg name=VALUE`, `--arg name=@FILE`, or a field of the object in
    `--args FILE.json`.
    """)

_row("E0803", "a file that cannot be read or written", """
    The file is missing, is a folder, may not be read, or is not UTF-8 text. Other formats (PDF, Word) have to be turned
    into text first.
    """)

_row("E0804", "an argument that does not fit its type", """
    A number, Bool or enum is written as it is, other values as JSON: `--arg 'items=["a", "b"]'`. A file is read as the
    type asks: a text as it is; for a list a folder, `.txt` (one element a line), `.json`, `.jsonl` or `.csv` (the first
    line names the columns).
    """)

_row("E0805", "no such entry", """
    A report or a run starts at `fn main`, or at the function that `--entry` names. Generic functions, and those that
    take functions, cannot be entries, for they are analysed for each use.
    """)

_row("E0810", "a run that failed", """
    The program is right, but this run could not go on: a precondition (`where`, or a size of a parameter) does not
    hold for these arguments, an operation has no result (an index beyond the end, a division by zero), or a call
    failed after all its attempts and has no `else`. The message shows the path of calls that led there.
    """)

_row("E0811", "a budget that is reached", """
    The next call could exceed what `--budget-calls`, `--budget-tokens` or `--budget-dollars` allows, so it was not
    sent. Retries count. `orch cost` tells what a run needs at most.
    """)

_row("E0812", "a model that cannot be reached", """
    The backend could not be used at all: a key is missing from the environment, a package or file is not there, or no
    such provider is known. `--backend sim` runs any program without a model.
    """)

_row("E0898", "a fault in Orch itself", """
    This is a bug in Orch and not in your program. With ORCH_DEBUG=1 in the environment the command shows where it
    happened; that, and the program, are what a bug report needs.
    """)

_row("E0899", "interrupted", """
    The command was stopped from outside (Ctrl-C). Nothing is left running.
    """)

# ---------------------------------------------------------------- E09xx: not supported yet

# ---------------------------------------------------------------- W01xx: names and answers

# ---------------------------------------------------------------- W02xx: cost

_row("W0201", "a loop that could run at once", """
    The rounds of `for` wait for one another, though none needs what another gave. `par for` asks for all of them at
    once: the same calls and tokens, but one round of waiting instead of one for each element.
    """, r"""
    model fast = "local/fast"

    primitive rate(comment: Text[m]) -> Int {
      prompt: "How friendly is this, from 0 to 10?\n\n{comment}"
    }

    fn main(comments: List[Text[m], n]) -> List[Int] {
      for comment in comments { call rate(comment) }
    }
    """)

_row("W0202", "a history that makes tokens quadratic", """
    The accumulator of this `fold` grows in every round and stands in every prompt. n rounds then cost about n * n /
    2 times what one round adds. Keep a summary of bounded size instead, or only the last rounds.
    """, r"""
    model chat = "local/chat"

    primitive reply(history: Text[h]) -> Text[50] {
      prompt: "Answer.\n\n{history}"
    }

    fn main(n: Int) -> Text {
      fold history = "" for _ in range(n) { history ++ call reply(history) }
    }
    """)

_row("W0203", "a loop without a bound", """
    Nothing limits how often this loop runs, so its worst case is unbounded: the report's upper bounds are oo. With
    `up to k` after the initial value it ends after k rounds, whatever the model answers.
    """, r"""
    model fast = "local/fast"

    primitive bad(text: Text[n]) -> Bool {
      prompt: "Is this bad?\n\n{text}"
      chance: 0.2
    }

    primitive mend(text: Text[n]) -> Text[n] {
      prompt: "Mend this.\n\n{text}"
    }

    fn main(text: Text[n]) -> Text[n] {
      repeat draft = text while call bad(draft) { call mend(draft) }
    }
    """)

# ---------------------------------------------------------------- W04xx: sizes

_row("W0402", "a claimed size that could not be proven", """
    The compiler could neither prove that the result is never larger than its type claims nor find sizes at which it is.
    The analysis goes on with the size that it inferred, which may be larger; the report stays true.
    """)

# ---------------------------------------------------------------- W03xx: prompts
