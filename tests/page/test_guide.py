"""What helps a newcomer: the tour, and the words of the page."""

import pytest

pytest.importorskip("gradio")

from dfine.figures.glossary import GLOSSARY
from dfine.page import guide


def test_every_word_is_explained_and_every_link_leads_out_safely():
    for word in ("Pr(n)", "W(n)", "IoU", "LQE", "Query", "Stride", "Uncalibrated"):
        assert GLOSSARY[word].endswith(".") and f"<dt>{word}</dt>" in guide.TEMPLATE
    assert guide.TEMPLATE.count('rel="noreferrer"') == len(guide.LINKS) == guide.TEMPLATE.count("<a ")


def test_the_tour_walks_by_keyboard_through_parts_that_are_there(page):
    assert len(guide.STEPS) == 5
    page.get_by_role("button", name="Tour in 5 steps").focus()
    page.keyboard.press("Enter")
    for place, (selector, title, _) in enumerate(guide.STEPS):
        page.wait_for_selector(f"#tour:has-text('{place + 1} of 5') h2:text-is('{title}')")
        page.wait_for_selector(f"{selector}.toured")
        assert page.locator(".toured").count() == 1
        assert page.inner_text("#tour [aria-live=polite]").startswith(title), "who does not see it hears it"
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"{guide.STEPS[3][0]}.toured")
    page.keyboard.press("Escape")
    page.wait_for_selector("#tour", state="hidden")
    assert page.locator(".toured").count() == 0
    assert page.evaluate("document.activeElement.className") == "begin"
    page.get_by_role("button", name="Words").click()
    page.wait_for_selector("#glossary dt:text-is('LQE')")
    page.keyboard.press("Escape")
    page.wait_for_selector("#glossary", state="hidden")
    skip = page.get_by_role("button", name="Skip to the picture")
    assert skip.bounding_box()["width"] == 1
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert skip.bounding_box()["width"] > 100, "it is seen while it has the focus"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "listbox"
