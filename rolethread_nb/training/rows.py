"""What of a record TRL reads: which columns, as a conversation or as text. `datasets` has read the file before.

TRL decides by the first row what all of them are, and `datasets` gives every row every column of the file, null where the
record has no such key. Read from trl 1.16.0 (trainer/sft_trainer.py, data_utils.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .targets.target import Shape

# Columns that can hold a conversation. What stands in the first of them, in no set order, decides.
CONVERSATIONAL = ("prompt", "chosen", "rejected", "completion", "messages")
_FROM_VALUE = ("prompt", "completion", "chosen", "rejected", "messages", "conversations")


class UnreadableRowError(Exception):
    """TRL ends with an error on this row, and the run with it.

    Attributes:
        code: of `targets.reasons.CODES`.
        says: one plain sentence.
    """

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code
        self.says = says


class LostRowError(Exception):
    """TRL takes the rows for no conversations, throws their only column away, and goes on without a row or a word."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What TRL takes all rows of a file for, after a look at the first.

    Attributes:
        columns: the columns of the file.
        from_value: ``conversations`` with ``from`` and ``value`` are renamed to ``messages`` with ``role`` and ``content``.
        conversational: whether the rows are conversations; if not, the end token is added to each text, and ``messages``
            are thrown away.
    """

    columns: tuple[str, ...]
    from_value: bool
    conversational: bool

    @property
    def has_completions(self) -> bool:
        return "prompt" in self.columns and "completion" in self.columns


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the trainer takes it: a conversation, or a text.

    Attributes:
        messages: the conversation, prompt and completion together; None for a text.
        pointers: JSON Pointer of each of them in the record.
        prompt: how many of the messages are the prompt; None if there is none to tell apart.
        text: the text, with the end token; None for a conversation.
        prompt_text: what of the text is the prompt.
        tools: tool definitions.
        variables: what the row gives to the template.
    """

    messages: Sequence[Mapping[str, Any]] | None = None
    pointers: Sequence[str] = ()
    prompt: int | None = None
    text: str | None = None
    prompt_text: str | None = None
    tools: Sequence[Any] | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


def layout(shape: Shape) -> Layout:
    """What TRL takes the file for.

    Raises:
        UnreadableRowError: it ends with an error there.
    """
    if not isinstance(shape.first, Mapping):
        raise UnreadableRowError(
            "not_a_conversation", "The records are no objects, so that there are no columns."
        )
    columns = shape.keys
    first = {key: shape.first.get(key) for key in columns}
    from_value = _is_from_value(first)
    if from_value:
        first = from_value_renamed(first)
        columns = tuple(dict.fromkeys("messages" if key == "conversations" else key for key in columns))
    _refuse_chance(first)
    return Layout(columns, from_value, is_conversational(first))


def read(record: Any, made: Layout, text_field: str, eos_token: str | None) -> Row:
    """One record as SFTTrainer takes it.

    Args:
        record: as decoded.
        made: of its file.
        text_field: the column that holds text (``dataset_text_field``).
        eos_token: what ends a text; None if the tokenizer has none.

    Raises:
        UnreadableRowError: SFTTrainer ends with an error on it.
        LostRowError: SFTTrainer goes on without it.
    """
    row = converted(record, made, text_field, eos_token)
    if not row:
        raise LostRowError
    tools, variables = _tools(row), _variables(row)
    if "prompt" in row:
        return _with_prompt(row, tools, variables)
    if is_conversational(row):
        if row.get("messages") is None:
            raise UnreadableRowError("not_a_conversation", _NO_COLUMN.format("messages"))
        place = "/conversations" if made.from_value and "conversations" in record else "/messages"
        return _conversation(row["messages"], [place], tools=tools, variables=variables)
    text = row.get(text_field)
    if not isinstance(text, str):
        raise UnreadableRowError("not_a_conversation", _nothing_to_read(row, text_field))
    return Row(text=text)


def converted(record: Any, made: Layout, text_field: str, eos_token: str | None) -> dict[str, Any]:
    """The columns of a record as SFTTrainer leaves them; see `read`.

    Raises:
        UnreadableRowError: SFTTrainer ends with an error on it.
    """
    given = dict(record) if isinstance(record, Mapping) else {}
    if made.from_value:
        given = from_value_renamed(given)
    row = {key: given.get(key) for key in made.columns}
    if not made.conversational:
        _end(row, text_field, eos_token)
        row.pop("messages", None)
    return row


