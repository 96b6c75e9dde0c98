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
        ("role:assistant castle", [2]),
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


# ---------------------------------------------------------------- the whole language


TAGGED = [
    record(0, "The cat sat", "A CAT, here", tags=["Sea", "calm"]),
    record(1, "Concatenate it", "I said: no cats.", metadata={"tags": ["storm"]}),
    record(2, "3 apples\nand 12 pears", "猫がいる", system="Be kind to cats."),
]


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("cat", [0, 1, 2]),
        ("word:cat", [0]),
        ("word:CAT", [0]),
        ('word:"the cat"', [0]),
        ("word:cat word:cats", [0, 1, 2]),
        ("word:猫", [2]),
        ("text:kind", [2]),
        ('text:"no cat"', [1]),
        ("text:c0", []),
        ("c0", [0]),
        (r're:"\d+ \w+"', [2]),
        ("re:CAT", [0]),
        ("re:(?i)^a.cat", [0]),
        (r're:"(?m)^and"', [2]),
        ("re:sat re:said", [0, 1]),
        ("role:user word:cat", [0]),
        ("role:assistant re:cat", [1]),
        ("role:system cats", [2]),
        ("tag:sea", [0]),
        ("tag:sea tag:STORM", [0, 1]),
        ("tag:se", []),
        ("-tag:sea", [1, 2]),
        ("-cat", []),
        ("-word:cat", [1, 2]),
        ("not:word:cat", [1, 2]),
        ("-role:system", [0, 1]),
        ("cat -concatenate", [0, 2]),
        ('-"be kind"', [0, 1]),
        ("-#1", [0, 2]),
        ("-#1 -#2", [0]),
        ("chars:>20", [2]),
        ("chars:<=4", [2]),
        ("turns:>=3", [2]),
        ("turns:<3", [0, 1]),
        ("words:<0", []),
        ("exchanges:>0", [0, 1, 2]),
        ("source:0", [0, 1, 2]),
        ("source:memory", [0, 1, 2]),
        ("source:elsewhere", []),
        ("decision:none", [0, 1, 2]),
        ("decision:keep", []),
        ("-decision:none", []),
    ],
)
def test_every_kind_of_term_finds_conversations(query: str, matches: list[int]) -> None:
    assert [c.index for c in rt.load(TAGGED).where(query)] == matches


def test_decisions_are_found_by_id() -> None:
    ds = rt.load(TAGGED)
    ds.decide("c0", "keep")
    ds.decide("c2", "reject")

    assert [c.id for c in ds.where("decision:none")] == ["c1"]
    assert [c.id for c in ds.where("decision:keep decision:reject")] == ["c0", "c2"]
    assert [c.id for c in ds.where("-decision:keep")] == ["c1", "c2"]


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("-code:leak -severity:error -code:record -code:order", [("text.whitespace", 0)]),
        ("-code:leak #2", []),
        ("-castle code:turn", [("turn.empty", 1)]),
        ("-role:assistant code:leak code:role", [("leak.macro", 2), ("role.unknown", None)]),
        ("text:hello", [("leak.macro", 2)]),
        ("text:whitespace", []),
        ("re:^Hello", [("leak.macro", 2)]),
        ("chars:0", [("turn.empty", 1)]),
        ("decision:none code:turn", [("turn.empty", 1)]),
    ],
)
def test_every_kind_of_term_finds_findings(query: str, codes: list[tuple[str, int | None]]) -> None:
    assert findings(query) == codes


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("rolle:user", "did you mean role:"),
        ("-tags:x", "did you mean tag:"),
        ("words:>", "a number or a range"),
        ("words:=>3", "a number or a range"),
        ("words:>3..5", "a number or a range"),
        ("chars:٣", "a number or a range"),
        ("decision:maybe", "none, keep, fix, reject, later"),
        ("re:(", "unclosed group"),
        (r"re:(?=a)", "look-around"),
        ("re:(a{1000}){1000}", "too large"),
        ('word:""', "what to look for"),
        ("not:not:x", "No term is called not:"),
    ],
)
def test_what_is_wrong_with_a_term_is_said(query: str, says: str) -> None:
    for ask in (found, findings, rt.load(DATA).find):
        with pytest.raises(rt.QueryError, match=says) as refused:
            ask(query)
        assert "\n" not in str(refused.value)


