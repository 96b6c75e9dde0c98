"""Control strings of published chat templates."""

from __future__ import annotations

import re

# ChatML, Llama 2 and 3, Mistral, Gemma, Phi, Command R, DeepSeek, GPT-2.
CONTROL_PATTERN = (
    r"<\|[A-Za-z_][A-Za-z0-9_.\-]+\|>|<｜[^｜<>]{1,40}｜>|\[/?INST\]|<</?SYS>>|\[/?(?:AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
    r"|</s>|<(?:start|end)_of_turn>|<(?:bos|eos)>"
)
CONTROL = re.compile(CONTROL_PATTERN)
