"""Does a covered edge know? The test of `dfine.evaluation.covered` on clean scenes, or on pictures with labels.

    python benchmarks/covered.py [--model demo] [--data scenes | FOLDER --split val] [--count 200] [--plain]

For every paint (the page's, and the fills that training knows) a line: how often the covered edge is the widest, and
how often its 80 % interval holds the truth. `--plain` leaves the checkpoint's calibration out.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import dfine
from dfine.data.loader import subset
from dfine.data.occluders import FILLS
from dfine.data.scenes import Scenes
from dfine.data.sources import open_data
from dfine.evaluation.covered import MEAN, CoverTest, covered_edges
from dfine.inference.predictor import Predictor

SEED = 4_000_000  # of the scenes; neither training nor the card draws them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--data", default="scenes", help="'scenes', or a data set with labels")
    parser.add_argument("--split", default=None)
    parser.add_argument("--count", type=int, default=200, help="pictures at most")
    parser.add_argument("--share", type=float, default=0.35, help="of the object that is covered")
    parser.add_argument("--paints", default=",".join((MEAN, *FILLS)))
    parser.add_argument("--plain", action="store_true", help="without the checkpoint's calibration")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()

    model = dfine.load(options.model, device="cpu")
    if options.plain:
        model = Predictor(model.engine, replace(model.card, temperature=None, levels=None))
    if options.data == "scenes":
        data = Scenes(options.count, size=model.input_size, seed=SEED, clean=1.0)
    else:
        data = open_data(options.data, options.split)
        data = subset(data, range(min(options.count, len(data))))
    found = {}
    for paint in options.paints.split(","):
        result = covered_edges(model, data, CoverTest(share=options.share, paint=paint))
        found[paint] = result.to_dict()
        print(f"{paint:9} {result}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(vars(options) | {"json": None, "found": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
