"""Where a chat template runs: plain Jinja in a sandbox, as `transformers` sets it up, and never for ever."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, meta, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from ..core.model import Span

# The day a template is told where none is given. `transformers` tells the day of the run, which nobody knows before it;
# a fixed day keeps a report the same tomorrow.
FIXED_DAY = datetime(2025, 1, 1, tzinfo=UTC)

# Longest text or list, and most bits of a number, that one multiplication in a template may make.
_LARGEST_PRODUCT = 1_000_000
_STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 256
_STEP = "one step"  # no name that a template could write


class EndlessTemplateError(TemplateError):
    """A rendering took longer than it may."""


@dataclass(slots=True)
class _Run:
    """One rendering: what has been written, which of it is marked as generated, and when it has to end."""

    until: float
    blocks: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    steps: int = 0
    _counted: int = 0
    _length: int = 0

    def mark(self, text: str) -> None:
        self._length += sum(map(len, self.blocks[self._counted :]))
        self._counted = len(self.blocks)
        self.spans.append(Span(self._length, self._length + len(text)))

    def step(self) -> None:
        self.steps += 1
        if self.steps % _STEPS_BETWEEN_LOOKS_AT_THE_CLOCK == 0 and time.monotonic() > self.until:
            raise EndlessTemplateError("The template does not come to an end.")


# Not on the environment: widgets call from another thread while a cell renders.
_RUN: ContextVar[_Run | None] = ContextVar("_RUN", default=None)


@pass_context  # which also keeps Jinja from working it out once, at compile time
def _step(_context: Context, _value: object) -> bool:
    run = _RUN.get()
    if run is not None:
        run.step()
    return True


class _Generation(Extension):
    """The ``generation`` tag: what stands in it is what the model is to write itself."""

    tags = {"generation"}  # noqa: RUF012 - Jinja declares it so

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

    def _marked(self, caller: Callable[[], str]) -> str:
        text = caller()
        run = _RUN.get()
        if run is not None:
            run.mark(text)
        return text


class _Dict:
    """``dict`` as templates may use it: to make one, and nothing else of the class."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


class _Namespace(Namespace):
    """``namespace`` without underscored names, so that nothing inside Python can be reached through it."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        self, *given = args
        values = dict(*given, **kwargs)
        for name in values:
            _allow(name)
        Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _allow(name)
        super().__setitem__(name, value)


def _allow(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(
            f"Chat templates cannot store underscore-prefixed attributes on a namespace, but got {name!r}."
            " Please rename the attribute."
        )


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, which also refuses a product too large to hold."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            size = max(_size(left, right), _size(right, left))
        else:
            size = left.bit_length() * abs(right) if isinstance(left, int) and isinstance(right, int) else 0
        if size > _LARGEST_PRODUCT:
            raise SecurityError("The template makes a value that is too large.")
        return super().call_binop(context, operator, left, right)


def _size(value: Any, times: Any) -> int:
    """How large a product is: items of a repeated text or list, bits of a number."""
    if not isinstance(times, int):
        return 0
    if isinstance(value, str | list | tuple):
        return len(value) * times
    return value.bit_length() + times.bit_length() if isinstance(value, int) else 0


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: Any = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _environment(clock: datetime) -> _Sandbox:
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _tojson
    environment.filters[_STEP] = _step
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lru_cache(16)(clock.replace(tzinfo=None).strftime)
    environment.globals["dict"] = _Dict()
    environment.globals["namespace"] = _Namespace
    # What is drawn at random would be another text each time.
    del environment.globals["lipsum"], environment.filters["random"]
    return environment


class Program:
    """One template, compiled.

    Attributes:
        marked: whether it has ``generation`` marks.
        reads: names of the variables it takes from outside, ``messages`` and the special tokens among them.
    """

    def __init__(self, text: str, clock: datetime = FIXED_DAY) -> None:
        """Compile ``text``; whatever Jinja says against it is raised as it is."""
        environment = _environment(clock)
        tree = environment.parse(text)
        self.marked = any(_is_mark(block) for block in tree.find_all(nodes.CallBlock))
        self.reads = frozenset(meta.find_undeclared_variables(tree)) - environment.globals.keys()
        _count_steps(tree)
        code = environment.compile(tree)
        self._template = Template.from_code(environment, code, environment.make_globals(None))

    def run(self, variables: Mapping[str, Any], seconds: float) -> tuple[str, tuple[Span, ...]]:
        """The text written and the spans marked as generated; whatever the template raises is raised as it is."""
        run = _Run(time.monotonic() + seconds)
        before = _RUN.set(run)
        try:
            context = self._template.new_context(dict(variables))
            # One by one: a mark has to see what was written before it.
            for block in self._template.root_render_func(context):
                run.blocks.append(block)
        finally:
            _RUN.reset(before)
        return "".join(run.blocks), tuple(run.spans)


def _is_mark(block: nodes.CallBlock) -> bool:
    called = block.call.node
    return isinstance(called, nodes.ExtensionAttribute) and called.name == "_marked"


def _count_steps(tree: nodes.Template) -> None:
    """Let every turn of a loop and every call of a macro count as a step: nothing else in a template can go on for ever."""
    repeated: Iterator[Any] = tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock))
    for loop in repeated:
        loop.body.insert(0, nodes.ExprStmt(_step_node(loop.lineno), lineno=loop.lineno))
        if isinstance(loop, nodes.For) and loop.test is not None:
            loop.test = nodes.And(_step_node(loop.lineno), loop.test, lineno=loop.lineno)


def _step_node(line: int) -> nodes.Filter:
    nothing = nodes.Const(None, lineno=line)
    return nodes.Filter(nothing, _STEP, [], [], None, None, lineno=line)
