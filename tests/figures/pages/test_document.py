import gzip
import json
import re
from base64 import b64decode

import plotly.graph_objects as go
import pytest
from PIL import Image
from plotly.offline import get_plotlyjs

from dfine.figures.pages import document
from dfine.figures.pages.document import Document, Panel, Section


def figure(height=200):
    return go.Figure(go.Scatter(y=[1, 2]), dict(height=height))


def page(**changes):
    parts = dict(title="a", header="<h1>a</h1>", main="", footer="", data={}, figures=())
    return str(Document(**(parts | changes)))


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


def test_an_empty_page_is_a_page():
    text = page()
    assert text.startswith("<!DOCTYPE html>") and text.rstrip().endswith("</html>")
    assert data_of(text) == {}
    assert not re.findall(r'(?:src|href)="(?!data:)', text), "nothing is fetched"


def test_the_plotting_library_is_inside():
    packed = re.search(r'id="plotly">([^<]+)<', page())[1]
    assert gzip.decompress(b64decode(packed)).decode() == get_plotlyjs()


@pytest.mark.parametrize("evil", ["</script><script>alert(1)</script>", "<!--", "&lt;", "{title}", "{", "}}", "ü…"])
def test_nothing_that_is_said_can_break_the_page(evil):
    text = page(title=evil, data={"a": evil}, figures=[go.Figure(layout=dict(title=evil))])
    assert data_of(text) == {"a": evil}
    assert "<script>alert" not in text
    drawn = json.loads(re.search(r'id="figure-0">(.*?)</script>', text, re.S)[1])
    assert drawn["layout"]["title"]["text"] == evil


@pytest.mark.parametrize("count", [1, 2, 3])
def test_several_panels_share_a_place_behind_tabs(count):
    figures = []
    panels = tuple(Panel(f"panel {i}", figure(), f"<p>{i}</p>") for i in range(count))
    text = document.section(Section("What & why", "lead", panels), 4, figures)
    assert len(figures) == count
    assert re.findall(r'data-figure="(.*?)"', text) == [f"figure-{i}" for i in range(count)]
    assert text.count('role="tabpanel"') == (count if count > 1 else 0)
    assert ("data-tabs" in text) == (count > 1)
    assert "What &amp; why" in text
    assert text.count("<div") == text.count("</div>") and text.count("<section") == text.count("</section") == 1


def test_figures_beside_each_other_count_on():
    figures = [figure()]
    text = document.section(Section("a", "b", (Panel("p", figure(), beside=(figure(), figure())),)), 0, figures)
    assert re.findall(r'data-figure="(.*?)"', text) == ["figure-1", "figure-2", "figure-3"]
    assert 'class="beside"' in text


@pytest.mark.parametrize(
    "fit, tall, kinds", [(False, False, "plot"), (True, False, "plot fit"), (True, True, "plot fit tall")]
)
def test_the_place_of_a_figure(fit, tall, kinds):
    text = document.plot(figure(321), 'a "label"', figures := [], fit=fit, tall=tall)
    assert f'class="{kinds}"' in text and "height:321px" in text and "a &quot;label&quot;" in text
    assert len(figures) == 1


@pytest.mark.parametrize(
    "traces, layout, said",
    [
        ([], {}, ""),
        ([go.Bar(x=["cat", "<b>dog</b>"], y=[2, 0.1234])], {}, ". cat 2, dog 0.123"),
        ([go.Bar(x=[3], y=["cat"], orientation="h", name="train")], {}, ". train: cat 3"),
        ([go.Scatter(x=[0, 1], y=[0.5, None], name="AP"), go.Scatter(y=[None], name="AP50")], {}, ". AP: 0 0.5"),
        ([go.Scatter(x=[0, 1], y=[0, 1])], {}, ""),
        (
            [go.Scatter(x=[0], y=[0.5], name="AP")],
            dict(xaxis=dict(tickvals=[0], ticktext=["initial"])),
            ". AP: initial 0.5",
        ),
        ([go.Bar(y=[1.0] * 49)], {}, ""),
        ([go.Bar(y=[1.0])], dict(meta=dict(alt="In its own words <")), ". In its own words &lt;"),
    ],
)
def test_readers_who_do_not_see_a_figure_are_told_its_numbers(traces, layout, said):
    text = document.plot(go.Figure(traces, layout | dict(height=100)), "label", [], fit=True)
    assert f'aria-label="label{said}"' in text


def test_a_picture_inside_the_page():
    text = document.image(Image.new("RGB", (30, 20), "red"), "a < b")
    assert 'alt="a &lt; b" width="30" height="20"' in text and "data:image/jpeg;base64," in text


def test_origin_lists_what_is_known_in_its_own_order():
    head = {"model": "demo", "size": [640, 480], "digest": "", "threshold": None, "unlisted": 1}
    text = document.origin(head, ("size", "digest", "threshold", "model"))
    assert text == "<dl><dt>Size in px</dt><dd>640 × 480</dd><dt>Checkpoint</dt><dd>demo</dd></dl>"
    assert document.origin({}, tuple(document.LABELS)) == "<dl></dl>"
