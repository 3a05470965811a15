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
    Brackets and operators may be nested 200 levels deep. What reads flat is not nested: the terms of `a + b + c` and
    the arms of `if ... else if ... else` are links of a chain, and there may be 5000 of them, one within the other.
    `fold` and `repeat` within each other are analysed to a depth of three or more, as long as that does not take too
    long. Give the inner parts a name with `let`, or move them into a function of their own.
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

_row("E0101", "a name that nothing declares", """
    Names come from declarations, parameters, `let`, patterns and loops above the place, from sizes of parameters, and
    from the built-in functions. A name from another file needs the name of its import: `shared.digest(doc)`. Often it
    is a slip of the pen; then the hint shows the nearest name in scope.
    """, """
    fn main(doc: Text[n]) -> Int {
      tokens(document)
    }
    """)

_row("E0102", "a name declared twice", """
    At the top of a file, among the parameters of a function, the fields of a record, the names of one pattern or the
    alternatives of a `choose`, a name stands for one thing. Rename one of the two. Within a body `let` may bind a name
    anew; then it hides the older one.
    """, """
    fn twice(n: Int) -> Int {
      2 * n
    }

    fn twice(doc: Text[n]) -> Text {
      doc ++ doc
    }

    fn main(n: Int) -> Int {
      twice(n)
    }
    """)

_row("E0103", "a pattern that misspells a constant", """
    A name in a pattern tests for the constant of that name, if the enum has one; any other name would take every value
    and be bound to it. This one looks so much like a constant that it is taken for a slip of the pen.
    """, """
    enum Mood { glad, sad }

    fn main(mood: Mood) -> Int {
      match mood {
        glat -> 1,
        sad -> 2
      }
    }
    """)

_row("E0104", "a type that nothing declares", """
    The types of the language are Text, Int, Float, Bool, List and tuples; others are declared with `type` (records) or
    `enum`, or stand as type parameters after the name of a function: `fn first_of[T](xs: List[T]) -> T`.
    """, """
    fn main(name: String) -> Text {
      name
    }
    """)

_row("E0105", "a name of something that is no value", """
    Models, types and imported files have names, but are no values: a model is reached through a primitive, a record is
    built with `Finding(title: t)`, of an enum one writes the constants, of a file what it declares: `shared.thing`.
    """, """
    model fast = "local/fast"

    fn main(n: Int) -> Int {
      n + fast
    }
    """)

# ---------------------------------------------------------------- E02xx: types

_row("E0201", "a value of another type than the place asks for", """
    Every place has a type: a parameter, the result of a function, the condition of an `if`, the branches of which the
    second must be of the type of the first. An Int is used as a Float without more ado; nothing else changes its type
    by itself. The label shows where the wanted type comes from, and the hint how to make one of the other.
    """, """
    fn half(n: Int) -> Int {
      n // 2
    }

    fn main(doc: Text[n]) -> Int {
      half(doc)
    }
    """)

_row("E0202", "an operator that does not fit its operands", """
    `+ - * / // % **` are for numbers, `++` joins two texts or two lists, `==` and `!=` compare two values of one type.
    """, """
    fn main(name: Text[n]) -> Text {
      "Dear " + name
    }
    """)

_row("E0203", "something that cannot be called", """
    Before parentheses stands the name of a function, tool, record or function parameter. Values have no functions of
    their own: it is `split(doc, 2)`, not `doc.split(2)`.
    """, """
    fn main(doc: Text[n]) -> Int {
      len(doc.split(2))
    }
    """)

_row("E0204", "a field or part that does not exist", """
    A record has the fields of its declaration, `finding.title`, and a tuple its parts, counted from 0: `pair.0`. Other
    values have neither; what could be asked of them is a function: `len(xs)`.
    """, """
    type Finding { title: Text[20], severity: Int }

    fn main(finding: Finding) -> Text {
      finding.titel
    }
    """)

_row("E0205", "an element of something that is no list", """
    `xs[i]` is an element of a list. A part of a text is `doc[i..j]`, `take(doc, k)` or `drop(doc, k)`, counted in
    tokens; a part of a tuple is `pair.0`.
    """, """
    fn main(doc: Text[n]) -> Text {
      doc[0]
    }
    """)

