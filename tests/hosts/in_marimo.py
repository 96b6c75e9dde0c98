"""The example notebook in marimo: converted by marimo itself, with each component in ``mo.ui.anywidget``."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from host_servers import DATA, ROOT, example, serving, versions
from host_story import Place, Seen, look_at_keys, look_at_more, look_at_panel, look_at_theme, picture
from jupyterlab import browser

SETTINGS = (
    '[display]\ntheme = "system"\n\n[runtime]\nauto_instantiate = true\n\n[server]\nbrowser = "default"\n'
)
SHOWN = ("rt.review(report)", "rt.Issues(report)", "report.datagrid()")


def look(seen: Seen, scratch: Path, place: Place) -> None:
    """Open the notebook in marimo, which runs it as well."""
    notebook = example(scratch / "work")
    story = notebook.with_suffix(".py")
    environment = {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(scratch / "config")}
    marimo = [str(place.kernel), "-m", "marimo"]
    subprocess.run(
        [*marimo, "convert", str(notebook), "-o", str(story)],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    story.write_text(wrapped(story.read_text(encoding="utf-8")), encoding="utf-8")
    settings = scratch / "config" / "marimo" / "marimo.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(SETTINGS)
    seen.versions |= versions(place.kernel, "marimo", "anywidget")

    def command(port: int) -> list[str]:
        return [
            *marimo,
            "edit",
            str(story),
            "--headless",
            "--no-token",
            "--skip-update-check",
            "--port",
            str(port),
        ]

    with (
        serving(command, story.parent, environment=environment, probe="/health") as address,
        browser(address) as lab,
    ):
        page = lab.page
        panels = page.locator(".rtnb")
        page.goto(address, wait_until="domcontentloaded")
        look_at_panel(seen, panels.first, story.parent / DATA)
        if not seen.works["shown"]:
            picture(seen, page, "light")
            seen.missing()
        else:
            look_at_keys(seen, panels.first, page.locator("[data-cell-id]").count)
            look_at_more(seen, panels.nth(1), page.locator("body"))
            look_at_theme(seen, panels.first, lambda theme: page.emulate_media(color_scheme=theme))
        seen.requests += lab.foreign
    for check in ("busy", "twin"):
        seen.has_no(check, "not looked at: marimo runs the notebook anew when it is opened")


def wrapped(story: str) -> str:
    """The notebook with what it shows in ``mo.ui.anywidget``; cells that do so are given ``mo``."""
    for shown in SHOWN:
        cell = rf"def _\((.*?)\):\n    {re.escape(shown)}\n"
        story, count = re.subn(cell, rf"def _(mo, \1):\n    mo.ui.anywidget({shown})\n", story)
        assert count == 1, f"marimo converts the cell {shown} otherwise"
    return story
