"""Compute the table of the page's heat map again: `python assets/make_quantisation.py`.

The mean error of quantisation (`dfine.evaluation.quantisation`) over the constants that the page's W(n) tab offers, of
all objects that the shipped `demo` finds in 200 drawn scenes, none of which it was trained on. Takes about a minute.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import dfine
from dfine.data import scenes
from dfine.evaluation.quantisation import errors, true_edges

TABLE = ROOT / "dfine" / "page" / "quantisation.json"
FIRST, COUNT, SIZE = 20_000_000, 200, (640, 480)  # seeds of scenes and their size
THRESHOLD = 0.3
A = [2 ** (-2 + i / 4) for i in range(9)]  # 1/4 … 1
C = [2 ** (-5 + i / 2) for i in range(11)]  # 1/32 … 1


def main() -> None:
    """Find, compute, write."""
    detector = dfine.load("demo", device="cpu")
    edges = true_edges(found(detector))
    table = dict(objects=len(edges), pictures=COUNT, model="demo", a=A, c=C, errors=errors(edges, A, C).tolist())
    table["errors"] = [[round(v, 3) for v in row] for row in table["errors"]]
    TABLE.write_text(json.dumps(table) + "\n", encoding="utf-8")
    print(f"{TABLE.relative_to(ROOT)}: {len(edges)} objects in {COUNT} pictures")


def found(detector: dfine.Predictor) -> Iterator[tuple[dfine.Result, torch.Tensor, list[int]]]:
    """What the detector finds in every scene, with the truth."""
    for seed in range(FIRST, FIRST + COUNT):
        scene = scenes.draw(seed, SIZE)
        result = detector(Image.fromarray(scene.image), threshold=THRESHOLD)
        yield result, torch.from_numpy(scene.boxes), scene.labels.tolist()


if __name__ == "__main__":
    main()
