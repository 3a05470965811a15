"""The built-in functions of section 4 on values, each with the size rule that LANGUAGE.md gives it.

In: values and a tokenizer. Out: values whose counts follow the rule, whatever the tokenizer would count: the parts of
a `split` of n tokens have ceil(n/k) or floor(n/k). Where the characters are cut is another matter: at the token, or at
the end of a word close by. What cannot be done raises `Misuse`; the machine knows the place.

A Float that comes from whole numbers and literals is a Fraction, so that `ceil(n * 0.1)` is what the analysis says; it
becomes a Python float where it must (a logarithm, an answer) or where its denominator grows beyond reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from .convert import scalar_count, scalar_text
from .tokens import Tokenizer
from .values import EMPTY, Seq, Text, concat_all, items, make_list, section

__all__ = ["Builtins", "Misuse"]

List = tuple[Any, ...] | Seq

#: Characters that a cut may move so as not to divide a word.
_REACH: Final = 24

#: Parts of fewer tokens than this are cut at the token: moving a cut could leave nothing of them.
_SMALLEST_MOVED: Final = 6

#: Bits of a Float's denominator up to which it is kept exact, and exponents up to which a power is.
_LONGEST_DENOMINATOR: Final = 256
_LARGEST_EXPONENT: Final = 256

#: Bits of the largest Int that `**` makes; more is a mistake and would take all memory.
_LARGEST_POWER: Final = 4_000_000


class Misuse(Exception):
    """A built-in function or operator was given what it has no result for. The message is a sentence."""


class Builtins:
    """The built-in functions. Pure; one object for a run because texts are cut by its tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    # ------------------------------------------------------------ numbers

    @staticmethod
    def real(x: Any) -> Any:
        """The result of an operation on Floats: exact as long as that is cheap."""
        return _as_float(x) if type(x) is Fraction and x.denominator.bit_length() > _LONGEST_DENOMINATOR else x

    @staticmethod
    def divide(a: Any, b: Any) -> Any:
        if b == 0:
            raise Misuse("division by zero")
        if isinstance(a, float) or isinstance(b, float):
            return _as_float(a) / _as_float(b)
        return Builtins.real(Fraction(a) / b)

    @staticmethod
    def floor_divide(a: Any, b: Any) -> Any:
        if b == 0:
            raise Misuse("division by zero")
        return a // b

    @staticmethod
    def modulo(a: Any, b: Any) -> Any:
        if b == 0:
            raise Misuse("division by zero")
        return a % b

    @staticmethod
    def int_power(a: int, b: int) -> int:
        if b < 0:
            raise Misuse(f"the exponent {b} of an Int is negative")
        if a not in (-1, 0, 1) and a.bit_length() * b > _LARGEST_POWER:
            raise Misuse("the power is too large to compute")
        return int(a**b)

    @staticmethod
    def float_power(a: Any, b: Any) -> Any:
        try:
            if type(a) is not float and int(b) == b and a and abs(b) <= _LARGEST_EXPONENT:
                return Builtins.real(Fraction(a) ** int(b))
            value = _as_float(a) ** _as_float(b)
        except ZeroDivisionError:
            raise Misuse("zero has no negative power") from None
        except OverflowError:
            raise Misuse("the power is too large for a Float") from None
        if isinstance(value, complex):
            raise Misuse("a negative number has no broken power")
        return value

    @staticmethod
    def ceil(x: Any) -> int:
        whole: int = math.ceil(_finite(x))
        return whole

    @staticmethod
    def floor(x: Any) -> int:
        whole: int = math.floor(_finite(x))
        return whole

    @staticmethod
    def log2(x: Any) -> Any:
        """Exact for a power of two."""
        if x <= 0:
            raise Misuse(f"log2 of {scalar_text(x)}, which is not above 0")
        if x == 1 << (int(x).bit_length() - 1 if x >= 1 else 0):
            return Fraction(int(x).bit_length() - 1)
        return math.log2(x)

    @staticmethod
    def to_float(x: Any) -> Any:
        if not isinstance(x, Text):
            return x
        try:
            return _finite(float(x.string))
        except ValueError:
            raise Misuse(f'"{_shown(x)}" is no number') from None

    @staticmethod
    def to_int(x: Any) -> int:
        """A Text in decimal digits; a Float loses what is behind its point."""
        if isinstance(x, Text):
            try:
                return int(x.string)
            except ValueError:
                raise Misuse(f'"{_shown(x)}" is no whole number') from None
        return int(_finite(x))

    @staticmethod
    def sum(xs: List) -> Any:
        return Builtins.real(sum(items(xs)))

    @staticmethod
    def smallest(xs: List) -> Any:
        if not len(xs):
            raise Misuse("min of an empty list")
        return min(items(xs))

    @staticmethod
    def largest(xs: List) -> Any:
        if not len(xs):
            raise Misuse("max of an empty list")
        return max(items(xs))

    # ------------------------------------------------------------ lists

    @staticmethod
    def at(xs: List, i: int) -> Any:
        n = len(xs)
        if not 0 <= i < n:
            raise Misuse(f"the index {i} is negative" if i < 0 else f"the index {i} is beyond the end of a list of {n}")
        return xs[i] if type(xs) is tuple else xs.at(i)  # type: ignore[union-attr]

    @staticmethod
    def first(xs: List) -> Any:
        if not len(xs):
            raise Misuse("first of an empty list")
        return xs[0] if type(xs) is tuple else xs.at(0)  # type: ignore[union-attr]

    @staticmethod
    def last(xs: List) -> Any:
        n = len(xs)
        if not n:
            raise Misuse("last of an empty list")
        return xs[-1] if type(xs) is tuple else xs.at(n - 1)  # type: ignore[union-attr]

    @staticmethod
    def rest(xs: List) -> List:
        n = len(xs)
        return section(xs, 1, n) if n else xs

    @staticmethod
    def take(xs: List, k: int) -> List:
        return section(xs, 0, max(0, min(k, len(xs))))

    @staticmethod
    def drop(xs: List, k: int) -> List:
        n = len(xs)
        return section(xs, max(0, min(k, n)), n)

    @staticmethod
    def slice(xs: List, i: int, j: int) -> List:
        n = len(xs)
        start = max(0, min(i, n))
        return section(xs, start, max(start, min(j, n)))

    def slice_from(self, xs: List, i: int) -> List:
        return self.drop(xs, i)

    @staticmethod
    def reverse(xs: List) -> List:
        return make_list(items(xs)[::-1])

    @staticmethod
    def zip(xs: List, ys: List) -> List:
        return make_list(list(zip(items(xs), items(ys), strict=False)))

    @staticmethod
    def enumerate(xs: List) -> List:
        return make_list(list(enumerate(items(xs))))

    @staticmethod
    def flatten(xss: List) -> List:
        return make_list([x for xs in items(xss) for x in items(xs)])

    @staticmethod
    def unique(xs: List) -> List:
        return make_list(list(dict.fromkeys(items(xs))))

    @staticmethod
    def sorted(xs: List) -> List:
        return make_list(sorted(items(xs)))

    @staticmethod
    def sorted_by(xs: List, keys: List) -> List:
        """Sorted by keys that were computed before; equal keys keep their order."""
        values, by = items(xs), items(keys)
        return make_list([values[i] for i in sorted(range(len(values)), key=by.__getitem__)])

    @staticmethod
    def replace_at(xs: List, i: int, value: Any) -> List:
        n = len(xs)
        if not 0 <= i < n:
            raise Misuse(f"the index {i} is negative" if i < 0 else f"the index {i} is beyond the end of a list of {n}")
        changed = list(items(xs))
        changed[i] = value
        return make_list(changed)

    @staticmethod
    def range(a: int, b: int | None = None) -> List:
        start, stop = (0, a) if b is None else (a, b)
        if stop - start > 100_000_000:
            raise Misuse(f"a range of {stop - start} elements is too long to hold")
        return make_list(range(start, stop))

    @staticmethod
    def contains(xs: List, x: Any) -> bool:
        return x in items(xs)

    def split(self, xs: List, k: int) -> List:
        return make_list([section(xs, a, b) for a, b in _split(len(xs), k)])

    def halve(self, xs: List) -> tuple[List, List]:
        n = len(xs)
        middle = n - n // 2
        return section(xs, 0, middle), section(xs, middle, n)

    def chunks(self, xs: List, s: int) -> List:
        return make_list([section(xs, a, b) for a, b in _chunks(len(xs), s)])

    def windows(self, xs: List, s: int, step: int) -> List:
        return make_list([section(xs, a, b) for a, b in _windows(len(xs), s, step)])

    # ------------------------------------------------------------ texts

    def say(self, value: Any) -> Text:
        """The text form of a scalar; it counts 1 to 8 tokens."""
        try:
            return Text(scalar_text(value), scalar_count(value, self._tokenizer))
        except ValueError:
            raise Misuse("a number of more than 4,000 digits cannot be written out") from None

    @staticmethod
    def join(texts: List, separator: Text) -> Text:
        parts = items(texts)
        if len(parts) < 2 or (not separator.tokens and not separator.string):
            return concat_all(parts)
        woven = [separator] * (2 * len(parts) - 1)
        woven[::2] = parts
        return concat_all(woven)

    @staticmethod
    def text_contains(text: Text, part: Text) -> bool:
        return part.string in text.string

    def trim(self, text: Text) -> Text:
        string = text.string
        trimmed = string.strip()
        if len(trimmed) == len(string):
            return text
        return Text(trimmed, min(text.tokens, self._tokenizer.count(trimmed)))

    def text_take(self, text: Text, k: int) -> Text:
        n = text.tokens
        k = max(0, min(k, n))
        return self._cut(text, [(0, k)], min(k, n - k))[0] if k else EMPTY

    def text_drop(self, text: Text, k: int) -> Text:
        n = text.tokens
        k = max(0, min(k, n))
        return self._cut(text, [(k, n)], min(k, n - k))[0]

    def text_slice(self, text: Text, i: int, j: int) -> Text:
        n = text.tokens
        start = max(0, min(i, n))
        stop = max(start, min(j, n))
        return self._cut(text, [(start, stop)], stop - start)[0] if start < stop else EMPTY

    def text_slice_from(self, text: Text, i: int) -> Text:
        return self.text_drop(text, i)

    def text_split(self, text: Text, k: int) -> List:
        return make_list(self._cut(text, _split(text.tokens, k), text.tokens // k if k > 0 else 0))

    def text_halve(self, text: Text) -> tuple[Text, Text]:
        n = text.tokens
        middle = n - n // 2
        first, second = self._cut(text, [(0, middle), (middle, n)], n // 2)
        return first, second

    def text_chunks(self, text: Text, s: int) -> List:
        return make_list(self._cut(text, _chunks(text.tokens, s), s))

    def text_windows(self, text: Text, s: int, step: int) -> List:
        return make_list(self._cut(text, _windows(text.tokens, s, step), min(s, step)))

    def cut_to(self, text: Text, most: int) -> Text:
        """The text, cut at the token if it has more than `most`: an answer that is longer than its size."""
        return text if text.tokens <= most else self._cut(text, [(0, most)], 0)[0]

    def lines(self, text: Text) -> List:
        return self._parts(text, [line.rstrip() for line in text.string.splitlines()], "\n")

    def words(self, text: Text) -> List:
        return self._parts(text, text.string.split(), " ")

    def sentences(self, text: Text) -> List:
        return self._parts(text, _sentences(text.string), " ")

    def paragraphs(self, text: Text) -> List:
        return self._parts(text, [part.strip() for part in _PARAGRAPH.split(text.string)], "\n\n")

    def pack(self, texts: List, s: int) -> List:
        """Neighbours joined greedily into parts of at most s tokens; what is longer is cut first.

        Two texts that would grow together get a line's end between them, which is not counted: it takes the place of
        the blank that was dropped when they were taken apart.
        """
        if s < 1:
            raise Misuse(f"pack into parts of {s} tokens: the size is below 1")
        out: list[Text] = []
        part: list[Text] = []
        held = 0
        for text in items(texts):
            pieces = (text,) if text.tokens <= s else self._cut(text, _chunks(text.tokens, s), s)
            for i, piece in enumerate(pieces):
                if part and held + piece.tokens > s:
                    out.append(concat_all(part))
                    part, held = [], 0
                if part and not i and _grow_together(part[-1].string, piece.string):
                    part.append(_LINE_END)
                part.append(piece)
                held += piece.tokens
        if held:
            out.append(concat_all(part))
        return make_list(out)

    # ------------------------------------------------------------ cutting

    def _cut(self, text: Text, ranges: Sequence[tuple[int, int]], smallest: int) -> list[Text]:
        """The parts of a text from token to token. `smallest` tells how far a cut may move: not at all below a few.

        A boundary depends on the text, the token and `smallest` alone and never falls, so that neighbours fit together.
        """
        n = text.tokens
        string = text.string
        if all(a == b or (a == 0 and b == n) for a, b in ranges):
            return [text if a < b else EMPTY for a, b in ranges] if n else self._cut_nothing(text, ranges)
        ends, first, count, offset = text.cuts or (self._tokenizer.cut_points(string), 0, -1, 0)
        if count < 0:
            count = len(ends)
            text.cuts = (ends, first, count, offset)
        reach = _REACH if smallest >= _SMALLEST_MOVED else 0
        size = len(string)
        places: dict[int, tuple[int, int]] = {0: (0, 0), n: (count, size)}
        out: list[Text] = []
        for pair in ranges:
            for token in pair:
                if token not in places:
                    index = token if count == n else round(token * count / n)
                    at = ends[first + index - 1] - offset if index > 0 else 0
                    at = max(0, min(at, size))
                    places[token] = index, _end_of_word(string, at, reach) if reach else at
            a, b = pair
            if a == b:
                out.append(EMPTY)
                continue
            (i, start), (j, stop) = places[a], places[b]
            out.append(Text(string[start:stop], b - a, None, (ends, first + i, j - i, offset + start)))
        return out

    @staticmethod
    def _cut_nothing(text: Text, ranges: Sequence[tuple[int, int]]) -> list[Text]:
        """The parts of a text that counts nothing (but may hold characters): all of it is in the first."""
        return [text if i == 0 else EMPTY for i in range(len(ranges))]

    def _parts(self, text: Text, strings: list[str], glue: str) -> List:
        """Parts between which blanks were dropped: at most n of them, n tokens at most in all."""
        strings = [part for part in strings if part]
        most = text.tokens
        if len(strings) > most:
            if not most:
                return ()
            strings[most - 1 :] = [glue.join(strings[most - 1 :])]
        count = self._tokenizer.count
        counts = [max(1, count(part)) for part in strings]
        total = sum(counts)
        if total > most:
            # one for each, and of what is left shares by size: they add up to n
            spare, wanted = most - len(counts), total - len(counts)
            shared, seen = 0, 0
            for i, c in enumerate(counts):
                seen += c - 1
                share = seen * spare // wanted
                counts[i] = 1 + share - shared
                shared = share
        return make_list([Text(part, c) for part, c in zip(strings, counts, strict=True)])


_LINE_END: Final = Text("\n", 0)
_PARAGRAPH: Final = re.compile(r"\n[ \t\r\f\v]*\n\s*")
_SENTENCE_END: Final = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+[」』”’）]*|\n\s*\n")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|e\.g|i\.e|cf|No|Fig|Vol|pp?|ca|bzw|z\.B|d\.h)|\b[A-Z])\.$"
)


def _sentences(string: str) -> list[str]:
    """Sentences end at a full stop, question or exclamation mark before a blank, or with their paragraph."""
    out: list[str] = []
    start = 0
    for end in _SENTENCE_END.finditer(string):
        piece = string[start : end.end()]
        if end.group() == "." and _ABBREVIATION.search(piece[-12:]):
            continue
        out.append(piece.strip())
        start = end.end()
    out.append(string[start:].strip())
    return out


def _end_of_word(string: str, at: int, reach: int) -> int:
    """The place nearest to `at` where a word ends, if there is one within reach; the earlier of two."""
    size = len(string)
    for distance in range(reach + 1):
        for place in (at - distance, at + distance):
            if place <= 0 or place >= size:
                continue
            if string[place].isspace() and not string[place - 1].isspace():
                return place
    return at


def _grow_together(left: str, right: str) -> bool:
    return bool(left) and bool(right) and not left[-1].isspace() and not right[0].isspace()


def _split(n: int, k: int) -> list[tuple[int, int]]:
    if k < 1:
        raise Misuse(f"split into {k} parts")
    size, more = divmod(n, k)
    bounds = [i * size + min(i, more) for i in range(k + 1)]
    return list(pairwise(bounds))


def _chunks(n: int, s: int) -> list[tuple[int, int]]:
    if s < 1:
        raise Misuse(f"chunks of size {s}: the size is below 1")
    return [(a, min(a + s, n)) for a in range(0, n, s)]


def _windows(n: int, s: int, step: int) -> list[tuple[int, int]]:
    if s < 1:
        raise Misuse(f"windows of size {s}: the size is below 1")
    if step < 1:
        raise Misuse(f"windows with a step of {step}: the step is below 1")
    count = max(1, -(-(n - s) // step) + 1)
    return [(min(i * step, n), min(i * step + s, n)) for i in range(count)]


def _as_float(x: Any) -> float:
    try:
        return float(x)
    except OverflowError:
        raise Misuse("the number is too large for a Float") from None


def _finite(x: Any) -> Any:
    if isinstance(x, float) and not math.isfinite(x):
        raise Misuse(f"{x} is no finite number")
    return x


def _shown(text: Text) -> str:
    string = text.string
    return string if len(string) <= 40 else string[:37] + "..."
