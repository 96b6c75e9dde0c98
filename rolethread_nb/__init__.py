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
from .sources.own import Turn, forget_format, register_format

if TYPE_CHECKING:
    from .widgets.balance import Balance
    from .widgets.issues import Issues
    from .widgets.review import Review, review
    from .widgets.thread import Thread

__all__ = [
    "Balance",
    "Comparison",
    "Conversation",
    "Dataset",
    "ExportError",
    "Issue",
    "Issues",
    "Message",
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
    "__version__",
    "compare",
    "forget_format",
    "forget_rule",
    "load",
    "register_format",
    "review",
    "rule",
    "vocabulary",
]

_WIDGETS = {
    "Thread": "thread",
    "Issues": "issues",
    "Balance": "balance",
    "Review": "review",
    "review": "review",
}


def __getattr__(name: str) -> Any:
    # The widgets bring ipywidgets along; scripts and the command line do without.
    if name in _WIDGETS:
        from importlib import import_module

        return getattr(import_module(f".widgets.{_WIDGETS[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
