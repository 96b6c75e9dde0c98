"""Writes the seed corpus: one small file for every container and layout."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import zstandard

CORPUS = Path(__file__).parent / "corpus"
U, A = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RECORDS: dict[str, Any] = {
    "messages": {"id": "a", "messages": [{"role": "system", "content": "S"}, U, A]},
    "sharegpt": {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]},
    "tools": {
        "messages": [U, CALL, {"role": "tool", "tool_call_id": "c", "content": "1"}, A],
        "tools": [{"type": "function"}],
    },
    "parts": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}]}, A]
    },
    "alpaca": {"instruction": "Hi", "input": "x", "output": "Ho", "history": [["a", "b"]]},
    "prompt-completion": {"prompt": "User: Hi\nTIM: Ho\nUser: So?\nTIM:", "completion": " Yes"},
    "preference": {"chosen": [U, A], "rejected": [U, {"role": "assistant", "content": "No"}]},
    "preference-openai": {"input": {"messages": [U]}, "preferred_output": [A], "non_preferred_output": [A]},
    "kto": {"messages": [U, A], "label": True},
    "query-response": {"query": "Hi", "response": "Ho"},
    "pairs": {"conversation": [{"system": "S", "input": "Hi", "output": "Ho"}]},
    "named": {"dialog": [{"speaker": "A", "utterance": "Hi"}, {"speaker": "B", "sentences": ["Ho"]}]},
    "transcript": {"text": "### Human: Hi\n### Assistant: Ho"},
    "chatml": {"text": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>"},
    "odd": {
        "messages": ["role:", {}, {"role": None, "content": 5, "},{": "x"}, [U]],
        "n": 12345678901234567890123,
    },
    "texts": {
        "messages": [{"role": "Bot", "content": "FranÃ§oise\u200b &amp; <|im_end|> {{user}} \\n a@b.co \f"}]
    },
}


def seeds() -> dict[str, bytes]:
    """The seeds by name."""
    lines = {name: json.dumps(record, ensure_ascii=False).encode() for name, record in RECORDS.items()}
    every = b"\n".join(lines.values())
    containers = {
        "array.json": b"[" + b",\n".join(lines.values()) + b"]",
        "pretty.json": json.dumps(RECORDS["messages"], indent=2).encode(),
        "keyed.json": json.dumps({"one": RECORDS["messages"], "two": RECORDS["kto"]}).encode(),
        "mixed.jsonl": every,
        "crlf.jsonl": every.replace(b"\n", b"\r\n"),
        "bom.jsonl": b"\xef\xbb\xbf" + lines["messages"],
        "utf16.jsonl": lines["texts"].decode().encode("utf-16"),
        "gzip.jsonl.gz": gzip.compress(lines["messages"], mtime=0),
        "zstd.jsonl.zst": zstandard.ZstdCompressor().compress(lines["messages"]),
        "table.csv": b'id,messages\r\n1,"[{""role"": ""user"", ""content"": ""Hi""}]"\r\n',
        "truncated.jsonl": every[:-9],
        "latin1.jsonl": '{"messages": [{"role": "user", "content": "café"}]}'.encode("latin-1"),
        "damaged.jsonl": b'{"messages": [{"role": "user", "content": "Hi"},]}\n{"a": NaN, "a": "\\ud83d"}\n[,\n',
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "bare.jsonl": json.dumps([U, A]).encode(),
    }
    return {**{f"{name}.jsonl": data for name, data in lines.items()}, **containers}


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    for name, data in seeds().items():
        (CORPUS / name).write_bytes(data)
