"""Rules about single turns: what a message is made of."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.blocks import Block
from ..core.model import Conversation, Message, Span
from ..core.visible import visible
from ..sources.formats import describe
from .blanks import VISIBLE
from .rule import RELATED_LIMIT, REMOVE, DatasetFinding, Edit, Evidence, Page, Repair, Rule
from .vocabulary import calls, kind, text

_PROSE_LENGTH = 40


def _drop_turn(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if turn is None:
        return []
    message = conversation.messages[turn]
    return [Edit(message.pointer, message.text, REMOVE)]


def _content(message: Message, span: Span) -> Evidence:
    return {"seen": "missing" if message.content_key is None else describe(message.content)}


def _seen(message: Message, span: Span) -> Evidence:
    excerpt = visible(message.raw)[:_PROSE_LENGTH] if isinstance(message.raw, str) else ""
    return {"seen": describe(message.raw), "excerpt": excerpt}


def looks_like_prose(key: str) -> bool:
    """Whether a key reads like text that lost its quotes: blanks, punctuation, or over 40 characters."""
    return len(key) > _PROSE_LENGTH or not key.replace("_", "").replace("-", "").replace(".", "").isalnum()


class _StrayKeys:
    """A key in more than half of the records is the dataset's own and reported once; others are reported where they stand."""

    def __init__(self) -> None:
        self._conversations = 0
        self._having: dict[str, int] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._places: dict[str, list[tuple[int, int, int]]] = {}

    def partial(self, block: Block) -> None:
        self._conversations += len(block)
        strays = [(row, detail["key"]) for row, code, detail in block.notes if code == "turn.stray_key"]
        if not strays:
            return
        places = block.turns.select("conversation", "turn").rows()
        for row, key in strays:
            at, turn = places[row]
            place = (block.source, block.indices[at])
            if self._last.get(key) != place:
                self._last[key] = place
                self._having[key] = self._having.get(key, 0) + 1
            self._places.setdefault(key, []).append((*place, turn))

    def finish(self) -> list[DatasetFinding]:
        found = []
        for key, places in self._places.items():
            prose = looks_like_prose(key)
            if not prose and self._conversations > 1 and 2 * self._having[key] > self._conversations:
                evidence = {
                    "key": key,
                    "turns": len(places),
                    "conversations": self._having[key],
                    "prose": False,
                }
                found.append(DatasetFinding(evidence, places[:RELATED_LIMIT]))
                continue
            found.extend(
                DatasetFinding({"key": key, "turn": turn, "prose": prose}, (), conversation=(source, index))
                for source, index, turn in places
            )
        return found


def _says_stray(evidence: Evidence) -> str:
    key = evidence["key"] if len(evidence["key"]) <= _PROSE_LENGTH else evidence["key"][:_PROSE_LENGTH] + "…"
    if evidence["prose"]:
        return f"The key “{key}” looks like text that a broken quotation mark turned into a key"
    if "turns" in evidence:
        return f"Messages carry the key “{key}”, which no format knows ({evidence['turns']:,} turns)"
    return f"The key “{key}” is known to no format"


_USER = {"role": "user", "content": "Hi"}
_REPLY = {"role": "assistant", "content": "Hello"}
_CALL = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}

