import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { BalanceView } from "../balance/view.tsx";
import { Filters, useCodes } from "../issues/filters.tsx";
import { countText, IssuePanel } from "../issues/panel.tsx";
import { focusList } from "../lib/grid.tsx";
import { useKernel, useOwned, useSize, useStore, useTrait } from "../lib/hooks.ts";
import type { Host } from "../lib/host.ts";
import { onKeys } from "../lib/keys.ts";
import type { Finding } from "../lib/protocol.ts";
import { Live, Notices, SeverityShape } from "../lib/status.tsx";
import { number } from "../lib/text.ts";
import { useDisplay } from "../thread/display.ts";
import { ThreadView } from "../thread/view.tsx";
import { ConversationList } from "./conversations.tsx";
import { Desk } from "./desk.ts";
import { Help } from "./help.tsx";
import { Tabs, type Tab } from "./tabs.tsx";

const NARROW = 760;

export function ReviewApp({ host, root }: { host: Host; root: HTMLElement }) {
  const desk = useStore(useOwned(() => new Desk(host)));
  const error = useTrait(host, "error");
  const kernel = useKernel(host);
  const display = useDisplay();
  const frame = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const beforeHelp = useRef<HTMLElement | null>(null);
  const { width } = useSize(frame);
  const [tab, setTab] = useState("findings");
  const [charts, setCharts] = useState(true);
  const [help, setHelp] = useState(false);

  const narrow = width > 0 && width < NARROW;
  const { state, selection, query, findings, conversations } = desk;
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

  const toggleHelp = () => {
    if (!help) beforeHelp.current = (root.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
    setHelp(!help);
    if (help) (beforeHelp.current ?? frame.current)?.focus({ preventScroll: true });
  };
  const leaveSearch = () => focusList(frame.current);
  const actions = onKeys({
    j: () => void desk.stepFinding(1),
    k: () => void desk.stepFinding(-1),
    n: () => void desk.stepConversation(1),
    p: () => void desk.stepConversation(-1),
    "/": () => search.current?.focus({ preventScroll: true }),
    w: display.toggleLiteral,
    f: display.toggleFolded,
    b: () => (narrow ? setTab(tab === "balance" ? "findings" : "balance") : setCharts(!charts)),
    "?": toggleHelp,
  });
  const onKeyDown = (event: KeyboardEvent) => {
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
    />
  );
  const tabs: Tab[] = [
    {
      id: "findings",
      label: "Findings",
      count: findings.head ? number(findings.head.matched) : undefined,
      body: () => <IssuePanel pages={findings} selection={selection} empty={state.empty || "No findings."} onSelect={select} />,
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

  const said = useMemo(() => {
    if (chosen) return `Finding ${number(at + 1)} of ${number(findings.count)}: ${chosen.code}, ${chosen.message}`;
    const head = findings.head;
    return head && !findings.stale ? countText(head.matched, head.total) : "";
  }, [chosen, at, findings.head, findings.stale]);

  return (
    <div ref={frame} tabIndex={-1} onKeyDown={onKeyDown} class={`rt-frame rt-review${narrow ? " rt-narrow" : ""}`}>
      {state.header && (
        <header class="rt-header">
          <b dir="auto">{state.header.name}</b>
          <span class="rt-facts">{state.header.numbers}</span>
          <span class="rt-profile">
            profile <b>{state.header.profile}</b>
          </span>
        </header>
      )}
      <Notices error={error} kernel={kernel} failure={desk.failure} onRetry={() => desk.retry()} />
      <Filters
        query={query}
        head={findings.head}
        roles={state.roles ?? []}
        codes={codes}
        search={search}
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
          />
        </div>
      </div>
      {!narrow && charts && desk.charts.charts.length > 0 && <section class="rt-strip" aria-label="balance">{balance(true)}</section>}
      <footer class="rt-keys">
        <KeyHint keys={["j", "k"]} what="finding" />
        <KeyHint keys={["n", "p"]} what="conversation" />
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
      </footer>
      {help && <Help onClose={toggleHelp} />}
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
