"""How far our renderer agrees with `transformers`, on every template in the installed `trl` and every case file.

Run it in an environment with transformers and trl (neither needs torch for this):

    python tests/trainers/render_agreement.py [--verbose]

It prints a table and every disagreement, and ends with 1 where one is not explained below.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

sys.path.insert(0, str(Path(__file__).parent))

from tables import Table

from rolethread_nb.training.locating import Locator
from rolethread_nb.training.masking import AssistantMask
from rolethread_nb.training.templates import ChatTemplate, TemplateRefusedError

CASES = Path(__file__).parent / "cases"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
ROLES = {"from": "role", "value": "content"}

# Where our span method places a mask otherwise than TRL's training template, and why.
EXPLAINED = {
    "cohere2": "the template lowers the case of roles; to us 'Assistant' is another role than 'assistant'",
    "deepseek_r1_distill": "TRL trains the header <｜Assistant｜> too; it is the generation prompt, so we do not",
    "deepseekv3": "TRL trains the header <｜Assistant｜> too; it is the generation prompt, so we do not",
    "diffusion_gemma": "a tool's answer is written into the turn, and nothing says where the call before it is closed",
    "glm4moe": "a turn is closed by the header of the next, <|user|>; TRL trains it, to us it is the header",
    "gptoss": "TRL trains the header <|start|>assistant too; it is the generation prompt, so we do not",
    "idefics3": "the template loses every text that is a string, so that there is nothing to measure a turn by",
    "llava_next": "one blank before and after a turn",
    "muse_glimmer": "TRL trains the header <|start|>assistant too; it is the generation prompt, so we do not",
    "qwen2_5": "TRL trains the line break that ends the header; it is in the generation prompt, so we do not",
    "smolvlm": "the template loses every text that is a string, so that there is nothing to measure a turn by",
}

logging.getLogger("transformers").setLevel(logging.ERROR)


class FixedClock(datetime):
    """`transformers` tells a template the day of the run; here it tells the same day as ours."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return NOON


chat_template_utils.datetime = FixedClock


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """One token a character, so that a mask of tokens is a mask of characters."""
    tiny = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    tiny.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=tiny, split_special_tokens=True, **TOKENS)


def templates() -> dict[str, str]:
    spec = find_spec("trl")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("trl is not installed here")
    folder = Path(next(iter(spec.submodule_search_locations)), "chat_templates")
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.jinja"))}


def rows() -> Iterator[tuple[str, list[Any], list[Any] | None]]:
    """Case, messages as a template gets them, tools. ShareGPT keys are renamed as TRL does; roles are not."""
    for path in sorted(CASES.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1]):
            record = json.loads(line)
            messages = record.get("messages", record.get("conversations"))
            renamed = [{ROLES.get(key, key): value for key, value in one.items()} for one in messages]
            yield f"{path.stem}[{number}]", renamed, record.get("tools")


def theirs(text: str, messages: list[Any], tools: Any, **more: Any) -> str:
    """What transformers writes, or its error after a NUL."""
    try:
        return str(
            tokenizer().apply_chat_template(messages, tools=tools, chat_template=text, tokenize=False, **more)
        )
    except Exception as error:
        return f"\0{type(error).__name__}: {error}"


def ours(template: ChatTemplate, messages: list[Any], tools: Any, **more: Any) -> str:
    try:
        return template.render(messages, tools, **more).text
    except TemplateRefusedError as error:
        return f"\0{error.kind}: {error.words}"


def their_mask(text: str, messages: list[Any], tools: Any) -> str:
    """One character a token: 1 is trained."""
    out = tokenizer().apply_chat_template(
        messages, tools=tools, chat_template=text, return_assistant_tokens_mask=True
    )
    return "".join(map(str, out["assistant_masks"]))


def as_mask(spans: Any, length: int) -> str:
    mask = ["0"] * length
    for start, end in spans:
        mask[start:end] = "1" * (end - start)
    return "".join(mask)


def trained(text: str, mask: str) -> list[str]:
    """The stretches of a text that a mask trains."""
    found, inside = [], False
    for character, bit in zip(text, mask, strict=True):
        if bit == "1":
            if not inside:
                found.append("")
            found[-1] += character
        inside = bit == "1"
    return found


