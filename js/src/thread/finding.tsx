import { LiteralText } from "../lib/literal.tsx";
import type { Issue } from "../lib/protocol.ts";
import { SeverityShape } from "../lib/status.tsx";

function DiffLine({ sign, word, text }: { sign: string; word: string; text: string }) {
  return (
    <div class={`rt-diff-line rt-diff-${word}`}>
      <span aria-hidden="true">{sign}</span>
      <span class="rt-sr">{word}: </span>
      <span class="rt-diff-text" dir="auto">
        {text === "" ? <em>nothing</em> : <LiteralText text={text} />}
      </span>
    </div>
  );
}

interface Props {
  issue: Issue;
  selected: boolean;
  onSelect: (issue: Issue) => void;
}

/** What was found, in one line, and what its repair would do. */
export function FindingLine({ issue, selected, onSelect }: Props) {
  return (
    <div class={`rt-finding${selected ? " rt-on" : ""}`} data-finding={issue.n}>
      <div class="rt-finding-line">
        <SeverityShape severity={issue.severity} />
        <button class="rt-code" title={issue.title} aria-pressed={selected} onClick={() => onSelect(issue)}>
          {issue.code}
        </button>
        <span class="rt-message">{issue.message}</span>
        {issue.repair && <span class="rt-repair">{issue.repair === "safe" ? "safe repair" : "repair on request"}</span>}
      </div>
      {issue.before !== null && issue.after !== null && (
        <div class="rt-diff">
          <DiffLine sign="−" word="before" text={issue.before} />
          <DiffLine sign="+" word="after" text={issue.after} />
        </div>
      )}
    </div>
  );
}
