import { describe, expect, test } from "vitest";
import { fakeHost, type Answers, type FakeHost } from "../testing/fake-host.ts";
import { all, click, one, press, settle, show } from "../testing/show.tsx";
import { WitnessApp } from "./app.tsx";
import type { EntriesPage, Entry, Opened, State, Witness, WitnessTurn } from "./protocol.ts";

function entry(index: number, ...states: State[]): Entry {
  const tokens = states.includes("dropped") ? 0 : 60;
  return { key: `0:${index}`, index, row: index, id: `harbour-${index}`, title: `Conversation ${index}`, states, tokens, trained: states.includes("untrained") ? 0 : Math.min(20, tokens) };
}

function page(entries: Entry[], args: { query?: string; offset?: number; limit?: number; near?: number | string } = {}): EntriesPage {
  const { query = "", offset = 0, limit = 100, near } = args;
  const rows = entries.filter((one) => !query || one.states.includes(query.slice("state:".length) as State));
  const place = near === undefined ? -1 : rows.findIndex((one) => one.key === near);
  const from = place < 0 ? offset : Math.floor(place / limit) * limit;
  return { query, sort: "file", descending: false, offset: from, matched: rows.length, total: entries.length, rows: rows.slice(from, from + limit) };
}

function turn(number: number | null, pieces: WitnessTurn["pieces"], more: Partial<WitnessTurn> = {}): WitnessTurn {
  return { turn: number, role: number === null ? null : number % 2 ? "assistant" : "user", speaker: null, hue: null, dir: "ltr", fate: "trained", pieces, foretold: null, lost: [], ...more };
}

const asked = turn(0, [["<|im_start|>user\n", "masked", false], ["أين النهر؟", "masked", true], ["<|im_end|>\n", "masked", false]], { fate: "masked", dir: "rtl" });
const said = turn(1, [["South", "trained", true], [", she said.", "cut", true]], { fate: "cut short" });

function opened(index: number, more: Partial<Opened> = {}): Opened {
  const { tokens, trained, ...named } = entry(index, "cut");
  return { ...named, line: index + 1, why: null, differences: [], sequences: [{ side: null, row: index, trained, masked: tokens - trained, cut: 9, turns: [asked, said], left_out: 0 }], ...more };
}

function witness(entries: Entry[], more: Partial<Witness> = {}): Witness {
  const count = (state: State) => entries.filter((one) => one.states.includes(state)).length;
  return {
    name: "SFTTrainer",
    facts: [["given", `${entries.length} conversations`]],
    tokens: { trained: 200, masked: 700, cut: 100 },
    agreement: { holds: true, says: "Our forecast is right for 3 sequences, token by token." },
    states: [
      { name: "dropped", title: "dropped", count: count("dropped") },
      { name: "cut", title: "cut", count: count("cut") },
      { name: "untrained", title: "nothing trained", count: count("untrained") },
      { name: "different", title: "not as foretold", count: count("different") },
    ],
    of: true,
    notes: ["Rows were matched by their tokens."],
    ...more,
  };
}

const few = [entry(0), entry(1, "cut"), entry(2, "dropped"), entry(3, "cut", "different")];

function panel(entries = few, { about = {}, open = opened(1), answers = {} }: { about?: Partial<Witness>; open?: Opened | null; answers?: Answers } = {}): FakeHost {
  return fakeHost(
    { state: { witness: witness(entries, about), entries: page(entries), open, empty: "SFTTrainer holds no rows." }, selection: open ? { key: open.key, turn: null } : {} },
    { witnessed: (args) => page(entries, args), witness: ({ key }) => opened(Number(key.split(":")[1])), ...answers },
  );
}

