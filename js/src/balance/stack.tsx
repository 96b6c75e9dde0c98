import type { Stack, StackMark } from "../lib/protocol.ts";
import { CHARACTER, labelRoom } from "./labels.ts";
import { Marks, toneClass, type MarksProps } from "./marks.tsx";
import { RowLabel } from "./row-label.tsx";

const LINE = 26;
const FOOT = 18;

/** Rows of one length, each parted by shares; what a colour means stands above. */
export function StackDrawing({ chart, width, ...marks }: { chart: Stack; width: number } & MarksProps) {
  const left = labelRoom(chart.rows, width);
  const wide = Math.max(8, width - left - 14);
  const x = (at: number) => left + at * wide;
  const foot = chart.rows.length * LINE;
  const size = (mark: StackMark) => Math.max(0, (mark.x1 - mark.x0) * wide - 1);
  return (
    <>
      <ul class="rt-legend" aria-hidden="true">
        {chart.legend.map(([label, tone]) => (
          <li key={label} class={toneClass(tone)}>
            {label}
          </li>
        ))}
      </ul>
      <svg width={width} height={foot + FOOT} role="group" aria-label={chart.title}>
        <g class="rt-axis" aria-hidden="true">
          {chart.x.ticks.map(([at, label]) => (
            <text key={at} x={x(at)} y={foot + 14} text-anchor={at === 0 ? "start" : at === 1 ? "end" : "middle"}>
              {label}
            </text>
          ))}
        </g>
        <Marks
          {...marks}
          place={(mark) => {
            const part = mark as StackMark;
            return { x: x((part.x0 + part.x1) / 2), y: part.row * LINE + 3 };
          }}
          draw={(mark) => {
            const part = mark as StackMark;
            return (
              <>
                <rect class="rt-hit" x={x(part.x0)} y={part.row * LINE} width={size(part)} height={LINE} />
                <rect class="rt-ink" x={x(part.x0) + 0.5} y={part.row * LINE + 4} width={size(part)} height={LINE - 8} />
              </>
            );
          }}
        />
        <g class="rt-names" aria-hidden="true">
          {chart.rows.map((row, at) => (
            <RowLabel key={at} text={row} x={left - 8} y={at * LINE + LINE / 2 + 4} />
          ))}
          {chart.marks.map((part, at) => {
            const share = part.text.split(",")[0]!;
            return size(part) > share.length * CHARACTER + 8 ? (
              <text key={at} class="rt-on-ink" x={x((part.x0 + part.x1) / 2)} y={part.row * LINE + LINE / 2 + 4} text-anchor="middle">
                {share}
              </text>
            ) : null;
          })}
        </g>
      </svg>
    </>
  );
}
