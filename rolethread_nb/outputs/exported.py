"""What an export says of itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ..core.wording import plural
from .cleaning import is_clean
from .layouts import Loss


@dataclass
class Exported:
    """What an export wrote, or would write.

    Attributes:
        path: the file, or the folder for several sources as they came.
        conversations: how many it holds.
        unchanged: how many of them are equal to their source to the byte.
        unreadable: records that could not be read and are in it as they were (format ``same`` only).
        left_out: records that are not in it, by reason.
        refused: the conversations that the target has no place for, one entry each, with the reason.
        losses: what the target cannot hold, one entry a turn or conversation.
        written: False after a dry run.
    """

    path: Path
    conversations: int = 0
    unchanged: int = 0
    unreadable: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    refused: list[Loss] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    written: bool = True

    def leave_out(self, reason: str) -> None:
        """Count a record that is not in it."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1

    @property
    def lossless(self) -> bool:
        """Whether the target holds all that was given to it, beside what was asked to be left out."""
        unread = "that could not be read" in self.left_out
        return not unread and not self.refused and all(is_clean(loss) for loss in self.losses)

    @property
    def summary(self) -> list[str]:
        """A few sentences: what was written, what was left out, what could not be held."""
        would = "" if self.written else " (not written)"
        lines = [
            f"{self.path}{would}: {plural(self.conversations, 'conversation')}, {self.unchanged:,} of them unchanged."
        ]
        if self.unreadable:
            lines.append(f"{plural(self.unreadable, 'record')} that could not be read went along as found.")
        first_refused = {loss.what: loss for loss in reversed(self.refused)}
        for reason, count in self.left_out.items():
            first = first_refused.get(reason)
            where = "" if first is None else f", first #{first.conversation}"
            lines.append(f"Left out: {plural(count, 'record')} {reason}{where}.")
        kinds = Counter(loss.what for loss in self.losses)
        firsts = {loss.what: loss for loss in reversed(self.losses)}
        for what, count in kinds.most_common():
            first = firsts[what]
            turn = "" if first.turn is None else f" turn {first.turn}"
            lines.append(f"{what}: {plural(count, 'time')}, first in #{first.conversation}{turn}.")
        return lines

    def __repr__(self) -> str:
        return "\n".join(self.summary)
