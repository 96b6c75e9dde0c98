import { memo } from "../lib/memo.ts";
import type { Issue, Turn } from "../lib/protocol.ts";
import { fold, number, plural } from "../lib/text.ts";
import { hasSpan } from "./blocks.ts";
import { FindingLine } from "./finding.tsx";
import { MarkedText } from "./marked.tsx";

export function roleLabel(turn: Turn): string {
  return turn.role ?? turn.role_raw ?? "no role";
}

function turnName(turn: Turn): string {
  return [`turn ${turn.turn}`, roleLabel(turn), turn.side, turn.speaker].filter(Boolean).join(", ");
}

/** A guess at the height, so that turns that are not drawn yet do not make the scroll bar jump. */
function guessedHeight(turn: Turn, open: boolean): string {
  const lines = Math.ceil((open ? turn.chars : Math.min(turn.chars, 620)) / 72) || 1;
  return `auto ${Math.max(2, lines) * 21 + 20}px`;
}

interface Props {
  turn: Turn;
  issues: Issue[];
  current: boolean;
  selected: number | null;
  literal: boolean;
  open: boolean;
  describedBy: string;
  onFold: (turn: number) => void;
  onSelectIssue: (issue: Issue) => void;
}

function TurnRow({ turn, issues, current, selected, literal, open, describedBy, onFold, onSelectIssue }: Props) {
  const folding = fold(turn.segments, turn.words);
  const segments = folding && !open ? folding.shown : turn.segments;
  const lines = turn.issues.filter((position) => issues[position]?.n === selected || !hasSpan(turn, position));
  const role = turn.role ?? "unknown";
  const isEmpty = turn.segments.every(([text]) => text === "");
  return (
    <article
      class={`rt-turn rt-role-${role}${turn.side === "rejected" ? " rt-refused" : ""}${current ? " rt-current" : ""}`}
      aria-label={turnName(turn)}
      aria-current={current ? "true" : undefined}
      data-turn={turn.turn}
      style={{ containIntrinsicSize: guessedHeight(turn, open) }}
    >
      <span class="rt-number">{turn.turn}</span>
      <div class="rt-who">
        <b title={turn.role_raw === null ? "no role in the file" : `“${turn.role_raw}” in the file`}>{roleLabel(turn)}</b>
        {turn.role === null && turn.role_raw !== null && <small>unknown role</small>}
        {turn.side && <span class={`rt-side rt-${turn.side}`}>{turn.side}</span>}
        {turn.speaker && (
          <span class="rt-speaker" dir="auto" style={turn.hue === null ? undefined : { color: `var(--rt-hue-${turn.hue % 8})` }}>
            {turn.speaker}
          </span>
        )}
      </div>
      <div class="rt-body">
        {turn.note && <p class="rt-note">{turn.note}</p>}
        {isEmpty && !turn.note && <p class="rt-note">no text</p>}
        {!isEmpty && (
          <div class="rt-text" dir={turn.dir}>
            <MarkedText segments={segments} issues={issues} selected={selected} literal={literal} describedBy={describedBy} />
            {folding && !open && "…"}
          </div>
        )}
        {folding && (
          <button type="button" class="rt-link rt-fold" aria-expanded={open} onClick={() => onFold(turn.turn)}>
            {open ? "Fold" : folding.more}
          </button>
        )}
        {turn.extra.map(([name, json]) => (
          <details key={name} class="rt-extra">
            <summary>{name}</summary>
            <pre tabIndex={0}>{json}</pre>
          </details>
        ))}
        {lines.map((position) => {
          const issue = issues[position];
          return issue && <FindingLine key={issue.n} issue={issue} selected={issue.n === selected} onSelect={onSelectIssue} />;
        })}
      </div>
      <span class="rt-words" title={`${number(turn.chars)} characters`}>
        {plural(turn.words, "word")}
      </span>
    </article>
  );
}

export const TurnView = memo(TurnRow);
