"""The tab that covers a side of the object or spoils its picture."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("gradio")

from dfine.config import EDGES
from dfine.inference.sweep import Sweep
from dfine.page.examples import scenes
from dfine.page.tabs import spoil
from dfine.page.view import select
from tests.page.visitor import EXAMPLES, example, open_tab
from tests.pointer import at_rest


@pytest.fixture(scope="module")
def view(runner):
    """A drawn scene with its best object chosen."""
    return replace(select(runner.answer(EXAMPLES[0]), 0.5), chosen=0, runner=runner)


def turned(view, way, amount):
    return replace(view, controls=dict(way=way, amount=amount, patch=None))


def test_nothing_is_shown_of_no_object():
    assert spoil.draw(None) == dict(picture=None, table="", plot=None)


def test_an_unspoiled_picture_has_the_edges_that_the_page_shows(view):
    values = spoil.draw(turned(view, "blur", 0))
    reach = view.history.intervals()[-1]
    for edge, length in zip(EDGES, (reach[:, 1] - reach[:, 0]).tolist()):
        row = values["table"].split(f">{edge}</th>")[1].split("</tr>")[0]
        before, now = (float(cell.split(" px")[0].split(">")[-1]) for cell in row.split("</td>")[:2])
        assert before == now == pytest.approx(length, rel=0.15), "the shown picture may be smaller than the original"
    assert "No edge has become much less sure" in values["table"] and values["plot"] is None


def test_blur_is_told_in_a_sentence_and_a_sweep_is_drawn(view):
    values = spoil.swept(turned(view, "blur", 0.3))
    assert "times as unsure, more than any other" in values["table"]
    assert len(values["plot"].data[0].x) == len(spoil.STEPS)


@pytest.mark.parametrize("edge", EDGES)
def test_what_is_covered_wholly_is_not_found(view, edge):
    values = spoil.draw(turned(view, edge, 1))
    assert values["table"].endswith("is not found any more.</p>") and "<table" not in values["table"]
    assert values["picture"]["now"] is values["picture"]["reach"] is None


def test_a_patch_is_painted_and_forgotten_with_its_picture(view):
    begun = turned(view, "left", 0.3)
    x1, y1, x2, y2 = view.answer.result.detections.boxes[0].tolist()
    values = spoil.patched(begun, dict(box=[x2, y2 + 1e5, x1 - 20, (y1 + y2) / 2]))  # from its lower right corner
    path, box = values["patch"]
    assert (path, values["way"], values["amount"]) == (view.answer.path, spoil.PATCH, 1.0)
    assert box == pytest.approx([x1 - 20, (y1 + y2) / 2, x2, view.answer.size[1]])
    assert values["picture"]["picture"] != spoil.draw(begun)["picture"]["picture"]
    kept = replace(begun, controls=dict(patch=values["patch"], way=spoil.PATCH, amount=1.0))
    assert spoil.draw(kept)["picture"] == values["picture"]
    other = replace(kept, answer=replace(view.answer, path="another"))
    assert "Drag a patch over the picture" in spoil.draw(other)["table"]
    assert spoil.turned_to(replace(kept, controls=kept.controls | dict(way="blur")))["amount"] == spoil.BEGIN


@pytest.mark.parametrize(
    "box", [None, "x", [1, 2, 3], [1, 2, "3", 4], [5, 5, 5, 9], [0, 0, float("nan"), 9], [-9, 0, -1, 9]]
)
def test_what_is_no_patch_changes_nothing(view, box):
    assert spoil.patched(turned(view, "left", 0.3), dict(box=box)) == {}


@pytest.mark.parametrize(
    "said, way, amount",
    [
        ({}, "left", spoil.BEGIN),
        (dict(way="blur", amount=0.4), "blur", 0.4),
        (dict(way="blur", amount=7), "blur", 1.0),
        (dict(way=["x"], amount=float("nan"), patch="x"), "left", spoil.BEGIN),
        (dict(way="fog", amount=10**400), "left", spoil.BEGIN),
    ],
)
def test_settings_of_a_link_are_checked_and_told_back(view, said, way, amount):
    values = spoil.patched(turned(view, "top", 0.9), dict(settings=said))
    assert (values["way"], values["amount"], values["patch"]) == (way, amount, None)
    begun = (way, amount) == ("left", spoil.BEGIN)
    assert values["picture"]["settings"] == (None if begun else dict(way=way, amount=amount, patch=None))


def test_on_scenes_the_truth_stands_beside_the_edges(view):
    known = replace(view, answer=replace(view.answer, truth=scenes()[-1].truth))
    values = spoil.draw(turned(known, "left", 0.15))
    name, truth = view.found.class_names[0], torch.tensor(values["picture"]["truth"])
    assert (name, pytest.approx(truth.tolist())) in [(thing, list(box)) for thing, box in known.answer.truth]
    off = (view.answer.result.detections.boxes[0] - truth).abs().tolist()
    for edge, length in zip(EDGES, off):
        row = values["table"].split(f">{edge}</th>")[1].split("</tr>")[0]
        assert float(row.split("<td>")[4].split(" px")[0]) == pytest.approx(length, abs=0.051)
    unknown = spoil.draw(turned(view, "left", 0.15))
    assert unknown["picture"]["truth"] is None and "off the truth" not in unknown["table"]


def drag_a_patch(page, top, bottom):
    """From one height of the picture to another, in parts of it, left of its middle; the button is still held."""
    page.wait_for_function("document.querySelector('#spoiled img').naturalWidth > 0")
    place = at_rest(page.locator("#spoiled svg"))
    page.mouse.move(place["x"] + 0.2 * place["width"], place["y"] + top * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + 0.3 * place["width"], place["y"] + bottom * place["height"], steps=3)


def test_a_patch_that_is_dragged_over_the_picture_is_covered_and_its_edge_becomes_unsure(page):
    """On the opening picture: a patch over the heart's left edge."""
    example(page, 3)
    open_tab(page, "spoil")
    page.wait_for_selector("#spoiled-edges th:has-text('off the truth now')")
    drag_a_patch(page, 0.48, 0.75)
    page.wait_for_selector("#spoiled .patch:not([display])", state="attached")
    page.mouse.up()
    page.wait_for_function("document.querySelector('#way input').value.includes('patch')")
    page.wait_for_selector("#spoiled-edges:has-text('Its left edge has become')")
    cells = page.locator("#spoiled-edges tr:has-text('left') td").all_inner_texts()
    before, now = (float(cell.split()[0]) for cell in cells[:2])
    assert now > 1.5 * before
    assert page.locator("#spoiled .whisker:visible").count() == 4
    assert "where the object truly is" in page.inner_text("#spoiled")
    said = page.inner_text("#spoiled-edges")
    page.wait_for_function("location.hash.includes('spoil=patch')")
    page.reload()
    page.wait_for_function("said => document.querySelector('#spoiled-edges')?.innerText === said", arg=said)
    page.get_by_role("button", name="Undo").wait_for()


