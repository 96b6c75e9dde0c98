import { Listeners, type Host, type Kernel, type Trait } from "./host.ts";
import { readJson } from "./protocol.ts";

export interface StaticTraits {
  state: object | string;
  selection?: object | string;
  filters?: string;
  error?: string;
}

const asText = (value: object | string | undefined) => (typeof value === "string" ? value : JSON.stringify(value ?? {}));

/** Under which name of the state an answer is kept, where it is not its own. */
const places: Record<string, string> = { conversation: "thread", charts: "" };

const asked = "query sort descending offset key from target".split(" ");

/** A host without a kernel: it answers with what was saved in the state and says plainly when that is not enough. */
export function staticHost(traits: StaticTraits): Host {
  const values: Record<Trait, string> = {
    state: asText(traits.state),
    selection: asText(traits.selection),
    filters: traits.filters ?? "",
    changes: "",
    error: traits.error ?? "",
  };
  const listeners = new Listeners<Trait | "kernel">();
  const saved = readJson<Record<string, unknown>>(values.state);

  /** What was saved, if it is what is asked for. */
  function answer(name: string, args: Record<string, unknown>): unknown {
    const kept = saved[places[name] ?? name] as Record<string, unknown> | null | undefined;
    return kept && !args.max_tokens && asked.every((one) => !(one in args) || kept[one] === args[one]) ? kept : undefined;
  }

  return {
    get: (name: Trait | "kernel") => (name === "kernel" ? "none" : values[name]) as Kernel,
    set(name, value) {
      if (values[name] === value) return;
      values[name] = value;
      listeners.call(name);
    },
    onChange: (name, listener) => listeners.add(name, listener),
    async request(name, args) {
      const result = answer(name, args as unknown as Record<string, unknown>);
      return result === undefined
        ? { status: "failed", error: "This was not saved with the page; it needs a running notebook." }
        : { status: "ok", result: result as never };
    },
    dispose: () => listeners.clear(),
  };
}
