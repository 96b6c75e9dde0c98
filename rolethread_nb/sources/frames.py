"""Records as tables of other libraries: Hugging Face, pandas, polars. (``tables.py`` is the way in.)"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from ..core.errors import SourceError
from ..core.warning import warn
from .decoding import clean_text
from .objects import encode_record

if TYPE_CHECKING:
    import pandas as pd

_INT64 = 1 << 63
_EXACT = 1 << 53  # integers up to here are floats without loss


def to_hf(records: Sequence[Any], features: Any = None) -> Any:
    """A Hugging Face ``Dataset`` of records.

    Raises:
        SourceError: if ``datasets`` is not installed, or a record is no object.
    """
    try:
        import datasets
    except ImportError:
        raise SourceError("to_hf() needs the package datasets: pip install 'rolethread-nb[hf]'.") from None
    _refuse_lists(records, "A Hugging Face Dataset")
    keys = _keys(records)
    if features is not None:
        try:
            columns = _columns(records, dict.fromkeys([*features, *keys]))
            return datasets.Dataset.from_dict(columns, features=features)
        except (ValueError, TypeError, KeyError, OverflowError):
            pass  # a repair has changed the shape of a record
    try:
        return datasets.Dataset.from_dict(_columns(records, keys))
    except (ValueError, TypeError, OverflowError) as problem:  # pyarrow's errors are these
        said = str(problem).splitlines()[0]
        raise SourceError(
            f"One table cannot hold these records, because a key has more than one type: {said}."
        ) from None


def to_pandas(records: Sequence[Any]) -> pd.DataFrame:
    """A pandas frame of records (see :meth:`Dataset.to_pandas`).

    Raises:
        SourceError: if a record is no object.
    """
    import pandas as pd

    _refuse_lists(records, "A DataFrame")
    missing = float("nan")
    columns = _columns(records, _keys(records), missing)
    made = {key: pd.Series(values, dtype=_pandas_type(values)) for key, values in columns.items()}
    return pd.DataFrame(made, index=range(len(records)))


def _pandas_type(values: list[Any]) -> Any:
    kinds = set(map(type, values))
    if kinds == {bool}:
        return "bool"
    if kinds == {int} and all(-_INT64 <= value < _INT64 for value in values):
        return "int64"
    return object


def to_polars(records: Sequence[Any]) -> pl.DataFrame:
    """A polars frame of records (see :meth:`Dataset.to_polars`).

    Raises:
        SourceError: if a record is no object.
    """
    _refuse_lists(records, "A DataFrame")
    columns = _columns(records, _keys(records))
    return pl.DataFrame([_polars_column(key, values) for key, values in columns.items()])


def _polars_column(key: str, values: list[Any]) -> pl.Series:
    kind = common_type(values)
    if kind is not None:
        try:
            return pl.Series(clean_text(key), values, dtype=kind)
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            pass  # a lone surrogate, a number beyond all columns
    warn(f"The column {key!r} holds values that no column of one type can hold; it is kept as JSON text.")
    texts = [None if value is None else clean_text(encode_record(value).decode()) for value in values]
    return pl.Series(clean_text(key), texts, dtype=pl.String)


def common_type(values: Iterable[Any]) -> pl.DataType | None:
    """The polars type that holds all of the values without changing one, None if there is none.

    Null goes with every type; objects unite their keys; whole numbers go with others where no digit is lost.
    """
    rest = [value for value in values if value is not None]
    kinds = set(map(type, rest))
    if not kinds:
        return pl.String()
    if kinds == {str}:
        return pl.String()
    if kinds == {bool}:
        return pl.Boolean()
    if kinds == {int}:
        return pl.Int64() if all(-_INT64 <= value < _INT64 for value in rest) else None
    if kinds <= {int, float}:
        return pl.Float64() if all(type(v) is float or abs(v) <= _EXACT for v in rest) else None
    if kinds == {list}:
        inner = common_type(item for value in rest for item in value)
        return None if inner is None else pl.List(inner)
    if kinds == {dict} and any(rest):
        fields = {key: common_type(value.get(key) for value in rest) for key in _keys(rest)}
        known = [pl.Field(key, kind) for key, kind in fields.items() if kind is not None]
        return pl.Struct(known) if len(known) == len(fields) and all(map(_is_plain, fields)) else None
    return None


def _refuse_lists(records: Sequence[Any], what: str) -> None:
    if any(not isinstance(record, dict) for record in records):
        raise SourceError(f"{what} holds objects only; export to messages first.")


def _keys(records: Iterable[Any]) -> dict[str, None]:
    """Every key, in the order in which they appear."""
    return {key: None for record in records for key in record}


def _columns(records: Sequence[Any], keys: Iterable[str], missing: Any = None) -> dict[str, list[Any]]:
    return {key: [record.get(key, missing) for record in records] for key in keys}


def _is_plain(text: str) -> bool:
    return clean_text(text) == text
