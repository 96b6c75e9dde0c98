"""Rules about what leaks into text from the tools around it: control tokens, prompt templates, thoughts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..core.model import Conversation, Message, Severity, Span
from . import macros
from .mending import rewriting
from .prose import code
from .rule import Evidence, Mark, Page, Repair, Rule
from .tokens import CONTROL, CONTROL_PATTERN
from .vocabulary import role, text

_STRIKE = re.compile(r"<s[ >]")
_EXPLAINS = ("system", "developer")  # turns that may explain a format

# ---------------------------------------------------------------- control strings


def _control_spans(message: Message) -> list[Span]:
    value = message.text
    struck = _STRIKE.search(value) if "</s>" in value else None
    return [
        Span(*match.span())
        for match in CONTROL.finditer(value)
        # </s> behind <s> is HTML's strike-through
        if not (match.group() == "</s>" and struck is not None and struck.end() <= match.start())
    ]


def _control_evidence(message: Message, span: Span) -> Evidence:
    return {"token": message.text[span.start : span.end], "role": message.role}


def _control_severity(evidence: Evidence) -> Severity:
    return "warning" if evidence["role"] in _EXPLAINS else "error"


def _without_control(value: str) -> str:
    return CONTROL.sub("", value)


# ---------------------------------------------------------------- prompt templates

# Alpaca's, Vicuna's and their kind: a heading of hashes with a colon; without one, two of them. Singular, as a recipe's "### Instructions"
# is a heading of its own.
_HEADING = r"(?mi)^[ \t]*#{2,4} ?(?:(?:instruction|response|human|assistant|user|system) ?:|(?:instruction|input|response)[ \t]*\r?$)"
_LABELS = "user|usr|human|assistant|ai|bot|chatbot|chatgpt|gpt"
_LABEL = rf"(?mi)^[ \t]*(?:\*\*)?(?:{_LABELS})(?: ?[0-9])?(?:\*\*)? ?:"
_STOP = "###STOP###"
_END = r"[.!?…\"'”’»)*。！？]\s+END\s*\z"
_HEADINGS, _LABELLED = re.compile(_HEADING), re.compile(_LABEL)
_ENDS = re.compile(r"[.!?…\"'”’»)*。！？]\s+(END)\s*\Z")
_TAIL = 200  # characters at the end in which a stop marker is looked for


def _trimmed(value: str) -> str:
    return re.sub(r"[\s#*:]+", " ", value).strip().lower()


def _template_spans(message: Message) -> list[Span]:
    if message.role in (*_EXPLAINS, "tool") or message.kind not in ("text", "parts"):
        return []
    value = message.text
    excused = code(value)
    headings = [match for match in _HEADINGS.finditer(value) if match.start() not in excused]
    alone = len({_trimmed(match.group()) for match in headings}) < 2
    spans = [Span(*match.span()) for match in headings if not alone or match.group().endswith(":")]
    labels = [match for match in _LABELLED.finditer(value) if match.start() not in excused]
    if len({_trimmed(match.group()) for match in labels}) > 1:
        spans += [Span(*match.span()) for match in labels]
    at = value.find(_STOP)
    while at >= 0:
        if at not in excused:
            spans.append(Span(at, at + len(_STOP)))
        at = value.find(_STOP, at + len(_STOP))
    if message.role == "assistant":
        tail = max(0, len(value.rstrip()) - _TAIL)
        if (end := _ENDS.search(value[tail:])) is not None:
            spans.append(Span(tail + end.start(1), tail + end.end(1)))
    return sorted(spans)


def _template_marks(conversation: Conversation) -> Iterator[Mark]:
    asked = "\n".join(message.text for message in conversation.messages if message.role in _EXPLAINS).lower()
    for turn, message in enumerate(conversation.messages):
        for span in _template_spans(message):
            words = _trimmed(message.text[span.start : span.end])
            if "###" in asked and words and words in asked:
                continue  # the system prompt asks for this heading
            yield Mark(turn, span)


def _template_evidence(message: Message, span: Span) -> Evidence:
    return {"seen": message.text[span.start : span.end].strip()}


# ---------------------------------------------------------------- thoughts

_THOUGHT_TAGS = "think|thinking|thought|reasoning"
_THOUGHT_PATTERN = f"(?i)</?(?:{_THOUGHT_TAGS})>"
_THOUGHT = re.compile(f"<(/?)({_THOUGHT_TAGS})>", re.IGNORECASE)


def _thought_spans(message: Message) -> list[Span]:
    """Blocks with their tags; an open one reaches to the end, and where only the closing tag stands, the thought began with the turn."""
    if message.role != "assistant":
        return []
    value = message.text
    excused = code(value)
    spans: list[Span] = []
    opened: re.Match[str] | None = None
    for match in _THOUGHT.finditer(value):
        if opened is None and match.start() in excused:
            continue
        if match[1] == "":
            opened = opened or match
        elif opened is not None and match[2].lower() == opened[2].lower():
            spans.append(Span(opened.start(), match.end()))
            opened = None
        elif opened is None and not spans:
            spans.append(Span(0, match.end()))
    if opened is not None:
        spans.append(Span(opened.start(), len(value)))
    return spans


def _thought_evidence(message: Message, span: Span) -> Evidence:
    block = message.text[span.start : span.end]
    begins = _THOUGHT.match(block)
    opened = begins is not None and begins[1] == ""
    tag = begins[2] if begins is not None and opened else block[block.rfind("</") + 2 : -1]
    closed = block.lower().endswith(f"</{tag.lower()}>")
    return {"tag": tag, "opened": opened, "closed": closed, "characters": len(block)}


def _says_thought(evidence: Evidence) -> str:
    length = f"{evidence['characters']:,} characters"
    if not evidence["closed"]:
        return f"A <{evidence['tag']}> block is never closed ({length})"
    if not evidence["opened"]:
        return f"A block ends with </{evidence['tag']}> and was never opened ({length})"
    return f"A <{evidence['tag']}> block stands in the text ({length})"


_REPLY = {"role": "assistant", "content": "Hello"}


def _says(content: str, role: str = "user") -> list[dict[str, str]]:
    return [{"role": role, "content": content}, _REPLY]


def _cases(*texts: str) -> Sequence[list[dict[str, str]]]:
    return [_says(value) for value in texts]


def _replies(*texts: str) -> tuple[list[dict[str, str]], ...]:
    return tuple(
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": value}] for value in texts
    )


RULES: tuple[Rule, ...] = (
    Rule(
        code="leak.control_token",
        severity="error",
        scope="turn",
        title="A control token in the text",
        when=text.matches(CONTROL_PATTERN),
        needs=("<", "["),
        spans=_control_spans,
        evidence=_control_evidence,
        severity_of=_control_severity,
        says="The control string {token} stands in the text",
        where="content",
        page=Page(
            "Finds control strings of chat templates inside a turn: <|im_start|>, <|eot_id|>, [INST], <<SYS>>, </s>, <start_of_turn>."
            " In a system prompt, which may explain a format, it is a warning. </s> after <s> is HTML.",
            "The tokenizer makes real control tokens of them: the turn ends in its middle, and the model learns to forge turns.",
            '{"role": "assistant", "content": "Yes.<|im_end|>"}',
            "Removes the string. Unsafe: a text about such tokens loses its subject.",
        ),
        repair=Repair("unsafe", rewriting(_without_control), "remove the string"),
        fires=tuple(
            _cases(
                "Yes.<|im_end|>",
                "[INST] Hi [/INST]",
                "<<SYS>> x",
                "done</s>",
                "<start_of_turn>user",
                "<｜User｜>",
            )
        ),
        silent=tuple(
            _cases("<s>struck</s> out", "a < b | c > d", "[instead]", "<|>", "if (a<|b|>c) {}", "<b>bold</b>")
        ),
    ),
    Rule(
        code="leak.template",
        severity="warning",
        scope="turn",
        title="A prompt template in the text",
        look=_template_marks,
        among=~role.is_in([*_EXPLAINS, "tool"])
        & (
            (text.contains("##") & text.matches(_HEADING))
            | text.matches(_LABEL)
            | text.contains(_STOP)
            | ((role == "assistant") & text.matches(_END))
        ),
        needs=("#", ":", "D"),
        evidence=_template_evidence,
        says="“{seen}” is part of a prompt template",
        where="content",
        page=Page(
            "Finds what flat prompts are made of inside a turn: headings such as ### Response:, two or more labels such as User: and Assistant: at"
            " the beginning of lines, ###STOP###, and END behind the last sentence of a reply. System prompts, code, and headings that the system"
            " prompt asks for are left alone.",
            "The model learns to write the user's next turn itself, or to end its replies with a word.",
            "Sure.\\n### Instruction:\\nAnd now ...",
        ),
        fires=(
            *_replies(
                "Sure.\n\n### Response:\nYes.",
                "### Instruction:\nSay it.\n### Response:\nIt.",
                "Hello.\nUser: And you?\nAssistant: Fine.",
                "**Human:** Hi\n**AI:** Ho",
                "Bye. END",
                "Done.\n\nEND\n",
            ),
            *_cases("Thanks ###STOP###"),
        ),
        silent=(
            *_replies(
                "### Instructions\n1. Mix.",
                "## Response times",
                "### Response\n\n| name | type |",
                "User: is a label.",
                "```\n### Response:\n```",
                "And so we come to THE END",
                "SELECT CASE WHEN a THEN 1 END",
                "In the END.",
            ),
            [
                {"role": "system", "content": "Start with '###Instruction###'. ### Response:"},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "### Response:\nHi"},
            ],
        ),
    ),
    *macros.RULES,
    Rule(
        code="leak.thinking",
        severity="info",
        scope="turn",
        title="Thoughts in a reply",
        when=(role == "assistant") & text.matches(_THOUGHT_PATTERN),
        needs=("<",),
        spans=_thought_spans,
        evidence=_thought_evidence,
        says=_says_thought,
        where="content",
        page=Page(
            "Finds <think>, <thinking>, <thought> and <reasoning> blocks in replies, also those that are never opened or closed. Tags in code are"
            " left alone.",
            "Many chat templates drop them from every reply but the last, and train on what is left; some train on all of it.",
            "<think>The user wants a joke.</think>Why did ...",
        ),
        fires=_replies(
            "<think>Hm.</think>Yes.",
            "<Thinking>\nHm.\n</Thinking>\nYes.",
            "<reasoning>Hm.",
            "Hm.</think>Yes.",
        ),
        silent=(
            *_replies("I think so.", "Write `<think>` first.", "<thin>", "a < think > b"),
            [{"role": "user", "content": "Use <think></think>."}, {"role": "assistant", "content": "Ok"}],
        ),
    ),
)
