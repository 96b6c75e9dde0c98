import { shortened } from "./labels.ts";

/** The name of a row, before it; beside the marks, which carry names of their own for a screen reader. */
export function RowLabel({ text, x, y, chosen = false }: { text: string; x: number; y: number; chosen?: boolean }) {
  return (
    <g class={chosen ? "rt-chosen" : ""}>
      <text class="rt-bar-label" x={x} y={y} text-anchor="end">
        <title>{text}</title>
        {shortened(text, x)}
      </text>
    </g>
  );
}
