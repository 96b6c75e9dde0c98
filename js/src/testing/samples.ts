import type { Case, CaseRow, CasesPage, Chart, ConversationsPage, Finding, FindingGroup, FindingsPage, Issue, Outcome, PageArgs, Preflight, PreflightTarget, Segment, Severity, Thread, Turn } from "../lib/protocol.ts";

export function turn(number: number, text: string | Segment[], more: Partial<Turn> = {}): Turn {
  const segments: Segment[] = typeof text === "string" ? [[text, []]] : text;
  const whole = segments.map(([piece]) => piece).join("");
  return {
    turn: number,
    role: number % 2 ? "user" : "assistant",
    role_raw: number % 2 ? "user" : "assistant",
    speaker: number % 2 ? "Kai" : "Mara",
    side: null,
    hue: number % 2,
    kind: "text",
    words: whole.split(/\s+/).filter(Boolean).length,
    chars: whole.length,
    dir: "ltr",
    segments,
    issues: [...new Set(segments.flatMap(([, issues]) => issues))],
    extra: [],
    note: "",
    ...more,
  };
}

export function issue(n: number, turnNumber: number | null, more: Partial<Issue> = {}): Issue {
  return { n, code: "reply.meta", severity: "warning", message: `Finding ${n}`, turn: turnNumber, title: "A title", repair: null, before: null, after: null, ...more };
}

export function thread(turns: Turn[], issues: Issue[] = [], more: Partial<Thread> = {}): Thread {
  return {
    key: "0:17",
    index: 17,
    id: "harbour-17",
    title: "Captain Mara",
    format: "messages",
    source: "harbour.jsonl",
    line: 18,
    turn_count: turns.length,
    words: turns.reduce((sum, one) => sum + one.words, 0),
    from: 0,
    turns,
    issues,
    ...more,
  };
}

/** Findings of three groups; each is in a conversation of its own. */
export function findings(counts: [code: string, severity: Severity, count: number][]): Finding[] {
  let n = 0;
  return counts.flatMap(([code, severity, count]) =>
    Array.from({ length: count }, () => ({
      n,
      code,
      severity,
      key: `0:${n}`,
      index: n,
      source: 0,
      line: n + 1,
      turn: 2,
      role: "assistant",
      message: `${code} number ${n++}`,
    })),
  );
}

const rank = { error: 0, warning: 1, info: 2 };

export function findingsPage(everything: Finding[], args: Partial<PageArgs> = {}): FindingsPage {
  const { query = "", sort = "group", descending = false, offset = 0, limit = 100, near } = args;
  const terms = query.split(" ").filter(Boolean);
  const named = (name: string) => terms.filter((term) => term.startsWith(`${name}:`)).map((term) => term.slice(name.length + 1));
  const keep = (row: Finding, severity = true) =>
    (!severity || named("severity").length === 0 || named("severity").includes(row.severity)) &&
    (named("code").length === 0 || named("code").includes(row.code)) &&
    terms.filter((term) => !term.includes(":")).every((word) => row.message.includes(word));
  const rows = everything.filter((row) => keep(row));
  if (sort === "severity") rows.sort((a, b) => (rank[a.severity] - rank[b.severity]) * (descending ? -1 : 1));
  const groups: FindingGroup[] = [];
  for (const row of rows) {
    const last = groups.find((group) => group.code === row.code);
    if (last) last.count++;
    else groups.push({ code: row.code, severity: row.severity, title: row.code, count: 1 });
  }
  const place = near === undefined ? -1 : rows.findIndex((row) => row.n === near);
  const from = place < 0 ? offset : Math.floor(place / limit) * limit;
  const severities = { error: 0, warning: 0, info: 0 };
  for (const row of everything) if (keep(row, false)) severities[row.severity]++;
  return { query, sort, descending, offset: from, matched: rows.length, total: everything.length, severities, groups, rows: rows.slice(from, from + limit) };
}

export function conversationsPage(count: number, args: Partial<PageArgs> = {}): ConversationsPage {
  const { query = "", sort = "file", descending = false, offset = 0, limit = 100 } = args;
  const matched = query ? Math.ceil(count / 2) : count;
  return {
    query,
    sort,
    descending,
    offset,
    matched,
    total: count,
    rows: Array.from({ length: Math.max(0, Math.min(limit, matched - offset)) }, (_, at) => {
      const index = (offset + at) * (query ? 2 : 1);
      return { key: `0:${index}`, index, id: `harbour-${index}`, title: `Conversation ${index}`, turns: 4, words: 40, errors: 1, warnings: 0, infos: 0 };
    }),
  };
}

