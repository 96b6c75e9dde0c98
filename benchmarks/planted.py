"""Known flaws among real conversations: which are found, which are missed, and what is flagged besides.

    python benchmarks/planted.py            1,000 real conversations, 20 flaws of each kind
    python benchmarks/planted.py 5000 50    other numbers; a third one is the seed

The real conversations are drawn by the seed from the shared mixture; those with a finding of any kind are passed over, so the rest
is clean as far as anybody can tell. A flaw is planted into a conversation of its own: structure and text by a small change to a real
one, habits by the hand-written passages beside the rules (``rolethread_nb/checks/labelled``), which here stand among others. ``false``
are findings of the rule in conversations where nothing was planted.

Catchphrases are planted in a set of their own: the same conversations given to forty characters, of whom some (at most twenty) say a
phrase in two of five replies. ``false`` are phrases of characters that were not planted.
"""

from __future__ import annotations

import copy
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

import rolethread_nb as rt

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from labelled import DATA, codes, passages

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


def clean(count: int, draw: random.Random) -> list[Chat]:
    """Real conversations of two exchanges or more, without any finding, drawn at random."""
    packed = (DATA / "big" / "real_mixed.jsonl.zst").read_bytes()
    ds = rt.load(zstandard.ZstdDecompressor().decompress(packed, max_output_size=2**30), review=False)
    report = ds.check("roleplay")
    flawed = set(report.findings.table["index"].drop_nulls().to_list())
    sound = [n for n, one in enumerate(ds.index.conversations["index"].to_list()) if one not in flawed]
    draw.shuffle(sound)
    found: list[Chat] = []
    for row in sound:
        chat = [{"role": one.role, "content": one.text} for one in ds[row].messages]
        ends = [one["role"] for one in chat if one["role"] != "system"]
        if (
            len(ends) >= 4
            and ends[0] == "user"
            and ends[-1] == "assistant"
            and all(one["content"] for one in chat)
        ):
            found.append(chat)
        if len(found) == count:
            break
    return found


def main(count: int, each: int, seed: int) -> None:
    draw = random.Random(seed)
    chats = clean(count, draw)
    records: list[tuple[str, Chat]] = [("", chat) for chat in chats]
    for code, plant in STRUCTURE.items():
        records += [(code, plant(draw, copy.deepcopy(chat))) for chat in draw.sample(chats, each)]
    for code in codes():
        fires = [one for one in passages(code) if one.fires]
        records += [(code, list(one.messages)) for one in draw.sample(fires, min(each, len(fires)))]
    # What is planted is another conversation than the one it was made from, so each begins with words of its own.
    for n, (code, chat) in enumerate(records):
        if code in STRUCTURE and isinstance(chat[0]["content"], str):
            chat[0]["content"] = f"Number {n:,}. {chat[0]['content']}"
    copies = draw.sample(chats, each)
    records += [("dup.exact", copy.deepcopy(chat)) for chat in copies]
    records += [
        ("dup.near", [*copy.deepcopy(chat)[:-1], {**chat[-1], "content": f"{chat[-1]['content']} So it is."}])
        for chat in draw.sample(chats, each)
    ]
    kinds = list(dict.fromkeys(code for code, _ in records if code))
    data = "".join(json.dumps({"messages": chat}) + "\n" for _, chat in records)
    report = rt.load(data.encode()).check("roleplay", select=kinds)
    hits = {(issue.code, issue.conversation) for issue in report if issue.conversation is not None}
    sources = {id(chat) for chat in chats}
    print(
        f"{len(chats):,} clean conversations, {len(records) - len(chats):,} with a planted flaw, seed {seed}\n"
    )
    print(f"{'rule':28} {'planted':>8} {'found':>6} {'missed':>7} {'false':>6}")
    totals: Counter[str] = Counter()
    for code in kinds:
        planted = [n for n, (kind, _) in enumerate(records) if kind == code]
        found = sum((code, n) in hits for n in planted)
        false = sum((code, n) in hits for n, (_, chat) in enumerate(records) if id(chat) in sources)
        totals.update(planted=len(planted), found=found, false=false)
        print(f"{code:28} {len(planted):8} {found:6} {len(planted) - found:7} {false:6}")
    planted_phrases, found, false = catchphrases(chats, each, draw)
    totals.update(planted=planted_phrases, found=found, false=false)
    print(f"{'style.overused_phrase':28} {planted_phrases:8} {found:6} {planted_phrases - found:7} {false:6}")
    print(
        f"{'all':28} {totals['planted']:8} {totals['found']:6} {totals['planted'] - totals['found']:7} {totals['false']:6}"
    )


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("The shared data are not here.")
    numbers = [int(one) for one in sys.argv[1:4]]
    main(*(numbers + [1_000, 20, 7][len(numbers) :]))
