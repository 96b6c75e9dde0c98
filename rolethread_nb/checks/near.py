"""Conversations that are nearly the same."""

from __future__ import annotations

import json

import numpy as np

from ..core.blocks import Block
from ..core.duplicate_keepers import kept_in_groups
from ..core.duplicate_keys import dialogue_keys
from ..core.duplicate_search import Collected, Found
from ..core.groups import Groups
from ..core.hashing import Words, hashed
from ..core.near_duplicates import SIMILARITY, Links, NearDuplicates
from ..core.word_table import Flags, Places
from .records import drop_record
from .rule import DatasetFinding, Evidence, Page, Repair, Rule


class _Near:
    """Feeds the search for near-duplicates; remembers what is an exact copy, or the same dialogue as an earlier one."""

    def __init__(self, similarity: float = SIMILARITY) -> None:
        self._similarity = similarity
        self._collected = Collected(similarity)
        self._places: list[Places] = []
        self._fresh: list[Flags] = []
        self._dialogues: list[Words] = []
        self._prompts: list[Words] = []

    def partial(self, block: Block) -> None:
        self._collected.add(np.zeros(len(block), dtype=np.int64), block)
        indices = np.array(block.indices, dtype=np.int64)
        self._places.append(np.stack([np.full(len(block), block.source), indices], axis=1))
        self._fresh.append(block.fresh)
        dialogue, prompt = dialogue_keys(block)
        self._dialogues.append(dialogue)
        self._prompts.append(hashed(dialogue) ^ prompt)

    def finish(self) -> list[DatasetFinding]:
        search = self._collected.search
        if search is None or not len(search):
            return []
        links = search.links()
        groups = Groups(len(search))
        groups.join(links.left, links.right)
        linked = np.unique(np.concatenate([links.left, links.right]))
        first = groups.of(linked)
        sizes = np.bincount(first, minlength=1)
        flagged = (first != linked) & ~self._said_already()[linked]
        members, first = linked[flagged], first[flagged]
        similarity = search.similarities(first, members)
        nearest = _nearest(links, members[similarity < search.similarity])
        stands = _kept_in_place(linked, groups.of(linked), search)
        places = [(int(source), int(index)) for source, index in np.concatenate(self._places)[linked]]
        place = dict(zip(linked.tolist(), places, strict=True))
        found = []
        for at, begin, alike in zip(members.tolist(), first.tolist(), similarity.tolist(), strict=True):
            source, index = place[begin]
            evidence: Evidence = {
                "first": index,
                "source": source,
                "similarity": round(alike, 3),
                "threshold": search.similarity,
                "group": int(sizes[begin]),
            }
            if at in nearest:
                other, share = nearest[at]
                evidence |= {
                    "through": place[other][1],
                    "through_source": place[other][0],
                    "through_similarity": round(share, 3),
                }
            if (stays := stands[at]) != at:
                evidence |= {"kept": place[stays][1], "kept_source": place[stays][0]}
            found.append(DatasetFinding(evidence, [place[begin]], conversation=place[at]))
        return found

    def duplicates(self) -> tuple[float, Found]:
        """All that is duplicate in what was seen, and the Jaccard index from which on it is."""
        return self._similarity, self._collected.found()

    def _said_already(self) -> Flags:
        """Which conversations dup.exact or dup.dialogue flags."""
        dialogue = np.concatenate(self._dialogues)
        again = ~_new(dialogue) & (dialogue != 0)
        flagged: Flags = ~np.concatenate(self._fresh) | (again & _new(np.concatenate(self._prompts)))
        return flagged


def _new(keys: Words) -> Flags:
    """Which keys stand for the first time."""
    new = np.zeros(len(keys), dtype=bool)
    new[np.unique(keys, return_index=True)[1]] = True
    return new


def _nearest(links: Links, members: Places) -> dict[int, tuple[int, float]]:
    """For each of some texts the one that it is linked with and most like, and how much."""
    found: dict[int, tuple[int, float]] = {}
    asked = set(members.tolist())
    for left, right, alike in zip(*(column.tolist() for column in links), strict=True):
        for one, other in ((left, right), (right, left)):
            if one in asked and (one not in found or (alike, -other) > (found[one][1], -found[one][0])):
                found[one] = (other, alike)
    return found


def _kept_in_place(linked: Places, first: Places, search: NearDuplicates) -> dict[int, int]:
    """For each member of a group the one that is kept in its place, itself where it is kept."""
    order = np.argsort(first, kind="stable")
    members, first = linked[order], first[order]
    begins = np.flatnonzero(np.diff(first, prepend=-1))
    kept = kept_in_groups(members, begins, (members == first) | search.alike(first, members), search.alike)
    return dict(zip(members.tolist(), members[kept].tolist(), strict=True))


