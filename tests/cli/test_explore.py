"""`dfine explore` on eight scenes: what it says and writes, that a second run only updates, what bad input meets."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("fiftyone")

from dfine.cli.main import app
from dfine.explore.database import alone


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["explore", "--no-app", *map(str, arguments)])
    assert done.exit_code == code, f"{done.output}\n{done.stderr}\n{done.exception!r}"
    return done


def sentence(*arguments):
    """The one line that says what was wrong."""
    (line,) = [line for line in run(*arguments, code=1).stderr.splitlines() if line.startswith("error: ")]
    return line


def test_scenes_from_the_run_to_the_files(fo, scenes_folder, tmp_path):
    asked = ["--data", scenes_folder, "--name", "eight", "--slice", "size", "--slice", "hard"]
    asked += ["--report", tmp_path / "report", "--export", tmp_path / "out"]
    for path in (scenes_folder, *scenes_folder.rglob("*")):
        os.utime(path, (10**9, 10**9))  # nothing was changed while it runs
    done = run(*asked)
    dataset = fo.load_dataset("eight")
    assert len(dataset) == 8 and "'eight', 8 pictures" in done.stdout
    assert dataset.info["dfine"]["dfine"]["model"] == "demo" and "note: " not in done.stderr
    assert re.search(r"^layer 3 +0\.\d{3}", done.stdout, re.MULTILINE)
    assert re.search(r"^ +\d+  most uncertain edges$", done.stdout, re.MULTILINE)
    assert re.search(r"^of the boxes with a score of 0.5 or more \d+ are right; \d+ ", done.stdout, re.MULTILINE)
    assert re.search(r"^hard +(True|False) +\d+ +0\.\d{3} +0\.\d{3}$", done.stdout, re.MULTILINE)
    assert "By size" in (tmp_path / "report" / "report.html").read_text()
    assert len(dataset.list_saved_views()) == 9 and dataset.list_workspaces() == ["D-FINE"]
    assert "By hard case" in (tmp_path / "report" / "report.html").read_text()
    assert dataset.count_values("hard") == {True: 4, False: 4}
    before = json.loads((scenes_folder / "annotations.json").read_text())
    after = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert after["images"] == before["images"] and after["categories"] == before["categories"]
    assert [a["bbox"] for a in after["annotations"]] == [a["bbox"] for a in before["annotations"]]

    # The same once more is one sentence, until somebody changes something.
    assert re.fullmatch(
        r"nothing has changed since [\d :-]+: the FiftyOne data set 'eight' \(8 pictures\), "
        rf"{tmp_path}/report, {tmp_path}/out are as they were; --again runs anyway\n",
        run(*asked).stdout,
    )
    assert "is not an empty folder" in sentence(*asked, "--again")
    dataset.tag_samples("seen")
    assert "is not an empty folder" in sentence(*asked)

    ids = dataset.values("dfine.detections.id", unwind=True)
    run("--data", scenes_folder, "--name", "eight")
    dataset.reload()
    assert dataset.values("dfine.detections.id", unwind=True) == ids
    assert len(dataset.list_saved_views()) == 9


def test_a_persons_own_pictures_are_looked_at_by_the_model_of_photographs(fo, tmp_path):
    Image.new("RGB", (96, 64), "teal").save(tmp_path / "a.png")
    done = run("--data", tmp_path, "--name", "own")
    assert fo.load_dataset("own").info["dfine"]["dfine"]["model"] == "photos"
    (note,) = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert "photos found nothing: it finds person, car, cat, bus, train and nothing else, and boxes with scores" in note
    done = run("--data", tmp_path, "--name", "own", "--model", "demo")
    (note,) = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert note.startswith("note: the model demo knows drawings of 24 things, not photographs; ")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_what_is_stopped_says_that_it_goes_on(fo, scenes_folder, ending):
    asked = "explore", "--no-app", "--data", scenes_folder, "--name", f"stopped-{int(ending)}", "--batch", 1
    command = [sys.executable, "-m", "dfine", *map(str, asked)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        said = ""
        while "dfine:" not in said and (letter := running.stderr.read(1)):
            said += letter
        running.send_signal(ending)
        said += running.stderr.read()
    assert running.returncode == 130 and "Traceback" not in said
    assert "note: stopped; what was looked at is stored, and the same command goes on from there" in said
    run(*asked[2:])
    assert fo.load_dataset(f"stopped-{int(ending)}").count("dfine_run") == 8


def test_two_runs_do_not_fill_one_data_set(fo, scenes_folder):
    with alone("twice"):
        said = sentence("--data", scenes_folder, "--name", "twice")
    assert f"exploring 'twice' is under way already (process {os.getpid()} on " in said
    assert said.endswith("wait for it, or choose another --name") and tempfile.gettempdir() not in said
    assert not fo.dataset_exists("twice")


def test_bad_input_is_said_before_the_network_runs(fo, scenes_folder, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "is not an empty folder" in sentence("--data", scenes_folder, "--export", tmp_path / "full")
    assert "--no-ask belongs to --suspects" in sentence("--data", scenes_folder, "--no-ask")
    new = tmp_path / "new"
    assert "is a folder; --sampling names the CSV file" in sentence("--data", scenes_folder, "--sampling", tmp_path)
    assert "both are 'dfine'" in sentence("--data", scenes_folder, "--compare", "dfine")
    assert "--suspects and --sampling both write to" in sentence(
        "--data", scenes_folder, "--suspects", new, "--sampling", new
    )
    said = sentence("--data", scenes_folder, "--suspects", new, "--report", new / "report")
    assert f"--report {new / 'report'} would lie in --suspects {new}, which is a file" in said
    assert "need a folder each" in sentence("--data", scenes_folder, "--export", new, "--prelabel", new)
    assert "no file, folder or FiftyOne data set 'nothing'" in sentence("--data", "nothing")
    said = sentence("--data", scenes_folder, "--name", "not-looked-at", "--slice", "ground_truth.occluded")
    assert "no field 'ground_truth.occluded' with plain values to make slices by; there are size, class, tags" in said
    assert ", hard, " in said and "ground_truth.visible" in said and "filepath" not in said
    assert not fo.dataset_exists("not-looked-at"), "it was said before the looking, and what was made for it goes again"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = ["--app", "--port", other.getsockname()[1]]
        assert "is in use" in sentence("--data", scenes_folder, *busy)
    assert not new.exists()
