"""The tab that compares two looks."""

from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from dfine.data.spoil import spoil
from dfine.inference.compare import compare, match
from dfine.page.compact import compact
from dfine.page.tabs.compare import OWN, second, uploaded
from dfine.page.view import select
from tests.page.visitor import EXAMPLES, PHOTO, SCENES, example, open_tab, set_threshold


@pytest.fixture(scope="module")
def view(runner):
    answer = runner.answer(EXAMPLES[0])
    return replace(select(answer, 0.5), runner=runner, controls=dict(own=None))


def test_a_second_look_at_the_same_finds_the_same(view):
    value = second(view, dict(asked="this"))["drawn"]
    count = len(view.answer.result.detections)
    assert value["asked"] == "this" and [pair[:2] for pair in value["pairs"]] == [[i, i] for i in range(count)]
    assert value["compact"]["labels"] == view.answer.result.detections.labels.tolist()
    assert {name for _, name in value["models"]} >= {view.answer.model}


def test_a_second_look_comes_with_the_edges_of_all_its_objects(view, monkeypatch):
    """Many objects are more than the first message about a picture holds; of this look there is no other."""
    monkeypatch.setattr(compact, "__defaults__", (1,))  # bytes of a first message
    told = second(view, dict(asked="this"))["drawn"]["compact"]
    values = told["layers"] * 4 * len(told["w"])
    assert len(told["queries"]) > 1 and len(b64decode(told["distributions"])) == 2 * values * len(told["queries"])


def test_another_picture_another_model_and_spoiling(view, tmp_path):
    own = replace(view, controls=dict(own=(str(PHOTO), "<my cat>.jpg")))
    assert uploaded(own, {})["drawn"]["pictures"][0] == ("<my cat>.jpg", OWN)
    assert second(own, dict(picture=OWN))["drawn"]["compact"]["size"] == [256, 256]
    other = second(view, dict(picture="4-occlusion"))["drawn"]
    assert other["titles"][1].startswith("4-occlusion.jpg") and other["picture"]["path"]
    blurred = second(view, dict(way="blur", amount=0.5))["drawn"]
    result = view.runner.models()(spoil(view.answer.picture, "blur", 0.5), 0.05)
    expected = match(view.answer.result.detections, result.detections)
    assert [pair[:2] for pair in blurred["pairs"]] == [list(pair[:2]) for pair in expected]


def test_a_sketch_is_called_so_and_not_by_its_file(view):
    where = replace(view.answer.where, picture="sketch-k3x9ab.jpg")
    drawn = replace(view, answer=replace(view.answer, where=where))
    assert second(drawn, {})["drawn"]["titles"][0] == f"the sketch · {view.answer.model}"


@pytest.mark.parametrize(
    "made_up, said",
    [
        (dict(picture="../../etc/passwd"), "the second picture is no longer there"),
        (dict(picture=OWN), "the second picture is no longer there"),
        (dict(model="/etc/passwd"), "is not on this machine"),
        (dict(model="xlarge-obj365"), "is not on this machine"),
    ],
)
def test_what_callers_make_up_gets_a_sentence(view, made_up, said):
    assert said in second(view, made_up)["drawn"]["sentence"]


@pytest.mark.parametrize("amount", [None, "x", 10**400, float("nan"), -3])
def test_amounts_that_callers_make_up_are_put_into_bounds(view, amount):
    assert "compact" in second(view, dict(way="blur", amount=amount, picture="", model=""))["drawn"]


