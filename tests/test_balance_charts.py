"""The charts of the balance: titles are true, marks stay in their square, filters find what a mark counts."""

from __future__ import annotations

import json
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
from rolethread_nb.outputs.markup import escape
from rolethread_nb.outputs.static import charts_html
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
    assert chart["title"] == "67 % of replies are in the third person"
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
    assert part["viewpoint"]["title"] == "100 % of replies are in the first person"
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


PLAIN = [told(f"Number {n} is done, and the next one is on its way to you now.") for n in range(600)]
MARKED = [
    told(f'"You should go home now, {n}," she said. "She is there, and he is not," he said to her.')
    for n in range(40)
]


def test_what_rests_on_a_handful_is_not_said() -> None:
    found = by_id(rt.load([*PLAIN, *MARKED[:5], *STORY]))
    assert {"dialogue", "speech_marks", "viewpoint", "tense", "viewpoint_tense"}.isdisjoint(found)
    assert {"opening", "words_by_role"} <= set(found)


def test_what_is_said_of_a_part_names_it_in_the_sentence() -> None:
    curly = [told(f"“Go home now, number {n}, and stay,” she said to him at last.") for n in range(20)]
    found = by_id(rt.load([*PLAIN, *MARKED, *curly]))
    assert found["speech_marks"]["title"].startswith("67 % of the 60 replies that mark speech do it by")
    assert "60 of 660 replies" in found["speech_marks"]["subtitle"]
    assert found["dialogue"]["title"].startswith("Of the 60 replies that quote or narrate, the middle one is")
    assert found["dialogue"]["marks"][0]["filter"] == "dialogue:0..100"


def test_half_of_a_small_dataset_is_enough() -> None:
    found = by_id(rt.load([*PLAIN[:2], *STORY[:3], *STORY[-1:]]))
    assert (
        found["viewpoint"]["title"]
        == "75 % of the 12 replies whose person can be told are in the third person"
    )


def test_any_two_facets_are_drawn_against_each_other_where_they_are_asked_for() -> None:
    ds = rt.load(STORY)
    asked = charts_of(ds.balance(), [("opening", "speaker"), ("ending", "reply_words")])
    by = {chart["id"]: chart for chart in asked}
    one = by["opening_speaker"]
    well_made(one)
    assert one["title"] == "Most often together: “she looked at” and Mara, in 67 % of replies"
    assert (one["rows"], one["columns"]) == (["she looked at", "i looked at"], ["Mara", "Kai"])
    for mark in one["marks"]:
        assert len(ds.find(mark["filter"])) == mark["value"]
    well_made(by["ending_reply_words"])
    assert all(mark["filter"] for mark in by["ending_reply_words"]["marks"])
    assert by["ending_reply_words"]["columns"] == ["22", "23", "24"]


def test_cells_that_no_query_finds_have_no_filter() -> None:
    charts = charts_of(rt.load(STORY).balance(), [("opening", "user_opening"), ("tense", "tense")])
    for name in ("opening_user_opening", "tense_tense"):
        chart = next(chart for chart in charts if chart["id"] == name)
        assert sum(mark["value"] for mark in chart["marks"]) == 18
        assert {mark["filter"] for mark in chart["marks"]} == {""}


def test_a_table_that_cannot_be_is_refused_in_a_sentence() -> None:
    balance = rt.load(STORY).balance()
    with pytest.raises(rt.QueryError, match="No facet is called 'opnening'; did you mean opening"):
        charts_of(balance, [("opnening", "source")])


def test_a_table_that_nothing_is_in_says_so() -> None:
    (chart,) = (
        one for one in charts_of(rt.load(PLAIN[:9]).balance(), [("tag", "tense")]) if one["kind"] == "heat"
    )
    assert chart["title"] == "None of 9 replies has both"
    assert chart["marks"] == []


def test_histograms_have_their_quartiles() -> None:
    chats = [told(*["One two three four."] * (1 + n % 7)) for n in range(60)]
    for n, one in enumerate(chats):
        for turn in one["messages"][::2]:
            turn["content"] = "word " * (1 + n)
    found = by_id(rt.load(chats))
    assert [text for _, text in found["exchanges"]["rules"]] == ["Q1 2", "median 4", "Q3 6"]
    for name in ("user_share", "exchanges"):
        assert [text.split()[0] for _, text in found[name]["rules"]] == ["Q1", "median", "Q3"]
        assert [at for at, _ in found[name]["rules"]] == sorted(at for at, _ in found[name]["rules"])
    assert all(0 < at < 1 for at, _ in found["user_share"]["rules"])
    panels = found["words_by_role"]["panels"]
    assert [text.split()[0] for _, text in panels[0]["rules"]] == ["Q1", "median", "Q3"]


def test_the_parts_of_a_drift_can_be_chosen_where_a_query_finds_them() -> None:
    ds = rt.load([told(*[f"Reply {n} of many, as it goes on." for n in range(3)]) for _ in range(70)])
    found = by_id(ds)
    along = found["reply_words_conversation"]
    assert [mark["filter"] for mark in along["marks"]] == [
        "reply_number:1..1",
        "reply_number:2..2",
        "reply_number:3..3",
    ]
    parts = found["reply_words_file"]["marks"]
    assert [mark["filter"] for mark in parts][:2] == ["index:0..6", "index:7..13"]
    assert sum(len(ds.where(mark["filter"])) for mark in parts) == 70


def test_of_the_pieces_of_a_longer_run_one_is_shown() -> None:
    full = [told(f"Fine, {n}. Would you like me to help you with that?") for n in range(20)]
    short = [told(f"Fine, {n}. Would you like me to sing {n} songs?") for n in range(30)]
    shown = [mark["label"] for mark in by_id(rt.load([*full, *short]))["phrase"]["marks"]]
    assert [label for label in shown if "you" in label.lower()] == ["Would you like me"]


def test_the_component_draws_the_tables_it_is_asked_for() -> None:
    report = rt.load(STORY).check(select=["turn"])
    shown = rt.Balance(
        report, tables=[("speaker", "viewpoint"), ["ending", "form"], ("speaker", "viewpoint")]
    )  # type: ignore[list-item]
    ids = [chart["id"] for chart in json.loads(shown.state)["charts"]]
    assert ids[-2:] == ["speaker_viewpoint", "ending_form"]
    with pytest.raises(rt.QueryError, match="tables takes pairs of facets such as"):
        rt.Balance(report, tables=["speaker"])  # type: ignore[list-item]
    with pytest.raises(rt.QueryError, match="No facet is called 'speakers'"):
        rt.Balance(report, tables=[("speakers", "tense")])


def test_the_twin_without_a_script_has_a_table_of_each_chart() -> None:
    charts = charts_of(rt.load(STORY).balance())
    page = charts_html(charts)
    assert page.count("<details") == page.count("<figure") == len(charts)
    for chart in charts:
        for mark in chart["marks"]:
            assert escape(mark["text"]) in page


def test_a_habit_of_nearly_no_reply_is_called_none() -> None:
    replies = ["Well, you see, it is late."] * 3 + [
        f"{'abcdefghij'[n % 10] * 3} {n} and {n + 1}." for n in range(400)
    ]
    found = by_id(rt.load([told(reply) for reply in replies]))
    assert found["opening"]["title"] == "No opening is frequent: the first stands in 3 of 403 replies"
