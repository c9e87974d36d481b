"""What precisions are called, in Python, on the command line and in exported files; read without torch."""

from __future__ import annotations

NAMES = ("float32", "bfloat16", "float16", "int8")
OLDER = {"off": "float32", "bf16": "bfloat16", "fp16": "float16"}  # names that --half has
IN_FILES = {"single": "float32", "half": "float16", "int8": "int8"}  # what an exported file calls those it can have


def named(name: str) -> str:
    """The precision that a name or an older name means. Raises ValueError when there is no such precision."""
    name = OLDER.get(name, name)
    if name not in NAMES:
        raise ValueError(f"precision is {name!r}; it must be one of {', '.join(NAMES)}")
    return name


def agreed(precision: str, half: str = "off") -> str:
    """One precision from `precision`, which may be "auto", and `half`, its older form.

    Raises:
        ValueError: there is no such precision, or the two differ.
    """
    precision, half = precision if precision == "auto" else named(precision), named(half)
    if half == "float32" or precision == half:
        return precision
    if precision == "float32":
        return half
    raise ValueError(f"precision {precision} and half {half} contradict each other; leave out half, the older option")
