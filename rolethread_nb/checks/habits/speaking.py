"""Replies that speak for the user: a line by his label, or quoted speech that is given to him."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import polars as pl

from ...core.blocks import Block
from ...core.model import Conversation, Message, Span
from ...language.packs import pack
from ...language.speech import parts_of
from ...language.verb_forms import forms, third_forms, verbs
from ..prose import code
from ..rule import DatasetFinding, Evidence, Page, Rule
from .deeds import MACROS
from .narrated import asks_for_second_person, plain, user_names, words_pattern

# How programs and people label the user's turns, in the languages that chats are written in.
_LABELS = (
    "User|Usr|Human|Benutzer|Benutzerin|Nutzer|Utilisateur|Utilisatrice|Usuario|Usuaria|Usuário|Usuária|Utente|Gebruiker|Użytkownik|Uživatel|Kullanıcı"
    "|Användare|Bruker|Felhasználó|Utilizator|Пользователь|Користувач|Χρήστης|用户|用戶|使用者|ユーザー|사용자|المستخدم|کاربر|משתמש|उपयोगकर्ता|ผู้ใช้|Pengguna"
)
_BEFORE, _AFTER = r"^[ \t]*(?:\*\*|__)?", r"(?:\*\*|__)?[ \t\u00a0]?[:：](?:\*\*|__)?"
_LABEL = rf"(?mi){_BEFORE}(?:{_LABELS}|{MACROS}){_AFTER}"
# Any label at the beginning of a line, as of fields and of other speakers.
_ANY = r"(?m)^[ \t]*(?:\*\*|__)?([^\s:：*_\-#>|\"“'`][^:：\n\"“]{0,30}?)(?:\*\*|__)?[ \t\u00a0]?[:：]"
_any = re.compile(_ANY)
# leak.template speaks of whole transcripts by these; two of them are its own.
_TEMPLATE = re.compile(
    r"(?mi)^[ \t]*(?:\*\*)?(user|usr|human|assistant|ai|bot|chatbot|chatgpt|gpt)(?: ?[0-9])?(?:\*\*)? ?:"
)
# A label that is explained is not spoken by.
_EXPLAINED = re.compile(r"(?i)\s*(?:is|are|was|were|means?|refers?|stands?)\b")
# Fields seldom hold whole sentences, and seldom speak of me and you, ask or cry out.
_SENTENCE = re.compile(r".*[.!?…。！？][\"”’'»」』*_)]*\s*$")
_PERSONAL = re.compile(r"(?i)[?!？！]|\b(?:I|me|my|mine|we|us|our|ours|you|your|yours)\b")
# Who asks for a scene in lines wants lines.
_SCENE = re.compile(
    r"(?i)dialog|di[aá]logo|conversation|conversaci|conversa|conversazione|gespräch|unterhaltung|script\b|skript|transcript|transkript|screenplay|sceneg|guión|guion"
    r"|\bplay\b|role.?play an|interview|диалог|разговор|діалог|对话|對話|会話|対話|脚本|剧本|대화|대본|حوار|گفتگو|דיאלוג|\bskit\b|\bscene between"
)
_NEAR = 2  # user turns in which a scene may have been asked for


class _Speaking:
    """Looks at the replies that hold such a label or such an attribution, and at no other."""

    def __init__(self) -> None:
        self._found: list[DatasetFinding] = []
        self._tags = _Tags()

    def partial(self, block: Block) -> None:
        turns = block.turns
        if not turns.height:
            return
        text = pl.col("text")
        reply = (
            (pl.col("role") == "assistant")
            & pl.col("kind").is_in(["text", "parts"])
            & (pl.col("side") != "rejected").fill_null(True)
        )
        english = pl.Series(pack("en").spoken(block.words))
        narrow = turns.select("conversation", "turn", "text", "role", "kind", "side", english=english).filter(
            reply
        )
        labelled = narrow.filter(text.str.contains_any([":", "："]))
        by_label = labelled.filter(text.str.contains(_LABEL))
        by_name = _by_name(turns, labelled)
        quoted = narrow.filter(pl.col("english") & text.str.contains(self._tags.hint))
        named = turns.filter((pl.col("role") == "user") & pl.col("speaker").is_not_null())["conversation"]
        quoted_name = narrow.filter(
            pl.col("english")
            & text.str.contains_any(['"', "“"])
            & pl.col("conversation").is_in(named.implode())
        )
        places = [frame.select("conversation", "turn") for frame in (by_label, by_name, quoted, quoted_name)]
        for at, turn in pl.concat(places).unique().sort("conversation", "turn").iter_rows():
            conversation = block.conversation(at)
            for span, evidence in self._spoken(conversation, turn):
                place = (block.source, block.indices[at])
                self._found.append(
                    DatasetFinding({"turn": turn, **evidence}, (), conversation=place, span=span)
                )

    def _spoken(self, conversation: Conversation, turn: int) -> Iterator[tuple[Span, Evidence]]:
        messages = conversation.messages
        names = user_names(messages)
        yield from lines_of_user(messages, turn, names)
        for span, who in self._tags.given(messages[turn].text, names):
            if not _repeats(messages, turn, span) and not asks_for_second_person(conversation):
                yield span, {"by": "quote", "label": who}

    def finish(self) -> list[DatasetFinding]:
        return self._found


def _by_name(turns: pl.DataFrame, replies: pl.DataFrame) -> pl.DataFrame:
    """The replies in which a line begins with the name of a user turn of their conversation."""
    users = turns.filter(pl.col("role") == "user")
    names = (
        pl.concat(
            [users.select("conversation", name="speaker"), users.select("conversation", name="role_raw")]
        )
        .filter(pl.col("name").is_not_null() & ~pl.col("name").str.to_lowercase().is_in(["user", "human"]))
        .unique()
        .with_columns(pl.col("name").str.to_lowercase())
    )
    empty = replies.clear().select("conversation", "turn")
    if not names.height:
        return empty
    begun = (
        replies.filter(pl.col("conversation").is_in(names["conversation"].unique().implode()))
        .select("conversation", "turn", label=pl.col("text").str.extract_all(_ANY))
        .explode("label")
        .filter(pl.col("label").is_not_null())
        .with_columns(name=pl.col("label").str.strip_chars(" \t\u00a0*_:：").str.to_lowercase())
    )
    return begun.join(names, on=["conversation", "name"], how="semi").select("conversation", "turn")


def lines_of_user(
    messages: Sequence[Message], turn: int, names: Sequence[str]
) -> Iterator[tuple[Span, Evidence]]:
    """The lines of a reply that begin with the user's label, with what they are labelled."""
    value = messages[turn].text
    own = "|".join([_LABELS, MACROS, *map(re.escape, names)])
    pattern = re.compile(rf"(?mi){_BEFORE}({own}){_AFTER}(?P<said>[^\n]*)")
    lines = [
        line
        for line in pattern.finditer(value)
        if line["said"].strip() and not _EXPLAINED.match(line["said"])
    ]
    if not lines or _asked_for_lines(messages[:turn]):
        return
    excused = code(value)
    transcript = (
        len({found[1].lower() for found in _TEMPLATE.finditer(value) if found.start() not in excused}) > 1
    )
    speakers = {name.casefold() for message in messages for name in (message.name, message.role_raw) if name}
    for line in lines:
        label = line[1]
        if line.start() in excused or (transcript and _TEMPLATE.match(line.group())):
            continue
        if _addresses(value, line):
            continue
        fields = _beside(value, line, speakers)
        if fields and not _is_scene(messages[: turn + 1], line, fields):
            continue
        start = line.start() + len(line.group()) - len(line.group().lstrip())
        yield Span(start, line.end()), {"by": "label", "label": label}


