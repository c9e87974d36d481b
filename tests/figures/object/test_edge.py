from dataclasses import replace

import numpy as np
import pytest
import torch

from dfine.figures.object import edge as edges


def named(figure, start):
    return [t for t in figure.data if t.name.startswith(start)]


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_a_row_for_every_layer_with_the_one_before_ghosted(trace_of, layers):
    history = trace_of(layers).history(0, (200, 100))
    figure = edges.edge_figure(history, 0)
    bars, ghosts = named(figure, "Pr(n)"), [t for t in figure.data[0::5]]
    assert len(bars) == len(ghosts) == layers
    for layer in range(layers):
        np.testing.assert_allclose(bars[layer].y, history.probabilities[layer, 0], rtol=1e-4, atol=1e-8)
        before = history.probabilities[layer - 1, 0] if layer else []
        np.testing.assert_allclose((ghosts[layer].y or [])[5:-5], before[1:-1], rtol=1e-4, atol=1e-8)
        even = edges.edge_figure(history, 0, "bins").data[5 * layer]
        np.testing.assert_allclose(even.y or [], before, rtol=1e-4, atol=1e-8)
    assert figure.layout.height > 100 * layers


@pytest.mark.parametrize("unit", ["px", "box"])
@pytest.mark.parametrize("peak", [0, 1, 31, 32])
def test_the_ghost_claims_nothing_where_no_bin_lies(history, unit, peak):
    """From W(1) = −a to W(0) = −2a there is none, nor from a to 2a; its area is that of bars and their neighbours'."""
    sure = torch.full_like(history.edges, -9.0)
    sure[..., peak] = 9.0
    figure = edges.edge_figure(replace(history, edges=sure), 0, unit)
    bars, ghost = named(figure, "Pr(n)")[0], figure.data[5]
    between = np.interp(np.linspace(bars.x[0], bars.x[1], 101)[20:80], ghost.x, ghost.y)
    beyond = np.interp(np.linspace(bars.x[-2], bars.x[-1], 101)[20:80], ghost.x, ghost.y)
    assert between.max() == beyond.max() == 0
    assert np.interp(bars.x[peak], ghost.x, ghost.y) == pytest.approx(bars.y[peak])
    assert list(ghost.x) == sorted(ghost.x) and ghost.y[0] == ghost.y[-1] == 0


# Query 0's box is 40 px wide and 40 px high: 0.2 of 200, 0.4 of 100.
@pytest.mark.parametrize("unit, scale", [("px", 40), ("box", 1)])
def test_bars_stand_at_w_and_contributions_sum_to_the_offset(history, unit, scale):
    figure = edges.edge_figure(history, 0, unit)
    for bar in [*named(figure, "Pr(n)"), *named(figure, "W(n)")]:
        np.testing.assert_allclose(bar.x, history.w * scale, rtol=1e-4, atol=1e-6)
    sums = [sum(bar.y) for bar in named(figure, "W(n)")]
    np.testing.assert_allclose(sums, history.offsets[:, 0] * scale, atol=1e-3)
    for layer, mean in enumerate(named(figure, "Σ")):
        assert mean.x[1] == pytest.approx(float(history.offsets[layer, 0]) * scale, rel=1e-3)


def test_bins_are_evenly_spaced_and_the_mean_lies_between_its_neighbours(history):
    figure = edges.edge_figure(history, 0, "bins")
    assert list(named(figure, "Pr(n)")[0].x) == list(range(33))
    low, mean, high = named(figure, "Σ")[-1].x
    assert low < mean < high
    offset = float(history.offsets[-1, 0])
    assert history.w[int(mean)] <= offset <= history.w[int(mean) + 1]


def test_a_button_for_every_unit_does_in_the_browser_what_the_argument_does(history):
    shown = {unit: edges.edge_figure(history, 2, unit) for unit in edges.UNITS}
    buttons = shown["px"].layout.updatemenus[0].buttons
    assert [b.label for b in buttons] == ["pixels", "box sizes", "bins"]
    for button, (unit, figure) in zip(buttons, shown.items()):
        data, layout = button.args
        assert button.method == "update"
        assert figure.layout.updatemenus[0].active == list(edges.UNITS).index(unit)
        for i, trace in enumerate(figure.data):
            assert list(trace.x or []) == data["x"][i] and list(trace.y or []) == data["y"][i]
        assert figure.layout.annotations[1].text == layout["annotations[1].text"]
        assert list(figure.layout.xaxis4.range) == layout["xaxis4.range"]
        assert figure.layout.shapes[0].x0 == layout["shapes[0].x0"] == (16 if unit == "bins" else 0)


def test_no_bin_that_matters_lies_outside_the_axis(history):
    figure = edges.edge_figure(history, 0)
    low, high = figure.layout.xaxis.range
    outside = (history.w * 40 < low) | (history.w * 40 > high)
    assert float(history.probabilities[:, 0][:, outside].max()) <= edges.SEEN


def test_a_flat_distribution_stays_where_it_is_and_shows_every_bin(trace_of):
    history = trace_of().history(1, (200, 100))
    figure = edges.edge_figure(history, 3)
    np.testing.assert_allclose([t.x[1] for t in named(figure, "Σ")], 0, atol=1e-4)
    low, high = figure.layout.xaxis.range
    assert low <= -20 and high >= 20, "the box is 20 px high, and W runs over one box size both ways"


@pytest.mark.parametrize("change, said", [((4, "px"), "no edge 4"), ((0, "miles"), "'miles'")])
def test_what_does_not_exist_is_said(history, change, said):
    with pytest.raises(ValueError, match=said):
        edges.edge_figure(history, *change)


def test_dotted_keys_reach_into_lists_and_new_dictionaries():
    layout = {"annotations": [{}, {"text": "old"}]}
    edges._set(layout, "annotations[1].text", "new")
    edges._set(layout, "xaxis3.title.text", "px")
    assert layout == {"annotations": [{}, {"text": "new"}], "xaxis3": {"title": {"text": "px"}}}


def test_spread_follows_the_fitted_temperature(history):
    warm = replace(history, temperature=torch.full((4,), 4.0))
    widths = [np.ptp(named(edges.edge_figure(h, 0), "Σ")[-1].x) for h in (history, warm)]
    assert widths[1] > 1.3 * widths[0]
    assert "(calibrated)" in named(edges.edge_figure(warm, 0), "Σ")[-1].hovertext
