"""The example notebook as HTML of nbconvert: frozen, with the static twins, and with the widgets that were saved."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from host_servers import example, jupyter_environment, versions
from host_story import Place, Seen, look_at_twin, picture, rows, thread
from in_frames import answered, packages
from jupyterlab import browser
from playwright.sync_api import expect

import rolethread_nb as rt


def executed(scratch: Path, kernel: Path) -> tuple[Path, dict[str, str]]:
    """The notebook with its outputs and the state of its widgets, as nbconvert leaves them."""
    notebook = example(scratch / "work", more=())
    environment = {**os.environ, **jupyter_environment(scratch, kernel)}
    convert(kernel, environment, "--execute", "--inplace", str(notebook))
    return notebook, environment


def convert(python: Path, environment: dict[str, str], *options: str) -> None:
    """Run nbconvert."""
    command = [str(python), "-m", "nbconvert", "--log-level=ERROR", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


def look_frozen(seen: Seen, scratch: Path, place: Place) -> None:
    """What a reader of the frozen notebook's HTML sees: the twin, in light and dark."""
    notebook, environment = executed(scratch, place.kernel)
    seen.versions |= versions(place.server, "nbconvert", "anywidget")
    rt.freeze(notebook)
    for theme in ("light", "dark"):
        convert(
            place.server,
            environment,
            "--to=html",
            f"--theme={theme}",
            f"--output={theme}.html",
            str(notebook),
        )
    with browser("") as lab:
        page = lab.page
        for theme in ("dark", "light"):
            page.goto(notebook.with_name(f"{theme}.html").as_uri(), wait_until="domcontentloaded")
            look_at_twin(seen, page, page.locator(".jp-OutputArea"))
            if not seen.works["twin"]:
                break
            picture(seen, page, theme)
        seen.requests += lab.foreign
    for check in ("shown", "opens", "decides", "busy", "keys", "grid", "sheet"):
        seen.has_no(check, "a page without a kernel; the static twin stands for the widget")
    seen.has_no("theme", "the twin takes the colours of the page around it")


def look_saved(seen: Seen, scratch: Path, place: Place) -> None:
    """What a reader of the notebook's HTML sees when the widgets were saved in it: the panel without a kernel."""
    packages(place.folder)
    notebook, environment = executed(scratch, place.kernel)
    seen.versions |= versions(place.server, "nbconvert", "anywidget")
    convert(place.server, environment, "--to=html", "--output=saved.html", str(notebook))

    with browser("") as lab:
        page = lab.page
        page.context.route(lambda url: urlsplit(url).scheme == "https", answered(place))
        page.goto(notebook.with_name("saved.html").as_uri(), wait_until="domcontentloaded")
        panel = page.locator(".rtnb").first
        with seen.check("shown"):
            expect(rows(panel).first).to_be_visible()
            expect(thread(panel).get_by_role("article").first).to_be_visible()
        picture(seen, page, "light")
        if seen.works["shown"]:
            panel.scroll_into_view_if_needed()
            picture(seen, page, "light")
            rows(panel).nth(4).click()
            notice = panel.get_by_role("status").filter(has_text="No answer from the kernel")
            with seen.check("opens"):
                expect(notice).to_be_visible()
                raise RuntimeError(f"the panel says: {notice.inner_text()}")
            picture(seen, page, "clicked")
        seen.requests += lab.foreign
    for check in ("decides", "busy", "keys"):
        seen.has_no(check, "")
