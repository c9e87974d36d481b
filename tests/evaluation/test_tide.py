import math
from random import Random

import numpy as np
import pytest

from dfine.evaluation.coco import measure
from dfine.evaluation.rows import as_rows
from dfine.evaluation.tide import KINDS, ORACLES, average_precision, error_types, hard_cases
from tests.evaluation.by_hand import BOX, CAT, DOG, moved, rows, truth


def world(seed, crowds, pictures=60):
    """A made-up data set with errors of every kind, the same on every machine."""
    r = Random(seed)
    images = [{"id": i, "width": 400, "height": 400} for i in range(pictures)]
    classes, annotations, found = [1, 4, 7, 10], [], []
    for i in range(pictures):
        for _ in range(r.randrange(8)):
            x, y, w, h = r.uniform(0, 300), r.uniform(0, 300), r.uniform(5, 120), r.uniform(5, 120)
            own = r.choice(classes)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i,
                    "category_id": own,
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": int(crowds and r.random() < 0.15),
                }
            )
            for _ in range(r.randrange(5)):
                loose = r.choice((0.02, 0.1, 0.3, 0.6))
                dx, dy, dw, dh = (r.uniform(-loose, loose) for _ in range(4))
                box = [x + w * dx, y + h * dy, w * (1 + dw), h * (1 + dh)]
                found.append([i, *box, r.random(), own if r.random() < 0.7 else r.choice(classes)])
        for _ in range(r.randrange(3)):
            box = [r.uniform(0, 300), r.uniform(0, 300), r.uniform(5, 120), r.uniform(5, 120)]
            found.append([i, *box, r.random(), r.choice(classes)])
    categories = [{"id": c, "name": f"class {c}"} for c in classes]
    return {"images": images, "annotations": annotations, "categories": categories}, np.array(found)


# ── nothing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_anything_nothing_is_wrong_and_nothing_is_measured():
    errors = error_types(truth(), rows())
    assert errors.kinds == [] and errors.missed == {} and errors.objects == {}
    assert math.isnan(errors.ap50) and all(math.isnan(v) for v in errors.delta.values())
    assert errors.summary()["ap50"] is None and errors.counts == dict.fromkeys(KINDS, 0)


def test_without_detections_everything_is_missed():
    errors = error_types(truth((4, CAT, BOX)), rows())
    assert errors.missed == {1: True} and errors.counts["Miss"] == 1
    assert errors.ap50 == 0


def test_a_picture_without_objects_has_only_background():
    errors = error_types(truth((9, DOG, BOX)), rows((4, BOX, 0.9, CAT)))
    assert errors.kinds == ["Bkg"] and errors.matched == [None]


def test_rows_of_no_picture_or_class_are_ignored():
    errors = error_types(truth((4, CAT, BOX)), rows((5, BOX, 0.9, CAT), (4, BOX, 0.9, 7)))
    assert errors.kinds == ["ignored", "ignored"] and errors.missed == {1: True}


@pytest.mark.parametrize("foreground, background", [(0.5, 0.5), (0.1, 0.5), (1.2, 0.1), (0.5, -0.1)])
def test_thresholds_in_the_wrong_order_are_refused(foreground, background):
    with pytest.raises(ValueError, match="background < foreground"):
        error_types(truth(), rows(), foreground=foreground, background=background)


def test_rows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \[2, 6\]"):
        error_types(truth(), np.zeros((2, 6)))


# ── kinds, by hand ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_thresholds_decide():
    found = rows((4, moved(12), 0.9, CAT))
    assert error_types(truth((4, CAT, BOX)), found, foreground=0.75).kinds == ["Loc"]
    assert error_types(truth((4, CAT, BOX)), found, foreground=0.75, background=0.6).kinds == ["Bkg"]


# ── what it costs, by hand ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "right, wanted, ap",
    [
        ([], 0, math.nan),
        ([], 2, 0),
        ([0], 0, 0),
        ([1], 1, 1),
        ([0, 1], 1, 1 / 2),
        ([1, 0, 1], 2, (51 * 1 + 50 * 2 / 3) / 101),  # precision 1 up to recall 0.5, then 2/3
        ([1], 2, 51 / 101),
    ],
)
def test_average_precision(right, wanted, ap):
    assert average_precision(np.array(right, bool), wanted) == pytest.approx(ap, nan_ok=True)


# A cat found behind something else (AP 1/2), and a dog that is treated in a certain way (AP 0): AP50 is 1/4.
@pytest.mark.parametrize(
    "dog, gains",
    [
        ((moved(20), DOG), dict(Loc=0.5)),
        ((BOX, CAT), dict(Cls=0.5)),
        ((moved(20), CAT), dict(Miss=0.25, FalseNeg=0.25)),  # without its dog the class leaves the mean
        (None, dict(Miss=0.25, FalseNeg=0.25)),
    ],
)
def test_what_fixing_would_gain(dog, gains):
    objects = truth((4, CAT, BOX), (9, DOG, BOX))
    found = [(4, moved(90), 0.9, CAT), (4, BOX, 0.8, CAT)] + ([(9, dog[0], 0.1, dog[1])] if dog else [])
    errors = error_types(objects, rows(*found))
    assert errors.ap50 == pytest.approx(0.25)
    if dog == (BOX, CAT):
        gains = gains | dict(FalseNeg=0.25)
    expected = dict.fromkeys(ORACLES, 0.0) | dict(Bkg=0.25, FalsePos=0.25) | gains
    assert errors.delta == pytest.approx(expected)
    assert errors.summary()["fixed"]["Bkg"] == pytest.approx(0.5)


