"""The paper's Figure 4, by download."""

from pathlib import Path

from tests.page.visitor import example, open_tab


def test_the_paper_view_can_be_taken_away(page):
    example(page, 1)
    open_tab(page, "paper")
    page.wait_for_selector("#paper img")
    for name, start in (("paper-svg", b"<svg"), ("paper-png", b"\x89PNG")):
        page.wait_for_selector(f"#{name}:not([disabled])")
        with page.expect_download() as download:
            page.locator(f"#{name}").click()
        assert download.value.suggested_filename.endswith(f".figure4.{name[-3:]}")
        assert start in Path(download.value.path()).read_bytes()[:1000]
