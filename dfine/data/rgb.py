"""Files, PIL images and arrays as upright 8-bit RGB, or one sentence that says why not.

It imports no torch, so that a process that only decodes starts in a moment (`dfine.data.decoder`).
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from dfine.paths import ADDRESS

# Formats that Pillow, or a plug-in of it, reads by itself. EPS is not among them: it would go to another program.
FORMATS = frozenset(
    "AVIF BLP BMP CUR DCX DDS DIB FITS FLI FTEX GBR GIF HEIF ICNS ICO IM JPEG JPEG2000 MSP PCD PCX PIXAR PNG PPM PSD "
    "QOI SGI SPIDER SUN TGA TIFF WEBP XBM XPM XVTHUMB".split()
)
_ONE = threading.Lock()
MAX_PIXELS = 120_000_000  # above a 108-megapixel phone; a file of a few kilobytes can claim to be far larger
MAX_BYTES = 360_000_000  # decoded: pixels x channels x bytes of a channel
COSTLIER = {"transparent": 3, "deep": 6}  # times as much memory goes into making 8-bit RGB of such pictures
LONGEST = 500  # letters of a path that a sentence repeats
STRIP = 256  # rows that are laid over white at a time
CHANNELS = (1, 2, 3, 4)  # grey, grey + alpha, RGB, RGB + alpha
PLANES = (1, 3, 4)  # the same where they come first
# What the EXIF orientations mean: how to turn rows, and whether they go to the far end of what they become.
TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, False),
    3: (Image.Transpose.ROTATE_180, True),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, True),
    5: (Image.Transpose.TRANSPOSE, False),
    6: (Image.Transpose.ROTATE_270, True),
    7: (Image.Transpose.TRANSVERSE, True),
    8: (Image.Transpose.ROTATE_90, False),
}
SIDEWAYS = (5, 6, 7, 8)  # for which width and height change places
ORIENTED = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")  # where Pillow keeps what says so


class PictureError(ValueError):
    """What was given is not a picture that can be read; the message says why, in a sentence."""


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    Image.init()
    with contextlib.suppress(ImportError):
        from pi_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
    return tuple(sorted(FORMATS & Image.OPEN.keys()))


def formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this installation of Pillow knows; with `pi-heif` also HEIC, which phones write."""
    with _ONE:  # Pillow's tables grow the first time
        return _formats()


def from_file(source: str | os.PathLike) -> Image.Image:
    """The picture in a file."""
    with opened(source) as picture:
        return _upright(picture, _name(source), own=True)


def from_bytes(data: bytes, name: str = "the picture") -> Image.Image:
    """The picture in the bytes of a file."""
    if not data:
        raise PictureError(f"{name} is empty (0 bytes)")
    with _explained(name), Image.open(io.BytesIO(data), formats=formats()) as picture:
        _load(picture, name)
        return _upright(picture, name, own=True)


def head(source: str | os.PathLike) -> tuple[tuple[int, int], int]:
    """Width and height of the picture in a file as it is stored, and its `orientation`; the pixels are not read."""
    with _explained(str(source)), Image.open(source, formats=formats()) as picture:
        return picture.size, orientation(picture)


def orientation(picture: Image.Image) -> int:
    """How a picture is stored, as EXIF counts it; 1, upright, too where that is not said or cannot be read."""
    try:
        said = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data raise nearly anything, and cost no picture
        return 1
    return said if said in TURNS else 1


@contextlib.contextmanager
def opened(source: str | os.PathLike, check: Callable[[Image.Image, str], None] | None = None) -> Iterator[Image.Image]:
    """The picture in a file, decoded, as it is stored; what goes wrong while it is used becomes a sentence as well.

    Args:
        source: the file.
        check: is given the picture before it is decoded, and its name; may raise PictureError.
    """
    path, name = Path(source), _name(source)
    if not _is_there(path):
        if ADDRESS.match(str(source)):
            raise PictureError(f"{str(source)[:LONGEST]} is an address; download the picture and give its path")
        raise PictureError(f"there is no file {str(source)[:LONGEST]!r}")
    if path.is_dir():
        raise PictureError(f"{name} is a folder; give one of the pictures in it")
    if not path.is_file():
        raise PictureError(f"there is no file {str(source)!r}")
    if not path.stat().st_size:
        raise PictureError(f"{name} is empty (0 bytes)")
    with _explained(name), Image.open(path, formats=formats()) as picture:
        if check:
            check(picture, name)
        _load(picture, name)
        yield picture


def rgb(picture: Image.Image, name: str) -> Image.Image:
    """Any PIL image as upright 8-bit RGB; never the image itself."""
    with _explained(name):
        _load(picture, name)
        return _upright(picture, name)


