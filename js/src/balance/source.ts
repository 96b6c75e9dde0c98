import type { Host } from "../lib/host.ts";
import type { Chart } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";
import { queryBehind } from "./choice.ts";

/** The charts for the present query; a chart that something is chosen in is drawn for the rest of the query. */
export class ChartSource extends Store {
  charts: Chart[] = [];
  failure = "";
  busy = false;
  #host: Host;
  #query: string | null = null;
  // As they came at first, so that a chart keeps its place.
  #order: string[] = [];

  constructor(host: Host) {
    super();
    this.#host = host;
  }

  seed(charts: Chart[], query: string): void {
    this.charts = charts;
    this.#order = charts.map(({ id }) => id);
    this.#query = query;
    this.failure = "";
    this.busy = false;
    this.changed();
  }

  follow(query: string): void {
    if (query !== this.#query && this.#host.get("kernel") !== "none") void this.#load(query);
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
    const behind = new Map(this.charts.map((chart) => [chart.id, queryBehind(query, chart)] as const));
    const asked = [...new Set([query, ...behind.values()])];
    const replies = await Promise.all(asked.map((one, at) => this.#host.request("charts", { query: one }, `charts ${at}`)));
    if (this.#query !== query || replies.some(({ status }) => status === "void")) return;
    this.busy = false;
    const failed = replies.find((reply) => reply.status === "failed");
    this.failure = failed ? failed.error : "";
    if (!failed) {
      const drawn = new Map(asked.map((one, at) => [one, replies[at]!.status === "ok" ? replies[at]!.result.charts : []] as const));
      const found = (drawn.get(query) ?? []).filter(({ id }) => (behind.get(id) ?? query) === query);
      for (const [id, rest] of behind) if (rest !== query) found.push(...(drawn.get(rest) ?? []).filter((chart) => chart.id === id));
      this.#order = [...new Set([...this.#order, ...found.map(({ id }) => id)])];
      this.charts = found.sort((a, b) => this.#order.indexOf(a.id) - this.#order.indexOf(b.id));
    }
    this.changed();
  }
}
