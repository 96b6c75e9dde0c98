"""RoleThread Lite's 22 codes as rules, for comparison: they run in profile ``rolethread`` and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..checks.rule import DatasetFinding, Evidence, Page, Rule
from ..core.model import Severity
from .diagnosis import (
    SPLIT_EXCHANGES,
    SPLIT_WORDS,
    Diagnosis,
    Layout,
    diagnose,
    imported,
    layout_of,
    majority,
)

if TYPE_CHECKING:
    from ..core.blocks import Block


class _Judged(NamedTuple):
    """What is said of one record, as it stands and as it would be after the import from ShareGPT."""

    source: int
    record: int
    line: int | None
    as_is: list[tuple[str, Evidence]]
    imported: list[tuple[str, Evidence]]


class _Comparison:
    """Judges every record as RoleThread Lite does. It imports a file from ShareGPT, all of it, if most of its records look so."""

    def __init__(self) -> None:
        self._layouts: dict[int, dict[Layout, int]] = {}
        self._judged: list[_Judged] = []

    def partial(self, block: Block) -> None:
        last = None
        for at, (index, raw) in enumerate(zip(block.indices, block.raws, strict=True)):
            if index == last:
                continue  # a record that holds several conversations
            last = index
            turns: dict[str, int] | None = None
            as_is, converted = diagnose(raw), self._converted(raw)
            if any(found.at is not None for found in (*as_is, *(found for found, _ in converted))):
                messages = block.conversation(at).messages
                turns = {message.pointer: number for number, message in enumerate(messages)}
            self._keep(block.source, index, None, raw, as_is, converted, turns or {})

    def rejected(self, source: int, index: int, line: int | None, record: Any) -> None:
        self._keep(source, index, line, record, diagnose(record), self._converted(record), {})

    def finish(self) -> list[DatasetFinding]:
        given: list[DatasetFinding] = []
        chosen = {source: majority(counts) for source, counts in self._layouts.items()}
        for judged in self._judged:
            found = judged.imported if chosen[judged.source] == "sharegpt" else judged.as_is
            place = (judged.source, judged.record)
            line = {} if judged.line is None else {"line": judged.line}
            for code, evidence in found:
                given.append(DatasetFinding({**evidence, **line}, (), conversation=place, code=code))
        return given

    @staticmethod
    def _converted(record: Any) -> list[tuple[Diagnosis, int | None]]:
        """The diagnoses after the import, each with the turn of ``conversations`` that it is about."""
        if not isinstance(record, dict):
            return [(found, None) for found in diagnose(record)]
        entry, origin = imported(record)
        return [(found, None if found.at is None else origin[found.at]) for found in diagnose(entry)]

    def _keep(
        self,
        source: int,
        index: int,
        line: int | None,
        record: Any,
        as_is: list[Diagnosis],
        converted: list[tuple[Diagnosis, int | None]],
        turns: dict[str, int],
    ) -> None:
        counts = self._layouts.setdefault(source, {"chatml": 0, "sharegpt": 0, "unknown": 0})
        counts[layout_of(record)] += 1
        here = [_placed(found, turns.get(f"/messages/{found.at}")) for found in as_is]
        there = [_placed(found, turns.get(f"/conversations/{turn}")) for found, turn in converted]
        self._judged.append(_Judged(source, index, line, here, there))


def _placed(found: Diagnosis, turn: int | None) -> tuple[str, Evidence]:
    return found.code, found.evidence if turn is None else {**found.evidence, "turn": turn}


def _says_empty(what: str) -> Callable[[Evidence], str]:
    def says(evidence: Evidence) -> str:
        if evidence.get("stops"):
            return (
                f"{what} is {evidence['seen']}, not a text; RoleThread Lite itself stops with an error here"
            )
        return f"{what} is empty"

    return says


def _rule(
    code: str,
    severity: Severity,
    title: str,
    does: str,
    example: str,
    says: str | Callable[[Evidence], str],
    where: Literal["content", "role", "message"] = "message",
) -> Rule:
    return Rule(
        code=code,
        severity=severity,
        scope="conversation",
        title=title,
        says=says,
        where=where,
        wave=_Comparison,
        page=Page(
            does,
            "This is RoleThread Lite's rule, for comparison; docs/rolethread-lite.md says what stands for it here.",
            example,
        ),
        fires=(example.encode(),),
        silent=(_CLEAN.encode(),),
    )


def _entry(turns: str, more: str = ', "tags": []') -> str:
    return f'{{"messages": [{turns}]{more}}}'


_S = '{"role": "system", "content": "Be kind."}'
_U = '{"role": "user", "content": "Hi"}'
_A = '{"role": "assistant", "content": "Hello"}'
_CLEAN = _entry(f"{_S}, {_U}, {_A}")

RULES: Sequence[Rule] = (
    _rule(
        "base.not_dict",
        "error",
        "An entry that is no object",
        "Finds records that are no JSON object. RoleThread Lite itself stops with an error while it loads such a file.",
        f"[{_U}, {_A}]",
        "The entry is {seen}, not an object",
    ),
    _rule(
        "base.unknown_top_level_key",
        "info",
        "A key it does not know",
        "Finds keys of the record other than messages, conversations, tags, metadata, source, id and _rolethread.",
        _entry(f"{_S}, {_U}, {_A}", ', "tags": [], "score": 5'),
        "The key “{key}” is none that RoleThread Lite knows",
    ),
    _rule(
        "base.missing_tags",
        "error",
        "No tags",
        "Finds records without the key tags.",
        _entry(f"{_S}, {_U}, {_A}", ""),
        "The entry has no tags",
    ),
    _rule(
        "base.tags_not_list",
        "error",
        "Tags that are no list",
        "Finds records whose tags are no list.",
        _entry(f"{_S}, {_U}, {_A}", ', "tags": "calm"'),
        "The tags are {seen}, not a list",
    ),
    _rule(
        "base.invalid_tag_value",
        "error",
        "A tag that is no text",
        "Finds elements of tags that are no text.",
        _entry(f"{_S}, {_U}, {_A}", ', "tags": [5]'),
        "Tag {place} is {seen}, not a text",
    ),
    _rule(
        "base.empty_tag",
        "info",
        "An empty tag",
        "Finds tags without a visible character.",
        _entry(f"{_S}, {_U}, {_A}", ', "tags": [" "]'),
        "Tag {place} is empty",
    ),
    _rule(
        "chatml.missing_messages",
        "error",
        "No messages",
        "Finds records without the key messages, unless most records of the file are ShareGPT. Nothing more is said of such a record.",
        '{"text": "Once upon a time", "tags": []}',
        "The entry has no messages",
    ),
    _rule(
        "chatml.messages_not_list",
        "error",
        "Messages that are no list",
        "Finds records whose messages are no list. Nothing more is said of such a record.",
        '{"messages": "Hi", "tags": []}',
        "The messages are {seen}, not a list",
    ),
    _rule(
        "chatml.duplicate_system_message",
        "warning",
        "More than one system message",
        "Finds entries with two or more messages whose role is exactly system.",
        _entry(f"{_S}, {_S}, {_A}"),
        "The entry has {count} system messages",
    ),
    _rule(
        "chatml.insufficient_messages",
        "error",
        "Fewer than three messages",
        "Finds entries with fewer than three messages: a system prompt, a user's and an assistant's turn. Nothing more is said of them.",
        _entry(f"{_U}, {_A}"),
        "The entry has {count} messages; RoleThread Lite asks for a system prompt and an exchange",
    ),
    _rule(
        "chatml.incomplete_exchanges",
        "error",
        "An even number of messages",
        "Finds entries that are no system prompt and whole exchanges by their number of messages alone. Nothing more is said of them.",
        _entry(f"{_S}, {_U}, {_A}, {_U}"),
        "{count} messages are not a system prompt and whole exchanges",
    ),
    _rule(
        "chatml.system_not_dict",
        "error",
        "A first message that is no object",
        "Finds entries whose first message is no object. Nothing more is said of them.",
        _entry(f'"Be kind.", {_U}, {_A}'),
        "The first message is {seen}, not an object",
    ),
    _rule(
        "chatml.missing_system_role",
        "error",
        "The first message is no system prompt",
        "Finds entries whose first message has another role than system, in any of the six spellings of it.",
        _entry(f"{_U}, {_U}, {_A}"),
        "The first message should be a system prompt, not “{label}”",
        "role",
    ),
    _rule(
        "chatml.empty_system_content",
        "error",
        "An empty system prompt",
        "Finds first messages without text.",
        _entry(f'{{"role": "system", "content": " "}}, {_U}, {_A}'),
        _says_empty("The system prompt"),
        "content",
    ),
    _rule(
        "chatml.message_not_dict",
        "error",
        "A message that is no object",
        "Finds messages behind the first one that are no object.",
        _entry(f'{_S}, "Hi", {_A}'),
        "The message is {seen}, not an object",
    ),
    _rule(
        "chatml.role_canonicalization",
        "warning",
        "Another spelling of the role",
        "Finds roles that are one of 31 spellings of exactly the role that is expected in their place.",
        _entry(f'{_S}, {{"role": "human", "content": "Hi"}}, {_A}'),
        "“{label}” is another spelling of {role}",
        "role",
    ),
    _rule(
        "chatml.wrong_role",
        "error",
        "Another role than expected",
        "Finds messages whose role is not the one expected in their place, user and assistant by turns. An unknown label is"
        " reported once an entry.",
        _entry(f"{_S}, {_A}, {_A}"),
        "“{label}” stands where RoleThread Lite expects {role}",
        "role",
    ),
    _rule(
        "chatml.content_whitespace",
        "warning",
        "Blanks at the edge",
        "Finds contents with blanks at either end.",
        _entry(f'{_S}, {{"role": "user", "content": " Hi"}}, {_A}'),
        "Blanks stand at an end of the content",
        "content",
    ),
    _rule(
        "chatml.empty_content",
        "error",
        "An empty message",
        "Finds messages behind the first one without text, tool calls or not.",
        _entry(f'{_S}, {_U}, {{"role": "assistant", "content": ""}}'),
        _says_empty("The message"),
        "content",
    ),
    _rule(
        "chatml.ai_refusal_language",
        "warning",
        "Words of refusal",
        "Finds assistant turns that hold one of eight phrases, wherever it stands.",
        _entry(f'{_S}, {_U}, {{"role": "assistant", "content": "I\'m not able to hear you."}}'),
        "The reply holds “{phrase}”",
        "content",
    ),
    _rule(
        "chatml.formatting_leakage",
        "info",
        "Markup in a reply",
        "Finds assistant turns with a code fence, bold text, a heading, <html or <div, or the beginning of a JSON object.",
        _entry(f'{_S}, {_U}, {{"role": "assistant", "content": "**Hello** there"}}'),
        "The reply holds {form}",
        "content",
    ),
    _rule(
        "chatml.split_candidate",
        "info",
        "Long enough to be split",
        f"Finds entries of {SPLIT_EXCHANGES} exchanges or more, or with more than {SPLIT_WORDS:,} words of the assistant.",
        _entry(", ".join([_S, *[_U, _A] * SPLIT_EXCHANGES])),
        "{exchanges} exchanges and {words:,} words of the assistant; RoleThread Lite would split the entry",
    ),
)
