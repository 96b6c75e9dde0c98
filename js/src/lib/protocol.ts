/** The payloads of docs/protocol.md, one type each. */

export type Severity = "error" | "warning" | "info";
export type Role = "system" | "developer" | "user" | "assistant" | "tool";
export type Key = string;

export interface Selection {
  key?: Key | null;
  turn?: number | null;
  n?: number | null;
}

export interface Page<Row> {
  query: string;
  sort: string;
  descending: boolean;
  offset: number;
  matched: number;
  total: number;
  rows: Row[];
}

export interface Finding {
  n: number;
  code: string;
  severity: Severity;
  key: Key | null;
  index: number | null;
  source: number | null;
  line: number | null;
  turn: number | null;
  role: string | null;
  message: string;
  decision?: string | null;
}

/** What stands above the findings of one conversation. */
export interface Heading {
  head: true;
  key: Key | null;
  index: number | null;
  source: number | null;
  line: number | null;
  decision: string | null;
  id: string | null;
  title: string;
  count: number;
}

export type LinesPage = Page<Finding | Heading>;

export interface FindingGroup {
  code: string;
  severity: Severity;
  title: string;
  count: number;
}

export interface FindingsPage extends Page<Finding> {
  severities: Record<Severity, number>;
  groups: FindingGroup[];
}

export interface ConversationRow {
  key: Key;
  index: number;
  id: string | null;
  title: string | null;
  turns: number;
  words: number;
  errors: number;
  warnings: number;
  infos: number;
  decision?: string | null;
  note?: string;
  tags?: string[];
}

export type ConversationsPage = Page<ConversationRow>;

/** A call of a tool; its arguments are JSON text in lines, token for token as it was written. */
export interface ToolCall {
  name: string | null;
  id: string | null;
  arguments: string;
  /** The turn that holds its result. */
  answer: number | null;
  rest?: string;
}

/** What a tool gave back; `text` is null where it is the text of the turn itself. */
export interface ToolResult {
  name: string | null;
  id: string | null;
  /** The turn that holds the call. */
  call: number | null;
  text: string | null;
}

/** A typed part that is no text: a picture, a sound, a file. Its address is never fetched. */
export interface TypedPart {
  type: string;
  facts: string[];
  where: string;
}

/** A piece of text and the positions, in the thread's `issues`, of what was found in it. */
export type Segment = [text: string, issues: number[]];

export interface Turn {
  turn: number;
  role: Role | null;
  role_raw: string | null;
  speaker: string | null;
  side: "chosen" | "rejected" | null;
  hue: number | null;
  kind: "text" | "parts" | "call" | "result" | "null" | "other" | "not_object";
  words: number;
  chars: number;
  dir: "ltr" | "rtl";
  segments: Segment[];
  issues: number[];
  extra: [name: string, json: string][];
  note: string;
  initials?: string;
  tokens?: number;
  /** Share of the text in quotation marks, in percent. */
  quoted?: number;
  /** How many of the first segments are the reasoning that an answer begins with. */
  thought?: number;
  reasoning?: [name: string, text: string][];
  calls?: ToolCall[];
  results?: ToolResult[];
  parts?: TypedPart[];
}

export interface Issue {
  n: number;
  code: string;
  severity: Severity;
  message: string;
  turn: number | null;
  title: string;
  repair: "safe" | "unsafe" | null;
  before: string | null;
  after: string | null;
}

export interface Thread {
  key: Key;
  index: number;
  id: string | null;
  title: string | null;
  format: string;
  source: string | null;
  line: number | null;
  /** The same as long as the record and its findings are. */
  state?: string;
  /** Whether only the beginning of its first turn has come. */
  cut?: boolean;
  /** Whether the record is another than in its source. */
  edited?: boolean;
  decision?: string | null | undefined;
  note?: string | undefined;
  tags?: string[] | undefined;
  turn_count: number;
  words: number;
  from: number;
  turns: Turn[];
  issues: Issue[];
  /** Findings of the whole conversation; `issues` are those of the turns that are here. */
  finding_count?: number;
  /** Whether tokens were counted by a tokenizer, not estimated. */
  exact?: boolean;
  counted_by?: string;
}

export type CopyForm = "json" | "markdown";

export type Tick = [position: number, label: string];

interface MarkBase {
  label: string;
  value: number;
  text: string;
  filter?: string | null;
  tone?: string;
}

