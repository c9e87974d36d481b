"""The page, served once for all browser tests, and what stands behind it."""

from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import torch
from PIL import Image

gr = pytest.importorskip("gradio")

import dfine
from assets.browser import served
from dfine.config import Config
from dfine.data import scenes
from dfine.network.detector import DFINE
from dfine.page import decoding
from dfine.page.example_cache import ExampleCache
from dfine.page.examples import examples
from dfine.page.handlers import Handlers
from dfine.page.layout import layout
from dfine.page.models import Models
from dfine.page.runner import Runner
from tests.helpers import predictor
from tests.page.visitor import PATIENCE, hosts

ROOT = Path(dfine.__file__).parents[1]
HERE = Path(__file__).parent
SHARED = {}  # by folder: what closes things there, and what is open


def shared(folder, name, opened):
    """What `opened()` opens, once for all tests of a folder that follow each other; it is closed after the last."""
    closing, things = SHARED.setdefault(folder, (ExitStack(), {}))
    if name not in things:
        things[name] = closing.enter_context(opened())
    return things[name]


@pytest.hookimpl(trylast=True)  # after the end of the fixtures that use what is closed
def pytest_runtest_teardown(item, nextitem):
    """A server of Gradio's, and each page that is open, keep a tenth of a core busy though nothing happens."""
    for folder in reversed(list(SHARED)):  # the page before its server
        if nextitem is None or folder not in nextitem.path.parents:
            SHARED.pop(folder)[0].close()


@pytest.fixture(scope="session", autouse=True)
def patient():
    """On a busy machine, the process alone that reads a picture may take longer to begin than a visitor waits."""
    decoding.decode.patience = 120.0


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """The checkpoint that ships, or one without training where it is not there yet."""
    if (ROOT / "assets" / "checkpoints" / "demo" / "model.safetensors").is_file():
        return "demo"
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=len(scenes.NAMES), queries=40))
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.randn_like(p) * 0.05)
        network.decoder.heads[-1].score.bias.fill_(-2.0)
    random = predictor(network, scenes.NAMES, (320, 320))
    return str(random.save(tmp_path_factory.mktemp("random")))


@pytest.fixture(scope="session")
def model(checkpoint):
    return dfine.load(checkpoint, device="cpu")


@pytest.fixture(scope="session")
def models(checkpoint):
    return Models(checkpoint, "cpu")


@pytest.fixture(scope="session")
def runner(models):
    return Runner(models)


def handlers_of(models):
    """The callbacks of a page of its own."""
    runner = Runner(models)
    with gr.Blocks():
        return Handlers(layout(models), runner, ExampleCache(runner, examples()))


@pytest.fixture(scope="session")
def handlers(models):
    return handlers_of(models)


@pytest.fixture(scope="module")
def url(checkpoint):
    """The page, served once for all tests."""
    return shared(HERE, "url", lambda: served(checkpoint))


@contextmanager
def visitors(browser, url):
    """A function that opens the page for one more visitor, whose pictures are not the others', until the block ends.

    It takes what follows the page's address. At the end, no browser may have asked anything of any other host.
    """
    pages, asked = [], []

    def opened(link=""):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url + link)
        page.wait_for_selector("#status:has-text('score of at least')")
        return page

    yield opened
    for page in pages if browser.is_connected() else ():  # after the last test of all it ends before this
        page.close()
    assert hosts(asked) == hosts([url])


@pytest.fixture
def visit(browser, url):
    """A function that opens the page for one more visitor, until the test ends."""
    with visitors(browser, url) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(browser, url):
    """One visitor for all tests of a file."""
    with visitors(browser, url) as opened:
        yield opened()


@pytest.fixture
def pictures(tmp_path):
    """A function that draws so many scenes, each a file of its own."""

    def drawn(*sizes):
        paths = []
        for i, size in enumerate(sizes):
            paths.append(tmp_path / f"scene-{i}.jpg")
            Image.fromarray(scenes.draw(10_000_100 + i, size).image).save(paths[-1], quality=92)
        return paths

    return drawn
