import { useState } from "preact/hooks";
import { plural } from "../lib/text.ts";
import type { PanelStatus } from "./protocol.ts";

function sentences(status: PanelStatus): string[] {
  const { notice, lost, set_aside } = status;
  const aside = set_aside > 0 && `${plural(set_aside, "step")} of another reviewer ${set_aside === 1 ? "is" : "are"} set aside: see ds.journal.set_aside.`;
  return [notice, ...lost, aside].filter((one) => typeof one === "string");
}

/** What a person has to know of the journal, once; nothing waits for it. */
export function JournalNotices({ status, problem, onRead }: { status: PanelStatus | null; problem: string; onRead: () => void }) {
  const [read, setRead] = useState<ReadonlySet<string>>(new Set());
  const shown = (status ? sentences(status) : []).filter((one) => !read.has(one));
  return (
    <div class="rt-journal">
      {problem && (
        <p class="rt-notice-line rt-notice-bad" role="alert">
          <span>{problem}</span>
          <Dismiss onClick={onRead} />
        </p>
      )}
      {shown.map((one) => (
        <p key={one} class="rt-notice-line" role="status">
          <span>{one}</span>
          <Dismiss onClick={() => setRead(new Set([...read, one]))} />
        </p>
      ))}
    </div>
  );
}

function Dismiss({ onClick }: { onClick: () => void }) {
  return (
    <button type="button" class="rt-link" onClick={onClick}>
      Dismiss
    </button>
  );
}