_row("E0206", "a match that leaves values out", """
    A `match` has an arm for every value: for all constants of an enum, for `true` and `false`, for the empty list and
    the longer ones. The message names values that no arm takes. `_ -> ...` takes all the rest.
    """, """
    enum Mood { glad, sad, angry }

    fn main(mood: Mood) -> Text {
      match mood {
        glad -> "Congratulations!",
        sad -> "My condolences."
      }
    }
    """)

_row("E0207", "a pattern that does not fit", """
    A pattern has the form of what it takes apart: `(a, b)` for a tuple of two, `[a, ..rest]` for a list, a number for
    a number. Patterns that may fail to fit (lists, numbers, texts) stand in a `match`, where other arms take the rest.
    """, """
    fn main(n: Int) -> Int {
      let (a, b) = n
      a + b
    }
    """)

_row("E0208", "a loop over something that is no list", """
    `for`, `partition` and `fold` go over a list. To count, write `range(n)`; to go over a text, cut it: `lines(doc)`,
    `paragraphs(doc)`, `chunks(doc, 1000)`.
    """, """
    fn main(n: Int) -> List[Int] {
      for i in n { i * i }
    }
    """)

_row("E0209", "a function used as a value", """
    The cost of a program is known because it is known at every place which function runs there. So functions are
    given to parameters of a function type, `f: fn(Text) -> Text`, as names or lambdas, and are not stored in names,
    lists or records, nor returned.
    """, """
    fn main(n: Int) -> Int {
      let double = |x| 2 * x
      n
    }
    """)

_row("E0210", "values that have no order", """
    `<` and its like compare two numbers or two texts; `sorted` orders numbers and texts, and other things by a key:
    `sorted(findings, |f| f.severity)`.
    """, """
    type Finding { title: Text[20], severity: Int }

    fn main(findings: List[Finding, n]) -> List[Finding] {
      sorted(findings)
    }
    """)

_row("E0211", "a value that has no text form", """
    Within a string, and in `text(...)`, stand texts, numbers, truth values and enums. The parts of a list are joined,
    `join(xs, ", ")`, and of a record one takes the fields. In the prompt of a primitive a list or record may stand.
    """, """
    fn main(names: List[Text[m], n]) -> Text {
      "They are {names}."
    }
    """)

# ---------------------------------------------------------------- E03xx: primitives, prompts, calls

_row("E0301", "a primitive without `call`", """
    A primitive asks a model, which costs something. The word `call` before it lets every reader see where.
    """, """
    primitive translate(sentence: Text[n]) -> Text[2 * n + 5] {
      prompt: "Translate into French: {sentence}"
    }

    fn main(sentence: Text[n]) -> Text {
      translate(sentence)
    }
    """)

_row("E0302", "`call` of something that is no primitive", """
    `call` stands before primitives alone. Functions, tools and built-in functions are written without it.
    """, """
    fn twice(doc: Text[n]) -> Text {
      doc ++ doc
    }

    fn main(doc: Text[n]) -> Text {
      call twice(doc)
    }
    """)

_row("E0303", "arguments that do not fit the parameters", """
    There is one argument for every parameter, or for every field of a record. They stand in the order of the
    declaration, or with names in any order: `f(x: 1, y: 2)`. Built-in functions and function parameters take theirs
    by position alone.
    """, """
    fn power(base: Int, exponent: Int) -> Int {
      base ** exponent
    }

    fn main(n: Int) -> Int {
      power(n)
    }
    """)

_row("E0304", "a prompt that names something unknown", r"""
    Braces in a prompt name a parameter of the primitive or a field of one: {doc}, {finding.title}. Whatever else is
    needed is computed before the call and given as a parameter. For a brace that is meant as such write \{ and \}.
    """, """
    primitive summarize(passage: Text[n]) -> Text[100] {
      prompt: "Summarise this: {text}"
    }

    fn main(doc: Text[n]) -> Text {
      call summarize(doc)
    }
    """)

