import html
import json
import re
from pathlib import PureWindowsPath

import numpy as np
import pytest
from PIL import Image

from dfine.figures.pages import data_check


def part(pictures=2, **classes):
    sizes = {"small": 1, "medium": 2, "large": 0}
    return dict(
        pictures=pictures,
        objects=sum(classes.values()),
        crowds=0,
        empty=0,
        classes=classes,
        sizes=sizes,
        widths=(30, 640),
        heights=(20, 20),
    )


def report(*messages, **splits):
    findings = [{"kind": "empty box", "message": m} for m in messages]
    counts = {"empty box": len(messages)} if messages else {}
    pictures = sum(part["pictures"] for part in splits.values())
    return {"source": "/data/set/", "pictures": pictures, "splits": splits, "counts": counts, "findings": findings}


def test_pictures_in_several_splits_count_once():
    said = report(all=part(4, cat=3), train=part(3, cat=2), val=part(1, cat=1)) | {"pictures": 4}
    assert "<p>4 pictures, some of them in several of the splits all, train, val.</p>" in data_check.check_html(said)


def test_a_set_of_nothing():
    text = data_check.check_html(report(train=part(0)))
    assert "0 pictures with 0 objects in train." in text and "Nothing was found." in text
    assert len(data_check.balance({}).data) == 0


def test_a_bar_for_every_split_the_most_frequent_class_on_top():
    figure = data_check.balance({"train": part(cat=3, dog=5), "val": part(dog=1, fish=9)})
    assert [bar.name for bar in figure.data] == ["train", "val"]
    assert list(figure.data[0].y) == ["fish", "dog", "cat"]
    assert [list(bar.x) for bar in figure.data] == [[0, 5, 3], [9, 1, 0]]


def test_classes_that_are_called_like_numbers_or_tags_are_classes():
    """Plotly takes names that all look like numbers for places on the axis, unless it is told what they are."""
    figure = data_check.balance({"train": part(**{"10": 3, "2": 5, "<none>": 1})})
    assert figure.layout.yaxis.type == "category" and list(figure.data[0].y) == ["2", "10", "&lt;none&gt;"]


def test_only_so_many_classes_are_drawn():
    many = {f"class {i}": i + 1 for i in range(data_check.MOST + 5)}
    assert len(data_check.balance({"train": part(**many)}).data[0].y) == data_check.MOST
    said = f"Drawn are the {data_check.MOST} of {data_check.MOST + 5} classes with most objects."
    assert said in data_check.check_html(report(train=part(**many)))
    assert "Drawn are" not in data_check.check_html(report(train=part(cat=1)))


def test_a_picture_is_named_once_above_what_is_wrong_in_it():
    bad = [("a.png has 2 equal boxes", (1, 2, 10, 10)), ("a.png is broken", None)]
    assert "<b>a.png</b> has 2 equal boxes; is broken<" in data_check.check_html(
        report(train=part()), [(None, "a.png", bad)]
    )


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", "a & b", '"'])
def test_whatever_the_names(evil):
    said = report(evil, train=part(**{evil: 2}))
    text = data_check.check_html(said, [(Image.new("RGB", (40, 30)), evil, [(evil, (1, 2, 10, 10))])])
    assert "<script>alert" not in text
    assert html.escape(evil) in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    assert data["findings"][0]["message"] == evil
    assert text.count("<img ") == 1


def test_the_list_of_findings_ends_somewhere():
    text = data_check.check_html(report(*(f"finding {i};" for i in range(data_check.LISTED + 3)), train=part()))
    assert f"finding {data_check.LISTED - 1};" in text.split('id="data"')[0]
    assert f"finding {data_check.LISTED};" not in text.split('id="data"')[0]
    assert "… and 3 more." in text


RED = (0xD5, 0x45, 0x2F)


def red_in(image):
    """Where pixels have the colour of what is wrong: left, top, right, bottom."""
    y, x = np.nonzero((np.asarray(image) == RED).all(-1))
    return (x.min(), y.min(), x.max(), y.max()) if len(x) else None


@pytest.mark.parametrize(
    "bbox, place",
    [
        (None, None),
        ((100, 60, 200, 100), (75, 45, 225, 120)),  # 640 pixels are shown as 480
        ((-50, -50, 100, 100), (0, 0, 37, 37)),
        ((600, 400, 500, 500), (450, 300, 479, 359)),
    ],
)
def test_boxes_are_drawn_where_they_are_and_held_inside(bbox, place):
    found = red_in(data_check.framed(Image.new("RGB", (640, 480)), [("wrong", bbox)]))
    assert (found is None) == (place is None)
    if place:
        np.testing.assert_allclose(found, place, atol=2)


def test_an_empty_box_is_ringed():
    left, top, right, bottom = red_in(data_check.framed(Image.new("RGB", (640, 480)), [("empty", (320, 240, 0, 0))]))
    assert (left + right) / 2 == pytest.approx(240, abs=2) and (top + bottom) / 2 == pytest.approx(180, abs=2)
    assert 14 <= right - left <= 24


LONG = "a name that is much longer than the bar beside it"


def test_a_long_name_leaves_room_for_its_bar():
    figure = data_check.balance({"train": part(**{LONG: 5, LONG + "s": 4, "cat": 3})})
    assert list(figure.data[0].y) == [LONG, LONG + "s", "cat"], "they stay apart"
    names = figure.layout.yaxis.ticktext
    assert list(figure.layout.yaxis.tickvals) == list(figure.data[0].y) and names[2] == "cat"
    assert all(len(name) <= data_check.NAME and "…" in name for name in names[:2])


def test_one_of_something_is_no_plural():
    text = data_check.check_html(report("what", train=part(1, cat=1)))
    assert "1 picture with 1 object in train." in text and "1 mistake: " in text


@pytest.mark.parametrize("source, title", [("/data/set/", "set"), (r"D:\data\cells.yaml", "cells.yaml"), (".", ".")])
def test_the_title_is_the_last_part_of_the_path(monkeypatch, source, title):
    if "\\" in source:
        monkeypatch.setattr(data_check, "PurePath", PureWindowsPath)
    page = data_check.check_html(report(all=part(cat=1)) | {"source": source})
    assert f"<h1>{title}</h1>" in page
