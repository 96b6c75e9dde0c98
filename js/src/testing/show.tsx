import { act } from "preact/test-utils";
import { mount, type App } from "../lib/mount.tsx";
import type { Host } from "../lib/host.ts";

const shown: (() => void)[] = [];

/** Mounts a component as a notebook does and returns its root. */
export async function show(View: App, host: Host, parent: HTMLElement = document.body): Promise<HTMLElement> {
  const el = document.createElement("div");
  parent.append(el);
  let stop = () => {};
  await act(() => {
    stop = mount(View, host, el);
  });
  await settle();
  shown.push(() => {
    stop();
    el.remove();
  });
  return el.querySelector<HTMLElement>(".rtnb")!;
}

/** Unmounts what is shown. What its effects clean up is done on return: preact would do it after a next paint, when the document may be gone. */
export function takeDown(): void {
  void act(() => {
    for (const stop of shown.splice(0)) stop();
  });
  document.body.replaceChildren();
}

/** Lets answers arrive and be drawn. */
export async function settle(milliseconds = 0): Promise<void> {
  // Each round draws at its end, and what was drawn may ask for something in its turn.
  for (const wait of [0, milliseconds, 0]) await act(() => new Promise<void>((done) => setTimeout(done, wait)));
}

export async function press(key: string, target: Element | null = document.activeElement, more: KeyboardEventInit = {}): Promise<KeyboardEvent> {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...more });
  await act(() => void target?.dispatchEvent(event));
  await settle();
  return event;
}

export async function click(target: Element | null | undefined): Promise<void> {
  if (!target) throw new Error("There is nothing to click.");
  await act(() => void target.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })));
  await settle();
}

export async function type(field: HTMLInputElement, text: string): Promise<void> {
  await act(() => {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

const implied: Record<string, string> = {
  button: "button:not([role])",
  article: "article",
  searchbox: "input[type=search]",
  textbox: "input:not([type]), textarea",
};

/** Elements by role and a piece of their name, as a screen reader would list them. */
export function all(root: Element, role: string, name?: string | RegExp): HTMLElement[] {
  const selector = [`[role=${role}]`, implied[role]].filter(Boolean).join(", ");
  return [...root.querySelectorAll<HTMLElement>(selector)].filter((element) => {
    const label = element.getAttribute("aria-label") ?? element.textContent ?? "";
    return name === undefined || (typeof name === "string" ? label.trim() === name : name.test(label));
  });
}

export function one(root: Element, role: string, name?: string | RegExp): HTMLElement {
  const found = all(root, role, name);
  if (found.length === 0) throw new Error(`No ${role} is named ${name}.`);
  return found[0]!;
}
