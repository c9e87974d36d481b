import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from dfine.data.labels import COCO
from dfine.figures.object import share
from dfine.inference.predictor import Result
from dfine.page import downloads
from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.trace.described import described, provenance
from dfine.trace.disk import About, load_trace
from dfine.trace.postprocess import detections
from dfine.version import VERSION
from tests.helpers import synthetic_trace

NAMES = ("cat", "</script><b>dog", "Ωmega")  # names come from files of others
INPUT = (96, 128)  # 32 pixels a cell of the coarsest level
SIZE = (1600, 1200)  # larger than what a page shows
PATIENCE = 120_000  # milliseconds; the tests may run beside a training


def result_of(trace, names=NAMES, size=SIZE) -> Result:
    noise = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
    return Result(Image.fromarray(noise).resize(size), detections(trace, names, [size])[0], trace)


@pytest.fixture(scope="module")
def result() -> Result:
    return result_of(synthetic_trace(queries=5, classes=3))


@pytest.fixture(scope="module")
def where() -> About:
    return About(Card(NAMES, INPUT, "nano-coco", "0123456789abcdef" * 4), SIZE, "my cat.jpg", "torch on cpu", "float32")


def head(threshold=None) -> dict:
    about = {
        "schema": SCHEMA,
        "dfine": VERSION,
        "model": "nano-coco",
        "digest": "0123456789abcdef" * 4,
        "engine": "torch on cpu",
        "precision": "float32",
        "picture": "my cat.jpg",
        "size": list(SIZE),
    }
    return about if threshold is None else about | {"threshold": threshold}


# ── detections ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_found_is_still_a_file(tmp_path, result, where):
    path = downloads.detections_json(tmp_path / "a.json", result, where, 1.0)
    assert json.loads(path.read_text()) == head(1.0) | {"detections": []}
    coco = json.loads(downloads.detections_coco(tmp_path / "b.json", result, where, 1.0).read_text())
    assert coco["annotations"] == [] and len(coco["images"]) == 1 and len(coco["categories"]) == 3


def test_detections_as_json(tmp_path, result, where):
    path = downloads.detections_json(tmp_path / "new" / "a.json", result, where, 0.5)
    content = json.loads(path.read_text(encoding="utf-8"))
    found = content.pop("detections")
    assert content == head(0.5)
    assert found == result.detections.above(0.5).to_list() and 0 < len(found) < len(result.detections)


