"""Rules about records: what is no conversation, and what differs from one record to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..core.blocks import Block
from ..core.model import Conversation
from .rule import RELATED_LIMIT, REMOVE, DatasetFinding, Edit, Evidence, Page, Repair, Rule


def drop_record(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    return [Edit("", f"{len(conversation.messages)} turns", REMOVE)]


class _MixedFormats:
    """Counts layouts, source by source."""

    def __init__(self) -> None:
        self._seen: dict[int, Counter[str]] = {}
        self._where: dict[tuple[int, str], list[tuple[int, int]]] = {}

    def partial(self, block: Block) -> None:
        counts = self._seen.setdefault(block.source, Counter())
        formats = [reading.format for reading in block.readings]
        counts.update(formats)
        for form in set(formats):
            where = self._where.setdefault((block.source, form), [])
            if len(where) < RELATED_LIMIT:
                where.extend(
                    (block.source, index)
                    for index, name in zip(block.indices, formats, strict=True)
                    if name == form
                )

    def finish(self) -> list[DatasetFinding]:
        found = []
        for source, counts in self._seen.items():
            if len(counts) > 1:
                usual = counts.most_common(1)[0][0]
                others = [place for form in counts if form != usual for place in self._where[source, form]]
                found.append(
                    DatasetFinding(
                        {"formats": dict(counts.most_common()), "count": counts.total() - counts[usual]},
                        sorted(others)[:RELATED_LIMIT],
                        source,
                    )
                )
        return found


_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}

_Shape = tuple[tuple[str, ...], tuple[type, ...]]


class _KeyDrift:
    """Counts keys and their types, source by source."""

    def __init__(self) -> None:
        self._shapes: dict[int, Counter[_Shape]] = {}
        self._where: dict[tuple[int, _Shape], list[tuple[int, int]]] = {}

    def partial(self, block: Block) -> None:
        shapes = [
            (tuple(raw), tuple(map(type, raw.values()))) if type(raw) is dict else None for raw in block.raws
        ]
        counts = Counter(shape for shape in shapes if shape is not None)
        self._shapes.setdefault(block.source, Counter()).update(counts)
        wanted = {
            shape
            for shape in counts
            if len(self._where.setdefault((block.source, shape), [])) < RELATED_LIMIT
        }
        if wanted:
            for index, shape in zip(block.indices, shapes, strict=True):
                if shape in wanted:
                    self._where[block.source, shape].append((block.source, index))

    def finish(self) -> list[DatasetFinding]:
        found = []
        for source, shapes in self._shapes.items():
            keys: dict[str, Counter[str]] = {}
            for shape, count in shapes.items():
                for key, kind in zip(*shape, strict=True):
                    keys.setdefault(key, Counter())[_KINDS[kind]] += count
            total = shapes.total()
            drifting = {
                key: {
                    **dict(kinds.most_common()),
                    **({"missing": total - kinds.total()} if kinds.total() < total else {}),
                }
                for key, kinds in keys.items()
                if kinds.total() < total or len(set(kinds) - {"null"}) > 1
            }
            if not drifting:
                continue
            usual = {
                key: kinds.most_common(1)[0][0] for key, kinds in keys.items() if 2 * kinds.total() > total
            }
            odd = [shape for shape in shapes if {k: _KINDS[t] for k, t in zip(*shape, strict=True)} != usual]
            related = sorted(place for shape in odd for place in self._where[source, shape])
            count = sum(shapes[shape] for shape in odd)
            found.append(DatasetFinding({"keys": drifting, "count": count}, related[:RELATED_LIMIT], source))
        return found


def _says_drift(evidence: Evidence) -> str:
    keys = evidence["keys"]
    parts = [
        f"{key} ({', '.join(f'{n:,} {kind}' for kind, n in kinds.items())})" for key, kinds in keys.items()
    ]
    return (
        "Keys differ between records: "
        + "; ".join(parts[:5])
        + (f"; {len(parts) - 5} more" if len(parts) > 5 else "")
    )


_LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'

RULES: tuple[Rule, ...] = (
    Rule(
        code="record.not_object",
        severity="error",
        scope="record",
        title="A record that is no object",
        says="Not a conversation: {reason}",
        page=Page(
            "Finds records that are a text, a number or null. A bare list of messages is read as a conversation.",
            "Loaders refuse the file or skip the record.",
            '"role:"',
        ),
        fires=(b'"role:"\n' + _LINE, b"5\n" + _LINE),
        silent=(b'[{"role": "user", "content": "Hi"}]\n[{"role": "user", "content": "Ho"}]',),
    ),
    Rule(
        code="record.no_messages",
        severity="error",
        scope="record",
        title="No layout recognised",
        says="Not a conversation: {reason}",
        page=Page(
            "Finds records without a list of turns under a known name, and names the keys that are there.",
            "A trainer that expects messages drops the record or stops.",
            '{"text": "Once upon a time"}',
        ),
        fires=(b'{"text": "Once upon a time"}', b'{"messages": "Hi"}', b"{}"),
        silent=(_LINE, b'{"conversations": []}'),
    ),
    Rule(
        code="record.ambiguous",
        severity="warning",
        scope="record",
        title="Two lists of turns",
        says=lambda e: f"{' and '.join(e['keys'])} stand side by side and differ; {e['read']} is read",
        page=Page(
            "Finds records with both messages and conversations, holding different turns.",
            "Which one is trained on depends on the trainer.",
            '{"messages": [...], "conversations": [...]}',
        ),
        fires=(
            b'{"messages": [{"role": "user", "content": "a"}], "conversations": [{"from": "human", "value": "b"}]}',
        ),
        silent=(_LINE,),
    ),
    Rule(
        code="record.empty",
        severity="error",
        scope="conversation",
        title="A conversation without turns",
        says="The conversation has no turns",
        page=Page(
            "Finds conversations whose list of turns is empty.",
            "There is nothing to learn, and many chat templates fail on an empty list.",
            '{"messages": []}',
            "Drops the record. Unsafe: other keys of the record go with it.",
        ),
        repair=Repair("unsafe", drop_record, "drop the record"),
        fires=([],),
        silent=([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],),
    ),
    Rule(
        code="record.duplicate_id",
        severity="warning",
        scope="conversation",
        title="An id used twice",
        says="The id {id} is used by an earlier record as well",
        page=Page(
            "Finds ids that are written in more than one record of a source.",
            "Tools that join, split or shuffle by id lose one of the two.",
            '{"id": "a", "messages": [...]} twice',
        ),
        fires=(
            b'{"id": "a", "messages": [{"role": "user", "content": "x"}]}\n'
            b'{"id": "a", "messages": [{"role": "user", "content": "y"}]}',
        ),
        silent=(
            b'{"messages": [{"role": "user", "content": "x"}]}\n{"messages": [{"role": "user", "content": "x"}]}',
        ),
    ),
    Rule(
        code="record.mixed_formats",
        severity="info",
        scope="dataset",
        title="More than one layout",
        says=lambda e: (
            "The source mixes layouts: " + ", ".join(f"{n:,} {form}" for form, n in e["formats"].items())
        ),
        wave=_MixedFormats,
        page=Page(
            "Counts the layouts of a source, and says so when there is more than one.",
            "Trainers are told one layout; the other records are dropped or misread.",
            "messages in one line, conversations in the next.",
            "Export to one format.",
        ),
        fires=(_LINE + b'\n{"conversations": [{"from": "human", "value": "Hi"}]}',),
        silent=(_LINE + b"\n" + _LINE,),
    ),
    Rule(
        code="record.key_drift",
        severity="info",
        scope="dataset",
        title="Keys differ between records",
        says=_says_drift,
        wave=_KeyDrift,
        page=Page(
            "Compares the keys of the records, and the types of their values.",
            "Loaders that build one table add nulls where a key is missing, and refuse the file where a type changes.",
            "id is a number in half of the records and missing in the others.",
        ),
        fires=(
            b'{"id": 1, "messages": [{"role": "user", "content": "x"}]}\n{"messages": [{"role": "user", "content": "y"}]}',
        ),
        silent=(_LINE + b"\n" + _LINE,),
    ),
)
