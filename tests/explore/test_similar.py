"""Features of pictures: standardised, near duplicates, outliers; then real pictures with a copy in another split."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fiftyone")

from dfine.explore import similar
from dfine.explore.sampling import sampling
from dfine.inference.predictor import Predictor
from tests.explore.worlds import predictor


def test_without_pictures_there_are_no_pairs():
    z = similar.standardised(np.zeros((0, 4)))
    assert similar.pairs(z).places.shape == (0, 2) and similar.oddness(z).shape == (0,)
    assert similar.oddness(similar.standardised(np.ones((1, 4)))).tolist() == [0.0]


def test_features_are_centred_scaled_and_of_unit_length():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20, 6)) * [1, 10, 100, 1, 1, 0] + 5
    z = similar.standardised(features)
    assert z.shape == (20, 5), "what is the same everywhere is left out"
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1)
    np.testing.assert_allclose(z, similar.standardised(features * [2, 3, 4, 5, 6, 7] - 9), atol=1e-9)


def test_pairs_and_the_odd_one_out(monkeypatch):
    monkeypatch.setattr(similar, "_AT_ONCE", 3)  # several blocks
    rng = np.random.default_rng(1)
    z = rng.normal(size=(12, 8)) * 0.3 + [3, *[0] * 7]
    z[7] = z[2] + 1e-6
    z[11] = [-3, *[0] * 7]
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    found = similar.pairs(z, least=0.999999)
    assert found.places.tolist() == [[2, 7]] and found.cosines[0] == pytest.approx(1)
    every = similar.pairs(z, least=-1)
    assert len(every.places) == 12 * 11 / 2 and (np.diff(every.cosines) <= 0).all()
    assert similar.oddness(z).argmax() == 11


@pytest.mark.parametrize(
    "one, other, leak",
    [
        ([], ["test"], False),
        (["train2017"], ["val2017"], True),
        (["Training"], ["test"], True),
        (["val"], ["valid"], False),
        (["train", "val"], ["val"], True),
        (["train", "trainval"], ["train"], False),
        (["train"], ["checked"], False),
    ],
)
def test_which_tags_are_of_different_splits(one, other, leak):
    assert similar._leak(one, other) is similar._leak(other, one) is leak


def test_a_copy_in_another_split_is_a_leak_and_the_pool_is_put_in_order(fo, tmp_path):
    from dfine.explore.run import Pace, explore

    rng = np.random.default_rng(0)
    for i in range(11):
        coarse = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC).save(tmp_path / f"{i:02d}.png")
    Image.open(tmp_path / "03.png").resize((90, 90)).save(tmp_path / "11.jpg", quality=90)
    (tmp_path / "12.jpg").write_bytes(b"no picture")
    model, pace = predictor(("cat", "dog"), queries=10, size=(64, 64)), Pace(batch=4, progress=False)
    with pytest.warns(UserWarning, match="1 of 13 pictures cannot be read"):
        dataset = explore(tmp_path, model, pace=pace, name="similar")
    try:
        with pytest.raises(ValueError, match="among 10 or more, and 0 were looked at"):
            similar.find(dataset)
        assert similar.embed(dataset, model, pace=pace) == 12
        assert similar.embed(dataset, model, pace=pace) == 0, "what has features is not looked at again"
        # No samples are held: FiftyOne reads those anew after every write, which takes long.
        ids = {path[-6:]: id for path, id in zip(*dataset.values(["filepath", "id"]))}
        for name, tag in (("03.png", "train"), ("11.jpg", "test"), ("04.png", "train")):
            dataset.select(ids[name]).tag_samples(tag)
        counts = similar.find(dataset)
        twins = [s.filepath[-6:] for s in dataset.load_saved_view("leaks between splits")]
        assert sorted(twins) == ["03.png", "11.jpg"] and counts["leaks between splits"] == 2
        assert counts["outliers"] == 12
        dataset.select(ids["05.png"]).tag_samples(["train", "val"])  # one file of both splits
        assert similar.find(dataset)["leaks between splits"] == 3
        assert dataset.load_saved_view("leaks between splits").last().id == ids["05.png"]
        twin = dataset[ids["11.jpg"]]
        assert twin["dfine_twin"] == ids["03.png"] and twin["dfine_leak"]
        similar.index(dataset)
        nearest = dataset.sort_by_similarity(twin.id, brain_key="dfine_similar", k=2)
        assert {s.filepath[-6:] for s in nearest} == {"03.png", "11.jpg"}

        found = sampling(dataset, count=5)
        assert [row["rank"] for row in found] == [1, 2, 3, 4, 5] and len({row["sample"] for row in found}) == 5
        assert not any(row["picture"].endswith("12.jpg") for row in found), "what cannot be read is no choice"
        assert found[0]["doubt"] == max(row["doubt"] for row in sampling(dataset))
    finally:
        dataset.delete()


def coloured(fo, folder, name, count):
    """A data set of so many plain pictures, and two networks."""
    for i in range(count):
        Image.new("RGB", (64, 64), (80 * i, 9, 9)).save(folder / f"{i}.png")
    dataset = fo.Dataset(name)
    dataset.add_samples([fo.Sample(filepath=str(folder / f"{i}.png")) for i in range(count)])
    return dataset, *(predictor(("cat",), queries=10, size=(64, 64), seed=seed) for seed in (0, 1))


def test_a_picture_that_another_model_cannot_read_keeps_no_features_of_the_one_before(fo, tmp_path):
    dataset, one, other = coloured(fo, tmp_path, "another-model", 3)
    one, other = (Predictor(m.engine, replace(m.card, digest=digest)) for m, digest in ((one, "one"), (other, "other")))
    assert similar.embed(dataset, one) == 3
    (tmp_path / "1.png").write_bytes(b"no picture")
    assert similar.embed(dataset, other) == 2
    assert dataset.values("dfine_features_of") == ["other", None, "other"]
    assert [vector is None for vector in dataset.values("dfine_features")] == [False, True, False]


def test_networks_that_come_from_no_file_are_told_apart_by_their_weights(fo, tmp_path):
    dataset, one, other = coloured(fo, tmp_path, "no-file", 2)
    assert not one.card.digest and similar.embed(dataset, one) == 2 and similar.embed(dataset, one) == 0
    assert similar.embed(dataset, other) == 2
