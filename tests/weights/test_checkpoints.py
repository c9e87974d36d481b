import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import dfine
from dfine.config import Config
from dfine.data import labels
from dfine.files import digest
from dfine.trace.card import Card
from dfine.weights import checkpoints
from dfine.weights.checkpoints import SIZE, fit, open_checkpoint
from dfine.weights.exceptions import CheckpointError
from dfine.weights.saving import save
from tests.helpers import NO_REFERENCE, REFERENCE, reference_weights
from tests.weights.nets import NAMES, broken, network, outputs, same

needs_reference = pytest.mark.skipif(not (REFERENCE / "dfine_n.keys.json").exists(), reason=NO_REFERENCE)


@pytest.fixture(scope="module")
def official():
    """Pseudo-weights of a size N under the official keys."""
    if not (REFERENCE / "dfine_n.keys.json").exists():
        pytest.skip(NO_REFERENCE)
    return reference_weights().official_state(REFERENCE / "dfine_n.keys.json", "n")


# ── every way to name a checkpoint ────────────────────────────────────────────────────────────────────────────────────


def test_a_file_of_the_folder_means_the_folder(tmp_path):
    save(tmp_path, network(), Card(NAMES, (64, 96)))
    back = open_checkpoint(tmp_path / "model.safetensors")
    assert (back.card.names, back.card.input_size) == (NAMES, (64, 96))
    assert same(back.network(), network())


def test_a_safetensors_file_by_itself_says_what_is_assumed(tmp_path):
    save(tmp_path, network(queries=300), Card(NAMES, SIZE))
    alone = (tmp_path / "model.safetensors").rename(tmp_path / "mine.safetensors")
    card = open_checkpoint(alone).card
    assert (card.names, card.input_size) == (("LABEL_0", "LABEL_1", "LABEL_2"), SIZE)
    assert len(card.notes) == 2 and "called LABEL_0" in card.notes[0] and "640 x 640 is assumed" in card.notes[1]
    assert not open_checkpoint(alone, names=NAMES, size=(64, 96)).card.notes
    assert same(open_checkpoint(alone, names=NAMES).network(), network(queries=300))


def test_the_text_beside_it_and_its_digest(tmp_path):
    import hashlib

    save(tmp_path, network(), Card(NAMES, SIZE))
    assert open_checkpoint(tmp_path).card.words is None
    (tmp_path / "README.md").write_text("# A card")
    card = open_checkpoint(str(tmp_path)).card
    assert card.words == "# A card"
    assert card.source == str(tmp_path)
    assert card.digest == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()


WRAPPINGS = {
    "bare": lambda state: state,
    "model": lambda state: {
        "model": state,
        "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4}]},
        "last_epoch": 3,
    },
    "ema": lambda state: {
        "model": {k: torch.zeros_like(v) for k, v in state.items()},
        "ema": {"module": state, "updates": 5},
        "date": "2024-10-18",
    },
}


@needs_reference
def test_a_temperature_in_another_layout_is_not_ours(tmp_path, official):
    """Configurations of transformers may carry one, which belongs to generated text."""
    save_file(official, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"temperature": 1.0}))
    assert open_checkpoint(tmp_path).card.temperature is None


@needs_reference
@pytest.mark.parametrize("wrapping", list(WRAPPINGS))
def test_official_files(tmp_path, official, wrapping):
    torch.save(WRAPPINGS[wrapping](official), tmp_path / "a.pth")
    checkpoint = open_checkpoint(tmp_path / "a.pth")
    assert checkpoint.config == Config.of("n")
    assert (checkpoint.card.names, checkpoint.card.input_size) == (labels.COCO, (640, 640))
    weights = checkpoint.network().state_dict()
    assert torch.equal(weights["decoder.heads.2.score.weight"], official["decoder.dec_score_head.2.weight"])


@needs_reference
def test_an_official_file_as_safetensors(tmp_path, official):
    save_file(official, tmp_path / "a.safetensors")
    assert open_checkpoint(tmp_path / "a.safetensors").config == Config.of("n")


@needs_reference
def test_size_classes_and_reg_scale_are_read_off_the_tensors(tmp_path, official):
    few = {
        k: v[: 5 + ("denoising" in k)] if "score_head" in k or "denoising" in k else v + v * k.endswith("reg_scale")
        for k, v in official.items()
    }
    torch.save({"model": few}, tmp_path / "a.pth")
    config = open_checkpoint(tmp_path / "a.pth", names=list("abcde")).config
    assert config == Config.of("n", classes=5, c=1 / 8)
    assert open_checkpoint(tmp_path / "a.pth").card.names == tuple(f"LABEL_{i}" for i in range(5))


