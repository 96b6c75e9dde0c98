import type { Segment } from "./protocol.ts";

/**
 * A sign for a character that cannot be seen. `over` is drawn over the character and takes no room of its own. A control
 * string (`<|im_end|>`) can be seen, but not told from other text: it has no sign and gets a frame.
 */
export interface Sign {
  sign: string;
  over: boolean;
  character: string;
}

const signs: Record<string, string> = { " ": "·", "\t": "→", "\n": "↵", "\u00a0": "⍽" };

const unseen = /[ \t\n\u00a0]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u115f\u1160\u3164\uffa0\u2800]|[\p{Zs}]|[\ufe00-\ufe0f]/gu;

const control = /<\|[^<>|\s]{1,40}\|>|<｜[^<>｜\s]{1,40}｜>|<\/?s>|<(?:start|end)_of_turn>|<[be]os>|\[\/?INST\]/;
const marked = new RegExp(`${control.source}|${unseen.source}`, "gu");

const emojiJoin = /^(?:\u200d|\ufe0f)$/;

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The text with a sign before every blank, control and zero-width character, and its control strings apart; the characters themselves stay. */
export function literal(text: string): (string | Sign)[] {
  const pieces: (string | Sign)[] = [];
  let from = 0;
  for (const match of text.matchAll(marked)) {
    const character = match[0];
    if (match.index > from) pieces.push(text.slice(from, match.index));
    const sign = control.test(character) ? "" : signs[character];
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

/** From how many characters or lines on a text is folded, and what stays of it. */
interface FoldAt {
  characters: number;
  lines: number;
  keep: number;
  keepLines: number;
}

const long: FoldAt = { characters: 900, lines: 12, keep: 620, keepLines: 8 };
/** What a tool gave back is read less often than what was made of it. */
export const briefly: FoldAt = { characters: 240, lines: 4, keep: 160, keepLines: 2 };

function countBreaks(text: string): number {
  return text.split("\n").length - 1;
}

export interface Fold {
  shown: Segment[];
  rest: Segment[];
  /** Where the text was cut, counted in UTF-16 units. */
  cut: number;
  more: string;
}

export function textOf(segments: Segment[]): string {
  return segments.map(([piece]) => piece).join("");
}

/** The beginning of a long text and how much is left, or null for a text that is shown whole. */
export function fold(segments: Segment[], words: number, at: FoldAt = long): Fold | null {
  const text = textOf(segments);
  if (text.length <= at.characters && countBreaks(text) < at.lines) return null;

  let cut = Math.min(text.length, at.keep);
  let lines = 0;
  for (let end = text.indexOf("\n"); end >= 0 && end < cut; end = text.indexOf("\n", end + 1)) {
    if (++lines >= at.keepLines) cut = end;
  }
  const blank = text.slice(0, cut).search(/\s\S*$/);
  if (cut < text.length && blank > cut - 40) cut = blank;
  if (/[\ud800-\udbff]$/.test(text.slice(0, cut))) cut -= 1;

  const shown: Segment[] = [];
  const left: Segment[] = [];
  let begin = 0;
  for (const [piece, issues] of segments) {
    const place = Math.max(0, Math.min(piece.length, cut - begin));
    if (place > 0) shown.push([piece.slice(0, place), issues]);
    if (place < piece.length) left.push([piece.slice(place), issues]);
    begin += piece.length;
  }
  const rest = text.slice(cut);
  const blanks = rest.match(/\s+/g)?.length ?? 0;
  // Scripts without blanks between words have no words to count here.
  const more =
    blanks * 20 > rest.length
      ? plural(Math.max(1, Math.min(words, rest.match(/\S+/g)?.length ?? 0)), "more word")
      : plural(rest.length, "more character");
  return { shown, rest: left, cut, more };
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
