import { useEffect, useState } from "preact/hooks";
import type { Finding, Selection } from "../lib/protocol.ts";
import { number, plural } from "../lib/text.ts";
import { IssueGrid, type FindingPages } from "./grid.tsx";

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
}

/** The grid with the switch between its two presentations. */
export function IssuePanel({ pages, selection, empty, onSelect }: Props) {
  const chosen = useChosen(pages, selection.n ?? null);
  const grouped = pages.wanted.sort === "group";
  const order = (sort: string, descending = false) => pages.order({ ...pages.wanted, sort, descending });
  const { head } = pages;
  return (
    <div class={`rt-issues${pages.stale ? " rt-stale" : ""}`}>
      <div class="rt-issues-bar">
        <span class="rt-facts">{head ? countText(head.matched, head.total) : " "}</span>
        <div class="rt-switch" role="group" aria-label="presentation">
          <button type="button" aria-pressed={grouped} onClick={() => grouped || order("group")}>
            By code
          </button>
          <button type="button" aria-pressed={!grouped} onClick={() => grouped && order("severity")}>
            Table
          </button>
        </div>
      </div>
      <IssueGrid pages={pages} chosen={chosen} empty={empty} onSelect={onSelect} onSort={order} />
    </div>
  );
}

export function countText(matched: number, total: number): string {
  return matched === total ? plural(total, "finding") : `${number(matched)} of ${plural(total, "finding")}`;
}
