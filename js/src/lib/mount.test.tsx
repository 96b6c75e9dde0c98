import axe from "axe-core";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import balance, { mountStatic } from "../balance/index.tsx";
import { BalanceApp } from "../balance/app.tsx";
import issues from "../issues/index.tsx";
import { IssuesApp } from "../issues/app.tsx";
import review from "../review/index.tsx";
import { ReviewApp } from "../review/app.tsx";
import { fakeHost } from "../testing/fake-host.ts";
import { charts, conversationsPage, findings, findingsPage, issue, thread, turn } from "../testing/samples.ts";
import { all, click, one, press, settle, show } from "../testing/show.tsx";
import threadWidget from "../thread/index.tsx";
import { ThreadApp } from "../thread/app.tsx";
import type { Model } from "./host-anywidget.ts";
import { anywidgetHost } from "./host-anywidget.ts";
import { detectTheme } from "./theme.ts";

const rows = findings([["turn.empty", "error", 3]]);
const state = {
  findings: findingsPage(rows),
  conversations: conversationsPage(3),
  thread: thread([turn(0, "Be Mara."), turn(1, [["Where", [0]], ["?", []]])], [issue(0, 1, { before: "a ", after: "a" })]),
  charts,
  roles: ["user"],
  header: { name: "harbour.jsonl", numbers: "3 conversations", profile: "chat" },
};

/** The model that anywidget hands to a component. */
function fakeModel(values: Record<string, unknown> = {}) {
  const all: Record<string, unknown> = { state: JSON.stringify(state), selection: "{}", filters: "", error: "", ...values };
  const listeners = new Map<string, Set<(...rest: never[]) => void>>();
  const call = (event: string, ...rest: unknown[]) => [...(listeners.get(event) ?? [])].forEach((listener) => listener(...(rest as never[])));
  const sent: { id: number; name: string }[] = [];
  const model: Model = {
    get: (name) => all[name],
    set(name, value) {
      all[name] = value;
      call(`change:${name}`);
    },
    save_changes: vi.fn(),
    send: (message) => void sent.push(message as never),
    on(event, callback) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(callback));
    },
    off(event, callback) {
      if (callback) listeners.get(event)?.delete(callback);
    },
  };
  return { model, sent, call, listening: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0) };
}

function cell() {
  const notebook = document.createElement("div");
  notebook.className = "jp-Notebook";
  notebook.innerHTML = '<div class="jp-Cell" tabindex="-1"><div class="output"></div></div>';
  document.body.append(notebook);
  return { notebook, cell: notebook.querySelector<HTMLElement>(".jp-Cell")!, output: notebook.querySelector<HTMLElement>(".output")! };
}

afterEach(() => {
  document.body.removeAttribute("data-jp-theme-light");
  document.documentElement.className = "";
});

const widgets = { thread: threadWidget, issues, balance, review };

