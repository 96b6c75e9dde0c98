"""Habits of replies, planted into real conversations: in words of their own, none of which is a labelled passage of a rule.

Most are an exchange or a short scene that is added at the end of a conversation; others change a reply that is there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

Chat = list[dict[str, Any]]
Plant = Callable[[random.Random, Chat], Chat]


def _said(*turns: str) -> Chat:
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]


def _replies(chat: Chat) -> Chat:
    return [turn for turn in chat if turn["role"] == "assistant"]


def _added(*scenes: Sequence[str]) -> Plant:
    """Adds one of some scenes at the end: the user begins."""
    return lambda draw, chat: [*chat, *_said(*draw.choice(scenes))]


def _alone(*scenes: Sequence[str]) -> Plant:
    """One of some scenes in place of the conversation, told apart from the next by its first words."""

    def plant(draw: random.Random, chat: Chat) -> Chat:
        first, *rest = draw.choice(scenes)
        return _said(f"{first} ({draw.randrange(10**6)})", *rest)

    return plant


def _at_the_end(*texts: str) -> Plant:
    """Something behind the last reply."""

    def plant(draw: random.Random, chat: Chat) -> Chat:
        turn = _replies(chat)[-1]
        turn["content"] = turn["content"].rstrip() + draw.choice(texts)
        return chat

    return plant


def _cut(draw: random.Random, chat: Chat) -> Chat:
    """The last reply, without its second half: a sentence of ten words stops before its last three."""
    told = "The ferry had been late all winter. Nobody on the pier was surprised when the lamp went out and the captain of the boat"
    chat[-1]["content"] = (
        f"{chat[-1]['content'].rstrip()}\n\n{told if draw.random() < 0.5 else told.replace('boat', 'old grey boat and')}"
    )
    return chat


def _round_and_round(draw: random.Random, chat: Chat) -> Chat:
    reply = draw.choice(
        (
            "The garden gate stands open and the hens have wandered out into the lane toward the orchard wall again.",
            "Der Schlüssel liegt unter dem dritten Stein neben der Regentonne, gleich hinter dem alten Schuppen im Hof.",
            "Попробуй выключить прибор, подождать десять минут, проверить оба провода и снова включить его от другой розетки.",
        )
    )
    turns = [turn for n in range(4) for turn in _said(f"And what comes then, number {n}?", f"{reply} ({n})")]
    return [*chat, *turns]


def _opening(draw: random.Random, chat: Chat) -> Chat:
    opening = draw.choice(
        ("Bless my whiskers, friend,", "Ach du lieber Himmel,", "Ну что ж, дорогой,", "哎呀我的老朋友啊，")
    )
    added = [
        turn for n in range(3) for turn in _said(f"Tell me about number {n}.", f"Number {n} is a long story.")
    ]
    chat = [*chat, *added]
    for turn in _replies(chat):
        turn["content"] = f"{opening} {turn['content']}"
    return chat


def _label(draw: random.Random, chat: Chat) -> Chat:
    """Who speaks stands in the record, and once more before what is said."""
    name = draw.choice(("Ilse", "Captain Rook", "Бабушка", "店主"))
    turn = _replies(chat)[-1]
    turn["name"], turn["content"] = name, f"{name}: {turn['content']}"
    return chat


# Replies of one story: with marked speech, and in plain prose.
_I = (
    (
        '"Who is there?" I asked. I took my coat and I went down to the pier.',
        "I walked down to the pier and I waited for my brother. I had brought his coat.",
    ),
    (
        'I saw the lamp go out. "Not again," I said, and I ran back up the hill.',
        "I saw the lamp go out. I ran back up the hill, and I called for my mother.",
    ),
    (
        'I found the door open. "Hello?" I whispered. I took my knife.',
        "I found the door open. I took my knife and I went in, and I heard the clock.",
    ),
)
_HE = (
    (
        '"Who is there?" he asked. He took his coat and he went down to the pier.',
        "He opened his shop at dawn and he swept his floor. He had slept badly.",
    ),
    (
        'He saw the lamp go out. "Not again," he said, and he ran back up his hill.',
        "He saw the stranger in his doorway. He put his broom aside and he nodded.",
    ),
    (
        'He found his door open. "Hello?" he whispered. He took his knife.',
        "He listened to the rain and he poured his tea. He said nothing at all.",
    ),
)
_PAST = (
    (
        '"Wait," she said. She walked to the well, she drew the water and she listened.',
        "She walked to the well and drew the water. She was tired, and she sat down.",
    ),
    (
        'She carried the bucket home. "Stay," she told the dog, and she closed the gate.',
        "She carried the bucket home. She called the dog and opened the gate.",
    ),
    (
        'She opened the door. "Father?" she called. She waited and heard nothing.',
        "She opened the door and she saw nobody. She took the lamp and went upstairs.",
    ),
)
_PRESENT = (
    (
        '"Wait," she says. She walks to the well, she draws the water and she listens.',
        "She lights the fire and she sits down. She hears the wind and she waits.",
    ),
    (
        'She carries the bucket home. "Stay," she tells the dog, and she closes the gate.',
        "She folds the map and she goes on deck. She calls the crew and points.",
    ),
    (
        'She opens the door. "Father?" she calls. She waits and hears nothing.',
        "She takes the rope and she pulls. She looks up and she sees the sail.",
    ),
)


def _scenes(told: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Four replies of which the third is told in another way."""
    asked = ("Begin.", "Go on.", "And then?", "And in the end?")
    stories = [(told[0][n], told[1][n], other[2][n], told[2][n]) for n in (0, 1)]
    return [tuple(text for pair in zip(asked, story, strict=True) for text in pair) for story in stories]


