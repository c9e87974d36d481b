"""How known checkpoints get here from the Hub and the official release, and how one gets onto the Hub."""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from dfine.weights import cache, zoo
from dfine.weights.cache import HUB_FILES
from dfine.weights.exceptions import CheckpointError, OfflineError
from dfine.weights.zoo import Known

PATIENCE = 8.0  # seconds to wait for a first answer before saying that there is no network


def fetch(known: Known) -> Path:
    """The folder or file of a checkpoint, downloaded into the usual cache where that is necessary.

    Raises:
        CheckpointError: it is not here, and cannot be fetched.
    """
    path = known.local
    if path:
        return path
    if known.hub:
        return fetch_hub(known.hub)
    if known.file:
        return _fetch_release(known.file)
    raise CheckpointError(
        f"the checkpoint {known.name!r} is not in {cache.assets() / 'checkpoints'}: run from a clone of the "
        "repository, or set DFINE_ASSETS to the assets folder of one"
    )


def fetch_hub(hub: str) -> Path:
    """The folder of a Hub checkpoint; a copy in the local cache is used as it is, without asking the Hub.

    Raises:
        CheckpointError: there is no such checkpoint, or no network.
    """
    cached = cache.hub_folder(hub)
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


def _fetch_release(file: str) -> Path:
    """A file of the official release, in torch.hub's cache."""
    import torch

    path = cache.release_file(file)
    advice = f"or fetch {zoo.RELEASE}{file} on another machine and load that file; dfine.load('demo') needs no network"
    _ask(zoo.RELEASE + file, file, advice)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(zoo.RELEASE + file, str(path), progress=True)  # renames when it is complete
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
