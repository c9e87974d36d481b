import pickle
import traceback
from pathlib import Path

import pytest
import torch
from torch.utils.data import Dataset

from dfine.data import augment
from dfine.data.loader import Batches, Batching, Shares, loader, relabelled, subset
from dfine.data.pictures import PictureError
from dfine.data.scenes import Scenes
from dfine.trace.records import Target


class Numbered(Dataset):
    """Pictures whose every pixel tells their index and column, each with one box."""

    names = ("one", "two")
    category_ids = [3, 9]

    def __init__(self, count, size=(8, 8)):
        self.count, self.size = count, size

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        picture = torch.full((3, *self.size), index, dtype=torch.uint8)
        picture[1] = torch.arange(self.size[1])
        return picture, Target(torch.tensor([index % 2]), torch.tensor([[0.25, 0.5, 0.1, 0.2]]), index, self.size[::-1])

    def ground_truth(self):
        images = [{"id": i, "width": self.size[1], "height": self.size[0]} for i in range(self.count)]
        annotations = [{"id": i, "image_id": i, "category_id": 3, "bbox": [0, 0, 1, 1]} for i in range(self.count)]
        return {"images": images, "annotations": annotations, "categories": [{"id": 3, "name": "one"}]}


def ids(batches):
    return [[t.image_id for t in targets] for _, targets in batches]


def make(count=10, batch=4, transform=None, **options):
    how = Batching(batch, **{"size": (8, 8), "train": True, "seed": 1} | options)
    return loader(Numbered(count), how, transform=transform)


def test_an_empty_data_set_has_no_batches():
    assert len(make(0)) == 0
    assert list(make(0)) == []


class Damaged(Numbered):
    """Picture 1 cannot be read, or is of another size."""

    def __init__(self, error):
        super().__init__(4)
        self.error = error

    def __getitem__(self, index):
        if index == 1:
            raise self.error
        return super().__getitem__(index)

    def path(self, index):
        return Path("folder") / f"{index}.jpg"


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize(
    "error, said",
    [
        (
            PictureError("'1.jpg' is empty"),
            f"{Path('folder') / '1.jpg'}: '1.jpg' is empty; `dfine data check` names every picture that cannot be read",
        ),
        (FileNotFoundError("the picture x is not there"), "the picture x is not there"),
        (ValueError("the picture x has 3x4 pixels"), "the picture x has 3x4 pixels"),
    ],
)
def test_a_picture_that_cannot_be_read_is_one_sentence(workers, part, error, said):
    data = Damaged(error)
    data = subset(data, [0, 1, 2]) if part else data
    with pytest.raises(type(error)) as caught:
        list(loader(data, Batching(2, (8, 8), workers=workers)))
    assert str(caught.value) == said
    traceback.clear_frames(caught.tb)  # they hold the loader, which needs five seconds to go as garbage


@pytest.mark.parametrize("workers", [0, 1])
def test_pictures_that_cannot_be_read_are_left_out_where_that_is_asked_for(workers):
    batches = loader(Damaged(PictureError("'1.jpg' is empty")), Batching(1, (8, 8), workers=workers, skip=True))
    for _ in range(2):  # each pass tells of its own
        assert ids(batches) == [[0], [2], [3]], "a batch of nothing is none"
        assert {i: str(error) for i, error in batches.left_out.items()} == {
            1: f"{Path('folder') / '1.jpg'}: '1.jpg' is empty"
        }
    assert ids(loader(Damaged(ValueError("x")), Batching(2, (8, 8), skip=True))) == [[0], [2, 3]]


def test_a_mistake_of_the_program_is_not_hidden():
    with pytest.raises(RuntimeError, match="a mistake"):
        list(loader(Damaged(RuntimeError("a mistake")), Batching(2, (8, 8))))


class Other(Numbered):
    """Items as other libraries want them."""

    def __init__(self, change):
        super().__init__(2)
        self.change = change

    def __getitem__(self, index):
        return self.change(*super().__getitem__(index))


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize(
    "change, said",
    [
        (lambda picture, target: (picture.float() / 255, target), r"torch.float32 \[3, 8, 8\], Target"),  # black
        (lambda picture, target: (picture[0], target), r"torch.uint8 \[8, 8\], Target"),
        (lambda picture, target: (picture.numpy(), target), "ndarray, Target"),
        (lambda picture, target: (picture, {"boxes": target.boxes}), r"torch.uint8 \[3, 8, 8\], dict"),
        (lambda picture, target: picture, r"torch.uint8 \[3, 8, 8\], NoneType"),
    ],
)
def test_an_item_of_another_kind_is_told_what_it_should_be(change, said, part):
    data = subset(Other(change), [1]) if part else Other(change)
    with pytest.raises(
        TypeError, match=r"an item of a data set is \(picture uint8 \[3, H, W\], Target\), not \(" + said
    ):
        list(loader(data, Batching(2, (8, 8))))


