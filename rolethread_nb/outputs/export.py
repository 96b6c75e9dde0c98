"""Export: conversations as a file that a trainer reads. What was not touched leaves byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ..core.dataset import Dataset
from ..core.errors import ExportError
from ..core.repair import BOM
from ..core.wording import plural
from ..sources.discovery import DATA, PACKED
from ..sources.nested import Gaps, gap_like
from ..sources.opening import UTF8_BOM
from .converting import TARGETS, Keep, converted
from .converting import target as layout_named
from .exported import Exported
from .tables import TABLES, table
from .writing import write_atomically

_OF_FILES = tuple(kind + packed for kind in DATA for packed in PACKED)


def export(
    dataset: Dataset,
    path: Path,
    format: str,
    *,
    overwrite: bool,
    keep: Keep | None,
    target: str | None = None,
    only_valid: bool = False,
    clean: bool = False,
    strict: bool = False,
    dry_run: bool = False,
) -> Exported:
    """Write a dataset (see :meth:`Dataset.export`). ``only_valid`` is about what the target takes."""
    if target is not None:
        if format != "messages":
            raise ExportError(f"The target {target} has its own layout; leave the format out, or the target.")
        return _for_target(
            dataset,
            path,
            target,
            overwrite=overwrite,
            keep=keep,
            only_valid=only_valid,
            clean=clean,
            strict=strict,
            dry_run=dry_run,
        )
    known = [*TARGETS, *TABLES, "same"]
    if format not in known and layout_named(format) is None:
        raise ExportError(f"No format is called {format!r} to export to; there are {', '.join(known)}.")
    if clean and format == "same":
        raise ExportError(
            "Format same gives the records as they came; to leave keys out, name another format."
        )
    refuse_a_source(dataset, path)
    done = Exported(path, written=not dry_run)
    if format == "same" and len(dataset.sources) > 1:
        _folder(dataset, path, keep, done, overwrite, dry_run=dry_run)
        return done
    if format == "same":
        pieces = _same(dataset, 0, keep, done)
    elif format in TABLES:
        pieces = table(dataset, path, format, keep, done, clean=clean)
    else:
        records = converted(dataset, format, keep, done, clean=clean, one_line=not _is_array(path))
        pieces = _laid_out(records, path)
    if strict:
        pieces = _unless_something_is_lost(pieces, done, format)
    if dry_run:
        for _ in pieces:
            pass
    else:
        write_atomically(path, pieces, overwrite=overwrite)
    return done


def _unless_something_is_lost(pieces: Iterator[bytes], done: Exported, format: str) -> Iterator[bytes]:
    """The pieces, and at their end a refusal where the layout could not hold everything."""
    yield from pieces
    if not done.lossless:
        count = len({(loss.source, loss.conversation) for loss in (*done.refused, *done.losses)})
        raise ExportError(
            f"{format} cannot hold all of {plural(count, 'conversation')}, and strict was asked for: "
            + " ".join(done.summary[1:])
        )


def _for_target(
    dataset: Dataset,
    path: Path,
    name: str,
    *,
    overwrite: bool,
    keep: Keep | None,
    only_valid: bool,
    clean: bool,
    strict: bool,
    dry_run: bool,
) -> Exported:
    """The records as a trainer reads them, and beside them what it needs. Nothing is begun where one of the names is taken."""
    from .for_target import ExportedFor, ForTarget  # the trainers are read only where they are asked for
    from .sidecar import beside

    refuse_a_source(dataset, path)
    work = ForTarget(dataset, name, path, keep, clean=clean, only_valid=only_valid)
    files = beside(name, path, work.survey)
    for file in files:
        refuse_a_source(dataset, file)
        if file.exists() and not overwrite and not dry_run:
            raise ExportError(f"{file} exists already; say overwrite=True (--force) to replace it.")
    done = ExportedFor(path, written=not dry_run, target=work.target.title, beside=list(files))
    pieces = _laid_out(work.records(done), path)
    if strict:
        pieces = _unless_something_is_lost(pieces, done, work.target.title)
    if dry_run:
        for _ in pieces:
            pass
        return done
    write_atomically(path, pieces, overwrite=overwrite)
    for file, data in files.items():
        write_atomically(file, [data], overwrite=overwrite)
    return done


def _is_array(path: Path) -> bool:
    return (path.with_suffix("") if path.suffix in (".gz", ".zst") else path).suffix == ".json"


def _laid_out(records: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Records one a line, or as one array where the name says .json."""
    if not _is_array(path):
        yield from (record + b"\n" for record in records)
        return
    yield b"[\n"
    for number, record in enumerate(records):
        yield record if number == 0 else b",\n" + record
    yield b"\n]\n"


