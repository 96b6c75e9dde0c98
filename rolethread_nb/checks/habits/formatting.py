"""Rules about marks of form that change."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.hashing import Words
from ...language.tongues import probable, votes
from ..rule import RELATED_LIMIT, DatasetFinding, Evidence, Page, Rule
from .facets import FACETS, forms_of, place_of
from .reply_rows import reply_rows

_CLUSTER = 5  # conversations under one system prompt that can have a convention of their own
_SAMPLE = 60  # words that a conversation's language is told by


class _Drift:
    """Compares the forms within a conversation, and keeps for each conversation and facet which form it mostly uses."""

    def __init__(self, turns: float, mixed: float, share: float, conversations: float) -> None:
        self._turns, self._mixed = turns, mixed
        self._share, self._fewest = share, conversations
        self._drifts: list[tuple[str, DatasetFinding]] = []
        self._judged = dict.fromkeys(FACETS, 0)
        self._usual: list[pl.DataFrame] = []

    def partial(self, block: Block) -> None:
        rows = reply_rows(block)
        if not len(rows):
            return
        used = (
            forms_of(block.turns["text"].gather(rows))
            .with_columns(at=block.turns["conversation"].gather(rows), row=pl.Series(rows))
            .unpivot(index=["at", "row"], variable_name="facet", value_name="form")
            .drop_nulls("form")
        )
        if not used.height:
            return
        counts = used.group_by("at", "facet", "form").agg(n=pl.len(), first=pl.col("row").min())
        self._keep_usual(block, counts)
        of_facet = counts.group_by("at", "facet").agg(total=pl.col("n").sum(), forms=pl.len())
        long = of_facet.filter(pl.col("total") >= self._turns)
        for facet, count in long["facet"].value_counts().iter_rows():
            self._judged[facet] += count
        drifting = used.join(long.filter(pl.col("forms") > 1), on=["at", "facet"], how="semi")
        mine = drifting.sort("row").group_by("at", "facet").agg("row", "form").sort("at", "facet")
        for at, facet, own, forms in mine.select("at", "facet", "row", "form").iter_rows():
            self._drifts.append((facet, self._drift(block, at, facet, own, forms)))

    def _drift(
        self, block: Block, at: int, facet: str, rows: Sequence[int], forms: Sequence[int]
    ) -> DatasetFinding:
        names = list(FACETS[facet])
        usual = max(dict.fromkeys(forms), key=forms.count)
        other = next(form for form in forms if form != usual)
        row = rows[forms.index(other)]
        turn_of = block.turns["turn"]
        evidence: Evidence = {
            "facet": facet,
            "usual": names[usual],
            "form": names[other],
            "forms": {names[form]: forms.count(form) for form in dict.fromkeys(forms)},
            "turn": int(turn_of[row]),
            "turns": [int(turn_of[r]) for r, form in zip(rows, forms, strict=True) if form != usual],
            "threshold": self._turns,
        }
        own = (block.source, block.indices[at])
        related = [(*own, turn) for turn in evidence["turns"] if turn != evidence["turn"]]
        span = place_of(block.turns["text"][row], facet, other)
        return DatasetFinding(evidence, related, conversation=own, span=span)

    def _keep_usual(self, block: Block, counts: pl.DataFrame) -> None:
        """One row a conversation and facet: the form that most of its replies use, its system prompt and its language."""
        usual = counts.sort("n", "first", descending=[True, False]).unique(
            ["at", "facet"], keep="first", maintain_order=True
        )
        at = usual["at"].to_numpy().astype(np.int64)
        self._usual.append(
            usual.select("facet", pl.col("form").cast(pl.Int8)).with_columns(
                source=pl.lit(block.source, pl.Int32),
                index=pl.Series(np.array(block.indices, dtype=np.int64)[at]),
                prompt=pl.Series(_prompts(block)[at]),
                language=pl.Series(
                    probable(votes(block.words.first_words(usual["first"].to_numpy(), _SAMPLE)))
                ),
            )
        )

    def finish(self) -> list[DatasetFinding]:
        drifted = dict.fromkeys(FACETS, 0)
        for facet, _ in self._drifts:
            drifted[facet] += 1
        # Where that many mix, mixing is how the data are.
        mixing = {
            facet
            for facet, count in drifted.items()
            if self._judged[facet] >= self._fewest and count > self._mixed * self._judged[facet]
        }
        found = [finding for facet, finding in self._drifts if facet not in mixing]
        if not self._usual:
            return found
        usual = pl.concat(self._usual).sort("source", "index")
        return [
            *found,
            *(one for facet in FACETS for one in self._of_dataset(facet, usual, drifted, facet in mixing)),
        ]

    def _of_dataset(
        self, facet: str, usual: pl.DataFrame, drifted: dict[str, int], mixes: bool
    ) -> Sequence[DatasetFinding]:
        mine = usual.filter(pl.col("facet") == facet)
        if mine.height < self._fewest:
            return ()
        names = list(FACETS[facet])
        counts = dict(mine["form"].value_counts(sort=True).iter_rows())
        if not mixes and (self._convention(mine) >= self._share or len(counts) < 2):
            return ()
        top = next(iter(counts))
        table: dict[str, dict[str, int]] = {}
        for source, form, count in mine.group_by("source", "form").len().sort("source", "form").iter_rows():
            table.setdefault(str(source), {})[names[form]] = count
        others = mine.filter(pl.col("form") != top).select("source", "index").rows()
        evidence: Evidence = {
            "facet": facet,
            "conversations": mine.height,
            "shares": {names[form]: round(count / mine.height, 3) for form, count in counts.items()},
            "sources": table,
            "mixing": drifted[facet],
            "share": round(counts[top] / mine.height, 3),
            "threshold": self._share,
        }
        return (DatasetFinding(evidence, others[:RELATED_LIMIT]),)

    def _convention(self, usual: pl.DataFrame) -> float:
        """The share of the conversations that keep to the convention of their system prompt, or where few share one, of their language."""
        groups = usual.with_columns(
            group=pl.when((pl.len().over("prompt") >= _CLUSTER) & (pl.col("prompt") != 0))
            .then(pl.col("prompt"))
            .otherwise(pl.col("language").cast(pl.Int64).cast(pl.UInt64, strict=False).fill_null(99))
        )
        most = groups.group_by("group", "form").len().group_by("group").agg(pl.col("len").max())
        return float(most["len"].sum()) / usual.height


def _prompts(block: Block) -> Words:
    """A number for the system prompt of each conversation; 0 where it has none."""
    found = np.zeros(len(block), dtype=np.uint64)
    system = np.flatnonzero(block.turns["role"].is_in(["system", "developer"]).fill_null(False).to_numpy())
    at = block.turns["conversation"].to_numpy()[system]
    found[at[::-1]] = block.text_hashes[0][system[::-1]]
    return found


def _says(evidence: Evidence) -> str:
    facet = evidence["facet"]
    if "form" in evidence:
        return f"{_capital(facet)}: {evidence['form']} here, {evidence['usual']} in most of the replies"
    shares = ", ".join(f"{form} {share:.0%}" for form, share in evidence["shares"].items())
    many = f"; {evidence['mixing']:,} conversations mix them" if evidence["mixing"] else ""
    return (
        f"{_capital(facet)} have no convention: {shares} of {evidence['conversations']:,} conversations{many}"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _chat(*replies: str) -> list[dict[str, str]]:
    turns = []
    for reply in replies:
        turns += [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": reply}]
    return turns


def _dataset(*replies: str, times: int = 10) -> bytes:
    records = [{"messages": _chat(f"{reply} {n}")} for n in range(times) for reply in replies]
    return "\n".join(json.dumps(record) for record in records).encode()


RULES: tuple[Rule, ...] = (
    Rule(
        code="style.format_drift",
        severity="warning",
        scope="conversation",
        title="Marks of form that change",
        wave=_Drift,
        thresholds={"turns": 3, "mixed": 0.3, "share": 0.7, "conversations": 20},
        severity_of=lambda e: "warning" if "form" in e else "info",
        says=_says,
        where="content",
        page=Page(
            "Looks at marks that exclude one another: families of quotation marks; actions between asterisks, underscores or brackets at the"
            " head of a reply; three dots or an ellipsis; two hyphens or a dash; straight or curly apostrophes; bullets; no capitals at all. A"
            " reply with two forms, or with code, tables or links, decides nothing. A conversation is reported if at least 3 of its replies (threshold turns) decide and not all"
            " alike; not where over 30 % (mixed) of the conversations do so, then it is the way of the data. About the dataset, it"
            " reports a facet that at least 20 conversations (conversations) show, of which less than 70 % (share) keep to the form that is usual under their"
            " system prompt or, where few share one, in their language; the evidence counts the forms by source. Duplicates count once.",
            "A front end that colours *actions* or “speech” finds them only if they are always marked alike; from data that mix, a model learns to mix.",
            "Curly quotation marks in one reply, straight ones in the next.",
        ),
        fires=(
            _chat('"Go," she said.', "“Go,” she said.", '"Go," she said.'),
            _chat("*nods slowly* Yes.", "(nods slowly) Yes.", "*nods* Yes."),
            _chat("Wait... what?", "Well… no.", "Oh... yes."),
            _dataset('"Go," she said.', "“Go,” she said."),
        ),
        silent=(
            _chat('"Go," she said.', "She said nothing.", '"Go," she said.'),
            _chat('"Go," she said.', "“Go,” she said."),
            _chat("*nods* Yes.", "I *am* here.", "Yes (no)."),
            _chat("`a...b`", "Well… no.", "No… yes."),
            _dataset('"Go," she said.'),
        ),
    ),
)
