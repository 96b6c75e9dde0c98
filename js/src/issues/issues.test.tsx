import axe from "axe-core";
import { describe, expect, it } from "vitest";
import type { Finding, PageArgs, Requests, Status } from "../lib/protocol.ts";
import { readSelection } from "../lib/protocol.ts";
import { hasTerms, toggleTerms } from "../lib/query.ts";
import { rowsInSight, scrollToRow, squeezed } from "../lib/window.ts";
import { fakeHost, type FakeHost } from "../testing/fake-host.ts";
import { findings, findingsPage } from "../testing/samples.ts";
import { all, click, one, press, settle, show, type } from "../testing/show.tsx";
import { IssuesApp } from "./app.tsx";
import { GroupLayout, groupId } from "./layout.ts";

const everything = findings([
  ["turn.empty", "error", 2],
  ["reply.meta", "warning", 3],
  ["text.whitespace", "info", 900],
]);

const status: Status = {
  serial: 3,
  conversations: 505,
  decided: { keep: 2, fix: 0, reject: 0, later: 0 },
  ignored: 0,
  changed: 0,
  undo: "decided keep on c0",
  redo: null,
  notice: null,
  set_aside: 0,
  lost: [],
  queries: {},
};

async function open(rows: Finding[] = everything, traits: { selection?: object; filters?: string; error?: string } = {}, more: Partial<Status> = {}) {
  const host = fakeHost(
    { state: { status: { ...status, ...more }, findings: findingsPage(rows), empty: "No findings. 505 conversations checked.", roles: ["user", "assistant"] }, ...traits },
    {
      facets: ({ query }) => ({ query, severity: [], code: [["reply.meta", 3]], role: [["user", 1], ["assistant", 904]], decision: [["none", 905]] }),
      status: () => ({ ...status, ...more }),
      plan: ({ unsafe }) => ({
        repairs: unsafe ? 3 : 2,
        counts: { "text.whitespace": 2, ...(unsafe ? { "turn.merge": 1 } : {}) },
        unsafe: unsafe ? 1 : 0,
        left: 4,
        lines: [["head", "#0 turn 2  text.whitespace: trims"], ["-", "a␠"], ["+", "a"], ["note", "Not repaired: turn.empty, 4 times: no."]],
      }),
      do: ({ op }) => (op === "exclude" ? new Error("No.") : { said: `Done: ${op}.`, status: { ...status, ...more } }),
      lines: (args) => lines(rows, args),
      ignored: (args) => ({ ...findingsPage(rows.slice(0, 2), { ...args, sort: "file" }) }),
      findings: (args: PageArgs) => (args.query.includes("colour:") ? new Error("No term is called colour:.") : findingsPage(rows, args)),
    },
  );
  const root = await show(IssuesApp, host);
  return { host, root, grid: () => one(root, "grid") };
}

/** The findings two a conversation, each pair below a heading. */
function lines(rows: Finding[], { offset, limit, near }: PageArgs): Requests["lines"]["result"] {
  const all = rows.flatMap((row, at) => [
    ...(at % 2 ? [] : [{ head: true as const, key: row.key, index: row.index, source: 0, line: 1, decision: at ? null : "keep", id: "x", title: `Title ${at}`, count: 2 }]),
    row,
  ]);
  const place = all.findIndex((line) => "n" in line && line.n === near);
  const from = place < 0 ? offset : place - (place % limit);
  return { query: "", sort: "conversation", descending: false, offset: from, matched: all.length, total: rows.length, rows: all.slice(from, from + limit) };
}

const pagesAsked = (host: FakeHost) => host.sent.filter(({ name }) => name === "findings");
const boxes = (root: Element) => [...root.querySelectorAll<HTMLInputElement>("[data-check] input")];
const done = (host: FakeHost) => host.sent.filter(({ name }) => name === "do").map(({ args }) => args as object);

const texts = (root: Element) => all(root, "row").map((row) => [...row.children].map((cell) => cell.textContent).join(" "));

