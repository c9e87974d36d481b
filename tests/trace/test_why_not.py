from dataclasses import replace

import pytest
import torch

from dfine.boxes import from_pixels
from dfine.distribution import weighting
from dfine.trace.records import Estimate, Refinement, Trace
from dfine.trace.why_not import nearest_birth, outside, told, why_not

SIZE = (200, 100)
NAMES = ("key", "nail", "")
SHAPES = ((4, 8), (2, 4))  # cells of 25 px, and of 50 px
LOW = 0.01


def trace(queries) -> Trace:
    """One picture. A query is a dict: `box` xyxy in px, `scores` of 'key' at proposal, initial, layers 1 and 2."""
    count = len(queries)
    boxes = from_pixels(torch.tensor([q["box"] for q in queries]).float().reshape(-1, 4), SIZE)[None]

    def logits(stage):
        table = torch.full((1, count, 3), LOW)
        for i, q in enumerate(queries):
            table[0, i, 0] = q["scores"][stage]
            table[0, i, 1] = q.get("nail", [LOW] * 4)[stage]
            table[0, i, 2] = 0.99  # a column that nobody may report
        return torch.logit(table)

    added = torch.tensor([q.get("quality", 0.0) for q in queries])[None, :, None]
    edges = torch.zeros(1, count, 4, 33)
    edges[..., 16] = 9.0
    edges[:, :, 2, 16], edges[:, :, 2, [0, 32]] = 0.0, 30.0  # the right one lies a box size inward or outward
    refinements = tuple(Refinement(logits(2 + i), added * i, edges, boxes) for i in range(2))
    origin = torch.tensor([[q.get("token", 0) for q in queries]], dtype=torch.long)
    return Trace(Estimate(logits(0), boxes), Estimate(logits(1), boxes), refinements, origin, SHAPES, weighting())


def query(box=(40, 40, 80, 60), scores=(0.1, 0.1, 0.2, 0.3), **more):
    return dict(box=box, scores=scores, **more)


def test_without_queries_nobody_answers():
    assert why_not(trace([]), (50, 50), NAMES, SIZE) == []


def test_those_that_answer_are_no_candidates():
    assert why_not(trace([query(scores=(0.1, 0.2, 0.4, 0.5))]), (50, 50), NAMES, SIZE) == []


@pytest.mark.parametrize(
    "point, distance",
    [((50, 50), 0), ((40, 40), 0), ((84, 50), 0.1), ((30, 50), 0.25), ((50, 70), 0.5), ((84, 70), 0.5), ((0, 0), 2)],
)
def test_distance_is_the_larger_overhang_in_box_sizes(point, distance):
    assert outside(torch.tensor([[40.0, 40, 80, 60]]), point).tolist() == pytest.approx([distance])


def test_closeness_is_the_score_halved_with_every_tenth_of_a_box():
    there = query(scores=(0.1, 0.1, 0.2, 0.3))
    beside = query(
        box=(6, 40, 46, 60), scores=(0.1, 0.1, 0.2, 0.45)
    )  # ends 4 px before the point: a tenth of its width
    far = query(box=(150, 80, 190, 100), scores=(0.1, 0.1, 0.2, 0.49))
    found = why_not(trace([far, beside, there]), (50, 50), NAMES, SIZE)
    assert [c.query for c in found] == [2, 1, 0]
    assert [c.distance for c in found] == pytest.approx([0, 0.1, 2.5], abs=1e-5)
    assert [c.closeness for c in found] == pytest.approx([0.3, 0.225, 0.49 * 2**-25], rel=1e-4)
    assert len(why_not(trace([far, beside, there]), (50, 50), NAMES, SIZE, count=2)) == 2


def test_a_candidate_tells_every_stage():
    one = query(scores=(0.1, 0.15, 0.2, 0.3), nail=(0.4, 0.05, 0.25, 0.1), token=33)
    (c,) = why_not(trace([one]), (50, 50), NAMES, SIZE)
    assert (c.label, c.name, c.score) == (0, "key", pytest.approx(0.3))
    assert c.box == pytest.approx((40, 40, 80, 60), abs=1e-4)
    assert [s.name for s in c.stages] == ["proposal", "initial", "layer 1", "layer 2"]
    assert [s.best[0][0] for s in c.stages] == ["nail", "key", "nail", "key"]
    assert [name for name, _ in c.stages[0].best] == ["nail", "key"], "a column without a name is not reported"
    assert [s.score for s in c.stages] == pytest.approx([0.1, 0.15, 0.2, 0.3])
    assert (c.birthplace.level, c.birthplace.row, c.birthplace.column) == (1, 0, 1)


def test_a_denoising_query_has_no_birthplace():
    assert why_not(trace([query(token=-1)]), (50, 50), NAMES, SIZE)[0].birthplace is None


