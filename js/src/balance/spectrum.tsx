import type { Spectrum, SpectrumMark } from "../lib/protocol.ts";
import { isChosen } from "./choice.ts";
import { labelRoom } from "./labels.ts";
import { Marks, type MarksProps } from "./marks.tsx";
import { RowLabel } from "./row-label.tsx";

const LINE = 22;
const HEAD = 18;
const FOOT = 18;

/** Rows between two ends: a point where the middle lies, a line over the middle half. */
export function SpectrumDrawing({ chart, width, ...marks }: { chart: Spectrum; width: number } & MarksProps) {
  const left = labelRoom(chart.marks.map((mark) => mark.label), width);
  const wide = Math.max(8, width - left - 16);
  const x = (at: number) => left + at * wide;
  const y = (row: number) => HEAD + row * LINE + LINE / 2;
  const foot = HEAD + chart.marks.length * LINE;
  return (
    <svg width={width} height={foot + FOOT} role="group" aria-label={chart.title}>
      <g class="rt-axis" aria-hidden="true">
        <text x={x(0)} y={11}>{`← ${chart.ends[0]}`}</text>
        <text x={x(1)} y={11} text-anchor="end">{`${chart.ends[1]} →`}</text>
        {chart.x.ticks.map(([at, label]) => (
          <g key={at}>
            <line class="rt-gridline" x1={x(at)} x2={x(at)} y1={HEAD} y2={foot} />
            <text x={x(at)} y={foot + 14} text-anchor={at === 0 ? "start" : at === 1 ? "end" : "middle"}>
              {label}
            </text>
          </g>
        ))}
      </g>
      <Marks
        {...marks}
        place={(mark, row) => ({ x: x((mark as SpectrumMark).at), y: y(row) - 6 })}
        draw={(mark, row) => {
          const { from, at, to } = mark as SpectrumMark;
          return (
            <>
              <rect class="rt-hit" x={0} y={y(row) - LINE / 2} width={width} height={LINE} />
              <rect class="rt-ink rt-reach" x={x(from)} y={y(row) - 1.5} width={Math.max(1, x(to) - x(from))} height={3} />
              <circle class="rt-ink" cx={x(at)} cy={y(row)} r={5} />
            </>
          );
        }}
      />
      <g class="rt-names" aria-hidden="true">
        {chart.marks.map((mark, row) => (
          <RowLabel key={row} text={mark.label} x={left - 8} y={y(row) + 4} chosen={isChosen(marks.query, mark.filter)} />
        ))}
      </g>
    </svg>
  );
}
