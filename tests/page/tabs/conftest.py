import pytest

pytest.importorskip("gradio")

from tests.page.conftest import visitors


@pytest.fixture(scope="session")
def page(browser, url):
    """One visitor for all files of this folder that need no more."""
    with visitors(browser, url) as opened:
        yield opened()
