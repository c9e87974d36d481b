"""What is in sight, as files, by download."""

from pathlib import Path

from tests.page.visitor import PATIENCE, example, open_tab


def test_the_files_can_be_taken_away_and_the_explanation_is_read_without_a_mouse(page, tmp_path):
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
        if name == "object-html":
            download.value.save_as(tmp_path / "object.html")
    alone = page.context.browser.new_page()
    alone.set_default_timeout(PATIENCE)
    alone.goto((tmp_path / "object.html").as_uri())
    alone.locator("[role=group] > .plot-container .slider-group[role=slider]").focus()
    alone.keyboard.press("Home")
    alone.wait_for_selector(".slider-group[aria-valuenow='0'][aria-valuetext=initial]")
    alone.locator(".updatemenu-button[role=button][aria-label=Play]").first.focus()
    alone.keyboard.press("Enter")
    alone.wait_for_selector(".slider-group:not([aria-valuenow='0'])")
    assert "layer 1: left ±" in alone.locator("#panel-0-0 .plot[role=img]").get_attribute("aria-label")
    alone.locator("#panel-1-0-tab").focus()
    alone.keyboard.press("End")
    alone.wait_for_selector(
        "[role=tablist][aria-label='The sum behind each edge'] #panel-1-3-tab[aria-selected=true]:focus"
    )
    hidden = alone.locator("[role=tabpanel][hidden]").count()
    alone.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not alone.locator("[role=tabpanel][hidden]").count() and hidden, "paper shows what stands behind all tabs"
    fits = "(plot) => plot.querySelector('svg')?.clientWidth <= 690"
    alone.wait_for_function(f"[...document.querySelectorAll('.plot')].every({fits})")
    alone.evaluate("dispatchEvent(new Event('afterprint'))")
    assert alone.locator("[role=tabpanel][hidden]").count() == hidden
    alone.close()


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
