"""The functions that compiled expressions call: exact where the value is rational, else floats or many digits.

In: ints, Fractions, floats (or mpmath numbers). Out: the same. An integer never becomes a float: a logarithm, root or
power that is rational comes out rational. `Exact` keeps fractions, `Floats` gives floats for what is not an integer,
`Digits` gives mpmath numbers of a chosen precision. Raises `Undefined` where a function has no value and `TooLarge`
where a number could not be written out. mpmath is imported only by those who ask for digits or for what needs them.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from .expr import Expr, integer_log, integer_root, max_, min_
from .votes import LeadLaw, voted_lead

__all__ = ["Digits", "EvaluationError", "Exact", "Floats", "TooLarge", "Undefined", "show_number"]

_CONSTANTS = {"pi": math.pi, "E": math.e, "GoldenRatio": (1 + math.sqrt(5)) / 2, "EulerGamma": 0.5772156649015329}
LARGEST_BITS = 1 << 26      # of an integer that a power or a factorial may produce


class EvaluationError(Exception):
    """A value that cannot be computed; the subclasses say why."""


class Undefined(EvaluationError):
    """A division by zero, a logarithm of 0, a sum to a half."""


class TooLarge(EvaluationError):
    """A number with more digits than can be handled, or beyond the range of floats."""


class Exact:
    """Rational arithmetic on ints and Fractions; what is irrational is a float."""

    digits: int | None = None
    INF: Any = math.inf

    # ------------------------------------------------------------ representation

    def real(self, x: Any) -> Any:
        """x, an exact number, in the representation of irrational values."""
        try:
            return float(x)
        except OverflowError:
            raise TooLarge("beyond the range of floats") from None

    def div(self, a: Any, b: Any) -> Any:
        """a / b"""
        if type(a) is int and type(b) is int:
            if not b:
                raise Undefined("division by zero")
            q, r = divmod(a, b)
            return Fraction(a, b) if r else q
        if not isinstance(b, int | Fraction):
            if not b:
                raise Undefined("division by zero")
            return (self.real(a) if isinstance(a, Fraction) else a) / b
        if not b:
            raise Undefined("division by zero")
        if isinstance(a, int | Fraction):
            return _norm(Fraction(a) / b)
        return a / float(b) if isinstance(a, float) else a * (1 / Fraction(b))

    def integer(self, x: Any) -> int:
        """x, which has to be an integer."""
        if type(x) is int:
            return x
        if isinstance(x, Fraction) and x.denominator == 1:
            return x.numerator
        if not isinstance(x, Fraction) and x == self.floor_real(x, None):
            return self.floor_real(x, None)
        raise Undefined(f"{show_number(x)} should be an integer")

    # ------------------------------------------------------------ integer parts

    def floor_div(self, a: Any, b: Any) -> int:
        """floor(a / b)"""
        if not b:
            raise Undefined("division by zero")
        if isinstance(a, int | Fraction) and isinstance(b, int | Fraction):
            return int(a // b)
        return self.floor_real(a / b, None)

    def floor_real(self, x: Any, precise: Callable[[], Any] | None) -> int:
        """floor of an irrational value; near an integer `precise` computes it again with more digits."""
        if isinstance(x, int | Fraction):
            return math.floor(x)
        if not math.isfinite(x):
            raise Undefined("the integer part of infinity")
        nearest: int = round(x)
        if abs(x - nearest) > 1e-7 * max(1.0, abs(x) * 1e-3) and abs(x) < 1e12:
            return math.floor(float(x))
        if precise is None:
            return nearest if abs(x - nearest) <= 1e-9 * max(1.0, abs(x)) else math.floor(float(x))
        return many_digits().floor_real(precise(), None)

    def floor_root(self, x: Any, k: int) -> int:
        """floor(x ** (1/k)) for x >= 0"""
        if not isinstance(x, int | Fraction):
            return self.floor_real(x ** (1 / k), None)
        if x < 0:
            raise Undefined(f"a root of {show_number(x)}")
        return integer_root(math.floor(x), k)

    def ceil_root(self, x: Any, k: int) -> int:
        """ceiling(x ** (1/k)) for x >= 0"""
        if not isinstance(x, int | Fraction):
            return -self.floor_real(-(x ** (1 / k)), None)
        if x < 0:
            raise Undefined(f"a root of {show_number(x)}")
        return integer_root(math.ceil(x) - 1, k) + 1 if x > 0 else 0

    def floor_log(self, x: Any, b: Any) -> int:
        """floor(log(x, b)) for x > 0, b > 1"""
        if type(x) is int and type(b) is int and x > 0 and b > 1:
            return integer_log(x, b)
        if not isinstance(x, int | Fraction) or not isinstance(b, int | Fraction):
            return self.floor_real(self.log(x, b), None)
        if x <= 0 or b <= 0 or b == 1:
            raise Undefined(f"log({show_number(x)}, {show_number(b)})")
        if b < 1:
            return -self.ceil_log(x, 1 / Fraction(b))
        if x < 1:
            return -self.ceil_log(1 / Fraction(x), b)
        if type(b) is int:
            return integer_log(math.floor(x), b)
        k, p = 0, Fraction(b)
        if math.log(x) / math.log(b) > 100_000:
            raise TooLarge(f"a logarithm to the base {show_number(b)}")
        while p <= x:
            p, k = p * b, k + 1
        return k

    def ceil_log(self, x: Any, b: Any) -> int:
        """ceiling(log(x, b)) for x > 0, b > 1"""
        k = self.floor_log(x, b)
        if isinstance(x, int | Fraction) and isinstance(b, int | Fraction):
            return k if Fraction(b) ** k == x else k + 1
        return -self.floor_real(-self.log(x, b), None)

    # ------------------------------------------------------------ logarithms, powers

    def ln(self, x: Any) -> Any:
        """The natural logarithm of x > 0."""
        if x == 1:
            return 0
        if x <= 0:
            raise Undefined(f"log({show_number(x)})")
        if isinstance(x, Fraction):
            return self.ln_ratio(x)
        return self.INF if x == self.INF else self.ln_real(x)

    def ln_ratio(self, x: Fraction) -> Any:
        near = x - 1
        if -0.5 < near < 0.5:       # the difference of two logarithms would lose the digits of what is close to 1
            return math.log1p(near)
        return math.log(x.numerator) - math.log(x.denominator)

    def ln_real(self, x: Any) -> Any:
        return math.log(x)

    def log(self, x: Any, b: Any) -> Any:
        """log(x) / log(b), an integer where x is an integer power of b."""
        if type(x) is int and type(b) is int and x > 0 and b > 1:
            k = integer_log(x, b)
            if b ** k == x:
                return k
        elif isinstance(x, Fraction) and type(b) is int and b > 1 and x.numerator == 1:
            k = integer_log(x.denominator, b)
            if b ** k == x.denominator:
                return -k
        below = self.ln(b)
        if not below:
            raise Undefined("a logarithm to the base 1")
        return self.ln(x) / below

    def pow(self, b: Any, e: Any) -> Any:
        """b ** e"""
        if isinstance(e, Fraction) and e.denominator == 1:
            e = e.numerator
        if type(e) is int and isinstance(b, int | Fraction):
            if b == 1 or b == -1:
                return b if e & 1 else 1
            if b == 0:
                if e < 0:
                    raise Undefined("0 to a negative power")
                return 0 if e else 1
            bits = max(b.numerator.bit_length(), b.denominator.bit_length())
            if abs(e) * bits > LARGEST_BITS:
                raise TooLarge(f"a power with the exponent {show_number(e)}")
            if e >= 0:
                return b ** e
            return _norm(1 / Fraction(b) ** -e)
        if isinstance(e, Fraction) and isinstance(b, int | Fraction):
            return self.root(b, e.numerator, e.denominator)
        if isinstance(e, Expr) or isinstance(b, Expr):
            return b ** e
        if b == 0:
            return 0 if e > 0 else self.INF
        if b < 0 and not isinstance(e, int):
            raise Undefined(f"{show_number(b)} to the power {show_number(e)}")
        try:
            return self.real(b) ** (e if isinstance(e, int) else self.real(e))
        except OverflowError:
            raise TooLarge("a power beyond the range of floats") from None

    def root(self, b: Any, p: int, q: int) -> Any:
        """b ** (p/q) for q > 1, rational where it can be"""
        if isinstance(b, int | Fraction):
            if b < 0:
                raise Undefined(f"a root of {show_number(b)}")
            if b == 0:
                if p < 0:
                    raise Undefined("0 to a negative power")
                return 0
            top, bottom = integer_root(b.numerator, q), integer_root(b.denominator, q)
            if top ** q == b.numerator and bottom ** q == b.denominator:
                return self.pow(_norm(Fraction(top, bottom)), p)
        elif b < 0:
            raise Undefined(f"a root of {show_number(b)}")
        return self.root_real(b, p, q)

    def root_real(self, b: Any, p: int, q: int) -> Any:
        try:
            return float(b) ** (p / q)
        except OverflowError:
            return self.real(integer_root(int(b), q)) ** p

    # ------------------------------------------------------------ named functions

    def factorial(self, n: Any) -> Any:
        """n!"""
        n = self.integer(n)
        if n < 0:
            raise Undefined(f"factorial({show_number(n)})")
        if n > 200_000:
            raise TooLarge(f"factorial({show_number(n)})")
        return math.factorial(n)

    def binomial(self, n: Any, k: Any) -> Any:
        """n over k for integers, 0 where k < 0"""
        n, k = self.integer(n), self.integer(k)
        if k < 0:
            return 0
        if n < 0:
            return (-1) ** k * math.comb(k - n - 1, k)
        if min(k, n - k) > 200_000:
            raise TooLarge(f"binomial({show_number(n)}, {show_number(k)})")
        return math.comb(n, k)

    def harmonic(self, n: Any, m: Any = 1) -> Any:
        """The sum of 1/k**m for k = 1 .. n. Large ones are irrational by fiat: their digits would not fit a page."""
        if isinstance(n, Fraction) and n.denominator == 1:
            n = n.numerator
        if type(n) is int and type(m) is int:
            if n < 0:
                raise Undefined(f"harmonic({show_number(n)})")
            if n <= 2000:
                return self.ratio(_harmonic(n, m))
        return self.harmonic_real(n, m)

    def ratio(self, x: Any) -> Any:
        return x

    def harmonic_real(self, n: Any, m: Any) -> Any:
        return float(many_digits().harmonic_real(n, m))

    def fibonacci(self, n: Any) -> Any:
        """0, 1, 1, 2, 3, 5, ..."""
        n = self.integer(n)
        if n < 0:
            return (-1) ** (n + 1) * self.fibonacci(-n)
        if n > LARGEST_BITS:
            raise TooLarge(f"fibonacci({show_number(n)})")
        a, b = 0, 1
        for bit in bin(n)[2:]:
            a, b = a * (2 * b - a), a * a + b * b
            if bit == "1":
                a, b = b, a + b
        return a

    def cos(self, x: Any) -> Any:
        """The cosine of an angle in radians."""
        return float(many_digits().cos(x))

    def sin(self, x: Any) -> Any:
        """The sine of an angle in radians."""
        return float(many_digits().sin(x))

    def constant(self, name: str) -> Any:
        """pi, E, GoldenRatio, EulerGamma, or a number that is its own name: an exponent known by its digits alone"""
        if name not in _CONSTANTS:
            try:
                return float(name)
            except ValueError:
                raise Undefined(f"the constant {name}") from None
        return _CONSTANTS[name]

    def vote_right(self, p: Any, lead: Any, most: Any) -> Any:
        """The probability that `vote lead k up to m` is right, for samples right with probability p."""
        return self._vote(p, lead, most).right

    def vote_samples(self, p: Any, lead: Any, most: Any) -> Any:
        """The mean number of samples of such a vote."""
        mean = self._vote(p, lead, most).samples
        if mean is None:
            raise TooLarge("a vote of too many samples to follow")
        return mean

    def _vote(self, p: Any, lead: Any, most: Any) -> LeadLaw:
        law = voted_lead(Fraction(p), self.integer(lead), self.integer(most))
        if law is None:
            raise Undefined("a vote with k < 1, m < k or no probability")
        return law

    def largest_root(self, *coefficients: Any) -> Any:
        """The largest real root of a polynomial, highest coefficient first."""
        return float(many_digits().largest_root(*coefficients))

    # ------------------------------------------------------------ order

    def largest(self, *args: Any) -> Any:
        """The maximum; also of formulas, where sizes are left open."""
        try:
            return max(args)
        except TypeError:
            return self._extremum(max_, args)

    def smallest(self, *args: Any) -> Any:
        """The minimum."""
        try:
            return min(args)
        except TypeError:
            return self._extremum(min_, args)

    @staticmethod
    def _extremum(of: Callable[..., Expr], args: tuple[Any, ...]) -> Any:
        if not all(isinstance(x, Expr | int | Fraction) for x in args):
            raise TypeError("values that have no order")
        return of(*(Expr({(): x}) if x and not isinstance(x, Expr) else x or Expr({}) for x in args))


class Floats(Exact):
    """Integers stay integers, all else is a float: fast, for figures."""

    digits = 15

    def div(self, a: Any, b: Any) -> Any:
        if not b:
            raise Undefined("division by zero")
        if type(a) is int and type(b) is int:
            q, r = divmod(a, b)
            if not r:
                return q
        try:
            return a / b
        except OverflowError:
            raise TooLarge("beyond the range of floats") from None

    def ratio(self, x: Any) -> Any:
        return x if type(x) is int else float(x)


class Digits(Exact):
    """What is rational stays exact, all else is an mpmath number of so many digits."""

    def __init__(self, digits: int) -> None:
        import mpmath  # type: ignore[import-untyped]

        self.digits = digits
        self.context = mpmath.MPContext()
        self.context.dps = digits + 5
        self.INF = self.context.inf
        self._roots: dict[tuple[Any, ...], Any] = {}

    def real(self, x: Any) -> Any:
        if isinstance(x, Fraction):
            return self.context.mpf(x.numerator) / x.denominator
        return self.context.mpf(x)

    def floor_div(self, a: Any, b: Any) -> int:
        if not b:
            raise Undefined("division by zero")
        if isinstance(a, int | Fraction) and isinstance(b, int | Fraction):
            return int(a // b)
        return self.floor_real(self.real(a) / b, None)

    def largest(self, *args: Any) -> Any:
        return max(args, key=self.real)

    def smallest(self, *args: Any) -> Any:
        return min(args, key=self.real)

    def floor_real(self, x: Any, precise: Callable[[], Any] | None) -> int:
        if isinstance(x, int | Fraction):
            return math.floor(x)
        if not self.context.isfinite(x):
            raise Undefined("the integer part of infinity")
        nearest = int(self.context.nint(x))
        tolerance = self.context.mpf(10) ** -(self.context.dps * 2 // 3) * max(1, abs(nearest))
        return nearest if abs(x - nearest) <= tolerance else int(self.context.floor(x))

    def ln_ratio(self, x: Fraction) -> Any:
        return self.context.log(x.numerator) - self.context.log(x.denominator)

    def ln_real(self, x: Any) -> Any:
        return self.context.log(x)

    def root_real(self, b: Any, p: int, q: int) -> Any:
        return self.real(b) ** (self.context.mpf(p) / q)

    def ratio(self, x: Any) -> Any:
        return x if type(x) is int else self.real(x)

    def harmonic_real(self, n: Any, m: Any) -> Any:
        if m == 1:
            return self.context.harmonic(self.real(n))
        return self.context.zeta(m) - self.context.zeta(m, self.real(n) + 1)

    def cos(self, x: Any) -> Any:
        return self.context.cos(self.real(x))

    def sin(self, x: Any) -> Any:
        return self.context.sin(self.real(x))

    def constant(self, name: str) -> Any:
        value = {"pi": self.context.pi, "E": self.context.e, "GoldenRatio": self.context.phi,
                 "EulerGamma": self.context.euler}.get(name)
        if value is None:
            try:
                return self.context.mpf(name)       # digits of a number that has no name
            except ValueError:
                raise Undefined(f"the constant {name}") from None
        return +value

    def largest_root(self, *coefficients: Any) -> Any:
        known = self._roots.get(coefficients)
        if known is None:
            numbers = [self.real(c) for c in coefficients]
            roots = self.context.polyroots(numbers, maxsteps=200, extraprec=200)
            known = max(self.context.re(r) for r in roots if abs(self.context.im(r)) < self.context.mpf(10) ** -20)
            self._roots[coefficients] = known
        return known


def show_number(x: Any) -> str:
    """Text of a number that may be too long to write."""
    if isinstance(x, int | Fraction) and max(x.numerator.bit_length(), x.denominator.bit_length()) > 200:
        return "a very large number"
    return str(x)


def _norm(x: Fraction) -> int | Fraction:
    return x.numerator if x.denominator == 1 else x


@lru_cache(maxsize=1)
def many_digits() -> Digits:
    """Fifty digits, for the decisions that floats cannot take."""
    return Digits(50)


_HARMONIC: dict[int, list[Any]] = {}


def _harmonic(n: int, m: int) -> Any:
    table = _HARMONIC.setdefault(m, [0])
    while len(table) <= n:
        table.append(table[-1] + (Fraction(1, len(table) ** m) if m > 0 else len(table) ** -m))
    return table[n] if n == 0 or type(table[n]) is int else _norm(table[n])
