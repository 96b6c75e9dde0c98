"""Tokens: counted by a tokenizer that the user brings, else estimated.

What is counted is a rendered conversation, whose control strings (``<|im_end|>``) are one token each to the model. Tokenizers of
Hugging Face and tiktoken make them so wherever they stand, in the text of a turn too; those of mistral-common never do, as they
put control tokens between texts themselves: with them each counts as the letters it is written with.
"""

from __future__ import annotations

import copy
import inspect
import operator
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..core.errors import SourceError
from ..core.model import Span
from ..core.turns import encodable
from .estimate import Counts, Estimate, placed

_FILE = "tokenizer.json"

# Texts that are handed to a tokenizer at a time; more would only need more memory.
_BATCH = 1000


class TokenSourceError(SourceError):
    """A tokenizer cannot be found, read or understood."""


class Tokens(Protocol):
    """Counts the tokens of a text.

    Attributes:
        name: what to call it before a person.
        exact: false for an estimate.
        band: for an estimate, its lowest and highest error, estimate / exact - 1, on the texts it was tried on: (-0.17, 0.06)
            if the exact number lay between estimate / 1.06 and estimate / 0.83; else (0, 0).
    """

    name: str
    exact: bool
    band: tuple[float, float]

    def count(self, text: str) -> int:
        """How many tokens a text has, without special tokens that a tokenizer would put around it."""
        ...

    def spans(self, text: str) -> list[Span]:
        """The stretch of each token in the text, in code points, in order; as many as `count` says.

        A stretch holds each character of which the token has a byte, so that the tokens of one character overlap. A tokenizer
        may leave characters out (blanks between words), and a token that stands for no character has an empty stretch. An
        estimate gives its own pieces, which do not overlap.
        """
        ...


@runtime_checkable
class TokenCounter(Tokens, Protocol):
    """Counts the tokens of many texts.

    Attributes:
        exact_spans: whether `spans` are the tokenizer's own; else they are placed so that each weighs about the same.
    """

    exact_spans: bool

    def count_many(self, texts: Sequence[str]) -> Counts:
        """What `count` says of each text: int64, in their order. Quicker than one by one where the tokenizer can."""
        ...


def tokens_of(source: object = None) -> TokenCounter:
    """How the tokens of ``source`` are counted.

    Args:
        source: None or ``"approx"`` for the estimate; a tokenizer of transformers, tokenizers, tiktoken or mistral-common, or
            any object whose ``encode(text)`` returns a list of ids or an object with ``ids``; a function that returns the
            number of tokens of a text; a path to a ``tokenizer.json`` or to a folder with one (needs the package
            ``tokenizers``); a `TokenCounter`, which comes back as it is.

    Raises:
        TokenSourceError: it is none of these, or the file cannot be read. Later also where ``encode`` or the function return
            something else.
    """
    if source is None or source == "approx":
        return Estimate()
    if isinstance(source, str | Path):
        return _Backend(*_read(Path(source).expanduser()))
    if isinstance(source, type):
        raise TokenSourceError(f"A tokenizer is needed, not the class {source.__name__}.")
    if isinstance(source, TokenCounter):
        return source
    return _of_object(_innermost(source))


def tokens_around(tokenizer: Any) -> tuple[int, int]:
    """How many tokens a tokenizer of transformers puts before and after a plain text of its own accord: a ``<s>``."""
    bare = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    whole = list(tokenizer("a")["input_ids"])
    for at in range(len(whole) - len(bare) + 1):
        if whole[at : at + len(bare)] == bare:
            return at, len(whole) - len(bare) - at
    return 0, 0


def _innermost(source: Any) -> Any:
    """The tokenizer of a processor for images and text, or the one that a mistral-common tokenizer encodes texts with."""
    for path in (("instruct_tokenizer", "tokenizer"), ("tokenizer",)):
        inner = source
        for name in path:
            inner = getattr(inner, name, None)
        if inner is not None and not hasattr(source, "encode"):
            return inner
    return source


