"""Export: conversations as a file that a trainer reads. What was not touched leaves byte for byte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ..core import splice
from ..core.dataset import Dataset
from ..core.errors import ExportError
from ..core.model import Conversation
from ..core.repair import BOM
from ..core.wording import plural
from ..sources.decoding import repeated_keys
from ..sources.opening import UTF8_BOM
from ..sources.roles import role_word
from .layouts import TARGETS, Loss
from .writing import write_atomically

Keep = Callable[[Conversation], bool]

_LINE_BREAK = re.compile(rb"[ \t\r]*\n[ \t\r\n]*")
_LAID_OUT_AS = {"messages": ("messages", "kto"), "sharegpt": ("sharegpt",)}


@dataclass
class Exported:
    """What an export wrote.

    Attributes:
        path: the file.
        conversations: how many it holds.
        unchanged: how many of them are equal to their source to the byte.
        unreadable: records that could not be read and are in it as they were (format ``same`` only).
        left_out: records that are not in it, by reason.
        losses: what the target format cannot hold, one entry a turn or conversation.
    """

    path: Path
    conversations: int = 0
    unchanged: int = 0
    unreadable: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    @property
    def summary(self) -> list[str]:
        """A few sentences: what was written, what was left out, what could not be held."""
        lines = [
            f"{self.path}: {plural(self.conversations, 'conversation')}, {self.unchanged:,} of them unchanged."
        ]
        if self.unreadable:
            lines.append(f"{plural(self.unreadable, 'record')} that could not be read went along as found.")
        lines += [f"Left out: {plural(count, 'record')} {reason}." for reason, count in self.left_out.items()]
        kinds = Counter(loss.what for loss in self.losses)
        for what, count in kinds.most_common():
            first = next(loss for loss in self.losses if loss.what == what)
            turn = "" if first.turn is None else f" turn {first.turn}"
            lines.append(f"{what}: {plural(count, 'time')}, first in #{first.conversation}{turn}.")
        return lines

    def __repr__(self) -> str:
        return "\n".join(self.summary)


def export(dataset: Dataset, path: Path, format: str, *, overwrite: bool, keep: Keep | None) -> Exported:
    """Write a dataset (see :meth:`Dataset.export`)."""
    if format != "same" and format not in TARGETS:
        raise ExportError(
            f"No format is called {format!r} to export to; there are {', '.join(TARGETS)}, same."
        )
    refuse_a_source(dataset, path)
    done = Exported(path)
    if format != "same":
        write_atomically(path, _converted(dataset, path, format, keep, done), overwrite=overwrite)
    elif len(dataset.sources) == 1:
        write_atomically(path, _same(dataset, 0, keep, done), overwrite=overwrite)
    else:
        _folder(dataset, path, keep, done, overwrite)
    return done


def refuse_a_source(dataset: Dataset, path: Path) -> None:
    """Stop before a source is written to.

    Raises:
        ExportError: if the path is one.
    """
    if any(source.path is not None and _same_file(source.path, path) for source in dataset.sources):
        raise ExportError(f"{path} is the source itself, which is never written to; choose another name.")


def _folder(dataset: Dataset, folder: Path, keep: Keep | None, done: Exported, overwrite: bool) -> None:
    """Several sources as they came: one file each, under their own names."""
    names = [Path(source.name).name for source in dataset.sources]
    if len(set(names)) < len(names):
        raise ExportError(
            "Two sources have the same file name, so they cannot leave as they came into one folder."
        )
    if folder.exists() and not folder.is_dir():
        raise ExportError(f"{folder} is a file; several sources need a folder.")
    for name in names:
        refuse_a_source(dataset, folder / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ExportError(f"{folder} cannot be made: {problem.strerror}.") from None
    for number, name in enumerate(names):
        write_atomically(folder / name, _same(dataset, number, keep, done), overwrite=overwrite)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()


def _left_out(done: Exported, reason: str) -> None:
    done.left_out[reason] = done.left_out.get(reason, 0) + 1


# ---------------------------------------------------------------- as it came


def _same(dataset: Dataset, number: int, keep: Keep | None, done: Exported) -> Iterator[bytes]:
    source = dataset.sources[number]
    if source.start == len(UTF8_BOM) and BOM not in dataset.edits.of_source(number):
        yield source.original(UTF8_BOM)
    for piece in _pieces(dataset, number, keep, done):
        yield source.original(piece)


def _pieces(dataset: Dataset, number: int, keep: Keep | None, done: Exported) -> Iterator[bytes]:
    """The text of the source with its changes: gap, record, gap. A removed record takes one separator along."""
    source, changed = dataset.sources[number], dataset.edits.of_source(number)
    of_source = dataset.index.conversations.filter(pl.col("source") == number)
    conversations = set(of_source["index"].to_list())
    at = source.start
    written = 0
    for index in range(dataset.record_count(number)):
        start, end = dataset.record_span(number, index)
        gap, at = source.read(at, start), end
        data = changed[index] if index in changed else source.read(start, end)
        reason = "that were removed"
        if data is not None and keep is not None:
            conversation = dataset.conversation_at(number, index) if index in conversations else None
            reason = "that could not be read" if conversation is None else "not asked for"
            data = data if conversation is not None and keep(conversation) else None
        if data is None:
            _left_out(done, reason)
            if index == 0:
                yield gap  # what stands before the first record stays
            continue
        if written or index == 0:
            yield gap
        written += 1
        if index in conversations:
            done.conversations += 1
            done.unchanged += index not in changed
        else:
            done.unreadable += 1
        yield data
    yield source.read(at, source.size)


# ---------------------------------------------------------------- in another layout


def _converted(
    dataset: Dataset, path: Path, format: str, keep: Keep | None, done: Exported
) -> Iterator[bytes]:
    array = (
        path.with_suffix("").suffix == ".json" if path.suffix in (".gz", ".zst") else path.suffix == ".json"
    )
    for _ in dataset.index.rejected:
        _left_out(done, "that could not be read")
    first = True
    if array:
        yield b"[\n"
    for conversation in dataset:
        if keep is not None and not keep(conversation):
            _left_out(done, "not asked for")
            continue
        data = dataset.record_bytes(conversation.source_index, conversation.index)
        assert data is not None
        if conversation.format in _LAID_OUT_AS[format] and conversation.reading.system is None:
            place = (conversation.source_index, conversation.index)
            if any(message.label.alias for message in conversation.messages):
                data = _with_standard_roles(conversation, data, done)
            else:
                done.unchanged += place not in dataset.edits
            if b"\n" in data and not array:
                data = _on_one_line(data)
        else:
            record, losses = TARGETS[format](conversation)
            done.losses.extend(losses)
            if repeated_keys(data):
                done.losses.append(
                    Loss(conversation.index, None, "Of a key that stood twice the last one was kept")
                )
            data = splice.encoded_like(data, record)
        done.conversations += 1
        if array:
            yield (b"" if first else b",\n") + data
        else:
            yield data + b"\n"
        first = False
    if array:
        yield b"\n]\n"


def _with_standard_roles(conversation: Conversation, data: bytes, done: Exported) -> bytes:
    """A record that is laid out as asked for, with the standard words for its roles."""
    words = {}
    for turn, message in enumerate(conversation.messages):
        if message.label.alias and message.role is not None:
            words[message.role_pointer] = role_word(message.role, conversation.format)
            done.losses.append(
                Loss(conversation.index, turn, "Another spelling of a role became the standard word")
            )
    return splice.replace_all(data, words)


def _on_one_line(data: bytes) -> bytes:
    """A record that was spread over lines, on one. A line break cannot stand inside a JSON string, so only layout goes."""
    return _LINE_BREAK.sub(b" ", data)
