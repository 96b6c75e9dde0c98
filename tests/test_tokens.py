"""Tokens: estimated where no tokenizer is at hand, counted by whatever the user brings.

The tokenizers here are small stand-ins with the faces of the real ones; tests/trainers compares with real vocabularies.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolethread_nb.core.errors import SourceError
from rolethread_nb.core.model import Span
from rolethread_nb.training.estimate import Estimate, placed, weighed
from rolethread_nb.training.tokens import TokenCounter, TokenSourceError, tokens_of

# Text of several scripts, with the edges of classes, control strings and halves of surrogate pairs.
PIECES = st.sampled_from(
    [
        "a",
        "Word",
        "é",
        " ",
        "  ",
        "\n\n",
        "42",
        "!?",
        "“",
        "да",
        "שָׁ",
        "سلام",
        "नम",
        "ไทย",
        "日本",
        "カナ",
        "한",
        "😀",
        "👩‍👩‍👧",
        "\ud83d",
        "ⴰ",
        "\x00",
        "<|im_end|>",
        "<|",
        "|>",
        "[INST]",
        "</s>",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join)


class TestTheEstimate:
    @given(st.lists(TEXTS, max_size=6))
    def test_counts_many_texts_as_it_counts_each(self, texts: list[str]) -> None:
        counts = Estimate().count_many(texts)
        assert counts.tolist() == [Estimate().count(text) for text in texts]
        assert counts.dtype == np.int64

    def test_counts_many_large_texts_as_it_counts_each(self) -> None:
        texts = ["Some words. " * 60_000, "", "слово " * 90_000, "end"] * 2
        assert Estimate().count_many(texts).tolist() == [Estimate().count(text) for text in texts]

    @given(TEXTS)
    def test_weighs_each_character(self, text: str) -> None:
        weights = weighed([text])
        assert len(weights) == len(text)
        assert Estimate().count(text) == (max((int(weights.sum()) + 50) // 100, 1) if text else 0)

    @given(TEXTS)
    def test_gives_as_many_pieces_as_tokens_which_make_up_the_text(self, text: str) -> None:
        spans = Estimate().spans(text)
        assert len(spans) == Estimate().count(text)
        assert "".join(text[start:end] for start, end in spans) == text

    @given(TEXTS, st.integers(1, 60))
    def test_places_any_number_of_pieces(self, text: str, count: int) -> None:
        spans = placed(text, count)
        assert len(spans) == count
        assert "".join(text[start:end] for start, end in spans) == text

    def test_takes_a_control_string_for_one_token_wherever_it_stands(self) -> None:
        for control in ("<|im_start|>", "<|eot_id|>", "<｜User｜>", "<start_of_turn>", "</s>", "[INST]"):
            assert Estimate().count(control * 30) == 30
        assert Estimate().count_many(["<|im_", "end|>"]).tolist() == [
            Estimate().count("<|im_"),
            Estimate().count("end|>"),
        ]

    def test_is_near_what_tokenizers_say(self) -> None:
        for text, exact in REAL_COUNTS:
            low, high = Estimate.band
            assert exact * (1 + low) <= Estimate().count(text) <= exact * (1 + high), text

    def test_says_that_it_is_one(self) -> None:
        for source in (None, "approx"):
            estimate = tokens_of(source)
            assert (estimate.name, estimate.exact, estimate.exact_spans) == ("estimate", False, False)
            low, high = estimate.band
            assert -0.5 < low < 0 < high < 0.5


# Counted with the vocabulary of Llama 3.
REAL_COUNTS = [
    (
        "The lamps along the harbour were lit one after another, and nobody on the quay said a word about the missing boat.",
        24,
    ),
    (
        '*She puts the letter down.* "You knew? All this time, you knew, and you let me go on writing to him!"',
        28,
    ),
    (
        'def total(rows):\n    return sum(row["price"] * row["count"] for row in rows if row["count"] > 0)\n',
        29,
    ),
    (
        "Der alte Fischer flickte sein Netz und sah den Kindern zu, die am Ufer nach flachen Steinen suchten.",
        26,
    ),
    ("Старик чинил сеть и смотрел, как дети ищут на берегу плоские камни.", 27),
]


class Bytes:
    """Like tiktoken: some strings are special, and raise unless it is told otherwise; a token is two bytes."""

    name = "two_bytes"
    special = "<|end|>"

    def encode(
        self, text: str, *, allowed_special: Any = frozenset(), disallowed_special: Any = "all"
    ) -> list[int]:
        if self.special in text and allowed_special != "all" and disallowed_special == "all":
            raise ValueError("special")
        self.pieces: list[bytes] = []
        for at, part in enumerate(text.split(self.special) if allowed_special == "all" else [text]):
            self.pieces += [self.special.encode()] if at else []
            data = part.encode()
            self.pieces += [data[n : n + 2] for n in range(0, len(data), 2)]
        return list(range(len(self.pieces)))

    def decode_tokens_bytes(self, ids: Sequence[int]) -> list[bytes]:
        return [self.pieces[one] for one in ids]


class Backend:
    """Like tokenizers.Tokenizer: a token a word, a special token before the text unless it is told otherwise."""

    def __init__(self) -> None:
        self.truncation: Any = None
        self.padding: Any = None

    def no_truncation(self) -> None:
        self.truncation = None

    def no_padding(self) -> None:
        self.padding = None

    def encode(self, text: str, add_special_tokens: bool = True) -> Any:
        text.encode()  # like Rust, it takes no half of a surrogate pair
        words = text.split()
        offsets, at = [(0, 0)] * add_special_tokens, 0
        for word in words:
            at = text.index(word, at)
            offsets.append((at, at + len(word)))
            at += len(word)
        offsets = offsets[: (self.truncation or {}).get("max_length")]
        return SimpleNamespace(ids=list(range(len(offsets))), offsets=offsets)

    def encode_batch(self, texts: list[str], add_special_tokens: bool = True) -> list[Any]:
        return [self.encode(text, add_special_tokens).ids for text in texts]


class Fast:
    """Like a fast tokenizer of transformers."""

    is_fast = True
    name_or_path = "models/tiny"

    def encode(self, text: str) -> list[int]:
        raise AssertionError("asked through its call")

    def __call__(self, texts: Any, add_special_tokens: bool, return_offsets_mapping: bool = False, **_: Any):  # type: ignore[no-untyped-def]
        every = [
            Backend().encode(text, add_special_tokens)
            for text in ([texts] if isinstance(texts, str) else texts)
        ]
        answer = {"input_ids": [one.ids for one in every], "offset_mapping": [one.offsets for one in every]}
        return {key: value[0] for key, value in answer.items()} if isinstance(texts, str) else answer


class Mistral:
    """Like a tokenizer of mistral-common."""

    def encode(self, s: str, bos: bool, eos: bool) -> list[int]:
        return [1] * bos + [7] * len(s) + [2] * eos


TEXT = "one two\n three"


class TestATokenizerOfTheUser:
    @pytest.mark.parametrize("tokenizer", [Backend(), Fast()])
    def test_counts_without_special_tokens_around_the_text(self, tokenizer: Any) -> None:
        tokens = tokens_of(tokenizer)
        assert (tokens.exact, tokens.exact_spans, tokens.band) == (True, True, (0, 0))
        assert tokens.count(TEXT) == 3
        assert tokens.count_many([TEXT, "", "a \ud83d b"]).tolist() == [3, 0, 3]
        assert tokens.spans(TEXT) == [Span(0, 3), Span(4, 7), Span(9, 14)]
        assert tokens.count_many([]).tolist() == []

    def test_is_named(self) -> None:
        names = [tokens_of(one).name for one in (Fast(), Backend(), Bytes(), len)]
        assert names == ["models/tiny", "Backend", "two_bytes", "len"]

    def test_that_truncates_counts_the_whole_text_and_is_left_as_it_is(self) -> None:
        backend = Backend()
        backend.truncation, backend.padding = {"max_length": 2}, {"length": 9}
        assert tokens_of(backend).count(TEXT) == 3
        assert (backend.truncation, backend.padding) == ({"max_length": 2}, {"length": 9})

    def test_of_bytes_gives_each_token_every_character_it_has_a_byte_of(self) -> None:
        tokens = tokens_of(Bytes())
        assert tokens.spans("aé😀b") == [Span(0, 2), Span(1, 3), Span(2, 3), Span(2, 4)]
        assert tokens.spans("") == []
        assert tokens.count_many(["aé😀b", "\ud83d"]).tolist() == [4, 2]

    def test_of_bytes_makes_control_strings_control_tokens(self) -> None:
        tokens = tokens_of(Bytes())
        assert tokens.count("ab<|end|>cd") == 3
        assert tokens.spans("ab<|end|>cd") == [Span(0, 2), Span(2, 9), Span(9, 11)]

    def test_of_mistral_common_is_found_inside_and_encodes_bare_texts(self) -> None:
        whole = SimpleNamespace(instruct_tokenizer=SimpleNamespace(tokenizer=Mistral()))
        for tokenizer in (whole, Mistral()):
            assert tokens_of(tokenizer).count("abc") == 3

    def test_of_a_processor_is_found_inside(self) -> None:
        assert tokens_of(SimpleNamespace(tokenizer=Fast())).count(TEXT) == 3

    def test_that_tells_no_places_has_pieces_of_about_the_same_weight(self) -> None:
        tokens = tokens_of(lambda text: len(text.split()))
        assert (tokens.exact, tokens.exact_spans) == (True, False)
        spans = tokens.spans("some words, and then more")
        assert len(spans) == 5
        assert (
            "".join("some words, and then more"[start:end] for start, end in spans)
            == "some words, and then more"
        )

    def test_of_ours_comes_back_as_it_is(self) -> None:
        tokens = tokens_of(Fast())
        assert tokens_of(tokens) is tokens
        assert isinstance(Estimate(), TokenCounter)

    def test_with_encode_that_returns_ids_or_an_object_with_ids(self) -> None:
        assert tokens_of(SimpleNamespace(encode=list)).count("abc") == 3
        assert tokens_of(SimpleNamespace(encode=lambda text: SimpleNamespace(ids=[1, 2]))).count("abc") == 2


class TestWhatIsNoTokenizer:
    @pytest.mark.parametrize("source", [7, object(), Fast, SimpleNamespace(encode=3).__class__])
    def test_is_refused_at_once(self, source: object) -> None:
        with pytest.raises(TokenSourceError, match="token"):
            tokens_of(source)

    @pytest.mark.parametrize("answer", [None, 1.5, -1, True, "3", [1, 2]])
    def test_is_a_function_that_returns_no_number(self, answer: Any) -> None:
        def mine(text: str) -> Any:
            return answer

        with pytest.raises(
            TokenSourceError, match=r"mine has to return how many tokens a text has, not \w+\."
        ):
            tokens_of(mine).count("a")

    @pytest.mark.parametrize("answer", [{"input_ids": [1]}, "ids", 3, None])
    def test_is_an_encode_that_returns_no_ids(self, answer: Any) -> None:
        with pytest.raises(TokenSourceError, match="has to return a list of ids"):
            tokens_of(SimpleNamespace(encode=lambda text: answer)).count("a")

    def test_is_a_path_with_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(TokenSourceError, match="There is no file"):
            tokens_of(tmp_path / "tokenizer.json")
        with pytest.raises(TokenSourceError, match=r"holds no tokenizer\.json"):
            tokens_of(str(tmp_path))
        assert issubclass(TokenSourceError, SourceError)


def test_a_file_needs_the_package_and_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        TokenSourceError, match=r"needs the package tokenizers: pip install 'rolethread-nb\[hf\]'"
    ):
        tokens_of(tmp_path)


def test_a_file_is_read_by_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")

    class Tokenizer(Backend):
        @classmethod
        def from_file(cls, path: str) -> Tokenizer:
            assert path == str(tmp_path / "tokenizer.json")
            return cls()

    monkeypatch.setitem(sys.modules, "tokenizers", SimpleNamespace(Tokenizer=Tokenizer))
    for source in (tmp_path, str(tmp_path / "tokenizer.json")):
        tokens = tokens_of(source)
        assert (tokens.name, tokens.count(TEXT)) == (tmp_path.name, 3)


def test_a_file_that_is_no_tokenizer_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")

    def from_file(path: str) -> Any:
        raise ValueError("missing field `model`")

    monkeypatch.setitem(
        sys.modules, "tokenizers", SimpleNamespace(Tokenizer=SimpleNamespace(from_file=from_file))
    )
    with pytest.raises(TokenSourceError, match="cannot be read as a tokenizer: missing field"):
        tokens_of(tmp_path)
