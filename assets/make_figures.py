"""Draw the pictures of the README and of the page again: `python assets/make_figures.py`, after a new checkpoint.

Writes examples/*.jpg (scenes from seeds that no training uses), examples/boxes.json (what is in them and where) and
figures/sharpening.gif.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from PIL import Image
from torchvision.ops import box_iou

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import dfine
from dfine.boxes import to_xyxy
from dfine.data import scenes
from dfine.figures.object import animation
from dfine.inference.predictor import Result
from dfine.trace.history import History

EXAMPLES = {  # name: seed (training starts from 0, held-out scenes end far below ten million) and dials
    "1-clean": (10_000_000, {}),
    "2-crowd": (10_000_012, {"crowding": 1.0}),
    "3-low-light": (10_000_023, {"low_light": 0.8}),
    "4-occlusion": (10_000_026, {"occlusion": 0.9}),
    "5-far-off": (10_000_630, {"crowding": 1.0}),
}
WELL = 0.9  # IoU with the truth of a box that is shown


def examples(folder: Path) -> None:
    """Draw the example pictures, 640 pixels square, and write down where everything in them is."""
    folder.mkdir(parents=True, exist_ok=True)
    truth: dict[str, list] = {}
    for name, (seed, dials) in EXAMPLES.items():
        scene = scenes.draw(seed, 640, dials)
        picture = Image.fromarray(scene.image)
        picture.save(folder / f"{name}.jpg", quality=88, optimize=True)
        truth[f"{name}.jpg"] = [
            [scenes.NAMES[label], [round(v, 1) for v in box]]
            for label, box in zip(scene.labels.tolist(), scene.boxes.tolist())
        ]
    (folder / "boxes.json").write_text(json.dumps(truth).replace("]]], ", "]]],\n ") + "\n", encoding="utf-8")


def telling(result: Result, truth: list[list[float]]) -> History:
    """The object to show: of those found well and wholly in the picture, that whose edges moved furthest for its size.

    Args:
        result: of an example.
        truth: where everything in it is, corners in pixels.
    """
    found = result.detections
    best = box_iou(found.boxes, torch.tensor(truth)).amax(1).tolist()
    histories = [result.history(i) for i in range(len(found)) if best[i] >= WELL]
    inside = [h for h in histories if ((to_xyxy(h.boxes[-1]) - 0.5).abs() < 0.48).all()]
    if not inside:
        raise SystemExit("nothing was found wholly in the picture; lower --threshold or give another --example")
    return max(inside, key=lambda h: float(h.offsets[-1].abs().sum()))


def main() -> None:
    """Draw everything that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--example", default="2-crowd", choices=EXAMPLES)
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--only-examples", action="store_true", help="draw only the scenes, which needs no checkpoint")
    options = parser.parse_args()
    examples(HERE / "examples")
    if options.only_examples:
        return
    result = dfine.load(options.model, device="cpu")(HERE / "examples" / f"{options.example}.jpg", options.threshold)
    truth = json.loads((HERE / "examples" / "boxes.json").read_text(encoding="utf-8"))[f"{options.example}.jpg"]
    history = telling(result, [box for _, box in truth])
    (HERE / "figures").mkdir(exist_ok=True)
    animation.save(animation.frames(result.picture, history), HERE / "figures" / "sharpening.gif")


if __name__ == "__main__":
    main()
