import axe from "axe-core";
import { describe, expect, it, vi } from "vitest";
import { fakeHost, type Answers } from "../testing/fake-host.ts";
import { issue, thread, turn } from "../testing/samples.ts";
import { all, click, one, press, settle, show, type } from "../testing/show.tsx";
import type { Thread } from "../lib/protocol.ts";
import { readSelection } from "../lib/protocol.ts";
import { joined } from "./blocks.ts";
import { rangeOf } from "./highlight.ts";
import { search } from "./search.ts";
import { ThreadApp } from "./app.tsx";

// jsdom lays nothing out.
Range.prototype.getBoundingClientRect ??= () => document.body.getBoundingClientRect();

async function open(shown: Thread | null, { selection = {}, answers = {} }: { selection?: object; answers?: Answers } = {}) {
  const host = fakeHost({ state: { thread: shown, empty: "Nothing is open." }, selection }, answers);
  const root = await show(ThreadApp, host);
  return { host, root };
}

const marked = thread(
  [
    turn(0, "You are Captain Mara.", { role: "system", role_raw: "system", speaker: null, hue: null }),
    turn(1, "Where does the river go?"),
    turn(2, [["She smiled and ", []], ["As an AI", [0, 1]], [" laughed.", []]], { issues: [0, 1, 2] }),
    turn(3, [["twice ", []], ["twice", [3]]]),
  ],
  [
    issue(40, 2),
    issue(41, 2, { severity: "error", code: "leak.control_token" }),
    issue(42, 2, { severity: "info", code: "text.whitespace", repair: "safe", before: "laughed.  ", after: "laughed." }),
    issue(43, 3, { severity: "info" }),
    issue(39, null, { code: "order.no_system", message: "No system prompt" }),
  ],
);

