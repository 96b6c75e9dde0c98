"""Chat templates: what they make of a conversation, what they refuse, where each turn ends up, and what is trained.

The templates here are written for these tests; each has a habit of a well-known family. tests/trainers compares with
the families themselves.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rolethread_nb.core.errors import RolethreadError
from rolethread_nb.training.locating import Locator, locate
from rolethread_nb.training.masking import AssistantMask
from rolethread_nb.training.template_files import TemplateSourceError
from rolethread_nb.training.templates import ChatTemplate, TemplateRefusedError

# Trims every text, and writes any role into the header.
TRIMMING = """\
{{- bos_token }}
{%- for message in messages %}
    {{- '<|start|>' + message.role + '<|head|>\\n\\n' + message.content | trim + '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start|>assistant<|head|>\\n\\n' }}
{%- endif %}
"""

# Puts the system prompt into the first user turn, insists on alternation, and calls the assistant by another name.
ALTERNATING = """\
{%- set ns = namespace(prefix='', rest=messages) %}
{%- if messages[0].role == 'system' %}
    {%- set ns.prefix = messages[0].content + '\\n\\n' %}
    {%- set ns.rest = messages[1:] %}
{%- endif %}
{%- for message in ns.rest %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Roles must alternate, ' + message.role + ' does not.') }}
    {%- endif %}
    {{- '<turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' }}
    {{- ns.prefix if loop.first }}{{ message.content | trim + '<end>\\n' }}
{%- endfor %}
{{- '<turn>model\\n' if add_generation_prompt }}
"""

# Writes the system prompt only where the last turn is the user's.
DROPPING = """\
{%- for message in messages %}
    {%- if message.role == 'user' %}
        {{- '[INST] ' }}
        {%- if loop.last and messages[0].role == 'system' %}{{ messages[0].content + '\\n\\n' }}{% endif %}
        {{- message.content + ' [/INST]' }}
    {%- elif message.role == 'assistant' %}
        {{- ' ' + message.content + eos_token }}
    {%- endif %}
{%- endfor %}
"""

# Strips the reasoning of all turns but the last, which always has some, be it empty.
FORGETTING = """\
{%- for message in messages %}
    {%- set parts = message.content.split('</think>') %}
    {%- set said = parts[-1].lstrip('\\n') %}
    {%- set thought = parts[0].split('<think>')[-1].strip('\\n') if parts | length > 1 else '' %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.role == 'assistant' and loop.last %}
        {{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}
    {%- endif %}
    {{- (said if message.role == 'assistant' else message.content) + '<|im_end|>\\n' }}
{%- endfor %}
{{- '<|im_start|>assistant\\n' if add_generation_prompt }}
"""

# Writes tool calls as JSON, and a tool's answer as a JSON string.
CALLING = """\
{%- for message in messages %}
    {{- '<' + message.role + '>' }}
    {%- for call in message.tool_calls or [] %}
        {{- '{"name": "' + call.function.name + '", "parameters": ' + call.function.arguments | tojson + '}' }}
    {%- endfor %}
    {%- if message.content %}{{ message.content | tojson if message.role == 'tool' else message.content }}{% endif %}
    {{- '</s>' }}
{%- endfor %}
"""

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
HABITS = {
    "chatml": None,
    "trimming": TRIMMING,
    "alternating": ALTERNATING,
    "dropping": DROPPING,
    "forgetting": FORGETTING,
    "calling": CALLING,
}


def template(source: object = None, **more: Any) -> ChatTemplate:
    return ChatTemplate.of(source, special_tokens=TOKENS, **more)


def talk(*turns: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in turns]


def found(
    source: object, messages: list[dict[str, Any]], **more: Any
) -> list[tuple[int, str, str, list[str]]]:
    """Turn, what, state and the texts at the spans."""
    used = template(source)
    text = used.render(messages, **more).text
    return [
        (one.turn, one.what, one.state, [text[start:end] for start, end in one.spans])
        for one in locate(used, messages, **more)
    ]


def trained(source: object, messages: list[dict[str, Any]]) -> list[str]:
    used = template(source)
    rendered = used.render(messages)
    spans = AssistantMask(Locator(used)).spans(messages, rendered)
    return [rendered.text[start:end] for start, end in spans]


# ---------------------------------------------------------------- where templates come from


def test_a_template_comes_from_a_tokenizer_with_its_special_tokens() -> None:
    tokenizer = SimpleNamespace(chat_template="{{ bos_token }}{{ messages[0].content }}", bos_token="<s>")
    assert ChatTemplate.of(tokenizer).render(talk(("user", "Hi"))).text == "<s>Hi"


@pytest.mark.parametrize("shape", [dict, list])
def test_of_named_templates_the_one_for_tools_is_taken_when_there_are_tools(shape: type) -> None:
    named: Any = {"default": "{{ 'plain' }}", "tool_use": "{{ 'tools' }}", "rag": "{{ 'rag' }}"}
    if shape is list:
        named = [{"name": name, "template": text} for name, text in named.items()]
    tokenizer = SimpleNamespace(chat_template=named)
    ask = talk(("user", "Hi"))
    assert ChatTemplate.of(tokenizer).render(ask).text == "plain"
    assert ChatTemplate.of(tokenizer).render(ask, tools=[]).text == "tools"
    assert ChatTemplate.of(tokenizer, name="rag").render(ask, tools=[]).text == "rag"


def test_a_folder_a_config_and_a_file_give_the_same_template_and_tokens(tmp_path: Path) -> None:
    settings = {
        "chat_template": TRIMMING,
        "bos_token": {"content": "<s>", "lstrip": False},
        "eos_token": None,
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "own.jinja").write_text(TRIMMING)
    ask = talk(("user", "Hi"))
    texts = {
        ChatTemplate.of(source).render(ask).text
        for source in (tmp_path, str(tmp_path), tmp_path / "tokenizer_config.json", tmp_path / "own.jinja")
    }
    assert texts == {"<s><|start|>user<|head|>\n\nHi<|eot|>"}


def test_a_template_in_a_file_of_its_own_stands_above_the_settings(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ 'old' }}"}))
    (tmp_path / "chat_template.jinja").write_text("{{ 'new' }}")
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "rag.jinja").write_text("{{ 'rag' }}")
    assert ChatTemplate.of(tmp_path).render(talk(("user", ""))).text == "new"
    assert ChatTemplate.of(tmp_path, name="rag").render(talk(("user", ""))).text == "rag"


def test_a_template_of_an_installed_package_is_read_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trl" / "chat_templates").mkdir(parents=True)
    (tmp_path / "trl" / "__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "trl" / "chat_templates" / "qwen3.jinja").write_text("{{ 'here' }}")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert ChatTemplate.of("trl:qwen3").render(talk(("user", ""))).text == "here"
    with pytest.raises(TemplateSourceError, match="did you mean qwen3"):
        ChatTemplate.of("trl:qwen33")


@pytest.mark.parametrize(
    "source",
    [
        "nowhere.jinja",
        "axolotl:chatml",
        "{% for %}",
        "{{ x | no_such_filter }}",
        "{% endfor %}",
        42,
        SimpleNamespace(chat_template=None),
        SimpleNamespace(chat_template={"rag": "{{ 1 }}"}),
        SimpleNamespace(chat_template=[1]),
    ],
)
def test_what_is_no_template_is_refused_in_one_sentence(source: object) -> None:
    with pytest.raises(TemplateSourceError) as refused:
        ChatTemplate.of(source)
    assert isinstance(refused.value, RolethreadError)
    assert str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["[1]", "{", "\udcff", ""])
def test_damaged_settings_are_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer_config.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(TemplateSourceError):
        ChatTemplate.of(tmp_path)


def test_special_tokens_that_are_read_and_missing_are_known_beforehand() -> None:
    assert ChatTemplate.of(TRIMMING).missing_tokens == ("bos_token",)
    assert template(TRIMMING).missing_tokens == ()


# ---------------------------------------------------------------- rendering


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% if true %}\n  a\n  {% endif %}\nb", "  a\nb"),
        (
            "{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
            "user",
        ),
        ("{{ {'b': 'ü<', 'a': 1} | tojson }}", '{"b": "ü<", "a": 1}'),
        ("{{ {'b': 1, 'a': 2} | tojson(indent=1, sort_keys=true) }}", '{\n "a": 2,\n "b": 1\n}'),
        ("{{ 'content' in messages[1] }}", "False"),
        ("{{ messages[2].thinking + messages[2].reasoning_content }}", "hmhm"),
        ("{{ strftime_now('%d %b %Y') }}", "01 Jan 2025"),
        ("{{ tools is none and documents is none and not add_generation_prompt }}", "True"),
        ("{{ eos_token }}", "</s>"),
        ("{{ extra }}", "more"),
        ("{% set ns = namespace(self=1) %}{% set ns.self = 2 %}{{ ns.self }}", "2"),
        ("{{ dict(a=1).a }}", "1"),
    ],
)
def test_templates_are_read_as_transformers_reads_them(source: str, text: str) -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "reasoning": "hm"},
    ]
    assert template(source).render(messages, extra="more").text == text


def test_the_clock_is_given_and_never_the_time_of_day() -> None:
    day = datetime(2026, 2, 3, tzinfo=UTC)
    assert (
        template("{{ strftime_now('%Y-%m-%d') }}", clock=day).render(talk(("user", ""))).text == "2026-02-03"
    )


def test_generation_marks_say_what_the_assistant_writes() -> None:
    rendered = template().render(talk(("user", "Hi"), ("assistant", "Yo"), ("user", "?"), ("assistant", "!")))
    assert [rendered.text[start:end] for start, end in rendered.generated] == [
        "Yo<|im_end|>\n",
        "!<|im_end|>\n",
    ]
    assert template().has_generation_marks
    assert not template("{# {% generation %} #}{{ 1 }}").has_generation_marks


def test_a_refusal_has_the_templates_own_words_and_the_turn() -> None:
    with pytest.raises(TemplateRefusedError) as refused:
        template(ALTERNATING).render(talk(("system", "S"), ("user", "a"), ("user", "b"), ("assistant", "c")))
    assert refused.value.words == "Roles must alternate, user does not."
    assert refused.value.turn == 2


@pytest.mark.parametrize(
    ("source", "turn"),
    [
        ("{{ raise_exception('No.') }}", None),
        ("{{ missing_token + messages[0].content }}", None),
        ("{% if messages[-1].role != 'user' %}{{ raise_exception('No.') }}{% endif %}", 3),
        ("{% if messages[0].role == 'system' %}{{ raise_exception('No.') }}{% endif %}", 0),
        ("{% for m in messages %}{{ '' + m.content }}{% endfor %}", 2),
    ],
)
def test_the_turn_is_named_only_where_it_is_known(source: str, turn: int | None) -> None:
    with pytest.raises(TemplateRefusedError) as refused:
        template(source).render(talk(("system", "S"), ("user", "a"), ("user", 5), ("assistant", "c")))
    assert refused.value.turn == turn


def test_what_is_no_conversation_is_refused() -> None:
    with pytest.raises(TemplateRefusedError, match="empty conversation"):
        template().render([])
    with pytest.raises(TemplateRefusedError) as refused:
        template().render([{"role": "user", "content": ""}, "x"])  # type: ignore[list-item]
    assert refused.value.turn == 1


# ---------------------------------------------------------------- hostile templates


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.__class__ }}",
        "{{ messages[0]['__class__'].__mro__ }}",
        "{{ raise_exception.__globals__ }}",
        "{{ strftime_now.__self__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ self._TemplateReference__context.environment }}",
        "{{ '{0.__class__}'.format(messages) }}",
        "{{ messages | map(attribute='__class__') | list }}",
        "{{ dict.__class__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ namespace(__class__=1) }}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update(role='x') }}",
        "{{ messages[0].pop('role') }}",
        "{% set messages[0].role = 'x' %}",
        "{% import 'os' as os %}{{ os.getcwd() }}",
        "{% include '/etc/passwd' %}",
        "{{ lipsum() }}",
        "{{ [1, 2] | random }}",
        "{{ 'a' * 10 ** 10 }}",
        "{{ [0] * 999999999 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ range(10 ** 9) }}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    ],
)
def test_a_hostile_template_reaches_nothing_and_changes_nothing(source: str) -> None:
    messages = talk(("user", "Hi"))
    before = copy.deepcopy(messages)
    try:
        text = template(source).render(messages).text
    except (TemplateRefusedError, TemplateSourceError):
        text = ""
    assert messages == before
    assert not any(word in text for word in ("class ", "module", "object", "function", "root:"))


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) if false %}{% endfor %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(100) }}",
    ],
)
def test_a_template_that_does_not_end_is_stopped(source: str) -> None:
    with pytest.raises(TemplateRefusedError, match="does not come to an end"):
        template(source, seconds=0.2).render(talk(("user", "Hi")))


# ---------------------------------------------------------------- where the turns are


def test_the_same_turn_several_times_is_found_each_time_in_its_place() -> None:
    messages = talk(*[("user", "ok"), ("assistant", "ok")] * 3)
    located = locate(template(TRIMMING), messages)
    starts = [one.spans[0].start for one in located]
    assert starts == sorted(set(starts))
    assert [one.turn for one in located] == [0, 1, 2, 3, 4, 5]


def test_a_trimmed_text_is_found_without_its_blanks() -> None:
    assert found(TRIMMING, talk(("user", "  Hi \n"), ("assistant", "Yo"))) == [
        (0, "content", "trimmed", ["Hi"]),
        (1, "content", "whole", ["Yo"]),
    ]


def test_a_system_prompt_in_the_first_user_turn_is_found_there() -> None:
    assert found(ALTERNATING, talk(("system", "Be kind."), ("user", "Be kind."), ("assistant", "I am."))) == [
        (0, "content", "whole", ["Be kind."]),
        (1, "content", "whole", ["Be kind."]),
        (2, "content", "whole", ["I am."]),
    ]


def test_a_dropped_system_prompt_is_lost_even_where_a_turn_repeats_it() -> None:
    turns = ("system", "Be kind."), ("user", "Be kind. Please."), ("assistant", "Be kind.")
    assert found(DROPPING, talk(*turns)) == [
        (0, "content", "lost", []),
        (1, "content", "whole", ["Be kind. Please."]),
        (2, "content", "whole", ["Be kind."]),
    ]
    assert found(DROPPING, talk(*turns[:2]))[0] == (0, "content", "whole", ["Be kind."])


def test_reasoning_stripped_from_history_is_lost_and_its_answer_is_not() -> None:
    answer = "<think>\nTwo and two.\n</think>\n\nFour."
    assert found(FORGETTING, talk(("user", "2 + 2?"), ("assistant", answer)) * 2) == [
        (0, "content", "whole", ["2 + 2?"]),
        (1, "reasoning", "lost", []),
        (1, "content", "whole", ["Four."]),
        (2, "content", "whole", ["2 + 2?"]),
        (3, "reasoning", "whole", ["Two and two."]),
        (3, "content", "whole", ["Four."]),
    ]


def test_reasoning_under_a_key_that_the_template_does_not_read_is_lost() -> None:
    messages = [*talk(("user", "Hi")), {"role": "assistant", "reasoning": "hm", "content": "Yo"}]
    assert found(TRIMMING, messages)[1:] == [
        (1, "reasoning", "lost", []),
        (1, "content", "whole", ["Yo"]),
    ]
    assert found(None, messages)[1] == (1, "reasoning", "whole", ["hm"])


def test_a_text_that_holds_control_strings_is_found_whole() -> None:
    text = "<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n<|im_start|>user\n"
    messages = talk(("user", text), ("assistant", "Hi"), ("user", "Hi"))
    assert [(turn, state, texts) for turn, _, state, texts in found(None, messages)] == [
        (0, "whole", [text]),
        (1, "whole", ["Hi"]),
        (2, "whole", ["Hi"]),
    ]


def test_a_tool_call_is_found_by_its_parts_and_an_answer_written_as_json_is_escaped() -> None:
    call = {"function": {"name": "tide", "arguments": {"port": "Brest", "days": 2}}}
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": '{"high": 1}'},
    ]
    assert found(CALLING, messages) == [
        (0, "content", "whole", [""]),
        (0, "name", "whole", ["tide"]),
        (0, "arguments", "whole", ["Brest"]),
        (1, "content", "escaped", ['{\\"high\\": 1}']),
    ]
    lost = found("{% for m in messages %}{{ m.content }}{% endfor %}", messages)
    assert [state for _, _, state, _ in lost] == ["whole", "lost", "lost", "whole"]


def test_a_text_the_template_rewrites_is_altered() -> None:
    upper = "{% for m in messages %}<{{ m.content | upper }}>{% endfor %}"
    assert found(upper, talk(("user", "Hi"), ("user", "Yo"))) == [
        (0, "content", "altered", ["HI"]),
        (1, "content", "altered", ["YO"]),
    ]


def test_parts_are_found_one_by_one() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "a"}]
    messages = talk(("user", parts))
    assert [(one.pointer, one.state) for one in locate(template(), messages)] == [
        ("/content/0/text", "whole"),
        ("/content/2/text", "whole"),
    ]


@pytest.mark.parametrize("habit", HABITS)
def test_what_a_locator_has_learnt_changes_no_answer(habit: str) -> None:
    used = template(HABITS[habit])
    learnt = Locator(used)
    for texts in (["a", "b"], ["b", "b"], ["<", "<turn>"], ["", " x "], ["user\n", "\n"], ["b", "b"]):
        messages = talk(("user", texts[0]), ("assistant", texts[1])) * 2
        assert learnt.locate(messages) == locate(used, messages), texts


# ---------------------------------------------------------------- what is trained


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        (None, ["Yo<|im_end|>\n", "No.<|im_end|>\n"]),
        (TRIMMING, ["Yo<|eot|>", "No.<|eot|>"]),
        (ALTERNATING, ["Yo<end>\n", "No.<end>\n"]),
        (DROPPING, ["Yo</s>", "No.</s>"]),
        (FORGETTING, ["Yo<|im_end|>\n", "<think>\n\n</think>\n\nNo.<|im_end|>\n"]),
    ],
)
def test_an_assistant_turn_is_trained_with_what_closes_it_and_without_its_header(
    source: object, parts: list[str]
) -> None:
    turns = ("system", "Be kind."), ("user", "Yo"), ("assistant", "Yo"), ("user", "Yo"), ("assistant", "No.")
    assert trained(source, talk(*turns)) == parts


@pytest.mark.parametrize("source", [None, TRIMMING, FORGETTING])
def test_the_span_method_agrees_with_the_templates_own_marks(source: str | None) -> None:
    used = template(source)
    messages = talk(("user", "a"), ("assistant", "b"), ("assistant", ""), ("user", "c"), ("assistant", "d"))
    rendered = used.render(messages)
    mask = AssistantMask(Locator(used))
    extents = mask.extents(messages, rendered)
    assert [one.turn for one in extents] == [1, 2, 4]
    if used.has_generation_marks:
        assert [(one.start, one.end) for one in extents] == [*rendered.generated]


def test_a_turn_without_content_is_trained_to_end() -> None:
    assert trained(
        "{% for m in messages %}{{ '<|' + m.role + '|>' + (m.content or '') + '</s>' }}{% endfor %}"
        "{{ '<|assistant|>' if add_generation_prompt }}",
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None}, *talk(("user", "?"))],
    ) == ["</s>"]


# ---------------------------------------------------------------- any text

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            "\n",
            "ok",
            "user",
            "assistant",
            "<|im_end|>\n",
            "<think>",
            "</think>",
            "<think>a</think>b",
            "[/INST]",
        ]
    ),
).filter(lambda text: not any("\ufdd0" <= character <= "\ufdd7" for character in text))
ROLES = st.sampled_from(["system", "user", "assistant", "tool", "narrator"])
TALKS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(lambda role, content: {"role": role, "content": content}, ROLES, TEXTS), min_size=1, max_size=6
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["role", "content", "tool_calls", "reasoning_content", "thinking", "function_call", "name"]
)


@given(TALKS)
def test_chatml_holds_every_text_whole_and_in_order(messages: list[dict[str, Any]]) -> None:
    used = template()
    text = used.render(messages).text
    assert text == "".join(f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages)
    cursor = 0
    for turn, message in enumerate(messages):
        cursor += len(f"<|im_start|>{message['role']}\n")
        mine = [one for one in locate(used, messages) if one.turn == turn]
        assert all(one.state == "whole" for one in mine)
        low = min((span.start for one in mine for span in one.spans), default=cursor)
        high = max((span.end for one in mine for span in one.spans), default=cursor)
        assert cursor <= low <= high <= cursor + len(message["content"])
        if len(mine) == 1 and "think>" not in message["content"]:
            assert (low, high) == (cursor, cursor + len(message["content"]))
        cursor += len(message["content"]) + len("<|im_end|>\n")


@given(TALKS, st.sampled_from(sorted(HABITS)))
def test_what_is_called_whole_stands_there_letter_for_letter(
    messages: list[dict[str, Any]], habit: str
) -> None:
    used = template(HABITS[habit])
    try:
        rendered = used.render(messages)
    except TemplateRefusedError:
        assume(False)
    for one in locate(used, messages, None):
        content = messages[one.turn]["content"]
        stands = [rendered.text[start:end] for start, end in one.spans]
        if one.state == "whole":
            assert all(text in content for text in stands)
        if one.state == "trimmed":
            assert all(text.strip() in content and text != content for text in stands)
        if one.state == "lost":
            assert not stands


@given(st.lists(TALKS, max_size=5), st.sampled_from(sorted(HABITS)))
def test_any_conversations_before_leave_the_answer_the_same(
    talks: list[list[dict[str, Any]]], habit: str
) -> None:
    used = template(HABITS[habit])
    locator = Locator(used)
    for messages in talks:
        try:
            assert locator.locate(messages) == locate(used, messages)
        except TemplateRefusedError:
            continue


@given(st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=4), st.sampled_from(sorted(HABITS)))
def test_no_message_makes_anything_but_the_one_exception(messages: list[dict[str, Any]], habit: str) -> None:
    used = template(HABITS[habit])
    before = copy.deepcopy(messages)
    try:
        rendered = used.render(messages)
        locator = Locator(used)
        locator.locate(messages, rendered)
        spans = AssistantMask(locator).extents(messages, rendered)
    except TemplateRefusedError as error:
        refused = error
    else:
        refused = None
        assert all(0 <= one.start <= one.end <= len(rendered.text) for one in spans)
    assert refused is None or refused.turn is None or 0 <= refused.turn < len(messages)
    assert repr(messages) == repr(before)


@given(TALKS, st.text(alphabet="{}%-# \n'\"()[].|+*~=<>!_abcdefilmnorst0129", max_size=60))
def test_any_text_as_a_template_is_refused_or_rendered(messages: list[dict[str, Any]], source: str) -> None:
    try:
        template("{{ '' }}" + source).render(messages)
    except (TemplateSourceError, TemplateRefusedError):
        return
