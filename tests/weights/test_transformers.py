"""What is written for others is read by them, and comes back as it was."""

import json
import shutil
from functools import cache

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.ops import box_iou

import dfine
from dfine.config import SIZES, Config
from dfine.network.detector import DFINE
from dfine.weights.cache import assets
from dfine.weights.exceptions import CheckpointError
from dfine.weights.transformers import FITTED, transformers_config
from tests.helpers import full_card, predictor, small_predictor

NAMES = ("cup", "key", "bus")


def network(size, **changes):
    torch.manual_seed(0)
    made = DFINE(Config.of(size, **{"classes": 3, "queries": 20} | changes)).eval()
    with torch.no_grad():
        for p in made.parameters():
            p.add_(torch.randn_like(p) * 0.02)
    return made


def equal(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("size", list(SIZES))
def test_every_size_comes_back_as_it_was(size, tmp_path):
    ours = predictor(network(size, queries=300), NAMES, (96, 64))
    for layout, file in (("transformers", "a"), ("official", "a.pth")):
        back = dfine.load(ours.save(tmp_path / file, layout=layout), device="cpu", names=NAMES)
        assert back.config == ours.config, layout
        assert equal(back.network, ours.network), layout
        assert back.size == (96, 64)


def test_what_was_fitted_goes_with_the_weights_and_not_with_others(tmp_path):
    card = full_card(NAMES, (64, 96))
    ours = predictor(network("n"), NAMES, (64, 96), **{name: getattr(card, name) for name in FITTED})
    place = ours.save(tmp_path / "a", layout="transformers")
    back = dfine.load(place, device="cpu").card
    assert all(getattr(back, name) == getattr(card, name) for name in FITTED) and back.calibrated
    again = dfine.load(dfine.load(place, device="cpu").save(tmp_path / "b", layout="transformers"), device="cpu").card
    assert again.class_thresholds == card.class_thresholds and again.levels == card.levels

    file = place / "model.safetensors"
    weights = {key: value.clone() for key, value in load_file(file).items()}  # not what lies in the file itself
    save_file(weights, file, metadata={"format": "pt"})  # as transformers writes what it has trained
    assert not dfine.load(place, device="cpu").card.calibrated
    for text in ("[]", "{", '{"temperature": [1, 2]}', '{"class_thresholds": [0.5]}', '{"levels": 3}'):
        save_file(weights, file, metadata={"format": "pt", "dfine": text})
        with pytest.raises(CheckpointError, match="what model.safetensors says of its calibration"):
            dfine.load(place, device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_predictor(NAMES).save(tmp_path_factory.mktemp("hub") / "model", layout="transformers")


def test_transformers_loads_the_folder_and_answers_alike(folder):
    transformers = pytest.importorskip("transformers")
    theirs, info = transformers.DFineForObjectDetection.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    assert list(theirs.config.id2label.values()) == list(NAMES)
    ours = dfine.load(folder, device="cpu")
    pixels = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        a, b = theirs.eval()(pixels), ours.network(pixels)
    torch.testing.assert_close(a.logits.sort(1).values, b.last.logits.sort(1).values, atol=1e-4, rtol=0)
    assert b.last.logits.std() > 0.1


def test_the_documented_example_of_transformers_runs(folder):
    """Its image processor prepares the picture as ours does, and its postprocessing finds the same objects."""
    transformers = pytest.importorskip("transformers")
    from PIL import Image

    picture = Image.effect_noise((120, 80), 90).convert("RGB")
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModelForObjectDetection.from_pretrained(folder)
    inputs = processor(images=picture, return_tensors="pt")
    assert inputs["pixel_values"].shape == (1, 3, 64, 96)
    with torch.no_grad():
        outputs = model(**inputs)
    size = [(picture.height, picture.width)]
    theirs = processor.post_process_object_detection(outputs, target_sizes=size, threshold=0.5)[0]
    ours = dfine.load(folder, device="cpu")(picture, 0.5).detections
    count = len(theirs["scores"])  # it keeps no more than there are queries
    assert 0 < count <= len(ours)
    torch.testing.assert_close(theirs["scores"], ours.scores[:count], atol=1e-3, rtol=0)
    near = box_iou(theirs["boxes"], ours.boxes).amax(1)
    assert (near > 0.98).all()


def test_an_unused_column_has_a_name_for_those_who_need_one():
    names = transformers_config(Config.of("n", classes=2), ("", "cup"))["id2label"]
    assert names == {0: "unused 0", 1: "cup"}


@pytest.mark.parametrize(
    ("place", "options", "said"),
    [
        ("a", {"layout": "keras"}, "no layout 'keras'; the layouts are dfine, transformers and official"),
        ("a", {"layout": "official"}, "one .pth file, not 'a'"),
        ("a", {"layout": "transformers", "half": True}, "no half precision in other layouts"),
        ("file/a", {"layout": "transformers"}, "cannot be written"),
    ],
)
def test_mistakes_are_named(place, options, said, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match=said):
        small_predictor(NAMES).save(tmp_path / place, **options)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


# ── folders as transformers itself saves them ─────────────────────────────────────────────────────────────────────────

PICTURE = Image.open(assets() / "examples" / "2-crowd.jpg").convert("RGB")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The shipped detector, which answers otherwise to pictures on another scale."""
    return dfine.load("demo", device="cpu").save(tmp_path_factory.mktemp("demo") / "a", layout="transformers")


@cache
def their_network(folder):
    """What transformers makes of a folder, loaded once."""
    transformers = pytest.importorskip("transformers")
    return transformers.DFineForObjectDetection.from_pretrained(folder).eval()


def resaved(folder, out, processing=None, **saving):
    """The model loaded and saved by transformers, with what its image processor is told to do; None: without one."""
    transformers = pytest.importorskip("transformers")
    their_network(folder).save_pretrained(out, **saving)
    if processing is not None:
        transformers.AutoImageProcessor.from_pretrained(folder, **processing).save_pretrained(out)
    return out


def theirs(folder, picture, saved):
    """All scores of transformers for a picture, as the folder's processor prepares it, best first.

    Its weights are those of `saved`, which it was resaved from.
    """
    transformers = pytest.importorskip("transformers")
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)(images=picture, return_tensors="pt")
    with torch.no_grad():
        found = their_network(saved)(pixels["pixel_values"].float())
    return found.logits.sigmoid().amax(-1)[0].sort(descending=True).values


def ours(model, picture):
    return model(picture, 0.0).trace.last.logits.sigmoid().amax(-1)[0].sort(descending=True).values


@pytest.fixture(scope="module")
def plain(demo):
    """Scores of the picture prepared as the shipped detector asks."""
    return ours(dfine.load(demo, device="cpu", fast=False), PICTURE)


SCALES = {
    "plain": {},
    "normalised": {"do_normalize": True},
    "normalised by others": {"do_normalize": True, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]},
    "0 to 255": {"do_rescale": False},
    "-1 to 1": {"rescale_factor": 1 / 127.5, "do_normalize": True, "image_mean": [1.0] * 3, "image_std": [1.0] * 3},
    "another size": {"size": {"height": 256, "width": 384}},
}


@pytest.mark.parametrize("scale", list(SCALES))
def test_pictures_are_prepared_as_the_folder_asks(demo, plain, tmp_path, scale):
    """By the network itself, its fused copy, and after saving in either layout."""
    place = resaved(demo, tmp_path / "a", SCALES[scale])
    want = theirs(place, PICTURE, demo)
    model = dfine.load(place, device="cpu", fast=False)
    torch.testing.assert_close(ours(model, PICTURE), want, atol=1e-4, rtol=0)
    assert scale == "plain" or not torch.allclose(plain, want, atol=1e-3)

    others = [dfine.load(place, device="cpu")]
    others += [
        dfine.load(model.save(tmp_path / layout, layout=layout), device="cpu") for layout in ("dfine", "transformers")
    ]
    for other in others:
        torch.testing.assert_close(ours(other, PICTURE), want, atol=1e-4, rtol=0)


def test_an_exported_file_prepares_pictures_too(demo, tmp_path):
    pytest.importorskip("onnxruntime")
    from dfine.engines.onnx.export import export

    place = resaved(demo, tmp_path / "a", {"do_normalize": True})
    model = dfine.load(place, device="cpu")
    export(model.network, model.card, tmp_path / "a.onnx")
    torch.testing.assert_close(
        ours(dfine.load(tmp_path / "a.onnx"), PICTURE), theirs(place, PICTURE, demo), atol=1e-3, rtol=0
    )


def test_what_starts_from_such_weights_keeps_their_scale(demo, tmp_path):
    from dfine.training.transfer import carry_over

    model = dfine.load(resaved(demo, tmp_path / "a", {"do_normalize": True}), device="cpu")
    network, _ = carry_over(model.network, model.names, ("key", "new"))
    assert network.config.mean == pytest.approx((0.485, 0.456, 0.406))


def test_the_official_layout_has_no_place_for_a_scale(folder, tmp_path):
    model = dfine.load(resaved(folder, tmp_path / "a", {"do_normalize": True}), device="cpu")
    with pytest.raises(CheckpointError, match="the official layout cannot say that pictures are normalised"):
        model.save(tmp_path / "a.pth", layout="official")
    assert not (tmp_path / "a.pth").exists()


@pytest.mark.parametrize(
    "processing, said",
    [
        (
            {"size": {"max_height": 64, "max_width": 64}, "do_pad": True, "pad_size": {"height": 64, "width": 64}},
            "max_h",
        ),
        ({"size": {"shortest_edge": 64, "longest_edge": 96}}, "size has shortest_edge and longest_edge"),
        ({"do_pad": True, "pad_size": {"height": 128, "width": 128}}, "do_pad pads pictures"),
        ({"do_resize": False}, "do_resize is false"),
    ],
)
def test_other_shapes_are_refused_by_name(folder, tmp_path, processing, said):
    place = resaved(folder, tmp_path / "a", processing)
    with pytest.raises(CheckpointError, match=said):
        dfine.load(place, device="cpu")


def test_without_a_processor_the_size_that_is_assumed_is_said(folder, tmp_path):
    place = resaved(folder, tmp_path / "a")
    with pytest.warns(UserWarning, match="nothing says its input size; 640 x 640 is assumed"):
        model = dfine.load(place, device="cpu")
    assert model.input_size == (640, 640)
    assert not dfine.load(place, device="cpu", size=(64, 96)).card.notes


def test_weights_in_several_files(folder, tmp_path):
    place = resaved(folder, tmp_path / "a", {}, max_shard_size="4MB")
    assert len(list(place.glob("model-*.safetensors"))) > 1 and not (place / "model.safetensors").exists()
    whole, parts = dfine.load(folder, device="cpu"), dfine.load(place, device="cpu")
    assert equal(whole.network, parts.network) and len(parts.digest) == 64
    sorted(place.glob("model-*.safetensors"))[1].unlink()
    with pytest.raises(
        CheckpointError, match="lacks model-00002-of-.*safetensors of the . that model.safetensors.index"
    ):
        dfine.load(place, device="cpu")


@pytest.mark.parametrize("classes", [5, 80, 366])
def test_classes_that_nobody_named_are_called_as_the_folder_calls_them(folder, tmp_path, classes):
    transformers = pytest.importorskip("transformers")
    kind = transformers.DFineForObjectDetection
    kind.from_pretrained(folder, num_labels=classes, ignore_mismatched_sizes=True).save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="no better names than LABEL_0 .*--names"):
        model = dfine.load(tmp_path, device="cpu")
    assert model.names == tuple(f"LABEL_{i}" for i in range(classes))
    names = [f"thing {i}" for i in range(classes)]
    named = dfine.load(dfine.load(tmp_path, device="cpu", names=names).save(tmp_path / "named"), device="cpu")
    assert named.names == tuple(names) and not named.card.notes


OTHERWISE = {
    "activation_function": "relu",
    "batch_norm_eps": 0.1,
    "decoder_offset_scale": 1.0,
    "encode_proj_layers": [0],
    "encoder_activation_function": "relu",
    "encoder_attention_heads": 4,
    "layer_norm_eps": 0.01,
    "positional_encoding_temperature": 100,
}


@pytest.mark.parametrize("key", list(OTHERWISE))
def test_what_shapes_do_not_show_is_refused_by_name(folder, tmp_path, key):
    """Transformers computes otherwise with each of these, from the very same tensors."""
    transformers = pytest.importorskip("transformers")
    kind = transformers.DFineForObjectDetection
    config = transformers.AutoConfig.from_pretrained(folder, **{key: OTHERWISE[key]})
    pixels = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    other = kind.from_pretrained(folder, config=config)
    with torch.no_grad():
        a, b = other.eval()(pixels).logits, their_network(folder)(pixels).logits
    assert not torch.equal(a, b)
    other.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=f"has {key}=.*supported"):
        dfine.load(tmp_path, device="cpu")


@pytest.mark.parametrize(
    "key, value, said",
    [
        ("decoder_method", "discrete", "only 'default' is supported"),
        ("eval_idx", 0, "stops at decoder layer 0; only the last is supported"),
        ("eval_idx", 2, None),
        ("decoder_layers", None, None),
        ("encode_proj_layers", [-1], None),
        ("encode_proj_layers", 1, "has encode_proj_layers=1; .*, .1., is supported"),
    ],
)
def test_other_values_of_its_configuration(folder, tmp_path, key, value, said):
    shutil.copytree(folder, tmp_path / "a")
    file = tmp_path / "a" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    if said is None:
        assert dfine.load(tmp_path / "a", device="cpu").names == NAMES
        return
    with pytest.raises(CheckpointError, match=said):
        dfine.load(tmp_path / "a", device="cpu")
