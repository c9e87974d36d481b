"""Run the notebooks again and keep what they show: `python assets/make_notebooks.py`, after a change of code or text.

Every plotly figure also gets a picture of itself, so that the notebooks read on pages that run nothing, and in
JupyterLab, which shows it, as large as it is, until a pointer comes near; that takes Chromium. Every notebook gets
its badges, and links to where the functions that it names begin now. Writes notebooks/*.ipynb, figures/badge-*.svg
and, from the cell tagged `readme` in each notebook, figures/notebook-0N.png.
"""

from __future__ import annotations

import argparse
import base64
import importlib
import inspect
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from plotly.offline import get_plotlyjs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from assets.browser import CHROMIUM, launched  # noqa: E402

FOLDER = ROOT / "notebooks"
PLOTLY = "application/vnd.plotly.v1+json"
WIDTH = 860  # pixels of a figure: what JupyterLab has for it in a window of 1300
ZOOM = 1.5  # dots for each of them in the README's pictures
LIMIT = 150_000  # bytes of a README picture
REPOSITORY = ""  # where the project can be had from, once it is published; every notebook's first cell gets it
BADGES = {  # a badge's name: what it says in two halves, the colour of the second, where it leads
    "colab": ("open in", "Colab", "#B85C00", "https://colab.research.google.com"),
    "kaggle": ("open in", "Kaggle", "#0E7490", "https://www.kaggle.com/code/new"),
    "cpu": ("runs on", "a CPU", "#3F6B2A", "../docs/notebooks.md"),
    "paper": ("arXiv", "2410.13842", "#8B1A1A", "https://arxiv.org/abs/2410.13842"),
}
GITHUB = "https://github.com/"
NAMED = re.compile(r"\[`(?P<name>dfine(?:\.\w+)+)`\]\([^)]*\)")  # a link to where something of the library begins
PARTS = {  # extras that a notebook needs
    "04": "notebooks,train",
    "05": "notebooks,explore,train",
    "06": "notebooks,train,onnx",
    "07": "notebooks,train",
}
FIRST = '''
import importlib.util
from pathlib import Path

REPOSITORY = "{repository}"  # an address to clone, a release archive (an address or a file), or an uploaded folder
PARTS = "{parts}"
NotHere = type("NotHere", (Exception,), {{"_render_traceback_": lambda e: [str(e)]}})  # shown as one sentence


def source():
    """What pip can install the project from. Raises NotHere where there is nothing."""
    for folder in filter(None, (REPOSITORY, "..", ".")):
        if (Path(folder) / "pyproject.toml").is_file():
            return f"{{Path(folder).resolve()}}[{{PARTS}}]"
    if Path(REPOSITORY).is_file():
        return f"dfine-lens[{{PARTS}}] @ {{Path(REPOSITORY).resolve().as_uri()}}"
    if "://" in REPOSITORY:
        archive = REPOSITORY.endswith((".zip", ".tar.gz", ".whl"))
        return f"dfine-lens[{{PARTS}}] @ {{'' if archive else 'git+'}}{{REPOSITORY}}"
    no = f"{{REPOSITORY!r}} is neither a folder with a pyproject.toml, nor an archive, nor an address like https://…"
    no = no if REPOSITORY else "REPOSITORY does not say where it is"
    raise NotHere(f"The project is not installed, and {{no}}. Put its place into REPOSITORY, and run this cell again.")


if importlib.util.find_spec("dfine") is None:
    place = source()
    %pip install --quiet "$place"
    importlib.invalidate_caches()
    if importlib.util.find_spec("dfine") is None:
        raise NotHere(f"pip could not install {{place}}, see above. Mend REPOSITORY, and run this cell again.")
'''.strip()
PROGRESS = re.compile(r"\d+%\||it/s|s/it")  # what tqdm writes
SLOW = re.compile(r"Process \d+ \(.*\) did not respond\n")  # what FiftyOne writes where its database starts slowly
QUIET = {
    "TQDM_DISABLE": "1",
    "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    "HF_HUB_OFFLINE": "1",
    "FIFTYONE_DATABASE_VALIDATION": "false",
    "FIFTYONE_DO_NOT_TRACK": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs. Raises CellExecutionError where a cell fails."""
    notebook = refreshed(nbformat.read(path, as_version=4), path)
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryDirectory() as database:
        os.environ.update(QUIET | {"PYTHONPATH": search, "FIFTYONE_DATABASE_DIR": database})
        NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(FOLDER)}}).execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran is nobody's business
        if cell.cell_type == "code":
            cell.outputs = tidied(cell.outputs)
    return notebook


def first_cell(path: Path) -> str:
    """The first code cell of a notebook, which installs the project where it is not."""
    return FIRST.format(repository=REPOSITORY, parts=PARTS.get(path.name[:2], "notebooks"))


def refreshed(notebook: nbformat.NotebookNode, path: Path) -> nbformat.NotebookNode:
    """The notebook with the first cell, badges and links to source lines as they have to be now; outputs stay."""
    next(cell for cell in notebook.cells if cell.cell_type == "code").source = first_cell(path)
    title, *rest = [line for line in notebook.cells[0].source.split("\n") if not line.startswith("[![")]
    notebook.cells[0].source = "\n".join([title, "", badges(path), "", *rest]).replace("\n\n\n", "\n\n")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = NAMED.sub(lambda link: f"[`{link['name']}`]({source_line(link['name'])})", cell.source)
    return notebook


def web() -> str:
    """Where the project's files can be read on the web, "" where there is no such place."""
    return REPOSITORY.removesuffix("/").removesuffix(".git") if REPOSITORY.startswith(GITHUB) else ""


def badges(path: Path) -> str:
    """A line of badges. Without a repository on the web those of Colab and Kaggle lead to where a file is uploaded."""
    page = f"{web()}/blob/main/notebooks/{path.name}"
    known = {
        "colab": f"https://colab.research.google.com/github/{page.removeprefix(GITHUB)}",
        "kaggle": f"https://www.kaggle.com/kernels/welcome?src={page}",
        "cpu": f"{web()}/blob/main/docs/notebooks.md",
    }
    pictures = f"{web()}/raw/main" if web() else ".."
    return " ".join(
        f"[![{left} {right}]({pictures}/assets/figures/badge-{name}.svg)]({known.get(name, there) if web() else there})"
        for name, (left, right, _, there) in BADGES.items()
    )


def badge(left: str, right: str, colour: str) -> str:
    """A small picture of two words, as SVG."""
    first, second = (round(6.6 * len(word)) + 12 for word in (left, right))
    text = 'font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" fill="#fff" text-anchor="middle"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="20" role="img" '
        f'aria-label="{left} {right}"><rect width="{first + second}" height="20" rx="3" fill="#444"/>'
        f'<path d="M{first} 0h{second - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{second - 3}z" fill="{colour}"/>'
        f'<g {text}><text x="{first / 2}" y="14">{left}</text>'
        f'<text x="{first + second / 2}" y="14">{right}</text></g></svg>\n'
    )


