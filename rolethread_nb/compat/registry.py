"""What RoleThread Lite knows of a dataset beside its entries: the tags it comes with, and the sidecar beside the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The tags that the app comes with, by category.
_BUILT_IN = {
    "Behavior": "pacing boundaries no_user_control followup_question emotional_awareness instruction_following consistency"
    " initiative",
    "Interaction": "greeting roleplay question_answer task_completion explanation feedback correction",
    "Style": "dialogue narration descriptive concise detailed grounded",
    "Source": "manual ai_generated imported converted",
    "Status": "draft needs_review needs_edit approved invalid duplicate",
}
BUILT_IN: Mapping[str, str] = {tag: name for name, tags in _BUILT_IN.items() for tag in tags.split()}


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What is beside the file.

    Attributes:
        path: where the app looks for it, None where the dataset is no single file.
        present: whether there is a file of that name.
        readable: whether the app would accept it.
        entries: how many entries it says there are.
        dataset: the id of the dataset it was written for.
        mapped: the ids of the entries whose turns it gives to characters.
        tags: its active tags, with their categories.
    """

    path: Path | None = None
    present: bool = False
    readable: bool = False
    entries: int = 0
    dataset: str = ""
    mapped: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)


def sidecar_beside(path: Path | None) -> Sidecar:
    """The sidecar of a file: ``<name without its last ending>.registry.json``."""
    if path is None:
        return Sidecar()
    beside = path.with_name(f"{path.stem}.registry.json")
    if not beside.exists():
        return Sidecar(beside)
    try:
        return _read(beside)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Sidecar(beside, present=True)


def _read(path: Path) -> Sidecar:
    found: Any = json.loads(path.read_text(encoding="utf-8"))
    head, about = found["metadata"], found["dataset"]
    known = (head["schema_version"], head["kind"]) == (1, "rolethread.tag_registry")
    written = [head["exported_at"], about["dataset_uuid"], about["filename"]]
    if not known or not all(isinstance(one, str) and one for one in written):
        raise ValueError("not a sidecar of this version")
    count = about.get("entry_count", 0)
    if not isinstance(count, int):
        raise TypeError("entry_count is no number")
    mappings = found.get("entry_character_mappings", [])
    names = {one["slug"]: one["name"] for one in found.get("categories", []) if one.get("is_active", True)}
    tags = {
        one["slug"]: names[one["category_slug"]]
        for one in found.get("tags", [])
        if one.get("is_active", True)
        and one.get("status", "active") == "active"
        and one["category_slug"] in names
    }
    return Sidecar(
        path,
        present=True,
        readable=True,
        entries=count,
        dataset=about["dataset_uuid"],
        mapped=frozenset(one["entry_uuid"] for one in mappings),
        tags=tags,
    )
