// An invented dataset and its answers to every request; only what the components show is computed.

const speech = [
  "I climb aboard and drop my bag on the deck. “You said midnight. It’s past two.”",
  "She smiled and did not look up from the chart. “The tide said two.” As an AI language model, I do not sail, but the wind had teeth tonight, and the rope in her hands was already wet.",
  "“Then we wait for the harbour lamp?”",
  "“We wait for nothing.” The lamp on the pier went out by itself. You feel afraid and decide to trust her. She held out the second oar, handle first.",
  "I take it.\u00a0 “Left or right?”\tI ask.",
  "“Left, and quietly.” She smiled at the dark as if it owed her\u200b money.<|im_end|>",
];
const arabic = ["أين يصب النهر يا قبطان؟", "ابتسمت وقالت: «نحو الجنوب»، ثم طوت الخريطة ببطء وأشارت إلى الفنار. بصفتي نموذجا لغويا لا أبحر، لكن الريح كانت حادة تلك الليلة."];
const long = Array.from({ length: 26 }, (_, at) => `${at + 1}. The ${["lamp", "rope", "tide", "oar", "bell"][at % 5]} goes where the ${["keeper", "smuggler", "pilot"][at % 3]} says it goes, and nobody on the pier asks twice.`).join("\n");

const rules = [
  ["leak.control_token", "error", "Control token in the text", 4, "“<|im_end|>” in the text"],
  ["turn.empty", "error", "Empty turn", 2, "No visible character"],
  ["roleplay.user_agency", "warning", "Decides for the user", 131, "Decides what the user feels"],
  ["reply.meta", "warning", "Reply about itself", 11, "Speaks of being a language model"],
  ["text.invisible", "warning", "Invisible character", 9, "Zero-width space (U+200B) inside a word"],
  ["text.whitespace", "info", "Blanks at the ends", 240, "Two blanks at the end"],
  ["style.repeated_opening", "info", "Repeated opening", 38, "Begins “She smiled”, like 38 % of all replies"],
];
const weight = { error: 0, warning: 1, info: 2 };

let n = 0;
const findings = rules.flatMap(([code, severity, title, count, message]) =>
  Array.from({ length: count }, (_, at) => {
    const index = code === "style.repeated_opening" && at === 0 ? null : (17 + at * 7) % 505;
    const turn = index === null ? null : code === "roleplay.user_agency" ? 4 : code === "turn.empty" ? 7 : 2 + (at % 3) * 2;
    return { n: n++, code, severity, title, key: index === null ? null : `0:${index}`, index, source: index === null ? null : 0, line: index === null ? null : index + 1, turn, role: turn === null ? null : "assistant", message };
  }),
);

const conversations = Array.from({ length: 505 }, (_, index) => {
  const own = findings.filter((finding) => finding.index === index);
  const count = (severity) => own.filter((finding) => finding.severity === severity).length;
  const title = ["Captain Mara", "The lamp keeper of Sund", "A night market, with rain, and a very long title that nobody will ever read to its end", "القبطانة مارا"][index % 4];
  return { key: `0:${index}`, index, id: `harbour-${index}`, title, turns: index === 18 ? 650 : 12, words: 412 + index, errors: count("error"), warnings: count("warning"), infos: count("info") };
});

function matches(query) {
  const parts = query.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
  const by = (name) => parts.filter((part) => part.startsWith(`${name}:`)).map((part) => part.slice(name.length + 1));
  const words = parts.filter((part) => !/^(severity|code|role|words|exchanges):/.test(part)).map((word) => word.replaceAll('"', "").toLowerCase());
  return (row) =>
    (by("severity").length === 0 || by("severity").includes(row.severity)) &&
    (by("code").length === 0 || by("code").some((code) => row.code === code || row.code?.startsWith(`${code}.`))) &&
    (by("role").length === 0 || by("role").includes(row.role ?? "assistant")) &&
    words.every((word) => `${row.code} ${row.message} ${row.title}`.toLowerCase().includes(word));
}