export interface HistogramMark extends MarkBase {
  x0: number;
  x1: number;
  height: number;
}

export interface BarMark extends MarkBase {
  length: number;
}

/** A part of one row of stacked bars. */
export interface StackMark extends MarkBase {
  row: number;
  x0: number;
  x1: number;
}

/** A cell of a table; `depth` is how dark it is, from 0 to 1. */
export interface HeatMark extends MarkBase {
  row: number;
  column: number;
  depth: number;
}

/** Where the middle of something lies between two ends, and its middle half. */
export interface SpectrumMark extends MarkBase {
  at: number;
  from: number;
  to: number;
}

export interface PanelMark extends HistogramMark {
  panel: number;
}

/** A place where a phrase stands, with what is around it. */
export interface PhraseLine {
  before: string;
  phrase: string;
  after: string;
  key: Key;
  turn: number;
}

export interface PhraseMark extends BarMark {
  lines: PhraseLine[];
}

interface ChartBase {
  id: string;
  title: string;
  subtitle: string;
  /** The heading that the chart stands under. */
  group?: string;
}

export interface Axis {
  label: string;
  ticks: Tick[];
}

export interface Histogram extends ChartBase {
  kind: "histogram";
  x: Axis;
  y: Axis;
  marks: HistogramMark[];
  rules?: Tick[];
}

export interface Bars extends ChartBase {
  kind: "bars";
  x: Axis;
  marks: BarMark[];
}

/** Rows of equal length, each parted by shares. */
export interface Stack extends ChartBase {
  kind: "stack";
  x: Axis;
  rows: string[];
  legend: [label: string, tone: string][];
  marks: StackMark[];
}

export interface Heat extends ChartBase {
  kind: "heat";
  x: { label: string };
  y: { label: string };
  rows: string[];
  columns: string[];
  marks: HeatMark[];
}

/** One row a mark, between two named ends. */
export interface Spectrum extends ChartBase {
  kind: "spectrum";
  x: Axis;
  ends: [string, string];
  marks: SpectrumMark[];
}

/** Small histograms on the same axes, one below the other. */
export interface Multiples extends ChartBase {
  kind: "multiples";
  x: Axis;
  y: Axis;
  panels: { label: string; rules: Tick[] }[];
  marks: PanelMark[];
}

export interface Phrases extends ChartBase {
  kind: "phrases";
  x: { label: string };
  marks: PhraseMark[];
}

export type Chart = Histogram | Bars | Stack | Heat | Spectrum | Multiples | Phrases;

export interface ThreadState {
  thread?: Thread | null;
  empty?: string;
  /** That of the journal when the thread was sent. */
  serial?: number;
}

export interface IssuesState {
  findings?: FindingsPage;
  empty?: string;
  roles?: string[];
  status?: Status;
}

export interface BalanceState {
  charts?: Chart[];
  empty?: string;
}

/** Gates as they were measured; the query of each opens what is behind its number. */
export interface GatesState {
  ok: boolean;
  says: string;
  results: { ok: boolean; says: string; query: string }[];
}

export interface ReviewState extends ThreadState, IssuesState, BalanceState {
  conversations?: ConversationsPage;
  header?: { name: string; numbers: string; profile: string; gates?: GatesState };
}

export type Decision = "keep" | "fix" | "reject" | "later";

/** How far the review is. */
export interface Status {
  serial: number;
  conversations: number;
  decided: Record<Decision, number>;
  ignored: number;
  changed: number;
  undo: string | null;
  redo: string | null;
  notice: string | null;
  set_aside: number;
  lost: string[];
  queries: Record<string, string>;
}

export type Facet = "severity" | "code" | "role" | "decision";
export type Facets = { query: string } & Record<Facet, [value: string, count: number][]>;

/** Findings or conversations that a step is about: named, or all that match a query. */
export interface Which {
  findings?: number[];
  keys?: Key[];
  query?: string;
}

/** What repairs would change. */
export interface RepairPlan {
  repairs: number;
  counts: Record<string, number>;
  unsafe: number;
  left: number;
  lines: [kind: string, text: string][];
}

/** What a trainer would do with a conversation, from good to bad. */
export type Outcome = "taken" | "altered" | "dropped" | "refused";

export interface PreflightReason {
  code: string;
  outcome: Outcome;
  count: number;
  says: string;
}

