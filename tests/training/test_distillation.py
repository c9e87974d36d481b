"""A teacher from outside: which of its answers teach, in whose bins, and that a student comes nearer to it."""

from dataclasses import replace

import pytest
import torch

import dfine
from dfine import distribution
from dfine.data.scenes import Scenes
from dfine.training.criterion import Criterion, stages_of
from dfine.training.distillation import LEAST, Teacher, shared
from dfine.weights.checkpoints import open_checkpoint

SIZE = 160


@pytest.fixture(scope="module")
def demo():
    return open_checkpoint("demo")


@pytest.fixture(scope="module")
def pixels():
    scenes = Scenes(3, size=(SIZE, SIZE), seed=3, clean=1.0)
    return torch.stack([scenes[i][0] for i in range(3)]).float() / 255


def teacher(demo, names=None, size=(SIZE, SIZE)):
    """The shipped detector as a teacher of `names`, at an input size."""
    card = replace(demo.card, input_size=size)
    return Teacher(replace(demo, card=card), names or demo.card.names, torch.device("cpu"))


def test_a_teacher_that_finds_nothing_teaches_nothing(demo):
    one = teacher(demo)
    blank = torch.zeros(2, 3, SIZE, SIZE)
    lesson = one(blank)
    assert [len(t) for t in lesson.answers] == [0, 0]
    terms = Criterion()(one.network(blank), lesson.answers, lesson=lesson)
    taught = {name: value.item() for name, value in terms.items() if name.startswith("taught")}
    assert len(taught) == 5 * 3 + 3 and set(taught.values()) == {0.0}  # three terms of five stages, edges of three


def test_answers_are_those_that_score_enough(demo, pixels):
    lesson = teacher(demo)(pixels)
    assert len(lesson.scores) == sum(map(len, lesson.answers)) > 0
    assert (lesson.weight >= LEAST).all() and lesson.shared.all()
    assert torch.equal(torch.cat([t.labels for t in lesson.answers]), lesson.scores.argmax(-1))


def test_classes_are_those_that_both_know(demo, pixels):
    """A student of a heart and of something that the teacher has never seen, in another order."""
    columns = shared(demo, ["zebra", "Heart"])
    assert columns == {1: demo.card.names.index("heart")}
    lesson = teacher(demo, ["zebra", "Heart"])(pixels)
    assert lesson.shared.tolist() == [False, True]
    assert not lesson.scores[:, 0].any() and all((t.labels == 1).all() for t in lesson.answers)


def test_a_teacher_without_a_common_class_is_refused(demo):
    with pytest.raises(ValueError, match=r"teacher .*demo.* knows none of the classes of the data \(zebra, yak\)"):
        shared(demo, ["zebra", "yak"])


def test_edges_stand_where_they_stood(demo, pixels):
    """In a student's own bins, about other boxes, a distribution has its mean at the same place of the picture."""
    lesson = teacher(demo)(pixels)
    index = torch.arange(len(lesson.scores))
    mine = lesson.initial * torch.tensor([1.02, 0.99, 1.1, 0.9])
    w = distribution.weighting(16, a=1.0, c=0.5)
    moved = lesson.edges(index, mine, w)
    assert torch.allclose(moved.sum(-1), torch.ones(len(index), 4), atol=1e-5)
    theirs = distribution.decode(lesson.initial, distribution.mean(lesson.probabilities, lesson.w))
    ours = distribution.decode(mine, distribution.mean(moved, w))
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_a_teacher_sees_pictures_at_its_own_size(demo, pixels):
    one, half = teacher(demo), torch.nn.functional.interpolate(pixels, (SIZE // 2, SIZE // 2))
    seen = []
    one.network.register_forward_pre_hook(lambda _module, args: seen.append(tuple(args[0].shape[-2:])))
    one(half), one(pixels)
    assert seen == [(SIZE, SIZE)] * 2


def test_one_step_brings_a_student_nearer(demo, pixels):
    """Without a label in sight: only the teacher says what is there."""
    one, student = teacher(demo), dfine.load("demo", device="cpu", fast=False).network
    lesson, nothing = one(pixels), [t.map(lambda x: x[:0]) for t in one(pixels).answers]
    torch.manual_seed(0)
    with torch.no_grad():  # a student that has forgotten a little of what its teacher knows
        for value in student.decoder.parameters():
            value.add_(0.05 * value.std(unbiased=False) * torch.randn_like(value))
    optimiser = torch.optim.SGD(student.decoder.parameters(), 2e-4)

    def taught():
        terms = Criterion()(student(pixels), nothing, lesson=lesson)
        return sum(value for name, value in terms.items() if name.startswith("taught"))

    first = taught()
    first.backward()
    optimiser.step()
    assert taught().item() < first.item()
    assert {f"taught scores/{name}" for name in stages_of(student(pixels))} <= set(
        Criterion()(student(pixels), nothing, lesson=lesson)
    )
