"""A case: numbers and the expected result of each stage."""

import hashlib

from .arithmetic import add, average, lcm, multiply, sine, square_root
from .reading import Refused
from .spelling import spelled, tokens_of

LONGEST_KEPT = 1_500


def answer(compute, *arguments):
    try:
        return compute(*arguments)
    except Refused as refusal:
        code, names = refusal.args
        return {"refused": code, "names": names}


def roots(fields):
    radicands = {field: fields[field] for field in ("lcm", "sum", "product", "average")}
    missing = [field for field, found in radicands.items() if not isinstance(found, str)]
    if missing:
        raise Refused("missing-field", ", ".join(missing))
    return {field: square_root(field, found) for field, found in radicands.items()}


def flow(about, *numbers):
    """A list of numbers with the result of each stage in turn. Refused fields are missing at the next stages."""
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
