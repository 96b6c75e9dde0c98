import type { BarMark, Bars, Phrases } from "../lib/protocol.ts";
import { isChosen } from "./choice.ts";
import { CHARACTER, labelRoom } from "./labels.ts";
import { Marks, type MarksProps } from "./marks.tsx";
import { RowLabel } from "./row-label.tsx";

/** Bars to the right from zero, each with its name before and its number behind. */
export function BarsDrawing({ chart, width, compact, ...marks }: { chart: Bars | Phrases; width: number; compact: boolean } & MarksProps) {
  const line = compact ? 20 : 22;
  const height = chart.marks.length * line + (compact ? 2 : 20);
  const label = labelRoom(chart.marks.map((mark) => mark.label), width);
  const behind = Math.min(width * 0.34, Math.max(...chart.marks.map((mark) => mark.text.length), 1) * CHARACTER + 10);
  const wide = Math.max(8, width - label - behind);
  const long = (bar: BarMark) => (bar.value > 0 ? Math.max(1.5, bar.length * wide) : 0);
  const foot = chart.marks.length * line;
  return (
    <svg width={width} height={height} role="group" aria-label={chart.title}>
      <g class="rt-axis" aria-hidden="true">
        <line class="rt-zero" x1={label + 0.5} x2={label + 0.5} y1={0} y2={foot} />
        {!compact && (
          <text class="rt-axis-label" x={label} y={height - 5}>
            {chart.x.label}
          </text>
        )}
      </g>
      <Marks
        {...marks}
        place={(mark, at) => ({ x: label + Math.min(0.5, (mark as BarMark).length / 2) * wide, y: at * line + 2 })}
        draw={(mark, at) => (
          <>
            <rect class="rt-hit" x={0} y={at * line} width={width} height={line} />
            <rect class="rt-ink" x={label + 1} y={at * line + (compact ? 3 : 4)} width={long(mark as BarMark)} height={line - (compact ? 6 : 8)} />
          </>
        )}
      />
      {/* Beside the marks, which carry names of their own for a screen reader. */}
      <g class="rt-names" aria-hidden="true">
        {chart.marks.map((bar, at) => (
          <g key={at} class={isChosen(marks.query, bar.filter) ? "rt-chosen" : ""}>
            <RowLabel text={bar.label} x={label - 8} y={at * line + line / 2 + 4} />
            <text class="rt-bar-value" x={label + long(bar) + 7} y={at * line + line / 2 + 4}>
              {bar.text}
            </text>
          </g>
        ))}
      </g>
    </svg>
  );
}
