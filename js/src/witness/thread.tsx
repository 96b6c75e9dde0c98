import { useEffect, useRef } from "preact/hooks";
import { LiteralText } from "../lib/literal.tsx";
import { memo } from "../lib/memo.ts";
import { flash, reveal } from "../lib/scroll.ts";
import { Empty } from "../lib/status.tsx";
import { plural } from "../lib/text.ts";
import { roleClass, TurnLabel } from "../preflight/rendered.tsx";
import type { Board } from "./board.ts";
import { States } from "./list.tsx";
import type { Difference, Opened, Sequence, WitnessPiece, WitnessTurn } from "./protocol.ts";

interface Props {
  board: Board;
  literal: boolean;
  onLiteral: () => void;
}

/** One conversation as a thread, each turn's text marked as the trainer's labels say. */
export function ThreadView(props: Props) {
  const { board } = props;
  const { shown } = board;
  if (!shown) return <Empty text={board.busy ? "Loading the conversation…" : board.state.empty || "Choose a conversation to see what is trained of it."} busy={board.busy} />;
  return <OpenThread {...props} shown={shown} />;
}

function OpenThread({ board, literal, onLiteral, shown }: Props & { shown: Opened }) {
  const box = useRef<HTMLDivElement>(null);
  const leave = useRef(() => {});
  useEffect(() => {
    leave.current();
    if (box.current) box.current.scrollTop = 0;
  }, [shown.key]);
  useEffect(() => () => leave.current(), []);
  const { index, title, id, line, states, why, differences, sequences } = shown;
  const apart = sequences.some(({ turns }) => turns.some(({ foretold }) => foretold !== null));
  const goThere = () => {
    const find = () => box.current?.querySelector<HTMLElement>(".rt-witnessed:has(.rt-foretold)") ?? null;
    const turn = find();
    if (!box.current || !turn) return;
    leave.current();
    leave.current = reveal(box.current, find);
    flash(turn);
  };
  return (
    <section class={`rt-case${board.busy ? " rt-stale" : ""}`} aria-label={index === null ? `row ${shown.row}` : `conversation #${index}`} aria-busy={board.busy}>
      <header class="rt-case-head">
        <b>{index === null ? `row ${shown.row}` : `#${index}`}</b>
        <span class="rt-case-title" dir="auto" title={[title, id].filter(Boolean).join("\n")}>
          {title || id || "untitled"}
        </span>
        <States states={states} witness={board.state.witness} />
        {line !== null && <span class="rt-facts">line {line}</span>}
        <div class="rt-with" role="group" aria-label="this conversation">
          <button type="button" role="switch" aria-checked={literal} onClick={onLiteral}>
            White space
          </button>
        </div>
      </header>
      <Legend sequences={sequences} />
      <div ref={box} class="rt-case-box" tabIndex={0} role="group" aria-label="what the trainer has of it">
        {why !== null && (
          <p class="rt-why-dropped" dir="auto">
            {why}
          </p>
        )}
        <Differences differences={differences} onGo={apart ? goThere : undefined} />
        {sequences.map((sequence, at) => (
          <SequenceView key={at} sequence={sequence} literal={literal} />
        ))}
      </div>
    </section>
  );
}

/** What the marks in the text mean, with the tokens of each. */
function Legend({ sequences }: { sequences: Sequence[] }) {
  const sum = (of: (sequence: Sequence) => number | null) => sequences.reduce((all, one) => all + (of(one) ?? 0), 0);
  const cut = sum((one) => one.cut);
  const has = (mark: string) => sequences.some(({ turns }) => turns.some(({ pieces }) => pieces.some((piece) => piece[1] === mark)));
  return (
    <div class="rt-losses">
      <ul class="rt-marks" aria-label="legend">
        {has("trained") && (
          <li>
            <mark class="rt-loss-trained">trained</mark> {plural(sum((one) => one.trained), "token")}
          </li>
        )}
        {has("masked") && (
          <li>
            <span class="rt-loss-masked">masked</span> {plural(sum((one) => one.masked), "token")}
          </li>
        )}
        {has("cut") && (
          <li>
            <s class="rt-loss-cut">cut</s> {cut > 0 && plural(cut, "token")}
          </li>
        )}
        {has("missing") && (
          <li>
            <del class="rt-lost-text">missing</del>
          </li>
        )}
        {sequences.some(({ row }) => row !== null) && (
          <li>
            <span class="rt-written">template</span>
          </li>
        )}
      </ul>
    </div>
  );
}

