"""Freezing a notebook: its outputs of ours as their static twins, readable where no kernel and no widget is (docs/freeze.md)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from ..core.errors import SourceError
from ..core.splice import locate, remove_all
from ..core.wording import plural
from ..outputs.static import BUDGET
from ..outputs.writing import write_atomically

MOST_BYTES = 10_000_000  # of a notebook

_VIEW = "application/vnd.jupyter.widget-view+json"
_STATE = "application/vnd.jupyter.widget-state+json"
_COMPONENTS = (
    "Balance",
    "ConversationGrid",
    "FindingGrid",
    "Issues",
    "PreflightPanel",
    "Review",
    "Thread",
    "WitnessPanel",
)
# What a widget of ours says of itself where no state is saved that names its class.
_TEXT = re.compile(rf"<(?:{'|'.join(_COMPONENTS)}) of .*>", re.DOTALL)
_TWIN = re.compile(r"\s*<(?:section|p)\b")
_REFERENCE = "IPY_MODEL_"

Models = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Frozen:
    """What freezing a notebook did.

    Attributes:
        path: the notebook that was written.
        outputs: outputs that show their static twin now.
        models: saved widgets that were taken out.
        before: bytes of the notebook that was read.
        after: bytes of the one that was written.
        unfrozen: cells, counted from 1, with an output of ours that has no static twin; it stays as it was.
        large: cells, counted from 1, with an output of more than 200 kB, and its bytes.
    """

    path: Path
    outputs: int
    models: int
    before: int
    after: int
    unfrozen: tuple[int, ...]
    large: tuple[tuple[int, int], ...]

    @property
    def summary(self) -> list[str]:
        """What was done in plain sentences, one a line."""
        done = f"{plural(self.outputs, 'output')} frozen" if self.outputs else "nothing to freeze"
        if self.models:
            done += f", {plural(self.models, 'saved widget')} taken out"
        size = (
            _size(self.after) if self.after == self.before else f"{_size(self.before)} → {_size(self.after)}"
        )
        said = [f"{self.path}: {done}, {size}."]
        said += [
            f"Cell {cell} holds a widget without a static twin, which stays as it is; run the cell again and save."
            for cell in self.unfrozen
        ]
        said += [
            f"Cell {cell} has an output of {_size(count)}, over the budget of {_size(BUDGET)}."
            for cell, count in self.large
        ]
        if self.after > MOST_BYTES:
            said.append(
                f"The notebook is over the budget of {_size(MOST_BYTES)}; readers on the web may not show it."
            )
        return said

    def __str__(self) -> str:
        return "\n".join(self.summary)

    __repr__ = __str__


def freeze(path: str | Path, out: str | Path | None = None, *, overwrite: bool = False) -> Frozen:
    """Make the outputs of a notebook readable without a kernel: each of our widgets gives way to its static twin.

    Nothing else is touched, byte for byte: other outputs, other people's widgets, cells, metadata and the way the file is
    written stay.

    Args:
        path: the notebook, an ``.ipynb`` file of format 4.
        out: where the frozen notebook goes. Default: the notebook itself is replaced, whole or not at all.
        overwrite: replace ``out`` if it exists.

    Raises:
        SourceError: if there is no such file, or it is no notebook of format 4.
        ExportError: if ``out`` exists already or cannot be written.
    """
    source = Path(path)
    target = source if out is None else Path(out)
    data = _read(source)
    frozen, done = _frozen(data, _parsed(data, source), target)
    in_place = target.exists() and target.samefile(source)
    if not in_place or frozen != data:
        write_atomically(target, [frozen], overwrite=overwrite or in_place)
    return done


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file.") from None
    except OSError as problem:
        raise SourceError(f"{path} cannot be read: {problem.strerror}.") from None


def _parsed(data: bytes, path: Path) -> Mapping[str, Any]:
    try:
        notebook = nbformat.reader.reads(data.decode())
        version = nbformat.reader.get_version(notebook)[0]
    except Exception:  # nbformat raises whatever its parts raise
        raise SourceError(f"{path} is not a notebook that nbformat can read.") from None
    if version < 4 and "worksheets" in notebook:
        raise SourceError(
            f"{path} is a notebook of format {version}; open it in Jupyter and save it, which makes it format 4."
        )
    if version != 4 or not isinstance(notebook.get("cells"), list):
        raise SourceError(f"{path} is not a notebook.")
    return dict(notebook)


# ---------------------------------------------------------------------- what is ours


@dataclass(frozen=True, slots=True)
class _View:
    """An output that shows a widget."""

    cell: int
    output: int
    model: str
    ours: bool
    twin: str | None

    @property
    def freezes(self) -> bool:
        return self.ours and self.twin is not None


def _views(cells: list[Any], models: Models) -> Iterator[_View]:
    for at, cell in enumerate(cells):
        for number, output in enumerate(_list(_dict(cell).get("outputs"))):
            data = _dict(_dict(output).get("data"))
            if _VIEW not in data:
                continue
            model = str(_dict(data[_VIEW]).get("model_id"))
            twin = data.get("text/html")
            twin = twin if isinstance(twin, str) and twin.strip() else None
            ours = _is_ours(models[model]) if model in models else _says_ours(data.get("text/plain"), twin)
            yield _View(at, number, model, ours, twin)


def _is_ours(model: Mapping[str, Any]) -> bool:
    state = _dict(model.get("state"))
    if str(state.get("_anywidget_id")).startswith("rolethread_nb."):
        return True
    return "rt-datagrid" in _list(state.get("_dom_classes"))


def _says_ours(text: Any, twin: str | None) -> bool:
    named = isinstance(text, str) and _TEXT.fullmatch(text.strip()) is not None
    return named and (twin is None or _TWIN.match(twin) is not None)


def _models(notebook: Mapping[str, Any]) -> tuple[str, Models]:
    """Where the saved widgets stand, and the widgets. Colab leaves the key ``state`` out."""
    place = ["metadata", "widgets", _STATE]
    found: Any = notebook
    for key in place:
        found = _dict(found).get(key)
    block = _dict(found)
    if "state" in block:
        place, block = [*place, "state"], _dict(block["state"])
    return _pointer(*place), {
        name: model for name, model in block.items() if isinstance(model, Mapping) and "model_name" in model
    }


def _unneeded(models: Models, views: Collection[_View]) -> set[str]:
    """The models that only what was frozen needs: ours with all they refer to, without what anything else refers to."""
    shown = {view.model for view in views if not view.freezes}
    ours = _closure(models, {name for name, model in models.items() if _is_ours(model)} - shown)
    if any(
        _is_of_sheets(models[name]) for name in ours
    ):  # a sheet leaves the renderers behind that it had before
        ours |= {name for name, model in models.items() if _is_of_sheets(model)}
    return ours - _closure(models, (models.keys() - ours) | shown)


def _is_of_sheets(model: Mapping[str, Any]) -> bool:
    return model.get("model_module") == "ipydatagrid"


def _closure(models: Models, names: Collection[str]) -> set[str]:
    """Models with all that they refer to."""
    found: set[str] = set()
    waiting = [name for name in names if name in models]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [one for one in _references(models[name].get("state")) if one in models]
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(_REFERENCE):
            yield value.removeprefix(_REFERENCE)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


# ---------------------------------------------------------------------- what is cut out


def _frozen(data: bytes, notebook: Mapping[str, Any], target: Path) -> tuple[bytes, Frozen]:
    place, models = _models(notebook)
    views = list(_views(notebook["cells"], models))
    gone = _unneeded(models, views)
    frozen = _without_views(_without_models(data, place, gone, notebook), views)
    done = Frozen(
        path=target,
        outputs=sum(view.freezes for view in views),
        models=len(gone),
        before=len(data),
        after=len(frozen),
        unfrozen=tuple(dict.fromkeys(view.cell + 1 for view in views if view.ours and not view.freezes)),
        large=tuple(_large(views)),
    )
    return frozen, done


def _large(views: Collection[_View]) -> Iterator[tuple[int, int]]:
    for view in views:
        if view.twin is not None and view.freezes and (count := len(view.twin.encode())) > BUDGET:
            yield view.cell + 1, count


def _without_views(data: bytes, views: Collection[_View]) -> bytes:
    """The notebook without the widget view of the outputs that freeze."""
    by_cell: dict[int, list[int]] = {}
    for view in views:
        if view.freezes:
            by_cell.setdefault(view.cell, []).append(view.output)
    if not by_cell:
        return data
    spans = locate(data, "/cells/0").siblings
    pieces, at = [], 0
    for cell, outputs in by_cell.items():
        start, end = spans[cell]
        pieces += [data[at:start], _cell_without_views(data[start:end], outputs)]
        at = end
    return b"".join([*pieces, data[at:]])


def _cell_without_views(cell: bytes, outputs: Collection[int]) -> bytes:
    for output in outputs:
        cell = _without(cell, f"/outputs/{output}/data", {_VIEW})
        try:
            cell = _without(cell, f"/outputs/{output}/metadata", {_VIEW})
        except KeyError:  # only some hosts keep anything there
            continue
    return cell


def _without_models(data: bytes, place: str, gone: Collection[str], notebook: Mapping[str, Any]) -> bytes:
    """The notebook without some saved widgets; without the key that held them where no other is left."""
    if not gone:
        return data
    widgets = notebook["metadata"]["widgets"]
    data = _without(data, place, gone)
    if _keeps_nothing(widgets, gone):
        return _without(data, "/metadata", {"widgets"})
    return data


def _keeps_nothing(widgets: Mapping[str, Any], gone: Collection[str]) -> bool:
    block = _dict(widgets.get(_STATE))
    kept = _dict(block["state"]) if "state" in block else block
    left = kept.keys() - set(gone) - {"version_major", "version_minor"}
    return not left and widgets.keys() == {_STATE}


def _without(data: bytes, parent: str, names: Collection[str]) -> bytes:
    """An object without some of its members; one that holds no other is written as ``{}``."""
    place = locate(data, parent)
    left = remove_all(data[place.start : place.end], "", names)
    return data[: place.start] + (b"{}" if not left[1:-1].strip() else left) + data[place.end :]


def _pointer(*steps: str) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB" if count >= 1_000_000 else f"{max(count / 1000, 0.1):,.1f} kB"
