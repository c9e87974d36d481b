"""Files of tensors: what is damaged or of another kind is said, and no code in them is run."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.weights.exceptions import CheckpointError
from dfine.weights.tensors import digest, read_tensors


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kept", [0, 10, 1000, 100_000])
def test_files_that_are_cut_off(tmp_path, suffix, kept):
    file = tmp_path / f"a{suffix}"
    state = {"decoder.weight": torch.rand(300, 300)}
    torch.save(state, file) if suffix == ".pth" else save_file(state, file)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=f"a{suffix} (cannot be read|is damaged)"):
        read_tensors(file)


STRANGERS = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n": "is a pointer of git LFS",
    b"\n<!DOCTYPE html><html>": "is a web page, not a checkpoint",
    b"hello\n": "is not a checkpoint: it begins with b'hello",
    b"\xff\xd8\xff\xe0\0\x10JFIF": "is not a checkpoint: it begins with",
    b"\x80\x02hello": "is damaged or not a checkpoint|cannot be read",
}


@pytest.mark.parametrize("content", list(STRANGERS))
def test_files_of_another_kind_are_called_what_they_are(tmp_path, content):
    file = tmp_path / "a.pth"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"a.pth ({STRANGERS[content]})") as caught:
        read_tensors(file)
    assert b"\x80" in content or "run code" not in str(caught.value)


class Harmful:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("harm",))


def test_code_in_a_file_is_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Harmful()}, "a.pth")
    with pytest.raises(CheckpointError, match="refused because loading them could run code"):
        read_tensors(Path("a.pth"))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [{"model": 3}, {"epoch": 3}, [1, 2], {}])
def test_a_file_without_weights(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="has no weights: no dictionary in it holds tensors"):
        read_tensors(tmp_path / "a.pth")


def test_the_digest_of_a_network_is_that_of_its_weights():
    torch.manual_seed(0)
    one, other = (DFINE(Config.of("n", classes=2, queries=10)) for _ in range(2))
    assert digest(one) != digest(other)
    other.load_state_dict(one.state_dict())
    assert digest(one) == digest(other) and len(digest(one)) == 64