# ---------------------------------------------------------------- facets, and the same turn

SCENES = [
    record(
        0,
        'I walked to my boat. "Cast off," I said, and I took my oar.',
        'I looked at my hands and I sighed. "No," I said.',
        "You saw your boat. You took your oar and you left.",
        "You walked to your boat and you sat. It sank.",
    ),
    record(1, "M stands there, says little", "The cat sat."),
]


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("viewpoint:first word:sighed", [0]),
        ("viewpoint:second word:sighed", []),
        ("viewpoint:second sighed", []),
        ("viewpoint:second sank", [0]),
        ("viewpoint:first reply_number:1", [0]),
        ("viewpoint:first reply_number:2", []),
        ("viewpoint:second role:user", []),
        ("text:oar re:sank", []),
        ("text:boat re:sank", [0]),
        ("text:oar words:>12", [0]),
        ("text:sank words:>12", []),
        ("role:assistant words:>10 word:sank", []),
        ("role:assistant words:>9 word:sank", [0]),
        ("oar sank", [0]),
        ("-viewpoint:second", [1]),
    ],
)
def test_terms_about_turns_and_texts_hold_for_the_same_turn(query: str, matches: list[int]) -> None:
    ds = rt.load(SCENES)
    assert [c.index for c in ds.where(query)] == matches
    assert sorted(set(ds.find(query)["index"])) == matches


def test_places_are_in_the_turns_that_all_terms_hold_for() -> None:
    assert [(row[3], row[6]) for row in places("text:boat re:sank", SCENES)] == [
        (3, "You walked to your boat and you sat. It sank."),
        (3, "You walked to your boat and you sat. It sank."),
    ]
    assert {row[3] for row in places("word:boat word:oar", SCENES)} == {0, 2, 3}


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("reply_words:>9", [0]),
        ("reply_words:>=10", [0]),
        ("reply_words:<10", [1]),
        ("reply_words:<=3", [1]),
        ("reply_words:<0", []),
        ("reply_words:3", [1]),
        ("reply_words:..3 reply_words:>9", [0, 1]),
        ("reply_words:>99999999999", []),
        ("-reply_words:>9", [1]),
        ("viewpoint:FIRST", [0]),
        ('opening:"The Cat SAT"', [1]),
        ("speaker:mara", [1]),
        ("role:Assistant", [0, 1]),
        ("role:Unknown", []),
        ("format:MESSAGES", [0, 1]),
        ("system:NO", [0, 1]),
        ("viewpoint:nobody", []),
    ],
)
def test_facets_take_every_range_and_any_case(query: str, matches: list[int]) -> None:
    assert [c.index for c in rt.load(SCENES).where(query)] == matches


def test_of_two_spellings_that_the_data_has_each_can_be_asked_for() -> None:
    turns = [[{"from": label, "value": "Hi"}] for label in ("Human", "human")]
    ds = rt.load([{"conversations": one} for one in turns])
    names = rt.load([record(0, "M a"), {"messages": [{"role": "user", "content": "b", "name": "mara"}]}])

    asked = ("label:Human", "label:human", "label:HUMAN")
    assert [[c.index for c in ds.where(query)] for query in asked] == [[0], [1], [0, 1]]
    asked = ("speaker:Mara", "speaker:mara", "speaker:MARA")
    assert [[c.index for c in names.where(query)] for query in asked] == [[0], [1], [0, 1]]


@pytest.mark.parametrize("query", ["dialogue:many", "reply_words:=>3", "reply_words:..", "reply_words:-1"])
def test_what_is_no_range_of_a_facet_is_said(query: str) -> None:
    with pytest.raises(rt.QueryError, match="takes a number or a range such as"):
        rt.load(SCENES).where(query)


# ---------------------------------------------------------------- places


