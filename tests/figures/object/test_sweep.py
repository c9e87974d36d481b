"""The figure of one object in ever more spoiled pictures."""

import torch

from dfine.config import EDGES
from dfine.figures.object.sweep import sweep_figure


def test_every_edge_has_its_spread_and_its_error_and_what_was_not_found_is_a_gap():
    amounts, nan = torch.tensor([0.0, 0.5, 1.0]), float("nan")
    spreads = torch.tensor([[1.0, 2, 3, 4], [2, 4, 6, 8], [nan] * 4])
    figure = sweep_figure(amounts, spreads, -spreads, torch.tensor([0.9, 0.5, nan]), "blur")
    assert [trace.name for trace in figure.data[:-1]] == [edge for edge in EDGES for _ in range(2)]
    assert [trace.showlegend for trace in figure.data] == [True, False] * 4 + [False]
    for place, edge in enumerate(EDGES):
        wanted = (*spreads[:2, place].tolist(), None)
        assert figure.data[2 * place].y == figure.data[2 * place + 1].y == wanted, edge
    assert list(figure.data[-1].y)[-1] is None
    alt = figure.layout.meta["alt"]
    assert "against blur: found in 2 of 3 pictures. From 0.00 to 0.50" in alt and "left 1.00 → 2.00 px" in alt
    assert alt.endswith("bottom 4.00 → 8.00 px; the score: 0.90 → 0.50.")
    assert len({trace.marker.symbol for trace in figure.data[:-1]}) == 4, "edges are not told apart by colours only"
    assert not len(sweep_figure(amounts[:0], spreads[:0], spreads[:0], amounts[:0], "blur").data[0].y)
