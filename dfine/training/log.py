"""What a run says of itself: a line an epoch, in a CSV file and in TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dfine.files import replacing


class Log:
    """One line an epoch in `log.csv`, and in TensorBoard where it is installed. Keeps the first `keep` epochs.

    TensorBoard's file is done without once it cannot be written; `tell` takes a sentence about that.
    """

    def __init__(self, out: Path, keep: int, tell: Callable[[str], None] = print):
        self.path, self.tell = out / "log.csv", tell
        self.rows: list[dict] = []
        if keep and self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["epoch"]) <= keep]
        self.board = None
        with self._or_without():
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                return
            self.board = SummaryWriter(str(out / "tensorboard"), purge_step=keep + 1 if keep else None)

    def write(self, epoch: int, values: dict[str, float]) -> None:
        """Add an epoch, and write the file. Raises WriteError."""
        self.add(epoch, values)
        self.save(self.path)

    def add(self, epoch: int, values: dict[str, float]) -> None:
        """Add an epoch, to TensorBoard too."""
        self.rows.append({"epoch": epoch} | {k: f"{v:.6g}" for k, v in values.items()})
        with self._or_without():
            for name, value in values.items():
                self.board and self.board.add_scalar(name, value, epoch)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises WriteError."""
        columns = list(dict.fromkeys(k for row in self.rows for k in row))
        with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)

    def close(self) -> None:
        """Bring TensorBoard's file to its end."""
        with self._or_without():
            self.board and self.board.close()

    @contextmanager
    def _or_without(self) -> Iterator[None]:
        """A thread of its own writes for TensorBoard; it raises at some later call what the system refused to it."""
        try:
            yield
        except Exception as error:  # with TensorFlow installed, it is what writes, and its errors are others
            self.board = None
            self.tell(
                f"TensorBoard's file cannot be written ({getattr(error, 'strerror', None) or error}); the run goes on "
                f"without it, and {self.path.name} has the same numbers"
            )
