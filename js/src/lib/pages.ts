import type { Reply } from "./host.ts";
import type { Page, PageArgs } from "./protocol.ts";
import { Store } from "./store.ts";

export const PAGE = 100;
const SETTLE = 60;

export interface Order {
  query: string;
  sort: string;
  descending: boolean;
}

export const sameOrder = (a: Order, b: Order) => a.query === b.query && a.sort === b.sort && a.descending === b.descending;

type Ask<P> = (args: PageArgs, purpose: string) => Promise<Reply<P>>;

/**
 * Rows of a long list, fetched page by page and kept sparsely. A new order keeps the old rows on the screen until
 * its first page has come; pages of an older order that come late are dropped.
 */
export class Pages<Row, P extends Page<Row>> extends Store {
  /** The newest page of the order that is shown; its counts hold for the whole list. */
  head: P | null = null;
  wanted: Order;
  failure = "";
  #rows = new Map<number, Row>();
  #asked = new Set<number>();
  #generation = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // The first page that is looked at, and whether the rows are those from before a change.
  #around = 0;
  #old = false;
  #ask: Ask<P>;
  #name: string;

  constructor(name: string, order: Order, ask: Ask<P>) {
    super();
    this.#name = name;
    this.wanted = order;
    this.#ask = ask;
  }

  get count(): number {
    return this.head?.matched ?? 0;
  }

  /** True while the rows on the screen are not yet the ones that were asked for. */
  get stale(): boolean {
    return this.head === null || !sameOrder(this.head, this.wanted);
  }

  row(index: number): Row | undefined {
    return this.#rows.get(index);
  }

  /** A page that came with the state, so that something shows without a request. */
  seed(page: P): void {
    this.#restart();
    this.#rows.clear();
    this.#take(page);
    if (this.stale) void this.#load(0, this.#name);
    this.changed();
  }

  /** More rows have come at the end of the list; those that are there stay. */
  grow(matched: number): void {
    if (!this.head || this.stale || this.head.matched === matched) return;
    this.head = { ...this.head, matched };
    this.#asked.clear();
    this.changed();
  }

  /** Something changed in Python: asks again for what is looked at, which stays on the screen until it has come. */
  refresh(): void {
    if (!this.head) return;
    this.#restart();
    this.#old = true;
    void this.#load(this.stale ? 0 : this.#around * PAGE, this.#name);
  }

  order(order: Order): void {
    if (sameOrder(order, this.wanted) && !this.failure) return;
    this.wanted = order;
    this.#restart();
    void this.#load(0, this.#name);
    this.changed();
  }

  /** Fetches what is missing in stretches of rows, once scrolling has settled. */
  needAll(stretches: [first: number, end: number][]): void {
    clearTimeout(this.#timer);
    if (this.stale) return;
    this.#around = Math.floor((stretches[0]?.[0] ?? 0) / PAGE);
    if (this.#old) return;
    const missing = new Set<number>();
    for (const [first, end] of stretches) {
      for (let page = Math.floor(first / PAGE); page * PAGE < Math.min(end, this.count); page++) {
        if (!this.#asked.has(page) && !this.#complete(page, first, end)) missing.add(page);
      }
    }
    if (missing.size === 0) return;
    this.#timer = setTimeout(() => {
      for (const page of missing) {
        this.#asked.add(page);
        void this.#load(page * PAGE, `${this.#name}@${page}`);
      }
    }, SETTLE);
  }

  /** One row, fetched if it is not there. */
  async fetch(index: number): Promise<Row | undefined> {
    if (index < 0 || index >= this.count) return undefined;
    if (!this.#rows.has(index)) {
      const page = Math.floor(index / PAGE);
      await this.#load(page * PAGE, `${this.#name}@${page}`);
    }
    return this.#rows.get(index);
  }

  find(matches: (row: Row) => boolean): number {
    for (const [index, row] of this.#rows) if (matches(row)) return index;
    return -1;
  }

  /** The position of a row that may not be loaded, by asking for the page around it. */
  async locate(matches: (row: Row) => boolean, near: number | string): Promise<number> {
    const known = this.find(matches);
    if (known >= 0 || this.stale || this.#rows.size >= this.count) return known;
    await this.#load(0, `${this.#name}:near`, near);
    return this.find(matches);
  }

  retry(): void {
    this.failure = "";
    this.#asked.clear();
    if (this.#old) this.refresh();
    else if (this.stale) void this.#load(0, this.#name);
    this.changed();
  }

  dispose(): void {
    this.#generation++;
    clearTimeout(this.#timer);
  }

  #complete(page: number, first: number, end: number): boolean {
    const last = Math.min((page + 1) * PAGE, end, this.count);
    for (let index = Math.max(page * PAGE, first); index < last; index++) if (!this.#rows.has(index)) return false;
    return true;
  }

  #restart(): void {
    this.#generation++;
    this.#asked.clear();
    this.failure = "";
    clearTimeout(this.#timer);
  }

  async #load(offset: number, purpose: string, near?: number | string): Promise<void> {
    const generation = this.#generation;
    const args: PageArgs = { ...this.wanted, offset, limit: PAGE };
    const reply = await this.#ask(near === undefined ? args : { ...args, near }, purpose);
    if (generation !== this.#generation || reply.status === "void") return;
    if (reply.status === "ok") {
      if (this.stale || this.#old) this.#rows.clear();
      // The order is the one that was asked for, whatever spelling of the query the answer repeats.
      this.#take({ ...reply.result, ...this.wanted });
    } else this.failure = reply.error;
    this.changed();
  }

  #take(page: P): void {
    this.#old = false;
    this.head = page;
    this.failure = "";
    page.rows.forEach((row, at) => this.#rows.set(page.offset + at, row));
  }
}
