"""What the commands share: names of files, tables, JSON."""

import io
from pathlib import Path

import pytest

from dfine.cli.terminal import apart, argument_at_home, expand, free, outside, speak_plainly, table, write_json


def test_expand_knows_paths_folders_and_globs(pictures):
    for name in ("notes.txt", "notes.pdf", "w.h5", "v.mpg", ".hidden.jpg"):
        (pictures / name).write_text("not a picture")
    a, b = pictures / "a.png", pictures / "b.jpg"
    assert expand([]) == []
    assert expand([str(pictures)]) == [a, b]
    assert expand([str(b), str(pictures / "*.png"), str(pictures)]) == [b, a]
    assert expand([str(pictures / "none.png")]) == [pictures / "none.png"], "reading it says that it is not there"


@pytest.mark.parametrize("form", ["{}", "--out={}", "--no-one-has-this={}"])
def test_a_home_folder_is_meant_where_no_shell_has_put_it(form, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # of Windows
    assert argument_at_home(form.format("~/a b/c=~.jpg")) == form.format(f"{tmp_path}/a b/c=~.jpg")
    for other in ("", "-", "a~/b", "./~", "~nobody-has-this-name.jpg", "webcam:0"):
        assert argument_at_home(form.format(other)) == form.format(other)
    assert [argument_at_home(a) for a in ("-t", "--", "--again", "a=~/b")] == ["-t", "--", "--again", "a=~/b"]


def test_what_an_editor_has_kept_is_a_file_and_nobodys_home_folder(pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    (pictures / "a.png").rename("~a.png")
    assert expand(["~a.png", "~b.png", "~*.png"]) == [Path("~a.png"), Path("~b.png")]
    apart(save=Path("~a.png"), json=Path("~b.png"))
    outside(dict(report=Path("~a/b"), export=None), files=())


def test_expand_of_an_empty_folder_says_so(tmp_path):
    with pytest.raises(ValueError, match="no picture in the folder"):
        expand([str(tmp_path)])


def test_a_file_name_with_brackets_is_a_file_first(tmp_path):
    odd = tmp_path / "a[1].png"
    odd.write_bytes(b"")
    assert expand([str(odd)]) == [odd]


def test_two_pictures_of_one_name_do_not_overwrite_each_other(tmp_path):
    taken = set()
    assert [free(tmp_path, "a", taken).name for _ in range(3)] == ["a.jpg", "a_2.jpg", "a_3.jpg"]
    assert free(tmp_path, "A", taken).name == "A_4.jpg", "which Windows and macOS would take for a.jpg"


def test_a_table():
    assert table([]) == ""
    assert table([{"name": "a", "AP": 1.5}, {"name": "long", "AP": None}]) == "name  AP\na     1.5\nlong  –"


def test_json_is_readable_text(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Übung"})
    assert "Übung" in (tmp_path / "a.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "encoding, want",
    [
        ("utf-8", "−0.1 → é 日 …"),
        ("cp1252", "-0.1 -> é \\u65e5 …"),
        ("cp1251", "-0.1 -> \\xe9 \\u65e5 …"),
        ("ascii", "-0.1 -> \\xe9 \\u65e5 ..."),
    ],
)
def test_what_an_encoding_lacks_is_printed_otherwise(encoding, want):
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding) as stream:
        speak_plainly(stream)
        stream.write("−0.1 → é 日 …")
        stream.flush()
        assert raw.getvalue().decode(encoding) == want


def test_photographs_that_cannot_be_read_are_not_passed_over(tmp_path, capsys):
    for name in ("a.dng", ".hidden.dng", "b.jpg"):
        (tmp_path / name).write_bytes(b"of a camera")
    assert expand([str(tmp_path)]) == [tmp_path / "b.jpg"]
    said = capsys.readouterr().err
    assert said.startswith("warning: 1 photograph in ") and "(a.dng): convert to JPEG or PNG first" in said
    (tmp_path / "b.jpg").unlink()
    with pytest.raises(ValueError, match="no picture in the folder"):
        expand([str(tmp_path)])
    assert "a.dng" in capsys.readouterr().err


def test_two_outputs_of_one_name_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    apart()
    apart(json=Path("-"), save=None, parquet=Path("a"))
    apart(json=Path("a.json"), parquet=Path("a.parquet"))
    with pytest.raises(ValueError, match="--json and --parquet both write to .*a; give each a name of its own"):
        apart(json=Path("a"), save=None, parquet=tmp_path / "a")


def test_an_output_in_a_file_or_in_a_folder_that_must_be_new_is_refused(tmp_path):
    def look(**outputs):
        outside(outputs, files=("suspects",), new=("export", "prelabel"))

    out = tmp_path / "out"
    look()
    look(suspects=out / "s.csv", report=out, export=None)
    look(suspects=out / "s.csv", report=out / "r", export=out / "e")
    look(export=out, prelabel=out / "labels")  # is written later
    with pytest.raises(ValueError, match=r"--report .*r would lie in --suspects .*out, which is a file; give each a"):
        look(suspects=out, report=out / "deep" / "r")
    with pytest.raises(ValueError, match="--suspects .*s.csv would lie in --export .*out, which is a new folder"):
        look(suspects=out / "s.csv", export=out)
    with pytest.raises(ValueError, match="--export .*labels would lie in --prelabel .*out, which is a new folder"):
        look(export=out / "labels", prelabel=out)
