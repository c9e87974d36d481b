"""Everything that decides a training run: each option with its default, its range and what it means, in one place.

The command line makes its options from these fields, and values from Python and from files are checked by the same
ranges.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

SEEDS = 1000  # training draws the scenes of an epoch from seed·1000 + epoch …

DATA = "'scenes', or a data set: COCO (folder, .json), YOLO (folder, .yaml), VOC or labelme (folder)."

OnOff = Literal["auto", "on", "off"]
Size = Literal["n", "s", "m", "l", "x"]


def option(default: Any, words: str, *, low: float | None = None, high: float | None = None, flag: bool = False) -> Any:
    """A field with what the command line says of it, and the least and greatest value that it may have."""
    return field(default=default, metadata={"help": words, "min": low, "max": high, "flag": flag})


@dataclass(frozen=True)
class TrainOptions:
    """Everything that decides a training run. None takes the published recipe's value of the size.

    Raises:
        ValueError: a value is out of its range, or is none of the choices; the message names the option.
    """

    out: str = field(metadata={"help": "Folder for checkpoints, log and the trained model."})
    data: str = option("scenes", DATA)
    val: str | None = option(None, "Held-out data set; by default the validation split of --data, or other scenes.")
    size: Size = option("n", "Which of the five networks.")
    input: int | tuple[int, int] = option(
        640, "Side of the square that pictures are resized to, a multiple of 32; or height x width, like 448x1280."
    )
    queries: int = option(300, "Queries, at most one per token.", low=1)
    init: str | None = option(
        None, "A checkpoint to start from, named as for --model; classes are carried over by name."
    )
    teacher: str | None = option(
        None, "A trained checkpoint, named as for --model, whose answers are learned beside the labels (distillation)."
    )
    teacher_weight: float = option(1.0, "How much its answers count.", low=0)
    backbone: str | None = option(
        None, "ImageNet weights for a fresh backbone: PPHGNetV2_B…_stage1.pth of the release."
    )
    batch: int | None = option(
        None, "Pictures per step over all processes; rates follow. By default as published.", low=1
    )
    accumulate: int = option(1, "Split a batch into so many parts, to save memory.", low=1)
    epochs: int | None = option(None, "All of them; by default as published.", low=1)
    plain_epochs: int | None = option(
        None, "The last ones, without strong augmentation; by default their published share.", low=0
    )
    augment: Literal["auto", "strong", "plain"] = option(
        "auto", "Published augmentation, or only a flip; auto: plain for scenes, which are new every epoch."
    )
    mosaic: float = option(0.0, "Share of pictures that are made of four, for few pictures; 0.3 to 0.5.", low=0, high=1)
    copy_paste: float = option(
        0.0, "Share of pictures into which objects of other pictures are pasted, for few pictures.", low=0, high=1
    )
    drawn: float = option(
        0.0, "Share of pictures that are replaced by drawings of things of their classes.", low=0, high=1
    )
    cover: float = option(
        0.0, "Share of pictures in which sides of objects are painted over, so that hidden edges say so.", low=0, high=1
    )
    posterize: float = option(
        0.0, "Share of pictures that are reduced to a few flat colours, so that drawings are known.", low=0, high=1
    )
    downscale: float = option(
        0.0,
        "Share of pictures that are shrunk, to an eighth at least, so that small and blurred ones are known.",
        low=0,
        high=1,
    )
    repeat_threshold: float = option(
        0.0,
        "Show pictures more often whose classes are in less than this share of the pictures (LVIS' repeat factors).",
        low=0,
        high=1,
    )
    scales: OnOff = option("auto", "Batches of several sizes; auto: as published, not for scenes.")
    freeze: OnOff = option("auto", "Keep the backbone's stem and norms; auto: in L and X that start from weights.")
    pictures: int = option(4000, "Scenes per epoch, all of them new.", low=1)
    clean: float = option(0.5, "Share of scenes with all dials at 0.", low=0, high=1)
    rate: float | None = option(None, "Learning rate; by default as published.", low=0)
    backbone_rate: float | None = option(None, "Of the backbone; by default its published share of --rate.", low=0)
    schedule: Literal["constant", "cosine"] = option("constant", "Learning rate after warm-up.")
    warmup: int | None = option(None, "Steps of warm-up; by default as published.", low=0)
    ema: float | None = option(None, "Decay of the averaged weights.", low=0, high=1)
    ema_ramp: int | None = option(None, "Steps over which that decay sets in.", low=1)
    denoising: int = option(100, "Denoising queries per picture: twice as many, about.", low=0)
    val_count: int = option(200, "Held-out scenes.", low=1)
    val_every: int = option(1, "Epochs from one evaluation to the next.", low=1)
    patience: int | None = option(None, "Stop after so many evaluations without a new best.", low=1)
    save_every: int = option(200, "Steps from one save of the state to the next.", low=1)
    seed: int = option(0, "Of weights, order, scenes and noise.", low=0, high=SEEDS - 1)
    workers: int = option(0, "Processes that prepare pictures.", low=0)
    device: str = option("auto", "auto (the best there is), cpu, cuda, cuda:1, mps.")
    amp: Literal["auto", "off", "bf16", "fp16"] = option(
        "auto", "Half precision; auto is bf16 on a GPU, off elsewhere."
    )
    compile: bool = option(False, "Use torch.compile.", flag=True)
    resume: bool = option(False, "Go on with the run in --out.", flag=True)

    def __post_init__(self):
        object.__setattr__(self, "input", sides(self.input))
        if isinstance(self.out, str):
            object.__setattr__(self, "out", os.path.expanduser(self.out))
        hints = get_type_hints(type(self))
        for one in fields(self):
            _check(one, hints[one.name], getattr(self, one.name))

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) that every picture is resized to."""
        return self.input if isinstance(self.input, tuple) else (self.input, self.input)


# Options with which a run may go on in another way than it began.
MAY_CHANGE = frozenset("out device workers epochs patience save_every val_every resume compile accumulate amp".split())


def sides(value: int | str | tuple[int, int] | list[int]) -> int | tuple[int, int]:
    """The input that is meant: one side of a square, or (height, width); also as text, "640" or "448x1280".

    Raises:
        ValueError: it is neither, or a side is no multiple of 32.
    """
    parts = re.split(r"[x×,\s]+", value.strip()) if isinstance(value, str) else value
    try:
        numbers = [int(part) for part in parts] if isinstance(parts, (list, tuple)) else [int(parts)]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) not in (1, 2):
        raise ValueError(f"the input is a side like 640 or a height and width like 448x1280, not {value!r}")
    from dfine.trace.base import checked_size  # here, as commands show these options without importing torch

    checked_size((numbers[0], numbers[-1]))
    return numbers[0] if len(set(numbers)) == 1 else (numbers[0], numbers[1])


def choices(hint: Any) -> tuple[str, ...]:
    """The words among which an option chooses, () for all others."""
    return get_args(hint) if get_origin(hint) is Literal else ()


def _check(one: Any, hint: Any, value: Any) -> None:
    """Raise ValueError when a value is none of an option's choices, or out of its range."""
    name = f"--{one.name.replace('_', '-')}"
    if choices(hint) and value not in choices(hint):
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(choices(hint))}")
    low, high = one.metadata.get("min"), one.metadata.get("max")
    if value is None or (low is None and high is None):
        return
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        span = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{name} is {value}; it must be {span}")
