"""Random programs of the language, for laws that must hold of every program.

Every program is closed, terminates and has sizes that the analysis can bound: recursion follows a few shapes (over a
list, by halves, by depth), all else is free. `deterministic` programs decide by sizes alone, so that the simulator's
largest answers must cost exactly the upper bound and its smallest ones the lower.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

__all__ = ["RandomProgram", "random_program"]


@dataclass
class RandomProgram:
    source: str
    arguments: dict[str, object]
    deterministic: bool


@dataclass
class _Writer:
    rng: random.Random
    deterministic: bool
    texts: list[str] = field(default_factory=list)  # names in scope
    lists: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    functions: list[tuple[str, str]] = field(default_factory=list)  # (name, kind)
    counter: int = 0
    mixed: bool = False

    def fresh(self, stem: str) -> str:
        self.counter += 1
        return f"{stem}{self.counter}"

    # ------------------------------------------------------------ expressions

    def text(self, depth: int) -> str:
        r = self.rng
        if depth <= 0:
            return r.choice([*self.texts, '"and so on"']) if self.texts else '"a note"'
        kind = r.randrange(13)
        match kind:
            case 0 | 1 | 2:
                return f"call {r.choice(['shorten', 'expand', 'exact'])}({self.text(depth - 1)})"
            case 3:
                return f"call unite({self.text(depth - 1)}, {self.text(depth - 1)})"
            case 4:
                return f'join({self.items(depth - 1)}, " ")'
            case 5:
                return f"take({self.text(depth - 1)}, {r.randrange(1, 12)})"
            case 6:
                return f"({self.text(depth - 1)} ++ {self.text(depth - 1)})"
            case 7:
                return (
                    f'"{{{r.choice(self.texts)}}}: {{{r.choice(self.texts)}}}"' if self.texts else self.text(depth - 1)
                )
            case 8:
                return self.branch(depth)
            case 9 if self.functions:
                return self.function_call(depth)
            case 10:
                return self.fold(depth)
            case 11:
                return self.repeat(depth)
            case _:
                return f"drop({self.text(depth - 1)}, {r.randrange(1, 5)})"

    def items(self, depth: int) -> str:
        r = self.rng
        if depth <= 0:
            return r.choice(self.lists) if self.lists else "[]"
        match r.randrange(9):
            case 0:
                return f"split({self.text(depth - 1)}, {r.randrange(1, 5)})"
            case 1:
                return f"chunks({self.text(depth - 1)}, {r.randrange(2, 9)})"
            case 2 | 3 | 4:
                return self.loop(depth)
            case 5:
                return f"({self.items(depth - 1)} ++ [{self.text(depth - 1)}])"
            case 6:
                return f"take({self.items(depth - 1)}, {r.randrange(1, 6)})"
            case 7:
                return f"reverse({self.items(depth - 1)})"
            case _:
                return f"drop({self.items(depth - 1)}, {r.randrange(1, 3)})"

    def number(self) -> str:
        r = self.rng
        options = [str(r.randrange(0, 5)), *(f"len({x})" for x in self.lists), *self.numbers]
        return r.choice(options)

    def condition(self) -> tuple[str, str]:
        """A condition and its chance clause."""
        r = self.rng
        if not self.deterministic and self.texts and r.random() < 0.5:
            return f"call good({r.choice(self.texts)})", r.choice(["", " chance 0.3"])
        return f"{self.number()} {r.choice(['<', '<=', '>', '=='])} {self.number()}", ""

    def branch(self, depth: int) -> str:
        c, chance = self.condition()
        return f"if {c}{chance} {{ {self.text(depth - 1)} }} else {{ {self.text(depth - 1)} }}"

    def loop(self, depth: int) -> str:
        r = self.rng
        word = r.choice(["for", "par for"])
        x = self.fresh("x")
        kind = r.randrange(4)
        if kind == 0:
            i = self.fresh("i")
            head = f"{word} ({i}, {x}) in enumerate({self.items(depth - 1)})"
            self.numbers.append(i)
        elif kind == 1:
            i = None
            head = f"{word} _ in range({self.number()})"
            body = self.text(depth - 1)
            return f"{head} {{ {body} }}"
        else:
            i = None
            head = f"{word} {x} in {self.items(depth - 1)}"
            if not self.deterministic and r.random() < 0.3:
                head += f" where call good({x}) chance 0.5"
        self.texts.append(x)
        body = self.text(depth - 1)
        self.texts.pop()
        if i is not None:
            self.numbers.pop()
        return f"({head} {{ {body} }})"

    def fold(self, depth: int) -> str:
        r = self.rng
        acc, x = self.fresh("acc"), self.fresh("x")
        source = self.items(depth - 1)
        # elements of several sizes: what the accumulator holds at each round is only bounded
        self.mixed = self.mixed or source != "items"
        initial = self.text(depth - 1)
        self.texts.extend([acc, x])
        body = r.choice(
            [
                f"{acc} ++ {x}",
                f"call shorten({acc} ++ {x})",
                f"call unite({acc}, {x})",
                f"{acc} ++ call exact({x})",
                f"call exact({acc}) ++ {x}",
            ]
        )
        self.texts = self.texts[:-2]
        return f"(fold {acc} = {initial} for {x} in {source} {{ {body} }})"

    def repeat(self, depth: int) -> str:
        if self.deterministic:
            return self.text(depth - 1)
        r = self.rng
        acc = self.fresh("acc")
        initial = self.text(depth - 1)
        body = r.choice([f"call shorten({acc})", f"call exact({acc})", f"{acc} ++ call exact({acc})"])
        return f"(repeat {acc} = {initial} up to {r.randrange(0, 4)} while call good({acc}) chance 0.4 {{ {body} }})"

    def function_call(self, depth: int) -> str:
        name, kind = self.rng.choice(self.functions)
        match kind:
            case "list":
                return f"{name}({self.items(0)}, {self.text(depth - 1)})"
            case "halves":
                return f"{name}({self.text(depth - 1)})"
            case _:
                return f"{name}({self.text(depth - 1)}, {self.rng.randrange(0, 4)})"

    # ------------------------------------------------------------ functions

    def define(self) -> str:
        r = self.rng
        name = self.fresh("f")
        kind = r.choice(["list", "halves", "depth"])
        saved = self.texts, self.lists, self.numbers
        match kind:
            case "list":
                self.texts, self.lists, self.numbers = ["x", "style"], ["others"], []
                step, base = self.text(1), r.choice(['""', "style"])
                self.texts = ["style"]
                source = (
                    f"fn {name}(xs: List[Text[m], k], style: Text[s]) -> Text {{\n  match xs {{\n    [] -> {base},\n"
                    f"    [x, ..others] -> {step} ++ {name}(others, style)\n  }}\n}}\n"
                )
            case "halves":
                self.texts, self.lists, self.numbers = ["doc"], [], []
                size = r.choice(["6", "limit"])
                word = r.choice(["for", "par for"])
                end = self.text(1)
                source = (
                    f"fn {name}(doc: Text[n]) -> Text {{\n  if n <= {size} {{\n    call shorten({end})\n  }} else {{\n"
                    f'    call shorten(join({word} part in split(doc, {r.choice(["2", "3"])}) {{ {name}(part) }}, ""))\n'
                    f"  }}\n}}\n"
                )
            case _:
                self.texts, self.lists, self.numbers = ["doc"], [], []
                end = self.text(1)
                ways = r.randrange(1, 3)
                branches = ", ".join([f"{name}(call shorten(doc), depth - 1)"] * 2) if ways == 2 else ""
                step = (
                    f"let (a, b) = par ({branches})\n    call unite(a, b)"
                    if ways == 2
                    else f"call shorten({name}(call exact(doc), depth - 1))"
                )
                source = (
                    f"fn {name}(doc: Text[n], depth: Int) -> Text {{\n  if depth <= 0 {{\n    call shorten({end})\n  }} "
                    f"else {{\n    {step}\n  }}\n}}\n"
                )
        self.texts, self.lists, self.numbers = saved
        self.functions.append((name, kind))
        return source


_HEAD = """\
model fast = "local/fast"

