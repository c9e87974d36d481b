"""Texts as many systems write them are read; those that a few bytes blow up are refused soon, by the file's name."""

import string

import pytest

from dfine.data import texts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(tmp_path, encoding, end):
    path = tmp_path / "a.txt"
    path.write_bytes(end.join([' {"a":', '"ü"}', ""]).encode(encoding))
    assert texts.lines(path) == ['{"a":', '"ü"}']
    assert texts.content(path) == texts.yaml_content(path) == {"a": "ü"}


def test_an_empty_file(tmp_path):
    (tmp_path / "a").touch()
    assert texts.lines(tmp_path / "a") == [] and texts.yaml_content(tmp_path / "a") is None
    with pytest.raises(ValueError, match="a is not a JSON file"):
        texts.content(tmp_path / "a")


def test_classes_may_be_called_no_and_numbers_are_asked_for(tmp_path):
    (tmp_path / "a.yaml").write_text("- no\n- 1.0\n- !!python/object:os.system x\n")
    assert texts.yaml_content(tmp_path / "a.yaml") == ["no", "1.0", "x"]
    with pytest.raises(ValueError, match="a.yaml is not a YAML file"):  # a type that nobody needs
        texts.yaml_content(tmp_path / "a.yaml", typed=True)
    (tmp_path / "a.yaml").write_text("- no\n- 1.0\n")
    assert texts.yaml_content(tmp_path / "a.yaml", typed=True) == [False, 1.0]


def test_names_of_values_may_be_repeated(tmp_path):
    (tmp_path / "a.yaml").write_text("x: &x [1, 2]\ny: [*x, *x]\n")
    assert texts.yaml_content(tmp_path / "a.yaml")["y"] == [["1", "2"]] * 2


def laughs():
    """Ten lists, each of which holds the one before nine times: 9¹⁰ values."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for before, name in zip(string.ascii_lowercase, string.ascii_lowercase[1:10]):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "reading, written",
    [
        (texts.text, b"\xff\xfe0"),
        (texts.text, "Käse".encode("latin-1")),
        (texts.content, b"\xef\xbb\xbf"),
        (texts.content, b"[" * 200_000),
        (texts.content, b'{"a":' * 200_000),
        (texts.content, b"9" * 5000),
        (texts.content, b'{"a": 1'),
        (texts.yaml_content, laughs().encode()),
        (texts.yaml_content, b"[" * 100_000),
        (texts.yaml_content, b"- " * 50_000),
        (texts.yaml_content, b"a: &a [*a]"),
        (texts.yaml_content, b"a: *b"),
        (texts.yaml_content, b"a: [1"),
        (texts.yaml_content, b"a: \x00"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value[:12]),
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, reading, written):
    path = tmp_path / "odd"
    path.write_bytes(written)
    with pytest.raises(ValueError, match="odd is not") as raised:
        reading(path)
    assert len(str(raised.value)) < 400


def test_many_values_are_no_bomb(tmp_path):
    (tmp_path / "a.yaml").write_text("names:\n" + "".join(f"- thing {i}\n" for i in range(20_000)))
    assert len(texts.yaml_content(tmp_path / "a.yaml")["names"]) == 20_000


@pytest.mark.parametrize("letters, left", [(1, 1), (500, 500), (501, 501), (100_000, 501)])
def test_a_sentence_repeats_no_word_of_any_length(letters, left):
    said = texts.brief(f"there is no {'x' * letters} here")
    assert said.startswith("there is no x") and said.endswith(" here") and len(said) == len("there is no  here") + left