const rowsOf = (root: Element) => all(root, "row", /^#?\d/);

// A section with a name is a region.
const region = (root: Element, name: string) => root.querySelector<HTMLElement>(`section[aria-label="${name}"]`)!;

describe("the summary", () => {
  test("says what arrives, what the loss sees, and that the forecast holds", async () => {
    const root = await show(WitnessApp, panel());
    const head = root.querySelector(".rt-witness-head")!;
    expect(head.textContent).toContain("4 conversations");
    expect(head.textContent).toContain("200 trained 20 %");
    expect(head.textContent).toContain("100 cut 10 %");
    expect(head.textContent).toContain("✓ Our forecast is right for 3 sequences, token by token.");
  });

  test("a forecast that was wrong is said as plainly", async () => {
    const says = "We foretold something else of 1 conversation. That is a fault of ours, not of your data.";
    const root = await show(WitnessApp, panel(few, { about: { agreement: { holds: false, says } } }));
    expect(root.querySelector(".rt-agreement")!.textContent).toBe(`■ ${says}`);
  });

  test("tokens that nobody knows are no zero", async () => {
    const root = await show(WitnessApp, panel(few, { about: { tokens: { trained: 1, masked: 1, cut: null } } }));
    expect(root.querySelector(".rt-witness-head")!.textContent).toContain("not known cut");
  });

  test("notes open on demand", async () => {
    const root = await show(WitnessApp, panel());
    const notes = root.querySelector<HTMLElement>(".rt-notes")!;
    expect(notes.hidden).toBe(true);
    await click(one(root, "button", "1 note"));
    expect(notes.hidden).toBe(false);
  });
});

describe("the list", () => {
  test("is narrowed by what befell the conversations; what befell none is not offered", async () => {
    const host = panel();
    const root = await show(WitnessApp, host);
    const filters = one(root, "toolbar", "which conversations");
    expect(all(filters, "button").map((button) => button.textContent)).toEqual(["all 4", "− dropped 1", "✂ cut 2", "■ not as foretold 1"]);
    await click(one(filters, "button", /dropped/));
    expect(host.get("filters")).toBe("state:dropped");
    expect(rowsOf(root).map((row) => row.textContent)).toEqual([expect.stringContaining("no row")]);
    await click(one(filters, "button", /all/));
    expect(rowsOf(root)).toHaveLength(4);
  });

  test("pages are asked for as one goes down", async () => {
    const many = Array.from({ length: 1000 }, (_, index) => entry(index));
    const host = panel(many);
    const root = await show(WitnessApp, host);
    const grid = one(root, "grid", "conversations, all");
    rowsOf(root)[0]!.focus();
    await press("End");
    grid.dispatchEvent(new Event("scroll"));
    await settle(100);
    expect(host.sent.map(({ name, args }) => [name, (args as { offset: number }).offset])).toContainEqual(["witnessed", 900]);
    expect(grid.textContent).toContain("#999");
  });

  test("n and p go from conversation to conversation", async () => {
    const host = panel();
    const root = await show(WitnessApp, host);
    await press("n", root.querySelector(".rt-frame"));
    expect(JSON.parse(host.get("selection")).key).toBe("0:2");
    expect(region(root, "conversation #2")).not.toBeNull();
    await press("p", root.querySelector(".rt-frame"));
    expect(region(root, "conversation #1")).not.toBeNull();
  });

  test("a conversation that cannot be loaded is said, and tried again", async () => {
    let fails = true;
    const root = await show(WitnessApp, panel(few, { answers: { witness: () => (fails ? new Error("The kernel is busy.") : opened(0)) } }));
    await click(rowsOf(root)[0]);
    expect(root.textContent).toContain("The kernel is busy.");
    expect(region(root, "conversation #1")).not.toBeNull();
    fails = false;
    await click(one(root, "button", "Try again"));
    expect(region(root, "conversation #0")).not.toBeNull();
  });
});

describe("the thread", () => {
  const marked = (root: Element, mark: string) => [...root.querySelectorAll(`.rt-case-box .${mark}`)].map((element) => element.textContent);

  test("every turn says what becomes of it, and its text is marked as the labels are", async () => {
    const root = await show(WitnessApp, panel());
    expect(all(root, "article").map((article) => article.getAttribute("aria-label"))).toEqual(["turn 0, user, masked", "turn 1, assistant, cut short"]);
    expect(marked(root, "rt-loss-trained")).toEqual(["South"]);
    expect(marked(root, "rt-loss-cut")).toEqual([", she said."]);
    expect(marked(root, "rt-written")).toEqual(["<|im_start|>user\n", "<|im_end|>\n"]);
    expect(root.querySelector(".rt-witnessed-text")!.getAttribute("dir")).toBe("rtl");
  });

  test("our forecast stands beside a turn only where it is another", async () => {
    const foretold = { fate: "masked", pieces: [["South", "masked", true]] as WitnessTurn["pieces"] };
    const shown = opened(3, {
      differences: [{ what: "trained", side: null, foretold: "trained is []", found: "['South']" }],
      sequences: [{ ...opened(3).sequences[0]!, turns: [asked, { ...said, foretold }] }],
    });
    const root = await show(WitnessApp, panel(few, { open: shown }));
    expect(root.querySelectorAll(".rt-foretold")).toHaveLength(1);
    expect(root.querySelector(".rt-foretold")!.textContent).toContain("we foretold masked");
    expect(root.querySelector(".rt-differences")!.textContent).toContain("That is a fault of ours");
    expect(root.querySelector(".rt-differences")!.textContent).toContain("we said trained is []");
    await click(one(root, "button", "To the first turn that differs"));
    expect(root.querySelector("[data-flash]")!.getAttribute("aria-label")).toBe("turn 1, assistant, cut short");
  });

  test("a dropped conversation says why, and all of it is missing", async () => {
    const why = "All that would be trained lies beyond the limit of 64 tokens.";
    const gone = turn(0, [["Where?", "missing", true]], { fate: "missing" });
    const root = await show(WitnessApp, panel(few, { open: opened(2, { why, states: ["dropped"], sequences: [{ side: null, row: null, trained: 0, masked: 0, cut: null, turns: [gone], left_out: 0 }] }) }));
    expect(root.querySelector(".rt-case-box")!.textContent).toContain(why);
    expect(root.querySelector("del.rt-said")!.textContent).toBe("Where?");
    expect(root.querySelector(".rt-losses")!.textContent).toBe("missing");
  });

  test("both answers of a pair are named", async () => {
    const [sequence] = opened(1).sequences;
    const root = await show(WitnessApp, panel(few, { open: opened(1, { sequences: [{ ...sequence!, side: "chosen" }, { ...sequence!, side: "rejected" }] }) }));
    expect([...root.querySelectorAll("h4")].map((head) => head.textContent)).toEqual(["chosen answer row 1 of the trainer's data", "rejected answer row 1 of the trainer's data"]);
  });

  test("text is never taken for markup, and blanks are written out on demand", async () => {
    const evil = turn(1, [["<img src=x onerror=alert(1)> x", "trained", true]]);
    const root = await show(WitnessApp, panel(few, { open: opened(1, { sequences: [{ ...opened(1).sequences[0]!, turns: [evil] }] }) }));
    expect(root.querySelector("img")).toBeNull();
    expect(root.querySelector(".rt-case-box .rt-sign")).toBeNull();
    await press("w", root.querySelector(".rt-frame"));
    expect(root.querySelector(".rt-case-box .rt-sign")).not.toBeNull();
  });

  test("a row that belongs to no conversation goes by its number", async () => {
    const root = await show(WitnessApp, panel([{ ...entry(0), key: "row:7.0", index: null, row: 7 }], { open: opened(0, { key: "row:7.0", index: null, row: 7 }) }));
    expect(region(root, "row 7")).not.toBeNull();
  });
});

test("an empty state waits, and a trainer without rows says so", async () => {
  expect((await show(WitnessApp, fakeHost({}))).textContent).toContain("Loading what the trainer holds…");
  expect((await show(WitnessApp, panel([], { open: null }))).textContent).toContain("SFTTrainer holds no rows.");
});
