"""The query: one line of text that stands for findings or conversations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt


def record(number: int, *contents: str, system: str | None = None, **keys: Any) -> dict[str, Any]:
    turns = [
        {
            "role": ("user", "assistant")[at % 2],
            "content": text,
            **({"name": "Mara"} if text.startswith("M") else {}),
        }
        for at, text in enumerate(contents)
    ]
    head = [{"role": "system", "content": system}] if system else []
    return {"id": f"c{number}", "messages": head + turns, **keys}


DATA = [
    record(0, "The Castle stands", "Indeed it does stand here "),
    record(1, "M speaks", "", "again", "fine"),
    record(2, "Hello {{user}}", "Hi", system="Be kind.", title="The castle road"),
    {"conversations": [{"from": "human", "value": "one two three"}, {"from": "Kai", "value": "x"}]},
]


def found(query: str) -> list[int]:
    """Positions of the conversations that match."""
    return [conversation.index for conversation in rt.load(DATA).where(query)]


def findings(query: str) -> list[tuple[str, int | None]]:
    return [(issue.code, issue.conversation) for issue in rt.load(DATA).check().narrowed(query)]


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("", [0, 1, 2, 3]),
        ("castle", [0, 2]),
        ("CASTLE stands", [0]),
        ('"castle stands"', [0]),
        ('"castle stands', [0]),
        ("role:system", [2]),
        ("role:unknown", [3]),
        ("role:system role:unknown", [2, 3]),
        ("speaker:Mara", [1]),
        ("words:3", [0, 3]),
        ("words:3..", [0, 3]),
        ("words:..0", [1]),
        ("words:4..5 role:assistant", [0]),
        ("words:99999999999999999999..", []),
        ("exchanges:2", [1]),
        ("exchanges:0", [3]),
        ("turns:3..4", [1, 2]),
        ("system:yes", [2]),
        ("system:no format:messages", [0, 1]),
        ("format:sharegpt", [3]),
        ("id:c1", [1]),
        ("id:c1 id:c2", [1, 2]),
        ("#2", [2]),
        ("#1 #3", [1, 3]),
        ('"#2"', []),
        ("index:1..2", [1, 2]),
        ("#2 castle", [2]),
        ("role:assistant castle", [0, 2]),
        ("role:nobody", []),
    ],
)
def test_a_query_finds_conversations(query: str, matches: list[int]) -> None:
    assert found(query) == matches


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("code:leak", [("leak.macro", 2)]),
        ("code:leak.macro", [("leak.macro", 2)]),
        ("code:turn.empty code:leak", [("turn.empty", 1), ("leak.macro", 2)]),
        ("code:lea", []),
        ("severity:error", [("turn.empty", 1), ("role.unknown", None)]),
        ("severity:error #1", [("turn.empty", 1)]),
        ("role:user", [("leak.macro", 2)]),
        ("role:user code:turn", []),
        ("hello", [("leak.macro", 2)]),
        ("edge", [("text.whitespace", 0)]),
        ("whitespace stand", [("text.whitespace", 0)]),
        ("castle code:leak", []),
        ("words:0 code:turn", [("turn.empty", 1)]),
    ],
)
def test_a_query_finds_findings(query: str, codes: list[tuple[str, int | None]]) -> None:
    assert findings(query) == codes


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("colour:red", "No term is called colour:"),
        ("http://example.org", "quotation marks"),
        ("words:many", "a number or a range"),
        ("words:..", "a number or a range"),
        ("turns:3-5", "a number or a range"),
        ("severity:fatal", "error, warning, info"),
    ],
)
def test_what_is_not_understood_is_said_in_a_sentence(query: str, says: str) -> None:
    for ask in (found, findings):
        with pytest.raises(rt.QueryError, match=says):
            ask(query)


def test_a_query_for_findings_checks_a_dataset_that_was_not_checked() -> None:
    clean = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    leaking = {
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes<|im_end|>"}]
    }
    assert [c.index for c in rt.load([clean, leaking]).where("code:leak")] == [1]


WORDS = st.sampled_from(
    [
        "code:leak",
        "severity:error",
        "role:user",
        "words:",
        "words:3..",
        "#1",
        "#",
        ":",
        '"',
        '"a b"',
        "a",
        "id:c",
        "x:y",
        "system:no",
        "..",
        "Ä",
        "İ",
    ]
) | st.text(max_size=6)


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.lists(WORDS, max_size=4).map(" ".join))
def test_any_line_is_a_query_or_refused_in_a_sentence(query: str) -> None:
    report = rt.load(DATA).check()
    try:
        rows = {str(issue) for issue in report.narrowed(query)}
    except rt.QueryError:
        rows = set()
    assert rows <= {str(issue) for issue in report}


@pytest.mark.parametrize(
    "query", ["castle", "role:assistant", "words:2..", "system:no", "index:1..", "severity:info"]
)
def test_terms_only_narrow(query: str) -> None:
    everything = rt.load(DATA).check()
    narrowed = rt.load(DATA).check(where=query)

    assert {str(issue) for issue in narrowed} <= {str(issue) for issue in everything}
    assert sum(narrowed.counts.values()) == len(narrowed)
