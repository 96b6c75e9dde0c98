import type { Key, Page } from "../lib/protocol.ts";

/** The payloads of the witness, as docs/witness.md has them. */

export type Mark = "trained" | "masked" | "cut" | "missing";

export type State = "dropped" | "cut" | "untrained" | "different";

/** A stretch of text, its part in the loss, and whether it is the turn's own or what the template writes around it. */
export type WitnessPiece = [text: string, mark: Mark, own: boolean];

export interface WitnessTurn {
  turn: number | null;
  role: string | null;
  speaker: string | null;
  hue: number | null;
  dir: "ltr" | "rtl";
  /** What becomes of the turn's own text, in two words at most. */
  fate: string;
  pieces: WitnessPiece[];
  /** The same as we foretold it, where that is another. */
  foretold: { fate: string; pieces: WitnessPiece[] } | null;
  lost: string[];
}

export interface Sequence {
  side: "chosen" | "rejected" | null;
  /** Its row in the trainer's data, null where there is none. */
  row: number | null;
  trained: number;
  masked: number;
  cut: number | null;
  turns: WitnessTurn[];
  left_out: number;
}

interface Named {
  key: Key;
  index: number | null;
  row: number | null;
  id: string | null;
  title: string | null;
  states: State[];
}

export interface Entry extends Named {
  tokens: number;
  trained: number;
}

export type EntriesPage = Page<Entry>;

export interface Difference {
  what: string;
  side: string | null;
  foretold: string;
  found: string;
}

export interface Opened extends Named {
  line: number | null;
  /** Why there is no row of it. */
  why: string | null;
  differences: Difference[];
  sequences: Sequence[];
}

export interface Witness {
  name: string;
  facts: [name: string, value: string][];
  tokens: { trained: number; masked: number; cut: number | null };
  /** `holds` is null where there was nothing to compare. */
  agreement: { holds: boolean | null; says: string };
  states: { name: State; title: string; count: number }[];
  /** Whether the conversations were given, so that missing ones are known. */
  of: boolean;
  notes: string[];
}

export interface WitnessState {
  witness?: Witness;
  entries?: EntriesPage;
  open?: Opened | null;
  empty?: string;
}

declare module "../lib/protocol.ts" {
  interface Requests {
    witnessed: { args: PageArgs; result: EntriesPage };
    witness: { args: { key: Key }; result: Opened };
  }
}
