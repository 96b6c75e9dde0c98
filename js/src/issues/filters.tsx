import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Menu } from "../lib/menu.tsx";
import type { Facet, FindingGroup, FindingsPage } from "../lib/protocol.ts";
import { hasTerms, toggleTerms, valuesOf } from "../lib/query.ts";
import { severities, severityName, SeverityShape } from "../lib/status.tsx";
import { number } from "../lib/text.ts";
import { useFacets } from "./facets.ts";
import type { ReviewSource } from "./review-source.ts";
import { SavedQueries } from "./saved.tsx";

const SETTLE = 150;

interface Props {
  query: string;
  head: FindingsPage | null;
  roles: string[];
  /** The codes that the dataset has, whatever the query lets through. */
  codes: FindingGroup[];
  search: RefObject<HTMLInputElement | null>;
  /** With it the menus count, and queries can be kept. Whoever passes it draws again when it changes (`useStore`). */
  review?: ReviewSource | undefined;
  onQuery: (query: string) => void;
  onLeave: () => void;
}

/** The query as text, and the switches that write its terms. */
export function Filters({ query, head, roles, codes, search, review, onQuery, onLeave }: Props) {
  const [draft, setDraft] = useState(query);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    // A query from elsewhere replaces the text, unless it only repeats what is being typed.
    setDraft((old) => (old.trim() === query.trim() ? old : query));
  }, [query]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const now = (next: string) => {
    clearTimeout(timer.current);
    setDraft(next);
    onQuery(next);
  };
  const toggle = (term: string) => now(toggleTerms(draft.trim(), term));
  const type = (text: string) => {
    setDraft(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onQuery(text.trim()), SETTLE);
  };

  const facets = useFacets(review, query);
  const choices = (name: Facet, known: Iterable<readonly [string, number]>) => {
    const counts = new Map<string, number>(facets ? facets[name] : known);
    for (const value of valuesOf(query, name)) if (!counts.has(value)) counts.set(value, 0);
    return [...counts].map(([value, count]) => ({
      value: `${name}:${value}`,
      label: value,
      ...(count > 0 ? { detail: number(count) } : {}),
      on: hasTerms(query, `${name}:${value}`),
    }));
  };
  const roleChoices = useMemo(() => choices("role", roles.map((role) => [role, 0])), [roles, query, facets]);
  const codeChoices = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { code, count } of codes) counts.set(code, (counts.get(code) ?? 0) + count);
    return choices("code", counts);
  }, [codes, query, facets]);
  const decisionChoices = useMemo(() => choices("decision", []), [query, facets]);

  return (
    <div class="rt-filters" role="search" aria-label="findings">
      <div class="rt-chips" role="group" aria-label="severity">
        {severities.map((severity) => {
          const count = head?.severities[severity];
          return (
            <button
              key={severity}
              type="button"
              class={`rt-chip rt-chip-${severity}`}
              aria-pressed={hasTerms(query, `severity:${severity}`)}
              onClick={() => toggle(`severity:${severity}`)}
            >
              <SeverityShape severity={severity} quiet /> {count === undefined ? "" : number(count)} {severityName(severity, count ?? 2)}
            </button>
          );
        })}
      </div>
      <input
        ref={search}
        class="rt-search"
        type="search"
        value={draft}
        placeholder='Search, for example code:leak role:assistant "castle"'
        aria-label="Query"
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") now(draft.trim());
          if (event.key === "Escape") {
            event.preventDefault();
            onLeave();
          }
        }}
      />
      <Menu label="Role" choices={roleChoices} onToggle={toggle} />
      <Menu label="Code" choices={codeChoices} onToggle={toggle} />
      {review && <Menu label="Decision" choices={decisionChoices} onToggle={toggle} />}
      {review && <SavedQueries query={query} review={review} onQuery={now} />}
      <button
        type="button"
        aria-disabled={draft.trim() === ""}
        onClick={() => {
          now("");
          search.current?.focus({ preventScroll: true });
        }}
      >
        Clear
      </button>
    </div>
  );
}

/** Every code seen so far with its count in the whole dataset, or in what the query let through where that is unknown. */
export function useCodes(seed: FindingsPage | undefined, head: FindingsPage | null): FindingGroup[] {
  const known = useRef(new Map<string, FindingGroup>());
  return useMemo(() => {
    for (const page of [seed, head]) {
      for (const group of page?.groups ?? []) {
        const id = `${group.severity} ${group.code}`;
        const old = known.current.get(id);
        if (!old || old.count < group.count) known.current.set(id, group);
      }
    }
    return [...known.current.values()];
  }, [seed, head]);
}
