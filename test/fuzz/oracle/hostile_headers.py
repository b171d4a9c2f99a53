"""Headers by class: a weight, and a function from a Random and the time in milliseconds to a list of name and bytes."""


def hex_of(random, digits):
    return f"{random.getrandbits(4 * digits):0{digits}x}"


def usable_id(random, now):
    found = hex_of(random, 32)
    if random.random() < 0.5:
        # A UUIDv7 of any day.
        found = f"{max(0, now + random.randint(-20, 20) * 86_400_000):012x}7{found[13:]}"
    return [("message-id", found.encode())]


def ids(random, now):
    [(name, data)] = usable_id(random, now)
    text = data.decode()
    dashed = "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])
    made = [text.upper(), dashed, dashed.upper(), f" {text}\n", text[1:], text + "0", "0" * 32, "g" + text[1:], "", "mine", "\0", "f" * 5000]
    value = random.choice([one.encode() for one in made] + [b"\xff\xfe", None])
    return random.choice([[(name, value)], [(name, value), (name, data)], [(name, data), (name, value)]])


def attempts(random, now):
    made = ["0", "1", "2", "7", "00003", "32767", "32768", "-1", "1.5", "1e3", "99999999999999999999", "x", "", " 2", "NaN", "0x2", "２"]
    return [*usable_id(random, now), ("attempt", random.choice(made).encode())]


def times(random, now):
    past = ["1", "0.001", "999.123", f"{now - 5000}.250", f"{now - 86_400_000}"]
    useless = ["-1", "0", "-0", "0.0000001", f"{now + 86_400_000}", "99999999999999", "9" * 400, "1e12", "noon", "", "Infinity", "1,5", " 5"]
    sent, entered = (random.choice(random.choice([past, useless])).encode() for _ in "12")
    if random.random() < 0.1:
        # A clock that is five minutes ahead.
        sent = f"{now + 300_000}".encode()
    return random.choice([[("sent-at", sent)], [("entered-at", entered)], [("sent-at", sent), ("entered-at", entered)]])


def traces(random, now):
    trace, span, flags = hex_of(random, 32), hex_of(random, 16), random.choice(["00", "01", "ff", "03"])
    made = [
        f"00-{trace}-{span}-{flags}",
        f"00-{trace}-{span}-{flags}",
        f"cc-{trace}-{span}-{flags}",
        f"cc-{trace}-{span}-{flags}-what-the-future-brings",
        f"00-{trace}-{span}-{flags}-more",
        f"ff-{trace}-{span}-{flags}",
        f"00-{'0' * 32}-{span}-{flags}",
        f"00-{trace}-{'0' * 16}-{flags}",
        f"00-{trace.upper()}F-{span}-{flags}",
        f"00-{trace}-{span}",
        f"00-{trace}-{span}-{flags} ",
        "",
        "\0" * 55,
        "00-" * 2000,
    ]
    state = random.choice([[], [("tracestate", b"a=b")], [("baggage", b"x" * 9000)]])
    return [*random.choice([[], usable_id(random, now)]), ("traceparent", random.choice(made).encode()), *state]


NAMES = ["", "__proto__", "constructor", "toString", "toJSON", "0", "4294967295", "-1", "é😀", "a\0b", "x" * 300, "length", "MESSAGE-ID"]


def strange(random, now):
    values = [None, b"", b"1", b"\xff\x00", "é".encode(), random.randbytes(70), b"x" * 65]
    return [(random.choice(NAMES), random.choice(values)) for _ in range(random.randint(1, 12))]


def long(random, now):
    length = random.choice([1000, 65_536, 200_000])
    return [(f"n{'x' * length}", b"y"), ("value", random.randbytes(random.choice([1000, 300_000])))]


def many(random, now):
    name = random.choice(["a", "", "message-id", "sent-at", None])
    count = random.choice([1000, 60_000, 250_000 if name == "a" else 30_000])
    return [(f"h{index}" if name is None else name, b"") for index in range(count)]


# The first four go with bodies of other classes, too.
HEADERS = {
    "message ids": (60, ids),
    "attempts": (50, attempts),
    "times": (60, times),
    "traces": (60, traces),
    "strange headers": (40, strange),
    "long headers": (0.1, long),
    "many headers": (0.1, many),
}
