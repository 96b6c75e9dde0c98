"""The site of the documentation: it builds without a warning, asks no other host for anything, and what it shows is true."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

import rolethread_nb as rt
from rolethread_nb.vocabulary import role, text

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "tools"))
house = importlib.import_module("house")
api_pages = importlib.import_module("api_pages")
notebook_page = importlib.import_module("notebook_pages").notebook_page


# ------------------------------------------------------------------ the build


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, but for what the cells of the example notebooks show."""
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        str(ROOT / "tools" / "docs_site.py"),
        "--no-run",
        "--quiet",
        "--into",
        str(folder),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "_site"


def test_the_site_builds_without_a_warning_and_has_every_page(site: Path) -> None:
    pages = {path.stem for path in DOCS.glob("*.md")} | {"contributing", "changes", "01_review", "02_balance"}
    assert {path.stem for path in site.glob("*.html")} >= pages
    assert {path.stem for path in site.glob("api/*.html")} == set(api_pages.GROUPS)


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    asking = re.compile(
        r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href|srcset)=\"((?:https?:)?//[^\"]*)"
    )
    for page in site.rglob("*.html"):
        assert not asking.findall(page.read_text(encoding="utf-8")), page.name
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import)\s*['\"]?https?:", sheet.read_text(encoding="utf-8")), (
            sheet.name
        )


def test_every_link_of_the_site_leads_to_a_file_of_it(site: Path) -> None:
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    for page in pages:
        for target in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:|//", target):
                assert (page.parent / target).exists(), f"{page.name} leads to {target}"


def test_every_public_name_has_its_place_in_the_api(site: Path) -> None:
    anchors = {
        name
        for page in site.glob("api/*.html")
        for name in re.findall(r'id="((?:module-)?rolethread_nb\.[^"]+)"', page.read_text(encoding="utf-8"))
    }
    public = {f"rolethread_nb.{name}" for name in rt.__all__} - {"rolethread_nb.__version__"}
    assert public <= {anchor.removeprefix("module-") for anchor in anchors}
    methods = {"Dataset.check", "Dataset.export", "Report.repairs", "Review.to_html", "Preflight.table"}
    assert {f"rolethread_nb.{method}" for method in methods} <= anchors


def test_the_landing_page_leads_to_every_page() -> None:
    docs_site = importlib.import_module("docs_site")
    listed = docs_site.contents((DOCS / "index.md").read_text(encoding="utf-8"))
    assert list(listed) == ["Start", "How to", "Reference", "Understand", "Extend"]
    pages = [page for entries in listed.values() for _, page in entries]
    assert len(pages) == len(set(pages))
    assert {page for page in pages if not page.startswith("../")} == {
        path.name for path in DOCS.glob("*.md") if path.name != "index.md"
    }


def test_the_table_of_the_api_is_that_of_the_docstrings() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert page.endswith(api_pages.api_table()), "run make docs"


def test_a_notebook_is_shown_with_what_its_cells_show(tmp_path: Path) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# A notebook"),
        nbformat.v4.new_code_cell("import rolethread_nb as rt\nprint('1 < 2')"),
        nbformat.v4.new_code_cell("ds = rt.load([{'messages': [{'role': 'user', 'content': 'Hi'}]}])\nds"),
        nbformat.v4.new_code_cell("rt.Thread(ds)"),
        nbformat.v4.new_code_cell("'nothing to draw'"),
    ]
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    page = notebook_page(path, tmp_path / "stage" / "pages", run=True)
    assert "\n# A notebook\n" in page
    assert "1 &lt; 2" in page
    assert "1 conversation" in page
    assert page.count("<iframe") == 1
    live = tmp_path / "stage" / "pages" / "_static" / "live" / "small-1.html"
    assert "default-src 'none'" in live.read_text(encoding="utf-8")
    assert not nbformat.read(path, as_version=4).cells[1].outputs


# ------------------------------------------------------------------ the house


@pytest.fixture(scope="module")
def edges() -> Any:
    """Which rooms import which, as it is now."""
    return house.edges(house.imports())


