"""Turns that begin with the name of their speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import polars as pl

from ...core.blocks import Block
from ...core.model import Conversation, Message, Span
from ...core.splice import WithKey
from ..macros import has_names
from ..macros import names as names_in_record
from ..rule import DatasetFinding, Edit, Evidence, Page, Repair, Rule
from .deeds import MACROS
from .narrated import user_names

_NAME = r"[\p{L}{<][\p{L}\p{M}\p{N}'’.\- {}>]{0,40}?"
_PREFIX = rf"^\s*(?:\*\*|__)?({_NAME})(?:\*\*|__)?[ \t\u00a0]?[:：]"
_LONGEST = 80  # characters of a turn in which its first label ends
_prefix = re.compile(
    r"\s*(?:\*\*|__)?([^\W\d_{<]?[^\n:：*_]{0,41}?)(?:\*\*|__)?[ \t\u00a0]?[:：](?:\*\*|__)?[ \t\u00a0]*"
)
_CHARACTER = r"\{\{ ?char ?\}\}|<(?:CHAR|BOT)>"
_ASKS = ("system", "developer", "user")
_PLAIN = ("user", "assistant", "human", "gpt", "bot", "model")  # labels that name nobody
# How a prompt says who is played; the name comes next, or after a noun ("your name is", "name:").
_NAMED = re.compile(
    r"(?i)(?:you are|you're|your name is|named|called|play(?:ing)?|act as|role of|name|character|du bist|dein name ist|du heißt|sie sind|tu es|vous êtes"
    r"|tu t'appelles|ton nom est|eres|te llamas|tu nombre es|sei|ti chiami|você é|és|jij bent|je bent|ты|тебя зовут|имя|你是|你叫|名字|名前|あなたは|당신은|이름)"
    r"[\s:：*\"“'‘]*$"
)
_CALLED_BEFORE, _CALLED_AFTER = re.compile(r"(?:^|[,!?.…¡¿\n]\s*)$"), re.compile(r"\s*(?:$|[,!?.…\n])")
_ASKED = re.compile(r"[*_]{0,2}\s?[:：]")


class _Prefixes:
    """Finds turns that begin with a name that the record gives for their speaker; silent where most replies do."""

    def __init__(self, share: float, turns: float) -> None:
        self._share, self._fewest = share, turns
        self._replies = self._prefixed = 0
        self._found: list[tuple[tuple[int, int], int, Span, str, bool]] = []

    def partial(self, block: Block) -> None:
        turns = block.turns
        if not turns.height:
            return
        spoken = turns.filter(
            pl.col("role").is_in(["assistant", "user"])
            & pl.col("kind").is_in(["text", "parts"])
            & (pl.col("side") != "rejected").fill_null(True)
        ).select("conversation", "turn", "role", text=pl.col("text").str.head(_LONGEST))
        fresh = pl.Series(block.fresh[spoken["conversation"].to_numpy()], dtype=pl.Boolean)
        self._replies += int((fresh & (spoken["role"] == "assistant")).sum())
        begun = _may_begin_so(
            block, spoken.with_columns(fresh=fresh).filter(pl.col("text").str.contains(_PREFIX))
        )
        for at, turn, role, is_fresh in begun.select("conversation", "turn", "role", "fresh").iter_rows():
            conversation = block.conversation(at)
            if (found := prefix_of(conversation, turn)) is None:
                continue
            span, label = found
            self._prefixed += is_fresh and role == "assistant"
            place = (block.source, block.indices[at])
            self._found.append((place, turn, span, label, _nameable(conversation.messages[turn], label)))

    def finish(self) -> list[DatasetFinding]:
        share = self._prefixed / max(1, self._replies)
        if self._replies >= self._fewest and share >= self._share:
            return []
        shared: Evidence = {"prefixed": self._prefixed, "replies": self._replies, "threshold": self._share}
        return [
            DatasetFinding(
                {"turn": turn, "label": label, "nameable": nameable, **shared},
                (),
                conversation=place,
                span=span,
            )
            for place, turn, span, label, nameable in self._found
        ]


def _may_begin_so(block: Block, begun: pl.DataFrame) -> pl.DataFrame:
    """Of turns that begin with some label, those whose label is a name of their side, or may be where their side has no name."""
    who = pl.coalesce(
        "speaker", pl.when(~pl.col("role_raw").str.to_lowercase().is_in(_PLAIN)).then("role_raw")
    )
    own = block.turns.select("conversation", "role", "role_raw", "speaker").filter(
        pl.col("conversation").is_in(begun["conversation"].unique().implode())
    )
    names = own.select("conversation", "role", name=who.str.to_lowercase()).drop_nulls().unique()
    begun = begun.with_columns(label=pl.col("text").str.extract(_PREFIX).str.strip_chars())
    begun = begun.with_columns(name=pl.col("label").str.to_lowercase())
    side = ["conversation", "role"]
    macro = begun.filter(pl.col("label").str.contains(r"^[{<]"))
    named = begun.join(names, on=[*side, "name"], how="semi")
    nameless = begun.filter(pl.col("role") == "assistant").join(names, on=side, how="anti")
    found = [macro, named, _told_before(block, nameless)]
    return pl.concat(found).unique(["conversation", "turn"]).sort("conversation", "turn")


def _told_before(block: Block, begun: pl.DataFrame) -> pl.DataFrame:
    """Of replies that begin with a label, those whose label stands in a prompt or turn of the user before, or whose record has names."""
    having = begun["conversation"].unique()
    named = [has_names(block.raws[at]) for at in having.to_list()]
    in_record = having.filter(pl.Series(named, dtype=pl.Boolean))
    texts = block.turns.select("conversation", "role", before="turn", said="text").filter(
        pl.col("role").is_in(_ASKS), pl.col("conversation").is_in(having.implode())
    )
    told = (
        begun.select("conversation", "turn", "label")
        .join(texts.drop("role"), on="conversation")
        .filter(pl.col("before") < pl.col("turn"), pl.col("said").str.contains(pl.col("label"), literal=True))
    )
    known = pl.col("conversation").is_in(in_record.implode())
    return pl.concat(
        [begun.filter(known), begun.filter(~known).join(told, on=["conversation", "turn"], how="semi")]
    )


def prefix_of(conversation: Conversation, turn: int) -> tuple[Span, str] | None:
    """Where the name at the beginning of a turn stands, up to what is said, and the name; None if it begins with none."""
    messages = conversation.messages
    message = messages[turn]
    found = _prefix.match(message.text)
    if found is None or not message.text[found.end() :].strip():
        return None
    label = found[1].strip()
    if message.role == "assistant" and label.casefold() in {name.casefold() for name in user_names(messages)}:
        return None  # roleplay.speaks_for_user
    if not label or not _is_speaker(conversation, turn, label) or _in_lines(message.text, found.end()):
        return None
    begins = len(message.text) - len(message.text.lstrip())
    return Span(begins, found.end()), label


def _is_speaker(conversation: Conversation, turn: int, label: str) -> bool:
    """Whether the record says that this is who speaks: by the name of its turns, its keys, its prompt, or what the user calls him."""
    messages, message = conversation.messages, conversation.messages[turn]
    if re.fullmatch(_CHARACTER if message.role == "assistant" else MACROS, label):
        return True
    named = [message] if message.name else [other for other in messages if other.role == message.role]
    own = {name.casefold() for other in named for name in _names(other)}
    if (known := names_in_record(conversation).get(message.role or "")) is not None:
        own.add(known.casefold())
    if label.casefold() in own:
        return True
    if own or message.role != "assistant":
        return False  # who speaks is somebody else
    before = messages[:turn]
    for other in before:
        if other.role != "assistant" and any(_ASKED.match(other.text, at) for at in _ends(other.text, label)):
            return False  # the form is asked for, or the user writes so too
    prompts = [other.text for other in before if other.role in ("system", "developer")]
    if any(
        _NAMED.search(text[max(0, at - _LONGEST) : at]) for text in prompts for at in _starts(text, label)
    ):
        return True
    if not all(word[:1].isupper() for word in label.split()):
        return False
    asked = [other.text for other in before if other.role == "user"]
    return any(
        _CALLED_BEFORE.search(text[max(0, at - 3) : at]) and _CALLED_AFTER.match(text, at + len(label))
        for text in asked
        for at in _starts(text, label)
    )


def _starts(text: str, label: str) -> Iterator[int]:
    """Where a label stands in a text as words of its own."""
    at = text.find(label)
    while at >= 0:
        if not text[at + len(label) : at + len(label) + 1].isalnum():
            yield at
        at = text.find(label, at + len(label))


def _ends(text: str, label: str) -> Iterator[int]:
    return (at + len(label) for at in _starts(text, label))


def _names(message: Message) -> Sequence[str]:
    """The speaker of a turn, and its label where that is no plain role."""
    plain = message.role_raw is None or message.role_raw.casefold() in (
        "user",
        "assistant",
        "human",
        "gpt",
        "bot",
        "model",
    )
    return [name for name in (message.name, None if plain else message.role_raw) if name]


def _in_lines(text: str, start: int) -> bool:
    """Whether other lines begin with a label too, as in a script or in a list of fields."""
    return (
        re.search(
            r"(?m)^\s*(?:\*\*|__)?[^\W\d_][^\n:：*_.!?]{0,30}(?:\*\*|__)?[:：]",
            text[start:].partition("\n")[2],
        )
        is not None
    )


def _nameable(message: Message, label: str) -> bool:
    """Whether the name can go into the message: it has none yet, or the same one."""
    return (
        isinstance(message.raw, dict)
        and isinstance(message.content, str)
        and message.placed
        and message.content_key is not None
        and not re.fullmatch(f"{_CHARACTER}|{MACROS}", label)
        and message.raw.get("name") in (None, label)
    )


def _into_name(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    """The text without the name, and the name as the message's own."""
    if turn is None or (found := prefix_of(conversation, turn)) is None:
        return []
    message, (span, label) = conversation.messages[turn], found
    if not _nameable(message, label):
        return []
    rest = message.text[: span.start] + message.text[span.end :]
    value: object = rest if "name" in message.raw else WithKey(rest, "name", label)
    return [Edit(message.content_pointer, message.text, value)]


