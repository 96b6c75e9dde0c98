import { describe, expect, it, vi } from "vitest";
import type { Thread } from "../lib/protocol.ts";
import { readSelection } from "../lib/protocol.ts";
import { fakeHost, type FakeHost } from "../testing/fake-host.ts";
import { charts, conversationsPage, findings, findingsPage, issue, thread, turn } from "../testing/samples.ts";
import { all, click, one, press, settle, show, type } from "../testing/show.tsx";
import { ReviewApp } from "./app.tsx";

const everything = findings([
  ["turn.empty", "error", 2],
  ["reply.meta", "warning", 3],
  ["text.whitespace", "info", 300],
]);
everything.push({ ...everything[0]!, n: 900, code: "balance.dominant", severity: "info", key: null, index: null, line: null, turn: null, role: null, message: "One opening holds 38 %" });

/** Finding n stands at turn 2 of conversation n. */
function conversation(key: string): Thread {
  const index = Number(key.split(":")[1]);
  return thread([turn(0, "Be Mara."), turn(1, "Where?"), turn(2, [["As an AI", [0]], [" I sail.", []]])], [issue(index, 2)], { key, index, title: `Conversation ${index}` });
}

function host(traits: { selection?: object; filters?: string; error?: string } = {}): FakeHost {
  return fakeHost(
    {
      state: {
        findings: findingsPage(everything),
        conversations: conversationsPage(400),
        thread: conversation("0:0"),
        charts,
        roles: ["user", "assistant"],
        header: { name: "harbour.jsonl", numbers: "505 conversations · 4,102 turns", profile: "chat" },
        empty: "No findings.",
      },
      ...traits,
    },
    {
      findings: (args) => findingsPage(everything, args),
      conversations: (args) => conversationsPage(400, args),
      conversation: ({ key }) => conversation(key),
      charts: () => ({ charts }),
    },
  );
}

const place = (at: FakeHost) => readSelection(at.get("selection"));
const frame = (root: Element) => root.querySelector<HTMLElement>(".rt-frame")!;
const opened = (root: Element) => root.querySelector(".rt-thread")?.getAttribute("aria-label");
const chosenRow = (root: Element) => all(root, "row").find((row) => row.getAttribute("aria-selected") === "true");

