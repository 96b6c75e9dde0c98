import type { Issue, Selection, Thread, Turn } from "../lib/protocol.ts";

/** Turns asked for at a time. */
export const BLOCK = 200;

export const blockOf = (turn: number) => Math.floor(turn / BLOCK) * BLOCK;

function renumbered(turn: Turn, positions: number[]): Turn {
  const moved = (issues: number[]) => issues.flatMap((issue) => positions[issue] ?? []);
  return {
    ...turn,
    issues: moved(turn.issues),
    segments: turn.segments.map(([text, issues]) => [text, moved(issues)]),
  };
}

/** Two neighbouring blocks of one conversation as one; null if they do not touch. */
export function joined(a: Thread, b: Thread): Thread | null {
  const [first, second] = a.from <= b.from ? [a, b] : [b, a];
  if (first.key !== second.key || first.from + first.turns.length !== second.from) return null;
  const issues: Issue[] = [...first.issues];
  const known = new Map(issues.map((issue, position) => [issue.n, position]));
  const positions = second.issues.map((issue) => known.get(issue.n) ?? issues.push(issue) - 1);
  return {
    ...first,
    turns: [...first.turns, ...second.turns.map((turn) => renumbered(turn, positions))],
    issues,
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
