"""What a model is, in one record that everything holds: checkpoint, predictor, exported file, report and download."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from dfine.trace.base import SCHEMA
from dfine.version import VERSION


@dataclass(frozen=True)
class Card:
    """What a model is. Whoever has to say where something comes from holds this record and copies nothing out of it."""

    names: tuple[str, ...] = field(repr=False)  # the class of each column; "" for a column that is never reported
    input_size: tuple[int, int]  # (height, width) that every picture is resized to
    source: str = ""  # what was loaded
    digest: str = ""  # SHA-256 of the file of weights
    temperature: tuple[float, ...] | None = None  # fitted per edge (left, top, right, bottom)
    # Scores with the best F1 on validation pictures: of all classes together, and of each column where it was measured.
    threshold: float | None = None
    class_thresholds: tuple[float | None, ...] = field(default=(), repr=False)
    words: str | None = field(default=None, repr=False)  # the model card in Markdown
    levels: tuple[tuple[float, ...], ...] | None = field(default=None, repr=False)  # fitted: `dfine.trace.levels`
    notes: tuple[str, ...] = field(default=(), repr=False)  # what was assumed when it was loaded, in sentences

    @property
    def calibrated(self) -> bool:
        """Whether a temperature or a table of levels was fitted, which every interval follows."""
        return self.temperature is not None or self.levels is not None

    def provenance(self) -> dict:
        """The head of every file that is written about an answer, as plain values: what made it, and which versions."""
        return {"schema": SCHEMA, "dfine": VERSION, "model": self.source, "digest": self.digest}

    def without_folders(self) -> Card:
        """The same card for readers elsewhere: of a source that is a path on this machine, only the last part."""
        path = Path(self.source)
        return replace(self, source=path.name) if self.source and path.exists() else self
