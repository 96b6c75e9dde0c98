import type { Host } from "../lib/host.ts";
import type { Key, Thread } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";
import { BLOCK, blockOf, joined } from "./blocks.ts";

const REMEMBERED = 12;

/** The open conversation. The old one stays until the new one has come. */
export class ThreadSource extends Store {
  thread: Thread | null = null;
  /** The key that was asked for last, while its answer is open. */
  opening: Key | null = null;
  failure = "";
  #host: Host;
  #kept = new Map<Key, Thread>();

  constructor(host: Host) {
    super();
    this.#host = host;
  }

  /** A thread that came with the state. */
  seed(thread: Thread | null): void {
    this.#kept.clear();
    this.thread = thread;
    this.opening = null;
    this.failure = "";
    if (thread) this.#keep(thread);
    this.changed();
  }

  /** Makes sure that a conversation, and the turn if one is named, is there. */
  open(key: Key, turn: number | null): void {
    const kept = this.thread?.key === key ? this.thread : this.#kept.get(key);
    if (kept && (turn === null || this.#holds(kept, turn))) {
      this.thread = kept;
      this.opening = null;
      this.failure = "";
      this.changed();
      return;
    }
    void this.#load(key, turn === null ? 0 : blockOf(turn));
  }

  /** Adds the block before or after the turns that are shown. */
  more(direction: 1 | -1): void {
    const thread = this.thread;
    if (!thread) return;
    const from = direction > 0 ? thread.from + thread.turns.length : Math.max(0, thread.from - BLOCK);
    const count = direction > 0 ? BLOCK : thread.from - from;
    if (count > 0 && from < thread.turn_count) void this.#load(thread.key, from, count);
  }

  retry(): void {
    const key = this.opening ?? this.thread?.key;
    if (key !== undefined) void this.#load(key, 0);
  }

  dispose(): void {
    this.#kept.clear();
  }

  async #load(key: Key, from: number, count = BLOCK): Promise<void> {
    this.opening = key;
    this.failure = "";
    this.changed();
    const reply = await this.#host.request("conversation", { key, from, count }, "conversation");
    if (reply.status === "void" || this.opening !== key) return;
    if (reply.status === "ok") {
      const block = reply.result;
      this.thread = (this.thread?.key === key && joined(this.thread, block)) || block;
      this.#keep(this.thread);
      this.opening = null;
    } else {
      this.failure = reply.error;
    }
    this.changed();
  }

  #holds(thread: Thread, turn: number): boolean {
    return turn >= thread.turn_count || (turn >= thread.from && turn < thread.from + thread.turns.length);
  }

  #keep(thread: Thread): void {
    this.#kept.delete(thread.key);
    this.#kept.set(thread.key, thread);
    for (const key of this.#kept.keys()) {
      if (this.#kept.size <= REMEMBERED) break;
      this.#kept.delete(key);
    }
  }
}
