"""Why a conversation is not simply taken: the words that all trainers share, and their plain sentences.

A trainer uses a code of `CODES`, or adds one there. What a code leads to is what it usually leads to; where a trainer does
otherwise (drops a row that others refuse), it says so: ``because("role_unknown", "...", turn, "dropped")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .target import Outcome

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..locating import Located
from ..templates import ChatTemplate, TemplateRefusedError
from .target import Outcome, Reason


@dataclass(frozen=True, slots=True)
class Code:
    """What a reason's code means, and what it usually leads to."""

    means: str
    outcome: Outcome


CODES: Mapping[str, Code] = {
    # The row is not what the trainer reads.
    "not_a_conversation": Code("The trainer finds no conversation in the row.", "refused"),
    "no_turns": Code("The conversation has no turns.", "refused"),
    "no_answer": Code("There is no assistant turn to learn from.", "refused"),
    "key_missing": Code("A key that the trainer needs is missing.", "refused"),
    "key_unknown": Code("There is a key that the trainer does not allow.", "refused"),
    "role_unknown": Code("A role is not one that the trainer knows.", "refused"),
    "role_order": Code("The roles follow each other in an order that the trainer does not take.", "refused"),
    "content_type": Code("A content is null, or of another type than the trainer takes.", "refused"),
    "content_empty": Code("A turn says nothing, and the trainer insists on text.", "refused"),
    "part_refused": Code("A content part (an image) is not one that the trainer takes.", "refused"),
    "tools_invalid": Code(
        "A tool call, a tool's answer, an id or a definition is not as the trainer wants it.", "refused"
    ),
    "weight_invalid": Code(
        "A loss weight has a value, or stands in a place, that the trainer does not take.", "refused"
    ),
    "template_refused": Code("The chat template does not render the conversation.", "refused"),
    "trainer_fails": Code("The trainer itself ends with an error.", "refused"),
    # The model gets another text than the record holds.
    "system_lost": Code("The system prompt is not in what the model gets.", "altered"),
    "turn_lost": Code("The text of a turn is not in what the model gets.", "altered"),
    "reasoning_lost": Code("The reasoning of a turn is not in what the model gets.", "altered"),
    "call_lost": Code("A tool call is not in what the model gets.", "altered"),
    "part_lost": Code("A content part (an image) is not in what the model gets.", "altered"),
    "tools_ignored": Code("The tool definitions of the row are not in what the model gets.", "altered"),
    "text_altered": Code("The text of a turn reaches the model as another text.", "altered"),
    "text_trimmed": Code("Blanks at the ends of a turn are taken off.", "altered"),
    "text_added": Code("The trainer or the template adds text that the record does not have.", "altered"),
    "role_as_text": Code("A role that the template does not know is written out as the speaker.", "altered"),
    "role_changed": Code("A turn reaches the model as another speaker's.", "altered"),
    "control_string": Code("A text holds a string that becomes a control token.", "altered"),
    # The loss.
    "weights_ignored": Code("The loss weights of the turns are not looked at.", "altered"),
    "answer_not_trained": Code("An assistant turn is there, but the loss leaves it out.", "altered"),
    "prompt_trained": Code("Prompts are trained too, although the setting says otherwise.", "altered"),
    "nothing_trained": Code("There is no token that the loss is computed on.", "altered"),
    "answers_alike": Code("Chosen and rejected are the same, so that there is nothing to prefer.", "altered"),
    # The length limit.
    "answer_cut": Code("An answer is cut at the length limit.", "altered"),
    "answer_cut_off": Code("An answer lies wholly beyond the length limit.", "altered"),
    "text_cut": Code("A text that is not an answer is cut at the length limit.", "altered"),
    "too_long": Code("The conversation is over the length limit, and left out as a whole.", "dropped"),
}


def because(code: str, says: str, turn: int | None = None, outcome: Outcome | None = None) -> Reason:
    """A reason with its usual outcome, or another.

    Raises:
        KeyError: the code is not in `CODES`.
    """
    usual = CODES[code].outcome
    return Reason(code, says, outcome or usual, turn)


def template_refused(error: TemplateRefusedError, turn: int | None = None) -> Reason:
    """The template does not render the conversation. ``turn``: where the template's own counting is another."""
    where = error.turn if turn is None else turn
    return because("template_refused", f"The chat template refuses it: {error.words}", where)


