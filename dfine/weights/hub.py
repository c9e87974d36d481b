"""The known checkpoints: what they are called, how good they are, where they lie, and how they get here."""

from __future__ import annotations

import os
import re
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

RELEASE = "https://github.com/Peterande/storage/releases/download/dfinev1.0/"
HUB_FILES = ("config.json", "model.safetensors")
PATIENCE = 8.0  # seconds to wait for a first answer before saying that there is no network

LONG = {"n": "nano", "s": "small", "m": "medium", "l": "large", "x": "xlarge"}
COST = {"n": (4, 7), "s": (10, 25), "m": (19, 57), "l": (31, 91), "x": (62, 202)}  # million parameters, GFLOPs at 640
AP = {  # published: COCO val2017; of Objects365 checkpoints on the first 5000 of its validation pictures
    "coco": {"n": 42.8, "s": 48.5, "m": 52.3, "l": 54.0, "x": 55.8},
    "obj2coco": {"s": 50.7, "m": 55.1, "l": 57.3, "x": 59.3},
    "obj365": {"s": 30.5, "m": 37.4, "l": 40.6, "x": 46.5},
}


class CheckpointError(ValueError):
    """A checkpoint that cannot be found, fetched, understood or written; the message says what to do, in a sentence."""


class OfflineError(CheckpointError):
    """A checkpoint that is not here, and no network to fetch it over."""


@dataclass(frozen=True)
class Known:
    """One checkpoint of the zoo."""

    name: str  # what `dfine.load` takes
    size: str
    labels: str  # whose classes it has: "coco", "objects365" or "scenes"
    trained_on: str
    ap: float | None  # AP 0.50:0.95 in percent, on `measured_on`
    measured_on: str
    parameters: float  # millions
    gflops: float  # at 640 x 640
    licence: str = "Apache-2.0"
    hub: str | None = None  # Hub id, in the transformers layout
    file: str | None = None  # file of the official release, where that is what `load` fetches

    @property
    def source(self) -> str:
        """Where it comes from."""
        return self.hub or (RELEASE + self.file if self.file else "ships with this repository")

    @property
    def cached(self) -> bool:
        """Whether it can be loaded without a network."""
        return local(self) is not None


def _zoo() -> dict[str, Known]:
    known = [Known("demo", "n", "scenes", "scenes", None, "see its card", *COST["n"])]
    for kind, trained_on in (("coco", "COCO"), ("obj365", "Objects365"), ("obj2coco", "Objects365, then COCO")):
        labels, measured_on = ("objects365", "Objects365 val") if kind == "obj365" else ("coco", "COCO val2017")
        for size, ap in AP[kind].items():
            name = f"{LONG[size]}-{kind}"
            hub = "ustc-community/dfine-" + name + ("-e25" if name == "large-obj2coco" else "")
            known.append(Known(name, size, labels, trained_on, ap, measured_on, *COST[size], hub=hub))
    # The release has a second large one, better than the first; the Hub has no copy of it.
    e25 = ("large-obj365-e25", "l", "objects365", "Objects365", 42.6, "Objects365 val")
    known.append(Known(*e25, *COST["l"], file="dfine_l_obj365_e25.pth"))
    return {k.name: k for k in known}


ZOO = _zoo()


def zoo() -> list[dict]:
    """All known checkpoints, a row each: name, AP, parameters, GFLOPs, licence, and whether they are here already."""
    return [
        {
            "name": k.name,
            "size": k.size.upper(),
            "trained on": k.trained_on,
            "AP": k.ap,
            "measured on": k.measured_on,
            "parameters (M)": k.parameters,
            "GFLOPs": k.gflops,
            "licence": k.licence,
            "cached": k.cached,
        }
        for k in ZOO.values()
    ]


def labels_of_hub(hub: str) -> str | None:
    """Whose classes a published Hub id has: "coco", "objects365", or None if not known. Older spellings count too."""
    match = re.fullmatch(r"ustc-community/dfine[-_][a-z]+[-_](coco|obj365|obj2coco)([-_]e25)?", hub)
    return match and ("objects365" if match[1] == "obj365" else "coco")


def assets() -> Path:
    """What ships with the project: beside the code in a clone, inside the package where it was installed.

    The environment variable DFINE_ASSETS names another folder.
    """
    named, package = os.environ.get("DFINE_ASSETS"), Path(__file__).resolve().parents[1]
    if named:
        return Path(named)
    return package / "assets" if (package / "assets").is_dir() else package.parent / "assets"


