"""The six stages. Each returns JSON text (sine a list of floats) or raises Refused."""

import math
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction

from .reading import NUMBER_DIGITS, RESULT_DIGITS, Refused, checked_list, digits_of, exact
from .rounding import SEVENTEEN, rounded

SINES_KEPT = 25
EXACT = Context(prec=3_000_000, Emax=MAX_EMAX, Emin=MIN_EMIN)


def decimals(tokens):
    return [exact(f"numbers[{i}]", t, NUMBER_DIGITS) for i, t in enumerate(checked_list(tokens))]


def plain(value):
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    text = text if text.strip("-0.") else "0"
    if digits_of(text) > RESULT_DIGITS:
        raise Refused("result-too-long", "100,000")
    return text


def add(tokens):
    total = Decimal(0)
    for value in decimals(tokens):
        total = EXACT.add(total, value)
    return plain(total)


def multiply(tokens):
    values = decimals(tokens)
    if any(value == 0 for value in values):
        return "0"
    if sum(value.adjusted() for value in values) > RESULT_DIGITS:
        raise Refused("result-too-long", "product")
    while len(values) > 1:  # in pairs, which is much faster
        pairs = [EXACT.multiply(a, b) for a, b in zip(values[::2], values[1::2])]
        values = pairs + values[len(pairs) * 2 :]
    return plain(values[0])


def lcm(tokens):
    values = decimals(tokens)
    places = max(0, *(-value.as_tuple().exponent for value in values))
    integers = [int(EXACT.scaleb(value, places)) for value in values]
    integers = list(dict.fromkeys(integers))
    found, most_digits = 1, RESULT_DIGITS + places
    for start in range(0, len(integers), 64):  # some at a time, which is faster when the multiple is long
        found = math.lcm(found, math.lcm(*integers[start : start + 64]))
        if found.bit_length() > most_digits * 3.32 and found >= 10**most_digits:
            raise Refused("result-too-long", "lcm")
    return plain(EXACT.scaleb(Decimal(found), -places))


def average(tokens, total):
    count = len(checked_list(tokens))
    dividend = exact("sum", total, RESULT_DIGITS)
    return rounded(Fraction(dividend) / count, lambda: SEVENTEEN.divide(dividend, Decimal(count)))


def sine(tokens):
    doubles = [float(token) for token in checked_list(tokens)]
    for index, double in enumerate(doubles):
        if math.isinf(double):
            raise Refused("past-double", f"numbers[{index}] is ")
    return [math.sin(double) for double in doubles[:SINES_KEPT]]


def square_root(field, token):
    radicand = exact(field, token, RESULT_DIGITS)
    if radicand < 0:
        raise Refused("negative-root", f"{field} is -")
    square = Fraction(radicand)
    approximate = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN).sqrt(radicand)
    return rounded(square, lambda: SEVENTEEN.sqrt(radicand), float(approximate))
