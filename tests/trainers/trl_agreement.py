"""How far our verdicts agree with a real SFTTrainer, on every case file, with Qwen 3's template.

Run it in an environment with trl, torch, datasets and accelerate:

    python tests/trainers/trl_agreement.py [--record]

For each file, with the default settings and with ``assistant_only_loss``, a real trainer is built, and what it holds is
compared with our forecast: does it raise, which rows are left, and are tokens and labels the same, one by one. Of the rows
that are left, what is harmed is measured on the trainer's own tokens. Then the same at five length limits, both ways of
cutting, on real conversations. It prints a table and every disagreement, and ends with 1 if there is one.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from real_trl import CASES, ExactTokens, labelled, quiet, rows_of, rows_of_file, sft, shape_of, tokenizer
from tables import Table

import rolethread_nb as rt
from rolethread_nb.training.targets.target import OUTCOMES, Context, Forecast
from rolethread_nb.training.targets.trl import TARGETS
from rolethread_nb.training.template_files import find
from rolethread_nb.training.templates import ChatTemplate

TRL = TARGETS[0]
QWEN = "trl:qwen3"
LIMITS = (8, 33, 100, 256, 700)
# How the table of measured facts has it where that is not a plain yes; there, only rows and labels were counted, so that
# text which is lost, ignored weights and control strings stand as a yes.
FACTS = {
    False: {
        "dropped": "role_capital role_human_gpt sg_ok sg_gpt_first sg_extra_key sg_null_value sg_narrator".split(),
        "altered": ["long_prompt"],
        "refused": ["no_messages"],
    },
    True: {
        "dropped": ["long_prompt"],
        "refused": "no_messages system_user_only role_capital role_human_gpt sg_ok sg_system sg_gpt_first"
        " sg_user_assistant sg_extra_key sg_null_value sg_narrator".split(),
    },
}
RECORDED = Path(__file__).parents[1] / "recorded" / "trl_sft.json"
DATA = Path(__file__).parents[3] / "shared" / "data"
PART = "\ufffd"
COMMON_ROLES = {"system", "user", "assistant", "tool"}


def forecasts(
    records: Sequence[Any], template: str, processing_class: Any, **settings: Any
) -> list[Forecast]:
    """Ours, one a record."""
    made = ChatTemplate.of(processing_class)
    made.text = find(template).texts["default"]
    context = Context(made, ExactTokens(processing_class), {**TRL.settings, **settings})
    judge = TRL.judge(shape_of(records), context)
    return [judge(one) for one in rt.load(list(records))]


def tokens_and_trained(
    forecast: Forecast, processing_class: Any, mode: str
) -> tuple[list[int], str, list[str]]:
    """What our forecast says the trainer holds: ids that are left, their text, and the trained stretches of text."""
    text = forecast.text or ""
    ids = processing_class.encode(text, add_special_tokens=False)
    left = forecast.kept_tokens or 0
    start, end = forecast.kept or (0, len(text))
    kept = ids[len(ids) - left :] if mode == "keep_end" else ids[:left]
    return kept, text[start:end], [text[one.start : one.end] for one in forecast.trained]


def trained_stretches(ids: Sequence[int], labels: Sequence[int], processing_class: Any) -> list[str]:
    """The text of each run of trained tokens."""
    runs: list[list[int]] = []
    inside = False
    for one, label in zip(ids, labels, strict=True):
        if label != -100:
            if not inside:
                runs.append([])
            runs[-1].append(one)
        inside = label != -100
    return [processing_class.decode(run) for run in runs]


def harmed(
    record: Mapping[str, Any], row: tuple[list[int], list[int]], processing_class: Any, limit: int
) -> set[str]:
    """What is not as it was in a row that is left, measured on the trainer's own tokens."""
    ids, labels = row
    text = processing_class.decode(ids)
    trained = "".join(trained_stretches(ids, labels, processing_class))
    found = {"cut"} if len(ids) == limit else set()
    special = set(processing_class.added_tokens_decoder) - set(processing_class.encode("<think></think>"))
    for message in record.get("messages", record.get("conversations", ())):
        content, role = message.get("content", message.get("value")), message.get("role", message.get("from"))
        for piece in texts_of(content):
            if piece is None or piece not in text:
                found.add("lost")
            elif special & set(processing_class.encode(piece, add_special_tokens=False)):
                found.add("control")
            elif piece.strip() and "weight" in message and message["weight"] != (piece in trained):
                found.add("weight")
        if role not in COMMON_ROLES and role in text:
            found.add("role")
    return found