def test_the_picture_of_the_house_is_drawn_from_the_imports(edges: Any) -> None:
    drawn = house.PICTURE.read_text(encoding="utf-8")
    assert drawn == house.drawing(edges), "run make docs"
    shown = re.findall(r"<title>([\w: ]+) imports ([\w: ]+) (at once|on request)</title>", drawn)
    assert set(shown) == {(*edge, when) for edge, kinds in edges.items() for when in kinds}


def test_a_room_rests_on_the_rooms_below_it(edges: Any) -> None:
    floors = list(house.ROOMS)
    upwards = {
        (by, of)
        for (by, of), kinds in edges.items()
        if house.AT_ONCE in kinds and floors.index(by) > floors.index(of)
    }
    assert upwards == {("checks", "core: dataset"), ("checks", "compat"), ("core: turns", "language")}


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.parent.name for path in house.PACKAGE.glob("*/__init__.py")}
    assert folders == {room.split(":")[0] for room in house.ROOMS} - {"cli", "settings"}


def test_imports_are_read_by_when_they_happen(tmp_path: Path) -> None:
    package = tmp_path / "house"
    (package / "core").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "core" / "__init__.py").write_text("")
    (package / "core" / "model.py").write_text("class Issue: ...\n")
    (package / "cli.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from .core.model import Issue\n"
        "if TYPE_CHECKING:\n    from .core import model\n"
        "def main():\n    from . import core\n"
    )
    found = {(one.by, one.of, one.when) for one in house.imports(package)}
    assert found == {
        ("cli", "core.model", house.AT_ONCE),
        ("cli", "core.model", house.TYPES),
        ("cli", "core", house.ON_REQUEST),
    }


# ------------------------------------------------------------------ troubleshooting

USER, REPLY = {"role": "user", "content": "Hi "}, {"role": "assistant", "content": "Hello."}


def records(count: int = 1) -> list[dict[str, Any]]:
    return [{"messages": [USER, REPLY]} for _ in range(count)]


def chats() -> rt.Dataset:
    Path("chats.jsonl").write_text(json.dumps(records()[0]) + "\n", encoding="utf-8")
    return rt.load("chats.jsonl", review=False)


def changed() -> None:
    Path("c.jsonl").write_text(json.dumps(records()[0]) + "\n", encoding="utf-8")
    ds = rt.load("c.jsonl", review=False)
    Path("c.jsonl").write_text("{}\n", encoding="utf-8")
    ds.check()


def stale() -> None:
    ds = rt.load(records())
    plan = ds.check().repairs()
    ds.edit(0, 1, text="Other.")
    plan.apply()


def stale_preflight() -> None:
    ds = rt.load(records())
    flight = ds.preflight()
    ds.edit(0, 1, text="Other.")
    flight.repairs()


def rejected(source: Any) -> str:
    return str(rt.load(source).rejected[0].reason)


class Tokenizer:
    """One whose chat template writes ``text``."""

    def __init__(self, text: str) -> None:
        self.chat_template = text

    def encode(self, text: str) -> list[int]:
        return list(range(len(text)))


def reasons(template: str) -> str:
    return " ".join(rt.load(records()).preflight(Tokenizer(template)).reasons()["says"])


def settings() -> None:
    Path("rolethread_nb.toml").write_text('profil = "chat"\n', encoding="utf-8")
    chats()


