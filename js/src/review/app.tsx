import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { BalanceView } from "../balance/view.tsx";
import { Filters, useCodes } from "../issues/filters.tsx";
import { countText, IssuePanel } from "../issues/panel.tsx";
import { ReviewSource } from "../issues/review-source.ts";
import { focusList } from "../lib/grid.tsx";
import { focused, keepFocus } from "../lib/focus.ts";
import { useKernel, useOwned, useSize, useStore, useTrait } from "../lib/hooks.ts";
import type { Host } from "../lib/host.ts";
import { onKeys } from "../lib/keys.ts";
import type { Finding, Turn } from "../lib/protocol.ts";
import { Live, Notices, SeverityShape } from "../lib/status.tsx";
import { number } from "../lib/text.ts";
import { useDisplay } from "../thread/display.ts";
import { ThreadView } from "../thread/view.tsx";
import { Acts } from "./acts.ts";
import { Ask } from "./ask.tsx";
import { Bar, type Field } from "./bar.tsx";
import { ConversationList } from "./conversations.tsx";
import { Desk } from "./desk.ts";
import { Editor } from "./editor.tsx";
import { Gates } from "./gates.tsx";
import { Help } from "./help.tsx";
import { JournalNotices } from "./journal-notices.tsx";
import { Progress } from "./progress.tsx";
import { decisions } from "./protocol.ts";
import { Tools } from "./tools.tsx";
import { Tabs, type Tab } from "./tabs.tsx";

const NARROW = 760;

