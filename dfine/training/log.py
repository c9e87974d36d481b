"""What a run says of itself: a line an epoch, in a CSV file and in TensorBoard."""

from __future__ import annotations

import csv
from pathlib import Path

from dfine.files import replacing


class Log:
    """One line an epoch in `log.csv`, and in TensorBoard where it is installed. Keeps the first `keep` epochs."""

    def __init__(self, out: Path, keep: int):
        self.path = out / "log.csv"
        self.rows: list[dict] = []
        if keep and self.path.exists():
            with self.path.open(newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["epoch"]) <= keep]
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.board = None
        else:
            self.board = SummaryWriter(str(out / "tensorboard"), purge_step=keep + 1 if keep else None)

    def write(self, epoch: int, values: dict[str, float]) -> None:
        """Add an epoch, and write the file. Raises WriteError."""
        self.add(epoch, values)
        self.save(self.path)

    def add(self, epoch: int, values: dict[str, float]) -> None:
        """Add an epoch, to TensorBoard too."""
        self.rows.append({"epoch": epoch} | {k: f"{v:.6g}" for k, v in values.items()})
        if self.board:
            for name, value in values.items():
                self.board.add_scalar(name, value, epoch)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises WriteError."""
        columns = list(dict.fromkeys(k for row in self.rows for k in row))
        with replacing(path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)

    def close(self) -> None:
        if self.board:
            self.board.close()
