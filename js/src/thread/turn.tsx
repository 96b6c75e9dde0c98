import type { ComponentChildren } from "preact";
import { memo } from "../lib/memo.ts";
import type { Issue, Segment, Turn } from "../lib/protocol.ts";
import { briefly, fold, number, plural } from "../lib/text.ts";
import { Actions, type OnCopy } from "./actions.tsx";
import { hasSpan } from "./blocks.ts";
import { FindingLine } from "./finding.tsx";
import { After, Before } from "./held.tsx";
import { MarkedText } from "./marked.tsx";

export function roleLabel(turn: Turn): string {
  return turn.role ?? turn.role_raw ?? "no role";
}

function turnName(turn: Turn): string {
  return [`turn ${turn.turn}`, roleLabel(turn), turn.side, turn.speaker].filter(Boolean).join(", ");
}

/** What is folded at the end of a long text, by the way it is read. */
export function foldOf(turn: Turn) {
  return fold(turn.segments.slice(turn.thought ?? 0), turn.words, turn.kind === "result" ? briefly : undefined);
}

/** A guess at the height in pixels, so that turns that are not drawn yet do not make the scroll bar jump. */
export function guessedHeight(turn: Turn, open: boolean): number {
  const most = open ? turn.chars : Math.min(turn.chars, turn.kind === "result" ? 160 : 620);
  const lines = Math.ceil(most / 72) + (turn.calls?.length ?? 0) + (turn.results?.length ?? 0) || 1;
  return lines * 21 + (turn.speaker && lines < 2 ? 42 : 20);
}

/** Something of the component around the thread that stands in a turn, below what is in it. */
export interface Slot {
  turn: number;
  content: ComponentChildren;
}

export interface TurnProps {
  turn: Turn;
  issues: Issue[];
  total: number;
  current: boolean;
  /** Whether what can be done with the turn is offered. */
  active: boolean;
  /** The result of the call in the turn above. */
  joined: boolean;
  selected: number | null;
  literal: boolean;
  open: boolean;
  exact: boolean;
  describedBy: string;
  onFold: (turn: number) => void;
  onActive: (turn: number) => void;
  onTurn: (turn: number) => void;
  onSelectIssue: (issue: Issue) => void;
  onCopy: OnCopy | undefined;
  /** More that can be done with a turn. */
  tools: ((turn: Turn) => ComponentChildren) | undefined;
  slot: ComponentChildren;
}

function TurnRow(props: TurnProps) {
  const { turn, issues, total, current, active, joined, selected, literal, open, onActive, onTurn, onSelectIssue } = props;
  const lines = turn.issues.filter((position) => issues[position]?.n === selected || !hasSpan(turn, position));
  const names = ["rt-turn", `rt-role-${turn.role ?? "unknown"}`];
  if (turn.side === "rejected") names.push("rt-refused");
  if (current) names.push("rt-current");
  if (joined) names.push("rt-joined");
  if (turn.kind === "call" && !turn.calls) names.push("rt-code-text");
  // Lines of a word without end take the browser seconds, unless it may break them anywhere.
  if (turn.chars > 1e4 * (turn.words + 1)) names.push("rt-solid");
  return (
    <article
      class={names.join(" ")}
      aria-label={turnName(turn)}
      aria-current={current ? "true" : undefined}
      aria-posinset={turn.turn + 1}
      aria-setsize={total}
      data-turn={turn.turn}
    >
      <button class="rt-number" tabIndex={active ? 0 : -1} aria-label={`turn ${turn.turn}, actions`} aria-expanded={active} onClick={() => onActive(turn.turn)}>
        {turn.turn}
      </button>
      <Who turn={turn} />
      <div class="rt-body">
        {turn.note && <p class="rt-note">{turn.note}</p>}
        <Before {...{ turn, literal, open, onTurn }} />
        <TurnText {...props} />
        <After {...{ turn, literal, open, onTurn }} />
        {lines.map((position) => {
          const issue = issues[position];
          return issue && <FindingLine key={issue.n} issue={issue} selected={issue.n === selected} onSelect={onSelectIssue} />;
        })}
        {props.slot}
        {active && (
          <Actions turn={turn.turn} onCopy={props.onCopy}>
            {props.tools?.(turn)}
          </Actions>
        )}
      </div>
      <Numbers turn={turn} exact={props.exact} />
    </article>
  );
}

function Who({ turn }: { turn: Turn }) {
  return (
    <div class="rt-who">
      <b title={turn.role_raw === null ? "no role in the file" : `“${turn.role_raw}” in the file`}>{roleLabel(turn)}</b>
      {turn.role === null && turn.role_raw !== null && <small>unknown role</small>}
      {turn.side && <span class={`rt-side rt-${turn.side}`}>{turn.side}</span>}
      {turn.speaker && (
        <span class="rt-speaker" style={turn.hue === null ? undefined : { color: `var(--rt-hue-${turn.hue % 8})` }}>
          {turn.initials && (
            <span class="rt-initials" aria-hidden="true">
              {turn.initials}
            </span>
          )}
          <bdi>{turn.speaker}</bdi>
        </span>
      )}
    </div>
  );
}

function TurnText({ turn, issues, selected, literal, open, describedBy, onFold }: TurnProps) {
  if (turn.segments.every(([text]) => text === "")) {
    const said = turn.note || turn.calls || turn.results || turn.parts || turn.reasoning;
    return said ? null : <p class="rt-note">no text</p>;
  }
  const folding = foldOf(turn);
  const thought = turn.segments.slice(0, turn.thought ?? 0);
  const marked = (segments: Segment[]) => <MarkedText segments={segments} issues={issues} selected={selected} literal={literal} describedBy={describedBy} />;
  return (
    <>
      {thought.length > 0 && (
        <details class="rt-held" open={open}>
          <summary>Reasoning in the text</summary>
          <div class="rt-text rt-thought" dir={turn.dir} data-field="thought">
            {marked(thought)}
          </div>
        </details>
      )}
      {turn.segments.length > thought.length && (
        <div class="rt-text" dir={turn.dir} data-field="text">
          {marked(folding ? folding.shown : turn.segments.slice(thought.length))}
          {folding && (
            <>
              {!open && <span class="rt-cut" />}
              {/* It stays in the page, so that the browser finds in it; see docs/thread.md. */}
              <span class="rt-rest" hidden={open ? undefined : ("until-found" as never)}>
                {marked(folding.rest)}
              </span>
            </>
          )}
        </div>
      )}
      {folding && (
        <button class="rt-link rt-fold" aria-expanded={open} onClick={() => onFold(turn.turn)}>
          {open ? "Fold" : folding.more}
        </button>
      )}
    </>
  );
}

/** Numbers of one turn. Their captions stand on top of the columns; where there is no room for columns, only words are told. */
function Numbers({ turn, exact }: { turn: Turn; exact: boolean }) {
  const { words, tokens, quoted } = turn;
  const cells = [
    ["words", (words > 0 || !turn.calls) && number(words), words === 1 ? "word" : "words"],
    ["tokens", !!tokens && `${exact ? "" : "≈ "}${number(tokens)}`, "tokens"],
    ["quoted", !!quoted && `${quoted} %`, "quoted"],
  ] as const;
  return (
    <div class="rt-numbers" title={plural(turn.chars, "character")}>
      {cells.map(([name, value, unit]) => (
        <span key={name} class={`rt-${name}`}>
          {value} {value && <span class="rt-unit">{unit}</span>}
        </span>
      ))}
    </div>
  );
}

export const TurnView = memo(TurnRow);
