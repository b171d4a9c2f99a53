"""Bodies by class: a weight, and a function from a Random to a text, bytes, None, or a topic with one of these."""

import json
import string

from oracle import RECORD_BYTES, TOPICS


def integer(random):
    return str(random.randint(-5, 1000) if random.random() < 0.3 else random.randint(1000, 100_000_000))


def decimal(random):
    return f"{random.randint(0, 100_000)}.{random.randrange(10 ** random.randint(1, 6))}"


def number_list(random, make=None, count=None):
    make = make or random.choice([integer, decimal])
    space = random.choice(["", "", " ", "\n\t"])
    return "[" + f",{space}".join(make(random) for _ in range(count or random.randint(1, 12))) + "]"


def member(random):
    name = "".join(random.choices(string.ascii_letters + 'é😀\\/"\n ', k=random.randint(0, 8)))
    value = random.choice([1.5, None, True, "x, ] } \\ \" :", [[], {}, ["]"]], {"numbers": [9], "sum": 1}, "\u2028\x7f"])
    return f"{json.dumps(name, ensure_ascii=random.random() < 0.5)}: {json.dumps(value)}"


def body(random, numbers=None, before=(), after=()):
    """A body with its numbers among other members."""
    others = [member(random) for _ in range(random.choice([0, 0, 0, 1, 3]))]
    numbers = numbers if numbers is not None else number_list(random)
    return "{" + ", ".join([*before, *others, f'"numbers": {numbers}', *after]) + "}"


def good(random):
    return body(random)


def with_number(*tokens):
    def make(random):
        token = random.choice(tokens)
        return body(random, number_list(random, lambda _: token if random.random() < 0.4 else integer(random)))

    return make


def exponent(random):
    def token(_):
        mantissa = random.choice(["0", "-0", "0.000", "1", "-7", "1.25", "123456789.987654321", "0.00001"])
        power = random.choice([0, 3, 15, 16, 21, 22, 308, 309, 324, 400, 999, 1000, 99999, 10**25, random.randint(0, 700)])
        return f"{mantissa}{random.choice('eE')}{random.choice(['', '+', '-'])}{power}"

    return body(random, number_list(random, token, random.randint(1, 4)))


def digit_limit(random):
    length = random.choice([999, 1000, 1001, random.randint(500, 1500)])
    digit = random.choice("123456789")
    whole = random.randint(1, length - 1)
    token = random.choice(
        [
            digit * length,
            f"-{digit * length}",
            f"{digit * whole}.{digit * (length - whole)}",
            f"0.{digit * (length - 1)}",
            f"0.{'0' * (length - 2)}{digit}",
            f"{digit}{'0' * (length - 1)}",
            f"{digit}e{length - 1}",
            f"{digit}e-{length - 1}",
            f"{digit}.{digit * length}e{length}",
            f"0.{'0' * (length - 1)}",
            f"0e{'9' * length}",
            f"0.{'0' * (length - 1)}{digit}e{length}",
        ]
    )
    return body(random, f"[{token}{random.choice(['', ',1', ',0.5', ',3e5'])}]")


def list_limit(random):
    count = random.choice([9_999, 10_000, 10_001])
    token = random.choice([lambda _: "1", lambda _: "0.5", integer, lambda _: random.choice("23579"), lambda _: "1e300"])
    return body(random, number_list(random, token, count))


def result_limit(random):
    digits = random.choice([1000, 999])
    tokens = [random.choice("789") * digits for _ in range(random.choice([99, 100, 101]))]
    return body(random, f"[{','.join([*tokens, random.choice(['1', '0.1', '2e3', '1e-999'])])}]")


