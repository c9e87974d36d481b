import pytest

from dfine.data import labels


def test_coco():
    assert len(labels.COCO) == len(set(labels.COCO)) == 80
    assert (labels.COCO[0], labels.COCO[15], labels.COCO[79]) == ("person", "cat", "toothbrush")


def test_objects365():
    assert len(labels.OBJECTS365) == len({name.lower() for name in labels.OBJECTS365}) == 365
    shared = {name.lower() for name in labels.OBJECTS365} & set(labels.COCO)
    assert len(shared) >= 69  # the rest go by other names there: "Luggage" for suitcase, "Monitor/TV" for tv …


@pytest.mark.parametrize(
    "column, name",
    [
        (0, ""),
        (1, "Person"),
        (6, "Car"),
        (47, "Bicycle"),
        (93, "Dog"),
        (140, "Cat"),
        (296, "Bear"),
        (365, "Table Tennis"),
    ],
)
def test_columns_of_objects365_count_from_one(column, name):
    assert labels.KNOWN["objects365"][column] == name


def test_maps_by_their_number_of_columns():
    assert labels.of_columns(80) == labels.COCO
    assert len(labels.of_columns(366)) == 366
    assert labels.of_columns(365) is None


def test_unused_columns():
    assert labels.unused(()) == ()
    assert labels.unused(labels.COCO) == ()
    assert labels.unused(labels.KNOWN["objects365"]) == (0,)


def test_many_names_are_matched_as_few_are():
    """Every name was once looked for among all that had been found: 20,000 took ten seconds."""
    names = [f"thing {i}" for i in range(20_000)]
    assert labels.same(names, [name.upper() for name in reversed(names)])["thing 7"] == "THING 7"
