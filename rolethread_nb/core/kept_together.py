"""What is kept together when a dataset is divided: groups of conversations, the names they are drawn by, and strata."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .blocks import Block, canonical_json
from .found_duplicates import found_in
from .groups import Groups
from .model import Conversation
from .prompt_keys import prompt_keys
from .prompt_variants import PromptVariants
from .turns import encodable
from .word_table import Places

if TYPE_CHECKING:
    from .dataset import Dataset

# What keeps conversations together, or what they are stratified by: a name, or a question to each conversation.
Key = str | Callable[[Conversation], object]

GROUPED = ("duplicates", "source", "character", "system", "prompt")
STRATA = ("source", "format", "character", "system", "turns")
_FROM_CONTENT = re.compile(
    r"([0-9a-f]{16})~[0-9]+"
)  # the id of a record without one, of whose turns there are more


def groups_of(dataset: Dataset, by: Sequence[Key], near: float) -> tuple[Places, list[str], Places]:
    """What is kept together.

    Returns:
        The number of the group of each conversation; the name of each group, which lasts when others are added; and the conversation
        that each group is called after.
    """
    count = dataset.index.conversations.height
    tied = Groups(count)
    values: list[str | None] = [None] * count
    for key in by:
        if key == "duplicates":
            tied.join(*_duplicates(dataset, near))
            continue
        first: dict[str, int] = {}
        pairs = [(first.setdefault(value, row), row, value) for row, value in values_of(dataset, key)]
        tied.join(
            np.array([one for one, _, _ in pairs], dtype=np.int64),
            np.array([row for _, row, _ in pairs], dtype=np.int64),
        )
        for _, row, value in pairs:
            values[row] = value
    # Named after what its members share where that is one value, else after one of them. Ids that count up, and those made of another by
    # adding to it, come behind those that were there before; so what is added seldom renames a group.
    shared = values if len(by) == 1 else [None] * count
    members = pl.DataFrame(
        {"group": tied.of(np.arange(count)), "name": draw_names(dataset), "value": shared},
        schema_overrides={"name": pl.String, "value": pl.String},
    ).with_row_index("row")
    named = (
        members.sort(pl.col("name").str.len_chars(), "name", "row")
        .group_by("group")
        .agg(pl.col("row").first(), pl.col("name").first(), pl.col("value").min())
        .sort("group")
    )
    numbers = np.searchsorted(named["group"].to_numpy(), members["group"].to_numpy())
    names = named.select(pl.coalesce("value", "name").alias("name"))["name"].to_list()
    return numbers, names, named["row"].to_numpy().astype(np.int64)


def strata_of(dataset: Dataset, key: Key | None, standing: Places) -> list[Places]:
    """The groups of each stratum, in the order of their names.

    Args:
        dataset: the dataset.
        key: what it is stratified by; None: all groups are one stratum.
        standing: the conversation that stands for each group; a group is where that is.
    """
    numbers = np.arange(len(standing))
    if key is None:
        return [numbers]
    values = [""] * dataset.index.conversations.height
    for row, value in values_of(dataset, key):
        values[row] = values[row] or value
    own = np.array(values, dtype=object)[standing]
    return [numbers[own == value] for value in sorted(set(own.tolist()))]


def values_of(dataset: Dataset, key: Key) -> Iterator[tuple[int, str]]:
    """What each conversation is grouped or stratified by, as (row, value); several rows of one conversation are possible."""
    frame = dataset.index.conversations
    if callable(key):
        for row, conversation in enumerate(dataset):
            if (value := key(conversation)) is not None:
                yield row, encodable(str(value))
    elif key == "source":
        names = _source_names(dataset)
        yield from enumerate(names[number] for number in frame["source"].to_list())
    elif key == "character":
        yield from _characters(dataset)
    elif key == "prompt":
        yield from _prompts(dataset)
    elif key == "system":
        yield from ((row, value) for row, value in enumerate(_systems(dataset)) if value is not None)
    elif key == "turns":
        edges = [frame["turns"].quantile(share) or 0 for share in (0.25, 0.5, 0.75)]
        quarters = np.searchsorted(edges, frame["turns"].to_numpy())
        yield from enumerate(map(str, quarters.tolist()))
    else:
        yield from ((row, value) for row, value in enumerate(frame[key].to_list()) if value is not None)


def draw_names(dataset: Dataset) -> list[str]:
    """What each conversation is drawn by: its id.

    Of several records with the same id (or without one, and with the same turns) one is drawn by it and the others by id and content, so
    that it is the content that decides which, and not the order of the file.
    """
    index = dataset.index
    ids = index.conversations["id"]
    if not (ids.is_duplicated() | ids.str.contains("~", literal=True)).any():
        return ids.to_list()
    said, contents = ids.to_list(), [b""] * len(ids)
    for block in dataset.blocks():
        for at, row in enumerate(index.rows(block.source, block.indices).tolist()):
            said[row] = _id_in_file(block, at)
            contents[row] = hashlib.sha256(canonical_json(block.raws[at])).digest()
    frame = pl.DataFrame({"id": said, "content": [one.hex() for one in contents]}).with_row_index("row")
    number = pl.int_range(pl.len())
    named = (
        frame.sort("id", "content", "row")
        .with_columns(among=number.over("id"), copy=number.over("id", "content"))
        .with_columns(
            name=pl.when(pl.col("among") == 0)
            .then("id")
            .otherwise(pl.format("{} {} {}", "id", "content", "copy"))
        )
    )
    return named.sort("row")["name"].to_list()


def _id_in_file(block: Block, at: int) -> str:
    """The id of a conversation without what sets it apart from an earlier one of the same id."""
    if (repeated := block.repeated.get(block.indices[at])) is not None:
        return repeated[0]
    made = _FROM_CONTENT.fullmatch(block.ids[at])
    return block.ids[at] if made is None else made[1]


def _duplicates(dataset: Dataset, near: float) -> tuple[Places, Places]:
    """The rows of each conversation and of the first one that it hangs together with."""
    found = found_in(dataset, near)
    rows = np.empty(len(found.group), dtype=np.int64)
    for source in np.unique(found.source).tolist():
        own = found.source == source
        rows[own] = dataset.index.rows(source, found.index[own].tolist())
    return rows[found.group], rows


def _source_names(dataset: Dataset) -> list[str]:
    """The names of the sources; a further one of the same name has a number behind it."""
    seen: Counter[str] = Counter()
    names = []
    for source in dataset.sources:
        seen[source.name] += 1
        names.append(source.name if seen[source.name] == 1 else f"{source.name} {seen[source.name]}")
    return names


def _characters(dataset: Dataset) -> Iterator[tuple[int, str]]:
    """The names under which the assistant speaks; of a conversation without names its system prompt, which says who it is."""
    turns = dataset.index.turns.filter((pl.col("role") == "assistant") & pl.col("speaker").is_not_null())
    named = turns.select("conversation", pl.col("speaker").cast(pl.String)).unique(maintain_order=True)
    yield from named.iter_rows()
    having = set(named["conversation"].to_list())
    for row, system in enumerate(_systems(dataset)):
        if system is not None and row not in having:
            yield row, f"system {system}"


def _systems(dataset: Dataset) -> list[str | None]:
    """The system prompt of each conversation. Those that are nearly the same go by that of the conversation that is drawn first, so
    that neither the order of the file nor what is added later changes the name."""
    index, variants = dataset.index, PromptVariants()
    rows = [np.empty(0, dtype=np.int64)]
    for block in dataset.blocks():
        variants.add(block)
        rows.append(index.rows(block.source, block.indices))
    group = np.full(index.conversations.height, -1, dtype=np.int64)
    group[np.concatenate(rows)] = variants.found()
    own = index.conversations.select("system", group=pl.Series(group), name=pl.Series(draw_names(dataset)))
    named = own.with_columns(
        variant=pl.col("system").sort_by(pl.col("name").str.len_chars(), "name").first().over("group")
    )
    return named.select(pl.when(pl.col("group") < 0).then("system").otherwise("variant"))["system"].to_list()


def _prompts(dataset: Dataset) -> Iterator[tuple[int, str]]:
    """What was asked in each conversation, where something was."""
    index = dataset.index
    for block in dataset.blocks():
        rows = index.rows(block.source, block.indices).tolist()
        for row, key in zip(rows, prompt_keys(block), strict=True):
            if key is not None:
                yield row, key
