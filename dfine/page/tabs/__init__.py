"""The tabs of the page, in order. A new tab is one file in this folder, and one line here."""

from dfine.page.tabs import edge, files, layers, paper, sampling, shape, weighted, why_not

TABS = (
    shape.TAB,
    weighted.TAB,
    edge.TAB,
    layers.TAB,
    sampling.TAB,
    why_not.TAB,
    paper.TAB,
    files.TAB,
)
BY_KEY = {tab.key: tab for tab in TABS}
