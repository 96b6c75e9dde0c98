"""Text, leaks and private details: found at their characters, mended to what was meant, and sound text left in peace."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import rules

FAMILIES = ["text", "leak", "privacy"]
MENDED = ["text.control", "text.entity", "text.escape", "leak.macro", "privacy.pii"]
relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))


def said(text: str, role: str = "user", **record: Any) -> rt.Dataset:
    """One conversation of which one turn holds the text."""
    other = "assistant" if role == "user" else "user"
    messages = [{"role": role, "content": text}, {"role": other, "content": "Hello"}]
    return rt.load([{**record, "messages": messages if role == "user" else messages[::-1]}])


def found(text: str, role: str = "user", **record: Any) -> list[tuple[str, str]]:
    """Code and marked characters of every finding of the families in the turn."""
    dataset = said(text, role, **record)
    return [
        (issue.code, text[issue.start : issue.end])
        for issue in dataset.check(select=FAMILIES)
        if issue.turn is not None and dataset[0].messages[issue.turn].text == text
    ]


def mended(text: str, role: str = "user", **record: Any) -> str:
    """The text after every repair of the families, unsafe ones included."""
    dataset = said(text, role, **record)
    dataset.check().repairs(unsafe=True, select=FAMILIES).apply()
    turn = 0 if role == "user" else 1
    return str(dataset[0].messages[turn].text)


# ---------------------------------------------------------------- what is found, and what comes of it


@pytest.mark.parametrize(
    ("text", "marked", "after"),
    [
        ("\\(\x0crac{y - 19}{x}\\) CDs", [("text.control", "\x0crac")], "\\(\\frac{y - 19}{x}\\) CDs"),
        ("\x0crac{1}{2} is a half", [("text.control", "\x0crac")], "\\frac{1}{2} is a half"),
        ("as \x08eta grows", [("text.control", "\x08eta")], "as \\beta grows"),
        ("the \x00b7Sutra\x00b7 says", [("text.control", "\x00b7")] * 2, "the ·Sutra· says"),
        ("a\x7f\x7fb", [("text.control", "\x7f\x7f")], "ab"),
        ("R&amp;B isn&#39;t", [("text.entity", "&amp;"), ("text.entity", "&#39;")], "R&B isn't"),
        ("&amp;amp;quot;x", [("text.entity", "&amp;amp;quot;")], '"x'),
        ("Steps:\\n1. Read", [("text.escape", "\\n")], "Steps:\n1. Read"),
        ("It does.\\r", [("text.escape", "\\r")], "It does."),
        ("caf\\u00e9", [("text.escape", "\\u00e9")], "café"),
        ('He said \\"no\\".', [("text.escape", '\\"')] * 2, 'He said "no".'),
        ("Mail jo@firm.org now", [("privacy.pii", "jo@firm.org")], "Mail [EMAIL] now"),
        ("Call +49 30 901820!", [("privacy.pii", "+49 30 901820")], "Call [PHONE]!"),
        ("4111-1111-1111-1111", [("privacy.pii", "4111-1111-1111-1111")], "[CARD]"),
        (
            "GB82 WEST 1234 5698 7654 32 or",
            [("privacy.pii", "GB82 WEST 1234 5698 7654 32")],
            "[IBAN] or",
        ),
        ("from 8.8.8.8:53", [("privacy.pii", "8.8.8.8")], "from [IP]:53"),
    ],
)
def test_damage_is_marked_at_its_characters_and_mended_to_what_was_meant(
    text: str, marked: list[tuple[str, str]], after: str
) -> None:
    assert found(text) == marked
    assert mended(text) == after
    assert found(after) == []


@pytest.mark.parametrize(
    "text",
    [
        "tab\there, line\r\nend",
        "<p>R&amp;B</p>",
        "In XML, &lt; stands for <.",
        "`&amp;` in code",
        "AT&T; R&D; a && b;",
        "$\\nu \\neq \\theta$, \\(\\rho\\), \\text{a} \\times \\tau",
        "C:\\new\\table and \\\\server\\new",
        'printf("%d\\n", x)',
        '{"text": "a\\nb \\u00e9 \\"c\\""}',
        "```\na\\nb\n```",
        "The regex \\d+\\n matches digits.",
        "### Instructions\n1. Mix.\n### Notes",
        "User: is what the label says.",
        "I think <b>so</b>.",
        "Born 1990-05-15, costs $1,234,567.89, ISBN 978-3-16-148410-0, order 6956751343",
        "at 12:30:45, version 10.0.19.41, v1.2.3.4, host 192.168.1.10 and 127.0.0.1",
        "1700000000000 and 1234567890123456",
        "react@17.0.2, image@2x.png, git@github.com:a/b.git, meet @ noon",
        "you@yourdomain.com, sk-your-api-key-goes-right-here, Bearer ${api_key}, Bearer of bad news",
        "355909190063-746 and 821091117+4908374100427",
    ],
)
@pytest.mark.parametrize("role", ["user", "assistant"])
def test_sound_text_is_left_in_peace(text: str, role: str) -> None:
    assert found(text, role) == []


def test_what_programs_say_to_each_other_is_not_prose() -> None:
    call = {"from": "function_call", "value": '{"name": "f", "arguments": {"q": "a\\nb &amp; c"}}'}
    result = {"from": "observation", "value": "a\\nb &amp; c ### Response:"}
    turns = [
        {"from": "human", "value": "Hi"},
        call,
        result,
        {"from": "gpt", "value": "Hello"},
    ]

    assert not rt.load([{"conversations": turns}]).check(select=["text", "leak"]).counts


def test_an_entity_that_hides_a_control_string_is_left_for_the_reader() -> None:
    text = "It ends with &lt;|im_end|&gt; here"

    assert {code for code, _ in found(text)} == {"text.entity"}
    assert mended(text) == text


def test_a_text_of_nothing_else_is_not_emptied() -> None:
    assert mended("\x00") == "\x00"
    assert mended("\\n\\n") == "\\n\\n"


def test_typed_parts_are_mended_where_they_stand() -> None:
    parts = [
        {"type": "text", "text": "R&amp;B"},
        {"type": "image_url", "image_url": {"url": "a?b&amp;c"}},
        {"type": "text", "value": "jo@firm.org"},
    ]
    dataset = rt.load([{"messages": [{"role": "user", "content": parts}]}])
    dataset.check().repairs(unsafe=True, select=FAMILIES).apply()

    after = dataset[0].messages[0].content
    assert [after[0]["text"], after[1], after[2]["value"]] == ["R&B", parts[1], "[EMAIL]"]


# ---------------------------------------------------------------- templates and thoughts


def test_a_transcript_in_a_turn_is_marked_at_each_label() -> None:
    text = "Fine.\nUser: And you?\nAssistant: Me too."

    assert found(text, "assistant") == [("leak.template", "User:"), ("leak.template", "Assistant:")]


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (
            "Fine.\nUser: And you?\nAssistant: Me too.",
            {"seen": "User:", "list": "labels", "speakers": 2, "threshold": 2},
        ),
        ("Goodbye. END", {"seen": "END", "list": "ends", "characters": 3, "threshold": 200}),
        ("So it goes. ###STOP###", {"seen": "###STOP###", "list": "stops"}),
        ("Sure.\n### Response:\nYes.", {"seen": "### Response:", "list": "headings"}),
    ],
)
def test_a_part_of_a_template_says_of_which_list_it_is_and_what_was_counted(
    text: str, evidence: dict[str, Any]
) -> None:
    record = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text}]}

    first = next(iter(rt.load([record]).check(select="leak.template")))
    assert first.evidence == evidence


def test_a_stop_marker_is_the_end_of_a_reply_and_not_of_a_story() -> None:
    assert found("Goodbye. END", "assistant") == [("leak.template", "END")]
    assert found("So it goes. ###STOP###", "assistant") == [("leak.template", "###STOP###")]
    assert found("And they lived. THE END", "assistant") == []
    assert found("Goodbye. END", "user") == []


def test_a_heading_that_the_system_prompt_asks_for_is_no_leak() -> None:
    reply = "### Response:\nYes."

    def check(system: str) -> set[str]:
        roles = zip(("system", "user", "assistant"), (system, "Hi", reply), strict=True)
        record = {"messages": [{"role": role, "content": text} for role, text in roles]}
        return set(rt.load([record]).check(select="leak").counts)

    assert check("Be kind.") == {"leak.template"}
    assert check("Answer under ### Response:") == set()


@pytest.mark.parametrize(
    ("text", "marked", "evidence"),
    [
        ("<think>Hm.</think>Yes.", "<think>Hm.</think>", (True, True)),
        ("<THINKING>Hm.", "<THINKING>Hm.", (True, False)),
        ("Hm.</reasoning>Yes.", "Hm.</reasoning>", (False, True)),
    ],
)
def test_thoughts_are_found_whether_they_are_closed_or_not(
    text: str, marked: str, evidence: tuple[bool, bool]
) -> None:
    (issue,) = said(text, "assistant").check(select="leak.thinking")

    assert text[issue.start : issue.end] == marked
    assert (issue.evidence["opened"], issue.evidence["closed"]) == evidence


# ---------------------------------------------------------------- placeholders


@pytest.mark.parametrize(
    "record",
    [
        {"char_name": "Mara", "user_name": "Kai"},
        {"metadata": {"character": "Mara", "username": "Kai"}},
    ],
)
def test_placeholders_are_filled_with_the_names_that_the_record_says(record: dict[str, Any]) -> None:
    text = "{{char}} looks at <USER>. {{user's}} hand, {{persona}}"
    dataset = said(text, "assistant", **record)

    assert [issue.repair for issue in dataset.check(select="leak.macro")] == ["unsafe"] * 3 + [None]
    assert mended(text, "assistant", **record) == "Mara looks at Kai. Kai's hand, {{persona}}"


def test_names_of_messages_say_who_is_who_unless_they_differ() -> None:
    def turns(*names: str) -> rt.Dataset:
        said_by = [{"role": "user", "name": name, "content": "Hi {{user}}"} for name in names]
        return rt.load([{"messages": [*said_by, {"role": "assistant", "content": "Hello {{char}}"}]}])

    assert {issue.repair for issue in turns("Kai").check(select="leak.macro")} == {"unsafe", None}
    assert {issue.repair for issue in turns("Kai", "Mo").check(select="leak.macro")} == {None}


def test_without_a_name_in_the_record_nothing_is_offered() -> None:
    dataset = said("{{char}} smiles at [your name].", "assistant", user="u-12", metadata={"title": "Mara"})

    assert {issue.repair for issue in dataset.check(select="leak.macro")} == {None}
    assert len(dataset.check().repairs(unsafe=True, select="leak.macro")) == 0


def test_a_bracket_in_a_system_prompt_is_a_note() -> None:
    record = {"messages": [{"role": "system", "content": "Begin: Dear [insert name], dear {{user}}"}]}

    assert [issue.severity for issue in rt.load([record]).check(select="leak.macro")] == ["info", "warning"]


# ---------------------------------------------------------------- markup


def prose(*odd: list[str], plain: int = 40) -> rt.Dataset:
    """Plain conversations, then some of the given user and assistant turns."""
    texts = [["Hi", "Tell me more."]] * plain + list(odd)
    return rt.load(
        [
            {
                "messages": [
                    {"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(turns)
                ]
            }
            for turns in texts
        ]
    )


def test_markup_is_reported_where_the_data_has_none() -> None:
    dataset = prose(["Hi", "Ünd <br> so, **wörtlich**."])
    issues = list(dataset.check(select="leak.markup"))
    text = dataset[40].messages[1].text

    assert [(i.conversation, i.turn, text[i.start : i.end]) for i in issues] == [
        (40, 1, "<br>"),
        (40, 1, "**wörtlich**"),
    ]


def test_markup_that_is_the_convention_or_asked_for_is_not_reported() -> None:
    bold = ["Hi", "This is **bold**."]

    assert not prose(*[bold] * 10).check(select="leak.markup").counts
    assert not prose(["Write HTML, please", "<p>Hi</p>"]).check(select="leak.markup").counts
    assert not prose(["Fix\n```\nx\n```", "```\ny\n```"]).check(select="leak.markup").counts
    assert not prose(bold, plain=5).check(select="leak.markup").counts


# ---------------------------------------------------------------- privacy


def test_what_is_private_is_never_shown_in_full() -> None:
    secret = "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl"
    text = f"jane.doe@firm.org, 4111 1111 1111 1111, {secret}"
    report = said(text).check(select="privacy")
    page = report.to_json() + report.to_csv()

    assert [issue.evidence["kind"] for issue in report] == ["email", "card", "key"]
    assert not [value for value in ("jane.doe", "1111 1111", secret[3:-2]) if value in page]
    for issue in report:
        assert len(issue.evidence["masked"]) == 5


def test_a_name_reserved_for_examples_is_told_apart() -> None:
    report = said("a.b@example.com and a.b@firm.org").check(select="privacy")

    assert [issue.evidence["made_up"] for issue in report] == [True, False]


def test_masking_keeps_json_json() -> None:
    sound = '{"to": "jo@firm.org"}'
    bare = '{"card": 4111111111111111}'

    assert json.loads(mended(sound)) == {"to": "[EMAIL]"}
    assert mended(bare) == bare
    assert mended('{"say": "&quot;Hi&quot;"}') == '{"say": "&quot;Hi&quot;"}'


# ---------------------------------------------------------------- promises of every repair

PIECES = [
    *"a Z 1 . : / < > { } [ ] ( ) \" ' ` & ; # @ + - \\ n t r".split(" "),
    *('\\n \\t \\u0041 \\u005c \\" &amp; &lt; &#39; &#60; amp; lt; |im_end| <|im_end|> <think> </think> ```').split(" "),
    "\x00", "\x00b7", "\x0c", "\x0crac", "\x08eta", "\x7f", "\x1f", "\n", " ", "é", "\u200b",
    "jo@firm.org", "+49 30 901820", "8.8.8.8", "4111111111111111", "{{user}}", "<USER>", "[insert name]",
    "### Response:", "\nUser:", "\nBot:", ". END",
]  # fmt: skip


@settings(relaxed, max_examples=80)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sampled_from(["user", "assistant"]))
def test_a_repair_is_done_once_and_makes_nothing_worse(text: str, role: str) -> None:
    dataset = said(text, role, char_name="Mara", user_name="Kai")
    before = dataset.check()
    errors = {(i.code, i.turn) for i in before if i.severity == "error"}
    for code in MENDED:
        plan = before.repairs(unsafe=True, select=[code])
        if not len(plan):
            continue
        plan.apply()
        after = dataset.check()
        assert {(i.code, i.turn) for i in after if i.severity == "error"} <= errors
        assert len(after.repairs(unsafe=True, select=[code])) == 0
        dataset.undo()
        before = dataset.check()


@settings(relaxed, max_examples=80)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_findings_in_a_reply_stand_inside_the_text_and_can_be_read(text: str) -> None:
    report = said(text, "assistant").check()

    assert "rule.failed" not in report.counts
    for issue in report:
        assert issue.message
        if issue.turn == 1:
            assert 0 <= (issue.start or 0) <= (issue.end or 0) <= len(text)


@settings(relaxed, max_examples=80)
@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join), st.sampled_from(["user", "assistant"]))
def test_what_a_rule_would_mark_its_condition_has_flagged(text: str, role: str) -> None:
    dataset = said(text, role)
    turn = 0 if role == "user" else 1
    marked = Counter(issue.code for issue in dataset.check() if issue.turn == turn)
    if "turn.empty" in marked:
        return  # one damage, one rule
    for rule in rules():
        if rule.family in FAMILIES and rule.when is not None and rule.spans is not None:
            assert marked[rule.code] == len(rule.spans(dataset[0].messages[turn])), rule.code


LONG = [
    "**a\n", "&&&&", "&amp;", "\\", "\\n a ", '\\"', "[[[[", "[insert a", "1", "12 ", "+1-2(3)", "(12)3", "<", "<a ", "</s>", "<think>",
    "</think>", "{{user}}", "`a`{{user}}", "{%", "`", "User: a\nBot: b\n", "###STOP###", "\x00", "\x0crac", "\u200bÃ©", "a@", "a@b.", "eyJa",
    "-----BEGIN PRIVATE KEY-----", "AA11 ", "1.", "a:", "phone 1", '{"', "; ",
]  # fmt: skip


@pytest.mark.parametrize("piece", LONG)
def test_a_turn_of_half_a_megabyte_is_read_in_one_pass(piece: str) -> None:
    """Were a rule to look at such a text from each of its places anew, this test would not come to an end."""
    text = (piece * (500_000 // len(piece) + 1))[:500_000]

    assert "rule.failed" not in said(text, "assistant").check(select=FAMILIES).counts


# ---------------------------------------------------------------- real data


def places(path: Path, code: str, **how: Any) -> list[tuple[int | None, int | None]]:
    """Conversation and turn of each finding of a rule."""
    return [(i.conversation, i.turn) for i in rt.load(path, **how).check(select=[code])]


def test_the_form_feed_of_an_eaten_backslash_is_found_and_named(shared_data: Path) -> None:
    dataset = rt.load(shared_data / "preference_dpo_en_sharegpt.json", review=False)
    (issue,) = dataset.check(select="text.control")

    assert (issue.conversation, issue.turn, issue.evidence["meant"]) == (286, 0, "\\frac")
    dataset.check().repairs(unsafe=True, select="text.control").apply()
    assert "\\(\\frac{y - 19}{x}\\) CDs" in dataset[286].messages[0].text


def test_preference_answers_have_the_flaws_that_their_readme_lists(shared_data: Path) -> None:
    path = shared_data / "preference_dpo_en_sharegpt.json"

    assert 15 in {record for record, _ in places(path, "text.mojibake")}
    assert {record for record, _ in places(path, "text.invisible")} == {67}
    assert {record for record, _ in places(path, "text.entity")} == {182, 215}


def test_end_markers_and_mojibake_of_kto_stand_where_the_readme_says(shared_data: Path) -> None:
    path = shared_data / "messages_kto_en.json"

    assert {record for record, _ in places(path, "leak.control_token")} == {139, 257}
    assert {record for record, _ in places(path, "text.mojibake")} == {245, 259}
    assert {record for record, _ in places(path, "text.entity")} == {225}


def test_prompts_about_prompts_are_left_in_peace(shared_data: Path) -> None:
    path = shared_data / "persona_agents_en.jsonl.gz"

    assert {record for record, _ in places(path, "leak.macro")} == {21}
    assert places(path, "leak.template") == []
    assert places(path, "leak.markup") == []
    assert {record for record, _ in places(path, "text.control")} == {231, 497}
    assert {record for record, _ in places(path, "leak.thinking")} == {102, 207}


@pytest.mark.parametrize(
    "name", ["roleplay_drama_scenes_chatml.jsonl.gz", "rtl_drama_yiddish_named_roles.jsonl.gz"]
)
def test_plays_hold_no_leak_and_nothing_private(name: str, shared_data: Path) -> None:
    counts = (
        rt.load(shared_data / name)
        .check(select=["leak", "privacy", "text.control", "text.escape", "text.entity"])
        .counts
    )

    assert counts == {}


def test_made_up_addresses_of_a_shop_are_found_and_its_numbers_are_not(shared_data: Path) -> None:
    report = rt.load(shared_data / "openai_toolcalls_retail.jsonl.gz").check(select="privacy")

    assert {(i.evidence["kind"], i.evidence["made_up"]) for i in report} == {("email", True)}
    assert len({i.conversation for i in report}) > 75
