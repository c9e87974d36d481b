"""Weights of clues, learned from planted errors: scores that rank, that are shares, and that the seed decides."""

from dataclasses import replace

import numpy as np

from dfine.explore.suspect_clues import KINDS, REPLY, Candidate, asked, clues
from dfine.explore.suspect_learning import ENOUGH, MOST, SHARE, imagine, learn, planted_candidates, questions
from tests.explore.evidence import evidence


def candidates(values):
    return [Candidate("extra", tuple(v), 0, None) for v in values]


def made(n=400, seed=0):
    """Right answers around −1 and planted errors around 1, in the first of two clues."""
    rng = np.random.default_rng(seed)
    right, wrong = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    return right - (1, 0), wrong + (1, 0)


def test_without_candidates_there_are_no_scores():
    assert learn([], candidates([(1.0,)] * 50), 100).shape == (0,)


def test_from_too_few_errors_nothing_is_learned():
    right, wrong = made(ENOUGH - 1)
    assert learn(candidates(right), candidates(wrong), 100).tolist() == [0.0] * (ENOUGH - 1)


def test_scores_rise_with_what_tells_errors_from_right_answers():
    right, wrong = made()
    scores = learn(candidates(right), candidates(wrong), 400)
    assert scores.shape == (400,) and (scores > 0).all() and (scores < 1).all()
    assert np.corrcoef(scores, right[:, 0])[0, 1] > 0.5
    assert abs(np.corrcoef(scores, right[:, 1])[0, 1]) < 0.2


def test_scores_are_shares_of_errors():
    """Among right answers and as many errors as are assumed, the mean score is about their share."""
    right, wrong = made(2000)
    every = learn(candidates(right), candidates(wrong), 2000)
    assert SHARE / 4 < every.mean() < SHARE * 1.5


def test_a_clue_that_is_not_known_counts_neither_way():
    right, wrong = made(200)
    right[:50, 0] = np.nan
    scores = learn(candidates(right), candidates(wrong), 200)
    assert scores[:50].std() < scores[50:].std() / 3 and np.isfinite(scores).all()
    right[:], wrong[:] = np.nan, np.nan
    assert np.isfinite(learn(candidates(right), candidates(wrong), 200)).all()


def test_a_clue_that_is_always_the_same_does_no_harm():
    right, wrong = made(60)
    right, wrong = (np.c_[x, np.ones(60)] for x in (right, wrong))
    assert np.isfinite(learn(candidates(right), candidates(wrong), 60)).all()


def pictures(count=30):
    rng, made = np.random.default_rng(0), []
    for _ in range(count):
        boxes = [np.array([x, y, x + 120, y + 120]) + rng.uniform(-9, 9, 4) for x, y in ((30, 30), (400, 400))]
        labels = rng.integers(0, 3, 2)
        answers = [(box, int(label)) for box, label in zip(boxes, labels)]
        found = [(box + 1, int(label), 0.9) for box, label in zip(boxes, labels)]
        found += [(box - 1, int(label + 1) % 3, 0.1) for box, label in zip(boxes, labels)]
        made.append(clues(evidence(answers, found), 0.9))
    return made


def planted(pictures, seed):
    return planted_candidates(pictures, imagine(pictures, seed))


def test_every_answer_gets_an_error_of_each_kind_where_it_can():
    found = planted(pictures(), 0)
    assert tuple(found) == KINDS and all(c.kind == kind for kind, cs in found.items() for c in cs)
    assert len(found["missing"]) == 60, "each is found, so that its absence can be seen"
    assert 0 < len(found["class"]) <= 60 and 0 < len(found["shifted"]) <= 60 and len(found["extra"]) == 60
    assert all(c.worst.z > 1 for c in found["shifted"])
    assert planted([], 0) == {kind: [] for kind in KINDS}


def test_the_seed_decides():
    seen = pictures(8)
    assert planted(seen, 1) == planted(seen, 1) != planted(seen, 2)


def test_with_one_class_none_is_planted_wrong():
    seen = [clues(evidence([([0, 0, 99, 99], 0)], [([0, 0, 99, 99], 0, 0.9)]), 0.9)]
    assert planted(seen, 0)["class"] == [] and MOST >= 1000


def test_the_decoder_is_asked_about_answers_imagined_errors_and_what_no_answer_explains():
    seen = pictures(8)
    imagined = imagine(seen, 0)
    wanted = questions(seen, imagined)
    assert questions([], []) == [] and len(wanted) == 8
    for at, (c, q) in enumerate(zip(seen, wanted)):
        keys = {asked(*one) for one in zip(q.boxes, q.classes)}
        assert len(keys) == len(q), "each is asked once"
        assert keys >= {asked(*one) for one in zip(c.p.answers, c.p.classes)}
        mine = [error for error in imagined if error.picture == at]
        assert keys >= {asked(e.box, e.label) for e in mine if e.kind != "missing"}
        missing = [planted_candidates(seen, [e])["missing"] for e in mine if e.kind == "missing"]
        assert keys >= {asked(c.p.boxes[t.found], c.p.labels[t.found]) for (t,) in missing}

    # What is replied stands among the clues of every candidate, and where nothing was, that it is not known.
    told = [{key: (0.5,) * REPLY for key in q.replies(np.zeros((len(q), REPLY)))} for q in wanted]
    told[0] = {}
    replied = [replace(c, replies=said) for c, said in zip(seen, told)]
    for at, (c, before) in enumerate(zip(replied, seen)):
        for after, one in zip(c.candidates(), before.candidates()):
            said = after.clues[len(one.clues) :]
            assert said == (0.5,) * REPLY or (at == 0 and np.isnan(said).all() and len(said) == REPLY)
