import { useMemo, useRef, useState } from "preact/hooks";
import { Foot, Notes } from "../lib/foot.tsx";
import { useKernel, useOwned, useSize, useStore, useTrait, useUnique } from "../lib/hooks.ts";
import type { Host } from "../lib/host.ts";
import { onKeys } from "../lib/keys.ts";
import type { Preflight, PreflightProgress } from "../lib/protocol.ts";
import { Empty, Live, Notices } from "../lib/status.tsx";
import { number, plural } from "../lib/text.ts";
import { Board } from "./board.ts";
import { CaseView } from "./case.tsx";
import { CaseList, listName } from "./cases.tsx";
import { targetNamed } from "./query.ts";
import { Reasons } from "./reasons.tsx";
import { TargetGrid } from "./targets.tsx";

const NARROW = 760;

/** What trainers would do with each conversation before the training run. */
export function PreflightApp({ host }: { host: Host }) {
  const board = useStore(useOwned(() => new Board(host)));
  const error = useTrait(host, "error");
  const kernel = useKernel(host);
  const frame = useRef<HTMLDivElement>(null);
  const { width } = useSize(frame);
  const [literal, setLiteral] = useState(false);
  const toggleLiteral = () => setLiteral((old) => !old);

  const { state, query, cases } = board;
  const { preflight } = state;
  const target = targetNamed(preflight, board.target);
  const actions = onKeys({
    j: () => void board.step(1),
    k: () => void board.step(-1),
    n: () => void board.step(1),
    p: () => void board.step(-1),
    w: toggleLiteral,
  });

  const at = board.place.key ? cases.find(board.isOpen) : -1;
  const row = at < 0 ? undefined : cases.row(at);
  const said = useMemo(() => {
    if (!cases.head || cases.stale) return "";
    if (row) return `Conversation ${number(at + 1)} of ${number(cases.count)}: #${row.index}, ${row.outcome}`;
    return `${listName(preflight, query)}, ${plural(cases.head.matched, "conversation")}`;
  }, [row, at, cases.head, cases.stale, query]);

  return (
    <div ref={frame} tabIndex={-1} onKeyDown={actions} class={`rt-frame rt-preflight${width > 0 && width < NARROW ? " rt-narrow" : ""}`}>
      {preflight && <Head preflight={preflight} />}
      <Notices error={error} kernel={kernel} failure={board.failure} onRetry={() => board.retry()} />
      {!preflight ? (
        <Empty text={state.empty || "Loading the preflight…"} busy={!state.empty} />
      ) : (
        <div class="rt-preflight-main">
          <div class="rt-preflight-side">
            <TargetGrid preflight={preflight} query={query} onQuery={(next) => board.setQuery(next)} />
            {target && <Reasons target={target} query={query} onQuery={(next) => board.setQuery(next)} />}
            <CaseList board={board} />
          </div>
          <CaseView board={board} literal={literal} onLiteral={toggleLiteral} />
        </div>
      )}
      <Foot />
      <Live text={said} />
    </div>
  );
}

/** How far the work is. It is read when looked for, and said to nobody who reads something else. */
function Progress({ looked_at, records, working }: PreflightProgress) {
  const says = `${number(looked_at)} of ${number(records)} looked at`;
  return (
    <span class="rt-looked">
      <progress max={records} value={looked_at} aria-label="looked at" aria-valuetext={says} />
      {says}
      {!working && ", then it stopped"}
    </span>
  );
}

/** What is looked at, and what a reader has to know besides. */
function Head({ preflight }: { preflight: Preflight }) {
  const [open, setOpen] = useState(false);
  const list = useUnique("rt-notes");
  const { name, numbers, notes, progress } = preflight;
  return (
    <div class="rt-preflight-head">
      <b dir="auto">{name}</b>
      <span class="rt-facts">{numbers}</span>
      {progress && <Progress {...progress} />}
      {notes.length > 0 && (
        <button type="button" class="rt-link" aria-expanded={open} aria-controls={list} onClick={() => setOpen(!open)}>
          {plural(notes.length, "note")}
        </button>
      )}
      <Notes id={list} notes={notes} open={open} />
    </div>
  );
}