@needs_reference
def test_objects365(tmp_path, official):
    """366 columns, of which the first is never reported."""
    wide = {
        k: torch.zeros(366 + ("denoising" in k), *v.shape[1:]) if "score_head" in k or "denoising" in k else v
        for k, v in official.items()
    }
    torch.save(wide, tmp_path / "a.pth")
    checkpoint = open_checkpoint(tmp_path / "a.pth")
    assert checkpoint.config.classes == 366
    names = checkpoint.card.names
    assert (names[0], names[1], names[365]) == (
        "",
        "Person",
        "Table Tennis",
    )

    model = dfine.load(tmp_path / "a.pth", device="cpu", size=(64, 64))
    with torch.no_grad():
        model.network.decoder.heads[-1].score.bias[0] = 50.0  # column 0 would win everywhere
    found = model(torch.zeros(3, 8, 8), threshold=0).detections
    assert len(found) and 0 not in found.labels.tolist()


@needs_reference
def test_deim_only_when_asked(tmp_path, official):
    torch.save(official, tmp_path / "a.pth")
    plain, deim = (open_checkpoint(tmp_path / "a.pth", family=f) for f in ("dfine", "deim"))
    assert (plain.config.family, deim.config.family) == ("dfine", "deim")
    assert not same(plain.network(), deim.network())
    save(tmp_path / "deim", deim.network(), Card(labels.COCO, SIZE))
    assert same(open_checkpoint(tmp_path / "deim").network(), deim.network())  # once saved, the folder knows
    with pytest.raises(CheckpointError, match="'dfine' or 'deim'"):
        open_checkpoint(tmp_path / "a.pth", family="rt-detr")


# ── what does not fit is named ────────────────────────────────────────────────────────────────────────────────────────


def test_missing_keys_are_named(tmp_path):
    checkpoint = broken(tmp_path, lambda t: t.pop("decoder.layers.1.norm3.weight"))
    with pytest.raises(CheckpointError, match="missing: decoder.layers.1.norm3.weight$"):
        checkpoint.network()


def test_keys_left_over_are_named(tmp_path):
    checkpoint = broken(tmp_path, lambda t: t.update({f"decoder.extra.{i}": torch.zeros(1) for i in range(9)}))
    with pytest.raises(CheckpointError, match=r"left over: decoder.extra.0, .*, decoder.extra.4 and 4 more$"):
        checkpoint.network()


def test_shapes_are_named(tmp_path):
    checkpoint = broken(tmp_path, lambda t: t.update({"decoder.layers.0.norm1.bias": torch.zeros(1)}))
    with pytest.raises(CheckpointError, match=r"decoder.layers.0.norm1.bias \[1\] instead of \[128\]"):
        checkpoint.network()


def test_only_counters_of_batches_may_be_absent():
    net = copy.deepcopy(network())
    weights = {k: v for k, v in network(c=1 / 8).state_dict().items() if not k.endswith("num_batches_tracked")}
    fit(net, weights)
    assert all(v == 0 for k, v in net.state_dict().items() if k.endswith("num_batches_tracked"))


def test_a_network_that_does_not_fit_is_left_as_it_was():
    net = network()
    before = outputs(net)
    with pytest.raises(CheckpointError):
        fit(net, {k: torch.zeros_like(v) for k, v in list(net.state_dict().items())[:-1]})
    assert all(torch.equal(x, y) for x, y in zip(before, outputs(net)))


def test_loading_leaves_the_random_state_alone(tmp_path):
    save(tmp_path, network(), Card(NAMES, SIZE))
    torch.manual_seed(5)
    want = torch.rand(3)
    torch.manual_seed(5)
    open_checkpoint(tmp_path).network()
    assert torch.equal(torch.rand(3), want)


# ── what cannot be read ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "source, said",
    [
        ("nano-cocoa", "'nano-cocoa'; did you mean nano-coco"),
        ("qqq", "short names are demo, photos, nano-coco"),
        ("weights/nothing.pth", "there is no file, folder or known checkpoint"),
        ("", "there is no file, folder or known checkpoint"),
        ("a/b/c", "there is no file, folder or known checkpoint"),
        ("./model", "there is no file, folder or known checkpoint"),
        ("../model", "there is no file, folder or known checkpoint"),
        ("runs/model-", "there is no file, folder or known checkpoint"),
        ("https://huggingface.co/me/cups/tree/main", "is an address; load it by its id on the Hub, 'me/cups'"),
        ("https://huggingface.co/datasets/me", "is an address; download the file"),
        ("https://huggingface.co/-/-", "is an address; download the file"),
        ("a/b.onnx", "a/b.onnx is an exported file, whose weights are folded; name the checkpoint"),
        ("http://a.b/c.pth", "http://a.b/c.pth is an address; download the file, and give its path"),
        (Path("https://a.b/c.pth"), "is an address; download the file"),
        (Path("demo"), "there is no file or folder 'demo'; the known checkpoint is named by a text"),
        (None, "a model is named by a text or a path, not by None"),  # as of a variable that is not set
        (["demo"], r"a model is named by a text or a path, not by \['demo'\]"),
    ],
)
def test_unknown_sources(source, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=said):
        open_checkpoint(source)


