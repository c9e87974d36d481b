"""A run's page: what was logged, and an axis that counts epochs."""

import pytest

from dfine.figures.pages import run


def rows(count, start=1):
    return [
        {
            "epoch": float(start + i),
            "loss": 1.0,
            "vfl/layer 1": 0.5,
            "fgl/layer 1": 0.5,
            "AP initial": 0.4,
            "AP layer 1": 0.5,
        }
        for i in range(count)
    ]


def test_without_an_epoch_there_is_nothing_to_draw():
    assert run.summary([]) == "0 epochs, none evaluated yet."
    assert run.losses([]).layout.xaxis.dtick == 1


@pytest.mark.parametrize(("count", "step"), [(1, 1), (3, 1), (9, 1), (10, 2), (60, 10), (160, 20), (500, 100)])
def test_epochs_are_counted_in_whole_numbers(count, step):
    for figure in (run.by_epoch(rows(count)), run.gain(rows(count)), run.losses(rows(count))):
        assert figure.layout.xaxis.dtick == step and figure.layout.height > 0


def test_every_figure_fits_a_phone():
    text = run.run_html("mine", rows(3), {"data": "folder", "val": None})
    assert text.count('class="plot fit"') == text.count("data-figure=") == 3
    assert "<dt>data</dt><dd>folder</dd>" in text and "<dt>val</dt>" not in text


def test_one_epoch_is_no_plural():
    assert run.summary([{"epoch": 1}]).startswith("1 epoch, none")
    assert run.summary([{"epoch": 1, "AP initial": 0.1, "AP layer 1": 0.2}]).startswith("1 epoch. The best, epoch 1,")
