import type { Match } from "./search.ts";

/** Marks without a change of the page. A browser that does not know them shows the turn of a match alone. */
function registered(name: string): Highlight | undefined {
  const known = globalThis.CSS?.highlights as HighlightRegistry | undefined;
  // One for all components of the page, which may be several copies of this module.
  if (known && !known.has(name)) known.set(name, new Highlight());
  return known?.get(name);
}

/** What marks the matches in a box, the current one more than the others, and no longer those of before. */
export function highlighter(): (box: Element, matches: Match[], current?: Match) => void {
  let own: [Highlight, Range][] = [];
  return (box, matches, current) => {
    for (const [highlight, range] of own) highlight.delete(range);
    own = matches.flatMap((match) => {
      const highlight = registered(match === current ? "rt-found-current" : "rt-found");
      const range = highlight && rangeOf(box, match);
      if (!range) return [];
      highlight.add(range);
      return [[highlight, range]];
    });
  };
}

export function fieldElement(box: Element, { turn, field }: Match): HTMLElement | null {
  return box.querySelector<HTMLElement>(`[data-turn="${turn}"] [data-field="${field}"]`);
}

/** The place of a match in the page, null where its turn is not drawn. */
export function rangeOf(box: Element, match: Match): Range | null {
  const element = fieldElement(box, match);
  if (!element) return null;
  const range = document.createRange();
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let at = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const end = at + (node.nodeValue?.length ?? 0);
    if (match.start >= at && match.start < end) range.setStart(node, match.start - at);
    if (match.end <= end) {
      range.setEnd(node, match.end - at);
      return range;
    }
    at = end;
  }
  return null;
}
