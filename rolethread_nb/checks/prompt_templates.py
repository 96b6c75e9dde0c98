"""What flat prompts are made of, inside a turn: headings and labels of speakers, words that mark an end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..core.model import Conversation, Message, Span
from .prose import Stretches, code
from .rule import Evidence, Mark, Page, Rule
from .vocabulary import role, text

_EXPLAINS = ("system", "developer")  # turns that may explain a format
_SENTENCE_END = r"[.!?…”’»)*。！？]"

# Alpaca's, Guanaco's and their kind: a heading of hashes with a colon; without one, two of them. Singular, as a recipe's "### Instructions"
# is a heading of its own. Flattened text has them behind a sentence.
_HEADING = (
    rf"(?mi)(?:^|{_SENTENCE_END})[ \t]*"
    r"(#{2,4} ?(?:(?:instruction|response|human|assistant|user|system) ?[:：]|(?:instruction|input|response)[ \t]*\r?$))"
)
_HEADINGS = re.compile(_HEADING)
_ANY_HEADING = re.compile(r"(?m)^[ \t]*(#{2,4}) ?[^\s#]")
# Of these no document makes headings beside others of its own.
_TELLING = {"instruction", "human", "assistant"}

_ASKS = "user|usr|human|usuario|usuário|utilisateur|utilisatrice|nutzer|benutzer|utente|пользователь|用户|用戶|ユーザー|사용자|المستخدم|کاربر"
_ANSWERS = "assistant|ai|bot|chatbot|chatgpt|gpt|asistente|assistente|assistent|ассистент|助手|アシスタント|어시스턴트|المساعد|دستیار"
# Four blanks or a tab in front are Markdown's code. Vicuna's capitals stand behind a sentence, too.
_LABEL = (
    rf"(?mi)(?:^ {{0,3}}((?:\*\*)?<?(?:gpt4 (?:correct )?)?(?:{_ASKS}|{_ANSWERS})(?: ?[0-9])?>?(?:\*\*)?[ \u00a0\u202f]?[:：])"
    rf"|{_SENTENCE_END} ((?-i:USER|HUMAN|ASSISTANT|GPT) ?[:：]))"
)
_LABELS = re.compile(_LABEL)
_ANSWERING = re.compile(rf"(?i)(?:{_ANSWERS})(?: ?[0-9])?\Z")
_ANY_LABEL = re.compile(r"(?m)^ {0,3}(?:\*\*)?[^\W\d][\w .'-]{0,30}>?(?:\*\*)?[ \u00a0\u202f]?[:：]")

_STOP = "###STOP###"
_STOPS = re.compile(rf"(?m){_STOP}(?=[ \t]*\r?$)")  # where more follows on the line, it is spoken of

_END = r"[.!?…\"'”’»)*。！？]\s+END\s*\z"
_ENDS = re.compile(r"[.!?…\"'”’»)*。！？]\s+(END)\s*\Z")
_SPEAKERS = 2  # different labels that make a transcript
_TAIL = 200  # characters at the end in which an end marker is looked for
# Languages in which a line or a program ends with END.
_PROGRAM = re.compile(r"\b(?:CASE|BEGIN|PRINT|GOTO|SELECT|PROCEDURE|THEN)\b")
_ASKS_FOR_END = re.compile(r"(?<!\w)END(?!\w)")


def _words(seen: str) -> str:
    """The words of a heading or a label: "### Response:" is "response"."""
    return re.sub(r"[\s#*:：<>]+", " ", seen).strip().lower()


def _headings(value: str, excused: Stretches) -> list[Span]:
    """Headings of a prompt; not those of a document that has others of their level, as a page about requests and responses."""
    found = [match for match in _HEADINGS.finditer(value) if match.start(1) not in excused]
    kinds = {_words(match[1]) for match in found}
    if not kinds:
        return []
    starts = {match.start(1) for match in found}
    levels = {match[1].count("#") for match in found}
    document = any(
        match.start(1) not in starts and match.start(1) not in excused and len(match[1]) in levels
        for match in _ANY_HEADING.finditer(value)
    )
    if document and not kinds & _TELLING:
        return []
    return [Span(*match.span(1)) for match in found if len(kinds) > 1 or match[1].endswith((":", "："))]


def _labels(value: str, excused: Stretches, role: str | None) -> list[Span]:
    """Labels of at least two speakers."""
    found = [
        Span(*match.span(match.lastindex or 0))
        for match in _LABELS.finditer(value)
        if match.start(match.lastindex or 0) not in excused
    ]
    if len({_words(value[span.start : span.end]) for span in found}) < _SPEAKERS:
        return []
    first, last = found[0], found[-1]
    every = sum(1 for _ in _ANY_LABEL.finditer(value, first.start))
    if every >= 2 * len(found):
        return []  # fields of a form
    # A user who shows what was said begins with words of their own, then comes their side of it.
    begins = not value[: first.start].strip() or _ANSWERING.match(_words(value[first.start : first.end]))
    if role == "user" and not begins and value[last.end :].strip():
        return []
    return found


def _end(value: str) -> list[Span]:
    """END behind the last sentence; not where a program, a telegram or a script ends with it."""
    tail = max(0, len(value.rstrip()) - _TAIL)
    match = _ENDS.search(value[tail:])
    if match is None:
        return []
    start = tail + match.start(1)
    line = value[tail:start].rstrip().rpartition("\n")[2]
    if line.isupper() or _PROGRAM.search(value, tail):
        return []
    return [Span(start, start + len("END"))]


def _spans(message: Message) -> list[Span]:
    if message.role in (*_EXPLAINS, "tool") or message.kind not in ("text", "parts"):
        return []
    value = message.text
    excused = code(value)
    spans = _headings(value, excused) + _labels(value, excused, message.role)
    spans += [Span(*match.span()) for match in _STOPS.finditer(value) if match.start() not in excused]
    if message.role == "assistant":
        spans += _end(value)
    return sorted(spans)


class _Asked:
    """What the turns so far ask for: the headings and the end that they name, and the speakers that the last of them names."""

    def __init__(self) -> None:
        self._headings = self._last = ""
        self._end = False

    def read(self, message: Message) -> None:
        """A turn that is itself no part of a template."""
        value = message.text
        self._headings += re.sub(r"[\s*]+", "", value).lower() if "##" in value else ""
        self._end = self._end or _ASKS_FOR_END.search(value) is not None
        self._last = value.lower() if message.role == "user" else self._last

    def forget(self) -> None:
        """The last turn is part of a template: its labels are no wish."""
        self._last = ""

    def excuses(self, seen: str) -> bool:
        """Whether a heading or an end was asked for."""
        return (
            self._end
            if seen == "END"
            else "#" in seen and f"#{_words(seen).replace(' ', '')}" in self._headings
        )

    def names(self, labels: Sequence[str]) -> bool:
        """Whether the last question names these speakers, as one does that wishes for a dialogue."""
        return all(
            re.search(r"(?<![a-z])ai(?![a-z])" if label == "ai" else re.escape(label), self._last)
            for label in {_words(label).rstrip(" 0123456789") for label in labels}
        )


def _marks(conversation: Conversation) -> Iterator[Mark]:
    asked = _Asked()
    for message in conversation.messages:
        if message.role in _EXPLAINS:
            asked.read(message)
    for turn, message in enumerate(conversation.messages):
        spans = _spans(message)
        seen = [message.text[span.start : span.end] for span in spans]
        labels = [one for one in seen if "#" not in one and one != "END"]
        named = message.role != "user" and bool(labels) and asked.names(labels)
        speakers = len({_words(one) for one in labels})
        for span, one in zip(spans, seen, strict=True):
            if not asked.excuses(one) and not (named and one in labels):
                yield Mark(turn, span, _evidence(message.text, span, speakers))
        if message.role == "user" and spans:
            asked.forget()
        elif message.role == "user":
            asked.read(message)


def _evidence(value: str, span: Span, speakers: int) -> Evidence:
    """What was seen, of which list it is, and what was counted beside it."""
    seen = value[span.start : span.end].strip()
    if seen == _STOP:
        return {"seen": seen, "list": "stops"}
    if seen == "END":
        behind = len(value.rstrip()) - span.start
        return {"seen": seen, "list": "ends", "characters": behind, "threshold": _TAIL}
    if "#" in seen:
        return {"seen": seen, "list": "headings"}
    return {"seen": seen, "list": "labels", "speakers": speakers, "threshold": _SPEAKERS}


def _replies(*texts: str) -> tuple[list[dict[str, str]], ...]:
    return tuple(
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": value}] for value in texts
    )


def _answered(question: str, reply: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]


RULES: tuple[Rule, ...] = (
    Rule(
        code="leak.template",
        severity="warning",
        scope="turn",
        title="A prompt template in the text",
        look=_marks,
        among=~role.is_in([*_EXPLAINS, "tool"])
        & (
            (text.contains("##") & text.matches(_HEADING))
            | text.matches(_LABEL)
            | text.contains(_STOP)
            | ((role == "assistant") & text.matches(_END))
        ),
        needs=("#", ":", "D", "apart"),
        says="“{seen}” is part of a prompt template",
        where="content",
        page=Page(
            "Finds what flat prompts are made of inside a turn: headings such as ### Response:, two or more labels such as User: and Assistant:"
            " (in twelve languages) at the beginning of lines or, in capitals, behind a sentence, ###STOP### at the end of a line, and END behind"
            " the last sentence of a reply. Left alone are system prompts and code; headings and an END that an earlier turn asks for; Response:"
            " and its like among other headings of a document; labels among as many others, as in a form; a dialogue whose speakers the question"
            " names; a log that users show behind words of their own; END in capitals or behind code.",
            "The model learns to write the user's next turn itself, or to end its replies with a word.",
            "Sure.\\n### Instruction:\\nAnd now ...",
        ),
        fires=(
            *_replies(
                "Sure.\n\n### Response:\nYes.",
                "### Instruction:\nSay it.\n### Response:\nIt.",
                "Yes.### Human: And?### Assistant: No.",
                "Hello.\nUser: And you?\nAssistant: Fine.",
                "Fine. USER: And you? ASSISTANT: Fine.",
                "**Human:** Hi\n**AI:** Ho",
                "<human>: Hi\n<bot>: Ho",
                "好的。\n用户：明天呢？\n助手：会下雨。",
                "Bye. END",
                "Done.\n\nEND\n",
            ),
            _answered("User: Hi\nAssistant:", "Hello."),
            _answered("Thanks ###STOP###", "Hello"),
        ),
        silent=(
            *_replies(
                "### Instructions\n1. Mix.",
                "## Response times",
                "### Response\n\n| name | type |",
                "### Request:\nGET\n### Response:\n200",
                "Write ### Instruction: first.",
                "User: is a label.",
                "user: a\nbot: b\nhost: c\nport: d",
                "class A:\n    user: str\n    bot: str",
                "```\n### Response:\n```",
                "And so we come to THE END",
                "SELECT CASE WHEN a THEN 1 END",
                "SELECT CASE WHEN a THEN 'x' END",
                "FADE OUT.\n\nEND",
                "In the END.",
                "###STOP### ends a talk.",
            ),
            _answered("Close with the word END.", "Good night. END"),
            _answered("Write a talk of a human with an AI.", "Human: Hi\nAI: Ho"),
            _answered("It said:\n\nUser: Hi\nBot: Go away.\n\nWhy?", "I am sorry."),
            [
                {"role": "system", "content": "Start with '###Instruction###'. ### Response:"},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "### Response:\nHi"},
            ],
        ),
    ),
)
