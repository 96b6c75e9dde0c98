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
  type Issue,
  type Key,
  type Page,
  type Selection,
} from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";
import { inReadingOrder } from "../thread/blocks.ts";
import { ThreadSource } from "../thread/source.ts";
import { ask, type PanelState } from "./protocol.ts";
import { Steps } from "./steps.ts";

const PATIENCE = 1_000;
/** Findings behind the chosen one that are remembered, should it go away. */
const AHEAD = 200;

/**
 * What a step calls for: `lists` where it left the records as they are; else everything is asked for again, and if the chosen
 * finding is gone, the `next` one is chosen, or one `stay`s at the place.
 */
type After = (typeof weight)[number];
const weight = ["lists", "next", "stay"] as const;

/** What lies on the reviewer's desk: the findings, the conversations, the open one, the charts, and how they are linked. */
export class Desk extends Store {
  state: Partial<PanelState> = {};
  selection: Selection = {};
  query = "";
  /** How often a place was chosen here. */
  asked = 0;
  readonly findings: Pages<Finding, FindingsPage>;
  readonly conversations: Pages<ConversationRow, ConversationsPage>;
  readonly thread: ThreadSource;
  readonly charts: ChartSource;
  readonly steps: Steps;
  readonly host: Host;
  #stops: (() => void)[];
  // When the step that is still waiting for a row began, or 0.
  #stepping = 0;
  // The open conversation, where the list does not have it.
  #apart: ConversationRow | null = null;
  #asking: Key | null = null;
  // Where the finding stood that was chosen last and is gone, as long as nothing else is chosen.
  #resume = { selection: "", place: 0 };
  // Where the chosen finding stood before the step that took it away, and what came after it.
  #before = { n: NaN, at: -1, ahead: [] as number[] };
  // The conversation that is opening may come as it was before the last step.
  #late = false;
  // What the steps call for that nothing has been asked for yet, or that a newer step came before.
  #owed: After = "lists";
  // The serial of what is shown.
  #seen = 0;

