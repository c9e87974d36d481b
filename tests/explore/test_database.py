"""Without a MongoDB: one sentence that says how to get one, before FiftyOne waits for it."""

import os
import sys
import threading

import pytest
from typer.testing import CliRunner

fo = pytest.importorskip("fiftyone")

import fiftyone.core.odm.database as food
import fiftyone.core.service as fosv

from assets.ports import free_port
from dfine.cli.main import app
from dfine.explore import fiftyone_private
from dfine.explore.database import _in_turn, require_database
from dfine.processes import InUseError


@pytest.fixture
def closed():
    """A port of this machine that nobody listens to."""
    return free_port()


@pytest.fixture
def no_address(monkeypatch):
    monkeypatch.setattr(fo.config, "database_uri", None)
    monkeypatch.delenv("FIFTYONE_PRIVATE_DATABASE_PORT", raising=False)


def test_a_database_that_answers_is_enough(fo):
    assert require_database() is None


def test_the_command_says_it_in_one_line(closed, monkeypatch):
    monkeypatch.setattr(fo.config, "database_uri", f"mongodb://me:secret@127.0.0.1:{closed}")
    done = CliRunner().invoke(app, ["explore", "--no-app"])
    assert done.exit_code == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert f"127.0.0.1:{closed}" in line and "FIFTYONE_DATABASE_URI" in line and "fiftyone-db" in line
    assert "secret" not in done.stderr and "Traceback" not in done.stderr


def test_an_address_that_is_none(monkeypatch):
    monkeypatch.setattr(fo.config, "database_uri", "mongodb://:port")
    with pytest.raises(RuntimeError, match="no MongoDB answers at mongodb://:port"):
        require_database()


def test_without_the_program(no_address, monkeypatch, tmp_path):
    monkeypatch.setattr("fiftyone.constants.FIFTYONE_DB_BIN_DIR", str(tmp_path))
    with pytest.raises(RuntimeError, match="pip install fiftyone-db.*FIFTYONE_DATABASE_URI=mongodb://"):
        require_database()


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the program")
def test_a_program_that_lacks_its_libraries(no_address, monkeypatch, tmp_path):
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\necho 'cannot open libcrypto.so.1.1' >&2\nexit 127\n")
    program.chmod(0o755)
    monkeypatch.setattr("fiftyone.constants.FIFTYONE_DB_BIN_DIR", str(tmp_path))
    with pytest.raises(
        RuntimeError, match=r"does not run here \(cannot open libcrypto.so.1.1\).*FIFTYONE_DATABASE_URI="
    ):
        require_database()


@pytest.mark.skipif(os.name == "nt", reason="there are no such locks")
def test_runs_that_begin_together_start_the_database_in_turn(tmp_path):
    """FiftyOne would start two on the same files; the second ended in a traceback after a minute."""
    done, inside = [], threading.Event()

    def second():
        inside.wait(120)
        with _in_turn(tmp_path):
            done.append("second")

    other = threading.Thread(target=second)
    other.start()
    with _in_turn(tmp_path):
        inside.set()
        with pytest.raises(InUseError, match="starting FiftyOne's database is under way already .*try again later"):
            with _in_turn(tmp_path, patience=0.3):
                done.append("at once")
        done.append("first")
    other.join(120)
    assert done == ["first", "second"]


def test_a_database_that_another_program_has_started_meanwhile_is_joined(monkeypatch):
    """What only a race can make: FiftyOne's own MongoDB ends at once, since there is another on its files."""
    tries = []

    def connect():
        tries.append(food._db_service)
        food._db_service = "the one that ended"
        if len(tries) < least:
            raise fosv.ServiceListenTimeout("DatabaseService")

    monkeypatch.setattr(food, "_db_service", None)
    monkeypatch.setattr(fiftyone_private.foo, "get_db_conn", connect)
    least = 2
    assert fiftyone_private.start_database() is None and tries == [None, None]
    least, food._db_service = 9, None
    with pytest.raises(RuntimeError, match="database in .* did not start; try again"):
        fiftyone_private.start_database()


def test_without_fiftyone(monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(ImportError, match="pip install fiftyone"):
        require_database()