def _says(evidence: Evidence) -> str:
    if "through" in evidence:
        return (
            f"Nearly the same as conversation #{evidence['through']} ({evidence['through_similarity']:.0%} of what they say is shared),"
            f" and so of the group that begins with #{evidence['first']}"
        )
    return f"Nearly the same as conversation #{evidence['first']}: {evidence['similarity']:.0%} of what they say is shared"


def _records(*exchanges: tuple[str, str, str]) -> bytes:
    lines = []
    for system, question, answer in exchanges:
        turns = [{"role": "system", "content": system}] if system else []
        turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        lines.append(json.dumps({"messages": turns}, ensure_ascii=False))
    return "\n".join(lines).encode()


def _pairs(*sides: tuple[str, str, str]) -> bytes:
    names = ("prompt", "chosen", "rejected")
    return "\n".join(json.dumps(dict(zip(names, one, strict=True))) for one in sides).encode()


_ASKED = "Could you tell me how the old lighthouse keeper got across the bay in winter?"
_TOLD = (
    "He waited until the ice was thick enough, tied a rope around his waist and pulled a flat boat behind him, so that he could climb"
    " in whenever it broke. On the far side his sister kept a lamp burning and a pot of soup on the stove."
)
_OTHER = (
    "Nobody knows for certain. Some say the mail ship took him along twice a month, others that he stayed out there from November to"
    " March with nothing but salted fish, forty candles and a very patient dog."
)
_RULES = (
    "You are a keeper of stories. Answer briefly, never break character, and do not mention these rules. " * 6
)
_CHINESE = (
    "冬天海湾结冰的时候老守塔人把绳子系在腰上拖着一条小船慢慢走过去他的妹妹在对岸点着灯等他回来还煮好了热汤"
)

RULES: tuple[Rule, ...] = (
    Rule(
        code="dup.near",
        severity="warning",
        scope="conversation",
        title="Nearly the same conversation again",
        wave=_Near,
        thresholds={"similarity": SIMILARITY},
        says=_says,
        page=Page(
            "Finds conversations in which user and assistant say nearly what they say in an earlier one: of all runs of three words that"
            " occur in either, 70 % or more occur in both (Jaccard index of word 3-shingles, counted for every pair that is reported)."
            " Those that hang together are a group; each but the first in the file is flagged and names the first, and where it is like the"
            " first only by way of another, that one too. The system prompt does not count, nor does the rejected side of a pair; of"
            " preference pairs and KTO records, which share prompts by design, the replies must be alike as well; the same question with"
            " wholly different replies is dup.prompt, and other labels make another record. What dup.exact or"
            " dup.dialogue says already is not said again. `ds.duplicates()` shows the groups with what differs.",
            "A text that stands ten times with small changes is learned ten times as hard, mistakes included; and where one copy is in"
            " training and another in evaluation, the score measures memory.",
            "A scraped chat that was saved twice, once with an added thank-you at its end.",
            "Drops the later one where it is nearly the same as one that is kept: the first of its group, and of those that are unlike the first"
            " so many that each of the others is like one of them. Unsafe: what differs goes with it, and it may be the better of the two.",
        ),
        repair=Repair("unsafe", drop_record, "drop the record", fits=lambda evidence: "kept" in evidence),
        fires=(
            _records(("", _ASKED, _TOLD), ("", _ASKED, _TOLD + " Thank you!")),
            _records(
                ("Be kind.", _ASKED, _TOLD), (_RULES, _ASKED, _TOLD.replace("thick enough", "very thick"))
            ),
            _records(("", "你好", _CHINESE), ("", "你好", _CHINESE.replace("热汤", "热茶"))),
            _pairs((_ASKED, _TOLD, "No."), (_ASKED, _TOLD + " Yes.", "Never.")),
        ),
        silent=(
            _records(("", _ASKED, _TOLD), ("", _ASKED, _OTHER)),
            _records(
                (_RULES, "Hello there", "Good evening."), (_RULES, "Who are you?", "A keeper of stories.")
            ),
            _records(("", _ASKED, _TOLD), ("", _ASKED, _TOLD)),
            _records(("Be kind.", _ASKED, _TOLD), ("Be terse.", _ASKED, _TOLD)),
            _pairs((_RULES + _ASKED, _TOLD, "No."), (_RULES + _ASKED, _OTHER, "No.")),
            _records(("", "Hi", "Ho"), ("", "Hi", "Hello")),
            _records(("", _TOLD, "Positive."), ("", _TOLD, "Negative.")),
        ),
    ),
)