describe.each(Object.entries(widgets))("the %s widget", (_, widget) => {
  it("draws into its element and takes everything away again", async () => {
    const { model, listening } = fakeModel();
    const el = document.createElement("div");
    document.body.append(el);
    let stop = () => {};
    await act(() => {
      stop = widget.render({ model, el });
    });
    await settle();
    expect(el.querySelector(".rtnb")!.textContent!.length).toBeGreaterThan(20);
    expect(el.querySelector(".rtnb")!.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
    stop();
    expect(el.childElementCount).toBe(0);
    expect(listening()).toBe(0);
    stop();
  });

  it("is taken away by an abort signal where the host gives one", async () => {
    const { model, listening } = fakeModel();
    const el = document.createElement("div");
    document.body.append(el);
    const abort = new AbortController();
    await act(() => void widget.render({ model, el, signal: abort.signal }));
    abort.abort();
    expect(el.childElementCount).toBe(0);
    expect(listening()).toBe(0);
  });
});

describe("two views of one model", () => {
  it("show the same place and are taken away one by one", async () => {
    const { model, sent, call } = fakeModel();
    const views = [document.createElement("div"), document.createElement("div")];
    const stops: (() => void)[] = [];
    for (const el of views) {
      document.body.append(el);
      await act(() => void stops.push(review.render({ model, el })));
    }
    await click(all(views[0]!, "row")[2]);
    const asked = sent.filter(({ name }) => name === "conversation");
    expect(asked).toHaveLength(2);
    const other = thread([turn(0, "Another one.")], [], { key: "0:1", index: 1 });
    for (const { id } of asked) call("msg:custom", { kind: "reply", id, ok: true, result: other });
    await settle();
    for (const el of views) expect(one(el, "article", /turn 0/).textContent).toContain("Another one.");
    stops[0]!();
    model.set("selection", "{}");
    await settle();
    expect(views[0]!.childElementCount).toBe(0);
    expect(all(views[1]!, "row").length).toBeGreaterThan(2);
    stops[1]!();
  });
});

describe("the keyboard", () => {
  it.each([
    ["thread", ThreadApp],
    ["issues", IssuesApp],
    ["balance", BalanceApp],
    ["review", ReviewApp],
  ] as const)("of the notebook hears nothing from the %s component but Escape", async (_, View) => {
    const { notebook, output } = cell();
    const heard: string[] = [];
    notebook.addEventListener("keydown", (event) => heard.push(event.key));
    const root = await show(View, fakeHost({ state }), output);
    const stops = [...root.querySelectorAll("[tabindex], button, input, summary")];
    expect(stops.length).toBeGreaterThan(3);
    for (const stop of stops) {
      for (const key of ["d", "b", "x", "Enter", "ArrowDown", "Home"]) {
        stop.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      }
      stop.dispatchEvent(new KeyboardEvent("keydown", { key: "c", ctrlKey: true, bubbles: true, cancelable: true }));
    }
    await settle();
    expect(heard).toEqual([]);
    await press("Escape", root.querySelector(".rt-frame"));
    expect(heard).toEqual(["Escape"]);
  });

  it("is kept from a page that looks for its shortcuts before any element hears of a key", async () => {
    const { output } = cell();
    const root = await show(ReviewApp, fakeHost({ state }), output);
    for (const stop of root.querySelectorAll<HTMLElement>("[tabindex], button, input")) {
      stop.focus();
      if (document.activeElement === stop) expect(stop.dataset.lmSuppressShortcuts).toBe("true");
    }
    expect(root.contains(document.activeElement)).toBe(true);
  });

  it("goes back to the cell with Escape", async () => {
    const { cell: home, output } = cell();
    const root = await show(IssuesApp, fakeHost({ state }), output);
    all(root, "row")[1]!.focus();
    await press("Escape");
    expect(document.activeElement).toBe(home);
  });

  it("is let go where there is no cell", async () => {
    const root = await show(IssuesApp, fakeHost({ state }));
    all(root, "row")[1]!.focus();
    await press("Escape");
    expect(root.contains(document.activeElement)).toBe(false);
  });
});

describe("the theme", () => {
  it("is that of JupyterLab, and follows it", async () => {
    document.body.setAttribute("data-jp-theme-light", "false");
    const root = await show(ThreadApp, fakeHost({ state }));
    expect(root.dataset.theme).toBe("dark");
    document.body.setAttribute("data-jp-theme-light", "true");
    await settle();
    expect(root.dataset.theme).toBe("light");
  });

  it("is read from other hosts as well", () => {
    const page = (attributes: Record<string, string>, root = false) => {
      const made = document.implementation.createHTMLDocument();
      for (const [name, value] of Object.entries(attributes)) (root ? made.documentElement : made.body).setAttribute(name, value);
      return detectTheme(made);
    };
    expect(page({ "data-vscode-theme-kind": "vscode-dark" })).toBe("dark");
    expect(page({ "data-vscode-theme-kind": "vscode-high-contrast-light" })).toBe("light");
    expect(page({ theme: "dark" }, true)).toBe("dark");
    expect(page({ class: "dark" }, true)).toBe("dark");
    expect(page({})).toBe("light");
  });
});

describe("the channel to Python", () => {
  it("matches answers by id, and answers of another view are not its own", async () => {
    const { model, sent, call } = fakeModel();
    const one = anywidgetHost(model);
    const two = anywidgetHost(model);
    const first = one.request("charts", { query: "a" });
    const second = two.request("charts", { query: "b" });
    expect(sent[0]!.id).not.toBe(sent[1]!.id);
    call("msg:custom", { kind: "reply", id: sent[1]!.id, ok: true, result: { charts: [] } });
    call("msg:custom", { kind: "something else" });
    call("msg:custom", { kind: "reply", id: sent[0]!.id, ok: false, error: "No." });
    expect(await second).toEqual({ status: "ok", result: { charts: [] } });
    expect(await first).toEqual({ status: "failed", error: "No." });
    one.dispose();
    two.dispose();
  });

  it("makes the older of two requests for one purpose void, and leaves other purposes alone", async () => {
    const { model, sent, call } = fakeModel();
    const host = anywidgetHost(model);
    const old = host.request("charts", { query: "a" });
    const other = host.request("conversation", { key: "0:1", from: 0, count: 200 });
    const young = host.request("charts", { query: "b" });
    expect(await old).toEqual({ status: "void" });
    for (const { id } of sent) call("msg:custom", { kind: "reply", id, ok: true, result: id });
    expect(await young).toEqual({ status: "ok", result: sent[2]!.id });
    expect(await other).toEqual({ status: "ok", result: sent[1]!.id });
    host.dispose();
  });

  it("waits, then falls silent, and is live again with an answer", async () => {
    vi.useFakeTimers();
    const { model, sent, call } = fakeModel();
    const host = anywidgetHost(model);
    const states: string[] = [];
    host.onChange("kernel", () => states.push(host.get("kernel")));
    const reply = host.request("charts", { query: "" });
    vi.advanceTimersByTime(1_400);
    expect(host.get("kernel")).toBe("live");
    vi.advanceTimersByTime(60_000);
    call("msg:custom", { kind: "reply", id: sent[0]!.id, ok: true, result: 1 });
    expect(await reply).toEqual({ status: "ok", result: 1 });
    expect(states).toEqual(["waiting", "silent", "live"]);
    host.dispose();
    vi.useRealTimers();
  });

  it("says that the kernel is gone when its side of the model was closed", async () => {
    const { model, call } = fakeModel();
    const el = document.createElement("div");
    document.body.append(el);
    let stop = () => {};
    await act(() => {
      stop = review.render({ model, el });
    });
    call("comm:close");
    await settle();
    expect(el.textContent).toContain("The kernel is gone.");
    expect(all(el, "row").length).toBeGreaterThan(2);
    stop();
  });

  it("writes traits back and saves them", async () => {
    const { model } = fakeModel();
    const host = anywidgetHost(model);
    host.set("filters", "severity:error");
    host.set("filters", "severity:error");
    expect(model.save_changes).toHaveBeenCalledTimes(1);
    host.dispose();
  });
});

describe("a saved state without a notebook", () => {
  it("is drawn and can be filtered by, and says what it cannot do", async () => {
    const el = document.createElement("div");
    document.body.append(el);
    const stop = mountStatic(el, { state });
    await settle();
    await click(one(el, "button", /^assistant: /));
    expect(el.textContent).toContain("Filter: role:assistant");
    stop();
    expect(el.childElementCount).toBe(0);
  });
});

describe("accessibility", () => {
  it.each([
    ["thread", ThreadApp],
    ["issues", IssuesApp],
    ["balance", BalanceApp],
    ["review", ReviewApp],
  ] as const)("axe finds nothing in the %s component", async (_, View) => {
    const root = await show(View, fakeHost({ state, selection: { key: "0:17", turn: 1, n: 0 }, error: "Something." }, { findings: (args) => findingsPage(rows, args) }));
    // jsdom paints nothing, so contrast is measured in a browser.
    const { violations } = await axe.run(root, { rules: { "color-contrast": { enabled: false } } });
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  });
});
