"""A run's log: a line an epoch, the same file whether it was interrupted or not."""

import csv
import importlib.util
import time

import pytest

from dfine.training.log import Log

TENSORBOARD = pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")


def rows(folder):
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def written(folder, *epochs, keep=0):
    log = Log(folder, keep)
    for epoch, values in epochs:
        log.write(epoch, values)
    log.close()


def test_before_the_first_epoch_there_is_no_file(tmp_path):
    written(tmp_path)
    assert not (tmp_path / "log.csv").exists()


def test_an_epoch_is_there_as_soon_as_it_is_written(tmp_path):
    log = Log(tmp_path, 0)
    log.write(1, {"loss": 1.25})
    assert rows(tmp_path) == [{"epoch": "1", "loss": "1.25"}]
    log.close()


def test_columns_that_come_later_are_empty_before(tmp_path):
    written(tmp_path, (1, {"loss": 1.0}), (2, {"loss": 0.5, "AP": 0.123456789}))
    assert rows(tmp_path) == [
        {"epoch": "1", "loss": "1", "AP": ""},
        {"epoch": "2", "loss": "0.5", "AP": "0.123457"},
    ]


def test_a_run_that_goes_on_keeps_its_finished_epochs_and_no_later_ones(tmp_path):
    epochs = [(i, {"loss": 1 / i}) for i in (1, 2, 3)]
    written(tmp_path, *epochs)
    whole = (tmp_path / "log.csv").read_text()
    written(tmp_path, epochs[2], keep=2)
    assert (tmp_path / "log.csv").read_text() == whole
    written(tmp_path, epochs[0])
    assert [row["epoch"] for row in rows(tmp_path)] == ["1"]


@TENSORBOARD
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_disk_that_is_full_costs_tensorboard_and_nothing_else(tmp_path):
    resource = pytest.importorskip("resource")
    told, before = [], resource.getrlimit(resource.RLIMIT_FSIZE)
    log = Log(tmp_path, 0, told.append)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        for epoch in range(1, 6000):
            log.add(epoch, {"loss": 0.5})
            time.sleep(0.01)  # its thread writes when it can
            if told:
                break
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(told) == 1 and "the run goes on without it, and log.csv has the same numbers" in told[0]
    log.write(epoch + 1, {"loss": 0.25})
    log.close()
    assert len(told) == 1 and len(rows(tmp_path)) == epoch + 1


@TENSORBOARD
def test_tensorboard_has_the_same_numbers(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    written(tmp_path, (1, {"loss": 0.5}), (2, {"loss": 0.25}))
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(1, 0.5), (2, 0.25)]