HABITS: dict[str, Plant] = {
    "leak.template": _at_the_end(
        "\n\n### Human: And the key?\n### Assistant: In the drawer.",
        "\n### Instruction:\nGo on with the tale.\n\n### Response:\nThe rain had stopped.",
        "\nUSER: And the key?\nASSISTANT: In the drawer.",
        "\n[INST] And the key? [/INST] In the drawer.",
    ),
    "reply.echo": _added(
        (
            "My brother moved to the coast last summer and keeps seven goats behind his little house.",
            "Your brother moved to the coast last summer and keeps seven goats behind his little house.",
        ),
        (
            "Our neighbour sold her bakery in March because her knees could not carry flour sacks any longer.",
            "So your neighbour sold her bakery in March because her knees could not carry flour sacks any longer.",
        ),
        (
            "Meine Schwester spielt jeden Donnerstag im Keller der Kirche Trompete mit alten Freunden.",
            "Deine Schwester spielt jeden Donnerstag im Keller der Kirche Trompete mit alten Freunden.",
        ),
    ),
    "reply.filler": _added(
        (
            "I finally told my landlord that the roof leaks, and he shouted at me in front of everyone.",
            "Wow, that's interesting!",
        ),
        (
            "We walked along the canal for two hours before we found the bakery you told me about.",
            "Sounds great!",
        ),
        ("The vet says the cat will need the drops for the rest of her life, twice a day.", "Oh, I see."),
        (
            "My daughter has her first concert on Sunday and has been practising all week.",
            "That's wonderful!",
        ),
    ),
    "reply.meta": _added(
        (
            "And do you like the sea?",
            "As a language model, I have no feelings about the sea, but many people do.",
        ),
        ("Have you slept well?", "I'm an AI developed to assist, so I do not sleep."),
        ("When were you here last?", "My training data only goes up to 2021, so I cannot tell."),
        ("What do you dream of?", "Being an artificial intelligence, I don't have dreams of my own."),
    ),
    "reply.placeholder": _added(
        ("And what happened to the keeper then?", "TODO: write the rest of the scene."),
        ("Who lives behind the chapel?", "Lorem ipsum dolor sit amet, and so on until the end of the page."),
        ("What did the captain answer?", "tbd"),
        ("And the second key?", "asdf"),
    ),
    "reply.refusal": _added(
        ("Tell me how the keeper lost his hand.", "I'm sorry, but I cannot assist with that request."),
        (
            "Then write the scene at the well.",
            "I can't help with that. Is there something else you would like?",
        ),
        ("Go on with the duel.", "Sorry, I am unable to continue this story, as it may contain violence."),
    ),
    "reply.truncated": _cut,
    "roleplay.contradiction": _alone(
        (
            "How old are you, keeper?",
            "I am thirty-one years old.",
            "And how long here?",
            "Nine winters.",
            "Say it again, your age?",
            "I am fifty-four years old.",
        ),
        (
            "Who are you?",
            "My name is Ilse.",
            "And you keep bees?",
            "I do.",
            "What is your name again?",
            "My name is Johanna.",
        ),
        (
            "Is your sister here?",
            "I have two sisters.",
            "Both older?",
            "Both.",
            "How many did you say?",
            "I have four sisters.",
        ),
    ),
    "roleplay.name_prefix": _label,
    "roleplay.speaks_for_user": _at_the_end(
        "\nUser: Then give me the key.",
        "\n\nUser: I think I will wait until the rain stops.\nIt is a long wait.",
    ),
    "roleplay.user_agency": _alone(
        (
            "*I knock at the keeper's door.*",
            "*The door opens.* You step inside. You tell her that you have always loved her, and you begin to cry.",
        ),
        (
            "I look at the old map.",
            '"Well?" she asks. You drop the map and run to the window. You decide to leave her there.',
        ),
        (
            "I say nothing.",
            '*Ilse smiles.* "Well?" You nod slowly. You take her hand and follow her into the orchard.',
        ),
        (
            "And the boat?",
            "The boat is gone. You scream, you throw the lantern into the water, and you run home to tell your father.",
        ),
    ),
    "style.format_drift": _alone(
        tuple(
            text
            for n in range(6)
            for text in (
                f"And day {n}?",
                f"“It rained on day {n},” she said. “And nobody came.”"
                if n != 4
                else '"It rained all day," she said. "And nobody came."',
            )
        ),
        tuple(
            text
            for n in range(6)
            for text in (
                f"And night {n}?",
                f"*She turns page {n}.* Nobody rang." if n != 3 else "(She turns another page.) Nobody rang.",
            )
        ),
    ),
    "style.language_mix": _added(
        (
            "Could you tell me when the bakery on the corner opens on Sunday morning?",
            "Булочная на углу открывается в воскресенье в восемь часов утра, но хлеб кончается быстро.",
        ),
        (
            "Kannst du mir bitte sagen, wann am Sonntag der erste Zug nach Lübeck fährt?",
            "The first train to Lübeck leaves at ten past six on Sundays, from the second platform.",
        ),
        (
            "请问星期天早上面包店几点开门，有没有黑面包？",
            "The bakery opens at eight on Sundays, and there is dark bread until it is sold out.",
        ),
    ),
    "style.loop": _round_and_round,
    "style.repeated_opening": _opening,
    "style.pov_drift": _alone(*_scenes(_I, _HE), *_scenes(_HE, _I)),
    "style.tense_drift": _alone(*_scenes(_PAST, _PRESENT), *_scenes(_PRESENT, _PAST)),
}
