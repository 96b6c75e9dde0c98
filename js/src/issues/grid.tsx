import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Grid } from "../lib/grid.tsx";
import type { Pages } from "../lib/pages.ts";
import type { Finding, FindingsPage } from "../lib/protocol.ts";
import { Empty, SeverityShape } from "../lib/status.tsx";
import { number } from "../lib/text.ts";
import type { Column } from "./columns.ts";
import { DecisionMark } from "./decision.tsx";
import { GroupLayout, groupId } from "./layout.ts";
import type { Picks } from "./picks.ts";

export type FindingPages = Pages<Finding, FindingsPage>;

export interface IssueGridProps {
  pages: FindingPages;
  /** The position of the selected finding in the present order, or -1. */
  chosen: number;
  empty: string;
  /** What is chosen for a step, where steps can be made. */
  picks: Picks | null;
  columns: Column[];
  onAll?: () => void;
  onSelect: (finding: Finding) => void;
  onSort?: (sort: string, descending: boolean) => void;
}

export const place = (row: Finding) => (row.index === null ? "all" : `#${row.index}`);
export const turn = (row: Finding) => (row.turn === null ? "" : `t ${row.turn}`);

/** A row that has not come yet. */
export const pending = () => ({ cells: <div role="gridcell">loading…</div>, className: "rt-pending" });

/** The box that takes a finding in. It is no tab stop: Space does the same on the row. */
export function Check({ row, picks }: { row: Finding; picks: Picks }) {
  return (
    <span role="gridcell" class="rt-check-cell" data-check="">
      <input type="checkbox" tabIndex={-1} aria-label={`Choose ${row.code} ${place(row)}`} checked={picks.has(row.n)} />
    </span>
  );
}

/** The findings, grouped by code or as a table that can be sorted, whichever order its rows came in. */
export function IssueGrid(props: IssueGridProps) {
  const { pages, empty } = props;
  const { head } = pages;
  if (!head) return <Empty text={pages.failure ? "The findings could not be loaded." : "Loading findings…"} busy={!pages.failure} />;
  if (head.matched === 0) return <Empty text={head.total === 0 ? empty : "No finding matches this query."} />;
  return head.sort === "group" ? <Grouped {...props} head={head} /> : <Flat {...props} head={head} />;
}

function Grouped({ pages, head, chosen, picks, onAll, onSelect }: IssueGridProps & { head: FindingsPage }) {
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const chosenGroup = chosen < 0 ? undefined : head.groups[new GroupLayout(head.groups, new Set()).groupOfRow(chosen)];
  const [opened, setOpened] = useState(-1);
  // A selection opens its group once; after that the group may be closed again.
  if (opened !== chosen) {
    setOpened(chosen);
    if (chosenGroup && collapsed.has(groupId(chosenGroup))) {
      const next = new Set(collapsed);
      next.delete(groupId(chosenGroup));
      setCollapsed(next);
    }
  }
  const layout = useMemo(() => new GroupLayout(head.groups, collapsed), [head.groups, collapsed]);
  const toggle = (group: number, open?: boolean) => {
    const known = head.groups[group];
    if (!known) return;
    const next = new Set(collapsed);
    if (open ?? next.has(groupId(known))) next.delete(groupId(known));
    else next.add(groupId(known));
    setCollapsed(next);
  };
  const pick = (position: number, range: boolean) => {
    const item = layout.item(position);
    if (item.kind === "group") return range ? undefined : toggle(item.group);
    picks?.pick(item.row, range, pages);
  };
  const enter = (position: number) => {
    const item = layout.item(position);
    if (item.kind === "group") return toggle(item.group);
    const row = pages.row(item.row);
    if (row) onSelect(row);
  };
  return (
    <Grid
      className="rt-grouped"
      label="findings by code"
      count={layout.length}
      chosen={chosen < 0 ? -1 : layout.positionOfRow(chosen)}
      columns={picks ? 5 : 3}
      busy={pages.stale && !pages.failure}
      onEnter={enter}
      onToggle={picks ? pick : undefined}
      onAll={picks ? onAll : undefined}
      onSide={(position, side) => {
        const item = layout.item(position);
        toggle(item.kind === "group" ? item.group : layout.groupOfRow(item.row), side === "right");
      }}
      onSight={(first, end) => {
        const rows: number[] = [];
        for (let position = first; position < end; position++) {
          const item = layout.item(position);
          if (item.kind === "row") rows.push(item.row);
        }
        // Rows on both sides of collapsed groups can lie far apart: ask for each stretch by itself.
        let from = 0;
        const stretches: [number, number][] = [];
        for (let at = 1; at <= rows.length; at++) {
          const last = rows[at - 1] ?? 0;
          if (rows[at] !== last + 1) {
            stretches.push([rows[from] ?? 0, last + 1]);
            from = at;
          }
        }
        pages.needAll(stretches);
      }}
      row={(position) => {
        const item = layout.item(position);
        if (item.kind === "group") {
          const group = head.groups[item.group];
          if (!group) return { cells: null, className: "" };
          const open = !collapsed.has(groupId(group));
          return {
            className: "rt-group",
            cells: (
              <div role="gridcell" class="rt-group-cell" aria-colspan={picks ? 5 : 3} aria-expanded={open} title={group.title}>
                <SeverityShape severity={group.severity} />
                <span class="rt-group-code">{group.code}</span>
                <span class="rt-count">{number(group.count)}</span>
                <span class="rt-chevron" aria-hidden="true">
                  {open ? "▾" : "▸"}
                </span>
              </div>
            ),
          };
        }
        const row = pages.row(item.row);
        const selected = item.row === chosen;
        if (!row) return pending();
        return {
          className: selected ? "rt-on" : "",
          selected,
          cells: (
            <>
              {picks && <Check row={row} picks={picks} />}
              <span role="gridcell" class="rt-place">
                {place(row)}
              </span>
              <span role="gridcell" class="rt-turn-cell">
                {turn(row)}
              </span>
              <span role="gridcell" class="rt-message" title={row.message}>
                {row.message}
              </span>
              {picks && (
                <span role="gridcell">
                  <DecisionMark decision={row.decision} brief />
                </span>
              )}
            </>
          ),
        };
      }}
    />
  );
}