describe("the review panel", () => {
  it("says what is reviewed", async () => {
    const root = await show(ReviewApp, host());
    expect(root.querySelector(".rt-header")?.textContent).toBe("harbour.jsonl505 conversations · 4,102 turnsprofile chat");
    expect(all(root, "tab").map((tab) => tab.textContent)).toEqual(["Findings306", "Conversations400"]);
  });

  it("opens the conversation of a chosen row at its turn", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    await click(all(root, "row")[5]);
    expect(place(at)).toEqual({ key: "0:3", turn: 2, n: 3 });
    expect(opened(root)).toBe("conversation #3");
    expect(one(root, "article", /turn 2/).getAttribute("aria-current")).toBe("true");
    expect(root.querySelector("mark")?.classList.contains("rt-on")).toBe(true);
  });

  it("goes to a finding again when its row is clicked again", async () => {
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
      const top = this.matches("mark") ? 900 - this.closest(".rt-thread-box")!.scrollTop : 0;
      const height = this.matches(".rt-thread-box") ? 400 : 20;
      return { top, bottom: top + height, height, left: 0, right: 0, width: 0, x: 0, y: top, toJSON() {} };
    });
    const root = await show(ReviewApp, host({ selection: { key: "0:3", turn: 2, n: 3 } }));
    await settle(60);
    const box = root.querySelector(".rt-thread-box")!;
    expect(box.scrollTop).toBe(780);
    box.scrollTop = 0;
    await click(chosenRow(root));
    expect(box.scrollTop).toBe(780);
  });

  it("gives the table more room than the groups", async () => {
    const root = await show(ReviewApp, host());
    const wide = () => root.querySelector(".rt-main")!.classList.contains("rt-wide");
    expect(wide()).toBe(false);
    await click(one(root, "button", "Table"));
    expect(wide()).toBe(true);
    await click(one(root, "tab", /Conversations/));
    expect(wide()).toBe(true);
    await click(one(root, "tab", /Findings/));
    await click(one(root, "button", "By code"));
    expect(wide()).toBe(false);
  });

  it("goes through findings in the order of the grid, from conversation to conversation, with j and k", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    for (const expected of [0, 1, 2, 3]) {
      await press("j", frame(root));
      expect(place(at).n).toBe(expected);
      expect(opened(root)).toBe(`conversation #${expected}`);
      expect(chosenRow(root)?.textContent).toContain(`number ${expected}`);
    }
    await press("k", frame(root));
    expect(place(at).n).toBe(2);
    expect([...root.querySelectorAll("[data-live]")].at(-1)?.textContent).toBe("Finding 3 of 306: reply.meta, reply.meta number 2");
  });

  it("goes on behind the loaded page", async () => {
    const at = host({ selection: { key: "0:99", turn: 2, n: 99 } });
    const root = await show(ReviewApp, at);
    await press("j", frame(root));
    expect(place(at).n).toBe(100);
    await press("j", frame(root));
    expect(place(at).n).toBe(101);
  });

  it("marks the row of a finding that is reached in the thread", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    await click(root.querySelector("mark"));
    expect(place(at)).toEqual({ key: "0:0", turn: 2, n: 0 });
    expect(chosenRow(root)?.textContent).toContain("turn.empty number 0");
  });

  it("goes through conversations with n and p, and opens one from the list", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    await press("n", frame(root));
    await press("n", frame(root));
    expect(place(at)).toEqual({ key: "0:2", turn: null, n: null });
    await press("p", frame(root));
    expect(opened(root)).toBe("conversation #1");
    await click(one(root, "tab", /Conversations/));
    expect(chosenRow(root)?.textContent).toContain("Conversation 1");
    await click(all(root, "row")[7]);
    expect(opened(root)).toBe("conversation #7");
  });

  it("filters findings and conversations when a bar is chosen", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    await click(one(root, "button", /^assistant: /));
    expect(at.get("filters")).toBe("role:assistant");
    expect(at.sent.map(({ name, args }) => [name, (args as { query: string }).query])).toEqual([
      ["findings", "role:assistant"],
      ["conversations", "role:assistant"],
      ["charts", "role:assistant"],
      ["charts", ""],
    ]);
    expect(one(root, "tab", /Conversations/).textContent).toBe("Conversations200");
    expect((one(root, "searchbox") as HTMLInputElement).value).toBe("role:assistant");
  });

  it("says in its header which gates did not pass, and opens what is behind them", async () => {
    const results = [{ ok: false, says: "severity:error: 12 findings, at most 0", query: "severity:error" }, { ok: true, says: "turns: 40, at least 10", query: "" }];
    const at = host();
    at.push("state", { ...JSON.parse(at.get("state")), header: { name: "h", numbers: "", profile: "chat", gates: { ok: false, says: "Gates: 1 of 2 failed", results } } });
    const root = await show(ReviewApp, at);
    expect(root.querySelector(".rt-gates summary")?.textContent).toBe("✗ Gates: 1 of 2 failed");
    expect([...root.querySelectorAll(".rt-gates li")].map((one) => one.textContent)).toEqual(["✗ severity:error: 12 findings, at most 0", "✓ turns: 40, at least 10"]);
    await click(one(root, "button", /^severity:error: 12/));
    expect(at.get("filters")).toBe("severity:error");
  });

  it("says of a finding about the dataset that no conversation is meant", async () => {
    const at = host({ selection: { key: null, turn: null, n: 900 } });
    const root = await show(ReviewApp, at);
    await settle(100);
    expect(root.querySelector("aside")?.textContent).toContain("One opening holds 38 %");
    expect(root.querySelector("aside")?.textContent).toContain("the whole dataset");
    expect(opened(root)).toBe("conversation #0");
  });

  it("follows a selection from Python", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    at.push("selection", { key: "0:42", turn: 2, n: 42 });
    await settle();
    expect(opened(root)).toBe("conversation #42");
    expect(chosenRow(root)?.textContent).toContain("number 42");
  });

  it("switches literal text and folding from anywhere in the panel", async () => {
    const root = await show(ReviewApp, host());
    const row = all(root, "row")[1]!;
    row.focus();
    await press("w", row);
    expect(root.querySelector<HTMLElement>("article i")?.dataset.sign).toBe("·");
    await press("f", row);
    expect(one(root, "button", "Fold all")).toBeTruthy();
  });

  it("hides and shows the charts", async () => {
    const root = await show(ReviewApp, host());
    await press("b", frame(root));
    expect(root.querySelector("figure")).toBeNull();
    await click(one(root, "button", "Show charts"));
    expect(root.querySelectorAll("figure")).toHaveLength(2);
  });
});

