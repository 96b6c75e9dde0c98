/** Which rows of a fixed height are in sight, with some before and after so that scrolling does not show gaps. */
export function rowsInSight(scrollTop: number, height: number, rowHeight: number, count: number, spare = 8): [first: number, end: number] {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare);
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + spare);
  return [Math.min(first, end), end];
}

/** The scroll position that shows a row with the least movement; the present one if it is in sight. */
export function scrollToRow(row: number, scrollTop: number, height: number, rowHeight: number, head = 0): number {
  const top = row * rowHeight;
  if (top < scrollTop) return Math.max(0, top);
  const overflow = top + rowHeight - (scrollTop + height - head);
  return overflow > 0 ? scrollTop + overflow : scrollTop;
}

// Browsers draw no taller element: Firefox ends at 17.8 million pixels, the others at 33.5 million.
const TALLEST = typeof navigator !== "undefined" && /firefox/i.test(navigator.userAgent) ? 16e6 : 32e6;

/** How a list that is too tall for a browser is scrolled: its height in the page, and where its rows begin at a scroll position. */
export function squeezed(tall: number, view: number): { height: number; shift: (scrollTop: number) => number; back: (top: number) => number } {
  const height = Math.min(tall, TALLEST);
  const factor = height > view ? (tall - view) / (height - view) : 1;
  return { height, shift: (scrollTop) => scrollTop * factor, back: (top) => top / factor };
}

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
