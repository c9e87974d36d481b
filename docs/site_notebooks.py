"""A notebook as a page of the site: its prose, its code, and the outputs that it keeps. Nothing is run.

Equations become MathML, which browsers draw by themselves, so that the site needs no script from elsewhere.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

from latex2mathml.converter import convert

DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
INLINE = re.compile(r"(?<![\w$`])\$([^$\n]+?)\$(?![\w$])")
PICTURES = {"image/png": "png", "image/jpeg": "jpg"}


def page(path: Path) -> tuple[str, dict[str, bytes]]:
    """The page of a notebook in Markdown, and the pictures beside it by name."""
    parts, pictures = [], {}
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(prose(source))
            continue
        parts.append(f"```python\n{source}\n```")
        for text, picture in shown(cell["outputs"]):
            if picture:
                kind, content = picture
                name = f"{path.stem}-{number}.{kind}"
                pictures[name] = content
                text = f"![What the cell above shows]({name})"
            parts.append(text)
    return "\n\n".join(parts) + "\n", pictures


def shown(outputs: list[dict]) -> Iterator[tuple[str, tuple[str, bytes] | None]]:
    """What a cell shows: text as Markdown, or a picture as (kind, content)."""
    for output in outputs:
        if "text" in output:
            yield f"```text\n{''.join(output['text']).rstrip()}\n```", None
            continue
        data = output.get("data", {})
        kind = next((kind for kind in PICTURES if kind in data), None)
        if kind:
            yield "", (PICTURES[kind], base64.b64decode("".join(data[kind])))
        elif "text/html" in data:
            html = re.sub(r"\n\s*\n", "\n", "".join(data["text/html"]))  # an empty line would end it in Markdown
            yield f'<div class="notebook-output">\n{html}\n</div>', None


def prose(source: str) -> str:
    """Markdown with its equations as MathML; blocks of code and hidden answers are kept."""
    pieces = re.split(r"(```.*?```)", source, flags=re.DOTALL)
    text = "".join(piece if piece.startswith("```") else mathematics(piece) for piece in pieces)
    return text.replace("<details>", '<details markdown="1">')


def mathematics(text: str) -> str:
    """LaTeX between dollars as MathML."""
    text = DISPLAY.sub(lambda m: f"\n\n<div>{convert(m[1].strip(), display='block')}</div>\n\n", text)
    return INLINE.sub(lambda m: convert(m[1]), text)
