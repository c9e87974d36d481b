"""What is in sight, as files, by download."""

from pathlib import Path

from tests.page.visitor import example, open_tab


def test_the_files_can_be_taken_away(page):
    example(page, 1)
    open_tab(page, "files")
    assert "a grey button has no file yet" in page.inner_text("#panel-files")
    page.wait_for_selector("#object-html:not([disabled])")
    starts = {
        "object-html": b"<!DOCTYPE html>",
        "card-png": b"\x89PNG",
        "layers-gif": b"GIF89a",
        "detections-json": b"{",
        "coco-json": b"{",
        "detections-png": b"\x89PNG",
        "trace-npz": b"PK",
    }
    for name, start in starts.items():
        with page.expect_download() as download:
            page.locator(f"#{name}").click()
        assert Path(download.value.path()).read_bytes().startswith(start), name


def test_a_failure_is_told_of_the_tab_that_it_belongs_to_which_is_drawn_again(page):
    example(page, 1)
    open_tab(page, "files")
    page.wait_for_selector("#object-html:not([disabled])")
    open_tab(page, "shape")
    page.evaluate("document.dispatchEvent(new Event('undrawn'))")  # as when the server fails, only then
    page.wait_for_function("lens.store.state.undrawn === 'files'")
    assert not page.locator(".undrawn").is_visible()
    open_tab(page, "why")
    page.wait_for_function("lens.store.state.undrawn === ''")
    with page.expect_request(lambda request: request.method == "POST"):
        open_tab(page, "files")
    page.wait_for_selector("#object-html:not([disabled])")
