import { useEffect, useState } from "preact/hooks";
import { Grid } from "../lib/grid.tsx";
import { useOwned, useStore } from "../lib/hooks.ts";
import { Pages } from "../lib/pages.ts";
import type { Finding, FindingsPage, Heading, LinesPage } from "../lib/protocol.ts";
import { Empty, SeverityShape } from "../lib/status.tsx";
import { number } from "../lib/text.ts";
import { DecisionMark } from "./decision.tsx";
import { Check, pending, place, turn } from "./grid.tsx";
import type { Picks } from "./picks.ts";
import type { ReviewSource } from "./review-source.ts";

interface Props {
  review: ReviewSource;
  head: FindingsPage;
  picks: Picks;
  n: number | null;
  onSelect: (finding: Finding) => void;
  onAll: () => void;
}

const isFinding = (line: Finding | Heading | undefined): line is Finding => line !== undefined && !("head" in line);

/** The findings of each conversation below a line that says which it is and what was decided. */
export function ByConversation({ review, head, picks, n, onSelect, onAll }: Props) {
  const order = { query: head.query, sort: "conversation", descending: head.descending };
  const pages = useStore(useOwned(() => new Pages<Finding | Heading, LinesPage>("lines", { ...order, sort: "" }, (args, purpose) => review.host.request("lines", { ...args, sort: "conversation" }, purpose))));
  useEffect(() => pages.order(order), [head.query, head.descending]);
  useEffect(() => pages.refresh(), [review.changes]);
  const chosen = n === null ? -1 : pages.find((line) => isFinding(line) && line.n === n);
  const [asked, setAsked] = useState("");
  const wanted = `${n} ${head.query} ${head.descending}`;
  useEffect(() => {
    if (n === null || chosen >= 0 || pages.stale || asked === wanted) return;
    setAsked(wanted);
    void pages.locate((line) => isFinding(line) && line.n === n, n);
  }, [wanted, chosen, pages.stale]);

  if (!pages.head) return <Empty text={pages.failure || "Loading findings…"} busy={!pages.failure} />;
  return (
    <Grid
      className="rt-lines"
      label="findings by conversation"
      count={pages.count}
      chosen={chosen}
      columns={5}
      busy={pages.stale && !pages.failure}
      onEnter={(position) => {
        const line = pages.row(isFinding(pages.row(position)) ? position : position + 1);
        if (isFinding(line)) onSelect(line);
      }}
      onToggle={(position, range) => picks.pick(position, range, pages)}
      onAll={onAll}
      onSight={(first, end) => pages.needAll([[first, end]])}
      row={(position) => {
        const line = pages.row(position);
        if (!line) return pending();
        if (!isFinding(line)) {
          return {
            className: "rt-group",
            cells: (
              <div role="gridcell" class="rt-group-cell" aria-colspan={5} title={line.id ?? undefined}>
                <span class="rt-place">{line.index === null ? "" : `#${line.index}`}</span>
                <span class="rt-group-code" dir="auto">
                  {line.title || line.id || (line.index === null ? "the whole dataset" : "no conversation")}
                </span>
                <DecisionMark decision={line.decision} />
                <span class="rt-count">{number(line.count)}</span>
              </div>
            ),
          };
        }
        const selected = position === chosen;
        return {
          className: selected ? "rt-on" : "",
          selected,
          cells: (
            <>
              <Check row={line} picks={picks} />
              <span role="gridcell">
                <SeverityShape severity={line.severity} />
              </span>
              <span role="gridcell" class="rt-turn-cell">
                {turn(line)}
              </span>
              <span role="gridcell" class="rt-col-code" title={line.code}>
                {line.code}
              </span>
              <span role="gridcell" class="rt-message" title={`${place(line)} ${line.message}`}>
                {line.message}
              </span>
            </>
          ),
        };
      }}
    />
  );
}
