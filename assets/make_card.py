"""Write the shipped checkpoint and its card again, after a training: `python assets/make_card.py RUN … --hardware …`.

Takes the best averaged weights of the last run, stores them in half precision, evaluates what was stored as
`dfine evaluate` does, and puts the figures into checkpoints/demo/README.md and into the project's README.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

import dfine
from assets import sureness
from dfine.cli.evaluate import HELD_OUT, HELD_OUT_COUNT
from dfine.data.repeat import repeated
from dfine.data.scenes import NAMES, Scenes
from dfine.data.sources import open_data
from dfine.evaluation.coco import METRICS, Evaluation, evaluate
from dfine.inference.predictor import Predictor
from dfine.training.options import TrainOptions

DEMO = HERE / "checkpoints" / "demo"
OTHER_INPUTS, OTHER_COUNT = (448, 640), 100  # how well it does at inputs that it was not trained for
LEFT_OUT = {"out", "resume", "device", "save_every", "val"}


def main() -> None:
    """Store, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of `dfine train`, in the order in which they ran")
    parser.add_argument("--hardware", required=True, help='for instance "2 CPU cores"')
    parser.add_argument("--minutes", required=True, help="how long each run took, for instance 60,50")
    parser.add_argument("--note", default="", help="a sentence for the card, on what the commands do not say")
    parser.add_argument("--keep", action="store_true", help="the runs that the card tells of now came before these")
    parser.add_argument("--blend", type=float, default=1.0, help="share of these weights; the rest is what ships now")
    options = parser.parse_args()

    options.earlier = told_runs((DEMO / "README.md").read_text(encoding="utf-8")) if options.keep else []
    trained = dfine.load(options.runs[-1] / "best", device="cpu", fast=False)
    if options.blend < 1:
        blend(trained.network, dfine.load("demo", device="cpu", fast=False).network, options.blend)
    trained.save(DEMO, half=True)
    sureness.fit(DEMO, dfine.load("demo"))
    model = dfine.load("demo")
    parts = measure(model)
    elsewhere = {side: ap_at(model, side) for side in (model.input_size[0], *OTHER_INPUTS)}
    sure = sureness.section(*sureness.measured(model), sureness.covered(model))
    (DEMO / "README.md").write_text(card(model, parts, elsewhere, sure, options), encoding="utf-8")
    insert(ROOT / "README.md", summary(model, parts))


def measure(model) -> dict[str, Evaluation]:
    """AP of every stage on the held-out scenes: the clean half and the hard one."""
    data = Scenes(HELD_OUT_COUNT, size=model.input_size, seed=HELD_OUT, clean=0.5)
    return evaluate(model, data).by_dials()


def ap_at(model, side: int) -> float:
    """AP of the last layer on the first held-out scenes, drawn and read at another size."""
    data = Scenes(OTHER_COUNT, size=(side, side), seed=HELD_OUT, clean=0.5)
    other = Predictor(model.engine, replace(model.card, input_size=(side, side)))
    result = evaluate(other, data, batch=8)
    return list(result.ap.values())[-1]


def command(run: Path, data: str | None = None) -> str:
    """The `dfine train` that made a run: every option that is not the default, with `data` in place of its folder."""
    chosen = json.loads((run / "options.json").read_text(encoding="utf-8"))
    default = vars(TrainOptions(out=""))
    words = ["dfine", "train", "--out", f"runs/{run.name}"]
    if data:
        chosen["data"] = data
    for key, value in chosen.items():
        if key not in LEFT_OUT and value != default[key]:
            ours = key in ("init", "teacher") and "/" in value
            words += [f"--{key.replace('_', '-')}", "/".join(("runs", *Path(value).parts[-2:])) if ours else str(value)]
    return shlex.join(words)


