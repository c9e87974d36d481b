"""Which boxes each saved view shows, and in which order, on objects made by hand."""

import pytest

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore import views, workspace

RIGHT = dict(error="correct", gain=0.0, doubt=0.05, confidence=0.9)
INFO = dict(layers=3, input=[320, 320], truth="ground_truth", names=["a", "b", "c", "h"])


def box(label, side=0.5, **more):
    return fiftyone.Detection(label=label, bounding_box=[0.1, 0.1, side, side], **more)


def picture(name, found=(), truth=()):
    """A sample from (label, what differs from a right detection), and from (label, side, error, stage, …, best)."""
    sample = fiftyone.Sample(filepath=f"/pictures/{name}.jpg")
    sample["dfine"] = fiftyone.Detections(detections=[box(label, **RIGHT | more) for label, more in found])
    objects = [
        box(label, side, dfine_error=error, dfine_found=stage, dfine_best=float(best[0]) if best else 0.5)
        for label, side, error, stage, *best in truth
    ]
    sample["ground_truth"] = fiftyone.Detections(detections=objects)
    return sample


PICTURES = [
    picture("fine", [("a", {})], [("a", 0.5, "found", 0)]),
    picture("worse", [("b", dict(gain=-0.06)), ("not", dict(gain=-0.04)), ("not", dict(gain=-0.5, confidence=0.2))]),
    picture("worst", [("b", dict(gain=-0.2)), ("not", dict(gain=-0.5, error="Dupe"))]),
    picture("label", [("c", dict(error="Cls")), ("not", dict(error="Cls", doubt=0.3))], [("x", 0.5, "Cls", None)]),
    picture("second", [("c", dict(error="Cls", confidence=0.85))], [("x", 0.5, "found", 0)]),
    picture("wide", [], [("h", 0.3, "Miss", None, 0), ("not", 0.3, "Cls", None, 0), ("not", 0.3, "Miss", None, 0.2)]),
    picture("wider", [], [("h", 0.4, "Miss", None, 0.09), ("unknown", 0.5, "Miss", None, 0)]),
    picture("surer", [("c", dict(error="Loc", confidence=0.95)), ("not", dict(error="Both", confidence=0.6))]),
    picture("extra", [("d", dict(error="Bkg")), ("not", dict(error="Bkg", doubt=0.3))]),
    picture("late", [("e", {}), ("not", dict(error="Dupe"))], [("e", 0.2, "found", 3), ("not", 0.2, "found", 2)]),
    picture("large", [("e", {})], [("e", 0.4, "found", 3)]),
    picture("vague", [("f", dict(doubt=0.4))]),
    picture("vaguer", [("f", dict(doubt=0.5)), ("not", dict(doubt=0.9, confidence=0.4))]),
    picture("tiny", [], [("g", 0.09, "Miss", None), ("not", 0.11, "Miss", None), ("not", 0.05, "found", 0)]),
    picture("tiniest", [], [("g", 0.05, "Miss", None), ("not", 0.05, "", None)]),
]
EXPECTED = {
    "refinement made it worse": ("b", ["worst", "worse"]),
    "sure and wrong": ("c", ["surer", "label", "second"]),
    "probably wrong classes": ("c", ["label"]),
    "probably missing labels": ("d", ["extra"]),
    "probably extra labels": ("h", ["wider", "wide"]),
    "only the last layer got it right": ("e", ["large", "late"]),
    "most uncertain edges": ("f", ["vaguer", "vague"]),
    "tiny and lost": ("g", ["tiniest", "tiny"]),
}


@pytest.fixture
def dataset(fo):
    dataset = fo.Dataset()
    dataset.add_samples(s.copy() for s in PICTURES)
    for sample in dataset.iter_samples(autosave=True):  # each detection lies on the object that is listed with it
        for found, truth in zip(sample["dfine"].detections, sample["ground_truth"].detections):
            found["truth_id"] = truth.id
    dataset.add_dynamic_sample_fields()
    dataset.info["dfine"] = {"dfine": INFO}
    dataset.save()
    yield dataset
    dataset.delete()


def test_of_an_empty_data_set_the_views_are_empty(fo):
    dataset = fo.Dataset()
    dataset.add_samples([PICTURES[0].copy()])
    dataset.add_dynamic_sample_fields()
    dataset.info["dfine"] = {"dfine": INFO}
    dataset.delete_samples(dataset)
    assert views.save(dataset) == dict.fromkeys([views.REPORTED, *EXPECTED], 0)
    dataset.delete()


