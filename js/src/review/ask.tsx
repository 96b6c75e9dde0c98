import { useEffect, useRef } from "preact/hooks";
import { LiteralText } from "../lib/literal.tsx";
import type { Question } from "./acts.ts";

/** A repair that could harm, as a diff, before it is made. */
export function Ask({ question, onAnswer }: { question: Question; onAnswer: (yes: boolean) => void }) {
  const yes = useRef<HTMLButtonElement>(null);
  useEffect(() => yes.current?.focus({ preventScroll: true }), []);
  const signs: Record<string, string> = { "-": "−", "+": "+" };
  return (
    <div class="rt-veil" onClick={(event) => event.target === event.currentTarget && onAnswer(false)}>
      <div
        class="rt-help rt-ask"
        role="dialog"
        aria-modal="true"
        aria-label="This repair may change the meaning"
        onKeyDown={(event) => {
          const buttons = [...event.currentTarget.querySelectorAll("button")];
          if (event.key === "Tab") buttons[(buttons.indexOf(event.target as HTMLButtonElement) + 1) % buttons.length]?.focus();
          else if (event.key === "Escape") onAnswer(false);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      >
        <header>
          <b>This repair may change the meaning</b>
        </header>
        <div class="rt-ask-diff">
          {question.plan.lines.map(([kind, text], at) => (
            <div key={at} class={`rt-diff-line ${kind === "-" ? "rt-diff-before" : kind === "+" ? "rt-diff-after" : "rt-facts"}`}>
              {signs[kind] && <span>{signs[kind]}</span>}
              <span class="rt-diff-text" dir="auto">
                <LiteralText text={text} />
              </span>
            </div>
          ))}
        </div>
        <footer>
          <button type="button" onClick={() => onAnswer(false)}>
            Cancel <kbd>Esc</kbd>
          </button>
          <button ref={yes} type="button" class="rt-do" onClick={() => onAnswer(true)}>
            Repair <kbd>Enter</kbd>
          </button>
        </footer>
      </div>
    </div>
  );
}
