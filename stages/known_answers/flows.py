"""Lists of numbers for all six stages."""

import math

from .case import flow
from .reading import RESULT_DIGITS
from .spelling import tokens_of


EXPONENTS = """
    1e21 1E21 1e+21 1.5e-7 1e400 -1e400 1e-400 2.5e3 123e-2 9.99e15 1e15 1e16 1e17 1.7976931348623157e308
    1.7976931348623159e308 5e-324 2e-324 4.9e-323 1e-323 2.2250738585072014e-308 2.225073858507201e-308
    1e308 1e309 1e-307 1e-320 1e616 1e618 1e-640 1e-660 0.00000000000000000001e20 100000e-5 1.000e3
""".split()


def integers_of_every_length():
    seeds = iter(range(1, 1000))
    for length in range(1, 61):
        low, high = 10 ** (length - 1), 10**length - 1
        spread = [low + (high - low) * (next(seeds) * 7919 % 1009) // 1009 for _ in range(3)]
        yield flow(f"integers of {length} digits", *map(str, spread))
        yield flow(f"{length} digits, one below zero, one short", str(high), str(-low - 1), "12")
        yield flow(f"a single integer of {length} digits", str(spread[0]))


def decimals_of_every_length():
    for length in range(1, 18):
        digits = "12345678987654321"[:length]
        yield flow(f"decimals of {length} digits", f"0.{digits}", f"3.{digits[::-1]}", f"40.{digits}")
        whole, fraction = digits[: length // 2] or "0", digits[length // 2 :]
        yield flow(f"{length} digits and a point among them", f"{whole}.{fraction}")
        yield flow(f"decimals of {length} digits below zero", f"-0.{digits}", f"-7.{digits}")
        yield flow(f"decimals of different length, up to {length}", "1.5", f"2.{'0' * (length - 1)}5", "10")


def zeros_and_signs():
    yield flow("zero", "0")
    yield flow("zeros in every form", "0", "-0", "0.0", "-0.00", "0e5", "0E-7", "0.000e400")
    yield flow("a zero whose exponent says nothing", "0e999999")
    yield flow("a zero among others", "12", "0", "7")
    yield flow("all below zero", "-3", "-4", "-6")
    yield flow("an even number of factors below zero", "-3", "-4")
    yield flow("a sum of zero", "5", "-5")
    yield flow("a sum of zero in decimals", "0.1", "0.2", "-0.3")
    yield flow("minus one", "-1")
    yield flow("what floats get wrong", "0.1", "0.2")
    yield flow("the design's lcm", "1.5", "2.5")
    yield flow("a quarter and a third of a hundred", "0.25", "33.3")
    yield flow("zeros at the end", "1.50", "2.500", "10.0")
    yield flow("cancelling to an integer", "0.5", "2", "0.2", "5")
    yield flow("the design's body", "76452", "61211234", "8243724")
    yield flow("the same number twice", "123456", "123456")
    yield flow("one divides the other", "12", "144")
    yield flow("powers of two", *(str(2**k) for k in range(0, 70, 7)))
    yield flow("powers of ten", *(str(10**k) for k in range(0, 22, 3)))
    yield flow("primes", "2", "3", "5", "7", "11", "13", "17", "19", "23", "29", "31", "37")


def exponents():
    for token in EXPONENTS:
        yield flow(f"{token} alone", token)
        yield flow(f"{token} and others", token, "3", "0.7")
    yield flow("very large and very small", "1e400", "1e-400")
    yield flow("cancelling exponents", "7e900", "7e-900", "3e5", "3e-5")
    yield flow("an average past the range of doubles", "1e400", "1", "1")
    yield flow("integers next to what a double holds", *(str(2**53 + n) for n in (-1, 1, 3)))
    yield flow("a decimal whose double is an integer", "1.00000000000000000001", "2")
    yield flow("integers that two of their neighbours round to", "18014398509481985", "36028797018963969")
    yield flow("15 digits", "123456789012345", "0.12345678901234", "99999999999999.9")
    yield flow("16 digits", "1234567890123456", "0.123456789012345", "999999999999999.9")


def many_numbers():
    for seed in range(1, 9):
        yield flow("twelve integers", {"random": [seed, 12, 1000, 100_000, 0]})
        yield flow("twelve numbers with two decimals", {"random": [seed, 12, 100_000, 10_000_000, 2]})
        yield flow("twenty numbers of either sign", {"random": [seed, 20, -50_000, 50_000, seed % 4]})
    yield flow("1,000 integers", {"random": [11, 1000, 1000, 100_000, 0]})
    yield flow("1,000 numbers with two decimals", {"random": [12, 1000, 100_000, 10_000_000, 2]})
    yield flow("1,000 numbers of either sign", {"random": [13, 1000, -1_000_000, 1_000_000, 3]})
    yield flow("1,000 small integers", {"random": [14, 1000, 1, 30, 0]})
    yield flow("1,000 times the same", {"repeat": ["0.25", 1000]})
    yield flow("1,000 exponents", {"repeat": ["7e90", 500]}, {"repeat": ["3e-95", 500]})
    yield flow("101 numbers, the first count that is not few", {"random": [15, 101, 1, 999_999, 1]})
    yield flow("101 numbers and a minus", {"random": [16, 100, 1, 999_999, 1]}, "-2")


def limits_of_a_number():
    for about, token in (
        ("1,000 digits", "9" * 1000),
        ("1,001 digits", "9" * 1001),
        ("1,000 digits by exponent", "1e999"),
        ("1,001 digits by exponent", "1e1000"),
        ("1,000 digits behind the point by exponent, with the zero before it", "1e-999"),
        ("one more", "1e-1000"),
        ("999 decimals", "0." + "3" * 999),
        ("1,000 decimals", "0." + "3" * 1000),
        ("500 and 500 digits", "7" * 500 + "." + "7" * 500),
        ("500 and 501 digits", "7" * 500 + "." + "7" * 501),
        ("a long mantissa that its exponent makes an integer", "0." + "1" * 999 + "e999"),
        ("a long mantissa with an exponent", "1." + "1" * 999 + "e1"),
        ("leading zeros that the exponent removes", "0." + "0" * 999 + "1e1000"),
        ("zero with 999 decimals", "0." + "0" * 999),
        ("zero with 1,000 decimals", "0." + "0" * 1000),
        ("an exponent far beyond", "1e400000"),
        ("an exponent far below", "1e-400000"),
        ("an exponent beyond counting", "1e999999999999999999999"),
        ("an exponent below counting", "1e-999999999999999999999"),
        ("an exponent of 400 digits", "1e" + "9" * 400),
        ("a mantissa of 5,000 digits", "1" * 5000),
    ):
        yield flow(about, token)
        yield flow(f"{about}, as the third", "1", "2", token)


def limits_of_a_list():
    yield flow("no numbers")
    yield flow("10,000 numbers", {"repeat": ["1.5", 10_000]})
    yield flow("10,001 numbers", {"repeat": ["1.5", 10_001]})
    yield flow("10,000 numbers of any kind", {"random": [21, 10_000, 1, 10_000, 0]})
    for token in ('"7"', "null", "true", "false", "[1]", "{}", '"a,b]"', "[[1,2],[3]]"):
        yield flow(f"{token} among the numbers", "1", token, "3")
        yield flow(f"{token} alone", token)
    yield flow("what Python takes for JSON", "1", "NaN")


def limits_of_a_result():
    nines = {"digits": ["9", 1000]}
    yield flow("a product of 100,000 digits", *[nines] * 100)
    yield flow("a product of 100,001 digits", *[nines] * 100, "2")
    yield flow("a product of 99,999 decimals", {"repeat": ["1e-999", 100]}, "1e-99")
    yield flow("a product of 100,000 decimals", {"repeat": ["1e-999", 100]}, "1e-100")
    yield flow("a long product that cancels", {"repeat": ["2e-999", 101]}, {"repeat": ["5e900", 101]})
    yield flow("a product of exponents that cancel", {"repeat": ["7e900", 500]}, {"repeat": ["7e-900", 500]})
    yield flow("a product of two million digits", {"repeat": ["3e999", 2000]})
    yield flow("a product of two million decimals", {"repeat": ["3e-990", 2000]})
    yield flow("a zero in a product of two million digits", {"repeat": ["3e999", 2000]}, "0")
    yield flow("a product of 900 long numbers", *[nines] * 900)
    powers = [{"power": [prime, int(1000 / math.log10(prime))]} for prime in primes(100)]
    yield flow("a long lcm", *powers[:90])
    yield flow("a long lcm with decimals", "0.5", *powers[:99])
    longest, over = lcms_at_the_limit(powers)
    yield flow("an lcm of 100,000 digits", *longest)
    yield flow("an lcm of 100,001 digits", *over)
    more = [{"power": [prime, 300]} for prime in primes(130)[100:]]
    yield flow("an lcm of over 100,000 digits", *powers, *more)
    zeros = [{"power": [prime, int(598 / math.log10(prime)), 400]} for prime in primes(167)]
    yield flow("an lcm that would be too long only with trailing zeros", *zeros)
    yield flow("an lcm that is too long also without trailing zeros", *zeros, "97e90")


def primes(count):
    found = []
    candidate = 3
    while len(found) < count:
        if candidate != 5 and all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 2
    return found


def lcms_at_the_limit(powers):
    """Coprime powers whose product has exactly the largest number of digits, and one more."""
    product = math.prod(int(token) for token in tokens_of(powers))
    doublings = (10**RESULT_DIGITS // product).bit_length() - 1
    return [*powers, {"power": [2, doublings]}], [*powers, {"power": [2, doublings + 1]}]


def flows():
    for part in (integers_of_every_length, decimals_of_every_length, zeros_and_signs, exponents, many_numbers,
                 limits_of_a_number, limits_of_a_list, limits_of_a_result):
        yield from part()
