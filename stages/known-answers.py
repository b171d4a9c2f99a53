"""Writes known-answers.json, the expected results of the six stages.

Run it with Python 3.11 or later, from anywhere:  python3 stages/known-answers.py
It needs only the standard library and uses other methods than the stages: sums and products are Decimals of unlimited
precision, averages are Python's division of integers, which rounds correctly, and square roots are compared with both
neighbouring midpoints as Fractions. Every run writes the same file.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.set_int_max_str_digits(0)

from known_answers.flows import flows  # noqa: E402
from known_answers.steps import averages, square_roots  # noqa: E402


def main():
    sections = {"flows": list(flows()), "averages": list(averages()), "roots": list(square_roots())}
    lines = {name: ",\n".join(map(json.dumps, cases)) for name, cases in sections.items()}
    text = "{" + ",\n".join(f'"{name}": [\n{cases}\n]' for name, cases in lines.items()) + "}\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8", newline="\n")
    print({name: len(cases) for name, cases in sections.items()}, f"{len(text):,} bytes")


if __name__ == "__main__":
    main()
