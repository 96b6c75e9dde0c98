"""What hosts with older widgets, or with variables of their own, get from us; the hosts themselves are seen by `make test-hosts`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import ipywidgets
import pytest
from IPython.core.formatters import DisplayFormatter

import rolethread_nb as rt

RECORD = {"messages": [{"role": "user", "content": "Where to?"}, {"role": "assistant", "content": ""}]}
VIEW = "application/vnd.jupyter.widget-view+json"


def test_a_widget_brings_its_static_twin_under_ipywidgets_7_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colab has ipywidgets 7, whose widgets show themselves, without asking for what they show."""

    alone: list[ipywidgets.Widget] = []

    def shows_itself(widget: ipywidgets.Widget) -> None:
        alone.append(widget)

    monkeypatch.setattr(ipywidgets.Widget, "_ipython_display_", shows_itself, raising=False)
    formatter = DisplayFormatter()
    formatter.ipython_display_formatter.enabled = True
    for panel in (rt.review(rt.load([RECORD])), rt.Issues(rt.load([RECORD])), rt.Thread(rt.load([RECORD]))):
        data, _ = formatter.format(panel)
        assert {VIEW, "text/html"} <= data.keys()
    assert alone == []


def test_a_widget_is_drawn_by_any_anywidget_that_the_server_may_have() -> None:
    """On a hub the server's anywidget is seldom the kernel's, and JupyterLab draws nothing where the range does not hold it."""
    for widget in (
        rt.review(rt.load([RECORD])),
        rt.Thread(rt.load([RECORD])),
        rt.load([RECORD]).datagrid()._page,
    ):
        assert (widget._model_module_version, widget._view_module_version) == ("0", "0")


def test_colab_loads_the_anywidget_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it comes from a CDN, where the newest of a range would be taken."""
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    panel = rt.review(rt.load([RECORD]))
    assert panel._model_module_version.startswith("~0.")


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_ground_is_that_of_the_theme_where_only_jupyters_light_variables_are_there(
    theme: str, tmp_path: Path
) -> None:
    """Colab's manager of widgets brings them along, whatever the theme of the page is."""
    playwright = pytest.importorskip("playwright.sync_api", reason="see make test-browser")
    page_file = rt.review(rt.load([RECORD])).to_html(tmp_path / "panel.html")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"])
        page = chromium.new_page(color_scheme="light")
        page.goto(page_file.as_uri())
        page.evaluate(
            """theme => {
                document.documentElement.style.setProperty("--jp-layout-color1", "white");
                document.documentElement.setAttribute("theme", theme);
            }""",
            theme,
        )
        panel = page.locator(".rtnb")
        playwright.expect(panel).to_have_attribute("data-theme", theme)
        ground = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 28)"}[theme]
        playwright.expect(panel.locator(".rt-frame")).to_have_css("background-color", ground)
        chromium.close()