describe("a thread", () => {
  it("lists its turns as articles that say number, role and speaker", async () => {
    const { root } = await open(marked);
    expect(all(root, "article").map((article) => article.getAttribute("aria-label"))).toEqual([
      "turn 0, system",
      "turn 1, user, Kai",
      "turn 2, assistant, Mara",
      "turn 3, user, Kai",
    ]);
    expect(root.querySelector("header")?.textContent).toContain("#17");
    expect(root.querySelector("header")?.textContent).toContain("messages · line 18 · 4 turns");
  });

  it("says what would be here when no conversation is open", async () => {
    const { root } = await open(null);
    expect(root.textContent).toContain("Nothing is open.");
  });

  it("marks a segment once, by the worst of its findings", async () => {
    const { root } = await open(marked);
    const marks = [...root.querySelectorAll("mark")];
    expect(marks.map((mark) => mark.textContent)).toEqual(["As an AI", "twice"]);
    expect(marks[0]?.classList.contains("rt-error")).toBe(true);
    expect(marks[0]?.dataset.found).toBe("40 41");
  });

  it("tells of all findings of a mark when it is pointed at or focused", async () => {
    const { root } = await open(marked);
    const bubble = one(root, "tooltip");
    expect(bubble.hidden).toBe(true);
    const mark = root.querySelector("mark")!;
    mark.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
    await settle();
    expect(bubble.hidden).toBe(false);
    expect(bubble.textContent).toContain("reply.meta Finding 40");
    expect(bubble.textContent).toContain("leak.control_token Finding 41");
    root.querySelector(".rt-thread-box")!.dispatchEvent(new MouseEvent("mouseleave"));
    await settle();
    expect(bubble.hidden).toBe(true);
    mark.focus();
    await settle();
    expect(bubble.hidden).toBe(false);
    expect(mark.getAttribute("aria-describedby")).toBe(bubble.id);
  });

  it("shows findings without a place in the text under their turn, and those of the whole on top", async () => {
    const { root } = await open(marked);
    const article = one(root, "article", /turn 2/);
    expect(article.textContent).toContain("text.whitespace");
    expect(article.textContent).not.toContain("Finding 40");
    expect(root.querySelector(".rt-whole")?.textContent).toContain("No system prompt");
  });

  it("shows what a repair would do, with its blanks", async () => {
    const { root } = await open(marked);
    const lines = [...one(root, "article", /turn 2/).querySelectorAll(".rt-diff-line")].map((line) => line.textContent);
    expect(lines).toEqual(["−before: laughed.  ", "+after: laughed."]);
    expect([...root.querySelectorAll(".rt-diff-before i")].map((sign) => sign.getAttribute("data-sign"))).toEqual(["·", "·"]);
  });

  it("goes through its findings in reading order with j and k and with its buttons", async () => {
    const { root, host } = await open(marked);
    const frame = root.querySelector<HTMLElement>(".rt-frame")!;
    const places: unknown[] = [];
    for (let at = 0; at < 6; at++) {
      await press("j", frame);
      places.push(readSelection(host.get("selection")).n);
    }
    expect(places).toEqual([39, 42, 40, 41, 43, 43]);
    expect(root.textContent).toContain("5 of 5");
    await press("k", frame);
    expect(readSelection(host.get("selection"))).toEqual({ key: "0:17", turn: 2, n: 41 });
    await click(one(root, "button", /next finding/));
    expect(readSelection(host.get("selection")).n).toBe(43);
    expect(root.querySelector("[data-live]")?.textContent).toBe("Finding 5 of 5: Finding 43");
  });

  it("opens the finding line of the selected finding and marks its turn", async () => {
    const { root } = await open(marked, { selection: { key: "0:17", turn: 2, n: 40 } });
    const article = one(root, "article", /turn 2/);
    expect(article.getAttribute("aria-current")).toBe("true");
    expect(article.querySelector("[data-finding='40']")?.textContent).toContain("Finding 40");
    expect(article.hasAttribute("data-flash")).toBe(true);
  });

  it("selects a finding when its mark is clicked or entered", async () => {
    const { root, host } = await open(marked);
    await click(root.querySelectorAll("mark")[1]);
    expect(readSelection(host.get("selection"))).toEqual({ key: "0:17", turn: 3, n: 43 });
    await press("Enter", root.querySelector("mark"));
    expect(readSelection(host.get("selection")).n).toBe(40);
  });

  it("goes through the findings of one mark, and says how many there are", async () => {
    const { root, host } = await open(marked);
    const mark = root.querySelector("mark");
    expect(mark?.getAttribute("data-several")).toBe("2");
    const numbers: unknown[] = [];
    for (let at = 0; at < 3; at++) {
      await press("Enter", mark);
      numbers.push(readSelection(host.get("selection")).n);
    }
    expect(numbers).toEqual([40, 41, 40]);
    expect(one(root, "article", /turn 2/).querySelector("[data-finding='40']")).toBeTruthy();
  });

  it("scrolls its own box to the selection and never the page", async () => {
    const page = vi.spyOn(Element.prototype, "scrollIntoView");
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
      const top = this.matches("mark[data-found~='43']") ? 900 : 0;
      return { top, bottom: top + 20, height: this.matches(".rt-thread-box") ? 400 : 20, left: 0, right: 0, width: 0, x: 0, y: top, toJSON() {} };
    });
    const { root } = await open(marked, { selection: { key: "0:17", turn: 3, n: 43 } });
    expect(root.querySelector(".rt-thread-box")!.scrollTop).toBeGreaterThan(0);
    expect(page).not.toHaveBeenCalled();
  });

  it("waits for a box that has no size yet, and is called off by a reader who scrolls", async () => {
    const observers: (() => void)[] = [];
    vi.stubGlobal(
      "ResizeObserver",
      class {
        constructor(call: () => void) {
          observers.push(call);
        }
        observe() {}
        disconnect() {}
      },
    );
    let tall = 0;
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
      const top = tall && this.matches("mark[data-found~='43']") ? 900 : 0;
      const height = this.matches(".rt-thread-box") ? tall : 20;
      return { top, bottom: top + height, height, left: 0, right: 0, width: 0, x: 0, y: top, toJSON() {} };
    });
    const { root } = await open(marked, { selection: { key: "0:17", turn: 3, n: 43 } });
    const box = root.querySelector(".rt-thread-box")!;
    expect(box.scrollTop).toBe(0);
    tall = 400;
    observers.forEach((call) => call());
    expect(box.scrollTop).toBeGreaterThan(0);
    box.dispatchEvent(new Event("wheel"));
    box.scrollTop = 5;
    await settle(30);
    expect(box.scrollTop).toBe(5);
    vi.unstubAllGlobals();
  });
});

