"""How sure the shipped checkpoint is of its edges: fit its levels, and write what they do for its card.

Levels are fitted on scenes of a seed of their own, half of them to fit and half to test, and are stored only where the
score of the intervals on the test half is better. What the card says is measured on scenes of a third seed.

`python assets/sureness.py` measures that again and writes it into the card; the levels stay as they are.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

import dfine
from dfine.data.scenes import Scenes
from dfine.evaluation import calibration
from dfine.evaluation.covered import MEAN, CoveredEdges, CoverTest, covered_edges
from dfine.evaluation.level_fit import FIFTHS
from dfine.evaluation.matching import matched
from dfine.figures.style import percent
from dfine.inference.predictor import Predictor

FITTED, FRESH, COVERED = 5_000_000, 6_000_000, 4_000_000  # seeds; training and AP never draw them
FIT_COUNT, FRESH_COUNT, COVERED_COUNT = 800, 1500, 200
CARD = Path(__file__).parent / "checkpoints" / "demo" / "README.md"
HEAD, NEXT = "## How sure it is\n", "\n\n## Limits\n"  # between them stands the section
FEWEST = 100  # objects of a group that the card tells of
NOT_SAID = {"class", "case"}  # groups that are too many


def plain(model: Predictor) -> Predictor:
    """The model without a calibration."""
    return Predictor(model.engine, replace(model.card, temperature=None, levels=None))


def fit(folder: Path, model: Predictor) -> calibration.Calibration:
    """Fit levels, and store them in the checkpoint at `folder` if they are better than none."""
    scenes = Scenes(FIT_COUNT, size=model.input_size, seed=FITTED, clean=0.5)
    found = calibration.study(matched(plain(model), scenes))
    print(found, flush=True)
    calibration.store(folder, None, found.table if found.better else None)
    return found


def measured(model: Predictor) -> tuple[dict, dict]:
    """Coverage on fresh scenes without the model's calibration, and with it: two dicts of `calibration.measured`."""
    matches = matched(plain(model), Scenes(FRESH_COUNT, size=model.input_size, seed=FRESH, clean=0.5))
    table = None if model.card.levels is None else torch.tensor(model.card.levels)
    return calibration.measured(matches), calibration.measured(matches, table=table)


def covered(model: Predictor) -> dict[str, CoveredEdges]:
    """The test of covered edges on clean scenes, with flat paint and with a piece of the picture."""
    scenes = Scenes(COVERED_COUNT, size=model.input_size, seed=COVERED, clean=1.0)
    return {paint: covered_edges(model, scenes, CoverTest(paint=paint)) for paint in (MEAN, "cut")}


def section(before: dict, after: dict, edges: dict[str, CoveredEdges]) -> str:
    """The part of the card, in Markdown."""
    flat, cut = edges[MEAN], edges["cut"]
    return f"""{HEAD}
Of {after["objects"]} objects found in {FRESH_COUNT} fresh scenes (seed {FRESH}): the share of true edges that lie in
the intervals of 50, 80 and 95 %, and the score of the intervals (lower is better), without and with the levels in
`config.json`, which were fitted on {FIT_COUNT // 2} scenes (seed {FITTED}). The groups are those with
at least {FEWEST} objects.

{table(before, after)}

With 35 % of one side of an object painted over in {COVERED_COUNT} clean scenes (seed {COVERED}), {len(flat)} of
{flat.asked} objects are still found. The covered edge is the widest of the four in {percent(flat.widest)}
(chance 25 %), and its 80 % interval holds the true edge in {percent(flat.covered_held)}; those of the other
edges hold theirs in {percent(flat.others_held)}. With a piece of the picture in place of the paint these are
{percent(cut.widest)}, {percent(cut.covered_held)} and {percent(cut.others_held)}."""


def table(before: dict, after: dict) -> str:
    """Coverage by group, without and with, and the interval score."""
    lines = ["| | objects | 50 % | 80 % | 95 % | score |", "|---|---|---|---|---|---|"]
    rows = [("all", whole(before), whole(after))]
    for group, values in after["groups"].items():
        names = [name for name in FIFTHS if name in values] if group == "width" else values
        if group not in NOT_SAID:
            rows += [(f"{group}: {name}", before["groups"][group][name], values[name]) for name in names]
    for name, was, now in rows:
        if now["objects"] >= FEWEST:
            cells = [f"{mean(a):.3f} → {mean(b):.3f}" for a, b in zip(was["coverage"], now["coverage"])]
            lines.append(
                f"| {name} | {now['objects']} | {' | '.join(cells)} | {was['score']:.4f} → {now['score']:.4f} |"
            )
    return "\n".join(lines)


def whole(about: dict) -> dict:
    """All objects as one group."""
    return {"objects": about["objects"], "coverage": about["coverage"], "score": mean(about["score"])}


def mean(values: list[float]) -> float:
    """Of the four edges."""
    return sum(values) / len(values)


def main() -> None:
    """Measure anew, and write the section into the card."""
    model = dfine.load("demo", device="cpu")
    text = CARD.read_text(encoding="utf-8")
    before, rest = text.split(HEAD)
    after = rest.split(NEXT, 1)[1]
    CARD.write_text(before + section(*measured(model), covered(model)) + NEXT + after, encoding="utf-8")


if __name__ == "__main__":
    main()