param limit: Int = {limit} in 3..50

primitive shorten(doc: Text[n]) -> Text[{short}] {{
  prompt: "Shorten this text.\\n\\n{{doc}}"
}}

primitive expand(doc: Text[n]) -> Text[n + {more}] {{
  prompt: "Add a sentence to this text.\\n\\n{{doc}}"
}}

primitive exact(doc: Text[n]) -> Text[{exact}..{exact}] {{
  prompt: "Say this in so many words.\\n\\n{{doc}}"
}}

primitive unite(a: Text[p], b: Text[q]) -> Text[{both}] {{
  prompt: "Unite the two.\\n\\n{{a}}\\n\\n{{b}}"
}}

primitive good(doc: Text[n]) -> Bool {{
  prompt: "Is this good?\\n\\n{{doc}}"
  chance: 0.5
}}

"""


def random_program(seed: int) -> RandomProgram:
    """The program of this seed."""
    rng = random.Random(seed)
    w = _Writer(rng, deterministic=rng.random() < 0.6)
    source = _HEAD.format(
        limit=rng.randrange(3, 12),
        short=rng.randrange(1, 9),
        more=rng.randrange(0, 5),
        exact=rng.randrange(0, 7),
        both=rng.randrange(2, 10),
    )
    for _ in range(rng.randrange(0, 3)):
        source += w.define() + "\n"
    w.texts, w.lists, w.numbers = ["doc"], ["items"], ["depth"]
    body = []
    for _ in range(rng.randrange(1, 4)):
        if rng.random() < 0.6:
            name = w.fresh("t")
            body.append(f"  let {name} = {w.text(rng.randrange(1, 4))}")
            w.texts.append(name)
        else:
            name = w.fresh("l")
            body.append(f"  let {name} = {w.items(rng.randrange(1, 3))}")
            w.lists.append(name)
    source += "fn main(doc: Text[n], items: List[Text[m], k], depth: Int) -> Text {\n" + "\n".join(body)
    source += f"\n  {w.text(2)}\n}}\n"
    words = ["one"] * rng.randrange(0, 30)
    arguments = {
        "doc": " ".join(words),
        "items": ["some words here"] * rng.randrange(0, 5),
        "depth": rng.randrange(0, 4),
    }
    return RandomProgram(source, arguments, w.deterministic and not w.mixed)
