"""A dataset with a value of 1 MB in every place that can hold one."""

from __future__ import annotations

import json
from typing import Any

HUGE = "x" * 1_000_000


def chat(n: int, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": f"question {n}"}, {"role": "assistant", "content": f"answer {n}"}]
    return {"id": f"c{n}", **more, "messages": turns}


def corpus() -> dict[str, dict[str, Any]]:
    """One record for each place, by the name of the place."""
    asked, said = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    call = {
        "id": HUGE,
        "type": "function",
        "function": {"name": HUGE, "arguments": json.dumps({HUGE[:1000]: HUGE})},
    }
    found = {
        "role": [{"role": HUGE, "content": "a"}, said],
        "speaker": [{**asked, "name": HUGE}, {**said, "name": HUGE + "y"}],
        "word": [{**asked, "content": HUGE}, {**said, "content": f"{HUGE} {HUGE}"}],
        "key": [{**asked, HUGE: 1}, said],
        "system": [{"role": "system", "content": HUGE}, asked, said],
        "tool": [
            asked,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": HUGE, "name": HUGE, "content": HUGE},
        ],
        "part": [
            {
                "role": "user",
                "content": [{"type": HUGE, "x": 1}, {"type": "image_url", "image_url": {"url": HUGE}}],
            },
            said,
        ],
        "reasoning": [asked, {**said, "reasoning_content": HUGE}],
    }
    records = {name: {"id": name, "messages": messages} for name, messages in found.items()}
    records["id"] = chat(0, id=HUGE)
    records["title"] = chat(1, title=HUGE)
    records["record key"] = chat(2, **{HUGE: HUGE})
    records["record tag"] = chat(3, tags=[HUGE])
    records["review"] = chat(4, id="review")
    return records
