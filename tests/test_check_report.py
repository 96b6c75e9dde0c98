"""The report: its JSON is a contract, its tables are safe to open, and it says the same every time."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, real_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt

FILE = (
    b"\xef\xbb\xbf"
    b'{"id": "a", "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi \\ud83d\\ude00 "},'
    b' {"role": "assistant", "content": ""}]}\r\n'
    b"\n"
    b'{"messages": [{"role": "us\n'
    b'{"text": "Once"}\n'
    b'{"id": "a", "messages": [{"role": "user", "content": "Hi"}, {"role": "Bot", "content": "Ho"}]}\n'
    b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "Bot", "content": "Ho"}]}'
)
KEYS = [
    ("schema", int),
    ("version", str),
    ("profile", str),
    ("settings", dict),
    ("sources", list),
    ("conversations", int),
    ("turns", int),
    ("rejected", list),
    ("issues", list),
    ("counts", dict),
    ("balance", dict),
    ("seconds", float),
]
ISSUE = {
    "code": (str,),
    "severity": (str,),
    "source": (int, type(None)),
    "conversation": (int, type(None)),
    "id": (str, type(None)),
    "line": (int, type(None)),
    "turn": (int, type(None)),
    "path": (str, type(None)),
    "start": (int, type(None)),
    "end": (int, type(None)),
    "message": (str,),
    "evidence": (dict,),
    "related": (list,),
    "repair": (str, type(None)),
}


def as_json(source: Any, **how: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rt.load(source).check(**how).to_json())
    return found


def at(record: Any, pointer: str) -> Any:
    """The value at a JSON Pointer (RFC 6901)."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        record = record[int(name)] if isinstance(record, list) else record[name]
    return record


def hold_the_contract(found: dict[str, Any]) -> None:
    """Assert what is said of every report."""
    assert [(key, type(value)) for key, value in found.items()] == KEYS
    assert found["schema"] == 1
    assert found["conversations"] == sum(source["conversations"] for source in found["sources"])
    for source in found["sources"]:
        assert list(source) == ["path", "records", "conversations", "formats", "rejected"]
        assert source["records"] == source["conversations"] + source["rejected"]
        assert sum(source["formats"].values()) == source["conversations"]
    for record in found["rejected"]:
        assert list(record) == ["source", "index", "line", "column", "reason"]
    counts: dict[str, int] = {}
    for issue in found["issues"]:
        assert list(issue) == list(ISSUE)
        for key, kinds in ISSUE.items():
            assert type(issue[key]) in kinds, key
        assert issue["severity"] in ("error", "warning", "info")
        assert issue["repair"] in ("safe", "unsafe", None)
        assert (issue["turn"] is None) == (issue["start"] is None) == (issue["end"] is None)
        assert issue["conversation"] is not None or (issue["id"] is None and issue["turn"] is None)
        for place in issue["related"]:
            assert {"source", "conversation"} <= set(place) <= {"source", "conversation", "turn"}
        counts[issue["code"]] = counts.get(issue["code"], 0) + 1
    assert found["counts"] == counts
    places = [
        (
            issue["source"],
            issue["conversation"],
            -1 if issue["turn"] is None else issue["turn"],
            issue["start"] or 0,
        )
        for issue in found["issues"]
        if issue["conversation"] is not None
    ]
    assert places == sorted(places)
    rejected = {(record["source"], record["index"]) for record in found["rejected"]}
    reported = {
        (issue["source"], issue["conversation"])
        for issue in found["issues"]
        if issue["code"] in ("file.bad_json", "file.not_utf8", "record.not_object", "record.no_messages")
    }
    assert rejected == reported


