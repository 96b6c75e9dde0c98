/** Where the focus is, also inside a shadow root. */
export function focused(element: Element): HTMLElement | null {
  return (element.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
}

/**
 * Keeps the keyboard in the panel: when what has the focus is taken out of the page, the focus goes to where `sensible` says,
 * else the next key would go to the notebook.
 */
export function keepFocus(frame: HTMLElement, sensible: () => HTMLElement | null): () => void {
  let last: Element | null = null;
  const enter = (event: FocusEvent) => {
    last = event.target as Element;
  };
  const leave = ({ target }: FocusEvent) => {
    // What is just being taken out loses the focus as well; a moment later it can be told apart.
    queueMicrotask(() => {
      if (last === target && last?.isConnected) last = null;
    });
  };
  const observer = new MutationObserver(() => {
    if (!last || last.isConnected) return;
    last = null;
    const now = focused(frame);
    if (!now || now === frame.ownerDocument.body) (sensible() ?? frame).focus({ preventScroll: true });
  });
  frame.addEventListener("focusin", enter);
  frame.addEventListener("focusout", leave);
  observer.observe(frame, { childList: true, subtree: true });
  return () => {
    observer.disconnect();
    frame.removeEventListener("focusin", enter);
    frame.removeEventListener("focusout", leave);
  };
}