function Flat({ pages, head, chosen, picks, columns, onAll, onSelect, onSort }: IssueGridProps & { head: FindingsPage }) {
  const template = [...(picks ? ["20px"] : []), ...columns.map(({ width }) => width)].join(" ");
  const style = { gridTemplateColumns: template };
  const heading = (
    <div role="row" class="rt-row rt-head" aria-rowindex={1} style={style}>
      {picks && (
        <span role="columnheader">
          <span class="rt-sr">chosen</span>
        </span>
      )}
      {columns.map(({ id, sort, name, short }) => {
        const sorted = sort !== "" && pages.wanted.sort === sort;
        const order = pages.wanted.descending ? "descending" : "ascending";
        return (
          <span key={id} role="columnheader" class={`rt-col-${id}`} aria-sort={sorted ? order : sort ? "none" : undefined}>
            {sort ? (
              <button type="button" aria-label={name} onClick={() => onSort?.(sort, sorted && !pages.wanted.descending)} title={`Sort by ${name}`}>
                {short}
                <span aria-hidden="true">{sorted ? `${short && " "}${pages.wanted.descending ? "↓" : "↑"}` : short ? "" : "↕"}</span>
              </button>
            ) : (
              short || <span class="rt-sr">{name}</span>
            )}
          </span>
        );
      })}
    </div>
  );
  return (
    <Grid
      className="rt-flat"
      label="findings"
      count={head.matched}
      chosen={chosen}
      columns={columns.length + (picks ? 1 : 0)}
      busy={pages.stale && !pages.failure}
      head={heading}
      style={style}
      onEnter={(position) => {
        const row = pages.row(position);
        if (row) onSelect(row);
      }}
      onToggle={picks ? (position, range) => picks.pick(position, range, pages) : undefined}
      onAll={picks ? onAll : undefined}
      onSight={(first, end) => pages.needAll([[first, end]])}
      row={(position) => {
        const row = pages.row(position);
        const selected = position === chosen;
        if (!row) return pending();
        return {
          className: selected ? "rt-on" : "",
          selected,
          cells: (
            <>
              {picks && <Check row={row} picks={picks} />}
              {columns.map(({ id, brief }) => (
                <span key={id} role="gridcell" class={`rt-col-${id}${id === "message" ? " rt-message" : ""}`} title={id === "message" || id === "code" ? row[id] : undefined}>
                  {cells[id]?.(row, brief)}
                </span>
              ))}
            </>
          ),
        };
      }}
    />
  );
}

const cells: Record<string, (row: Finding, brief?: boolean) => ComponentChildren> = {
  severity: (row) => <SeverityShape severity={row.severity} />,
  code: (row) => row.code,
  conversation: (row) => place(row),
  turn: (row) => row.turn ?? "",
  role: (row) => row.role ?? "",
  decision: (row, brief = false) => <DecisionMark decision={row.decision} brief={brief} />,
  line: (row) => (row.line === null ? "" : number(row.line)),
  message: (row) => row.message,
};
