"""Reports as self-contained HTML pages, and the figures that they consist of."""
