"""What the agreement scripts share: the rows, mutations of them, our forecasts, and what is trained of a text."""

from __future__ import annotations

import copy
import json
import random
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import rolethread_nb as rt
from rolethread_nb.core.model import Conversation, Span
from rolethread_nb.training.targets.registry import target
from rolethread_nb.training.targets.target import OUTCOMES, Context, Forecast, Shape
from rolethread_nb.training.templates import ChatTemplate

CASES = Path(__file__).parent / "cases"
SHARED = ROOT.parent / "shared" / "data"


class Characters:
    """One token a character; a control string is one token."""

    name, exact, band = "characters", True, (0.0, 0.0)

    def __init__(self, *controls: str) -> None:
        self.controls = controls
        self._one = re.compile("|".join([*map(re.escape, controls), "."]), re.DOTALL)

    def spans(self, text: str) -> list[Span]:
        return [Span(*found.span()) for found in self._one.finditer(text)]

    def count(self, text: str) -> int:
        return len(self.spans(text))


def case_files() -> Iterator[tuple[str, list[Any]]]:
    """The cases of the facts, as lists of rows."""
    for path in sorted(CASES.glob("*.jsonl")):
        yield (
            f"cases/{path.stem}",
            [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]],
        )


def real_files(most: int | None = 100) -> Iterator[tuple[str, list[Any]]]:
    """The real datasets, as lists of the records we read as conversations. A file without any is left out.

    Args:
        most: so many rows of a long file, the same ones every time; None for all.
    """
    for folder, name in ((SHARED, "real"), (SHARED / "dirty", "dirty")):
        for path in sorted(folder.glob("*.json*")):
            rows = [conversation.raw for conversation in rt.load(path)]
            if rows:
                yield f"{name}/{path.name}", some(rows, most or len(rows))


def some(rows: list[Any], most: int = 40) -> list[Any]:
    """A long file by the same rows every time, in their order."""
    if len(rows) <= most:
        return rows
    return [rows[at] for at in sorted(random.Random(4).sample(range(len(rows)), most))]


def mutations(count: int, *more: Any) -> list[Any]:
    """Rows of the cases, and more of them, with one to three changes each; the same ones every time."""
    chance = random.Random(4)
    rows = [row for _, file in case_files() for row in file] + [*more] * 20
    return [_mutated(copy.deepcopy(chance.choice(rows)), chance) for _ in range(count)]


_VALUES: tuple[Any, ...] = (
    *(
        "",
        " ",
        "text",
        "user",
        "assistant",
        "system",
        "tool",
        "Human",
        "narrator",
        "[]",
        '{"a": 1}',
        "abcdefghi",
    ),
    *(None, 0, 1, 0.5, True, False, [], {}, ["x"], {"a": "b"}, [None], [{"type": "text", "text": "said"}]),
)
_KEYS = (
    "role",
    "content",
    "weight",
    "name",
    "tool_calls",
    "tool_call_id",
    "prefix",
    "id",
    "tools",
    "from",
    "value",
)


def _mutated(row: Any, chance: random.Random) -> Any:
    for _ in range(chance.randint(1, 3)):
        holders = list(_holders(row))
        messages = row.get("messages", row.get("conversations"))
        what = chance.randrange(6)
        if what == 0 and isinstance(messages, list) and len(messages) > 1:
            one, other = chance.sample(range(len(messages)), 2)
            messages[one], messages[other] = messages[other], messages[one]
        elif what == 1 and isinstance(messages, list) and messages:
            messages.insert(chance.randrange(len(messages) + 1), copy.deepcopy(chance.choice(messages)))
        elif what == 2 and isinstance(messages, list) and messages:
            messages.pop(chance.randrange(len(messages)))
        else:
            holder = chance.choice(holders)
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                continue
            key = chance.choice(keys)
            if what == 3 and isinstance(holder, dict):
                del holder[key]
            elif what == 4 and isinstance(holder, dict) and holder is not row:
                holder[chance.choice(_KEYS)] = copy.deepcopy(chance.choice(_VALUES))
            else:
                holder[key] = copy.deepcopy(chance.choice(_VALUES))
    return row


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _holders(item)


def shape_of(rows: Sequence[Any]) -> Shape:
    keys = {key: None for row in rows if isinstance(row, dict) for key in row}
    return Shape(rows[0] if rows else None, tuple(keys), len(rows), tuple(rows[:10]))


@dataclass
class Ours:
    """Our forecasts for the rows of one file; None for a row that we do not read as a conversation."""

    conversations: list[Conversation | None]
    forecasts: list[Forecast | None]
    file: str | None

    @classmethod
    def of(
        cls,
        name: str,
        rows: Sequence[Any],
        settings: Mapping[str, Any] | None = None,
        template: Any = None,
        tokens: Any = None,
        alone: bool = False,
    ) -> Ours:
        """``alone``: every row is judged as if it were a file of its own."""
        profile = target(name)
        shape = shape_of(rows)
        context = Context(
            ChatTemplate.of(template), tokens or Characters(), {**profile.settings, **(settings or {})}
        )
        judge = profile.judge(shape, context)
        read = {conversation.index: conversation for conversation in rt.load(copy.deepcopy(list(rows)))}
        forecasts: list[Forecast | None] = []
        for at, row in enumerate(rows):
            if alone:
                judge = profile.judge(shape_of([row]), context)
            forecasts.append(judge(read[at]) if at in read else None)
        refused = profile.refuses_file(shape, context) if profile.refuses_file else None
        return cls([read.get(at) for at in range(len(rows))], forecasts, refused)

    def says(self, at: int) -> list[str]:
        forecast = self.forecasts[at]
        return [f"{reason.code}: {reason.says}" for reason in forecast.reasons] if forecast else []

    def outcome(self, at: int, ignoring: Collection[str] = ()) -> str | None:
        forecast = self.forecasts[at]
        if forecast is None:
            return None
        kept = [reason.outcome for reason in forecast.reasons if reason.code not in ignoring]
        return max(kept, key=OUTCOMES.index, default="taken")


def tokenizer_of(template: str, eos: str, *controls: str) -> Any:
    """A fast tokenizer with one token a character of all rows; a control string is one token, as with `Characters`."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    texts = (
        json.dumps(row, ensure_ascii=False) for _, rows in [*case_files(), *real_files()] for row in rows
    )
    letters = sorted({*(chr(code) for code in range(256)), *(one for text in texts for one in text)})
    vocabulary = {"<unk>": 0, **{one: at for at, one in enumerate(letters, start=1)}}
    tiny = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tiny.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made = PreTrainedTokenizerFast(tokenizer_object=tiny, eos_token=eos, pad_token=eos)
    made.add_special_tokens({"additional_special_tokens": list(controls)})
    made.chat_template = template
    return made


def trained_text(text: str, labels: Sequence[int], tokens: Characters) -> str:
    """A text with what is not trained blotted out; one label a token."""
    spans = tokens.spans(text)
    if len(spans) < len(labels):
        return f"{len(labels)} labels for {len(spans)} tokens"
    parts = [
        text[start:end] if label != -100 else "\0" * (end - start)
        for (start, end), label in zip(spans, labels, strict=False)
    ]
    return "".join(parts)


def forecast_text(forecast: Forecast, length: int) -> str:
    """The same from a forecast, as far as what is kept."""
    text = forecast.text or ""
    mask = ["\0"] * len(text)
    for start, end in forecast.trained:
        mask[start:end] = text[start:end]
    return "".join(mask)[:length]
