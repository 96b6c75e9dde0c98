import { describe, expect, it } from "vitest";
import type { Decision, Finding, Issue, Thread } from "../lib/protocol.ts";
import { readSelection } from "../lib/protocol.ts";
import { fakeHost, type FakeHost } from "../testing/fake-host.ts";
import { conversationsPage, findings, findingsPage, issue, thread, turn } from "../testing/samples.ts";
import { all, click, one, press, settle, show, type } from "../testing/show.tsx";
import { ReviewApp } from "./app.tsx";
import { withLineEnds } from "./editor.tsx";
import { changes } from "./words.ts";

interface Made {
  what: string;
  back: () => void;
}

/** A dataset of conversations with one finding each, at turn 1, and the journal of Python in a few lines. */
function dataset(count = 6, repair: Issue["repair"] = "safe", notices: object = {}) {
  let left: Finding[] = findings([["text.whitespace", "info", count]]).map((row) => ({ ...row, turn: 1 }));
  const decided = new Map<string, Decision>();
  const notes = new Map<string, string>();
  const tags = new Map<string, string[]>();
  const texts = new Map<string, string>();
  const steps: Made[] = [];
  let serial = 0;
  const asked = (query: string) => (key: string | null) => !query.includes("decision:none") || (key !== null && !decided.has(key));
  const status = () => ({
    serial,
    conversations: count,
    decided: { keep: 0, fix: 0, reject: 0, later: 0, ...Object.fromEntries(["keep", "fix", "reject", "later"].map((as) => [as, [...decided.values()].filter((one) => one === as).length])) },
    ignored: 0,
    changed: 0,
    undo: steps.at(-1)?.what ?? null,
    redo: null,
    notice: null,
    set_aside: 0,
    lost: [],
    queries: {},
    ...notices,
  });
  const put = <K, V>(map: Map<K, V>, key: K, value: V | undefined) => {
    const before = map.get(key);
    if (value === undefined) map.delete(key);
    else map.set(key, value);
    return () => void (before === undefined ? map.delete(key) : map.set(key, before));
  };
  const carryOut = (args: Record<string, unknown>): Made => {
    const key = ((args.keys as string[] | undefined)?.[0] ?? args.key) as string;
    if (args.op === "decide") return { what: `decided ${args.as ?? "nothing"} on ${key}`, back: put(decided, key, (args.as as Decision) ?? undefined) };
    if (args.op === "note") return { what: `noted ${key}`, back: put(notes, key, (args.note as string) || undefined) };
    if (args.op === "retag") return { what: `tagged ${key}`, back: put(tags, key, [...(tags.get(key) ?? []).filter((tag) => !(args.without as string[]).includes(tag)), ...(args.tags as string[])]) };
    if (["split", "remove", "insert"].includes(args.op as string)) return { what: `${args.op} ${key}`, back: () => {} };
    if (args.op === "edit") return { what: `edited ${key}`, back: put(texts, key, (args.text as string | undefined) ?? texts.get(key)) };
    const before = left;
    left = left.filter(({ n }) => n !== (args.findings as number[])[0]);
    return { what: `${args.op} ${args.findings}`, back: () => void (left = before) };
  };
  const host: FakeHost = fakeHost(
    { state: page(""), selection: { key: "0:0", turn: null, n: null } },
    {
      findings: (args) => ({ ...findingsPage(left.filter(({ key }) => asked(args.query)(key)), { ...args, query: "" }), query: args.query }),
      conversations: (args) => conversations(args.query),
      conversation: ({ key }) => opened(key),
      charts: () => ({ charts: [] }),
      facets: () => ({ query: "", severity: [], code: [], role: [], decision: [] }),
      status,
      plan: () => ({ repairs: 1, counts: { "text.whitespace": 1 }, unsafe: 1, left: 0, lines: [["head", "#0 turn 1"], ["-", "b "], ["+", "b"]] as [string, string][] }),
      do: (args) => {
        if (args.text === "refused") return new Error("Turn 1 has no such role.");
        const undone = args.op === "undo" ? steps.pop() : undefined;
        if (undone) undone.back();
        else if (args.op !== "undo") steps.push(carryOut(args));
        serial++;
        host.push("changes", String(serial));
        return { said: undone ? `Took back: ${undone.what}.` : `Done: ${steps.at(-1)?.what}.`, status: status() };
      },
    },
  );
  function conversations(query: string) {
    const row = (key: string) => ({ decision: decided.get(key) ?? null, note: notes.get(key) ?? "", tags: tags.get(key) ?? [] });
    const index = /index:(\d+)/.exec(query)?.[1];
    const whole = conversationsPage(count);
    const rows = whole.rows.map((one) => ({ ...one, ...row(one.key) })).filter(({ key, index: at }) => asked(query)(key) && (index === undefined || at === Number(index)));
    return { ...whole, query, matched: rows.length, rows };
  }
  function opened(key: string): Thread {
    const index = Number(key.split(":")[1]);
    const own = left.filter((row) => row.key === key).map(({ n }) => issue(n, 1, { code: "text.whitespace", repair, before: "b ", after: "b" }));
    return thread([turn(0, `a${index}`), turn(1, [[texts.get(key) ?? `b${index} `, own.map((_, at) => at)]])], own, { key, index, title: `Conversation ${index}` });
  }
  function page(query: string) {
    return { findings: findingsPage(left), conversations: conversations(query), thread: opened("0:0"), charts: [], roles: [], header: { name: "h.jsonl", numbers: "", profile: "chat" }, status: status() };
  }
  return { host, decided, notes, tags, texts, did: () => host.sent.filter(({ name }) => name === "do").map(({ args }) => args as unknown as Record<string, unknown>) };
}

