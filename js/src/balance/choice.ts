import type { Chart } from "../lib/protocol.ts";
import { hasTerms, terms, toggleTerms, withoutTerms } from "../lib/query.ts";

export function filtersOf(charts: Chart[]): string[] {
  return charts.flatMap((chart) => chart.marks.flatMap((mark) => mark.filter || []));
}

export function isChosen(query: string, filter: string | null | undefined): boolean {
  return Boolean(filter) && hasTerms(query, filter ?? "");
}

/** The query after a mark was chosen or let go; terms that another chosen mark shares with it stay. */
export function chooseMark(query: string, filter: string, charts: Chart[]): string {
  return toggleTerms(query, filter, filtersOf(charts));
}

/**
 * The query that a chart is drawn for: without the terms of its own chosen marks, so that a chosen bar stays among the others
 * instead of being the only one left.
 */
export function queryBehind(query: string, chart: Chart): string {
  const own = new Set(
    filtersOf([chart])
      .filter((filter) => isChosen(query, filter))
      .flatMap(terms),
  );
  return withoutTerms(query, (term) => own.has(term));
}
