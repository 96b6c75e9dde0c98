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

/** A turn's text, cut into segments, with an underline for what was found in it. */
export function MarkedText({ segments, issues, selected, literal, describedBy }: Props) {
  return (
    <>
      {segments.map(([text, positions], at) => {
        const found = positions.flatMap((position) => issues[position] ?? []);
        const shown = literal || (found.length > 0 && isInvisible(text)) ? <LiteralText text={text} /> : text;
        if (found.length === 0) return shown;
        return (
          <mark
            key={at}
            class={`rt-mark rt-${worst(found)}${found.some((issue) => issue.n === selected) ? " rt-on" : ""}`}
            role="button"
            tabIndex={0}
            data-found={found.map((issue) => issue.n).join(" ")}
            aria-describedby={describedBy}
          >
            {shown}
          </mark>
        );
      })}
    </>
  );
}