describe("a long turn", () => {
  const words = Array.from({ length: 400 }, (_, at) => `word${at}`);
  const text = words.join(" ");
  const long = thread([turn(0, [[text.slice(0, 2000), []], [text.slice(2000, 2010), [0]], [text.slice(2010), []]])], [issue(7, 0)]);

  const rest = (root: HTMLElement) => root.querySelector<HTMLElement>(".rt-rest")!;

  it("is folded and says how many words are left", async () => {
    const { root } = await open(long);
    const button = one(root, "button", /more words/);
    const shown = (text.length - rest(root).textContent!.length) && text.slice(0, text.length - rest(root).textContent!.length).trim().split(/\s+/).length;
    expect(button.textContent).toBe(`${400 - shown} more words`);
    expect(rest(root).hidden).toBeTruthy();
    await click(button);
    expect(rest(root).hidden).toBe(false);
    await click(one(root, "button", "Fold"));
    expect(rest(root).hidden).toBeTruthy();
  });

  it("is in the page as a whole, and opens when the browser finds something in it", async () => {
    const { root } = await open(long);
    expect(root.querySelector(".rt-text")!.textContent).toBe(text);
    rest(root).dispatchEvent(new Event("beforematch", { bubbles: true }));
    await settle();
    expect(rest(root).hidden).toBe(false);
  });

  it("unfolds when the selected finding lies behind the fold", async () => {
    const { root } = await open(long, { selection: { key: "0:17", turn: 0, n: 7 } });
    expect(root.querySelector("mark")?.classList.contains("rt-on")).toBe(true);
  });

  it("is scrolled to the mark that only comes with the unfolding", async () => {
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
      const box = this.matches(".rt-thread-box");
      const top = this.matches("mark") ? 3000 - this.closest(".rt-thread-box")!.scrollTop : 0;
      const height = box ? 400 : 20;
      return { top, bottom: top + height, height, left: 0, right: 0, width: 0, x: 0, y: top, toJSON() {} };
    });
    const { root } = await open(long, { selection: { key: "0:17", turn: 0, n: 7 } });
    await settle(30);
    expect(root.querySelector(".rt-thread-box")!.scrollTop).toBe(3000 - 120);
  });

  it("unfolds and folds with all others by the key f", async () => {
    const { root } = await open(long);
    const frame = root.querySelector(".rt-frame");
    await press("f", frame);
    expect(rest(root).hidden).toBe(false);
    await press("f", frame);
    expect(rest(root).hidden).toBeTruthy();
  });

  it("is not cut inside a pair of surrogates", async () => {
    const { root } = await open(thread([turn(0, "😀".repeat(600))]));
    expect(rest(root).textContent).not.toMatch(/^[\udc00-\udfff]/);
    expect(one(root, "button", /more characters/)).toBeTruthy();
  });
});

