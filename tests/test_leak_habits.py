"""Markup among plain replies: found where it was planted, and not in what only looks like it or was asked for.

``leak.markup`` speaks against the convention of a dataset, so its passages are planted in one, not checked alone as ``labelled.py`` does.
"""

from __future__ import annotations

from typing import Any

import pytest
from labelled import DATA

import rolethread_nb as rt

_PLAIN = (
    "The kettle is on, and the cat has taken your chair again.",
    "He shrugged. Nobody had asked him about the bridge in years.",
    "Your parcel left Lyon this morning and should be with you on Friday.",
    "*She leans on the rail and watches the harbour lights.* Stay a little.",
    "Take the square root of both sides, then look at the sign.",
    "That sounds like a long week. What helped you get through it?",
)
_CONVERSATIONS = 1400  # so many that the planted ones are an exception

# What each turn holds, and the markup that is meant.
MARKUP = (
    ("fantasy", "The gate opens.<br>Behind it lies the second gate.", "<br>"),
    ("fantasy", "## Chapter Two\n\nThe smith would not look at the sword.", "## Chapter Two"),
    ("fantasy", "The witch weighs the coin and says **not enough**.", "**not enough**"),
    ("fantasy", "<p>Three riders came over the hill at dusk.</p>", "<p>"),
    ("modern romance", "I meant it. <b>Every</b> word.", "<b>Every</b>"),
    ("modern romance", '{"character": "Noah", "line": "Stay."}', '{"character":'),
    (
        "modern romance",
        "**Noah:** You could have called.\nI know I could have.",
        "**Noah:**",
    ),
    ("modern romance", "You smell of rain.<br/><br/>Come in.", "<br/>"),
    ("horror", "# The Cellar\n\nSomeone had swept the stairs.", "# The Cellar"),
    ("horror", 'It said my name. <span style="color:red">Twice.</span>', '<span style="color:red">'),
    ("horror", "```\nThe tape ends here.\n```", "```"),
    ("horror", "<div>Do not open the third door.</div>", "<div>"),
    (
        "support",
        'You can see it <a href="https://example.com/track">here</a>.',
        '<a href="https://example.com/track">',
    ),
    ("support", "Your plan ends on the 3rd.</p>", "</p>"),
    ("support", '{"status": "ok", "reply": "Your card is on its way."}', '{"status":'),
    ("support", "Please write down: **order 4411**. Someone will ring you.", "**order 4411**"),
    ("support", "First unplug it.<BR>Then wait a minute.", "<BR>"),
    ("tutoring", "The area is <strong>twelve</strong>, since four times three is twelve.", "<strong>"),
    ("tutoring", "### Answer\nThe verb stands at the end of the clause.", "### Answer"),
    ("tutoring", "Water is H<sub>2</sub>O.", "<sub>2</sub>"),
    ("tutoring", "```text\nseven times eight is fifty-six\n```", "```"),
    ("therapy talk", "It is **not your fault** that she left.", "**not your fault**"),
    ("therapy talk", "<li>Breathe in.</li> Hold it as long as it is kind.", "<li>"),
    ("cooking", "Let it rest.&nbsp;<hr>Then slice it thinly.", "<hr>"),
    ("cooking", '[{"step": 1, "do": "peel the pears"}]', '{"step":'),
    ("travel", '<img src="ferry.jpg"> The night ferry is the cheaper one.', '<img src="ferry.jpg">'),
    ("travel", "The bus leaves at nine. <i>Be early.</i>", "<i>Be early.</i>"),
    ("German", "Das ist **sehr** freundlich von Ihnen.", "**sehr**"),
    ("Chinese", "这一点**非常重要**，请不要忘记。", "**非常重要**"),
    ("Russian", "<center>Глава первая</center>\nСнег шёл три дня.", "<center>Глава первая</center>"),
    ("Arabic", "### الجواب\nنعم، المتحف مفتوح يوم الجمعة.", "### الجواب"),
    ("small talk", "I like both! <em>Mostly</em> tea, though.", "<em>"),
    (
        "history",
        '<table border="1"><tr><td>1648</td></tr></table> That was the year of the peace.',
        '<table border="1">',
    ),
)

NO_MARKUP = (
    ("fantasy", '*The dragon folds its wings.* "You\'re late," it says, <i think>, or something near it.'),
    ("fantasy", "He drew three signs in the ash: <, >, and a third that hurt to look at."),
    ("fantasy", "* * *\n\nIn the morning the camp was empty."),
    ("modern romance", "I love you <3 and I missed you, like, a lot </3"),
    ("modern romance", "**sigh* fine, you win."),
    ("modern romance", "You're my # 1, always were.\n#nofilter #us"),
    ("modern romance", "<rant> He left the milk out again! </rant> There, I feel better."),
    ("horror", "The letter was signed with five stars: ***** and nothing else."),
    ("horror", "It wrote {run} on the glass, backwards."),
    ("horror", "____\n\nNobody came back for the lamp."),
    ("support", "Please type <code> from the text message, then press Enter."),
    ("support", "Dear <name>, thank you for your patience. Your ticket is #4411."),
    ("support", "Write to Ana <ana@example.com> or to the <main> office."),
    ("support", "Press <A> to jump and <B> to run; <select> opens the map."),
    ("support", "Your balance is < 5 and your limit is > 100, so <b or c> is the right plan."),
    ("mathematics", "2**10 is 1024 and 2**20 is a little more than a million."),
    ("mathematics", "If x <a and b> y, then the interval is empty."),
    ("mathematics", "The set {1, 2, 3} has eight subsets, {} among them."),
    ("mathematics", "So a**2 + b**2 equals c**2."),
    ("coding talk", "Call it as f(*args, **kwargs) and pass g(**options) later."),
    ("coding talk", "The old file is kept as notes.txt~ and `ls` shows it."),
    ("tutoring", "The # of apples times the price is what you pay."),
    ("tutoring", "1. Read.\n2. Cover the page.\n3. Say it aloud."),
    ("tutoring", "- Subject\n- Verb\n- Object, if there is one"),
    ("therapy talk", "\"I'm fine\" can mean: I'm tired, I'm sad, please ask me again..."),
    ("chat", "brb <_< >_> o.O"),
    ("chat", "He grades with stars: ** is fine, *** is great, and nobody gets ****."),
    ("poetry", "#\nA hash of rain,\na window pane."),
    ("German", "„Ach was“, sagte sie --- und ging. *Tür zu.*"),
    ("Chinese", "《红楼梦》一共一百二十回，【注】版本不同。"),
    ("French", "Il a dit « jamais » ; puis {silence}."),
)

