import pytest
import torch
import yaml
from PIL import Image

from dfine.boxes import to_pixels
from dfine.data import yolo


def data_set(folder, lines=None, names=("cup", "key"), **content):
    """A data set of one split; `lines` maps names of pictures to the text of their labels (None: no file)."""
    (folder / "images" / "train").mkdir(parents=True)
    (folder / "labels" / "train").mkdir(parents=True)
    for stem, text in (lines or {}).items():
        Image.new("RGB", (40, 20)).save(folder / "images" / "train" / f"{stem}.jpg")
        if text is not None:
            (folder / "labels" / "train" / f"{stem}.txt").write_text(text)
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({"names": list(names), "train": "images/train"} | content))
    return path


def corners(data, index):
    _, target = data[index]
    return to_pixels(target.boxes, target.size)


def test_no_pictures(tmp_path):
    assert len(yolo.read(data_set(tmp_path), "train")) == 0


def test_a_picture_without_a_text_file_and_one_with_an_empty_one_have_no_objects(tmp_path):
    data = yolo.read(data_set(tmp_path, {"a": None, "b": "\n"}), "train")
    assert [len(data[i][1]) for i in range(2)] == [0, 0]


def test_boxes_are_relative_centres_and_sizes_and_polygons_become_boxes(tmp_path):
    text = "1 0.5 0.5 0.5 0.5\n0 0.25 0.5 0.75 0.5 0.5 1.0\n"
    data = yolo.read(data_set(tmp_path, {"a": text}), "train")
    assert data.names == ("cup", "key")
    assert data[0][1].labels.tolist() == [1, 0]
    torch.testing.assert_close(corners(data, 0), torch.tensor([[10.0, 5, 30, 15], [10.0, 10, 30, 20]]))


@pytest.mark.parametrize("names", [["cup", "key"], {0: "cup", 1: "key"}, {"0": "cup", "1": "key"}])
def test_names_may_be_a_list_or_numbered(tmp_path, names):
    path = data_set(tmp_path, {"a": "1 0.5 0.5 0.1 0.1"})
    path.write_text(yaml.safe_dump({"names": names, "train": "images/train"}))
    assert yolo.read(path, "train").names == ("cup", "key")


def test_sparse_numbers_stay_the_categories(tmp_path):
    path = data_set(tmp_path, {"a": "7 0.5 0.5 0.1 0.1"})
    path.write_text(yaml.safe_dump({"names": {7: "key", 2: "cup"}, "train": "images/train"}))
    data = yolo.read(path, "train")
    assert (data.names, data.category_ids, data[0][1].labels.tolist()) == (("cup", "key"), [2, 7], [1])


