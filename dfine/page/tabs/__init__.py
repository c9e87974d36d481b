"""The tabs of the page, in order. A new tab is one file, here or among the browser's modules, and one line here."""

import json

from dfine.page import cached_files
from dfine.page.tabs import compare, files, paper, sampling, sketch, spoil, video, why_not
from dfine.page.tabs.browser import drawn

TABS = (
    drawn("shape", "How sure"),
    drawn("weighted", "How far"),
    drawn("edge", "One edge, to the pixel"),
    drawn("layers", "Layer by layer"),
    drawn("lab", "W(n)", value=json.loads(cached_files.resource("quantisation.json"))),
    sampling.TAB,
    spoil.TAB,
    compare.TAB,
    sketch.TAB,
    video.TAB,
    why_not.TAB,
    paper.TAB,
    files.TAB,
)
BY_KEY = {tab.key: tab for tab in TABS}
