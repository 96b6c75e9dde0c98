import { Listeners, type Host, type Kernel, type Trait } from "./host.ts";
import { readJson, type CasesPage, type ConversationsPage, type FindingsPage, type PreflightState, type ReviewState } from "./protocol.ts";

export interface StaticTraits {
  state: object | string;
  selection?: object | string;
  filters?: string;
  error?: string;
}

const asText = (value: object | string | undefined) => (typeof value === "string" ? value : JSON.stringify(value ?? {}));

/** A host without a kernel: it answers with what was saved in the state and says plainly when that is not enough. */
export function staticHost(traits: StaticTraits): Host {
  const values: Record<Trait, string> = {
    state: asText(traits.state),
    selection: asText(traits.selection),
    filters: traits.filters ?? "",
    error: traits.error ?? "",
  };
  const listeners = new Listeners<Trait | "kernel">();
  const saved = readJson<ReviewState & PreflightState>(values.state);

  const samePage = (page: FindingsPage | ConversationsPage | CasesPage | undefined, args: Record<string, unknown>) =>
    page && page.query === args.query && page.sort === args.sort && page.descending === args.descending && args.offset === page.offset;

  function answer(name: string, args: Record<string, unknown>): unknown {
    if (name === "findings" && samePage(saved.findings, args)) return saved.findings;
    if (name === "conversations" && samePage(saved.conversations, args)) return saved.conversations;
    if (name === "conversation" && saved.thread?.key === args.key && saved.thread?.from === args.from) return saved.thread;
    if (name === "cases" && samePage(saved.cases, args)) return saved.cases;
    if (name === "case" && args.max_tokens === null && saved.case?.key === args.key && saved.case?.target === args.target) return saved.case;
    return undefined;
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
