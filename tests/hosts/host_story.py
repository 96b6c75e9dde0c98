"""What is looked at in every host, on the panel of the example notebook: nothing here knows which host it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Locator, Page, expect

import rolethread_nb as rt

PICTURES = Path(__file__).parent.parent.parent / "test-results" / "hosts"
# A sentence of the panel's static twin, and of no other output of the notebook.
TWIN = re.compile(r"Showing \d+ of \d+ findings")
CONTRAST = 4.5  # of text on its ground, WCAG AA


@dataclass(frozen=True)
class Place:
    """Where a host runs: the folder of all environments, the name of the kernel's, and the interpreters of both."""

    folder: Path
    environment: str
    server: Path
    kernel: Path


@dataclass
class Seen:
    """What was seen in a host.

    Attributes:
        versions: packages of the server and of the kernel.
        works: by name of a check, whether it held; None where the host has no such thing.
        remarks: by name of a check, a sentence on how, or on what was seen instead.
        requests: addresses on other machines that were asked for.
    """

    host: str
    versions: dict[str, str] = field(default_factory=dict)
    works: dict[str, bool | None] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @contextmanager
    def check(self, name: str, remark: str = "") -> Iterator[None]:
        """What is inside holds, or it is remembered why it does not; the next check is made in any case."""
        if remark:
            self.remarks[name] = remark
        try:
            yield
        except (AssertionError, Error, RuntimeError) as problem:
            self.works[name] = False
            self.remarks[name] = _sentence(problem)
        else:
            self.works[name] = True

    def has_no(self, name: str, why: str) -> None:
        """The host has no such thing."""
        self.works[name] = None
        self.remarks[name] = why

    def failed(self, problem: Exception) -> None:
        """The host could not be looked at to the end."""
        self.works.setdefault("shown", False)
        self.remarks["shown"] = f"it was not seen to the end: {_sentence(problem)}"

    def missing(self) -> None:
        """No check of what is live can hold, since the panel is not there."""
        for name in ("opens", "decides", "theme", "busy", "keys", "grid", "sheet"):
            self.works.setdefault(name, False)

    def as_json(self) -> dict[str, Any]:
        """The entry of the record."""
        foreign = sorted({re.sub(r"[?#].*", "", url) for url in self.requests})
        return {
            "versions": self.versions,
            "works": self.works,
            "remarks": self.remarks,
            "requests": foreign,
        }


def _sentence(problem: Exception) -> str:
    lines = [line.strip() for line in str(problem).split("\n") if line.strip()]
    return re.sub(r"\x1b\[\d*m", "", "; ".join(lines[:2]))[:300] or type(problem).__name__


def rows(panel: Locator) -> Locator:
    """The findings in the grid, without the headings of their groups."""
    return panel.get_by_role("grid").first.get_by_role("row").filter(has_text=re.compile(r"#\d+"))


def thread(panel: Locator) -> Locator:
    return panel.get_by_role("region", name=re.compile("^conversation #"))


