"""Coverage-guided fuzzing of the reader: whatever bytes a file holds, nothing raises and the same bytes leave.

    make fuzz SECONDS=600

The seeds in ``corpus/`` are small files in every container and layout, made by ``seeds.py``. What the fuzzer finds goes into
``found/`` (not committed); an input that fails is written to ``failed-*`` and becomes a test.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rolethread_nb"]):
    import rolethread_nb as rt

_OUT = Path(tempfile.mkdtemp(prefix="rolethread_nb_fuzz_")) / "out.jsonl"


def read(data: bytes) -> None:
    """Read, check, repair, write and read again."""
    try:
        dataset = rt.load(data, progress=False, settings=False)
        report = dataset.check()
    except rt.SourceError:
        return  # no dataset at all, said in a sentence
    report.to_json()
    assert sum(len(conversation) for conversation in dataset) == dataset.index.turns.height
    if dataset.sources[0].packed is None and dataset.sources[0].damage is None:
        dataset.export(_OUT, "same", overwrite=True)
        source = dataset.sources[0]
        if source.encoding == "utf-8":
            assert _OUT.read_bytes() == source.read(0, source.size)
    report.repairs(unsafe=True).apply()
    dataset.check().to_json()
    dataset.export(_OUT, "messages", overwrite=True)
    rt.load(_OUT, progress=False).check()


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
