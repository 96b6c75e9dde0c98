interface Placed {
  getBoundingClientRect(): DOMRect;
}

// Frames in which nothing may move before a place counts as reached, and frames after which that is given up.
const STILL = 8;
const FRAMES = 90;

/**
 * Brings what `find` finds into sight by moving its own box only, never the page around it. Returns what calls it off.
 *
 * A box that is not in the page yet, or not shown, is waited for; so is a turn that is still being unfolded, for `find`
 * is asked anew in every frame. A reader who scrolls is let go.
 */
export function reveal(box: HTMLElement, find: () => Placed | null): () => void {
  const over = new AbortController();
  const { signal } = over;
  const stop = () => over.abort();
  let before = "";
  let still = 0;
  let frames = 0;
  const move = () => {
    if (signal.aborted) return;
    const frame = box.getBoundingClientRect();
    const place = find()?.getBoundingClientRect();
    // The observer calls again as soon as there is a size.
    if (!place || frame.height === 0) {
      frames = 0;
      return;
    }
    const above = place.top - frame.top;
    const below = place.bottom - frame.bottom;
    if (above < 24 || below > -16) {
      const wanted = place.height > frame.height * 0.6 ? above - 24 : above - frame.height * 0.3;
      box.scrollTop += wanted;
    }
    // Turns that were never drawn have guessed heights, and a new frame may still find its size: look until it rests.
    const now = `${box.scrollTop} ${place.height} ${frame.width} ${frame.height}`;
    still = now === before ? still + 1 : 0;
    before = now;
    if (still < STILL && ++frames < FRAMES) requestAnimationFrame(move);
    else stop();
  };
  for (const event of ["wheel", "touchmove", "pointerdown", "keydown"]) box.addEventListener(event, stop, { signal, passive: true });
  if (typeof ResizeObserver !== "undefined") {
    const observer = new ResizeObserver(() => frames === 0 && move());
    observer.observe(box);
    signal.addEventListener("abort", () => observer.disconnect());
  }
  move();
  return stop;
}

/** One flash, by an attribute that the view does not manage. */
export function flash(target: HTMLElement): void {
  target.removeAttribute("data-flash");
  void target.offsetWidth;
  target.setAttribute("data-flash", "");
}
