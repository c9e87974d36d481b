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
from dfine.data import scenes  # noqa: E402
from dfine.data.scenes import NAMES  # noqa: E402
from dfine.figures import picture as pictures  # noqa: E402
from dfine.figures import style  # noqa: E402
from dfine.models import Models  # noqa: E402
from dfine.network.detector import DFINE  # noqa: E402
from dfine.page import layout, session, views  # noqa: E402
from dfine.page.handlers import Handlers  # noqa: E402
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


def seconds(page):
    """How long the network took, as the page says."""
    return re.search(r"(\d+\.\d+)\s*s\.", page.inner_text("#status"))[1]


def example(page, index):
    """Choose an example picture at a low threshold, and wait for what was found in it."""
    name = Path(layout.EXAMPLES[index]).name
    source = page.locator("#source img")
    if not (source.count() and name in source.get_attribute("src")):
        before = page.locator("#scene img").get_attribute("src") if page.locator("#scene img").count() else ""
        page.locator("#examples button.gallery-item").nth(index).click()
        changed = "src => (document.querySelector('#scene img') || {src}).src !== src"
        page.wait_for_function(changed, arg=before)
    page.wait_for_function("name => (document.querySelector('#source img') || {src: ''}).src.includes(name)", arg=name)
    set_threshold(page, LOW)


def open_tab(page, key):
    """Bring up a tab, from the row of tabs or from the menu that holds those without room."""
    tab = page.get_by_role("tab", name=layout.TABS[key], exact=True)
    if tab.count() and tab.first.is_visible():
        tab.first.click()
    else:
        page.locator("#tabs .overflow-menu > button").click()
        page.locator(f"#tabs .overflow-dropdown button:has-text('{layout.TABS[key]}')").click()


def click_at(page, place, size):
    """Click a place, in pixels of the visitor's picture, on the picture with the boxes."""
    image = page.locator("#scene img")
    page.wait_for_function("document.querySelector('#scene img').complete")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    scale = min(box["width"] / size[0], box["height"] / size[1])
    left, top = (box["width"] - size[0] * scale) / 2, (box["height"] - size[1] * scale) / 2
    image.click(position={"x": left + place[0] * scale, "y": top + place[1] * scale})


@browser_needed
def test_a_click_on_a_box_of_a_scene_leads_to_its_distributions(page, model):
    scene = layout.EXAMPLES[1]
    example(page, 1)
    result = model(scene, LOW)
    page.wait_for_selector(f"#status:has-text('{len(result.detections)} objects')")
    for wanted in (len(result.detections) - 1, 0, 3):
        x1, y1, x2, y2 = result.detections.boxes[wanted].tolist()
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        hit = pictures.at(result.detections, x, y)  # another, smaller one may lie in its middle
        click_at(page, (x, y), result.picture.size)
        page.wait_for_selector(f"#headline:has-text('{style.title(result.history(hit))}')")

    layers = model.config.layers
    assert bars(page) == (4 * layers, 4 * layers * 33)
    open_tab(page, "weighted")
    page.locator("#weighted .trace.bars").first.wait_for()
    assert bars(page, "#weighted")[0] == 4 * layers
    open_tab(page, "layers")
    page.wait_for_selector("#numbers table")
    numbers = page.inner_text("#numbers")
    assert all(stage in numbers for stage in style.stage_names(layers))
    assert "±" in numbers and "uncalibrated" in numbers
    open_tab(page, "shape")
    assert page.locator("#scene img").get_attribute("alt").startswith(f"The picture with {len(result.detections)} ")


@browser_needed
def test_the_table_chooses_by_keyboard(page, model):
    example(page, 3)
    found = model(layout.EXAMPLES[3], LOW)
    assert len(found.detections) >= 3
    page.wait_for_selector(f"#status:has-text('{len(found.detections)} objects')")
    page.locator("#scene button").last.focus()
    for _ in range(12):  # past the buttons of the object's view
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#objects') !== null"):
            break
    else:
        pytest.fail("the table does not follow in the tab order")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    row = page.evaluate("+document.activeElement.closest('[data-row]').dataset.row")
    assert row > 0
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(row))}')")


