import type { Host, Kernel, Reply } from "../lib/host.ts";
import type { CopyForm, Key, Thread } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";
import { BLOCK, joined, startFor, type Loaded } from "./blocks.ts";

const REMEMBERED = 12;
/** Turns asked for at a time unasked. */
const FILL = 1_000;
/** Conversations up to this length come whole, so that the browser can find in them; of longer ones more is asked for by hand. */
const WHOLE = 12_000;
/** With whom the rest is asked for: one that is gone, or never was, would not answer. */
const asks = new Set<Kernel>(["live", "waiting"]);

/** The open conversation. The old one stays until the new one has come; what is left of a long one follows by itself. */
export class ThreadSource extends Store {
  thread: Loaded | null = null;
  /** The key that was asked for last, while its answer is open. */
  opening: Key | null = null;
  failure = "";
  #host: Host;
  #kept = new Map<Key, Loaded>();
  #over = false;

  constructor(host: Host) {
    super();
    this.#host = host;
  }

  /** A thread that came with the state. */
  seed(thread: Thread | null): void {
    this.#kept.clear();
    this.#show(thread && { ...thread, issues: [...thread.issues] });
    if (thread?.cut) void this.refresh();
  }

  /** Makes sure that a conversation, and the turn if one is named, is there. */
  open(key: Key, turn: number | null): void {
    const kept = this.thread?.key === key ? this.thread : this.#kept.get(key);
    if (kept && (turn === null || this.#holds(kept, turn))) return this.#show(kept);
    void this.#load(key, turn === null ? 0 : startFor(turn));
  }

  /** Adds the block before or after the turns that are shown. */
  more(direction: 1 | -1): void {
    const thread = this.thread;
    if (!thread) return;
    const from = direction > 0 ? thread.from + thread.turns.length : Math.max(0, thread.from - BLOCK);
    const count = direction > 0 ? BLOCK : thread.from - from;
    if (count > 0 && from < thread.turn_count) void this.#load(thread.key, from, count);
  }

  /** Asks again for what is here of the open conversation; it stays on the screen until it has come anew. False if it is gone. */
  async refresh(): Promise<boolean> {
    const { thread, opening } = this;
    if (opening !== null || !thread) return true;
    const end = Math.max(BLOCK, thread.from + thread.turns.length);
    const reply = await this.#pages(thread.key, thread.from, end - thread.from, "conversation again");
    // What was opened meanwhile is newer.
    if (reply.status !== "ok" || this.opening !== null || this.thread?.key !== thread.key) return reply.status !== "failed";
    // A page without a kernel has nothing but the beginning.
    if (!reply.result.cut) this.seed(reply.result);
    return true;
  }

  /** Takes in a step that was made anywhere; only a conversation that is another one now is asked for again. */
  async follow(): Promise<void> {
    const { thread, opening } = this;
    this.#kept.clear();
    if (opening !== null || !thread || !asks.has(this.#host.get("kernel"))) return;
    const reply = await this.#host.request("conversation", { key: thread.key, from: 0, count: 0 }, "conversation now");
    if (reply.status === "void" || this.#over || this.thread?.key !== thread.key) return;
    if (reply.status === "failed") {
      this.failure = reply.error;
      return this.changed();
    }
    const { state, decision, note, tags } = reply.result;
    if (state !== this.thread.state) await this.refresh();
    else this.#show({ ...this.thread, coming: false, decision, note, tags });
  }

  retry(): void {
    const key = this.opening ?? this.thread?.key;
    if (key !== undefined) void this.#load(key, 0);
  }

  /** The text of a turn, or of the whole conversation, for the clipboard. */
  readonly copy = async (turn: number | null, form: CopyForm): Promise<{ text: string } | { error: string }> => {
    const key = this.thread?.key ?? "";
    const reply = await this.#host.request("copy", { key, turn, form }, "copy");
    return reply.status === "ok" ? reply.result : { error: reply.status === "failed" ? reply.error : "" };
  };

  dispose(): void {
    this.#over = true;
    this.#kept.clear();
  }

  #show(thread: Loaded | null): void {
    this.thread = thread;
    this.opening = null;
    this.failure = "";
    if (thread) this.#keep(thread);
    void this.#fill();
    this.changed();
  }

  async #load(key: Key, from: number, count = BLOCK): Promise<void> {
    this.opening = key;
    this.failure = "";
    this.changed();
    const reply = await this.#pages(key, from, count);
    if (reply.status === "void" || this.opening !== key || this.#over) return;
    if (reply.status === "ok") return this.#show(this.#joined(reply.result));
    this.failure = reply.error;
    this.changed();
  }

  #joined(block: Loaded): Loaded {
    return (this.thread && joined(this.thread, block)) || block;
  }

  /** Turns of a conversation, in as many answers as it takes: one ends early where it would be too large. */
  async #pages(key: Key, from: number, count: number, purpose = "conversation"): Promise<Reply<Loaded>> {
    let whole: Loaded | null = null;
    let next = from;
    do {
      const reply: Reply<Thread> = await this.#host.request("conversation", { key, from: next, count: from + count - next }, purpose);
      if (reply.status !== "ok") return reply;
      whole = (whole && joined(whole, reply.result)) || reply.result;
      next = whole.from + whole.turns.length;
      if (reply.result.turns.length === 0) break;
    } while (next < Math.min(from + count, whole.turn_count));
    return { status: "ok", result: whole };
  }

  /** Asks for what is missing, after and then before what is there, without a word if nothing answers. */
  async #fill(): Promise<void> {
    const thread = this.thread;
    if (!thread || thread.coming || thread.cut || thread.turn_count > WHOLE || !asks.has(this.#host.get("kernel"))) return;
    const end = thread.from + thread.turns.length;
    const from = end < thread.turn_count ? end : Math.max(0, thread.from - FILL);
    const count = end < thread.turn_count ? FILL : thread.from - from;
    if (count === 0) return;
    thread.coming = true;
    const reply = await this.#pages(thread.key, from, count);
    thread.coming = false;
    // Another one was opened, or a place in this one that had not come yet.
    if (this.#over || this.thread !== thread || this.opening !== null) return;
    const whole = reply.status === "ok" ? joined(thread, reply.result) : null;
    if (whole && whole.turns.length > thread.turns.length) return this.#show({ ...whole, coming: false });
    this.thread = { ...thread };
    this.changed();
  }

  #holds(thread: Thread, turn: number): boolean {
    return turn >= thread.turn_count || (turn >= thread.from && turn < thread.from + thread.turns.length);
  }

  #keep(thread: Loaded): void {
    this.#kept.delete(thread.key);
    this.#kept.set(thread.key, thread);
    for (const key of this.#kept.keys()) {
      if (this.#kept.size <= REMEMBERED) break;
      this.#kept.delete(key);
    }
  }
}
