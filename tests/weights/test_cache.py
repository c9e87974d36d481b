"""Where checkpoints lie on this machine."""

from pathlib import Path

import dfine
from dfine.weights import cache


def test_the_demo_is_looked_for_beside_the_code(monkeypatch):
    monkeypatch.delenv("DFINE_ASSETS", raising=False)
    assert cache.assets() == Path(dfine.__file__).parents[1] / "assets"


def test_another_folder_of_assets_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DFINE_ASSETS", str(tmp_path))
    assert cache.assets() == tmp_path