describe("literal text", () => {
  it("shows signs for what cannot be seen when w is pressed, and the text stays what it is", async () => {
    const literal = "a b\tc\nd\u00a0e\u200bf\u202eg<|im_end|>";
    const { root } = await open(thread([turn(0, literal)]));
    const text = root.querySelector(".rt-text")!;
    await press("w", root.querySelector(".rt-frame"));
    const signs = [...text.querySelectorAll("i")].map((sign) => sign.getAttribute("data-sign"));
    expect(signs).toEqual(["·", "→", "↵", "⍽", "U+200B", "U+202E"]);
    expect(text.querySelector(".rt-control")?.textContent).toBe("<|im_end|>");
    // The signs are no text: what is copied or found is the text itself.
    expect(text.textContent).toBe(literal);
    expect(one(root, "switch", "White space").getAttribute("aria-checked")).toBe("true");
  });

  it("shows a mark that would otherwise be invisible", async () => {
    const { root } = await open(thread([turn(0, [["river", []], ["\u200b", [0]], ["bank", []]])], [issue(1, 0)]));
    expect(root.querySelector("mark i")?.getAttribute("data-sign")).toBe("U+200B");
    expect(root.querySelector("mark")?.getAttribute("aria-label")).toBe("blank");
  });

  it("never becomes markup", async () => {
    const hostile = `<img src=x onerror="window.broken=1"><script>window.broken=1</script><b>bold</b>`;
    const evil = thread(
      [
        turn(0, [[hostile, [0]]], {
          speaker: hostile,
          initials: hostile,
          note: hostile,
          extra: [[hostile, hostile]],
          role: null,
          role_raw: hostile,
          reasoning: [[hostile, hostile]],
          calls: [{ name: hostile, id: hostile, arguments: hostile, answer: null, rest: hostile }],
          results: [{ name: hostile, id: hostile, call: null, text: hostile }],
          parts: [{ type: hostile, facts: [hostile], where: "javascript:alert(1)" }],
        }),
      ],
      [issue(1, 0, { message: hostile, code: hostile, before: hostile, after: hostile })],
      { title: hostile, id: hostile, format: hostile },
    );
    const { root } = await open(evil, { selection: { key: "0:17", turn: 0, n: 1 } });
    expect(root.querySelector("img, script, a, audio, video, iframe, [src], [href]")).toBeNull();
    expect(root.querySelector(".rt-text")!.textContent).toBe(hostile);
    expect([...root.querySelectorAll("b")].every((bold) => bold.textContent !== "bold")).toBe(true);
    expect((window as never as { broken?: number }).broken).toBeUndefined();
  });
});

describe("right-to-left text", () => {
  it("reads from the right while the frame stays as it is", async () => {
    const { root } = await open(thread([turn(0, [["أين يصب ", []], ["النهر", [0]]], { dir: "rtl" }), turn(1, "South.")], [issue(1, 0)]));
    const [first, second] = root.querySelectorAll(".rt-text");
    expect(first?.getAttribute("dir")).toBe("rtl");
    expect(second?.getAttribute("dir")).toBe("ltr");
    expect(first?.querySelector("mark")?.textContent).toBe("النهر");
    expect(one(root, "article", /turn 0/).hasAttribute("dir")).toBe(false);
  });
});

