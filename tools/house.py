"""Draws which rooms of the package import which, from the imports themselves: docs/pictures/house.svg.

A room is a folder of ``rolethread_nb`` or a module beside them. ``core`` is drawn as three: what rests on nothing
outside it (conversations, findings, errors), what rests on sources (blocks, turns), and the dataset, which rests on the rules.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "rolethread_nb"
PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "house.svg"
AT_ONCE, ON_REQUEST, TYPES = "at once", "on request", "for types"

# From the roof to the ground, with what each is for.
ROOMS = {
    "cli": "the command line",
    "notebook": "magics, frozen notebooks",
    "widgets": "components, their Python half",
    "outputs": "exports, HTML, SVG, SARIF",
    "gates": "limits that must hold",
    "health": "the card",
    "balance": "facets of a dataset",
    "training": "chat templates, trainers",
    "core: dataset": "dataset, report, repairs",
    "compat": "RoleThread Lite",
    "checks": "the rules",
    "settings": "values of a file",
    "language": "scripts, sentences, packs",
    "core: turns": "conversations, journal",
    "sources": "bytes to records to messages",
    "core: records": "errors, edits, places",
}
_DOORS = {"__init__", "__main__", "_version", "vocabulary", "options"}  # they only hand on
_OF_ROOM = {"options": "cli", "__main__": "cli"}

Edges = Mapping[tuple[str, str], Mapping[str, int]]


@dataclass(frozen=True)
class Import:
    """One import of a module by another: dotted names below the package, and when it happens."""

    by: str
    of: str
    when: str


def imports(package: Path = PACKAGE) -> list[Import]:
    """Every import of one module of the package by another."""
    modules = {_dotted(path, package): path for path in sorted(package.rglob("*.py"))}
    return [
        Import(name, _longest((*module, imported), modules), when)
        for name, path in modules.items()
        for module, imported, when in _relative(path, package)
        if _longest((*module, imported), modules) != name
    ]


def _dotted(path: Path, package: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _longest(parts: tuple[str, ...], modules: Iterable[str]) -> str:
    """The module that holds what is imported: ``core.model`` of ``core.model.Issue``."""
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in modules:
            return ".".join(parts[:end])
    return "__init__"


def _relative(path: Path, package: Path) -> Iterator[tuple[tuple[str, ...], str, str]]:
    folder = path.relative_to(package).parent.parts
    for node, when in _walk(ast.parse(path.read_text(encoding="utf-8")), AT_ONCE):
        base = folder[: len(folder) - node.level + 1]
        for alias in node.names:
            yield (*base, *(node.module or "").split(".")) if node.module else base, alias.name, when


def _walk(node: ast.AST, when: str) -> Iterator[tuple[ast.ImportFrom, str]]:
    for child in ast.iter_child_nodes(node):
        then = when
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and when == AT_ONCE:
            then = ON_REQUEST
        elif (
            isinstance(child, ast.If)
            and isinstance(child.test, ast.Name)
            and child.test.id == "TYPE_CHECKING"
        ):
            then = TYPES
        elif isinstance(child, ast.expr):
            continue
        if isinstance(child, ast.ImportFrom) and child.level:
            yield child, then
        yield from _walk(child, then)


def edges(found: Iterable[Import]) -> Edges:
    """Imports between rooms, counted by when they happen. Those for types alone are none: nothing is imported then."""
    found = [one for one in found if one.when != TYPES]
    floors = _floors(found)
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in found:
        by, of = _room(one.by, floors), _room(one.of, floors)
        if by != of and by in ROOMS and of in ROOMS:
            counted[by, of][one.when] += 1
    return counted


def _floors(found: Iterable[Import]) -> dict[str, str]:
    """The room of each module of core, by what it comes to import at last: rules, sources, or neither."""
    needs: dict[str, set[str]] = defaultdict(set)
    for one in found:
        if one.when == AT_ONCE:
            needs[one.by].add(one.of)
    floors = {}
    for module in {name for one in found for name in (one.by, one.of) if name.startswith("core.")}:
        reached = {name.split(".")[0] for name in _reached(module, needs)}
        upstairs = "core: turns" if reached - {"core"} - _DOORS else "core: records"
        floors[module] = "core: dataset" if "checks" in reached else upstairs
    return floors


def _reached(module: str, needs: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = [module]
    while ahead:
        for name in needs.get(ahead.pop(), set()) - reached:
            reached.add(name)
            ahead.append(name)
    return reached


def _room(module: str, floors: Mapping[str, str]) -> str:
    first = module.split(".", maxsplit=1)[0]
    return floors.get(module) or _OF_ROOM.get(first, first)


ROW, COLUMN, LABELS, TOP = 30, 34, 310, 112
WIDTH, HEIGHT = LABELS + COLUMN * len(ROOMS) + 110, TOP + ROW * len(ROOMS) + 46
STYLE = """
  svg { font: 12px system-ui, sans-serif; }
  .paper { fill: #fff; } .ink { fill: #1f2328; } .quiet { fill: #59636e; }
  .line { stroke: #d1d9e0; fill: none; } .room { fill: #eef4fb; stroke: #9db7d5; } .roof { fill: #0b5cad; }
  .self { fill: #eef4fb; } .at-once { fill: #0b5cad; } .on-request { fill: none; stroke: #0b5cad; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #131416; } .ink { fill: #e6e6e6; } .quiet { fill: #9aa4ae; }
    .line { stroke: #33383e; } .room { fill: #1a2733; stroke: #3c5a78; } .roof { fill: #7fb8f0; }
    .self { fill: #1a2733; } .at-once { fill: #7fb8f0; } .on-request { stroke: #7fb8f0; }
  }
"""


def drawing(found: Edges) -> str:
    """The house as SVG: a floor for each room, and in its row a mark under each room that it imports."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="what">',
            '<title id="what">The rooms of the package, and which of them import which</title>',
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
            f'<path class="roof" d="M8 {TOP - 4} L{LABELS / 2} {TOP - 54} L{LABELS - 8} {TOP - 4} Z"/>',
            *(line for at, room in enumerate(ROOMS) for line in _floor(at, room)),
            *(_mark(by, of, when) for by, of in sorted(found, key=_place) for when in sorted(found[by, of])),
            *_legend(),
            "</svg>\n",
        ]
    )


def _place(edge: tuple[str, str]) -> tuple[int, int]:
    rooms = list(ROOMS)
    return rooms.index(edge[0]), rooms.index(edge[1])


def _x(at: int) -> float:
    return LABELS + COLUMN * (at + 0.5)


def _y(at: int) -> float:
    return TOP + ROW * (at + 0.5)


def _floor(at: int, room: str) -> Iterator[str]:
    x, y, end = _x(at), _y(at), LABELS + COLUMN * len(ROOMS)
    yield f'<rect class="room" x="16" y="{y - ROW / 2}" width="{LABELS - 32}" height="{ROW}"/>'
    yield f'<text class="ink" x="26" y="{y + 4}" font-weight="600">{escape(room)}</text>'
    yield f'<text class="quiet" x="{LABELS - 26}" y="{y + 4}" text-anchor="end">{escape(ROOMS[room])}</text>'
    yield f'<path class="line" d="M{LABELS} {y} H{end} M{x} {TOP} V{TOP + ROW * len(ROOMS)}"/>'
    yield f'<rect class="self" x="{x - COLUMN / 2}" y="{y - ROW / 2}" width="{COLUMN}" height="{ROW}"/>'
    yield f'<text class="ink" transform="translate({x - 4} {TOP - 10}) rotate(-50)">{escape(room)}</text>'


def _mark(by: str, of: str, when: str) -> str:
    row, column = _place((by, of))
    kind, radius = (when.replace(" ", "-"), 5 if when == AT_ONCE else 8)
    title = f"{by} imports {of} {when}"
    return f'<circle class="{kind}" cx="{_x(column)}" cy="{_y(row)}" r="{radius}"><title>{escape(title)}</title></circle>'


def _legend() -> Iterator[str]:
    y = HEIGHT - 20
    yield f'<circle class="at-once" cx="{LABELS + 17}" cy="{y}" r="5"/>'
    yield f'<text class="quiet" x="{LABELS + 32}" y="{y + 4}">the room imports that one at once</text>'
    yield f'<circle class="on-request" cx="{LABELS + 257}" cy="{y}" r="8"/>'
    yield f'<text class="quiet" x="{LABELS + 272}" y="{y + 4}">in a function, when it is needed</text>'


if __name__ == "__main__":
    PICTURE.write_text(drawing(edges(imports())), encoding="utf-8")
