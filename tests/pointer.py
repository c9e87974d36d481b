"""A pointer on pages that move and are drawn anew while it is on its way."""

FRAMES = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"  # until the next is drawn
SHORTLY = 3_000  # milliseconds that a page has to answer a movement, before it is made once more


def at_rest(target):
    """The bounding box of something, scrolled into view, once it is the same twice: what loads above it moves it.

    What has no size yet is not there, and a page that draws no frame in the meantime only seems to rest.
    """
    target.scroll_into_view_if_needed()
    box = None
    for _ in range(600):
        before, box = box, target.bounding_box()
        if box and box == before and box["width"] and box["height"]:
            return box
        target.page.wait_for_timeout(100)
        target.page.evaluate(FRAMES)
    raise AssertionError("it never rests")


def hover(page, move, shown):
    """Move the pointer onto something with `move()`, until the page makes the expression `shown` true.

    Where something else lies under it meanwhile, the page rightly shows that, or nothing.
    """
    from playwright.sync_api import TimeoutError

    for _ in range(40):
        move()
        try:
            return page.wait_for_function(shown, timeout=SHORTLY)
        except TimeoutError:
            page.mouse.move(0, 0)
    raise AssertionError(f"it never came true that {shown}")
