"""What a session keeps: bounded in size, and the same memory after fifty pictures as after ten."""

import gc
import os
import random
import tracemalloc

import pytest
from PIL import Image

pytest.importorskip("gradio")

from dfine.figures.picture import LIMIT
from dfine.page.models import Models
from dfine.page.runner import Runner

SIZES = random.Random(0)


@pytest.fixture(scope="module")
def look():
    return Runner(Models("demo", device="cpu")).answer


@pytest.fixture
def picture(tmp_path):
    """A function that writes a picture of a random size, always under the same name."""

    def write():
        size = (SIZES.randint(20, 1600), SIZES.randint(20, 1600))
        colour = tuple(SIZES.randrange(256) for _ in range(3))
        path = tmp_path / "picture.png"
        Image.new("RGB", size, colour).save(path, compress_level=0)
        return str(path), size

    return write


def test_fifty_pictures_of_any_size_leave_memory_flat(look, picture):
    """Counted twice: what Python has allocated, and what the process holds, which torch's buffers are part of."""

    def held():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    if not os.path.exists("/proc/self/statm"):
        pytest.skip("memory of a process is read from /proc")
    for _ in range(10):
        look(picture()[0], "")
    tracemalloc.start()
    try:
        before, process = tracemalloc.get_traced_memory()[0], held()
        for _ in range(40):
            look(picture()[0], "")
        gc.collect()
        grown = (tracemalloc.get_traced_memory()[0] - before) / 1e6
    finally:
        tracemalloc.stop()
    assert grown < 5  # megabytes; one kept picture alone may take more
    assert held() - process < 60  # forty kept pictures with their traces take over 100


def test_a_session_keeps_a_small_picture_and_the_size_of_the_large_one(look, tmp_path):
    path = tmp_path / "large.png"
    Image.new("RGB", (3000, 2000)).save(path)
    seen = look(str(path), "")
    assert max(seen.picture.size) <= LIMIT and seen.size == (3000, 2000)
    assert seen.point(*seen.picture.size) == (3000.0, 2000.0)
    assert seen.result.trace.last.boxes.device.type == "cpu"
