import type { CaseTurn, Loss, Piece } from "../lib/protocol.ts";

/** A stretch of the rendered text; `label` where a turn's own text begins. */
export interface Stretch {
  text: string;
  loss: Loss;
  turn: number | null;
  label: CaseTurn | null;
}

/** Lines that belong to one turn, or to several where the template puts them on one line. */
export type Block = Stretch[];

/**
 * The rendered text in blocks that begin where a line begins, so that drawing them one below the other adds no line break.
 * What the template writes between two turns is parted where the second one opens.
 */
export function blocksOf(pieces: Piece[], turns: CaseTurn[] = []): Block[] {
  const known = new Map(turns.map((turn) => [turn.turn, turn]));
  const blocks: Block[] = [];
  const seen = new Set<number>();
  let open: Block | null = null;
  let last: number | null = null;

  const add = (text: string, loss: Loss, turn: number | null) => {
    if (text === "") return;
    const label = turn === null || seen.has(turn) ? null : (known.get(turn) ?? { turn, role: null, speaker: null, hue: null });
    if (turn !== null) seen.add((last = turn));
    if (!open) blocks.push((open = []));
    open.push({ text, loss, turn, label });
  };
  for (let at = 0; at < pieces.length; ) {
    let end = at;
    while (pieces[end]?.[2] === null) end++;
    const written = pieces.slice(at, end);
    const coming = pieces[end]?.[2] ?? null;
    const between = written.map(([text]) => text).join("");
    let part = -1;
    if (last !== null && coming !== null && coming !== last) part = between ? opening(between, known.get(coming)?.role ?? null) : endsLine(open) ? 0 : -1;
    if (part === 0) open = null;
    for (const [text, loss] of written) {
      if (part > 0 && part <= text.length) {
        add(text.slice(0, part), loss, null);
        open = null;
        add(text.slice(part), loss, null);
      } else add(text, loss, null);
      part -= text.length;
    }
    const own = pieces[end];
    if (own) add(...own);
    at = end + 1;
  }
  return blocks;
}

const endsLine = (block: Block | null) => block?.at(-1)?.text.endsWith("\n") ?? false;

/** Where the opening of a turn begins: the last line that names its role, else the last line, else the end; -1 without a line break. */
function opening(between: string, role: string | null): number {
  const starts = [...between.matchAll(/\n+/g)].map((match) => match.index + match[0].length);
  const names = (start: number) => role !== null && between.slice(start).split("\n", 1)[0]?.includes(role);
  return starts.findLast(names) ?? starts.findLast((start) => start < between.length) ?? starts.at(-1) ?? -1;
}

/** The new blocks, with the old object for each that has not changed, so that only the others are drawn again. */
export function keptBlocks(old: Block[], blocks: Block[]): Block[] {
  return blocks.map((block, at) => (JSON.stringify(old[at]) === JSON.stringify(block) ? old[at]! : block));
}

export interface Counts {
  trained: number;
  masked: number;
  cut: number;
}

/** Tokens by their part in the loss, or null where nothing was counted. */
export function countsOf({ tokens, kept, trained }: { tokens: number | null; kept: number | null; trained: number | null }): Counts | null {
  if (tokens === null) return null;
  const left = kept ?? tokens;
  const learnt = trained ?? 0;
  return { trained: learnt, masked: Math.max(0, left - learnt), cut: Math.max(0, tokens - left) };
}
