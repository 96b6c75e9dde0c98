"""Layouts that ask and answer: prompt and completion, instruction and output, query and response, lists of exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .lists import LIST_KEYS, PAIRS, Messages, ShareGPT, is_exchange_list, is_preference, pair_keys, system_of
from .reading import Part, Reading, Slot, Slots, escaped, looks_like_message
from .roles import SHAREGPT, understand
from .transcripts import add_prompt, transcript_of

_ANSWERS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("prompt", "output"),
    ("question", "answer"),
    ("question", "response"),
    ("input", "output"),
    ("input", "target"),
    ("inputs", "targets"),
    ("user", "assistant"),
    ("human", "assistant"),
    ("problem", "solution"),
)
_NAME_LENGTH = 30
_EXCHANGE_LISTS = (
    "conversation",
    *LIST_KEYS,
    "dialog",
    "dialogue",
    "turns",
    "chat",
    "exchanges",
    "rounds",
    "data",
)


# Where a system prompt stands beside halves and exchanges, the usual name first.
SYSTEM_KEYS = ("system", "system_prompt")


def add_system(slots: Slots, record: Mapping[str, Any]) -> None:
    """The system prompt that stands beside the turns, as the first of them."""
    for key in SYSTEM_KEYS:
        if type(text := record.get(key)) is str and text:
            slots.system(text, key)
            return


def add_history(slots: Slots, record: Mapping[str, Any]) -> None:
    """Earlier exchanges under ``history``: pairs of texts, or messages."""
    history = record.get("history")
    if type(history) is not list or not history:
        return
    if is_exchange_list(history):
        slots.reading.keys += ("history",)
        add_exchanges(slots, history, "/history")
    elif any(looks_like_message(turn) for turn in history):
        slots.reading.keys += ("history",)
        for at, turn in enumerate(history):
            slots.message(turn, f"/history/{at}")


def add_exchanges(slots: Slots, exchanges: list[Any], pointer: str, *, labelled: bool = False) -> None:
    """Questions with their answers, one after the other; or, ``labelled``, texts each with its speaker before it."""
    if labelled:
        slots.reading.own = SHAREGPT
    for at, item in enumerate(exchanges):
        place = f"{pointer}/{at}"
        if labelled:
            label, said = item
            slots.slot(said, Slot(f"{place}/1", label, parts=(Part(f"{place}/1", said),)))
        elif type(item) is list and len(item) == 2:
            slots.value(item[0], f"{place}/0", "user")
            slots.value(item[1], f"{place}/1", "assistant")
        elif (keys := pair_keys(item)) is not None:
            ask, answer = keys
            if (system := system_of(item)) is not None:
                slots.value(system, f"{place}/system", "system")
            slots.value(item[ask], f"{place}/{ask}", "user")
            slots.value(item[answer], f"{place}/{answer}", "assistant")
        else:
            slots.message(item, place)


def _is_labelled(exchanges: list[Any]) -> bool:
    """Whether pairs of texts are speaker and text rather than question and answer: the first halves are words for roles, or few names."""
    firsts = [item[0] for item in exchanges if type(item) is list and len(item) == 2 and type(item[0]) is str]
    if not firsts or len(firsts) < len(exchanges) or any(type(item[1]) is not str for item in exchanges):
        return False
    if all(understand(first, SHAREGPT).role is not None for first in firsts):
        return True
    few = len(firsts) > 2 and 2 * len(set(firsts)) <= len(firsts) + 1
    return few and all(0 < len(first) <= _NAME_LENGTH and first[-1] not in ".!?…" for first in firsts)


class PromptCompletion:
    """``{"prompt": ..., "completion": ...}``, texts or lists of messages; a prompt may pack a whole transcript into one text."""

    name = "prompt-completion"

    def matches(self, record: Any) -> bool:
        if type(record) is not dict or is_preference(record):
            return False
        if "prompt" in record and type(record["prompt"]) is list:
            return any(looks_like_message(turn) for turn in record["prompt"])
        return _answer_keys(record) is not None

    def read(self, record: Any) -> Reading:
        ask, answer = _answer_keys(record) or ("prompt", "completion")
        return read_answer(record, self.name, ask, answer)


def _answer_keys(record: Mapping[str, Any]) -> tuple[str, str] | None:
    for ask, answer in _ANSWERS:
        if ask == "input" and "instruction" in record:
            continue
        if ask in record and answer in record and _is_said(record[ask]) and _is_said(record[answer]):
            return ask, answer
    return None


def _is_said(value: Any) -> bool:
    """Whether a value can be what somebody says: a text, nothing, a message or a list of messages."""
    return (
        value is None
        or type(value) is str
        or looks_like_message(value)
        or (type(value) is list and any(looks_like_message(turn) for turn in value))
    )


def read_answer(record: Mapping[str, Any], name: str, ask: str, answer: str) -> Reading:
    """A record of two halves, under whatever names; without the second it is a prompt alone."""
    slots = Slots(name, keys=(ask, answer))
    add_system(slots, record)
    add_history(slots, record)
    prompt, place = record.get(ask), "/" + escaped(ask)
    context = record.get("context")
    if ask == "question" and type(prompt) is str and type(context) is str and context:
        slots.reading.keys += ("context",)
        slots.joined({"context": context, ask: prompt}, [("/context", context), (place, prompt)], "user")
        open_label = None
    else:
        open_label = add_prompt(slots, prompt, place)
    if answer in record:
        place = "/" + escaped(answer)
        if open_label is not None and type(record[answer]) is str:
            slots.slot(record[answer], open_label(place, record[answer]))
        else:
            slots.content(record[answer], place, "assistant")
    else:
        slots.reading.prompt_only = True
    return slots.reading


class Alpaca:
    """``{"instruction": ..., "input": ..., "output": ...}``; the answer may be called ``response``, the input ``context``.

    Instruction and input make one user turn, joined by a newline as LLaMA-Factory does (``template: alpaca`` of its documentation).
    """

    name = "alpaca"

    def matches(self, record: Any) -> bool:
        if type(record) is not dict or type(record.get("instruction")) is not str:
            return False
        return "output" in record or "response" in record

    def read(self, record: Any) -> Reading:
        answer = "output" if "output" in record else "response"
        extra = next((key for key in ("input", "context") if type(record.get(key)) is str), None)
        slots = Slots(self.name, keys=("instruction", answer, *(() if extra is None else (extra,))))
        add_system(slots, record)
        add_history(slots, record)
        strings = [(key, record[key]) for key in ("instruction", extra) if key is not None and record[key]]
        if len(strings) > 1:
            slots.joined(dict(strings), [(f"/{key}", text) for key, text in strings], "user")
        else:
            key, text = strings[0] if strings else ("instruction", "")
            slots.value(text, f"/{key}", "user")
        slots.content(record[answer], f"/{answer}", "assistant")
        return slots.reading


class QueryResponse:
    """``{"query": ..., "response": ..., "history": [[..., ...]]}`` of ms-swift and others."""

    name = "query-response"

    def matches(self, record: Any) -> bool:
        return (
            type(record) is dict
            and "query" in record
            and "response" in record
            and _is_said(record["query"])
            and _is_said(record["response"])
        )

    def read(self, record: Any) -> Reading:
        return read_answer(record, self.name, "query", "response")


class Pairs:
    """A list of exchanges: ``[{"system": ..., "input": ..., "output": ...}]`` under a key or by itself, or pairs of texts."""

    name = "pairs"

    def matches(self, record: Any) -> bool:
        return _exchanges(record) is not None

    def read(self, record: Any) -> Reading:
        key = _exchanges(record)
        if key is None or key == "":
            slots = Slots(self.name)
            add_exchanges(slots, record, "", labelled=_is_labelled(record))
        else:
            slots = Slots(self.name, f"/{key}", (key,))
            add_system(slots, record)
            add_exchanges(slots, record[key], f"/{key}", labelled=_is_labelled(record[key]))
        return slots.reading


def _exchanges(record: Any) -> str | None:
    """The key of the list of exchanges, empty for the record itself; None if there is none."""
    if type(record) is list:
        halves = [pair_keys(item) for item in record]
        # a list of records of one exchange each is a container, not a conversation, unless its parts have no other keys
        known = {"system", *(name for pair in PAIRS for name in pair)}
        alone = all(
            keys is not None and set(item) <= known for keys, item in zip(halves, record, strict=True)
        )
        return "" if record and alone else None
    if type(record) is not dict:
        return None
    return next((key for key in _EXCHANGE_LISTS if is_exchange_list(record.get(key))), None)


class KTO:
    """A conversation with a thumb: turns or prompt and completion, and a boolean ``label``."""

    name = "kto"
    _inner = (Messages(), ShareGPT(), PromptCompletion())

    def matches(self, record: Any) -> bool:
        return (
            type(record) is dict
            and type(record.get("label")) is bool
            and any(form.matches(record) for form in self._inner)
        )

    def read(self, record: Any) -> Reading:
        inner = next(form for form in self._inner if form.matches(record))
        reading = inner.read(record)
        reading.format = self.name
        return reading


class DescribedAnswer:
    """Two halves that the user names: which key holds the prompt, and which the completion."""

    name = "prompt-completion"

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._ask = fields.get("prompt", "prompt")
        self._answer = fields.get("completion", "completion")

    def matches(self, record: Any) -> bool:
        return type(record) is dict and self._ask in record and self._answer in record

    def read(self, record: Any) -> Reading:
        return read_answer(record, self.name, self._ask, self._answer)


class Packed:
    """A whole transcript packed into one text: ``{"text": "User: ...\\nAssistant: ..."}``, or rendered in ChatML."""

    name = "transcript"
    _KEYS = ("text", "transcript", "conversation", "dialogue", "dialog", "chat", "content")

    def matches(self, record: Any) -> bool:
        return type(record) is dict and self._key(record) is not None

    def _key(self, record: Mapping[str, Any]) -> str | None:
        for key in self._KEYS:
            if type(text := record.get(key)) is str and transcript_of(text, f"/{key}") is not None:
                return key
        return None

    def read(self, record: Any) -> Reading:
        key = self._key(record) or "text"
        slots = Slots(self.name, f"/{key}", (key,))
        add_system(slots, record)
        for raw, slot in transcript_of(record[key], f"/{key}") or ():
            slots.slot(raw, slot)
        return slots.reading