/** From now on requests are answered only when the test says so, in the order in which they were made. */
function inTurn(host: FakeHost) {
  host.busy = true;
  let answered = host.sent.length;
  return {
    /** Requests without an answer. */
    get open() {
      return host.sent.length - answered;
    },
    async next(count: number) {
      for (const request of host.sent.slice(answered, (answered += count))) host.reply(request);
      await settle();
    },
  };
}

const frame = (root: Element) => root.querySelector<HTMLElement>(".rt-frame")!;
const place = (at: FakeHost) => readSelection(at.get("selection"));
const said = (root: Element) => root.querySelector(".rt-said")?.textContent;
const bar = (root: Element) => one(root, "toolbar", "review");

async function open(data = dataset()) {
  const root = await show(ReviewApp, data.host);
  frame(root).focus();
  return { ...data, root, key: async (...keys: string[]) => { for (const key of keys) await press(key); } };
}

describe("deciding", { timeout: 30_000 }, () => {
  it("is one key, and goes on to the next that is undecided", async () => {
    const { root, host, decided, key } = await open();
    await key("1", "2", "3", "4");
    expect([...decided]).toEqual([["0:0", "keep"], ["0:1", "fix"], ["0:2", "reject"], ["0:3", "later"]]);
    expect(place(host).key).toBe("0:4");
    expect(said(root)).toBe("Done: decided later on 0:3.");
    expect(root.querySelector(".rt-progress-text")?.textContent).toBe("4 of 6 reviewed");
    expect(one(root, "group", "decisions").textContent).toBe("✓ 1 keep✎ 1 fix✕ 1 reject… 1 later");
  });

  it("is taken back by the same key, and stays there", async () => {
    const { host, root, decided, key } = await open();
    await key("1", "p");
    expect(one(bar(root), "button", /Keep/).getAttribute("aria-pressed")).toBe("true");
    await key("1");
    expect(decided.size).toBe(0);
    expect(place(host).key).toBe("0:0");
  });

  it("passes over what is decided, and goes round the end once", async () => {
    const { host, root, decided, key } = await open(dataset(3));
    decided.set("0:1", "keep");
    host.push("changes", "9");
    await settle();
    await key("n", "n", "1");
    expect(place(host).key).toBe("0:0");
    await key("1");
    expect(said(root)).toBe("Nothing here is left to decide on.");
  });

  it("takes a conversation out of the queue of the undecided, which All calls back", async () => {
    const { host, root, key } = await open();
    await click(one(root, "button", "Undecided"));
    expect(host.get("filters")).toBe("decision:none");
    await key("1");
    expect(one(root, "tab", /Conversations/).textContent).toBe("Conversations5");
    expect(place(host).key).toBe("0:1");
    await click(one(root, "button", "All"));
    expect(host.get("filters")).toBe("");
    expect(one(root, "tab", /Conversations/).textContent).toBe("Conversations6");
  });

  it("shows only one decision on demand, and a sample as a term of the query", async () => {
    const { host, root, key } = await open();
    await key("1");
    await click(one(root, "button", /1 keep/));
    expect(host.get("filters")).toBe("decision:keep");
    const sample = root.querySelector<HTMLInputElement>("input[type=number]")!;
    sample.value = "200";
    sample.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(host.get("filters")).toBe("decision:keep sample:200");
  });

  it("takes a note without a decision, and keeps it with any", async () => {
    const { root, decided, notes, did, key } = await open();
    await key("m");
    await type(one(root, "textbox", "Note") as HTMLInputElement, "calm");
    await press("Enter");
    expect(decided.size).toBe(0);
    expect(did()).toEqual([{ op: "note", keys: ["0:0"], note: "calm" }]);
    expect(bar(root).textContent).toContain("“calm”");
    await key("1", "p", "3", "p", "3");
    expect(decided.size).toBe(0);
    expect(notes.get("0:0")).toBe("calm");
    expect(bar(root).textContent).toContain("“calm”");
    await click(one(root, "tab", /^Conversations/));
    expect(all(root, "row")[0]!.textContent).toContain("“calm”");
    await key("u", "u", "u", "u");
    expect(notes.size).toBe(0);
  });
});

