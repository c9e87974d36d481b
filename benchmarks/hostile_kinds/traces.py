"""Traces of which the head or an array is another."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np

from benchmarks.hostile_kinds.base import ODD, Case, as_json, changed, written
from dfine.trace.disk import load_trace


def traces() -> Iterator[Case]:
    """Traces of which the head or an array is another."""
    head = {
        "schema": 1,
        "picture": "a.png",
        "model": "demo",
        "digest": "0",
        "names": ["cup"],
        "size": [8, 8],
        "shapes": [[1, 1]],
    }
    for name, value in changed(head):
        data = _npz(about=json.dumps(value), w=np.arange(5.0))
        yield Case("traces", name, written("t.npz", data, load_trace), True)
        yield Case(
            "traces", f"{name}, in JSON", written("t.json", as_json({"about": value, "w": [0.0]}), load_trace), True
        )
    for name, odd in ODD.items():
        data = as_json({"about": head, "w": odd, "origin": odd})
        yield Case("traces", f"arrays are {name}", written("t.json", data, load_trace), True)
    for kind in ("object", "U3", "complex64", "datetime64[s]"):
        data = _npz(about=json.dumps(head), w=np.zeros(3, kind))
        yield Case("traces", f"an array of {kind}", written("t.npz", data, load_trace), True)


def _npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()
