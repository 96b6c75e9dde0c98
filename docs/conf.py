"""How the site is built. `make docs` lays its pages out (tools/docs_site.py) and reads this."""
# ruff: noqa: INP001, TID251 - a folder of pages is no package, and one of its pages shows the components

from __future__ import annotations

import inspect
import re
from typing import Any

from anywidget import AnyWidget
from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature

from rolethread_nb import Review, Turn, __version__

project = "rolethread_nb"
author = "The rolethread_nb authors"
copyright = author  # noqa: A001 - the name that Sphinx reads
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["files"]

myst_heading_anchors = 4  # links to headings are written as GitHub resolves them
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]  # in one list, as they are written
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "rolethread_nb"
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None  # equal input gives equal pages
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#7fb8f0", "color-brand-content": "#7fb8f0"},
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp, .go"


def how_it_is_made(_app: Sphinx, what: str, _name: str, thing: Any, *_: Any) -> tuple[str, str] | None:
    """How a class is called, where it is a reader who calls it: a component, or a turn of a layout of their own."""
    if what != "class" or thing is Turn:
        return None
    if thing is Review or not issubclass(thing, AnyWidget):
        return "", ""
    called = inspect.signature(thing.__init__)
    shown = called.replace(parameters=list(called.parameters.values())[1:], return_annotation=called.empty)
    return stringify_signature(shown), ""


def with_links(*event: Any) -> None:
    """Docstrings name pages as files of the repository; here they become links."""
    lines: list[str] = event[-1]
    lines[:] = [re.sub(r"(?:``)?docs/([\w-]+)\.md(?:``)?", r":doc:`/\1`", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-signature", how_it_is_made)
    app.connect("autodoc-process-docstring", with_links)