def test_each_view_answers_its_question(dataset):
    counts = views.save(dataset)
    assert set(dataset.list_saved_views()) == {views.REPORTED, *EXPECTED} == set(counts)
    whole = dataset.load_saved_view(views.REPORTED)
    assert len(whole) == len(dataset) and min(whole.values("dfine.detections.confidence", unwind=True)) >= views.SHOWN
    assert counts[views.REPORTED] == whole.count("dfine.detections") < dataset.count("dfine.detections")
    for question in views.questions(dataset):
        label, names = EXPECTED[question.name]
        view = dataset.load_saved_view(question.name)
        assert [s.filepath[len("/pictures/") : -len(".jpg")] for s in view] == names, question.name
        assert set(view.distinct(f"{question.field}.detections.label")) == {label}, question.name
        assert counts[question.name] == len(names)
        assert dataset.get_saved_view_info(question.name)["description"] == question.about
    assert dataset.load_saved_view("only the last layer got it right").distinct("dfine.detections.label") == ["e"]


@pytest.mark.parametrize("threshold, told", [(0.05, "0.1"), (0.3, "0.3")])
def test_nothing_was_found_as_far_as_is_stored(dataset, threshold, told):
    dataset.info["dfine"] = {"dfine": INFO | {"threshold": threshold}}
    about = {question.name: question.about for question in views.questions(dataset)}
    assert f"nothing was found with a score of {told} or more" in about["probably extra labels"]


def test_saving_again_replaces(dataset):
    assert views.save(dataset) == views.save(dataset)
    assert len(dataset.list_saved_views()) == 1 + len(EXPECTED)


def test_a_persons_view_of_such_a_name_stays(dataset):
    dataset.save_view("sure and wrong", dataset.limit(2))
    with pytest.warns(UserWarning, match="'sure and wrong' .* stays as it is"):
        counts = views.save(dataset)
    assert len(dataset.load_saved_view("sure and wrong")) == 2 and "sure and wrong" not in counts
    assert counts["sure and wrong (D-FINE)"] == 3 == len(dataset.load_saved_view("sure and wrong (D-FINE)"))


def test_without_answers_only_the_edges_are_asked_about(fo):
    dataset = fo.Dataset()
    sample = fiftyone.Sample(filepath="/pictures/x.jpg")
    sample["dfine"] = fiftyone.Detections(detections=[box("f", confidence=0.9, doubt=0.6)])
    dataset.add_samples([sample])
    dataset.add_dynamic_sample_fields()
    dataset.info["dfine"] = {"dfine": INFO}
    assert views.save(dataset) == {"reported boxes": 1, "most uncertain edges": 1}
    dataset.delete()


def test_a_second_model_has_views_of_its_own(dataset):
    dataset.clone_sample_field("dfine", "other")
    dataset.info["dfine"] = {"dfine": INFO, "other": INFO}
    views.save(dataset)
    views.save(dataset, "other")
    assert "sure and wrong (other)" in dataset.list_saved_views()
    assert "sure and wrong" in dataset.list_saved_views()


def test_where_nothing_was_explored(fo):
    dataset = fo.Dataset()
    with pytest.raises(ValueError, match="holds no exploration 'dfine'"):
        views.save(dataset)
    dataset.delete()


def test_the_workspace_opens_on_pictures_and_panel(dataset):
    workspace.save(dataset)
    workspace.save(dataset)
    assert dataset.list_workspaces() == [workspace.WORKSPACE]
    left, right = dataset.load_workspace(workspace.WORKSPACE).children
    assert [p.type for p in left.children] == ["Samples"]
    assert [p.type for p in right.children] == ["dfine_edges", "Histograms"]  # nothing was evaluated here
    assert [s.active_child for s in (left, right)] == [s.children[0].component_id for s in (left, right)]
    assert dataset.app_config.active_fields.paths == ["ground_truth", "dfine"]
    colours = {entry["path"]: entry["fieldColor"] for entry in dataset.app_config.color_scheme.fields}
    assert list(colours) == [
        "dfine_initial",
        "dfine_layer_1",
        "dfine_layer_2",
        "dfine",
        "ground_truth",
        "dfine_suspects",
    ]
    assert len(set(colours.values())) == 6
    dataset.save_workspace("d-fine", workspace.spaces(), description="mine", overwrite=True)  # FiftyOne's same name
    with pytest.warns(UserWarning, match="the workspace 'd-fine' .* stays as it is"):
        workspace.save(dataset)
    assert dataset.list_workspaces() == ["d-fine"] and dataset.get_workspace_info("d-fine")["description"] == "mine"
