"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Literal

from typer import Option

Model = Annotated[
    str, Option("--model", "-m", help="Short name (see `dfine zoo`), Hub id, folder, .pth, .safetensors or .onnx.")
]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], Option(help="Where to run; auto takes the best there is.")]
Data = Annotated[str, Option(help="'scenes', or a data set: COCO (folder, .json), YOLO (folder, .yaml), VOC (folder).")]
Clean = Annotated[float, Option(min=0, max=1, help="Share of scenes with all dials at 0.")]
Workers = Annotated[int, Option(min=0, help="Processes that prepare pictures.")]
