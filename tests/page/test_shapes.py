"""What callers may send to the public endpoints, and the sentence for everything else."""

import os

import pytest

pytest.importorskip("gradio")

from dfine.page.endpoints import PUBLIC
from dfine.page.shapes import PARAMETERS, complaint, file_in


def test_every_public_endpoint_has_its_parameters():
    assert set(PARAMETERS) == set(PUBLIC)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "uploads" / "a" / "picture.jpg"
    path.parent.mkdir(parents=True)
    path.touch()
    return {"path": str(path), "orig_name": "picture.jpg", "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    "endpoint, rest",
    [
        ("detect", []),
        ("detect", ["", 0.5]),
        ("detect", [None, None]),
        ("detect", ["demo", 0]),
        ("inspect", ["", 3, None, 0.9]),
        ("inspect", ["", 0, 7.0]),
    ],
)
def test_what_is_right_passes(tmp_path, picture, endpoint, rest):
    assert complaint(endpoint, [picture, *rest], tmp_path / "uploads") is None
    named = dict(zip(PARAMETERS[endpoint], [picture, *rest]))
    assert complaint(endpoint, named, tmp_path / "uploads") is None
    assert complaint("models", [], tmp_path) is None and complaint("models", {}, tmp_path) is None


def test_a_picture_lies_among_the_uploads(tmp_path, picture):
    uploads = tmp_path / "uploads"
    (tmp_path / "secret.jpg").touch()
    (uploads / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    for path in ("/etc/passwd", f"{uploads}/../secret.jpg", f"{uploads}/link.jpg", f"{uploads}/none.jpg", str(uploads)):
        said = complaint("detect", [{"path": path}], uploads)
        assert said.startswith("there is no uploaded picture") and str(tmp_path) not in said
    for value in (
        "a.jpg",
        {},
        [],
        3,
        {"url": "http://localhost/"},
        {"path": None},
        {"path": "a\0b"},
        {"path": "x" * 5000},
    ):
        assert complaint("detect", [value], uploads).startswith("the picture is ")
    assert (
        complaint("detect", [None], uploads) == complaint("detect", [], uploads) == "a picture is needed; send a file"
    )


@pytest.mark.parametrize(
    "endpoint, place, value, said",
    [
        ("detect", 1, 3, "the model is 3, not the name of one"),
        ("detect", 1, "x" * 501, "the model is a long text"),
        ("detect", 2, "0.5", "threshold is '0.5', not a number from 0 to 1"),
        ("detect", 2, True, "threshold is True"),
        ("detect", 2, 1.5, "threshold is 1.5"),
        ("detect", 2, float("nan"), "threshold is nan"),
        ("detect", 2, [0.5], "threshold is a list"),
        ("inspect", 2, -1, "index is -1, not a whole number from 0"),
        ("inspect", 2, 0.5, "index is 0.5"),
        ("inspect", 2, 10**400, "index is a long number"),
        ("inspect", 3, {}, "query is a table of values"),
        ("inspect", 4, 2, "mass is 2, not a number from 0 to 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, picture, endpoint, place, value, said):
    data = [picture, "", None, None, None][: len(PARAMETERS[endpoint])]
    data[place] = value
    assert complaint(endpoint, data, tmp_path / "uploads").startswith(said)


@pytest.mark.parametrize("data", [None, 5, "x", [None] * 6, {"foo": 1}])
def test_other_numbers_of_values(tmp_path, data):
    assert complaint("inspect", data, tmp_path).startswith("/inspect takes picture, model, index, query, mass")


def test_only_what_begins_with_the_folder_is_looked_at(tmp_path, picture, monkeypatch):
    """Windows would ask another machine for `//machine/share/a.jpg`, and tell it who asks."""
    uploads, looked = tmp_path / "uploads", []
    (tmp_path / "link").symlink_to(uploads, target_is_directory=True)
    (uploads / "out").symlink_to(tmp_path)
    (tmp_path / "other.jpg").touch()
    assert file_in(uploads, picture["path"]).samefile(picture["path"])
    assert file_in(tmp_path / "link", str(tmp_path / "link" / "a" / "picture.jpg")), "as it is called"
    assert file_in(tmp_path / "link", picture["path"]), "as it lies there"
    assert file_in(uploads, str(uploads / "out" / "other.jpg")) is None
    assert file_in(uploads, str(uploads)) is None

    realpath = os.path.realpath
    monkeypatch.setattr(
        os.path, "realpath", lambda path, **how: looked.append(os.fspath(path)) or realpath(path, **how)
    )
    for path in ("//machine/share/a.jpg", str(tmp_path / "other.jpg"), f"{uploads}/../other.jpg", "a.jpg"):
        assert file_in(uploads, path) is None
    assert set(looked) <= {str(uploads)}