describe("the layout of groups", () => {
  const groups = findingsPage(everything).groups;

  it("follows from the counts alone", () => {
    const layout = new GroupLayout(groups, new Set());
    expect(layout.length).toBe(3 + 905);
    expect(layout.item(0)).toEqual({ kind: "group", group: 0 });
    expect(layout.item(2)).toEqual({ kind: "row", row: 1 });
    expect(layout.item(3)).toEqual({ kind: "group", group: 1 });
    expect(layout.item(4)).toEqual({ kind: "row", row: 2 });
    expect(layout.positionOfRow(5)).toBe(8);
  });

  it("gives a collapsed group one line", () => {
    const layout = new GroupLayout(groups, new Set([groupId(groups[1]!)]));
    expect(layout.length).toBe(3 + 902);
    expect(layout.item(3)).toEqual({ kind: "group", group: 1 });
    expect(layout.item(4)).toEqual({ kind: "group", group: 2 });
    expect(layout.positionOfRow(3)).toBe(3);
    for (let row = 5; row < 905; row += 50) expect(layout.item(layout.positionOfRow(row))).toEqual({ kind: "row", row });
  });
});

describe("the window", () => {
  it("holds what is in sight and a little around it", () => {
    expect(rowsInSight(0, 280, 28, 1000)).toEqual([0, 18]);
    expect(rowsInSight(2800, 280, 28, 1000)).toEqual([92, 118]);
    expect(rowsInSight(2800, 280, 28, 5)).toEqual([5, 5]);
  });

  it("moves as little as it can", () => {
    expect(scrollToRow(3, 0, 280, 28)).toBe(0);
    expect(scrollToRow(3, 200, 280, 28)).toBe(84);
    expect(scrollToRow(20, 0, 280, 28)).toBe(308);
    expect(scrollToRow(20, 0, 280, 28, 28)).toBe(336);
  });
});

describe("the query", () => {
  it("gains and loses terms", () => {
    expect(toggleTerms("castle", "severity:error")).toBe("castle severity:error");
    expect(toggleTerms('"old castle" severity:error', "severity:error")).toBe('"old castle"');
    expect(hasTerms("role:assistant words:0..19", "words:0..19 role:assistant")).toBe(true);
    expect(hasTerms("", "")).toBe(false);
  });

  it("keeps a term that another chosen filter shares", () => {
    const query = "role:assistant words:0..19 words:20..39";
    const others = ["role:assistant words:0..19", "role:assistant words:20..39"];
    expect(toggleTerms(query, others[0]!, others)).toBe("role:assistant words:20..39");
  });
});

