"""Pictures are decoded a few at a time, in processes that end with those that take too long or break them."""

import io
import sys
import threading

import pytest
from PIL import Image

pytest.importorskip("gradio")

from dfine.data.pictures import PictureError, read
from dfine.page.decoding import Decoder, InTime

PATIENCE = 120.0  # seconds: on a busy machine, a process takes longer to begin than a visitor would wait


@pytest.fixture(scope="module")
def decode():
    decode = Decoder(at_once=1, patience=PATIENCE)
    yield decode
    decode.close()


def endless() -> bytes:
    """A progressive JPEG of 600 kB that repeats its last pass 50,000 times: a minute of work in native code."""
    file = io.BytesIO()
    Image.new("L", (1000, 1000), 128).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    again = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + again * 50_000 + whole[-2:]


def test_it_reads_as_the_library_does_and_keeps_its_process(decode, tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((60, 400), 90).convert("RGBA").save(path)
    assert decode(path).tobytes() == read(path).tobytes()
    (process,) = decode._idle
    path.write_bytes(b"no picture")
    with pytest.raises(PictureError, match="'a.png' is not a picture"):
        decode(path)
    assert decode._idle == [process] and process.poll() is None


def test_what_keeps_a_decoder_busy_ends_with_it(decode, tmp_path):
    """And a second one, which waits for the same place, is told as well; the next picture is read."""
    (tmp_path / "a.jpg").write_bytes(endless())
    Image.new("RGB", (4, 4), "red").save(tmp_path / "b.png")
    decode(tmp_path / "b.png")
    (process,), said = decode._idle, []

    def late(name):
        with pytest.raises(PictureError, match=f"'{name}' took longer than [01] s to read"):
            decode(tmp_path / name)
        said.append(name)

    decode.patience = 1.0
    try:
        other = threading.Thread(target=late, args=["b.png"])
        first = threading.Thread(target=late, args=["a.jpg"])
        first.start()
        while first.is_alive() and decode._places.acquire(blocking=False):  # until the first one has the only place
            decode._places.release()
        decode.patience = 0.1
        other.start()
        first.join()
        other.join()
    finally:
        decode.patience = PATIENCE
    assert sorted(said) == ["a.jpg", "b.png"] and process.returncode is not None
    assert decode(tmp_path / "b.png").getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("does", ["sys.exit(3)", "print('[1')", 'print(\'{"size": [9, 9], "turn": 1}\\nabc\')'])
def test_what_breaks_a_decoder_is_a_sentence(tmp_path, does):
    program = [sys.executable, "-c", f"import sys; sys.stdin.readline(); {does}"]
    broken = Decoder(patience=PATIENCE, program=program)
    with pytest.raises(PictureError, match="'a.png' cannot be decoded: it broke its decoder"):
        broken(tmp_path / "a.png")
    assert not broken._idle


def test_a_few_bytes_that_ask_for_gigabytes_are_said_to_be_too_large(tmp_path):
    """A WebP of 119 million pixels with transparency, in 34 bytes; its decoder asks for all its memory at once."""
    head = bytes.fromhex("524946461a000000574542505650384c0d0000002ffeff2017071011118888fe0700")
    (tmp_path / "a.webp").write_bytes(head)
    reading = Decoder(at_once=1, patience=PATIENCE)
    with pytest.raises(PictureError, match="'a.webp' is .*too large|more than"):
        reading(tmp_path / "a.webp")
    reading.close()


def test_a_call_that_takes_too_long_is_given_up_and_no_more_are_made_at_once():
    """Two slow calls hold both threads; a third is not begun, and is not made later either."""
    go, begun = threading.Event(), []

    def slow(path):
        begun.append(path)
        go.wait(120)

    plan = InTime(slow, patience=0.9)
    for name in ("a", "b", "c"):
        with pytest.raises(PictureError, match=f"'{name}' took longer than 1 s to read"):
            plan(name)
    go.set()
    plan._threads.shutdown()
    assert begun == ["a", "b"]
