"""A character that has another voice in one source than in another, or that changes its voice along its conversations."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import rolethread_nb as rt

CODE = "roleplay.character_drift"
Record = dict[str, Any]
Writer = Callable[[random.Random], str]
WORDS = (
    "the rain came down on old stones and we took our bread to that gate by a river where nobody had been since winter"
    " so I told them of my road and how far it is from here to the sea when all boats are gone"
).split()


def calm(draw: random.Random, sentences: int = 4) -> str:
    """Long sentences with a comma or two."""
    said = []
    for _ in range(max(1, sentences + draw.randint(-1, 1))):
        words = draw.choices(WORDS, k=draw.randint(10, 18))
        for at in draw.sample(range(2, len(words) - 1), draw.randint(0, 2)):
            words[at] += ","
        said.append(" ".join(words).capitalize() + draw.choice([".", ".", ".", "?", "!"]))
    return " ".join(said)


def lively(draw: random.Random) -> str:
    """Short sentences with an action and exclamation marks."""
    said = [" ".join(draw.choices(WORDS, k=draw.randint(3, 6))) + "!" for _ in range(draw.randint(7, 10))]
    return f"*{' '.join(draw.choices(WORDS, k=3))}* {' '.join(said)}"


def conversation(replies: Sequence[str], name: str = "Kai") -> Record:
    """A conversation of a named character."""
    messages = []
    for reply in replies:
        messages += [
            {"role": "user", "content": "Go on."},
            {"role": "assistant", "name": name, "content": reply},
        ]
    return {"messages": messages}


def batch(writer: Writer, seed: int, *, count: int = 16, replies: int = 3, name: str = "Kai") -> list[Record]:
    """Conversations by one writer, each with other words."""
    draw = random.Random(seed)
    return [conversation([writer(draw) for _ in range(replies)], name) for _ in range(count)]


def along(
    length: Callable[[int], int], seed: int, *, count: int = 14, replies: int = 9, name: str = "Kai"
) -> list[Record]:
    """Conversations of a calm writer whose reply number n has about ``length(n)`` sentences."""
    draw = random.Random(seed)
    return [conversation([calm(draw, length(n)) for n in range(replies)], name) for _ in range(count)]


def shrinking(n: int) -> int:
    return 10 - n


def steady(_: int) -> int:
    return 5


def drifts(folder: Path, *sources: Sequence[Record], **thresholds: float) -> list[rt.Issue]:
    """The findings about no single conversation, of sources that were written as files of one load."""
    paths = []
    for number, records in enumerate(sources):
        path = folder / f"batch{number}.jsonl"
        path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
        paths.append(path)
    settings = {"thresholds": {CODE: thresholds}} if thresholds else {}
    report = rt.load(paths, review=False).check("roleplay", select=[CODE], **settings)
    assert "rule.failed" not in report.counts
    return [issue for issue in report if issue.conversation is None]


def features(issue: rt.Issue) -> list[str]:
    return [one["feature"] for one in issue.evidence["features"]]


# ---------------------------------------------------------------- source against source


def test_two_writers_under_one_name_are_one_finding_with_what_differs(tmp_path: Path) -> None:
    (issue,) = drifts(tmp_path, batch(calm, 1), batch(lively, 2))

    assert (issue.severity, issue.source, issue.turn) == ("info", None, None)
    assert issue.evidence["against"] == "source"
    assert issue.evidence["character"] == "Kai"
    assert issue.evidence["sources"] == [0, 1]
    assert issue.evidence["conversations"] == [16, 16]
    by_name = {one["feature"]: one for one in issue.evidence["features"]}
    marks = by_name["exclamation marks"]
    assert marks["second"] > marks["first"]
    assert marks["delta"] == 1
    assert {"asterisks", "words in a reply", "commas"} <= set(by_name)
    assert all(abs(one["delta"]) >= issue.evidence["threshold"] for one in by_name.values())


def test_the_sentence_names_the_character_the_sources_and_three_measures(tmp_path: Path) -> None:
    (issue,) = drifts(tmp_path, batch(calm, 1), batch(lively, 2))
    assert issue.message.startswith(
        "“Kai” has another voice in “batch1.jsonl” than in “batch0.jsonl” (16 and 16 conversations): "
    )
    assert all(name in issue.message for name in features(issue)[:3])
    assert f"and {len(features(issue)) - 3} more" in issue.message


def test_the_places_are_replies_of_both_sources(tmp_path: Path) -> None:
    (issue,) = drifts(tmp_path, batch(calm, 1), batch(lively, 2))
    assert len(issue.related) == 32
    assert {place["source"] for place in issue.related[:2]} == {0, 1}
    assert {place["turn"] for place in issue.related} == {1}


def test_a_source_is_known_by_its_file_name_wherever_it_lies(tmp_path: Path) -> None:
    folders = tmp_path / "here", tmp_path / "there"
    found = []
    for folder in folders:
        folder.mkdir()
        found += drifts(folder, batch(calm, 1), batch(lively, 2))
    assert found[0].evidence == found[1].evidence
    assert found[0].evidence["source_names"] == ["batch0.jsonl", "batch1.jsonl"]


def test_files_of_one_name_are_told_apart_by_their_numbers(tmp_path: Path) -> None:
    paths = [tmp_path / name / "train.jsonl" for name in ("a", "b")]
    for path, records in zip(paths, (batch(calm, 1), batch(lively, 2)), strict=True):
        path.parent.mkdir()
        path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    (issue,) = [
        one
        for one in rt.load(paths, review=False).check("roleplay", select=[CODE])
        if one.conversation is None
    ]
    assert "in “train.jsonl (source 1)” than in “train.jsonl (source 0)”" in issue.message


def test_a_character_may_be_a_system_prompt(tmp_path: Path) -> None:
    def prompted(records: list[Record]) -> list[Record]:
        system = {"role": "system", "content": "You are Mara, who keeps the light."}
        for record in records:
            for turn in record["messages"]:
                turn.pop("name", None)
        return [{"messages": [system, *record["messages"]]} for record in records]

    (issue,) = drifts(tmp_path, prompted(batch(calm, 1)), prompted(batch(lively, 2)))
    assert issue.evidence["character"] == "You are Mara, who keeps the light."


@pytest.mark.parametrize("seed", range(5))
def test_one_writer_in_two_batches_is_silent(tmp_path: Path, seed: int) -> None:
    assert not drifts(tmp_path, batch(calm, seed), batch(calm, seed + 100))


@pytest.mark.parametrize("seed", range(5))
def test_longer_conversations_of_one_writer_are_no_other_voice(tmp_path: Path, seed: int) -> None:
    short, long = batch(calm, seed, count=40, replies=3), batch(calm, seed + 100, count=40, replies=15)
    assert not drifts(tmp_path, short, long)


def test_few_conversations_and_repeated_ones_say_nothing(tmp_path: Path) -> None:
    assert not drifts(tmp_path, batch(calm, 1), batch(lively, 2, count=7))
    assert not drifts(tmp_path, batch(calm, 1), batch(lively, 2, count=4) * 4)


def test_other_characters_in_the_other_source_are_not_compared(tmp_path: Path) -> None:
    assert not drifts(tmp_path, batch(calm, 1), batch(lively, 2, name="Lena"))


def test_each_pair_of_sources_is_a_finding_of_its_own(tmp_path: Path) -> None:
    found = drifts(tmp_path, batch(calm, 1), batch(calm, 2), batch(lively, 3))
    assert [issue.evidence["sources"] for issue in found] == [[0, 2], [1, 2]]


def test_what_most_characters_do_in_a_batch_is_said_once(tmp_path: Path) -> None:
    names = ("Kai", "Lena", "Mara", "Tom")
    first = [one for at, name in enumerate(names) for one in batch(calm, at, name=name)]
    second = [one for at, name in enumerate(names) for one in batch(lively, at + 50, name=name)]
    (issue,) = drifts(tmp_path, first, second)

    assert (issue.evidence["characters"], issue.evidence["changing"]) == (4, 4)
    assert "character" not in issue.evidence
    assert issue.message.startswith("4 of 4 characters have another voice in “batch1.jsonl”")


def test_the_delta_that_counts_is_a_threshold(tmp_path: Path) -> None:
    assert not drifts(tmp_path, batch(calm, 1), batch(lively, 2), delta=1.01)
    (issue,) = drifts(tmp_path, batch(calm, 1), batch(lively, 2), delta=1)
    assert {abs(one["delta"]) for one in issue.evidence["features"]} == {1}


def test_the_other_writer_of_one_character_is_told_beside_what_the_batch_has_in_common(
    tmp_path: Path,
) -> None:
    names = ("Lena", "Mara", "Tom")
    first = [one for at, name in enumerate(names) for one in batch(calm, at, name=name)]
    second = [one for at, name in enumerate(names) for one in batch(calm, at + 50, name=name)]
    (issue,) = drifts(tmp_path, [*first, *batch(calm, 7)], [*second, *batch(lively, 8)])
    assert issue.evidence["character"] == "Kai"


def test_a_mark_that_most_conversations_do_not_have_is_shown_by_its_total(tmp_path: Path) -> None:
    def seldom(draw: random.Random) -> str:
        return calm(draw) + (" *nods*" if draw.random() < 0.2 else "")

    (issue,) = drifts(tmp_path, batch(calm, 1, count=60), batch(seldom, 2, count=60))
    (asterisks,) = issue.evidence["features"]
    assert asterisks["feature"] == "asterisks"
    assert asterisks["first"] == 0
    assert asterisks["second"] > 0
    assert f"asterisks 0 → {asterisks['second']:.3g}" in issue.message


# ---------------------------------------------------------------- first third against last third


def test_a_character_that_falls_silent_along_its_conversations(tmp_path: Path) -> None:
    (issue,) = drifts(tmp_path, along(shrinking, 1))

    assert issue.evidence["against"] == "last third"
    assert issue.evidence["character"] == "Kai"
    assert issue.evidence["conversations"] == [14]
    # What stands seldom in a short reply is no change of its own.
    assert features(issue) == ["words in a reply"]
    (length,) = issue.evidence["features"]
    assert length["second"] < length["first"]
    assert length["delta"] == -1
    assert "from the first third of a conversation to the last" in issue.message
    assert [place["turn"] for place in issue.related[:2]] == [1, 17]


def test_a_vivid_character_that_ends_bland(tmp_path: Path) -> None:
    draw = random.Random(1)
    records = [
        conversation([*(lively(draw) for _ in range(4)), *(calm(draw) for _ in range(4))]) for _ in range(14)
    ]
    (issue,) = drifts(tmp_path, records)
    assert {"asterisks", "exclamation marks"} <= set(features(issue))


@pytest.mark.parametrize("seed", range(5))
def test_a_character_that_stays_itself_is_silent(tmp_path: Path, seed: int) -> None:
    assert not drifts(tmp_path, along(steady, seed, count=40))


def test_short_conversations_have_no_thirds(tmp_path: Path) -> None:
    assert not drifts(tmp_path, along(lambda n: 12 - 2 * n, 1, replies=5))


def test_what_most_characters_do_along_conversations_is_said_once(tmp_path: Path) -> None:
    names = ("Kai", "Lena", "Mara")
    records = [one for at, name in enumerate(names) for one in along(shrinking, at, name=name)]
    (issue,) = drifts(tmp_path, records)
    assert issue.evidence["characters"] == 3
    assert features(issue) == ["words in a reply"]

    others = [one for name in ("Ada", "Bo", "Cy") for one in along(steady, len(name), name=name)]
    found = drifts(tmp_path, [*along(shrinking, 1), *others])
    assert [issue.evidence["character"] for issue in found] == ["Kai"]


# ---------------------------------------------------------------- real text


def real_conversations(folder: Path, name: str) -> list[list[str]]:
    """The replies of each conversation of a real dataset."""
    path = folder / name
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text("utf-8")
    speakers = {"User 1": "user", "User 2": "assistant"}
    ds = rt.load([json.loads(line) for line in text.split("\n") if line], roles=speakers, review=False)
    found = ([m.text for m in chat.messages if m.role == "assistant" and m.text] for chat in ds)
    return [replies for replies in found if len(" ".join(replies).split()) >= 80]


@pytest.mark.parametrize(
    "name",
    [
        "personachat_named_speakers_en.jsonl",
        "roleplay_drama_scenes_chatml.jsonl.gz",
        "persona_agents_en.jsonl.gz",
    ],
)
def test_real_conversations_without_order_and_parted_at_random_are_silent(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    records = real_conversations(shared_data, name)[:200]
    draws = 40
    loud: Counter[str] = Counter()
    for seed in range(draws):
        draw = random.Random(seed)
        chosen = [
            conversation(draw.sample(replies, len(replies)))
            for replies in draw.sample(records, min(len(records), draw.choice([24, 60, 200])))
        ]
        cut = draw.randint(8, len(chosen) - 8)
        loud.update({issue.evidence["against"] for issue in drifts(tmp_path, chosen[:cut], chosen[cut:])})
    assert all(count <= 0.05 * draws for count in loud.values()), loud


def test_two_real_writers_under_one_name_are_told_apart(shared_data: Path, tmp_path: Path) -> None:
    chats, agents = (
        [conversation(replies) for replies in real_conversations(shared_data, name)[:60]]
        for name in ("personachat_named_speakers_en.jsonl", "persona_agents_en.jsonl.gz")
    )
    (issue,) = [one for one in drifts(tmp_path, chats, agents) if one.evidence["against"] == "source"]
    assert "words in a reply" in features(issue)
