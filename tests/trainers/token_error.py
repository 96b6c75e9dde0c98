"""How far the estimate of tokens is off: by kind of text and tokenizer, on real texts and real vocabularies.

Run it in an environment with tokenizers, tiktoken, gguf and mistral-common[sentencepiece], and give it folders that hold

* the texts: the real datasets of this project (`shared/data`), and an unpacked wheel of `django` for scripts they lack;
* the vocabularies: unpacked `litellm` (o200k, cl100k, DeepSeek) and `llama-cpp-python` (Llama 3, Qwen 2, Gemma 4, Llama 2).

    python tests/trainers/token_error.py DATA UNPACKED [--fit]

It prints a table of errors, estimate / exact - 1, and the band that `training/estimate.py` quotes. With ``--fit`` it prints
the weights that fit best, for the same file.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import rolethread_nb as rt
from rolethread_nb.training import estimate

Count = Callable[[list[str]], list[int]]

A_KIND = 120  # conversations of a kind
LETTERS = 20_000  # characters of a conversation that are looked at; some plays go on for ever
FILES = {
    "English persona": "persona_agents_en.jsonl.gz",
    "English chat": "personachat_named_speakers_en.jsonl",
    "English answers": "messages_kto_en.json",
    "English preference": "preference_dpo_en_sharegpt.json",
    "English roleplay": "alpaca_roleplay_gpteacher.json",
    "English tutor": "completion_tutor_transcripts.jsonl",
    "tool calls": "sharegpt_glaive_toolcall.json",
    "Chinese counselling": "chinese_counselling_smile.jsonl",
    "Yiddish drama": "rtl_drama_yiddish_named_roles.jsonl.gz",
}
DRAMA = {
    "ger": "German",
    "rus": "Russian",
    "ita": "Italian",
    "ard": "Spanish",
    "ud": "Ukrainian",
    "dutch": "Dutch",
}
LOCALES = {
    "ar": "Arabic", "bg-BG": "Bulgarian", "zh-CN": "Chinese", "zh-TW": "Chinese (Taiwan)", "ja-JP": "Japanese",
    "ko-KR": "Korean", "fr-FR": "French", "tr-TR": "Turkish", "es-ES": "Spanish", "pt-BR": "Portuguese",
    "de-DE": "German", "it-IT": "Italian", "nl-NL": "Dutch", "pl-PL": "Polish", "vi-VN": "Vietnamese", "fa-IR": "Persian",
    "ru-RU": "Russian", "en-US": "English",
}  # fmt: skip
CATALOGUES = {"hi": "Hindi", "bn": "Bengali", "ta": "Tamil", "te": "Telugu", "th": "Thai", "my": "Burmese", "el": "Greek",
              "he": "Hebrew", "hy": "Armenian", "ka": "Georgian", "km": "Khmer", "kn": "Kannada", "ml": "Malayalam"}  # fmt: skip


def chatml(turns: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in turns)


def kinds(data: Path, unpacked: Path) -> dict[str, list[str]]:
    """Rendered conversations by kind of text."""
    found: dict[str, list[str]] = defaultdict(list)
    for kind, name in FILES.items():
        found[kind] = [chatml((m.role or "user", m.text) for m in one) for one in rt.load(data / name)]
    for one in rt.load(data / "openai_toolcalls_retail.jsonl.gz"):
        found["tool calls"].append(
            chatml((m.role or "user", m.text or json.dumps(m.raw.get("tool_calls"))) for m in one)
        )
    for one in rt.load(data / "big" / "real_mixed.jsonl.zst"):
        source, _, rest = str(one.raw["id"]).partition(":")
        text = chatml((m.role or "user", m.text) for m in one)
        if source == "dracor":
            corpus = rest.partition("dracor")[0]
            if corpus in DRAMA:
                found[f"{DRAMA[corpus]} drama"].append(text)
        elif source == "lobe":
            found[f"{LOCALES.get(rest.rpartition('/')[2], 'other')} persona"].append(text)
        elif source == "tm4":
            found["English tickets"].append(text)
    found["Python"] = list(chats_of(python_sources(), 1))
    for code, language in CATALOGUES.items():
        found[f"{language} catalogue"] = list(chats_of(catalogue(unpacked, code), 8))
    chosen = random.Random(1)
    return {
        kind: [one[:LETTERS] for one in chosen.sample(texts, min(A_KIND, len(texts)))]
        for kind, texts in sorted(
            (kind, [one for one in every if len(one) > 60]) for kind, every in found.items()
        )
        if len(texts) >= 5 and not kind.startswith("other")
    }


def chats_of(texts: Iterable[str], size: int) -> Iterator[str]:
    """Chats of ``size`` texts each."""
    texts = iter(texts)
    while chunk := list(islice(texts, size)):
        yield chatml((("user", "assistant")[at % 2], text) for at, text in enumerate(chunk))


def python_sources() -> Iterator[str]:
    """Functions and classes of the standard library."""
    for path in sorted(Path(json.__file__).parents[1].glob("*.py"))[:40]:
        source = path.read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield ast.get_source_segment(source, node) or ""


def catalogue(unpacked: Path, language: str) -> Iterator[str]:
    """The sentences of the translations that django ships."""
    for path in sorted(unpacked.glob(f"django*/django/**/locale/{language}/LC_MESSAGES/django.po")):
        for entry in re.findall(r'^msgstr ((?:".*"\n)+)', path.read_text(encoding="utf-8"), re.MULTILINE):
            text = "".join(ast.literal_eval(line) for line in entry.splitlines())
            if len(text) > 20 and "Content-Type" not in text:
                yield text


def tokenizers(unpacked: Path) -> dict[str, Count]:
    """What counts the tokens of texts without control strings, by name; the older ones have a star."""
    import mistral_common
    import tiktoken
    from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer
    from tokenizers import Tokenizer

    cached = next(unpacked.glob("litellm*/litellm/litellm_core_utils/tokenizers"))
    os.environ["TIKTOKEN_CACHE_DIR"] = str(cached)
    shipped = Path(mistral_common.__file__).parent / "data"

    def ids(encode: Callable[[str], Any]) -> Count:
        return lambda texts: [len(encode(text)) for text in texts]

    def batch(tokenizer: Any) -> Count:
        return lambda texts: [len(one.ids) for one in tokenizer.encode_batch(texts, add_special_tokens=False)]

    def tik(name: str) -> Count:
        encoding = tiktoken.get_encoding(name)
        return lambda texts: [len(one) for one in encoding.encode_ordinary_batch(texts)]

    tekken = Tekkenizer.from_file(str(shipped / "tekken_240911.json"))
    v3 = SentencePieceTokenizer(str(shipped / "mistral_instruct_tokenizer_240323.model.v3"))
    return {
        "Llama 3": batch(byte_level(vocabulary(unpacked, "llama-bpe"), LLAMA_3)),
        "Qwen 2": batch(byte_level(vocabulary(unpacked, "qwen2"), QWEN_2)),
        "Gemma 4": batch(gemma(vocabulary(unpacked, "gemma-4"))),
        "Tekken": ids(lambda text: tekken.encode(text, bos=False, eos=False)),
        "DeepSeek": batch(Tokenizer.from_file(str(cached / "deepseek_tokenizer.json"))),
        "o200k": tik("o200k_base"),
        "cl100k*": tik("cl100k_base"),
        "Mistral v3*": ids(lambda text: v3.encode(text, bos=False, eos=False)),
    }


LLAMA_3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN_2 = LLAMA_3.replace("{1,3}", "")


def vocabulary(unpacked: Path, name: str) -> tuple[list[str], list[str]]:
    """Tokens and merges of a vocabulary file of llama.cpp."""
    from gguf import GGUFReader

    path = next(unpacked.glob(f"llama_cpp_python*/vendor/llama.cpp/models/ggml-vocab-{name}.gguf"))
    fields = GGUFReader(str(path)).fields
    return fields["tokenizer.ggml.tokens"].contents(), fields["tokenizer.ggml.merges"].contents()


def byte_level(vocabulary: tuple[list[str], list[str]], pattern: str) -> Any:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    tokens, merges = vocabulary
    pairs = [tuple(merge.split(" ")) for merge in merges]
    made = Tokenizer(models.BPE({token: at for at, token in enumerate(tokens)}, pairs, ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return made


def gemma(vocabulary: tuple[list[str], list[str]]) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokens, merges = vocabulary
    pairs = [tuple(merge.split(" ")) for merge in merges]
    ids = {token: at for at, token in enumerate(tokens)}
    made = Tokenizer(models.BPE(ids, pairs, byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    return made


CONTROL = re.compile(r"<\|im_(?:start|end)\|>")


def exact(count: Count, texts: list[str]) -> np.ndarray[Any, Any]:
    """Tokens of each rendered conversation, where a control string is one token, as it is with the model's own template."""
    parts = [CONTROL.split(text) for text in texts]
    counts = iter(count([part for one in parts for part in one]))
    return np.array([sum(next(counts) for _ in one) + len(one) - 1 for one in parts])


