"""Markup in replies, against the convention of the dataset."""

from __future__ import annotations

import json
from functools import lru_cache

import polars as pl

from ..core.blocks import Block
from ..core.word_table import WordSet
from .rule import DatasetFinding, Page, Rule

# Tags that nobody writes by chance, and those that are words or letters as well: "type <code>", "press <A>". The latter count if they
# have an attribute or are closed. Those of a whole page (<html>, <script>) are a program that was asked for.
_TAGS = "abbr|blockquote|br|div|em|h[1-6]|hr|img|li|ol|(?-i:p)|pre|span|strong|sup|tbody|td|textarea|tfoot|th|thead|tr|ul"
_WORDS = (
    "a|article|b|button|center|code|details|font|footer|form|header|i|input|label|main|mark|nav|option|section|select|small|sub|summary|table|u"
    "|video"
)
_ATTRIBUTES = r"(?:\s+[a-z][a-z-]*\s*=[^<>]*)"
_BBCODE = "b|i|u|s|img|quote|spoiler|center|list|code"
# In each, the first group is the markup; the rest says what may follow.
KINDS = {
    "HTML tags": rf"(?i)(</?(?:{_TAGS}){_ATTRIBUTES}?\s*/?>|</(?:{_WORDS})\s*>|<(?:{_WORDS}){_ATTRIBUTES}\s*/?>|<(?:{_WORDS})>[^<>]*</(?:{_WORDS})>)",
    "BBCode": rf"(?i)(\[(?:url|color|size|font|quote)=[^\[\]\n]+\]|\[/(?:{_BBCODE}|url|color|size|font)\])",
    "fenced code": "(```)",
    "headings": r"(?m)(^#{1,6} [^\s#].*$)",
    # not powers and keyword arguments: 2**10, f(**options)
    "bold": r"(\*\*[^*\s](?:[^*\n]*[^*\s(])?\*\*)(?:[^0-9A-Za-z*_(]|$)",
    "JSON": r'(\{\s*"[^"\n]+"\s*:)',
}
_KIND_NAMES = tuple(KINDS)
_FENCE = _KIND_NAMES.index("fenced code")

# What follows shows, in whatever language people write, that markup was meant.
# Names of formats and of programming languages, which are the same everywhere, and words by which people ask for them.
_NAMES = (
    "api bash bbcode css csv dart docker dockerfile excel flutter git github golang html java javascript json kotlin latex linux markdown php"
    " python react regex ruby rust sql svg swift typescript vue xml yaml"
)
_ASKS = (
    "algorithm algorithms bold code codes coding developer engineer format formats formatted formatting function functions heading headings"
    " program programme programmes programming programs script scripts shell table tables template templates codice código grassetto negrita"
    " negrito quellcode quellcodes tabela tabella tabelle tableau tabla"
)
_NAMED = rf"(?i)(?:^|[^a-z])(?:{'|'.join(_NAMES.split())})(?:[^a-z]|$)"  # "JSON形式で", too
_ASKS_WITHIN = ["代码", "代碼", "程式", "コード", "코드", "код", "Код"]  # in words
# Stretches that are code: `x`, f(x), snake_case, lines that end in a brace or a semicolon, operators, options, commands, places in memory.
_CODE = (
    r"(?m)`[^`\n]+`|[A-Za-z0-9_]\([A-Za-z0-9_\"', =*]*\)[ \t]*[;{:.]|[A-Za-z0-9_]\(\)|[A-Za-z0-9]\\?_[A-Za-z0-9]|[;{][ \t]*$|^[ \t]*[])}]+[;,]?[ \t]*$"
    r"|=>|->|::|[=!<>+]=|&&|\|\||[ \t]--?[a-z][A-Za-z0-9_-]*(?:[ \t=]|$)"
    r"|^[ \t]*(?:\$|>>>|//|#include|import|def|class|const|let|var|sudo|SELECT) "
    r"|[A-Za-z0-9_]\.(?:py|js|ts|c|cpp|h|rs|go|java|html|css|json|ya?ml|toml|sh|exe|csv)(?:[^A-Za-z0-9_]|$)|[A-Za-z]\+\+|[0-9]/[0-9]+/[0-9]"
    r"|</?(?i:html|head|body|script|style|svg|iframe)(?:[^A-Za-z0-9_]|$)|<!(?i:doctype)"
)
# Lists and tables, which somebody has set: two lines of them, or so many headings and bold words, are no leftover.
_SET = r"(?m)^[ \t]*(?:[-*+•] +\S|\d{1,3}[.)、] *\S|\|.*\|[ \t]*$)"
_LAID_OUT = r"(?m)^#{1,6} \S|\*\*[^*\s][^*\n]*\*\*"
_SET_LINES, _LAID_OUT_PLACES = 2, 3
# A fence holds prose where a line of it is a sentence, and nothing of it is what code is made of; or nothing stands behind the last one.
_FENCED = r"(?s)```[^\n`]*\n(.*?)(?:```|\z)"
_SENTENCE = r"""(?m)[\p{L}\p{M}][\p{L}\p{M}\p{N} ,，、:'’"“”„«»—–-]{5,}[.!?…。！？।॥؟۔]+["”»’」』*_)]*\s*$"""
_NO_PROSE = r"[{}<>\\=$|_@#/\[\];]|\n[ \t]{2,}\S"
_LEFT = r"\S[^`]*```\s*\z"


