import axe from "axe-core";
import { describe, expect, it } from "vitest";
import type { Chart } from "../lib/protocol.ts";
import { fakeHost } from "../testing/fake-host.ts";
import { all, click, one, press, show } from "../testing/show.tsx";
import { BalanceApp } from "./app.tsx";
import { picture } from "./picture.ts";
import { BalanceView } from "./view.tsx";

const ticks: [number, string][] = [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]];
const said = { title: "A sentence", subtitle: "what is counted" };

const stack: Chart = {
  ...said, id: "viewpoint", kind: "stack", group: "How it reads", x: { label: "share", ticks }, rows: ["Mara", "Kai"], legend: [["first", "hue-0"], ["third", "hue-1"]],
  marks: [
    { row: 0, x0: 0, x1: 0.4, value: 40, label: "Mara, first", text: "40 %, 40 replies", tone: "hue-0", filter: "viewpoint:first" },
    { row: 0, x0: 0.4, x1: 1, value: 60, label: "Mara, third", text: "60 %, 60 replies", tone: "hue-1", filter: "viewpoint:third" },
    { row: 1, x0: 0, x1: 1, value: 5, label: "Kai, third", text: "100 %, 5 replies", tone: "hue-1", filter: "" },
  ],
};
const heat: Chart = {
  ...said, id: "speaker_viewpoint", kind: "heat", group: "How it reads", x: { label: "point of view" }, y: { label: "speaker" }, rows: ["Mara", "Kai"], columns: ["first", "third"],
  marks: [0, 1, 2, 3].map((at) => ({ row: at >> 1, column: at & 1, depth: at / 3, value: at, label: `cell ${at}`, text: `${at} %, ${at} replies`, filter: `a:${at}` })),
};
const spectrum: Chart = {
  ...said, id: "dialogue", kind: "spectrum", group: "Who speaks", x: { label: "share", ticks }, ends: ["narration", "dialogue"],
  marks: [
    { at: 0.5, from: 0.2, to: 0.8, value: 50, label: "Mara", text: "50 %, 40 replies", filter: "speaker:Mara" },
    { at: 0.1, from: 0, to: 0.3, value: 10, label: "Kai", text: "10 %, 20 replies", filter: "speaker:Kai" },
  ],
};
const multiples: Chart = {
  ...said, id: "words_by_role", kind: "multiples", group: "Who speaks", x: { label: "words", ticks: [[0, "0"], [1, "40"]] }, y: { label: "turns", ticks: [[0, "0"], [1, "10"]] },
  panels: [{ label: "user", rules: [[0.2, "median 8"]] }, { label: "assistant", rules: [] }],
  marks: [0, 1, 2, 3].map((at) => ({ panel: at >> 1, x0: (at & 1) / 2, x1: ((at & 1) + 1) / 2, height: 0.5, value: 5, label: `bin ${at}`, text: "5 turns", filter: `words:${at}` })),
};
const phrases: Chart = {
  ...said, id: "openings", kind: "phrases", group: "Habits", x: { label: "replies" },
  marks: [{ label: "She smiled and", length: 1, value: 12, text: "12 replies, 6 %", filter: "opening:x", lines: [{ before: "", phrase: "She smiled and", after: " looked away.", key: "0:3", turn: 2 }] }],
};
const every = [stack, heat, spectrum, multiples, phrases];

async function open(shown = every) {
  const host = fakeHost({ state: { charts: shown }, filters: "" }, { charts: () => ({ charts: shown }) });
  return { host, root: await show(BalanceApp, host) };
}

const figure = (root: Element, id: string) => root.querySelector(`[data-chart=${id}]`)!;

