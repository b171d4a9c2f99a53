"""The nearest double, ties to even, as JSON text; 17 digits beyond the range of doubles."""

import math
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

SEVENTEEN = Context(prec=17, rounding=ROUND_HALF_EVEN, Emax=MAX_EMAX, Emin=MIN_EMIN)


def rounded(value, seventeen, root=None):
    """The JSON text of the double nearest to a value, or to the root of a square near `root`."""
    try:
        double = value.numerator / value.denominator if root is None else nearest_root(value, root)
    except OverflowError:
        double = math.inf
    if value == 0 or (double != 0 and not math.isinf(double)):
        return written(double)
    return scientific(seventeen())


def nearest_root(square, double):
    """The double near an approximate root whose midpoints enclose the exact root."""
    for candidate in (double, math.nextafter(double, 0), math.nextafter(double, math.inf)):
        if math.isinf(candidate):
            continue
        even = int(candidate / math.ulp(candidate)) % 2 == 0
        below = midpoint(math.nextafter(candidate, 0), candidate) if candidate else Fraction(0)
        above = midpoint(candidate, math.nextafter(candidate, math.inf))
        if below**2 < square < above**2 or (even and square in (below**2, above**2)):
            return candidate
    return math.inf


def midpoint(low, high):
    top = Fraction(2) ** 1024 if math.isinf(high) else Fraction(high)
    return (Fraction(low) + top) / 2


def written(double):
    """As JavaScript writes it, except with an exponent from 1e16 on."""
    if double == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(double)).normalize().as_tuple()
    digits = "".join(map(str, digits))
    point = len(digits) + exponent
    if point > 16 or point <= -6:
        return scientific(Decimal(repr(double)))
    if exponent >= 0:
        text = digits + "0" * exponent
    elif point > 0:
        text = f"{digits[:point]}.{digits[point:]}"
    else:
        text = "0." + "0" * -point + digits
    return "-" * sign + text


def scientific(value):
    sign, digits, exponent = value.as_tuple()
    power = len(digits) - 1 + exponent
    digits = "".join(map(str, digits)).rstrip("0")
    mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{'-' * sign}{mantissa}e{'-' if power < 0 else '+'}{abs(power)}"
