"""What is known of the published checkpoints."""

import pytest

import dfine
from dfine.weights import cache
from dfine.weights.zoo import AP, RELEASE, ZOO, labels_of_hub


def test_the_zoo_lists_every_published_checkpoint():
    rows = dfine.zoo()
    assert [r["name"] for r in rows] == [
        *("demo", "photos"),
        *("nano-coco", "small-coco", "medium-coco", "large-coco", "xlarge-coco"),
        *("small-obj365", "medium-obj365", "large-obj365", "xlarge-obj365"),
        *("small-obj2coco", "medium-obj2coco", "large-obj2coco", "xlarge-obj2coco"),
        "large-obj365-e25",
    ]
    assert all(set(r) == set(rows[0]) and r["licence"] and isinstance(r["cached"], bool) for r in rows)
    nano = rows[2]
    assert (nano["AP"], nano["parameters (M)"], nano["GFLOPs"], nano["trained on"]) == (42.8, 4, 7, "COCO")


@pytest.mark.parametrize("name", [k.name for k in ZOO.values() if k.ships])
def test_the_licence_of_what_ships_is_what_its_card_says(name):
    row = next(row for row in dfine.zoo() if row["name"] == name)
    words = (cache.assets() / "checkpoints" / name / "README.md").read_text(encoding="utf-8")
    front = dict(line.split(": ", 1) for line in words.split("---")[1].strip().splitlines())
    assert row["licence"].lower().partition(", ")[0] == front["license"]


def test_what_objects365_adds():
    assert all(AP["obj2coco"][size] > AP["coco"][size] for size in AP["obj2coco"])


@pytest.mark.parametrize(
    "name, source",
    [
        ("nano-coco", "ustc-community/dfine-nano-coco"),
        ("xlarge-obj365", "ustc-community/dfine-xlarge-obj365"),
        ("medium-obj2coco", "ustc-community/dfine-medium-obj2coco"),
        ("large-obj2coco", "ustc-community/dfine-large-obj2coco-e25"),
        ("large-obj365-e25", RELEASE + "dfine_l_obj365_e25.pth"),
        ("demo", "ships with this repository"),
        ("photos", "ships with this repository"),
    ],
)
def test_where_they_come_from(name, source):
    assert ZOO[name].source == source


@pytest.mark.parametrize(
    "hub_id, labels",
    [
        ("ustc-community/dfine-nano-coco", "coco"),
        ("ustc-community/dfine-large-obj2coco-e25", "coco"),
        ("ustc-community/dfine_x_coco", "coco"),
        ("ustc-community/dfine-small-obj365", "objects365"),
        ("ustc-community/dfine-small-mine", None),
        ("someone/dfine-nano-coco", None),
    ],
)
def test_whose_classes_a_hub_id_has(hub_id, labels):
    assert labels_of_hub(hub_id) == labels
