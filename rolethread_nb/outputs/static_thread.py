"""A conversation as HTML: each turn's text as it stands, what is marked in it, what was found."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from .markup import CODE, HAIR, QUIET, SHAPES, escape, inline, literal, note, plural, shape, short, size
from .svg_parts import TONES

_TURN_BYTES = 24_000
_FOLD = 600
_LONG = 1_000
_TURN_ISSUES = 12
_EXTRAS = 10
_SIDE = 120
_LINE = (
    "padding:2px 8px;margin:4px 0 0 0;max-width:640px;box-sizing:border-box;background:rgba(127,127,127,0.1)"
)
_KEPT = "white-space:pre-wrap"
_EXTRA = 2_000
_TEXT = (
    "white-space:pre-wrap;overflow-wrap:break-word;word-break:normal;font-family:system-ui,sans-serif;font-size:14px;"
    "line-height:1.5;"
    "margin:0;padding:0;border:0;background:transparent;color:inherit;max-width:640px;unicode-bidi:plaintext"
)
# The colour of a line comes first: JupyterLab keeps a decoration only when it ends in the word underline.
_LINES = {
    "error": f"text-decoration:{TONES['error']} solid underline",
    "warning": f"text-decoration:{TONES['warning']} wavy underline",
    "info": f"text-decoration:{TONES['info']} dotted underline",
}


def draw_thread(thread: Mapping[str, Any], limit: int, room: int) -> str:
    """Draw at most `limit` turns within `room` bytes, and say what that leaves out."""
    issues: Sequence[Mapping[str, Any]] = thread["issues"]
    turns: Sequence[Mapping[str, Any]] = thread["turns"]
    head = _thread_head(thread)
    whole = [issue for issue in issues if issue["turn"] is None]
    if whole:
        said = f'<span style="{QUIET}">The whole conversation</span>'
        head += f'<div style="padding:0 0 8px 0">{said}{_issue_lines(whole)}</div>'
    room -= size(head) + 500
    shown: list[str] = []
    for turn in turns[:limit]:
        piece = _turn(turn, issues, min(_TURN_BYTES, room))
        if size(piece) > room:
            break
        shown.append(piece)
        room -= size(piece)
    drawn = {turn["turn"] for turn in turns[: len(shown)]}
    elsewhere = sum(issue["turn"] is not None and issue["turn"] not in drawn for issue in issues)
    return head + "".join(shown) + _thread_foot(thread, len(shown), elsewhere)


def _thread_head(thread: Mapping[str, Any]) -> str:
    facts = [thread["format"], thread["source"]]
    if thread.get("line") is not None:
        facts.append(f"line {thread['line']:,}")
    facts += [plural(thread["turn_count"], "turn", "turns"), plural(thread["words"], "word", "words")]
    title = f" <bdi>{escape(short(thread['title']))}</bdi>" if thread.get("title") else ""
    said = " · ".join(inline(short(fact)) for fact in facts if fact)
    return (
        f'<div style="padding:0 0 8px 0"><b style="font-size:15px">#{thread["index"]}{title}</b>'
        f' &nbsp; <span style="{QUIET}">{said}</span></div>'
    )


def _thread_foot(thread: Mapping[str, Any], shown: int, elsewhere: int) -> str:
    total, first = thread["turn_count"], thread["from"]
    if shown == total and not elsewhere:
        return "" if total else note("This conversation has no turns.")
    said = f"Showing {shown:,} of {plural(total, 'turn', 'turns')}"
    if first:
        said += f", from turn {first:,}"
    if elsewhere:
        said += f"; {plural(elsewhere, 'finding', 'findings')} in the others"
    return note(f"{said}.")


def _turn(turn: Mapping[str, Any], issues: Sequence[Mapping[str, Any]], room: int) -> str:
    role = turn["role"]
    if role:
        name = f'<b style="font-size:11px;letter-spacing:0.04em;text-transform:uppercase">{escape(role)}</b>'
    elif turn["role_raw"] is None:
        name = "<i>no role</i>"
    else:
        name = f"<b>{inline(short(turn['role_raw'], 60))}</b><br><i>role not understood</i>"
    side = f'<br><span style="{QUIET}">{turn["side"]}</span>' if turn.get("side") else ""
    speaker = f"<br><span>{inline(short(turn['speaker'], 80))}</span>" if turn["speaker"] else ""
    body = _folded([(f"Reasoning {name}", text) for name, text in turn.get("reasoning", ())], room // 8)
    body += _results(turn, room // 8)
    body += _turn_text(turn, issues, room // 2)
    if turn["note"]:
        body += f'<div style="{QUIET}"><i>{inline(short(turn["note"]))}</i></div>'
    body += "".join(_part(part) for part in turn.get("parts", ()))
    body += _folded([_call(call) for call in turn.get("calls", ())], room // 8)
    body += _folded(turn["extra"], room // 8)
    body += _issue_lines([issues[position] for position in turn["issues"]])
    return (
        f'<article style="display:flex;flex-wrap:wrap;gap:4px 12px;padding:8px 0;border-top:{HAIR}">'
        f'<div style="flex:0 0 20px;text-align:right;{QUIET}">{turn["turn"]}</div>'
        f'<div style="flex:0 0 108px;padding:0 0 0 8px;border-left:3px solid {TONES.get(role or "", TONES["plain"])}">'
        f'{name}{side}{speaker}<br><span style="{QUIET};font-size:12px">{_numbers(turn)}</span></div>'
        f'<div style="flex:1 1 300px;min-width:0">{body}</div></article>'
    )


def _turn_text(turn: Mapping[str, Any], issues: Sequence[Mapping[str, Any]], room: int) -> str:
    """The text of a turn; a long one shows its beginning and folds the rest, open where a mark stands in it."""
    segments = [(str(text), list(marks)) for text, marks in turn["segments"]]
    thought = segments[: turn.get("thought", 0)]
    segments = segments[len(thought) :]
    length = sum(len(text) for text, _ in segments)
    direction = "rtl" if turn["dir"] == "rtl" else "auto"
    style = f"{_TEXT};text-align:{'right' if direction == 'rtl' else 'start'}"
    before = _thought(thought, issues, room // 4, direction, style) if thought else ""
    room -= size(before)
    if length <= _LONG:
        drawn, left = _marked(segments, issues, room)
        return before + _pre(drawn, direction, style) + _unshown(left, length)
    begin, rest = _split(segments, _FOLD)
    drawn, left = _marked(begin, issues, room)
    folded, more = _marked(rest, issues, max(room - size(drawn), 0))
    marks = {mark for _, positions in rest for mark in positions}
    said = f"{plural(sum(len(text) for text, _ in rest), 'more character', 'more characters')}"
    if marks:
        said += f", {plural(len(marks), 'mark', 'marks')}"
    is_open = ' open="open"' if marks else ""
    return (
        f"{before}{_pre(drawn, direction, style)}"
        f'<details{is_open}><summary style="cursor:pointer;{QUIET}">{said}</summary>'
        f"{_pre(folded, direction, style)}</details>{_unshown(left + more, length)}"
    )


def _thought(
    segments: Sequence[tuple[str, list[int]]],
    issues: Sequence[Mapping[str, Any]],
    room: int,
    direction: str,
    style: str,
) -> str:
    """The reasoning that a text begins with, folded; open where a mark stands in it."""
    drawn, left = _marked(segments, issues, room)
    is_open = ' open="open"' if any(marks for _, marks in segments) else ""
    length = sum(len(text) for text, _ in segments)
    return (
        f'<details{is_open}><summary style="cursor:pointer;{QUIET}">Reasoning in the text</summary>'
        f"{_pre(drawn, direction, style)}{_unshown(left, length)}</details>"
    )


def _pre(drawn: str, direction: str, style: str) -> str:
    """A block of literal text; the first line break belongs to the tag, not to the text."""
    return f'<pre dir="{direction}" style="{style}">\n{drawn}</pre>' if drawn else ""


def _unshown(left: int, length: int) -> str:
    return note(f"{left:,} of {length:,} characters are not shown here.") if left else ""


def _split(
    segments: Sequence[tuple[str, list[int]]], length: int
) -> tuple[list[tuple[str, list[int]]], list[tuple[str, list[int]]]]:
    """Cut segments after about `length` characters, at a blank where there is one."""
    before: list[tuple[str, list[int]]] = []
    for position, (text, marks) in enumerate(segments):
        if len(text) <= length:
            before.append((text, marks))
            length -= len(text)
            continue
        at = max(text.rfind(blank, max(length - 80, 0), length) for blank in " \n") + 1 or length
        return [*before, (text[:at], marks)], [(text[at:], marks), *segments[position + 1 :]]
    return before, []


def _marked(
    segments: Sequence[tuple[str, list[int]]], issues: Sequence[Mapping[str, Any]], room: int
) -> tuple[str, int]:
    """Draw segments within `room` bytes; return them and the number of characters that found no room."""
    parts: list[str] = []
    left = 0
    for text, marks in segments:
        piece = _segment(text, marks, issues)
        if size(piece) > room:
            taken = "" if left else text[:room]
            while taken and size(_segment(taken, marks, issues)) > room:
                taken = taken[: len(taken) * 3 // 4]
            left += len(text) - len(taken)
            piece = _segment(taken, marks, issues)
            room = 0
        parts.append(piece)
        room = max(room - size(piece), 0)
    return "".join(parts), left


def _segment(text: str, marks: Sequence[int], issues: Sequence[Mapping[str, Any]]) -> str:
    if not marks or not text:
        return literal(text)
    found = [issues[mark] for mark in marks]
    worst = min((issue["severity"] for issue in found), key=list(SHAPES).index)
    title = escape("; ".join(f"{issue['code']}: {short(issue['message'], 120)}" for issue in found[:3]))
    drawn = literal(text if any(map(_inked, text)) else _named(text))
    return f'<u title="{title}" style="{_LINES[worst]}">{drawn}</u>'


def _inked(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in "ZC"


def _named(text: str) -> str:
    """What is marked but draws nothing is named: a blank, a line break, a zero-width character."""
    signs = {" ": "␣", "\n": "⏎\n", "\t": "⇥"}
    named = "".join(signs.get(letter) or f"[U+{ord(letter):04X}]" for letter in text[:40])
    return named if len(text) <= 40 else f"{named}… {len(text) - 40:,} more"


def _numbers(turn: Mapping[str, Any]) -> str:
    """Words and the share of quoted speech."""
    said = plural(turn["words"], "word", "words")
    if quoted := turn.get("quoted"):
        said += f", {quoted} % quoted"
    return said


def _call(call: Mapping[str, Any]) -> tuple[str, str]:
    said = f"Calls {call['name'] or 'no function'}"
    if call["answer"] is not None:
        said += f" → turn {call['answer']}"
    return said, call["arguments"]


def _results(turn: Mapping[str, Any], room: int) -> str:
    """Of which calls a turn is the result, and the results that are not its text."""
    pieces = []
    for result in turn.get("results", ()):
        said = f"Result of {result['name'] or 'a call'}"
        if result["call"] is not None:
            said += f" ← turn {result['call']}"
        pieces.append(
            note(inline(short(said))) if result["text"] is None else _folded([(said, result["text"])], room)
        )
    return "".join(pieces)


def _part(part: Mapping[str, Any]) -> str:
    """What stands for a picture, a sound, a file; its address is text."""
    said = " · ".join([part["type"], *part["facts"], *([part["where"]] if part["where"] else [])])
    return f'<div style="{_LINE}">{inline(short(said))}</div>'


def _folded(extra: Sequence[Sequence[str]], room: int) -> str:
    """Texts that stand beside the text of a turn, each under its name: calls, reasoning, other keys."""
    parts = []
    for key, value in extra[:_EXTRAS]:
        taken = value[: min(_EXTRA, room)]
        while size(literal(taken)) > room:
            taken = taken[: len(taken) * 3 // 4]
        room -= size(literal(taken))
        cut = (
            note(f"{plural(rest, 'more character', 'more characters')}")
            if (rest := len(value) - len(taken))
            else ""
        )
        parts.append(
            f'<details><summary style="cursor:pointer;{QUIET}">{inline(short(key, 80))}</summary>'
            f'<pre dir="auto" style="{CODE};margin:0;white-space:pre-wrap;overflow-wrap:break-word;word-break:normal">\n'
            f"{literal(taken)}</pre>{cut}</details>"
        )
    if len(extra) > _EXTRAS:
        parts.append(note(f"{len(extra) - _EXTRAS:,} more"))
    return "".join(parts)


def _side(text: str) -> str:
    """One side of a repair with its blanks as they are; they may be all that differs."""
    return inline(text if len(text) <= _SIDE else text[: _SIDE - 1] + "…")


def _issue_lines(issues: Sequence[Mapping[str, Any]]) -> str:
    """The findings of a turn, one a line, with what the repair would do."""
    lines = []
    for issue in issues[:_TURN_ISSUES]:
        repair = ""
        if issue.get("before") is not None or issue.get("after") is not None:
            before, after = (_side(issue.get(side) or "") for side in ("before", "after"))
            safety = f" ({escape(issue['repair'])})" if issue.get("repair") else ""
            repair = (
                f'<br><span style="{QUIET}">repair{safety}:'
                f' <del style="{_KEPT}">{before}</del> → <ins style="{_KEPT}">{after}</ins></span>'
            )
        lines.append(
            f'<div style="{_LINE}">'
            f'{shape(issue["severity"])} <code style="{CODE}">{inline(short(issue["code"], 80))}</code> '
            f"{inline(short(issue['message']))}{repair}</div>"
        )
    if len(issues) > _TURN_ISSUES:
        lines.append(note(f"{len(issues) - _TURN_ISSUES:,} more findings here"))
    return "".join(lines)
