"""What a reader of a preflight has to know besides its verdicts, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .file_shape import FileShape
from .targets.registry import installed
from .targets.target import Target

if TYPE_CHECKING:
    from .preflight import Preflight


def notes_on(flight: Preflight, file: FileShape) -> Iterator[str]:
    """Of the dataset, its file, the template and the tokens."""
    if flight.changed:
        yield "The dataset has changed since; this is about it as it was before."
    if not flight.tokens.exact:
        low, high = flight.tokens.band
        yield (
            f"Tokens are an estimate ({low:+.0%} to {high:+.0%} on the texts it was tried on); give a tokenizer to count them."
        )
    if flight.template.missing_tokens:
        yield f"The template reads {', '.join(flight.template.missing_tokens)}, which nobody has given."
    yield from file.notes([one.name for one in flight.targets])
    if (unknown := flight.rejected_count - file.bad) > 0:
        yield (
            f"{unknown:,} records are no conversations in a layout that is known;"
            " what trainers make of them is not said here."
        )


def notes_on_trainer(one: Target) -> Iterator[str]:
    """Of a trainer: whether another version is installed, and what holds for all its rows."""
    here = installed(one)
    if here is not None and here != one.version:
        yield f"{one.title} is installed here as {here}; what is said of it is about {one.version}."
    if one.basis == "documentation":
        yield f"{one.title}: from its documentation ({one.version}), not measured."
    yield from one.notes
