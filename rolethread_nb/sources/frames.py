"""Tables of other libraries, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.errors import SourceError


def to_hf(records: Sequence[Any], features: Any = None) -> Any:
    """A Hugging Face ``Dataset`` of records.

    Raises:
        SourceError: if ``datasets`` is not installed, or a record is no object.
    """
    try:
        import datasets
    except ImportError:
        raise SourceError("to_hf() needs the package datasets: pip install 'rolethread-nb[hf]'.") from None
    if any(not isinstance(record, dict) for record in records):
        raise SourceError("A Hugging Face Dataset holds objects only; export to messages first.")
    if features is not None:
        try:
            return datasets.Dataset.from_list(list(records), features=features)
        except (ValueError, TypeError, KeyError, OverflowError):
            pass  # a repair has changed the shape of a record
    try:
        return datasets.Dataset.from_list(list(records))
    except (ValueError, TypeError, OverflowError) as problem:  # pyarrow's errors are these
        said = str(problem).splitlines()[0]
        raise SourceError(
            f"One table cannot hold these records, because a key has more than one type: {said}."
        ) from None
