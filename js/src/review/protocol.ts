import type { Host, Reply } from "../lib/host.ts";
import type { Decision, Key, ReviewState, Status } from "../lib/protocol.ts";

/** The payloads of docs/protocol.md that are about what is done, one type each. */

export type { Decision } from "../lib/protocol.ts";

/** How far the review is; `estimate` is what a sample says of the whole, where the query draws one. */
export type PanelStatus = Status & { estimate?: string | null };

/** One step of the journal. */
export type Step =
  | { op: "decide"; keys: Key[]; as: Decision | null }
  | { op: "note"; keys: Key[]; note: string }
  | { op: "retag"; keys: Key[]; tags: string[]; without: string[] }
  | { op: "ignore"; findings: number[] }
  | { op: "repair"; findings: number[]; unsafe?: boolean }
  | { op: "edit"; key: Key; turn: number; text?: string; role?: string; speaker?: string }
  | { op: "insert"; key: Key; at: number; role: string; text: string }
  | { op: "remove" | "merge"; key: Key; turn: number }
  | { op: "split"; key: Key; turns: number[] }
  | { op: "undo" | "redo" };

export interface Done {
  said: string;
  status: PanelStatus;
}

export interface PanelState extends ReviewState {
  status?: Status;
}

interface Asked {
  do: { args: Step; result: Done };
  status: { args: { query: string }; result: PanelStatus };
}

/** Requests of the panel, with what they really take and give. */
export function ask<N extends keyof Asked>(host: Host, name: N, args: Asked[N]["args"], purpose: string = name): Promise<Reply<Asked[N]["result"]>> {
  return host.request(name, args as never, purpose) as Promise<Reply<never>>;
}

/** The decisions: the sign and the word that stand for each, and its key. */
export const decisions: { as: Decision; sign: string; word: string; key: string }[] = [
  { as: "keep", sign: "✓", word: "Keep", key: "1" },
  { as: "fix", sign: "✎", word: "Fix", key: "2" },
  { as: "reject", sign: "✕", word: "Reject", key: "3" },
  { as: "later", sign: "…", word: "Later", key: "4" },
];

export const signOf = (decision: string) => decisions.find(({ as }) => as === decision)?.sign ?? "";
