"""Values while a program runs: texts that carry their token counts, and lists that are cheap to take apart.

In: numbers, texts and tuples. Out: the same, joined and cut. Counts are never taken anew here: joining adds them, and
whoever cuts says what the parts count (LANGUAGE.md, section 3). Nothing here reads types: `convert` does.

| type | value |
|---|---|
| Int, Bool | int, bool |
| Float | float, or int or Fraction where it is exact |
| Text | `Text` |
| enum | str, the name of the constant |
| list | tuple, or `Seq` where it is long |
| tuple, record | tuple, the fields in declared order |

A long list is a view of a tuple or a concatenation that is laid out when somebody looks inside, so that neither
`[x, ..rest]` nor `[x] ++ f(rest)` over n elements costs n**2. Texts are ropes for the same reason (Boehm, Atkinson
and Plass, "Ropes: an alternative to strings", 1995); nothing is balanced, since a rope is read as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from operator import is_
from typing import Any, Final

__all__ = [
    "EMPTY",
    "SHORT",
    "Cuts",
    "Seq",
    "Text",
    "canonical",
    "chain",
    "concat",
    "concat_all",
    "items",
    "make_list",
    "plain",
    "same_values",
    "section",
]

#: Lists up to this length are plain tuples: copying them costs less than a view.
SHORT: Final = 32

#: Texts up to this many characters are joined at once: a rope would be larger than what it saves.
_BRIEF: Final = 200

#: Where the tokens of a text end: offsets in a base text, index of its first token there, how many, and the offset of
#: its first character.
Cuts = tuple[Sequence[int], int, int, int]


class Text:
    """A text and its count of tokens. The characters may be made when they are first looked at.

    `source` gives the characters of a text that has none yet: two or more texts to join, or a function of the count.
    """

    __slots__ = ("_source", "_string", "cuts", "tokens")

    def __init__(
        self,
        string: str | None,
        tokens: int,
        source: tuple[Text, ...] | Callable[[int], str] | None = None,
        cuts: Cuts | None = None,
    ) -> None:
        self._string = string
        self.tokens = tokens
        self._source = source
        self.cuts = cuts

    @property
    def string(self) -> str:
        """The characters."""
        string = self._string
        return string if string is not None else self._lay_out()

    @property
    def known(self) -> str | None:
        """The characters if they have been made, else None."""
        return self._string

    def _lay_out(self) -> str:
        pieces: list[str] = []
        stack: list[Text] = [self]
        while stack:
            text = stack.pop()
            string, source = text._string, text._source
            if string is not None:
                pieces.append(string)
            elif isinstance(source, tuple):
                stack.extend(reversed(source))
            elif source is not None:
                pieces.append(source(text.tokens))
        string = self._string = "".join(pieces)
        self._source = None
        return string

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and (self is other or self.string == other.string)

    def __hash__(self) -> int:
        return hash(self.string)

    def __lt__(self, other: Text) -> bool:
        return self.string < other.string

    def __le__(self, other: Text) -> bool:
        return self.string <= other.string

    def __gt__(self, other: Text) -> bool:
        return self.string > other.string

    def __ge__(self, other: Text) -> bool:
        return self.string >= other.string

    def __repr__(self) -> str:
        return f"Text({self.string!r}, {self.tokens})"


EMPTY: Final = Text("", 0)


def concat(a: Text, b: Text) -> Text:
    """`a ++ b`; the counts add up."""
    left, right = a._string, b._string
    if left is not None and right is not None and len(left) + len(right) <= _BRIEF:
        return Text(left + right, a.tokens + b.tokens)
    return Text(None, a.tokens + b.tokens, (a, b))


def concat_all(texts: Sequence[Text]) -> Text:
    """The texts one after another; the counts add up."""
    if not texts:
        return EMPTY
    if len(texts) == 1:
        return texts[0]
    return Text(None, sum([text.tokens for text in texts]), tuple(texts))


class Seq:
    """A list of more than a few elements: a view of a tuple, or a concatenation that has not been laid out.

    `notes` belongs to the tuple and is shared by all its views: what was found out about all elements, for a quick yes.
    """

    __slots__ = ("_base", "_left", "_right", "_start", "_stop", "notes")

    def __init__(self, base: tuple[Any, ...] | None, start: int, stop: int, notes: dict[Any, Any]) -> None:
        self._base = base
        self._start = start
        self._stop = stop
        self.notes = notes
        self._left: tuple[Any, ...] | Seq | None = None
        self._right: tuple[Any, ...] | Seq | None = None

    def __len__(self) -> int:
        return self._stop - self._start

    def flat(self) -> tuple[Any, ...]:
        """The elements as a tuple."""
        base = self.base
        return base if len(base) == self._stop - self._start else base[self._start : self._stop]

    @property
    def base(self) -> tuple[Any, ...]:
        """The tuple that this is a part of."""
        base = self._base
        return base if base is not None else self._lay_out()

    def _lay_out(self) -> tuple[Any, ...]:
        out: list[Any] = []
        stack: list[tuple[Any, ...] | Seq] = [self]
        while stack:
            xs = stack.pop()
            if type(xs) is tuple:
                out += xs
                continue
            assert isinstance(xs, Seq)
            if xs._base is not None:
                out += xs._base[xs._start : xs._stop]
            else:
                assert xs._left is not None and xs._right is not None
                stack.append(xs._right)
                stack.append(xs._left)
        base = self._base = tuple(out)
        self._left = self._right = None
        return base

    def at(self, i: int) -> Any:
        """The element at i, which must be within."""
        return self.base[self._start + i]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.flat())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Seq):
            return self is other or self.flat() == other.flat()
        return isinstance(other, tuple) and self.flat() == other

    def __hash__(self) -> int:
        return hash(self.flat())

    def __lt__(self, other: tuple[Any, ...] | Seq) -> bool:
        return self.flat() < items(other)

    def __le__(self, other: tuple[Any, ...] | Seq) -> bool:
        return self.flat() <= items(other)

    def __gt__(self, other: tuple[Any, ...] | Seq) -> bool:
        return self.flat() > items(other)

    def __ge__(self, other: tuple[Any, ...] | Seq) -> bool:
        return self.flat() >= items(other)

    def __repr__(self) -> str:
        return repr(self.flat())


def items(xs: tuple[Any, ...] | Seq) -> tuple[Any, ...]:
    """The elements of a list as a tuple, to go through."""
    return xs if isinstance(xs, tuple) else xs.flat()


def make_list(xs: Sequence[Any]) -> tuple[Any, ...] | Seq:
    """A list value of these elements."""
    n = len(xs)
    return tuple(xs) if n <= SHORT else Seq(tuple(xs), 0, n, {})


def section(xs: tuple[Any, ...] | Seq, start: int, stop: int) -> tuple[Any, ...] | Seq:
    """The elements from start to stop (0 <= start <= stop <= len(xs)), without a copy where there are many."""
    if type(xs) is tuple:
        if stop - start <= SHORT:
            return xs[start:stop]
        return xs if start == 0 and stop == len(xs) else Seq(xs, start, stop, {})
    assert isinstance(xs, Seq)
    base = xs.base
    offset = xs._start
    if stop - start <= SHORT:
        return base[offset + start : offset + stop]
    return Seq(base, offset + start, offset + stop, xs.notes)


def chain(xs: tuple[Any, ...] | Seq, ys: tuple[Any, ...] | Seq) -> tuple[Any, ...] | Seq:
    """`xs ++ ys`"""
    n, m = len(xs), len(ys)
    if not n:
        return ys
    if not m:
        return xs
    if n + m <= SHORT:
        return items(xs) + items(ys)
    joined = Seq(None, 0, n + m, {})
    joined._left, joined._right = xs, ys
    return joined


def plain(value: Any) -> Any:
    """A value as plain Python data, for a trace: texts as strings, lists, tuples and records as lists."""
    if isinstance(value, Text):
        return value.string
    if isinstance(value, tuple | Seq):
        return [plain(x) for x in items(value)]
    return float(value) if isinstance(value, Fraction) else value


def same_values(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two rows of values of the same length hold the very same ones; False does not say that they differ."""
    return all(map(is_, one, other))


def canonical(value: Any) -> Any:
    """What a vote compares: equal values, and texts that differ in white space alone, have equal canonical forms."""
    if isinstance(value, Text):
        return " ".join(value.string.split())
    if isinstance(value, tuple | Seq):
        return tuple([x if type(x) in _ATOMS else canonical(x) for x in value])
    return value


_ATOMS: Final = frozenset((str, int, bool, float))
