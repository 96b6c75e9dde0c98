import type { Segment } from "./protocol.ts";

/** A sign for a character that cannot be seen. `over` is drawn over the character and takes no room of its own. */
export interface Sign {
  sign: string;
  over: boolean;
  character: string;
}

const signs: Record<string, string> = { " ": "·", "\t": "→", "\n": "↵", "\u00a0": "⍽" };

const unseen = /[ \t\n\u00a0]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u115f\u1160\u3164\uffa0\u2800]|[\p{Zs}]|[\ufe00-\ufe0f]/gu;

const emojiJoin = /^(?:\u200d|\ufe0f)$/;

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The text with a sign before every blank, control and zero-width character; the characters themselves stay. */
export function literal(text: string): (string | Sign)[] {
  const pieces: (string | Sign)[] = [];
  let from = 0;
  for (const match of text.matchAll(unseen)) {
    const character = match[0];
    if (match.index > from) pieces.push(text.slice(from, match.index));
    const sign = signs[character];
    pieces.push({ sign: sign ?? codePoint(character), over: sign !== undefined, character });
    from = match.index + character.length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}

/** True of a text that would leave nothing to see on the page. */
export function isInvisible(text: string): boolean {
  return text.length > 0 && text.replace(unseen, "") === "" && !emojiJoin.test(text);
}

export const FOLD_CHARACTERS = 900;
export const FOLD_LINES = 12;
const KEEP_CHARACTERS = 620;
const KEEP_LINES = 8;

function countBreaks(text: string): number {
  return text.split("\n").length - 1;
}

export interface Fold {
  shown: Segment[];
  /** Where the text was cut, counted in UTF-16 units. */
  cut: number;
  more: string;
}

/** The beginning of a long text and how much is left, or null for a text that is shown whole. */
export function fold(segments: Segment[], words: number): Fold | null {
  const text = segments.map(([piece]) => piece).join("");
  if (text.length <= FOLD_CHARACTERS && countBreaks(text) < FOLD_LINES) return null;

  let cut = Math.min(text.length, KEEP_CHARACTERS);
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < cut; at = text.indexOf("\n", at + 1)) {
    if (++lines >= KEEP_LINES) cut = at;
  }
  const blank = text.slice(0, cut).search(/\s\S*$/);
  if (cut < text.length && blank > cut - 40) cut = blank;
  if (/[\ud800-\udbff]$/.test(text.slice(0, cut))) cut -= 1;

  const shown: Segment[] = [];
  let at = 0;
  for (const [piece, issues] of segments) {
    if (at >= cut) break;
    shown.push([piece.slice(0, cut - at), issues]);
    at += piece.length;
  }
  const rest = text.slice(cut);
  const blanks = rest.match(/\s+/g)?.length ?? 0;
  // Scripts without blanks between words have no words to count here.
  const more =
    blanks * 20 > rest.length
      ? plural(Math.max(1, Math.min(words, rest.match(/\S+/g)?.length ?? 0)), "more word")
      : plural(rest.length, "more character");
  return { shown, cut, more };
}

/** Whether a found place begins behind the cut of a folded text. */
export function isBehind(segments: Segment[], position: number, cut: number): boolean {
  let at = 0;
  for (const [piece, issues] of segments) {
    if (issues.includes(position) && at + piece.length > cut) return true;
    at += piece.length;
  }
  return false;
}

export function plural(count: number, word: string): string {
  return `${number(count)} ${word}${count === 1 ? "" : "s"}`;
}

export function number(value: number): string {
  return value.toLocaleString("en-US");
}
