import contextlib
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

import dfine
from dfine.data.pictures import PictureError
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.inference.predictor import Predictor, Result
from dfine.network.detector import DFINE
from tests.helpers import NAMES, NoDoubles, noise, predictor


def test_no_pictures(model):
    assert model([]) == []


def test_one_picture(model):
    result = model(noise(), threshold=0)
    assert isinstance(result, Result)
    assert len(result.detections) == 60
    assert result.detections.size == result.picture.size == (120, 80)
    assert result.trace.last.boxes.shape == (1, 20, 4)
    assert result.trace.last.boxes.device.type == "cpu" and not result.trace.last.boxes.requires_grad
    w, h = result.picture.size
    assert (result.detections.boxes >= 0).all()
    assert (result.detections.boxes <= torch.tensor([w, h, w, h])).all()


def test_the_same_picture_gives_an_equal_result(model):
    assert model(noise(), threshold=0) == model(noise(), threshold=0) != model(noise(), threshold=1)
    assert model(noise()) != model(noise(1))


def test_ways_to_give_a_picture(model, tmp_path):
    noise().save(tmp_path / "a.png")
    array = np.asarray(noise())
    ways = [tmp_path / "a.png", str(tmp_path / "a.png"), array, torch.from_numpy(array.copy()).permute(2, 0, 1)]
    want = model(noise(), threshold=0).detections
    for way in ways:
        assert torch.equal(model(way, threshold=0).detections.boxes, want.boxes)


def test_a_list_gives_a_list_that_agrees_with_single_pictures(model):
    pictures = [noise(i, (100 + 10 * i, 80)) for i in range(10)]  # more than one batch
    together = model(pictures, threshold=0)
    assert [r.picture.size for r in together] == [p.size for p in pictures]
    for i in (0, 7, 8, 9):
        alone = model(pictures[i], threshold=0)
        torch.testing.assert_close(together[i].detections.scores, alone.detections.scores, rtol=1e-4, atol=1e-5)
        assert together[i].trace.origin.shape == (1, 20)


def test_the_threshold(model):
    everything = model(noise(), threshold=0).detections
    cut = everything.scores[10].item()
    found = model(noise(), threshold=cut).detections
    assert len(found) == 11 and (found.scores >= cut).all()
    assert len(model(noise(), threshold=1).detections) == 0


@pytest.mark.parametrize("threshold", [-0.1, 1.5, 50, None, "0.5"])
def test_a_threshold_that_is_no_score(model, threshold):
    with pytest.raises(ValueError, match="between 0 and 1"):
        model(noise(), threshold=threshold)


def test_what_is_no_picture(model, tmp_path):
    with pytest.raises(PictureError, match="no file"):
        model([noise(), tmp_path / "nowhere.png"])


def test_a_detection_has_its_history(model):
    result = model(noise(), threshold=0)
    for index in (0, 5, 59):
        history = result.history(index)
        assert history.name == result.detections.class_names[index]
        assert history.size == (120, 80)
        torch.testing.assert_close(history.scores[-1], result.detections.scores[index])
        clipped = history.xyxy_pixels[-1].clamp(min=0).minimum(torch.tensor([120.0, 80.0, 120.0, 80.0]))
        torch.testing.assert_close(clipped, result.detections.boxes[index])


@pytest.mark.parametrize("index", [-1, 60, "cat"])
def test_there_is_no_such_detection(model, index):
    with pytest.raises(IndexError, match=f"no detection {index!r}; there are 60"):
        model(noise(), threshold=0).history(index)


def test_the_network_of_a_model_is_the_network(model):
    trace = model.network(torch.rand(2, 3, 64, 64))
    assert len(trace.refinements) == model.config.layers == 3
    assert trace.refinements[0].edges.shape == (2, 20, 4, 33)


@pytest.mark.parametrize("size", [64, "64", (64,), (0, 64), (64, 100), (31, 31), (64, 64, 3), (64.0, 64)])
def test_an_input_size_that_cannot_be(model, size):
    with pytest.raises(ValueError, match="multiples of 32"):
        predictor(model.network, NAMES, size)


@pytest.mark.parametrize("names", [(), ("cat",), (*NAMES, "bird")])
def test_names_that_do_not_fit(model, names):
    with pytest.raises(ValueError, match=f"3 classes, but names= has {len(names)}"):
        predictor(model.network, names)


def test_an_unnamed_column_is_never_reported(model):
    quiet = predictor(model.network, ("", "dog", "fish"), (64, 96))
    found = quiet(noise(), threshold=0).detections
    assert len(found) == 40 and set(found.class_names) == {"dog", "fish"}
    assert "2 classes" in repr(quiet)


# ── devices ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Small:
    """An engine on a device that has no room for more than `most` pictures, until its network is on the CPU."""

    def __init__(self, model, message="MPS backend out of memory (allocated 1 GB)", most=0):
        self.engine, self.message, self.most = model.engine, message, most
        self.config, self.w, self.layers, self.runs_on = model.config, model.engine.w, model.engine.layers, "torch"
        self.device, self.network, self.sizes = torch.device("mps"), self, []

    def to(self, device):
        self.device = torch.device(device)
        return self

    def __call__(self, pixels, layers=None):
        self.sizes.append(len(pixels))
        if self.device.type != "cpu" and len(pixels) > self.most:
            raise RuntimeError(self.message)
        return self.engine(pixels, layers)


