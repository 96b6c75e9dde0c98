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

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
