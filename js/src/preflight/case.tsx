import { useEffect, useRef } from "preact/hooks";
import type { Case, CaseReason, PreflightTarget } from "../lib/protocol.ts";
import { flash, reveal } from "../lib/scroll.ts";
import { Empty } from "../lib/status.tsx";
import { number, plural } from "../lib/text.ts";
import { countsOf } from "./blocks.ts";
import type { Board } from "./board.ts";
import { Limit } from "./limit.tsx";
import { LostTexts } from "./lost.tsx";
import { OutcomeName } from "./outcome.tsx";
import { targetNamed } from "./query.ts";
import { Rendered } from "./rendered.tsx";

interface Props {
  board: Board;
  literal: boolean;
  onLiteral: () => void;
}

/** One conversation as one trainer has it: what the model gets, and what of it is trained. */
export function CaseView(props: Props) {
  const { source } = props.board;
  if (!source.case) return <Empty text={source.busy ? "Loading the conversation…" : "Choose a conversation to see what the model gets of it."} busy={source.busy} />;
  return <OpenCase {...props} shown={source.case} />;
}

function OpenCase({ board, literal, onLiteral, shown }: Props & { shown: Case }) {
  const { source, place, state, asked } = board;
  const box = useRef<HTMLDivElement>(null);
  const target = targetNamed(state.preflight, shown.target);
  const own = board.open?.key === shown.key && board.open.target === shown.target;
  const turn = own ? (place.turn ?? null) : null;

  // Goes to the chosen turn once, as soon as its case is there; a turn without a text of its own is among the lost ones.
  const goal = `${shown.key} ${shown.target} ${turn ?? ""} ${turn === null ? "" : asked}`;
  const reached = useRef("");
  const leave = useRef(() => {});
  useEffect(() => () => leave.current(), []);
  useEffect(() => {
    const frame = box.current;
    if (!frame || !own || reached.current === goal) return;
    reached.current = goal;
    leave.current();
    const find = () => frame.querySelector<HTMLElement>(`[data-place="turn-${turn}"]`) ?? frame.querySelector<HTMLElement>(`[data-place="lost-${turn}"]`);
    const found = turn === null ? null : find();
    if (found) {
      leave.current = reveal(frame, find);
      flash(found);
    } else {
      frame.scrollTop = 0;
    }
  }, [shown, goal]);

  return (
    <section class={`rt-case${source.busy ? " rt-stale" : ""}`} aria-label={`conversation #${shown.index}, ${target?.title ?? shown.target}`} aria-busy={source.busy}>
      <CaseHead board={board} shown={shown} literal={literal} onLiteral={onLiteral} />
      {target && target.limit !== null && (shown.pieces.length > 0 || board.limit !== null) && (
        <Limit board={board} target={target} set={target.limit} />
      )}
      {shown.pieces.length > 0 && <Legend shown={shown} />}
      <div ref={box} class="rt-case-box" tabIndex={0} role="group" aria-label="what the model gets">
        {shown.pieces.length === 0 ? (
          <Nothing shown={shown} target={target} />
        ) : (
          <>
            <CaseReasons reasons={shown.reasons} shown={shown} onTurn={(at) => board.select({ key: shown.key, target: shown.target, turn: at })} />
            <Rendered shown={shown} literal={literal} />
            {(shown.left_out ?? 0) > 0 && <p class="rt-facts">The last {plural(shown.left_out ?? 0, "character")} of this text are not shown.</p>}
          </>
        )}
        <LostTexts lost={shown.lost} />
      </div>
    </section>
  );
}

function CaseHead({ board, shown, literal, onLiteral }: Props & { shown: Case }) {
  const targets = board.state.preflight?.targets ?? [];
  return (
    <header class="rt-case-head">
      <b>#{shown.index}</b>
      <span class="rt-case-title" dir="auto" title={[shown.title, shown.id, shown.source].filter(Boolean).join("\n") || undefined}>
        {shown.title || shown.id || "untitled"}
      </span>
      <OutcomeName outcome={shown.outcome} />
      {shown.line !== null && <span class="rt-facts">line {number(shown.line)}</span>}
      <div class="rt-with" role="group" aria-label="this conversation">
        {targets.length > 1 && (
          <label>
            with{" "}
            <select value={shown.target} onChange={(event) => board.select({ key: shown.key, target: event.currentTarget.value })}>
              {targets.map(({ name, title }) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="button" role="switch" aria-checked={literal} onClick={onLiteral}>
          White space
        </button>
      </div>
    </header>
  );
}

/** What the marks in the text mean, and how many tokens each holds. */
function Legend({ shown }: { shown: Case }) {
  const counts = countsOf(shown);
  const tokens = (count: number | undefined) => (count === undefined ? "" : `${shown.exact ? "" : "≈ "}${plural(count, "token")}`);
  const lost = shown.lost.filter(({ state }) => state === "lost").length;
  return (
    <div class="rt-losses">
      <ul class="rt-marks" aria-label="legend">
        <li>
          <mark class="rt-loss-trained">trained</mark> {tokens(counts?.trained)}
        </li>
        <li>
          <span class="rt-loss-masked">masked</span> {tokens(counts?.masked)}
        </li>
        {(counts?.cut ?? 0) > 0 && (
          <li>
            <s class="rt-loss-cut">cut</s> {tokens(counts?.cut)}
          </li>
        )}
        {lost > 0 && (
          <li>
            <del class="rt-lost-text">lost</del> {plural(lost, "text")}
          </li>
        )}
        <li>
          <span class="rt-written">template</span>
        </li>
      </ul>
      {!shown.exact && <span class="rt-facts">≈ an estimate</span>}
    </div>
  );
}

interface ReasonsProps {
  reasons: CaseReason[];
  shown: Case;
  onTurn?: (turn: number) => void;
}

function CaseReasons({ reasons, shown, onTurn }: ReasonsProps) {
  if (reasons.length === 0) return null;
  const placeOf = (turn: number) => [`turn ${turn}`, shown.turns.find((one) => one.turn === turn)?.role].filter(Boolean).join(", ");
  return (
    <ul class="rt-case-reasons" aria-label="reasons">
      {reasons.map(({ code, outcome, turn, says }, at) => (
        <li key={at}>
          <OutcomeName outcome={outcome} />
          <code>{code}</code>
          <span class="rt-says" dir="auto">
            {says}
          </span>
          {turn !== null &&
            (onTurn ? (
              <button type="button" class="rt-link" onClick={() => onTurn(turn)}>
                {placeOf(turn)}
              </button>
            ) : (
              <span class="rt-facts">{placeOf(turn)}</span>
            ))}
        </li>
      ))}
    </ul>
  );
}

/** What stands where the text would be when there is none. */
function Nothing({ shown, target }: { shown: Case; target: PreflightTarget | undefined }) {
  const [first, ...more] = shown.reasons;
  return (
    <div class="rt-nothing">
      <p class="rt-nothing-outcome">
        <OutcomeName outcome={shown.outcome} /> by {target?.title ?? shown.target}
      </p>
      <p class="rt-nothing-says" dir="auto">
        {first?.says ?? target?.refused ?? "Nothing is rendered of this conversation."}
      </p>
      {first && (
        <p class="rt-facts">
          <code>{first.code}</code>
          {first.turn !== null && ` turn ${first.turn}`}
        </p>
      )}
      <CaseReasons reasons={more} shown={shown} />
      <p class="rt-facts">The model gets nothing of it, so there is no text to show.</p>
    </div>
  );
}