def test_a_list_of_pictures_and_labels_beside_them(tmp_path):
    path = data_set(tmp_path)
    Image.new("RGB", (40, 20)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 1 1")
    (tmp_path / "train.txt").write_text("./a.png\n\n")
    path.write_text(yaml.safe_dump({"names": ["cup"], "train": "train.txt"}))
    torch.testing.assert_close(corners(yolo.read(path, "train"), 0), torch.tensor([[0.0, 0, 40, 20]]))


def test_an_exported_file_that_was_moved_still_finds_its_pictures(tmp_path):
    path = data_set(tmp_path, {"a": None}, train="../images/train", valid="../images/train")
    assert {name: len(pictures) for name, pictures in yolo.splits(path).items()} == {"train": 1, "val": 1}


def test_a_turned_photo_has_the_size_in_which_it_is_shown(tmp_path):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 1 1"})
    picture, exif = Image.new("RGB", (40, 20)), Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "images" / "train" / "a.jpg", exif=exif)
    pixels, target = yolo.read(path, "train")[0]
    assert target.size == (20, 40)
    assert pixels.shape == (3, 40, 20)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2 0.5 0.5 0.1 0.1", r"line 1 of .*a\.txt names class 2; the classes are 0 to 1, counted from 0"),
        ("-1 0.5 0.5 0.1 0.1", r"names class -1"),
        ("0 0.5 0.5 0.1 0.1\ncup 0.5 0.5 0.1 0.1", r"line 2 of .*a\.txt is not numbers"),
        ("0 0.5 0.5 0.1", r"line 1 of .*a\.txt has 3 numbers after the class; a box has 4"),
        ("0 0.5 nan 0.1 0.1", "not finite"),
        ("0 0.5 0.5 0.1 0.1 0.87", "has 5 numbers after the class; a box has 4; a fifth is the score of a detection"),
        ("0 343.4 333.6 53 101", "line 1 of .* gives 343.4, but its numbers are shares of the picture's sides, 0 to 1"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", r"has 7 numbers after the class; a box has 4"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, said):
    with pytest.raises(ValueError, match=said):
        yolo.read(data_set(tmp_path, {"a": text}), "train")


POSE = "0 0.5 0.5 0.4 0.4 0.4 0.4 0.6 0.6\n1 0.25 0.5 0.5 0.5 0.1 0.3 0 0\n"  # the second keypoint is not seen
SEEN = "0 0.5 0.5 0.4 0.4 0.4 0.4 2 0.6 0.6 1\n"
TURNED = "0 0.5 0.1 0.9 0.5 0.5 0.9 0.1 0.5\n"  # a square on its corner
LONGER = "0 0.1 0.1 0.5 0.1 0.5 0.5 0.3 0.7 0.1 0.5\n"


@pytest.mark.parametrize(
    ("text", "said", "boxes"),
    [
        (POSE, {"kpt_shape": [2, 2]}, [[0.5, 0.5, 0.4, 0.4], [0.25, 0.5, 0.5, 0.5]]),
        (POSE, {"task": "pose"}, [[0.5, 0.5, 0.4, 0.4], [0.25, 0.5, 0.5, 0.5]]),
        (SEEN, {"kpt_shape": [2, 3]}, [[0.5, 0.5, 0.4, 0.4]]),
        ("0 0.5 0.5 0.4 0.4\n", {"kpt_shape": [17, 3]}, [[0.5, 0.5, 0.4, 0.4]]),
        (TURNED, {}, [[0.5, 0.5, 0.8, 0.8]]),
        (TURNED, {"task": "obb"}, [[0.5, 0.5, 0.8, 0.8]]),
        (TURNED + LONGER, {}, [[0.5, 0.5, 0.8, 0.8], [0.3, 0.4, 0.4, 0.6]]),
        (POSE + LONGER, {}, [[0.5, 0.5, 0.2, 0.2], [0.25, 0.25, 0.5, 0.5], [0.3, 0.4, 0.4, 0.6]]),  # polygons differ
        (POSE.splitlines()[0], {"task": "segment"}, [[0.5, 0.5, 0.2, 0.2]]),
    ],
)
def test_poses_oriented_boxes_and_segments_are_told_apart(tmp_path, text, said, boxes):
    _, target = yolo.read(data_set(tmp_path, {"a": text}, **said), "train")[0]
    torch.testing.assert_close(target.boxes, torch.tensor(boxes))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (
            POSE,
            r"8 numbers after the class.* box with 2 keypoints or a polygon: write `kpt_shape: \[2, 2\]` or `task: seg",
        ),
        (SEEN, r"10 numbers after the class.* box with 3 keypoints or a polygon|box with 2 keypoints"),
        ("0 0.5 0.5 0.4 0.4 0.5 0.5 2\n", r"may be a box with 1 keypoints: write `kpt_shape: \[1, 3\]` into"),
    ],
)
def test_what_cannot_be_told_apart_is_asked_for(tmp_path, text, asked):
    with pytest.raises(ValueError, match=asked):
        yolo.read(data_set(tmp_path, {"a": text}), "train")


def test_a_byte_order_mark_is_no_part_of_the_first_number(tmp_path):
    path = data_set(tmp_path, {"a": None})
    (tmp_path / "labels" / "train" / "a.txt").write_text("1 0.5 0.5 0.5 0.5\n", encoding="utf-8-sig")
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert yolo.read(path, "train")[0][1].labels.tolist() == [1]


