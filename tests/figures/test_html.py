"""Records that draw themselves in a notebook."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, ImageChops, ImageStat

from dfine.figures import html
from dfine.figures import picture as pictures
from dfine.inference.predictor import Result
from tests.helpers import synthetic_trace

ROOT = Path(__file__).parents[2]


def drawn(text):
    """The SVG inside the pictures of a piece of HTML, each of which a browser can read."""
    found = [base64.b64decode(code).decode() for code in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)]
    assert all(ElementTree.fromstring(svg).tag.endswith("svg") for svg in found)
    return found


def test_a_trace_says_what_every_stage_holds(trace_of):
    text = trace_of()._repr_html_()
    assert "2 queries, 3 classes, 3 layers, 33 offsets" in text and "4 × 8" in text
    for stage in ("proposals", "initial", "layer 1", "layer 2", "layer 3"):
        assert stage in text
    assert "<script" not in text and "http" not in text


def test_a_history_draws_every_edge_of_every_layer_and_the_boxes(history):
    text = history._repr_html_()
    assert len(drawn(text)) == 12 + 1
    assert "<svg" not in text and "Pr(n) of the bottom edge, layer 3" in text  # notebooks drop svg, and keep pictures


def test_a_miniature_says_which_layer_and_which_edge_it_shows(history):
    table = html.history_html(history).split("<table")[1]
    heads = re.findall(r"<th ([^>]*)>(.*?)</th>", table)
    assert [re.sub("<.*?>", "", text) for _, text in heads] == ["", "left", "top", "right", "bottom"]
    assert all("text-align:center" in css for css, _ in heads[1:])
    rows = [re.findall(r"<td ([^>]*)>(.*?)</td>", row) for row in table.split("<tr")[2:]]
    assert [re.sub("<.*?>", "", row[0][1]).strip() for row in rows] == ["layer 1", "layer 2", "layer 3"]
    assert all("text-align:center" in css and "<img" in cell for row in rows for css, cell in row[1:])


def test_a_result_shows_its_picture_and_its_table(picture, detections, nothing, trace_of):
    text = Result(picture, detections, trace_of())._repr_html_()
    assert "data:image/jpeg;base64," in text and "star" in text
    assert "No detections" in html.result_html(picture, nothing)


def test_one_of_something_is_no_plural():
    text = html.trace_html(synthetic_trace(classes=1, layers=1))
    assert "of 1 picture: 5 queries, 1 class, 1 layer, 33 offsets" in text


def test_a_result_is_drawn_at_the_size_at_which_it_is_shown(picture, detections):
    """Drawn larger and reduced, its labels would be blurred."""
    code = re.search(r'src="data:image/jpeg;base64,([^"]+)', html.result_html(picture, detections))[1]
    shown = Image.open(io.BytesIO(base64.b64decode(code)))
    wanted = pictures.draw(picture, detections, limit=480)
    assert shown.size == wanted.size == (480, 240)
    assert ImageStat.Stat(ImageChops.difference(shown, wanted)).mean[1] < 3


def test_records_draw_themselves_without_the_packages_of_figures():
    """A notebook showed an error above each of them, where only the core was installed."""
    code = """
import sys
sys.modules.update(plotly=None, matplotlib=None)
from tests.helpers import small_predictor
from PIL import Image
result = small_predictor(("cup", "key", "bus"))(Image.new("RGB", (64, 48), "red"), 0)
drawn = result, result.detections, result.trace, result.history(0)
print([len(one._repr_html_()) > 500 for one in drawn])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == str([True] * 4), done.stderr
