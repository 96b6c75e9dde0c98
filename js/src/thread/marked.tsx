import type { Issue, Segment, Severity } from "../lib/protocol.ts";
import { severities } from "../lib/status.tsx";
import { isInvisible, literal } from "../lib/text.ts";

export function worst(issues: Issue[]): Severity {
  return severities.find((severity) => issues.some((issue) => issue.severity === severity)) ?? "info";
}

/** Text with signs for what cannot be seen. A sign drawn over a blank takes no room, so the lines do not move. */
export function LiteralText({ text }: { text: string }) {
  return (
    <>
      {literal(text).map((piece) =>
        typeof piece === "string" ? (
          piece
        ) : (
          <>
            <i class={piece.over ? "rt-sign" : "rt-sign rt-sign-code"}>{piece.sign}</i>
            {piece.character}
          </>
        ),
      )}
    </>
  );
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
