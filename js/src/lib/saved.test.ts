import { describe, expect, it, vi } from "vitest";
import { staticHost } from "./host-static.ts";
import type { PageArgs } from "./protocol.ts";
import type { Answers } from "./saved.ts";

const rows = Array.from({ length: 300 }, (_, n) => ({ n, key: `0:${n}` }));
const order = (query: string, sort: string, matched: number, here: number[]) => ({
  head: { query, sort, descending: false, matched, total: 400 },
  rows: here,
});
const block = (from: number, count: number) => ({ key: "0:7", from, turn_count: 400, turns: Array.from({ length: count }, (_, at) => ({ turn: from + at })) });
const answers: Answers = {
  says: "This file holds 300 of 400 findings.",
  lists: {
    findings: {
      rows,
      orders: [
        order("", "group", 400, rows.map(({ n }) => n)),
        order("severity:error", "group", 2, [5, 9]),
        order("role:tool", "group", 0, []),
      ],
    },
  },
  items: {
    conversation: { "0:7": [block(0, 200), block(200, 100)] },
    case: { "0:7 trl": [{ key: "0:7", target: "trl" }] },
  },
};
const host = () => staticHost({ state: {}, answers });
const page = (args: Partial<PageArgs> = {}) => ({ query: "", sort: "group", descending: false, offset: 0, limit: 100, ...args });
const left = { status: "failed", error: "That is not here. This file holds 300 of 400 findings." };

describe("a page that answers from what was written into it", () => {
  it("gives pages of a list, and the page that holds a row", async () => {
    const reply = await host().request("findings", page({ offset: 100 }));
    expect(reply).toMatchObject({ status: "ok", result: { matched: 400, offset: 100, query: "" } });
    expect(reply.status === "ok" && reply.result.rows.map(({ n }) => n)).toEqual(rows.slice(100, 200).map(({ n }) => n));
    expect(await host().request("findings", page({ near: 250 }))).toMatchObject({ status: "ok", result: { offset: 200 } });
  });

  it("follows a filter that is there, also one that nothing matches", async () => {
    expect(await host().request("findings", page({ query: " severity:error " }))).toMatchObject({
      status: "ok",
      result: { query: " severity:error ", rows: [{ n: 5 }, { n: 9 }] },
    });
    expect(await host().request("findings", page({ query: "role:tool" }))).toMatchObject({ status: "ok", result: { matched: 0, rows: [] } });
  });

  it("says what is not there, instead of an empty page", async () => {
    expect(await host().request("findings", page({ offset: 300 }))).toEqual(left);
    expect(await host().request("findings", page({ sort: "code" }))).toEqual(left);
    expect(await host().request("findings", page({ query: "whale" }))).toEqual(left);
    expect(await host().request("conversation", { key: "0:8", from: 0, count: 200 })).toEqual(left);
    expect(await host().request("case", { key: "0:7", target: "trl", max_tokens: 512 })).toEqual(left);
  });

  it("gives the part of a long conversation that holds a turn", async () => {
    expect(await host().request("conversation", { key: "0:7", from: 40, count: 200 })).toMatchObject({ result: { from: 0 } });
    expect(await host().request("conversation", { key: "0:7", from: 200, count: 200 })).toMatchObject({ result: { from: 200 } });
    expect(await host().request("conversation", { key: "0:7", from: 300, count: 100 })).toEqual(left);
    expect(await host().request("case", { key: "0:7", target: "trl", max_tokens: null })).toMatchObject({ status: "ok" });
  });

  it("refuses a filter that it cannot follow in one sentence, and takes the sentence away with the next", () => {
    const shown = host();
    const heard = vi.fn();
    shown.onChange("error", heard);
    shown.set("filters", "whale");
    expect([shown.get("filters"), shown.get("error")]).toEqual(["", "The filter whale is not here. This file holds 300 of 400 findings."]);
    shown.set("filters", "severity:error");
    expect([shown.get("filters"), shown.get("error")]).toEqual(["severity:error", ""]);
    expect(heard).toHaveBeenCalledTimes(2);
  });

  it("can always go back to the filter it began with", () => {
    const shown = staticHost({ state: {}, filters: "code:x", answers: { says: "All." } });
    shown.set("filters", "");
    expect(shown.get("error")).toBe("All without a filter is not here. All.");
    shown.set("filters", "code:x");
    expect([shown.get("filters"), shown.get("error")]).toEqual(["code:x", ""]);
  });
});
