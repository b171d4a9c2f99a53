"""What must come of a record, from the documentation: stages/README.md, stages/numbers/README.md, pipeline/README.md."""

import hashlib
import math
import re
import sys
from decimal import Decimal
from pathlib import Path

from json_text import NotJson, scan

sys.path.insert(0, str(Path(__file__).parents[3] / "stages"))
from known_answers import arithmetic  # noqa: E402
from known_answers.reading import MOST_NUMBERS, RESULT_DIGITS, Refused, exact, is_number  # noqa: E402
from known_answers.rounding import written  # noqa: E402

TOPICS = ["start", "stage2", "stage3", "stage4", "stage5", "stage6"]
OWN = ("message-id", "attempt", "sent-at", "entered-at", "traceparent")
RECORD_BYTES = 900_000
TOPIC_BYTES = 1_048_588
SKEW_MS = 5_400_000


class Body:
    def __init__(self, value):
        if not value:
            raise Refused("empty")
        try:
            self.text = value.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError:
            raise Refused("not-utf8") from None
        try:
            self.members = scan(self.text)
        except NotJson:
            raise Refused("not-json") from None
        if self.members is None:
            raise Refused("not-an-object")

    def put(self, name, json_text):
        """Replaces the field where it stands, or appends it; all other characters stay."""
        if name in self.members:
            start, end, _ = self.members[name]
            prefix = ""
        else:
            start = end = self.text.rindex("}")
            prefix = f'{"," if self.members else ""}"{name}":'
        growth = len(prefix) + len(json_text) - (end - start)
        for place in self.members.values():
            if place[0] > start:
                place[0], place[1] = place[0] + growth, place[1] + growth
        self.text = self.text[:start] + prefix + json_text + self.text[end:]
        self.members[name] = [start + len(prefix), start + len(prefix) + len(json_text), None]

    def seal(self, knows_sine):
        """The hash of the text without the sines, whose last digit may differ, and the byte where they begin."""
        if not knows_sine:
            return [hashlib.sha256(self.text.encode()).hexdigest(), None]
        start, end, _ = self.members["sin"]
        head = self.text[:start].encode()
        return [hashlib.sha256(head + self.text[end:].encode()).hexdigest(), len(head)]


def numbers(body):
    start, end, items = body.members["numbers"]
    if items is None:
        raise Refused("not-a-list")
    if len(items) > MOST_NUMBERS:
        raise Refused("too-many-numbers")
    return arithmetic.checked_list(items)


def number(body, name):
    start, end, _ = body.members[name]
    token = body.text[start:end]
    if not is_number(token):
        raise Refused("not-a-number")
    exact(name, token, RESULT_DIGITS)
    return token


def root(body, name):
    return arithmetic.square_root(name, number(body, name))


def sines(tokens):
    doubles = [float(token) for token in tokens]
    if any(map(math.isinf, doubles)):
        raise Refused("past-double")
    return [math.sin(double) for double in doubles]


def object_of(values):
    return "{" + ",".join(f'"{name}":{value}' for name, value in values.items()) + "}"


# The field that each stage adds, those that it needs in the order in which it reads them, each with its reader, and its function.
LIST = {"numbers": lambda body, _: numbers(body)}
STAGES = [
    ("sum", LIST, lambda read: arithmetic.add(read["numbers"])),
    ("product", LIST, lambda read: arithmetic.multiply(read["numbers"])),
    ("lcm", LIST, lambda read: arithmetic.lcm(read["numbers"])),
    ("average", {"sum": number, **LIST}, lambda read: arithmetic.average(read["numbers"], read["sum"])),
    ("sin", LIST, lambda read: sines(read["numbers"])),
    ("sqrt", dict.fromkeys(("lcm", "sum", "product", "average"), root), object_of),
]


def outcome(topic, value, headers):
    """The steps, each with result, hash of the body and place of the sines; and the dead letter's reason, or None."""
    steps, sealed = [], [None if value is None else hashlib.sha256(value).hexdigest(), None]
    # Of the headers that the pipeline writes, the broker sees at least these bytes.
    header_bytes = sum(len(name.encode()) + len(data or b"") for name, data in headers if name not in OWN)
    try:
        body = Body(value)
        for name, needs, compute in STAGES[TOPICS.index(topic) :]:
            read = {}
            for need, reader in needs.items():
                if need not in body.members:
                    raise Refused("missing-field")
                read[need] = reader(body, need)
            result = compute(read)
            is_sine = name == "sin"
            body.put(name, "[" + ",".join(map(written, result)) + "]" if is_sine else result)
            size = len(body.text.encode())
            if size > RECORD_BYTES or size + header_bytes > TOPIC_BYTES:
                raise Refused("too-large")
            sealed = body.seal(is_sine or (steps and steps[-1][2] is not None))
            steps.append([result, *sealed])
        return steps, None
    except Refused as refusal:
        return steps, [refusal.args[0], *sealed]


def last(headers, name):
    values = [data for key, data in headers if key == name]
    return (values[-1] or b"").decode("utf-8", "replace") if values else None


def time_of(text, latest):
    if text is None or not re.fullmatch(r"[0-9]{1,14}(\.[0-9]{1,6})?", text):
        return None
    time = float(round(Decimal(text), 3))
    return time if 0 < time <= latest else None


def parent_of(text):
    hexes = r"([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})"
    match = re.fullmatch(rf"00-{hexes}|(?!00|ff)[0-9a-f]{{2}}-{hexes}(?:-.*)?", text or "")
    trace, span, flags = [group for group in match.groups() if group] if match else ("0", "0", "0")
    return None if int(trace, 16) == 0 or int(span, 16) == 0 else [trace, span, int(flags, 16) & 1]


def identity(headers, now):
    """Id (None: derived), attempt, times and trace. A header that is malformed counts as absent."""
    given = (last(headers, "message-id") or "").strip(" \n\t").lower()
    match = re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", given)
    digits = given.replace("-", "") if match else ""
    found = digits if digits.strip("0") else None
    text = last(headers, "attempt") or ""
    attempt = int(text) if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 32_767 else 1
    sent = time_of(last(headers, "sent-at"), now + SKEW_MS)
    entered = time_of(last(headers, "entered-at"), max(now, sent or 0)) if sent else None
    return {"id": found, "attempt": attempt, "sentAt": sent, "enteredAt": entered, "parent": parent_of(last(headers, "traceparent"))}
