"""A corpus of hostile and good records from a seed, one JSON line each, with what must come of it.

python3 test/fuzz/oracle/corpus.py --seed 7 --messages 1000 --partitions 4 --now 1764220000000
"""

import argparse
import base64
import json
import sys
from random import Random

sys.dont_write_bytecode = True
sys.set_int_max_str_digits(0)

from bodies import BODIES, good  # noqa: E402
from hostile_headers import HEADERS, usable_id  # noqa: E402
from oracle import TOPICS, identity, outcome  # noqa: E402


def base64_of(data):
    return None if data is None else base64.b64encode(data).decode()


def records(random, now):
    """Class, topic, value and headers without end. A pair with one id comes one after the other."""
    classes = [(name, weight, make, None) for name, (weight, make) in BODIES.items()]
    classes += [(name, weight, None, make) for name, (weight, make) in HEADERS.items()]
    weights = [weight for _, weight, _, _ in classes]
    while True:
        [(name, weight, body, headers)] = random.choices(classes, weights)
        # The costly ones also come one after the other.
        for _ in range(20 if weight < 1 and random.random() < 0.1 else 1):
            made = body(random) if body else good(random)
            topic, value = made if isinstance(made, tuple) else ("start", made)
            value = value.encode() if isinstance(value, str) else value
            extra = headers(random, now) if headers else []
            if name == "results at the limit" and random.random() < 0.3:
                # With its product the record is larger than the topic allows, while the body is not.
                extra = [("padding", random.randbytes(900_000))]
            elif body and weight >= 1 and random.random() < 0.2:
                extra = random.choice(list(HEADERS.values())[:4])[1](random, now)
            yield name, topic, value, extra, False
        if name == "good" and random.random() < 0.03:
            pair = usable_id(random, now)
            yield "duplicate", topic, value, pair, False
            yield "duplicate", topic, random.choice([value, b"another"]), pair, True


def lines(seed, messages, partitions, now):
    random = Random(seed)
    source = records(random, now)
    partition = 0
    for _ in range(messages):
        name, topic, value, headers, is_duplicate = next(source)
        if not is_duplicate:
            partition = random.randrange(partitions)
        steps, dead = ([], None) if is_duplicate else outcome(topic, value, headers)
        yield {
            "class": name,
            "topic": topic,
            "stage": TOPICS.index(topic),
            "partition": partition,
            "value": base64_of(value),
            "headers": [[key, base64_of(data)] for key, data in headers],
            "isDuplicate": is_duplicate,
            "identity": identity(headers, now),
            "steps": steps,
            "dead": dead,
        }


def main():
    parser = argparse.ArgumentParser()
    for name in ("seed", "messages", "partitions", "now"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for line in lines(**vars(parser.parse_args())):
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
