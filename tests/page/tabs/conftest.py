from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from tests.page.conftest import shared, visitors


@pytest.fixture(scope="module")
def page(browser, url):
    """One visitor for all files of this folder that need no more."""

    @contextmanager
    def one():
        with visitors(browser, url) as opened:
            yield opened()

    return shared(Path(__file__).parent, "page", one)