export function ReviewApp({ host, root }: { host: Host; root: HTMLElement }) {
  const desk = useStore(useOwned(() => new Desk(host)));
  const acts = useStore(useMemo(() => new Acts(desk), [desk]));
  const source = useStore(useOwned(() => new ReviewSource(host)));
  const error = useTrait(host, "error");
  const kernel = useKernel(host);
  const display = useDisplay();
  const frame = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const before = useRef<HTMLElement | null>(null);
  const { width } = useSize(frame);
  const [tab, setTab] = useState("findings");
  const [charts, setCharts] = useState(true);
  const [help, setHelp] = useState(false);
  const [field, setField] = useState<Field>(null);

  const narrow = width > 0 && width < NARROW;
  const { state, selection, query, findings, conversations, steps } = desk;
  const review = steps.can && steps.status ? source : undefined;
  const codes = useCodes(state.findings, findings.head);
  const thread = desk.thread.thread;
  const wide = !narrow && findings.wanted.sort !== "group";
  const n = selection.n ?? null;
  const at = n === null ? -1 : findings.find((row) => row.n === n);
  const chosen = at < 0 ? undefined : findings.row(at);

  // Moving through findings shows where one is.
  useEffect(() => {
    if (n !== null) setTab((old) => (old === "balance" ? old : "findings"));
  }, [n]);

  // What opens over the panel, or takes the keyboard, gives it back to where it was.
  const leaveFrom = () => {
    before.current = focused(root);
  };
  const comeBack = () => (before.current?.isConnected ? before.current : frame.current)?.focus({ preventScroll: true });
  const toggleHelp = () => {
    if (help) comeBack();
    else leaveFrom();
    setHelp(!help);
  };
  const openField = (next: Field) => {
    if (next && desk.open === null) return;
    if (next) leaveFrom();
    else comeBack();
    setField(next);
  };
  useLayoutEffect(() => keepFocus(frame.current!, () => frame.current!.querySelector<HTMLElement>(".rt-thread-box")), []);
  useEffect(() => setField(null), [thread?.key]);
  useLayoutEffect(() => void (acts.question && leaveFrom()), [acts.question]);
  const leaveSearch = () => focusList(frame.current);
  const actions = onKeys({
    j: () => void desk.stepFinding(1),
    k: () => void desk.stepFinding(-1),
    n: () => void desk.stepConversation(1),
    p: () => void desk.stepConversation(-1),
    "/": () => search.current?.focus({ preventScroll: true }),
    w: display.toggleLiteral,
    f: display.toggleFolded,
    ...(steps.can && {
      ...Object.fromEntries(decisions.map(({ as, key }) => [key, () => void acts.decide(as)])),
      a: () => void acts.repair(),
      i: () => acts.ignore(),
      e: () => acts.edit(selection.turn ?? turnInSight(frame.current!)),
      u: () => void acts.undo(),
      U: () => void acts.undo("redo"),
      t: () => openField("tag"),
      m: () => openField("note"),
    }),
    b: () => (narrow ? setTab(tab === "balance" ? "findings" : "balance") : setCharts(!charts)),
    "?": toggleHelp,
  });
  const onKeyDown = (event: KeyboardEvent) => {
    if (acts.question) return;
    if (!help) return actions(event);
    if (event.key !== "Escape" && event.key !== "?") return;
    event.preventDefault();
    toggleHelp();
  };

  const select = ({ key, turn, n: number }: Finding) => desk.select({ key, turn, n: number });
  const balance = (compact: boolean) => (
    <BalanceView
      charts={desk.charts.charts}
      query={query}
      empty="Nothing to count yet."
      busy={desk.charts.busy}
      compact={compact}
      onQuery={(next) => desk.setQuery(next)}
      onOpen={({ key, turn }) => desk.select({ key, turn, n: null })}
    />
  );
  const tabs: Tab[] = [
    {
      id: "findings",
      label: "Findings",
      count: findings.head ? number(findings.head.matched) : undefined,
      body: () => <IssuePanel pages={findings} selection={selection} review={review} name="review" empty={state.empty || "No findings."} onSelect={select} />,
    },
    {
      id: "conversations",
      label: "Conversations",
      count: conversations.head ? number(conversations.head.matched) : undefined,
      body: () => (
        <ConversationList
          pages={conversations}
          current={selection.key ?? thread?.key ?? null}
          onOpen={(key) => desk.select({ key, turn: null, n: null })}
        />
      ),
    },
  ];
  if (narrow) tabs.push({ id: "balance", label: "Balance", body: () => <div class="rt-tab-scroll">{balance(false)}</div> });

  const total = thread?.turn_count;
  const tools = useCallback((turn: Turn) => <Tools turn={turn} last={turn.turn + 1 === total} acts={acts} />, [total]);
  const { editing } = acts;
  const edited = editing && editing.key === thread?.key ? thread.turns.find(({ turn }) => turn === editing.turn) : undefined;
  const leaveEditor = () => {
    acts.leave();
    frame.current!.querySelector<HTMLElement>(".rt-thread-box")?.focus({ preventScroll: true });
  };
  const slot = editing && edited ? {
    turn: edited.turn,
    content: <Editor key={`${editing.key} ${editing.turn} ${editing.insert}`} turn={edited} insert={editing.insert} problem={acts.problem} saving={acts.saving} onSave={(written) => void acts.save(written)} onCancel={leaveEditor} />,
  } : null;

  const said = useMemo(() => {
    if (chosen) return `Finding ${number(at + 1)} of ${number(findings.count)}: ${chosen.code}, ${chosen.message}`;
    const head = findings.head;
    return head && !findings.stale ? countText(head.matched, head.total) : "";
  }, [chosen, at, findings.head, findings.stale]);

  return (
    <div ref={frame} tabIndex={-1} onKeyDown={onKeyDown} class={`rt-frame rt-review${narrow ? " rt-narrow" : ""}`}>
      {state.header && (
        <div class="rt-header">
          <b dir="auto">{state.header.name}</b>
          <span class="rt-facts">{state.header.numbers}</span>
          <span class="rt-profile">
            profile <b>{state.header.profile}</b>
          </span>
          {state.header.gates && <Gates gates={state.header.gates} onQuery={(next) => desk.setQuery(next)} />}
          {steps.status && <Progress status={steps.status} query={query} can={steps.can} onQuery={(next) => desk.setQuery(next)} />}
          {steps.status?.estimate && <span class="rt-facts rt-estimate">{steps.status.estimate}</span>}
        </div>
      )}
      <Notices error={error} kernel={kernel} failure={desk.failure} onRetry={() => desk.retry()} />
      <JournalNotices status={steps.status} problem={steps.problem} onRead={() => steps.tell("")} />
      {steps.status && steps.can && <Bar desk={desk} acts={acts} field={field} onField={openField} />}
      <Filters
        query={query}
        head={findings.head}
        roles={state.roles ?? []}
        codes={codes}
        search={search}
        review={review}
        onQuery={(next) => desk.setQuery(next)}
        onLeave={leaveSearch}
      />
      <div class={`rt-main${wide ? " rt-wide" : ""}`}>
        <Tabs tabs={tabs} open={tab} onOpen={setTab} />
        <div class={`rt-pane${desk.thread.opening && !desk.thread.failure ? " rt-stale" : ""}`}>
          {chosen && !chosen.key && <Apart finding={chosen} />}
          <ThreadView
            thread={thread}
            selection={selection}
            // Text that is broken into other lines has lost its place.
            asked={desk.asked + (wide ? 0.5 : 0)}
            display={display}
            busy={desk.thread.opening !== null && !desk.thread.failure}
            empty="Choose a finding or a conversation on the left to read it here."
            onSelect={(next) => desk.select(next)}
            onMore={(direction) => desk.thread.more(direction)}
            onCopy={steps.can ? desk.thread.copy : undefined}
            tools={steps.can ? tools : undefined}
            slot={slot}
          />
        </div>
      </div>
      {!narrow && charts && desk.charts.charts.length > 0 && <section class="rt-strip" aria-label="balance">{balance(true)}</section>}
      <div class="rt-keys">
        <KeyHint keys={["j", "k"]} what="finding" />
        <KeyHint keys={["n", "p"]} what="conversation" />
        {steps.can && <KeyHint keys={["1", "2", "3", "4"]} what="decide" />}
        <KeyHint keys={["/"]} what="search" />
        <KeyHint keys={["w"]} what="white space" minor />
        <KeyHint keys={["f"]} what="fold" minor />
        <KeyHint keys={["Esc"]} what="back to the notebook" />
        <span class="rt-space" />
        {!narrow && desk.charts.charts.length > 0 && (
          <button type="button" class="rt-link" aria-expanded={charts} onClick={() => setCharts(!charts)}>
            {charts ? "Hide charts" : "Show charts"}
          </button>
        )}
        <button type="button" class="rt-link" aria-haspopup="dialog" onClick={toggleHelp}>
          <kbd>?</kbd> All keys
        </button>
      </div>
      {help && <Help onClose={toggleHelp} />}
      {acts.question && (
        <Ask
          question={acts.question}
          onAnswer={(yes) => {
            comeBack();
            acts.answer(yes);
          }}
        />
      )}
      <Live text={said} />
    </div>
  );
}

/** A finding that no conversation can show: one about the dataset, or about a record that is none. */
function Apart({ finding }: { finding: Finding }) {
  return (
    <aside class="rt-apart">
      <SeverityShape severity={finding.severity} /> <code>{finding.code}</code> <span>{finding.message}</span>{" "}
      <span class="rt-facts">
        {finding.index === null
          ? "This is about the whole dataset, not about one conversation."
          : `Record #${finding.index}${finding.line === null ? "" : `, line ${number(finding.line)},`} holds no conversation to show.`}
      </span>
    </aside>
  );
}

/** The first turn that can be seen. */
function turnInSight(frame: HTMLElement): number {
  const top = frame.querySelector(".rt-thread-box")?.getBoundingClientRect().top ?? 0;
  const seen = [...frame.querySelectorAll<HTMLElement>("[data-turn]")].find((turn) => turn.getBoundingClientRect().bottom > top + 24);
  return Number(seen?.dataset.turn ?? 0);
}

function KeyHint({ keys, what, minor = false }: { keys: string[]; what: string; minor?: boolean }) {
  return (
    <span class={`rt-hint${minor ? " rt-minor" : ""}`}>
      {keys.map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}{" "}
      {what}
    </span>
  );
}
