"""How known checkpoints get here from the Hub and the official release, and how one gets onto the Hub."""

from __future__ import annotations

import hashlib
import re
import shutil
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path

from dfine.files import put, replacing
from dfine.weights import cache, zoo
from dfine.weights.cache import HUB_FILES
from dfine.weights.download import PATIENCE, Refused, download, in_turn
from dfine.weights.exceptions import CheckpointError, OfflineError
from dfine.weights.tensors import sound
from dfine.weights.zoo import Known

PREPROCESSOR = "preprocessor_config.json"  # the size and scale of pictures that a model is for; not all have one
FILES = (HUB_FILES[0], PREPROCESSOR, HUB_FILES[1])  # the large one last: a small one that fails costs it not
LITTLE = 2.5  # seconds to wait for an answer about a file that one can do without
DRAFT = "downloading"  # folder of the cache for what is not all there yet
LOCK = "dfine.lock"  # of the process that fetches, where clients of the Hub keep their own


def fetch(known: Known) -> Path:
    """The folder or file of a checkpoint, downloaded into the usual cache where that is necessary.

    What lies in the cache and is torn is downloaded again.

    Raises:
        CheckpointError: it is not here, and cannot be fetched.
    """
    if known.hub:
        return fetch_hub(known.hub)
    path = known.local
    if known.file:
        return path if path and sound(path) else _fetch_release(known.file, path)
    if path:
        return path
    raise CheckpointError(
        f"the checkpoint {known.name!r} is not in {cache.assets() / 'checkpoints'}: run from a clone of the "
        "repository, or set DFINE_ASSETS to the assets folder of one"
    )


def fetch_hub(hub: str) -> Path:
    """The folder of a Hub checkpoint; a sound copy in the local cache is used without asking the Hub.

    Raises:
        CheckpointError: there is no such checkpoint, or no network.
    """
    cached = cache.hub_folder(hub)
    if cached and all(sound(cached / file) for file in HUB_FILES):
        with suppress(CheckpointError, OSError):  # then what it does not say is assumed, and that is said
            _complete(hub, cached)
        return cached
    from huggingface_hub import constants

    advice = (
        f"or fetch {' and '.join(HUB_FILES)} of {hub} on another machine and load the folder they are in; "
        "dfine.load('photos') needs no network"
    )
    if constants.HF_HUB_OFFLINE and cached:
        raise CheckpointError(f"the copy of {hub} in {cached} is damaged and HF_HUB_OFFLINE is set; unset it, {advice}")
    if constants.HF_HUB_OFFLINE:
        raise OfflineError(f"{hub} is not in the local cache and HF_HUB_OFFLINE is set; unset it, {advice}")
    place = Path(constants.HF_HUB_CACHE) / f"models--{hub.replace('/', '--')}"
    with in_turn(place.parent / ".locks" / place.name / LOCK, place / DRAFT, hub, advice):
        now = cache.hub_folder(hub)
        if now and all(sound(now / file) for file in HUB_FILES):  # another process has fetched it meanwhile
            return now
        return _downloaded(hub, place, cached, advice)


def _downloaded(hub: str, place: Path, cached: Path | None, advice: str) -> Path:
    """The folder of a Hub checkpoint, fetched anew. Raises CheckpointError."""
    from huggingface_hub import constants, get_token

    token = get_token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    revision = "main"
    for file in FILES:
        draft = place / DRAFT / file
        try:
            url = f"{constants.ENDPOINT}/{hub}/resolve/{revision}/{file}"
            about = download(url, draft, what=f"{file} of {hub}", advice=advice, headers=headers)
        except Refused as error:
            if file not in HUB_FILES and error.code == 404:
                continue
            raise _refused(error, hub, file) from None
        except OfflineError as error:
            raise _torn(error, cached) from None
        revision = about.get("x-repo-commit") or revision
        _checked(draft, f"{file} of {hub}", advice)
    return _settled(place, revision)


