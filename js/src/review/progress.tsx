import { hasTerms, terms, withoutTerms } from "../lib/query.ts";
import { number } from "../lib/text.ts";
import { queueOf } from "./acts.ts";
import { decisions, type Decision, type PanelStatus } from "./protocol.ts";

interface Props {
  status: PanelStatus;
  query: string;
  /** Whether there is a kernel that could answer another query. */
  can: boolean;
  onQuery: (query: string) => void;
}

const isDecision = (term: string) => term.startsWith("decision:");
const isSample = (term: string) => term.startsWith("sample:");

/** How much is reviewed, and which part of the dataset is the queue. */
export function Progress({ status, query, can, onQuery }: Props) {
  const { decided, conversations } = status;
  const done = decisions.reduce((sum, { as }) => sum + decided[as], 0);
  const set = (drop: (term: string) => boolean, term = "") => onQuery([withoutTerms(query, drop), term].filter(Boolean).join(" "));
  const only = (as: Decision) => set(isDecision, hasTerms(query, `decision:${as}`) ? "" : `decision:${as}`);
  return (
    <div class="rt-progress">
      <span class="rt-progress-bar" role="img" aria-label={`${number(done)} of ${number(conversations)} reviewed`}>
        {decisions.map(({ as }) => decided[as] > 0 && <span key={as} class={`rt-part-${as}`} style={{ flexGrow: decided[as] }} />)}
        <span style={{ flexGrow: Math.max(0, conversations - done) }} />
      </span>
      <span class="rt-progress-text">
        <b>{number(done)}</b> of {number(conversations)} reviewed
      </span>
      <span class="rt-tallies" role="group" aria-label="decisions">
        {decisions.map(
          ({ as, sign }) =>
            (decided[as] > 0 || hasTerms(query, `decision:${as}`)) && (
              <button key={as} type="button" class={`rt-link rt-is-${as}`} aria-pressed={hasTerms(query, `decision:${as}`)} title={`Show only: ${as}`} disabled={!can} onClick={() => only(as)}>
                <span aria-hidden="true">{sign}</span> {number(decided[as])} {as}
              </button>
            ),
        )}
      </span>
      {can && <Queue query={query} onSet={set} />}
    </div>
  );
}

/** Which conversations are to be read: the undecided or all, and whether a sample of them. */
function Queue({ query, onSet }: { query: string; onSet: (drop: (term: string) => boolean, term?: string) => void }) {
  const queue = queueOf(query);
  const sample = terms(query).find(isSample)?.slice(7) ?? "";
  return (
    <>
      <span class="rt-switch" role="group" aria-label="queue">
        <button type="button" aria-pressed={queue === "undecided"} onClick={() => onSet(isDecision, "decision:none")}>
          Undecided
        </button>
        <button type="button" aria-pressed={queue === "all"} onClick={() => onSet(isDecision)}>
          All
        </button>
      </span>
      <label class="rt-sample" title="A sample drawn at random, always the same for a number">
        Sample{" "}
        <input
          key={sample}
          type="number"
          min={1}
          inputMode="numeric"
          placeholder="all"
          // A seed in the query stays as long as the number does.
          defaultValue={sample.split("@")[0] ?? ""}
          onChange={(event) => {
            const { value } = event.currentTarget;
            onSet(isSample, Number(value) >= 1 ? `sample:${Math.floor(Number(value))}` : "");
          }}
        />
      </label>
    </>
  );
}
