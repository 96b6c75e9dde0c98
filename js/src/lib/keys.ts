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
export function guardKeys(root: HTMLElement): () => void {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") {
      event.stopPropagation();
    } else if (!event.defaultPrevented) {
      leave(root);
    } else {
      event.stopPropagation();
    }
  };
  root.addEventListener("keydown", onKeyDown);
  return () => root.removeEventListener("keydown", onKeyDown);
}
