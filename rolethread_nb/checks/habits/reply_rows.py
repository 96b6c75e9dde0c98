"""The replies of a block."""

from __future__ import annotations

import numpy as np

from ...core.blocks import Block
from ...core.word_table import Places
from . import replied


def reply_rows(block: Block) -> Places:
    """The rows of the turn table that are replies: texts of the assistant, of conversations that are no repetition of an earlier one.

    The rejected side of a preference pair is meant to be worse and is none.
    """
    if not block.turns.height:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(replied.reply_rows(block) & block.fresh[block.turns["conversation"].to_numpy()])
