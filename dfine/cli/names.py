"""The command about classes: `names`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument

from dfine.cli.options import Names
from dfine.cli.terminal import complain


def names(
    model: Annotated[str, Argument(help="Short name (see `dfine zoo`), Hub id, folder, .pth or .safetensors.")],
    out: Annotated[Path | None, Argument(help="A new folder, for the model with the names.")] = None,
    names: Names = None,
):
    """Print the names of a model's classes, one a line, or give it others once and for all."""
    if names and out is None:
        raise typer.BadParameter("name the new folder that the model with these names goes to", param_hint="OUT")
    from dfine.files import require_empty
    from dfine.weights.checkpoints import open_checkpoint
    from dfine.weights.saving import save
    from dfine.wording import some

    folder = require_empty(out) if out else None
    checkpoint = open_checkpoint(model, names=names)
    for note in checkpoint.card.notes:
        complain(f"{model}: {note}", "warning")
    if folder is None:
        typer.echo("\n".join(checkpoint.card.names))
        return
    save(folder, checkpoint.network(), replace(checkpoint.card, words=None))
    typer.echo(f"{out}: {len(checkpoint.card.names)} classes, {some(checkpoint.card.names)}")