def test_so_is_what_a_transform_gives():
    with pytest.raises(TypeError, match=r"a transform of pictures gives \(picture uint8 .* not \(torch.float32"):
        list(make(2, 2, lambda picture, target: (picture / 255, target)))


@pytest.mark.parametrize(
    "count, batch, train, lengths",
    [(10, 4, True, [4, 4]), (10, 4, False, [4, 4, 2]), (3, 4, True, [3]), (8, 4, True, [4, 4])],
)
def test_training_leaves_out_the_incomplete_batch_unless_it_is_the_only_one(count, batch, train, lengths):
    batches = make(count, batch, train=train)
    assert len(batches) == len(lengths)
    assert [len(t) for _, t in batches] == lengths


def test_evaluation_keeps_the_order_and_does_not_flip():
    batches = list(make(train=False))
    assert ids(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert all(p[0, 1, 0].tolist() == list(range(8)) for p, _ in batches)


def test_an_epoch_sees_every_picture_once_and_the_next_in_another_order():
    batches = make(8)
    first = sum(ids(batches), [])
    batches.batch_sampler.epoch = 1
    second = sum(ids(batches), [])
    assert sorted(first) == sorted(second) == list(range(8))
    assert first != second


def everything(batches):
    return [(p, [t.boxes for t in targets], [t.image_id for t in targets]) for p, targets in batches]


def assert_same(a, b):
    assert len(a) == len(b)
    for (p, boxes, i), (q, others, j) in zip(a, b):
        assert i == j
        assert torch.equal(p, q)
        assert all(torch.equal(x, y) for x, y in zip(boxes, others))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_depend_on_seed_and_epoch_alone(workers):
    """Not on the global random state, on workers, or on how many epochs came before."""
    torch.manual_seed(0)
    long = make(24, workers=workers)
    runs = []
    for epoch in range(3):
        long.batch_sampler.epoch = epoch
        runs.append(everything(long))
        torch.rand(5)
    torch.manual_seed(99)
    fresh = make(24, workers=0)
    fresh.batch_sampler.epoch = 2
    assert_same(runs[2], everything(fresh))


def test_going_on_in_the_middle_of_an_epoch():
    whole = make(24)
    whole.batch_sampler.epoch = 3
    expected = everything(whole)
    resumed = make(24)
    resumed.batch_sampler.epoch, resumed.batch_sampler.start = 3, 4
    assert_same(expected[4:], everything(resumed))
    assert_same(expected, everything(resumed))  # only the interrupted epoch is shorter


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    list(make())
    assert torch.equal(torch.rand(3), expected)


def test_flips_differ_between_pictures_and_epochs():
    batches = make(40, 40)
    flips = []
    for epoch in range(2):
        batches.batch_sampler.epoch = epoch
        ((pixels, targets),) = list(batches)
        flips.append({t.image_id: bool(p[1, 0, 0] == 7) for p, t in zip(pixels, targets)})
        for t in targets:
            assert t.boxes[0, 0].item() == (0.75 if flips[-1][t.image_id] else 0.25)
    assert 8 < sum(flips[0].values()) < 32
    assert flips[0] != flips[1]


def test_a_batch_needs_a_picture():
    with pytest.raises(ValueError, match="at least one picture"):
        Batches(3, 0, shuffle=False, seed=0)


def test_a_subset_is_still_a_data_set():
    some = subset(Numbered(10), [7, 2])
    assert len(some) == 2
    assert some.names == ("one", "two")
    assert some.category_ids == [3, 9]
    assert [some[i][1].image_id for i in range(2)] == [7, 2]
    truth = some.ground_truth()
    assert [i["id"] for i in truth["images"]] == [7, 2]
    assert sorted(a["image_id"] for a in truth["annotations"]) == [2, 7]


def test_an_empty_subset_and_one_that_reaches_too_far():
    assert subset(Numbered(3), []).ground_truth()["annotations"] == []
    with pytest.raises(ValueError, match="no item 3; the data set has 3"):
        subset(Numbered(3), [0, 3])


@pytest.mark.parametrize("workers", [0, 2])
def test_mosaics_are_the_same_however_many_processes_make_them(workers):
    scenes = Scenes(6, size=(64, 64), seed=1)
    plain, mosaics, again = (
        list(loader(scenes, Batching(3, (64, 64), train=True, seed=5, workers=count), shares=Shares(mosaic=share)))
        for share, count in ((0.0, 0), (0.5, 0), (0.5, workers))
    )
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(mosaics, again))
    assert any(not torch.equal(a, b) for (a, _), (b, _) in zip(plain, mosaics))
    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(loader(scenes, Batching(3, (64, 64))), mosaics))


