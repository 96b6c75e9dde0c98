"""Preference pairs: one prompt and two answers to it, of which one is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .lists import are_texts, is_preference, system_of
from .pairs import add_history, add_system
from .reading import SIDES, Reading, Side, Slot, Slots, looks_like_message
from .transcripts import Turn, add_prompt, transcript_of

_SIDES = (("chosen", "rejected"), ("preferred_output", "non_preferred_output"))
_PROMPTS = ("prompt", "conversations", "messages", "question", "instruction", "query")


class Preference:
    """``chosen`` and ``rejected`` as turns, lists or texts, after a ``prompt`` or with it inside both (TRL's implicit prompt).

    OpenAI's ``input``, ``preferred_output``, ``non_preferred_output`` and LLaMA-Factory's ``conversations`` with two answers are read
    as well. The turns are the prompt's, then the chosen side's, then the rejected side's.
    """

    name = "preference"

    def matches(self, record: Any) -> bool:
        if type(record) is not dict or not is_preference(record):
            return False
        return all(_is_side(record.get(key)) for key in _sides(record)) and not text_lists(record)

    def read(self, record: Any) -> Reading:
        names = _sides(record)
        slots = Slots(self.name, keys=names)
        chosen, rejected = (record.get(key) for key in names)
        if type(chosen) is list and type(rejected) is list and (shared := _shared(chosen, rejected)):
            self._implicit(slots, record, names, shared)
            return slots.reading
        if type(chosen) is str and type(rejected) is str and not any(record.get(key) for key in _PROMPTS):
            packed = transcript_of(chosen, f"/{names[0]}"), transcript_of(rejected, f"/{names[1]}")
            if packed[0] is not None and packed[1] is not None:
                self._packed(slots, packed[0], packed[1])
                return slots.reading
        self._prompt(slots, record)
        for key, side in zip(names, SIDES, strict=True):
            _add_side(slots, record.get(key), f"/{key}", side)
        return slots.reading

    def _implicit(self, slots: Slots, record: Mapping[str, Any], names: tuple[str, str], shared: int) -> None:
        """The prompt stands at the beginning of both sides. What stands beside them is its copy, or an earlier part of it."""
        texts = {_said(turn) for turn in record[names[0]][:shared]}
        prompt = record.get("prompt")
        if prompt is not None and prompt != record[names[0]][:shared] and _said(prompt) not in texts:
            self._prompt(slots, record)
        elif system_of(record) not in (None, *texts):
            add_system(slots, record)
        for at, turn in enumerate(record[names[0]][:shared]):
            slots.message(turn, f"/{names[0]}/{at}")
        for key, side in zip(names, SIDES, strict=True):
            for at, turn in enumerate(record[key][shared:], start=shared):
                slots.message(turn, f"/{key}/{at}", side)

    def _packed(self, slots: Slots, chosen: list[Turn], rejected: list[Turn]) -> None:
        """Two transcripts in one text each, as in Anthropic's HH-RLHF."""
        shared = 0
        for (one, place), (other, there) in zip(chosen, rejected, strict=False):
            if one != other or place.label != there.label:
                break
            shared += 1
        shared = min(shared, len(chosen) - 1, len(rejected) - 1)
        for raw, slot in chosen[:shared]:
            slots.slot(raw, slot)
        for turns, side in ((chosen, SIDES[0]), (rejected, SIDES[1])):
            for raw, slot in turns[shared:]:
                slots.slot(raw, Slot(slot.pointer, slot.label, slot.role, slot.name, side, slot.parts))

    def _prompt(self, slots: Slots, record: Mapping[str, Any]) -> None:
        add_system(slots, record)
        add_history(slots, record)
        found = record.get("input")
        if type(found) is dict and type(found.get("messages")) is list:
            slots.reading.keys += ("input",)
            for at, turn in enumerate(found["messages"]):
                slots.message(turn, f"/input/messages/{at}")
            return
        key = next((key for key in _PROMPTS if record.get(key) is not None), None)
        extra = found if type(found) is str and found else None
        if key is None:
            if extra is not None:
                slots.reading.keys += ("input",)
                slots.value(extra, "/input", "user")
            return
        slots.reading.keys += (key,)
        prompt = record[key]
        if key == "instruction" and type(prompt) is str and extra is not None:
            slots.reading.keys += ("input",)
            slots.joined(
                {"instruction": prompt, "input": extra}, [("/instruction", prompt), ("/input", extra)], "user"
            )
        elif _is_one_text(prompt):
            slots.value(prompt[0], f"/{key}/0", "user")
        elif type(prompt) is list:
            for at, turn in enumerate(prompt):
                slots.message(turn, f"/{key}/{at}")
        elif type(prompt) is str:
            add_prompt(slots, prompt, f"/{key}")
        else:
            slots.content(prompt, f"/{key}", "user")


def _sides(record: Mapping[str, Any]) -> tuple[str, str]:
    return _SIDES[0] if "chosen" in record else _SIDES[1]


def text_lists(record: Mapping[str, Any]) -> list[str]:
    """The keys of a pair that hold several texts, where turns are expected: nobody says who speaks."""
    return [
        key
        for key in (*_PROMPTS, *_sides(record))
        if type(value := record.get(key)) is list and are_texts(value)
    ]


def _is_one_text(value: Any) -> bool:
    """Whether a value is a list of a single text, which is the whole of its side."""
    return type(value) is list and len(value) == 1 and type(value[0]) is str


def _is_side(value: Any) -> bool:
    return value is None or type(value) in (str, dict, list)


def _add_side(slots: Slots, value: Any, pointer: str, side: Side) -> None:
    if _is_one_text(value):
        slots.value(value[0], f"{pointer}/0", "assistant", side)
    elif type(value) is list and not (value and type(value[0]) is dict and "type" in value[0]):
        for at, turn in enumerate(value):
            slots.message(turn, f"{pointer}/{at}", side)
    elif type(value) is dict and not looks_like_message(value):
        slots.message(value, pointer, side)
    else:
        slots.content(value, pointer, "assistant", side)


def _shared(chosen: list[Any], rejected: list[Any]) -> int:
    """How many turns both sides begin with, the last turn of each never counted."""
    limit = min(len(chosen), len(rejected)) - 1
    at = 0
    while at < limit and chosen[at] == rejected[at]:
        at += 1
    return max(at, 0)


def _said(turn: Any) -> str | None:
    """The text of a message, or of a prompt that is a text."""
    if type(turn) is str:
        return turn
    found = (
        next((turn[key] for key in ("content", "value", "text") if key in turn), None)
        if type(turn) is dict
        else None
    )
    return found if type(found) is str else None