def _says(evidence: Evidence) -> str:
    return f"The turn begins with “{evidence['label']}:”; {evidence['prefixed']:,} of {evidence['replies']:,} replies begin so"


def _chat(reply: str, name: str | None = "Lena", system: str = "") -> list[dict[str, str]]:
    turns = [{"role": "system", "content": system}] if system else []
    answer = {"role": "assistant", "content": reply}
    return [*turns, {"role": "user", "content": "Who is it?"}, {**answer, "name": name} if name else answer]


RULES: tuple[Rule, ...] = (
    Rule(
        code="roleplay.name_prefix",
        severity="info",
        scope="turn",
        title="A turn that begins with its speaker's name",
        wave=_Prefixes,
        thresholds={"share": 0.5, "turns": 20},
        says=_says,
        where="content",
        page=Page(
            "Finds turns that begin with a name and a colon, where the record says that this is who speaks: by the name of its turns, a key such as"
            " char_name, its system prompt, or because the user calls him so. Scripts, lists of fields and a form that the prompt asks for are left"
            " alone. Where half (threshold share) of at least 20 replies (turns) begin so, it is the convention, and nothing is reported.",
            "Most templates print no name, so the model learns to begin some of its turns with a label, at random.",
            '{"role": "assistant", "content": "Lena: It\'s me."}',
            "Takes the name out of the text and puts it into name. Unsafe: many templates drop name, and the text alone no longer says who speaks.",
        ),
        repair=Repair(
            "unsafe",
            _into_name,
            "put the name into name",
            fits=lambda evidence: evidence.get("nameable") is True,
        ),
        fires=(
            _chat("Lena: It's me."),
            _chat("**Lena:** It's me."),
            _chat("Lena：是我。"),
            _chat("Lena: It's me.", name=None, system="You are Lena, a nurse."),
            _chat("{{char}}: It's me.", name=None),
        ),
        silent=(
            _chat("Note: it's me."),
            _chat("It's me."),
            _chat("Lena: It's me.", name=None),
            _chat("Lena: It's me.", name=None, system="You are Lena. Begin with 'Lena:'."),
            _chat("Lena: It's me.\nJonas: Come in."),
        ),
    ),
)
