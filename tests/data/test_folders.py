import subprocess
import sys
import unicodedata
import zlib

import pytest
from PIL import Image

from dfine.data import folders


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def touch_later(path):
    """Touch a file in a folder that was looked into before, once the clock of the disk goes on."""
    before = path.parent.stat().st_mtime_ns
    while path.parent.stat().st_mtime_ns == before:
        path.unlink(missing_ok=True)
        path.touch()


def test_an_empty_folder(tmp_path):
    assert folders.pictures(tmp_path) == folders.unread(tmp_path) == folders.subfolders(tmp_path) == []


def test_what_systems_and_notebooks_leave_behind_is_no_picture(tmp_path):
    touch(tmp_path, "b.jpg", "A.PNG", "part/c.webp", "notes.txt", "film.mpg", "page.pdf", "plan.eps")
    touch(
        tmp_path, "._b.jpg", ".hidden.png", ".ipynb_checkpoints/b-checkpoint.jpg", "__MACOSX/part/c.webp", "Thumbs.db"
    )
    found = [path.relative_to(tmp_path).as_posix() for path in folders.pictures(tmp_path)]
    assert found == ["A.PNG", "b.jpg", "part/c.webp"]
    assert folders.subfolders(tmp_path) == [tmp_path / "part"]


def test_photographs_that_cannot_be_read_are_named(tmp_path):
    touch(tmp_path, "a.JXL", "part/b.dng", "c.jpg", "._a.JXL", "d.CR2", "e.nef")
    found = folders.unread(tmp_path)
    assert [path.name for path in found] == ["a.JXL", "d.CR2", "e.nef", "b.dng"]
    said = folders.passed_over(found, tmp_path)
    assert said.startswith("4 photographs in ") and "(a.JXL, d.CR2, e.nef and 1 more)" in said
    assert "convert to JPEG" in said
    assert folders.passed_over(found[:1], tmp_path).startswith("1 photograph in ")


@pytest.mark.parametrize(
    "name",
    [
        "images/a.jpg",
        "./images/a.jpg",
        "data/images/a.jpg",
        "../set/images/a.jpg",
        "images\\a.jpg",
        "C:\\set\\images\\a.jpg",
        "D:/set/images/a.jpg",
        "/home/somebody/set/images/a.jpg",
        "..\\images\\a.jpg",
    ],
)
def test_files_of_a_data_set_that_was_moved_are_found(tmp_path, name):
    touch(tmp_path, "images/a.jpg")
    assert folders.located(name, [tmp_path / "none", tmp_path]).resolve() == tmp_path / "images" / "a.jpg"


def test_a_name_is_taken_as_it_stands_first(tmp_path):
    touch(tmp_path, "a/b.jpg", "b.jpg", "odd\\name.jpg")
    assert folders.located("a/b.jpg", [tmp_path]) == tmp_path / "a" / "b.jpg"
    assert folders.located("odd\\name.jpg", [tmp_path]) == tmp_path / "odd\\name.jpg"
    assert folders.located("c.jpg", [tmp_path]) is None
    assert folders.located("..", [tmp_path / "none"]) is None


def test_of_a_folder_enough_of_the_name_must_stay(tmp_path):
    touch(tmp_path, "images/a.jpg")
    assert folders.located("../test/images", [tmp_path]) == tmp_path / "images"
    assert folders.located("../test/images", [tmp_path], 2) is None
    assert folders.located("../images", [tmp_path], 2) == tmp_path / "images"


@pytest.mark.parametrize(("orientation", "expected"), [(1, (40, 20)), (3, (40, 20)), (6, (20, 40)), (8, (20, 40))])
def test_the_size_in_which_a_picture_is_shown(tmp_path, orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert folders.size_shown(tmp_path / "a.jpg") == expected


def test_a_size_that_cannot_be_read(tmp_path):
    touch(tmp_path, "a.jpg")
    with pytest.raises(ValueError, match="a.jpg is not a picture in a format that can be read"):
        folders.size_shown(tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError, match="there is no picture"):
        folders.size_shown(tmp_path / "b.jpg")


def test_capitals_count_only_where_files_differ_in_nothing_else(tmp_path):
    touch(tmp_path, "Images/A.JPG", "Images/b.jpg", "Images/B.jpg")
    assert folders.found(tmp_path / "images" / "a.jpg") == tmp_path / "Images" / "A.JPG"
    assert folders.located("data\\images\\a.jpg", [tmp_path]) == tmp_path / "Images" / "A.JPG"
    for name in ("b.jpg", "B.jpg"):
        assert folders.found(tmp_path / "Images" / name).name == name
    assert folders.found(tmp_path / "images" / "c.jpg") is None
    touch_later(tmp_path / "Images" / "c.JPG")  # a folder that was looked into may change
    assert folders.found(tmp_path / "images" / "c.jpg").name == "c.JPG"
    assert [p.name for p in folders.files(tmp_path, ".jpg", below=True)] == ["A.JPG", "B.jpg", "b.jpg", "c.JPG"]
    assert folders.files(tmp_path, ".jpg") == folders.files(tmp_path / "none", ".jpg") == []


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_letter_and_its_accent_are_one_or_two(tmp_path, form):
    """Disks of Macs, and archives made there, have two; what lists the pictures may have one, or the other way."""
    other = "NFD" if form == "NFC" else "NFC"
    named, asked = (unicodedata.normalize(f, "Café 1.jpg") for f in (form, other))
    assert named != asked
    picture = tmp_path / named
    picture.touch()
    assert folders.located(asked, [tmp_path]).samefile(picture)
    assert folders.picture_called(tmp_path, asked.removesuffix(".jpg")).samefile(picture)


def test_names_that_no_disk_holds_are_not_there(tmp_path):
    for name in ("x" * 300, "x" * 5000, "a\0b"):
        assert folders.found(tmp_path / name) is None and folders.located(name, [tmp_path]) is None


def test_a_tenth_is_held_out_by_the_name_of_the_file_only():
    names = [f"picture {i} é.jpg" for i in range(2000)]
    out = [name for name in names if folders.held_out(name)]
    assert out == [name for name in names if zlib.crc32(name.encode("utf-8")) % 10 == 0]
    assert 150 < len(out) < 250
    assert all(folders.held_out(place.format(name)) for name in out for place in ("a/{}", "/b/c/{}", "d\\{}"))


def test_a_size_that_no_picture_here_may_have(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow opens nothing of twice as many
    Image.new("RGB", (7, 3)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a.png has more than the 120 million pixels allowed; scale it down first"):
        folders.size_shown(tmp_path / "a.png")


def test_a_picture_is_found_by_its_name_without_the_ending(tmp_path):
    touch(tmp_path, "a [1].png", "a [1].json", "a [1].txt", "b.xml")
    assert folders.picture_called(tmp_path, "a [1]") == tmp_path / "a [1].png"
    assert folders.picture_called(tmp_path, "b") is folders.picture_called(tmp_path / "none", "b") is None
    touch_later(tmp_path / "b.JXL")  # that it cannot be read is said where it is read
    assert folders.picture_called(tmp_path, "b") == tmp_path / "b.JXL"


def test_endings_are_known_before_any_picture_was_read():
    """The first look adds those of plug-ins to Pillow's own."""
    said = "from dfine.data.folders import suffixes; print(sorted(suffixes() & {'.jpg', '.png', '.txt'}))"
    assert subprocess.check_output([sys.executable, "-c", said], text=True).strip() == "['.jpg', '.png']"
