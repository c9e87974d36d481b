import contextlib
import copy
import io
import math
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

import dfine
from dfine import distribution
from dfine.boxes import from_pixels
from dfine.config import Config
from dfine.data.loader import subset
from dfine.data.pictures import PictureError
from dfine.data.scenes import Scenes
from dfine.engines.onnx.export import export
from dfine.evaluation.coco import METRICS, Evaluation, by_threshold, evaluate, match, measure
from dfine.evaluation.rows import as_rows
from dfine.inference.predictor import Predictor
from dfine.trace.card import Card
from dfine.trace.records import Estimate, Refinement, Target, Trace
from tests.helpers import small_predictor

pytest.importorskip("faster_coco_eval")

DATA = Path(os.environ.get("DFINE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "tiny_coco"


def truth(*annotations, names=("cat", "dog")):
    """A COCO-format dict of two 100x100 pictures, ids 4 and 9, with sparse category ids 3, 13, …"""
    return {
        "images": [{"id": i, "width": 100, "height": 100} for i in (4, 9)],
        "categories": [{"id": 3 + 10 * k, "name": n} for k, n in enumerate(names)],
        "annotations": [
            {
                "id": i + 1,
                "image_id": image,
                "category_id": category,
                "bbox": bbox,
                "area": bbox[2] * bbox[3],
                "iscrowd": crowd,
            }
            for i, (image, category, bbox, crowd) in enumerate(annotations)
        ],
    }


def rows(*values):
    return np.array(values, dtype=np.float64).reshape(-1, 7)


CAT = (4, 3, [10, 10, 40, 40], 0)
DOG = (9, 13, [40, 40, 40, 40], 0)
CAT_FOUND = (4, 10, 10, 40, 40, 0.9, 3)
DOG_FOUND = (9, 40, 40, 40, 40, 0.8, 13)


def test_nothing_found_is_zero_and_nothing_to_find_is_no_number():
    assert measure(truth(CAT), rows())[0]["AP"] == 0
    stats, classes = measure(truth(), rows(CAT_FOUND))
    assert math.isnan(stats["AP"])
    assert all(math.isnan(v) for v in classes.values())


def test_a_data_set_without_pictures():
    empty = {"images": [], "annotations": [], "categories": [{"id": 3, "name": "cat"}]}
    assert math.isnan(Evaluation.of(empty, {}).gain), "no picture, so no stage"
    stats, classes = measure(empty, rows())
    assert set(stats) == set(METRICS)
    assert math.isnan(stats["AP"])
    assert math.isnan(classes["cat"])


# IoU of a 40x40 box with one moved right by d is (40 − d) / (40 + d): 0.905 for d = 2, 0.739 for 6, 0.538 for 12.
@pytest.mark.parametrize(
    "moved, thresholds",
    [(0, 10), (2, 9), (6, 5), (12, 1), (20, 0)],
)
def test_ap_counts_the_thresholds_that_a_box_passes(moved, thresholds):
    found = (4, 10 + moved, 10, 40, 40, 0.9, 3)
    stats, classes = measure(truth(CAT), rows(found))
    assert stats["AP"] == pytest.approx(thresholds / 10, abs=1e-9)
    assert stats["AR100"] == pytest.approx(thresholds / 10, abs=1e-9)
    assert stats["AP50"] == (thresholds > 0)
    assert stats["APm"] == pytest.approx(stats["AP"]), "1600 square pixels are medium"
    assert math.isnan(stats["APs"])
    assert math.isnan(classes["dog"])


@pytest.mark.parametrize("moved, thresholds", [(0, 10), (2, 9), (6, 5), (12, 1), (20, 0)])
def test_ap_at_every_threshold(moved, thresholds):
    found = (4, 10 + moved, 10, 40, 40, 0.9, 3)
    ap = by_threshold(truth(CAT), rows(found))
    assert list(ap) == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    assert list(ap.values()) == pytest.approx([1] * thresholds + [0] * (10 - thresholds))
    assert all(math.isnan(v) for v in by_threshold({**truth(), "images": []}, rows()).values())


def test_ap_is_the_mean_over_classes():
    stats, classes = measure(truth(CAT, DOG), rows(CAT_FOUND, DOG_FOUND))
    assert stats["AP"] == pytest.approx(1.0)
    stats, classes = measure(truth(CAT, DOG), rows(DOG_FOUND))
    assert stats["AP"] == pytest.approx(0.5)
    assert classes == pytest.approx({"cat": 0.0, "dog": 1.0})


def test_a_better_scored_wrong_box_halves_the_precision():
    wrong = (4, 60, 60, 20, 20, 0.95, 3)
    assert measure(truth(CAT), rows(wrong, CAT_FOUND))[0]["AP"] == pytest.approx(0.5)
    assert measure(truth(CAT), rows(CAT_FOUND, (*wrong[:5], 0.5, 3)))[0]["AP"] == pytest.approx(1.0)


def test_a_box_on_a_crowd_is_neither_right_nor_wrong():
    crowd = (4, 3, [60, 0, 40, 40], 1)
    on_crowd = (4, 62, 2, 20, 20, 0.95, 3)
    assert measure(truth(CAT, crowd), rows(on_crowd, CAT_FOUND))[0]["AP"] == pytest.approx(1.0)
    not_crowd = (*crowd[:3], 0)
    assert measure(truth(CAT, not_crowd), rows(on_crowd, CAT_FOUND))[0]["AP"] < 0.6


@pytest.mark.parametrize("annotations", [(0, 1), (-5, 0), (7, 7), (2**62, 2**53 + 1)], ids=str)
@pytest.mark.parametrize("images", [(0, 1), (-4, 9), (2**62, 2**62 + 1)], ids=str)
@pytest.mark.parametrize("categories", [(0, 1), (-3, 13), (2**62, 2**62 + 1)], ids=str)
def test_no_figure_depends_on_what_the_ids_are(annotations, images, categories):
    """The evaluator takes annotation 0 for none, and numbers as floats, which cannot tell ids above 2^53 apart."""
    image, category = dict(zip((4, 9), images)), dict(zip((3, 13), categories))
    given = truth(CAT, DOG)
    found = as_rows(rows(CAT_FOUND, DOG_FOUND))
    for entries, key, table in (("images", "id", image), ("categories", "id", category)):
        for entry in given[entries]:
            entry[key] = table[entry[key]]
    for a, id in zip(given["annotations"], annotations):
        a |= {"id": id, "image_id": image[a["image_id"]], "category_id": category[a["category_id"]]}
    for row in found:
        row["image"], row["category"] = image[int(row["image"])], category[int(row["category"])]
    stats, classes = measure(given, found)
    assert stats["AP"] == stats["AR100"] == pytest.approx(1.0)
    assert classes == pytest.approx({"cat": 1.0, "dog": 1.0})
    assert by_threshold(given, found)[0.5] == pytest.approx(1.0)
    part = Evaluation.of(given, {"layer 1": found}).only([images[1]])
    assert (part.objects, part.ap["layer 1"]) == (1, pytest.approx(1.0))


def test_the_ground_truth_is_not_written_into():
    before = truth(CAT, DOG)
    after = copy.deepcopy(before)
    measure(after, rows(CAT_FOUND))
    assert after == before


# -- a whole evaluation, with a network that knows the answers and refines towards them


class Shapes(Dataset):
    """Two pictures, 100x100, one object each; labels 0 and 1."""

    names = ("cat", "dog")
    category_ids = [3, 13]
    answers = [
        Target(torch.tensor([0]), from_pixels(torch.tensor([[10.0, 10, 50, 50]]), (100, 100)), 4, (100, 100)),
        Target(torch.tensor([1]), from_pixels(torch.tensor([[40.0, 40, 80, 80]]), (100, 100)), 9, (100, 100)),
    ]

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return torch.full((3, 100, 100), index * 100, dtype=torch.uint8), self.answers[index]

    def ground_truth(self):
        return truth(CAT, DOG)


class Refiner:
    """An engine that answers with 5 boxes: the object, and four boxes in the corner.

    The object is moved right by `moves` pixels at each stage.
    Column `columns[label]` of `classes` carries the object; the last stage alone ranks the object first.
    """

    device = torch.device("cpu")

    def __init__(self, moves=(12, 6, 0), columns=(0, 1), classes=2):
        self.moves, self.columns, self.classes = moves, columns, classes
        self.config = replace(Config.of("n", classes=classes), layers=2)
        self.layers, self.w, self.network, self.runs_on = 2, distribution.weighting(), None, "nothing"

    def __call__(self, pixels, layers=None):
        which = (pixels.mean((1, 2, 3)) * 255 / 100).round().long().tolist()
        stages = [self._stage(which, move, i == len(self.moves) - 1) for i, move in enumerate(self.moves)]
        b = len(which)
        zeros = torch.zeros(b, 5, 1), torch.zeros(b, 5, 4, 33)
        refinements = tuple(Refinement(s.logits, *zeros, s.boxes) for s in stages[1:])
        origin = torch.zeros(b, 5).long()
        return Trace(stages[0], stages[0], refinements[:layers], origin, ((4, 4),), self.w)

    def _stage(self, which, move, last):
        logits = torch.full((len(which), 5, self.classes), -6.0)
        boxes = torch.tensor([0.05, 0.05, 0.1, 0.1]).expand(len(which), 5, 4).clone()
        for i, index in enumerate(which):
            column = self.columns[index]
            boxes[i, 0] = Shapes.answers[index].boxes[0] + torch.tensor([move / 100, 0, 0, 0])
            logits[i, 0, column] = 2.0
            logits[i, 1, column] = -2.0 if last else 3.0  # before the last layer a wrong box ranks first
        return Estimate(logits, boxes)


def run(engine=None, names=Shapes.names, size=(32, 32), layers=None, **options):
    model = Predictor(engine or Refiner(), Card(names, size), layers=layers)
    return evaluate(model, Shapes(), **{"batch": 2, "progress": False} | options)


def test_every_stage_is_scored_in_one_pass():
    result = run()
    assert list(result.ap) == ["initial", "layer 1", "layer 2"]
    # the wrong box first halves every threshold's precision, until the last layer
    assert result.ap["initial"] == pytest.approx(0.1 / 2, abs=1e-6)
    assert result.ap["layer 1"] == pytest.approx(0.5 / 2, abs=1e-6)
    assert result.ap["layer 2"] == pytest.approx(1.0, abs=1e-6)
    assert result.gain == pytest.approx(0.95, abs=1e-6)
    assert result.classes == pytest.approx({"cat": 1.0, "dog": 1.0})
    assert (result.pictures, result.objects) == (2, 2)


def test_the_last_layers_ranking_leaves_localisation_alone():
    assert run(scores="last").ap == pytest.approx({"initial": 0.1, "layer 1": 0.5, "layer 2": 1.0}, abs=1e-6)


@pytest.mark.parametrize("options", [{"batch": 1}, {"workers": 1}, {"size": (64, 96)}])
def test_how_pictures_are_batched_does_not_matter(options):
    for other, stats in zip(run(**options).stats.values(), run().stats.values()):
        assert other == pytest.approx(stats, nan_ok=True)


def test_what_is_measured_is_what_the_model_says(tmp_path):
    """Its engine, its precision and its layers: fused or not, in half precision, after two layers, or from a file."""
    pytest.importorskip("onnxruntime")
    scenes = Scenes(4, size=(320, 320), seed=5)
    plain = dfine.load("demo", device="cpu", fast=False)
    expected = evaluate(plain, scenes, progress=False)
    file = tmp_path / "demo.onnx"
    export(plain.network, plain.card, file)
    for model in (dfine.load("demo", device="cpu"), dfine.load(file, "cpu")):
        for stage, stats in evaluate(model, scenes, progress=False).stats.items():
            assert stats == pytest.approx(expected.stats[stage], abs=1e-3, nan_ok=True)
    half = evaluate(dfine.load("demo", device="cpu", half="bf16"), scenes, progress=False)
    assert half.ap["layer 3"] == pytest.approx(expected.ap["layer 3"], abs=0.05)
    for early in (dfine.load("demo", device="cpu", layers=2), dfine.load(file, "cpu", layers=2)):
        result = evaluate(early, scenes, progress=False)
        assert list(result.ap) == ["initial", "layer 1", "layer 2"]
        assert result.ap["layer 2"] == pytest.approx(expected.ap["layer 2"], abs=1e-3)


class OneDamaged(Shapes):
    """The first picture cannot be read."""

    def __getitem__(self, index):
        if index == 0:
            raise PictureError("4.png is empty")
        return super().__getitem__(index)

    def path(self, index):
        return f"{self.answers[index].image_id}.png"


def test_what_cannot_be_read_is_left_out_of_the_answers_too_where_that_is_asked_for():
    model = Predictor(Refiner(), Card(Shapes.names, (32, 32)))
    result = evaluate(model, OneDamaged(), progress=False, skip=True)
    assert (result.pictures, result.objects, result.left_out) == (1, 1, ("4.png is empty",))
    assert result.ap["layer 2"] == pytest.approx(1.0, abs=1e-6) and math.isnan(result.classes["cat"])
    assert result.to_dict()["left_out"] == ["4.png is empty"]
    assert "left_out" not in run().to_dict()
    with pytest.raises(PictureError, match="4.png is empty"):
        evaluate(model, OneDamaged(), progress=False)
    with pytest.raises(ValueError, match="none of the 1 pictures can be read; the first: 4.png is empty"):
        evaluate(model, subset(OneDamaged(), [0]), progress=False, skip=True)


def test_a_model_that_stops_early_is_measured_at_its_layers():
    assert list(run(layers=1).ap) == ["initial", "layer 1"]


def test_labels_are_matched_by_name_never_by_position():
    swapped = Refiner(columns=(2, 0), classes=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run(swapped, names=("dog", "fish", "cat", "fork"))
    assert result.ap["layer 2"] == pytest.approx(1.0)


def test_a_class_that_the_model_lacks_counts_as_missed_and_is_named():
    with pytest.warns(UserWarning, match="no class for dog"):
        result = run(Refiner(columns=(0, 1)), names=("cat", "fish"))
    assert result.classes == pytest.approx({"cat": 1.0, "dog": 0.0})
    assert result.ap["layer 2"] == pytest.approx(0.5)


def test_no_common_name_is_an_error():
    with pytest.raises(ValueError, match="share no class name: the model has fish, fork"):
        match(("fish", "fork"), Shapes())


def test_the_same_detections_on_some_of_the_images():
    result = run()
    half = result.only([9])
    assert half.pictures == 1
    assert half.ap["layer 2"] == pytest.approx(1.0)
    assert math.isnan(half.classes["cat"])
    assert math.isnan(result.only([]).ap["initial"])


def test_scenes_are_told_apart_by_their_dials():
    result = run()
    assert result.by_dials() == {}, "pictures without dials are of neither kind"
    for image, occlusion in zip(result.truth["images"], (0.0, 0.7)):
        image["dials"] = {"occlusion": occlusion, "low_light": 0.0}
    parts = result.by_dials()
    assert list(parts) == ["clean", "hard"]
    assert [i["id"] for i in parts["clean"].truth["images"]] == [4]
    assert [i["id"] for i in parts["hard"].truth["images"]] == [9]


def test_the_table_has_a_line_a_stage_and_the_dict_is_plain():
    result = run()
    lines = str(result).splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == ["initial", "layer 1", "layer 2"]
    assert "1.000" in lines[3]
    assert "nan" not in str(result)
    assert result.to_dict()["stages"]["initial"]["APs"] is None
    assert result.rows()[2]["stage"] == "layer 2"
    assert isinstance(result, Evaluation)


def test_an_unknown_ranking_is_refused():
    with pytest.raises(ValueError, match="must be 'own' or 'last'"):
        run(scores="first")


# -- agreement with the reference implementation


def synthetic(content, seed, top=None):
    """Perturbed truths with random scores, a tenth of them of another class, and as many boxes out of thin air."""
    rng = np.random.default_rng(seed)
    sizes = {i["id"]: (i["width"], i["height"]) for i in content["images"]}
    categories = [c["id"] for c in content["categories"]]
    out = []
    for a in content["annotations"]:
        x, y, w, h = a["bbox"]
        for _ in range(rng.integers(0, 4)):
            dx, dy, dw, dh = rng.normal(0, 0.08, 4)
            category = a["category_id"] if rng.random() < 0.9 else rng.choice(categories)
            out.append((a["image_id"], x + dx * w, y + dy * h, w * (1 + dw), h * (1 + dh), rng.random(), category))
        w, h = sizes[a["image_id"]]
        left, top = rng.random(2) * 0.8 * (w, h)
        box = (left, top, *(rng.random(2) * 0.2 * (w, h)))
        out.append((a["image_id"], *box, rng.random(), rng.choice(categories)))
    return rows(*out)


def reference(content, found):
    """What pycocotools makes of the same."""
    coco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = copy.deepcopy(content)
        truth.createIndex()
        results = [
            {"image_id": int(r[0]), "bbox": list(r[1:5]), "score": float(r[5]), "category_id": int(r[6])} for r in found
        ]
        run = COCOeval(truth, truth.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(METRICS, (*run.stats[:6], run.stats[8])))


@pytest.mark.skipif(not DATA.is_dir(), reason="needs tiny_coco; DFINE_DATA names the folder that holds it")
@pytest.mark.parametrize("split, seed", [("val2017", 0), ("train2017", 1)])
def test_agrees_with_pycocotools(split, seed):
    from dfine.data.coco import CocoSet

    content = CocoSet(DATA / split, DATA / "annotations" / f"instances_{split}.json").ground_truth()
    assert any(a["iscrowd"] for a in content["annotations"])
    found = synthetic(content, seed)
    stats = measure(content, found)[0]
    assert 0.2 < stats["AP"] < 0.9
    assert stats == pytest.approx(reference(content, found), abs=1e-6)


def test_what_is_no_data_set_is_refused_in_a_sentence():
    with pytest.raises(TypeError, match=r"a data set has names, category_ids and ground_truth\(\); str has not"):
        evaluate(small_predictor(("cup", "key", "bus")), "scenes")
