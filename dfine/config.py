"""Every number of the paper (arXiv 2410.13842, Tables 1 and 6) and of the published configurations, in five sizes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

EDGES = ("left", "top", "right", "bottom")  # the paper writes t, b, l, r; this is the order of the published weights


@dataclass(frozen=True)
class StageSpec:
    """One stage of HGNetV2."""

    in_channels: int
    mid_channels: int
    out_channels: int
    blocks: int
    layers: int
    light: bool  # 1x1 followed by a depthwise convolution, instead of one dense convolution
    kernel: int
    downsample: bool = True


@dataclass(frozen=True)
class BackboneSpec:
    """HGNetV2: the stem's middle and output channels, then four stages at strides 4, 8, 16, 32."""

    stem: tuple[int, int]
    stages: tuple[StageSpec, ...]


def _hgnet(stem: tuple[int, int], mid: tuple, out: tuple, blocks: tuple, layers: int) -> BackboneSpec:
    ins = (stem[1], *out[:3])
    return BackboneSpec(
        stem,
        tuple(
            StageSpec(
                ins[i], mid[i], out[i], blocks[i], layers, light=i >= 2, kernel=5 if i >= 2 else 3, downsample=i > 0
            )
            for i in range(4)
        ),
    )


LQE_PEAKS = 4  # highest probabilities of every edge that LQE reads, beside their mean

BACKBONES = {
    "B0": _hgnet((16, 16), (16, 32, 64, 128), (64, 256, 512, 1024), (1, 1, 2, 1), 3),
    "B2": _hgnet((24, 32), (32, 64, 128, 256), (96, 384, 768, 1536), (1, 1, 3, 1), 4),
    "B4": _hgnet((32, 48), (48, 96, 192, 384), (128, 512, 1024, 2048), (1, 1, 3, 1), 6),
    "B5": _hgnet((32, 64), (64, 128, 256, 512), (128, 512, 1024, 2048), (1, 2, 5, 2), 6),
}


FAMILIES = ("dfine", "deim")  # detectors with this decoder
LETTERS = ("n", "s", "m", "l", "x")  # sizes
STRIDES = (4, 8, 16, 32)  # of the backbone's four stages


KINDS = {  # what a field may hold, by its declared type: itself, or its members, and that in words
    "str": (str, "a word"),
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "bool": (bool, "true or false"),
    "tuple[int, ...]": (int, "a list of whole numbers"),
    "tuple[float, ...]": ((int, float), "a list of numbers"),
}
SIDES = (8, 8192)  # of matrices and maps
LIMITS = {  # beyond these no detector was ever built, and a file that asks for it is damaged or means harm
    "classes": (1, 100_000),
    "queries": (1, 10_000),
    "bins": (3, 1024),
    "layers": (1, 64),
    "heads": (1, 256),
    "width": SIDES,
    "ffn": SIDES,
    "encoder_width": SIDES,
    "encoder_ffn": SIDES,
    "expansion": (0.01, 10),
    "depth": (0.01, 10),
    "a": (1e-3, 100),
    "c": (1e-3, 100),
}


