"""Slices: their names, AP as the evaluation has it, coverage, and fields that are not there."""

from dataclasses import replace

import pytest

pytest.importorskip("fiftyone")

from dfine.explore.slices import BINS, LEAST, Slice, named, slices, worst


def part(value, ap, objects=LEAST):
    return Slice("tags", value, 3, objects, ap, None)


@pytest.mark.parametrize(
    "values, expected",
    [
        ({}, {}),
        ({"a": None, "b": float("nan")}, {"a": (), "b": ()}),
        ({"a": ["x", "y"], "b": [], "c": ["y"]}, {"a": ("x", "y"), "b": (), "c": ("y",)}),
        ({"a": True, "b": False, "c": None}, {"a": ("True",), "b": ("False",), "c": ()}),
        ({"a": 1, "b": 2, "c": 1}, {"a": ("1",), "b": ("2",), "c": ("1",)}),
    ],
    ids=["nothing", "no values", "lists", "yes or no", "few numbers"],
)
def test_names_by_hand(values, expected):
    assert named(values) == expected


def test_many_numbers_are_cut_into_ranges_of_as_many():
    found = named({i: i / 10 for i in range(40)})
    counts = {names[0]: sum(n == names for n in found.values()) for names in found.values()}
    assert list(counts) == ["up to 0.975", "0.975 to 1.95", "1.95 to 2.92", "over 2.92"] and len(counts) == BINS
    assert set(counts.values()) == {10}


@pytest.mark.parametrize(
    "first, expected",
    [
        (2001, ["up to 2011", "2011 to 2020", "2020 to 2030", "over 2030"]),
        (1_000_001, ["up to 1000011", "1000011 to 1000020", "1000020 to 1000030", "over 1000030"]),
    ],
    ids=["years", "times"],
)
def test_ranges_of_large_numbers_are_told_apart(first, expected):
    assert list(dict.fromkeys(name for (name,) in named({i: first + i for i in range(40)}).values())) == expected


def test_the_worst_has_enough_objects():
    assert worst([]) is None and worst([part("few", 0.1, LEAST - 1), part("unmeasured", None)]) is None
    assert worst([part("few", 0.1, 3), part("bad", 0.3), part("good", 0.5)]).value == "bad"
    classes = [replace(part(value, ap), by="class") for value, ap in (("bird", 0.0), ("cat", 0.5))]
    assert worst(classes).value == "bird" and worst(classes, ["bird"]).value == "cat", "the model has no birds"


def test_slices_of_scenes(explored):
    stats = explored.info["dfine"]["dfine"]["evaluation"]
    found = slices(explored, by=["size", "class", "case", "hard", "ground_truth.visible", "tags"])
    by = {name: {s.value: s for s in found if s.by == name} for name in dict.fromkeys(s.by for s in found)}
    assert {v: s.ap for v, s in by["size"].items()} == pytest.approx(
        {"small": stats["stages"]["layer 3"]["APs"], "medium": stats["stages"]["layer 3"]["APm"]}
        | {"large": stats["stages"]["layer 3"]["APl"]},
        nan_ok=True,
    )
    objects = explored.count("ground_truth.detections")
    assert sum(s.objects for s in by["size"].values()) == sum(s.objects for s in by["class"].values()) == objects
    assert {v: s.ap for v, s in by["class"].items()} == pytest.approx(
        {v: stats["classes"][v] for v in by["class"]}, abs=1e-5
    )
    assert sum(s.pictures for s in by["hard"].values()) == 8 and set(by["hard"]) == {"True", "False"}
    assert (
        by["case"]["clean"].ap == by["hard"]["False"].ap and by["case"]["clean"].objects == by["hard"]["False"].objects
    )
    assert 0 < sum(s.objects for s in by["ground_truth.visible"].values()) <= objects
    assert all(0 <= s.coverage <= 1 for s in found if s.coverage is not None)
    for name, parts in by.items():
        values = [s.ap for s in parts.values() if s.ap is not None]
        assert values == sorted(values), name


def test_one_slice_that_holds_all_pictures_has_the_ap_of_all(explored):
    explored.set_values("place", ["here"] * 8)
    (only,) = slices(explored, by=["place"])
    explored.delete_sample_field("place")
    assert only.ap == pytest.approx(explored.info["dfine"]["dfine"]["evaluation"]["stages"]["layer 3"]["AP"], abs=1e-5)
    assert (only.pictures, only.objects) == (8, explored.count("ground_truth.detections"))


def test_values_that_have_no_slice_are_told_of(explored):
    explored.set_values("places", [[f"town {4 * i + k}" for k in range(4)] for i in range(8)])
    try:
        with pytest.warns(UserWarning, match="'places' has 32 different values; only the 24 most frequent are slices"):
            assert len(slices(explored, by=["places"])) == 24
    finally:
        explored.delete_sample_field("places")


@pytest.mark.parametrize("name", ["weather", "dfine", "ground_truth.colour"])
def test_what_is_no_field(explored, name):
    with pytest.raises(ValueError, match=f"no field '{name}' with plain values"):
        slices(explored, by=[name])
