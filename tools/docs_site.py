"""Builds the site of the documentation: `python tools/docs_site.py` writes docs/_site. Any warning fails.

Pages are written for GitHub first: plain Markdown with relative links. Here they are laid out for Sphinx in a folder
of their own, with what stands elsewhere in the repository put beside them: the contributing page, the changes, the
example notebooks with what their cells show, and a page for each group of the API.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from api_pages import api_pages, with_links
from notebook_pages import notebook_page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
NOTEBOOKS = ("01_review", "02_balance")
# Files outside docs/ that are pages of the site, and their names there.
BESIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"} | {
    f"example_notebooks/{name}.ipynb": f"{name}.md" for name in NOTEBOOKS
}

_FENCE = re.compile(r"^(```.*?^```)[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)")
_PICTURE = re.compile(
    r'<picture>\s*<source [^>]*srcset="([^"]+)">\s*<img alt="([^"]+)" src="([^"]+)">\s*</picture>'
)
_SECTION = re.compile(r"^## ([^\n]+)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^\* \[([^]]+)\]\(([^)#]+)\)", re.MULTILINE)


def staged(text: str, folder: str) -> str:
    """The text of a page in ``folder`` of the repository as it is read by Sphinx."""
    parts = _FENCE.split(text)
    parts[::2] = [
        _PICTURE.sub(_both_pictures, _LINK.sub(lambda m: _link(m, folder), part)) for part in parts[::2]
    ]
    return "".join(parts)


def _link(match: re.Match[str], folder: str) -> str:
    target, anchor = match[1], match[2] or ""
    path = (ROOT / folder / target).resolve().relative_to(ROOT).as_posix()
    if path in BESIDE:
        return f"]({BESIDE[path]}{anchor})"
    if path.startswith("docs/"):
        return f"]({path.removeprefix('docs/')}{anchor})"
    return f"](files/{path})"  # not a page: the file itself is handed out


def _both_pictures(match: re.Match[str]) -> str:
    dark, alt, light = match.groups()
    return "\n".join(
        f"```{{image}} {path}\n:class: only-{theme}\n:alt: {alt}\n```\n"
        for theme, path in (("light", light), ("dark", dark))
    )


def contents(index: str) -> dict[str, list[tuple[str, str]]]:
    """The table of contents: titles and pages that each section of docs/index.md lists."""
    found = {title: _ENTRY.findall(body) for title, body in _SECTION.findall(index)}
    return {title: pages for title, pages in found.items() if pages}


def trees(sections: dict[str, list[tuple[str, str]]]) -> str:
    """The same for Sphinx, behind the last line of the landing page."""
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n"
        + "".join(f"{name} <{page}>\n" for name, page in pages)
        + "```\n"
        for title, pages in sections.items()
    )


def lay_out(stage: Path, *, run: bool) -> None:
    """Write every page of the site into ``stage``. Pages that are as they were keep their times."""
    pages = {path.name: staged(path.read_text(encoding="utf-8"), "docs") for path in DOCS.glob("*.md")}
    for path, name in BESIDE.items():
        source = ROOT / path
        if source.suffix == ".ipynb":
            pages[name] = staged(notebook_page(source, stage, run=run), "example_notebooks")
        else:
            pages[name] = staged(source.read_text(encoding="utf-8"), "")
    pages["index.md"] += trees(contents(pages["index.md"]))
    pages["api.md"] = with_links(pages["api.md"])
    pages |= api_pages()
    stage.mkdir(parents=True, exist_ok=True)
    for path in [*stage.glob("*.md"), *stage.glob("api/*.md")]:
        if path.relative_to(stage).as_posix() not in pages:
            path.unlink()
    for name, text in pages.items():
        _write(stage / name, text)
        for target in re.findall(r"\]\(files/([^)]+)\)", text):
            _copy(ROOT / target, stage / "files" / target)
    for folder in ("pictures", "gallery", "_static"):
        shutil.copytree(DOCS / folder, stage / folder, dirs_exist_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def build(into: Path, *, run: bool, quiet: bool) -> int:
    """Build the site. Returns 0, or 1 where there was a warning.

    Args:
        into: the folder that gets the site (``_site``) and what it is made of (``_build``), which makes the next build quicker.
        run: whether the example notebooks are run, or shown without what their cells show.
        quiet: say nothing but warnings.
    """
    from sphinx.cmd.build import main as sphinx

    stage = into / "_build"
    lay_out(stage / "pages", run=run)
    # Every page anew: each holds the table of contents.
    how = ["--fail-on-warning", "--keep-going", "--fresh-env", "--write-all", *(["-q"] if quiet else [])]
    how += ["-D", f"html_static_path={stage / 'pages' / '_static'}"]  # with the components of the notebooks
    folders = ["-c", DOCS, "-d", stage / "doctrees", stage / "pages", into / "_site"]
    return sphinx([*how, *map(str, folders)])


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--into", type=Path, default=DOCS, help="the folder that gets _site and _build (docs)")
    asked.add_argument("--no-run", action="store_true", help="do not run the example notebooks")
    asked.add_argument("--quiet", action="store_true", help="say nothing but warnings")
    options = asked.parse_args()
    shutil.rmtree(options.into / "_site", ignore_errors=True)
    sys.exit(build(options.into, run=not options.no_run, quiet=options.quiet))
