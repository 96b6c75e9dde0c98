import type { Host } from "../lib/host.ts";
import type { Case, Key } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";

const REMEMBERED = 24;

/** Which case, and at which limit; null is the limit that the preflight has. */
export interface Wanted {
  key: Key;
  target: string;
  limit: number | null;
}

const nameOf = ({ key, target, limit }: Wanted) => `${key} ${limit ?? ""} ${target}`;

/** The open case. The old one stays until the new one has come. */
export class CaseSource extends Store {
  case: Case | null = null;
  /** What was asked for last, while its answer is open. */
  opening: Wanted | null = null;
  failure = "";
  #host: Host;
  #kept = new Map<string, Case>();

  constructor(host: Host) {
    super();
    this.#host = host;
  }

  get busy(): boolean {
    return this.opening !== null && !this.failure;
  }

  /** A case that came with the state. */
  seed(seeded: Case | null): void {
    this.#kept.clear();
    this.case = seeded;
    this.opening = null;
    this.failure = "";
    if (seeded) this.#keep({ key: seeded.key, target: seeded.target, limit: null }, seeded);
    this.changed();
  }

  open(wanted: Wanted): void {
    const name = nameOf(wanted);
    if (this.opening && !this.failure && nameOf(this.opening) === name) return;
    const kept = this.#kept.get(name);
    if (!kept) return void this.#load(wanted);
    this.case = kept;
    this.opening = null;
    this.failure = "";
    this.changed();
  }

  retry(): void {
    if (this.opening) void this.#load(this.opening);
  }

  dispose(): void {
    this.#kept.clear();
  }

  async #load(wanted: Wanted): Promise<void> {
    this.opening = wanted;
    this.failure = "";
    this.changed();
    const { key, target, limit } = wanted;
    const reply = await this.#host.request("case", { key, target, max_tokens: limit }, "case");
    if (reply.status === "void" || this.opening !== wanted) return;
    if (reply.status === "ok") {
      this.case = reply.result;
      this.#keep(wanted, reply.result);
      this.opening = null;
    } else {
      this.failure = reply.error;
    }
    this.changed();
  }

  #keep(wanted: Wanted, found: Case): void {
    const name = nameOf(wanted);
    this.#kept.delete(name);
    this.#kept.set(name, found);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= REMEMBERED) break;
      this.#kept.delete(old);
    }
  }
}
