"""Make the virtual environment of this project: `python3 tools/environment.py .venv`.

Runs on any Python 3 that is on the machine, without any package.  Uses uv when it is there; else the first
Python on PATH that is new enough, and its `venv`.
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
WANTED = ".".join(map(str, OLDEST))
NAMES = ("python3", "python", "python3.14", "python3.13", "python3.12", "python3.11")


def main():
    folder = sys.argv[1]
    if shutil.which("uv"):
        wanted = f">={WANTED}"
        sys.exit(subprocess.call(["uv", "venv", "--quiet", "--allow-existing", "--python", wanted, folder]))
    python = sys.executable if sys.version_info >= OLDEST else find_python()
    if not python:
        sys.exit(f"Python {WANTED} or newer is needed: install it, or uv, and run make again.")
    command = [python, "-m", "venv", folder]
    if subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return
    if can_install() and install_venv() and subprocess.call(command) == 0:
        return
    sys.exit(
        f"{python} -m venv fails: install python3-venv (apt-get install python3-venv), or uv, and run make again."
    )


def find_python():
    """A Python on PATH that is new enough, or None."""
    test = f"import sys; sys.exit(sys.version_info < {OLDEST!r})"
    for name in NAMES:
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", test], stderr=subprocess.DEVNULL) == 0:
            return found
    return None


def can_install():
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")


def install_venv():
    print("installing python3-venv ...", flush=True)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    commands = (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "python3-venv"])
    null = subprocess.DEVNULL
    return all(
        subprocess.call(c, env=environment, stdin=null, stdout=null, stderr=null) == 0 for c in commands
    )


if __name__ == "__main__":
    main()
