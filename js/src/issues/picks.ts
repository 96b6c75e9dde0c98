import type { Finding, Which } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";

const MOST = 2_000;

/** What was chosen for a step: findings one by one, or all that match a query, which then is not a list. */
export class Picks extends Store {
  #rows = new Map<number, Finding>();
  #query: string | null = null;
  #last = 0;

  get any(): boolean {
    return this.#query !== null || this.#rows.size > 0;
  }

  get all(): boolean {
    return this.#query !== null;
  }

  get count(): number {
    return this.#rows.size;
  }

  /** Conversations among what was chosen one by one. */
  get keys(): string[] {
    return [...new Set([...this.#rows.values()].flatMap(({ key }) => (key === null ? [] : [key])))];
  }

  has(n: number): boolean {
    return this.#query !== null || this.#rows.has(n);
  }

  toggle(position: number, row: Finding): void {
    this.#last = position;
    this.#query = null;
    if (!this.#rows.delete(row.n)) this.#rows.set(row.n, row);
    this.changed();
  }

  /** Everything between the row that was chosen last and this one. */
  async range(position: number, fetch: (position: number) => Promise<unknown>): Promise<void> {
    const step = position < this.#last ? -1 : 1;
    this.#query = null;
    for (let at = this.#last, left = MOST; left > 0; at += step, left--) {
      const row = await fetch(at);
      if (isFinding(row)) this.#rows.set(row.n, row);
      if (at === position) break;
    }
    this.#last = position;
    this.changed();
  }

  /** What a click or a key on a row asks for. */
  pick(position: number, range: boolean, pages: { row(at: number): unknown; fetch(at: number): Promise<unknown> }): void {
    const row = pages.row(position);
    if (range) void this.range(position, (at) => pages.fetch(at));
    else if (isFinding(row)) this.toggle(position, row);
  }

  take(query: string): void {
    this.#rows.clear();
    this.#query = query;
    this.changed();
  }

  clear(): void {
    if (!this.any) return;
    this.#rows.clear();
    this.#query = null;
    this.changed();
  }

  get findings(): Which {
    return this.#query === null ? { findings: [...this.#rows.keys()] } : { query: this.#query };
  }

  get conversations(): Which {
    return this.#query === null ? { keys: this.keys } : { query: this.#query };
  }

  dispose(): void {}
}

function isFinding(row: unknown): row is Finding {
  return typeof row === "object" && row !== null && "n" in row;
}
