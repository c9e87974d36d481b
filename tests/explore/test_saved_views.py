"""Saved views of ours are renewed, and a person's own of the same name stay as they are."""

import pytest

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore.saved_views import Saved

OURS = Saved("suspects", "Probable label errors.", "#D55E00")


@pytest.fixture
def dataset(fo):
    dataset = fo.Dataset()
    dataset.add_samples([fiftyone.Sample(filepath=f"/pictures/{i}.jpg") for i in range(3)])
    yield dataset
    dataset.delete()


def shown(dataset):
    return {name: len(dataset.load_saved_view(name)) for name in dataset.list_saved_views()}


def test_ours_is_saved_and_renewed(dataset):
    assert OURS.called(dataset) == "suspects"
    assert OURS.save(dataset, dataset.limit(1)) == "suspects" == OURS.save(dataset, dataset.limit(2))
    assert shown(dataset) == {"suspects": 2}
    info = dataset.get_saved_view_info("suspects")
    assert (info["description"], info["color"]) == (OURS.about, OURS.colour)


@pytest.mark.parametrize(
    "before",
    [dict(description="Other words of an earlier version.", color="#d55e00"), dict(description=OURS.about)],
    ids=["its words", "its colour"],
)
def test_ours_is_known_again_though_one_of_its_marks_is_another(dataset, before):
    dataset.save_view("suspects", dataset.limit(1), **before)
    OURS.save(dataset, dataset.limit(2))
    assert shown(dataset) == {"suspects": 2}


@pytest.mark.parametrize("theirs", ["suspects", "Suspects"])  # FiftyOne takes these for one name
def test_a_persons_own_stays_and_ours_gets_another_name(dataset, theirs):
    dataset.save_view(theirs, dataset.limit(1), color="#FF6D04", description="mine")
    for count in (2, 3):
        with pytest.warns(UserWarning, match=r"the saved view 'suspects' of .* D-FINE's is called 'suspects \(D-FINE"):
            assert OURS.save(dataset, dataset.limit(count)) == "suspects (D-FINE)"
        assert shown(dataset) == {theirs: 1, "suspects (D-FINE)": count}
    assert OURS.called(dataset) == "suspects (D-FINE)"
    dataset.delete_saved_view(theirs)
    assert OURS.save(dataset, dataset.limit(2)) == "suspects"
    assert shown(dataset) == {"suspects": 2}, "the other name is not needed any more"


def test_a_person_may_have_the_other_name_too(dataset):
    for name in ("suspects", "suspects (D-FINE)"):
        dataset.save_view(name, dataset.limit(1))
    with pytest.warns(UserWarning, match="stays as it is"):
        assert OURS.save(dataset, dataset.limit(2)) == "suspects (D-FINE 2)"
    assert shown(dataset) == {"suspects": 1, "suspects (D-FINE)": 1, "suspects (D-FINE 2)": 2}
