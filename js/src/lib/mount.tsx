import { render, type ComponentType } from "preact";
import "./base.css";
import { anywidgetHost, type Model } from "./host-anywidget.ts";
import { staticHost, type StaticTraits } from "./host-static.ts";
import type { Host } from "./host.ts";
import { guardKeys } from "./keys.ts";
import { watchTheme } from "./theme.ts";

export type App = ComponentType<{ host: Host; root: HTMLElement }>;

/** Draws a component into an element and returns what takes everything away again. */
export function mount(View: App, host: Host, el: HTMLElement): () => void {
  const root = el.ownerDocument.createElement("div");
  root.className = "rtnb";
  // Without it Jupyter takes single keys as commands: "d d" would delete the notebook's cell.
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);
  const stopWatching = watchTheme(root);
  guardKeys(root);
  render(<View host={host} root={root} />, root);

  let mounted = true;
  return () => {
    if (!mounted) return;
    mounted = false;
    render(null, root);
    stopWatching();
    host.dispose();
    root.remove();
  };
}

interface RenderProps {
  model: Model;
  el: HTMLElement;
  signal?: AbortSignal;
}

export function widget(View: App) {
  return {
    render({ model, el, signal }: RenderProps): () => void {
      const stop = mount(View, anywidgetHost(model), el);
      signal?.addEventListener("abort", stop, { once: true });
      return stop;
    },
  };
}

/** Shows a saved state in a page that has no notebook behind it. */
export function showStatic(View: App) {
  return (el: HTMLElement, traits: StaticTraits): (() => void) => mount(View, staticHost(traits), el);
}
