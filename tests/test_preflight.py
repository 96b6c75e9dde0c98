"""Preflight: every verdict has its reason, every number opens, and the panel's payload is as docs/protocol.md says."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.outputs.preflight_view import PreflightView, pieces
from rolethread_nb.outputs.requests import answered
from rolethread_nb.training.file_shape import FileShape
from rolethread_nb.training.preflight import Preflight
from rolethread_nb.training.targets.manual import preflight_markdown
from rolethread_nb.training.targets.reasons import CODES
from rolethread_nb.training.targets.registry import NAMES, target
from rolethread_nb.training.targets.target import OUTCOMES
from rolethread_nb.training.targets.trl import Judge as TrlJudge

ROOT = Path(__file__).parent.parent
FILE = ROOT / "example_notebooks" / "data" / "persona_agents_en.jsonl"

# Renders users and assistants, loses the system prompt, and refuses a second answer in a row.
DROPS_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'assistant' and not loop.first and messages[loop.index0 - 1].role == 'assistant' %}"
    "{{ raise_exception('Two answers in a row') }}{% endif %}"
    "{% if m.role != 'system' %}<{{ m.role }}>{{ m.content }}</s>{% endif %}{% endfor %}"
)
TRIMS = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</s>{% endfor %}"


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


def test_half_a_character_in_an_id_or_a_title_is_no_matter() -> None:
    flight = flown([{"id": "half \ud83d", "title": "half \ud83d", "messages": GOOD["messages"]}])
    assert flight.finish().table()["taken"].to_list() == [1]


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


# ---------------------------------------------------------------- a piece at a time


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read a few records at a time."""
    for name in ("FIRST_BYTES", "BLOCK_BYTES"):
        monkeypatch.setattr(f"rolethread_nb.sources.records.{name}", 2_000)