@browser_needed
def test_the_layers_play_in_the_browser_without_the_server(page):
    example(page, 1)
    page.wait_for_selector("#object .js-plotly-plot .updatemenu-button")
    page.wait_for_timeout(1500)  # whatever is on its way has come
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    title = "() => document.querySelector('#object .x2y2 text, #object .textpoint text, #object').textContent"
    page.locator("#object .updatemenu-button").first.click()
    page.wait_for_function(f"({title})().includes('initial box')")
    page.wait_for_function(f"/layer \\d+ *score/.test(({title})())")
    assert [url for url in asked if "heartbeat" not in url] == []


@browser_needed
def test_one_edge_is_chosen_by_keyboard_and_its_sum_ends_at_the_drawn_box(page, model):
    example(page, 1)
    found = model(layout.EXAMPLES[1], LOW)
    page.wait_for_selector(f"#headline:has-text('{style.title(found.history(0))}')")
    open_tab(page, "edge")
    page.wait_for_selector("#sum:has-text('Left edge')")
    page.locator("#which input").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_selector("#sum:has-text('Top edge')")
    drawn = page.locator("#sum .drawn").inner_text().replace("−", "-")
    assert float(drawn) == pytest.approx(float(found.history(0).xyxy_pixels[-1, 1]), abs=0.051)
    assert page.locator("#edge-plot .trace.bars").count() == 2 * model.config.layers
    page.locator("#layer input").first.check()
    page.wait_for_selector("#sum:has-text('Top edge of the'):has-text(', layer 1')")
    open_tab(page, "shape")


@browser_needed
def test_the_page_shows_where_a_query_looked(page, model):
    example(page, 1)
    open_tab(page, "gaze")
    page.wait_for_selector("#gaze .js-plotly-plot .scatterlayer .point")
    said = page.inner_text("#about-gaze")
    assert all(f"Layer {i + 1}:" in said for i in range(model.config.layers))
    steps = page.locator("#gaze .js-plotly-plot").evaluate("e => e.layout.sliders[0].steps.map(s => s.args[0].length)")
    assert steps == [1] * model.config.layers
    open_tab(page, "shape")


@browser_needed
def test_a_click_beside_every_box_asks_why_not_here(page, model):
    example(page, 0)
    found = model(layout.EXAMPLES[0], LOW)
    page.wait_for_selector(f"#status:has-text('{len(found.detections)} object')")
    size = found.picture.size
    free = [(x, y) for x in range(20, size[0], 40) for y in range(20, size[1], 40)]
    free = [place for place in free if pictures.at(found.detections, *place) is None]
    click_at(page, free[0], size)
    page.wait_for_selector("#why:has-text('query')")
    assert abs(float(page.input_value("#x input")) - free[0][0]) <= 2
    page.wait_for_selector("#probe img")
    x1, y1, x2, y2 = found.detections.boxes[0].tolist()
    click_at(page, ((x1 + x2) / 2, (y1 + y2) / 2), size)
    bars(page)
    page.wait_for_selector("#unweighted", state="visible")


@browser_needed
def test_classes_are_filtered_without_the_network(page, model):
    example(page, 1)
    found = model(layout.EXAMPLES[1], LOW).detections
    page.wait_for_selector(f"#status:has-text('{len(found)} object')")
    before = seconds(page)
    name = found.class_names[1]
    count = found.class_names.count(name)
    page.locator("#classes input").click()
    page.locator("#classes input").fill(name)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#status:has-text('{count} object')")
    assert seconds(page) == before
    page.fill("#top input", "1")
    page.keyboard.press("Tab")
    page.wait_for_selector("#status:has-text('1 object ')")
    page.fill("#top input", "300")
    page.keyboard.press("Tab")
    page.wait_for_selector(f"#status:has-text('{count} object')")


