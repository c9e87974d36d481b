"""A model on the Hugging Face Hub: a folder that transformers loads too, with a card that says what it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dfine.data.labels import UNUSED
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.version import VERSION
from dfine.weights.exceptions import CheckpointError
from dfine.weights.hub import push
from dfine.weights.transformers import save_transformers

FRONT = """---
license: {licence}
library_name: transformers
pipeline_tag: object-detection
tags: [object-detection, d-fine, dfine-lens]
---
"""
USE = """## Use

```python
import dfine

model = dfine.load("{repo}"{family})
result = model("picture.jpg")
print(result.history(0).intervals())  # how sure each edge is, in pixels
```

```python
from transformers import pipeline

pipeline("object-detection", model="{repo}")("picture.jpg")
```
"""


def model_card(
    network: DFINE,
    card: Card,
    repo: str,
    *,
    data: str = "",
    ap: Mapping[str, float] | None = None,
    licence: str = "apache-2.0",
) -> str:
    """A model card in Markdown, with the Hub's front matter.

    Args:
        network: what it is about.
        card: the model's names and input size.
        repo: its id on the Hub, "owner/model".
        data: what it was trained on, in a sentence or two.
        ap: AP (0.50:0.95) of every stage, as `Evaluation.ap` gives it.
        licence: of the weights, by the Hub's name for it.
    """
    config, names = network.config, [n for n in card.names if n != UNUSED]
    parameters = sum(p.numel() for p in network.parameters()) / 1e6
    height, width = card.input_size
    scale = f"; mean {list(config.mean)} and deviation {list(config.deviation)} of 0..1" if config.mean else ""
    measured = "".join(f"| {stage} | {value:.3f} |\n" for stage, value in (ap or {}).items())
    parts = [
        FRONT.format(licence=licence),
        f"# {repo.split('/')[-1]}\n",
        f"A D-FINE-{config.size.upper()} detector (arXiv 2410.13842) of {len(names)} classes, {parameters:.1f} million "
        f"parameters; pictures are resized to {width} × {height} pixels{scale}.\n",
        f"## Data\n\n{data}\n" if data else "",
        f"## Measured\n\n| stage | AP (0.50:0.95) |\n|---|---|\n{measured}" if ap else "",
        USE.format(repo=repo, family="" if config.family == "dfine" else f', family="{config.family}"'),
        f"## Classes\n\n{', '.join(names)}\n",
        f"Written by D-FINE Lens {VERSION}.\n",
    ]
    return "\n".join(part for part in parts if part)


def push_to_hub(network: DFINE, card: Card, repo: str, *, token: str | None = None, private: bool = False) -> str:
    """Put a model on the Hub, as a folder that `dfine.load` and transformers load, with its card.

    Args:
        network: what to publish.
        card: what it is; its words become the README there, see `model_card`; without any, that stays as it is.
        repo: "owner/model"; made where it is not there yet, else a new commit in it.
        token: of an account that may write; by default the one that is logged in.
        private: whether only its owners can see a new one.

    Returns:
        The address of the commit.

    Raises:
        OfflineError: the Hub cannot be reached.
        CheckpointError: the id is none, or the Hub refuses; the message says why.
    """
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise CheckpointError(f'{repo!r} is no id on the Hub; it is "owner/model"')
    with tempfile.TemporaryDirectory() as scratch:
        return push(write(scratch, network, card), repo, token=token, private=private)


def write(folder: str | os.PathLike, network: DFINE, card: Card) -> Path:
    """The folder as it is put on the Hub: weights, both configurations, and as README the card's words, if any."""
    folder = save_transformers(folder, network, card)
    if card.words:  # an empty one would take the place of the one that is there
        (folder / "README.md").write_text(card.words, encoding="utf-8")
    return folder