_row("E0305", "a primitive or built-in function given as a function", """
    What is given for a function parameter is the name of a function or a lambda. For a primitive write the lambda, so
    that the `call` is seen: `|a, b| call unite(a, b)`. Built-in functions work on several types; the lambda says on
    which.
    """, """
    primitive shorten(doc: Text[n]) -> Text[50] {
      prompt: "Shorten: {doc}"
    }

    fn each(docs: List[Text[m], n], f: fn(Text) -> Text) -> List[Text] {
      for doc in docs { f(doc) }
    }

    fn main(docs: List[Text[m], n]) -> List[Text] {
      each(docs, shorten)
    }
    """)

_row("E0306", "`else` after something that cannot fail", """
    `else` gives what is used when a call, a tool or a vote fails after all attempts. A function does not fail as such:
    write the `else` at the call within it.
    """, """
    fn twice(n: Int) -> Int {
      2 * n
    }

    fn main(n: Int) -> Int {
      twice(n) else 0
    }
    """)

_row("E0307", "a vote that cannot be won", """
    A lead is at least 1, and there are at least as many samples as the lead; `vote of m` takes at least one sample.
    """, """
    primitive answer(question: Text[n]) -> Text[5] {
      prompt: "{question}"
    }

    fn main(question: Text[n]) -> Text {
      vote lead 3 up to 2 { call answer(question) }
    }
    """)

