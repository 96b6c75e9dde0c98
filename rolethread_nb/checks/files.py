"""Rules about files and records: what cannot be read, and what only some readers can."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ..core.blocks import Block
from ..core.model import Conversation
from ..sources.decoding import Bad, decode
from .rule import ESCAPE, REMOVE, DatasetFinding, Edit, Evidence, Page, Repair, Rule

_RELATED_LIMIT = 1000


def _escape_separators(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    return [Edit("", ", ".join(evidence["characters"]), ESCAPE)]


def _drop_record(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    return [Edit("", f"{len(conversation.messages)} turns", REMOVE)]


def _no_edits(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    return []  # bytes outside of any conversation; the plan sees to them


def _replace_surrogates(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if turn is None:
        return []
    message = conversation.messages[turn]
    if not isinstance(message.content, str):
        return []
    mended = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in message.text)
    return [Edit(message.content_pointer, message.text, mended)]


_STRING_OR_COMMA = re.compile(rb'"(?:[^"\\]|\\.)*"|,(?=[ \t\r\n]*[\]}])', re.DOTALL)


def _without_commas(data: bytes) -> bytes | None:
    """The record without commas before a closing bracket, if it parses then."""
    mended = _STRING_OR_COMMA.sub(lambda match: match.group() if match.group()[:1] == b'"' else b"", data)
    return None if isinstance(decode(mended), Bad) else mended


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
            if len(where) < _RELATED_LIMIT:
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
                        sorted(others)[:_RELATED_LIMIT],
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
            if len(self._where.setdefault((block.source, shape), [])) < _RELATED_LIMIT
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
            found.append(DatasetFinding({"keys": drifting, "count": count}, related[:_RELATED_LIMIT], source))
        return found


def _says_bad_json(evidence: Evidence) -> str:
    column = f" (column {evidence['column']})" if evidence.get("column") else ""
    return f"The record does not parse: {evidence['reason']}{column}"


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


_LINE = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'

RULES: tuple[Rule, ...] = (
    Rule(
        code="file.not_utf8",
        severity="error",
        scope="record",
        title="Bytes that are not UTF-8",
        says="The record cannot be read: {reason}",
        page=Page(
            "Finds records with bytes that are not valid UTF-8. UTF-16 and compressed files are recognised by their first bytes and read.",
            "Every trainer reads UTF-8; one foreign byte makes most of them refuse the whole file.",
            "A file saved as Latin-1, where é is the single byte 0xE9.",
        ),
        fires=(b'{"messages": [{"role": "user", "content": "caf\xe9"}]}\n',),
        silent=('{"messages": [{"role": "user", "content": "café"}]}\n'.encode("utf-16"),),
    ),
    Rule(
        code="file.bad_json",
        severity="error",
        scope="record",
        title="A record that does not parse",
        says=_says_bad_json,
        page=Page(
            "Finds records that are not valid JSON, with line, column and reason. A download that broke off is named as such.",
            "Some loaders stop at the first such line, others drop it without a word.",
            '{"messages": [{"role": "user", "content": "Hi"},]}',
            "Leaves out commas before a closing bracket. Unsafe: an element may be missing after the comma. Other damage has no repair.",
        ),
        repair=Repair(
            "unsafe",
            _no_edits,
            "leave the comma out",
            rewrite=_without_commas,
            fits=lambda evidence: str(evidence["reason"]).startswith("a comma before"),
        ),
        fires=(
            b'{"messages": [{"role": "user", "content": "Hi"},]}\n' + _LINE.encode(),
            b'{"messages": [{"role": "us',
        ),
        silent=(_LINE.encode(), b"\n\n" + _LINE.encode() + b"\n\n"),
    ),
    Rule(
        code="file.bom",
        severity="info",
        scope="file",
        title="A byte order mark at the start",
        says="The file begins with a byte order mark, which some trainers take for part of the first record",
        page=Page(
            "Finds a UTF-8 byte order mark (EF BB BF) at the start of a file.",
            "Readers that do not expect it fail on the first line, or lose it.",
            "A file saved by an editor as “UTF-8 with BOM”.",
            "Leaves the three bytes out of an export. Safe: no text changes.",
        ),
        repair=Repair("safe", _no_edits, "leave the mark out"),
        fires=(b"\xef\xbb\xbf" + _LINE.encode(),),
        silent=(_LINE.encode(),),
    ),
    Rule(
        code="file.control_separator",
        severity="info",
        scope="record",
        title="A line separator inside text",
        says=lambda e: (
            f"{e.get('character') or ', '.join(e['characters'])} stands inside a string; readers that cut"
            " lines there tear the record apart"
        ),
        page=Page(
            "Finds U+2028, U+2029, U+0085, vertical tabs and form feeds that stand raw inside a string.",
            "Readers built on a general line splitter (Python's str.splitlines) cut the record in two and lose both halves.",
            "Text pasted from a PDF or a web page, with U+2028 between two paragraphs.",
            "Writes the character as a \\u escape. Safe: the text stays the same.",
        ),
        repair=Repair("safe", _escape_separators, "write as an escape"),
        fires=('{"messages": [{"role": "user", "content": "a\u2028b"}]}'.encode(),),
        silent=(b'{"messages": [{"role": "user", "content": "a\\u2028b"}]}',),
    ),
    Rule(
        code="file.duplicate_key",
        severity="warning",
        scope="record",
        title="A key that stands twice",
        says=lambda e: f"{_quoted(e['keys'])} stands twice in one object; readers keep only the last",
        page=Page(
            "Finds objects in which a key occurs more than once.",
            "JSON readers keep the last value without a word, so text is lost; some refuse the file.",
            '{"role": "user", "content": "one", "content": "two"}',
        ),
        fires=(b'{"messages": [{"role": "user", "content": "one", "content": "two"}]}',),
        silent=(
            b'{"messages": [{"role": "user", "content": "say \\"a\\": 1, \\"a\\": 2"}]}',
            b'{"messages": [{"role": "user", "content": ":"}, {"role": "assistant", "content": ": x"}]}',
        ),
    ),
    Rule(
        code="file.nonfinite",
        severity="warning",
        scope="record",
        title="NaN or Infinity",
        says=lambda e: f"{_quoted(e['values'])} is not JSON; strict readers refuse the record",
        page=Page(
            "Finds NaN, Infinity and -Infinity as values.",
            "They are not JSON. Python writes and reads them, most other readers refuse the line.",
            '{"messages": [], "score": NaN}',
        ),
        fires=(b'{"messages": [{"role": "user", "content": "Hi"}], "score": NaN}',),
        silent=(b'{"messages": [{"role": "user", "content": "NaN"}], "score": null}',),
    ),
    Rule(
        code="file.lone_surrogate",
        severity="error",
        scope="record",
        title="Half a character",
        says=lambda e: (
            f"{e.get('character', 'A surrogate')} stands without its other half; the text cannot be encoded"
        ),
        page=Page(
            "Finds \\ud83d-like escapes without the second half of the pair.",
            "The text cannot be encoded as UTF-8; loaders fail, or shift rows.",
            '{"role": "user", "content": "\\\\ud83d"}',
            "Replaces each with U+FFFD. Unsafe: the character that was meant is lost.",
        ),
        repair=Repair("unsafe", _replace_surrogates, "replace with U+FFFD"),
        fires=(b'{"messages": [{"role": "user", "content": "a \\ud83d b"}]}',),
        silent=(b'{"messages": [{"role": "user", "content": "a \\ud83d\\ude00 b"}]}',),
    ),
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
        fires=(b'"role:"\n' + _LINE.encode(), b"5\n" + _LINE.encode()),
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
        silent=(_LINE.encode(), b'{"conversations": []}'),
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
        silent=(_LINE.encode(),),
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
        repair=Repair("unsafe", _drop_record, "drop the record"),
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
        fires=(_LINE.encode() + b'\n{"conversations": [{"from": "human", "value": "Hi"}]}',),
        silent=(_LINE.encode() + b"\n" + _LINE.encode(),),
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
        silent=(_LINE.encode() + b"\n" + _LINE.encode(),),
    ),
)


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(f"“{name}”" for name in names)
