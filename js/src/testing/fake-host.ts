import { Exchange, Listeners, type Host, type Kernel, type Trait } from "../lib/host.ts";
import type { RequestName, Requests } from "../lib/protocol.ts";

export type Answers = { [N in RequestName]?: (args: Requests[N]["args"]) => Requests[N]["result"] | Error };

interface Sent {
  id: number;
  name: RequestName;
  args: never;
}

/** A host that answers from functions, at once or when the test says so. */
export interface FakeHost extends Host {
  /** Every request that was made, in order. */
  sent: Sent[];
  /** While true, requests stay open until `reply` is called. */
  busy: boolean;
  reply(request: Sent): void;
  /** A trait that Python sets. */
  push(name: Trait, value: object | string): void;
  /** The kernel is gone from now on. */
  leave(): void;
  disposed: boolean;
}

export function fakeHost(traits: Partial<Record<Trait, object | string>>, answers: Answers = {}): FakeHost {
  const text = (value: object | string | undefined) => (typeof value === "string" ? value : JSON.stringify(value ?? {}));
  const values: Record<Trait, string> = {
    state: text(traits.state),
    selection: text(traits.selection),
    filters: text(traits.filters ?? ""),
    changes: text(traits.changes ?? ""),
    error: text(traits.error ?? ""),
  };
  const listeners = new Listeners<Trait | "kernel">();
  const exchange = new Exchange(
    (message) => {
      const request = message as Sent;
      host.sent.push(request);
      if (!host.busy) queueMicrotask(() => host.reply(request));
    },
    () => listeners.call("kernel"),
  );
  const assign = (name: Trait, value: string) => {
    if (values[name] === value) return;
    values[name] = value;
    listeners.call(name);
  };
  const host: FakeHost = {
    sent: [],
    busy: false,
    disposed: false,
    get: (name: Trait | "kernel") => (name === "kernel" ? exchange.kernel : values[name]) as Kernel,
    set: assign,
    push: (name, value) => assign(name, text(value)),
    onChange: (name, listener) => listeners.add(name, listener),
    request: (name, args, purpose = name) => exchange.request(name, args, purpose),
    reply({ id, name, args }) {
      const result = answers[name]?.(args) ?? new Error(`Nothing answers ${name}.`);
      exchange.receive(
        result instanceof Error ? { kind: "reply", id, ok: false, error: result.message } : { kind: "reply", id, ok: true, result },
      );
    },
    leave: () => exchange.gone(),
    dispose() {
      host.disposed = true;
      listeners.clear();
      exchange.dispose();
    },
  };
  return host;
}