def _addresses(value: str, line: re.Match[str]) -> bool:
    """Whether a reply begins by calling somebody: the name, a colon, and the sentence goes on in small letters."""
    first = not value[: line.start()].strip()
    return first and line["said"].lstrip()[:1].islower() and re.match(_LABEL, line.group()) is None


def _asked_for_lines(before: Sequence[Message]) -> bool:
    """Whether the user asked for a scene in lines, or wrote in such lines himself."""
    asked = [message.text for message in before if message.role == "user"][-_NEAR:]
    return any(
        _SCENE.search(text) or re.search(_LABEL, text) or len(_any.findall(text)) > 1 for text in asked
    )


def _beside(value: str, line: re.Match[str], speakers: set[str]) -> list[tuple[str, str]]:
    """The lines next to it that begin with a label by which no turn speaks, as of a field: each label, and what follows."""
    above = value[: line.start()].rstrip().rpartition("\n")[2]
    below = value[line.end() :].lstrip().partition("\n")[0]
    found = []
    for other in (above, below):
        label = _any.match(other)
        known = re.match(_LABEL, other) or _TEMPLATE.match(other)
        if label is not None and not known and label[1].casefold() not in speakers:
            found.append((label[1], other[label.end() :]))
    return found


def _is_scene(messages: Sequence[Message], line: re.Match[str], fields: Sequence[tuple[str, str]]) -> bool:
    """Whether what stands beside it are no fields, but lines of others: all are sentences, and one is by somebody known by name.

    A name is known where the reply lets it speak more than once, or where it is spoken of. Who was asked for a line of this label fills in a form.
    """
    lines = (line["said"], *(said for _, said in fields))
    if not (_PERSONAL.search(line["said"]) and all(map(_SENTENCE.match, lines))):
        return False
    if any(_names(line[1], message.text) for message in messages[:-1] if message.role == "user"):
        return False
    value, before = messages[-1].text, [message.text for message in messages[:-1]]
    labels = [label[1] for label in _any.finditer(value)]
    return any(
        labels.count(name) > 1
        or _names(name, value) > labels.count(name)
        or any(_names(name, text) for text in before)
        for name, _ in fields
    )


