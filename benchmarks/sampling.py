"""AP against labels: what a few labelled pictures are worth, chosen by our list, by scores, or by chance.

    python benchmarks/sampling.py --data bccd --out sampling.json
    python benchmarks/sampling.py --data voc --test val --init demo --counts 100 200 400 --out voc.json

For each seed, 20 training pictures taken by chance are labelled first, and a checkpoint that has not seen any of them
is trained on them. That model then chooses which pictures are labelled next, 20 and then 40 more; each time the
checkpoint is trained anew on all that are labelled, for as many steps, and AP is measured on another split, of which
nothing is learned. Three ways of choosing are compared: `dfine explore --sampling`, the doubt of the scores only, and
chance. Every result is written down at once; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

WAYS = ("ours", "scores", "chance")
BATCH = 8


def main() -> None:
    """Train and measure what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a data set with the split train, and another to measure on")
    parser.add_argument("--test", default="test", help="the split to measure on")
    parser.add_argument("--out", type=Path, required=True, help="JSON of the results; models lie beside it meanwhile")
    parser.add_argument("--init", default="photos")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--counts", type=int, nargs="+", default=[20, 40, 80], help="labelled pictures")
    parser.add_argument("--input", type=int, default=192)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--most", type=int, default=10**6, help="trainings in this call")
    options = parser.parse_args()
    given = {key: getattr(options, key) for key in ("init", "input", "steps", "counts", "test")} | {
        "data": Path(options.data).name
    }
    known = json.loads(options.out.read_text()) if options.out.exists() else given | {"rows": []}
    if any(known.get(key) != value for key, value in given.items()):
        raise SystemExit(f"{options.out} holds results of other options; name another file")
    left = options.most
    for seed in options.seeds:
        for i, way in ((i, way) for i in range(len(options.counts)) for way in WAYS):
            left = curve(known, options, (seed, way), options.counts[: i + 1], left)
    for row in table(known["rows"], options.counts):
        print(row)


def curve(known: dict, options, which: tuple[int, str], counts: list[int], left: int) -> int:
    """Go on with the curve of a seed and a way, up to the last of `counts`, for at most `left` trainings.

    Returns:
        How many trainings are left.
    """
    from dfine.data.sources import open_data

    (seed, way), pool, before = which, open_data(options.data, "train"), None
    chosen = [int(i) for i in np.random.default_rng(seed).permutation(len(pool))[: counts[0]]]
    for count in counts:
        first = count == counts[0]  # is the same for all ways
        place = {"seed": seed, "way": "first" if first else way, "count": count}
        folder = options.out.with_suffix("") / "-".join(map(str, place.values()))
        row = next((row for row in known["rows"] if place.items() <= row.items()), None)
        if row is None:
            if not left:
                return 0
            if not first:
                chosen = chosen + choose(way, pool, chosen, before, count, seed)
            row = place | trained(options, pool, chosen, folder) | {"pictures": chosen}
            known["rows"].append(row)
            options.out.write_text(json.dumps(known) + "\n")
            print(place, {key: row[key] for key in ("AP", "AP50")}, flush=True)
            left -= 1
        chosen, before = row["pictures"], folder / "run" / "model"
    return left


