"""What cannot be written does not end a run, and is written later; nothing that was there is lost."""

import json

import pytest

from dfine.files import WriteError
from dfine.training.keeping import Keeping
from dfine.training.loop import train
from dfine.training.options import TrainOptions


class Disk:
    """Is full for the next `full` writes."""

    def __init__(self, full):
        self.full, self.holds = full, {}

    def write(self, place, value):
        if self.full:
            self.full -= 1
            raise WriteError(place, OSError(28, "No space left on device"))
        self.holds[place] = value


def test_what_cannot_be_written_is_written_later():
    told, disk = [], Disk(1)
    keeping = Keeping(told.append, ())
    keeping.insist()
    keeping.write(disk.write, "a", 1)
    keeping.write(disk.write, "b", 2)
    assert disk.holds == {"b": 2} and told == [
        "a cannot be written: the disk is full; free some space; the run goes on, and writes again later"
    ]
    keeping.insist()
    assert disk.holds == {"a": 1, "b": 2} and len(told) == 1


def test_a_later_write_makes_up_for_an_earlier_one():
    disk = Disk(1)
    keeping = Keeping(lambda _: None, ())
    for value in (1, 2):
        keeping.write(disk.write, "a", value)
    keeping.insist()
    assert disk.holds == {"a": 2}


def test_in_the_end_it_tries_several_times():
    told, disk = [], Disk(3)
    keeping = Keeping(told.append, (0, 0))
    keeping.write(disk.write, "a", 1)
    keeping.insist()
    assert disk.holds == {"a": 1} and sum("the next try is in 0 s" in sentence for sentence in told) == 2
    disk.full = 10
    keeping.write(disk.write, "a", 2)
    with pytest.raises(WriteError, match="a cannot be written"):
        keeping.insist()
    assert disk.holds == {"a": 1}


def test_a_run_on_a_full_disk_keeps_what_it_had(tmp_path, monkeypatch):
    """The state of the first epoch survives a second one that cannot be saved, and the run goes on from there."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(Keeping.__init__, "__defaults__", ((),))
    out, told = tmp_path / "run", []
    small = dict(size="n", input=64, queries=20, pictures=4, batch=4, warmup=2, ema_ramp=4, denoising=8, val_count=4)
    train(TrainOptions(out=str(out), epochs=1, **small))
    on = TrainOptions(out=str(out), epochs=2, resume=True, **small)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, before[1]))  # as a disk that has become full
    try:
        with pytest.raises((OSError, ValueError)):
            train(on, tell=told.append)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    train(on)
    for file in ("model.safetensors", "last.pt"):
        assert any(f"{file} cannot be written: it would be larger than files may be here" in said for said in told)
    assert any("the run goes on, and writes again later" in said for said in told)
    assert {p.name for p in out.iterdir()} >= {"last.pt", "model", "best", "log.csv", "options.json"}
    assert [p for p in out.rglob(".*")] == [], "nothing hidden is left"
    assert json.loads((out / "options.json").read_text())["epochs"] == 2
    assert len((out / "log.csv").read_text().splitlines()) == 1 + 2
