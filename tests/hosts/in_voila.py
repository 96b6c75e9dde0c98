"""The example notebook as a Voila application, in its light and its dark theme."""

from __future__ import annotations

from pathlib import Path

from host_servers import DATA, example, jupyter_environment, serving, versions
from host_story import Place, Seen, look_at_more, look_at_panel, look_at_theme, picture
from jupyterlab import browser


def look(seen: Seen, scratch: Path, place: Place) -> None:
    """Open the notebook in the Voila of one interpreter, with the kernel of another."""
    server, kernel = place.server, place.kernel
    notebook = example(scratch / "work")
    environment = jupyter_environment(scratch, kernel)
    seen.versions |= versions(server, "voila", "anywidget")
    seen.versions["anywidget of the kernel"] = versions(kernel, "anywidget")["anywidget"]
    seen.versions["ipykernel"] = versions(kernel, "ipykernel")["ipykernel"]

    def command(port: int) -> list[str]:
        return [
            *(
                str(server),
                "-m",
                "voila",
                str(notebook),
                "--no-browser",
                f"--port={port}",
                "--Voila.ip=127.0.0.1",
            ),
            *("--show_tracebacks=True", "--VoilaConfiguration.allow_theme_override=YES"),
        ]

    with (
        serving(command, notebook.parent, environment=environment, probe="/voila/static/") as address,
        browser(address) as lab,
    ):
        page = lab.page
        panels = page.locator(".rtnb")
        page.goto(address, wait_until="domcontentloaded")
        look_at_panel(seen, panels.first, notebook.parent / DATA)
        if not seen.works["shown"]:
            picture(seen, page, "light")
            seen.missing()
        else:
            look_at_more(seen, panels.nth(1), page.locator(".jp-Cell").last)
            look_at_theme(seen, panels.first, lambda theme: page.goto(f"{address}/?theme={theme}"))
        seen.requests += lab.foreign
    seen.has_no("busy", "Voila runs no cell once the page is shown")
    seen.has_no("keys", "Voila has no shortcuts")
    seen.has_no("twin", "Voila runs the notebook anew each time")