_row("E0308", "a choice by an unknown metric", """
    `choose least` names one of the metrics: calls, input_tokens, output_tokens, dollars, forward, attention, rounds,
    latency, context, width, tool_calls, unreliability.
    """, """
    fn main(n: Int) -> Int {
      choose least cost { plain: n  other: n + 1 }
    }
    """)

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
    The `where` of a function says for which sizes it may be called, and so do sizes and ranges in its parameters:
    `Text[4000]`, `Int[0..50]`. At this call they can only be others.
    """, """
    fn top(items: List[Int, n]) -> Int where n >= 1 {
      first(items)
    }

    fn main() -> Int {
      top([])
    }
    """)

_row("E0405", "recursion that ends, without a closed form", """
    The recursion ends, for sizes shrink in the order of a dictionary: the first, or the second while the first stays.
    But a call goes on from a number that the recursion itself computes, and nothing bounds how large that is; such
    functions (Ackermann's is one) grow beyond every formula. So a cost could be neither told nor promised. Bound what
    is passed on, or pass on something that the arguments tell.
    """, """
    fn main(m: Int, n: Int) -> Int where m >= 0, n >= 0 {
      if m == 0 { n + 1 } else if n == 0 { main(m - 1, 1) } else { main(m - 1, main(m, n - 1)) }
    }
    """)

_row("E0406", "a size that is too large to write out", """
    Sizes and costs are exact, so a power such as `2 ** n` with a number of many digits in the place of n would be a
    number of millions of digits. Here that happens, mostly because of a number that was meant to be smaller.
    """, """
    fn main(n: Int) -> List[Int, 2 ** n] where n >= 0 {
      if n == 0 { [1] } else { main(n - 99999999999) ++ main(n - 1) }
    }
    """)

_row("E0407", "a `decreases` that does not hold", """
    `decreases` names a size that shrinks on every recursive call, down to some number. Here it is not found to shrink
    (another size may): name that one, or a formula such as `high - low`, or leave the clause out where the compiler
    finds a size itself. In a recursion through several functions it has to shrink from one call of the function that
    declares it to the next.
    """, """
    fn main(n: Int, k: Int) -> Int where n >= 0, k >= 0 decreases k {
      if n == 0 { k } else { main(n - 1, k) }
    }
    """)

_row("E0408", "an operation that certainly fails", """
    Some operations have no result: an index that is negative or beyond the end, a division by zero, chunks of size 0,
    the first of no elements. A run stops at them. Here the numbers are known, so that every run that gets here would.
    """, """
    fn main(doc: Text[n]) -> List[Text] {
      chunks(doc, 0)
    }
    """)

_row("E0411", "an answer without a size", """
    What a model or tool answers has a bounded size: `Text[120]` for at most 120 tokens, `List[Text[8], 10]` for at
    most 10 elements. The runtime enforces the bound, and everything that is computed about costs builds on it. The
    size may depend on the parameters: `Text[n + 50]`.
    """, """
    primitive topics(doc: Text[n]) -> List[Text[8]] {
      prompt: "List the topics of this text: {doc}"
    }

    fn main(doc: Text[n]) -> List[Text] {
      call topics(doc)
    }
    """)

_row("E0412", "a size that nothing names", """
    A size gets its name in a parameter: `doc: Text[n]` names the tokens of `doc`. It binds where it stands alone; in
    `Text[2 * n]`, in a result, in `where`, `decreases` and `within` it must be known already.
    """, """
    primitive shorten(doc: Text[n]) -> Text[m] {
      prompt: "Shorten: {doc}"
    }

    fn main(doc: Text[n]) -> Text {
      call shorten(doc)
    }
    """)

_row("E0413", "an expression that is no size", """
    Sizes, and conditions on them, are made of numbers, size variables, Int parameters, params, + - * / // % **, min,
    max, ceil, floor, log2; conditions also of comparisons, `and`, `or`, `not`. They are formulas and not computed by
    the program, so no values, calls or lists stand in them.
    """, """
    fn main(n: Int) -> Int where n {
      n
    }
    """)

_row("E0414", "a size with a name that is taken", """
    A report is a formula over sizes, so their names are unambiguous: none is also a value parameter's, a `param`'s, the
    size of a model (`m_fast`) or a size that was generated for a parameter without one (`n_doc`). Words of Python,
    which reads the formulas, are no names of sizes either.
    """, """
    param chunk: Int = 2000 in 1..10_000

    fn main(chunk: Int) -> Int {
      chunk
    }
    """)

_row("E0415", "a size or range that is empty or negative", """
    A size is a whole number of at least 0, and in `a..b` the first end is not above the second. The range of an Int
    has two ends: `Int[0..10]`.
    """, """
    fn main(grade: Int[10]) -> Int {
      grade
    }
    """)

_row("E0416", "a contract about an unknown metric", """
    `within` bounds one of the metrics: calls, input_tokens, output_tokens, dollars, forward, attention, rounds,
    latency, context, width, tool_calls, unreliability.
    """, """
    fn main(n: Int) -> Int within tokens <= 10 {
      n
    }
    """)

_row("E0418", "a specialisation without end", """
    Generic functions, and those that take functions, are compiled once for every combination of types and functions
    that they are used with. Here the function calls itself with ever new ones. Let the recursive call give on what it
    was given.
    """, """
    fn grow[T](x: T, depth: Int) -> Int {
      if depth <= 0 { 0 } else { grow((x, x), depth - 1) }
    }

    fn main(n: Int) -> Int {
      grow(1, n)
    }
    """)

# ---------------------------------------------------------------- E05xx: cost contracts, windows

_row("E0501", "a call that does not fit its model's window", """
    Prompt and answer together have to fit the context window of the model. At the sizes in question this call can
    need more. Split what goes into the prompt (`chunks`, `split`), cut it (`take`), or use a model with a larger
    window. Only `orch cost` reports this, for it depends on the sizes asked for.
    """)

_row("E0502", "a cost contract that does not hold", """
    `within` promises a bound on a metric for every size that the preconditions allow. At the sizes that the message
    names the upper bound is larger. Promise what the report says, tighten `where`, or make the program spend less.
    """, r'''
    model fast = "local/fast"

    primitive say(doc: Text[n]) -> Text[20] {
      prompt: "Say this.\n\n{doc}"
    }

    fn main(doc: Text[n]) -> Text[20] within calls <= 1 {
      call say(call say(doc))
    }
    ''')

_row("E0503", "a choice by a metric that is not known", """
    `choose least` compares what its alternatives cost, so prices and speeds have to be known: those of the model named
    in the message are neither in the program nor in the price table. Give the model `price_in` and `price_out` (or
    `ttft`, `prefill` and `decode` for the latency), or choose by calls or tokens.
    """)

# ---------------------------------------------------------------- E06xx: models, params, attributes

_row("E0601", "an attribute that does not exist", """
    Models, primitives and tools have fixed attributes; the message names the nearest one or all of them. What a
    provider may offer besides is not part of the language.
    """, """
    model fast = "local/fast" { temprature: 0 }

    fn main(n: Int) -> Int {
      n
    }
    """)

_row("E0602", "a primitive without a prompt", """
    The prompt is what is sent to the model; without it there is nothing to send.
    """, """
    primitive ask(question: Text[n]) -> Text[50] { error: 0.1 }

    fn main(question: Text[n]) -> Text {
      call ask(question)
    }
    """)

_row("E0603", "an attribute with a value that it cannot have", """
    Probabilities lie between 0 and 1; `attempts` and windows are whole numbers of at least 1, prices at least 0;
    prompts are texts in quotes; `python` is "module:function". Records have fields and enums have constants.
    """, """
    primitive ask(question: Text[n]) -> Text[50] {
      prompt: "{question}"
      error:  1.5
    }

    fn main(question: Text[n]) -> Text {
      call ask(question)
    }
    """)

_row("E0604", "an attribute given twice", """
    Each attribute is given once. Remove the one that is not meant.
    """, """
    model fast = "local/fast" { size: 1, size: 2 }

    fn main(n: Int) -> Int {
      n
    }
    """)

_row("E0605", "a model without a provider", """
    A model's name says who provides it: "openai/gpt-5-mini", "anthropic/claude-sonnet-4-5", "local/smollm2".
    """, """
    model fast = "gpt-5-mini"

    fn main(n: Int) -> Int {
      n
    }
    """)

_row("E0606", "a param whose default or range makes no sense", """
    A `param` has a whole number as its default, which lies within its range: `param chunk: Int = 2000 in 1..10_000`.
    """, """
    param chunk: Int = 50_000 in 1..10_000

    fn main(n: Int) -> Int {
      n + chunk
    }
    """)

_row("E0607", "`chance` where no Bool is answered", """
    The `chance` of a primitive is the probability that its answer is `true`. Other answers have none.
    """, """
    primitive grade(doc: Text[n]) -> Int[0..10] {
      prompt: "Grade this: {doc}"
      chance: 0.5
    }

    fn main(doc: Text[n]) -> Int {
      call grade(doc)
    }
    """)

# ---------------------------------------------------------------- E07xx: imports

_row("E0701", "an imported file that cannot be read", """
    The path is looked up from the folder of the file that imports, and has its ending: "./shared.orch".
    """, """
    import "./missing.orch" as missing

    fn main(n: Int) -> Int {
      missing.twice(n)
    }
    """)

_row("E0702", "files that import each other", """
    Following the imports leads back to the file where they began. Move what both files need into a third one.
    """)

_row("E0703", "a library that does not exist", """
    The standard library is `std`: `import std.reduce`, then `reduce.tree(...)`. Files of your own are imported in
    quotes: `import "./shared.orch" as shared`.
    """, """
    import std.reduction

    fn main(n: Int) -> Int {
      n
    }
    """)

_row("E0704", "an import without a usable name", """
    What a file declares is reached through the name of the import, which begins with a small letter. Where the
    file's own name is none, give it one: `import "./2nd-try.orch" as second`.
    """)

_row("E0705", "a name that the imported file does not declare", """
    `shared.thing` is what the file imported as `shared` declares at its top. What that file itself imports is not
    handed on.
    """)

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

_row("E0806", "a size that is needed", """
    The answer depends on a symbol that has no value: a size of the input, a price or a speed of a model. Sizes and
    others are given with `--at n=100000,m=50`; prices and speeds may stand in the program, too
    (`model fast = "..." { price_in: 0.15, ttft: 0.4 }`).
    """)

_row("E0807", "a metric or constraint that cannot be read", """
    `orch tune` minimises a metric (`--minimise dollars`), its upper bound unless `expected(dollars)` or
    `lower(dollars)` is asked for. A constraint compares a metric, or `reliability` (the probability that no answer
    used was wrong), with a number or a formula in the sizes: `--subject 'context <= 8000'`,
    `--subject 'reliability >= 0.95'`, `--subject 'expected(calls) <= 2*n'`.
    """)

_row("E0808", "nothing to tune", """
    `orch tune` looks for the best values of the program's `param`s. This program has none, or all are set, or none of
    them has an influence on what is minimised or on a constraint. Write `param chunk: Int = 2000 in 256..32000` and
    use it.
    """)

_row("E0809", "constraints that no values satisfy", """
    No values of the params in their ranges satisfy all constraints at these sizes. The report tells the values that
    come closest, and by how much each constraint is broken there. Widen a range, or relax a constraint.
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

_row("E0813", "a budget in dollars without prices", """
    `--budget-dollars` needs the prices of every model that the run can call, for it sets aside what a call can cost at
    most before it is sent. Give the model `price_in` and `price_out` (dollars per million tokens), bind its name to a
    model of the price table with --model, or use --budget-calls or --budget-tokens.
    """)

_row("E0830", "a journal or cache that cannot be used", """
    The file is locked by a run that is going on, may not be written, is damaged, is no journal, or its disk is full.
    What was written before holds: a run that stopped for this reason goes on with --resume once the file can be used.
    """)

_row("E0831", "a journal of another run", """
    `--resume` goes on with the run that was begun in the journal, which must be the same: the same entry, arguments,
    params, models, backend and seed, and the same declarations wherever the run can reach them. The message tells what
    differs. Comments and layout may change, and so may how fast models may be asked (`rpm`, `tpm`).
    """)

_row("E0832", "a call that a replay has no answer to", """
    `--backend replay` takes every answer from the journal and sends nothing. The run in the journal did not come to
    this call, or was ended while it was in flight. Go on with it by its own backend and --resume; then it can be
    replayed.
    """)

_row("E0833", "telemetry that cannot be sent", """
    `--otel` needs OpenTelemetry's packages, which `pip install 'orch-lang[otel]'` brings, and an exporter: OTLP, to the
    address in OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_TRACES_EXPORTER=console.
    """)

_row("E0812", "a model that cannot be reached", """
    The backend could not be used at all: a key is missing from the environment, a package or file is not there, or no
    such provider is known. `--backend sim` runs any program without a model.
    """)

_row("E0820", "equations that cannot be read", """
    `orch solve` reads equations such as `T(n) = 0 if n <= 1` and `T(n) = 2*T(floor(n/2)) + n`, one a line or separated
    by `;`, with the functions floor, ceiling, Max, Min, Mod, Sum, log, sqrt, factorial, binomial, Choice and Choose,
    and `where n >= 1` for the domain.
    """)

_row("E0898", "a fault in Orch itself", """
    This is a bug in Orch and not in your program. With ORCH_DEBUG=1 in the environment the command shows where it
    happened; that, and the program, are what a bug report needs.
    """)

_row("E0899", "interrupted", """
    The command was stopped from outside (Ctrl-C). Nothing is left running.
    """)

# ---------------------------------------------------------------- E09xx: not supported yet

_row("E0901", "a record that contains itself", """
    Records of any depth would have no size that the analysis could name; they are not supported yet. Keep the parts in
    a list, and refer to them by their place in it.
    """, """
    type Tree { label: Text[5], children: List[Tree] }

    fn main(n: Int) -> Int {
      n
    }
    """)

_row("E0902", "a param that is no Int", """
    A `param` is a symbol of the formulas, which are over whole numbers; other types are not supported yet.
    """, """
    param share: Float = 0.5

    fn main(n: Int) -> Int {
      n
    }
    """)

_row("E0900", "something that comes in a later version", """
    The command or option is part of the plan, and named in the command line's description, but does not work
    yet. Leave it out.
    """)

# ---------------------------------------------------------------- W01xx: names and answers

_row("W0101", "a name that is never used", """
    Often a slip: another name was meant further down, or something is left over. Remove it; where a pattern or
    a parameter list needs a place for it, write `_`, or begin its name with `_`.
    """, """
    fn main(n: Int) -> Int {
      let twice = 2 * n
      n
    }
    """)

_row("W0102", "an answer that is ignored", """
    The call is paid for, and nothing is done with its answer. Use it, or remove the call; if it is meant so, write
    `let _ = call ...`.
    """, """
    primitive ask(question: Text[n]) -> Text[50] {
      prompt: "{question}"
    }

    fn main(question: Text[n]) -> Text {
      call ask(question)
      question
    }
    """)

_row("W0103", "an arm that is never reached", """
    The arms of a `match` are tried from the top, and those above take every value that this one would take.
    """, """
    fn main(xs: List[Int, n]) -> Int {
      match xs {
        [] -> 0,
        [x, ..] -> x,
        [x, y] -> x + y
      }
    }
    """)

_row("W0104", "a value that is not used", """
    The value of a block is that of its last line; those of the lines before are dropped unless `let` gives them a name.
    """, """
    fn main(n: Int) -> Int {
      n + 1
      n
    }
    """)

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
    `up to k` after the initial value a `repeat` ends after k rounds, whatever the model answers. Where the number of
    rounds is itself an answer, give it a range, `-> Int[0..10]`, or take `min(k, 10)`.
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

_row("W0205", "a prompt without a bound", """
    Nothing limits how long this prompt can get, so the worst case is unbounded: the report's upper bounds are oo.
    Mostly a list or a text in it is as long as a number that a model answered. Give that a range, `-> Int[0..10]`, or
    take `min(k, 10)`.
    """, """
    primitive count(text: Text[n]) -> Int {
      prompt: "How many chapters has this? {text}"
    }

    primitive pick(numbers: List[Int]) -> Int {
      prompt: "Which of these? {numbers}"
    }

    fn main(text: Text[n]) -> Int {
      call pick(range(call count(text)))
    }
    """)

_row("W0204", "a call in a loop that does not depend on it", """
    Every round asks the same question anew: nothing in the prompt comes from the element or from earlier rounds. Asked
    once before the loop it costs one call instead of one for each element. A loop over `range` that samples several
    answers on purpose is not meant, nor a `vote`.
    """, r"""
    model fast = "local/fast"

    primitive topic(text: Text[n]) -> Text[10] {
      prompt: "What is this about?\n\n{text}"
    }

    primitive fits(comment: Text[m], about: Text[k]) -> Bool {
      prompt: "Is this about {about}?\n\n{comment}"
    }

    fn main(text: Text[n], comments: List[Text[m], c]) -> List[Bool] {
      par for comment in comments { call fits(comment, call topic(text)) }
    }
    """)

# ---------------------------------------------------------------- W05xx: contracts

_row("W0501", "a cost contract that could not be decided", """
    The compiler could neither prove the bound that `within` promises nor find sizes that break it; it says how far it
    tried. A simpler bound, or one closer to the formula of the report, is easier to prove.
    """)

# ---------------------------------------------------------------- W04xx: sizes

_row("W0402", "a claimed size that could not be proven", """
    The compiler could neither prove that the result is never larger than its type claims nor find sizes at which it is.
    The analysis goes on with the size that it inferred, which may be larger; the report stays true.
    """)

# ---------------------------------------------------------------- W03xx: prompts

_row("W0811", "a budget that may be reached", """
    What the run can take at most, if every attempt of every call is spent, is more than the budget allows. It stops
    before a call that could exceed it. With `--journal` what was paid is kept, and `--resume` with a larger budget goes
    on from there.
    """)

_row("W0802", "a trace that is not complete", """
    The file that `--trace` names took no more, most often because the disk is full. The run went on and is whole; the
    trace ends early.
    """)

_row("W0301", "a prompt that is the same every time", """
    The primitive has parameters, but no placeholder in its prompt, so the model never sees them. Write {doc} where the
    argument belongs.
    """, """
    primitive summarize(doc: Text[n]) -> Text[100] {
      prompt: "Summarise this text."
    }

    fn main(doc: Text[n]) -> Text {
      call summarize(doc)
    }
    """)