describe("tags, repairs and undo", { timeout: 30_000 }, () => {
  it("tags with t and takes a tag away, or both in one step", async () => {
    const { root, tags, did, key } = await open();
    await key("t");
    await type(document.activeElement as HTMLInputElement, "calm, odd");
    await press("Enter");
    expect(tags.get("0:0")).toEqual(["calm", "odd"]);
    expect(document.activeElement).toBe(frame(root));
    await click(one(root, "button", "take the tag odd away"));
    expect(tags.get("0:0")).toEqual(["calm"]);
    await key("t");
    await type(document.activeElement as HTMLInputElement, "wild, -calm, -");
    await press("Enter");
    expect(did().at(-1)).toEqual({ op: "retag", keys: ["0:0"], tags: ["wild"], without: ["calm"] });
    expect(tags.get("0:0")).toEqual(["wild"]);
    await key("t");
    await press("Escape");
    expect(root.querySelector(".rt-entry")).toBeNull();
  });

  it("repairs with a, ignores with i, and goes to the next finding in order", async () => {
    const { host, did, key } = await open();
    await key("j", "j", "a");
    expect(did().at(-1)).toEqual({ op: "repair", findings: [1] });
    expect(place(host).n).toBe(2);
    await key("i");
    expect(did().at(-1)).toEqual({ op: "ignore", findings: [2] });
    expect(place(host).n).toBe(3);
  });

  it("shows a repair that is not safe, and makes it only after Enter", async () => {
    const { root, did, key } = await open(dataset(6, "unsafe"));
    await key("j", "a");
    const dialog = one(root, "dialog");
    expect(dialog.textContent).toContain("−b ");
    await press("Escape");
    expect(did()).toEqual([]);
    expect(document.activeElement).toBe(frame(root));
    await key("a");
    await click(document.activeElement);
    expect(did()).toEqual([{ op: "repair", findings: [0], unsafe: true }]);
  });

  it("says that a finding has no repair, or that none is chosen", async () => {
    const { root, did, key } = await open(dataset(6, null));
    await key("a");
    expect(said(root)).toBe("Choose a finding first, with j or k.");
    await key("j", "a");
    expect(said(root)).toBe("text.whitespace has no repair.");
    expect(did()).toEqual([]);
  });

  it("goes back to where a step was made when it is undone", async () => {
    const { host, root, decided, key } = await open();
    await key("1", "1");
    expect(one(bar(root), "button", /Undo/).textContent).toContain("decided keep on 0:1");
    await key("u");
    expect(place(host).key).toBe("0:1");
    await key("u");
    expect(place(host).key).toBe("0:0");
    expect(decided.size).toBe(0);
  });

  it("moves nothing after a step that is no longer the newest", async () => {
    const { host, decided, key } = await open();
    await key("j");
    const answering = inTurn(host);
    await key("i");
    await answering.next(1);
    // What the step calls for is answered only after the next key.
    const lists = answering.open;
    expect(lists).toBeGreaterThan(0);
    await key("u");
    await answering.next(lists);
    expect(place(host)).toMatchObject({ key: "0:0", n: 0 });
    await answering.next(1);
    host.busy = false;
    await key("1");
    expect([...decided.keys()]).toEqual(["0:0"]);
  });

  it("goes on from a finding that is gone even if another step came between", async () => {
    const { host, key } = await open();
    await key("j");
    const answering = inTurn(host);
    await key("i");
    await answering.next(1);
    const lists = answering.open;
    await key("t");
    await type(document.activeElement as HTMLInputElement, "calm");
    await press("Enter");
    await answering.next(lists);
    host.busy = false;
    await answering.next(answering.open);
    await settle(50);
    expect(place(host).n).toBe(1);
  });
});

