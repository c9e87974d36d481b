"""The page of a run tells what it came to, and shows what was drawn."""

import pytest

from dfine.training.loop import train
from dfine.training.options import TrainOptions
from dfine.training.report import report
from dfine.training.watch import Watch
from tests.training.runs import SMALL


def test_a_folder_without_a_finished_epoch_has_no_page(tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished epoch"):
        report(tmp_path)


def test_the_page_tells_options_epochs_and_drawings(tmp_path):
    train(TrainOptions(out=str(tmp_path), **{**SMALL, "pictures": 4}), watch=Watch(tmp_path / "watch", 2))
    assert sorted(p.name for p in (tmp_path / "watch").iterdir()) == ["epoch-0002-0.png", "epoch-0002-1.png"]
    page = report(tmp_path).read_text()
    assert "<dt>augment</dt><dd>plain</dd>" in page and "<dd>auto</dd>" not in page
    assert "2 epochs. The best, epoch" in page and page.count("<b>Epoch 2</b>") == 2