def places(query: str, data: Any = TAGGED) -> list[tuple[Any, ...]]:
    frame = rt.load(data).find(query).astype(object)
    return [tuple(row) for row in frame.where(frame.notna(), None).itertuples(index=False)]


def test_text_is_found_at_its_characters() -> None:
    assert places("word:cat") == [
        ("c0", 0, 0, 0, 4, 7, "The cat sat"),
        ("c0", 0, 0, 1, 2, 5, "A CAT, here"),
    ]
    assert [(turn, start, end) for _, _, _, turn, start, end, _ in places(r"re:\d+")] == [
        (1, 0, 1),
        (1, 13, 15),
    ]


def test_places_of_text_are_in_turns_that_the_query_asks_for() -> None:
    assert [row[:4] for row in places("role:assistant cat")] == [("c0", 0, 0, 1), ("c1", 0, 1, 1)]


def test_an_excerpt_shows_what_stands_around() -> None:
    text = "a" * 100 + " needle " + "b" * 100
    ((_, _, _, _, start, end, excerpt),) = places("needle", [record(0, text)])

    assert (start, end) == (101, 107)
    assert excerpt == text[61:147]


def test_findings_are_places_turns_are_places_conversations_are_places() -> None:
    assert places("code:leak", DATA) == [("c2", 0, 2, 1, 6, 14, "Hello {{user}}")]
    assert places("role:system", TAGGED) == [("c2", 0, 2, 0, 0, 16, "Be kind to cats.")]
    assert places("tag:sea", TAGGED) == [("c0", 0, 0, None, None, None, "")]
    assert places("road", DATA) == [("c2", 0, 2, None, None, None, "The castle road")]
    assert places("colourless", DATA) == []


def test_a_limit_cuts_the_list() -> None:
    assert len(rt.load(TAGGED).find("cat", limit=2)) == 2


def test_a_text_that_holds_the_marks_of_a_search_is_searched_all_the_same() -> None:
    text = "".join(map(chr, range(0xFDD0, 0xFDF0))) + " needle"
    assert [row[4:6] for row in places("needle", [record(0, text)])] == [(33, 39)]


TEXTS = st.text(alphabet="ab Aä猫\U0001f600\ud800\n", max_size=12)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(TEXTS, min_size=1, max_size=4), st.text(alphabet="abAä猫\U0001f600", min_size=1, max_size=3))
def test_places_hold_what_was_looked_for_and_none_is_missed(texts: list[str], wanted: str) -> None:
    ds = rt.load([record(0, *texts)])
    found = ds.find(f'text:"{wanted}"')

    for turn, start, end in zip(found["turn"], found["start"], found["end"], strict=True):
        assert ds[0].messages[turn].text[start:end].lower() == wanted.lower()
    for turn, text in enumerate(texts):
        assert int((found["turn"] == turn).sum()) == text.lower().count(wanted.lower())


ANY = st.lists(
    WORDS
    | st.sampled_from(
        [
            "-",
            "not:",
            "-code:leak",
            "re:",
            're:"[a-',
            "word:a",
            'text:"',
            "tag:x",
            "decision:fix",
            "chars:>=",
            "source:",
            "\ud800",
            "\x00",
        ]
    )
    | st.text(alphabet=st.characters(codec=None), max_size=6).map(lambda text: f're:"{text}"'),
    max_size=4,
).map(" ".join)


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(ANY)
def test_any_line_finds_places_in_the_conversations_it_finds_or_is_refused(query: str) -> None:
    ds = rt.load(DATA)
    try:
        conversations = {c.index for c in ds.where(query)}
    except rt.QueryError:
        return
    found = ds.find(query)
    assert set(found["index"].dropna()) <= conversations


def test_all_texts_of_a_query_are_looked_for_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    ds = rt.load(TAGGED)
    _ = ds.index
    passes = []
    blocks = ds.blocks
    monkeypatch.setattr(ds, "blocks", lambda: passes.append(1) or blocks())
    ds.where("cat -dog word:here re:sat tag:sea -tag:storm")
    ds.where("cat tag:sea")

    assert len(passes) == 1
