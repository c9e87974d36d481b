import json
from dataclasses import replace

import pytest
import torch

from dfine import distribution
from dfine.trace.card import Card
from dfine.trace.disk import About, load_trace, save_trace
from dfine.trace.records import Estimate, Refinement, Trace
from dfine.version import VERSION
from tests.helpers import full_card

ABOUT = About(Card(("cat", "dog"), (96, 128), "demo", "0123abcd"), (64, 48), "a.png", "OpenVINO 1", "bfloat16")


def trace(queries=5, layers=3, pictures=1, classes=2):
    torch.manual_seed(0)

    def draw(*shape):
        return torch.randn(pictures, queries, *shape)

    def estimate():
        return Estimate(draw(classes), draw(4).sigmoid())

    def refine():
        return Refinement(draw(classes), draw(1), draw(4, 33), draw(4).sigmoid())

    origin = torch.arange(queries).expand(pictures, -1)
    return Trace(
        estimate(),
        estimate(),
        tuple(refine() for _ in range(layers)),
        origin,
        ((6, 8), (3, 4)),
        distribution.weighting(),
    )


def assert_same(a, b):
    for name in ("proposals", "initial"):
        assert torch.equal(getattr(a, name).logits, getattr(b, name).logits)
        assert torch.equal(getattr(a, name).boxes, getattr(b, name).boxes)
    assert len(a.refinements) == len(b.refinements)
    for r, s in zip(a.refinements, b.refinements):
        assert all(torch.equal(getattr(r, k), getattr(s, k)) for k in ("logits", "quality", "edges", "boxes"))
    assert torch.equal(a.origin, b.origin)
    assert torch.equal(a.w, b.w)
    assert a.shapes == b.shapes


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_the_whole_card_comes_back_with_a_trace(tmp_path, suffix):
    card = full_card(("cat", "dog"), (96, 128))
    fitted = {name: torch.tensor(getattr(card, name)) for name in ("temperature", "levels")}
    about = About(card, (64, 48), "a.png")
    assert load_trace(save_trace(tmp_path / f"a{suffix}", replace(trace(), **fitted), about))[1] == about


def test_a_trace_of_an_earlier_version_has_what_it_said_of_its_model(tmp_path):
    file = save_trace(tmp_path / "a.json", trace(), ABOUT)
    values = json.loads(file.read_text())
    kept = ("schema", "dfine", "model", "digest", "torch", "picture", "size", "names", "shapes")
    values["about"] = {key: values["about"][key] for key in kept}
    file.write_text(json.dumps(values))
    assert load_trace(file)[1] == replace(ABOUT, engine="", precision="")


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("queries", [1, 5])
def test_what_is_written_is_read_bit_for_bit(tmp_path, suffix, queries):
    written = trace(queries)
    path = save_trace(tmp_path / "new folder" / f"a{suffix}", written, ABOUT)
    again, about = load_trace(path)
    assert_same(written, again)
    assert about == ABOUT
    assert [p.name for p in path.parent.iterdir()] == [path.name], "no temporary file is left"


def test_a_home_folder_is_found_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # of Windows
    assert save_trace("~/a.npz", trace(), ABOUT) == tmp_path / "a.npz"
    assert_same(load_trace("~/a.npz")[0], trace())


def test_half_precision_and_gradients_are_no_obstacle(tmp_path):
    half = trace().map(lambda t: t.half().requires_grad_() if t.is_floating_point() else t)
    again, _ = load_trace(save_trace(tmp_path / "a.npz", half, ABOUT))
    assert_same(half.cpu(), again)


def test_the_head_says_which_versions_and_checkpoint(tmp_path):

    head = json.loads(save_trace(tmp_path / "a.json", trace(), ABOUT).read_text())["about"]
    assert head["schema"] == 1
    assert head["dfine"] == VERSION
    assert (head["digest"], head["engine"], head["precision"]) == ("0123abcd", "OpenVINO 1", "bfloat16")
    assert head["shapes"] == [[6, 8], [3, 4]]


def test_sentences_for_what_cannot_be_written_or_read(tmp_path):
    with pytest.raises(ValueError, match="as .npz or .json, not as 'a.txt'"):
        save_trace(tmp_path / "a.txt", trace(), ABOUT)
    with pytest.raises(ValueError, match="one picture, not of 2"):
        save_trace(tmp_path / "a.npz", trace(pictures=2), ABOUT)
    with pytest.raises(FileNotFoundError, match="no trace .*none.npz"):
        load_trace(tmp_path / "none.npz")
    for name in ("bad.npz", "bad.json"):
        (tmp_path / name).write_text("[]")
        with pytest.raises(ValueError, match=f"{name} is not a trace"):
            load_trace(tmp_path / name)
    path = save_trace(tmp_path / "a.json", trace(), ABOUT)
    content = json.loads(path.read_text())
    content["about"]["schema"] = 99
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="schema 99"):
        load_trace(path)
