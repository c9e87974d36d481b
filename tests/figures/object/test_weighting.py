"""W(n) drawn: what the sliders show is what the formula says."""

import pytest
import torch

from dfine.distribution import weighting
from dfine.figures.object import weighting as figure


def test_it_opens_on_the_only_constant_that_there_is():
    drawn = figure.constants(a=[0.5], c=[1.0])
    assert [s.active for s in drawn.layout.sliders] == [0, 0]
    assert drawn.data[1].name == "a = 1/2" and drawn.data[3].name == "c = 1"


def test_every_step_of_a_slider_shows_w_of_its_constant():
    drawn = figure.constants()
    for slider, values, pair in zip(
        drawn.layout.sliders, (figure.AS, figure.CS), (lambda a: (a, 0.25), lambda c: (0.5, c))
    ):
        assert len(slider.steps) == len(values)
        for step, value in zip(slider.steps, values):
            wanted = weighting(32, *pair(value)).tolist()
            assert step.args[0]["y"][0][:33] == pytest.approx(wanted, abs=1e-5)


def test_it_opens_beside_the_published_constants_which_can_be_seen():
    drawn = figure.constants(a=(0.5, 1.0), c=(0.25, 0.125))
    assert [slider.steps[slider.active].label for slider in drawn.layout.sliders] == ["1", "1/8"]
    published, wider, again, crowded = drawn.data
    assert published.name == again.name == "published" and published.y == again.y
    assert published.y[:33] == pytest.approx(weighting(32, 0.5, 0.25).tolist(), abs=1e-5)
    assert wider.y != published.y != crowded.y


def test_constants_that_w_cannot_be_made_with_are_named():
    with pytest.raises(ValueError, match="a=-1"):
        figure.constants(a=[-1])


def test_no_offset_is_said():
    with pytest.raises(ValueError, match="no offset"):
        figure.encoded(weighting(), [])


@pytest.mark.parametrize(
    ("offset", "bins", "mass"),
    [(0.0, [16, 17], [1, 0]), (0.75, [31, 32], [0.5, 0.5]), (-0.75, [0, 1], [0.5, 0.5]), (1.7, [31, 32], [0, 1])],
)
def test_an_offset_stands_in_the_two_bins_around_it(offset, bins, mass):
    w = weighting()
    bars = figure.encoded(w, [offset]).data[1]
    assert list(bars.x) == pytest.approx([float(w[n]) for n in bins])
    assert list(bars.y) == pytest.approx(mass, abs=1e-5)


def test_the_mean_of_the_bars_is_the_offset_at_every_step():
    w = torch.as_tensor(weighting())
    for step, offset in zip(figure.encoded(w).layout.sliders[0].steps, figure.OFFSETS):
        places, mass = step.args[0]["x"][0], step.args[0]["y"][0]
        assert sum(p * m for p, m in zip(places, mass)) == pytest.approx(offset, abs=1e-5)


def test_the_names_of_the_two_bins_stand_beside_them_at_every_step():
    drawn = figure.encoded(weighting(), [0.0, 0.1, 0.75])
    named = drawn.data[3]
    assert named.mode == "text" and list(named.x) == list(drawn.data[1].x) and list(named.y) == list(drawn.data[1].y)
    assert [place.split()[1] for place in named.textposition] == ["left", "right"], "fine bins are close to each other"
    for step, bins in zip(drawn.layout.sliders[0].steps, ([16], [20, 21], [31, 32])):
        values, _, traces = step.args
        texts = [text.strip() for text in values["text"][traces.index(3)] if text]
        assert [text.split("<br>")[0].strip() for text in texts] == [f"n = {n}" for n in bins]
