"""Files that the page serves: they lie in Gradio's cache for an hour, and are written again if need be."""

from __future__ import annotations

import base64
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path

from gradio.data_classes import FileData
from gradio.processing_utils import save_bytes_to_cache, save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from dfine.page.shapes import file_in
from dfine.processes import InUseError, held

QUALITY = 88  # of the JPEG that is shown; the visitor's own file stays beside it
HERE = Path(__file__).parent


def jpeg(picture: Image.Image) -> bytes:
    """A picture as the bytes of a JPEG file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def inline(picture: Image.Image) -> str:
    """A picture as an address that holds it: shown once, and sent with what is said of it, sooner than a file."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg(picture)).decode()}"


@lru_cache(maxsize=64)
def _small(path: str, side: int) -> bytes:
    with Image.open(path) as picture:
        picture.draft("RGB", (side, side))
        small = picture.convert("RGB")
    small.thumbnail((side, side))
    return jpeg(small)


def thumbnail(path: str, side: int) -> dict:
    """A small copy of a picture of this project's or a dependency's, as the browser is told of it.

    Args:
        path: of the picture; not of a visitor's, which may be damaged.
        side: of the longer side, in pixels.
    """
    return described(write(_small(path, side), "thumbnail.jpg"), lambda: _small(path, side))


@contextmanager
def own_folder() -> Iterator[None]:
    """Keep uploads in a folder that no other page uses: in Gradio's, or, where one does, in a new one for this run."""
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder, "a page"))
        except InUseError as error:
            own = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{folder.name}-", ignore_cleanup_errors=True))
            stack.callback(os.environ.__setitem__, "GRADIO_TEMP_DIR", str(folder))
            os.environ["GRADIO_TEMP_DIR"] = own
            print(f"{error}; this page keeps its uploads in {own}", file=sys.stderr)
        yield


def write(data: bytes, name: str = "picture.jpg") -> str:
    """Write a file and return its path, which follows from its bytes and its name."""
    return save_bytes_to_cache(data, name, get_upload_folder())


def copy(path: str | Path) -> str:
    """Copy a file into the cache under its own name and return its path there."""
    return save_file_to_cache(str(path), cache_dir=get_upload_folder())


def uploaded(path: object) -> str | None:
    """The path, if it is that of a file among the uploads; None for anything else that a browser may say."""
    place = file_in(Path(get_upload_folder()), path)
    return str(place) if place else None


def described(path: str, again: Callable[[], bytes]) -> dict:
    """A JPEG of the cache as the browser is told of it; `again` makes its bytes anew if it has been deleted."""
    here = path if Path(path).is_file() else write(again(), Path(path).name)
    return FileData(path=here, mime_type="image/jpeg").model_dump()


def holds(path: str) -> bool:
    """Whether a file lies in the cache, where uploads do; of a path that may come from anybody."""
    return file_in(Path(get_upload_folder()), path) is not None


def resource(name: str) -> str:
    """A script or a style sheet of this folder."""
    return (HERE / name).read_text(encoding="utf-8")
