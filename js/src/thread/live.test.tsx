import { describe, expect, it } from "vitest";
import { staticHost } from "../lib/host-static.ts";
import type { Thread } from "../lib/protocol.ts";
import { fakeHost } from "../testing/fake-host.ts";
import { issue, thread, turn } from "../testing/samples.ts";
import { one, press, settle, show } from "../testing/show.tsx";
import { ThreadApp } from "./app.tsx";

// jsdom lays nothing out.
Range.prototype.getBoundingClientRect ??= () => document.body.getBoundingClientRect();

const of = (text: string, more: Partial<Thread> = {}) =>
  thread([turn(0, "Where does the river go?"), turn(1, [[text, [0]]])], [issue(7, 1)], { key: "0:17", state: text, edited: text !== "South", decision: null, note: "", tags: [], ...more });

/** A thread whose conversation the test changes, as a step of the journal does. */
async function open(first = of("South"), more: object = {}) {
  const now: { thread: Thread | null } = { thread: first };
  const host = fakeHost(
    { state: { thread: first, empty: "", serial: 0, ...more }, selection: { key: "0:17", turn: null, n: null } },
    {
      conversation: ({ from, count }) => {
        if (!now.thread) return new Error("There is no conversation '0:17'.");
        const turns = now.thread.turns.slice(from, from + count);
        return { ...now.thread, from, turns, issues: turns.some(({ issues }) => issues.length > 0) ? now.thread.issues : [] };
      },
    },
  );
  const root = await show(ThreadApp, host);
  let serial = 0;
  const step = async (next: Thread | null) => {
    now.thread = next;
    host.push("changes", String(++serial));
    await settle();
  };
  return { host, root, step };
}

const said = (root: Element) => [...root.querySelectorAll("[data-live]")].map((one) => one.textContent).join("");

describe("a thread that stands by itself", () => {
  it("shows an edit that was made elsewhere, says so, and shows its undo", async () => {
    const { root, step } = await open();
    expect(root.querySelector(".rt-edited")).toBeNull();
    await step(of("North"));
    expect(root.textContent).toContain("North");
    expect(root.querySelector(".rt-edited")?.textContent).toBe("edited");
    expect(said(root)).toBe("Conversation #17 is edited now.");
    await step(of("South"));
    expect(root.textContent).toContain("South");
    expect(root.querySelector(".rt-edited")).toBeNull();
    expect(said(root)).toBe("Conversation #17 is as it is in the file now.");
  });

  it("shows decision, tags and note, and asks for no turn again", async () => {
    const { host, root, step } = await open();
    const article = root.querySelector("article");
    await step(of("South", { decision: "keep", tags: ["calm", "sea"], note: "the tone" }));
    expect([...root.querySelectorAll(".rt-standing bdi")].map((one) => one.textContent)).toEqual(["keep", "calm", "sea", "“the tone”"]);
    expect(said(root)).toBe("Conversation #17: keep.");
    expect(host.sent.map(({ args }) => (args as { count: number }).count)).toEqual([0]);
    expect(root.querySelector("article")).toBe(article);
  });

  it("keeps the place, the chosen finding and the focus", async () => {
    const { host, root, step } = await open();
    await press("j", root.querySelector(".rt-frame"));
    const box = root.querySelector<HTMLElement>(".rt-thread-box")!;
    const article = root.querySelectorAll("article")[1];
    const mark = root.querySelector("mark")!;
    box.scrollTop = 40;
    mark.focus();
    const chosen = host.get("selection");
    await step(of("North"));
    expect(root.querySelectorAll("article")[1]).toBe(article);
    expect(box.scrollTop).toBe(40);
    expect(host.get("selection")).toBe(chosen);
    expect(root.contains(document.activeElement)).toBe(true);
  });

  it("asks for a turn whole of which only the beginning has come", async () => {
    const whole = "South".repeat(4_000);
    const first = of("South… (20,000 characters)", { cut: true });
    const host = fakeHost({ state: { thread: first, serial: 0 } }, { conversation: () => of(whole) });
    const root = await show(ThreadApp, host);
    expect(host.sent).toHaveLength(1);
    expect(root.querySelectorAll("article")[1]!.textContent).not.toContain("20,000");
  });

  it("shows the beginning where nobody can give the whole", async () => {
    const first = of("South… (20,000 characters)", { cut: true });
    const host = staticHost({ state: { thread: first, serial: 3 } });
    const root = await show(ThreadApp, host);
    expect(root.textContent).toContain("South… (20,000 characters)");
    expect(root.querySelector("[role=alert]")).toBeNull();
  });

  it("keeps the keyboard when what had the focus is gone", async () => {
    const { root, step } = await open();
    root.querySelector("mark")!.focus();
    await step(thread([turn(0, "Where does the river go?")], [], { state: "shorter" }));
    await settle();
    expect(document.activeElement).toBe(root.querySelector(".rt-thread-box"));
  });

  it("says that the conversation is gone, with its text still there, and that it is back", async () => {
    const { root, step } = await open();
    await step(null);
    expect(one(root, "alert").textContent).toContain("There is no conversation");
    expect(root.textContent).toContain("South");
    await step(of("South"));
    expect(root.querySelector("[role=alert]")).toBeNull();
  });

  it("asks at once where the steps went on since it was sent, and not where they did not", async () => {
    const sent = async (serial: number) => {
      const host = fakeHost({ state: { thread: of("South"), serial }, changes: "3" }, { conversation: () => of("North") });
      const root = await show(ThreadApp, host);
      return root.textContent?.includes("North");
    };
    expect(await sent(2)).toBe(true);
    expect(await sent(3)).toBe(false);
  });
});