def text_reasons(
    located: Iterable[Located], messages: Sequence[Mapping[str, Any]], text: str | None = None
) -> Iterator[Reason]:
    """What of the turns is lost or changed, one reason a turn and kind, in their order.

    Args:
        located: what `Locator.locate` found; numbered as the messages are.
        messages: as given to the template.
        text: the rendered text, where it is at hand: blanks that the template takes off and writes itself are no loss.
    """
    seen = set()
    for one in located:
        if text is not None and one.state == "trimmed" and _stands_by_chance(one, messages[one.turn], text):
            continue
        reason = _text_reason(one, messages[one.turn].get("role"))
        if reason is not None and (reason.code, reason.turn) not in seen:
            seen.add((reason.code, reason.turn))
            yield reason


def _stands_by_chance(one: Located, message: Mapping[str, Any], text: str) -> bool:
    """Whether a trimmed content stands there with its blanks all the same."""
    content = message.get("content")
    if one.what != "content" or not isinstance(content, str) or not one.spans:
        return False
    (start, end), *_ = one.spans
    begin = start - content.find(text[start:end])
    return begin >= 0 and text.startswith(content, begin)


def _text_reason(one: Located, role: Any) -> Reason | None:
    if one.state in ("whole", "escaped"):
        return None
    if one.state == "trimmed":
        return because("text_trimmed", "Blanks at the ends of the text are taken off.", one.turn)
    if one.state == "altered":
        return because("text_altered", f"The {_NAMED[one.what]} reaches the model as another text.", one.turn)
    if one.what == "content":
        system = role in ("system", "developer")
        return (
            because("system_lost", "The system prompt is not in what the model gets.", one.turn)
            if system
            else because(
                "turn_lost", f"The text of this turn ({role}) is not in what the model gets.", one.turn
            )
        )
    if one.what == "reasoning":
        return because("reasoning_lost", "The reasoning is not in what the model gets.", one.turn)
    return because("call_lost", "The tool call is not in what the model gets.", one.turn)


_NAMED = {
    "content": "text",
    "reasoning": "reasoning",
    "name": "name of the called tool",
    "arguments": "arguments of the tool call",
}


# What templates set their control strings in: <|im_end|>, </s>, [INST], <｜User｜>.
_CONTROL = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")

# Control strings that stand in the text of a conversation by right.
_OF_THE_TEXT = frozenset(
    {"<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"}
)


def control_strings(template: ChatTemplate) -> frozenset[str]:
    """The strings a template steers the model with: its special tokens, and those it writes around the turns."""
    found = {token for token in template.special_tokens.values() if token.strip()}
    asked, said = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    for messages in (
        [{"role": "system", "content": "c"}, asked, said, asked, said],
        [asked, said, asked, said],
    ):
        try:
            found.update(_CONTROL.findall(template.render(messages).text))
        except TemplateRefusedError:
            continue
    return frozenset(found - _OF_THE_TEXT)


def control_reasons(
    messages: Sequence[Mapping[str, Any]], controls: Collection[str], turns: Iterable[int] | None = None
) -> Iterator[Reason]:
    """Turns whose own text holds a control string.

    Args:
        messages: as given to the template.
        controls: the control strings: of a tokenizer, else those the template writes itself.
        turns: numbers of the messages in ``Conversation.messages``, by default their own order.
    """
    for turn, message in zip(turns if turns is not None else range(len(messages)), messages, strict=True):
        text = message.get("content")
        if isinstance(text, list):
            text = "\n".join(str(part.get("text", "")) for part in text if isinstance(part, Mapping))
        found = [control for control in controls if isinstance(text, str) and control and control in text]
        if found:
            yield because(
                "control_string", f"The text holds {found[0]}, which becomes a control token.", turn
            )


def parts_lost(messages: Sequence[Mapping[str, Any]]) -> Iterator[Reason]:
    """Content parts without text: a trainer of text models never looks at them."""
    for turn, message in enumerate(messages):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            has_text = isinstance(part, str) or (
                isinstance(part, Mapping) and isinstance(part.get("text"), str)
            )
            if part and not has_text:
                yield part_lost(part.get("type") if isinstance(part, Mapping) else type(part).__name__, turn)
                break


def part_lost(kind: Any, turn: int | None) -> Reason:
    """A content part of this kind is left out."""
    return because("part_lost", f"A content part ({kind}) is not in what the model gets.", turn)


class RowError(Exception):
    """Why a trainer stops at a row, or the row does not come through.

    Attributes:
        code: one of `CODES`.
        says: one plain sentence.
        at: the message it is about.
        outcome: what becomes of the row.
    """

    outcome: Outcome = "refused"

    def __init__(self, code: str, says: str, at: int | None = None) -> None:
        super().__init__(says)
        self.code = code
        self.says = says
        self.at = at
