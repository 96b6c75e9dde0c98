import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { focusList } from "../lib/grid.tsx";
import { useKernel, useOwned, useStore, useTrait } from "../lib/hooks.ts";
import type { Host } from "../lib/host.ts";
import { onKeys } from "../lib/keys.ts";
import { Pages } from "../lib/pages.ts";
import { readJson, readSelection, writeSelection, type Finding, type FindingsPage, type IssuesState } from "../lib/protocol.ts";
import { Live, Notices } from "../lib/status.tsx";
import { Filters, useCodes } from "./filters.tsx";
import { countText, IssuePanel } from "./panel.tsx";
import { ReviewSource } from "./review-source.ts";

export function IssuesApp({ host }: { host: Host }) {
  const stateText = useTrait(host, "state");
  const selectionText = useTrait(host, "selection");
  const query = useTrait(host, "filters");
  const changes = useTrait(host, "changes");
  const error = useTrait(host, "error");
  const kernel = useKernel(host);
  const state = useMemo(() => readJson<IssuesState>(stateText), [stateText]);
  const selection = useMemo(() => readSelection(selectionText), [selectionText]);
  const frame = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const pages = useStore(
    useOwned(
      () =>
        new Pages<Finding, FindingsPage>("findings", { query, sort: state.findings?.sort ?? "group", descending: false }, (args, purpose) =>
          host.request("findings", args, purpose),
        ),
    ),
  );
  const review = useStore(useOwned(() => new ReviewSource(host)));
  const live = kernel === "none" ? undefined : review;
  const drawn = useRef(changes);
  useEffect(() => {
    if (drawn.current !== changes) pages.refresh();
    drawn.current = changes;
  }, [changes]);
  useLayoutEffect(() => {
    if (state.findings) pages.seed(state.findings);
    else pages.retry();
  }, [state]);
  useEffect(() => pages.order({ ...pages.wanted, query }), [query]);
  const codes = useCodes(state.findings, pages.head);
  const head = pages.head;

  return (
    <div ref={frame} tabIndex={-1} class="rt-frame rt-issues-frame" onKeyDown={onKeys({ "/": () => search.current?.focus() })}>
      <Notices error={error} kernel={kernel} failure={pages.failure} onRetry={() => pages.retry()} />
      <Filters
        query={query}
        head={head}
        roles={state.roles ?? []}
        codes={codes}
        search={search}
        review={live}
        onQuery={(next) => host.set("filters", next)}
        onLeave={() => focusList(frame.current)}
      />
      <IssuePanel
        pages={pages}
        selection={selection}
        review={live}
        empty={state.empty || "No findings."}
        onSelect={({ key, turn, n }) => host.set("selection", writeSelection({ key, turn, n }))}
      />
      <Live text={head && !pages.stale ? countText(head.matched, head.total) : ""} />
    </div>
  );
}
