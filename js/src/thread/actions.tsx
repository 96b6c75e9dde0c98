import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { CopyForm } from "../lib/protocol.ts";
import { intoClipboard } from "../lib/clipboard.ts";

/** The text to copy, or one sentence why there is none. */
export type OnCopy = (turn: number | null, form: CopyForm) => Promise<{ text: string } | { error: string }>;

interface Props {
  /** Null is the whole conversation. */
  turn: number | null;
  onCopy: OnCopy | undefined;
  children?: ComponentChildren;
}

const forms = [
  ["markdown", "Markdown"],
  ["json", "JSON"],
] as const;

/** What can be done with a turn or a conversation, in a row. */
export function Actions({ turn, onCopy, children }: Props) {
  const [said, setSaid] = useState("");
  const copy = async (form: CopyForm) => {
    setSaid("");
    const found = await onCopy!(turn, form);
    if ("error" in found) return setSaid(found.error);
    setSaid((await intoClipboard(found.text)) ? "copied" : "The clipboard is closed.");
  };
  return (
    <div class="rt-actions" role="group" aria-label={turn === null ? "copy the conversation" : `turn ${turn}`}>
      {onCopy && "Copy"}
      {onCopy &&
        forms.map(([form, name]) => (
          <button key={form} class="rt-link" aria-label={`copy as ${name}`} onClick={() => copy(form)}>
            {name}
          </button>
        ))}
      {children}
      <span role="status">{said}</span>
    </div>
  );
}
