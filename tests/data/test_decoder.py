"""What a decoding process sends is, put together again, what the library reads."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from dfine.data import decoder
from dfine.data.pictures import PictureError, read

NOISE = np.random.default_rng(0).integers(0, 256, (37, 29, 4), np.uint8)


def decoded(path) -> Image.Image:
    out = io.BytesIO()
    decoder._answer(str(path), out)
    out.seek(0)
    told = json.loads(out.readline())
    picture = decoder.assembled(told["size"], told["turn"], out)
    assert not out.read()
    return picture


def equal(path) -> bool:
    ours, want = decoded(path), read(path)
    return ours.mode == want.mode == "RGB" and ours.size == want.size and ours.tobytes() == want.tobytes()


@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 mean nothing
def test_pictures_are_turned_as_the_library_turns_them(tmp_path, monkeypatch, orientation):
    """Several strips, the last one shorter."""
    monkeypatch.setattr(decoder, "ROWS", 8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(NOISE[..., :3]).save(tmp_path / "a.jpg", exif=exif)
    assert equal(tmp_path / "a.jpg")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "F"])
def test_every_kind_of_picture_is_converted_as_the_library_does(tmp_path, monkeypatch, mode):
    monkeypatch.setattr(decoder, "ROWS", 8)
    if mode == "I;16":
        picture = Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257)
    elif mode == "F":
        picture = Image.fromarray(NOISE[..., 0].astype(np.float32) / 255)
    else:
        picture = Image.fromarray(NOISE).convert(mode)
    picture.save(tmp_path / "a.tiff")
    assert equal(tmp_path / "a.tiff")


def test_transparency_of_a_palette(tmp_path, monkeypatch):
    monkeypatch.setattr(decoder, "ROWS", 8)
    Image.fromarray(NOISE[..., :3]).quantize(16).save(tmp_path / "a.png", transparency=3)
    assert equal(tmp_path / "a.png")


def test_what_is_no_picture_is_a_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    out = io.BytesIO()
    decoder._answer(str(tmp_path / "a.png"), out)
    assert json.loads(out.getvalue())["error"].startswith("'a.png' is not a picture")


def test_rows_that_are_missing_are_noticed():
    with pytest.raises(EOFError):
        decoder.assembled((4, 4), 1, io.BytesIO(bytes(47)))


@pytest.mark.parametrize(
    "form, allowed", [("WEBP", 35), ("JPEG", 75), ("JPEG2000", 20), ("TIFF", 75), ("AVIF", 60), ("HEIF", 60)]
)
def test_what_a_format_takes_is_counted_before_it_is_decoded(form, allowed):
    """By megapixels, and not at all where rows are decoded one by one."""
    for megapixels, fits in ((allowed, True), (allowed + 1, False)):
        picture = Image.new("RGB", (1000, 1))
        picture._size, picture.format, picture.info = (1000, 1000 * megapixels), form, {"progressive": 1}
        if fits:
            decoder.affordable(picture, "'a'")
        else:
            with pytest.raises(PictureError, match="'a' is 1000 x .* more than the 600 MB allowed here"):
                decoder.affordable(picture, "'a'")
    picture.format, picture.info = "JPEG", {}
    decoder.affordable(picture, "'a'")