describe("editing", { timeout: 30_000 }, () => {
  const write = (root: Element, text: string) => type(root.querySelector("textarea") as unknown as HTMLInputElement, text);

  it("begins with e, shows what changes, and is saved with Ctrl and Enter at the same place", async () => {
    const { root, host, texts, key } = await open();
    await key("j", "e");
    expect(document.activeElement).toBe(root.querySelector("textarea"));
    expect((document.activeElement as HTMLTextAreaElement).value).toBe("b0 ");
    await write(root, "b0 and more");
    expect([...root.querySelectorAll("ins")].map((one) => one.textContent).join("")).toBe("and more");
    await press("Enter", document.activeElement, { ctrlKey: true });
    expect(texts.get("0:0")).toBe("b0 and more");
    expect(root.querySelector("textarea")).toBeNull();
    expect(place(host)).toMatchObject({ key: "0:0", turn: 1 });
    expect(frame(root).contains(document.activeElement)).toBe(true);
  });

  it("is left with Escape, and says at the place why something was refused", async () => {
    const { root, did, key } = await open();
    await key("j", "e");
    await write(root, "refused");
    await press("Enter", document.activeElement, { ctrlKey: true });
    expect(root.querySelector(".rt-editor")?.textContent).toContain("has no such role");
    expect(did()).toHaveLength(1);
    await press("Escape", root.querySelector("textarea"));
    expect(root.querySelector("textarea")).toBeNull();
    expect(frame(root).contains(document.activeElement)).toBe(true);
  });

  it("sends what was changed and nothing else", async () => {
    const { root, did, key } = await open();
    await key("j", "e");
    const role = root.querySelector<HTMLSelectElement>(".rt-editor select")!;
    expect(role.value).toBe("user");
    role.value = "system";
    await click(one(root, "button", /^Save Ctrl/));
    expect(did()).toEqual([{ op: "edit", key: "0:0", turn: 1, role: "system" }]);
    await key("e");
    await click(one(root, "button", /^Save Ctrl/));
    expect(did()).toHaveLength(1);
  });

  it("puts in, takes out, splits and merges at the turn", async () => {
    const { root, did, key } = await open();
    await key("j");
    await click(one(root, "button", "Split here"));
    await click(one(root, "button", "Remove"));
    await click(one(root, "button", "Insert below"));
    await write(root, "More.");
    await press("Enter", root.querySelector("textarea"), { ctrlKey: true });
    expect(did()).toEqual([
      { op: "split", key: "0:0", turns: [1] },
      { op: "remove", key: "0:0", turn: 1 },
      { op: "insert", key: "0:0", at: 2, role: "assistant", text: "More." },
    ]);
  });

  it("waits for the whole of a turn of which only the beginning has come", async () => {
    const data = dataset();
    const state = JSON.parse(data.host.get("state"));
    state.thread.cut = true;
    data.host.push("state", state);
    data.host.busy = true;
    const { root, host, key } = await open(data);
    await key("e");
    expect(root.querySelector("textarea")).toBeNull();
    expect(said(root)).toBe("The conversation has not come yet.");
    host.busy = false;
    for (const request of [...host.sent]) host.reply(request);
    await settle();
    await key("e");
    expect(root.querySelector("textarea")).not.toBeNull();
  });

  it("leaves the keys to the field", async () => {
    const { root, did, key } = await open();
    await key("j", "e");
    for (const one of ["1", "u", "j", "a"]) expect((await press(one, root.querySelector("textarea"))).defaultPrevented).toBe(false);
    expect(did()).toEqual([]);
  });

  it("writes the line ends of the source", () => {
    expect(withLineEnds("a\nb", "x\r\ny")).toBe("a\r\nb");
    expect(withLineEnds("a\nb", "x\ny")).toBe("a\nb");
    expect(withLineEnds("a\nb", "x\r\ny\nz")).toBe("a\nb");
  });

  it("tells words that came and went", () => {
    expect(changes("the old castle", "the new castle")).toEqual([["same", "the "], ["gone", "old"], ["new", "new"], ["same", " castle"]]);
    expect(changes("", "a")).toEqual([["new", "a"]]);
    expect(changes("same", "same")).toEqual([["same", "same"]]);
    const long = "word ".repeat(3_000);
    expect(changes(`x${long}`, `y${long}`)).toHaveLength(3);
  });
});

