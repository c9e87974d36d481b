"""The GPU day, rehearsed on the CPU: the real stages at tiny sizes, what they write, and how they go on."""

import json
import math
import time
from dataclasses import replace

import pytest
import torch

from benchmarks import gpu_day
from benchmarks.gpu import day as days
from benchmarks.gpu import parity, prepare, roofline, runs
from benchmarks.gpu.day import Day, Stage, Unit
from dfine.data import sources
from dfine.data.scenes import Scenes, write
from dfine.engines.cost import gflops
from dfine.engines.fused import fused
from dfine.training.loop import Interrupted
from dfine.training.plan import Plan
from tests.helpers import synthetic_trace


def rehearsal(out, seconds=600.0) -> Day:
    return Day(out, out / "none", "cpu", True, time.monotonic() + seconds)


def test_a_rehearsal_writes_a_file_a_stage_and_a_table(tmp_path, capsys):
    assert gpu_day.main(["--out", str(tmp_path), "--rehearse", "--stages", "1,4"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["stage1.json", "stage4.json", "table.md"]
    one, four = (json.loads((tmp_path / f"stage{n}.json").read_text()) for n in (1, 4))
    exact = [r for u in one["units"].values() for r in u["rows"] if r["run"] in ("fused, float32", "torch, float32")]
    assert {row["network"] for row in exact} == {"DEMO", "N"} and all(row["within"] == "yes" for row in exact)
    assert all(list(row["stages"]) == ["proposals", "initial", "layer 1", "layer 2", "layer 3"] for row in exact)
    half, single = four["units"]["n"]["rows"]
    assert (half["amp"], single["amp"]) == ("bf16", "off") and len(half["losses"]) == len(single["losses"])
    assert "rehearsal" in capsys.readouterr().out and "A rehearsal" in (tmp_path / "table.md").read_text()


def test_the_rehearsal_of_the_speed_times_every_engine_and_profiles(tmp_path):
    pytest.importorskip("transformers")
    assert gpu_day.main(["--out", str(tmp_path), "--rehearse", "--stages", "2"]) == 0
    units = json.loads((tmp_path / "stage2.json").read_text())["units"]
    assert {unit["state"] for unit in units.values()} == {"done"}
    rows = [row for unit in units.values() for row in unit["rows"]]
    assert {row["table"] for row in rows} == {"ceilings", "speed", "profile"}
    timed = {(r["batch"], r["precision"], r["engine"]) for r in rows if r["table"] == "speed"}
    assert timed >= {(b, p, e) for b in (4, 1) for p in ("float32", "bf16") for e in ("transformers", "torch", "fused")}
    assert all(row["median ms"] > 0 and row["floor ms"] > 0 for row in rows if row["table"] == "speed")
    assert "Profile:" in (tmp_path / "table.md").read_text()


def test_what_is_done_is_not_done_again_and_what_failed_is_tried_once_more(tmp_path):
    ran = []

    def once(name, fails=False):
        def work(_left):
            ran.append(name)
            if fails:
                raise RuntimeError("the kernel broke")
            return [{"table": "numbers", "name": name, "list": [1]}]

        return Unit(name, 1, work)

    stage = Stage(1, "Some", 60, lambda day: [once("a"), once("b", fails=True), once("c")])
    for _ in range(3):
        record = days.run(rehearsal(tmp_path), stage, lambda words: None)
    assert ran == ["a", "b", "c", "b"]
    assert record.units["b"] == {"state": "failed", "attempts": 2, "said": "RuntimeError: the kernel broke"}
    table = gpu_day.markdown(tmp_path)
    assert "| name |" in table and "list" not in table and "- b: failed. RuntimeError: the kernel broke" in table


def test_a_unit_without_enough_time_is_skipped_with_a_sentence_and_taken_up_later(tmp_path):
    stage = Stage(1, "Some", 60, lambda day: [Unit("long", 50, lambda left: []), Unit("short", 1, lambda left: [])])
    short, long = (Day(tmp_path, tmp_path, "cpu", False, time.monotonic() + seconds) for seconds in (10, 100))
    units = days.run(short, stage, lambda words: None).units
    assert units["long"]["state"] == "skipped" and "takes about 50 s" in units["long"]["said"]
    assert units["short"]["state"] == "done"
    assert days.run(long, stage, lambda words: None).units["long"]["state"] == "done"
    brief = Stage(2, "Some", 5, stage.units)
    assert days.run(long, brief, lambda words: None).units["long"]["state"] == "skipped"
    assert days.run(long, brief, lambda words: None, last=True).units["long"]["state"] == "done"
    with pytest.raises(ValueError, match="choose another --out"):
        days.run(rehearsal(tmp_path), stage, lambda words: None)


def test_a_missing_package_leaves_its_stage_out(tmp_path):
    stage = Stage(3, "Some", 60, lambda day: [Unit("a", 1, lambda left: [])], ("no_such_package",))
    said = days.run(rehearsal(tmp_path), stage, lambda words: None).units["a"]["said"]
    assert said == "no-such-package is not installed"
    assert "stage 3 (Some) is left out" in " ".join(gpu_day._beforehand(rehearsal(tmp_path), [stage]))


def test_without_a_gpu_it_says_so(tmp_path, capsys):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SystemExit):
        gpu_day.main(["--out", str(tmp_path)])
    assert "no CUDA device" in capsys.readouterr().err


@pytest.mark.parametrize("given", (["--budget", "9"], ["--budget=9"], []))
def test_a_new_process_goes_on_with_the_time_that_is_left(given):
    command = gpu_day.again("python", ["--out", "a", *given, "--stages", "1"], 77.9)
    assert command[2:] == ["--out", "a", "--stages", "1", "--budget", "77"]


@pytest.mark.parametrize(
    "cores, shared, count", [(16, None, 14), (64, 1 << 40, 14), (1, None, 1), (16, 512 << 20, 4), (16, 1 << 20, 0)]
)
def test_no_more_processes_read_pictures_than_cores_and_shared_memory_allow(cores, shared, count):
    assert gpu_day.readers(cores, shared) == count


def test_traces_are_compared_by_token():
    want = synthetic_trace(batch=2, queries=6)
    swapped = want._each(lambda t: t[:, [1, 0, 2, 3, 4, 5]])
    assert all(v["alike"] == 1 and v["edges 99 % px"] == 0 for v in parity.apart(swapped, want, 640).values())
    moved = want.map(torch.clone)
    moved.last.boxes[..., 0] += 0.01
    assert parity.apart(moved, want, 100)["layer 3"]["edges mean px"] == pytest.approx(0.5)  # two of four edges, 1 px


def test_traces_of_other_tokens_cannot_be_compared():
    want = synthetic_trace(batch=2, queries=6)
    with pytest.raises(ValueError, match="no query is of the same token"):
        parity.apart(want.map(lambda t: t if t.is_floating_point() else t + 1000), want, 640)


def test_a_way_of_running_that_fails_costs_the_others_nothing(tmp_path, monkeypatch):
    """As a recording may on a GPU: what is exact without one is known all the same."""
    ways = {"a broken one": ("no options", True), "fused, float32": parity.MODES["fused, float32"]}
    monkeypatch.setattr(parity, "MODES", ways)
    broken, whole = parity._rows(rehearsal(tmp_path), "n", parity.network("n"), torch.rand(1, 3, 64, 64))
    assert broken["within"].startswith("no (")
    assert whole["within"] == "yes" and "edges 99 % px" in whole


def test_the_roofline_counts_what_the_benchmark_counts():
    network, rates = parity.network("n"), roofline.CARDS["H100"]
    layers = roofline.work(network, (128, 128), 2)
    whole = gflops(fused(network), (128, 128))  # with the few products that belong to no layer
    assert 0.97 * whole < sum(one.flops for one in layers) / 2e9 <= whole
    by_arithmetic = sum(one.flops / rates.of(one.kind, "bf16") for one in layers)
    assert roofline.floor(layers, rates, "bf16") >= by_arithmetic
    assert roofline.by_name("NVIDIA H100 80GB HBM3") is rates and roofline.by_name("NVIDIA H200").bytes == 4.8
    assert roofline.by_name("another") is None and roofline.by_name(None) is None


def test_prepared_data_keeps_its_names_and_splits(tmp_path):
    source, said = write(tmp_path / "scenes", Scenes(20, size=(128, 500)), workers=0), []
    place = prepare.prepare("photos", source, tmp_path / "data", said.append)
    before, after = (sources.train_and_val(p)[1] for p in (source, place))
    assert before.places() == after.places() and after[0][0].shape == (3, 106, 416)
    assert "20 pictures, longer side 416" in said[0]
    parts = dict.fromkeys(("train", "test", "all"), sources.open_data(source))
    prepare._write(parts, tmp_path / "split", 320, 60)
    assert len(sources.open_data(tmp_path / "split", "test")) == 20


def test_a_run_goes_on_where_a_kill_cut_it_off(tmp_path, monkeypatch):
    pytest.importorskip("faster_coco_eval")
    day = rehearsal(tmp_path)
    options = runs._options(day, "demo", init="demo")
    cut = runs.InTime._account
    monkeypatch.setattr(runs.InTime, "_account", lambda self, terms: (cut(self, terms), self._ask_to_stop(15, None)))
    with pytest.raises(Interrupted):
        runs.fit(day, options, 60)
    monkeypatch.undo()
    found = runs.fit(day, options, 60)
    assert found["steps"] == 2 and found["pictures"] == 8
    assert runs.fit(day, options, 60)["steps"] == 2


def test_the_rate_falls_until_the_time_is_over(tmp_path, monkeypatch):
    """Of a hundred batches those of ten seconds; the warm-up of two steps goes by steps."""
    pytest.importorskip("faster_coco_eval")
    options = replace(runs._options(rehearsal(tmp_path), "demo", init="demo"), warmup=2, pictures=400, epochs=1)
    training, rates, now = runs.InTime.start(Plan.of(options)), [], [0.0]
    monkeypatch.setattr(runs.time, "monotonic", lambda: now[0])
    training.began, training.end = 0.0, 10.0

    def step(pixels, targets):
        rates.append(training.state.optimizer.param_groups[0]["lr"] / training.rates[0])
        now[0] += 2.0
        return {"loss/all": 1.0}

    training.step = step
    training.run()
    half = [0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2 for share in (0.4, 0.6, 0.8)]
    assert rates == pytest.approx([0.5, 1.0, *half])
    assert training.state.step == 5 and (tmp_path / "work" / "demo" / "best").is_dir()


def test_a_run_ends_in_time(tmp_path):
    day = Day(tmp_path, tmp_path, "cpu", False, time.monotonic() + 60)
    options = replace(runs._options(rehearsal(tmp_path), "demo", init="demo"), pictures=4000)
    found = runs.fit(day, options, runs.RESERVE + 2.0)
    assert 0 < found["pictures"] < 4000 and (tmp_path / "work" / "demo" / "best" / "config.json").is_file()


def test_a_run_whose_processes_die_goes_on_with_half_of_them(tmp_path, monkeypatch):
    day, seen = replace(rehearsal(tmp_path), workers=6), []

    def fit(day, options, seconds):
        seen.append(options.workers)
        if len(seen) == 1:
            raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error.")
        return {"steps": 3}

    monkeypatch.setattr(runs, "fit", fit)
    assert runs._insist(day, replace(runs._options(day, "photos"), workers=6), time.monotonic() + 9) == {"steps": 3}
    assert seen == [6, 3]


def test_photographs_are_trained_in_two_runs_and_both_weights_come_home(tmp_path):
    pytest.importorskip("faster_coco_eval")
    rows = runs._photos(rehearsal(tmp_path), 60)
    assert sorted(p.name for p in (tmp_path / "weights").iterdir()) == ["photos-plain", "photos-strong"]
    assert rows[0]["steps"] > 2 and rows[0]["options"]["init"].endswith("best")
