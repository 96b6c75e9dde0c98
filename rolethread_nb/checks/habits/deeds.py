"""What a reply lets the user do: sentences of narration whose subject is the user, with a verb of action, decision, feeling or speech."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from ...core.model import Span
from ...language.packs import Pack
from ...language.verb_forms import forms, pasts, third_forms, verbs
from .narrated import plain, told_sentences, words_pattern

_MINE = ("action", "decision", "feeling", "speech")
#: Placeholders that stand for the user.
MACROS = r"\{\{ ?user ?\}\}|<USER>"
# What may stand between the beginning of a clause and its subject: "Slowly,", "Then", "After an hour", "With a sigh,".
_LEAD = re.compile(
    r"(?i)(?:^|[,;:—–]|\s-+|--|\b(?:and|but|then|so|yet|or))\s*"
    r"(?:(?:then|now|so|still|instead|again|suddenly|finally|together|there|here|at last|at once|\w+ly)\b,?\s*"
    r"|(?:after|with|without|in|on|at|for|by|from|under|over|one|this|that|outside|inside)(?:\s[\w']+){1,5},?\s*){0,2}$"
)
_LONGEST_LEAD = 60  # characters before the subject that are looked at
_NEXT = re.compile(r"\s*([\w']+)")
_AUXILIARIES = frozenset("so very too do did don't didn't not have had 've haven't hadn't never".split())
# "You are afraid", "you feel guilty": what follows says whether it is a feeling; "you feel a hand" is none.
_STATES = {
    **dict.fromkeys(("are", "were", "'re", "is", "was"), ""),
    **dict.fromkeys(("feel", "felt", "feels"), "senses"),
}
_MOST_SUBJECTS = 20  # mentions of the user in one sentence that are looked at
_MOST_BETWEEN = 4  # words between the subject and its verb


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a text says of the user.

    Attributes:
        done: sentences that say what the user does, decides, feels or says.
        sensed: sentences that say what the user perceives, and nothing of the above.
        of: sentences of narration.
    """

    done: tuple[Span, ...]
    sensed: tuple[Span, ...]
    of: int


@lru_cache(maxsize=64)
def _subject(names: tuple[str, ...]) -> re.Pattern[str]:
    """Mentions of the user: ``you``, a placeholder, one of his names."""
    others = "|".join([MACROS, *(f"{re.escape(name)}(?!\\w)" for name in names)])
    return re.compile(rf"(?P<you>\b[Yy]ou\b)|{others}")


class Reader:
    """Finds such sentences, by the words of a language pack."""

    def __init__(self, pack: Pack) -> None:
        self._own = forms(pack, verbs(pack, *_MINE))
        self._named = third_forms(pack, verbs(pack, *_MINE))
        self._senses = forms(pack, [verb for verb in verbs(pack, "perception") if " " not in verb])
        self._pasts = {verb: pasts(verb, pack) for verb in set(self._own.values())}
        self._between = frozenset(pack.get("narration", "between"))
        self._emotions = frozenset(pack.get("verbs", "emotions"))
        self._might = re.compile(
            rf"(?i)\b(?:{words_pattern(pack.get('narration', 'conditional'))})\b|'ll\b|'d\b"
        )
        self._pictures = re.compile(rf"(?i)\b(?:{words_pattern(pack.get('narration', 'pictures'))})\b")
        #: What narration has to hold to be worth a look, for columns.
        self.hint = r"\b[Yy]ou\b"

    def deeds(self, text: str, names: Sequence[str] = (), said_before: str = "") -> Deeds:
        """The sentences of a text.

        Args:
            text: the reply.
            names: how the user is called, beside ``you`` and the placeholders.
            said_before: what the user said last; what he did himself there may be told again.
        """
        read = plain(text)
        if self._pictures.search(read):
            return Deeds((), (), 0)
        subject = _subject(tuple(names))
        before = set(re.findall(r"[a-z]+", said_before.lower()))
        done: list[Span] = []
        sensed: list[Span] = []
        every = told_sentences(text)
        for span in every:
            sentence = read[span.start : span.end]
            subjects = list(islice(subject.finditer(sentence), _MOST_SUBJECTS))
            if not subjects or sentence.rstrip('"”*_) ').endswith("?") or self._might.search(sentence):
                continue
            said = {self._said_of(sentence, one, before) for one in subjects}
            if "does" in said:
                done.append(span)
            elif "senses" in said:
                sensed.append(span)
        return Deeds(tuple(done), tuple(sensed), len(every))

    def _said_of(self, sentence: str, subject: re.Match[str], before: set[str]) -> str | None:
        """What a sentence says of a mention of the user: that he ``does`` something, ``senses`` it, or neither."""
        if not _LEAD.search(sentence[max(0, subject.start() - _LONGEST_LEAD) : subject.start()]):
            return None
        known = self._own if subject["you"] else self._named
        at, state = subject.end(), None
        for _ in range(_MOST_BETWEEN):
            if (found := _NEXT.match(sentence, at)) is None:
                return None
            word, at = found[1].lower(), found.end()
            passes = word in self._between or word in _AUXILIARIES or word.endswith("ly")
            if state is not None:
                if word in self._emotions:
                    return "does"
                if not passes:
                    return state or None
            elif word in _STATES:
                state = _STATES[word]
            elif word in known:
                return None if self._told_again(known[word], before) else "does"
            elif subject["you"] and word in self._senses:
                return "senses"
            elif not passes:
                return None
        return None

    def _told_again(self, verb: str, before: set[str]) -> bool:
        """Whether the user said himself that he does so."""
        stem = verb.removesuffix("e")
        known = {verb, *self._pasts.get(verb, ())}
        return any(word in known or (len(stem) > 2 and word.startswith(stem)) for word in before)
