"""A preflight as plain data: what ``rolethread-nb preflight --json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..training.targets.target import OUTCOMES

if TYPE_CHECKING:
    from ..training.preflight import Preflight
    from ..training.verdicts import Verdicts


def preflight_dict(preflight: Preflight) -> dict[str, Any]:
    """What is known by now, with every verdict that is not ``taken``."""
    known = preflight.so_far
    rows = {row["target"]: row for row in known.numbers.rows(named=True)}
    causes = known.causes.rows(named=True)
    return {
        "schema": 1,
        "conversations": preflight.conversation_count,
        "rejected": preflight.rejected_count,
        "template": preflight.template.name,
        "tokens": {
            "counted_by": preflight.tokens.name,
            "exact": preflight.tokens.exact,
            "band": list(preflight.tokens.band),
        },
        "notes": preflight.notes,
        "targets": [
            {
                "target": one.name,
                "title": one.title,
                "version": one.version,
                "basis": one.basis,
                "settings": preflight.settings[one.name],
                "refused": preflight.refused.get(one.name),
                **{
                    key: rows[one.name][key] or 0
                    for key in (*OUTCOMES, "tokens", "kept_tokens", "trained_tokens")
                },
                "trained_share": rows[one.name]["share"],
                "reasons": [
                    {key: cause[key] for key in ("code", "outcome", "conversations", "says")}
                    for cause in causes
                    if cause["target"] == one.name
                ],
            }
            for one in preflight.targets
        ],
        "verdicts": _listed(known),
    }


def _listed(known: Verdicts) -> list[dict[str, Any]]:
    """Every verdict that is not ``taken``, with its reasons."""
    why: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for source, index, _, target, code, outcome, turn, says in known.reasons.iter_rows():
        why.setdefault((source, index, target), []).append(
            {"code": code, "outcome": outcome, "turn": turn, "says": says}
        )
    harmed = known.frame.filter(known.frame["outcome"] != "taken")
    return [
        {
            "source": source,
            "conversation": index,
            "id": name,
            "target": target,
            "outcome": outcome,
            "reasons": why.get((source, index, target), []),
        }
        for source, index, name, target, outcome in harmed.select(
            "source", "index", "id", "target", "outcome"
        ).iter_rows()
    ]
