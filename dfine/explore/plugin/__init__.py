"""The FiftyOne plugin: its panels and operators. FiftyOne reads this file anew at every event, so it stays small."""

from __future__ import annotations

import sys
from pathlib import Path

try:
    from dfine.explore import low_scores, suspect_panel
    from dfine.explore.panel import EdgesPanel
except ModuleNotFoundError as error:
    if error.name != "dfine":
        raise
    sys.path.append(str(Path(__file__).resolve().parents[3]))  # linked from a clone that is not installed
    from dfine.explore import low_scores, suspect_panel
    from dfine.explore.panel import EdgesPanel


def register(plugin) -> None:
    """Called by FiftyOne."""
    plugin.register(EdgesPanel)
    plugin.register(low_scores.SwitchLowScores)
    plugin.register(suspect_panel.SuspectsPanel)
    plugin.register(suspect_panel.AcceptSuspects)
    plugin.register(suspect_panel.RejectSuspects)
    plugin.register(suspect_panel.ReopenSuspects)