def _complete(hub: str, folder: Path) -> None:
    """Fetch the preprocessor's file for a copy that another program has put into the cache without it.

    Where the Hub has none either, that is noted as its clients do, and not asked again.

    Raises:
        CheckpointError: it cannot be fetched.
    """
    from huggingface_hub import constants, get_token

    file, none = folder / PREPROCESSOR, _none(folder)
    if constants.HF_HUB_OFFLINE or file.exists() or none.exists() or zoo.labels_of_hub(hub):
        return
    token = get_token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    draft = folder.parents[1] / DRAFT / PREPROCESSOR
    try:
        url = f"{constants.ENDPOINT}/{hub}/resolve/{folder.name}/{PREPROCESSOR}"
        what = f"{PREPROCESSOR} of {hub}"
        download(url, draft, what=what, advice="or do without it", headers=headers, patience=LITTLE)
    except Refused as error:
        if error.code == 404:
            _note(none)
    else:
        _checked(draft, f"{PREPROCESSOR} of {hub}", "or do without it")
        put(draft, file)
    finally:
        shutil.rmtree(draft.parent, ignore_errors=True)


def _none(folder: Path) -> Path:
    """Where clients of the Hub note that a snapshot has no preprocessor's file."""
    return folder.parents[1] / ".no_exist" / folder.name / PREPROCESSOR


def _note(none: Path) -> None:
    none.parent.mkdir(parents=True, exist_ok=True)
    none.touch()


def _torn(error: OfflineError, copy: Path | None) -> CheckpointError:
    """What it means that there is no network, where a damaged copy is here."""
    return CheckpointError(f"the copy in {copy} is damaged, and so {error}") if copy else error


def _refused(error: Refused, hub: str, file: str) -> CheckpointError:
    """What an error of the Hub means."""
    if error.code in (401, 403) or (error.code == 404 and file == HUB_FILES[0]):
        return CheckpointError(
            f"the Hub has no model {hub!r} with a {file}, or it is private (then: hf auth login); nor is there a "
            "folder of that name here"
        )
    if error.code == 404:
        return CheckpointError(f"{hub!r} has no {' and '.join(HUB_FILES)}, so it is not a D-FINE checkpoint")
    return error


def _settled(place: Path, revision: str) -> Path:
    """Put downloaded files where every client of the Hub looks for them; returns their folder."""
    commit = revision if re.fullmatch(r"[0-9a-f]{40}", revision) else hashlib.sha1(revision.encode()).hexdigest()
    folder = place / "snapshots" / commit
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        if (place / DRAFT / file).exists():
            put(place / DRAFT / file, folder / file)
    if not (folder / PREPROCESSOR).exists():
        _note(_none(folder))
    (place / "refs").mkdir(exist_ok=True)
    with replacing(place / "refs" / "main") as temporary:
        temporary.write_text(commit, encoding="utf-8")
    shutil.rmtree(place / DRAFT, ignore_errors=True)
    return folder


def _checked(file: Path, what: str, advice: str) -> None:
    """Throw away a download that is no file of a checkpoint. Raises CheckpointError."""
    if not sound(file):
        file.unlink()
        raise CheckpointError(f"{what} came damaged; try again, {advice}")


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


def _fetch_release(file: str, copy: Path | None) -> Path:
    """A file of the official release, in torch.hub's cache, where a damaged copy may be."""
    path = cache.release_file(file)
    lock = path.with_name(f"{file}.turn")
    advice = (
        f"or fetch {zoo.RELEASE}{file} on another machine and load that file; dfine.load('photos') needs no network"
    )
    with in_turn(lock, path.parent, file, advice):
        if sound(path):  # another process has fetched it meanwhile
            return path
        try:
            download(zoo.RELEASE + file, path, what=file, advice=advice)
        except OfflineError as error:
            raise _torn(error, copy) from None
        _checked(path, file, advice)
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
