"""A trial of two steps: what is frozen stays, what is new learns, and the same seed says the same."""

import json
from dataclasses import replace

import pytest
import torch

from dfine.config import Config
from dfine.data.scenes import NAMES
from dfine.network.detector import DFINE
from dfine.training import trial
from dfine.training.ablation import VARIANTS, Ablation

TINY = trial.Trial(steps=2, batch=2, pictures=5, held_out=6, side=64, queries=8, denoising=2, warmup=1)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return DFINE(Config.of("n", classes=len(NAMES), queries=20)).eval()


@pytest.fixture(scope="module")
def materials(network):
    return trial.materials(network, TINY)


def test_material_is_what_the_frozen_part_says_of_each_scene(network, materials):
    seen, unseen = materials
    assert [len(part.targets) for part in materials] == [len(part.tokens) for part in materials] == [5, 6]
    assert not torch.equal(seen.tokens[0], unseen.tokens[0])
    pixels, target = seen.scenes[3]
    memory = network.encoder(network.backbone(pixels[None].float() / 255))
    assert torch.allclose(memory.tokens[0], seen.tokens[3], atol=1e-4) and memory.shapes == seen.shapes
    assert torch.equal(target.boxes, seen.targets[3].boxes)


def test_batches_pass_over_all_scenes_before_any_comes_again(materials):
    ids = [t.image_id for _, targets in materials[0].batches(2, 5, seed=1) for t in targets]
    assert len(ids) == 10 and sorted(ids[:5]) == sorted(ids[5:]) == list(range(5))
    again = [t.image_id for _, targets in materials[0].batches(2, 5, seed=1) for t in targets]
    assert again == ids != [t.image_id for _, targets in materials[0].batches(2, 5, seed=2) for t in targets]


def test_a_decoder_learns_and_the_rest_stays(network, materials):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, again = (trial.trained(network, Ablation(), materials[0], TINY, seed=4) for _ in range(2))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for name, value in first.state_dict().items():
        assert name.startswith("decoder.") or torch.equal(value, before[name])
        assert torch.equal(value, again.state_dict()[name])
    torch.manual_seed(4)
    fresh = Ablation().decoder(network.config)
    assert any(not torch.equal(value, first.decoder.state_dict()[name]) for name, value in fresh.state_dict().items())


def test_every_variant_gets_a_row(network, materials):
    rows = list(trial.compared(network, TINY, seeds=(0,)))
    assert [row["variant"] for row in rows] == list(VARIANTS)
    for row in rows:
        assert list(row["AP"]) == ["initial", "layer 1", "layer 2", "layer 3"]
        assert all(0 <= value <= 1 for value in row["AP"].values())
        assert row["objects"] or row["coverage"] == [None] * 3 and row["length"] is None and row["by width"] == []
    json.dumps(rows, allow_nan=False)


def test_measured_of_a_perfect_detector(network, materials):
    """A decoder that answers with the truth has an AP of 1 and finds every object."""
    _, unseen = materials
    trace_of = network.decoder

    class Knows(torch.nn.Module):
        def forward(self, queries, memory):
            start = next(i for i, t in enumerate(unseen.tokens) if torch.equal(t, memory.tokens[0]))
            trace = trace_of(queries, memory)
            logits, boxes = torch.full_like(trace.initial.logits, -9.0), trace.initial.boxes.clone()
            for i in range(len(boxes)):
                target = unseen.targets[start + i]
                boxes[i, : len(target)] = target.boxes
                logits[i, range(len(target)), target.labels] = 9.0
            layers = tuple(replace(layer, logits=logits, boxes=boxes) for layer in trace.refinements)
            return replace(trace, initial=replace(trace.initial, logits=logits, boxes=boxes), refinements=layers)

    knowing = DFINE(Config.of("n", classes=len(NAMES), queries=20)).eval()
    knowing.load_state_dict(network.state_dict())
    knowing.decoder = Knows()
    row = trial.measured(knowing, unseen)
    assert row["AP"] == dict.fromkeys(("initial", "layer 1", "layer 2", "layer 3"), 1.0)
    assert row["objects"] == sum(len(t) for t in unseen.targets)