# Where, in a run, the weight of a class may change.
PLACES = {
    "blank": (0,), "line": (0, 1), "lower": (0, 1, 3, 9), "upper": (0, 1), "accented": (0,), "digit": (0, 1), "punctuation": (0, 1, 4),
    "symbol": (0, 1), "wide": (0, 1), "cyrillic": (0, 1), "greek": (0, 1), "arabic": (0,), "hebrew": (0, 1), "point": (0,),
    "indic": (0,), "thai": (0,), "rare": (0,), "hangul": (0, 1), "kana": (0,), "han": (0,), "emoji": (0, 1), "other": (0,),
}  # fmt: skip
RARE = (
    "catalogue"  # kinds that the band leaves out: short texts, in scripts on which tokenizers disagree most
)


def fitted(texts: dict[str, list[str]], counts: dict[str, dict[str, Any]]) -> dict[str, tuple[int, ...]]:
    """The weights, in hundredths, with the least square of relative error against the mean of today's tokenizers."""
    from scipy.optimize import nnls

    columns = [(name, place) for name, places in PLACES.items() for place in places]
    rows, aims = [], []
    for kind, every in texts.items():
        mean = np.exp(np.mean([np.log(one[kind]) for name, one in counts.items() if today(name)], axis=0))
        importance = 2 if kind.startswith(("English", "Python", "tool")) else 0.5 if RARE in kind else 1
        scale = (importance / len(every)) ** 0.5
        for text, tokens in zip(every, mean, strict=True):
            rows.append(features(text, columns) / tokens * scale)
            aims.append((1 - len(CONTROL.findall(text)) / tokens) * scale)
    ridge = 0.02 * np.eye(len(columns))  # what hardly ever occurs stays near nothing
    weights = np.round(
        nnls(np.vstack([rows, ridge]), np.concatenate([aims, np.zeros(len(columns))]))[0] * 100
    )
    found = dict(zip(columns, weights.astype(int).tolist(), strict=True))
    return {
        name: tuple(
            found[name, max(begin for begin in places if begin <= place)] for place in range(places[-1] + 1)
        )
        for name, places in PLACES.items()
    }


