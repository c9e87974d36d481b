"""Edges of what a model found, with the truth beside them."""

import json

import pytest
import torch

from dfine import distribution
from dfine.data.loader import subset
from dfine.data.scenes import Scenes, write
from dfine.data.sources import open_data
from dfine.evaluation.matching import matched, size_of, visibility


@pytest.fixture(scope="module")
def scenes():
    return Scenes(6, size=(320, 320), seed=12, clean=0.5)


def test_no_pictures(model, scenes):
    none = matched(model, subset(scenes, []))
    assert len(none) == 0 and none.edges.shape == (0, 3, 4, 33) and none.truth.shape == (0, 4)


def test_what_was_found_lies_where_its_edges_say(model, scenes):
    """In clean scenes everything is found, once; the boxes that the edges stand for overlap the true ones."""
    clean = subset(scenes, [i for i in range(6) if scenes.is_clean(i)])
    found = matched(model, clean)
    objects = sum(len(clean[i][1]) for i in range(len(clean)))
    assert objects - 1 <= len(found) <= objects
    assert set(found.images) == {clean[i][1].image_id for i in range(len(clean))}
    said = distribution.offsets(found.edges[:, -1], found.w)
    assert (said - found.truth).abs().median() < 0.02
    assert {value for values in found.groups["case"] for value in values} == {"clean"}
    assert set(found.groups["size"]) <= {"small", "medium", "large"}


def test_batches_change_nothing_and_a_higher_bar_lets_fewer_through(model, scenes):
    some, again = (matched(model, scenes, batch=size) for size in (6, 4))
    assert some.images == again.images and some.groups == again.groups
    torch.testing.assert_close(some.edges, again.edges, atol=1e-3, rtol=1e-3)
    assert len(matched(model, scenes, iou=0.95)) < len(some)
    hard = [values for values in some.groups["case"] if values != ("clean",)]
    assert hard and all(len(values) <= 1 for values in some.groups["visibility"])


def test_photographs_and_crowds_among_scenes(model, tmp_path):
    """A photograph is no case, and a crowd, which nothing can find, moves nobody's share to another object."""
    folder = write(tmp_path / "set", Scenes(2, size=(320, 320), seed=12, clean=1.0), workers=0)
    file = folder / "annotations.json"
    truth = json.loads(file.read_text())
    before, (scene, photograph) = matched(model, open_data(folder)), truth["images"]
    del photograph["dials"]
    truth["annotations"].insert(0, truth["annotations"][0] | {"id": 99, "iscrowd": 1, "visible": 0.1})
    file.write_text(json.dumps(truth))
    found = matched(model, open_data(folder))
    assert found.groups["visibility"] == before.groups["visibility"] and len(found) > 2
    cases = {scene["id"]: ("clean",), photograph["id"]: ()}
    assert found.groups["case"] == [cases[image] for image in found.images] != before.groups["case"]


@pytest.mark.parametrize(("area", "name"), [(0, "small"), (1023, "small"), (1024, "medium"), (9216, "large")])
def test_sizes(area, name):
    assert size_of(area) == name


@pytest.mark.parametrize(
    ("share", "name"),
    [
        (None, ()),
        (1.0, ("95 % or more",)),
        (0.8, ("80 to 95 %",)),
        (0.2, ("under 50 %",)),
        *((other, ()) for other in ("yes", True, False, -1.0, 87.5, float("nan"))),  # other data's own attribute
    ],
)
def test_visibility(share, name):
    assert visibility(share) == name