describe("the issue grid", () => {
  it("groups findings by code and says how many rows there are in all", async () => {
    const { root, grid } = await open();
    expect(grid().getAttribute("aria-rowcount")).toBe("908");
    expect(texts(root).slice(0, 4)).toEqual(["■errorturn.empty2▾", " #0 t 2 turn.empty number 0 ", " #1 t 2 turn.empty number 1 ", "▲warningreply.meta3▾"]);
    expect(all(root, "row")[2]?.getAttribute("aria-rowindex")).toBe("3");
  });

  it("draws only the rows in sight and fetches the pages that come into it", async () => {
    const { root, grid, host } = await open();
    expect(all(root, "row").length).toBeLessThan(60);
    expect(pagesAsked(host)).toHaveLength(0);
    grid().scrollTop = 28 * 500;
    grid().dispatchEvent(new Event("scroll"));
    await settle(100);
    expect(pagesAsked(host).map((request) => (request.args as PageArgs).offset)).toEqual([400, 500]);
    expect(texts(root).some((text) => text.includes("text.whitespace number 500"))).toBe(true);
  });

  it("does not fetch rows of a collapsed group", async () => {
    const { root, grid, host } = await open();
    const heads = () => all(root, "row").filter((row) => row.querySelector("[aria-expanded]"));
    await click(heads()[2]);
    expect(grid().getAttribute("aria-rowcount")).toBe("8");
    expect(heads()[2]?.querySelector("[aria-expanded]")?.getAttribute("aria-expanded")).toBe("false");
    await settle(100);
    expect(pagesAsked(host)).toHaveLength(0);
  });

  it("is one tab stop that arrows, Home, End and pages move through", async () => {
    const { root } = await open();
    const stops = () => all(root, "row").filter((row) => row.tabIndex === 0);
    expect(stops()).toHaveLength(1);
    stops()[0]!.focus();
    await press("ArrowDown");
    await press("ArrowDown");
    expect(document.activeElement?.textContent).toContain("turn.empty number 1");
    expect(stops()).toEqual([document.activeElement]);
    await press("End");
    expect(document.activeElement?.getAttribute("aria-rowindex")).toBe("908");
    await press("Home");
    expect(document.activeElement?.getAttribute("aria-rowindex")).toBe("1");
    await press("PageDown");
    expect(Number(document.activeElement?.getAttribute("aria-rowindex"))).toBeGreaterThan(5);
    await press("Home");
    await press("ArrowLeft");
    expect(document.activeElement?.querySelector("[aria-expanded]")?.getAttribute("aria-expanded")).toBe("false");
  });

  it("writes the selection when a row is entered or clicked", async () => {
    const { root, host } = await open();
    all(root, "row")[1]!.focus();
    await press("Enter");
    expect(readSelection(host.get("selection"))).toEqual({ key: "0:0", turn: 2, n: 0 });
    await click(all(root, "row")[2]);
    expect(readSelection(host.get("selection")).n).toBe(1);
    expect(all(root, "row")[2]?.getAttribute("aria-selected")).toBe("true");
  });

  it("follows a selection from outside, also to a row that is not loaded", async () => {
    const { root, host, grid } = await open();
    host.push("selection", { key: "0:3", turn: 2, n: 3 });
    await settle();
    expect(all(root, "row").find((row) => row.getAttribute("aria-selected") === "true")?.textContent).toContain("number 3");
    host.push("selection", { key: "0:700", turn: 2, n: 700 });
    await settle(120);
    expect(pagesAsked(host)[0]).toMatchObject({ name: "findings", args: { near: 700 } });
    expect(grid().scrollTop).toBeGreaterThan(28 * 600);
    expect(all(root, "row").find((row) => row.getAttribute("aria-selected") === "true")?.textContent).toContain("number 700");
  });

  it("becomes a table whose headings sort", async () => {
    const { root, host } = await open();
    await click(one(root, "button", "Table"));
    expect(pagesAsked(host).at(-1)?.args).toMatchObject({ sort: "severity", descending: false, offset: 0 });
    const heading = () => all(root, "columnheader").find((head) => head.querySelector("[aria-label=severity]"))!;
    expect(heading().getAttribute("aria-sort")).toBe("ascending");
    expect(all(root, "columnheader").map((head) => head.textContent)).toEqual(["chosen", "↑", "Code", "Conv", "Turn", "Role", "Decision", "Message"]);
    expect(texts(root)[1]).toBe(" ■error turn.empty #0 2 assistant  turn.empty number 0");
    expect(all(root, "row")[1]?.querySelector(".rt-message")?.getAttribute("title")).toBe("turn.empty number 0");
    await click(heading().querySelector("button"));
    expect(pagesAsked(host).at(-1)?.args).toMatchObject({ sort: "severity", descending: true });
    expect(heading().getAttribute("aria-sort")).toBe("descending");
    expect(texts(root)[1]).toContain("text.whitespace");
    expect(one(root, "grid").getAttribute("aria-rowcount")).toBe("906");
    await click(one(root, "button", "By code"));
    expect(all(root, "columnheader")).toHaveLength(0);
  });

  it("filters by severity, by the text typed and by menus, in the one query", async () => {
    const { root, host } = await open();
    await click(one(root, "button", /2 errors/));
    expect(host.get("filters")).toBe("severity:error");
    expect(one(root, "grid").getAttribute("aria-rowcount")).toBe("3");
    expect([...root.querySelectorAll("[data-live]")].map((live) => live.textContent)).toContain("2 of 905 findings");
    expect(one(root, "button", /3 warnings/).getAttribute("aria-pressed")).toBe("false");
    await click(one(root, "button", /2 errors/));
    expect(host.get("filters")).toBe("");

    const search = one(root, "searchbox") as HTMLInputElement;
    await type(search, "num");
    await type(search, "number 7");
    expect(host.get("filters")).toBe("");
    await settle(200);
    expect(host.get("filters")).toBe("number 7");

    await click(one(root, "button", /^Code/));
    await click(one(root, "menuitemcheckbox", /reply.meta/));
    expect(host.get("filters")).toBe("number 7 code:reply.meta");
    expect(one(root, "menuitemcheckbox", /reply.meta/).getAttribute("aria-checked")).toBe("true");
    await press("Escape", one(root, "menuitemcheckbox", /reply.meta/));
    expect(all(root, "menuitemcheckbox")).toHaveLength(0);
    await click(one(root, "button", /^Role/));
    await click(one(root, "menuitemcheckbox", /user/));
    expect(host.get("filters")).toBe("number 7 code:reply.meta role:user");
    await click(one(root, "button", "Clear"));
    expect(host.get("filters")).toBe("");
    expect(search.value).toBe("");
  });

  it("takes a query from Python into the search box", async () => {
    const { root, host } = await open();
    host.push("filters", "severity:warning");
    await settle();
    expect((one(root, "searchbox") as HTMLInputElement).value).toBe("severity:warning");
    expect(one(root, "button", /3 warnings/).getAttribute("aria-pressed")).toBe("true");
    expect(one(root, "grid").getAttribute("aria-rowcount")).toBe("4");
  });

  it("says in one sentence what is wrong with a query and keeps the rows", async () => {
    const { root, host } = await open();
    host.push("filters", "colour:red");
    await settle();
    expect(one(root, "alert").textContent).toContain("No term is called colour:.");
    expect(all(root, "row").length).toBeGreaterThan(5);
    host.push("filters", "");
    await settle();
    expect(all(root, "alert")).toHaveLength(0);
  });

  it("has words for nothing found and for nothing left", async () => {
    const { root } = await open([]);
    expect(root.textContent).toContain("No findings. 505 conversations checked.");
    const second = await open();
    second.host.push("filters", "nothing-like-this");
    await settle();
    expect(second.root.textContent).toContain("No finding matches this query.");
  });

  it("drops pages of an order that is no longer wanted", async () => {
    const { root, host, grid } = await open();
    host.busy = true;
    grid().scrollTop = 28 * 500;
    grid().dispatchEvent(new Event("scroll"));
    await settle(100);
    const old = pagesAsked(host)[0]!;
    host.push("filters", "severity:error");
    await settle();
    host.reply(old);
    host.reply(pagesAsked(host).at(-1)!);
    await settle();
    expect(grid().getAttribute("aria-rowcount")).toBe("3");
    expect(texts(root).every((text) => !text.includes("whitespace"))).toBe(true);
  });
});

