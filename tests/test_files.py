"""Writing whole or not at all, and telling files apart."""

import hashlib

import pytest

from dfine.files import digest, replacing


@pytest.mark.parametrize("content", [b"", b"a", bytes(3_000_000)], ids=["empty", "short", "of several blocks"])
def test_digest(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert digest(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    file = tmp_path / "a"
    with replacing(file) as temporary:
        temporary.write_text("one")
    with pytest.raises(RuntimeError), replacing(file) as temporary:
        temporary.write_text("half of")
        raise RuntimeError
    assert file.read_text() == "one" and [p.name for p in tmp_path.iterdir()] == ["a"]
