"""What the columns of a detector are called."""

import json
import re

import pytest

from dfine.data import labels
from dfine.weights.exceptions import CheckpointError
from dfine.weights.names import label_map, named, read_names

O365 = labels.KNOWN["objects365"]


@pytest.mark.parametrize(
    "classes, given, own, want",
    [
        (2, ["a", "b"], None, ("a", "b")),
        (2, ["a", "b"], ["x", "y"], ("a", "b")),
        (2, None, ["x", "y"], ("x", "y")),
        (2, None, ["LABEL_0", "LABEL_1"], ("LABEL_0", "LABEL_1")),
        (80, None, [f"LABEL_{i}" for i in range(80)], tuple(f"LABEL_{i}" for i in range(80))),
        (2, None, None, ("LABEL_0", "LABEL_1")),
        (2, None, ["unused 0", "x"], ("", "x")),  # as we write it for transformers
        (366, None, [f"mine {i}" for i in range(366)], tuple(f"mine {i}" for i in range(366))),
        (366, None, ["unused 0", *[f"mine {i}" for i in range(365)]], ("", *[f"mine {i}" for i in range(365)])),
        (1, "thing", None, ("thing",)),
        (80, None, None, labels.COCO),
        (366, None, None, O365),
        (366, labels.OBJECTS365, None, O365),
        (366, None, ["N/A", *labels.OBJECTS365], O365),
    ],
)
def test_label_map(classes, given, own, want):
    assert label_map(classes, given, own) == want


@pytest.mark.parametrize(
    "classes, given, own, said",
    [
        (2, ["a"], None, "2 classes, but names= has 1"),
        (2, [], None, "2 classes, but names= has 0"),
        (80, list("abc"), None, "80 classes, but names= has 3"),
        (2, None, ["x"], "2 classes, but 1 names come with it"),
        (366, ["a"] * 364, None, "366 classes, but names= has 364"),
        (2, [1, 2], None, r"names is \(1, 2\); it must be a list of strings"),  # it was saved, and could not be loaded
        (2, 5, None, r"names is \[5\]; it must be a list of strings"),
    ],
)
def test_names_that_do_not_fit(classes, given, own, said):
    with pytest.raises(CheckpointError, match=said):
        label_map(classes, given, own)


@pytest.mark.parametrize(
    "classes, given, own, said",
    [
        (2, ["a", "b"], None, None),
        (2, None, ["a", "b"], None),
        (80, None, None, "taken for COCO's; if they are others, give all of them: names="),
        (366, None, None, "taken for Objects365's; if they are others"),
        (5, None, None, "nothing names its 5 classes, so they are called LABEL_0 "),
        (2, None, ["LABEL_0", "LABEL_1"], "no better names than LABEL_0 .*--names.*`dfine names MODEL OUT --names"),
        (80, None, [f"LABEL_{i}" for i in range(80)], "no better names than LABEL_0"),
    ],
)
def test_guesses_and_fillers_are_said(classes, given, own, said):
    names, note = named(classes, given, own)
    assert len(names) == classes
    assert note is None if said is None else re.search(said, note)


# ── names on the command line ─────────────────────────────────────────────────────────────────────────────────────────

FILES = {
    "a.txt": "cat\nhot dog\n\nfish\n",
    "bom.names": "\ufeffcat\nhot dog\nfish",
    "list.json": json.dumps(["cat", "hot dog", "fish"]),
    "table.json": json.dumps({"2": "fish", "0": "cat", "1": "hot dog"}),
    "transformers.json": json.dumps({"id2label": {"0": "cat", "1": "hot dog", "2": "fish"}, "label2id": {}}),
    "ours.json": json.dumps({"schema": 1, "names": ["cat", "hot dog", "fish"]}),
    "coco.json": json.dumps(
        {"categories": [{"id": 11, "name": "fish"}, {"id": 1, "name": "cat"}, {"id": 2, "name": "hot dog"}]}
    ),
    "data.yaml": "path: .\nnc: 3\nnames:\n  0: cat\n  1: hot dog\n  2: fish\n",
    "list.yml": "names: [cat, hot dog, fish]",
}


@pytest.mark.parametrize("name", list(FILES))
def test_names_from_a_file(tmp_path, name):
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    assert read_names(str(tmp_path / name)) == ("cat", "hot dog", "fish")


def test_yaml_does_not_turn_names_into_other_things(tmp_path):
    (tmp_path / "a.yaml").write_text("names: [no, yes, on, 007, 1e3]")
    assert read_names(str(tmp_path / "a.yaml")) == ("no", "yes", "on", "007", "1e3")


@pytest.mark.parametrize("text, names", [("a", ("a",)), ("a,b", ("a", "b")), (" hot dog , b", ("hot dog", "b"))])
def test_names_by_themselves(text, names):
    assert read_names(text) == names


@pytest.mark.parametrize("text", ["", ",", "a,,b", "a,"])
def test_an_empty_name_is_refused(text):
    with pytest.raises(CheckpointError, match="names are written as a,b,c"):
        read_names(text)


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("a.json", "{", "the names in .*a.json cannot be read"),
        ("a.json", "[" * 100_000, "the names in .*a.json cannot be read"),
        ("a.json", "{}", "holds no names"),
        ("a.json", '{"names": 3}', "holds no names"),
        ("a.json", '{"x": "y"}', "holds no names"),
        ("a.yaml", "names: [a", "the names in .*a.yaml cannot be read"),
        ("a.txt", "", "holds no names"),
    ],
)
def test_a_file_that_holds_no_names(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(CheckpointError, match=said):
        read_names(str(tmp_path / name))


def test_a_file_that_is_not_there():
    with pytest.raises(CheckpointError, match="the names in nowhere.txt cannot be read: No such file"):
        read_names("nowhere.txt")


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)))
    with pytest.raises(CheckpointError, match="the names in .*a.txt cannot be read"):
        read_names(str(tmp_path / "a.txt"))
