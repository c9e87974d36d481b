"""What `mkdocs build` has to know of this repository.

The documents lie where a forge's reader looks for them: README.md and others at the top, figures in assets/, and the
notebooks. This hook brings them into the site, points every relative link at the page that it has there, and adds a
page of API reference for every room of the library.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import site_notebooks

GROUND = ("config", "boxes", "distribution", "version", "paths", "files", "processes", "wording")
CARDS = sorted((ROOT / "assets" / "checkpoints").glob("*/README.md"))
# Documents outside of docs/ and their places in the site.
OUTSIDE = {
    "README.md": "index.md",
    "SPACE.md": "space.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/training.md": "trainings.md",
    "dfine/explore/README.md": "explore-fields.md",
    **{f"assets/checkpoints/{p.parent.name}/README.md": f"{p.parent.name}.md" for p in CARDS},
}
# A link, or a picture; the text of a link may be a picture, as a badge's is.
LINK = re.compile(r"(?P<bang>!?)\[(?P<text>(?:!\[[^\[\]]*\]\([^()\s]+\)|[^\[\]])*)\]\((?P<target>[^()\s]+)\)")
CODE = re.compile(r"^(```.*?^```$)", re.DOTALL | re.MULTILINE)


def places() -> dict[str, str]:
    """Path in the repository -> path among the site's sources, of everything that the site shows."""
    figures = {
        f"assets/figures/{path.name}": f"assets/figures/{path.name}" for path in (ROOT / "assets/figures").iterdir()
    }
    documents = {f"docs/{path.name}": path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"}
    return OUTSIDE | {"docs/README.md": "index.md"} | figures | documents | notebooks()


def notebooks() -> dict[str, str]:
    """The notebooks, which become pages."""
    return {f"notebooks/{p.name}": f"notebooks/{p.stem}.md" for p in sorted((ROOT / "notebooks").glob("*.ipynb"))}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents and figures outside of docs/, and the reference."""
    for origin, place in places().items():
        if origin in notebooks():
            text, pictures = site_notebooks.page(ROOT / origin)
            files.append(File.generated(config, place, content=text))
            for name, content in pictures.items():
                files.append(File.generated(config, f"notebooks/{name}", content=content))
        elif not origin.startswith("docs/"):
            files.append(File.generated(config, place, abs_src_path=str(ROOT / origin)))
    for room, modules in rooms().items():
        text = "\n\n".join([f"# {room}", *(f"::: {module}" for module in modules)])
        files.append(File.generated(config, f"reference/{room.rstrip('/').replace(' ', '-')}.md", content=text))
    return files


def rooms() -> dict[str, list[str]]:
    """The modules of the ground floor and of each package. Empty ones have nothing to say."""
    found = {"ground floor": [f"dfine.{name}" for name in GROUND]}
    for package in sorted(p.parent for p in (ROOT / "dfine").glob("*/__init__.py")):
        paths = [p for p in sorted(package.rglob("*.py")) if "plugin" not in p.parts and p.stem != "__main__"]
        modules = [p.relative_to(ROOT).with_suffix("") for p in paths if p.stem != "__init__"]
        found[package.name] = [".".join(module.parts) for module in modules]
    return found


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point relative links, which are right in the repository, at the pages of the site."""
    place = page.file.src_uri
    where = places()
    origin = next((o for o, p in where.items() if p == place and o != "docs/README.md"), None)
    if origin is None:
        return markdown
    parts = CODE.split(markdown)

    def pointed(text: str) -> str:
        return LINK.sub(lambda link: moved(link, pointed(link["text"]), origin, place, where, config), text)

    return "".join(part if part.startswith("```") else pointed(part) for part in parts)


def moved(link: re.Match, text: str, origin: str, place: str, where: dict[str, str], config: MkDocsConfig) -> str:
    """The link as it has to be in the site, with its `text`; only the text, where it leads nowhere there."""
    target, hash_, anchor = link["target"].partition("#")
    start = f"{link['bang']}[{text}]"
    if not target or "://" in target or target.startswith("mailto:"):
        return f"{start}({link['target']})"
    path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
    if origin in notebooks() and "/" not in target and not target.endswith(".ipynb"):
        return f"{start}({link['target']})"  # a picture of its own
    if not (ROOT / path).exists():
        raise FileNotFoundError(f"{origin} links to {target}, which is not there")
    if path in where:
        there = posixpath.relpath(where[path], posixpath.dirname(place) or ".")
        return f"{start}({there}{hash_}{anchor})"
    if config.repo_url:
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/HEAD/{path}{hash_}{anchor})"
    return text
