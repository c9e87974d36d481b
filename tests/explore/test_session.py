"""The session's plugin folder and port: what is there while it lasts, and that nothing of it stays."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore import session

THEIRS = 'name: "@someone/theirs"\npanels:\n  - theirs\n'


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A person's own plugin folder, with one plugin."""
    folder = tmp_path / "mine"
    (folder / "theirs").mkdir(parents=True)
    (folder / "theirs" / "fiftyone.yml").write_text(THEIRS)
    monkeypatch.setattr(fiftyone.config, "plugins_dir", str(folder))
    monkeypatch.setenv("FIFTYONE_PLUGINS_DIR", str(folder))
    return folder


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_without_a_plugin_folder_there_is_ours_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(fiftyone.config, "plugins_dir", str(tmp_path / "nowhere"))
    monkeypatch.delenv("FIFTYONE_PLUGINS_DIR", raising=False)
    with session.plugins() as folder:
        assert [p.name for p in folder.iterdir()] == ["dfine-edges"]
        assert os.environ["FIFTYONE_PLUGINS_DIR"] == fiftyone.config.plugins_dir == str(folder)
    assert "FIFTYONE_PLUGINS_DIR" not in os.environ and not folder.exists()
    assert session.PLUGIN.is_dir() and not (tmp_path / "nowhere").exists()


def test_a_persons_own_plugins_stay(mine):
    with pytest.raises(KeyboardInterrupt), session.plugins() as folder:
        assert sorted(p.name for p in folder.iterdir()) == ["dfine-edges", "theirs"]
        assert (folder / "theirs" / "fiftyone.yml").read_text() == THEIRS
        raise KeyboardInterrupt  # as Ctrl-C does
    assert not folder.exists() and (mine / "theirs" / "fiftyone.yml").read_text() == THEIRS
    assert fiftyone.config.plugins_dir == os.environ["FIFTYONE_PLUGINS_DIR"] == str(mine)


def test_the_panel_that_is_installed_for_good_is_not_there_twice(mine):
    (mine / "linked").symlink_to(session.PLUGIN)
    with session.plugins() as folder:
        assert sorted(p.name for p in folder.iterdir()) == ["dfine-edges", "theirs"]


def test_installed_for_good_it_is_found_and_loads(fo, tmp_path):
    """As the README says: a link in FiftyOne's plugin folder, also where dfine is no installed package."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "dfine-edges").symlink_to(session.PLUGIN)
    code = (
        "from fiftyone.plugins.context import build_plugin_contexts\n"
        "(ours,) = [c for c in build_plugin_contexts() if c.name == '@dfine-lens/edges']\n"
        "print(ours.errors, [i.name for i in ours.instances])"
    )
    environment = os.environ | {"FIFTYONE_PLUGINS_DIR": str(tmp_path / "plugins"), "PYTHONPATH": ""}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    names = [
        "dfine_edges",
        "switch_low_scores",
        "dfine_suspects",
        "accept_suspects",
        "reject_suspects",
        "reopen_suspects",
    ]
    assert done.stdout.splitlines()[-1:] == [f"[] {names}"], done.stderr


def test_a_free_port_is_taken_and_a_busy_one_named(taken):
    with pytest.raises(ValueError, match=f"port {taken} of 127.0.0.1 is in use.*--port"):
        session.find_port(port=taken)
    assert session.find_port() != taken
    with pytest.raises(ConnectionRefusedError):  # nobody listens there
        socket.create_connection(("127.0.0.1", session.find_port()), timeout=10)


def test_an_address_of_another_machine():
    for address in ("192.0.2.1", "no.such.host.invalid"):
        with pytest.raises(ValueError, match="is no address of this machine"):
            session.find_port(address)


def test_links_are_copies_where_the_system_allows_none(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("a privilege is not held")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    session._link(session.PLUGIN, tmp_path / "copy")
    assert (tmp_path / "copy" / "fiftyone.yml").is_file() and not (tmp_path / "copy").is_symlink()
