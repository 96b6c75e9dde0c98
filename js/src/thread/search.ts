import type { Turn } from "../lib/protocol.ts";
import { textOf } from "../lib/text.ts";

/** Where a text that was looked for stands: in which text of which turn, in UTF-16 units. */
export interface Match {
  turn: number;
  field: string;
  start: number;
  end: number;
}

/** More are not counted. */
export const MOST = 10_000;

/** The texts of a turn by the name of the element that shows them. */
export function fieldsOf(turn: Turn): [field: string, text: string][] {
  const thought = turn.thought ?? 0;
  const fields: [string, string][] = (turn.reasoning ?? []).map(([, text], at) => [`reasoning-${at}`, text]);
  turn.results?.forEach(({ text }, at) => text !== null && fields.push([`result-${at}`, text]));
  fields.push(["thought", textOf(turn.segments.slice(0, thought))], ["text", textOf(turn.segments.slice(thought))]);
  turn.parts?.forEach(({ where }, at) => fields.push([`part-${at}`, where]));
  turn.calls?.forEach((call, at) => fields.push([`call-${at}`, call.arguments]));
  turn.extra.forEach(([, json], at) => fields.push([`extra-${at}`, json]));
  return fields;
}

/** Every place of a text in a conversation, whatever its case, in reading order. */
export function search(turns: Turn[], wanted: string): Match[] {
  if (wanted === "") return [];
  const pattern = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "giu");
  const matches: Match[] = [];
  for (const turn of turns) {
    for (const [field, text] of fieldsOf(turn)) {
      for (const found of text.matchAll(pattern)) {
        matches.push({ turn: turn.turn, field, start: found.index, end: found.index + found[0].length });
        if (matches.length >= MOST) return matches;
      }
    }
  }
  return matches;
}