def test_a_patch_stays_with_its_picture(visit):
    """Neither the address of another picture holds it, nor does a step back paint it there."""
    page = visit()
    example(page, 3)
    open_tab(page, "spoil")
    page.wait_for_selector("#spoiled-edges td")
    drag_a_patch(page, 0.3, 0.7)
    page.mouse.up()
    page.wait_for_function("location.hash.includes('&patch=')")
    open_tab(page, "shape")
    example(page, 0)
    page.wait_for_function("location.hash.includes('example=1-clean') && location.hash.includes('spoil=patch')")
    assert "&patch=" not in page.url
    open_tab(page, "spoil")
    past = page.evaluate("lens.store._past.length")
    page.wait_for_selector("#spoiled-edges:has-text('Drag a patch over the picture to cover')")
    assert page.evaluate("[lens.store.state.spoil.patch, lens.store._past.length]") == [None, past]


@pytest.mark.parametrize(
    "made_up, meant",
    [
        (("nonsense", 0.3), ("blur", 0.3)),
        (("left", 7), ("left", 1)),
        (("left", None), ("left", 0)),
        (("rotation", -1), ("rotation", 0)),
    ],
)
def test_what_callers_make_up_is_put_into_bounds(view, made_up, meant):
    assert spoil.draw(turned(view, *made_up))["table"] == spoil.draw(turned(view, *meant))["table"]


@pytest.mark.parametrize(
    "before, now, off, said",
    [
        (
            10,
            11,
            20,
            "20.0 px from where it was. Its 80 % interval is 11.0 px long, about as before (10.0 px), but misses",
        ),
        (10, 60, 20, "interval is 60.0 px long instead of 10.0 px, which holds that place."),
        (10, 30, -20, "interval is 30.0 px long instead of 10.0 px, but misses that place: it is surer than it should"),
    ],
)
def test_a_covered_edge_is_judged_by_its_own_interval(before, now, off, said):
    spreads, errors = torch.full((2, 4), 5.0), torch.zeros(2, 4)
    spreads[0, 2], spreads[1, 2], errors[1, 2] = before, now, off
    intervals = torch.zeros(2, 4, 2)
    intervals[1, 2] = 100 + off + torch.tensor([-now / 2, now / 2])
    seen = Sweep(torch.tensor([0, 0.3]), torch.tensor([0.9, 0.8]), spreads, errors, intervals)
    assert said in spoil._of_covered(seen, 2, 1, place=100)


def test_a_class_with_a_hostile_name_is_text(view):
    found = view.answer.result.detections
    hostile = replace(found, names=("<img src=x onerror=alert(1)>",) * len(found.names))
    answer = replace(view.answer, result=replace(view.answer.result, detections=hostile))
    table = spoil.draw(turned(replace(view, answer=answer, found=hostile), "left", 0.3))["table"]
    assert "&lt;img src=x" in table and "<img" not in table


@pytest.mark.parametrize("threshold, said", [(0.05, "is still found"), (0.5, "would not be reported any more")])
def test_what_falls_below_the_threshold_is_not_called_found(view, threshold, said):
    second = replace(view, chosen=1, threshold=threshold)  # a mushroom, whose score falls to 0.06
    assert said in spoil.draw(turned(second, "left", 0.2))["table"]
