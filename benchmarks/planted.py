"""Known flaws among real conversations: which are found, which are missed, and what is flagged besides.

    python benchmarks/planted.py            1,000 real conversations, 20 flaws of each kind
    python benchmarks/planted.py 400 10     other numbers; a third one is the seed

The real conversations are drawn by the seed from main files of the shared data, whose flaws its page lists; records named there are left
out. No rule is asked which ones are clean: what the rules find in them before anything is planted is counted (``before``), and told apart
from what comes in afterwards. A flaw is planted into a conversation of its own: structure and text by a small change, habits by a scene or a
line of their own (``planted_habits.py``), which are none of the labelled passages beside the rules. ``besides`` are findings of a rule where
another flaw was planted, or none, and that were not there before.

Catchphrases are planted in a set of their own: the same conversations given to forty characters, of whom some (at most twenty) say a
phrase in two of five replies. ``besides`` are phrases of characters that were not planted. What a dataset has as a whole has sets of its
own, too (``planted_sets.py``).
"""

from __future__ import annotations

import copy
import json
import random
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from planted_habits import HABITS
from planted_sets import AGENTS, DATA, KINDS, SETS, outcome, real

import rolethread_nb as rt

Chat = list[dict[str, Any]]
Plant = Callable[[random.Random, Chat], Chat]


def _in_a_reply(change: Callable[[str], str]) -> Plant:
    def plant(draw: random.Random, chat: Chat) -> Chat:
        turn = draw.choice([one for one in chat if one["role"] == "assistant"])
        turn["content"] = change(turn["content"])
        return chat

    return plant


