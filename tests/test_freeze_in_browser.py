"""A frozen notebook in a real JupyterLab: trusted, no kernel that knows its widgets, and yet it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.sign import NotebookNotary

import rolethread_nb as rt

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

RECORD = {"messages": [{"role": "user", "content": "Where to?"}, {"role": "assistant", "content": ""}]}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab with a notebook as it was saved and the same frozen, both trusted."""
    expect.set_options(timeout=60_000)
    files = tmp_path_factory.mktemp("notebooks")
    (files / "chats.jsonl").write_text("\n".join([json.dumps(RECORD)] * 12))
    source = "import rolethread_nb as rt\nrt.review(rt.load('chats.jsonl', review=False))"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)], metadata=kernel)
    where = {"metadata": {"path": str(files)}}
    NotebookClient(notebook, timeout=120, store_widget_state=False, resources=where).execute()
    nbformat.write(notebook, files / "saved.ipynb")
    rt.freeze(files / "saved.ipynb", files / "frozen.ipynb")
    data = tmp_path_factory.mktemp("data")
    notary = NotebookNotary(data_dir=str(data))
    for name in ("saved", "frozen"):
        notary.sign(nbformat.read(files / f"{name}.ipynb", as_version=4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(data))
        with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
            yield page


def test_a_trusted_notebook_without_a_kernel_shows_the_frozen_panel(lab: Lab) -> None:
    lab.open("saved.ipynb")
    expect(lab.page.locator(".jp-OutputArea").get_by_text("Error displaying widget")).to_be_visible()
    lab.open("frozen.ipynb")
    output = lab.page.locator(".jp-OutputArea").first
    expect(output.get_by_text("chats.jsonl", exact=True).first).to_be_visible()
    expect(output.get_by_text("turn.empty").first).to_be_visible()
    expect(lab.page.get_by_text("Error displaying widget")).to_have_count(0)
    assert lab.page.evaluate(
        "() => Array.from(window.jupyterapp.shell.currentWidget.content.model.cells)[0].trusted"
    )
    lab.picture(output, "frozen-in-jupyterlab")