/** Where we were wrong, said plainly. */
function Differences({ differences, onGo }: { differences: Difference[]; onGo: (() => void) | undefined }) {
  if (differences.length === 0) return null;
  return (
    <div class="rt-differences" role="note">
      <b>Not as we foretold. That is a fault of ours, not of your data.</b>
      {differences.map(({ what, side, foretold, found }, at) => (
        <div key={at} class="rt-difference">
          <code>{[what, side].filter(Boolean).join(", ")}</code>
          <span>
            <span class="rt-facts">we said</span> <bdi>{foretold}</bdi>
          </span>
          <span>
            <span class="rt-facts">the trainer</span> <bdi>{found}</bdi>
          </span>
        </div>
      ))}
      {onGo && (
        <button type="button" class="rt-link" onClick={onGo}>
          To the first turn that differs
        </button>
      )}
    </div>
  );
}

const SequenceView = memo(function SequenceView({ sequence, literal }: { sequence: Sequence; literal: boolean }) {
  const { side, row, turns, left_out } = sequence;
  return (
    <section class="rt-sequence" aria-label={side ? `${side} answer` : "the trainer's row"}>
      {side && (
        <h4>
          {side} answer {row !== null && <span class="rt-facts">row {row} of the trainer's data</span>}
        </h4>
      )}
      {turns.map((turn, at) => (
        <TurnView key={at} turn={turn} literal={literal} />
      ))}
      {left_out > 0 && <p class="rt-facts">{plural(left_out, "character")} of further turns are not shown.</p>}
    </section>
  );
});

function TurnView({ turn, literal }: { turn: WitnessTurn; literal: boolean }) {
  const { role, fate, pieces, foretold, lost } = turn;
  const name = [turn.turn !== null && `turn ${turn.turn}`, role, fate].filter(Boolean).join(", ");
  return (
    <article class={`rt-witnessed ${roleClass(role)}`} aria-label={name} style={{ containIntrinsicSize: guessedHeight(pieces) }}>
      <div class="rt-witnessed-head">
        {turn.turn !== null && <TurnLabel turn={{ turn: turn.turn, role, speaker: turn.speaker, hue: turn.hue }} />}
        <span class={`rt-fate rt-fate-${fate.replaceAll(" ", "-")}`}>{fate === "template" ? "written by the template" : fate}</span>
        {lost.length > 0 && <span class="rt-fate rt-fate-missing">{lost.join(", ")} missing</span>}
      </div>
      <Text pieces={pieces} dir={turn.dir} literal={literal} />
      {foretold && (
        <div class="rt-foretold">
          <div class="rt-witnessed-head">
            <span class="rt-facts">we foretold</span>{" "}
            <span class={`rt-fate rt-fate-${fate.replaceAll(" ", "-")}`}>{foretold.pieces.length > 0 ? foretold.fate : "nothing of it"}</span>
          </div>
          <Text pieces={foretold.pieces} dir={turn.dir} literal={literal} />
        </div>
      )}
    </article>
  );
}

const elements = { trained: "mark", masked: "span", cut: "s", missing: "del" } as const;

function Text({ pieces, dir, literal }: { pieces: WitnessPiece[]; dir: "ltr" | "rtl"; literal: boolean }) {
  if (pieces.length === 0) return null;
  return (
    <div class="rt-witnessed-text" dir={dir}>
      {pieces.map(([text, mark, own], at) => {
        const Element = elements[mark] ?? "span";
        const look = mark === "missing" ? "rt-lost-text" : `rt-loss-${mark}`;
        return (
          <Element key={at} class={`${own ? "rt-said" : "rt-written"} ${look}`}>
            {literal ? <LiteralText text={text} /> : text}
          </Element>
        );
      })}
    </div>
  );
}

/** A guess at the height, so that turns that are not drawn yet do not make the scroll bar jump. */
function guessedHeight(pieces: WitnessPiece[]): string {
  const lines = pieces.map(([text]) => text).join("").split("\n");
  return `auto ${lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 80)), 0) * 21 + 40}px`;
}