def picture(seen: Seen, what: Locator | Page, name: str) -> None:
    """Keep a picture of a host among the results of the run."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    what.screenshot(path=PICTURES / f"{seen.host}-{name}.png", animations="disabled")


def look_at_panel(seen: Seen, panel: Locator, data: Path) -> None:
    """The panel is shown, a finding opens its conversation, and a decision reaches the kernel and the journal beside the data."""
    with seen.check("shown"):
        expect(panel).to_be_attached(timeout=120_000)  # the notebook may still be running
        panel.scroll_into_view_if_needed()
        expect(rows(panel).first).to_be_visible()
        expect(thread(panel).get_by_role("article").first).to_be_visible()
    if not seen.works["shown"]:
        return
    with seen.check("opens"):
        for row in (rows(panel).nth(1), rows(panel).nth(4)):
            row.scroll_into_view_if_needed()
            place = re.search(r"#(\d+)", row.inner_text())
            assert place is not None
            row.click()
            expect(thread(panel)).to_have_attribute("aria-label", f"conversation #{place[1]}")
            expect(thread(panel)).to_have_attribute("aria-busy", "false")
    with seen.check("decides"):
        decide(panel, data)


def decide(panel: Locator, data: Path) -> None:
    """Choose a finding and press ``1``: the kernel says that it is kept, and the journal on disk has it."""
    rows(panel).nth(2).click()
    expect(thread(panel)).to_have_attribute("aria-busy", "false")
    panel.page.keyboard.press("1")
    said = panel.locator(".rt-said")
    expect(said).to_contain_text("Decided keep on ")
    decided = re.search(r"Decided keep on (.+)\.", said.inner_text())
    assert decided is not None
    on_disk = dict(rt.load(data, progress=False).decisions)
    assert on_disk.get(decided[1]) == "keep", f"the journal has {on_disk}"


def look_at_more(seen: Seen, grid: Locator, place: Locator) -> None:
    """The issue grid stands alone as well; in the place of the spreadsheet is the spreadsheet, or the issue grid that says why not."""
    with seen.check("grid"):
        expect(rows(grid).first).to_be_visible()
    sheet = place.locator(".datagrid-container canvas").first
    notice = place.get_by_text("does not show ipydatagrid; this is the").first
    try:
        expect(sheet.or_(notice)).to_be_visible()
    except AssertionError:
        seen.works["sheet"] = False
        there = " ".join(place.inner_text().split())
        seen.remarks["sheet"] = f"in its place stands: {there[:80] or 'nothing'}"
        return
    seen.works["sheet"] = sheet.is_visible()
    if notice.is_visible():
        seen.remarks["sheet"] = notice.inner_text()


def look_at_keys(seen: Seen, panel: Locator, cells: Callable[[], int]) -> None:
    """Keys that cut and delete cells change nothing while the panel has them. ``cells`` counts the cells."""
    with seen.check("keys"):
        before = cells()
        panel.get_by_role("button", name="All keys").focus()
        for key in ("d", "d", "x"):
            panel.page.keyboard.press(key)
        assert cells() == before, f"{before} cells became {cells()}"


def look_at_theme(seen: Seen, panel: Locator, become: Callable[[str], None]) -> None:
    """In light and dark the panel has the host's theme, and its text stands out from its ground."""
    with seen.check("theme"):
        for theme in ("dark", "light"):
            become(theme)
            expect(panel).to_have_attribute("data-theme", theme)
            assert (brightness(panel) > 0.5) is (theme == "light")
            assert contrast(panel) >= CONTRAST
            panel.scroll_into_view_if_needed()
            picture(seen, panel.page, theme)


def look_at_busy(seen: Seen, panel: Locator, run: Callable[[str], None]) -> None:
    """While a cell runs for eight seconds, a finding is chosen: it opens at once, or the panel says that it waits, and then opens it.

    ``run`` starts code in the kernel and does not wait for it.
    """
    with seen.check("busy"):
        run("import time; time.sleep(8)")
        panel.page.wait_for_timeout(500)
        row = rows(panel).nth(7)
        row.scroll_into_view_if_needed()
        place = re.search(r"#(\d+)", row.inner_text())
        assert place is not None
        row.click()
        panel.page.wait_for_timeout(
            3_500
        )  # longer than the three seconds after which a command of anywidget gives up
        opened = thread(panel).get_attribute("aria-label") == f"conversation #{place[1]}"
        idle = thread(panel).get_attribute("aria-busy") == "false"
        if opened and idle:
            seen.remarks["busy"] = "answers while a cell runs"
        else:
            expect(panel.get_by_role("status").filter(has_text="Waiting for the kernel")).to_be_visible()
            seen.remarks["busy"] = "says that it waits, and answers when the cell has ended"
        expect(thread(panel)).to_have_attribute("aria-label", f"conversation #{place[1]}")
        expect(thread(panel)).to_have_attribute("aria-busy", "false")
        expect(panel.get_by_text("Waiting for the kernel")).to_have_count(0)


def look_at_twin(seen: Seen, page: Page, place: Locator) -> None:
    """Where no kernel is, the static twin of the panel is read and no widget is there."""
    with seen.check("twin"):
        expect(place.get_by_text(TWIN).first).to_be_visible()
        expect(page.locator(".rtnb")).to_have_count(0)
        expect(page.get_by_text("Error displaying widget")).to_have_count(0)
        place.get_by_text(TWIN).first.scroll_into_view_if_needed()
        picture(seen, page, "twin")


_COLOURS = """root => {
    const style = getComputedStyle(root.firstElementChild);
    return [style.color, style.backgroundColor];
}"""


def contrast(panel: Locator) -> float:
    """Contrast ratio of the panel's text on its ground."""
    low, high = sorted(_luminance(colour) for colour in panel.evaluate(_COLOURS))
    return (high + 0.05) / (low + 0.05)


def brightness(panel: Locator) -> float:
    """Luminance of the panel's ground, from 0 to 1."""
    return _luminance(panel.evaluate(_COLOURS)[1])


def _luminance(colour: str) -> float:
    """Relative luminance of an ``rgb()`` colour (WCAG 2.2)."""
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
