import json
import math
import shutil

import pytest
import torch

from dfine import distribution
from dfine.evaluation import calibration
from dfine.evaluation.calibration import (
    GRID,
    MASSES,
    Calibration,
    Matches,
    coverage,
    fit,
    fitted,
    measured,
    pit,
    scores,
    store,
    study,
)
from dfine.figures import html as tables
from dfine.figures import style
from dfine.figures.object import edges
from dfine.inference.load import load
from dfine.page import downloads
from dfine.trace.described import described
from dfine.trace.disk import load_trace
from dfine.weights.exceptions import CheckpointError
from tests.helpers import small_predictor

W = distribution.weighting()


def drawn(n, temperature=(1.0, 1.0, 1.0, 1.0), layers=2, seed=0) -> Matches:
    """Objects whose true edges are drawn from the last layer's distributions at a temperature."""
    g = torch.Generator().manual_seed(seed)
    peak = torch.arange(33) - (16 + 2 * torch.randn(n, layers, 4, 1, generator=g))
    logits = -peak.abs() / 1.5 + 0.3 * torch.randn(n, layers, 4, 33, generator=g)
    p = distribution.probabilities(logits[:, -1], torch.tensor(temperature)[:, None])
    u = torch.rand(n, 4, generator=g)
    truth = torch.stack([distribution.quantiles(p[i], W, tuple(u[i].tolist())).diagonal() for i in range(n)])
    return Matches(logits, truth, W, [i // 3 for i in range(n)])


def certain(truth, bin=16) -> Matches:
    """Objects of which the one layer says that every edge lies in `bin`."""
    logits = torch.full((len(truth), 1, 4, 33), -50.0)
    logits[..., bin] = 50.0
    return Matches(logits, torch.tensor(truth).reshape(-1, 4), W, list(range(len(truth))))


# ── nothing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_objects_there_is_nothing_to_say():
    none = drawn(3).at([])
    assert pit(none).shape == (0, 2, 4)
    plain = measured(none)
    assert plain["objects"] == 0 and plain["coverage"] == [[None] * 4] * len(MASSES)
    json.dumps(plain, allow_nan=False)
    with pytest.raises(ValueError, match="at least 50 objects .* here are 0"):
        fit(none)
    with pytest.raises(ValueError, match="at least 50"):
        study(none)


@pytest.mark.parametrize(
    "change, said",
    [
        (dict(edges=torch.zeros(3, 2, 4, 32)), r"edges has shape \[3, 2, 4, 32\], expected \[3, any, 4, 33\]"),
        (dict(truth=torch.zeros(3, 2)), r"truth has shape \[3, 2\]"),
        (dict(images=[1]), "3 objects, but 1 entries under 'images'"),
        (dict(groups={"size": ["small"]}), "1 entries under 'size'"),
    ],
)
def test_what_does_not_hang_together_is_named(change, said):
    with pytest.raises(ValueError, match=said):
        Matches(**(dict(edges=torch.zeros(3, 2, 4, 33), truth=torch.zeros(3, 4), w=W) | change))


# ── PIT and coverage ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_cdf_is_the_way_back_from_quantiles():
    p = distribution.probabilities(torch.randn(50, 33, generator=torch.Generator().manual_seed(0)))
    for level in (0.1, 0.37, 0.5, 0.9):
        q = distribution.quantiles(p, W, (level,))[:, 0]
        assert torch.allclose(distribution.cdf(p, W, q), torch.full((50,), level), atol=1e-5)


# All mass in the bin of W = 0: the CDF rises in a line over one step of W to each side.
@pytest.mark.parametrize(
    "offset, below",
    [
        (-1.5, 0),
        (-1.0, 0),
        (float(W[15]), 0),
        (float(W[15]) / 2, 0.25),
        (0, 0.5),
        (float(W[17]), 1),
        (1.0, 1),
        (2.0, 1),
    ],
)
def test_mass_below_an_edge_by_hand(offset, below):
    assert pit(certain([[offset] * 4])).flatten().tolist() == pytest.approx([below] * 4, abs=1e-6)


def test_beyond_the_last_bin_no_interval_holds_the_truth():
    far = certain([[1.2, -1.2, 1.0, -1.0]], bin=32)  # all mass in W(N) = 1: half of it lies beyond, where nothing is
    assert far.outside.tolist() == [[True, True, False, False]]
    assert pit(far)[0, 0].tolist() == pytest.approx([1, 0, 0.5, 0])
    assert coverage(pit(far), (0.99,))[0, 0].tolist() == [0, 0, 1, 0]
    assert measured(far)["outside"] == [1, 1, 0, 0]


def test_coverage_by_hand():
    levels = torch.tensor([0.0, 0.05, 0.3, 0.5, 0.74, 0.96])
    assert coverage(levels, (0.5, 0.8, 0.95)).tolist() == pytest.approx([3 / 6, 3 / 6, 5 / 6])


def test_the_interval_of_a_history_holds_the_truth_where_coverage_says_so():
    matches = drawn(200)
    ends = distribution.interval(distribution.probabilities(matches.edges), W, 0.8)  # [n, L, 4, 2]
    held = (ends[..., 0] <= matches.truth[:, None]) & (matches.truth[:, None] <= ends[..., 1])
    assert torch.equal(held, (pit(matches) - 0.5).abs() <= 0.4)


def test_truth_drawn_from_the_distributions_is_covered_as_promised():
    plain = measured(drawn(2000))
    for observed, mass in zip(plain["coverage"], plain["masses"]):
        assert observed == pytest.approx([mass] * 4, abs=0.04)  # four standard errors of 2000 draws
    for observed, mass in zip(plain["reliability"]["coverage"], GRID):
        assert observed == pytest.approx([mass] * 4, abs=0.05)
    assert torch.tensor(plain["pit"]).sum(0).tolist() == pytest.approx([1] * 4, abs=1e-5)
    first = torch.tensor(plain["layers"][0]) - torch.tensor(MASSES)[:, None]
    assert (first < -0.1).all(), "the first layer's distributions say nothing of these edges"


def test_groups_are_measured_apart_and_may_overlap():
    matches = drawn(6)
    cases = [("clean",), ("blur",), ("blur", "crowd"), ("crowd",), ("clean",), ("clean",)]
    matches = Matches(matches.edges, matches.truth, W, matches.images, {"size": ["s", "l"] * 3, "case": cases})
    groups = measured(matches)["groups"]
    assert {k: v["objects"] for k, v in groups["case"].items()} == {"clean": 3, "blur": 2, "crowd": 2}
    assert groups["size"]["l"]["coverage"] == measured(matches.at([1, 3, 5]))["coverage"]


# ── the temperature ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("true", [(1.0, 1.0, 1.0, 1.0), (0.5, 1.0, 2.0, 3.0)])
def test_finds_the_temperature_that_the_truth_was_drawn_at(true):
    assert fit(drawn(1500, true)).tolist() == pytest.approx(true, rel=0.15)


def test_the_right_temperature_scores_best():
    matches = drawn(1000, (2.0,) * 4)
    at = {t: float(scores(matches, torch.full((4,), t)).mean()) for t in (1.0, 2.0, 4.0)}
    assert at[2.0] < min(at[1.0], at[4.0])
    assert torch.equal(scores(matches), scores(matches, torch.ones(4)))


# A quantile at distance d from the truth costs 2·|level − 1|·d or 2·level·d; all mass in one bin of width 2·W(17).
def test_the_score_by_hand():
    step = float(W[17])
    right, off = scores(certain([[0.0] * 4, [0.5] * 4]))[:, 0].tolist()
    levels = [i / 40 for i in range(1, 40)]
    q = [(2 * level - 1) * step for level in levels]
    assert right == pytest.approx(2 * sum(abs(v) * min(a, 1 - a) for v, a in zip(q, levels)) / 39 / step, rel=1e-4)
    assert off == pytest.approx(2 * sum((0.5 - v) * a for v, a in zip(q, levels)) / 39 / step, rel=1e-4)


def test_edges_out_of_reach_do_not_spoil_the_fit():
    matches = drawn(600)
    truth = matches.truth.clone()
    truth[:3] = 7.0
    assert torch.isfinite(fit(Matches(matches.edges, truth, W, matches.images))).all()


def test_no_picture_is_on_both_sides_of_a_split():
    matches = drawn(100)
    first, rest = matches.split(0.3, seed=1)
    assert not set(first.images) & set(rest.images)
    assert len(first) + len(rest) == 100 and len(set(first.images)) == 10
    assert matches.split(0.3, seed=1)[0].images == first.images != matches.split(0.3, seed=2)[0].images
    with pytest.raises(ValueError, match="images="):
        Matches(matches.edges, matches.truth, W).split()
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        matches.split(1.0)


def test_a_study_brings_coverage_nearer_on_pictures_it_has_not_seen():
    found = study(drawn(900, (3.0,) * 4), share=0.08)
    off = {
        key: (torch.tensor(getattr(found, key)["coverage"]) - torch.tensor(MASSES)[:, None]).abs().mean()
        for key in ("before", "after")
    }
    assert off["after"] < off["before"] / 3
    assert found.before["objects"] == found.after["objects"] == 900 - found.fitted
    assert found.after["temperature"] == pytest.approx(found.temperature.tolist(), abs=1e-6)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.table is None and found.better and "are few" in found.doubt
    assert all(edge in str(found) for edge in ("left", "top", "right", "bottom"))


def test_with_many_objects_the_levels_follow_the_width_and_are_refused_where_they_are_no_better():
    found = study(drawn(1500, (3.0,) * 4))
    assert found.temperature is None and found.better and not found.doubt
    assert all(abs(v - 0.8) < 0.04 for v in found.after["coverage"][1])
    assert found.after["levels"] == found.to_dict()["levels"] and "levels by width" in str(found)
    worse = Calibration(None, found.after, found.before, 900, found.table)
    assert not worse.better and "no better" in worse.doubt and worse.doubt in str(worse)


def test_what_the_model_has_stored_is_beaten_or_stays():
    wide = drawn(1500, (3.0,) * 4)
    best = study(wide)
    assert best.stored is None and set(best.mean_scores) == {"none", "this"} and "stored" not in str(best)
    poor = torch.tensor((2.0,) * 4)  # better than none, and not as good as what is fitted
    found = study(wide, stored=(poor, None))
    assert found.better and not found.doubt
    assert found.mean_scores["this"] < found.mean_scores["stored"] < found.mean_scores["none"]
    assert found.stored["temperature"] == [2.0] * 4 == found.to_dict()["stored"]["temperature"]
    assert f"{found.mean_scores['stored']:.4f} with the stored calibration" in str(found)
    same = study(wide, stored=(None, best.table))
    assert not same.better and same.mean_scores["this"] == same.mean_scores["stored"]
    assert "no better with it than with the stored calibration" in same.doubt and same.doubt in str(same)
    json.dumps(same.to_dict(), allow_nan=False)
    assert fitted(None, best.after["levels"])[1].shape == best.table.shape and fitted((1, 1, 1, 1), None)[1] is None


# ── kept with the checkpoint, and followed by everything ──────────────────────────────────────────────────────────────

WARM = (2.0, 3.0, 4.0, 5.0)
TABLE = torch.tensor([[0, 0.1, 0.9], [0, 0.3, 0.7], [0.25, 0.0625, 0.875]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_predictor(("a", "b", "c")).save(tmp_path_factory.mktemp("model"))


@pytest.fixture
def own(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


def test_a_stored_temperature_is_loaded_saved_again_and_taken_out(own, tmp_path):
    before = (own / "model.safetensors").read_bytes()
    store(own, torch.tensor(WARM))
    model = load(own, "cpu")
    assert model.temperature == WARM
    assert load(model.save(tmp_path / "again"), "cpu").temperature == WARM
    assert (own / "model.safetensors").read_bytes() == before
    store(own, None, TABLE)
    model = load(own, "cpu")
    assert model.temperature is None and model.card.calibrated
    assert torch.equal(torch.tensor(load(model.save(tmp_path / "third"), "cpu").card.levels), TABLE)
    store(own, None)
    assert not load(own, "cpu").card.calibrated
    assert sorted(p.name for p in own.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("wrong", [(1.0, 2.0), (1.0, 1.0, 1.0, 0.0), (1.0, 1.0, 1.0, math.nan), (1.0, 1.0, 1.0, -1.0)])
def test_what_is_no_temperature_is_refused_and_nothing_is_written(own, wrong):
    before = (own / "config.json").read_text()
    with pytest.raises(CheckpointError, match="4 positive numbers"):
        store(own, wrong)
    assert (own / "config.json").read_text() == before
    (own / "config.json").write_text(json.dumps(json.loads(before) | {"temperature": [1, 2, 3]}))
    with pytest.raises(CheckpointError, match="4 positive numbers"):
        load(own, "cpu")
    (own / "config.json").write_text(json.dumps(json.loads(before) | {"levels": [[0, 0.5], [0.1, 0.5]]}))
    with pytest.raises(CheckpointError, match="table of levels does not begin with 0 and widths"):
        load(own, "cpu")


def test_another_layout_holds_no_temperature(own, tmp_path, monkeypatch):
    with pytest.raises(CheckpointError, match="no file, folder"):
        store(tmp_path / "nothing", WARM)
    monkeypatch.setattr(calibration, "open_checkpoint", lambda folder: None)  # as of a folder in another layout
    (own / "config.json").write_text(json.dumps({"model_type": "d_fine"}))
    with pytest.raises(CheckpointError, match="not in this project's layout"):
        store(own, WARM)
    assert json.loads((own / "config.json").read_text()) == {"model_type": "d_fine"}


def test_every_result_follows_the_temperature(own, tmp_path):
    picture = torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    cold = load(own, "cpu")(picture, 0.0)
    store(own, WARM)
    model = load(own, "cpu")
    warm = model(picture, 0.0)
    assert torch.equal(warm.detections.boxes, cold.detections.boxes), "boxes are the network's own"

    a, b = cold.history(0), warm.history(0)
    assert a.temperature is None and b.temperature.tolist() == list(WARM)
    assert (b.entropies > a.entropies).all()
    assert torch.equal(a.probabilities, b.probabilities)
    for h, word in ((a, "uncalibrated"), (b, "calibrated")):
        assert style.calibration(h) == word
        for text in (edges.caption(h), tables.layers_html(h)):
            assert f"({word})" in text
    assert described(b)["calibrated"] and not described(a)["calibrated"]
    assert described(b)["layers"][-1]["deviations"] == pytest.approx(b.deviations[-1].tolist())

    where = model.about(warm, "picture.png")
    again, _ = load_trace(downloads.trace_npz(tmp_path / "t.npz", warm, where))
    assert again.history(3, (96, 64)).temperature.tolist() == list(WARM)
    assert again.picture(0).split(2)[1].temperature.tolist() == list(WARM)

    store(own, None, TABLE)
    model = load(own, "cpu")
    read = model(picture, 0.0)
    h = read.history(0)
    assert style.calibration(h) == "calibrated" and torch.equal(read.detections.boxes, cold.detections.boxes)
    assert torch.equal(h.levels, TABLE) and not torch.equal(h.intervals(), a.intervals())
    kept, about = load_trace(downloads.trace_npz(tmp_path / "l.npz", read, model.about(read, "picture.png")))
    assert torch.equal(kept.history(3, (96, 64)).levels, TABLE) and torch.equal(torch.tensor(about.card.levels), TABLE)
    assert torch.equal(kept.picture(0).split(2)[1].levels, TABLE)
