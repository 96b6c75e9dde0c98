import { useEffect, useState } from "preact/hooks";
import { Grid } from "../lib/grid.tsx";
import type { Pages } from "../lib/pages.ts";
import type { ConversationRow, ConversationsPage, Key, Severity } from "../lib/protocol.ts";
import { Empty, SeverityShape } from "../lib/status.tsx";
import { number, plural } from "../lib/text.ts";
import { queueOf } from "./acts.ts";
import { signOf } from "./protocol.ts";

interface Props {
  pages: Pages<ConversationRow, ConversationsPage>;
  current: Key | null;
  onOpen: (key: Key) => void;
}

const sorts = [
  ["file", "file order"],
  ["findings", "most findings"],
  ["turns", "most turns"],
  ["words", "most words"],
] as const;

/** The conversations that the query lets through. */
export function ConversationList({ pages, current, onOpen }: Props) {
  const [asked, setAsked] = useState("");
  const { head } = pages;
  const chosen = current === null ? -1 : pages.find((row) => row.key === current);
  const place = JSON.stringify([current, head?.query, head?.sort]);
  useEffect(() => {
    if (current === null || chosen >= 0 || pages.stale || asked === place) return;
    setAsked(place);
    void pages.locate((row) => row.key === current, current);
  }, [current, chosen, place, pages.stale]);

  return (
    <div class={`rt-issues${pages.stale ? " rt-stale" : ""}`}>
      <div class="rt-issues-bar">
        <span class="rt-facts">
          {head ? (head.matched === head.total ? plural(head.total, "conversation") : `${number(head.matched)} of ${plural(head.total, "conversation")}`) : " "}
        </span>
        <label class="rt-sort">
          Order{" "}
          <select
            value={pages.wanted.sort}
            onChange={(event) => {
              const sort = event.currentTarget.value;
              pages.order({ ...pages.wanted, sort, descending: false });
            }}
          >
            {sorts.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </div>
      {!head ? (
        <Empty text={pages.failure ? "The conversations could not be loaded." : "Loading conversations…"} busy={!pages.failure} />
      ) : head.matched === 0 ? (
        <Empty text={head.total === 0 ? "No conversations." : queueOf(head.query) === "undecided" ? "Nothing here is left to decide on. All calls back what is decided." : "No conversation matches this query."} />
      ) : (
        <Grid
          className="rt-conversations"
          label="conversations"
          count={head.matched}
          chosen={chosen}
          columns={4}
          busy={pages.stale && !pages.failure}
          onEnter={(position) => {
            const row = pages.row(position);
            if (row) onOpen(row.key);
          }}
          onSight={(first, end) => pages.needAll([[first, end]])}
          row={(position) => {
            const row = pages.row(position);
            if (!row) return { cells: <div role="gridcell">loading…</div>, className: "rt-pending" };
            return {
              className: position === chosen ? "rt-on" : "",
              selected: position === chosen,
              cells: (
                <>
                  <span role="gridcell" class="rt-place">
                    #{row.index}
                  </span>
                  <span role="gridcell" class="rt-message" dir="auto" title={[row.title, row.id, row.decision, row.note, row.tags?.join(", ")].filter(Boolean).join("\n")}>
                    {row.decision && (
                      <span class={`rt-is-${row.decision}`}>
                        <span aria-hidden="true">{signOf(row.decision)}</span>
                        <span class="rt-sr">{row.decision}: </span>
                      </span>
                    )}{" "}
                    {row.title || row.id || "untitled"}
                    {row.note && <bdi class="rt-facts"> “{row.note}”</bdi>}
                  </span>
                  <span role="gridcell" class="rt-tallies">
                    <Tally severity="error" count={row.errors} />
                    <Tally severity="warning" count={row.warnings} />
                    <Tally severity="info" count={row.infos} />
                  </span>
                  <span role="gridcell" class="rt-turns" title={plural(row.words, "word")}>
                    {plural(row.turns, "turn")}
                  </span>
                </>
              ),
            };
          }}
        />
      )}
    </div>
  );
}

function Tally({ severity, count }: { severity: Severity; count: number }) {
  if (count === 0) return null;
  return (
    <span class="rt-tally">
      <SeverityShape severity={severity} /> {number(count)}
    </span>
  );
}
