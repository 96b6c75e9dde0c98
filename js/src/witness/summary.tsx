import { useState } from "preact/hooks";
import { Notes } from "../lib/foot.tsx";
import { useUnique } from "../lib/hooks.ts";
import { number, plural } from "../lib/text.ts";
import type { Witness } from "./protocol.ts";

/** The trainer, what arrives, what the loss sees of it, and whether we foretold it. */
export function Summary({ witness }: { witness: Witness }) {
  const [open, setOpen] = useState(false);
  const list = useUnique("rt-notes");
  const { name, facts, tokens, agreement, notes } = witness;
  return (
    <div class="rt-witness-head">
      <div class="rt-witness-line">
        <b class="rt-witness-name">{name}</b>
        <ul class="rt-given" aria-label="conversations">
          {facts.map(([what, value]) => (
            <li key={what}>
              {value} <span class="rt-facts">{what}</span>
            </li>
          ))}
        </ul>
        {notes.length > 0 && (
          <button type="button" class="rt-link" aria-expanded={open} aria-controls={list} onClick={() => setOpen(!open)}>
            {plural(notes.length, "note")}
          </button>
        )}
      </div>
      <TokenBar {...tokens} />
      <p class={`rt-agreement rt-holds-${agreement.holds}`}>
        <span aria-hidden="true">{agreement.holds === null ? "○" : agreement.holds ? "✓" : "■"}</span> {agreement.says}
      </p>
      <Notes id={list} notes={notes} open={open} />
    </div>
  );
}

/** Tokens by what becomes of them, as a bar and in numbers; it is the legend of the marks as well. */
export function TokenBar({ trained, masked, cut }: Witness["tokens"]) {
  const parts = [
    ["trained", trained],
    ["masked", masked],
    ["cut", cut ?? 0],
  ] as const;
  const all = parts.reduce((sum, [, count]) => sum + count, 0);
  const share = (count: number) => (all ? ` ${((100 * count) / all).toFixed(count && count * 10 < all ? 1 : 0)} %` : "");
  return (
    <div class="rt-token-bar">
      <div class="rt-shares" aria-hidden="true">
        {parts.map(([mark, count]) => count > 0 && <span key={mark} class={`rt-part-${mark}`} style={{ flexGrow: count }} />)}
      </div>
      <ul aria-label="tokens">
        {parts.map(([mark, count]) => (
          <li key={mark}>
            <span class={`rt-key rt-part-${mark}`} aria-hidden="true" /> {mark === "cut" && cut === null ? "not known" : number(count)}{" "}
            <span class="rt-facts">
              {mark}
              {count > 0 && share(count)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
