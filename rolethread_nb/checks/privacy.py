"""Private details: addresses, numbers and keys. What is found is shown masked, never in full."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.model import Message, Span
from .mending import breaks_json, rewriting
from .private_numbers import cards, ibans, ips, phones
from .rule import Evidence, Page, Repair, Rule
from .vocabulary import text

_NAMES = {
    "key": "A key or token",
    "email": "An e-mail address",
    "iban": "An IBAN",
    "card": "A payment card number",
    "ip": "An IP address",
    "phone": "A phone number",
}

# ---------------------------------------------------------------- e-mail

_AT = re.compile(r"[A-Za-z0-9_%+\-]@(?=[A-Za-z0-9])")
_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-")
_DOMAIN = re.compile(r"[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}")
_LOCAL_LENGTH = 64  # RFC 5321, 4.5.3.1.1
# Endings of files, as in image@2x.png or vue@3.js.
_FILES = frozenset(
    "png jpg jpeg gif svg webp ico js mjs ts jsx tsx css scss py json html htm md txt yml yaml zip gz map".split()
)
_SERVICES = frozenset(("git", "svn", "hg"))  # git@github.com is how a program logs in
_STAND_IN = re.compile(r"(?:your|my)-?(?:domain|company|site|email|mail|org)\b", re.IGNORECASE)
# RFC 2606 and RFC 6761: names that can belong to nobody.
_RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$", re.IGNORECASE)


def _emails(value: str) -> Iterator[tuple[int, int]]:
    for match in _AT.finditer(value):
        at = match.end() - 1
        start = at
        while start > 0 and at - start < _LOCAL_LENGTH and value[start - 1] in _LOCAL:
            start -= 1
        while value[start] in ".-":
            start += 1
        if (domain := _DOMAIN.match(value, at + 1)) is None:
            continue
        labels = domain.group().split(".")
        while len(labels) > 1 and not (labels[-1].isalpha() and 2 <= len(labels[-1]) <= 24):
            labels.pop()  # "jane@example.com.1": the number is not part of it
        local = value[start:at]
        if (
            len(labels) < 2
            or labels[-1].lower() in _FILES
            or local.lower() in _SERVICES
            or ".." in local
            or _STAND_IN.match(domain.group())
        ):
            continue
        yield start, at + 1 + len(".".join(labels))


# ---------------------------------------------------------------- keys

_KEY_BEGINS = r"(?:sk-|[sr]k_(?:live|test)_|gh[oprsu]_|github_pat_|glpat-|A[KS]IA|xox[abprs]-|AIza|hf_|eyJ|earer +)[A-Za-z0-9._~+/\-]{10}|PRIVATE KEY-----"
# OpenAI and Anthropic, Stripe, GitHub, GitLab, AWS, Slack, Google, Hugging Face, JSON web tokens: by the form their makers publish.
_KEY = re.compile(
    r"(?<![\w\-])(?:sk-[A-Za-z0-9_\-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}"
    r"|glpat-[A-Za-z0-9_\-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])|xox[abprs]-[A-Za-z0-9\-]{10,}|AIza[A-Za-z0-9_\-]{35}"
    r"|hf_[A-Za-z0-9]{30,}|eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,})"
)
_BEARER = re.compile(r"\b[Bb]earer +([A-Za-z0-9._~+/\-]{16,}=*)")
_PRIVATE = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----")
_PRIVATE_END = "PRIVATE KEY-----"
_WILD = re.compile(r"[xX*.]{6}|(?i:your|placeholder)")


# Something that each of them begins with or holds.
_KEY_SIGNS = (
    "sk-",
    "_live_",
    "_test_",
    "gh",
    "glpat",
    "KIA",
    "SIA",
    "xox",
    "AIza",
    "hf_",
    "eyJ",
    "earer ",
    "PRIVATE",
)


def _keys(value: str) -> Iterator[tuple[int, int]]:
    if not any(sign in value for sign in _KEY_SIGNS):
        return
    for match in _KEY.finditer(value):
        if _made_by_chance(match.group()):
            yield match.span()
    for match in _BEARER.finditer(value):
        if _made_by_chance(match[1]):
            yield match.span(1)
    done = 0
    for match in _PRIVATE.finditer(value):
        if match.start() < done:
            continue
        end = value.find(_PRIVATE_END, match.end())
        done = len(value) if end < 0 else end + len(_PRIVATE_END)
        yield match.start(), done


def _made_by_chance(key: str) -> bool:
    """Whether a key looks drawn, with digits and letters, and is not a stand-in such as sk-xxxxxxxx or sk-your-key-here."""
    return any(char.isdigit() for char in key) and _WILD.search(key) is None


# ---------------------------------------------------------------- all together


_LOOKS = (
    ("key", _keys),
    ("email", _emails),
    ("iban", ibans),
    ("card", cards),
    ("ip", ips),
    ("phone", phones),
)


def private(value: str) -> list[tuple[int, int, str]]:
    """Where private details stand and of which kind they are, in order. Of two that overlap, the one named first above counts."""
    found = [(start, rank, end) for rank, (_, look) in enumerate(_LOOKS) for start, end in look(value)]
    kept: list[tuple[int, int, int]] = []
    for one in sorted(found):
        if not kept or kept[-1][2] <= one[0]:
            kept.append(one)
        elif one[1] < kept[-1][1]:
            kept[-1] = one
    return [(start, end, _LOOKS[rank][0]) for start, rank, end in kept]


def _spans(message: Message) -> list[Span]:
    return [Span(start, end) for start, end, _ in private(message.text)]


def masked(value: str) -> str:
    """The first and the last two characters of a value, and nothing of the rest."""
    return f"{value[:2]}…{value[-2:]}"


def _evidence(message: Message, span: Span) -> Evidence:
    """The kind and the masked value. The text around is looked at again, since a label may stand before a number."""
    low, high = max(0, span.start - 80), span.end + 8
    piece = message.text[low:high]
    near = [one for one in private(piece) if one[0] + low < span.end and one[1] + low > span.start]
    kind = next((kind for start, _, kind in near if start + low == span.start), near[0][2] if near else None)
    if kind is None:  # the word for phone stands too far before a row of numbers
        kind = "phone" if message.text[span.start] in "+(0123456789" else "key"
    seen = message.text[span.start : span.end]
    made_up = kind == "email" and _RESERVED.search(seen.partition("@")[2]) is not None
    return {"kind": kind, "masked": masked(seen), "made_up": made_up}


def _says(evidence: Evidence) -> str:
    made_up = ", under a name reserved for examples" if evidence["made_up"] else ""
    return f"{_NAMES[evidence['kind']]} ({evidence['masked']}){made_up}"


def _without(value: str) -> str:
    """With the kind in brackets in place of each detail. JSON stays JSON: a bare number in it is left."""
    parts, end = [], 0
    for start, stop, kind in private(value):
        parts += [value[end:start], f"[{kind.upper()}]"]
        end = stop
    result = "".join((*parts, value[end:]))
    return value if breaks_json(value, result) else result


def _turn(*texts: str) -> tuple[list[dict[str, str]], ...]:
    return tuple(
        [{"role": "user", "content": value}, {"role": "assistant", "content": "Hello"}] for value in texts
    )


RULES: tuple[Rule, ...] = (
    Rule(
        code="privacy.pii",
        severity="info",
        scope="turn",
        title="Private details",
        when=text.matches(r"[0-9A-Za-z_]@[0-9A-Za-z]")
        | text.matches(r"[0-9](?:[ .()/\-]{0,2}[0-9]){6}")
        | text.matches(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
        | text.matches(r"[0-9A-Fa-f]:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]")
        | text.matches(_KEY_BEGINS),
        needs=("@", "0", ":", "K"),
        spans=_spans,
        evidence=_evidence,
        says=_says,
        where="content",
        page=Page(
            "Finds e-mail addresses, phone numbers (international, (212) 555-0123, 212-555-0123, or behind a word such as “phone”), payment card"
            " numbers (Luhn), IBANs (mod 97), public IP addresses, and keys of well-known services. The evidence is masked. Dates, prices, versions,"
            " order numbers, and addresses of private networks are none.",
            "A model can be made to repeat what it was trained on, word for word.",
            "Write to jane.doe@company.com",
            "Writes the kind in its place, such as [EMAIL]. Unsafe: made-up details in an exercise are no secret, and answers may need them.",
        ),
        repair=Repair("unsafe", rewriting(_without), "mask"),
        fires=_turn(
            "Write to jane.doe@company.com.",
            "Call +49 30 901820 or (212) 555-0123 or 212-555-0123.",
            "电话是010-83288149。",
            "My card: 4111 1111 1111 1111",
            "IBAN DE89 3704 0044 0532 0130 00",
            "from 8.8.8.8",
            "2001:4860:4860::8888",
            "key sk-abcdefghij0123456789ABCDEFGHIJ",
            "AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        ),
        silent=_turn(
            "On 2024-06-01 12:00:00, in 1990-2000, $1,234,567.89",
            "ISBN 978-3-16-148410-0, order 6956751343, 1700000000000",
            "version 1.2.3.4, v10.2.3.4, 192.168.1.10, 127.0.0.1, 0.0.0.0",
            "image@2x.png, react@17.0.2, git@github.com:a/b.git, @handle, a@b",
            "4111 1111 1111 1112",
            "DE89 3704 0044 0532 0130 01",
            "12:30:45, std::abc::def, 3:4:5",
            "sk-xxxxxxxxxxxxxxxxxxxxxxxx and sk-your-api-key-goes-here",
            "622x + 3751 - 3751 = 18679 - 3751",
            "821091117+4908374100427",
        ),
    ),
)
