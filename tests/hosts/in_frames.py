"""The example notebook in frames of a web page with a live kernel: as Colab shows widgets, and as VS Code does."""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from host_servers import DATA, example, jupyter_command, jupyter_environment, serving, versions
from host_story import (
    Place,
    Seen,
    look_at_busy,
    look_at_more,
    look_at_panel,
    look_at_theme,
    look_at_twin,
    picture,
)
from jupyterlab import browser
from playwright.sync_api import FrameLocator, Page, Route

SOURCES = Path(__file__).parent / "page"
# Colab's own manager of custom widgets, at the commit that is looked at; it is not on npm.
COLAB_MANAGER = "https://github.com/googlecolab/colab-cdn-widget-manager"
COLAB_COMMIT = "472880a4c0722633b15d82359ffd4ecfec027827"
COLAB_PACKAGES = (
    "@jupyter-widgets/base@5.0.0-alpha.3",
    "@jupyter-widgets/base-manager@1.0.0-alpha.2",
    "@jupyter-widgets/controls@4.0.0-alpha.3",
    "backbone@1.4.0",
    "underscore@1.13.7",
)
NPM = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
COLAB_STARTUP = "import google.colab.output"


def packages(folder: Path) -> Path:
    """The folder of the page with its npm packages, which are taken as they are if they are there."""
    home = folder / "page"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "node_modules").is_dir():
        shutil.copy(SOURCES / "package.json", home)
        subprocess.run(NPM, cwd=home, check=True)
    return home


def built_page(folder: Path, host: str) -> Path:
    """The page and the frame of a host, bundled."""
    home = packages(folder)
    bundle = [
        str(home / "node_modules" / ".bin" / "esbuild"),
        "--bundle",
        "--format=esm",
        "--log-level=error",
    ]
    bundle.append("--define:define.amd=false")  # bundled modules are not for the loader of the page
    if host == "colab":
        bundle.append(f"--alias:colab-widget-manager={colab_manager(folder, bundle[0]) / 'src' / 'index.ts'}")
    for name in ("host.mjs", f"{host}.mjs"):
        shutil.copy(SOURCES / name, home)  # beside the packages, so that they are found
        out = home / "built" / name.replace(".mjs", ".js")
        subprocess.run([*bundle, f"--outfile={out}", str(home / name), "--loader:.txt=text"], check=True)
    for page in SOURCES.glob("*.html"):
        shutil.copy(page, home / "built")
    shutil.copy(home / "node_modules" / "requirejs" / "require.js", home / "built")
    return home / "built"


def colab_manager(folder: Path, esbuild: str) -> Path:
    """The sources of Colab's manager, with the packages they are written for."""
    source = folder / "colab-manager" / "source"
    if not source.is_dir():
        subprocess.run(["git", "clone", "--quiet", COLAB_MANAGER, str(source)], check=True)
    subprocess.run(
        ["git", "-c", "advice.detachedHead=false", "checkout", "--quiet", COLAB_COMMIT],
        cwd=source,
        check=True,
    )
    if not (source / "node_modules").is_dir():
        subprocess.run(
            [*NPM, "--no-save", "--no-package-lock", "--omit=dev", "--legacy-peer-deps", *COLAB_PACKAGES],
            cwd=source,
            check=True,
        )
    style = ["--bundle", "src/index.css", "--outfile=lib/index.css.txt", "--log-level=error"]
    subprocess.run([esbuild, *style], cwd=source, check=True)
    return source


@contextlib.contextmanager
def files_of(folder: Path) -> Iterator[str]:
    """A server of the files in a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def answered(place: Place) -> Callable[[Route], None]:
    """Answers for a CDN from packages that are installed here; all else on other machines is cut off."""
    share = place.folder / place.environment / "share" / "jupyter" / "nbextensions"
    modules = place.folder / "page" / "node_modules"
    files = {
        "/anywidget@": share / "anywidget" / "index.js",
        "/html-manager@": modules / "@jupyter-widgets" / "html-manager" / "dist" / "embed-amd.js",
        "/require.js/": modules / "requirejs" / "require.js",
    }

    def answer(route: Route) -> None:
        file = next((file for part, file in files.items() if part in route.request.url), None)
        if file is None:
            route.abort("internetdisconnected")
        else:
            route.fulfill(
                path=file, headers={"access-control-allow-origin": "*"}, content_type="text/javascript"
            )

    return answer


def look(seen: Seen, scratch: Path, place: Place, *, host: str) -> None:
    """Open the notebook in the page of ``colab`` or ``vscode``."""
    folder, server, kernel = place.folder, place.server, place.kernel
    built = built_page(folder, host)
    notebook = example(scratch / "work")
    environment = jupyter_environment(
        scratch, kernel, *([str(SOURCES / "colab_runtime")] if host == "colab" else [])
    )
    seen.versions |= versions(kernel, "ipykernel", "ipywidgets", "anywidget", "pandas")
    # An editor loads what belongs to the kernel from beside its own page.
    share = folder / place.environment / "share" / "jupyter" / "nbextensions"
    shutil.copytree(share, built / "nbextensions", dirs_exist_ok=True)

    with (
        serving(
            jupyter_command(server, "jupyter_server", notebook.parent),
            notebook.parent,
            environment=environment,
        ) as address,
        files_of(built) as own,
        browser(own) as lab,
    ):
        page = lab.page
        page.context.route(lambda url: urlsplit(url).scheme == "https", answered(place))
        page.goto(f"{own}/index.html?host={host}", wait_until="load")
        page.wait_for_function("() => window.start && window.run")
        page.evaluate("server => window.start(server)", address)
        with seen.check("shown"):
            _run_cells(page, notebook, COLAB_STARTUP if host == "colab" else "")
        frames = [
            page.frame_locator(f"iframe.widget >> nth={n}")
            for n in range(page.locator("iframe.widget").count())
        ]
        if frames:
            _look_at_frames(seen, page, frames, notebook.parent / DATA)
        else:
            picture(seen, page, "light")
            seen.missing()
        with seen.check("twin"):
            page.evaluate("() => window.showFrozen()")
        if seen.works["twin"]:
            look_at_twin(seen, page, page.frame_locator("iframe.output >> nth=0").locator("body"))
        seen.requests += lab.foreign
    seen.has_no("keys", "the page has no shortcuts")


def _run_cells(page: Page, notebook: Path, startup: str) -> None:
    cells = nbformat.read(notebook, as_version=4).cells
    sources = [startup, *(cell.source for cell in cells if cell.cell_type == "code")]
    for source in filter(None, sources):
        page.evaluate("code => window.run(code)", source)


def _look_at_frames(seen: Seen, page: Page, frames: list[FrameLocator], data: Path) -> None:
    panel = frames[0].locator(".rtnb")
    look_at_panel(seen, panel, data)
    if not seen.works["shown"]:
        seen.remarks["shown"] += f" The frame says: {frames[0].locator('body').inner_text()[:120]}"
        picture(seen, page, "light")
        seen.missing()
        return
    look_at_busy(seen, panel, lambda code: page.evaluate("code => void window.run(code)", code))
    look_at_theme(seen, panel, lambda theme: page.evaluate("theme => window.theme(theme)", theme))
    look_at_more(seen, frames[1].locator(".rtnb"), frames[2].locator("body"))
