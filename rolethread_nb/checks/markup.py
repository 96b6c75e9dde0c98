"""Markup in replies, against the convention of the dataset."""

from __future__ import annotations

import json
from functools import lru_cache

import polars as pl

from ..core.blocks import Block
from ..core.word_table import WordSet
from .rule import DatasetFinding, Page, Rule

# Tags that nobody writes by chance, and those that are words or letters as well: "type <code>", "press <A>". The latter count if they
# have an attribute or are closed.
_TAGS = "abbr|blockquote|br|div|em|h[1-6]|hr|html|iframe|img|li|ol|(?-i:p)|pre|span|strong|sup|svg|tbody|td|textarea|tfoot|th|thead|tr|ul"
_WORDS = (
    "a|article|b|body|button|center|code|details|font|footer|form|head|header|i|input|label|link|main|mark|meta|nav|option|script|section|select"
    "|small|style|sub|summary|table|u|video"
)
_ATTRIBUTES = r"(?:\s+[a-z][a-z-]*\s*=[^<>]*)"
# In each, the first group is the markup; the rest says what may follow.
KINDS = {
    "HTML tags": rf"(?i)(</?(?:{_TAGS}){_ATTRIBUTES}?\s*/?>|</(?:{_WORDS})\s*>|<(?:{_WORDS}){_ATTRIBUTES}\s*/?>|<(?:{_WORDS})>[^<>]*</(?:{_WORDS})>)",
    "fenced code": "(```)",
    "headings": r"(?m)(^#{1,6} [^\s#].*$)",
    # not powers and keyword arguments: 2**10, f(**options)
    "bold": r"(\*\*[^*\s](?:[^*\n]*[^*\s(])?\*\*)(?:[^0-9A-Za-z*_(]|$)",
    "JSON": r'(\{\s*"[^"\n]+"\s*:)',
}
_KIND_NAMES = tuple(KINDS)


_FENCE = _KIND_NAMES.index("fenced code")
# Words by which people ask for code or marked-up text, in whatever language they write.
_ASKS = (
    "quellcode quellcodes code codes coding script scripts program programs programme programming programm function functions sql html css xml"
    " json yaml markdown latex python java javascript typescript rust golang kotlin swift php ruby perl bash shell linux docker dockerfile git"
    " github api regex react vue svg excel algorithm algorithms format formats formatted formatting table tables template templates bold"
    " heading headings developer engineer código tabla tabela negrita negrito tabelle tableau codice tabella grassetto"
).split()
_ASKS_WITHIN = ["代码", "代碼", "程式", "コード", "코드", "код", "Код"]  # in words


@lru_cache(maxsize=1)
def _asking() -> WordSet:
    return WordSet(_ASKS)


def _kinds_of(turns: pl.DataFrame) -> pl.DataFrame:
    """The turns that hold markup, with a column for each kind, named by its number."""
    flags = {
        str(number): pl.col("text").str.contains(pattern) for number, pattern in enumerate(KINDS.values())
    }
    return turns.with_columns(**flags).filter(pl.any_horizontal(*flags))


