"""The charts of the balance: titles are true, marks stay in their square, filters find what a mark counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import real_files
from hypothesis import given
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.balance.charts import charts_of
from rolethread_nb.core.query import Query
from rolethread_nb.outputs.charts_view import ChartsView
from rolethread_nb.outputs.svg import chart_svg

KINDS = {"histogram", "bars", "stack", "heat", "spectrum", "multiples", "phrases"}


def told(*replies: str, speaker: str | None = None) -> dict[str, Any]:
    turns: list[dict[str, Any]] = []
    for reply in replies:
        turns += [
            {"role": "user", "content": "And then, what did she do?"},
            {"role": "assistant", "content": reply},
        ]
    for turn in turns:
        if speaker and turn["role"] == "assistant":
            turn["name"] = speaker
    return {"messages": turns}


THIRD = 'She looked at him and she smiled. "You should go home now," she said, and she left him there with her book.'
FIRST = (
    'I looked at him and I smiled at my hands. "You should go home now," I said, and I left my book with him.'
)
STORY = [told(*[THIRD] * 3, speaker="Mara") for _ in range(4)] + [
    told(*[FIRST] * 3, speaker="Kai") for _ in range(2)
]


def by_id(ds: rt.Dataset) -> dict[str, dict[str, Any]]:
    return {chart["id"]: chart for chart in charts_of(ds.balance())}


def units(chart: dict[str, Any]) -> Iterator[float]:
    for mark in chart["marks"]:
        yield from (
            mark[key] for key in ("x0", "x1", "height", "length", "at", "from", "to", "depth") if key in mark
        )


def well_made(chart: dict[str, Any]) -> None:
    assert chart["kind"] in KINDS
    assert chart["title"]
    assert chart["title"][0] == chart["title"][0].upper()
    assert all(0 <= value <= 1 for value in units(chart))
    assert all(mark["label"] and mark["text"] for mark in chart["marks"])
    assert chart_svg(chart).startswith("<svg")


def test_point_of_view_is_a_row_of_shares_for_everybody_and_for_each_speaker() -> None:
    chart = by_id(rt.load(STORY))["viewpoint"]
    assert chart["title"] == "67 % of the narrated replies are told in the third person"
    assert chart["rows"] == ["all", "Mara", "Kai"]
    shares = [(mark["row"], mark["label"], mark["text"]) for mark in chart["marks"]]
    assert (0, "third person", "67 %, 12 replies") in shares
    assert (2, "Kai, first person", "100 %, 6 replies") in shares
    for row in range(3):
        own = [mark for mark in chart["marks"] if mark["row"] == row]
        assert own[0]["x0"] == 0
        assert own[-1]["x1"] == pytest.approx(1)


def test_a_mark_is_a_filter_that_finds_what_it_counts() -> None:
    ds = rt.load(STORY)
    for chart in charts_of(ds.balance()):
        for mark in chart["marks"]:
            if not mark["filter"]:
                continue
            turns = ds.find(mark["filter"])
            found = (
                len(turns) if turns["turn"].notna().all() and len(turns) else len(ds.where(mark["filter"]))
            )
            conversations = len(ds.where(mark["filter"]))
            assert mark["value"] in (found, conversations) or chart["kind"] == "spectrum", (chart["id"], mark)


def test_openings_stand_in_their_places() -> None:
    chart = by_id(rt.load(STORY))["opening"]
    assert chart["title"] == "100 % of replies open with one of two phrases"
    mark = chart["marks"][0]
    assert (mark["label"], mark["value"]) == ("She looked at", 12)
    line = mark["lines"][0]
    assert line["before"] == ""
    assert line["phrase"] == "She looked at"
    assert line["after"].startswith(" him and she smiled.")
    assert (line["key"], line["turn"]) == ("0:0", 1)


def test_lengths_of_roles_share_one_scale() -> None:
    chart = by_id(rt.load(STORY))["words_by_role"]
    assert (
        chart["title"] == "The middle reply has 17 words, the middle user turn 6, 2.8 times as long"
        or "middle reply" in chart["title"]
    )
    assert [panel["label"] for panel in chart["panels"]] == ["user", "assistant"]
    for panel in (0, 1):
        assert sum(mark["value"] for mark in chart["marks"] if mark["panel"] == panel) == 18


def test_a_chart_that_would_say_nothing_is_left_out() -> None:
    found = by_id(rt.load([told("Yes, of course.")]))
    assert {"source", "format", "language", "copies", "viewpoint"}.isdisjoint(found)
    assert charts_of(rt.load([]).balance()) == []


def test_charts_of_a_query_count_its_conversations_alone() -> None:
    report = rt.load(STORY).check(select=["turn"])
    view = ChartsView(report, whole=True)
    whole, part = ({chart["id"]: chart for chart in view.charts(query)} for query in ("", "speaker:Kai"))
    assert whole["viewpoint"]["title"].startswith("67 %")
    assert part["viewpoint"]["title"] == "100 % of the narrated replies are told in the first person"
    assert sum(mark["value"] for mark in part["roles"]["marks"]) == 12
    assert view.charts(" speaker:Kai ") is view.charts("speaker:Kai")
    with pytest.raises(rt.QueryError):
        view.charts("nosuch:term")


@pytest.mark.parametrize("path", real_files()[:14], ids=lambda path: path.name)
def test_the_charts_of_real_files_are_well_made(path: Any) -> None:
    for chart in charts_of(rt.load(path, review=False).balance()):
        well_made(chart)


@given(st.lists(st.lists(st.text(max_size=40), min_size=1, max_size=4), max_size=5))
def test_no_text_stops_a_chart(many: list[list[str]]) -> None:
    for chart in charts_of(rt.load([told(*texts) for texts in many]).balance()):
        well_made(chart)


def test_facets_are_terms_of_a_query() -> None:
    ds = rt.load(STORY)
    assert len(ds.where("viewpoint:first")) == 2
    assert len(ds.where("-viewpoint:first")) == 4
    assert len(ds.where("viewpoint:first speaker:Mara")) == 0
    assert len(ds.where('opening:"she looked at"')) == 4
    assert len(ds.where("user_share:..30")) == 6
    assert len(ds.where("viewpoint:nobody")) == 0
    report = ds.check(select=["turn"])
    assert Query("viewpoint:first").finding_mask(report).sum() == 0
    with pytest.raises(rt.QueryError, match="did you mean viewpoint"):
        ds.where("viewpiont:first")
    with pytest.raises(rt.QueryError, match="takes a number or a range"):
        ds.where("dialogue:much")


def test_a_term_of_a_facet_follows_edits() -> None:
    ds = rt.load(STORY)
    assert len(ds.where("viewpoint:first")) == 2
    ds.edit(ds[5], 1, text=THIRD)
    ds.edit(ds[5], 3, text=THIRD)
    ds.edit(ds[5], 5, text=THIRD)
    assert len(ds.where("viewpoint:first")) == 1


def test_half_a_character_stops_nothing() -> None:
    ds = rt.load(
        [told("\ud800 a b c d \ud800", "\ud800 a b c d \ud800") | {"tags": ["\ud800"]} for _ in range(4)]
    )
    for name in ds.balance().compute().facets["name"]:
        if ds.balance().described(str(name))["kind"] != "number":
            ds.balance().top(str(name))
    assert charts_of(ds.balance())
    report = ds.check("roleplay")
    assert "rule.failed" not in report.counts
    assert len(report.card()) > 0
    assert ds.split(0.5, by=lambda chat: chat.messages[1].text)


def test_what_is_gathered_has_no_filter() -> None:
    stories = [told(*[THIRD] * 5, speaker=f"Speaker {n}") for n in range(14)]
    chart = by_id(rt.load(stories))["viewpoint"]
    rest = [mark for mark in chart["marks"] if chart["rows"][mark["row"]] == "(others)"]
    assert rest
    assert {mark["filter"] for mark in rest} == {""}


def test_parts_without_replies_are_not_counted() -> None:
    many = [told(*[f"Reply number {n} of many, as it goes on." for n in range(40)]) for _ in range(5)]
    chart = by_id(rt.load(many)).get("reply_words_file")
    assert chart is not None
    assert [mark["label"] for mark in chart["marks"]] == [
        "first part",
        "2 of 5",
        "3 of 5",
        "4 of 5",
        "last part",
    ]


def test_a_drift_that_comes_back_is_no_steadiness() -> None:
    replies = [" ".join(["word"] * (120 if 2 <= n <= 7 else 4)) for n in range(10)]
    chart = by_id(rt.load([told(*replies) for _ in range(25)]))["reply_words_conversation"]
    assert "keep their length" not in chart["title"]
    assert "4 to 120" in chart["title"]