describe("a conversation of many turns", () => {
  const block = (from: number, count: number, total = 450) =>
    thread(
      Array.from({ length: count }, (_, at) => turn(from + at, [[`text ${from + at}`, at === 5 ? [0] : []]])),
      [issue(1000 + from, from + 5)],
      { from, turn_count: total, finding_count: 3 },
    );
  const answers = (most: number, total = 450): Answers => ({ conversation: ({ from, count }) => block(from, Math.min(count, most, total - from), total) });
  const whole = async (root: HTMLElement, count: number) => {
    for (let round = 0; round < 60 && all(root, "article").length < count; round++) await settle(20);
    return all(root, "article");
  };

  it("opens with its first page, and the rest comes by itself", async () => {
    const { root, host } = await open(block(0, 200), { answers: answers(100) });
    expect(all(root, "article").length).toBeGreaterThanOrEqual(150);
    const articles = await whole(root, 450);
    expect(articles.map((article) => article.dataset.turn)).toEqual(Array.from({ length: 450 }, (_, at) => String(at)));
    expect(articles.at(-1)?.getAttribute("aria-posinset")).toBe("450");
    expect(articles.at(-1)?.getAttribute("aria-setsize")).toBe("450");
    expect(host.sent.map(({ args }) => (args as { from: number }).from)).toEqual([200, 300, 400]);
    expect(all(root, "button", /Show/)).toHaveLength(0);
  });

  it("says how many turns are still on the way", async () => {
    const host = fakeHost({ state: { thread: block(0, 200) } }, answers(1000));
    host.busy = true;
    const root = await show(ThreadApp, host);
    expect(root.textContent).toContain("250 turns to come");
    host.reply(host.sent[0]!);
    expect(await whole(root, 450)).toHaveLength(450);
    expect(root.textContent).not.toContain("to come");
  });

  it("offers what does not come by itself, and says why it cannot be had", async () => {
    const { root } = await open(block(0, 200));
    await settle(20);
    expect(all(root, "alert")).toHaveLength(0);
    await click(one(root, "button", /Show next 200 turns of 250 left/));
    expect(one(root, "alert").textContent).toContain("Nothing answers conversation.");
  });

  it("opens at a turn in its middle, with the turns before it; too long a one does not come whole by itself", async () => {
    const { root, host } = await open(block(0, 200, 20_000), { answers: answers(200, 20_000) });
    host.push("selection", { key: "0:17", turn: 4405, n: null });
    await settle(30);
    expect(host.sent.some(({ args }) => (args as { from: number }).from === 4385)).toBe(true);
    expect(one(root, "article", /turn 4405/).getAttribute("aria-current")).toBe("true");
    expect(one(root, "article", /turn 4390,/)).toBeTruthy();
    expect(one(root, "button", /Show previous 200 turns/)).toBeTruthy();
  });

  it("keeps what is drawn when a block is joined to it, before or after", () => {
    const first = block(200, 100);
    const after = joined(first, block(300, 100))!;
    const both = joined(after, block(100, 100))!;
    expect([both.from, both.turns.length]).toEqual([100, 300]);
    expect(both.issues).toBe(first.issues);
    expect(both.turns[105]).toBe(first.turns[5]);
    expect(both.issues.map((one) => one.n)).toEqual([1200, 1300, 1100]);
    expect(both.turns.map((one) => one.segments[0]?.[1]).filter((marks) => marks?.length)).toEqual([[2], [0], [1]]);
    expect(joined(first, block(400, 50))).toBeNull();
  });

  it("steps from turn to turn with J and K", async () => {
    const { root, host } = await open(block(0, 200), { answers: answers(1000) });
    const frame = root.querySelector(".rt-frame");
    for (const key of ["J", "J", "J", "K"]) await press(key, frame);
    expect(readSelection(host.get("selection"))).toEqual({ key: "0:17", turn: 1, n: null });
    expect(one(root, "article", /turn 1,/).getAttribute("aria-current")).toBe("true");
  });
});

describe("search in the conversation", () => {
  const texts = thread([
    turn(0, "The river runs south."),
    turn(1, [["Which RIVER? ", []], ["River", [0]], ["s run.", []]], { calls: [{ name: "map", id: null, arguments: '{"of": "river"}', answer: null }] }),
    turn(2, "No. (a+b)*"),
  ], [issue(1, 1)]);
  const find = async (root: HTMLElement, wanted: string) => {
    await press("/", root.querySelector(".rt-frame"));
    const field = one(root, "searchbox", /find in this conversation/) as HTMLInputElement;
    await type(field, wanted);
    await settle(20);
    return field;
  };

  it("opens with / and takes the focus; Escape closes it and stays in the thread", async () => {
    const { root } = await open(texts);
    const field = await find(root, "river");
    field.focus();
    const event = await press("Escape", field);
    expect(event.defaultPrevented).toBe(true);
    expect(all(root, "search")).toHaveLength(0);
    expect(document.activeElement?.className).toBe("rt-thread-box");
  });

  it("counts what it finds, whatever its case and across marks, and goes round with Enter and Shift+Enter", async () => {
    const { root } = await open(texts);
    const field = await find(root, "river");
    const count = () => one(root, "search").querySelector("[role=status]")?.textContent;
    expect(count()).toBe("1 of 4");
    await press("Enter", field);
    await press("Enter", field);
    await press("Enter", field);
    expect(count()).toBe("4 of 4");
    expect(root.querySelector("details")?.open).toBe(true);
    await press("Enter", field);
    expect(count()).toBe("1 of 4");
    await press("Enter", field, { shiftKey: true });
    expect(count()).toBe("4 of 4");
    await type(field, "which river? rivers");
    await settle();
    expect(count()).toBe("1 of 1");
    await type(field, "(a+b)*");
    await settle();
    expect(count()).toBe("1 of 1");
    await type(field, "sea");
    await settle();
    expect(count()).toBe("0 of 0");
  });

  it("knows the place of a match in the page, across the pieces of a text", async () => {
    const { root } = await open(texts);
    await press("w", root.querySelector(".rt-frame"));
    const [match] = search(texts.turns, "RIVER? rivers");
    expect(rangeOf(root, match!)?.toString()).toBe("RIVER? Rivers");
  });
});