def test_the_json_report_is_as_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("chats.jsonl").write_bytes(FILE)
    found = as_json("chats.jsonl")

    hold_the_contract(found)
    assert found["sources"] == [
        {"path": "chats.jsonl", "records": 5, "conversations": 3, "formats": {"messages": 3}, "rejected": 2}
    ]
    assert (found["conversations"], found["turns"], found["profile"]) == (3, 7, "chat")
    assert [(record["index"], record["line"], record["column"]) for record in found["rejected"]] == [
        (1, 3, 24),
        (2, 4, None),
    ]
    brief = [
        (
            i["code"],
            i["severity"],
            i["conversation"],
            i["id"],
            i["line"],
            i["turn"],
            i["path"],
            i["start"],
            i["end"],
            i["repair"],
        )
        for i in found["issues"]
        if i["conversation"] is not None
    ]
    name = rt.load(FILE)[2].id
    assert brief == [
        ("text.whitespace", "info", 0, "a", 1, 1, "/messages/1/content", 4, 5, "safe"),
        ("turn.empty", "error", 0, "a", 1, 2, "/messages/2/content", 0, 0, "unsafe"),
        ("file.bad_json", "error", 1, None, 3, None, None, None, None, brief[2][-1]),
        ("record.no_messages", "error", 2, None, 4, None, None, None, None, None),
        ("record.duplicate_id", "warning", 3, rt.load(FILE)[1].id, 5, None, "/messages", None, None, None),
        ("role.alias", "warning", 3, rt.load(FILE)[1].id, 5, 1, "/messages/1/role", 0, 0, "safe"),
        ("dup.exact", "warning", 4, name, 6, None, "/messages", None, None, "unsafe"),
        ("role.alias", "warning", 4, name, 6, 1, "/messages/1/role", 0, 0, "safe"),
    ]
    assert [(i["code"], i["source"]) for i in found["issues"] if i["conversation"] is None] == [
        ("file.bom", 0),
        ("record.key_drift", 0),
        ("order.no_system", 0),
    ]


def test_positions_count_rejected_records_and_are_those_of_the_conversation() -> None:
    dataset = rt.load(FILE)
    indices = {conversation.id: conversation.index for conversation in dataset}

    assert list(indices.values()) == [0, 3, 4]
    for issue in as_json(FILE)["issues"]:
        if issue["id"] is not None:
            assert issue["conversation"] == indices[issue["id"]]


def test_a_system_prompt_beside_the_list_is_turn_0_with_its_own_path() -> None:
    record = {
        "system": "Be kind. ",
        "conversations": [{"from": "human", "value": " Hi"}, {"from": "gpt", "value": "Ho"}],
    }

    assert [(i["turn"], i["path"]) for i in as_json([record])["issues"]] == [
        (0, "/system"),
        (1, "/conversations/0/value"),
    ]


def test_pointers_escape_what_they_must() -> None:
    record = {
        "messages": [{"role": "user", "content": "Hi", "a/b~c": 1}, {"role": "assistant", "content": "Ho"}]
    }
    (issue,) = as_json([record, {"messages": record["messages"][1:]}], select=["turn.stray_key"])["issues"]

    assert issue["path"] == "/messages/0/a~1b~0c"


def test_data_without_lines_has_null_lines() -> None:
    assert {i["line"] for i in as_json([{"messages": []}, 5])["issues"]} == {None}


def test_spans_cut_out_their_evidence_in_code_points() -> None:
    text = "😀 Hi <|im_end|> FranÃ§oise {{user}}\u200b."
    found = as_json(
        [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Ho"}]}]
    )

    cut = {i["code"]: text[i["start"] : i["end"]] for i in found["issues"]}
    assert cut == {
        "leak.control_token": "<|im_end|>",
        "text.mojibake": "Ã§",
        "leak.macro": "{{user}}",
        "text.invisible": "\u200b",
    }
    assert {i["code"]: i["evidence"] for i in found["issues"]}["leak.control_token"]["token"] == "<|im_end|>"


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_the_contract_holds_on_real_files(path: Path) -> None:
    dataset = rt.load(path)
    found = json.loads(dataset.check().to_json())

    hold_the_contract(found)
    assert found["seconds"] >= 0
    again = json.loads(rt.load(path).check().to_json())
    assert {**again, "seconds": 0} == {**found, "seconds": 0}
    by_index = {conversation.index: conversation for conversation in dataset}
    for issue in found["issues"]:
        if issue["id"] is None:
            continue
        conversation = by_index[issue["conversation"]]
        assert conversation.id == issue["id"]
        assert conversation.line == issue["line"]
        seen = at(conversation.raw, issue["path"])
        if issue["turn"] is None:
            continue
        message = conversation.messages[issue["turn"]]
        assert 0 <= issue["start"] <= issue["end"] <= len(message.text)
        if issue["end"] and isinstance(seen, str):
            assert seen == message.text or seen in {part.whole for part in message.parts}
        for key in ("token", "macro", "seen"):
            if key in issue["evidence"] and issue["end"]:
                assert message.text[issue["start"] : issue["end"]] == issue["evidence"][key]


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "messages",
                            "conversations",
                            "role",
                            "from",
                            "content",
                            "value",
                            "system",
                            "id",
                            "name",
                            "tool_calls",
                            "x",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
        max_size=4,
    )
)
def test_the_contract_holds_on_any_json(made: list[Any]) -> None:
    report = rt.load(iter(made)).check("roleplay")

    hold_the_contract(json.loads(report.to_json()))
    assert len(report.issues) == len(report)
    assert list(report.issues.columns) == list(ISSUE)
    report.to_csv()
    report.to_html()


