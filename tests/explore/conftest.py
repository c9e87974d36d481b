"""A data set that several tests of this folder look at; the database itself is that of all tests."""

import pytest

pytest.importorskip("fiftyone", reason="fiftyone is not installed")


@pytest.fixture(scope="session")
def demo():
    """The shipped checkpoint."""
    import dfine

    return dfine.load("demo", device="cpu")


@pytest.fixture(scope="session")
def explored(fo, demo):
    """Eight scenes looked at by the shipped checkpoint, and evaluated. Tests must leave it as they found it."""
    from dfine.explore.run import Pace, explore

    return explore("scenes", demo, count=8, seed=2_000_000, pace=Pace(progress=False))


@pytest.fixture(scope="module")
def suspected(explored):
    """A copy of the same with its suspects, for each file of tests one."""
    from dfine.explore import suspect_store

    dataset = explored.clone()
    dataset.persistent = False
    suspect_store.find(dataset)
    yield dataset
    dataset.delete()