def test_both_pictures_their_pairs_and_edges_are_shown_and_a_link_restores_them(page, model):
    example(page, 0)
    set_threshold(page, 0.5)
    open_tab(page, "compare")
    page.wait_for_selector("#compare tbody tr")
    page.select_option("#second-way", "darkness")
    page.wait_for_function("document.querySelector('#second-amount').disabled === false")
    page.locator("#second-amount").fill("0.8")
    page.wait_for_url("**second-amount=0.8**")
    page.wait_for_function("lens.store.state.second.amount === 0.8")
    first = model(EXAMPLES[0], 0.05)
    after = model(spoil(first.picture, "darkness", 0.8), 0.05)
    pairs = [p for p in compare(first, after).pairs if max(p.scores) >= 0.5]
    shown = "() => [...document.querySelectorAll('#compare tbody tr')].map((tr) => tr.innerText)"
    cells = """() => [...document.querySelectorAll('#compare tbody tr')].map((tr) =>
        [...tr.children].map((td) => td.firstChild.data ?? td.innerText))"""
    of_first = f"{pairs[0].names[1]} {pairs[0].scores[1]:.2f}"  # before, the rows are of another second look
    page.wait_for_selector(f"#compare .result:not([hidden]) tbody tr:first-child:has-text('{of_first}')")
    assert page.locator("#compare tbody tr").count() >= len(pairs)
    for pair, row in zip(pairs, page.evaluate(cells)):
        for cell, name, score in zip(row, pair.names, pair.scores):
            assert cell == f"{name} {score:.2f}" + " (below)" * (score < 0.5)
        moved = [float(text.split(" px")[0].replace("−", "-")) for text in row[3:]]
        assert moved == pytest.approx(pair.moved.tolist(), abs=0.3) and abs(float(row[2]) - pair.iou) < 0.02
    rows = page.evaluate(shown)
    assert page.locator("#compare table[role=grid] tr[tabindex='0']").count() == 1, "one stop, through which arrows go"
    page.locator("#compare tr[tabindex='0']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("number => lens.store.state.object === number", arg=pairs[1].before)
    page.wait_for_function("document.querySelectorAll('#compare .stage .chosen').length === 2")
    page.wait_for_selector("#compare tbody tr:nth-child(2)[aria-selected=true]")
    assert page.locator("#compare .edges figure:visible path.curve").count() == 8, "both objects, four edges each"
    assert page.locator("#compare .stage g:has(> .frame):not(:has(text))").count() == 0, "every box has its name"
    page.wait_for_url(f"**object={pairs[1].before + 1}&**")
    link = page.url
    page.reload()
    page.wait_for_selector("#compare tbody tr[aria-selected=true]")
    assert page.url == link and page.input_value("#second-way") == "darkness"
    assert page.evaluate(shown) == rows
    page.locator("#panel-compare input[type=file]").set_input_files(PHOTO)
    page.wait_for_selector("#compare figcaption:has-text('cheetah1.jpg')")
    page.wait_for_function("!location.hash.includes('second-')")  # a picture of one's own is in no link


def test_another_upload_takes_the_place_of_the_second_picture(visit):
    page = visit()
    open_tab(page, "compare")
    page.wait_for_selector("#compare tbody tr")
    for path in (PHOTO, EXAMPLES[1]):
        page.locator("#panel-compare input[type=file]").set_input_files(path)
        page.wait_for_selector(f"#compare figcaption:has-text('{Path(path).name}')")


def test_a_second_look_that_was_asked_of_no_picture_is_not_waited_for(visit, tmp_path):
    """The server answers nothing then, and the next picture is compared at once."""
    page, held = visit(), []
    open_tab(page, "compare")
    page.wait_for_selector("#compare tbody tr")

    def asks(request):
        return '"asked"' in (request.post_data or "")

    page.route(
        "**/queue/join*",
        lambda route: held.append(route) if not held and asks(route.request) else route.continue_(),
    )
    with page.expect_request(asks):
        page.evaluate("lens.store.set({second: {model: '', picture: '', way: 'blur', amount: 0.5}})")
    broken = tmp_path / "broken.jpg"
    broken.write_text("no picture")
    page.set_input_files("#source input[type=file]", broken)
    page.wait_for_selector("#status:has-text('That did not work')")
    with page.expect_response("**/queue/join*"):
        held[0].continue_()
    page.get_by_role("button", name=f"Example: {SCENES[1].label}").click()
    page.wait_for_selector("#compare tbody tr")
