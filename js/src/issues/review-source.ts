import type { Host } from "../lib/host.ts";
import { readJson, type IssuesState, type Requests, type Status } from "../lib/protocol.ts";
import { Store } from "../lib/store.ts";

/** How far the review is, kept up with every step, and the way to make one. */
export class ReviewSource extends Store {
  status: Status | null = null;
  /** What was done last, or why it was not. */
  said = "";
  failed = false;
  busy = false;
  readonly host: Host;
  #stop: () => void;

  constructor(host: Host) {
    super();
    this.host = host;
    this.status = readJson<IssuesState>(host.get("state")).status ?? null;
    this.#stop = host.onChange("changes", () => void this.#follow());
  }

  /** Rises with every step, also with those made elsewhere. */
  get changes(): string {
    return this.host.get("changes");
  }

  async do(args: Requests["do"]["args"]): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.said = "";
    this.changed();
    const reply = await this.host.request("do", args, "do");
    this.busy = false;
    this.failed = reply.status !== "ok";
    if (reply.status === "ok") {
      this.status = reply.result.status;
      this.said = reply.result.said;
    } else if (reply.status === "failed") this.said = reply.error;
    this.changed();
    return reply.status === "ok";
  }

  hush(): void {
    this.said = "";
    this.changed();
  }

  async #follow(): Promise<void> {
    const reply = await this.host.request("status", {}, "status");
    if (reply.status !== "ok") return;
    this.status = reply.result;
    this.changed();
  }

  dispose(): void {
    this.#stop();
  }
}
