"""The repairs that a trainer may call for: each as a rule without a condition, for what calls for it is the trainer's verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..checks.catalogue import rule as rule_of
from ..checks.rule import REMOVE, CannotMendError, Edit, Evidence, Insert, Mend, Page, Repair, Rule, Safety
from ..checks.tool_calls import CALL_LABELS
from ..core.model import Conversation, Message
from ..core.parting import Parts
from ..sources.reading import escaped
from ..sources.roles import role_word
from .tool_ids import id_edits

_SYSTEM = ("system", "developer")
# What the model learns from, or the trainer renders: such a key is never dropped.
_HOLDS_TEXT = frozenset(
    "role from content value text tool_calls function_call tool_call_id refusal reasoning reasoning_content thinking"
    " image images audio audios video videos tools functions messages conversations prompt completion chosen rejected".split()
)


# ---------------------------------------------------------------- mends


def _is_plain(message: Message) -> bool:
    """Whether the turn is an object with a text of its own, and nothing but that."""
    return message.kind == "text" and isinstance(message.content, str) and message.content_key is not None


def _besides(message: Message) -> dict[str, Any]:
    """What a turn holds besides its role and its text."""
    own = (message.role_key, message.content_key)
    return {key: value for key, value in message.raw.items() if key not in own}


def _list_of(message: Message) -> str:
    return message.pointer.rpartition("/")[0]


def _merge_neighbours(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if not turn:
        return []
    first, second = conversation.messages[turn - 1 : turn + 1]
    if first.role != second.role or _list_of(first) != _list_of(second):
        return []
    if not (_is_plain(first) and _is_plain(second)):
        raise CannotMendError("one of the two neighbours is not a plain text, so that they cannot be joined")
    if _besides(first) != _besides(second):
        raise CannotMendError(
            "the two neighbours differ in more than their text, and joined they would lose it"
        )
    return [
        Edit(first.content_pointer, first.text, f"{first.text}\n\n{second.text}"),
        Edit(second.pointer, second.text, REMOVE),
    ]


def _system_into_user(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    messages = conversation.messages
    if turn is None or messages[turn].role not in _SYSTEM:
        return []
    system = messages[turn]
    user = next((message for message in messages[turn:] if message.role == "user"), None)
    if user is None:
        raise CannotMendError("no user turn comes after the system prompt")
    if not isinstance(system.content, str) or not _is_plain(user):
        raise CannotMendError("the system prompt or the user turn after it is not a plain text")
    return [
        Edit(user.content_pointer, user.text, f"{system.text}\n\n{user.text}"),
        Edit(system.pointer, system.text, REMOVE),
    ]


def _greeting(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if turn is None:
        return []
    if (opener := evidence.get("opener")) is None:
        repair = rule_of("order.first_assistant").repair
        edits = repair.mend(conversation, turn, evidence) if repair is not None else []
        if not edits:
            raise CannotMendError("the greeting or the system prompt is not a plain text")
        return edits
    greeting = conversation.messages[turn]
    if greeting.role_key is None or greeting.content_key is None:
        raise CannotMendError("the greeting does not say where a role and a text stand in this layout")
    opening = {
        greeting.role_key: role_word("user", conversation.format),
        greeting.content_key: opener,
    }
    return [Edit(greeting.pointer, "", Insert(opening, opener))]


def _trim_tail(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if turn is None:
        return []
    message = conversation.messages[turn]
    return [Edit(message.pointer, message.text, REMOVE)]


def _arguments(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if turn is None:
        return []
    as_text = evidence["to"] == "text"
    return [
        Edit(path, _text(value), _text(value) if as_text else _object(value))
        for path, value in arguments_of(conversation.messages[turn])
        if isinstance(value, str) is not as_text
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _object(value: str) -> Any:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CannotMendError("the arguments of a tool call are no JSON object")
    return found


def arguments_of(message: Message) -> Iterator[tuple[str, Any]]:
    """The arguments of a turn's tool calls that are a text or an object, with their JSON Pointers."""
    calls = message.raw.get("tool_calls") if isinstance(message.raw, dict) else None
    for at, call in enumerate(calls if isinstance(calls, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(function.get("arguments"), str | dict):
            yield f"{message.pointer}/tool_calls/{at}/function/arguments", function["arguments"]


def _drop_keys(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    pointer = "" if turn is None else conversation.messages[turn].pointer
    owner = conversation.raw if turn is None else conversation.messages[turn].raw
    keys = [key for key in evidence["keys"] if isinstance(owner, Mapping) and key in owner]
    if kept := [key for key in keys if _is_needed(conversation, turn, key)]:
        raise CannotMendError(f"the key {kept[0]!r} holds what the model is to learn, and is not dropped")
    gone = json.dumps({key: owner[key] for key in keys}, ensure_ascii=False)
    return [Edit(f"{pointer}/{escaped(key)}", gone, REMOVE) for key in keys]


def _role(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    message = conversation.messages[turn] if turn is not None else None
    if message is None or message.role_key is None or message.role_raw == evidence["word"]:
        return []
    return [Edit(message.role_pointer, message.role_raw, evidence["word"])]


def _tool_ids(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    return [] if turn is None else id_edits(conversation, turn, short=evidence["short"])


def _split(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    parts: Parts = evidence["parts"]
    if len(conversation.messages) != evidence["turns"]:
        raise CannotMendError(
            "it is cut as it stands after the other repairs of the plan, which were not chosen"
        )
    return [Edit("", None, parts)]


def _is_needed(conversation: Conversation, turn: int | None, key: str) -> bool:
    if key in _HOLDS_TEXT:
        return True
    pointer = f"/{escaped(key)}"
    return turn is None and any(f"{one.pointer}/".startswith(f"{pointer}/") for one in conversation.messages)


# ---------------------------------------------------------------- rules


def _fit(name: str, safety: Safety, mend: Mend, says: str, page: Page, *, removes_turns: bool = True) -> Rule:
    repair = Repair(safety, mend, says, removes_turns=removes_turns)
    return Rule(
        code=f"fit.{name}",
        severity="info",
        scope="turn",
        title=page.does,
        page=page,
        since="0.1",
        repair=repair,
    )


MERGE_NEIGHBOURS = _fit(
    "merge_neighbours",
    "unsafe",
    _merge_neighbours,
    "merge with the turn before",
    Page(
        "Two turns of the user, or of the assistant, in a row.",
        "Trainers and templates that insist on alternation refuse the conversation or drop it.",
        "user, user, assistant",
        "Joins the two texts with an empty line. Unsafe: two turns become one.",
    ),
)
SYSTEM_INTO_USER = _fit(
    "system_into_user",
    "unsafe",
    _system_into_user,
    "put the system prompt before the text of the user turn after it",
    Page(
        "A system prompt that the trainer or the template refuses or leaves out.",
        "The model never sees the instruction that the answers follow.",
        "system, user, assistant",
        "Puts its text, and an empty line, before the text of the next user turn. Unsafe: it is read as the user's then.",
    ),
)
GREETING = _fit(
    "greeting",
    "unsafe",
    _greeting,
    "let the user speak first",
    Page(
        "The assistant speaks before the user does.",
        "Gemma, Mistral and Cohere templates refuse it, LLaMA-Factory drops it.",
        "assistant, user, assistant",
        "Moves the greeting into the system prompt, or puts a user turn before it whose text you give. Unsafe either way.",
    ),
)
TRIM_TAIL = _fit(
    "trim_tail",
    "unsafe",
    _trim_tail,
    "drop the user turn after the last reply; its text is lost",
    Page(
        "The conversation ends with turns of the user.",
        "Some trainers refuse it or drop it: there is no reply to learn from.",
        "user, assistant, user",
        "Drops these turns. Unsafe: their text is lost.",
    ),
)
ARGUMENTS = _fit(
    "arguments",
    "safe",
    _arguments,
    "write the arguments of the tool calls as the trainer wants them",
    Page(
        "Arguments of a tool call that are a text where an object is wanted, or the other way round.",
        "Hosted services want a text, many templates an object.",
        '{"function": {"name": "f", "arguments": {"a": 1}}}',
        "Writes the same arguments in the other form. Safe: their values stay.",
    ),
    removes_turns=False,
)
DROP_KEYS = _fit(
    "drop_keys",
    "safe",
    _drop_keys,
    "drop the keys that the trainer does not allow",
    Page(
        "Keys that the trainer does not allow.",
        "The trainer refuses the row for them.",
        '{"role": "user", "content": "Hi", "mood": "calm"}',
        "Drops them. Safe: no text of the conversation is under them; a key with text, calls or tools stays.",
    ),
    removes_turns=False,
)
ROLES = _fit(
    "roles",
    "safe",
    _role,
    "write the word that the trainer has for the role",
    Page(
        "A word for a role that is right in the layout, and that the trainer does not know.",
        "Most trainers know no developer, some take human and gpt only, others only user and assistant.",
        '{"role": "developer", "content": "Be kind."}',
        "Writes the trainer's word: system for developer and the other way round, human and gpt for user and assistant. Safe: no text"
        " changes.",
    ),
    removes_turns=False,
)
TOOL_IDS = _fit(
    "tool_ids",
    "safe",
    _tool_ids,
    "write the ids of the tool calls and of their results",
    Page(
        "Tool calls and results without an id, with one that the trainer does not take, or that do not name each other.",
        "OpenAI wants an id in both, Mistral nine letters or digits; a result that names no call is refused.",
        '{"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]}',
        "Writes ids that are made of the conversation itself, the same on every run. Results go with the calls right before them: by"
        " their ids, else by the function's name, else in their order; where that is not clear nothing is written. Safe: no text"
        " changes, and an id that is right stays.",
    ),
    removes_turns=False,
)
SPLIT_LONG = _fit(
    "split_long",
    "unsafe",
    _split,
    "split into several conversations",
    Page(
        "A conversation that is longer than the trainer's limit.",
        "Its end is cut off, or it is left out as a whole.",
        "A conversation of 3,000 tokens where the trainer takes 2,048.",
        "Splits it before turns of the user; each part begins with the system prompt, and on request with the last exchanges of the"
        " part before. No text is lost. Unsafe: what was said in earlier parts is not there any more to answer from.",
    ),
)


# ---------------------------------------------------------------- where they apply


def greeting_of(conversation: Conversation) -> int | None:
    """The turn with which the assistant opens the conversation, None if it does not."""
    spoken = (n for n, message in enumerate(conversation.messages) if message.role not in _SYSTEM)
    first = next(spoken, None)
    return first if first is not None and conversation.messages[first].role == "assistant" else None


def systems_of(conversation: Conversation) -> list[int]:
    """The turns that are a system prompt, or become one when the greeting moves there."""
    found = [n for n, message in enumerate(conversation.messages) if message.role in _SYSTEM]
    greeting = greeting_of(conversation)
    return [*found, greeting] if greeting is not None and not found else found


def neighbours_of(conversation: Conversation) -> list[int]:
    """The turns whose role is that of the turn before, system prompts between them left aside."""
    found, before = [], None
    for turn, message in enumerate(conversation.messages):
        if message.role in _SYSTEM:
            continue
        if message.role == before and message.role in ("user", "assistant") and message.side is None:
            found.append(turn)
        before = message.role
    return found


def tail_of(conversation: Conversation) -> list[int]:
    """The user turns after the last reply; none where others stand among them, or nobody replies."""
    messages = conversation.messages
    last = max((n for n, message in enumerate(messages) if message.role == "assistant"), default=-1)
    tail = range(last + 1, len(messages)) if last >= 0 else range(0)
    return list(tail) if all(messages[n].role == "user" for n in tail) else []


def aliases_of(conversation: Conversation) -> list[int]:
    """The turns whose role is understood, and written otherwise than in the layout."""
    return [
        turn
        for turn, message in _with_role_words(conversation)
        if message.role is not None
        and message.role_raw not in (role_word(message.role, conversation.format), message.role)
    ]


def _with_role_words(conversation: Conversation) -> Iterator[tuple[int, Message]]:
    """The turns whose role is understood, and can be written otherwise; a label that says that the text is a call is left."""
    for turn, message in enumerate(conversation.messages):
        if message.role is not None and message.role_key is not None and message.role_raw not in CALL_LABELS:
            yield turn, message


def role_words(conversation: Conversation) -> list[dict[int, str]]:
    """The words that the roles could have, each time those that change, by turn; what changes least comes first.

    Where a role is spelled otherwise than in the layout, or is the developer's, it is always changed.
    """
    turns = [(turn, message.role) for turn, message in _with_role_words(conversation) if message.role]
    layout = {turn: role_word(role, conversation.format) for turn, role in turns}
    standard: dict[int, str] = dict(turns)
    spelled = {turn: layout[turn] for turn in aliases_of(conversation)}
    developer = {turn: "system" for turn, role in turns if role == "developer"}
    wordings = [spelled, {**spelled, **developer}, layout, standard, {**standard, **developer}]
    if not spelled and not developer:
        wordings.append({turn: "developer" for turn, role in turns if role == "system"})
    found: list[dict[int, str]] = []
    for words in wordings:
        changed = {turn: word for turn, word in words.items() if conversation.messages[turn].role_raw != word}
        if changed not in found and (changed or not developer):
            found.append(changed)
    return found
