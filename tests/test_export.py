"""Export: whole or not at all, never over a source, and what a layout cannot hold is said."""

from __future__ import annotations

import gzip
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.outputs.export import Exported

ONE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}'
TWO = b'{ "id": 123456789012345678901234567890, "messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}] }'
BAD = b'{"messages": [{"role": "us'


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def exported(tmp_path: Path, record: Any, format: str, **how: Any) -> tuple[Any, list[str]]:
    """One record in another layout, and what was said to be lost."""
    out = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
    done = rt.load([record], **how).export(out, format)
    (written,) = lines(out)
    return written, [loss.what for loss in done.losses]


# ---------------------------------------------------------------- as it came


def test_equal_input_leaves_equal_to_the_byte_with_what_could_not_be_read(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf\n" + ONE + b"\r\n\r\n" + BAD + b"\r\n" + TWO + b"\n\n"
    done = rt.load(data).export(tmp_path / "out.jsonl", "same")

    assert (tmp_path / "out.jsonl").read_bytes() == data
    assert (done.conversations, done.unchanged, done.left_out) == (2, 2, {})


@pytest.mark.parametrize(
    ("layout", "kept"),
    [
        (b"%b\n%b\n%b\n", [b"%b\n%b\n", b"%b\n%b\n", b"%b\n%b\n"]),
        (b"[\n%b,\n%b,\n%b\n]\n", [b"[\n%b,\n%b\n]\n"] * 3),
        (b"[%b, %b,%b]", [b"[%b,%b]", b"[%b,%b]", b"[%b, %b]"]),
    ],
)
def test_a_removed_record_takes_one_separator_along(layout: bytes, kept: list[bytes], tmp_path: Path) -> None:
    records = [ONE, TWO, ONE.replace(b"Hi", b"Hu")]
    for gone in range(3):
        out = tmp_path / f"{gone}.json"
        done = rt.load(layout % tuple(records)).export(out, "same", keep=lambda c, gone=gone: c.index != gone)
        left = tuple(record for at, record in enumerate(records) if at != gone)

        assert out.read_bytes() == kept[gone] % left
        assert len(rt.load(out)) == 2
        assert done.left_out == {"not asked for": 1}


def test_nothing_left_is_still_a_file_of_the_same_kind(tmp_path: Path) -> None:
    rt.load(b"[\n" + ONE + b",\n" + TWO + b"\n]\n").export(
        tmp_path / "out.json", "same", keep=lambda _: False
    )

    assert json.loads((tmp_path / "out.json").read_bytes()) == []


def test_the_extension_picks_the_compression_and_equal_input_gives_equal_files(tmp_path: Path) -> None:
    dataset = rt.load(ONE + b"\n" + TWO)
    for name in ("a.jsonl.gz", "b.jsonl.gz", "a.jsonl.zst", "b.jsonl.zst"):
        dataset.export(tmp_path / name, "same")

    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == ONE + b"\n" + TWO
    packed = (tmp_path / "a.jsonl.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == ONE + b"\n" + TWO
    for kind in ("gz", "zst"):
        assert (tmp_path / f"a.jsonl.{kind}").read_bytes() == (tmp_path / f"b.jsonl.{kind}").read_bytes()
        assert len(rt.load(tmp_path / f"a.jsonl.{kind}")) == 2


def test_several_sources_as_they_came_need_a_folder(tmp_path: Path) -> None:
    for name, data in (("a.jsonl", ONE), ("b.jsonl", TWO)):
        (tmp_path / name).write_bytes(data)
    dataset = rt.load(str(tmp_path / "*.jsonl"))
    dataset.export(tmp_path / "new" / "out", "same")

    assert (tmp_path / "new" / "out" / "a.jsonl").read_bytes() == ONE
    assert (tmp_path / "new" / "out" / "b.jsonl").read_bytes() == TWO
    with pytest.raises(rt.ExportError, match="folder"):
        dataset.export(tmp_path / "a.jsonl.txt", "same") if (tmp_path / "a.jsonl.txt").write_text(
            "x"
        ) else None
    with pytest.raises(rt.ExportError, match="cannot be made"):
        dataset.export(tmp_path / "a.jsonl" / "below", "same")


@pytest.mark.parametrize("name", ["x.jsonl", "x.JSON", "x.jsonl.gz", "new/x.parquet"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_several_sources_are_refused_where_the_name_is_that_of_a_file(
    name: str, dry_run: bool, tmp_path: Path
) -> None:
    for source, data in (("a.jsonl", ONE), ("b.jsonl", TWO)):
        (tmp_path / source).write_bytes(data)
    dataset = rt.load(str(tmp_path / "*.jsonl"))

    with pytest.raises(rt.ExportError, match="is the name of a file, and 2 sources"):
        dataset.export(tmp_path / name, "same", dry_run=dry_run)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl"]


def test_a_folder_may_be_called_as_a_file_is_where_it_exists(tmp_path: Path) -> None:
    for source, data in (("a.jsonl", ONE), ("b.jsonl", TWO)):
        (tmp_path / source).write_bytes(data)
    dataset = rt.load(str(tmp_path / "*.jsonl"))
    (tmp_path / "x.jsonl").mkdir()
    dataset.export(tmp_path / "x.jsonl", "same")

    assert (tmp_path / "x.jsonl" / "b.jsonl").read_bytes() == TWO


def test_the_command_line_says_so_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source, data in (("a.jsonl", ONE), ("b.jsonl", TWO)):
        (tmp_path / source).write_bytes(data)
    sources = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl")]

    assert main(["export", *sources, "--format", "same", "-o", str(tmp_path / "x.jsonl")]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "need a folder" in shown.err
    assert not (tmp_path / "x.jsonl").exists()


# ---------------------------------------------------------------- never over a source, whole or not at all


@pytest.mark.parametrize("format", ["same", "messages", "sharegpt"])
def test_a_source_is_never_written_to_by_whatever_name(format: str, tmp_path: Path) -> None:
    source = tmp_path / "chats.jsonl"
    source.write_bytes(ONE)
    (tmp_path / "link.jsonl").symlink_to(source)
    os.link(source, tmp_path / "hard.jsonl")
    dataset = rt.load(source)

    for name in ("chats.jsonl", "link.jsonl", "hard.jsonl", "../" + tmp_path.name + "/chats.jsonl"):
        with pytest.raises(rt.ExportError, match="never written to"):
            dataset.export(tmp_path / name, format, overwrite=True)
    assert source.read_bytes() == ONE


def test_a_folder_that_holds_the_sources_is_refused(tmp_path: Path) -> None:
    for name, data in (("a.jsonl", ONE), ("b.jsonl", TWO)):
        (tmp_path / name).write_bytes(data)
    dataset = rt.load(str(tmp_path / "*.jsonl"))
    dataset.check().repairs(unsafe=True).apply()

    with pytest.raises(rt.ExportError, match="never written to"):
        dataset.export(tmp_path, "same", overwrite=True)
    assert (tmp_path / "a.jsonl").read_bytes() == ONE


def test_a_file_that_exists_is_replaced_only_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    out.chmod(0o640)
    dataset = rt.load(ONE)

    with pytest.raises(rt.ExportError, match="exists already"):
        dataset.export(out)
    assert out.read_text() == "mine"
    dataset.export(out, overwrite=True)
    assert len(rt.load(out)) == 1
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


@pytest.mark.parametrize("format", ["same", "messages", "sharegpt"])
@pytest.mark.parametrize("name", ["out.jsonl", "out.json", "out.jsonl.gz", "out.jsonl.zst"])
def test_a_failure_half_way_leaves_no_file(format: str, name: str, tmp_path: Path) -> None:
    def keep(conversation: rt.Conversation) -> bool:
        if conversation.index == 3:
            raise OSError(28, "No space left on device")
        return True

    with pytest.raises(rt.ExportError, match="No space left"):
        rt.load((ONE + b"\n") * 5).export(tmp_path / name, format, keep=keep)
    assert list(tmp_path.iterdir()) == []

    (tmp_path / name).write_bytes(b"before")
    with pytest.raises(rt.ExportError):
        rt.load((ONE + b"\n") * 5).export(tmp_path / name, format, keep=keep, overwrite=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    dataset = rt.load(ONE)

    with pytest.raises(rt.ExportError, match="is a folder"):
        dataset.export(tmp_path)
    with pytest.raises(rt.ExportError, match="cannot be written"):
        dataset.export(tmp_path / "no" / "such" / "folder.jsonl")
    with pytest.raises(rt.ExportError, match=r"there are messages, sharegpt, .*same"):
        dataset.export(tmp_path / "x", "chatmal")
    assert list(tmp_path.iterdir()) == []


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path: Path) -> None:
    rt.load(ONE).export(tmp_path / ("n" * 249 + ".jsonl"))

    assert [len(path.name) for path in tmp_path.iterdir()] == [255]


# ---------------------------------------------------------------- another layout

TEXTS = st.text(max_size=8) | st.sampled_from(["a\u2028b", "\\n", "😀", '"', "\x85"])
CLEAN = st.builds(
    lambda system, pairs, extra: {
        **extra,
        "messages": [
            *([{"role": "system", "content": system}] if system is not None else []),
            *(
                {"role": role, "content": text}
                for pair in pairs
                for role, text in zip(("user", "assistant"), pair, strict=True)
            ),
        ],
    },
    st.none() | TEXTS,
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3),
    st.sampled_from(
        [{}, {"id": "a"}, {"tags": ["x"], "metadata": {"n": [1, None]}}, {"title": "Ä", "n": 10**30}]
    ),
)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(made=st.lists(CLEAN, min_size=1, max_size=3))
def test_to_sharegpt_and_back_is_where_it_began(
    made: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("there")
    there = rt.load(made).export(folder / "sharegpt.jsonl", "sharegpt")
    middle = rt.load(folder / "sharegpt.jsonl")
    back = middle.export(folder / "messages.jsonl", "messages")

    assert there.losses == back.losses == []
    assert {c.format for c in middle} == {"sharegpt"}
    assert [c.raw for c in rt.load(folder / "messages.jsonl")] == made


def test_records_that_are_laid_out_so_already_keep_their_bytes(tmp_path: Path) -> None:
    done = rt.load(TWO + b"\n" + ONE).export(tmp_path / "out.jsonl")

    assert (tmp_path / "out.jsonl").read_bytes() == TWO + b"\n" + ONE + b"\n"
    assert (done.conversations, done.unchanged) == (2, 2)


def test_a_record_spread_over_lines_goes_onto_one(tmp_path: Path) -> None:
    spread = "\n".join(json.dumps(json.loads(data), indent=2) for data in (ONE, TWO)).encode()
    rt.load(spread).export(tmp_path / "out.jsonl")

    assert lines(tmp_path / "out.jsonl") == [json.loads(ONE), json.loads(TWO)]
    assert b"123456789012345678901234567890" in (tmp_path / "out.jsonl").read_bytes()


def test_a_json_file_is_one_array(tmp_path: Path) -> None:
    dataset = rt.load(ONE + b"\n" + BAD + b"\n" + TWO)
    done = dataset.export(tmp_path / "out.json")
    dataset.export(tmp_path / "out.json.gz")

    assert json.loads((tmp_path / "out.json").read_bytes()) == [json.loads(ONE), json.loads(TWO)]
    assert json.loads(gzip.decompress((tmp_path / "out.json.gz").read_bytes())) == [
        json.loads(ONE),
        json.loads(TWO),
    ]
    assert done.left_out == {"that could not be read": 1}
    assert any("Left out: 1 record" in line for line in done.summary)
    rt.load(b"").export(tmp_path / "none.json")
    assert json.loads((tmp_path / "none.json").read_bytes()) == []


def test_keys_that_nobody_knows_survive(tmp_path: Path) -> None:
    record = {
        "a": 1,
        "conversations": [{"from": "human", "value": "Hi", "mood": "glad"}, {"from": "gpt", "value": "Ho"}],
        "z": [None],
    }
    written, losses = exported(tmp_path, record, "messages")

    assert written == {
        "a": 1,
        "messages": [
            {"role": "user", "content": "Hi", "mood": "glad"},
            {"role": "assistant", "content": "Ho"},
        ],
        "z": [None],
    }
    assert list(written) == ["a", "messages", "z"]
    assert losses == []


def test_a_system_prompt_beside_the_list_becomes_the_first_message(tmp_path: Path) -> None:
    record = {"system": "Be kind.", "conversations": [{"from": "human", "value": "Hi"}], "tools": "[]"}

    assert exported(tmp_path, record, "messages")[0] == {
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "tools": "[]",
    }


def test_tool_calls_go_over_and_come_back(tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [call], "weight": 0},
        {"role": "tool", "content": "42"},
        {"role": "assistant", "content": "42"},
    ]
    there, losses = exported(tmp_path, {"messages": messages}, "sharegpt")

    assert losses == []
    assert [turn["from"] for turn in there["conversations"]] == [
        "human",
        "function_call",
        "observation",
        "gpt",
    ]
    assert there["conversations"][1]["weight"] == 0
    assert exported(tmp_path, there, "messages")[0] == {"messages": messages}


def test_what_a_layout_cannot_hold_is_said(tmp_path: Path) -> None:
    calls = [{"id": str(n), "function": {"name": "f", "arguments": "{}"}} for n in range(2)]
    messages = [
        {"role": "developer", "content": "x"},
        {"role": "user", "name": "Kai", "content": [{"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": [{"type": "image_url", "image_url": {}}], "tool_calls": calls},
        {"role": "Mara", "content": "x"},
        "role:",
    ]
    written, losses = exported(tmp_path, {"messages": messages}, "sharegpt")

    for word in (
        "developer",
        "name",
        "Typed parts",
        "Parallel",
        "id of a tool call",
        "not known",
        "no object",
    ):
        assert any(word in loss for loss in losses), word
    assert json.dumps(written).count("image_url") == 4
    assert written["conversations"][-1] == "role:"


def test_a_second_text_in_a_message_never_takes_the_place_of_the_one_that_was_read(tmp_path: Path) -> None:
    record = {
        "conversations": [
            {"from": "human", "value": "x", "content": "other", "role": "Mara"},
            {"from": "gpt", "value": "y"},
        ]
    }
    written, losses = exported(tmp_path, record, "messages")

    assert written["messages"][0] == {"role": "user", "content": "x"}
    assert losses == [
        "A second content beside the one that was read was left out",
        "A second role beside the one that was read was left out",
    ]


def test_a_second_list_is_left_out_and_said(tmp_path: Path) -> None:
    record = {
        "messages": [{"role": "user", "content": "Hi"}],
        "conversations": [{"from": "human", "value": "Else"}],
    }
    written, losses = exported(tmp_path, record, "sharegpt")

    assert written == {"conversations": [{"from": "human", "value": "Hi"}]}
    assert losses == ["A second list of turns under conversations was left out"]


def test_named_keys_become_those_of_the_layout(tmp_path: Path) -> None:
    record = {"id": 1, "my/dialog": [{"who": "client", "said~": "Hi"}]}
    fields = {"messages": "my/dialog", "role": "who", "text": "said~"}

    written, _ = exported(tmp_path, record, "messages", fields=fields, roles={"client": "user"})
    # the label is the speaker's own, so it is kept as a name
    assert written == {"id": 1, "messages": [{"role": "user", "content": "Hi", "name": "client"}]}


def test_bare_lists_get_an_object(tmp_path: Path) -> None:
    assert exported(tmp_path, [{"role": "user", "content": "Hi"}], "messages")[0] == {
        "messages": [{"role": "user", "content": "Hi"}]
    }


def test_big_integers_and_lone_surrogates_go_over_whole(tmp_path: Path) -> None:
    data = b'{"n": 123456789012345678901234567890, "conversations": [{"from": "human", "value": "a\\ud83d"}]}'
    rt.load(data).export(tmp_path / "out.jsonl")

    assert b"123456789012345678901234567890" in (tmp_path / "out.jsonl").read_bytes()
    assert lines(tmp_path / "out.jsonl")[0]["messages"][0]["content"] == "a\ud83d"


def test_a_repaired_record_leaves_repaired(tmp_path: Path) -> None:
    dataset = rt.load(ONE.replace(b"Hi", b"Hi ") + b"\n" + TWO)
    dataset.check().repairs().apply()
    done = dataset.export(tmp_path / "out.jsonl")

    assert (tmp_path / "out.jsonl").read_bytes() == ONE + b"\n" + TWO + b"\n"
    assert isinstance(done, Exported)
    assert (done.conversations, done.unchanged) == (2, 1)
    assert str(tmp_path) in repr(done)


def test_nothing_but_an_ordinary_file_is_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(rt.ExportError, match="no ordinary file"):
        rt.load(ONE).export(pipe, "same", overwrite=True)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    target.write_bytes(b"old")
    link.symlink_to(target)
    rt.load(ONE).export(link, "same", overwrite=True)
    assert link.is_symlink()
    assert target.read_bytes() == ONE


def test_a_selection_leaves_out_what_could_not_be_read(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = rt.load(ONE + b"\n{broken\n" + TWO).export(out, "same", keep=lambda c: True)
    assert out.read_bytes() == ONE + b"\n" + TWO
    assert done.left_out == {"that could not be read": 1}
    whole = rt.load(ONE + b"\n{broken\n" + TWO).export(tmp_path / "whole.jsonl", "same")
    assert whole.unreadable == 1
    assert "1 record that could not be read" in repr(whole)


def test_roles_leave_in_standard_words(tmp_path: Path) -> None:
    record = b'{"messages": [{"role": "SYSTEM", "content": "x", "n": 1.10}, {"role":"human","content":"Hi"}, {"role": "Bot", "content": "Ho"}]}'
    out = tmp_path / "out.jsonl"
    done = rt.load(record).export(out, "messages")
    wanted = record.replace(b"SYSTEM", b"system").replace(b"human", b"user").replace(b"Bot", b"assistant")
    assert out.read_bytes() == wanted + b"\n"
    assert len(done.losses) == 3


def test_ids_of_tool_calls_go_over_and_come_back(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "4", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Four"},
    ]
    rt.load([{"messages": messages}]).export(tmp_path / "s.jsonl", "sharegpt")
    rt.load(tmp_path / "s.jsonl").export(tmp_path / "m.jsonl", "messages")
    assert json.loads((tmp_path / "m.jsonl").read_text())["messages"] == messages
