"""Bars: turns by role and speaker, conversations by system prompt, findings by code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from .wording import LABEL, Chart, counted, isolated, label, percent, sentence, term, value_axis

_ROLES = ("system", "developer", "user", "assistant", "tool")
_SEVERITIES = ("error", "warning", "info")
_MOST_BARS = 12
_MOST_PROMPTS = 6


@dataclass(frozen=True)
class _Bar:
    label: str
    value: int
    tone: str
    filter: str


def _bars(name: str, title: str, subtitle: str, bars: Sequence[_Bar], *, unit: str, whole: int) -> Chart:
    axis, top = value_axis(unit, max(bar.value for bar in bars), 3)
    return {
        "id": name,
        "kind": "bars",
        "title": sentence(title),
        "subtitle": subtitle,
        "x": axis,
        "marks": [
            {
                "label": bar.label,
                "length": round(bar.value / top, 5),
                "value": bar.value,
                "text": f"{bar.value:,} · {percent(bar.value, whole)}",
                "tone": bar.tone,
                "filter": bar.filter,
            }
            for bar in bars
        ],
    }


def roles(words: pl.DataFrame) -> Chart | None:
    counts: dict[str | None, int] = dict(words.group_by("role").agg(pl.col("count").sum()).iter_rows())
    total = sum(counts.values())
    if not total:
        return None
    bars = [_Bar(role, counts[role], role, f"role:{role}") for role in _ROLES if role in counts]
    unknown = total - sum(bar.value for bar in bars)
    if unknown:
        bars.append(_Bar("not understood", unknown, "plain", "role:unknown"))
    replies = counts.get("assistant", 0)
    if unknown == total:
        title = "No role is understood"
    elif unknown:
        title = f"{percent(unknown, total)} of turns have a role that is not understood"
    elif not replies:
        title = "No turn is the assistant’s"
    elif replies == total:
        title = "Every turn is the assistant’s"
    else:
        title = f"{percent(replies, total)} of turns are the assistant’s"
    return _bars(
        "roles", title, f"turns by role, {counted(total, 'turn', 'turns')}", bars, unit="turns", whole=total
    )


def system_prompts(conversations: pl.DataFrame) -> Chart | None:
    total = conversations.height
    if not total:
        return None
    prompts = (
        conversations.lazy()
        .filter(pl.col("system").is_not_null())
        .with_row_index("first")
        .group_by("system")
        .agg(pl.len().alias("count"), pl.col("first").min(), pl.col("system_head").first())
        .sort(["count", "first"], descending=[True, False])
        .collect()
    )
    having = int(prompts["count"].sum())
    different = prompts.height
    repeated = prompts.filter(pl.col("count") > 1)
    shown = prompts if different == 1 else repeated.head(_MOST_PROMPTS)
    heads = [_head(text or "") for text in shown["system_head"]]
    bars = [
        _Bar(
            head if heads.count(head) == 1 else f"{head} · {prompt[:4]}",
            count,
            "system",
            term("system", prompt),
        )
        for head, prompt, count in zip(heads, shown["system"], shown["count"], strict=True)
    ]
    if rest := having - sum(bar.value for bar in bars):
        others = counted(different - len(bars), "other prompt", "other prompts")
        once = rest == different - len(bars)
        if not bars:
            bars.append(_Bar("each its own prompt", rest, "system", "system:yes"))
        else:
            bars.append(_Bar(f"{others}, used once" if once else others, rest, "plain", ""))
    if total > having:
        bars.append(_Bar("no system prompt", total - having, "plain", "system:no"))
    title = _prompts_title(total, having, different, int(prompts["count"][0]) if different else 0)
    subtitle = f"conversations by system prompt, {counted(total, 'conversation', 'conversations')}"
    return _bars("system_prompts", title, subtitle, bars, unit="conversations", whole=total)


def _head(text: str) -> str:
    """The start of a system prompt; 60 characters are taken to be a cut one."""
    return label(text if len(text) < LABEL else text + "…") or "(empty)"


def _prompts_title(total: int, having: int, different: int, most: int) -> str:
    if not having:
        return "No conversation has a system prompt"
    if total == 1:
        return "The only conversation has a system prompt"
    if different == 1:
        if having == total:
            return f"All {total:,} conversations share one system prompt"
        if having == 1:
            return f"One of {total:,} conversations has a system prompt"
        return f"One system prompt, in {percent(having, total)} of conversations"
    if most == 1:
        return f"{different:,} different system prompts, none used twice"
    if 2 * most >= total:
        return f"One system prompt stands in {percent(most, total)} of conversations"
    return f"{different:,} different system prompts, the most used {most:,} times"


def findings_by_code(findings: Mapping[str, int], severities: Mapping[str, str]) -> Chart | None:
    """The codes in the order of the issue list: severity, then count."""
    found = {code: count for code, count in findings.items() if count > 0}
    if not found:
        return None
    severity = {code: severities.get(code, "info") for code in found}
    severity = {code: name if name in _SEVERITIES else "info" for code, name in severity.items()}
    order = sorted(found, key=lambda code: (_SEVERITIES.index(severity[code]), -found[code], code))
    total = sum(found.values())
    shown = order if len(order) == _MOST_BARS + 1 else order[:_MOST_BARS]
    bars = [_Bar(label(code), found[code], severity[code], term("code", code)) for code in shown]
    if rest := order[len(shown) :]:
        bars.append(_Bar(f"{len(rest):,} more codes", sum(found[code] for code in rest), "plain", ""))
    top = max(order, key=lambda code: found[code])
    if len(found) == 1:
        title = f"{counted(total, 'finding', 'findings')}, {'' if total == 1 else 'all '}{label(top)}"
    elif 4 * found[top] >= total:
        title = f"{percent(found[top], total)} of findings are {label(top)}"
    else:
        title = f"{total:,} findings of {len(found):,} kinds"
    subtitle = f"findings by code, {counted(total, 'finding', 'findings')}"
    return _bars("findings", title, subtitle, bars, unit="findings", whole=total)


def speakers(turns: pl.DataFrame) -> Chart | None:
    """The named speakers by their turns, each in the tone of the role it mostly has."""
    by_role = (
        turns.lazy()
        .filter(pl.col("speaker").str.contains(r"\S"))
        .group_by("speaker", "role")
        .agg(pl.len().cast(pl.Int64).alias("count"))
        .sort("count", "role", descending=[True, False], nulls_last=True)
        .group_by("speaker", maintain_order=True)
        .agg(pl.col("count").sum(), pl.col("role").first())
        .sort(["count", "speaker"], descending=[True, False])
        .collect()
    )
    named = int(by_role["count"].sum())
    if not named:
        return None
    shown = by_role if by_role.height == _MOST_BARS + 1 else by_role.head(_MOST_BARS)
    bars = [
        _Bar(label(speaker), count, role if role in _ROLES else "plain", term("speaker", speaker))
        for speaker, count, role in shown.iter_rows()
    ]
    if rest := by_role.height - shown.height:
        others = named - sum(bar.value for bar in bars)
        bars.append(_Bar(counted(rest, "more speaker", "more speakers"), others, "plain", ""))
    first = bars[0]
    if by_role.height == 1:
        title = f"{isolated(first.label)} is the only named speaker"
    elif 4 * first.value >= named:
        title = f"{isolated(first.label)} speaks {percent(first.value, named)} of the named turns"
    else:
        title = f"Of {by_role.height:,} named speakers, {isolated(first.label)} speaks most ({percent(first.value, named)})"
    subtitle = f"turns by speaker, {named:,} of {counted(turns.height, 'turn', 'turns')} name one"
    return _bars("speakers", title, subtitle, bars, unit="turns", whole=named)
