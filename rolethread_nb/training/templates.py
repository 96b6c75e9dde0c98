"""Chat templates: what a model's template makes of a conversation, or says against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from jinja2.exceptions import TemplateSyntaxError, UndefinedError

from ..core.errors import RolethreadError
from ..core.model import Span
from .environment import FIXED_DAY, EndlessTemplateError, Program
from .prepared import plain, prepared
from .template_files import SPECIAL_TOKENS, TemplateSourceError, find

EMPTY = "Cannot apply chat template to an empty conversation. Provide at least one message."

# Messages that may be rendered again to find the turn a template refuses; beyond, the turn is not known.
_MESSAGES_TO_FIND_THE_TURN = 50_000

Messages = Sequence[Mapping[str, Any]]


class TemplateRefusedError(RolethreadError):
    """A template does not render a conversation.

    Attributes:
        words: what the template says (``raise_exception``), else what Python says about it.
        turn: the turn from which on the conversation is refused, None where that is not known.
        kind: the name of the exception, ``TemplateError`` for the template's own words.
    """

    def __init__(self, words: str, turn: int | None, kind: str) -> None:
        super().__init__(words)
        self.words = words
        self.turn = turn
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as a template writes it.

    Attributes:
        text: the whole.
        generated: what the template's ``generation`` marks cover, in code points, in order; empty without marks.
    """

    text: str
    generated: tuple[Span, ...]


class ChatTemplate:
    """A chat template, or the named templates of one tokenizer.

    Same input, same output: ``strftime_now`` tells ``clock`` (default: 1 January 2025), not the day of the run.

    Attributes:
        name: what to call it before a person.
        text: the template itself.
        clock: what ``strftime_now`` tells.
        special_tokens: texts of the special tokens by the name a template knows them under.
    """

    def __init__(
        self,
        name: str,
        texts: Mapping[str, str],
        special_tokens: Mapping[str, str],
        *,
        clock: datetime = FIXED_DAY,
        seconds: float = 20,
    ) -> None:
        """See `of`."""
        self.name = name
        self.text = texts["default"]
        self.clock = clock
        self.special_tokens = dict(special_tokens)
        self._seconds = seconds
        self._programs = {key: _compiled(f"{name} ({key})", text, clock) for key, text in texts.items()}

    @classmethod
    def of(
        cls,
        source: object = None,
        *,
        name: str | None = None,
        special_tokens: Mapping[str, str] | None = None,
        clock: datetime = FIXED_DAY,
        seconds: float = 20,
    ) -> ChatTemplate:
        """The chat template of ``source``.

        Args:
            source: a tokenizer (any object with ``chat_template``); a path to a tokenizer's folder, its
                ``tokenizer_config.json`` or a ``.jinja`` file; a template's text; ``"trl:qwen3"`` or ``"axolotl:gemma3"``
                for a template of an installed package, which is not imported; None or ``"chatml"`` for our own ChatML;
                a `ChatTemplate`, which comes back as it is.
            name: which of several named templates. By default ``tool_use`` for conversations with tools where there
                is one, else ``default``.
            special_tokens: texts such as ``{"bos_token": "<s>"}``, above those found with the template.
            clock: what ``strftime_now`` tells.
            seconds: how long one conversation may take before the template is said not to end.

        Raises:
            TemplateSourceError: there is no such template, or it cannot be read or compiled.
        """
        if isinstance(source, ChatTemplate):
            return source
        found = find(source)
        texts = found.texts
        if name is not None and name not in texts:
            raise TemplateSourceError(f"{found.name} has no template {name!r}, only {', '.join(texts)}.")
        if name is not None:
            texts = {"default": texts[name]}
        if "default" not in texts:
            raise TemplateSourceError(f"{found.name} has several templates; name one: {', '.join(texts)}.")
        tokens = {**found.special_tokens, **(special_tokens or {})}
        return cls(found.name, texts, tokens, clock=clock, seconds=seconds)

    @property
    def has_generation_marks(self) -> bool:
        """Whether the template says itself, with ``generation`` marks, what the assistant has to write."""
        return self._programs["default"].marked

    @cached_property
    def missing_tokens(self) -> tuple[str, ...]:
        """Special tokens the template reads and nobody has given; many templates refuse every conversation then."""
        read = self._programs["default"].reads
        return tuple(key for key in SPECIAL_TOKENS if key in read and key not in self.special_tokens)

    def render(
        self,
        messages: Messages,
        tools: Sequence[Any] | None = None,
        documents: Sequence[Any] | None = None,
        *,
        add_generation_prompt: bool = False,
        **variables: Any,
    ) -> Rendered:
        """The conversation as the template writes it. The messages are not changed.

        Args:
            messages: message objects as they stand in the record; keys whose value is null are left out.
            tools: tool definitions, as objects.
            documents: documents, as objects.
            add_generation_prompt: end with what asks the assistant to speak.
            variables: anything else the template reads (``enable_thinking``); above the special tokens.

        Raises:
            TemplateRefusedError: the template does not render this conversation.
        """
        if not messages:
            raise TemplateRefusedError(EMPTY, None, "ValueError")
        for turn, message in enumerate(messages):
            if type(message) is not dict and not isinstance(message, Mapping):
                raise TemplateRefusedError("The message is not an object.", turn, "TypeError")
        program = self._program(tools)
        try:
            given = {
                **self.special_tokens,
                **plain(variables),
                "tools": plain(tools),
                "documents": plain(documents),
                "add_generation_prompt": add_generation_prompt,
            }
            ready = prepared(messages)
        except RecursionError:
            raise TemplateRefusedError("The messages are nested too deep.", None, "RecursionError") from None
        try:
            return Rendered(*program.run({**given, "messages": ready}, self._seconds))
        except Exception as error:
            refused = self._refused_turn(program, given, ready, error)
            raise TemplateRefusedError(str(error), refused, type(error).__name__) from None

    def _refused_turn(
        self, program: Program, given: Mapping[str, Any], ready: list[dict[str, Any]], error: Exception
    ) -> int | None:
        """The turn from which on every shorter conversation is refused in the same words; None where it is none of theirs."""
        if isinstance(error, EndlessTemplateError | MemoryError) or _names_a_missing_variable(
            error, program, given
        ):
            return None

        def refused_alike(length: int) -> bool:
            try:
                program.run({**given, "messages": ready[:length]}, self._seconds)
            except Exception as other:
                return (type(other), str(other)) == (type(error), str(error))
            return False

        length, rendered = len(ready), 0
        while length and refused_alike(length - 1):
            length -= 1
            rendered += length
            if rendered > _MESSAGES_TO_FIND_THE_TURN:
                return None
        return length - 1 if length else None

    def _program(self, tools: Sequence[Any] | None) -> Program:
        if tools is not None and "tool_use" in self._programs:
            return self._programs["tool_use"]
        return self._programs["default"]


def _compiled(name: str, text: str, clock: datetime) -> Program:
    try:
        return Program(text, clock)
    except TemplateSyntaxError as error:
        raise TemplateSourceError(
            f"The chat template {name} is no Jinja, line {error.lineno}: {error.message}"
        ) from None
    except Exception as error:
        raise TemplateSourceError(f"The chat template {name} cannot be compiled: {error}") from None


def _names_a_missing_variable(error: Exception, program: Program, given: Mapping[str, Any]) -> bool:
    """Whether the template fails for a variable from outside (``bos_token``), which no turn can be blamed for."""
    return isinstance(error, UndefinedError) and any(
        str(error) == f"{name!r} is undefined" for name in program.reads - given.keys()
    )
