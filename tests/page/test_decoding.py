"""Pictures are read a few at a time, and given up when they take too long."""

import threading

import pytest
from PIL import Image

pytest.importorskip("gradio")

from dfine.data.pictures import PictureError, read
from dfine.page.decoding import Decoder


def test_it_reads_as_the_library_does(tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((60, 40), 90).convert("RGBA").save(path)
    assert Decoder()(path).tobytes() == read(path).tobytes()
    path.write_bytes(b"no picture")
    with pytest.raises(PictureError, match="'a.png' is not a picture"):
        Decoder()(path)


def test_who_takes_too_long_is_given_up_and_no_more_are_read_at_once():
    """Two slow pictures hold both threads; a third is not begun, and is not read later either."""
    go, begun = threading.Event(), []

    def slow(path):
        begun.append(path)
        go.wait(20)

    decode = Decoder(at_once=2, patience=0.2, read=slow)
    for name in ("a", "b", "c"):
        with pytest.raises(PictureError, match=f"'{name}' took longer than 0 s to read"):
            decode(name)
    go.set()
    decode._threads.shutdown()
    assert begun == ["a", "b"]