def _names(name: str, text: str) -> int:
    """How often a text holds a name; in scripts without capitals it may stand between other letters."""
    if name.lower() == name.upper():
        return text.count(name)
    return len(re.findall(rf"(?<!\w){re.escape(name)}(?!\w)", text))


class _Tags:
    """Attributions of quoted speech to the user: ``"...," you say`` and ``You say, "..."``."""

    def __init__(self) -> None:
        words = pack("en")
        said = verbs(words, "speech")
        yours = words_pattern(list(forms(words, said)))
        theirs = words_pattern(list(third_forms(words, said)))
        adverb = r"(?:\w+ly,?\s+|then\s+|finally\s+|just\s+)?"
        quote = r"[\"“][^\"“”\n]*[.,!?…—–-][\"”]"
        self._behind = rf"({quote})\s*(?:{adverb}(you)\s+{adverb}(?:{yours})|({MACROS}%s)\s+{adverb}(?:{theirs}))\b(?!\s+(?:that|so)\b)"
        self._before = rf"((?:you\s+{adverb}(?:{yours})|(?:{MACROS}%s)\s+{adverb}(?:{theirs})))(?:\s[^\"“”\n.!?;:]{{0,40}})?[,:]\s*([\"“][A-Z…][^\"“”\n]*[\"”])"
        self._might = re.compile(
            rf"(?i)\b(?:{words_pattern(words.get('narration', 'conditional'))}|as|what|how|do|did)\b|'ll\b|'d\b"
        )
        #: What a text has to hold to be worth a look where the user has no name.
        self.hint = (
            rf"(?i)[\"”]\s*{adverb}(?:you|{MACROS})\s+{adverb}(?:{words_pattern([*forms(words, said), *third_forms(words, said)])})\b"
            rf"|(?:you|{MACROS})\s+{adverb}(?:{yours}|{theirs})\b[^\"“”\n.!?;:]{{0,40}}[,:]\s*[\"“]"
        )

    def given(self, text: str, names: Sequence[str]) -> Iterator[tuple[Span, str]]:
        """The attributions of a text, with who is named."""
        read = plain(text)
        own = "".join(f"|{re.escape(name)}" for name in names)
        told = parts_of(text).narration
        taken = -1
        for pattern, behind in ((self._behind, True), (self._before, False)):
            for found in re.finditer(rf"(?i){pattern % own}", read):
                at = found.end(1) if behind else found.start(1)
                if found.start() < taken or not any(stretch.start <= at < stretch.end for stretch in told):
                    continue
                if self._is_told(read, found, behind):
                    taken = found.end()
                    who = (found[2] or found[3]) if behind else found[1].split()[0]
                    yield Span(*found.span()), who

    def _is_told(self, read: str, found: re.Match[str], behind: bool) -> bool:
        """Whether it is told as a fact: no question, no condition, no word in quotation marks within a sentence."""
        rest = re.match(r"[^.!?\n\"“]*[.!?]?", read[found.end() :])
        if behind and rest is not None and rest.group().endswith("?"):
            return False
        head = re.split(r"[.!?…\n\"”]", read[: found.start() if not behind else found.end(1)])[-1]
        if not behind and not re.search(
            r"(?i)(?:^|[,;:—–*]|\b(?:and|but|then|so))\s*(?:\w+ly,?\s+|then\s+)?$", head
        ):
            return False
        if self._might.search(head):
            return False
        asks = re.search(r"(?i)\b(?:ask|wonder)$", found.group()) is not None
        return not (behind and asks and len(re.findall(r"[\"“][^\"“”\n]*[\"”]", read)) == 1)


