"""What the page says of its models."""

import pytest

pytest.importorskip("gradio")

from dfine.page import status  # noqa: E402
from dfine.page.models import Models  # noqa: E402


def test_the_page_says_which_model_is_shown_and_which_could_not_be(checkpoint, monkeypatch):
    models = Models(checkpoint, "cpu")
    assert status.shown(models, None) == status.shown(models, checkpoint) == models.sentence()
    assert status.shown(models, "small-coco") == "Showing small-coco."
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("dfine.weights.cache.hub_folder", lambda hub: None)
    with pytest.raises(ValueError, match="not in the local cache"):
        models("small-coco")
    assert "could not be opened" in status.shown(models, "small-coco")


def test_the_table_has_a_cell_for_every_column(models):
    rows = status.zoo(models)
    assert len(rows) == len(models.table())
    assert all(len(row) == len(status.COLUMNS) and None not in row for row in rows)
