"""``to_html``: a component as one file that holds all it needs, says what it does not hold, and cannot be broken out of."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_witness import CHATS, sft

import rolethread_nb as rt
from rolethread_nb.outputs.page import embedded, page_html

TEXTS = ["Hello ", "", "As an AI language model, I cannot. <|im_end|>", "x" * 3_000, "Bye"]


def dataset(count: int = 40) -> rt.Dataset:
    return rt.load(
        [
            {
                "id": f"c{n}",
                "messages": [
                    {"role": "user", "content": f"Ask {n}"},
                    {"role": "assistant", "content": TEXTS[n % len(TEXTS)]},
                ],
            }
            for n in range(count)
        ]
    )


def components(ds: rt.Dataset) -> dict[str, Any]:
    report = ds.check()
    return {
        "thread": rt.Thread(report, at=0),
        "issues": rt.Issues(report),
        "balance": rt.Balance(report),
        "review": rt.review(report),
        "preflight": rt.PreflightPanel(ds.preflight()),
        "witness": rt.WitnessPanel(rt.witness(sft(*CHATS), CHATS)),
    }


def element(page: str, name: str, attributes: str = "") -> str:
    """What stands in the only element of a name with these attributes."""
    found = re.findall(rf"<{name}{attributes}>(.*?)</{name}>", page, flags=re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def saved(page: str) -> Any:
    return json.loads(element(page, "script", ' type="application/json" id="rolethread-saved"'))


def says(page: str) -> str:
    return element(page, "p", ' class="rt-page-says"')


def test_every_component_makes_a_file_whose_policy_lets_in_nothing_else() -> None:
    for name, component in components(dataset()).items():
        page = component.to_html()
        script, style = element(page, "script", ' type="module"'), element(page, "style")
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
        assert policy is not None, name
        hashes = [
            "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            for text in (script, style)
        ]
        assert policy[1].startswith(
            f"default-src 'none'; script-src '{hashes[0]}'; style-src '{hashes[1]}'; "
        )
        markup = page.split("<script")[0]
        assert not re.search(r"<(?:link|iframe|object|base|embed)\b", markup)
        assert {source[:5] for source in re.findall(r'\s(?:src|href)="([^"]*)', markup)} <= {"data:"}
        assert page.count("<script") == 2
        assert component.to_html() == page


def test_a_file_is_written_whole_replaced_and_never_over_a_source(tmp_path: Path) -> None:
    source = tmp_path / "chats.jsonl"
    source.write_text(
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]}\n'
    )
    thread = rt.Thread(rt.load(source, review=False), at=0)
    path = tmp_path / "thread.html"

    assert thread.to_html(path) == path
    assert thread.to_html(str(path)) == path
    assert path.read_text(encoding="utf-8") == thread.to_html()
    with pytest.raises(rt.ExportError, match="source"):
        thread.to_html(source)
    assert {one.name for one in tmp_path.iterdir()} == {"chats.jsonl", "thread.html"}


def test_how_much_of_the_dataset_is_in_the_file_is_said() -> None:
    review = rt.review(dataset().check())
    assert says(review.to_html()).startswith("This file holds all 40 conversations and all ")
    page = review.to_html(conversations=3)
    assert says(page).startswith("This file holds 3 of 40 conversations and all ")
    held = saved(page)["answers"]["items"]["conversation"]
    opened = json.loads(review.selection)["key"]
    assert len(held) == 3
    assert next(iter(held)) == opened
    assert saved(page)["answers"]["says"] == says(page)


def test_the_conversations_of_the_first_findings_come_before_those_without() -> None:
    report = dataset().check()
    first = dict.fromkeys(
        f"{issue.source}:{issue.conversation}" for issue in report if issue.severity == "error"
    )
    held = saved(rt.review(report).to_html(conversations=6))["answers"]["items"]["conversation"]
    assert set(held) <= set(first)


def test_conversations_beyond_the_bytes_of_a_file_are_left_out_and_counted() -> None:
    long = "The tide turns at four. " * 50_000
    ds = rt.load(
        [{"id": f"c{n}", "messages": [{"role": "user", "content": f"{n} {long}"}]} for n in range(12)]
    )
    page = rt.review(ds.check()).to_html()
    found = re.match(r"This file holds (\d+) of 12 conversations", says(page))
    assert found is not None
    assert 2 < int(found[1]) < 12
    assert len(page.encode()) < 16_000_000


def test_the_turns_of_a_long_conversation_are_there_in_blocks() -> None:
    messages = [{"role": ("user", "assistant")[n % 2], "content": f"Turn {n}"} for n in range(450)]
    page = rt.Thread(rt.load([{"id": "long", "messages": messages}]), at=0).to_html()
    blocks = saved(page)["answers"]["items"]["conversation"]["0:0"]
    assert [(block["from"], len(block["turns"])) for block in blocks] == [(0, 200), (200, 200), (400, 50)]


def test_what_is_saved_is_what_is_shown_now() -> None:
    ds = dataset()
    review = rt.review(ds.check())
    ds.decide(["c0"], "reject")
    review.selection = json.dumps({"key": "0:7", "turn": None, "n": None})
    review.filters = "severity:error"
    found = saved(review.to_html())
    assert found["state"]["status"]["decided"]["reject"] == 1
    assert (found["state"]["thread"]["key"], found["filters"]) == ("0:7", "severity:error")
    orders = [order["head"] for order in found["answers"]["lists"]["findings"]["orders"]]
    assert {"severity:error", ""} <= {order["query"] for order in orders}


@pytest.mark.parametrize("component", [rt.Review, rt.Issues, rt.Thread])
def test_the_picture_without_scripts_is_of_what_is_shown_now(component: Any) -> None:
    ds = rt.load(
        [
            {
                "id": "a",
                "messages": [{"role": "user", "content": "Hi "}, {"role": "assistant", "content": "Ho"}],
            }
        ]
    )
    panel = component(ds.check(), at="a") if component is rt.Thread else component(ds.check())
    assert "1 blank at the end" in panel._static_html()
    ds.edit("a", 0, text="Good morning")

    twin = panel._static_html()
    assert "1 blank at the end" not in twin
    assert component is rt.Issues or "Good morning" in twin


def test_a_file_of_an_empty_dataset_says_so() -> None:
    report = rt.load([]).check()
    assert says(rt.review(report).to_html()).startswith("This file holds 0 conversations and 0 findings")
    for component in (rt.Issues(report), rt.Balance(report), rt.Thread(report)):
        assert "<!doctype html>" in component.to_html()


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\u2028\u2029",
    "&lt;b&gt;",
    "\ud83d",
    "\x00\x1b",
    "</noscript>",
]


@given(st.recursive(st.text() | st.sampled_from(HOSTILE) | st.integers(), st.lists, max_leaves=8))
def test_embedded_json_reads_back_and_ends_no_element(value: Any) -> None:
    text = embedded(value)
    assert json.loads(text) == value
    assert not set(text) & {"<", ">", "&", "\u2028", "\u2029"}
    text.encode()


def test_hostile_text_stays_text_everywhere_in_the_file() -> None:
    evil = "".join(HOSTILE)
    name = evil.encode("utf-8", "replace").decode()
    records = [
        {"id": name, "title": name, "messages": [{"role": evil, "name": evil, "content": evil}], evil: evil}
    ]
    for name, component in components(rt.load(records)).items():
        page = component.to_html()
        page.encode()
        assert page.lower().count("</script") == 2, name
        assert page.count("</noscript") == 1, name
        assert "<!--" not in page, name


def test_without_the_built_widgets_there_is_one_sentence() -> None:
    with pytest.raises(rt.RolethreadError, match="was not built"):
        page_html(title="", module="export default {}", style="", saved={}, says="", twin="")