describe("steps", () => {
  it("are made with the findings that were chosen, which then are chosen no more", async () => {
    const { root, host } = await open();
    await click(boxes(root)[0]);
    await click(boxes(root)[2]);
    expect(one(root, "toolbar").textContent).toContain("2 findings in 2 conversations");
    await click(one(root, "button", /keep/));
    expect(done(host)).toEqual([{ op: "decide", keys: ["0:0", "0:2"], as: "keep" }]);
    expect(all(root, "toolbar")).toHaveLength(0);
    expect(root.textContent).toContain("Done: decide.");
    await click(one(root, "button", "Undo"));
    expect(done(host).at(-1)).toEqual({ op: "undo" });
  });

  it("take a range with Shift and everything with Ctrl+A, as a query", async () => {
    const { root, host } = await open(everything, { filters: "number" });
    all(root, "row")[1]!.focus();
    await press(" ");
    await press("ArrowDown", document.activeElement, { shiftKey: true });
    expect(one(root, "toolbar").textContent).toContain("2 findings");
    await press("a", document.activeElement, { ctrlKey: true });
    expect(one(root, "toolbar").textContent).toContain("All 905 findings that match");
    expect(boxes(root).every((box) => box.checked)).toBe(true);
    await click(one(root, "button", "ignore"));
    expect(done(host)).toEqual([{ op: "ignore", query: "number" }]);
  });

  it("give up what was chosen with Escape and with another query", async () => {
    const { root, host } = await open();
    await click(boxes(root)[0]);
    await press("Escape", one(root, "toolbar"));
    expect(all(root, "toolbar")).toHaveLength(0);
    await click(boxes(root)[0]);
    host.push("filters", "severity:error");
    await settle();
    expect(all(root, "toolbar")).toHaveLength(0);
  });

  it("tag", async () => {
    const { root, host } = await open();
    await click(boxes(root)[0]);
    await click(one(root, "button", /tag/));
    const field = root.querySelector<HTMLInputElement>(".rt-bulk-tag")!;
    field.value = "calm, slow ";
    await press("Enter", field);
    expect(done(host)).toEqual([{ op: "tag", keys: ["0:0"], tags: ["calm", "slow"] }]);
  });

  it("show what a repair would change; unsafe ones only where they are ticked", async () => {
    const { root, host } = await open();
    await click(boxes(root)[0]);
    await click(one(root, "button", /repair/));
    await settle();
    const dialog = one(root, "dialog", "repairs");
    expect(dialog.textContent).toContain("2 places would change");
    expect(dialog.textContent).toContain("turn.merge (1)");
    expect(dialog.textContent).toContain("4 findings would be left");
    const tick = dialog.querySelector<HTMLInputElement>("[type=checkbox]")!;
    expect(tick.checked).toBe(false);
    await click(tick);
    await click(one(dialog, "button", "Repair 3 places"));
    expect(done(host)).toEqual([{ op: "repair", findings: [0], unsafe: true }]);
    expect(all(root, "dialog")).toHaveLength(0);
  });

  it("are followed when they are made elsewhere, and the rows stay meanwhile", async () => {
    const { root, host } = await open();
    host.busy = true;
    host.push("changes", "4");
    await settle();
    expect(all(root, "row").length).toBeGreaterThan(5);
    expect(pagesAsked(host)).toHaveLength(1);
    expect(host.sent.map(({ name }) => name)).toContain("status");
  });
});

