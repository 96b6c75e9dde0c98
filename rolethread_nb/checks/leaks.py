"""Rules about what leaks into text from the tools around it: control tokens, placeholders."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.model import Message, Severity, Span
from .rule import Evidence, Page, Repair, Rule
from .text import rewriting
from .vocabulary import text

# Control strings of published chat templates: ChatML, Llama 2 and 3, Mistral, Gemma, Phi, Command R, DeepSeek, GPT-2.
_CONTROL_PATTERN = (
    r"<\|[A-Za-z_][A-Za-z0-9_.\-]+\|>|<｜[^｜<>]{1,40}｜>|\[/?INST\]|<</?SYS>>|\[/?(?:AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
    r"|</s>|<(?:start|end)_of_turn>|<(?:bos|eos)>"
)
_CONTROL = re.compile(_CONTROL_PATTERN)
_STRIKE = re.compile(r"<s[ >]")

_MACRO_PATTERN = (
    r"(?i)\{\{ ?(?:user|char|bot|persona|scenario|name|character|username|char_name|user_name)(?:'s)? ?\}\}"
    r"|<(?:USER|BOT|CHAR)>"
    r"|\[(?:insert|your|(?:enter|add) (?:your|the|an?)) [a-z][a-z' /\-]{1,40}\]"
)
_MACRO = re.compile(_MACRO_PATTERN)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|\{%.*?%\}", re.DOTALL)


def _control_spans(message: Message) -> list[Span]:
    spans = []
    for match in _CONTROL.finditer(message.text):
        if match.group() == "</s>" and _STRIKE.search(message.text, 0, match.start()):
            continue  # HTML's strike-through
        spans.append(Span(*match.span()))
    return spans


def _control_evidence(message: Message, span: Span) -> Evidence:
    return {"token": message.text[span.start : span.end], "role": message.role}


def _control_severity(evidence: Evidence) -> Severity:
    return "warning" if evidence["role"] in ("system", "developer") else "error"


def _without_control(value: str) -> str:
    return _CONTROL.sub("", value)


def _macro_spans(message: Message) -> list[Span]:
    code = [match.span() for match in _CODE.finditer(message.text)]
    spans = []
    for match in _MACRO.finditer(message.text):
        seen = match.group()
        if seen[0] == "<" and not seen[1:-1].isupper():
            continue
        if "{%" in message.text and seen.startswith("{{"):
            continue  # a template, not a placeholder
        if not any(start <= match.start() < end for start, end in code) and not _is_link(message.text, match):
            spans.append(Span(*match.span()))
    return spans


def _is_link(value: str, match: re.Match[str]) -> bool:
    """Whether square brackets are the text of a Markdown link: ``[your guide](...)``."""
    return match.group().startswith("[") and value[match.end() : match.end() + 1] in ("(", "[")


def _macro_evidence(message: Message, span: Span) -> Evidence:
    return {"macro": message.text[span.start : span.end]}


_REPLY = {"role": "assistant", "content": "Hello"}


def _says(content: str, role: str = "user") -> list[dict[str, str]]:
    return [{"role": role, "content": content}, _REPLY]


def _cases(*texts: str) -> Sequence[list[dict[str, str]]]:
    return [_says(value) for value in texts]


RULES: tuple[Rule, ...] = (
    Rule(
        code="leak.control_token",
        severity="error",
        scope="turn",
        title="A control token in the text",
        when=text.matches(_CONTROL_PATTERN),
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
        code="leak.macro",
        severity="warning",
        scope="turn",
        title="A placeholder left open",
        when=text.matches(_MACRO_PATTERN),
        spans=_macro_spans,
        evidence=_macro_evidence,
        says="The placeholder {macro} was never filled in",
        where="content",
        page=Page(
            "Finds {{user}}, {{char}}, <USER> and [insert name] in text. Code blocks and templates are left alone.",
            "The model learns to write the placeholder instead of a name.",
            '{"role": "assistant", "content": "{{char}} smiles."}',
        ),
        fires=tuple(_cases("{{char}} smiles.", "Hello {{ user }}", "Dear [insert name],", "<USER> nods")),
        silent=tuple(
            _cases(
                "[Enter BENEDICK]",
                "```\n{{user}}\n```",
                "{% if user %}{{ user }}{% endif %}",
                "see [your guide](x)",
                "{{total}}",
                "<user>",
            )
        ),
    ),
)
