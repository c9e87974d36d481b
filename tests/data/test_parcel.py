import pickle

import pytest
import torch

from dfine.data.parcel import Unread, collate, sent
from dfine.trace.records import Target


def item(index, size=(8, 8)):
    picture = torch.full((3, *size), index, dtype=torch.uint8)
    return picture, Target(torch.tensor([index]), torch.tensor([[0.25, 0.5, 0.1, 0.2]]), index, size[::-1])


def test_nothing_but_what_cannot_be_read_is_no_batch():
    lost = [Unread(0, ValueError("0.jpg is empty")), Unread(1, OSError("1.jpg is not there"))]
    pictures, parcel, unread = sent(lost)
    assert (pictures, parcel.opened(), unread) == (None, [], lost)


def test_collate_stacks_pictures_and_lists_targets():
    pictures, targets = collate([item(i) for i in range(3)])
    assert pictures.shape == (3, 3, 8, 8)
    assert pictures.dtype == torch.uint8
    assert [t.image_id for t in targets] == [0, 1, 2]


def test_collate_names_the_picture_that_does_not_fit():
    with pytest.raises(ValueError, match=r"image 1 has shape \[3, 8, 9\]"):
        collate([item(0), item(1, (8, 9))])


def test_what_is_sent_is_the_batch_without_what_could_not_be_read():
    lost = Unread(1, ValueError("1.jpg is empty"))
    pictures, parcel, unread = pickle.loads(pickle.dumps(sent([item(0), lost, item(2)])))
    wanted, targets = collate([item(0), item(2)])
    assert pictures.equal(wanted) and [(one.index, str(one.error)) for one in unread] == [(1, "1.jpg is empty")]
    assert all(a == b for a, b in zip(parcel.opened(), targets, strict=True))


def test_what_is_no_batch_is_sent_as_its_error():
    error = sent([item(0), item(1, (8, 9))])
    assert isinstance(error, ValueError) and "image 1 has shape" in str(error)
