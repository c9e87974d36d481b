from dataclasses import replace
from xml.etree import ElementTree

import pytest
import torch

from dfine.figures import style
from dfine.figures.object.path import LEFT, WIDTH, edge_path
from dfine.trace.history import History
from tests.helpers import synthetic_trace

SIZE = (640, 480)


def history_of(layers=3) -> History:
    return synthetic_trace(layers=layers).history(0, SIZE, name="cat", label=0)


def circles(svg: str) -> list[float]:
    return [float(c.attrib["cx"]) for c in ElementTree.fromstring(svg).iterfind(".//{*}circle")]


@pytest.mark.parametrize("layers", [1, 3, 6])
@pytest.mark.parametrize("edge", range(4))
def test_a_dot_for_every_stage_in_its_place(layers, edge):
    history = history_of(layers)
    spots, dots = history.xyxy_pixels[:, edge].tolist(), circles(edge_path(history, edge))
    assert len(dots) == 1 + layers and all(LEFT < x < WIDTH for x in dots)
    # One scale for all: distances between dots are those between the edges.
    scale = (max(dots) - min(dots)) / (max(spots) - min(spots))
    assert dots == pytest.approx([min(dots) + (s - min(spots)) * scale for s in spots], abs=0.11)


def test_bars_hold_the_intervals_and_stay_inside():
    history = history_of()
    root = ElementTree.fromstring(edge_path(history, 0, mass=0.5))
    bars = [(float(r.attrib["x"]), float(r.attrib["width"])) for r in root.iterfind(".//{*}rect")]
    assert len(bars) == 3
    assert all(LEFT <= x and x + width <= WIDTH + 0.11 for x, width in bars)
    dot = circles(edge_path(history, 0, mass=0.5))[-1]
    assert bars[-1][0] < dot < bars[-1][0] + bars[-1][1]


def test_an_edge_that_never_moved_and_is_certain():
    edges = torch.full((3, 4, 33), -100.0)
    edges[..., 16] = 100.0
    start = history_of()
    still = replace(start, edges=edges, boxes=start.initial.expand(3, 4))
    assert all("nan" not in edge_path(still, k) and len(set(circles(edge_path(still, k)))) == 1 for k in range(4))


def test_the_drawing_says_what_it_shows():
    history = history_of()
    label = ElementTree.fromstring(edge_path(history, 3)).attrib["aria-label"]
    spots = [f"{v:.1f}" for v in history.xyxy_pixels[:, 3].tolist()]
    assert (
        label == f"The bottom edge, in pixels: initial {spots[0]}, layer 1 {spots[1]}, layer 2 {spots[2]}, "
        f"layer 3 {spots[3]}"
    )


def test_copied_out_of_its_page_it_is_small_and_readable_on_light_and_dark():
    svg = edge_path(history_of(), 1)
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg", "a file of its own"
    assert [root.attrib[side] for side in ("width", "height")] == root.attrib["viewBox"].split()[2:]
    (group,) = root
    assert (group.attrib["fill"], group.attrib["font-size"]) == (style.TEXT, "11")
    assert all("fill" not in text.attrib for text in root.iterfind(".//{*}text"))
    assert root.find(".//{*}line").attrib["stroke"] == style.GRID