describe("copying", () => {
  const text = thread([turn(0, "Aye."), turn(1, "Where?")]);

  it("puts what Python writes into the clipboard, for a turn or the whole conversation", async () => {
    const written: string[] = [];
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText: async (said: string) => void written.push(said) } });
    const { root, host } = await open(text, { answers: { copy: ({ turn, form }) => ({ text: `${form} of ${turn}` }) } });
    await click(one(one(root, "group", /copy the conversation/), "button", "copy as JSON"));
    await click(one(root, "button", /turn 1, actions/));
    await click(one(one(root, "group", "turn 1"), "button", "copy as Markdown"));
    expect(written).toEqual(["json of null", "markdown of 1"]);
    expect(one(root, "group", "turn 1").textContent).toContain("copied");
    expect(host.sent.map(({ args }) => args)).toEqual([
      { key: "0:17", turn: null, form: "json" },
      { key: "0:17", turn: 1, form: "markdown" },
    ]);
    vi.unstubAllGlobals();
  });

  it("says that it copied until something else is copied or another conversation is shown", async () => {
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText: async () => undefined } });
    let refuses = false;
    const answers: Answers = { copy: () => (refuses ? new Error("No such turn.") : { text: "" }) };
    const { root, host } = await open(text, { answers });
    const row = () => one(root, "group", /copy the conversation/).textContent;
    vi.useFakeTimers({ shouldAdvanceTime: true });
    await click(one(root, "button", "copy as JSON"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(row()).toContain("copied");
    refuses = true;
    await click(one(root, "button", "copy as JSON"));
    expect(row()).not.toContain("copied");
    refuses = false;
    await click(one(root, "button", "copy as JSON"));
    expect(row()).toContain("copied");
    host.push("state", { thread: { ...text, key: "0:18" }, empty: "" });
    await settle();
    expect(row()).not.toContain("copied");
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("takes the old way where the new one is missing, and says when there is none", async () => {
    vi.stubGlobal("navigator", { ...navigator, clipboard: undefined });
    let taken = "";
    document.execCommand = () => {
      taken = (document.activeElement as HTMLTextAreaElement).value;
      return taken === "json";
    };
    const { root } = await open(text, { answers: { copy: ({ form }) => ({ text: form }) } });
    await click(one(root, "button", "copy as JSON"));
    expect(taken).toBe("json");
    expect(root.textContent).toContain("copied");
    await click(one(root, "button", "copy as Markdown"));
    expect(root.textContent).toContain("The clipboard is closed.");
    expect(document.querySelector("body > textarea")).toBeNull();
    vi.unstubAllGlobals();
  });

  it("says why a copy cannot be had", async () => {
    const { root } = await open(text);
    await click(one(root, "button", "copy as JSON"));
    expect(root.textContent).toContain("Nothing answers copy.");
  });
});