def test_photographs_that_cannot_be_read_are_said(tmp_path):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 1 1"})
    (tmp_path / "images" / "train" / "b.NEF").touch()
    with pytest.warns(UserWarning, match="1 photograph in .* cannot be read here and will be left out .b.NEF."):
        data = yolo.read(path, "train")
    assert (len(data), [note.kind for note in data.notes]) == (1, ["unread photograph"])


def test_where_labels_were_looked_for_is_noted(tmp_path):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 1 1"})
    (tmp_path / "labels").rename(tmp_path / "Texts")
    (note,) = yolo.read(path, "train").notes
    assert f"the first was looked for at {tmp_path / 'labels' / 'train' / 'a.txt'}" in note.message
    assert f"it is at {tmp_path / 'Texts' / 'train' / 'a.txt'}" in note.message
    (tmp_path / "Texts" / "train" / "a.txt").rename(tmp_path / "Texts" / "train" / "other.txt")
    (note,) = yolo.read(path, "train").notes
    assert note.message.endswith("a.txt") and "but it is" not in note.message
    (tmp_path / "Texts").rename(tmp_path / "labels")
    (tmp_path / "labels" / "train" / "a.txt").write_text("\n")
    (note,) = yolo.read(path, "train").notes
    assert note.message == "the text files of the 1 pictures hold no box"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not a YAML file"),
        ("- a", "has no `names`"),
        ("names: cup\ntrain: .", "must be a list of names"),
        ("names: [cup]", "names no pictures"),
        (
            "names: [cup]\ntrain: .\ntask: count",
            "`task` in .* is 'count'; it must be one of detect, segment, pose, obb",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, said):
    path = tmp_path / "data.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        yolo.read(path, "train")


def test_what_is_not_there_is_named(tmp_path):
    path = data_set(tmp_path, {"a": None}, test="images/test")
    with pytest.raises(FileNotFoundError, match="names 'images/test', which is not at"):
        yolo.read(path, "test")
    assert len(yolo.read(path, "train")) == 1, "only who asks for that split minds"
    path.write_text(yaml.safe_dump({"names": ["cup"], "train": "images/train"}))
    with pytest.raises(ValueError, match="has no split 'val'; it has train"):
        yolo.read(path, "val")


def test_folders_and_endings_in_other_capitals(tmp_path):
    path = data_set(tmp_path, {"a": "0 0.5 0.5 0.5 0.5\r\n", "b": "\ufeff1 0.5 0.5 0.5 0.5\n"})
    (tmp_path / "labels" / "train" / "a.txt").rename(tmp_path / "labels" / "train" / "a.TXT")
    for part in ("images", "labels"):
        (tmp_path / part).rename(tmp_path / part.title())
    data = yolo.read(path, "train")
    assert [data[i][1].labels.tolist() for i in range(2)] == [[0], [1]]


@pytest.mark.parametrize("root", ["{}", "../{name}", "C:\\data", "/content/none", "~/none", "../datasets/none", ""])
def test_the_root_that_a_file_names(tmp_path, root):
    path = data_set(tmp_path / "mine", {"a": "0 0.5 0.5 0.5 0.5"}, path=root.format(tmp_path / "mine", name="mine"))
    assert len(yolo.read(path, "train")) == 1


def test_pictures_that_cannot_be_read_are_counted_before_the_work(tmp_path):
    path = data_set(tmp_path, {"a": "", "b": "", "c": ""})
    (tmp_path / "images/train/b.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="^.*b.jpg.* is not a picture"):
        yolo.read(path, "train")
    (tmp_path / "images/train/c.jpg").write_bytes(b"")
    with pytest.raises(
        ValueError, match="2 of 3 pictures cannot be read; the first: .*b.jpg.*data check` names them all"
    ):
        yolo.read(path, "train")
