"""The decoder's replies beside what was found: who is asked about which picture, and that nothing is asked twice."""

import numpy as np
import pytest

pytest.importorskip("fiftyone")

from dfine.explore.run import Pace
from dfine.explore.suspect_asking import Questions
from dfine.explore.suspect_clues import REPLY
from dfine.explore.suspect_replies import Decoders

QUIET = Pace(batch=2, progress=False)


@pytest.fixture
def three(fo, explored):
    """Three of the eight scenes, the last of which lies nowhere, and a question about each of their answers."""
    dataset = explored.limit(3).clone()
    dataset.persistent = False
    last = dataset.last()
    last.filepath = "/nowhere/at/all.jpg"
    last.save()
    classes, wanted = dataset.default_classes or dataset.classes["ground_truth"], []
    for sample in dataset:
        boxes = [np.array(d.bounding_box) * 640 for d in sample.ground_truth.detections]
        labels = [classes.index(d.label) for d in sample.ground_truth.detections]
        wanted.append(Questions.of([((*b[:2], *(b[:2] + b[2:])), k) for b, k in zip(boxes, labels)]))
    yield dataset, [*classes], wanted
    dataset.delete()


def test_what_is_asked_is_stored_and_asked_again_only_where_it_changed(three, demo):
    dataset, classes, wanted = three
    run, opened = dataset.info["dfine"]["dfine"]["run"], []

    def load():
        opened.append(run)
        return demo

    def ask(questions, by=None, known=classes):
        return Decoders(by or {run: load}, QUIET).replies(dataset, "dfine", known, dataset.values("id"), questions)

    first = ask(wanted)
    assert [None if told is None else told.shape for told in first] == [(len(q), REPLY) for q in wanted[:2]] + [None]
    assert all(np.isfinite(told).all() for told in first[:2]) and opened == [run]

    # Only the picture that could not be read is tried again.
    again = ask(wanted)
    assert all((a == b).all() for a, b in zip(first[:2], again[:2])) and again[2] is None
    two = dataset.limit(2).values("id")
    opened.clear()
    Decoders({run: load}, QUIET).replies(dataset, "dfine", classes, two, wanted[:2])
    assert opened == []

    # Other questions are other replies, in one picture only; none at all are no rows.
    changed = ask([Questions.of([]), wanted[1], wanted[2]])
    assert changed[0].shape == (0, REPLY) and (changed[1] == first[1]).all()

    # A class that the model does not have is told apart; what nobody looked at who can be asked stays unsaid.
    unknown = Questions(wanted[0].boxes, np.full(len(wanted[0]), len(classes)))
    (told, *_) = ask([unknown, wanted[1], wanted[2]], known=[*classes, "zeppelin"])
    assert (told[:, 0] == told[:, 0].min()).all() and told[0, 0] < first[0][:, 0].max()
    assert ask([wanted[0], wanted[1], wanted[2]], by={"another run": load})[0] is None
