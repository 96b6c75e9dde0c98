import type { Host } from "../lib/host.ts";
import type { Chart } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";
import { queryBehind } from "./choice.ts";

/** The charts for the present query, apart from the marks chosen in the charts themselves. */
export class ChartSource extends Store {
  charts: Chart[] = [];
  failure = "";
  busy = false;
  #host: Host;
  #query: string | null = null;

  constructor(host: Host) {
    super();
    this.#host = host;
  }

  seed(charts: Chart[], query: string): void {
    this.charts = charts;
    this.#query = queryBehind(query, charts);
    this.failure = "";
    this.busy = false;
    this.changed();
  }

  follow(query: string): void {
    const behind = queryBehind(query, this.charts);
    if (behind !== this.#query) void this.#load(behind);
  }

  retry(): void {
    void this.#load(this.#query ?? "");
  }

  dispose(): void {
    this.charts = [];
  }

  async #load(query: string): Promise<void> {
    this.#query = query;
    this.busy = true;
    this.changed();
    const reply = await this.#host.request("charts", { query }, "charts");
    if (reply.status === "void" || this.#query !== query) return;
    this.busy = false;
    if (reply.status === "ok") {
      this.charts = reply.result.charts;
      this.failure = "";
    } else {
      this.failure = reply.error;
    }
    this.changed();
  }
}
