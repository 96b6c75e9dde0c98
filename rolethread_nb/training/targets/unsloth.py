"""Unsloth: `standardize_data_formats` on a column `conversations`, the model's template, and the loss on responses only."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ...core.model import Conversation, Span
from ..templates import ChatTemplate, TemplateRefusedError
from .reasons import RowError, because
from .records import numbering, shown
from .rendering import Text, Writer
from .target import Context, Forecast, Reason, Shape, Target
from .turn_reasons import unread, with_weights

_HEAD = 10
_COLUMN = "conversations"
_ROLES: Mapping[str, str] = {
    "system": "system",
    **dict.fromkeys(("user", "human", "input"), "user"),
    **dict.fromkeys(("gpt", "assistant", "output"), "assistant"),
}
_ROLE_KEYS = ("role", "from")
_CONTROL = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")
_ASKED, _SAID = "\ufdd0asked\ufdd0", "\ufdd0said\ufdd0"


@dataclass(frozen=True, slots=True)
class _Keys:
    role: str
    content: str


def _normal(role: str) -> str:
    return role.strip().lower()


def _keys(shape: Shape) -> _Keys:
    """The keys of role and text, found as the standardiser finds them: by the first ten rows.

    Raises:
        RowError: it refuses the file.
    """
    values: dict[str, list[str]] = {}
    turns = [turn for record in shape.head[:_HEAD] for turn in _turns(record)]
    names = {key for turn in turns for key in turn}
    for turn in turns:
        for key, value in turn.items():
            if not isinstance(value, str):
                raise RowError("content_type", _NOT_TEXT.format(f"`{key}` is {shown(value)}"))
            values.setdefault(key, []).append(value)
        if missing := sorted(names - turn.keys()):
            raise RowError("key_missing", _NOT_TEXT.format(f"`{missing[0]}` is not in every message"))
    if len(values) != 2:
        found = ", ".join(values) or "none"
        raise RowError(
            "key_unknown", f"AssertionError: Unsloth wants exactly two keys in a message; there are {found}."
        )
    first, second = values
    fitting = [key for key in values if all(_normal(value) in _ROLES for value in values[key])]
    named = [key for key in values if key.strip().lower() in _ROLE_KEYS]
    if len(fitting) == 1:
        role = fitting[0]
    elif len(fitting) == 2 and len(named) == 1:
        role = named[0]
    else:
        role = first if len(set(values[first])) < len(set(values[second])) else second
    strange = next((value for value in values[role] if _normal(value) not in _ROLES), None)
    if strange is not None:
        says = f"TypeError: Unsloth: [{_normal(strange)!r}] are not in aliases. Please update aliases."
        raise RowError("role_unknown", says)
    return _Keys(role, second if role == first else first)


_NOT_TEXT = "RuntimeError: Unsloth: Cannot standardize non text datasets! In the first ten rows {}."


def _turns(record: Any) -> Iterator[Mapping[str, Any]]:
    turns = record.get(_COLUMN) if isinstance(record, Mapping) else None
    for turn in turns if isinstance(turns, list) else ():
        if not isinstance(turn, Mapping):
            raise RowError("not_a_conversation", f"A message is {shown(turn)}, no object.")
        yield turn


def _standardised(record: Any, keys: _Keys) -> list[dict[str, Any]]:
    """The messages as the standardiser writes them.

    Raises:
        RowError: it ends with an error on this row.
    """
    messages = []
    for at, turn in enumerate(record[_COLUMN]):
        if not isinstance(turn, Mapping):
            raise RowError("not_a_conversation", f"This message is {shown(turn)}, no object.", at)
        if stray := [key for key in turn if key not in (keys.role, keys.content)]:
            says = _NOT_TEXT.format(f"`{stray[0]}` is null, because it stands only in other rows")
            raise RowError("key_unknown", says, at)
        role = turn.get(keys.role)
        if not isinstance(role, str) or _normal(role) not in _ROLES:
            raise RowError("role_unknown", f"Unsloth knows no role {shown(role)}: KeyError.", at)
        messages.append({"role": _ROLES[_normal(role)], "content": turn.get(keys.content)})
    return messages


# ---------------------------------------------------------------- the loss


@dataclass(frozen=True, slots=True)
class Markers:
    """Texts that the loss is found by.

    Attributes:
        instruction: what a user's turn begins with.
        response: what an assistant's turn begins with.
        eos: the token that ends a turn, which is trained; None if it is not known.
        bos: the token a text begins with.
    """

    instruction: str
    response: str
    eos: str | None
    bos: str | None

    @property
    def opener(self) -> str:
        """The control strings both markers begin with: they begin a turn of any role."""
        found = ""
        for one, other in zip(_leading(self.instruction), _leading(self.response), strict=False):
            if one != other:
                break
            found += one
        return found if found not in (self.instruction, self.response) else ""

    def trained(self, text: str) -> list[Span]:
        """What follows a response marker, up to what ends a turn."""
        ends = [(one, keep) for one, keep in ((self.eos, True), (self.bos, False)) if one]
        ends += [(one, False) for one in (self.opener, self.response, self.instruction) if one]
        found = []
        at = text.find(self.response)
        while at >= 0:
            start = at + len(self.response)
            places = [(place, -keep, one) for one, keep in ends if (place := text.find(one, start)) >= 0]
            place, kept, one = min(places, default=(len(text), 0, ""))
            end = place + len(one) if kept else place
            if end > start:
                found.append(Span(start, end))
            at = text.find(
                self.response, place + (len(one) if one not in (self.response, self.opener) else 0)
            )
        return found


def _leading(text: str) -> list[str]:
    """The control strings a text begins with."""
    found = []
    at = 0
    while (control := _CONTROL.match(text, at)) is not None:
        found.append(control.group())
        at = control.end()
    return found


def markers_of(template: ChatTemplate) -> Markers | None:
    """The markers that are found in a template by a trial of it; None if it shows none."""
    eos, bos = (template.special_tokens.get(key) for key in ("eos_token", "bos_token"))
    talk = [{"role": "user", "content": _ASKED}, {"role": "assistant", "content": _SAID}] * 3
    try:
        full = template.render(talk).text
        closed = template.render(talk[:-1]).text
        prompted = template.render(talk[:-1], add_generation_prompt=True).text
    except TemplateRefusedError:
        return None
    between = Counter(re.findall(f"{_SAID}(.*?){_ASKED}", full, re.DOTALL)).most_common(1)
    before = Counter(re.findall(f"{_ASKED}(.*?){_SAID}", full, re.DOTALL)).most_common(1)
    if not between or not before:
        return None
    asking, answering = between[0][0], before[0][0]
    header = ""
    if prompted != closed:
        header, _ = _unshared(prompted.rpartition(_ASKED)[2], closed.rpartition(_ASKED)[2])
    if header and answering.endswith(header) and len(header) < len(answering):
        response, instruction = header, _bare(asking, answering[: -len(header)])
    elif header and header == answering:
        response, instruction = _unshared(header, asking)
        instruction = _bare(instruction, " ", "\t", eos, bos)
    else:
        response, instruction = (_bare(one, " ", "\t", eos, bos) for one in (answering, asking))
    instruction, response = (_bare(one, " ", "\t").rstrip(" \t") for one in (instruction, response))
    return Markers(instruction, response, eos, bos) if instruction and response else None


def _unshared(one: str, other: str) -> tuple[str, str]:
    """Two texts without the blanks and control strings that both begin with."""
    while one and other:
        blank = re.match(r"\s+", one)
        head = blank.group() if blank else next(iter(_leading(one)), "")
        if not head or not other.startswith(head) or (blank and re.match(r"\s+", other).group() != head):  # type: ignore[union-attr]
            break
        one, other = one[len(head) :], other[len(head) :]
    return one, other


def _bare(text: str, *heads: str | None) -> str:
    """A text without any of these at its beginning, however often."""
    while head := next((head for head in heads if head and text.startswith(head)), None):
        text = text[len(head) :]
    return text


# ---------------------------------------------------------------- the judge


class _Judge:
    def __init__(self, shape: Shape, context: Context) -> None:
        settings = context.settings
        self._writer = Writer(context)
        self._limit: int | None = settings["max_seq_length"]
        self._responses_only = bool(settings["train_on_responses_only"])
        self._last_only = bool(settings["last_response_only"])
        self._column = _COLUMN if _COLUMN in shape.keys else "messages"
        self._keys: _Keys | None = None
        self._refused: Reason | None = None
        self._markers = _markers(context)
        try:
            if self._column == _COLUMN:
                self._keys = _keys(shape)
        except RowError as error:
            self._refused = because(error.code, error.says)

    def __call__(self, conversation: Conversation) -> Forecast:
        if self._refused is not None:
            return Forecast((self._refused,))
        turn_of = numbering(conversation, self._column)
        try:
            messages = self._messages(conversation.raw)
        except RowError as error:
            turn = turn_of(error.at) if error.at is not None else None
            return Forecast((because(error.code, error.says, turn),))
        text = self._writer.write(messages, [turn_of(at) for at in range(len(messages))])
        if isinstance(text, Reason):
            return Forecast((text,))
        reasons = [
            *self._writer.text_reasons(text),
            *unread(conversation, text.turns, "Unsloth"),
            *_tools(conversation.raw),
        ]
        return with_weights(conversation, self._forecast(text, reasons), "Unsloth")

    def _messages(self, record: Any) -> Sequence[Mapping[str, Any]]:
        turns = record.get(self._column) if isinstance(record, Mapping) else None
        if not isinstance(turns, list):
            says = f"There is no list under `{self._column}`, which is {shown(turns)}."
            raise RowError("not_a_conversation", says)
        if not turns:
            raise RowError("no_turns", "The conversation is empty, and the template refuses it.")
        if self._keys is not None:
            return _standardised(record, self._keys)
        for at, turn in enumerate(turns):
            if not isinstance(turn, Mapping):
                raise RowError("not_a_conversation", f"This message is {shown(turn)}, no object.", at)
        return turns

    def _forecast(self, text: Text, reasons: list[Reason]) -> Forecast:
        whole = (Span(0, len(text.text)),)
        if not self._responses_only:
            return self._writer.forecast(text, whole, reasons, self._limit)
        if self._markers is None:
            says = "ValueError: Unsloth: Could not auto-detect chat template structure - pass instruction_part and response_part."
            return Forecast((because("trainer_fails", says),), text=text.text)
        trained = self._markers.trained(text.text)
        made = self._writer.forecast(text, trained[-1:] if self._last_only else trained, reasons, self._limit)
        if made.trained_tokens:
            return made
        says = (
            f"Nothing is left to train within {self._limit} tokens"
            if trained
            else f"No {self._markers.response!r} stands in the text, so that nothing is trained"
        )
        dropped = because("nothing_trained", f"{says}; Unsloth removes the row.", outcome="dropped")
        return Forecast(
            (*made.reasons, dropped),
            text=made.text,
            kept=made.kept,
            located=made.located,
            tokens=made.tokens,
            trained_tokens=0,
            kept_tokens=made.kept_tokens,
            trained_range=made.trained_range,
        )


def _markers(context: Context) -> Markers | None:
    """The markers the user gives, else those found in the template."""
    settings = context.settings
    instruction, response = settings["instruction_part"], settings["response_part"]
    if not instruction or not response:
        return markers_of(context.template)
    tokens = context.template.special_tokens
    return Markers(instruction, response, tokens.get("eos_token"), tokens.get("bos_token"))


def _tools(record: Mapping[str, Any]) -> Iterator[Reason]:
    tools = record.get("tools")
    if isinstance(tools, str):
        with suppress(ValueError):
            tools = json.loads(tools)
    if tools:
        says = "Unsloth's formatting functions give the template no tools."
        yield because("tools_ignored", says)


def _refuses_file(shape: Shape, context: Context) -> str | None:
    if _COLUMN not in shape.keys:
        return None
    try:
        _keys(shape)
    except RowError as error:
        return error.says
    return None


TARGETS = (
    Target(
        name="unsloth",
        title="Unsloth",
        package="unsloth_zoo",
        version="2026.10.9",
        basis="measured",
        settings={
            "max_seq_length": 2048,
            "train_on_responses_only": True,
            "instruction_part": None,
            "response_part": None,
            "last_response_only": False,
        },
        judge=_Judge,
        refuses_file=_refuses_file,
        notes=(
            "Unsloth standardises a column `conversations` only, after a look at the first ten rows; other columns go to the"
            " template as they are.",
        ),
        limit="max_seq_length",
    ),
)
