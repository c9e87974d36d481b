"""Files that the page serves: kept in its cache, told to the browser, deleted after an hour and written again."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from gradio.data_classes import FileData
from gradio.processing_utils import save_bytes_to_cache, save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

QUALITY = 88  # of the JPEG that is shown; the visitor's own file stays beside it
HERE = Path(__file__).parent


def jpeg(picture: Image.Image) -> bytes:
    """A picture as the bytes of a JPEG file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def keep(data: bytes, name: str = "picture.jpg") -> str:
    """Write a file, and say where it is: its bytes and its name determine the path."""
    return save_bytes_to_cache(data, name, get_upload_folder())


def sent(file: str, again: Callable[[], bytes]) -> dict:
    """A kept JPEG as the browser is told of it; written `again` where it has been deleted meanwhile."""
    path = file if Path(file).is_file() else keep(again(), Path(file).name)
    return FileData(path=path, mime_type="image/jpeg").model_dump()


def copy(path: Path) -> str:
    """Put a file among those that are served, under its own name, and say where it is then."""
    return save_file_to_cache(path, cache_dir=get_upload_folder())


def text(name: str) -> str:
    """A script or style sheet of this folder."""
    return (HERE / name).read_text(encoding="utf-8")