def test_an_empty_folder(tmp_path):
    with pytest.raises(CheckpointError, match="has no model.safetensors; a checkpoint is config.json and model.saf"):
        open_checkpoint(tmp_path)


def test_a_folder_of_a_training_names_what_is_in_it(tmp_path):
    for name in ("best_stg1.pth", "last.pth", "log.txt"):
        (tmp_path / name).write_bytes(b"a")
    save(tmp_path / "checkpoint-500", network(), Card(NAMES, SIZE))
    (tmp_path / "eval").mkdir()
    with pytest.raises(CheckpointError, match="in it: best_stg1.pth, checkpoint-500, last.pth$"):
        open_checkpoint(tmp_path)


def test_a_folder_that_is_mistyped_is_not_only_looked_for_on_the_hub(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(CheckpointError, match="there is no folder 'runs/mien' here, and runs/mien is not in the local"):
        open_checkpoint("runs/mien")


def test_a_pointer_in_place_of_safetensors(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(CheckpointError, match="model.safetensors is a pointer of git LFS"):
        open_checkpoint(tmp_path)


def test_no_queries_in_config_json(tmp_path):
    save(tmp_path, network(), Card(NAMES, SIZE))
    about = json.loads((tmp_path / "config.json").read_text())
    about["config"]["queries"] = 0
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(CheckpointError, match="at least one query, not 0"):
        open_checkpoint(tmp_path)


# ── hostile and damaged ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"layers": 10**12}, "layers is 1000000000000; it must lie in 1..64"),
        ({"layers": -1}, "layers is -1; it must lie in 1..64"),
        ({"classes": 10**9}, "classes is 1000000000"),
        ({"width": 10**6}, "width is 1000000"),
        ({"heads": 7}, "7 heads do not divide widths of 128 and 128"),
        ({"points": [6]}, "points are 1 to 64 for each of the strides"),
        ({"points": [6, 10**9]}, "points are 1 to 64"),
        ({"strides": [7, 9]}, "strides are the last ones of"),
        ({"strides": []}, "strides are the last ones of"),
        ({"c": 0}, "c is 0; it must lie in"),
        ({"a": float("nan")}, "a is nan; it must lie in"),
        ({"c": "1/4"}, "config.json has c='1/4', which is not a number"),
        ({"size": "../../x"}, "there is no size '../../x'"),
        ({"mean": [0.5]}, "mean and deviation are three numbers each"),
        ({"mean": [0, 0, 0], "deviation": [1, 1, 0]}, "mean and deviation are three numbers each, the latter positive"),
        ({"strides": None}, "config.json has strides=None, which is not a list of whole numbers"),
    ],
)
def test_a_configuration_of_no_detector(tmp_path, changes, said):
    save(tmp_path, network(), Card(NAMES, SIZE))
    about = json.loads((tmp_path / "config.json").read_text())
    about["config"] |= changes
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(CheckpointError, match=said):
        open_checkpoint(tmp_path).network()


@pytest.mark.parametrize(
    "key, value",
    [
        ("queries.score.weight", torch.tensor(1.0)),
        ("decoder.heads.0.edges.layers.2.bias", torch.tensor(1.0)),
        ("decoder.heads.1000000000000.score.weight", torch.ones(1)),
        ("decoder.reg_scale", torch.zeros(1)),
        ("decoder.reg_scale", torch.ones(2)),
        ("decoder.up", torch.tensor([float("nan")])),
        ("decoder.num_points_scale", torch.zeros(3)),
        ("decoder.num_points_scale", torch.tensor([float("nan")])),
    ],
)
def test_tensors_that_make_no_sense_are_one_sentence(tmp_path, key, value):
    torch.save(network().state_dict() | {key: value}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(tmp_path / "a.pth").network()
    assert "\n" not in str(caught.value)


def test_keys_that_are_numbers_are_no_weights(tmp_path):
    torch.save({i: torch.ones(1) for i in range(3)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="no dictionary in it holds tensors under their names"):
        open_checkpoint(tmp_path / "a.pth")


def test_a_checkpoint_that_is_written_anew_meanwhile_is_read_again(tmp_path, monkeypatch):
    """Its digest stands for its weights: exported files are kept under it."""
    other = copy.deepcopy(network())
    for tensor in other.parameters():
        tensor.data.add_(0.01)

    def late(*files):
        if not digests:
            save(tmp_path, other, Card(NAMES, SIZE))
        digests.append(digest(*files))
        return digests[-1]

    digests = []
    save(tmp_path, network(), Card(("a", "b", "c"), SIZE))
    monkeypatch.setattr(checkpoints, "digest", late)
    found = open_checkpoint(tmp_path)
    assert (found.card.names, found.card.digest, len(digests)) == (NAMES, digest(tmp_path / "model.safetensors"), 2)
    assert all(torch.equal(found.weights[name], tensor) for name, tensor in other.state_dict().items())
