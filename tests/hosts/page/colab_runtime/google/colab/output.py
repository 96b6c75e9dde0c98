"""A stand-in for the part of Colab's runtime that widgets ask for: it marks what is shown for the page's own manager of widgets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from IPython import get_ipython

WIDGET = "application/vnd.jupyter.widget-view+json"
_widgets = SimpleNamespace(_installed_url=None)


def enable_custom_widget_manager() -> None:
    """Widgets that are shown from now on are drawn by the manager that loads them from a CDN."""
    if _widgets._installed_url is None:
        _widgets._installed_url = "colab.js"
        get_ipython().display_pub.register_hook(_mark)


def _mark(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content", {})
    if WIDGET in content.get("data", {}):
        told = {"colab": {"custom_widget_manager": {"url": _widgets._installed_url}}}
        content.setdefault("metadata", {}).setdefault(WIDGET, {}).update(told)
    return message
