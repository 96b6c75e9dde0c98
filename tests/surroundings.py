"""Small datasets of plain exchanges, for passages whose rule measures a reply against the others of its dataset.

The replies of ``prose`` are of no particular length, those of ``talk`` have some 12 words, those of ``tales`` some 80; ``erzählung`` and
``故事`` are tales in German and Chinese. In ``wide`` every length is as usual as any other, ``both`` is tales of which every fifth is one
word, ``few`` is a handful of tales. In ``quiz`` the replies under one system prompt are a word, those under another tales.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import cycle, islice
from typing import Any

Messages = tuple[dict[str, Any], ...]

_PROSE = (
    "The kettle is on, and the cat has taken your chair again.",
    "He shrugged. Nobody had asked him about the bridge in years.",
    "Your parcel left Lyon this morning and should be with you on Friday.",
    "*She leans on the rail and watches the harbour lights.* Stay a little.",
    "Take the square root of both sides, then look at the sign.",
    "That sounds like a long week. What helped you get through it?",
    "Rain came in from the west before the boats were back.",
    "My aunt keeps bees behind the chapel and sells the honey herself.",
    "Nobody in the village would say who had rung the bell that night.",
    "If the lamp flickers twice, we turn around and walk home.",
    "There is a baker on the corner who knows every name in this street.",
)
_DEUTSCH = (
    "Der Regen hatte die halbe Nacht auf das Dach der Mühle getrommelt.",
    "Am Morgen stand das Tor offen, und niemand wollte es gewesen sein.",
    "Sie legte den Brief auf den Tisch und sah lange aus dem Fenster.",
    "Im Hof wartete der alte Hund, als käme gleich jemand nach Hause.",
    "Der Wirt wusste davon, aber er sprach lieber über das Wetter.",
)
_CHINESE = (
    "雨从清晨一直下到傍晚，河边的小路已经看不见了。",
    "老人把信放在桌上，很久没有说话。",
    "村里没有人知道那天夜里是谁敲了钟。",
    "她推开窗，看见一只白鸟停在旧船的桅杆上。",
)
_ONE_WORD = ("Yes.", "No.", "Paris.", "Seven.", "Perhaps.")
TELLS, ASKS = "You are a storyteller.", "Answer in one word."


def surroundings(name: str) -> list[Messages]:
    """The conversations of one of these datasets."""
    return list(_MADE[name]())


def _replies(
    sentences: tuple[str, ...], fewest: int, several: int, count: int, system: str = ""
) -> list[Messages]:
    """Conversations whose replies have one number of sentences after the other, from the fewest on."""
    source = cycle(sentences)
    texts = [" ".join(islice(source, fewest + n % several)) for n in range(count)]
    return [_exchange(n, text, system) for n, text in enumerate(texts)]


def _exchange(n: int, reply: str, system: str = "") -> Messages:
    turns = ({"role": "user", "content": f"And on day {n}?"}, {"role": "assistant", "content": f"{reply}"})
    return ({"role": "system", "content": system}, *turns) if system else turns


def _words(count: int) -> str:
    return " ".join(islice(cycle(" ".join(_PROSE).split()), count))


@cache
def _wide() -> list[Messages]:
    return [_exchange(n, _words(round(1.5 ** (n % 13)))) for n in range(130)]


_MADE: dict[str, Callable[[], list[Messages]]] = {
    "prose": lambda: _replies(_PROSE, 1, 3, 60),
    "talk": lambda: _replies(_PROSE, 1, 1, 60),
    "tales": lambda: _replies(_PROSE, 5, 5, 120),
    "erzählung": lambda: _replies(_DEUTSCH, 5, 4, 60),
    "故事": lambda: _replies(_CHINESE, 3, 3, 60),
    "wide": _wide,
    "both": lambda: [
        _exchange(n, _ONE_WORD[n % 5]) if n % 5 == 0 else one
        for n, one in enumerate(_replies(_PROSE, 5, 5, 120))
    ],
    "few": lambda: _replies(_PROSE, 5, 5, 20),
    "quiz": lambda: [
        *_replies(_PROSE, 5, 5, 60, TELLS),
        *(_exchange(n, _ONE_WORD[n % 5], ASKS) for n in range(60)),
    ],
}
