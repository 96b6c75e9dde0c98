import type { Outcome, Preflight, PreflightTarget } from "../lib/protocol.ts";
import { number } from "../lib/text.ts";
import { OutcomeName } from "./outcome.tsx";
import { readQuery, writeQuery, type Asked } from "./query.ts";
import { useRoving } from "./roving.ts";

interface Props {
  preflight: Preflight;
  query: string;
  onQuery: (query: string) => void;
}

type Roving = ReturnType<typeof useRoving>;

/** Trainers by outcome: how many conversations each takes, alters, drops and refuses. */
export function TargetGrid({ preflight, query, onQuery }: Props) {
  const { targets, outcomes } = preflight;
  const asked = readQuery(query);
  const roving = useRoving(
    targets.flatMap((target, row) => [`${row},0`, ...outcomes.flatMap((outcome, at) => (target.counts[outcome] ? [`${row},${at + 1}`] : []))]),
  );
  return (
    <div
      class="rt-targets"
      role="grid"
      aria-label="trainers by outcome"
      aria-colcount={outcomes.length + 2}
      onFocusIn={roving.onFocusIn}
      onKeyDown={roving.onKeyDown}
    >
      <div role="row" class="rt-target rt-target-head">
        <span role="columnheader">trainer</span>
        {outcomes.map((outcome) => (
          <span key={outcome} role="columnheader" class="rt-number-cell">
            <OutcomeName outcome={outcome} />
          </span>
        ))}
        <span role="columnheader" class="rt-loss-cell">
          loss
        </span>
      </div>
      {targets.map((target, row) => (
        <TargetRow key={target.name} target={target} row={row} outcomes={outcomes} asked={asked} roving={roving} onQuery={onQuery} />
      ))}
    </div>
  );
}

interface RowProps {
  target: PreflightTarget;
  row: number;
  outcomes: Outcome[];
  asked: Asked;
  roving: Roving;
  onQuery: (query: string) => void;
}

function TargetRow({ target, row, outcomes, asked, roving, onQuery }: RowProps) {
  const { name, title } = target;
  const own = asked.target === name;
  return (
    <>
      <div role="row" class={`rt-target${own ? " rt-on" : ""}`}>
        <span role="rowheader" class="rt-target-name">
          <button
            type="button"
            class="rt-link"
            aria-pressed={own}
            title={`What ${title} does not simply take`}
            {...roving.at(row)}
            onClick={() => onQuery(writeQuery({ target: name }))}
          >
            {title}
          </button>{" "}
          <span class="rt-facts">{target.version}</span>
          {target.basis === "documentation" && <span class="rt-basis">from documentation</span>}
        </span>
        {outcomes.map((outcome, at) => {
          const count = target.counts[outcome] ?? 0;
          const chosen = own && asked.outcome === outcome;
          return (
            <span key={outcome} role="gridcell" class="rt-number-cell">
              {count === 0 ? (
                <span class="rt-none">0</span>
              ) : (
                <button
                  type="button"
                  class="rt-verdict"
                  aria-pressed={chosen}
                  aria-label={`${number(count)} ${outcome} by ${title}`}
                  {...roving.at(row, at + 1)}
                  onClick={() => onQuery(writeQuery({ target: name, outcome: chosen ? null : outcome }))}
                >
                  {number(count)}
                </button>
              )}
            </span>
          );
        })}
        <span role="gridcell" class="rt-loss-cell">
          {target.trained || (target.refused ? "" : "which tokens it trains on is not said")}
        </span>
      </div>
      {target.refused && (
        <div role="row" class="rt-target-refused">
          <span role="gridcell" aria-colspan={outcomes.length + 2}>
            <OutcomeName outcome="refused" quiet /> Refuses the file as a whole: {target.refused}
          </span>
        </div>
      )}
    </>
  );
}