RULES: tuple[Rule, ...] = (
    Rule(
        code="turn.empty",
        severity="error",
        scope="turn",
        title="Empty turn",
        when=kind.is_in(["text", "parts"])
        & ~calls.holds
        & ~text.matches(VISIBLE)
        & ~((kind == "parts") & (text == "")),
        says="The turn has no visible character",
        where="content",
        page=Page(
            "Finds turns whose text is empty or holds only blanks and zero-width characters. A tool may answer nothing.",
            "An empty reply teaches the model to end at once; an empty question teaches it to answer nothing.",
            '{"role": "assistant", "content": ""}',
            "Drops the turn. Unsafe: the order of the roles changes.",
        ),
        repair=Repair("unsafe", _drop_turn, "drop the turn", removes_turns=True),
        fires=(
            [_USER, {"role": "assistant", "content": ""}],
            [{"role": "user", "content": " \u200b\n"}, _REPLY],
            [_USER, {"role": "assistant", "content": [{"type": "text", "text": " "}]}],
        ),
        silent=(
            [_USER, _REPLY],
            [_USER, {**_CALL, "content": ""}],
            [_USER, _CALL, {"role": "tool", "content": ""}, _REPLY],
            [_USER, {"role": "assistant", "content": "."}],
        ),
    ),
    Rule(
        code="turn.null",
        severity="error",
        scope="turn",
        title="No content",
        when=kind == "null",
        evidence=_content,
        says="The content is {seen}",
        where="content",
        page=Page(
            "Finds messages whose content is null or missing, without tool calls.",
            "Templates print “None”, fail, or repeat the turn before.",
            '{"role": "assistant", "content": null}',
        ),
        fires=([_USER, {"role": "assistant", "content": None}], [{"role": "user"}, _REPLY]),
        silent=([_USER, _CALL], [_USER, {**_CALL, "content": None}], [_USER, _REPLY]),
    ),
    Rule(
        code="turn.not_object",
        severity="error",
        scope="turn",
        title="A turn that is no object",
        when=kind == "not_object",
        evidence=_seen,
        says=lambda e: (
            f"“{e['excerpt']}” is {e['seen']}, not a message"
            if e["excerpt"]
            else f"{e['seen'][0].upper()}{e['seen'][1:]} stands in place of a message"
        ),
        page=Page(
            "Finds elements of the turn list that are a text, a list, a number or null.",
            "Loaders fail on the record, or on the whole file.",
            '["role:", {"role": "user", "content": "Hi"}]',
        ),
        fires=([_USER, "role:"], [_USER, [_REPLY]], [_USER, None]),
        silent=([_USER, _REPLY],),
    ),
    Rule(
        code="turn.content_type",
        severity="error",
        scope="turn",
        title="Content of a wrong type",
        when=kind == "other",
        evidence=_content,
        says="The content is {seen}, neither text nor a list of typed parts",
        where="content",
        page=Page(
            "Finds content that is a number, a boolean or an object, and lists that hold something else than typed parts.",
            "Some trainers turn it into text, some fail, one trains on the turn before instead.",
            '{"role": "user", "content": 5}',
        ),
        fires=(
            [{"role": "user", "content": 5}, _REPLY],
            [{"role": "user", "content": {"a": 1}}, _REPLY],
            [{"role": "user", "content": ["Hi"]}, _REPLY],
        ),
        silent=([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, _REPLY], [_USER, _REPLY]),
    ),
    Rule(
        code="turn.unknown_part",
        severity="warning",
        scope="turn",
        title="A content part of an unknown type",
        says="A part of type “{type}” is known to no format",
        where="content",
        page=Page(
            "Finds typed parts whose type no published format uses.",
            "Templates leave such parts out without a word.",
            '{"type": "hologram", "data": "..."}',
        ),
        fires=([{"role": "user", "content": [{"type": "hologram"}]}, _REPLY],),
        silent=(
            [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {}}],
                },
                _REPLY,
            ],
        ),
    ),
    Rule(
        code="turn.stray_key",
        severity="info",
        scope="turn",
        title="A key that no format knows",
        wave=_StrayKeys,
        severity_of=lambda evidence: "warning" if evidence["prose"] else "info",
        says=_says_stray,
        page=Page(
            "Finds keys inside a message that no format knows. A key in more than half of the records is reported once."
            " Keys that read like prose are a warning: an unescaped quotation mark ended the text early.",
            "Strict loaders refuse them; behind a prose-like key there is text that the model never sees.",
            '{"role": "user", "content": "the ", "mirror": " stands for..."}',
        ),
        fires=(
            [{**_USER, "mood": "glad"}, _REPLY],
            [{**_USER, "},{": "lost text"}, _REPLY],
        ),
        silent=([{**_USER, "name": "Kai"}, {**_REPLY, "weight": 1}],),
    ),
)
