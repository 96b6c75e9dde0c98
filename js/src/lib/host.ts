import type { RequestName, Requests } from "./protocol.ts";

export type Trait = "state" | "selection" | "filters" | "changes" | "error";

/**
 * What a view can say about the other side: `live`; `waiting` (no answer for 1.5 s); `silent` (none for 15 s);
 * `gone` (the connection was closed); `none` (there never was one).
 */
export type Kernel = "live" | "waiting" | "silent" | "gone" | "none";

export type Reply<T> = { status: "ok"; result: T } | { status: "failed"; error: string } | { status: "void" };

/** The one seam between a component and where it is shown. */
export interface Host {
  get(name: Trait): string;
  get(name: "kernel"): Kernel;
  set(name: "selection" | "filters", value: string): void;
  onChange(name: Trait | "kernel", listener: () => void): () => void;
  /**
   * Settles with the answer, with one sentence of failure, or as void when a newer request for the same
   * purpose was made. It never times out: an answer that comes late is still an answer.
   */
  request<N extends RequestName>(
    name: N,
    args: Requests[N]["args"],
    purpose?: string,
  ): Promise<Reply<Requests[N]["result"]>>;
  dispose(): void;
}

export const WAITING_AFTER = 1_500;
export const SILENT_AFTER = 15_000;

interface Open {
  purpose: string;
  settle: (reply: Reply<never>) => void;
}

interface ReplyMessage {
  kind: "reply";
  id: number;
  ok: boolean;
  result?: unknown;
  error?: string;
}

function isReply(message: unknown): message is ReplyMessage {
  return typeof message === "object" && message !== null && (message as ReplyMessage).kind === "reply";
}

/** Open requests of one view: ids, latest wins, and how long the oldest has been waiting. */
export class Exchange {
  kernel: Kernel = "live";
  // Two views of one model hear each other's answers, so ids must differ between views.
  #id = Math.floor(Math.random() * 2 ** 31) * 2 ** 20;
  #open = new Map<number, Open>();
  #timers: ReturnType<typeof setTimeout>[] = [];
  #send: (message: object) => void;
  #changed: () => void;

  constructor(send: (message: object) => void, changed: () => void) {
    this.#send = send;
    this.#changed = changed;
  }

  request(name: string, args: object, purpose: string): Promise<Reply<never>> {
    for (const [id, open] of this.#open) {
      if (open.purpose === purpose) this.#close(id, { status: "void" });
    }
    const id = ++this.#id;
    return new Promise((settle) => {
      this.#open.set(id, { purpose, settle });
      this.#watch();
      try {
        this.#send({ kind: "request", id, name, args });
      } catch {
        this.gone();
        this.#close(id, { status: "failed", error: "The kernel is gone. Run the cell again." });
      }
    });
  }

  receive(message: unknown): void {
    if (!isReply(message) || !this.#open.has(message.id)) return;
    this.#become("live");
    this.#close(
      message.id,
      message.ok
        ? { status: "ok", result: message.result as never }
        : { status: "failed", error: message.error || "The request failed." },
    );
  }

  gone(): void {
    this.#stopWatch();
    this.#become("gone");
  }

  dispose(): void {
    this.#stopWatch();
    this.#open.clear();
  }

  #close(id: number, reply: Reply<never>): void {
    this.#open.get(id)?.settle(reply);
    this.#open.delete(id);
    if (this.#open.size === 0) {
      this.#stopWatch();
      if (this.kernel === "waiting" || this.kernel === "silent") this.#become("live");
    } else if (this.kernel === "live") {
      this.#stopWatch();
      this.#watch();
    }
  }

  #watch(): void {
    if (this.#timers.length > 0 || this.kernel === "gone") return;
    this.#timers = [
      setTimeout(() => this.#become("waiting"), WAITING_AFTER),
      setTimeout(() => this.#become("silent"), SILENT_AFTER),
    ];
  }

  #stopWatch(): void {
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
  }

  #become(kernel: Kernel): void {
    if (this.kernel === kernel) return;
    this.kernel = kernel;
    this.#changed();
  }
}

/** Named sets of listeners, emptied in one go. */
export class Listeners<Name extends string> {
  #sets = new Map<Name, Set<() => void>>();

  add(name: Name, listener: () => void): () => void {
    const set = this.#sets.get(name) ?? new Set();
    this.#sets.set(name, set.add(listener));
    return () => set.delete(listener);
  }

  call(name: Name): void {
    for (const listener of [...(this.#sets.get(name) ?? [])]) listener();
  }

  clear(): void {
    this.#sets.forEach((set) => set.clear());
  }
}
