import { ChartSource } from "../balance/source.ts";
import type { Host } from "../lib/host.ts";
import { Pages } from "../lib/pages.ts";
import {
  readJson,
  readSelection,
  writeSelection,
  type ConversationRow,
  type ConversationsPage,
  type Finding,
  type FindingsPage,
  type ReviewState,
  type Selection,
} from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";
import { ThreadSource } from "../thread/source.ts";

const PATIENCE = 1_000;

/** What lies on the reviewer's desk: the findings, the conversations, the open one, the charts, and how they are linked. */
export class Desk extends Store {
  state: Partial<ReviewState> = {};
  selection: Selection = {};
  query = "";
  /** How often a place was chosen here. */
  asked = 0;
  readonly findings: Pages<Finding, FindingsPage>;
  readonly conversations: Pages<ConversationRow, ConversationsPage>;
  readonly thread: ThreadSource;
  readonly charts: ChartSource;
  #host: Host;
  #stops: (() => void)[];
  // When the step that is still waiting for a row began, or 0.
  #stepping = 0;

  constructor(host: Host) {
    super();
    this.#host = host;
    this.query = host.get("filters");
    this.findings = new Pages("findings", { query: this.query, sort: "group", descending: false }, (args, purpose) => host.request("findings", args, purpose));
    this.conversations = new Pages("conversations", { query: this.query, sort: "file", descending: false }, (args, purpose) =>
      host.request("conversations", args, purpose),
    );
    this.thread = new ThreadSource(host);
    this.charts = new ChartSource(host);
    const changed = () => this.changed();
    this.#stops = [
      ...[this.findings, this.conversations, this.thread, this.charts].map((part) => part.subscribe(changed)),
      host.onChange("state", () => this.#readState()),
      host.onChange("selection", () => this.#readSelection()),
      host.onChange("filters", () => this.#readFilters()),
    ];
    this.#readState();
  }

  get failure(): string {
    return this.findings.failure || this.conversations.failure || this.thread.failure || this.charts.failure;
  }

  retry(): void {
    for (const part of [this.findings, this.conversations, this.thread, this.charts]) if (part.failure) part.retry();
  }

  select(selection: Selection): void {
    this.asked++;
    this.#host.set("selection", writeSelection(selection));
    this.changed();
  }

  setQuery(query: string): void {
    this.#host.set("filters", query);
  }

  /** To the next or previous finding in the order of the grid, in whichever conversation it is. */
  stepFinding(step: 1 | -1): Promise<void> {
    return this.#walk(async () => {
      const n = this.selection.n ?? null;
      const at = n === null ? -1 : await this.findings.locate((row) => row.n === n, n);
      const row = await this.findings.fetch(at < 0 ? 0 : at + step);
      if (row) this.select({ key: row.key, turn: row.turn, n: row.n });
    });
  }

  /** To the next or previous conversation of those that the query lets through. */
  stepConversation(step: 1 | -1): Promise<void> {
    return this.#walk(async () => {
      const key = this.selection.key ?? this.thread.thread?.key ?? null;
      const at = key === null ? -1 : await this.conversations.locate((row) => row.key === key, key);
      const row = await this.conversations.fetch(at < 0 ? 0 : at + step);
      if (row) this.select({ key: row.key, turn: null, n: null });
    });
  }

  dispose(): void {
    for (const stop of this.#stops) stop();
    for (const part of [this.findings, this.conversations, this.thread, this.charts]) part.dispose();
  }

  async #walk(steps: () => Promise<void>): Promise<void> {
    // A key held down while the kernel is busy must not pile up requests, and a kernel that never answers must not hold the keys.
    if (Date.now() - this.#stepping < PATIENCE) return;
    this.#stepping = Date.now();
    await steps();
    this.#stepping = 0;
  }

  #readState(): void {
    this.state = readJson<ReviewState>(this.#host.get("state"));
    const { findings, conversations, thread, charts } = this.state;
    if (findings) this.findings.seed(findings);
    else this.findings.retry();
    if (conversations) this.conversations.seed(conversations);
    else this.conversations.retry();
    this.thread.seed(thread ?? null);
    this.charts.seed(charts ?? [], this.query);
    this.#readSelection();
  }

  #readSelection(): void {
    this.selection = readSelection(this.#host.get("selection"));
    const { key, turn } = this.selection;
    if (key) this.thread.open(key, turn ?? null);
    this.changed();
  }

  #readFilters(): void {
    this.query = this.#host.get("filters");
    this.findings.order({ ...this.findings.wanted, query: this.query });
    this.conversations.order({ ...this.conversations.wanted, query: this.query });
    this.charts.follow(this.query);
    this.changed();
  }
}
