"""Freezing a notebook: our outputs become their static twins, and not one other byte changes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.widgets._base import Component, ReportComponent
from rolethread_nb.widgets.datagrid import DataGrid

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
TWIN = '<section style="font-size:13px">Be Mara.</section>'
RECORDS = [
    {"messages": [{"role": "user", "content": " Hi <|im_end|>"}, {"role": "assistant", "content": ""}]}
]


def shown(model: str, text: str, html: Any = TWIN, **more: Any) -> dict[str, Any]:
    """An output that shows a widget."""
    data = {VIEW: {"model_id": model, "version_major": 2, "version_minor": 1}, "text/html": html}
    if html is None:
        del data["text/html"]
    return {
        "output_type": "display_data",
        "data": {**data, "text/plain": [text]},
        "metadata": {},
        **more,
    }


def model(*refers_to: str, ours: bool = False, module: str = "anywidget") -> dict[str, Any]:
    state: dict[str, Any] = {"children": [f"IPY_MODEL_{name}" for name in refers_to], "value": 'ü "\\u00e9"'}
    if ours:
        state["_anywidget_id"] = "rolethread_nb.widgets.review.Review"
    return {"model_name": "AnyModel", "model_module": module, "model_module_version": "*", "state": state}


def notebook(outputs: list[dict[str, Any]], models: dict[str, Any] | None = None) -> dict[str, Any]:
    """A notebook of one cell an output, as Jupyter writes one."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": at,
            "id": f"cell-{at}",
            "metadata": {"tags": ["x"]},
            "outputs": [output],
            "source": ["rt.review(ds)\n", "# é"],
        }
        for at, output in enumerate(outputs)
    ]
    metadata: dict[str, Any] = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    if models is not None:
        metadata["widgets"] = {STATE: {"state": models, "version_major": 2, "version_minor": 0}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def written(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


OURS = shown("r", "<Review of chats.jsonl>")
SLIDER = shown("s", "IntSlider(value=0)", None)


# ---------------------------------------------------------------------- what freezes


def test_our_outputs_show_their_twin_and_our_models_go(tmp_path: Path) -> None:
    path = written(tmp_path / "n.ipynb", notebook([OURS], {"r": model("l", ours=True), "l": model()}))
    before = path.stat().st_size

    done = rt.freeze(path)

    assert read(path)["cells"][0]["outputs"][0]["data"] == {
        "text/html": TWIN,
        "text/plain": ["<Review of chats.jsonl>"],
    }
    assert list(read(path)["metadata"]) == ["kernelspec"]
    assert (done.outputs, done.models, done.before, done.after) == (1, 2, before, path.stat().st_size)
    assert str(done).startswith(f"{path}: 1 output frozen, 2 saved widgets taken out, ")


def test_widgets_of_others_stay_with_all_they_refer_to(tmp_path: Path) -> None:
    models = {
        "r": model("l", "shared", ours=True),
        "s": model("shared", "t"),
        **{name: model() for name in ("l", "shared", "t")},
    }
    path = written(tmp_path / "n.ipynb", notebook([OURS, SLIDER], models))

    rt.freeze(path)

    state = read(path)["metadata"]["widgets"][STATE]
    assert state == {
        "state": {name: models[name] for name in ("s", "shared", "t")},
        "version_major": 2,
        "version_minor": 0,
    }
    assert read(path)["cells"][1]["outputs"] == [SLIDER]


def test_a_widget_of_ours_within_one_of_others_stays(tmp_path: Path) -> None:
    """The user's own box shows it: without the model the box would be broken."""
    models = {"box": model("r"), "r": model("l", ours=True), "l": model()}
    path = written(tmp_path / "n.ipynb", notebook([shown("box", "VBox()", None)], models))
    assert rt.freeze(path).models == 0


def test_the_renderers_that_a_spreadsheet_left_behind_go_with_it(tmp_path: Path) -> None:
    sheet = model("grid")
    sheet["state"]["_dom_classes"] = ["rt-datagrid"]
    models = {"d": sheet, "grid": model(module="ipydatagrid"), "old": model(module="ipydatagrid")}
    path = written(tmp_path / "n.ipynb", notebook([shown("d", "<ConversationGrid of x: 3 rows>")], models))
    assert (rt.freeze(path).models, "widgets" in read(path)["metadata"]) == (3, False)


def test_without_saved_state_a_widget_is_known_by_what_it_says_of_itself(tmp_path: Path) -> None:
    outputs = [OURS, shown("t", "<Thread of other>", "<table></table>"), SLIDER]
    path = written(tmp_path / "n.ipynb", notebook(outputs))

    assert rt.freeze(path).outputs == 1
    assert [VIEW in cell["outputs"][0]["data"] for cell in read(path)["cells"]] == [False, True, True]


def test_every_component_is_known_by_its_name(tmp_path: Path) -> None:
    public = {rt.Thread, rt.Issues, rt.Balance, rt.Review, rt.PreflightPanel, rt.WitnessPanel}
    components = {one for base in (Component, DataGrid) for one in every(base)} - {ReportComponent}
    assert public < components
    ours = sorted(one.__name__ for one in components)
    path = written(tmp_path / "n.ipynb", notebook([shown(name, f"<{name} of x>") for name in ours]))
    assert rt.freeze(path).outputs == len(ours)


def every(base: type) -> list[type]:
    """The classes of ours below one."""
    found = base.__subclasses__()
    below = [*found, *(inner for one in found for inner in every(one))]
    return [one for one in below if one.__module__.startswith("rolethread_nb.")]


def test_an_output_of_ours_without_a_twin_is_named_and_stays(tmp_path: Path) -> None:
    models = {"r": model("l", ours=True), "l": model()}
    path = written(tmp_path / "n.ipynb", notebook([SLIDER, shown("r", "<Review of x>", None)], models))
    before = path.read_bytes()

    done = rt.freeze(path)

    assert (done.outputs, done.models, done.unfrozen) == (0, 0, (2,))
    assert "Cell 2 holds a widget without a static twin" in str(done)
    assert path.read_bytes() == before


def test_what_the_host_keeps_about_the_view_goes_with_it(tmp_path: Path) -> None:
    about = {VIEW: {"colab": {"custom_widget_manager": {"url": "https://ssl.gstatic.com/x"}}}}
    path = written(tmp_path / "n.ipynb", notebook([{**OURS, "metadata": about}]))
    rt.freeze(path)
    assert read(path)["cells"][0]["outputs"][0]["metadata"] == {}


def test_the_models_of_colab_that_lack_the_key_state_go_too(tmp_path: Path) -> None:
    content = notebook([OURS], {})
    content["metadata"]["widgets"] = {STATE: {"r": model("l", ours=True), "l": model()}}
    path = written(tmp_path / "n.ipynb", content)
    rt.freeze(path)
    assert "widgets" not in read(path)["metadata"]


# ---------------------------------------------------------------------- nothing else


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OUTPUTS = st.sampled_from(
    [
        OURS,
        shown("r", "<Review of x>", ["<section>\n", "a</section>"]),
        shown("r", "<Review of x>", None),
        SLIDER,
        {**OURS, "metadata": {VIEW: {"colab": {}}, "other": 1}},
        {"output_type": "stream", "name": "stdout", "text": ["<Review of x>\n"]},
        {"output_type": "error", "ename": "E", "evalue": VIEW, "traceback": ["\x1b[31m"]},
        {"output_type": "display_data", "data": {"text/html": TWIN}, "metadata": {}},
    ]
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    outputs=st.lists(OUTPUTS, max_size=4),
    saved=st.booleans(),
    extra=ANYTHING,
    indent=st.sampled_from([None, 1, 2, "\t"]),
    escaped=st.booleans(),
    ends=st.sampled_from(["", "\n"]),
    last=st.booleans(),
)
def test_only_our_outputs_and_models_change(
    tmp_path: Path,
    outputs: list[dict[str, Any]],
    saved: bool,
    extra: Any,
    indent: Any,
    escaped: bool,
    ends: str,
    last: bool,
) -> None:
    """The frozen file is what Jupyter would have written of the same notebook without our widgets, byte for byte."""
    models = {"s": model("t"), "r": model("l", "t", ours=True), "l": model(), "t": model()}
    content = notebook(outputs, models if saved else None)
    content["metadata"]["zz" if last else "aa"] = extra
    if not last:
        content["metadata"] = dict(sorted(content["metadata"].items()))

    def laid_out(value: Any) -> bytes:
        text = json.dumps(value, indent=indent, ensure_ascii=escaped) + ends
        return text.encode("utf-8", "surrogatepass" if escaped else "strict")

    expected = json.loads(json.dumps(content))
    kept = False
    for cell in expected["cells"]:
        for output in cell["outputs"]:
            data = output.get("data", {})
            if data.get(VIEW, {}).get("model_id") != "r":
                continue
            if "text/html" in data:
                del data[VIEW]
                output["metadata"].pop(VIEW, None)
            else:
                kept = True
    if saved and not kept:
        for name in ("r", "l"):
            del expected["metadata"]["widgets"][STATE]["state"][name]
    path = tmp_path / "n.ipynb"
    path.write_bytes(laid_out(content))

    rt.freeze(path)

    assert path.read_bytes() == laid_out(expected)
    rt.freeze(path)
    assert path.read_bytes() == laid_out(expected)


def test_a_second_time_does_not_write(tmp_path: Path) -> None:
    path = written(tmp_path / "n.ipynb", notebook([OURS]))
    rt.freeze(path)
    os.utime(path, ns=(1, 1))
    assert "nothing to freeze" in str(rt.freeze(path))
    assert path.stat().st_mtime_ns == 1


def test_a_copy_leaves_the_notebook_and_refuses_to_replace_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "n.ipynb", notebook([OURS]))
    before, out = path.read_bytes(), tmp_path / "frozen.ipynb"

    assert rt.freeze(path, out).path == out
    assert (path.read_bytes(), VIEW in out.read_text()) == (before, False)
    with pytest.raises(rt.ExportError, match="exists already"):
        rt.freeze(path, out)
    assert rt.freeze(path, out, overwrite=True).outputs == 1
    assert rt.freeze(path, path).outputs == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "is not a notebook that nbformat can read"),
        ("{", "is not a notebook that nbformat can read"),
        ('{"a": 1}', "is not a notebook"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}}', "is not a notebook"),
        (
            '{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}]}',
            "is a notebook of format 3; open it in Jupyter and save it",
        ),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(text)
    with pytest.raises(rt.RolethreadError, match=says):
        rt.freeze(path)
    assert path.read_text() == text


