"""Stage 1: does a GPU say what the network says on the CPU in single precision? Every stage of the trace, every size.

Weights are random and seeded; those of the heads that start at zero are drawn too, so that scores and edges differ from
query to query. The checkpoint that ships is compared as well: its scores and boxes mean something.
"""

from __future__ import annotations

import contextlib
import copy
import tempfile
import warnings
from functools import partial

import torch
from torch import Tensor, nn

import dfine
from benchmarks.gpu.day import Day, Unit, exact, in_words, lacking, require_gpu
from dfine.config import Config
from dfine.data.scenes import Scenes
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.trace.records import Trace
from dfine.weights.transformers import save_transformers

CLOSE = 0.05  # pixels that 99 % of the edges may be off in exact single precision
ON_HALF = 0.4  # pixels that the edges may be off on average in half precision, with weights that were trained
# name -> how torch runs it, and whether convolutions are exact
MODES = {
    "torch, float32": (TorchOptions(fast=False), True),
    "fused, float32": (TorchOptions(), True),
    "fused graphs, float32": (TorchOptions(graphs=True), True),
    "fused, TF32 convolutions": (TorchOptions(), False),
    "fused, bf16": (TorchOptions(precision="bfloat16"), False),
    "fused graphs, bf16": (TorchOptions(precision="bfloat16", graphs=True), False),
    "fused graphs without kernels, bf16": (TorchOptions(precision="bfloat16", graphs=True, kernels=False), False),
}


def units(day: Day) -> list[Unit]:
    """The shipped checkpoint, then each size with random weights."""
    seconds = {"n": 6, "s": 7, "m": 9, "l": 12, "x": 18}
    rows = [Unit("demo", 8, partial(_shipped, day))]
    return rows + [Unit(size, seconds[size], partial(_random, day, size)) for size in day.sizes]


def network(size: str, seed: int = 0) -> DFINE:
    """A network of random weights, also where training starts from zeros."""
    torch.manual_seed(seed)
    made = DFINE(Config.of(size)).eval()
    with torch.no_grad():
        for p in made.parameters():
            if p.ndim > 1 and not p.any():
                nn.init.normal_(p, std=0.2)
    return made


def _random(day: Day, size: str, _left: float) -> list[dict]:
    torch.manual_seed(1)
    made, pixels = network(size), torch.rand(2, 3, day.side, day.side)
    rows = _rows(day, size, made, pixels)
    try:
        return rows + _transformers(day, size, made, pixels)
    except Exception as error:  # of another project, and no reason to lose what ours says
        require_gpu(day)
        about = {"table": "parity", "network": size.upper(), "run": "transformers, float32"}
        return [*rows, about | {"within": f"no ({in_words(error)})"}]


def _shipped(day: Day, _left: float) -> list[dict]:
    model = dfine.load("demo", device="cpu", fast=False, size=(64, 64) if day.rehearse else None)
    scenes = Scenes(2 if day.rehearse else 16, size=model.input_size, seed=3)
    pixels = torch.stack([scenes[i][0] for i in range(len(scenes))]).float() / 255
    return _rows(day, "demo", model.network, pixels)


def _rows(day: Day, name: str, made: DFINE, pixels: Tensor) -> list[dict]:
    """Every mode against the network itself on the CPU; one that fails costs the others nothing, and says so."""
    want = TorchEngine(made, TorchOptions(fast=False))(pixels)
    there, rows = copy.deepcopy(made).to(day.device), []
    for mode, (options, is_exact) in MODES.items():
        about = {"table": "parity", "network": name.upper(), "run": mode}
        try:
            stages = apart(_answer(day, TorchEngine(there, options), is_exact, pixels), want, pixels.shape[-1])
        except Exception as error:
            require_gpu(day)
            rows.append(about | {"within": f"no ({in_words(error)})"})
            continue
        rows.append(about | _worst(stages) | {"stages": stages})
        limit = ("edges 99 % px", CLOSE) if is_exact else ("edges mean px", ON_HALF)
        if is_exact or name == "demo":
            rows[-1]["within"] = "yes" if rows[-1][limit[0]] <= limit[1] else f"no (aim {limit[1]} px)"
    return rows


