import { Exchange, Listeners, type Host, type Kernel, type Trait } from "./host.ts";

/** The part of anywidget's model that is used, present since 0.9. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback?: ((...args: never[]) => void) | null): void;
}

const traits: Trait[] = ["state", "selection", "filters", "changes", "error"];

export function anywidgetHost(model: Model): Host {
  const listeners = new Listeners<Trait | "kernel">();
  const exchange = new Exchange(
    (message) => model.send(message),
    () => listeners.call("kernel"),
  );
  const receive = (message: unknown) => exchange.receive(message);
  const closed = () => exchange.gone();
  const changes = traits.map((name) => [`change:${name}`, () => listeners.call(name)] as const);

  for (const [event, callback] of changes) model.on(event, callback);
  model.on("msg:custom", receive);
  model.on("comm:close", closed);
  // A restarted kernel leaves the model behind without closing its comm; the manager then marks it as not live.
  model.on("comm_live_update", closed);

  return {
    get(name: Trait | "kernel") {
      return name === "kernel" ? exchange.kernel : (String(model.get(name) ?? "") as Kernel);
    },
    set(name, value) {
      if (model.get(name) === value) return;
      model.set(name, value);
      try {
        model.save_changes();
      } catch {
        exchange.gone();
      }
    },
    onChange: (name, listener) => listeners.add(name, listener),
    request: (name, args, purpose = name) => exchange.request(name, args, purpose),
    dispose() {
      for (const [event, callback] of changes) model.off(event, callback);
      model.off("msg:custom", receive);
      model.off("comm:close", closed);
      model.off("comm_live_update", closed);
      listeners.clear();
      exchange.dispose();
    },
  };
}