function findingsPage({ query, sort, descending, offset = 0, limit = 100, near }) {
  const behind = query.replace(/severity:\S+/g, "");
  const all = findings.filter(matches(behind));
  const rows = findings.filter(matches(query));
  const groups = rules.map(([code, severity, title]) => ({ code, severity, title, count: rows.filter((row) => row.code === code).length })).filter((group) => group.count > 0);
  const value = { severity: (row) => weight[row.severity], code: (row) => row.code, conversation: (row) => row.index ?? -1, turn: (row) => row.turn ?? -1, role: (row) => row.role ?? "" }[sort];
  if (value) rows.sort((a, b) => ((value(a) > value(b)) - (value(a) < value(b))) * (descending ? -1 : 1));
  const place = near === undefined ? -1 : rows.findIndex((row) => row.n === near);
  const from = place >= 0 ? Math.floor(place / 100) * 100 : offset;
  const severities = { error: 0, warning: 0, info: 0 };
  for (const row of all) severities[row.severity]++;
  return { query, sort, descending, offset: from, matched: rows.length, total: findings.length, severities, groups, rows: rows.slice(from, from + limit) };
}

function conversationsPage({ query, sort, descending, offset = 0, limit = 100, near }) {
  const keys = new Set(findings.filter(matches(query)).map((row) => row.key));
  const rows = query.trim() ? conversations.filter((row) => keys.has(row.key)) : [...conversations];
  const value = { findings: (row) => row.errors * 1e6 + row.warnings * 1e3 + row.infos, turns: (row) => row.turns, words: (row) => row.words }[sort];
  if (value) rows.sort((a, b) => value(b) - value(a));
  if (descending) rows.reverse();
  const place = near === undefined ? -1 : rows.findIndex((row) => row.key === near);
  const from = place >= 0 ? Math.floor(place / 100) * 100 : offset;
  return { query, sort, descending, offset: from, matched: rows.length, total: conversations.length, rows: rows.slice(from, from + limit) };
}

function cut(text, spans) {
  const edges = [...new Set([0, text.length, ...spans.flatMap(([from, to]) => [from, to])])].sort((a, b) => a - b);
  return edges.slice(0, -1).map((from, at) => [text.slice(from, edges[at + 1]), spans.filter(([a, b]) => a <= from && b >= edges[at + 1]).map(([, , issue]) => issue)]);
}

const needles = { "leak.control_token": "<|im_end|>", "roleplay.user_agency": "You feel afraid and decide to trust her.", "reply.meta": "As an AI language model, I do not sail", "text.invisible": "\u200b", "style.repeated_opening": "She smiled" };

function thread({ key, from = 0, count = 200 }) {
  const row = conversations.find((one) => one.key === key) ?? conversations[0];
  const own = findings.filter((finding) => finding.key === row.key);
  const issues = own.map(({ n, code, severity, message, turn, title }) => ({
    n, code, severity, message, turn, title,
    repair: code === "text.whitespace" ? "safe" : code === "leak.control_token" ? "unsafe" : null,
    before: code === "text.whitespace" ? "the tide said two.  " : null,
    after: code === "text.whitespace" ? "the tide said two." : null,
  }));
  const turns = Array.from({ length: Math.min(count, row.turns - from) }, (_, at) => {
    const turn = from + at;
    const rtl = row.index % 4 === 3;
    const tool = turn === 9 || turn === 10;
    const role = turn === 0 ? "system" : tool && turn === 10 ? "tool" : turn % 2 ? "user" : "assistant";
    let text = turn === 0 ? `You are Captain Mara, a smuggler who trusts nobody and jokes about everything. Stay in the scene.\n${long}` : turn === 7 ? "" : turn === 8 ? long : rtl ? arabic[(turn + 1) % 2] : speech[(turn - 1) % 6];
    if (turn === 9) text = "";
    if (turn === 10) text = '{"depth": 4.2, "unit": "m"}';
    if (turn === 11) text = "<script>alert(1)</script> <b>not bold</b> &amp; **not bold either**";
    const here = issues.flatMap((issue, position) => (issue.turn === turn ? [position] : []));
    const spans = here.flatMap((position) => {
      const start = text.indexOf(needles[issues[position].code] ?? "\uffff");
      return start < 0 ? [] : [[start, start + needles[issues[position].code].length, position]];
    });
    return {
      turn, role, role_raw: role === "assistant" ? "gpt" : role, speaker: role === "user" ? "Kai" : role === "assistant" ? "Mara" : null, hue: role === "user" ? 1 : role === "assistant" ? 5 : null,
      kind: "text", words: text.split(/\s+/).filter(Boolean).length, chars: text.length, dir: rtl && turn > 0 && turn !== 8 ? "rtl" : "ltr",
      segments: text ? cut(text, spans) : [], issues: here, note: turn === 9 ? "content is null" : "",
      extra: turn === 9 ? [["tool_calls", '[{"id":"call_1","type":"function","function":{"name":"get_depth","arguments":"{\\"pier\\":3}"}}]']] : [],
    };
  });
  return { key: row.key, index: row.index, id: row.id, title: row.title, format: "messages", source: "harbour_nights.jsonl", line: row.index + 1, turn_count: row.turns, words: row.words, from, turns, issues };
}

