import type { Multiples, PanelMark } from "../lib/protocol.ts";
import { HistogramDrawing } from "./histogram.tsx";
import type { MarksProps } from "./marks.tsx";

const LAST = 118;
const OTHER = 92;

/** Small histograms on the same axes, one below the other; the scale stands below the last. */
export function MultiplesDrawing({ chart, width, marks, ...rest }: { chart: Multiples; width: number } & MarksProps) {
  const { panels, x, y, title, id, subtitle } = chart;
  return (
    <>
      {panels.map(({ label, rules }, panel) => {
        const last = panel === panels.length - 1;
        const own = (marks as PanelMark[]).filter((mark) => mark.panel === panel);
        return (
          <div key={label} class="rt-panel">
            <span class="rt-panel-name" dir="auto">
              {label}
            </span>
            <HistogramDrawing
              chart={{ kind: "histogram", id, subtitle, title: `${title}: ${label}`, x, y, rules, marks: own }}
              marks={own}
              width={width}
              height={last ? LAST : OTHER}
              footless={!last}
              {...rest}
            />
          </div>
        );
      })}
    </>
  );
}
