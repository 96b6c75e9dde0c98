import type { Outcome } from "../lib/protocol.ts";

const shapes: Record<Outcome, string> = { taken: "✓", altered: "~", dropped: "−", refused: "✗" };

/** An outcome as shape and word; the colour only repeats them. */
export function OutcomeName({ outcome, quiet = false }: { outcome: Outcome; quiet?: boolean }) {
  return (
    <span class={`rt-outcome rt-outcome-${outcome}`}>
      <span class="rt-outcome-shape" aria-hidden="true">
        {shapes[outcome] ?? "·"}
      </span>
      <span class={quiet ? "rt-sr" : undefined}>{outcome}</span>
    </span>
  );
}
