"""Hostile inputs one by one, each with a name: every value, file and address that must cost one sentence at most.

    python benchmarks/hostile_values.py [--only KIND] [--every N]

`fuzz.py` tries inputs by chance; these are chosen. Each is read or refused in one line within five seconds; those that
nobody could make sense of must be refused. Printed is how many cases of each kind there are, and every one that fails.
`tests/test_hostile_values.py` counts them all and runs some.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["HF_HUB_OFFLINE"] = "1"  # names of models are asked about; nobody is to be asked

from benchmarks.hostile_kinds import addresses, calls, datasets, pictures, texts, traces, weights
from benchmarks.hostile_kinds.base import Case

SENTENCES = (ValueError, OSError, ImportError)
SLOW = 5.0  # seconds
LONGEST = 2_000  # characters of a sentence
KINDS = (
    pictures.pictures,
    pictures.arrays,
    weights.pickles,
    weights.tensors,
    weights.configurations,
    weights.exports,
    traces.traces,
    datasets.datasets,
    texts.files,
    calls.calls,
    addresses.addresses,
)


def cases() -> Iterator[Case]:
    """All of them, always the same."""
    for kind in KINDS:
        yield from kind()


def fault(case: Case) -> str | None:
    """What is wrong with how a case is answered; None where it is as it should be."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            case.run(Path(folder))
            said = None
        except SENTENCES as error:
            said = str(error)
        except Exception as error:  # noqa: BLE001 - what must not be
            return f"{type(error).__name__}: {str(error)[:200]}"
    seconds = time.perf_counter() - start
    if seconds > SLOW:
        return f"it takes {seconds:.1f} s"
    if said is None:
        return "it is not refused" if case.refused else None
    if not said.strip() or len(said) > LONGEST or "Traceback" in said or len(said.strip().splitlines()) > 2:
        return f"it says {said[:200]!r}"
    return None


def main() -> int:
    """Run the cases; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a kind, or a part of its name")
    parser.add_argument("--every", type=int, default=1, help="only every so many")
    options = parser.parse_args()
    counts, wrong, start = Counter(), 0, time.perf_counter()
    for case in list(case for case in cases() if options.only in case.kind)[:: options.every]:
        counts[case.kind] += 1
        said = fault(case)
        if said:
            wrong += 1
            print(f"{case.kind}, {case.name}: {said}", flush=True)
    print(", ".join(f"{kind} {count}" for kind, count in counts.items()))
    print(f"{sum(counts.values())} cases, {wrong} otherwise than they should be, {time.perf_counter() - start:.0f} s")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