@browser_needed
def test_the_paper_view_and_the_files_can_be_taken_away(page, url):
    example(page, 1)
    open_tab(page, "paper")
    page.wait_for_selector("#paper img")
    page.wait_for_selector("#paper-svg:not([disabled])")
    with page.expect_download() as download:
        page.locator("#paper-svg").click()
    assert download.value.suggested_filename.endswith(".figure4.svg")
    assert b"<svg" in Path(download.value.path()).read_bytes()[:1000]
    open_tab(page, "away")
    page.wait_for_selector("#object-html:not([disabled])")
    starts = {"object-html": b"<!DOCTYPE html>", "detections-json": b"{", "coco-json": b"{",
              "detections-png": b"\x89PNG", "trace-npz": b"PK"}  # fmt: skip
    for name, start in starts.items():
        with page.expect_download() as download:
            page.locator(f"#{name}").click()
        assert Path(download.value.path()).read_bytes().startswith(start), name
    open_tab(page, "shape")


def test_the_public_endpoints_answer_a_client(url, model):
    client = pytest.importorskip("gradio_client")
    caller = client.Client(url, verbose=False)
    found = caller.predict(client.handle_file(PHOTO), "", session.FLOOR, api_name="/detect")
    assert found["schema"] and found["picture"].endswith(".jpg") and found["digest"] == model.digest
    expected = model(PHOTO, session.FLOOR).detections
    assert [d["name"] for d in found["detections"]] == expected.class_names
    story = caller.predict(client.handle_file(PHOTO), api_name="/inspect")["object"]
    assert len(story["layers"]) == model.config.layers and story["name"] == expected.class_names[0]
    assert {"nano-coco", "demo"} <= {row["name"] for row in caller.predict(api_name="/models")}
    with pytest.raises(Exception, match="no model 'nothing' is offered"):
        caller.predict(client.handle_file(PHOTO), "nothing", 0.5, api_name="/detect")
    named = caller.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/detect", "/inspect", "/models"}


@browser_needed
def test_a_photo_can_be_uploaded_and_a_threshold_selects_without_the_network(page, model):
    upload(page, PHOTO, Image.open(PHOTO).size)
    before = seconds(page)
    counts = []
    for threshold in (session.FLOOR, LOW, 0.95):
        set_threshold(page, threshold)
        counts.append(len(model(PHOTO, threshold).detections))
        said = page.inner_text("#status")
        assert said.startswith(f"{counts[-1]} object" if counts[-1] else "Nothing"), said
        assert seconds(page) == before, "the time of the one run of the network"
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


@pytest.fixture(scope="module")
def models(checkpoint):
    return Models(checkpoint, "cpu")


@pytest.fixture
def looked(models):
    """Look at a picture without the page: the sentence it would show, and what a session would keep."""

    def look(path):
        kept = session.looker(models)(str(path), "")
        return session.summary(kept, session.in_sight(kept, LOW)), kept

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


@pytest.fixture(scope="module")
def handlers(models):
    with gr.Blocks():
        return Handlers(layout.layout(models), models)


@pytest.mark.parametrize("tab", layout.TABS)
def test_no_picture_is_no_error_in_any_tab(handlers, tab):
    v, nothing = handlers.v, handlers.detect(None, "")
    assert "choose a picture" in nothing
    answer = handlers.begin(nothing, 0.5, 300, tab, "left", None)
    assert answer[v.status] == nothing and answer[v.table] == [] and answer[v.chosen] is None
    assert answer[v.scene] is None and answer[v.object] is None and "No object" in answer[v.headline]
    late = handlers.slow(nothing, 0.5, [], 300, None, tab, "left", None, None)
    assert not any(isinstance(value, str) and value.startswith("That did not work") for value in late.values())


