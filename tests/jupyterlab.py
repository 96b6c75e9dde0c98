"""A real JupyterLab with a real browser, for tests: a server on the loopback address and one page in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Locator, Page, Request, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OWN_HOSTS = {"127.0.0.1", "localhost"}
PATIENCE = 60  # seconds for the slowest step on a slow machine
_BARS = 150  # pixels of a window above and below a notebook

# No news, no update checks, and every cell in the page even when it is out of sight.
SETTINGS = {
    "apputils-extension/notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
    "notebook-extension/tracker": {"windowingMode": "none"},
}


def write_notebook(path: Path, cells: Iterable[str]) -> None:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


@contextlib.contextmanager
def jupyterlab(folder: Path, files: Path) -> Iterator[str]:
    """Serve a copy of ``files`` from ``folder``; gives the address, and ends the server with its kernels."""
    root = folder / "work"
    shutil.copytree(files, root, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "*.review"))
    settings = folder / "settings" / "@jupyterlab"
    for name, values in SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--IdentityProvider.token=", f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True"),
    ]
    environment = {
        **os.environ,
        **{name: str(folder / place) for name, place in own.items()},
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
    }
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, log)
        yield address
    finally:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)
                break


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")


class Lab:
    """One browser page on a JupyterLab, and everything that went wrong in it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.problems: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda said: self._note("console", said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._note("page", str(error)))
        page.on("request", self._on_request)

    def _note(self, where: str, text: str) -> None:
        self.problems.append(f"{where}: {text}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in OWN_HOSTS:
            self.foreign.append(request.url)

    def open(self, notebook: str) -> None:
        """Load a notebook and wait for its kernel."""
        self.page.goto(f"{self.address}/lab/tree/{notebook}?reset", wait_until="domcontentloaded")
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
                return context?.isReady && context.session?.kernel?.status === 'idle';
            }"""
        )

    def command(self, name: str) -> None:
        """Run a command of JupyterLab and wait until it is done."""
        self.page.evaluate("name => window.jupyterapp.commands.execute(name).then(() => null)", name)

    def run_all(self) -> None:
        """Run every cell; fails with what a cell raised."""
        self.command("notebook:run-all-cells")
        errors = self.page.evaluate(
            """() => Array.from(window.jupyterapp.shell.currentWidget.content.model.cells).flatMap(cell =>
                (cell.toJSON().outputs ?? []).filter(o => o.output_type === 'error').map(o => `${o.ename}: ${o.evalue}`))"""
        )
        assert errors == []

    def theme(self, name: str) -> None:
        """Switch to ``JupyterLab Light`` or ``JupyterLab Dark``."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme }).then(() => null)",
            name,
        )
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light",
            arg="true" if "Light" in name else "false",
        )

    def cell_count(self) -> int:
        """How many cells the notebook has."""
        count: int = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.model.cells.length"
        )
        return count

    def hide_sidebar(self) -> None:
        """Give the notebook the whole width."""
        self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def picture(self, what: Locator, name: str) -> None:
        """Keep a picture of a part of the page among the results of the run: of a tall one what the window holds, from its top."""
        results = Path(__file__).parent.parent / "test-results"
        results.mkdir(exist_ok=True)
        path = results / f"{name}.png"
        what.scroll_into_view_if_needed()
        size, box = self.page.viewport_size, what.bounding_box()
        if size is None or box is None or box["height"] <= size["height"] - _BARS:
            what.screenshot(path=path, animations="disabled")
            return
        what.evaluate("part => part.scrollIntoView({ block: 'start' })")
        place = what.bounding_box() or box
        top = max(place["y"], 0)
        self.page.screenshot(
            path=path,
            clip={"x": place["x"], "y": top, "width": place["width"], "height": size["height"] - _BARS},
            animations="disabled",
        )


@contextlib.contextmanager
def browser(address: str, *, width: int = 1600, height: int = 1200) -> Iterator[Lab]:
    """A Chromium page. Requests to other hosts are cut off and noted."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=FLAGS)
        try:
            context = chromium.new_context(viewport={"width": width, "height": height})
            context.set_default_timeout(PATIENCE * 1000)
            context.route(
                lambda url: (
                    urlsplit(url).hostname not in OWN_HOSTS and urlsplit(url).scheme in {"http", "https"}
                ),
                lambda route: route.abort("internetdisconnected"),
            )
            yield Lab(context.new_page(), address)
        finally:
            chromium.close()
