"""Real files: what is known to be wrong with them is found where it stands, and sound text is left in peace."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from conftest import HABITS, SHIPPED

import rolethread_nb as rt


def where(path: Path, *codes: str, **how: dict[str, str]) -> dict[str, list[int]]:
    """Records by code, those of findings about the dataset included; habits only where they are named."""
    found: dict[str, set[int]] = defaultdict(set)
    for issue in rt.load(path, **how).check(select=list(codes) or None, ignore=None if codes else HABITS):
        places = (
            [issue.conversation]
            if issue.conversation is not None
            else [p["conversation"] for p in issue.related]
        )
        found[issue.code].update(places)
    return {code: sorted(records) for code, records in found.items()}


def records(path: Path, *codes: str) -> list[int]:
    return sorted({record for found in where(path, *codes).values() for record in found})


def test_persona_agents_have_six_damaged_records(shared_data: Path) -> None:
    path = shared_data / "persona_agents_en.jsonl.gz"

    assert records(path, "role", "order", "turn", "record", "file") == [70, 98, 203, 247, 339, 342]
    assert (len(rt.load(path)), len(rt.load(path).rejected)) == (505, 0)


def test_right_to_left_agents_have_twelve(shared_data: Path) -> None:
    found = records(
        shared_data / "rtl_persona_agents_ar_fa.jsonl.gz", "role", "order", "turn", "record", "file"
    )

    assert found == [58, 90, 130, 236, 353, 445, 450, 470, 530, 552, 684, 685]


def test_right_to_left_text_with_joiners_and_marks_is_left_in_peace(shared_data: Path) -> None:
    assert records(shared_data / "rtl_persona_agents_ar_fa.jsonl.gz", "text.invisible", "text.mojibake") == [
        638
    ]


def test_structural_damage_is_named_for_what_it_is(shared_data: Path) -> None:
    path = shared_data / "dirty" / "agents_structural_damage.jsonl"
    dataset = rt.load(path)
    seen: dict[str, set[int | None]] = defaultdict(set)
    for issue in dataset.check(select="turn"):
        seen[issue.evidence.get("seen", issue.code)].add(issue.conversation)

    assert (len(dataset), len(dataset.rejected)) == (127, 0)
    assert len(seen["a text"]) == 55
    assert {2, 25} <= set.union(*(found for name, found in seen.items() if name.startswith("a list")))
    assert {0, 53} <= seen["a text"]
    assert {1, 3, 112} <= set(where(path)["turn.stray_key"])
    assert 6 in where(path)["role.missing"]
    assert 58 in where(path)["role.unknown"]
    prose = {i.conversation for i in dataset.check(select="turn.stray_key") if i.severity == "warning"}
    assert {1} <= prose


def test_every_damaged_agent_has_a_structural_finding(shared_data: Path) -> None:
    path = shared_data / "dirty" / "agents_structural_damage.jsonl"

    assert records(path, "role", "order", "turn", "record") == list(range(127))


def test_bare_lists_have_61_turns_with_blanks_at_an_edge(shared_data: Path) -> None:
    dataset = rt.load(shared_data / "dirty" / "bare_lists.jsonl")
    report = dataset.check()

    assert {c.format for c in dataset} == {"bare"}
    assert len({(i.conversation, i.turn) for i in report if i.code == "text.whitespace"}) == 61
    assert set(report.counts) == {"text.whitespace"}


def test_glaive_has_35_exact_duplicates_and_one_prompt_with_several_answers(shared_data: Path) -> None:
    path = shared_data / "sharegpt_glaive_toolcall.json"
    report = rt.load(path).check(ignore=["privacy", *HABITS])
    firsts = {i.conversation: i.evidence["first"] for i in report if i.code == "dup.exact"}

    assert report.counts == {"dup.exact": 35, "dup.prompt": 1}
    assert (firsts[6], firsts[74]) == (4, 33)
    assert not set(firsts) & set(firsts.values())


def test_a_truncated_download_loses_its_last_record_only(shared_data: Path) -> None:
    dataset = rt.load(shared_data / "dirty" / "truncated_download.jsonl")
    (lost,) = dataset.rejected

    assert len(dataset) == 169
    assert (lost.index, lost.line) == (169, 170)
    assert "cut off" in lost.reason


def test_kto_answers_hold_what_is_known_and_joiners_are_left(shared_data: Path) -> None:
    found = where(shared_data / "messages_kto_en.json")

    assert found["leak.control_token"] == [139, 257]
    assert found["text.mojibake"] == [245, 259]
    assert found["text.whitespace"] == [12]
    assert "text.invisible" not in found
    assert {c.format for c in rt.load(shared_data / "messages_kto_en.json")} == {"kto"}


def test_a_mixed_schema_is_a_note_and_the_text_is_sound(shared_data: Path) -> None:
    path = shared_data / "dirty" / "mixed_schema_zh_en.jsonl"
    (drift,) = rt.load(path).check(select="record.key_drift")

    assert {code: found for code, found in where(path).items() if code != "record.key_drift"} == {
        "text.whitespace": [36, 83],
        "privacy.pii": [123],  # a project's public address
    }
    assert "id" in drift.evidence["keys"]
    assert drift.evidence["count"] == 100


def test_a_missing_turn_is_one_empty_turn(shared_data: Path) -> None:
    (issue,) = rt.load(shared_data / "dirty" / "missing_turns.json").check()

    assert (issue.code, issue.conversation, issue.turn, issue.path) == (
        "turn.empty",
        0,
        1,
        "/conversations/1/value",
    )


def test_spellings_of_roles_are_all_repaired(shared_data: Path) -> None:
    dataset = rt.load(shared_data / "dirty" / "rolethread_lite_auto_fixable.jsonl", review=False)
    assert dataset.check().counts["role.alias"] == 8
    dataset.check().repairs().apply()

    assert not {"role.alias", "text.whitespace"} & set(dataset.check().counts)
    assert {m.role_raw for c in dataset for m in c} == {"system", "user", "assistant"}


def test_empty_conversations_and_named_speakers_are_found(shared_data: Path) -> None:
    path = shared_data / "personachat_named_speakers_en.jsonl"
    found = where(path)

    assert found["record.empty"] == [153, 269, 484]
    assert rt.load(path).check().counts["role.unknown"] == 2
    assert not [code for code in found if code.startswith("order.")]
    mapped = rt.load(path, roles={"User 1": "user", "User 2": "assistant"}).check()
    assert "role.unknown" not in mapped.counts
    assert len({i.conversation for i in mapped if i.code == "order.repeat"}) == 16


def test_characters_of_plays_are_labels_to_be_mapped_and_nothing_else(shared_data: Path) -> None:
    dataset = rt.load(shared_data / "rtl_drama_yiddish_named_roles.jsonl.gz")
    report = dataset.check()
    labels = {
        message.role_raw for conversation in dataset for message in conversation if message.role is None
    }

    assert report.counts["role.unknown"] == len(labels)
    assert set(report.counts) == {"role.unknown", "text.invisible"}
    assert records(shared_data / "rtl_drama_yiddish_named_roles.jsonl.gz", "text") == [21]


def test_scenes_of_several_speakers_are_no_repetition(shared_data: Path) -> None:
    dataset = rt.load(shared_data / "roleplay_drama_scenes_chatml.jsonl.gz")
    report = dataset.check("roleplay", ignore=HABITS)

    for issue in report:
        if issue.code == "order.repeat":
            messages = dataset.conversation_at(0, issue.conversation or 0).messages  # type: ignore[union-attr]
            assert messages[(issue.turn or 0) - 1].name == messages[issue.turn or 0].name
    assert not {i.code for i in report if i.severity == "error"}
    assert {i.code for i in report if i.severity == "warning"} == {"text.invisible"}


def test_tool_calls_without_content_are_sound(shared_data: Path) -> None:
    report = rt.load(shared_data / "openai_toolcalls_retail.jsonl.gz").check(ignore=["privacy", *HABITS])

    assert set(report.counts) == {"text.whitespace", "tool.unanswered"}
    assert {i.severity for i in report if i.code == "tool.unanswered"} == {"info"}  # each ends on a call


def test_every_real_record_is_read_but_the_broken_ones(shared_data: Path) -> None:
    counts = {
        "alpaca_roleplay_gpteacher.json": ("alpaca", 1923),
        "completion_tutor_transcripts.jsonl": ("prompt-completion", 656),
        "chinese_counselling_smile.jsonl": ("named", 462),
        "preference_dpo_en_sharegpt.json": ("preference", 300),
        "personachat_named_speakers_en.jsonl": ("sharegpt", 500),
        "roleplay_drama_scenes_chatml.jsonl.gz": ("messages", 200),
        "rtl_drama_yiddish_named_roles.jsonl.gz": ("sharegpt", 59),
    }
    for name, (layout, count) in counts.items():
        dataset = rt.load(shared_data / name)
        assert (len(dataset), len(dataset.rejected)) == (count, 0), name
        assert {c.format for c in dataset} == {layout}, name


def test_packed_prompts_hold_2_to_32_turns_and_a_slip_in_a_label(shared_data: Path) -> None:
    dataset = rt.load(shared_data / "completion_tutor_transcripts.jsonl")
    turns = sorted(len(conversation) for conversation in dataset)
    found = where(shared_data / "completion_tutor_transcripts.jsonl")

    assert (turns[0], turns[len(turns) // 2], turns[-1]) == (2, 6, 32)
    assert all(conversation.messages[-1].role == "assistant" for conversation in dataset)
    assert (found["role.alias"], len(found["dup.exact"])) == ([241], 8)
    assert dataset[241].raw["prompt"].count("Usr:") == 1
    edges = {
        (i.conversation, i.evidence["where"])
        for i in dataset.check(select="text.whitespace")
        if i.path == "/completion"
    }
    assert {place for _, place in edges} == {"end"}  # the blank that most completions begin with is right


def test_pairs_hold_what_is_known_on_either_side(shared_data: Path) -> None:
    path = shared_data / "preference_dpo_en_sharegpt.json"
    found = where(path)

    assert found["text.mojibake"] == [15]
    assert found["text.invisible"] == [67]
    assert found["text.control"] == [286]
    assert found["dup.exact"] == [157, 186, 230, 248, 275]
    assert "dup.prompt" not in found
    (eaten,) = rt.load(path).check(select="text.control")
    assert "frac" in eaten.message
    sides = [{m.side for m in c} for c in rt.load(path)]
    assert all({"chosen", "rejected"} <= side for side in sides)


def test_a_chinese_corpus_is_read_once_its_keys_are_named(shared_data: Path) -> None:
    path = shared_data / "chinese_counselling_smile.jsonl"
    dataset = rt.load(path, fields={"messages": "dialog"}, roles={"client": "user", "counselor": "assistant"})
    found = defaultdict(set)
    for issue in dataset.check():
        found[issue.code].add(issue.conversation)

    assert (len(dataset), len(dataset.rejected)) == (462, 0)
    assert {70, 202, 253, 380, 388} == found["order.repeat"]
    assert len(found["order.last_not_assistant"]) == 57
    assert not {"text.mojibake", "text.invisible"} & set(found)


def test_a_pointer_of_large_file_storage_is_named(shared_data: Path) -> None:
    (source,) = rt.load(shared_data / "dirty" / "git_lfs_pointer.jsonl").sources

    assert "Git LFS pointer" in (source.foreign or "")
    (first, *_) = rt.load(shared_data / "dirty" / "git_lfs_pointer.jsonl").check(select="file.bad_json")
    assert "Git LFS pointer" in first.message


def test_the_shipped_showcase_is_what_the_notebooks_show() -> None:
    for path in sorted(SHIPPED.glob("*.jsonl")):
        dataset = rt.load(path)
        assert len(dataset) > 0
        assert dataset.rejected == []
        assert len(dataset.check()) > 0