def prompt_and_answer(record: Mapping[str, Any], answer: str, eos_token: str | None) -> Row:
    """One answer of a record after its prompt, as the trainers of preferences take them.

    Args:
        record: with every column of its file.
        answer: the column of the answer: ``chosen``, ``rejected`` or ``completion``.
        eos_token: what ends a text; None if the tokenizer has none.

    Raises:
        UnreadableRowError: the trainer ends with an error on it.
    """
    if "prompt" in record:
        shared = 0
        prompt, given = record["prompt"], record[answer]
    else:
        shared = _alike(record["chosen"], record["rejected"])
        prompt, given = record[answer][:shared], record[answer][shared:]
    tools, variables = _tools(record), _variables(record)
    if isinstance(prompt, str) and isinstance(given, str):
        if eos_token is None:
            raise UnreadableRowError(
                "trainer_fails", "The tokenizer has no eos_token to end a text with: TypeError."
            )
        return Row(text=prompt + given + ("" if given.endswith(eos_token) else eos_token), prompt_text=prompt)
    row = _with_prompt({"prompt": prompt, "completion": given}, tools, variables)
    for message in row.messages or ():
        if "role" not in message:
            raise UnreadableRowError("not_a_conversation", "A message has no `role`. It ends the whole run.")
    if "prompt" in record:
        pointers = [one.replace("/completion/", f"/{answer}/") for one in row.pointers]
    else:
        pointers = [f"/{answer}/{at}" for at in range(len(row.pointers))]
    return replace(row, pointers=pointers)


def _alike(chosen: Any, rejected: Any) -> int:
    """How long the prompt is that two answers begin with: up to the first difference, or all but the last."""
    if not isinstance(chosen, str | list) or not isinstance(rejected, str | list):
        raise UnreadableRowError(
            "content_type",
            f"`chosen` is {_named(chosen)} and `rejected` {_named(rejected)}, so that no prompt can be taken out of them."
            " It ends the whole run.",
        )
    shorter = min(len(chosen), len(rejected))
    if not shorter:
        raise UnreadableRowError("no_turns", "An answer is empty. It ends the whole run.")
    at = next((at for at in range(shorter) if chosen[at] != rejected[at]), None)
    if at is None:
        return shorter - 1
    return at - 1 if chosen[at - 1] == " " else at


def is_conversational(row: Mapping[str, Any]) -> bool:
    """Whether TRL takes a row for a conversation: by the first message of a column that can hold one.

    Raises:
        UnreadableRowError: it ends with an error there.
    """
    for key in CONVERSATIONAL:
        if key in row:
            value = row[key]
            if not isinstance(value, list):
                return False
            if not value:
                raise UnreadableRowError(
                    "no_turns",
                    f"`{key}` is empty: IndexError: list index out of range. It ends the whole run.",
                )
            return isinstance(value[0], Mapping) and "role" in value[0]
    return False


def _refuse_chance(first: Mapping[str, Any]) -> None:
    """Refuse a file of which TRL says one thing or another by the column it happens to look at first."""
    columns = [key for key in CONVERSATIONAL if key in first]
    taken = [key for key in columns if is_conversational({key: first[key]})]
    if taken and taken != columns and not {"prompt", "completion"} <= set(columns):
        other = next(key for key in columns if key not in taken)
        raise UnreadableRowError("not_a_conversation", _EITHER.format(taken[0], other))


def _is_from_value(row: Mapping[str, Any]) -> bool:
    value = row.get("conversations")
    if not isinstance(value, list):
        return False
    if not value:
        raise UnreadableRowError(
            "no_turns",
            "`conversations` is empty: IndexError: list index out of range. It ends the whole run.",
        )
    return isinstance(value[0], Mapping) and "from" in value[0] and "value" in value[0]