def texts_of(content: Any) -> Iterator[str | None]:
    """The texts of a content, a reasoning block apart; None for what is no text."""
    if isinstance(content, str):
        for piece in content.replace("</think>", "<think>").split("<think>"):
            yield piece.strip("\n") if "<think>" in content else piece
    elif isinstance(content, list):
        for part in content:
            yield part.get("text")
    elif content is not None:
        yield None


def compare(path: Path, assistant_only: bool) -> tuple[str, list[str], list[str]]:
    """What the real trainer does with a file, what we say, and what differs."""
    processing_class = tokenizer(QWEN)
    conversations = list(rt.load(str(path)))
    records = [one.raw for one in conversations]
    ours = forecasts(records, QWEN, processing_class, assistant_only_loss=assistant_only)
    said = [one.outcome for one in ours]
    try:
        rows = labelled(sft(rows_of_file(path), tokenizer(QWEN), assistant_only_loss=assistant_only))
    except Exception as error:
        real = f"refused ({type(error).__name__})"
        return real, said, [] if "refused" in said else [f"real trainer: {error!r}"[:200]]
    if "refused" in said:
        why = [reason.says for one in ours for reason in one.reasons if reason.outcome == "refused"]
        return "not refused", said, why
    left = [at for at, outcome in enumerate(said) if outcome != "dropped"]
    problems = [f"{len(rows)} rows, not {len(left)}"] if len(rows) != len(left) else []
    verdicts = ["dropped"] * len(records)
    for at, row in zip(left, rows, strict=False):
        harm = harmed(records[at], row, processing_class, 1024)
        verdicts[at] = "altered" if harm else "taken"
        if verdicts[at] != said[at]:
            problems.append(
                f"row {at}: {said[at]}, not {verdicts[at]}: {[r.code for r in ours[at].reasons]} {harm}"
            )
        problems += [f"row {at}: {one}" for one in differing(ours[at], row, processing_class)]
    return "/".join(verdicts), said, problems


def differing(
    forecast: Forecast, row: tuple[list[int], list[int]], processing_class: Any, mode: str = "keep_start"
) -> Iterator[str]:
    """How the tokens and labels we foretold differ from the trainer's.

    A cut may fall within a character: its part is no character, and to us it is none.
    """
    ids, labels = row
    kept, text, stretches = tokens_and_trained(forecast, processing_class, mode)
    if kept != ids:
        yield f"tokens {processing_class.decode(kept)[-80:]!r}, not {processing_class.decode(ids)[-80:]!r}"
    if text != processing_class.decode(ids).strip(PART):
        yield f"text {text[-80:]!r}, not {processing_class.decode(ids)[-80:]!r}"
    theirs = [one.strip(PART) for one in trained_stretches(ids, labels, processing_class)]
    if stretches != theirs:
        yield f"trained {stretches!r}, not {theirs!r}"[:600]
    trained = sum(label != -100 for label in labels)
    if forecast.trained_tokens != trained:
        yield f"{forecast.trained_tokens} trained tokens, not {trained}"


