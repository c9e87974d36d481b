"""Features of objects: near where things are alike, stored once, and sorted by in FiftyOne."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("fiftyone")

from dfine.data.scenes import Scenes
from dfine.explore import similar, similar_objects
from dfine.explore.datasets import classes
from dfine.explore.model import DFineModel
from dfine.explore.run import Pace, explore, prepare
from dfine.explore.store import Keep
from dfine.trace.records import Memory

QUIET = Pace(batch=2, progress=False)
TRUTH, FOUND = "dfine_similar_truth", "dfine_similar_found"


def test_the_features_of_a_box_are_the_mean_of_the_finest_map_over_it():
    torch.manual_seed(0)
    fine, coarse = torch.rand(2, 3, 4, 6), torch.rand(2, 3, 2, 3)
    memory = Memory(torch.cat([m.flatten(2).transpose(1, 2) for m in (fine, coarse)], 1), ((4, 6), (2, 3)))
    assert [one.shape for one in similar_objects.seen(memory, [np.zeros((0, 4))] * 2)] == [(0, 3), (0, 3)]
    boxes = np.array([[1 / 6, 0.25, 0.5, 0.5], [-1, 0, 1 + 2 / 6, 1], [0.25, 0.125, 0, 0]])
    first, second = similar_objects.seen(memory, [boxes, boxes[:1]])
    assert first.dtype == np.float32 and first.shape == (3, 3)
    np.testing.assert_allclose(first[0], fine[0, :, 1:3, 1:4].mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(second[0], fine[1, :, 1:3, 1:4].mean((1, 2)), rtol=1e-5)
    # What sticks out of the picture does not count, and a box of no size is the map at its point, here inside a cell.
    np.testing.assert_allclose(first[1], fine[0, :, :, :2].mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(first[2], fine[0, :, 0, 1], atol=1e-3)


def test_objects_that_are_alike_are_near_to_each_other(demo):
    features, labels, pictures = [], [], []
    scenes = Scenes(30, seed=77, size=demo.input_size, clean=1)
    for i, (pixels, target) in ((i, scenes[i]) for i in range(len(scenes))):
        memory = similar._memory(demo.network, pixels[None] / 255)
        boxes = target.boxes.double().numpy()
        boxes[:, :2] -= boxes[:, 2:] / 2
        features += similar_objects.seen(memory, [boxes])
        labels += target.labels.tolist()
        pictures += [i] * len(boxes)
    labels, pictures = np.array(labels), np.array(pictures)
    z = similar.standardised(np.concatenate(features), np.float32)
    cosine = z @ z.T
    cosine[pictures[:, None] == pictures] = -2
    right = labels[cosine.argmax(1)] == labels
    chance = sum((count / len(labels)) ** 2 for count in Counter(labels.tolist()).values())
    assert z.dtype == np.float32 and right.mean() > 0.6 > 10 * chance


@pytest.fixture(scope="module")
def doubled(fo, demo, tmp_path_factory):
    """Four clean scenes, each of them twice in its picture, side by side; and a picture that cannot be read."""
    folder, images, annotations = tmp_path_factory.mktemp("doubled"), [], []
    scenes = Scenes(4, seed=78, size=(320, 320), clean=1)
    for i in range(5):
        images.append({"id": i, "file_name": f"{i}.png", "width": 640, "height": 320})
        if i == 4:
            (folder / "4.png").write_bytes(b"no picture")
            annotations.append({"id": 900, "image_id": 4, "category_id": 1, "bbox": [1, 1, 50, 50], "iscrowd": 0})
            continue
        scene = scenes.scene(i)
        Image.fromarray(np.tile(scene.image, (1, 2, 1))).save(folder / f"{i}.png")
        for (x1, y1, x2, y2), label in zip(scene.boxes.tolist(), scene.labels.tolist()):
            for x in (x1, x1 + 320):
                box = [x, y1, x2 - x1, y2 - y1]
                about = {"id": len(annotations), "image_id": i, "category_id": label + 1, "bbox": box, "iscrowd": 0}
                annotations.append(about | {"area": box[2] * box[3]})
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(scenes.names)]
    said = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "answers.json").write_text(json.dumps(said))
    with pytest.warns(UserWarning, match="1 of 5 pictures cannot be read"):
        dataset = explore(folder / "answers.json", demo, pace=QUIET, name="doubled")
    yield dataset
    dataset.delete()


def made(dataset):
    """When each index was made."""
    return {key: dataset.get_brain_info(key).timestamp for key in dataset.list_brain_runs()}


def test_the_halves_of_a_doubled_picture_give_each_others_objects_and_nothing_is_done_twice(doubled, demo):
    assert similar.embed(doubled, demo, pace=QUIET, objects=True) == 4
    counts = similar.index(doubled)
    readable = doubled.match_tags("unreadable", bool=False)
    reported = sum(score >= 0.5 for score in readable.values("dfine.detections.confidence", unwind=True))
    assert counts == {"dfine_similar": 4, TRUTH: readable.count("ground_truth.detections"), FOUND: reported}
    patches, right = doubled.to_patches("ground_truth"), []
    for patch in list(patches.match_tags("unreadable", bool=False))[::4]:
        nearest = patches.sort_by_similarity(patch.id, k=2, brain_key=TRUTH)
        ids = nearest.values("id")
        assert ids[0] == patch.id, "what is asked about comes first"
        (x, y, *_), (x2, y2, *_) = (p.ground_truth.bounding_box for p in nearest)
        right.append(abs(abs(x - x2) - 0.5) < 1e-6 and abs(y - y2) < 1e-6)
    assert np.mean(right) > 0.8
    patches = doubled.to_patches("dfine")
    ids = [id for id, score in zip(*patches.values(["id", "dfine.confidence"])) if score >= 0.5]
    nearest = patches.sort_by_similarity(ids[0], brain_key=FOUND)
    assert sorted(nearest.values("id")) == sorted(ids), "only reported boxes are sorted"

    # Nothing is looked at, or made, again; the picture that cannot be read is tried.
    before = made(doubled)
    assert similar.embed(doubled, demo, pace=QUIET, objects=True) == 0
    assert similar.index(doubled) == counts and made(doubled) == before

    # A box that a person has moved is another object, in one picture.
    sample = doubled.first()
    sample.ground_truth.detections[0].bounding_box = [0.1, 0.1, 0.3, 0.3]
    sample.save()
    del sample, patch, nearest  # FiftyOne would read them anew after every write
    assert similar.embed(doubled, demo, pace=QUIET, objects=True) == 1
    assert similar.index(doubled) == counts
    assert made(doubled)["dfine_similar"] == before["dfine_similar"] and made(doubled)[TRUTH] > before[TRUTH]
    assert similar.embed(doubled, demo, pace=QUIET, objects=True) == 0

    # An answer that is gone is sorted no longer, also before its picture is looked at again.
    sample = doubled.first()
    sample.ground_truth.detections = sample.ground_truth.detections[1:]
    sample.save()
    left = len(sample.ground_truth.detections)
    del sample
    assert similar.index(doubled)[TRUTH] == counts[TRUTH] - left - 1
    assert similar.embed(doubled, demo, pace=QUIET, objects=True) == 1
    assert similar.index(doubled)[TRUTH] == counts[TRUTH] - 1

    # Boxes that are about to be replaced take their index with them; the answers keep theirs.
    prepare(doubled, DFineModel(demo, classes=classes(doubled), keep=Keep(0.3)))
    assert sorted(doubled.list_brain_runs()) == ["dfine_similar", TRUTH]


def test_without_answers_or_objects_or_pictures(fo, demo, tmp_path):
    for i in range(3):
        Image.new("RGB", (64, 64), (80 * i, 9, 9)).save(tmp_path / f"{i}.png")
    dataset = explore(tmp_path, demo, pace=QUIET, name="plain")
    assert similar.embed(dataset, demo, pace=QUIET, objects=True) == 3
    assert similar.index(dataset) == {"dfine_similar": 3} and dataset.list_brain_runs() == ["dfine_similar"]
    assert similar.embed(dataset, demo, pace=QUIET, objects=True) == 0, "a picture without objects is known as such"
    with pytest.raises(ValueError, match="holds no exploration 'dfine'"):
        similar.embed(fo.Dataset(), demo, pace=QUIET, objects=True)
    dataset.delete()
