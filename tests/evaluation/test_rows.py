import numpy as np
import pytest
import torch

from dfine.evaluation.rows import ROW, as_rows, check_ids, rows_of
from dfine.trace.detections import Detections


def found(n):
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0], [1.5, 2.0, 3.5, 5.0]])[:n]
    labels, scores = torch.tensor([1, 0])[:n], torch.tensor([0.75, 0.5])[:n]
    return Detections(boxes, labels, scores, torch.arange(n), ("cat", "dog"), (64, 64))


@pytest.mark.parametrize("count", [0, 2])
def test_the_detections_of_a_picture(count):
    rows = rows_of(found(count), 9, [3, 13])
    assert rows.dtype == ROW and rows.shape == (count,)
    assert rows["image"].tolist() == [9, 9][:count]
    assert rows["box"].tolist() == [[10, 20, 20, 40], [1.5, 2, 2, 3]][:count]
    assert rows["score"].tolist() == [0.75, 0.5][:count]
    assert rows["category"].tolist() == [13, 3][:count]


def test_seven_numbers_each_become_a_row_and_a_table_stays_what_it_is():
    rows = as_rows([[9, 10, 20, 20, 40, 0.75, 13]])
    assert rows["box"].tolist() == [[10, 20, 20, 40]]
    assert (rows["image"][0], rows["score"][0], rows["category"][0]) == (9, 0.75, 13)
    assert as_rows(rows) is rows
    assert len(as_rows(np.zeros((0, 7)))) == 0


@pytest.mark.parametrize("values", [np.zeros(7), np.zeros((3, 6)), np.zeros((1, 2, 7)), np.zeros(2, [("image", int)])])
def test_anything_else_is_refused(values):
    with pytest.raises(ValueError, match=r"expected \[any, 7\]"):
        as_rows(values)


def test_ids_beyond_what_a_float_can_tell_apart():
    big = 2**53 + 1
    assert rows_of(found(1), big, [3, big])["image"][0] == big
    assert rows_of(found(1), 1, [3, big])["category"][0] == big


def test_answers_of_other_pictures_are_told_before_they_count_as_misses():
    truth = {"images": [{"id": 4}, {"id": 9}]}
    table = np.concatenate([rows_of(found(2), image, [3, 13]) for image in (4, 9)])
    check_ids(table, truth, 2)
    check_ids([], truth, 2)
    check_ids(table[:2], truth, 1)
    with pytest.raises(ValueError, match="no picture 5 among the 2 of the answers; `image_id` of a data set"):
        check_ids(rows_of(found(2), 5, [3, 13]), truth, 2)
    with pytest.raises(ValueError, match="all 2 pictures have the id 4; `image_id`"):
        check_ids(table[:2], truth, 2)
