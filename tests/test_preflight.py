"""Preflight: every verdict has its reason, every number opens, and the panel's payload is as docs/protocol.md says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.outputs.preflight_view import PreflightView, pieces
from rolethread_nb.outputs.requests import answered
from rolethread_nb.training.preflight import Preflight
from rolethread_nb.training.targets.manual import preflight_markdown
from rolethread_nb.training.targets.reasons import CODES
from rolethread_nb.training.targets.registry import NAMES, target
from rolethread_nb.training.targets.target import OUTCOMES

ROOT = Path(__file__).parent.parent
FILE = ROOT / "example_notebooks" / "data" / "persona_agents_en.jsonl"

# Renders users and assistants, loses the system prompt, and refuses a second answer in a row.
DROPS_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'assistant' and not loop.first and messages[loop.index0 - 1].role == 'assistant' %}"
    "{{ raise_exception('Two answers in a row') }}{% endif %}"
    "{% if m.role != 'system' %}<{{ m.role }}>{{ m.content }}</s>{% endif %}{% endfor %}"
)


def words(text: str) -> int:
    return len(text.split())


def chat(*said: str, system: str | None = None, **keys: Any) -> dict[str, Any]:
    messages = [] if system is None else [{"role": "system", "content": system}]
    messages += [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]
    return {**keys, "messages": messages}


GOOD = chat("Hi there", "Hello to you")
CHATS = [GOOD, chat("Hi", "Ho", system="Be kind"), chat("Hi", "word " * 60)]


def flown(records: list[Any], **options: Any) -> Preflight:
    return rt.load(records).preflight(words, **options)


def test_a_plain_chat_is_taken_and_the_loss_is_on_all_of_it() -> None:
    flight = flown([GOOD])
    (row,) = flight.table().to_dict("records")

    assert flight.ok
    assert (row["taken"], row["conversations"]) == (1, 1)
    assert row["trained_tokens"] == row["kept_tokens"] == row["tokens"] > 0
    assert flight.conversations() == []


def test_a_lost_system_prompt_and_a_cut_answer_open_their_conversations() -> None:
    flight = flown(CHATS, template=DROPS_SYSTEM, max_tokens=20)
    lost, cut = (flight.conversations(reason=code) for code in ("system_lost", "answer_cut"))

    assert [conversation.index for conversation in lost] == [1]
    assert [conversation.index for conversation in cut] == [2]
    assert [conversation.index for conversation in flight.conversations()] == [1, 2]
    assert flight.conversations(outcome="taken")[0].index == 0
    assert set(flight.reasons()["turn"]) >= {0, 1}


def test_what_a_template_says_is_the_reason_with_its_turn() -> None:
    twice = {"messages": [*GOOD["messages"], {"role": "assistant", "content": "Again"}]}
    flight = flown([GOOD, twice], template=DROPS_SYSTEM)
    (reason,) = flight.reasons().to_dict("records")

    assert (reason["code"], reason["outcome"], reason["turn"]) == ("template_refused", "refused", 2)
    assert "Two answers in a row" in reason["says"]


def test_every_count_is_the_number_of_conversations_it_opens() -> None:
    flight = rt.load(FILE).preflight(words, max_tokens=300, targets="trl")
    (row,) = flight.table().to_dict("records")
    for outcome in OUTCOMES:
        assert row[outcome] == len(flight.conversations(target="trl", outcome=outcome))
    for cause in flight.causes.rows(named=True):
        opened = flight.conversations(target=cause["target"], reason=cause["code"], outcome=cause["outcome"])
        assert len(opened) <= cause["conversations"]
        assert cause["conversations"] == len(flight.conversations(reason=cause["code"]))
    view = PreflightView(flight)
    for outcome in OUTCOMES:
        assert view.cases(f"target:trl outcome:{outcome}")["matched"] == row[outcome]


def test_the_forecast_of_one_conversation_is_that_of_the_whole_run() -> None:
    flight = flown(CHATS, max_tokens=20)
    for row in flight.verdicts().to_dict("records"):
        forecast = flight.forecast(row["index"])
        assert forecast.outcome == row["outcome"]
        assert (forecast.tokens, forecast.trained_tokens) == (row["tokens"], row["trained_tokens"])


def test_the_lengths_say_what_another_limit_would_do() -> None:
    flight = flown(CHATS, settings={"max_length": None})
    lengths = flight.lengths()

    assert lengths.quantiles() is not None
    for limit in (1, 5, 20, 500):
        (row,) = flown(CHATS, max_tokens=limit).table().to_dict("records")
        assert lengths.at(limit).tokens == row["kept_tokens"]


def test_a_dataset_looks_the_same_to_a_preflight_after_it_was_changed() -> None:
    dataset = rt.load([chat("Hi ", "Ho")])
    flight = dataset.preflight(words)
    dataset.check().repairs().apply()

    assert flight.conversation_at(0, 0).messages[0].text == "Hi "  # type: ignore[union-attr]
    assert dataset[0].messages[0].text == "Hi"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"targets": "nobody"}, "No trainer is called 'nobody'"),
        ({"settings": {"max_lenght": 3}}, "No trainer here has a setting 'max_lenght'"),
        ({"max_tokens": 0}, "at least 1 token, not 0"),
        ({"template": "/nowhere/template.jinja"}, "nowhere"),
    ],
)
def test_a_wrong_use_is_one_plain_sentence(options: dict[str, Any], says: str) -> None:
    with pytest.raises(rt.RolethreadError, match=says):
        flown([GOOD], **options)


def test_all_trainers_have_an_opinion_of_every_case() -> None:
    flight = flown(
        [*CHATS, {"messages": []}, {"conversations": [{"from": "human", "value": "Hi"}]}], targets="all"
    )

    assert len(flight.verdicts()) == 5 * len(NAMES)
    assert set(flight.reasons()["code"]) <= set(CODES)
    assert {target(name).basis for name in NAMES} == {"measured", "documentation"}


def test_the_panel_is_told_what_the_protocol_says() -> None:
    flight = flown(CHATS, template=DROPS_SYSTEM, max_tokens=20)
    view = PreflightView(flight)
    state = json.loads(json.dumps(view.state()))

    assert list(state) == ["preflight", "cases", "empty", "case"]
    (shown,) = state["preflight"]["targets"]
    assert shown["counts"] == {"taken": 1, "altered": 2, "dropped": 0, "refused": 0}
    assert shown["limit"] == 20
    assert [row["key"] for row in state["cases"]["rows"]] == ["0:1", "0:2"]
    assert state["case"]["key"] == "0:1"
    assert [(one["turn"], one["state"], one["text"]) for one in state["case"]["lost"]] == [
        (0, "lost", "Be kind")
    ]
    reply = answered(view, "case", {"key": "0:2", "target": "trl", "max_tokens": 5})
    assert reply["result"]["limit"] == 5
    assert [loss for _, loss, _ in reply["result"]["pieces"]][-1] == "cut"
    assert not answered(view, "case", {"key": "9:9", "target": "trl"})["ok"]
    assert not answered(view, "cases", {"query": "who:knows"})["ok"]


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5), st.integers(1, 60))
def test_the_pieces_of_a_case_are_its_text_and_its_loss(said: list[str], limit: int) -> None:
    flight = rt.load([chat(*said)]).preflight(len, max_tokens=limit)
    forecast = flight.forecast(0)
    found = list(pieces(forecast.text or "", forecast))

    assert "".join(text for text, _, _ in found) == (forecast.text or "")
    trained = "".join(text for text, loss, _ in found if loss == "trained")
    assert trained == "".join((forecast.text or "")[span.start : span.end] for span in forecast.trained)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "role",
                        "content",
                        "from",
                        "value",
                        "messages",
                        "conversations",
                        "tool_calls",
                        "weight",
                        "x",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_record_makes_a_preflight_stop(value: Any) -> None:
    records = [value if isinstance(value, dict) else {"messages": value}, GOOD]
    flight = rt.load(records).preflight(words, targets="all")

    assert len(flight.verdicts()) == len(flight.dataset) * len(NAMES)
    str(flight)
    flight._repr_html_()


def test_the_command_line_says_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(map(json.dumps, CHATS)), encoding="utf-8")
    template = tmp_path / "t.jinja"
    template.write_text(DROPS_SYSTEM, encoding="utf-8")

    assert main(["preflight", str(path), "--template", str(template), "--max-tokens", "20", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["targets"][0]["altered"] == len(told["verdicts"]) == 2
    assert main(["preflight", str(path)]) == 0
    assert "3 taken" in capsys.readouterr().out
    assert main(["preflight", str(path), "--set", "nothing=1"]) == 2


def test_the_reference_of_trainers_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "preflight.md").read_text(encoding="utf-8")
    assert preflight_markdown() in page, "run make docs"
