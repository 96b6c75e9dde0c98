"""Roles: what the labels of a turn mean.

Known spellings follow RoleThread Lite (31 of them) and names seen in public datasets. A label that is not here is never
guessed: the conversation says ``role.unknown`` until the user maps it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Role = Literal["system", "developer", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "developer", "user", "assistant", "tool")

_STANDARD: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
SHAREGPT: dict[str, Role] = {
    "human": "user",
    "gpt": "assistant",
    "function_call": "assistant",
    "observation": "tool",
}
_WORDS_OF_SHAREGPT = {"user": "human", "assistant": "gpt", "tool": "observation"}
_SPELLINGS: dict[Role, str] = {
    "user": "user usr uesr useer human humans person instruction prompter",
    "assistant": "assistant assistnt assitant assitstant asistant asst bot chatbot gpt model ai completion response"
    " output function_call tool_call",
    "system": "system sys sytem systm system_prompt",
    "tool": "tool function observation tool_response tool_result",
    "developer": "developer",
}
_ALIASES: dict[str, Role] = {label: role for role, labels in _SPELLINGS.items() for label in labels.split()}
# Words that name a role only in its place: at the start, or where a reply is awaited.
_BY_POSITION: dict[str, Role] = {"context": "system", "prompt": "user", "player": "user", "input": "user"}


class Label(NamedTuple):
    """What a role label means: its role (None if unknown), and whether it is the layout's own word for it."""

    role: Role | None
    alias: bool = False
    by_position: bool = False


NO_LABEL = Label(None)


def understand(label: str, own: dict[str, Role]) -> Label:
    """The meaning of ``label`` in a layout whose own words, beside the standard roles, are ``own``."""
    if (role := own.get(label) or _STANDARD.get(label)) is not None:
        return Label(role)
    plain = label.strip().casefold()
    if (role := own.get(plain) or _ALIASES.get(plain)) is not None:
        return Label(role, alias=True)
    if (role := _BY_POSITION.get(plain)) is not None:
        return Label(role, alias=True, by_position=True)
    return NO_LABEL


def role_word(role: Role, layout: str) -> str:
    """The word that a layout itself has for a role."""
    word = "system" if role == "developer" else role
    return _WORDS_OF_SHAREGPT.get(word, word) if layout == "sharegpt" else word


def fits_position(role: Role, turn: int, previous: str | None) -> bool:
    """Whether a word that names a role only in its place stands in that place."""
    return turn == 0 if role == "system" else previous in (None, "system", "assistant")
