"""Looking at pictures: what is stored where, twice, after an interruption, and with pictures that cannot be read."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from dfine.explore import fields
from dfine.inference.predictor import Predictor
from tests.explore.worlds import predictor

FIELDS = ["dfine_initial", "dfine_layer_1", "dfine_layer_2", "dfine"]


@pytest.fixture(scope="module")
def model():
    return predictor(("cat", "dog"), queries=10, size=(64, 64))


@pytest.fixture
def photos(tmp_path):
    """Six pictures of different sizes, the third of them broken."""
    rng = np.random.default_rng(0)
    for i in range(6):
        pixels = rng.integers(0, 255, (40 + 8 * i, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    (tmp_path / "2.png").write_bytes(b"no picture")
    return tmp_path


def test_what_reads_pictures_can_be_sent_to_other_processes(model, photos):
    from dfine.explore.model import DFineModel
    from dfine.explore.run import _Files

    files = _Files([str(photos / "0.png"), str(photos / "2.png")], DFineModel(model, classes=["cat"]).build_get_item())
    read, broken = pickle.loads(pickle.dumps(files))
    assert read["pixels"].shape == (3, 64, 64) and "2.png" in broken["error"]


@pytest.fixture
def quiet():
    from dfine.explore.run import Pace

    return Pace(batch=2, progress=False)


def stored(dataset, *names):
    """Everything in some fields, without the ids that are new each time."""

    def kept(detection):
        return {key: value for key, value in detection.iter_fields() if key not in ("id", "record")}

    return {s.filepath: {n: s[n] and [kept(d) for d in s[n].detections] for n in names} for s in dataset}


@pytest.mark.usefixtures("fo")
def test_a_folder_without_answers(photos, model, quiet, tmp_path_factory):
    from dfine.explore.run import explore

    with pytest.warns(UserWarning, match="1 of 6 pictures cannot be read.*'2.png'"):
        dataset = explore(photos, model, pace=quiet, name="photos-a")
    info = dataset.info["dfine"]["dfine"]
    assert info["names"] == ["cat", "dog"] and info["layers"] == 3 and fields.card(info).input_size == (64, 64)
    assert info["names_report"]["model_only"] == ["cat", "dog"] and "evaluation" not in info
    assert dataset.list_evaluations() == []
    assert dataset.count_values("dfine_run") == {info["run"]: 5, None: 1}
    assert [s.filepath[-5:] for s in dataset.match_tags("unreadable")] == ["2.png"]
    for name in FIELDS:
        assert len(dataset.exists(name)) == 5 and dataset.count(f"{name}.detections") == 5 * 20

    # A broken picture stops no export: it is left out.
    from dfine.explore import export
    from dfine.explore.coco_writer import CocoWriter

    for form in ("coco", "yolo"):
        folder = export.prelabels(dataset, tmp_path_factory.mktemp("pre") / form, form, threshold=0.05)
        order = (folder / "order.csv").read_text().splitlines()
        assert len(order) == 1 + 5 and not any("2.png" in line for line in order)
        assert len(list(folder.rglob("*.png"))) == 5
    writer = CocoWriter(dataset, ["cat"])
    with pytest.warns(UserWarning, match="2.png cannot be read, so it is left out"):
        assert writer.picture(dataset.match_tags("unreadable").first()) is None
    assert writer.images == [] and writer.files == {}

    sample = dataset.first()
    height = sample.metadata.height
    found = model(sample.filepath, threshold=0.05).detections
    np.testing.assert_allclose([d.confidence for d in sample.dfine.detections], found.scores, atol=1e-5)
    np.testing.assert_allclose([d.boxes[-1] for d in sample.dfine.detections], found.boxes, atol=1e-3 * height)


def test_pictures_without_answers_among_others_are_counted(fo, photos, model, quiet):
    from dfine.explore.run import explore

    dataset = fo.Dataset("photos-in-part")
    dataset.add_samples([fo.Sample(filepath=str(photos / f"{i}.png")) for i in (0, 1, 3)])
    boxes = [fo.Detection(label=name, bounding_box=[0.1, 0.1, 0.5, 0.5]) for name in ("cat", "dog")]
    dataset.set_values("ground_truth", [fo.Detections(detections=boxes), None, fo.Detections()])
    with pytest.warns(UserWarning, match=r"1 of 3 pictures have no answers in 'ground_truth'.*clone\(NAME\)"):
        explore(dataset, model, pace=quiet)


@pytest.mark.usefixtures("fo")
def test_again_changes_nothing_and_a_mended_picture_is_made_up_for(photos, model, quiet, monkeypatch):
    from dfine.explore.model import DFineModel
    from dfine.explore.run import explore

    with pytest.warns(UserWarning):
        dataset = explore(photos, model, pace=quiet, name="photos-b")
    before, ids = stored(dataset, *FIELDS), dataset.values("dfine.detections.id")
    Image.new("RGB", (32, 32)).save(photos / "2.png")
    seen = []
    look = DFineModel.look
    monkeypatch.setattr(DFineModel, "look", lambda self, items: seen.extend(items) or look(self, items))
    again = explore(photos, model, pace=quiet, name="photos-b")
    assert [item["filepath"][-5:] for item in seen] == ["2.png"]
    assert again is dataset and again.count_sample_tags() == {}
    after = stored(dataset, *FIELDS)
    assert {k: v for k, v in after.items() if not k.endswith("2.png")} == {
        k: v for k, v in before.items() if not k.endswith("2.png")
    }
    assert [a for a, b in zip(dataset.values("dfine.detections.id"), ids) if b] == [b for b in ids if b]


@pytest.mark.usefixtures("fo")
def test_an_interrupted_run_goes_on(photos, model, quiet, monkeypatch):
    from dfine.explore.model import DFineModel
    from dfine.explore.run import explore

    Image.new("RGB", (32, 32)).save(photos / "2.png")
    look, calls = DFineModel.look, []

    def stumbling(self, items):
        calls.append(len(items))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return look(self, items)

    monkeypatch.setattr(DFineModel, "look", stumbling)
    with pytest.raises(KeyboardInterrupt):
        explore(photos, model, pace=quiet, name="photos-c")
    dataset = explore(photos, model, pace=quiet, name="photos-c")
    assert calls == [2, 2, 2, 2]  # the first two pictures are not looked at again
    run = dataset.info["dfine"]["dfine"]["run"]
    assert dataset.count_values("dfine_run") == {run: 6}


def test_another_model_takes_the_place_of_the_first_or_a_field_beside_it(fo, photos, model, quiet):
    from dfine.explore import store
    from dfine.explore.run import explore

    (photos / "2.png").unlink()
    dataset = explore(photos, model, pace=quiet, name="photos-d")
    first = dataset.info["dfine"]["dfine"]["run"]
    kept = stored(dataset, *FIELDS)
    other = predictor(("cat", "dog"), queries=10, size=(64, 64), seed=1)
    explore(dataset, other, field="other", pace=quiet)
    assert stored(dataset, *FIELDS) == kept and set(dataset.info["dfine"]) == {"dfine", "other"}
    assert stored(dataset, "other_initial") != stored(dataset, "dfine_initial")

    explore(dataset, other, pace=quiet, keep=store.Keep(top=3))
    run = dataset.info["dfine"]["dfine"]["run"]
    assert dataset.count_values("dfine_run") == {run: 5} and run != first
    assert dataset.count("dfine.detections") == dataset.count("dfine_initial.detections") == 15


@pytest.mark.usefixtures("fo")
def test_fewer_layers_leave_nothing_of_the_ones_before(photos, model, quiet):
    from dfine.explore.run import explore

    (photos / "2.png").unlink()
    dataset = explore(photos, model, pace=quiet, name="photos-e")
    shorter = predictor(("cat", "dog"), queries=10, size=(64, 64), layers=2)
    explore(dataset, shorter, pace=quiet)
    assert not dataset.has_sample_field("dfine_layer_2") and dataset.has_sample_field("dfine_layer_1")
    assert {len(s) for scores in dataset.values("dfine.detections.scores") for s in scores} == {2}


def test_fiftyones_own_apply_model_stores_the_same(fo, photos, model, quiet):
    from dfine.explore import run
    from dfine.explore.model import DFineModel

    wrapped = DFineModel(model)
    mine, theirs = fo.Dataset(), fo.Dataset()
    for dataset in (mine, theirs):
        dataset.add_samples([fo.Sample(filepath=str(f)) for f in sorted(photos.glob("*.png"))], progress=False)
    run.prepare(mine, wrapped)
    with pytest.warns(UserWarning, match="1 of 6 pictures cannot be read"):
        assert run.apply(mine, wrapped, pace=run.Pace(batch=3, progress=False)) == [str(photos / "2.png")]
    with pytest.warns(UserWarning, match="'2.png'.*skipped"):
        theirs.apply_model(
            wrapped,
            label_field=wrapped.label_fields("dfine"),
            batch_size=3,
            num_workers=0,
            skip_failures=False,
            progress=False,
        )
    assert stored(theirs, *FIELDS) == stored(mine, *FIELDS)
    assert theirs.values("dfine_run") == mine.values("dfine_run")

    theirs.apply_model(wrapped, label_field="plain", num_workers=0, progress=False)
    assert theirs.has_sample_field("plain_last") and theirs.has_sample_field("plain_layer_2")


@pytest.mark.usefixtures("fo")
def test_one_picture_in_hand(model):
    from dfine.explore.model import DFineModel

    labels = DFineModel(model).predict(np.zeros((40, 60, 3), dtype=np.uint8))
    assert list(labels) == ["initial", "layer_1", "layer_2", "last", "run"]
    assert len(labels["last"].detections) == 20 and len(labels["last"].detections[0].boxes) == 4


def test_a_model_of_other_things_is_refused_before_anything_is_stored(fo, demo):
    from dfine.explore.run import explore

    dataset = fo.Dataset()
    sample = fo.Sample(filepath="nowhere.png")
    sample["ground_truth"] = fo.Detections(detections=[fo.Detection(label="cow", bounding_box=[0, 0, 1, 1])])
    dataset.add_sample(sample)
    with pytest.raises(ValueError, match="share no class name"):
        explore(dataset, demo)
    assert not dataset.has_sample_field("dfine")


def test_a_persons_own_field_is_not_written_over(fo, photos, model, quiet):
    from dfine.explore.run import explore

    (photos / "2.png").unlink()
    dataset = fo.Dataset()
    sample = fo.Sample(filepath=str(photos / "0.png"))
    sample["mine"] = fo.Detections(detections=[fo.Detection(label="cat", bounding_box=[0, 0, 1, 1])])
    dataset.add_sample(sample)
    with pytest.raises(ValueError, match="a field 'mine' of its own"):
        explore(dataset, model, field="mine", truth="ground_truth", pace=quiet)
    assert sample.mine.detections[0].label == "cat"


def test_what_a_person_has_deleted_or_renamed_is_found_anew_and_their_tags_stay(fo, photos, model, quiet):
    from dfine.explore.run import explore

    dataset = fo.Dataset("photos-renamed")
    dataset.add_samples([fo.Sample(filepath=str(photos / f"{i}.png")) for i in range(3)])
    boxes = [fo.Detection(label="cat", bounding_box=[0.1, 0.1, 0.5, 0.5])]
    dataset.set_values("ground_truth", [fo.Detections(detections=[box.copy() for box in boxes]) for _ in range(3)])
    dataset.limit(1).tag_samples("unreadable")  # the writing in it, say
    with pytest.raises(ValueError, match=r"a view of 'photos-renamed': make a data set of it \(view.clone"):
        explore(dataset.limit(2), model, pace=quiet)
    with pytest.warns(UserWarning, match="1 of 3 pictures cannot be read"):
        explore(dataset, model, pace=quiet)
    tags = [["unreadable"], [], ["unreadable"]]
    assert dataset.values("tags") == tags
    before = stored(dataset, *FIELDS)

    dataset.rename_sample_field("dfine", "renamed")
    dataset.delete_sample_field("dfine_layer_1")
    with pytest.warns(UserWarning, match="1 of 3 pictures cannot be read"):
        explore(dataset, model, pace=quiet)
    assert dataset.values("tags") == tags and dataset.count("renamed.detections") == 20
    assert stored(dataset, *FIELDS) == before
    Image.new("RGB", (32, 32)).save(photos / "2.png")
    explore(dataset, model, pace=quiet)
    assert dataset.values("tags") == [["unreadable"], [], []]


@pytest.mark.usefixtures("fo")
def test_sizes_are_the_pictures_own_and_classes_are_reported(photos, model, quiet):
    from dfine.explore.run import explore

    image = {"id": 1, "file_name": "0.png", "width": 128, "height": 80}  # the picture has 64 x 40
    truth = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [64, 40, 32, 20], "area": 640, "iscrowd": 0}
    names = [{"id": 1, "name": "Cat"}, {"id": 2, "name": "horse"}]
    (photos / "set.json").write_text(json.dumps({"images": [image], "annotations": [truth], "categories": names}))
    with pytest.warns(UserWarning) as warned:
        dataset = explore(photos / "set.json", model, pace=quiet)
    text = " / ".join(str(w.message) for w in warned)
    assert "1 of 1 pictures are not of the size that the data says" in text and "0.png" in text
    assert "cat = Cat" in text and "only in the model, left out: dog" in text
    assert "only in the data, counted as missed: horse" in text
    sample = dataset.first()
    assert (sample.metadata.width, sample.metadata.height) == (64, 40)
    assert {d.label for d in sample.dfine.detections} == {"Cat"}
    info = dataset.info["dfine"]["dfine"]
    assert info["names_report"]["data_only"] == ["horse"] and info["evaluation"]["objects"] == 1
    near = [d for d in sample.dfine.detections if d.truth_id]
    x, y, w, h = 32, 20, 16, 10  # the object, in pixels of the picture
    for d in near:
        x1, y1, x2, y2 = d.boxes[-1]
        inter = max(0, min(x2, x + w) - max(x1, x)) * max(0, min(y2, y + h) - max(y1, y))
        assert d.truth_iou == pytest.approx(inter / ((x2 - x1) * (y2 - y1) + w * h - inter), abs=1e-3)


@pytest.mark.usefixtures("fo")
def test_fewer_layers_are_another_run_with_their_own_stages(photos, model, quiet):
    """The stages of a model that stops early lie where its layers say; a whole run does not count as done for it."""
    from dfine.explore.run import explore

    (photos / "2.png").unlink()
    dataset = explore(photos, model, pace=quiet, name="photos-early")
    whole = dataset.info["dfine"]["dfine"]["run"]
    early = Predictor(model.engine, model.card, layers=2)
    explore(photos, early, pace=quiet, name="photos-early")
    info = dataset.info["dfine"]["dfine"]
    assert info["layers"] == 2 and info["run"] != whole
    assert dataset.count_values("dfine_run") == {info["run"]: 5}
    assert not dataset.has_sample_field("dfine_layer_2")
    for sample in dataset:
        found = early(sample.filepath, threshold=0.05)
        assert [d.query for d in sample.dfine.detections] == found.detections.query.tolist()
        assert {len(d.boxes) for d in sample.dfine.detections} == {3}  # initial and two layers
    explore(photos, model, pace=quiet, name="photos-early")
    assert dataset.count_values("dfine_run") == {whole: 5} and dataset.has_sample_field("dfine_layer_2")


@pytest.mark.usefixtures("fo")
def test_an_exported_file_explores_as_its_checkpoint_does(photos, model, quiet, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    import dfine
    from dfine.engines.onnx.export import export
    from dfine.explore.run import explore

    (photos / "2.png").unlink()
    file = tmp_path / "exported" / "model.onnx"
    export(model.network, model.card, file)
    dataset = explore(photos, dfine.load(file, "cpu"), pace=quiet, name="photos-file")
    info = dataset.info["dfine"]["dfine"]
    assert (info["layers"], info["model"], len(info["digest"])) == (3, str(file), 64)
    assert info["w"] == pytest.approx(model.engine.w.tolist())
    for sample in dataset:
        found = model(sample.filepath, threshold=0.05).detections
        np.testing.assert_allclose([d.confidence for d in sample.dfine.detections], found.scores, atol=1e-4)