describe("a kernel that is busy, or gone", { timeout: 30_000 }, () => {
  it("makes a step once it is free, and says meanwhile that it waits", async () => {
    const { root, host, decided, did, key } = await open();
    host.busy = true;
    await key("1");
    await settle(1_700);
    expect(said(root)).toBe("1 step waits for the kernel.");
    await key("1");
    expect(did()).toHaveLength(1);
    host.busy = false;
    for (const request of [...host.sent]) host.reply(request);
    await settle(50);
    expect(did()).toHaveLength(1);
    expect([...decided.keys()]).toEqual(["0:0"]);
  });

  it("pretends nothing when the kernel is gone", async () => {
    const { root, host, did, key } = await open();
    host.leave();
    await settle();
    await key("1");
    expect(one(root, "alert").textContent).toContain("Not saved: keep on #0. The kernel is gone");
    expect(did()).toEqual([]);
    await click(one(root, "button", "Dismiss"));
    expect(all(root, "alert")).toHaveLength(0);
  });

  it("says of steps without an answer that it is open whether they were saved", async () => {
    const { root, host, key } = await open();
    host.busy = true;
    await key("1");
    host.leave();
    await settle();
    expect(one(root, "alert").textContent).toContain("before it answered 1 step: keep on #0");
  });
});

describe("what others do", { timeout: 30_000 }, () => {
  it("shows at once, and the place stays", async () => {
    const { root, host, decided, notes } = await open();
    host.set("selection", JSON.stringify({ key: "0:2", turn: 1, n: 2 }));
    await settle();
    decided.set("0:2", "fix");
    notes.set("0:2", "why");
    host.push("changes", "5");
    await settle();
    expect(place(host)).toMatchObject({ key: "0:2", n: 2 });
    expect(one(bar(root), "button", /Fix/).getAttribute("aria-pressed")).toBe("true");
    expect(bar(root).textContent).toContain("“why”");
  });

  it("keeps two outputs of one panel in step", async () => {
    const data = dataset();
    const first = await show(ReviewApp, data.host);
    const second = await show(ReviewApp, data.host);
    await press("1", frame(first));
    expect(second.querySelector(".rt-progress-text")?.textContent).toBe("1 of 6 reviewed");
    expect(second.querySelector(".rt-thread")?.getAttribute("aria-label")).toBe("conversation #1");
  });

  it("is told in sentences that can be put away", async () => {
    const { root } = await open(dataset(6, "safe", { notice: "In memory only.", set_aside: 2, lost: ["Line 3 was cut."] }));
    const shown = () => [...root.querySelectorAll(".rt-journal p > span")].map((one) => one.textContent);
    expect(shown()).toEqual(["In memory only.", "Line 3 was cut.", "2 steps of another reviewer are set aside: see ds.journal.set_aside."]);
    await click(root.querySelector(".rt-journal button"));
    expect(shown()).toHaveLength(2);
  });
});
