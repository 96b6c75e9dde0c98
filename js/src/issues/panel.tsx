import { useEffect, useRef, useState } from "preact/hooks";
import { useOwned, useSize, useStore } from "../lib/hooks.ts";
import { Menu } from "../lib/menu.tsx";
import type { Finding, Selection } from "../lib/protocol.ts";
import { Live } from "../lib/status.tsx";
import { number, plural } from "../lib/text.ts";
import { BulkBar } from "./bulk.tsx";
import { optional, shownColumns, useColumns } from "./columns.ts";
import { IssueGrid, type FindingPages } from "./grid.tsx";
import { Ignored } from "./ignored.tsx";
import { ByConversation } from "./lines.tsx";
import { Picks } from "./picks.ts";
import type { ReviewSource } from "./review-source.ts";

/** The position of the selected finding in the present order; asks for the page around it when it is not loaded. */
export function useChosen(pages: FindingPages, n: number | null): number {
  const [asked, setAsked] = useState("");
  const at = n === null ? -1 : pages.find((row) => row.n === n);
  const order = JSON.stringify(pages.head && [n, pages.head.query, pages.head.sort, pages.head.descending]);
  useEffect(() => {
    if (n === null || at >= 0 || pages.stale || asked === order) return;
    setAsked(order);
    void pages.locate((row) => row.n === n, n);
  }, [n, at, order, pages.stale]);
  return at;
}

interface Props {
  pages: FindingPages;
  selection: Selection;
  empty: string;
  onSelect: (finding: Finding) => void;
  /** With it steps can be made here. Whoever passes it draws again when it changes (`useStore`). */
  review?: ReviewSource | undefined;
  /** Under which name the browser keeps the columns. */
  name?: string;
}

/** The grid in its presentations, and what can be done with the findings that are chosen in it. */
export function IssuePanel({ pages, selection, empty, onSelect, review, name = "issues" }: Props) {
  const chosen = useChosen(pages, selection.n ?? null);
  const picks = useStore(useOwned(() => new Picks()));
  const box = useRef<HTMLDivElement>(null);
  const { width } = useSize(box);
  const [wished, toggleColumn] = useColumns(name);
  const [headed, setHeaded] = useState(false);
  const [ignored, setIgnored] = useState(false);
  const { head } = pages;
  const { sort } = pages.wanted;
  const view = sort === "group" ? "code" : headed && review && sort === "conversation" ? "conversation" : "table";
  const order = (next: string, descending = false) => pages.order({ ...pages.wanted, sort: next, descending });
  const show = (next: string) => {
    setHeaded(next === "conversation");
    setIgnored(false);
    if (next !== view) order(next === "code" ? "group" : next === "conversation" ? next : "severity");
  };
  // What was chosen under another query is not what one sees any more.
  useEffect(() => picks.clear(), [pages.wanted.query, ignored]);
  const all = () => picks.take(pages.wanted.query);
  const hidden = review?.status?.ignored ?? 0;
  const columns = shownColumns(review ? wished : wished.filter((id) => id !== "decision"), width);
  const views = [["code", "By code"], ...(review ? [["conversation", "By conversation"]] : []), ["table", "Table"]] as [string, string][];

  return (
    <div
      ref={box}
      class={`rt-issues${pages.stale ? " rt-stale" : ""}`}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented || !picks.any) return;
        event.preventDefault();
        picks.clear();
      }}
    >
      <div class="rt-issues-bar">
        <span class="rt-facts">
          {head ? countText(head.matched, head.total) : " "}
          {review && hidden > 0 && (
            <>
              {" · "}
              <button type="button" class="rt-link" aria-pressed={ignored} onClick={() => setIgnored(!ignored)}>
                {number(hidden)} ignored
              </button>
            </>
          )}
        </span>
        {view === "table" && <Menu label="Columns" choices={optional.map(({ id, name: label }) => ({ value: id, label, on: wished.includes(id) }))} onToggle={toggleColumn} />}
        <div class="rt-switch" role="group" aria-label="presentation">
          {views.map(([id, label]) => (
            <button key={id} type="button" aria-pressed={view === id && !ignored} onClick={() => show(id)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      {review && ignored ? (
        <Ignored review={review} picks={picks} columns={columns} onSelect={onSelect} />
      ) : review && view === "conversation" && head && head.matched > 0 ? (
        <ByConversation review={review} head={head} picks={picks} n={selection.n ?? null} onSelect={onSelect} onAll={all} />
      ) : (
        <IssueGrid pages={pages} chosen={chosen} empty={empty} picks={review ? picks : null} columns={columns} onAll={all} onSelect={onSelect} onSort={order} />
      )}
      {review && picks.any && <BulkBar picks={picks} review={review} restoring={ignored} matched={head?.matched ?? 0} onDone={() => box.current?.querySelector<HTMLElement>("[data-position][tabindex='0']")?.focus({ preventScroll: true })} />}
      {review && !picks.any && review.said && <Said review={review} />}
      <Live text={picks.all ? `All ${plural(head?.matched ?? 0, "finding")} chosen` : picks.any ? `${plural(picks.count, "finding")} chosen` : (review?.said ?? "")} />
    </div>
  );
}

/** What was done last, with the way back; or why it was not. */
function Said({ review }: { review: ReviewSource }) {
  return (
    <div class={`rt-bulk${review.failed ? " rt-failed" : ""}`}>
      <span class="rt-bulk-what" dir="auto">{review.said}</span>
      {!review.failed && review.status?.undo && (
        <button type="button" disabled={review.busy} onClick={() => void review.do({ op: "undo" })}>
          Undo
        </button>
      )}
      <button type="button" class="rt-link rt-bulk-clear" onClick={() => review.hush()}>
        Close
      </button>
    </div>
  );
}

export function countText(matched: number, total: number): string {
  return matched === total ? plural(total, "finding") : `${number(matched)} of ${plural(total, "finding")}`;
}
