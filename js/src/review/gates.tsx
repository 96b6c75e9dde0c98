import type { GatesState } from "../lib/protocol.ts";

/** Limits that the dataset was measured against, folded; one that did not pass says why and opens what is behind it. */
export function Gates({ gates, onQuery }: { gates: GatesState; onQuery: (query: string) => void }) {
  return (
    <details class="rt-gates">
      <summary>
        <span aria-hidden="true">{gates.ok ? "✓" : "✗"}</span> {gates.says}
      </summary>
      <ul>
        {gates.results.map(({ ok, says, query }) => (
          <li key={says} class={ok ? "" : "rt-gate-failed"}>
            <span title={ok ? "passed" : "failed"}>{ok ? "✓" : "✗"}</span>{" "}
            {query ? (
              <button type="button" class="rt-link" onClick={() => onQuery(query)}>
                {says}
              </button>
            ) : (
              says
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
