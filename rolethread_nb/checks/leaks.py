"""Rules about what leaks into text from the tools around it: control tokens and thoughts; others stand in modules of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.model import Message, Severity, Span
from . import macros, prompt_templates
from .mending import rewriting
from .prose import code
from .rule import Evidence, Page, Repair, Rule
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
    *prompt_templates.RULES,
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
