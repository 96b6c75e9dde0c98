"""The language that each turn is told to be in: by its words, by those of its conversation, by its script."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

from labelled import DATA

import rolethread_nb as rt
from rolethread_nb.language import packs
from rolethread_nb.language.tongues import function_words, language_names


def chat(*texts: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)
        ]
    }


def told(*conversations: dict[str, Any]) -> dict[str, int]:
    frame = rt.load(list(conversations)).balance()["language"]
    return dict(zip(frame["value"], frame["count"].tolist(), strict=True))


def test_a_short_turn_is_in_the_language_of_its_conversation() -> None:
    english = chat("Can you tell me what the weather is like over there?", "Sunny, mostly.")
    german = chat("Wie verbringt ihr denn eure langen Abende dort draußen, wenn es regnet?", "Angeln.")
    assert told(english, german, chat("Как дела?", "Хорошо")) == {"en": 2, "de": 2, "Cyrillic script": 2}


def test_a_turn_in_another_script_is_not_in_the_language_of_its_conversation() -> None:
    asked = "How do you say thank you and good evening in the language of the people there?"
    thanks = chat(asked, "ありがとう", "And there?", "谢谢", "Oh?", "Спасибо")
    assert told(thanks) == {"en": 3, "ja": 1, "zh": 1, "Cyrillic script": 1}


def test_chinese_characters_are_japanese_in_a_japanese_conversation() -> None:
    assert told(chat("それはどこですか、教えてください", "東京")) == {"ja": 2}
    assert told(chat("你在哪里？", "東京")) == {"zh": 2}


def test_two_languages_of_one_script_are_told_apart_in_one_conversation() -> None:
    german = "Das ist der Hund, den ich gestern mit dir in der Stadt gesehen habe."
    english = "This is the dog that I saw in the town with you on the day before."
    assert told(chat(german, english, german, english, german)) == {"de": 3, "en": 2}


def test_every_language_that_can_be_told_has_a_name() -> None:
    assert {"da", "no", "sv", "cs", "sk"} <= set(function_words())
    assert set(function_words()) - {"no", "sv", "sk"} <= set(language_names())
    frame = rt.load([chat("Wie verbringt ihr denn eure langen Abende dort draußen?", "Angeln.")]).balance()[
        "language"
    ]
    assert frame["label"].tolist() == ["German"]


def test_a_language_that_only_a_pack_knows_is_told_by_its_stop_words(tmp_path: Path) -> None:
    folder = tmp_path / "sw"
    shutil.copytree(Path(packs.__file__).parent / "packs" / "en", folder)
    (folder / "words.toml").write_text(
        'share = 0.2\nstop_words = ["wa", "kwa", "ni", "yangu"]\n', encoding="utf-8"
    )
    rt.language_pack(folder)
    try:
        assert told(chat("Rafiki yangu ni mgonjwa kwa sasa.", "Sunny, mostly.")) == {
            "sw": 1,
            "Latin script": 1,
        }
        assert rt.load([chat("Rafiki yangu ni mgonjwa kwa sasa.")]).where("language:sw") != []
    finally:
        rt.forget_language_pack("sw")


def _by_language() -> dict[str, list[dict[str, Any]]]:
    """Real conversations by the language that their records say they are in."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in (
        "roleplay_drama_scenes_chatml.jsonl.gz",
        "rtl_persona_agents_ar_fa.jsonl.gz",
        "dirty/agents_structural_damage.jsonl",
    ):
        data = (DATA / name).read_bytes()
        for line in (gzip.decompress(data) if name.endswith("gz") else data).splitlines():
            record = json.loads(line)
            found.setdefault(record["metadata"]["lang"][:2], []).append(record)
    yiddish = gzip.decompress((DATA / "rtl_drama_yiddish_named_roles.jsonl.gz").read_bytes()).splitlines()
    return found | {"yi": [json.loads(line) for line in yiddish]}


def test_the_languages_of_real_conversations_are_told() -> None:
    """Nineteen languages; the dramas' hardly ever wrong (old Ukrainian is spelt nearly as Russian), the personas' beside English names and titles."""
    records = _by_language()
    assert len(records) == 19
    for language, own in records.items():
        found = told(*own)
        assert max(found, key=lambda name: found[name]) == language
        share = found[language] / sum(found.values())
        assert share > (0.95 if language in ("de", "es", "it", "ru", "yi") else 0.7), (language, found)
