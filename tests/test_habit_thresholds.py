"""What decides whether there is a finding is a threshold of its rule, and can be said for one check."""

from __future__ import annotations

from typing import Any

import pytest

import rolethread_nb as rt

_TOLD = "I lost my job at the harbour last week and since then I lie awake at night."
_GIVEN_BACK = "You lost your job at the harbour last week, and since then you lie awake at night."
_SIDE = " My neighbours have a parrot that whistles old marches whenever the postman rings, and my father hates every one of them deeply."
_VERSE = "It rained all night. In the morning the boat was gone.\nAnd nobody has seen the man who took the oars away from"


def chat(*texts: str, system: str = "") -> dict[str, Any]:
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
    return {"messages": [{"role": "system", "content": system}, *turns] if system else turns}


def found(code: str, *chats: dict[str, Any], **thresholds: float) -> int:
    named = {f"{code}.{name}": value for name, value in thresholds.items()}
    return len(list(rt.load(list(chats)).check("roleplay", select=[code], thresholds=named)))


@pytest.mark.parametrize("change", [{"near": 0.95}, {"longer": 0.5}, {"content": 20}])
def test_how_near_an_echo_has_to_be_can_be_said(change: dict[str, float]) -> None:
    assert found("reply.echo", chat(_TOLD, _GIVEN_BACK)) == 1
    assert found("reply.echo", chat(_TOLD, _GIVEN_BACK), **change) == 0


def test_an_echo_of_a_far_longer_turn_is_found_where_that_is_wanted() -> None:
    long = chat(_TOLD + _SIDE, _GIVEN_BACK)

    assert found("reply.echo", long, longer=1.5) == 0
    assert found("reply.echo", long, longer=9) == 1


def test_what_work_on_texts_is_can_be_said() -> None:
    worked = chat(
        _TOLD,
        _GIVEN_BACK,
        "The cat has taken my chair again.",
        "The cat has taken your chair again.",
        "It snows in the hills.",
        "So it snows in the hills.",
        system="You are a kind friend.",
    )

    assert found("reply.echo", worked) == 0
    assert found("reply.echo", worked, work=1.1) == 1
    assert found("reply.echo", chat(_TOLD, _GIVEN_BACK, system="You are a kind friend.")) == 0
    assert found("reply.echo", worked, work=1.1, others=3) == 0


def test_replies_of_nearly_one_length_are_taken_to_spread() -> None:
    plain = [chat(f"And day {n}?", " ".join(["rain"] * 40) + f" {n}") for n in range(120)]
    short = chat("And now?", "Six words are all there is.")

    assert found("reply.short", *plain, short) == 1
    assert found("reply.short", *plain, short, spread=1) == 0


def test_how_long_a_line_of_verse_is_can_be_said() -> None:
    assert found("reply.truncated", chat("Go on with it.", _VERSE), verse=0) == 1
    assert found("reply.truncated", chat("Go on with it.", _VERSE), verse=30) == 0
