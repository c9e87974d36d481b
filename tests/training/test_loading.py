"""The batches of an epoch: of a data set from the processes of the epoch before, of scenes from new ones."""

from dfine.data.scenes import Scenes, write
from dfine.processes import Ranks
from dfine.training.loading import Loading
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from tests.training.runs import SMALL


def test_scenes_are_another_data_set_every_epoch(tmp_path):
    plan = Plan.of(TrainOptions(out=str(tmp_path), **SMALL))
    loading = Loading(plan, plan.names, Ranks(), pin=False)
    first, second = loading.of(0, False), loading.of(1, False)
    assert first is not second and first.dataset.dataset.seed != second.dataset.dataset.seed


def test_a_data_sets_epochs_have_their_batches_from_the_same_processes(tmp_path):
    """They say the same as new ones would. Those of the last epochs are others: without strong augmentation."""
    data = write(tmp_path / "data", Scenes(12, size=(64, 64), seed=5), workers=0)
    options = {**SMALL, "queries": 30, "data": str(data), "workers": 1, "batch": 5, "augment": "strong"}
    plan = Plan.of(TrainOptions(out=str(tmp_path / "run"), **options))
    loading, other = (Loading(plan, plan.names, Ranks(), pin=False) for _ in range(2))

    def taken(loading, epoch):
        batches = loading.of(epoch, False)
        batches.batch_sampler.epoch = epoch
        return [(pixels, [t.boxes for t in targets]) for pixels, targets in batches]

    taken(loading, 0)
    pid = loading.of(0, False)._iterator._workers[0].pid
    kept, new = taken(loading, 1), taken(other, 1)
    assert loading.of(1, False)._iterator._workers[0].pid == pid and len(kept) == len(new) == 2
    for (pixels, boxes), (same, others) in zip(kept, new):
        assert pixels.equal(same) and all(a.equal(b) for a, b in zip(boxes, others))
    assert loading.of(1, True) is not loading.of(1, False)
    loading.end(), other.end()