@pytest.fixture
def blocks_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the blocks of datasets, as they are read."""
    read: list[int] = []
    blocks = rt.Dataset.blocks

    def counted(dataset: rt.Dataset) -> Any:
        for block in blocks(dataset):
            read.append(len(block))
            yield block

    monkeypatch.setattr(rt.Dataset, "blocks", counted)
    return read


def written(path: Path, records: list[Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, records)) + "\n", encoding="utf-8")
    return path


@pytest.mark.usefixtures("small_blocks")
def test_the_first_verdicts_are_there_before_the_rest_is_read(tmp_path: Path, blocks_read: list[int]) -> None:
    path = written(tmp_path / "many.jsonl", [chat(f"Hi {at}", "word " * 60) for at in range(500)])
    flight = rt.load(path).preflight(words, max_tokens=20)

    assert flight.advance() >= 5
    assert len(blocks_read) <= 2
    assert (flight.records, flight.done) == (500, False)
    assert flight.so_far.frame["outcome"].to_list() == ["altered"] * flight.looked_at
    assert len(flight.verdicts()) == flight.looked_at == 500
    assert len(blocks_read) > 50


# The last record has a key that makes TRL take every row for something else, and one that makes it refuse the file.
@pytest.mark.parametrize("last", [{"prompt": "Hi"}, {"images": []}, {"tools": []}, {"weight": 1}, {}])
@pytest.mark.usefixtures("small_blocks")
def test_a_verdict_that_is_there_stays_as_it_is(tmp_path: Path, last: dict[str, Any]) -> None:
    records = [*CHATS, {"messages": []}, {"conversations": [{"from": "human", "value": "Hi"}]}] * 30
    path = written(tmp_path / "mixed.jsonl", [*records, chat("Hi", "Ho", **last)])
    flight, other = (rt.load(path).preflight(words, targets="all", max_tokens=20) for _ in range(2))
    seen = [flight.so_far]
    while not flight.done:
        flight.advance()
        seen.append(flight.so_far)

    assert len(seen) > 10
    for early in seen:
        assert early.frame.equals(flight.frame.head(early.frame.height))
        assert early.reasons.equals(flight.reason_frame.head(early.reasons.height))
    assert other.frame.equals(flight.frame)
    assert other.to_dict() == flight.to_dict()


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_trainers_see_the_file_as_its_records_are_now(tmp_path: Path, name: str) -> None:
    records = [json.dumps(chat("Hi", "Ho", **keys)) for keys in ({}, {"notes": "x"}, {"tags": []})]
    path = tmp_path / name
    path.write_text("\n".join(records) if name == "a.jsonl" else f"[{','.join(records)}]", encoding="utf-8")
    dataset = rt.load(path)
    before = FileShape.of(dataset).shape
    dataset.apply({(0, 1): json.dumps(GOOD).encode(), (0, 2): None}, "notes taken out")
    after = FileShape.of(dataset).shape
    dataset.undo()

    assert (before.keys, before.rows) == (("messages", "notes", "tags"), 3)
    assert (after.keys, after.rows) == (("messages",), 2)
    assert after.head == (GOOD | {"messages": chat("Hi", "Ho")["messages"]}, GOOD)
    assert FileShape.of(dataset).shape == before


@pytest.mark.parametrize(
    "text", ["instruction,output,x\nHi,Ho,1\n", '{"a": 1}\n\n[{"role": "user"}]\n7\nnope\n']
)
def test_trainers_see_every_record_that_can_be_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv" if text.startswith("instruction") else tmp_path / "a.jsonl"
    path.write_text(text, encoding="utf-8")
    made = FileShape.of(rt.load(path))

    if path.suffix == ".csv":
        assert (made.shape.keys, made.records) == (("instruction", "output", "x"), 1)
    else:
        assert (made.shape.keys, made.shape.rows, made.records, made.bad) == (("a",), 3, 4, 1)
        assert made.first_bad == ("a.jsonl", 3)


def test_a_preflight_that_was_interrupted_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [chat(f"Hi {at}", "Ho") for at in range(200)]
    flight = rt.load(records).preflight(words)
    calls = 0

    def interrupted(self: Any, conversation: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 100:
            raise KeyboardInterrupt
        return judge(self, conversation)

    judge = TrlJudge.__call__
    monkeypatch.setattr(TrlJudge, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        flight.finish()
    assert 0 < flight.looked_at < 100

    assert flight.verdicts()["index"].to_list() == list(range(200))


@pytest.mark.usefixtures("small_blocks")
def test_a_preflight_interrupted_while_it_reads_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = rt.load(written(tmp_path / "many.jsonl", [chat(f"Hi {at}", "Ho") for at in range(300)]))
    blocks, stopped = rt.Dataset.blocks, []

    def interrupted(self: rt.Dataset) -> Any:
        for number, block in enumerate(blocks(self)):
            if number == 3 and not stopped:
                stopped.append(number)
                raise KeyboardInterrupt
            yield block

    monkeypatch.setattr(rt.Dataset, "blocks", interrupted)
    flight = dataset.preflight(words)
    with pytest.raises(KeyboardInterrupt):
        flight.finish()

    assert flight.verdicts()["index"].to_list() == list(range(300))


@pytest.mark.usefixtures("small_blocks")
def test_a_dataset_that_changes_meanwhile_is_judged_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "many.jsonl", [chat(f"Hi {at} ", "Ho") for at in range(300)])
    dataset = rt.load(path)
    flight = dataset.preflight(words, template=TRIMS)
    flight.advance()
    dataset.check().repairs().apply()

    assert len(flight.conversations(reason="text_trimmed")) == 300
    assert "The dataset has changed since" in flight.notes[0]
    assert dataset.preflight(words, template=TRIMS).ok


@pytest.mark.usefixtures("small_blocks")
def test_a_conversation_opens_before_the_rest_is_read(tmp_path: Path, blocks_read: list[int]) -> None:
    path = written(tmp_path / "many.jsonl", [chat(f"Hi {at}", "word " * 60) for at in range(2_000)])
    flight = rt.load(path).preflight(words, max_tokens=20)
    while flight.looked_at < 100:
        flight.advance()
    view = PreflightView(flight)
    read = len(blocks_read)
    opened = [view.case(row["key"], row["target"]) for row in view.cases("outcome:altered")["rows"][:60:7]]

    assert [case["pieces"][1][0] for case in opened] == [f"Hi {case['index']}" for case in opened]
    assert [case["line"] for case in opened] == [case["index"] + 1 for case in opened]
    assert (len(blocks_read), flight.done) == (read, False)
    before = {case["key"]: case for case in opened}
    flight.finish()
    assert {key: view.case(key, "trl") for key in before} == before


@pytest.mark.usefixtures("small_blocks")
def test_the_view_says_how_far_the_work_is(tmp_path: Path) -> None:
    path = written(tmp_path / "many.jsonl", [chat(f"Hi {at}", "word " * 60) for at in range(2_000)])
    flight = rt.load(path).preflight(words, max_tokens=20)
    view = PreflightView(flight)
    known = flight.looked_at
    said = answered(view, "progress", {"query": "outcome:altered"})["result"]

    assert said["preflight"]["progress"] == {"looked_at": known, "records": 2_000, "working": False}
    assert said["preflight"]["numbers"].startswith("2,000 records · ")
    assert said["matched"] == said["preflight"]["targets"][0]["counts"]["altered"] == known
    flight.finish()
    said = view.progress()
    assert (said["matched"], said["preflight"]["progress"]) == (2_000, None)
    assert said["preflight"]["numbers"].startswith("2,000 conversations · ")


@pytest.mark.usefixtures("small_blocks")
def test_the_panel_goes_on_by_itself_until_it_is_closed(tmp_path: Path) -> None:
    path = written(tmp_path / "many.jsonl", [chat(f"Hi {at}", "word " * 60) for at in range(3_000)])
    closed = rt.PreflightPanel(rt.load(path).preflight(words, max_tokens=20))
    progress = json.loads(closed.state)["preflight"]["progress"]
    closed.close()
    stopped = closed.preflight.looked_at
    panel = rt.PreflightPanel(rt.load(path).preflight(words, max_tokens=20))
    end = time.monotonic() + 60
    while json.loads(panel.state)["preflight"]["progress"] and time.monotonic() < end:
        time.sleep(0.02)

    assert progress["working"]
    assert 0 < progress["looked_at"] < progress["records"] == 3_000
    assert (stopped, closed.preflight.looked_at) == (stopped, stopped)
    assert json.loads(panel.state)["preflight"]["targets"][0]["counts"]["altered"] == 3_000
    assert closed.preflight.finish().looked_at == 3_000


@pytest.mark.usefixtures("small_blocks")
def test_a_panel_that_nobody_looks_at_rests_until_somebody_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rolethread_nb.widgets.preflight._UNSEEN", 0)
    path = written(tmp_path / "many.jsonl", [chat(f"Hi {at}", "word " * 60) for at in range(3_000)])
    panel = rt.PreflightPanel(rt.load(path).preflight(words, max_tokens=20))
    time.sleep(0.2)
    rested = panel.preflight.looked_at
    monkeypatch.setattr("rolethread_nb.widgets.preflight._UNSEEN", 60)
    sent: list[Any] = []
    monkeypatch.setattr(panel, "send", sent.append)
    panel._on_message(panel, {"kind": "request", "id": 1, "name": "progress", "args": {"query": ""}}, None)
    end = time.monotonic() + 60
    while not panel.preflight.done and time.monotonic() < end:
        time.sleep(0.02)

    assert rested < 3_000
    assert sent[0]["result"]["preflight"]["progress"] == {
        "looked_at": rested,
        "records": 3_000,
        "working": True,
    }
    assert panel.preflight.looked_at == 3_000
    panel.close()


@pytest.mark.usefixtures("small_blocks")
def test_a_file_that_changes_under_the_panel_is_a_sentence_in_it(tmp_path: Path) -> None:
    records = [chat(f"Hi {at}", "word " * 60) for at in range(3_000)]
    path = written(tmp_path / "many.jsonl", records)
    panel = rt.PreflightPanel(rt.load(path).preflight(words, max_tokens=20))
    path.write_text("gone", encoding="utf-8")
    end = time.monotonic() + 60
    while not panel.error and time.monotonic() < end:
        time.sleep(0.02)

    assert "changed on disk" in panel.error
    assert panel.preflight.so_far.frame.height == panel.preflight.looked_at < 3_000
    assert not json.loads(panel.state)["preflight"]["progress"]["working"]


# ---------------------------------------------------------------- what follows from the verdicts

ANSWERS = "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>{% endgeneration %}{% else %}{{ m.content }}</s>{% endif %}{% endfor %}"


class Letters:
    """A tokenizer whose tokens are bytes, made as tiktoken's are."""

    name = "letters"

    def encode(self, text: str, **_: Any) -> list[int]:
        return list(text.encode())

    def decode_tokens_bytes(self, ids: list[int]) -> list[bytes]:
        return [bytes([one]) for one in ids]