def test_streaming_gives_the_same_findings() -> None:
    whole = sorted(map(str, rt.load(FILE).check()))

    assert sorted(map(str, rt.load(FILE).iter_issues())) == whole


def test_codes_and_families_narrow_a_check() -> None:
    dataset = rt.load(FILE)

    assert set(dataset.check(select="turn").counts) == {"turn.empty"}
    assert set(dataset.check(select=["turn.empty", "role"]).counts) == {"turn.empty", "role.alias"}
    assert "file.bom" not in dataset.check(ignore="file,record").counts
    assert set(dataset.check(where="#4").counts) == {"dup.exact", "role.alias"}
    for wrong in ({"select": "turn.emtpy"}, {"ignore": ["nope"]}, {"profile": "chatty"}):
        with pytest.raises(rt.QueryError, match="there are"):
            dataset.check(**wrong)


def test_counts_severities_and_ok_say_the_same_as_the_findings() -> None:
    report = rt.load(FILE).check()

    assert sum(report.counts.values()) == len(report) == sum(report.severities.values())
    assert not report.ok
    assert rt.load([]).check().ok
    assert "error" in repr(report)


def test_a_report_stays_what_it_was_after_a_repair() -> None:
    dataset = rt.load(FILE)
    report = dataset.check()
    before = report.to_json()
    report.repairs(unsafe=True).apply()

    assert json.loads(report.to_json())["issues"] == json.loads(before)["issues"]


# ---------------------------------------------------------------- hostile text


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_spreadsheet_takes_no_cell_for_a_formula(formula: str) -> None:
    records = [
        {
            "id": formula,
            "messages": [{"role": "user", "content": "Hi "}, {"role": "assistant", "content": "Ho"}],
        }
    ]
    (row,) = csv.DictReader(io.StringIO(rt.load(records).check().to_csv(), newline=""))

    assert row["code"] == "text.whitespace"
    assert row["id"] == "'" + formula
    assert all(not cell or cell[0] not in "=+-@\t\r" for cell in row.values())


def test_pages_hold_text_not_markup() -> None:
    bad = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    record = {
        "id": bad,
        "title": bad,
        "messages": [
            {"role": bad, "content": bad, bad: 1},
            {"role": "user", "name": bad, "content": bad + " "},
        ],
    }
    page = rt.load([record]).check().to_html()

    parser = HTMLParser()
    seen: list[str] = []
    parser.handle_starttag = lambda tag, attrs: seen.extend([tag, *(name for name, _ in attrs)])  # type: ignore[method-assign]
    parser.feed(page)

    assert "section" in seen
    assert not {"script", "onerror", "onclick", "href"} & set(seen)
    assert "&lt;script" in page


def test_a_report_is_never_written_over_a_source(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_bytes(FILE)
    report = rt.load(path).check()

    for write in (report.to_json, report.to_csv, report.to_html):
        with pytest.raises(rt.ExportError, match="never written to"):
            write(path)
        assert path.read_bytes() == FILE
        text = write(tmp_path / "report")
        assert (tmp_path / "report").read_bytes() == text.encode()
    assert json.loads(report.to_json(tmp_path / "r.json")) == json.loads((tmp_path / "r.json").read_text())


# ---------------------------------------------------------------- the house


def test_the_package_can_be_imported_without_a_notebook() -> None:
    heavy = [
        "ipywidgets",
        "anywidget",
        "IPython",
        "pandas",
        "datasets",
        "traitlets",
        "pyarrow",
        "transformers",
    ]
    script = f"import sys, rolethread_nb; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert done.stdout.strip() == "[]"


def test_a_check_and_an_export_do_without_a_notebook(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(FILE)
    script = (
        "import sys, rolethread_nb as rt; ds = rt.load('x.jsonl'); r = ds.check(); r.to_json(); r.to_html();"
        " r.repairs(unsafe=True).apply(); ds.export('out.jsonl', 'sharegpt');"
        " print([n for n in ('ipywidgets', 'anywidget', 'IPython', 'traitlets', 'datasets') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ["core", "sources", "checks", "outputs", "compat"])
def test_the_rooms_below_the_widgets_know_no_notebook(room: str) -> None:
    imports = re.compile(r"^\s*(?:from|import)\s+(traitlets|ipywidgets|anywidget|IPython)\b", re.MULTILINE)
    files = list((ROOT / "rolethread_nb" / room).rglob("*.py"))

    assert files
    for file in files:
        assert imports.search(file.read_text(encoding="utf-8")) is None, file