def nested(random):
    depth = random.choice([1000, 100_000, 100_000, 440_000])
    opening, closing = random.choice([("[", "]"), ('{"":', "}"), ("[", "")])
    inner = opening * min(depth, 440_000 // len(opening)) + ("1" if closing == "}" else "")
    text = inner + closing * (len(inner) // len(opening))
    where = random.choice([f'{{"numbers":[1,2],"deep":{text}}}', f'{{"numbers":{text}}}', text, f'{{"numbers":[1,{text}]}}'])
    return where


def large(random):
    """Just below, at and above the limit of a record with its sum, or anywhere near."""
    spare = random.choice([-140_000, -1, 0, 1, 40, 5000, random.randint(-100, 100_000)])
    head = f'{{"numbers":[1,2,3],"note":"{random.choice(["", "é", "😀"])}'
    room = RECORD_BYTES - len(f'{head}",,"sum":6}}'.encode()) + 1 - spare
    filler = random.choice([lambda n: "x" * n, lambda n: random.randbytes(n // 2 + 1).hex()[:n], lambda n: "\\\\" * (n // 2) + " " * (n % 2)])
    return f'{head}{filler(room)}"}}'


def many_values(random):
    unit = random.choice(["[],", "{},", '{"a":0},', "0,", '"",', '"\\u0041",', "1e9,", "[[[]]],"])
    items = unit * (random.choice([100_000, 880_000]) // len(unit))
    if random.random() < 0.3:
        return f'{{"numbers":[1,2],{",".join(f"{chr(34)}k{key}{chr(34)}:{key}" for key in range(60_000))}}}'
    return random.choice([f'{{"numbers":[{items}1]}}', f'{{"x":[{items}0],"numbers":[3,4]}}'])


def truncated(random):
    text = good(random).encode()
    return text[: random.randrange(len(text))]


def mutated(random):
    text = bytearray(good(random).encode())
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(text))
        change = random.choice([bytes([random.randrange(256)]), b"", b'"', b"\\", b",", b"}", b"]", b"0", b"-", b".", b"e"])
        text[at : at + random.choice([0, 1])] = change
    return bytes(text)


def invalid_utf8(random):
    bad = random.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82", b"\xf5\x80\x80\x80", b"\xf0\x9f\x98", b"\x80"])
    text = good(random).encode()
    at = random.choice([0, len(text), text.index(b"numbers"), random.randrange(len(text))])
    return text[:at] + bad + text[at:]


def control(random):
    character = chr(random.choice([*range(32), 127, 0x85, 0x2028, 0xFEFF]))
    text = body(random, before=['"note": "ab"'])
    at = random.choice([0, len(text), text.index("ab") + 1, random.randrange(len(text))])
    return text[:at] + character + text[at:]


def members(random, names):
    values = ["1", '"x"', "null", "[1.50]", "{}", "2.0", number_list(random)]
    made = [f"{random.choice(names)}:{random.choice(values)}" for _ in range(random.randint(1, 5))]
    return body(random, before=made[:2], after=made[2:])


DOUBLED = ['"numbers"', '"sum"', '"n\\u0075mbers"', '"product"', '"lcm"', '"average"', '"sin"', '"sqrt"', '"s\\u0075m"']
PROTOTYPE = ['"__proto__"', '"constructor"', '"toString"', '"toJSON"', '"hasOwnProperty"', '"valueOf"', '"rawJSON"', '"length"']


def surrogates(random):
    half = random.choice(["\\ud800", "\\udfff", "\\ud83d\\ud83d", "\\ude00\\ud83d", "\\ud83d\\ude00"])
    return body(random, before=random.choice([[f'"note": "{half}"'], [f'"{half}": 1'], [f'"{half}numbers": [0]']]))


def byte_order_mark(random):
    text = good(random)
    return random.choice(["\ufeff" + text, "\ufeff\ufeff" + text, " \ufeff" + text, text + "\ufeff", "\ufeff"])


def later(random):
    """A body on a later topic, whose fields of the earlier stages are missing, hostile or right."""
    values = ["1", "0", "-4", "2.25", "1e99999", "1e100000", "1e-99999", "-1e-5", '"12"', "null", "[1]", "{}", "9" * 600, "1e400"]
    values += ["0." + "3" * random.randint(1, 400), "9" * random.choice([99_999, 100_000, 100_001]) if random.random() < 0.02 else "16"]
    fields = [name for name in ("sum", "product", "lcm", "average", "sin", "sqrt") if random.random() < 0.85]
    made = [f'"{name}":{random.choice(values[:4] if random.random() < 0.8 else values)}' for name in fields]
    return random.choice(TOPICS[1:]), "{" + ",".join(random.sample([*made, f'"numbers":{number_list(random)}'], len(made) + 1)) + "}"


def no_object(random):
    return random.choice(["[1,2]", "7", '"text"', "null", "true", f"[{good(random)}]", "-0", "NaN", "Infinity", "undefined", "'a'"])


BODIES = {
    "good": (300, good),
    "truncated": (60, truncated),
    "mutated": (80, mutated),
    "invalid UTF-8": (50, invalid_utf8),
    "control characters": (40, control),
    "duplicate keys": (40, lambda random: members(random, DOUBLED)),
    "prototype names": (40, lambda random: members(random, PROTOTYPE)),
    "lone surrogates": (20, surrogates),
    "byte order marks": (20, byte_order_mark),
    "numbers as strings": (30, with_number('"12"', '"1e5"', "null", "true", "[1]", "{}", "01", "+1", ".5", "1.", "0x1f", "1_000")),
    "exponents": (60, exponent),
    "digits at the limit": (10, digit_limit),
    "numbers at the limit": (0.1, list_limit),
    "results at the limit": (0.1, result_limit),
    "nested": (0.1, nested),
    "900 KB": (0.1, large),
    "100,000 values": (0.1, many_values),
    "no body": (20, lambda random: random.choice([None, "", " ", "\n"])),
    "no object": (20, no_object),
    "no numbers": (20, lambda random: random.choice(["{}", '{"number":[1]}', '{"numbers":[]}', '{"numbers":7}', '{"Numbers":[1]}'])),
    "later topics": (100, later),
}
