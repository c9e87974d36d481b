"""The official layout: every published key has its place, and what is written is what the published code reads."""

import errno
import json

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.network.detector import DFINE
from dfine.network.queries import anchors
from dfine.weights.checkpoints import open_checkpoint
from dfine.weights.exceptions import CheckpointError
from dfine.weights.identify import describe, translate
from dfine.weights.official import OFFICIAL, save_official, size_of, to_official
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


# ── what other tools write in this layout ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def state():
    return to_official(shaken(DFINE(Config.of("n", classes=2, queries=300))), (640, 640))


def test_a_segmentation_is_read_as_the_detector_in_it(state, tmp_path):
    masks = {"decoder.mask_decoder.head.weight": torch.rand(8, 8), "decoder.mask_decoder.head.bias": torch.rand(8)}
    torch.save(state | masks, tmp_path / "a.pt")
    checkpoint = open_checkpoint(tmp_path / "a.pt", names=("a", "b"))
    assert checkpoint.card.notes == ("its mask head is left out: boxes are found, and no masks",)
    assert checkpoint.network().config.classes == 2


def test_a_segmentation_of_whole_pictures_finds_no_boxes(tmp_path):
    torch.save({"backbone.a": torch.rand(3), "decoder.classifier.weight": torch.rand(3)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="a segmentation of whole pictures, which finds no boxes"):
        open_checkpoint(tmp_path / "a.pt")


@pytest.mark.parametrize(
    "text, names, size",
    [
        ("train:\n  label_to_name: {0: cup, 1: no}\n  img_size: [320, 448]\n", ("cup", "no"), (320, 448)),
        ("train:\n  label_to_name: [cup, key]\n", ("cup", "key"), (640, 640)),
        ("train:\n  label_to_name: {0: cup, 1: key}\n  img_size: [321, 448]\n", ("cup", "key"), (640, 640)),
        ("train:\n  label_to_name: {0: cup}\n  img_size: [320, 448]\n", ("LABEL_0", "LABEL_1"), (640, 640)),
        ("train: [", ("LABEL_0", "LABEL_1"), (640, 640)),
        ("other: 3", ("LABEL_0", "LABEL_1"), (640, 640)),
    ],
)
def test_what_lies_beside_the_weights_of_dfine_seg(state, tmp_path, text, names, size):
    torch.save(state, tmp_path / "model.pt")
    (tmp_path / "config.yaml").write_text(text)
    card = open_checkpoint(tmp_path / "model.pt").card
    assert (card.names, card.input_size) == (names, size)


@pytest.mark.parametrize("size", [(640, 640), (320, 320), (32, 32), (96, 320), (320, 96), (704, 1280)])
@pytest.mark.parametrize("variant", ["n", "s"])
def test_anchors_tell_the_input_size(size, variant):
    """Of two that have as many tokens, too, and in half precision; where they are left out, infinite or very large."""
    strides = Config.of(variant).strides
    kept = anchors(tuple((size[0] // s, size[1] // s) for s in strides), like=torch.zeros(()))[0][None]
    for dtype in (torch.float32, torch.bfloat16):
        assert size_of(kept.to(dtype), strides) == size
    assert size_of(kept.nan_to_num(posinf=torch.finfo(torch.float32).max), strides) == size


@pytest.mark.parametrize(
    "kept",
    [
        torch.rand(1, 500, 4),
        torch.full((1, 500, 4), torch.nan),
        torch.rand(1, 501, 4),
        torch.rand(1, 0, 4),
        torch.rand(1, 3, 5),
        torch.rand(500, 4),
        torch.rand(2, 500, 4),
        torch.ones(1, 500, 4, dtype=torch.int64),
        torch.tensor(1.0),
    ],
)
def test_anchors_of_no_size(kept):
    assert size_of(kept, (16, 32)) is None


def test_a_file_for_another_input_size_is_read_with_it(state, tmp_path):
    detector = shaken(DFINE(Config.of("n", classes=2)))
    torch.save(to_official(detector, (320, 448)), tmp_path / "a.pth")
    card = open_checkpoint(tmp_path / "a.pth", names=("a", "b")).card
    assert card.input_size == (320, 448) and not card.notes
    assert open_checkpoint(tmp_path / "a.pth", names=("a", "b"), size=(64, 96)).card.input_size == (64, 96)

    torch.save(state | {"decoder.anchors": torch.rand(1, 500, 4)}, tmp_path / "a.pth")
    card = open_checkpoint(tmp_path / "a.pth", names=("a", "b")).card
    assert card.input_size == (640, 640)
    assert "640 x 640 is assumed, though it has anchors for 500 tokens" in card.notes[0]


def test_a_file_that_cannot_be_written_is_named_once(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError) as refused:
        save_official(tmp_path / "a.pth", DFINE(Config.of("n", classes=2)), (64, 64))
    assert str(refused.value) == f"{tmp_path / 'a.pth'} cannot be written: the disk is full; free some space"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("c", [0.25, 0.125, 1 / 3, 0.3])
def test_any_curvature_of_w_comes_back(c):
    """The published ones are one in a whole number; what is not must not become the nearest of these."""
    weights, facts, _ = translate(to_official(DFINE(Config.of("n", classes=2, c=c)), (64, 64)))
    assert describe(weights, facts, "dfine").c == pytest.approx(c, rel=1e-6)
