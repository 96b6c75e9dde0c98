/** Brings an element into sight by moving its own box only, never the page around it. */
export function reveal(box: HTMLElement, target: HTMLElement): void {
  // Turns that were never drawn have guessed heights, and a new frame may still find its size: look again for some frames.
  let frames = 8;
  const move = () => {
    const frame = box.getBoundingClientRect();
    const place = target.getBoundingClientRect();
    const above = place.top - frame.top;
    const below = place.bottom - frame.bottom;
    if (above < 24 || below > -16) {
      const wanted = place.height > frame.height * 0.6 ? above - 24 : above - frame.height * 0.3;
      box.scrollTop += wanted;
    }
    if (--frames > 0 && box.isConnected) requestAnimationFrame(move);
  };
  move();
}

/** One flash, by an attribute that the view does not manage. */
export function flash(target: HTMLElement): void {
  target.removeAttribute("data-flash");
  void target.offsetWidth;
  target.setAttribute("data-flash", "");
}