describe("keys in the panel", () => {
  it("reach the search with / and come back with Escape", async () => {
    const root = await show(ReviewApp, host());
    await press("/", frame(root));
    const search = one(root, "searchbox");
    expect(document.activeElement).toBe(search);
    await press("Escape", search);
    expect(document.activeElement?.getAttribute("role")).toBe("row");
  });

  it("are left to a field that is being typed in", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    const search = one(root, "searchbox") as HTMLInputElement;
    search.focus();
    for (const key of ["j", "n", "w", "?"]) expect((await press(key, search)).defaultPrevented).toBe(false);
    expect(place(at)).toEqual({});
    expect(all(root, "dialog")).toHaveLength(0);
    await type(search, "number 1");
    await press("Enter", search);
    expect(at.get("filters")).toBe("number 1");
  });

  it("are listed by ?, until Escape", async () => {
    const root = await show(ReviewApp, host());
    frame(root).focus();
    await press("?");
    const dialog = one(root, "dialog", "Keys");
    expect(dialog.contains(document.activeElement)).toBe(true);
    for (const name of ["j", "k", "n", "p", "/", "w", "f", "b", "?", "Esc"]) {
      expect([...dialog.querySelectorAll("kbd")].map((kbd) => kbd.textContent)).toContain(name);
    }
    await press("Escape");
    expect(all(root, "dialog")).toHaveLength(0);
    expect(document.activeElement).toBe(frame(root));
  });

  it("with Ctrl or Cmd are left to the browser", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    for (const more of [{ ctrlKey: true }, { metaKey: true }]) expect((await press("f", frame(root), more)).defaultPrevented).toBe(false);
    expect((await press("j", frame(root), { ctrlKey: true })).defaultPrevented).toBe(false);
    expect(place(at)).toEqual({});
  });
});

describe("a panel whose kernel does not answer", () => {
  it("keeps what is on screen, says that it waits, and still draws a late answer", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    at.busy = true;
    at.push("selection", { key: "0:5", turn: 2, n: 5 });
    await settle(1000);
    expect(root.textContent).not.toContain("Waiting for the kernel");
    expect(opened(root)).toBe("conversation #0");
    await settle(700);
    expect(root.textContent).toContain("Waiting for the kernel…");
    expect(opened(root)).toBe("conversation #0");
    at.reply(at.sent.at(-1)!);
    await settle();
    expect(opened(root)).toBe("conversation #5");
    expect(root.textContent).not.toContain("Waiting for the kernel");
  });

  it("still lets the keys move among the findings that are loaded", async () => {
    const at = host({ selection: { key: "0:99", turn: 2, n: 99 } });
    const root = await show(ReviewApp, at);
    at.busy = true;
    for (let times = 0; times < 5; times++) await press("j", frame(root));
    expect(at.sent.filter((request) => request.name === "findings")).toHaveLength(1);
    await settle(1100);
    await press("k", frame(root));
    expect(place(at).n).toBe(98);
  });

  it("draws only the newest of several answers", async () => {
    const at = host();
    const root = await show(ReviewApp, at);
    at.busy = true;
    at.push("selection", { key: "0:5", turn: 2, n: 5 });
    await settle();
    at.push("selection", { key: "0:6", turn: 2, n: 6 });
    await settle();
    const [five, six] = at.sent.filter((request) => request.name === "conversation");
    at.reply(six!);
    await settle();
    at.reply(five!);
    await settle();
    expect(opened(root)).toBe("conversation #6");
  });

  it("shows the error of Python and that of a failed request", async () => {
    const at = host({ error: "The file has changed on disk." });
    const root = await show(ReviewApp, at);
    expect(all(root, "alert").map((alert) => alert.textContent)).toEqual(["The file has changed on disk."]);
    at.busy = true;
    at.push("selection", { key: "0:5", turn: 2, n: 5 });
    await settle();
    at.busy = false;
    at.push("error", "");
    await settle();
    expect(all(root, "alert")).toHaveLength(0);
  });

  it("is never a blank box", async () => {
    const at = fakeHost({ state: "{}" });
    at.busy = true;
    const root = await show(ReviewApp, at);
    expect(root.textContent).toContain("Loading findings…");
    expect(root.textContent).toContain("Choose a finding or a conversation");
  });
});