def trained(options, pool, chosen: list[int], folder: Path) -> dict:
    """AP on the other split of the checkpoint, trained on some pictures of the pool."""
    from dfine.data.sources import open_data
    from dfine.training.loop import train
    from dfine.training.options import TrainOptions

    out = folder / "run"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "instances_train.json", pool, chosen)
    test = open_data(options.data, options.test)
    write(folder / "instances_val.json", test, range(len(test)))
    epochs = math.ceil(options.steps / max(1, len(chosen) // BATCH))
    what = dict(out=str(out), data=str(folder), init=options.init, input=options.input, epochs=epochs, val_every=epochs)
    plain = dict(plain_epochs=0, augment="plain", scales="off", queries=100, denoising=60, batch=BATCH, device="cpu")
    pace = dict(rate=8e-4, backbone_rate=4e-4, warmup=8, schedule="cosine", ema=0.9, ema_ramp=1)
    begun = (out / "last.pt").exists()
    result = train(TrainOptions(**what, **plain, **pace, resume=begun), tell=len)
    stats = list(result.stats.values())[-1]
    return {key: round(float(stats[key]), 4) for key in ("AP", "AP50")}


def write(path: Path, data, places) -> None:
    """Some pictures of a data set as a COCO file with whole paths."""
    truth = data.ground_truth()
    images = [truth["images"][i] | {"file_name": str(data.path(i).absolute())} for i in places]
    inside = {image["id"] for image in images}
    kept = [a for a in truth["annotations"] if a["image_id"] in inside]
    path.write_text(json.dumps({"images": images, "annotations": kept, "categories": truth["categories"]}))


def choose(way: str, pool, chosen: list[int], model: Path, count: int, seed: int) -> list[int]:
    """Which pictures of the pool are labelled next, so that there are `count`."""
    free = [i for i in range(len(pool)) if i not in set(chosen)]
    wanted = count - len(chosen)
    if way == "chance":
        return [free[i] for i in np.random.default_rng((seed, count)).permutation(len(free))[:wanted]]
    from dfine.explore.sampling import ordered
    from dfine.explore.similar import standardised

    doubt, features = seen(pool, model, way)
    if way == "scores":
        return [free[i] for i in np.argsort(-doubt[free], kind="stable")[:wanted]]
    z = standardised(features)
    return [free[i] for i in ordered(doubt[free], z[free], z[chosen], wanted)]


def seen(pool, model: Path, way: str) -> tuple[np.ndarray, np.ndarray]:
    """The doubt of every picture of the pool, and what the encoder sees of it."""
    import torch

    import dfine
    from dfine.explore.sampling import COUNTED, doubt_of
    from dfine.explore.similar import encoded

    predictor, doubts, features = dfine.load(str(model), device="cpu", fast=False), [], []
    for i in range(len(pool)):
        result = predictor(pool[i][0], threshold=COUNTED)
        scores = result.detections.scores.numpy()
        if way == "scores":  # the mean doubt of the boxes, as far as their scores tell
            doubts.append(float((1 - np.abs(2 * scores - 1)).mean()) if len(scores) else 0.0)
        else:
            doubts.append(doubt_of(scores, widths(result)))
        pixels = torch.nn.functional.interpolate(pool[i][0][None] / 255, predictor.input_size, mode="bilinear")
        with torch.inference_mode():
            features.append(encoded(predictor.engine.network, pixels)[0].numpy())
    return np.array(doubts), np.stack(features)


def widths(result) -> np.ndarray:
    """How far the least certain edge of each box may lie, relative to the box: as `dfine explore` stores it."""
    from dfine import distribution
    from dfine.boxes import from_pixels
    from dfine.trace.edges import EdgeReading

    found, trace = result.detections, result.trace
    edges, initial = trace.last.edges[0][found.query], trace.initial.boxes[0][found.query]
    read = EdgeReading(edges, initial, found.size, trace.w, trace.temperature, trace.levels).intervals(0.8)
    sides = distribution.sizes_in_pixels(from_pixels(found.boxes, found.size), found.size).clamp(min=1)
    return ((read[..., 1] - read[..., 0]) / sides).amax(1).numpy()


def table(rows: list[dict], counts: list[int]) -> list[str]:
    """Mean AP50 and AP of each way by the number of labelled pictures."""
    lines = []
    for way in WAYS:
        for count in counts:
            mine = [r for r in rows if r["way"] in (way, "first") and r["count"] == count]
            if mine:
                ap = [f"{np.mean([r[key] for r in mine]):.3f}" for key in ("AP", "AP50")]
                each = ", ".join(f"{r['AP']:.3f}" for r in mine)
                lines.append(f"{way:7} {count:3} pictures: AP {ap[0]} ({each}), AP50 {ap[1]}")
    return lines


if __name__ == "__main__":
    main()
