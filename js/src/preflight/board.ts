import type { Host } from "../lib/host.ts";
import { Pages } from "../lib/pages.ts";
import { readJson, type CaseRow, type CasesPage, type Key, type LimitEffect, type PreflightState } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";
import { readQuery } from "./query.ts";
import { CaseSource } from "./source.ts";

const PATIENCE = 1_000;
const LOOK_AGAIN = 500;

/** The `selection` of this component. */
export interface Place {
  key?: Key | null;
  target?: string | null;
  turn?: number | null;
}

/** What the panel shows: the trainers, the cases behind the chosen count, the open case, and how they are linked. */
export class Board extends Store {
  state: Partial<PreflightState> = {};
  place: Place = {};
  query = "";
  /** A limit that is only tried out, or null for the one that is set. */
  limit: number | null = null;
  /** How often a place was chosen here. */
  asked = 0;
  /** What a limit does to all conversations, as far as it was asked for. */
  effect: LimitEffect | null = null;
  readonly cases: Pages<CaseRow, CasesPage>;
  readonly source: CaseSource;
  #host: Host;
  #stops: (() => void)[];
  // When the step that is still waiting for a row began, or 0.
  #stepping = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // Whether the work went on after the first state had come.
  #grows = false;

  constructor(host: Host) {
    super();
    this.#host = host;
    this.query = host.get("filters");
    this.cases = new Pages("cases", { query: this.query, sort: "file", descending: false }, (args, purpose) => host.request("cases", args, purpose));
    this.source = new CaseSource(host);
    const changed = () => this.changed();
    this.#stops = [
      this.cases.subscribe(changed),
      this.source.subscribe(changed),
      host.onChange("state", () => this.#readState()),
      host.onChange("selection", () => this.#readSelection()),
      host.onChange("filters", () => this.#readFilters()),
    ];
    this.#readState();
  }

  /** The key and the trainer of the case that is open or about to be. */
  get open(): { key: Key; target: string } | null {
    const shown = this.source.case;
    const key = this.place.key ?? shown?.key;
    const target = this.place.target ?? (this.place.key ? this.target : shown?.target);
    return key && target ? { key, target } : null;
  }

  /** The trainer whose reasons are shown. */
  get target(): string | null {
    return readQuery(this.query).target ?? this.place.target ?? this.source.case?.target ?? this.state.preflight?.targets[0]?.name ?? null;
  }

  get failure(): string {
    return this.cases.failure || this.source.failure;
  }

  retry(): void {
    if (this.cases.failure) this.cases.retry();
    if (this.source.failure) this.source.retry();
  }

  select({ key = null, target = null, turn = null }: Place): void {
    this.asked++;
    this.#host.set("selection", JSON.stringify({ key, target, turn }));
    this.changed();
  }

  setQuery(query: string): void {
    this.#host.set("filters", query);
  }

  /** Tries a limit on the open case, and on those that are opened after it. */
  setLimit(limit: number | null): void {
    this.limit = limit;
    if (this.open) this.source.open({ ...this.open, limit });
    this.changed();
  }

  /** Asks what a limit does to all conversations. */
  async weigh(target: string, limit: number): Promise<void> {
    const reply = await this.#host.request("limit", { target, max_tokens: limit });
    if (reply.status === "ok") this.effect = reply.result;
    if (reply.status !== "void") this.changed();
  }

  /** To the next or previous case of the list. */
  async step(by: 1 | -1): Promise<void> {
    // A key held down while the kernel is busy must not pile up requests, and a kernel that never answers must not hold the keys.
    if (Date.now() - this.#stepping < PATIENCE) return;
    this.#stepping = Date.now();
    const at = this.open ? await this.cases.locate(this.isOpen, this.open.key) : -1;
    const row = await this.cases.fetch(at < 0 ? 0 : at + by);
    if (row) this.select(row);
    this.#stepping = 0;
  }

  readonly isOpen = (row: CaseRow): boolean => row.key === this.open?.key && row.target === this.open.target;

  dispose(): void {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.cases.dispose();
    this.source.dispose();
  }

  #readState(): void {
    const next = readJson<PreflightState>(this.#host.get("state"));
    if (this.#grows && next.preflight) {
      // The same once more, with what has become known since.
      if (next.cases?.query === this.query) this.cases.grow(next.cases.matched);
      if (!this.source.case) this.source.seed(next.case ?? null);
      this.state = next;
      return this.changed();
    }
    this.state = next;
    this.limit = null;
    if (this.state.cases) this.cases.seed(this.state.cases);
    else this.cases.retry();
    this.source.seed(this.state.case ?? null);
    this.#readSelection();
    this.#follow();
  }

  #follow(): void {
    if (!this.state.preflight?.progress?.working) return;
    this.#grows = true;
    this.#timer = setTimeout(() => void this.#look(), LOOK_AGAIN);
  }

  async #look(): Promise<void> {
    const reply = await this.#host.request("progress", { query: this.query });
    if (reply.status !== "ok") return;
    const { preflight, query, matched, empty } = reply.result;
    this.state = { ...this.state, preflight, empty };
    if (query === this.query) this.cases.grow(matched);
    this.#follow();
    this.changed();
  }

  #readSelection(): void {
    const before = this.open?.target;
    this.place = readJson<Place>(this.#host.get("selection"));
    // What is tried out with one trainer says nothing about another.
    if (this.open?.target !== before) this.limit = null;
    if (this.place.key && this.open) this.source.open({ ...this.open, limit: this.limit });
    this.changed();
  }

  #readFilters(): void {
    this.query = this.#host.get("filters");
    this.cases.order({ ...this.cases.wanted, query: this.query });
    this.changed();
  }
}
