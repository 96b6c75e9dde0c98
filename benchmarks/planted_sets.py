"""Flaws that a dataset has as a whole, or that show only against its other replies, planted into real datasets.

A kind of flaw is planted into several sets of real conversations, drawn by a seed. What a rule finds before is counted and subtracted, so
that nothing is called clean because the rule is silent about it.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import rolethread_nb as rt

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
Chat = list[dict[str, Any]]

# Records whose flaws the page of the shared data lists.
KNOWN_FLAWS = {
    "persona_agents_en.jsonl.gz": {70, 98, 203, 247, 339, 342},
    "alpaca_roleplay_gpteacher.json": set(),
    "rtl_persona_agents_ar_fa.jsonl.gz": set(),
    "roleplay_drama_scenes_chatml.jsonl.gz": set(),
    "messages_kto_en.json": {12, 69, 136, 139, 148, 192, 245, 259, 264, 266, 274},
}
AGENTS, TALES = "persona_agents_en.jsonl.gz", "alpaca_roleplay_gpteacher.json"


class Planted(NamedTuple):
    """What was planted: the conversations; or a group of them, or words, that a finding about the whole set names. Empty: whatever it names."""

    where: frozenset[int] = frozenset()
    group: frozenset[int] = frozenset()
    says: str = ""


class Found(NamedTuple):
    """A finding: its conversation, None where it is about the set; the texts in its evidence; the conversations that it names."""

    conversation: int | None
    says: str
    group: frozenset[int]


@dataclass(frozen=True)
class Kind:
    """A flaw, the rule that should find it, the file whose conversations it is planted into, and how many of these a set holds."""

    code: str
    what: str
    file: str
    size: int
    plant: Callable[[random.Random, list[Chat]], Planted]


@dataclass
class Outcome:
    """What came of some sets: planted flaws found and missed; findings that stood there before, and others that came in."""

    planted: int = 0
    found: int = 0
    before: int = 0
    false: int = 0
    replies: int = 0


@cache
def real(name: str) -> tuple[str, ...]:
    """The conversations of a real file without those whose flaws are known, with roles and names, each as JSON."""
    chats = []
    for chat in rt.load(DATA / name, review=False):
        if chat.index in KNOWN_FLAWS[name] or not all(one.role and one.text for one in chat.messages):
            continue
        named = ({"name": one.name} if one.name else {} for one in chat.messages)
        chats.append(
            [
                {"role": one.role, **name, "content": one.text}
                for one, name in zip(chat.messages, named, strict=True)
            ]
        )
    return tuple(json.dumps(chat) for chat in chats if len(chat) >= 2)


def replies_of(chats: Iterable[Chat]) -> list[dict[str, Any]]:
    return [turn for chat in chats for turn in chat if turn["role"] == "assistant"]


# ---------------------------------------------------------------------- what is planted

OPENINGS = (
    "Well now, dear traveller,",
    "Oh my stars, really?",
    "Nun denn, mein Bester,",
    "По правде говоря, друг,",
    "说实话吧，亲爱的朋友，",
)
PHRASES = (
    "a shiver of silver ran along the rail",
    "the candle leaned as if it listened",
    "ein kalter Hauch strich über die Dielen",
    "тень медленно сползла по старой стене",
    "como quien guarda un secreto viejo",
)
AGREEING = ("Absolutely!", "Yes, of course.", "Sure thing!", "Great idea!", "You are right.")
MARKUP = (
    "Wait here.<br><br>The ferry leaves at six.",
    "[i]Nobody[/i] has seen the keeper since.",
    "I told you **once** already, and I meant it.",
    "<p>The orchard was sold in the spring.</p>",
    "## The Orchard\n\nIt was sold in the spring.",
    "```\nThe orchard was sold in the spring.\n```",
    'Ask at the <a href="/harbour">harbour</a>, they know.',
    '{"speaker": "Ilse", "says": "Not before noon."}',
)
SHORT = ("Fine.", "No idea.", "Hm.", "Later.", "So be it.")
SETS, SEED = 3, 7  # of each kind
_EACH = 3  # flaws of a kind that stands in single conversations: fewer than 1 % of a set


def _opening(draw: random.Random, chats: list[Chat]) -> Planted:
    opening = draw.choice(OPENINGS)
    for turn in replies_of(chats):
        if draw.random() < 0.1:
            turn["content"] = f"{opening} {turn['content']}"
    return Planted(says=opening)


def _phrase(draw: random.Random, chats: list[Chat]) -> Planted:
    phrase = draw.choice(PHRASES)
    for turn in replies_of(chats):
        if draw.random() < 0.05:
            turn["content"] = f"{turn['content']} And then {phrase}, once more."
    return Planted(says=phrase)


def _greetings(draw: random.Random, chats: list[Chat]) -> Planted:
    for n in draw.sample(range(len(chats)), len(chats) // 3):
        hello = f"Hello, it is me, number {n}!"
        chats[n] = [
            {"role": "user", "content": hello},
            {"role": "assistant", "content": "Hi there! What can I do for you?"},
        ]
    return Planted()


def _agreement(draw: random.Random, chats: list[Chat]) -> Planted:
    for turn in replies_of(chats):
        if draw.random() < 0.5:
            turn["content"] = f"{draw.choice(AGREEING)} {turn['content']}"
    return Planted()


def _one_prompt(draw: random.Random, chats: list[Chat]) -> Planted:
    for chat in chats:
        if chat[0]["role"] == "system" and draw.random() < 0.7:
            chat[0]["content"] = "You are Ilse, who keeps the orchard and says little."
    return Planted(says="Ilse")


def _variants(draw: random.Random, chats: list[Chat]) -> Planted:
    prompt = (
        "You are Ilse, who keeps the orchard behind the chapel. You say little, you never lie, and you do not care for strangers. Answer in two"
        " sentences at most, in the tone of someone who has work to do before the rain comes, and do not mention these lines."
    )
    where = draw.sample(range(len(chats)), 6)
    for n, at in enumerate(where):
        words = prompt.split()
        words[5 + n] = f"{words[5 + n]}s"
        turns = [turn for turn in chats[at] if turn["role"] != "system"]
        chats[at] = [{"role": "system", "content": " ".join(words)}, *turns]
    return Planted(group=frozenset(where))


def _one_question(draw: random.Random, chats: list[Chat]) -> Planted:
    question = "Ilse, who was it that bought the orchard in the spring?"
    where = draw.sample(range(len(chats)), 4)
    for at in where:
        answer = replies_of([chats[at]])[-1]
        chats[at] = [{"role": "user", "content": question}, answer]
    return Planted(group=frozenset(where))


def _same_dialogue(draw: random.Random, chats: list[Chat]) -> Planted:
    first = len(chats)
    for chat in draw.sample(chats, _EACH):
        own = [turn for turn in chat if turn["role"] != "system"]
        chats.append(
            [{"role": "system", "content": f"You are Ilse, number {len(chats)}."}, *copy.deepcopy(own)]
        )
    return Planted(frozenset(range(first, len(chats))))


def _into_replies(
    texts: Callable[[random.Random, str], str],
) -> Callable[[random.Random, list[Chat]], Planted]:
    """Plants into one reply each of some conversations."""

    def plant(draw: random.Random, chats: list[Chat]) -> Planted:
        where = draw.sample(range(len(chats)), _EACH)
        for n in where:
            turn = replies_of([chats[n]])[-1]
            turn["content"] = texts(draw, turn["content"])
        return Planted(frozenset(where))

    return plant


def _other_voice(draw: random.Random, chats: list[Chat]) -> Planted:
    """One character has all conversations; in some of them it speaks like a telegram."""
    told = [turn["content"] for turn in replies_of(chats)]
    for chat in chats:
        chat[:] = [{"role": "system", "content": "You are Ilse, who tells tales."}]
        for n in range(3):
            chat += [
                {"role": "user", "content": f"Tell me tale {n}."},
                {"role": "assistant", "content": draw.choice(told)},
            ]
    where = draw.sample(range(len(chats)), 3)
    for n in where:
        for turn in replies_of([chats[n]]):
            words = [word for word in turn["content"].lower().split() if len(word) > 3][:60]
            turn["content"] = (
                "!! ".join(" ".join(words[at : at + 3]) for at in range(0, len(words), 3)) + "!!"
            )
    return Planted(frozenset(where))


KINDS = (
    Kind("style.repeated_opening", "a tenth of all replies open alike", AGENTS, 400, _opening),
    Kind("style.overused_phrase", "a phrase in a twentieth of all replies", AGENTS, 400, _phrase),
    Kind("balance.opening_heavy", "a third of the set is a greeting", AGENTS, 400, _greetings),
    Kind("balance.agreement", "half of the replies agree first", AGENTS, 400, _agreement),
    Kind("balance.dominant", "one system prompt for seven of ten", AGENTS, 400, _one_prompt),
    Kind("prompt.variants", "six system prompts but for a word", AGENTS, 400, _variants),
    Kind("dup.prompt", "one question with four answers", AGENTS, 400, _one_question),
    Kind("dup.dialogue", "the same turns under another prompt", AGENTS, 400, _same_dialogue),
    Kind("leak.markup", "markup in a reply", TALES, 400, _into_replies(lambda draw, _: draw.choice(MARKUP))),
    Kind(
        "reply.short",
        "a word or two for a reply",
        TALES,
        400,
        _into_replies(lambda draw, _: draw.choice(SHORT)),
    ),
    Kind(
        "reply.long",
        "a reply forty times over",
        TALES,
        400,
        _into_replies(lambda _, text: " ".join([text] * 40)),
    ),
    Kind("roleplay.character_drift", "another voice in a conversation", TALES, 120, _other_voice),
)


def outcome(kind: Kind, sets: int, seed: int) -> Outcome:
    """A kind of flaw, planted into so many sets."""
    total = Outcome()
    for number in range(sets):
        draw = random.Random(f"{kind.code} {seed} {number}")
        chats = [json.loads(one) for one in draw.sample(real(kind.file), kind.size)]
        before = _found(kind.code, chats)
        planted = kind.plant(draw, chats)
        after = _found(kind.code, chats)
        total.replies += len(replies_of(chats))
        own = [one for one in after if _is_planted(one, planted)]
        total.planted += len(planted.where) or 1
        total.found += len({one.conversation for one in own})
        total.before += len(before)
        known = {(one.conversation, one.says) for one in before}
        total.false += len(
            [one for one in after if one not in own and (one.conversation, one.says) not in known]
        )
    return total


def _found(code: str, chats: list[Chat]) -> list[Found]:
    data = "".join(json.dumps({"messages": chat}) + "\n" for chat in chats)
    report = rt.load(data.encode()).check("roleplay", select=[code])
    return [
        Found(
            issue.conversation,
            " ".join(_texts(issue.evidence)) if issue.conversation is None else "",
            frozenset(place["conversation"] for place in issue.related),
        )
        for issue in report
        if issue.code == code
    ]


def _is_planted(found: Found, planted: Planted) -> bool:
    if planted.where or found.conversation is not None:
        return found.conversation in planted.where
    return planted.group <= found.group and _names(found.says, planted.says)


def _texts(evidence: Any) -> Iterable[str]:
    """The texts in evidence, and the names of its numbers."""
    if isinstance(evidence, dict):
        for key, value in evidence.items():
            yield key
            yield from _texts(value)
    elif isinstance(evidence, list | tuple):
        for value in evidence:
            yield from _texts(value)
    elif isinstance(evidence, str):
        yield evidence


def _names(said: str, planted: str) -> bool:
    """Whether a finding names a good part of what was planted: so many letters in a row, whatever stands between them."""
    letters, other = ("".join(filter(str.isalnum, text.lower())) for text in (planted, said))
    size = min(len(letters), 14 if planted.isascii() else 8)
    return any(letters[at : at + size] in other for at in range(len(letters) - size + 1))