describe("what a turn holds besides text", () => {
  const called = thread([
    turn(0, [], {
      kind: "call",
      reasoning: [["reasoning_content", "Two calls."]],
      calls: [
        { name: "tide", id: "call_a", arguments: '{\n  "day": 3\n}', answer: 1 },
        { name: null, id: null, arguments: "no json", answer: null },
      ],
      extra: [["weight", "0"]],
    }),
    turn(1, "3.2", { role: "tool", kind: "result", speaker: null, results: [{ name: "tide", id: "call_a", call: 0, text: null }] }),
    turn(2, [["<think>\nHm.\n</think>\n", []], ["High ", []], ["water", [0]]], { thought: 1, tokens: 12, quoted: 40, initials: "M" }),
    turn(3, [], { kind: "parts", parts: [{ type: "image_url", facts: ["image/png", "12 kB"], where: "https://harbour.example/a.png" }] }),
    turn(4, []),
  ], [issue(1, 2)]);

  it("shows calls with their arguments as they are written, folded one by one, joined to their results", async () => {
    const { root } = await open(called);
    const call = one(root, "article", /turn 0/).querySelector(".rt-call")!;
    expect(call.querySelector("details")!.open).toBe(false);
    expect(call.querySelector("pre")!.textContent).toBe('{\n  "day": 3\n}');
    expect(call.querySelector("code")!.textContent).toBe("call_a");
    expect(one(call, "button").textContent).toBe("result in turn 1");
    const result = one(root, "article", /turn 1/);
    expect(result.classList.contains("rt-joined")).toBe(true);
    expect(result.textContent).toContain("result of tide");
    expect(result.querySelector("code")!.textContent).toBe("call_a");
    expect(one(result, "button", "call in turn 0")).toBeTruthy();
    expect(one(root, "article", /turn 0/).textContent).toContain("no function name");
  });

  it("folds reasoning, beside the text and at its beginning, and unfolds it with all others", async () => {
    const { root } = await open(called);
    const details = [...root.querySelectorAll("details")].filter((one) => one.querySelector("summary")!.textContent!.startsWith("Reasoning"));
    expect(details.map((one) => [one.open, one.querySelector("[data-field]")!.textContent])).toEqual([
      [false, "Two calls."],
      [false, "<think>\nHm.\n</think>\n"],
    ]);
    expect(root.querySelector("[data-field=text]:has(mark)")?.textContent).toBe("High water");
    await press("f", root.querySelector(".rt-frame"));
    expect(details.every((one) => one.open)).toBe(true);
  });

  it("shows parts that are no text as their type, size and address, and fetches nothing", async () => {
    const { root } = await open(called);
    expect(one(root, "article", /turn 3/).querySelector(".rt-part")?.textContent).toBe("image_url image/png · 12 kBhttps://harbour.example/a.png");
    expect(root.querySelector("img, a, [src]")).toBeNull();
    expect(one(root, "article", /turn 4/).textContent).toContain("no text");
  });

  it("tells words, tokens and quoted speech of a turn, and which of them are estimated", async () => {
    const { root } = await open(called);
    const numbers = () => [...one(root, "article", /turn 2/).querySelectorAll(".rt-numbers > span")].map((cell) => cell.textContent!.trim());
    expect(numbers()).toEqual(["5 words", "≈ 12 tokens", "40 % quoted"]);
    const exact = await open({ ...called, exact: true, counted_by: "Qwen2" });
    expect(one(exact.root, "article", /turn 2/).textContent).toContain("12 tokens");
    expect(exact.root.textContent).not.toContain("≈");
  });

  it("gives a speaker a colour and initials, which a screen reader need not hear", async () => {
    const { root } = await open(called);
    const initials = root.querySelector<HTMLElement>(".rt-initials")!;
    expect(initials.textContent).toBe("M");
    expect(initials.getAttribute("aria-hidden")).toBe("true");
    expect(initials.parentElement!.style.color).toBe("var(--rt-hue-0)");
  });

  it("keeps other keys folded away", async () => {
    const { root } = await open(called);
    const details = [...root.querySelectorAll("details")].find((one) => one.textContent!.startsWith("weight"))!;
    expect([details.open, details.textContent]).toEqual([false, "weight 0"]);
  });

  it.each(["folded", "unfolded"])("axe finds nothing when it is %s", async (how) => {
    const { root } = await open(called, { selection: { key: "0:17", turn: 0 } });
    await press("/", root.querySelector(".rt-frame"));
    if (how === "unfolded") await press("f", root.querySelector(".rt-frame"));
    const { violations } = await axe.run(root, { rules: { "color-contrast": { enabled: false } } });
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  }, 120_000);
});