def _of_object(source: Any) -> TokenCounter:
    name = _name(source)
    if hasattr(source, "encode_batch") and hasattr(source, "no_truncation"):
        return _Backend(name, source)
    if getattr(source, "is_fast", False) and callable(source):
        return _Fast(name, source)
    if hasattr(source, "decode_tokens_bytes"):
        return _Bytes(name, _tiktoken(source), lambda ids: map(len, source.decode_tokens_bytes(ids)))
    if hasattr(source, "encode"):
        encode = _plain_encode(source)
        if hasattr(source, "id_to_byte_piece"):
            return _Bytes(name, encode, lambda ids: [len(source.id_to_byte_piece(one)) for one in ids])
        return _Counted(name, lambda text: len(encode(text)))
    if callable(source):
        return _Counted(name, source)
    raise TokenSourceError(
        "Tokens are counted by a tokenizer (an object with encode), a function of a text, or a path to a tokenizer.json,"
        f" not by {type(source).__name__}."
    )


def _name(source: Any) -> str:
    for key in ("name_or_path", "name", "__name__"):
        if isinstance(name := getattr(source, key, None), str) and name:
            return name
    return type(source).__name__


def _read(path: Path) -> tuple[str, Any]:
    """A name and the tokenizer of a file of Hugging Face."""
    file = path / _FILE if path.is_dir() else path
    if not file.is_file():
        where = f"{path} holds no {_FILE}" if path.is_dir() else f"There is no file {path}"
        raise TokenSourceError(f"{where}, so tokens cannot be counted with it.")
    try:
        tokenizers = import_module("tokenizers")
    except ImportError:
        raise TokenSourceError(
            f"Counting with {file} needs the package tokenizers: pip install 'rolethread-nb[hf]'."
        ) from None
    try:
        return file.parent.name or file.name, tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the package raises the base class
        raise TokenSourceError(f"{file} cannot be read as a tokenizer: {error}.") from None


class _Exact:
    """What the tokenizers have in common."""

    exact = True
    exact_spans = True
    band = (0.0, 0.0)

    def __init__(self, name: str) -> None:
        self.name = name


class _Backend(_Exact):
    """A ``tokenizers.Tokenizer``. Padding and truncation that it is set to are left out of account."""

    def __init__(self, name: str, tokenizer: Any) -> None:
        super().__init__(name)
        if tokenizer.truncation is not None or tokenizer.padding is not None:
            tokenizer = copy.deepcopy(tokenizer)  # the user's own stays as it is
            tokenizer.no_truncation()
            tokenizer.no_padding()
        self._tokenizer = tokenizer
        # Without offsets; older releases have it not.
        self._encode_many = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(encodable(text), add_special_tokens=False).ids)

    def count_many(self, texts: Sequence[str]) -> Counts:
        return _in_batches(texts, lambda some: map(len, self._encode_many(some, add_special_tokens=False)))

    def spans(self, text: str) -> list[Span]:
        return _in_order(self._tokenizer.encode(encodable(text), add_special_tokens=False).offsets)


class _Fast(_Exact):
    """A fast tokenizer of transformers, asked through its own call, which knows its settings for special tokens."""

    def __init__(self, name: str, tokenizer: Any) -> None:
        super().__init__(name)
        self._tokenizer = tokenizer

    def _ask(self, texts: str | list[str], **more: Any) -> Any:
        # verbose=False: no warning that a text is longer than the model's context, which is what we are about to say.
        return self._tokenizer(
            texts,
            add_special_tokens=False,
            padding=False,
            truncation=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
            **more,
        )

    def count(self, text: str) -> int:
        return len(self._ask(encodable(text))["input_ids"])

    def count_many(self, texts: Sequence[str]) -> Counts:
        return _in_batches(texts, lambda some: map(len, self._ask(some)["input_ids"]))

    def spans(self, text: str) -> list[Span]:
        return _in_order(self._ask(encodable(text), return_offsets_mapping=True)["offset_mapping"])


