"""The page in pieces: what a session keeps, what every tab shows, and where it all stands."""

import os

from dfine.page import zerogpu  # noqa: F401  `spaces`, where there is one, comes before anything that may touch CUDA

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before Gradio is imported: the page calls nobody
