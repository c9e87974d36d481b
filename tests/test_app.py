"""The page, as a visitor meets it: in a browser, from the picture to the distributions behind a box."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from PIL import Image

gr = pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")

import app  # noqa: E402
import dfine  # noqa: E402
from dfine.config import Config  # noqa: E402
from dfine.data.scenes import NAMES  # noqa: E402
from dfine.figures import picture as pictures  # noqa: E402
from dfine.figures import style  # noqa: E402
from dfine.network.detector import DFINE  # noqa: E402
from dfine.predictor import Predictor  # noqa: E402

ROOT = Path(app.__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PHOTO = Path(gr.__file__).parent / "media_assets" / "images" / "cheetah1.jpg"
PATIENCE = 120_000  # milliseconds; the tests may run beside a training
LOW = 0.1  # a threshold at which something is found in anything

browser_needed = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The checkpoint that ships, or one without training where it is not there yet."""
    if (ROOT / "assets" / "checkpoints" / "demo" / "model.safetensors").is_file():
        return "demo"
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=len(NAMES), queries=40))
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.randn_like(p) * 0.05)
        network.decoder.heads[-1].score.bias.fill_(-2.0)
    return str(Predictor(network, NAMES, device="cpu", size=(320, 320)).save(tmp_path_factory.mktemp("random")))


@pytest.fixture(scope="module")
def model(checkpoint):
    return dfine.load(checkpoint, device="cpu")


@pytest.fixture(scope="module")
def url(checkpoint):
    """The page, served by `python app.py` on a free port, all options through the environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = dict(DFINE_MODEL=checkpoint, DFINE_PORT=str(port), DFINE_DEVICE="cpu", HF_HUB_OFFLINE="1")
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        if process.poll() is not None:
            pytest.fail(f"app.py stopped: {process.stdout.read().decode()}")
        try:
            urllib.request.urlopen(address, timeout=2).read()
            break
        except OSError:
            time.sleep(0.5)
    yield address
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser, url):
    """One visitor for all tests; at the end, nothing may have been asked of any other host."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.wait_for_selector("#status:has-text('score of at least')")
    yield page
    page.close()
    hosts = {urlsplit(u).netloc for u in asked if not u.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(url).netloc}


def set_threshold(page, value):
    page.fill("#threshold input[type=number]", str(value))
    page.keyboard.press("Tab")
    page.wait_for_selector(f"#status:has-text('at least {value:.2f}')")


def upload(page, path, size):
    page.set_input_files("#source input[type=file]", path)
    page.wait_for_selector(f"#status:has-text('{size[0]} × {size[1]} pixels')")


def bars(page, plot="#unweighted"):
    """How many bar charts, and how many bars in all."""
    page.wait_for_selector(f"{plot} .js-plotly-plot .bars", state="attached")
    return page.locator(f"{plot} .trace.bars").count(), page.locator(f"{plot} .trace.bars .point").count()


def example(page, index):
    """Choose an example picture at a low threshold, and wait for what was found in it."""
    before = page.locator("#source img").get_attribute("src") if page.locator("#source img").count() else ""
    page.locator("#examples button.gallery-item").nth(index).click()
    page.wait_for_function("src => (document.querySelector('#source img') || {src}).src !== src", arg=before)
    set_threshold(page, LOW)


@browser_needed
def test_a_click_on_a_box_of_a_scene_leads_to_its_distributions(page, model):
    scene = app.EXAMPLES[1]
    example(page, 1)
    result = model(scene, LOW)
    page.wait_for_selector(f"#status:has-text('{len(result.detections)} objects')")
    image = page.locator("#scene img")
    page.wait_for_function("document.querySelector('#scene img').complete")
    place, (width, height) = image.bounding_box(), result.picture.size
    scale = min(place["width"] / width, place["height"] / height)
    left, top = (place["width"] - width * scale) / 2, (place["height"] - height * scale) / 2

    for wanted in (len(result.detections) - 1, 0, 3):
        x1, y1, x2, y2 = result.detections.boxes[wanted].tolist()
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        hit = pictures.at(result.detections, x, y)  # another, smaller one may lie in its middle
        image.click(position={"x": left + x * scale, "y": top + y * scale})
        page.wait_for_selector(f"#headline:has-text('{style.title(result.history(hit))}')")

    layers = model.config.layers
    assert bars(page) == (4 * layers, 4 * layers * 33)
    page.get_by_role("tab", name="W(n)·Pr(n)").click()
    page.locator("#weighted .trace.bars").first.wait_for()
    assert bars(page, "#weighted")[0] == 4 * layers
    numbers = page.inner_text("#numbers")
    assert all(stage in numbers for stage in style.stage_names(layers))
    assert "±" in numbers and "uncalibrated" in numbers
    assert page.locator("#zoom img").evaluate("e => e.naturalWidth") == 640


@browser_needed
def test_the_table_chooses_by_keyboard(page, model):
    example(page, 3)
    found = model(app.EXAMPLES[3], LOW)
    assert len(found.detections) >= 3
    page.wait_for_selector(f"#status:has-text('{len(found.detections)} objects')")
    page.locator("#zoom button").last.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#objects') !== null"), "the table follows in the tab order"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    row = page.evaluate("+document.activeElement.closest('[data-row]').dataset.row")
    assert row > 0
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(row))}')")


