"""What TRL makes of single turns: weights it does not look at, answers it cuts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...core.model import Conversation, Message, Span
from ..labels import AllTrained, Labels
from ..locating import Located
from .reasons import because
from .target import Reason


def turns_in_text(conversation: Conversation, text: str) -> Iterator[Located]:
    """Where the turns stand in a text that TRL takes as it is: each after the one before."""
    cursor = 0
    for turn, message in enumerate(conversation.messages):
        at = text.find(message.text, cursor) if message.text else -1
        if at >= 0:
            cursor = at + len(message.text)
            yield Located(turn, "content", message.content_pointer, (Span(at, cursor),), "whole")


def weights_ignored(
    turns: Mapping[int, Message], located: Sequence[Located], labels: Labels | AllTrained
) -> Iterator[Reason]:
    """Turns whose weight asks for another loss than TRL computes, which looks at no weight."""
    for turn, message in turns.items():
        raw = message.raw if isinstance(message.raw, Mapping) else {}
        weight = raw.get("weight", raw.get("train"))
        if not isinstance(weight, int | float):
            continue
        places = [span for one in located if one.turn == turn and one.what == "content" for span in one.spans]
        trained = any(
            start < stretch.end and end > stretch.start
            for start, end in places
            for stretch in labels.stretches()
        )
        if places and weight != int(trained):
            says = "trained like any other" if trained else "not trained"
            yield because(
                "weights_ignored", f"TRL does not look at its weight {weight}: the turn is {says}.", turn
            )


def cut(
    located: Sequence[Located], kept: Span, turns: Mapping[int, Message], limit: int | None
) -> Iterator[Reason]:
    """What is cut: the answers one by one as far as they begin before the cut, the others together."""
    gone: dict[bool, list[int]] = {True: [], False: []}
    told = False
    for one in located:
        spans = [span for span in one.spans if span.end > span.start]
        if one.what != "content" or not spans or all(kept.start <= s and e <= kept.end for s, e in spans):
            continue
        answer = one.turn in turns and turns[one.turn].role == "assistant"
        if any(s < kept.end and e > kept.start for s, e in spans):
            told = True
            end = "beginning" if kept.start else "end"
            code = "answer_cut" if answer else "text_cut"
            yield because(code, f"The limit of {limit} tokens cuts off its {end}.", one.turn)
        else:
            gone[answer].append(one.turn)
    for answer, lost in gone.items():
        if lost:
            told = True
            many = f"This turn and {len(lost) - 1} more lie" if len(lost) > 1 else "It lies"
            code = "answer_cut_off" if answer else "text_cut"
            yield because(code, f"{many} wholly beyond the limit of {limit} tokens.", lost[0])
    if not told:
        yield because(
            "text_cut", f"The limit of {limit} tokens cuts off what the template writes around the turns."
        )
