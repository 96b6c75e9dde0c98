import axe from "axe-core";
import { act } from "preact/test-utils";
import { describe, expect, it, vi } from "vitest";
import type { Case, CaseRow, PageArgs, Piece, PreflightState } from "../lib/protocol.ts";
import { fakeHost, type FakeHost } from "../testing/fake-host.ts";
import { caseOf, caseRow, casesPage, preflight, target } from "../testing/samples.ts";
import { all, click, one, press, settle, show, takeDown } from "../testing/show.tsx";
import { PreflightApp } from "./app.tsx";
import { blocksOf, countsOf } from "./blocks.ts";
import widget, { mountStatic } from "./index.tsx";

const targets = [
  target("trl", { taken: 480, altered: 20, dropped: 4, refused: 1 }, {
    reasons: [
      { code: "too_long", outcome: "dropped", count: 4, says: "Over the length limit." },
      { code: "answer_cut", outcome: "altered", count: 20, says: "The answer is cut." },
    ],
  }),
  target("together", { refused: 505 }, { refused: "Line 4: the key notes is not allowed.", limit: null, longest: null, trained: "", basis: "documentation" }),
];
const rows: CaseRow[] = [
  ...Array.from({ length: 480 }, (_, at) => caseRow(at, { outcome: "taken", reasons: [] })),
  ...Array.from({ length: 20 }, (_, at) => caseRow(480 + at)),
  ...Array.from({ length: 4 }, (_, at) => caseRow(500 + at, { outcome: "dropped", reasons: ["too_long"] })),
  caseRow(504, { outcome: "refused", reasons: ["template_refused"], tokens: null, trained: null }),
];

function host(state: Partial<PreflightState> = {}, traits: { selection?: object; filters?: string; error?: string } = {}): FakeHost {
  return fakeHost(
    {
      state: { preflight: preflight(targets), cases: casesPage(rows, { query: traits.filters ?? "" }), case: caseOf(480), empty: "All 505 conversations are taken as they are.", ...state },
      selection: { key: "0:480", target: "trl", turn: null },
      ...traits,
    },
    {
      cases: (args: PageArgs) => (args.query.includes("outcome:lost") ? new Error("lost is no outcome.") : casesPage(rows, args)),
      case: ({ key, target: name, max_tokens }) => caseOf(Number(key.slice(2)), { target: name, limit: max_tokens ?? 64 }),
      limit: ({ target: name, max_tokens }) => ({ target: name, max_tokens, says: `Of 505 conversations, ${512 - max_tokens} lose trained text.` }),
    },
  );
}

const place = (at: FakeHost) => JSON.parse(at.get("selection")) as { key: string; target: string; turn: number | null };
const frame = (root: Element) => root.querySelector<HTMLElement>(".rt-frame")!;
const opened = (root: Element) => root.querySelector(".rt-case")?.getAttribute("aria-label");
const listed = (root: Element) => [...root.querySelectorAll<HTMLElement>(".rt-cases .rt-row")];
const asked = (at: FakeHost, name: string) => at.sent.filter((request) => request.name === name).map((request) => request.args as Record<string, unknown>);
const drawn = (root: Element) => [...root.querySelectorAll(".rt-block")].map((block) => block.textContent);

