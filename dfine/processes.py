"""Several processes: at one job, as `torchrun` starts them, or each kept from the folder of another.

Python objects (paths, detections, numbers) travel over gloo, which every machine has, and gradients on GPUs over NCCL.
Without `torchrun` there is one process, and everything works as if this module did not exist.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from platform import node
from typing import Any, TypeVar

import torch
from torch import distributed

try:
    import fcntl
except ImportError:  # on Windows, which has other locks
    fcntl = None

T = TypeVar("T")
LOCK = ".dfine.lock"  # in a folder that somebody is at work in; says who
PATIENCE = timedelta(hours=12)  # one process may work for long while the others wait for it


@dataclass(frozen=True)
class Ranks:
    """This process among `count` of them."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def mine(self, items: Sequence[T]) -> Sequence[T]:
        """This process's share: every `count`-th, so that shares are of equal length within one."""
        return items[self.rank :: self.count]

    def gather(self, value: Any) -> list[Any]:
        """What every process has, in the order of ranks; every process must call it."""
        if self.count == 1:
            return [value]
        values = [None] * self.count
        distributed.all_gather_object(values, value)
        return values

    def weave(self, shares: Sequence[Sequence[T]]) -> list[T]:
        """The inverse of `mine` over all processes: the shares as one list in the first order."""
        woven = [None] * sum(map(len, shares))
        for rank, share in enumerate(shares):
            woven[rank :: self.count] = share
        return woven

    def device(self, wanted: str) -> str:
        """The device of this process: of several GPUs on one machine, each process takes its own."""
        if wanted in ("auto", "cuda") and self.count > 1 and torch.cuda.is_available():
            index = int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count()
            torch.cuda.set_device(index)  # whatever does not ask for a device takes this one, too
            return f"cuda:{index}"
        return wanted


@contextmanager
def ranks() -> Iterator[Ranks]:
    """The processes that `torchrun` started, connected until the end of the block; without it, only this one."""
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count < 2:
        yield Ranks()
        return
    gpus = torch.cuda.is_available() and distributed.is_nccl_available()
    distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=PATIENCE)
    yield Ranks(distributed.get_rank(), distributed.get_world_size())
    distributed.destroy_process_group()  # not after an error: that would wait for processes that wait for this one


class InUseError(ValueError):
    """Somebody else is at work in a folder; the message names them."""


@contextmanager
def held(folder: str | Path, what: str, remedy: str = "") -> Iterator[None]:
    """Keep others from doing the same in a folder meanwhile. A holder that is killed holds nothing any more.

    Args:
        folder: is there already.
        what: is being done, as "a training".
        remedy: for somebody who chose no folder and need not know which it is, as "choose another --name".

    Raises:
        InUseError: somebody is at it already.
    """
    path, where = Path(folder) / LOCK, "" if remedy else f" in {folder}"
    remedy = f"wait for it, or {remedy or 'choose another place'}"
    if fcntl is None:
        with _held_without_fcntl(path, f"{what} is under way{where} already; {remedy}"):
            yield
        return
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.read(file, 500).decode(errors="replace").strip()
            os.close(file)
            raise InUseError(f"{what} is under way{where} already ({said}); {remedy}") from None
        except OSError:  # a disk without locks: as if nobody else were there
            break
        if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
            break
        os.close(file)  # its holder has just taken it away
    try:
        with suppress(OSError):
            os.truncate(file, 0)
            os.write(file, f"process {os.getpid()} on {node()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}".encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


@contextmanager
def _held_without_fcntl(path: Path, taken: str) -> Iterator[None]:
    """The same by Windows' own locks, which let nobody read who holds them; `taken` is what InUseError says."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InUseError(taken) from None
    except OSError:  # as above
        pass
    try:
        yield
    finally:
        lock.release()


def require_free(folder: Path, what: str) -> None:
    """Raise InUseError where somebody is at the same work in a folder, which need not be there."""
    if folder.is_dir():
        with held(folder, what):
            pass
