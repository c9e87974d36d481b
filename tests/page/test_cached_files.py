"""Files that the page serves: the same bytes have the same path, and what was deleted is written again."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio")

from gradio.utils import get_upload_folder

from dfine.page import cached_files

PICTURE = Image.radial_gradient("L").convert("RGB")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_picture_as_a_jpeg():
    assert Image.open(io.BytesIO(cached_files.jpeg(PICTURE))).size == PICTURE.size


def test_a_path_follows_from_bytes_and_name(folder):
    path = Path(cached_files.write(b"one", "a.jpg"))
    assert path.read_bytes() == b"one" and path.name == "a.jpg" and folder in path.parents
    assert cached_files.write(b"one", "a.jpg") == str(path)
    assert cached_files.write(b"two", "a.jpg") != str(path)


def test_a_copy_keeps_its_name_and_leaves_the_original(tmp_path, folder):
    (tmp_path / "cup.png").write_bytes(b"cup")
    copy = Path(cached_files.copy(tmp_path / "cup.png"))
    assert copy.name == "cup.png" and copy.read_bytes() == b"cup" and folder in copy.parents
    assert (tmp_path / "cup.png").exists()


def test_what_has_been_deleted_is_written_again():
    path = cached_files.write(b"one")
    assert cached_files.described(path, lambda: b"never asked")["path"] == path
    Path(path).unlink()
    told = cached_files.described(path, lambda: b"one")
    assert Path(told["path"]).read_bytes() == b"one" and told["mime_type"] == "image/jpeg"


def test_a_thumbnail_keeps_the_shape_and_is_small(tmp_path):
    Image.new("CMYK", (400, 100)).save(tmp_path / "wide.jpg")
    told = cached_files.thumbnail(str(tmp_path / "wide.jpg"), 64)
    small = Image.open(told["path"])
    assert small.size == (64, 16) and small.mode == "RGB"


def test_scripts_and_styles_lie_beside_the_code():
    assert cached_files.resource("styles/page.css") and cached_files.resource("keys.js")
    with pytest.raises(FileNotFoundError):
        cached_files.resource("none.js")


def test_two_pages_do_not_share_their_uploads(folder, capsys):
    pytest.importorskip("fcntl")
    with cached_files.own_folder():
        assert Path(get_upload_folder()) == folder
        with cached_files.own_folder():
            own = Path(get_upload_folder())
            assert own != folder and own.is_dir()
        assert f"(process {os.getpid()} on " in capsys.readouterr().err
        assert not own.exists() and Path(get_upload_folder()) == folder
    assert not list(folder.iterdir())
