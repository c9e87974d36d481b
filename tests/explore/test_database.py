"""Without a MongoDB: one sentence that says how to get one, before FiftyOne waits for it."""

import os
import socket
import sys

import pytest
from typer.testing import CliRunner

fo = pytest.importorskip("fiftyone")

from dfine.cli.main import app
from dfine.explore.database import require_database


@pytest.fixture
def closed():
    """A port of this machine that nobody listens to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


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


def test_without_fiftyone(monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(ImportError, match="pip install fiftyone"):
        require_database()
