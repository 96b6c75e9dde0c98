import type { Host } from "../lib/host.ts";
import { Pages } from "../lib/pages.ts";
import { readJson, type Key } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";
import type { EntriesPage, Entry, Opened, WitnessState } from "./protocol.ts";

const REMEMBERED = 24;
const PATIENCE = 1_000;

interface Place {
  key?: Key | null;
}

/** What the panel shows: the trainer, the list as it is narrowed, and the open conversation. */
export class Board extends Store {
  state: Partial<WitnessState> = {};
  query = "";
  shown: Opened | null = null;
  /** The key that was asked for last, while its answer is open. */
  opening: Key | null = null;
  #failure = "";
  readonly entries: Pages<Entry, EntriesPage>;
  #kept = new Map<Key, Opened>();
  #host: Host;
  #stops: (() => void)[];
  // When the step that is still waiting for a row began, or 0.
  #stepping = 0;

  constructor(host: Host) {
    super();
    this.#host = host;
    this.query = host.get("filters");
    this.entries = new Pages("witnessed", { query: this.query, sort: "file", descending: false }, (args, purpose) => host.request("witnessed", args, purpose));
    this.#stops = [
      this.entries.subscribe(() => this.changed()),
      host.onChange("state", () => this.#readState()),
      host.onChange("selection", () => this.#readSelection()),
      host.onChange("filters", () => this.#readFilters()),
    ];
    this.#readState();
  }

  /** The key of the conversation that is open or about to be. */
  get key(): Key | null {
    return this.opening ?? this.shown?.key ?? null;
  }

  get busy(): boolean {
    return this.opening !== null && !this.#failure;
  }

  get failure(): string {
    return this.entries.failure || this.#failure;
  }

  retry(): void {
    if (this.entries.failure) this.entries.retry();
    if (this.opening) void this.#load(this.opening);
  }

  select(key: Key): void {
    this.#host.set("selection", JSON.stringify({ key, turn: null }));
  }

  /** Narrows the list; an empty query is all. */
  setQuery(query: string): void {
    this.#host.set("filters", query);
  }

  /** To the next or previous conversation of the list. */
  async step(by: 1 | -1): Promise<void> {
    // A key held down while the kernel is busy must not pile up requests, and a kernel that never answers must not hold the keys.
    if (Date.now() - this.#stepping < PATIENCE) return;
    this.#stepping = Date.now();
    const at = this.key ? await this.entries.locate(this.isOpen, this.key) : -1;
    const row = await this.entries.fetch(at < 0 ? 0 : at + by);
    if (row) this.select(row.key);
    this.#stepping = 0;
  }

  readonly isOpen = (row: Entry): boolean => row.key === this.key;

  dispose(): void {
    for (const stop of this.#stops) stop();
    this.entries.dispose();
    this.#kept.clear();
  }

  #readState(): void {
    this.state = readJson<WitnessState>(this.#host.get("state"));
    if (this.state.entries) this.entries.seed(this.state.entries);
    else this.entries.retry();
    this.#kept.clear();
    this.#show(this.state.open ?? null);
    this.#readSelection();
  }

  #readSelection(): void {
    const { key } = readJson<Place>(this.#host.get("selection"));
    if (key && key !== this.key) {
      const kept = this.#kept.get(key);
      if (kept) this.#show(kept);
      else void this.#load(key);
    }
    this.changed();
  }

  #readFilters(): void {
    this.query = this.#host.get("filters");
    this.entries.order({ ...this.entries.wanted, query: this.query });
    this.changed();
  }

  async #load(key: Key): Promise<void> {
    this.opening = key;
    this.#failure = "";
    this.changed();
    const reply = await this.#host.request("witness", { key }, "witness");
    if (reply.status === "void" || this.opening !== key) return;
    if (reply.status === "ok") this.#show(reply.result);
    else this.#failure = reply.error;
    this.changed();
  }

  /** Shows a conversation, and remembers it among the last few. */
  #show(shown: Opened | null): void {
    this.shown = shown;
    this.opening = null;
    this.#failure = "";
    if (!shown) return;
    this.#kept.delete(shown.key);
    this.#kept.set(shown.key, shown);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= REMEMBERED) break;
      this.#kept.delete(old);
    }
  }
}
