"""Inputs take what visitors send as it is."""

from types import SimpleNamespace

import pytest

gr = pytest.importorskip("gradio")

from dfine.page.inputs import as_files, as_path, within


def test_a_picture_is_handed_on_by_its_path():
    image = as_path(gr.Image(type="filepath"))
    assert image.preprocess(None) is None
    assert image.preprocess(SimpleNamespace(path="/tmp/damaged.png")) == "/tmp/damaged.png"


@pytest.mark.parametrize("given, taken", [(None, 0.5), (0, 0.05), (2, 0.95), (0.7, 0.7)])
def test_numbers_are_taken_as_the_nearest_allowed(given, taken):
    assert within(gr.Number(), 0.05, 0.95, 0.5).preprocess(given) == taken


def test_files_come_with_their_names():
    button = as_files(gr.UploadButton())
    one, two = SimpleNamespace(path="/tmp/a.png", orig_name="A.png"), SimpleNamespace(path="/tmp/b.png", orig_name=None)
    assert button.preprocess(None) == []
    assert button.preprocess(one) == [("/tmp/a.png", "A.png")]
    assert button.preprocess(SimpleNamespace(root=[two, one])) == [("/tmp/b.png", "b.png"), ("/tmp/a.png", "A.png")]
