"""What is written for others is read by them, and comes back as it was."""

import pytest
import torch
from torchvision.ops import box_iou

import dfine
from dfine.config import SIZES, Config
from dfine.network.detector import DFINE
from dfine.weights.exceptions import CheckpointError
from dfine.weights.transformers import transformers_config
from tests.helpers import predictor, small_predictor

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
@pytest.mark.parametrize("layout", ["transformers", "official"])
def test_every_size_comes_back_as_it_was(size, layout, tmp_path):
    ours = predictor(network(size, queries=300), NAMES, (96, 64))
    place = ours.save(tmp_path / ("a.pth" if layout == "official" else "a"), layout=layout)
    back = dfine.load(place, device="cpu", names=NAMES)
    assert back.config == ours.config
    assert equal(back.network, ours.network)
    assert back.size == ((96, 64) if layout == "transformers" else (640, 640))


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
