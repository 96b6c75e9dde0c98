"""Gates as HTML without a kernel and without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.turns import encodable
from .markup import QUIET, inline, root, short
from .shortening import QUERY, SENTENCE, shortened

if TYPE_CHECKING:
    from ..gates import Gates

_CELL = "padding:2px 16px 2px 0;border:0;text-align:left;vertical-align:top;background:transparent;font-weight:normal"
_TONES = {True: "#3f8f5f", False: "#c03a30"}
_WORDS = {True: "✓ passed", False: "✗ failed"}


def gates_view(gates: Gates) -> dict[str, Any]:
    """Gates for the header of the panel: whether all passed, how many did, and the sentence and query of each."""
    results = [
        {
            "ok": one.ok,
            "says": shortened(encodable(one.says), SENTENCE),
            "query": one.query if one.query and len(one.query) <= QUERY else "",
        }
        for one in gates
    ]
    return {"ok": gates.ok, "says": f"Gates: {gates.summary}", "results": results}


def gates_html(gates: Gates) -> str:
    """A table with one row a gate: whether it passed, and its sentence."""
    file = "" if gates.path is None else f' <span style="{QUIET}">{inline(short(gates.path))}</span>'
    head = f'<div style="padding:0 0 4px 0"><b>{inline(gates.summary)}</b>{file}</div>'
    rows = "".join(
        f'<tr><td style="{_CELL};color:{_TONES[result.ok]}">{_WORDS[result.ok]}</td>'
        f'<td style="{_CELL}">{inline(short(result.says))}</td></tr>'
        for result in gates
    )
    return root(f'{head}<table style="border-collapse:collapse">{rows}</table>')
