"""What each part of D-FINE is for: `python assets/make_ablations.py` trains without it, and writes ablations.json.

Six small decoders with two seeds each, one thread, on the frozen encoder of `demo` (`dfine.training.trial`). The
seventh notebook shows what the file keeps. Rows are written as they come; a run that was stopped goes on with the rows
that are missing, unless the checkpoint or the size of the trial has changed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import dfine  # noqa: E402
from dfine.files import write_json  # noqa: E402
from dfine.training.ablation import VARIANTS  # noqa: E402
from dfine.training.trial import Trial, materials, measured, trained  # noqa: E402

OUT = HERE / "ablations.json"


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=Trial.steps)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = dfine.load("demo", device="cpu", fast=False)
    trial = Trial(steps=options.steps)
    about = {"checkpoint": model.digest, "trial": asdict(trial)}
    kept = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    rows = kept["rows"] if kept and {k: kept[k] for k in about} == about else []
    started = time.process_time()
    seen, unseen = materials(model.network, trial)
    for seed in range(options.seeds):
        for name, ablation in VARIANTS.items():
            if any((row["variant"], row["seed"]) == (name, seed) for row in rows):
                continue
            row = {"variant": name, "seed": seed}
            row |= measured(trained(model.network, ablation, seen, trial, seed), unseen)
            rows.append(row)
            write_json(OUT, about | {"rows": rows})
            print(f"{time.process_time() - started:6.0f} s  {row}", flush=True)


if __name__ == "__main__":
    main()