@dataclass(frozen=True)
class Config:
    """The architecture of one detector. Build it with `Config.of(size)`; the defaults are what all sizes share."""

    size: str
    backbone: str
    strides: tuple[int, ...]
    points: tuple[int, ...]  # sampling points per level, in the order of `strides`
    encoder_width: int
    encoder_ffn: int
    expansion: float
    depth: float
    width: int
    ffn: int
    layers: int
    c: float  # curvature of W(n): the smaller, the finer the bins around zero (paper eq. 4); the weights carry 1/c
    affine: bool  # learnable affine blocks after the backbone's activations
    freeze: bool  # published training keeps the stem and the backbone's BatchNorm at their ImageNet values

    classes: int = 80
    queries: int = 300
    bins: int = 32  # N: an edge is a distribution over N + 1 values W(0) ... W(N)
    a: float = 0.5  # W runs from -2a to 2a, in box sizes
    heads: int = 8
    mean: tuple[float, ...] = ()  # taken off pixels in 0..1, per colour; () for the published networks, which do not
    deviation: tuple[float, ...] = ()  # what they are divided by then
    family: str = "dfine"  # one of FAMILIES; `dfine.network.families` says what it changes

    def __post_init__(self):
        if self.family not in FAMILIES:
            raise ValueError(f"family is {self.family!r}; it must be {' or '.join(map(repr, FAMILIES))}")
        if self.classes < 1:
            raise ValueError(f"a detector needs at least one class, not {self.classes}")
        if self.queries < 1:
            raise ValueError(f"a detector needs at least one query, not {self.queries}")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must lie in {low}..{high}")
        if self.size not in LETTERS:
            raise ValueError(f"there is no size {self.size!r}; the sizes are {', '.join(LETTERS)}")
        if not self.strides or self.strides != STRIDES[-len(self.strides) :]:
            raise ValueError(f"strides are the last ones of {STRIDES}, not {self.strides}")
        if len(self.points) != len(self.strides) or not all(1 <= n <= 64 for n in self.points):
            raise ValueError(f"points are 1 to 64 for each of the strides {self.strides}, not {self.points}")
        if self.width % self.heads or self.encoder_width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide widths of {self.encoder_width} and {self.width}")
        if {len(self.mean), len(self.deviation)} not in ({0}, {3}) or not all(d > 0 for d in self.deviation):
            raise ValueError(
                f"mean and deviation are three numbers each, the latter positive, not {self.mean} and {self.deviation}"
            )
        if self.backbone not in BACKBONES:
            raise ValueError(f"there is no backbone {self.backbone!r}; there are {', '.join(BACKBONES)}")

    @staticmethod
    def of(size: str, **changes: Any) -> Config:
        """The published configuration of a size (`"n"`, `"s"`, `"m"`, `"l"`, `"x"`), with `changes` applied.

        Raises:
            ValueError: the size or a changed field does not exist.
        """
        if size not in SIZES:
            raise ValueError(f"there is no size {size!r}; the sizes are {', '.join(SIZES)}")
        unknown = set(changes) - {f.name for f in fields(Config)}
        if unknown:
            raise ValueError(f"unknown configuration field {sorted(unknown)[0]!r}")
        return replace(SIZES[size], **changes)

    def to_dict(self) -> dict:
        """The configuration as plain JSON values; of `mean` and `deviation` only where there are any."""
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {k: v for k, v in values.items() if v != []}

    @staticmethod
    def from_dict(values: dict) -> Config:
        """The inverse of `to_dict`. Raises ValueError on a field that is missing, unknown or of another kind."""
        if not isinstance(values, dict):
            raise ValueError(f"config.json does not describe a D-FINE of this project: its 'config' is {values!r}")
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        for f in fields(Config):
            (kind, words), value = KINDS[f.type], values.get(f.name)
            listed = f.type.startswith("tuple")
            members = value if isinstance(value, tuple) else (value,)
            fits = isinstance(value, tuple) == listed and all(isinstance(v, kind) for v in members)
            if f.name in values and not fits:
                raise ValueError(f"config.json has {f.name}={value!r}, which is not {words}")
        try:
            return Config(**values)
        except TypeError as error:
            raise ValueError(f"config.json does not describe a D-FINE of this project: {error}") from None

    @property
    def spec(self) -> BackboneSpec:
        """The backbone's table."""
        return BACKBONES[self.backbone]

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the backbone's features at each of `strides`."""
        by_stride = dict(zip(STRIDES, (s.out_channels for s in self.spec.stages)))
        return tuple(by_stride[s] for s in self.strides)


_MULTI = dict(strides=(8, 16, 32), points=(3, 6, 3), encoder_width=256, encoder_ffn=1024, width=256, ffn=1024, c=1 / 4)
_SMALL = dict(affine=True, freeze=False)
_LARGE = dict(affine=False, freeze=True)