def test_of_several_errors_on_one_object_the_best_is_corrected_and_the_others_vanish():
    found = rows((4, moved(20), 0.9, CAT), (4, moved(22), 0.8, CAT), (4, moved(24), 0.7, CAT))
    errors = error_types(truth((4, CAT, BOX)), found)
    assert errors.fixes.tolist() == [True, False, False]
    assert errors.delta["Loc"] == pytest.approx(1)


# What tidecv 1.0.1 (the authors' package) says of `world(seed, crowds=False)`, run with numpy 2.4.
TIDECV = {
    # seed: AP50, then what fixing each of ORACLES gains, then the counts of KINDS
    0: (
        0.29226179,
        [0.05192100, 0.14128867, 0.01350945, 0.02690739, 0.04234891, 0.07260052, 0.36862930, 0.14511460],
        [55, 89, 25, 77, 66, 35],
    ),
    1: (
        0.25169442,
        [0.06624345, 0.14148022, 0.01948212, 0.01983859, 0.03850736, 0.07415547, 0.35226598, 0.16247536],
        [73, 125, 40, 87, 63, 53],
    ),
}


@pytest.mark.parametrize("seed", TIDECV)
def test_agrees_with_the_authors_package(seed):
    ap50, gains, counts = TIDECV[seed]
    errors = error_types(*world(seed, crowds=False))
    assert list(errors.counts.values()) == counts
    assert errors.ap50 == pytest.approx(ap50, abs=1e-6)
    # Its 101 recalls are x / 100, COCO's are evenly spaced floats: where one falls beside a step, they differ a little.
    assert [errors.delta[k] for k in ORACLES] == pytest.approx(gains, abs=1e-4)


@pytest.mark.parametrize("crowds", [False, True])
def test_ap50_is_that_of_the_evaluation(crowds):
    pytest.importorskip("faster_coco_eval")
    objects, found = world(5, crowds)
    errors = error_types(objects, found)
    stats, classes = measure(objects, found)
    assert errors.ap50 == pytest.approx(stats["AP50"], abs=1e-9)
    assert set(errors.by_class()) == set(classes)
    assert ("ignored" in errors.kinds) == crowds


# ── parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_order_of_rows_does_not_matter():
    objects, found = world(2, True)
    errors, shuffled = error_types(objects, found), np.random.default_rng(0).permutation(len(found))
    again = error_types(objects, found[shuffled])
    assert again.kinds == errors.kind[shuffled].tolist()
    assert again.summary() == errors.summary()


def test_some_pictures_are_judged_as_if_they_were_all():
    objects, found = world(3, True)
    ids = range(10, 30)
    part = error_types(objects, found).only(images=ids)
    alone = error_types(
        {**objects, "images": [i for i in objects["images"] if i["id"] in ids]},
        found[np.isin(found[:, 0], ids)],
    )
    assert part.summary() == alone.summary()
    assert part.kinds == alone.kinds and part.objects == alone.objects
    np.testing.assert_array_equal(as_rows(found)[part.index], part.rows)


def test_every_error_and_object_has_one_size():
    errors = error_types(*world(4, True))
    sizes = errors.by_size()
    assert list(sizes) == ["small", "medium", "large"]
    for kind in KINDS:
        assert sum(part.counts[kind] for part in sizes.values()) == errors.counts[kind]
    assert sorted(np.concatenate([part.index for part in sizes.values()])) == list(range(len(errors.rows)))
    assert sum(len(part.objects) for part in sizes.values()) == len(errors.objects)


def test_the_whole_is_the_mean_over_classes():
    errors = error_types(*world(4, False))
    classes = errors.by_class()
    assert np.mean([part.ap50 for part in classes.values()]) == pytest.approx(errors.ap50)
    assert np.mean([part.delta["Cls"] for part in classes.values()]) == pytest.approx(errors.delta["Cls"])
    assert sum(part.counts["Cls"] for part in classes.values()) == errors.counts["Cls"]


def test_a_part_of_a_part_leads_back_to_the_whole():
    objects, found = world(4, False)
    part = error_types(objects, found).only(images=range(20)).only(area=(0, 2000)).only(categories=[1])
    np.testing.assert_array_equal(as_rows(found)[part.index], part.rows)
    assert list(part.names.values()) == ["class 1"]


def test_hard_cases():
    dials = [dict(blur=0.0, crowd=0.0), dict(blur=0.5, crowd=0.0), dict(blur=0.1, crowd=1.0)]
    images = [{"id": 10 + i, "dials": d} for i, d in enumerate(dials)]
    assert hard_cases({"images": images}) == {"clean": [10], "blur": [11, 12], "crowd": [12]}
    assert hard_cases({"images": [{"id": 1}]}) == {}
    errors = error_types({**truth(), "images": images}, rows((11, BOX, 0.9, CAT)))
    assert {name: part.counts["Bkg"] for name, part in errors.by_case().items()} == {"clean": 0, "blur": 1, "crowd": 0}
