"""Export for a trainer: the records as it reads them best, and what it would still refuse of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core import splice
from ..core.dataset import Dataset
from ..core.errors import ExportError
from ..core.model import Conversation
from ..core.wording import plural
from ..sources.decoding import repeated_keys
from ..sources.formats import BUILT_IN, recognise
from ..training.targets.registry import target as trainer
from ..training.targets.target import Context, Judge, Reason, Shape, Target
from ..training.templates import ChatTemplate
from ..training.tokens import tokens_of
from .converting import Keep, kept, on_one_line, refuse
from .exported import Exported
from .in_place import in_place
from .layouts import CannotHold, Loss, Losses
from .target_records import WAYS, laid_for
from .written_numbers import Spelling, as_text, may_hold_fractions, spelling_of

_HEAD = 10
# In the place of a trainer's length limit, which is not this export's concern.
_NO_LIMIT = 1 << 30
# So many conversations are named for each reason.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class WillRefuse:
    """A conversation that the trainer will refuse or leave out.

    Attributes:
        id: of the conversation.
        reason: of the trainer's judge (docs/preflight.md).
        loss: the same with the conversation's place.
    """

    id: str
    reason: Reason
    loss: Loss


@dataclass(repr=False)
class ExportedFor(Exported):
    """What an export for a trainer wrote, or would write.

    Attributes:
        target: title of the trainer.
        will_refuse: what is written, and the trainer will refuse or leave out; it stands in ``refused`` too.
        refuses_file: why the trainer will refuse the file as a whole; None if it will not.
        beside: the files that the trainer needs beside it.
    """

    target: str = ""
    will_refuse: list[WillRefuse] = field(default_factory=list)
    refuses_file: str | None = None
    beside: list[Path] = field(default_factory=list)

    @property
    def summary(self) -> list[str]:
        """A few sentences: what was written, what the trainer will refuse of it, and what lies beside it."""
        lines = super().summary
        if self.refuses_file is not None:
            lines.append(f"{self.target} will refuse the file: {self.refuses_file}")
        codes: dict[str, list[WillRefuse]] = {}
        for one in self.will_refuse:
            codes.setdefault(one.reason.code, []).append(one)
        written = "Written" if self.written else "It would be written"
        for code, found in codes.items():
            first = ", ".join(f"#{one.loss.conversation} ({one.id})" for one in found[:_NAMED])
            more = ", ..." if len(found) > _NAMED else ""
            many = plural(len(found), "conversation")
            says = found[0].reason.says
            lines.append(
                f"{written}, but {self.target} will not take {many}, {code}: {first}{more}. The first: {says}"
            )
        if self.beside:
            lines.append(f"Beside it: {', '.join(path.name for path in self.beside)}.")
        else:
            lines.append(f"{self.target} needs no file beside it.")
        return lines


@dataclass
class Survey:
    """What the records of an export have in common, known before the first is written.

    Attributes:
        places: source and record of every conversation that is asked for.
        keys: top-level keys, in the order in which they come up.
        message_keys: the keys of messages.
        head: the first ten records.
        rows: how many there are.
    """

    places: set[tuple[int, int]] = field(default_factory=set)
    keys: dict[str, None] = field(default_factory=dict)
    message_keys: set[str] = field(default_factory=set)
    head: list[Any] = field(default_factory=list)
    rows: int = 0

    def add(self, record: dict[str, Any]) -> None:
        """One more record."""
        self.rows += 1
        self.keys.update(dict.fromkeys(record))
        if len(self.head) < _HEAD:
            self.head.append(record)
        for turns in record.values():
            for turn in turns if isinstance(turns, list) else ():
                if isinstance(turn, dict):
                    self.message_keys.update(turn)

    @property
    def shape(self) -> Shape:
        """What the trainer sees of the file before it reads a row."""
        return Shape(self.head[0] if self.head else None, tuple(self.keys), self.rows, tuple(self.head))


class ForTarget:
    """An export for one trainer.

    Args:
        dataset: what is exported.
        name: the trainer's.
        path: where it goes.
        keep: what is asked for; it is asked once for each conversation. None: everything.
        clean: keys that go were asked to go.
        only_valid: what the trainer would refuse is left out.

    Raises:
        QueryError: if no trainer has the name.
        ExportError: if the trainer does not read files of this name.
    """

    def __init__(
        self, dataset: Dataset, name: str, path: Path, keep: Keep | None, *, clean: bool, only_valid: bool
    ) -> None:
        self.target: Target = trainer(name)
        suffixes = WAYS[name].suffixes
        if suffixes and path.suffix not in suffixes:
            raise ExportError(
                f"{self.target.title} reads files that end in {' or '.join(suffixes)}, not {path.name}."
            )
        self._dataset, self._name = dataset, name
        self._clean, self._only_valid = clean, only_valid
        self.survey = self._surveyed(keep)
        limit = {} if self.target.limit is None else {self.target.limit: _NO_LIMIT}
        settings = {**self.target.settings, **limit}
        self._context = Context(ChatTemplate.of(None), tokens_of(None), settings)

    def _surveyed(self, keep: Keep | None) -> Survey:
        survey = Survey()
        for conversation in self._dataset:
            if keep is not None and not keep(conversation):
                continue
            survey.places.add((conversation.source_index, conversation.index))
            try:
                survey.add(laid_for(self._name, conversation, Losses(conversation)))
            except CannotHold:
                continue
        return survey

    def records(self, done: ExportedFor) -> Iterator[bytes]:
        """The records as JSON, each on one line; ``done`` takes what is to be said of them."""
        judge = self.target.judge(self.survey.shape, self._context)
        for conversation in kept(self._dataset, self._asked_for, done):
            losses = Losses(conversation)
            data = self._dataset.record_bytes(conversation.source_index, conversation.index)
            assert data is not None
            spelling = spelling_of(data, conversation.raw)
            try:
                record = laid_for(self._name, conversation, losses, clean=self._clean, spelling=spelling)
            except CannotHold as reason:
                refuse(done, conversation, str(reason))
                continue
            wrong = _verdict(judge, conversation, record)
            if wrong is not None and self._only_valid:
                refuse(done, conversation, f"that {self.target.title} would not take ({wrong.code})")
                continue
            if wrong is not None:
                loss = Loss(conversation.index, wrong.turn, wrong.says, conversation.source_index)
                done.refused.append(loss)
                done.will_refuse.append(WillRefuse(conversation.id, wrong, loss))
            done.losses.extend(losses.found)
            done.conversations += 1
            yield self._encoded(conversation, data, record, spelling, done)
        if self.target.refuses_file is not None:
            shape = replace(self.survey.shape, rows=done.conversations)
            done.refuses_file = self.target.refuses_file(shape, self._context)

    def _asked_for(self, conversation: Conversation) -> bool:
        return (conversation.source_index, conversation.index) in self.survey.places

    def _encoded(
        self,
        conversation: Conversation,
        data: bytes,
        record: dict[str, Any],
        spelling: Spelling,
        done: ExportedFor,
    ) -> bytes:
        """A record as JSON on one line: its own bytes but for what has changed, or laid out anew with its own numbers."""
        if repeated_keys(data):
            what = "Of a key that stood twice the last one was kept"
            done.losses.append(Loss(conversation.index, None, what, conversation.source_index))
        elif record == conversation.raw:
            place = conversation.source_index, conversation.index
            done.unchanged += b"\n" not in data and place not in self._dataset.edits
            return on_one_line(data)
        elif (changed := in_place(data, conversation.raw, record)) is not None:
            return on_one_line(changed)
        return _anew(record, data, spelling)


def _anew(record: dict[str, Any], data: bytes, spelling: Spelling) -> bytes:
    """A record that is laid out anew, in the escape style of its bytes."""
    if not may_hold_fractions(data):
        return splice.encoded_like(data, record)
    has_escapes = splice.encoded_like(data, "é").isascii()
    try:
        return as_text(record, spelling, ascii_only=has_escapes).encode()
    except UnicodeEncodeError:  # half a character
        return as_text(record, spelling, ascii_only=True).encode()


def _verdict(judge: Judge, conversation: Conversation, record: dict[str, Any]) -> Reason | None:
    """Why the trainer would refuse a record or leave it out, None if it takes it."""
    reading = recognise(record, BUILT_IN)
    if reading is None:
        return Reason("not_a_conversation", "There is no conversation in the record.", "refused")
    made = replace(conversation, raw=record, reading=reading, roles={})
    harms = [reason for reason in judge(made).reasons if reason.outcome in ("refused", "dropped")]
    if not harms:
        return None
    # Where a turn became two, the trainer's numbers are no longer ours.
    alike = len(made.messages) == len(conversation.messages)
    return harms[0] if alike else replace(harms[0], turn=None)
