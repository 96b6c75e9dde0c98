"""Marks of form that exclude one another: which family of quotation marks a reply uses, how it marks an action, how it writes dots.

A facet says nothing of a reply in which it does not occur, and nothing of one that uses two of its forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

# Code, markup of the web, tables and JSON write their marks as their own rules ask for.
_TECHNICAL = r'`|</?[a-z]|\{\s*"|^\s*\||\$\$|\\\(|\]\('
_AROUND = r"(?:^|[\s(\[*_—–-])"
_BEHIND = r"(?:$|[\s.,;:!?…)\]*_—–-])"

#: For each facet its forms, as regular expressions that mean the same to polars and to Python.
FACETS: Mapping[str, Mapping[str, str]] = {
    "quotation marks": {
        'straight "…"': rf'(?m){_AROUND}"[^"\n]{{2,}}"{_BEHIND}',
        "curly “…”": r"“[^“”\n]{2,}”",
        "low „…“": r"„[^„“”\n]{2,}[“”]",
        "guillemets «…»": r"«[^«»\n]{2,}»",
        "inward guillemets »…«": r"(?m)(?:^|[\s(])»[^«»\n]{2,}«",
        "corner brackets 「…」": r"「[^「」\n]{2,}」",
    },
    "actions": {
        "*asterisks*": r"^\s*\*[^\s*][^*\n]{2,}\*",
        "_underscores_": r"^\s*_[^\s_][^_\n]{2,}_(?:\W|$)",
        "(round brackets)": r"^\s*\([^()\n]{4,}\)",
        "[square brackets]": r"^\s*\[[^\[\]\n]{4,}\](?:[^(:\[]|$)",
    },
    "dots": {"three dots ...": r"(?:\w|[\"”’'*!?])\.\.\.(?:[^.]|$)", "ellipsis …": "…"},
    "dashes": {"two hyphens --": r"\w--\w|[^\s-] -- [^\s-]|\w--(?:\s|$)", "em dash —": r"—"},
    "apostrophes": {"straight '": r"[a-zà-ÿ]'[a-zà-ÿ]", "curly ’": r"[a-zà-ÿ]’[a-zà-ÿ]"},
    "bullets": {"hyphens -": r"(?m)^- \S", "asterisks *": r"(?m)^\* \S", "dots •": r"(?m)^• ?\S"},
    "case": {"lower case": r"^\p{Ll}[^\p{Lu}]*$", "capitals": r"^\p{Lu}"},
}
_CASED = 40  # so many characters tell whether a reply is written without capitals
# What stands where a form occurs, so that the others are not asked.
_SEEN = {
    "quotation marks": '["“„«»「]',
    "dots": r"\.\.\.|…",
    "dashes": "--|—",
    "apostrophes": "['’]",
    "bullets": r"(?m)^[-*•]",
    "actions": r"^\s*[*_(\[]",
}


def forms_of(texts: pl.Series) -> pl.DataFrame:
    """For each facet a column: the number of the form that a text uses, null where it uses none or several."""
    judged = (
        pl.DataFrame({"text": texts}).with_row_index("row").filter(~pl.col("text").str.contains(_TECHNICAL))
    )
    found = pl.DataFrame({"row": pl.arange(0, len(texts), eager=True, dtype=pl.UInt32)})
    for facet, forms in FACETS.items():
        text = pl.col("text")
        seen = judged.filter(
            text.str.contains(_SEEN[facet]) if facet in _SEEN else text.str.len_chars() >= _CASED
        )
        flags = [text.str.contains(pattern).alias(str(n)) for n, pattern in enumerate(forms.values())]
        names = [str(n) for n in range(len(forms))]
        one = (
            seen.select("row", *flags)
            .filter(pl.sum_horizontal(names) == 1)
            .select(
                "row",
                pl.sum_horizontal(pl.col(name) * int(name) for name in names).cast(pl.Int8).alias(facet),
            )
        )
        found = found.join(one, on="row", how="left", maintain_order="left")
    return found.drop("row")


def place_of(text: str, facet: str, form: int) -> tuple[int, int]:
    """Where a form stands first in a text: the whole of it for the case of its letters."""
    if facet == "case":
        return 0, len(text)
    found = re.search(list(FACETS[facet].values())[form], text)
    if found is None:
        return 0, 0
    lead = len(found[0]) - len(found[0].lstrip())
    return found.start() + lead, found.end()
