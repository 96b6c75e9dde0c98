"""The static views: hostile text stays text, nothing is cut silently, and every page colour works."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rolethread_nb.outputs.static import chart_svg, charts_html, findings_html, review_html, thread_html
from rolethread_nb.outputs.svg_parts import TONES

# What JupyterLab's sanitiser and its kin keep: no script, no style sheet, no drawing, no link.
TAGS = {
    *("section", "article", "div", "span", "b", "i", "u", "del", "ins", "code", "bdi", "br", "pre"),
    *("details", "summary", "table", "tbody", "tr", "th", "td", "figure", "figcaption", "img"),
}
ATTRIBUTES = {"style", "title", "dir", "open", "scope", "colspan", "alt", "src"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></td></table></section><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "<!-- --><![CDATA[ ]]>",
    "\x00\x1b[31m\ud83d\u2028\uffff",
    "\u202eright to left override",
]


class Reading(HTMLParser):
    """What a browser would make of a page: tags, attributes, the text in each `pre`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.literal: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("br", "img"):
            self.open.append(tag)
        if tag == "pre":
            self.literal.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "pre" in self.open:
            self.literal[-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def read(page: str) -> Reading:
    """Read a page and hold it to what every page promises."""
    reading = Reading(page)
    assert not reading.open
    assert set(reading.tags) <= TAGS
    assert {name for name, _ in reading.attributes} <= ATTRIBUTES
    assert len(page.encode()) <= 200_000
    for name, value in reading.attributes:
        assert value, f"sanitisers drop an empty {name}"
        if name == "src":
            assert value.startswith("data:image/svg+xml;base64,")
        if name == "style":
            assert not re.search(r"var\(|url\(|position|expression", value)
    return reading


def issue(turn: int | None = 2, **other: Any) -> dict[str, Any]:
    return {
        "n": 40,
        "code": "reply.meta",
        "severity": "warning",
        "message": "Speaks of being a language model",
        "turn": turn,
        "title": "Reply about itself",
        "repair": None,
        "before": None,
        "after": None,
        **other,
    }


def turn(number: int = 2, *segments: Any, **other: Any) -> dict[str, Any]:
    return {
        "turn": number,
        "role": "assistant",
        "role_raw": "gpt",
        "speaker": "Mara",
        "hue": 3,
        "kind": "text",
        "words": 41,
        "chars": 212,
        "dir": "ltr",
        "segments": [list(segment) for segment in segments],
        "issues": [],
        "extra": [],
        "note": "",
        **other,
    }


def thread(*turns: dict[str, Any], issues: Sequence[dict[str, Any]] = (), **other: Any) -> dict[str, Any]:
    return {
        "key": "0:17",
        "index": 17,
        "id": "lobe:17",
        "title": "Captain Mara",
        "format": "messages",
        "source": "harbour.jsonl",
        "line": 18,
        "turn_count": len(turns),
        "words": 412,
        "from": 0,
        "turns": list(turns),
        "issues": list(issues),
        **other,
    }


def page(counts: dict[str, int], **other: Any) -> dict[str, Any]:
    rows = [
        {
            "n": n,
            "code": code,
            "severity": "error",
            "key": f"0:{n}",
            "index": n,
            "source": 0,
            "line": n + 1,
            "turn": 2,
            "role": "user",
            "message": f"about {code}",
        }
        for code, count in counts.items()
        for n in range(count)
    ]
    total = sum(counts.values())
    return {
        "query": "",
        "sort": "group",
        "descending": False,
        "offset": 0,
        "matched": total,
        "total": total,
        "severities": {"error": total, "warning": 0, "info": 0},
        "groups": [
            {"code": code, "severity": "error", "title": f"Title of {code}", "count": count}
            for code, count in counts.items()
        ],
        "rows": rows,
        **other,
    }


def histogram(label: str = "0 to 19 words") -> dict[str, Any]:
    return {
        "id": "reply_words",
        "kind": "histogram",
        "title": "Half of all replies have 5 to 18 words",
        "subtitle": "words a reply, 2,051 replies",
        "x": {"label": "words", "ticks": [[0.0, "0"], [0.5, "20"]]},
        "y": {"label": "replies", "ticks": [[0.0, "0"], [1.0, "2,000"]]},
        "marks": [
            {
                "x0": 0.0,
                "x1": 0.5,
                "height": 0.95,
                "value": 1900,
                "label": label,
                "text": "1,900 replies, 93 %",
                "filter": "",
            },
            {
                "x0": 0.5,
                "x1": 1.0,
                "height": 0.08,
                "value": 151,
                "label": "20 to 39 words",
                "text": "151 replies, 7 %",
                "filter": "",
            },
        ],
        "rules": [[0.2, "Q1 5"], [0.21, "median 9"], [0.98, "Q3 18"]],
    }


def bars(label: str = "assistant") -> dict[str, Any]:
    return {
        "id": "roles",
        "kind": "bars",
        "title": "49 % of turns are the assistant’s",
        "subtitle": "turns by role",
        "x": {"label": "turns", "ticks": [[0.0, "0"], [1.0, "2,000"]]},
        "marks": [
            {
                "label": label,
                "length": 0.98,
                "value": 1960,
                "text": "1,960 · 49 %",
                "tone": "assistant",
                "filter": "",
            },
            {
                "label": "user",
                "length": 1.0,
                "value": 2000,
                "text": "2,000 · 51 %",
                "tone": "user",
                "filter": "",
            },
        ],
    }


def stack(label: str = "Mara, first person") -> dict[str, Any]:
    part = {"row": 0, "value": 40, "label": label, "text": "40 %, 40 replies", "filter": ""}
    return {
        "id": "viewpoint",
        "kind": "stack",
        "title": "Half of the replies are told in the third person",
        "subtitle": "replies by point of view",
        "x": {"label": "share", "ticks": [[0.0, "0 %"], [0.5, "50 %"], [1.0, "100 %"]]},
        "rows": [label, "Kai"],
        "legend": [[label, "hue-0"], ["third", "hue-1"]],
        "marks": [
            {**part, "x0": 0.0, "x1": 0.4, "tone": "hue-0"},
            {**part, "x0": 0.4, "x1": 1.0, "tone": "hue-1"},
            {**part, "row": 1, "x0": 0.0, "x1": 1.0, "tone": "hue-1"},
        ],
    }


def heat(label: str = "Mara") -> dict[str, Any]:
    return {
        "id": "speakers",
        "kind": "heat",
        "title": "Mara asks, Kai tells",
        "subtitle": "replies by speaker and point of view",
        "x": {"label": "point of view"},
        "y": {"label": "speaker"},
        "rows": [label, "Kai"],
        "columns": ["first", label],
        "marks": [
            {
                "row": at // 2,
                "column": at % 2,
                "depth": at / 3,
                "value": at,
                "label": label,
                "text": f"{at} %, {at} replies",
                "filter": "",
            }
            for at in range(4)
        ],
    }


def spectrum(label: str = "Mara") -> dict[str, Any]:
    return {
        "id": "dialogue",
        "kind": "spectrum",
        "title": "Half of the text is dialogue",
        "subtitle": "share of quoted speech",
        "x": {"label": "share", "ticks": [[0.0, "0 %"], [1.0, "100 %"]]},
        "ends": ["narration", "dialogue"],
        "marks": [
            {
                "at": 0.5,
                "from": 0.2,
                "to": 0.8,
                "value": 50,
                "label": label,
                "text": "50 %, 40 replies",
                "filter": "",
                "tone": "assistant",
            }
        ],
    }


def multiples(label: str = "user") -> dict[str, Any]:
    one = histogram(label)
    marks = [{**mark, "panel": panel} for panel in (0, 1) for mark in one["marks"]]
    panels = [{"label": label, "rules": one["rules"]}, {"label": "assistant", "rules": []}]
    return {**one, "id": "by_role", "kind": "multiples", "panels": panels, "marks": marks, "rules": []}


def phrases(label: str = "She smiled and") -> dict[str, Any]:
    line = {"before": "Then ", "phrase": label, "after": " left.", "key": "0:3", "turn": 2}
    mark = {
        "length": 0.7,
        "value": 12,
        "label": label,
        "text": "12 replies, 6 %",
        "filter": "",
        "lines": [line],
    }
    return {
        "id": "openings",
        "kind": "phrases",
        "title": "Many begin alike",
        "subtitle": "openings",
        "x": {"label": "replies"},
        "marks": [mark],
    }


DRAWS = (histogram, bars, stack, heat, spectrum, multiples, phrases)


def everywhere(text: str) -> dict[str, Any]:
    """A review in which `text` stands in every place that data can reach."""
    found = [
        issue(2, code=text, message=text, before=text, after=text, repair="safe"),
        issue(None, code=text, message=text),
    ]
    said = turn(
        2,
        [text, []],
        [text, [0]],
        role=None,
        role_raw=text,
        speaker=text,
        note=text,
        extra=[[text, text]],
        issues=[0],
    )
    listed = page({text: 2}, query=text)
    for row in listed["rows"]:
        row.update(message=text, role=text)
    listed["groups"][0]["title"] = text
    return {
        "header": {"name": text, "numbers": text, "profile": text},
        "thread": thread(said, issues=found, title=text, format=text, source=text),
        "findings": listed,
        "charts": [{**draw(text), "title": text, "subtitle": text} for draw in DRAWS],
        "empty": text,
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_never_becomes_a_tag(text: str) -> None:
    harmless = read(review_html(everywhere("harmless")))
    assert read(review_html(everywhere(text))).tags == harmless.tags


@settings(deadline=None)
@given(st.text(st.characters(codec=None), min_size=1, max_size=80))
def test_no_text_at_all_becomes_a_tag(text: str) -> None:
    state = everywhere(text)
    read(review_html(state))
    for chart in state["charts"]:
        ET.fromstring(chart_svg(chart).encode())


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("draw", DRAWS)
def test_the_svg_is_well_formed_and_its_labels_are_text(text: str, draw: Any) -> None:
    # How labels are laid out depends on their length; what the picture is made of does not.
    tags = {part.tag.rpartition("}")[2] for part in ET.fromstring(chart_svg(draw(text))).iter()}
    assert tags <= {"svg", "title", "g", "text", "line", "rect", "circle"}


@given(
    st.text(
        st.characters(exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\u2028\u2029"), max_size=600
    )
)
def test_the_text_of_a_turn_is_shown_as_it_stands(text: str) -> None:
    half = len(text) // 2
    drawn = read(thread_html(thread(turn(2, [text[:half], []], [text[half:], []]))))
    assert "".join(drawn.literal) == (f"\n{text}" if text else "")


def test_a_leading_line_break_is_not_taken_for_the_one_of_the_tag() -> None:
    assert "<pre" in (drawn := thread_html(thread(turn(2, ["\n\nNorth.", []]))))
    assert "\n\n\nNorth." in drawn


def test_characters_that_draw_nothing_are_shown() -> None:
    drawn = read(thread_html(thread(turn(2, ["a\x00b\x07c\x7fd\x85e\u2028f\ud83dg\r\nh", []]))))
    assert drawn.literal == ["\na␀b␇c␡d\\u0085e\\u2028f\\ud83dg\nh"]


def test_a_mark_on_nothing_but_blanks_is_named() -> None:
    blanks = thread(turn(2, ["End.", []], [" \u200b\n", [0]], issues=[0]), issues=[issue()])
    assert "␣[U+200B]⏎" in thread_html(blanks)


def test_a_mark_carries_its_severity_as_a_line_and_its_code_as_a_title() -> None:
    said = turn(2, ["She smiled. ", []], ["As an AI", [0]], [" she said.", []], issues=[0])
    drawn = thread_html(thread(said, issues=[issue()]))
    mark = re.search(r'<u title="([^"]*)" style="([^"]*)">As an AI</u>', drawn)
    assert mark
    assert mark[1] == "reply.meta: Speaks of being a language model"
    assert mark[2].endswith("wavy underline")
    assert re.search(r"▲</span> <code[^>]*><bdi>reply.meta</bdi></code> <bdi>Speaks of being", drawn)


def test_a_repair_shows_both_sides_with_their_blanks() -> None:
    found = issue(repair="safe", before=" North. ", after="North.")
    drawn = thread_html(thread(turn(2, ["x", []], issues=[0]), issues=[found]))
    assert "<bdi> North. </bdi></del> → <ins" in drawn
    assert "repair (safe)" in drawn


def test_right_to_left_text_begins_at_the_right() -> None:
    drawn = thread_html(thread(turn(2, ["أين المصباح؟", []], dir="rtl")))
    assert re.search(r'<pre dir="rtl" style="[^"]*text-align:right', drawn)
    assert '<pre dir="auto"' in thread_html(thread(turn(2, ["Where is the lamp?", []])))


def test_a_role_that_is_not_understood_is_quoted() -> None:
    assert "narrator" in thread_html(thread(turn(role=None, role_raw="narrator")))
    assert "no role" in thread_html(thread(turn(role=None, role_raw=None)))
    assert "content is null" in thread_html(thread(turn(note="content is null")))


def test_a_long_text_is_folded_and_open_where_a_mark_stands_in_it() -> None:
    text = "The tide went out. " * 100
    closed = thread_html(thread(turn(2, [text, []])))
    assert "more characters</summary>" in closed
    assert 'open="open"' not in closed
    assert re.sub(r"\n", "", "".join(read(closed).literal)) == text
    marked = thread_html(thread(turn(2, [text, []], ["As an AI", [0]], issues=[0]), issues=[issue()]))
    assert 'open="open"' in marked
    assert "1 mark</summary>" in marked


def test_turns_over_the_limit_are_counted_and_so_are_their_findings() -> None:
    turns = [turn(number, ["Aye.", []]) for number in range(200)]
    drawn = read(thread_html(thread(*turns, turn_count=480, issues=[issue(3), issue(150), issue(300)])))
    assert "Showing 40 of 480 turns; 2 findings in the others." in drawn.text
    assert "Showing" not in thread_html(thread(*turns[:5]))


@pytest.mark.parametrize(
    "said",
    [
        ["x" * 3_000_000, []],
        ["\x00" * 400_000, []],
        ["<&>" * 400_000, [0]],
        ["ليلة " * 200_000, []],
    ],
)
def test_a_huge_text_is_cut_in_words(said: list[Any]) -> None:
    drawn = read(thread_html(thread(turn(2, said, issues=[0]), issues=[issue()])))
    assert re.search(r"[\d,]+ of [\d,]+ characters are not shown here", drawn.text)
    assert len("".join(drawn.literal)) > 2_000


def test_the_size_is_held_whatever_comes() -> None:
    quotes = '"' * 5_000
    found = [issue(2, message=quotes, before=quotes, after=quotes) for _ in range(300)]
    spots = [[f"{number}<", [number % 300]] for number in range(20_000)]
    big = turn(2, *spots, issues=list(range(300)), extra=[[quotes, quotes]] * 50, note=quotes)
    whole = thread(*[big] * 40, issues=found + [issue(None, message=quotes)] * 300, turn_count=4_000)
    assert "of 4,000 turns" in read(thread_html(whole)).text
    many = page({f"text.c{number}": 30 for number in range(3_000)})
    assert re.search(
        r"of 90,000 findings, \d+ of 3,000 codes\.", read(findings_html(many, limit=90_000)).text
    )
    charts = [histogram(quotes)] * 100
    assert re.search(r"Showing \d+ of 100 charts\.", read(charts_html(charts)).text)
    read(
        review_html(
            {
                "thread": whole,
                "findings": many,
                "charts": charts,
                "header": {"name": quotes, "numbers": quotes},
            }
        )
    )


def test_every_code_has_its_examples_and_what_is_left_out_is_counted() -> None:
    drawn = read(
        findings_html(page({"text.whitespace": 400, "turn.empty": 2, "reply.meta": 78}), limit=50)
    ).text
    assert "Showing 50 of 480 findings." in drawn
    assert drawn.count("about turn.empty") == 2
    assert drawn.count("about text.whitespace") == drawn.count("about reply.meta") == 24
    assert "376 more" in drawn
    assert "54 more" in drawn


def test_a_code_beyond_the_page_says_that_its_findings_are_not_shown() -> None:
    cut = page({"text.whitespace": 3, "turn.empty": 2})
    cut["rows"] = cut["rows"][:3]
    assert "none of them shown here" in findings_html(cut)


def test_findings_about_a_conversation_or_the_dataset_say_so() -> None:
    mixed = page({"dup.near": 2})
    mixed["rows"][0].update(turn=None, role=None)
    mixed["rows"][1].update(turn=None, role=None, key=None, index=None, line=None)
    drawn = read(findings_html(mixed)).text
    assert "all turns" in drawn
    assert "dataset" in drawn


def test_a_filtered_page_says_its_query_and_an_empty_one_its_sentence() -> None:
    filtered = read(findings_html(page({"turn.empty": 2}, query="code:turn", total=118))).text
    assert "Showing 2 of 2 findings for code:turn (118 without the filter)." in filtered
    said = "No findings. 505 conversations checked with profile chat."
    assert said in findings_html(page({}), empty=said)
    assert "No findings for code:x." in read(findings_html(page({}, query="code:x"), empty=said)).text


def test_the_alternative_text_of_a_chart_holds_every_number() -> None:
    drawn = read(charts_html([histogram(), bars('the "captain"')]))
    first, second = (value for name, value in drawn.attributes if name == "alt")
    assert first == (
        "Half of all replies have 5 to 18 words. words a reply, 2,051 replies. 0 to 19 words: 1,900 replies, 93 %; "
        "20 to 39 words: 151 replies, 7 %. Q1 5, median 9, Q3 18."
    )
    assert 'the "captain": 1,960 · 49 %' in second


def test_a_chart_is_a_picture_of_its_own() -> None:
    source = next(value for name, value in read(charts_html([histogram()])).attributes if name == "src")
    svg = base64.b64decode(source.partition(",")[2]).decode()
    assert svg == chart_svg(histogram())
    texts = [part.text for part in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"replies", "words", "0", "20", "2,000", "Q1 5", "median 9", "Q3 18"} <= set(texts)


def test_every_kind_of_chart_is_a_picture_with_all_its_marks_named() -> None:
    for draw in DRAWS:
        chart = draw()
        svg = chart_svg(chart)
        named = [part.text for part in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")]
        assert named[1:] == [
            f"{mark['label']}: {mark['text']}" for mark in chart["marks"] if mark["value"] or draw is heat
        ]
        assert all(
            mark["text"] in read(charts_html([chart])).text + str(read(charts_html([chart])).attributes)
            for mark in chart["marks"]
        )


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_is_seen_on_light_and_on_dark_pages() -> None:
    state = {**everywhere("x"), "thread": thread(turn(2, ["a", [0]], issues=[0]), issues=[issue()])}
    used = set(
        re.findall(r"#[0-9a-f]{6}", review_html(state) + "".join(chart_svg(draw()) for draw in DRAWS))
    ) | set(TONES.values())
    assert used
    for colour in used:
        for background in ("#ffffff", "#111111", "#1e1e1e"):
            low, high = sorted((luminance(colour), luminance(background)))
            assert (high + 0.05) / (low + 0.05) >= 3, (colour, background)


def test_a_review_reads_header_findings_thread_charts() -> None:
    state = {
        "header": {"name": "harbour.jsonl", "numbers": "505 conversations", "profile": "chat"},
        "findings": page({"turn.empty": 2}),
        "thread": thread(turn(2, ["Where is the lamp?", []])),
        "charts": [bars()],
        "empty": "No findings.",
    }
    drawn = review_html(state)
    places = [
        drawn.index(part) for part in ("505 conversations", "about turn.empty", "Where is the lamp?", "<img")
    ]
    assert places == sorted(places)
    assert review_html(state) == drawn


def test_an_empty_review_or_chart_or_conversation_says_what_it_is() -> None:
    assert read(review_html({"thread": None, "charts": [], "findings": None})).text == ""
    assert "No findings. 3 conversations" in review_html(
        {"findings": page({}), "empty": "No findings. 3 conversations"}
    )
    assert "This conversation has no turns." in thread_html(thread())
    assert "No turn has a name" in chart_svg({**bars(), "title": "No turn has a name", "marks": []})
