"""Findings as facets: how many a conversation has, and of which kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from .gathered import Gathered


def count_of(gathered: Gathered) -> pl.Series:
    """Findings of each conversation."""
    report = gathered.checked
    rows = report.findings.placed(report.index).conversations
    count = gathered.index.conversations.height
    return pl.Series("findings", np.bincount(rows[rows >= 0], minlength=count))


def codes_of(gathered: Gathered) -> pl.Series:
    """The codes of the findings of each conversation, each once, in the order of the catalogue; null for none."""
    report = gathered.checked
    rows = report.findings.placed(report.index).conversations
    found = (
        pl.DataFrame({"row": rows, "rule": report.findings.table["rule"]})
        .filter(pl.col("row") >= 0)
        .unique()
        .sort("row", "rule")
    )
    names = pl.Series("code", [rule.code for rule in report.rules], dtype=pl.String)
    listed = found.select("row", code=names.gather(found["rule"])).group_by("row").agg("code")
    whole = pl.DataFrame({"row": np.arange(gathered.index.conversations.height)})
    return whole.join(listed, on="row", how="left", maintain_order="left")["code"]
