import { LiteralText } from "../lib/literal.tsx";
import type { Issue, Segment, Severity } from "../lib/protocol.ts";
import { severities } from "../lib/status.tsx";
import { isInvisible } from "../lib/text.ts";

export function worst(issues: Issue[]): Severity {
  return severities.find((severity) => issues.some((issue) => issue.severity === severity)) ?? "info";
}

interface Props {
  segments: Segment[];
  issues: Issue[];
  selected: number | null;
  literal: boolean;
  describedBy: string;
}

/** A turn's text, cut into segments, with an underline for what was found in it, and a number where that is several things. */
export function MarkedText({ segments, issues, selected, literal, describedBy }: Props) {
  return (
    <>
      {segments.map(([text, positions], at) => {
        const found = positions.flatMap((position) => issues[position] ?? []);
        const unseen = found.length > 0 && isInvisible(text);
        const shown = literal || unseen ? <LiteralText text={text} /> : text;
        if (found.length === 0) return shown;
        return (
          <mark
            key={at}
            class={`rt-mark rt-${worst(found)}${found.some((issue) => issue.n === selected) ? " rt-on" : ""}`}
            role="button"
            tabIndex={0}
            data-found={found.map((issue) => issue.n).join(" ")}
            data-several={found.length > 1 ? found.length : undefined}
            aria-label={unseen ? "blank" : undefined}
            aria-describedby={describedBy}
          >
            {shown}
          </mark>
        );
      })}
    </>
  );
}
