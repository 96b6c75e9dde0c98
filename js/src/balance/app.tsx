import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { intoClipboard } from "../lib/clipboard.ts";
import { useKernel, useOwned, useStore, useTrait } from "../lib/hooks.ts";
import type { Host } from "../lib/host.ts";
import { readJson, type BalanceState } from "../lib/protocol.ts";
import { Live, Notices } from "../lib/status.tsx";
import { filtersOf, isChosen } from "./choice.ts";
import { ChartSource } from "./source.ts";
import { BalanceView } from "./view.tsx";

/** The choice as a line of Python that finds the same conversations again. */
function CopyCode({ code }: { code: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => setSaid(""), [code]);
  const copy = async () => setSaid((await intoClipboard(code)) ? "Copied." : "The clipboard is closed.");
  return (
    <>
      <span role="status">{said}</span>
      <button type="button" title={code} onClick={() => void copy()}>
        Copy as Python
      </button>
    </>
  );
}

export function BalanceApp({ host }: { host: Host }) {
  const stateText = useTrait(host, "state");
  const query = useTrait(host, "filters");
  const error = useTrait(host, "error");
  const kernel = useKernel(host);
  const state = useMemo(() => readJson<BalanceState>(stateText), [stateText]);
  const source = useStore(useOwned(() => new ChartSource(host)));
  useLayoutEffect(() => source.seed(state.charts ?? [], query), [state]);
  useLayoutEffect(() => source.follow(query), [query]);
  const chosen = new Set(filtersOf(source.charts).filter((filter) => isChosen(query, filter))).size;
  return (
    <div tabIndex={-1} class="rt-frame rt-balance-frame">
      <Notices error={error} kernel={kernel} failure={source.failure} onRetry={() => source.retry()} />
      {query && (
        <p class="rt-query-line">
          <span>
            Filter: <code>{query}</code>
          </span>
          <span class="rt-query-tools">
            <CopyCode code={`ds.where(${JSON.stringify(query)})`} />
            <button type="button" onClick={() => host.set("filters", "")}>
              Clear
            </button>
          </span>
        </p>
      )}
      <BalanceView
        charts={source.charts}
        query={query}
        empty={state.empty || "Nothing to count yet."}
        busy={source.busy}
        onQuery={(next) => host.set("filters", next)}
      />
      <Live text={chosen > 0 ? `${chosen} chosen, filter ${query}` : ""} />
    </div>
  );
}
