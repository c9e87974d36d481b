"""The detector: picture to trace."""

from __future__ import annotations

from torch import Tensor, nn

from dfine.config import Config
from dfine.network.decoder import Decoder
from dfine.network.encoder import Encoder
from dfine.network.families import family
from dfine.network.layers import Normalise
from dfine.network.queries import QuerySelection
from dfine.trace.base import fits
from dfine.trace.records import NoisedQueries, Trace


class DFINE(nn.Module):
    """D-FINE (arXiv 2410.13842): pixels [B, 3, H, W] in 0..1 -> Trace.

    H and W are multiples of 32. The same lines run in training and in inference. With `noise`, the denoising queries
    come before the others, and `trace.split(noise.count)` separates them.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.normalise = Normalise(config.mean, config.deviation) if config.mean else nn.Identity()
        self.backbone = family(config).backbone(config)
        self.encoder = Encoder(config)
        self.queries = QuerySelection(config)
        self.decoder = Decoder(config)

    def forward(
        self, pixels: Tensor, noise: NoisedQueries | None = None, layers: int | None = None, sampling: bool = False
    ) -> Trace:
        """The trace of a batch.

        Args:
            pixels: [B, 3, H, W] in 0..1.
            noise: denoising queries to run beside the others, in training.
            layers: how many decoder layers to run (early exit); by default all.
            sampling: whether the trace also says where queries read the picture.

        Raises:
            ValueError: `pixels` has another shape or sides that are no multiples of 32, or there are fewer layers.
        """
        if pixels.ndim != 4 or pixels.shape[1] != 3 or not (fits(pixels.shape[2]) and fits(pixels.shape[3])):
            raise ValueError(f"pixels must be [B, 3, H, W] with H and W multiples of 32, not {list(pixels.shape)}")
        features = self.backbone(self.normalise(pixels))
        memory = self.encoder(features)
        queries = self.queries(memory, noise)
        mask = None if noise is None else noise.mask(queries.content.shape[1] - noise.count)
        return self.decoder(queries, memory, mask, layers, sampling)
