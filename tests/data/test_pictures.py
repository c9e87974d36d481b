import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dfine.data.pictures import PictureError, read, to_pixels

HOSTILE = Path(__file__).parents[3] / "shared" / "cases" / "hostile"  # beside the project, where they are at all
RED, GREY, WHITE = (255, 0, 0), (128, 128, 128), (255, 255, 255)


def gradient(width=8, height=5) -> Image.Image:
    """A picture that differs left from right and top from bottom."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack((x * 30, y * 60, 0 * x + 100), -1).astype(np.uint8))


def same(a: Image.Image, b: Image.Image) -> bool:
    return a.mode == b.mode == "RGB" and a.size == b.size and a.tobytes() == b.tobytes()


def saved(picture: Image.Image, path, **options):
    picture.save(path, **options)
    return path


# ── what is read rightly ──────────────────────────────────────────────────────────────────────────────────────────────


def test_png(tmp_path):
    path = saved(gradient(), tmp_path / "a.png")
    assert same(read(path), gradient())
    assert same(read(str(path)), gradient())
    assert same(read(Image.open(path)), gradient())


def test_one_pixel(tmp_path):
    assert same(read(saved(Image.new("RGB", (1, 1), RED), tmp_path / "a.png")), Image.new("RGB", (1, 1), RED))


def test_cmyk(tmp_path):
    path = saved(Image.new("RGB", (8, 8), RED).convert("CMYK"), tmp_path / "a.jpg", quality=95)
    assert Image.open(path).mode == "CMYK"
    assert np.abs(np.asarray(read(path), int) - RED).max() < 12


@pytest.mark.parametrize("mode, colour", [("L", 128), ("1", 1), ("LA", (128, 255)), ("YCbCr", (128, 128, 128))])
def test_other_modes(mode, colour):
    want = WHITE if mode == "1" else GREY
    assert read(Image.new(mode, (2, 2), colour)).getpixel((0, 0)) == want


@pytest.mark.parametrize("value, want", [(0, 0), (257, 1), (128 * 257, 128), (65535, 255)])
def test_sixteen_bits_are_scaled(tmp_path, value, want):
    picture = Image.fromarray(np.full((2, 2), value, np.uint16))
    for suffix in ("png", "tif"):
        path = saved(picture, tmp_path / f"a.{suffix}")
        assert Image.open(path).mode.startswith("I")
        assert read(path).getpixel((0, 0)) == (want,) * 3
    assert read(Image.fromarray(np.full((2, 2), value, np.int32))).getpixel((0, 0)) == (want,) * 3


@pytest.mark.parametrize("value, want", [(0.5, 128), (1.0, 255), (128.0, 128)])
def test_float_pictures(tmp_path, value, want):
    path = saved(Image.fromarray(np.full((2, 2), value, np.float32)), tmp_path / "a.tif")
    assert read(path).getpixel((0, 0)) == (want,) * 3


@pytest.mark.parametrize("mode, clear, half", [("RGBA", (255, 0, 0, 0), (255, 0, 0, 128)), ("LA", (0, 0), (0, 128))])
def test_transparency_lies_over_white(mode, clear, half):
    assert read(Image.new(mode, (2, 2), clear)).getpixel((0, 0)) == WHITE
    red = 255 if mode == "RGBA" else 127
    assert np.abs(np.subtract(read(Image.new(mode, (2, 2), half)).getpixel((0, 0)), (red, 127, 127))).max() <= 1


def test_palette_with_a_transparent_colour(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((1, 0), 1)
    plain = read(saved(picture, tmp_path / "a.png"))
    assert (plain.getpixel((0, 0)), plain.getpixel((1, 0))) == (RED, (0, 255, 0))
    clear = read(saved(picture, tmp_path / "b.png", transparency=1))
    assert (clear.getpixel((0, 0)), clear.getpixel((1, 0))) == (RED, WHITE)


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    path = saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert Image.open(path).n_frames == 3
    assert same(read(path), frames[0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = {
        1: gradient(),
        2: gradient().transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: gradient().rotate(180),
        4: gradient().transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: gradient().transpose(Image.Transpose.TRANSPOSE),
        6: gradient().rotate(-90, expand=True),
        7: gradient().transpose(Image.Transpose.TRANSVERSE),
        8: gradient().rotate(90, expand=True),
    }[orientation]
    path = saved(gradient(), tmp_path / "a.png", exif=exif)
    assert same(read(path), shown)
    assert same(read(Image.open(path)), shown)


def test_a_file_with_another_ending(tmp_path):
    picture = saved(gradient(), tmp_path / "a.png")
    assert same(read(picture.rename(tmp_path / "holiday.jpg")), gradient())


# ── arrays and tensors ────────────────────────────────────────────────────────────────────────────────────────────────

ARRAY = np.asarray(gradient())


@pytest.mark.parametrize(
    "array",
    [
        ARRAY,
        ARRAY.transpose(2, 0, 1),
        ARRAY / 255,
        (ARRAY / 255).astype(np.float32),
        ARRAY.astype(np.float64),
        ARRAY.astype(np.int64),
        ARRAY.astype(np.uint16) * 257,
        np.dstack((ARRAY, np.full(ARRAY.shape[:2], 255, np.uint8))),
        torch.from_numpy(ARRAY.copy()),
        torch.from_numpy(ARRAY.copy()).permute(2, 0, 1),
        torch.from_numpy(ARRAY.copy()).permute(2, 0, 1) / 255,
        torch.from_numpy(ARRAY.copy()).permute(2, 0, 1).float().requires_grad_(),
    ],
)
def test_ways_to_hold_the_same_picture(array):
    assert same(read(array), gradient())


@pytest.mark.parametrize(
    "array", [np.full((2, 3), 128, np.uint8), np.full((2, 3, 1), 128, np.uint8), torch.full((1, 2, 3), 128 / 255)]
)
def test_grey_arrays(array):
    assert same(read(array), Image.new("RGB", (3, 2), GREY))


def test_masks_and_half_precision():
    assert same(read(np.ones((2, 2), bool)), Image.new("RGB", (2, 2), WHITE))
    assert same(read(torch.ones(3, 2, 2, dtype=torch.bfloat16)), Image.new("RGB", (2, 2), WHITE))
    assert same(read(torch.ones(3, 2, 2, dtype=torch.float16)), Image.new("RGB", (2, 2), WHITE))


@pytest.mark.parametrize("shape", [(3, 40, 2), (3, 2, 40), (40, 2, 3), (2, 40, 3)])
def test_strips(shape):
    first = shape[0] == 3
    height, width = shape[1:] if first else shape[:2]
    assert read(np.zeros(shape, np.uint8)).size == (width, height)


def test_where_both_could_be_meant_tensors_have_their_channels_first():
    assert read(np.zeros((3, 8, 4), np.uint8)).size == (8, 3)
    assert read(torch.zeros(3, 8, 4, dtype=torch.uint8)).size == (4, 8)


def test_a_dark_picture_of_floats_stays_dark():
    assert read(np.full((2, 2, 3), 0.01)).getpixel((0, 0)) == (3, 3, 3)


# ── what is refused, in a sentence ────────────────────────────────────────────────────────────────────────────────────


def refused(source, said):
    with pytest.raises(PictureError, match=said) as error:
        read(source)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    refused(tmp_path / "nowhere.png", "there is no file .*nowhere.png")


def test_a_folder(tmp_path):
    refused(tmp_path, "is a folder; give one of the pictures in it")


def test_an_address():
    for address in ("https://example.org/a.png", Path("https://example.org/a.png"), "s3://bucket/a.png"):
        refused(address, "is an address; download the picture")


def test_zero_bytes(tmp_path):
    (tmp_path / "a.png").touch()
    refused(tmp_path / "a.png", "'a.png' is empty")


@pytest.mark.parametrize("content", [b"hello", b"\0" * 4000, b"%PDF-1.7 \n", b"GIF89a"])
def test_not_a_picture(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    refused(tmp_path / "a.jpg", "'a.jpg' is (not a picture|damaged or cut off)")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_truncated(tmp_path, suffix, kept):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    whole = saved(Image.fromarray(noise), tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"a.{suffix}").write_bytes(whole[: int(len(whole) * kept)])
    refused(tmp_path / f"a.{suffix}", "not a picture|damaged or cut off")


def png_header(width, height) -> bytes:
    """The start of a PNG that claims to be enormous."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(12_000, 12_000), (20_000, 20_000), (1_000_000, 1_000_000), (2_000_000_000, 1)])
