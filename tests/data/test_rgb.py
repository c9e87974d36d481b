"""What a decoded picture may take, and how it becomes 8-bit RGB."""

import base64
import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dfine.data import folders, rgb
from dfine.data.pictures import read
from dfine.data.rgb import PictureError


def refused(source, said):
    with pytest.raises(PictureError, match=said):
        read(source)


@pytest.mark.parametrize(
    "mode, limit",
    [("RGB", 360), ("L", 360), ("RGBA", 120), ("LA", 120), ("I;16", 60), ("F", 60)],
)
def test_what_would_take_too_much_memory_is_refused_before_it_is_decoded(monkeypatch, mode, limit):
    """The limit of decoded bytes, in thousandths of the real one: one row more is too much."""
    monkeypatch.setattr(rgb, "MAX_BYTES", rgb.MAX_BYTES // 1000)
    row = {"RGB": 3, "L": 1, "RGBA": 4, "LA": 2, "I;16": 2, "F": 4}[mode] * 100
    rows = limit * 1000 // row
    assert read(Image.new(mode, (100, rows))).size == (100, rows)
    refused(Image.new(mode, (100, rows + 1)), "MB allowed; scale it down first")


@pytest.mark.parametrize("height", [1, rgb.STRIP, rgb.STRIP + 1, 3 * rgb.STRIP - 1])
def test_strips_over_white_are_the_whole_over_white(height):
    noise = np.random.default_rng(0).integers(0, 256, (height, 7, 4), np.uint8)
    picture = Image.fromarray(noise)
    whole = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    assert np.array_equal(np.asarray(read(picture)), np.asarray(whole))


def test_absurd_dimensions_of_pictures_and_arrays(monkeypatch):
    monkeypatch.setattr(rgb, "MAX_PIXELS", 10)
    refused(Image.new("RGB", (11, 1)), "11 x 1")
    refused(np.zeros((4, 4, 3), np.uint8), "4 x 4")


def test_a_memory_that_is_too_small_is_a_sentence(monkeypatch, tmp_path):
    def full(picture):
        raise MemoryError

    Image.new("RGB", (4, 4)).save(tmp_path / "a.bmp")
    monkeypatch.setattr(Image.Image, "load", full)
    refused(tmp_path / "a.bmp", "'a.bmp' takes more memory to decode than there is")


def test_it_starts_without_torch():
    done = subprocess.run([sys.executable, "-c", "import dfine.data.decoder, sys; sys.exit('torch' in sys.modules)"])
    assert done.returncode == 0


DAMAGED = {  # EXIF data that no reader understands, or that Pillow reads and cannot write
    "no header": b"garbage and more of it",
    "a width of bytes": struct.pack("<2sHI H HHI4s HHI4s I", b"II", 42, 8, 2, 256, 7, 2, b"ab", 274, 3, 1, b"\6", 0),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_exif_data_cost_no_picture(tmp_path, kind):
    """With a resolution of its own a JPEG is opened without a look at them."""
    data, path = b"Exif\0\0" + DAMAGED[kind], tmp_path / "a.jpg"
    Image.new("RGB", (40, 20), "teal").save(path, exif=data, dpi=(72, 72))
    want = (40, 20) if kind == "no header" else (20, 40)
    assert read(path).size == read(Image.open(path)).size == folders.size_shown(path) == want


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff"])
def test_a_picture_is_turned_once(tmp_path, ending):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "teal").save(tmp_path / f"a.{ending}", exif=exif)
    upright = read(tmp_path / f"a.{ending}")
    assert read(upright).size == upright.size == (20, 40)


def test_the_bytes_of_a_file_are_read_as_the_file_is(tmp_path, monkeypatch):
    exif, file = Image.Exif(), tmp_path / "a.jpg"
    exif[0x0112] = 6
    Image.effect_noise((40, 20), 50).save(file, exif=exif)
    assert rgb.from_bytes(file.read_bytes()).tobytes() == read(file).tobytes()
    postscript, wide = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (4, 4)).save(postscript, "EPS")
    Image.new("RGB", (40, 20)).save(wide, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    for data, said in ((postscript, "in a format that can be read here"), (wide, "million pixels allowed")):
        with pytest.raises(PictureError, match=said):  # PostScript would go to another program
            rgb.from_bytes(data.getvalue())


HEIC = """
AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAX5tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA
AERAAAEAAQAAAAABogABAAAAAAAAAFUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/mlwcnAAAADeaXBjbwAAAHdo
dmNDAQQIAAAAnjgAAAAAHvAA/P/4+AAADwNgAAEAF0ABDAH//wQIAAADAJ44AAADAAAeugJAYQABACpCAQEECAAAAwCeOAAAAwAAHpAEECCy3VyU1zcBDQYEAAAD
AGQAAAMABCBiAAEACEQBwXMYMAiQAAAAE2NvbHJuY2x4AAEADQAGgAAAABRpc3BlAAAAAAAAAEAAAABAAAAAKGNsYXAAAABAAAAAAQAAADAAAAABAAAAAAAAAAL/
///wAAAAAgAAABBwaXhpAAAAAAMICAgAAAAYaXBtYQAAAAAAAAABAAEFgQIDBYQAAABdbWRhdAAAAFEoAa8TgPUngT//4KVH/7rWeH4PDTE//akWj+aS5/+T/x24
DGmfWExfl4rdnEAtZl3EqpeXCZQnMKupCOjNgOXz2zGZ3k9cjImfVnlqDb8btYA="""  # 64 x 48 pixels, red and blue, as x265 wrote them


def test_what_phones_write_is_read_where_its_decoder_is_installed(tmp_path):
    pytest.importorskip("pi_heif")
    (tmp_path / "a.HEIC").write_bytes(base64.b64decode(HEIC))
    picture = np.asarray(read(tmp_path / "a.HEIC")).astype(int)
    assert picture.shape == (48, 64, 3)
    for part, colour in ((picture[:, :30], (200, 30, 30)), (picture[:, 34:], (30, 60, 200))):
        assert np.abs(part.mean((0, 1)) - colour).max() < 6
    with pytest.raises(PictureError, match="a.HEIC' is .*(damaged|cannot|can be read here)"):
        (tmp_path / "a.HEIC").write_bytes(base64.b64decode(HEIC)[:300])
        read(tmp_path / "a.HEIC")


def test_without_its_decoder_what_phones_write_is_refused_with_a_remedy(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(base64.b64decode(HEIC))
    monkeypatch.setattr(rgb, "formats", lambda: ("JPEG", "PNG"))
    with pytest.raises(
        PictureError, match="'a.heic' is not a picture in a format that can be read here; save it as JPEG"
    ):
        read(tmp_path / "a.heic")