class _Markup:
    """Counts replies with and without markup; where few have any, those few are kept with their places as plain numbers.

    A reply is kept if it alone in its conversation holds markup (who sends code gets code back) and nobody in it speaks of code or of
    formats.
    """

    def __init__(self, share: float, replies: float) -> None:
        self._share, self._fewest = share, replies
        self._replies = self._marked = 0
        self._kept: list[pl.DataFrame] = []

    def partial(self, block: Block) -> None:
        turns = block.turns
        if not turns.height:
            return
        prose = turns["kind"].is_in(["text", "parts"]) & (turns["side"] != "rejected").fill_null(True)
        reply = (turns["role"] == "assistant").fill_null(False) & prose
        self._replies += int(reply.sum())
        replies = _kinds_of(turns.select("conversation", "turn", "text").filter(reply))
        self._marked += replies.height
        if replies.height:
            self._keep(block, replies)

    def _keep(self, block: Block, replies: pl.DataFrame) -> None:
        """The replies that alone in their conversation hold markup, and where each kind of it begins and ends in them."""
        alone = replies.filter(pl.len().over("conversation") == 1)
        asks = pl.Series("asks", block.words.count(_asking()) > 0)
        others = block.turns.with_columns(asks).filter(
            pl.col("conversation").is_in(alone["conversation"].implode())
            & (pl.col("role") != "assistant").fill_null(True)
        )
        asks_within = pl.col("text").str.contains_any(_ASKS_WITHIN)
        asked = others.filter(pl.col("asks") | asks_within)["conversation"]
        others = others.select("conversation", "text")
        given = _kinds_of(others)["conversation"]
        alone = alone.filter(~pl.col("conversation").is_in(pl.concat([asked, given]).implode()))
        if not alone.height:
            return
        for number, pattern in enumerate(KINDS.values()):
            found = pl.col(str(number)) if number == _FENCE else pl.col(str(number)) & ~pl.col(str(_FENCE))
            text = pl.col("text")
            before = text.cast(pl.Binary).bin.slice(0, text.str.find(pattern)).cast(pl.String)
            places = alone.filter(found).select(
                pl.lit(number, pl.Int8).alias("kind"),
                pl.lit(block.source, pl.Int32).alias("source"),
                pl.lit(pl.Series(block.indices)).gather(pl.col("conversation")).alias("index"),
                "turn",
                before.str.len_chars().alias("start"),
                text.str.extract(pattern, 1).str.len_chars().alias("length"),
            )
            if places.height:
                self._kept.append(places)

    def finish(self) -> list[DatasetFinding]:
        if self._replies < self._fewest or self._marked > self._share * self._replies:
            return []
        shared = {"marked": self._marked, "replies": self._replies}
        return [
            DatasetFinding(
                {"turn": turn, "markup": _KIND_NAMES[kind], **shared},
                (),
                conversation=(source, index),
                span=(start, start + length),
            )
            for places in self._kept
            for kind, source, index, turn, start, length in places.iter_rows()
        ]


def _dataset(*odd: str, plain: int = 30) -> bytes:
    """That many conversations of prose, and one for each odd reply."""
    replies = ["I see. Tell me more."] * plain + list(odd)
    return "\n".join(
        json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": reply}]})
        for reply in replies
    ).encode()


RULES: tuple[Rule, ...] = (
    Rule(
        code="leak.markup",
        severity="info",
        scope="turn",
        title="Markup where there is none",
        wave=_Markup,
        thresholds={"share": 0.05, "replies": 20},
        says=lambda e: (
            f"{e['markup']} in a reply; {e['marked']:,} of {e['replies']:,} replies hold markup".replace(
                e["markup"][0], e["markup"][0].upper(), 1
            )
        ),
        where="content",
        page=Page(
            "Finds HTML tags, fenced code, headings, bold and JSON in replies of a dataset whose replies are plain prose: at most 5 % of at least 20"
            " replies hold any markup (thresholds share and replies). Tags that are words, as <code> or <b>, count with an attribute or closed. Where more do, markup is the convention, or there is none, and nothing is"
            " reported. Nor is a reply reported if another turn of its conversation holds markup, or its user or system prompt speaks of code or"
            " formats.",
            "What is left of a web page or of another program's answer shows up in replies at random.",
            'One reply of a thousand holds "<br>".',
        ),
        fires=(
            _dataset("Yes.<br>No."),
            _dataset("```\nx\n```"),
            _dataset("# Heading\n\nText"),
            _dataset("This is **bold**."),
            _dataset('{"answer": "Yes"}'),
            _dataset("Yes.<BR>No."),
            _dataset("H<sub>2</sub>O"),
        ),
        silent=(
            _dataset("a < b, 2 ** 3 ** 4, #1, {x}, <name>, * star *"),
            _dataset("2**10 and 2**20, f(*a, **b) and g(**c)"),
            _dataset("x <a and b> y, type <code>, press <A>"),
            _dataset(*["This is **bold**."] * 5),
            _dataset("<br>", plain=5),
        ),
    ),
)
