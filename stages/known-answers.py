"""Writes known-answers.json: what the six stages must answer, computed apart from them.

Run it with Python 3.11 or later, from anywhere:  python3 stages/known-answers.py
It uses nothing but int, decimal, fractions and math, and none of the methods that the stages use: sums and products
are Decimals of unlimited precision, averages Python's division of integers (which rounds correctly), square roots are
checked against both neighbouring midpoints as Fractions. The same run always writes the same file.
"""

import hashlib
import json
import math
import sys
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

MOST_NUMBERS, NUMBER_DIGITS, RESULT_DIGITS = 10_000, 1_000, 100_000
SINES_KEPT = 25
LONGEST_KEPT = 1_500

EXACT = Context(prec=3_000_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
SEVENTEEN = Context(prec=17, rounding=ROUND_HALF_EVEN, Emax=MAX_EMAX, Emin=MIN_EMIN)
sys.set_int_max_str_digits(0)


class Refused(Exception):
    """No answer: the code, and what the explanation must name."""


# --- what a list of numbers is made of; known-answers.test.ts spells it out in the same way -------------------------


def random_tokens(seed, count, low, high, decimals):
    """Park and Miller's minimal standard generator, whose steps are exact in doubles too."""
    tokens = []
    for _ in range(count):
        seed = seed * 48271 % 2147483647
        units = low + seed % (high - low + 1)
        digits = str(abs(units)).rjust(decimals + 1, "0")
        text = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
        tokens.append(("-" if units < 0 else "") + text)
    return tokens


def spelled(item):
    match item:
        case str():
            return [item]
        case {"repeat": [token, count]}:
            return [token] * count
        case {"random": [seed, count, low, high, decimals]}:
            return random_tokens(seed, count, low, high, decimals)
        case {"power": [base, exponent]}:
            return [str(base**exponent)]
        case {"digits": [digits, count]}:
            return [digits * count]


def tokens_of(numbers):
    return [token for item in numbers for token in spelled(item)]


# --- reading ---------------------------------------------------------------------------------------------------------


def exact(place, token, most_digits):
    mantissa = token.lower().partition("e")[0]
    if not mantissa.strip("-0."):
        token = mantissa  # the exponent of a zero says nothing
    try:
        value = Decimal(token)
    except InvalidOperation:  # an exponent beyond what Decimal takes
        raise Refused("too-many-digits", place) from None
    if abs(value.as_tuple().exponent) > most_digits or digits_of(format(value, "f")) > most_digits:
        raise Refused("too-many-digits", place)
    return value


def digits_of(text):
    return sum(map(str.isdigit, text))


def is_number(token):
    return token[0] in "-0123456789"


def checked_list(tokens):
    if "NaN" in tokens:
        raise Refused("not-json", "not JSON")
    if not tokens:
        raise Refused("no-numbers", "numbers")
    if len(tokens) > MOST_NUMBERS:
        raise Refused("too-many-numbers", f"{len(tokens):,}")
    for index, token in enumerate(tokens):
        if not is_number(token):
            raise Refused("not-a-number", f"numbers[{index}] is {token}")
    return tokens


def decimals(tokens):
    return [exact(f"numbers[{i}]", t, NUMBER_DIGITS) for i, t in enumerate(checked_list(tokens))]


# --- the stages ------------------------------------------------------------------------------------------------------


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
    while len(values) > 1:  # in pairs: the same, much sooner
        pairs = [EXACT.multiply(a, b) for a, b in zip(values[::2], values[1::2])]
        values = pairs + values[len(pairs) * 2 :]
    return plain(values[0])


def lcm(tokens):
    values = decimals(tokens)
    places = max(0, *(-value.as_tuple().exponent for value in values))
    integers = [int(EXACT.scaleb(value, places)) for value in values]
    found, too_long = 1, 10 ** (RESULT_DIGITS + places)
    for integer in dict.fromkeys(integers):
        found = math.lcm(found, integer)
        if found >= too_long:
            raise Refused("result-too-long", "lcm")
    return plain(EXACT.scaleb(Decimal(found), -places))


def average(tokens, total):
    count = len(checked_list(tokens))
    value = Fraction(exact("sum", total, RESULT_DIGITS)) / count
    return rounded(value, lambda: SEVENTEEN.divide(Decimal(value.numerator), Decimal(value.denominator)))


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


# --- rounding --------------------------------------------------------------------------------------------------------


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
    """Of the doubles around an approximate root the one whose midpoints to its neighbours enclose the exact root."""
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
    """As JavaScript writes it, but from 1e16 on with an exponent."""
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


# --- the cases -------------------------------------------------------------------------------------------------------


def answer(compute, *arguments):
    try:
        return compute(*arguments)
    except Refused as refusal:
        code, names = refusal.args
        return {"refused": code, "names": names}


def roots(fields):
    found = {}
    for field in ("lcm", "sum", "product", "average"):
        if not isinstance(fields[field], str):
            raise Refused("missing-field", field)
        found[field] = None
    for field in found:
        found[field] = square_root(field, fields[field])
    return found


def flow(about, *numbers):
    """A list of numbers and what each stage in turn answers; what is refused the next stages do not get."""
    tokens = tokens_of(numbers)
    fields = {"sum": answer(add, tokens), "product": answer(multiply, tokens), "lcm": answer(lcm, tokens)}
    if isinstance(fields["sum"], str):
        fields["average"] = answer(average, tokens, fields["sum"])
    else:
        fields["average"] = {"refused": "missing-field", "names": "sum"}
    fields["sin"] = answer(sine, tokens)
    fields["sqrt"] = answer(roots, fields)
    if fields["sum"] == {"refused": "not-json", "names": "not JSON"}:
        fields = dict.fromkeys(fields, fields["sum"])
    return {"about": about, "numbers": list(numbers), "answers": {k: shortened(v) for k, v in fields.items()}}


def shortened(value):
    if isinstance(value, str) and len(value) > LONGEST_KEPT:
        return {"length": len(value), "sha256": hashlib.sha256(value.encode()).hexdigest()}
    return value


def average_of(about, total, count=1):
    result = answer(average, ["1"] * count, *spelled(total))
    return {"about": about, "sum": total, "count": count, "answer": result}


def root_of(about, token):
    return {"about": about, "radicand": token, "answer": answer(square_root, "sum", *spelled(token))}


def text_of(value):
    """A Fraction whose denominator is a power of two, written out."""
    return plain(EXACT.divide(Decimal(value.numerator), Decimal(value.denominator)))


def integers_of_every_length():
    seeds = iter(range(1, 1000))
    for length in range(1, 61):
        low, high = 10 ** (length - 1), 10**length - 1
        spread = [low + (high - low) * (next(seeds) * 7919 % 1009) // 1009 for _ in range(3)]
        yield flow(f"integers of {length} digits", *map(str, spread))
        yield flow(f"an integer of {length} digits, one below zero, one short", str(high), str(-low - 1), "12")
        yield flow(f"a single integer of {length} digits", str(spread[0]))


def decimals_of_every_length():
    for length in range(1, 18):
        digits = "12345678987654321"[:length]
        yield flow(f"decimals of {length} digits", f"0.{digits}", f"3.{digits[::-1]}", f"40.{digits}")
        yield flow(f"{length} digits and a point among them", f"{digits[:length // 2] or 0}.{digits[length // 2 :]}")
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
    for token in ("1e21", "1E21", "1e+21", "1.5e-7", "1e400", "-1e400", "1e-400", "2.5e3", "123e-2", "9.99e15", "1e15",
                  "1e16", "1e17", "1.7976931348623157e308", "1.7976931348623159e308", "5e-324", "2e-324", "4.9e-323",
                  "1e-323", "2.2250738585072014e-308", "2.225073858507201e-308", "1e308", "1e309", "1e-307", "1e-320",
                  "1e616", "1e618", "1e-640", "1e-660", "0.00000000000000000001e20", "100000e-5", "1.000e3"):
        yield flow(f"{token} alone", token)
        yield flow(f"{token} and others", token, "3", "0.7")
    yield flow("very large and very small", "1e400", "1e-400")
    yield flow("cancelling exponents", "7e900", "7e-900", "3e5", "3e-5")
    yield flow("an average past the range of doubles", "1e400", "1", "1")
    yield flow("integers next to what a double holds", "9007199254740991", "9007199254740993", "9007199254740995")
    yield flow("more digits than a double holds, in a decimal that rounds to an integer", "1.00000000000000000001", "2")
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
    yield flow("an lcm of over 100,000 digits", *powers, *({"power": [prime, 300]} for prime in primes(130)[100:]))
    zeros = {"repeat": ["1." + "0" * 400, 2]}
    yield flow("an lcm that is too long only with zeros that nobody writes", zeros, *(p + "." + "0" * 400 for p in ("3", "7")))


def primes(count):
    found = []
    candidate = 3
    while len(found) < count:
        if candidate != 5 and all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 2
    return found


def lcms_at_the_limit(powers):
    """Coprime powers whose product has exactly as many digits as may be, and one more."""
    product = math.prod(int(token) for token in tokens_of(powers))
    doublings = (10**RESULT_DIGITS // product).bit_length() - 1
    return [*powers, {"power": [2, doublings]}], [*powers, {"power": [2, doublings + 1]}]


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
        yield average_of(f"2^{exponent} and more than half a step", text_of(two**exponent + two**-1075 + two**-1300))
        yield average_of(f"2^{exponent} and less than half a step", text_of(two**exponent + two**-1075 - two**-1300))
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
    for token in ("2", "3", "4", "0.04", "1e16", "1e31", "1e32", "1e33", "1e40", "1e42", "123456789e11", "0.1", "1e-1", "1e-7",
                  "2e-308", "1e-320", "1e-646", "1e-647", "1e-648", "1e-649", "1e-660", "1e616", "1e617", "3e617", "1e700",
                  "63849.916666666664", "5.986344191275893e+19", "3.3333333333333333e+399", "9007199254740991",
                  "9007199254740993", "1e99999", "1e100000", "1e-99999", "1e-100000", "0", "-0", "0.00", "0e9", "-1", "-1e-9"):
        yield root_of(f"the root of {token}", token)
    yield root_of("the largest root that is a double", str(int(sys.float_info.max) ** 2))
    yield root_of("just below where doubles end", str((2**1024 - 2**970) ** 2 - 1))
    yield root_of("where doubles end", str((2**1024 - 2**970) ** 2))
    yield root_of("a tie at 17 digits goes to even", str((10**16 * 10 + 5) ** 2) + "0" * 700)
    yield root_of("nines that round up to a power of ten", "9" * 800)
    yield root_of("the longest", {"digits": ["8", RESULT_DIGITS]})


def flows():
    for part in (integers_of_every_length, decimals_of_every_length, zeros_and_signs, exponents, many_numbers,
                 limits_of_a_number, limits_of_a_list, limits_of_a_result):
        yield from part()


def main():
    sections = {"flows": list(flows()), "averages": list(averages()), "roots": list(square_roots())}
    lines = {name: ",\n".join(map(json.dumps, cases)) for name, cases in sections.items()}
    text = "{" + ",\n".join(f'"{name}": [\n{cases}\n]' for name, cases in lines.items()) + "}\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8", newline="\n")
    print({name: len(cases) for name, cases in sections.items()}, f"{len(text):,} bytes")


if __name__ == "__main__":
    main()
