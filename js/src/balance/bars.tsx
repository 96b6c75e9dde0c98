import type { BarMark, Bars } from "../lib/protocol.ts";
import { clamp } from "../lib/window.ts";
import { Marks, type MarksProps } from "./marks.tsx";

const LINE = 22;
const CHARACTER = 6.6;

export const barsHeight = (chart: Bars) => chart.marks.length * LINE + 20;

function shortened(label: string, room: number): string {
  const letters = Array.from(label);
  const fits = Math.max(3, Math.floor(room / CHARACTER));
  return letters.length <= fits ? label : `${letters.slice(0, fits - 1).join("").trimEnd()}…`;
}

/** Bars to the right from zero, each with its name before and its number behind. */
export function BarsDrawing({ chart, width, ...marks }: { chart: Bars; width: number } & MarksProps) {
  const height = barsHeight(chart);
  const longest = Math.max(...chart.marks.map((mark) => mark.label.length), 1) * CHARACTER;
  const label = clamp(longest + 8, 36, width * 0.4);
  const behind = Math.min(width * 0.34, Math.max(...chart.marks.map((mark) => mark.text.length), 1) * CHARACTER + 10);
  const wide = Math.max(8, width - label - behind);
  const foot = height - 20;
  return (
    <svg width={width} height={height} role="group" aria-label={chart.title}>
      <g class="rt-axis" aria-hidden="true">
        <line class="rt-zero" x1={label + 0.5} x2={label + 0.5} y1={0} y2={foot} />
        <text class="rt-axis-label" x={label} y={height - 5}>
          {chart.x.label}
        </text>
      </g>
      <Marks
        {...marks}
        place={(mark, at) => ({ x: label + Math.min(0.5, (mark as BarMark).length / 2) * wide, y: at * LINE + 2 })}
        draw={(mark, at) => {
          const bar = mark as BarMark;
          const long = bar.value > 0 ? Math.max(1.5, bar.length * wide) : 0;
          return (
            <>
              <rect class="rt-hit" x={0} y={at * LINE} width={width} height={LINE} />
              <text class="rt-bar-label" x={label - 8} y={at * LINE + 15} text-anchor="end">
                <title>{bar.label}</title>
                {shortened(bar.label, label - 8)}
              </text>
              <rect class="rt-ink" x={label + 1} y={at * LINE + 4} width={long} height={LINE - 8} />
              <text class="rt-bar-value" x={label + long + 7} y={at * LINE + 15}>
                {bar.text}
              </text>
            </>
          );
        }}
      />
    </svg>
  );
}
