import type { Host } from "../lib/host.ts";
import { plural } from "../lib/text.ts";
import { Store } from "../lib/store.ts";
import { ask, type Done, type PanelStatus, type Step } from "./protocol.ts";

/** A step that was sent and not answered. */
export interface Sent {
  step: Step;
  /** What it does, for a sentence. */
  what: string;
}

/**
 * What is done to the dataset from here. A step is sent once, at once, and never again: the kernel takes them in order. Until
 * it is answered a step is waiting, and when the kernel is gone it is said to be open whether it was made.
 */
export class Steps extends Store {
  status: PanelStatus | null = null;
  said = "";
  problem = "";
  waiting: Sent[] = [];
  #host: Host;
  #sent = 0;
  #stop: () => void;

  constructor(host: Host) {
    super();
    this.#host = host;
    this.#stop = host.onChange("kernel", () => this.#readKernel());
  }

  /** Whether anything can be done here at all. */
  get can(): boolean {
    return this.#host.get("kernel") !== "none";
  }

  /** Carries out a step; null if it was refused, and `problem` says why. */
  async make(step: Step, what: string): Promise<Done | null> {
    const kernel = this.#host.get("kernel");
    if (kernel === "gone" || kernel === "none") return this.#fail(`Not saved: ${what}. The kernel is gone; run the cell again.`);
    const sent = { step, what };
    this.waiting = [...this.waiting, sent];
    this.problem = "";
    this.changed();
    const reply = await ask(this.#host, "do", step, `do ${++this.#sent}`);
    this.waiting = this.waiting.filter((one) => one !== sent);
    if (reply.status !== "ok") return this.#fail(reply.status === "failed" ? `Not saved: ${what}. ${reply.error}` : "");
    this.take(reply.result.status);
    this.tell(reply.result.said);
    return reply.result;
  }

  /** One sentence about what was just done. */
  tell(said: string): void {
    this.said = said;
    this.problem = "";
    this.changed();
  }

  take(status: PanelStatus | undefined): void {
    if (status) this.status = { ...(this.status?.estimate && { estimate: this.status.estimate }), ...status };
    this.changed();
  }

  dispose(): void {
    this.#stop();
  }

  #fail(problem: string): null {
    this.said = "";
    this.problem = problem;
    this.changed();
    return null;
  }

  #readKernel(): void {
    if (this.#host.get("kernel") === "gone" && this.waiting.length > 0) {
      const open = this.waiting.map(({ what }) => what).join(", ");
      this.#fail(`The kernel went away before it answered ${plural(this.waiting.length, "step")}: ${open}. Run the cell again to see what was saved.`);
      this.waiting = [];
    }
    this.changed();
  }
}
