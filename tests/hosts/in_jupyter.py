"""The example notebook in JupyterLab and in Notebook 7: live, while a cell runs, in light and dark, and frozen."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
from host_servers import DATA, example, jupyter_command, jupyter_environment, serving, versions
from host_story import (
    Place,
    Seen,
    look_at_busy,
    look_at_keys,
    look_at_more,
    look_at_panel,
    look_at_theme,
    look_at_twin,
    picture,
)
from jupyterlab import Lab, browser
from nbformat.sign import NotebookNotary
from playwright.sync_api import Locator, Page

import rolethread_nb as rt

PAGES = {"jupyterlab": "lab/tree", "notebook": "notebooks"}


class JupyterPage(Lab):
    """A page on ``jupyterlab`` or on ``notebook``."""

    def __init__(self, page: Page, address: str, module: str) -> None:
        super().__init__(page, address)
        self.module = module

    def open(self, notebook: str) -> None:
        """Load a notebook and wait for its kernel."""
        reset = "?reset" if self.module == "jupyterlab" else ""
        self.page.goto(
            f"{self.address}/{PAGES[self.module]}/{notebook}{reset}", wait_until="domcontentloaded"
        )
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
                return context?.isReady && context.session?.kernel?.status === 'idle';
            }"""
        )

    def run(self, code: str) -> None:
        """Start code in the notebook's kernel; its end is not waited for."""
        self.page.evaluate(
            """code => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                kernel.requestExecute({ code, store_history: false });
            }""",
            code,
        )

    @property
    def panels(self) -> Locator:
        """The components that are shown."""
        return self.page.locator(".jp-OutputArea .rtnb")


def look(seen: Seen, scratch: Path, place: Place, *, module: str) -> None:
    """Open the notebook in ``jupyterlab`` or ``notebook`` of one interpreter, with the kernel of another."""
    server, kernel = place.server, place.kernel
    notebook = example(scratch / "work")
    environment = jupyter_environment(scratch, kernel)
    seen.versions |= versions(server, module, "jupyter-server")
    seen.versions |= {
        f"{name} of the kernel": found for name, found in versions(kernel, "ipykernel", "ipywidgets").items()
    }
    seen.versions["anywidget"] = versions(server, "anywidget")["anywidget"]
    seen.versions["anywidget of the kernel"] = versions(kernel, "anywidget")["anywidget"]
    command = jupyter_command(server, module, notebook.parent)
    with serving(command, notebook.parent, environment=environment) as address, browser(address) as lab:
        page = JupyterPage(lab.page, address, module)
        page.open(notebook.name)
        if module == "jupyterlab":
            page.hide_sidebar()
        page.run_all()
        panel = page.panels.first
        look_at_panel(seen, panel, notebook.parent / DATA)
        if seen.works["shown"]:
            _look_further(seen, page, panel)
        else:
            page.page.wait_for_timeout(2_000)
            output = page.page.locator(
                ".jp-OutputArea-output.jupyter-widgets, .jp-OutputArea-output:has-text('widget')"
            ).first
            if output.count():
                seen.remarks["shown"] = f"instead: {output.inner_text().strip()[:160]}"
                output.scroll_into_view_if_needed()
            picture(seen, page.page, "light")
            seen.missing()
        _look_at_frozen(seen, page, notebook, environment)
        seen.requests += page.foreign


def _look_further(seen: Seen, page: JupyterPage, panel: Locator) -> None:
    look_at_keys(seen, panel, page.cell_count)
    look_at_busy(seen, panel, page.run)
    look_at_theme(seen, panel, lambda theme: page.theme(f"JupyterLab {theme.title()}"))
    look_at_more(seen, page.panels.nth(1), page.page.locator(".jp-Cell").last)
    sheet = page.page.locator(".datagrid-container").first
    if sheet.count():
        sheet.scroll_into_view_if_needed()
        picture(seen, page.page, "sheet")


def _look_at_frozen(seen: Seen, page: JupyterPage, notebook: Path, environment: dict[str, str]) -> None:
    """The notebook as it was saved, frozen and trusted, is opened with a kernel that knows nothing of it."""
    with seen.check("twin"):
        page.command("docmanager:save")
        frozen = notebook.with_name("frozen.ipynb")
        shutil.copy(notebook, frozen)
        rt.freeze(frozen)
        NotebookNotary(data_dir=environment["JUPYTER_DATA_DIR"]).sign(nbformat.read(frozen, as_version=4))
        page.open(frozen.name)
        page.page.wait_for_timeout(500)
    if seen.works["twin"]:
        look_at_twin(seen, page.page, page.page.locator(".jp-OutputArea"))