export interface PreflightTarget {
  name: string;
  title: string;
  version: string;
  basis: string;
  /** Why the file is refused as a whole. */
  refused: string | null;
  counts: Record<Outcome, number>;
  trained: string;
  limit: number | null;
  longest: number | null;
  /** What the limit does to all conversations, in a sentence; empty where that is not foretold. */
  effect?: string;
  reasons: PreflightReason[];
}

/** How far a preflight is that has not looked at everything; `working` while somebody goes on with it. */
export interface PreflightProgress {
  looked_at: number;
  records: number;
  working: boolean;
}

export interface Preflight {
  name: string;
  numbers: string;
  /** Null once every record has been looked at. */
  progress?: PreflightProgress | null;
  exact: boolean;
  outcomes: Outcome[];
  targets: PreflightTarget[];
  notes: string[];
}

export interface CaseRow {
  key: Key;
  target: string;
  index: number;
  id: string | null;
  title: string | null;
  outcome: Outcome;
  reasons: string[];
  tokens: number | null;
  trained: number | null;
}

export type CasesPage = Page<CaseRow>;

export type Loss = "trained" | "masked" | "cut";

/** A stretch of the rendered text, its part in the loss, and the turn whose own text it is; null for what the template writes. */
export type Piece = [text: string, loss: Loss, turn: number | null];

export interface CaseReason {
  code: string;
  outcome: Outcome;
  turn: number | null;
  says: string;
}

export interface CaseTurn {
  turn: number;
  role: string | null;
  speaker: string | null;
  hue: number | null;
}

export interface LostText {
  turn: number;
  role: string | null;
  what: string;
  state: "lost" | "altered" | "trimmed";
  text: string;
}

/** What one trainer makes of one conversation. */
export interface Case {
  key: Key;
  target: string;
  index: number;
  id: string | null;
  title: string | null;
  source: string | null;
  line: number | null;
  outcome: Outcome;
  limit: number | null;
  tokens: number | null;
  kept: number | null;
  trained: number | null;
  exact: boolean;
  dir: "ltr" | "rtl";
  reasons: CaseReason[];
  turns: CaseTurn[];
  pieces: Piece[];
  /** Characters at the end of a very long text that were not sent. */
  left_out?: number;
  lost: LostText[];
}

/** What is known by now; `matched` is about the cases of the query. */
export interface PreflightGrown {
  preflight: Preflight;
  query: string;
  matched: number;
  empty: string;
}

/** What a length limit does to all conversations, in a sentence; empty where that is not foretold. */
export interface LimitEffect {
  target: string;
  max_tokens: number;
  says: string;
}

export interface PreflightState {
  preflight?: Preflight;
  cases?: CasesPage;
  case?: Case | null;
  empty?: string;
}

export interface PageArgs {
  query: string;
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
  /** Ask for the page that holds this row (a finding's n, a conversation's key) instead of `offset`. */
  near?: number | string;
}

export interface Requests {
  findings: { args: PageArgs; result: FindingsPage };
  conversations: { args: PageArgs; result: ConversationsPage };
  conversation: { args: { key: Key; from: number; count: number }; result: Thread };
  copy: { args: { key: Key; turn: number | null; form: CopyForm }; result: { text: string } };
  charts: { args: { query: string }; result: { charts: Chart[] } };
  lines: { args: PageArgs; result: LinesPage };
  ignored: { args: PageArgs; result: FindingsPage };
  facets: { args: { query: string }; result: Facets };
  status: { args: object; result: Status };
  plan: { args: Which & { unsafe?: boolean }; result: RepairPlan };
  do: { args: { op: string; [arg: string]: unknown }; result: { said: string; status: Status } };
  cases: { args: PageArgs; result: CasesPage };
  case: { args: { key: Key; target: string; max_tokens: number | null }; result: Case };
  progress: { args: { query: string }; result: PreflightGrown };
  limit: { args: { target: string; max_tokens: number }; result: LimitEffect };
}

export type RequestName = keyof Requests;

/** JSON from a trait; a text that is not an object reads as empty, so a half-written state never breaks a view. */
export function readJson<T extends object>(text: string): Partial<T> {
  try {
    const value: unknown = JSON.parse(text || "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Partial<T>) : {};
  } catch {
    return {};
  }
}

export function readSelection(text: string): Selection {
  return readJson<Selection>(text) as Selection;
}

export function writeSelection({ key = null, turn = null, n = null }: Selection): string {
  return JSON.stringify({ key, turn, n });
}
