"""Averages and square roots at difficult roundings: ties, and the limits of the range of doubles."""

import sys
from decimal import Decimal
from fractions import Fraction

from .arithmetic import EXACT, plain
from .case import average_of, root_of
from .reading import RESULT_DIGITS


RADICANDS = """
    2 3 4 0.04 1e16 1e31 1e32 1e33 1e40 1e42 123456789e11 0.1 1e-1 1e-7 2e-308 1e-320 1e-646 1e-647 1e-648
    1e-649 1e-660 1e616 1e617 3e617 1e700 63849.916666666664 5.986344191275893e+19 3.3333333333333333e+399
    9007199254740991 9007199254740993 1e99999 1e100000 1e-99999 1e-100000 0 -0 0.00 0e9 -1 -1e-9
""".split()


def text_of(value):
    """A Fraction whose denominator is a power of two, in plain notation."""
    return plain(EXACT.divide(Decimal(value.numerator), Decimal(value.denominator)))


def averages():
    two = Fraction(2)
    yield average_of("a tie that goes down", str(2**53 + 1))
    yield average_of("a tie that goes up", str(2**53 + 3))
    yield average_of("a tie between odd and even by the count", str((2**53 + 1) * 3), 3)
    yield average_of("just above a tie", f"{2**53 + 1}.{'0' * 300}1")
    yield average_of("just below a tie", f"{2**53}.{'9' * 300}")
    yield average_of("below zero", f"-{2**60 + 2**7 + 1}", 7)
    yield average_of("the largest double", str(int(sys.float_info.max)))
    yield average_of("just below where doubles end", str(2**1024 - 2**970 - 1))
    yield average_of("where doubles end", str(2**1024 - 2**970))
    yield average_of("beyond, below zero", str(-(2**1024)))
    yield average_of("beyond, a third of it", "1e400", 3)
    yield average_of("two thirds of it", "2e400", 3)
    yield average_of("a tie at 17 digits goes to even", "1" + "0" * 15 + "25e385")
    yield average_of("a tie at 17 digits goes to even, upwards", "1" + "0" * 15 + "35e385")
    yield average_of("nines that round up to a power of ten", "9" * 20 + "e400")
    yield average_of("the longest sum", {"digits": ["9", RESULT_DIGITS]})
    yield average_of("the largest sum by exponent", "1e99999", 7)
    yield average_of("a sum over the limit", "1e100000", 7)
    yield average_of("the smallest sum by exponent", "1e-99999", 7)
    yield average_of("a sum below the limit", "1e-100000", 7)
    for exponent in (-1074, -1073, -1050, -1023, -1022, -1021):
        yield average_of(f"2^{exponent}", text_of(two**exponent))
        yield average_of(f"a seventh of 2^{exponent}", text_of(two**exponent), 7)
        yield average_of(f"2^{exponent} and half a step", text_of(two**exponent + two**-1075))
        yield average_of(f"2^{exponent} less half a step", text_of(two**exponent - two**-1075))
        middle, little = two**exponent + two**-1075, two**-1300
        yield average_of(f"2^{exponent} and more than half a step", text_of(middle + little))
        yield average_of(f"2^{exponent} and less than half a step", text_of(middle - little))
    yield average_of("half of the smallest double, which rounds to zero", text_of(two**-1075))
    yield average_of("three quarters of it", text_of(3 * two**-1076))
    for seed in range(40):
        digits = str(pow(7, 40 + seed))[: 10 + seed]
        yield average_of("any sum", f"{digits}e{seed * 37 % 700 - 350}", 1 + seed * 13 % 97)


def square_roots():
    two = Fraction(2)
    half_steps = {"2^53 + 1/2": 2**54 + 1, "2^53 + 3/2": 2**54 + 3, "the largest with 53 bits": 2**54 - 1}
    for about, twice in half_steps.items():
        for power in (0, 2, 40, -2, -40, 1500, -1500, -2126, -2148, -2150):
            tie = Fraction(twice) ** 2 * two**power
            step = two ** (power - 200)
            yield root_of(f"the root is a tie: {about}, scaled by 2^{power // 2}", text_of(tie))
            yield root_of("just above the tie", text_of(tie + step))
            yield root_of("just below the tie", text_of(tie - step))
    for token in RADICANDS:
        yield root_of(f"the root of {token}", token)
    yield root_of("the largest root that is a double", str(int(sys.float_info.max) ** 2))
    yield root_of("just below where doubles end", str((2**1024 - 2**970) ** 2 - 1))
    yield root_of("where doubles end", str((2**1024 - 2**970) ** 2))
    yield root_of("a tie at 17 digits goes to even", str((10**16 * 10 + 5) ** 2) + "0" * 700)
    yield root_of("nines that round up to a power of ten", "9" * 800)
    yield root_of("the longest", {"digits": ["8", RESULT_DIGITS]})
