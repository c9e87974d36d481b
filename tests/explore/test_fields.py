from types import SimpleNamespace

import pytest

from dfine.explore import fields
from dfine.trace.card import Card
from tests.helpers import full_card


def test_what_stages_and_evaluations_are_called():
    assert [fields.field_of("m", stage, 2) for stage in fields.stages(2)] == ["m_initial", "m_layer_1", "m"]
    assert [fields.eval_key("m", stage, 2) for stage in fields.stages(2)] == [
        "m_eval_initial",
        "m_eval_layer_1",
        "m_eval",
    ]
    assert (fields.confusion_key("m"), fields.run_field("m")) == ("m_eval_any", "m_run")


def test_a_name_is_given_once_whatever_the_number_of_layers():
    for layers in (1, 3, 6):
        names = [fields.field_of("m", stage, layers) for stage in fields.stages(layers)]
        assert len(set(names)) == 1 + layers and names[-1] == "m"


@pytest.mark.parametrize(("info", "there"), [(None, "none"), ({}, "none"), ({"dfine": {"other": {}}}, "other")])
def test_a_run_that_was_not_made_is_named_with_those_that_were(info, there):
    with pytest.raises(ValueError, match=f"'set' holds no exploration 'mine' .only: {there}."):
        fields.about(SimpleNamespace(info=info, name="set"), "mine")


def test_a_run_keeps_the_whole_card_of_its_model():
    card = full_card(("cup", "key"), (64, 96))
    assert fields.card({"names": ["matched"], "threshold": 0.3, "card": card.to_dict()}) == card


def test_a_run_of_an_earlier_version_has_what_it_stored_of_its_model():
    older = {"names": ["cup"], "model": "mine", "digest": "00ff", "input": [64, 96], "threshold": 0.05}
    assert fields.card(older | {"temperature": None}) == Card(("cup",), (64, 96), "mine", "00ff")
    fitted = [1.0, 2.0, 3.0, 4.0]
    assert fields.card(older | {"temperature": fitted}).temperature == tuple(fitted)


def test_what_was_noted_is_found(fo):
    dataset = fo.Dataset()
    fields.note(dataset, "mine", {"layers": 3})
    fields.note(dataset, "mine", {"truth": "answers"})
    fields.note(dataset, "other", {"layers": 1})
    assert fields.about(dataset, "mine") == {"layers": 3, "truth": "answers"}
    assert fields.about(fo.load_dataset(dataset.name), "other") == {"layers": 1}
    dataset.delete()