class _Bytes(_Exact):
    """A tokenizer whose tokens are the bytes of the text, one after the other (tiktoken, Tekken)."""

    def __init__(
        self, name: str, encode: Callable[[str], Sequence[int]], lengths: Callable[[Any], Iterable[int]]
    ) -> None:
        super().__init__(name)
        self._encode = encode
        self._lengths = lengths

    def count(self, text: str) -> int:
        return len(self._encode(encodable(text)))

    def count_many(self, texts: Sequence[str]) -> Counts:
        return _one_by_one(texts, self.count)

    def spans(self, text: str) -> list[Span]:
        text = encodable(text)
        ends = np.cumsum(np.fromiter(self._lengths(self._encode(text)), dtype=np.int64))
        if not len(ends):
            return []
        begins = (np.frombuffer(text.encode(), dtype=np.uint8) & 0xC0) != 0x80
        characters = np.cumsum(begins) - 1  # the character that each byte is of
        starts = np.concatenate([[0], ends[:-1]])
        return list(map(Span, characters[starts].tolist(), (characters[ends - 1] + 1).tolist()))


class _Counted(_Exact):
    """What only tells how many tokens there are."""

    exact_spans = False

    def __init__(self, name: str, count: Callable[[str], Any]) -> None:
        super().__init__(name)
        self._count = count

    def count(self, text: str) -> int:
        found = self._count(encodable(text))
        try:
            number = operator.index(found)
        except TypeError:
            number = -1
        if number < 0 or isinstance(found, bool):
            raise TokenSourceError(
                f"{self.name} has to return how many tokens a text has, not {type(found).__name__}."
            )
        return number

    def count_many(self, texts: Sequence[str]) -> Counts:
        return _one_by_one(texts, self.count)

    def spans(self, text: str) -> list[Span]:
        return placed(text, self.count(text))


def _tiktoken(encoding: Any) -> Callable[[str], list[int]]:
    # With "all", control strings are control tokens as with Hugging Face, and none of them raises.
    return lambda text: list(encoding.encode(text, allowed_special="all", disallowed_special=()))


def _plain_encode(tokenizer: Any) -> Callable[[str], Sequence[int]]:
    """``tokenizer.encode`` with everything switched off that it would put around a text."""
    encode = tokenizer.encode
    try:
        known = inspect.signature(encode).parameters
    except (TypeError, ValueError):  # written in C
        known = {}  # type: ignore[assignment]
    off = {key: False for key in ("add_special_tokens", "bos", "eos") if key in known}

    def ids(text: str) -> Sequence[int]:
        found = encode(text, **off)
        found = getattr(found, "ids", found)
        if isinstance(found, str | bytes | dict) or not hasattr(found, "__len__"):
            raise TokenSourceError(
                f"{_name(tokenizer)}.encode has to return a list of ids, not {type(found).__name__}."
            )
        return found  # type: ignore[no-any-return]

    return ids


def _in_order(offsets: Iterable[tuple[int, int]]) -> list[Span]:
    """Offsets as spans; a token that stands for no character is put behind the one before."""
    found = []
    end = 0
    for start, stop in offsets:
        span = Span(start, stop) if start < stop else Span(end, end)
        end = span.end
        found.append(span)
    return found


def _in_batches(texts: Sequence[str], count: Callable[[list[str]], Iterable[int]]) -> Counts:
    found = np.empty(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _BATCH):
        some = [encodable(text) for text in texts[start : start + _BATCH]]
        found[start : start + len(some)] = list(count(some))
    return found


def _one_by_one(texts: Sequence[str], count: Callable[[str], int]) -> Counts:
    return np.fromiter(map(count, texts), dtype=np.int64, count=len(texts))
