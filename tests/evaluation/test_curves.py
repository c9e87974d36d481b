"""Precision, recall and F1 by score: nothing, by hand, and that the best threshold lies on the curve."""

import json

import numpy as np
import pytest

from dfine.evaluation.curves import ALL, POINTS, curves
from dfine.evaluation.tide import error_types
from tests.evaluation.by_hand import BOX, CAT, DOG, rows, truth
from tests.evaluation.test_tide import world


def test_without_anything_there_is_an_empty_curve():
    (whole,) = curves(error_types(truth(), rows()))
    assert (whole.name, whole.objects, whole.best) == (ALL, 0, None)
    assert set(whole.precision) == {None} and set(whole.recall) == set(whole.f1) == {0.0}


def test_by_hand():
    answers = truth((4, CAT, BOX), (5, CAT, BOX), (6, DOG, BOX), images=(4, 5, 6))
    errors = error_types(answers, rows((4, BOX, 0.9, CAT), (5, BOX, 0.5, DOG), (6, BOX, 0.3, DOG)))
    whole, cat, dog = curves(errors)
    assert (cat.name, cat.objects, dog.name, dog.objects) == ("cat", 2, "dog", 1)
    at = {round(s, 2): i for i, s in enumerate(whole.scores)}
    assert len(at) == POINTS
    assert [whole.precision[at[s]] for s in (0.0, 0.3, 0.31, 0.6, 0.9, 0.91)] == [0.6667, 0.6667, 0.5, 1, 1, None]
    assert [whole.recall[at[s]] for s in (0.0, 0.31, 0.91)] == [0.6667, 0.3333, 0]
    assert [cat.recall[0], cat.precision[0], dog.recall[0], dog.precision[0]] == [0.5, 1, 1, 0.5]
    assert dog.best.recall == 1 and dog.best.threshold <= 0.3


def test_what_was_not_kept_is_not_drawn():
    assert min(curves(error_types(truth(), rows()), least=0.05)[0].scores) == 0.05


@pytest.mark.parametrize("seed", [1, 2])
def test_no_point_of_a_curve_is_better_than_the_best(seed):
    answers, found = world(seed, crowds=True)
    for curve in curves(error_types(answers, found)):
        assert max(curve.f1) <= curve.best.f1 + 1e-4
        assert np.interp(curve.best.threshold, curve.scores, curve.f1) > curve.best.f1 - 0.05
        assert list(curve.recall) == sorted(curve.recall, reverse=True)
        json.dumps(curve.to_dict(), allow_nan=False)
