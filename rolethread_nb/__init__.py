"""Look at, check and mend conversational fine-tuning datasets, inside the notebook.

import rolethread_nb as rt

ds = rt.load("chats.jsonl")
report = ds.check()
rt.review(ds)
report.repairs().apply()
ds.export("train.jsonl", format="messages")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import vocabulary
from ._version import __version__
from .checks.own import forget_rule, rule
from .core.compare import Comparison, compare
from .core.dataset import Dataset
from .core.errors import (
    ExportError,
    QueryError,
    RolethreadError,
    RuleError,
    SourceChangedError,
    SourceError,
    StalePlanError,
)
from .core.loading import load
from .core.model import Conversation, Issue, Message
from .core.report import Report
from .language.packs import forget_language_pack, language_pack
from .sources.own import Turn, forget_format, register_format

if TYPE_CHECKING:
    from .notebook.freeze import freeze
    from .training.preflight import Preflight
    from .training.witness import Witness, WitnessError, witness
    from .widgets.balance import Balance
    from .widgets.issues import Issues
    from .widgets.preflight import PreflightPanel
    from .widgets.review import Review, review
    from .widgets.thread import Thread
    from .widgets.witness import WitnessPanel

__all__ = [
    "Balance",
    "Comparison",
    "Conversation",
    "Dataset",
    "ExportError",
    "Issue",
    "Issues",
    "Message",
    "Preflight",
    "PreflightPanel",
    "QueryError",
    "Report",
    "Review",
    "RolethreadError",
    "RuleError",
    "SourceChangedError",
    "SourceError",
    "StalePlanError",
    "Thread",
    "Turn",
    "Witness",
    "WitnessError",
    "WitnessPanel",
    "__version__",
    "compare",
    "forget_format",
    "forget_language_pack",
    "forget_rule",
    "freeze",
    "language_pack",
    "load",
    "register_format",
    "review",
    "rule",
    "vocabulary",
    "witness",
]

# The widgets bring ipywidgets along, the trainers Jinja; who does not use them does without.
_LATER = {
    "Thread": "widgets.thread",
    "Issues": "widgets.issues",
    "Balance": "widgets.balance",
    "PreflightPanel": "widgets.preflight",
    "Review": "widgets.review",
    "review": "widgets.review",
    "Preflight": "training.preflight",
    "Witness": "training.witness",
    "WitnessError": "training.witness",
    "WitnessPanel": "widgets.witness",
    "witness": "training.witness",
    "freeze": "notebook.freeze",
}


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext rolethread_nb`` runs: the magics of docs/cells.md."""
    from .notebook.magics import register

    register(shell)


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
