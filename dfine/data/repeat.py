"""Show pictures with rare classes more often, by the repeat factors of LVIS (Gupta et al., arXiv 1908.03195).

A class c that is in the share f of the pictures gets r(c) = max(1, √(t / f)), t being the threshold; a picture is shown
as often as the class in it that wants it most. LVIS rounds r at random in every epoch. Here that is done once, so that
all epochs have as many steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from dfine.data.loader import Subset, subset


def repeat_factors(labels: Sequence[Sequence[int]], threshold: float) -> np.ndarray:
    """How often each picture is to be shown in an epoch: [n] from 1 on; a picture without objects once.

    Args:
        labels: of the objects in each of n pictures.
        threshold: share of the pictures, 0 to 1, from which on a class is not rare.
    """
    held = [set(map(int, some)) for some in labels]
    counts = Counter(c for some in held for c in some)
    wanted = {c: max(1.0, (threshold * len(held) / count) ** 0.5) for c, count in counts.items()}
    return np.array([max((wanted[c] for c in some), default=1.0) for some in held])


def repeated(dataset: Dataset, threshold: float, seed: int = 0) -> Subset:
    """A data set of the same pictures, those with rare classes several times.

    Args:
        dataset: knows every picture's objects without reading it (`target`).
        threshold: as of `repeat_factors`.
        seed: of the rounding; a factor of 1.7 shows a picture twice with a chance of 0.7, and else once.
    """
    often = repeat_factors([dataset.target(i).labels.tolist() for i in range(len(dataset))], threshold)
    times = np.floor(often + np.random.default_rng(seed).random(len(often))).astype(int)
    return subset(dataset, np.repeat(np.arange(len(often)), times).tolist())