def test_the_share_of_each_role_is_counted_from_what_is_trained() -> None:
    records = [chat("Hi there you", "Hello to you all", system="Be kind")]
    flight = rt.load(records).preflight(Letters(), template=ANSWERS, settings={"assistant_only_loss": True})
    rows = flight.shares("role").set_index("role")

    assert rows.index.to_list()[0] == "assistant"
    assert rows.loc["assistant", ["tokens", "kept", "trained"]].to_list() == [16, 16, 16]
    assert rows.loc["user", "trained"] == 0
    assert rows.loc["assistant", "of_loss"] == pytest.approx(16 / 20)
    (total,) = flight.table().to_dict("records")
    for by in ("role", "speaker", "opening", "conversation"):
        sums = flight.shares(by)[["tokens", "kept", "trained"]].sum().to_list()  # type: ignore[arg-type]
        assert sums == [total["tokens"], total["kept_tokens"], total["trained_tokens"]]
    assert flight.shares("opening")["opening"].dropna().to_list() == ["hello to you"]
    with pytest.raises(rt.QueryError, match="only by role, speaker"):
        flight.shares("mood")  # type: ignore[arg-type]


def test_the_shares_of_real_conversations_add_up_to_the_table() -> None:
    flight = rt.load(FILE).preflight(max_tokens=300, targets=["trl", "axolotl"])
    for row in flight.table().to_dict("records"):
        rows = flight.shares("conversation", row["target"])
        assert rows["kept"].sum() == row["kept_tokens"]
        for by in ("role", "speaker", "opening"):
            rows = flight.shares(by, row["target"])  # type: ignore[arg-type]
            assert rows["kept"].sum() == row["kept_tokens"]
            assert rows["trained"].sum() == pytest.approx(row["trained_tokens"], rel=0.05)


