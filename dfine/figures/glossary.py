"""The words that figures and pages use, with their meaning in a sentence or two."""

from __future__ import annotations

GLOSSARY: dict[str, str] = {
    "Initial box": "The box before any layer. Every layer measures its four edges from it.",
    "Pr(n)": "How probable a layer holds each of the N + 1 ways to move an edge. Narrow means sure.",
    "W(n)": (
        "How far way n moves the edge, in sizes of the initial box: fine steps around zero, coarse ones far out. "
        "a sets how far it reaches, c how fine it is."
    ),
    "Σ W(n)·Pr(n)": "The mean of the distribution: where the layer puts the edge. Positive is outward.",
    "80\u00a0%": (
        "The edge lies in this interval with 80\u00a0% probability, if the network's own distribution can be trusted."
    ),
    "Calibrated": (
        "The intervals were fitted to pictures with known boxes, so that about 80\u00a0% of the edges lie in theirs. "
        "Pictures of another kind may not keep to that."
    ),
    "Uncalibrated": (
        "Nobody has checked on pictures with known boxes how often edges lie in their 80\u00a0% interval. "
        "Compare widths, and do not take them for promises."
    ),
    "LQE": "What a layer adds to the score of a box for its edges: usually the more, the surer they are.",
    "IoU": "How well two boxes agree: the area that both cover, divided by the area that either covers. 1 is equal.",
    "Query": (
        "One of the network's candidates. Each starts at a promising place of the picture, and ends as one box with a "
        "score for every class."
    ),
    "Stride": (
        "How many pixels of the network's input lie between two neighbouring places of a feature map. Queries start at "
        "such places: small strides see small things."
    ),
}