def from_value_renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with ``from`` and ``value`` named ``role`` and ``content``; what the roles are called stays."""
    renamed = dict(row)
    for key in _FROM_VALUE:
        if isinstance(renamed.get(key), list):
            renamed[key] = [_renamed(one) for one in renamed[key]]
    if "conversations" in renamed:
        renamed["messages"] = renamed.pop("conversations")
    return renamed


def _renamed(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    changed = dict(message)
    for before, after in (("from", "role"), ("value", "content")):
        if before in changed:
            changed[after] = changed.pop(before)
    return changed


def _end(row: dict[str, Any], text_field: str, eos_token: str | None) -> None:
    """Add the end token to a text, or else to a completion."""
    if eos_token is None:
        raise UnreadableRowError(
            "trainer_fails", "The tokenizer has no eos_token to end a text with: TypeError."
        )
    for key in (text_field, "completion"):
        if key not in row:
            continue
        if not isinstance(row[key], str):
            raise UnreadableRowError(
                "content_type",
                f"`{key}` is {_named(row[key])}, no text: AttributeError: no attribute 'endswith'. It ends the whole run.",
            )
        if not row[key].endswith(eos_token):
            row[key] += eos_token
            return


def _with_prompt(row: Mapping[str, Any], tools: Any, variables: Mapping[str, Any]) -> Row:
    if "completion" not in row:
        raise UnreadableRowError("key_missing", _NO_COLUMN.format("completion"))
    prompt, completion = row["prompt"], row["completion"]
    if isinstance(prompt, str) and isinstance(completion, str):
        return Row(text=prompt + completion, prompt_text=prompt)
    if not (isinstance(prompt, list) and isinstance(completion, list)):
        raise UnreadableRowError(
            "content_type",
            f"`prompt` is {_named(prompt)} and `completion` {_named(completion)}: TypeError. It ends the whole run.",
        )
    is_conversational({"prompt": prompt})
    if not completion:
        raise UnreadableRowError("no_turns", _BY_CHANCE)
    return _conversation(
        prompt + completion,
        ["/prompt", "/completion"],
        lengths=[len(prompt), len(completion)],
        tools=tools,
        variables=variables,
    )


def _conversation(
    messages: Any,
    pointers: list[str],
    *,
    tools: Any,
    variables: Mapping[str, Any],
    lengths: list[int] | None = None,
) -> Row:
    for message in messages:
        if not isinstance(message, Mapping):
            raise UnreadableRowError(
                "not_a_conversation", f"A message is {_named(message)}, no object. It ends the whole run."
            )
    lengths = lengths or [len(messages)]
    return Row(
        messages=messages,
        pointers=[
            f"{one}/{at}" for one, length in zip(pointers, lengths, strict=True) for at in range(length)
        ],
        prompt=lengths[0] if len(lengths) > 1 else None,
        tools=tools,
        variables=variables,
    )


def _tools(row: Mapping[str, Any]) -> Any:
    tools = row.get("tools")
    if not isinstance(tools, str):
        return tools
    try:
        return json.loads(tools)
    except ValueError as error:
        raise UnreadableRowError(
            "tools_invalid", f"`tools` is a text that is no JSON: {error}. It ends the whole run."
        ) from None


def _variables(row: Mapping[str, Any]) -> Mapping[str, Any]:
    variables = row.get("chat_template_kwargs", {})
    if isinstance(variables, Mapping):
        return variables
    raise UnreadableRowError(
        "trainer_fails",
        "`chat_template_kwargs` stands in other rows and not in this one: TypeError: 'NoneType' object is not a mapping."
        " It ends the whole run.",
    )


_BY_CHANCE = (
    "The answer is an empty list. In some runs that ends with IndexError: list index out of range; in others it is taken:"
    " which column TRL looks at first is left to chance."
)
_EITHER = (
    "The first row has a conversation in `{0}` and none in `{1}`: in some runs TRL takes the rows for conversations, in others"
    " not; which column it looks at first is left to chance."
)
_NO_COLUMN = "TRL looks for a column `{0}` and finds none: KeyError: '{0}'. It ends the whole run."


def _nothing_to_read(row: Mapping[str, Any], text_field: str) -> str:
    if row.get(text_field) is not None:
        return f"`{text_field}` is {_named(row[text_field])}, no text. It ends the whole run."
    return (
        "TRL finds no conversation with `role` and `content` in `messages`, and no"
        f" `{text_field}`: KeyError: '{text_field}'. It ends the whole run."
    )


def _named(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {
        str: "a text",
        bool: "a truth value",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return kinds.get(type(value), "of another type")
