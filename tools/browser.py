"""Print the path of a Chromium for the browser tests; get one first if the machine has none.

    python tools/browser.py [NOTE]

In this order: CHROMIUM in the environment; the path in the file NOTE, where the last answer was written; one
on PATH; Playwright's own download; Debian's package, as root.  The first time, a slim machine also gets, as root,
what Playwright itself needs and small fonts for Arabic, Hebrew and Chinese, so that screenshots show text and not
boxes.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FONTS = {"ar": "fonts-noto-core", "he": "fonts-noto-core", "zh": "fonts-wqy-microhei"}
DRIVER_NEEDS = "libatomic1"  # a slim Debian has no such library, and Playwright's node wants it
DOWNLOAD_SECONDS = 300


def main() -> int:
    note = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    named = os.environ.get("CHROMIUM")
    if named and not works(named):
        say(f"CHROMIUM is {named}, which does not start: name a working browser or unset it.")
        return 1
    if note is None or not note.is_file():
        if not driver_starts() and not (apt_install(DRIVER_NEEDS) and driver_starts()):
            say(
                f"Playwright does not start: install {DRIVER_NEEDS} with your system's tools and run make again."
            )
            return 1
        install_missing_fonts()
    browser = named or remembered(note) or on_this_machine() or download() or debian_package()
    if browser is None:
        say(
            "No Chromium here and none could be fetched: install chromium (apt-get install chromium), "
            "or name one in CHROMIUM, and run make again."
        )
        return 1
    if note is not None and not named:
        note.write_text(browser + "\n")
    elif note is not None:
        note.touch()
    print(browser)
    return 0


def works(browser: str) -> bool:
    try:
        done = subprocess.run([browser, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def remembered(note: Path | None) -> str | None:
    if note is None or not note.is_file():
        return None
    browser = note.read_text().strip()
    return browser if os.access(browser, os.X_OK) else None


def driver_starts() -> bool:
    command = [sys.executable, "-m", "playwright", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def on_this_machine() -> str | None:
    found = [shutil.which(name) for name in NAMES]
    return next((browser for browser in (*found, *APPLICATIONS) if browser and works(browser)), None)


def download() -> str | None:
    """Playwright's own Chromium: the one it has, or a fresh one."""
    asking = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    try:
        answer = subprocess.run(
            [sys.executable, "-c", asking], capture_output=True, text=True, timeout=60, check=True
        )
        browser = answer.stdout.strip()
        if not works(browser):
            say("downloading a browser (Playwright's Chromium) ...")
            subprocess.run(
                [sys.executable, "-m", "playwright", "install", "chromium"],
                env={"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "15000", **os.environ},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=DOWNLOAD_SECONDS,
                check=True,
            )
    except (OSError, subprocess.SubprocessError):
        return None
    return browser if works(browser) else None


def debian_package() -> str | None:
    return on_this_machine() if apt_install("chromium") else None


def install_missing_fonts() -> None:
    missing = {package for language, package in FONTS.items() if not has_font(language)}
    if missing and not apt_install(*sorted(missing)):
        say(f"note: some scripts will show as boxes in screenshots (missing: {' '.join(sorted(missing))})")


def has_font(language: str) -> bool:
    if not shutil.which("fc-list"):
        return sys.platform != "linux"
    answer = subprocess.run(
        ["fc-list", f":lang={language}", "file"], capture_output=True, text=True, check=False
    )
    return bool(answer.stdout.strip())


def apt_install(*packages: str) -> bool:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"installing {' '.join(packages)} (apt-get) ...")
    return apt_get("update") and apt_get("install", "-y", "--no-install-recommends", *packages)


@functools.cache
def apt_get(*arguments: str) -> bool:
    done = subprocess.run(
        ["apt-get", "-qq", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        say(done.stderr.strip())
    return done.returncode == 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
