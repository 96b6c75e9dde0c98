import type { Issue, Selection, Thread, Turn } from "../lib/protocol.ts";

/** Turns asked for at a time by hand. */
export const BLOCK = 200;

/** Turns shown above one that is gone to. */
const BEFORE = 20;

export const startFor = (turn: number) => Math.max(0, turn - BEFORE);

/** A conversation as far as it has come. */
export interface Loaded extends Thread {
  /** The rest is on its way. */
  coming?: boolean;
}

function renumbered(turn: Turn, positions: number[]): Turn {
  if (turn.issues.every((issue) => positions[issue] === issue)) return turn;
  const moved = (issues: number[]) => issues.flatMap((issue) => positions[issue] ?? []);
  return {
    ...turn,
    issues: moved(turn.issues),
    segments: turn.segments.map(([text, issues]) => [text, moved(issues)]),
  };
}

/**
 * A conversation and a neighbouring block of it as one; null if they do not touch. The list of findings is the same one
 * and only grows, so that the turns that are drawn already keep what they were drawn with.
 */
export function joined(thread: Loaded, block: Thread): Loaded | null {
  const end = thread.from + thread.turns.length;
  const after = block.from === end;
  if (thread.key !== block.key || !(after || block.from + block.turns.length === thread.from)) return null;
  const { issues } = thread;
  const known = new Map(issues.map((issue, position) => [issue.n, position]));
  const positions = block.issues.map((issue) => known.get(issue.n) ?? issues.push(issue) - 1);
  const turns = block.turns.map((turn) => renumbered(turn, positions));
  return {
    ...thread,
    from: Math.min(thread.from, block.from),
    turns: after ? [...thread.turns, ...turns] : [...turns, ...thread.turns],
  };
}

/** The findings of a conversation in reading order: those of the whole first, then by place in the text. */
export function inReadingOrder(thread: Thread): Issue[] {
  const place = new Map<number, number>();
  for (const turn of thread.turns) {
    turn.segments.forEach(([, issues], at) => issues.forEach((issue) => place.has(issue) || place.set(issue, at)));
  }
  return thread.issues
    .map((issue, position) => ({ issue, at: place.get(position) ?? -1 }))
    .sort((a, b) => (a.issue.turn ?? -1) - (b.issue.turn ?? -1) || a.at - b.at || a.issue.n - b.issue.n)
    .map(({ issue }) => issue);
}

/** The finding to go to from the present selection, or undefined at either end. */
export function stepIssue(issues: Issue[], selection: Selection, step: 1 | -1): Issue | undefined {
  const at = issues.findIndex((issue) => issue.n === selection.n);
  if (at >= 0) return issues[at + step];
  const turn = selection.turn;
  if (turn === null || turn === undefined) return step > 0 ? issues[0] : issues.at(-1);
  return step > 0
    ? issues.find((issue) => (issue.turn ?? -1) >= turn)
    : issues.findLast((issue) => (issue.turn ?? -1) < turn);
}

export function hasSpan(turn: Turn, position: number): boolean {
  return turn.segments.some(([, issues]) => issues.includes(position));
}