describe("by conversation", () => {
  it("has a line above the findings of each conversation, with what was decided", async () => {
    const { root, host } = await open();
    await click(one(root, "button", "By conversation"));
    await settle();
    expect(one(root, "grid").getAttribute("aria-rowcount")).toBe(String(905 + 453));
    expect(texts(root)[0]).toContain("Title 0");
    expect(texts(root)[0]).toContain("keep");
    expect(texts(root)[1]).toContain("turn.empty number 0");
    await click(all(root, "row")[0]);
    expect(readSelection(host.get("selection")).n).toBe(0);
  });
});

describe("columns", () => {
  it("are chosen from a menu and remembered; what a row cannot do without stays", async () => {
    localStorage.clear();
    const { root } = await open();
    await click(one(root, "button", "Table"));
    await click(one(root, "button", /^Columns/));
    expect(all(root, "menuitemcheckbox").map((item) => item.textContent)).not.toContain("✓message");
    await click(one(root, "menuitemcheckbox", /role/));
    expect(all(root, "columnheader").map((head) => head.textContent)).not.toContain("Role");
    const again = await open();
    await click(one(again.root, "button", "Table"));
    expect(all(again.root, "columnheader").map((head) => head.textContent)).not.toContain("Role");
    localStorage.clear();
  });
});

describe("saved queries", () => {
  it("are used, kept and forgotten", async () => {
    const { root, host } = await open(everything, { filters: "number" }, { queries: { mine: "severity:error" } });
    await click(one(root, "button", /^Saved/));
    const dialog = one(root, "dialog");
    (dialog.querySelector("input") as HTMLInputElement).value = "new";
    dialog.querySelector("form")!.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
    await settle();
    await click(one(root, "button", /^Saved/));
    await click(one(root, "button", "Forget mine"));
    expect(done(host)).toEqual([
      { op: "query", name: "new", query: "number" },
      { op: "query", name: "mine", query: null },
    ]);
    await click(one(root, "button", /mine/));
    expect(host.get("filters")).toBe("severity:error");
  });
});

describe("ignored findings", () => {
  it("are counted, shown and restored", async () => {
    const { root, host } = await open(everything, {}, { ignored: 2 });
    await click(one(root, "button", "2 ignored"));
    await settle();
    expect(boxes(root)).toHaveLength(2);
    await click(boxes(root)[1]);
    await click(one(root, "button", "restore"));
    expect(done(host)).toEqual([{ op: "restore", findings: [1] }]);
  });
});

describe("what one sees of the steps", () => {
  const problems = async (root: Element) => {
    // jsdom paints nothing, so contrast is measured in a browser.
    const { violations } = await axe.run(root, { rules: { "color-contrast": { enabled: false } } });
    return violations.map(({ id, nodes }) => [id, nodes[0]?.html]);
  };

  it("has nothing that axe finds", async () => {
    const { root } = await open(everything.slice(0, 3), {}, { ignored: 2, queries: { mine: "" } });
    await click(boxes(root)[0]);
    await click(one(root, "button", /repair/));
    await settle();
    expect(await problems(root)).toEqual([]);
    await click(one(root, "button", "Cancel"));
    await click(one(root, "button", "By conversation"));
    await click(one(root, "button", /^Saved/));
    await settle();
    expect(await problems(root)).toEqual([]);
    await click(one(root, "button", "Table"));
    await click(one(root, "button", "2 ignored"));
    await settle();
    expect(await problems(root)).toEqual([]);
  }, 30_000);
});

describe("a list that is taller than a browser can draw", () => {
  it("is squeezed, and its ends are reached", () => {
    const { height, shift, back } = squeezed(28 * 5_000_000, 400);
    expect(height).toBeLessThan(33e6);
    expect(shift(height - 400)).toBeCloseTo(28 * 5_000_000 - 400);
    expect(back(shift(1234))).toBeCloseTo(1234);
    expect(squeezed(2800, 400).shift(700)).toBe(700);
  });
});
