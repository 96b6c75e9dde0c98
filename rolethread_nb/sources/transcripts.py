"""Transcripts that are packed into one text: who speaks stands at the start of a line, or in the marks of a template.

A text is read so only where that is plain. Labels that are known (``User:``, ``Assistant:``) count; any other counts where it
stands at least twice, or stands open at the end of a prompt, where the completion is its speaker's turn. Text before the
first label is the system prompt. The turns are stretches of the record's own text, so a repair changes those characters alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from .reading import Part, Slot, Slots
from .roles import Role

_WORDS: dict[str, Role] = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "bot", "chatbot", "gpt"), "assistant"),
    "system": "system",
    **dict.fromkeys(("function response", "observation", "tool"), "tool"),
}
_HEADED: dict[str, Role] = {
    **_WORDS,
    "instruction": "user",
    "input": "user",
    "response": "assistant",
    "output": "assistant",
}
_MISSPELT = frozenset("usr uesr useer asst assistnt assitant assitstant asistant sytem systm".split())
_LABEL = re.compile(
    r"^[ \t]*(?P<mark>#{2,4}[ ]?|\*\*|<)?(?P<label>[^\W\d_][^\n:<>*#\[\]{}|]{0,39})(?:>|\*\*)?:(?:\*\*)?(?=\s|\Z)"
    r"|(?P<head>#{2,4}[ ]?(?P<headed>(?i:human|user|assistant|system)):)(?=\s|\Z)",
    re.MULTILINE,
)
_CHATML = re.compile(r"<\|im_start\|>([^\n<|]{1,40})\n")
_CHATML_END = "<|im_end|>"

Turn = tuple[str, Slot]
OpenLabel = Callable[[str, str], Slot]


class _Label:
    """A label in a text: what it says, where it begins, and where the words behind it begin."""

    def __init__(self, match: re.Match[str], text: str) -> None:
        self.headed = match["head"] is not None or (match["mark"] or "").startswith("#")
        self.name = (match["headed"] or match["label"]).strip()
        self.start, self.said = match.span()
        if text[self.said : self.said + 1] in (" ", "\n"):
            self.said += 1

    @property
    def role(self) -> Role | None:
        """The role that the word itself says."""
        return (_HEADED if self.headed else _WORDS).get(self.name.casefold())

    @property
    def known(self) -> bool:
        """Whether the word is a role's, in a usual spelling or with a slip in it."""
        return self.role is not None or self.name.casefold() in _MISSPELT


def transcript_of(text: str, pointer: str) -> list[Turn] | None:
    """The turns packed into a text, None if it is no transcript: it needs two turns under known labels, one the assistant's."""
    if "<|im_start|>" in text:
        return _chatml(text, pointer)
    labels = _labels(text)
    roles = {label.role for label in labels}
    if len(labels) < 2 or not {"user", "assistant"} <= roles:
        return None
    return _turns(text, pointer, labels)


def add_prompt(slots: Slots, prompt: Any, pointer: str) -> OpenLabel | None:
    """Add the turns of a prompt. Returns how to label the completion, where the prompt ends with its speaker's open label."""
    if type(prompt) is not str:
        slots.content(prompt, pointer, "user")
        return None
    labels = _labels(prompt, ends_open=True) if ":" in prompt else []
    if not labels:
        slots.value(prompt, pointer, "user")
        return None
    opened = labels[-1]
    for raw, slot in _turns(prompt, pointer, labels[:-1], opened):
        slots.slot(raw, slot)

    def label(place: str, said: str) -> Slot:
        return Slot(
            place,
            opened.name,
            "assistant",
            opened.name if opened.role is None else None,
            None,
            (Part(place, said),),
        )

    return label


def _labels(text: str, *, ends_open: bool = False) -> list[_Label]:
    """The labels that count, in order. With ``ends_open`` only those of a text that ends with one, else none."""
    found = [_Label(match, text) for match in _LABEL.finditer(text)]
    if not found:
        return []
    opened = found[-1].name if not text[found[-1].said :].strip() else None
    if ends_open and (opened is None or len(found) < 2):
        return []
    times = Counter(label.name for label in found)
    kept = [
        label
        for label in found
        if label.known or times[label.name] > 1 or (ends_open and label.name == opened)
    ]
    if ends_open:
        # a prompt such as "Passage: ... Question: ... Answer:", or one of examples, is one text, not a chat
        return kept if len(kept) > 1 and any(label.role == "user" for label in kept) else []
    return kept


def _turns(text: str, pointer: str, labels: list[_Label], opened: _Label | None = None) -> list[Turn]:
    turns: list[Turn] = []
    first = labels[0] if labels else opened
    before = text[: first.start].rstrip("\n") if first is not None else ""
    if before.strip():
        turns.append(
            (before, Slot(pointer, "system", "system", parts=(Part(pointer, text, 0, len(before)),)))
        )
    ends = [label.start for label in labels[1:]] + [opened.start if opened is not None else len(text)]
    for label, stop in zip(labels, ends, strict=True):
        said = text[label.said : stop]
        end = max(label.said, label.said + len(said.rstrip("\n")) if said.strip() else label.said)
        assistant = opened is not None and label.name == opened.name
        role: Role | None = "assistant" if assistant else label.role
        slot = Slot(
            pointer,
            label.name,
            role,
            None if label.known else label.name,
            None,
            (Part(pointer, text, label.said, end),),
        )
        turns.append((text[label.said : end], slot))
    return turns


def _chatml(text: str, pointer: str) -> list[Turn] | None:
    """The turns of a text that was rendered in ChatML."""
    marks = list(_CHATML.finditer(text))
    if len(marks) < 2:
        return None
    turns: list[Turn] = []
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        stop = len(text) if following is None else following.start()
        end = text.find(_CHATML_END, mark.end(), stop)
        end = end if end >= 0 else mark.end() + len(text[mark.end() : stop].rstrip("\n"))
        label = mark[1].strip()
        turns.append(
            (
                text[mark.end() : end],
                Slot(pointer, label, None, parts=(Part(pointer, text, mark.end(), end),)),
            )
        )
    return turns