def test_the_page_says_which_model_is_shown_and_which_could_not_be(checkpoint, monkeypatch):
    models = Models(checkpoint, "cpu")
    assert views.state(models, None) == views.state(models, checkpoint) == models.sentence()
    assert views.state(models, "small-coco") == "Showing small-coco."
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("dfine.hub.hub_folder", lambda hub: None)
    with pytest.raises(ValueError, match="not in the local cache"):
        models("small-coco")
    assert "could not be opened" in views.state(models, "small-coco")
    assert len(views.zoo(models)) == len(models.table()) and len(views.zoo(models)[0]) == len(layout.ZOO)


def test_settings_select_and_numbers_stay_with_their_objects(looked):
    _, kept = looked(layout.EXAMPLES[1])
    everything = session.in_sight(kept, session.FLOOR)
    assert everything.numbers == list(range(len(kept.result.detections)))
    assert session.in_sight(kept, session.FLOOR, top=2).numbers == [0, 1]
    name = everything.found.class_names[-1]
    mine = session.in_sight(kept, session.FLOOR, [name])
    assert set(mine.found.class_names) == {name} and len(mine.found) == everything.found.class_names.count(name)
    assert everything.numbers[-1] in mine.numbers and mine.place(everything.numbers[-1]) == len(mine.found) - 1
    assert [row[0] for row in session.rows(mine)] == [number + 1 for number in mine.numbers]
    assert session.in_sight(kept, 1.1).numbers == [] and mine.place(None) is None


def test_frames_come_along_in_the_arguments():
    go = pytest.importorskip("plotly.graph_objects")
    now, later = dict(mode="immediate"), dict(mode="immediate", fromcurrent=True)
    buttons = [dict(method="animate", args=[None, later]), dict(method="animate", args=[[None], now])]
    figure = go.Figure(
        data=[dict(type="scatter", y=[0])],
        frames=[dict(name=name, data=[dict(type="scatter", y=[i])]) for i, name in enumerate("ab")],
        layout=dict(
            sliders=[dict(steps=[dict(method="animate", args=[["b"], now])])], updatemenus=[dict(buttons=buttons)]
        ),
    )
    plain = views.framed(figure).to_plotly_json()
    assert "frames" not in plain or not plain["frames"]
    step = plain["layout"]["sliders"][0]["steps"][0]["args"]
    play, stop = (button["args"] for button in plain["layout"]["updatemenus"][0]["buttons"])
    assert [frame["data"][0]["y"] for frame in step[0]] == [[1]] and step[1] == now
    assert [frame["data"][0]["y"] for frame in play[0]] == [[0], [1]] and "fromcurrent" not in play[1]
    assert stop[0] == [None]


def test_a_model_that_is_not_there_stops_the_start_with_a_sentence(capsys):
    with pytest.raises(SystemExit) as stop:
        app.main(["--model", "no-such-model", "--port", "1"])
    assert re.match(r"app\.py: .*no-such-model", str(stop.value))


@browser_needed
def test_two_visitors_do_not_see_each_others_pictures(browser, url, tmp_path):
    sizes = [(320, 200), (200, 320)]
    visitors = [browser.new_page(), browser.new_page()]
    try:
        for visitor, size in zip(visitors, sizes):
            visitor.set_default_timeout(PATIENCE)
            visitor.goto(url)
            visitor.wait_for_selector("#status:has-text('score of at least')")
            path = tmp_path / f"{size[0]}.png"
            Image.fromarray(scenes.draw(10_000_000, size).image).save(path)
            visitor.set_input_files("#source input[type=file]", path)
        for visitor, (width, height) in zip(visitors, sizes):
            visitor.wait_for_selector(f"#status:has-text('{width} × {height}')")
        visitors[1].locator("#source button[aria-label*='Clear'], #source button[aria-label*='Remove']").first.click()
        visitors[1].wait_for_selector("#status:has-text('Nothing to show yet')")
        assert "320 × 200" in visitors[0].inner_text("#status")
    finally:
        for visitor in visitors:
            visitor.close()