@pytest.mark.parametrize("name", [name for name in NAMES if target(name).limit])
@pytest.mark.parametrize("limit", [40, 400, 2_000])
def test_what_is_said_of_another_limit_is_what_a_preflight_with_it_says(name: str, limit: int) -> None:
    flight = rt.load(FILE).preflight(targets=name, max_tokens=1_000_000)
    says = PreflightView(flight).limit(name, limit)["says"]
    if name == "llamafactory":  # shares the limit out between each question and its answer
        assert says == ""
        with pytest.raises(rt.QueryError, match="does not cut at one end only"):
            flight.lengths(name).at(limit)
        return
    (row,) = rt.load(FILE).preflight(targets=name, max_tokens=limit).table().to_dict("records")
    found = flight.lengths(name).at(limit)

    assert (found.dropped, found.tokens) == (row["dropped"], row["kept_tokens"])
    assert (f"{found.dropped:,} are left out" in says) == (found.dropped > 1)
    assert (f"{found.clipped:,} lose trained text" in says) == (found.clipped > 1)


@pytest.mark.parametrize("name", ["trl-dpo", "trl-kto"])
@pytest.mark.parametrize("limit", [12, 20, 30])
def test_what_is_said_of_another_limit_holds_for_pairs(name: str, limit: int) -> None:
    pairs = [
        {
            "prompt": "Tell me more " * n,
            "chosen": "Once there was a fox. " * (9 - n),
            "rejected": "No. " * n,
            "label": True,
        }
        for n in range(1, 9)
    ]
    flight = rt.load(pairs).preflight(targets=name, max_tokens=1_000)
    (row,) = rt.load(pairs).preflight(targets=name, max_tokens=limit).table().to_dict("records")
    found = flight.lengths(name).at(limit)

    assert (found.dropped, found.tokens) == (row["dropped"], row["kept_tokens"])
    assert found.longer > 0


def test_what_is_wrong_with_the_file_itself_is_said_to_those_it_concerns(tmp_path: Path) -> None:
    good = json.dumps(GOOD)
    files = {
        "bad": (f"{good}\n{{oops\n{good}\n", "1 record cannot be read as JSON, the first is #1 of bad.jsonl"),
        "bom": (f"\ufeff{good}\n", "byte order mark: Together refuses it"),
        "blank": (f"{good}\n\n{good}\n", "blank line stands between two records"),
        "array": (f"[{good},\n{good}]", "do not stand one on a line"),
    }
    for name, (text, says) in files.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text(text, encoding="utf-8")
        notes = rt.load(path).preflight(targets="together").notes
        assert any(says in note for note in notes), (name, notes)
        assert not any("Together" in note for note in rt.load(path).preflight(targets="openai").notes)
    clean = written(tmp_path / "clean.jsonl", [GOOD])
    assert (
        rt.load(clean).preflight(words, targets="together").notes == flown([GOOD], targets="together").notes
    )


# ---------------------------------------------------------------- in a notebook


def test_a_long_preflight_is_shown_as_the_panel_and_a_short_one_as_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = ModuleType("ipykernel")
    kernel.version_info = (7, 0)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ipykernel", kernel)
    path = written(tmp_path / "many.jsonl", [chat(f"Hi {at}", "Ho") for at in range(4_000)])
    flight, short = rt.load(path).preflight(words), flown(CHATS)
    shown, _ = flight._repr_mimebundle_()

    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "4,000 records looked at so far" in shown["text/html"]
    assert short._repr_mimebundle_() is None
    assert "3 conversations" in short._repr_html_()
    assert flight.finish()._repr_mimebundle_() is None
    assert "4,000 conversations" in flight._repr_html_()
