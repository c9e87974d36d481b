"""Where checkpoints lie on this machine: what ships with the project, the Hub's cache, torch.hub's cache."""

from __future__ import annotations

import os
from pathlib import Path

HUB_FILES = ("config.json", "model.safetensors")


def assets() -> Path:
    """What ships with the project: beside the code in a clone, inside the package where it was installed.

    The environment variable DFINE_ASSETS names another folder.
    """
    named, package = os.environ.get("DFINE_ASSETS"), Path(__file__).resolve().parents[1]
    if named:
        return Path(named)
    return package / "assets" if (package / "assets").is_dir() else package.parent / "assets"


def hub_folder(hub: str) -> Path | None:
    """The folder of a Hub checkpoint in the local cache, None if it is not (wholly) there."""
    from huggingface_hub import try_to_load_from_cache

    paths = [try_to_load_from_cache(hub, file) for file in HUB_FILES]
    return Path(paths[1]).parent if all(isinstance(p, str) for p in paths) else None


def release_file(file: str) -> Path:
    """Where torch.hub keeps a file of the official release, whether or not it is there."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / file
