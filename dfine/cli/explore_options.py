"""What `dfine explore` runs on, and what it writes: its options in three records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Look:
    """What the detector runs on, and how."""

    data: str
    model: str
    device: str = "auto"
    field: str = "dfine"
    threshold: float = 0.05
    top: int = 100
    batch: int = 8
    workers: int = 0
    names: tuple[str, ...] | None = None  # of the model's classes, where it has none or others are wanted
    opening: dict | None = None  # name, split, count, seed, truth, reread, restore; what is None is left to its default


@dataclass(frozen=True)
class Out:
    """What is written, apart from the FiftyOne data set."""

    report: Path | None = None  # folder of the page and its numbers
    export: Path | None = None  # folder of the reviewed data set
    prelabel: Path | None = None  # folder of pre-labels
    form: str = "coco"  # of the pre-labels
    calibrate: bool = False  # whether to fit the intervals to the answers, and store that with the checkpoint
    suspects: Path | None = None  # CSV file of the probable label errors
    slices: tuple[str, ...] = ()  # fields by which AP and coverage are asked for
    compare: str | None = None  # the other run, by its field
    similar: bool = False  # whether to look for near duplicates, leaks and outliers
    sampling: Path | None = None  # CSV file of the pictures to label next
    folds: int | None = None  # into how many parts the pictures are dealt, each judged by a model that never saw it
    start: str | None = None  # what those models start from
    fold_epochs: int | None = None  # how long they are trained
    ask: bool = True  # whether the decoder is asked about every answer

    @property
    def folds_folder(self) -> Path | None:
        """Where the models of the folds lie, beside the list; None without folds."""
        return self.suspects.with_name(f"{self.suspects.stem}-folds") if self.suspects and self.folds else None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files and folders that are written."""
        lists = self.suspects, self.folds_folder, self.sampling
        return tuple(filter(None, (self.report, self.export, self.prelabel, *lists)))


@dataclass(frozen=True)
class Where:
    """Where the App is served."""

    address: str
    port: int | None = None
    browser: bool = False
    app: bool = True  # whether to open it at all
