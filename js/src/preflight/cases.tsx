import { useEffect, useState } from "preact/hooks";
import { Grid } from "../lib/grid.tsx";
import type { CaseRow, Preflight } from "../lib/protocol.ts";
import { Empty } from "../lib/status.tsx";
import { number, plural } from "../lib/text.ts";
import type { Board } from "./board.ts";
import { OutcomeName } from "./outcome.tsx";
import { readQuery, sizeOf, targetAsked, targetNamed } from "./query.ts";

/** What the list holds, in words. */
export function listName(preflight: Preflight | undefined, query: string): string {
  const { target, outcome, reason } = readQuery(query);
  const by = targetAsked(preflight, query)?.title ?? target ?? "All trainers";
  return `${by}: ${[outcome, reason].filter(Boolean).join(", ") || "not simply taken"}`;
}

function nothing({ query, state }: Board): string {
  const { target, outcome, reason } = readQuery(query);
  if (outcome || reason) return "No conversation matches.";
  const own = targetNamed(state.preflight, target);
  return own && sizeOf(own) > 0 && !state.preflight?.progress ? `${own.title} takes all ${plural(sizeOf(own), "conversation")} as they are.` : state.empty || "Every conversation is taken as it is.";
}

/** The conversations behind what is chosen above. */
export function CaseList({ board }: { board: Board }) {
  const { cases, query, open } = board;
  const { preflight } = board.state;
  const [located, setLocated] = useState("");
  const { head } = cases;
  const name = listName(preflight, query);
  const chosen = open ? cases.find(board.isOpen) : -1;
  const place = JSON.stringify([open?.key, open?.target, head?.query]);
  useEffect(() => {
    if (!open || chosen >= 0 || cases.stale || located === place) return;
    setLocated(place);
    void cases.locate(board.isOpen, open.key);
  }, [chosen, place, cases.stale]);

  const own = targetAsked(preflight, query);
  const why = (row: CaseRow) => [!own && (targetNamed(preflight, row.target)?.title ?? row.target), ...row.reasons].filter(Boolean).join(" · ");
  return (
    <section class={`rt-cases-part${cases.stale ? " rt-stale" : ""}`} aria-label="conversations">
      <h3 class="rt-about">
        <span>{name}</span>{" "}
        <span class="rt-count">{head && (own ? `${number(head.matched)} of ${number(sizeOf(own))}` : number(head.matched))}</span>
        {query && (
          <button type="button" class="rt-link" onClick={() => board.setQuery("")}>
            Clear
          </button>
        )}
      </h3>
      {!head ? (
        <Empty text={cases.failure ? "The conversations could not be loaded." : "Loading conversations…"} busy={!cases.failure} />
      ) : head.matched === 0 ? (
        <Empty text={nothing(board)} />
      ) : (
        <Grid
          className="rt-cases"
          label={`conversations, ${name}`}
          count={head.matched}
          chosen={chosen}
          columns={5}
          busy={cases.stale}
          onEnter={(position) => {
            const row = cases.row(position);
            if (row) board.select({ key: row.key, target: row.target });
          }}
          onSight={(first, end) => cases.needAll([[first, end]])}
          row={(position) => {
            const row = cases.row(position);
            if (!row) return { cells: <div role="gridcell">loading…</div>, className: "rt-pending" };
            const tokens = row.tokens === null ? "" : `${preflight?.exact === false ? "≈ " : ""}${number(row.tokens)}`;
            return {
              className: position === chosen ? "rt-on" : "",
              selected: position === chosen,
              cells: (
                <>
                  <span role="gridcell" class="rt-place">
                    #{row.index}
                  </span>
                  <span role="gridcell" title={row.outcome}>
                    <OutcomeName outcome={row.outcome} quiet />
                  </span>
                  <span role="gridcell" class="rt-message" dir="auto" title={[row.title, row.id].filter(Boolean).join("\n")}>
                    {row.title || row.id || "untitled"}
                  </span>
                  <span role="gridcell" class="rt-why" title={why(row)}>
                    {why(row)}
                  </span>
                  <span role="gridcell" class="rt-length" title={row.tokens === null ? "nothing rendered" : `${plural(row.tokens, "token")}, ${number(row.trained ?? 0)} trained`}>
                    {tokens && `${tokens} tok`}
                  </span>
                </>
              ),
            };
          }}
        />
      )}
    </section>
  );
}
