"""Numbers that belong to somebody: phones, payment cards, bank accounts, addresses of computers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

Place = tuple[int, int]

# ---------------------------------------------------------------- phones

# What follows a group of digits is a mark and digits, or digits in brackets: there is one way to read it, so it is read in one pass.
_INTERNATIONAL = re.compile(
    r"(?<![\w+.)])\+[1-9][0-9]*(?:[ .\-/]?\([0-9]+\)|[ .\-/][0-9]+|(?<=\))[0-9]+){0,8}"
)
# North America: the area code and the exchange begin with 2 to 9.
_NORTH_AMERICAN = re.compile(
    r"(?<![\w(])\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[\-. ][0-9]{4}(?![\w\-])"
    r"|(?<![\w.\-+=/$])(?:1[\-. ])?[2-9][0-9]{2}([\-.])[2-9][0-9]{2}\1[0-9]{4}(?![\w\-]|[.,][0-9])"
)
_LABEL = re.compile(
    r"(?:\b(?:tele|cell|mobile )?phone|\btel\.?|\btelefon(?:e|o|nummer)?|\btel[eé]fono|\bt[eé]l[eé]phone|\bmobile|\bcell|\bfax|\bwhatsapp"
    r"|电话|電話|手机|手機|热线|телефон|тел\.|هاتف|تلفن|전화)"
    r"(?: ?(?:number|no\.|nr\.)|号码|號碼|号|號|번호)?(?: ?(?:is|was|are|为|為|是|est|ist))?[\"'“”:：=\s(（]{0,6}\Z",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?:\([0-9]{2,}\)|[0-9]{2,})(?:[ .\-/]?\([0-9]{2,}\)|[ .\-/][0-9]{2,}|(?<=\))[0-9]{2,}){0,6}"
)
_AND = re.compile(r"[,，、;；] ?\Z")
_BEFORE = 40  # characters before a number in which the word for phone stands
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}[\-./](?:0?[1-9]|1[0-2])(?:[\-./]|\Z)|[0-9]{1,2}[\-./][0-9]{1,2}[\-./](?:19|20)[0-9]{2}\Z"
)
_FEWEST, _MOST = 7, 15  # digits of a phone number (ITU-T E.164 allows 15)


def phones(value: str) -> Iterator[Place]:
    """Phone numbers in international form, in North American form, or behind a word for phone."""
    found: set[Place] = set()
    for match in _INTERNATIONAL.finditer(value) if "+" in value else ():
        seen = match.group()
        digits = _digits(seen)
        parted = digits < len(seen) - 1
        before = value[max(0, match.start() - 1) : match.start()]
        # A long run of digits behind a plus sign, alone on its line, is the second row of a sum.
        if (9 if parted else 10) <= digits <= (_MOST if parted else 13) and (
            parted or before not in ("", "\n")
        ):
            found.add(match.span())
    found.update(match.span() for match in _NORTH_AMERICAN.finditer(value))
    labelled = -1  # where the last number ends that stands behind a word for phone
    for match in _NUMBER.finditer(value):
        start = match.start()
        seen = match.group()
        if len(seen) < _FEWEST or not _FEWEST <= _digits(seen) <= _MOST or _DATE.match(seen):
            continue
        also = labelled >= 0 and start - labelled < 3 and _AND.search(value[labelled:start]) is not None
        if also or _LABEL.search(value[max(0, start - _BEFORE) : start]):
            found.add(match.span())
            labelled = match.end()
    end = 0
    for start, stop in sorted(found):
        if start >= end:
            yield start, stop
            end = stop


def _digits(seen: str) -> int:
    return sum(map(str.isdigit, seen))


# ---------------------------------------------------------------- payment cards

_CARD = re.compile(
    r"(?<![\w.\-+])(?:[0-9]{14,19}|[0-9]{4}([ \-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|[0-9]{4}([ \-])[0-9]{6}\2[0-9]{4,5})(?![\w\-]|\.[0-9])"
)
# Visa, Mastercard, American Express, Discover, JCB, Diners Club, UnionPay: first digits and lengths (ISO/IEC 7812).
_ISSUERS = re.compile(
    r"4[0-9]{15}|(?:5[1-5]|2[2-7])[0-9]{14}|3[47][0-9]{13}|6(?:011|5[0-9]{2})[0-9]{12}|35[0-9]{14}|3(?:0[0-5]|[68][0-9])[0-9]{11}|62[0-9]{14,17}"
)


def cards(value: str) -> Iterator[Place]:
    """Payment card numbers: an issuer's first digits and length, and a right check digit."""
    for match in _CARD.finditer(value):
        number = re.sub(r"[^0-9]", "", match.group())
        if _ISSUERS.fullmatch(number) and _luhn(number):
            yield match.span()


def _luhn(number: str) -> bool:
    total = 0
    for at, digit in enumerate(reversed(number)):
        double = int(digit) * (1 + at % 2)
        total += double - 9 if double > 9 else double
    return total % 10 == 0


# ---------------------------------------------------------------- bank accounts

_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)
# Length by country (SWIFT, IBAN registry).
_LENGTHS = {
    code: int(length)
    for length, codes in (
        pair.split(":")
        for pair in (
            "15:NO 16:BE 18:DK,FI,FO,GL,NL 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,XK 21:CH,HR,LI,LV 22:BG,BH,CR,DE,GB,GE,IE,ME,RS 23:AE,GI,IL"
            " 24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VG 25:PT 26:IS,TR 27:FR,GR,IT,MC,SM 28:AL,AZ,CY,DO,GT,HU,LB,PL 29:BR,EG,PS,QA,UA 30:JO,KW,MU 31:MT,SC"
        ).split()
    )
    for code in codes.split(",")
}


def ibans(value: str) -> Iterator[Place]:
    """International bank account numbers of the right length for their country, with a right check sum."""
    for match in _IBAN.finditer(value):
        seen = match.group()
        wanted = _LENGTHS.get(seen[:2])
        if wanted is None:
            continue
        end = count = 0
        while end < len(seen) and count < wanted:
            count += seen[end] != " "
            end += 1
        rest = seen[end : end + 1]
        number = seen[:end].replace(" ", "")
        if (
            count == wanted
            and rest in ("", " ")
            and int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1
        ):
            yield match.start(), match.start() + end


# ---------------------------------------------------------------- computers

_IPV4 = re.compile(r"(?<![\w.\-/])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w\-]|\.[0-9])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_VERSION = re.compile(r"(?:\bv|\bver\.?|version|release|build|section|chapter|§|#)\s*\Z", re.IGNORECASE)
_SMALL = 32  # below: numbers of chapters
# RFC 5737: for documentation; they stand where a real address would.
_DOCUMENTATION = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
_GLOBAL = ipaddress.ip_network("2000::/3")


def ips(value: str) -> Iterator[Place]:
    """Public IPv4 and IPv6 addresses; versions, numbers of chapters and addresses of private networks are none."""
    for match in _IPV4.finditer(value):
        try:
            four = ipaddress.IPv4Address(match.group())
        except ValueError:
            continue
        start = match.start()
        numbering = (start == 0 or value[start - 1] == "\n") and max(four.packed) < _SMALL
        if numbering or _VERSION.search(value[max(0, start - 12) : start]):
            continue
        if (four.is_global and not four.is_multicast) or any(four in net for net in _DOCUMENTATION):
            yield match.span()
    for match in _IPV6.finditer(value):
        try:
            six = ipaddress.IPv6Address(match.group())
        except ValueError:
            continue
        if six in _GLOBAL and sum(bool(group) for group in match.group().split(":")) > 2:
            yield match.span()
