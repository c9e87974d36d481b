"""Whose weights these are: the layout, told by the keys, and the detector, told by the shapes."""

from __future__ import annotations

import re

import torch

from dfine.config import SIZES, Config
from dfine.weights.exceptions import CheckpointError
from dfine.weights.layouts import FACTS, Layout, State
from dfine.weights.official import OFFICIAL
from dfine.weights.transformers import TRANSFORMERS
from dfine.weights.wrappers import without_prefix, without_wrappers
from dfine.wording import some

OURS = Layout("this project", sign="decoder.heads.")
LAYOUTS = (OURS, OFFICIAL, TRANSFORMERS)


def translate(state: State) -> tuple[State, State, Layout]:
    """Weights under this network's keys, whatever trainers have put around theirs (`wrappers`).

    Returns:
        The weights, what else there was under its last name (`reg_scale`, `up` …), and the layout.

    Raises:
        CheckpointError: the keys are not those of a D-FINE, or two keys for one weight disagree.
    """
    state = without_prefix(without_wrappers(state), [layout.sign for layout in LAYOUTS])
    layout = next((layout for layout in LAYOUTS if any(key.startswith(layout.sign) for key in state)), None)
    if layout is None:
        if any("decoder.classifier." in key for key in state):
            raise CheckpointError("these are the weights of a segmentation of whole pictures, which finds no boxes")
        first = some(list(state), 3) or "none at all"
        raise CheckpointError(f"these are not the weights of a D-FINE detector; its first keys are {first}")

    facts: State = {}
    for key, tensor in state.items():
        fact = FACTS.search(key)
        if fact and fact[1] in ("up", "reg_scale") and fact[1] in facts and not torch.equal(facts[fact[1]], tensor):
            raise CheckpointError(f"{key} is {tensor.tolist()}, but elsewhere {facts[fact[1]].tolist()}")
        if fact:
            facts[fact[1]] = tensor
    return layout.read(state), facts, layout


def describe(weights: State, facts: State, family: str) -> Config:
    """The configuration that weights were trained with, read off their shapes and the tensors that come with them.

    Raises:
        CheckpointError: no published size has such a stem and encoder, or the tensors make no sense.
    """
    try:
        size, changes = _shapes(weights)
        changes |= _constants(facts)
    except KeyError as error:
        raise CheckpointError(f"the weight {error} is missing, without which the size cannot be told") from None
    except (TypeError, RuntimeError, ArithmeticError, IndexError) as error:
        said = " ".join(str(error).split())
        raise CheckpointError(f"the tensors that tell its size make no sense ({said}); is the file damaged?") from None
    return Config.of(size, family=family, **changes)


def _shapes(weights: State) -> tuple[str, dict]:
    """The size, and what else of the configuration the shapes say."""
    values = len(weights["decoder.heads.0.edges.layers.2.bias"])
    if values == 4:
        raise CheckpointError(
            "its layers predict four coordinates, as RT-DETR's, and no distributions: it is no D-FINE"
        )
    backbone = [key for key in weights if key.startswith("backbone.")]
    if backbone and not any(key.startswith("backbone.stem.") for key in backbone):
        raise CheckpointError(f"its backbone is no HGNetV2, as that of every D-FINE: it holds {some(backbone, 3)}")
    stem, width = len(weights["backbone.stem.stem4.conv.weight"]), len(weights["encoder.project.0.conv.weight"])
    classes = len(weights["queries.score.weight"])
    sizes = [s for s, c in SIZES.items() if (c.spec.stem[1], c.encoder_width) == (stem, width)]
    if not sizes:
        raise CheckpointError(
            f"no size of D-FINE has a stem of {stem} channels and an encoder of {width}; "
            f"the sizes are {', '.join(SIZES)}"
        )
    layers = 1 + max(int(m[1]) for m in map(re.compile(r"decoder\.heads\.(\d+)\.").match, weights) if m)
    return sizes[0], dict(classes=classes, bins=values // 4 - 1, layers=layers)


def _constants(facts: State) -> dict:
    """What of the configuration tensors say that are no weights."""
    changes: dict = {}
    if "reg_scale" in facts:
        changes["c"] = 1 / abs(float(facts["reg_scale"]))
    if "up" in facts:
        changes["a"] = abs(float(facts["up"]))
    if "num_points_scale" in facts:
        changes["points"] = _points(facts["num_points_scale"].flatten().tolist())
    return changes


def _points(scale: list[float]) -> tuple[int, ...]:
    """Sampling points per level, from a list that holds 1/n for each of the n points of each level."""
    points = []
    while scale:
        points.append(max(1, round(1 / scale[0])))
        scale = scale[points[-1] :]
    return tuple(points)
