"""How replies begin and end, and how they are laid out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from ..core.model import IDEOGRAPHS, UNSPACED, Span

_WORDS, _CHARACTERS = 3, 6  # of an opening or a closing
_HEAD = 80  # so many characters are looked at for it
_MARGIN = 8  # of a closing: so many times as many, if all but those are blanks
_BETWEEN = r"\p{P}\p{S}\s\x00-\x1f\x7f"  # what stands between words
_APART = f"[{_BETWEEN}]"
_CLOSE = f"{IDEOGRAPHS}{UNSPACED}"  # characters of scripts without blanks
_UNSPACED = f"[{_CLOSE}]"
_LETTERS = f"[^{_BETWEEN}]+"
_WORD = f"{_LETTERS}(?:['’]{_LETTERS})*"
_LAST_WORD = f"(?:{_LETTERS}['’])*[^{_BETWEEN}]*[^{_BETWEEN}{_CLOSE}]"  # one that ends in another script
_FEW_CLOSE = f"{_UNSPACED}(?:{_APART}*{_UNSPACED}){{0,{_CHARACTERS - 1}}}"
_FIRST = f"^{_APART}*({_FEW_CLOSE}|{_WORD}(?:{_APART}+{_WORD}){{0,{_WORDS - 1}}})"
_LAST_FEW = f"({_FEW_CLOSE}|(?:{_WORD}{_APART}+){{0,{_WORDS - 1}}}{_LAST_WORD}){_APART}*$"
# The same of texts that have only the marks most texts have: their patterns are small enough to be many times as fast.
_USUAL = r"\s\x00-\x1f\x7f!-/:-@\[-`{-~¡¿«»‹›‘’‚“”„…–—"
_MARK, _SIGNS = f"[{_USUAL}]", f"[^{_USUAL}]+"
_RARE = rf"[[\p{{P}}\p{{S}}{_CLOSE}]--[{_USUAL}]]"
_USUAL_WORD = f"{_SIGNS}(?:['’]{_SIGNS})*"
_FIRST_USUAL = f"^{_MARK}*{_USUAL_WORD}(?:{_MARK}+{_USUAL_WORD}){{0,{_WORDS - 1}}}"
_LAST_USUAL = f"(?:{_USUAL_WORD}{_MARK}+){{0,{_WORDS - 1}}}{_USUAL_WORD}{_MARK}*$"
_MARKS = "".join(filter(re.compile(_MARK).match, map(chr, range(0x3001))))
_PARTING = f"[[{_BETWEEN}]&&[^']]"  # all of it but the apostrophe
_MORE_THAN_WORDS = rf"[^\p{{L}}\p{{M}}\p{{N}} ]|  |{_UNSPACED}"  # than words with a blank between them
_APOSTROPHES = ("'", "’")
_RUN = re.compile(f"{_UNSPACED}|[^ '{_CLOSE}]+")


def openings(texts: pl.Series) -> pl.Series:
    """The first three words of each text in lower case, without punctuation but apostrophes in words; null for none.

    Of a script without blanks they are the first six characters.
    """
    return _few_words(texts.str.slice(0, _HEAD), _FIRST_USUAL, _FIRST)


def closings(texts: pl.Series) -> pl.Series:
    """The last three words of each text, as in :func:`openings`."""
    ends = texts.str.tail(_MARGIN * _HEAD).str.strip_chars_end().str.tail(_HEAD)
    return _few_words(ends, _LAST_USUAL, _LAST_FEW)


def _few_words(texts: pl.Series, usual: str, whole: str) -> pl.Series:
    """What the pattern ``whole`` finds in its group; ``usual`` finds the same where no rare mark stands."""
    rare = texts.str.contains(_RARE).arg_true()
    found = texts.str.extract(usual, 0).str.strip_chars(_MARKS)
    return _plain(found.scatter(rare, texts.gather(rare).str.extract(whole)))


def _plain(words: pl.Series) -> pl.Series:
    words = words.str.to_lowercase()
    odd = words.str.contains(_MORE_THAN_WORDS).arg_true()
    if not len(odd):
        return words
    kept = words.gather(odd).str.replace_all("’", "'", literal=True)
    plain = kept.str.replace_all(f"'*{_PARTING}{_APART}*", " ")
    close = kept.str.contains(f"^[{_CLOSE}{_BETWEEN}]+$").arg_true()
    return words.scatter(odd, plain.scatter(close, kept.gather(close).str.replace_all(_APART, "")))


def words_in(phrase: str) -> list[str]:
    """The words of an opening, a closing or a phrase."""
    return _RUN.findall(phrase)


def phrase_of(text: str, spans: Sequence[Span]) -> str:
    """Words of a text that follow each other as a phrase: in lower case, with a blank or an apostrophe between them.

    Beside a character of a script without blanks there is none.
    """
    phrase = ""
    end = 0
    for span in spans:
        word = text[span.start : span.end].lower()
        if phrase and text[end : span.start] in _APOSTROPHES:
            phrase += "'"
        elif phrase and not re.match(_UNSPACED, phrase[-1]) and not re.match(_UNSPACED, word[0]):
            phrase += " "
        phrase += word
        end = span.end
    return phrase


#: Last character that is not a blank, by what it is.
_LAST = {
    "a full stop": ".。।۔",
    "a question mark": "?？؟",
    "an exclamation mark": "!！",
    "an ellipsis": "…",
    "a closing quotation mark": "\"”»」』’'“",
    "an asterisk or underscore": "*_",
    "a colon": ":：",
    "a comma, dash or semicolon": ",，、—–-;；،",
    "a bracket": ")]}）】>",
    "code": "`",
}
_NAMES = {char: name for name, chars in _LAST.items() for char in chars}
LETTER, OTHER = "a letter or digit", "something else"
ENDINGS = (*_LAST, LETTER, OTHER)


def endings(texts: pl.Series) -> pl.Series:
    """What kind of character each text ends with, blanks apart; null for none."""
    ends = texts.str.strip_chars_end()
    last = ends.str.tail(1).replace("", None)
    chars = last.drop_nulls().unique().to_list()
    names = {char: _NAMES.get(char, LETTER if char.isalnum() else OTHER) for char in chars}
    found = last.replace_strict(names, default=None, return_dtype=pl.String)
    dots = ends.str.ends_with("...")
    return found.scatter(dots.arg_true(), "an ellipsis") if dots.any() else found


#: Marks of form: name, what a text must hold to be looked at, the regular expression.
FORMS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("heading", ("# ",), r"(?m)^#{1,6} \S"),
    ("bullet list", ("- ", "* ", "• "), r"(?m)^[ \t]*[-*•] +\S"),
    ("numbered list", (". ", ") "), r"(?m)^[ \t]*\d{1,3}[.)] +\S"),
    ("table", ("|",), r"(?m)^[ \t]*\|?[ :-]*-{2,}[ :-]*\|[ |:-]*$"),
    ("code block", ("```",), "```"),
    ("inline code", ("`",), r"(?:^|[^`])`[^`\n]+`(?:[^`]|$)"),
    ("bold", ("**",), r"\*\*[^\s*][^*\n]*\*\*"),
    ("italics or actions", ("*", "_"), r"(?m)(?:^|[\s(])[*_][^\s*_][^*_\n]*[*_](?:[\s).,!?…:;]|$)"),
    ("quotation block", ("> ",), r"(?m)^> ?\S"),
    ("link", ("://", "www."), r"https?://\S|www\.\S"),
    ("formula", ("$", "\\(", "\\["), r"\$\$|\\\(|\\\[|\$[^\s$][^$\n]*\\[a-z]+[^$\n]*\$"),
    ("HTML", ("</", "<br"), r"</[a-zA-Z]+>|<br ?/?>"),
    ("several paragraphs", ("\n",), r"\S[ \t]*\n[ \t]*\n\s*\S"),
    ("emoji", (), r"\p{Emoji_Presentation}|\p{Extended_Pictographic}\x{FE0F}"),
)
PLAIN = "plain text"


def forms(texts: pl.Series) -> pl.Series:
    """The marks of form of each text, as lists; ``plain text`` where it has none, null for an empty text."""
    rows = pl.int_range(len(texts), eager=True)
    found = [
        pl.DataFrame(
            {"row": rows.gather(at), "form": pl.Series([name], dtype=pl.String).new_from_index(0, len(at))}
        )
        for name, needs, pattern in FORMS
        for at in [_having(texts, needs, pattern)]
    ]
    listed = pl.concat(found).group_by("row").agg(pl.col("form"))
    whole = pl.DataFrame({"row": rows, "chars": texts.str.len_chars()})
    joined = whole.join(listed, on="row", how="left", maintain_order="left")
    plain = pl.when(pl.col("chars") > 0).then(pl.lit([PLAIN]))
    return joined.select(pl.coalesce("form", plain).alias("forms"))["forms"]


def _having(texts: pl.Series, needs: tuple[str, ...], pattern: str) -> pl.Series:
    """The texts that a pattern is found in; only those that have one of the strings it needs are searched."""
    if needs:
        maybe = pl.any_horizontal(*(pl.col("t").str.contains(one, literal=True) for one in needs))
    else:
        maybe = pl.col("t").str.len_bytes() != pl.col("t").str.len_chars()
    at = texts.to_frame("t").select(maybe.alias("maybe"))["maybe"].arg_true()
    return at.filter(texts.gather(at).str.contains(pattern))
