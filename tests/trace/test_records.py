from dataclasses import replace

import pytest
import torch

from dfine.trace.records import Estimate, Memory, NoisedQueries, Refinement, Target, Trace
from dfine.trace.sampling import Sampling
from tests.helpers import synthetic_trace

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
    ],
)
def test_wrong_shapes_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


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
    for index in (-1, 3):
        with pytest.raises(IndexError, match=f"no picture {index}; this trace is of 3"):
            trace.picture(index)
        with pytest.raises(IndexError, match=f"no picture {index}"):
            trace.history(0, (8, 8), picture=index)
    assert torch.equal(trace.picture(1).last.boxes[0], trace.last.boxes[1])


@pytest.mark.parametrize("axis, count", [(0, 3), (1, 5)])
def test_parts_are_joined_into_what_they_were(axis, count):
    trace = replace(synthetic_trace(batch=3), temperature=torch.ones(4))
    points = Sampling(torch.rand(3, 5, 8, 12, 2), torch.rand(3, 5, 8, 12), torch.rand(3, 5, 4))
    trace = replace(trace, sampling=(points,) * len(trace.refinements))
    parts = [trace._each(lambda t, i=i: t.narrow(axis, i, 1)) for i in range(count)]
    again = Trace.joined(parts, axis)
    assert all(torch.equal(a, b) for a, b in zip(again.tensors(), trace.tensors(), strict=True))
    assert (again.shapes, len(again.sampling)) == (trace.shapes, len(trace.refinements))
    assert torch.equal(Trace.joined(parts[:1], axis).origin, parts[0].origin)
    with pytest.raises(IndexError):
        Trace.joined([], axis)


def test_cpu_detaches_and_takes_float32():
    trace = synthetic_trace().map(lambda t: t.double().requires_grad_() if t.is_floating_point() else t).cpu()
    tensors = [trace.w, trace.initial.boxes, *(r.edges for r in trace.refinements)]
    assert all(t.dtype == torch.float32 and not t.requires_grad for t in tensors)
    assert trace.origin.dtype == torch.int64


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