def unwritable() -> None:
    chats()
    ds = rt.load("chats.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
        ds.decide(0, "keep")


def alternate() -> str:
    return reasons(
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    )


# What makes us say a text: a call that raises or warns with it, or gives it back.
SAYING: dict[str, Callable[[], Any]] = {
    "nothing.jsonl: no such file.": lambda: rt.load("nothing.jsonl"),
    "*.nothing: no file matches.": lambda: rt.load("*.nothing"),
    "empty is a folder without data files": lambda: (Path("empty").mkdir(), rt.load("empty")),
    "Cannot read conversations from int.": lambda: rt.load(3),
    "the file is a Git LFS pointer": lambda: rejected(b"version https://git-lfs.github.com/spec/v1\n"),
    "There are 0 conversations": lambda: rt.load([])[0],
    "no list of turns under a known name": lambda: rejected([{"text": "Hello."}]),
    "No format is called 'sharegtp'": lambda: rt.load(records(), format="sharegtp"),
    "'humen' is no role": lambda: rt.load(records(), roles={"client": "humen"}),
    "c.jsonl has changed": changed,
    "No rule or family is called 'turns'": lambda: chats().check(select="turns"),
    "severity: takes error": lambda: chats().where("severity:eror"),
    "No conversation has the id 'nobody'.": lambda: rt.Thread(chats(), at="nobody"),
    "No facet is called 'repl_words'": lambda: chats().balance()["repl_words"],
    "The share of the validation part": lambda: chats().split(2.0),
    "gate 'severity:eror'": lambda: chats().check().gates({"severity:eror": 0}),
    "There is no file of gates gates.toml.": lambda: chats().check().gates("gates.toml"),
    "rolethread_nb.toml sets 'profil'": settings,
    "The dataset has changed since this plan": stale,
    "chats.jsonl exists already": lambda: rt.load(records()).export(
        (chats(), "chats.jsonl")[1], format="messages"
    ),
    "chats.jsonl is the source itself": lambda: chats().export(
        "chats.jsonl", format="messages", overwrite=True
    ),
    "No format is called 'chatml'": lambda: chats().export("out.jsonl", format="chatml"),
    "alpaca cannot hold": lambda: rt.load([{"messages": [USER]}]).export(
        "out.jsonl", format="alpaca", strict=True
    ),
    "'good' is no decision": lambda: rt.load(records()).decide(0, "good"),
    "chats.jsonl.review cannot be written to": unwritable,
    "'turn' is a family": lambda: rt.rule("turn.mine", title="Mine", when=text.contains("a")),
    "Combine conditions": lambda: text.contains("sighs") and (role == "assistant"),
    "look-around": lambda: rt.rule("my.ahead", title="Ahead", when=text.matches("(?=a)b")),
    "No trainer is called 'tlr'": lambda: chats().preflight(targets="tlr"),
    "There is no file meta-llama/Llama-3": lambda: chats().preflight("meta-llama/Llama-3"),
    "trl is not installed": lambda: chats().preflight(template="trl:qwen3"),
    "No trainer here has a setting 'packing_'": lambda: chats().preflight(settings={"packing_": 1}),
    "The chat template refuses it": alternate,
    "The template writes nothing of it": lambda: reasons("{{ '' }}"),
    "The dataset has changed since this preflight": stale_preflight,
    "The trainer has no rows": lambda: rt.witness(object()),
}
# What the browser and the build say, and where it stands.
WRITTEN = {
    "The browser part of rolethread_nb was not built.": "rolethread_nb/widgets/_base.py",
    "Waiting for the kernel": "js/src/lib/status.tsx",
    "No answer from the kernel": "js/src/lib/status.tsx",
    "The kernel is gone.": "js/src/lib/status.tsx",
    "rolethread_nb: the widgets' JavaScript": "hatch_build.py",
}
PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)


def said(saying: Callable[[], Any]) -> str:
    """The text that a call raises, warns with or gives back."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            given = saying()
        except Exception as error:
            return str(error.args[0])
    return " ".join([str(one.message) for one in warned] + ([given] if isinstance(given, str) else []))


@pytest.mark.parametrize("begins", SAYING)
def test_a_text_of_the_troubleshooting_is_what_we_say(
    begins: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if begins.startswith("trl is not") and importlib.util.find_spec("trl"):
        pytest.skip("left out: trl is installed here")
    monkeypatch.chdir(tmp_path)
    quoted = [one for one in re.findall(r"`([^`\n]+)`", PAGE) if one.startswith(begins)]
    assert quoted
    assert all(one in said(SAYING[begins]) for one in quoted)


@pytest.mark.parametrize("begins", WRITTEN)
def test_a_text_of_the_browser_or_the_build_stands_in_its_source(begins: str) -> None:
    source = (ROOT / WRITTEN[begins]).read_text(encoding="utf-8")
    for one in [one for one in QUOTED if one.startswith(begins)]:
        words = one.removeprefix("rolethread_nb: ").replace("node 20", "node {OLDEST_NODE}")
        assert all(part in source for part in words.split("; ")), one


def test_every_text_of_the_troubleshooting_is_held() -> None:
    assert [one for one in QUOTED if not one.startswith((*SAYING, *WRITTEN))] == []
    assert all(
        any(begins in one for one in re.findall(r"`([^`\n]+)`", PAGE)) for begins in (*SAYING, *WRITTEN)
    )
