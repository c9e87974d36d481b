"""Many pictures come out in order, the broken ones named, and memory does not grow with their number."""

import weakref

import pytest
import torch
from PIL import Image

import dfine
from dfine.data.pictures import PictureError
from dfine.engines.onnx.export import Options, export
from dfine.inference.stream import READERS, roomy, stream
from tests.helpers import small_predictor


@pytest.fixture(scope="module")
def model():
    return small_predictor(("cup", "key", "bus"))


@pytest.fixture
def paths(tmp_path):
    files = [tmp_path / f"{i}.png" for i in range(5)]
    for i, path in enumerate(files):
        Image.new("RGB", (40 + i, 30), (40 * i, 90, 200)).save(path)
    return files


def test_no_pictures(model):
    assert list(stream(model, [])) == []


@pytest.mark.parametrize("batch", [None, 1, 2, 5, 9])
def test_results_come_in_order_and_equal_those_of_single_pictures(model, paths, batch):
    seen = list(stream(model, paths, 0.0, batch=batch))
    assert [s.path for s in seen] == paths
    for s in seen:
        alone = model(s.path, 0.0)
        torch.testing.assert_close(s.result.detections.scores, alone.detections.scores, rtol=1e-4, atol=1e-5)
        assert s.result.picture.size == s.result.detections.size == alone.picture.size


def test_a_broken_picture_is_named_and_the_others_go_on(model, paths):
    paths[1].write_bytes(b"no picture")
    missing = paths[0].with_name("gone.png")
    seen = list(stream(model, [*paths[:3], missing], batch=3))
    assert [s.result is None for s in seen] == [False, True, False, True]
    assert isinstance(seen[1].error, PictureError) and paths[1].name in str(seen[1].error)
    assert "gone.png" in str(seen[3].error)


def test_the_same_picture_twice(model, paths):
    assert len(list(stream(model, [paths[0]] * 4, batch=4))) == 4


def test_a_batch_of_none_is_refused(model, paths):
    with pytest.raises(ValueError, match="at least one picture, not 0"):
        stream(model, paths, batch=0)


def test_what_cannot_be_streamed_is_refused_in_a_sentence(model, paths):
    with pytest.raises(ValueError, match="between 0 and 1, or 'best', not 7"):
        stream(model, paths, 7)
    for single in (str(paths[0]), paths[0]):  # whose letters would be taken for paths
        with pytest.raises(TypeError, match=r"give a list: \['.*0\.png'\]"):
            stream(model, single)
    seen = stream(model, [paths[0], Image.new("RGB", (8, 8))], batch=1)
    with pytest.raises(TypeError, match="takes paths, not Image; pictures of other kinds go into the model"):
        list(seen)


def test_only_a_few_pictures_are_held_at_a_time(model, paths):
    held, most = [], 0
    for s in stream(model, paths * 5, batch=2):
        held = [ref for ref in held if ref() is not None] + [weakref.ref(s.result.picture)]
        del s
        most = max(most, sum(ref() is not None for ref in held))
    assert most <= 3 * 2


def test_stopping_early_reads_no_further(model, paths):
    asked = []

    def names():
        for path in paths * 50:
            asked.append(path)
            yield path

    results = stream(model, names(), batch=2)
    next(results)
    results.close()
    assert len(asked) <= 3 * 2 + READERS


def test_a_cpu_takes_one_at_a_time(model):
    assert roomy(model) == 1


def test_an_exported_file_gets_as_many_as_it_takes(model, paths, tmp_path):
    """It would be filled up with empty ones, and take as long for a single picture."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    export(model.network, model.card, tmp_path / "three.onnx", Options(batch=3))
    exported = dfine.load(tmp_path / "three.onnx", device="cpu")
    runs, run = [], exported.engine.session.run
    exported.engine.session.run = lambda outputs, feed: runs.append(len(feed["images"])) or run(outputs, feed)
    seen = list(stream(exported, paths, 0.0))
    assert runs == [3, 3] and [s.path for s in seen] == paths
    several = exported(paths[:3], 0.0)
    assert runs == [3, 3, 3]
    for one, s in zip(several, seen):
        torch.testing.assert_close(s.result.detections.scores, one.detections.scores, rtol=1e-4, atol=1e-5)
