"""Expands the short form of lists of numbers, as known-answers.test.ts does."""


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
        case {"power": [base, exponent, *zeros]}:
            return [str(base**exponent) + "".join("." + "0" * count for count in zeros)]
        case {"digits": [digits, count]}:
            return [digits * count]


def tokens_of(numbers):
    return [token for item in numbers for token in spelled(item)]