def _is_there(path: Path) -> bool:
    """Whether there is such a file or folder; of a name that is too long, or has a null byte, there is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _name(source: str | os.PathLike) -> str:
    return f"{Path(source).name!r}"


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Pillow's complaints as sentences, without its warning about large pictures: `rgb` has its own limit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(
            f"{name} is not a picture in a format that can be read here; save it as JPEG or PNG"
        ) from None
    except Image.DecompressionBombError:
        raise PictureError(_too_large(name)) from None
    except MemoryError:
        raise PictureError(f"{name} takes more memory to decode than there is; scale it down first") from None
    except PermissionError:
        raise PictureError(f"{name} may not be read: permission denied") from None
    except Exception as error:  # decoders raise nearly anything on a damaged file: OSError, SyntaxError, ValueError …
        if "decoder object" in str(error):  # of WebP, whose decoder asks for all its memory at once
            said = "is damaged or cut off, or too large to be decoded here; download it again, or scale it down first"
            raise PictureError(f"{name} {said}") from None
        raise PictureError(f"{name} is damaged or cut off ({error}); save or download it again") from None


def _too_large(name: str, size: tuple[int, int] | None = None) -> str:
    claimed = f" is {size[0]} x {size[1]} pixels," if size else " has"
    return f"{name}{claimed} more than the {MAX_PIXELS // 1_000_000} million pixels allowed; scale it down first"


def _load(picture: Image.Image, name: str) -> None:
    """Decode a picture, unless its head says that it is too large."""
    if picture.width * picture.height > MAX_PIXELS:
        raise PictureError(_too_large(name, picture.size))
    if not picture.width or not picture.height:
        raise PictureError(f"{name} has no pixels: it is {picture.width} x {picture.height}")
    _check_bytes(picture, name)
    picture.load()


def _upright(picture: Image.Image, name: str, own: bool = False) -> Image.Image:
    """A decoded picture as 8-bit RGB, turned as its EXIF data say; a copy, but of an `own` one.

    What said how it is turned is left out of a turned one. PIL's own function writes it anew, and cannot write all that
    cameras do.
    """
    turn = orientation(picture)
    if turn in TURNS:
        picture, own = picture.transpose(TURNS[turn][0]), True
        for key in ORIENTED:
            picture.info.pop(key, None)
    return flat(picture, name, own)


def flat(picture: Image.Image, name: str = "the picture", own: bool = True) -> Image.Image:
    """A decoded picture, or rows of one that is not `deep`, as 8-bit RGB, not turned; a copy, but of an `own` one."""
    if deep(picture):  # PIL's own conversion clips to white
        return from_array(np.asarray(picture), name, whole=picture.mode == "I")
    if _transparent(picture):
        return _over_white(picture)
    return picture if own and picture.mode == "RGB" else picture.convert("RGB")


def deep(picture: Image.Image) -> bool:
    """Whether it has 16 or 32 bits, of which the whole picture says how they are to be scaled."""
    return picture.mode.startswith(("I", "F"))


def _transparent(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info


def _over_white(picture: Image.Image) -> Image.Image:
    """A picture with transparency, laid over white as RGB, strip by strip so that no second copy of it is needed."""
    width, height = picture.size
    page = Image.new("RGB", (width, height))
    for top in range(0, height, STRIP):
        strip = picture.crop((0, top, width, min(top + STRIP, height))).convert("RGBA")
        white = Image.new("RGBA", strip.size, "white")
        page.paste(Image.alpha_composite(white, strip).convert("RGB"), (0, top))
    return page


def _check_bytes(picture: Image.Image, name: str) -> None:
    """Refuse what would take too much memory, by what the file's head says: a few bytes can claim any size."""
    kind = "deep" if deep(picture) else "transparent" if _transparent(picture) else ""
    depth = {"I": 4, "F": 4}.get(picture.mode, 2 if picture.mode.startswith("I;16") else 1)
    size = picture.width * picture.height * len(picture.getbands()) * depth
    limit = MAX_BYTES // COSTLIER.get(kind, 1)
    if size > limit:
        raise PictureError(
            f"{name} is {picture.width} x {picture.height} pixels in mode {picture.mode}: decoded it takes "
            f"{size / 1e6:.0f} MB, more than the {limit / 1e6:.0f} MB allowed; scale it down first"
        )


def from_array(array: np.ndarray, name: str = "the array", *, planes: bool = False, whole: bool = False) -> Image.Image:
    """[H, W], [H, W, C] or [C, H, W] of any number type as RGB.

    Where both could be meant, as for [3, 8, 3], `planes` takes the first axis for the channels, as tensors have them.
    `whole` says that 32-bit integers hold 16-bit grey.
    """
    shape = list(array.shape)
    if array.ndim == 3 and shape[0] in PLANES and (planes or shape[2] not in PLANES):
        array = array.transpose(1, 2, 0)
    if array.size and array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not array.size or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in CHANNELS):
        kinds = "[H, W], [H, W, 3], [H, W, 4] or [3, H, W]" + ("; several go in a list" if array.ndim == 4 else "")
        raise PictureError(f"{name} has shape {shape} and is not a picture; expected {kinds}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PictureError(_too_large(name, (array.shape[1], array.shape[0])))
    mode = {2: "LA", 3: "RGB", 4: "RGBA"}[array.shape[2]] if array.ndim == 3 else "L"
    eight = np.ascontiguousarray(_eight_bits(array, name, whole))
    return rgb(Image.frombytes(mode, (eight.shape[1], eight.shape[0]), eight.tobytes()), name)


def _eight_bits(array: np.ndarray, name: str, whole: bool) -> np.ndarray:
    """Numbers of any type as uint8, scaled by what the type (or, for floats and large integers, the range) says."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array * np.uint8(255)
    if array.dtype.kind not in "uif":
        raise PictureError(f"{name} holds {array.dtype}; expected uint8, or floats in 0..1")
    low, high = float(array.min()), float(array.max())
    if not np.isfinite((low, high)).all():
        raise PictureError(f"{name} holds values that are not numbers (NaN or infinity)")

    if array.dtype.kind == "f":
        full = 1.0 if high <= 1.001 else 255.0  # a resize may overshoot 1 a little
    else:
        full = 65535.0 if whole or array.dtype.itemsize == 2 and array.dtype.kind == "u" else 255.0
    if low < -0.001 * full or high > full * 1.001:
        raise PictureError(
            f"the values of {name} run from {low:g} to {high:g}; expected 0..{full if full > 1 else 255:g}, "
            "or floats in 0..1 (without mean and standard deviation taken off)"
        )
    return (array.astype(np.float32) * (255 / full)).round().clip(0, 255).astype(np.uint8)
