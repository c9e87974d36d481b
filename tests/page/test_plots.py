"""Figures as the page's plots take them."""

import pytest

go = pytest.importorskip("plotly.graph_objects")
pytest.importorskip("gradio")

from dfine.page import plots


def test_frames_come_along_in_the_arguments():
    now, later = dict(mode="immediate"), dict(mode="immediate", fromcurrent=True)
    buttons = [dict(method="animate", args=[None, later]), dict(method="animate", args=[[None], now])]
    figure = go.Figure(
        data=[dict(type="scatter", y=[0])],
        frames=[dict(name=name, data=[dict(type="scatter", y=[i])]) for i, name in enumerate("ab")],
        layout=dict(
            sliders=[dict(steps=[dict(method="animate", args=[["b"], now])])], updatemenus=[dict(buttons=buttons)]
        ),
    )
    plain = plots.with_frames(figure).to_plotly_json()
    assert "frames" not in plain or not plain["frames"]
    step = plain["layout"]["sliders"][0]["steps"][0]["args"]
    play, stop = (button["args"] for button in plain["layout"]["updatemenus"][0]["buttons"])
    assert [frame["data"][0]["y"] for frame in step[0]] == [[1]] and step[1] == now
    assert [frame["data"][0]["y"] for frame in play[0]] == [[0], [1]] and "fromcurrent" not in play[1]
    assert stop[0] == [None]