LOGIT = float(torch.logit(torch.tensor(0.44)) - torch.logit(torch.tensor(0.61)))
REASONS = [
    (
        query(scores=(0.1, 0.1, 0.12, 0.08)),
        "Its score was never above 0.12: best at layer 1 as 'key'; it ended at 0.08.",
    ),
    (query(scores=(0.1, 0.1, 0.12, 0.3)), "Its score was never above 0.30: best at layer 2 as 'key'."),
    (
        query(nail=(0.42, 0.1, 0.1, 0.1)),
        "Its score was never above 0.42: best at the proposal as 'nail'; it ended as 'key' 0.30.",
    ),
    (query(scores=(0.1, 0.1, 0.7, 0.3)), "Once above the threshold, 'key' 0.70 at layer 1, it ended at 0.30."),
    (
        query(nail=(0.1, 0.62, 0.1, 0.1)),
        "Once above the threshold, 'nail' 0.62 at the initial box, it ended at 'key' 0.30.",
    ),
    (
        query(scores=(0.1, 0.1, 0.2, 0.44), quality=LOGIT),
        # The right edge lies at −1 or +1 box size with even chances: it deviates by one width, which is 40 px.
        "LQE lowered 'key' from 0.61 to 0.44, because its edges are not sharp: the widest, right, is ± 40 px.",
    ),
]


@pytest.mark.parametrize("one, said", REASONS)
def test_what_kept_it_below(one, said):
    assert why_not(trace([one]), (50, 50), NAMES, SIZE)[0].reason == said


def test_another_one_answers_for_the_same_place():
    """Boxes of 40 x 20 px that lie 4 px apart share 36 of 44 px: IoU 0.82; at 20 px apart they are two places."""
    mine, rival = query(), query(box=(44, 40, 84, 60), scores=(0.1, 0.2, 0.5, 0.83))
    elsewhere = query(box=(60, 40, 100, 60), scores=(0.1, 0.2, 0.5, 0.9))
    (c,) = why_not(trace([mine, elsewhere, rival]), (50, 50), NAMES, SIZE)
    assert c.reason == "Query 2 answers for the same place: 'key' 0.83, IoU 0.82 with this box."
    assert (c.rival.query, c.rival.iou) == (2, pytest.approx(36 / 44, abs=1e-4))
    (c,) = why_not(trace([mine, elsewhere]), (50, 50), NAMES, SIZE)
    assert c.rival is None and "never above 0.30" in c.reason


def test_the_threshold_parts_candidates_from_rivals():
    both = trace([query(), query(scores=(0.1, 0.1, 0.2, 0.4))])
    assert [c.rival for c in why_not(both, (50, 50), NAMES, SIZE, 0.5)] == [None, None]
    (c,) = why_not(both, (50, 50), NAMES, SIZE, 0.35)
    assert (c.query, c.rival.query) == (0, 1)


@pytest.mark.parametrize(
    "tokens, point, number, distance",
    [
        ((0, 1), (10, 10), 0, 0),  # in the first cell of 25 px
        ((0, 1), (30, 10), 1, 0),
        ((0, 1), (53, 29), 1, 5),  # 3 px to the right of it and 4 px below
        ((0, 32), (10, 40), 1, 0),  # token 32 is the first cell of 50 px, which holds (10, 40)
        ((-1, 1), (10, 10), 1, 15),  # a denoising query was born nowhere
    ],
)
def test_the_nearest_birth(tokens, point, number, distance):
    born = nearest_birth(trace([query(token=t) for t in tokens]), point, NAMES, SIZE)
    assert (born.query, born.distance) == (number, pytest.approx(distance, abs=1e-3))
    assert (f"No query was born within {distance} px" in born.sentence) == (distance > 0)


def test_of_those_born_at_the_same_distance_the_best_scored_is_named():
    two = trace([query(token=0, scores=(0.2, 0.1, 0.1, 0.1)), query(token=32, scores=(0.4, 0.1, 0.1, 0.1))])
    assert nearest_birth(two, (10, 10), NAMES, SIZE).sentence == (
        "Query 1 was born right here: the encoder took its token for 'key' with 0.40."
    )


def test_without_tokens_there_is_no_birth():
    for queries in ([], [query(token=-1)]):
        with pytest.raises(ValueError, match="no query of this trace was born"):
            nearest_birth(trace(queries), (10, 10), NAMES, SIZE)


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(point=(201, 50)), "outside the picture of 200 x 100"),
        (dict(point=(50, -1)), "outside"),
        (dict(point=(float("nan"), 1)), "outside"),
        (dict(names=("key", "nail")), "3 classes, but there are 2 names"),
        (dict(names=("", "", "")), "none of the classes"),
        (dict(threshold=1.5), "between 0 and 1"),
        (dict(count=0), "at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        why_not(**dict(trace=trace([query()]), point=(50, 50), names=NAMES, size=SIZE) | changes)


def test_a_batch_is_refused():
    one = trace([query()])
    two = replace(
        one,
        origin=one.origin.repeat(2, 1),
        proposals=one.proposals.map(lambda t: t.repeat(2, 1, 1)),
        initial=one.initial.map(lambda t: t.repeat(2, 1, 1)),
        refinements=tuple(r.map(lambda t: t.repeat(2, *[1] * (t.ndim - 1))) for r in one.refinements),
    )
    with pytest.raises(ValueError, match="of 2 pictures"):
        why_not(two, (50, 50), NAMES, SIZE)


@pytest.mark.parametrize(
    "score, threshold, text",
    [(0.4, 0.5, "0.40"), (0.498, 0.5, "0.498"), (0.4996, 0.5, "0.4996"), (0.5, 0.5, "0.50"), (0.502, 0.5, "0.50")],
)
def test_a_score_is_not_rounded_over_the_threshold(score, threshold, text):
    assert told(score, threshold) == text