def _answer(day: Day, engine: TorchEngine, is_exact: bool, pixels: Tensor) -> Trace:
    """What an engine on the device says of the pixels, on the CPU."""
    with exact() if is_exact else contextlib.nullcontext():
        for other in (pixels.flip(-1), pixels.flip(-2)):  # a recording is made of other pictures
            engine(other.to(day.device))
        return engine(pixels.to(day.device)).cpu()


def apart(have: Trace, want: Trace, side: int) -> dict[str, dict[str, float]]:
    """How far two traces are from each other in every stage, "proposals" first.

    Queries are those of the same token. `alike` is the share of queries that both sides chose; edges are in pixels of
    the input, scores and probabilities in 0..1.

    Raises:
        ValueError: both sides chose other tokens.
    """
    picture, a, b = (have.origin[:, :, None] == want.origin[:, None]).nonzero(as_tuple=True)
    if not len(picture):
        raise ValueError("no query is of the same token")
    alike = len(picture) / want.origin.numel()
    mine, theirs = ({"proposals": t.proposals} | t.stages for t in (have, want))
    found = {}
    for name, stage in theirs.items():
        boxes = (_corners(mine[name].boxes[picture, a]) - _corners(stage.boxes[picture, b])).abs().flatten() * side
        scores = (mine[name].logits[picture, a].sigmoid() - stage.logits[picture, b].sigmoid()).abs()
        found[name] = {
            "alike": round(alike, 4),
            "edges mean px": _short(boxes.mean()),
            "edges 99 % px": _short(boxes.sort().values[int(0.99 * (len(boxes) - 1))]),
            "scores most": _short(scores.max()),
        }
        if hasattr(stage, "edges"):
            bins = (mine[name].edges[picture, a].softmax(-1) - stage.edges[picture, b].softmax(-1)).abs()
            found[name]["bins most"] = _short(bins.max())
    return found


def _worst(stages: dict[str, dict[str, float]]) -> dict[str, float]:
    """The worst of all stages."""
    merged: dict[str, float] = {}
    for values in stages.values():
        for key, value in values.items():
            pick = min if key == "alike" else max
            merged[key] = value if key not in merged else pick(merged[key], value)
    return merged


def _transformers(day: Day, size: str, made: DFINE, pixels: Tensor) -> list[dict]:
    """What transformers says with the same weights on the device, against ours on the CPU: the last layer."""
    if lacking(("transformers",)):
        return []
    from transformers import DFineForObjectDetection
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    want = TorchEngine(made, TorchOptions(fast=False))(pixels)
    card = Card(tuple(str(i) for i in range(made.config.classes)), (day.side, day.side))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = DFineForObjectDetection.from_pretrained(save_transformers(folder, made, card)).eval().to(day.device)
        theirs.config.num_queries = want.origin.shape[1]
        with exact(), torch.inference_mode():
            said = theirs(pixels.to(day.device))
    boxes = (_corners(said.pred_boxes.cpu()) - _corners(want.last.boxes)).abs().amax(-1) * day.side
    scores = (said.logits.cpu().sigmoid() - want.last.logits.sigmoid()).abs().amax(-1)
    same = boxes < 1  # queries of nearly equal scores may come in another order
    row = {
        "table": "parity",
        "network": size.upper(),
        "run": "transformers, float32",
        "alike": _short(same.float().mean()),
    }
    if same.any():
        near = boxes[same].sort().values
        row |= {"edges mean px": _short(near.mean()), "edges 99 % px": _short(near[int(0.99 * (len(near) - 1))])}
        row |= {"scores most": _short(scores[same].max())}
    return [row]


def _corners(boxes: Tensor) -> Tensor:
    """Left, top, right, bottom of cxcywh."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat((centre - half, centre + half), -1)


def _short(value: Tensor) -> float:
    return float(f"{float(value):.3g}")