  constructor(host: Host) {
    super();
    this.host = host;
    this.query = host.get("filters");
    this.findings = new Pages("findings", { query: this.query, sort: "group", descending: false }, (args, purpose) => host.request("findings", args, purpose));
    this.conversations = new Pages("conversations", { query: this.query, sort: "file", descending: false }, (args, purpose) =>
      host.request("conversations", args, purpose),
    );
    this.thread = new ThreadSource(host);
    this.charts = new ChartSource(host);
    this.steps = new Steps(host);
    const changed = () => this.changed();
    this.#stops = [
      ...[this.findings, this.conversations, this.charts, this.steps].map((part) => part.subscribe(changed)),
      this.thread.subscribe(() => this.#readThread()),
      host.onChange("state", () => this.#readState()),
      host.onChange("selection", () => this.#readSelection()),
      host.onChange("filters", () => this.#readFilters()),
      host.onChange("changes", () => void this.follow()),
    ];
    this.#readState();
    void this.follow();
  }

  get failure(): string {
    return this.findings.failure || this.conversations.failure || this.thread.failure || this.charts.failure;
  }

  /** The key of the conversation that is on the screen; null while another one is asked for. */
  get open(): Key | null {
    const { thread } = this.thread;
    // A turn of which only the beginning is here could not be edited without loss.
    const key = thread && !thread.cut ? thread.key : null;
    return this.selection.key && this.selection.key !== key ? null : key;
  }

  /** What the lists know of a conversation. */
  known(key: Key | null): ConversationRow | null {
    if (key === null) return null;
    const at = this.conversations.find((row) => row.key === key);
    return this.conversations.row(at) ?? (this.#apart?.key === key ? this.#apart : null);
  }

  /** The chosen finding, as the open conversation has it. */
  get issue(): Issue | undefined {
    const n = this.selection.n ?? null;
    return n === null ? undefined : this.thread.thread?.issues.find((issue) => issue.n === n);
  }

  retry(): void {
    for (const part of [this.findings, this.conversations, this.thread, this.charts]) if (part.failure) part.retry();
  }

  select(selection: Selection): void {
    this.asked++;
    this.host.set("selection", writeSelection(selection));
    this.changed();
  }

  setQuery(query: string): void {
    this.host.set("filters", query);
  }

  /** To the next or previous finding in the order of the grid, in whichever conversation it is; first to those of the open one. */
  stepFinding(step: 1 | -1): Promise<void> {
    return this.#walk(async () => {
      const n = this.selection.n ?? null;
      const thread = this.thread.thread;
      if (this.#resume.selection === this.host.get("selection")) return this.#choose(await this.findings.fetch(this.#resume.place - (step < 0 ? 1 : 0)));
      if (n === null && this.selection.key && this.selection.key === thread?.key) {
        const first = inReadingOrder(thread)[0];
        if (first) return this.select({ key: thread.key, turn: first.turn, n: first.n });
      }
      const at = n === null ? -1 : await this.findings.locate((row) => row.n === n, n);
      this.#choose(await this.findings.fetch(at < 0 ? 0 : at + step));
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

  /** Asks again for everything that is shown once the journal has gone on. Steps of one's own are waited for first. */
  async follow(after?: After): Promise<void> {
    const serial = Math.max(Number(this.host.get("changes")) || 0, this.steps.status?.serial ?? 0);
    if (serial === this.#seen) return;
    if (after) this.#owed = heavier(this.#owed, after);
    if (this.steps.waiting.length > 0) return;
    const owed = after && serial === this.#seen + 1 ? this.#owed : heavier(this.#owed, "next");
    this.#owed = owed;
    this.#seen = serial;
    if (this.steps.status?.serial !== serial || this.query.includes("sample:")) void this.#readStatus();
    if (owed !== "lists") this.charts.retry();
    await Promise.all([this.#refreshFindings(owed, serial), this.#refreshConversations()]);
    if (this.#newest(serial)) this.#owed = "lists";
  }

  dispose(): void {
    for (const stop of this.#stops) stop();
    for (const part of [this.findings, this.conversations, this.thread, this.charts, this.steps]) part.dispose();
  }

  #choose(row: Finding | undefined): void {
    if (row) this.select({ key: row.key, turn: row.turn, n: row.n });
  }

  async #walk(steps: () => Promise<void>): Promise<void> {
    // A key held down while the kernel is busy must not pile up requests, and a kernel that never answers must not hold the keys.
    if (Date.now() - this.#stepping < PATIENCE) return;
    this.#stepping = Date.now();
    await steps();
    this.#stepping = 0;
  }

  /**
   * A chosen finding that is gone gives its place to the next one that is left. When a newer step is under way, or has been
   * made, this one moves nothing any more: the keys that follow are meant for what is on the screen.
   */
  async #refreshFindings(after: After, serial: number): Promise<void> {
    const light = after === "lists";
    const { key, turn, n } = this.selection;
    const stood = n == null ? -1 : this.findings.find((row) => row.n === n);
    if (n != null && stood >= 0) this.#before = { n, at: stood, ahead: this.#ahead(stood) };
    const [there] = await Promise.all([light || this.#refreshThread(), again(this.findings)]);
    if (!this.#newest(serial)) return;
    if (!there) return this.#leave();
    const { at, ahead } = this.#before;
    if (light || n !== this.#before.n || this.selection.n !== n || this.issue || this.findings.find((row) => row.n === n) >= 0) return;
    const position = (n: number) => this.findings.find((row) => row.n === n);
    const next = position(ahead.find((one) => position(one) >= 0) ?? NaN);
    const place = next >= 0 ? next : Math.min(at, this.findings.count - 1);
    const row = after === "stay" ? undefined : await this.findings.fetch(place);
    if (row) return this.#choose(row);
    this.select({ key: key ?? null, turn: turn ?? null, n: null });
    this.#resume = { selection: this.host.get("selection"), place };
  }

  #newest(serial: number): boolean {
    return this.#seen === serial && this.steps.waiting.length === 0;
  }

  /** The findings behind a place, as far as they are here. */
  #ahead(at: number): number[] {
    const ahead: number[] = [];
    for (let next = at + 1, row; ahead.length < AHEAD && (row = this.findings.row(next)); next++) ahead.push(row.n);
    return ahead;
  }

  /** The open conversation may be another one now: it stays on the screen until it has come anew. False if it is gone. */
  async #refreshThread(): Promise<boolean> {
    this.#late = this.thread.opening !== null;
    return this.thread.refresh();
  }

  /** The open conversation is no more: to the one in its place. */
  async #leave(): Promise<void> {
    const key = this.thread.thread?.key;
    const at = this.conversations.find((row) => row.key === key);
    await again(this.conversations);
    const row = await this.conversations.fetch(Math.min(Math.max(at, 0), this.conversations.count - 1));
    if (row) this.select({ key: row.key, turn: null, n: null });
  }

  async #refreshConversations(): Promise<void> {
    await again(this.conversations);
    this.#apart = null;
    this.#readApart();
  }

  async #readStatus(): Promise<void> {
    const reply = await ask(this.host, "status", { query: this.query }, "panel status");
    if (reply.status === "ok") this.steps.take(reply.result);
  }

  /** What was decided on the open conversation, where it is not among those that are listed. */
  async #readApart(): Promise<void> {
    const thread = this.thread.thread;
    if (!thread || this.host.get("kernel") === "none" || this.known(thread.key) || this.#asking === thread.key) return;
    this.#asking = thread.key;
    const query = `index:${thread.index} source:${thread.key.split(":")[0]}`;
    const reply = await this.host.request("conversations", { query, sort: "file", descending: false, offset: 0, limit: 20 }, "row");
    this.#asking = null;
    if (reply.status !== "ok") return;
    this.#apart = reply.result.rows.find((row) => row.key === thread.key) ?? null;
    this.changed();
  }

  #readThread(): void {
    if (this.#late && this.thread.opening === null) void this.#refreshThread();
    if (this.thread.opening === null && !this.conversations.stale) void this.#readApart();
    this.changed();
  }

  #readState(): void {
    this.state = readJson<PanelState>(this.host.get("state"));
    const { findings, conversations, thread, charts, status } = this.state;
    this.#seen = status?.serial ?? 0;
    this.steps.take(status);
    if (findings) this.findings.seed(findings);
    else this.findings.retry();
    if (conversations) this.conversations.seed(conversations);
    else this.conversations.retry();
    this.thread.seed(thread ?? null);
    this.charts.seed(charts ?? [], this.query);
    this.#readSelection();
  }

  #readSelection(): void {
    this.selection = readSelection(this.host.get("selection"));
    const { key, turn } = this.selection;
    if (key) this.thread.open(key, turn ?? null);
    this.changed();
  }

  #readFilters(): void {
    this.query = this.host.get("filters");
    this.findings.order({ ...this.findings.wanted, query: this.query });
    this.conversations.order({ ...this.conversations.wanted, query: this.query });
    this.charts.follow(this.query);
    if (this.steps.status) void this.#readStatus();
    this.changed();
  }
}

const heavier = (a: After, b: After): After => (weight.indexOf(a) > weight.indexOf(b) ? a : b);

/** Asks again for what is looked at; settles once it has come, or cannot. */
function again<Row, P extends Page<Row>>(pages: Pages<Row, P>): Promise<void> {
  const { head } = pages;
  return new Promise((done) => {
    const stop = pages.subscribe(() => {
      if (pages.head === head && !pages.failure) return;
      stop();
      done();
    });
    if (head) pages.refresh();
    else pages.retry();
  });
}
