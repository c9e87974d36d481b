import pytest
import torch

from dfine import distribution
from dfine.boxes import iou, to_pixels
from dfine.trace.base import together
from dfine.trace.detections import Detections
from dfine.trace.records import Estimate, Memory, NoisedQueries, Refinement, Target, Trace
from tests.helpers import synthetic_trace

NAMES = ("cat", "dog", "fish")


def some(n=3) -> Detections:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0], [0.0, 0.0, 64.0, 48.0], [1.5, 2.0, 3.5, 5.0]])[:n]
    return Detections(
        boxes,
        torch.tensor([1, 0, 2])[:n],
        torch.tensor([0.9, 0.5, 0.25])[:n],
        torch.tensor([4, 4, 0])[:n],
        NAMES,
        (64, 48),
    )


# ── shapes are checked where a record is made ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: Estimate(torch.zeros(1, 5, 3), torch.zeros(1, 4, 4)), r"Estimate.boxes.*\[1, 4, 4\].*\[1, 5, 4\]"),
        (lambda: Memory(torch.zeros(1, 7, 8), ((2, 2),)), r"Memory.tokens.*\[any, 4, any\]"),
        (lambda: Target(torch.zeros(2), torch.zeros(3, 4)), r"Target.boxes"),
        (
            lambda: Refinement(
                torch.zeros(1, 5, 3), torch.zeros(1, 5, 2), torch.zeros(1, 5, 4, 33), torch.zeros(1, 5, 4)
            ),
            r"Refinement.quality",
        ),
        (
            lambda: Detections(torch.zeros(1, 4), torch.tensor([3]), torch.ones(1), torch.zeros(1), NAMES, (1, 1)),
            "labels run to 3, but there are only 3 names",
        ),
        (lambda: Detections(torch.zeros(2, 4), torch.zeros(1), torch.ones(1), torch.zeros(1), NAMES, (1, 1)), "boxes"),
    ],
)
def test_wrong_shapes_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


# ── detections ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_detections_convert_to_nothing():
    none = some(0)
    assert len(none) == 0 and len(none.above(0.5)) == 0
    assert none.to_list() == none.to_coco() == none.class_names == []


def test_threshold_includes_its_own_value():
    assert len(some().above(0.5)) == 2
    assert len(some().above(0.51)) == 1


@pytest.mark.parametrize(
    "index, want", [(0, [0.9]), (-1, [0.25]), (slice(1, None), [0.5, 0.25]), (torch.tensor([2, 0]), [0.25, 0.9])]
)
def test_selection(index, want):
    assert some()[index].scores.tolist() == pytest.approx(want)
    assert isinstance(some()[index], Detections)


def test_to_list():
    assert some(1).to_list() == [
        {"label": 1, "name": "dog", "score": pytest.approx(0.9), "box": [10, 20, 30, 60], "query": 4}
    ]


def test_to_coco():
    first, second, third = some().to_coco(image_id=7)
    assert first == {"image_id": 7, "category_id": 2, "bbox": [10, 20, 20, 40], "score": pytest.approx(0.9)}
    assert third["bbox"] == [1.5, 2, 2, 3]
    assert [d["category_id"] for d in some().to_coco(category_ids=[17, 18, 90])] == [18, 17, 90]


@pytest.mark.parametrize("count", [0, 3])
def test_to_supervision(count):
    pytest.importorskip("supervision")
    found = some(count).to_supervision()
    assert len(found) == count
    assert found.xyxy.tolist() == some(count).boxes.tolist()
    assert found.class_id.tolist() == some(count).labels.tolist()
    assert found.confidence.tolist() == some(count).scores.tolist()
    assert list(found.data["class_name"]) == some(count).class_names
    assert found.data["query"].tolist() == some(count).query.tolist()
    assert len(found[found.confidence > 0.4]) == (2 if count else 0)


@pytest.mark.parametrize("count", [0, 3])
def test_to_pandas(count):
    pytest.importorskip("pandas")
    table = some(count).to_pandas()
    assert list(table.columns) == ["label", "name", "score", "x1", "y1", "x2", "y2", "query"]
    assert len(table) == count
    if count:
        assert table.iloc[0][["name", "x1", "y1", "x2", "y2", "query"]].tolist() == ["dog", 10, 20, 30, 60, 4]


@pytest.mark.parametrize("count", [0, 3])
def test_to_fiftyone(count):
    pytest.importorskip("fiftyone")
    found = some(count).to_fiftyone().detections
    assert [d.label for d in found] == some(count).class_names
    if count:
        assert found[0].bounding_box == pytest.approx([10 / 64, 20 / 48, 20 / 64, 40 / 48])
        assert found[0].confidence == pytest.approx(0.9)
        assert found[0].query == 4


