"""LLaMA-Factory: its converters ``sharegpt`` and ``openai``, and its loss, pair by pair of question and answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...core.model import Conversation, Span
from ..masking import AssistantMask
from .llamafactory_rows import Columns, align
from .reasons import RowError, because
from .records import numbering
from .rendering import Text, Writer, numbered
from .target import Context, Forecast, Reason, Shape, Target
from .turn_reasons import cut_around, in_order, unread, with_weights

_TITLE = "LLaMA-Factory"


class _Judge:
    def __init__(self, shape: Shape, context: Context) -> None:
        settings = context.settings
        self._writer = Writer(context)
        self._columns = Columns.of(shape, str(settings["formatting"]))
        self._limit: int = settings["cutoff_len"]
        self._on_prompt = bool(settings["train_on_prompt"])
        self._last_only = bool(settings["mask_history"])
        self._mask = AssistantMask(context.locator)

    def __call__(self, conversation: Conversation) -> Forecast:
        turn_of = numbering(conversation, self._columns.messages)
        try:
            made = align(conversation.raw, self._columns, conversation.reading.system is not None, turn_of)
        except RowError as error:
            turn = turn_of(error.at) if error.at is not None else None
            return Forecast((because(error.code, error.says, turn, error.outcome),))
        text = self._writer.write(made.messages, made.turns, made.tools)
        if isinstance(text, Reason):
            # LLaMA-Factory writes with a template of its own, which refuses nothing.
            return Forecast(in_order(made.reasons))
        reasons = [*made.reasons, *self._text_reasons(text), *unread(conversation, text.turns, _TITLE)]
        reasons += self._history(conversation, text) if self._last_only else ()
        return with_weights(conversation, self._forecast(text, reasons), _TITLE)

    def _text_reasons(self, text: Text) -> Iterator[Reason]:
        """What the text says of control strings; what is lost in the model's template is not lost in LLaMA-Factory's own."""
        for reason in self._writer.text_reasons(text):
            if reason.code == "control_string":
                yield reason

    # ------------------------------------------------------------------ loss

    def _forecast(self, text: Text, reasons: list[Reason]) -> Forecast:
        pairs = list(self._pairs(text))
        order = list(reversed(pairs)) if self._last_only else pairs
        kept: list[Span] = []
        trained: list[Span] = []
        total = count = trained_count = 0
        for place, pair in enumerate(order):
            spans = [self._tokens(text.text, stretch) for stretch in pair]
            count += sum(map(len, spans))
            room = self._limit - total
            lengths = shared_room(len(spans[0]), len(spans[1]), room) if room > 0 else (0, 0)
            total += sum(lengths)
            loss = (self._on_prompt, not (self._last_only and place))
            for tokens, length, counts in zip(spans, lengths, loss, strict=True):
                if not length:
                    continue
                stretch = Span(tokens[0].start, tokens[length - 1].end)
                kept.append(stretch)
                if counts:
                    trained.append(stretch)
                    trained_count += length
        kept.sort()
        reasons += self._cut(text, kept) if total < count else ()
        if not trained_count:
            reasons.append(because("nothing_trained", "No token of it is trained."))
        return Forecast(
            reasons=in_order(reasons),
            text=text.text,
            trained=tuple(_joined(sorted(trained))),
            kept=Span(kept[0].start, kept[-1].end) if kept and total < count else None,
            located=numbered(text),
            tokens=count,
            trained_tokens=trained_count,
            kept_tokens=total,
        )

    def _pairs(self, text: Text) -> Iterator[tuple[Span, Span]]:
        """Each answer, and what stands before it since the answer before."""
        before = 0
        for one in self._mask.extents(text.messages, text.rendered, text.tools):
            yield Span(before, one.start), Span(one.start, one.end)
            before = one.end

    def _tokens(self, text: str, stretch: Span) -> list[Span]:
        """The tokens of a stretch, which is made into tokens by itself."""
        start = stretch.start
        return [
            Span(one.start + start, one.end + start)
            for one in self._writer.tokens.spans(text[start : stretch.end])
        ]

    def _history(self, conversation: Conversation, text: Text) -> Iterator[Reason]:
        """The answers before the last, but those that are not to be trained anyway."""
        answers = [at for at, message in enumerate(text.messages) if message["role"] == "assistant"]
        for at in answers[:-1]:
            turn = text.turns[at]
            raw = conversation.messages[turn].raw if turn is not None else None
            if not (isinstance(raw, Mapping) and raw.get("weight", raw.get("train")) == 0):
                yield because("answer_not_trained", "mask_history trains the last answer only.", turn)

    def _cut(self, text: Text, kept: Sequence[Span]) -> Iterator[Reason]:
        """Turns of which something is not in what is kept: the limit is shared out between each question and its answer."""
        told = False
        for one in text.located:
            wanted = sum(end - start for start, end in one.spans)
            left = sum(
                max(0, min(end, stretch.end) - max(start, stretch.start))
                for start, end in one.spans
                for stretch in kept
            )
            if one.what != "content" or left == wanted:
                continue
            answer = text.messages[one.turn]["role"] == "assistant"
            code = ("answer_cut" if left else "answer_cut_off") if answer else "text_cut"
            what = "cuts off its end" if left else "leaves nothing of it"
            told = True
            yield because(code, f"The limit of {self._limit} tokens {what}.", text.turns[one.turn])
        if not told:
            yield cut_around(self._limit)


def shared_room(source: int, target: int, room: int) -> tuple[int, int]:
    """How many tokens of a question and of its answer are kept of so many."""
    if target * 2 < room:
        most = room
    elif source * 2 < room:
        most = room - source
    else:
        most = int(room * (target / (source + target)))
    kept = min(most, target)
    return min(max(room - kept, 0), source), kept


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """Stretches that follow each other as one."""
    current: Span | None = None
    for span in spans:
        if current is not None and current.end == span.start:
            current = Span(current.start, span.end)
            continue
        if current is not None:
            yield current
        current = span
    if current is not None:
        yield current


def _refuses_file(shape: Shape, context: Context) -> str | None:
    columns = Columns.of(shape, str(context.settings["formatting"]))
    if shape.rows and columns.messages not in shape.keys:
        return f"No row has a column `{columns.messages}`: KeyError."
    return None


TARGETS = (
    Target(
        name="llamafactory",
        title=_TITLE,
        package="llamafactory",
        version="0.9.5",
        basis="measured",
        settings={
            "formatting": "sharegpt",
            "cutoff_len": 2048,
            "train_on_prompt": False,
            "mask_history": False,
        },
        judge=_Judge,
        refuses_file=_refuses_file,
        notes=(
            "Columns and tags are taken as a dataset_info.json entry for this file would name them: after its first record.",
            "LLaMA-Factory writes with templates of its own (chatml, llama3, ...); the text shown here is the model's template's.",
            "Where every row is dropped, the run ends: RuntimeError: Cannot find valid samples.",
        ),
        limit="cutoff_len",
    ),
)
