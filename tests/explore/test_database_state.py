"""FiftyOne's database asked without FiftyOne: where it is, what it says of a data set, and one that is in use."""

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

pytest.importorskip("fiftyone")

from dfine.explore.database_state import Home, opened, state


def test_where_things_are(monkeypatch, tmp_path):
    for key in ("DATABASE_URI", "DATABASE_DIR", "DATABASE_NAME", "DEFAULT_DATASET_DIR"):
        monkeypatch.delenv(f"FIFTYONE_{key}", raising=False)
    monkeypatch.setenv("FIFTYONE_CONFIG_PATH", str(tmp_path / "config.json"))
    plain = Home.here()
    assert (plain.uri, plain.name, plain.data) == ("", "fiftyone", Path("~/fiftyone").expanduser())
    (tmp_path / "config.json").write_text(json.dumps({"database_name": "mine", "database_dir": str(tmp_path)}))
    assert (Home.here().name, Home.here().folder) == ("mine", tmp_path)
    monkeypatch.setenv("FIFTYONE_DATABASE_NAME", "yours")
    assert Home.here().name == "yours"


def test_it_agrees_with_fiftyones_own_configuration(fo):
    here, theirs = Home.here(), fo.config
    assert (here.uri, here.name) == (theirs.database_uri, theirs.database_name)
    assert str(here.data) == theirs.default_dataset_dir and str(here.folder) == theirs.database_dir


@pytest.mark.usefixtures("fo")
def test_a_database_of_its_own_is_started_asked_and_ended(tmp_path, monkeypatch):
    from dfine.explore.fiftyone_private import find_mongod

    monkeypatch.setattr("dfine.explore.database_state.PATIENCE", 120.0)  # on a busy machine it takes long to start
    home = replace(Home.here(), uri="", folder=tmp_path)
    with opened(home, find_mongod()) as database:
        assert state(database, "set") is None
        database["datasets"].insert_one({"name": "set", "sample_collection_name": "samples"})
        empty = state(database, "set")
        database["samples"].insert_one({"last_modified_at": datetime.now(timezone.utc)})
        assert empty[-1] == 0 and state(database, "set")[-1] == 1
        with pytest.raises(OSError, match="is in use"), opened(home, find_mongod()):
            pass
        kept = state(database, "set")
    with opened(home, find_mongod()) as database:
        assert state(database, "set") == kept
