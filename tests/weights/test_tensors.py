"""Files of tensors: what is damaged or of another kind is said, and no code in them is run."""

import argparse
import os
import re
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.weights.exceptions import CheckpointError
from dfine.weights.tensors import digest, read_tensors, shards, sound


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kept", [0, 10, 1000, 100_000])
def test_files_that_are_cut_off(tmp_path, suffix, kept):
    file = tmp_path / f"a{suffix}"
    state = {"decoder.weight": torch.rand(300, 300)}
    torch.save(state, file) if suffix == ".pth" else save_file(state, file)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=f"a{suffix} (cannot be read|is damaged|is empty .0 bytes.)"):
        read_tensors(file)


def test_files_with_the_ending_of_the_other_kind_are_told_their_own(tmp_path):
    """Whatever the length of the JSON in a file of safetensors, which comes first in it."""
    torch.save({"a": torch.rand(3)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="a.safetensors was written by torch.save; .* ends in .pth"):
        read_tensors(tmp_path / "a.safetensors")
    for count in range(40):
        save_file({"a": torch.rand(3)}, tmp_path / "b.pth", metadata={"a": "b" * count * 8})
        with pytest.raises(CheckpointError, match="b.pth holds safetensors; .* ends in .safetensors"):
            read_tensors(tmp_path / "b.pth")
        (tmp_path / "b.pth").rename(tmp_path / "b.safetensors")
        assert read_tensors(tmp_path / "b.safetensors").keys() == {"a"}


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_program_is_called_one(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="a.pt is a TorchScript program") as caught:
        read_tensors(tmp_path / "a.pt")
    assert "weights_only" not in str(caught.value)


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
    assert digest(one, Card((), (32, 32), digest="00ff")) == "00ff"
    assert digest(one, Card((), (32, 32))) == digest(one)


@pytest.mark.parametrize("numpy", [b"numpy.core.", b"numpy._core."])  # of version 1, of version 2
@pytest.mark.parametrize("paths", [b"pathlib", b"pathlib._local"])  # of Python 3.13, of others
def test_what_trainers_keep_beside_weights_does_no_harm(tmp_path, numpy, paths):
    """Whatever versions of numpy and Python wrote it, and read it."""
    beside = {
        "best": np.float64(0.5),
        "curve": np.ones(3, np.float32),
        "args": argparse.Namespace(lr=1e-4),
        "out": Path("runs"),
    }
    torch.save({"model": {"a": torch.ones(2)}, **beside}, tmp_path / "here.pth")
    with zipfile.ZipFile(tmp_path / "here.pth") as here, zipfile.ZipFile(tmp_path / "a.pth", "w") as there:
        for name in here.namelist():
            content = here.read(name)
            if name.endswith("data.pkl"):
                content = re.sub(rb"numpy\._?core\.", numpy, content)
                content = re.sub(rb"c(pathlib|pathlib\._local)\n", b"c" + paths + b"\n", content)
                assert numpy in content and paths + b"\n" in content
            there.writestr(name, content)
    assert read_tensors(tmp_path / "a.pth")["a"].tolist() == [1, 1]


def test_the_object_that_is_refused_is_named(tmp_path):
    torch.save({"model": {"a": torch.ones(2)}, "task": Fraction(1, 2)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="besides tensors .fractions.Fraction., which are refused"):
        read_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize(
    "index, said",
    [
        ("{}", "does not say which .safetensors files hold the weights"),
        ('{"weight_map": {"a": "../b.safetensors"}}', "does not say which .safetensors files"),
        ('{"weight_map": {"a": "b.pth"}}', "does not say which .safetensors files"),
        ('{"weight_map": {"a": "b.safetensors"}}', "lacks b.safetensors of the 1 that model.safetensors.index.json"),
        ("[", "is not valid JSON"),
    ],
)
def test_an_index_that_leads_nowhere(tmp_path, index, said):
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(CheckpointError, match=said):
        shards(tmp_path)


@pytest.mark.parametrize("name", ["a.json", "a.safetensors", "a.pth"])
def test_sound_files_are_told_from_torn_ones(tmp_path, name):
    file = tmp_path / name
    assert not sound(file)
    if name == "a.json":
        file.write_text('{"a": 1}')
    elif name == "a.pth":
        torch.save({"a": torch.rand(100)}, file)
    else:
        save_file({"a": torch.rand(100)}, file)
    whole = file.read_bytes()
    assert sound(file)
    for torn in (b"", whole[:3], whole[: len(whole) // 2], whole[:-1]):
        file.write_bytes(torn)
        assert not sound(file), len(torn)


@pytest.mark.parametrize(
    "odd", [torch.zeros(2, 2).to_sparse(), torch.zeros(2, 2, device="meta")], ids=["sparse", "meta"]
)
def test_tensors_that_hold_no_plain_numbers(tmp_path, odd):
    torch.save({"model": {"a": torch.zeros(2), "b": odd}}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="a.pth has no plain numbers for b"):
        read_tensors(tmp_path / "a.pth")
