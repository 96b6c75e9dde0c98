import type { PreflightTarget } from "../lib/protocol.ts";
import { number, plural } from "../lib/text.ts";
import { OutcomeName } from "./outcome.tsx";
import { readQuery, sizeOf, writeQuery } from "./query.ts";
import { useRoving } from "./roving.ts";

interface Props {
  target: PreflightTarget;
  query: string;
  onQuery: (query: string) => void;
}

/** Why conversations are not simply taken by one trainer. */
export function Reasons({ target, query, onQuery }: Props) {
  const { name, title, reasons } = target;
  const asked = readQuery(query);
  const roving = useRoving(reasons.map((_, row) => `${row},0`));
  return (
    <section class="rt-reasons" aria-label={`reasons, ${title}`}>
      <h3 class="rt-about">
        <span>{title}: why</span> <span class="rt-count">{plural(reasons.length, "reason")}</span>
      </h3>
      {reasons.length === 0 ? (
        <p class="rt-part-empty">{sizeOf(target) === 0 ? "No conversations." : "Every conversation is taken as it is."}</p>
      ) : (
        <ul onFocusIn={roving.onFocusIn} onKeyDown={roving.onKeyDown}>
          {reasons.map(({ code, outcome, count, says }, row) => {
            const chosen = asked.target === name && asked.reason === code;
            return (
              <li key={`${code} ${outcome}`}>
                <button
                  type="button"
                  class="rt-reason"
                  aria-pressed={chosen}
                  {...roving.at(row)}
                  onClick={() => onQuery(writeQuery({ target: name, reason: chosen ? null : code }))}
                >
                  <OutcomeName outcome={outcome} />
                  <code>{code}</code>
                  <span class="rt-number-cell">{number(count)}</span>
                  <span class="rt-says" dir="auto">
                    {says}
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
