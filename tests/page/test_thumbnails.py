"""Several pictures in one go: bounded, every one with its count, the broken ones named."""

from pathlib import Path

import pytest
from PIL import Image

from dfine.page import thumbnails
from dfine.page.thumbnails import Thumbnails, filled
from tests.page.visitor import example, set_threshold


@pytest.fixture(scope="module")
def look(runner):
    return lambda path: runner.answer(str(path))


def test_no_files_are_no_thumbnails():
    assert Thumbnails().value() is None and Thumbnails().first is None
    assert [several.pictures for several in filled([], lambda path: None)] == [()]


def test_thumbnails_grow_picture_by_picture_and_name_what_cannot_be_read(look, pictures, tmp_path):
    good = pictures((300, 200), (200, 260))
    bad = tmp_path / "letter.png"
    bad.write_text("Dear Sir or Madam")
    files = [(str(path), path.name) for path in (good[0], bad, good[1])]
    stages = list(filled(files, look))
    assert [len(stage.pictures) for stage in stages] == [0, 1, 2, 3]
    assert [stage.value()["looking"] for stage in stages] == [True, True, True, False]
    assert "picture 2 of 3" in stages[1].note()
    done = stages[-1]
    assert "2 pictures" in done.note() and "'letter.png' is not a picture" in done.note()
    assert done.first == str(good[0])
    shown = done.value(str(good[1]))
    assert shown["chosen"] == 2 and "trouble" in shown["pictures"][1]
    for place in (0, 2):
        expected = len(look(good[place // 2]).result.detections)
        one = shown["pictures"][place]
        assert len(one["scores"]) == expected and len(one["boxes"]) == min(expected, thumbnails.DRAWN)


def test_thumbnails_are_bounded_and_say_so(look, pictures):
    (path,) = pictures((120, 90))
    *_, done = filled([(str(path), f"{i}.jpg") for i in range(thumbnails.MOST + 2)], look)
    assert len(done.pictures) == thumbnails.MOST
    assert (
        f"{thumbnails.MOST} pictures are taken at once: the last 2 of {thumbnails.MOST + 2} files were left out"
        in done.note()
    )


def test_what_thumbnails_keep_is_small(look, tmp_path):
    path = tmp_path / "large.jpg"
    Image.effect_noise((3000, 2000), 60).convert("RGB").save(path)
    *_, done = filled([(str(path), "large.jpg")], look)
    assert len(done.pictures[0].jpeg) < 100_000
    assert not any(hasattr(done.pictures[0], name) for name in ("trace", "result", "picture"))


def test_a_thumbnail_that_was_deleted_is_written_again(look, pictures):
    (path,) = pictures((200, 150))
    *_, done = filled([(str(path), path.name)], look)
    Path(done.pictures[0].file).unlink()
    again = done.value()["pictures"][0]["picture"]["path"]
    assert again == done.pictures[0].file and Path(again).is_file()


def counted(number):
    return f"{number} object{'' if number == 1 else 's'}" if number else "nothing"


HEARD = """() => {
    window.heard = [];
    new MutationObserver(() => {
        const said = document.querySelector('#spoken')?.textContent;
        if (said?.includes('picture')) window.heard.push(said);
    }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


def test_several_pictures_are_uploaded_and_each_can_be_opened(page, model, pictures, tmp_path):
    files = pictures((420, 300), (260, 340), (300, 300))
    bad = tmp_path / "broken.png"
    bad.write_bytes(b"\x89PNG broken")
    page.evaluate(HEARD)
    page.set_input_files("input[type=file][multiple]", [files[0], bad, *files[1:]])
    page.wait_for_selector("#thumbnails .note:has-text('3 pictures')")
    assert "'broken.png'" in page.inner_text("#thumbnails .note")
    page.wait_for_function("window.heard.some((said) => said.includes('3 pictures'))")
    heard = set(page.evaluate("window.heard"))
    heard.discard("Looking at the picture …")  # of the one that opens, where that takes long
    assert heard <= {"Looking at picture 1 of 4 …", page.inner_text("#thumbnails .note")}
    assert page.locator("#thumbnails button").count() == 4 and page.locator("#thumbnails button:disabled").count() == 1
    page.wait_for_selector("#status:has-text('420 × 300 pixels')")  # the first opens by itself
    page.wait_for_selector("#thumbnails button[aria-current]:has-text('scene-0.jpg')")

    found = model(files[1], 0.5).detections
    told = page.locator("#thumbnails button:has-text('scene-1.jpg')")
    assert counted(len(found)) in told.inner_text()
    told.click()
    page.wait_for_selector("#status:has-text('260 × 340 pixels')")
    page.wait_for_selector("#thumbnails button[aria-current]:has-text('scene-1.jpg')")
    page.wait_for_function("document.activeElement.closest('#thumbnails') !== null")  # the focus stays where it was
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#status:has-text('300 × 300 pixels')")

    set_threshold(page, 0.95)
    count = counted(len(model(files[1], 0.95).detections))
    page.wait_for_selector(f"#thumbnails button:has-text('scene-1.jpg'):has-text('{count}')")
    page.locator("#examples button").nth(0).click()
    page.wait_for_selector("#thumbnails button[aria-current]", state="detached")


def test_an_upload_in_which_nothing_can_be_read_leaves_the_page_as_it_is(page, tmp_path):
    example(page, 1)
    said = page.inner_text("#status")
    for name in ("one.png", "two.png"):
        (tmp_path / name).write_text("Dear Sir or Madam")
    page.set_input_files("input[type=file][multiple]", [tmp_path / "one.png", tmp_path / "two.png"])
    page.wait_for_selector("#thumbnails .note:has-text('two.png')")
    page.wait_for_timeout(1000)
    assert page.inner_text("#status").split(", in ")[0] == said.split(", in ")[0]
    page.set_input_files("#source input[type=file]", tmp_path / "one.png")  # and still says what is wrong with a file
    page.wait_for_selector("#status:has-text('is not a picture')")
