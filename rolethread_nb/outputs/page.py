"""A component as one HTML file that needs neither a kernel nor a network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from typing import Any

from ..core.errors import RolethreadError

_EXPORT = re.compile(r"export\{([^{}]*)\};?\s*\Z")
_DRAWS = re.compile(r"([\w$]+) as mountStatic\b")
# Ends or opens something for the reader of HTML or of scripts, or is half a character that UTF-8 cannot hold.
_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_CLOSES = re.compile(r"</(?:script|style)|<!--", re.IGNORECASE)
_STYLE = """
:root{color-scheme:light dark}
body{margin:0;padding:16px;background:#fff;color:#1f2328;font:13px/1.5 system-ui,sans-serif}
.rt-page-says{margin:0 0 12px;color:#59626b}
noscript article{padding:8px 0}
noscript pre{margin:4px 0;max-width:80ch;white-space:pre-wrap;font:inherit;unicode-bidi:plaintext}
@media (prefers-color-scheme:dark){body{background:#0f1114;color:#e4e7eb}.rt-page-says{color:#a0a9b3}}
@media (max-width:600px){body{padding:4px}}
@media (min-width:800px){
#rolethread :is(.rt-issues-frame,.rt-preflight,.rt-review){height:max(560px,calc(100vh - 68px))}
#rolethread .rt-thread-frame{max-height:max(560px,calc(100vh - 68px))}
}
"""


def page_html(*, title: str, module: str, style: str, saved: Mapping[str, Any], says: str, twin: str) -> str:
    """Return the page.

    Args:
        title: the name of what is shown.
        module: the built module of the component.
        style: its style sheet.
        saved: what is drawn: the traits, and the answers that are recorded.
        says: what of the whole is in the file, in a sentence.
        twin: the component without scripts, for readers that run none. The policy takes its styles away; it reads without them.

    Raises:
        RolethreadError: if the module was not built.
    """
    script, sheet = _drawing(module), _STYLE + style
    for text in (script, sheet):
        if _CLOSES.search(text):
            raise RolethreadError("The built widgets hold what would end a script within a page.")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(sheet)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(_whole(title))}</title>\n<style>{sheet}</style>\n</head>\n<body>\n"
        f'<p class="rt-page-says">{html.escape(says)}</p>\n<div id="rolethread"></div>\n'
        f"<noscript>{_whole(twin)}</noscript>\n"
        f'<script type="application/json" id="rolethread-saved">{embedded(saved)}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def embedded(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _drawing(module: str) -> str:
    """The module with a call that draws what is saved in place of its exports."""
    exports = _EXPORT.search(module)
    draws = exports and _DRAWS.search(exports[1])
    if not exports or not draws:
        raise RolethreadError(
            "The browser part of rolethread_nb was not built, so there is nothing to write into a page."
        )
    saved = 'JSON.parse(document.getElementById("rolethread-saved").textContent)'
    return f'{module[: exports.start()]}{draws[1]}(document.getElementById("rolethread"),{saved});'


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _whole(text: str) -> str:
    """Text without halves of characters, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()
