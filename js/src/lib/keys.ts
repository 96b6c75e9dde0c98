const editable = "input:not([type=checkbox]):not([type=radio]), textarea, select";

export function inEditable(event: Event): boolean {
  const [target] = event.composedPath();
  return target instanceof Element && target.closest(editable) !== null;
}

/** Runs the action of a single key; keys with a modifier and keys typed into a field are left alone. */
export function onKeys(actions: Record<string, () => void>) {
  return (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || inEditable(event)) return;
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
}

/** Gives the keyboard back to the notebook: its cell takes the focus, or nothing does. */
export function leave(root: HTMLElement): void {
  const page = root.getRootNode() as Document | ShadowRoot;
  const focused = page.activeElement;
  const cell = root.closest<HTMLElement>(".jp-Cell");
  cell?.focus({ preventScroll: true });
  if (page.activeElement === focused) cell?.closest<HTMLElement>(".jp-Notebook")?.focus({ preventScroll: true });
  if (page.activeElement === focused && focused instanceof HTMLElement) focused.blur();
}

/** Keeps every key inside the root, so that no key pressed in a component edits the notebook around it. */
export function guardKeys(root: HTMLElement): void {
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) leave(root);
    else event.stopPropagation();
  });
  // Notebook 7 looks for shortcuts before any element hears of the key, and of what is meant for whatever has the focus
  // it asks that element alone, not the root around it.
  root.addEventListener("focusin", ({ target }) => {
    (target as HTMLElement).dataset.lmSuppressShortcuts = "true";
  });
}
