"""Rules about conversations that occur more than once."""

from __future__ import annotations

from ..core.blocks import Block
from .records import drop_record
from .rule import DatasetFinding, Page, Repair, Rule


class _Exact:
    """Remembers the content of every conversation by its hashes; a second occurrence names the first."""

    def __init__(self) -> None:
        self._first: dict[tuple[object, ...], tuple[int, int]] = {}
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        for index, key, reading in zip(block.indices, block.content_keys, block.readings, strict=True):
            if not reading.turns:
                continue
            place = (block.source, index)
            first = self._first.setdefault(key, place)
            if first != place:
                evidence = {"first": first[1], "source": first[0]}
                self._found.append(DatasetFinding(evidence, [first], conversation=place))

    def finish(self) -> list[DatasetFinding]:
        return self._found


_ONE = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'

RULES: tuple[Rule, ...] = (
    Rule(
        code="dup.exact",
        severity="warning",
        scope="conversation",
        title="The same conversation again",
        wave=_Exact,
        says="The same as conversation #{first}",
        page=Page(
            "Finds conversations whose messages, label, tools and preference sides equal an earlier one's. The first is not flagged.",
            "What stands twice is learned twice as hard, and leaks from training into evaluation.",
            "The same line twice.",
            "Drops the later one. Unsafe: ids and other keys of the record go with it.",
        ),
        repair=Repair("unsafe", drop_record, "drop the record"),
        fires=(
            f"{_ONE}\n{_ONE}".encode(),
            b'{"id": 1, ' + _ONE.encode()[1:] + b'\n{"id": 2, ' + _ONE.encode()[1:],
        ),
        silent=(_ONE.encode(), f'{_ONE}\n{{"label": true, {_ONE[1:]}'.encode()),
    ),
)
