import type { Histogram, HistogramMark } from "../lib/protocol.ts";
import { Marks, type MarksProps } from "./marks.tsx";

const FOOT = 34;
const CHARACTER = 6.2;

interface Props extends MarksProps {
  chart: Histogram;
  width: number;
  height: number;
  /** The scale stands below another one. */
  footless?: boolean;
}

/** Bars upward from zero over a scale of numbers. */
export function HistogramDrawing({ chart, width, height, footless = false, ...marks }: Props) {
  const foot = footless ? 8 : FOOT;
  const left = Math.min(60, Math.max(...chart.y.ticks.map(([, label]) => label.length), 1) * CHARACTER + 8);
  const top = chart.rules?.length ? 18 : 8;
  const right = 10;
  const wide = Math.max(1, width - left - right);
  const tall = Math.max(1, height - top - foot);
  const x = (at: number) => left + at * wide;
  const y = (at: number) => top + (1 - at) * tall;
  const labelled = apart(chart.rules ?? [], wide);
  return (
    <svg width={width} height={height} role="group" aria-label={chart.title}>
      <g class="rt-axis" aria-hidden="true">
        {chart.y.ticks.map(([at, label]) => (
          <g key={at}>
            <line x1={left} x2={x(1)} y1={y(at) + 0.5} y2={y(at) + 0.5} class={at === 0 ? "rt-zero" : "rt-gridline"} />
            <text x={left - 6} y={y(at) + 4} text-anchor="end">
              {label}
            </text>
          </g>
        ))}
        {!footless && spaced(chart.x.ticks, wide).map(([at, label]) => (
          <text key={`${at} ${label}`} x={x(at)} y={y(0) + 15} text-anchor={at <= 0.02 ? "start" : at >= 0.98 ? "end" : "middle"}>
            {label}
          </text>
        ))}
        {!footless && (
          <text class="rt-axis-label" x={x(1)} y={height - 4} text-anchor="end">
            {chart.x.label}
          </text>
        )}
      </g>
      <Marks
        {...marks}
        place={(mark) => {
          const bar = mark as HistogramMark;
          return { x: x((bar.x0 + bar.x1) / 2), y: y(bar.height) };
        }}
        draw={(mark) => {
          const bar = mark as HistogramMark;
          const from = x(bar.x0);
          const broad = Math.max(1, x(bar.x1) - from - (wide * (bar.x1 - bar.x0) > 4 ? 1.5 : 0));
          const high = bar.value > 0 ? Math.max(1.5, bar.height * tall) : 0;
          return (
            <>
              <rect class="rt-hit" x={from} y={top} width={broad} height={tall} />
              <rect class="rt-ink" x={from} y={y(0) - high} width={broad} height={high} />
            </>
          );
        }}
      />
      <g class="rt-rules" aria-hidden="true">
        {chart.rules?.map((rule) => [rule, x(rule[0])] as const).map(([rule, at]) => (
          <line key={rule[1]} class={labelled.some(([own]) => own === rule[0]) ? "" : "rt-faint"} x1={at} x2={at} y1={top - 4} y2={y(0)} />
        ))}
        {labelled.map(([at, label]) => {
          const size = label.length * CHARACTER;
          return (
            <text key={label} x={at > 0.6 ? Math.max(x(at) - 4, left + size) : Math.min(x(at) + 4, x(1) - size)} y={top - 6} text-anchor={at > 0.6 ? "end" : "start"}>
              {label}
            </text>
          );
        })}
      </g>
    </svg>
  );
}

/** Ticks whose labels do not run into each other. */
function spaced(ticks: [number, string][], wide: number): [number, string][] {
  let free = -Infinity;
  return ticks.filter(([at, label]) => {
    const size = label.length * CHARACTER + 8;
    const from = at * wide - (at <= 0.02 ? 0 : at >= 0.98 ? size : size / 2);
    if (from < free) return false;
    free = from + size;
    return true;
  });
}

/** Labels of lines, in one beside the middle line where they would run into each other. */
function apart(rules: [number, string][], wide: number): [number, string][] {
  let free = -Infinity;
  const clear = rules.every(([at, label]) => {
    const size = label.length * CHARACTER + 8;
    const from = at * wide - (at > 0.6 ? size : 0);
    const fits = from >= free;
    free = from + size;
    return fits;
  });
  return clear ? rules : [[rules[rules.length >> 1]![0], rules.map(([, label]) => label).join(" · ")]];
}