def refuse_a_source(dataset: Dataset, path: Path) -> None:
    """Stop before a source is written to.

    Raises:
        ExportError: if the path is one.
    """
    if any(source.path is not None and _same_file(source.path, path) for source in dataset.sources):
        raise ExportError(f"{path} is the source itself, which is never written to; choose another name.")


def _folder(
    dataset: Dataset, folder: Path, keep: Keep | None, done: Exported, overwrite: bool, *, dry_run: bool
) -> None:
    """Several sources as they came: one file each, under their own names."""
    names = [Path(source.name).name for source in dataset.sources]
    if len(set(names)) < len(names):
        raise ExportError(
            "Two sources have the same file name, so they cannot leave as they came into one folder."
        )
    if folder.exists() and not folder.is_dir():
        raise ExportError(f"{folder} is a file; several sources need a folder.")
    if not folder.exists() and folder.name.lower().endswith(_OF_FILES):
        raise ExportError(
            f"{folder} is the name of a file, and {len(names):,} sources that leave as they came need a folder:"
            " name one, or choose a format that puts them in one file."
        )
    for name in names:
        refuse_a_source(dataset, folder / name)
    if dry_run:
        for number in range(len(names)):
            for _ in _same(dataset, number, keep, done):
                pass
        return
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


# ---------------------------------------------------------------- as it came


def _same(dataset: Dataset, number: int, keep: Keep | None, done: Exported) -> Iterator[bytes]:
    source = dataset.sources[number]
    if source.packed is not None:
        yield from _copied(dataset, number, keep, done)
        return
    if source.start == len(UTF8_BOM) and BOM not in dataset.edits.of_source(number):
        yield source.original(UTF8_BOM)
    for piece in _pieces(dataset, number, keep, done):
        yield source.original(piece)


def _pieces(dataset: Dataset, number: int, keep: Keep | None, done: Exported) -> Iterator[bytes]:
    """The text of the source with its changes: gap, record, gap. A removed record takes one separator along, an added one brings one."""
    source, edits = dataset.sources[number], dataset.edits
    of_source = dataset.index.conversations.filter(pl.col("source") == number)
    conversations = set(of_source["index"].to_list())
    at, count = source.start, dataset.record_count(number)
    gaps = Gaps(plain=source.csv is not None)
    for index in range(count):
        start, end = dataset.record_span(number, index)
        gap, at = source.read(at, start), end
        for place in edits.in_place_of(number, index):
            state = edits.state((number, place))
            data = source.read(start, end) if state is None else state.data
            if state is not None and data is not None:
                data = source.written(data, start, end)
            reason = "that were removed"
            if data is not None and keep is not None:
                conversation = dataset.conversation_at(number, place) if place in conversations else None
                reason = "that could not be read" if conversation is None else "not asked for"
                data = data if conversation is not None and keep(conversation) else None
            if place != index:
                after = dataset.record_span(number, index + 1)[0] if index + 1 < count else source.size
                gap = gap_like(gap, source.read(end, after), state.id if state is not None else None)
            if data is None:
                done.leave_out(reason)
                yield gaps.before(gap, keep=False)
                continue
            yield gaps.before(gap, keep=True)
            if place in conversations:
                done.conversations += 1
                done.unchanged += state is None
            else:
                done.unreadable += 1
            yield data
    yield gaps.after(source.read(at, source.size))


def _copied(dataset: Dataset, number: int, keep: Keep | None, done: Exported) -> Iterator[bytes]:
    """The bytes of a Parquet or Arrow file, which holds all records or none."""
    source = dataset.sources[number]
    packed = source.packed
    assert packed is not None
    of_source = dataset.index.conversations.filter(pl.col("source") == number)["index"].to_list()
    if any(index >= 0 for index in dataset.edits.of_source(number)) or (
        keep is not None
        and not all(
            (c := dataset.conversation_at(number, index)) is not None and keep(c) for index in of_source
        )
    ):
        raise ExportError(
            f"{source.name} is no text, so it leaves as it came only as a whole and unchanged; export to parquet, messages or sharegpt."
        )
    done.conversations = done.unchanged = len(of_source)
    done.unreadable = dataset.record_count(number) - len(of_source)
    for start in range(0, packed.size, 1 << 20):
        yield packed.read(start, min(start + (1 << 20), packed.size))