def source_line(name: str) -> str:
    """The link to where a function or class of the library begins. Raises AttributeError where there is none."""
    home, parts = ROOT, name.split(".")
    while parts and ((home / parts[0]).is_dir() or (home / f"{parts[0]}.py").is_file()):
        home /= parts.pop(0)
    found = importlib.import_module(".".join(home.relative_to(ROOT).parts))
    for part in parts:
        found = getattr(found, part)
    found = inspect.unwrap(found)
    path = Path(inspect.getsourcefile(found)).relative_to(ROOT).as_posix()
    return f"{f'{web()}/blob/main' if web() else '..'}/{path}#L{inspect.getsourcelines(found)[1]}"


def tidied(outputs: list) -> list:
    """Without progress bars, and what was printed in pieces as one. Raises SystemExit for any other warning."""
    kept = []
    for output in outputs:
        if output.get("name") == "stdout":
            output.text = SLOW.sub("", output.text)
            if not output.text:
                continue
        if output.get("name") == "stderr":
            lines = [line for line in re.split(r"[\r\n]+", output.text) if line.strip() and not PROGRESS.search(line)]
            if lines:
                raise SystemExit(f"a cell warns, and its output would be kept: {lines[0]}")
        elif output.get("name") == "stdout" and kept and kept[-1].get("name") == "stdout":
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def bundles(notebook: nbformat.NotebookNode) -> Iterator[tuple[nbformat.NotebookNode, dict]]:
    """Every cell with each of the rich outputs that it has."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "data" in output:
                yield cell, output.data


def photographed(page: Page, figure: dict) -> dict[str, str]:
    """A plotly figure as an output of a notebook, on white: PNG, or JPEG where there is a photograph in it."""
    shown = _shown(page, figure)
    if figure["layout"].get("images"):
        return {"image/jpeg": _text(shown.screenshot(type="jpeg", quality=86))}
    return {"image/png": _text(small(shown.screenshot()))}


def _shown(page: Page, figure: dict) -> Locator:
    """A plotly figure, drawn on the page."""
    page.evaluate(
        """async ({data, layout, width}) => {
            const place = document.querySelector('#figure');
            place.style.width = width + 'px'; place.style.height = (layout.height || 400) + 'px';
            Plotly.purge(place); place.innerHTML = '';
            await Plotly.newPlot(place, data, layout, {displayModeBar: false});
        }""",
        {"data": figure["data"], "layout": figure["layout"], "width": WIDTH},
    )
    page.wait_for_timeout(250)
    return page.locator("#figure")


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def small(png: bytes) -> bytes:
    """The PNG with a palette of 255 colours, or as it was where that is no smaller.

    The colours lie as near as can be to all that there are: of the most frequent ones only, a thin line's is none.
    """
    file, most = io.BytesIO(), Image.Quantize.MAXCOVERAGE
    reduced = Image.open(io.BytesIO(png)).convert("RGB").quantize(255, most, dither=Image.Dither.NONE)
    reduced.save(file, "PNG", optimize=True)
    return min(png, file.getvalue(), key=len)


def illustrate(notebook: nbformat.NotebookNode, page: Page) -> None:
    """Give every plotly figure its picture, and keep pictures once, in their smaller form."""
    for _, data in bundles(notebook):
        if PLOTLY in data:
            data.update(photographed(page, data[PLOTLY]))
        elif "image/jpeg" in data:  # Pillow offers both; photographs are smaller so
            data.pop("image/png", None)
        elif "image/png" in data:
            data["image/png"] = _text(small(base64.b64decode(data["image/png"])))


def chosen(notebook: nbformat.NotebookNode, page: Page) -> Image.Image | None:
    """What the cell with the tag `readme` shows."""
    for cell, data in bundles(notebook):
        if "readme" not in cell.metadata.get("tags", ()):
            continue
        if PLOTLY in data:
            return Image.open(io.BytesIO(_shown(page, data[PLOTLY]).screenshot())).convert("RGB")
        for kind in ("image/png", "image/jpeg"):
            if kind in data:
                return Image.open(io.BytesIO(base64.b64decode(data[kind]))).convert("RGB")
        if "text/html" in data:
            page.evaluate(
                """html => {
                    const place = document.querySelector('#figure');
                    place.style = 'padding:8px;width:max-content'; place.innerHTML = html;
                }""",
                data["text/html"],
            )
            page.wait_for_timeout(250)
            return Image.open(io.BytesIO(page.locator("#figure").screenshot())).convert("RGB")
    return None


def keep(image: Image.Image, path: Path) -> None:
    """Write the picture of the README, as large as `LIMIT` allows."""
    for width in sorted({min(image.width, limit) for limit in (1000, 840, 700)}, reverse=True):
        scaled = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
        palette = scaled.quantize(255, kmeans=3)  # which keeps the colours of thin lines
        scaled.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
        if path.stat().st_size <= LIMIT:
            return
    raise SystemExit(f"{path.name} takes {path.stat().st_size} bytes, more than {LIMIT}")


def _page(browser: Browser, zoom: float) -> Page:
    """An empty page with plotly and a place for a figure."""
    page = browser.new_page(viewport={"width": WIDTH + 40, "height": 900}, device_scale_factor=zoom)
    page.set_content('<body style="margin:0;background:white"><div id="figure"></div></body>')
    page.add_script_tag(content=get_plotlyjs())
    return page


def main() -> None:
    """Run and illustrate what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", help="numbers such as 02; by default all")
    parser.add_argument("--keep", action="store_true", help="do not run them: only renew badges, links and pictures")
    parser.add_argument("--chromium", default=CHROMIUM)
    options = parser.parse_args()
    paths = [p for p in sorted(FOLDER.glob("*.ipynb")) if not options.which or p.name[:2] in options.which]
    for name, (left, right, colour, _) in BADGES.items():
        (HERE / "figures" / f"badge-{name}.svg").write_text(badge(left, right, colour), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = launched(playwright, options.chromium)
        page, large = (_page(browser, zoom) for zoom in (1, ZOOM))
        for path in paths:
            if options.keep:
                notebook = refreshed(nbformat.read(path, as_version=4), path)
            else:
                notebook = run(path)
                illustrate(notebook, page)
            nbformat.write(notebook, path)
            picture = chosen(notebook, large)
            if picture:
                keep(picture, HERE / "figures" / f"notebook-{path.name[:2]}.png")
            print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
        browser.close()


if __name__ == "__main__":
    main()
