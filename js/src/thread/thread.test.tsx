import { describe, expect, it, vi } from "vitest";
import { fakeHost, type Answers } from "../testing/fake-host.ts";
import { issue, thread, turn } from "../testing/samples.ts";
import { all, click, one, press, settle, show } from "../testing/show.tsx";
import type { Thread } from "../lib/protocol.ts";
import { readSelection } from "../lib/protocol.ts";
import { joined } from "./blocks.ts";
import { ThreadApp } from "./app.tsx";

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
    expect(lines).toEqual(["−before: laughed.· · ", "+after: laughed."]);
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

  it("is folded and says how many words are left", async () => {
    const { root } = await open(long);
    const button = one(root, "button", /more words/);
    const shown = root.querySelector(".rt-text")!.textContent!.replace("…", "").trim().split(/\s+/).length;
    expect(button.textContent).toBe(`${400 - shown} more words`);
    expect(root.querySelector("mark")).toBeNull();
    await click(button);
    expect(root.querySelector(".rt-text")!.textContent).toBe(text);
    await click(one(root, "button", "Fold"));
    expect(root.querySelector(".rt-text")!.textContent).not.toBe(text);
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
    expect(root.querySelector(".rt-text")!.textContent).toBe(text);
    await press("f", frame);
    expect(root.querySelector(".rt-text")!.textContent).not.toBe(text);
  });

  it("is not cut inside a pair of surrogates", async () => {
    const { root } = await open(thread([turn(0, "😀".repeat(600))]));
    expect(root.querySelector(".rt-text")!.textContent).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
    expect(one(root, "button", /more characters/)).toBeTruthy();
  });
});

describe("literal text", () => {
  it("shows signs for what cannot be seen when w is pressed, and leaves control strings as they are", async () => {
    const { root } = await open(thread([turn(0, "a b\tc\nd\u00a0e\u200bf<|im_end|>")]));
    const text = root.querySelector(".rt-text")!;
    expect(text.textContent).toBe("a b\tc\nd\u00a0e\u200bf<|im_end|>");
    await press("w", root.querySelector(".rt-frame"));
    expect([...text.querySelectorAll("i")].map((sign) => sign.textContent)).toEqual(["·", "→", "↵", "⍽", "U+200B"]);
    expect(text.textContent).toContain("<|im_end|>");
    expect(one(root, "switch", "White space").getAttribute("aria-checked")).toBe("true");
  });

  it("shows a mark that would otherwise be invisible", async () => {
    const { root } = await open(thread([turn(0, [["river", []], ["\u200b", [0]], ["bank", []]])], [issue(1, 0)]));
    expect(root.querySelector("mark i")?.textContent).toBe("U+200B");
  });

  it("never becomes markup", async () => {
    const hostile = `<img src=x onerror="window.broken=1"><script>window.broken=1</script><b>bold</b>`;
    const evil = thread(
      [turn(0, [[hostile, [0]]], { speaker: hostile, note: hostile, extra: [[hostile, hostile]], role: null, role_raw: hostile })],
      [issue(1, 0, { message: hostile, code: hostile, before: hostile, after: hostile })],
      { title: hostile, id: hostile, format: hostile },
    );
    const { root } = await open(evil, { selection: { key: "0:17", turn: 0, n: 1 } });
    expect(root.querySelector("img, script")).toBeNull();
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
  const block = (from: number, count: number) =>
    thread(
      Array.from({ length: count }, (_, at) => turn(from + at, [[`text ${from + at}`, at === 5 ? [0] : []]])),
      [issue(1000 + from, from + 5)],
      { from, turn_count: 450 },
    );

  it("is shown in blocks of 200, and more comes on request", async () => {
    const { root, host } = await open(block(0, 200), { answers: { conversation: ({ from, count }) => block(from, Math.min(count, 450 - from)) } });
    expect(all(root, "article")).toHaveLength(200);
    await click(one(root, "button", /Show next 200 turns/));
    expect(host.sent.at(-1)).toMatchObject({ name: "conversation", args: { key: "0:17", from: 200, count: 200 } });
    expect(all(root, "article")).toHaveLength(400);
    await click(one(root, "button", /Show next 50 turns/));
    expect(all(root, "article")).toHaveLength(450);
    expect([...root.querySelectorAll("mark")].map((mark) => mark.dataset.found)).toEqual(["1000", "1200", "1400"]);
    expect(all(root, "button", /Show next/)).toHaveLength(0);
  });

  it("fetches the block that holds a selected turn", async () => {
    const { root, host } = await open(block(0, 200), { answers: { conversation: ({ from, count }) => block(from, Math.min(count, 450 - from)) } });
    host.push("selection", { key: "0:17", turn: 405, n: 1400 });
    await settle();
    expect(host.sent.at(-1)).toMatchObject({ args: { from: 400 } });
    expect(one(root, "article", /turn 405/).getAttribute("aria-current")).toBe("true");
    expect(one(root, "button", /Show previous 200 turns/)).toBeTruthy();
  });

  it("keeps the numbers of findings when blocks are joined", () => {
    const whole = joined(block(0, 200), block(200, 200))!;
    expect(whole.issues.map((one) => one.n)).toEqual([1000, 1200]);
    expect(whole.turns[205]?.segments[0]?.[1]).toEqual([1]);
    expect(joined(block(0, 200), block(400, 50))).toBeNull();
  });
});

describe("what stands in place of text", () => {
  it("is said in words, and other keys are folded away", async () => {
    const call = turn(0, [], { kind: "call", note: "content is null", extra: [["tool_calls", '[{"name":"tide"}]']] });
    const { root } = await open(thread([call, turn(1, [])]));
    expect(one(root, "article", /turn 0/).textContent).toContain("content is null");
    expect(one(root, "article", /turn 1/).textContent).toContain("no text");
    const details = root.querySelector("details")!;
    expect(details.open).toBe(false);
    expect(details.textContent).toBe('tool_calls[{"name":"tide"}]');
  });
});