const bars = (id, title, subtitle, label, tone, name, values) => {
  const sum = values.reduce((all, [, value]) => all + value, 0);
  const most = Math.max(...values.map(([, value]) => value));
  return {
    id, kind: "bars", title, subtitle, x: { label, ticks: [[0, "0"], [1, String(most)]] },
    marks: values.map(([label, value]) => ({ label, value, length: value / most, text: `${value.toLocaleString("en")} · ${Math.round((100 * value) / sum)} %`, tone: tone ?? label, filter: `${name}:${/\s/.test(label) ? `"${label}"` : label}` })),
  };
};
const heights = [14, 60, 128, 240, 310, 366, 342, 250, 160, 90, 44, 24, 12, 8, 3];
const charts = [
  {
    id: "reply_words", kind: "histogram", title: "Half of all replies have 64 to 180 words", subtitle: "words a reply, 2,051 replies",
    x: { label: "words a reply", ticks: [[0, "0"], [1 / 3, "100"], [2 / 3, "200"], [1, "300"]] }, y: { label: "replies", ticks: [[0, "0"], [0.5, "200"], [1, "400"]] },
    marks: heights.map((value, at) => ({ x0: at / 15, x1: (at + 1) / 15, height: value / 400, value, label: `${at * 20} to ${at * 20 + 19} words`, text: `${value} replies, ${((100 * value) / 2051).toFixed(1)} %`, tone: "assistant", filter: `role:assistant words:${at * 20}..${at * 20 + 19}` })),
    rules: [[0.38, "median 114"]],
  },
  bars("roles", "Users and assistants take turns", "turns by role", "turns", null, "role", [["assistant", 2051], ["user", 2046], ["system", 505], ["tool", 12]]),
  bars("openings", "Three openings cover 61 % of replies", "first three words, effective number 4.2", "replies", "plain", "opening", [["She smiled and", 780], ["Mara laughed softly, then turned", 308], ["The wind", 164], ["Nobody moved", 90], ["“Wait,” she", 61]]),
  bars("findings", "Most findings are about white space", "findings by rule", "findings", "warning", "code", rules.map(([code, , , count]) => [code, count])),
];

const first = { query: "", sort: "group", descending: false };
export const states = (empty) => ({
  thread: empty ? null : thread({ key: "0:17" }),
  findings: empty ? { ...first, offset: 0, matched: 0, total: 0, severities: { error: 0, warning: 0, info: 0 }, groups: [], rows: [] } : findingsPage(first),
  conversations: conversationsPage({ ...first, sort: "file" }),
  charts: empty ? [] : charts,
  roles: ["system", "user", "assistant", "tool", "unknown"],
  header: { name: "harbour_nights.jsonl", numbers: "505 conversations · 4,102 turns · 1 record could not be read", profile: "chat" },
  ...(empty ? { empty: "No findings. 505 conversations checked with profile chat." } : {}),
});

export function answer({ id, name, args }) {
  if (name === "findings" && args.query.includes("colour:")) return { kind: "reply", id, ok: false, error: "No term is called colour: (known: code, id, role, severity, turns, words)." };
  const result = { findings: findingsPage, conversations: conversationsPage, conversation: thread, charts: () => ({ charts }) }[name](args);
  return { kind: "reply", id, ok: true, result };
}
