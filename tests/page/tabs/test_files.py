"""What is in sight, as files, by download."""

from pathlib import Path

from tests.page.visitor import example, open_tab


def test_the_files_can_be_taken_away(page):
    example(page, 1)
    open_tab(page, "files")
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
