import { Listeners, type Host, type Kernel, type Reply, type Trait } from "./host.ts";
import { readJson, type PageArgs } from "./protocol.ts";
import { answerFrom, holds, type Answers } from "./saved.ts";

export interface StaticTraits {
  state: object | string;
  selection?: object | string;
  filters?: string;
  error?: string;
  /** Answers that were saved beside the state; with them the page knows which filters it can follow. */
  answers?: Answers;
}

const asText = (value: object | string | undefined) => (typeof value === "string" ? value : JSON.stringify(value ?? {}));

/** Under which name of the state an answer is kept, where it is not its own. */
const places: Record<string, string> = { conversation: "thread", charts: "" };

const compared = "query sort descending offset key from target".split(" ");

/** A host without a kernel: it answers with what was saved and says plainly when that is not enough. */
export function staticHost({ answers = {}, ...traits }: StaticTraits): Host {
  const values: Record<Trait, string> = {
    state: asText(traits.state),
    selection: asText(traits.selection),
    filters: traits.filters ?? "",
    changes: "",
    error: traits.error ?? "",
  };
  const listeners = new Listeners<Trait | "kernel">();
  const saved = readJson<Record<string, unknown>>(values.state);

  function put(name: Trait, value: string): void {
    if (values[name] === value) return;
    values[name] = value;
    listeners.call(name);
  }

  /** What was saved with the state, if it is what is asked for. */
  function first(name: string, args: Record<string, unknown>): unknown {
    const kept = saved[places[name] ?? name] as Record<string, unknown> | null | undefined;
    return kept && !args.max_tokens && compared.every((one) => !(one in args) || kept[one] === args[one]) ? kept : undefined;
  }

  return {
    get: (name: Trait | "kernel") => (name === "kernel" ? "none" : values[name]) as Kernel,
    set(name, value) {
      // A filter that nothing here follows would stand above a list that it was not made for.
      const asked = value.trim();
      const refused = name === "filters" && answers.says !== undefined && asked !== (traits.filters ?? "") && !holds(answers, asked);
      put("error", refused ? `${asked ? `The filter ${asked}` : "All without a filter"} is not here. ${answers.says}` : (traits.error ?? ""));
      if (!refused) put(name, value);
    },
    onChange: (name, listener) => listeners.add(name, listener),
    async request(name, args): Promise<Reply<never>> {
      const result = answerFrom(answers, name, args as PageArgs & Record<string, unknown>) ?? first(name, args as Record<string, unknown>);
      return result === undefined
        ? { status: "failed", error: answers.says ? `That is not here. ${answers.says}` : "This was not saved with the page; it needs a running notebook." }
        : { status: "ok", result: result as never };
    },
    dispose: () => listeners.clear(),
  };
}