describe("the kinds of charts", () => {
  it("stand under headings, and have nothing that axe finds", { timeout: 30_000 }, async () => {
    const { root } = await open();
    expect([...root.querySelectorAll("h3")].map((one) => one.textContent)).toEqual(["How it reads", "Who speaks", "Habits"]);
    const { violations } = await axe.run(root, { rules: { "color-contrast": { enabled: false } } });
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  });

  it("each put the chosen mark into the query", async () => {
    const { root, host } = await open();
    for (const [name, filter] of [[/^Mara, first/, "viewpoint:first"], [/^cell 3/, "a:3"], [/^Kai: 10 %/, "speaker:Kai"], [/^bin 2/, "words:2"], ["She smiled and", "opening:x"]] as const) {
      await click(one(root, "button", name));
      expect(host.get("filters").split(" ")).toContain(filter);
    }
  });

  it("part a stacked row by shares and write a share where it has room", async () => {
    const { root } = await open();
    const wide = [...figure(root, "viewpoint").querySelectorAll(".rt-ink")].map((bar) => Number(bar.getAttribute("width")));
    expect(wide[1]! / wide[0]!).toBeCloseTo(1.5, 1);
    expect(figure(root, "viewpoint").querySelector(".rt-legend")?.textContent).toBe("firstthird");
    expect([...figure(root, "viewpoint").querySelectorAll(".rt-on-ink")].map((text) => text.textContent)).toEqual(["40 %", "60 %", "100 %"]);
  });

  it("go through a table of cells in both directions", async () => {
    const { root } = await open();
    const cells = all(figure(root, "speaker_viewpoint"), "button", /^cell/);
    cells[0]!.focus();
    await press("ArrowDown");
    expect(document.activeElement).toBe(cells[2]);
    await press("ArrowRight");
    expect(document.activeElement).toBe(cells[3]);
    await press("ArrowUp");
    expect(document.activeElement).toBe(cells[1]);
    const depth = [...figure(root, "speaker_viewpoint").querySelectorAll<SVGElement>(".rt-cell")].map((cell) => Number(cell.style.fillOpacity));
    expect(depth).toEqual([...depth].sort((a, b) => a - b));
  });

  it("name both ends of a spectrum", async () => {
    const { root } = await open();
    expect(figure(root, "dialogue").textContent).toContain("← narration");
    expect(figure(root, "dialogue").textContent).toContain("dialogue →");
  });

  it("show a phrase in its place, which can be opened where there is a thread", async () => {
    const { root } = await open();
    expect(figure(root, "openings").querySelector(".rt-context")?.textContent).toBe("She smiled and looked away.");
    expect(figure(root, "openings").querySelector("button.rt-context")).toBeNull();
    const went: unknown[] = [];
    const App = () => <BalanceView charts={[phrases]} query="" empty="" busy={false} onQuery={() => {}} onOpen={(line) => went.push([line.key, line.turn])} />;
    const panel = await show(App, fakeHost({}));
    await click(panel.querySelector("button.rt-context"));
    expect(went).toEqual([["0:3", 2]]);
  });

  it("have a table each", async () => {
    const { root } = await open();
    for (const chart of every) {
      const own = figure(root, chart.id);
      await click(one(own, "button", "as table"));
      expect([...own.querySelectorAll("tbody th")].map((cell) => cell.textContent)).toEqual(chart.marks.map((mark) => mark.label));
    }
  });

  it("can be saved as one picture that needs no style sheet", async () => {
    const { root } = await open();
    const drawings = [...figure(root, "words_by_role").querySelectorAll("svg")];
    const text = picture(drawings, "A & B");
    const file = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    expect(file.querySelector("title")?.textContent).toBe("A & B");
    expect(file.querySelectorAll("svg")).toHaveLength(2);
    expect(text).not.toMatch(/class=|tabindex|aria-|rt-/);
    expect(file.querySelector("rect")?.hasAttribute("fill")).toBe(true);
    expect(Number(file.getAttribute("height"))).toBe(drawings.reduce((sum, one) => sum + Number(one.getAttribute("height")), 0));
  });

  it("save a list of phrases as bars, and leave nothing of them in the page", async () => {
    const { root } = await open();
    const saved: Blob[] = [];
    const { createObjectURL, revokeObjectURL } = URL;
    Object.assign(URL, { createObjectURL: (blob: Blob) => String(saved.push(blob)), revokeObjectURL: () => {} });
    await click(one(figure(root, "openings"), "button", /SVG/));
    Object.assign(URL, { createObjectURL, revokeObjectURL });
    const reader = new FileReader();
    const text = new Promise<string>((done) => reader.addEventListener("load", () => done(String(reader.result))));
    reader.readAsText(saved[0]!);
    const file = new DOMParser().parseFromString(await text, "image/svg+xml").documentElement;
    expect(file.textContent).toContain("She smiled and");
    expect(file.textContent).toContain("12 replies, 6 %");
    expect(file.querySelectorAll("rect")).toHaveLength(1);
    expect(figure(root, "openings").querySelector("svg")).toBeNull();
  });

  it("say the choice as a line of Python", async () => {
    const { root } = await open();
    await click(one(root, "button", /^Mara, first/));
    expect(one(root, "button", "Copy as Python").title).toBe('ds.where("viewpoint:first")');
  });
});
