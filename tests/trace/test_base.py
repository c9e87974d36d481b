import copy
import pickle
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from dfine.trace.base import Record, check_shape, checked_size, together
from tests.helpers import synthetic_trace


@dataclass(frozen=True)
class Pair(Record):
    first: Tensor
    second: tuple[Record, ...] = ()
    third: str = ""


def test_a_record_without_tensors():
    assert Pair(None).tensors() == [] and Pair(None, third="x").map(lambda t: t + 1) == Pair(None, third="x")


def test_every_tensor_is_mapped_and_found_in_one_order():
    inner = Pair(torch.tensor(2), (Pair(torch.tensor(3)), Pair(torch.tensor(4))))
    record = Pair(torch.tensor(1), (inner, Pair(torch.tensor(5))), "kept")
    assert [int(t) for t in record.tensors()] == [1, 2, 3, 4, 5]
    mapped = record.map(lambda t: 10 * t)
    assert [int(t) for t in mapped.tensors()] == [10, 20, 30, 40, 50]
    assert mapped.third == "kept"


def test_printed_it_shows_shapes_and_few_numbers():
    trace = synthetic_trace()
    history = trace.history(2, (40, 30), name="cat")
    assert (
        "initial=[0." in repr(history)
        and "name='cat'" in repr(history)
        and f"w=float32[{len(history.w)}]" in repr(history)
    )
    shape = list(trace.initial.boxes.shape)
    assert "initial=Estimate(logits=" in repr(trace) and f"boxes=float32{shape}" in repr(trace)
    assert f"refinements={len(trace.refinements)} x Refinement(" in repr(trace)
    assert len(repr(trace)) < 1000 and len(repr(history)) < 1000


def test_records_are_equal_where_all_of_their_numbers_are():
    one, other = synthetic_trace(), synthetic_trace()
    assert one == other and hash(one) == hash(other) and one.history(0, (9, 9)) == other.history(0, (9, 9))
    assert one != synthetic_trace(seed=1) and one != one.map(torch.Tensor.double) and one != "a trace"
    assert one.history(0, (9, 9)) != one.history(0, (9, 8)) and one.history(0, (9, 9)) != one.history(1, (9, 9))
    assert one != replace(one, temperature=torch.ones(4)) != replace(one, temperature=torch.zeros(4))
    edges = one.edges_of(torch.tensor([0, 1]), (9, 9))
    assert edges == other.edges_of(torch.tensor([0, 1]), (9, 9)) != one.edges_of(torch.tensor([0, 2]), (9, 9))
    nested = Pair(None, (Pair(torch.ones(2)),))
    assert nested == Pair(None, (Pair(torch.ones(2)),)) != Pair(None, (Pair(torch.ones(3)),))
    assert len({one, other, synthetic_trace(seed=1)}) == 2


def test_cpu_keeps_whole_numbers_and_order():
    trace = synthetic_trace(batch=2)
    moved = trace.map(lambda t: t.double() if t.is_floating_point() else t).cpu()
    for a, b in zip(trace.tensors(), moved.tensors(), strict=True):
        assert a.dtype == b.dtype and torch.equal(a, b)


@pytest.mark.parametrize("shape, fits", [((2, 3), True), ((None, 3), True), ((2,), False), ((3, 2), False)])
def test_check_shape(shape, fits):
    record = Pair(torch.zeros(2, 3))
    if fits:
        check_shape(record, "first", record.first, *shape)
    else:
        with pytest.raises(ValueError, match=r"Pair.first has shape \[2, 3\], expected \["):
            check_shape(record, "first", record.first, *shape)


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


@pytest.mark.parametrize("size", [(32, 32), [64, 96], (np.int64(640), 8192)])
def test_an_input_that_the_network_takes(size):
    assert checked_size(size) == tuple(size) and all(type(side) is int for side in checked_size(size))


@pytest.mark.parametrize("size", [None, 64, "64", (64,), (64, 64, 64), (0, 64), (64, 65), (-32, 32), (64.0, 64.0)])
def test_an_input_that_it_does_not_take(size):
    with pytest.raises(ValueError, match=re.escape(f"the side is (height, width), two multiples of 32, not {size!r}")):
        checked_size(size, "the side")
    with pytest.raises(ValueError, match="64 x 8224; a side has at most 8192 pixels"):
        checked_size((64, 8224))


def test_one_picture_of_a_batch_is_pickled_without_the_others():
    """As results are that a process sends to another: their tensors are parts of those of the batch."""
    trace, alone = synthetic_trace(batch=16).picture(3), synthetic_trace(batch=1)
    for one, other in ((trace, alone), (trace.history(1, (8, 8)), alone.history(1, (8, 8)))):
        kept = pickle.dumps(one)
        assert len(kept) < 1.1 * len(pickle.dumps(other))
        for back in (pickle.loads(kept), copy.deepcopy(one)):
            assert type(back) is type(one) and repr(back) == repr(one)
            assert all(torch.equal(a, b) for a, b in zip(back.tensors(), one.tensors(), strict=True))