def features(text: str, columns: list[tuple[str, int]]) -> np.ndarray[Any, Any]:
    """How many characters of a text have each class and place."""
    kinds, place = estimate.places([text])[:2]
    of_control = np.zeros(len(text), dtype=bool)
    for control in CONTROL.finditer(text):
        of_control[control.start() : control.end()] = True
    sums = np.zeros(len(columns))
    known = list(estimate.WEIGHTS)
    for at, (name, begin) in enumerate(columns):
        later = [other for other in PLACES[name] if other > begin]
        inside = (kinds == known.index(name)) & (place >= begin) & ~of_control
        sums[at] = np.count_nonzero(inside & (place < later[0]) if later else inside)
    return sums


def today(tokenizer: str) -> bool:
    return not tokenizer.endswith("*")


def band(errors: list[np.ndarray[Any, Any]]) -> tuple[float, float]:
    """5th and 95th percentile, each list counting alike."""
    values = np.concatenate(errors)
    weights = np.concatenate([np.full(len(one), 1 / len(one)) for one in errors])
    order = np.argsort(values)
    shares = np.cumsum(weights[order]) / weights.sum()
    low, high = values[order][np.searchsorted(shares, [0.05, 0.95])]
    return round(float(low), 2), round(float(high), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("unpacked", type=Path)
    parser.add_argument("--fit", action="store_true")
    given = parser.parse_args()
    texts = kinds(given.data, given.unpacked)
    counts = {
        name: {kind: exact(count, every) for kind, every in texts.items()}
        for name, count in tokenizers(given.unpacked).items()
    }
    if given.fit:
        for name, weights in fitted(texts, counts).items():
            print(f'    "{name}": {weights},')
        return
    print(f"{'estimate / exact - 1':26}", *(f"{name:>11}" for name in counts), "  5% to 95% of today's")
    errors: dict[str, list[np.ndarray[Any, Any]]] = {}
    for kind, every in texts.items():
        guess = estimate.Estimate().count_many(every)
        errors[kind] = [guess / one[kind] - 1 for name, one in counts.items() if today(name)]
        total = (f"{guess.sum() / one[kind].sum() - 1:+11.2f}" for one in counts.values())
        print(f"{kind:26}", *total, "  {:+.2f} to {:+.2f}".format(*band(errors[kind])))
    for title, chosen in (
        (
            "English, tool calls, Python",
            [kind for kind in texts if kind.startswith(("English", "tool", "Python"))],
        ),
        ("all but catalogues", [kind for kind in texts if RARE not in kind]),
        ("catalogues", [kind for kind in texts if RARE in kind]),
    ):
        print(title, band([one for kind in chosen for one in errors[kind]]))


if __name__ == "__main__":
    main()