def test_pasted_pictures_are_the_same_however_many_processes_make_them_and_none_is_held_out_so():
    scenes = Scenes(6, size=(64, 64), seed=1)
    plain, pasted, again = (
        list(loader(scenes, Batching(3, (64, 64), train=True, seed=5, workers=workers), shares=Shares(0.3, share)))
        for workers, share in ((0, 0.0), (0, 1.0), (2, 1.0))
    )
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(pasted, again))
    assert any(not torch.equal(a, b) for (a, _), (b, _) in zip(plain, pasted))
    count = [sum(len(target) for _, targets in batches for target in targets) for batches in (plain, pasted)]
    assert count[1] > count[0]
    held_out = loader(scenes, Batching(3, (64, 64)), shares=Shares(copy_paste=1.0))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(loader(scenes, Batching(3, (64, 64))), held_out))


def test_covered_pictures_are_the_same_however_many_processes_make_them_mosaics_too():
    scenes = Scenes(6, size=(64, 64), seed=1)
    plain, covered, again, both = (
        list(loader(scenes, Batching(3, (64, 64), train=True, seed=5, workers=workers), shares=Shares(**how)))
        for workers, how in ((0, {}), (0, {"cover": 1.0}), (2, {"cover": 1.0}), (0, {"cover": 1.0, "mosaic": 1.0}))
    )
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(covered, again))
    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(plain, covered))
    assert all(pixels.shape == (3, 3, 64, 64) for pixels, _ in both)
    held_out = loader(scenes, Batching(3, (64, 64)), shares=Shares(cover=1.0))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(loader(scenes, Batching(3, (64, 64))), held_out))


def test_pictures_are_shrunk_after_they_were_covered_in_training_only():
    scenes = Scenes(6, size=(64, 64), seed=1)
    how = Batching(3, (64, 64), train=True, seed=5)
    plain, shrunk, both = (
        list(loader(scenes, how, shares=Shares(**more)))
        for more in ({}, {"downscale": 1.0}, {"downscale": 1.0, "cover": 1.0})
    )
    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(plain, shrunk))
    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(shrunk, both))
    flat = list(loader(scenes, how, shares=Shares(posterize=1.0)))
    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(plain, flat))

    def detail(batches):
        return sum(float(pixels.float().diff(dim=-1).abs().mean()) for pixels, _ in batches)

    assert detail(shrunk) < 0.7 * detail(plain)
    held_out = loader(scenes, Batching(3, (64, 64)), shares=Shares(downscale=1.0))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(loader(scenes, Batching(3, (64, 64))), held_out))


def test_labels_that_count_in_another_order():
    scenes = Scenes(3, size=(64, 64), seed=1)
    assert relabelled(scenes, scenes.names) is scenes
    turned = relabelled(scenes, scenes.names[::-1])
    for i in range(3):
        ours, theirs = turned[i][1], scenes[i][1]
        assert [turned.names[label] for label in ours.labels] == [scenes.names[label] for label in theirs.labels]
    with pytest.raises(ValueError, match="rocket missing"):
        relabelled(scenes, [*scenes.names, "rocket"])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_a_batch_from_another_process_is_one_open_file():
    """Not one for the labels and one for the boxes of each of its pictures: some batches ahead would be too many."""
    here = list(make(count=64, batch=16))
    batches = iter(make(count=64, batch=16, workers=1))
    held = [next(batches)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    held += batches
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 2 * 3
    for (pixels, targets), (same, others) in zip(held, here, strict=True):
        assert pixels.equal(same) and [t.image_id for t in targets] == [t.image_id for t in others]
        assert all(
            a.labels.equal(b.labels) and a.boxes.equal(b.boxes) and a.size == b.size for a, b in zip(targets, others)
        )


def test_no_more_processes_than_batches():
    assert make(count=12, batch=4, workers=8).num_workers == 3


def test_what_a_loader_hands_to_its_processes_can_be_sent():
    """On Windows, on macOS and with Python 3.14 they get a pickled copy, which gives the same batches."""
    data = relabelled(subset(Scenes(6, size=(64, 64)), [4, 0, 2, 5]), Scenes(0).names[::-1])
    every = dict.fromkeys(("mosaic", "copy_paste", "drawn", "cover", "posterize", "downscale"), 0.5)
    made = loader(data, Batching(2, (64, 64), train=True), transform=augment.strong(), shares=Shares(**every))
    copy, collate = pickle.loads(pickle.dumps((made.dataset, made.collate_fn)))
    for key in [(0, 0), (1, 3)]:
        (ours, _, _), (theirs, _, _) = made.collate_fn([made.dataset[key]]), collate([copy[key]])
        assert torch.equal(ours, theirs)