SIZES = {
    "n": Config(
        "n",
        "B0",
        (16, 32),
        (6, 6),
        encoder_width=128,
        encoder_ffn=512,
        expansion=0.34,
        depth=0.5,
        width=128,
        ffn=512,
        layers=3,
        c=1 / 4,
        **_SMALL,
    ),
    "s": Config("s", "B0", expansion=0.5, depth=0.34, layers=3, **_MULTI, **_SMALL),
    "m": Config("m", "B2", expansion=1.0, depth=0.67, layers=4, **_MULTI, **_SMALL),
    "l": Config("l", "B4", expansion=1.0, depth=1.0, layers=6, **_MULTI, **_LARGE),
    "x": Config(
        "x",
        "B5",
        expansion=1.0,
        depth=1.0,
        layers=6,
        **_LARGE,
        **(_MULTI | dict(encoder_width=384, encoder_ffn=2048, c=1 / 8)),
    ),
}


@dataclass(frozen=True)
class Recipe:
    """The published training recipe of a size, without Objects365 (paper Table 6 and the published configurations)."""

    epochs: int  # with strong augmentation
    epochs_plain: int  # without it, at the end
    batch: int
    rate: float
    backbone_rate: float
    weight_decay: float
    decay_biases: bool  # whether biases of encoder and decoder are decayed; their norms never are
    repeats: int | None  # how often multi-scale batches have the base size, among ten others; None: always
    ema: float = 0.9999
    ema_ramp: int = 1000  # decay·(1 − e^(−t/ramp))
    ema_restart: float = 0.9999  # the decay from when strong augmentation stops
    ema_step: float = 1e-4  # what that decay loses after an epoch without a new best
    warmup: int = 500
    clip: float = 0.1

    def scaled(self, batch: int) -> Recipe:
        """The recipe for batches of another size, by the published rule (README, "Customizing Batch Size").

        For k times as many pictures a step: rates times k, warm-up and the average's ramp divided by k, and what the
        average forgets a step, 1 − ema, times k.
        """
        k = batch / self.batch
        return replace(
            self,
            batch=batch,
            rate=self.rate * k,
            backbone_rate=self.backbone_rate * k,
            warmup=round(self.warmup / k),
            ema=max(0.0, 1 - (1 - self.ema) * k),
            ema_restart=max(0.0, 1 - (1 - self.ema_restart) * k),
            ema_step=self.ema_step * k,
            ema_ramp=max(1, round(self.ema_ramp / k)),
        )


RECIPES = {
    "n": Recipe(148, 12, 128, 8e-4, 4e-4, 1e-4, False, None),
    "s": Recipe(120, 12, 32, 2e-4, 1e-4, 1e-4, False, 20),
    "m": Recipe(120, 12, 32, 2e-4, 2e-5, 1e-4, False, 6),
    "l": Recipe(72, 8, 32, 2.5e-4, 1.25e-5, 1.25e-4, True, 4),
    "x": Recipe(72, 8, 32, 2.5e-4, 2.5e-6, 1.25e-4, True, 3, ema_restart=0.9998),
}


@dataclass(frozen=True)
class LossWeights:
    """Weights and constants of the criterion (paper section 4 and appendix; published configuration)."""

    vfl: float = 1.0
    l1: float = 5.0
    giou: float = 2.0
    fgl: float = 0.15
    ddf: float = 1.5
    taught: float = 1.0  # of all that a teacher from outside adds (not in the paper)
    vfl_alpha: float = 0.75
    vfl_gamma: float = 2.0
    temperature: float = 5.0  # T of DDF (paper eq. 6)
    cost_class: float = 2.0
    cost_l1: float = 5.0
    cost_giou: float = 2.0
    focal_alpha: float = 0.25
    focal_gamma: float = 2.0


@dataclass(frozen=True)
class NoiseSpec:
    """Contrastive denoising (published configuration)."""

    queries: int = 100  # groups = max(1, queries // most objects in the batch), each a positive and a negative copy
    flip: float = 0.25  # probability that a label is replaced by a random one
    scale: float = 1.0  # corners move by up to half a box side (positives) or up to a whole one (negatives)