def _repeats(messages: Sequence[Message], turn: int, span: Span) -> bool:
    """Whether the user said so himself: nearly all words of the quotation stand in his turns."""
    quoted = re.search(r"[\"“]([^\"“”\n]*)[\"”]", messages[turn].text[span.start : span.end])
    words = re.findall(r"\w+", quoted[1].casefold()) if quoted else []
    said = {
        word
        for message in messages[:turn]
        if message.role == "user"
        for word in re.findall(r"\w+", message.text.casefold())
    }
    return not words or sum(word in said for word in words) >= 0.7 * len(words)


def _says(evidence: Evidence) -> str:
    if evidence["by"] == "label":
        return f"A line by the user's label {evidence['label']} inside a reply"
    return f"Quoted speech is given to the user ({evidence['label']})"


def _reply(text: str, question: str = "Go on.", **name: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question, **name}, {"role": "assistant", "content": text}]


RULES: tuple[Rule, ...] = (
    Rule(
        code="roleplay.speaks_for_user",
        severity="error",
        scope="turn",
        title="A reply that speaks for the user",
        wave=_Speaking,
        says=_says,
        where="content",
        page=Page(
            "Finds lines of a reply that begin with the user's label (User:, {{user}}:, its word in other languages, the speaker's name), and in"
            " English quoted speech that is given to the user (“...,” you say). Code, lists of fields, scenes that the user asked for, and what the"
            " user said himself are left alone; a line between those of other characters is found where they speak and are known by name. Whole transcripts of two labels or more are leak.template's.",
            "The model learns to go on with the user's turn, and does not stop where it should.",
            "Your order is on its way.\\nUser: Thanks, when will it be here?",
        ),
        fires=(
            _reply("It left today.\nUser: When will it be here?"),
            _reply("*She waits.*\n{{user}}: I am coming!"),
            _reply("Gone.\nJonas: I saw him on Sunday.", name="Jonas"),
            _reply("好的。\n用户：谢谢你。"),
            _reply("Mira: Run, I hold the door!\nUser: I stay here.\nMira: Then help me!"),
            _reply('"Sit," he says. "I would rather stand," you reply.'),
            _reply('He waits. You say, "I have never seen him."'),
        ),
        silent=(
            _reply("Host: example.org\nUser: admin\nPort: 22"),
            _reply("Problem: The page stays white.\nUser: I cannot log in!\nCause: An old certificate."),
            _reply("```\nUser: hello\n```"),
            _reply("User: Hi\nAssistant: Hello"),
            _reply("User: Hi there\nBot: Hello", question="Write a dialogue."),
            _reply('You said "I am tired". Since when?', question="I am tired."),
            _reply('You could say, "I need some time."'),
        ),
    ),
)