def _within(text: str) -> Callable[[str], str]:
    def put(reply: str) -> str:
        words = reply.split(" ")
        return " ".join([*words[: len(words) // 2], text, *words[len(words) // 2 :]])

    return put


def _twice(draw: random.Random, chat: Chat) -> Chat:
    at = draw.choice([n for n, one in enumerate(chat) if one["role"] == "user"])
    return [*chat[: at + 1], {"role": "user", "content": "And one more thing, please."}, *chat[at + 1 :]]


def _other_word(chat: Chat, word: str) -> Chat:
    for one in chat:
        if one["role"] == "assistant":
            one["role"] = word
    return chat


STRUCTURE: dict[str, Plant] = {
    "turn.empty": _in_a_reply(lambda _: ""),
    "turn.null": _in_a_reply(lambda _: None),  # type: ignore[arg-type, return-value]
    "text.whitespace": _in_a_reply(lambda reply: reply + " "),
    "text.mojibake": _in_a_reply(_within("FranÃ§oise said itâ€™s fine")),
    "text.control": _in_a_reply(_within("a\x0crac{1}{2}")),
    "text.invisible": _in_a_reply(_within("some\u200bwhere")),
    "text.entity": _in_a_reply(_within("salt &amp; pepper")),
    "leak.control_token": _in_a_reply(lambda reply: reply + "<|im_end|>"),
    "leak.macro": _in_a_reply(_within("{{user}}")),
    "leak.thinking": _in_a_reply(lambda reply: f"<think>Let me see.</think>{reply}"),
    "privacy.pii": _in_a_reply(_within("write to mara.lind@harbour-mail.com")),
    "role.alias": lambda _, chat: _other_word(chat, "Bot"),
    "order.repeat": _twice,
    "order.first_assistant": lambda _, chat: (
        [one for one in chat if one["role"] == "system"]
        + [one for one in chat if one["role"] != "system"][1:]
    ),
    "order.last_not_assistant": lambda _, chat: [*chat, {"role": "user", "content": "Are you still there?"}],
    "order.system_late": lambda _, chat: [*chat, {"role": "system", "content": "Be brief."}],
    "order.no_assistant": lambda _, chat: [one for one in chat if one["role"] != "assistant"],
}


CATCHPHRASES = (
    "by the salt of the sea",
    "as my grandmother’s raven says",
    "well butter my wooden leg",
    "the stars do not lie tonight",
    "I count every silver coin twice",
    "what would the lighthouse keeper do",
    "my left knee smells rain coming",
    "no oath outlives the winter snow",
    "bei meinem roten Bart und Hammer",
    "der Mond hat schon alles gehört",
    "so wahr der Kessel heute pfeift",
    "клянусь бородой старого деда",
    "кот за печкой давно смеётся",
    "per mille gatti del vecchio porto",
    "la luna paga sempre i debiti",
    "sur la moustache du vieux capitaine",
    "le renard compte toujours ses poules",
    "por las barbas del viejo molinero",
    "el viento nunca olvida una deuda",
    "bij de klompen van mijn grootvader",
)
_CHARACTERS = 40


def catchphrases(chats: list[Chat], each: int, draw: random.Random) -> tuple[int, int, int]:
    """How many were planted, found and false."""
    phrases = CATCHPHRASES[:each]
    records = []
    for n, chat in enumerate(copy.deepcopy(chats)):
        who = n % _CHARACTERS
        for turn in chat:
            if turn["role"] != "assistant":
                continue
            turn["name"] = f"Number {who}"
            if who < len(phrases) and draw.random() < 0.4:
                turn["content"] = _within(f"{phrases[who]},")(turn["content"])
        records.append({"messages": chat})
    data = "".join(json.dumps(record) + "\n" for record in records)
    found = set()
    false = 0
    for issue in rt.load(data.encode()).check("roleplay", select=["style.overused_phrase"]):
        of = issue.evidence.get("characters", [issue.evidence] if "character" in issue.evidence else [])
        for who in (int(one["character"].split()[1]) for one in of):
            if who < len(phrases) and issue.evidence["phrase"].lower() in phrases[who].lower():
                found.add(who)
            else:
                false += 1
    return len(phrases), len(found), false


class Record(NamedTuple):
    """A conversation, the flaw that was planted into it (empty: none), and the clean one that it was made from."""

    code: str
    source: int
    chat: Chat


FILES = (
    AGENTS,
    "rtl_persona_agents_ar_fa.jsonl.gz",
    "roleplay_drama_scenes_chatml.jsonl.gz",
    "messages_kto_en.json",
)


def clean(count: int, draw: random.Random) -> list[Chat]:
    """Real conversations of two exchanges or more that begin with the user and end with the assistant, drawn at random; names stay."""
    chats = [json.loads(chat) for file in FILES for chat in real(file)]
    sound = []
    for chat in chats:
        roles = [turn["role"] for turn in chat if turn["role"] != "system"]
        if len(roles) >= 4 and roles[0] == "user" and roles[-1] == "assistant":
            sound.append(chat)
    return draw.sample(sound, min(count, len(sound)))


def flawed(chats: list[Chat], each: int, draw: random.Random) -> list[Record]:
    """So many of each kind, each with a number of its own in its first turn, so that it is another conversation than its source."""
    records = []
    for code, plant in {**STRUCTURE, **HABITS}.items():
        for source in draw.sample(range(len(chats)), min(each, len(chats))):
            chat = copy.deepcopy(chats[source])
            chat[0]["content"] = f"Number {len(records):,}. {chat[0]['content']}"
            records.append(Record(code, source, plant(draw, chat)))
    for code in ("dup.exact", "dup.near"):
        for source in draw.sample(range(len(chats)), min(each, len(chats))):
            chat = copy.deepcopy(chats[source])
            chat[-1]["content"] += " So it is." if code == "dup.near" else ""
            records.append(Record(code, source, chat))
    return records


def found_in(records: list[Record], kinds: list[str]) -> set[tuple[str, int]]:
    """Each code with each conversation that it is found in."""
    data = "".join(json.dumps({"messages": one.chat}) + "\n" for one in records)
    report = rt.load(data.encode()).check("roleplay", select=kinds)
    return {(issue.code, issue.conversation) for issue in report if issue.conversation is not None}


HEAD = ["rule", "planted", "found", "missed", "before", "besides"]


def table(count: int, each: int, seed: int) -> list[list[str]]:
    """A row for each flaw of a conversation, and one for the phrases of single characters."""
    draw = random.Random(seed)
    chats = clean(count, draw)
    sound = [Record("", n, chat) for n, chat in enumerate(chats)]
    records = [*sound, *flawed(chats, each, draw)]
    kinds = list(dict.fromkeys(one.code for one in records if one.code))
    before, after = found_in(sound, kinds), found_in(records, kinds)
    rows = []
    for code in kinds:
        planted = sum(one.code == code for one in records)
        hit = [n for kind, n in after if kind == code]
        own = sum(records[n].code == code for n in hit)
        # Whatever is planted, it is planted into a copy, which is what rules about copies look for.
        others = [
            n for n in hit if records[n].code != code and not (code.startswith("dup.") and records[n].code)
        ]
        besides = sum((code, records[n].source) not in before for n in others)
        stood = sum(kind == code for kind, _ in before)
        rows.append([code, planted, own, planted - own, stood, besides])
    planted, own, false = catchphrases(chats, each, draw)
    rows.append(["one character’s phrase", planted, own, planted - own, 0, false])
    return [HEAD, *([str(cell) for cell in row] for row in rows)]


def sets(seed: int) -> list[list[str]]:
    """A row for each flaw of a whole dataset."""
    found = [(kind.code, outcome(kind, SETS, seed)) for kind in KINDS]
    rows = [
        (code, one.planted, one.found, one.planted - one.found, one.before, one.false) for code, one in found
    ]
    return [[str(cell) for cell in row] for row in rows]


def main(count: int, each: int, seed: int) -> None:
    print(f"Up to {count:,} real conversations, {each} flaws of each kind, seed {seed}\n")
    rows = [*table(count, each, seed), *sets(seed)]
    totals = [sum(int(row[at]) for row in rows[1:]) for at in range(1, len(HEAD))]
    for code, *cells in [*rows, ["all", *map(str, totals)]]:
        print(f"{code:26}", *(f"{cell:>8}" for cell in cells))


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("The shared data are not here.")
    numbers = [int(one) for one in sys.argv[1:4]]
    main(*(numbers + [1_000, 20, 7][len(numbers) :]))
