import type { Heat, HeatMark } from "../lib/protocol.ts";
import { CHARACTER, labelRoom, shortened } from "./labels.ts";
import { Marks, type MarksProps } from "./marks.tsx";
import { RowLabel } from "./row-label.tsx";

const LINE = 26;
/** Of the darkest cell: letters on it must still be read. */
const DARKEST = 0.42;

/** A table of two facets: the darker a cell, the larger its share. */
export function HeatDrawing({ chart, width, ...marks }: { chart: Heat; width: number } & MarksProps) {
  const left = labelRoom(chart.rows, width);
  const wide = Math.max(8, (width - left - 2) / Math.max(1, chart.columns.length));
  // Names of columns that have no room beside one another are slanted.
  const slanted = chart.columns.some((name) => name.length * CHARACTER > wide - 4);
  const head = slanted ? 74 : 22;
  const x = (column: number) => left + column * wide;
  const y = (row: number) => head + row * LINE;
  return (
    <svg width={width} height={y(chart.rows.length) + 4} role="group" aria-label={chart.title}>
      <g class="rt-axis" aria-hidden="true">
        {chart.columns.map((name, at) => {
          const middle = x(at) + wide / 2;
          return slanted ? (
            <text key={at} class="rt-bar-label" transform={`translate(${middle + 4} ${head - 6}) rotate(-45)`}>
              <title>{name}</title>
              {shortened(name, 90)}
            </text>
          ) : (
            <text key={at} class="rt-bar-label" x={middle} y={head - 7} text-anchor="middle">
              {name}
            </text>
          );
        })}
      </g>
      <Marks
        {...marks}
        columns={chart.columns.length}
        place={(mark) => {
          const cell = mark as HeatMark;
          return { x: x(cell.column) + wide / 2, y: y(cell.row) + 2 };
        }}
        draw={(mark) => {
          const cell = mark as HeatMark;
          return (
            <>
              <rect class="rt-hit" x={x(cell.column) + 1} y={y(cell.row) + 1} width={wide - 2} height={LINE - 2} />
              <rect class="rt-ink rt-cell" x={x(cell.column) + 1} y={y(cell.row) + 1} width={wide - 2} height={LINE - 2} style={{ fillOpacity: cell.depth * DARKEST }} />
              {wide > 34 && (
                <text class={cell.value > 0 ? "rt-bar-label" : ""} x={x(cell.column) + wide / 2} y={y(cell.row) + LINE / 2 + 4} text-anchor="middle">
                  {cell.text.split(",")[0]!.replace("under ", "<").replace("over ", ">")}
                </text>
              )}
            </>
          );
        }}
      />
      <g class="rt-names" aria-hidden="true">
        {chart.rows.map((row, at) => (
          <RowLabel key={at} text={row} x={left - 8} y={y(at) + LINE / 2 + 4} />
        ))}
      </g>
    </svg>
  );
}
