"""What trainers see of a file before they read its rows, read in a pass of its own that decodes the outermost keys alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ..core.dataset import Dataset
from ..core.edits import Edits
from ..core.wording import plural
from ..sources.decoding import Bad, decode
from ..sources.opening import Source
from ..sources.records import BLOCK_BYTES, regions, sniff
from .targets.target import Shape

_HEAD = 10  # records that a trainer may look at before all others
_UTF8_BOM = b"\xef\xbb\xbf"

_keys_of = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass
class FileShape:
    """The shape of a dataset's records, and what of its files concerns a trainer that reads them itself.

    Attributes:
        records: how many records there are, those that cannot be read counted.
        bad: of those, the ones that are no JSON.
        first_bad: the first of them: the name of its source and its place there, from 0.
        blank_lines: whether a blank line stands between two lines of a file; not looked for unless asked.
        byte_order_mark: whether a file begins with one.
        arrays: whether the records of a file named ``.jsonl`` stand in an array, or spread over lines.
    """

    records: int = 0
    bad: int = 0
    first_bad: tuple[str, int] | None = None
    blank_lines: bool = False
    byte_order_mark: bool = False
    arrays: bool = False
    _head: list[Any] = field(default_factory=list)
    _keys: dict[str, None] = field(default_factory=dict)
    _blanks: bool = False

    @property
    def shape(self) -> Shape:
        """What a judge is made for."""
        head = self._head
        return Shape(head[0] if head else None, tuple(self._keys), self.records - self.bad, tuple(head))

    def notes(self, targets: Collection[str]) -> Iterator[str]:
        """What trainers that read the file themselves stumble over, as far as it was measured (`tests/trainers`)."""
        together = "together" in targets
        by_datasets = any(name.startswith("trl") for name in targets)
        if self.first_bad is not None:
            name, at = self.first_bad
            yield (
                f"{plural(self.bad, 'record')} cannot be read as JSON, the first is #{at} of {name}; the others are judged here."
                + " Together refuses such a file." * together
                + " TRL reads files with `datasets`, which stops at such a file without saying where."
                * by_datasets
            )
        if self.byte_order_mark and together:
            yield "The file begins with a byte order mark: Together refuses it."
        if self.blank_lines and together:
            yield "A blank line stands between two records: Together refuses the file."
        if self.arrays and together:
            yield "The file is called .jsonl, but its records do not stand one on a line: Together refuses it."

    @classmethod
    def of(cls, dataset: Dataset, targets: Collection[str] = ()) -> FileShape:
        """The shape of a dataset in the state it is in now, with what `notes` has to know for some trainers.

        Raises:
            SourceError: a file cannot be read any more.
        """
        made = cls(_blanks="together" in targets)
        edits = dataset.edits
        for number, source in enumerate(dataset.sources):
            made._look_at_file(source)
            if edits.of_source(number) or not made._add_lines(source):
                for at, data in _records(source, number, edits):
                    made._add(source, at, data)
        return made

    def _look_at_file(self, source: Source) -> None:
        if not source.whole_file or source.packed is not None or source.csv is not None:
            return
        self.byte_order_mark |= source.head(len(_UTF8_BOM)) == _UTF8_BOM
        if source.hint == ".jsonl" and source.size:
            container, at = sniff(source)
            head = source.read(at, min(source.size, at + BLOCK_BYTES)).strip()
            self.arrays |= container == "array" or (container == "stream" and b"\n" in head)

    def _add_lines(self, source: Source) -> bool:
        """Take the records of a source whose every line is one; False, and nothing is taken, if it is not so."""
        if source.csv is not None or sniff(source)[0] != "lines":
            return False
        records, keys, head, blank = 0, dict[str, None](), list[Any](), False
        at, held = source.start, b""
        while at < source.size or held:
            end = min(at + BLOCK_BYTES, source.size)
            held += source.read(at, end)
            at = end
            cut = len(held) if at >= source.size else held.rfind(b"\n") + 1
            data, held = held[:cut], held[cut:]
            try:
                found = _keys_of.decode_lines(data)
            except (ValueError, RecursionError):  # some line is something else, or nothing at all
                return False
            if len(head) < _HEAD:
                for line in data.split(b"\n", 2 * _HEAD)[: 2 * _HEAD]:
                    if line.strip() and len(head) < _HEAD:
                        head.append(decode(line))
            records += len(found)
            # Rows of one file mostly have the same keys, and a set of tuples is quick to ask.
            for names in dict.fromkeys(map(tuple, found)):
                keys.update(dict.fromkeys(names))
            blank = blank or (self._blanks and _has_blank_line(data))
        if any(isinstance(one, Bad) for one in head):
            return False
        self._head += [value for value, _ in head][: _HEAD - len(self._head)]
        self._keys.update(keys)
        self.records += records
        self.blank_lines |= blank and source.whole_file
        return True

    def _add(self, source: Source, at: int, data: bytes) -> None:
        """Take one record of any kind."""
        self.records += 1
        try:
            keys: Any = None if len(self._head) < _HEAD else _keys_of.decode(data)
        except (ValueError, RecursionError):
            keys = None
        if keys is None:
            decoded = decode(data)
            if isinstance(decoded, Bad):
                self.bad += 1
                self.first_bad = self.first_bad or (Path(source.name).name, at)
                return
            if len(self._head) < _HEAD:
                self._head.append(decoded[0])
            keys = decoded[0] if type(decoded[0]) is dict else ()
        self._keys.update(dict.fromkeys(keys))


def _has_blank_line(data: bytes) -> bool:
    body = data.rstrip()
    return b"\n\n" in body or b"\n\r\n" in body


def _records(source: Source, number: int, edits: Edits) -> Iterator[tuple[int, bytes]]:
    """The records of a source in a state, each with the place in the file it comes from."""
    changed = bool(edits.of_source(number))
    for region in regions(source):
        for at in range(len(region.spans)):
            place = region.first + at
            if not changed:
                yield place, region.record(at)
                continue
            for one in edits.in_place_of(number, place):
                state = edits.state((number, one))
                data = region.record(at) if state is None else state.data
                if data is not None:
                    yield place, data
