"""Two reviewers on two branches: git merges their journals by itself, nothing is lost, and what contradicts is listed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import rolethread_nb as rt

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on this machine")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    turns = [{"role": "user", "content": "question "}, {"role": "assistant", "content": "answer"}]
    lines = [json.dumps({"id": f"c{n}", "messages": turns}) + "\n" for n in range(6)]
    (tmp_path / "chats.jsonl").write_text("".join(lines), encoding="utf-8")
    git(tmp_path, "init", "--initial-branch=main")
    committed(tmp_path, "chats")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ["-c", "user.name=reviewer", "-c", "user.email=reviewer@localhost"]
    done = subprocess.run(
        ["git", *names, *arguments],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def committed(folder: Path, what: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--message", what)


def branch(repository: Path, name: str) -> Any:
    """The dataset as a reviewer has it, on a branch of their own from where both began."""
    git(repository, "switch", "--create", name, "main")
    ds = rt.load(repository / "chats.jsonl")
    ds.journal.author = name
    return ds


def test_two_branches_merge_without_a_conflict_of_git_and_lose_nothing(repository: Path) -> None:
    first = rt.load(repository / "chats.jsonl")
    first.decide(5, "later")
    committed(repository, "before they part")

    ann = branch(repository, "ann")
    ann.decide(0, "keep", note="the tone")
    ann.edit(1, 1, text="by ann")
    ann.edit(2, 1, text="also by ann")
    ann.tag(3, "calm")
    ann.note(4, "ask Mara")
    committed(repository, "ann")
    ben = branch(repository, "ben")
    ben.decide(0, "reject")
    ben.edit(1, 1, text="by ben")
    ben.tag(3, "wild")
    ben.decide(4, "fix")
    ben.exclude(5)
    ben.check(select="text.whitespace").repairs().apply()
    committed(repository, "ben")

    git(repository, "switch", "main")
    git(repository, "merge", "--no-edit", "ann")
    git(repository, "merge", "--no-edit", "ben")
    assert git(repository, "status", "--porcelain") == ""
    both = rt.load(repository / "chats.jsonl")

    written = [op["n"] for ds in (first, ann, ben) for op in ds.journal.operations]
    assert {op["n"] for op in both.journal.operations} == set(written)
    assert {**both.decisions} == {"c0": "keep", "c4": "fix", "c5": "later"}
    assert both.notes == {"c0": "the tone", "c4": "ask Mara"}
    assert both["c1"].messages[1].text == "by ann"
    assert both["c2"].messages[1].text == "also by ann"
    assert both.tags("c3") == ["calm", "wild"]
    assert "c5" not in both
    # What was made on the same state as something earlier is listed, by whom and why; none of it is gone.
    listed = [(one.op["by"], one.op["op"], one.item["on"]) for one in both.journal.set_aside]
    assert set(listed) == {
        ("ben", "decide", "c0"),
        ("ben", "edit", "c1"),
        ("ben", "repair", "c1"),
        ("ben", "repair", "c2"),
    }
    assert all(one.why for one in both.journal.set_aside)


def test_the_merge_says_the_same_in_either_direction(repository: Path) -> None:
    rt.load(repository / "chats.jsonl").tag(0, "begun")
    committed(repository, "before they part")
    for name in ("ann", "ben"):
        ds = branch(repository, name)
        ds.decide([0, 1], "keep" if name == "ann" else "fix")
        ds.edit(2, 1, text=f"by {name}")
        committed(repository, name)
    seen = []
    for into, other in (("ann", "ben"), ("ben", "ann")):
        git(repository, "switch", "--create", f"{into}-first", into)
        git(repository, "merge", "--no-edit", other)
        both = rt.load(repository / "chats.jsonl")
        aside = [(one.op["n"], one.item["on"], one.why) for one in both.journal.set_aside]
        seen.append((dict(both.decisions), both["c2"].messages[1].text, aside))
    assert seen[0] == seen[1]
    assert len(seen[0][2]) == 3
