"""
Writes record batches with librdkafka and prints them as JSON lines: the records and their bytes in base64. Made with
confluent-kafka 2.16.1 (librdkafka 2.16.0) against Apache Kafka 4.3.1:

    pip install confluent-kafka==2.16.1
    python3 librdkafka-batches.py BOOTSTRAP LOG_DIRECTORY > librdkafka-batches.jsonl

The bytes are those of the broker's segment files. The topics stamp no time of their own and keep the producer's compression,
so the broker has only written the first offset and the leader epoch, in front of what the checksum covers.
"""

import base64
import json
import struct
import sys
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

TIME = 1_700_000_000_123
binary = bytes(index * 7 % 256 for index in range(200))

# Each record: key, value, headers, milliseconds after TIME.
batches = {
    "value only": [(None, b"x", [], 0)],
    "keys and nulls": [(b"k", None, [], 0), (b"", b"", [], 0), (binary, "ü🙂".encode(), [], 0), (None, None, [], 0)],
    "headers": [
        (None, b"x", [("a", b"1"), ("empty", b""), ("nothing", None), ("é", "ü".encode()), ("bytes", binary)], 0),
        (None, b"y", [("twice", b"1"), ("twice", b"2")], 0),
        (None, b"z", [], 0),
    ],
    "eighty records": [(None, binary[:index], [("n", str(index).encode())], 0) for index in range(80)],
    "times": [(None, b"x", [], 0), (None, b"y", [], 70_000), (None, b"z", [], 5)],
    "idempotent": [(b"k", b"x", [], 0), (b"k", b"y", [], 0)],
}


def encoded(data):
    return None if data is None else base64.b64encode(data).decode()


def written(bootstrap, directory, number, records):
    topic = f"librdkafka-{number}"
    settings = {"message.timestamp.type": "CreateTime", "compression.type": "producer"}
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1, config=settings)])[topic].result()
    # One batch: nothing is sent before all is produced.
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2000, "enable.idempotence": number == len(batches) - 1})
    for key, value, headers, after in records:
        producer.produce(topic, value, key, partition=0, timestamp=TIME + after, headers=headers)
    producer.flush()
    segment = (Path(directory) / f"{topic}-0" / f"{0:020}.log").read_bytes()
    # A file may have room for more at its end.
    return segment[: 12 + struct.unpack(">i", segment[8:12])[0]]


for number, (name, records) in enumerate(batches.items()):
    listed = [
        {"key": encoded(key), "value": encoded(value), "headers": [[header, encoded(text)] for header, text in headers], "after": after}
        for key, value, headers, after in records
    ]
    batch = written(sys.argv[1], sys.argv[2], number, records)
    print(json.dumps({"name": name, "records": listed, "bytes": encoded(batch)}, ensure_ascii=False))