@lru_cache(maxsize=1)
def _asking() -> WordSet:
    return WordSet(_ASKS.split())


def _kinds_of(turns: pl.DataFrame) -> pl.DataFrame:
    """The turns that hold markup, with a column for each kind, named by its number."""
    flags = {
        str(number): pl.col("text").str.contains(pattern) for number, pattern in enumerate(KINDS.values())
    }
    return turns.with_columns(**flags).filter(pl.any_horizontal(*flags))


def _left_over() -> pl.Expr:
    """Whether markup in a reply may be a leftover: the reply is no list, table, article or code; what it fences, if anything, is prose."""
    text = pl.col("text")
    laid_out = text.str.count_matches(_SET) >= _SET_LINES
    laid_out |= text.str.count_matches(_LAID_OUT) >= _LAID_OUT_PLACES
    fenced = text.str.extract(_FENCED, 1).fill_null("")
    prose = fenced.str.contains(_SENTENCE) & ~fenced.str.contains(_NO_PROSE)
    prose |= (text.str.count_matches("```") == 1) & text.str.contains(_LEFT)
    return (
        pl.when(pl.col(str(_FENCE)))
        .then(prose)
        .otherwise(~laid_out & ~text.str.contains(_CODE) & ~text.str.contains(_NAMED))
    )


class _Markup:
    """Counts replies with and without markup; where few have any, those few are kept with their places as plain numbers.

    A reply is kept if it alone in its conversation holds markup (who sends code gets code back), nobody in it speaks of code or of
    formats, no other turn holds a stretch of code, and it does not look as if it was set like that.
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
        alone = replies.filter(pl.len().over("conversation") == 1).filter(_left_over())
        said = pl.Series("asks", block.words.count(_asking()) > 0)
        others = block.turns.with_columns(said).filter(
            pl.col("conversation").is_in(alone["conversation"].implode())
            & (pl.col("role") != "assistant").fill_null(True)
        )
        text = pl.col("text")
        asks = (
            pl.col("asks")
            | text.str.contains_any(_ASKS_WITHIN)
            | text.str.contains(_NAMED)
            | text.str.contains(_CODE)
        )
        asked = others.filter(asks)["conversation"]
        others = others.select("conversation", "text")
        given = _kinds_of(others)["conversation"]
        alone = alone.filter(~pl.col("conversation").is_in(pl.concat([asked, given]).implode()))
        if not alone.height:
            return
        for number, pattern in enumerate(KINDS.values()):
            found = pl.col(str(number)) if number == _FENCE else pl.col(str(number)) & ~pl.col(str(_FENCE))
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
            "Finds what is left of markup, HTML tags, BBCode, fenced code, headings, bold and JSON, in replies of a dataset whose replies are plain prose: at"
            " most 5 % of at least 20 replies hold any (thresholds share and replies). Where more do, it is the convention, and nothing is reported. Tags"
            " that are words, as <code> or <b>, count with an attribute or closed. A fence is a leftover where it holds a sentence, or nothing; code,"
            " commands and data in it are an answer. Nor is a reply reported that was meant to look so: one with two lines of a list or table, three"
            " headings or bold stretches, or code in it; one in whose conversation another turn holds markup, or in whose user or system prompt stands"
            " code, the name of a format or of a programming language, or one of a few words by which people ask for such.",
            "What is left of a web page or of another program's answer shows up in replies at random.",
            'One reply of a thousand holds "<br>".',
        ),
        fires=(
            _dataset("Yes.<br>No."),
            _dataset("```\nThe tape ends here.\n```"),
            _dataset("The tape ends here.\n```"),
            _dataset("[b]Nobody[/b] knows."),
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
            _dataset("Voici :\n\n```\nvlan batch 10 20\n```", "Sert `<br>` à cela ?", "1. **Un**\n2. Deux"),
            _dataset(*["This is **bold**."] * 5),
            _dataset("<br>", plain=5),
        ),
    ),
)
