import { clamp } from "../lib/window.ts";

/** About how wide a letter of a label is, in pixels. */
export const CHARACTER = 7;

/** A label that fits, with an ellipsis where it is cut. */
export function shortened(label: string, room: number): string {
  const letters = Array.from(label);
  const fits = Math.max(3, Math.floor(room / CHARACTER + 0.01));
  return letters.length <= fits ? label : `${letters.slice(0, fits - 1).join("").trimEnd()}…`;
}

/** How much room the labels before the rows of a chart take. */
export function labelRoom(labels: string[], width: number): number {
  const longest = Math.max(...labels.map((label) => label.length), 1) * CHARACTER;
  return clamp(longest + 8, 36, width * 0.43);
}