def blend(network, other, share: float) -> None:
    """Make the weights of `network` the mean of its own, with this share, and those of `other`.

    After Wortsman et al., "Robust fine-tuning of zero-shot models" (arXiv 2109.01903): along that line a fine-tuned
    network keeps most of what it has learned, and loses less of what it knew.
    """
    before = other.state_dict()
    mixed = {
        key: share * value + (1 - share) * before[key] if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    network.load_state_dict(mixed)


def told_runs(text: str) -> list[str]:
    """The commands in a card, with what it says of each."""
    return [text.split("## Training\n\n```\n")[1].split("\n```")[0]]


def epochs_of(run: Path) -> tuple[int, int]:
    """Epochs of a run, and the pictures that it has seen in them."""
    with (run / "log.csv").open(newline="", encoding="utf-8") as file:
        epochs = int(list(csv.DictReader(file))[-1]["epoch"])
    return epochs, epochs * pictures_of(json.loads((run / "options.json").read_text(encoding="utf-8")))


def pictures_of(chosen: dict) -> int:
    """Pictures of an epoch of a run with these options, whole batches only."""
    if chosen["data"] == "scenes":
        count = chosen["pictures"]
    else:
        data, threshold = open_data(chosen["data"], "train"), chosen.get("repeat_threshold")
        count = len(repeated(data, threshold, chosen["seed"]) if threshold else data)
    return count // chosen["batch"] * chosen["batch"]


def table(evaluation: Evaluation) -> str:
    """Every stage and metric as a Markdown table."""
    lines = ["| | " + " | ".join(METRICS) + " |", "|---|" + "---|" * len(METRICS)]
    for stage, stats in evaluation.stats.items():
        lines.append(f"| {stage} | " + " | ".join(f"{stats[m]:.3f}" for m in METRICS) + " |")
    return "\n".join(lines)


def card(
    model, parts: dict[str, Evaluation], elsewhere: dict[int, float], sure: str, options: argparse.Namespace
) -> str:
    """The model card."""
    minutes = options.minutes.split(",")
    runs = [*options.earlier]
    for run, time in zip(options.runs, minutes):
        epochs, pictures = epochs_of(run)
        today = date.today().isoformat()
        runs.append(f"{command(run)}\n# {epochs} epochs, {pictures} pictures, {time} minutes, {today}")
    clean, hard = parts["clean"], parts["hard"]
    megabytes = (DEMO / "model.safetensors").stat().st_size / 1e6
    inputs = ", ".join(f"{ap:.3f} at {side}" for side, ap in elsewhere.items())
    return f"""---
license: apache-2.0
library_name: dfine-lens
tags: [object-detection, d-fine]
---

# D-FINE-N on scenes

A D-FINE of size N with {len(NAMES)} classes of drawn things, trained from scratch by this project on pictures that it
drew itself, no two alike. It makes everything work without a network. It does not know photographs.

Classes: {", ".join(NAMES)}.

Weights: averaged (EMA), kernels and matrices in float16, {megabytes:.1f} MB; SHA-256 `{model.digest}`.
Input {model.size[1]} × {model.size[0]}, {model.config.queries} queries.

## Training

```
{chr(10).join(runs)}
```

On {options.hardware}. The published recipe starts from an ImageNet backbone; here everything starts from random
weights. {options.note}

## Measured

`dfine evaluate --model demo` prints these figures again: {clean.pictures + hard.pictures} held-out scenes (seed
{HELD_OUT}), AP (0.50:0.95) and COCO's other metrics, each stage ranked by its own scores.

Clean half, all dials at 0, {clean.objects} objects:

{table(clean)}

Hard half, each dial at 0 or at random with equal chance, {hard.objects} objects:

{table(hard)}

The last layer is {clean.gain:+.3f} AP above the initial boxes on the clean half, {hard.gain:+.3f} on the hard one.

{sure}

## Limits

It works best at its own input size: AP on the first {OTHER_COUNT} scenes is {inputs} pixels. Keep `size` as it is;
pictures of any size are resized to it. In the hard half much is hidden, dark or blurred beyond recognition.
"""


def summary(model, parts: dict[str, Evaluation]) -> str:
    """What the project's README says of it."""
    rows = [
        f"| {stage} | {parts['clean'].ap[stage]:.3f} | {parts['hard'].ap[stage]:.3f} |" for stage in parts["clean"].ap
    ]
    return "\n".join(
        [
            f"AP (0.50:0.95) on {HELD_OUT_COUNT} held-out scenes at {model.size[1]} × {model.size[0]}; "
            "[its card](assets/checkpoints/demo/README.md) has the command and the rest:",
            "",
            "| | clean half | hard half |",
            "|---|---|---|",
            *rows,
        ]
    )


def insert(path: Path, text: str, mark: str = "card") -> None:
    """Put the text between the marks of that name."""
    start, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    page = path.read_text(encoding="utf-8")
    head, rest = page.split(start)
    path.write_text(f"{head}{start}{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
