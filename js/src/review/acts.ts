import type { ConversationRow, Decision, Key, RepairPlan, Selection } from "../lib/protocol.ts";
import { terms } from "../lib/query.ts";
import { Store } from "../lib/store.ts";
import type { Desk } from "./desk.ts";
import type { Editing, Written } from "./editor.tsx";
import type { Done, Step } from "./protocol.ts";

/** Rows that are looked through for one that is undecided. */
const FAR = 300;

/** A repair that is made only after a look. */
export interface Question {
  n: number;
  what: string;
  plan: RepairPlan;
}

interface Made {
  /** The step in the words of the journal. */
  undo: string | null;
  /** Where it was made. */
  at: Selection;
}

/** Steps that leave every record as it is. */
const light = new Set<Step["op"]>(["decide", "note", "retag"]);

/** The queue that a query asks for: what is undecided, everything, or something else. */
export function queueOf(query: string): "undecided" | "all" | "other" {
  const asked = terms(query).filter((term) => term.startsWith("decision:"));
  if (asked.length === 0) return "all";
  return asked.every((term) => term === "decision:none") ? "undecided" : "other";
}

/** What a person does with the open conversation and the chosen finding. */
export class Acts extends Store {
  /** A repair that was asked for and is not safe. */
  question: Question | null = null;
  editing: Editing | null = null;
  /** Why the last try to save what is being edited was refused. */
  problem = "";
  saving = false;
  #desk: Desk;
  // Decisions and notes that the lists do not show yet.
  #decided = new Map<Key, { as: Decision | null }>();
  #noted = new Map<Key, { note: string }>();
  #made: Made[] = [];
  #undone: Made[] = [];

  constructor(desk: Desk) {
    super();
    this.#desk = desk;
  }

  /** Decision, note and tags of the open conversation, with what is on its way. */
  get now(): { decision: Decision | null; note: string; tags: string[]; waits: boolean } {
    const key = this.#desk.open;
    const row = this.#desk.known(key);
    const ahead = key === null ? undefined : this.#decided.get(key);
    const decision = ahead ? ahead.as : ((row?.decision as Decision | undefined) ?? null);
    const note = this.#noted.get(key ?? "")?.note ?? row?.note ?? "";
    return { decision, note, tags: row?.tags ?? [], waits: ahead !== undefined };
  }

  /** Decides on the open conversation and goes on to the next of the queue; the same decision again takes it back. */
  async decide(as: Decision): Promise<void> {
    const key = this.#open();
    if (key === null) return;
    const back = this.now.decision === as;
    const next = back ? null : this.#next(key);
    const after = { as: back ? null : as };
    this.#decided.set(key, after);
    const made = this.#make({ op: "decide", keys: [key], ...after }, back ? `decision taken back on ${nameOf(key)}` : `${as} on ${nameOf(key)}`);
    if (next) this.#goTo(next);
    const done = await made;
    if (this.#decided.get(key) === after) this.#decided.delete(key);
    this.changed();
    if (done && next === undefined) await this.#seek(key);
  }

  /** A note needs no decision, and stays when one is made. */
  async setNote(note: string): Promise<void> {
    const key = this.#open();
    if (key === null || note === this.now.note) return;
    const after = { note };
    this.#noted.set(key, after);
    await this.#make({ op: "note", keys: [key], note }, `note on ${nameOf(key)}`);
    if (this.#noted.get(key) === after) this.#noted.delete(key);
    this.changed();
  }

  /** Tags with commas between; those behind a minus sign are taken away, all in one step. */
  tag(text: string): void {
    const words = text.split(",").map((tag) => tag.trim());
    this.retag(
      words.filter((tag) => tag && tag[0] !== "-"),
      words.filter((tag) => tag[0] === "-").map((tag) => tag.slice(1).trim()).filter(Boolean),
    );
  }

  retag(tags: string[], without: string[]): void {
    const key = this.#open();
    const said = [...tags, ...without.map((tag) => `-${tag}`)].join(", ");
    if (key !== null && said) void this.#make({ op: "retag", keys: [key], tags, without }, `tags ${said} on ${nameOf(key)}`);
  }

  /** Repairs the chosen finding; what could harm is shown first. */
  async repair(): Promise<void> {
    const issue = this.#issue();
    if (!issue) return;
    const what = `repair of ${issue.code}`;
    if (!issue.repair) return this.#tell(`${issue.code} has no repair.`);
    if (issue.repair === "safe") return void (await this.#make({ op: "repair", findings: [issue.n] }, what));
    const reply = await this.#desk.host.request("plan", { findings: [issue.n], unsafe: true });
    if (reply.status === "failed") return this.#tell(reply.error);
    if (reply.status !== "ok") return;
    if (reply.result.repairs === 0) return this.#tell(`There is nothing to repair here.`);
    this.question = { n: issue.n, what, plan: reply.result };
    this.changed();
  }

  answer(yes: boolean): void {
    const asked = this.question;
    this.question = null;
    this.changed();
    if (yes && asked) void this.#make({ op: "repair", findings: [asked.n], unsafe: true }, asked.what);
  }

  ignore(): void {
    const issue = this.#issue();
    if (issue) void this.#make({ op: "ignore", findings: [issue.n] }, `ignore ${issue.code}`);
  }

  /** Undoes or redoes a step, and goes to where it was made if that was here. */
  async undo(op: "undo" | "redo" = "undo"): Promise<void> {
    const [from, to] = op === "undo" ? [this.#made, this.#undone] : [this.#undone, this.#made];
    const said = this.#desk.steps.status?.[op] ?? null;
    const made = from.at(-1);
    // At once: the next key is meant for the place that the sentence speaks of.
    await this.#make({ op }, op, () => {
      if (!made || said === null || made.undo !== said) return;
      from.pop();
      to.push(made);
      this.#desk.select(made.at);
    });
  }

  /** Begins to edit a turn, or to write one that follows it. */
  edit(turn: number, insert = false): void {
    const key = this.#open();
    if (key === null) return;
    this.editing = { key, turn, insert };
    this.problem = "";
    const { selection } = this.#desk;
    if (selection.key !== key || selection.turn !== turn) this.#desk.select({ key, turn, n: null });
    this.changed();
  }

  async save(written: Written): Promise<void> {
    const asked = this.editing;
    if (!asked) return;
    const { key, turn, insert } = asked;
    if (!insert && Object.keys(written).length === 0) return this.leave();
    const step: Step = insert ? { op: "insert", key, at: turn + 1, role: written.role ?? "", text: written.text ?? "" } : { op: "edit", key, turn, ...written };
    this.saving = true;
    this.changed();
    // Closed before anything is asked for again: the next key is no longer meant for the field.
    await this.#change(step, insert ? `new turn in ${nameOf(key)}` : `edit of turn ${turn} in ${nameOf(key)}`, () => {
      this.leave();
      if (insert) this.#desk.select({ key, turn: turn + 1, n: null });
    });
  }

