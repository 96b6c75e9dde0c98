"""Servers of hosts, each on the loopback address with a copy of the example notebook, in the Python it is told to run in."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "example_notebooks"
DATA = Path("data") / "persona_agents_en.jsonl"
PATIENCE = 120  # seconds until a server answers on a busy machine

# What is looked at beside the panel of the example notebook.
MORE_CELLS = ("rt.Issues(report)", "report.datagrid()")

# No news, no update checks, and every cell in the page even when it is out of sight.
LAB_SETTINGS = {
    "apputils-extension/notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
    "notebook-extension/tracker": {"windowingMode": "none"},
}


def example(folder: Path, *, more: Sequence[str] = MORE_CELLS) -> Path:
    """A copy of the example notebooks with their data; gives the first notebook, with cells added at its end."""
    shutil.copytree(
        EXAMPLES, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "*.review", "train.jsonl*")
    )
    path = folder / "01_review.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in more]
    nbformat.write(notebook, path)
    return path


def versions(python: Path, *packages: str) -> dict[str, str]:
    """The versions of packages that are installed beside an interpreter."""
    asked = f"from importlib.metadata import version; import json; print(json.dumps({{n: version(n) for n in {packages!r}}}))"
    told = subprocess.run([str(python), "-c", asked], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(told.stdout)
    return found


def jupyter_environment(folder: Path, kernel: Path, *more: str) -> dict[str, str]:
    """Where Jupyter looks for everything: in a folder, in which ``python3`` is a kernel in the given interpreter.

    ``more`` are folders whose modules the kernel can import.
    """
    settings = folder / "settings" / "@jupyterlab"
    for name, values in LAB_SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    spec = folder / "share" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    command = [str(kernel), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    name = {"argv": command, "display_name": "Python 3", "language": "python"}
    spec.write_text(json.dumps({**name, "env": {"PYTHONPATH": os.pathsep.join([str(ROOT), *more])}}))
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTER_PATH": "share",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    return {name: str(folder / place) for name, place in places.items()}


def jupyter_command(python: Path, module: str, root: Path) -> Callable[[int], list[str]]:
    """How ``jupyterlab``, ``notebook`` or a bare ``jupyter_server`` is started without a password."""
    return lambda port: [
        *(str(python), "-m", module, "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={root}"),
        *("--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"),
        *("--ServerApp.allow_origin=*", "--ServerApp.disable_check_xsrf=True"),
    ]


@contextlib.contextmanager
def serving(
    command: Callable[[int], Sequence[str]],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    probe: str = "/api/status",
) -> Iterator[str]:
    """Run a server in a folder; gives its address, and ends it with all that it started.

    Raises:
        RuntimeError: if it ends at once, or does not answer in time; with the end of what it wrote.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder.parent / f"{folder.name}.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            list(command(port)),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        if not _answers(f"{address}{probe}", server):
            raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")
        yield address
    finally:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)
                break


def _answers(address: str, server: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False