def test_absurd_dimensions(tmp_path, size, recwarn):
    (tmp_path / "a.png").write_bytes(png_header(*size))
    refused(tmp_path / "a.png", "120 million pixels")
    assert not recwarn


def test_a_file_of_a_few_bytes_that_claims_to_be_huge(tmp_path):
    """A lossless WebP of one colour: 34 bytes, 478 MB once decoded."""
    path = HOSTILE / "bomb_119M_rgba.webp"
    if not path.is_file():
        pytest.skip("the hostile cases are not beside the project")
    refused(path, "in mode RGBA: decoded it takes 478 MB, more than the 120 MB allowed")


@pytest.mark.parametrize(
    "array, said",
    [
        (np.zeros((0, 4, 3), np.uint8), r"shape \[0, 4, 3\]"),
        (np.zeros((7, 8, 5), np.uint8), r"shape \[7, 8, 5\]"),
        (np.zeros(7, np.uint8), r"shape \[7\]"),
        (torch.zeros(2, 3, 8, 8), r"shape \[2, 3, 8, 8\] .* several go in a list"),
        (np.full((4, 4, 3), np.nan), "not numbers"),
        (np.full((4, 4, 3), -2.0), "run from -2 to -2"),
        (np.full((4, 4, 3), 1000.0), "to 1000"),
        (np.full((4, 4, 3), 300, np.int64), "to 300"),
        (np.full((4, 4), "x"), "<U1"),
        (np.zeros((4, 4), complex), "complex"),
    ],
)
def test_arrays_that_are_no_pictures(array, said):
    refused(array, said)