@pytest.mark.parametrize("package", ["supervision", "pandas", "fiftyone"])
def test_a_conversion_names_the_package_it_needs(package, monkeypatch):
    import importlib

    def absent(name, *args):
        if name == package:
            raise ImportError(name)
        return real(name, *args)

    real = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        getattr(some(), f"to_{package}")()


# ── traces ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [0, 2, 5])
def test_split_parts_every_record(count):
    trace = synthetic_trace(batch=2)
    first, rest = trace.split(count)
    assert first.origin.shape == (2, count) and rest.origin.shape == (2, 5 - count)
    assert first.proposals.boxes.shape[1] == 0  # denoising queries were never proposed
    assert torch.equal(rest.proposals.boxes, trace.proposals.boxes)
    for whole, a, b in zip(trace.refinements, first.refinements, rest.refinements):
        for name in ("logits", "quality", "edges", "boxes"):
            assert torch.equal(torch.cat((getattr(a, name), getattr(b, name)), 1), getattr(whole, name))
    assert torch.equal(torch.cat((first.initial.boxes, rest.initial.boxes), 1), trace.initial.boxes)


def test_one_picture_of_a_batch():
    trace = synthetic_trace(batch=3)
    assert trace.picture(1).origin.shape == (1, 5)
    assert torch.equal(trace.picture(1).last.boxes[0], trace.last.boxes[1])


def test_cpu_detaches_and_takes_float32():
    trace = synthetic_trace().map(lambda t: t.double().requires_grad_() if t.is_floating_point() else t).cpu()
    tensors = [trace.w, trace.initial.boxes, *(r.edges for r in trace.refinements)]
    assert all(t.dtype == torch.float32 and not t.requires_grad for t in tensors)
    assert trace.origin.dtype == torch.int64


@pytest.mark.parametrize("layers, classes", [(1, 1), (3, 3), (6, 80)])
def test_history_shapes(layers, classes):
    h = synthetic_trace(batch=2, layers=layers, classes=classes).history(2, (640, 480), picture=1, name="cat")
    assert h.layers == layers
    shapes = {
        "proposal": (4,),
        "initial": (4,),
        "proposal_logits": (classes,),
        "initial_logits": (classes,),
        "logits": (layers, classes),
        "quality": (layers,),
        "edges": (layers, 4, 33),
        "boxes": (layers, 4),
        "probabilities": (layers, 4, 33),
        "calibrated": (layers, 4, 33),
        "offsets": (layers, 4),
        "shifts": (layers, 4),
        "deviations": (layers, 4),
        "entropies": (layers, 4),
        "scores": (layers,),
        "scores_before_lqe": (layers,),
        "iou_with_last": (1 + layers,),
        "xyxy_pixels": (1 + layers, 4),
        "pixels_per_size": (4,),
        "w": (33,),
    }
    assert {name: tuple(getattr(h, name).shape) for name in shapes} == shapes
    assert tuple(h.intervals().shape) == (layers, 4, 2)


def test_history_follows_one_query():
    trace = synthetic_trace(batch=2)
    h = trace.history(3, (640, 480), picture=1, label=2, name="fish")
    assert torch.equal(h.boxes, torch.stack([r.boxes[1, 3] for r in trace.refinements]))
    assert torch.equal(h.edges[-1], trace.last.edges[1, 3])
    torch.testing.assert_close(h.scores[-1], trace.last.logits[1, 3, 2].sigmoid())
    torch.testing.assert_close(
        h.scores_before_lqe[0], (trace.refinements[0].logits - trace.refinements[0].quality)[1, 3, 2].sigmoid()
    )
    assert (h.query, h.token, h.label, h.name, h.size) == (3, 3, 2, "fish", (640, 480))


def test_history_adds_up():
    """Shifts of all layers lead from the initial box to the last; the boxes are what the distributions say."""
    h = synthetic_trace().history(0, (640, 480))
    outward = torch.tensor([-1.0, -1.0, 1.0, 1.0])
    torch.testing.assert_close(h.xyxy_pixels[0] + outward * h.shifts.sum(0), h.xyxy_pixels[-1], rtol=0, atol=1e-3)
    torch.testing.assert_close(distribution.decode(h.initial, h.offsets), h.boxes, rtol=0, atol=1e-6)
    torch.testing.assert_close(h.xyxy_pixels[1:], to_pixels(h.boxes, h.size))
    assert h.iou_with_last[-1].item() == pytest.approx(1)
    torch.testing.assert_close(h.iou_with_last[0], iou(h.initial, h.boxes[-1]))