@browser_needed
def test_a_photo_can_be_uploaded_and_a_threshold_selects_without_the_network(page, model):
    upload(page, PHOTO, Image.open(PHOTO).size)
    seconds = page.inner_text("#status").split(",")[-1]
    counts = []
    for threshold in (app.FLOOR, LOW, 0.95):
        set_threshold(page, threshold)
        counts.append(len(model(PHOTO, threshold).detections))
        said = page.inner_text("#status")
        assert said.startswith(f"{counts[-1]} object" if counts[-1] else "Nothing"), said
        assert said.split(",")[-1].split("s.")[0] == seconds.split("s.")[0], "the time of the one run of the network"
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


@browser_needed
def test_what_is_not_a_picture_gets_a_sentence_and_no_stale_result(page, tmp_path):
    cases = [
        ("empty.jpg", b"", "'empty.jpg' is empty"),
        ("letter.png", b"Dear Sir or Madam", "'letter.png' is not a picture"),
        ("half.jpg", PHOTO.read_bytes()[:9000], "'half.jpg' is damaged or cut off"),
    ]
    for name, content, said in cases:
        (tmp_path / name).write_bytes(content)
        page.set_input_files("#source input[type=file]", tmp_path / name)
        toast = page.locator(f"[data-testid=toast-body]:has-text('{name}')")
        toast.wait_for()
        page.wait_for_selector("#status:has-text('That did not work')")
        for text in (toast.inner_text(), page.inner_text("#status")):
            assert said in text and "Traceback" not in text and str(ROOT) not in text and "gradio" not in text
        assert page.locator("#scene img").count() == 0
        example(page, 0)
        page.wait_for_selector("#status:has-text('score of at least')")


@browser_needed
def test_a_phone_can_scroll_to_everything_without_scrolling_sideways(page):
    example(page, 2)
    page.set_viewport_size({"width": 390, "height": 844})
    bars(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.fixture
def looked(checkpoint):
    """Run the page's callback without the page: the sentence it would show, and the look it would keep."""
    models = app.Models("cpu")

    def look(path):
        kept = app.detect(models, str(path), checkpoint)
        return app.show(kept, LOW)[0], kept

    return look


def turned():
    """The EXIF of a camera that was held on its side."""
    exif = Image.Exif()
    exif[274] = 6
    return exif


@pytest.mark.parametrize(
    "name, picture, options",
    [
        ("cmyk.jpg", Image.new("CMYK", (50, 40), (0, 90, 90, 0)), {}),
        ("sixteen.png", Image.new("I;16", (50, 40), 30000), {}),
        ("palette.gif", Image.new("P", (50, 40), 3), {}),
        ("moves.gif", Image.new("RGB", (50, 40)), dict(save_all=True, append_images=[Image.new("L", (50, 40), 200)])),
        ("turned.jpg", Image.new("RGB", (40, 50)), dict(exif=turned())),
        ("clear.png", Image.new("RGBA", (50, 40), (0, 0, 0, 0)), {}),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_odd_pictures_are_pictures_all_the_same(looked, tmp_path, name, picture, options):
    picture.save(tmp_path / name, **options)
    sentence, kept = looked(tmp_path / name)
    assert "50 × 40 pixels" in sentence
    assert kept.picture.mode == "RGB" and kept.picture.size == (640, 512)


def test_a_single_pixel_is_a_picture_too(looked, tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert "1 × 1 pixels" in looked(tmp_path / "dot.png")[0]


def test_what_a_session_keeps_is_small_and_on_the_cpu(looked, tmp_path):
    Image.new("RGB", (4000, 2000)).save(tmp_path / "large.png")
    sentence, kept = looked(tmp_path / "large.png")
    assert "4000 × 2000 pixels" in sentence
    assert kept.picture.size == (pictures.LIMIT, pictures.LIMIT // 2) and kept.result.picture is kept.picture
    assert kept.result.trace.last.boxes.device.type == "cpu"


def test_no_picture_is_no_error(checkpoint):
    nothing = app.detect(app.Models("cpu"), None, checkpoint)
    sentence, rows, chosen, *rest = app.show(nothing, 0.5)
    assert sentence == nothing and "choose a picture" in sentence and rows == [] and chosen is None
    assert rest == [None, "### No object chosen", None, "", None, "", None, "", None]


def test_a_model_that_is_not_there_stops_the_start_with_a_sentence(capsys):
    with pytest.raises(SystemExit) as stop:
        app.main(["--model", "no-such-model", "--port", "1"])
    assert re.match(r"app\.py: .*no-such-model", str(stop.value))


def test_the_shipped_model_is_always_offered_and_the_given_one_too():
    names = [value for _, value in app.offered("some/folder")]
    assert names[-2:] == ["demo", "some/folder"] and len(names) == len(set(names))
    assert [value for _, value in app.offered("demo")][-1] == "demo"
