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
}

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
}

export type ConversationsPage = Page<ConversationRow>;

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
  turn_count: number;
  words: number;
  from: number;
  turns: Turn[];
  issues: Issue[];
}

export type Tick = [position: number, label: string];

interface MarkBase {
  label: string;
  value: number;
  text: string;
  filter?: string | null;
}

export interface HistogramMark extends MarkBase {
  x0: number;
  x1: number;
  height: number;
  tone?: string;
}

export interface BarMark extends MarkBase {
  length: number;
  tone?: string;
}

interface ChartBase {
  id: string;
  title: string;
  subtitle: string;
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

export type Chart = Histogram | Bars;

export interface ThreadState {
  thread?: Thread | null;
  empty?: string;
}

export interface IssuesState {
  findings?: FindingsPage;
  empty?: string;
  roles?: string[];
}

export interface BalanceState {
  charts?: Chart[];
  empty?: string;
}

export interface ReviewState extends ThreadState, IssuesState, BalanceState {
  conversations?: ConversationsPage;
  header?: { name: string; numbers: string; profile: string };
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
  reasons: PreflightReason[];
}

export interface Preflight {
  name: string;
  numbers: string;
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
  charts: { args: { query: string }; result: { charts: Chart[] } };
  cases: { args: PageArgs; result: CasesPage };
  case: { args: { key: Key; target: string; max_tokens: number | null }; result: Case };
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
