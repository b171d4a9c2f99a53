"""JSON numbers as exact decimals, with the limits of stages/numbers/limits.ts."""

from decimal import Decimal, InvalidOperation

MOST_NUMBERS, NUMBER_DIGITS, RESULT_DIGITS = 10_000, 1_000, 100_000


class Refused(Exception):
    """No result. Arguments: the reason code, and a text that the explanation must contain."""


def exact(place, token, most_digits):
    mantissa = token.lower().partition("e")[0]
    if not mantissa.strip("-0."):
        token = mantissa  # the exponent of a zero is ignored
    try:
        value = Decimal(token)
    except InvalidOperation:  # an exponent beyond the range of Decimal
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