  leave(): void {
    this.editing = null;
    this.problem = "";
    this.saving = false;
    this.changed();
  }

  /** Takes a turn out, makes it one with the next, or begins another conversation with it. */
  async rearrange(op: "remove" | "merge" | "split", turn: number): Promise<void> {
    const key = this.#open();
    if (key === null) return;
    const step: Step = op === "split" ? { op, key, turns: [turn] } : { op, key, turn };
    await this.#change(step, `${op} at turn ${turn} of ${nameOf(key)}`);
  }

  /** What is refused is said at the place, where there is one. */
  async #change(step: Step, what: string, then?: () => void): Promise<void> {
    const done = await this.#make(step, what, then);
    this.saving = false;
    if (!done && this.editing) {
      this.problem = this.#desk.steps.problem;
      this.#desk.steps.tell("");
    }
    this.changed();
  }

  async #make(step: Step, what: string, then?: () => void): Promise<Done | null> {
    const { steps, selection } = this.#desk;
    const at = { ...selection, key: selection.key ?? this.#desk.open };
    const done = await steps.make(step, what);
    if (done && step.op !== "undo" && step.op !== "redo") {
      this.#made.push({ undo: done.status.undo, at });
      this.#undone = [];
    }
    if (done) then?.();
    await this.#desk.follow(light.has(step.op) ? "lists" : step.op === "repair" || step.op === "ignore" ? "next" : "stay");
    return done;
  }

  #tell(said: string): void {
    this.#desk.steps.tell(said);
  }

  /** The conversation that is on the screen: nobody decides on one that is still to come. */
  #open(): Key | null {
    const key = this.#desk.open;
    if (key === null) this.#tell(this.#desk.selection.key ? "The conversation has not come yet." : "No conversation is open.");
    return key;
  }

  #issue() {
    const issue = this.#desk.issue;
    if (!issue) this.#tell("Choose a finding first, with j or k.");
    return issue;
  }

  #wanted(row: ConversationRow): boolean {
    if (queueOf(this.#desk.query) === "other") return true;
    const ahead = this.#decided.get(row.key);
    return (ahead ? ahead.as : (row.decision ?? null)) === null;
  }

  /** The next of the queue among the rows that are here; undefined where that cannot be told. */
  #next(key: Key): ConversationRow | undefined {
    const { conversations } = this.#desk;
    const at = conversations.stale ? -1 : conversations.find((row) => row.key === key);
    if (at < 0) return undefined;
    for (let next = at + 1, row; (row = conversations.row(next)); next++) if (this.#wanted(row)) return row;
    return undefined;
  }

  /** Looks further, round the end of the list once. */
  async #seek(key: Key): Promise<void> {
    const { conversations } = this.#desk;
    const here = await conversations.locate((row) => row.key === key, key);
    const count = Math.min(conversations.count, FAR);
    for (let step = here < 0 ? 0 : 1; step <= count; step++) {
      const row = await conversations.fetch((Math.max(here, 0) + step) % Math.max(1, conversations.count));
      if (row && row.key !== key && this.#wanted(row)) return this.#goTo(row);
    }
    this.#tell(conversations.count === 0 || queueOf(this.#desk.query) === "all" ? "Nothing here is left to decide on." : "This was the last one of the queue.");
  }

  #goTo(row: ConversationRow): void {
    this.#desk.select({ key: row.key, turn: null, n: null });
  }
}

const nameOf = (key: Key) => `#${key.split(":")[1]}`;
