import json

import numpy as np
import pytest
import torch

from dfine import distribution


def test_objects_that_were_found_meet_their_edges(explored):
    """Every object once, with the surest box of its class; the mean of that box's edges is near the truth."""
    from dfine.explore.true_edges import matches

    found = matches(explored)
    expected, ids = 0, explored.values("id")
    columns = explored.values([f"dfine.detections.{a}" for a in ("truth_id", "truth_iou", "right_50")])
    for picture in zip(*columns):
        expected += len({id for id, iou, right in zip(*picture) if iou >= 0.5 and right is not None})
    assert 20 < len(found) == expected <= explored.count("ground_truth.detections")
    offsets = distribution.offsets(found.edges[:, -1], found.w)
    assert offsets.shape == found.truth.shape
    assert float((offsets - found.truth).abs().mean()) < 0.1 < float(found.truth.abs().max())

    assert set(found.groups) == {"class", "size", "case", "visibility"} and set(found.groups["size"]) <= {
        "small",
        "medium",
        "large",
    }
    hard = dict(zip(ids, explored.values("hard")))
    names = dict(zip(ids, explored.values("ground_truth.detections.label")))
    for image, case, name in zip(found.images, found.groups["case"], found.groups["class"]):
        assert name in names[image] and (case == ("clean",)) != hard[image]


def test_edges_by_how_much_of_the_object_can_be_seen(fo, explored, scenes_folder, demo):
    """As the file of a fresh folder says, where FiftyOne's schema knows nothing of it; and only where answers tell."""
    from dfine.evaluation.matching import visibility
    from dfine.explore.run import Pace, explore
    from dfine.explore.true_edges import matches

    fresh = explore(scenes_folder, demo, name="fresh", pace=Pace(progress=False))
    assert fresh.get_field("ground_truth.detections.visible") is None, "the import has not declared it"
    groups = matches(fresh, objects=True).groups
    paths = [f"ground_truth.detections.{what}" for what in ("id", "coco_id")]
    annotation = dict(zip(*fresh.values(paths, unwind=True)))
    file = json.loads((scenes_folder / "annotations.json").read_text())
    share = {a["id"]: a["visible"] for a in file["annotations"]}
    assert len(groups["visibility"]) > 20
    assert groups["visibility"] == [visibility(share[annotation[id]]) for id in groups["object"]]
    for answers in (silent := fresh.clone()).iter_samples(autosave=True):
        for answer in answers.ground_truth.detections:
            answer["visible"] = None
    assert "visibility" not in matches(silent).groups
    for dataset in (fresh, silent):
        dataset.delete()


def test_the_true_offsets_by_hand(explored):
    from dfine.explore.record import history
    from dfine.explore.true_edges import matches

    found = matches(explored, iou=0.9)
    assert 0 < len(found) < len(matches(explored))
    image, edges, truth = found.images[0], found.edges[0], found.truth[0]
    sample = explored[image]
    info = explored.info["dfine"]["dfine"]
    stories = [history(d, info, (640, 640)) for d in sample.dfine.detections if d.error == "correct"]
    (h,) = [h for h in stories if torch.equal(h.edges, edges)]
    positions = distribution.edge_positions(h.initial, truth, (640, 640))
    objects = [np.array(t.bounding_box) * 640 for t in sample.ground_truth.detections]
    corners = [[x, y, x + w, y + h] for x, y, w, h in objects]
    assert min(float(np.abs(np.clip(c, 0, 640) - positions.numpy()).max()) for c in corners) < 0.01


def test_without_an_evaluation_there_are_no_matches(fo):
    from dfine.explore.true_edges import matches

    dataset = fo.Dataset()
    with pytest.raises(ValueError, match="no exploration"):
        matches(dataset)
    dataset.info["dfine"] = {"dfine": {"truth": "ground_truth", "layers": 3, "w": [0.0], "run": "x"}}
    with pytest.raises(ValueError, match="has not been evaluated"):
        matches(dataset)