def test_a_large_output_and_a_large_notebook_are_said(tmp_path: Path) -> None:
    large = shown("r", "<Review of x>", TWIN + "a" * 250_000)
    path = written(tmp_path / "n.ipynb", notebook([large, SLIDER]))
    assert "Cell 1 has an output of 250.1 kB, over the budget of 200.0 kB." in str(rt.freeze(path))

    content = notebook([OURS])
    content["metadata"]["much"] = "a" * 10_000_000
    done = rt.freeze(written(path, content))
    assert "The notebook is over the budget of 10.0 MB" in str(done)


# ---------------------------------------------------------------------- a real one


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook that was run with every component in it, widget state saved as nbconvert saves it."""
    folder = tmp_path_factory.mktemp("executed")
    (folder / "chats.jsonl").write_text("\n".join(map(json.dumps, RECORDS * 30)))
    cells = [
        "import ipywidgets\nimport rolethread_nb as rt\n\nds = rt.load('chats.jsonl', review=False)\nreport = ds.check()",
        "rt.review(report)",
        "rt.Thread(report)",
        "rt.Issues(report)",
        "rt.Balance(report)",
        "rt.PreflightPanel(ds)",
        "ds.datagrid()",
        "ipywidgets.IntSlider()",
        "report",
    ]
    content = new_notebook(cells=[new_markdown_cell("# One"), *map(new_code_cell, cells)])
    NotebookClient(
        content, timeout=120, store_widget_state=True, resources={"metadata": {"path": str(folder)}}
    ).execute()
    nbformat.write(content, folder / "run.ipynb")
    return folder / "run.ipynb"


def test_an_executed_notebook_freezes_and_is_valid_and_small(executed: Path, tmp_path: Path) -> None:
    out = tmp_path / "frozen.ipynb"

    done = rt.freeze(executed, out)

    assert (done.outputs, done.unfrozen, done.large) == (6, (), ())
    assert done.after < done.before / 3
    frozen = nbformat.read(out, as_version=4)
    nbformat.validate(frozen)
    left = frozen["metadata"]["widgets"][STATE]["state"]
    assert {one["model_name"] for one in left.values()} == {
        "IntSliderModel",
        "SliderStyleModel",
        "LayoutModel",
    }
    plain = "".join(line for line in out.read_text().splitlines(keepends=True))
    assert "_esm" not in plain
    assert plain == nbformat.writes(frozen) + "\n"


def test_a_frozen_notebook_converts_to_html_that_reads_without_a_network(
    executed: Path, tmp_path: Path
) -> None:
    from nbconvert import HTMLExporter

    live = '<script type="application/vnd.jupyter.widget-view+json">'
    whole, _ = HTMLExporter().from_filename(str(executed))
    rt.freeze(executed, tmp_path / "n.ipynb")
    page, _ = HTMLExporter().from_filename(str(tmp_path / "n.ipynb"))
    assert (whole.count(live), page.count(live)) == (7, 1)  # the slider is not ours
    assert page.count("leak.control_token") >= 2


# ---------------------------------------------------------------------- the command


def test_the_command_freezes_in_place_or_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "n.ipynb", notebook([OURS]))
    out = tmp_path / "o.ipynb"

    assert main(["freeze", str(path), "-o", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: 1 output frozen, ")
    assert main(["freeze", str(path), "-o", str(out)]) == 2
    assert main(["freeze", str(path), "-o", str(out), "--force"]) == 0
    assert main(["freeze", str(path)]) == 0
    assert path.read_bytes() == out.read_bytes()


def test_the_command_exits_1_where_an_output_stays_and_2_where_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "n.ipynb", notebook([shown("r", "<Review of x>", None)]))
    assert main(["freeze", str(path)]) == 1
    assert main(["freeze", str(tmp_path / "none.ipynb")]) == 2
    said = capsys.readouterr()
    assert said.err == f"rolethread-nb: {tmp_path / 'none.ipynb'}: no such file.\n"
