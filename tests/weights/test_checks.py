"""What stands beside the weights, and the weights themselves, checked: wrong values are one sentence."""

import json

import pytest
import torch

from dfine.trace.card import Card
from dfine.weights.checkpoints import SIZE, open_checkpoint
from dfine.weights.exceptions import CheckpointError
from dfine.weights.saving import save
from tests.weights.nets import NAMES, broken, network


@pytest.mark.parametrize(
    "text, said",
    [("{", "not valid JSON"), ("[]", "not the configuration"), ('{"schema": 2}', "schema 2; this version reads 1")],
)
def test_a_config_json_that_is_wrong(tmp_path, text, said):
    save(tmp_path, network(), Card(NAMES, SIZE))
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=said):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"config": None}, "its 'config' is None"),
        ({"names": 5}, "config.json: names is 5; it must be a list of strings"),
        ({"names": [1, 2, 3]}, "it must be a list of strings"),
        *[
            ({"input_size": size}, "config.json: input_size is .height, width., two multiples of 32, not ")
            for size in (None, "320", [320], [333, 320], [0, 0], [320.0, 320.0], {"height": 320})
        ],
    ],
)
def test_a_field_of_config_json_that_is_wrong(tmp_path, changes, said):
    save(tmp_path, network(), Card(NAMES, SIZE))
    about = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(about | changes))
    with pytest.raises(CheckpointError, match=said) as caught:
        open_checkpoint(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "size, said",
    [
        ((32_000, 32_000), "input_size is 32000 x 32000; a side has at most 8192"),
        (None, "input_size is .height, width."),
    ],
)
def test_an_input_of_no_detector(tmp_path, size, said):
    save(tmp_path, network(), Card(NAMES, SIZE))
    about = json.loads((tmp_path / "config.json").read_text())
    about["input_size"] = size
    (tmp_path / "config.json").write_text(json.dumps({key: value for key, value in about.items() if value}))
    with pytest.raises(CheckpointError, match=said):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda v: v * float("nan"), "hold NaN or infinity"),
        (lambda v: (v * 100).to(torch.int8), "hold int8 where weights are floating-point numbers"),
        (lambda v: v.to(torch.complex64), "hold complex64 where weights are"),
        (torch.zeros_like, "most of its weights hold one number only"),
        (torch.ones_like, "most of its weights hold one number only"),
    ],
)
def test_values_that_nobody_trained(tmp_path, change, said):
    checkpoint = broken(tmp_path, lambda t: t.update({k: change(v) for k, v in t.items() if v.is_floating_point()}))
    with pytest.raises(CheckpointError, match=said):
        checkpoint.network()


def test_half_a_letter_in_a_name(tmp_path):
    save(tmp_path, network(), Card(NAMES, SIZE))
    text = (tmp_path / "config.json").read_text().replace('"cat"', '"\\ud800"')
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="half a letter"):
        open_checkpoint(tmp_path)