def test_out_of_memory_goes_on_with_the_cpu_and_says_so(model):
    want = model(noise(), threshold=0).detections.boxes
    small = Predictor(Small(model), model.card)
    with pytest.warns(UserWarning, match="mps ran out of memory; going on with the CPU"):
        result = small(noise(), threshold=0)
    assert torch.equal(result.detections.boxes, want)
    assert small.device.type == "cpu"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(noise())  # once is enough


def test_a_batch_that_does_not_fit_is_halved_and_stays_on_the_device(model):
    want = model([noise()] * 3, threshold=0)
    engine = Small(model, most=1)
    narrow = Predictor(engine, replace(model.card, temperature=(1.0, 2.0, 3.0, 4.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = narrow([noise()] * 3, threshold=0)
    assert engine.sizes == [3, 1, 2, 1, 1]
    assert narrow.device.type == "mps"
    for a, b in zip(results, want):
        torch.testing.assert_close(a.detections.boxes, b.detections.boxes)
        assert a.trace.temperature.tolist() == [1, 2, 3, 4]


def test_what_did_not_fit_is_gone_before_it_is_tried_in_halves(model):
    held, alive = weakref.WeakSet(), []

    class Activation:
        pass

    class Holding(Small):
        def __call__(self, pixels, layers=None):
            alive.append(len(held))
            kept = Activation()  # what lives in the frame that failed
            held.add(kept)
            return super().__call__(pixels, layers)

    assert len(Predictor(Holding(model, most=1), model.card)([noise()] * 4, threshold=0)) == 4
    assert alive == [0] * 7


def test_predictors_of_one_network_follow_it(model):
    network = DFINE(model.config)
    first, second = predictor(network, NAMES), predictor(network, NAMES)
    first.network.to("meta")  # as if another one of them went on with another device
    assert second.device.type == "meta"


def test_a_network_without_a_fast_copy_needs_no_double_precision(model):
    plain = model.with_engine(TorchEngine(model.network, TorchOptions(fast=False)))
    with NoDoubles():
        trace = plain.trace(torch.rand(2, 3, 64, 96), sampling=True)
        assert trace.last.boxes.isfinite().all()
        assert plain.look([noise()], torch.rand(1, 3, 64, 64), 0.0)[0].detections


def test_other_errors_of_a_device_are_not_hidden(model):
    small = Predictor(Small(model, "an illegal memory access was encountered"), model.card)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        small(noise())


@pytest.mark.parametrize(
    "pixels",
    [
        torch.rand(3, 64, 64),
        torch.rand(0, 3, 64, 64),
        torch.rand(1, 4, 64, 64),
        torch.zeros(1, 3, 64, 64, dtype=torch.uint8),
        np.zeros((1, 3, 64, 64), np.float32),
    ],
)
def test_pixels_that_are_none_are_one_sentence(model, pixels):
    with pytest.raises(ValueError, match=r"pixels must be floats \[B, 3, H, W\] in 0..1 of at least one picture, not"):
        model.trace(pixels)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_pixels_of_another_precision_are_seen(model, dtype):
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)).to(dtype)
    assert torch.equal(model.trace(pixels).last.boxes, model.trace(pixels.float()).last.boxes)


@contextlib.contextmanager
def types(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize(
    "setting",
    [
        lambda: types(torch.float64),
        lambda: types(torch.bfloat16),
        lambda: torch.device("meta"),
        lambda: torch.autocast("cpu", torch.bfloat16),
    ],
)
def test_what_a_program_has_set_in_torch_changes_no_answer(model, tmp_path, setting):
    """As a notebook that counts in double precision, or an evaluation inside of autocast."""
    table = ((0.0, 0.1, 0.9), (0.0, 0.15, 0.85))
    model = Predictor(model.engine, replace(model.card, threshold=0.4, levels=table))
    place, want = model.save(tmp_path), model(noise(), "best")
    with setting():
        for one in (model, dfine.load(place, device="cpu"), dfine.load(place, device="cpu", fast=False)):
            found = one(noise(), "best")
            for a, b in zip(found.trace.tensors(), want.trace.tensors(), strict=True):
                assert a.dtype == b.dtype and a.device == b.device
                assert torch.allclose(a, b, atol=1e-4)
            last, before = found.history(0), want.history(0)
            for key in ("deviations", "entropies", "probabilities", "calibrated"):
                torch.testing.assert_close(getattr(last, key), getattr(before, key), atol=1e-3, rtol=1e-3)


def test_threads_that_ask_one_model_get_what_each_would_get_alone():
    """As in a service: pictures of several sizes, some of them none, at once."""
    model = dfine.load("photos", device="cpu")
    asked = [noise(i, (40 + 30 * i, 200 - 20 * i)) for i in range(6)] + [b"no picture", b""]

    def answer(picture):
        try:
            return model(picture, threshold=0)
        except PictureError as error:
            return str(error)

    alone = [answer(picture) for picture in asked]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(answer, asked * 3))
    assert together == alone * 3 and sum(isinstance(one, str) for one in alone) == 2