def cases() -> int:
    total: Counter[str] = Counter()
    tables = [
        Table("trl", f"cases as they lie, {name}", "all of a file") for name in ("default", "assistant_only")
    ]
    print(f"{'case':22} {'assistant only':14} {'SFTTrainer':24} ours")
    for path in sorted(CASES.glob("*.jsonl")):
        for assistant_only in (False, True):
            real, said, problems = compare(path, assistant_only)
            total["equal" if not problems else "DIFFERENT"] += 1
            tables[assistant_only].count(f"cases/{path.stem}", 1, int(not problems))
            worst = max(said, key=OUTCOMES.index)
            facts = next((key for key, names in FACTS[assistant_only].items() if path.stem in names), "taken")
            note = "" if facts == worst else f"(facts: {facts})"
            total["as in the facts" if facts == worst else "finer than the facts"] += 1
            print(f"{path.stem:22} {assistant_only!s:14} {real:24} {'/'.join(said):18} {note}")
            for problem in problems:
                print("   ", problem)
    print("case files:", dict(total))
    return sum(table.done() for table in tables)


def real_records() -> list[Any]:
    """Conversations of real files that SFTTrainer takes with this template."""
    found: list[Any] = []
    for name in (
        "roleplay_drama_scenes_chatml.jsonl.gz",
        "persona_agents_en.jsonl.gz",
        "openai_toolcalls_retail.jsonl.gz",
    ):
        if (DATA / name).is_file():
            dataset = rt.load(str(DATA / name))
            found += [{"messages": dataset[at].raw["messages"]} for at in range(min(20, len(dataset)))]
    return found


def truncation() -> int:
    """The same rows and the same cut as SFTTrainer."""
    records = real_records() + [one.raw for one in rt.load(str(CASES / "long_prompt.jsonl"))]
    table = Table(
        "trl", f"cut at {', '.join(map(str, LIMITS))} tokens, at either end", "rows, tokens and labels"
    )
    for limit in LIMITS:
        for mode in ("keep_start", "keep_end"):
            for assistant_only in (False, True):
                settings = {
                    "max_length": limit,
                    "truncation_mode": mode,
                    "assistant_only_loss": assistant_only,
                }
                processing_class = tokenizer(QWEN)
                ours = forecasts(records, QWEN, processing_class, **settings)
                left = [one for one in ours if one.outcome not in ("dropped", "refused")]
                rows = labelled(sft(rows_of(records), tokenizer(QWEN), **settings))
                problems = [] if len(rows) == len(left) else [f"{len(rows)} rows, not {len(left)}"]
                for one, row in zip(left, rows, strict=False):
                    found = list(differing(one, row, processing_class, mode))
                    table.count("real conversations", 1, int(not found))
                    problems += found
                table.count("real conversations", abs(len(rows) - len(left)), 0)
                cut = sum(one.kept is not None for one in left)
                print(
                    f"{limit:5} {mode:10} assistant_only={assistant_only!s:5} {len(records)} conversations: {len(rows)} left,"
                    f" {cut} of them cut {'equal' if not problems else 'DIFFERENT'}"
                )
                for problem in problems[:3]:
                    print("   ", problem)
    return table.done()


def record() -> int:
    """Write what a real SFTTrainer makes of the case files with our own ChatML, for the tests that run without it."""
    settings: dict[str, dict[str, Any]] = {
        "default": {"max_length": 100_000},
        "assistant": {"max_length": 100_000, "assistant_only_loss": True},
    }
    written = []
    for path in sorted(CASES.glob("*.jsonl")):
        for name, options in settings.items():
            processing_class = tokenizer("chatml")
            try:
                held = labelled(sft(rows_of_file(path), processing_class, **options))
            except Exception:
                held = None
            rows = held and [
                {
                    "text": processing_class.decode(ids),
                    "trained": trained_stretches(ids, labels, processing_class),
                }
                for ids, labels in held
            ]
            written.append({"case": path.stem, "setting": name, "options": options, "rows": rows})
    RECORDED.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{len(written)} verdicts in {RECORDED}")
    return 0


if __name__ == "__main__":
    quiet()
    if "--record" in sys.argv:
        sys.exit(record())
    sys.exit(min(1, cases() + truncation()))
