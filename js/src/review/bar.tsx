import { SeverityShape } from "../lib/status.tsx";
import { plural } from "../lib/text.ts";
import type { Acts } from "./acts.ts";
import type { Desk } from "./desk.ts";
import { Entry } from "./entry.tsx";
import { decisions } from "./protocol.ts";

export type Field = "tag" | "note" | null;

interface Props {
  desk: Desk;
  acts: Acts;
  /** Which line is being typed into. */
  field: Field;
  onField: (field: Field) => void;
}

/** What is decided on the open conversation, and what can be done with it and the chosen finding. */
export function Bar({ desk, acts, field, onField }: Props) {
  const { decision, note, tags, waits } = acts.now;
  const { issue, steps } = desk;
  const thread = desk.thread.thread;
  const off = desk.open === null;
  const close = (take: (text: string) => void) => (text: string | null) => {
    onField(null);
    if (text !== null) take(text);
  };
  return (
    <div class="rt-bar" role="toolbar" aria-label="review">
      <span class="rt-group" role="group" aria-label={thread ? `decision on #${thread.index}` : "decision"}>
        {thread && <b class="rt-place">#{thread.index}</b>}
        {decisions.map(({ as, sign, word, key }) => (
          <button
            key={as}
            type="button"
            class={`rt-decide rt-is-${as}${waits && decision === as ? " rt-waits" : ""}`}
            aria-pressed={decision === as}
            aria-disabled={off}
            onClick={() => void acts.decide(as)}
          >
            <span aria-hidden="true">{sign}</span> {word} <kbd>{key}</kbd>
          </button>
        ))}
      </span>
      {issue && (
        <span class="rt-group" role="group" aria-label={`finding ${issue.code}`}>
          <SeverityShape severity={issue.severity} />
          <button type="button" aria-disabled={!issue.repair} title={issue.repair ? `Repair ${issue.code}` : `${issue.code} has no repair`} onClick={() => void acts.repair()}>
            Repair <kbd>a</kbd>
          </button>
          <button type="button" title={`Ignore this finding of ${issue.code}`} onClick={() => acts.ignore()}>
            Ignore <kbd>i</kbd>
          </button>
        </span>
      )}
      <span class="rt-group rt-words">
        {tags.map((tag) => (
          <button key={tag} type="button" class="rt-tag" aria-label={`take the tag ${tag} away`} onClick={() => acts.retag([], [tag])}>
            <bdi>{tag}</bdi> <span aria-hidden="true">×</span>
          </button>
        ))}
        {field === "tag" ? (
          <Entry label="Tags" placeholder="Tags, with commas; -tag is taken away" value="" onDone={close((text) => acts.tag(text))} />
        ) : (
          <button type="button" class="rt-quiet" aria-disabled={off} onClick={() => !off && onField("tag")}>
            Tag <kbd>t</kbd>
          </button>
        )}
        {field === "note" ? (
          <Entry label="Note" placeholder="A note, decided or not" value={note} onDone={close((text) => void acts.setNote(text))} />
        ) : (
          <button type="button" class="rt-quiet rt-note-button" aria-disabled={off} title={note || undefined} onClick={() => !off && onField("note")}>
            {note ? (
              <bdi class="rt-note-text">“{note}”</bdi>
            ) : (
              "Note"
            )}{" "}
            <kbd>m</kbd>
          </button>
        )}
      </span>
      <span class="rt-said" role="status" title={steps.said || undefined}>
        {steps.waiting.length > 0 && desk.host.get("kernel") !== "live" ? `${plural(steps.waiting.length, "step")} ${steps.waiting.length === 1 ? "waits" : "wait"} for the kernel.` : steps.said}
      </span>
      <span class="rt-group">
        <button type="button" class="rt-undo" aria-disabled={!steps.status?.undo} title={steps.status?.undo ? `Take back: ${steps.status.undo}` : "Nothing to undo"} onClick={() => void acts.undo()}>
          Undo <kbd>u</kbd> {steps.status?.undo && <bdi class="rt-what">{steps.status.undo}</bdi>}
        </button>
        {steps.status?.redo && (
          <button type="button" title={`Make again: ${steps.status.redo}`} onClick={() => void acts.undo("redo")}>
            Redo <kbd>U</kbd>
          </button>
        )}
      </span>
    </div>
  );
}
