"""How far our profile of Mistral agrees with mistral-common in its fine-tuning mode.

Run it in an environment with mistral-common[sentencepiece]==1.13.1 and what rolethread_nb needs:

    python tests/trainers/mistral_agreement.py [--verbose]

A row is taken if its request is valid and becomes tokens. Tokenizers v3 and v7 are in the package; for v11 and v13, which
are not, a row is taken if the request is valid.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from agreement import Ours, case_files, mutations, real_files
from harm import pieces
from mistral_common.protocol.instruct.messages import FinetuningMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from tables import Table, Theirs

import rolethread_nb as rt

Request = ChatCompletionRequest[FinetuningMessage]  # type: ignore[valid-type]
ENCODERS = {"v3": MistralTokenizer.v3(), "v7": MistralTokenizer.v7()}


def theirs(row: Any, version: str) -> Theirs:
    try:
        request = Request(messages=row.get("messages"), tools=row.get("tools"))
        get_validator(TokenizerVersion(version), ValidationMode.finetuning).validate_request(request)
        if version in ENCODERS:
            tokenizer = ENCODERS[version]
            ready = tokenizer._instruct_request_normalizer.from_chat_completion_request(request)
            text = _read(tokenizer.instruct_tokenizer.encode_instruct(ready).text)
            lost = [one for one, times in Counter(_texts(row)).items() if text.count(one) < times]
            return ("altered" if lost else "taken"), ""
    except Exception as error:
        return "refused", f"{type(error).__name__}: {error}"
    return "taken", ""


def _read(text: str) -> str:
    """What SentencePiece shows of tokens as the text they stand for: blanks, and bytes of what it has no token for."""

    def read(found: re.Match[str]) -> str:
        return bytes.fromhex(re.sub("<0x|>", "", found.group())).decode("utf-8", "replace")

    return re.sub("(?:<0x[0-9A-F]{2}>)+", read, text.replace("▁", " "))


def _texts(row: Any) -> list[str]:
    """All texts of the record that a model could be meant to get."""
    (conversation,) = rt.load([row], settings=False)
    return [piece for message in conversation for piece in pieces(message) if piece]


def says_nothing(name: str, row: Any, theirs: str, ours: str) -> str | None:
    """An answer without text and call is valid from v7 on, and refused where it becomes tokens."""
    empty = any(
        message.get("role") == "assistant" and not message.get("content") and not message.get("tool_calls")
        for message in row["messages"]
    )
    if empty and (theirs, ours) == ("taken", "refused"):
        return (
            "refused where text becomes tokens, as by v7; this tokenizer is not here, so that step is not run"
        )
    return None


def main() -> int:
    failed = 0
    for version in ("v3", "v7", "v11", "v13"):
        table = Table("mistral", f"tokenizer {version}")
        if version not in ENCODERS:
            table.explained = says_nothing
        for name, rows in [*case_files(), *real_files(None), ("mutations", mutations(1000))]:
            ours = Ours.of("mistral", rows, {"tokenizer_version": version, "images": version not in ENCODERS})
            # Without a tokenizer there is no text to find anything altered in.
            unseen = () if version in ENCODERS else ("text_trimmed", "system_lost", "turn_lost")
            for at, row in enumerate(rows):
                if isinstance(row, dict):
                    found = theirs(row, version) if ours.forecasts[at] is not None else ("", "")
                    table.add(name, row, found, ours.outcome(at, unseen), ours.says(at))
        failed |= table.done()
    return failed


if __name__ == "__main__":
    sys.exit(main())