@pytest.mark.parametrize("thing", [None, 3, io.BytesIO(b"bytes"), [1, 2], {"a": 1}])
def test_other_things(thing):
    refused(thing, f"the bytes of a file, .* not {type(thing).__name__}")


def test_the_bytes_of_a_file_are_its_picture(tmp_path):
    """As services get them: nothing has to be written, and what is wrong is a `PictureError`, not one of Pillow's."""
    gradient(64, 48).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    for given in (data, bytearray(data), memoryview(data)):
        assert read(given).tobytes() == read(tmp_path / "a.jpg").tobytes()
    refused(b"no picture", "the picture is not a picture in a format that can be read here")
    refused(data[: len(data) * 3 // 4], "the picture is damaged or cut off")
    refused(b"", "the picture is empty")


# ── the detector's input ──────────────────────────────────────────────────────────────────────────────────────────────


def test_pixels_of_a_picture_that_has_the_size_already():
    pixels = to_pixels(gradient(64, 32), (32, 64))
    assert pixels.shape == (3, 32, 64) and pixels.dtype == torch.float32
    torch.testing.assert_close(pixels, torch.from_numpy(np.asarray(gradient(64, 32)) / 255).permute(2, 0, 1).float())


def test_pixels_are_a_plain_stretch():
    """No letterbox, no mean and standard deviation: a plain picture stays what it is, in any shape."""
    pixels = to_pixels(Image.new("RGB", (100, 37), (51, 102, 204)), (64, 96))
    assert pixels.shape == (3, 64, 96)
    torch.testing.assert_close(pixels, torch.tensor([0.2, 0.4, 0.8])[:, None, None].expand(3, 64, 96))


def test_shrinking_averages():
    """Antialiased: single white columns, one in four, become an even grey and not stripes."""
    stripes = np.zeros((64, 256, 3), np.uint8)
    stripes[:, ::4] = 255
    pixels = to_pixels(Image.fromarray(stripes), (32, 32))
    assert pixels[..., 2:-2].std() < 0.02
    assert pixels.mean().item() == pytest.approx(0.25, abs=0.02)


def test_the_same_resize_as_in_training():
    from dfine.data.transforms import Resize
    from dfine.trace.records import Target

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8))
    target = Target(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4))
    trained, _ = Resize((32, 64))(torch.from_numpy(np.array(picture)).permute(2, 0, 1), target)
    assert torch.equal(to_pixels(picture, (32, 64)), trained.float() / 255)


def test_a_picture_in_memory():
    buffer = io.BytesIO()
    gradient().save(buffer, "png")
    assert same(read(Image.open(buffer)), gradient())


@pytest.mark.parametrize("name", ["a.eps", "a.jpg", "a.png"])
def test_postscript_reaches_no_other_program(tmp_path, monkeypatch, name):
    """Whatever the file is called: Pillow would hand it to Ghostscript, which runs programs."""
    Image.new("RGB", (8, 8)).save(tmp_path / "b.eps", "EPS")
    (tmp_path / "b.eps").rename(tmp_path / name)
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("it was handed on"))
    refused(tmp_path / name, "is not a picture in a format that can be read here")
