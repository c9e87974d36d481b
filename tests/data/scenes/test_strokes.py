"""Polygons by hand: an upright rectangle, points on an ellipse, the band along a line."""

from math import pi

import numpy as np
import pytest

from dfine.data.scenes.strokes import arc, polygon, rectangle, stroke


def area(points) -> float:
    """Of a polygon, positive where its corners go clockwise on the screen."""
    x, y = np.asarray(points).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def test_a_rectangle_is_four_corners_in_order():
    assert rectangle(-1, -2, 3, 4).tolist() == [[-1, -2], [3, -2], [3, 4], [-1, 4]]
    assert area(rectangle(-1, -2, 3, 4)) == 4 * 6
    assert polygon((0, 0), (1, 0)).dtype == np.float64


def test_a_whole_ellipse_does_not_repeat_its_first_point():
    points = arc(1, 2, 3, 4, n=8)
    assert len(points) == 8 and len({tuple(p) for p in points.round(9).tolist()}) == 8
    assert points[0].tolist() == [4, 2] and points[2].tolist() == pytest.approx([1, 6])  # clockwise: y points down
    assert (((points - (1, 2)) / (3, 4)) ** 2).sum(1) == pytest.approx(1)


def test_a_part_of_an_ellipse_has_both_its_ends():
    points = arc(0, 0, 1, 1, 0, pi, n=3)
    np.testing.assert_allclose(points, [[1, 0], [0, 1], [-1, 0]], atol=1e-12)


def test_many_points_on_an_ellipse_have_its_area():
    assert area(arc(5, 5, 2, 3, n=400)) == pytest.approx(6 * pi, rel=1e-3)


def test_a_stroke_is_as_wide_as_it_is_said_and_follows_its_line():
    line = np.array(((0.0, 0.0), (2.0, 0.0), (4.0, 0.0)))
    band = stroke(line, 0.5)
    assert len(band) == 6 and abs(area(band)) == pytest.approx(4 * 0.5)
    assert sorted(set(band[:, 1].tolist())) == [-0.25, 0.25]
    turned = stroke(line @ np.array(((0.0, 1.0), (-1.0, 0.0))), 0.5)
    assert abs(area(turned)) == pytest.approx(4 * 0.5)


def test_points_of_a_line_that_coincide_do_no_harm():
    assert np.isfinite(stroke(np.array(((0.0, 0.0), (0.0, 0.0), (1.0, 0.0))), 0.1)).all()
