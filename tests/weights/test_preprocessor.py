"""What transformers does to a picture is done here too, or refused by name."""

import json

import pytest

from dfine.weights.exceptions import CheckpointError
from dfine.weights.preprocessor import FILE, Preprocessor, read_preprocessor

PLAIN = Preprocessor((320, 480)).to_dict()
IMAGENET = {"do_normalize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def read(folder, **changes):
    (folder / FILE).write_text(json.dumps(PLAIN | changes))
    return read_preprocessor(folder)


def test_no_file(tmp_path):
    assert read_preprocessor(tmp_path) is None


def test_a_file_that_says_nothing_means_the_defaults_of_transformers(tmp_path):
    (tmp_path / FILE).write_text("{}")
    assert read_preprocessor(tmp_path) == Preprocessor((640, 640))


@pytest.mark.parametrize("prepared", [Preprocessor((64, 96)), Preprocessor((64, 64), (0.5, 0.4, 0.3), (0.1, 0.2, 0.3))])
def test_what_is_written_is_read_back(tmp_path, prepared):
    (tmp_path / FILE).write_text(json.dumps(prepared.to_dict()))
    assert read_preprocessor(tmp_path) == prepared


@pytest.mark.parametrize(
    "changes, mean, deviation",
    [
        ({}, (), ()),
        ({"image_mean": [0.5] * 3}, (), ()),  # not used
        (IMAGENET, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ({"do_normalize": True, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}, (), ()),
        ({"do_rescale": False}, (0, 0, 0), (1 / 255,) * 3),
        ({"rescale_factor": 1 / 510}, (0, 0, 0), (2, 2, 2)),
        (
            {"do_rescale": False, "do_normalize": True, "image_mean": [51] * 3, "image_std": [102] * 3},
            (0.2, 0.2, 0.2),
            (0.4, 0.4, 0.4),
        ),
        ({"do_pad": True}, (), ()),  # to the largest of a batch, and all are of one size
        ({"do_pad": True, "pad_size": {"height": 320, "width": 480}}, (), ()),
        ({"size": {"height": 320, "width": 480, "shortest_edge": None}}, (), ()),
    ],
)
def test_scales_are_honoured(tmp_path, changes, mean, deviation):
    found = read(tmp_path, **changes)
    assert found.input_size == (320, 480) and not found.notes
    assert found.mean == pytest.approx(mean) and found.deviation == pytest.approx(deviation)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"size": {"shortest_edge": 320, "longest_edge": 480}}, "size has shortest_edge and longest_edge"),
        ({"size": {"max_height": 320, "max_width": 480}}, "size has max_height and max_width"),
        ({"do_pad": True, "pad_size": {"height": 640, "width": 640}}, "do_pad pads pictures to pad_size"),
        ({"do_resize": False}, "do_resize is false"),
        ({"do_center_crop": True}, "do_center_crop cuts pictures"),
    ],
)
def test_other_shapes_are_refused_with_a_remedy(tmp_path, changes, said):
    with pytest.raises(CheckpointError, match=f'{FILE}: .*{said}.*only resizes to one size.*"do_pad": false into that'):
        read(tmp_path, **changes)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"size": 640}, "size must have a height and a width, it is 640"),
        ({"size": {"height": 320}}, "size must have a height and a width"),
        ({"size": {"height": 321, "width": 480}}, "size is .height, width., two multiples of 32"),
        ({"size": {"height": 32000, "width": 32000}}, "size is 32000 x 32000; a side has at most 8192 pixels"),
        ({"rescale_factor": "x"}, "rescale_factor is a positive number"),
        ({"rescale_factor": 0}, "rescale_factor is a positive number"),
        (IMAGENET | {"image_mean": [0.5]}, "image_mean is three numbers"),
        (IMAGENET | {"image_mean": [0.5, 0.5, float("nan")]}, "image_mean is three numbers"),
        (IMAGENET | {"image_std": [0.5, 0.5, 0]}, "image_std is three positive numbers"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, changes, said):
    with pytest.raises(CheckpointError, match=said):
        read(tmp_path, **changes)


def test_another_filter_is_said(tmp_path):
    (note,) = read(tmp_path, resample=3).notes
    assert "resizes with filter 3, here it is bilinear" in note


@pytest.mark.parametrize("kind", ["RTDetrImageProcessorFast", "YolosImageProcessor"])
def test_other_processors_must_say_all_that_matters(tmp_path, kind):
    assert read(tmp_path, image_processor_type=kind).input_size == (320, 480)
    (tmp_path / FILE).write_text(json.dumps({"image_processor_type": "DetrImageProcessor", "size": {}}))
    with pytest.raises(CheckpointError, match="a DetrImageProcessor is not known here, and it does not say do_resize"):
        read_preprocessor(tmp_path)
