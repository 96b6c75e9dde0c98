import type { Issue, Selection } from "../lib/protocol.ts";
import { number, plural } from "../lib/text.ts";
import { Actions, type OnCopy } from "./actions.tsx";
import { stepIssue, type Loaded } from "./blocks.ts";
import type { Display } from "./display.ts";
import { Steps } from "./steps.tsx";

interface Props {
  thread: Loaded;
  ordered: Issue[];
  selection: Selection;
  display: Display;
  /** Whether what was decided stands here. */
  reviewed: boolean;
  onSelect: (issue: Issue) => void;
  onCopy: OnCopy | undefined;
}

export function ThreadHead({ thread, ordered, selection, display, reviewed, onSelect, onCopy }: Props) {
  const facts = [
    thread.format,
    thread.line !== null && `line ${number(thread.line)}`,
    plural(thread.turn_count, "turn"),
    plural(thread.words, "word"),
  ].filter(Boolean);
  const standing = reviewed && [thread.decision, ...(thread.tags ?? []), thread.note && `“${thread.note}”`].filter(Boolean);
  return (
    <header class="rt-thread-head">
      <b>#{thread.index}</b>
      <span class="rt-title" dir="auto" title={[thread.id, thread.source].filter(Boolean).join("\n") || undefined}>
        {thread.title || thread.id || ""}
      </span>
      <span class="rt-facts">{facts.join(" · ")}</span>
      {thread.edited && (
        <b class="rt-edited" title="Not as it is in the file">
          edited
        </b>
      )}
      {standing && standing.length > 0 && (
        <span class="rt-facts rt-standing" title={standing.join("\n")}>
          {standing.map((one, at) => (
            <bdi key={at}>{one}</bdi>
          ))}
        </span>
      )}
      <div class="rt-tools" role="group" aria-label="this conversation">
        <Jump thread={thread} ordered={ordered} selection={selection} onSelect={onSelect} />
        {onCopy && <Actions key={thread.key} turn={null} onCopy={onCopy} />}
        <button aria-expanded={display.search > 0} onClick={display.search > 0 ? display.closeSearch : display.openSearch}>
          Find
        </button>
        <button onClick={display.toggleFolded}>
          {display.folded ? "Unfold all" : "Fold all"}
        </button>
        <button role="switch" aria-checked={display.literal} onClick={display.toggleLiteral}>
          White space
        </button>
      </div>
    </header>
  );
}

function Jump({ thread, ordered, selection, onSelect }: Omit<Props, "display" | "reviewed" | "onCopy">) {
  const count = thread.finding_count ?? ordered.length;
  if (count === 0) return null;
  const at = ordered.findIndex((issue) => issue.n === selection.n);
  const before = stepIssue(ordered, selection, -1);
  const after = stepIssue(ordered, selection, 1);
  return (
    <Steps what="finding in this conversation" before={before ? () => onSelect(before) : false} after={after ? () => onSelect(after) : false}>
      {/* Which one it is can be told only when all of them are here. */}
      {at >= 0 && ordered.length >= count ? `${number(at + 1)} of ${number(count)}` : plural(count, "finding")}
    </Steps>
  );
}
