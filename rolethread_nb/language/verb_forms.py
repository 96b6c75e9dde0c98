"""Forms of the English verbs of the language pack."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .packs import Pack

_VOWELS = re.compile(r"[aeiou]+")
_DOUBLED = re.compile(r"[^aeiou][aeiou][^aeiouwxy]$")
_HISSING = ("s", "x", "z", "ch", "sh", "o")


def third(verb: str) -> str:
    """What he does: ``walks``, ``kisses``, ``tries``."""
    if verb.endswith(_HISSING):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ies"
    return {"have": "has", "be": "is"}.get(verb, f"{verb}s")


def pasts(verb: str, pack: Pack) -> list[str]:
    """What he did: ``walked``, ``nodded``, ``went``."""
    irregular = pack.get("verbs", "past").get(verb)
    return list(irregular) if irregular else [f"{stem}d" for stem in _stems(verb)]


def _stems(verb: str) -> list[str]:
    """What a regular past and a participle are made of, up to the e: ``nodde``, ``trie``."""
    if verb.endswith("e"):
        return [verb]
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return [f"{verb[:-1]}ie"]
    if not _DOUBLED.search(verb):
        return [f"{verb}e"]
    doubled = f"{verb}{verb[-1]}e"
    return [doubled] if len(_VOWELS.findall(verb)) == 1 else [f"{verb}e", doubled]


def verbs(pack: Pack, *groups: str) -> list[str]:
    """The base forms of some groups of the pack, once each."""
    return list(dict.fromkeys(verb for group in groups for verb in pack.get("verbs", group)))


def forms(pack: Pack, group: Iterable[str]) -> dict[str, str]:
    """The forms that ``you`` takes, present and past, with the base form of each."""
    return {form: verb for verb in group for form in (verb, *pasts(verb, pack))}


def third_forms(pack: Pack, group: Iterable[str]) -> dict[str, str]:
    """The forms that a name takes, present and past, with the base form of each."""
    return {form: verb for verb in group for form in (third(verb), *pasts(verb, pack))}