def local(known: Known) -> Path | None:
    """The folder or file of a checkpoint that is on this machine, None if it is not."""
    if known.hub:
        return hub_folder(known.hub)
    path = _release_path(known.file) if known.file else assets() / "checkpoints" / known.name
    return path if (path if known.file else path / "config.json").is_file() else None


def fetch(known: Known) -> Path:
    """The folder or file of a checkpoint, downloaded into the usual cache where that is necessary.

    Raises:
        CheckpointError: it is not here, and cannot be fetched.
    """
    path = local(known)
    if path:
        return path
    if known.hub:
        return fetch_hub(known.hub)
    if known.file:
        return _fetch_release(known.file)
    raise CheckpointError(
        f"the checkpoint {known.name!r} is not in {assets() / 'checkpoints'}: run from a clone of the "
        "repository, or set DFINE_ASSETS to the assets folder of one"
    )


def hub_folder(hub: str) -> Path | None:
    """The folder of a Hub checkpoint in the local cache, None if it is not (wholly) there."""
    from huggingface_hub import try_to_load_from_cache

    paths = [try_to_load_from_cache(hub, file) for file in HUB_FILES]
    return Path(paths[1]).parent if all(isinstance(p, str) for p in paths) else None


def fetch_hub(hub: str) -> Path:
    """The folder of a Hub checkpoint; a copy in the local cache is used as it is, without asking the Hub.

    Raises:
        CheckpointError: there is no such checkpoint, or no network.
    """
    cached = hub_folder(hub)
    if cached:
        return cached
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError

    advice = (
        f"or fetch {' and '.join(HUB_FILES)} of {hub} on another machine and load the folder they are in; "
        "dfine.load('demo') needs no network"
    )
    if constants.HF_HUB_OFFLINE:
        raise OfflineError(f"{hub} is not in the local cache and HF_HUB_OFFLINE is set; unset it, {advice}")
    _ask(constants.ENDPOINT, hub, advice)  # the Hub's own client retries for longer than anybody would wait
    try:
        paths = [hf_hub_download(hub, file) for file in HUB_FILES]
    except RepositoryNotFoundError:
        raise CheckpointError(f"the Hub has no model {hub!r}, or it is private (then: hf auth login)") from None
    except LocalEntryNotFoundError:
        raise CheckpointError(f"the download of {hub} broke off; try again, {advice}") from None
    except EntryNotFoundError:
        raise CheckpointError(f"{hub!r} has no {' and '.join(HUB_FILES)}, so it is not a D-FINE checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{hub} could not be downloaded ({error}); try again, {advice}") from None
    return Path(paths[1]).parent


def push(folder: Path, repo: str, *, token: str | None = None, private: bool = False) -> str:
    """Put a folder on the Hub as the model `repo`; returns the address of the commit.

    Raises:
        OfflineError: the Hub cannot be reached.
        CheckpointError: it refuses; the message says why.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    _ask(constants.ENDPOINT, f"the repository {repo}", "and push again", here=False)
    api = HfApi(token=token)
    try:
        api.create_repo(repo, repo_type="model", private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Upload a D-FINE detector"))
    except LocalTokenNotFoundError:
        raise CheckpointError("nobody is logged in to the Hub: run `hf auth login`, or give a token") from None
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise CheckpointError(f"the Hub did not take {repo}: {' '.join(str(error).split())}") from None


def _release_path(file: str) -> Path:
    """Where torch.hub keeps a file of the official release."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / file


def _fetch_release(file: str) -> Path:
    """A file of the official release, in torch.hub's cache."""
    import torch

    path = _release_path(file)
    advice = f"or fetch {RELEASE}{file} on another machine and load that file; dfine.load('demo') needs no network"
    _ask(RELEASE + file, file, advice)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(RELEASE + file, str(path), progress=True)  # renames when it is complete
    except OSError as error:
        raise CheckpointError(f"{file} could not be downloaded ({error}); try again, {advice}") from None
    return path


def _ask(url: str, what: str, advice: str, here: bool = True) -> None:
    """Raise OfflineError unless the server of `url` answers, whatever it answers, within PATIENCE."""
    failure: list[str] = ["no answer"]

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE):
                failure.clear()
        except urllib.error.HTTPError:
            failure.clear()  # an answer too
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLError):
                failure.clear()  # reached; the real client may know more certificates
            else:
                failure[:] = [str(reason)]

    # In a thread of its own, because a look-up of a host name cannot be given a time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if failure:
        host = urllib.parse.urlparse(url).netloc
        about = f"{what} is not in the local cache and {host}" if here else f"{host}, where {what} would be,"
        raise OfflineError(f"{about} cannot be reached ({failure[0]}); check the network, {advice}")
