"""System prompts that stand beside the turns under a key that the user names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .pairs import SYSTEM_KEYS
from .reading import Format, Part, Reading, escaped


class SystemUnder:
    """A layout as it is, but for the key of its system prompt.

    The record is read as if the prompt stood under ``system``; what was read from there is then given its real place. Where the
    named key holds no text, the usual keys count.
    """

    def __init__(self, form: Format, key: str) -> None:
        self.name = form.name
        self._form = form
        self._key = key

    def matches(self, record: Any) -> bool:
        return self._form.matches(self._as_usual(record))

    def read(self, record: Any) -> Reading:
        usual = self._as_usual(record)
        reading = self._form.read(usual)
        return reading if usual is record or not record[self._key] else self._placed(reading)

    def _as_usual(self, record: Any) -> Any:
        """The record with its system prompt under the usual key, itself if none stands under the named one."""
        if type(record) is not dict or not self._is_named(record):
            return record
        prompt = record[self._key]
        hidden = (self._key, *SYSTEM_KEYS) if prompt else (self._key,)
        rest = {key: value for key, value in record.items() if key not in hidden}
        return {**rest, "system": prompt} if prompt else rest

    def _is_named(self, record: Mapping[str, Any]) -> bool:
        return self._key in record and (record[self._key] is None or type(record[self._key]) is str)

    def _placed(self, reading: Reading) -> Reading:
        place = "/" + escaped(self._key)
        reading.system_key = self._key
        reading.keys = tuple(self._key if key == "system" else key for key in reading.keys)
        if reading.slots is not None:
            reading.slots = [
                slot._replace(pointer=place, parts=tuple(Part(place, part.whole) for part in slot.parts))
                if slot.pointer == "/system"
                else slot
                for slot in reading.slots
            ]
        return reading
