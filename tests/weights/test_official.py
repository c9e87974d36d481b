"""The official layout: every published key has its place, and what is written is what the published code reads."""

import json

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.network.detector import DFINE
from dfine.weights.identify import describe, translate
from dfine.weights.official import OFFICIAL, to_official
from tests.helpers import NO_REFERENCE, REFERENCE, reference_weights, shaken

needs_reference = pytest.mark.skipif(not (REFERENCE / "dfine_n.keys.json").exists(), reason=NO_REFERENCE)


@needs_reference
@pytest.mark.parametrize("size", list(SIZES))
def test_every_official_key_has_its_place(size):
    """Nothing missing, nothing left over, every shape equal; and the configuration is read off the tensors."""
    state = reference_weights().official_state(REFERENCE / f"dfine_{size}.keys.json", size)
    weights, facts, layout = translate(state)
    assert layout is OFFICIAL
    assert describe(weights, facts, "dfine") == Config.of(size)
    with torch.device("meta"):
        expected = {k: v.shape for k, v in DFINE(Config.of(size)).state_dict().items()}
    if not Config.of(size).freeze:
        assert {k: v.shape for k, v in weights.items()} == expected
    else:  # frozen norms do not count batches
        missing = {k for k in expected if k not in weights}
        assert missing and all(k.startswith("backbone.") and k.endswith("num_batches_tracked") for k in missing)
        assert {k: v.shape for k, v in weights.items()} == {k: v for k, v in expected.items() if k not in missing}


@needs_reference
def test_no_two_official_keys_become_one():
    for size in SIZES:
        keys = json.loads((REFERENCE / f"dfine_{size}.keys.json").read_text())
        state = {k: torch.zeros(()) for k in keys}
        facts = ("anchors", "valid_mask", "up", "reg_scale", "num_points_scale")
        assert len(OFFICIAL.read(state)) == len([k for k in keys if not k.endswith(facts)])


@needs_reference
@pytest.mark.parametrize("size", list(SIZES))
def test_the_official_layout_has_the_published_keys_shapes_and_types(size):
    published = json.loads((REFERENCE / f"dfine_{size}.keys.json").read_text())
    width = 320 if size in "ml" else 256  # two of the files were made with a wider input
    ours = to_official(shaken(DFINE(Config.of(size))), (256, width))
    assert {k: [list(v.shape), str(v.dtype).removeprefix("torch.")] for k, v in ours.items()} == published
