"""Our own ChatML template: what is meant where no template is named."""

from __future__ import annotations

# The marked part is what the assistant has to write itself: its text, its calls, and the end of its turn.
CHATML = """\
{%- macro body(message) %}
    {%- if message['reasoning_content'] %}
        {{- '<think>\\n' + message['reasoning_content'] + '\\n</think>\\n\\n' }}
    {%- endif %}
    {%- if message['content'] is string %}
        {{- message['content'] }}
    {%- else %}
        {%- for part in message['content'] %}
            {{- part if part is string else part['text'] }}
        {%- endfor %}
    {%- endif %}
    {%- for call in message['tool_calls'] %}
        {%- set function = call['function'] or call %}
        {{- '\\n' if message['content'] or not loop.first }}
        {{- '<tool_call>\\n{"name": ' + function['name']|tojson + ', "arguments": ' }}
        {{- function['arguments'] if function['arguments'] is string else function['arguments']|tojson }}
        {{- '}\\n</tool_call>' }}
    {%- endfor %}
{%- endmacro %}
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' }}
    {%- set plain = message['content'] is string and not (message['tool_calls'] or message['reasoning_content']) %}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
            {{- (message['content'] if plain else body(message)) + '<|im_end|>\\n' }}
        {%- endgeneration %}
    {%- else %}
        {{- (message['content'] if plain else body(message)) + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