# Conversations in which markup is the subject, or comes from the other side.
ASKED = (
    ("Write the header in HTML, please.", "<h1>Bakery</h1>"),
    ("Can you put that into a table with bold names?", "**Ada** was first, **Grace** second."),
    ("Ich brauche den Quellcode dazu.", "```\nx = 1\n```"),
    ("Ponlo en negrita en una tabla.", "**Madrid**: tres millones."),
    ("用 Markdown 写标题。", "# 春天\n\n花开了。"),
    ("Напиши код на питоне.", "```python\nprint(1)\n```"),
    (
        "My page shows <b>this</b> in the wrong font. Why?",
        "Because <b> takes the font of its parent: <b>x</b>.",
    ),
    ("Return it as JSON.", '{"answer": 4}'),
    ("**Who** are you?", "**Nobody.** And you?"),
)

# Turns of real data with markup, or nearly so, that somebody asked for or that is none.
REAL = (
    ("messages_kto_en.json", 4),
    ("messages_kto_en.json", 35),
    ("messages_kto_en.json", 54),
    ("messages_kto_en.json", 125),
    ("preference_dpo_en_sharegpt.json", 7),
    ("preference_dpo_en_sharegpt.json", 63),
    ("preference_dpo_en_sharegpt.json", 154),
    ("sharegpt_glaive_toolcall.json", 4),
    ("sharegpt_glaive_toolcall.json", 71),
    ("persona_agents_en.jsonl.gz", 155),
    ("alpaca_roleplay_gpteacher.json", 117),
    ("alpaca_roleplay_gpteacher.json", 289),
)


def chat(*texts: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)
        ]
    }


def planted(*conversations: dict[str, Any]) -> list[tuple[int, str]]:
    """What is found in them among many plain ones: which of them, and the marked characters."""
    plain = [chat("Go on.", _PLAIN[at % len(_PLAIN)]) for at in range(_CONVERSATIONS)]
    dataset = rt.load([*plain, *conversations])
    found = []
    for issue in dataset.check("roleplay", select="leak.markup"):
        assert issue.conversation is not None
        assert issue.turn is not None
        text = dataset[issue.conversation].messages[issue.turn].text
        found.append((issue.conversation - len(plain), text[issue.start : issue.end]))
    return found


def test_planted_markup_is_found_at_its_characters() -> None:
    found = planted(*[chat("Go on.", text) for _, text, _ in MARKUP])

    assert len(MARKUP) >= 30
    assert len({genre for genre, _, _ in MARKUP}) >= 3
    assert {at for at, _ in found} == set(range(len(MARKUP)))
    assert [(at, seen) for at, (_, _, seen) in enumerate(MARKUP) if (at, seen) not in found] == []


def test_what_only_looks_like_markup_is_left_alone() -> None:
    found = planted(*[chat("Go on.", text) for _, text in NO_MARKUP])

    assert len(NO_MARKUP) >= 30
    assert [(NO_MARKUP[at][1], seen) for at, seen in found] == []


def test_markup_that_somebody_asked_for_is_left_alone() -> None:
    found = planted(*[chat(question, reply) for question, reply in ASKED])

    assert [(ASKED[at], seen) for at, seen in found] == []


def test_both_are_told_apart_in_one_dataset() -> None:
    texts = [text for _, text, _ in MARKUP] + [text for _, text in NO_MARKUP]
    found = {at for at, _ in planted(*[chat("Go on.", text) for text in texts])}

    assert found == set(range(len(MARKUP)))


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not here")
def test_real_conversations_about_code_and_lists_are_left_alone() -> None:
    chats = {name: rt.load(DATA / name, review=False) for name, _ in REAL}
    real = [
        {"messages": [{"role": m.role, "content": m.text} for m in chats[name][index].messages]}
        for name, index in REAL
    ]
    found = planted(*real)

    assert [(REAL[at], seen) for at, seen in found] == []


def test_where_every_second_reply_is_marked_up_nothing_is_reported() -> None:
    marked = [chat("Go on.", text) for _, text, _ in MARKUP]
    plain = [chat("Go on.", text) for _, text in NO_MARKUP]

    assert not rt.load([*marked, *plain]).check("roleplay", select="leak.markup").counts
