"""What the page says of its models."""

import pytest

pytest.importorskip("gradio")

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.page import status
from dfine.page.models import Models
from dfine.trace.card import Card
from dfine.weights.saving import save


def test_the_page_says_which_model_is_shown_and_which_could_not_be(checkpoint, monkeypatch):
    models = Models(checkpoint, "cpu")
    assert status.shown(models, None) == status.shown(models, checkpoint) == models.sentence()
    assert status.shown(models, "small-coco") == "Showing small-coco."
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("dfine.weights.cache.hub_folder", lambda hub: None)
    with pytest.raises(ValueError, match="not in the local cache"):
        models("small-coco")
    assert "could not be opened" in status.shown(models, "small-coco")


def test_what_was_assumed_of_a_model_is_said(tmp_path):
    folder = tmp_path / "mine"
    card = Card(("LABEL_0", "LABEL_1"), (64, 64))
    save(folder, DFINE(Config.of("n", classes=2, queries=20)), card)
    models = Models(folder, "cpu")
    assert "Note" not in status.shown(models, "")
    with pytest.warns(UserWarning, match="LABEL_0"):
        models()
    assert [*models.notes()] == [*models.notes(str(folder))] != []
    for name in (None, str(folder)):
        assert "Note: its classes have no better names than LABEL_0" in status.shown(models, name)


def test_the_table_has_a_cell_for_every_column(models):
    rows = status.zoo(models)
    assert len(rows) == len(models.table())
    assert all(len(row) == len(status.COLUMNS) and None not in row for row in rows)