async function slide(root: Element, value: number): Promise<void> {
  const range = root.querySelector<HTMLInputElement>("input[type=range]")!;
  await act(() => {
    range.value = String(value);
    range.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

describe("the trainers by outcome", () => {
  it("are counted, with what is trained and why a file is refused", async () => {
    const root = await show(PreflightApp, host());
    expect(root.querySelector(".rt-preflight-head")?.textContent).toContain("harbour.jsonl505 conversations");
    const lines = [...root.querySelectorAll(".rt-targets [role=row]")].map((row) => [...row.children].map((cell) => cell.textContent?.trim()).join(" | "));
    expect(lines).toEqual([
      "trainer | ✓taken | ~altered | −dropped | ✗refused | loss",
      "TRL 1.0 | 480 | 20 | 4 | 1 | trains on 60 of 200 tokens (30%)",
      "TOGETHER 1.0from documentation | 0 | 0 | 0 | 505 | ",
      "✗refused Refuses the file as a whole: Line 4: the key notes is not allowed.",
    ]);
  });

  it("open the cases behind a count; the same count again lets the outcome go", async () => {
    const at = host();
    const root = await show(PreflightApp, at);
    const dropped = () => one(root, "button", "4 dropped by TRL");
    await click(dropped());
    expect(at.get("filters")).toBe("target:trl outcome:dropped");
    expect(dropped().getAttribute("aria-pressed")).toBe("true");
    expect(listed(root).map((row) => row.textContent)).toHaveLength(4);
    expect(one(root, "grid", /^conversations/).getAttribute("aria-label")).toBe("conversations, TRL: dropped");
    await click(dropped());
    expect(at.get("filters")).toBe("target:trl");
    expect(dropped().getAttribute("aria-pressed")).toBe("false");
  });

  it("are one tab stop that arrows move through, past empty cells", async () => {
    const root = await show(PreflightApp, host());
    const stops = () => [...root.querySelectorAll<HTMLElement>(".rt-targets button")].filter((button) => button.tabIndex === 0);
    expect(stops()).toHaveLength(1);
    stops()[0]!.focus();
    for (const [key, name] of [
      ["ArrowRight", "480 taken by TRL"],
      ["ArrowDown", null],
      ["ArrowRight", "505 refused by TOGETHER"],
      ["ArrowUp", "1 refused by TRL"],
      ["ArrowRight", "1 refused by TRL"],
      ["ArrowLeft", "4 dropped by TRL"],
    ] as const) {
      await press(key);
      expect(document.activeElement?.getAttribute("aria-label")).toBe(name);
    }
    expect(stops()).toEqual([document.activeElement]);
  });

  it("say why, and a reason opens its cases", async () => {
    const at = host();
    const root = await show(PreflightApp, at);
    const reason = () => one(root, "button", /answer_cut/);
    expect(reason().textContent).toBe("~alteredanswer_cut20The answer is cut.");
    await click(reason());
    expect(at.get("filters")).toBe("target:trl reason:answer_cut");
    expect(reason().getAttribute("aria-pressed")).toBe("true");
    await click(reason());
    expect(at.get("filters")).toBe("target:trl");
    await click(one(root, "button", "TOGETHER"));
    expect(root.querySelector(".rt-reasons")?.textContent).toContain("TOGETHER: why");
  });

  it("show their notes when asked", async () => {
    const root = await show(PreflightApp, host({ preflight: preflight(targets, { notes: ["Tokens are an estimate."] }) }));
    const notes = one(root, "button", "1 note");
    expect(root.querySelector<HTMLElement>(".rt-notes")?.hidden).toBe(true);
    await click(notes);
    expect(notes.getAttribute("aria-expanded")).toBe("true");
    expect(root.querySelector(".rt-notes:not([hidden])")?.textContent).toBe("Tokens are an estimate.");
  });
});

describe("the list of cases", () => {
  it("opens a case, and goes on from it with n, p, j and k", async () => {
    const at = host();
    const root = await show(PreflightApp, at);
    expect(listed(root)[0]?.textContent).toBe("#480~alteredConversation 480TRL · answer_cut1,301 tok");
    await click(listed(root)[2]);
    expect(place(at)).toEqual({ key: "0:482", target: "trl", turn: null });
    expect(opened(root)).toBe("conversation #482, TRL");
    for (const [key, index] of [
      ["n", 483],
      ["j", 484],
      ["p", 483],
      ["k", 482],
    ] as const) {
      await press(key, frame(root));
      expect(opened(root)).toBe(`conversation #${index}, TRL`);
    }
    expect(listed(root).find((row) => row.getAttribute("aria-selected") === "true")?.textContent).toContain("#482");
    expect(root.querySelector("[data-live]")?.textContent).toBe("Conversation 3 of 25: #482, altered");
    listed(root)[2]!.focus();
    await press("ArrowDown");
    await press("Enter");
    expect(place(at).key).toBe("0:483");
  });

  it("follows a selection from outside to a row that is not loaded", async () => {
    const at = host({}, { filters: "target:trl outcome:taken" });
    const root = await show(PreflightApp, at);
    at.push("selection", { key: "0:333", target: "trl" });
    await settle(120);
    expect(asked(at, "cases").at(-1)).toMatchObject({ near: "0:333" });
    expect(listed(root).find((row) => row.getAttribute("aria-selected") === "true")?.textContent).toContain("#333");
  });

  it("has words for nothing found, for nothing to find, and for a query that is wrong", async () => {
    const clean = [target("trl", { taken: 505 })];
    const at = host({ preflight: preflight(clean), cases: casesPage([]), case: null }, { selection: {} });
    const root = await show(PreflightApp, at);
    expect(root.textContent).toContain("All 505 conversations are taken as they are.");
    expect(root.textContent).toContain("Choose a conversation to see what the model gets of it.");
    at.push("filters", "target:trl reason:system_lost");
    await settle();
    expect(root.textContent).toContain("No conversation matches.");
    at.push("filters", "outcome:lost");
    await settle();
    expect(one(root, "alert").textContent).toContain("lost is no outcome.");
    const loading = await show(PreflightApp, fakeHost({ state: {} }));
    expect(loading.textContent).toContain("Loading the preflight…");
  });
});

describe("what the model gets", () => {
  it("is the text as it is, with the part that each stretch has in the loss", async () => {
    const root = await show(PreflightApp, host());
    const parts = [...root.querySelectorAll(".rt-block > :not(.rt-turn-label)")];
    expect(parts.map((part) => part.textContent).join("")).toBe(caseOf(480).pieces.map(([text]) => text).join(""));
    expect(root.querySelector("mark.rt-said")?.textContent).toBe("South");
    expect([...root.querySelectorAll(".rt-block s")].map((part) => part.textContent)).toEqual([", she said.", "<|im_end|>\n"]);
    expect(root.querySelector(".rt-said[dir=auto]")).not.toBeNull();
    expect(drawn(root)).toEqual(["<|im_start|>system\n0 systemBe Mara.<|im_end|>\n", "<|im_start|>user\n1 user Kaiأين النهر؟<|im_end|>\n", "<|im_start|>assistant\n2 assistant MaraSouth, she said.<|im_end|>\n"]);
    expect([...root.querySelectorAll(".rt-losses li")].map((item) => item.textContent)).toEqual(["trained 20 tokens", "masked 44 tokens", "cut 16 tokens", "template "].map((text) => text.trim()));
  });

  it("says that an estimate is one", async () => {
    const root = await show(PreflightApp, host({ case: caseOf(480, { exact: false }) }));
    expect(root.querySelector(".rt-losses")?.textContent).toContain("trained ≈ 20 tokens");
    expect(root.querySelector(".rt-losses")?.textContent).toContain("≈ an estimate");
  });

  it("never makes markup of a text", async () => {
    const root = await show(PreflightApp, host({ case: caseOf(480, { pieces: [["<script>alert(1)</script> <b>x</b> &amp;", "trained", 2]] }) }));
    expect(drawn(root)).toEqual(["2 assistant Mara<script>alert(1)</script> <b>x</b> &amp;"]);
  });

  it("shows white space when asked", async () => {
    const root = await show(PreflightApp, host());
    await press("w", frame(root));
    expect(one(root, "switch", "White space").getAttribute("aria-checked")).toBe("true");
    expect(drawn(root)[0]).toContain("Be Mara.");
    expect([...root.querySelectorAll(".rt-said .rt-sign")].map((sign) => sign.getAttribute("data-sign"))).toContain("·");
  });

  it("goes from a reason to its turn, and to a lost text where there is no other", async () => {
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
      const inside = this.matches("[data-place]") ? 900 - this.closest(".rt-case-box")!.scrollTop : 0;
      const height = this.matches(".rt-case-box") ? 400 : 20;
      return { top: inside, bottom: inside + height, height, left: 0, right: 0, width: 0, x: 0, y: inside, toJSON() {} };
    });
    const lost = caseOf(480, {
      reasons: [...caseOf(480).reasons, { code: "turn_lost", outcome: "altered", turn: 7, says: "The text of this turn is not in what the model gets." }],
      lost: [{ turn: 7, role: "user", what: "content", state: "lost", text: "Are you there?" }],
    });
    const at = host({ case: lost });
    const root = await show(PreflightApp, at);
    const box = root.querySelector(".rt-case-box")!;
    await click(one(root, "button", "turn 2, assistant"));
    await settle(60);
    expect(place(at)).toEqual({ key: "0:480", target: "trl", turn: 2 });
    expect(box.scrollTop).toBe(780);
    expect(root.querySelector("[data-flash]")?.textContent).toContain("2 assistant");
    box.scrollTop = 0;
    await click(one(root, "button", "turn 7"));
    await settle(60);
    expect(box.scrollTop).toBe(780);
    expect(root.querySelector("li[data-flash] del")?.textContent).toBe("Are you there?");
    expect(asked(at, "case")).toHaveLength(0);
  });

  it("names what is lost, apart from what is changed", async () => {
    const root = await show(
      PreflightApp,
      host({
        case: caseOf(480, {
          lost: [
            { turn: 0, role: "system", what: "content", state: "lost", text: "Be Mara." },
            { turn: 2, role: "assistant", what: "content", state: "trimmed", text: "South " },
          ],
        }),
      }),
    );
    const parts = [...root.querySelectorAll(".rt-lost")].map((part) => part.textContent);
    expect(parts).toEqual(["Not in what the model gets 10 systemcontent, lostBe Mara.", "Reaches the model as another text 12 assistantcontent, trimmedSouth "]);
    expect(root.querySelector(".rt-lost del")?.textContent).toBe("Be Mara.");
  });

  it("is a reason in large where nothing is rendered", async () => {
    const refused = caseOf(504, {
      outcome: "refused",
      pieces: [],
      tokens: null,
      kept: null,
      trained: null,
      reasons: [{ code: "template_refused", outcome: "refused", turn: 1, says: "The chat template refuses it." }],
    });
    const root = await show(PreflightApp, host({ case: refused }, { selection: {} }));
    expect(root.querySelector(".rt-nothing-says")?.textContent).toBe("The chat template refuses it.");
    expect(root.querySelector(".rt-nothing")?.textContent).toContain("template_refused turn 1");
    expect(root.querySelector(".rt-limit")).toBeNull();
  });

  it("is shown as another trainer has it", async () => {
    const at = host();
    const root = await show(PreflightApp, at);
    const choice = root.querySelector<HTMLSelectElement>(".rt-case-head select")!;
    await act(() => {
      choice.value = "together";
      choice.dispatchEvent(new Event("change", { bubbles: true }));
    });
    await settle();
    expect(asked(at, "case")).toEqual([{ key: "0:480", target: "together", max_tokens: null }]);
    expect(opened(root)).toBe("conversation #480, TOGETHER");
    expect(root.querySelector(".rt-limit")).toBeNull();
  });

  it("draws five thousand pieces in blocks that the browser can pass over", async () => {
    const pieces = Array.from({ length: 1250 }, (_, at): Piece[] => [
      [`<|im_start|>${at % 2 ? "assistant" : "user"}\n`, "masked", null],
      [`Line one of turn ${at}.\nLine two`, at % 2 ? "trained" : "masked", at],
      [" and its end.", at % 2 ? "trained" : "masked", at],
      ["<|im_end|>\n", "masked", null],
    ]).flat();
    const turns = Array.from({ length: 1250 }, (_, turn) => ({ turn, role: turn % 2 ? "assistant" : "user", speaker: null, hue: null }));
    const root = await show(PreflightApp, host({ case: caseOf(480, { pieces, turns }) }));
    const blocks = [...root.querySelectorAll<HTMLElement>(".rt-block")];
    expect(blocks).toHaveLength(1250);
    expect(blocks[7]!.textContent).toBe("<|im_start|>assistant\n7 assistantLine one of turn 7.\nLine two and its end.<|im_end|>\n");
  });
});

describe("the limit", () => {
  it("moves the cut once the slider rests, and only the last place counts", async () => {
    const at = host();
    const root = await show(PreflightApp, at);
    expect(root.querySelector(".rt-limit")?.textContent).toContain("limit: 64 tokens");
    await slide(root, 40);
    await slide(root, 32);
    expect(root.querySelector("input[type=range]")?.getAttribute("aria-valuetext")).toBe("32 tokens");
    expect(at.sent).toHaveLength(0);
    await settle(200);
    expect(asked(at, "case")).toEqual([{ key: "0:480", target: "trl", max_tokens: 32 }]);
    at.busy = true;
    await slide(root, 30);
    await settle(200);
    await slide(root, 20);
    await settle(200);
    const [, older, newer] = at.sent.filter(({ name }) => name === "case");
    at.reply(newer!);
    at.reply(older!);
    await settle();
    expect(asked(at, "case").at(-1)).toMatchObject({ max_tokens: 20 });
    expect(root.querySelector(".rt-limit")?.textContent).toContain("limit: 20 tokens");
    expect(root.querySelector(".rt-case")?.getAttribute("aria-busy")).toBe("false");
  });

  it("goes back to what is set without asking again", async () => {
    const at = host();
    const root = await show(PreflightApp, at);
    const back = one(root, "button", "as set");
    expect(back.getAttribute("aria-disabled")).toBe("true");
    await slide(root, 40);
    await settle(200);
    expect(back.getAttribute("aria-disabled")).toBe("false");
    await click(back);
    expect(root.querySelector(".rt-limit")?.textContent).toContain("limit: 64 tokens");
    expect(asked(at, "case")).toHaveLength(1);
  });

  it("says what it does to all conversations, also one that is only tried out", async () => {
    const effect = "Of 505 conversations, none loses trained text.";
    const at = host({ preflight: preflight([{ ...targets[0]!, effect }]) });
    const root = await show(PreflightApp, at);
    const said = () => root.querySelector("output")?.textContent;
    expect(said()).toBe(effect);
    await slide(root, 40);
    await settle(200);
    expect(said()).toBe("Of 505 conversations, 472 lose trained text.");
    expect(asked(at, "limit")).toEqual([{ target: "trl", max_tokens: 40 }]);
    await click(one(root, "button", "as set"));
    expect(said()).toBe(effect);
    expect(asked(at, "limit")).toHaveLength(1);
  });

  it("is typed as a number within its bounds", async () => {
    const at = host();
    const root = await show(PreflightApp, at);
    const field = root.querySelector<HTMLInputElement>("input[type=number]")!;
    expect([field.min, field.max]).toEqual(["16", "512"]);
    const enter = (value: string, event: string) =>
      act(() => {
        field.value = value;
        field.dispatchEvent(new Event(event, { bubbles: true }));
      });
    await enter("5", "input");
    await settle(200);
    expect(at.sent).toHaveLength(0);
    await enter("5000", "change");
    await settle();
    expect(asked(at, "case")).toEqual([{ key: "0:480", target: "trl", max_tokens: 512 }]);
    expect(field.value).toBe("512");
  });

  it("stays for the next case of the same trainer, and is let go with another", async () => {
    const at = host();
    const root = await show(PreflightApp, at);
    await slide(root, 40);
    await settle(200);
    await press("n", frame(root));
    expect(asked(at, "case").at(-1)).toEqual({ key: "0:481", target: "trl", max_tokens: 40 });
    at.push("selection", { key: "0:481", target: "together" });
    await settle();
    expect(asked(at, "case").at(-1)).toEqual({ key: "0:481", target: "together", max_tokens: null });
  });
});

describe("a preflight that is still at work", () => {
  const from = (known: number, working = true) => {
    const counts = { taken: Math.min(known, 480), altered: Math.max(0, known - 480) };
    const progress = known < rows.length ? { looked_at: known, records: rows.length, working } : null;
    return { preflight: preflight([target("trl", counts)], { progress, numbers: `${rows.length} records` }), cases: casesPage(rows.slice(0, known)), case: caseOf(480), empty: "" };
  };
  const first = (known: number, working = true) => {
    const at = fakeHost(
      { state: from(known, working), selection: { key: "0:480", target: "trl", turn: null } },
      {
        cases: (args: PageArgs) => casesPage(rows.slice(0, known), args),
        case: ({ key, max_tokens }) => caseOf(Number(key.slice(2)), { limit: max_tokens ?? 64 }),
        limit: ({ target: name, max_tokens }) => ({ target: name, max_tokens, says: `At ${max_tokens}, 3 are left out.` }),
        progress: ({ query }) => ({ preflight: from(known).preflight, query, matched: from(known).cases.matched, empty: "" }),
      },
    );
    // Nothing is answered but what the test answers, so that it is the same on a slow machine.
    at.busy = true;
    let answered = 0;
    const grow = async (to: number) => {
      known = to;
      const open = () => at.sent.filter(({ name }) => name === "progress");
      await vi.waitFor(() => expect(open().length).toBe(answered + 1), 4_000);
      at.reply(open()[answered++]!);
      await settle();
    };
    const answerTheRest = async () => {
      for (const request of at.sent) if (request.name !== "progress") at.reply(request);
      await settle();
    };
    return { at, grow, answerTheRest };
  };
  const far = (root: Element) => root.querySelector(".rt-looked")?.textContent;
  const count = (root: Element) => root.querySelector(".rt-cases-part .rt-count")?.textContent;

  it("says how far it is, grows, and is asked no more once it is done", async () => {
    const { at, grow, answerTheRest } = first(485);
    const root = await show(PreflightApp, at);
    expect(far(root)).toBe("485 of 505 looked at");
    expect(root.querySelector("progress")?.getAttribute("aria-valuetext")).toBe("485 of 505 looked at");
    expect(count(root)).toBe("5 of 485");
    await grow(500);
    expect(far(root)).toBe("500 of 505 looked at");
    expect(count(root)).toBe("20 of 500");
    await vi.waitFor(() => expect(asked(at, "cases")).toHaveLength(1), 4_000);
    await answerTheRest();
    expect(listed(root).length).toBeGreaterThan(5);
    await grow(505);
    expect(far(root)).toBeUndefined();
    expect(count(root)).toBe("25 of 505");
    await settle(1_000);
    expect(asked(at, "progress")).toEqual([{ query: "" }, { query: "" }]);
  });

  it("leaves the open case and the limit as they are while it grows", async () => {
    const { at, grow, answerTheRest } = first(485);
    const root = await show(PreflightApp, at);
    await slide(root, 40);
    await settle(200);
    await answerTheRest();
    await grow(505);
    at.push("state", from(505));
    await answerTheRest();
    expect(root.querySelector(".rt-limit")?.textContent).toContain("limit: 40 tokens");
    expect(root.querySelector("output")?.textContent).toBe("At 40, 3 are left out.");
    expect(opened(root)).toBe("conversation #480, TRL");
    expect(asked(at, "case")).toHaveLength(1);
    expect(count(root)).toBe("25 of 505");
  });

  it("says where it stopped, and asks no more", async () => {
    const { at } = first(300, false);
    const root = await show(PreflightApp, at);
    await settle(1_000);
    expect(far(root)).toBe("300 of 505 looked at, then it stopped");
    expect(asked(at, "progress")).toHaveLength(0);
  });

  it("is let go with the panel", async () => {
    const { at, grow } = first(485);
    await show(PreflightApp, at);
    await grow(490);
    takeDown();
    const count = asked(at, "progress").length;
    await settle(1_000);
    expect(asked(at, "progress")).toHaveLength(count);
  });
});

describe("the blocks of a rendered text", () => {
  const turns = [
    { turn: 0, role: "system", speaker: null, hue: null },
    { turn: 1, role: "user", speaker: null, hue: null },
  ];
  const texts = (pieces: Piece[]) => blocksOf(pieces, turns).map((block) => block.map(({ text }) => text).join(""));

  it("begin with the line that opens the turn, also where the template writes much between two", () => {
    expect(texts([["<s>system\n", "masked", null], ["Hi.", "masked", 0], ["\n\n# Tools\nhelp\n<e>", "masked", null], ["\n<s>user\n", "masked", null], ["Yo", "masked", 1]])).toEqual([
      "<s>system\nHi.\n\n# Tools\nhelp\n<e>\n",
      "<s>user\nYo",
    ]);
  });

  it("begin with the turn where its opening stands on the line of the last one", () => {
    expect(texts([["Hi.", "masked", 0], ["<e><s>user<h>\n\n", "masked", null], ["Yo", "masked", 1]])).toEqual(["Hi.<e><s>user<h>\n\n", "Yo"]);
    expect(texts([["Hi.\n", "masked", 0], ["Yo", "masked", 1]])).toEqual(["Hi.\n", "Yo"]);
  });

  it("are one where the template knows no lines", () => {
    expect(texts([["[INST]", "masked", null], ["Hi.", "masked", 0], [" [/INST] ", "masked", null], ["Yo", "trained", 1]])).toEqual(["[INST]Hi. [/INST] Yo"]);
  });

  it("lose and add nothing, whatever the pieces are", () => {
    const parts = ["a", "\n", "b\n", "\n\nuser", "", "<e>\n<s>user\n", "c\nd"];
    for (let seed = 1; seed < 300; seed++) {
      const pieces = Array.from({ length: 9 }, (_, at): Piece => {
        const dice = (seed * 7919 + at * 104_729 + seed * at * 31) % 1009;
        return [parts[dice % parts.length]!, "masked", dice % 3 === 0 ? null : dice % 5];
      });
      const blocks = texts(pieces);
      expect(blocks.join("")).toBe(pieces.map(([text]) => text).join(""));
      for (const block of blocks.slice(0, -1)) expect(block.endsWith("\n")).toBe(true);
    }
  });

  it("are counted by their part in the loss, where there is something to count", () => {
    expect(countsOf({ tokens: 80, kept: 64, trained: 20 })).toEqual({ trained: 20, masked: 44, cut: 16 });
    expect(countsOf({ tokens: null, kept: null, trained: null })).toBeNull();
  });
});

describe("the preflight panel", () => {
  it("says what fails and tries again, and keeps what it has", async () => {
    const at = host({}, { error: "The file has changed." });
    const root = await show(PreflightApp, at);
    expect(one(root, "alert").textContent).toBe("The file has changed.");
    at.busy = true;
    await click(listed(root)[1]);
    expect(root.querySelector(".rt-case")?.getAttribute("aria-busy")).toBe("true");
    expect(opened(root)).toBe("conversation #480, TRL");
    const [request] = at.sent;
    at.reply({ ...request!, name: "charts" });
    await settle();
    expect(all(root, "alert").at(-1)?.textContent).toContain("Nothing answers charts.");
    at.busy = false;
    await click(one(root, "button", "Try again"));
    expect(opened(root)).toBe("conversation #481, TRL");
  });

  it("draws into its element, says when the kernel is gone, and takes everything away again", async () => {
    const values: Record<string, string> = { state: host().get("state"), selection: "{}", filters: "", error: "" };
    const listeners = new Map<string, Set<() => void>>();
    const model = {
      get: (name: string) => values[name],
      set() {},
      save_changes() {},
      send() {},
      on: (event: string, listener: () => void) => void listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)),
      off: (event: string, listener?: (() => void) | null) => void (listener && listeners.get(event)?.delete(listener)),
    };
    const el = document.createElement("div");
    document.body.append(el);
    let stop = () => {};
    await act(() => void (stop = widget.render({ model, el })));
    expect(el.querySelector<HTMLElement>(".rtnb")?.dataset.lmSuppressShortcuts).toBe("true");
    await act(() => listeners.get("comm:close")!.forEach((listener) => listener()));
    await settle();
    expect(el.textContent).toContain("The kernel is gone.");
    expect(opened(el)).toBe("conversation #480, TRL");
    stop();
    expect(el.childElementCount).toBe(0);
    expect([...listeners.values()].every((set) => set.size === 0)).toBe(true);
  });

  it("is drawn from a saved state without a notebook", async () => {
    const el = document.createElement("div");
    document.body.append(el);
    const stop = mountStatic(el, { state: host().get("state") });
    await settle();
    expect(drawn(el)).toHaveLength(3);
    stop();
  });

  it("lets the notebook hear nothing but Escape, which goes back to the cell", async () => {
    const cell = document.createElement("div");
    cell.className = "jp-Cell";
    cell.tabIndex = -1;
    document.body.append(cell);
    const root = await show(PreflightApp, host(), cell);
    const heard: string[] = [];
    cell.addEventListener("keydown", (event) => heard.push(event.key));
    const stops = root.querySelectorAll("[tabindex], button, input, select");
    expect(stops.length).toBeGreaterThan(12);
    for (const stop of stops) {
      for (const key of ["d", "b", "x", "Enter", "ArrowDown", "Home"]) stop.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    }
    await settle();
    expect(heard).toEqual([]);
    listed(root)[0]!.focus();
    await press("Escape");
    expect(heard).toEqual(["Escape"]);
    expect(document.activeElement).toBe(cell);
  });

  it.each<[string, Partial<PreflightState>, { filters?: string; error?: string }]>([
    ["with a case", {}, { filters: "target:trl outcome:altered", error: "Something." }],
    ["with a refused case", { case: caseOf(504, { outcome: "refused", pieces: [], lost: [{ turn: 0, role: "system", what: "content", state: "lost", text: "Be Mara." }] }) }, {}],
    ["with nothing", { cases: casesPage([]), case: null as Case | null }, {}],
  ])("axe finds nothing %s", async (_, state, traits) => {
    const root = await show(PreflightApp, host(state, { selection: {}, ...traits }));
    // jsdom paints nothing, so contrast is measured in a browser.
    const { violations } = await axe.run(root, { rules: { "color-contrast": { enabled: false } } });
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  });
});