def render_table() -> int:
    counts: Counter[tuple[str, str]] = Counter()
    table = Table("trl", "templates of the wheel, rendered", "text, or refusal")
    for name, text in templates().items():
        template = ChatTemplate.of(text, special_tokens=TOKENS, clock=NOON)
        for case, messages, tools in rows():
            for prompt in (False, True):
                one = theirs(text, messages, tools, add_generation_prompt=prompt)
                other = ours(template, messages, tools, add_generation_prompt=prompt)
                verdict = "refused" if one[:1] == "\0" else "rendered"
                counts[verdict, "equal" if one == other else "DIFFERENT"] += 1
                table.count(f"cases/{case.partition('[')[0]}", 1, int(one == other))
                if one != other:
                    print("RENDER", name, case, prompt, repr(one[-200:]), repr(other[-200:]), sep="\n   ")
    print("renders:", dict(counts))
    return table.done()


def mask_tables(verbose: bool) -> int:
    known = templates()
    bad = 0
    marked = Table("trl", "templates of the wheel, `generation` marks", "mask")
    measured = Table(
        "trl", "templates of the wheel, the span method beside TRL's own training template", "mask"
    )
    total: Counter[tuple[str, str]] = Counter()
    for plain in sorted({name.removesuffix("_training") for name in known}):
        name = f"{plain}_training" if f"{plain}_training" in known else plain
        if not ChatTemplate.of(known[name]).has_generation_marks:
            continue
        twin = ChatTemplate.of(known[name], special_tokens=TOKENS, clock=NOON)
        original = ChatTemplate.of(known[plain], special_tokens=TOKENS, clock=NOON)
        locator = Locator(original)
        masker = AssistantMask(locator)
        marks: Counter[str] = Counter()
        spans: Counter[str] = Counter()
        shown: Counter[str] = Counter()
        for case, messages, tools in rows():
            try:
                rendered = twin.render(messages, tools)
            except TemplateRefusedError:
                marks["refused"] += 1
                continue
            wanted = their_mask(known[name], messages, tools)
            mine = as_mask(rendered.generated, len(rendered.text))
            marks["equal" if mine == wanted else "DIFFERENT"] += 1
            bad += mine != wanted
            try:
                alone = original.render(messages, tools)
            except TemplateRefusedError:
                spans["plain refuses"] += 1
                continue
            if alone.text != rendered.text:
                spans["other text"] += 1
                continue
            extents = masker.extents(messages, alone, tools)
            guess = as_mask([(one.start, one.end) for one in extents], len(alone.text))
            how = "equal" if guess == wanted else compare(alone.text, guess, wanted)
            spans[how] += 1
            shown[how] += 1
            if verbose and how != "equal" and shown[how] <= 2:
                print(
                    f"   {plain} {case} {how}\n      TRL  {trained(alone.text, wanted)!r}\n      ours {trained(alone.text, guess)!r}"
                )
        compared = spans["equal"] + spans["blanks"] + spans["other"]
        print(f"{plain:24} marks {dict(marks)}   spans {dict(spans)}")
        total["turn masks", "equal"] += spans["equal"]
        total["turn masks", "compared"] += compared
        total["marks", "equal"] += marks["equal"]
        total["marks", "compared"] += marks["equal"] + marks["DIFFERENT"]
        marked.count(f"cases, {plain}", marks["equal"] + marks["DIFFERENT"], marks["equal"])
        why = f"{plain}: {EXPLAINED[plain]}" if plain in EXPLAINED else None
        measured.count(f"cases, {plain}", compared, spans["equal"], why)
        if compared > spans["equal"]:
            print(f"{'':24} {EXPLAINED.get(plain, 'NOT EXPLAINED')}")
            bad += plain not in EXPLAINED
    print("masks:", dict(total))
    return bad | marked.done() | measured.done()


def compare(text: str, guess: str, wanted: str) -> str:
    """How two masks of one text differ: in blanks only, or in more."""
    differing = [character for character, one, other in zip(text, guess, wanted, strict=True) if one != other]
    return "blanks" if "".join(differing).strip() == "" else "other"


if __name__ == "__main__":
    verbose = "--verbose" in sys.argv
    sys.exit(min(1, render_table() + mask_tables(verbose)))
