import copy
import functools
import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

import dfine
from dfine.config import Config
from dfine.data import labels
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.weights import checkpoints
from dfine.weights.checkpoints import SIZE, fit, open_checkpoint, save
from dfine.weights.exceptions import CheckpointError
from tests.helpers import NO_REFERENCE, REFERENCE, reference_weights

needs_reference = pytest.mark.skipif(not (REFERENCE / "dfine_n.keys.json").exists(), reason=NO_REFERENCE)
NAMES = ("cat", "dog", "fish")
TINY = dict(classes=3, queries=20)


@functools.cache
@torch.no_grad()
def network(**changes) -> DFINE:
    """A size N, not to be changed, whose every tensor is random: initial weights are zero where errors could hide."""
    torch.manual_seed(0)
    net = DFINE(Config.of("n", **TINY | changes))
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.05 * torch.rand_like(tensor))
        else:
            tensor.add_(7)
    return net.eval()


@torch.no_grad()
def outputs(net) -> list[torch.Tensor]:
    trace = net(torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(3)))
    return [
        trace.proposals.boxes,
        trace.initial.boxes,
        *(t for r in trace.refinements for t in (r.logits, r.edges, r.boxes)),
    ]


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(outputs(a), outputs(b), strict=True))


@pytest.fixture(scope="module")
def official():
    """Pseudo-weights of a size N under the official keys."""
    if not (REFERENCE / "dfine_n.keys.json").exists():
        pytest.skip(NO_REFERENCE)
    return reference_weights().official_state(REFERENCE / "dfine_n.keys.json", "n")


# ── saving and loading again ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("changes", [{}, {"c": 1 / 8}, {"family": "deim"}, {"layers": 2, "bins": 16, "points": (4, 8)}])
def test_outputs_are_bit_equal_after_saving_and_loading(tmp_path, changes):
    net = network(**changes)
    save(tmp_path / "new" / "folder", net, Card(NAMES, (64, 96)))
    back = open_checkpoint(tmp_path / "new" / "folder")
    assert (back.config, back.card.names, back.card.input_size) == (net.config, NAMES, (64, 96))
    loaded = back.network()
    assert same(net, loaded)
    kept = loaded.state_dict()
    assert all(torch.equal(v, kept[k]) for k, v in net.state_dict().items())


def test_a_folder_holds_two_files_and_no_leftovers(tmp_path):
    save(tmp_path, network(), Card(NAMES, SIZE))
    save(tmp_path, network(), Card(NAMES, SIZE))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_config_json_is_plain(tmp_path):
    save(tmp_path, network(), Card(NAMES, (320, 640)))
    about = json.loads((tmp_path / "config.json").read_text())
    assert about["schema"] == 1
    assert about["names"] == ["cat", "dog", "fish"]
    assert about["input_size"] == [320, 640]
    assert Config.from_dict(about["config"]) == Config.of("n", **TINY)


def test_half_the_space(tmp_path):
    net = network()
    save(tmp_path / "whole", net, Card(NAMES, SIZE))
    save(tmp_path / "half", net, Card(NAMES, SIZE), half=True)
    sizes = [(tmp_path / f / "model.safetensors").stat().st_size for f in ("whole", "half")]
    assert sizes[1] < 0.52 * sizes[0] + 100_000
    back = open_checkpoint(tmp_path / "half").network()
    assert all(p.dtype == torch.float32 for p in back.parameters())
    kept = back.state_dict()
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(kept[name], tensor, rtol=1e-3 if tensor.ndim > 1 else 0, atol=1e-7)


def test_what_was_there_survives_a_write_that_fails(tmp_path, monkeypatch):
    save(tmp_path, network(), Card(NAMES, SIZE))
    before = (tmp_path / "model.safetensors").read_bytes()

    def full(weights, path):
        path.write_bytes(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(CheckpointError, match="no space left"):
        save(tmp_path, network(c=1 / 8), Card(NAMES, SIZE))
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_names_that_do_not_fit_are_not_saved(tmp_path):
    with pytest.raises(CheckpointError, match="3 classes, but names= has 2"):
        save(tmp_path, network(), Card(NAMES[:2], SIZE))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path / "new", network(), Card(NAMES, SIZE))


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path / "taken", network(), Card(NAMES, SIZE))


# ── every way to name a checkpoint ────────────────────────────────────────────────────────────────────────────────────


def test_a_file_of_the_folder_means_the_folder(tmp_path):
    save(tmp_path, network(), Card(NAMES, (64, 96)))
    back = open_checkpoint(tmp_path / "model.safetensors")
    assert (back.card.names, back.card.input_size) == (NAMES, (64, 96))
    assert same(back.network(), network())


def test_a_safetensors_file_alone_needs_names(tmp_path):
    save(tmp_path, network(queries=300), Card(NAMES, SIZE))
    alone = (tmp_path / "model.safetensors").rename(tmp_path / "mine.safetensors")
    with pytest.raises(CheckpointError, match="3 classes and no names"):
        open_checkpoint(alone)
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
    with pytest.raises(CheckpointError, match="5 classes and no names"):
        open_checkpoint(tmp_path / "a.pth")


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


def broken(tmp_path, change):
    """A saved checkpoint with its tensors changed."""
    save(tmp_path, network(), Card(NAMES, SIZE))
    tensors = load_file(tmp_path / "model.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "model.safetensors")
    return open_checkpoint(tmp_path)


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
        ("qqq", "short names are demo, nano-coco"),
        ("weights/nothing.pth", "there is no file, folder or known checkpoint"),
        ("", "there is no file, folder or known checkpoint"),
        ("a/b/c", "there is no file, folder or known checkpoint"),
    ],
)
def test_unknown_sources(source, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=said):
        open_checkpoint(source)


def test_an_empty_folder(tmp_path):
    with pytest.raises(CheckpointError, match="has no model.safetensors; a checkpoint is config.json and model.saf"):
        open_checkpoint(tmp_path)


def test_a_pointer_in_place_of_safetensors(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(CheckpointError, match="model.safetensors is a pointer of git LFS"):
        open_checkpoint(tmp_path)


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
        ({"names": 5}, "config.json has names=5; they must be a list of strings"),
        ({"names": [1, 2, 3]}, "they must be a list of strings"),
        *[({"input_size": size}, "config.json: input_size is .height, width., two multiples of 32, not ")
          for size in (None, "320", [320], [333, 320], [0, 0], [320.0, 320.0], {"height": 320})],
    ],
)  # fmt: skip
def test_a_field_of_config_json_that_is_wrong(tmp_path, changes, said):
    save(tmp_path, network(), Card(NAMES, SIZE))
    about = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(about | changes))
    with pytest.raises(CheckpointError, match=said) as caught:
        open_checkpoint(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_no_queries_in_config_json(tmp_path):
    save(tmp_path, network(), Card(NAMES, SIZE))
    about = json.loads((tmp_path / "config.json").read_text())
    about["config"]["queries"] = 0
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(CheckpointError, match="at least one query, not 0"):
        open_checkpoint(tmp_path)
