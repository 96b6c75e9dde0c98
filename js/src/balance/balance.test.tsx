import { describe, expect, it } from "vitest";
import type { Chart } from "../lib/protocol.ts";
import { fakeHost } from "../testing/fake-host.ts";
import { charts } from "../testing/samples.ts";
import { all, click, one, press, settle, show } from "../testing/show.tsx";
import { BalanceApp } from "./app.tsx";
import { queryBehind } from "./choice.ts";

async function open(shown: Chart[] = charts, filters = "") {
  const host = fakeHost({ state: { charts: shown, empty: "No conversations, so nothing to weigh." }, filters }, { charts: () => ({ charts: shown }) });
  const root = await show(BalanceApp, host);
  return { host, root };
}

const figure = (root: Element, id: string) => root.querySelector(`[data-chart=${id}]`)!;

describe("the balance charts", () => {
  it("say in a sentence what they show, with axes and labels", async () => {
    const { root } = await open();
    const words = figure(root, "reply_words");
    expect(words.textContent).toContain("Half of all replies have 64 to 180 words");
    expect(words.textContent).toContain("words a reply, 300 replies");
    expect([...words.querySelectorAll("svg text")].map((text) => text.textContent)).toEqual(expect.arrayContaining(["0", "200", "60", "words", "median 30"]));
    expect(words.querySelector("svg")?.hasAttribute("preserveAspectRatio")).toBe(false);
  });

  it("name quartiles that lie near one another in one label", async () => {
    const near = structuredClone(charts);
    const words = near[0]!;
    if (words.kind === "histogram") words.rules = [[0.2, "Q1 20"], [0.25, "median 25"], [0.3, "Q3 30"]];
    const { root } = await open(near);
    expect([...figure(root, "reply_words").querySelectorAll(".rt-rules text")].map((text) => text.textContent)).toEqual(["Q1 20 · median 25 · Q3 30"]);
    expect([...figure(root, "reply_words").querySelectorAll(".rt-rules line")].map((line) => line.classList.contains("rt-faint"))).toEqual([true, false, true]);
  });

  it("draw heights and lengths from zero", async () => {
    const { root } = await open();
    const tall = [...figure(root, "reply_words").querySelectorAll(".rt-ink")].map((bar) => Number(bar.getAttribute("height")));
    expect(tall[1]! / tall[0]!).toBeCloseTo(2);
    expect(tall[2]! / tall[0]!).toBeCloseTo(3);
    const wide = [...figure(root, "roles").querySelectorAll(".rt-ink")].map((bar) => Number(bar.getAttribute("width")));
    expect(wide[0]! / wide[1]!).toBeCloseTo(2);
  });

  it("shorten a long label and keep the whole of it at hand", async () => {
    const { root } = await open();
    const label = figure(root, "roles").querySelectorAll(".rt-bar-label")[1]!;
    expect(label.querySelector("title")?.textContent).toBe("a role with a name that is far too long to stand beside its bar");
    expect(label.lastChild?.textContent).toMatch(/…$/);
    expect(one(root, "button", /^a role with a name that is far too long/)).toBeTruthy();
  });

  it("put a chosen mark into the query and take it out again", async () => {
    const { root, host } = await open(charts, "castle");
    await click(one(root, "button", /^0 to 19 words/));
    expect(host.get("filters")).toBe("castle role:assistant words:0..19");
    await click(one(root, "button", /^20 to 39 words/));
    expect(host.get("filters")).toBe("castle role:assistant words:0..19 words:20..39");
    expect(one(root, "button", /^0 to 19 words/).getAttribute("aria-pressed")).toBe("true");
    expect(one(root, "button", /^40 to 59 words/).classList.contains("rt-dimmed")).toBe(true);
    await click(one(root, "button", /^0 to 19 words/));
    expect(host.get("filters")).toBe("castle role:assistant words:20..39");
  });

  it("are one tab stop each, with arrows between marks and Enter to choose", async () => {
    const { root, host } = await open();
    const marks = all(figure(root, "reply_words"), "button", /words: /);
    expect(marks.map((mark) => mark.getAttribute("tabindex"))).toEqual(["0", "-1", "-1"]);
    marks[0]!.focus();
    await press("ArrowRight");
    await press("ArrowRight");
    await press("ArrowRight");
    expect(document.activeElement).toBe(marks[2]);
    expect(root.querySelector(".rt-tip")?.textContent).toBe("40 to 59 words 150 replies");
    await press("Enter");
    expect(host.get("filters")).toBe("role:assistant words:40..59");
  });

  it("have a table with the same labels, numbers and choices", async () => {
    const { root, host } = await open();
    const roles = figure(root, "roles");
    await click(one(roles, "button", "as table"));
    expect(roles.querySelector("svg")).toBeNull();
    expect([...roles.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent))).toEqual([
      ["assistant", "200 · 67 %"],
      ["a role with a name that is far too long to stand beside its bar", "100 · 33 %"],
    ]);
    await click(one(roles, "button", "assistant"));
    expect(host.get("filters")).toBe("role:assistant");
    await click(one(roles, "button", "as table"));
    expect(roles.querySelector("svg")).not.toBeNull();
  });

  it("are drawn for the choice, but for the chart that it was made in", async () => {
    const { root, host } = await open();
    await click(one(root, "button", /^0 to 19 words/));
    expect(host.sent.map((request) => request.args)).toEqual([{ query: "role:assistant words:0..19" }, { query: "" }, { query: "words:0..19" }]);
    host.push("filters", "castle role:assistant words:0..19");
    await settle();
    expect(host.sent.slice(3).map((request) => request.args)).toContainEqual({ query: "castle" });
    expect(queryBehind("castle role:user", charts[1]!)).toBe("castle");
    expect(queryBehind("castle role:user", charts[0]!)).toBe("castle role:user");
  });

  it("keep their places, whichever of them has nothing to show for a choice", async () => {
    const host = fakeHost({ state: { charts }, filters: "" }, { charts: ({ query }) => ({ charts: query ? charts.slice(1) : charts }) });
    const root = await show(BalanceApp, host);
    await click(one(root, "button", /^0 to 19 words/));
    expect([...root.querySelectorAll("[data-chart]")].map((one) => one.getAttribute("data-chart"))).toEqual(["reply_words", "roles"]);
    await click(one(root, "button", "Clear"));
    host.push("filters", "castle");
    await settle();
    expect([...root.querySelectorAll("[data-chart]")].map((one) => one.getAttribute("data-chart"))).toEqual(["roles"]);
  });

  it("do not offer what cannot be chosen", async () => {
    const fixed = structuredClone(charts);
    fixed[1]!.marks[0]!.filter = null;
    const { root, host } = await open(fixed);
    const mark = one(figure(root, "roles"), "button", /^assistant/);
    expect(mark.getAttribute("aria-disabled")).toBe("true");
    await click(mark);
    expect(host.get("filters")).toBe("");
  });

  it("say so when there is nothing to draw", async () => {
    const { root } = await open([]);
    expect(root.textContent).toContain("No conversations, so nothing to weigh.");
  });
});
