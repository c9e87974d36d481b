"""How the App opens: which panels, and a colour of its own for every stage."""

import pytest

pytest.importorskip("fiftyone")

from dfine.explore import fields, workspace
from dfine.figures import style
from dfine.figures.pages import suspects


@pytest.mark.parametrize("evaluated", [True, False])
def test_pictures_left_and_the_panel_of_edges_in_front_right(evaluated):
    first = workspace.spaces(evaluated, suspects=True).children[1].children[0]
    assert first.type == "dfine_suspects"
    space = workspace.spaces(evaluated)
    left, right = space.children
    assert [panel.type for panel in left.children] == ["Samples"]
    middle = [workspace.EVALUATION_PANEL] if evaluated else []
    assert [panel.type for panel in right.children] == [workspace.EDGES_PANEL, *middle, "Histograms"]
    assert right.active_child == right.children[0].component_id and space.sizes == [0.5, 0.5]


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_every_stage_has_the_colour_that_it_has_in_figures(layers):
    scheme = workspace.colours({"layers": layers, "truth": "answers"}, "mine")
    colours = {entry["path"]: entry["fieldColor"] for entry in scheme.fields}
    assert colours.pop("mine_suspects") == suspects.SUGGESTED and workspace.TRUTH_COLOUR == suspects.ANSWER
    assert set(colours) == {"answers"} | {fields.field_of("mine", stage, layers) for stage in fields.stages(layers)}
    assert colours["mine_initial"] == style.INITIAL and colours["mine"] == style.layer_colours(layers)[-1]
    assert len(set(colours.values())) == 2 + layers and scheme.color_by == "field"


def test_other_fields_keep_their_colours():
    own = {"path": "weather", "colorByAttribute": "label", "fieldColor": "#123456"}
    before = workspace.fo.ColorScheme(fields=[own, {"path": "answers", "fieldColor": "#000000"}], opacity=0.25)
    first = workspace.colours({"layers": 3, "truth": "answers"}, "mine", before)
    both = workspace.colours({"layers": 1, "truth": "answers"}, "theirs", first)
    colours = {entry["path"]: entry["fieldColor"] for entry in both.fields}
    assert own in both.fields and both.opacity == 0.25
    assert colours["mine_layer_1"] == style.layer_colours(3)[0] and colours["theirs"] == style.layer_colours(1)[0]
    assert colours["answers"] == workspace.TRUTH_COLOUR and len(colours) == len(both.fields) == 1 + 1 + (4 + 1) + (
        2 + 1
    )
    assert len(before.fields) == 2, "what was given stays as it is"


def test_what_a_person_has_chosen_to_see_is_still_seen():
    active = workspace.fo.ActiveFields
    assert workspace.seen(["answers", "mine"], ["mine"]).paths == ["answers", "mine"]
    before = active(paths=["tags", "mine", "answers"])
    assert workspace.seen(["answers", "theirs"], ["mine", "theirs"], before).paths == ["answers", "theirs", "tags"]
    one = workspace.seen(["answers", "mine", "mine_suspects"], ["mine"], active(paths=["mine"]))
    assert one.paths == ["answers", "mine", "mine_suspects"]
    assert workspace.seen(["answers", "mine"], ["mine"], one).paths == ["answers", "mine"], "as they are not asked for"
    but = active(exclude=True, paths=["weather"])
    assert workspace.seen(["answers", "mine"], ["mine"], but) is but
