"""A file that takes its name only when it is whole; what an interrupt leaves has another."""

from __future__ import annotations

import os
from pathlib import Path

from dfine.storage import check_file


class Draft:
    """A file being written under a hidden name beside `path`.

    Attributes:
        path: the name it is to have.
        temporary: where to write, with the same ending; gone after `settle`.
        partial: the name that an unfinished file gets.
    """

    def __init__(self, path: str | Path, source: str | Path | None = None):
        """Make the folder. Raises ValueError where nothing can be written, or `source`, being read, has that name."""
        self.path = Path(path)
        check_file(path, [] if source is None else [source])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        stem, ending = self.path.stem, self.path.suffix
        self.temporary = self.path.with_name(f".{stem}.{os.getpid()}{ending}")
        self.partial = self.path.with_name(f"{stem}.partial{ending}")

    def settle(self, whole: bool) -> Path | None:
        """Give the file its name, or, where it is not whole, the partial one; returns where it is, if there is any."""
        if not self.temporary.exists():
            return None
        return self.temporary.replace(self.path if whole else self.partial)

    def drop(self) -> None:
        """Leave nothing."""
        self.temporary.unlink(missing_ok=True)
