import type { PhraseLine, Phrases } from "../lib/protocol.ts";
import { isChosen } from "./choice.ts";

interface Props {
  chart: Phrases;
  query: string;
  compact: boolean;
  onChoose: (filter: string) => void;
  onOpen?: ((line: PhraseLine) => void) | undefined;
}

/** Phrases by how often they stand there, each with places where it does. */
export function PhraseList({ chart, query, compact, onChoose, onOpen }: Props) {
  return (
    <ol class="rt-phrases" tabIndex={0} aria-label={chart.title}>
      {chart.marks.map((mark, at) => {
        const { filter } = mark;
        const chosen = isChosen(query, filter);
        return (
          <li key={at} class={chosen ? "rt-chosen" : ""}>
            <div class="rt-phrase">
              {filter ? (
                <button type="button" class="rt-link" dir="auto" aria-pressed={chosen} onClick={() => onChoose(filter)}>
                  {mark.label}
                </button>
              ) : (
                <span dir="auto">{mark.label}</span>
              )}
              <span class="rt-phrase-count">{mark.text}</span>
            </div>
            <div class="rt-phrase-bar" style={{ width: `${mark.length * 100}%` }} />
            {!compact && mark.lines.map((line, place) => <Context key={place} line={line} onOpen={onOpen} />)}
          </li>
        );
      })}
    </ol>
  );
}

function Context({ line, onOpen }: { line: PhraseLine; onOpen?: ((line: PhraseLine) => void) | undefined }) {
  const words = (
    <>
      {line.before}
      <mark>{line.phrase}</mark>
      {line.after}
    </>
  );
  return onOpen ? (
    <button type="button" class="rt-context" dir="auto" onClick={() => onOpen(line)}>
      {words}
    </button>
  ) : (
    <p class="rt-context" dir="auto">
      {words}
    </p>
  );
}