export const charts: Chart[] = [
  {
    id: "reply_words",
    kind: "histogram",
    title: "Half of all replies have 64 to 180 words",
    subtitle: "words a reply, 300 replies",
    x: { label: "words", ticks: [[0, "0"], [1, "60"]] },
    y: { label: "replies", ticks: [[0, "0"], [1, "200"]] },
    marks: [0, 1, 2].map((at) => ({
      x0: at / 3,
      x1: (at + 1) / 3,
      height: (at + 1) / 4,
      value: 50 * (at + 1),
      label: `${at * 20} to ${at * 20 + 19} words`,
      text: `${50 * (at + 1)} replies`,
      filter: `role:assistant words:${at * 20}..${at * 20 + 19}`,
    })),
    rules: [[0.4, "median 30"]],
  },
  {
    id: "roles",
    kind: "bars",
    title: "Assistants speak most",
    subtitle: "turns by role",
    x: { label: "turns", ticks: [[0, "0"], [1, "200"]] },
    marks: [
      { label: "assistant", length: 1, value: 200, text: "200 · 67 %", tone: "assistant", filter: "role:assistant" },
      { label: "a role with a name that is far too long to stand beside its bar", length: 0.5, value: 100, text: "100 · 33 %", tone: "user", filter: "role:user" },
    ],
  },
];

export function target(name: string, counts: Partial<Record<Outcome, number>>, more: Partial<PreflightTarget> = {}): PreflightTarget {
  return {
    name,
    title: name.toUpperCase(),
    version: "1.0",
    basis: "measured",
    refused: null,
    counts: { taken: 0, altered: 0, dropped: 0, refused: 0, ...counts },
    trained: "trains on 60 of 200 tokens (30%)",
    limit: 64,
    longest: 512,
    reasons: [],
    ...more,
  };
}

export function preflight(targets: PreflightTarget[], more: Partial<Preflight> = {}): Preflight {
  return {
    name: "harbour.jsonl",
    numbers: "505 conversations · template ChatML · tokens counted by T",
    exact: true,
    outcomes: ["taken", "altered", "dropped", "refused"],
    targets,
    notes: [],
    ...more,
  };
}

export function caseRow(index: number, more: Partial<CaseRow> = {}): CaseRow {
  return {
    key: `0:${index}`,
    target: "trl",
    index,
    id: `harbour-${index}`,
    title: `Conversation ${index}`,
    outcome: "altered",
    reasons: ["answer_cut"],
    tokens: 1301,
    trained: 412,
    ...more,
  };
}

export function casesPage(everything: CaseRow[], args: Partial<PageArgs> = {}): CasesPage {
  const { query = "", sort = "file", descending = false, offset = 0, limit = 100, near } = args;
  const value = (name: string) => query.split(" ").find((term) => term.startsWith(`${name}:`))?.slice(name.length + 1);
  const [by, outcome, reason] = [value("target"), value("outcome"), value("reason")];
  const rows = everything.filter(
    (row) => (!by || row.target === by) && (!reason || row.reasons.includes(reason)) && (outcome ? row.outcome === outcome : reason || row.outcome !== "taken"),
  );
  const place = near === undefined ? -1 : rows.findIndex((row) => row.key === near);
  const from = place < 0 ? offset : Math.floor(place / limit) * limit;
  return { query, sort, descending, offset: from, matched: rows.length, total: everything.length, rows: rows.slice(from, from + limit) };
}

/** A system prompt, a question and an answer in ChatML, of which only the answer is trained. */
export function caseOf(index: number, more: Partial<Case> = {}): Case {
  return {
    key: `0:${index}`,
    target: "trl",
    index,
    id: `harbour-${index}`,
    title: `Conversation ${index}`,
    source: "harbour.jsonl",
    line: index + 1,
    outcome: "altered",
    limit: 64,
    tokens: 80,
    kept: 64,
    trained: 20,
    exact: true,
    dir: "ltr",
    reasons: [{ code: "answer_cut", outcome: "altered", turn: 2, says: "The answer is cut at 64 tokens." }],
    turns: [
      { turn: 0, role: "system", speaker: null, hue: null },
      { turn: 1, role: "user", speaker: "Kai", hue: 1 },
      { turn: 2, role: "assistant", speaker: "Mara", hue: 2 },
    ],
    pieces: [
      ["<|im_start|>system\n", "masked", null],
      ["Be Mara.", "masked", 0],
      ["<|im_end|>\n<|im_start|>user\n", "masked", null],
      ["أين النهر؟", "masked", 1],
      ["<|im_end|>\n<|im_start|>assistant\n", "masked", null],
      ["South", "trained", 2],
      [", she said.", "cut", 2],
      ["<|im_end|>\n", "cut", null],
    ],
    lost: [],
    ...more,
  };
}