def test_intervals_hold_the_median_and_grow_with_the_mass():
    h = synthetic_trace().history(0, (640, 480))
    narrow, wide = h.intervals(0.5), h.intervals(0.9)
    assert (narrow[..., 0] <= narrow[..., 1]).all()
    assert (wide[..., 0] <= narrow[..., 0] + 1e-3).all() and (wide[..., 1] >= narrow[..., 1] - 1e-3).all()


def test_temperature_widens_the_spread_and_leaves_the_box():
    from dataclasses import replace

    h = synthetic_trace().history(0, (640, 480))
    hot = replace(h, temperature=torch.full((4,), 3.0))
    assert (hot.deviations.mean() > h.deviations.mean()) and (hot.entropies > h.entropies).all()
    assert torch.equal(hot.offsets, h.offsets)


def test_tensors_that_travel_together_arrive_as_they_were():
    tensors = [
        torch.rand(2, 3),
        torch.arange(4),
        torch.tensor(1.5),
        torch.zeros(0, 4),
        torch.rand(3, 2).T,
        -torch.ones(1),
    ]
    moved = together(tensors)
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(tensors, moved)) and len(moved) == len(tensors)
    assert together([]) == []


@pytest.mark.parametrize("query", [-1, 5])
def test_there_is_no_such_query(query):
    with pytest.raises(IndexError, match="queries 0 to 4"):
        synthetic_trace().history(query, (640, 480))


# ── denoising queries ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_may_see_whom():
    noise = NoisedQueries(torch.zeros(1, 4), torch.zeros(1, 4, 4), groups=2, positive=())
    hidden = noise.mask(queries=3)
    want = [
        "..XX...",  # a group sees itself and the matching queries
        "..XX...",
        "XX.....",
        "XX.....",
        "XXXX...",  # matching queries see no noised truth
        "XXXX...",
        "XXXX...",
    ]
    assert [["X" if h else "." for h in row] for row in hidden.tolist()] == [list(row) for row in want]


# ── stages, and a trace as arrays ─────────────────────────────────────────────────────────────────────────────────────


def test_stages_in_order():
    trace = synthetic_trace(layers=3)
    assert list(trace.stages) == ["initial", "layer 1", "layer 2", "layer 3"]
    assert trace.stages["initial"] is trace.initial
    assert trace.stages["layer 3"] is trace.last
    for stage in trace.stages.values():
        assert stage.logits.shape[:2] == stage.boxes.shape[:2] == trace.origin.shape


def warm(trace, temperature):
    return Trace(**{**vars(trace), "temperature": temperature})


@pytest.mark.parametrize("batch, queries, layers", [(1, 1, 1), (1, 5, 3), (3, 4, 6)])
@pytest.mark.parametrize("temperature", [None, torch.tensor([1.0, 2.0, 0.5, 1.5])])
def test_arrays_and_back(batch, queries, layers, temperature):
    trace = warm(synthetic_trace(batch=batch, queries=queries, layers=layers), temperature)
    arrays = trace.to_arrays()
    assert arrays["layers.edges"].shape == (batch, layers, queries, 4, 33)
    assert arrays["layers.quality"].shape == (batch, layers, queries, 1)
    assert ("temperature" in arrays) == (temperature is not None)
    again = Trace.from_arrays(arrays)
    assert again.shapes == trace.shapes
    assert len(again.tensors()) == len(trace.tensors())
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(again.tensors(), trace.tensors()))


def test_arrays_that_do_not_fit_each_other_are_refused():
    arrays = synthetic_trace().to_arrays()
    with pytest.raises(KeyError, match="layers.quality"):
        Trace.from_arrays({k: v for k, v in arrays.items() if k != "layers.quality"})
    with pytest.raises(ValueError, match="Estimate.boxes"):
        Trace.from_arrays(arrays | {"initial.boxes": arrays["initial.boxes"][:, :2]})
    with pytest.raises(ValueError):
        Trace.from_arrays(arrays | {"layers.boxes": arrays["layers.boxes"][:, :2]})


def test_arrays_are_a_copy_that_nothing_else_changes():
    trace = synthetic_trace()
    again = Trace.from_arrays(trace.to_arrays())
    again.initial.boxes.zero_()
    assert trace.initial.boxes.any()
