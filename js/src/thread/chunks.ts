import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Thread, Turn } from "../lib/protocol.ts";

/** Turns that are drawn together, and laid out only when they come near the box. */
export const CHUNK = 25;
/** Chunks that are drawn at once around a goal; the others follow one by one. */
const AT_ONCE = 6;
/** Pixels around the box that count as near. */
const NEAR = 800;

export interface Chunk {
  id: number;
  turns: Turn[];
}

export const chunkOf = (turn: number) => Math.floor(turn / CHUNK);

/** The turns in chunks; one that has not changed is the same object as before. */
export function chunksOf(turns: Turn[], before: Chunk[]): Chunk[] {
  const known = new Map(before.map((chunk) => [chunk.id, chunk]));
  const chunks: Chunk[] = [];
  for (let at = 0; at < turns.length; ) {
    const id = chunkOf(turns[at]!.turn);
    const end = at + CHUNK - (turns[at]!.turn % CHUNK);
    const piece = turns.slice(at, end);
    const old = known.get(id);
    const same = old && old.turns.length === piece.length && old.turns[0] === piece[0] && old.turns.at(-1) === piece.at(-1);
    chunks.push(same ? old : { id, turns: piece });
    at = end;
  }
  return chunks;
}

export interface Drawing {
  isDrawn(chunk: number): boolean;
  isNear(chunk: number): boolean;
  /** The first and the last turn near the box. */
  sight: [number, number];
  draw(turn: number): unknown;
}

/**
 * Which chunks are in the page: those around the goal and those near the box at once, all others one by one, so that the
 * whole text can be found, selected and read out. What is read keeps its place when something above it comes in or turns out
 * higher than it was guessed: browsers have scroll anchoring for this, but it does not hold here (docs/thread.md).
 */
export function useDrawing(box: RefObject<HTMLElement | null>, thread: Thread, chunks: Chunk[], goal: number): Drawing {
  const [near, setNear] = useState<[first: number, last: number]>([0, Infinity]);
  const [, again] = useState(0);
  const drawn = useMemo(() => new Set<number>(), [thread.key]);
  const draw = (id: number) => {
    drawn.add(id);
    again((count) => count + 1);
  };

  const middle = chunkOf(goal);
  // What is read next lies below.
  const far = ({ id }: Chunk) => Math.abs(id - middle - 1);
  const isNear = (id: number) => id === middle || (id >= near[0] && id <= near[1]);
  if (near[1] < Infinity) for (const { id } of chunks) if (isNear(id)) drawn.add(id);
  const waiting = chunks.filter(({ id }) => !drawn.has(id)).sort((a, b) => far(a) - far(b));
  if (drawn.size === 0 || waiting.some(({ id }) => id === middle)) for (const { id } of waiting.splice(0, AT_ONCE)) drawn.add(id);
  useEffect(() => {
    if (waiting.length === 0) return;
    // Between two of them the browser does what it has to.
    const timer = setTimeout(draw, 10, waiting[0]!.id);
    return () => clearTimeout(timer);
  });

  const place = useRef<{ anchor?: Element | undefined; top: number }>({ top: 0 });
  useLayoutEffect(() => {
    const frame = box.current!;
    const elements = [...frame.querySelectorAll<HTMLElement>("[data-chunk]")];
    // Counted from where the text begins: scrolling does not change it.
    const topOf = (element: Element) => element.getBoundingClientRect().top - frame.getBoundingClientRect().top + frame.scrollTop;
    const record = () => {
      const { top, bottom } = frame.getBoundingClientRect();
      const below = (edge: number) => (element: Element) => element.getBoundingClientRect().bottom > edge;
      const anchor = [...(elements.find(below(top))?.children ?? [])].find(below(top));
      place.current = { anchor, top: anchor ? topOf(anchor) : 0 };
      const first = Number(elements.find(below(top - NEAR))?.dataset.chunk ?? 0);
      const last = Number(elements.find(below(bottom + NEAR))?.dataset.chunk ?? Infinity);
      setNear((old) => (old[0] === first && old[1] === last ? old : [first, last]));
    };
    const hold = () => {
      const { anchor, top } = place.current;
      if (anchor?.isConnected) frame.scrollTop += topOf(anchor) - top;
      record();
    };
    hold();
    frame.addEventListener("scroll", record, { passive: true });
    const observer = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(hold);
    elements.forEach((chunk) => observer?.observe(chunk));
    return () => {
      frame.removeEventListener("scroll", record);
      observer?.disconnect();
    };
  }, [chunks]);

  return {
    isDrawn: (chunk) => drawn.has(chunk),
    isNear,
    sight: [near[0] * CHUNK, (near[1] + 1) * CHUNK - 1],
    draw: (turn) => drawn.has(chunkOf(turn)) || draw(chunkOf(turn)),
  };
}