def test_coco_tools_read_the_detections(tmp_path, result, where):
    pycocotools = pytest.importorskip("pycocotools.coco")
    path = downloads.detections_coco(tmp_path / "a.json", result, where, 0.5)
    coco = pycocotools.COCO(str(path))
    found = result.detections.above(0.5)
    assert coco.dataset["info"].items() >= (head(0.5)).items()
    assert coco.loadImgs(1) == [{"id": 1, "file_name": "my cat.jpg", "width": 1600, "height": 1200}]
    entries = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    assert [e["score"] for e in entries] == found.scores.tolist()
    assert [coco.cats[e["category_id"]]["name"] for e in entries] == found.class_names
    for entry, (x1, y1, x2, y2) in zip(entries, found.boxes.tolist(), strict=True):
        assert entry["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1])
        assert entry["area"] == pytest.approx((x2 - x1) * (y2 - y1)) and entry["iscrowd"] == 0


def test_coco_classes_keep_their_numbers(tmp_path):
    result = result_of(synthetic_trace(queries=5, classes=80), COCO)
    path = downloads.detections_coco(tmp_path / "a.json", result, About(Card(COCO, INPUT), SIZE), 0.1)
    numbers = {c["name"]: c["id"] for c in json.loads(path.read_text())["categories"]}
    assert (numbers["person"], numbers["stop sign"], numbers["toothbrush"], len(numbers)) == (1, 13, 90, 80)


def test_columns_without_a_name_are_no_category(tmp_path, result):
    names = ("", "dog", "fish")
    unnamed = replace(result, detections=replace(result.detections[:0], names=names))
    path = downloads.detections_coco(tmp_path / "a.json", unnamed, About(Card(names, INPUT), SIZE), 0.5)
    assert json.loads(path.read_text())["categories"] == [{"id": 2, "name": "dog"}, {"id": 3, "name": "fish"}]


# ── picture and trace ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_picture_in_full_resolution(tmp_path, result, where):
    path = downloads.picture_png(tmp_path / "a.png", result, where, 0.5)
    with Image.open(path) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", SIZE)
        assert json.loads(drawn.text[downloads.CHUNK]) == head(0.5)
        changed = np.asarray(drawn.convert("RGB")) != np.asarray(result.picture)
    assert changed.any()
    bare = downloads.picture_png(tmp_path / "b.png", result, where, 1.0)
    with Image.open(bare) as drawn:
        assert np.array_equal(np.asarray(drawn), np.asarray(result.picture))


def test_the_original_takes_the_place_of_a_reduced_copy(tmp_path, result, where):
    result.picture.save(tmp_path / "original.png")
    reduced = replace(result, picture=result.picture.resize((160, 120)))
    path = downloads.picture_png(tmp_path / "a.png", reduced, where, 0.5, picture=tmp_path / "original.png")
    want = downloads.picture_png(tmp_path / "b.png", result, where, 0.5)
    with Image.open(path) as a, Image.open(want) as b:
        assert a.size == SIZE and np.array_equal(np.asarray(a), np.asarray(b))


def test_the_trace_comes_back(tmp_path, result, where):
    trace, about = load_trace(downloads.trace_npz(tmp_path / "new" / "a.npz", result, where))
    assert about == where
    assert torch.equal(trace.last.edges, result.trace.last.edges)


@pytest.fixture(scope="module")
def everything(tmp_path_factory, result, where):
    return downloads.everything(tmp_path_factory.mktemp("all") / "out", result, where, 0.5, index=1)


def test_everything_is_named_after_the_picture(tmp_path, everything, result, where):
    files = everything
    names = ["detections.json", "coco.json", "detections.png", "trace.npz"]
    names += [f"object-2{ending}" for ending in (".html", "-card.png", "-layers.gif")]
    assert [f.name for f in files] == [f"my-cat.{name}" for name in names]
    assert sorted(files) == sorted(files[0].parent.iterdir())  # and nothing is left over
    assert all(f.stat().st_size < 4_000_000 for f in files)
    assert len(downloads.everything(tmp_path / "less", result, where, 0.5)) == 4


@pytest.mark.parametrize(
    "picture, want",
    [
        ("", "picture.json"),
        ("a.jpg", "a.json"),
        ("../../etc/passwd", "passwd.json"),
        ("zwölf Äpfel.png", "zwölf-Äpfel.json"),
        ("a" * 300, "a" * 80 + ".json"),
        ("?*.png", "picture.json"),
    ],
)
def test_file_names(picture, want):
    assert downloads.file_name(About(Card((), INPUT), (1, 1), picture), "json") == want


WRITERS = {
    "detections": lambda *arguments: downloads.detections_json(*arguments, 0.5),
    "coco": lambda *arguments: downloads.detections_coco(*arguments, 0.5),
    "picture": lambda *arguments: downloads.picture_png(*arguments, 0.5),
    "explanation": lambda path, result, where: downloads.explanation_html(path, result, 0, where, 0.5),
    "card": lambda path, result, where: downloads.card_png(path, result, 0, where),
    "layers": lambda path, result, where: downloads.layers_gif(path, result, 0, where),
}


def test_card_and_animation_say_where_they_come_from(tmp_path, everything, result, where):
    *_, picture, animation = everything
    with Image.open(picture) as card:
        assert card.size == share.CARD and json.loads(card.text[downloads.CHUNK]) == provenance(where)
    with Image.open(animation) as clip:
        assert clip.size == share.CLIP and clip.n_frames > result.history(1).layers
        assert json.loads(clip.info["comment"]) == provenance(where)
    with pytest.raises(IndexError):
        downloads.card_png(tmp_path / "none.png", result, len(result.detections), where)


@pytest.mark.parametrize("write", WRITERS)
def test_what_was_there_survives_a_write_that_fails(tmp_path, where, write, monkeypatch):
    small = result_of(synthetic_trace(queries=5, classes=3, layers=1), size=(64, 48))
    path = tmp_path / "file"
    path.write_text("before")

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr("dfine.files.os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        WRITERS[write](path, small, where)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


# ── the explanation of one object ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def dog(result) -> int:
    """A detection whose class has a name that would break a page which does not escape it."""
    return result.detections.above(0.3).class_names.index(NAMES[1])


@pytest.fixture(scope="module")
def explanation(tmp_path_factory, result, where, dog):
    pytest.importorskip("plotly")
    return downloads.explanation_html(tmp_path_factory.mktemp("page") / "a.html", result, dog, where, 0.3)


class Parts(HTMLParser):
    """The tags of a page with their attributes, and the text of its scripts by id."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.text, self.inside = [], {}, "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = dict(attributes).get("id", "script") if tag == "script" else self.inside

    def handle_endtag(self, tag):
        self.inside = None if tag == "script" else self.inside

    def handle_data(self, data):
        if self.inside:
            self.scripts[self.inside] = self.scripts.get(self.inside, "") + data
        else:
            self.text += data


def test_no_such_object(tmp_path, result, where):
    pytest.importorskip("plotly")
    with pytest.raises(IndexError, match="no detection 0; there are 0"):
        downloads.explanation_html(tmp_path / "a.html", result, 0, where, 1.0)
    assert list(tmp_path.iterdir()) == []


def test_the_page_refers_to_nothing_outside(explanation):
    parts = Parts(explanation.read_text(encoding="utf-8"))
    for tag, attributes in parts.tags:
        for key in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            assert attributes.get(key, "data:").startswith("data:"), (tag, key)
        assert tag not in ("link", "iframe", "object", "embed", "base")
    css = re.search(r"<style>(.*?)</style>", explanation.read_text(encoding="utf-8"), re.S)[1]
    assert "url(" not in css and "@import" not in css
    figures = [text for key, text in parts.scripts.items() if key.startswith("figure-")]
    assert len(figures) == 8 and not any("http" in text for text in figures)
    policy = next(a["content"] for t, a in parts.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "http" not in policy


def test_the_page_carries_the_numbers_and_where_they_come_from(explanation, result, where, dog):
    parts = Parts(explanation.read_text(encoding="utf-8"))
    shown = replace(result, detections=result.detections.above(0.3))
    want = provenance(where, 0.3) | {"object": described(shown.history(dog))}
    assert json.loads(parts.scripts["data"]) == json.loads(json.dumps(want))
    for word in (where.card.digest, "nano-coco", VERSION, "my cat.jpg", "1600 × 1200", "0.3", NAMES[1]):
        assert word in parts.text


def test_the_page_holds_plotly_once(explanation):
    text = explanation.read_text(encoding="utf-8")
    assert len(re.findall(r'id="plotly"', text)) == 1
    assert explanation.stat().st_size < 4_000_000


def opened(browser, path, **options):
    """The page, opened without a network; with it, what it asked for and what went wrong."""
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector(".plot .js-plotly-plot, .plot.js-plotly-plot", state="attached")
    return page, asked, wrong


def wait_until(page, expression):
    """Ask again and again: the page forbids what `page.wait_for_function` does inside it."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never came true: {expression}"
        page.wait_for_timeout(50)


def test_the_page_opens_without_a_network_and_every_plot_draws(browser, explanation):
    page, asked, wrong = opened(browser, explanation, viewport={"width": 1440, "height": 900})
    tabs = page.get_by_role("tab")
    assert tabs.all_inner_texts() == ["Pr(n)", "W(n)·Pr(n)", "left", "top", "right", "bottom"]
    for i in range(tabs.count()):
        tabs.nth(i).click()
        assert tabs.nth(i).get_attribute("aria-selected") == "true"
    wait_until(page, "document.querySelectorAll('.plot.js-plotly-plot').length === 8")
    traces = page.evaluate("[...document.querySelectorAll('.plot')].map(p => p.data.length)")
    assert len(traces) == 8 and min(traces) > 0
    # Three layers of four edges: what is on the screen is what was computed.
    assert page.locator("#panel-0-1 .trace.bars").count() == 12
    assert page.locator("#panel-0-1 .trace.bars .point").count() == 12 * 33
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    assert tabs.nth(1).evaluate("e => e === document.activeElement")
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [explanation.as_uri()]
    assert wrong == []
    page.context.close()


def test_the_layers_can_be_played_in_the_file(browser, explanation):
    page, _, wrong = opened(browser, explanation, viewport={"width": 1440, "height": 900})
    shown = "JSON.stringify(document.querySelector('.plot').data.map(t => t.text))"
    page.wait_for_selector(".plot .updatemenu-button")
    last = page.evaluate(shown)
    assert "layer 3" in last
    page.evaluate(f"window.moved = 0, setInterval(() => moved += {shown} !== {json.dumps(last)}, 20)")
    page.locator(".plot .updatemenu-button").first.click()
    wait_until(page, "moved > 0")
    wait_until(page, f"{shown} === {json.dumps(last)}")  # it ends where it began
    assert wrong == []
    page.context.close()


def test_the_page_fits_a_phone_and_follows_its_theme(browser, explanation):
    page, _, wrong = opened(browser, explanation, viewport={"width": 390, "height": 844})
    for scheme, dark in (("light", False), ("dark", True)):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == 390  # the page itself never scrolls sideways
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", colour)[:3])) < 3 * 128) is dark, scheme
    assert wrong == []
    page.context.close()


def test_what_can_be_read_without_a_script(browser, explanation, where):
    """In a mail programme, say: pictures, numbers and the sums, all panels open."""
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(explanation.as_uri())
    for text in ("The sum behind each edge", "initial", "W(n)·Pr(n)", where.card.digest):
        assert page.get_by_text(text).first.is_visible()
    assert page.locator(".edge svg").count() == 4
    assert page.locator("table.bins").count() > 3
    context.close()
