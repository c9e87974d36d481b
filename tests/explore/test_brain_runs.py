"""Similarity indexes of ours are renewed, and a person's own of the same key stay as they are."""

import numpy as np
import pytest

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore.brain_runs import Index

PICTURES, OBJECTS = Index("dfine_similar"), Index("dfine_similar_truth", "truth")


@pytest.fixture
def dataset(fo):
    dataset = fo.Dataset()
    boxes = [fo.Detection(label="cat", bounding_box=[0.1 * i, 0, 0.1, 0.1]) for i in range(6)]
    truth = [fo.Detections(detections=boxes[i : i + 2]) for i in (0, 2, 4)]
    dataset.add_samples([fo.Sample(filepath=f"/pictures/{i}.jpg", truth=t) for i, t in enumerate(truth)])
    yield dataset
    dataset.delete()


def objects(dataset):
    """The ids of the first five objects and of their samples."""
    ids, labels = dataset.values(["id", "truth.detections.id"])
    samples = [id for id, mine in zip(ids, labels) for _ in mine]
    return samples[:5], [one for mine in labels for one in mine][:5]


def test_ours_is_made_and_renewed_and_sorts_what_it_holds(dataset):
    samples, labels = objects(dataset)
    features = np.array([[1, 0], [0, 1], [-1, 0], [0.9, 0.1], [0, -1]], np.float32)
    assert OBJECTS.usable(dataset) and not OBJECTS.holds(dataset, "one")
    OBJECTS.save(dataset, "one", features, samples, labels)
    assert OBJECTS.usable(dataset) and OBJECTS.holds(dataset, "one") and not OBJECTS.holds(dataset, "two")
    patches = dataset.to_patches("truth")
    assert patches.sort_by_similarity(labels[0], k=2, brain_key=OBJECTS.key).values("id") == [labels[0], labels[3]]

    OBJECTS.save(dataset, "two", features[::-1].copy(), samples, labels)
    fiftyone.load_dataset(dataset.name).reload()
    assert OBJECTS.holds(dataset, "two") and dataset.list_brain_runs() == [OBJECTS.key]
    assert patches.sort_by_similarity(labels[1], k=2, brain_key=OBJECTS.key).values("id") == [labels[1], labels[4]]
    OBJECTS.delete(dataset)
    OBJECTS.delete(dataset)
    assert dataset.list_brain_runs() == []


def test_a_persons_own_stays(dataset):
    import fiftyone.brain as brain

    _, labels = objects(dataset)
    theirs = {id: np.eye(2) for id in dataset.values("id")}
    brain.compute_similarity(dataset, patches_field="truth", embeddings=theirs, brain_key=OBJECTS.key)
    with pytest.warns(UserWarning, match="the brain run 'dfine_similar_truth' of .* is not one that D-FINE made"):
        assert not OBJECTS.usable(dataset)
    OBJECTS.delete(dataset)
    assert dataset.load_brain_results(OBJECTS.key).total_index_size == len(labels) + 1


def test_what_an_earlier_version_made_of_pictures_is_ours(dataset):
    import fiftyone.brain as brain

    options = dict(brain_key=PICTURES.key, backend="sklearn", metric="cosine", progress=False)
    brain.compute_similarity(dataset, embeddings=np.eye(3), **options)
    assert PICTURES.usable(dataset) and not PICTURES.holds(dataset, "one")
    PICTURES.save(dataset, "one", np.eye(3), dataset.values("id"))
    assert PICTURES.holds(dataset, "one")
