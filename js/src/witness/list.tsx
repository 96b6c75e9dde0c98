import { useEffect, useState } from "preact/hooks";
import { Grid } from "../lib/grid.tsx";
import { Empty } from "../lib/status.tsx";
import { number, plural } from "../lib/text.ts";
import { useRoving } from "../preflight/roving.ts";
import type { Board } from "./board.ts";
import type { Entry, State, Witness } from "./protocol.ts";

const signs: Record<State, string> = { dropped: "−", cut: "✂", untrained: "∅", different: "■" };

const queryOf = (state: State | null) => (state ? `state:${state}` : "");

export const titleOf = (witness: Witness | undefined, state: State): string => witness?.states.find(({ name }) => name === state)?.title ?? state;

/** What the list holds, in words. */
export function listName(witness: Witness | undefined, query: string): string {
  const state = witness?.states.find(({ name }) => queryOf(name) === query);
  return state?.title ?? "all";
}

/** What sets a conversation apart, as signs with their words. */
export function States({ states, witness }: { states: State[]; witness: Witness | undefined }) {
  return (
    <>
      {states.map((state) => (
        <span key={state} class={`rt-state rt-state-${state}`}>
          <span aria-hidden="true">{signs[state]}</span> {titleOf(witness, state)}
        </span>
      ))}
    </>
  );
}

/** The conversations, all or those that something befell. */
export function EntryList({ board }: { board: Board }) {
  const { entries, query, key } = board;
  const { witness } = board.state;
  const { head } = entries;
  const [located, setLocated] = useState("");
  const chosen = key ? entries.find(board.isOpen) : -1;
  const place = JSON.stringify([key, head?.query]);
  useEffect(() => {
    if (!key || chosen >= 0 || entries.stale || located === place) return;
    setLocated(place);
    void entries.locate(board.isOpen, key);
  }, [chosen, place, entries.stale]);

  return (
    <section class={`rt-witness-side${entries.stale ? " rt-stale" : ""}`} aria-label="conversations">
      <Filters board={board} />
      {!head ? (
        <Empty text={entries.failure ? "The conversations could not be loaded." : "Loading conversations…"} busy={!entries.failure} />
      ) : head.matched === 0 ? (
        <Empty text={query ? "No conversation of this kind." : board.state.empty || "The trainer holds no rows."} />
      ) : (
        <Grid
          className="rt-entries"
          label={`conversations, ${listName(witness, query)}`}
          count={head.matched}
          chosen={chosen}
          columns={4}
          busy={entries.stale}
          head={
            <div role="row" class="rt-row rt-entries-head" aria-rowindex={1}>
              <span role="columnheader" />
              <span role="columnheader">{witness?.of ? "conversation" : "row"}</span>
              <span role="columnheader" />
              <span role="columnheader" class="rt-entry-tokens">
                trained / tokens
              </span>
            </div>
          }
          onEnter={(position) => {
            const row = entries.row(position);
            if (row) board.select(row.key);
          }}
          onSight={(first, end) => entries.needAll([[first, end]])}
          row={(position) => {
            const row = entries.row(position);
            if (!row) return { cells: <div role="gridcell">loading…</div>, className: "rt-pending" };
            return { className: position === chosen ? "rt-on" : "", selected: position === chosen, cells: <Cells row={row} witness={witness} /> };
          }}
        />
      )}
    </section>
  );
}

function Cells({ row, witness }: { row: Entry; witness: Witness | undefined }) {
  const { index, title, id, states, tokens, trained } = row;
  return (
    <>
      <span role="gridcell" class="rt-place">
        {index === null ? row.row : `#${index}`}
      </span>
      <span role="gridcell" class="rt-message" dir="auto" title={[title, id].filter(Boolean).join("\n")}>
        {title || id || "untitled"}
      </span>
      <span role="gridcell" class="rt-entry-states" title={states.map((state) => titleOf(witness, state)).join(", ")}>
        {states.map((state) => (
          <span key={state} class={`rt-state-${state}`}>
            <span aria-hidden="true">{signs[state]}</span>
            <span class="rt-sr">{titleOf(witness, state)}</span>
          </span>
        ))}
      </span>
      <span role="gridcell" class="rt-entry-tokens" title={`${number(trained)} of ${plural(tokens, "token")} trained`}>
        {tokens > 0 ? (
          <>
            <b>{number(trained)}</b> / {number(tokens)}
          </>
        ) : (
          "no row"
        )}
      </span>
    </>
  );
}

function Filters({ board }: { board: Board }) {
  const { query, entries } = board;
  const { witness } = board.state;
  const behind = (witness?.states ?? []).filter(({ name, count }) => count > 0 || query === queryOf(name));
  const kinds = [{ name: null, title: "all", count: entries.head?.total ?? 0 }, ...behind];
  const roving = useRoving(kinds.map((_, at) => `0,${at}`));
  return (
    <div class="rt-states" role="toolbar" aria-label="which conversations" onFocusIn={roving.onFocusIn} onKeyDown={roving.onKeyDown}>
      {kinds.map(({ name, title, count }, at) => (
        <button
          key={title}
          type="button"
          aria-pressed={query === queryOf(name)}
          {...roving.at(0, at)}
          onClick={() => board.setQuery(queryOf(name))}
        >
          {name && (
            <span class={`rt-state-${name}`} aria-hidden="true">
              {signs[name]}{" "}
            </span>
          )}
          {title} <b>{number(count)}</b>
        </button>
      ))}
    </div>
  );
}
